/*
 * spool.c
 *	  A file without a name, for what is on its way elsewhere.
 *
 * A snapshot that waits for somebody else's server keeps ours from clearing up,
 * so an export is written here first.  Whatever becomes of the process, nothing
 * is left of the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "spool.h"

const char *
spool_directory(const Config *config)
{
	const char *folder = config->spool != NULL ? config->spool : getenv("TMPDIR");

	return folder != NULL && folder[0] != '\0' ? folder : "/tmp";
}

/* To write and to read; -1 with the trouble. */
int
spool_open(const Config *config, Trouble *trouble)
{
	const char *folder = spool_directory(config);
	char		name[PATH_MAX];
	int			fd;

	if (snprintf(name, sizeof(name), "%s/usagectl.XXXXXX", folder) >= (int) sizeof(name))
		errno = ENAMETOOLONG;
	else if ((fd = mkostemp(name, O_CLOEXEC)) >= 0)
	{
		unlink(name);
		return fd;
	}
	trouble_system(trouble, errno, "could not make a file in the spool directory \"%s\"", folder);
	return -1;
}
