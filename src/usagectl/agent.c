/*
 * agent.c
 *	  usagectl agent: events to the listeners that have a callback.
 *
 * One loop over one connection and all transfers; nothing in it waits for
 * anything alone.  Listeners are leased: which ones are ours, and their secrets,
 * is asked for every ten seconds, and whoever is not named in the answer is
 * dropped.  When the lease cannot be renewed in time nothing more is sent.
 *
 * When the connection breaks, what is known of the listeners is forgotten: the
 * server knows what was confirmed, and from there it goes on.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"
#include "connection.h"
#include "delivery.h"
#include "wake.h"

#define CLAIM_EVERY 10
#define CLAIM_AGAIN 1			/* seconds between claims that something calls for */
#define LEAVING 20				/* seconds at most, a transfer has 15 */
#define MOST_TRANSFERS 4096
#define SPARE_FILES 64
#define MOST_LISTENERS "1000"

typedef struct Loop
{
	Agent		agent;
	Listener   *listeners;
	bool		claiming;
	double		claimed_at;		/* when the last claim was sent */
	bool		failed;			/* the first claim was refused */
	bool		served;			/* a claim was answered */
	bool		releasing;
	bool		released;
	pid_t		jobs;			/* the process that has them done; 0 for none */
	bool		jobs_failed;
} Loop;

static bool prepare(Loop *loop, const AgentOptions *options);
static bool begin_jobs(Loop *loop, const AgentOptions *options);
static bool begin_transfers(Loop *loop, const AgentOptions *options);
static bool could_not_begin(void);
static void look_after_jobs(Loop *loop);
static bool end_jobs(Loop *loop);
static bool begin_session(Loop *loop, PGconn *conn, bool patient);
static bool lock_name(Loop *loop, bool patient);
static bool serve(Loop *loop);
static bool reconnect(Loop *loop, const Login *login);
static double step_all(Loop *loop);
static void wait_all(Loop *loop, double until);
static void free_dropped(Loop *loop, bool all);
static void claim(Loop *loop);
static void on_claim(void *context, const PGresult *result);
static void claim_one(Loop *loop, const PGresult *result, int row);
static bool learn_listener(Listener *listener, const PGresult *result, int row);
static bool learn_headers(Listener *listener, const char *text);
static bool is_header(const char *text);
static char *copied(const PGresult *result, int row, int column);
static void wake_all(Loop *loop, double now);
static void release(Loop *loop);
static void on_release(void *context, const PGresult *result);
static int	room_for_transfers(void);

/* Serves until it is told to leave.  The connection is its first one, and becomes its own. */
ExitStatus
agent_run(const AgentOptions *options, PGconn *conn)
{
	Loop	   *loop = calloc(1, sizeof(Loop));
	Journal    *journal = &loop->agent.journal;
	bool		served;

	if (!prepare(loop, options) || !begin_session(loop, conn, true) || !begin_jobs(loop, options) ||
		!begin_transfers(loop, options))
		return FAILED;
	journal_line(journal, NULL, "starts", NULL);
	while (!(served = serve(loop)) && !loop->failed && reconnect(loop, options->jobs.login))
		;
	free_dropped(loop, true);
	session_end(&loop->agent.session);
	transfers_close(loop->agent.transfers);
	served = end_jobs(loop) && served;
	journal_line(journal, NULL, "stops", NULL);
	free(loop);
	return served ? ALL_DONE : FAILED;
}

static bool
prepare(Loop *loop, const AgentOptions *options)
{
	static char name[300];
	Agent	   *agent = &loop->agent;

	if (options->name == NULL)
	{
		gethostname(name, 256);
		snprintf(name + strlen(name), 32, "-%d", (int) getpid());
	}
	agent->name = options->name != NULL ? options->name : name;
	agent->journal.agent = agent->name;
	agent->journal.json = options->json;
	agent->journal.verbose = options->verbose;
	agent->delays = options->delays;
	srandom((unsigned int) time(NULL) ^ (unsigned int) getpid() << 16);
	return wake_open() || could_not_begin();
}

/* A process of its own, forked before there are threads and transfers. */
static bool
begin_jobs(Loop *loop, const AgentOptions *options)
{
	Agent	   *agent = &loop->agent;
	JobsOptions jobs = options->jobs;

	jobs.journal = &agent->journal;
	jobs.delays = options->delays;
	jobs.allow_private = options->allow_private;
	if (jobs.most > 0)
		loop->jobs = jobs_start(&jobs, PQsocket(agent->session.conn));
	return loop->jobs >= 0 || could_not_begin();
}

static bool
begin_transfers(Loop *loop, const AgentOptions *options)
{
	loop->agent.transfers = transfers_open(room_for_transfers(), options->allow_private);
	return loop->agent.transfers != NULL || could_not_begin();
}

static bool
could_not_begin(void)
{
	complain("could not begin: %s", strerror(errno));
	return false;
}

static bool
begin_session(Loop *loop, PGconn *conn, bool patient)
{
	Session    *session = &loop->agent.session;

	/* who died without a word is to leave its name soon */
	if (session_begin(session, conn) &&
		run_script(session->conn, "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; "
				   "SET tcp_keepalives_count = 3; LISTEN usage_mgmt") && lock_name(loop, patient))
	{
		loop->agent.broken = loop->agent.leaves = loop->claiming = false;
		loop->agent.claims = true;
		loop->claimed_at = 0;
		return true;
	}
	session_end(session);
	return false;
}

/* Two agents of one name would take each other's listeners for their own. */
static bool
lock_name(Loop *loop, bool patient)
{
	const char *values[] = {loop->agent.name};
	struct timespec pause = {0, 200 * 1000 * 1000};
	bool		locked = false;

	for (int i = 0; i < (patient ? 25 : 1) && !locked && !told_to_leave; i++)
	{
		PGresult   *result;

		if (i > 0)
			nanosleep(&pause, NULL);
		result = run(loop->agent.session.conn,
					 "SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended('usage_mgmt agent ' || $1, 0))",
					 1, values);
		if (result == NULL)
			return false;
		locked = PQgetvalue(result, 0, 0)[0] == 't';
		PQclear(result);
	}
	if (!locked)
		complain("an agent \"%s\" is running already", loop->agent.name);
	return locked;
}

/* True when it has left in order, false when the connection broke. */
static bool
serve(Loop *loop)
{
	Agent	   *agent = &loop->agent;
	double		leave_by = INFINITY;

	while (!loop->released)
	{
		double		now = clock_now();
		double		until;

		look_after_jobs(loop);
		if (told_to_leave && !agent->leaves)
		{
			agent->leaves = true;
			leave_by = now + LEAVING;
			if (loop->jobs > 0)
				kill(loop->jobs, SIGTERM);
		}
		if (agent->session.notified)
			wake_all(loop, now);
		if (!loop->claiming && !loop->releasing &&
			now >= loop->claimed_at + (agent->claims ? CLAIM_AGAIN : CLAIM_EVERY))
			claim(loop);
		until = step_all(loop);
		if (agent->leaves && !loop->releasing && (loop->listeners == NULL || now >= leave_by))
			release(loop);
		if (agent->broken || loop->failed || now >= leave_by + CLAIM_EVERY)
			return false;
		if (loop->claimed_at + (agent->claims ? CLAIM_AGAIN : CLAIM_EVERY) < until)
			until = loop->claimed_at + (agent->claims ? CLAIM_AGAIN : CLAIM_EVERY);
		wait_all(loop, until);
	}
	return true;
}

/* With pauses that grow; false if it was told to leave meanwhile. */
static bool
reconnect(Loop *loop, const Login *login)
{
	double		pause = 0.1;

	journal_line(&loop->agent.journal, NULL, "lost its connection", NULL);
	free_dropped(loop, true);
	session_end(&loop->agent.session);
	do
	{
		double		until = clock_now() + pause;

		while (!told_to_leave && clock_now() < until)
		{
			struct pollfd wake = wake_polled();

			transfers_wait(loop->agent.transfers, &wake, 1, (int) ((until - clock_now()) * 1000) + 1);
			wake_clear();
		}
		if (told_to_leave)
			return false;
		pause = pause < 2.5 ? pause * 2 : 5;
	}
	while (!begin_session(loop, connect_to(login), false));
	journal_line(&loop->agent.journal, NULL, "goes on", NULL);
	return true;
}

/* All listeners do what there is to do; the time when one wants to be called again. */
static double
step_all(Loop *loop)
{
	double		now = clock_now();
	double		until = INFINITY;

	free_dropped(loop, false);
	for (Listener *listener = loop->listeners; listener != NULL; listener = listener->next)
	{
		double		wanted = listener_step(listener, now);

		until = wanted < until ? wanted : until;
	}
	return until;
}

static void
wait_all(Loop *loop, double until)
{
	Agent	   *agent = &loop->agent;
	struct pollfd polled[2] = {session_polled(&agent->session), wake_polled()};
	double		left = until - clock_now();

	transfers_wait(agent->transfers, polled, 2, left > 1 ? 1000 : left > 0 ? (int) (left * 1000) + 1 : 0);
	if (polled[0].revents != 0 && !session_read(&agent->session))
		agent->broken = true;
	wake_clear();
}

/* Who leaves has listeners only as long as there is something to be done for them. */
static void
free_dropped(Loop *loop, bool all)
{
	Listener  **place = &loop->listeners;

	while (*place != NULL)
	{
		Listener   *listener = *place;

		if (all || ((listener->dropped || loop->agent.leaves) && listener_idle(listener)))
		{
			*place = listener->next;
			if (!listener->dropped)
				listener_drop(listener);
			listener_free(listener);
		}
		else
			place = &listener->next;
	}
}

/* ---- which listeners are ours ---- */

static void
claim(Loop *loop)
{
	Agent	   *agent = &loop->agent;
	char		lease[20];
	const char *values[] = {agent->name, lease, MOST_LISTENERS};

	snprintf(lease, sizeof(lease), "%d seconds", LEASE);
	loop->claiming = true;
	loop->claimed_at = clock_now();
	agent->claims = false;

	/*
	 * An empty value takes another form: "Name: " would have libcurl leave the header out.  A
	 * line feed must not make two of one.
	 */
	if (!session_send(&agent->session,
					  "SELECT listener, callback, position, secret, old_secret, username, password, "
					  "(SELECT pg_catalog.string_agg(pg_catalog.translate(h.key || "
					  "CASE WHEN h.value = '' THEN ';' ELSE ': ' || h.value END, E'\\n', E'\\r'), E'\\n') "
					  "FROM pg_catalog.jsonb_each_text(headers) h), parked "
					  "FROM usage_mgmt.hub_claim($1, $2, $3)", 3, values, on_claim, loop))
		agent->broken = true;
}

static void
on_claim(void *context, const PGresult *result)
{
	Loop	   *loop = context;
	Agent	   *agent = &loop->agent;

	loop->claiming = false;
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
	{
		complain_of(agent->session.conn, result);
		loop->failed = !loop->served;
		return;
	}
	loop->served = true;
	agent->leased_until = loop->claimed_at + LEASE;
	for (Listener *listener = loop->listeners; listener != NULL; listener = listener->next)
		listener->claimed = false;
	for (int row = 0; row < PQntuples(result); row++)
		claim_one(loop, result, row);
	for (Listener *listener = loop->listeners; listener != NULL; listener = listener->next)
		if (!listener->claimed && !listener->dropped)
		{
			if (!listener->ended)
				journal_line(&agent->journal, listener->id, "is not ours any more", NULL);
			listener_drop(listener);
		}
}

static void
claim_one(Loop *loop, const PGresult *result, int row)
{
	const char *id = PQgetvalue(result, row, 0);
	int64_t		parked = strtoll(PQgetvalue(result, row, 8), NULL, 10);
	Listener   *listener = loop->listeners;

	while (listener != NULL && (listener->dropped || strcmp(listener->id, id) != 0))
		listener = listener->next;
	if (listener == NULL)
	{
		if (loop->agent.leaves)
			return;
		listener = listener_new(&loop->agent, id, PQgetisnull(result, row, 2) ? NULL : PQgetvalue(result, row, 2));
		listener->next = loop->listeners;
		loop->listeners = listener;
		listener_doubt(listener, parked);
		journal_line(&loop->agent.journal, id, "claimed", NULL);
	}
	listener->claimed = true;
	if (!learn_listener(listener, result, row))
		listener_end(listener, "paused", "its secret or its headers cannot be sent");
	if (parked > 0)
		listener->parked_elsewhere = true;
}

/* What a listener is sent with; all of it may have changed. */
static bool
learn_listener(Listener *listener, const PGresult *result, int row)
{
	free(listener->callback);
	free(listener->username);
	free(listener->password);
	listener->callback = copied(result, row, 1);
	listener->username = copied(result, row, 5);
	listener->password = copied(result, row, 6);
	listener->old_secret.length = 0;
	return webhook_secret(&listener->secret, PQgetvalue(result, row, 3)) &&
		(PQgetisnull(result, row, 4) || webhook_secret(&listener->old_secret, PQgetvalue(result, row, 4))) &&
		learn_headers(listener, PQgetvalue(result, row, 7));
}

/* A line each. */
static bool
learn_headers(Listener *listener, const char *text)
{
	bool		fine = true;

	for (int i = 0; i < listener->header_count; i++)
		free(listener->headers[i]);
	listener->header_count = 0;
	while (*text != '\0')
	{
		size_t		length = strcspn(text, "\n");
		char	   *header = strndup(text, length);

		listener->headers = realloc(listener->headers, (listener->header_count + 1) * sizeof(char *));
		listener->headers[listener->header_count++] = header;
		fine = fine && is_header(header) && listener->header_count <= MOST_HEADERS;
		text += length;
		text += *text == '\n';
	}
	return fine;
}

/* A name, a colon or for no value a semicolon, and no control characters that would end it. */
static bool
is_header(const char *text)
{
	size_t		name = strspn(text, "!#$%&'*+-.^_`|~0123456789"
							  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

	if (name == 0 || (text[name] != ':' && strcmp(text + name, ";") != 0))
		return false;
	for (const char *p = text; *p != '\0'; p++)
		if (((unsigned char) *p < 0x20 && *p != '\t') || *p == 0x7f)
			return false;
	return true;
}

static char *
copied(const PGresult *result, int row, int column)
{
	return PQgetisnull(result, row, column) ? NULL : strdup(PQgetvalue(result, row, column));
}

/* There is something new: of events, or of listeners where there is a payload. */
static void
wake_all(Loop *loop, double now)
{
	Agent	   *agent = &loop->agent;

	agent->claims |= agent->session.told;
	agent->session.notified = agent->session.told = false;
	for (Listener *listener = loop->listeners; listener != NULL; listener = listener->next)
	{
		listener->empty = 0;
		if (listener->read_at > now)
			listener->read_at = now;
	}
}

/* ---- jobs ---- */

/* Without it, this one is to be started anew as well.  One that takes none ends in order. */
static void
look_after_jobs(Loop *loop)
{
	int			status;

	if (loop->jobs <= 0 || waitpid(loop->jobs, &status, WNOHANG) != loop->jobs)
		return;
	loop->jobs = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	journal_line(&loop->agent.journal, NULL, "lost its process for jobs", NULL);
	loop->jobs_failed = true;
	told_to_leave = 1;
}

static bool
end_jobs(Loop *loop)
{
	double		until = clock_now() + LEAVING;

	if (loop->jobs > 0)
		kill(loop->jobs, SIGTERM);
	for (look_after_jobs(loop); loop->jobs > 0; look_after_jobs(loop))
	{
		struct pollfd wake = wake_polled();

		if (clock_now() > until)
			kill(loop->jobs, SIGKILL);
		poll(&wake, 1, 200);
		wake_clear();
	}
	return !loop->jobs_failed;
}

/* ---- its end ---- */

static void
release(Loop *loop)
{
	const char *values[] = {loop->agent.name};

	loop->releasing = true;
	if (!session_send(&loop->agent.session, "SELECT usage_mgmt.hub_release($1)", 1, values, on_release, loop))
		loop->agent.broken = true;
}

static void
on_release(void *context, const PGresult *result)
{
	Loop	   *loop = context;

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		complain_of(loop->agent.session.conn, result);
	loop->released = true;
}

/* Each transfer may have a connection, and each connection is a file. */
static int
room_for_transfers(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 128;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max > MOST_TRANSFERS + SPARE_FILES)
		return MOST_TRANSFERS;
	return limit.rlim_max > 2 * SPARE_FILES ? (int) limit.rlim_max - SPARE_FILES : SPARE_FILES;
}
