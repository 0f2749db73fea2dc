/*
 * rest_hub.c
 *	  Listeners over HTTP: the hub of an API.
 *
 * Who posts to a hub means the events of all resources of its API, or of those
 * that his query can mean.  There is a listener of each (listener.c), and they
 * bear the id of the first: so they are one to him, which GET and DELETE mean.
 * What was registered in SQL with a callback is at its hub, too.
 *
 * A listener is its role's.  Who shows no token may be anybody, and those of the
 * role that all of them share would be everybody's: he has none.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "caller.h"
#include "errors.h"
#include "listener.h"
#include "listener_owner.h"
#include "rest.h"
#include "rules.h"
#include "secret.h"
#include "tmf_read.h"
#include "types.h"

/* A query that a resource is asked whether it means anything to it. */
typedef struct Question
{
	UmResource *resource;
	UmVersion	version;
	const char *query;
	bool		by_type;		/* it names an event of it */
} Question;

static void require_caller(const UmHttp *http);
static void require_any_select(const UmApi *api);
static UmRecord *read_body(const UmHttp *http);
static List *resources_meant(const UmApi *api, const char *query);
static void ask(void *arg);
static bool may_select(const UmResource *resource);
static void note_refusal(StringInfo refusals, const UmResource *resource, const ErrorData *error);
static List *find(const UmApi *api, const char *id);
static Datum nouns_of(const UmApi *api);
pg_noreturn static void refuse_missing(const char *id);

/* All of the caller's own. */
void
um_rest_hub_list(const UmHttp *http, UmAnswer *answer)
{
	const UmApi *api = &http->target.api;
	ListCell   *cell;

	require_caller(http);
	appendStringInfoChar(&answer->body, '[');
	foreach(cell, find(api, NULL))
	{
		if (answer->body.len > 1)
			appendStringInfoChar(&answer->body, ',');
		um_write_record(&answer->body, lfirst(cell), api->version, NULL);
	}
	appendStringInfoChar(&answer->body, ']');
}

void
um_rest_hub_get(const UmHttp *http, UmAnswer *answer)
{
	const UmApi *api = &http->target.api;
	List	   *found;

	require_caller(http);
	found = find(api, http->target.id);
	if (found == NIL)
		refuse_missing(http->target.id);
	um_write_record(&answer->body, linitial(found), api->version, NULL);
}

/* 201, with the secret that events will be signed with: it is told here and never again. */
void
um_rest_hub_post(const UmHttp *http, UmAnswer *answer)
{
	const UmApi *api = &http->target.api;
	UmRecord   *body;
	UmRecord   *listener;
	char	   *callback;
	char	   *query;
	char	   *id = NULL;
	ListCell   *cell;

	require_caller(http);
	require_any_select(api);
	body = read_body(http);
	callback = TextDatumGetCString(body->value[UM_CREATE_LISTENER_CALLBACK]);
	query = um_is_set(body, UM_CREATE_LISTENER_QUERY) ? TextDatumGetCString(body->value[UM_CREATE_LISTENER_QUERY]) : "";
	/* as some write it; with and without it is the same */
	query += *query == '?';
	foreach(cell, resources_meant(api, query))
	{
		char	   *one = um_listener_add(lfirst(cell), api->version, callback, query, id);

		id = id != NULL ? id : one;
	}
	listener = um_listener_record(api, id, callback, query);
	um_record_set(listener, UM_LISTENER_SECRET, um_new_secret(CStringGetTextDatum(id)));
	answer->status = 201;
	um_answer_header(answer, "Location", "%s", um_hub_href(api, id));
	um_write_record(&answer->body, listener, api->version, NULL);
}

/* 204, or 404 where there is none of the caller's. */
void
um_rest_hub_delete(const UmHttp *http, UmAnswer *answer)
{
	static UmPlan plan = {
		.sql = "DELETE FROM usage_mgmt.hub_listener l WHERE coalesce(l.hub, l.id) OPERATOR(pg_catalog.=) $1",
		.args = {TEXTOID}, .nargs = 1
	};
	Datum		id = CStringGetTextDatum(http->target.id);
	UmUser		before;

	require_caller(http);
	if (find(&http->target.api, http->target.id) == NIL)
		refuse_missing(http->target.id);
	um_hub_enter(&before);
	um_execute(um_prepare(&plan), &id, NULL, false, 0);
	if (SPI_processed == 0)
		refuse_missing(http->target.id);
	um_hub_leave(&before);
	answer->status = 204;
}

/* A role of his own, and no more asked than a hub can say. */
static void
require_caller(const UmHttp *http)
{
	if (!http->token)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("a listener belongs to a role, which a token names")));
	if (*http->query != '\0')
		ereport(ERROR, (errcode(UM_PARAMETER), errmsg("a hub has no query parameters")));
}

/* Before the body is read; which of them it takes, that will tell. */
static void
require_any_select(const UmApi *api)
{
	UmResource *first = um_api_next(api, NULL);

	for (UmResource *r = first; r != NULL; r = um_api_next(api, r))
		if (may_select(r))
			return;
	aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, first->model->noun);
}

/* What else is in it is ignored. */
static UmRecord *
read_body(const UmHttp *http)
{
	UmFaults	faults = {.version = http->target.api.version};
	UmSlice		text = um_http_text(http->body);
	UmRecord   *record = um_read_document(text.ptr, text.len, &um_create_listener, &faults);

	/* of what is no JSON object there is nothing more to say */
	if (faults.list == NIL || ((UmFault *) linitial(faults.list))->path[0] != '\0')
		um_check_members(record, &faults);
	um_raise_faults(&faults, &um_create_listener, NULL);
	return record;
}

/*
 * Those of the API to which a query means anything; 22023, with what each has against it,
 * for none.  Orders that he has no business with he does not mean, unless he names them.
 */
static List *
resources_meant(const UmApi *api, const char *query)
{
	List	   *meant = NIL;
	List	   *closed = NIL;
	ErrorData  *first = NULL;
	bool		alike = true;
	StringInfoData refusals;

	initStringInfo(&refusals);
	for (UmResource *r = um_api_next(api, NULL); r != NULL; r = um_api_next(api, r))
	{
		Question	question = {r, api->version, query, false};
		ErrorData  *error = um_try(UM_NOBODY, ask, &question);

		if (error == NULL && r->orders && !question.by_type && !may_select(r))
			closed = lappend(closed, r);
		else if (error == NULL)
			meant = lappend(meant, r);
		else if (error->sqlerrcode != UM_PARAMETER)
			ReThrowError(error);
		else
		{
			note_refusal(&refusals, r, error);
			first = first != NULL ? first : error;
			alike = alike && strcmp(first->message, error->message) == 0;
		}
	}
	if (meant == NIL)
		meant = closed;
	if (meant == NIL && alike)
		ReThrowError(first);
	if (meant == NIL)
		ereport(ERROR,
				(errcode(UM_PARAMETER), errmsg("the query can mean no event here"),
				 errdetail("%s", refusals.data)));
	return meant;
}

static void
ask(void *arg)
{
	Question   *question = arg;

	question->by_type = um_listen_query(question->resource, question->query, question->version)->by_type;
}

static bool
may_select(const UmResource *resource)
{
	return pg_class_aclcheck(um_table(resource->model->noun, false), GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

static void
note_refusal(StringInfo refusals, const UmResource *resource, const ErrorData *error)
{
	appendStringInfo(refusals, "%sOf %s: %s.", refusals->len > 0 ? " " : "", um_a(resource->model),
					 error->message);
	if (error->hint != NULL)
		appendStringInfo(refusals, " %s", error->hint);
}

/* Those of the caller's at a hub, or the one of that id, as they are shown. */
static List *
find(const UmApi *api, const char *id)
{
	static UmPlan plan = {
		.sql = "SELECT coalesce(l.hub, l.id), l.callback, l.query, l.owner FROM usage_mgmt.hub_listener l "
		"WHERE l.version OPERATOR(pg_catalog.=) $1 AND l.resource OPERATOR(pg_catalog.=) ANY ($2) "
		"AND l.callback IS NOT NULL AND l.state OPERATOR(pg_catalog.<>) 'gone' "
		"AND ($3 IS NULL OR coalesce(l.hub, l.id) OPERATOR(pg_catalog.=) $3) GROUP BY 1, 2, 3, 4 "
		"ORDER BY pg_catalog.min(l.registered_at), pg_catalog.length(coalesce(l.hub, l.id)), 1",
		.args = {TEXTOID, TEXTARRAYOID, TEXTOID}, .nargs = 3
	};
	Datum		args[] = {CStringGetTextDatum(um_version_name(api->version)), nouns_of(api),
	CStringGetTextDatum(id != NULL ? id : "")};
	Oid			caller = GetUserId();
	List	   *found = NIL;
	UmUser		before;

	um_hub_enter(&before);
	um_execute(um_prepare(&plan), args, id != NULL ? NULL : "  n", true, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;

		if (um_is_listener_owner(SPI_getvalue(row, desc, 4), caller))
			found = lappend(found, um_listener_record(api, SPI_getvalue(row, desc, 1),
													  SPI_getvalue(row, desc, 2), SPI_getvalue(row, desc, 3)));
	}
	um_hub_leave(&before);
	return found;
}

static Datum
nouns_of(const UmApi *api)
{
	ArrayBuildState *nouns = initArrayResult(TEXTOID, CurrentMemoryContext, false);

	for (UmResource *r = um_api_next(api, NULL); r != NULL; r = um_api_next(api, r))
		nouns = accumArrayResult(nouns, CStringGetTextDatum(r->model->noun), false, TEXTOID, CurrentMemoryContext);
	return makeArrayResult(nouns, CurrentMemoryContext);
}

/* Others' are not there. */
static void
refuse_missing(const char *id)
{
	ereport(ERROR,
			(errcode(UM_NOT_FOUND), errmsg("listener \"%s\" does not exist", id)));
}
