/*
 * rules.h
 *	  What a record must satisfy, whatever door it came by.
 */
#ifndef UM_RULES_H
#define UM_RULES_H

#include "datatype/timestamp.h"

#include "record.h"

extern void um_complete(UmRecord *record, const UmRecord *old);
extern bool um_complete_parties(UmRecord *usage);
extern bool um_complete_v4(UmRecord *usage, TimestampTz now);
extern void um_check(const UmRecord *record, const UmRecord *old, UmFaults *faults);
extern int	um_record_status(const UmRecord *record);
extern bool um_currency_known(UmSlice code);

#endif
