/*
 * ledger.c
 *	  One id, one usage: the writer of usage_key.
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
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "batch.h"
#include "compat.h"
#include "content.h"
#include "errors.h"
#include "ledger.h"
#include "record.h"
#include "store.h"
#include "types.h"

#define BATCH "usage_key_batch"
#define MOVES "usage_key_moves"

/* Of both, and of the ledger. */
#define COLUMNS "usage_date, content_hash, hash_version, id"

#define SAME_ID(a, b) a ".id OPERATOR(pg_catalog.=) " b ".id "
#define SAME_DATE(a, b) "AND " a ".usage_date OPERATOR(pg_catalog.=) " b ".usage_date "

#define ADD "INSERT INTO usage_mgmt.usage_key (" COLUMNS ") "
#define MOVE "UPDATE usage_mgmt.usage_key k SET usage_date = b.usage_date FROM " BATCH " b " \
	"WHERE " SAME_ID("k", "b") "AND k.usage_date OPERATOR(pg_catalog.=) b.old_date "
#define FORGET "DELETE FROM usage_mgmt.usage_key k USING " BATCH " b " \
	"WHERE " SAME_ID("k", "b") SAME_DATE("k", "b")

/* Lets a plan that is kept find a few keys by index, whatever it was made for. */
#define IN_BATCH "AND k.id OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT id FROM " BATCH "))"

/* Of rows that MERGE moves, the keys stay. */
#define BUT_MOVED "AND NOT EXISTS (SELECT FROM " MOVES " m WHERE " SAME_ID("m", "b") \
	"AND m.usage_date OPERATOR(pg_catalog.<>) b.usage_date) "

/* Of ids gone astray; %s is the table with all rows, but the first of ADD_STRAYS which of the batch. */
#define IS_THERE "EXISTS (SELECT FROM %s v WHERE " SAME_ID("v", "k") SAME_DATE("v", "k") ") "
#define ADD_STRAYS ADD \
	"SELECT DISTINCT ON (b.id, u.usage_date) u.usage_date, b.content_hash, b.hash_version, b.id " \
	"FROM %s b JOIN %s u ON " SAME_ID("u", "b") \
	"WHERE NOT EXISTS (SELECT FROM usage_mgmt.usage_key k WHERE " SAME_ID("k", "u") SAME_DATE("k", "u") ") " \
	"ORDER BY b.id, u.usage_date, u.usage_date OPERATOR(pg_catalog.<>) b.usage_date"
#define HAVE_NO_KEY "(SELECT * FROM " BATCH " a WHERE NOT EXISTS (" \
	"SELECT FROM usage_mgmt.usage_key k WHERE " SAME_ID("k", "a") SAME_DATE("k", "a") "))"
#define TAKEN "SELECT b.id FROM " BATCH " b JOIN usage_mgmt.usage_key k ON " SAME_ID("k", "b") \
	"WHERE NOT " IS_THERE
#define FOLLOW_STRAYS "UPDATE usage_mgmt.usage_key k SET usage_date = u.usage_date " \
	"FROM " BATCH " b JOIN %s u ON " SAME_ID("u", "b") \
	"WHERE " SAME_ID("k", "b") SAME_DATE("k", "b") "AND NOT " IS_THERE
#define FORGET_STRAYS FORGET "AND NOT " IS_THERE

/* More keys than that are found by a join, planned anew. */
#define MANY_KEYS 10000

/* Rows of the statement on their way to the ledger. */
typedef struct Keys
{
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

/* One of the statement's transition tables. */
typedef struct Transition
{
	Tuplestorestate *rows;
	TupleTableSlot *slot;
	int			pointer;
} Transition;

static void at_subtransaction_end(SubXactEvent event, SubTransactionId mine,
								  SubTransactionId parent, void *arg);
static void at_transaction_end(XactEvent event, void *arg);
static Oid	partition_root(Relation relation);
static bool has_moves(Oid root);
static Moves *moves_below(Oid root);
static void note_lost(Moves *moves);
static void drop_moves(void);
static void add_keys(TriggerData *data);
static void move_keys(TriggerData *data);
static void forget_keys(TriggerData *data);
static void note_strays(const Keys *keys, bool changed);
static bool take_strays(Keys *keys, Keys *astray, bool changed);
static TupleTableSlot *first_slot(const Keys *keys);
static uint64 hash_of_id(TupleTableSlot *slot);
static void add_strays(Keys *astray, const char *which, Relation relation);
static void refuse_taken(Keys *astray, const char *rows);
static void follow_strays(Keys *astray, Relation relation);
static bool have_keys(Keys *astray);
static bool lack_keys(Keys *keys);
static void settle(Keys *lost, Relation relation);
static char *all_rows(Relation relation);
static void write_moves(Relation relation, double told);
static void register_rows(const char *name, const Keys *keys);
static void start_keys(Keys *keys);
static void start_moves(Keys *keys);
static void put_move(Keys *keys, Datum id, Datum date, Datum old_date);
static void add_key(Keys *keys, const UmRecord *usage, bool hashed);
static void put_key(Keys *keys, Datum id, Datum date, const UmHash *hash);
static void note_order(Keys *keys, text *id);
static uint64 write_keys(Keys *keys, UmPlan *plan, const char *many);
static void collect(Keys *keys, TriggerData *data, Tuplestorestate *rows, bool hashed);
static void collect_moves(Keys *keys, TriggerData *data);
static bool is_id(TupleTableSlot *a, int id, TupleTableSlot *b);
static void open_transition(Transition *transition, TriggerData *data, Tuplestorestate *rows);
static bool next_row(Transition *transition);
static void close_transition(Transition *transition);
static void forget_leaf(Relation leaf);

PG_FUNCTION_INFO_V1(um_usage_keys);
PG_FUNCTION_INFO_V1(um_content_hash_of);
PG_FUNCTION_INFO_V1(um_hash_version);

void
um_ledger_init(void)
{
	RegisterSubXactCallback(at_subtransaction_end, NULL);
	RegisterXactCallback(at_transaction_end, NULL);
}

/* What was moved in a subtransaction that aborts is where it was. */
static void
at_subtransaction_end(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	(void) parent;
	(void) arg;
	if (event == SUBXACT_EVENT_ABORT_SUB)
		while (moving != NULL && moving->transaction >= mine)
			drop_moves();
}

/* The memory of moves and strays ends with the transaction. */
static void
at_transaction_end(XactEvent event, void *arg)
{
	(void) arg;
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PARALLEL_PRE_COMMIT ||
		event == XACT_EVENT_PRE_PREPARE)
		return;
	moving = NULL;
	strays = NULL;
}

/* AFTER INSERT, UPDATE, DELETE or BEFORE TRUNCATE, for each statement. */
Datum
um_usage_keys(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	Form_pg_class relation;
	UmUser		before;

	if (!CALLED_AS_TRIGGER(fcinfo) || TRIGGER_FIRED_FOR_ROW(data->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("this function can only be called by a trigger for each statement")));
	relation = data->tg_relation->rd_rel;
	if (!relation->relispartition && relation->relkind != RELKIND_PARTITIONED_TABLE)
		return PointerGetDatum(NULL);
	SPI_connect();
	um_become(relation->relowner, &before);
	if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
		add_keys(data);
	else if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
		move_keys(data);
	else if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
		forget_keys(data);
	else
		forget_leaf(data->tg_relation);
	um_become_again(&before);
	SPI_finish();
	return PointerGetDatum(NULL);
}

/* Of the rows of an INSERT. */
static void
add_keys(TriggerData *data)
{
	static UmPlan insert = {
		.sql = ADD "SELECT " COLUMNS " FROM " BATCH " b ORDER BY b.id",
	};
	static UmPlan insert_ordered = {
		.sql = ADD "SELECT " COLUMNS " FROM " BATCH,
	};
	Keys		keys;
	Keys		astray;

	start_keys(&keys);
	collect(&keys, data, data->tg_newtable, true);
	if (take_strays(&keys, &astray, true))
		add_strays(&astray, BATCH, data->tg_relation);
	if (take_strays(&keys, &astray, false))
		add_strays(&astray, HAVE_NO_KEY, data->tg_relation);
	(void) write_keys(&keys, keys.ordered ? &insert_ordered : &insert, NULL);
	tuplestore_end(keys.rows);
}

/* Of the rows whose date an UPDATE changed, and of those that it or a MERGE moved. */
static void
move_keys(TriggerData *data)
{
	static UmPlan move = {
		.sql = MOVE IN_BATCH,
	};
	Keys		keys;
	Keys		astray;
	bool		any;
	double		told;

	start_moves(&keys);
	collect_moves(&keys, data);
	told = keys.count;
	any = take_strays(&keys, &astray, false);
	if (write_keys(&keys, &move, MOVE) < keys.count)
		note_strays(&keys, true);
	tuplestore_end(keys.rows);
	if (any)
		(void) write_keys(&astray, &move, MOVE);
	write_moves(data->tg_relation, told);
	if (any)
		follow_strays(&astray, data->tg_relation);
}

/* Of the rows that a DELETE took away. */
static void
forget_keys(TriggerData *data)
{
	static UmPlan forget = {
		.sql = FORGET IN_BATCH,
	};
	bool		moves = has_moves(partition_root(data->tg_relation));
	Keys		keys;
	Keys		astray;

	start_keys(&keys);
	collect(&keys, data, data->tg_oldtable, false);
	if (moves)
		register_rows(MOVES, &moving->keys);
	if (take_strays(&keys, &astray, false))
	{
		if (have_keys(&astray))
			(void) write_keys(&astray, NULL, psprintf(FORGET_STRAYS "%s", all_rows(data->tg_relation),
													  moves ? BUT_MOVED : ""));
		tuplestore_end(astray.rows);
	}
	if (write_keys(&keys, moves ? NULL : &forget, moves ? FORGET BUT_MOVED : FORGET) < keys.count)
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
		hash = hash_of_id(slot);
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

		hash = hash_of_id(slot);
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

/* Of the id, the last column; two ids of one hash are only looked at for nothing. */
static uint64
hash_of_id(TupleTableSlot *slot)
{
	bool		null;
	text	   *id = DatumGetTextPP(slot_getattr(slot, slot->tts_tupleDescriptor->natts, &null));

	return DatumGetUInt64(hash_any_extended((unsigned char *) VARDATA_ANY(id),
											VARSIZE_ANY_EXHDR(id), 0));
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
		(void) write_keys(astray, NULL, psprintf(ADD_STRAYS, which, rows));
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

	register_rows(BATCH, astray);
	/* read-only: with the snapshot of the statement */
	if (um_execute_once(psprintf(TAKEN, rows), 0, NULL, NULL, true) != SPI_OK_SELECT)
		elog(ERROR, "could not read the ledger");
	SPI_unregister_relation(BATCH);
	if (SPI_processed == 0)
		return;
	ledger = table_open(um_table("usage_key", false), AccessShareLock);
	ereport(ERROR,
			(errcode(UM_ID_TAKEN),
			 errmsg("duplicate key value violates unique constraint \"%s\"", "usage_key_pkey"),
			 errdetail("Key (id)=(%s) already exists.",
					   SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1)),
			 errtableconstraint(ledger, "usage_key_pkey")));
}

/* Where rows gone astray have been moved or deleted since, so are their keys. */
static void
follow_strays(Keys *astray, Relation relation)
{
	char	   *rows;

	if (have_keys(astray))
	{
		rows = all_rows(relation);
		(void) write_keys(astray, NULL, psprintf(FOLLOW_STRAYS, rows, rows));
		(void) write_keys(astray, NULL, psprintf(FORGET_STRAYS, rows));
	}
	tuplestore_end(astray->rows);
}

/* Whether there are keys where these rows are: to look at all partitions takes long. */
static bool
have_keys(Keys *astray)
{
	static UmPlan plans[2];		/* keys and moves have not the same columns */
	UmPlan	   *plan = &plans[astray->desc->natts == 3];

	plan->sql = "SELECT FROM usage_mgmt.usage_key k, " BATCH " b "
		"WHERE " SAME_ID("k", "b") SAME_DATE("k", "b") IN_BATCH;
	return write_keys(astray, plan, NULL) > 0;
}

/* Whether there are rows that have no key where they are. */
static bool
lack_keys(Keys *keys)
{
	static UmPlan plan = {
		.sql = "SELECT FROM " BATCH " b WHERE NOT EXISTS (SELECT FROM usage_mgmt.usage_key k "
		"WHERE " SAME_ID("k", "b") SAME_DATE("k", "b") IN_BATCH ") LIMIT 1",
	};

	return write_keys(keys, &plan, NULL) > 0;
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
um_ledger_note_leaving(Relation leaf, Datum id, Datum date)
{
	Moves	   *moves = moves_below(partition_root(leaf));
	text	   *name = DatumGetTextPP(id);

	note_lost(moves);
	resetStringInfo(&moves->leaving);
	appendBinaryStringInfo(&moves->leaving, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	moves->old_date = date;
	moves->level = um_trigger_level();
}

/* Notes where it is about to arrive. */
void
um_ledger_note_move(Relation leaf, Datum id, Datum date)
{
	Moves	   *moves = moves_below(partition_root(leaf));

	moves->level = 0;
	put_key(&moves->keys, id, date, NULL);
}

/* The moves under way below that root; none to begin with. */
static Moves *
moves_below(Oid root)
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
	start_keys(&moves->keys);
	start_moves(&moves->lost);
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
	put_move(&moves->lost,
			 PointerGetDatum(cstring_to_text_with_len(moves->leaving.data, moves->leaving.len)),
			 moves->old_date, moves->old_date);
	moves->level = 0;
}

/* How many triggers this one runs within, itself counted. */
int
um_trigger_level(void)
{
	return DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, (Datum) 0));
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
	int			settings;
	uint64		moved;
	bool		lacking;
	Keys		astray;

	if (!has_moves(partition_root(relation)))
		return;
	register_rows(MOVES, &moving->keys);
	settings = um_prefer(moving->keys.count <= MANY_KEYS ? "enable_seqscan" : "enable_nestloop");
	(void) um_execute_once("UPDATE usage_mgmt.usage_key k SET usage_date = m.usage_date "
						   "FROM (SELECT DISTINCT ON (n.id) n.id, n.usage_date "
						   "FROM (SELECT *, pg_catalog.row_number() OVER () AS place FROM " MOVES ") n "
						   "ORDER BY n.id, n.place DESC) m "
						   "WHERE k.id OPERATOR(pg_catalog.=) m.id "
						   "AND k.usage_date OPERATOR(pg_catalog.<>) m.usage_date", 0, NULL, NULL, false);
	AtEOXact_GUC(true, settings);
	SPI_unregister_relation(MOVES);
	moved = SPI_processed;
	lacking = moved + told < moving->keys.count || lack_keys(&moving->keys);
	if (take_strays(&moving->keys, &astray, false))
		follow_strays(&astray, relation);
	if (lacking)
		note_strays(&moving->keys, true);
	else if (moved > 0)
		note_strays(&moving->keys, false);
	note_lost(moving);
	settle(&moving->lost, relation);
	tuplestore_end(moving->keys.rows);
	drop_moves();
}

/* Lets statements read the rows of a keys by that name; within SPI_connect. */
static void
register_rows(const char *name, const Keys *keys)
{
	EphemeralNamedRelation relation = palloc0(sizeof(EphemeralNamedRelationData));

	relation->md.name = unconstify(char *, name);
	relation->md.reliddesc = InvalidOid;
	relation->md.tupdesc = keys->desc;
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = keys->count;
	relation->reldata = keys->rows;
	SPI_register_relation(relation);
}

static void
start_keys(Keys *keys)
{
	keys->desc = CreateTemplateTupleDesc(4);
	TupleDescInitEntry(keys->desc, 1, "usage_date", TIMESTAMPTZOID, -1, 0);
	TupleDescInitEntry(keys->desc, 2, "content_hash", UUIDOID, -1, 0);
	TupleDescInitEntry(keys->desc, 3, "hash_version", INT2OID, -1, 0);
	TupleDescInitEntry(keys->desc, 4, "id", TEXTOID, -1, 0);
	TupleDescInitEntryCollation(keys->desc, 4, C_COLLATION_OID);
	keys->rows = tuplestore_begin_heap(false, false, work_mem);
	keys->count = 0;
	keys->ordered = true;
	initStringInfo(&keys->last);
}

/* Rows whose date an UPDATE changed. */
static void
start_moves(Keys *keys)
{
	keys->desc = CreateTemplateTupleDesc(3);
	TupleDescInitEntry(keys->desc, 1, "usage_date", TIMESTAMPTZOID, -1, 0);
	TupleDescInitEntry(keys->desc, 2, "old_date", TIMESTAMPTZOID, -1, 0);
	TupleDescInitEntry(keys->desc, 3, "id", TEXTOID, -1, 0);
	TupleDescInitEntryCollation(keys->desc, 3, C_COLLATION_OID);
	keys->rows = tuplestore_begin_heap(false, false, work_mem);
	keys->count = 0;
}

static void
put_move(Keys *keys, Datum id, Datum date, Datum old_date)
{
	Datum		values[3] = {date, old_date, id};
	bool		nulls[3] = {false, false, false};

	tuplestore_putvalues(keys->rows, keys->desc, values, nulls);
	keys->count++;
}

static void
add_key(Keys *keys, const UmRecord *usage, bool hashed)
{
	UmHash		hash;

	if (hashed)
		hash = um_content_hash(usage);
	put_key(keys, usage->value[0], usage->value[usage->model->date_slot], hashed ? &hash : NULL);
}

/* The hash only of what is new. */
static void
put_key(Keys *keys, Datum id, Datum date, const UmHash *hash)
{
	Datum		values[4] = {date, UUIDPGetDatum(hash), Int16GetDatum(UM_HASH_VERSION), id};
	bool		nulls[4] = {false, hash == NULL, false, false};

	tuplestore_putvalues(keys->rows, keys->desc, values, nulls);
	keys->count++;
	note_order(keys, DatumGetTextPP(id));
}

/* Ids that come in order, as they mostly do, need not be sorted. */
static void
note_order(Keys *keys, text *id)
{
	int			len = VARSIZE_ANY_EXHDR(id);
	int			order;

	if (!keys->ordered)
		return;
	order = memcmp(keys->last.data, VARDATA_ANY(id), Min(keys->last.len, len));
	keys->ordered = order < 0 || (order == 0 && keys->last.len <= len);
	resetStringInfo(&keys->last);
	appendBinaryStringInfo(&keys->last, VARDATA_ANY(id), len);
}

/*
 * Runs the kept plan; for many keys, or without a plan, the statement that joins
 * them.  Tells how many keys it wrote.
 */
static uint64
write_keys(Keys *keys, UmPlan *plan, const char *many)
{
	int			settings;

	if (keys->count == 0)
		return 0;
	register_rows(BATCH, keys);
	settings = um_prefer(keys->count <= MANY_KEYS || many == NULL ? "enable_seqscan"
						 : "enable_nestloop");
	if (plan != NULL && (many == NULL || keys->count <= MANY_KEYS))
	{
		(void) um_prefer("enable_nestloop");
		(void) um_execute(um_prepare(plan), NULL, NULL, false, 0);
	}
	else
		(void) um_execute_once(many, 0, NULL, NULL, false);
	AtEOXact_GUC(true, settings);
	SPI_unregister_relation(BATCH);
	return SPI_processed;
}

/* The keys of every row that the statement added or took away. */
static void
collect(Keys *keys, TriggerData *data, Tuplestorestate *rows, bool hashed)
{
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "usage key",
													  ALLOCSET_DEFAULT_SIZES);
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	UmShape    *shape = um_shape(&um_usage, desc, RelationGetRelationName(data->tg_relation));
	int			date = shape->column[um_usage.date_slot];
	bool		bulk = hashed && um_batch_is_done();
	UmFaults	faults = {UM_R14_5, NIL, 0};
	UmHash		hash;
	Transition	transition;
	MemoryContext old;
	bool		null;

	open_transition(&transition, data, rows);
	for (int i = 0; next_row(&transition); i++)
	{
		Datum		id = slot_getattr(transition.slot, shape->column[0] + 1, &null);

		/* in a table of somebody's own */
		if (null)
			continue;
		if (bulk && um_batch_hash(i, id, slot_getattr(transition.slot, date + 1, &null), &hash))
		{
			put_key(keys, id, slot_getattr(transition.slot, date + 1, &null), &hash);
			continue;
		}
		old = MemoryContextSwitchTo(row_context);
		slot_getallattrs(transition.slot);
		/* the row trigger, where it is enabled, has refused what is at fault */
		add_key(keys, um_record_read_values(shape, transition.slot->tts_values,
											transition.slot->tts_isnull, &faults, NULL), hashed);
		faults.list = NIL;
		MemoryContextSwitchTo(old);
		MemoryContextReset(row_context);
	}
	close_transition(&transition);
	MemoryContextDelete(row_context);
}

/*
 * The keys of rows whose date an UPDATE changed.  Both tables list the rows in
 * the order of their updates, unless a trigger of the user's let one vanish on
 * its way to another leaf: from there on the table tells what became of them.
 */
static void
collect_moves(Keys *keys, TriggerData *data)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	UmShape    *shape = um_shape(&um_usage, desc, RelationGetRelationName(data->tg_relation));
	int			date = shape->column[um_usage.date_slot] + 1;
	int			id = shape->column[0] + 1;
	bool		paired = true;
	Keys		lost;
	Transition	before;
	Transition	after;

	start_moves(&lost);
	open_transition(&before, data, data->tg_oldtable);
	open_transition(&after, data, data->tg_newtable);
	while (next_row(&before))
	{
		bool		null;
		Datum		old_id = slot_getattr(before.slot, id, &null);
		Datum		old_date = slot_getattr(before.slot, date, &null);
		Datum		new_date;

		paired = paired && next_row(&after) && is_id(after.slot, id, before.slot);
		/* in a table of somebody's own */
		if (slot_attisnull(before.slot, id) || slot_attisnull(before.slot, date))
			continue;
		if (!paired)
		{
			put_move(&lost, old_id, old_date, old_date);
			continue;
		}
		new_date = slot_getattr(after.slot, date, &null);
		if (!null && new_date != old_date)
			put_move(keys, old_id, new_date, old_date);
	}
	close_transition(&after);
	close_transition(&before);
	settle(&lost, data->tg_relation);
}

/* Whether two rows have the same id, or none. */
static bool
is_id(TupleTableSlot *a, int id, TupleTableSlot *b)
{
	bool		a_null;
	bool		b_null;
	Datum		x = slot_getattr(a, id, &a_null);
	Datum		y = slot_getattr(b, id, &b_null);

	return a_null || b_null ? a_null && b_null : um_same_id(x, y);
}

/* With a read pointer of our own: other triggers read the same tables. */
static void
open_transition(Transition *transition, TriggerData *data, Tuplestorestate *rows)
{
	if (rows == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" needs transition tables", data->tg_trigger->tgname)));
	transition->rows = rows;
	transition->slot = MakeSingleTupleTableSlot(RelationGetDescr(data->tg_relation),
												&TTSOpsMinimalTuple);
	transition->pointer = tuplestore_alloc_read_pointer(rows, EXEC_FLAG_REWIND);
	tuplestore_select_read_pointer(rows, transition->pointer);
	tuplestore_rescan(rows);
}

static bool
next_row(Transition *transition)
{
	tuplestore_select_read_pointer(transition->rows, transition->pointer);
	return tuplestore_gettupleslot(transition->rows, true, false, transition->slot);
}

static void
close_transition(Transition *transition)
{
	ExecDropSingleTupleTableSlot(transition->slot);
	tuplestore_select_read_pointer(transition->rows, 0);
}

/* Before a TRUNCATE: the ids of one leaf. */
static void
forget_leaf(Relation leaf)
{
	char	   *sql;
	int			settings;

	if (leaf->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		return;
	/* a table vacuumed in mid-load counts as empty; nested loops would not end */
	settings = um_prefer("enable_nestloop");
	sql = psprintf("DELETE FROM usage_mgmt.usage_key k USING ONLY %s u "
				   "WHERE k.id OPERATOR(pg_catalog.=) u.id",
				   quote_qualified_identifier(get_namespace_name(RelationGetNamespace(leaf)),
											  RelationGetRelationName(leaf)));
	if (um_execute_once(sql, 0, NULL, NULL, false) != SPI_OK_DELETE)
		elog(ERROR, "could not write the ledger");
	AtEOXact_GUC(true, settings);
}

/*
 * content_hash(usage row) → uuid: the hash that the ledger keeps of a usage as
 * it is now.
 */
Datum
um_content_hash_of(PG_FUNCTION_ARGS)
{
	HeapTupleHeader header = PG_GETARG_HEAPTUPLEHEADER(0);
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header),
											  HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple;
	UmHash	   *hash = palloc(sizeof(UmHash));

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	*hash = um_content_hash(um_record_from_tuple(um_shape(&um_usage, desc, um_usage.noun),
												 desc, &tuple));
	ReleaseTupleDesc(desc);
	PG_RETURN_UUID_P(hash);
}

/* hash_version() → smallint: the algorithm that content_hash follows. */
Datum
um_hash_version(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	PG_RETURN_INT16(UM_HASH_VERSION);
}
