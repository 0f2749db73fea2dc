/*
 * vouch.h
 *	  What a bulk insert tells the triggers of its rows.
 */
#ifndef UM_VOUCH_H
#define UM_VOUCH_H

#include "content.h"

/* A row that was read, completed and checked before it is inserted. */
typedef struct UmVouched
{
	Datum		id;
	TimestampTz date;
	UmHash		content_hash;
} UmVouched;

/* Rows are stored as they were checked when their statement began. */
#define UM_WHATEVER_CHECK (-1)

extern void um_vouch(const UmResource *resource, UmVouched **rows, int count, int check);
extern void um_vouch_no_more(void);
extern bool um_is_vouched(const UmResource *resource, Datum id);
extern bool um_is_vouched_whole(const UmResource *resource);
extern bool um_vouched_hash(int n, Datum id, Datum date, UmHash *content_hash);

#endif
