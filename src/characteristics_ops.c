/*
 * characteristics_ops.c
 *	  The operators of the type characteristics.
 *
 * Every operator here means exactly what it means on the jsonb object of the
 * list's pairs: of a repeated name the last counts, an element without a name
 * is not seen, one without a value has the value null, numbers compare by
 * value.  A query must not change its answer with the search_path, which
 * decides whether it reaches these operators or jsonb's own through the
 * implicit cast.  (Equality, which is that of the list, is with the support of
 * the indexes.)
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "characteristics_io.h"
#include "compat.h"
#include "scalar.h"

/* Up to so many pairs are looked for one by one in each element. */
#define FEW_PAIRS	16

static bool find_last(const struct varlena *list, UmSlice name, UmCharacteristic *found);
static text *number_to_text(UmSlice number);
static int	compare_to_pair(const void *name, const void *pair);
static bool exists_in_array(const struct varlena *list, ArrayType *names, bool all);
static bool list_contains(const struct varlena *list, const struct varlena *part);
static bool list_contains_few(const struct varlena *list, UmCharacteristicsReader *part);
static bool value_contains(const UmCharacteristic *whole, const UmCharacteristic *part);
static bool json_contains(JsonbContainer *whole, JsonbContainer *part);
static bool array_has(JsonbContainer *array, JsonbValue *wanted);
static bool json_value_contains(const JsonbValue *whole, const JsonbValue *part);

PG_FUNCTION_INFO_V1(um_characteristics_field);
PG_FUNCTION_INFO_V1(um_characteristics_field_text);
PG_FUNCTION_INFO_V1(um_characteristics_exists);
PG_FUNCTION_INFO_V1(um_characteristics_exists_any);
PG_FUNCTION_INFO_V1(um_characteristics_exists_all);
PG_FUNCTION_INFO_V1(um_characteristics_contains);
PG_FUNCTION_INFO_V1(um_characteristics_contained);

/* -> */
Datum
um_characteristics_field(PG_FUNCTION_ARGS)
{
	UmCharacteristic element;

	if (!find_last(UM_GETARG_LIST(0), um_text_slice(PG_GETARG_DATUM(1)), &element))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(um_characteristic_to_jsonb(&element));
}

/* ->> */
Datum
um_characteristics_field_text(PG_FUNCTION_ARGS)
{
	UmCharacteristic element;
	UmSlice		text;

	if (!find_last(UM_GETARG_LIST(0), um_text_slice(PG_GETARG_DATUM(1)), &element))
		PG_RETURN_NULL();
	switch (element.kind)
	{
		case UM_NUMBER_TOKEN:
			PG_RETURN_TEXT_P(number_to_text(element.value));
		case UM_NONE:
			PG_RETURN_NULL();
		default:
			text = um_is_nested(element.kind) ? um_jsonb_text(um_characteristic_to_jsonb(&element))
				: um_characteristic_text(&element);
			PG_RETURN_TEXT_P(cstring_to_text_with_len(text.ptr, text.len));
	}
}

/* ? */
Datum
um_characteristics_exists(PG_FUNCTION_ARGS)
{
	UmCharacteristic element;

	PG_RETURN_BOOL(find_last(UM_GETARG_LIST(0), um_text_slice(PG_GETARG_DATUM(1)), &element));
}

/* ?| */
Datum
um_characteristics_exists_any(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(exists_in_array(UM_GETARG_LIST(0), PG_GETARG_ARRAYTYPE_P(1), false));
}

/* ?& */
Datum
um_characteristics_exists_all(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(exists_in_array(UM_GETARG_LIST(0), PG_GETARG_ARRAYTYPE_P(1), true));
}

/* @> */
Datum
um_characteristics_contains(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(list_contains(UM_GETARG_LIST(0), UM_GETARG_LIST(1)));
}

/* <@ */
Datum
um_characteristics_contained(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(list_contains(UM_GETARG_LIST(1), UM_GETARG_LIST(0)));
}

/* Finds the last element of a name. */
static bool
find_last(const struct varlena *list, UmSlice name, UmCharacteristic *found)
{
	UmCharacteristicsReader reader;
	UmCharacteristic element;
	bool		any = false;

	um_characteristics_open(&reader, list);
	while (um_characteristics_next(&reader, &element))
	{
		if (um_is_named(&element, name))
		{
			*found = element;
			any = true;
		}
	}
	return any;
}

/*
 * A number as jsonb writes it.  Plain digits stay what they are; 1e2 becomes
 * 100 and -0 becomes 0.
 */
static text *
number_to_text(UmSlice number)
{
	bool		plain = number.len < 1000 &&
		memchr(number.ptr, 'e', number.len) == NULL &&
		memchr(number.ptr, 'E', number.len) == NULL &&
		!(number.len > 1 && number.ptr[0] == '-' && number.ptr[1] == '0');

	if (plain)
		return cstring_to_text_with_len(number.ptr, number.len);
	return cstring_to_text(DatumGetCString(DirectFunctionCall1(numeric_out, um_numeric(number))));
}

/* Whether any or all names of an array exist; NULLs are passed over. */
static bool
exists_in_array(const struct varlena *list, ArrayType *names, bool all)
{
	UmCharacteristic element;
	Datum	   *name;
	bool	   *null;
	int			count;
	int			pairs_count = 0;
	UmPair	   *pairs = NULL;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &name, &null, &count);
	if (count > FEW_PAIRS)
		pairs = um_unique_pairs(list, &pairs_count);
	for (int i = 0; i < count; i++)
	{
		UmSlice		wanted;
		bool		found;

		CHECK_FOR_INTERRUPTS();
		if (null[i])
			continue;
		wanted = um_text_slice(name[i]);
		found = pairs == NULL ? find_last(list, wanted, &element)
			: bsearch(&wanted, pairs, pairs_count, sizeof(UmPair), compare_to_pair) != NULL;
		if (found != all)
			return !all;
	}
	return all;
}

static int
compare_to_pair(const void *name, const void *pair)
{
	return um_compare_names(*(const UmSlice *) name, ((const UmPair *) pair)->element.name);
}

/* Containment of the objects of pairs. */
static bool
list_contains(const struct varlena *list, const struct varlena *part)
{
	UmCharacteristicsReader reader;
	int			wanted;
	int			count;
	int			i = 0;
	UmPair	   *want;
	UmPair	   *have;

	um_characteristics_open(&reader, part);
	if (reader.left <= FEW_PAIRS)
		return list_contains_few(list, &reader);
	want = um_unique_pairs(part, &wanted);
	have = um_unique_pairs(list, &count);
	for (int w = 0; w < wanted; w++)
	{
		int			order = -1;

		while (i < count &&
			   (order = um_compare_names(have[i].element.name, want[w].element.name)) < 0)
			i++;
		if (order != 0 || !value_contains(&have[i].element, &want[w].element))
			return false;
	}
	return true;
}

/* The same for the usual question: one walk, nothing allocated or sorted. */
static bool
list_contains_few(const struct varlena *list, UmCharacteristicsReader *part)
{
	UmCharacteristicsReader reader;
	UmCharacteristic element;
	UmCharacteristic want[FEW_PAIRS];
	UmCharacteristic have[FEW_PAIRS];
	int			wanted = 0;
	int			w;

	while (um_characteristics_next(part, &element))
	{
		if (!element.has_name)
			continue;
		for (w = 0; w < wanted && !um_same_slice(want[w].name, element.name); w++)
			;
		want[w] = element;
		have[w].has_name = false;
		wanted = Max(wanted, w + 1);
	}
	um_characteristics_open(&reader, list);
	while (um_characteristics_next(&reader, &element))
	{
		for (w = 0; w < wanted; w++)
			if (um_is_named(&element, want[w].name))
				have[w] = element;
	}
	for (w = 0; w < wanted; w++)
		if (!have[w].has_name || !value_contains(&have[w], &want[w]))
			return false;
	return true;
}

/* Containment of one value in another, as jsonb means it inside an object. */
static bool
value_contains(const UmCharacteristic *whole, const UmCharacteristic *part)
{
	if (whole->kind != part->kind)
		return false;
	switch (whole->kind)
	{
		case UM_STRING:
			return um_same_slice(whole->value, part->value);
		case UM_NUMBER_TOKEN:
			return um_same_slice(whole->value, part->value) ||
				DatumGetBool(DirectFunctionCall2(numeric_eq, um_numeric(whole->value),
												 um_numeric(part->value)));
		case UM_OBJECT_TOKEN:
		case UM_ARRAY_TOKEN:
			return um_same_slice(whole->value, part->value) ||
				json_contains(&DatumGetJsonbP(um_characteristic_to_jsonb(whole))->root,
							  &DatumGetJsonbP(um_characteristic_to_jsonb(part))->root);
		case UM_NONE:
		case UM_NULL:
		case UM_TRUE:
		case UM_FALSE:
			break;
	}
	return true;
}

/* What jsonb's @> says of two objects or arrays; that one does not look for a cancel. */
static bool
json_contains(JsonbContainer *whole, JsonbContainer *part)
{
	JsonbIterator *iterator = JsonbIteratorInit(part);
	JsonbIteratorToken token;
	JsonbValue	value;
	JsonbValue	found;
	bool		contains = JsonContainerIsObject(whole) == JsonContainerIsObject(part);

	check_stack_depth();
	(void) JsonbIteratorNext(&iterator, &value, true);
	while (contains &&
		   ((token = JsonbIteratorNext(&iterator, &value, true)) == WJB_KEY || token == WJB_ELEM))
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_ELEM)
		{
			contains = array_has(whole, &value);
			continue;
		}
		contains = getKeyJsonValueFromContainer(whole, value.val.string.val,
												value.val.string.len, &found) != NULL;
		(void) JsonbIteratorNext(&iterator, &value, true);
		contains = contains && json_value_contains(&found, &value);
	}
	if (iterator != NULL)
		pfree(iterator);		/* many may be asked */
	return contains;
}

static bool
array_has(JsonbContainer *array, JsonbValue *wanted)
{
	JsonbIterator *iterator = JsonbIteratorInit(array);
	JsonbValue	value;
	bool		found = false;

	(void) JsonbIteratorNext(&iterator, &value, true);
	while (!found && JsonbIteratorNext(&iterator, &value, true) == WJB_ELEM)
	{
		CHECK_FOR_INTERRUPTS();
		found = json_value_contains(&value, wanted);
	}
	if (iterator != NULL)
		pfree(iterator);
	return found;
}

static bool
json_value_contains(const JsonbValue *whole, const JsonbValue *part)
{
	if (whole->type != part->type)
		return false;
	switch (part->type)
	{
		case jbvString:
			return um_same_slice((UmSlice) {whole->val.string.val, whole->val.string.len},
								 (UmSlice) {part->val.string.val, part->val.string.len});
		case jbvNumeric:
			return DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(whole->val.numeric),
													NumericGetDatum(part->val.numeric)));
		case jbvBool:
			return whole->val.boolean == part->val.boolean;
		case jbvBinary:
			return json_contains(whole->val.binary.data, part->val.binary.data);
		default:
			return true;
	}
}
