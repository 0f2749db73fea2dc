/*
 * refused.c
 *	  What is said of the records that an import did not store.
 *
 * How many have which fault, the commonest first, with the first record of each;
 * then where they are, and how they get in.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refused.h"
#include "text.h"

#define SHOWN 5					/* kinds of faults */
#define LONGEST_SHOWN 300		/* bytes of one */

static void print_faults(const Books *books);
static void print_conflicts(const Books *books, PGconn *conn);
static bool is_of_another_form(const Books *books, FormatKind format);
static bool sees_documents(PGconn *conn);

void
refused_print(const Books *books, PGconn *conn, FormatKind format)
{
	if (books->faults != NULL)
		print_faults(books);
	print_conflicts(books, conn);
	if (books_rejected(books) == 0)
		return;
	printf("  to see them%s: SELECT record_number, errors, document FROM usage_mgmt.import_reject WHERE load_id = %s\n",
		   sees_documents(conn) ? "" : ", as an operator", books->id);
	if (is_of_another_form(books, format))
		printf("  no record is a JSON object: a file has one a line, or is one array (--format=json) or CSV (--format=csv)\n");
	else
		printf("  to take them in: usage_mgmt.recycle_rejects(%s, '{\"ATTRIBUTE\": VALUE}'), or mend the file and import it again\n",
			   books->id);
}

static void
print_faults(const Books *books)
{
	int			kinds = PQntuples(books->faults);
	int			width = PQgetlength(books->faults, 0, FAULT_RECORDS);

	for (int i = 0; i < kinds && i < SHOWN; i++)
	{
		char		text[LONGEST_SHOWN];

		refused_fault(books, i, text, sizeof(text));
		printf("  %*s rejected: %s\n", width, PQgetvalue(books->faults, i, FAULT_RECORDS), text);
	}
	if (kinds > SHOWN)
		printf("  %*s others with other faults\n", width, "");
}

/* What is quoted of a record must not do anything to a terminal. */
void
refused_fault(const Books *books, int kind, char *text, size_t size)
{
	const PGresult *faults = books->faults;
	const char *path = PQgetvalue(faults, kind, FAULT_PATH);
	char		tail[60];
	size_t		room = size - 1 - snprintf(tail, sizeof(tail), " (%.5s), first in record %s",
										   PQgetvalue(faults, kind, FAULT_CODE), PQgetvalue(faults, kind, FAULT_FIRST));
	size_t		length = snprintf(text, size, "%s%s%s", path, path[0] != '\0' ? ": " : "", PQgetvalue(faults, kind, FAULT_MESSAGE));

	if (length > room)
	{
		/* not within a character */
		for (length = room - 3; (text[length] & 0xC0) == 0x80; length--)
			;
		strcpy(text + length, "...");
		length += 3;
	}
	strcpy(text + length, tail);
	text_plain(text);
}

static void
print_conflicts(const Books *books, PGconn *conn)
{
	const Resources *resources = books->resources;
	const char *values[] = {books->id};

	for (int i = 0; i < resources->count; i++)
	{
		const Resource *resource = &resources->list[i];
		char		sql[200];
		PGresult   *result;

		if (resource->conflict == NULL || resource->counts.conflicting == 0)
			continue;
		snprintf(sql, sizeof(sql), "SELECT pg_catalog.min(record_number) FROM %s WHERE load_id = $1", resource->conflict);
		result = run(conn, sql, 1, values);
		if (result != NULL && !PQgetisnull(result, 0, 0))
			printf("  %" PRId64 " conflicting: the id is stored with other content, first in record %s: see %s\n",
				   resource->counts.conflicting, PQgetvalue(result, 0, 0), resource->conflict);
		PQclear(result);
	}
}

/* Nothing of it is a document: then it is no file of documents, rather than each of them at fault. */
static bool
is_of_another_form(const Books *books, FormatKind format)
{
	const Resources *resources = books->resources;
	int64_t		others = 0;

	for (int i = 0; i < resources->count; i++)
		others += resources->list[i].counts.read - resources->list[i].counts.rejected;
	return books->faults != NULL && others == 0 && format == FORMAT_NDJSON && PQgetvalue(books->faults, 0, FAULT_PATH)[0] == '\0' &&
		strcmp(PQgetvalue(books->faults, 0, FAULT_CODE), "22P02") == 0;
}

static bool
sees_documents(PGconn *conn)
{
	PGresult   *result = run(conn, "SELECT pg_catalog.has_table_privilege('usage_mgmt.import_reject', 'SELECT')", 0, NULL);
	bool		sees = result != NULL && PQgetvalue(result, 0, 0)[0] == 't';

	PQclear(result);
	return sees;
}
