/*
 * delivery.c
 *	  One listener, and what is on its way to it.
 *
 * At least once, and in order per resource id: of each id one event is on its
 * way at a time.  How many ids are is the window, which starts small, grows with
 * what is delivered and shrinks when the listener asks for less.
 *
 *	2xx						delivered
 *	410						the listener is gone
 *	429, 502, 503, 504,		the whole listener waits, as long as it says or longer
 *	or with Retry-After		each time; after five of them it is a failure
 *	anything else			a failure: the event is parked in the tables and tried
 *							again when its delay is over, later ones of its id
 *							behind it; when all delays are used up the listener is
 *							quarantined
 *
 * A parked event keeps nobody else waiting: the position passes it.  But where
 * all fails, parking would only copy the outbox.  So after so many failures with
 * nothing delivered between them nothing more is read, and one of the parked
 * events at a time is tried when it is due, until one is delivered.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "connection.h"
#include "delivery.h"

#define FIRST_WINDOW 8
#define LARGEST_WINDOW 128
#define FAILURES 20				/* of different ids in a row: all fails */
#define PATIENCE 5				/* how often an event may be told to wait */
#define LONGEST_PAUSE 3600		/* seconds that a listener may ask for */

static bool may_send(const Listener *listener, double now);
static bool send_event(Listener *listener, Event *event);
static void on_answer(void *context, const Answer *answer);
static void unlink_sent(Listener *listener, Event *event);
static void succeed(Listener *listener, Event *event);
static void fail(Listener *listener, Event *event, const Answer *answer, const char *error);
static void fail_parked(Listener *listener, Event *event, const char *error, int retry_after);
static void slow_down(Listener *listener, int seconds);
static void begin_probing(Listener *listener);
static void give_up(Listener *listener, const char *event, const char *error);
static void on_end(void *context, const PGresult *result);

Listener *
listener_new(Agent *agent, const char *id, const char *position)
{
	Listener   *listener = calloc(1, sizeof(Listener));

	listener->agent = agent;
	listener->id = strdup(id);
	listener->position = position != NULL ? strdup(position) : NULL;
	listener->window = FIRST_WINDOW;
	listener->batch = FIRST_WINDOW;
	return listener;
}

/* So many of its events were parked by somebody before: they are no news, but one more would be. */
void
listener_doubt(Listener *listener, int64_t parked)
{
	if (parked < FAILURES)
		return;
	listener->failures = FAILURES - 1;
	listener->window = 1;
}

/* Nothing more is sent for it or told of it; it is freed when no statement is under way. */
void
listener_drop(Listener *listener)
{
	listener->dropped = true;
	while (listener->sent != NULL)
	{
		Event	   *event = listener->sent;

		unlink_sent(listener, event);
		transfer_drop(listener->agent->transfers, event->transfer);
	}
}

/* Whether nothing of it is under way and nothing to be told. */
bool
listener_idle(const Listener *listener)
{
	return listener->asked == 0 &&
		(listener->dropped || (listener->in_flight == 0 && !checkpoint_due(listener)));
}

void
listener_free(Listener *listener)
{
	/* a lane's events are those held, or its one parked event */
	for (int i = 0; i < BUCKETS; i++)
		while (listener->lanes.buckets[i] != NULL)
		{
			Lane	   *lane = listener->lanes.buckets[i];

			listener->lanes.buckets[i] = lane->next;
			if (lane->head != NULL && lane->head->parked != 0)
				event_free(lane->head);
			free(lane->id);
			free(lane);
		}
	while (listener->oldest != NULL)
	{
		Event	   *event = listener->oldest;

		listener->oldest = event->next;
		event_free(event);
	}
	for (int i = 0; i < listener->header_count; i++)
		free(listener->headers[i]);
	free(listener->headers);
	checkpoint_free(&listener->next_told);
	checkpoint_free(&listener->told);
	free(listener->position);
	free(listener->callback);
	free(listener->username);
	free(listener->password);
	free(listener->id);
	free(listener);
}

/* Does what there is to do; gives the time when it wants to be called again. */
double
listener_step(Listener *listener, double now)
{
	const char *values[] = {listener->agent->name, listener->id, listener->ends, listener->why};
	Lane	   *lane;
	double		reading;
	double		checkpoint;

	if (listener->dropped)
		return INFINITY;
	while (may_send(listener, now) && (lane = lane_next_ready(&listener->lanes)) != NULL)
	{
		if (lane->head == NULL)
			lane_forget(&listener->lanes, lane);
		else if (!send_event(listener, lane->head))
		{
			lane_ready(&listener->lanes, lane, true);
			slow_down(listener, 1);
		}
	}
	reading = reading_step(listener, now);
	checkpoint = checkpoint_step(listener, now);
	if (listener->ends != NULL && !listener->ended && listener->in_flight == 0 &&
		!checkpoint_due(listener) && !listener->tells)
	{
		listener->ended = true;
		listener->asked++;
		if (!session_send(&listener->agent->session, "SELECT usage_mgmt.hub_stop($1, $2, $3, $4)", 4, values,
						  on_end, listener))
			listener->agent->broken = true;
	}
	if (listener->slow_until > now && listener->slow_until < reading)
		reading = listener->slow_until;
	return reading < checkpoint ? reading : checkpoint;
}

/* The listener is to have that state, as soon as all that is known of it has been told. */
void
listener_end(Listener *listener, const char *state, const char *why)
{
	if (listener->ends != NULL)
		return;
	listener->ends = state;
	snprintf(listener->why, sizeof(listener->why), "%s", why);
}

/* Those behind it in its lane are parked with it. */
void
listener_park(Listener *listener, Event *event, const char *error)
{
	Lane	   *lane = event->lane;

	event->delay = delays_after(&listener->agent->delays, event->attempts);
	event->error = error != NULL ? strdup(error) : NULL;
	while (lane->head != NULL)
	{
		lane->head->state = EVENT_FAILED;
		lane_count(&listener->lanes, lane, lane->parked + 1, lane->older);
		lane->unwritten++;
		lane_shift(lane);
	}
}

/* ---- sending ---- */

static bool
may_send(const Listener *listener, double now)
{
	return listener->in_flight < (listener->probes ? 1 : listener->window) &&
		!listener->agent->leaves && listener->ends == NULL && now >= listener->slow_until &&
		now < listener->agent->leased_until && transfers_room(listener->agent->transfers);
}

static bool
send_event(Listener *listener, Event *event)
{
	const char *headers[MOST_HEADERS + 5];
	char		id[200];
	char		timestamp[32];
	char		at[64];
	char		signatures[2 * SIGNATURE_SIZE + 32];
	char		signature[SIGNATURE_SIZE];
	Request		request = {listener->callback, headers, listener->username, listener->password,
	event->body, event->length, on_answer, event};

	snprintf(timestamp, sizeof(timestamp), "%lld", (long long) time(NULL));
	snprintf(at, sizeof(at), "webhook-timestamp: %s", timestamp);
	snprintf(id, sizeof(id), "webhook-id: %s", event->id);
	if (!webhook_sign(signature, &listener->secret, event->id, timestamp, event->body, event->length))
		return false;
	snprintf(signatures, sizeof(signatures), "webhook-signature: %s", signature);
	if (listener->old_secret.length > 0)
	{
		if (!webhook_sign(signature, &listener->old_secret, event->id, timestamp, event->body, event->length))
			return false;
		strcat(strcat(signatures, " "), signature);
	}
	headers[0] = "Content-Type: application/json";
	headers[1] = id;
	headers[2] = at;
	headers[3] = signatures;
	for (int i = 0; i < listener->header_count; i++)
		headers[4 + i] = listener->headers[i];
	headers[4 + listener->header_count] = NULL;
	event->transfer = transfer_begin(listener->agent->transfers, &request);
	if (event->transfer == NULL)
		return false;
	event->state = EVENT_SENT;
	event->sent_before = NULL;
	event->sent_behind = listener->sent;
	if (listener->sent != NULL)
		listener->sent->sent_before = event;
	listener->sent = event;
	listener->in_flight++;
	return true;
}

static void
unlink_sent(Listener *listener, Event *event)
{
	if (event->sent_before != NULL)
		event->sent_before->sent_behind = event->sent_behind;
	else
		listener->sent = event->sent_behind;
	if (event->sent_behind != NULL)
		event->sent_behind->sent_before = event->sent_before;
	listener->in_flight--;
}

/* ---- what becomes of it ---- */

static void
on_answer(void *context, const Answer *answer)
{
	Event	   *event = context;
	Listener   *listener = event->listener;
	bool		delivered = answer->status / 100 == 2;
	char		error[300];

	unlink_sent(listener, event);
	event->transfer = NULL;
	event->attempts++;
	if (answer->status != 0)
		snprintf(error, sizeof(error), "answered %d%s", answer->status,
				 answer->status / 100 == 3 ? ", and redirects are not followed" : "");
	else
		snprintf(error, sizeof(error), "%s", answer->error);
	checkpoint_attempt(listener, event, answer, delivered ? NULL : error);
	journal_attempt(&listener->agent->journal, listener->id, event->id, answer->status, answer->seconds,
					delivered ? NULL : error);
	if (delivered)
		succeed(listener, event);
	else if (answer->status == 410)
	{
		event->state = EVENT_WAITS;
		lane_ready(&listener->lanes, event->lane, true);
		listener_end(listener, "gone", "answered 410");
	}
	else
		fail(listener, event, answer, error);
}

static void
succeed(Listener *listener, Event *event)
{
	Lane	   *lane = event->lane;

	if (listener->probes)
		journal_line(&listener->agent->journal, listener->id, "answers again", NULL);
	listener->probes = false;
	listener->failures = listener->slowed = 0;
	if (listener->in_flight + 1 >= listener->window && listener->window < LARGEST_WINDOW)
		listener->window++;
	event->state = EVENT_DONE;
	lane_shift(lane);
	if (event->parked != 0)
		checkpoint_settle(listener, event);
	else
	{
		/* its place is kept until the position passes it */
		listener->bytes -= event->length;
		event->length = 0;
		free(event->body);
		event->body = NULL;
		event->lane = NULL;
	}
	if (lane->head != NULL)
		lane_ready(&listener->lanes, lane, false);
	else
		lane_forget(&listener->lanes, lane);
}

static void
fail(Listener *listener, Event *event, const Answer *answer, const char *error)
{
	int			status = answer->status;
	bool		slow = status == 429 || status == 502 || status == 503 || status == 504 || answer->retry_after > 0;

	if (slow)
		slow_down(listener, answer->retry_after);
	if (event->parked != 0)
	{
		fail_parked(listener, event, error, answer->retry_after);
		return;
	}
	if (slow && !listener->probes && event->attempts < PATIENCE)
	{
		event->state = EVENT_WAITS;
		lane_ready(&listener->lanes, event->lane, true);
		return;
	}
	listener_park(listener, event, error);
	if (++listener->failures >= FAILURES && !listener->probes)
		begin_probing(listener);
}

static void
fail_parked(Listener *listener, Event *event, const char *error, int retry_after)
{
	event->state = EVENT_FAILED;
	event->error = strdup(error);
	event->delay = delays_after(&listener->agent->delays, event->attempts);
	if (event->delay < 0)
	{
		event->delay = listener->agent->delays.seconds[listener->agent->delays.count - 1];
		give_up(listener, event->id, error);
	}
	if (event->delay < retry_after && retry_after <= LONGEST_PAUSE)
		event->delay = retry_after;
	lane_shift(event->lane);
	checkpoint_settle(listener, event);
}

/* As long as it asks for; otherwise a second, then twice as long each time, up to a minute. */
static void
slow_down(Listener *listener, int seconds)
{
	double		now = clock_now();
	double		pause = ldexp(1, listener->slowed < 6 ? listener->slowed : 6);

	/* answers to what was on its way already */
	if (now < listener->slow_until && seconds == 0)
		return;
	listener->slowed++;
	listener->window = listener->window > 1 ? listener->window / 2 : 1;
	if (seconds > pause)
		pause = seconds < LONGEST_PAUSE ? seconds : LONGEST_PAUSE;
	if (pause > 60 && seconds == 0)
		pause = 60;
	if (now + pause > listener->slow_until)
		listener->slow_until = now + pause;
}

/* What was not sent yet is parked, so that the position can pass what failed. */
static void
begin_probing(Listener *listener)
{
	journal_line(&listener->agent->journal, listener->id, "all fails, nothing more is read until something is delivered",
				 NULL);
	listener->probes = true;
	listener->window = FIRST_WINDOW;
	for (Event *event = listener->oldest; event != NULL; event = event->next)
		if (event->state == EVENT_WAITS && event->lane->head == event)
			listener_park(listener, event, NULL);
}

static void
give_up(Listener *listener, const char *event, const char *error)
{
	char		why[400];

	snprintf(why, sizeof(why), "event %s failed for the last time: %s", event, error);
	listener_end(listener, "quarantined", why);
}

/* ---- its end ---- */

static void
on_end(void *context, const PGresult *result)
{
	Listener   *listener = context;

	listener->asked--;
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		complain_of(listener->agent->session.conn, result);
	else if (!listener->dropped)
		journal_line(&listener->agent->journal, listener->id, listener->ends, listener->why);
	listener_drop(listener);
}
