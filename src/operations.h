/*
 * operations.h
 *	  The operations of TMF630 on one resource and on many.
 */
#ifndef UM_OPERATIONS_H
#define UM_OPERATIONS_H

#include "compat.h"
#include "faults.h"
#include "patch.h"
#include "query_string.h"
#include "tmf_write.h"

/* One that was refused while others were not; detail is what to say of it. */
typedef void (*UmRefused) (void *arg, const char *id, int sqlstate, const char *detail);

/* Looks at the one that is to be changed or deleted, behind its lock; an error keeps it. */
typedef void (*UmStored) (const void *arg, const UmRecord *stored);

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
	UmRefused	refused;		/* of a patch of each: is told of them */
	void	   *refused_arg;
	UmStored	condition;		/* of put, patch and delete; NULL for none */
	const void *condition_arg;

	/* what it is while it is under way */
	UmFaults	faults;			/* of the body, or of what a patch makes */
	bool		named;			/* the body came with its id */
	UmPatch    *patch;
	UmQueryString *names;		/* the query, taken apart */

	/* the answer, in the caller's memory */
	UmRecord   *record;			/* as it is stored now; NULL for none; before that the body */
	uint64		count;			/* of many, or of one that was deleted */
	bool		created;		/* by this post; else it was there before */
} UmRequest;

typedef struct UmListing UmListing;

/* One page of a list: what is asked for, and what there is. */
typedef struct UmPage
{
	int64		limit;			/* resources at most, and so many bytes that one goes beyond */
	int			bytes;

	int64		count;			/* of those that are shown */
	bool		more;			/* others follow */
	StringInfoData last;		/* id of the last one that is shown */
} UmPage;

extern void um_post_one(UmRequest *request);
extern void um_get_one(UmRequest *request);
extern void um_put_one(UmRequest *request);
extern void um_read_patch(UmRequest *request);
extern void um_patch_one(UmRequest *request);
extern void um_delete_one(UmRequest *request);
extern void um_cancel_one(UmRequest *request);
pg_noreturn extern void um_refuse_missing(const UmRequest *request);

extern UmListing *um_list_open(UmRequest *request);
extern bool um_list_next(UmListing *listing, Datum *json);
extern void um_list_close(UmListing *listing);
extern void um_list_page(UmRequest *request, UmPage *page, StringInfo out);
extern void um_count_many(UmRequest *request);
extern List *um_explain_many(UmRequest *request);
extern void um_patch_many(UmRequest *request);
extern void um_patch_each(UmRequest *request);
extern void um_delete_many(UmRequest *request);

#endif
