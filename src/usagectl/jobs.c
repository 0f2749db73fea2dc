/*
 * jobs.c
 *	  The process that has an agent's jobs done.
 *
 * The agent forks it, and it forks one more for each job.  It has a connection
 * of its own, by which it asks every ten seconds, and when it is woken, which
 * jobs are ours: that renews their leases, takes what is free, and tells what is
 * ours no more.  So each answer is compared with the children there are: a job
 * without a child gets one, a child without a job is told to stop.
 *
 * A child says itself how its job ended.  One that died without a word has left
 * its job with us, and the next answer shows it: then the job has failed once
 * more.  Whatever is said of a job is said of one attempt at it, so that what
 * comes late does nothing.
 *
 * No child outlives its lease: where it could not be renewed all are killed, and
 * none outlives this process, nor this process the agent.  What a killed one had
 * not committed was never there.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "children.h"
#include "clock.h"
#include "connection.h"
#include "job.h"
#include "jobs.h"
#include "session.h"
#include "wake.h"

#define CLAIM_EVERY 10
#define CLAIM_AGAIN 60			/* seconds, where we may not */
#define UPKEEP_EVERY 3600
#define LEAVING 17				/* seconds for the children; the agent has 20 */
#define DUES 32

typedef struct Jobs
{
	const JobsOptions *options;
	Session		session;
	int			backend;		/* of the session that has our name, or had it */
	bool		broken;
	Child	   *children;		/* a list */
	bool		begun;			/* what was ours before is given back */
	bool		claiming;
	double		claimed_at;
	double		claim_at;
	double		upkeep_at;
	double		dues[DUES];		/* when something will be due; 0 for nothing */
	bool		leaves;
	double		leave_by;
	bool		releasing;
	bool		released;
	char		complaint[200]; /* the last one, not to be repeated */
} Jobs;

/* A job that is due once more in so many seconds. */
typedef struct GivenBack
{
	Jobs	   *jobs;
	double		delay;
} GivenBack;

static _Noreturn void serve_jobs(const JobsOptions *options);
static bool begin_session(Jobs *jobs);
static bool end_backend(Jobs *jobs);
static bool lock_name(Jobs *jobs);
static bool may_take(Jobs *jobs);
static void pause_for(double seconds);
static bool serve(Jobs *jobs);
static void leave(Jobs *jobs, double now);
static void kill_late(const Jobs *jobs, double now);
static double claim_time(const Jobs *jobs);
static double next_time(const Jobs *jobs);
static void wait_until(Jobs *jobs, double until);
static void claim(Jobs *jobs);
static void on_claim(void *context, const PGresult *result);
static void claim_failed(Jobs *jobs, const PGresult *result);
static void claim_one(Jobs *jobs, const PGresult *result, int row);
static void start(Jobs *jobs, const PGresult *result, int row);
static double leased_until(const Jobs *jobs, const PGresult *result, int row);
static Order order_of(const PGresult *result, int row);
static void give_back(Jobs *jobs, const Child *child, const char *why, bool cancelled);
static void on_given_back(void *context, const PGresult *result);
static void release(Jobs *jobs);
static void on_release(void *context, const PGresult *result);
static void upkeep(Jobs *jobs);
static void on_upkeep(void *context, const PGresult *result);
static void due_in(Jobs *jobs, double seconds);
static void on_ended(void *context, double again);

/* Forks it; -1 if that fails.  Other is a socket of the caller's that it is not to keep. */
pid_t
jobs_start(const JobsOptions *options, int other)
{
	pid_t		parent = getpid();
	pid_t		pid = fork();

	if (pid != 0)
		return pid;
	close(other);
	/* nothing is to keep us from what we have to do in time */
	setenv("PGCONNECT_TIMEOUT", "10", 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || !wake_open())
		_exit(1);
	serve_jobs(options);
}

static _Noreturn void
serve_jobs(const JobsOptions *options)
{
	Jobs	   *jobs = calloc(1, sizeof(Jobs));
	double		pause = 0.1;

	jobs->options = options;
	jobs->upkeep_at = clock_now();
	jobs->leave_by = INFINITY;
	while (!told_to_leave || children_running(jobs->children) > 0)
	{
		if (begin_session(jobs))
		{
			if (!may_take(jobs) || serve(jobs))
				break;
			pause = 0.1;
		}
		session_end(&jobs->session);
		pause_for(pause);
		pause = pause < 2.5 ? pause * 2 : 5;
		children_reap(jobs->children, on_ended, jobs);
		if (told_to_leave)
			children_tell(jobs->children, SIGKILL);
		kill_late(jobs, clock_now());
	}
	session_end(&jobs->session);
	exit(0);
}

static bool
begin_session(Jobs *jobs)
{
	Complaints	complaints = {.lasting = false};
	bool		begun;

	/* the agent complains of the same, and is the one to end */
	complaints_into(&complaints);
	begun = session_begin(&jobs->session, connect_to(jobs->options->login)) &&
		run_script(jobs->session.conn, "SET search_path = pg_catalog, pg_temp; SET tcp_keepalives_idle = 10; "
				   "SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; "
				   "SET client_connection_check_interval = '2s'; SET lock_timeout = '1s'; LISTEN usage_mgmt_job") &&
		end_backend(jobs) && lock_name(jobs);
	complaints_into(NULL);
	buffer_free(&complaints.text);
	jobs->broken = jobs->claiming = jobs->releasing = false;
	jobs->claim_at = 0;
	return begun;
}

/* Of a connection that was given up: what is between may keep it, and our name with it, for ever. */
static bool
end_backend(Jobs *jobs)
{
	char		backend[12];
	const char *values[] = {jobs->options->journal->agent, backend};
	PGresult   *result;

	snprintf(backend, sizeof(backend), "%d", jobs->backend);
	result = run(jobs->session.conn, "SELECT pg_terminate_backend(pid, 1000) FROM pg_locks "
				 "WHERE pid = $2 AND locktype = 'advisory' AND objsubid = 1 AND granted "
				 "AND (classid::bigint << 32 | objid::bigint) = hashtextextended('usage_mgmt jobs ' || $1, 0)", 2, values);
	PQclear(result);
	return result != NULL;
}

/* Two agents of one name would take each other's jobs for their own. */
static bool
lock_name(Jobs *jobs)
{
	const char *values[] = {jobs->options->journal->agent};
	PGresult   *result = run(jobs->session.conn,
							 "SELECT pg_try_advisory_lock(hashtextextended('usage_mgmt jobs ' || $1, 0))", 1, values);
	bool		locked = result != NULL && PQgetvalue(result, 0, 0)[0] == 't';

	PQclear(result);
	if (locked)
		jobs->backend = PQbackendPID(jobs->session.conn);
	return locked;
}

/* What is run for others could reach whatever our login may do. */
static bool
may_take(Jobs *jobs)
{
	PGresult   *result = run(jobs->session.conn, "SELECT rolsuper FROM pg_roles WHERE rolname = SESSION_USER", 0, NULL);
	bool		super = result == NULL || PQntuples(result) != 1 || PQgetvalue(result, 0, 0)[0] == 't';

	PQclear(result);
	if (super && !jobs->options->allow_superuser)
		journal_line(jobs->options->journal, NULL, "takes no jobs",
					 "its role is a superuser; give it one that is not, or --allow-superuser");
	return !super || jobs->options->allow_superuser;
}

static void
pause_for(double seconds)
{
	double		until = clock_now() + seconds;
	double		left;

	while (!told_to_leave && (left = until - clock_now()) > 0)
	{
		struct pollfd wake = wake_polled();

		poll(&wake, 1, (int) (left * 1000) + 1);
		wake_clear();
	}
}

/* True when it has left in order, false when the connection broke. */
static bool
serve(Jobs *jobs)
{
	while (!jobs->released)
	{
		double		now = clock_now();

		children_reap(jobs->children, on_ended, jobs);
		if (jobs->session.told || (jobs->session.notified && children_running(jobs->children) < jobs->options->most))
			jobs->claim_at = now;
		jobs->session.notified = jobs->session.told = false;
		if (told_to_leave)
			leave(jobs, now);
		else if (now >= jobs->upkeep_at && jobs->begun)
			upkeep(jobs);
		if (!jobs->claiming && !jobs->leaves && now >= claim_time(jobs))
			claim(jobs);
		kill_late(jobs, now);
		/* a connection may be dead and say nothing */
		if (jobs->claiming && now > jobs->claimed_at + jobs->options->lease)
			jobs->broken = true;
		if (jobs->broken || now > jobs->leave_by + 2)
			return jobs->leaves;
		wait_until(jobs, next_time(jobs));
	}
	return true;
}

/* Each child ends its batch; then all is given back. */
static void
leave(Jobs *jobs, double now)
{
	if (!jobs->leaves)
	{
		jobs->leaves = true;
		jobs->leave_by = now + LEAVING;
		children_tell(jobs->children, SIGTERM);
		for (Child *child = jobs->children; child != NULL; child = child->next)
			if (child->kill_at > jobs->leave_by)
				child->kill_at = jobs->leave_by;
	}
	if (children_running(jobs->children) == 0 && !jobs->releasing)
		release(jobs);
}

static void
kill_late(const Jobs *jobs, double now)
{
	children_kill_late(jobs->children, now, jobs->options->lease / 6.0);
}

/* A lease is renewed before the last third of it. */
static double
claim_time(const Jobs *jobs)
{
	double		renew = jobs->claimed_at + jobs->options->lease / 3.0;

	return children_running(jobs->children) > 0 && renew < jobs->claim_at ? renew : jobs->claim_at;
}

static double
next_time(const Jobs *jobs)
{
	double		until = jobs->leaves ? jobs->leave_by : claim_time(jobs);

	for (int i = 0; i < DUES; i++)
		if (jobs->dues[i] > 0 && jobs->dues[i] < until)
			until = jobs->dues[i];
	for (const Child *child = jobs->children; child != NULL; child = child->next)
		if (child->pid != 0 && child->kill_at < until)
			until = child->kill_at;
	return until;
}

static void
wait_until(Jobs *jobs, double until)
{
	struct pollfd polled[2] = {session_polled(&jobs->session), wake_polled()};
	double		left = until - clock_now();
	double		now;

	poll(polled, 2, left > 1 ? 1000 : left > 0 ? (int) (left * 1000) + 1 : 0);
	wake_clear();
	if (polled[0].revents != 0 && !session_read(&jobs->session))
		jobs->broken = true;
	now = clock_now();
	for (int i = 0; i < DUES; i++)
		if (jobs->dues[i] > 0 && jobs->dues[i] <= now)
		{
			jobs->dues[i] = 0;
			jobs->claim_at = now;
		}
}

/* ---- which jobs are ours ---- */

/* The first time no new ones are taken: what is ours then is of somebody who is dead. */
static void
claim(Jobs *jobs)
{
	char		lease[20];
	char		most[20];
	char		retries[20];
	const char *values[] = {jobs->options->journal->agent, lease, most, retries};

	snprintf(lease, sizeof(lease), "%d seconds", jobs->options->lease);
	snprintf(most, sizeof(most), "%d", jobs->begun ? jobs->options->most : 0);
	snprintf(retries, sizeof(retries), "%d", jobs->options->delays.count);
	jobs->claiming = true;
	jobs->claimed_at = clock_now();
	jobs->claim_at = jobs->claimed_at + CLAIM_EVERY;
	if (!session_send(&jobs->session,
					  "SELECT resource, job, attempt, failures, cancelled, ordered_by, claims, about ->> 'creation_date', "
					  "about ->> 'noun', about ->> 'url', about ->> 'content_type', about ->> 'credential', "
					  "about ->> 'manifest', about ->> 'mapping', about ->> 'sequence', about ->> 'afterwards', "
					  "about ->> 'every', about ->> 'query', about ->> 'tmf_version', "
					  "extract(epoch FROM (about ->> 'leased_until')::timestamptz - clock_timestamp()) "
					  "FROM usage_mgmt.job_claim($1, $2, $3, $4)", 4, values, on_claim, jobs))
		jobs->broken = true;
}

static void
on_claim(void *context, const PGresult *result)
{
	Jobs	   *jobs = context;

	jobs->claiming = false;
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
	{
		claim_failed(jobs, result);
		return;
	}
	jobs->complaint[0] = '\0';
	for (Child *child = jobs->children; child != NULL; child = child->next)
		child->claimed = false;
	for (int row = 0; row < PQntuples(result); row++)
		claim_one(jobs, result, row);
	for (Child *child = jobs->children; child != NULL; child = child->next)
		if (!child->claimed && child->pid != 0)
			child_stop(child, clock_now());
	children_forget(&jobs->children);
	if (!jobs->begun)
		jobs->claim_at = clock_now();
	jobs->begun = true;
}

/* Where we have no right to it, or an older version of the extension is there, there is time. */
static void
claim_failed(Jobs *jobs, const PGresult *result)
{
	const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (message == NULL)
		message = PQresultErrorMessage(result);
	if (strncmp(jobs->complaint, message, sizeof(jobs->complaint) - 1) != 0)
		journal_line(jobs->options->journal, NULL, "takes no jobs", message);
	snprintf(jobs->complaint, sizeof(jobs->complaint), "%s", message);
	if (jobs->children == NULL && code != NULL && strncmp(code, "42", 2) == 0)
		jobs->claim_at = clock_now() + CLAIM_AGAIN;
}

static void
claim_one(Jobs *jobs, const PGresult *result, int row)
{
	const char *attempt = PQgetvalue(result, row, 2);
	bool		cancelled = PQgetvalue(result, row, 4)[0] == 't';
	Child	   *child = children_find(jobs->children, PQgetvalue(result, row, 0), PQgetvalue(result, row, 1));
	bool		same = child != NULL && strcmp(child->attempt, attempt) == 0;

	if (child != NULL && child->pid != 0)
	{
		child->claimed = true;
		child->shared->leased_until = leased_until(jobs, result, row);
		/* one of an earlier attempt has to end before this one begins */
		if (cancelled || !same)
			child_stop(child, clock_now());
	}
	else if (same || cancelled || !jobs->begun)
	{
		Child	   *dead = same ? child : child_new(PQgetvalue(result, row, 0), PQgetvalue(result, row, 1), attempt,
													atoi(PQgetvalue(result, row, 3)));

		give_back(jobs, dead, same ? dead->end : "the agent that had it was killed", cancelled);
		if (!same)
		{
			dead->next = jobs->children;
			jobs->children = dead;
		}
	}
	else if (!jobs->leaves)
		start(jobs, result, row);
}

static void
start(Jobs *jobs, const PGresult *result, int row)
{
	Order		order = order_of(result, row);
	Child	   *child = child_new(order.resource, order.job, order.attempt, order.failures);
	pid_t		parent = getpid();
	sigset_t	signals;
	sigset_t	before;

	/* none is to reach the child before it listens itself */
	sigfillset(&signals);
	sigprocmask(SIG_BLOCK, &signals, &before);
	child->shared = mmap(NULL, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (child->shared != MAP_FAILED)
	{
		child->shared->leased_until = leased_until(jobs, result, row);
		child->pid = fork();
	}
	else
		child->pid = -1;
	if (child->pid == 0)
	{
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		close(PQsocket(jobs->session.conn));
		job_work(jobs->options, &order, child->shared);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	child->claimed = true;
	child->next = jobs->children;
	jobs->children = child;
	if (child->pid > 0)
		journal_job(jobs->options->journal, order.resource, order.job, "begins", NULL);
	else
	{
		/* the next answer finds it dead */
		child->pid = 0;
		snprintf(child->end, sizeof(child->end), "there was no process for it: %s", strerror(errno));
		jobs->claim_at = clock_now() + 1;
	}
}

/* What somebody had locked was not renewed. */
static double
leased_until(const Jobs *jobs, const PGresult *result, int row)
{
	return jobs->claimed_at + strtod(PQgetvalue(result, row, PQnfields(result) - 1), NULL);
}

/* Its texts are the result's. */
static Order
order_of(const PGresult *result, int row)
{
	const char *texts[20];
	int			count = PQnfields(result);

	for (int i = 0; i < count; i++)
		texts[i] = PQgetisnull(result, row, i) ? NULL : PQgetvalue(result, row, i);
	return (Order) {.resource = texts[0], .job = texts[1], .attempt = texts[2], .failures = atoi(texts[3]),
					.ordered_by = texts[5], .claims = texts[6], .created = texts[7], .noun = texts[8], .url = texts[9],
					.content_type = texts[10], .credential = texts[11], .manifest = texts[12], .mapping = texts[13],
					.sequence = texts[14], .afterwards = texts[15], .every = texts[16], .query = texts[17], .version = texts[18]};
}

/* Of a job that nobody is at any more: one failure more, or its end where it was cancelled. */
static void
give_back(Jobs *jobs, const Child *child, const char *why, bool cancelled)
{
	char		interval[40];
	const char *values[] = {jobs->options->journal->agent, child->resource, child->job, child->attempt, interval, why};
	GivenBack  *given;

	given = malloc(sizeof(GivenBack));
	*given = (GivenBack) {jobs, jobs_delay(jobs->options, child->failures, interval)};
	journal_job(jobs->options->journal, child->resource, child->job, cancelled ? "is cancelled" : "is given back", why);
	if (!session_send(&jobs->session, "SELECT usage_mgmt.job_retry($1, $2, $3, $4, $5, $6)", 6, values,
					  on_given_back, given))
		jobs->broken = true;
}

/* When one is tried again that has failed once more: in seconds, and as SQL has it. */
double
jobs_delay(const JobsOptions *options, int failures, char interval[40])
{
	double		delay = delays_after(&options->delays, failures + 1);

	/* where all are used up, the next claim ends it */
	if (delay < 0)
		delay = 0;
	snprintf(interval, 40, "%.3f seconds", delay);
	return delay;
}

/* Only now the server counts the time.  What it could not be told the next answer tells us again. */
static void
on_given_back(void *context, const PGresult *result)
{
	GivenBack  *given = context;

	(void) result;
	due_in(given->jobs, given->delay);
	free(given);
}

static void
release(Jobs *jobs)
{
	const char *values[] = {jobs->options->journal->agent};

	jobs->releasing = true;
	if (!session_send(&jobs->session, "SELECT usage_mgmt.job_release($1)", 1, values, on_release, jobs))
		jobs->broken = true;
}

static void
on_release(void *context, const PGresult *result)
{
	(void) result;
	((Jobs *) context)->released = true;
}

/* What has ended long ago is forgotten. */
static void
upkeep(Jobs *jobs)
{
	jobs->upkeep_at = clock_now() + UPKEEP_EVERY;
	if (!session_send(&jobs->session, "SELECT usage_mgmt.jobs_upkeep()", 0, NULL, on_upkeep, jobs))
		jobs->broken = true;
}

static void
on_upkeep(void *context, const PGresult *result)
{
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		journal_line(((Jobs *) context)->options->journal, NULL, "could not forget old jobs", PQresultErrorMessage(result));
}

/* That another claim is of use then. */
static void
due_in(Jobs *jobs, double seconds)
{
	int			latest = 0;

	for (int i = 1; i < DUES; i++)
		if (jobs->dues[i] == 0 || (jobs->dues[latest] != 0 && jobs->dues[i] > jobs->dues[latest]))
			latest = i;
	jobs->dues[latest] = clock_now() + seconds;
}

/* What one that has ended did not say of its job the next answer does. */
static void
on_ended(void *context, double again)
{
	Jobs	   *jobs = context;

	if (again > 0)
		due_in(jobs, again);
	jobs->claim_at = clock_now();
}
