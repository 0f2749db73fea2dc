/*
 * characteristics_ops.c
 *	  The type characteristics in SQL: input and output, casts, operators.
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
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "characteristics.h"
#include "compat.h"
#include "errors.h"

#define GETARG_LIST(n) \
	((const struct varlena *) PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(n)))

/* Of what the send function sends. */
#define BINARY_VERSION	1

/* As in jsonb_util.c: more pairs no jsonb object holds. */
#define MAX_JSONB_PAIRS (Min(MaxAllocSize / sizeof(JsonbPair), JB_CMASK))

/* Up to so many pairs are looked for one by one in each element. */
#define FEW_PAIRS	16

/* A named element and its place in the list. */
typedef struct Pair
{
	UmCharacteristic element;
	int			place;
} Pair;

static struct varlena *from_text(const char *text, int len);
static bool find_last(const struct varlena *list, UmSlice name, UmCharacteristic *found);
static Pair *unique_pairs(const struct varlena *list, int *count, bool *nested);
static int	compare_pairs(const void *a, const void *b);
static int	compare_names(UmSlice a, UmSlice b);
static Jsonb *list_to_jsonb(const struct varlena *list);
static Jsonb *pairs_to_jsonb(Pair *pairs, int count);
static Jsonb *pairs_to_jsonb_by_text(const Pair *pairs, int count);
static void scalar_to_jsonb_value(const UmCharacteristic *element, JsonbValue *value);
static Datum value_to_jsonb(const UmCharacteristic *element);
static text *number_to_text(UmSlice number);
static Datum numeric_of(UmSlice number);
static const UmCharacteristic *find_pair(const Pair *pairs, int count, UmSlice name);
static bool exists_in_array(const struct varlena *list, ArrayType *names, bool all);
static bool list_contains(const struct varlena *list, const struct varlena *part);
static bool list_contains_few(const struct varlena *list, UmCharacteristicsReader *part);
static bool value_contains(const UmCharacteristic *whole, const UmCharacteristic *part);
static bool json_contains(JsonbContainer *whole, JsonbContainer *part);
static bool array_has(JsonbContainer *array, JsonbValue *wanted);
static bool json_value_contains(const JsonbValue *whole, const JsonbValue *part);
static bool same_text(UmSlice a, UmSlice b);
static UmSlice slice_of(const text *value);

PG_FUNCTION_INFO_V1(um_characteristics_in);
PG_FUNCTION_INFO_V1(um_characteristics_out);
PG_FUNCTION_INFO_V1(um_characteristics_recv);
PG_FUNCTION_INFO_V1(um_characteristics_send);
PG_FUNCTION_INFO_V1(um_jsonb_to_characteristics);
PG_FUNCTION_INFO_V1(um_characteristics_to_json);
PG_FUNCTION_INFO_V1(um_characteristics_to_jsonb);
PG_FUNCTION_INFO_V1(um_characteristics_field);
PG_FUNCTION_INFO_V1(um_characteristics_field_text);
PG_FUNCTION_INFO_V1(um_characteristics_exists);
PG_FUNCTION_INFO_V1(um_characteristics_exists_any);
PG_FUNCTION_INFO_V1(um_characteristics_exists_all);
PG_FUNCTION_INFO_V1(um_characteristics_contains);
PG_FUNCTION_INFO_V1(um_characteristics_contained);

Datum
um_characteristics_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);

	PG_RETURN_POINTER(from_text(text, strlen(text)));
}

Datum
um_characteristics_out(PG_FUNCTION_ARGS)
{
	struct varlena *list = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0));
	StringInfoData out;

	initStringInfo(&out);
	um_write_characteristics(&out, list);
	PG_RETURN_CSTRING(out.data);
}

/* A version byte and the text, so that the format on disk can change. */
Datum
um_characteristics_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			version = pq_getmsgint(message, 1);
	char	   *text;
	int			len;

	if (version != BINARY_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("unsupported characteristics version number %d", version)));
	text = pq_getmsgtext(message, message->len - message->cursor, &len);
	PG_RETURN_POINTER(from_text(text, len));
}

Datum
um_characteristics_send(PG_FUNCTION_ARGS)
{
	struct varlena *list = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0));
	StringInfoData text;
	StringInfoData message;

	initStringInfo(&text);
	um_write_characteristics(&text, list);
	pq_begintypsend(&message);
	pq_sendint8(&message, BINARY_VERSION);
	pq_sendtext(&message, text.data, text.len);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

Datum
um_jsonb_to_characteristics(PG_FUNCTION_ARGS)
{
	Jsonb	   *value = PG_GETARG_JSONB_P(0);
	StringInfoData text;

	initStringInfo(&text);
	JsonbToCString(&text, &value->root, VARSIZE(value));
	PG_RETURN_POINTER(from_text(text.data, text.len));
}

/* To json: the TMF array. */
Datum
um_characteristics_to_json(PG_FUNCTION_ARGS)
{
	struct varlena *list = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0));
	StringInfoData out;

	initStringInfo(&out);
	um_write_characteristics(&out, list);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}

/* The jsonb object of the list's pairs. */
Datum
um_characteristics_to_jsonb(PG_FUNCTION_ARGS)
{
	PG_RETURN_JSONB_P(list_to_jsonb(GETARG_LIST(0)));
}

/* -> */
Datum
um_characteristics_field(PG_FUNCTION_ARGS)
{
	UmCharacteristic element;

	if (!find_last(GETARG_LIST(0), slice_of(PG_GETARG_TEXT_PP(1)), &element))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(value_to_jsonb(&element));
}

/* ->> */
Datum
um_characteristics_field_text(PG_FUNCTION_ARGS)
{
	UmCharacteristic element;
	Jsonb	   *value;

	if (!find_last(GETARG_LIST(0), slice_of(PG_GETARG_TEXT_PP(1)), &element))
		PG_RETURN_NULL();
	switch (element.kind)
	{
		case UM_STRING:
			PG_RETURN_TEXT_P(cstring_to_text_with_len(element.value.ptr, element.value.len));
		case UM_NUMBER_TOKEN:
			PG_RETURN_TEXT_P(number_to_text(element.value));
		case UM_TRUE:
			PG_RETURN_TEXT_P(cstring_to_text("true"));
		case UM_FALSE:
			PG_RETURN_TEXT_P(cstring_to_text("false"));
		case UM_OBJECT_TOKEN:
		case UM_ARRAY_TOKEN:
			value = DatumGetJsonbP(value_to_jsonb(&element));
			PG_RETURN_TEXT_P(cstring_to_text(JsonbToCString(NULL, &value->root, VARSIZE(value))));
		case UM_NONE:
		case UM_NULL:
			break;
	}
	PG_RETURN_NULL();
}

/* ? */
Datum
um_characteristics_exists(PG_FUNCTION_ARGS)
{
	UmCharacteristic element;

	PG_RETURN_BOOL(find_last(GETARG_LIST(0), slice_of(PG_GETARG_TEXT_PP(1)), &element));
}

/* ?| */
Datum
um_characteristics_exists_any(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(exists_in_array(GETARG_LIST(0), PG_GETARG_ARRAYTYPE_P(1), false));
}

/* ?& */
Datum
um_characteristics_exists_all(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(exists_in_array(GETARG_LIST(0), PG_GETARG_ARRAYTYPE_P(1), true));
}

/* @> */
Datum
um_characteristics_contains(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(list_contains(GETARG_LIST(0), GETARG_LIST(1)));
}

/* <@ */
Datum
um_characteristics_contained(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(list_contains(GETARG_LIST(1), GETARG_LIST(0)));
}

/* The list of a text; raises what is wrong with it. */
static struct varlena *
from_text(const char *text, int len)
{
	UmFaults	faults = {.version = UM_R14_5, .list = NIL};
	UmScan		scan;
	struct varlena *list;

	um_scan_init(&scan, text, len);
	if (!um_read_characteristics(&scan, false, &faults, NULL, &list) || !um_scan_finish(&scan))
		ereport(ERROR,
				(errcode(scan.sqlstate),
				 errmsg("invalid input for type %s: %s", "characteristics", scan.message)));
	um_raise_faults(&faults, &um_characteristic);
	return list;
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
		if (element.has_name && same_text(element.name, name))
		{
			*found = element;
			any = true;
		}
	}
	return any;
}

/*
 * The pairs as jsonb keeps them: no name twice, sorted by name in the order of
 * jsonb's keys.  Says also whether any value is an object or array.
 */
static Pair *
unique_pairs(const struct varlena *list, int *count, bool *nested)
{
	UmCharacteristicsReader reader;
	Pair	   *pairs;
	int			n = 0;
	int			kept = 0;

	um_characteristics_open(&reader, list);
	pairs = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Pair) * ((Size) reader.left + 1));
	while (um_characteristics_next(&reader, &pairs[n].element))
	{
		pairs[n].place = n;
		if (pairs[n].element.has_name)
			n++;
	}
	qsort(pairs, n, sizeof(Pair), compare_pairs);
	*nested = false;
	for (int i = 0; i < n; i++)
	{
		if (i + 1 < n && same_text(pairs[i].element.name, pairs[i + 1].element.name))
			continue;
		if (pairs[i].element.kind == UM_OBJECT_TOKEN || pairs[i].element.kind == UM_ARRAY_TOKEN)
			*nested = true;
		pairs[kept++] = pairs[i];
	}
	*count = kept;
	return pairs;
}

static int
compare_pairs(const void *a, const void *b)
{
	const Pair *x = a;
	const Pair *y = b;
	int			order = compare_names(x->element.name, y->element.name);

	return order != 0 ? order : x->place - y->place;
}

/* The order of keys in jsonb: the shorter first, then by bytes. */
static int
compare_names(UmSlice a, UmSlice b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return a.len == 0 ? 0 : memcmp(a.ptr, b.ptr, a.len);
}

static Jsonb *
list_to_jsonb(const struct varlena *list)
{
	bool		nested;
	int			count;
	Pair	   *pairs = unique_pairs(list, &count, &nested);

	return nested ? pairs_to_jsonb_by_text(pairs, count) : pairs_to_jsonb(pairs, count);
}

/*
 * An object of scalars, made directly of the pairs, which are freed.  They are in
 * jsonb's order already, and every major version takes such an object, while the interface of
 * pushJsonbValue is not the same in all.
 */
static Jsonb *
pairs_to_jsonb(Pair *pairs, int count)
{
	JsonbValue	object;

	if (count > (int) MAX_JSONB_PAIRS)
		ereport(ERROR,
				(errcode(UM_TOO_MUCH),
				 errmsg("number of characteristics exceeds the maximum allowed in jsonb (%zu)",
						MAX_JSONB_PAIRS)));
	object.type = jbvObject;
	object.val.object.nPairs = count;
	object.val.object.pairs = MemoryContextAllocHuge(CurrentMemoryContext,
													 sizeof(JsonbPair) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		JsonbPair  *pair = &object.val.object.pairs[i];

		pair->key.type = jbvString;
		pair->key.val.string.val = unconstify(char *, pairs[i].element.name.ptr);
		pair->key.val.string.len = pairs[i].element.name.len;
		pair->order = i;
		scalar_to_jsonb_value(&pairs[i].element, &pair->value);
	}
	pfree(pairs);
	return JsonbValueToJsonb(&object);
}

/* An object with nested values, which only jsonb's parser can make. */
static Jsonb *
pairs_to_jsonb_by_text(const Pair *pairs, int count)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int i = 0; i < count; i++)
	{
		const UmCharacteristic *element = &pairs[i].element;

		if (i > 0)
			appendStringInfoChar(&json, ',');
		um_append_json_string(&json, element->name.ptr, element->name.len);
		appendStringInfoChar(&json, ':');
		if (element->kind == UM_STRING)
			um_append_json_string(&json, element->value.ptr, element->value.len);
		else if (element->kind == UM_NONE)
			appendStringInfoString(&json, "null");
		else if (element->kind == UM_TRUE)
			appendStringInfoString(&json, "true");
		else if (element->kind == UM_FALSE)
			appendStringInfoString(&json, "false");
		else
			appendBinaryStringInfo(&json, element->value.ptr, element->value.len);
	}
	appendStringInfoChar(&json, '}');
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
}

static void
scalar_to_jsonb_value(const UmCharacteristic *element, JsonbValue *value)
{
	switch (element->kind)
	{
		case UM_STRING:
			value->type = jbvString;
			value->val.string.val = unconstify(char *, element->value.ptr);
			value->val.string.len = element->value.len;
			break;
		case UM_NUMBER_TOKEN:
			value->type = jbvNumeric;
			value->val.numeric = DatumGetNumeric(numeric_of(element->value));
			break;
		case UM_TRUE:
		case UM_FALSE:
			value->type = jbvBool;
			value->val.boolean = (element->kind == UM_TRUE);
			break;
		case UM_NONE:
		case UM_NULL:
			value->type = jbvNull;
			break;
		case UM_OBJECT_TOKEN:
		case UM_ARRAY_TOKEN:
			elog(ERROR, "not a scalar");
	}
}

/* The value alone, of whatever kind. */
static Datum
value_to_jsonb(const UmCharacteristic *element)
{
	JsonbValue	value;

	if (element->kind == UM_OBJECT_TOKEN || element->kind == UM_ARRAY_TOKEN)
		return DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(element->value.ptr,
																	  element->value.len)));
	scalar_to_jsonb_value(element, &value);
	return JsonbPGetDatum(JsonbValueToJsonb(&value));
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
	return cstring_to_text(DatumGetCString(DirectFunctionCall1(numeric_out, numeric_of(number))));
}

static Datum
numeric_of(UmSlice number)
{
	char	   *copy = pnstrdup(number.ptr, number.len);
	Datum		numeric = DirectFunctionCall3(numeric_in, CStringGetDatum(copy),
											  ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));

	pfree(copy);
	return numeric;
}

/* Whether any or all names of an array exist; NULLs are passed over. */
static bool
exists_in_array(const struct varlena *list, ArrayType *names, bool all)
{
	UmCharacteristic element;
	Datum	   *name;
	bool	   *null;
	bool		nested;
	int			count;
	int			pairs_count = 0;
	Pair	   *pairs = NULL;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &name, &null, &count);
	if (count > FEW_PAIRS)
		pairs = unique_pairs(list, &pairs_count, &nested);
	for (int i = 0; i < count; i++)
	{
		UmSlice		wanted;
		bool		found;

		CHECK_FOR_INTERRUPTS();
		if (null[i])
			continue;
		wanted = slice_of(DatumGetTextPP(name[i]));
		found = pairs != NULL ? find_pair(pairs, pairs_count, wanted) != NULL
			: find_last(list, wanted, &element);
		if (found != all)
			return !all;
	}
	return all;
}

/* The element of a name among sorted pairs, or NULL. */
static const UmCharacteristic *
find_pair(const Pair *pairs, int count, UmSlice name)
{
	int			from = 0;
	int			to = count;

	while (from < to)
	{
		int			middle = (from + to) / 2;
		int			order = compare_names(pairs[middle].element.name, name);

		if (order == 0)
			return &pairs[middle].element;
		if (order < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return NULL;
}

/* Containment of the objects of pairs. */
static bool
list_contains(const struct varlena *list, const struct varlena *part)
{
	UmCharacteristicsReader reader;
	bool		nested;
	int			wanted;
	int			count;
	int			i = 0;
	Pair	   *want;
	Pair	   *have;

	um_characteristics_open(&reader, part);
	if (reader.left <= FEW_PAIRS)
		return list_contains_few(list, &reader);
	want = unique_pairs(part, &wanted, &nested);
	have = unique_pairs(list, &count, &nested);
	for (int w = 0; w < wanted; w++)
	{
		int			order = -1;

		while (i < count &&
			   (order = compare_names(have[i].element.name, want[w].element.name)) < 0)
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
		for (w = 0; w < wanted && !same_text(want[w].name, element.name); w++)
			;
		want[w] = element;
		have[w].has_name = false;
		wanted = Max(wanted, w + 1);
	}
	um_characteristics_open(&reader, list);
	while (um_characteristics_next(&reader, &element))
	{
		for (w = 0; w < wanted; w++)
			if (element.has_name && same_text(want[w].name, element.name))
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
			return same_text(whole->value, part->value);
		case UM_NUMBER_TOKEN:
			return same_text(whole->value, part->value) ||
				DatumGetBool(DirectFunctionCall2(numeric_eq, numeric_of(whole->value),
												 numeric_of(part->value)));
		case UM_OBJECT_TOKEN:
		case UM_ARRAY_TOKEN:
			return same_text(whole->value, part->value) ||
				json_contains(&DatumGetJsonbP(value_to_jsonb(whole))->root,
							  &DatumGetJsonbP(value_to_jsonb(part))->root);
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
			return same_text((UmSlice) {whole->val.string.val, whole->val.string.len},
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

static bool
same_text(UmSlice a, UmSlice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static UmSlice
slice_of(const text *value)
{
	UmSlice		slice = {VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)};

	return slice;
}
