/*
 * event.c
 *	  What has happened to a resource, as the events of one version.
 *
 * A change is one row of an outbox, whatever listens to it; which events that is
 * depends on the version a listener is told in.  A creation and a deletion are
 * one event each.  An update is one of the status, one of the other attributes,
 * or both, the status first: in that order TM Forum's own code of R14.5 sends
 * them.  (That code has every new status be a change of attributes as well; here
 * it is one only where something else is changed by the same statement, so that
 * nobody is told the same twice.)
 *
 * Where a version has no type for what has happened:
 *
 * - the status of a specification of usages, in R14.5 and v4, is one of the
 *   attributes that changed, alone or beside others;
 * - of service usages v4 of TMF727 tells no change but that of the status:
 *   nothing is sent;
 * - service usages and their specifications have no face in R14.5, and no events;
 * - of a job R14.5 tells that it has ended, and neither that it was ordered nor
 *   that it was begun.
 *
 * The notification that the seeds name (UsageChangeNotification) is one event
 * whatever has happened, for who asks for it; who asks for others, too, gets it
 * behind them.  What no JSON shows, as when a row was changed, is no change.
 *
 * The id of an event is made of where its row stands and of its type: the same
 * row is the same event whenever, however often and to whomever it is sent.
 *
 * What is around the resource is an entity of the model, written like any other.
 * Of v4's members those are sent of which something is known: nobody tells us
 * titles, priorities or domains.  timeOcurred says what eventTime says.
 */
#include "postgres.h"

#include <inttypes.h>

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "event.h"
#include "rules.h"

static const char letters[UM_EVENT_TYPES] = {'c', 's', 'a', 'd', 'n'};

static int	happened_to(const UmEvent *event, UmVersion version);
static bool status_changed(const UmEvent *event);
static bool is_shown(const UmAttribute *attribute);
static Datum paths(const UmEvent *event, UmVersion version);
static Datum resource_in_event(const UmEvent *event, const UmListenQuery *query, UmVersion version);

/*
 * The types of event that a version has for what has happened, all as bits; of
 * the latter UM_CREATE_EVENT, UM_STATUS_EVENT, UM_CHANGE_EVENT and
 * UM_DELETE_EVENT are such.
 */
int
um_events_of(const UmResource *resource, UmVersion version, int happened)
{
	const int	status = um_event_bit(UM_STATUS_EVENT);
	const char *const *names = resource->event[version];
	int			types = 0;

	if (happened == 0)
		return 0;
	if ((happened & status) && names[UM_STATUS_EVENT] == NULL)
		happened = (happened & ~status) | um_event_bit(UM_CHANGE_EVENT);
	happened |= um_event_bit(UM_ANY_CHANGE_EVENT);
	for (int t = 0; t < UM_EVENT_TYPES; t++)
		if (names[t] != NULL)
			types |= happened & um_event_bit(t);
	return types;
}

/* Those events of a change that a query asks for by their types, and how many they are. */
int
um_event_types(const UmEvent *event, const UmListenQuery *query, UmVersion version,
			   UmEventType types[UM_EVENT_TYPES])
{
	int			wanted = query->types & um_events_of(event->resource, version, happened_to(event, version));
	int			count = 0;

	for (int t = 0; t < UM_EVENT_TYPES; t++)
		if (wanted & um_event_bit(t))
			types[count++] = (UmEventType) t;
	return count;
}

/* Whether a change is an event of that type at all, whoever asks. */
bool
um_event_is(const UmEvent *event, UmEventType type, UmVersion version)
{
	return (um_events_of(event->resource, version, happened_to(event, version)) & um_event_bit(type)) != 0;
}

/* As far as a version tells of it. */
static int
happened_to(const UmEvent *event, UmVersion version)
{
	int			told = event->resource->told[version];
	int			happened = 0;
	ListCell   *cell;

	if (event->kind == 'c')
		return um_event_bit(UM_CREATE_EVENT);
	if (event->kind == 'd')
		return um_event_bit(UM_DELETE_EVENT);
	Assert(event->kind == 'u');
	if (status_changed(event) && (told == 0 || um_status_in(um_record_status(event->record), told)))
		happened |= um_event_bit(UM_STATUS_EVENT);
	foreach(cell, event->changed)
	{
		const UmAttribute *a = um_find_attribute(event->record->model, lfirst(cell));

		if (is_shown(a) && a->kind != UM_STATUS)
			happened |= um_event_bit(UM_CHANGE_EVENT);
	}
	return happened;
}

static bool
status_changed(const UmEvent *event)
{
	const UmRecord *record = event->record;
	int			slot = record->model->status_slot;

	return event->old_status >= 0 && um_is_set(record, slot) &&
		um_status_from_oid(record->model->life,
						   DatumGetObjectId(record->value[slot])) != event->old_status;
}

/* A column of somebody's own, which has no attribute, is not. */
static bool
is_shown(const UmAttribute *attribute)
{
	return attribute != NULL && attribute->kind != UM_INTERNAL;
}

/* Of hexadecimal and decimal digits, hyphens and a letter. */
char *
um_event_id(const UmEvent *event, UmEventType type)
{
	return psprintf("%" PRIx64 "-%d-%" PRId64 "-%c", (uint64) event->life, event->timeline,
					event->seq, letters[type]);
}

/* Where the row of an event of that id stands, and its type; false for what is no such id. */
bool
um_event_from_id(const char *id, UmEvent *event, UmEventType *type)
{
	char		letter;
	const char *place;

	if (sscanf(id, "%" SCNx64 "-%d-%" SCNd64 "-%c", (uint64 *) &event->life, &event->timeline,
			   &event->seq, &letter) != 4)
		return false;
	place = memchr(letters, letter, UM_EVENT_TYPES);
	if (place == NULL)
		return false;
	*type = (UmEventType) (place - letters);
	/* one event has one id: no spaces, signs or zeros that scanning overlooks */
	return strcmp(um_event_id(event, *type), id) == 0;
}

/* The event as a datum of type json. */
Datum
um_event_json(const UmEvent *event, UmEventType type, const UmListenQuery *query, UmVersion version)
{
	const char *name = event->resource->event[version][type];
	UmRecord   *envelope = um_record_new(&um_notification);

	Assert(name != NULL);
	um_record_set(envelope, UM_NOTIFICATION_ID, CStringGetTextDatum(um_event_id(event, type)));
	um_record_set(envelope, UM_NOTIFICATION_TIME, TimestampTzGetDatum(event->at));
	um_record_set(envelope, UM_NOTIFICATION_TYPE, CStringGetTextDatum(name));
	if (type == UM_CHANGE_EVENT && um_notification.slot[UM_NOTIFICATION_PATHS]->name[version] != NULL)
		um_record_set(envelope, UM_NOTIFICATION_PATHS, paths(event, version));
	if (um_notification.slot[UM_NOTIFICATION_OCCURRED]->name[version] != NULL)
		um_record_set(envelope, UM_NOTIFICATION_OCCURRED, TimestampTzGetDatum(event->at));
	um_record_set(envelope, UM_NOTIFICATION_EVENT, resource_in_event(event, query, version));
	return um_json_of(envelope, version, NULL);
}

/*
 * What has changed, as the parameter fields would take it: names of the version,
 * parted by commas, with dots for what is in an object.  The status is among
 * them where it has no event of its own.
 */
static Datum
paths(const UmEvent *event, UmVersion version)
{
	bool		with_status = event->resource->event[version][UM_STATUS_EVENT] == NULL;
	const UmModel *model = event->record->model;
	StringInfoData out;
	ListCell   *cell;

	initStringInfo(&out);
	if (with_status && status_changed(event))
		appendStringInfoString(&out, um_name_in(model->slot[model->status_slot], version));
	foreach(cell, event->changed)
	{
		const UmAttribute *a = um_find_attribute(model, lfirst(cell));

		if (!is_shown(a) || a->kind == UM_STATUS)
			continue;
		appendStringInfo(&out, "%s%s%s%s", out.len > 0 ? "," : "",
						 a->parent != NULL ? um_name_in(a->parent, version) : "",
						 a->parent != NULL ? "." : "", um_name_in(a, version));
	}
	return PointerGetDatum(cstring_to_text_with_len(out.data, out.len));
}

static Datum
resource_in_event(const UmEvent *event, const UmListenQuery *query, UmVersion version)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "{\"%s\":", event->resource->json_name);
	um_write_record(&out, event->record, version, query->fields);
	appendStringInfoChar(&out, '}');
	return PointerGetDatum(cstring_to_text_with_len(out.data, out.len));
}
