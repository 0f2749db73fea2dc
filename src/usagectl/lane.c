/*
 * lane.c
 *	  The events of one resource id, one behind the other.
 *
 * A lane sends its first event alone, and the next when that is delivered.
 * While one of its events is parked it sends nothing that was read: what comes
 * is parked behind.  Lanes without anything are forgotten.
 */
#include <stdlib.h>
#include <string.h>

#include "lane.h"

static Lane **place_of(Lanes *lanes, const char *id);

/* The lane of an id, made if there is none. */
Lane *
lane_of(Lanes *lanes, const char *id)
{
	Lane	  **place = place_of(lanes, id);

	if (*place == NULL)
	{
		*place = calloc(1, sizeof(Lane));
		(*place)->id = strdup(id);
	}
	return *place;
}

/* The same, NULL if there is none. */
Lane *
lane_known(Lanes *lanes, const char *id)
{
	return *place_of(lanes, id);
}

static Lane **
place_of(Lanes *lanes, const char *id)
{
	uint32_t	hash = 2166136261;
	Lane	  **place;

	for (const char *p = id; *p != '\0'; p++)
		hash = (hash ^ (unsigned char) *p) * 16777619;
	place = &lanes->buckets[hash % BUCKETS];
	while (*place != NULL && strcmp((*place)->id, id) != 0)
		place = &(*place)->next;
	return place;
}

/* Whether what is read has to be parked behind others. */
bool
lane_blocked(const Lane *lane)
{
	return lane->parked > 0 || lane->older;
}

/* How many are parked now. */
void
lane_count(Lanes *lanes, Lane *lane, int parked, bool older)
{
	lanes->parked -= lane_blocked(lane);
	lanes->older -= lane->older;
	lane->parked = parked;
	lane->older = older;
	lanes->parked += lane_blocked(lane);
	lanes->older += lane->older;
}

void
lane_append(Lane *lane, Event *event)
{
	event->lane = lane;
	event->behind = NULL;
	if (lane->head == NULL)
		lane->head = event;
	else
		lane->tail->behind = event;
	lane->tail = event;
}

/* Takes the first one off. */
void
lane_shift(Lane *lane)
{
	lane->head = lane->head->behind;
	if (lane->head == NULL)
		lane->tail = NULL;
}

/* Its first event can be sent, before or behind those of the others. */
void
lane_ready(Lanes *lanes, Lane *lane, bool first)
{
	if (lane->is_ready)
		return;
	lane->is_ready = true;
	lane->ready = first ? lanes->first_ready : NULL;
	if (first || lanes->first_ready == NULL)
		lanes->first_ready = lane;
	else
		lanes->last_ready->ready = lane;
	if (lane->ready == NULL)
		lanes->last_ready = lane;
}

/* The next lane with something to send, or NULL; it is ready no more. */
Lane *
lane_next_ready(Lanes *lanes)
{
	Lane	   *lane = lanes->first_ready;

	if (lane == NULL)
		return NULL;
	lanes->first_ready = lane->ready;
	lane->is_ready = false;
	return lane;
}

/* Frees a lane in which there is nothing. */
void
lane_forget(Lanes *lanes, Lane *lane)
{
	Lane	  **place;

	if (lane->head != NULL || lane->is_ready || lane->settling || lane_blocked(lane))
		return;
	place = place_of(lanes, lane->id);
	*place = lane->next;
	free(lane->id);
	free(lane);
}

Event *
event_new(struct Listener *listener, const char *position, const char *id, const char *body)
{
	Event	   *event = calloc(1, sizeof(Event));

	event->listener = listener;
	event->position = position != NULL ? strdup(position) : NULL;
	event->id = id != NULL ? strdup(id) : NULL;
	event->body = body != NULL ? strdup(body) : NULL;
	event->length = body != NULL ? strlen(body) : 0;
	return event;
}

void
event_free(Event *event)
{
	free(event->position);
	free(event->id);
	free(event->body);
	free(event->error);
	free(event);
}
