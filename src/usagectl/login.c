/*
 * login.c
 *	  The first connection, and what must be there.
 *
 * Where the server wants a password and there is none, it is asked for on the
 * terminal, as psql does; it stays with the login, for the connections to come.
 * Standard input is never read for it: that may be records.
 *
 * What any statement of a command would stumble over is looked for once, so
 * that it is said in one line, with what is to be done.
 */
#include "postgres_fe.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/string.h"

#include "login.h"
#include "parting.h"

#define OLDEST_SERVER 150000
#define OLDEST_MAJOR 0			/* of the extension, what usagectl calls is there since */
#define OLDEST_MINOR 2
#define NEWEST_FUNCTION "load_faults"	/* of that version, which is not released */

static bool ask(Login *login, const char *user);
static bool check(PGconn *conn, const Need *need);
static bool check_server(PGconn *conn);
static bool check_store(const PGresult *found);
static bool check_right(const PGresult *found, const Need *need);
static bool is_too_old(const char *version);

/* NULL where it fails, or something is not there. */
PGconn *
login_begin(Login *login, const Need *need)
{
	PGconn	   *conn;

	if (login->ask_first && !ask(login, NULL))
	{
		complain("--password: there is no terminal to ask for it");
		return NULL;
	}
	conn = connection_open(login);
	if (PQstatus(conn) != CONNECTION_OK && PQconnectionNeedsPassword(conn) && login->password == NULL &&
		!login->ask_never && ask(login, PQuser(conn)))
	{
		PQfinish(conn);
		conn = connection_open(login);
	}
	conn = connection_begin(conn);
	if (conn == NULL || check(conn, need))
		return conn;
	PQfinish(conn);
	return NULL;
}

/* False where nobody can be asked.  Who breaks off there sees what he types again. */
static bool
ask(Login *login, const char *user)
{
	int			terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	char		prompt[200];

	if (terminal < 0)
		return false;
	parting_begin(NULL);
	parting_restores(terminal);
	snprintf(prompt, sizeof(prompt), user != NULL ? "Password for user %s: " : "Password: ", user);
	login->password = simple_prompt(prompt, false);
	parting_end();
	close(terminal);
	return true;
}

static bool
check(PGconn *conn, const Need *need)
{
	const char *values[] = {need->relation, need->privilege};
	PGresult   *found;
	bool		fine;

	if (!check_server(conn))
		return false;
	found = run(conn,
				"SELECT pg_catalog.current_database(), CURRENT_USER, e.extversion, c.oid IS NOT NULL, "
				"pg_catalog.has_schema_privilege(e.extnamespace, 'USAGE') AND "
				"coalesce(pg_catalog.has_any_column_privilege(c.oid, $2), true), "
				"pg_catalog.quote_literal(CURRENT_USER), "
				"EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.pronamespace = e.extnamespace AND p.proname = '" NEWEST_FUNCTION "') "
				"FROM (SELECT) one LEFT JOIN pg_catalog.pg_extension e ON e.extname = 'usage_mgmt' "
				"LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = e.extnamespace AND c.relname = $1", 2, values);
	fine = found != NULL && check_store(found) && check_right(found, need);
	PQclear(found);
	return fine;
}

static bool
check_server(PGconn *conn)
{
	if (PQserverVersion(conn) >= OLDEST_SERVER)
		return true;
	complain("the server is PostgreSQL %s, and usage_mgmt needs %d or later",
			 PQparameterStatus(conn, "server_version"), OLDEST_SERVER / 10000);
	return false;
}

static bool
check_store(const PGresult *found)
{
	const char *database = PQgetvalue(found, 0, 0);
	const char *version = PQgetvalue(found, 0, 2);

	if (PQgetisnull(found, 0, 2))
		complain("database \"%s\" has no usage_mgmt: CREATE EXTENSION usage_mgmt", database);
	else if (is_too_old(version))
		complain("database \"%s\" has usage_mgmt %s, and usagectl needs %d.%d or later: ALTER EXTENSION usage_mgmt UPDATE",
				 database, version, OLDEST_MAJOR, OLDEST_MINOR);
	else if (PQgetvalue(found, 0, 6)[0] != 't')
		complain("database \"%s\" has usage_mgmt %s of before its release, without %s(): dump it, restore it into another one, and SELECT usage_mgmt.install_tables() there",
				 database, version, NEWEST_FUNCTION);
	else if (PQgetvalue(found, 0, 3)[0] != 't')
		complain("database \"%s\" has usage_mgmt without its tables: SELECT usage_mgmt.install_tables()", database);
	else
		return true;
	return false;
}

static bool
check_right(const PGresult *found, const Need *need)
{
	if (PQgetvalue(found, 0, 4)[0] == 't')
		return true;
	complain("role \"%s\" has no right to %s database \"%s\": SELECT usage_mgmt.grant_access(%s, '%s')",
			 PQgetvalue(found, 0, 1), need->act, PQgetvalue(found, 0, 0), PQgetvalue(found, 0, 5), need->level);
	return false;
}

static bool
is_too_old(const char *version)
{
	int			major = 0;
	int			minor = 0;

	sscanf(version, "%d.%d", &major, &minor);
	return major < OLDEST_MAJOR || (major == OLDEST_MAJOR && minor < OLDEST_MINOR);
}
