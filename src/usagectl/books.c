/*
 * books.c
 *	  The row of import_load that a file has.
 *
 * It is one row, whatever resources the records are of.  What became of those
 * of each is kept in its column declared, beside what tells the file, as soon
 * as there are others than those of the first resource.
 *
 * The row tells how far the file is done, in the transaction that did it, and
 * is finished only when the file is.  So whatever dies in between, the same
 * command finds the row again, by the file's name and what its start is like,
 * and goes on where the last transaction that committed ended.
 *
 * A job's load bears the job in declared, or the file of the folder that it is
 * of, and is nobody else's.  Where it is finished the job is done, whoever died
 * meanwhile.
 *
 * A load has one program at a time: an advisory lock is held as long as somebody
 * is at it, and each batch makes sure that nobody else has moved on.  Nor is the
 * load of a job, or of a file, made by two at a time.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "books.h"

static bool lock(PGconn *conn, const char *what);
static void unlock(PGconn *conn, const char *what);
static bool lock_load(Books *books, PGconn *conn);
static bool find(Books *books, PGconn *conn, const char *source, const char *fingerprint,
				 const char *declared);
static bool make(Books *books, PGconn *conn, const char *source, const char *fingerprint,
				 const char *declared);
static bool learn_id(Books *books, PGresult *result);
static bool go_on(Books *books, PGconn *conn, const char *declared, const char *finished_too);
static bool find_counts(Books *books, PGconn *conn);
static void read_counts(Counts *counts, const PGresult *result, int row, int column);
static void add_counts(Counts *counts, const Counts *more, int sign);
static bool renumber(Books *books, PGconn *conn, const char *table, const int *places, int count);
static bool note_resources(Books *books, PGconn *conn);
static char *numbers(const int *places, int count, int64_t add);

/*
 * Begins.  The load of a job is found by the job, and may be finished: then all
 * that the job did not come to was to say so.
 */
bool
books_find_job(Books *books, PGconn *conn, Resources *resources, const char *job)
{
	const char *values[] = {job};

	memset(books, 0, sizeof(Books));
	books->resources = resources;
	if (job == NULL)
		return true;
	if (!lock(conn, job))
		return false;
	books->job = job;
	return learn_id(books, run(conn,
							   "SELECT id FROM usage_mgmt.import_load WHERE declared @> $1 "
							   "AND loaded_by = CURRENT_USER ORDER BY id DESC LIMIT 1", 1, values)) &&
		go_on(books, conn, "{}", "true");
}

/* Finds the unfinished load of that file, one of our own, or makes one. */
bool
books_open(Books *books, PGconn *conn, const char *source, const char *fingerprint, bool restart,
		   const char *declared)
{
	if (!books->resumed && !restart && !find(books, conn, source, fingerprint, declared))
		return false;
	/* one that was finished meanwhile */
	if (!books->resumed && books->locked)
		unlock(conn, books->id);
	if (!books->resumed)
		return make(books, conn, source, fingerprint, declared);
	if (strcmp(books->fingerprint, fingerprint) == 0)
		return true;
	complain("%s: this is not what load %s was begun with, its start differs", source, books->id);
	complaint_lasts();
	return false;
}

static bool
find(Books *books, PGconn *conn, const char *source, const char *fingerprint, const char *declared)
{
	const char *values[] = {source, fingerprint};

	return learn_id(books, run(conn,
							   "SELECT id FROM (SELECT id, finished_at FROM usage_mgmt.import_load "
							   "WHERE source = $1 AND declared ->> 'fingerprint' = $2 "
							   "AND NOT declared ?| ARRAY['job', 'file'] AND (SELECT pg_catalog.pg_has_role(oid, 'USAGE') FROM pg_catalog.pg_roles "
							   "WHERE rolname = loaded_by) ORDER BY id DESC LIMIT 1) newest "
							   "WHERE finished_at IS NULL", 2, values)) &&
		go_on(books, conn, declared, "false");
}

/* Clears the result, which is NULL where it failed. */
static bool
learn_id(Books *books, PGresult *result)
{
	if (result != NULL && PQntuples(result) == 1)
		snprintf(books->id, sizeof(books->id), "%s", PQgetvalue(result, 0, 0));
	PQclear(result);
	return result != NULL;
}

/* With the load that was found, if one was, and is not finished meanwhile. */
static bool
go_on(Books *books, PGconn *conn, const char *declared, const char *finished_too)
{
	const char *values[] = {books->id, declared, finished_too};
	PGresult   *result;

	/* a session whose client is dead may still be at it: then its row is locked, too */
	if (books->id[0] == '\0' || !lock_load(books, conn))
		return books->id[0] == '\0';
	result = run(conn,
				 "UPDATE usage_mgmt.import_load SET declared = declared || $2 "
				 "WHERE id = $1 AND (finished_at IS NULL OR $3) "
				 "RETURNING position, read, finished_at IS NOT NULL, declared ->> 'fingerprint', declared ->> 'digest'", 3, values);
	if (result == NULL)
		return false;
	books->resumed = PQntuples(result) == 1;
	if (books->resumed)
	{
		books->position = int_field(result, 0);
		books->read = int_field(result, 1);
		books->finished = PQgetvalue(result, 0, 2)[0] == 't';
		snprintf(books->fingerprint, sizeof(books->fingerprint), "%s", PQgetvalue(result, 0, 3));
		snprintf(books->digest, sizeof(books->digest), "%s", PQgetvalue(result, 0, 4));
	}
	PQclear(result);
	return !books->resumed || find_counts(books, conn);
}

/* What became of the records so far: where nothing is noted, all are of the first resource. */
static bool
find_counts(Books *books, PGconn *conn)
{
	Resources  *resources = books->resources;
	const char *values[] = {books->id, resources->list[resources->first].noun};
	PGresult   *result = run(conn,
							 "SELECT r.key, r.value ->> 'read', r.value ->> 'stored', r.value ->> 'repeated', "
							 "r.value ->> 'conflicting', r.value ->> 'rejected' "
							 "FROM usage_mgmt.import_load l, pg_catalog.jsonb_each(coalesce(l.declared -> 'resources', "
							 "pg_catalog.jsonb_build_object($2::text, pg_catalog.to_jsonb(l)))) r WHERE l.id = $1",
							 2, values);

	if (result == NULL)
		return false;
	for (int row = 0; row < PQntuples(result); row++)
		for (int i = 0; i < resources->count; i++)
			if (strcmp(PQgetvalue(result, row, 0), resources->list[i].noun) == 0)
				read_counts(&resources->list[i].counts, result, row, 1);
	PQclear(result);
	return true;
}

static void
read_counts(Counts *counts, const PGresult *result, int row, int column)
{
	int64_t    *numbers[] = {&counts->read, &counts->stored, &counts->repeated, &counts->conflicting,
	&counts->rejected};

	for (int i = 0; i < 5; i++)
		*numbers[i] = strtoll(PQgetvalue(result, row, column + i), NULL, 10);
}

static void
add_counts(Counts *counts, const Counts *more, int sign)
{
	counts->read += sign * more->read;
	counts->stored += sign * more->stored;
	counts->repeated += sign * more->repeated;
	counts->conflicting += sign * more->conflicting;
	counts->rejected += sign * more->rejected;
}

/* Waits for the session to end that is at this load, or at that of this job. */
static bool
lock(PGconn *conn, const char *what)
{
	const char *values[] = {what};
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
	mention("load %s is under way in another session, waiting for it", what);
	result = run(conn,
				 "SELECT pg_catalog.pg_advisory_lock(pg_catalog.hashtextextended("
				 "'usage_mgmt.import_load ' || $1, 0))", 1, values);
	locked = result != NULL;
	PQclear(result);
	return locked;
}

static bool
lock_load(Books *books, PGconn *conn)
{
	books->locked = lock(conn, books->id);
	return books->locked;
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
	return lock_load(books, conn);
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
			 "SELECT position, read, stored, repeated, conflicting, rejected "
			 "FROM usage_mgmt.import_load WHERE id = %s FOR UPDATE",
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
	else
		read_counts(&books->counted, result, 0, 1);
	PQclear(result);
	for (int i = 0; i < books->resources->count; i++)
		memset(&books->resources->list[i].batch, 0, sizeof(Counts));
	return ours;
}

/* What the row has more than before became of records of that resource. */
bool
books_count(Books *books, PGconn *conn, int resource)
{
	const char *values[] = {books->id};
	PGresult   *result = run(conn, "SELECT read, stored, repeated, conflicting, rejected "
							 "FROM usage_mgmt.import_load WHERE id = $1", 1, values);
	Counts	   *batch = &books->resources->list[resource].batch;

	if (result == NULL)
		return false;
	add_counts(batch, &books->counted, -1);
	read_counts(&books->counted, result, 0, 0);
	add_counts(batch, &books->counted, 1);
	PQclear(result);
	return true;
}

/* Whether there are others than of the first resource. */
bool
books_mixed(const Books *books)
{
	const Resources *resources = books->resources;

	for (int i = 0; i < resources->count; i++)
		if (i != resources->first && resources->list[i].counts.read + resources->list[i].batch.read > 0)
			return true;
	return false;
}

/*
 * The server numbered the records in the order they came; the rejects and
 * conflicts among them get their numbers in the file.  places tells where in
 * the batch each record was that was sent.
 */
bool
books_renumber(Books *books, PGconn *conn, const int *places, int count)
{
	int64_t		rejected = 0;

	for (int i = 0; i < books->resources->count; i++)
		rejected += books->resources->list[i].batch.rejected;
	if (rejected > 0 && !renumber(books, conn, "usage_mgmt.import_reject", places, count))
		return false;
	for (int i = 0; i < books->resources->count; i++)
	{
		const Resource *resource = &books->resources->list[i];

		if (resource->conflict != NULL && resource->batch.conflicting > 0 &&
			!renumber(books, conn, resource->conflict, places, count))
			return false;
	}
	return true;
}

static bool
renumber(Books *books, PGconn *conn, const char *table, const int *places, int count)
{
	char		before[24];
	const char *values[] = {books->id, before, NULL, NULL};
	char		sql[500];
	PGresult   *result;
	bool		done = true;
	int			found;
	int		   *sent,
			   *real;

	snprintf(before, sizeof(before), "%" PRId64, books->read);
	snprintf(sql, sizeof(sql), "SELECT record_number - $2::bigint FROM %s "
			 "WHERE load_id = $1 AND record_number > $2::bigint", table);
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

		snprintf(sql, sizeof(sql), "UPDATE %s r SET record_number = n.real "
				 "FROM ROWS FROM (pg_catalog.unnest($3::bigint[]), pg_catalog.unnest($4::bigint[])) n (sent, real) "
				 "WHERE r.load_id = $1 AND r.record_number > $2::bigint AND r.record_number = n.sent",
				 table);
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
	return done;
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
 * Commits a batch with the position, and the digest of what is before that (NULL
 * for none).  What the row does not count yet are the records that were refused
 * here, so that the server has not seen them.
 */
bool
books_commit(Books *books, PGconn *conn, int64_t position, int records, const char *digest)
{
	char		sql[500];
	char		noted[80] = "";
	int64_t		refused = books->read + records - books->counted.read;

	if (digest != NULL)
		snprintf(noted, sizeof(noted), ", declared = declared || '{\"digest\": \"%.16s\"}'", digest);
	snprintf(sql, sizeof(sql),
			 "UPDATE usage_mgmt.import_load SET position = %" PRId64 ", finished_at = NULL, "
			 "read = read + %" PRId64 ", rejected = rejected + %" PRId64 "%s WHERE id = %s; COMMIT",
			 position, refused, refused, noted, books->id);
	if ((books_mixed(books) && !note_resources(books, conn)) || !run_script(conn, sql))
		return false;
	books->position = position;
	books->read += records;
	for (int i = 0; i < books->resources->count; i++)
		add_counts(&books->resources->list[i].counts, &books->resources->list[i].batch, 1);
	return true;
}

/* Nouns are identifiers: nothing in them needs an escape. */
static bool
note_resources(Books *books, PGconn *conn)
{
	size_t		size = 400 * (size_t) books->resources->count;
	char	   *json = malloc(size);
	const char *values[] = {books->id, json};
	size_t		used = 0;
	PGresult   *result;

	for (int i = 0; i < books->resources->count; i++)
	{
		const Resource *resource = &books->resources->list[i];
		Counts		counts = resource->counts;

		add_counts(&counts, &resource->batch, 1);
		if (counts.read > 0)
			used += snprintf(json + used, size - used, "%s\"%s\": {\"read\": %" PRId64 ", \"stored\": %" PRId64
							 ", \"repeated\": %" PRId64 ", \"conflicting\": %" PRId64 ", \"rejected\": %" PRId64 "}",
							 used > 0 ? ", " : "", resource->noun, counts.read, counts.stored,
							 counts.repeated, counts.conflicting, counts.rejected);
	}
	result = run(conn, "UPDATE usage_mgmt.import_load SET declared = declared || pg_catalog.jsonb_build_object("
				 "'resources', ('{' || $2 || '}')::json) WHERE id = $1", 2, values);
	free(json);
	PQclear(result);
	return result != NULL;
}

/* How many records of the load. */
int64_t
books_rejected(const Books *books)
{
	int64_t		rejected = 0;

	for (int i = 0; i < books->resources->count; i++)
		rejected += books->resources->list[i].counts.rejected;
	return rejected;
}

/*
 * What is wrong with the rejects, the commonest first.  The server counts: a load
 * that went on has rejects that this program has not seen.  Where that fails, no
 * import does.
 */
void
books_find_faults(Books *books, PGconn *conn)
{
	const char *values[] = {books->id};

	if (books_rejected(books) == 0)
		return;
	books->faults = PQexecParams(conn,
								 "SELECT code, path, message, records, record_number, pg_catalog.json_agg(pg_catalog.json_build_object("
								 "'code', code, 'path', path, 'message', message, 'records', records, 'record', record_number)) OVER () "
								 "FROM usage_mgmt.load_faults($1)", 1, NULL, values, NULL, NULL, 0);
	if (PQresultStatus(books->faults) == PGRES_TUPLES_OK && PQntuples(books->faults) > 0)
		return;
	if (PQresultStatus(books->faults) != PGRES_TUPLES_OK && PQstatus(conn) == CONNECTION_OK)
		mention("warning: what is wrong with the rejects could not be told: %s", why(books->faults));
	PQclear(books->faults);
	books->faults = NULL;
}

/* The file is done.  Gives the books, and what differs from what was declared. */
PGresult *
books_close(Books *books, PGconn *conn)
{
	const char *values[] = {books->id, books->resources->list[books->resources->first].noun,
	books->faults != NULL ? PQgetvalue(books->faults, 0, FAULTS_AS_JSON) : "[]"};

	return run(conn,
			   "WITH l AS (UPDATE usage_mgmt.import_load SET finished_at = coalesce(finished_at, pg_catalog.clock_timestamp()) "
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
			   "'faults', $3::json, 'differences', (SELECT coalesce(pg_catalog.json_agg(difference), '[]') FROM difference), "
			   "'resources', coalesce(declared -> 'resources', pg_catalog.jsonb_build_object($2::text, "
			   "pg_catalog.jsonb_build_object('read', read, 'stored', stored, 'repeated', repeated, "
			   "'conflicting', conflicting, 'rejected', rejected)))), filled "
			   "FROM l", 3, values);
}

/*
 * Lets others have what was locked: a folder has more files than a session may
 * have locks.  What was not committed is over.
 */
void
books_leave(Books *books, PGconn *conn)
{
	PGTransactionStatusType status = PQtransactionStatus(conn);

	if (status == PQTRANS_INTRANS || status == PQTRANS_INERROR)
		PQclear(PQexec(conn, "ROLLBACK"));
	if (books->locked)
		unlock(conn, books->id);
	if (books->job != NULL)
		unlock(conn, books->job);
	books->locked = false;
	books->job = NULL;
	PQclear(books->faults);
	books->faults = NULL;
}

/* A session that is over has none. */
static void
unlock(PGconn *conn, const char *what)
{
	PQclear(PQexecParams(conn, "SELECT pg_catalog.pg_advisory_unlock(pg_catalog.hashtextextended("
						 "'usage_mgmt.import_load ' || $1, 0))", 1, NULL, &what, NULL, NULL, 0));
}
