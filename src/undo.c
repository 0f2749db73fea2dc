/*
 * undo.c
 *	  A load that is taken back: undo_load().
 *
 * What is as the load stored it is deleted, and its ids are forgotten, as they
 * are with every row that is deleted.  What it was, the ledger tells: it keeps
 * the hash of each row as that came.  What has changed since is somebody's work
 * and stays, to be named.
 *
 * The rows are the caller's to delete, by his rights and policies alone.  The ledger is
 * read and the books are kept as the owners of their tables, as by the load itself.
 * The balance then says what became of all that came:
 * read = stored + repeated + conflicting + rejected + undone.
 *
 * A load under way is not undone; one that was broken off is finished by it, so
 * that nobody goes on with what is not there any more.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_collation_d.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "caller.h"
#include "compat.h"
#include "content.h"
#include "errors.h"
#include "load.h"
#include "store.h"
#include "sums.h"
#include "types.h"
#include "undo.h"

#define NAMED 1000				/* ids at most */

/* A load, and what became of its rows so far. */
typedef struct Undo
{
	int64		id;
	Oid			owner;			/* of the books */
	int64		stored;			/* as the books have it */
	Datum		first_date;
	Datum		last_date;
	int64		undone;
} Undo;

/* And of those of one resource. */
typedef struct UndoPart
{
	Undo	   *undo;
	UmResource *resource;
	int64		undone;
	Datum		amounts;
	int64		kept;
	Datum		changed;		/* text[] */
} UndoPart;

/* Whether rows are held against the ledger: by nobody else, who may not see it. */
static bool under_way = false;

static void open_books(Undo *undo);
static Oid	owner_of(const char *name);
static void lock_load(const Undo *undo);
static void refuse_other_role(const Undo *undo, const char *role);
static void refuse_open_job(const Undo *undo);
static void undo_part(UndoPart *part);
static void delete_part(void *arg);
static void note_part(const UndoPart *part);
static void name_kept(UndoPart *part);
static void finish_books(const Undo *undo);
static void run(const Undo *undo, const char *sql, int nargs, Datum *args);
static Datum copied(Datum value);
static void put_part(FunctionCallInfo fcinfo, const UndoPart *part);

PG_FUNCTION_INFO_V1(um_undo_load);

/* undo_load(load bigint, billed boolean) → table(resource, undone, kept, changed) */
Datum
um_undo_load(PG_FUNCTION_ARGS)
{
	Undo		undo = {0};
	bool		billed = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	List	   *parts = NIL;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(UM_NOT_FOUND), errmsg("load null does not exist")));
	undo.id = PG_GETARG_INT64(0);
	open_books(&undo);
	for (UmResource *r = um_resources; r != NULL; r = r->next)
		if (r->ledger != NULL && r->model->load_slot >= 0)
		{
			UndoPart   *part = palloc0(sizeof(UndoPart));

			part->undo = &undo;
			part->resource = r;
			parts = lappend(parts, part);
			if (undo.undone < undo.stored)
				um_as_caller(UM_NOBODY, billed, delete_part, part);
			undo.undone += part->undone;
		}
	foreach(cell, parts)
		undo_part(lfirst(cell));
	finish_books(&undo);
	foreach(cell, parts)
		put_part(fcinfo, lfirst(cell));
	return (Datum) 0;
}

/* Whether a row is as it came; within the statements of undo_load() alone. */
bool
um_is_as_stored(const UmRecord *record)
{
	UmResource *resource = record->model->resource;
	UmHash		hash = um_content_hash(record);
	UmKey		key;

	if (!under_way)
		um_refuse_call("undo_load()");
	SPI_connect();
	key = um_store_key(resource, um_id(record), true);
	SPI_finish();
	return key.found && um_same_hash(key.content_hash, hash);
}

/* Finds the load and locks it. */
static void
open_books(Undo *undo)
{
	Datum		id = Int64GetDatum(undo->id);
	HeapTuple	row;
	TupleDesc	desc;
	bool		none;
	bool		null;

	um_require_column("import_load", "undone");
	undo->owner = owner_of("import_load");
	SPI_connect();
	lock_load(undo);
	run(undo, "SELECT stored, first_date, last_date, loaded_by FROM usage_mgmt.import_load "
		"WHERE id OPERATOR(pg_catalog.=) $1 FOR UPDATE", 1, &id);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(UM_NOT_FOUND), errmsg("load " INT64_FORMAT " does not exist", undo->id)));
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	undo->stored = DatumGetInt64(SPI_getbinval(row, desc, 1, &null));
	undo->first_date = SPI_getbinval(row, desc, 2, &none);
	undo->last_date = SPI_getbinval(row, desc, 3, &null);
	if (none || null)
	{
		undo->first_date = TimestampTzGetDatum(DT_NOBEGIN);
		undo->last_date = TimestampTzGetDatum(DT_NOEND);
	}
	refuse_other_role(undo, SPI_getvalue(row, desc, 4));
	refuse_open_job(undo);
	SPI_finish();
}

static Oid
owner_of(const char *name)
{
	Relation	table = table_open(um_table(name, false), AccessShareLock);
	Oid			owner = table->rd_rel->relowner;

	table_close(table, NoLock);
	return owner;
}

/* usagectl holds the same lock as long as it is at a load. */
static void
lock_load(const Undo *undo)
{
	char	   *name = psprintf("usage_mgmt.import_load " INT64_FORMAT, undo->id);
	Datum		key = DirectFunctionCall2Coll(hashtextextended, DEFAULT_COLLATION_OID, CStringGetTextDatum(name),
											  Int64GetDatum(0));

	if (!DatumGetBool(DirectFunctionCall1(pg_try_advisory_xact_lock_int8, key)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("load " INT64_FORMAT " is under way in another session", undo->id),
				 errhint("Cancel it, or wait for its end.")));
}

static void
refuse_other_role(const Undo *undo, const char *role)
{
	if (!um_is_loader(role) &&
		pg_class_aclcheck(um_table("import_load", false), GetUserId(), ACL_DELETE) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("load " INT64_FORMAT " is another role's", undo->id)));
}

/* An attempt to come would take what is undone for done. */
static void
refuse_open_job(const Undo *undo)
{
	Datum		id = Int64GetDatum(undo->id);
	char	   *job;

	if (!OidIsValid(um_table("import_job", true)))
		return;
	run(undo, "SELECT id FROM usage_mgmt.import_job WHERE load OPERATOR(pg_catalog.=) $1::pg_catalog.numeric "
		"AND status OPERATOR(pg_catalog.=) ANY (ARRAY['not started', 'running']::usage_mgmt.job_status[]) LIMIT 1", 1, &id);
	if (SPI_processed == 0)
		return;
	job = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("load " INT64_FORMAT " is of import job \"%s\", which has not ended", undo->id, job),
			 errhint("SELECT %s.cancel_import_job('%s') ends it.", UM_SCHEMA, job)));
}

/*
 * Deletes what is as it came: with its date it is where the books say, since what has
 * another one has changed.
 */
static void
delete_part(void *arg)
{
	UndoPart   *part = arg;
	const UmModel *model = part->resource->model;
	MemoryContext context = CurrentMemoryContext;
	Oid			types[] = {INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		args[] = {Int64GetDatum(part->undo->id), part->undo->first_date, part->undo->last_date};
	bool		before = under_way;
	bool		null;

	SPI_connect();
	under_way = true;
	PG_TRY();
	{
		um_execute_once(psprintf("WITH gone AS (DELETE FROM usage_mgmt.%1$s u "
								 "WHERE u.load_id OPERATOR(pg_catalog.=) $1 AND u.%2$s OPERATOR(pg_catalog.>=) $2 "
								 "AND u.%2$s OPERATOR(pg_catalog.<=) $3 AND usage_mgmt.is_as_stored(u) RETURNING %3$s) "
								 "SELECT pg_catalog.count(*), %4$s FROM gone", model->noun, part->resource->date,
								 um_ratings_column(model), um_amounts_sql(model, "gone")),
						lengthof(types), types, args, false);
	}
	PG_FINALLY();
	{
		under_way = before;
	}
	PG_END_TRY();
	part->undone = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null));
	MemoryContextSwitchTo(context);
	part->amounts = copied(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &null));
	SPI_finish();
}

/* Tells the books of it, and finds what is left where anything can be. */
static void
undo_part(UndoPart *part)
{
	SPI_connect();
	if (part->undone > 0)
		note_part(part);
	SPI_finish();
	if (part->undo->undone < part->undo->stored)
		name_kept(part);
}

/* What usagectl notes of each resource is kept in step. */
static void
note_part(const UndoPart *part)
{
	Datum		args[] = {
		Int64GetDatum(part->undo->id), Int64GetDatum(part->undone), part->amounts,
		CStringGetTextDatum(part->resource->model->noun)
	};

	run(part->undo, "UPDATE usage_mgmt.import_load l SET stored = stored OPERATOR(pg_catalog.-) $2, "
		"undone = undone OPERATOR(pg_catalog.+) $2, "
		"amounts = CASE WHEN stored OPERATOR(pg_catalog.=) $2 THEN '{}' ELSE "
		"(SELECT pg_catalog.jsonb_object_agg(a.key, a.sum) FROM "
		"(SELECT e.key, pg_catalog.sum(e.value) AS sum FROM "
		"(SELECT key, value::pg_catalog.numeric FROM pg_catalog.jsonb_each_text(amounts) UNION ALL "
		"SELECT key, OPERATOR(pg_catalog.-) value::pg_catalog.numeric FROM pg_catalog.jsonb_each_text($3)) "
		"e(key, value) GROUP BY e.key) a) END, "
		"declared = CASE WHEN declared OPERATOR(pg_catalog.#>) ARRAY['resources', $4, 'stored'] IS NULL THEN declared "
		"ELSE pg_catalog.jsonb_set(pg_catalog.jsonb_set(declared, ARRAY['resources', $4, 'stored'], "
		"pg_catalog.to_jsonb((declared OPERATOR(pg_catalog.#>>) ARRAY['resources', $4, 'stored'])::pg_catalog.int8 "
		"OPERATOR(pg_catalog.-) $2)), ARRAY['resources', $4, 'undone'], pg_catalog.to_jsonb($2 OPERATOR(pg_catalog.+) "
		"COALESCE((declared OPERATOR(pg_catalog.#>>) ARRAY['resources', $4, 'undone'])::pg_catalog.int8, 0))) END "
		"WHERE id OPERATOR(pg_catalog.=) $1", lengthof(args), args);
}

/* Those that the caller sees, wherever they are by now. */
static void
name_kept(UndoPart *part)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			type = INT8OID;
	Datum		id = Int64GetDatum(part->undo->id);
	bool		null;

	SPI_connect();
	um_execute_once(psprintf("SELECT pg_catalog.min(n), pg_catalog.array_agg(id) FROM "
							 "(SELECT u.id, pg_catalog.count(*) OVER () AS n FROM usage_mgmt.%s u "
							 "WHERE u.load_id OPERATOR(pg_catalog.=) $1 ORDER BY u.id LIMIT %d) k HAVING "
							 "pg_catalog.count(*) OPERATOR(pg_catalog.>) 0",
							 part->resource->model->noun, NAMED), 1, &type, &id, false);
	if (SPI_processed > 0)
	{
		part->kept = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null));
		MemoryContextSwitchTo(context);
		part->changed = copied(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &null));
	}
	SPI_finish();
}

static void
finish_books(const Undo *undo)
{
	Datum		id = Int64GetDatum(undo->id);

	SPI_connect();
	run(undo, "UPDATE usage_mgmt.import_load SET "
		"first_date = CASE WHEN stored OPERATOR(pg_catalog.>) 0 THEN first_date END, "
		"last_date = CASE WHEN stored OPERATOR(pg_catalog.>) 0 THEN last_date END, "
		"finished_at = COALESCE(finished_at, pg_catalog.clock_timestamp()) "
		"WHERE id OPERATOR(pg_catalog.=) $1", 1, &id);
	if (OidIsValid(um_table("import_file", true)))
		run(undo, "UPDATE usage_mgmt.import_file SET undone_at = pg_catalog.now() "
			"WHERE load_id OPERATOR(pg_catalog.=) $1 AND undone_at IS NULL", 1, &id);
	SPI_finish();
}

/* Runs a statement on the books, as their owner.  Within SPI_connect. */
static void
run(const Undo *undo, const char *sql, int nargs, Datum *args)
{
	Oid			types[] = {INT8OID, INT8OID, JSONBOID, TEXTOID};
	UmUser		before;

	um_become(undo->owner, &before);
	um_execute_once(sql, nargs, types, args, false);
	um_become_again(&before);
}

static Datum
copied(Datum value)
{
	return PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
}

static void
put_part(FunctionCallInfo fcinfo, const UndoPart *part)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bool		nulls[4] = {false, false, false, part->kept == 0};
	Datum		values[4] = {CStringGetTextDatum(part->resource->model->noun), Int64GetDatum(part->undone),
	Int64GetDatum(part->kept), part->changed};

	if (part->undone > 0 || part->kept > 0)
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}
