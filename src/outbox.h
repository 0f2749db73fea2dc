/*
 * outbox.h
 *	  Events, written in the transaction that changes.
 */
#ifndef UM_OUTBOX_H
#define UM_OUTBOX_H

#include "changes.h"

/* What befell a row, as event_kind has it. */
#define UM_CREATED 'c'
#define UM_UPDATED 'u'
#define UM_DELETED 'd'

/* The row that an update is of, where triggers of the user's may yet keep it from being moved. */
typedef struct UmDoubt
{
	Oid			leaf;
	ItemPointerData place;
	bool		may_stay;		/* nor be deleted there */
} UmDoubt;

extern void um_outbox_note(UmResource *resource, char kind, Datum id, bool moves);
extern void um_outbox_note_update(UmResource *resource, int wanted, const UmShape *shape,
								  const UmRecord *record, const UmRecord *old, uint64 changed,
								  const UmDoubt *doubt);
extern void um_outbox_note_leaving(UmResource *resource, Datum id);
extern void um_outbox_note_arrival(UmResource *resource, int wanted, const UmShape *shape,
								   const UmRecord *record);
extern bool um_outbox_has_notes(void);
extern void um_outbox_write(UmResource *resource, TriggerData *data);
extern void um_outbox_write_from(UmResource *resource, const char *query);
extern void um_outbox_end(SubTransactionId subtransaction, SubTransactionId parent);
extern void um_outbox_forget(SubTransactionId from);
extern void um_outbox_wake(void);
extern void um_outbox_at_commit(bool prepare);

#endif
