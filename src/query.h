/*
 * query.h
 *	  What a query string asks of a resource, as a tree of conditions.
 */
#ifndef UM_QUERY_H
#define UM_QUERY_H

#include "filter.h"

extern List *um_query_filters(const UmQueryString *query, const UmModel *model, UmVersion version);

#endif
