/*
 * connection.c
 *	  A connection and the statements on it.
 *
 * What fails is reported here, once, and the caller only learns that it failed.
 * The report goes to standard error unless somebody keeps it.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "text.h"

#define RECORDS_REFUSED "01UM1" /* UM_SOME_REFUSED of the extension */
#define LONGEST_KEPT 4000		/* bytes of a complaint */

static Complaints *kept = NULL;

static void show_notice(void *context, const PGresult *notice);
static void complain_in_a_line(const char *message);
static void say(const char *before, char *text);

/* NULL if it fails.  Nobody is asked for anything. */
PGconn *
connect_to(const Login *login)
{
	return connection_begin(connection_open(login));
}

/*
 * Tries it.  As in psql, a connection string has the last word on what it names;
 * but for the encoding, which is that of our files.
 */
PGconn *
connection_open(const Login *login)
{
	const char *keywords[] = {"host", "port", "user", "password", "dbname", "fallback_application_name",
	"client_encoding", NULL};
	const char *values[] = {login->host, login->port, login->user, login->password, login->dbname, "usagectl",
	"UTF8", NULL};

	return PQconnectdbParams(keywords, values, 1);
}

/* What was tried is ready for statements, or is closed, and NULL is returned. */
PGconn *
connection_begin(PGconn *conn)
{
	if (conn != NULL)
		PQsetNoticeReceiver(conn, show_notice, NULL);
	if (PQstatus(conn) == CONNECTION_OK &&
		run_script(conn, "SET client_min_messages = warning; SET datestyle = ISO; SET timezone = 'UTC'"))
		return conn;
	if (PQstatus(conn) != CONNECTION_OK)
		complain_in_a_line(PQerrorMessage(conn));
	PQfinish(conn);
	return NULL;
}

/* libpq has a line for each address that it has tried, and indents what it adds to one. */
static void
complain_in_a_line(const char *message)
{
	Buffer		line = {.length = 0};

	while (*message != '\0')
	{
		bool		added = *message == '\t';
		size_t		length;

		message += added;
		length = strcspn(message, "\n");
		buffer_print(&line, "%s%.*s", line.length == 0 ? "" : !added ? "; " : islower((unsigned char) *message) ? " " : ". ",
					 (int) length, message);
		message += length + strspn(message + length, "\n");
	}
	complain("%s", line.length > 0 ? line.text : "out of memory");
	buffer_free(&line);
}

/* All that the server warns of, but of records not stored: the summary tells. */
static void
show_notice(void *context, const PGresult *notice)
{
	const char *code = PQresultErrorField(notice, PG_DIAG_SQLSTATE);

	(void) context;
	if (kept == NULL && (code == NULL || strcmp(code, RECORDS_REFUSED) != 0))
		say("", strdup(PQresultErrorMessage(notice)));
}

/* Runs one statement with text parameters; NULL if it fails. */
PGresult *
run(PGconn *conn, const char *sql, int count, const char *const *values)
{
	PGresult   *result = PQexecParams(conn, sql, count, NULL, values, NULL, NULL, 0);
	ExecStatusType status = PQresultStatus(result);

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return result;
	complain_of(conn, result);
	PQclear(result);
	return NULL;
}

/* Runs statements without parameters. */
bool
run_script(PGconn *conn, const char *sql)
{
	PGresult   *result = PQexec(conn, sql);
	ExecStatusType status = PQresultStatus(result);
	bool		done = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

	if (!done)
		complain_of(conn, result);
	PQclear(result);
	return done;
}

/* A number in the only row. */
int64_t
int_field(const PGresult *result, int column)
{
	return strtoll(PQgetvalue(result, 0, column), NULL, 10);
}

/* From now on, or where that is NULL to standard error again. */
void
complaints_into(Complaints *complaints)
{
	kept = complaints;
}

/* Nothing has failed: nobody keeps it. */
void
mention(const char *format,...)
{
	va_list		args;
	char	   *text;

	va_start(args, format);
	if (kept == NULL && vasprintf(&text, format, args) >= 0)
		say("usagectl: ", text);
	va_end(args);
}

void
complain(const char *format,...)
{
	va_list		args;
	char	   *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (kept == NULL)
		say("usagectl: ", text);
	else if (text != NULL)
	{
		buffer_print(&kept->text, "%s%.*s", kept->text.length > 0 ? "\n" : "", LONGEST_KEPT, text);
		free(text);
	}
}

/*
 * To standard error, line by line: a message of the server's has several, and may quote what came in a file.  Frees
 * the text.
 */
static void
say(const char *before, char *text)
{
	char	   *line = text;

	while (line != NULL)
	{
		char	   *end = strchr(line, '\n');

		if (end != NULL)
			*end++ = '\0';
		text_plain(line);
		fprintf(stderr, "%s%s\n", line == text ? before : "", line);
		line = end != NULL && *end != '\0' ? end : NULL;
	}
	free(text);
}

/* Why a statement failed, without what the server adds to it. */
const char *
why(const PGresult *result)
{
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	return message != NULL ? message : PQresultErrorMessage(result);
}

/* What was complained of will be the same when it is tried again. */
void
complaint_lasts(void)
{
	if (kept != NULL)
		kept->lasting = true;
}

/* Says what the server, or the connection to it, has to say. */
void
complain_of(PGconn *conn, const PGresult *result)
{
	const char *message = result != NULL ? PQresultErrorMessage(result) : "";
	const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	int			length;

	if (message[0] == '\0')
		message = PQerrorMessage(conn);
	length = strlen(message);
	while (length > 0 && message[length - 1] == '\n')
		length--;
	if (kept != NULL && code != NULL)
		snprintf(kept->code, sizeof(kept->code), "%s", code);
	if (PQstatus(conn) == CONNECTION_OK && code != NULL && !error_passes(code))
		complaint_lasts();
	complain("%.*s", length, message);
}

/*
 * Whether an error may be gone when the same is tried again: the connection,
 * a deadlock, resources, an operator, the system; a lock, a standby that will
 * be the server, and what is being altered just now.
 */
bool
error_passes(const char *code)
{
	static const char *const classes[] = {"08", "40", "53", "57", "58", "55P03", "25006", "XX000"};

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (strncmp(code, classes[i], strlen(classes[i])) == 0)
			return true;
	return false;
}
