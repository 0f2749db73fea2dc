/*
 * export.c
 *	  Records of the store into a file, one a line.
 *
 * The server sends one record at a time, by binary COPY, so that neither side
 * ever holds more.  A file gets its name only when it is whole.
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
#include <zlib.h>

#include "export.h"
#include "progress.h"
#include "resources.h"

#define HEADER 19				/* bytes of a binary COPY's */

typedef struct Target
{
	const char *name;
	char	   *temporary;		/* NULL for standard output */
	int			fd;
	FILE	   *file;
	gzFile		gzip;			/* instead of the file */
	int64_t		records;
	int64_t		bytes;
} Target;

/* The file without a name of its own, for a signal to remove. */
static const char *volatile unfinished = NULL;

static void stopped(int signal_number);
static bool target_open(Target *target, const char *name);
static bool target_write(Target *target, const char *bytes, size_t length);
static bool target_close(Target *target, bool keep);
static bool begin_copy(const ExportOptions *options, PGconn *conn, const Resource *resource);
static bool copy_records(PGconn *conn, Target *target, Progress *progress);
static bool write_record(Target *target, const char *row, int length);
static int64_t count(const ExportOptions *options, PGconn *conn, const Resource *resource);
static void sum_up(const ExportOptions *options, const Target *target, double seconds);

ExitStatus
export_file(const ExportOptions *options, PGconn *conn, const char *name)
{
	Resources	resources;
	const Resource *resource;
	Target		target;
	Progress	progress;
	bool		done;

	if (!resources_learn(&resources, conn, options->resource) || !target_open(&target, name))
		return FAILED;
	resource = &resources.list[resources.usual];
	progress_begin(&progress, name, -1, 0);
	if (progress.shown)
		progress.total = count(options, conn, resource);
	done = begin_copy(options, conn, resource) && copy_records(conn, &target, &progress);
	progress_end(&progress);
	resources_free(&resources);
	if (!target_close(&target, done) || !done)
		return FAILED;
	sum_up(options, &target, progress_seconds(&progress));
	return ALL_DONE;
}

static bool
target_open(Target *target, const char *name)
{
	size_t		length = strlen(name);
	bool		gzip = length > 3 && strcmp(name + length - 3, ".gz") == 0;
	mode_t		mask = umask(0);

	umask(mask);
	memset(target, 0, sizeof(Target));
	target->name = name;
	target->fd = STDOUT_FILENO;
	if (strcmp(name, "-") != 0)
	{
		target->temporary = malloc(length + 8);
		sprintf(target->temporary, "%s.XXXXXX", name);
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
	if (target->fd >= 0 && gzip)
		target->gzip = gzdopen(dup(target->fd), "wb6");
	else if (target->fd >= 0)
		target->file = fdopen(dup(target->fd), "wb");
	if (target->gzip != NULL || target->file != NULL)
		return true;
	complain("could not write \"%s\": %s", name, strerror(errno));
	return false;
}

static void
stopped(int signal_number)
{
	if (unfinished != NULL)
		unlink(unfinished);
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

static bool
target_write(Target *target, const char *bytes, size_t length)
{
	target->bytes += length;
	return target->gzip != NULL ? gzwrite(target->gzip, bytes, length) == (int) length
		: fwrite(bytes, 1, length, target->file) == length;
}

/* Ends the file and gives it its name, or removes it. */
static bool
target_close(Target *target, bool keep)
{
	bool		whole = target->gzip != NULL ? gzclose(target->gzip) == Z_OK : fclose(target->file) == 0;

	if (target->temporary != NULL && keep)
		whole = whole && fsync(target->fd) == 0 && rename(target->temporary, target->name) == 0;
	if (keep && !whole)
		complain("could not write \"%s\": %s", target->name, strerror(errno));
	if (target->temporary != NULL && !(keep && whole))
		unlink(target->temporary);
	unfinished = NULL;
	close(target->fd);
	free(target->temporary);
	return whole;
}

static bool
begin_copy(const ExportOptions *options, PGconn *conn, const Resource *resource)
{
	char	   *query = PQescapeLiteral(conn, options->query, strlen(options->query));
	char	   *version = options->version == NULL ? NULL
		: PQescapeLiteral(conn, options->version, strlen(options->version));
	size_t		size = strlen(options->query) * 2 + 300;
	char	   *sql = malloc(size);
	PGresult   *result;
	bool		begun = false;

	if (query == NULL || (options->version != NULL && version == NULL))
		complain_of(conn, NULL);
	else
	{
		snprintf(sql, size, "COPY (SELECT %s(%s, %s)) TO STDOUT WITH (FORMAT binary)",
				 resource->get, query, version != NULL ? version : "NULL");
		result = PQexec(conn, sql);
		begun = PQresultStatus(result) == PGRES_COPY_OUT;
		if (!begun)
			complain_of(conn, result);
		PQclear(result);
	}
	PQfreemem(query);
	PQfreemem(version);
	free(sql);
	return begun;
}

/* The server sends each row by itself, the first one behind the header. */
static bool
copy_records(PGconn *conn, Target *target, Progress *progress)
{
	char	   *row;
	int			length;
	int			header = HEADER;
	bool		written = true;
	PGresult   *result;

	while (written && (length = PQgetCopyData(conn, &row, 0)) > 0)
	{
		if (length >= header)
			written = write_record(target, row + header, length - header);
		header = 0;
		PQfreemem(row);
		progress_show(progress, target->records, target->records);
	}
	if (!written)
	{
		complain("could not write \"%s\": %s", target->name, strerror(errno));
		return false;
	}
	result = PQgetResult(conn);
	written = PQresultStatus(result) == PGRES_COMMAND_OK;
	if (!written)
		complain_of(conn, result);
	PQclear(result);
	return written;
}

/* A row is the number of its fields, the length of its one field, and that. */
static bool
write_record(Target *target, const char *row, int length)
{
	if (length <= 6)			/* the trailer, or nothing */
		return true;
	target->records++;
	return target_write(target, row + 6, length - 6) && target_write(target, "\n", 1);
}

/* How many there will be; -1 where the server does not say. */
static int64_t
count(const ExportOptions *options, PGconn *conn, const Resource *resource)
{
	const char *values[] = {options->query, options->version};
	char		sql[200];
	PGresult   *result;
	int64_t		count;

	snprintf(sql, sizeof(sql), "SELECT %s($1, $2)", resource->count);
	result = PQexecParams(conn, sql, 2, NULL, values, NULL, NULL, 0);
	count = PQresultStatus(result) == PGRES_TUPLES_OK ? int_field(result, 0) : -1;
	PQclear(result);
	return count;
}

/* To standard error where standard output has the records. */
static void
sum_up(const ExportOptions *options, const Target *target, double seconds)
{
	FILE	   *out = strcmp(target->name, "-") == 0 ? stderr : stdout;

	if (options->json)
		fprintf(out, "{\"records\" : %" PRId64 ", \"bytes\" : %" PRId64 "}\n", target->records, target->bytes);
	else
		fprintf(out, "%s: %" PRId64 " records, %" PRId64 " bytes (%.1f s)\n", target->name,
				target->records, target->bytes, seconds);
}
