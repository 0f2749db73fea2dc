/*
 * query_string.c
 *	  A TMF630 query string, taken apart.
 *
 * name=value pairs joined by &, percent-encoded as the URL standard says, + a
 * space.  An operator is a suffix of the name (usageDate.gte=…) or stands
 * itself between name and value (usageDate>=…, usageDate%3E%3D…).  Values of
 * one name and operator are alternatives, whether the name is repeated or the
 * values are parted by comma or semicolon; an encoded comma or semicolon is
 * part of a value.  Different operators on one name must all hold.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "errors.h"
#include "query_string.h"

#define MAX_CONDITIONS 500

static const char *const operator_names[] = {"eq", "ne", "gt", "gte", "lt", "lte", "regex"};

/* Longest first, because > begins >=. */
static const struct
{
	const char *sign;
	UmOperator	op;
}			signs[] = {
	{"==", UM_EQ}, {"=~", UM_REGEX}, {"*=", UM_REGEX}, {"!=", UM_NE}, {">=", UM_GTE},
	{"<=", UM_LTE}, {">", UM_GT}, {"<", UM_LT}, {"=", UM_EQ}
};

static void parse_pair(UmQueryString *query, char *pair);
static char *split_pair(char *pair, UmOperator *op, char **value);
static bool take_parameter(UmQueryString *query, const char *name, char *value);
static int64 parse_count(const char *name, const char *value);
static void add_condition(UmQueryString *query, char *name, UmOperator op, char *value);
static List *split_values(const char *name, char *value);
static List *split_list(char *text);
static char *decode(const char *text, int len);
static int	hex_digit(char c);

const char *
um_operator_name(UmOperator op)
{
	return operator_names[op];
}

bool
um_operator_from_name(const char *name, int len, UmOperator *op)
{
	for (size_t i = 0; i < lengthof(operator_names); i++)
		if ((int) strlen(operator_names[i]) == len && strncmp(operator_names[i], name, len) == 0)
		{
			*op = (UmOperator) i;
			return true;
		}
	return false;
}

/* Takes a query string apart; 22023 for what it cannot mean. */
UmQueryString *
um_parse_query(const char *text)
{
	UmQueryString *query = palloc0(sizeof(UmQueryString));
	char	   *copy = pstrdup(text);
	char	   *next;

	query->limit = -1;
	if (*copy == '?')
		copy++;
	for (char *pair = copy; pair != NULL; pair = next)
	{
		next = strchr(pair, '&');
		if (next != NULL)
			*next++ = '\0';
		if (*pair != '\0')
			parse_pair(query, pair);
	}
	return query;
}

static void
parse_pair(UmQueryString *query, char *pair)
{
	UmOperator	op;
	char	   *value;
	char	   *name = split_pair(pair, &op, &value);
	char	   *dot;

	if (*name == '\0')
		ereport(ERROR,
				(errcode(UM_PARAMETER), errmsg("query parameter \"%s\" has no name", value)));
	if (op == UM_EQ && take_parameter(query, name, value))
		return;
	dot = strrchr(name, '.');
	if (op == UM_EQ && dot != NULL && um_operator_from_name(dot + 1, strlen(dot + 1), &op))
		*dot = '\0';
	add_condition(query, name, op, value);
}

/*
 * Parts a pair at its operator.  The name comes back decoded, the value as it
 * stands, since its commas mean something before it is decoded.
 */
static char *
split_pair(char *pair, UmOperator *op, char **value)
{
	int			end = strcspn(pair, "=<>");
	char	   *whole;
	int			at;

	/* an operator in the open: the name's last sign belongs to it */
	if (pair[end] != '\0')
	{
		if (end > 0 && (pair[end - 1] == '*' || pair[end - 1] == '!') && pair[end] == '=')
			end--;
		for (size_t i = 0; i < lengthof(signs); i++)
			if (strncmp(pair + end, signs[i].sign, strlen(signs[i].sign)) == 0)
			{
				*op = signs[i].op;
				*value = pair + end + strlen(signs[i].sign);
				whole = decode(pair, end);
				/* name%3E=value: the sign was encoded, the = was not */
				at = strlen(whole);
				if (*op == UM_EQ && at > 0 && strchr("<>=!*", whole[at - 1]) != NULL)
				{
					*op = whole[at - 1] == '<' ? UM_LTE : whole[at - 1] == '>' ? UM_GTE
						: whole[at - 1] == '!' ? UM_NE : whole[at - 1] == '*' ? UM_REGEX : UM_EQ;
					whole[at - 1] = '\0';
				}
				return whole;
			}
	}
	/* an encoded operator, or a name alone */
	whole = decode(pair, strlen(pair));
	at = strcspn(whole, "=<>!*");
	for (size_t i = 0; whole[at] != '\0' && i < lengthof(signs); i++)
		if (strncmp(whole + at, signs[i].sign, strlen(signs[i].sign)) == 0)
		{
			char	   *encoded = strchr(pair, '%');

			*op = signs[i].op;
			while (encoded != NULL && (int) strlen(decode(pair, encoded - pair)) < at)
				encoded = strchr(encoded + 1, '%');
			*value = encoded == NULL ? pair + strlen(pair) : encoded;
			for (size_t n = strlen(signs[i].sign); n > 0 && **value != '\0'; n--)
				*value += **value == '%' ? 3 : 1;
			whole[at] = '\0';
			return whole;
		}
	*op = UM_EQ;
	*value = pair + strlen(pair);
	return whole;
}

/* What steers the answer instead of filtering it. */
static bool
take_parameter(UmQueryString *query, const char *name, char *value)
{
	if (strcmp(name, "fields") == 0)
	{
		char	   *fields = decode(value, strlen(value));

		query->fields = query->fields == NULL ? fields : psprintf("%s,%s", query->fields, fields);
	}
	else if (strcmp(name, "limit") == 0)
		query->limit = parse_count(name, decode(value, strlen(value)));
	else if (strcmp(name, "offset") == 0)
		query->offset = parse_count(name, decode(value, strlen(value)));
	else if (strcmp(name, "after") == 0)
		query->after = decode(value, strlen(value));
	else if (strcmp(name, "sort") == 0)
		query->sort = list_concat(query->sort, split_list(value));
	else if (strcmp(name, "filter") == 0)
		ereport(ERROR,
				(errcode(UM_UNSUPPORTED),
				 errmsg("query parameter \"filter\" is not supported"),
				 errhint("Write conditions as attribute.operator=value.")));
	else
		return false;
	return true;
}

static int64
parse_count(const char *name, const char *value)
{
	int64		count = 0;

	for (const char *p = value; *p != '\0'; p++)
	{
		if (!isdigit((unsigned char) *p) || count > PG_INT64_MAX / 100)
			count = -1;
		if (count < 0)
			break;
		count = count * 10 + (*p - '0');
	}
	if (count < 0 || *value == '\0')
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("\"%s\" is not a number of resources for \"%s\"", value, name)));
	return count;
}

/* Values of the same name and operator are alternatives. */
static void
add_condition(UmQueryString *query, char *name, UmOperator op, char *value)
{
	UmCondition *condition;
	ListCell   *cell;
	List	   *values = split_values(name, value);

	foreach(cell, query->conditions)
	{
		condition = lfirst(cell);
		if (condition->op == op && strcmp(condition->name, name) == 0)
		{
			condition->values = list_concat(condition->values, values);
			return;
		}
	}
	if (list_length(query->conditions) >= MAX_CONDITIONS)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("a query has at most %d conditions", MAX_CONDITIONS)));
	condition = palloc0(sizeof(UmCondition));
	condition->name = pstrdup(name);
	condition->op = op;
	condition->values = values;
	for (char *segment = pstrdup(name); segment != NULL;)
	{
		char	   *dot = strchr(segment, '.');

		if (dot != NULL)
			*dot++ = '\0';
		condition->path = lappend(condition->path, segment);
		segment = dot;
	}
	query->conditions = lappend(query->conditions, condition);
}

/* a,b and a;b and a;name=b */
static List *
split_values(const char *name, char *value)
{
	List	   *values = NIL;
	int			len = strlen(name);

	for (;;)
	{
		int			end = strcspn(value, ",;");
		char		separator = value[end];

		if (strncmp(value, name, len) == 0 && value[len] == '=' && values != NIL)
		{
			value += len + 1;
			end -= len + 1;
		}
		values = lappend(values, decode(value, end));
		if (separator == '\0')
			return values;
		value += end + 1;
	}
}

static List *
split_list(char *text)
{
	List	   *list = NIL;
	char	   *save = NULL;

	for (char *item = strtok_r(text, ",", &save); item != NULL; item = strtok_r(NULL, ",", &save))
		list = lappend(list, decode(item, strlen(item)));
	return list;
}

/* Percent-decoding; 22023 for what is no text in the end. */
static char *
decode(const char *text, int len)
{
	char	   *out = palloc(len + 1);
	int			n = 0;
	char	   *server;

	for (int i = 0; i < len; i++)
	{
		if (text[i] == '%' && i + 2 < len && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0)
		{
			out[n++] = (char) (hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
			i += 2;
		}
		else
			out[n++] = text[i] == '+' ? ' ' : text[i];
	}
	out[n] = '\0';
	if (memchr(out, '\0', n) != NULL || !pg_verify_mbstr(PG_UTF8, out, n, true))
		ereport(ERROR,
				(errcode(UM_PARAMETER), errmsg("a query parameter is not UTF-8 text")));
	server = (char *) pg_do_encoding_conversion((unsigned char *) out, n, PG_UTF8,
												GetDatabaseEncoding());
	return server;
}

static int
hex_digit(char c)
{
	return isdigit((unsigned char) c) ? c - '0'
		: isxdigit((unsigned char) c) ? (c | 0x20) - 'a' + 10 : -1;
}
