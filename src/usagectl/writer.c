/*
 * writer.c
 *	  Records into a file descriptor: a document a line, one JSON array, or CSV;
 *	  packed or not.
 *
 * A record is written as the server gives it, which for CSV is a row already:
 * what an attribute's column is, the server knows.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hash.h"
#include "pack.h"
#include "writer.h"

#define BUFFER (64 * 1024)

static bool write_header(Writer *writer);
static bool put(Writer *writer, const char *bytes, size_t length);
static bool flush(Writer *writer, bool last);
static bool put_packed(void *context, const char *bytes, size_t length);
static bool put_raw(Writer *writer, const char *bytes, size_t length);
static bool fail(Writer *writer, const char *format,...) __attribute__((format(printf, 2, 3)));

char *
writer_select(const Format *format, const char *documents)
{
	char	   *noun = NULL;
	char	   *version = NULL;
	char	   *select = NULL;
	size_t		size;

	if (format->kind != FORMAT_CSV)
		return strdup(documents);
	noun = PQescapeLiteral(format->conn, format->resource, strlen(format->resource));
	if (format->version != NULL)
		version = PQescapeLiteral(format->conn, format->version, strlen(format->version));
	if (noun != NULL && (version != NULL || format->version == NULL))
	{
		size = strlen(documents) + strlen(noun) + (version != NULL ? strlen(version) : 4) + 40;
		select = malloc(size);
		if (select != NULL)
			snprintf(select, size, "usage_mgmt.csv_row(%s, %s, %s)", noun, version != NULL ? version : "NULL", documents);
	}
	PQfreemem(noun);
	PQfreemem(version);
	return select;
}

bool
writer_open(Writer *writer, int fd, const Format *format, Packing packing)
{
	memset(writer, 0, sizeof(Writer));
	writer->fd = fd;
	writer->format = *format;
	writer->buffer = malloc(BUFFER);
	if (packing != PACKING_NONE)
		writer->pack = pack_make(packing, put_packed, writer);
	if (writer->buffer == NULL || (packing != PACKING_NONE && writer->pack == NULL))
		return fail(writer, "out of memory");
	return format->kind != FORMAT_CSV || write_header(writer);
}

bool
writer_hash(Writer *writer)
{
	writer->hash = hash_begin();
	return writer->hash != NULL || fail(writer, "out of memory");
}

/* What the columns are called is asked of the server. */
static bool
write_header(Writer *writer)
{
	const Format *format = &writer->format;
	const char *values[] = {format->resource, format->version};
	PGresult   *result = PQexecParams(format->conn, "SELECT pg_catalog.array_to_string(usage_mgmt.csv_columns($1, $2), ',')",
									  2, NULL, values, NULL, NULL, 0);
	bool		written = PQresultStatus(result) == PGRES_TUPLES_OK
		? put(writer, PQgetvalue(result, 0, 0), PQgetlength(result, 0, 0)) && put(writer, "\r\n", 2)
		: fail(writer, "%s", PQresultErrorMessage(result));

	PQclear(result);
	return written;
}

bool
writer_record(Writer *writer, const char *row, size_t length)
{
	static const char *const before_first[] = {[FORMAT_NDJSON] = "", [FORMAT_JSON] = "[\n", [FORMAT_CSV] = ""};
	static const char *const before[] = {[FORMAT_NDJSON] = "", [FORMAT_JSON] = ",\n", [FORMAT_CSV] = ""};
	static const char *const behind[] = {[FORMAT_NDJSON] = "\n", [FORMAT_JSON] = "", [FORMAT_CSV] = "\r\n"};
	FormatKind	kind = writer->format.kind;
	const char *lead = writer->records == 0 ? before_first[kind] : before[kind];

	writer->records++;
	return put(writer, lead, strlen(lead)) && put(writer, row, length) &&
		put(writer, behind[kind], strlen(behind[kind]));
}

/* Writes what there is still to be written; then the file is whole. */
bool
writer_end(Writer *writer)
{
	const char *end = writer->format.kind != FORMAT_JSON ? "" : writer->records == 0 ? "[]\n" : "\n]\n";

	return put(writer, end, strlen(end)) && flush(writer, true) &&
		(writer->hash == NULL || hash_told(writer->hash, writer->sha256) || fail(writer, "out of memory"));
}

void
writer_close(Writer *writer)
{
	pack_free(writer->pack);
	hash_free(writer->hash);
	free(writer->buffer);
	writer->pack = NULL;
	writer->hash = NULL;
	writer->buffer = NULL;
}

static bool
put(Writer *writer, const char *bytes, size_t length)
{
	writer->bytes += length;
	while (length > 0)
	{
		size_t		n = BUFFER - writer->used < length ? BUFFER - writer->used : length;

		memcpy(writer->buffer + writer->used, bytes, n);
		writer->used += n;
		bytes += n;
		length -= n;
		if (writer->used == BUFFER && !flush(writer, false))
			return false;
	}
	return true;
}

static bool
flush(Writer *writer, bool last)
{
	size_t		length = writer->used;

	writer->used = 0;
	if (writer->pack == NULL)
		return put_raw(writer, writer->buffer, length);
	return pack_bytes(writer->pack, writer->buffer, length, last) || fail(writer, "could not pack");
}

static bool
put_packed(void *context, const char *bytes, size_t length)
{
	return put_raw(context, bytes, length);
}

static bool
put_raw(Writer *writer, const char *bytes, size_t length)
{
	writer->raw_bytes += length;
	if (writer->hash != NULL)
		hash_add(writer->hash, bytes, length);
	while (length > 0)
	{
		ssize_t		n = write(writer->fd, bytes, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(writer, "%s", strerror(errno));
		bytes += n;
		length -= n;
	}
	return true;
}

/* The first reason is kept; always false. */
static bool
fail(Writer *writer, const char *format,...)
{
	va_list		args;

	if (writer->error[0] != '\0')
		return false;
	va_start(args, format);
	vsnprintf(writer->error, sizeof(writer->error), format, args);
	va_end(args);
	return false;
}
