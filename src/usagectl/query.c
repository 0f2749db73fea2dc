/*
 * query.c
 *	  Statements whose failure is trouble: it lasts, or passes.
 */
#include <string.h>

#include "connection.h"
#include "query.h"
#include "text.h"

/* Runs one with text parameters; NULL where it fails, what then says what could not be done. */
PGresult *
query(PGconn *conn, const char *what, Trouble *trouble, const char *sql, int count, const char *const *values)
{
	PGresult   *result = PQexecParams(conn, sql, count, NULL, values, NULL, NULL, 0);
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		return result;
	/* what the server refuses it will refuse again */
	if (state != NULL && !error_passes(state))
		trouble_lasts(trouble, "%s: %s", what, message != NULL ? message : state);
	else
		trouble_passes(trouble, "%s: %s", what, message != NULL ? message : PQerrorMessage(conn));
	PQclear(result);
	return NULL;
}

/* Adds an element to an array of texts, which is not closed yet. */
void
query_array(Buffer *array, const char *text)
{
	buffer_print(array, "%s\"", array->length == 0 ? "{" : array->length == 1 ? "" : ",");
	for (const char *p = text; *p != '\0'; p++)
		buffer_print(array, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
	buffer_add(array, "\"", 1);
}

/* Makes a text of what others have said. */
void
query_text(char *text)
{
	for (char *p = text + text_valid(text, strlen(text)); *p != '\0'; p += text_valid(p, strlen(p)))
		*p++ = '?';
}
