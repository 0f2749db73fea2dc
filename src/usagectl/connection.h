/* connection.h: a connection and the statements on it */
#ifndef USAGECTL_CONNECTION_H
#define USAGECTL_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <libpq-fe.h>

#include "buffer.h"

/* Where all connections of a program lead, and as whom.  NULL where nothing was said. */
typedef struct Login
{
	const char *host;
	const char *port;
	const char *user;
	const char *dbname;			/* or a connection string */
	const char *password;		/* that somebody has typed */
	bool		ask_first;		/* for it */
	bool		ask_never;
} Login;

/* What was complained of, a line each. */
typedef struct Complaints
{
	Buffer		text;
	bool		lasting;		/* something that will be the same the next time */
	char		code[6];		/* the server's last SQLSTATE */
} Complaints;

extern PGconn *connect_to(const Login *login);
extern PGconn *connection_open(const Login *login);
extern PGconn *connection_begin(PGconn *conn);
extern PGresult *run(PGconn *conn, const char *sql, int count, const char *const *values);
extern bool run_script(PGconn *conn, const char *sql);
extern int64_t int_field(const PGresult *result, int column);
extern void complaints_into(Complaints *complaints);
extern void complain(const char *format,...) __attribute__((format(printf, 1, 2)));
extern void mention(const char *format,...) __attribute__((format(printf, 1, 2)));
extern void complaint_lasts(void);
extern bool error_passes(const char *code);
extern const char *why(const PGresult *result);
extern void complain_of(PGconn *conn, const PGresult *result);

#endif
