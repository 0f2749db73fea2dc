/*
 * filter.h
 *	  A tree of conditions, compiled to one SQL expression with parameters.
 */
#ifndef UM_FILTER_H
#define UM_FILTER_H

#include "catalog/pg_type_d.h"
#include "lib/stringinfo.h"

#include "query_string.h"

/* An SQL statement under way; what a caller says is a parameter, always. */
typedef struct UmStatement
{
	const UmModel *model;
	StringInfoData sql;
	int			nargs;
	Datum	   *args;
	Oid		   *types;
} UmStatement;

typedef enum UmFilterKind
{
	UM_AND,						/* all of them hold; at least one is there */
	UM_OR,						/* one of them does; at least one is there */
	UM_NOT,						/* it does not hold */
	UM_SOME,					/* it holds for an element of the list of that name */
	UM_CONDITION,				/* what has that name compares with one of the values */
	UM_THERE					/* something has that name */
} UmFilterKind;

typedef struct UmFilter
{
	UmFilterKind kind;
	List	   *of;				/* of UmFilter: several, or the one */
	const char *name;			/* dotted, from the element on that it is asked of */
	UmOperator	op;				/* not UM_NE, which is UM_EQ below UM_NOT */
	const UmCondition *condition;	/* the whole name as written, and the values */
} UmFilter;

/* What SQL calls the rows that are filtered. */
typedef struct UmRelation
{
	const UmModel *model;
	const char *row;			/* an alias, a composite value, or a jsonb value */
	bool		json;			/* then with members named as in R14.5, not columns */
} UmRelation;

extern void um_statement_start(UmStatement *statement, const UmModel *model);
extern int	um_statement_arg(UmStatement *statement, Oid type, Datum value);
extern int	um_statement_array(UmStatement *statement, Oid type, Datum *values, int count);
extern int	um_statement_text(UmStatement *statement, const char *text);
extern int	um_statement_texts(UmStatement *statement, List *texts);
extern UmFilter *um_filter(UmFilterKind kind, List *of);
extern UmFilter *um_filter_condition(const UmCondition *condition);
extern void um_add_filter(UmStatement *statement, const UmFilter *filter,
						  const UmRelation *relation, UmVersion version);
extern char *um_place_sql(const UmRelation *relation, const UmNamed *place);

#endif
