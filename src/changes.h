/*
 * changes.h
 *	  The rows that a statement has changed, one after the other.
 */
#ifndef UM_CHANGES_H
#define UM_CHANGES_H

#include "commands/trigger.h"

#include "row.h"

/* A walk; for a statement's trigger. */
typedef struct UmChanges
{
	UmShape    *shape;			/* of the rows */
	TupleTableSlot *old;		/* the row as it was and as it is, empty where */
	TupleTableSlot *new;		/* there is none */
	bool		paired;			/* an UPDATE's row is known in both states */

	Tuplestorestate *old_rows;
	Tuplestorestate *new_rows;
	int			old_pointer;
	int			new_pointer;
} UmChanges;

extern void um_changes_open(UmChanges *changes, TriggerData *data, const UmModel *model);
extern bool um_changes_next(UmChanges *changes);
extern bool um_changed_key(const UmChanges *changes, TupleTableSlot *row, Datum *id, Datum *date);
extern void um_changes_close(UmChanges *changes);

/* A column of a row by its slot in the model. */
static inline Datum
um_changed_value(const UmChanges *changes, TupleTableSlot *row, int slot, bool *null)
{
	return slot_getattr(row, changes->shape->column[slot] + 1, null);
}

#endif
