/*
 * characteristics_io.c
 *	  The type characteristics in and out of SQL: text, binary, json, and the
 *	  jsonb object of its pairs.
 *
 * The object is what a list means to every operator: of a repeated name the
 * last counts, an element without a name is not seen, one without a value has
 * the value null.
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "characteristics_io.h"
#include "compat.h"
#include "errors.h"
#include "scalar.h"

/* Of what the send function sends. */
#define BINARY_VERSION	1

/* As in jsonb_util.c: more pairs no jsonb object holds. */
#define MAX_JSONB_PAIRS (Min(MaxAllocSize / sizeof(JsonbPair), JB_CMASK))

static struct varlena *from_text(const char *text, int len);
static StringInfoData text_of(const struct varlena *list);
static int	compare_pairs(const void *a, const void *b);
static Jsonb *pairs_to_jsonb(UmPair *pairs, int count);
static Jsonb *pairs_to_jsonb_by_text(const UmPair *pairs, int count);
static void scalar_to_jsonb_value(const UmCharacteristic *element, JsonbValue *value);

PG_FUNCTION_INFO_V1(um_characteristics_in);
PG_FUNCTION_INFO_V1(um_characteristics_out);
PG_FUNCTION_INFO_V1(um_characteristics_recv);
PG_FUNCTION_INFO_V1(um_characteristics_send);
PG_FUNCTION_INFO_V1(um_jsonb_to_characteristics);
PG_FUNCTION_INFO_V1(um_characteristics_to_json);
PG_FUNCTION_INFO_V1(um_characteristics_to_jsonb);

Datum
um_characteristics_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);

	PG_RETURN_POINTER(from_text(text, strlen(text)));
}

Datum
um_characteristics_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(text_of(UM_GETARG_LIST(0)).data);
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
	StringInfoData text = text_of(UM_GETARG_LIST(0));
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendint8(&message, BINARY_VERSION);
	pq_sendtext(&message, text.data, text.len);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

Datum
um_jsonb_to_characteristics(PG_FUNCTION_ARGS)
{
	UmSlice		text = um_jsonb_text(PG_GETARG_DATUM(0));

	PG_RETURN_POINTER(from_text(text.ptr, text.len));
}

/* To json: the TMF array. */
Datum
um_characteristics_to_json(PG_FUNCTION_ARGS)
{
	StringInfoData text = text_of(UM_GETARG_LIST(0));

	PG_RETURN_TEXT_P(cstring_to_text_with_len(text.data, text.len));
}

/* The jsonb object of the list's pairs. */
Datum
um_characteristics_to_jsonb(PG_FUNCTION_ARGS)
{
	bool		nested = false;
	int			count;
	UmPair	   *pairs = um_unique_pairs(UM_GETARG_LIST(0), &count);

	for (int i = 0; i < count; i++)
		nested |= um_is_nested(pairs[i].element.kind);
	PG_RETURN_JSONB_P(nested ? pairs_to_jsonb_by_text(pairs, count)
					  : pairs_to_jsonb(pairs, count));
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
	um_raise_faults(&faults, &um_characteristic, NULL);
	return list;
}

/* The TMF array. */
static StringInfoData
text_of(const struct varlena *list)
{
	StringInfoData text;

	initStringInfo(&text);
	um_write_characteristics(&text, list);
	return text;
}

/*
 * The pairs as jsonb keeps them: no name twice, sorted by name in the order of
 * jsonb's keys.
 */
UmPair *
um_unique_pairs(const struct varlena *list, int *count)
{
	UmCharacteristicsReader reader;
	UmPair	   *pairs;
	int			n = 0;
	int			kept = 0;

	um_characteristics_open(&reader, list);
	pairs = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(UmPair) * ((Size) reader.left + 1));
	while (um_characteristics_next(&reader, &pairs[n].element))
	{
		pairs[n].place = n;
		if (pairs[n].element.has_name)
			n++;
	}
	qsort(pairs, n, sizeof(UmPair), compare_pairs);
	for (int i = 0; i < n; i++)
		if (i + 1 == n || !um_same_slice(pairs[i].element.name, pairs[i + 1].element.name))
			pairs[kept++] = pairs[i];
	*count = kept;
	return pairs;
}

static int
compare_pairs(const void *a, const void *b)
{
	const UmPair *x = a;
	const UmPair *y = b;
	int			order = um_compare_names(x->element.name, y->element.name);

	return order != 0 ? order : x->place - y->place;
}

/* The order of keys in jsonb: the shorter first, then by bytes. */
int
um_compare_names(UmSlice a, UmSlice b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return a.len == 0 ? 0 : memcmp(a.ptr, b.ptr, a.len);
}

/*
 * An object of scalars, made directly of the pairs, which are freed.  They are
 * in jsonb's order already, and every major version takes such an object, while
 * the interface of pushJsonbValue is not the same in all.
 */
static Jsonb *
pairs_to_jsonb(UmPair *pairs, int count)
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
pairs_to_jsonb_by_text(const UmPair *pairs, int count)
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
		if (element->kind == UM_NONE)
			appendStringInfoString(&json, "null");
		else
			um_write_characteristic_value(&json, element);
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
			value->val.numeric = DatumGetNumeric(um_numeric(element->value));
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
Datum
um_characteristic_to_jsonb(const UmCharacteristic *element)
{
	JsonbValue	value;

	if (um_is_nested(element->kind))
		return DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(element->value.ptr,
																	  element->value.len)));
	scalar_to_jsonb_value(element, &value);
	return JsonbPGetDatum(JsonbValueToJsonb(&value));
}
