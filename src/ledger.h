/*
 * ledger.h
 *	  One id, one usage: the writer of usage_key.
 */
#ifndef UM_LEDGER_H
#define UM_LEDGER_H

#include "resource.h"

extern void um_ledger_forget(SubTransactionId from);
extern void um_ledger_note_leaving(Relation leaf, UmResource *resource, Datum id, Datum date);
extern void um_ledger_note_move(Relation leaf, UmResource *resource, Datum id, Datum date);

#endif
