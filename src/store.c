/*
 * store.c
 *	  Rows in and out of the tables, by SPI alone.
 *
 * So privileges, row security, the users' triggers and a distributed table
 * keep working.  Statements run as the caller; only the ledger is read as the
 * owner of the usages, because who may read a usage need not know of it.
 *
 * An id alone says nothing of the partition.  The ledger names the date, the
 * date the leaf, and where the caller may read the parent as it is (its
 * privilege, no row security) and both are one role's, the plan is made on that
 * leaf: a plan on the parent locks every partition at each execution.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/partcache.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "row.h"
#include "store.h"
#include "types.h"

#define MAX_LEAF_PLANS 200		/* then all are made anew */

/* Statements that name an id, and those that name its date, too; a batch reads as the owner. */
#define OF_ID " WHERE id OPERATOR(pg_catalog.=) $1"
#define OF_DATE " AND {date} OPERATOR(pg_catalog.=) $2"
static const char *const by_id[] = {
	[UM_PLAN_GET] = "SELECT * FROM {table}" OF_ID,
	[UM_PLAN_GET_DATED] = "SELECT * FROM {table}" OF_ID OF_DATE,
	[UM_PLAN_LOCK] = "SELECT * FROM {table}" OF_ID " FOR UPDATE",
	[UM_PLAN_LOCK_DATED] = "SELECT * FROM {table}" OF_ID OF_DATE " FOR UPDATE",
	[UM_PLAN_DELETE] = "DELETE FROM {table}" OF_ID,
	[UM_PLAN_DELETE_DATED] = "DELETE FROM {table}" OF_ID OF_DATE
};

typedef struct LeafPlan
{
	Oid			leaf;			/* hash key */
	SPIPlanPtr	plan;
	char		schema[NAMEDATALEN];	/* the plan's text names it so */
	char		name[NAMEDATALEN];
} LeafPlan;

static void execute(SPIPlanPtr plan, const char *sql, int nargs, Oid *types, Datum *args,
					const char *nulls, bool read_only, long count);
static void rethrow_without(const char *sql, MemoryContext context);
static Oid	readable_leaf(const UmResource *resource, TimestampTz date, Oid *owner);
static bool is_owned_by(Oid relation, Oid role);
static Oid	leaf_of(Relation parent, TimestampTz date);
static SPIPlanPtr leaf_plan(const UmResource *resource, Oid leaf);
static LeafPlan *leaf_entry(Oid leaf);
static UmRecord *first_row(const UmModel *model);
static UmRecord *run(UmPlan *plan, const UmModel *model, Datum *args, const char *nulls,
					 bool read_only);
static UmRecord *run_by_id(UmResource *resource, UmPlanKind kind, Datum id, const UmKey *key,
						   bool read_only);
static UmRecord *run_one(UmResource *resource, UmPlanKind kind, bool dated, Datum *args, bool read_only);
static bool is_writable(const UmAttribute *attribute);
static int	column_args(const UmRecord *record, Datum *args, char *nulls);
static UmPlan *write_plan(UmResource *resource, UmPlanKind kind);

/*
 * A statement of a resource, whose text is that of um_sql; NULL for one that
 * the caller makes.  Its arguments are args.
 */
UmPlan *
um_plan(UmResource *resource, UmPlanKind kind, const char *sql, int nargs, const Oid *args)
{
	UmPlan	   *plan;
	char	   *text;

	if (resource->plans == NULL)
		resource->plans = MemoryContextAllocZero(TopMemoryContext, sizeof(UmPlan) * UM_PLAN_KINDS);
	plan = &resource->plans[kind];
	plan->type = &resource->life->type;
	if (plan->sql != NULL || sql == NULL)
		return plan;
	text = um_sql(resource, sql, NULL);
	plan->sql = MemoryContextStrdup(TopMemoryContext, text);
	pfree(text);
	plan->nargs = nargs;
	for (int i = 0; i < nargs; i++)
		plan->args[i] = args[i];
	return plan;
}

/* The plan of a statement, made at its first use; within SPI_connect. */
SPIPlanPtr
um_prepare(UmPlan *plan)
{
	Oid			type = plan->type != NULL ? um_type(plan->type) : um_characteristics_type();
	MemoryContext context = CurrentMemoryContext;

	Assert(plan->sql != NULL && plan->nargs <= UM_PLAN_ARGS);
	if (plan->plan != NULL && plan->made_for == type)
		return plan->plan;
	if (plan->plan != NULL)
		SPI_freeplan(plan->plan);
	plan->plan = NULL;
	plan->plan = SPI_prepare_cursor(plan->sql, plan->nargs, plan->args, plan->options);
	if (plan->plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", plan->sql,
			 SPI_result_code_string(SPI_result));
	SPI_keepplan(plan->plan);
	plan->made_for = type;
	MemoryContextSwitchTo(context);
	return plan->plan;
}

/*
 * Runs a plan as SPI_execute_plan does.  An error's context tells the user how
 * he came there, triggers of his included, and says nothing of a statement of
 * ours, which he has not written.
 */
void
um_execute(SPIPlanPtr plan, Datum *args, const char *nulls, bool read_only, long count)
{
	const CachedPlanSource *source = linitial(SPI_plan_get_plan_sources(plan));

	execute(plan, source->query_string, 0, NULL, args, nulls, read_only, count);
}

/* The same of a statement whose plan is not kept. */
void
um_execute_once(const char *sql, int nargs, Oid *types, Datum *args, bool read_only)
{
	execute(NULL, sql, nargs, types, args, NULL, read_only, 0);
}

/* A plan, or else a text. */
static void
execute(SPIPlanPtr plan, const char *sql, int nargs, Oid *types, Datum *args, const char *nulls,
		bool read_only, long count)
{
	MemoryContext context = CurrentMemoryContext;
	int			result = 0;

	PG_TRY();
	{
		result = plan != NULL ? SPI_execute_plan(plan, args, nulls, read_only, count)
			: SPI_execute_with_args(sql, nargs, types, args, nulls, read_only, count);
	}
	PG_CATCH();
	{
		rethrow_without(sql, context);
	}
	PG_END_TRY();
	/* SPI leaves another, whose memory goes with SPI_finish */
	MemoryContextSwitchTo(context);
	if (result < 0)
		elog(ERROR, "could not run \"%s\": %s", sql, SPI_result_code_string(result));
}

/* Raises the error again, its context without the innermost line that quotes sql. */
static void
rethrow_without(const char *sql, MemoryContext context)
{
	ErrorData  *error;
	char	   *quoted;
	char	   *line;
	char	   *rest;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	quoted = error->context != NULL ? strstr(error->context, sql) : NULL;
	if (quoted == NULL)
		ReThrowError(error);
	for (line = quoted; line > error->context && line[-1] != '\n';)
		line--;
	rest = strchr(quoted + strlen(sql), '\n');
	if (rest != NULL)
		memmove(line, rest + 1, strlen(rest));
	else if (line > error->context)
		line[-1] = '\0';
	else
		error->context = NULL;
	ReThrowError(error);
}

/*
 * Makes plans do without a kind of plan node, until AtEOXact_GUC(true, …) is
 * given the result.  A table that was vacuumed while it was empty counts as
 * empty to the planner, and a plan made then and kept would read the whole
 * ledger for each id.
 */
int
um_prefer(const char *not_this)
{
	int			level = NewGUCNestLevel();

	(void) set_config_option(not_this, "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	return level;
}

/* Whether two ids, texts of collation "C", are the same. */
bool
um_same_id(Datum a, Datum b)
{
	return um_same_slice(um_text_slice(a), um_text_slice(b));
}

/*
 * Goes on as another role, as referential integrity does; an error takes the
 * change back by itself.  What it runs must name the schema of operators, too:
 * the search_path is still the caller's.
 */
void
um_become(Oid user, UmUser *before)
{
	Assert(OidIsValid(user));
	GetUserIdAndSecContext(&before->user, &before->context);
	SetUserIdAndSecContext(user, before->context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_NOFORCE_RLS);
}

void
um_become_again(const UmUser *before)
{
	Assert(InLocalUserIdChange());
	SetUserIdAndSecContext(before->user, before->context);
}

/*
 * What the ledger knows of an id, nothing where the resource has none; within
 * SPI_connect.  With read_only the snapshot is the caller's, else a fresh one.
 */
UmKey
um_store_key(UmResource *resource, Datum id, bool read_only)
{
	UmKey		key = {0};
	Relation	table;
	UmPlan	   *plan;
	int			settings;
	UmUser		before;

	if (resource->date == NULL)
		return key;
	plan = um_plan(resource, UM_PLAN_KEY, "SELECT " UM_KEY_COLUMNS " FROM {ledger} k "
				   "WHERE k.id OPERATOR(pg_catalog.=) $1", 1, (Oid[]) {TEXTOID});
	table = table_open(um_table(resource->model->noun, false), AccessShareLock);
	um_become(table->rd_rel->relowner, &before);
	settings = um_prefer("enable_seqscan");
	um_execute(um_prepare(plan), &id, NULL, read_only, 1);
	AtEOXact_GUC(true, settings);
	um_become_again(&before);
	table_close(table, NoLock);
	if (SPI_processed > 0)
		key = um_key_from(SPI_tuptable->vals[0], SPI_tuptable->tupdesc);
	return key;
}

/* The key in a row of UM_KEY_COLUMNS. */
UmKey
um_key_from(HeapTuple tuple, TupleDesc desc)
{
	UmKey		key = {.found = true};
	Datum		value;
	bool		null;

	key.date = DatumGetTimestampTz(SPI_getbinval(tuple, desc, 2, &null));
	value = SPI_getbinval(tuple, desc, 3, &null);
	if (!null)
		key.content_hash = *DatumGetUUIDP(value);
	return key;
}

/*
 * The stored record with that id, or NULL; within SPI_connect.  key is what
 * the ledger says of it.  A row that the ledger does not know, as after
 * logical replication, is found all the same.
 */
UmRecord *
um_store_get(UmResource *resource, Datum id, const UmKey *key, bool read_only)
{
	Datum		args[2] = {id, TimestampTzGetDatum(key->date)};
	Oid			owner;
	Oid			leaf = key->found ? readable_leaf(resource, key->date, &owner) : InvalidOid;
	int			settings;
	UmUser		before;
	UmRecord   *record;

	if (!OidIsValid(leaf))
		return run_by_id(resource, UM_PLAN_GET, id, key, read_only);
	um_become(owner, &before);
	settings = um_prefer("enable_seqscan");
	um_execute(leaf_plan(resource, leaf), args, NULL, read_only, 1);
	AtEOXact_GUC(true, settings);
	um_become_again(&before);
	record = first_row(resource->model);
	return record != NULL ? record : run_one(resource, UM_PLAN_GET, false, args, read_only);
}

/*
 * The leaf for a date, and its owner, who is the parent's, where the caller may
 * read the parent as it is; else InvalidOid.
 */
static Oid
readable_leaf(const UmResource *resource, TimestampTz date, Oid *owner)
{
	Relation	parent = table_open(um_table(resource->model->noun, false), AccessShareLock);
	Oid			leaf = InvalidOid;

	if (parent->rd_rel->relkind == RELKIND_PARTITIONED_TABLE &&
		pg_class_aclcheck(RelationGetRelid(parent), GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
		check_enable_rls(RelationGetRelid(parent), InvalidOid, true) != RLS_ENABLED)
		leaf = leaf_of(parent, date);
	*owner = parent->rd_rel->relowner;

	/*
	 * one of somebody else's, whose constraints and policies would run as the owner, is read
	 * through the parent
	 */
	if (OidIsValid(leaf) &&
		(!is_owned_by(leaf, *owner) || pg_class_aclcheck(leaf, *owner, ACL_SELECT) != ACLCHECK_OK))
		leaf = InvalidOid;
	table_close(parent, NoLock);
	return leaf;
}

/* Not as a superuser owns everything. */
static bool
is_owned_by(Oid relation, Oid role)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	bool		owned;

	if (!HeapTupleIsValid(tuple))
		return false;
	owned = ((Form_pg_class) GETSTRUCT(tuple))->relowner == role;
	ReleaseSysCache(tuple);
	return owned;
}

/* The plain table that holds the rows of a date. */
static Oid
leaf_of(Relation parent, TimestampTz date)
{
	PartitionKey key = RelationGetPartitionKey(parent);
	PartitionDesc partitions = RelationGetPartitionDesc(parent, true);
	PartitionBoundInfo bounds = partitions->boundinfo;
	Datum		value = TimestampTzGetDatum(date);
	bool		equal;
	int			index;

	if (partitions->nparts == 0 || bounds->strategy != PARTITION_STRATEGY_RANGE)
		return InvalidOid;
	index = bounds->indexes[1 + partition_range_datum_bsearch(key->partsupfunc,
															  key->partcollation, bounds,
															  1, &value, &equal)];
	if (index < 0)
		index = bounds->default_index;
	if (index < 0 || get_rel_relkind(partitions->oids[index]) != RELKIND_RELATION)
		return InvalidOid;
	return partitions->oids[index];
}

/*
 * The plan on a leaf, good as long as its text would find that leaf: another
 * table may have its name by now.  The lock keeps it from changing hands.
 */
static SPIPlanPtr
leaf_plan(const UmResource *resource, Oid leaf)
{
	UmPlan		plan = {.args = {TEXTOID, TIMESTAMPTZOID}, .nargs = 2};
	LeafPlan   *entry;
	char	   *schema;
	char	   *name;

	LockRelationOid(leaf, AccessShareLock);
	schema = get_namespace_name(get_rel_namespace(leaf));
	name = get_rel_name(leaf);
	if (schema == NULL || name == NULL)
		elog(ERROR, "cache lookup failed for partition %u", leaf);
	entry = leaf_entry(leaf);
	if (entry->plan != NULL && strcmp(entry->name, name) == 0 && strcmp(entry->schema, schema) == 0)
		return entry->plan;
	if (entry->plan != NULL)
		SPI_freeplan(entry->plan);
	entry->plan = NULL;
	strlcpy(entry->schema, schema, NAMEDATALEN);
	strlcpy(entry->name, name, NAMEDATALEN);
	plan.sql = psprintf("SELECT * FROM ONLY %s WHERE id OPERATOR(pg_catalog.=) $1 "
						"AND %s OPERATOR(pg_catalog.=) $2",
						quote_qualified_identifier(schema, name), resource->date);
	entry->plan = um_prepare(&plan);
	return entry->plan;
}

/* What is kept of a leaf; a new one has no plan yet. */
static LeafPlan *
leaf_entry(Oid leaf)
{
	static HTAB *plans = NULL;
	HASHCTL		control = {.keysize = sizeof(Oid), .entrysize = sizeof(LeafPlan)};
	LeafPlan   *entry;
	bool		found;

	if (plans != NULL && hash_get_num_entries(plans) >= MAX_LEAF_PLANS)
	{
		HASH_SEQ_STATUS scan;

		hash_seq_init(&scan, plans);
		while ((entry = hash_seq_search(&scan)) != NULL)
			if (entry->plan != NULL)
				SPI_freeplan(entry->plan);
		hash_destroy(plans);
		plans = NULL;
	}
	if (plans == NULL)
		plans = hash_create("usage partitions", 64, &control, HASH_ELEM | HASH_BLOBS);
	entry = hash_search(plans, &leaf, HASH_ENTER, &found);
	if (!found)
		entry->plan = NULL;
	return entry;
}

/* The first row of the last statement as a record, in the caller's memory. */
static UmRecord *
first_row(const UmModel *model)
{
	MemoryContext old;
	UmRecord   *record;
	HeapTuple	tuple;
	TupleDesc	desc;

	if (SPI_processed == 0)
		return NULL;
	tuple = SPI_copytuple(SPI_tuptable->vals[0]);
	desc = SPI_tuptable->tupdesc;
	old = MemoryContextSwitchTo(GetMemoryChunkContext(tuple));
	record = um_record_from_tuple(um_shape(model, desc, model->noun), desc, tuple);
	MemoryContextSwitchTo(old);
	SPI_freetuptable(SPI_tuptable);
	return record;
}

static UmRecord *
run(UmPlan *plan, const UmModel *model, Datum *args, const char *nulls, bool read_only)
{
	um_execute(um_prepare(plan), args, nulls, read_only, 0);
	return SPI_tuptable != NULL ? first_row(model) : NULL;
}

/*
 * Runs a statement on the row of an id: with the date that the ledger knows, and
 * where that finds none without.
 */
static UmRecord *
run_by_id(UmResource *resource, UmPlanKind kind, Datum id, const UmKey *key, bool read_only)
{
	Datum		args[2] = {id, TimestampTzGetDatum(key->date)};
	UmRecord   *record = NULL;

	if (key->found)
	{
		record = run_one(resource, kind, true, args, read_only);
		if (SPI_processed > 0)
			return record;
	}
	return run_one(resource, kind, false, args, read_only);
}

/* What names the date is planned for it: for one partition. */
static UmRecord *
run_one(UmResource *resource, UmPlanKind kind, bool dated, Datum *args, bool read_only)
{
	const Oid	types[] = {TEXTOID, TIMESTAMPTZOID};
	UmPlan	   *plan = um_plan(resource, kind + dated, by_id[kind + dated], 1 + dated, types);

	plan->options = dated ? CURSOR_OPT_CUSTOM_PLAN : 0;
	return run(plan, resource->model, args, NULL, read_only);
}

/* The stored record, locked for an update, or NULL; within SPI_connect. */
UmRecord *
um_store_lock(UmResource *resource, Datum id)
{
	UmKey		key = um_store_key(resource, id, false);

	return run_by_id(resource, UM_PLAN_LOCK, id, &key, false);
}

/* Whether an operation writes the column: all but those the store keeps. */
static bool
is_writable(const UmAttribute *attribute)
{
	return attribute->kind != UM_INTERNAL;
}

/* Inserts and gives the row as it was stored; within SPI_connect. */
UmRecord *
um_store_insert(const UmRecord *record)
{
	Datum		args[UM_PLAN_ARGS];
	char		nulls[UM_PLAN_ARGS];
	int			n = column_args(record, args, nulls);
	int			receipt = record->model->receipt_slot;

	args[n] = um_is_set(record, receipt) ? record->value[receipt]
		: TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	nulls[n] = ' ';
	return run(write_plan(record->model->resource, UM_PLAN_INSERT), record->model, args, nulls, false);
}

/* Updates every column that an operation writes; within SPI_connect. */
UmRecord *
um_store_update(const UmRecord *record, const UmRecord *old)
{
	Datum		args[UM_PLAN_ARGS];
	char		nulls[UM_PLAN_ARGS];
	int			n = column_args(record, args, nulls);

	args[n] = um_id(old);
	nulls[n++] = ' ';
	if (old->model->date_slot >= 0)
	{
		args[n] = old->value[old->model->date_slot];
		nulls[n++] = ' ';
	}
	return run(write_plan(record->model->resource, UM_PLAN_UPDATE), record->model, args, nulls, false);
}

/* True where there was such a row; within SPI_connect. */
bool
um_store_delete(UmResource *resource, Datum id)
{
	UmKey		key = um_store_key(resource, id, false);

	(void) run_by_id(resource, UM_PLAN_DELETE, id, &key, false);
	return SPI_processed > 0;
}

/* True where there was such an order, which has not ended; within SPI_connect. */
bool
um_store_cancel(UmResource *resource, Datum id)
{
	UmPlan	   *plan = um_plan(resource, UM_PLAN_CANCEL,
							   "UPDATE {table} SET cancelled_at = coalesce(cancelled_at, pg_catalog.now()) "
							   "WHERE id OPERATOR(pg_catalog.=) $1 AND completion_date IS NULL", 1, (Oid[]) {TEXTOID});

	um_execute(um_prepare(plan), &id, NULL, false, 0);
	return SPI_processed > 0;
}

static int
column_args(const UmRecord *record, Datum *args, char *nulls)
{
	int			n = 0;

	for (int s = 0; s < record->model->slots; s++)
	{
		if (!is_writable(record->model->slot[s]))
			continue;
		nulls[n] = record->state[s] == UM_SET ? ' ' : 'n';
		args[n] = record->state[s] == UM_SET ? um_record_datum(record, s) : (Datum) 0;
		n++;
	}
	return n;
}

/*
 * The statement that inserts a record, or updates the row of an id and, where
 * there is one, a date.
 */
static UmPlan *
write_plan(UmResource *resource, UmPlanKind kind)
{
	const UmModel *model = resource->model;
	UmPlan	   *plan = um_plan(resource, kind, NULL, 0, NULL);
	bool		insert = kind == UM_PLAN_INSERT;
	Relation	table;
	StringInfoData values;
	char	   *sql;

	if (plan->sql != NULL && plan->made_for == um_type(plan->type))
		return plan;
	/* one from before an upgrade gets an error that says what to do */
	table = table_open(um_table(model->noun, false), AccessShareLock);
	pfree(um_shape(model, RelationGetDescr(table), model->noun));
	table_close(table, NoLock);
	initStringInfo(&values);
	plan->nargs = 0;
	for (int s = 0; s < model->slots; s++)
		if (is_writable(model->slot[s]))
		{
			plan->args[plan->nargs++] = um_slot_type(model->slot[s], model);
			appendStringInfo(&values, "%s$%d", values.len > 0 ? ", " : "", plan->nargs);
		}
	sql = psprintf(insert ? "INSERT INTO {table} (%s, received_at, changed_at) VALUES (%s, $%d, $%d) RETURNING *"
				   : resource->date == NULL
				   ? "UPDATE {table} SET (%s) = ROW (%s) WHERE id OPERATOR(pg_catalog.=) $%d RETURNING *"
				   : "UPDATE {table} SET (%s) = ROW (%s) WHERE id OPERATOR(pg_catalog.=) $%d "
				   "AND {date} OPERATOR(pg_catalog.=) $%d RETURNING *",
				   um_columns(model, "", false), values.data, plan->nargs + 1, plan->nargs + 1 + !insert);
	if (!insert)
		plan->args[plan->nargs++] = TEXTOID;
	if (insert || resource->date != NULL)
		plan->args[plan->nargs++] = TIMESTAMPTZOID;
	if (!insert && resource->date != NULL)
		plan->options = CURSOR_OPT_CUSTOM_PLAN;
	plan->sql = MemoryContextStrdup(TopMemoryContext, um_sql(resource, sql, NULL));
	return plan;
}

/* The columns of a table with that before each; all, or those that an operation writes. */
char *
um_columns(const UmModel *model, const char *before, bool all)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int s = 0; s < model->slots; s++)
		if (all || is_writable(model->slot[s]))
			appendStringInfo(&out, "%s%s%s", out.len > 0 ? ", " : "", before, model->slot[s]->column);
	return out.data;
}
