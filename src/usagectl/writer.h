/* writer.h: records into a file descriptor, in a format, packed or not */
#ifndef USAGECTL_WRITER_H
#define USAGECTL_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format.h"

struct Hash;
struct Pack;

typedef struct Writer
{
	int64_t		records;
	int64_t		bytes;			/* of the text, before it is packed */
	int64_t		raw_bytes;		/* of the file */
	char		sha256[65];		/* of the file, behind the end, where it was asked for */
	char		error[1000];	/* why a write failed */

	/* its own */
	int			fd;
	Format		format;
	struct Pack *pack;			/* NULL for none */
	struct Hash *hash;			/* of the file, where it was asked for */
	char	   *buffer;
	size_t		used;
} Writer;

/*
 * What is to be selected of the server, a row for each record, where an expression
 * gives their documents; malloc'd, NULL without memory.
 */
extern char *writer_select(const Format *format, const char *documents);

/*
 * The descriptor stays the caller's.  A format that is CSV asks its connection for
 * the header when it is opened, before any COPY.  Each is false with the error set.
 */
extern bool writer_open(Writer *writer, int fd, const Format *format, Packing packing);
extern bool writer_hash(Writer *writer);	/* asked for before the first record */
extern bool writer_record(Writer *writer, const char *row, size_t length);
extern bool writer_end(Writer *writer);
extern void writer_close(Writer *writer);

#endif
