/* job.h: one job, and the process that does it */
#ifndef USAGECTL_JOB_H
#define USAGECTL_JOB_H

#include <stdint.h>

#include "config.h"
#include "connection.h"
#include "jobs.h"

/* What was ordered, as the row has it; NULL where it says nothing. */
typedef struct Order
{
	const char *resource;		/* import_job or export_job */
	const char *job;			/* its id */
	const char *attempt;
	const char *ordered_by;
	const char *claims;
	const char *created;
	const char *noun;			/* of what its path names */
	const char *url;
	const char *content_type;
	const char *credential;
	const char *manifest;		/* true, false */
	const char *mapping;
	const char *sequence;
	const char *afterwards;
	const char *every;
	const char *query;
	const char *version;
	int			failures;
} Order;

/* What the process has in common with the one that forked it. */
typedef struct Shared
{
	volatile double leased_until;	/* then it is ours no more, unless told otherwise */
	volatile double again;		/* in how many seconds it is due once more; 0 for never */
} Shared;

typedef enum JobEnd
{
	JOB_DONE,
	JOB_FAILED,					/* trouble or the complaints say why */
	JOB_AGAIN					/* a standing order: until its next run */
} JobEnd;

typedef struct Job
{
	const JobsOptions *options;
	const Order *order;
	Shared	   *shared;
	PGconn	   *control;		/* as the agent */
	PGconn	   *data;			/* as who ordered it */
	Config	   *config;
	Complaints	complaints;
	Trouble		trouble;
	Buffer		progress;		/* so far, a JSON object */
	Buffer		remark;			/* on what was done */
	bool		lost;			/* it is not ours any more */
} Job;

extern _Noreturn void job_work(const JobsOptions *options, const Order *order, Shared *shared);
extern PGresult *job_ask(Job *job, const char *sql, int count, const char *const *values);
extern bool job_note(Job *job);
extern bool job_stops(const Job *job);

/* What one is; see job_import.c and job_export.c. */
extern JobEnd job_import(Job *job);
extern JobEnd job_export(Job *job);

#endif
