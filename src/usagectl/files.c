/*
 * files.c
 *	  usagectl import and export: files that somebody names, by hand or in a script.
 *
 * What they come to is shown while it is under way, and summed up at the end.  A
 * file that is written gets its name only when it is whole.
 *
 * What is elsewhere is named by a url.  Whoever names it here may go where he may
 * go by himself: any path, any network.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "progress.h"
#include "remote.h"
#include "spool.h"
#include "writer.h"

typedef struct Show
{
	const char *name;			/* of the file */
	const FileOptions *file;
	Place	   *place;			/* that it is a url of; NULL for a path */
	Progress	progress;
	int64_t		position;		/* bytes that are committed */
	ExitStatus	status;
} Show;

typedef struct Target
{
	const char *name;
	char	   *temporary;		/* NULL for standard output, and for a url */
	Config	   *config;
	Place	   *place;			/* that it is a url of; NULL for a path */
	int			fd;
	Writer		writer;
	Progress	progress;
} Target;

/* The file without a name of its own, for a signal to remove. */
static const char *volatile unfinished = NULL;

/* For what is written elsewhere to be given up in order. */
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
static void stopped(int signal_number);
static bool target_open(Target *target);
static bool target_elsewhere(Target *target, const char *config_file);
static bool target_begin(Target *target, const ExportOptions *options, PGconn *conn);
static bool write_record(void *context, const char *record, size_t length);
static bool target_close(Target *target, bool keep);
static bool target_name(Target *target);
static bool target_put(Target *target);
static void sum_up(const Target *target, double seconds, bool json);

ExitStatus
import_file(const ImportOptions *options, PGconn *conn, const char *name, const FileOptions *file)
{
	Show		show = {.name = name, .file = file, .position = -1, .status = FAILED};
	Follower	follower = {&show, open_file, opened, begins, going, committed, NULL, closed};
	Config	   *config = NULL;

	if (is_url(name))
	{
		show.place = find_place(name, file->config, &config);
		if (show.place == NULL)
			return FAILED;
		show.name = place_shown(show.place);
	}
	import_run(options, conn, show.name, &follower);
	progress_end(&show.progress);
	if (show.status == FAILED && show.position >= 0)
		complain("%s: not done; the same command goes on after byte %" PRId64, show.name, show.position);
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
	(void) signal_number;
	interrupted = 1;
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
	((Show *) context)->position = books->position;
	return true;
}

static void
begins(void *context, const Source *source)
{
	Show	   *show = context;

	progress_begin(&show->progress, show->name, source->size, source->taken);
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

	(void) taken;
	show->position = books->position;
	show_resources(&show->progress, books);
	return true;
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
	Target		target = {.name = name};
	bool		done;

	of.format = file->format_given ? file->format : format_of_file(name);
	done = (is_url(name) ? target_elsewhere(&target, file->config) : target_open(&target)) && target_begin(&target, &of, conn);
	if (done)
	{
		progress_begin(&target.progress, name, -1, 0);
		if (target.progress.shown)
			target.progress.total = export_count(options, conn);
		done = export_run(&of, conn, write_record, &target);
		progress_end(&target.progress);
	}
	if (!target_close(&target, done) || !done)
		return FAILED;
	sum_up(&target, progress_seconds(&target.progress), file->json);
	return ALL_DONE;
}

static bool
write_record(void *context, const char *record, size_t length)
{
	Target	   *target = context;

	if (!writer_record(&target->writer, record, length))
	{
		complain("could not write \"%s\": %s", target->name, target->writer.error);
		return false;
	}
	progress_show(&target->progress, target->writer.records, target->writer.records);
	if (interrupted)
		complain("%s: given up", target->name);
	return !interrupted;
}

static bool
target_open(Target *target)
{
	mode_t		mask = umask(0);

	umask(mask);
	if (strcmp(target->name, "-") != 0)
	{
		target->temporary = malloc(strlen(target->name) + 8);
		sprintf(target->temporary, "%s.XXXXXX", target->name);
		target->fd = mkstemp(target->temporary);
		if (target->fd >= 0)
		{
			fchmod(target->fd, 0666 & ~mask);
			unfinished = target->temporary;
			signal(SIGINT, stopped);
			signal(SIGTERM, stopped);
			signal(SIGHUP, stopped);
		}
	}
	else
		target->fd = dup(STDOUT_FILENO);
	if (target->fd >= 0)
		return true;
	complain("could not write \"%s\": %s", target->name, strerror(errno));
	return false;
}

/* Its name is put in the place of its url, which may have more in it than is to be seen. */
static bool
target_elsewhere(Target *target, const char *config_file)
{
	Trouble		trouble = {false, ""};

	target->fd = -1;
	target->place = find_place(target->name, config_file, &target->config);
	if (target->place == NULL)
		return false;
	target->name = place_shown(target->place);
	target->fd = spool_open(target->config, &trouble);
	if (target->fd < 0)
		complain("%s", trouble.text);
	signal(SIGINT, interrupt);
	signal(SIGTERM, interrupt);
	signal(SIGHUP, interrupt);
	return target->fd >= 0;
}

static bool
target_begin(Target *target, const ExportOptions *options, PGconn *conn)
{
	char	   *noun;
	Format		format;
	bool		begun;

	if (!export_format(options, conn, &format, &noun))
		return false;
	begun = writer_open(&target->writer, target->fd, &format,
						packing_of_file(target->place != NULL ? place_name(target->place) : target->name)) &&
		(target->place == NULL || writer_hash(&target->writer));
	if (!begun)
		complain("could not write \"%s\": %s", target->name, target->writer.error);
	free(noun);
	return begun;
}

static void
stopped(int signal_number)
{
	if (unfinished != NULL)
		unlink(unfinished);
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

/* Ends the file and gives it its name, or removes it. */
static bool
target_close(Target *target, bool keep)
{
	bool		whole = keep && writer_end(&target->writer);

	if (keep && !whole)
		complain("could not write \"%s\": %s", target->name, target->writer.error);
	else if (keep && target->place != NULL)
		whole = target_put(target);
	else if (keep && target->temporary != NULL)
		whole = target_name(target);
	if (target->temporary != NULL && !whole)
		unlink(target->temporary);
	unfinished = NULL;
	writer_close(&target->writer);
	if (target->fd >= 0)
		close(target->fd);
	free(target->temporary);
	return whole;
}

static bool
target_name(Target *target)
{
	if (fsync(target->fd) == 0 && rename(target->temporary, target->name) == 0)
		return true;
	complain("could not write \"%s\": %s", target->name, strerror(errno));
	return false;
}

static bool
target_put(Target *target)
{
	const Writer *writer = &target->writer;
	Trouble		trouble = {false, ""};

	if (place_put(target->place, target->fd, writer->raw_bytes, writer->sha256[0] != '\0' ? writer->sha256 : NULL,
				  format_media_type(writer->format.kind, packing_of_file(place_name(target->place))), &trouble))
		return true;
	complain("%s", trouble.text);
	return false;
}

/* To standard error where standard output has the records. */
static void
sum_up(const Target *target, double seconds, bool json)
{
	FILE	   *out = strcmp(target->name, "-") == 0 ? stderr : stdout;

	if (json)
		fprintf(out, "{\"records\" : %" PRId64 ", \"bytes\" : %" PRId64 "}\n", target->writer.records,
				target->writer.bytes);
	else
		fprintf(out, "%s: %" PRId64 " records, %" PRId64 " bytes (%.1f s)\n", target->name,
				target->writer.records, target->writer.bytes, seconds);
}
