/*
 * bulk.h
 *	  What a bulk insert tells the triggers of the rows that it inserts.
 */
#ifndef UM_BULK_H
#define UM_BULK_H

#include "datatype/timestamp.h"

#include "record.h"

/* A row that has been read, completed, checked and hashed. */
typedef struct UmVouched
{
	Datum		id;
	TimestampTz usage_date;
	int64		content_hash;
} UmVouched;

extern void um_bulk_init(void);
extern bool um_bulk_vouches(Datum id);
extern const UmVouched *um_bulk_rows(int *count);

#endif
