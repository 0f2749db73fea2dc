/*
 * match.c
 *	  Values compared the way a query string means it.
 *
 * A query string has no types.  Where the model gives none either, as for a
 * characteristic, two values are compared as numbers where both are numbers,
 * else byte by byte.  These are the SQL functions that filters call.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "characteristics_gin.h"
#include "compat.h"
#include "errors.h"
#include "match.h"
#include "names.h"
#include "number.h"
#include "pattern.h"
#include "scalar.h"

/* The values of a condition, as an array's elements. */
typedef struct Alternatives
{
	UmOperator	op;
	int			count;
	Datum	   *values;
} Alternatives;

PG_FUNCTION_INFO_V1(um_value_matches);
PG_FUNCTION_INFO_V1(um_characteristic_matches);
PG_FUNCTION_INFO_V1(um_characteristics_match);
PG_FUNCTION_INFO_V1(um_value_number);

/* Nothing matches a value that is NULL, so those are passed over. */
static Alternatives
alternatives(text *op, ArrayType *values)
{
	Alternatives wanted = {.count = 0};
	bool	   *nulls;
	int			count;

	if (!um_operator_from_name(VARDATA_ANY(op), VARSIZE_ANY_EXHDR(op), &wanted.op))
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("operator \"%s\" is not known", text_to_cstring(op)),
				 errhint("The operators are eq, ne, gt, gte, lt, lte and regex.")));
	deconstruct_array(values, TEXTOID, -1, false, TYPALIGN_INT, &wanted.values, &nulls,
					  &count);
	for (int i = 0; i < count; i++)
		if (!nulls[i])
			wanted.values[wanted.count++] = wanted.values[i];
	return wanted;
}

/* Whether two values are the same; of numbers mostly seen without reading them. */
static bool
is_same(UmSlice value, UmSlice wanted)
{
	if (um_same_slice(value, wanted))
		return true;
	if (um_is_plain_number(value) && um_is_plain_number(wanted))
		return false;
	return um_compare_text(value, wanted) == 0;
}

static bool
matches(UmSlice value, UmOperator op, Datum wanted)
{
	int			order;

	if (op == UM_EQ || op == UM_NE)
		return is_same(value, um_text_slice(wanted)) == (op == UM_EQ);
	if (op == UM_REGEX)
		return DatumGetBool(DirectFunctionCall2Coll(textregexeq, DEFAULT_COLLATION_OID,
													PointerGetDatum(cstring_to_text_with_len(value.ptr, value.len)),
													wanted));
	order = um_compare_text(value, um_text_slice(wanted));
	switch (op)
	{
		case UM_GT:
			return order > 0;
		case UM_GTE:
			return order >= 0;
		case UM_LT:
			return order < 0;
		default:
			return order <= 0;
	}
}

static bool
matches_any(UmSlice value, const Alternatives *wanted)
{
	for (int i = 0; i < wanted->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (matches(value, wanted->op, wanted->values[i]))
			return true;
	}
	return false;
}

/* value_matches(value text, op text, values text[]) → boolean */
Datum
um_value_matches(PG_FUNCTION_ARGS)
{
	Alternatives wanted = alternatives(PG_GETARG_TEXT_PP(1), PG_GETARG_ARRAYTYPE_P(2));

	PG_RETURN_BOOL(matches_any(um_text_slice(PG_GETARG_DATUM(0)), &wanted));
}

/* Whether an element of that name has one of the values. */
static bool
list_matches(const struct varlena *list, UmSlice name, const Alternatives *wanted)
{
	UmCharacteristicsReader reader;
	UmCharacteristic c;

	um_characteristics_open(&reader, list);
	while (um_characteristics_next(&reader, &c))
	{
		if (!um_is_named(&c, name) || c.kind == UM_NONE)
			continue;
		if (matches_any(um_characteristic_text(&c), wanted))
			return true;
	}
	return false;
}

/*
 * characteristic_matches(list characteristics, name text, op text, values
 * text[]) → boolean: whether a characteristic of that name has such a value.
 */
Datum
um_characteristic_matches(PG_FUNCTION_ARGS)
{
	Alternatives wanted = alternatives(PG_GETARG_TEXT_PP(2), PG_GETARG_ARRAYTYPE_P(3));

	PG_RETURN_BOOL(list_matches(UM_GETARG_LIST(0), um_text_slice(PG_GETARG_DATUM(1)), &wanted));
}

/* ?=, with eq of the values behind the first element of the array, which is the name */
Datum
um_characteristics_match(PG_FUNCTION_ARGS)
{
	UmNamedValues wanted = um_named_values(PG_GETARG_ARRAYTYPE_P(1));
	Alternatives values = {UM_EQ, wanted.count, wanted.values};

	PG_RETURN_BOOL(wanted.count > 0 && list_matches(UM_GETARG_LIST(0), wanted.name, &values));
}

/* value_number(value text) → numeric: the number that a text is, or NULL. */
Datum
um_value_number(PG_FUNCTION_ARGS)
{
	UmSlice		text = um_trim(um_text_slice(PG_GETARG_DATUM(0)));

	if (!um_is_number(text))
		PG_RETURN_NULL();
	return um_numeric(text);
}

/* As numbers where both are, else byte by byte. */
int
um_compare_text(UmSlice a, UmSlice b)
{
	UmSlice		x;
	UmSlice		y;
	int			order;

	if (um_number_in(a, &x) && um_number_in(b, &y))
		return DatumGetInt32(DirectFunctionCall2(numeric_cmp, um_numeric(x), um_numeric(y)));
	order = memcmp(a.ptr, b.ptr, Min(a.len, b.len));
	return order != 0 ? order : a.len - b.len;
}

/* 22023 for what is no regular expression, or not one to be used. */
void
um_check_regex(const char *regex)
{
	char	   *fault = um_pattern_fault((UmSlice) {regex, strlen(regex)});

	if (fault != NULL)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("%s", fault)));
}
