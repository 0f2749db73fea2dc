/*
 * replace.h
 *	  A stored record and the one that is to replace it.
 */
#ifndef UM_REPLACE_H
#define UM_REPLACE_H

#include "record.h"

extern void um_replace(UmRecord *record, const UmRecord *old, UmVersion version, UmFaults *faults);
extern void um_refuse_faulty(UmRecord *record, const UmRecord *old, UmFaults *faults);

#endif
