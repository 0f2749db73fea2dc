/*
 * jsonpath_scan.h
 *	  What an expression of JSONPath is made of: values, operators, marks.
 */
#ifndef UM_JSONPATH_SCAN_H
#define UM_JSONPATH_SCAN_H

#include "json_scan.h"
#include "names.h"

/* An expression, and how far it is read. */
typedef struct UmExpression
{
	const char *text;
	const char *pos;
} UmExpression;

typedef struct UmLiteral
{
	UmToken		kind;
	bool		regex;			/* between slashes; then a UM_STRING, too */
	char	   *text;
} UmLiteral;

extern char um_peek(UmExpression *in);
extern bool um_takes(UmExpression *in, const char *token);
extern void um_expect(UmExpression *in, char c);
extern bool um_is_name_byte(char c);
extern bool um_take_operator(UmExpression *in, bool turned, UmOperator *op);
extern void um_take_literal(UmExpression *in, UmLiteral *literal);
extern char *um_take_string(UmExpression *in);
extern int	um_expression_position(const UmExpression *in, const char *at);
pg_noreturn extern void um_malformed(const UmExpression *in, const char *at, const char *why);
pg_noreturn extern void um_unsupported(const UmExpression *in, const char *at, const char *what);

#endif
