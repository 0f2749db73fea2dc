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
 * The work is done as the owner of the table that fired, so that nobody needs
 * a right on the ledger, and a table of somebody's own gives him none either.
 * Operators carry their schema: the caller's search_path is not to be trusted.
 *
 * TRUNCATE has no transition tables; its trigger is on the leaves alone, which
 * a TRUNCATE of the parent fires, too.  A detached leaf keeps its ids.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_collation.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
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

#define BATCH "usage_key_batch"
#define MOVES "usage_key_moves"

/* Of both, and of the ledger. */
#define COLUMNS "usage_date, content_hash, hash_version, id"

#define MOVE "UPDATE usage_mgmt.usage_key k SET usage_date = b.usage_date FROM " BATCH " b " \
	"WHERE k.id OPERATOR(pg_catalog.=) b.id"
#define FORGET "DELETE FROM usage_mgmt.usage_key k USING " BATCH " b " \
	"WHERE k.id OPERATOR(pg_catalog.=) b.id"

/* Lets a plan that is kept find a few keys by index, whatever it was made for. */
#define IN_BATCH "k.id OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT id FROM " BATCH "))"

/* Of rows that MERGE moves, the keys stay. */
#define FORGET_BUT_MOVED FORGET " AND NOT EXISTS (SELECT FROM " MOVES " m " \
	"WHERE m.id OPERATOR(pg_catalog.=) b.id AND m.usage_date OPERATOR(pg_catalog.<>) b.usage_date)"

/* And they have been written by this transaction. */
#define ADD_BUT_MOVED "INSERT INTO usage_mgmt.usage_key (" COLUMNS ") " \
	"SELECT " COLUMNS " FROM " BATCH " b " \
	"WHERE NOT EXISTS (SELECT FROM usage_mgmt.usage_key k WHERE k.id OPERATOR(pg_catalog.=) b.id " \
	"AND k.usage_date OPERATOR(pg_catalog.=) b.usage_date " \
	"AND k.xmin OPERATOR(pg_catalog.=) '%u'::pg_catalog.xid) ORDER BY b.id"

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
} Moves;

static Moves *moving = NULL;

/* A MERGE has moved rows, which its INSERT may count as new. */
static SubTransactionId merging = InvalidSubTransactionId;

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
static void drop_moves(void);
static void write_moves(Relation relation);
static void register_rows(const char *name, const Keys *keys);
static void start_keys(Keys *keys);
static void add_key(Keys *keys, const UmRecord *usage, bool hashed);
static void put_key(Keys *keys, Datum id, Datum date, const UmHash *hash);
static void note_order(Keys *keys, text *id);
static void write_keys(Keys *keys, UmPlan *plan, const char *many);
static void collect(Keys *keys, TriggerData *data, Tuplestorestate *rows, bool hashed);
static void collect_moves(Keys *keys, TriggerData *data);
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

/* The memory of moves ends with the transaction. */
static void
at_transaction_end(XactEvent event, void *arg)
{
	(void) arg;
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PARALLEL_PRE_COMMIT ||
		event == XACT_EVENT_PRE_PREPARE)
		return;
	moving = NULL;
	merging = InvalidSubTransactionId;
}

/* AFTER INSERT, UPDATE, DELETE or BEFORE TRUNCATE, for each statement. */
Datum
um_usage_keys(PG_FUNCTION_ARGS)
{
	static UmPlan insert = {
		.sql = "INSERT INTO usage_mgmt.usage_key (" COLUMNS ") "
		"SELECT " COLUMNS " FROM " BATCH " b ORDER BY b.id",
	};
	static UmPlan insert_ordered = {
		.sql = "INSERT INTO usage_mgmt.usage_key (" COLUMNS ") "
		"SELECT " COLUMNS " FROM " BATCH,
	};
	static UmPlan move = {
		.sql = MOVE " AND " IN_BATCH,
	};
	static UmPlan forget = {
		.sql = "DELETE FROM usage_mgmt.usage_key k WHERE " IN_BATCH,
	};
	TriggerData *data = (TriggerData *) fcinfo->context;
	Form_pg_class relation;
	UmUser		before;
	Keys		keys;

	if (!CALLED_AS_TRIGGER(fcinfo) || TRIGGER_FIRED_FOR_ROW(data->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("this function can only be called by a trigger for each statement")));
	relation = data->tg_relation->rd_rel;
	if (!relation->relispartition && relation->relkind != RELKIND_PARTITIONED_TABLE)
		return PointerGetDatum(NULL);
	SPI_connect();
	um_become(relation->relowner, &before);
	start_keys(&keys);
	if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
	{
		collect(&keys, data, data->tg_newtable, true);
		if (merging == GetCurrentSubTransactionId())
			write_keys(&keys, NULL, psprintf(ADD_BUT_MOVED, GetCurrentTransactionId()));
		else
			write_keys(&keys, keys.ordered ? &insert_ordered : &insert, NULL);
		merging = InvalidSubTransactionId;
	}
	else if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
	{
		collect_moves(&keys, data);
		write_keys(&keys, &move, MOVE);
		write_moves(data->tg_relation);
	}
	else if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
	{
		collect(&keys, data, data->tg_oldtable, false);
		if (has_moves(partition_root(data->tg_relation)))
		{
			register_rows(MOVES, &moving->keys);
			write_keys(&keys, NULL, FORGET_BUT_MOVED);
			SPI_unregister_relation(MOVES);
		}
		else
			write_keys(&keys, &forget, FORGET);
	}
	else
		forget_leaf(data->tg_relation);
	um_become_again(&before);
	SPI_finish();
	return PointerGetDatum(NULL);
}

/* Notes where a row is about to move to, out of another leaf. */
void
um_ledger_note_move(Relation leaf, Datum id, Datum date)
{
	Oid			root = partition_root(leaf);
	MemoryContext context;
	MemoryContext old;
	Moves	   *moves;

	if (!has_moves(root))
	{
		context = AllocSetContextCreate(TopTransactionContext, "usage moves", ALLOCSET_DEFAULT_SIZES);
		old = MemoryContextSwitchTo(context);
		moves = palloc0(sizeof(Moves));
		moves->outer = moving;
		moves->root = root;
		moves->transaction = GetCurrentSubTransactionId();
		moves->context = context;
		start_keys(&moves->keys);
		MemoryContextSwitchTo(old);
		moving = moves;
	}
	put_key(&moving->keys, id, date, NULL);
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

/* The keys of rows that moved, of which an UPDATE, unlike MERGE, has set all already. */
static void
write_moves(Relation relation)
{
	int			settings;

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
	if (SPI_processed > 0)
		merging = GetCurrentSubTransactionId();
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

/* Runs the kept plan; for many keys, or without a plan, the statement that joins them. */
static void
write_keys(Keys *keys, UmPlan *plan, const char *many)
{
	int			settings;

	if (keys->count > 0)
	{
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
	}
	tuplestore_end(keys->rows);
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
		add_key(keys, um_record_from_values(shape, transition.slot->tts_values,
											 transition.slot->tts_isnull), hashed);
		MemoryContextSwitchTo(old);
		MemoryContextReset(row_context);
	}
	close_transition(&transition);
	MemoryContextDelete(row_context);
}

/* The keys of rows whose date an UPDATE changed. */
static void
collect_moves(Keys *keys, TriggerData *data)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	UmShape    *shape = um_shape(&um_usage, desc, RelationGetRelationName(data->tg_relation));
	int			date = shape->column[um_usage.date_slot];
	int			id = shape->column[0];
	Transition	before;
	Transition	after;

	open_transition(&before, data, data->tg_oldtable);
	open_transition(&after, data, data->tg_newtable);
	while (next_row(&before) && next_row(&after))
	{
		bool		null;
		Datum		new_id = slot_getattr(after.slot, id + 1, &null);
		Datum		new_date;

		if (null)
			continue;
		new_date = slot_getattr(after.slot, date + 1, &null);

		/*
		 * Both tables list the rows in the order of their updates, unless a
		 * trigger of the user's let one vanish on its way to another leaf.
		 */
		if (slot_getattr(before.slot, date + 1, &null) == new_date &&
			!slot_attisnull(before.slot, id + 1) &&
			um_same_id(slot_getattr(before.slot, id + 1, &null), new_id))
			continue;
		put_key(keys, new_id, new_date, NULL);
	}
	close_transition(&after);
	close_transition(&before);
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
