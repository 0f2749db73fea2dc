/*
 * match.c
 *	  Values compared the way a query string means it.
 *
 * A query string has no types.  Where the model gives none either, as for a
 * characteristic, two values are compared as numbers where both are numbers,
 * else byte by byte.  These are the SQL functions that filters call.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/typcache.h"

#include "characteristics.h"
#include "compat.h"
#include "errors.h"
#include "match.h"
#include "names.h"
#include "pattern.h"
#include "scalar.h"

/* What numeric holds: 131072 digits before the point, 16383 behind it. */
#define LONGEST_NUMBER (131072 + 16383 + 16)

/* The values of a condition, as an array's elements. */
typedef struct Alternatives
{
	UmOperator	op;
	int			count;
	Datum	   *values;
} Alternatives;

PG_FUNCTION_INFO_V1(um_value_matches);
PG_FUNCTION_INFO_V1(um_characteristic_matches);
PG_FUNCTION_INFO_V1(um_value_number);
PG_FUNCTION_INFO_V1(um_party_ids);

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

static bool
matches(UmSlice value, UmOperator op, Datum wanted)
{
	int			order;

	if (op == UM_REGEX)
		return DatumGetBool(DirectFunctionCall2Coll(textregexeq, DEFAULT_COLLATION_OID,
													PointerGetDatum(cstring_to_text_with_len(value.ptr, value.len)),
													wanted));
	order = um_compare_text(value, um_text_slice(wanted));
	switch (op)
	{
		case UM_NE:
			return order != 0;
		case UM_GT:
			return order > 0;
		case UM_GTE:
			return order >= 0;
		case UM_LT:
			return order < 0;
		case UM_LTE:
			return order <= 0;
		default:
			return order == 0;
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

/*
 * characteristic_matches(list characteristics, name text, op text, values
 * text[]) → boolean: whether a characteristic of that name has such a value.
 */
Datum
um_characteristic_matches(PG_FUNCTION_ARGS)
{
	struct varlena *list = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0));
	UmSlice		name = um_text_slice(PG_GETARG_DATUM(1));
	Alternatives wanted = alternatives(PG_GETARG_TEXT_PP(2), PG_GETARG_ARRAYTYPE_P(3));
	UmCharacteristicsReader reader;
	UmCharacteristic c;

	um_characteristics_open(&reader, list);
	while (um_characteristics_next(&reader, &c))
	{
		if (!um_is_named(&c, name) || c.kind == UM_NONE)
			continue;
		if (matches_any(um_characteristic_text(&c), &wanted))
			PG_RETURN_BOOL(true);
	}
	PG_RETURN_BOOL(false);
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

/* The owner of the type may have renamed its attributes. */
static int
id_column(TupleDesc desc)
{
	int			column = SPI_fnumber(desc, "id");

	if (column <= 0 || SPI_gettypeid(desc, column) != TEXTOID)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("type %s has no text \"id\"", format_type_be(desc->tdtypeid))));
	return column;
}

/* party_ids(parties related_party[]) → text[]: the ids, for an index on them. */
Datum
um_party_ids(PG_FUNCTION_ARGS)
{
	ArrayType  *parties = PG_GETARG_ARRAYTYPE_P(0);
	TupleDesc	desc = lookup_rowtype_tupdesc(ARR_ELEMTYPE(parties), -1);
	int			column = id_column(desc);
	Datum	   *elements;
	bool	   *nulls;
	Datum	   *ids;
	int			count;
	int			found = 0;

	deconstruct_array(parties, ARR_ELEMTYPE(parties), -1, false, TYPALIGN_DOUBLE,
					  &elements, &nulls, &count);
	ids = palloc(sizeof(Datum) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		HeapTupleData tuple = {0};
		bool		null;

		CHECK_FOR_INTERRUPTS();
		if (nulls[i])
			continue;
		tuple.t_data = DatumGetHeapTupleHeader(elements[i]);
		tuple.t_len = HeapTupleHeaderGetDatumLength(tuple.t_data);
		ids[found] = heap_getattr(&tuple, column, desc, &null);
		found += !null;
	}
	ReleaseTupleDesc(desc);
	PG_RETURN_ARRAYTYPE_P(construct_array(ids, found, TEXTOID, -1, false, TYPALIGN_INT));
}

/* As numbers where both are, else byte by byte. */
int
um_compare_text(UmSlice a, UmSlice b)
{
	UmSlice		x = um_trim(a);
	UmSlice		y = um_trim(b);
	int			order;

	/* a value of a megabyte is not read as a number for each row: none is so long */
	if (x.len <= LONGEST_NUMBER && y.len <= LONGEST_NUMBER && um_is_number(x) && um_is_number(y))
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
