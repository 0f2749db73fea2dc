/*
 * characteristics_gin.c
 *	  What indexes and sorting out need of the type characteristics: equality,
 *	  hashes, and the keys of a GIN index.
 *
 * Equality and hash are those of the list: names, values and other members as
 * text, in their order.  They look at elements, never at stored bytes, because
 * one name may be stored in two ways.
 *
 * The GIN keys are 64-bit hashes: one says that a name is there, one that a
 * name is there with a certain scalar value, numbers hashed by value.  A string
 * that is a number and not in its plain spelling has the key of the number, too:
 * so ?=, which compares as a query string does, finds every spelling by two keys.
 * Hashes collide, and of a repeated name every value has a key although to @>
 * only the last counts, so an index only ever proposes rows and each is checked
 * again.  The keys are on disk: a change of them needs REINDEX.
 */
#include "postgres.h"

#include "access/gin.h"
#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"

#include "characteristics_gin.h"
#include "compat.h"
#include "number.h"
#include "scalar.h"

/* Strategies, numbered as in jsonb's operator class. */
#define CONTAINS_STRATEGY	7
#define EXISTS_STRATEGY		9
#define EXISTS_ANY_STRATEGY 10
#define EXISTS_ALL_STRATEGY 11

/* Not one of those; the last that a class may have. */
#define MATCH_STRATEGY		63

/* Start of the hash of a name, so that it is no hash of anything else. */
#define NAME_SEED	UINT64CONST(0x756D5F6E616D65)

/* The keys of one element of a query, and its place. */
typedef struct QueryKey
{
	uint64		name;
	uint64		key;			/* of name and value, or of the name alone */
	int			place;
} QueryKey;

static bool same_list(const struct varlena *a, const struct varlena *b);
static inline uint64 hash_slice(UmSlice slice, uint64 seed);
static Datum *keys_of_names(ArrayType *names, int32 *count);
static Datum *keys_of_values(const UmNamedValues *wanted, int32 *count);
static UmToken kind_of_json(UmSlice text);
static inline bool any_is_enough(StrategyNumber strategy);
static Datum *keys_of_part(const struct varlena *part, int32 *count);
static int	compare_query_keys(const void *a, const void *b);

PG_FUNCTION_INFO_V1(um_characteristics_eq);
PG_FUNCTION_INFO_V1(um_characteristics_ne);
PG_FUNCTION_INFO_V1(um_characteristics_hash);
PG_FUNCTION_INFO_V1(um_characteristics_hash_extended);
PG_FUNCTION_INFO_V1(um_characteristics_gin_extract_value);
PG_FUNCTION_INFO_V1(um_characteristics_gin_extract_query);
PG_FUNCTION_INFO_V1(um_characteristics_gin_consistent);
PG_FUNCTION_INFO_V1(um_characteristics_gin_triconsistent);

/* = */
Datum
um_characteristics_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(same_list(UM_GETARG_LIST(0), UM_GETARG_LIST(1)));
}

/* <> */
Datum
um_characteristics_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!same_list(UM_GETARG_LIST(0), UM_GETARG_LIST(1)));
}

/* With seed 0 the extended hash must have these as its lower bits. */
Datum
um_characteristics_hash(PG_FUNCTION_ARGS)
{
	PG_RETURN_UINT32((uint32) um_hash_list(UM_GETARG_LIST(0), 0));
}

Datum
um_characteristics_hash_extended(PG_FUNCTION_ARGS)
{
	PG_RETURN_UINT64(um_hash_list(UM_GETARG_LIST(0), PG_GETARG_INT64(1)));
}

/* The keys of a stored list. */
Datum
um_characteristics_gin_extract_value(PG_FUNCTION_ARGS)
{
	const struct varlena *list = UM_GETARG_LIST(0);
	int32	   *count = (int32 *) PG_GETARG_POINTER(1);
	UmCharacteristicsReader reader;
	UmCharacteristic element;
	UmSlice		number;
	Datum	   *keys;

	*count = 0;
	um_characteristics_open(&reader, list);
	keys = palloc(sizeof(Datum) * (3 * (Size) reader.left + 1));
	while (um_characteristics_next(&reader, &element))
	{
		uint64		name;

		if (!element.has_name)
			continue;
		name = um_name_key(element.name);
		keys[(*count)++] = UInt64GetDatum(name);
		if (!um_is_nested(element.kind))
			keys[(*count)++] = UInt64GetDatum(um_pair_key(name, &element));
		if (element.kind == UM_STRING && !um_is_plain_number(element.value) &&
			um_number_in(element.value, &number))
		{
			element.kind = UM_NUMBER_TOKEN;
			element.value = number;
			keys[(*count)++] = UInt64GetDatum(um_pair_key(name, &element));
		}
	}
	PG_RETURN_POINTER(keys);
}

/* The keys that a condition asks for. */
Datum
um_characteristics_gin_extract_query(PG_FUNCTION_ARGS)
{
	int32	   *count = (int32 *) PG_GETARG_POINTER(1);
	StrategyNumber strategy = PG_GETARG_UINT16(2);
	int32	   *mode = (int32 *) PG_GETARG_POINTER(6);
	UmNamedValues wanted;
	Datum	   *keys;

	switch (strategy)
	{
		case CONTAINS_STRATEGY:
			keys = keys_of_part(UM_GETARG_LIST(0), count);
			break;
		case EXISTS_STRATEGY:
			keys = palloc(sizeof(Datum));
			keys[0] = UInt64GetDatum(um_name_key(um_text_slice(PG_GETARG_DATUM(0))));
			*count = 1;
			break;
		case EXISTS_ANY_STRATEGY:
		case EXISTS_ALL_STRATEGY:
			keys = keys_of_names(PG_GETARG_ARRAYTYPE_P(0), count);
			break;
		case MATCH_STRATEGY:
			wanted = um_named_values(PG_GETARG_ARRAYTYPE_P(0));
			keys = keys_of_values(&wanted, count);
			break;
		default:
			elog(ERROR, "strategy number %d is not known", strategy);
	}
	/* Every list contains an empty one and has all of no names, none has any. */
	if (*count == 0 && !any_is_enough(strategy))
		*mode = GIN_SEARCH_MODE_ALL;
	PG_RETURN_POINTER(keys);
}

/* Whether a row with these keys may fulfil the condition. */
Datum
um_characteristics_gin_consistent(PG_FUNCTION_ARGS)
{
	bool	   *check = (bool *) PG_GETARG_POINTER(0);
	StrategyNumber strategy = PG_GETARG_UINT16(1);
	int32		count = PG_GETARG_INT32(3);
	bool	   *recheck = (bool *) PG_GETARG_POINTER(5);
	bool		any = any_is_enough(strategy);

	*recheck = true;
	for (int i = 0; i < count; i++)
		if (check[i] == any)
			PG_RETURN_BOOL(any);
	PG_RETURN_BOOL(!any);
}

/* The same with three values; true is never certain. */
Datum
um_characteristics_gin_triconsistent(PG_FUNCTION_ARGS)
{
	GinTernaryValue *check = (GinTernaryValue *) PG_GETARG_POINTER(0);
	StrategyNumber strategy = PG_GETARG_UINT16(1);
	int32		count = PG_GETARG_INT32(3);
	bool		any = any_is_enough(strategy);

	for (int i = 0; i < count; i++)
		if ((check[i] != GIN_FALSE) == any)
			PG_RETURN_GIN_TERNARY_VALUE(any ? GIN_MAYBE : GIN_FALSE);
	PG_RETURN_GIN_TERNARY_VALUE(any ? GIN_FALSE : GIN_MAYBE);
}

/* Whether a row needs but one of the keys. */
static inline bool
any_is_enough(StrategyNumber strategy)
{
	return strategy == EXISTS_ANY_STRATEGY || strategy == MATCH_STRATEGY;
}

/* Whether two lists have the same elements in the same order. */
static bool
same_list(const struct varlena *a, const struct varlena *b)
{
	UmCharacteristicsReader left;
	UmCharacteristicsReader right;
	UmCharacteristic x;
	UmCharacteristic y;

	if (VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0)
		return true;
	um_characteristics_open(&left, a);
	um_characteristics_open(&right, b);
	if (left.left != right.left)
		return false;
	while (um_characteristics_next(&left, &x) && um_characteristics_next(&right, &y))
	{
		if (x.has_name != y.has_name || x.kind != y.kind || !um_same_slice(x.name, y.name) ||
			!um_same_slice(x.value, y.value) || !um_same_slice(x.extra, y.extra))
			return false;
	}
	return true;
}

/*
 * A hash of all that equality looks at.  Each piece is hashed with its length,
 * so that pieces cannot run together.
 */
uint64
um_hash_list(const struct varlena *list, uint64 seed)
{
	UmCharacteristicsReader reader;
	UmCharacteristic e;
	uint64		hash = seed;

	um_characteristics_open(&reader, list);
	while (um_characteristics_next(&reader, &e))
	{
		unsigned char head = e.kind | (e.has_name ? 0x10 : 0);

		hash = hash_bytes_extended(&head, 1, hash);
		hash = hash_slice(e.name, hash);
		hash = hash_slice(e.value, hash);
		hash = hash_slice(e.extra, hash);
	}
	return hash;
}

static inline uint64
hash_slice(UmSlice slice, uint64 seed)
{
	return hash_bytes_extended((const unsigned char *) slice.ptr, slice.len, seed);
}

/* The key of a name. */
uint64
um_name_key(UmSlice name)
{
	return hash_slice(name, NAME_SEED);
}

/* The key of a name with a scalar value; of others the kind alone counts. */
uint64
um_pair_key(uint64 name, const UmCharacteristic *element)
{
	unsigned char kind = element->kind;
	uint64		hash = hash_bytes_extended(&kind, 1, name);
	Datum		number;

	if (element->kind == UM_STRING)
		return hash_slice(element->value, hash);
	if (element->kind != UM_NUMBER_TOKEN)
		return hash;
	number = um_numeric(element->value);
	hash = DatumGetUInt64(DirectFunctionCall2(hash_numeric_extended, number, UInt64GetDatum(hash)));
	pfree(DatumGetPointer(number));
	return hash;
}

/* The keys of an array of names; NULLs are passed over. */
static Datum *
keys_of_names(ArrayType *names, int32 *count)
{
	Datum	   *name;
	bool	   *null;
	int			names_count;
	Datum	   *keys;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &name, &null, &names_count);
	keys = palloc(sizeof(Datum) * (names_count + 1));
	*count = 0;
	for (int i = 0; i < names_count; i++)
		if (!null[i])
			keys[(*count)++] = UInt64GetDatum(um_name_key(um_text_slice(name[i])));
	return keys;
}

/* Takes the operand of ?= apart; values that are NULL match nothing. */
UmNamedValues
um_named_values(ArrayType *array)
{
	UmNamedValues wanted = {.count = 0};
	bool	   *nulls;
	int			count;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &wanted.values, &nulls, &count);
	if (count == 0 || nulls[0])
		return wanted;
	wanted.name = um_text_slice(wanted.values[0]);
	for (int i = 1; i < count; i++)
		if (!nulls[i])
			wanted.values[wanted.count++] = wanted.values[i];
	return wanted;
}

/* One of these keys is there where ?= holds. */
static Datum *
keys_of_values(const UmNamedValues *wanted, int32 *count)
{
	uint64		name = wanted->count > 0 ? um_name_key(wanted->name) : 0;
	Datum	   *keys = palloc(sizeof(Datum) * (2 * (Size) wanted->count + 1));

	*count = 0;
	for (int i = 0; i < wanted->count; i++)
	{
		UmCharacteristic forms[2];
		int			n = um_forms_of_value(wanted, i, forms);

		for (int f = 0; f < n; f++)
			keys[(*count)++] = UInt64GetDatum(um_is_nested(forms[f].kind) ? name
											  : um_pair_key(name, &forms[f]));
	}
	return keys;
}

/*
 * The elements of a list that one of the values may mean: the number and the
 * string with its plain spelling, which stand for all its spellings, or else the
 * string and the JSON.  How many they are.
 */
int
um_forms_of_value(const UmNamedValues *wanted, int place, UmCharacteristic forms[2])
{
	UmSlice		text = um_text_slice(wanted->values[place]);
	UmSlice		number;

	CHECK_FOR_INTERRUPTS();
	forms[0] = (UmCharacteristic) {.has_name = true, .name = wanted->name};
	forms[0].kind = UM_STRING;
	forms[0].value = um_plain(text);
	forms[1] = forms[0];
	forms[1].kind = um_number_in(text, &number) ? UM_NUMBER_TOKEN : kind_of_json(text);
	forms[1].value = forms[1].kind == UM_NUMBER_TOKEN ? number : text;
	return forms[1].kind == UM_NONE ? 1 : 2;
}

/* What a value would be whose JSON is that text, as um_characteristic_text gives it. */
static UmToken
kind_of_json(UmSlice text)
{
	if (text.len > 0 && (text.ptr[0] == '{' || text.ptr[0] == '['))
		return text.ptr[0] == '{' ? UM_OBJECT_TOKEN : UM_ARRAY_TOKEN;
	if (um_slice_is(text, "true"))
		return UM_TRUE;
	if (um_slice_is(text, "false"))
		return UM_FALSE;
	return um_is_number(text) ? UM_NUMBER_TOKEN : UM_NONE;
}

/*
 * What a list must have to contain another.  Of a repeated name the last value
 * counts; names whose hashes collide pass for one name, and one of them is not
 * asked for, which only proposes more rows.
 */
static Datum *
keys_of_part(const struct varlena *part, int32 *count)
{
	UmCharacteristicsReader reader;
	UmCharacteristic element;
	QueryKey   *found;
	Datum	   *keys;
	int			n = 0;

	um_characteristics_open(&reader, part);
	found = palloc(sizeof(QueryKey) * ((Size) reader.left + 1));
	keys = palloc(sizeof(Datum) * ((Size) reader.left + 1));
	while (um_characteristics_next(&reader, &element))
	{
		if (!element.has_name)
			continue;
		found[n].name = found[n].key = um_name_key(element.name);
		if (!um_is_nested(element.kind))
			found[n].key = um_pair_key(found[n].name, &element);
		found[n].place = n;
		n++;
	}
	qsort(found, n, sizeof(QueryKey), compare_query_keys);
	*count = 0;
	for (int i = 0; i < n; i++)
		if (i + 1 == n || found[i].name != found[i + 1].name)
			keys[(*count)++] = UInt64GetDatum(found[i].key);
	return keys;
}

static int
compare_query_keys(const void *a, const void *b)
{
	const QueryKey *x = a;
	const QueryKey *y = b;

	if (x->name != y->name)
		return x->name < y->name ? -1 : 1;
	return x->place - y->place;
}
