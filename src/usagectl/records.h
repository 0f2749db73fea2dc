/* records.h: a stream cut into records, in batches */
#ifndef USAGECTL_RECORDS_H
#define USAGECTL_RECORDS_H

#include <stdio.h>

#include "resources.h"
#include "source.h"

#define ARENA (16 * 1024 * 1024)	/* bytes of a batch */
#define LONGEST (64 * 1024 * 1024)	/* bytes of a record that can be kept whole */
#define KEPT (1024 * 1024)		/* bytes kept of a longer one */
#define PEEK (64 * 1024)		/* bytes that tell one file from another */

typedef struct Record
{
	const char *text;
	size_t		length;
	Slice		id;
	Slice		errors;			/* in the arena, JSON of what keeps it from being a document;
								 * mostly none */
	int64_t		whole;			/* then its bytes, kept or not */
	int			place;			/* in the batch, from 0 */
	short		resource;
	bool		valid;			/* is text, and may be sent */
} Record;

/*
 * Records one after the other, in the order they will be sent.  One that does
 * not fit into the arena is alone in its batch, and in a temporary file.
 */
typedef struct Batch
{
	char	   *arena;
	size_t		used;			/* bytes in the arena */
	size_t		cut;			/* bytes of them that are cut into records */
	Record	   *records;
	int			count;
	FILE	   *spill;
	int64_t		spilled;		/* bytes of the record there, kept or not */
	char		spilled_last;	/* of these bytes */
	int			spilled_resource;
	int64_t		start;			/* of that record, in the stream */
	int64_t		end;			/* in the stream, past its last record */
	int64_t		taken;			/* bytes of the file read by then */
	uint64_t	digest;			/* of the stream until end, where the cutter digests */
	bool		last;			/* nothing comes after it */
} Batch;

typedef struct Cutter
{
	Source	   *source;
	int			most;			/* records in a batch */
	bool		digests;		/* what is cut, to know it again */
	int			first_month;	/* of those whose partitions are made */
	Resources	resources;
	int			resource;		/* of the record before */
} Cutter;

/* What a step came to. */
typedef enum Step
{
	STEP_MORE, STEP_FULL, STEP_FAILED
} Step;

extern bool batch_make(Batch *batch, int most);
extern void batch_free(Batch *batch);
extern void batch_begin(Batch *batch, const Batch *before);
extern Step batch_step(Batch *batch, Cutter *cutter);
extern void batch_sort(Batch *batch);
extern bool batch_peek(Batch *batch, Cutter *cutter, char *fingerprint);
extern bool batch_skip(Batch *batch, Cutter *cutter, int64_t position);

#endif
