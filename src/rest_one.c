/*
 * rest_one.c
 *	  One resource over HTTP: GET, POST, PUT, PATCH and DELETE.
 *
 * What is done is the operations' (operations.c).  Here stands what HTTP adds:
 * which status says what became of it, where it lies, which state it is in.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "errors.h"
#include "etag.h"
#include "rest.h"

static UmRequest change_of(const UmHttp *http);
static void answer_change(const UmHttp *http, UmAnswer *answer, void (*change) (UmRequest *));
static void answer_record(UmAnswer *answer, const UmRequest *request, const UmFields *fields);

/* What an operation is asked by a request; its body only becomes text where there is one. */
UmRequest
um_rest_request(const UmHttp *http)
{
	const UmTarget *target = &http->target;
	UmRequest	request = {
		.resource = target->resource, .version = target->api.version, .query = http->query,
		.content_type = http->content_type
	};

	request.faults.version = request.version;
	if (target->id != NULL)
		request.id = cstring_to_text(target->id);
	if (http->body.ptr != NULL)
		request.body = um_http_text(http->body);
	return request;
}

/* The attributes that a request about one resource wants to see; 22023 for what else it may ask. */
UmFields *
um_rest_fields(const UmHttp *http)
{
	UmQueryString *query = um_parse_query(http->query, false);

	if (query->conditions != NIL || query->filters != NIL || query->sort != NIL ||
		query->limit >= 0 || query->offset >= 0 || query->after != NULL || query->all)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("what is asked of one %s is its \"fields\" alone",
						http->target.resource->model->label)));
	return um_fields(query->fields, http->target.resource->model, http->target.api.version);
}

void
um_rest_get(const UmHttp *http, UmAnswer *answer)
{
	UmFields   *fields = um_rest_fields(http);
	UmRequest	request = um_rest_request(http);

	um_get_one(&request);
	if (request.record == NULL)
		um_refuse_missing(&request);
	um_require_state(http, request.record);
	if (um_is_unchanged(http, request.record))
	{
		answer->status = 304;
		um_answer_state(answer, request.record, request.version);
		return;
	}
	answer_record(answer, &request, fields);
}

/* The resource as it is now.  A trigger of the user's may have said no to it without an error. */
static void
answer_record(UmAnswer *answer, const UmRequest *request, const UmFields *fields)
{
	if (request->record == NULL)
	{
		answer->status = 204;
		return;
	}
	um_answer_state(answer, request->record, request->version);
	um_write_record(&answer->body, request->record, request->version, fields);
}

/* 201 for what is new, 200 for a repeat; an array is many, but of orders, which come one by one. */
void
um_rest_post(const UmHttp *http, UmAnswer *answer)
{
	UmFields   *fields = um_rest_fields(http);
	UmRequest	request = um_rest_request(http);
	UmSlice		id;

	if (!http->target.resource->orders && um_trim(request.body).len > 0 && *um_trim(request.body).ptr == '[')
	{
		um_rest_post_many(&request, fields, answer);
		return;
	}
	um_post_one(&request);
	if (request.record != NULL)
	{
		answer->status = request.created ? 201 : 200;
		id = um_text_slice(request.record->value[request.resource->model->id->slot]);
		um_answer_header(answer, "Location", "%s",
						 um_href(request.resource->model, request.version, id.ptr, id.len));
	}
	answer_record(answer, &request, fields);
}

void
um_rest_put(const UmHttp *http, UmAnswer *answer)
{
	answer_change(http, answer, um_put_one);
}

void
um_rest_patch(const UmHttp *http, UmAnswer *answer)
{
	answer_change(http, answer, um_patch_one);
}

static void
answer_change(const UmHttp *http, UmAnswer *answer, void (*change) (UmRequest *))
{
	UmFields   *fields = um_rest_fields(http);
	UmRequest	request = change_of(http);

	change(&request);
	answer_record(answer, &request, fields);
}

/* 204, or 404 where there was none. */
void
um_rest_delete(const UmHttp *http, UmAnswer *answer)
{
	UmRequest	request = change_of(http);

	(void) um_rest_fields(http);
	um_delete_one(&request);
	if (request.count == 0)
		um_refuse_missing(&request);
	answer->status = 204;
}

/* With the conditions on what it finds. */
static UmRequest
change_of(const UmHttp *http)
{
	UmRequest	request = um_rest_request(http);

	if (um_has_conditions(http))
	{
		request.condition = um_require_state;
		request.condition_arg = http;
	}
	return request;
}
