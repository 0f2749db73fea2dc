/* contents.h: a file's bytes, here, and what they hash to */
#ifndef USAGECTL_CONTENTS_H
#define USAGECTL_CONTENTS_H

#include <sys/stat.h>

#include "hash.h"
#include "remote.h"

typedef struct Contents
{
	int			fd;				/* at its start */
	int64_t		size;
	char		sha256[HASH_SIZE];
	struct stat status;			/* when it was hashed */
} Contents;

extern bool contents_fetch(const Config *config, const char *url, const char *credential, Contents *contents,
						   Trouble *trouble);
extern bool contents_changed(const Contents *contents);
extern void contents_close(Contents *contents);

#endif
