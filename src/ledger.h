/*
 * ledger.h
 *	  One id, one usage: the writer of usage_key.
 */
#ifndef UM_LEDGER_H
#define UM_LEDGER_H

#include "resource.h"

extern void um_ledger_forget(SubTransactionId from);
extern void um_ledger_note_date(Oid root, UmResource *resource, Datum id, Datum old_date, Datum date);
extern Oid	um_ledger_root(Relation relation);

#endif
