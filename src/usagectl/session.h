/* session.h: a connection whose statements are not waited for */
#ifndef USAGECTL_SESSION_H
#define USAGECTL_SESSION_H

#include <poll.h>
#include <stdbool.h>
#include <libpq-fe.h>

/* A statement's result; the receiver does not clear it.  Of one that failed, its error. */
typedef void (*Received) (void *context, const PGresult *result);

typedef struct Statement Statement;

typedef struct Session
{
	PGconn	   *conn;			/* NULL where there is none */
	Statement  *first;			/* the one that is under way, if any is */
	Statement  *last;
	bool		notified;		/* since somebody looked */
	bool		told;			/* the same, with a payload */
} Session;

extern bool session_begin(Session *session, PGconn *conn);
extern void session_end(Session *session);
extern bool session_send(Session *session, const char *sql, int count, const char *const *values,
						 Received received, void *context);
extern struct pollfd session_polled(const Session *session);
extern bool session_read(Session *session);

#endif
