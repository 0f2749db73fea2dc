/*
 * bulk.c
 *	  Documents by the million: the COPY door.
 *
 * A statement on the view usage_document (or usage_specification_document, for
 * which all the same holds but the speed) opens a batch, its rows fill it, and
 * every thousand records it is flushed: ids are looked up in the ledger, what
 * is new goes into usage by one INSERT … SELECT from a tuplestore, so that
 * triggers, row security and foreign engines keep working.
 *
 * No fault of a record fails a load.  A COPY, or a statement tied to a load,
 * keeps it as a reject, whole; an id with other content as a conflict; and
 * goes on.  A statement of any other kind is somebody's program and gets the
 * error.
 *
 * Batches belong to their statement: they are stacked, since a trigger of the
 * user's may write to the view in turn, and an abort of the (sub)transaction
 * they were opened in takes them away.  Otherwise the rows of a statement that
 * failed would be stored by the next one.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "commands/progress.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/pquery.h"
#include "utils/array.h"
#include "utils/backend_progress.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "bulk.h"
#include "compat.h"
#include "content.h"
#include "errors.h"
#include "lifecycle.h"
#include "load.h"
#include "operations.h"
#include "rows.h"
#include "rules.h"
#include "settings.h"
#include "spec_cache.h"
#include "store.h"
#include "tmf_read.h"
#include "tmf_write.h"
#include "triggers.h"
#include "types.h"

#define BATCH_RECORDS 1000
#define BATCH_BYTES (16 * 1024 * 1024)

/* Memory that is not given back between batches: rows and documents of 1 kB, one record. */
#define RECORDS_KEPT (3 * 1024 * 1024)
#define SCRATCH_KEPT (64 * 1024)
#define ROWS "usage_mgmt_batch"

/* What becomes of a record. */
typedef enum Fate
{
	UNKNOWN, NEW, STORED, REPEATED, CONFLICTING, REJECTED
} Fate;

/* A record of the batch: its row is made at once, the record itself is let go. */
typedef struct BatchItem
{
	text	   *document;
	MinimalTuple row;
	List	   *amounts;		/* for the books of the load */
	int64		number;			/* in the load, from 1 */
	Fate		fate;
	Datum		id;
	TimestampTz usage_date;
	int64		content_hash;
} BatchItem;

/* The records of one statement on the view that are not yet stored. */
typedef struct Batch
{
	struct Batch *outer;
	Oid			view;
	const UmModel *model;
	SubTransactionId transaction;	/* that opened it */
	Oid			owner;			/* of the view, who keeps the load's books */
	bool		keeps;			/* faults become rejects */
	bool		storing;		/* its rows, and so triggers of the user's run */
	UmLoad	   *load;			/* NULL where nobody keeps books */
	int64		number;			/* of the last record */
	HeapTuple	row;			/* what a COPY takes for stored; NULL for an INSERT */
	bool		expects_new;	/* the ledger knew none of the ids before */
	MemoryContext context;		/* of the batch itself */
	MemoryContext records;		/* of its items, emptied by a flush */
	MemoryContext scratch;		/* of the record being read */
	UmRows	   *rows;			/* for the INSERT */
	int			count;
	Size		bytes;
	BatchItem	items[BATCH_RECORDS];
} Batch;

static Batch *innermost = NULL;

/* The records of the INSERT that runs, in their order; see um_bulk_vouches. */
static BatchItem **vouched = NULL;
static int	vouched_count = 0;
static int	vouched_next = 0;

static void at_subtransaction_end(SubXactEvent event, SubTransactionId mine,
								  SubTransactionId parent, void *arg);
static void at_transaction_end(XactEvent event, void *arg);
static TriggerData *trigger_data(FunctionCallInfo fcinfo, bool row);
static void open_batch(Relation view, const UmModel *model);
static HeapTuple empty_row(TupleDesc desc);
static bool is_nested(void);
static bool is_copy_into(Oid view);
static Batch *batch_of(Oid view);
static void close_batch(Batch *batch);
static void drop_batch(Batch *batch);
static void add_document(Batch *batch, text *document);
static void read_item(Batch *batch, BatchItem *item, UmFaults *faults);
static UmRecord *read_usage(const Batch *batch, const text *document, UmFaults *faults);
static UmRecord *read_specification(const text *document, UmFaults *faults);
static void make_row(Batch *batch, BatchItem *item, const UmRecord *usage);
static void store_specification(Batch *batch, BatchItem *item, UmRecord *record);
static void judge(Batch *batch, BatchItem *item, const char *errors);
static void flush(Batch *batch);
static void look_up(Batch *batch, bool ask_ledger);
static void ask(Batch *batch, BatchItem **open, int count);
static int	compare_items(const void *a, const void *b);
static int	compare_ids(Datum a, Datum b);
static void decide_all(Batch *batch, BatchItem **open, int count, SPITupleTable *known,
					   uint64 known_count);
static void decide(Batch *batch, BatchItem *item, const UmKey *key);
static void insert_new(Batch *batch, int from, int to, bool again);
static bool try_insert(Batch *batch, int from, int to, ErrorData **error);
static void let_go_of_unused(MemoryContext context);
static Size bytes_in_use(MemoryContext context, Size *blocks);
static void insert_rows(Batch *batch, int from, int to);
static bool is_faster(const BatchItem *item, const ErrorData *error);
static bool is_id_taken(const ErrorData *error);
static bool is_record_fault(int sqlstate);
static int	count_fate(const Batch *batch, Fate fate);
static void change_fate(Batch *batch, int from, int to, Fate old, Fate fate);
static void keep_books(Batch *batch);
static char *error_as_fault(const ErrorData *error);

PG_FUNCTION_INFO_V1(um_usage_document_begin);
PG_FUNCTION_INFO_V1(um_usage_specification_document_begin);
PG_FUNCTION_INFO_V1(um_usage_document_row);
PG_FUNCTION_INFO_V1(um_usage_document_end);

void
um_bulk_init(void)
{
	RegisterSubXactCallback(at_subtransaction_end, NULL);
	RegisterXactCallback(at_transaction_end, NULL);
}

/* Batches opened in a subtransaction that aborts are gone. */
static void
at_subtransaction_end(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	(void) parent;
	(void) arg;
	if (event == SUBXACT_EVENT_ABORT_SUB)
		while (innermost != NULL && innermost->transaction >= mine)
			drop_batch(innermost);
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	(void) arg;
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PARALLEL_PRE_COMMIT ||
		event == XACT_EVENT_PRE_PREPARE)
		return;
	/* a statement that was never closed leaves nothing to the next transaction */
	while (innermost != NULL)
		drop_batch(innermost);
	vouched = NULL;
}

/* BEFORE INSERT ON usage_document, for each statement. */
Datum
um_usage_document_begin(PG_FUNCTION_ARGS)
{
	open_batch(trigger_data(fcinfo, false)->tg_relation, &um_usage);
	return PointerGetDatum(NULL);
}

/* BEFORE INSERT ON usage_specification_document, for each statement. */
Datum
um_usage_specification_document_begin(PG_FUNCTION_ARGS)
{
	open_batch(trigger_data(fcinfo, false)->tg_relation, &um_usage_specification);
	return PointerGetDatum(NULL);
}

/* INSTEAD OF INSERT ON a document view, for each row. */
Datum
um_usage_document_row(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo, true);
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	bool		null;
	Datum		document;
	Batch	   *batch = batch_of(RelationGetRelid(data->tg_relation));

	if (batch == NULL || TupleDescAttr(desc, 0)->atttypid != TEXTOID)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("\"%s\" is no document view: its statement triggers are missing, or its first column is not a text",
						RelationGetRelationName(data->tg_relation))));
	document = heap_getattr(data->tg_trigtuple, 1, desc, &null);
	if (!null)
		add_document(batch, DatumGetTextPP(document));
	/* a tuple that comes back as it went would be kept until the COPY ends */
	return PointerGetDatum(batch->row != NULL ? batch->row : data->tg_trigtuple);
}

/* AFTER INSERT ON a document view, for each statement. */
Datum
um_usage_document_end(PG_FUNCTION_ARGS)
{
	Batch	   *batch = batch_of(RelationGetRelid(trigger_data(fcinfo, false)->tg_relation));

	if (batch != NULL)
		close_batch(batch);
	return PointerGetDatum(NULL);
}

static TriggerData *
trigger_data(FunctionCallInfo fcinfo, bool row)
{
	TriggerData *data = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || (TRIGGER_FIRED_FOR_ROW(data->tg_event) != 0) != row ||
		!TRIGGER_FIRED_BY_INSERT(data->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("this function can only be called by an INSERT trigger of a document view")));
	return data;
}

static void
open_batch(Relation view, const UmModel *model)
{
	MemoryContext context = AllocSetContextCreate(TopTransactionContext, "usage batch",
												  ALLOCSET_DEFAULT_SIZES);
	Batch	   *batch = MemoryContextAllocZero(context, sizeof(Batch));
	int64		load = um_load_id();
	bool		kept = !is_nested() && (load != 0 || is_copy_into(RelationGetRelid(view)));
	MemoryContext old;

	batch->view = RelationGetRelid(view);
	batch->model = model;
	batch->context = context;
	batch->records = GenerationContextCreate(context, "usage batch records", RECORDS_KEPT,
											 ALLOCSET_DEFAULT_INITSIZE, ALLOCSET_DEFAULT_MAXSIZE);
	batch->scratch = AllocSetContextCreate(context, "usage record", SCRATCH_KEPT, SCRATCH_KEPT,
										   ALLOCSET_DEFAULT_MAXSIZE);
	batch->expects_new = true;
	batch->transaction = GetCurrentSubTransactionId();
	batch->owner = view->rd_rel->relowner;
	batch->keeps = kept && um_on_fault == UM_KEEP_FAULTS;
	old = MemoryContextSwitchTo(context);
	batch->rows = um_rows_start(&um_usage, ROWS);
	if (is_copy_into(RelationGetRelid(view)))
		batch->row = empty_row(RelationGetDescr(view));
	if (kept)
		batch->load = um_load_open(batch->owner);
	MemoryContextSwitchTo(old);
	if (kept)
	{
		batch->number = batch->load->before;
		for (Batch *outer = innermost; outer != NULL; outer = outer->outer)
			if (outer->load != NULL && outer->load->id == batch->load->id)
				batch->number = Max(batch->number, outer->number);
	}
	batch->outer = innermost;
	innermost = batch;
}

static HeapTuple
empty_row(TupleDesc desc)
{
	Datum		values[MaxTupleAttributeNumber] = {0};
	bool		nulls[MaxTupleAttributeNumber];

	memset(nulls, true, desc->natts);
	return heap_form_tuple(desc, values, nulls);
}

/*
 * What a trigger of the user's writes while a load stores its rows is none of
 * the load's records.
 */
static bool
is_nested(void)
{
	for (Batch *batch = innermost; batch != NULL; batch = batch->outer)
		if (batch->storing)
			return true;
	return false;
}

/*
 * COPY is known by its entry in pg_stat_progress_copy, which names its target;
 * where activities are not tracked, by the command of the portal.
 */
static bool
is_copy_into(Oid view)
{
	if (pgstat_track_activities && MyBEEntry != NULL)
		return MyBEEntry->st_progress_command == PROGRESS_COMMAND_COPY &&
			MyBEEntry->st_progress_command_target == view;
	return ActivePortal != NULL && ActivePortal->commandTag == CMDTAG_COPY;
}

/* The statement's own: one statement may write to both views, in turns. */
static Batch *
batch_of(Oid view)
{
	Batch	   *batch = innermost;

	while (batch != NULL && batch->view != view)
		batch = batch->outer;
	return batch;
}

static void
close_batch(Batch *batch)
{
	flush(batch);
	if (batch->load != NULL)
		um_load_close(batch->load);
	drop_batch(batch);
}

static void
drop_batch(Batch *batch)
{
	Batch	  **link = &innermost;

	while (*link != batch)
		link = &(*link)->outer;
	*link = batch->outer;
	MemoryContextDelete(batch->context);
}

/* Reads a document into the batch; a faulty one is judged at once. */
static void
add_document(Batch *batch, text *document)
{
	MemoryContext old = MemoryContextSwitchTo(batch->records);
	BatchItem  *item = &batch->items[batch->count++];
	UmFaults	faults = {um_tmf_version, NIL, 0};

	item->document = (text *) PG_DETOAST_DATUM_COPY(PointerGetDatum(document));
	item->row = NULL;
	item->amounts = NIL;
	item->number = ++batch->number;
	item->fate = UNKNOWN;
	batch->bytes += VARSIZE_ANY(item->document);
	MemoryContextReset(batch->scratch);
	MemoryContextSwitchTo(batch->scratch);
	if (batch->keeps && VARSIZE_ANY_EXHDR(item->document) > UM_LONGEST_KEPT)
		um_fault(&faults, NULL, ERRCODE_PROGRAM_LIMIT_EXCEEDED,
				 "a document of %d bytes, more than %d: its first megabyte was kept",
				 (int) VARSIZE_ANY_EXHDR(item->document), UM_LONGEST_KEPT);
	else
		read_item(batch, item, &faults);
	if (faults.list != NIL)
	{
		if (!batch->keeps)
			um_raise_faults(&faults, batch->model);
		judge(batch, item, um_faults_json(&faults));
	}
	MemoryContextSwitchTo(old);
	if (batch->count == BATCH_RECORDS || batch->bytes >= BATCH_BYTES)
		flush(batch);
}

static void
read_item(Batch *batch, BatchItem *item, UmFaults *faults)
{
	UmRecord   *record = batch->model == &um_usage
		? read_usage(batch, item->document, faults)
		: read_specification(item->document, faults);

	if (faults->list != NIL)
		return;
	if (batch->model == &um_usage)
		make_row(batch, item, record);
	else
		store_specification(batch, item, record);
}

/* The same steps as a post: read, complete, check. */
static UmRecord *
read_usage(const Batch *batch, const text *document, UmFaults *faults)
{
	UmRecord   *record = um_read_document(VARDATA_ANY(document), VARSIZE_ANY_EXHDR(document),
										  &um_usage, faults);
	bool		readable = faults->list == NIL || ((UmFault *) linitial(faults->list))->path[0] != '\0';
	TimestampTz now = GetCurrentTransactionStartTimestamp();

	if (!readable)
		return record;
	if (um_speaks(record, um_tmf_version) == UM_V4)
	{
		if (record->state[um_usage.date_slot] == UM_ABSENT)
			um_record_set(record, um_usage.receipt_slot, TimestampTzGetDatum(now));
		um_complete_v4(record, now);
	}
	um_complete(record);
	if (record->state[0] == UM_ABSENT)
		um_record_set(record, 0, um_content_id(record));
	um_check(record, NULL, faults);
	if (um_check_specification == UM_CHECK_REJECT && um_record_status(record) != UM_REJECTED)
		um_check_specification_of(record, batch->owner, faults);
	return record;
}

/* The row of a sound record, and what there is to know of it before it is stored. */
static void
make_row(Batch *batch, BatchItem *item, const UmRecord *usage)
{
	UmRecord	row = *usage;
	MemoryContext old;

	item->content_hash = um_content_hash(usage);
	item->usage_date = DatumGetTimestampTz(usage->value[um_usage.date_slot]);
	/* a complete row needs nothing more of its trigger */
	if (row.state[um_usage.receipt_slot] == UM_ABSENT)
		um_record_set(&row, um_usage.receipt_slot,
					  TimestampTzGetDatum(GetCurrentTransactionStartTimestamp()));
	item->row = um_rows_form(batch->rows, &row, (Datum) 0,
							 batch->load != NULL ? batch->load->id : 0, batch->records);
	old = MemoryContextSwitchTo(batch->records);
	item->id = datumCopy(usage->value[0], false, -1);
	if (batch->load != NULL)
		item->amounts = um_load_amounts(usage);
	MemoryContextSwitchTo(old);
}

static UmRecord *
read_specification(const text *document, UmFaults *faults)
{
	UmRecord   *record = um_read_document(VARDATA_ANY(document), VARSIZE_ANY_EXHDR(document),
										  &um_usage_specification, faults);

	if (faults->list == NIL && record->state[0] == UM_ABSENT)
		um_record_set(record, 0, um_new_id());
	if (faults->list == NIL)
	{
		um_complete(record);
		um_check(record, NULL, faults);
	}
	return record;
}

/* Specifications are few: each is posted by itself. */
static void
store_specification(Batch *batch, BatchItem *item, UmRecord *record)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;
	bool		repeated = false;

	batch->storing = true;
	SPI_connect();
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		(void) um_store_new(record, &repeated);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	SPI_finish();
	batch->storing = false;
	item->fate = repeated ? REPEATED : STORED;
	if (error == NULL)
		return;
	if (!batch->keeps || !is_record_fault(error->sqlerrcode))
		ReThrowError(error);
	judge(batch, item, error_as_fault(error));
}

/* Puts a faulty record by; errors is a JSON array. */
static void
judge(Batch *batch, BatchItem *item, const char *errors)
{
	item->fate = REJECTED;
	um_load_reject(batch->load, batch->model, item->number, item->document, errors);
}

/*
 * Stores what the batch holds and forgets it.  A round decides what the ledger
 * knows and inserts the first record of every id that it does not; the second
 * one of an id, or one that another session was faster with, is decided in the
 * next round.
 */
static void
flush(Batch *batch)
{
	int			idle = 0;
	bool		ask = !batch->expects_new;

	if (batch->count == 0)
		return;
	batch->storing = true;
	SPI_connect();
	while (count_fate(batch, UNKNOWN) > 0)
	{
		int			before = count_fate(batch, UNKNOWN);

		look_up(batch, ask);
		insert_new(batch, 0, batch->count, idle > 0);
		/* a snapshot that cannot see the other's row would go round for ever */
		idle = !ask || count_fate(batch, UNKNOWN) < before ? 0 : idle + 1;
		ask = true;
		if (idle > 3)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not store usages that another transaction stores")));
	}
	batch->expects_new = count_fate(batch, REPEATED) + count_fate(batch, CONFLICTING) == 0;
	keep_books(batch);
	SPI_finish();
	batch->storing = false;
	MemoryContextReset(batch->records);
	batch->count = 0;
	batch->bytes = 0;
}

/*
 * Decides what the ledger tells of the undecided records.  Where it knew none
 * of the batch before it is not asked first: then the INSERT will tell.
 */
static void
look_up(Batch *batch, bool ask_ledger)
{
	BatchItem **open = palloc(sizeof(BatchItem *) * batch->count);
	int			count = 0;

	for (int i = 0; i < batch->count; i++)
		if (batch->items[i].fate == UNKNOWN)
			open[count++] = &batch->items[i];
	qsort(open, count, sizeof(BatchItem *), compare_items);
	if (ask_ledger)
		ask(batch, open, count);
	else
		decide_all(batch, open, count, NULL, 0);
}

/* Asks the ledger about records in the order of their ids, as the owner of the view. */
static void
ask(Batch *batch, BatchItem **open, int count)
{
	static UmPlan plan = {
		.sql = "SELECT k.id, k.usage_date, k.content_hash FROM usage_mgmt.usage_key k "
		"WHERE k.id OPERATOR(pg_catalog.=) ANY ($1) ORDER BY k.id",
		.args = {TEXTARRAYOID}, .nargs = 1
	};
	Datum	   *ids = palloc(sizeof(Datum) * count);
	Datum		array;
	UmUser		before;
	SPITupleTable *known;
	uint64		known_count;
	int			settings;

	for (int i = 0; i < count; i++)
		ids[i] = open[i]->id;
	array = PointerGetDatum(construct_array(ids, count, TEXTOID, -1, false, TYPALIGN_INT));
	um_become(batch->owner, &before);
	settings = um_prefer("enable_seqscan");
	if (SPI_execute_plan(um_prepare(&plan), &array, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the ledger");
	AtEOXact_GUC(true, settings);
	known = SPI_tuptable;
	known_count = SPI_processed;
	decide_all(batch, open, count, known, known_count);
	um_become_again(&before);
	SPI_freetuptable(known);
}

static int
compare_items(const void *a, const void *b)
{
	const BatchItem *x = *(BatchItem *const *) a;
	const BatchItem *y = *(BatchItem *const *) b;
	int			order = compare_ids(x->id, y->id);

	return order != 0 ? order : x->number < y->number ? -1 : 1;
}

static int
compare_ids(Datum a, Datum b)
{
	text	   *x = DatumGetTextPP(a);
	text	   *y = DatumGetTextPP(b);
	int			n = Min(VARSIZE_ANY_EXHDR(x), VARSIZE_ANY_EXHDR(y));
	int			order = memcmp(VARDATA_ANY(x), VARDATA_ANY(y), n);

	return order != 0 ? order : (int) VARSIZE_ANY_EXHDR(x) - (int) VARSIZE_ANY_EXHDR(y);
}

/* Merges the undecided records with what the ledger answered, both by id. */
static void
decide_all(Batch *batch, BatchItem **open, int count, SPITupleTable *known, uint64 known_count)
{
	uint64		k = 0;
	bool		null;

	for (int i = 0; i < count; i++)
	{
		UmKey		key = {false, 0, 0};

		while (k < known_count && compare_ids(SPI_getbinval(known->vals[k], known->tupdesc, 1, &null),
											  open[i]->id) < 0)
			k++;
		if (k < known_count && compare_ids(SPI_getbinval(known->vals[k], known->tupdesc, 1, &null),
										   open[i]->id) == 0)
		{
			key.found = true;
			key.usage_date = DatumGetTimestampTz(SPI_getbinval(known->vals[k], known->tupdesc, 2, &null));
			key.content_hash = DatumGetInt64(SPI_getbinval(known->vals[k], known->tupdesc, 3, &null));
			decide(batch, open[i], &key);
		}
		else if (i == 0 || compare_ids(open[i - 1]->id, open[i]->id) != 0)
			open[i]->fate = NEW;
	}
}

/* A record whose id the ledger has. */
static void
decide(Batch *batch, BatchItem *item, const UmKey *key)
{
	UmFaults	faults = {um_tmf_version, NIL, 0};
	UmRecord   *record;
	UmRecord   *stored;

	if (item->content_hash == key->content_hash)
	{
		item->fate = REPEATED;
		return;
	}
	record = read_usage(batch, item->document, &faults);
	stored = um_store_get(&um_usage, item->id, key, false);
	if (stored != NULL && um_is_repeat(record, stored, key))
	{
		item->fate = REPEATED;
		return;
	}
	if (!batch->keeps)
		um_refuse_taken(record);
	item->fate = CONFLICTING;
	um_load_conflict(batch->load, item->number, item->id, item->document, stored);
}

/*
 * Inserts the new ones of a range.  Where one of them fails on its content, the
 * range is halved until it stands alone and can be put by.  A key that exists
 * is that of somebody faster, to be looked at first; only if that finds nothing
 * it is a fault of the record, by a unique index or a trigger of the user's.
 */
static void
insert_new(Batch *batch, int from, int to, bool again)
{
	int			count = 0;
	ErrorData  *error = NULL;

	for (int i = from; i < to; i++)
		count += batch->items[i].fate == NEW;
	if (count == 0)
		return;
	if (try_insert(batch, from, to, &error))
	{
		change_fate(batch, from, to, NEW, STORED);
		return;
	}
	if (error->sqlerrcode == UM_ID_TAKEN && !again)
	{
		/* the ledger was not asked, or another session was faster: look again */
		change_fate(batch, from, to, NEW, UNKNOWN);
		return;
	}
	if (error->sqlerrcode != UM_ID_TAKEN && (!batch->keeps || !is_record_fault(error->sqlerrcode)))
		ReThrowError(error);
	if (count > 1)
	{
		insert_new(batch, from, (from + to) / 2, again);
		insert_new(batch, (from + to) / 2, to, again);
		return;
	}
	for (int i = from; i < to; i++)
	{
		BatchItem  *item = &batch->items[i];

		if (item->fate != NEW)
			continue;
		if (error->sqlerrcode == UM_ID_TAKEN && is_faster(item, error))
			item->fate = UNKNOWN;
		else if (!batch->keeps)
			ReThrowError(error);
		else
			judge(batch, item, error_as_fault(error));
	}
}

/* One INSERT in a subtransaction of its own; false and the error if it fails. */
static bool
try_insert(Batch *batch, int from, int to, ErrorData **error)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool done = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		insert_rows(batch, from, to);
		let_go_of_unused(CurTransactionContext);
		ReleaseCurrentSubTransaction();
		done = true;
	}
	PG_CATCH();
	{
		vouched = NULL;
		MemoryContextSwitchTo(context);
		*error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return done;
}

/*
 * Empties a context in which nothing is in use.  A subtransaction's memory is
 * kept until the transaction ends, unless it is empty, and the transition table
 * of the INSERT was in it: without this a long COPY keeps all its rows.
 */
static void
let_go_of_unused(MemoryContext context)
{
	static Size per_block = 0;
	static Size when_empty = 0;
	MemoryContext like;
	Size		blocks;

	if (per_block == 0)
	{
		/* a chunk that fits into no first block, taken and freed */
		like = AllocSetContextCreate(CurrentMemoryContext, "like a subtransaction's",
									 ALLOCSET_DEFAULT_SIZES);
		when_empty = bytes_in_use(like, &blocks);
		pfree(MemoryContextAlloc(like, ALLOCSET_DEFAULT_INITSIZE - 1024));
		per_block = bytes_in_use(like, &blocks) - when_empty;
		MemoryContextDelete(like);
		if (blocks != 2)
			per_block = MaxAllocSize;
	}
	if (context->firstchild == NULL && context->reset_cbs == NULL &&
		bytes_in_use(context, &blocks) == when_empty + (blocks - 1) * per_block)
		MemoryContextReset(context);
}

/* What is allocated and not freed, with the context's own book-keeping. */
static Size
bytes_in_use(MemoryContext context, Size *blocks)
{
	MemoryContextCounters counters = {0};

	context->methods->stats(context, NULL, NULL, &counters, false);
	*blocks = counters.nblocks;
	return counters.totalspace - counters.freespace;
}

static void
insert_rows(Batch *batch, int from, int to)
{
	static UmPlan plan = {0};
	BatchItem **items = palloc(sizeof(BatchItem *) * (to - from));
	int			count = 0;

	um_rows_clear(batch->rows);
	for (int i = from; i < to; i++)
	{
		if (batch->items[i].fate != NEW)
			continue;
		um_rows_put(batch->rows, batch->items[i].row);
		items[count++] = &batch->items[i];
	}
	/* what the specification check may change is not vouched for */
	vouched = um_check_specification == UM_CHECK_MARK ? NULL : items;
	vouched_count = count;
	vouched_next = 0;
	/* what is not there must not be counted as stored */
	if (um_rows_insert(batch->rows, &plan) != (uint64) count)
		ereport(ERROR,
				(errcode(UM_RULE), errmsg("a trigger of \"%s\" left the row out", um_usage.noun)));
	vouched = NULL;
}

/*
 * Whether the row that a trigger sees is the next one of the INSERT under way,
 * which was checked before.  For triggers that saw it alone.
 */
bool
um_bulk_vouches(Datum id)
{
	if (vouched == NULL || vouched_next >= vouched_count ||
		!um_same_id(vouched[vouched_next]->id, id))
		return false;
	vouched_next++;
	return true;
}

/*
 * Whether all rows of the INSERT under way have been inserted; true only once,
 * for what triggers write behind that is theirs.
 */
bool
um_bulk_is_done(void)
{
	if (vouched == NULL || vouched_next != vouched_count)
		return false;
	vouched_next = vouched_count + 1;
	return true;
}

/* The hash of the nth row of that INSERT; false where it is another row. */
bool
um_bulk_hash(int n, Datum id, Datum date, int64 *content_hash)
{
	if (n >= vouched_count || !um_same_id(vouched[n]->id, id) ||
		vouched[n]->usage_date != DatumGetTimestampTz(date))
		return false;
	*content_hash = vouched[n]->content_hash;
	return true;
}

/* Whether a key exists because another session stored the same id meanwhile. */
static bool
is_faster(const BatchItem *item, const ErrorData *error)
{
	/* its key may be out of sight */
	if (IsolationUsesXactSnapshot())
		return is_id_taken(error);
	return um_store_key(item->id, false).found;
}

/* Whether it was the ledger or the primary key of usage that refused a row. */
static bool
is_id_taken(const ErrorData *error)
{
	Oid			schema;
	Oid			table;
	Oid			index;
	HeapTuple	tuple;
	bool		primary;

	if (error->schema_name == NULL || error->table_name == NULL || error->constraint_name == NULL)
		return false;
	schema = get_namespace_oid(error->schema_name, true);
	table = get_relname_relid(error->table_name, schema);
	index = get_relname_relid(error->constraint_name, schema);
	if (!OidIsValid(table) || !OidIsValid(index))
		return false;
	if (table != um_table("usage_key", true) &&
		!list_member_oid(get_partition_ancestors(table), um_table(um_usage.noun, true)))
		return false;
	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	primary = HeapTupleIsValid(tuple) && ((Form_pg_index) GETSTRUCT(tuple))->indisprimary;
	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return primary;
}

/* Errors that are the record's own: its content, or a right it would need. */
static bool
is_record_fault(int sqlstate)
{
	int			category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_DATA_EXCEPTION || category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION ||
		category == ERRCODE_WITH_CHECK_OPTION_VIOLATION ||
		sqlstate == ERRCODE_INSUFFICIENT_PRIVILEGE ||
		sqlstate == ERRCODE_RAISE_EXCEPTION ||
		category == ERRCODE_TO_CATEGORY(UM_BILLED);
}

static int
count_fate(const Batch *batch, Fate fate)
{
	int			count = 0;

	for (int i = 0; i < batch->count; i++)
		count += batch->items[i].fate == fate;
	return count;
}

static void
change_fate(Batch *batch, int from, int to, Fate old, Fate fate)
{
	for (int i = from; i < to; i++)
		if (batch->items[i].fate == old)
			batch->items[i].fate = fate;
}

static void
keep_books(Batch *batch)
{
	if (batch->load == NULL)
		return;
	batch->load->read += batch->count;
	batch->load->stored += count_fate(batch, STORED);
	batch->load->repeated += count_fate(batch, REPEATED);
	batch->load->conflicting += count_fate(batch, CONFLICTING);
	batch->load->rejected += count_fate(batch, REJECTED);
	for (int i = 0; i < batch->count; i++)
		if (batch->items[i].fate == STORED && batch->model == &um_usage)
			um_load_add(batch->load, batch->items[i].usage_date, batch->items[i].amounts);
}

static char *
error_as_fault(const ErrorData *error)
{
	StringInfoData out;

	/* a record's faults are a JSON array already */
	if (error->detail != NULL && error->detail[0] == '[' && error->detail[1] == '{')
		return error->detail;
	initStringInfo(&out);
	appendStringInfo(&out, "[{\"path\": \"\", \"code\": \"%s\", \"message\": ",
					 unpack_sql_state(error->sqlerrcode));
	um_append_json_string(&out, error->message, strlen(error->message));
	appendStringInfoString(&out, "}]");
	return out.data;
}
