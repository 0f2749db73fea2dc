/*
 * operations.h
 *	  What the operations on one resource and on many have in common.
 */
#ifndef UM_OPERATIONS_H
#define UM_OPERATIONS_H

#include "fmgr.h"

#include "tmf_write.h"

extern UmVersion um_version_arg(FunctionCallInfo fcinfo, int n);
extern Datum um_json_of(const UmRecord *record, UmVersion version, const UmFields *fields);

#endif
