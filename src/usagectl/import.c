/*
 * import.c
 *	  Records of a source into the store.
 *
 * A batch is one transaction: the records by binary COPY, one for each resource
 * that they are of, in the order of their ids, what is no text as rejects of our
 * own, and the position in the file.  While the server works on one batch the
 * next one is read.
 *
 * After a break of any kind the same command goes on after the last batch that
 * was committed; see books.c.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "head.h"
#include "import.h"
#include "partitions.h"
#include "records.h"

#define NO_BYTE (-1)			/* is at fault */

typedef struct Import
{
	const ImportOptions *options;
	const Follower *follower;
	PGconn	   *conn;
	Source		source;
	Cutter		cutter;
	Batch		batches[2];		/* the one that is sent, and the next */
	Batch	   *ahead;			/* the next */
	Step		step;			/* what reading it came to so far */
	Books		books;
	Copy		copy;
	int		   *places;			/* of the records sent, in the batch */
	int64_t		records;		/* of this run */
	bool		partitions;		/* are still made */
} Import;

/* Sends some records of one resource and adds them to those sent. */
typedef bool (*Sender) (Import *import, Batch *batch, int from, int to, int *sent);

static bool make(Import *import);
static bool take(Import *import, const char *name);
static bool open_source(Import *import, const char *name);
static bool may_have_records(const Import *import, const char *name);
static bool is_as_before(const Import *import, const char *name);
static bool import_batches(Import *import);
static bool going(const Import *import);
static bool ended(Import *import);
static bool send_batch(Import *import, Batch *batch);
static bool send_resources(Import *import, Batch *batch, Sender send, int *sent);
static bool send_records(Import *import, Batch *batch, int from, int to, int *sent);
static bool send_by_halves(Import *import, Batch *batch, int from, int to, int *sent);
static bool begin_again(Import *import);
static bool open_door(Import *import, const Resource *resource);
static bool send_refused(Import *import, const Batch *batch);
static bool begin_refusing(Import *import);
static bool send_long(Import *import, Batch *batch);
static bool refuse_long(Import *import, Batch *batch, size_t valid);
static size_t valid_bytes(Batch *batch);
static void refuse(Import *import, int resource, int place, const char *text, const char *raw,
				   size_t kept, int64_t length, const char *code, const char *message);
static void refuse_for(Import *import, int resource, int place, const char *text, const char *raw,
					   size_t kept, int64_t length, const char *errors, size_t errors_length);
static void refuse_row(Import *import, const Record *record);
static bool server_has_utf8(const Import *import);
static const char *describe(char *message, size_t size, const Resource *resource, size_t place,
							int byte);
static bool read_ahead(void *context);
static bool close_books(Import *import);

/* All of it, or what is left of it; false where it failed, or was told to stop. */
bool
import_run(const ImportOptions *options, PGconn *conn, const char *name, const Follower *follower)
{
	Import	   *import = calloc(1, sizeof(Import));
	bool		done = false;

	import->options = options;
	import->follower = follower;
	import->conn = conn;
	import->partitions = options->partitions;
	import->source.fd = -1;
	if (!make(import))
		complain("out of memory");
	else
		done = take(import, name);
	/* that of a stream begins with its url */
	if (strncmp(import->source.error, name, strlen(name)) == 0)
		complain("%s", import->source.error);
	else if (import->source.error[0] != '\0')
		complain("%s: %s", name, import->source.error);
	if (import->source.lasting)
		complaint_lasts();
	books_leave(&import->books, conn);
	source_close(&import->source);
	resources_free(&import->cutter.resources);
	batch_free(&import->batches[0]);
	batch_free(&import->batches[1]);
	free(import->places);
	free(import);
	return done;
}

static bool
make(Import *import)
{
	import->cutter.source = &import->source;
	import->cutter.most = import->options->batch;
	import->cutter.first_month = partitions_first_month();
	import->places = malloc(sizeof(int) * import->options->batch);
	return batch_make(&import->batches[0], import->options->batch) &&
		batch_make(&import->batches[1], import->options->batch) && import->places != NULL;
}

/* What a job has done before is not even opened. */
static bool
take(Import *import, const char *name)
{
	Books	   *books = &import->books;
	Resources  *resources = &import->cutter.resources;

	if (!resources_learn(resources, import->conn, import->options->resource) ||
		!books_find_job(books, import->conn, resources, import->options->job))
		return false;
	return (books->finished || (open_source(import, name) && import_batches(import) && ended(import))) &&
		close_books(import);
}

/* Opens the source and the books, and goes where they say. */
static bool
open_source(Import *import, const char *name)
{
	const ImportOptions *options = import->options;
	const Follower *follower = import->follower;
	Cutter	   *cutter = &import->cutter;
	char		fingerprint[20];
	Batch	   *batch = &import->batches[0];

	if (!follower->open(follower->context, &import->source))
		return false;
	/* what is read anyway, when it is gone on with */
	cutter->digests = import->source.stream != NULL;
	import->source.format.conn = import->conn;
	import->source.format.resource = cutter->resources.list[cutter->resources.usual].noun;
	if (!batch_peek(batch, cutter, fingerprint) || !may_have_records(import, name) ||
		!books_open(&import->books, import->conn, name, fingerprint, options->restart || options->job != NULL,
					options->declared) ||
		(follower->opened != NULL && !follower->opened(follower->context, &import->books)) ||
		!batch_skip(batch, cutter, import->books.position) || !is_as_before(import, name))
		return false;
	cutter->resource = cutter->resources.usual;
	if (follower->begins != NULL)
		follower->begins(follower->context, &import->source);
	return true;
}

/* A file of another form is told of by its start, before it is a load and a million rejects. */
static bool
may_have_records(const Import *import, const char *name)
{
	const Batch *batch = &import->batches[0];
	const char *other = NULL;

	if (import->source.format.kind == FORMAT_NDJSON)
		other = head_of_lines(batch->arena + batch->end, batch->used - batch->end, batch->used < PEEK,
							  import->options->job != NULL);
	if (other == NULL)
		return true;
	complain("%s: %s", name, other);
	complaint_lasts();
	return false;
}

/* Elsewhere another file may lie under the name by now. */
static bool
is_as_before(const Import *import, const char *name)
{
	const Books *books = &import->books;
	char		digest[20];

	snprintf(digest, sizeof(digest), "%016" PRIx64, import->batches[0].digest);
	if (!import->cutter.digests || books->digest[0] == '\0' || strcmp(books->digest, digest) == 0)
		return true;
	complain("%s: this is not what load %s was begun with, its first %" PRId64 " bytes differ", name, books->id, books->position);
	complaint_lasts();
	return false;
}

static bool
import_batches(Import *import)
{
	Batch	   *batch = &import->batches[0];

	import->ahead = batch;
	import->step = STEP_MORE;
	for (;;)
	{
		while (import->step == STEP_MORE)
		{
			import->step = batch_step(import->ahead, &import->cutter);
			if (!going(import))
				return false;
		}
		if (import->step == STEP_FAILED)
			return false;
		batch = import->ahead;
		import->ahead = batch == import->batches ? batch + 1 : batch - 1;
		batch_begin(import->ahead, batch);
		import->step = batch->last ? STEP_FULL : STEP_MORE;
		if ((batch->count > 0 || batch->spill != NULL) && !send_batch(import, batch))
			return false;
		if (batch->last)
			return true;
	}
}

/* One batch, one transaction. */
static bool
send_batch(Import *import, Batch *batch)
{
	PGconn	   *conn = import->conn;
	int			count = batch->spill != NULL ? 1 : batch->count;
	int			sent;
	char		digest[20];

	if (import->partitions)
		import->partitions = partitions_make(&import->cutter.resources, conn, import->cutter.first_month);
	if (!books_begin(&import->books, conn))
		return false;
	if (batch->spill != NULL)
	{
		if (!send_long(import, batch))
			return false;
	}
	else
	{
		batch_sort(batch);
		if (!send_resources(import, batch, send_records, &sent) &&
			!(begin_again(import) && send_resources(import, batch, send_by_halves, &sent)))
			return false;
		if (!books_renumber(&import->books, conn, import->places, sent))
			return false;
		if (sent < count && !send_refused(import, batch))
			return false;
	}
	snprintf(digest, sizeof(digest), "%016" PRIx64, batch->digest);
	if (!books_commit(&import->books, conn, batch->end, count, import->cutter.digests ? digest : NULL))
		return false;
	import->records += count;
	return import->follower->committed == NULL ||
		import->follower->committed(import->follower->context, &import->books, batch->taken);
}

static bool
going(const Import *import)
{
	return import->follower->going == NULL ||
		import->follower->going(import->follower->context, import->source.taken, import->records);
}

static bool
ended(Import *import)
{
	return import->follower->ended == NULL ||
		import->follower->ended(import->follower->context, &import->books, &import->source);
}

/* A batch is in the order of its resources: what is sent of each, and counted. */
static bool
send_resources(Import *import, Batch *batch, Sender send, int *sent)
{
	int			to;

	*sent = 0;
	for (int from = 0; from < batch->count; from = to)
	{
		int			resource = batch->records[from].resource;

		to = from + 1;
		while (to < batch->count && batch->records[to].resource == resource)
			to++;
		if (import->cutter.resources.list[resource].open &&
			!(send(import, batch, from, to, sent) &&
			  books_count(&import->books, import->conn, resource)))
			return false;
	}
	return true;
}

/* After a COPY that met what is no text to the server; false if that was not it. */
static bool
begin_again(Import *import)
{
	return copy_met_no_text(&import->copy) && run_script(import->conn, "ROLLBACK") &&
		books_begin(&import->books, import->conn);
}

/* Those that are text. */
static bool
send_records(Import *import, Batch *batch, int from, int to, int *sent)
{
	Copy	   *copy = &import->copy;
	int			before = *sent;

	if (!open_door(import, &import->cutter.resources.list[batch->records[from].resource]))
		return false;
	for (int i = from; i < to && !copy->broken; i++)
	{
		const Record *record = &batch->records[i];

		if (!record->valid)
			continue;
		import->places[(*sent)++] = record->place;
		copy_row(copy, 1);
		copy_field(copy, record->text, record->length);
	}
	if (copy_end(copy))
		return true;
	*sent = before;
	return false;
}

/*
 * The same, where a database of another encoding lacks characters that UTF-8
 * has: the records that hold them are found by halving and marked.
 */
static bool
send_by_halves(Import *import, Batch *batch, int from, int to, int *sent)
{
	int			middle = from + (to - from) / 2;

	if (!run_script(import->conn, "SAVEPOINT usagectl"))
		return false;
	if (send_records(import, batch, from, to, sent))
		return run_script(import->conn, "RELEASE usagectl");
	if (!copy_met_no_text(&import->copy) ||
		!run_script(import->conn, "ROLLBACK TO usagectl; RELEASE usagectl"))
		return false;
	if (to - from > 1)
		return send_by_halves(import, batch, from, middle, sent) &&
			send_by_halves(import, batch, middle, to, sent);
	batch->records[from].valid = false;
	return true;
}

static bool
open_door(Import *import, const Resource *resource)
{
	char		sql[200];

	snprintf(sql, sizeof(sql), "COPY %s FROM STDIN WITH (FORMAT binary)", resource->door);
	return copy_begin(&import->copy, import->conn, sql, read_ahead, import);
}

/*
 * What is no text would fail the COPY, and so would a document that calls itself
 * what the role may not store: they are put by here.
 */
static bool
send_refused(Import *import, const Batch *batch)
{
	if (!begin_refusing(import))
		return false;
	for (int i = 0; i < batch->count; i++)
	{
		const Record *record = &batch->records[i];
		const Resource *resource = &import->cutter.resources.list[record->resource];
		bool		text = record->valid && server_has_utf8(import);
		size_t		valid;
		const char *code;
		char		message[200];

		if (record->valid && resource->open)
			continue;
		if (record->errors.length > 0)
		{
			refuse_row(import, record);
			continue;
		}
		valid = text_valid(record->text, record->length);
		code = describe(message, sizeof(message), resource, valid + 1,
						valid < record->length ? (unsigned char) record->text[valid] : NO_BYTE);
		refuse(import, record->resource, record->place, text ? record->text : NULL,
			   text ? NULL : record->text, record->length, record->length, code, message);
	}
	return copy_end(&import->copy);
}

static bool
begin_refusing(Import *import)
{
	return copy_begin(&import->copy, import->conn,
					  "COPY usage_mgmt.import_reject (load_id, record_number, resource, document, "
					  "document_raw, document_length, errors) FROM STDIN WITH (FORMAT binary)",
					  read_ahead, import);
}

/* The record in the temporary file. */
static bool
send_long(Import *import, Batch *batch)
{
	const Resource *resource = &import->cutter.resources.list[batch->spilled_resource];
	size_t		valid = batch->spilled <= LONGEST ? valid_bytes(batch) : 0;

	if ((int64_t) valid != batch->spilled || !resource->open)
		return refuse_long(import, batch, valid);
	if (!open_door(import, resource))
		return false;
	copy_row(&import->copy, 1);
	copy_length(&import->copy, batch->spilled);
	copy_file(&import->copy, batch->spill, batch->spilled);
	if (copy_end(&import->copy))
		return books_count(&import->books, import->conn, batch->spilled_resource);
	rewind(batch->spill);
	return begin_again(import) && refuse_long(import, batch, valid);
}

/*
 * It is no text, or what the role may not store, and kept whole; or too long, and
 * kept by its first megabyte.
 */
static bool
refuse_long(Import *import, Batch *batch, size_t valid)
{
	int			resource = batch->spilled_resource;
	const char *code;
	char		message[200];
	size_t		kept;

	if (!begin_refusing(import))
		return false;
	if (batch->spilled > LONGEST)
	{
		kept = fread(batch->arena, 1, KEPT, batch->spill);
		valid = text_valid(batch->arena, kept);
		snprintf(message, sizeof(message),
				 "the record, at byte %" PRId64 " of the file, has %" PRId64
				 " bytes, more than %d: its first megabyte was kept", batch->start, batch->spilled, LONGEST);
		if (kept - valid < 4 && server_has_utf8(import))
			refuse(import, resource, 0, batch->arena, NULL, valid, batch->spilled, "54000", message);
		else
			refuse(import, resource, 0, NULL, batch->arena, kept, batch->spilled, "54000", message);
	}
	else
	{
		fseeko(batch->spill, valid, SEEK_SET);
		code = describe(message, sizeof(message), &import->cutter.resources.list[resource], valid + 1,
						(int64_t) valid < batch->spilled ? getc(batch->spill) : NO_BYTE);
		rewind(batch->spill);
		refuse(import, resource, 0, NULL, NULL, batch->spilled, batch->spilled, code, message);
	}
	return copy_end(&import->copy);
}

/* How many bytes of the record in the temporary file are text; rewinds it. */
static size_t
valid_bytes(Batch *batch)
{
	size_t		all = 0;
	size_t		carried = 0;
	size_t		left = batch->spilled;

	while (left > 0)
	{
		size_t		want = ARENA - carried < left ? ARENA - carried : left;
		size_t		n = fread(batch->arena + carried, 1, want, batch->spill);
		size_t		valid = text_valid(batch->arena, carried + n);

		all += valid;
		carried += n - valid;
		left -= n;
		if (n == 0 || carried >= 4)
			break;
		memmove(batch->arena, batch->arena + valid, carried);
	}
	rewind(batch->spill);
	return all;
}

/* Why a record was refused, in words and as SQLSTATE: for a byte of it, or none. */
static const char *
describe(char *message, size_t size, const Resource *resource, size_t place, int byte)
{
	if (byte == NO_BYTE && !resource->open)
		snprintf(message, size, "permission denied for %s", resource->door);
	else if (byte == NO_BYTE)
		snprintf(message, size, "the record has characters that the encoding of the database lacks");
	else if (byte == 0)
		snprintf(message, size, "byte %zu of the record is NUL", place);
	else
		snprintf(message, size, "byte %zu of the record (0x%02x) is not UTF-8", place, byte);
	return byte != NO_BYTE ? "22021" : resource->open ? "22P05" : "42501";
}

/* A row of import_reject; with neither text nor raw, of the temporary file. */
static void
refuse(Import *import, int resource, int place, const char *text, const char *raw, size_t kept,
	   int64_t length, const char *code, const char *message)
{
	char		errors[400];
	int			n = snprintf(errors, sizeof(errors),
							 "[{\"path\": \"\", \"code\": \"%s\", \"message\": \"%s\"}]", code, message);

	refuse_for(import, resource, place, text, raw, kept, length, errors, n);
}

/* The same for faults that are JSON already. */
static void
refuse_for(Import *import, int resource, int place, const char *text, const char *raw, size_t kept,
		   int64_t length, const char *errors, size_t errors_length)
{
	Copy	   *copy = &import->copy;
	Resource   *of = &import->cutter.resources.list[resource];

	of->batch.read++;
	of->batch.rejected++;
	copy_row(copy, 7);
	copy_int64(copy, strtoll(import->books.id, NULL, 10));
	copy_int64(copy, import->books.read + place + 1);
	copy_field(copy, of->noun, strlen(of->noun));
	if (text != NULL)
		copy_field(copy, text, kept);
	else
		copy_null(copy);
	if (raw != NULL)
		copy_field(copy, raw, kept);
	else if (text != NULL)
		copy_null(copy);
	else
	{
		copy_length(copy, kept);
		copy_file(copy, import->ahead == import->batches ? import->batches[1].spill : import->batches[0].spill, kept);
	}
	copy_int64(copy, length);
	/* the first byte is the version of jsonb's binary form */
	copy_length(copy, errors_length + 1);
	copy_bytes(copy, "\001", 1);
	copy_bytes(copy, errors, errors_length);
}

/*
 * What the format's reader could make no document of.  A database that may lack
 * characters is told of it without them.
 */
static void
refuse_row(Import *import, const Record *record)
{
	bool		utf8 = server_has_utf8(import);
	size_t		valid = text_valid(record->text, record->length);

	/* where it is cut short, a character may be */
	bool		text = utf8 && record->length - valid < ((int64_t) record->length < record->whole ? 4 : 1);
	char	   *errors = (char *) record->errors.text;

	for (size_t i = 0; i < record->errors.length && !utf8; i++)
		errors[i] = (unsigned char) errors[i] < 0x80 ? errors[i] : '?';
	refuse_for(import, record->resource, record->place, text ? record->text : NULL, text ? NULL : record->text,
			   text ? valid : record->length, record->whole, errors, record->errors.length);
}

static bool
server_has_utf8(const Import *import)
{
	return strcmp(PQparameterStatus(import->conn, "server_encoding"), "UTF8") == 0;
}

/* What there is to do while the server is busy: some of the next batch. */
static bool
read_ahead(void *context)
{
	Import	   *import = context;

	/* a batch that is on its way is not left */
	(void) going(import);
	if (import->step != STEP_MORE || !source_ready(&import->source))
		return false;
	import->step = batch_step(import->ahead, &import->cutter);
	return true;
}

/* The source is done. */
static bool
close_books(Import *import)
{
	PGresult   *result;
	bool		closed;

	books_find_faults(&import->books, import->conn);
	result = books_close(&import->books, import->conn);
	closed = result != NULL && PQntuples(result) == 1;
	if (closed && import->follower->closed != NULL)
		import->follower->closed(import->follower->context, &import->books, result);
	PQclear(result);
	return closed;
}
