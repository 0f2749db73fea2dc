/*
 * query_string.h
 *	  A TMF630 query string, taken apart.
 */
#ifndef UM_QUERY_STRING_H
#define UM_QUERY_STRING_H

#include "nodes/pg_list.h"

#include "names.h"

/* What a person or program asks stays far below; what attacks does not. */
#define UM_MAX_CONDITIONS 100
#define UM_MAX_SEGMENTS 100

/* An attribute compared with values, of which one must fit. */
typedef struct UmCondition
{
	List	   *path;			/* of char *: the segments of the name */
	char	   *name;			/* as written, for messages */
	UmOperator	op;
	List	   *values;			/* of char * */
	bool		number;			/* they are numbers, and what is none compares with none */
} UmCondition;

typedef struct UmQueryString
{
	List	   *conditions;		/* of UmCondition, all of which must hold */
	int			values;			/* of all conditions */
	List	   *filters;		/* of char *: in JSONPath, all of which must hold, too */
	char	   *fields;
	List	   *sort;			/* of char *: names, - before a descending one */
	int64		limit;			/* -1 for none */
	int64		offset;			/* the same */
	char	   *after;			/* id of the last resource seen */
	bool		all;			/* says that all are meant */
	bool		changes;		/* what it names is to be changed or deleted */
} UmQueryString;

extern UmQueryString *um_parse_query(const char *text, bool filter);
extern char *um_query_without(const char *text, const char *const *names);
extern char *um_url_decode(const char *text, int len);
pg_noreturn extern void um_too_many(const char *what, int most);

#endif
