/*
 * outbox.c
 *	  Events, written in the transaction that changes.
 *
 * An event is the row as its statement left it, with what befell it.  It is
 * written at the end of the statement, behind the ledger's work: then nobody else
 * can have had the id in between, so the order of the numbers is the order of
 * what happened to an id, in one transaction and across them.  Within a
 * transaction the row triggers count: what a statement has done is put in the
 * order of their count, and waits as long as a statement that it runs within has
 * rows that were counted and not given yet.  So a trigger of the user's may
 * delete or change a row before ours has seen it, or after.
 *
 * Rows of INSERT and DELETE come from their transition tables, and are events
 * where the row trigger has counted them: ON CONFLICT leaves out rows that it
 * saw, and MERGE counts as deleted and inserted a row that it moves.  Rows of an
 * UPDATE, which has none, come from the row trigger itself.
 *
 * An UPDATE that moves a row to another partition deletes it and inserts it, and
 * triggers of the user's may prevent either or change the row again.  Where there
 * are such triggers the event is held until the statement ends: then the row has
 * arrived, or is where it was, or is gone.
 *
 * What waits belongs to its subtransaction, and goes with it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "caller.h"
#include "hub.h"
#include "outbox.h"
#include "rows.h"
#include "rules.h"
#include "store.h"
#include "tally.h"
#include "types.h"

#define ROWS "usage_event_rows"
#define CHANNEL "usage_mgmt"

/* Columns of ROWS before those of the resource. */
#define OWN_COLUMNS 4

/* What is written beside the rows: transaction, life, timeline, time. */
#define WRITE_ARGS 4

static const Oid write_types[WRITE_ARGS] = {XID8OID, INT8OID, INT4OID, TIMESTAMPTZOID};

/* An update that may not come to be.  Of the transaction, as are its rows. */
typedef struct Held
{
	struct Held *next;
	uint32		hash;			/* of its id */
	uint32		count;
	CommandId	command;
	int			wanted;
	bool		leaving;		/* its partition */
	UmDoubt		doubt;
	HeapTuple	updated;
	HeapTuple	deleted;		/* the row as it was, should it be gone */
} Held;

/* What waits in a subtransaction. */
typedef struct Waiting
{
	struct Waiting *outer;
	UmResource *resource;
	SubTransactionId transaction;
	MemoryContext context;
	UmTally		inserted;
	UmTally		deleted;
	Held	   *held;			/* the last one first */
	TupleDesc	desc;
	Tuplestorestate *rows;
	int64		count;
	uint32		last;			/* count of the last row put */
	bool		ordered;		/* by it, so far */
} Waiting;

static Waiting *waiting = NULL;
static uint32 counter = 0;		/* of the transaction */
static bool wakes = false;		/* whoever listens, when it commits */

static Datum status_of(const UmRecord *record);
static void write_left(UmResource *resource);
static Waiting *waiting_here(UmResource *resource);
static void start_rows(Waiting *here);
static Waiting *waiting_of(UmResource *resource, SubTransactionId transaction);
static UmTally *tally_of(Waiting *here, char kind);
static bool is_open(const UmResource *resource);
static void give_rows(Waiting *here, TriggerData *data);
static void hold(Waiting *here, int wanted, const UmShape *shape, const UmRecord *record,
				 const UmRecord *old, uint64 changed, const UmDoubt *doubt);
static void settle(Waiting *here, CommandId command);
static void put_held(Waiting *here, Held *held);
static bool is_in_place(const UmDoubt *doubt);
static bool wants_update(const UmModel *model, int wanted, uint64 changed);
static void put_row(Waiting *here, uint32 count, char kind, Datum old_status, Datum changed,
					const UmShape *shape, const Datum *values, const bool *nulls);
static void put_tuple(Waiting *here, uint32 count, HeapTuple tuple);
static void note_put(Waiting *here, uint32 count);
static void lay_row(Datum *row, bool *none, uint32 count, char kind, Datum old_status, Datum changed,
					const UmShape *shape, const Datum *values, const bool *nulls);
static uint64 differences(const UmModel *model, TupleDesc desc, const Datum *row, const bool *none, HeapTuple old);
static Datum names_of(const UmModel *model, uint64 slots);
static void write_all(UmResource *resource);
static void write_rows(Waiting *here);
static void write_arguments(Datum *args);
static char *insert_sql(const UmResource *resource, int turn, const char *from);
static void gather(Waiting *into, Waiting *from);
static UmPlan *plan_of(UmResource *resource, int turn, bool ordered);
static void forget(Waiting *here);

PG_FUNCTION_INFO_V1(um_events);

/*
 * Counts a row that is about to be inserted or deleted; moves tells that it goes
 * from one partition to another.
 */
void
um_outbox_note(UmResource *resource, char kind, Datum id, bool moves)
{
	Waiting    *here = waiting_here(resource);

	um_tally_count(tally_of(here, kind), here->context, id, ++counter, moves);
}

/*
 * Keeps a row that is about to be updated, with the columns, by slot, that it
 * changes, if somebody wants to know.
 */
void
um_outbox_note_update(UmResource *resource, int wanted, const UmShape *shape,
					  const UmRecord *record, const UmRecord *old, uint64 changed, const UmDoubt *doubt)
{
	if (doubt != NULL)
		hold(waiting_here(resource), wanted, shape, record, old, changed, doubt);
	else if (wants_update(record->model, wanted, changed))
		put_row(waiting_here(resource), ++counter, UM_UPDATED,
				status_of(old), names_of(record->model, changed), shape, record->column, record->null);
}

/* As a text; none of a row whose constraints the table's owner has dropped. */
static Datum
status_of(const UmRecord *record)
{
	int			status = um_record_status(record);

	return status >= 0 ? CStringGetTextDatum(record->model->life->status[status]) : (Datum) 0;
}

/* A row that is held leaves its partition. */
void
um_outbox_note_leaving(UmResource *resource, Datum id)
{
	Waiting    *here = waiting_of(resource, GetCurrentSubTransactionId());
	Held	   *held = here != NULL ? here->held : NULL;

	if (held != NULL && held->command == GetActiveSnapshot()->curcid && held->hash == um_id_hash(id))
		held->leaving = true;
}

/* It comes to another one, as it may have become on its way. */
void
um_outbox_note_arrival(UmResource *resource, int wanted, const UmShape *shape, const UmRecord *record)
{
	Waiting    *here = waiting_of(resource, GetCurrentSubTransactionId());
	Held	   *held = here != NULL ? here->held : NULL;
	Datum		row[OWN_COLUMNS + 64];
	bool		none[OWN_COLUMNS + 64];
	Datum		was[OWN_COLUMNS + 64];
	bool		was_none[OWN_COLUMNS + 64];
	uint64		changed;

	if (held == NULL || !held->leaving || held->command != GetActiveSnapshot()->curcid)
		return;
	here->held = held->next;
	heap_deform_tuple(held->updated, here->desc, was, was_none);
	lay_row(row, none, held->count, UM_UPDATED, was[2], was[3], shape, record->column, record->null);
	changed = differences(record->model, here->desc, row, none, held->deleted);
	if (!wants_update(record->model, wanted, changed))
		return;
	row[3] = names_of(record->model, changed);
	put_tuple(here, held->count, heap_form_tuple(here->desc, row, none));
}

bool
um_outbox_has_notes(void)
{
	return waiting != NULL;
}

/* Writes what a statement has done, at its end; within SPI_connect, as the owner of its table. */
void
um_outbox_write(UmResource *resource, TriggerData *data)
{
	Waiting    *here = waiting_of(resource, GetCurrentSubTransactionId());

	if (here != NULL)
	{
		if (!TRIGGER_FIRED_BY_UPDATE(data->tg_event))
			give_rows(here, data);
		settle(here, GetActiveSnapshot()->curcid);
	}
	if (!is_open(resource))
		write_all(resource);
}

/* AFTER INSERT, UPDATE or DELETE of a resource that has no ledger, for each statement. */
Datum
um_events(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	UmUser		before;

	if (!CALLED_AS_TRIGGER(fcinfo) || TRIGGER_FIRED_FOR_ROW(data->tg_event))
		um_refuse_call("a trigger for each statement");
	if (waiting == NULL)
		return PointerGetDatum(NULL);
	SPI_connect();
	um_become(data->tg_relation->rd_rel->relowner, &before);
	um_outbox_write(um_resource_of(fcinfo, "", "_events", false), data);
	um_become_again(&before);
	SPI_finish();
	return PointerGetDatum(NULL);
}

/*
 * What waits of a subtransaction that commits waits in its parent.  Its statements
 * have come to their ends.
 */
void
um_outbox_end(SubTransactionId subtransaction, SubTransactionId parent)
{
	Waiting    *next;

	for (Waiting *w = waiting; w != NULL && w->transaction >= subtransaction; w = next)
	{
		Waiting    *into = waiting_of(w->resource, parent);

		next = w->outer;
		um_tally_close(&w->inserted, FirstCommandId);
		um_tally_close(&w->deleted, FirstCommandId);
		if (w->count > 0 && into != NULL)
			gather(into, w);
		for (Held *h = w->held; into != NULL && h != NULL; h = w->held)
		{
			w->held = h->next;
			h->next = into->held;
			into->held = h;
		}
		if (w->count == 0 && w->held == NULL)
			forget(w);
		else
			w->transaction = parent;
	}
}

/* What was noted in that subtransaction, or later, did not happen; or all of it is over. */
void
um_outbox_forget(SubTransactionId from)
{
	while (waiting != NULL && waiting->transaction >= from)
		forget(waiting);
	if (from != InvalidSubTransactionId)
		return;
	counter = 0;
	wakes = false;
}

/* Has the transaction's commit wake who reads, and agents, whom a listener's change concerns. */
void
um_outbox_wake(void)
{
	wakes = true;
}

/*
 * Before the transaction commits: writes what is left of updates whose statement's own
 * trigger never came, and wakes who reads.  Where the owner has disabled that trigger,
 * or a partition lacks it, rows that were inserted or deleted are known to nobody, and
 * are no events.  One that is being committed wakes for all that commit meanwhile, since
 * NOTIFY lets them through one by one; and where it is prepared, nobody is woken.
 */
void
um_outbox_at_commit(bool prepare)
{
	LOCKTAG		tag;

	for (Waiting *w = waiting; w != NULL; w = w->outer)
		if (w->count > 0 || w->held != NULL)
			write_left(w->resource);
	if (!wakes || prepare)
		return;
	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, um_table("hub_cursor", false), 0);
	if (LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL)
		Async_Notify(CHANNEL, "");
}

static void
write_left(UmResource *resource)
{
	Relation	table = table_open(um_table(resource->model->noun, false), AccessShareLock);
	UmUser		before;

	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	um_become(table->rd_rel->relowner, &before);
	for (Waiting *w = waiting; w != NULL; w = w->outer)
		if (w->resource == resource)
			settle(w, FirstCommandId);
	write_all(resource);
	um_become_again(&before);
	SPI_finish();
	PopActiveSnapshot();
	table_close(table, NoLock);
}

/* The one of this subtransaction. */
static Waiting *
waiting_here(UmResource *resource)
{
	SubTransactionId mine = GetCurrentSubTransactionId();
	Waiting    *here = waiting_of(resource, mine);
	MemoryContext context;
	MemoryContext old;

	if (here != NULL)
		return here;
	context = AllocSetContextCreate(TopTransactionContext, "usage events", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	here = palloc0(sizeof(Waiting));
	here->outer = waiting;
	here->resource = resource;
	here->transaction = mine;
	here->context = context;
	here->desc = CreateTemplateTupleDesc(OWN_COLUMNS + resource->model->slots);
	TupleDescInitEntry(here->desc, 1, "event_count", INT8OID, -1, 0);
	TupleDescInitEntry(here->desc, 2, "event_kind", CHAROID, -1, 0);
	TupleDescInitEntry(here->desc, 3, "event_old_status", TEXTOID, -1, 0);
	TupleDescInitEntry(here->desc, 4, "event_changed", TEXTARRAYOID, -1, 0);
	for (int s = 0; s < resource->model->slots; s++)
		TupleDescInitEntry(here->desc, OWN_COLUMNS + s + 1, resource->model->slot[s]->column,
						   um_slot_type(resource->model->slot[s], resource->model), -1, 0);
	start_rows(here);
	MemoryContextSwitchTo(old);
	return waiting = here;
}

/* That of one subtransaction, NULL for none. */
static Waiting *
waiting_of(UmResource *resource, SubTransactionId transaction)
{
	Waiting    *w = waiting;

	while (w != NULL && w->transaction >= transaction &&
		   (w->transaction > transaction || w->resource != resource))
		w = w->outer;
	return w != NULL && w->transaction == transaction ? w : NULL;
}

static void
start_rows(Waiting *here)
{
	MemoryContext old = MemoryContextSwitchTo(here->context);
	ResourceOwner owner = CurrentResourceOwner;

	/* it may outlive the statement, and its subtransaction */
	CurrentResourceOwner = TopTransactionResourceOwner;
	here->rows = tuplestore_begin_heap(false, false, work_mem);
	CurrentResourceOwner = owner;
	here->count = 0;
	here->last = 0;
	here->ordered = true;
	MemoryContextSwitchTo(old);
}

/* Of rows that were inserted, or deleted. */
static UmTally *
tally_of(Waiting *here, char kind)
{
	return kind == UM_DELETED ? &here->deleted : &here->inserted;
}

/* Whether a statement has inserted, deleted or held what it has not given yet. */
static bool
is_open(const UmResource *resource)
{
	for (Waiting *w = waiting; w != NULL; w = w->outer)
		if (w->resource == resource && (w->inserted.due > 0 || w->deleted.due > 0 || w->held != NULL))
			return true;
	return false;
}

/*
 * Those rows of a statement's transition table that were counted, by it or by the
 * action of a foreign key that it caused, whose command comes later.  Statements
 * on the table and on a leaf of it that are parts of one have a table each: what is
 * not in this one may be in the next.
 */
static void
give_rows(Waiting *here, TriggerData *data)
{
	char		kind = TRIGGER_FIRED_BY_INSERT(data->tg_event) ? UM_CREATED : UM_DELETED;
	UmTally    *tally = tally_of(here, kind);
	int			next = um_tally_close(tally, GetActiveSnapshot()->curcid);
	const UmModel *model = here->resource->model;
	int			misses = 0;
	UmChanges	changes;

	if (tally->rows == next)
		return;
	um_changes_open(&changes, data, model);
	while (um_changes_next(&changes))
	{
		UmCounted  *row;

		slot_getallattrs(changes.row);
		row = um_tally_next(tally, changes.row->tts_values[changes.shape->column[model->id->slot]],
							&next, &misses);
		if (row == NULL)
			continue;
		row->given = true;
		if (!row->moves)
			put_row(here, row->count, kind, (Datum) 0, (Datum) 0, changes.shape,
					changes.row->tts_values, changes.row->tts_isnull);
	}
	um_changes_close(&changes);
}

static void
hold(Waiting *here, int wanted, const UmShape *shape, const UmRecord *record, const UmRecord *old,
	 uint64 changed, const UmDoubt *doubt)
{
	Datum		status = status_of(old);
	Datum		row[OWN_COLUMNS + 64];
	bool		none[OWN_COLUMNS + 64];
	MemoryContext context = MemoryContextSwitchTo(TopTransactionContext);
	Held	   *held = palloc0(sizeof(Held));

	held->hash = um_id_hash(um_id(record));
	held->count = ++counter;
	held->command = GetActiveSnapshot()->curcid;
	held->wanted = wanted;
	held->doubt = *doubt;
	lay_row(row, none, held->count, UM_DELETED, (Datum) 0, (Datum) 0, shape, old->column, old->null);
	held->deleted = heap_form_tuple(here->desc, row, none);
	lay_row(row, none, held->count, UM_UPDATED, status, names_of(record->model, changed), shape, record->column, record->null);
	held->updated = heap_form_tuple(here->desc, row, none);
	held->next = here->held;
	here->held = held;
	MemoryContextSwitchTo(context);
}

/* Puts what is held of a command and later ones, if it came to be. */
static void
settle(Waiting *here, CommandId command)
{
	while (here->held != NULL && here->held->command >= command)
	{
		Held	   *held = here->held;

		here->held = held->next;
		if (!held->doubt.may_stay || !is_in_place(&held->doubt))
			put_held(here, held);
		heap_freetuple(held->updated);
		heap_freetuple(held->deleted);
		pfree(held);
	}
}

/* A row that is not where it was, and has not arrived elsewhere: changed, or gone. */
static void
put_held(Waiting *here, Held *held)
{
	const UmModel *model = here->resource->model;
	Datum		row[OWN_COLUMNS + 64];
	bool		none[OWN_COLUMNS + 64];

	heap_deform_tuple(held->updated, here->desc, row, none);
	if (held->leaving && (held->wanted & um_event_bit(UM_DELETE_EVENT)))
		put_tuple(here, held->count, held->deleted);
	else if (!held->leaving && wants_update(model, held->wanted, differences(model, here->desc, row, none, held->deleted)))
		put_tuple(here, held->count, held->updated);
}

/* Whether the row as it was is there still. */
static bool
is_in_place(const UmDoubt *doubt)
{
	char	   *sql = psprintf("SELECT FROM ONLY %s WHERE ctid OPERATOR(pg_catalog.=) $1",
							   quote_qualified_identifier(get_namespace_name(get_rel_namespace(doubt->leaf)),
														  get_rel_name(doubt->leaf)));
	Datum		place = PointerGetDatum(&doubt->place);

	um_execute_once(sql, 1, (Oid[]) {TIDOID}, &place, false);
	return SPI_processed > 0;
}

static bool
wants_update(const UmModel *model, int wanted, uint64 changed)
{
	uint64		status = um_slot_bit(model->status_slot);

	return ((changed & status) != 0 && (wanted & um_event_bit(UM_STATUS_EVENT))) ||
		((changed & ~status) != 0 && (wanted & um_event_bit(UM_CHANGE_EVENT)));
}

/* Appends a row; old_status and changed are 0 for none. */
static void
put_row(Waiting *here, uint32 count, char kind, Datum old_status, Datum changed,
		const UmShape *shape, const Datum *values, const bool *nulls)
{
	Datum		row[OWN_COLUMNS + 64];
	bool		none[OWN_COLUMNS + 64];

	lay_row(row, none, count, kind, old_status, changed, shape, values, nulls);
	tuplestore_putvalues(here->rows, here->desc, row, none);
	note_put(here, count);
}

/* Appends one that lies as they do. */
static void
put_tuple(Waiting *here, uint32 count, HeapTuple tuple)
{
	tuplestore_puttuple(here->rows, tuple);
	note_put(here, count);
}

static void
note_put(Waiting *here, uint32 count)
{
	here->count++;
	here->ordered &= count > here->last;
	here->last = count;
}

static void
lay_row(Datum *row, bool *none, uint32 count, char kind, Datum old_status, Datum changed,
		const UmShape *shape, const Datum *values, const bool *nulls)
{
	int			slots = shape->model->slots;

	Assert(slots <= 64);
	row[0] = Int64GetDatum(count);
	row[1] = CharGetDatum(kind);
	row[2] = old_status;
	row[3] = changed;
	for (int i = 0; i < OWN_COLUMNS; i++)
		none[i] = i >= 2 && row[i] == (Datum) 0;
	for (int s = 0; s < slots; s++)
	{
		row[OWN_COLUMNS + s] = values[shape->column[s]];
		none[OWN_COLUMNS + s] = nulls[shape->column[s]];
	}
}

/* The slots of a row that are not as they were. */
static uint64
differences(const UmModel *model, TupleDesc desc, const Datum *row, const bool *none, HeapTuple old)
{
	Datum		was[OWN_COLUMNS + 64];
	bool		was_none[OWN_COLUMNS + 64];
	uint64		changed = 0;

	heap_deform_tuple(old, desc, was, was_none);
	for (int s = 0; s < model->slots; s++)
	{
		int			n = OWN_COLUMNS + s;
		Form_pg_attribute column = TupleDescAttr(desc, n);

		if (model->slot[s]->kind != UM_INTERNAL &&
			(none[n] != was_none[n] ||
			 (!none[n] && !datum_image_eq(row[n], was[n], column->attbyval, column->attlen))))
			changed |= um_slot_bit(s);
	}
	return changed;
}

/* The names of columns as an array. */
static Datum
names_of(const UmModel *model, uint64 slots)
{
	Datum		names[64];
	int			count = 0;

	for (int s = 0; s < model->slots; s++)
		if (slots & um_slot_bit(s))
			names[count++] = CStringGetTextDatum(model->slot[s]->column);
	return PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Writes what waits of a resource, in the order of its count. */
static void
write_all(UmResource *resource)
{
	Waiting    *all = NULL;

	for (Waiting *w = waiting; w != NULL; w = w->outer)
	{
		if (w->resource != resource || w->count == 0)
			continue;
		if (all != NULL)
			gather(all, w);
		else
			all = w;
	}
	if (all != NULL)
		write_rows(all);
}

static void
write_rows(Waiting *here)
{
	UmResource *resource = here->resource;
	int			turn = um_hub_turn(resource);
	Datum		args[WRITE_ARGS];

	write_arguments(args);
	um_name_rows(ROWS, here->desc, here->rows, here->count);
	um_execute(um_prepare(plan_of(resource, turn, here->ordered)), args, NULL, false, 0);
	SPI_unregister_relation(ROWS);
	wakes = true;
	tuplestore_end(here->rows);
	start_rows(here);
}

/*
 * Writes what a query gives of rows that no trigger has seen; within SPI_connect,
 * by the rights of the current user.
 */
void
um_outbox_write_from(UmResource *resource, const char *query)
{
	Oid			types[WRITE_ARGS];
	Datum		args[WRITE_ARGS];

	memcpy(types, write_types, sizeof(types));
	write_arguments(args);
	um_execute_once(insert_sql(resource, um_hub_turn(resource), query), WRITE_ARGS, types, args, false);
	wakes = true;
}

/* Those of insert_sql. */
static void
write_arguments(Datum *args)
{
	args[0] = FullTransactionIdGetDatum(GetTopFullTransactionId());
	args[1] = Int64GetDatum(um_hub_life());
	args[2] = Int32GetDatum(GetWALInsertionTimeLine());
	args[3] = TimestampTzGetDatum(GetCurrentTimestamp());
}

/* Leaves from without rows. */
static void
gather(Waiting *into, Waiting *from)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(from->desc, &TTSOpsMinimalTuple);

	tuplestore_rescan(from->rows);
	while (tuplestore_gettupleslot(from->rows, true, false, slot))
		tuplestore_puttupleslot(into->rows, slot);
	ExecDropSingleTupleTableSlot(slot);
	into->count += from->count;
	into->ordered = false;
	tuplestore_end(from->rows);
	start_rows(from);
}

/* What writes rows to that table, as they lie or in order. */
static UmPlan *
plan_of(UmResource *resource, int turn, bool ordered)
{
	UmPlan	   *plan;

	if (resource->outbox == NULL)
		resource->outbox = MemoryContextAllocZero(TopMemoryContext, sizeof(UmPlan) * UM_TURNS * 2);
	plan = &resource->outbox[turn * 2 + ordered];
	if (plan->sql != NULL)
		return plan;
	plan->sql = MemoryContextStrdup(TopMemoryContext,
									insert_sql(resource, turn, ordered ? ROWS
											   : "(SELECT * FROM " ROWS " ORDER BY event_count OFFSET 0) o"));
	plan->nargs = WRITE_ARGS;
	memcpy(plan->args, write_types, sizeof(write_types));
	plan->type = &resource->life->type;
	return plan;
}

static char *
insert_sql(const UmResource *resource, int turn, const char *from)
{
	char	   *columns = um_columns(resource->model, "", true);

	return um_sql(resource,
				  psprintf("INSERT INTO {table}_event_%d (event_seq, event_xid, event_life, event_timeline, event_at, "
						   "event_kind, event_old_status, event_changed, %s) "
						   "SELECT pg_catalog.nextval('usage_mgmt.hub_event_seq'), $1, $2, $3, $4, "
						   "event_kind, event_old_status, event_changed, %s "
						   "FROM %s", turn, columns, columns, from), NULL);
}

static void
forget(Waiting *here)
{
	Waiting   **link = &waiting;

	while (*link != here)
		link = &(*link)->outer;
	*link = here->outer;
	tuplestore_end(here->rows);
	MemoryContextDelete(here->context);
}
