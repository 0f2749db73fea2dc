/*
 * openapi.c
 *	  An API described as OpenAPI 3.0: its paths, and what all of them share.
 *
 * What there is follows from the model: which resources the API has, what each
 * version calls them and their attributes, which operations a version has.
 * What the operations are like is the same for all resources and stands here
 * as templates, in which ' is a quote and words in < > are those of the
 * resource.  The schemas are openapi_schema.c's.
 */
#include "postgres.h"

#include "fmgr.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"

#include "errors.h"
#include "json_scan.h"
#include "openapi_schema.h"
#include "patch.h"
#include "rest.h"
#include "settings.h"

/* Of which resources it is. */
typedef enum Scope
{
	ALL, CHANGED, ORDERED
} Scope;

/* What a method does at a place, as a template. */
typedef struct Operation
{
	UmPlace		place;
	const char *method;
	int			versions;		/* that have it */
	Scope		scope;
	const char *text;
} Operation;

/* What a word in a template means: a text, or JSON as it is to stand there. */
typedef struct Word
{
	const char *word;
	const char *text;
	const char *json;
} Word;

static char *known_apis(void);
static void write_api(StringInfo out, const UmApi *api);
static char *title_of(const UmApi *api);
static void write_tags(StringInfo out, const UmApi *api);
static void write_paths(StringInfo out, const UmApi *api);
static void write_place(StringInfo out, const UmApi *api, const UmResource *resource, UmPlace place);
static char *conditions_of(const UmApi *api, const UmResource *resource);
static char *events_of(const UmApi *api);
static char *spoken(const char *words);
static void write_errors(StringInfo out);
static void write_schemas(StringInfo out, const UmApi *api);
static void fill_template(StringInfo out, const char *text, const Word *words);
static const Word *word_at(const char *text, const Word *words);
static void append_within_string(StringInfo out, const char *text);

PG_FUNCTION_INFO_V1(um_openapi);

/* Each is JSON in itself, so that the pieces can be read one by one. */
#define TEXT "{'type':'string'}"
#define REF(kind, name) "{'$ref':'#/components/" kind "/" name "'}"
#define SCHEMA(name) REF("schemas", name)
#define LIST_OF(schema) "{'type':'array','items':" schema "}"
#define EITHER(one, other) "{'oneOf':[" one "," other "]}"
#define CONTENT(schema) "'content':{'" UM_JSON_TYPE "':{'schema':" schema "}}"
#define BODY(content) "'requestBody':{'required':true," content "}"
#define PARAMETER(name) REF("parameters", name)
#define HEADER(name, component) "'" name "':" REF("headers", component)
#define ERROR_OF(status) ",'" #status "':" REF("responses", #status)
#define ERRORS ERROR_OF(400) ERROR_OF(401) ERROR_OF(403) ERROR_OF(405) ERROR_OF(500) ERROR_OF(503)
#define STATE HEADER("ETag", "ETag") "," HEADER("Last-Modified", "LastModified")
#define PAGE HEADER("X-Total-Count", "TotalCount") "," HEADER("X-Total-Count-Estimated", "Estimated") "," \
	HEADER("X-Result-Count", "ResultCount") "," HEADER("Link", "Link")

#define RANGES "'Accept-Ranges':{'description':'bytes','schema':" TEXT "},"
#define BYTES "'content':{'" UM_JSON_TYPE "':{'schema':{'type':'array','items':{}}}," \
	"'application/x-ndjson':{'schema':" BINARY "},'text/csv':{'schema':" BINARY "}}"
#define BINARY "{'type':'string','format':'binary'}"

/* TM Forum's word for the paths of a hub. */
#define HUB_TAG "events subscription"

#define REPLACES "'example':[{'op':'replace','path':'/<status>','value':'<next>'}]"

/* Patches of either kind; <next> is a status that the example may take. */
#define PATCHES \
	"'content':{" \
	"'" UM_MERGE_PATCH "':{'schema':" SCHEMA("<type>_Update") "}," \
	"'" UM_JSON_TYPE "':{'schema':" EITHER(SCHEMA("<type>_Update"), SCHEMA("<operation>")) "," \
	"'example':{'<status>':'<next>'}}," \
	"'" UM_JSON_PATCH "':{'schema':" SCHEMA("<operation>s") "," REPLACES "}," \
	"'" UM_JSON_PATCH_QUERY "':{'schema':" EITHER(SCHEMA("<operation>s"), SCHEMA("<operation>")) "," REPLACES "}}"

static const Operation operations[] = {
	{UM_COLLECTION, "get", UM_ALL_VERSIONS, ALL,
		"'operationId':'list<type>','tags':['<name>'],'summary':'Lists <labels>',"
		"'description':'Those that the query names. Any attribute can be a condition, also one inside of "
		"an object or list, with dots between the names, and one with an operator behind it: .ne, .gt, "
		".gte, .lt, .lte, .regex.',"
		"'parameters':[" PARAMETER("fields") "," PARAMETER("offset") "," PARAMETER("limit") ","
		PARAMETER("sort") "," PARAMETER("after") "," PARAMETER("filter") "<conditions>],"
		"'responses':{"
		"'200':{'description':'All that there are, or the end of them','headers':{" PAGE "},"
		CONTENT(LIST_OF(SCHEMA("<type>"))) "},"
		"'206':{'description':'A page, behind which there are more','headers':{" PAGE "},"
	CONTENT(LIST_OF(SCHEMA("<type>"))) "}" ERRORS ERROR_OF(416) ERROR_OF(501) "}"},

	{UM_COLLECTION, "post", UM_ALL_VERSIONS, ORDERED,
		"'operationId':'create<type>','tags':['<name>'],'summary':'Creates <one>',"
		"'description':'An agent carries it out, by the rights of who has ordered it. Delivered again it is found and "
		"answered with 200; its <id> with other content is 409.',"
		"'parameters':[" PARAMETER("fields") "],"
		BODY(CONTENT(SCHEMA("<type>_Create"))) ","
		"'responses':{"
		"'201':{'description':'Created','headers':{" HEADER("Location", "Location") "," STATE "},"
		CONTENT(SCHEMA("<type>")) "},"
		"'200':{'description':'It was there already','headers':{" HEADER("Location", "Location") "," STATE "},"
		CONTENT(SCHEMA("<type>")) "}"
	ERRORS ERROR_OF(409) ERROR_OF(413) ERROR_OF(415) "}"},

	{UM_COLLECTION, "post", UM_ALL_VERSIONS, CHANGED,
		"'operationId':'create<type>','tags':['<name>'],'summary':'Creates <one>, or many',"
		"'description':'Delivered again it is found and answered with 200; its <id> with other content is 409. "
		"Of a list all are stored, or none.',"
		"'parameters':[" PARAMETER("fields") "],"
		BODY(CONTENT(EITHER(SCHEMA("<type>_Create"), LIST_OF(SCHEMA("<type>_Create"))))) ","
		"'responses':{"
		"'201':{'description':'Created','headers':{" HEADER("Location", "Location") "," STATE "},"
		CONTENT(EITHER(SCHEMA("<type>"), LIST_OF(SCHEMA("<type>")))) "},"
		"'200':{'description':'It was there already','headers':{" HEADER("Location", "Location") "," STATE "},"
		CONTENT(EITHER(SCHEMA("<type>"), LIST_OF(SCHEMA("<type>")))) "}"
	ERRORS ERROR_OF(409) ERROR_OF(413) ERROR_OF(415) "}"},

	{UM_COLLECTION, "patch", UM_ALL_VERSIONS, CHANGED,
		"'operationId':'patch<types>','tags':['<name>'],'summary':'Changes all <labels> that a query names',"
		"'description':'All or none. The query has a condition, or says all=true.',"
		"'parameters':[" PARAMETER("all") "," PARAMETER("filter") "<conditions>],"
		BODY(PATCHES) ","
		"'responses':{"
		"'200':{'description':'How many',"
		CONTENT("{'type':'object','properties':{'count':{'type':'integer'}}}") "}"
	ERRORS ERROR_OF(409) ERROR_OF(413) ERROR_OF(415) ERROR_OF(501) "}"},

	{UM_ITEM, "get", UM_ALL_VERSIONS, ALL,
		"'operationId':'retrieve<type>','tags':['<name>'],'summary':'Answers <one>',"
		"'parameters':[" PARAMETER("fields") "," PARAMETER("IfNoneMatch") "," PARAMETER("IfModifiedSince") "],"
		"'responses':{"
		"'200':{'description':'It','headers':{" STATE "}," CONTENT(SCHEMA("<type>")) "},"
	"'304':{'description':'It is as the client knows it','headers':{" STATE "}}" ERRORS ERROR_OF(404) "}"},

	{UM_ITEM, "put", 1 << UM_R14_5, CHANGED,
		"'operationId':'update<type>','tags':['<name>'],'summary':'Replaces <one>',"
		"'description':'Without a status it keeps its own.',"
		"'parameters':[" PARAMETER("fields") "," PARAMETER("IfMatch") "],"
		BODY(CONTENT(SCHEMA("<type>_Create"))) ","
		"'responses':{"
		"'200':{'description':'As it is now','headers':{" STATE "}," CONTENT(SCHEMA("<type>")) "}"
	ERRORS ERROR_OF(404) ERROR_OF(409) ERROR_OF(412) ERROR_OF(413) ERROR_OF(415) "}"},

	{UM_ITEM, "patch", UM_ALL_VERSIONS, CHANGED,
		"'operationId':'patch<type>','tags':['<name>'],'summary':'Changes <one>',"
		"'parameters':[" PARAMETER("fields") "," PARAMETER("IfMatch") "],"
		BODY(PATCHES) ","
		"'responses':{"
		"'200':{'description':'As it is now','headers':{" STATE "}," CONTENT(SCHEMA("<type>")) "}"
	ERRORS ERROR_OF(404) ERROR_OF(409) ERROR_OF(412) ERROR_OF(413) ERROR_OF(415) "}"},

	{UM_ITEM, "delete", UM_ALL_VERSIONS, ORDERED,
		"'operationId':'delete<type>','tags':['<name>'],'summary':'Deletes <one>',"
		"'description':'One that has not ended is cancelled first.',"
		"'parameters':[" PARAMETER("IfMatch") "],"
		"'responses':{'204':{'description':'It is gone'}"
	ERRORS ERROR_OF(404) ERROR_OF(409) ERROR_OF(412) "}"},

	{UM_RESULT, "get", UM_ALL_VERSIONS, ORDERED,
		"'operationId':'retrieve<type>Result','tags':['<name>'],'summary':'Answers what <one> without a URL has made',"
		"'description':'For a day. An answer has at most 16 MB: what is longer is asked for in ranges.',"
		"'parameters':[{'name':'Range','in':'header','description':'Which bytes: bytes=0-999','schema':" TEXT "},"
		"{'name':'If-Range','in':'header','description':'An ETag: all of it where that is another by now','schema':" TEXT "},"
		PARAMETER("IfNoneMatch") "," PARAMETER("IfModifiedSince") "],"
		"'responses':{"
		"'200':{'description':'All of it','headers':{" RANGES STATE "}," BYTES "},"
		"'206':{'description':'A part of it','headers':{'Content-Range':{'description':'Which one, and how many bytes "
		"there are','schema':" TEXT "}," RANGES STATE "}," BYTES "},"
		"'304':{'description':'It is as the client knows it','headers':{" STATE "}}"
	ERRORS ERROR_OF(404) ERROR_OF(412) ERROR_OF(413) ERROR_OF(416) "}"},

	{UM_ITEM, "delete", UM_ALL_VERSIONS, CHANGED,
		"'operationId':'delete<type>','tags':['<name>'],'summary':'Deletes <one>',"
		"'parameters':[" PARAMETER("IfMatch") "],"
		"'responses':{'204':{'description':'It is gone'}"
	ERRORS ERROR_OF(404) ERROR_OF(409) ERROR_OF(412) "}"},

	{UM_HUB, "get", UM_ALL_VERSIONS, ALL,
		"'operationId':'listListeners','tags':['" HUB_TAG "'],'summary':'Lists your own listeners',"
		"'responses':{'200':{'description':'All of them',"
	CONTENT(LIST_OF(SCHEMA("<listener>"))) "}" ERRORS "}"},

	{UM_HUB, "post", UM_ALL_VERSIONS, ALL,
		"'operationId':'registerListener','tags':['" HUB_TAG "'],'summary':'Registers a listener to events',"
		"'description':'Its query says of which events it is told, and what of them; without one "
		"it is told of all.',"
		BODY(CONTENT(SCHEMA("<listener>Input"))) ","
		"'responses':{"
		"'201':{'description':'Registered','headers':{" HEADER("Location", "Location") "},"
		CONTENT(SCHEMA("<listener>")) "}" ERRORS ERROR_OF(409) ERROR_OF(413) ERROR_OF(415) "},"
	"'callbacks':{<events>}"},

	{UM_HUB_LISTENER, "get", UM_ALL_VERSIONS, ALL,
		"'operationId':'retrieveListener','tags':['" HUB_TAG "'],'summary':'Answers a listener of your own',"
		"'responses':{'200':{'description':'It',"
	CONTENT(SCHEMA("<listener>")) "}" ERRORS ERROR_OF(404) "}"},

	{UM_HUB_LISTENER, "delete", UM_ALL_VERSIONS, ALL,
		"'operationId':'unregisterListener','tags':['" HUB_TAG "'],'summary':'Ends a listener of your own',"
	"'responses':{'204':{'description':'It is gone'}" ERRORS ERROR_OF(404) "}"}
};

#define COUNT "{'type':'integer','minimum':0}"
#define TAKES(name, as, in, schema, about) \
	"'" name "':{'name':'" as "','in':'" in "','description':'" about "','schema':" schema "}"
#define QUERY(name, schema, about) TAKES(name, name, "query", schema, about)
#define GIVES(name, schema, about) "'" name "':{'description':'" about "','schema':" schema "}"

/* What operations take besides their path and body. */
static const char parameters[] =
	QUERY("fields", TEXT, "The attributes to answer, parted by commas, with dots for inner ones; none for the identity alone") ","
	QUERY("offset", COUNT, "How many to leave out") ","
	QUERY("limit", COUNT, "How many to answer at most") ","
	QUERY("sort", TEXT, "The attributes to sort by, parted by commas; - before one turns its order round") ","
	QUERY("after", TEXT, "Where the page before ended, as its Link says") ","
	QUERY("filter", TEXT, "A condition in JSONPath, as TMF630 has it") ","
	QUERY("all", "{'type':'boolean'}", "That really all are meant") ","
	TAKES("IfMatch", "If-Match", "header", TEXT, "An ETag: only if it is so still") ","
	TAKES("IfNoneMatch", "If-None-Match", "header", TEXT, "An ETag: only if it is so no longer") ","
	TAKES("IfModifiedSince", "If-Modified-Since", "header", TEXT, "A time of HTTP: only if it was changed since");

static const char headers[] =
	GIVES("Location", TEXT, "Where it is") ","
	GIVES("ETag", TEXT, "The state it is in") ","
	GIVES("LastModified", TEXT, "When it was changed, as a time of HTTP") ","
	GIVES("TotalCount", COUNT, "How many the query names") ","
	GIVES("Estimated", "{'type':'boolean'}", "There where that number is an estimate") ","
	GIVES("ResultCount", COUNT, "How many are in this answer") ","
	GIVES("Link", TEXT, "The pages beside this one (RFC 8288)");

/* How an operation can end badly; each has the standard's error as its body. */
static const struct
{
	int			status;
	const char *description;
}			errors[] = {
	{400, "No JSON, an attribute that is missing or of the wrong kind, a rule that is broken, "
	"a parameter that is not known"},
	{401, "A right is missing, and no token was shown"},
	{403, "A right is missing"},
	{404, "There is none"},
	{405, "The method is not one of this address; Allow has those that are"},
	{409, "A move that the life cycle does not know, content that is final, an id that is taken"},
	{412, "It is not, or no longer, in the state that If-Match names"},
	{413, "More than is taken at once"},
	{415, "The content type is not one that is understood"},
	{416, "The offset, or the range, lies behind the end"},
	{500, "Something else went wrong"},
	{501, "A part of the standard that is not supported"},
	{503, "Not now; Retry-After says when"}
};

/* GET …/openapi.json */
void
um_rest_openapi(const UmHttp *http, UmAnswer *answer)
{
	write_api(&answer->body, &http->target.api);
}

/*
 * openapi(path text) → json: the API at that path, such as
 * /tmf-api/usageManagement/v4/; 22023 where there is none.
 */
Datum
um_openapi(PG_FUNCTION_ARGS)
{
	UmSlice		path = um_text_slice(PG_GETARG_DATUM(0));
	UmTarget	target = um_target(psprintf("%.*sopenapi.json", path.len, path.ptr));
	StringInfoData out;

	if (target.place != UM_OPENAPI)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("there is no API at \"%.*s\"", UM_CLIPPED(path, 100)),
				 errhint("There are %s.", known_apis())));
	initStringInfo(&out);
	write_api(&out, &target.api);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}

/* The paths of all APIs. */
static char *
known_apis(void)
{
	StringInfoData out;

	initStringInfo(&out);
	for (UmResource *r = um_resources; r != NULL; r = r->next)
		for (int v = 0; v < UM_VERSIONS; v++)
		{
			UmApi		api;

			if (r->path[v] == NULL)
				continue;
			api = um_api_of(r, v);
			if (um_api_next(&api, NULL) == r)
				appendStringInfo(&out, "%s\"%.*s\"", out.len > 0 ? ", " : "", api.base.len, api.base.ptr);
		}
	return out.data;
}

static void
write_api(StringInfo out, const UmApi *api)
{
	const Word	words[] = {
		{.word = "<title>", .text = title_of(api)},
		{.word = "<version>", .text = um_version_name(api->version)},
		{.word = "<url>", .text = psprintf("%s%.*s", um_base_url, api->base.len - 1, api->base.ptr)}, {NULL}
	};

	fill_template(out, "{'openapi':'3.0.3','info':{'title':'<title>','version':'<version>',"
				  "'description':'Attributes that are not described are kept and given back, where they came.'},"
				  "'servers':[{'url':'<url>'}],'security':[{},{'bearer':[]}],'tags':[", words);
	write_tags(out, api);
	fill_template(out, "],'paths':{", words);
	write_paths(out, api);
	fill_template(out, "},'components':{'securitySchemes':{'bearer':{'type':'http','scheme':'bearer'}},"
				  "'parameters':{", words);
	fill_template(out, parameters, words);
	fill_template(out, "},'headers':{", words);
	fill_template(out, headers, words);
	fill_template(out, "},'responses':{", words);
	write_errors(out);
	fill_template(out, "},'schemas':{", words);
	write_schemas(out, api);
	fill_template(out, "}}}", words);
}

/* Usage Management of /tmf-api/usageManagement/v4/: the word of its path that is not the version. */
static char *
title_of(const UmApi *api)
{
	StringInfoData out;
	const char *word = api->base.ptr + api->base.len;
	UmSlice		segment;

	do
	{
		const char *end = word - 1;

		for (word = end; word > api->base.ptr && word[-1] != '/'; word--)
			;
		segment = (UmSlice) {word, end - word};
	} while (word > api->base.ptr + 1 && um_slice_is(segment, um_version_name(api->version)));
	initStringInfo(&out);
	for (int i = 0; i < segment.len; i++)
	{
		if (i > 0 && isupper((unsigned char) segment.ptr[i]))
			appendStringInfoChar(&out, ' ');
		appendStringInfoChar(&out, i > 0 ? segment.ptr[i] : pg_toupper((unsigned char) segment.ptr[i]));
	}
	return out.data;
}

static void
write_tags(StringInfo out, const UmApi *api)
{
	for (UmResource *r = um_api_next(api, NULL); r != NULL; r = um_api_next(api, r))
	{
		const Word	words[] = {{.word = "<name>", .text = r->json_name}, {NULL}};

		fill_template(out, "{'name':'<name>'},", words);
	}
	fill_template(out, "{'name':'" HUB_TAG "'}", NULL);
}

static void
write_paths(StringInfo out, const UmApi *api)
{
	for (UmResource *r = um_api_next(api, NULL); r != NULL; r = um_api_next(api, r))
	{
		write_place(out, api, r, UM_COLLECTION);
		write_place(out, api, r, UM_ITEM);
		if (r->result != NULL)
			write_place(out, api, r, UM_RESULT);
	}
	write_place(out, api, um_api_next(api, NULL), UM_HUB);
	write_place(out, api, um_api_next(api, NULL), UM_HUB_LISTENER);
	out->len--;					/* the last comma */
}

/* An address and what can be done there; a hub is that of its first resource as much as of any. */
static void
write_place(StringInfo out, const UmApi *api, const UmResource *resource, UmPlace place)
{
	const UmModel *model = resource->model;
	bool		one = place != UM_COLLECTION && place != UM_HUB;
	bool		hub = place == UM_HUB || place == UM_HUB_LISTENER;
	const Word	words[] = {
		{.word = "<path>", .text = hub ? "hub" : resource->json_name},
		{.word = "<below>", .text = place == UM_RESULT ? "/result" : ""},
		{.word = "<type>", .text = resource->type}, {.word = "<types>", .text = um_camel(resource->plural)},
		{.word = "<name>", .text = resource->json_name},
		{.word = "<one>", .text = um_a(model)}, {.word = "<labels>", .text = spoken(resource->plural)},
		{.word = "<id>", .text = um_name_in(model->id, api->version)},
		{.word = "<status>", .text = um_name_in(model->slot[model->status_slot], api->version)},
		{.word = "<next>", .text = um_next_status(resource)},
		{.word = "<conditions>", .json = conditions_of(api, resource)},
		{.word = "<events>", .json = events_of(api)},
		{.word = "<listener>", .text = um_schema_name(&um_listener_entity)},
		{.word = "<operation>", .text = UM_PATCH_OPERATION}, {NULL}
	};

	fill_template(out, one ? "'/<path>/{<id>}<below>':{'parameters':[{'name':'<id>','in':'path','required':true,"
				  "'schema':{'type':'string'}}]" : "'/<path>':{", words);
	for (size_t i = 0; i < lengthof(operations); i++)
	{
		const Operation *operation = &operations[i];

		if (operation->place != place || !(operation->versions & (1 << api->version)) ||
			(operation->scope != ALL && (operation->scope == ORDERED) != resource->orders))
			continue;
		appendStringInfo(out, "%s\"%s\":{", out->data[out->len - 1] == '{' ? "" : ",", operation->method);
		fill_template(out, operation->text, words);
		appendStringInfoChar(out, '}');
	}
	appendStringInfoString(out, "},");
}

/* Its attributes as conditions of a query, those that are one value. */
static char *
conditions_of(const UmApi *api, const UmResource *resource)
{
	UmSchemas	schemas = {.version = api->version, .resource = resource};
	StringInfoData out;

	initStringInfo(&out);
	for (const UmAttribute *a = resource->model->attributes; a->kind != UM_END; a++)
	{
		const Word	words[] = {{.word = "<name>", .text = um_name_in(a, api->version)}, {NULL}};

		if (a->kind >= UM_ANY)
			continue;
		fill_template(&out, ",{'name':'<name>','in':'query','schema':", words);
		um_write_type(&out, &schemas, a);
		appendStringInfoChar(&out, '}');
	}
	return out.data;
}

/* What a listener is sent, by its type. */
static char *
events_of(const UmApi *api)
{
	const char *callback = um_name_in(&um_listener_entity.attributes[UM_LISTENER_CALLBACK], api->version);
	StringInfoData out;

	initStringInfo(&out);
	for (UmResource *r = um_api_next(api, NULL); r != NULL; r = um_api_next(api, r))
		for (int t = 0; t < UM_EVENT_TYPES; t++)
		{
			const Word	words[] = {
				{.word = "<event>", .text = r->event[api->version][t]},
				{.word = "<callback>", .text = callback}, {NULL}
			};

			if (r->event[api->version][t] == NULL)
				continue;
			appendStringInfoString(&out, out.len > 0 ? "," : "");
			fill_template(&out, "'<event>':{'{$request.body#/<callback>}':{'post':{"
						  BODY(CONTENT(SCHEMA("<event>")))
						  ",'responses':{'2XX':{'description':'It has arrived'}}}}}", words);
		}
	return out.data;
}

/* The name of a table as words of a sentence. */
static char *
spoken(const char *words)
{
	char	   *out = pstrdup(words);

	for (char *p = out; (p = strchr(p, '_')) != NULL;)
		*p = ' ';
	return out;
}

static void
write_errors(StringInfo out)
{
	for (size_t i = 0; i < lengthof(errors); i++)
	{
		const Word	words[] = {
			{.word = "<status>", .text = psprintf("%d", errors[i].status)},
			{.word = "<description>", .text = errors[i].description},
			{.word = "<error>", .text = um_schema_name(&um_error_entity)}, {NULL}
		};

		fill_template(out, "'<status>':{'description':'<description>'," CONTENT(SCHEMA("<error>")) "},", words);
	}
	out->len--;					/* the last comma */
}

static void
write_schemas(StringInfo out, const UmApi *api)
{
	UmSchemas	schemas = {.version = api->version};

	for (UmResource *r = um_api_next(api, NULL); r != NULL; r = um_api_next(api, r))
		um_schemas_of_resource(&schemas, r);
	for (UmResource *r = um_api_next(api, NULL); r != NULL; r = um_api_next(api, r))
		um_schemas_of_events(&schemas, r);
	um_schemas_of_hub(&schemas);
	um_schemas_of_patch(&schemas);
	um_schemas_write(out, &schemas);
}

/* Appends JSON that is written with ' for ", its words replaced. */
static void
fill_template(StringInfo out, const char *text, const Word *words)
{
	while (*text != '\0')
	{
		const Word *word = *text == '<' ? word_at(text, words) : NULL;

		if (word == NULL)
		{
			appendStringInfoChar(out, *text == '\'' ? '"' : *text);
			text++;
			continue;
		}
		if (word->json != NULL)
			appendStringInfoString(out, word->json);
		else
			append_within_string(out, word->text);
		text += strlen(word->word);
	}
}

static const Word *
word_at(const char *text, const Word *words)
{
	while (words != NULL && words->word != NULL && strncmp(text, words->word, strlen(words->word)) != 0)
		words++;
	return words != NULL && words->word != NULL ? words : NULL;
}

/* Escaped, without the quotes, which the template has. */
static void
append_within_string(StringInfo out, const char *text)
{
	StringInfoData quoted;

	initStringInfo(&quoted);
	um_append_json_string(&quoted, text, strlen(text));
	appendBinaryStringInfo(out, quoted.data + 1, quoted.len - 2);
	pfree(quoted.data);
}
