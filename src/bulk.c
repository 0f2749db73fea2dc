/*
 * bulk.c
 *	  Documents by the million: the COPY door.
 *
 * A statement on the view usage_document (or usage_specification_document, for
 * which all the same holds but the speed) opens a batch, its rows fill it, and
 * every thousand records it is flushed (batch.c).
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
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "batch.h"
#include "bulk.h"
#include "compat.h"
#include "content.h"
#include "copy_form.h"
#include "errors.h"
#include "load.h"
#include "operations.h"
#include "rows.h"
#include "rules.h"
#include "setting_table.h"
#include "settings.h"
#include "tmf_read.h"
#include "triggers.h"
#include "types.h"

#define BATCH_BYTES (16 * 1024 * 1024)

/* Memory that is not given back between batches: rows and documents of 1 kB, one record. */
#define RECORDS_KEPT (3 * 1024 * 1024)
#define SCRATCH_KEPT (64 * 1024)

static UmBatch *innermost = NULL;

static void at_subtransaction_end(SubXactEvent event, SubTransactionId mine,
								  SubTransactionId parent, void *arg);
static void at_transaction_end(XactEvent event, void *arg);
static void refuse_change(FunctionCallInfo fcinfo, const UmModel *model);
static TriggerData *trigger_data(FunctionCallInfo fcinfo, bool row);
static void begin(FunctionCallInfo fcinfo, const UmModel *model);
static void open_batch(Relation view, const UmModel *model);
static bool is_nested(void);
static UmBatch *batch_of(Oid view);
static void close_batch(UmBatch *batch);
static void drop_batch(UmBatch *batch);
static void add_document(UmBatch *batch, text *document);
static void read_item(UmBatch *batch, UmBatchItem *item, UmFaults *faults);
static UmRecord *read_specification(const text *document, UmFaults *faults);
static void make_row(UmBatch *batch, UmBatchItem *item, const UmRecord *usage);
static void store_specification(UmBatch *batch, UmBatchItem *item, UmRecord *record);

PG_FUNCTION_INFO_V1(um_usage_document_begin);
PG_FUNCTION_INFO_V1(um_usage_specification_document_begin);
PG_FUNCTION_INFO_V1(um_usage_document_row);
PG_FUNCTION_INFO_V1(um_usage_document_end);
PG_FUNCTION_INFO_V1(um_usage_document_refuse);
PG_FUNCTION_INFO_V1(um_usage_specification_document_refuse);

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
	um_batch_forget_rows();
}

/* BEFORE INSERT ON usage_document, for each statement. */
Datum
um_usage_document_begin(PG_FUNCTION_ARGS)
{
	begin(fcinfo, &um_usage);
	return PointerGetDatum(NULL);
}

/* BEFORE INSERT ON usage_specification_document, for each statement. */
Datum
um_usage_specification_document_begin(PG_FUNCTION_ARGS)
{
	begin(fcinfo, &um_usage_specification);
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
	UmBatch	   *batch = batch_of(RelationGetRelid(data->tg_relation));

	if (batch == NULL || TupleDescAttr(desc, 0)->atttypid != TEXTOID)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("\"%s\" is no document view: its statement triggers are missing, or its first column is not a text",
						RelationGetRelationName(data->tg_relation))));
	if (!batch->form_known)
		batch->copy = um_check_copied_row(data->tg_relation);
	batch->form_known = true;
	document = heap_getattr(data->tg_trigtuple, 1, desc, &null);
	if (!null)
		add_document(batch, DatumGetTextPP(document));
	/* PostgreSQL keeps a tuple that comes back as it went until the statement ends */
	return PointerGetDatum(heap_copytuple(data->tg_trigtuple));
}

/* AFTER INSERT ON a document view, for each statement. */
Datum
um_usage_document_end(PG_FUNCTION_ARGS)
{
	UmBatch	   *batch = batch_of(RelationGetRelid(trigger_data(fcinfo, false)->tg_relation));

	if (batch != NULL)
		close_batch(batch);
	return PointerGetDatum(NULL);
}

/* UPDATE or DELETE ON usage_document, for each row and statement. */
Datum
um_usage_document_refuse(PG_FUNCTION_ARGS)
{
	refuse_change(fcinfo, &um_usage);
	return PointerGetDatum(NULL);
}

/* UPDATE or DELETE ON usage_specification_document, for each row and statement. */
Datum
um_usage_specification_document_refuse(PG_FUNCTION_ARGS)
{
	refuse_change(fcinfo, &um_usage_specification);
	return PointerGetDatum(NULL);
}

/* The view looks like a staging table, which people clear; behind it are the usages. */
static void
refuse_change(FunctionCallInfo fcinfo, const UmModel *model)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	bool		deletes;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("this function can only be called by a trigger")));
	deletes = TRIGGER_FIRED_BY_DELETE(data->tg_event);
	ereport(ERROR,
			(errcode(UM_UNSUPPORTED),
			 errmsg("%ss are not %s through \"%s\"", model->label, deletes ? "deleted" : "changed",
					RelationGetRelationName(data->tg_relation)),
			 deletes
			 ? errhint("DELETE FROM usage_mgmt.%s and usage_mgmt.delete_%ss() delete %ss.",
					   model->noun, model->noun, model->label)
			 : errhint("UPDATE usage_mgmt.%s and usage_mgmt.patch_%s() change %ss.",
					   model->noun, model->noun, model->label)));
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
begin(FunctionCallInfo fcinfo, const UmModel *model)
{
	Relation	view = trigger_data(fcinfo, false)->tg_relation;

	um_check_copy(view);
	um_settings_look();
	open_batch(view, model);
}

static void
open_batch(Relation view, const UmModel *model)
{
	MemoryContext context = AllocSetContextCreate(TopTransactionContext, "usage batch",
												  ALLOCSET_DEFAULT_SIZES);
	UmBatch	   *batch = MemoryContextAllocZero(context, sizeof(UmBatch));
	int64		load = um_load_id();
	bool		kept = !is_nested() && (load != 0 || um_is_copy_into(RelationGetRelid(view)));
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
	batch->check = um_setting(UM_CHECK_SPECIFICATION);
	batch->fills = um_setting(UM_ON_MISSING) == UM_MISSING_FILL;
	old = MemoryContextSwitchTo(context);
	batch->rows = um_rows_start(&um_usage, false);
	if (kept)
		batch->load = um_load_open(batch->owner);
	MemoryContextSwitchTo(old);
	if (kept)
	{
		batch->number = batch->load->before;
		for (UmBatch *outer = innermost; outer != NULL; outer = outer->outer)
			if (outer->load != NULL && outer->load->id == batch->load->id)
				batch->number = Max(batch->number, outer->number);
	}
	batch->outer = innermost;
	innermost = batch;
}

/*
 * What a trigger of the user's writes while a load stores its rows is none of
 * the load's records.
 */
static bool
is_nested(void)
{
	for (UmBatch *batch = innermost; batch != NULL; batch = batch->outer)
		if (batch->storing)
			return true;
	return false;
}

/* The statement's own: one statement may write to both views, in turns. */
static UmBatch *
batch_of(Oid view)
{
	UmBatch	   *batch = innermost;

	while (batch != NULL && batch->view != view)
		batch = batch->outer;
	return batch;
}

static void
close_batch(UmBatch *batch)
{
	um_batch_flush(batch);
	if (batch->load != NULL)
		um_load_close(batch->load);
	drop_batch(batch);
}

static void
drop_batch(UmBatch *batch)
{
	UmBatch	  **link = &innermost;

	while (*link != batch)
	{
		Assert(*link != NULL);
		link = &(*link)->outer;
	}
	*link = batch->outer;
	MemoryContextDelete(batch->context);
}

/* Reads a document into the batch; a faulty one is judged at once. */
static void
add_document(UmBatch *batch, text *document)
{
	MemoryContext old = MemoryContextSwitchTo(batch->records);
	UmBatchItem *item = &batch->items[batch->count++];
	UmFaults	faults = {um_tmf_version, NIL, 0};

	Assert(batch->count <= UM_BATCH_RECORDS);
	item->document = (text *) PG_DETOAST_DATUM_COPY(PointerGetDatum(document));
	item->row = NULL;
	item->amounts = NIL;
	item->number = ++batch->number;
	item->fate = FATE_UNKNOWN;
	item->filled = false;
	batch->bytes += VARSIZE_ANY(item->document);
	MemoryContextReset(batch->scratch);
	MemoryContextSwitchTo(batch->scratch);
	if (batch->keeps && VARSIZE_ANY_EXHDR(item->document) > UM_LONGEST_KEPT)
		um_fault(&faults, NULL, UM_TOO_MUCH,
				 "a document of %d bytes, more than %d: its first megabyte was kept",
				 (int) VARSIZE_ANY_EXHDR(item->document), UM_LONGEST_KEPT);
	else if (batch->copy != NULL && !um_is_line_whole(batch->copy))
		um_fault(&faults, NULL, UM_NOT_JSON,
				 "not JSON: a control character in a string, which COPY has taken for a quote");
	else
		read_item(batch, item, &faults);
	if (faults.list != NIL)
	{
		if (!batch->keeps)
			um_raise_faults(&faults, batch->model);
		um_batch_judge(batch, item, um_faults_json(&faults));
	}
	MemoryContextSwitchTo(old);
	if (batch->count == UM_BATCH_RECORDS || batch->bytes >= BATCH_BYTES)
		um_batch_flush(batch);
}

static void
read_item(UmBatch *batch, UmBatchItem *item, UmFaults *faults)
{
	UmRecord   *record = batch->model == &um_usage
		? um_batch_read(batch, item->document, faults, &item->filled)
		: read_specification(item->document, faults);

	if (faults->list != NIL)
		return;
	if (batch->model == &um_usage)
		make_row(batch, item, record);
	else
		store_specification(batch, item, record);
}

/* The row of a sound record, and what there is to know of it before it is stored. */
static void
make_row(UmBatch *batch, UmBatchItem *item, const UmRecord *usage)
{
	UmRecord	row = *usage;
	Datum		now = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	MemoryContext old;

	item->content_hash = um_content_hash(usage);
	item->usage_date = DatumGetTimestampTz(usage->value[um_usage.date_slot]);
	/* a complete row needs nothing more of its trigger */
	if (row.state[um_usage.receipt_slot] == UM_ABSENT)
		um_record_set(&row, um_usage.receipt_slot, now);
	um_record_set(&row, um_usage.change_slot, now);
	if (batch->load != NULL)
		um_record_set(&row, um_usage.load_slot, Int64GetDatum(batch->load->id));
	item->row = um_rows_form(batch->rows, &row, (Datum) 0, batch->records);
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
		um_complete(record, NULL);
		um_check(record, NULL, faults);
	}
	return record;
}

/* Specifications are few: each is posted by itself. */
static void
store_specification(UmBatch *batch, UmBatchItem *item, UmRecord *record)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;
	bool		repeated = false;
	int			speaking = um_speaking;

	batch->storing = true;
	SPI_connect();
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	um_speaking = um_tmf_version;
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
	um_speaking = speaking;
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	SPI_finish();
	batch->storing = false;
	item->fate = repeated ? FATE_REPEATED : FATE_STORED;
	if (error == NULL)
		return;
	um_batch_judge_error(batch, item, error);
}
