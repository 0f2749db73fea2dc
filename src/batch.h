/*
 * batch.h
 *	  The records of a load, a thousand at a time, and what becomes of them.
 */
#ifndef UM_BATCH_H
#define UM_BATCH_H

#include "access/htup.h"
#include "commands/copy.h"

#include "content.h"
#include "load.h"
#include "rows.h"
#include "setting_table.h"
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
	text	   *document;
	MinimalTuple row;
	List	   *amounts;		/* for the books of the load */
	int64		number;			/* in the load, from 1 */
	UmFate		fate;
	bool		filled;			/* lacked what its version does not ask for */
	bool		suspect;		/* may not be new: its specification is against it */
	UmVouched	key;			/* of a row with a ledger */
} UmBatchItem;

/* The records of one statement on the view that are not yet stored. */
typedef struct UmBatch
{
	struct UmBatch *outer;
	Oid			view;
	UmResource *resource;
	SubTransactionId transaction;	/* that opened it */
	Oid			owner;			/* of the view, who keeps the load's books */
	UmUser		caller;			/* while the owner asks the ledger */
	bool		keeps;			/* faults become rejects */
	UmCheckSpecification check; /* as it was ordered when the statement began */
	bool		fills;			/* what a version does not ask for, as ordered then */
	bool		form_known;		/* of the COPY that brings its documents */
	CopyFromState copy;			/* that COPY, where its lines need a look; else NULL */
	bool		storing;		/* its rows, and so triggers of the user's run */
	UmLoad	   *load;			/* NULL where nobody keeps books */
	int64		number;			/* of the last record */
	bool		expects_new;	/* the ledger knew none of the ids before */
	MemoryContext context;		/* of the batch itself */
	MemoryContext records;		/* of its items, emptied by a flush */
	MemoryContext scratch;		/* of the record being read */
	UmRows	   *rows;			/* for the INSERT */
	int			from;			/* which of the items that one is about, */
	int			to;				/* this one not any more */
	int			count;
	Size		bytes;
	UmBatchItem	items[UM_BATCH_RECORDS];
} UmBatch;

extern UmRecord *um_batch_read(const UmBatch *batch, const text *document, UmFaults *faults,
							   bool *filled);
extern bool um_batch_suspects(const UmBatch *batch, const UmRecord *record, UmFaults *faults);
extern void um_batch_judge(UmBatch *batch, UmBatchItem *item, const char *errors);
extern void um_batch_judge_error(UmBatch *batch, UmBatchItem *item, ErrorData *error);
extern void um_batch_flush(UmBatch *batch);

#endif
