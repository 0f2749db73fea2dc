/*
 * listener_owner.c
 *	  What the owner of a listener may do with it.
 *
 * A listener is owned by the role that registered it, by name, since a dump
 * knows no other; the name may be no role's any more.  Members of the role and
 * of the owner of the tables may do all that is done here.  To anybody else a
 * listener of another's is not there, so that an id tells nothing.
 *
 * They need no right on a table: what a function writes is written as the owner
 * of the table that it writes.  Each statement has but one such table.  Were
 * the store's tables written as whoever owns the extension, a superuser as a
 * rule, a trigger that their owner hangs on them would run as that one.
 */
#include "postgres.h"

#include "access/table.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "compat.h"
#include "errors.h"
#include "listener_owner.h"
#include "outbox.h"
#include "types.h"

static Oid	owner_of(const char *table);
static uint64 change(FunctionCallInfo fcinfo, const char *table, UmPlan *plan);
static void park(Datum *args);

PG_FUNCTION_INFO_V1(um_pause_listener);
PG_FUNCTION_INFO_V1(um_resume_listener);
PG_FUNCTION_INFO_V1(um_listener_test);
PG_FUNCTION_INFO_V1(um_resend_event);

/* pause_listener(id text, reason text) → boolean, whether deliveries went on until now */
Datum
um_pause_listener(PG_FUNCTION_ARGS)
{
	static UmPlan plan = {
		.sql = "UPDATE usage_mgmt.hub_listener SET state = 'paused', reason = $2, "
		"changed_at = pg_catalog.now() WHERE id OPERATOR(pg_catalog.=) $1 "
		"AND state OPERATOR(pg_catalog.=) ANY ('{starting,active}'::pg_catalog.text[])",
		.args = {TEXTOID, TEXTOID}, .nargs = 2
	};

	PG_RETURN_BOOL(change(fcinfo, "hub_listener", &plan) > 0);
}

/*
 * resume_listener(id text) → boolean, whether they had stopped.  Also where it is
 * the life that has changed: then this one is meant to speak to the world.
 */
Datum
um_resume_listener(PG_FUNCTION_ARGS)
{
	/*
	 * what a dump has brought is paused when it is read, which tells nothing where reading fails
	 * for that
	 */
	static UmPlan resume = {
		.sql = "UPDATE usage_mgmt.hub_listener l SET reason = NULL, changed_at = pg_catalog.now(), "
		"state = 'starting', next_xid = NULL, life = usage_mgmt.hub_life() WHERE l.id OPERATOR(pg_catalog.=) $1 "
		"AND (l.state OPERATOR(pg_catalog.<>) ALL ('{starting,active}'::pg_catalog.text[]) "
		"OR l.life OPERATOR(pg_catalog.<>) usage_mgmt.hub_life())",
		.args = {TEXTOID}, .nargs = 1
	};

	/* an agent may be at its last checkpoint, whose order of locks this is */
	static UmPlan hold = {
		.sql = "SELECT FROM usage_mgmt.hub_delivery WHERE listener OPERATOR(pg_catalog.=) $1 "
		"FOR NO KEY UPDATE",
		.args = {TEXTOID}, .nargs = 1
	};
	static UmPlan due = {
		.sql = "UPDATE usage_mgmt.hub_parked SET attempts = 0, next_at = pg_catalog.now() "
		"WHERE listener OPERATOR(pg_catalog.=) $1",
		.args = {TEXTOID}, .nargs = 1
	};

	if (change(fcinfo, "hub_listener", &resume) == 0)
		PG_RETURN_BOOL(false);
	(void) change(fcinfo, "hub_delivery", &hold);
	(void) change(fcinfo, "hub_parked", &due);
	PG_RETURN_BOOL(true);
}

/* listener_test(id text) → text, the eventId of the sample that is sent */
Datum
um_listener_test(PG_FUNCTION_ARGS)
{
	static UmPlan sample = {
		.sql = "SELECT s.event_id, s.event_id, s.event FROM usage_mgmt.hub_test_event() s"
	};
	Datum		args[4] = {PG_GETARG_DATUM(0)};
	Datum		id;
	bool		null;

	SPI_connect();
	(void) um_own_listener(args[0]);
	um_execute(um_prepare(&sample), NULL, NULL, false, 1);
	for (int i = 0; i < 3; i++)
		args[i + 1] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1, &null);
	park(args);
	id = SPI_datumTransfer(args[1], false, -1);
	SPI_finish();
	return id;
}

/* resend_event(id text, event_id text) → json, the event.  What may be read is asked as the caller. */
Datum
um_resend_event(PG_FUNCTION_ARGS)
{
	static UmPlan find = {
		.sql = "SELECT usage_mgmt.hub_resource_id(e.event, $2), e.event::pg_catalog.text "
		"FROM (SELECT usage_mgmt.hub_event($1, $2) AS event) e WHERE e.event IS NOT NULL",
		.args = {TEXTOID, TEXTOID}, .nargs = 2
	};
	Datum		args[4] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)};
	Datum		event;
	bool		null;

	SPI_connect();
	(void) um_own_listener(args[0]);
	um_execute(um_prepare(&find), args, NULL, false, 1);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(UM_NOT_FOUND),
				 errmsg("event \"%s\" of listener \"%s\" is not kept",
						TextDatumGetCString(args[1]), TextDatumGetCString(args[0]))));
	args[2] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null);
	args[3] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &null);
	park(args);
	event = SPI_datumTransfer(args[3], false, -1);
	SPI_finish();
	return event;
}

/*
 * Has an event sent, due now: the listener, the event's id, that of its
 * resource, and what is sent.
 */
static void
park(Datum *args)
{
	static UmPlan plan = {
		.sql = "INSERT INTO usage_mgmt.hub_parked (listener, event_id, resource_id, event) "
		"SELECT $1, $2, $3, $4 FROM usage_mgmt.hub_listener l "
		"WHERE l.id OPERATOR(pg_catalog.=) $1 AND l.callback IS NOT NULL",
		.args = {TEXTOID, TEXTOID, TEXTOID, TEXTOID}, .nargs = 4
	};

	um_as_owner_of("hub_parked", &plan, args, NULL);
	um_outbox_wake();
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(UM_NOT_READY),
				 errmsg("listener \"%s\" has no callback", TextDatumGetCString(args[0])),
				 errhint("Its events are read by next_events.")));
}

/* Runs a statement whose arguments are the function's, on a listener of the caller's own. */
static uint64
change(FunctionCallInfo fcinfo, const char *table, UmPlan *plan)
{
	Datum		args[2];
	uint64		changed;

	for (int i = 0; i < PG_NARGS(); i++)
		args[i] = PG_GETARG_DATUM(i);
	SPI_connect();
	(void) um_own_listener(args[0]);
	um_as_owner_of(table, plan, args, NULL);
	changed = SPI_processed;
	SPI_finish();
	um_outbox_wake();
	return changed;
}

/*
 * P0002 unless the listener is the caller's; within SPI_connect.  Gives the ids, as
 * an array, of those at the same hub, which have in common what they are sent with.
 */
Datum
um_own_listener(Datum listener)
{
	static UmPlan plan = {
		.sql = "SELECT l.owner, ARRAY(SELECT o.id FROM usage_mgmt.hub_listener o "
		"WHERE coalesce(o.hub, o.id) OPERATOR(pg_catalog.=) coalesce(l.hub, l.id)) "
		"FROM usage_mgmt.hub_listener l WHERE l.id OPERATOR(pg_catalog.=) $1",
		.args = {TEXTOID}, .nargs = 1
	};
	char	   *name = NULL;
	Datum		hub = (Datum) 0;
	bool		null;

	um_as_owner_of("hub_listener", &plan, &listener, NULL);
	if (SPI_processed > 0)
	{
		name = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
		hub = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &null);
	}
	if (SPI_processed == 0 || !um_is_listener_owner(name, GetUserId()))
		ereport(ERROR,
				(errcode(UM_NOT_FOUND),
				 errmsg("listener \"%s\" does not exist", TextDatumGetCString(listener)),
				 errhint("SELECT listener FROM usage_mgmt.hub_status shows yours.")));
	return hub;
}

/* Whether a role may do what the owner of that name may. */
bool
um_is_listener_owner(const char *name, Oid role)
{
	Oid			owner = get_role_oid(name, true);

	return (OidIsValid(owner) && has_privs_of_role(role, owner)) ||
		has_privs_of_role(role, owner_of("hub_listener"));
}

/* Runs a statement as the owner of a table; within SPI_connect. */
void
um_as_owner_of(const char *table, UmPlan *plan, Datum *args, const char *nulls)
{
	UmUser		before;

	um_become(owner_of(table), &before);
	um_execute(um_prepare(plan), args, nulls, false, 0);
	um_become_again(&before);
}

static Oid
owner_of(const char *table)
{
	Relation	relation = table_open(um_table(table, false), AccessShareLock);
	Oid			owner = relation->rd_rel->relowner;

	table_close(relation, NoLock);
	return owner;
}
