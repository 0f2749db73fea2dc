/*
 * records.c
 *	  A stream cut into records, in batches.
 *
 * Bytes are read straight into the batch, and records are slices of it.  A
 * record ends at a line feed or at the end of the stream; a carriage return
 * before that is not part of it, and a blank line is no record.
 *
 * Memory stays the same whatever the file is like: a batch ends when its arena
 * is full, and a record that is longer than the arena goes to a temporary file,
 * of which a record above 64 MB leaves its first megabyte.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "records.h"

#define AT_ONCE (256 * 1024)
#define NOTHING UINT64_C(14695981039346656037)	/* digested */

static uint64_t digest(uint64_t hash, const char *bytes, size_t length);
static bool cut(Batch *batch, Cutter *cutter, bool ended);
static void add(Batch *batch, Cutter *cutter, char *text, size_t length);
static void take_refused(Record *record, char *text, size_t length);
static Slice look(Cutter *cutter, const char *text, size_t length, bool valid);
static bool blank(const char *text, size_t length);
static Step spill(Batch *batch, Cutter *cutter);
static bool put_by(Batch *batch, size_t length, Cutter *cutter);
static FILE *temporary_file(void);
static bool end_spill(Batch *batch, Cutter *cutter);
static bool look_at_spill(Batch *batch, Cutter *cutter);
static int	compare(const void *a, const void *b);
static bool pass(Batch *batch, const Cutter *cutter, int64_t bytes, char *last);

bool
batch_make(Batch *batch, int most)
{
	memset(batch, 0, sizeof(Batch));
	batch->arena = malloc(ARENA);
	batch->records = malloc(sizeof(Record) * most);
	return batch->arena != NULL && batch->records != NULL;
}

void
batch_free(Batch *batch)
{
	if (batch->spill != NULL)
		fclose(batch->spill);
	free(batch->arena);
	free(batch->records);
}

/* Empties a batch and starts it with the bytes that the one before (or itself) left over. */
void
batch_begin(Batch *batch, const Batch *before)
{
	size_t		left = before->used - before->cut;

	if (batch->spill != NULL)
		fclose(batch->spill);
	batch->spill = NULL;
	batch->spilled = 0;
	batch->count = 0;
	memmove(batch->arena, before->arena + before->cut, left);
	batch->used = left;
	batch->cut = 0;
	batch->end = before->end;
	batch->taken = before->taken;
	batch->digest = before->digest;
	batch->last = false;
}

/* Reads once at most, and cuts what there is. */
Step
batch_step(Batch *batch, Cutter *cutter)
{
	Source	   *source = cutter->source;
	size_t		room;
	ssize_t		n;

	if (batch->spill != NULL)
		return spill(batch, cutter);
	if (!cut(batch, cutter, false))
		return STEP_FULL;
	if (batch->used == ARENA)
	{
		if (batch->count > 0)
			return STEP_FULL;
		/* blank lines, or a record that is too long for an arena */
		memmove(batch->arena, batch->arena + batch->cut, batch->used - batch->cut);
		batch->used -= batch->cut;
		batch->cut = 0;
		if (batch->used == ARENA)
			return spill(batch, cutter);
	}
	room = ARENA - batch->used;
	n = source_read(source, batch->arena + batch->used, room < AT_ONCE ? room : AT_ONCE);
	/* what was before is stored first; then a read fails again */
	if (n < 0)
		return batch->count > 0 ? STEP_FULL : STEP_FAILED;
	batch->used += n;
	batch->taken = source->taken;
	if (n > 0)
		return STEP_MORE;
	batch->last = cut(batch, cutter, true);
	return STEP_FULL;
}

/* Cuts the records that are whole; false when the batch is full before that. */
static bool
cut(Batch *batch, Cutter *cutter, bool ended)
{
	while (batch->cut < batch->used)
	{
		char	   *from = batch->arena + batch->cut;
		size_t		left = batch->used - batch->cut;
		char	   *feed = memchr(from, '\n', left);
		size_t		length = feed != NULL ? (size_t) (feed - from) : left;

		if (feed == NULL && !ended)
			break;
		if (batch->count == cutter->most)
			return false;
		batch->cut += length + (feed != NULL);
		batch->end += length + (feed != NULL);
		if (cutter->digests)
			batch->digest = digest(batch->digest, from, length + (feed != NULL));
		if (length > 0 && from[length - 1] == '\r')
			length--;
		if (!blank(from, length))
			add(batch, cutter, from, length);
	}
	return true;
}

static bool
blank(const char *text, size_t length)
{
	while (length > 0 && (*text == ' ' || *text == '\t' || *text == '\r'))
	{
		text++;
		length--;
	}
	return length == 0;
}

static void
add(Batch *batch, Cutter *cutter, char *text, size_t length)
{
	Record	   *record = &batch->records[batch->count];

	record->text = text;
	record->length = length;
	record->place = batch->count++;
	record->errors.length = 0;
	if (cutter->source->marks && *text == REFUSED)
	{
		take_refused(record, text, length);
		record->resource = cutter->resources.usual;
		return;
	}
	record->valid = text_valid(text, length) == length;
	record->id = look(cutter, text, length, record->valid);
	record->resource = cutter->resource;
}

/* What csv.c could not make a document of: see there. */
static void
take_refused(Record *record, char *text, size_t length)
{
	char	   *errors = memchr(text + 1, REFUSED, length - 1);
	char	   *row = memchr(errors + 1, REFUSED, text + length - errors - 1);
	char	   *to = ++row;

	record->whole = strtoll(text + 1, NULL, 10);
	record->errors.text = errors + 1;
	record->errors.length = row - errors - 2;
	record->text = row;
	for (char *p = row; p < text + length; p++)
		*to++ = *p != '\033' ? *p : *++p == 'n' ? '\n' : '\033';
	record->length = to - row;
	record->id.length = 0;
	record->valid = false;
}

/*
 * Gives a record's id, tells the cutter its resource, and notes its month.  It
 * is read as of the resource of the record before, and again if it is not.
 */
static Slice
look(Cutter *cutter, const char *text, size_t length, bool valid)
{
	const Resources *resources = &cutter->resources;
	Glance		glance = text_glance(text, length, &resources->list[cutter->resource].names);
	int			resource = resources_of_type(resources, glance.type);
	int			month;

	if (resource != cutter->resource)
		glance = text_glance(text, length, &resources->list[resource].names);
	cutter->resource = resource;
	month = glance.date.length > 0 ? text_month(glance.date) - cutter->first_month : -1;
	if (valid && month >= 0 && month < MONTHS && resources->list[resource].months[month] == NOT_SEEN)
		resources->list[resource].months[month] = SEEN;
	return glance.id;
}

/*
 * The arena is full of one record: it goes to a file, and what follows it until
 * its end.  A step of that reads and writes one arena.
 */
static Step
spill(Batch *batch, Cutter *cutter)
{
	Source	   *source = cutter->source;
	ssize_t		n;
	char	   *feed;

	if (batch->spill == NULL)
	{
		batch->start = batch->end;
		batch->spill = temporary_file();
		if (batch->spill == NULL)
		{
			snprintf(source->error, sizeof(source->error),
					 "could not make a temporary file for a long record: %s", strerror(errno));
			return STEP_FAILED;
		}
	}
	else
	{
		n = source_read(source, batch->arena, AT_ONCE);
		if (n < 0)
			return STEP_FAILED;
		batch->taken = source->taken;
		batch->last = n == 0;
		batch->used = n;
	}
	feed = memchr(batch->arena, '\n', batch->used);
	batch->cut = feed != NULL ? (size_t) (feed - batch->arena) : batch->used;
	if (!put_by(batch, batch->cut, cutter))
		return STEP_FAILED;
	if (feed == NULL && !batch->last)
		return STEP_MORE;
	batch->cut += feed != NULL;
	batch->end += feed != NULL;
	if (feed != NULL && cutter->digests)
		batch->digest = digest(batch->digest, feed, 1);
	return end_spill(batch, cutter) ? STEP_FULL : STEP_FAILED;
}

/* Writes the first bytes of the arena to the file, as far as they are kept. */
static bool
put_by(Batch *batch, size_t length, Cutter *cutter)
{
	Source	   *source = cutter->source;

	batch->spilled += length;
	batch->end += length;
	if (length > 0)
		batch->spilled_last = batch->arena[length - 1];
	if (cutter->digests)
		batch->digest = digest(batch->digest, batch->arena, length);
	if (batch->spilled <= LONGEST + 1 &&
		fwrite(batch->arena, 1, length, batch->spill) != length)
	{
		snprintf(source->error, sizeof(source->error),
				 "could not write a temporary file for a long record: %s", strerror(errno));
		return false;
	}
	return true;
}

/* The long record is whole: it is ready to be read back. */
static bool
end_spill(Batch *batch, Cutter *cutter)
{
	Source	   *source = cutter->source;

	batch->spilled -= batch->spilled_last == '\r';
	if (fflush(batch->spill) == 0 && fseeko(batch->spill, 0, SEEK_SET) == 0 &&
		look_at_spill(batch, cutter))
		return true;
	snprintf(source->error, sizeof(source->error),
			 "could not read a temporary file for a long record: %s", strerror(errno));
	return false;
}

/* All of it, for its type may stand at its end; of one too long what is kept. */
static bool
look_at_spill(Batch *batch, Cutter *cutter)
{
	size_t		length = batch->spilled <= LONGEST ? (size_t) batch->spilled : KEPT;
	char	   *text = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fileno(batch->spill), 0);

	if (text == MAP_FAILED)
		return false;
	(void) look(cutter, text, length, true);
	batch->spilled_resource = cutter->resource;
	return munmap(text, length) == 0;
}

static FILE *
temporary_file(void)
{
	const char *folder = getenv("TMPDIR");
	char		name[4096];
	int			fd;

	if (snprintf(name, sizeof(name), "%s/usagectl.XXXXXX",
				 folder != NULL && folder[0] != '\0' ? folder : "/tmp") >= (int) sizeof(name))
	{
		errno = ENAMETOOLONG;
		return NULL;
	}
	fd = mkstemp(name);
	if (fd < 0)
		return NULL;
	unlink(name);
	return fdopen(fd, "w+");
}

/*
 * Puts the records in the order of their resources and ids, so that two programs
 * never wait for each other's; those without an id come last.
 */
void
batch_sort(Batch *batch)
{
	for (int i = 1; i < batch->count; i++)
		if (compare(&batch->records[i - 1], &batch->records[i]) > 0)
		{
			qsort(batch->records, batch->count, sizeof(Record), compare);
			return;
		}
}

static int
compare(const void *a, const void *b)
{
	const Record *x = a;
	const Record *y = b;
	size_t		n = x->id.length < y->id.length ? x->id.length : y->id.length;
	int			order;

	if (x->resource != y->resource)
		return x->resource < y->resource ? -1 : 1;
	if ((x->id.length == 0) != (y->id.length == 0))
		return x->id.length == 0 ? 1 : -1;
	order = n == 0 ? 0 : memcmp(x->id.text, y->id.text, n);
	if (order != 0)
		return order;
	if (x->id.length != y->id.length)
		return x->id.length < y->id.length ? -1 : 1;
	return x->place < y->place ? -1 : 1;
}

/*
 * Reads the start of the stream, passes over a byte order mark, and tells what
 * the start is like in 16 digits (FNV-1a).
 */
bool
batch_peek(Batch *batch, Cutter *cutter, char *fingerprint)
{
	while (batch->used < PEEK)
	{
		ssize_t		n = source_read(cutter->source, batch->arena + batch->used, PEEK - batch->used);

		/* where the file is at fault, what is before that is taken all the same */
		if (n < 0 && !(cutter->source->lasting && batch->used > 0))
			return false;
		if (n <= 0)
			break;
		batch->used += n;
	}
	sprintf(fingerprint, "%016" PRIx64, digest(NOTHING, batch->arena, batch->used));
	if (batch->used >= 3 && memcmp(batch->arena, "\xEF\xBB\xBF", 3) == 0)
		batch->cut = batch->end = 3;
	batch->digest = digest(NOTHING, batch->arena, batch->end);
	batch->taken = cutter->source->taken;
	return true;
}

/* Over that many bytes behind the arena. */
static bool
pass(Batch *batch, const Cutter *cutter, int64_t bytes, char *last)
{
	char		buffer[16 * 1024];
	ssize_t		n;

	if (bytes == 0 || !cutter->digests)
		return bytes == 0 || source_skip(cutter->source, bytes, last);
	for (; bytes > 0; bytes -= n)
	{
		n = source_read(cutter->source, buffer, bytes < (int64_t) sizeof(buffer) ? (size_t) bytes : sizeof(buffer));
		/* says that there is too little */
		if (n == 0)
			return source_skip(cutter->source, bytes, last);
		if (n < 0)
			return false;
		batch->digest = digest(batch->digest, buffer, n);
		*last = buffer[n - 1];
	}
	return true;
}

/* FNV-1a, gone on with. */
static uint64_t
digest(uint64_t hash, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char) bytes[i]) * UINT64_C(1099511628211);
	return hash;
}

/* Goes on at a position where a record ended, after a peek. */
bool
batch_skip(Batch *batch, Cutter *cutter, int64_t position)
{
	Source	   *source = cutter->source;
	char		last = '\n';
	size_t		held = position <= (int64_t) batch->used ? (size_t) position : batch->used;
	ssize_t		n;

	if (position <= batch->end)
		return true;
	batch->digest = digest(NOTHING, batch->arena, held);
	if (held > 0)
		last = batch->arena[held - 1];
	if (!pass(batch, cutter, position - held, &last))
		return false;
	batch->cut = held;
	batch->end = position;
	batch_begin(batch, batch);
	if (last == '\n')
		return true;
	/* then it was the last record and had no line feed */
	n = batch->used > 0 ? 1 : source_read(source, batch->arena, 1);
	if (n > 0)
		snprintf(source->error, sizeof(source->error),
				 "the file is not the one that was read before: no record ends at byte %" PRId64,
				 position);
	return n == 0;
}
