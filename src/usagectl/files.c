/*
 * files.c
 *	  usagectl import and export: files that somebody names, by hand or in a script.
 *
 * What they come to is shown while it is under way, and summed up at the end; what
 * is left of one that was broken off is said, too.
 *
 * What is elsewhere is named by a url.  Whoever names it here may go where he may
 * go by himself: any path, any network.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "parting.h"
#include "progress.h"
#include "refused.h"
#include "remote.h"
#include "spool.h"
#include "target.h"
#include "writer.h"

typedef struct Show
{
	const char *name;			/* of the file */
	const FileOptions *file;
	Place	   *place;			/* that it is a url of; NULL for a path */
	PGconn	   *conn;
	bool		restart;
	Progress	progress;
	FormatKind	format;
	bool		plain;			/* positions are bytes of the file */
	int64_t		position;		/* bytes that are committed; -1 before there is a load */
	int64_t		read;			/* records of them */
	char		left[120];		/* what is said of that, where the load ends before the file does */
	ExitStatus	status;
} Show;

typedef struct Output
{
	const char *name;
	Config	   *config;
	Place	   *place;			/* that it is a url of; NULL for a path */
	char	   *path;			/* of a file here; NULL for what is elsewhere */
	Target		target;			/* of what is elsewhere only its bytes, on their way */
	bool		beside_records; /* standard output has them: other things are said elsewhere */
	bool		complained;		/* of what is written */
	Writer		writer;
	Progress	progress;
} Output;

/* For what is written elsewhere to be given up in order: the signal that says so. */
static volatile sig_atomic_t interrupted = 0;

static bool is_url(const char *name);
static Place *find_place(const char *name, const char *config_file, Config **config);
static bool goes_on(void *context);
static void interrupt(int signal_number);
static bool open_file(void *context, Source *source);
static bool opened(void *context, const Books *books);
static void begins(void *context, const Source *source);
static bool going(void *context, int64_t taken, int64_t records);
static bool committed(void *context, const Books *books, int64_t taken);
static void closed(void *context, const Books *books, const PGresult *result);
static void show_resources(Progress *progress, const Books *books);
static void print_books(const Show *show, const Books *books, const PGresult *result);
static void print_resources(const Books *books);
static void note_left(Show *show, int64_t taken);
static bool find_output(Output *output, const char *config_file);
static bool write_records(Output *output, const ExportOptions *options, PGconn *conn);
static const char *left_of(const Output *output);
static bool write_record(void *context, const char *record, size_t length);
static bool complain_of_writer(Output *output);
static bool open_here(Output *output);
static bool open_elsewhere(Output *output);
static bool output_begin(Output *output, const ExportOptions *options, PGconn *conn);
static bool output_close(Output *output, bool keep);
static bool put_elsewhere(Output *output, Trouble *trouble);
static void sum_up(const Output *output, double seconds, bool json);

ExitStatus
import_file(const ImportOptions *options, PGconn *conn, const char *name, const FileOptions *file)
{
	Show		show = {
		.name = name, .file = file, .conn = conn, .restart = options->restart, .position = -1, .status = FAILED
	};
	Follower	follower = {&show, open_file, opened, begins, going, committed, NULL, closed};
	Config	   *config = NULL;

	if (is_url(name))
	{
		show.place = find_place(name, file->config, &config);
		if (show.place == NULL)
			return FAILED;
		show.name = place_shown(show.place);
	}
	parting_begin(conn);
	parting_says("usagectl: %s: interrupted, nothing of it was loaded", show.name);
	import_run(options, conn, show.name, &follower);
	parting_end();
	progress_end(&show.progress);
	if (show.status == FAILED && show.position >= 0)
		complain("%s: not done: %s", show.name, show.left);
	place_free(show.place);
	config_free(config);
	return show.status;
}

static bool
is_url(const char *name)
{
	return strstr(name, "://") != NULL;
}

/* NULL, where it is refused, and says so. */
static Place *
find_place(const char *name, const char *config_file, Config **config)
{
	Trouble		trouble = {false, ""};
	Place	   *place = NULL;

	*config = config_read(config_file, &trouble);
	if (*config != NULL)
	{
		(*config)->any_file = (*config)->allow_private = true;
		(*config)->tick = goes_on;
		place = place_of(*config, name, NULL, &trouble);
	}
	if (place != NULL && place_is_pattern(place))
	{
		trouble_lasts(&trouble, "%s names many files, which an import job takes one by one", place_shown(place));
		place_free(place);
		place = NULL;
	}
	if (place == NULL)
	{
		complain("%s", trouble.text);
		config_free(*config);
		*config = NULL;
	}
	return place;
}

static bool
goes_on(void *context)
{
	(void) context;
	return !interrupted;
}

static void
interrupt(int signal_number)
{
	interrupted = signal_number;
}

static bool
open_file(void *context, Source *source)
{
	const Show *show = context;
	Format		format = {
		.kind = show->file->format_given ? show->file->format : format_of_file(show->name),
		.mapping = show->file->mapping
	};
	Trouble		trouble = {false, ""};
	Stream	   *stream;

	if (show->place == NULL)
		return source_open(source, show->name, &format);
	stream = stream_open(show->place, &trouble);
	if (stream == NULL)
		complain("%s", trouble.text);
	return stream != NULL && source_open_stream(source, stream, place_name(show->place), &format);
}

static bool
opened(void *context, const Books *books)
{
	Show	   *show = context;

	show->position = books->position;
	show->read = books->read;
	note_left(show, -1);
	return true;
}

static void
begins(void *context, const Source *source)
{
	Show	   *show = context;

	progress_begin(&show->progress, show->place != NULL ? place_name(show->place) : show->name, source->size, source->taken);
	show->format = source->format.kind;
	show->plain = source->unpack == NULL && source->array == NULL && source->csv == NULL;
	note_left(show, source->taken);
}

static bool
going(void *context, int64_t taken, int64_t records)
{
	progress_show(&((Show *) context)->progress, taken, records);
	return true;
}

static bool
committed(void *context, const Books *books, int64_t taken)
{
	Show	   *show = context;

	show->position = books->position;
	show->read = books->read;
	note_left(show, taken);
	show_resources(&show->progress, books);
	return true;
}

/* Of the file's bytes that many were taken for it, which is -1 where nobody knows. */
static void
note_left(Show *show, int64_t taken)
{
	int64_t		total = show->progress.total;
	char		part[20] = "";

	/* what was taken of a file is more than what is committed of it */
	if (show->plain)
		taken = show->position;
	if (taken >= 0 && total > 0)
		snprintf(part, sizeof(part), " (%d %%)", taken >= total ? 100 : (int) (taken * 100 / total));
	if (show->read == 0)
		snprintf(show->left, sizeof(show->left), "no record is committed yet; the same command begins again");
	else
		snprintf(show->left, sizeof(show->left), "%" PRId64 " records%s are committed; the same command%s goes on from there",
				 show->read, part, show->restart ? " without --restart" : "");
	parting_says("usagectl: %s: interrupted: %s", show->name, show->left);
}

/* Has the progress say how many there are of each resource, where that is worth saying. */
static void
show_resources(Progress *progress, const Books *books)
{
	const Resources *resources = books->resources;

	progress_parts(progress);
	for (int i = 0; i < resources->count && books_mixed(books); i++)
		if (resources->list[i].counts.read > 0)
			progress_part(progress, resources->list[i].noun, resources->list[i].counts.read);
}

static void
closed(void *context, const Books *books, const PGresult *result)
{
	Show	   *show = context;

	progress_end(&show->progress);
	show->status = int_field(result, 3) + int_field(result, 4) + int_field(result, 5) > 0 ? SOME_REFUSED : ALL_DONE;
	if (show->file->json)
		printf("%s\n", PQgetvalue(result, 0, 10));
	else
		print_books(show, books, result);
	fflush(stdout);
}

static void
print_books(const Show *show, const Books *books, const PGresult *result)
{
	printf("%s: load %s%s, %.1f s\n", show->name, books->id,
		   books->resumed ? ", resumed" : "", progress_seconds(&show->progress));
	printf("  %s read = %s stored + %s repeated + %s conflicting + %s rejected\n",
		   PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 1), PQgetvalue(result, 0, 2),
		   PQgetvalue(result, 0, 3), PQgetvalue(result, 0, 4));
	print_resources(books);
	if (int_field(result, 11) > 0)
		printf("  %s of the stored lacked what was filled in\n", PQgetvalue(result, 0, 11));
	if (!PQgetisnull(result, 0, 8))
		printf("  from %s to %s\n", PQgetvalue(result, 0, 8), PQgetvalue(result, 0, 9));
	if (!PQgetisnull(result, 0, 7))
		printf("  amounts %s\n", PQgetvalue(result, 0, 7));
	if (!PQgetisnull(result, 0, 6))
		printf("  DIFFERS from what was declared: %s\n", PQgetvalue(result, 0, 6));
	if (int_field(result, 0) == 0)
		printf("  there is no record in it\n");
	refused_print(books, show->conn, show->format);
}

/* What became of the records of each resource, where there are others than of the first. */
static void
print_resources(const Books *books)
{
	for (int i = 0; i < books->resources->count && books_mixed(books); i++)
	{
		const Resource *resource = &books->resources->list[i];
		const Counts *counts = &resource->counts;

		if (counts->read > 0)
			printf("    %s: %" PRId64 " read = %" PRId64 " stored + %" PRId64 " repeated + %" PRId64
				   " conflicting + %" PRId64 " rejected\n", resource->noun, counts->read, counts->stored,
				   counts->repeated, counts->conflicting, counts->rejected);
	}
}

/* ---- export ---- */

ExitStatus
export_file(const ExportOptions *options, PGconn *conn, const char *name, const FileOptions *file)
{
	ExportOptions of = *options;
	Output		output = {.name = name, .target = {.fd = -1, .there = -1}};
	bool		done;

	of.format = file->format_given ? file->format : format_of_file(name);
	/* who reads has gone: that is an error like another */
	signal(SIGPIPE, SIG_IGN);
	parting_begin(conn);
	done = find_output(&output, file->config) && (output.path != NULL ? open_here(&output) : open_elsewhere(&output)) &&
		output_begin(&output, &of, conn) && write_records(&output, &of, conn);
	done = output_close(&output, done);
	parting_end();
	if (done)
		sum_up(&output, progress_seconds(&output.progress), file->json);
	free(output.path);
	place_free(output.place);
	config_free(output.config);
	/* what was begun elsewhere is cleared away by now */
	if (interrupted)
	{
		signal(interrupted, SIG_DFL);
		raise(interrupted);
	}
	return done ? ALL_DONE : FAILED;
}

/* Where it goes; a url's name becomes what may be seen of it. */
static bool
find_output(Output *output, const char *config_file)
{
	if (!is_url(output->name))
		output->path = strdup(output->name);
	else
	{
		output->place = find_place(output->name, config_file, &output->config);
		if (output->place == NULL)
			return false;
		output->name = place_shown(output->place);
		if (place_is_file(output->place))
			output->path = place_local(output->place);
	}
	parting_says("usagectl: %s: interrupted: nothing of it was written", output->name);
	if (output->path != NULL || (output->place != NULL && !place_is_file(output->place)))
		return true;
	complain("out of memory");
	return false;
}

static bool
write_records(Output *output, const ExportOptions *options, PGconn *conn)
{
	const char *name = output->place != NULL ? place_name(output->place) :
		strcmp(output->name, "-") == 0 ? "standard output" : output->name;
	bool		done;

	progress_begin(&output->progress, name, -1, 0);
	/* it has no place among the records */
	if (isatty(output->target.fd))
		output->progress.shown = false;
	if (output->progress.shown)
		output->progress.total = export_count(options, conn);
	done = export_run(options, conn, write_record, output);
	progress_end(&output->progress);
	if (!done && !output->complained && output->writer.records > 0)
		complain("%s: not done: %s", output->name, left_of(output));
	return done;
}

/* What is left of one that is not done. */
static const char *
left_of(const Output *output)
{
	return output->target.way == TARGET_THROUGH ? "what was written is not whole" : "nothing of it was written";
}

static bool
write_record(void *context, const char *record, size_t length)
{
	Output	   *output = context;

	if (!writer_record(&output->writer, record, length))
		return complain_of_writer(output);
	progress_show(&output->progress, output->writer.records, output->writer.records);
	return true;
}

static bool
complain_of_writer(Output *output)
{
	const char *name = strcmp(output->name, "-") == 0 ? "standard output" : output->name;

	if (strcmp(output->writer.error, strerror(EPIPE)) == 0)
		complain("%s: whoever read it stopped before the end", name);
	else
		complain("could not write \"%s\": %s", output->name, output->writer.error);
	output->complained = true;
	return false;
}

static bool
open_here(Output *output)
{
	Target	   *target = &output->target;
	Trouble		trouble = {false, ""};

	if (!target_open(target, output->path, &trouble))
	{
		complain("%s", trouble.text);
		return false;
	}
	parting_removes(target->temporary);
	parting_says("usagectl: %s: interrupted: %s", output->name, left_of(output));
	output->beside_records = target_is_stdout(target);
	return true;
}

static bool
open_elsewhere(Output *output)
{
	Trouble		trouble = {false, ""};

	output->target.way = TARGET_COPIED;
	output->target.fd = spool_open(output->config, &trouble);
	if (output->target.fd < 0)
		complain("%s", trouble.text);
	return output->target.fd >= 0;
}

static bool
output_begin(Output *output, const ExportOptions *options, PGconn *conn)
{
	char	   *noun;
	Format		format;
	bool		begun;

	if (!export_format(options, conn, &format, &noun))
		return false;
	begun = writer_open(&output->writer, output->target.fd, &format,
						packing_of_file(output->place != NULL ? place_name(output->place) : output->name)) &&
		(output->path != NULL || writer_hash(&output->writer));
	free(noun);
	return begun || complain_of_writer(output);
}

/* Ends the file and gives it its name, or removes it. */
static bool
output_close(Output *output, bool keep)
{
	bool		whole = keep && (writer_end(&output->writer) || complain_of_writer(output));
	Trouble		trouble = {false, ""};

	if (whole)
	{
		whole = output->path == NULL ? put_elsewhere(output, &trouble) : target_keep(&output->target, &trouble);
		if (!whole)
			complain("%s", trouble.text);
	}
	parting_removes(NULL);
	target_close(&output->target);
	writer_close(&output->writer);
	return whole;
}

static bool
put_elsewhere(Output *output, Trouble *trouble)
{
	const Writer *writer = &output->writer;

	parting_leaves_to(interrupt);
	return place_put(output->place, output->target.fd, writer->raw_bytes, writer->sha256[0] != '\0' ? writer->sha256 : NULL,
					 format_media_type(writer->format.kind, packing_of_file(place_name(output->place))), trouble);
}

/* To standard error where standard output has the records. */
static void
sum_up(const Output *output, double seconds, bool json)
{
	FILE	   *out = output->beside_records ? stderr : stdout;

	if (json)
		fprintf(out, "{\"records\" : %" PRId64 ", \"bytes\" : %" PRId64 "}\n", output->writer.records,
				output->writer.bytes);
	else
		fprintf(out, "%s: %" PRId64 " records, %" PRId64 " bytes (%.1f s)\n", output->name,
				output->writer.records, output->writer.bytes, seconds);
}
