/*
 * tmf_read.h
 *	  JSON text → record.
 */
#ifndef UM_TMF_READ_H
#define UM_TMF_READ_H

#include "record.h"

extern UmRecord *um_read_document(const char *text, int len, const UmModel *model, UmFaults *faults);
extern UmRecord *um_read_element(UmScan *scan, const UmModel *model, UmFaults *faults);
extern UmVersion um_speaks(const UmRecord *record, UmVersion otherwise);
extern UmList *um_read_tree(UmScan *scan, const UmAttribute *attribute, UmFaults *faults,
							const UmPath *path);

#endif
