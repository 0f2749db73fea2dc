/*
 * upkeep.c
 *	  What keeps the outboxes small: the C side of sql/63_upkeep.sql.
 *
 * A resource has its events in three tables, of which one is written to.  What it
 * takes to do without an old one is decided in SQL; here is what only the server
 * knows: which transactions may still write to it, and who has not read it.
 *
 * A switch to the next table is told to writers as a listener is (listener.c).
 * They look behind the assignment of their transaction id.  So once nobody has a
 * lock of who switched, transactions from the next id on write to the new table,
 * and when all earlier ones are over, nothing comes to the old one any more.
 *
 * Who confirms does the upkeep, too, right before the commit: a table is emptied
 * under a lock that keeps readers out until then.  Whatever befalls it there, what
 * was confirmed is committed.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "caller.h"
#include "hub.h"
#include "outbox.h"
#include "setting_table.h"
#include "store.h"
#include "types.h"
#include "upkeep.h"
#include "window.h"

#define UPKEEP "SELECT * FROM usage_mgmt.hub_upkeep_all()"

/* A session that confirms does it no more often. */
#define PAUSE_MS 10000

/* Rows of a table that are behind a position. */
typedef struct Missed
{
	UmResource *resource;
	int			turn;
	int64		most;			/* that are counted one by one */
	int64		count;
	TimestampTz since;
} Missed;

static bool due = false;		/* in this transaction */
static TimestampTz done_at = 0;

static void keep_up(void *arg);
static Datum rows_of(FunctionCallInfo fcinfo, const char *query);
static void count_window(Missed *missed, const UmPosition *at, const UmMark *after, const UmMark *upto, int64 from);
static void add(Missed *missed, int64 count, TimestampTz since);
static int64 numbers_from(const Missed *missed, int64 from);
static void count_other_lives(Missed *missed, int64 life);

PG_FUNCTION_INFO_V1(um_hub_upkeep);
PG_FUNCTION_INFO_V1(um_hub_outboxes);
PG_FUNCTION_INFO_V1(um_hub_missed);
PG_FUNCTION_INFO_V1(um_hub_next_xid);
PG_FUNCTION_INFO_V1(um_hub_dropped);

/* Somebody has confirmed events, and may have been the last to. */
void
um_upkeep_later(void)
{
	due = true;
}

/* A prepared transaction would keep its locks. */
void
um_upkeep_at_commit(bool prepare)
{
	ErrorData  *error;

	if (!due || prepare || XactReadOnly || IsolationUsesXactSnapshot() ||
		!TimestampDifferenceExceeds(done_at, GetCurrentTimestamp(), PAUSE_MS))
		return;
	due = false;
	done_at = GetCurrentTimestamp();
	PushActiveSnapshot(GetTransactionSnapshot());
	error = um_try(um_speaking(), keep_up, NULL);
	PopActiveSnapshot();
	if (error != NULL)
		ereport(LOG,
				(errcode(error->sqlerrcode), errmsg("upkeep of the outboxes failed: %s", error->message)));
}

/* Unless another session has a moment ago. */
static void
keep_up(void *arg)
{
	UmUser		before;

	(void) arg;
	um_hub_enter(&before);
	/* as another role, with whatever search_path the session has */
	um_execute_once("SELECT at OPERATOR(pg_catalog.>) (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) "
					"'10 s'::pg_catalog.interval) FROM usage_mgmt.hub_tick ORDER BY seq DESC LIMIT 1",
					0, NULL, NULL, true);
	if (SPI_processed == 0 || strcmp(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1), "t") != 0)
		um_execute_once(UPKEEP, 0, NULL, NULL, false);
	um_hub_leave(&before);
}

/* The transaction is over. */
void
um_upkeep_forget(void)
{
	due = false;
}

/* Warns of what retention has taken away since the listener last confirmed; within um_hub_enter. */
void
um_upkeep_tell(const UmListener *listener)
{
	static UmPlan plan = {.sql = "SELECT lost, lost_from FROM usage_mgmt.hub_cursor WHERE listener = $1 "
	"AND lost_at >= confirmed_at", .args = {TEXTOID}, .nargs = 1};
	Datum		arg = CStringGetTextDatum(listener->id);

	um_execute(um_prepare(&plan), &arg, NULL, true, 1);
	if (SPI_processed > 0)
		ereport(WARNING,
				(errmsg("listener \"%s\" has lost changes of \"%s\"", listener->id, listener->resource->model->noun),
				 errdetail("Retention has taken away %s of them altogether, the first of %s.",
						   SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1),
						   SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2)),
				 errhint("How long events are kept is in the table setting: event_retention_age and event_retention_size.")));
}

/* hub_upkeep() → (outbox text, done text): what was done */
Datum
um_hub_upkeep(PG_FUNCTION_ARGS)
{
	return rows_of(fcinfo, UPKEEP);
}

/* hub_outboxes() → rows: how large they are, and what keeps them so */
Datum
um_hub_outboxes(PG_FUNCTION_ARGS)
{
	return rows_of(fcinfo, "SELECT * FROM usage_mgmt.hub_outboxes_all()");
}

/* What a query gives to the owner of the tables, for him and agents. */
static Datum
rows_of(FunctionCallInfo fcinfo, const char *query)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	UmUser		before;

	if (pg_class_aclcheck(um_table("hub_delivery", false), GetUserId(), ACL_UPDATE) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to keep up the outboxes"),
				 errhint("The owner of the tables may, and roles of the level agent.")));
	InitMaterializedSRF(fcinfo, 0);
	um_hub_enter(&before);
	um_execute_once(query, 0, NULL, NULL, false);
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
	um_hub_leave(&before);
	return (Datum) 0;
}

/*
 * hub_missed(position text, resource text, turn integer, most bigint) → (events
 * bigint, since timestamptz): how many rows of one table are behind a position,
 * where they are more than most about, and when the first was written.
 */
Datum
um_hub_missed(PG_FUNCTION_ARGS)
{
	const UmPosition *at = um_position_parse(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	UmResource *resource = um_resource(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	bool		here = at->life == um_hub_life();
	Missed		missed = {.resource = resource, .turn = PG_GETARG_INT32(2), .most = PG_GETARG_INT64(3)};
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "hub_missed gives a row");
	SPI_connect();
	/* what is left of the window that it is in, and what comes behind that */
	if (at->upto != NULL)
		count_window(&missed, at, at->after, at->upto, at->part == 0 ? at->seq + 1 : at->seq);
	if (here || at->upto == NULL)
	{
		const UmMark *after = at->upto != NULL ? at->upto : at->after;

		count_window(&missed, at, after, here ? um_mark_now() : &um_all_over, um_window_start(resource, after));
	}
	if (!here)
		count_other_lives(&missed, at->life);
	SPI_finish();
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
											 (Datum[]) {Int64GetDatum(missed.count), TimestampTzGetDatum(missed.since)},
											 (bool[]) {false, missed.count == 0}));
}

/* Adds the rows from a number on of transactions that were over at upto and not at after. */
static void
count_window(Missed *missed, const UmPosition *at, const UmMark *after, const UmMark *upto, int64 from)
{
	UmWindow	window = {
		.resource = missed->resource, .table = missed->turn + 1,
		.at = {.life = at->life, .after = (UmMark *) after, .upto = (UmMark *) upto}
	};
	TimestampTz since;
	int64		count = um_window_count(&window, from, missed->most, &since);

	if (count == missed->most && count > 1)
		count = Max(count, numbers_from(missed, from));
	add(missed, count, since);
}

static void
add(Missed *missed, int64 count, TimestampTz since)
{
	if (count == 0)
		return;
	missed->since = missed->count == 0 ? since : Min(missed->since, since);
	missed->count += count;
}

/* How many numbers there are in the table from one on: those of rows, and others' between them. */
static int64
numbers_from(const Missed *missed, int64 from)
{
	char	   *sql = psprintf("SELECT (SELECT event_seq FROM {table}_event_%d ORDER BY event_seq DESC LIMIT 1) "
							   "- (SELECT event_seq FROM {table}_event_%d WHERE event_seq >= $1 "
							   "ORDER BY event_seq LIMIT 1) + 1", missed->turn, missed->turn);
	bool		null;
	Datum		span;

	um_execute_once(um_sql(missed->resource, sql, NULL), 1, (Oid[]) {INT8OID}, (Datum[]) {Int64GetDatum(from)}, true);
	span = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null);
	return null ? 0 : DatumGetInt64(span);
}

/* A listener that has not come to this life has not read those behind its own. */
static void
count_other_lives(Missed *missed, int64 life)
{
	char	   *sql = psprintf("SELECT count(*), min(event_at) FROM (SELECT event_at FROM {table}_event_%d "
							   "WHERE event_life <> $1 ORDER BY event_seq LIMIT $2) r", missed->turn);
	bool		null;
	int64		count;

	um_execute_once(um_sql(missed->resource, sql, NULL), 2, (Oid[]) {INT8OID, INT8OID},
					(Datum[]) {Int64GetDatum(life), Int64GetDatum(missed->most)}, true);
	count = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null));
	if (count > 0)
		add(missed, count, DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &null)));
}

/*
 * hub_next_xid() → bigint: a transaction id from which on writers know which table
 * is written to; null where somebody, or this transaction, has switched and is not over.
 */
Datum
um_hub_next_xid(PG_FUNCTION_ARGS)
{
	Relation	table = table_open(um_table("hub_outbox", false), AccessShareLock);
	Oid			oid = RelationGetRelid(table);
	int64		next;

	(void) fcinfo;
	if (CheckRelationLockedByMe(table, RowExclusiveLock, true) || !ConditionalLockRelationOid(oid, ShareLock))
	{
		table_close(table, NoLock);
		PG_RETURN_NULL();
	}
	next = (int64) U64FromFullTransactionId(ReadNextFullTransactionId());
	UnlockRelationOid(oid, ShareLock);
	table_close(table, NoLock);
	PG_RETURN_INT64(next);
}

/*
 * hub_dropped(resource text, leaf regclass) → void: writes that all rows of a
 * partition are deleted, if somebody listens; by the rights of the current user.
 */
Datum
um_hub_dropped(PG_FUNCTION_ARGS)
{
	UmResource *resource = um_resource(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	Oid			leaf = PG_GETARG_OID(1);
	const char *name;

	if ((um_hub_wanted(resource) & um_event_bit(UM_DELETE_EVENT)) == 0 ||
		um_setting(UM_DROP_EVENTS) == UM_EVENTS_OFF)
		PG_RETURN_VOID();
	SPI_connect();
	name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(leaf)), get_rel_name(leaf));
	um_outbox_write_from(resource,
						 psprintf("(SELECT '%c'::pg_catalog.\"char\" AS event_kind, "
								  "NULL::pg_catalog.text AS event_old_status, "
								  "NULL::pg_catalog.text[] AS event_changed, %s FROM %s) d", UM_DELETED,
								  um_columns(resource->model, "", true), name));
	SPI_finish();
	PG_RETURN_VOID();
}
