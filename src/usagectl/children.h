/* children.h: the processes that do jobs */
#ifndef USAGECTL_CHILDREN_H
#define USAGECTL_CHILDREN_H

#include <stdbool.h>
#include <sys/types.h>

#include "job.h"

typedef struct Child
{
	struct Child *next;
	char	   *resource;
	char	   *job;
	char	   *attempt;
	int			failures;
	pid_t		pid;			/* 0 when it has ended */
	Shared	   *shared;			/* with it */
	double		kill_at;		/* if it is there then still */
	bool		claimed;
	char		end[120];		/* how it ended */
} Child;

extern Child *children_find(Child *children, const char *resource, const char *job);
extern Child *child_new(const char *resource, const char *job, const char *attempt, int failures);
extern int	children_running(const Child *children);
extern void children_reap(Child *children, void (*ended) (void *context, double again), void *context);
extern void children_forget(Child **children);
extern void child_stop(Child *child, double now);
extern void children_kill_late(Child *children, double now, double margin);
extern void children_tell(Child *children, int signal_number);

#endif
