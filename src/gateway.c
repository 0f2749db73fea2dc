/*
 * gateway.c
 *	  What PostgREST calls: an HTTP request, and its answer.
 *
 * Whatever happens, what goes back is an answer of the standard's: all is done
 * in a subtransaction, an error undoes it and becomes a status and a body, and
 * PostgREST, which would answer in words of its own, sees none.  What a
 * request may not do is refused before its body is looked at.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "caller.h"
#include "errors.h"
#include "http_error.h"
#include "rest.h"
#include "types.h"

/* What answers a method of a place, and which right on the table it takes. */
static const struct
{
	UmPlace		place;
	UmMethod	method;
	UmHandler	handler;
	AclMode		right;
}			routes[] = {
	{UM_COLLECTION, UM_GET, um_rest_list, ACL_SELECT},
	{UM_COLLECTION, UM_POST, um_rest_post, ACL_INSERT},
	{UM_COLLECTION, UM_PATCH, um_rest_patch_list, ACL_UPDATE},
	{UM_ITEM, UM_GET, um_rest_get, ACL_SELECT},
	{UM_ITEM, UM_PUT, um_rest_put, ACL_UPDATE},
	{UM_ITEM, UM_PATCH, um_rest_patch, ACL_UPDATE},
	{UM_ITEM, UM_DELETE, um_rest_delete, ACL_DELETE},
	{UM_RESULT, UM_GET, um_rest_result, ACL_SELECT},
	{UM_HUB, UM_GET, um_rest_hub_list, 0},
	{UM_HUB, UM_POST, um_rest_hub_post, 0},
	{UM_HUB_LISTENER, UM_GET, um_rest_hub_get, 0},
	{UM_HUB_LISTENER, UM_DELETE, um_rest_hub_delete, 0},
	{UM_OPENAPI, UM_GET, um_rest_openapi, 0}
};

/* Those of a body that is no patch. */
static const char *const json_types[] = {UM_JSON_TYPE, NULL};

/* A request under way. */
typedef struct Exchange
{
	UmHttp		http;
	UmAnswer	answer;
	bool		writes;			/* it came to the function for what changes something */
} Exchange;

static Datum respond(UmSlice body, bool writes);
static void serve(void *arg);
static int	find_route(const UmTarget *target, UmMethod method);
static int	allowed(const UmTarget *target);
static void require_media_type(const UmHttp *http);
static void require_right(const UmResource *resource, AclMode right);
static void require_orderer(const UmHttp *http);
static void settle_constraints(void);
static void answer_fault(Exchange *exchange, const ErrorData *error);

PG_FUNCTION_INFO_V1(um_gateway_read);
PG_FUNCTION_INFO_V1(um_gateway_write);

/* read() → bytea: what GET, HEAD and OPTIONS ask for; changes nothing. */
Datum
um_gateway_read(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	return respond((UmSlice) {NULL, 0}, false);
}

/* write(body bytea) → bytea: what all other methods ask for. */
Datum
um_gateway_write(PG_FUNCTION_ARGS)
{
	bytea	   *body;

	if (PG_ARGISNULL(0))
		return respond((UmSlice) {"", 0}, true);
	body = PG_GETARG_BYTEA_PP(0);
	return respond((UmSlice) {VARDATA_ANY(body), VARSIZE_ANY_EXHDR(body)}, true);
}

static Datum
respond(UmSlice body, bool writes)
{
	Exchange	exchange = {.writes = writes};
	ErrorData  *error;

	um_http_start(&exchange.http, body);
	um_answer_start(&exchange.answer, 200);
	error = um_try(UM_NOBODY, serve, &exchange);
	if (error != NULL)
		answer_fault(&exchange, error);
	return PointerGetDatum(um_answer_give(&exchange.answer, exchange.http.method != UM_HEAD));
}

/* In this order: what is named, the method, the content type, the right, the rest. */
static void
serve(void *arg)
{
	Exchange   *exchange = arg;
	UmHttp	   *http = &exchange->http;
	UmMethod	method = http->method == UM_HEAD ? UM_GET : http->method;
	int			route;

	if (http->uri == NULL)
		ereport(ERROR,
				(errcode(UM_PARAMETER), errmsg("the request came by no gateway")));
	http->target = um_target(http->uri);
	if (http->target.place == UM_NOWHERE)
		ereport(ERROR,
				(errcode(UM_NOT_FOUND), errmsg("nothing is at \"%s\"", http->uri)));
	if (method == UM_OPTIONS)
	{
		exchange->answer.status = 204;
		um_answer_header(&exchange->answer, "Allow", "%s", um_method_names(allowed(&http->target)));
		return;
	}
	route = find_route(&http->target, method);
	if (route < 0 || exchange->writes != (method >= UM_POST))
		ereport(ERROR,
				(errcode(UM_WRONG_METHOD), errmsg("the method is not one of \"%s\"", http->uri),
				 errhint("It takes %s.", um_method_names(allowed(&http->target)))));
	require_media_type(http);
	if (routes[route].right != 0)
		require_right(http->target.resource, routes[route].right);
	if (exchange->writes && http->target.resource != NULL && http->target.resource->orders)
		require_orderer(http);
	routes[route].handler(http, &exchange->answer);
	if (exchange->writes)
		settle_constraints();
}

/* -1 for a method that the place, its resource, or its version of the standard has not. */
static int
find_route(const UmTarget *target, UmMethod method)
{
	/* a complete update is one of R14.5 alone */
	if (method == UM_PUT && target->api.version != UM_R14_5)
		return -1;
	/* an order is changed by who carries it out */
	if ((method == UM_PUT || method == UM_PATCH) && target->resource != NULL && target->resource->orders)
		return -1;
	for (size_t i = 0; i < lengthof(routes); i++)
		if (routes[i].place == target->place && routes[i].method == method)
			return i;
	return -1;
}

/* Methods of a place, as bits. */
static int
allowed(const UmTarget *target)
{
	int			methods = 1 << UM_OPTIONS;

	for (int m = 0; m < UM_NO_METHOD; m++)
		if (find_route(target, m) >= 0)
			methods |= 1 << m;
	return methods | (methods & (1 << UM_GET) ? 1 << UM_HEAD : 0);
}

/* UM006 for what no body here is; who says nothing means JSON. */
static void
require_media_type(const UmHttp *http)
{
	const char *const *types = http->method == UM_PATCH ? um_patch_types : json_types;

	if (http->method < UM_POST || http->method == UM_DELETE)
		return;
	if (*http->content_encoding != '\0' && pg_strcasecmp(http->content_encoding, "identity") != 0)
		ereport(ERROR,
				(errcode(UM_MEDIA_TYPE),
				 errmsg("content encoding \"%s\" is not taken", http->content_encoding)));
	if (*http->content_type != '\0' &&
		um_find_word(types, (UmSlice) {http->content_type, strlen(http->content_type)}) < 0)
		ereport(ERROR,
				(errcode(UM_MEDIA_TYPE),
				 errmsg("content type \"%s\" is not taken", http->content_type),
				 errhint("It is one of %s, in UTF-8.", um_words(types, ""))));
}

/* Before the body is read, so that who has no right learns nothing from it. */
static void
require_right(const UmResource *resource, AclMode right)
{
	Oid			table = um_table(resource->model->noun, false);

	if (pg_class_aclcheck(table, GetUserId(), right) != ACLCHECK_OK &&
		pg_attribute_aclcheck_all(table, GetUserId(), right, ACLMASK_ANY) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, resource->model->noun);
}

/* Who shows no token may be anybody, and would order by the rights of a role that all of them share. */
static void
require_orderer(const UmHttp *http)
{
	if (!http->token)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("%s belongs to a role, which a token names", um_a(http->target.resource->model))));
}

/* What the users' constraints have put off to the commit, where no fault would have an answer of ours. */
static void
settle_constraints(void)
{
	ConstraintsSetStmt *all = makeNode(ConstraintsSetStmt);

	AfterTriggerSetState(all);
}

/* The error in the place of whatever had been said. */
static void
answer_fault(Exchange *exchange, const ErrorData *error)
{
	const UmHttp *http = &exchange->http;
	UmAnswer   *answer = &exchange->answer;

	um_answer_error(answer, error, http->token);
	if (answer->status == 405)
		um_answer_header(answer, "Allow", "%s", um_method_names(allowed(&http->target)));
	if (answer->status == 416)
		um_answer_header(answer, "Content-Range", "%s */" UINT64_FORMAT,
						 http->target.place == UM_RESULT ? "bytes" : "items", answer->total);
	if (answer->status == 415 && *http->content_encoding != '\0')
		um_answer_header(answer, "Accept-Encoding", "identity");
	if (answer->status == 415 && http->method == UM_PATCH)
		um_answer_header(answer, "Accept-Patch", "%s", um_words(um_patch_types, ""));
}
