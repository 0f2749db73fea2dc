/*
 * rules.h
 *	  What a record must satisfy, whatever door it came by.
 */
#ifndef UM_RULES_H
#define UM_RULES_H

#include "datatype/timestamp.h"

#include "record.h"

extern void um_complete(UmRecord *record, const UmRecord *old);
extern bool um_fill_elements(UmRecord *record, UmVersion version, TimestampTz now);
extern bool um_fill(UmRecord *record, UmVersion version, TimestampTz now);
extern void um_check(const UmRecord *record, const UmRecord *old, UmFaults *faults);
extern void um_check_members(const UmRecord *record, UmFaults *faults);
extern int	um_record_status(const UmRecord *record);
extern bool um_is_closed(const UmRecord *record);
extern bool um_currency_known(UmSlice code);

#endif
