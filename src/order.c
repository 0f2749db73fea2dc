/*
 * order.c
 *	  What an order is: a resource that somebody carries out.
 *
 * A client says what is to be done, and the server what has become of it.  So
 * when an order comes in, by whatever door, the server's part of it is made
 * here, whatever the client says of it: that it has not begun, who ordered it,
 * with which claims and in which life of the database.  Then who orders cannot
 * pretend to be another, nor can an order say that it is done.
 *
 * What was ordered never changes; what has become of it does, by whoever
 * carries it out.  When it ends, its time is noted and nobody has it any more.
 * One that is cancelled ends at once, unless somebody is at it: he is told, and
 * ends it.  One that is deleted ends whoever is at it, so that its end is told
 * before it is gone.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "caller.h"
#include "delivery.h"
#include "hub.h"
#include "order.h"
#include "order_check.h"
#include "rules.h"
#include "types.h"

static int	slot_of(const UmRecord *order, const char *column);
static void set(UmRecord *order, const char *column, Datum value);
static void set_text(UmRecord *order, const char *column, const char *text);
static void resume(UmRecord *order);
static void end(UmRecord *order);
static bool is_live(const UmRecord *order);

/* At load: their faults are found wherever records are checked. */
void
um_order_init(void)
{
	for (UmResource *r = um_resources; r != NULL; r = r->next)
		if (r->orders)
			r->check = um_order_check;
}

/*
 * What is posted in a version is asked and written in that version, unless it
 * names another: who orders in the words of one will not expect those of another.
 */
void
um_order_speak(UmRecord *order, UmVersion version)
{
	int			slot = slot_of(order, "tmf_version");
	int			path = slot_of(order, "path");
	UmResource *of;

	if (slot < 0 || order->state[slot] != UM_ABSENT)
		return;
	of = um_order_resource(um_is_set(order, path) ? um_text_slice(order->value[path]) : (UmSlice) {"", 0});
	if (of != NULL && (of->faces & (1 << version)))
		set_text(order, "tmf_version", um_version_name(version));
}

/* Makes the server's part of an order that comes in. */
void
um_order_begin(UmRecord *order)
{
	const UmModel *model = order->model;
	Datum		now = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	char	   *claims = GetConfigOptionByName("request.jwt.claims", NULL, true);

	for (int s = 0; s < model->slots; s++)
	{
		const UmAttribute *a = model->slot[s];

		if (!(a->flags & UM_SERVERS) &&
			(a->kind != UM_INTERNAL || s == model->receipt_slot || s == model->change_slot))
			continue;
		um_record_clear(order, s);
		if (a->flags & UM_COUNT)
			um_record_set(order, s, NumericGetDatum(int64_to_numeric(0)));
	}
	/* by SQL, too: who orders need not think of a name for it */
	if (!um_is_set(order, model->id->slot))
		um_record_set(order, model->id->slot, um_new_id());
	um_record_set(order, model->status_slot, ObjectIdGetDatum(um_status_oid(model->life, model->life->first)));
	set_text(order, "error_log", "");
	set(order, "creation_date", now);
	set_text(order, "ordered_by", GetUserNameFromId(GetUserId(), false));
	set(order, "next_at", now);
	set(order, "failures", Int32GetDatum(0));
	set(order, "life", Int64GetDatum(um_hub_life()));
	if (claims != NULL && claims[0] != '\0')
		set_text(order, "claims", claims);
}

/*
 * Whether an order that comes in has been one before: it says in which life, and
 * whoever owns the table says it, who could switch our trigger off as well.  So
 * what data alone is restored of is not ordered again.
 */
bool
um_order_is_restored(const UmRecord *order, Oid owner)
{
	return um_is_set(order, slot_of(order, "life")) && has_privs_of_role(GetUserId(), owner);
}

static int
slot_of(const UmRecord *order, const char *column)
{
	const UmAttribute *attribute = um_find_attribute(order->model, column);

	return attribute != NULL ? attribute->slot : -1;
}

static void
set(UmRecord *order, const char *column, Datum value)
{
	um_record_set(order, slot_of(order, column), value);
}

static void
set_text(UmRecord *order, const char *column, const char *text)
{
	set(order, column, CStringGetTextDatum(text));
}

/*
 * What follows from a change of an order, all of which has been read, as well as
 * how it was.
 */
void
um_order_change(UmRecord *order, const UmRecord *old)
{
	const UmLifeCycle *life = order->model->life;
	bool		succeeded = um_status_in(um_record_status(order), life->ended & ~life->rejected);
	int			cancelled = slot_of(order, "cancelled_at");
	int			log = slot_of(order, "error_log");
	bool		was_cancelled = um_is_set(old, cancelled);

	if (um_status_in(um_record_status(old), life->ended))
		return;
	if (!um_order_is_same(order, old, slot_of(order, "life")))
		resume(order);
	/* who has cancelled it is no more forgotten than that somebody has */
	if (was_cancelled)
		um_record_set(order, cancelled, old->value[cancelled]);
	if (was_cancelled && !succeeded && um_is_set(old, log))
		um_record_set(order, log, old->value[log]);
	else if (!was_cancelled && um_is_set(order, cancelled))
		set_text(order, "error_log", psprintf("cancelled by %s", GetUserNameFromId(GetUserId(), false)));
	if (um_is_set(order, cancelled) && !um_status_in(um_record_status(order), life->ended) &&
		(um_deletes_closed() || !is_live(order)))
		um_record_set(order, order->model->status_slot,
					  ObjectIdGetDatum(um_status_oid(life, pg_rightmost_one_pos32(life->rejected))));
	if (um_status_in(um_record_status(order), life->ended))
		end(order);
}

/* Whoever had it did so in another life. */
static void
resume(UmRecord *order)
{
	um_record_clear(order, slot_of(order, "agent"));
	um_record_clear(order, slot_of(order, "leased_until"));
	set(order, "next_at", TimestampTzGetDatum(GetCurrentTransactionStartTimestamp()));
}

static bool
is_live(const UmRecord *order)
{
	int			lease = slot_of(order, "leased_until");
	int			life = slot_of(order, "life");

	return um_is_set(order, lease) && DatumGetTimestampTz(order->value[lease]) > GetCurrentTimestamp() &&
		um_is_set(order, life) && DatumGetInt64(order->value[life]) == um_hub_life();
}

/* Nobody has it any more. */
static void
end(UmRecord *order)
{
	if (!um_is_set(order, slot_of(order, "completion_date")))
		set(order, "completion_date", TimestampTzGetDatum(GetCurrentTimestamp()));
	um_record_clear(order, slot_of(order, "agent"));
	um_record_clear(order, slot_of(order, "leased_until"));
}

/* Whether a role may know of an order: that of who ordered it, or of one that keeps the books of loads. */
bool
um_order_is_seen(const UmRecord *order, Oid role)
{
	int			slot = slot_of(order, "ordered_by");
	Oid			by = um_is_set(order, slot) ? get_role_oid(TextDatumGetCString(order->value[slot]), true)
		: InvalidOid;

	return (OidIsValid(by) && has_privs_of_role(role, by)) || um_order_all_seen(role);
}

/* Whether it may know of all. */
bool
um_order_all_seen(Oid role)
{
	return pg_class_aclcheck(um_table("import_load", false), role, ACL_DELETE) == ACLCHECK_OK;
}
