/*
 * table.c
 *	  What a query gives, for a person to look at.
 *
 * On a terminal the table is drawn again each second; what is beyond the
 * margin is cut off there.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "table.h"
#include "text.h"

/* Of pg_type; what is no number stands to the left. */
#define INT8OID 20
#define INT4OID 23
#define NUMERICOID 1700

#define COLUMNS 20

static bool show(PGconn *conn, const char *sql, bool again);
static void print_row(const PGresult *result, int row, const int *widths);
static int	widest(const PGresult *result, int column);
static int	width(const char *text);

/* Until it is interrupted, unless it is to be shown once. */
ExitStatus
table_show(PGconn *conn, const char *sql, bool once)
{
	once = once || !isatty(STDOUT_FILENO);
	while (show(conn, sql, !once))
	{
		if (once)
			return ALL_DONE;
		sleep(1);
	}
	return FAILED;
}

/* An object each, which are the query's only column. */
ExitStatus
table_show_json(PGconn *conn, const char *sql)
{
	PGresult   *result = run(conn, sql, 0, NULL);

	if (result == NULL)
		return FAILED;
	for (int row = 0; row < PQntuples(result); row++)
		puts(PQgetvalue(result, row, 0));
	PQclear(result);
	return ALL_DONE;
}

static bool
show(PGconn *conn, const char *sql, bool again)
{
	PGresult   *result = run(conn, sql, 0, NULL);
	int			widths[COLUMNS];

	if (result == NULL)
		return false;
	/* what others have named so is no command to our terminal */
	for (int column = 0; column < PQnfields(result); column++)
	{
		for (int row = 0; row < PQntuples(result); row++)
			text_plain(PQgetvalue(result, row, column));
		widths[column] = widest(result, column);
	}
	if (again)
		fputs("\033[H\033[J\033[?7l", stdout);
	for (int row = -1; row < PQntuples(result); row++)
		print_row(result, row, widths);
	if (again)
		fputs("\033[?7h", stdout);
	fflush(stdout);
	PQclear(result);
	return true;
}

/* Row -1 is the head. */
static void
print_row(const PGresult *result, int row, const int *widths)
{
	int			last = PQnfields(result) - 1;

	for (int column = 0; column <= last; column++)
	{
		const char *text = row < 0 ? PQfname(result, column) : PQgetvalue(result, row, column);
		int			room = widths[column] - width(text);
		Oid			type = PQftype(result, column);
		bool		right = type == INT8OID || type == INT4OID || type == NUMERICOID;

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
