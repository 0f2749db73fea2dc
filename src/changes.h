/*
 * changes.h
 *	  The rows that a statement has added or taken away, one after the other.
 */
#ifndef UM_CHANGES_H
#define UM_CHANGES_H

#include "commands/trigger.h"

#include "row.h"

/* A walk; for a statement's trigger. */
typedef struct UmChanges
{
	UmShape    *shape;			/* of the rows */
	TupleTableSlot *row;		/* the one that the walk has come to */
	Tuplestorestate *rows;
	int			pointer;
} UmChanges;

extern void um_changes_open(UmChanges *changes, TriggerData *data, const UmModel *model);
extern bool um_changes_next(UmChanges *changes);
extern bool um_changed_key(const UmChanges *changes, Datum *id, Datum *date);
extern void um_changes_close(UmChanges *changes);

#endif
