/*
 * rest_many.c
 *	  Many resources posted at once, as an array.
 *
 * They are read one by one, and stored as the records of a load are, in batches
 * (batch.c); but all of them or none, and what is answered is what is stored,
 * in the order of the array.  What is at fault with any of them is told of all.
 */
#include "postgres.h"

#include "access/table.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "batch_item.h"
#include "errors.h"
#include "rest.h"
#include "setting_table.h"
#include "types.h"

/* More are a file to be loaded. */
#define MAX_ELEMENTS 100000

static UmBatch *start(UmRequest *request, UmFields *fields);
static List *read_elements(UmBatch *batch, UmSlice body);
static UmBatchItem *read_element(UmBatch *batch, UmScan *scan, int number);
static void refuse_text(UmBatch *batch, const UmScan *scan, int number);
static void write_elements(UmAnswer *answer, const List *elements);

/* 201 where any of them is new, else 200: then the array has added nothing. */
void
um_rest_post_many(UmRequest *request, UmFields *fields, UmAnswer *answer)
{
	UmBatch    *batch = start(request, fields);
	List	   *elements = read_elements(batch, request->body);

	um_batch_store(batch, elements);
	um_raise_faults(batch->refused, request->resource->model, NULL);
	write_elements(answer, elements);
	MemoryContextDelete(batch->context);
}

/* A batch that fills in what a post does, and collects what is at fault. */
static UmBatch *
start(UmRequest *request, UmFields *fields)
{
	Relation	table = table_open(um_table(request->resource->model->noun, false), AccessShareLock);
	UmBatch    *batch;

	um_settings_look();
	batch = um_batch_start(request->resource, table->rd_rel->relowner, CurrentMemoryContext);
	table_close(table, NoLock);
	batch->version = request->version;
	batch->keeps = batch->fills = true;
	batch->refused = &request->faults;
	batch->fields = fields;
	return batch;
}

/* Those that are sound; what is wrong with the others is with the batch. */
static List *
read_elements(UmBatch *batch, UmSlice body)
{
	List	   *elements = NIL;
	UmScan		scan;
	int			number = 0;

	um_scan_init(&scan, body.ptr, body.len);
	if (um_scan_peek(&scan) == UM_ARRAY_TOKEN)
		um_scan_enter(&scan);
	for (; um_scan_element(&scan); number++)
	{
		UmBatchItem *element;

		if (number == MAX_ELEMENTS)
			ereport(ERROR,
					(errcode(UM_TOO_MUCH),
					 errmsg("the array has more than %d elements", MAX_ELEMENTS)));
		element = read_element(batch, &scan, number);
		if (element != NULL)
			elements = lappend(elements, element);
		else if (scan.sqlstate != 0)
			refuse_text(batch, &scan, number);
	}
	if (!um_scan_finish(&scan))
		refuse_text(batch, &scan, -1);
	return elements;
}

/* NULL for one that is at fault. */
static UmBatchItem *
read_element(UmBatch *batch, UmScan *scan, int number)
{
	UmBatchItem *element = MemoryContextAllocZero(batch->records, sizeof(UmBatchItem));
	UmFaults	faults = {batch->version, NIL, 0};
	MemoryContext old;
	UmRecord   *record;

	MemoryContextReset(batch->scratch);
	old = MemoryContextSwitchTo(batch->scratch);
	element->number = number;
	element->document.ptr = scan->pos;
	record = um_item_read_element(batch, scan, &faults, &element->filled);
	element->document.len = scan->pos - element->document.ptr;
	if (faults.list != NIL)
		um_item_judge(batch, element, &faults);
	else if (scan->sqlstate == 0 && batch->resource->date != NULL)
		um_item_row(batch, element, record);
	MemoryContextSwitchTo(old);
	if (faults.list != NIL || scan->sqlstate != 0)
		return NULL;
	if (batch->resource->date == NULL)
	{
		old = MemoryContextSwitchTo(batch->records);
		element->key.id = datumCopy(um_id(record), false, -1);
		MemoryContextSwitchTo(old);
	}
	return element;
}

/* What is no JSON, in an element or between them: then nothing else is known for sure. */
static void
refuse_text(UmBatch *batch, const UmScan *scan, int number)
{
	UmFaults	faults = {batch->version, NIL, 0};

	um_fault(&faults, NULL, scan->sqlstate, "%s", scan->message);
	if (number >= 0)
	{
		batch->refused->list = NIL;
		um_fault_element(batch->refused, &faults, number);
	}
	else
		*batch->refused = faults;
	um_raise_faults(batch->refused, batch->resource->model, NULL);
}

/* Without those that a trigger of the user's has left out. */
static void
write_elements(UmAnswer *answer, const List *elements)
{
	ListCell   *cell;
	Size		bytes = 2;

	answer->status = 200;
	foreach(cell, elements)
		bytes += ((UmBatchItem *) lfirst(cell))->answer.len + 1;
	if (bytes < MaxAllocSize)
		enlargeStringInfo(&answer->body, bytes);
	appendStringInfoChar(&answer->body, '[');
	foreach(cell, elements)
	{
		const UmBatchItem *element = lfirst(cell);

		CHECK_FOR_INTERRUPTS();
		if (element->answer.ptr == NULL)
			continue;
		if (element->fate == FATE_STORED)
			answer->status = 201;
		if (answer->body.len > 1)
			appendStringInfoChar(&answer->body, ',');
		appendBinaryStringInfo(&answer->body, element->answer.ptr, element->answer.len);
	}
	appendStringInfoChar(&answer->body, ']');
}
