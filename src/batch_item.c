/*
 * batch_item.c
 *	  One record of a batch: read, made a row, found to be at fault, or shown.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_index.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "batch_item.h"
#include "content.h"
#include "delivery.h"
#include "errors.h"
#include "lifecycle.h"
#include "rules.h"
#include "spec_check.h"
#include "store.h"
#include "tmf_read.h"
#include "types.h"

static bool complete(const UmBatch *batch, UmRecord *record, UmFaults *faults);
static bool is_partition_of(const UmResource *resource, Oid table);

/*
 * The same steps as a post: read, complete, check.  But a load makes nothing
 * up unless that is ordered; then it tells where it has.  The specification is
 * for what turns out to be new.
 */
UmRecord *
um_item_read(const UmBatch *batch, UmSlice document, UmFaults *faults, bool *filled)
{
	UmRecord   *record = um_read_document(document.ptr, document.len, batch->resource->model, faults);
	bool		readable = faults->list == NIL || ((UmFault *) linitial(faults->list))->path[0] != '\0';

	*filled = readable && complete(batch, record, faults);
	return record;
}

/* The same of the next element of an array; what is no JSON is in the scan. */
UmRecord *
um_item_read_element(const UmBatch *batch, UmScan *scan, UmFaults *faults, bool *filled)
{
	UmRecord   *record = um_read_element(scan, batch->resource->model, faults);

	*filled = scan->sqlstate == 0 && complete(batch, record, faults);
	return record;
}

/* True where anything was filled in. */
static bool
complete(const UmBatch *batch, UmRecord *record, UmFaults *faults)
{
	UmResource *resource = batch->resource;
	UmVersion	version = batch->refused != NULL ? batch->version : um_speaks(record, batch->version);
	bool		filled = batch->fills && um_fill(record, version, GetCurrentTransactionStartTimestamp());

	um_complete(record, NULL);
	if (record->state[record->model->id->slot] == UM_ABSENT)
		um_record_set(record, record->model->id->slot,
					  resource->date != NULL ? um_content_id(record) : um_new_id());
	um_check(record, NULL, faults);
	return filled;
}

/* The row of a sound record, and what there is to know of it before it is stored. */
void
um_item_row(UmBatch *batch, UmBatchItem *item, const UmRecord *record)
{
	const UmModel *model = record->model;
	UmFaults	faults = {batch->version, NIL, 0};
	UmRecord	row = *record;
	Datum		now = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	MemoryContext old;

	item->suspect = um_item_suspects(batch, record, &faults);
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

/* Whether the specification of a sound record is against it; adds what is. */
bool
um_item_suspects(const UmBatch *batch, const UmRecord *record, UmFaults *faults)
{
	if (batch->check == UM_CHECK_REJECT &&
		!um_status_in(um_record_status(record), batch->resource->life->rejected))
		um_check_specification_of(record, NULL, batch->owner, faults);
	return faults->list != NIL;
}

/* Puts a faulty record by. */
void
um_item_judge(UmBatch *batch, UmBatchItem *item, const UmFaults *faults)
{
	MemoryContext old;

	item->fate = FATE_REJECTED;
	if (batch->refused == NULL)
	{
		um_load_reject(batch->load, batch->resource, item->number, item->document,
					   um_faults_json(faults, false));
		return;
	}
	old = MemoryContextSwitchTo(batch->context);
	um_fault_element(batch->refused, faults, item->number);
	MemoryContextSwitchTo(old);
}

/* The same by an error, which may tell a record's faults one by one. */
void
um_item_judge_error(UmBatch *batch, UmBatchItem *item, const ErrorData *error)
{
	UmFaults	faults = {batch->version, NIL, 0};

	if (error->detail == NULL || !um_read_faults(&faults, error->detail))
		um_fault(&faults, NULL, error->sqlerrcode, "%s", error->message);
	um_item_judge(batch, item, &faults);
}

/* Tells of an element that its id is another's: what the caller may know of that. */
void
um_item_refuse_taken(UmBatch *batch, UmBatchItem *item, const UmRecord *record)
{
	UmFaults	faults = {batch->version, NIL, 0};

	/* there it is only counted */
	if (list_length(batch->refused->list) >= UM_MAX_FAULTS)
	{
		batch->refused->left_out++;
		return;
	}
	um_become_again(&batch->caller);
	(void) um_fault_taken(record, &faults);
	um_become(batch->owner, &batch->caller);
	um_item_judge(batch, item, &faults);
}

/* Shows an element as it is stored. */
void
um_item_show(UmBatch *batch, UmBatchItem *item, const UmRecord *stored)
{
	StringInfoData json;

	initStringInfo(&json);
	um_write_record(&json, stored, batch->version, batch->fields);
	item->answer = (UmSlice) {MemoryContextAlloc(batch->records, json.len), json.len};
	memcpy(unconstify(char *, item->answer.ptr), json.data, json.len);
}

/* The same of one that was there before, where the caller may see it.  Within SPI_connect. */
void
um_item_show_repeated(UmBatch *batch, UmBatchItem *item)
{
	UmFaults	faults = {batch->version, NIL, 0};
	UmKey		key = {.found = true, .date = item->key.date};
	UmRecord   *stored;
	MemoryContext old;

	MemoryContextReset(batch->scratch);
	old = MemoryContextSwitchTo(batch->scratch);
	stored = um_store_get(batch->resource, item->key.id, &key, false);
	if (stored != NULL)
		um_item_show(batch, item, stored);
	else
	{
		/* as a single post says it, of a row that went with its partition, too */
		um_fault(&faults, NULL, UM_ID_TAKEN, "%s \"%s\" exists with other content",
				 batch->resource->model->label, TextDatumGetCString(item->key.id));
		um_item_judge(batch, item, &faults);
	}
	MemoryContextSwitchTo(old);
}

/* Whether it was the ledger or the primary key of the table that refused a row. */
bool
um_is_id_taken(const UmResource *resource, const ErrorData *error)
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
	if (table != um_table(resource->ledger, true) && !is_partition_of(resource, table))
		return false;
	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	primary = HeapTupleIsValid(tuple) && ((Form_pg_index) GETSTRUCT(tuple))->indisprimary;
	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return primary;
}

/*
 * Whether a row was on its way into the default partition when that of its month
 * was made.  A constraint of the user's has a name.
 */
bool
um_is_partition_new(const UmResource *resource, const ErrorData *error)
{
	Oid			table;

	if (error->sqlerrcode != ERRCODE_CHECK_VIOLATION || error->schema_name == NULL ||
		error->table_name == NULL || error->constraint_name != NULL)
		return false;
	table = get_relname_relid(error->table_name, get_namespace_oid(error->schema_name, true));
	return OidIsValid(table) && is_partition_of(resource, table);
}

static bool
is_partition_of(const UmResource *resource, Oid table)
{
	return list_member_oid(get_partition_ancestors(table), um_table(resource->model->noun, true));
}

/* Errors that are the record's own: its content, or a right it would need. */
bool
um_is_record_fault(int sqlstate)
{
	int			category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_DATA_EXCEPTION || category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION ||
		category == ERRCODE_WITH_CHECK_OPTION_VIOLATION ||
		sqlstate == ERRCODE_INSUFFICIENT_PRIVILEGE ||
		sqlstate == ERRCODE_RAISE_EXCEPTION ||
		category == ERRCODE_TO_CATEGORY(UM_BILLED);
}
