/*
 * bulk.c
 *	  Documents by the million: the COPY door.
 *
 * A statement on a document view opens a batch, its rows fill it, and every
 * thousand records it is flushed (batch.c).
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
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "batch.h"
#include "bulk.h"
#include "caller.h"
#include "compat.h"
#include "content.h"
#include "copy_form.h"
#include "delivery.h"
#include "errors.h"
#include "load.h"
#include "rows.h"
#include "setting_table.h"
#include "settings.h"
#include "vouch.h"

#define BATCH_BYTES (16 * 1024 * 1024)

/* Memory that is not given back between batches: rows and documents of 1 kB, one record. */
#define RECORDS_KEPT (3 * 1024 * 1024)
#define SCRATCH_KEPT (64 * 1024)

/* A record that is stored by itself. */
typedef struct Single
{
	UmRecord   *record;
	bool		repeated;
} Single;

static UmBatch *innermost = NULL;

static TriggerData *trigger_data(FunctionCallInfo fcinfo, bool row);
static void open_batch(Relation view, UmResource *resource);
static bool is_nested(void);
static UmBatch *batch_of(Oid view);
static void drop_batch(UmBatch *batch);
static void add_document(UmBatch *batch, text *document);
static void read_item(UmBatch *batch, UmBatchItem *item, UmFaults *faults);
static void make_row(UmBatch *batch, UmBatchItem *item, const UmRecord *record);
static void store_alone(UmBatch *batch, UmBatchItem *item, UmRecord *record);
static void store(void *arg);

PG_FUNCTION_INFO_V1(um_document_begin);
PG_FUNCTION_INFO_V1(um_document_row);
PG_FUNCTION_INFO_V1(um_document_end);
PG_FUNCTION_INFO_V1(um_document_refuse);

/*
 * Batches opened in that subtransaction, or later, are gone, and with
 * InvalidSubTransactionId all: a statement that was never closed leaves nothing.
 */
void
um_bulk_forget(SubTransactionId from)
{
	um_vouch_no_more();
	while (innermost != NULL && innermost->transaction >= from)
		drop_batch(innermost);
}

/* BEFORE INSERT ON a document view, for each statement. */
Datum
um_document_begin(PG_FUNCTION_ARGS)
{
	Relation	view = trigger_data(fcinfo, false)->tg_relation;

	um_check_copy(view);
	um_settings_look();
	open_batch(view, um_resource_of(fcinfo, "", "_document_begin", false));
	return PointerGetDatum(NULL);
}

/* INSTEAD OF INSERT ON a document view, for each row. */
Datum
um_document_row(PG_FUNCTION_ARGS)
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
um_document_end(PG_FUNCTION_ARGS)
{
	UmBatch	   *batch = batch_of(RelationGetRelid(trigger_data(fcinfo, false)->tg_relation));

	if (batch == NULL)
		return PointerGetDatum(NULL);
	um_batch_flush(batch);
	if (batch->load != NULL)
		um_load_close(batch->load);
	drop_batch(batch);
	return PointerGetDatum(NULL);
}

/*
 * UPDATE or DELETE ON a document view, for each row and statement: it looks
 * like a staging table, which people clear; behind it are the resources.
 */
Datum
um_document_refuse(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	const UmResource *resource;
	const char *noun;
	const char *label;
	bool		deletes;

	if (!CALLED_AS_TRIGGER(fcinfo))
		um_refuse_call("a trigger");
	resource = um_resource_of(fcinfo, "", "_document_refuse", false);
	noun = resource->model->noun;
	label = resource->model->label;
	deletes = TRIGGER_FIRED_BY_DELETE(data->tg_event);
	ereport(ERROR,
			(errcode(UM_UNSUPPORTED),
			 errmsg("%ss are not %s through \"%s\"", label, deletes ? "deleted" : "changed",
					RelationGetRelationName(data->tg_relation)),
			 deletes
			 ? errhint("DELETE FROM usage_mgmt.%s and usage_mgmt.delete_%s() delete %ss.",
					   noun, resource->plural, label)
			 : errhint("UPDATE usage_mgmt.%s and usage_mgmt.patch_%s() change %ss.",
					   noun, noun, label)));
}

static TriggerData *
trigger_data(FunctionCallInfo fcinfo, bool row)
{
	TriggerData *data = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || (TRIGGER_FIRED_FOR_ROW(data->tg_event) != 0) != row ||
		!TRIGGER_FIRED_BY_INSERT(data->tg_event))
		um_refuse_call("an INSERT trigger of a document view");
	return data;
}

static void
open_batch(Relation view, UmResource *resource)
{
	MemoryContext context = AllocSetContextCreate(TopTransactionContext, "usage batch",
												  ALLOCSET_DEFAULT_SIZES);
	UmBatch	   *batch = MemoryContextAllocZero(context, sizeof(UmBatch));
	int64		load = um_load_id();
	bool		kept = !is_nested() && (load != 0 || um_is_copy_into(RelationGetRelid(view)));
	MemoryContext old;

	batch->view = RelationGetRelid(view);
	batch->resource = resource;
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
	/* nothing can be marked without a status for it */
	if (batch->check == UM_CHECK_MARK && resource->life->rejected == 0)
		batch->check = UM_CHECK_REJECT;
	batch->fills = um_setting(UM_ON_MISSING) == UM_MISSING_FILL;
	old = MemoryContextSwitchTo(context);
	batch->rows = um_rows_start(resource->model, false);
	if (kept)
		batch->load = um_load_open(resource, batch->owner);
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
	UmFaults	faults = {um_default_version(batch->resource), NIL, 0};

	Assert(batch->count <= UM_BATCH_RECORDS);
	*item = (UmBatchItem) {
		.document = (text *) PG_DETOAST_DATUM_COPY(PointerGetDatum(document)),
		.number = ++batch->number, .fate = FATE_UNKNOWN
	};
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
			um_raise_faults(&faults, batch->resource->model, NULL);
		um_batch_judge(batch, item, um_faults_json(&faults, false));
	}
	MemoryContextSwitchTo(old);
	if (batch->count == UM_BATCH_RECORDS || batch->bytes >= BATCH_BYTES)
		um_batch_flush(batch);
}

static void
read_item(UmBatch *batch, UmBatchItem *item, UmFaults *faults)
{
	UmRecord   *record = um_batch_read(batch, item->document, faults, &item->filled);

	if (faults->list != NIL)
		return;
	if (batch->resource->date != NULL)
		make_row(batch, item, record);
	else
		store_alone(batch, item, record);
}

/* The row of a sound record, and what there is to know of it before it is stored. */
static void
make_row(UmBatch *batch, UmBatchItem *item, const UmRecord *record)
{
	const UmModel *model = record->model;
	UmFaults	faults = {um_default_version(batch->resource), NIL, 0};
	UmRecord	row = *record;
	Datum		now = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	MemoryContext old;

	item->suspect = um_batch_suspects(batch, record, &faults);
	item->key.content_hash = um_content_hash(record);
	item->key.date = DatumGetTimestampTz(record->value[model->date_slot]);
	/* a complete row needs nothing more of its trigger */
	if (row.state[model->receipt_slot] == UM_ABSENT)
		um_record_set(&row, model->receipt_slot, now);
	um_record_set(&row, model->change_slot, now);
	if (batch->load != NULL)
		um_record_set(&row, model->load_slot, Int64GetDatum(batch->load->id));
	item->row = um_rows_form(batch->rows, &row, (Datum) 0, batch->records);
	old = MemoryContextSwitchTo(batch->records);
	item->key.id = datumCopy(um_id(record), false, -1);
	if (batch->load != NULL)
		item->amounts = um_load_amounts(record);
	MemoryContextSwitchTo(old);
}

/* What has no ledger, as specifications, are few: each is posted by itself. */
static void
store_alone(UmBatch *batch, UmBatchItem *item, UmRecord *record)
{
	Single		single = {record, false};
	ErrorData  *error;

	batch->storing = true;
	SPI_connect();
	error = um_try(um_default_version(batch->resource), store, &single);
	batch->storing = false;
	item->fate = single.repeated ? FATE_REPEATED : FATE_STORED;
	/* before SPI takes the error with it */
	if (error != NULL)
		um_batch_judge_error(batch, item, error);
	SPI_finish();
}

static void
store(void *arg)
{
	Single	   *single = arg;

	(void) um_store_new(single->record, &single->repeated);
}
