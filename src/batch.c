/*
 * batch.c
 *	  The records of a load or an array, a thousand at a time, and what becomes of them.
 *
 * Ids are looked up in the ledger, what is new goes into usage by one INSERT …
 * SELECT from a tuplestore, so that triggers, row security and foreign engines
 * keep working.  It runs in a subtransaction: a record that fails it is found
 * by halving and becomes a reject, an id that another session stored meanwhile
 * is looked at again.
 *
 * The elements of an array are stored all or none.  No books are kept of them;
 * what is at fault is collected, and they are shown as they were stored.  They
 * go in by the order of their ids, so that of two arrays with ids in common one
 * waits for the other, and not each for the other.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "batch.h"
#include "batch_item.h"
#include "caller.h"
#include "compat.h"
#include "content.h"
#include "delivery.h"
#include "errors.h"
#include "row.h"
#include "store.h"
#include "vouch.h"

/* Memory that is not given back between batches: rows and documents of 1 kB, one record. */
#define RECORDS_KEPT (3 * 1024 * 1024)
#define SCRATCH_KEPT (64 * 1024)

/* A record that is stored by itself. */
typedef struct Single
{
	UmRecord   *record;
	bool		repeated;
} Single;

static void store(void *arg);
static void store_element_alone(UmBatch *batch, UmBatchItem *item);
static void look_up(UmBatch *batch, bool ask_ledger);
static void ask(UmBatch *batch, UmBatchItem **open, int count);
static int	compare_items(const void *a, const void *b);
static int	compare_ids(Datum a, Datum b);
static void decide_all(UmBatch *batch, UmBatchItem **open, int count, SPITupleTable *known,
					   uint64 known_count);
static bool are_in_order(SPITupleTable *known, uint64 count) pg_attribute_unused();
static void decide(UmBatch *batch, UmBatchItem *item, const UmKey *key);
static void judge_suspects(UmBatch *batch);
static void judge_suspect(UmBatch *batch, UmBatchItem *item);
static void insert_new(UmBatch *batch, int from, int to, bool again);
static void insert_rows(void *arg);
static void show_inserted(UmBatch *batch);
static void show_repeated(UmBatch *batch);
static void let_go_of_unused(MemoryContext context);
static Size bytes_in_use(MemoryContext context, Size *blocks);
static bool is_faster(const UmBatch *batch, const UmBatchItem *item, const ErrorData *error);
static int	count_fate(const UmBatch *batch, UmFate fate);
static void change_fate(UmBatch *batch, int from, int to, UmFate old, UmFate fate);
static void keep_books(UmBatch *batch);

/* A batch without records, that makes nothing up and keeps nothing. */
UmBatch *
um_batch_start(UmResource *resource, Oid owner, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "usage batch", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	UmBatch    *batch = palloc0(sizeof(UmBatch));

	batch->resource = resource;
	batch->version = um_default_version(resource);
	batch->owner = owner;
	batch->context = context;
	batch->records = GenerationContextCreate(context, "usage batch records", RECORDS_KEPT,
											 ALLOCSET_DEFAULT_INITSIZE, ALLOCSET_DEFAULT_MAXSIZE);
	batch->scratch = AllocSetContextCreate(context, "usage record", SCRATCH_KEPT, SCRATCH_KEPT,
										   ALLOCSET_DEFAULT_MAXSIZE);
	batch->rows = um_rows_start(resource->model, false);
	batch->expects_new = true;
	batch->check = um_setting(UM_CHECK_SPECIFICATION);
	/* nothing can be marked without a status for it */
	if (batch->check == UM_CHECK_MARK && resource->life->rejected == 0)
		batch->check = UM_CHECK_REJECT;
	MemoryContextSwitchTo(old);
	return batch;
}

/* What has no ledger, as specifications, are few: each is posted by itself. */
void
um_batch_store_alone(UmBatch *batch, UmBatchItem *item, UmRecord *record)
{
	Single		single = {record, false};
	ErrorData  *error;

	batch->storing = true;
	SPI_connect();
	error = um_try(batch->version, store, &single);
	batch->storing = false;
	item->fate = single.repeated ? FATE_REPEATED : FATE_STORED;
	/* before SPI takes the error with it */
	if (error != NULL && (!batch->keeps || !um_is_record_fault(error->sqlerrcode)))
		ReThrowError(error);
	if (error != NULL)
		um_item_judge_error(batch, item, error);
	else if (batch->refused != NULL && single.record != NULL)
		um_item_show(batch, item, single.record);
	SPI_finish();
}

static void
store(void *arg)
{
	Single	   *single = arg;

	single->record = um_store_new(single->record, &single->repeated);
}

/*
 * Stores the sound elements of an array.  Where some are at fault already, ids
 * are only looked up, to tell of those that are taken.
 */
void
um_batch_store(UmBatch *batch, const List *items)
{
	int			count = list_length(items);
	UmBatchItem **sorted = palloc(sizeof(UmBatchItem *) * Max(count, 1));
	bool		faulty = batch->refused->list != NIL;

	/* SPI leaves there what is read of stored records */
	MemoryContext old = MemoryContextSwitchTo(batch->scratch);

	for (int i = 0; i < count; i++)
		sorted[i] = list_nth(items, i);
	qsort(sorted, count, sizeof(UmBatchItem *), compare_items);
	for (int i = 0; i < count; i += batch->count)
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(batch->scratch);
		batch->dry = faulty || list_length(batch->refused->list) >= UM_MAX_FAULTS;
		batch->items = sorted + i;
		batch->count = batch->resource->date == NULL ? 1 : Min(count - i, UM_BATCH_RECORDS);
		if (batch->resource->date != NULL)
			um_batch_flush(batch);
		else
			store_element_alone(batch, sorted[i]);
	}
	MemoryContextSwitchTo(old);
}

/* Its record is read again: it is the larger the fewer there are. */
static void
store_element_alone(UmBatch *batch, UmBatchItem *item)
{
	UmFaults	faults = {batch->version, NIL, 0};
	UmRecord   *record = um_item_read(batch, item->document, &faults, &item->filled);

	um_record_set(record, record->model->id->slot, item->key.id);
	um_batch_store_alone(batch, item, record);
}

/*
 * Stores what the batch holds.  A round decides what the ledger knows and
 * inserts the first record of every id that it does not; the second one of an
 * id, or one that another session was faster with, is decided in the next
 * round.
 */
void
um_batch_flush(UmBatch *batch)
{
	int			idle = 0;
	bool		ask = !batch->expects_new || batch->dry;

	if (batch->count == 0)
		return;
	/* the INSERT, which could tell instead, is not for these */
	for (int i = 0; i < batch->count; i++)
		ask |= batch->items[i]->suspect;
	batch->storing = true;
	SPI_connect();
	while (count_fate(batch, FATE_UNKNOWN) > 0)
	{
		int			before = count_fate(batch, FATE_UNKNOWN);

		look_up(batch, ask);
		judge_suspects(batch);
		if (batch->dry)
			break;
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
	if (batch->refused != NULL)
		show_repeated(batch);
	SPI_finish();
	batch->storing = false;
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
		if (batch->items[i]->fate == FATE_UNKNOWN)
			open[count++] = batch->items[i];
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

	Assert(are_in_order(known, known_count));
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

/* In the order of another collation, some would be passed over. */
static bool
are_in_order(SPITupleTable *known, uint64 count)
{
	bool		null;

	for (uint64 k = 1; k < count; k++)
		if (compare_ids(SPI_getbinval(known->vals[k - 1], known->tupdesc, 1, &null),
						SPI_getbinval(known->vals[k], known->tupdesc, 1, &null)) >= 0)
			return false;
	return true;
}

/* A record whose id the ledger has. */
static void
decide(UmBatch *batch, UmBatchItem *item, const UmKey *key)
{
	UmFaults	faults = {batch->version, NIL, 0};
	UmRecord   *record;
	UmRecord   *stored;
	bool		filled;

	/* where an array's is looked for that is shown */
	item->key.date = key->date;
	if (um_same_hash(item->key.content_hash, key->content_hash))
	{
		item->fate = FATE_REPEATED;
		return;
	}
	record = um_item_read(batch, item->document, &faults, &filled);
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
	if (batch->refused != NULL)
		um_item_refuse_taken(batch, item, record);
	else
		um_load_conflict(batch->load, batch->resource, item->number, item->key.id, item->document,
						 stored);
	item->fate = FATE_CONFLICTING;
}

/* Judges those of which the ledger knows nothing. */
static void
judge_suspects(UmBatch *batch)
{
	for (int i = 0; i < batch->count; i++)
		if (batch->items[i]->suspect && batch->items[i]->fate == FATE_NEW)
			judge_suspect(batch, batch->items[i]);
}

/* What is against a record that is new.  It is read again, for few are. */
static void
judge_suspect(UmBatch *batch, UmBatchItem *item)
{
	UmFaults	faults = {batch->version, NIL, 0};
	UmRecord   *record;
	bool		filled;
	MemoryContext old;

	MemoryContextReset(batch->scratch);
	old = MemoryContextSwitchTo(batch->scratch);
	record = um_item_read(batch, item->document, &faults, &filled);
	/* its specification may have changed meanwhile */
	if (um_item_suspects(batch, record, &faults))
	{
		if (!batch->keeps)
			um_refuse_row(record, &faults, NULL);
		um_item_judge(batch, item, &faults);
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
		count += batch->items[i]->fate == FATE_NEW;
	if (count == 0)
		return;
	batch->from = from;
	batch->to = to;
	error = um_try(batch->version, insert_rows, batch);
	if (error == NULL)
	{
		change_fate(batch, from, to, FATE_NEW, FATE_STORED);
		return;
	}
	if ((error->sqlerrcode == UM_ID_TAKEN || um_is_partition_new(batch->resource, error)) && !again)
	{
		/* the ledger was not asked, or another session was faster: look again */
		change_fate(batch, from, to, FATE_NEW, FATE_UNKNOWN);
		return;
	}
	if (error->sqlerrcode != UM_ID_TAKEN && (!batch->keeps || !um_is_record_fault(error->sqlerrcode)))
		ReThrowError(error);
	if (count > 1)
	{
		insert_new(batch, from, (from + to) / 2, again);
		insert_new(batch, (from + to) / 2, to, again);
		return;
	}
	for (int i = from; i < to; i++)
	{
		UmBatchItem *item = batch->items[i];

		if (item->fate != FATE_NEW)
			continue;
		if (error->sqlerrcode == UM_ID_TAKEN && is_faster(batch, item, error))
			item->fate = FATE_UNKNOWN;
		else if (!batch->keeps)
			ReThrowError(error);
		else
			um_item_judge_error(batch, item, error);
	}
}

/* Those of a range that are new, by one statement. */
static void
insert_rows(void *arg)
{
	UmBatch    *batch = arg;
	UmVouched **rows = palloc(sizeof(UmVouched *) * (batch->to - batch->from));
	bool		shown = batch->refused != NULL;
	int			count = 0;
	uint64		stored;

	um_rows_clear(batch->rows);
	for (int i = batch->from; i < batch->to; i++)
	{
		if (batch->items[i]->fate != FATE_NEW)
			continue;
		um_rows_put(batch->rows, batch->items[i]->row);
		rows[count++] = &batch->items[i]->key;
	}
	/* what the specification check may change is not vouched for */
	if (batch->check != UM_CHECK_MARK)
		um_vouch(batch->resource, rows, count, UM_WHATEVER_CHECK);
	stored = um_rows_insert(batch->rows, shown);
	/* what is not there must not be counted as stored; which one it is, halving tells */
	if (stored != (uint64) count && !(shown && count == 1))
		ereport(ERROR,
				(errcode(UM_RULE),
				 errmsg("a trigger of \"%s\" left the row out", batch->resource->model->noun)));
	um_vouch_no_more();
	if (shown)
		show_inserted(batch);
	let_go_of_unused(CurTransactionContext);
}

/* Those that an INSERT has returned, which are as many and in the same order. */
static void
show_inserted(UmBatch *batch)
{
	SPITupleTable *rows = SPI_tuptable;
	const UmModel *model = batch->resource->model;
	UmShape    *shape = um_shape(model, rows->tupdesc, model->noun);
	uint64		next = 0;

	for (int i = batch->from; i < batch->to && next < rows->numvals; i++)
	{
		MemoryContext old;

		if (batch->items[i]->fate != FATE_NEW)
			continue;
		MemoryContextReset(batch->scratch);
		old = MemoryContextSwitchTo(batch->scratch);
		um_item_show(batch, batch->items[i], um_record_from_tuple(shape, rows->tupdesc, rows->vals[next++]));
		MemoryContextSwitchTo(old);
	}
	SPI_freetuptable(rows);
}

/* Those that were there before. */
static void
show_repeated(UmBatch *batch)
{
	for (int i = 0; i < batch->count && batch->refused->list == NIL; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (batch->items[i]->fate == FATE_REPEATED)
			um_item_show_repeated(batch, batch->items[i]);
	}
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
		return um_is_id_taken(batch->resource, error);
	return um_store_key(batch->resource, item->key.id, false).found;
}

static int
count_fate(const UmBatch *batch, UmFate fate)
{
	int			count = 0;

	for (int i = 0; i < batch->count; i++)
		count += batch->items[i]->fate == fate;
	return count;
}

static void
change_fate(UmBatch *batch, int from, int to, UmFate old, UmFate fate)
{
	for (int i = from; i < to; i++)
		if (batch->items[i]->fate == old)
			batch->items[i]->fate = fate;
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
		const UmBatchItem *item = batch->items[i];

		if (item->fate != FATE_STORED)
			continue;
		batch->load->filled += item->filled;
		if (batch->resource->date != NULL)
			um_load_add(batch->load, item->key.date, item->amounts);
	}
}
