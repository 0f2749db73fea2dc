/*
 * jsonpath_scan.c
 *	  What an expression of JSONPath is made of: values, operators, marks.
 *
 * What is none is 22023, what is one of some dialect's and not ours 0A000; both
 * name the place, in characters.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "errors.h"
#include "jsonpath_scan.h"

static const struct
{
	const char *sign;
	UmOperator	op;
	UmOperator	turned;			/* where the value comes first */
}			signs[] = {
	{"==", UM_EQ, UM_EQ}, {"!=", UM_NE, UM_NE}, {"=~", UM_REGEX, UM_REGEX},
	{">=", UM_GTE, UM_LTE}, {"<=", UM_LTE, UM_GTE}, {">", UM_GT, UM_LT}, {"<", UM_LT, UM_GT}
};

/* Operators of other dialects. */
static const char *const foreign[] = {
	"in", "nin", "subsetof", "anyof", "noneof", "contains", "size", "empty", NULL
};

static void parse_word(UmExpression *in, UmLiteral *literal);
static char *double_quoted(UmExpression *in);
static char *parse_regex(UmExpression *in);

/* False where none follows; turned where what comes before it is the value. */
bool
um_take_operator(UmExpression *in, bool turned, UmOperator *op)
{
	char		c = um_peek(in);
	const char *start = in->pos;
	const char *end = start;

	if (strncmp(start, "===", 3) == 0 || strncmp(start, "!==", 3) == 0)
		um_unsupported(in, start, "an operator with three signs");
	for (size_t i = 0; i < lengthof(signs); i++)
		if (um_takes(in, signs[i].sign))
		{
			*op = turned ? signs[i].turned : signs[i].op;
			if (turned && *op == UM_REGEX)
				um_malformed(in, start, "=~ takes the attribute on its left");
			return true;
		}
	if (c != '\0' && strchr("+-*/%", c) != NULL)
		um_unsupported(in, start, "arithmetic");
	while (um_is_name_byte(*end))
		end++;
	if (um_find_word(foreign, (UmSlice) {start, end - start}) >= 0)
		um_unsupported(in, start, "an operator that is a word");
	return false;
}

void
um_take_literal(UmExpression *in, UmLiteral *literal)
{
	char		c = um_peek(in);
	const char *end = in->pos + 1;

	*literal = (UmLiteral) {UM_STRING, false, NULL};
	if (c == '\'' || c == '"')
		literal->text = um_take_string(in);
	else if (c == '/')
	{
		literal->regex = true;
		literal->text = parse_regex(in);
	}
	else if (c == '-' || isdigit((unsigned char) c))
	{
		while (isalnum((unsigned char) *end) || *end == '.' ||
			   ((*end == '+' || *end == '-') && (end[-1] == 'e' || end[-1] == 'E')))
			end++;
		if (!um_is_number((UmSlice) {in->pos, end - in->pos}))
			um_malformed(in, in->pos, "there should be a number such as JSON has");
		*literal = (UmLiteral) {UM_NUMBER_TOKEN, false, pnstrdup(in->pos, end - in->pos)};
		in->pos = end;
	}
	else if (c == '@' || c == '$')
		um_unsupported(in, in->pos, "an attribute compared with another");
	else if (c == '[' || c == '{')
		um_unsupported(in, in->pos, "a list or an object as a value");
	else
		parse_word(in, literal);
}

static void
parse_word(UmExpression *in, UmLiteral *literal)
{
	static const char *const words[] = {"true", "false", "null", NULL};
	static const UmToken kinds[] = {UM_TRUE, UM_FALSE, UM_NULL};
	const char *start = in->pos;
	int			word;

	while (um_is_name_byte(*in->pos))
		in->pos++;
	word = um_find_word(words, (UmSlice) {start, in->pos - start});
	if (word < 0 && in->pos > start && *in->pos == '(')
		um_unsupported(in, start, "a function");
	if (word < 0)
		um_malformed(in, start, "there should be an attribute, such as @.name, or a value");
	*literal = (UmLiteral) {kinds[word], false, kinds[word] == UM_NULL ? NULL : pstrdup(words[word])};
}

/* In quotes of either kind, with JSON's escapes; resolved. */
char *
um_take_string(UmExpression *in)
{
	const char *start = in->pos;
	char	   *json = double_quoted(in);
	UmScan		scan;
	UmSlice		value;

	um_scan_init(&scan, json, strlen(json));
	if (!um_scan_string(&scan, &value))
		um_malformed(in, start, "what is in quotes is no string of JSON");
	return pnstrdup(value.ptr, value.len);
}

/* The same string as JSON has it. */
static char *
double_quoted(UmExpression *in)
{
	const char *start = in->pos;
	char		quote = *start;
	StringInfoData json;
	const char *p;

	initStringInfo(&json);
	appendStringInfoChar(&json, '"');
	for (p = start + 1; *p != quote; p++)
	{
		if (*p == '\0')
			um_malformed(in, start, "a string without an end");
		if (*p == '"' || (*p == '\\' && p[1] != '\'' && p[1] != '\0'))
			appendStringInfoChar(&json, '\\');
		if (*p == '\\' && p[1] != '\0')
			p++;
		appendStringInfoChar(&json, *p);
	}
	appendStringInfoChar(&json, '"');
	in->pos = p + 1;
	return json.data;
}

/* Between slashes, as it stands, and an i behind them; as .regex has it. */
static char *
parse_regex(UmExpression *in)
{
	const char *start = in->pos++;
	StringInfoData regex;

	initStringInfo(&regex);
	for (; *in->pos != '/'; in->pos++)
	{
		if (*in->pos == '\\' && in->pos[1] != '\0')
			appendStringInfoChar(&regex, *in->pos++);
		if (*in->pos == '\0')
			um_malformed(in, start, "a regular expression without an end");
		appendStringInfoChar(&regex, *in->pos);
	}
	in->pos++;
	if (*in->pos == 'i')
	{
		in->pos++;
		regex.data = psprintf("(?i)%s", regex.data);
	}
	if (um_is_name_byte(*in->pos))
		um_unsupported(in, in->pos, "an option of a regular expression other than i");
	return regex.data;
}

bool
um_is_name_byte(char c)
{
	return isalnum((unsigned char) c) || c == '_' || c == '@' || IS_HIGHBIT_SET(c);
}

/* What comes next, without taking it. */
char
um_peek(UmExpression *in)
{
	while (*in->pos == ' ' || *in->pos == '\t' || *in->pos == '\n' ||
		   *in->pos == '\r')
		in->pos++;
	return *in->pos;
}

bool
um_takes(UmExpression *in, const char *token)
{
	(void) um_peek(in);
	if (strncmp(in->pos, token, strlen(token)) != 0)
		return false;
	in->pos += strlen(token);
	return true;
}

void
um_expect(UmExpression *in, char c)
{
	UmOperator	op;
	const char *start;

	if (um_peek(in) == c)
	{
		in->pos++;
		return;
	}
	start = in->pos;
	if (um_take_operator(in, false, &op))
		um_malformed(in, start, "an operator takes an attribute and a value");
	um_malformed(in, start, psprintf("there should be %s%c", c == ')' ? "&&, || or " : "", c));
}

void
um_malformed(const UmExpression *in, const char *at, const char *why)
{
	ereport(ERROR,
			(errcode(UM_PARAMETER),
			 errmsg("filter at position %d: %s", um_expression_position(in, at), why),
			 errhint("A filter is written $[?(@.name == 'value')], or $.list[?(@.name == 'value')] for an element of a list.")));
}

void
um_unsupported(const UmExpression *in, const char *at, const char *what)
{
	ereport(ERROR,
			(errcode(UM_UNSUPPORTED),
			 errmsg("filter at position %d: %s is not supported", um_expression_position(in, at), what)));
}

/* In characters, from 1. */
int
um_expression_position(const UmExpression *in, const char *at)
{
	return pg_mbstrlen_with_len(in->text, at - in->text) + 1;
}
