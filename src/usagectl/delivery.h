/* delivery.h: one listener, and what is on its way to it */
#ifndef USAGECTL_DELIVERY_H
#define USAGECTL_DELIVERY_H

#include "buffer.h"
#include "clock.h"
#include "delays.h"
#include "journal.h"
#include "lane.h"
#include "session.h"
#include "transfer.h"
#include "webhook.h"

#define LEASE 30				/* seconds that a listener is ours without another word */
#define MOST_HEADERS 100		/* of the owner, sent with an event */

/* What all listeners have in common. */
typedef struct Agent
{
	const char *name;
	Session		session;
	Transfers  *transfers;
	Delays		delays;
	Journal		journal;
	double		leased_until;	/* by then another agent may have our listeners */
	bool		claims;			/* it is time to ask for listeners */
	bool		leaves;			/* nothing more is sent */
	bool		broken;			/* the connection is */
} Agent;

/* A checkpoint's arguments, of what there is to tell or of what was told. */
typedef struct Told
{
	char	   *position;		/* NULL where it stays */
	Buffer		done;
	Buffer		retry;
	Buffer		park;
	Buffer		attempts;
	Event	   *settled;		/* parked ones, answered */
} Told;

typedef struct Listener
{
	struct Listener *next;
	Agent	   *agent;
	char	   *id;
	char	   *callback;
	char	   *username;
	char	   *password;
	char	  **headers;		/* up to a NULL */
	int			header_count;
	Secret		secret;
	Secret		old_secret;
	bool		claimed;		/* by the last claim */
	bool		dropped;		/* nothing is done with it any more */
	int			asked;			/* statements that are under way */

	/* reading */
	char	   *position;		/* of the last that was read */
	bool		learned;		/* which ids have parked events */
	bool		reads;
	double		read_at;
	int			empty;			/* reads in a row that found nothing */
	int			batch;			/* events to ask for, where there is room */
	int			most;			/* that were asked for */
	bool		asks_due;		/* for parked events */
	bool		parked_elsewhere;	/* there are some, and by others maybe */
	double		due_at;
	bool		counts;			/* the older parked events */
	double		count_at;
	bool		has_settled;	/* since they were counted */

	/* what was read and not confirmed, in its order */
	Event	   *oldest;
	Event	   *newest;
	int			held;
	size_t		bytes;
	Lanes		lanes;
	Event	   *sent;

	/* sending */
	int			window;
	int			in_flight;
	int			failures;		/* of different ids in a row, nothing delivered between */
	bool		probes;			/* all fails: only what is parked and due is sent */
	double		slow_until;
	int			slowed;			/* how often in a row */

	/* checkpoints */
	Told		next_told;
	Told		told;
	bool		tells;
	bool		untold;			/* the last one failed */
	double		tell_at;

	/* its end */
	const char *ends;			/* the state that it is to have, or NULL */
	char		why[400];
	bool		ended;			/* that was said */
} Listener;

/* delivery.c */
extern Listener *listener_new(Agent *agent, const char *id, const char *position);
extern void listener_doubt(Listener *listener, int64_t parked);
extern void listener_drop(Listener *listener);
extern bool listener_idle(const Listener *listener);
extern void listener_free(Listener *listener);
extern double listener_step(Listener *listener, double now);
extern void listener_end(Listener *listener, const char *state, const char *why);
extern void listener_park(Listener *listener, Event *event, const char *error);

/* reading.c */
extern void reading_learn(Listener *listener);
extern double reading_step(Listener *listener, double now);

/* checkpoint.c */
extern void checkpoint_settle(Listener *listener, Event *event);
extern void checkpoint_attempt(Listener *listener, const Event *event, const Answer *answer, const char *error);
extern bool checkpoint_due(const Listener *listener);
extern double checkpoint_step(Listener *listener, double now);
extern void checkpoint_free(Told *told);

/* agent.c */

#endif
