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
 */
#include "postgres.h"

#include "access/table.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
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
#include "spec_cache.h"
#include "store.h"
#include "tmf_read.h"
#include "types.h"

#define MAX_ID 512				/* longer ids cannot be stored */
#define MAX_CACHED 1000			/* then all are forgotten */

typedef struct CachedSpecification
{
	char		id[MAX_ID + 1]; /* hash key */
	UmList	   *characteristics;	/* NULL where there are none, or no such row */
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
static void check_against(const UmRecord *usage, const CachedSpecification *specification,
						  UmFaults *faults);
static const UmRecord *find_characteristic(const UmList *list, UmSlice name);
static bool value_allowed(const UmCharacteristic *c, const UmRecord *specification, bool *type_ok);
static bool type_fits(const UmCharacteristic *c, const UmRecord *value);
static bool value_fits(const UmCharacteristic *c, const UmRecord *value);
static bool range_fits(const UmCharacteristic *c, const UmRecord *value);
static int	compare_values(UmSlice a, UmSlice b);
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
	int			slot = um_find_attribute(&um_usage, "usage_specification_id")->slot;
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
	Datum		id = CStringGetTextDatum(entry->id);
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
		old = MemoryContextSwitchTo(cache_context);
		entry->characteristics = null ? NULL : um_tree_from_jsonb(attribute, value);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	um_become_again(&before);
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
		const UmRecord *known;
		UmSlice		shown = c.value;
		bool		type_ok = false;
		bool		allowed;
		MemoryContext old;

		if (!c.has_name || c.kind == UM_NONE)
			continue;
		known = find_characteristic(specification->characteristics, c.name);
		old = MemoryContextSwitchTo(scratch);
		allowed = known != NULL && value_allowed(&c, known, &type_ok);
		MemoryContextSwitchTo(old);
		MemoryContextReset(scratch);
		if (known == NULL)
			um_fault(faults, &name, UM_RULE, "\"%.*s\" is not in usage specification \"%s\"",
					 um_clip(c.name, 60), c.name.ptr, specification->id);
		else if (!allowed)
		{
			if (c.kind == UM_TRUE || c.kind == UM_FALSE)
				shown = c.kind == UM_TRUE ? (UmSlice) {"true", 4} : (UmSlice) {"false", 5};
			um_fault(faults, &value, UM_RULE, type_ok
					 ? "\"%.*s\" is not in the list or range of \"%.*s\""
					 : "\"%.*s\" is not of the value type of \"%.*s\"",
					 um_clip(shown, 60), shown.ptr, um_clip(c.name, 60), c.name.ptr);
		}
	}
	MemoryContextDelete(scratch);
}

static const UmRecord *
find_characteristic(const UmList *list, UmSlice name)
{
	for (int i = 0; list != NULL && i < list->count; i++)
	{
		UmSlice		known;

		if (!um_is_set(list->record[i], slot_name))
			continue;
		known = slot_text(list->record[i], slot_name);
		if (known.len == name.len && memcmp(known.ptr, name.ptr, name.len) == 0)
			return list->record[i];
	}
	return NULL;
}

/* Whether one of the specified values allows what is there. */
static bool
value_allowed(const UmCharacteristic *c, const UmRecord *specification, bool *type_ok)
{
	UmList	   *values = um_is_set(specification, slot_values)
		? (UmList *) DatumGetPointer(specification->value[slot_values]) : NULL;

	if (values == NULL || values->count == 0)
		return true;
	for (int i = 0; i < values->count; i++)
	{
		const UmRecord *value = values->record[i];

		if (!type_fits(c, value))
			continue;
		*type_ok = true;
		if (value_fits(c, value) && range_fits(c, value))
			return true;
	}
	return false;
}

static bool
type_fits(const UmCharacteristic *c, const UmRecord *value)
{
	static const char *const numbers[] = {"number", "numeric", "integer", "int", "long", "float",
	"double", "decimal"};
	UmSlice		trimmed = um_trim(c->value);
	TimestampTz time;
	char	   *type;

	if (!um_is_set(value, slot_value_type))
		return true;
	type = text_to_cstring(DatumGetTextPP(value->value[slot_value_type]));
	for (size_t i = 0; i < lengthof(numbers); i++)
		if (pg_strcasecmp(type, numbers[i]) == 0)
			return c->kind == UM_NUMBER_TOKEN || (c->kind == UM_STRING && um_is_number(trimmed));
	if (pg_strcasecmp(type, "boolean") == 0)
		return c->kind == UM_TRUE || c->kind == UM_FALSE ||
			(c->kind == UM_STRING && trimmed.len == 4 && pg_strncasecmp(trimmed.ptr, "true", 4) == 0) ||
			(c->kind == UM_STRING && trimmed.len == 5 && pg_strncasecmp(trimmed.ptr, "false", 5) == 0);
	if (pg_strcasecmp(type, "dateTime") == 0 || pg_strcasecmp(type, "date-time") == 0 ||
		pg_strcasecmp(type, "date") == 0)
		return c->kind == UM_STRING && um_read_time(trimmed, &time) == 0;
	return true;
}

/* Equal to the listed value, numbers by value; anything where none is listed. */
static bool
value_fits(const UmCharacteristic *c, const UmRecord *value)
{
	static const char *const words[] = {[UM_TRUE] = "true",[UM_FALSE] = "false"};
	UmSlice		listed;
	UmSlice		found = c->value;
	UmScan		scan;

	if (!um_is_set(value, slot_value))
		return true;
	listed = slot_text(value, slot_value);
	if (listed.len > 0 && listed.ptr[0] == '"')
	{
		um_scan_init(&scan, listed.ptr, listed.len);
		if (!um_scan_string(&scan, &listed))
			return false;
	}
	if (c->kind == UM_TRUE || c->kind == UM_FALSE)
		return um_slice_is(listed, words[c->kind]);
	if (listed.len == found.len && memcmp(listed.ptr, found.ptr, found.len) == 0)
		return true;
	return um_is_number(listed) && um_is_number(found) && compare_values(found, listed) == 0;
}

/* Within the bounds that are there; bounds are inclusive. */
static bool
range_fits(const UmCharacteristic *c, const UmRecord *value)
{
	if (um_is_set(value, slot_from) && compare_values(c->value, slot_text(value, slot_from)) < 0)
		return false;
	return !um_is_set(value, slot_to) ||
		compare_values(c->value, slot_text(value, slot_to)) <= 0;
}

/* As numbers, else as times, else as text. */
static int
compare_values(UmSlice a, UmSlice b)
{
	TimestampTz x;
	TimestampTz y;
	int			order;

	a = um_trim(a);
	b = um_trim(b);
	if (um_is_number(a) && um_is_number(b))
		return DatumGetInt32(DirectFunctionCall2(numeric_cmp, um_numeric(a), um_numeric(b)));
	if (um_read_time(a, &x) == 0 && um_read_time(b, &y) == 0)
		return x < y ? -1 : x > y ? 1 : 0;
	order = memcmp(a.ptr, b.ptr, Min(a.len, b.len));
	return order != 0 ? order : a.len - b.len;
}

static UmSlice
slot_text(const UmRecord *record, int slot)
{
	text	   *t = DatumGetTextPP(record->value[slot]);

	return (UmSlice) {VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t)};
}
