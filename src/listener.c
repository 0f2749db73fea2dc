/*
 * listener.c
 *	  Who listens to the events of a resource.
 *
 * Each belongs to the role that registered it, and is read by its rights: who may
 * not select from the table any more, or is kept from some of its rows, is told
 * nothing more; but of orders, of which row security shows each his own, each is
 * told of those.  Listeners that a dump has brought into another database wait for
 * somebody to say that it is meant to speak to the world.
 *
 * Who listens to a whole API is a listener of each of its resources, and these
 * have the id of the first in the column hub.  Order is promised of one resource's
 * id alone, so each is told, paused and read by itself; what its events are signed
 * and sent with they have in common.
 *
 * A listener is complete from the first transaction on that had to know of it.
 * Writers look behind the assignment of their transaction id, and are told of a
 * registration right behind its commit, before its locks are let go.  So once its
 * lock could be had, the next transaction id is one whose writer knows; and when
 * all earlier transactions are over, the listener is no longer starting.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/timestamp.h"

#include "errors.h"
#include "event.h"
#include "hub.h"
#include "listener.h"
#include "listener_owner.h"
#include "operations.h"
#include "order.h"
#include "secret.h"
#include "settings.h"
#include "store.h"
#include "types.h"

#define LISTENERS "hub_listener"

/* No index would have more. */
#define MAX_CALLBACK 2000

/* What a URL has to encode. */
#define NOT_IN_URL "\"<>\\^`{|} \001\002\003\004\005\006\007\010\011\012\013\014\015\016\017\020\021\022" \
	"\023\024\025\026\027\030\031\032\033\034\035\036\037\177"

static void require_select(UmResource *resource);
static void check_callback(const char *callback);
static Datum kinds_of(const UmResource *resource, UmVersion version, const UmListenQuery *query);
static char *insert_listener(Datum *values, const char *nulls);
pg_noreturn static void refuse_repeated(Datum *values);
static void go_on(UmListener *listener, const UmMark *now);
static bool are_over(const UmMark *now, uint64 next_xid);
static bool is_elsewhere(uint64 xid);
static bool set_state(const UmListener *listener, const char *state, const char *reason, int64 next_xid);

PG_FUNCTION_INFO_V1(um_register_listener);
PG_FUNCTION_INFO_V1(um_unregister_listener);

/* Within SPI, as the owner of the tables of the hub. */
void
um_hub_enter(UmUser *before)
{
	Relation	table = table_open(um_table(LISTENERS, false), AccessShareLock);
	MemoryContext context = CurrentMemoryContext;

	SPI_connect();
	MemoryContextSwitchTo(context);
	um_become(table->rd_rel->relowner, before);
	table_close(table, NoLock);
}

void
um_hub_leave(const UmUser *before)
{
	MemoryContext context = CurrentMemoryContext;

	um_become_again(before);
	SPI_finish();
	MemoryContextSwitchTo(context);
}

/* register_…_listener(callback text, query text, version text) → json */
Datum
um_register_listener(PG_FUNCTION_ARGS)
{
	UmResource *resource = um_resource_of(fcinfo, "register_", "_listener", false);
	UmVersion	version = um_version_of(resource, PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2)));
	char	   *callback = PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *query = PG_ARGISNULL(1) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(1));
	UmApi		api = um_api_of(resource, version);
	char	   *id = um_listener_add(resource, version, callback, query, NULL);

	if (callback != NULL)
		(void) um_new_secret(CStringGetTextDatum(id));
	return um_json_of(um_listener_record(&api, id, callback, query), version, NULL);
}

/*
 * Registers one of the caller's, and gives its id; hub is that of the first one of
 * the same hub, or NULL.  One with a callback has no secret yet.
 */
char *
um_listener_add(UmResource *resource, UmVersion version, const char *callback, const char *query,
				const char *hub)
{
	UmListenQuery *asked;
	Datum		values[8];
	char		nulls[] = "        ";

	require_select(resource);
	check_callback(callback);
	asked = um_listen_query(resource, query, version);
	values[0] = CStringGetTextDatum(GetUserNameFromId(GetUserId(), false));
	values[1] = CStringGetTextDatum(resource->model->noun);
	values[2] = CStringGetTextDatum(callback != NULL ? callback : "");
	values[3] = CStringGetTextDatum(query);
	values[4] = CStringGetTextDatum(um_version_name(version));
	values[5] = kinds_of(resource, version, asked);
	values[6] = Int64GetDatum(um_hub_life());
	values[7] = CStringGetTextDatum(hub != NULL ? hub : "");
	nulls[2] = callback != NULL ? ' ' : 'n';
	nulls[7] = hub != NULL ? ' ' : 'n';
	return insert_listener(values, nulls);
}

/* Events are whole rows of all. */
static void
require_select(UmResource *resource)
{
	Oid			table = um_table(resource->model->noun, false);

	if (pg_class_aclcheck(table, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, resource->model->noun);
	/* of orders each is told what he may know (order.c) */
	if (!resource->orders && check_enable_rls(table, InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(UM_UNSUPPORTED),
				 errmsg("row security keeps \"%s\" from rows of \"%s\"", GetUserNameFromId(GetUserId(), false),
						resource->model->noun),
				 errdetail("Events are not told by row.")));
}

/* It is for the agent to say what it can reach.  A password in it would be shown, and dumped; here, logged. */
static void
check_callback(const char *callback)
{
	const char *host;

	if (callback == NULL)
		return;
	host = strstr(callback, "://");
	if (host == NULL || strlen(callback) > MAX_CALLBACK || host[3 + strcspn(host + 3, "/?#@")] == '@' ||
		(pg_strncasecmp(callback, "http://", 7) != 0 && pg_strncasecmp(callback, "https://", 8) != 0) ||
		strcspn(callback, NOT_IN_URL) != strlen(callback))
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("what is given is no callback"),
				 errhint("It is a URL of http or https of at most %d bytes, without a password, which listener_credential() sets; for none, read with next_events().",
						 MAX_CALLBACK)));
}

/* By whatever search_path, since HTTP comes in under the client's. */
static char *
insert_listener(Datum *values, const char *nulls)
{
	static UmPlan insert = {
		.sql = "INSERT INTO usage_mgmt." LISTENERS
		" (owner, resource, callback, query, version, kinds, state, life, hub) "
		"VALUES ($1, $2, $3, $4, $5, $6, 'starting', $7, $8) "
		"ON CONFLICT (owner, resource, callback, pg_catalog.hashtextextended(query, 0)) "
		"WHERE state OPERATOR(pg_catalog.<>) 'gone' DO NOTHING RETURNING id",
		.args = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, INT8OID, TEXTOID}, .nargs = 8
	};
	UmPosition	position = {.life = um_hub_life()};
	MemoryContext context = CurrentMemoryContext;
	UmUser		before;
	char	   *id;

	um_hub_enter(&before);
	position.after = um_mark_now();
	um_execute(um_prepare(&insert), values, nulls, false, 0);
	if (SPI_processed == 0)
		refuse_repeated(values);
	id = MemoryContextStrdup(context, SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
	um_execute_once("INSERT INTO usage_mgmt.hub_cursor (listener, position) VALUES ($1, $2)", 2,
					(Oid[]) {TEXTOID, TEXTOID},
					(Datum[]) {CStringGetTextDatum(id), CStringGetTextDatum(um_position_text(&position))}, false);
	um_hub_leave(&before);
	return id;
}

/* A callback is told once what it asks for: owner, resource, callback and query are there. */
static void
refuse_repeated(Datum *values)
{
	static UmPlan find = {
		.sql = "SELECT coalesce(l.hub, l.id), l.version FROM usage_mgmt." LISTENERS " l "
		"WHERE l.owner OPERATOR(pg_catalog.=) $1 AND l.resource OPERATOR(pg_catalog.=) $2 "
		"AND l.callback OPERATOR(pg_catalog.=) $3 AND l.state OPERATOR(pg_catalog.<>) 'gone' "
		"AND pg_catalog.hashtextextended(l.query, 0) OPERATOR(pg_catalog.=) pg_catalog.hashtextextended($4, 0)",
		.args = {TEXTOID, TEXTOID, TEXTOID, TEXTOID}, .nargs = 4
	};
	TupleDesc	desc;
	HeapTuple	row;

	um_execute(um_prepare(&find), values, NULL, false, 1);
	row = SPI_processed > 0 ? SPI_tuptable->vals[0] : NULL;
	desc = SPI_tuptable->tupdesc;
	ereport(ERROR,
			(errcode(UM_ID_TAKEN), errmsg("the callback is registered with that query already"),
			 row != NULL ? errdetail("It is listener \"%s\", of version \"%s\".", SPI_getvalue(row, desc, 1),
									 SPI_getvalue(row, desc, 2)) : 0));
}

/* The changes of which its events are. */
static Datum
kinds_of(const UmResource *resource, UmVersion version, const UmListenQuery *query)
{
	Datum		words[UM_EVENT_TYPES];
	int			count = 0;

	for (int t = 0; um_wants[t] != NULL; t++)
		if (query->types & um_events_of(resource, version, um_event_bit(t)))
			words[count++] = CStringGetTextDatum(um_wants[t]);
	return PointerGetDatum(construct_array(words, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* As the standard's hub answers; v4 knows no href of a listener. */
UmRecord *
um_listener_record(const UmApi *api, const char *id, const char *callback, const char *query)
{
	UmRecord   *record = um_record_new(&um_listener_entity);
	const char *values[] = {
		[UM_LISTENER_CALLBACK] = callback, [UM_LISTENER_HREF] = api->version == UM_V4 ? NULL : um_hub_href(api, id),
		[UM_LISTENER_ID] = id, [UM_LISTENER_QUERY] = *query != '\0' ? query : NULL
	};

	for (size_t i = 0; i < lengthof(values); i++)
		if (values[i] != NULL)
			um_record_set(record, i, CStringGetTextDatum(values[i]));
	return record;
}

/* Where the API's hub has it. */
char *
um_hub_href(const UmApi *api, const char *id)
{
	return psprintf("%s%.*shub/%s", um_base_url, api->base.len, api->base.ptr, id);
}

/* unregister_…_listener(id text) → void; P0002 for none of one's own */
Datum
um_unregister_listener(PG_FUNCTION_ARGS)
{
	UmResource *resource = um_resource_of(fcinfo, "unregister_", "_listener", false);
	char	   *id = um_listener_named(fcinfo);
	Oid			caller = GetUserId();
	UmUser		before;
	UmListener *listener;
	Datum		arg;

	um_hub_enter(&before);
	listener = um_listener(id);
	if (listener->resource != resource)
		ereport(ERROR,
				(errcode(UM_NOT_FOUND), errmsg("listener \"%s\" is one of \"%s\"", id, listener->resource->model->noun)));
	um_listener_require_own(listener, caller);
	arg = CStringGetTextDatum(id);
	um_execute_once("DELETE FROM usage_mgmt." LISTENERS " WHERE id = $1", 1, (Oid[]) {TEXTOID}, &arg, false);
	um_hub_leave(&before);
	PG_RETURN_VOID();
}

/* The id that a function is given first; 22023 for null. */
char *
um_listener_named(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(UM_PARAMETER), errmsg("a listener must be named")));
	return text_to_cstring(PG_GETARG_TEXT_PP(0));
}

/* The listener of an id, in the current memory context; P0002 for none.  Within um_hub_enter. */
UmListener *
um_listener(const char *id)
{
	UmListener *listener = palloc0(sizeof(UmListener));
	HeapTuple	row;
	TupleDesc	desc;
	bool		null;
	Datum		arg = CStringGetTextDatum(id);
	char	   *query;

	um_execute_once("SELECT l.resource, l.version, l.query, l.owner, l.state, l.reason, c.position, "
					"l.life, l.next_xid, c.confirmed_at, l.xmin FROM usage_mgmt." LISTENERS " l "
					"LEFT JOIN usage_mgmt.hub_cursor c ON c.listener = l.id WHERE l.id = $1",
					1, (Oid[]) {TEXTOID}, &arg, true);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(UM_NOT_FOUND), errmsg("listener \"%s\" does not exist", id)));
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	listener->id = pstrdup(id);
	listener->resource = um_resource(SPI_getvalue(row, desc, 1));
	listener->version = um_version_of(listener->resource, SPI_getvalue(row, desc, 2));
	query = SPI_getvalue(row, desc, 3);
	listener->owner = SPI_getvalue(row, desc, 4);
	listener->state = SPI_getvalue(row, desc, 5);
	listener->reason = SPI_getvalue(row, desc, 6);
	/* one whose cursor was lost begins at the beginning */
	listener->position = SPI_getvalue(row, desc, 7) != NULL ? um_position_parse(SPI_getvalue(row, desc, 7))
		: palloc0(sizeof(UmPosition));
	listener->life = DatumGetInt64(SPI_getbinval(row, desc, 8, &null));
	listener->next_xid = DatumGetInt64(SPI_getbinval(row, desc, 9, &null));
	listener->confirmed_at = DatumGetTimestampTz(SPI_getbinval(row, desc, 10, &null));
	listener->unsaid = TransactionIdIsCurrentTransactionId(DatumGetTransactionId(SPI_getbinval(row, desc, 11, &null)));
	listener->query = um_listen_query(listener->resource, query, listener->version);
	return listener;
}

/* Others' are not there. */
void
um_listener_require_own(const UmListener *listener, Oid caller)
{
	if (!um_is_listener_owner(listener->owner, caller))
		ereport(ERROR,
				(errcode(UM_NOT_FOUND),
				 errmsg("listener \"%s\" does not exist", listener->id)));
}

/* The same, but for agents. */
void
um_listener_require_read(const UmListener *listener, Oid caller)
{
	if (!um_is_agent(caller))
		um_listener_require_own(listener, caller);
}

/* Those may write what is delivered. */
bool
um_is_agent(Oid role)
{
	return pg_class_aclcheck(um_table("hub_delivery", false), role, ACL_UPDATE) == ACLCHECK_OK;
}

/*
 * Whether it may be told of events now.  One that must not any more is paused, as
 * far as the transaction can write; one that was starting may have come to be active.
 */
bool
um_listener_may_read(UmListener *listener, const UmMark *now)
{
	const char *reason;

	if (strcmp(listener->state, "starting") != 0 && strcmp(listener->state, "active") != 0)
		return false;
	reason = um_listener_barred(listener);
	if (reason == NULL)
	{
		if (strcmp(listener->state, "starting") == 0)
			go_on(listener, now);
		return true;
	}
	(void) set_state(listener, "paused", reason, 0);
	listener->state = "paused";
	listener->reason = pstrdup(reason);
	return false;
}

/* Why it may not be told of anything, NULL where it may. */
const char *
um_listener_barred(const UmListener *listener)
{
	Oid			table = um_table(listener->resource->model->noun, false);
	Oid			owner = get_role_oid(listener->owner, true);

	if (listener->life != um_hub_life())
		return "restored";
	if (!OidIsValid(owner))
		return "its owner does not exist any more";
	if (pg_class_aclcheck(table, owner, ACL_SELECT) != ACLCHECK_OK)
		return "its owner may not select from the table any more";
	if (!listener->resource->orders && check_enable_rls(table, owner, true) == RLS_ENABLED)
		return "row security keeps its owner from rows";
	return NULL;
}

/* Whether it is told what befalls that one. */
bool
um_listener_is_told_of(const UmListener *listener, const UmRecord *record)
{
	Oid			owner;

	if (!listener->resource->orders)
		return true;
	owner = get_role_oid(listener->owner, true);
	return OidIsValid(owner) && um_order_is_seen(record, owner);
}

/* A listener that is starting: finds out from when it is complete, or that it is. */
static void
go_on(UmListener *listener, const UmMark *now)
{
	Oid			table = um_table(LISTENERS, false);

	if (listener->next_xid != 0)
	{
		if (are_over(now, (uint64) listener->next_xid) && set_state(listener, "active", NULL, 0))
			listener->state = "active";
		return;
	}

	/*
	 * who registers, or says that one is to go on, has another lock on it until all are told; not
	 * on us
	 */
	if (listener->unsaid || !ConditionalLockRelationOid(table, ShareLock))
		return;
	listener->next_xid = (int64) U64FromFullTransactionId(ReadNextFullTransactionId());
	UnlockRelationOid(table, ShareLock);
	(void) set_state(listener, "starting", NULL, listener->next_xid);
}

/* Whether all transactions before that one are over that can write here. */
static bool
are_over(const UmMark *now, uint64 next_xid)
{
	for (int i = 0; i < now->running && now->xid[i] < next_xid; i++)
		if (!is_elsewhere(now->xid[i]))
			return false;
	return now->xmax >= next_xid;
}

/* Whether a transaction is known to be one of another database. */
static bool
is_elsewhere(uint64 xid)
{
	int			pid = BackendXidGetPid(XidFromFullTransactionId(FullTransactionIdFromU64(xid)));
	PGPROC	   *backend = pid != 0 ? BackendPidGetProc(pid) : NULL;

	return backend != NULL && OidIsValid(backend->databaseId) && backend->databaseId != MyDatabaseId;
}

/* False where the transaction cannot write, or somebody else is at it. */
static bool
set_state(const UmListener *listener, const char *state, const char *reason, int64 next_xid)
{
	Datum		values[] = {CStringGetTextDatum(listener->id), CStringGetTextDatum(state),
	CStringGetTextDatum(reason != NULL ? reason : ""), Int64GetDatum(next_xid), CStringGetTextDatum(listener->state)};

	if (XactReadOnly || IsolationUsesXactSnapshot())
		return false;
	um_execute_once("UPDATE usage_mgmt." LISTENERS " SET state = $2, changed_at = now(), reason = nullif($3, ''), next_xid = nullif($4, 0) "
					"WHERE id = (SELECT id FROM usage_mgmt." LISTENERS " WHERE id = $1 AND state = $5 "
					"FOR UPDATE SKIP LOCKED)",
					lengthof(values), (Oid[]) {TEXTOID, TEXTOID, TEXTOID, INT8OID, TEXTOID}, values, false);
	return SPI_processed > 0;
}

/*
 * Confirms what is done up to a position; false where that much is confirmed
 * already, or somebody else is at it and we are not to wait.
 */
bool
um_listener_move(const UmListener *listener, const UmPosition *position, bool wait)
{
	Datum		id = CStringGetTextDatum(listener->id);
	Datum		values[2] = {id, (Datum) 0};

	um_execute_once(wait ? "SELECT position FROM usage_mgmt.hub_cursor WHERE listener = $1 FOR UPDATE"
					: "SELECT position FROM usage_mgmt.hub_cursor WHERE listener = $1 FOR UPDATE SKIP LOCKED",
					1, (Oid[]) {TEXTOID}, &id, false);
	if (SPI_processed == 0 ||
		um_position_is_behind(position, um_position_parse(SPI_getvalue(SPI_tuptable->vals[0],
																	   SPI_tuptable->tupdesc, 1))))
		return false;
	values[1] = CStringGetTextDatum(um_position_text(position));
	um_execute_once("UPDATE usage_mgmt.hub_cursor SET position = $2, confirmed_at = clock_timestamp() WHERE listener = $1",
					2, (Oid[]) {TEXTOID, TEXTOID}, values, false);
	return true;
}
