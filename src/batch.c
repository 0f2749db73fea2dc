/*
 * batch.c
 *	  The records of a load, a thousand at a time, and what becomes of them.
 *
 * Ids are looked up in the ledger, what is new goes into usage by one INSERT …
 * SELECT from a tuplestore, so that triggers, row security and foreign engines
 * keep working.  It runs in a subtransaction: a record that fails it is found
 * by halving and becomes a reject, an id that another session stored meanwhile
 * is looked at again.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "batch.h"
#include "caller.h"
#include "compat.h"
#include "content.h"
#include "delivery.h"
#include "errors.h"
#include "lifecycle.h"
#include "row.h"
#include "rules.h"
#include "spec_check.h"
#include "store.h"
#include "tmf_read.h"
#include "types.h"
#include "vouch.h"

static void look_up(UmBatch *batch, bool ask_ledger);
static void ask(UmBatch *batch, UmBatchItem **open, int count);
static int	compare_items(const void *a, const void *b);
static int	compare_ids(Datum a, Datum b);
static void decide_all(UmBatch *batch, UmBatchItem **open, int count, SPITupleTable *known,
					   uint64 known_count);
static void decide(UmBatch *batch, UmBatchItem *item, const UmKey *key);
static void judge_suspects(UmBatch *batch);
static void judge_suspect(UmBatch *batch, UmBatchItem *item);
static void insert_new(UmBatch *batch, int from, int to, bool again);
static void insert_rows(void *arg);
static void let_go_of_unused(MemoryContext context);
static Size bytes_in_use(MemoryContext context, Size *blocks);
static bool is_faster(const UmBatch *batch, const UmBatchItem *item, const ErrorData *error);
static bool is_id_taken(const UmResource *resource, const ErrorData *error);
static bool is_partition_new(const UmResource *resource, const ErrorData *error);
static bool is_partition_of(const UmResource *resource, Oid table);
static bool is_record_fault(int sqlstate);
static int	count_fate(const UmBatch *batch, UmFate fate);
static void change_fate(UmBatch *batch, int from, int to, UmFate old, UmFate fate);
static void keep_books(UmBatch *batch);
static char *error_as_fault(const ErrorData *error);

/*
 * The same steps as a post: read, complete, check.  But a load makes nothing
 * up unless that is ordered; then it tells where it has.  The specification is
 * for what turns out to be new.
 */
UmRecord *
um_batch_read(const UmBatch *batch, const text *document, UmFaults *faults, bool *filled)
{
	UmResource *resource = batch->resource;
	UmRecord   *record = um_read_document(VARDATA_ANY(document), VARSIZE_ANY_EXHDR(document),
										  resource->model, faults);
	bool		readable = faults->list == NIL || ((UmFault *) linitial(faults->list))->path[0] != '\0';

	*filled = false;
	if (!readable)
		return record;
	if (batch->fills)
		*filled = um_fill(record, um_speaks(record, um_default_version(resource)),
						  GetCurrentTransactionStartTimestamp());
	um_complete(record, NULL);
	if (record->state[record->model->id->slot] == UM_ABSENT)
		um_record_set(record, record->model->id->slot,
					  resource->date != NULL ? um_content_id(record) : um_new_id());
	um_check(record, NULL, faults);
	return record;
}

/* Whether the specification of a sound record is against it; adds what is. */
bool
um_batch_suspects(const UmBatch *batch, const UmRecord *record, UmFaults *faults)
{
	if (batch->check == UM_CHECK_REJECT &&
		!um_status_in(um_record_status(record), batch->resource->life->rejected))
		um_check_specification_of(record, NULL, batch->owner, faults);
	return faults->list != NIL;
}

/* Puts a faulty record by; errors is a JSON array. */
void
um_batch_judge(UmBatch *batch, UmBatchItem *item, const char *errors)
{
	item->fate = FATE_REJECTED;
	um_load_reject(batch->load, batch->resource, item->number, item->document, errors);
}

/* The same by an error; raised again where faults are not kept, or it is not the record's. */
void
um_batch_judge_error(UmBatch *batch, UmBatchItem *item, ErrorData *error)
{
	if (!batch->keeps || !is_record_fault(error->sqlerrcode))
		ReThrowError(error);
	um_batch_judge(batch, item, error_as_fault(error));
}

/*
 * Stores what the batch holds and forgets it.  A round decides what the ledger
 * knows and inserts the first record of every id that it does not; the second
 * one of an id, or one that another session was faster with, is decided in the
 * next round.
 */
void
um_batch_flush(UmBatch *batch)
{
	int			idle = 0;
	bool		ask = !batch->expects_new;

	if (batch->count == 0)
		return;
	/* the INSERT, which could tell instead, is not for these */
	for (int i = 0; i < batch->count; i++)
		ask |= batch->items[i].suspect;
	batch->storing = true;
	SPI_connect();
	while (count_fate(batch, FATE_UNKNOWN) > 0)
	{
		int			before = count_fate(batch, FATE_UNKNOWN);

		look_up(batch, ask);
		judge_suspects(batch);
		insert_new(batch, 0, batch->count, idle > 0);
		/* a snapshot that cannot see the other's row would go round for ever */
		idle = !ask || count_fate(batch, FATE_UNKNOWN) < before ? 0 : idle + 1;
		ask = true;
		if (idle > 3)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not store %ss that another transaction stores",
							batch->resource->model->label)));
	}
	batch->expects_new = count_fate(batch, FATE_REPEATED) + count_fate(batch, FATE_CONFLICTING) == 0;
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
look_up(UmBatch *batch, bool ask_ledger)
{
	UmBatchItem **open = palloc(sizeof(UmBatchItem *) * batch->count);
	int			count = 0;

	for (int i = 0; i < batch->count; i++)
		if (batch->items[i].fate == FATE_UNKNOWN)
			open[count++] = &batch->items[i];
	qsort(open, count, sizeof(UmBatchItem *), compare_items);
	if (ask_ledger)
		ask(batch, open, count);
	else
		decide_all(batch, open, count, NULL, 0);
}

/* Asks the ledger about records in the order of their ids, as the owner of the view. */
static void
ask(UmBatch *batch, UmBatchItem **open, int count)
{
	UmPlan	   *plan = um_plan(batch->resource, UM_PLAN_KEYS, "SELECT " UM_KEY_COLUMNS " FROM {ledger} k "
							   "WHERE k.id OPERATOR(pg_catalog.=) ANY ($1) ORDER BY k.id", 1,
							   (Oid[]) {TEXTARRAYOID});
	Datum	   *ids = palloc(sizeof(Datum) * count);
	Datum		array;
	SPITupleTable *known;
	uint64		known_count;
	int			settings;

	for (int i = 0; i < count; i++)
		ids[i] = open[i]->key.id;
	array = PointerGetDatum(construct_array(ids, count, TEXTOID, -1, false, TYPALIGN_INT));
	um_become(batch->owner, &batch->caller);
	settings = um_prefer("enable_seqscan");
	um_execute(um_prepare(plan), &array, NULL, false, 0);
	AtEOXact_GUC(true, settings);
	known = SPI_tuptable;
	known_count = SPI_processed;
	decide_all(batch, open, count, known, known_count);
	um_become_again(&batch->caller);
	SPI_freetuptable(known);
}

static int
compare_items(const void *a, const void *b)
{
	const UmBatchItem *x = *(UmBatchItem *const *) a;
	const UmBatchItem *y = *(UmBatchItem *const *) b;
	int			order = compare_ids(x->key.id, y->key.id);

	return order != 0 ? order : x->number < y->number ? -1 : 1;
}

static int
compare_ids(Datum a, Datum b)
{
	UmSlice		x = um_text_slice(a);
	UmSlice		y = um_text_slice(b);
	int			order = memcmp(x.ptr, y.ptr, Min(x.len, y.len));

	return order != 0 ? order : x.len - y.len;
}

/* Merges the undecided records with what the ledger answered, both by id. */
static void
decide_all(UmBatch *batch, UmBatchItem **open, int count, SPITupleTable *known, uint64 known_count)
{
	uint64		k = 0;
	bool		null;

	for (int i = 0; i < count; i++)
	{
		int			order = -1;
		UmKey		key;

		while (k < known_count &&
			   (order = compare_ids(SPI_getbinval(known->vals[k], known->tupdesc, 1, &null),
									open[i]->key.id)) < 0)
			k++;
		if (order == 0)
		{
			key = um_key_from(known->vals[k], known->tupdesc);
			decide(batch, open[i], &key);
		}
		else if (i == 0 || compare_ids(open[i - 1]->key.id, open[i]->key.id) != 0)
			open[i]->fate = FATE_NEW;
	}
}

/* A record whose id the ledger has. */
static void
decide(UmBatch *batch, UmBatchItem *item, const UmKey *key)
{
	UmFaults	faults = {um_default_version(batch->resource), NIL, 0};
	UmRecord   *record;
	UmRecord   *stored;
	bool		filled;

	if (um_same_hash(item->key.content_hash, key->content_hash))
	{
		item->fate = FATE_REPEATED;
		return;
	}
	record = um_batch_read(batch, item->document, &faults, &filled);
	stored = um_store_get(batch->resource, item->key.id, key, false);
	if (stored != NULL && um_is_repeat(record, stored, key))
	{
		item->fate = FATE_REPEATED;
		return;
	}
	if (!batch->keeps)
	{
		um_become_again(&batch->caller);
		um_refuse_taken(record);
	}
	item->fate = FATE_CONFLICTING;
	um_load_conflict(batch->load, batch->resource, item->number, item->key.id, item->document, stored);
}

/* Judges those of which the ledger knows nothing. */
static void
judge_suspects(UmBatch *batch)
{
	for (int i = 0; i < batch->count; i++)
		if (batch->items[i].suspect && batch->items[i].fate == FATE_NEW)
			judge_suspect(batch, &batch->items[i]);
}

/* What is against a record that is new.  It is read again, for few are. */
static void
judge_suspect(UmBatch *batch, UmBatchItem *item)
{
	UmFaults	faults = {um_default_version(batch->resource), NIL, 0};
	UmRecord   *record;
	bool		filled;
	MemoryContext old;

	MemoryContextReset(batch->scratch);
	old = MemoryContextSwitchTo(batch->scratch);
	record = um_batch_read(batch, item->document, &faults, &filled);
	/* its specification may have changed meanwhile */
	if (um_batch_suspects(batch, record, &faults))
	{
		if (!batch->keeps)
			um_refuse_row(record, &faults, NULL);
		um_batch_judge(batch, item, um_faults_json(&faults, false));
	}
	MemoryContextSwitchTo(old);
}

/*
 * Inserts the new ones of a range.  Where one of them fails on its content, the
 * range is halved until it stands alone and can be put by.  A key that exists
 * is that of somebody faster, to be looked at first; only if that finds nothing
 * it is a fault of the record, by a unique index or a trigger of the user's.
 */
static void
insert_new(UmBatch *batch, int from, int to, bool again)
{
	int			count = 0;
	ErrorData  *error;

	for (int i = from; i < to; i++)
		count += batch->items[i].fate == FATE_NEW;
	if (count == 0)
		return;
	batch->from = from;
	batch->to = to;
	error = um_try(um_default_version(batch->resource), insert_rows, batch);
	if (error == NULL)
	{
		change_fate(batch, from, to, FATE_NEW, FATE_STORED);
		return;
	}
	if ((error->sqlerrcode == UM_ID_TAKEN || is_partition_new(batch->resource, error)) && !again)
	{
		/* the ledger was not asked, or another session was faster: look again */
		change_fate(batch, from, to, FATE_NEW, FATE_UNKNOWN);
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
		UmBatchItem *item = &batch->items[i];

		if (item->fate != FATE_NEW)
			continue;
		if (error->sqlerrcode == UM_ID_TAKEN && is_faster(batch, item, error))
			item->fate = FATE_UNKNOWN;
		else if (!batch->keeps)
			ReThrowError(error);
		else
			um_batch_judge(batch, item, error_as_fault(error));
	}
}

/* Those of a range that are new, by one statement. */
static void
insert_rows(void *arg)
{
	UmBatch    *batch = arg;
	UmVouched **rows = palloc(sizeof(UmVouched *) * (batch->to - batch->from));
	int			count = 0;

	um_rows_clear(batch->rows);
	for (int i = batch->from; i < batch->to; i++)
	{
		if (batch->items[i].fate != FATE_NEW)
			continue;
		um_rows_put(batch->rows, batch->items[i].row);
		rows[count++] = &batch->items[i].key;
	}
	/* what the specification check may change is not vouched for */
	if (batch->check != UM_CHECK_MARK)
		um_vouch(batch->resource, rows, count, UM_WHATEVER_CHECK);
	/* what is not there must not be counted as stored */
	if (um_rows_insert(batch->rows) != (uint64) count)
		ereport(ERROR,
				(errcode(UM_RULE),
				 errmsg("a trigger of \"%s\" left the row out", batch->resource->model->noun)));
	um_vouch_no_more();
	let_go_of_unused(CurTransactionContext);
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

/* Whether a key exists because another session stored the same id meanwhile. */
static bool
is_faster(const UmBatch *batch, const UmBatchItem *item, const ErrorData *error)
{
	/* its key may be out of sight */
	if (IsolationUsesXactSnapshot())
		return is_id_taken(batch->resource, error);
	return um_store_key(batch->resource, item->key.id, false).found;
}

/* Whether it was the ledger or the primary key of the table that refused a row. */
static bool
is_id_taken(const UmResource *resource, const ErrorData *error)
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
static bool
is_partition_new(const UmResource *resource, const ErrorData *error)
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
count_fate(const UmBatch *batch, UmFate fate)
{
	int			count = 0;

	for (int i = 0; i < batch->count; i++)
		count += batch->items[i].fate == fate;
	return count;
}

static void
change_fate(UmBatch *batch, int from, int to, UmFate old, UmFate fate)
{
	for (int i = from; i < to; i++)
		if (batch->items[i].fate == old)
			batch->items[i].fate = fate;
}

static void
keep_books(UmBatch *batch)
{
	if (batch->load == NULL)
		return;
	batch->load->read += batch->count;
	batch->load->stored += count_fate(batch, FATE_STORED);
	batch->load->repeated += count_fate(batch, FATE_REPEATED);
	batch->load->conflicting += count_fate(batch, FATE_CONFLICTING);
	batch->load->rejected += count_fate(batch, FATE_REJECTED);
	for (int i = 0; i < batch->count; i++)
	{
		const UmBatchItem *item = &batch->items[i];

		if (item->fate != FATE_STORED)
			continue;
		batch->load->filled += item->filled;
		if (batch->resource->date != NULL)
			um_load_add(batch->load, item->key.date, item->amounts);
	}
}

static char *
error_as_fault(const ErrorData *error)
{
	UmFaults	faults = {.list = NIL};

	/* a record's faults are a JSON array already */
	if (error->detail != NULL && error->detail[0] == '[' && error->detail[1] == '{')
		return error->detail;
	um_fault(&faults, NULL, error->sqlerrcode, "%s", error->message);
	return um_faults_json(&faults, false);
}
