/* journal.h: what the agent says of itself */
#ifndef USAGECTL_JOURNAL_H
#define USAGECTL_JOURNAL_H

#include <stdbool.h>

typedef struct Journal
{
	const char *agent;			/* its name */
	bool		json;
	bool		verbose;		/* each attempt as well */
} Journal;

extern void journal_line(const Journal *journal, const char *listener, const char *what, const char *why);
extern void journal_job(const Journal *journal, const char *resource, const char *job, const char *what,
						const char *why);
extern void journal_attempt(const Journal *journal, const char *listener, const char *event, int status,
							double seconds, const char *error);
extern void journal_time(char text[32]);

#endif
