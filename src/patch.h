/*
 * patch.h
 *	  Partial updates: merge patch and JSON Patch.
 */
#ifndef UM_PATCH_H
#define UM_PATCH_H

#include "record.h"

/* The media types of patches, and that of JSON, which may be one. */
#define UM_JSON_TYPE "application/json"
#define UM_MERGE_PATCH "application/merge-patch+json"
#define UM_JSON_PATCH "application/json-patch+json"
#define UM_JSON_PATCH_QUERY "application/json-patch-query+json"

typedef struct UmPatch UmPatch;

/* What a merge patch does that only sets columns, whatever the record. */
typedef struct UmConstant
{
	UmRecord   *record;			/* the columns it sets; to extra it adds */
	bool	   *cleared;		/* columns that it empties, by slot */
	List	   *forgotten;		/* of char *: members that leave extra */
} UmConstant;

extern const char *const um_patch_types[];	/* all of them, up to a NULL */
extern UmPatch *um_patch_parse(UmSlice text, const char *content_type, const UmModel *model,
							   UmVersion version);
extern UmRecord *um_patch_apply(UmPatch *patch, const UmRecord *stored, UmFaults *faults);
extern const UmConstant *um_patch_constant(const UmPatch *patch);

#endif
