/*
 * changes.c
 *	  The rows that a statement has changed, one after the other.
 *
 * They come from the statement's transition tables.  Those of an UPDATE list
 * its rows in the same order, unless a trigger of the user's let one vanish on
 * its way to another partition: from there on old and new rows are no pairs,
 * and only the table tells what became of the old ones.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "utils/rel.h"

#include "changes.h"
#include "store.h"

static Tuplestorestate *open_table(TriggerData *data, Tuplestorestate *rows,
								   TupleTableSlot **slot, int *pointer);
static bool next_row(Tuplestorestate *rows, int pointer, TupleTableSlot *slot);
static bool is_same(const UmChanges *changes);

/* Starts a walk in the current memory context. */
void
um_changes_open(UmChanges *changes, TriggerData *data, const UmModel *model)
{
	bool		inserts = TRIGGER_FIRED_BY_INSERT(data->tg_event);
	bool		deletes = TRIGGER_FIRED_BY_DELETE(data->tg_event);

	changes->shape = um_shape(model, RelationGetDescr(data->tg_relation),
							  RelationGetRelationName(data->tg_relation));
	if ((!inserts && data->tg_oldtable == NULL) || (!deletes && data->tg_newtable == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" needs transition tables", data->tg_trigger->tgname)));
	changes->old_rows = open_table(data, inserts ? NULL : data->tg_oldtable, &changes->old,
								   &changes->old_pointer);
	changes->new_rows = open_table(data, deletes ? NULL : data->tg_newtable, &changes->new,
								   &changes->new_pointer);
	changes->paired = !inserts && !deletes;
}

/* With a read pointer of our own: other triggers read the same tables. */
static Tuplestorestate *
open_table(TriggerData *data, Tuplestorestate *rows, TupleTableSlot **slot,
		   int *pointer)
{
	*slot = MakeSingleTupleTableSlot(RelationGetDescr(data->tg_relation), &TTSOpsMinimalTuple);
	if (rows == NULL)
		return NULL;
	*pointer = tuplestore_alloc_read_pointer(rows, EXEC_FLAG_REWIND);
	tuplestore_select_read_pointer(rows, *pointer);
	tuplestore_rescan(rows);
	return rows;
}

/* Goes to the next row; false where there is none. */
bool
um_changes_next(UmChanges *changes)
{
	if (changes->old_rows == NULL)
		return next_row(changes->new_rows, changes->new_pointer, changes->new);
	if (!next_row(changes->old_rows, changes->old_pointer, changes->old))
		return false;
	if (changes->paired)
		changes->paired = next_row(changes->new_rows, changes->new_pointer, changes->new) &&
			is_same(changes);
	return true;
}

static bool
next_row(Tuplestorestate *rows, int pointer, TupleTableSlot *slot)
{
	tuplestore_select_read_pointer(rows, pointer);
	return tuplestore_gettupleslot(rows, true, false, slot);
}

/* Whether both states have the same id, or none. */
static bool
is_same(const UmChanges *changes)
{
	int			id = changes->shape->model->id->slot;
	bool		old_null;
	bool		new_null;
	Datum		old = um_changed_value(changes, changes->old, id, &old_null);
	Datum		new = um_changed_value(changes, changes->new, id, &new_null);

	return old_null || new_null ? old_null && new_null : um_same_id(old, new);
}

/* The id and date of a row; false where it has none, as in a table of somebody's own. */
bool
um_changed_key(const UmChanges *changes, TupleTableSlot *row, Datum *id, Datum *date)
{
	const UmModel *model = changes->shape->model;
	bool		null;

	*id = um_changed_value(changes, row, model->id->slot, &null);
	if (!null)
		*date = um_changed_value(changes, row, model->date_slot, &null);
	return !null;
}

void
um_changes_close(UmChanges *changes)
{
	ExecDropSingleTupleTableSlot(changes->old);
	ExecDropSingleTupleTableSlot(changes->new);
	if (changes->old_rows != NULL)
		tuplestore_select_read_pointer(changes->old_rows, 0);
	if (changes->new_rows != NULL)
		tuplestore_select_read_pointer(changes->new_rows, 0);
}
