/* remote.h: files that are elsewhere, each named by a url */
#ifndef USAGECTL_REMOTE_H
#define USAGECTL_REMOTE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config.h"
#include "trouble.h"

typedef struct Place Place;
typedef struct Stream Stream;

/* One of a folder. */
typedef struct PlaceFile
{
	char	   *name;
	char	   *url;
	int64_t		size;			/* -1 unknown */
	char	   *stamp;			/* of what there is to know of size and time: as long as that is
								 * the same, so is the file; NULL for nothing */
} PlaceFile;

/* The config has to outlive its places, a place its streams.  Refused: NULL. */
extern Place *place_of(const Config *config, const char *url, const char *credential, Trouble *trouble);
extern void place_free(Place *place);
extern bool place_is_file(const Place *place);	/* file: */
extern char *place_local(const Place *place);	/* of file: the path, to free */
extern bool place_is_pattern(const Place *place);
extern const char *place_shown(const Place *place); /* its url, without what may be secret */
extern const char *place_name(const Place *place);	/* the last segment */
extern char *place_beside(const Place *place, const char *suffix);	/* a url, to free */

/* From its start; a read waits, and gives 0 for the end, -1 for trouble. */
extern Stream *stream_open(Place *place, Trouble *trouble);
extern ssize_t stream_read(Stream *stream, void *buffer, size_t size);
extern bool stream_ready(Stream *stream);	/* a read would not wait */
extern int64_t stream_size(const Stream *stream);	/* -1 unknown, also until the first read */
extern const Trouble *stream_trouble(const Stream *stream);
extern void stream_close(Stream *stream);

/*
 * Whole or not at all.  The file is read from its start; size is what it has,
 * sha256 (hex) that of its bytes, or NULL, which S3 alone does not do with.
 */
extern bool place_put(Place *place, int fd, int64_t size, const char *sha256, const char *media_type,
					  Trouble *trouble);

/* The same by oneself, for file: alone.  Abandoning is for what was not committed; fd stays the caller's. */
extern int	place_temporary(Place *place, Trouble *trouble);	/* -1 trouble */
extern bool place_commit(Place *place, int fd, Trouble *trouble);
extern void place_abandon(Place *place);

/* Those of a pattern, in order of name. */
extern bool place_list(Place *pattern, PlaceFile **files, int *count, Trouble *trouble);
extern void place_files_free(PlaceFile *files, int count);

/* name: in the same folder; what has it already is replaced. */
extern bool place_rename(Place *place, const char *name, Trouble *trouble);
extern bool place_remove(Place *place, Trouble *trouble);

#endif
