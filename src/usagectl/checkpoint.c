/*
 * checkpoint.c
 *	  What became of a listener's events, told to the server every 100 ms.
 *
 * One statement moves the position past what is delivered or parked, parks what
 * failed below it, and settles the parked events that were tried.  So whatever
 * dies, an event is in the tables or above the position.  A checkpoint that
 * failed is told again, unchanged, before any other.
 *
 * The answer says whether the listener is ours still.  If it is not, another
 * agent has it, and all that we know of it is void.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "delivery.h"

#define INTERVAL 0.1
#define AGAIN 1.0

static void gather(Listener *listener);
static void add_parked(Buffer *park, const Event *event);
static void tell(Listener *listener);
static void on_told(void *context, const PGresult *result);
static void settled(Listener *listener, Event *event);

/* A parked event was answered: it is done, or waits for the next time. */
void
checkpoint_settle(Listener *listener, Event *event)
{
	Told	   *told = &listener->next_told;

	if (event->state == EVENT_DONE)
		buffer_print(&told->done, "%s%" PRId64, told->done.length > 0 ? "," : "", event->parked);
	else
	{
		buffer_print(&told->retry, "%s{\"id\": %" PRId64 ", \"delay_ms\": %.0f, \"error\": ",
					 told->retry.length > 0 ? "," : "", event->parked, event->delay * 1000);
		buffer_json(&told->retry, event->error, strlen(event->error));
		buffer_print(&told->retry, "}");
	}
	event->lane->settling = true;
	event->next = told->settled;
	told->settled = event;
	listener->has_settled = true;
}

void
checkpoint_attempt(Listener *listener, const Event *event, const Answer *answer, const char *error)
{
	Buffer	   *attempts = &listener->next_told.attempts;
	char		at[32];

	journal_time(at);
	buffer_print(attempts, "%s{\"event_id\": ", attempts->length > 0 ? "," : "");
	buffer_json(attempts, event->id, strlen(event->id));
	buffer_print(attempts, ", \"at\": \"%s\", \"ms\": %.0f", at, answer->seconds * 1000);
	if (answer->status != 0)
		buffer_print(attempts, ", \"status\": %d", answer->status);
	if (error != NULL)
	{
		buffer_print(attempts, ", \"error\": ");
		buffer_json(attempts, error, strlen(error));
	}
	buffer_print(attempts, "}");
}

/* Whether there is something to tell. */
bool
checkpoint_due(const Listener *listener)
{
	const Event *oldest = listener->oldest;

	return listener->untold || listener->next_told.attempts.length > 0 ||
		(oldest != NULL && (oldest->state == EVENT_DONE || oldest->state == EVENT_FAILED));
}

/* Tells it, if it is time; gives the time when it is. */
double
checkpoint_step(Listener *listener, double now)
{
	if (listener->tells || !checkpoint_due(listener))
		return INFINITY;
	/* who counts what is parked must not be overtaken */
	if (listener->counts)
		return INFINITY;
	if (now < listener->tell_at)
		return listener->tell_at;
	if (!listener->untold)
		gather(listener);
	tell(listener);
	listener->tell_at = now + INTERVAL;
	return INFINITY;
}

void
checkpoint_free(Told *told)
{
	while (told->settled != NULL)
	{
		Event	   *event = told->settled;

		told->settled = event->next;
		event_free(event);
	}
	free(told->position);
	buffer_free(&told->done);
	buffer_free(&told->retry);
	buffer_free(&told->park);
	buffer_free(&told->attempts);
}

/* What there is to tell, with the position below which nothing is on its way. */
static void
gather(Listener *listener)
{
	Told		empty = listener->told;

	listener->told = listener->next_told;
	listener->next_told = empty;
	while (listener->oldest != NULL &&
		   (listener->oldest->state == EVENT_DONE || listener->oldest->state == EVENT_FAILED))
	{
		Event	   *event = listener->oldest;

		if (event->state == EVENT_FAILED)
		{
			add_parked(&listener->told.park, event);
			event->lane->unwritten--;
		}
		free(listener->told.position);
		listener->told.position = event->position;
		event->position = NULL;
		listener->oldest = event->next;
		if (listener->oldest == NULL)
			listener->newest = NULL;
		listener->held--;
		listener->bytes -= event->length;
		event_free(event);
	}
}

static void
add_parked(Buffer *park, const Event *event)
{
	buffer_print(park, "%s{\"event_id\": ", park->length > 0 ? "," : "");
	buffer_json(park, event->id, strlen(event->id));
	buffer_print(park, ", \"resource_id\": ");
	buffer_json(park, event->lane->id, strlen(event->lane->id));
	buffer_print(park, ", \"event\": ");
	buffer_json(park, event->body, event->length);
	buffer_print(park, ", \"delay_ms\": %.0f", event->delay * 1000);
	if (event->error != NULL)
	{
		buffer_print(park, ", \"error\": ");
		buffer_json(park, event->error, strlen(event->error));
	}
	buffer_print(park, "}");
}

static void
tell(Listener *listener)
{
	Told	   *told = &listener->told;
	Buffer		arrays[4] = {{NULL, 0, 0}};
	const char *values[7] = {listener->agent->name, listener->id, told->position};

	buffer_print(&arrays[0], "{%s}", told->done.length > 0 ? told->done.text : "");
	buffer_print(&arrays[1], "[%s]", told->retry.length > 0 ? told->retry.text : "");
	buffer_print(&arrays[2], "[%s]", told->park.length > 0 ? told->park.text : "");
	buffer_print(&arrays[3], "[%s]", told->attempts.length > 0 ? told->attempts.text : "");
	for (int i = 0; i < 4; i++)
		values[3 + i] = arrays[i].text;
	listener->tells = true;
	listener->asked++;
	if (!session_send(&listener->agent->session,
					  "SELECT usage_mgmt.hub_checkpoint($1, $2, $3, $4, $5, $6, $7)", 7, values, on_told, listener))
		listener->agent->broken = true;
	for (int i = 0; i < 4; i++)
		buffer_free(&arrays[i]);
}

static void
on_told(void *context, const PGresult *result)
{
	Listener   *listener = context;
	Told	   *told = &listener->told;

	listener->asked--;
	listener->tells = listener->untold = false;
	if (listener->dropped)
		return;
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
	{
		journal_line(&listener->agent->journal, listener->id, "the server failed", PQresultErrorMessage(result));
		listener->untold = true;
		listener->tell_at = clock_now() + AGAIN;
		return;
	}
	if (PQgetvalue(result, 0, 0)[0] != 't')
	{
		journal_line(&listener->agent->journal, listener->id, "is not ours any more", NULL);
		listener_drop(listener);
		listener->agent->claims = true;
		return;
	}
	while (told->settled != NULL)
	{
		Event	   *event = told->settled;

		told->settled = event->next;
		/* the next of its lane may be due, or where all fails the next to be tried */
		if (event->state == EVENT_DONE || listener->probes)
			listener->due_at = 0;
		settled(listener, event);
	}
	free(told->position);
	told->position = NULL;
	buffer_clear(&told->done);
	buffer_clear(&told->retry);
	buffer_clear(&told->park);
	buffer_clear(&told->attempts);
}

static void
settled(Listener *listener, Event *event)
{
	Lane	   *lane = event->lane;

	lane->settling = false;
	/* of a lane with older ones, who counts them says when all are done */
	if (event->state == EVENT_DONE && !lane->older && lane->parked > 0)
		lane_count(&listener->lanes, lane, lane->parked - 1, false);
	event_free(event);
	lane_forget(&listener->lanes, lane);
}
