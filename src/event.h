/*
 * event.h
 *	  What has happened to a resource, as the events of one version.
 */
#ifndef UM_EVENT_H
#define UM_EVENT_H

#include "datatype/timestamp.h"

#include "listen_query.h"
#include "record.h"

/* One change, as an outbox has it: a row. */
typedef struct UmEvent
{
	UmResource *resource;
	int64		seq;
	int64		life;
	int32		timeline;
	TimestampTz at;
	char		kind;			/* 'c', 'u', 'd': created, updated, deleted */
	int			old_status;		/* before an update, -1 for none */
	List	   *changed;		/* of char *: the columns that an update changed */
	const UmRecord *record;		/* as the statement left it; a deleted one as it was */
} UmEvent;

extern int	um_events_of(const UmResource *resource, UmVersion version, int happened);
extern int	um_event_types(const UmEvent *event, const UmListenQuery *query, UmVersion version,
						   UmEventType types[UM_EVENT_TYPES]);
extern bool um_event_is(const UmEvent *event, UmEventType type, UmVersion version);
extern char *um_event_id(const UmEvent *event, UmEventType type);
extern bool um_event_from_id(const char *id, UmEvent *event, UmEventType *type);
extern Datum um_event_json(const UmEvent *event, UmEventType type, const UmListenQuery *query,
						   UmVersion version);

#endif
