/*
 * load.h
 *	  The books of a load: what came in and what became of it.
 */
#ifndef UM_LOAD_H
#define UM_LOAD_H

#include "record.h"

/* A longer document is a reject, kept by its first megabyte, with its length. */
#define UM_LONGEST_KEPT (64 * 1024 * 1024)

typedef struct UmLoad
{
	int64		id;
	Oid			owner;			/* as whom the books are kept */
	const char *conflict;		/* table of what has others' ids, or NULL */
	bool		own;			/* made by and for one statement */
	int64		before;			/* records read by earlier statements */
	int64		read;			/* by this one, as all that follows */
	int64		stored;
	int64		repeated;
	int64		conflicting;
	int64		rejected;
	int64		filled;			/* of the stored ones */
	TimestampTz first_date;		/* of what was stored, DT_NOEND for none */
	TimestampTz last_date;
	List	   *amounts;		/* of UmAmount */
} UmLoad;

/* A rated amount, or a sum of them, in one currency. */
typedef struct UmAmount
{
	char		currency[4];
	Datum		sum;			/* numeric */
} UmAmount;

extern int64 um_load_id(void);
extern bool um_is_loader(const char *role);
extern UmLoad *um_load_open(const UmResource *resource, Oid owner);
extern void um_load_close(UmLoad *load);
extern List *um_load_amounts(const UmRecord *record);
extern void um_load_add(UmLoad *load, TimestampTz date, const List *amounts);
extern void um_load_reject(UmLoad *load, const UmResource *resource, int64 number, UmSlice document,
						   const char *errors);
extern void um_load_conflict(UmLoad *load, UmResource *resource, int64 number, Datum id,
							 UmSlice document, const UmRecord *stored);

#endif
