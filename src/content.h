/*
 * content.h
 *	  What makes two records the same.
 */
#ifndef UM_CONTENT_H
#define UM_CONTENT_H

#include "record.h"

/* The algorithm; its number is stored beside every hash. */
#define UM_HASH_VERSION 1

extern int64 um_content_hash(const UmRecord *usage);
extern Datum um_content_id(const UmRecord *usage);
extern bool um_same_content(const UmRecord *a, const UmRecord *b, int but_flags,
							bool but_status);
extern const UmAttribute *um_first_difference(const UmRecord *delivered, const UmRecord *stored);

/* Key in the column rejection of the status that a marked record came with. */
#define UM_DELIVERED_STATUS "delivered_status"

#endif
