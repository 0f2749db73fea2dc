/*
 * query_string.h
 *	  A TMF630 query string, taken apart.
 */
#ifndef UM_QUERY_STRING_H
#define UM_QUERY_STRING_H

#include "nodes/pg_list.h"

#include "model.h"

typedef enum UmOperator
{
	UM_EQ, UM_NE, UM_GT, UM_GTE, UM_LT, UM_LTE, UM_REGEX
} UmOperator;

/* An attribute compared with values, of which one must fit. */
typedef struct UmCondition
{
	List	   *path;			/* of char *: the segments of the name */
	char	   *name;			/* as written, for messages */
	UmOperator	op;
	List	   *values;			/* of char * */
} UmCondition;

typedef struct UmQueryString
{
	List	   *conditions;		/* of UmCondition, all of which must hold */
	int			values;			/* of all conditions */
	char	   *fields;
	List	   *sort;			/* of char *: names, - before a descending one */
	int64		limit;			/* -1 for none */
	int64		offset;
	char	   *after;			/* id of the last resource seen */
	bool		all;			/* says that all are meant */
	bool		changes;		/* what it names is to be changed or deleted */
} UmQueryString;

/* Each list ends with NULL; operators in the order of the enum. */
extern const char *const um_operators[];
extern const char *const um_parameters[];

extern UmQueryString *um_parse_query(const char *text);
extern List *um_parse_filter(const char *text);
extern char *um_url_decode(const char *text, int len);
extern const char *um_operator_name(UmOperator op);
extern bool um_operator_from_name(const char *name, int len, UmOperator *op);

#endif
