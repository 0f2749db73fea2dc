/*
 * delivery.h
 *	  A record that comes in: new, delivered before, or in the place of another.
 */
#ifndef UM_DELIVERY_H
#define UM_DELIVERY_H

#include "store.h"

extern Datum um_new_id(void);
extern UmRecord *um_store_new(UmRecord *record, bool *repeated);
extern bool um_is_repeat(UmRecord *delivered, UmRecord *stored, const UmKey *key);
extern void um_refuse_taken(const UmRecord *record);
extern bool um_fault_taken(const UmRecord *record, UmFaults *faults);

#endif
