/*
 * job_export.c
 *	  An export job: what a query names into a file that is elsewhere, or into the
 *	  database.
 *
 * All of it is in a file here before anything of it goes elsewhere, so that the
 * snapshot is over by then, and what goes elsewhere is whole.  A file: is written
 * where it is to be, and gets its name at the end.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "clock.h"
#include "export.h"
#include "job.h"
#include "manifest.h"
#include "remote.h"
#include "spool.h"
#include "writer.h"

#define PART (1024 * 1024)		/* bytes of a result in the database, each but the last */
#define NOTE_EVERY 1.0			/* second */

typedef struct Exporting
{
	Job		   *job;
	Place	   *place;			/* NULL for the database */
	bool		beside;			/* written where it is to be */
	int			fd;
	Format		format;
	Packing		packing;
	Writer		writer;
	double		noted_at;
	char	   *manifest;		/* to be put beside it, or NULL */
} Exporting;

static bool open_target(Exporting *exporting);
static bool write_all(Exporting *exporting);
static bool read_records(Exporting *exporting);
static bool take_record(void *context, const char *record, size_t length);
static bool too_large(Exporting *exporting);
static bool writer_failed(Exporting *exporting);
static bool publish(Exporting *exporting);
static bool keep_result(Exporting *exporting);
static ssize_t read_part(int fd, char *buffer);
static bool put_part(Exporting *exporting, int part, const char *bytes, size_t length);
static void note_progress(Exporting *exporting, bool all);

JobEnd
job_export(Job *job)
{
	Exporting	exporting = {.job = job, .fd = -1};
	bool		done = open_target(&exporting) && write_all(&exporting) && job_note(job) && publish(&exporting);

	if (exporting.beside && !done)
		place_abandon(exporting.place);
	return done ? JOB_DONE : JOB_FAILED;
}

static bool
open_target(Exporting *exporting)
{
	Job		   *job = exporting->job;
	const Order *order = job->order;
	Format	   *format = &exporting->format;

	if (order->url != NULL)
	{
		exporting->place = place_of(job->config, order->url, order->credential, &job->trouble);
		if (exporting->place == NULL)
			return false;
		format->kind = format_of_file(place_name(exporting->place));
		exporting->packing = packing_of_file(place_name(exporting->place));
	}
	if (order->content_type != NULL && !format_of_type(order->content_type, &format->kind))
	{
		trouble_lasts(&job->trouble, "content type \"%s\" is not known", order->content_type);
		return false;
	}
	format->resource = order->noun;
	format->version = order->version;
	format->conn = job->data;
	exporting->beside = exporting->place != NULL && place_is_file(exporting->place);
	exporting->fd = exporting->beside ? place_temporary(exporting->place, &job->trouble)
		: spool_open(job->config, &job->trouble);
	return exporting->fd >= 0;
}

/* What is stored at one moment, and what its manifest says of it. */
static bool
write_all(Exporting *exporting)
{
	Job		   *job = exporting->job;
	Writer	   *writer = &exporting->writer;
	const Order *order = job->order;
	bool		wants_manifest = exporting->place != NULL && order->manifest != NULL && strcmp(order->manifest, "true") == 0;
	bool		done = writer_open(writer, exporting->fd, &exporting->format, exporting->packing) || writer_failed(exporting);

	/* S3 has it signed */
	if (done && (wants_manifest || (order->url != NULL && strncasecmp(order->url, "s3:", 3) == 0)))
		done = writer_hash(writer) || writer_failed(exporting);
	done = done && run_script(job->data, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") && read_records(exporting);
	done = done && (writer_end(writer) || writer_failed(exporting)) && !too_large(exporting);
	if (done && wants_manifest)
	{
		Manifested	file = {
			.name = place_name(exporting->place), .resource = order->noun, .query = order->query != NULL ? order->query : "",
			.version = order->version, .records = writer->records, .bytes = writer->raw_bytes, .sha256 = writer->sha256
		};

		exporting->manifest = manifest_make(job->data, &file, &job->trouble);
		done = exporting->manifest != NULL;
	}
	note_progress(exporting, true);
	return done && run_script(job->data, "COMMIT");
}

static bool
read_records(Exporting *exporting)
{
	const Order *order = exporting->job->order;
	ExportOptions options = {
		.query = order->query != NULL ? order->query : "", .resource = order->noun, .version = order->version,
		.format = exporting->format.kind
	};

	return export_run(&options, exporting->job->data, take_record, exporting);
}

static bool
take_record(void *context, const char *record, size_t length)
{
	Exporting  *exporting = context;
	Writer	   *writer = &exporting->writer;

	if (!writer_record(writer, record, length))
		return writer_failed(exporting);
	if (writer->records % 256 != 0)
		return true;
	if (job_stops(exporting->job) || too_large(exporting))
		return false;
	if (clock_now() > exporting->noted_at + NOTE_EVERY)
	{
		exporting->noted_at = clock_now();
		note_progress(exporting, false);
		return job_note(exporting->job);
	}
	return true;
}

static bool
too_large(Exporting *exporting)
{
	const Config *config = exporting->job->config;

	if (exporting->beside || exporting->writer.raw_bytes <= config->spool_size)
		return false;
	trouble_lasts(&exporting->job->trouble, "it has more than the %" PRId64 " bytes that the agent's spool directory \"%s\" "
				  "is given: raise `size` of [spool] in its configuration, or order less", config->spool_size,
				  spool_directory(config));
	return true;
}

/* Always false, with the reason. */
static bool
writer_failed(Exporting *exporting)
{
	Job		   *job = exporting->job;

	trouble_passes(&job->trouble, "could not write %s%s: %s", exporting->beside ? "" : "the spool file below ",
				   exporting->beside ? place_shown(exporting->place) : spool_directory(job->config), exporting->writer.error);
	return false;
}

static void
note_progress(Exporting *exporting, bool all)
{
	Buffer	   *progress = &exporting->job->progress;
	const Writer *writer = &exporting->writer;

	buffer_clear(progress);
	buffer_print(progress, "{\"records\": %" PRId64 ", \"bytes\": %" PRId64 "%s", writer->records, writer->raw_bytes, all ? "" : "}");
	if (all)
		buffer_print(progress, ", \"total\": %" PRId64 "}", writer->raw_bytes);
}

/* ---- where it is to be ---- */

static bool
publish(Exporting *exporting)
{
	Job		   *job = exporting->job;
	const Order *order = job->order;
	const Writer *writer = &exporting->writer;
	bool		put;

	if (exporting->place == NULL)
		return keep_result(exporting);
	if (exporting->beside)
		put = place_commit(exporting->place, exporting->fd, &job->trouble);
	else
		put = place_put(exporting->place, exporting->fd, writer->raw_bytes,
						writer->sha256[0] != '\0' ? writer->sha256 : NULL,
						format_media_type(exporting->format.kind, exporting->packing), &job->trouble);
	/* what is whole stays, also where its manifest fails */
	exporting->beside = exporting->beside && !put;
	if (!put || exporting->manifest == NULL)
		return put;
	/* nor is the manifest of this one to lie beside what the next attempt has put there */
	return job_note(job) && manifest_put(job->config, order->url, order->credential, exporting->manifest, &job->trouble);
}

static bool
keep_result(Exporting *exporting)
{
	char	   *buffer = malloc(PART);
	bool		kept = true;
	ssize_t		length = PART;

	lseek(exporting->fd, 0, SEEK_SET);
	for (int part = 0; kept && length == PART && buffer != NULL; part++)
	{
		length = read_part(exporting->fd, buffer);
		if (length < 0)
			kept = trouble_system(&exporting->job->trouble, errno, "could not read the spool file");
		else if (length > 0 || part == 0)
			kept = put_part(exporting, part, buffer, length);
	}
	free(buffer);
	return kept && buffer != NULL;
}

static ssize_t
read_part(int fd, char *buffer)
{
	ssize_t		length = 0;
	ssize_t		n;

	while (length < PART && (n = read(fd, buffer + length, PART - length)) != 0)
		if (n > 0)
			length += n;
		else if (errno != EINTR)
			return -1;
	return length;
}

static bool
put_part(Exporting *exporting, int part, const char *bytes, size_t length)
{
	Job		   *job = exporting->job;
	const Order *order = job->order;
	char		number[12];
	Buffer		data = {NULL, 0, 0};
	const char *values[] = {job->options->journal->agent, order->job, order->attempt, number, NULL};
	PGresult   *result;
	bool		kept;

	snprintf(number, sizeof(number), "%d", part);
	buffer_add(&data, "\\x", 2);
	for (size_t i = 0; i < length; i++)
	{
		static const char digits[] = "0123456789abcdef";
		char		two[2] = {digits[(unsigned char) bytes[i] >> 4], digits[(unsigned char) bytes[i] & 15]};

		buffer_add(&data, two, 2);
	}
	values[4] = data.text;
	result = job_ask(job, "SELECT usage_mgmt.job_put_result($1, $2, $3, $4, $5)", 5, values);
	kept = result != NULL && PQgetvalue(result, 0, 0)[0] == 't';
	job->lost = result != NULL && !kept;
	PQclear(result);
	buffer_free(&data);
	return kept && !job_stops(job);
}
