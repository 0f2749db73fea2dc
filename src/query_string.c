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

#include "compat.h"
#include "errors.h"
#include "query_string.h"
#include "scalar.h"
#include "tmf_write.h"

/* Beside UM_MAX_CONDITIONS and UM_MAX_SEGMENTS. */
#define MAX_VALUES 10000
#define MAX_KEYS 32

/* Of the standard, and not here. */
static const char *const unsupported[] = {"depth", "expand", "before", NULL};

/* Longest first, because > begins >=. */
static const struct
{
	const char *sign;
	UmOperator	op;
}			signs[] = {
	{"==", UM_EQ}, {"=~", UM_REGEX}, {"*=", UM_REGEX}, {"!=", UM_NE}, {">=", UM_GTE},
	{"<=", UM_LTE}, {">", UM_GT}, {"<", UM_LT}, {"=", UM_EQ}
};

static int	pair_length(const char *pair);
static void parse_pair(UmQueryString *query, char *pair, bool filter);
static char *split_pair(char *pair, UmOperator *op, char **value);
static void take_parameter(UmQueryString *query, const char *name, char *value);
static int64 parse_count(const char *name, const char *value);
static void add_condition(UmQueryString *query, char *name, UmOperator op, char *value);
static List *split_path(const char *name);
static int	sign_at(const char *text, UmOperator *op);
static List *split_values(const char *name, char *value);

/*
 * Takes a query string apart; 22023 for what it cannot mean.  In the filter of a
 * patch every name is an attribute's.
 */
UmQueryString *
um_parse_query(const char *text, bool filter)
{
	UmQueryString *query = palloc0(sizeof(UmQueryString));
	int			len;

	query->limit = query->offset = -1;
	for (const char *pair = text + (*text == '?'); *pair != '\0'; pair += len + (pair[len] != '\0'))
	{
		len = filter ? (int) strcspn(pair, "&") : pair_length(pair);
		if (len > 0)
			parse_pair(query, pnstrdup(pair, len), filter);
	}
	return query;
}

/*
 * A pair ends at an &, or with the text.  In an expression of JSONPath &&
 * stands in the open as often as encoded, and is part of it while a bracket is open:
 * cut there, it would be none in any case.
 */
static int
pair_length(const char *pair)
{
	static const char expression[] = "filter=";
	bool		parses = strncmp(pair, expression, strlen(expression)) == 0;
	int			open = 0;
	const char *p = pair;
	char		c;

	for (; *p != '\0'; p += um_percent_unit(p, strnlen(p, 3), &c))
	{
		if (*p == '&' && !(parses && open > 0 && p[1] == '&'))
			break;
		if (*p == '&')
			p++;
		(void) um_percent_unit(p, strnlen(p, 3), &c);
		open += c == '[' ? 1 : c == ']' ? -1 : 0;
	}
	return p - pair;
}

static void
parse_pair(UmQueryString *query, char *pair, bool filter)
{
	UmOperator	op;
	char	   *value;
	char	   *name = split_pair(pair, &op, &value);
	bool		plain = op == UM_EQ;
	char	   *dot;

	if (*name == '\0')
		ereport(ERROR,
				(errcode(UM_PARAMETER), errmsg("query parameter \"%s\" has no name", value)));
	dot = strrchr(name, '.');
	if (plain && dot != NULL && um_operator_from_name(dot + 1, strlen(dot + 1), &op))
	{
		*dot = '\0';
		plain = false;
	}
	if (!filter && um_find_word(unsupported, (UmSlice) {name, strlen(name)}) >= 0)
		ereport(ERROR,
				(errcode(UM_UNSUPPORTED),
				 errmsg("query parameter \"%s\" is not supported", name)));
	if (filter || um_find_word(um_parameters, (UmSlice) {name, strlen(name)}) < 0)
		add_condition(query, name, op, value);
	else if (plain)
		take_parameter(query, name, value);
	else
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("query parameter \"%s\" takes no operator but =", name)));
}

/*
 * Parts a pair at its first operator, in the open or percent-encoded.  A lone
 * encoded = is part of the name where an operator in the open follows.  The name comes back
 * decoded, the value as it stands, since its commas mean something before it
 * is decoded.
 */
static char *
split_pair(char *pair, UmOperator *op, char **value)
{
	char	   *at = NULL;
	int			len = 0;
	char		c;

	for (char *p = pair; *p != '\0'; p += um_percent_unit(p, strnlen(p, 3), &c))
	{
		UmOperator	found;
		int			n = sign_at(p, &found);

		if (n == 0 || (at != NULL && *p == '%'))
			continue;
		at = p;
		len = n;
		*op = found;
		if (*p != '%' || n > 3 || found != UM_EQ)
			break;
	}
	if (at == NULL)
	{
		*op = UM_EQ;
		at = pair + strlen(pair);
	}
	*value = at + len;
	return um_url_decode(pair, at - pair);
}

/* How long an operator that starts here is, 0 for none. */
static int
sign_at(const char *text, UmOperator *op)
{
	for (size_t i = 0; i < lengthof(signs); i++)
	{
		const char *p = text;
		const char *sign = signs[i].sign;
		char		c;

		for (; *sign != '\0'; sign++)
		{
			int			n = um_percent_unit(p, strnlen(p, 3), &c);

			if (n == 0 || c != *sign)
				break;
			p += n;
		}
		if (*sign == '\0')
		{
			*op = signs[i].op;
			return p - text;
		}
	}
	return 0;
}

static void
take_parameter(UmQueryString *query, const char *name, char *value)
{
	char	   *save = NULL;

	if (strcmp(name, "fields") == 0)
	{
		char	   *fields = um_url_decode(value, strlen(value));
		int			count = 1;

		query->fields = query->fields == NULL ? fields : psprintf("%s,%s", query->fields, fields);
		for (const char *p = query->fields; *p != '\0'; p++)
			count += *p == ',' || *p == ' ';
		if (count > UM_MAX_FIELDS)
			um_too_many("fields", UM_MAX_FIELDS);
	}
	else if (strcmp(name, "limit") == 0)
		query->limit = parse_count(name, um_url_decode(value, strlen(value)));
	else if (strcmp(name, "offset") == 0)
		query->offset = parse_count(name, um_url_decode(value, strlen(value)));
	else if (strcmp(name, "after") == 0)
		query->after = um_url_decode(value, strlen(value));
	else if (strcmp(name, "filter") == 0)
	{
		query->filters = lappend(query->filters, um_url_decode(value, strlen(value)));
		if (list_length(query->filters) > UM_MAX_CONDITIONS)
			um_too_many("filters", UM_MAX_CONDITIONS);
	}
	else if (strcmp(name, "sort") == 0)
	{
		for (char *key = strtok_r(value, ",", &save); key != NULL; key = strtok_r(NULL, ",", &save))
			query->sort = lappend(query->sort, um_url_decode(key, strlen(key)));
		if (list_length(query->sort) > MAX_KEYS)
			um_too_many("keys to sort by", MAX_KEYS);
	}
	else if (strcmp(um_url_decode(value, strlen(value)), "true") == 0)
		query->all = true;
	else
		ereport(ERROR,
				(errcode(UM_PARAMETER), errmsg("query parameter \"%s\" is true or is left out", name)));
}

/* What is left of a query string, encoded as it came, without the parameters of those names. */
char *
um_query_without(const char *text, const char *const *names)
{
	StringInfoData left;
	UmOperator	op;
	char	   *value;
	int			len;

	initStringInfo(&left);
	for (const char *pair = text + (*text == '?'); *pair != '\0'; pair += len + (pair[len] != '\0'))
	{
		char	   *name;

		len = pair_length(pair);
		name = split_pair(pnstrdup(pair, len), &op, &value);
		if (len > 0 && um_find_word(names, (UmSlice) {name, strlen(name)}) < 0)
			appendStringInfo(&left, "%s%.*s", left.len > 0 ? "&" : "", len, pair);
	}
	return left.data;
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

	query->values += list_length(values);
	if (query->values > MAX_VALUES)
		um_too_many("values", MAX_VALUES);
	foreach(cell, query->conditions)
	{
		condition = lfirst(cell);
		if (condition->op == op && strcmp(condition->name, name) == 0)
		{
			condition->values = list_concat(condition->values, values);
			return;
		}
	}
	if (list_length(query->conditions) >= UM_MAX_CONDITIONS)
		um_too_many("conditions", UM_MAX_CONDITIONS);
	condition = palloc0(sizeof(UmCondition));
	condition->name = pstrdup(name);
	condition->op = op;
	condition->values = values;
	condition->path = split_path(name);
	query->conditions = lappend(query->conditions, condition);
}

static List *
split_path(const char *name)
{
	List	   *path = NIL;

	for (char *segment = pstrdup(name); segment != NULL;)
	{
		char	   *dot = strchr(segment, '.');

		if (dot != NULL)
			*dot++ = '\0';
		path = lappend(path, segment);
		segment = dot;
	}
	if (list_length(path) > UM_MAX_SEGMENTS)
		um_too_many("names parted by dots", UM_MAX_SEGMENTS);
	return path;
}

/*
 * a,b and a;b and a;name=b.  Another name behind a semicolon is no value: who
 * writes it joins two conditions as no version of TMF630 does.
 */
static List *
split_values(const char *name, char *value)
{
	List	   *values = NIL;
	int			len = strlen(name);

	for (bool alternative = false;; alternative = value[-1] == ';')
	{
		int			end = strcspn(value, ",;");
		char		separator = value[end];
		char	   *sign = memchr(value, '=', end);

		if (values != NIL && len < end && strncmp(value, name, len) == 0 && value[len] == '=')
		{
			value += len + 1;
			end -= len + 1;
		}
		else if (alternative && sign != NULL)
			ereport(ERROR,
					(errcode(UM_PARAMETER),
					 errmsg("\"%.*s\" behind a semicolon is no value of \"%s\"", end, value, name),
					 errhint("Conditions are joined by &; an = that is part of a value is written %%3D.")));
		values = lappend(values, um_url_decode(value, end));
		if (separator == '\0')
			return values;
		value += end + 1;
	}
}

void
um_too_many(const char *what, int most)
{
	ereport(ERROR,
			(errcode(UM_PARAMETER), errmsg("a query has at most %d %s", most, what)));
}

/*
 * Percent-decoding; 22023 for what is no text in the end.  What is encoded is
 * UTF-8, whatever the database's encoding; what stands in the open is in that.
 */
char *
um_url_decode(const char *text, int len)
{
	char	   *out;
	int			n = 0;
	char	   *server;

	if (GetDatabaseEncoding() != PG_UTF8 && GetDatabaseEncoding() != PG_SQL_ASCII)
	{
		char	   *converted = pg_server_to_any(text, len, PG_UTF8);

		len = converted == text ? len : (int) strlen(converted);
		text = converted;
	}
	out = palloc(len + 1);
	for (int i = 0; i < len;)
	{
		bool		plus = text[i] == '+';

		i += um_percent_unit(text + i, len - i, &out[n]);
		if (plus)
			out[n] = ' ';
		n++;
	}
	out[n] = '\0';
	/* where the database knows no encoding, any bytes are text */
	if (memchr(out, '\0', n) != NULL ||
		(GetDatabaseEncoding() != PG_SQL_ASCII && !pg_verify_mbstr(PG_UTF8, out, n, true)))
		ereport(ERROR,
				(errcode(UM_PARAMETER), errmsg("a query parameter is not UTF-8 text")));
	server = (char *) pg_do_encoding_conversion((unsigned char *) out, n, PG_UTF8,
												GetDatabaseEncoding());
	return server;
}
