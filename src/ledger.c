/*
 * ledger.c
 *	  One id, one usage: the writer of usage_key.
 *
 * A unique index on a partitioned table must hold the partition key, so it
 * cannot say that an id exists once.  The ledger can.  It is written when a
 * statement ends, by triggers on the parent for statements on it and on each
 * leaf for those on the leaf: a statement fires exactly one of the two.  By
 * then the statement's own ON CONFLICT and its moves between partitions are
 * settled, so users meet no surprise, and a thousand rows cost one statement.
 *
 * What an UPDATE changed and a DELETE took away is read from transition tables,
 * but for rows that MERGE moves to another leaf, which are in the wrong ones:
 * those are noted on their way (um_ledger_note_move).
 * An INSERT has none, since they would keep every row of it a second time:
 * the row trigger, which is the last to see a row, notes its key and hash in
 * the statement under way (um_ledger_note).  A row that was noted is in the
 * table, but for one thing: ON CONFLICT may have left it out.  So the keys of
 * a statement that can have such a clause are inserted where they are new, and
 * only if some are not, or an index of the user's own could be in conflict, the
 * table is asked which of the rows are there (write_doubtful).
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

#include "bulk.h"
#include "compat.h"
#include "content.h"
#include "errors.h"
#include "ledger.h"
#include "record.h"
#include "store.h"

#define BATCH "usage_key_batch"

#define MOVE "UPDATE usage_mgmt.usage_key k SET usage_date = b.usage_date FROM " BATCH " b " \
	"WHERE k.id OPERATOR(pg_catalog.=) b.id"
#define FORGET "DELETE FROM usage_mgmt.usage_key k USING " BATCH " b " \
	"WHERE k.id OPERATOR(pg_catalog.=) b.id"

/* Lets a plan that is kept find a few keys by index, whatever it was made for. */
#define IN_BATCH "k.id OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT id FROM " BATCH "))"

/* More keys than that are found by a join, planned anew. */
#define MANY_KEYS 10000

/* Rows of the statement on their way to the ledger. */
typedef struct Batch
{
	TupleDesc	desc;
	Tuplestorestate *rows;
	double		count;
	bool		ordered;		/* by id, so far */
	StringInfoData last;		/* id */
} Batch;

/* An INSERT or COPY that is under way, or the moves of one that is an UPDATE. */
typedef struct Statement
{
	struct Statement *outer;
	Oid			relation;		/* that it names; unknown for moves */
	Oid			root;			/* of its partitions */
	SubTransactionId transaction;
	bool		copy;
	bool		doubtful;		/* a unique index of the user's could be in conflict */
	double		vouched;		/* rows of a bulk insert, which has no ON CONFLICT */
	MemoryContext context;
	Batch		batch;
} Statement;

/* The innermost of each kind. */
static Statement *inserting = NULL;
static Statement *moving = NULL;

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
static TriggerData *trigger_data(FunctionCallInfo fcinfo);
static bool keeps_keys(Relation relation);
static void begin_statement(Statement **innermost, Oid relation, Oid root);
static bool has_moves(Oid root);
static Statement *statement_on(Relation relation);
static void drop_statement(Statement **innermost);
static void write_new(Statement *statement, Relation relation);
static void write_moves(Oid root);
static void write_doubtful(Statement *statement, Relation relation);
static void start_batch(Batch *batch);
static void put_key(Batch *batch, Datum id, Datum date, int64 hash);
static void note_order(Batch *batch, text *id);
static uint64 write_batch(Batch *batch, UmPlan *plan, const char *many);
static void collect(Batch *batch, TriggerData *data);
static void collect_moves(Batch *batch, TriggerData *data);
static void open_transition(Transition *transition, TriggerData *data, Tuplestorestate *rows);
static bool next_row(Transition *transition);
static void close_transition(Transition *transition);
static void forget_leaf(Relation leaf);

PG_FUNCTION_INFO_V1(um_usage_keys);
PG_FUNCTION_INFO_V1(um_content_hash_of);

void
um_ledger_init(void)
{
	RegisterSubXactCallback(at_subtransaction_end, NULL);
	RegisterXactCallback(at_transaction_end, NULL);
}

/* Statements of a subtransaction that aborts have come to nothing. */
static void
at_subtransaction_end(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	(void) parent;
	(void) arg;
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	while (inserting != NULL && inserting->transaction >= mine)
		drop_statement(&inserting);
	while (moving != NULL && moving->transaction >= mine)
		drop_statement(&moving);
}

/* Their memory ends with the transaction. */
static void
at_transaction_end(XactEvent event, void *arg)
{
	(void) arg;
	if (event != XACT_EVENT_PRE_COMMIT && event != XACT_EVENT_PARALLEL_PRE_COMMIT &&
		event != XACT_EVENT_PRE_PREPARE)
		inserting = moving = NULL;
}

/* BEFORE INSERT or TRUNCATE, AFTER INSERT, UPDATE or DELETE, for each statement. */
Datum
um_usage_keys(PG_FUNCTION_ARGS)
{
	static UmPlan move = {
		.sql = MOVE " AND " IN_BATCH,
	};
	static UmPlan forget = {
		.sql = "DELETE FROM usage_mgmt.usage_key k WHERE " IN_BATCH,
	};
	TriggerData *data = trigger_data(fcinfo);
	Relation	relation = data->tg_relation;
	UmUser		before;
	Batch		batch;

	if (!keeps_keys(relation))
		return PointerGetDatum(NULL);
	if (TRIGGER_FIRED_BY_INSERT(data->tg_event) && TRIGGER_FIRED_BEFORE(data->tg_event))
	{
		begin_statement(&inserting, RelationGetRelid(relation), um_partition_root(relation));
		return PointerGetDatum(NULL);
	}
	SPI_connect();
	um_become(relation->rd_rel->relowner, &before);
	if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
		write_new(statement_on(relation), relation);
	else if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
	{
		start_batch(&batch);
		collect_moves(&batch, data);
		(void) write_batch(&batch, &move, MOVE);
		tuplestore_end(batch.rows);
		write_moves(um_partition_root(relation));
	}
	else if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
	{
		start_batch(&batch);
		collect(&batch, data);
		(void) write_batch(&batch, &forget, FORGET);
		tuplestore_end(batch.rows);
	}
	else
		forget_leaf(relation);
	um_become_again(&before);
	SPI_finish();
	return PointerGetDatum(NULL);
}

static TriggerData *
trigger_data(FunctionCallInfo fcinfo)
{
	TriggerData *data = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || TRIGGER_FIRED_FOR_ROW(data->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("this function can only be called by a trigger for each statement")));
	return data;
}

/* Not a detached leaf, nor a plain table of somebody's own. */
static bool
keeps_keys(Relation relation)
{
	return relation->rd_rel->relispartition ||
		relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
}

static void
begin_statement(Statement **innermost, Oid relation, Oid root)
{
	MemoryContext context = AllocSetContextCreate(TopTransactionContext, "usage keys",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Statement  *statement = palloc0(sizeof(Statement));

	statement->relation = relation;
	statement->root = root;
	statement->transaction = GetCurrentSubTransactionId();
	/* what a trigger of the user's inserts during a COPY is none */
	statement->copy = inserting == NULL && um_is_copy_into(relation);
	statement->context = context;
	start_batch(&statement->batch);
	MemoryContextSwitchTo(old);
	statement->outer = *innermost;
	*innermost = statement;
}

/*
 * Notes the key of a row that is about to be inserted into a leaf of that
 * root.  doubtful where the leaf has unique indexes beside the primary key;
 * vouched for a row of a bulk insert.
 */
void
um_ledger_note(Oid root, bool doubtful, bool vouched, Datum id, Datum date, int64 hash)
{
	/* a table of one's own has no keys */
	if (inserting == NULL || inserting->root != root)
		return;
	inserting->doubtful |= doubtful;
	inserting->vouched += vouched;
	put_key(&inserting->batch, id, date, hash);
}

/* Notes where a row is about to move to, out of another leaf. */
void
um_ledger_note_move(Oid root, Datum id, Datum date, int64 hash)
{
	if (!has_moves(root))
		begin_statement(&moving, InvalidOid, root);
	put_key(&moving->batch, id, date, hash);
}

/* Whether moves below that root have been noted in this subtransaction. */
static bool
has_moves(Oid root)
{
	return moving != NULL && moving->root == root &&
		moving->transaction == GetCurrentSubTransactionId();
}

/* The partitioned table at the top; itself where there is none above. */
Oid
um_partition_root(Relation relation)
{
	return relation->rd_rel->relispartition
		? llast_oid(get_partition_ancestors(RelationGetRelid(relation)))
		: RelationGetRelid(relation);
}

/* The INSERT that ends; those inside it have ended. */
static Statement *
statement_on(Relation relation)
{
	while (inserting != NULL && inserting->relation != RelationGetRelid(relation))
		drop_statement(&inserting);
	if (inserting == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("\"%s\" lacks its trigger BEFORE INSERT for each statement",
						RelationGetRelationName(relation)),
				 errhint("SELECT usage_mgmt.rebuild_keys() makes it.")));
	return inserting;
}

static void
drop_statement(Statement **innermost)
{
	Statement  *statement = *innermost;

	*innermost = statement->outer;
	MemoryContextDelete(statement->context);
}

/* The keys of what an INSERT stored. */
static void
write_new(Statement *statement, Relation relation)
{
	static UmPlan all = {
		.sql = "INSERT INTO usage_mgmt.usage_key (id, usage_date, content_hash, hash_version) "
		"SELECT b.id, b.usage_date, b.content_hash, 1 FROM " BATCH " b ORDER BY b.id",
	};
	static UmPlan all_ordered = {
		.sql = "INSERT INTO usage_mgmt.usage_key (id, usage_date, content_hash, hash_version) "
		"SELECT b.id, b.usage_date, b.content_hash, 1 FROM " BATCH " b",
	};
	static UmPlan unknown = {
		.sql = "INSERT INTO usage_mgmt.usage_key (id, usage_date, content_hash, hash_version) "
		"SELECT b.id, b.usage_date, b.content_hash, 1 FROM " BATCH " b ORDER BY b.id "
		"ON CONFLICT DO NOTHING",
	};
	Batch	   *batch = &statement->batch;
	bool		without_conflict = (statement->copy && !statement->doubtful) ||
		statement->vouched == batch->count;

	if (without_conflict)
		(void) write_batch(batch, batch->ordered ? &all_ordered : &all, NULL);
	else if (statement->doubtful ||
			 write_batch(batch, &unknown, NULL) < (uint64) batch->count)
		write_doubtful(statement, relation);
	tuplestore_end(batch->rows);
	drop_statement(&inserting);
}

/*
 * Of rows that ON CONFLICT may have left out those that are there, and have no
 * key yet.  The same row twice in a statement is there as it first came.
 */
static void
write_doubtful(Statement *statement, Relation relation)
{
	char	   *table = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
												   RelationGetRelationName(relation));

	(void) write_batch(&statement->batch, NULL,
					   psprintf("INSERT INTO usage_mgmt.usage_key (id, usage_date, content_hash, hash_version) "
								"SELECT DISTINCT ON (b.id, b.usage_date) b.id, b.usage_date, b.content_hash, 1 "
								"FROM (SELECT *, pg_catalog.row_number() OVER () AS place FROM " BATCH ") b "
								"WHERE EXISTS (SELECT FROM %s u WHERE u.id OPERATOR(pg_catalog.=) b.id "
								"AND u.usage_date OPERATOR(pg_catalog.=) b.usage_date) "
								"AND NOT EXISTS (SELECT FROM usage_mgmt.usage_key k "
								"WHERE k.id OPERATOR(pg_catalog.=) b.id "
								"AND k.usage_date OPERATOR(pg_catalog.=) b.usage_date) "
								"ORDER BY b.id, b.usage_date, b.place", table));
}

/*
 * The keys of rows that moved, of which an UPDATE has set all already.  MERGE
 * counts a move as DELETE and INSERT, so its key may be gone.
 */
static void
write_moves(Oid root)
{
	static UmPlan plan = {
		.sql = "INSERT INTO usage_mgmt.usage_key AS k (id, usage_date, content_hash, hash_version) "
		"SELECT DISTINCT ON (b.id) b.id, b.usage_date, b.content_hash, 1 "
		"FROM (SELECT *, pg_catalog.row_number() OVER () AS place FROM " BATCH ") b "
		"ORDER BY b.id, b.place DESC "
		"ON CONFLICT (id) DO UPDATE SET usage_date = excluded.usage_date "
		"WHERE k.usage_date OPERATOR(pg_catalog.<>) excluded.usage_date",
	};

	if (!has_moves(root))
		return;
	(void) write_batch(&moving->batch, &plan, NULL);
	tuplestore_end(moving->batch.rows);
	drop_statement(&moving);
}

static void
start_batch(Batch *batch)
{
	batch->desc = CreateTemplateTupleDesc(3);
	TupleDescInitEntry(batch->desc, 1, "id", TEXTOID, -1, 0);
	TupleDescInitEntryCollation(batch->desc, 1, C_COLLATION_OID);
	TupleDescInitEntry(batch->desc, 2, "usage_date", TIMESTAMPTZOID, -1, 0);
	TupleDescInitEntry(batch->desc, 3, "content_hash", INT8OID, -1, 0);
	batch->rows = tuplestore_begin_heap(false, false, work_mem);
	batch->count = 0;
	batch->ordered = true;
	initStringInfo(&batch->last);
}

static void
put_key(Batch *batch, Datum id, Datum date, int64 hash)
{
	Datum		values[3] = {id, date, Int64GetDatum(hash)};
	bool		nulls[3] = {false, false, false};

	tuplestore_putvalues(batch->rows, batch->desc, values, nulls);
	batch->count++;
	note_order(batch, DatumGetTextPP(id));
}

/* Ids that come in order, as they mostly do, need not be sorted. */
static void
note_order(Batch *batch, text *id)
{
	int			len = VARSIZE_ANY_EXHDR(id);
	int			order;

	if (!batch->ordered)
		return;
	order = memcmp(batch->last.data, VARDATA_ANY(id), Min(batch->last.len, len));
	batch->ordered = order < 0 || (order == 0 && batch->last.len <= len);
	resetStringInfo(&batch->last);
	appendBinaryStringInfo(&batch->last, VARDATA_ANY(id), len);
}

/*
 * Runs the kept plan, or for many keys the statement that joins them, and tells
 * how many rows it wrote.
 */
static uint64
write_batch(Batch *batch, UmPlan *plan, const char *many)
{
	EphemeralNamedRelation relation;
	bool		planned = plan != NULL && (many == NULL || batch->count <= MANY_KEYS);
	int			settings;

	if (batch->count == 0)
		return 0;
	relation = palloc0(sizeof(EphemeralNamedRelationData));
	relation->md.name = BATCH;
	relation->md.reliddesc = InvalidOid;
	relation->md.tupdesc = batch->desc;
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = batch->count;
	relation->reldata = batch->rows;
	SPI_register_relation(relation);
	settings = um_prefer(batch->count <= MANY_KEYS ? "enable_seqscan" : "enable_nestloop");
	if (planned)
	{
		(void) um_prefer("enable_nestloop");
		(void) SPI_execute_plan(um_prepare(plan), NULL, NULL, false, 0);
	}
	else
		(void) SPI_execute(many, false, 0);
	AtEOXact_GUC(true, settings);
	SPI_unregister_relation(BATCH);
	return SPI_processed;
}

/* The keys of every row that a DELETE took away. */
static void
collect(Batch *batch, TriggerData *data)
{
	UmShape    *shape = um_shape(&um_usage, RelationGetDescr(data->tg_relation),
								 RelationGetRelationName(data->tg_relation));
	Transition	transition;
	bool		no_id;
	bool		no_date;

	open_transition(&transition, data, data->tg_oldtable);
	while (next_row(&transition))
	{
		Datum		id = slot_getattr(transition.slot, shape->column[0] + 1, &no_id);
		Datum		date = slot_getattr(transition.slot, shape->column[um_usage.date_slot] + 1, &no_date);

		/* in a table of somebody's own there may be neither */
		if (!no_id)
			put_key(batch, id, no_date ? (Datum) 0 : date, 0);
	}
	close_transition(&transition);
}

/* The keys of rows whose date an UPDATE changed. */
static void
collect_moves(Batch *batch, TriggerData *data)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	UmShape    *shape = um_shape(&um_usage, desc, RelationGetRelationName(data->tg_relation));
	int			date = shape->column[um_find_attribute(&um_usage, "usage_date")->slot];
	int			id = shape->column[0];
	Transition	before;
	Transition	after;

	open_transition(&before, data, data->tg_oldtable);
	open_transition(&after, data, data->tg_newtable);
	while (next_row(&before) && next_row(&after))
	{
		bool		null;
		Datum		values[3] = {0};
		bool		nulls[3] = {false, false, true};

		values[0] = slot_getattr(after.slot, id + 1, &null);
		if (null)
			continue;
		values[1] = slot_getattr(after.slot, date + 1, &null);

		/*
		 * Both tables list the rows in the order of their updates, unless a
		 * trigger of the user's let one vanish on its way to another leaf.
		 */
		if (slot_getattr(before.slot, date + 1, &null) == values[1] &&
			!slot_attisnull(before.slot, id + 1) &&
			um_same_id(slot_getattr(before.slot, id + 1, &null), values[0]))
			continue;
		tuplestore_putvalues(batch->rows, batch->desc, values, nulls);
		batch->count++;
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
	if (SPI_execute(sql, false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not write the ledger");
	AtEOXact_GUC(true, settings);
}

/*
 * content_hash(usage row) → bigint: the hash that the ledger keeps of a usage
 * as it is now.
 */
Datum
um_content_hash_of(PG_FUNCTION_ARGS)
{
	HeapTupleHeader header = PG_GETARG_HEAPTUPLEHEADER(0);
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header),
											  HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple;
	int64		hash;

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	hash = um_content_hash(um_record_from_tuple(um_shape(&um_usage, desc, um_usage.noun),
												desc, &tuple));
	ReleaseTupleDesc(desc);
	PG_RETURN_INT64(hash);
}
