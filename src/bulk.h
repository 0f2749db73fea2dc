/*
 * bulk.h
 *	  What a bulk insert tells the triggers of the rows that it inserts.
 */
#ifndef UM_BULK_H
#define UM_BULK_H

extern void um_bulk_init(void);
extern bool um_is_copy_into(Oid relation);
extern bool um_bulk_vouches(Datum id, int64 *content_hash);

#endif
