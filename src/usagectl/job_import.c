/*
 * job_import.c
 *	  An import job: a file that is elsewhere, or a folder of them, into the store.
 *
 * The bytes are taken as the server takes the records, and are kept nowhere.
 * How far a load is stands in its books alone: the job's row is told of it, and
 * where that comes too late the books are right.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contents.h"
#include "folder.h"
#include "import.h"
#include "job.h"
#include "refused.h"

typedef struct Loading
{
	Job		   *job;
	Place	   *place;
	Format		format;
	const FolderFile *file;		/* instead of the stream: one of a folder */
	char	   *manifest;		/* NULL for none */
	int64_t		total;
	char		load[24];
} Loading;

static JobEnd import_one(Job *job);
static bool is_as_said(Loading *loading);
static JobEnd import_folder(Job *job);
static FolderEnd import_of_folder(void *context, const FolderFile *file, char load[24], Trouble *trouble);
static bool stopping(void *context);
static void folder_progress(void *context, const char *progress);
static bool load(Loading *loading, const char *name, const char *key);
static bool open_source(void *context, Source *source);
static bool opened(void *context, const Books *books);
static void begins(void *context, const Source *source);
static bool going(void *context, int64_t taken, int64_t records);
static bool committed(void *context, const Books *books, int64_t taken);
static bool ended(void *context, const Books *books, Source *source);
static void closed(void *context, const Books *books, const PGresult *result);
static bool note_books(Loading *loading, const Books *books, int64_t taken);
static ManifestUse manifest_use(const Order *order);

JobEnd
job_import(Job *job)
{
	return folder_is_pattern(job->order->url) ? import_folder(job) : import_one(job);
}

/* ---- one file ---- */

static JobEnd
import_one(Job *job)
{
	const Order *order = job->order;
	Loading		loading = {.job = job, .total = -1};
	Buffer		key = {NULL, 0, 0};
	Trouble		none = {false, ""};
	bool		done;

	loading.place = place_of(job->config, order->url, order->credential, &job->trouble);
	if (loading.place == NULL)
		return JOB_FAILED;
	/* that there is none is no trouble, and is told */
	if (!manifest_read(job->config, order->url, order->credential, manifest_use(order), &loading.manifest, &none))
	{
		job->trouble = none;
		return JOB_FAILED;
	}
	/* an id may be ordered again when the job is deleted */
	buffer_print(&key, "{\"job\": ");
	buffer_json(&key, order->job, strlen(order->job));
	buffer_print(&key, ", \"ordered\": \"%s\"}", order->created);
	done = is_as_said(&loading) && load(&loading, place_shown(loading.place), key.text);
	return done ? JOB_DONE : JOB_FAILED;
}

/* A file that lies here is held against its manifest before the first record of it. */
static bool
is_as_said(Loading *loading)
{
	Job		   *job = loading->job;
	const Order *order = job->order;
	Contents	contents;
	bool		same;

	if (loading->manifest == NULL || !place_is_file(loading->place))
		return true;
	if (!contents_fetch(job->config, order->url, order->credential, &contents, &job->trouble))
		return false;
	same = manifest_compare(job->data, loading->manifest, order->noun, NULL, contents.size, contents.sha256, &job->trouble);
	contents_close(&contents);
	return same;
}

static ManifestUse
manifest_use(const Order *order)
{
	return order->manifest == NULL ? MANIFEST_IF_THERE :
		strcmp(order->manifest, "true") == 0 ? MANIFEST_ALWAYS : MANIFEST_NEVER;
}

/* ---- a folder ---- */

static JobEnd
import_folder(Job *job)
{
	const Order *order = job->order;
	FolderOrder folder = {
		.job = order->job, .ordered_by = order->ordered_by, .url = order->url, .credential = order->credential,
		.resource = order->noun, .sequence = order->sequence, .afterwards = order->afterwards,
		.manifest = manifest_use(order)
	};
	FolderHooks hooks = {import_of_folder, stopping, folder_progress, job};
	FolderResult result = {NULL, 0, ""};
	FolderEnd	end = folder_run(job->config, &job->control, job->data, &folder, &hooks, &result, &job->trouble);

	if (result.progress != NULL)
		folder_progress(job, result.progress);
	if (end == FOLDER_DONE && result.failed == 0)
		return JOB_DONE;
	if (end == FOLDER_DONE)
		trouble_lasts(&job->trouble, "%s", result.error);
	return JOB_FAILED;
}

static FolderEnd
import_of_folder(void *context, const FolderFile *file, char load_id[24], Trouble *trouble)
{
	Job		   *job = context;
	Loading		loading = {.job = job, .file = file, .total = -1};
	Buffer		key = {NULL, 0, 0};
	bool		done;

	buffer_clear(&job->complaints.text);
	job->complaints.lasting = false;
	buffer_print(&key, "{\"file\": ");
	buffer_json(&key, file->key, strlen(file->key));
	buffer_print(&key, "}");
	done = load(&loading, file->url, key.text);
	buffer_free(&key);
	snprintf(load_id, 24, "%s", loading.load);
	if (done)
		return FOLDER_DONE;
	if (job_stops(job))
		return FOLDER_STOPPED;
	if (job->complaints.lasting)
		trouble_lasts(trouble, "%s", job->complaints.text.text);
	else
		trouble_passes(trouble, "%s", job->complaints.text.text);
	return FOLDER_FAILED;
}

static bool
stopping(void *context)
{
	return job_stops(context);
}

static void
folder_progress(void *context, const char *progress)
{
	Job		   *job = context;

	buffer_clear(&job->progress);
	buffer_add(&job->progress, progress, strlen(progress));
	(void) job_note(job);
}

/* ---- either ---- */

static bool
load(Loading *loading, const char *name, const char *key)
{
	Job		   *job = loading->job;
	const Order *order = job->order;
	ImportOptions options = {.batch = job->options->batch, .partitions = true, .resource = order->noun, .declared = key, .job = key};
	Follower	follower = {loading, open_source, opened, begins, going, committed, ended, closed};
	FormatKind	kind = format_of_file(name);

	if (order->content_type != NULL && !format_of_type(order->content_type, &kind))
	{
		trouble_lasts(&job->trouble, "content type \"%s\" is not known", order->content_type);
		return false;
	}
	loading->format = (Format)
	{
		.kind = kind, .resource = order->noun, .mapping = order->mapping, .conn = job->data
	};
	return import_run(&options, job->data, name, &follower);
}

static bool
open_source(void *context, Source *source)
{
	Loading    *loading = context;
	Stream	   *stream;

	if (loading->file != NULL)
		return source_open_fd(source, loading->file->fd, loading->file->name, &loading->format);
	stream = stream_open(loading->place, &loading->job->trouble);
	return stream != NULL &&
		source_open_stream(source, stream, place_name(loading->place), &loading->format) &&
		(loading->manifest == NULL || source_hash(source));
}

/* The job is ours still, and names the load before that has anything in it. */
static bool
opened(void *context, const Books *books)
{
	return note_books(context, books, -1);
}

static void
begins(void *context, const Source *source)
{
	((Loading *) context)->total = source->size;
}

static bool
going(void *context, int64_t taken, int64_t records)
{
	(void) taken;
	(void) records;
	return !job_stops(((Loading *) context)->job);
}

static bool
committed(void *context, const Books *books, int64_t taken)
{
	Loading    *loading = context;

	return note_books(loading, books, taken) && !job_stops(loading->job);
}

/* A stream is over before all of it could be compared with what its manifest says. */
static bool
ended(void *context, const Books *books, Source *source)
{
	Loading    *loading = context;
	Job		   *job = loading->job;
	char		sha256[HASH_SIZE];

	return loading->manifest == NULL ||
		(source_sha256(source, sha256) &&
		 manifest_compare(job->data, loading->manifest, job->order->noun, books->id, source->taken, sha256, &job->trouble));
}

static void
closed(void *context, const Books *books, const PGresult *result)
{
	Loading    *loading = context;
	Job		   *job = loading->job;
	int64_t		refused = int_field(result, 3) + int_field(result, 4);
	char		fault[300];

	snprintf(loading->load, sizeof(loading->load), "%s", books->id);
	if (loading->file != NULL)
		return;
	if (books->finished)
	{
		buffer_clear(&job->progress);
		buffer_print(&job->progress, "{\"load\": %s, \"read\": %s, \"stored\": %s, \"repeated\": %s, \"conflicting\": %s, "
					 "\"rejected\": %s, \"position\": %" PRId64 "}", books->id, PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 1),
					 PQgetvalue(result, 0, 2), PQgetvalue(result, 0, 3), PQgetvalue(result, 0, 4), books->position);
	}
	if (refused > 0)
		buffer_print(&job->remark, "%s records were rejected and %s are in conflict with what is stored: see import_reject "
					 "and the tables of conflicts, load %s", PQgetvalue(result, 0, 4), PQgetvalue(result, 0, 3), books->id);
	if (books->faults != NULL)
	{
		refused_fault(books, 0, fault, sizeof(fault));
		buffer_print(&job->remark, "; most often %s", fault);
	}
}

/* What the job's row is to say of a load; of one of a folder the folder says it. */
static bool
note_books(Loading *loading, const Books *books, int64_t taken)
{
	Job		   *job = loading->job;
	Counts		all = {0, 0, 0, 0, 0};

	snprintf(loading->load, sizeof(loading->load), "%s", books->id);
	if (loading->file != NULL)
		return job_note(job);
	for (int i = 0; i < books->resources->count; i++)
	{
		const Counts *counts = &books->resources->list[i].counts;

		all.stored += counts->stored;
		all.repeated += counts->repeated;
		all.conflicting += counts->conflicting;
		all.rejected += counts->rejected;
	}
	buffer_clear(&job->progress);
	buffer_print(&job->progress, "{\"load\": %s, \"read\": %" PRId64 ", \"stored\": %" PRId64 ", \"repeated\": %" PRId64
				 ", \"conflicting\": %" PRId64 ", \"rejected\": %" PRId64 ", \"position\": %" PRId64, books->id, books->read,
				 all.stored, all.repeated, all.conflicting, all.rejected, books->position);
	if (taken >= 0)
		buffer_print(&job->progress, ", \"bytes\": %" PRId64, taken);
	if (loading->total >= 0)
		buffer_print(&job->progress, ", \"total\": %" PRId64, loading->total);
	buffer_print(&job->progress, "}");
	return job_note(job);
}
