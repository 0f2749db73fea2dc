/*
 * job.c
 *	  One job, and the process that does it.
 *
 * It has two connections.  On one it is the agent, and says how the job goes and
 * ends.  On the other it is the role that ordered the job, with the claims of
 * the request by which it did: whatever is read or written there is checked as
 * theirs.  No text of the order's is run as SQL there.
 *
 * Told to end (SIGTERM), it does so behind the batch that is under way and gives
 * the job back; an export, which starts anew anyway, at once.  Told to stop
 * (SIGUSR1), because the job was cancelled or is not ours any more, it stops in
 * the middle.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "job.h"
#include "text.h"

#define PATIENCE 10				/* seconds for the server to come back, to hear how it ended */

static volatile sig_atomic_t told_to_end = 0;
static volatile sig_atomic_t told_to_stop = 0;
static bool ends_at_once = false;
static PGcancel *volatile statement = NULL;

static void listen_to_signals(const Order *order);
static void on_signal(int signal_number);
static JobEnd do_job(Job *job);
static bool read_config(Job *job);
static bool goes_on(void *context);
static bool may_be(Job *job);
static bool become(Job *job);
static bool be_alone(Job *job);
static JobEnd run_standing_order(Job *job);
static void leave_data(Job *job);
static PGconn *connect_as_agent(Job *job);
static bool tell(Job *job, JobEnd end);
static bool tell_failure(Job *job);
static bool tell_again(Job *job);
static bool say(Job *job, const char *sql, const char *more, const char *text, const char *progress);
static void failure_text(const Job *job, Buffer *text);
static const char *progress_of(const Job *job);

/* In a process that was forked for it, with all signals blocked. */
_Noreturn void
job_work(const JobsOptions *options, const Order *order, Shared *shared)
{
	Job			job = {.options = options, .order = order, .shared = shared};
	JobEnd		end;

	listen_to_signals(order);
	srandom((unsigned int) time(NULL) ^ (unsigned int) getpid() << 16);
	complaints_into(&job.complaints);
	end = do_job(&job);
	leave_data(&job);
	_exit(tell(&job, end) ? 0 : 2);
}

static void
listen_to_signals(const Order *order)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGUSR1};
	struct sigaction action;
	sigset_t	none;

	ends_at_once = strcmp(order->resource, "export_job") == 0;
	memset(&action, 0, sizeof(action));
	action.sa_handler = on_signal;
	action.sa_flags = SA_RESTART;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* PQcancel is made to be called here. */
static void
on_signal(int signal_number)
{
	char		error[200];

	if (signal_number == SIGUSR1)
		told_to_stop = 1;
	else
		told_to_end = 1;
	if (statement != NULL && (told_to_stop || ends_at_once))
		PQcancel(statement, error, sizeof(error));
}

/* Whether it is to be left unfinished, also where nobody could tell us that it is ours still. */
bool
job_stops(const Job *job)
{
	return told_to_stop || told_to_end || job->lost || clock_now() > job->shared->leased_until;
}

static JobEnd
do_job(Job *job)
{
	const Order *order = job->order;

	if (order->noun == NULL)
	{
		trouble_lasts(&job->trouble, "its path names no resource that there is");
		return JOB_FAILED;
	}
	if (!read_config(job) || !may_be(job) || !become(job) || !be_alone(job))
		return JOB_FAILED;
	if (order->every != NULL)
		return run_standing_order(job);
	return strcmp(order->resource, "export_job") == 0 ? job_export(job) : job_import(job);
}

static bool
read_config(Job *job)
{
	const Order *order = job->order;
	static char tag[700];

	job->config = config_read(job->options->config, &job->trouble);
	if (job->config == NULL)
	{
		/* that of the agent, which its operator will mend */
		job->trouble.lasting = false;
		return false;
	}
	/* another database has the same ids */
	snprintf(tag, sizeof(tag), "%s %s %s", order->resource, order->job, order->created);
	job->config->tag = tag;
	job->config->ordered_by = order->ordered_by;
	job->config->allow_private |= job->options->allow_private;
	job->config->tick = goes_on;
	job->config->tick_context = job;
	return true;
}

static bool
goes_on(void *context)
{
	return !job_stops(context);
}

/* ---- whose job it is ---- */

/* Whether our login may do it as the role that ordered it; where not, what an operator is to do. */
static bool
may_be(Job *job)
{
	const char *role = job->order->ordered_by;
	const char *values[] = {role};
	PGresult   *result = job_ask(job,
								 "SELECT rolsuper, pg_catalog.pg_has_role(SESSION_USER, oid, CASE WHEN "
								 "pg_catalog.current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END), "
								 "SESSION_USER, CASE WHEN member THEN 'may not SET ROLE to' ELSE 'is no member of' END, "
								 "pg_catalog.format(CASE WHEN member THEN 'GRANT %I TO %I WITH SET TRUE' ELSE 'GRANT %I TO %I' END, "
								 "rolname, SESSION_USER) FROM pg_catalog.pg_roles, "
								 "LATERAL (SELECT pg_catalog.pg_has_role(SESSION_USER, oid, 'MEMBER') AS member) m "
								 "WHERE rolname = $1", 1, values);
	bool		may = false;

	if (result == NULL)
		return false;
	if (PQntuples(result) == 0)
		trouble_lasts(&job->trouble, "the role \"%s\" that ordered it does not exist any more", role);
	else if (PQgetvalue(result, 0, 0)[0] == 't' && !job->options->allow_superuser)
		trouble_lasts(&job->trouble, "\"%s\", who ordered it, is a superuser: have a role order it that is none, "
					  "or run the agent with --allow-superuser", role);
	else if (PQgetvalue(result, 0, 1)[0] != 't')
		trouble_lasts(&job->trouble, "the agent's role \"%s\" %s \"%s\", who ordered it: %s, and order it again",
					  PQgetvalue(result, 0, 2), PQgetvalue(result, 0, 3), role, PQgetvalue(result, 0, 4));
	else
		may = true;
	PQclear(result);
	return may;
}

/* The server ends what we left within two seconds, also where it waits for a lock. */
static bool
become(Job *job)
{
	const char *values[] = {job->order->ordered_by, job->order->claims};
	PGresult   *result;
	bool		same;

	job->data = connect_to(job->options->login);
	if (job->data == NULL ||
		!run_script(job->data, "SET search_path = pg_catalog, pg_temp; SET client_connection_check_interval = '2s'; SET idle_session_timeout = 0; "
					"SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"))
		return false;
	/* without claims there is not even an empty setting, which would be no JSON */
	result = run(job->data, "SELECT pg_catalog.set_config('role', $1, false), CASE WHEN $2::text IS NOT NULL THEN "
				 "pg_catalog.set_config('request.jwt.claims', $2, false) END", 2, values);
	PQclear(result);
	if (result == NULL)
		return false;
	result = run(job->data, "SELECT CURRENT_USER = $1", 1, values);
	same = result != NULL && PQgetvalue(result, 0, 0)[0] == 't';
	PQclear(result);
	statement = PQgetCancel(job->data);
	if (!same)
		complain("could not become \"%s\"", job->order->ordered_by);
	return same;
}

/*
 * One attempt at a time.  That before this one may have been stopped, and hold
 * what we need, for ever: it is over, whatever it was at.
 */
static bool
be_alone(Job *job)
{
	const Order *order = job->order;
	const char *values[] = {order->resource, order->job, order->attempt, job->options->journal->agent};
	PGresult   *result = job_ask(job,
								 "SELECT CASE WHEN usage_mgmt.job_checkpoint($4, $1, $2, $3, '{}') THEN "
								 "(SELECT pg_catalog.count(pg_catalog.pg_terminate_backend(a.pid)) "
								 "FROM pg_catalog.pg_stat_activity a JOIN pg_catalog.pg_locks l ON l.pid = a.pid AND l.database = a.datid "
								 "WHERE a.datname = current_database() AND l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted "
								 "AND (l.classid::bigint << 32 | l.objid::bigint) = pg_catalog.hashtextextended('usage_mgmt.' || $1 || ' ' || $2, 0) "
								 "AND pg_catalog.pg_has_role(a.usesysid, 'USAGE')) END", 4, values);

	job->lost = result != NULL && PQgetisnull(result, 0, 0);
	PQclear(result);
	if (result == NULL || job->lost)
		return false;
	result = run(job->data, "SELECT pg_catalog.pg_advisory_lock(pg_catalog.hashtextextended("
				 "'usage_mgmt.' || $1 || ' ' || $2, 0))", 2, values);
	PQclear(result);
	return result != NULL;
}

/*
 * A run of it is an order of its own, by the same role.  Of two at a time the
 * one would find the other's files half done.
 */
static JobEnd
run_standing_order(Job *job)
{
	const char *values[] = {job->order->job};
	PGresult   *result;

	result = run(job->data,
				 "INSERT INTO usage_mgmt.import_job "
				 "(id, parent, path, content_type, url, mapping, sequence, afterwards, credential, manifest) "
				 "SELECT pg_catalog.gen_random_uuid(), id, path, content_type, url, mapping, sequence, afterwards, credential, manifest "
				 "FROM usage_mgmt.import_job j WHERE id = $1 AND NOT EXISTS (SELECT FROM usage_mgmt.import_job r "
				 "WHERE r.parent = j.id AND r.ordered_by = j.ordered_by AND r.status IN ('not started', 'running'))", 1, values);
	PQclear(result);
	return result != NULL ? JOB_AGAIN : JOB_FAILED;
}

/* What it had not committed is gone before anybody is told of the end. */
static void
leave_data(Job *job)
{
	statement = NULL;
	PQfinish(job->data);
	job->data = NULL;
}

/* ---- what the server is told ---- */

/* As the agent; where the connection is lost, on a new one. */
PGresult *
job_ask(Job *job, const char *sql, int count, const char *const *values)
{
	double		until = clock_now() + PATIENCE;
	struct timespec pause = {0, 200 * 1000 * 1000};

	for (;;)
	{
		if (job->control == NULL)
			job->control = connect_as_agent(job);
		if (job->control != NULL)
		{
			PGresult   *result = run(job->control, sql, count, values);

			if (result != NULL || PQstatus(job->control) == CONNECTION_OK)
				return result;
			PQfinish(job->control);
			job->control = NULL;
		}
		if (clock_now() > until)
			return NULL;
		nanosleep(&pause, NULL);
	}
}

/*
 * What others have made in a schema of our login's search_path is run by nobody here,
 * and what we ask is not asked any more when we are dead.
 */
static PGconn *
connect_as_agent(Job *job)
{
	PGconn	   *conn = connect_to(job->options->login);

	if (conn == NULL || run_script(conn, "SET search_path = pg_catalog, pg_temp; SET client_connection_check_interval = '2s'"))
		return conn;
	PQfinish(conn);
	return NULL;
}

/* How far it is; false where it is not to go on. */
bool
job_note(Job *job)
{
	const Order *order = job->order;
	const char *values[] = {job->options->journal->agent, order->resource, order->job, order->attempt, progress_of(job)};
	PGresult   *result = job_ask(job, "SELECT usage_mgmt.job_checkpoint($1, $2, $3, $4, $5)", 5, values);
	bool		noted = result != NULL && PQgetvalue(result, 0, 0)[0] == 't';

	job->lost = result != NULL && !noted;
	PQclear(result);
	return noted;
}

static const char *
progress_of(const Job *job)
{
	return job->progress.length > 0 ? job->progress.text : "{}";
}

/* How it ended; false where the server does not hear it. */
static bool
tell(Job *job, JobEnd end)
{
	const Order *order = job->order;
	const Journal *journal = job->options->journal;

	if (end == JOB_DONE)
	{
		journal_job(journal, order->resource, order->job, "succeeded", job->remark.text);
		return say(job, "SELECT usage_mgmt.job_end($1, $2, $3, $4, $5, $6, $7)", "succeeded",
				   job->remark.length > 0 ? job->remark.text : "", progress_of(job));
	}
	/* which is its end where it was cancelled */
	if (job_stops(job))
	{
		journal_job(journal, order->resource, order->job, "stops",
					told_to_end ? "the agent leaves" : "it was cancelled, or is not ours any more");
		return say(job, "SELECT usage_mgmt.job_release($1, $2, $3, $4)", NULL, NULL, NULL);
	}
	return end == JOB_AGAIN ? tell_again(job) : tell_failure(job);
}

static bool
tell_failure(Job *job)
{
	const Order *order = job->order;
	bool		lasting = job->trouble.text[0] != '\0' ? job->trouble.lasting : job->complaints.lasting;
	char		interval[40];
	Buffer		text = {NULL, 0, 0};

	failure_text(job, &text);
	journal_job(job->options->journal, order->resource, order->job, lasting ? "failed" : "is tried again", text.text);
	if (lasting)
		return say(job, "SELECT usage_mgmt.job_end($1, $2, $3, $4, $5, $6, $7)", "failed", text.text, progress_of(job));
	job->shared->again = jobs_delay(job->options, order->failures, interval);
	return say(job, "SELECT usage_mgmt.job_retry($1, $2, $3, $4, $5, $6)", interval, text.text, NULL);
}

static bool
tell_again(Job *job)
{
	const char *values[] = {job->order->every};
	PGresult   *result = job_ask(job, "SELECT extract(epoch FROM $1::interval)", 1, values);

	if (result != NULL)
		job->shared->again = strtod(PQgetvalue(result, 0, 0), NULL);
	PQclear(result);
	return say(job, "SELECT usage_mgmt.job_again($1, $2, $3, $4, $5)", job->order->every, NULL, NULL);
}

/* That it is true or false is all the same: then somebody else has it. */
static bool
say(Job *job, const char *sql, const char *more, const char *text, const char *progress)
{
	const Order *order = job->order;
	const char *values[] = {job->options->journal->agent, order->resource, order->job, order->attempt, more, text, progress};
	int			count = more == NULL ? 4 : text == NULL ? 5 : progress == NULL ? 6 : 7;
	PGresult   *result = job_ask(job, sql, count, values);

	PQclear(result);
	return result != NULL;
}

/* For an operator to read. */
static void
failure_text(const Job *job, Buffer *text)
{
	static const char error[] = "ERROR:  ";
	const Order *order = job->order;
	const char *said = job->trouble.text[0] != '\0' ? job->trouble.text :
		job->complaints.text.length > 0 ? job->complaints.text.text : "it failed without a word";

	if (strncmp(said, error, sizeof(error) - 1) == 0)
		said += sizeof(error) - 1;
	/* one that was too long may have been cut in the middle of a character */
	buffer_add(text, said, text_valid(said, strlen(said)));
	if (job->control != NULL && strcmp(PQparameterStatus(job->control, "server_encoding"), "UTF8") != 0)
		for (size_t i = 0; i < text->length; i++)
			if ((unsigned char) text->text[i] >= 0x80)
				text->text[i] = '?';
	if (job->trouble.text[0] == '\0' && strcmp(job->complaints.code, "42501") == 0)
		buffer_print(text, "\nThe role \"%s\", which ordered it, lacks that right: GRANT it, or what usage_mgmt.grant_access() gives.",
					 order->ordered_by);
}
