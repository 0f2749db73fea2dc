/*
 * listeners.c
 *	  usagectl listeners: how they are, as hub_status has it.
 *
 * On a terminal the table is drawn again each second.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "listeners.h"

static bool show_json(PGconn *conn);
static bool show_table(PGconn *conn, bool again);
static void print_row(const PGresult *result, int row, const int *widths);
static int	widest(const PGresult *result, int column);
static int	width(const char *text);

/* Until it is interrupted, unless it is to be shown once. */
ExitStatus
listeners_show(PGconn *conn, bool json, bool once)
{
	if (json)
		return show_json(conn) ? ALL_DONE : FAILED;
	once = once || !isatty(STDOUT_FILENO);
	while (show_table(conn, !once))
	{
		if (once)
			return ALL_DONE;
		sleep(1);
	}
	return FAILED;
}

/* Of a copy, which is not to speak to the world until somebody says so of each. */
ExitStatus
listeners_pause(PGconn *conn)
{
	PGresult   *result = run(conn, "UPDATE usage_mgmt.hub_listener SET state = 'paused', reason = 'a copy', changed_at = pg_catalog.now() "
							 "WHERE callback IS NOT NULL AND state IN ('starting', 'active')", 0, NULL);

	if (result == NULL)
		return FAILED;
	printf("listeners paused: %s\n", PQcmdTuples(result));
	PQclear(result);
	return ALL_DONE;
}

/* An object each. */
static bool
show_json(PGconn *conn)
{
	PGresult   *result = run(conn, "SELECT pg_catalog.row_to_json(s) FROM usage_mgmt.hub_status s "
							 "ORDER BY pg_catalog.length(listener), listener", 0, NULL);

	if (result == NULL)
		return false;
	for (int row = 0; row < PQntuples(result); row++)
		puts(PQgetvalue(result, row, 0));
	PQclear(result);
	return true;
}

static bool
show_table(PGconn *conn, bool again)
{
	PGresult   *result = run(conn,
							 "SELECT listener, resource, state, lag_events AS behind, "
							 "pg_catalog.round(lag_seconds::numeric, 1) AS seconds, parked, delivered, failed, "
							 "pg_catalog.round(rate::numeric, 1) AS \"per second\", "
							 "pg_catalog.date_trunc('second', last_success_at) AS \"last success\", "
							 "pg_catalog.\"left\"(pg_catalog.concat_ws('; ', reason, 'lost ' || nullif(lost, 0), last_error), 60) "
							 "AS \"what is wrong\" FROM usage_mgmt.hub_status ORDER BY pg_catalog.length(listener), listener", 0, NULL);
	int			widths[20];

	if (result == NULL)
		return false;
	for (int column = 0; column < PQnfields(result); column++)
		widths[column] = widest(result, column);
	if (again)
		fputs("\033[H\033[J", stdout);
	for (int row = -1; row < PQntuples(result); row++)
		print_row(result, row, widths);
	fflush(stdout);
	PQclear(result);
	return true;
}

/* Row -1 is the head.  Numbers stand to the right. */
static void
print_row(const PGresult *result, int row, const int *widths)
{
	int			last = PQnfields(result) - 1;

	for (int column = 0; column <= last; column++)
	{
		const char *text = row < 0 ? PQfname(result, column) : PQgetvalue(result, row, column);
		int			room = widths[column] - width(text);
		bool		right = column >= 3 && column <= 8;

		printf("%*s%s%*s%s", right ? room : 0, "", text, right || column == last ? 0 : room, "",
			   column == last ? "\n" : "  ");
	}
}

static int
widest(const PGresult *result, int column)
{
	int			most = width(PQfname(result, column));

	for (int row = 0; row < PQntuples(result); row++)
		if (width(PQgetvalue(result, row, column)) > most)
			most = width(PQgetvalue(result, row, column));
	return most;
}

/* Characters of UTF-8. */
static int
width(const char *text)
{
	int			count = 0;

	for (; *text != '\0'; text++)
		count += ((unsigned char) *text & 0xC0) != 0x80;
	return count;
}
