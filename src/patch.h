/*
 * patch.h
 *	  Partial updates: merge patch and JSON Patch.
 */
#ifndef UM_PATCH_H
#define UM_PATCH_H

#include "record.h"

typedef struct UmPatch UmPatch;

extern UmPatch *um_patch_parse(UmSlice text, const char *content_type, const UmModel *model,
							   UmVersion version);
extern UmRecord *um_patch_apply(UmPatch *patch, const UmRecord *stored, UmFaults *faults);
extern const UmRecord *um_patch_constant(const UmPatch *patch, const bool **cleared);

#endif
