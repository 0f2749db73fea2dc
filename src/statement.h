/*
 * statement.h
 *	  Text and parameters of an SQL statement under way.
 */
#ifndef UM_STATEMENT_H
#define UM_STATEMENT_H

#include "catalog/pg_type_d.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

#include "model.h"

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
extern int	um_statement_array(UmStatement *statement, Oid type, Datum *values, int count);
extern int	um_statement_text(UmStatement *statement, const char *text);
extern int	um_statement_texts(UmStatement *statement, List *texts);

#endif
