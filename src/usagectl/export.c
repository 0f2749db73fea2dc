/*
 * export.c
 *	  Records of the store, one after the other.
 *
 * The server sends one record at a time, by binary COPY, so that neither side
 * ever holds more.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "resources.h"
#include "writer.h"

#define HEADER 19				/* bytes of a binary COPY's */
#define FIELDS 6				/* before the one field of a row: their number, and its length */

static bool begin_copy(const ExportOptions *options, PGconn *conn, const Resource *resource);
static bool copy_records(PGconn *conn, Receiver receive, void *context);

bool
export_format(const ExportOptions *options, PGconn *conn, Format *format, char **noun)
{
	Resources	resources;
	bool		known = resources_learn(&resources, conn, options->resource);

	*noun = known ? strdup(resources.list[resources.usual].noun) : NULL;
	*format = (Format) {options->format, *noun, options->version, NULL, conn};
	resources_free(&resources);
	return *noun != NULL;
}

/* Each record to who receives it; false where the server failed, or he did. */
bool
export_run(const ExportOptions *options, PGconn *conn, Receiver receive, void *context)
{
	Resources	resources;
	bool		done = resources_learn(&resources, conn, options->resource) &&
		begin_copy(options, conn, &resources.list[resources.usual]) && copy_records(conn, receive, context);

	resources_free(&resources);
	return done;
}

static bool
begin_copy(const ExportOptions *options, PGconn *conn, const Resource *resource)
{
	char	   *query = PQescapeLiteral(conn, options->query, strlen(options->query));
	char	   *version = options->version == NULL ? NULL
		: PQescapeLiteral(conn, options->version, strlen(options->version));
	Format		format = {options->format, resource->noun, options->version, NULL, conn};
	size_t		size = strlen(options->query) * 2 + 600;
	char	   *sql = malloc(size);
	char	   *select = NULL;
	PGresult   *result;
	bool		begun = false;

	if (query == NULL || (options->version != NULL && version == NULL))
		complain_of(conn, NULL);
	else
	{
		snprintf(sql, size, "%s(%s, %s)", resource->get, query, version != NULL ? version : "NULL");
		select = writer_select(&format, sql);
		snprintf(sql, size, "COPY (SELECT %s) TO STDOUT WITH (FORMAT binary)", select != NULL ? select : "");
		result = PQexec(conn, sql);
		begun = PQresultStatus(result) == PGRES_COPY_OUT;
		if (!begun)
			complain_of(conn, result);
		PQclear(result);
	}
	PQfreemem(query);
	PQfreemem(version);
	free(select);
	free(sql);
	return begun;
}

/* The server sends each row by itself, the first one behind the header. */
static bool
copy_records(PGconn *conn, Receiver receive, void *context)
{
	char	   *row;
	int			length;
	int			header = HEADER;
	bool		done = true;
	PGresult   *result;

	while (done && (length = PQgetCopyData(conn, &row, 0)) > 0)
	{
		/* the trailer has no field */
		if (length > header + FIELDS)
			done = receive(context, row + header + FIELDS, length - header - FIELDS);
		header = 0;
		PQfreemem(row);
	}
	if (!done)
		return false;
	result = PQgetResult(conn);
	done = PQresultStatus(result) == PGRES_COMMAND_OK;
	if (!done)
		complain_of(conn, result);
	PQclear(result);
	return done;
}

/* How many there will be; -1 where the server does not say. */
int64_t
export_count(const ExportOptions *options, PGconn *conn)
{
	const char *values[] = {options->query, options->version};
	Resources	resources;
	char		sql[200];
	PGresult   *result;
	int64_t		count = -1;

	if (resources_learn(&resources, conn, options->resource))
	{
		snprintf(sql, sizeof(sql), "SELECT %s($1, $2)", resources.list[resources.usual].count);
		result = PQexecParams(conn, sql, 2, NULL, values, NULL, NULL, 0);
		if (PQresultStatus(result) == PGRES_TUPLES_OK)
			count = int_field(result, 0);
		PQclear(result);
	}
	resources_free(&resources);
	return count;
}
