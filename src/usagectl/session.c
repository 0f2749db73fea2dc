/*
 * session.c
 *	  A connection whose statements are not waited for.
 *
 * They are run one after the other, in the order in which they were sent, each
 * in a transaction of its own, and each result goes to whom it was sent for.
 * Where the connection breaks nobody is told: whoever owns the session learns
 * it from session_read, and forgets with it all that was asked.
 */
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "session.h"

struct Statement
{
	Statement  *next;
	const char *sql;			/* a constant */
	int			count;
	char	  **values;
	Received	received;
	void	   *context;
};

static bool start(Session *session);
static bool finish(Session *session);
static void forget(Statement *statement);
static void hear(Session *session);

/* The connection becomes the session's; false where there is none. */
bool
session_begin(Session *session, PGconn *conn)
{
	memset(session, 0, sizeof(Session));
	session->conn = conn;
	return conn != NULL;
}

void
session_end(Session *session)
{
	while (session->first != NULL)
	{
		Statement  *statement = session->first;

		session->first = statement->next;
		forget(statement);
	}
	session->last = NULL;
	PQfinish(session->conn);
	session->conn = NULL;
}

/* The values are copied.  False where the connection is broken. */
bool
session_send(Session *session, const char *sql, int count, const char *const *values,
			 Received received, void *context)
{
	Statement  *statement = calloc(1, sizeof(Statement));

	statement->sql = sql;
	statement->count = count;
	statement->values = calloc(count + 1, sizeof(char *));
	for (int i = 0; i < count; i++)
		statement->values[i] = values[i] != NULL ? strdup(values[i]) : NULL;
	statement->received = received;
	statement->context = context;
	if (session->last != NULL)
		session->last->next = statement;
	else
		session->first = statement;
	session->last = statement;
	return session->first != statement || start(session);
}

/* What to wait for. */
struct pollfd
session_polled(const Session *session)
{
	struct pollfd polled = {-1, POLLIN, 0};

	if (session->conn != NULL)
		polled.fd = PQsocket(session->conn);
	/* a long statement may not have gone out in one */
	if (session->first != NULL && PQflush(session->conn) == 1)
		polled.events |= POLLOUT;
	return polled;
}

/* Takes what has come and hands the results over.  False where the connection is broken. */
bool
session_read(Session *session)
{
	if (PQconsumeInput(session->conn) == 0 || PQflush(session->conn) < 0)
	{
		complain_of(session->conn, NULL);
		return false;
	}
	hear(session);
	while (session->first != NULL && !PQisBusy(session->conn))
		if (!finish(session))
			return false;
	return true;
}

static bool
start(Session *session)
{
	const Statement *statement = session->first;

	PQsetnonblocking(session->conn, 1);
	if (PQsendQueryParams(session->conn, statement->sql, statement->count, NULL,
						  (const char *const *) statement->values, NULL, NULL, 0) == 1 &&
		PQflush(session->conn) >= 0)
		return true;
	complain_of(session->conn, NULL);
	return false;
}

/* One more result of the statement that is under way; behind the last, the next statement. */
static bool
finish(Session *session)
{
	Statement  *statement = session->first;
	PGresult   *result = PQgetResult(session->conn);

	if (result != NULL)
	{
		bool		alive = PQstatus(session->conn) == CONNECTION_OK;

		if (alive && statement->received != NULL)
			statement->received(statement->context, result);
		else if (!alive)
			complain_of(session->conn, result);
		PQclear(result);
		return alive;
	}
	session->first = statement->next;
	if (session->first == NULL)
		session->last = NULL;
	forget(statement);
	hear(session);
	return session->first == NULL || start(session);
}

static void
forget(Statement *statement)
{
	for (int i = 0; i < statement->count; i++)
		free(statement->values[i]);
	free(statement->values);
	free(statement);
}

static void
hear(Session *session)
{
	PGnotify   *notify;

	while ((notify = PQnotifies(session->conn)) != NULL)
	{
		session->notified = true;
		session->told |= notify->extra[0] != '\0';
		PQfreemem(notify);
	}
}
