/*
 * spec_cache.c
 *	  Specifications with what they inherit, kept per backend.
 *
 * A load looks the same few up a million times.  A cached one is never stale:
 * each change of the table sends a relcache invalidation (triggers.c), which
 * forgets all of that table, so that a change of a parent is one of its
 * children, too; and a specification is read with the latest snapshot behind a
 * lock that takes pending invalidations in.  The statement's own snapshot would
 * not do: read with that, an old state would be kept after its invalidation had
 * passed.  A statement that aborts takes back what it has changed, and forgets
 * what it has cached meanwhile only if it was told so before the change could be
 * seen: hence one more invalidation, before each statement that changes the table.
 *
 * A specification inherits the characteristics of those that it extends, and
 * so on upwards; of a name that several have, that of the nearest counts.  They
 * are put in an order in which each comes before all that it extends, those of
 * one specification in the order in which it names them: then the first of a
 * name counts.  A parent may be stored after its child, so what is wrong with
 * them is told when a usage is checked.
 *
 * Characteristics are kept in the order of their names, so that many of a usage
 * meet many of a specification without each being compared with each.
 */
#include "postgres.h"

#include "access/table.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "characteristics_io.h"
#include "lifecycle.h"
#include "row.h"
#include "scalar.h"
#include "spec_cache.h"
#include "store.h"
#include "types.h"

#define MAX_CACHED 1000			/* then all are forgotten */
#define MAX_LINEAGE 100			/* a specification and all that it extends */

/* What is kept of one table of specifications. */
typedef struct Cache
{
	UmResource *resource;
	HTAB	   *entries;
	MemoryContext context;
	bool		valid;
	Oid			relation;
	struct Cache *next;
} Cache;

/* One of those that a specification extends, or itself. */
typedef struct Relative
{
	UmSlice		id;
	UmRecord   *record;
	bool		open;			/* we are at those that it extends */
} Relative;

/* A specification and all that it extends. */
typedef struct Lineage
{
	Cache	   *cache;
	MemoryContext kept;
	Snapshot	snapshot;
	Relative	relative[MAX_LINEAGE];
	int			count;
	List	   *order;			/* of UmRecord *, each before what it extends */
	char	   *fault;
} Lineage;

static Cache *caches = NULL;

static void forget(Datum arg, Oid relation);
static Cache *cache_of(UmResource *resource);
static void start_cache(Cache *cache, Oid relation);
static void load(Cache *cache, UmSpecification *entry, Oid reader);
static void visit(Lineage *lineage, UmSlice id, const Relative *child);
static bool has_been_at(Lineage *lineage, UmSlice id);
static char *circle(const Lineage *lineage, const Relative *again);
static List *parents_of(const UmRecord *record);
static List *elements_with(const UmRecord *record, const char *member);
static bool means_inheritance(UmSlice type);
static UmSlice target_of(const UmRecord *relationship);
static UmRecord *read_row(Lineage *lineage, UmSlice id);
static UmPlan *plan_of(UmResource *resource);
static bool is_needed(const UmModel *model, const UmAttribute *attribute);
static bool is_list_with(const UmAttribute *attribute, const char *member);
static void take_over(UmSpecification *entry, const Lineage *lineage);
static void arrange(UmSpecification *entry, const List *order);
static int	compare_known(const void *a, const void *b);
static int	compare_to_known(const void *name, const void *known);
static TimestampTz slot_time(const UmRecord *record, const char *column, TimestampTz missing);

void
um_spec_cache_init(void)
{
	CacheRegisterRelcacheCallback(forget, (Datum) 0);
}

static void
forget(Datum arg, Oid relation)
{
	(void) arg;
	for (Cache *cache = caches; cache != NULL; cache = cache->next)
		if (relation == cache->relation || relation == InvalidOid)
			cache->valid = false;
}

/*
 * A specification, read as the role reader; NULL where its table is not there.
 * It stays until the next is asked for.
 */
UmSpecification *
um_specification(UmResource *resource, UmSlice id, Oid reader)
{
	Cache	   *cache = cache_of(resource);
	Oid			relation = um_table(resource->model->noun, true);
	char		key[UM_MAX_ID + 1] = {0};
	UmSpecification *entry;
	bool		known;

	Assert(id.len <= UM_MAX_ID);
	if (!OidIsValid(relation))
		return NULL;
	/* a lock already held would not look for invalidations */
	AcceptInvalidationMessages();
	if (!cache->valid || relation != cache->relation ||
		hash_get_num_entries(cache->entries) >= MAX_CACHED)
		start_cache(cache, relation);
	memcpy(key, id.ptr, id.len);
	entry = hash_search(cache->entries, key, HASH_FIND, &known);
	if (known)
		return entry;
	table_close(table_open(relation, AccessShareLock), NoLock);
	if (!cache->valid)
		start_cache(cache, relation);
	entry = palloc0(sizeof(UmSpecification));
	memcpy(entry->id, id.ptr, id.len);
	load(cache, entry, reader);

	/* what was loaded is right now; it is kept if nothing changed meanwhile */
	if (cache->valid)
		memcpy(hash_search(cache->entries, key, HASH_ENTER, &known), entry, sizeof(UmSpecification));
	return entry;
}

static Cache *
cache_of(UmResource *resource)
{
	Cache	   *cache = caches;

	while (cache != NULL && cache->resource != resource)
		cache = cache->next;
	if (cache != NULL)
		return cache;
	cache = MemoryContextAllocZero(TopMemoryContext, sizeof(Cache));
	cache->resource = resource;
	cache->next = caches;
	return caches = cache;
}

static void
start_cache(Cache *cache, Oid relation)
{
	HASHCTL		control = {.keysize = UM_MAX_ID + 1, .entrysize = sizeof(UmSpecification)};

	if (cache->context != NULL)
		MemoryContextDelete(cache->context);
	cache->valid = false;
	cache->entries = NULL;
	cache->context = AllocSetContextCreate(CacheMemoryContext, "specifications",
										   ALLOCSET_DEFAULT_SIZES);
	control.hcxt = cache->context;
	cache->entries = hash_create("specifications", 64, &control,
								 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	cache->relation = relation;
	cache->valid = true;
}

/* Reads one specification and all that it extends with the latest snapshot. */
static void
load(Cache *cache, UmSpecification *entry, Oid reader)
{
	Lineage    *lineage = palloc0(sizeof(Lineage));
	MemoryContext old = CurrentMemoryContext;
	UmUser		before;

	um_become(reader, &before);
	SPI_connect();
	/* what a cancel leaves undone is not kept */
	lineage->kept = AllocSetContextCreate(CurrentMemoryContext, "specification",
										  ALLOCSET_SMALL_SIZES);
	lineage->cache = cache;
	lineage->snapshot = RegisterSnapshot(GetLatestSnapshot());
	visit(lineage, (UmSlice) {entry->id, strlen(entry->id)}, NULL);
	UnregisterSnapshot(lineage->snapshot);
	entry->found = lineage->count > 0;
	if (entry->found)
	{
		MemoryContextSwitchTo(lineage->kept);
		take_over(entry, lineage);
		MemoryContextSwitchTo(old);
		MemoryContextSetParent(lineage->kept, cache->context);
	}
	SPI_finish();
	um_become_again(&before);
}

/* Goes to a specification and upwards from there, unless it has been there before. */
static void
visit(Lineage *lineage, UmSlice id, const Relative *child)
{
	const char *label = lineage->cache->resource->model->label;
	Relative   *relative = &lineage->relative[lineage->count];
	UmRecord   *record;
	UmSlice		decoded;
	ListCell   *cell;

	if (has_been_at(lineage, id))
		return;
	if (lineage->count == MAX_LINEAGE)
	{
		lineage->fault = psprintf("%s \"%.*s\" extends more than %d others", label,
								  lineage->relative[0].id.len, lineage->relative[0].id.ptr,
								  MAX_LINEAGE - 1);
		return;
	}
	record = read_row(lineage, id);
	/* the last segment of an href encodes the id */
	if (record == NULL && um_percent_decode(id, &decoded))
	{
		if (has_been_at(lineage, decoded))
			return;
		record = read_row(lineage, decoded);
		id = record != NULL ? decoded : id;
	}
	if (record == NULL)
	{
		if (child != NULL)
			lineage->fault = psprintf("%s \"%.*s\" extends \"%.*s\", which is not stored", label,
									  child->id.len, child->id.ptr, UM_CLIPPED(id, UM_MAX_ID));
		return;
	}
	lineage->count++;
	*relative = (Relative) {id, record, true};
	foreach(cell, parents_of(relative->record))
	{
		if (lineage->fault == NULL)
			visit(lineage, target_of(lfirst(cell)), relative);
	}
	relative->open = false;
	lineage->order = lcons(relative->record, lineage->order);
}

/* Whether a specification is among those visited; on the way to itself, it is in a circle. */
static bool
has_been_at(Lineage *lineage, UmSlice id)
{
	const Relative *relative = lineage->relative;

	for (; relative < lineage->relative + lineage->count; relative++)
		if (um_compare_names(relative->id, id) == 0)
		{
			if (relative->open)
				lineage->fault = circle(lineage, relative);
			return true;
		}
	return false;
}

/* Who extends whom until it comes back to where it has been. */
static char *
circle(const Lineage *lineage, const Relative *again)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "%s \"%.*s\" extends itself: ", lineage->cache->resource->model->label,
					 again->id.len, again->id.ptr);
	for (const Relative *r = again; r < lineage->relative + lineage->count; r++)
		if (r->open)
			appendStringInfo(&out, "%.*s, ", UM_CLIPPED(r->id, 60));
	appendStringInfo(&out, "%.*s", UM_CLIPPED(again->id, 60));
	return out.data;
}

/* The relationships that say what a specification extends, the last first. */
static List *
parents_of(const UmRecord *record)
{
	List	   *parents = NIL;
	ListCell   *cell;

	foreach(cell, elements_with(record, "relationship_type"))
	{
		UmRecord   *relationship = lfirst(cell);
		int			type = um_find_attribute(relationship->model, "relationship_type")->slot;

		if (um_is_set(relationship, type) && means_inheritance(um_slot_slice(relationship, type)))
			parents = lcons(relationship, parents);
	}
	return parents;
}

/* The elements of the lists whose objects have that member. */
static List *
elements_with(const UmRecord *record, const char *member)
{
	List	   *elements = NIL;

	for (int s = 0; s < record->model->slots; s++)
	{
		const UmAttribute *a = record->model->slot[s];
		const UmList *list = is_list_with(a, member) ? um_record_list(record, a) : NULL;

		for (int i = 0; list != NULL && i < list->count; i++)
			if (list->record[i] != NULL)
				elements = lappend(elements, list->record[i]);
	}
	return elements;
}

/*
 * The standard's own words (migration, substitution, dependency, exclusivity)
 * mean something else; it has none for this.
 */
static bool
means_inheritance(UmSlice type)
{
	static const char *const words[] = {
		"extends", "extension", "inherits", "inheritsfrom", "inheritance", "specializes",
		"specialization"
	};
	char		word[16];
	int			len = 0;

	for (int i = 0; i < type.len && len < (int) sizeof(word) - 1; i++)
		if (strchr(" _-", type.ptr[i]) == NULL)
			word[len++] = pg_ascii_tolower((unsigned char) type.ptr[i]);
	word[len] = '\0';
	for (size_t i = 0; i < lengthof(words); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

/* Whom a relationship names, by its id or else the last segment of its href. */
static UmSlice
target_of(const UmRecord *relationship)
{
	int			id = um_find_attribute(relationship->model, "id")->slot;
	int			href = um_find_attribute(relationship->model, "href")->slot;

	return um_is_set(relationship, id) ? um_slot_slice(relationship, id)
		: um_is_set(relationship, href) ? um_last_segment(um_slot_slice(relationship, href))
		: (UmSlice) {"", 0};
}

/*
 * What is needed of a row; NULL where there is none.  It is a fault of the lineage
 * where no record can hold it.
 */
static UmRecord *
read_row(Lineage *lineage, UmSlice id)
{
	const UmModel *model = lineage->cache->resource->model;
	UmFaults	faults = {UM_R14_5, NIL, 0};
	Datum		arg = PointerGetDatum(cstring_to_text_with_len(id.ptr, id.len));
	UmRecord   *record;
	int			column = 0;

	if (SPI_execute_snapshot(um_prepare(plan_of(lineage->cache->resource)), &arg, NULL, lineage->snapshot,
							 InvalidSnapshot, true, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read a %s", model->label);
	if (SPI_processed == 0)
		return NULL;
	MemoryContextSwitchTo(lineage->kept);
	record = um_record_new(model);
	for (int s = 0; s < model->slots; s++)
	{
		const UmAttribute *a = model->slot[s];
		UmPath		path = {NULL, a, 0};
		Datum		value;
		bool		null;

		if (!is_needed(model, a))
			continue;
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, ++column, &null);
		if (null)
			continue;
		record->value[s] = a->kind != UM_TREE ? value
			: PointerGetDatum(um_tree_from_jsonb(a, value, &faults, &path));
		record->state[s] = faults.list == NIL ? UM_SET : UM_FAULTY;
	}
	if (faults.list != NIL)
	{
		const UmFault *first = linitial(faults.list);

		lineage->fault = psprintf("%s \"%.*s\" cannot be read: %s: %s", model->label,
								  UM_CLIPPED(id, UM_MAX_ID), first->path, first->message);
	}
	SPI_freetuptable(SPI_tuptable);
	return record;
}

static UmPlan *
plan_of(UmResource *resource)
{
	const UmModel *model = resource->model;
	const Oid	types[] = {TEXTOID};
	UmPlan	   *plan = um_plan(resource, UM_PLAN_SPECIFICATION, NULL, 0, NULL);
	StringInfoData sql;

	if (plan->sql != NULL)
		return plan;
	initStringInfo(&sql);
	for (int s = 0; s < model->slots; s++)
		if (is_needed(model, model->slot[s]))
			appendStringInfo(&sql, "%s %s", sql.len == 0 ? "SELECT" : ",", model->slot[s]->column);
	appendStringInfoString(&sql, " FROM {table} WHERE id OPERATOR(pg_catalog.=) $1");
	return um_plan(resource, UM_PLAN_SPECIFICATION, sql.data, lengthof(types), types);
}

/* Whether the check looks at it. */
static bool
is_needed(const UmModel *model, const UmAttribute *attribute)
{
	return attribute->slot == model->status_slot || strcmp(attribute->column, "valid_from") == 0 ||
		strcmp(attribute->column, "valid_to") == 0 || is_list_with(attribute, "values") ||
		is_list_with(attribute, "relationship_type");
}

/* Whether it is a list of objects that have that member. */
static bool
is_list_with(const UmAttribute *attribute, const char *member)
{
	return attribute->kind == UM_TREE && um_find_attribute(attribute->of, member) != NULL;
}

static void
take_over(UmSpecification *entry, const Lineage *lineage)
{
	const UmRecord *record = lineage->relative[0].record;
	int			status = record->model->status_slot;

	entry->status = um_is_set(record, status)
		? um_status_from_oid(record->model->life, DatumGetObjectId(record->value[status])) : -1;
	entry->valid_from = slot_time(record, "valid_from", DT_NOBEGIN);
	entry->valid_to = slot_time(record, "valid_to", DT_NOEND);
	entry->fault = lineage->fault != NULL ? pstrdup(lineage->fault) : NULL;
	if (entry->fault == NULL)
		arrange(entry, lineage->order);
}

/* Takes the characteristics over, each name once. */
static void
arrange(UmSpecification *entry, const List *order)
{
	List	   *all = NIL;
	UmKnown    *known;
	int			named = 0;
	ListCell   *cell;

	foreach(cell, order)
		all = list_concat(all, elements_with(lfirst(cell), "values"));
	known = palloc(sizeof(UmKnown) * Max(list_length(all), 1));
	foreach(cell, all)
	{
		if (um_known_name(lfirst(cell), &known[named].name))
			known[named++].place = foreach_current_index(cell);
	}
	qsort(known, named, sizeof(UmKnown), compare_known);
	entry->counted = palloc(sizeof(int) * Max(named, 1));
	for (int i = 0; i < named; i++)
	{
		UmKnown    *next = &known[entry->count];

		CHECK_FOR_INTERRUPTS();
		if (entry->count > 0 && um_compare_names(next[-1].name, known[i].name) == 0)
			continue;
		*next = known[i];
		um_known_arrange(next, list_nth(all, next->place));
		if (next->least > 0 || next->most >= 0)
		{
			next->counter = entry->counters;
			entry->counted[entry->counters++] = entry->count;
		}
		entry->count++;
	}
	entry->known = known;
	list_free(all);
}

static int
compare_known(const void *a, const void *b)
{
	const UmKnown *x = a;
	const UmKnown *y = b;
	int			order = um_compare_names(x->name, y->name);

	return order != 0 ? order : x->place - y->place;
}

/* The characteristic of that name; NULL where there is none. */
UmKnown *
um_specification_knows(const UmSpecification *specification, UmSlice name)
{
	return bsearch(&name, specification->known, specification->count, sizeof(UmKnown),
				   compare_to_known);
}

static int
compare_to_known(const void *name, const void *known)
{
	return um_compare_names(*(const UmSlice *) name, ((const UmKnown *) known)->name);
}

static TimestampTz
slot_time(const UmRecord *record, const char *column, TimestampTz missing)
{
	int			slot = um_find_attribute(record->model, column)->slot;

	return um_is_set(record, slot) ? DatumGetTimestampTz(record->value[slot]) : missing;
}
