/*
 * reading.c
 *	  What comes from the server for a listener: events that are new, and parked
 *	  ones that are due.
 *
 * Events are read ahead of the position that is confirmed, as many as the
 * window allows.  Who wakes us may have done so before others were visible, so
 * after a read that found all there is there are looks at short intervals, and
 * then every five seconds.
 *
 * Which ids have parked events has to be known before the first event is read.
 * How many each has is known of those that were parked since; of the older ones
 * only whether there are any, and that is asked again as they are delivered.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "delivery.h"

#define READ_AHEAD 8			/* events held for each in the window */
#define LARGEST_BATCH 256
#define MOST_BYTES (8 * 1024 * 1024)	/* of events held, before another read */
#define PARKED_LOOK 1.0			/* seconds between looks for parked events */

static const double looks[] = {0.02, 0.1, 0.5, 5};

static double later(double time, double now);
static void ask(Listener *listener, const char *sql, const char *first, const char *second, Received received);
static bool wants_events(const Listener *listener, double now);
static void on_events(void *context, const PGresult *result);
static void take(Listener *listener, const PGresult *result, int row);
static bool wants_due(const Listener *listener, double now);
static void on_due(void *context, const PGresult *result);
static void take_due(Listener *listener, const PGresult *result, int row);
static void on_ids(void *context, const PGresult *result);
static void none_older(Listener *listener, Lane *lane);
static bool failed(Listener *listener, const PGresult *result);

/* Asks which ids have parked events. */
void
reading_learn(Listener *listener)
{
	listener->counts = true;
	listener->has_settled = false;
	for (int i = 0; i < BUCKETS; i++)
		for (Lane *lane = listener->lanes.buckets[i]; lane != NULL; lane = lane->next)
			lane->seen = false;
	ask(listener, "SELECT usage_mgmt.hub_parked_ids($1)", NULL, NULL, on_ids);
}

/* Asks for what is wanted; gives the time when more may be. */
double
reading_step(Listener *listener, double now)
{
	int			most = listener->window * READ_AHEAD - listener->held;
	char		number[20];

	if (listener->ends != NULL || listener->agent->leaves || now < listener->slow_until)
		return INFINITY;
	if (listener->counts || (!listener->learned && now < listener->count_at))
		return later(listener->count_at, now);
	if (!listener->learned || (listener->has_settled && listener->lanes.older > 0 && now >= listener->count_at &&
							   !listener->tells && !listener->untold))
	{
		listener->count_at = now + PARKED_LOOK;
		reading_learn(listener);
		return INFINITY;
	}
	if (wants_due(listener, now))
	{
		listener->asks_due = true;
		listener->parked_elsewhere = false;
		snprintf(number, sizeof(number), "%d", listener->probes ? 1 :
				 listener->window * READ_AHEAD < LARGEST_BATCH ? listener->window * READ_AHEAD : LARGEST_BATCH);
		ask(listener, "SELECT id, event_id, resource_id, event, attempts FROM usage_mgmt.hub_due($1, $2)",
			number, NULL, on_due);
	}
	if (wants_events(listener, now))
	{
		listener->reads = true;
		listener->most = most < listener->batch ? most : listener->batch;
		snprintf(number, sizeof(number), "%d", listener->most);
		ask(listener, "SELECT position, event_id, resource_id, event FROM usage_mgmt.hub_read($1, $2, $3)",
			listener->position != NULL ? listener->position : "", number, on_events);
	}
	if (listener->lanes.parked > 0 && later(listener->due_at, now) < later(listener->read_at, now))
		return later(listener->due_at, now);
	return later(listener->read_at, now);
}

/* What was possible before, and was not done, waits for something else than the time. */
static double
later(double time, double now)
{
	return time > now ? time : INFINITY;
}

/* The listener's id goes before the others, of which there may be none. */
static void
ask(Listener *listener, const char *sql, const char *first, const char *second, Received received)
{
	/* no position is an empty text here */
	const char *values[] = {listener->id, first != NULL && first[0] != '\0' ? first : NULL, second};

	listener->asked++;
	if (!session_send(&listener->agent->session, sql, second != NULL ? 3 : first != NULL ? 2 : 1, values,
					  received, listener))
		listener->agent->broken = true;
}

/* ---- events ---- */

static bool
wants_events(const Listener *listener, double now)
{
	return !listener->reads && !listener->probes && now >= listener->read_at &&
		listener->bytes < MOST_BYTES && listener->held <= listener->window * READ_AHEAD / 2;
}

static void
on_events(void *context, const PGresult *result)
{
	Listener   *listener = context;
	int			count = PQntuples(result);
	size_t		before = listener->bytes;
	double		now = clock_now();

	listener->asked--;
	listener->reads = false;
	if (failed(listener, result))
		listener->read_at = now + 5;
	/* what was read of a listener that fails since is read again */
	else if (!listener->dropped && !listener->probes && listener->ends == NULL)
	{
		for (int row = 0; row < count; row++)
			take(listener, result, row);
		if (count > 0 && !PQgetisnull(result, 0, 3))
			listener->empty = 0;
		listener->read_at = now;
		if (count < listener->most)
		{
			listener->read_at += looks[listener->empty];
			listener->empty += listener->empty < 3;
		}
		if (listener->bytes - before > MOST_BYTES / 2)
			listener->batch = listener->batch > 1 ? listener->batch / 2 : 1;
		else if (listener->bytes - before < MOST_BYTES / 8 && listener->batch < LARGEST_BATCH)
			listener->batch *= 2;
	}
}

/* One row: an event, or the word that up to there was none. */
static void
take(Listener *listener, const PGresult *result, int row)
{
	bool		none = PQgetisnull(result, row, 3);
	Event	   *event;

	if (none && listener->position != NULL && strcmp(listener->position, PQgetvalue(result, row, 0)) == 0)
		return;
	event = event_new(listener, PQgetvalue(result, row, 0), none ? NULL : PQgetvalue(result, row, 1),
					  none ? NULL : PQgetvalue(result, row, 3));

	free(listener->position);
	listener->position = strdup(event->position);
	if (listener->newest != NULL)
		listener->newest->next = event;
	else
		listener->oldest = event;
	listener->newest = event;
	listener->held++;
	listener->bytes += event->length;
	if (none)
		event->state = EVENT_DONE;
	else
	{
		Lane	   *lane = lane_of(&listener->lanes, PQgetvalue(result, row, 2));
		bool		blocked = lane_blocked(lane);

		/* in a lane that is blocked, a parked one may be on its way */
		if (blocked)
		{
			event->lane = lane;
			event->state = EVENT_FAILED;
			lane->unwritten++;
			lane_count(&listener->lanes, lane, lane->parked + 1, lane->older);
			return;
		}
		lane_append(lane, event);
		if (lane->head == event)
			lane_ready(&listener->lanes, lane, false);
	}
}

/* ---- parked events ---- */

static bool
wants_due(const Listener *listener, double now)
{
	return !listener->asks_due && now >= listener->due_at &&
		(listener->lanes.parked > 0 || listener->parked_elsewhere);
}

static void
on_due(void *context, const PGresult *result)
{
	Listener   *listener = context;

	listener->asked--;
	listener->asks_due = false;
	listener->due_at = clock_now() + PARKED_LOOK;
	if (failed(listener, result) || listener->dropped || listener->ends != NULL)
		return;
	for (int row = 0; row < PQntuples(result); row++)
		take_due(listener, result, row);
}

/* One of a lane with something on its way waits for the next time. */
static void
take_due(Listener *listener, const PGresult *result, int row)
{
	Lane	   *lane = lane_of(&listener->lanes, PQgetvalue(result, row, 2));
	Event	   *event;

	/* who sends an event again parks it without our knowing */
	if (!lane_blocked(lane))
		lane_count(&listener->lanes, lane, 0, true);
	if (lane->settling || lane->head != NULL)
		return;
	event = event_new(listener, NULL, PQgetvalue(result, row, 1), PQgetvalue(result, row, 3));
	event->parked = strtoll(PQgetvalue(result, row, 0), NULL, 10);
	event->attempts = atoi(PQgetvalue(result, row, 4));
	lane_append(lane, event);
	lane_ready(&listener->lanes, lane, true);
}

static void
on_ids(void *context, const PGresult *result)
{
	Listener   *listener = context;

	listener->asked--;
	listener->counts = false;
	if (failed(listener, result) || listener->dropped)
		return;
	listener->learned = true;
	for (int row = 0; row < PQntuples(result); row++)
	{
		Lane	   *lane = lane_of(&listener->lanes, PQgetvalue(result, row, 0));

		lane->seen = true;
		if (!lane_blocked(lane))
			lane_count(&listener->lanes, lane, 0, true);
	}
	for (int i = 0; i < BUCKETS; i++)
		for (Lane *lane = listener->lanes.buckets[i], *next; lane != NULL; lane = next)
		{
			next = lane->next;
			if (lane->older && !lane->seen)
				none_older(listener, lane);
		}
}

/* What is parked in that lane is not in the tables yet: all of it is known. */
static void
none_older(Listener *listener, Lane *lane)
{
	lane_count(&listener->lanes, lane, lane->unwritten, false);
	if (lane->head != NULL && lane->head->state == EVENT_WAITS)
		lane_ready(&listener->lanes, lane, false);
	lane_forget(&listener->lanes, lane);
}

static bool
failed(Listener *listener, const PGresult *result)
{
	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		return false;
	if (!listener->dropped)
		journal_line(&listener->agent->journal, listener->id, "the server failed", PQresultErrorMessage(result));
	return true;
}
