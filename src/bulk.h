/*
 * bulk.h
 *	  What a bulk insert tells the triggers of the rows that it inserts.
 */
#ifndef UM_BULK_H
#define UM_BULK_H

extern void um_bulk_init(void);
extern bool um_bulk_vouches(Datum id);
extern bool um_bulk_is_done(void);
extern bool um_bulk_hash(int n, Datum id, Datum date, int64 *content_hash);

#endif
