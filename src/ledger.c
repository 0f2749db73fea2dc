/*
 * ledger.c
 *	  One id, one usage: the writer of a ledger.
 *
 * A unique index on a partitioned table must hold the partition key, so it
 * cannot say that an id exists once.  The ledger can.  It is written by AFTER
 * STATEMENT triggers from the transition tables, on the parent for statements
 * on it and on each leaf for those on the leaf: a statement fires exactly one
 * of the two.  By then the statement's own ON CONFLICT and its moves between
 * partitions are settled, so users meet no surprise, and a thousand rows cost
 * one statement.
 *
 * One thing these tables have wrong: a row that MERGE moves to another leaf is
 * in none of them, or counts as deleted and inserted where there are triggers
 * for that.  So moves are noted by the row trigger (um_ledger_note_move), and
 * what an UPDATE's own tables do not tell is done behind them (write_moves).
 *
 * The other is that triggers and functions of the user's may change the rows of
 * a statement that has not come here yet.  What they do comes here first and
 * finds no key where its rows were.  Such ids have gone astray: from then on,
 * until the transaction ends, what a statement says of them is held against the
 * rows that are there (add_strays, follow_strays).  A key is only ever forgotten
 * or moved by the statement whose row had it, id and date, so one that
 * drop_partitions() kept is not set free by the way.
 *
 * The work is done as the owner of the table that fired, so that nobody needs
 * a right on the ledger, and a table of somebody's own gives him none either.
 * Operators carry their schema: the caller's search_path is not to be trusted.
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
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "caller.h"
#include "changes.h"
#include "compat.h"
#include "content.h"
#include "errors.h"
#include "ledger.h"
#include "rows.h"
#include "store.h"
#include "types.h"
#include "vouch.h"

#define BATCH "usage_key_batch"
#define MOVES "usage_key_moves"

/* Of both, and of the ledger; all of these are texts of um_sql. */
#define COLUMNS "{date}, content_hash, hash_version, id"

#define SAME_ID(a, b) a ".id OPERATOR(pg_catalog.=) " b ".id "
#define SAME_DATE(a, b) "AND " a ".{date} OPERATOR(pg_catalog.=) " b ".{date} "

#define ADD "INSERT INTO {ledger} (" COLUMNS ") "
#define MOVE "UPDATE {ledger} k SET {date} = b.{date} FROM " BATCH " b " \
	"WHERE " SAME_ID("k", "b") "AND k.{date} OPERATOR(pg_catalog.=) b.old_date "
#define FORGET "DELETE FROM {ledger} k USING " BATCH " b " \
	"WHERE " SAME_ID("k", "b") SAME_DATE("k", "b")

/* Lets a plan that is kept find a few keys by index, whatever it was made for. */
#define IN_BATCH "AND k.id OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT id FROM " BATCH "))"

/* Of rows that MERGE moves, the keys stay. */
#define BUT_MOVED "AND NOT EXISTS (SELECT FROM " MOVES " m WHERE " SAME_ID("m", "b") \
	"AND m.{date} OPERATOR(pg_catalog.<>) b.{date}) "

/* Of ids gone astray; {rows} is the table with all rows, %s of ADD_STRAYS which of the batch. */
#define IS_THERE "EXISTS (SELECT FROM {rows} v WHERE " SAME_ID("v", "k") SAME_DATE("v", "k") ") "
#define HAS_KEY(a) "EXISTS (SELECT FROM {ledger} k WHERE " SAME_ID("k", a) SAME_DATE("k", a)
#define ADD_STRAYS ADD \
	"SELECT DISTINCT ON (b.id, u.{date}) u.{date}, b.content_hash, b.hash_version, b.id " \
	"FROM %s b JOIN {rows} u ON " SAME_ID("u", "b") "WHERE NOT " HAS_KEY("u") ") " \
	"ORDER BY b.id, u.{date}, u.{date} OPERATOR(pg_catalog.<>) b.{date}"
#define HAVE_NO_KEY "(SELECT * FROM " BATCH " a WHERE NOT " HAS_KEY("a") "))"
#define TAKEN "SELECT b.id FROM " BATCH " b JOIN {ledger} k ON " SAME_ID("k", "b") \
	"WHERE NOT " IS_THERE
#define FOLLOW_STRAYS "UPDATE {ledger} k SET {date} = u.{date} " \
	"FROM " BATCH " b JOIN {rows} u ON " SAME_ID("u", "b") \
	"WHERE " SAME_ID("k", "b") SAME_DATE("k", "b") "AND NOT " IS_THERE
#define FORGET_STRAYS FORGET "AND NOT " IS_THERE

/* The place that each moved row came to last. */
#define WRITE_MOVES "UPDATE {ledger} k SET {date} = m.{date} " \
	"FROM (SELECT DISTINCT ON (n.id) n.id, n.{date} " \
	"FROM (SELECT *, pg_catalog.row_number() OVER () AS place FROM " MOVES ") n " \
	"ORDER BY n.id, n.place DESC) m " \
	"WHERE k.id OPERATOR(pg_catalog.=) m.id AND k.{date} OPERATOR(pg_catalog.<>) m.{date}"

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

/* Where the rows of the UPDATE under way move to. */
typedef struct Moves
{
	struct Moves *outer;
	Oid			root;			/* of the partitions */
	SubTransactionId transaction;
	MemoryContext context;
	Keys		keys;
	Keys		lost;			/* rows that left and did not arrive */
	int			level;			/* of triggers where one is on its way, or 0 */
	StringInfoData leaving;		/* its id */
	Datum		old_date;
} Moves;

static Moves *moving = NULL;

/* An id gone astray. */
typedef struct Stray
{
	uint64		hash;			/* hash key: of the id */
	bool		changed;		/* or only moved by a MERGE, its key with it */
} Stray;

static HTAB *strays = NULL;		/* as long as there are none */

static Oid	partition_root(Relation relation);
static bool has_moves(Oid root);
static Moves *moves_below(Oid root, UmResource *resource);
static void note_lost(Moves *moves);
static void drop_moves(void);
static void add_keys(TriggerData *data, UmResource *resource);
static void move_keys(TriggerData *data, UmResource *resource);
static void forget_keys(TriggerData *data, UmResource *resource);
static void note_strays(const Keys *keys, bool changed);
static bool take_strays(Keys *keys, Keys *astray, bool changed);
static TupleTableSlot *first_slot(const Keys *keys);
static uint64 hash_of_id(const Keys *keys, TupleTableSlot *slot);
static void add_strays(Keys *astray, const char *which, Relation relation);
static void refuse_taken(Keys *astray, const char *rows);
static void follow_strays(Keys *astray, Relation relation);
static bool have_keys(Keys *astray);
static bool lack_keys(Keys *keys);
static void settle(Keys *lost, Relation relation);
static char *all_rows(Relation relation);
static void write_moves(Relation relation, double told);
static void start_keys(Keys *keys, UmResource *resource, bool moves);
static void put_key(Keys *keys, Datum id, Datum date, Datum old_date, const UmHash *hash);
static void note_order(Keys *keys, UmSlice id);
static uint64 write_keys(Keys *keys, UmPlanKind kind, const char *sql, const char *many);
static uint64 write_once(Keys *keys, const char *name, const char *sql, const char *rows);
static void collect(Keys *keys, TriggerData *data, bool added);
static void collect_moves(Keys *keys, TriggerData *data);
static void forget_leaf(Relation leaf, const UmResource *resource);

PG_FUNCTION_INFO_V1(um_keys);

/*
 * What was moved in that subtransaction, or later, is where it was.
 * InvalidSubTransactionId is the whole transaction, with which all is forgotten.
 */
void
um_ledger_forget(SubTransactionId from)
{
	while (moving != NULL && moving->transaction >= from)
		drop_moves();
	if (from == InvalidSubTransactionId)
		strays = NULL;
}

/* AFTER INSERT, UPDATE, DELETE or BEFORE TRUNCATE, for each statement. */
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
	SPI_connect();
	um_become(relation->relowner, &before);
	if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
		add_keys(data, resource);
	else if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
		move_keys(data, resource);
	else if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
		forget_keys(data, resource);
	else
		forget_leaf(data->tg_relation, resource);
	um_become_again(&before);
	SPI_finish();
	return PointerGetDatum(NULL);
}

/* Of the rows of an INSERT. */
static void
add_keys(TriggerData *data, UmResource *resource)
{
	Keys		keys;
	Keys		astray;

	start_keys(&keys, resource, false);
	collect(&keys, data, true);
	if (take_strays(&keys, &astray, true))
		add_strays(&astray, BATCH, data->tg_relation);
	if (take_strays(&keys, &astray, false))
		add_strays(&astray, HAVE_NO_KEY, data->tg_relation);
	(void) write_keys(&keys, keys.ordered ? UM_PLAN_ADD_ORDERED_KEYS : UM_PLAN_ADD_KEYS,
					  keys.ordered ? ADD "SELECT " COLUMNS " FROM " BATCH
					  : ADD "SELECT " COLUMNS " FROM " BATCH " b ORDER BY b.id", NULL);
	tuplestore_end(keys.rows);
}

/* Of the rows whose date an UPDATE changed, and of those that it or a MERGE moved. */
static void
move_keys(TriggerData *data, UmResource *resource)
{
	Keys		keys;
	Keys		astray;
	bool		any;
	double		told;

	start_keys(&keys, resource, true);
	collect_moves(&keys, data);
	told = keys.count;
	any = take_strays(&keys, &astray, false);
	if (write_keys(&keys, UM_PLAN_MOVE_KEYS, MOVE IN_BATCH, MOVE) < keys.count)
		note_strays(&keys, true);
	tuplestore_end(keys.rows);
	if (any)
		(void) write_keys(&astray, UM_PLAN_MOVE_KEYS, MOVE IN_BATCH, MOVE);
	write_moves(data->tg_relation, told);
	if (any)
		follow_strays(&astray, data->tg_relation);
}

/* Of the rows that a DELETE took away. */
static void
forget_keys(TriggerData *data, UmResource *resource)
{
	bool		moves = has_moves(partition_root(data->tg_relation));
	Keys		keys;
	Keys		astray;

	start_keys(&keys, resource, false);
	collect(&keys, data, false);
	if (moves)
		um_name_rows(MOVES, moving->keys.desc, moving->keys.rows, moving->keys.count);
	if (take_strays(&keys, &astray, false))
	{
		if (have_keys(&astray))
			(void) write_once(&astray, BATCH, moves ? FORGET_STRAYS BUT_MOVED : FORGET_STRAYS,
							  all_rows(data->tg_relation));
		tuplestore_end(astray.rows);
	}
	if ((moves ? write_once(&keys, BATCH, FORGET BUT_MOVED, NULL)
		 : write_keys(&keys, UM_PLAN_FORGET_KEYS, FORGET IN_BATCH, FORGET)) < keys.count)
		note_strays(&keys, true);
	if (moves)
		SPI_unregister_relation(MOVES);
	tuplestore_end(keys.rows);
}

/*
 * Notes that the keys of these rows were not, or not all, where the rows were,
 * because others have changed them, or that MERGE has moved both.
 */
static void
note_strays(const Keys *keys, bool changed)
{
	HASHCTL		control = {.keysize = sizeof(uint64), .entrysize = sizeof(Stray)};
	TupleTableSlot *slot = first_slot(keys);
	Stray	   *stray;
	uint64		hash;
	bool		found;

	if (strays == NULL)
	{
		control.hcxt = TopTransactionContext;
		strays = hash_create("usage ids gone astray", 64, &control,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	while (tuplestore_gettupleslot(keys->rows, true, false, slot))
	{
		hash = hash_of_id(keys, slot);
		stray = hash_search(strays, &hash, HASH_ENTER, &found);
		stray->changed = changed || (found && stray->changed);
	}
	ExecDropSingleTupleTableSlot(slot);
}

/* Takes the rows of ids gone astray, or only the changed ones, out of keys; false where there are none. */
static bool
take_strays(Keys *keys, Keys *astray, bool changed)
{
	Keys		rest = *keys;
	TupleTableSlot *slot;
	Stray	   *stray;
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
		stray = hash_search(strays, &hash, HASH_FIND, NULL);
		to = stray != NULL && (stray->changed || !changed) ? astray : &rest;
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
 * The keys of new rows that others have been at, as far as they are there and
 * have none yet.
 */
static void
add_strays(Keys *astray, const char *which, Relation relation)
{
	char	   *rows = all_rows(relation);

	if (astray->count > 0)
	{
		refuse_taken(astray, rows);
		(void) write_once(astray, BATCH, psprintf(ADD_STRAYS, which), rows);
	}
	tuplestore_end(astray->rows);
}

/*
 * An id that had a key and no row when the statement began is taken, whatever
 * has been done to its key meanwhile: it was not meant for that one.
 */
static void
refuse_taken(Keys *astray, const char *rows)
{
	Relation	ledger;

	um_name_rows(BATCH, astray->desc, astray->rows, astray->count);
	/* read-only: with the snapshot of the statement */
	um_execute_once(um_sql(astray->resource, TAKEN, rows), 0, NULL, NULL, true);
	SPI_unregister_relation(BATCH);
	if (SPI_processed == 0)
		return;
	ledger = table_open(um_table(astray->resource->ledger, false), AccessShareLock);
	ereport(ERROR,
			(errcode(UM_ID_TAKEN),
			 errmsg("duplicate key value violates unique constraint \"%s_pkey\"", astray->resource->ledger),
			 errdetail("Key (id)=(%s) already exists.",
					   SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1)),
			 errtableconstraint(ledger, psprintf("%s_pkey", astray->resource->ledger))));
}

/* Where rows gone astray have been moved or deleted since, so are their keys. */
static void
follow_strays(Keys *astray, Relation relation)
{
	char	   *rows;

	if (have_keys(astray))
	{
		rows = all_rows(relation);
		(void) write_once(astray, BATCH, FOLLOW_STRAYS, rows);
		(void) write_once(astray, BATCH, FORGET_STRAYS, rows);
	}
	tuplestore_end(astray->rows);
}

/* Whether there are keys where these rows are: to look at all partitions takes long. */
static bool
have_keys(Keys *astray)
{
	/* a plan is good for rows of as many columns */
	return write_keys(astray, astray->desc->natts == 4 ? UM_PLAN_HAVE_KEYS : UM_PLAN_HAVE_MOVED_KEYS,
					  "SELECT FROM {ledger} k, " BATCH " b "
					  "WHERE " SAME_ID("k", "b") SAME_DATE("k", "b") IN_BATCH, NULL) > 0;
}

/* Whether there are rows that have no key where they are. */
static bool
lack_keys(Keys *keys)
{
	return write_keys(keys, UM_PLAN_LACK_KEYS, "SELECT FROM " BATCH " b WHERE NOT "
					  HAS_KEY("b") IN_BATCH ") LIMIT 1", NULL) > 0;
}

/* Lets keys follow rows of which only the table knows what became of them. */
static void
settle(Keys *lost, Relation relation)
{
	if (lost->count > 0)
		note_strays(lost, true);
	follow_strays(lost, relation);
}

/* The name of the table that holds the rows of all partitions. */
static char *
all_rows(Relation relation)
{
	Oid			root = partition_root(relation);

	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(root)), get_rel_name(root));
}

/* Notes that a row is about to leave its leaf for another one. */
void
um_ledger_note_leaving(Relation leaf, UmResource *resource, Datum id, Datum date)
{
	Moves	   *moves = moves_below(partition_root(leaf), resource);
	UmSlice		name = um_text_slice(id);

	note_lost(moves);
	resetStringInfo(&moves->leaving);
	appendBinaryStringInfo(&moves->leaving, name.ptr, name.len);
	moves->old_date = date;
	moves->level = um_trigger_level();
}

/* Notes where it is about to arrive. */
void
um_ledger_note_move(Relation leaf, UmResource *resource, Datum id, Datum date)
{
	Moves	   *moves = moves_below(partition_root(leaf), resource);

	moves->level = 0;
	put_key(&moves->keys, id, date, date, NULL);
}

/* The moves under way below that root; none to begin with. */
static Moves *
moves_below(Oid root, UmResource *resource)
{
	MemoryContext context;
	MemoryContext old;
	Moves	   *moves;

	if (has_moves(root))
		return moving;
	context = AllocSetContextCreate(TopTransactionContext, "usage moves", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	moves = palloc0(sizeof(Moves));
	moves->outer = moving;
	moves->root = root;
	moves->transaction = GetCurrentSubTransactionId();
	moves->context = context;
	start_keys(&moves->keys, resource, false);
	start_keys(&moves->lost, resource, true);
	initStringInfo(&moves->leaving);
	MemoryContextSwitchTo(old);
	return moving = moves;
}

/* A row that has left and is followed by another one did not arrive. */
static void
note_lost(Moves *moves)
{
	if (moves->level == 0 || moves->level != um_trigger_level())
		return;
	put_key(&moves->lost,
			PointerGetDatum(cstring_to_text_with_len(moves->leaving.data, moves->leaving.len)),
			moves->old_date, moves->old_date, NULL);
	moves->level = 0;
}

/* The partitioned table at the top; a leaf about to be detached has none. */
static Oid
partition_root(Relation relation)
{
	List	   *ancestors = relation->rd_rel->relispartition
		? get_partition_ancestors(RelationGetRelid(relation)) : NIL;

	return ancestors == NIL ? RelationGetRelid(relation) : llast_oid(ancestors);
}

/* Whether moves below that root have been noted in this subtransaction. */
static bool
has_moves(Oid root)
{
	return moving != NULL && moving->root == root &&
		moving->transaction == GetCurrentSubTransactionId();
}

static void
drop_moves(void)
{
	Moves	   *moves = moving;

	moving = moves->outer;
	MemoryContextDelete(moves->context);
}

/*
 * The keys of rows that moved, of which an UPDATE, unlike MERGE, has set all
 * already: the ones that its tables told of.
 */
static void
write_moves(Relation relation, double told)
{
	uint64		moved;
	bool		lacking;
	Keys		astray;

	if (!has_moves(partition_root(relation)))
		return;
	moved = write_once(&moving->keys, MOVES, WRITE_MOVES, NULL);
	lacking = moved + told < moving->keys.count || lack_keys(&moving->keys);
	if (take_strays(&moving->keys, &astray, false))
		follow_strays(&astray, relation);
	if (lacking || moved > 0)
		note_strays(&moving->keys, lacking);
	note_lost(moving);
	settle(&moving->lost, relation);
	tuplestore_end(moving->keys.rows);
	drop_moves();
}

/* None yet; moves are rows whose date an UPDATE changed. */
static void
start_keys(Keys *keys, UmResource *resource, bool moves)
{
	keys->resource = resource;
	keys->desc = CreateTemplateTupleDesc(moves ? 5 : 4);
	TupleDescInitEntry(keys->desc, 1, resource->date, TIMESTAMPTZOID, -1, 0);
	TupleDescInitEntry(keys->desc, 2, "content_hash", UUIDOID, -1, 0);
	TupleDescInitEntry(keys->desc, 3, "hash_version", INT2OID, -1, 0);
	TupleDescInitEntry(keys->desc, 4, "id", TEXTOID, -1, 0);
	TupleDescInitEntryCollation(keys->desc, 4, C_COLLATION_OID);
	if (moves)
		TupleDescInitEntry(keys->desc, 5, "old_date", TIMESTAMPTZOID, -1, 0);
	keys->rows = tuplestore_begin_heap(false, false, work_mem);
	keys->count = 0;
	keys->ordered = true;
	initStringInfo(&keys->last);
}

/* The hash only of what is new; the old date is only looked at of moves. */
static void
put_key(Keys *keys, Datum id, Datum date, Datum old_date, const UmHash *hash)
{
	Datum		values[] = {date, UUIDPGetDatum(hash), Int16GetDatum(UM_HASH_VERSION), id, old_date};
	bool		nulls[] = {false, hash == NULL, false, false, false};

	tuplestore_putvalues(keys->rows, keys->desc, values, nulls);
	keys->count++;
	note_order(keys, um_text_slice(id));
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
		return write_once(keys, BATCH, many, NULL);
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

/* The same of a statement that is planned for these keys, which it calls by that name. */
static uint64
write_once(Keys *keys, const char *name, const char *sql, const char *rows)
{
	int			settings;

	if (keys->count == 0)
		return 0;
	um_name_rows(name, keys->desc, keys->rows, keys->count);
	settings = um_prefer(keys->count <= MANY_KEYS ? "enable_seqscan" : "enable_nestloop");
	um_execute_once(um_sql(keys->resource, sql, rows), 0, NULL, NULL, false);
	AtEOXact_GUC(true, settings);
	SPI_unregister_relation(name);
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
	UmHash		hash;
	UmChanges	changes;

	um_changes_open(&changes, data, keys->resource->model);
	for (int i = 0; um_changes_next(&changes); i++)
	{
		TupleTableSlot *row = added ? changes.new : changes.old;
		MemoryContext old;
		Datum		id;
		Datum		date;

		if (!um_changed_key(&changes, row, &id, &date))
			continue;
		if (!added || (bulk && um_vouched_hash(i, id, date, &hash)))
		{
			put_key(keys, id, date, date, added ? &hash : NULL);
			continue;
		}
		old = MemoryContextSwitchTo(row_context);
		slot_getallattrs(row);
		/* the row trigger, where it is enabled, has refused what is at fault */
		hash = um_content_hash(um_record_read_values(changes.shape, row->tts_values, row->tts_isnull,
													 &faults, NULL));
		faults.list = NIL;
		put_key(keys, id, date, date, &hash);
		MemoryContextSwitchTo(old);
		MemoryContextReset(row_context);
	}
	um_changes_close(&changes);
	MemoryContextDelete(row_context);
}

/* The keys of rows whose date an UPDATE changed. */
static void
collect_moves(Keys *keys, TriggerData *data)
{
	UmChanges	changes;
	Keys		lost;

	start_keys(&lost, keys->resource, true);
	um_changes_open(&changes, data, keys->resource->model);
	while (um_changes_next(&changes))
	{
		Datum		id;
		Datum		date;
		Datum		new_date;

		if (!um_changed_key(&changes, changes.old, &id, &date))
			continue;
		if (!changes.paired)
			put_key(&lost, id, date, date, NULL);
		else if (um_changed_key(&changes, changes.new, &id, &new_date) && new_date != date)
			put_key(keys, id, new_date, date, NULL);
	}
	um_changes_close(&changes);
	settle(&lost, data->tg_relation);
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
	sql = um_sql(resource, "DELETE FROM {ledger} k USING ONLY {rows} u WHERE k.id OPERATOR(pg_catalog.=) u.id",
				 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(leaf)),
											RelationGetRelationName(leaf)));
	um_execute_once(sql, 0, NULL, NULL, false);
	AtEOXact_GUC(true, settings);
}
