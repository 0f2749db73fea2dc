/*
 * content.h
 *	  What makes two records the same.
 */
#ifndef UM_CONTENT_H
#define UM_CONTENT_H

#include "utils/uuid.h"

#include "record.h"

/* Key in the column rejection of the status that a marked record came with. */
#define UM_DELIVERED_STATUS "delivered_status"

/* The algorithm; its number is stored beside every hash. */
#define UM_HASH_VERSION 2

/* SHA-256 cut to 16 bytes, which SQL shows as a UUID. */
typedef pg_uuid_t UmHash;

static inline bool
um_same_hash(UmHash a, UmHash b)
{
	return memcmp(&a, &b, sizeof(UmHash)) == 0;
}

extern UmHash um_content_hash(const UmRecord *usage);
extern Datum um_uuid_text(UmHash id, int version);
extern Datum um_content_id(const UmRecord *usage);
extern bool um_same_content(const UmRecord *a, const UmRecord *b, int but_flags,
							bool but_status);
extern const UmAttribute *um_first_difference(const UmRecord *delivered, const UmRecord *stored);

#endif
