/*
 * operations.h
 *	  What the operations on one resource and on many have in common.
 */
#ifndef UM_OPERATIONS_H
#define UM_OPERATIONS_H

#include "fmgr.h"

#include "store.h"
#include "tmf_write.h"

extern UmVersion um_version_arg(FunctionCallInfo fcinfo, int n);
extern UmSlice um_json_arg(FunctionCallInfo fcinfo, int n);
extern UmRecord *um_store_new(UmRecord *record, bool *repeated);
extern Datum um_new_id(void);
extern bool um_is_repeat(UmRecord *delivered, UmRecord *stored, const UmKey *key);
extern void um_refuse_taken(const UmRecord *record);
extern Datum um_json_of(const UmRecord *record, UmVersion version, const UmFields *fields);

#endif
