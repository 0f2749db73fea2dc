/* jobs.h: the process that has an agent's jobs done */
#ifndef USAGECTL_JOBS_H
#define USAGECTL_JOBS_H

#include <stdbool.h>
#include <sys/types.h>

#include "connection.h"
#include "delays.h"
#include "journal.h"

#define LEASE_OF_JOBS 60		/* seconds, unless told otherwise */
#define MOST_JOBS 64

typedef struct JobsOptions
{
	const Journal *journal;		/* with the agent's name */
	const Login *login;
	const char *config;			/* a file, or NULL */
	int			most;			/* at once */
	int			batch;			/* records in a transaction */
	int			lease;			/* seconds that a job is ours without another word */
	Delays		delays;
	bool		allow_private;
	bool		allow_superuser;
} JobsOptions;

extern pid_t jobs_start(const JobsOptions *options, int other);
extern double jobs_delay(const JobsOptions *options, int failures, char interval[40]);

#endif
