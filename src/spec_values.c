/*
 * spec_values.c
 *	  What one characteristic of a specification may be.
 *
 * A value is to be like one of those specified: of its type, in its unit where
 * both have one, equal to it, within its bounds, matched by its expression; and
 * matched by the expression of the characteristic.  What is specified is read
 * once and kept as it is compared: numbers as numbers, times as times,
 * expressions compiled.
 *
 * Values that are listed and nothing more are kept in the order of a hash, so
 * that none is compared with each.  Only the others are tried one by one.
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "scalar.h"
#include "spec_values.h"

/* What a value type says of a value, as bits; of other types nothing is known. */
#define TYPE_NUMBER		0x01
#define TYPE_BOOLEAN	0x02
#define TYPE_TIME		0x04
#define TYPE_OTHER		0x08
#define TYPES_END		0x10

#define MAX_PATTERN_BYTES (32 * 1024 * 1024)	/* of expressions kept compiled */

/* A value, and what it may be compared as. */
typedef struct Comparable
{
	bool		is_set;
	UmSlice		text;
	UmSlice		trimmed;
	Numeric		number;			/* NULL where it is none */
	bool		is_time;
	TimestampTz time;
} Comparable;

/* The listed value, or any, with what else is specified of it. */
typedef struct UmAllowedValue
{
	int			type;			/* one of the bits */
	Comparable	listed;
	uint64		key;			/* hash of the listed value */
	Comparable	from;
	Comparable	to;
	UmSlice		unit;			/* len 0 where there is none */
	UmExpression regex;
} UmAllowedValue;

static UmSlice text_of(const UmRecord *record, const char *column);
static int	bound(const UmRecord *record, const char *column, bool upper, int missing);
static bool is_mandatory(UmSlice presence);
static bool is_word(UmSlice text, const char *word);
static void arrange_values(UmKnown *known, const UmList *values);
static void add_value(UmKnown *known, const UmAllowedValue *value);
static int	compare_allowed(const void *a, const void *b);
static int	type_of(UmSlice name);
static bool read_listed(UmSlice text, Comparable *listed);
static Comparable comparable(UmSlice text);
static uint64 key_of(const Comparable *value);
static bool is_number(const Comparable *value);
static UmVerdict judge_values(UmKnown *known, const UmCharacteristic *c, UmSlice unit,
							  UmMatter *matter);
static UmVerdict judge_value(const UmKnown *known, const Comparable *found, UmSlice unit,
							 UmAllowedValue *value, UmMatter *matter);
static UmVerdict judge_expression(const UmKnown *known, UmExpression *regex, UmSlice text,
								  UmMatter *matter);
static bool is_listed(const Comparable *found, const UmKnown *known, int types);
static int	fitting_types(const UmCharacteristic *c, int types);
static bool value_fits(const Comparable *found, const UmAllowedValue *value);
static int	compare_values(const Comparable *a, const Comparable *b);

/* The name of a characteristic; false where it has none. */
bool
um_known_name(const UmRecord *characteristic, UmSlice *name)
{
	*name = text_of(characteristic, "name");
	return name->ptr != NULL;
}

/* What a column holds; without a text for NULL. */
static UmSlice
text_of(const UmRecord *record, const char *column)
{
	int			slot = um_find_attribute(record->model, column)->slot;

	return um_is_set(record, slot) ? um_slot_slice(record, slot) : (UmSlice) {NULL, 0};
}

/*
 * Takes over what is specified of a characteristic.  Where presence and
 * cardinality disagree, the stricter holds.
 */
void
um_known_arrange(UmKnown *known, const UmRecord *characteristic)
{
	known->least = bound(characteristic, "min_cardinality", false, 0);
	known->most = bound(characteristic, "max_cardinality", true, -1);
	if (known->least == 0 && is_mandatory(text_of(characteristic, "presence")))
		known->least = 1;
	known->counter = -1;
	known->regex = (UmExpression) {.text = text_of(characteristic, "regex")};
	arrange_values(known, um_record_list(characteristic,
										 um_find_attribute(characteristic->model, "values")));
}

/* A cardinality, which is a whole number or the next one that a count can keep to. */
static int
bound(const UmRecord *record, const char *column, bool upper, int missing)
{
	int			slot = um_find_attribute(record->model, column)->slot;
	double		number;

	if (!um_is_set(record, slot))
		return missing;
	number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, record->value[slot]));
	if (isnan(number) || number < 0)
		return missing;
	number = upper ? floor(number) : ceil(number);
	return number < PG_INT32_MAX ? (int) number : PG_INT32_MAX;
}

/* The seeds have the word and no values for it: a JSON string or true. */
static bool
is_mandatory(UmSlice presence)
{
	static const char *const words[] = {"mandatory", "required", "true"};

	if (presence.len >= 2 && presence.ptr[0] == '"')
		presence = um_trim((UmSlice) {presence.ptr + 1, presence.len - 2});
	for (size_t i = 0; i < lengthof(words); i++)
		if (is_word(presence, words[i]))
			return true;
	return false;
}

static bool
is_word(UmSlice text, const char *word)
{
	return text.len == (int) strlen(word) && pg_strncasecmp(text.ptr, word, text.len) == 0;
}

static void
arrange_values(UmKnown *known, const UmList *values)
{
	int			count = values != NULL ? values->count : 0;

	known->types = known->free_types = known->listed = known->count = 0;
	known->measured = false;
	known->value = palloc(sizeof(UmAllowedValue) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		const UmRecord *record = values->record[i];
		UmAllowedValue value = {.type = type_of(text_of(record, "value_type"))};

		CHECK_FOR_INTERRUPTS();
		known->types |= value.type;
		if (!read_listed(text_of(record, "value"), &value.listed))
			continue;			/* no value is like it */
		value.key = value.listed.is_set ? key_of(&value.listed) : 0;
		value.from = comparable(text_of(record, "value_from"));
		value.to = comparable(text_of(record, "value_to"));
		value.regex.text = text_of(record, "regex");
		value.unit = um_trim(text_of(record, "unit_of_measure"));
		add_value(known, &value);
	}
	qsort(known->value, known->listed, sizeof(UmAllowedValue), compare_allowed);
}

static void
add_value(UmKnown *known, const UmAllowedValue *value)
{
	known->measured |= value->unit.len > 0;
	if (value->from.is_set || value->to.is_set || value->regex.text.len > 0 || value->unit.len > 0)
		known->value[known->count++] = *value;
	else if (value->listed.is_set)
	{
		known->value[known->count++] = known->value[known->listed];
		known->value[known->listed++] = *value;
	}
	else
		known->free_types |= value->type;
}

static int
compare_allowed(const void *a, const void *b)
{
	const UmAllowedValue *x = a;
	const UmAllowedValue *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->type - y->type;
}

static int
type_of(UmSlice name)
{
	static const struct
	{
		const char *name;
		int			type;
	}			types[] = {
		{"number", TYPE_NUMBER}, {"numeric", TYPE_NUMBER}, {"integer", TYPE_NUMBER},
		{"int", TYPE_NUMBER}, {"long", TYPE_NUMBER}, {"float", TYPE_NUMBER},
		{"double", TYPE_NUMBER}, {"decimal", TYPE_NUMBER}, {"boolean", TYPE_BOOLEAN},
		{"dateTime", TYPE_TIME}, {"date-time", TYPE_TIME}, {"date", TYPE_TIME}
	};

	for (size_t i = 0; i < lengthof(types); i++)
		if (is_word(name, types[i].name))
			return types[i].type;
	return TYPE_OTHER;
}

/* The listed value, of a string its text; false where it is no value at all. */
static bool
read_listed(UmSlice text, Comparable *listed)
{
	UmScan		scan;

	if (text.len > 0 && text.ptr[0] == '"')
	{
		um_scan_init(&scan, text.ptr, text.len);
		if (!um_scan_string(&scan, &text))
			return false;
	}
	*listed = comparable(text);
	return true;
}

static Comparable
comparable(UmSlice text)
{
	Comparable	value = {.is_set = true, .text = text, .trimmed = um_trim(text)};

	if (text.ptr == NULL)
		return (Comparable) {0};
	if (um_is_number(value.trimmed))
		value.number = DatumGetNumeric(um_numeric(value.trimmed));
	value.is_time = um_read_time(value.trimmed, &value.time) == 0;
	return value;
}

/* Alike for what value_fits takes for equal: numbers by value. */
static uint64
key_of(const Comparable *value)
{
	if (is_number(value))
		return DatumGetUInt64(DirectFunctionCall2(hash_numeric_extended,
												  NumericGetDatum(value->number), UInt64GetDatum(0)));
	return hash_bytes_extended((const unsigned char *) value->text.ptr, value->text.len, 1);
}

/* In a list a number with white space around it is text, in a range it is not. */
static bool
is_number(const Comparable *value)
{
	return value->number != NULL && value->text.len == value->trimmed.len;
}

/* What there is against a value that is in the given unit, if it says one. */
UmVerdict
um_known_judge(UmKnown *known, const UmCharacteristic *c, UmSlice unit, UmMatter *matter)
{
	UmVerdict	verdict = judge_values(known, c, unit, matter);

	return verdict == UM_FITS
		? judge_expression(known, &known->regex, um_characteristic_text(c), matter) : verdict;
}

/* The verdict of the value that it comes nearest to. */
static UmVerdict
judge_values(UmKnown *known, const UmCharacteristic *c, UmSlice unit,
			 UmMatter *matter)
{
	int			types = fitting_types(c, known->types);
	UmVerdict	best = UM_NOT_OF_TYPE;
	Comparable	found;

	if (known->types == 0 || (types & known->free_types))
		return UM_FITS;
	if (types == 0)
		return UM_NOT_OF_TYPE;
	if (known->count == 0)
		return UM_NOT_LISTED;
	found = comparable(um_characteristic_text(c));
	if (is_listed(&found, known, types))
		return UM_FITS;
	for (int i = known->listed; i < known->count && best != UM_FITS; i++)
	{
		UmMatter	about;
		UmVerdict	verdict;

		CHECK_FOR_INTERRUPTS();
		if (!(known->value[i].type & types))
			continue;
		verdict = judge_value(known, &found, unit, &known->value[i], &about);
		if (verdict < best)
		{
			best = verdict;
			*matter = about;
		}
	}
	return best == UM_NOT_OF_TYPE || (best == UM_NOT_IN_UNIT && known->listed > 0)
		? UM_NOT_LISTED : best;
}

static UmVerdict
judge_value(const UmKnown *known, const Comparable *found, UmSlice unit, UmAllowedValue *value,
			UmMatter *matter)
{
	*matter = (UmMatter) {value->unit, NULL};
	if (unit.len > 0 && value->unit.len > 0 && !um_same_slice(unit, value->unit))
		return UM_NOT_IN_UNIT;
	if (!value_fits(found, value))
		return UM_NOT_LISTED;
	return judge_expression(known, &value->regex, found->text, matter);
}

/*
 * Expressions are compiled where they are first needed and kept with what they
 * are of; beyond a size that no honest specifications reach, not even that.
 */
static UmVerdict
judge_expression(const UmKnown *known, UmExpression *regex, UmSlice text, UmMatter *matter)
{
	MemoryContext keeper = GetMemoryChunkContext(known->value);
	UmPattern  *pattern = regex->pattern;
	char	   *fault;
	bool		matches;

	if (regex->text.len == 0)
		return UM_FITS;
	*matter = (UmMatter) {regex->text, regex->fault};
	if (regex->fault != NULL)
		return UM_NOT_USABLE;
	if (pattern == NULL && um_pattern_bytes() < MAX_PATTERN_BYTES)
		pattern = regex->pattern = um_pattern_new(regex->text, keeper, &fault);
	else if (pattern == NULL)
		pattern = um_pattern_new(regex->text, CurrentMemoryContext, &fault);
	if (pattern == NULL)
	{
		matter->fault = regex->fault = MemoryContextStrdup(keeper, fault);
		return UM_NOT_USABLE;
	}
	matches = um_pattern_matches(pattern, text, &fault);
	matter->fault = fault;
	return matches ? UM_FITS : fault == NULL ? UM_NOT_MATCHED : UM_NOT_USABLE;
}

/* Whether it is one of the values listed and nothing more, of any of the types. */
static bool
is_listed(const Comparable *found, const UmKnown *known, int types)
{
	UmAllowedValue wanted = {.key = key_of(found)};

	for (wanted.type = 1; wanted.type < TYPES_END; wanted.type <<= 1)
	{
		int			from = 0;
		int			to = known->listed;

		if (!(wanted.type & types))
			continue;
		while (from < to)
		{
			int			middle = (from + to) / 2;

			if (compare_allowed(&known->value[middle], &wanted) < 0)
				from = middle + 1;
			else
				to = middle;
		}
		for (; from < known->listed && compare_allowed(&known->value[from], &wanted) == 0; from++)
			if (value_fits(found, &known->value[from]))
				return true;
	}
	return false;
}

/* Those of the types that a value is of. */
static int
fitting_types(const UmCharacteristic *c, int types)
{
	UmSlice		trimmed = um_trim(c->value);
	int			fitting = types & TYPE_OTHER;
	TimestampTz time;
	Datum		ignored;

	if ((types & TYPE_NUMBER) &&
		(c->kind == UM_NUMBER_TOKEN || (c->kind == UM_STRING && um_is_number(trimmed))))
		fitting |= TYPE_NUMBER;
	if ((types & TYPE_BOOLEAN) &&
		(c->kind == UM_TRUE || c->kind == UM_FALSE ||
		 (c->kind == UM_STRING && um_scalar_from_text(UM_BOOL, NULL, trimmed, &ignored) == 0)))
		fitting |= TYPE_BOOLEAN;
	if ((types & TYPE_TIME) && c->kind == UM_STRING && um_read_time(trimmed, &time) == 0)
		fitting |= TYPE_TIME;
	return fitting;
}

/* Equal to the listed value, numbers by value, and within the bounds, which are inclusive. */
static bool
value_fits(const Comparable *found, const UmAllowedValue *value)
{
	const Comparable *listed = &value->listed;

	if (listed->is_set && !um_same_slice(listed->text, found->text) &&
		!(is_number(listed) && is_number(found) && compare_values(found, listed) == 0))
		return false;
	if (value->from.is_set && compare_values(found, &value->from) < 0)
		return false;
	return !value->to.is_set || compare_values(found, &value->to) <= 0;
}

/* As numbers, else as times, else as text. */
static int
compare_values(const Comparable *a, const Comparable *b)
{
	int			order;

	if (a->number != NULL && b->number != NULL)
		return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(a->number),
												 NumericGetDatum(b->number)));
	if (a->is_time && b->is_time)
		return a->time < b->time ? -1 : a->time > b->time ? 1 : 0;
	order = memcmp(a->trimmed.ptr, b->trimmed.ptr, Min(a->trimmed.len, b->trimmed.len));
	return order != 0 ? order : a->trimmed.len - b->trimmed.len;
}
