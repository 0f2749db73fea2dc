/*
 * http.c
 *	  An HTTP request as PostgREST hands it over, and the answer to it.
 *
 * nginx puts what PostgREST would change or lose into headers of their own: the
 * method, the URI as the client wrote it, the content type, the range.  PostgREST
 * hands all headers over as a setting, and takes the answer's status and headers from
 * two others.  What came is anybody's: it is read here, and believed nowhere.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/formatting.h"
#include "utils/guc.h"

#include "http.h"

static const char *const methods[] = {
	"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", NULL
};

static void read_headers(UmHttp *http);
static void take_header(UmHttp *http, UmSlice name, const char *value);
static void take_uri(UmHttp *http, const char *uri);
static const char *media_type(const char *content_type);
static bool is_token(const char *authorization);
static void set_for_answer(const char *setting, const char *value);

/* Takes the headers; what is left out is empty, an unknown method UM_NO_METHOD. */
void
um_http_start(UmHttp *http, UmSlice body)
{
	*http = (UmHttp) {.method = UM_NO_METHOD, .query = "", .content_type = "", .if_match = "", .if_none_match = "",
					  .if_modified_since = "", .if_unmodified_since = "", .content_encoding = "", .range = "",
					  .if_range = "", .body = body};
	read_headers(http);
}

static void
read_headers(UmHttp *http)
{
	const char *json = GetConfigOption("request.headers", true, false);
	UmScan		scan;
	UmSlice		name;
	UmSlice		value;

	if (json == NULL || *json == '\0')
		return;
	um_scan_init(&scan, json, strlen(json));
	if (um_scan_peek(&scan) != UM_OBJECT_TOKEN || !um_scan_enter(&scan))
		return;
	while (um_scan_key(&scan, &name))
	{
		if (um_scan_peek(&scan) != UM_STRING)
		{
			if (!um_scan_skip(&scan, &value))
				return;
		}
		else if (um_scan_string(&scan, &value))
			take_header(http, name, pnstrdup(value.ptr, value.len));
	}
}

static void
take_header(UmHttp *http, UmSlice name, const char *value)
{
	if (um_slice_is(name, "x-um-method"))
	{
		int			method = um_find_word(methods, (UmSlice) {value, strlen(value)});

		http->method = method >= 0 ? (UmMethod) method : UM_NO_METHOD;
	}
	else if (um_slice_is(name, "x-um-uri"))
		take_uri(http, value);
	else if (um_slice_is(name, "x-um-content-type"))
		http->content_type = media_type(value);
	else if (um_slice_is(name, "x-um-content-encoding"))
		http->content_encoding = value;
	else if (um_slice_is(name, "x-um-range"))
		http->range = value;
	else if (um_slice_is(name, "if-range"))
		http->if_range = value;
	else if (um_slice_is(name, "if-match"))
		http->if_match = value;
	else if (um_slice_is(name, "if-none-match"))
		http->if_none_match = value;
	else if (um_slice_is(name, "if-modified-since"))
		http->if_modified_since = value;
	else if (um_slice_is(name, "if-unmodified-since"))
		http->if_unmodified_since = value;
	else if (um_slice_is(name, "authorization"))
		http->token = is_token(value);
}

/* Parts the query from the path; what the path means is asked later, where an error has an answer. */
static void
take_uri(UmHttp *http, const char *uri)
{
	const char *query = strchr(uri, '?');

	http->uri = query != NULL ? pnstrdup(uri, query - uri) : uri;
	http->query = query != NULL ? query + 1 : "";
}

/* In lower case, without parameters, of which only a charset could change anything. */
static const char *
media_type(const char *content_type)
{
	char	   *type = asc_tolower(content_type, strlen(content_type));
	size_t		len = strcspn(type, "; \t");

	for (const char *charset = type; (charset = strstr(charset, "charset=")) != NULL;)
	{
		UmSlice		name;

		charset += strlen("charset=");
		charset += *charset == '"';
		name = (UmSlice) {charset, strcspn(charset, "\"; \t")};
		/* with it then, which is no type that anything takes */
		if (!um_slice_is(name, "utf-8") && !um_slice_is(name, "us-ascii"))
			return type;
	}
	return pnstrdup(type, len);
}

/* What PostgREST takes for one and has checked; by any other scheme a client is anonymous to it. */
static bool
is_token(const char *authorization)
{
	return pg_strncasecmp(authorization, "bearer ", 7) == 0 && strspn(authorization + 7, " ") < strlen(authorization + 7);
}

/* The body as text of the database; 22021 where it is not UTF-8. */
UmSlice
um_http_text(UmSlice body)
{
	char	   *text;

	/* a mark of the byte order is no part of JSON, but senders put one */
	if (body.len >= 3 && memcmp(body.ptr, "\xEF\xBB\xBF", 3) == 0)
		body = (UmSlice) {body.ptr + 3, body.len - 3};
	(void) pg_verify_mbstr(PG_UTF8, body.ptr, body.len, false);
	text = pg_any_to_server(body.ptr, body.len, PG_UTF8);
	return text == body.ptr ? body : (UmSlice) {text, strlen(text)};
}

void
um_answer_start(UmAnswer *answer, int status)
{
	answer->status = status;
	answer->type = NULL;
	initStringInfo(&answer->headers);
	initStringInfo(&answer->body);
}

/* Adds a header, whose value is text of the database. */
void
um_answer_header(UmAnswer *answer, const char *name, const char *format,...)
{
	StringInfoData value;
	int			needed;

	initStringInfo(&value);
	do
	{
		va_list		args;

		va_start(args, format);
		needed = appendStringInfoVA(&value, format, args);
		va_end(args);
		if (needed > 0)
			enlargeStringInfo(&value, needed);
	} while (needed > 0);
	appendStringInfo(&answer->headers, "%s{\"%s\": ", answer->headers.len > 0 ? ", " : "[", name);
	um_append_json_string(&answer->headers, value.data, value.len);
	appendStringInfoChar(&answer->headers, '}');
}

/* Hands status and headers to PostgREST; gives the body, JSON in UTF-8. */
bytea *
um_answer_give(UmAnswer *answer, bool with_body)
{
	const char *body = answer->body.data;
	int			len = answer->body.len;
	bytea	   *given;

	/* also without a body: PostgREST would tell a type of its own, and a cache believe it */
	um_answer_header(answer, "Content-Type", "%s",
					 answer->type != NULL ? answer->type : "application/json;charset=utf-8");
	appendStringInfoChar(&answer->headers, ']');
	set_for_answer("response.status", psprintf("%d", answer->status));
	set_for_answer("response.headers", answer->headers.data);
	if (answer->type == NULL && GetDatabaseEncoding() != PG_UTF8 && GetDatabaseEncoding() != PG_SQL_ASCII)
	{
		body = pg_server_to_any(body, len, PG_UTF8);
		len = strlen(body);
	}
	if (!with_body)
		len = 0;
	given = palloc(VARHDRSZ + len);
	SET_VARSIZE(given, VARHDRSZ + len);
	memcpy(VARDATA(given), body, len);
	return given;
}

/* Until the transaction ends. */
static void
set_for_answer(const char *setting, const char *value)
{
	(void) set_config_option(setting, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0,
							 false);
}

/* The methods of a set of bits, as Allow names them. */
char *
um_method_names(int allowed)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int m = 0; methods[m] != NULL; m++)
		if (allowed & (1 << m))
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", methods[m]);
	return names.data;
}
