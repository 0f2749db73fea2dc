/*
 * page.h
 *	  Which rows of a resource's table a query string names, in what order.
 */
#ifndef UM_PAGE_H
#define UM_PAGE_H

#include "query.h"

extern UmFilter *um_add_where(UmStatement *statement, const UmQueryString *query,
							  UmVersion version);
extern bool um_add_range(UmStatement *statement, const UmQueryString *query,
						 const UmFilter *filter);
extern bool um_goes_on_after(const UmModel *model, const UmQueryString *query);
extern void um_add_page(UmStatement *statement, const UmQueryString *query);

#endif
