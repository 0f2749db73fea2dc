/*
 * ledger.c
 *	  One id, one usage: the writer of a ledger.
 *
 * A unique index on a partitioned table must hold the partition key, so it
 * cannot say that an id exists once.  The ledger can.  It is written by AFTER
 * STATEMENT triggers, on the parent for statements on it and on each leaf for
 * those on the leaf: a statement fires exactly one of the two.  By then the
 * statement's own ON CONFLICT and its moves between partitions are settled, so
 * users meet no surprise, and a thousand rows cost one statement.
 *
 * INSERT and DELETE have transition tables.  An UPDATE has none, because
 * PostgreSQL would write all its rows to a file, twice, for the few whose date
 * it changes.  The row trigger notes these (um_ledger_note_date).  A note is what
 * was about to happen; whether it did, the table tells when the next trigger of
 * a statement comes (settle).  So it does not matter by which triggers a row
 * passed, whether it left its leaf, or that MERGE counts as deleted and inserted
 * a row that it moves.
 *
 * Triggers and functions of the user's may change the rows of a statement that
 * has not come here yet.  What they do comes here first and finds no key where
 * its rows were.  Such ids have gone astray: from then on, until the transaction
 * ends, what a statement says of them is held against the rows that are there.
 * A key is only ever forgotten or moved by the statement whose row had it, id and
 * date, so one that drop_partitions() kept is not set free by the way.
 *
 * The work is done as the owner of the table that fired, so that nobody needs
 * a right on the ledger, and a table of somebody's own gives him none either.  A
 * leaf of his would, were it done as the owner of the root: the planner evaluates
 * what stands in a leaf's constraints.  Operators carry their schema: the caller's
 * search_path is not to be trusted.
 *
 * TRUNCATE has no transition tables; its trigger is on the leaves alone, which
 * a TRUNCATE of the parent fires, too.  A detached leaf keeps its ids.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_collation.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "partitioning/partdesc.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "caller.h"
#include "changes.h"
#include "compat.h"
#include "content.h"
#include "errors.h"
#include "ledger.h"
#include "outbox.h"
#include "rows.h"
#include "store.h"
#include "types.h"
#include "vouch.h"

#define BATCH "usage_key_batch"

/* Of both, and of the ledger; all of these are texts of um_sql. */
#define COLUMNS "{date}, content_hash, hash_version, id"

#define SAME_ID(a, b) a ".id OPERATOR(pg_catalog.=) " b ".id "
#define SAME_DATE(a, b) "AND " a ".{date} OPERATOR(pg_catalog.=) " b ".{date} "
#define HAD_KEY SAME_ID("k", "b") "AND k.{date} OPERATOR(pg_catalog.=) b.old_date "

/* rows is the table with all rows that may be meant: own_rows, all_rows. */
#define IS_THERE(a, rows) "EXISTS (SELECT FROM " rows " v WHERE " SAME_ID("v", a) SAME_DATE("v", a) ") "
#define HAS_KEY(a) "EXISTS (SELECT FROM {ledger} k WHERE " SAME_ID("k", a) SAME_DATE("k", a) ") "

/* Lets a plan that is kept find a few rows by index, whatever it was made for. */
#define IN_BATCH(a) "AND " a ".id OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT id FROM " BATCH ")) "

/* Lets a plan be one of the partitions of these dates alone. */
#define IN_DATES(a) "AND " a ".{date} OPERATOR(pg_catalog.>=) $1 AND " a ".{date} OPERATOR(pg_catalog.<=) $2 "

#define ADD "INSERT INTO {ledger} (" COLUMNS ") "
#define FORGET "DELETE FROM {ledger} k USING " BATCH " b WHERE " SAME_ID("k", "b") SAME_DATE("k", "b")

/* Of dates noted: of rows that are where they were to be, and of others. */
#define GO_ALONG "UPDATE {ledger} k SET {date} = b.{date} FROM " BATCH " b WHERE " HAD_KEY
#define MOVE(few) GO_ALONG "AND EXISTS (SELECT FROM {rows} v " \
	"WHERE " SAME_ID("v", "b") SAME_DATE("v", "b") IN_DATES("v") few ") "
#define MOVE_FEW MOVE(IN_BATCH("v")) IN_BATCH("k")
#define UNMOVED "SELECT b.* FROM " BATCH " b, {ledger} k WHERE " HAD_KEY IN_BATCH("k")
#define FOLLOW "UPDATE {ledger} k SET {date} = u.{date} FROM " BATCH " b JOIN {rows} u ON " SAME_ID("u", "b") \
	"WHERE " HAD_KEY "AND NOT " IS_THERE("k", "{rows}")
#define FORGET_LOST "DELETE FROM {ledger} k USING " BATCH " b WHERE " HAD_KEY LOST
#define LOST "AND b.statement OPERATOR(pg_catalog.>=) %u AND NOT " IS_THERE("k", "{rows}")

/* Of statements that may count rows that were moved; taken is what had a key and no row before. */
#define FORGET_GONE FORGET "AND NOT " IS_THERE("k", "{rows}")
#define ADD_THERE ADD "SELECT " COLUMNS " FROM " BATCH " b " \
	"WHERE NOT " HAS_KEY("b") "AND " IS_THERE("b", "{rows}") "ORDER BY b.id"
#define TAKEN "SELECT b.id FROM " BATCH " b JOIN {ledger} k ON " SAME_ID("k", "b") \
	"WHERE NOT " IS_THERE("k", "{rows}")

/* Of ids gone astray. */
#define ADD_STRAYS ADD \
	"SELECT DISTINCT ON (b.id, u.{date}) u.{date}, b.content_hash, b.hash_version, b.id " \
	"FROM " BATCH " b JOIN {rows} u ON " SAME_ID("u", "b") "WHERE NOT " HAS_KEY("u") \
	"ORDER BY b.id, u.{date}, u.{date} OPERATOR(pg_catalog.<>) b.{date}"

/* More keys than that are found by a join, planned anew. */
#define MANY_KEYS 10000

/* Rows of the statement on their way to the ledger. */
typedef struct Keys
{
	UmResource *resource;
	TupleDesc	desc;
	Tuplestorestate *rows;
	double		count;
	bool		ordered;		/* by id, so far */
	StringInfoData last;		/* id */
} Keys;

/* Dates that UPDATEs of a subtransaction were about to change. */
typedef struct Notes
{
	struct Notes *outer;
	Oid			root;			/* of the partitions */
	SubTransactionId transaction;
	MemoryContext context;
	Keys		keys;
	TimestampTz earliest;		/* of the dates that rows are to have */
	TimestampTz latest;
} Notes;

static Notes *noted = NULL;
static int64 last_noted = -1;	/* command of the transaction that noted one last */

static HTAB *strays = NULL;		/* hashes of ids gone astray; NULL for none */

static Notes *notes_of(Oid root);
static Notes *new_notes(Oid root, UmResource *resource);
static void settle(Relation relation);
static uint64 move_keys(Notes *notes, const char *rows);
static void follow_keys(Notes *notes, const char *rows);
static bool loses_partition(Oid parent);
static void keep_unmoved(Notes *notes, SPITupleTable *unmoved, uint64 count, CommandId statement);
static void empty(Notes *notes);
static void add_keys(TriggerData *data, UmResource *resource);
static void add_anew(Keys *keys, const char *sql, const char *rows);
static void forget_keys(TriggerData *data, UmResource *resource);
static bool has_noted_dates(void);
static void note_strays(const Keys *keys);
static bool take_strays(Keys *keys, Keys *astray);
static TupleTableSlot *first_slot(const Keys *keys);
static uint64 hash_of_id(const Keys *keys, TupleTableSlot *slot);
static void refuse_taken(Keys *keys, const char *rows);
static char *own_rows(Relation relation);
static char *all_rows(Relation relation);
static void start_keys(Keys *keys, UmResource *resource, bool dates);
static void start_rows(Keys *keys);
static void put_key(Keys *keys, Datum date, const UmHash *hash, Datum id);
static void put_date(Notes *notes, Datum date, Datum old_date, int64 statement, Datum id);
static void put_row(Keys *keys, Datum *values);
static void note_order(Keys *keys, UmSlice id);
static uint64 write_keys(Keys *keys, UmPlanKind kind, const char *sql, const char *many);
static uint64 write_once(Keys *keys, const char *sql, const char *rows, Datum *dates);
static void collect(Keys *keys, TriggerData *data, bool added);
static void forget_leaf(Relation leaf, const UmResource *resource);

PG_FUNCTION_INFO_V1(um_keys);

/*
 * What was noted in that subtransaction, or later, did not happen, or its
 * statement has ended.  InvalidSubTransactionId is the whole transaction, with
 * which all is forgotten.
 */
void
um_ledger_forget(SubTransactionId from)
{
	while (noted != NULL && noted->transaction >= from)
	{
		Notes	   *notes = noted;

		noted = notes->outer;
		tuplestore_end(notes->keys.rows);
		MemoryContextDelete(notes->context);
	}
	if (from != InvalidSubTransactionId)
		return;
	last_noted = -1;
	strays = NULL;
}

/* Notes that the date of a row below that root is about to change. */
void
um_ledger_note_date(Oid root, UmResource *resource, Datum id, Datum old_date, Datum date)
{
	Notes	   *notes = notes_of(root);
	int64		statement = GetActiveSnapshot()->curcid;

	if (notes == NULL)
		notes = new_notes(root, resource);
	put_date(notes, date, old_date, statement, id);
	last_noted = Max(last_noted, statement);
}

/* The partitioned table at the top, also of a leaf about to be detached. */
Oid
um_ledger_root(Relation relation)
{
	Oid			root = RelationGetRelid(relation);

	while (get_rel_relispartition(root))
		root = get_partition_parent(root, true);
	return root;
}

/* Those of this subtransaction, or NULL. */
static Notes *
notes_of(Oid root)
{
	Notes	   *notes = noted;

	while (notes != NULL && notes->root != root)
		notes = notes->outer;
	return notes != NULL && notes->transaction == GetCurrentSubTransactionId() ? notes : NULL;
}

static Notes *
new_notes(Oid root, UmResource *resource)
{
	MemoryContext context = AllocSetContextCreate(TopTransactionContext, "usage dates",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Notes	   *notes = palloc0(sizeof(Notes));

	notes->outer = noted;
	notes->root = root;
	notes->transaction = GetCurrentSubTransactionId();
	notes->context = context;
	start_keys(&notes->keys, resource, true);
	notes->earliest = DT_NOEND;
	notes->latest = DT_NOBEGIN;
	MemoryContextSwitchTo(old);
	return noted = notes;
}

/* AFTER INSERT, UPDATE, DELETE or BEFORE TRUNCATE, for each statement: keys, and behind them events. */
Datum
um_keys(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	UmResource *resource;
	Form_pg_class relation;
	UmUser		before;

	if (!CALLED_AS_TRIGGER(fcinfo) || TRIGGER_FIRED_FOR_ROW(data->tg_event))
		um_refuse_call("a trigger for each statement");
	relation = data->tg_relation->rd_rel;
	if (!relation->relispartition && relation->relkind != RELKIND_PARTITIONED_TABLE)
		return PointerGetDatum(NULL);
	resource = um_resource_of(fcinfo, "", "_keys", false);
	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event) && noted == NULL && !um_outbox_has_notes())
		return PointerGetDatum(NULL);
	SPI_connect();
	um_become(relation->relowner, &before);
	settle(data->tg_relation);
	if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
		add_keys(data, resource);
	else if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
		forget_keys(data, resource);
	else if (TRIGGER_FIRED_BY_TRUNCATE(data->tg_event))
		forget_leaf(data->tg_relation, resource);
	if (!TRIGGER_FIRED_BY_TRUNCATE(data->tg_event))
		um_outbox_write(resource, data);
	um_become_again(&before);
	SPI_finish();
	return PointerGetDatum(NULL);
}

/* Lets keys follow the rows whose dates were noted. */
static void
settle(Relation relation)
{
	Notes	   *notes = noted != NULL ? notes_of(um_ledger_root(relation)) : NULL;

	if (notes == NULL || notes->keys.count == 0)
		return;
	if (move_keys(notes, own_rows(relation)) < notes->keys.count)
		follow_keys(notes, all_rows(relation));
	else
		empty(notes);
}

/* Of rows that are where they were to be; tells how many. */
static uint64
move_keys(Notes *notes, const char *rows)
{
	Datum		dates[] = {TimestampTzGetDatum(notes->earliest), TimestampTzGetDatum(notes->latest)};
	int			settings = um_prefer("enable_nestloop");
	uint64		moved = write_once(&notes->keys, notes->keys.count <= MANY_KEYS ? MOVE_FEW : MOVE(""),
								   rows, dates);

	AtEOXact_GUC(true, settings);
	return moved;
}

/*
 * Of rows of which only the table tells what became of them.  One that is nowhere
 * is lost, but for those of a statement that this one runs within: such a row may
 * be on its way, and its note is kept.  Such a statement has a lower command id.
 * A foreign key's action has a higher one than the statement that caused it, with
 * whose triggers its own come.
 */
static void
follow_keys(Notes *notes, const char *rows)
{
	Keys	   *keys = &notes->keys;
	CommandId	statement = GetActiveSnapshot()->curcid;

	note_strays(keys);
	if (write_keys(keys, UM_PLAN_UNMOVED_KEYS, UNMOVED, NULL) > 0)
	{
		(void) write_once(keys, FOLLOW, rows, NULL);
		(void) write_once(keys, psprintf(loses_partition(notes->root) ? GO_ALONG LOST : FORGET_LOST,
										 statement), rows, NULL);
		(void) write_keys(keys, UM_PLAN_UNMOVED_KEYS, UNMOVED, NULL);
	}
	keep_unmoved(notes, SPI_tuptable, SPI_processed, statement);
}

/* Whether one below is being detached concurrently: what it has may be seen no more. */
static bool
loses_partition(Oid parent)
{
	Relation	table = table_open(parent, AccessShareLock);
	PartitionDesc parts = RelationGetPartitionDesc(table, false);
	bool		loses = parts->detached_exist;

	for (int i = 0; i < parts->nparts && !loses; i++)
		loses = !parts->is_leaf[i] && loses_partition(parts->oids[i]);
	table_close(table, NoLock);
	return loses;
}

/* Leaves of these notes those of earlier statements. */
static void
keep_unmoved(Notes *notes, SPITupleTable *unmoved, uint64 count, CommandId statement)
{
	Datum		values[4];
	bool		nulls[4];

	empty(notes);
	for (uint64 i = 0; i < count; i++)
	{
		heap_deform_tuple(unmoved->vals[i], unmoved->tupdesc, values, nulls);
		if (DatumGetInt64(values[2]) < statement)
			put_date(notes, values[0], values[1], DatumGetInt64(values[2]), values[3]);
	}
}

/*
 * Leaves none.  The tuplestore is made anew: each scan of one leaves a read
 * pointer behind, and all of them are looked at with each tuple.
 */
static void
empty(Notes *notes)
{
	MemoryContext old = MemoryContextSwitchTo(notes->context);

	tuplestore_end(notes->keys.rows);
	start_rows(&notes->keys);
	notes->earliest = DT_NOEND;
	notes->latest = DT_NOBEGIN;
	MemoryContextSwitchTo(old);
}

/* Of the rows of an INSERT. */
static void
add_keys(TriggerData *data, UmResource *resource)
{
	Keys		keys;
	Keys		astray;

	start_keys(&keys, resource, false);
	collect(&keys, data, true);
	if (take_strays(&keys, &astray))
		add_anew(&astray, ADD_STRAYS, all_rows(data->tg_relation));
	if (has_noted_dates())
		add_anew(&keys, ADD_THERE, own_rows(data->tg_relation));
	else
	{
		(void) write_keys(&keys, keys.ordered ? UM_PLAN_ADD_ORDERED_KEYS : UM_PLAN_ADD_KEYS,
						  keys.ordered ? ADD "SELECT " COLUMNS " FROM " BATCH
						  : ADD "SELECT " COLUMNS " FROM " BATCH " b ORDER BY b.id", NULL);
		tuplestore_end(keys.rows);
	}
}

/*
 * The keys of rows that may have been moved before, by a MERGE or by others, as
 * far as they are there and have none yet.
 */
static void
add_anew(Keys *keys, const char *sql, const char *rows)
{
	refuse_taken(keys, rows);
	(void) write_once(keys, sql, rows, NULL);
	tuplestore_end(keys->rows);
}

/* Of the rows that a DELETE took away, but for those that others have put back, or a MERGE has moved. */
static void
forget_keys(TriggerData *data, UmResource *resource)
{
	Keys		keys;
	uint64		forgotten;

	start_keys(&keys, resource, false);
	collect(&keys, data, false);
	forgotten = strays != NULL || has_noted_dates() ? write_once(&keys, FORGET_GONE, own_rows(data->tg_relation), NULL)
		: write_keys(&keys, UM_PLAN_FORGET_KEYS, FORGET IN_BATCH("k"), FORGET);
	if (forgotten < keys.count)
		note_strays(&keys);
	tuplestore_end(keys.rows);
}

/*
 * Whether the statement, or one within it, was to change a date.  If it is a MERGE
 * it counts what it moves as deleted and inserted; and what it inserts a trigger may
 * have moved already.
 */
static bool
has_noted_dates(void)
{
	return last_noted >= (int64) GetActiveSnapshot()->curcid;
}

/*
 * Notes that the keys of these rows were not, or not all, where the rows were,
 * because others have changed them.
 */
static void
note_strays(const Keys *keys)
{
	HASHCTL		control = {.keysize = sizeof(uint64), .entrysize = sizeof(uint64)};
	TupleTableSlot *slot = first_slot(keys);
	uint64		hash;

	if (strays == NULL)
	{
		control.hcxt = TopTransactionContext;
		strays = hash_create("usage ids gone astray", 64, &control,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	while (tuplestore_gettupleslot(keys->rows, true, false, slot))
	{
		hash = hash_of_id(keys, slot);
		(void) hash_search(strays, &hash, HASH_ENTER, NULL);
	}
	ExecDropSingleTupleTableSlot(slot);
}

/* Takes the rows of ids gone astray out of keys; false where there are none. */
static bool
take_strays(Keys *keys, Keys *astray)
{
	Keys		rest = *keys;
	TupleTableSlot *slot;
	uint64		hash;

	if (strays == NULL)
		return false;
	*astray = *keys;
	astray->rows = tuplestore_begin_heap(false, false, work_mem);
	rest.rows = tuplestore_begin_heap(false, false, work_mem);
	astray->count = rest.count = 0;
	slot = first_slot(keys);
	while (tuplestore_gettupleslot(keys->rows, true, false, slot))
	{
		Keys	   *to;

		hash = hash_of_id(keys, slot);
		to = hash_search(strays, &hash, HASH_FIND, NULL) != NULL ? astray : &rest;
		tuplestore_puttupleslot(to->rows, slot);
		to->count++;
	}
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(keys->rows);
	*keys = rest;
	return true;
}

/* To read the rows from the first one on. */
static TupleTableSlot *
first_slot(const Keys *keys)
{
	tuplestore_rescan(keys->rows);
	return MakeSingleTupleTableSlot(keys->desc, &TTSOpsMinimalTuple);
}

/* Of the id; two ids of one hash are only looked at for nothing. */
static uint64
hash_of_id(const Keys *keys, TupleTableSlot *slot)
{
	bool		null;
	UmSlice		id = um_text_slice(slot_getattr(slot, 4, &null));

	return DatumGetUInt64(hash_any_extended((const unsigned char *) id.ptr, id.len,
											PointerGetDatum(keys->resource)));
}

/*
 * An id that had a key and no row when the statement began is taken, whatever
 * has been done to its key meanwhile: it was not meant for that one.
 */
static void
refuse_taken(Keys *keys, const char *rows)
{
	Relation	ledger;

	if (keys->count == 0)
		return;
	um_name_rows(BATCH, keys->desc, keys->rows, keys->count);
	/* read-only: with the snapshot of the statement */
	um_execute_once(um_sql(keys->resource, TAKEN, rows), 0, NULL, NULL, true);
	SPI_unregister_relation(BATCH);
	if (SPI_processed == 0)
		return;
	ledger = table_open(um_table(keys->resource->ledger, false), AccessShareLock);
	ereport(ERROR,
			(errcode(UM_ID_TAKEN),
			 errmsg("duplicate key value violates unique constraint \"%s_pkey\"", keys->resource->ledger),
			 errdetail("Key (id)=(%s) already exists.",
					   SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1)),
			 errtableconstraint(ledger, psprintf("%s_pkey", keys->resource->ledger))));
}

/*
 * The name of the table that holds the rows which a statement on that one could
 * change: on a leaf, the leaf, which its owner may read whatever else he may.
 */
static char *
own_rows(Relation relation)
{
	return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
									  RelationGetRelationName(relation));
}

/* The name of the table that holds the rows of all partitions, for who sees all of them. */
static char *
all_rows(Relation relation)
{
	Oid			root = um_ledger_root(relation);

	if (check_enable_rls(root, InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("row security hides rows of \"%s\" from the owner of \"%s\"", get_rel_name(root),
						RelationGetRelationName(relation)),
				 errhint("Let both belong to one role.")));
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(root)), get_rel_name(root));
}

/* None yet; of rows as they are, or with the dates that they had and are to have. */
static void
start_keys(Keys *keys, UmResource *resource, bool dates)
{
	keys->resource = resource;
	keys->desc = CreateTemplateTupleDesc(4);
	TupleDescInitEntry(keys->desc, 1, resource->date, TIMESTAMPTZOID, -1, 0);
	TupleDescInitEntry(keys->desc, 2, dates ? "old_date" : "content_hash", dates ? TIMESTAMPTZOID : UUIDOID, -1, 0);
	TupleDescInitEntry(keys->desc, 3, dates ? "statement" : "hash_version", dates ? INT8OID : INT2OID, -1, 0);
	TupleDescInitEntry(keys->desc, 4, "id", TEXTOID, -1, 0);
	TupleDescInitEntryCollation(keys->desc, 4, C_COLLATION_OID);
	start_rows(keys);
	keys->ordered = true;
	initStringInfo(&keys->last);
}

static void
start_rows(Keys *keys)
{
	ResourceOwner owner = CurrentResourceOwner;

	/* notes may outlive the statement */
	CurrentResourceOwner = CurTransactionResourceOwner;
	keys->rows = tuplestore_begin_heap(false, false, work_mem);
	CurrentResourceOwner = owner;
	keys->count = 0;
}

static void
put_key(Keys *keys, Datum date, const UmHash *hash, Datum id)
{
	put_row(keys, (Datum[]) {date, UUIDPGetDatum(hash), Int16GetDatum(UM_HASH_VERSION), id});
	note_order(keys, um_text_slice(id));
}

static void
put_date(Notes *notes, Datum date, Datum old_date, int64 statement, Datum id)
{
	put_row(&notes->keys, (Datum[]) {date, old_date, Int64GetDatum(statement), id});
	notes->earliest = Min(notes->earliest, DatumGetTimestampTz(date));
	notes->latest = Max(notes->latest, DatumGetTimestampTz(date));
}

static void
put_row(Keys *keys, Datum *values)
{
	bool		nulls[4] = {false};

	tuplestore_putvalues(keys->rows, keys->desc, values, nulls);
	keys->count++;
}

/* Ids that come in order, as they mostly do, need not be sorted. */
static void
note_order(Keys *keys, UmSlice id)
{
	int			order;

	if (!keys->ordered)
		return;
	order = memcmp(keys->last.data, id.ptr, Min(keys->last.len, id.len));
	keys->ordered = order < 0 || (order == 0 && keys->last.len <= id.len);
	resetStringInfo(&keys->last);
	appendBinaryStringInfo(&keys->last, id.ptr, id.len);
}

/*
 * Runs the kept statement of that kind; for many keys the one that joins them,
 * where there is one.  Tells how many keys it wrote.
 */
static uint64
write_keys(Keys *keys, UmPlanKind kind, const char *sql, const char *many)
{
	int			settings;

	if (many != NULL && keys->count > MANY_KEYS)
		return write_once(keys, many, NULL, NULL);
	if (keys->count == 0)
		return 0;
	um_name_rows(BATCH, keys->desc, keys->rows, keys->count);
	settings = um_prefer("enable_seqscan");
	(void) um_prefer("enable_nestloop");
	um_execute(um_prepare(um_plan(keys->resource, kind, sql, 0, NULL)), NULL, NULL, false, 0);
	AtEOXact_GUC(true, settings);
	SPI_unregister_relation(BATCH);
	return SPI_processed;
}

/* The same of a statement that is planned for these keys, and for rows between two dates. */
static uint64
write_once(Keys *keys, const char *sql, const char *rows, Datum *dates)
{
	Oid			types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID};
	int			settings;

	if (keys->count == 0)
		return 0;
	um_name_rows(BATCH, keys->desc, keys->rows, keys->count);
	settings = um_prefer(keys->count <= MANY_KEYS ? "enable_seqscan" : "enable_nestloop");
	um_execute_once(um_sql(keys->resource, sql, rows), dates != NULL ? 2 : 0, types, dates, false);
	AtEOXact_GUC(true, settings);
	SPI_unregister_relation(BATCH);
	return SPI_processed;
}

/* The keys of every row that the statement added, with their hashes, or took away. */
static void
collect(Keys *keys, TriggerData *data, bool added)
{
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "row's key",
													  ALLOCSET_DEFAULT_SIZES);
	bool		bulk = added && um_is_vouched_whole(keys->resource);
	UmFaults	faults = {UM_R14_5, NIL, 0};
	UmHash		hash = {0};		/* of what is taken away none is needed */
	UmChanges	changes;

	um_changes_open(&changes, data, keys->resource->model);
	for (int i = 0; um_changes_next(&changes); i++)
	{
		MemoryContext old;
		Datum		id;
		Datum		date;

		if (!um_changed_key(&changes, &id, &date))
			continue;
		if (!added || (bulk && um_vouched_hash(i, id, date, &hash)))
		{
			put_key(keys, date, &hash, id);
			continue;
		}
		old = MemoryContextSwitchTo(row_context);
		slot_getallattrs(changes.row);
		/* the row trigger, where it is enabled, has refused what is at fault */
		hash = um_content_hash(um_record_read_values(changes.shape, changes.row->tts_values,
													 changes.row->tts_isnull,
													 &faults, NULL));
		faults.list = NIL;
		put_key(keys, date, &hash, id);
		MemoryContextSwitchTo(old);
		MemoryContextReset(row_context);
	}
	um_changes_close(&changes);
	MemoryContextDelete(row_context);
}

/* Before a TRUNCATE: the ids of one leaf. */
static void
forget_leaf(Relation leaf, const UmResource *resource)
{
	char	   *sql;
	int			settings;

	if (leaf->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		return;
	/* a table vacuumed in mid-load counts as empty; nested loops would not end */
	settings = um_prefer("enable_nestloop");
	sql = um_sql(resource, "DELETE FROM {ledger} k USING ONLY {rows} u WHERE " SAME_ID("k", "u") SAME_DATE("k", "u"),
				 own_rows(leaf));
	um_execute_once(sql, 0, NULL, NULL, false);
	AtEOXact_GUC(true, settings);
}
