/*
 * reader.c
 *	  Events as they are read: next_events() and what goes with it.
 *
 * Reading locks nothing and marks nothing as read: what is not confirmed is
 * given again.  It goes window by window (position.c) from what is confirmed, or
 * from where the reader says, up to what the statement sees as over.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "errors.h"
#include "hub.h"
#include "listener.h"
#include "order.h"
#include "store.h"
#include "upkeep.h"
#include "window.h"

/* Rows that are taken from an outbox at a time. */
#define PAGE 1000

/* A reader that is told nothing is moved on behind so many numbers, or so long. */
#define FAR 1000
#define LONG_MS 60000

typedef struct Reading
{
	UmListener *listener;
	UmMark	   *now;
	UmPosition	at;
	int64		from;			/* number to go on with, in the window */
	int64		left;			/* events that may still be given */
	int64		given;
	bool		for_agent;		/* with ids */
	char	   *window;			/* the position's text up to the number */
	ReturnSetInfo *result;
	MemoryContext row;			/* of what is made of one row */
} Reading;

static void read_events(Reading *reading);
static bool begin_window(Reading *reading);
static bool read_window(Reading *reading);
static bool read_page(Reading *reading, bool *more);
static bool give_row(Reading *reading, const UmEvent *event);
static void give(Reading *reading, const UmEvent *event, UmEventType type, int64 seq, int part);
static void end_window(Reading *reading);
static void give_position(Reading *reading);
static void go_on(Reading *reading);
static UmPosition *position_at(UmResource *resource, Datum time);
static void set_position(const UmListener *listener, const UmPosition *position);
static void require_told(const UmListener *listener);
static bool may_read_all(const UmResource *resource);
static int64 count_behind(UmWindow *window, TimestampTz *since);
static int64 count_window(const UmWindow *window, int64 from, TimestampTz *since);
static UmListener *own_listener(FunctionCallInfo fcinfo, Oid caller);
static int64 limit_of(FunctionCallInfo fcinfo, int n);

PG_FUNCTION_INFO_V1(um_next_events);
PG_FUNCTION_INFO_V1(um_hub_read);
PG_FUNCTION_INFO_V1(um_confirm_events);
PG_FUNCTION_INFO_V1(um_replay_events);
PG_FUNCTION_INFO_V1(um_replay_events_since);
PG_FUNCTION_INFO_V1(um_hub_event);
PG_FUNCTION_INFO_V1(um_hub_lag);
PG_FUNCTION_INFO_V1(um_hub_position);
PG_FUNCTION_INFO_V1(um_hub_life_of);

/* next_events(listener text, max integer) → setof (position text, event json) */
Datum
um_next_events(PG_FUNCTION_ARGS)
{
	Reading		reading = {.left = limit_of(fcinfo, 1), .result = (ReturnSetInfo *) fcinfo->resultinfo};
	Oid			caller = GetUserId();
	UmUser		before;

	InitMaterializedSRF(fcinfo, 0);
	um_hub_enter(&before);
	reading.listener = own_listener(fcinfo, caller);
	reading.at = *reading.listener->position;
	reading.now = um_mark_now();
	if (!um_listener_may_read(reading.listener, reading.now))
		ereport(ERROR,
				(errcode(UM_NOT_READY),
				 errmsg("listener \"%s\" is %s", reading.listener->id, reading.listener->state),
				 reading.listener->reason != NULL ? errdetail("Reason: %s.", reading.listener->reason) : 0,
				 errhint("SELECT usage_mgmt.resume_listener('%s') lets it go on.", reading.listener->id)));
	um_upkeep_tell(reading.listener);
	read_events(&reading);
	if (reading.given == 0)
		go_on(&reading);
	um_hub_leave(&before);
	return (Datum) 0;
}

/*
 * hub_read(listener text, from_position text, max integer) → setof (position text,
 * event_id text, resource_id text, event json): the same from a position, null for
 * what is confirmed.  A last row without an event tells how far nothing more is wanted.
 */
Datum
um_hub_read(PG_FUNCTION_ARGS)
{
	Reading		reading = {.left = limit_of(fcinfo, 2), .result = (ReturnSetInfo *) fcinfo->resultinfo,
	.for_agent = true};
	Oid			caller = GetUserId();
	UmUser		before;

	InitMaterializedSRF(fcinfo, 0);
	um_hub_enter(&before);
	reading.listener = own_listener(fcinfo, caller);
	reading.at = PG_ARGISNULL(1) ? *reading.listener->position
		: *um_position_parse(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	reading.now = um_mark_now();
	if (um_listener_may_read(reading.listener, reading.now))
	{
		read_events(&reading);
		if (reading.left > 0 && reading.at.upto == NULL)
			give_position(&reading);
	}
	um_hub_leave(&before);
	return (Datum) 0;
}

/* Up to so many events, or all that there are now. */
static void
read_events(Reading *reading)
{
	reading->row = AllocSetContextCreate(CurrentMemoryContext, "event", ALLOCSET_DEFAULT_SIZES);
	while (reading->left > 0 && begin_window(reading) && read_window(reading))
		end_window(reading);
	MemoryContextDelete(reading->row);
}

/* Goes on within a window, or begins the next one; false where there is none. */
static bool
begin_window(Reading *reading)
{
	UmPosition *at = &reading->at;
	char	   *text;

	/* not all of it is seen by an older snapshot, or by a standby that was promoted */
	if (at->upto != NULL && at->life == um_hub_life() && um_mark_is_before(reading->now, at->upto))
		at->upto = NULL;
	if (at->upto != NULL)
		reading->from = at->part == 0 ? at->seq + 1 : at->seq;
	else
	{
		if (at->life != um_hub_life())
			at->upto = &um_all_over;
		else if (at->after == NULL || !um_mark_same(at->after, reading->now))
			at->upto = reading->now;
		else
			return false;
		at->seq = 0;
		at->part = 0;
		reading->from = um_window_start(reading->listener->resource, at->after);
	}
	text = um_position_text(at);
	/* what follows differs from row to row */
	*strrchr(text, '.') = '\0';
	*strrchr(text, '.') = '\0';
	reading->window = text;
	return true;
}

/* Gives what is wanted of a window; false where that was enough before its end. */
static bool
read_window(Reading *reading)
{
	bool		more = true;

	while (more)
	{
		if (reading->left == 0 || !read_page(reading, &more))
			return false;
		SPI_freetuptable(SPI_tuptable);
	}
	return true;
}

/* The same of a page of it; more tells that there may be others. */
static bool
read_page(Reading *reading, bool *more)
{
	UmWindow	window = {reading->listener->resource, reading->listener->version, reading->listener->query, reading->at, 0};
	int			most = (int) Min(reading->left, PAGE);
	UmWindowRows *rows = um_window_rows(&window, reading->from, most);
	MemoryContext old = MemoryContextSwitchTo(reading->row);
	bool		fits = true;

	for (uint64 i = 0; i < rows->count && fits; i++)
	{
		UmEvent    *event = um_window_row(rows, i);

		fits = give_row(reading, event);
		if (fits)
			reading->from = event->seq + 1;
		MemoryContextReset(reading->row);
	}
	MemoryContextSwitchTo(old);
	*more = rows->count == (uint64) most;
	return fits;
}

/* The events that a row is, but for those that are done; false where there is no room for all. */
static bool
give_row(Reading *reading, const UmEvent *event)
{
	UmEventType types[UM_EVENT_TYPES];
	int			count = um_event_types(event, reading->listener->query, reading->listener->version, types);
	int			done = event->seq == reading->at.seq ? reading->at.part : 0;

	if (!um_listener_is_told_of(reading->listener, event->record))
		return true;
	for (int i = done; i < count; i++)
	{
		if (reading->left == 0)
			return false;
		give(reading, event, types[i], event->seq, i + 1 < count ? i + 1 : 0);
		reading->left--;
		reading->given++;
		reading->at.seq = event->seq;
		reading->at.part = i + 1 < count ? i + 1 : 0;
	}
	return true;
}

static void
give(Reading *reading, const UmEvent *event, UmEventType type, int64 seq, int part)
{
	const UmListener *listener = reading->listener;
	Datum		position = CStringGetTextDatum(psprintf("%s." INT64_FORMAT ".%d", reading->window, seq, part));
	Datum		json = um_event_json(event, type, listener->query, listener->version);
	bool		nulls[4] = {false};

	if (reading->for_agent)
		tuplestore_putvalues(reading->result->setResult, reading->result->setDesc,
							 (Datum[]) {position, CStringGetTextDatum(um_event_id(event, type)), um_id(event->record), json},
							 nulls);
	else
		tuplestore_putvalues(reading->result->setResult, reading->result->setDesc,
							 (Datum[]) {position, json}, nulls);
}

/* All of it is done; of another life nothing more comes behind its last one, and the next begins. */
static void
end_window(Reading *reading)
{
	UmPosition *at = &reading->at;
	int64		last = Max(reading->from - 1, at->after != NULL ? at->after->floor : 0);
	bool		over = um_mark_same(at->upto, &um_all_over);

	at->after = at->upto;
	at->upto = NULL;
	at->seq = at->part = 0;
	if (over)
		um_next_life(reading->listener->resource, at, last);
}

/* For the agent: there is nothing up to here. */
static void
give_position(Reading *reading)
{
	Datum		values[4] = {CStringGetTextDatum(um_position_text(&reading->at))};
	bool		nulls[4] = {false, true, true, true};

	tuplestore_putvalues(reading->result->setResult, reading->result->setDesc, values, nulls);
}

/*
 * Confirms in the place of a reader that is told nothing, and so confirms nothing:
 * else it would look at the same rows ever again, and hold back retention.
 */
static void
go_on(Reading *reading)
{
	const UmPosition *confirmed = reading->listener->position;
	int64		passed = reading->now->floor - (confirmed->after != NULL ? confirmed->after->floor : 0);

	if (XactReadOnly || IsolationUsesXactSnapshot() ||
		(passed < FAR && !TimestampDifferenceExceeds(reading->listener->confirmed_at, GetCurrentTimestamp(), LONG_MS)))
		return;
	(void) um_listener_move(reading->listener, &reading->at, false);
}

/* confirm_events(listener text, position text) → boolean: false where it was confirmed before */
Datum
um_confirm_events(PG_FUNCTION_ARGS)
{
	Oid			caller = GetUserId();
	UmUser		before;
	bool		moved;

	um_hub_enter(&before);
	moved = um_listener_move(own_listener(fcinfo, caller),
							 um_position_parse(text_to_cstring(PG_GETARG_TEXT_PP(1))), true);
	um_hub_leave(&before);
	um_upkeep_later();
	PG_RETURN_BOOL(moved);
}

/* replay_events(listener text, position text) → void: what is confirmed is only what is up to there */
Datum
um_replay_events(PG_FUNCTION_ARGS)
{
	Oid			caller = GetUserId();
	UmPosition *position = um_position_parse(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	UmUser		before;

	um_hub_enter(&before);
	set_position(own_listener(fcinfo, caller), position);
	um_hub_leave(&before);
	PG_RETURN_VOID();
}

/* replay_events(listener text, from timestamptz) → void: the same of what was over at that time */
Datum
um_replay_events_since(PG_FUNCTION_ARGS)
{
	Oid			caller = GetUserId();
	Datum		time = PG_GETARG_DATUM(1);
	UmListener *listener;
	UmUser		before;

	um_hub_enter(&before);
	listener = own_listener(fcinfo, caller);
	set_position(listener, position_at(listener->resource, time));
	um_hub_leave(&before);
	PG_RETURN_VOID();
}

/* The last that was noted before that time; else the beginning of all that is kept. */
static UmPosition *
position_at(UmResource *resource, Datum time)
{
	UmPosition *position = palloc0(sizeof(UmPosition));

	um_execute_once("SELECT position FROM usage_mgmt.hub_tick WHERE at <= $1 ORDER BY at DESC LIMIT 1",
					1, (Oid[]) {TIMESTAMPTZOID}, &time, true);
	if (SPI_processed > 0)
		return um_position_parse(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
	um_next_life(resource, position, -1);
	return position;
}

/*
 * An agent that has read beyond would undo it: it has the listener no more, and
 * what it claims next, when its lease has run out, begins there.
 */
static void
set_position(const UmListener *listener, const UmPosition *position)
{
	Datum		id = CStringGetTextDatum(listener->id);

	um_execute_once("UPDATE usage_mgmt.hub_delivery SET agent = NULL WHERE listener = $1 AND agent IS NOT NULL",
					1, (Oid[]) {TEXTOID}, &id, false);
	um_execute_once("UPDATE usage_mgmt.hub_cursor SET position = $2, confirmed_at = clock_timestamp() WHERE listener = $1",
					2, (Oid[]) {TEXTOID, TEXTOID},
					(Datum[]) {id, CStringGetTextDatum(um_position_text(position))}, false);
}

/* hub_event(listener text, event_id text) → json: one event again, null where it is not kept */
Datum
um_hub_event(PG_FUNCTION_ARGS)
{
	Oid			caller = GetUserId();
	MemoryContext context = CurrentMemoryContext;
	UmListener *listener;
	UmEvent		id;
	UmEventType type;
	UmEvent    *event = NULL;
	Datum		json = (Datum) 0;
	UmUser		before;

	um_hub_enter(&before);
	listener = own_listener(fcinfo, caller);
	require_told(listener);
	if (um_event_from_id(text_to_cstring(PG_GETARG_TEXT_PP(1)), &id, &type))
		event = um_window_find(listener->resource, &id);
	if (event != NULL && (!um_event_is(event, type, listener->version) ||
						  !um_listener_is_told_of(listener, event->record)))
		event = NULL;
	if (event != NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		json = um_event_json(event, type, listener->query, listener->version);
		MemoryContextSwitchTo(old);
	}
	um_hub_leave(&before);
	if (event == NULL)
		PG_RETURN_NULL();
	return json;
}

/* Who is told nothing anew is told nothing again. */
static void
require_told(const UmListener *listener)
{
	const char *reason = um_listener_barred(listener);

	if (reason != NULL)
		ereport(ERROR,
				(errcode(UM_NOT_READY),
				 errmsg("listener \"%s\" is told of no events", listener->id), errdetail("Reason: %s.", reason)));
}

/*
 * hub_lag(position text, resource text) → (events bigint, seconds double precision):
 * how many changes of a resource are behind a position, and for how long the first;
 * NULLs for who may not select from the resource, or is kept from some of it.
 */
Datum
um_hub_lag(PG_FUNCTION_ARGS)
{
	UmResource *resource = um_resource(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	UmWindow	window = {.resource = resource, .at = *um_position_parse(text_to_cstring(PG_GETARG_TEXT_PP(0)))};
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz since = now;
	int64		count;
	Datum		values[2];
	bool		nulls[2] = {false, false};
	TupleDesc	desc;
	UmUser		before;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "hub_lag gives a row");
	/* hub_status is to be seen on a standby, too */
	if (RecoveryInProgress() || (!um_is_agent(GetUserId()) && !may_read_all(resource)))
		PG_RETURN_NULL();
	um_hub_enter(&before);
	count = count_behind(&window, &since);
	um_hub_leave(&before);
	values[0] = Int64GetDatum(count);
	values[1] = Float8GetDatum((now - since) / 1000000.0);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

static bool
may_read_all(const UmResource *resource)
{
	Oid			table = um_table(resource->model->noun, false);

	return pg_class_aclcheck(table, GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
		(check_enable_rls(table, InvalidOid, true) != RLS_ENABLED ||
		 (resource->orders && um_order_all_seen(GetUserId())));
}

/* What is left of the window that a position is in, and what comes behind that. */
static int64
count_behind(UmWindow *window, TimestampTz *since)
{
	UmPosition *at = &window->at;
	UmMark	   *now = at->life == um_hub_life() ? um_mark_now() : &um_all_over;
	int64		count = 0;

	if (at->upto != NULL)
	{
		count = count_window(window, at->part == 0 ? at->seq + 1 : at->seq, since);
		at->after = at->upto;
	}
	at->upto = now;
	if (at->after == NULL || !um_mark_same(at->after, now))
		count += count_window(window, um_window_start(window->resource, at->after), since);
	return count;
}

static int64
count_window(const UmWindow *window, int64 from, TimestampTz *since)
{
	TimestampTz first;
	int64		count = um_window_count(window, from, PAGE, &first);

	if (count > 0)
		*since = Min(*since, first);
	/* of many the numbers tell, which all resources share */
	if (count == PAGE && !um_mark_same(window->at.upto, &um_all_over))
		count = Max(count, window->at.upto->floor - from);
	return count;
}

/* hub_position() → text: where a reader is that has been told all that is over now */
Datum
um_hub_position(PG_FUNCTION_ARGS)
{
	UmPosition	position = {.life = um_hub_life()};
	UmUser		before;
	char	   *text;
	MemoryContext context = CurrentMemoryContext;

	(void) fcinfo;
	um_hub_enter(&before);
	position.after = um_mark_now();
	text = MemoryContextStrdup(context, um_position_text(&position));
	um_hub_leave(&before);
	PG_RETURN_TEXT_P(cstring_to_text(text));
}

/* hub_life() → bigint: of the database, here */
Datum
um_hub_life_of(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	PG_RETURN_INT64(um_hub_life());
}

/* The one that the first argument names. */
static UmListener *
own_listener(FunctionCallInfo fcinfo, Oid caller)
{
	UmListener *listener = um_listener(um_listener_named(fcinfo));

	um_listener_require_read(listener, caller);
	return listener;
}

/* How many events are asked for. */
static int64
limit_of(FunctionCallInfo fcinfo, int n)
{
	int32		most = PG_ARGISNULL(n) ? PG_INT32_MAX : PG_GETARG_INT32(n);

	if (most < 1)
		ereport(ERROR,
				(errcode(UM_PARAMETER), errmsg("%d is no number of events to be read", most)));
	return most;
}
