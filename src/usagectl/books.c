/*
 * books.c
 *	  The row of import_load that a file has.
 *
 * The row tells how far the file is done, in the transaction that did it, and
 * is finished only when the file is.  So whatever dies in between, the same
 * command finds the row again, by the file's name and what its start is like,
 * and goes on where the last transaction that committed ended.
 *
 * A load has one program at a time: an advisory lock is held as long as the
 * session lives, and each batch makes sure that nobody else has moved on.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "books.h"

static bool lock(Books *books, PGconn *conn);
static bool find(Books *books, PGconn *conn, const char *source, const char *fingerprint,
				 const char *declared);
static bool make(Books *books, PGconn *conn, const char *source, const char *fingerprint,
				 const char *declared);
static char *numbers(const int *places, int count, int64_t add);

/* Finds the unfinished load of that file, one of our own, or makes one. */
bool
books_open(Books *books, PGconn *conn, const char *source, const char *fingerprint, bool restart,
		   const char *declared)
{
	memset(books, 0, sizeof(Books));
	if (!restart && !find(books, conn, source, fingerprint, declared))
		return false;
	return books->resumed || make(books, conn, source, fingerprint, declared);
}

static bool
find(Books *books, PGconn *conn, const char *source, const char *fingerprint, const char *declared)
{
	const char *newest[] = {source, fingerprint};
	const char *again[] = {books->id, declared};
	PGresult   *result = run(conn,
							 "SELECT id, finished_at IS NULL FROM usage_mgmt.import_load "
							 "WHERE source = $1 AND declared ->> 'fingerprint' = $2 AND "
							 "(SELECT pg_catalog.pg_has_role(oid, 'USAGE') FROM pg_catalog.pg_roles "
							 "WHERE rolname = loaded_by) ORDER BY id DESC LIMIT 1", 2, newest);

	if (result == NULL)
		return false;
	if (PQntuples(result) == 1 && PQgetvalue(result, 0, 1)[0] == 't')
		snprintf(books->id, sizeof(books->id), "%s", PQgetvalue(result, 0, 0));
	PQclear(result);
	if (books->id[0] == '\0')
		return true;
	/* a session whose client is dead may still be at it: then its row is locked, too */
	if (!lock(books, conn))
		return false;
	result = run(conn,
				 "UPDATE usage_mgmt.import_load SET declared = declared || $2 "
				 "WHERE id = $1 AND finished_at IS NULL RETURNING position, read", 2, again);
	if (result == NULL)
		return false;
	books->resumed = PQntuples(result) == 1;
	if (books->resumed)
	{
		books->position = int_field(result, 0);
		books->read = int_field(result, 1);
	}
	PQclear(result);
	return true;
}

/* Waits for the session that is at this load to end. */
static bool
lock(Books *books, PGconn *conn)
{
	const char *values[] = {books->id};
	PGresult   *result = run(conn,
							 "SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended("
							 "'usage_mgmt.import_load ' || $1, 0))", 1, values);
	bool		locked;

	if (result == NULL)
		return false;
	locked = PQgetvalue(result, 0, 0)[0] == 't';
	PQclear(result);
	if (locked)
		return true;
	complain("load %s is under way in another session, waiting for it", books->id);
	result = run(conn,
				 "SELECT pg_catalog.pg_advisory_lock(pg_catalog.hashtextextended("
				 "'usage_mgmt.import_load ' || $1, 0))", 1, values);
	locked = result != NULL;
	PQclear(result);
	return locked;
}

static bool
make(Books *books, PGconn *conn, const char *source, const char *fingerprint, const char *declared)
{
	const char *values[] = {source, fingerprint, declared};
	PGresult   *result = run(conn,
							 "INSERT INTO usage_mgmt.import_load (source, declared) VALUES ($1, "
							 "pg_catalog.jsonb_build_object('fingerprint', $2::text) || $3) RETURNING id",
							 3, values);

	if (result == NULL)
		return false;
	snprintf(books->id, sizeof(books->id), "%s", PQgetvalue(result, 0, 0));
	PQclear(result);
	return lock(books, conn);
}

/* Begins the transaction of a batch. */
bool
books_begin(Books *books, PGconn *conn)
{
	char		sql[400];
	PGresult   *result;
	bool		ours;

	snprintf(sql, sizeof(sql),
			 "BEGIN; SET LOCAL usage_mgmt.load = '%s'; SET LOCAL usage_mgmt.on_fault = 'keep'; "
			 "SELECT position, read FROM usage_mgmt.import_load WHERE id = %s FOR UPDATE",
			 books->id, books->id);
	result = PQexec(conn, sql);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
	{
		complain_of(conn, result);
		PQclear(result);
		return false;
	}
	ours = PQntuples(result) == 1 && int_field(result, 0) == books->position &&
		int_field(result, 1) == books->read;
	if (!ours)
		complain("another program went on with load %s, or removed it", books->id);
	PQclear(result);
	return ours;
}

/*
 * The server numbered the records in the order they came; the rejects and
 * conflicts among them get their numbers in the file.  places tells where in
 * the batch each record was that was sent.
 */
bool
books_renumber(Books *books, PGconn *conn, const int *places, int count)
{
	static const char *const tables[] = {"import_reject", "usage_conflict"};
	char		before[24];

	snprintf(before, sizeof(before), "%" PRId64, books->read);
	for (int t = 0; t < 2; t++)
	{
		const char *values[] = {books->id, before, NULL, NULL};
		char		sql[400];
		PGresult   *result;
		bool		done = true;
		int			found;
		int		   *sent,
				   *real;

		snprintf(sql, sizeof(sql), "SELECT record_number - $2::bigint FROM usage_mgmt.%s "
				 "WHERE load_id = $1 AND record_number > $2::bigint", tables[t]);
		result = run(conn, sql, 2, values);
		if (result == NULL)
			return false;
		found = PQntuples(result);
		sent = malloc(sizeof(int) * (found + 1));
		real = malloc(sizeof(int) * (found + 1));
		for (int i = 0; i < found; i++)
		{
			int			n = atoi(PQgetvalue(result, i, 0));

			sent[i] = n;
			real[i] = n >= 1 && n <= count ? places[n - 1] + 1 : n;
		}
		PQclear(result);
		if (found > 0)
		{
			char	   *from = numbers(sent, found, books->read);
			char	   *to = numbers(real, found, books->read);

			snprintf(sql, sizeof(sql), "UPDATE usage_mgmt.%s r SET record_number = n.real "
					 "FROM ROWS FROM (pg_catalog.unnest($3::bigint[]), pg_catalog.unnest($4::bigint[])) n (sent, real) "
					 "WHERE r.load_id = $1 AND r.record_number > $2::bigint AND r.record_number = n.sent",
					 tables[t]);
			values[2] = from;
			values[3] = to;
			result = run(conn, sql, 4, values);
			done = result != NULL;
			PQclear(result);
			free(from);
			free(to);
		}
		free(sent);
		free(real);
		if (!done)
			return false;
	}
	return true;
}

/* An array of numbers as text. */
static char *
numbers(const int *places, int count, int64_t add)
{
	char	   *text = malloc(24 * (size_t) count + 3);
	char	   *p = text;

	*p++ = '{';
	for (int i = 0; i < count; i++)
		p += sprintf(p, "%s%" PRId64, i > 0 ? "," : "", places[i] + add);
	strcpy(p, "}");
	return text;
}

/*
 * Commits a batch with the position.  refused are the records that were put by
 * here, so that the server has not counted them.
 */
bool
books_commit(Books *books, PGconn *conn, int64_t position, int records, int refused)
{
	char		sql[400];

	snprintf(sql, sizeof(sql),
			 "UPDATE usage_mgmt.import_load SET position = %" PRId64 ", finished_at = NULL, "
			 "read = read + %d, rejected = rejected + %d WHERE id = %s; COMMIT",
			 position, refused, refused, books->id);
	if (!run_script(conn, sql))
		return false;
	books->position = position;
	books->read += records;
	return true;
}

/* The file is done.  Gives the books, and what differs from what was declared. */
PGresult *
books_close(Books *books, PGconn *conn)
{
	const char *values[] = {books->id};

	return run(conn,
			   "WITH l AS (UPDATE usage_mgmt.import_load SET finished_at = pg_catalog.clock_timestamp() "
			   "WHERE id = $1 RETURNING *), "
			   "difference AS (SELECT 'records' AS what, declared ->> 'read' AS declared, read::text AS found "
			   "FROM l WHERE (declared ->> 'read')::bigint <> read "
			   "UNION ALL SELECT a.key, a.value, coalesce(l.amounts ->> a.key, '0') "
			   "FROM l, pg_catalog.jsonb_each_text(l.declared -> 'amounts') a "
			   "WHERE coalesce((l.amounts ->> a.key)::numeric, 0) <> a.value::numeric) "
			   "SELECT read, stored, repeated, conflicting, rejected, "
			   "(SELECT pg_catalog.count(*) FROM difference), "
			   "(SELECT pg_catalog.string_agg(pg_catalog.format('%s: declared %s, found %s', what, declared, found), '; ') "
			   "FROM difference), "
			   "(SELECT pg_catalog.string_agg(pg_catalog.format('%s %s', a.key, a.value), ', ' ORDER BY a.key) "
			   "FROM pg_catalog.jsonb_each_text(l.amounts) a), "
			   "first_date, last_date, "
			   "pg_catalog.json_build_object('load', id, 'source', source, 'read', read, 'stored', stored, "
			   "'repeated', repeated, 'conflicting', conflicting, 'rejected', rejected, 'filled', filled, 'bytes', position, "
			   "'firstDate', first_date, 'lastDate', last_date, 'amounts', coalesce(amounts, '{}'), "
			   "'differences', (SELECT coalesce(pg_catalog.json_agg(difference), '[]') FROM difference)), filled "
			   "FROM l", 1, values);
}
