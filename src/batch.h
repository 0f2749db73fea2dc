/*
 * batch.h
 *	  The records of a load or an array, a thousand at a time, and what becomes of them.
 */
#ifndef UM_BATCH_H
#define UM_BATCH_H

#include "access/htup.h"
#include "commands/copy.h"

#include "content.h"
#include "load.h"
#include "rows.h"
#include "setting_table.h"
#include "tmf_write.h"
#include "vouch.h"

#define UM_BATCH_RECORDS 1000

/* What becomes of a record. */
typedef enum UmFate
{
	FATE_UNKNOWN, FATE_NEW, FATE_STORED, FATE_REPEATED, FATE_CONFLICTING, FATE_REJECTED
} UmFate;

/* A record of the batch: its row is made at once, the record itself is let go. */
typedef struct UmBatchItem
{
	UmSlice		document;
	MinimalTuple row;
	List	   *amounts;		/* for the books of the load */
	int64		number;			/* in the load, from 1; in an array, from 0 */
	UmFate		fate;
	bool		filled;			/* lacked what its version does not ask for */
	bool		suspect;		/* may not be new: its specification is against it */
	UmVouched	key;			/* of a row with a ledger; of another the id */
	UmSlice		answer;			/* of an array: as it is stored, in JSON; NULL where it is not */
} UmBatchItem;

/* Records that are not yet stored: of one statement on a view, or of an array. */
typedef struct UmBatch
{
	struct UmBatch *outer;
	Oid			view;
	UmResource *resource;
	UmVersion	version;		/* of an array; whose names faults carry */
	SubTransactionId transaction;	/* that opened it */
	Oid			owner;			/* of the view or table, who keeps the books and asks the ledger */
	UmUser		caller;			/* meanwhile */
	bool		keeps;			/* what is at fault is put by, and the rest goes on */
	UmCheckSpecification check; /* as it was ordered when the statement began */
	bool		fills;			/* what a version does not ask for, as ordered then */
	bool		form_known;		/* of the COPY that brings its documents */
	CopyFromState copy;			/* that COPY, where its lines need a look; else NULL */
	bool		storing;		/* its rows, and so triggers of the user's run */
	UmLoad	   *load;			/* NULL where nobody keeps books */
	UmFaults   *refused;		/* of an array: of all its elements; else NULL */
	bool		dry;			/* some of them are known: nothing more is inserted */
	UmFields   *fields;			/* of the answer to an array */
	int64		number;			/* of the last record */
	bool		expects_new;	/* the ledger knew none of the ids before */
	MemoryContext context;		/* of the batch itself */
	MemoryContext records;		/* of its items */
	MemoryContext scratch;		/* of the record being read */
	UmRows	   *rows;			/* for the INSERT */
	int			from;			/* which of the items that one is about, */
	int			to;				/* up to before this one */
	UmBatchItem **items;		/* at most UM_BATCH_RECORDS at a time */
	int			count;
	Size		bytes;
} UmBatch;

extern UmBatch *um_batch_start(UmResource *resource, Oid owner, MemoryContext parent);
extern void um_batch_store_alone(UmBatch *batch, UmBatchItem *item, UmRecord *record);
extern void um_batch_flush(UmBatch *batch);
extern void um_batch_store(UmBatch *batch, const List *items);

#endif
