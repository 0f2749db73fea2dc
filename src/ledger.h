/*
 * ledger.h
 *	  One id, one usage: the writer of usage_key.
 */
#ifndef UM_LEDGER_H
#define UM_LEDGER_H

#include "utils/relcache.h"

extern void um_ledger_init(void);
extern void um_ledger_note(Oid root, bool doubtful, bool vouched, Datum id, Datum date, int64 hash);
extern void um_ledger_note_move(Oid root, Datum id, Datum date, int64 hash);
extern Oid	um_partition_root(Relation relation);

#endif
