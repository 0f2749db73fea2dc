/*
 * query.h
 *	  A query string compiled to one SQL statement with parameters.
 */
#ifndef UM_QUERY_H
#define UM_QUERY_H

#include "query_string.h"

/* Text and parameters of a statement under way. */
typedef struct UmStatement
{
	const UmModel *model;
	StringInfoData sql;
	int			nargs;
	int			room;
	Datum	   *args;
	Oid		   *types;
} UmStatement;

extern void um_statement_start(UmStatement *statement, const UmModel *model);
extern int	um_statement_arg(UmStatement *statement, Oid type, Datum value);
extern void um_add_where(UmStatement *statement, const UmQueryString *query, UmVersion version);
extern void um_add_page(UmStatement *statement, const UmQueryString *query, UmVersion version);

#endif
