/*
 * operations.h
 *	  The operations of TMF630 on one resource and on many.
 */
#ifndef UM_OPERATIONS_H
#define UM_OPERATIONS_H

#include "record.h"
#include "tmf_write.h"

/* What is asked of a resource, and what became of it. */
typedef struct UmRequest
{
	UmResource *resource;
	UmVersion	version;
	text	   *id;				/* of get, put, patch and delete; NULL is nobody's */
	UmSlice		body;			/* of post, put and patch: JSON */
	const char *content_type;	/* of a patch; NULL for a merge patch */
	const char *query;			/* of many; NULL only where all may be meant */
	bool		closed;			/* of a delete: what is billed may go, too */

	/* the answer, in the caller's memory */
	UmRecord   *record;			/* as it is stored now; NULL for none */
	uint64		count;			/* of many, or of one that was deleted */
} UmRequest;

/* One that was refused while others were not; detail is what to say of it. */
typedef void (*UmRefused) (void *arg, const char *id, int sqlstate, const char *detail);

typedef struct UmListing UmListing;

extern void um_post_one(UmRequest *request);
extern void um_get_one(UmRequest *request);
extern void um_put_one(UmRequest *request);
extern void um_patch_one(UmRequest *request);
extern void um_delete_one(UmRequest *request);

extern UmListing *um_list_open(const UmRequest *request);
extern bool um_list_next(UmListing *listing, Datum *json);
extern void um_list_close(UmListing *listing);
extern void um_count_many(UmRequest *request);
extern List *um_explain_many(UmRequest *request);
extern void um_patch_many(UmRequest *request);
extern void um_patch_each(UmRequest *request, UmRefused refused, void *arg);
extern void um_delete_many(UmRequest *request);

extern Datum um_json_of(const UmRecord *record, UmVersion version, const UmFields *fields);

#endif
