/*
 * listen_query.h
 *	  Which events a listener wants, as its query string says.
 */
#ifndef UM_LISTEN_QUERY_H
#define UM_LISTEN_QUERY_H

#include "filter.h"
#include "resource.h"
#include "tmf_write.h"

/* What a listener asks for. */
typedef struct UmListenQuery
{
	int			types;			/* of event, as bits; at least one */
	bool		by_type;		/* one of them was named */
	UmFilter   *filter;			/* of the resource as the event has it; NULL for none */
	UmFields   *fields;			/* of the resource within the event; NULL for all */
} UmListenQuery;

extern UmListenQuery *um_listen_query(const UmResource *resource, const char *query,
									  UmVersion version);
extern bool um_listen_meets(const UmListenQuery *query, const UmModel *model, UmVersion version,
							Oid type, Datum row);

#endif
