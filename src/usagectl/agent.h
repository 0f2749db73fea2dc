/* agent.h: usagectl agent */
#ifndef USAGECTL_AGENT_H
#define USAGECTL_AGENT_H

#include <stdbool.h>

#include "delays.h"
#include "jobs.h"
#include "status.h"

typedef struct AgentOptions
{
	const char *name;			/* NULL for host and process */
	Delays		delays;
	JobsOptions jobs;			/* what is its own of these */
	bool		allow_private;
	bool		verbose;
	bool		json;
} AgentOptions;

extern ExitStatus agent_run(const AgentOptions *options, PGconn *conn);

#endif
