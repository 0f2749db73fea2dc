/*
 * secret.c
 *	  What a listener's events are signed and sent with: the table hub_secret.
 *
 * The table is a member of the extension, so that no dump carries a secret.
 * It is written here alone, as its owner, for the owner of a listener, and alike
 * for all listeners at one hub.  What comes from there goes to who registers by
 * HTTP, once, to the caller of listener_secret, and to agents, who read the
 * table.  No error tells a value: a message has the name of a listener
 * or of a header that the caller may not set, and the table has no constraint
 * whose error would show a row.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/rel.h"

#include "caller.h"
#include "compat.h"
#include "errors.h"
#include "json_scan.h"
#include "listener_owner.h"
#include "outbox.h"
#include "secret.h"
#include "types.h"

#define TABLE "hub_secret"
#define MAX_HEADERS 16384		/* bytes of all of a listener's */

/* The same one for all of $1, in the place of what they may have. */
#define NEW_SECRETS \
	"INSERT INTO usage_mgmt." TABLE " AS s (listener, secret) " \
	"WITH made AS MATERIALIZED (SELECT usage_mgmt.hub_random_secret() AS secret) " \
	"SELECT o.id, made.secret FROM made, pg_catalog.unnest($1) o(id) ON CONFLICT (listener) DO UPDATE "

/* What HTTP and Standard Webhooks have the agent set; proxy- and webhook- with whatever follows. */
static const char *const reserved[] = {
	"accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect",
	"host", "keep-alive", "proxy-", "te", "trailer", "transfer-encoding", "upgrade", "user-agent",
	"webhook-", NULL
};

static void set(FunctionCallInfo fcinfo, UmPlan *plan, Datum *args);
static Datum header_name(const text *name);
static bool is_reserved(const char *word, const char *name);
static void refuse_controls(const text *value, const char *what);

PG_FUNCTION_INFO_V1(um_hub_new_secret);
PG_FUNCTION_INFO_V1(um_hub_listener_gone);
PG_FUNCTION_INFO_V1(um_listener_secret);
PG_FUNCTION_INFO_V1(um_listener_header);
PG_FUNCTION_INFO_V1(um_listener_credential);

/* hub_new_secret(listener text) */
Datum
um_hub_new_secret(PG_FUNCTION_ARGS)
{
	(void) um_new_secret(PG_GETARG_DATUM(0));
	PG_RETURN_VOID();
}

/* Gives a listener of the caller's its first one, and tells it; an id may have been another listener's. */
Datum
um_new_secret(Datum listener)
{
	static UmPlan plan = {
		.sql = NEW_SECRETS "SET secret = excluded.secret, old_secret = NULL, old_until = NULL, headers = '{}', "
		"username = NULL, password = NULL RETURNING s.secret",
		.args = {TEXTARRAYOID}, .nargs = 1
	};
	Datum		hub;
	bool		null;

	SPI_connect();
	hub = um_own_listener(listener);
	um_as_owner_of(TABLE, &plan, &hub, NULL);
	listener = SPI_datumTransfer(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null), false, -1);
	SPI_finish();
	um_outbox_wake();
	return listener;
}

/* listener_secret(id text, renew boolean) → text, NULL for none */
Datum
um_listener_secret(PG_FUNCTION_ARGS)
{
	static UmPlan show = {
		.sql = "SELECT s.secret FROM usage_mgmt." TABLE " s WHERE s.listener OPERATOR(pg_catalog.=) $1",
		.args = {TEXTOID}, .nargs = 1
	};
	static UmPlan renew = {
		.sql = NEW_SECRETS "SET secret = excluded.secret, old_secret = s.secret, "
		"old_until = pg_catalog.now() OPERATOR(pg_catalog.+) '1 day'::pg_catalog.interval "
		"RETURNING s.secret",
		.args = {TEXTARRAYOID}, .nargs = 1
	};
	Datum		listener = PG_GETARG_DATUM(0);
	Datum		hub;
	Datum		secret = (Datum) 0;
	bool		null = true;

	SPI_connect();
	hub = um_own_listener(listener);
	um_as_owner_of(TABLE, PG_GETARG_BOOL(1) ? &renew : &show, PG_GETARG_BOOL(1) ? &hub : &listener, NULL);
	if (SPI_processed > 0)
		secret = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null);
	if (!null)
		secret = SPI_datumTransfer(secret, false, -1);
	SPI_finish();
	if (null)
		PG_RETURN_NULL();
	return secret;
}

/* listener_header(id text, name text, value text), a NULL value for none */
Datum
um_listener_header(PG_FUNCTION_ARGS)
{
	/* of Authorization and a credential the one that was set last is sent */
	static UmPlan plan = {
		.sql = "UPDATE usage_mgmt." TABLE " SET headers = CASE WHEN $3 IS NULL "
		"THEN headers OPERATOR(pg_catalog.-) $2 "
		"ELSE headers OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object($2, $3) END, "
		"username = CASE WHEN $2 OPERATOR(pg_catalog.<>) 'authorization' OR $3 IS NULL THEN username END, "
		"password = CASE WHEN $2 OPERATOR(pg_catalog.<>) 'authorization' OR $3 IS NULL THEN password END "
		"WHERE listener OPERATOR(pg_catalog.=) ANY ($1) "
		"RETURNING pg_catalog.octet_length(headers::pg_catalog.text)",
		.args = {TEXTARRAYOID, TEXTOID, TEXTOID}, .nargs = 3
	};
	Datum		args[3] = {0};

	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(UM_PARAMETER), errmsg("a header must be named")));
	args[1] = header_name(PG_GETARG_TEXT_PP(1));
	if (!PG_ARGISNULL(2))
		refuse_controls(PG_GETARG_TEXT_PP(2), "the value of a header");
	set(fcinfo, &plan, args);
	PG_RETURN_VOID();
}

/* listener_credential(id text, username text, password text), NULLs for none */
Datum
um_listener_credential(PG_FUNCTION_ARGS)
{
	static UmPlan plan = {
		.sql = "UPDATE usage_mgmt." TABLE " SET username = $2, password = $3, headers = CASE "
		"WHEN $2 IS NULL THEN headers ELSE headers OPERATOR(pg_catalog.-) 'authorization' END "
		"WHERE listener OPERATOR(pg_catalog.=) ANY ($1) RETURNING 0",
		.args = {TEXTARRAYOID, TEXTOID, TEXTOID}, .nargs = 3
	};
	Datum		args[3] = {0};

	if (PG_ARGISNULL(1) != PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(UM_PARAMETER), errmsg("a credential has both a username and a password, or none")));
	if (!PG_ARGISNULL(1))
	{
		refuse_controls(PG_GETARG_TEXT_PP(1), "a username");
		refuse_controls(PG_GETARG_TEXT_PP(2), "a password");
		if (strchr(text_to_cstring(PG_GETARG_TEXT_PP(1)), ':') != NULL)
			ereport(ERROR,
					(errcode(UM_PARAMETER), errmsg("a username has no colon in basic authentication")));
	}
	set(fcinfo, &plan, args);
	PG_RETURN_VOID();
}

/* AFTER DELETE of hub_listener, for each row */
Datum
um_hub_listener_gone(PG_FUNCTION_ARGS)
{
	static UmPlan plan = {
		.sql = "DELETE FROM usage_mgmt." TABLE " WHERE listener OPERATOR(pg_catalog.=) $1",
		.args = {TEXTOID}, .nargs = 1
	};
	TriggerData *data = (TriggerData *) fcinfo->context;
	Datum		listener;
	bool		null;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(data->tg_event) ||
		!TRIGGER_FIRED_AFTER(data->tg_event) || !TRIGGER_FIRED_BY_DELETE(data->tg_event) ||
		RelationGetRelid(data->tg_relation) != um_table("hub_listener", true))
		um_refuse_call("an AFTER DELETE trigger of hub_listener for each row");
	SPI_connect();
	listener = SPI_getbinval(data->tg_trigtuple, RelationGetDescr(data->tg_relation),
							 SPI_fnumber(RelationGetDescr(data->tg_relation), "id"), &null);
	um_as_owner_of(TABLE, &plan, &listener, NULL);
	SPI_finish();
	return PointerGetDatum(NULL);
}

/*
 * Writes what a function was given, and args in its place where they are not 0,
 * beside the secret of a listener and of those at its hub.  The statement returns
 * the bytes of the headers.
 */
static void
set(FunctionCallInfo fcinfo, UmPlan *plan, Datum *args)
{
	Datum		listener;
	char		nulls[3];
	bool		null;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(UM_PARAMETER), errmsg("a listener must be named")));
	for (int i = 0; i < 3; i++)
	{
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
		if (args[i] == 0 && !PG_ARGISNULL(i))
			args[i] = PG_GETARG_DATUM(i);
	}
	SPI_connect();
	listener = args[0];
	args[0] = um_own_listener(listener);
	um_as_owner_of(TABLE, plan, args, nulls);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(UM_NOT_READY),
				 errmsg("listener \"%s\" has no secret", TextDatumGetCString(listener)),
				 errhint("SELECT usage_mgmt.listener_secret(id, renew => true) makes one.")));
	if (DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null)) > MAX_HEADERS)
		ereport(ERROR,
				(errcode(UM_TOO_MUCH),
				 errmsg("headers of listener \"%s\" take more than %d bytes",
						TextDatumGetCString(listener), MAX_HEADERS)));
	SPI_finish();
}

/* The name of a header in lower case, in which it is one however it is spelt. */
static Datum
header_name(const text *name)
{
	char	   *lower = asc_tolower(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));

	/* what is no name may be a value in the wrong place, so it is not told */
	if (lower[0] == '\0' ||
		strspn(lower, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") != strlen(lower))
		ereport(ERROR,
				(errcode(UM_PARAMETER), errmsg("the name of a header is made of letters, digits and hyphens")));
	for (int i = 0; reserved[i] != NULL; i++)
		if (is_reserved(reserved[i], lower))
			ereport(ERROR,
					(errcode(UM_PARAMETER),
					 errmsg("header \"%s\" cannot be set", lower),
					 errhint("The agent sets %s.", um_words(reserved, ""))));
	return CStringGetTextDatum(lower);
}

/* Whether a name is a reserved one, or begins with one that ends with a hyphen. */
static bool
is_reserved(const char *word, const char *name)
{
	size_t		length = strlen(word);

	return word[length - 1] == '-' ? strncmp(word, name, length) == 0 : strcmp(word, name) == 0;
}

/* No line may end within a header. */
static void
refuse_controls(const text *value, const char *what)
{
	const char *bytes = VARDATA_ANY(value);

	for (int i = 0; i < (int) VARSIZE_ANY_EXHDR(value); i++)
		if ((unsigned char) bytes[i] < ' ' || bytes[i] == 0x7f)
			ereport(ERROR,
					(errcode(UM_PARAMETER), errmsg("%s cannot hold a control character", what)));
}
