/* source.h: the bytes of a file, of standard input, or inside a gzip file */
#ifndef USAGECTL_SOURCE_H
#define USAGECTL_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <zlib.h>

typedef struct Source
{
	const char *name;
	int			fd;
	bool		gzip;
	bool		ended;
	int64_t		size;			/* of the file; -1 where nobody knows */
	int64_t		taken;			/* bytes of the file that were read */
	z_stream	z;
	bool		inside;			/* a gzip member */
	unsigned char *packed;		/* bytes still to inflate are z.next_in */
	char		error[256];		/* why a read failed */
} Source;

extern bool source_open(Source *source, const char *name);
extern void source_close(Source *source);
extern ssize_t source_read(Source *source, char *buffer, size_t size);
extern bool source_ready(Source *source);
extern bool source_skip(Source *source, int64_t bytes, char *last);

#endif
