/* target.h: the file that an export is written to */
#ifndef USAGECTL_TARGET_H
#define USAGECTL_TARGET_H

#include <stdbool.h>

#include "trouble.h"

typedef enum TargetWay
{
	TARGET_THROUGH,				/* a pipe, a device, what is open already: byte by byte */
	TARGET_RENAMED,				/* a file of another name, until it is whole */
	TARGET_COPIED				/* into the file that is there, when all of it is known */
} TargetWay;

typedef struct Target
{
	const char *name;
	TargetWay	way;
	int			fd;				/* to write to */
	int			there;			/* the file that was there; -1 for none */
	char	   *path;			/* behind all links */
	char	   *temporary;		/* NULL for none */
	bool		kept;			/* has its name */
} Target;

extern bool target_open(Target *target, const char *name, Trouble *trouble);
extern bool target_is_stdout(const Target *target);
extern bool target_keep(Target *target, Trouble *trouble);	/* all of it was written */
extern void target_close(Target *target);	/* gives up what was not kept */

#endif
