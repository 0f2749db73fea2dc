/*
 * triggers.c
 *	  The row triggers: every door to the tables leads through here.
 *
 * A row is made a record, completed, checked, and goes on changed only where
 * something was filled in.  Partitions have the same triggers, and a row that
 * moves between two of them fires BEFORE UPDATE, DELETE and INSERT: the last
 * of these must know that nobody delivers anything there.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "port/pg_bitutils.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "caller.h"
#include "compat.h"
#include "content.h"
#include "errors.h"
#include "hub.h"
#include "ledger.h"
#include "order.h"
#include "outbox.h"
#include "row.h"
#include "rules.h"
#include "setting_table.h"
#include "spec_check.h"
#include "vouch.h"

/* The row whose date BEFORE UPDATE changed last, to know it again should it move. */
typedef struct Updated
{
	const UmModel *model;
	char		id[UM_MAX_ID];
	int			len;
	UmHash		content_hash;	/* which some of what follows does not enter */
	Datum		status;
	Datum		old_date;
	Datum		new_date;
	bool		leaving;		/* BEFORE DELETE has seen it with its old date */
	Datum		received_at;
	TimestampTz changed_at;
	SubTransactionId transaction;
	CommandId	command;
} Updated;

/* One for each level of triggers within triggers; the last is shared by all below. */
static Updated updated[8];

/* The table or partition that fires, for the time of a statement. */
typedef struct Target
{
	UmResource *resource;
	UmShape    *shape;			/* how its columns lie */
	Oid			root;			/* of its partitions, for the ledger; looked for at need */
	int			wanted;			/* changes that somebody listens to */
	bool		learned;		/* what other triggers there are: */
	bool		alone;			/* no other trigger could change a row that comes in */
	bool		sure;			/* nor keep one from being moved, */
	bool		deletes;		/* nor keep one from being deleted */
} Target;

static HeapTuple check_delete(const TriggerData *data, const Target *target);
static HeapTuple check_insert(const TriggerData *data, const Target *target);
static HeapTuple check_update(const TriggerData *data, Target *target);
static void check(UmRecord *record, UmRecord *old, const TriggerData *data, const Target *target,
				  UmFaults *faults);
static void read_changes(UmRecord *record, UmRecord *old, UmFaults *faults);
static void note_update(const Target *target, const TriggerData *data, const UmRecord *record,
						const UmRecord *old);
static bool is_arriving(const UmRecord *record);
static bool is_moved(const UmRecord *record);
static void refuse_other_id(const UmRecord *record, UmFaults *faults);
static Target *target_of(FunctionCallInfo fcinfo);
static void learn_triggers(Target *target, const TriggerData *data);
static bool fires(const Trigger *trigger);
static bool is_vouched(const Target *target, Relation relation, HeapTuple tuple);
static Datum id_of(const Target *target, Relation relation, HeapTuple tuple);
static void stamp(UmRecord *record, bool insert);
static void check_specification(UmRecord *record, const UmRecord *old, Oid owner, UmFaults *faults);
static void mark_rejected(UmRecord *record, UmFaults *faults);
static void refuse_closed(const UmRecord *record);
static Updated *last_updated(void);
static void note_date(Target *target, Relation leaf, UmRecord *usage, const UmRecord *old);
static void remember_update(const UmRecord *usage, const UmRecord *old);
static bool note_leaving(const UmRecord *usage);
static bool is_last_updated(const Updated *last, const UmRecord *usage);
static bool is_as_updated(const Updated *last, const UmRecord *usage);
static HeapTuple changed_tuple(const UmShape *shape, TupleDesc desc, HeapTuple tuple,
							   UmRecord *record);

PG_FUNCTION_INFO_V1(um_check_row);
PG_FUNCTION_INFO_V1(um_specification_changed);

/* BEFORE INSERT OR UPDATE OR DELETE of a resource, for each row. */
Datum
um_check_row(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	Target	   *target;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(data->tg_event) ||
		!TRIGGER_FIRED_BEFORE(data->tg_event))
		um_refuse_call("a BEFORE trigger for each row");
	target = target_of(fcinfo);
	if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
		return PointerGetDatum(check_delete(data, target));
	if (!target->learned)
		learn_triggers(target, data);
	if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
		return PointerGetDatum(check_insert(data, target));
	return PointerGetDatum(check_update(data, target));
}

/*
 * AFTER any change of what others are checked against, for each row, and BEFORE
 * it, for each statement: see spec_cache.c.
 */
Datum
um_specification_changed(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		um_refuse_call("a trigger");
	CacheInvalidateRelcacheByRelid(RelationGetRelid(((TriggerData *) fcinfo->context)->tg_relation));
	return PointerGetDatum(NULL);
}

static HeapTuple
check_delete(const TriggerData *data, const Target *target)
{
	UmRecord   *record = um_record_skim(target->shape, RelationGetDescr(data->tg_relation),
										data->tg_trigtuple, NULL);
	bool		moves;

	refuse_closed(record);
	moves = target->resource->date != NULL && note_leaving(record);
	if (moves && target->wanted != 0)
		um_outbox_note_leaving(target->resource, um_id(record));
	if (target->wanted & um_event_bit(UM_DELETE_EVENT))
		um_outbox_note(target->resource, UM_DELETED, um_id(record), moves);
	return data->tg_trigtuple;
}

/* The row that is inserted, completed; raises all its faults. */
static HeapTuple
check_insert(const TriggerData *data, const Target *target)
{
	UmFaults	faults = {um_fault_version(target->resource), NIL, 0};
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	HeapTuple	tuple = data->tg_trigtuple;
	UmRecord   *record;
	bool		arrives;
	bool		moves;

	if (is_vouched(target, data->tg_relation, tuple))
	{
		if (target->wanted & um_event_bit(UM_CREATE_EVENT))
			um_outbox_note(target->resource, UM_CREATED, id_of(target, data->tg_relation, tuple), false);
		return tuple;
	}
	record = um_record_skim(target->shape, desc, tuple, NULL);
	um_record_read_slots(record, ~UINT64CONST(0), &faults);
	if (target->resource->orders && !um_order_is_restored(record, data->tg_relation->rd_rel->relowner))
		um_order_begin(record);
	arrives = target->resource->date != NULL && is_arriving(record);
	moves = arrives && is_moved(record);
	if (target->resource->date != NULL && !arrives)
		refuse_other_id(record, &faults);
	if (!moves)
		check(record, NULL, data, target, &faults);
	tuple = moves ? heap_copytuple(tuple) : changed_tuple(target->shape, desc, tuple, record);
	if (target->wanted & um_event_bit(UM_CREATE_EVENT))
		um_outbox_note(target->resource, UM_CREATED, um_id(record), arrives);
	if (arrives && target->wanted != 0)
		um_outbox_note_arrival(target->resource, target->wanted, target->shape, record);
	return tuple;
}

/* The row that takes another's place. */
static HeapTuple
check_update(const TriggerData *data, Target *target)
{
	UmFaults	faults = {um_fault_version(target->resource), NIL, 0};
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	UmRecord   *old = um_record_skim(target->shape, desc, data->tg_trigtuple, NULL);
	UmRecord   *record = um_record_skim(target->shape, desc, data->tg_newtuple, old);
	HeapTuple	tuple;

	read_changes(record, old, &faults);
	if (target->resource->orders)
		um_order_change(record, old);
	check(record, old, data, target, &faults);
	if (target->resource->date != NULL)
		note_date(target, data->tg_relation, record, old);
	tuple = changed_tuple(target->shape, desc, data->tg_newtuple, record);
	if ((target->wanted & (um_event_bit(UM_CHANGE_EVENT) | um_event_bit(UM_STATUS_EVENT))) ||
		((target->wanted & um_event_bit(UM_DELETE_EVENT)) && !target->sure))
		note_update(target, data, record, old);
	return tuple;
}

static void
note_update(const Target *target, const TriggerData *data, const UmRecord *record, const UmRecord *old)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	uint64		changed = um_record_changes(record, old, target->shape, desc);
	UmDoubt		doubt = {RelationGetRelid(data->tg_relation), data->tg_trigtuple->t_self, !target->deletes};
	bool		moves = data->tg_relation->rd_rel->relispartition && record->model->date_slot >= 0 &&
		(changed & um_slot_bit(record->model->date_slot)) != 0;

	um_outbox_note_update(target->resource, target->wanted, target->shape, record, old, changed,
						  moves && !target->sure ? &doubt : NULL);
}

/* Completes a record and raises all its faults; old is the one that it replaces, or NULL. */
static void
check(UmRecord *record, UmRecord *old, const TriggerData *data, const Target *target, UmFaults *faults)
{
	um_complete(record, old);
	um_check(record, old, faults);
	if (target->resource->specification != NULL)
		check_specification(record, old, data->tg_relation->rd_rel->relowner, faults);
	if (faults->list != NIL)
		/* who speaks JSON knows of no columns */
		um_refuse_row(old != NULL ? old : record, faults,
					  um_speaking() == UM_NOBODY ? data->tg_relation : NULL);
	stamp(record, old == NULL);
}

/*
 * Reads of a row what is not as it was, and what its status asks more of than
 * the one before; of the row as it was what is compared with that, its content
 * being final.  The rest stays unread, and no rule looks at it.
 */
static void
read_changes(UmRecord *record, UmRecord *old, UmFaults *faults)
{
	const UmModel *model = record->model;
	int			from = um_record_status(old);
	int			to = um_record_status(record);
	int			more = model->life->rated | model->life->closed;
	uint64		wanted = 0;
	UmFaults	lost = {faults->version, NIL, 0};	/* with the row as it was */

	if (from != to && um_status_in(to, more))
		record->asked |= model->rated;
	for (um_each_asked(a, record))
		wanted |= a->span;
	/* what was ordered is compared, whatever is said to change */
	if (model->resource->orders)
		wanted = ~UINT64CONST(0);
	um_record_read_slots(record, wanted, faults);
	if (model->resource->orders || um_status_in(from, model->life->closed) || um_status_in(to, model->life->closed))
		um_record_read_slots(old, wanted, &lost);
}

/* Whether a row comes from another partition. */
static bool
is_arriving(const UmRecord *record)
{
	Updated    *last = last_updated();

	return last->leaving && is_last_updated(last, record);
}

/* Whether one that does comes as it was when it was checked there; it has arrived. */
static bool
is_moved(const UmRecord *record)
{
	Updated    *last = last_updated();

	last->len = 0;
	return record->value[record->model->date_slot] == last->new_date && is_as_updated(last, record);
}

/*
 * Of a row that comes from another partition under another id, which a trigger of
 * the user's has given it on its way: the ledger would hear of it from nobody.  A
 * row that a MERGE inserts behind one that such a trigger has let vanish was
 * received at another time.
 */
static void
refuse_other_id(const UmRecord *record, UmFaults *faults)
{
	const Updated *last = last_updated();
	UmPath		path = {NULL, record->model->id, 0};

	if (last->leaving && last->len > 0 && last->model == record->model &&
		last->transaction == GetCurrentSubTransactionId() &&
		last->command == GetActiveSnapshot()->curcid &&
		record->value[record->model->receipt_slot] == last->received_at)
		um_fault(faults, &path, UM_IDENTITY, "cannot change from \"%.*s\" while the row moves to another partition",
				 last->len, last->id);
}

/* What there is to know of the target; kept for the statement. */
static Target *
target_of(FunctionCallInfo fcinfo)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	Relation	relation = data->tg_relation;
	MemoryContext old;
	Target	   *target;

	if (fcinfo->flinfo->fn_extra != NULL)
		return fcinfo->flinfo->fn_extra;
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	target = palloc0(sizeof(Target));
	target->resource = um_resource_of(fcinfo, "", "_check", false);
	target->shape = um_shape(target->resource->model, RelationGetDescr(relation),
							 RelationGetRelationName(relation));
	MemoryContextSwitchTo(old);
	target->wanted = um_hub_wanted(target->resource);
	if (target->resource->specification != NULL)
		um_settings_look();
	return fcinfo->flinfo->fn_extra = target;
}

/*
 * Triggers fire in the order of their names.  One behind ours could break what
 * we have checked, so there must be none; one before it can change a row that a
 * bulk insert has checked.
 */
static void
learn_triggers(Target *target, const TriggerData *data)
{
	const TriggerDesc *all = data->tg_relation->trigdesc;
	bool		behind = false;

	target->learned = target->alone = target->sure = target->deletes = true;
	for (int i = 0; i < all->numtriggers; i++)
	{
		const Trigger *trigger = &all->triggers[i];
		bool		inserts = TRIGGER_TYPE_MATCHES(trigger->tgtype, TRIGGER_TYPE_ROW,
												   TRIGGER_TYPE_BEFORE, TRIGGER_TYPE_INSERT);
		bool		updates = TRIGGER_TYPE_MATCHES(trigger->tgtype, TRIGGER_TYPE_ROW,
												   TRIGGER_TYPE_BEFORE, TRIGGER_TYPE_UPDATE);

		if (trigger->tgoid == data->tg_trigger->tgoid)
			behind = true;
		else if (behind && (inserts || updates) && fires(trigger))
			ereport(ERROR,
					(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
					 errmsg("trigger \"%s\" of \"%s\" would change rows that have been checked",
							trigger->tgname, RelationGetRelationName(data->tg_relation)),
					 errhint("Give it a name that comes before \"%s\".", data->tg_trigger->tgname)));
		else
		{
			target->alone &= !inserts;
			target->deletes &= !TRIGGER_TYPE_MATCHES(trigger->tgtype, TRIGGER_TYPE_ROW,
													 TRIGGER_TYPE_BEFORE, TRIGGER_TYPE_DELETE);
			target->sure = target->alone && target->deletes;
		}
	}
}

static bool
fires(const Trigger *trigger)
{
	if (SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA)
		return trigger->tgenabled == TRIGGER_FIRES_ON_REPLICA ||
			trigger->tgenabled == TRIGGER_FIRES_ALWAYS;
	return trigger->tgenabled == TRIGGER_FIRES_ON_ORIGIN || trigger->tgenabled == TRIGGER_FIRES_ALWAYS;
}

/* Whether a bulk insert has checked this very row: then it is complete, too. */
static bool
is_vouched(const Target *target, Relation relation, HeapTuple tuple)
{
	Datum		id;

	/* nobody vouches for what the server says of an order */
	if (!target->alone || target->resource->orders)
		return false;
	id = id_of(target, relation, tuple);
	return DatumGetPointer(id) != NULL && um_is_vouched(target->resource, id);
}

/* Of a row that may have none, which it is refused for later. */
static Datum
id_of(const Target *target, Relation relation, HeapTuple tuple)
{
	bool		null;
	Datum		id = heap_getattr(tuple, target->shape->column[target->resource->model->id->slot] + 1,
								  RelationGetDescr(relation), &null);

	return null ? (Datum) 0 : id;
}

/* When it was received and changed; a restored row brings the former along. */
static void
stamp(UmRecord *record, bool insert)
{
	int			receipt = record->model->receipt_slot;
	int			change = record->model->change_slot;
	Datum		now = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());

	if (record->state[receipt] == UM_ABSENT)
		um_record_set(record, receipt, now);
	if (!insert || record->state[change] == UM_ABSENT)
		um_record_set(record, change, now);
}

/*
 * The result is checked, unless it is rejected, which must stay possible, or
 * billed, which cannot be mended any more.  Becoming billed is no way round: it
 * passes only with the content that the usage was rated with.
 */
static void
check_specification(UmRecord *record, const UmRecord *old, Oid owner, UmFaults *faults)
{
	const UmLifeCycle *life = record->model->life;
	UmFaults	found = {faults->version, NIL, 0};
	int			status = um_record_status(record);

	if (um_status_in(status, life->recycled) && um_is_set(record, record->model->rejection_slot))
		um_record_clear(record, record->model->rejection_slot);
	if (um_setting(UM_CHECK_SPECIFICATION) == UM_CHECK_OFF || um_status_in(status, life->rejected) ||
		(old != NULL && um_is_closed(record) && um_follows_as_before(record, old)))
		return;
	/* the specification may be another one by now */
	for (int s = 0; s < record->model->slots; s++)
		if (record->model->slot[s]->kind == UM_CHARACTERISTICS)
			um_record_read_slots(record, um_slot_bit(s), faults);
	um_check_specification_of(record, old, owner, &found);
	if (found.list == NIL)
		return;
	if (um_setting(UM_CHECK_SPECIFICATION) == UM_CHECK_MARK && old == NULL && life->rejected != 0 &&
		status >= 0 && record->model->rejection_slot >= 0)
		mark_rejected(record, &found);
	else
	{
		faults->list = list_concat(faults->list, found.list);
		faults->left_out += found.left_out;
	}
}

/* Stores what arrives as rejected, with the reasons and how it came. */
static void
mark_rejected(UmRecord *record, UmFaults *faults)
{
	UmLifeCycle *life = record->model->life;
	char	   *why = psprintf("{\"" UM_DELIVERED_STATUS "\": \"%s\", \"faults\": %s}",
							   life->status[um_record_status(record)], um_faults_json(faults, false));

	um_record_set(record, record->model->status_slot,
				  ObjectIdGetDatum(um_status_oid(life, pg_rightmost_one_pos32(life->rejected))));
	um_record_set(record, record->model->rejection_slot,
				  DirectFunctionCall1(jsonb_in, CStringGetDatum(why)));
}

static void
refuse_closed(const UmRecord *record)
{
	const char *noun = record->model->noun;
	int			status = um_record_status(record);

	if (!um_is_closed(record) || um_deletes_closed())
		return;
	ereport(ERROR,
			(errcode(UM_BILLED),
			 errmsg("%s %s \"%s\" cannot be deleted", record->model->life->status[status],
					record->model->label, um_is_set(record, record->model->id->slot)
					? TextDatumGetCString(um_id(record)) : ""),
			 errhint("SELECT usage_mgmt.delete_%s(id, billed => true) deletes it all the same.", noun)));
}

/*
 * What is known at this level: a trigger of the user's may run statements while
 * a row is on its way.
 */
static Updated *
last_updated(void)
{
	return &updated[Min(um_trigger_level(), lengthof(updated)) - 1];
}

/* Of a row whose date is about to change, which its key must follow. */
static void
note_date(Target *target, Relation leaf, UmRecord *usage, const UmRecord *old)
{
	int			date = usage->model->date_slot;
	UmFaults	lost = {UM_R14_5, NIL, 0};	/* with what is left alone */

	last_updated()->len = 0;
	if (!leaf->rd_rel->relispartition || !um_is_set(old, date) || usage->value[date] == old->value[date])
		return;
	if (!OidIsValid(target->root))
		target->root = um_ledger_root(leaf);
	um_ledger_note_date(target->root, target->resource, um_id(usage), old->value[date], usage->value[date]);
	/* the hash is of all that it has */
	um_record_read_slots(usage, ~UINT64CONST(0), &lost);
	remember_update(usage, old);
}

static void
remember_update(const UmRecord *usage, const UmRecord *old)
{
	Updated    *last = last_updated();
	int			date = usage->model->date_slot;
	UmSlice		id = um_text_slice(um_id(usage));

	last->model = usage->model;
	last->len = Min(id.len, (int) sizeof(last->id));
	memcpy(last->id, id.ptr, last->len);
	last->content_hash = um_content_hash(usage);
	last->status = usage->value[usage->model->status_slot];
	last->old_date = old->value[date];
	last->new_date = usage->value[date];
	last->leaving = false;
	last->received_at = usage->value[usage->model->receipt_slot];
	last->transaction = GetCurrentSubTransactionId();
	last->command = GetActiveSnapshot()->curcid;
	last->changed_at = GetCurrentTransactionStartTimestamp();
}

/* A row on its way to another partition is deleted from its own, as it was; whether this one is. */
static bool
note_leaving(const UmRecord *usage)
{
	Updated    *last = last_updated();

	if (!is_last_updated(last, usage) || usage->value[usage->model->date_slot] != last->old_date)
		return false;
	return last->leaving = true;
}

static bool
is_last_updated(const Updated *last, const UmRecord *usage)
{
	return last->len > 0 && last->model == usage->model &&
		last->transaction == GetCurrentSubTransactionId() &&
		last->changed_at == GetCurrentTransactionStartTimestamp() &&
		um_is_set(usage, usage->model->id->slot) &&
		um_same_slice(um_text_slice(um_id(usage)), (UmSlice) {last->id, last->len});
}

/*
 * Whether it is also as it was then: it has been checked, and its change is
 * already stamped.
 */
static bool
is_as_updated(const Updated *last, const UmRecord *usage)
{
	int			change = usage->model->change_slot;

	return um_is_set(usage, change) &&
		DatumGetTimestampTz(usage->value[change]) == last->changed_at &&
		usage->value[usage->model->status_slot] == last->status &&
		usage->value[usage->model->receipt_slot] == last->received_at &&
		um_same_hash(um_content_hash(usage), last->content_hash);
}

/*
 * The tuple with the columns that differ from it; a copy where none does, since
 * PostgreSQL keeps a tuple that comes back as it went until the statement ends.
 */
static HeapTuple
changed_tuple(const UmShape *shape, TupleDesc desc, HeapTuple tuple, UmRecord *record)
{
	bool		changed = false;
	HeapTuple	result;

	for (int s = 0; s < record->model->slots; s++)
	{
		const UmAttribute *a = record->model->slot[s];

		/* trees are rewritten in their stored form */
		if (!record->changed[s] &&
			((a->kind != UM_TREE && a->kind != UM_BRANCH) || record->state[s] != UM_SET))
			continue;
		changed = true;
		record->null[shape->column[s]] = record->state[s] != UM_SET;
		if (record->state[s] == UM_SET)
			record->column[shape->column[s]] = um_record_datum(record, s);
	}
	if (!changed)
		return heap_copytuple(tuple);
	result = heap_form_tuple(desc, record->column, record->null);
	result->t_data->t_ctid = tuple->t_data->t_ctid;
	result->t_self = tuple->t_self;
	result->t_tableOid = tuple->t_tableOid;
	return result;
}
