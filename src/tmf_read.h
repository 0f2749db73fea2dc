/*
 * tmf_read.h
 *	  JSON text → record.
 */
#ifndef UM_TMF_READ_H
#define UM_TMF_READ_H

#include "datatype/timestamp.h"

#include "record.h"

/* The first and last instant that RFC 3339 can write. */
#define UM_FIRST_TIME (-INT64CONST(63082281600000000))
#define UM_LAST_TIME INT64CONST(252455615999999999)

extern UmRecord *um_read_document(const char *text, int len, const UmModel *model, UmFaults *faults);
extern UmVersion um_speaks(const UmRecord *record, UmVersion otherwise);
extern UmList *um_read_tree(UmScan *scan, const UmAttribute *attribute, UmFaults *faults,
							const UmPath *path);
extern Datum um_numeric(UmSlice number);
extern int	um_read_time(UmSlice text, TimestampTz *time);

#endif
