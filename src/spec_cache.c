/*
 * spec_cache.c
 *	  A usage's characteristics against its specification.
 *
 * Specifications are kept per backend as records, because a load looks the
 * same few up a million times.  A cached one is never stale: each change of
 * the table sends a relcache invalidation (triggers.c), which forgets all; and
 * a specification is read with the latest snapshot behind a lock that takes
 * pending invalidations in.  The statement's own snapshot would not do: read
 * with that, an old state would be kept after its invalidation had passed.
 *
 * The reference is soft.  A specification that is not in the store, or that
 * belongs to another server, is not checked against.
 *
 * Characteristics are kept in the order of their names and listed values in
 * that of a hash, so that many of the one meet many of the other without each
 * being compared with each.  Only ranges are tried one by one.
 */
#include "postgres.h"

#include "access/table.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/snapmgr.h"

#include "characteristics.h"
#include "compat.h"
#include "errors.h"
#include "settings.h"
#include "row.h"
#include "spec_cache.h"
#include "store.h"
#include "tmf_read.h"
#include "types.h"

#define MAX_ID 512				/* longer ids cannot be stored */
#define MAX_CACHED 1000			/* then all are forgotten */

/* What a value type says of a value, as bits; of other types nothing is known. */
#define TYPE_NUMBER		0x01
#define TYPE_BOOLEAN	0x02
#define TYPE_TIME		0x04
#define TYPE_OTHER		0x08
#define TYPES_END		0x10

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

/* What a characteristic may be: the listed value, or any, within the bounds that are set. */
typedef struct AllowedValue
{
	int			type;			/* one of the bits */
	Comparable	listed;
	uint64		key;			/* hash of the listed value */
	Comparable	from;
	Comparable	to;
} AllowedValue;

typedef struct KnownCharacteristic
{
	UmSlice		name;
	int			place;			/* of a name given twice the first counts */
	int			types;			/* of all values */
	int			free_types;		/* of which any value will do */
	int			count;			/* of the others */
	int			listed;			/* listed without bounds: they come first, by key
								 * and type */
	AllowedValue *value;
} KnownCharacteristic;

typedef struct CachedSpecification
{
	char		id[MAX_ID + 1]; /* hash key */
	int			count;			/* 0 where there are none, or no such row */
	KnownCharacteristic *characteristic;	/* by name */
	bool		found;
} CachedSpecification;

static HTAB *cache = NULL;
static MemoryContext cache_context = NULL;
static bool cache_valid = false;
static Oid	cached_relation = InvalidOid;

/* Slots of the specification's models, looked up once. */
static int	slot_name;
static int	slot_values;
static int	slot_value_type;
static int	slot_value;
static int	slot_from;
static int	slot_to;

static void forget(Datum arg, Oid relation);
static CachedSpecification *specification_of(const char *id, Oid reader);
static void start_cache(Oid relation);
static void load(CachedSpecification *entry, Oid reader);
static void arrange(CachedSpecification *entry, const UmList *list);
static int	compare_known(const void *a, const void *b);
static int	compare_names(UmSlice a, UmSlice b);
static void arrange_values(KnownCharacteristic *known, const UmList *values);
static int	compare_allowed(const void *a, const void *b);
static int	type_of(const UmRecord *value);
static bool read_listed(const UmRecord *value, Comparable *listed);
static Comparable comparable(UmSlice text);
static Comparable slot_comparable(const UmRecord *value, int slot);
static uint64 key_of(const Comparable *value);
static bool is_number(const Comparable *value);
static void check_against(const UmRecord *usage, const CachedSpecification *specification,
						  UmFaults *faults);
static const KnownCharacteristic *find_characteristic(const CachedSpecification *specification,
													  UmSlice name);
static bool value_allowed(const UmCharacteristic *c, const KnownCharacteristic *known,
						  bool *type_ok);
static bool is_listed(const Comparable *found, const KnownCharacteristic *known, int types);
static int	fitting_types(const UmCharacteristic *c, int types);
static bool value_fits(const Comparable *found, const AllowedValue *value);
static int	compare_values(const Comparable *a, const Comparable *b);
static UmSlice text_of_value(const UmCharacteristic *c);
static UmSlice slot_text(const UmRecord *record, int slot);

void
um_spec_cache_init(void)
{
	const UmModel *c = &um_characteristic_specification;
	const UmModel *v = &um_characteristic_value;

	slot_name = um_find_attribute(c, "name")->slot;
	slot_values = um_find_attribute(c, "values")->slot;
	slot_value_type = um_find_attribute(v, "value_type")->slot;
	slot_value = um_find_attribute(v, "value")->slot;
	slot_from = um_find_attribute(v, "value_from")->slot;
	slot_to = um_find_attribute(v, "value_to")->slot;
	CacheRegisterRelcacheCallback(forget, (Datum) 0);
}

static void
forget(Datum arg, Oid relation)
{
	(void) arg;
	if (relation == cached_relation || relation == InvalidOid)
		cache_valid = false;
}

/* Tells every backend, at commit, that specifications have changed. */
void
um_spec_cache_forget(Oid relation)
{
	CacheInvalidateRelcacheByRelid(relation);
}

/*
 * Adds what a usage does not observe of its specification.  The specification
 * is read as the role reader, the owner of the table that the usage is for.
 */
void
um_check_specification_of(const UmRecord *usage, Oid reader, UmFaults *faults)
{
	const UmResource *resource = usage->model->resource;
	int			slot = resource->specification == NULL ? -1
		: um_find_attribute(usage->model, resource->specification_id)->slot;
	CachedSpecification *specification;
	UmSlice		id;

	if (!um_is_set(usage, slot))
		return;
	id = slot_text(usage, slot);
	if (id.len > MAX_ID)
		return;
	specification = specification_of(pnstrdup(id.ptr, id.len), reader);
	if (specification != NULL && specification->found)
		check_against(usage, specification, faults);
}

/* Whether a usage has the specification and the characteristics that it had. */
bool
um_follows_as_before(const UmRecord *usage, const UmRecord *old)
{
	static const char *const columns[] = {"usage_specification_id", "usage_characteristic"};

	for (size_t i = 0; i < lengthof(columns); i++)
	{
		int			slot = um_find_attribute(usage->model, columns[i])->slot;

		if (um_is_set(usage, slot) != um_is_set(old, slot) ||
			(um_is_set(usage, slot) &&
			 !datumIsEqual(usage->value[slot], old->value[slot], false, -1)))
			return false;
	}
	return true;
}

static CachedSpecification *
specification_of(const char *id, Oid reader)
{
	Oid			relation = um_table(um_usage_specification.noun, true);
	char		key[MAX_ID + 1] = {0};
	CachedSpecification *entry;
	bool		known;

	if (!OidIsValid(relation))
		return NULL;
	/* a lock already held would not look for invalidations */
	AcceptInvalidationMessages();
	if (!cache_valid || relation != cached_relation || hash_get_num_entries(cache) >= MAX_CACHED)
		start_cache(relation);
	strlcpy(key, id, sizeof(key));
	entry = hash_search(cache, key, HASH_FIND, &known);
	if (known)
		return entry;
	table_close(table_open(relation, AccessShareLock), NoLock);
	if (!cache_valid)
		start_cache(relation);
	entry = palloc0(sizeof(CachedSpecification));
	strlcpy(entry->id, id, sizeof(entry->id));
	load(entry, reader);

	/* what was loaded is right now; it is kept if nothing changed meanwhile */
	if (cache_valid)
		memcpy(hash_search(cache, key, HASH_ENTER, &known), entry, sizeof(CachedSpecification));
	return entry;
}

static void
start_cache(Oid relation)
{
	HASHCTL		control = {.keysize = MAX_ID + 1, .entrysize = sizeof(CachedSpecification)};

	if (cache_context != NULL)
		MemoryContextDelete(cache_context);
	cache_valid = false;
	cache = NULL;
	cache_context = AllocSetContextCreate(CacheMemoryContext, "usage specifications",
										  ALLOCSET_DEFAULT_SIZES);
	control.hcxt = cache_context;
	cache = hash_create("usage specifications", 64, &control,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	cached_relation = relation;
	cache_valid = true;
}

/* Reads one specification with the latest snapshot, as the role reader. */
static void
load(CachedSpecification *entry, Oid reader)
{
	static UmPlan plan = {
		.sql = "SELECT usage_spec_characteristic FROM usage_mgmt.usage_specification "
		"WHERE id OPERATOR(pg_catalog.=) $1",
		.args = {TEXTOID}, .nargs = 1
	};
	const UmAttribute *attribute = um_find_attribute(&um_usage_specification,
													 "usage_spec_characteristic");
	UmPath		path = {NULL, attribute, 0};
	UmFaults	faults = {UM_R14_5, NIL, 0};
	Datum		id = CStringGetTextDatum(entry->id);
	MemoryContext kept;
	MemoryContext old;
	UmUser		before;
	bool		null;
	Datum		value;

	um_become(reader, &before);
	SPI_connect();
	if (SPI_execute_snapshot(um_prepare(&plan), &id, NULL, GetLatestSnapshot(), InvalidSnapshot,
							 true, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read a usage specification");
	entry->found = SPI_processed > 0;
	if (entry->found)
	{
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null);
		/* what a cancel leaves undone is not kept */
		kept = AllocSetContextCreate(CurrentMemoryContext, "usage specification",
									 ALLOCSET_SMALL_SIZES);
		old = MemoryContextSwitchTo(kept);
		if (!null)
		{
			UmList	   *list = um_tree_from_jsonb(attribute, value, &faults, &path);

			um_raise_faults(&faults, &um_usage_specification);
			arrange(entry, list);
		}
		MemoryContextSwitchTo(old);
		MemoryContextSetParent(kept, cache_context);
	}
	SPI_finish();
	um_become_again(&before);
}

/* Takes the characteristics over, each name once. */
static void
arrange(CachedSpecification *entry, const UmList *list)
{
	KnownCharacteristic *known = palloc(sizeof(KnownCharacteristic) * Max(list->count, 1));
	int			count = 0;

	for (int i = 0; i < list->count; i++)
		if (um_is_set(list->record[i], slot_name))
		{
			known[count].name = slot_text(list->record[i], slot_name);
			known[count++].place = i;
		}
	qsort(known, count, sizeof(KnownCharacteristic), compare_known);
	for (int i = 0; i < count; i++)
	{
		const UmRecord *record = list->record[known[i].place];

		CHECK_FOR_INTERRUPTS();
		if (entry->count > 0 && compare_names(known[entry->count - 1].name, known[i].name) == 0)
			continue;
		known[entry->count] = known[i];
		arrange_values(&known[entry->count++], um_is_set(record, slot_values)
					   ? (UmList *) DatumGetPointer(record->value[slot_values]) : NULL);
	}
	entry->characteristic = known;
}

static int
compare_known(const void *a, const void *b)
{
	const KnownCharacteristic *x = a;
	const KnownCharacteristic *y = b;
	int			order = compare_names(x->name, y->name);

	return order != 0 ? order : x->place - y->place;
}

static int
compare_names(UmSlice a, UmSlice b)
{
	return a.len != b.len ? a.len - b.len : memcmp(a.ptr, b.ptr, a.len);
}

static void
arrange_values(KnownCharacteristic *known, const UmList *values)
{
	int			count = values != NULL ? values->count : 0;

	known->types = known->free_types = known->listed = known->count = 0;
	known->value = palloc(sizeof(AllowedValue) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		const UmRecord *record = values->record[i];
		AllowedValue value = {.type = type_of(record)};

		CHECK_FOR_INTERRUPTS();
		known->types |= value.type;
		if (!read_listed(record, &value.listed))
			continue;			/* no value is like it */
		value.key = value.listed.is_set ? key_of(&value.listed) : 0;
		value.from = slot_comparable(record, slot_from);
		value.to = slot_comparable(record, slot_to);
		if (value.from.is_set || value.to.is_set)
			known->value[known->count++] = value;
		else if (value.listed.is_set)
		{
			known->value[known->count++] = known->value[known->listed];
			known->value[known->listed++] = value;
		}
		else
			known->free_types |= value.type;
	}
	qsort(known->value, known->listed, sizeof(AllowedValue), compare_allowed);
}

static int
compare_allowed(const void *a, const void *b)
{
	const AllowedValue *x = a;
	const AllowedValue *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->type - y->type;
}

static int
type_of(const UmRecord *value)
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
	char	   *name;

	if (!um_is_set(value, slot_value_type))
		return TYPE_OTHER;
	name = text_to_cstring(DatumGetTextPP(value->value[slot_value_type]));
	for (size_t i = 0; i < lengthof(types); i++)
		if (pg_strcasecmp(name, types[i].name) == 0)
			return types[i].type;
	return TYPE_OTHER;
}

/* The listed value, of a string its text; false where it is no value at all. */
static bool
read_listed(const UmRecord *value, Comparable *listed)
{
	UmSlice		text;
	UmScan		scan;

	if (!um_is_set(value, slot_value))
		return true;
	text = slot_text(value, slot_value);
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

	if (um_is_number(value.trimmed))
		value.number = DatumGetNumeric(um_numeric(value.trimmed));
	value.is_time = um_read_time(value.trimmed, &value.time) == 0;
	return value;
}

static Comparable
slot_comparable(const UmRecord *value, int slot)
{
	return um_is_set(value, slot) ? comparable(slot_text(value, slot)) : (Comparable) {0};
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

static void
check_against(const UmRecord *usage, const CachedSpecification *specification, UmFaults *faults)
{
	const UmAttribute *attribute = um_find_attribute(&um_usage, "usage_characteristic");
	UmPath		list = {NULL, attribute, 0};
	UmPath		element = {&list, NULL, 0};
	UmPath		name = {&element, &um_characteristic.attributes[0], 0};
	UmPath		value = {&element, &um_characteristic.attributes[1], 0};
	UmCharacteristicsReader reader;
	UmCharacteristic c;
	MemoryContext scratch;

	if (!um_is_set(usage, attribute->slot))
		return;
	scratch = AllocSetContextCreate(CurrentMemoryContext, "specification check",
									ALLOCSET_SMALL_SIZES);
	um_characteristics_open(&reader, (struct varlena *)
							DatumGetPointer(usage->value[attribute->slot]));
	for (; um_characteristics_next(&reader, &c); element.index++)
	{
		const KnownCharacteristic *known;
		UmSlice		shown = text_of_value(&c);
		bool		type_ok = false;
		bool		allowed;
		MemoryContext old;

		if (!c.has_name || c.kind == UM_NONE)
			continue;
		known = find_characteristic(specification, c.name);
		old = MemoryContextSwitchTo(scratch);
		allowed = known != NULL && value_allowed(&c, known, &type_ok);
		MemoryContextSwitchTo(old);
		MemoryContextReset(scratch);
		if (known == NULL)
			um_fault(faults, &name, UM_RULE, "\"%.*s\" is not in usage specification \"%s\"",
					 um_clip(c.name, 60), c.name.ptr, specification->id);
		else if (!allowed)
			um_fault(faults, &value, UM_RULE, type_ok
					 ? "\"%.*s\" is not in the list or range of \"%.*s\""
					 : "\"%.*s\" is not of the value type of \"%.*s\"",
					 um_clip(shown, 60), shown.ptr, um_clip(c.name, 60), c.name.ptr);
	}
	MemoryContextDelete(scratch);
}

static const KnownCharacteristic *
find_characteristic(const CachedSpecification *specification, UmSlice name)
{
	int			from = 0;
	int			to = specification->count;

	while (from < to)
	{
		int			middle = (from + to) / 2;
		const KnownCharacteristic *known = &specification->characteristic[middle];
		int			order = compare_names(known->name, name);

		if (order == 0)
			return known;
		if (order < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return NULL;
}

/* Whether one of the specified values allows what is there. */
static bool
value_allowed(const UmCharacteristic *c, const KnownCharacteristic *known, bool *type_ok)
{
	int			types = fitting_types(c, known->types);
	Comparable	found;

	*type_ok = types != 0;
	if (known->types == 0 || (types & known->free_types))
		return true;
	if (types == 0 || known->count == 0)
		return false;
	found = comparable(text_of_value(c));
	if (is_listed(&found, known, types))
		return true;
	for (int i = known->listed; i < known->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if ((known->value[i].type & types) && value_fits(&found, &known->value[i]))
			return true;
	}
	return false;
}

/* Whether it is one of the values listed without bounds, of any of the types. */
static bool
is_listed(const Comparable *found, const KnownCharacteristic *known, int types)
{
	AllowedValue wanted = {.key = key_of(found)};

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

	if ((types & TYPE_NUMBER) &&
		(c->kind == UM_NUMBER_TOKEN || (c->kind == UM_STRING && um_is_number(trimmed))))
		fitting |= TYPE_NUMBER;
	if ((types & TYPE_BOOLEAN) &&
		(c->kind == UM_TRUE || c->kind == UM_FALSE ||
		 (c->kind == UM_STRING && trimmed.len == 4 && pg_strncasecmp(trimmed.ptr, "true", 4) == 0) ||
		 (c->kind == UM_STRING && trimmed.len == 5 && pg_strncasecmp(trimmed.ptr, "false", 5) == 0)))
		fitting |= TYPE_BOOLEAN;
	if ((types & TYPE_TIME) && c->kind == UM_STRING && um_read_time(trimmed, &time) == 0)
		fitting |= TYPE_TIME;
	return fitting;
}

/* Equal to the listed value, numbers by value, and within the bounds, which are inclusive. */
static bool
value_fits(const Comparable *found, const AllowedValue *value)
{
	const Comparable *listed = &value->listed;

	if (listed->is_set &&
		(listed->text.len != found->text.len ||
		 memcmp(listed->text.ptr, found->text.ptr, found->text.len) != 0) &&
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

static UmSlice
text_of_value(const UmCharacteristic *c)
{
	return c->kind == UM_TRUE ? (UmSlice) {"true", 4}
		: c->kind == UM_FALSE ? (UmSlice) {"false", 5} : c->value;
}

static UmSlice
slot_text(const UmRecord *record, int slot)
{
	text	   *t = DatumGetTextPP(record->value[slot]);

	return (UmSlice) {VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t)};
}
