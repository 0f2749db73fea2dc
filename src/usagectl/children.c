/*
 * children.c
 *	  The processes that do jobs, as the one knows them that forked them.
 *
 * One that has ended is kept until it is known what became of its job.
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "children.h"

#define STOPPING 5				/* seconds for one that is told to stop at once */

/* That of a job; NULL for none. */
Child *
children_find(Child *children, const char *resource, const char *job)
{
	for (Child *child = children; child != NULL; child = child->next)
		if (strcmp(child->job, job) == 0 && strcmp(child->resource, resource) == 0)
			return child;
	return NULL;
}

/* One that is not running. */
Child *
child_new(const char *resource, const char *job, const char *attempt, int failures)
{
	Child	   *child = calloc(1, sizeof(Child));

	child->resource = strdup(resource);
	child->job = strdup(job);
	child->attempt = strdup(attempt);
	child->failures = failures;
	child->kill_at = INFINITY;
	return child;
}

int
children_running(const Child *children)
{
	int			count = 0;

	for (const Child *child = children; child != NULL; child = child->next)
		count += child->pid != 0;
	return count;
}

/* Those that have ended; ended is told of each. */
void
children_reap(Child *children, void (*ended) (void *context, double again), void *context)
{
	int			status;
	pid_t		pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (Child *child = children; child != NULL; child = child->next)
			if (child->pid == pid)
			{
				child->pid = 0;
				if (WIFSIGNALED(status))
					snprintf(child->end, sizeof(child->end), "its process was killed by signal %d (%s)",
							 WTERMSIG(status), strsignal(WTERMSIG(status)));
				else
					snprintf(child->end, sizeof(child->end), "its process lost its connection to the database");
				ended(context, child->shared->again);
				munmap(child->shared, sizeof(Shared));
				child->shared = NULL;
			}
}

/* Those whose end needs no word of ours. */
void
children_forget(Child **children)
{
	Child	  **place = children;

	while (*place != NULL)
	{
		Child	   *child = *place;

		if (child->pid != 0 || child->claimed)
		{
			place = &child->next;
			continue;
		}
		*place = child->next;
		free(child->resource);
		free(child->job);
		free(child->attempt);
		free(child);
	}
}

/* At once. */
void
child_stop(Child *child, double now)
{
	if (child->kill_at < now + STOPPING)
		return;
	kill(child->pid, SIGUSR1);
	child->kill_at = now + STOPPING;
}

/* Those that should have stopped, and those whose jobs others may soon take. */
void
children_kill_late(Child *children, double now, double margin)
{
	for (Child *child = children; child != NULL; child = child->next)
		if (child->pid != 0 && (now >= child->kill_at || now > child->shared->leased_until - margin))
		{
			kill(child->pid, SIGKILL);
			child->kill_at = INFINITY;
		}
}

void
children_tell(Child *children, int signal_number)
{
	for (Child *child = children; child != NULL; child = child->next)
		if (child->pid != 0)
			kill(child->pid, signal_number);
}
