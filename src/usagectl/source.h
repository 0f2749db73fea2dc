/* source.h: the records of a file, of standard input or of a stream, one a line */
#ifndef USAGECTL_SOURCE_H
#define USAGECTL_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "format.h"

struct Stream;
struct Unpack;
struct Array;
struct Csv;
struct Hash;

/* A line that starts with this is what the format's reader could not make a document of; see csv.c. */
#define REFUSED '\001'

typedef struct Source
{
	const char *name;
	int			fd;				/* or else a stream */
	struct Stream *stream;
	int64_t		size;			/* of the file; -1 where nobody knows */
	int64_t		taken;			/* bytes of the file that were read */
	bool		marks;			/* lines may be REFUSED ones */
	bool		lasting;		/* the error is the file's own: trying again is of no use */
	char		error[1000];	/* why a read failed */

	/* its own */
	Format		format;
	bool		begun;
	bool		ended;
	bool		failed;
	struct Unpack *unpack;		/* the layers above the bytes; NULL for none */
	struct Array *array;
	struct Csv *csv;
	struct Hash *hash;			/* of the bytes taken, where that is asked for */
	char		first[64 * 1024];	/* bytes read to see how they are packed */
	size_t		first_used;
	size_t		first_given;
} Source;

/* In a format, NULL for NDJSON; the format is copied, what it points to is not. */
extern bool source_open(Source *source, const char *name, const Format *format);
extern bool source_open_fd(Source *source, int fd, const char *name, const Format *format);
extern bool source_open_stream(Source *source, struct Stream *stream, const char *name, const Format *format);
extern void source_close(Source *source);
extern ssize_t source_read(Source *source, char *buffer, size_t size);
extern bool source_ready(Source *source);
extern bool source_skip(Source *source, int64_t bytes, char *last);

/* The SHA-256 of all bytes taken, as 64 digits: asked for before the first read, told behind the end. */
extern bool source_hash(Source *source);
extern bool source_sha256(Source *source, char *hex);

/* For the layers: what is below one, and what it ends with where its bytes are at fault; always -1. */
typedef ssize_t (*Bytes) (Source *source, char *buffer, size_t size);
extern ssize_t source_fail(Source *source, const char *format,...) __attribute__((format(printf, 2, 3)));

#endif
