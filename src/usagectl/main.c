/*
 * main.c
 *	  usagectl: usage records into the store and out of it, at once or as jobs,
 *	  and events to their listeners.
 *
 * The exit status is 0 when all was stored (or was there already), or an agent
 * was told to stop; 1 when some records were rejected or in conflict or the sums
 * differ from what was declared, 2 when it failed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent.h"
#include "files.h"
#include "jobs_show.h"
#include "listen.h"
#include "listeners.h"
#include "login.h"
#include "options.h"

static void fill_standard(void);
static ExitStatus import_command(Options *options);
static ExitStatus export_command(Options *options);
static ExitStatus agent_command(Options *options);
static ExitStatus jobs_command(Options *options);
static ExitStatus listeners_command(Options *options);
static ExitStatus show(Options *options, const Need *need, ExitStatus (*what) (PGconn *conn, bool json, bool once));
static ExitStatus listen_command(Options *options);

int
main(int argc, char **argv)
{
	static ExitStatus (*const commands[]) (Options *options) = {
		[IMPORT] = import_command,
		[EXPORT] = export_command,
		[AGENT] = agent_command,
		[JOBS] = jobs_command,
		[LISTENERS] = listeners_command,
		[LISTEN] = listen_command,
	};
	Options		options;
	Reading		reading;
	ExitStatus	status;

	fill_standard();
	reading = options_read(&options, argc, argv);
	if (reading != OPTIONS_READ)
		return reading == OPTIONS_ANSWERED ? ALL_DONE : FAILED;
	status = commands[options.command] (&options);
	/* an agent has its events and jobs to answer for */
	if ((fflush(stdout) == 0 && !ferror(stdout)) || options.command == AGENT)
		return status;
	complain("could not write all of it to standard output");
	return FAILED;
}

/* Where one of them is closed, a connection would be it, and hear what is printed; nothing can be had of these. */
static void
fill_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
			exit(FAILED);
}

static ExitStatus
import_command(Options *options)
{
	static const Need need = {"import_load", "INSERT", "loader", "import into"};
	ImportOptions import = {
		.batch = options->batch,
		.partitions = !options->no_partitions,
		.restart = options->restart,
		.resource = options->resource,
		.declared = declared_all(&options->declared)
	};
	PGconn	   *conn = login_begin(&options->login, &need);
	ExitStatus	status = ALL_DONE;

	if (conn == NULL)
		return FAILED;
	for (int i = 0; i < options->count && status != FAILED; i++)
	{
		ExitStatus	one = import_file(&import, conn, options->arguments[i], &options->file);

		status = one > status ? one : status;
	}
	PQfinish(conn);
	free(options->file.mapping);
	return status;
}

/* Of the resource that is named, the server knows who may read it. */
static ExitStatus
export_command(Options *options)
{
	const Need	need = {"usage", options->resource == NULL ? "SELECT" : NULL, "reader", "export from"};
	ExportOptions export = {.query = options->query, .resource = options->resource, .version = options->version};
	PGconn	   *conn = login_begin(&options->login, &need);
	ExitStatus	status;

	if (conn == NULL)
		return FAILED;
	status = export_file(&export, conn, options->count > 0 ? options->arguments[0] : "-", &options->file);
	PQfinish(conn);
	return status;
}

static ExitStatus
agent_command(Options *options)
{
	static const Need need = {"hub_listener", "UPDATE", "agent", "be an agent of"};
	AgentOptions agent = {
		.name = options->name,
		.delays = options->delays,
		.jobs = {
			.login = &options->login,
			.config = options->file.config,
			.most = options->jobs,
			.batch = options->batch,
			.lease = options->lease,
			.allow_superuser = options->allow_superuser
		},
		.allow_private = options->allow_private,
		.verbose = options->verbose,
		.json = options->json
	};
	PGconn	   *conn = login_begin(&options->login, &need);
	ExitStatus	status;

	if (conn == NULL)
		return FAILED;
	if (!options->pause_all)
		return agent_run(&agent, conn);
	status = listeners_pause(conn);
	PQfinish(conn);
	return status;
}

static ExitStatus
jobs_command(Options *options)
{
	static const Need need = {"job_progress", "SELECT", "reader", "see the jobs of"};

	return show(options, &need, jobs_show);
}

static ExitStatus
listeners_command(Options *options)
{
	static const Need need = {"hub_status", "SELECT", "reader", "see the listeners of"};

	return show(options, &need, listeners_show);
}

static ExitStatus
show(Options *options, const Need *need, ExitStatus (*what) (PGconn *conn, bool json, bool once))
{
	PGconn	   *conn = login_begin(&options->login, need);
	ExitStatus	status;

	if (conn == NULL)
		return FAILED;
	status = what(conn, options->json, options->once);
	PQfinish(conn);
	return status;
}

static ExitStatus
listen_command(Options *options)
{
	ListenOptions listen = {
		.port = options->port,
		.answer = options->answer,
		.delay = options->delay,
		.json = options->json,
		.secret = options->secret
	};

	return listen_run(&listen);
}
