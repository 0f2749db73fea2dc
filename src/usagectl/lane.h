/* lane.h: the events of one resource id, one behind the other */
#ifndef USAGECTL_LANE_H
#define USAGECTL_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transfer.h"

struct Listener;

typedef enum EventState
{
	EVENT_WAITS,				/* to be sent */
	EVENT_SENT,					/* and not answered yet */
	EVENT_DONE,					/* delivered, or nothing that had to be */
	EVENT_FAILED				/* it is parked, or stays so */
} EventState;

typedef struct Event
{
	struct Event *next;			/* as read; of the parked ones, as answered */
	struct Event *behind;		/* in its lane */
	struct Event *sent_before;	/* that is sent as well */
	struct Event *sent_behind;
	struct Listener *listener;
	struct Lane *lane;
	EventState	state;
	char	   *position;		/* NULL of a parked one */
	char	   *id;
	char	   *body;
	size_t		length;
	int64_t		parked;			/* its number there; 0 of one that was read */
	int			attempts;
	double		delay;			/* until the next, of one that failed */
	char	   *error;			/* NULL of one that failed with the one before it */
	Transfer   *transfer;
} Event;

typedef struct Lane
{
	struct Lane *next;			/* of its bucket */
	struct Lane *ready;			/* the next with something to send */
	char	   *id;				/* the resource's */
	Event	   *head;			/* waits or is sent */
	Event	   *tail;
	bool		is_ready;
	bool		settling;		/* a parked event's answer is not in the tables yet */
	int			parked;			/* events that others wait behind, as we know of */
	int			unwritten;		/* of them are not in the tables yet */
	bool		older;			/* others, nobody knows how many, were there before */
	bool		seen;			/* of the older, by who counts them */
} Lane;

#define BUCKETS 4096

typedef struct Lanes
{
	Lane	   *buckets[BUCKETS];
	Lane	   *first_ready;
	Lane	   *last_ready;
	int			older;			/* lanes that have older ones */
	int			parked;			/* lanes that have parked ones, older or not */
} Lanes;

extern Lane *lane_of(Lanes *lanes, const char *id);
extern Lane *lane_known(Lanes *lanes, const char *id);
extern bool lane_blocked(const Lane *lane);
extern void lane_count(Lanes *lanes, Lane *lane, int parked, bool older);
extern void lane_append(Lane *lane, Event *event);
extern void lane_shift(Lane *lane);
extern void lane_ready(Lanes *lanes, Lane *lane, bool first);
extern Lane *lane_next_ready(Lanes *lanes);
extern void lane_forget(Lanes *lanes, Lane *lane);
extern Event *event_new(struct Listener *listener, const char *position, const char *id, const char *body);
extern void event_free(Event *event);

#endif
