/* progress.h: a progress bar on a terminal */
#ifndef USAGECTL_PROGRESS_H
#define USAGECTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Progress
{
	bool		shown;			/* standard error is a terminal */
	const char *name;
	int64_t		total;			/* of what done counts; -1 where nobody knows */
	int64_t		before;			/* done when this program began */
	double		began;
	double		drawn;
	char		parts[200];		/* of the records, each with its number */
} Progress;

extern void progress_begin(Progress *progress, const char *name, int64_t total, int64_t before);
extern void progress_show(Progress *progress, int64_t done, int64_t records);
extern void progress_parts(Progress *progress);
extern void progress_part(Progress *progress, const char *name, int64_t records);
extern void progress_end(Progress *progress);
extern double progress_seconds(const Progress *progress);

#endif
