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
#include "fmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "batch.h"
#include "batch_item.h"
#include "bulk.h"
#include "caller.h"
#include "compat.h"
#include "copy_form.h"
#include "errors.h"
#include "load.h"
#include "setting_table.h"
#include "settings.h"
#include "vouch.h"

#define BATCH_BYTES (16 * 1024 * 1024)

static UmBatch *innermost = NULL;

static TriggerData *trigger_data(FunctionCallInfo fcinfo, bool row);
static void open_batch(Relation view, UmResource *resource);
static bool is_nested(void);
static UmBatch *batch_of(Oid view);
static void drop_batch(UmBatch *batch);
static void flush(UmBatch *batch);
static void add_document(UmBatch *batch, text *document);
static void read_item(UmBatch *batch, UmBatchItem *item, UmFaults *faults);

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
	UmBatch    *batch = batch_of(RelationGetRelid(data->tg_relation));

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
	UmBatch    *batch = batch_of(RelationGetRelid(trigger_data(fcinfo, false)->tg_relation));

	if (batch == NULL)
		return PointerGetDatum(NULL);
	flush(batch);
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
	UmBatch    *batch = um_batch_start(resource, view->rd_rel->relowner, TopTransactionContext);
	int64		load = um_load_id();
	bool		kept = !is_nested() && (load != 0 || um_is_copy_into(RelationGetRelid(view)));
	MemoryContext old = MemoryContextSwitchTo(batch->context);

	batch->view = RelationGetRelid(view);
	batch->transaction = GetCurrentSubTransactionId();
	batch->keeps = kept && um_on_fault == UM_KEEP_FAULTS;
	batch->fills = um_setting(UM_ON_MISSING) == UM_MISSING_FILL;
	batch->items = palloc(sizeof(UmBatchItem *) * UM_BATCH_RECORDS);
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
	UmBatch    *batch = innermost;

	while (batch != NULL && batch->view != view)
		batch = batch->outer;
	return batch;
}

static void
drop_batch(UmBatch *batch)
{
	UmBatch   **link = &innermost;

	while (*link != batch)
	{
		Assert(*link != NULL);
		link = &(*link)->outer;
	}
	*link = batch->outer;
	MemoryContextDelete(batch->context);
}

/* Stores what the batch holds and forgets it. */
static void
flush(UmBatch *batch)
{
	um_batch_flush(batch);
	MemoryContextReset(batch->records);
	batch->count = 0;
	batch->bytes = 0;
}

/* Reads a document into the batch; a faulty one is judged at once. */
static void
add_document(UmBatch *batch, text *document)
{
	MemoryContext old = MemoryContextSwitchTo(batch->records);
	UmBatchItem *item = palloc0(sizeof(UmBatchItem));
	UmFaults	faults = {batch->version, NIL, 0};

	Assert(batch->count < UM_BATCH_RECORDS);
	batch->items[batch->count++] = item;
	item->document = um_text_slice(PointerGetDatum(PG_DETOAST_DATUM_COPY(PointerGetDatum(document))));
	item->number = ++batch->number;
	batch->bytes += item->document.len;
	MemoryContextReset(batch->scratch);
	MemoryContextSwitchTo(batch->scratch);
	if (batch->keeps && item->document.len > UM_LONGEST_KEPT)
		um_fault(&faults, NULL, UM_TOO_MUCH,
				 "a document of %d bytes, more than %d: its first megabyte was kept",
				 item->document.len, UM_LONGEST_KEPT);
	else if (batch->copy != NULL && !um_is_line_whole(batch->copy))
		um_fault(&faults, NULL, UM_NOT_JSON,
				 "not JSON: a control character in a string, which COPY has taken for a quote");
	else
		read_item(batch, item, &faults);
	if (faults.list != NIL)
	{
		if (!batch->keeps)
			um_raise_faults(&faults, batch->resource->model, NULL);
		um_item_judge(batch, item, &faults);
	}
	MemoryContextSwitchTo(old);
	if (batch->count == UM_BATCH_RECORDS || batch->bytes >= BATCH_BYTES)
		flush(batch);
}

static void
read_item(UmBatch *batch, UmBatchItem *item, UmFaults *faults)
{
	UmRecord   *record = um_item_read(batch, item->document, faults, &item->filled);

	if (faults->list != NIL)
		return;
	if (batch->resource->date != NULL)
		um_item_row(batch, item, record);
	else
		um_batch_store_alone(batch, item, record);
}
