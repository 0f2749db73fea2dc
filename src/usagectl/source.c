/*
 * source.c
 *	  The records of a file, of standard input or of a stream, one a line.
 *
 * Layers, of which a source has those that it needs: the bytes; what is packed
 * in them, which their start tells (a name that ends as if it were packed must
 * not lie); and a JSON array or CSV made into one document a line.  What a reader
 * is given is the same however often the source is read, so that a place in it
 * is found again.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array.h"
#include "csv.h"
#include "hash.h"
#include "head.h"
#include "remote.h"
#include "source.h"
#include "unpack.h"

static bool look(Source *source);
static void prepare(Source *source, const char *name, const Format *format);
static bool begin(Source *source);
static ssize_t read_raw(Source *source, void *buffer, size_t size);
static ssize_t read_bytes(Source *source, char *buffer, size_t size);
static ssize_t read_unpacked(Source *source, char *buffer, size_t size);
static ssize_t fail(Source *source, const char *why);

/* Opens a file; "-" is standard input.  Where it fails, error says why. */
bool
source_open(Source *source, const char *name, const Format *format)
{
	prepare(source, name, format);
	source->fd = strcmp(name, "-") == 0 ? dup(STDIN_FILENO) : open(name, O_RDONLY | O_CLOEXEC);
	return look(source);
}

/* One that is open, from its start; it stays open. */
bool
source_open_fd(Source *source, int fd, const char *name, const Format *format)
{
	prepare(source, name, format);
	source->fd = lseek(fd, 0, SEEK_SET) == 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	return look(source);
}

static bool
look(Source *source)
{
	struct stat status;

	if (source->fd < 0 || fstat(source->fd, &status) < 0)
		return fail(source, strerror(errno)) == 0;
	if (S_ISDIR(status.st_mode))
		return fail(source, strerror(EISDIR)) == 0;
	source->size = S_ISREG(status.st_mode) ? (int64_t) status.st_size : -1;
	return true;
}

/* The stream is closed with the source. */
bool
source_open_stream(Source *source, Stream *stream, const char *name, const Format *format)
{
	prepare(source, name, format);
	source->stream = stream;
	return true;
}

static void
prepare(Source *source, const char *name, const Format *format)
{
	memset(source, 0, sizeof(Source));
	source->name = name;
	source->fd = -1;
	source->size = -1;
	if (format != NULL)
		source->format = *format;
	source->marks = source->format.kind == FORMAT_CSV;
}

void
source_close(Source *source)
{
	csv_free(source->csv);
	array_free(source->array);
	unpack_free(source->unpack);
	hash_free(source->hash);
	if (source->stream != NULL)
		stream_close(source->stream);
	if (source->fd >= 0)
		close(source->fd);
}

/* Up to size bytes; 0 at the end, -1 with the error set, also when asked again. */
ssize_t
source_read(Source *source, char *buffer, size_t size)
{
	ssize_t		n;

	if (source->failed || (!source->begun && !begin(source)))
		return -1;
	if (source->ended || size == 0)
		return 0;
	n = source->csv != NULL ? csv_read(source->csv, buffer, size)
		: source->array != NULL ? array_read(source->array, buffer, size)
		: read_unpacked(source, buffer, size);
	source->ended = n == 0;
	source->failed = n < 0;
	return n;
}

/* Looks at the first bytes, and makes the layers that are needed. */
static bool
begin(Source *source)
{
	Packing		packing = packing_of_file(source->name);
	Packing		seen;
	const char *other;
	ssize_t		n = 1;

	source->failed = source->begun = true;
	while (source->first_used < HEAD_BYTES && n > 0)
	{
		n = read_raw(source, source->first + source->first_used, sizeof(source->first) - source->first_used);
		source->first_used += n > 0 ? n : 0;
	}
	if (n < 0)
		return false;
	if (source->stream != NULL)
		source->size = stream_size(source->stream);
	seen = unpack_seen(source->first, source->first_used);
	other = head_of_bytes(source->first, source->first_used);
	if (other != NULL)
		return source_fail(source, "%s", other) == 0;
	if (packing == PACKING_NONE || seen != PACKING_NONE)
		packing = seen;
	if (packing != PACKING_NONE)
		source->unpack = unpack_make(source, read_bytes, packing);
	if (source->format.kind == FORMAT_JSON)
		source->array = array_make(source, read_unpacked);
	else if (source->format.kind == FORMAT_CSV)
		source->csv = csv_make(source, read_unpacked);
	if ((packing != PACKING_NONE && source->unpack == NULL) ||
		(source->format.kind == FORMAT_JSON && source->array == NULL) ||
		(source->format.kind == FORMAT_CSV && source->csv == NULL))
		return fail(source, "out of memory") == 0;
	source->failed = false;
	return true;
}

/* Whether a read would not wait. */
bool
source_ready(Source *source)
{
	struct pollfd input = {source->fd, POLLIN, 0};

	if (source->ended || source->failed || source->first_given < source->first_used ||
		(source->stream == NULL && source->size >= 0) ||
		(source->csv != NULL && csv_ready(source->csv)) ||
		(source->array != NULL && array_ready(source->array)) ||
		(source->unpack != NULL && unpack_ready(source->unpack)))
		return true;
	return source->stream != NULL ? stream_ready(source->stream) : poll(&input, 1, 0) > 0;
}

/* Passes over that many bytes; last is the last of them. */
bool
source_skip(Source *source, int64_t bytes, char *last)
{
	char		buffer[16 * 1024];
	int64_t		held = source->first_used - source->first_given;

	if (source->stream == NULL && source->size >= 0 && source->hash == NULL && source->begun &&
		source->unpack == NULL && source->array == NULL && source->csv == NULL && bytes > held)
	{
		bytes -= held;
		source->first_given = source->first_used;
		if (source->taken + bytes > source->size ||
			lseek(source->fd, bytes - 1, SEEK_CUR) < 0)
			return fail(source, "the file is shorter than what was read of it before") == 0;
		source->taken += bytes - 1;
		bytes = 1;
	}
	while (bytes > 0)
	{
		ssize_t		n = source_read(source, buffer,
									bytes < (int64_t) sizeof(buffer) ? (size_t) bytes : sizeof(buffer));

		if (n < 0)
			return false;
		if (n == 0)
			return fail(source, "the file is shorter than what was read of it before") == 0;
		*last = buffer[n - 1];
		bytes -= n;
	}
	return true;
}

/* ---- the layers ---- */

static ssize_t
read_unpacked(Source *source, char *buffer, size_t size)
{
	return source->unpack != NULL ? unpack_read(source->unpack, buffer, size) : read_bytes(source, buffer, size);
}

/* The bytes of the file, those first that were looked at. */
static ssize_t
read_bytes(Source *source, char *buffer, size_t size)
{
	size_t		held = source->first_used - source->first_given;

	if (held == 0)
		return read_raw(source, buffer, size);
	if (size > held)
		size = held;
	memcpy(buffer, source->first + source->first_given, size);
	source->first_given += size;
	return size;
}

static ssize_t
read_raw(Source *source, void *buffer, size_t size)
{
	ssize_t		n;

	if (source->stream != NULL)
		n = stream_read(source->stream, buffer, size);
	else
		do
			n = read(source->fd, buffer, size);
		while (n < 0 && errno == EINTR);
	if (n < 0 && source->stream != NULL)
	{
		source->lasting = stream_trouble(source->stream)->lasting;
		return fail(source, stream_trouble(source->stream)->text);
	}
	if (n < 0)
		return fail(source, strerror(errno));
	source->taken += n;
	if (source->hash != NULL)
		hash_add(source->hash, buffer, n);
	return n;
}

/* ---- what was taken ---- */

bool
source_hash(Source *source)
{
	source->hash = hash_begin();
	return source->hash != NULL;
}

/* 64 digits and a NUL; of what was taken so far. */
bool
source_sha256(Source *source, char *hex)
{
	return source->hash != NULL && hash_told(source->hash, hex);
}

/* What is wrong is the file, and stays so. */
ssize_t
source_fail(Source *source, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	vsnprintf(source->error, sizeof(source->error), format, args);
	va_end(args);
	source->lasting = true;
	return -1;
}

/* Always -1, for the caller to return. */
static ssize_t
fail(Source *source, const char *why)
{
	snprintf(source->error, sizeof(source->error), "%s", why);
	return -1;
}
