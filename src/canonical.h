/*
 * canonical.h
 *	  What a record says, as bytes.
 */
#ifndef UM_CANONICAL_H
#define UM_CANONICAL_H

#include "record.h"

/* Key in the column rejection of the status that a marked record came with. */
#define UM_DELIVERED_STATUS "delivered_status"

extern void um_canonical_record(StringInfo out, const UmRecord *record, int but_flags,
								int but_slot, bool as_delivered);
extern void um_canonical_slot(StringInfo out, const UmRecord *record,
							  const UmAttribute *attribute, bool as_delivered);

#endif
