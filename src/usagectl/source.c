/*
 * source.c
 *	  The bytes of a file, of standard input, or inside a gzip file.
 *
 * A name that ends in .gz is a gzip file.  It is inflated here rather than by
 * zlib's gzread, which takes a file that is no gzip file for its contents and
 * ends quietly at garbage: a file that is damaged or cut short must be an error.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source.h"

#define PACKED (64 * 1024)

static ssize_t read_bytes(Source *source, void *buffer, size_t size);
static ssize_t inflate_bytes(Source *source, char *buffer, size_t size);
static bool next_member(Source *source);
static ssize_t fail(Source *source, const char *why);

/* Opens a file; "-" is standard input.  Where it fails, error says why. */
bool
source_open(Source *source, const char *name)
{
	size_t		length = strlen(name);
	struct stat status;

	memset(source, 0, sizeof(Source));
	source->name = name;
	source->fd = strcmp(name, "-") == 0 ? dup(STDIN_FILENO) : open(name, O_RDONLY | O_CLOEXEC);
	if (source->fd < 0 || fstat(source->fd, &status) < 0)
		return fail(source, strerror(errno)) == 0;
	if (S_ISDIR(status.st_mode))
		return fail(source, strerror(EISDIR)) == 0;
	source->size = S_ISREG(status.st_mode) ? (int64_t) status.st_size : -1;
	source->gzip = length > 3 && strcmp(name + length - 3, ".gz") == 0;
	if (source->gzip)
	{
		source->packed = malloc(PACKED);
		if (source->packed == NULL || inflateInit2(&source->z, 15 + 16) != Z_OK)
			return fail(source, "out of memory") == 0;
	}
	return true;
}

void
source_close(Source *source)
{
	if (source->packed != NULL)
		inflateEnd(&source->z);
	free(source->packed);
	if (source->fd >= 0)
		close(source->fd);
}

/* Up to size bytes; 0 at the end, -1 with the error set. */
ssize_t
source_read(Source *source, char *buffer, size_t size)
{
	ssize_t		n;

	if (source->ended || size == 0)
		return 0;
	n = source->gzip ? inflate_bytes(source, buffer, size) : read_bytes(source, buffer, size);
	source->ended = n <= 0;
	return n;
}

/* Whether a read would not wait. */
bool
source_ready(Source *source)
{
	struct pollfd input = {source->fd, POLLIN, 0};

	return source->size >= 0 || source->ended || source->z.avail_in > 0 || poll(&input, 1, 0) > 0;
}

/* Passes over that many bytes; last is the last of them. */
bool
source_skip(Source *source, int64_t bytes, char *last)
{
	char		buffer[16 * 1024];

	if (bytes > 0 && source->size >= 0 && !source->gzip)
	{
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

static ssize_t
read_bytes(Source *source, void *buffer, size_t size)
{
	ssize_t		n;

	do
		n = read(source->fd, buffer, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail(source, strerror(errno));
	source->taken += n;
	return n;
}

/* The same, of a gzip file: one member or several, one after the other. */
static ssize_t
inflate_bytes(Source *source, char *buffer, size_t size)
{
	z_stream   *z = &source->z;

	z->next_out = (unsigned char *) buffer;
	z->avail_out = size;
	while (z->avail_out == size)
	{
		int			result;

		if (z->avail_in == 0)
		{
			ssize_t		n = read_bytes(source, source->packed, PACKED);

			if (n < 0)
				return -1;
			if (n == 0 && (source->inside || source->taken == 0))
				return fail(source, "the gzip file ends too early");
			if (n == 0)
				return 0;
			z->next_in = source->packed;
			z->avail_in = n;
		}
		if (!source->inside && !next_member(source))
			return -1;
		if (z->avail_in == 0)
			continue;
		result = inflate(z, Z_NO_FLUSH);
		if (result == Z_STREAM_END)
			source->inside = false;
		else if (result != Z_OK && result != Z_BUF_ERROR)
			return fail(source, z->msg != NULL ? z->msg : "damaged gzip data");
	}
	return size - z->avail_out;
}

/* Between members; zeros after the last one are padding. */
static bool
next_member(Source *source)
{
	z_stream   *z = &source->z;

	if (z->total_in > 0)
		while (z->avail_in > 0 && *z->next_in == 0)
		{
			z->next_in++;
			z->avail_in--;
		}
	if (z->avail_in == 0)
		return true;
	source->inside = true;
	return inflateReset(z) == Z_OK || fail(source, "out of memory") == 0;
}

/* Always -1, for the caller to return. */
static ssize_t
fail(Source *source, const char *why)
{
	snprintf(source->error, sizeof(source->error), "%s", why);
	return -1;
}
