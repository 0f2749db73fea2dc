/*
 * changes.c
 *	  The rows that a statement has added or taken away, one after the other.
 *
 * They come from the statement's transition table.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "changes.h"

/* Starts a walk in the current memory context. */
void
um_changes_open(UmChanges *changes, TriggerData *data, const UmModel *model)
{
	changes->shape = um_shape(model, RelationGetDescr(data->tg_relation),
							  RelationGetRelationName(data->tg_relation));
	changes->rows = TRIGGER_FIRED_BY_INSERT(data->tg_event) ? data->tg_newtable : data->tg_oldtable;
	if (changes->rows == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" needs transition tables", data->tg_trigger->tgname)));
	changes->row = MakeSingleTupleTableSlot(RelationGetDescr(data->tg_relation), &TTSOpsMinimalTuple);
	/* a read pointer of our own: other triggers read the same table */
	changes->pointer = tuplestore_alloc_read_pointer(changes->rows, EXEC_FLAG_REWIND);
	tuplestore_select_read_pointer(changes->rows, changes->pointer);
	tuplestore_rescan(changes->rows);
}

/* Goes to the next row; false where there is none. */
bool
um_changes_next(UmChanges *changes)
{
	tuplestore_select_read_pointer(changes->rows, changes->pointer);
	return tuplestore_gettupleslot(changes->rows, true, false, changes->row);
}

/* The id and date of a row; false where it has none, as in a table of somebody's own. */
bool
um_changed_key(const UmChanges *changes, Datum *id, Datum *date)
{
	const UmModel *model = changes->shape->model;
	const int  *column = changes->shape->column;
	bool		null;

	*id = slot_getattr(changes->row, column[model->id->slot] + 1, &null);
	if (!null)
		*date = slot_getattr(changes->row, column[model->date_slot] + 1, &null);
	return !null;
}

void
um_changes_close(UmChanges *changes)
{
	ExecDropSingleTupleTableSlot(changes->row);
	tuplestore_select_read_pointer(changes->rows, 0);
}
