/*
 * copy.c
 *	  A binary COPY to the server.
 *
 * While the server takes no more, the caller does something else: it reads the
 * next batch.  So neither waits for the other as long as both have work.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "copy.h"

static void put_number(Copy *copy, uint64_t value, int bytes);
static void flush(Copy *copy);
static void wait_for(Copy *copy, short events);

bool
copy_begin(Copy *copy, PGconn *conn, const char *sql, Meanwhile meanwhile, void *context)
{
	static const char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
	PGresult   *result = PQexec(conn, sql);
	bool		begun = PQresultStatus(result) == PGRES_COPY_IN;

	copy->conn = conn;
	copy->meanwhile = meanwhile;
	copy->context = context;
	copy->broken = false;
	copy->code[0] = '\0';
	copy->used = 0;
	if (!begun)
		complain_of(conn, result);
	PQclear(result);
	if (begun)
	{
		PQsetnonblocking(conn, 1);
		copy_bytes(copy, header, sizeof(header) - 1);
	}
	return begun;
}

void
copy_row(Copy *copy, int fields)
{
	put_number(copy, fields, 2);
}

void
copy_null(Copy *copy)
{
	put_number(copy, UINT32_MAX, 4);
}

void
copy_int64(Copy *copy, int64_t value)
{
	put_number(copy, 8, 4);
	put_number(copy, value, 8);
}

void
copy_field(Copy *copy, const char *data, size_t length)
{
	copy_length(copy, length);
	copy_bytes(copy, data, length);
}

/* The bytes of the field follow. */
void
copy_length(Copy *copy, size_t length)
{
	put_number(copy, length, 4);
}

void
copy_bytes(Copy *copy, const char *data, size_t length)
{
	while (length > 0)
	{
		size_t		n = COPY_BUFFER - copy->used;

		if (n > length)
			n = length;
		memcpy(copy->buffer + copy->used, data, n);
		copy->used += n;
		data += n;
		length -= n;
		if (copy->used == COPY_BUFFER)
			flush(copy);
	}
}

/* A field cut short fails the COPY, as it should. */
void
copy_file(Copy *copy, FILE *file, size_t length)
{
	char		buffer[16 * 1024];

	while (length > 0 && !copy->broken)
	{
		size_t		n = fread(buffer, 1, length < sizeof(buffer) ? length : sizeof(buffer), file);

		if (n == 0)
			break;
		copy_bytes(copy, buffer, n);
		length -= n;
	}
}

static void
put_number(Copy *copy, uint64_t value, int bytes)
{
	char		big_endian[8];

	for (int i = 0; i < bytes; i++)
		big_endian[i] = (char) (value >> (8 * (bytes - 1 - i)));
	copy_bytes(copy, big_endian, bytes);
}

/* Gives libpq the buffer, and waits until the server has nearly all of it. */
static void
flush(Copy *copy)
{
	size_t		used = copy->used;
	int			left;

	copy->used = 0;
	if (copy->broken)
		return;
	if (PQputCopyData(copy->conn, copy->buffer, used) != 1)
	{
		copy->broken = true;
		return;
	}
	while ((left = PQflush(copy->conn)) > 0)
		wait_for(copy, POLLIN | POLLOUT);
	copy->broken = left < 0;
}

/* Until the server takes or gives something, or meanwhile something was done. */
static void
wait_for(Copy *copy, short events)
{
	struct pollfd server = {PQsocket(copy->conn), events, 0};
	bool		idle = copy->meanwhile == NULL || !copy->meanwhile(copy->context);

	if (poll(&server, 1, idle ? 200 : 0) > 0 && (server.revents & ~POLLOUT) != 0)
		PQconsumeInput(copy->conn);
}

/* Ends it; false if the server did not take it, with the reason reported or in code. */
bool
copy_end(Copy *copy)
{
	PGresult   *result;
	bool		done;

	put_number(copy, UINT16_MAX, 2);
	if (copy->used > 0)
		flush(copy);
	if (!copy->broken && PQputCopyEnd(copy->conn, NULL) == 1)
	{
		int			left;

		while ((left = PQflush(copy->conn)) > 0 || PQisBusy(copy->conn))
			wait_for(copy, left > 0 ? POLLIN | POLLOUT : POLLIN);
	}
	PQsetnonblocking(copy->conn, 0);
	result = PQgetResult(copy->conn);
	done = PQresultStatus(result) == PGRES_COMMAND_OK;
	if (!done)
	{
		const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);

		snprintf(copy->code, sizeof(copy->code), "%s", code != NULL ? code : "");
		if (!copy_met_no_text(copy))
			complain_of(copy->conn, result);
	}
	while (result != NULL && PQresultStatus(result) != PGRES_COPY_IN)
	{
		PQclear(result);
		result = PQgetResult(copy->conn);
	}
	PQclear(result);
	return done;
}

/* Whether it ended at something that is no text in the server's encoding; not reported. */
bool
copy_met_no_text(const Copy *copy)
{
	return strcmp(copy->code, "22021") == 0 || strcmp(copy->code, "22P05") == 0;
}
