/*
 * openapi_schema.c
 *	  What there is in an API, as schemas of OpenAPI 3.0.
 *
 * A schema is a loop over a model's attributes, as a reader's or writer's is,
 * so that it cannot say anything else than they do.  A resource has three, as
 * in TM Forum's documents: what is answered, what creates one (_Create), what
 * a merge patch may say (_Update).  Each object below it has one, which says
 * what a client must send; what is answered has at least that.
 *
 * Two objects may bear one name and differ in what is mandatory, as related
 * parties do: the later one's name is then led by the resource's.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"

#include "json_scan.h"
#include "openapi_schema.h"
#include "rules.h"
#include "settings.h"
#include "tmf_read.h"
#include "tmf_write.h"

/* Where schemas stand in the document. */
#define SCHEMAS "#/components/schemas/"

/* Which of a resource's three. */
typedef enum Use
{
	ANSWERS,
	CREATES,
	CHANGES
} Use;

static void add_use(UmSchemas *schemas, const char *suffix, Use use);
static void add_example(StringInfo out, const UmResource *resource, UmVersion version, Use use);
static UmRecord *example_record(const UmResource *resource);
static void add_event(UmSchemas *schemas, const char *name, bool paths);
static void write_object(StringInfo out, UmSchemas *schemas, const UmAttribute *attributes, Use use);
static bool is_shown(const UmAttribute *attribute, UmVersion version, Use use);
static bool is_required(const UmAttribute *attribute, UmVersion version, Use use);
static void write_property(StringInfo out, UmSchemas *schemas, const UmAttribute *attribute);
static void write_scalar(StringInfo out, UmVersion version, const UmAttribute *attribute);
static const char *description_of(const UmSchemas *schemas, const UmAttribute *attribute);
static bool is_object(const UmAttribute *attribute, UmVersion version);
static const char *schema_of_object(UmSchemas *schemas, const UmAttribute *attribute);
static const char *schema_of_model(UmSchemas *schemas, const UmModel *model);
static const char *schema_of_status(UmSchemas *schemas);
static const char *add_schema(UmSchemas *schemas, const char *name, char *text);
static void write_words(StringInfo out, const char *const *words);
static void write_string(StringInfo out, const char *text);

/* The three schemas of a resource, of an order two, and those of all that is below it. */
void
um_schemas_of_resource(UmSchemas *schemas, const UmResource *resource)
{
	schemas->resource = resource;
	add_use(schemas, "", ANSWERS);
	add_use(schemas, "_Create", CREATES);
	if (!resource->orders)
		add_use(schemas, "_Update", CHANGES);
}

static void
add_use(UmSchemas *schemas, const char *suffix, Use use)
{
	const UmResource *resource = schemas->resource;
	const char *about = resource->about != NULL ? resource->about : resource->model->label;
	const char *end = strstr(about, ". ");
	StringInfoData out;

	initStringInfo(&out);
	write_object(&out, schemas, resource->model->attributes, use);
	out.len--;					/* its closing brace */
	appendStringInfoString(&out, ",\"description\":");
	/* the first sentence; the others are about the table */
	write_string(&out, end == NULL ? about : pnstrdup(about, end + 1 - about));
	add_example(&out, resource, schemas->version, use);
	appendStringInfoChar(&out, '}');
	(void) add_schema(schemas, psprintf("%s%s", resource->type, suffix), out.data);
}

/*
 * As our own reader and writer have it, so that it is in the version's names.
 * What changes one is the move to another status, which every resource has.
 */
static void
add_example(StringInfo out, const UmResource *resource, UmVersion version, Use use)
{
	const UmModel *model = resource->model;
	UmRecord   *record;

	if (use == CHANGES)
	{
		appendStringInfoString(out, ",\"example\":{");
		write_string(out, um_name_in(model->slot[model->status_slot], version));
		appendStringInfoChar(out, ':');
		write_string(out, um_next_status(resource));
		appendStringInfoChar(out, '}');
		return;
	}
	if (resource->example == NULL)
		return;
	record = example_record(resource);
	if (use == ANSWERS)
		um_record_set(record, model->id->slot, CStringGetTextDatum("1"));
	appendStringInfoString(out, ",\"example\":");
	um_write_record(out, record, version, NULL);
}

/* The record that the model gives as one; without its id. */
static UmRecord *
example_record(const UmResource *resource)
{
	UmFaults	faults = {UM_V4, NIL, 0};
	UmRecord   *record = um_read_document(resource->example, strlen(resource->example),
										  resource->model, &faults);

	if (faults.list != NIL)
		elog(ERROR, "the example of \"%s\" cannot be read", resource->model->noun);
	return record;
}

/* Where the example may go next; where there is none, or it may not, a status itself. */
const char *
um_next_status(const UmResource *resource)
{
	const UmLifeCycle *life = resource->life;
	int			status = resource->example != NULL ? um_record_status(example_record(resource)) : -1;

	if (status < 0)
		status = life->first;
	for (int next = 0; next < life->count; next++)
		if (um_status_in(next, life->moves[status]))
			return life->status[next];
	return life->status[status];
}

/* What POST and GET of a hub speak of, and the error that anything may end with. */
void
um_schemas_of_hub(UmSchemas *schemas)
{
	const UmAttribute *listener = um_listener_entity.attributes;
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "{\"type\":\"object\",\"required\":[\"%s\"],\"properties\":{",
					 um_name_in(&listener[UM_LISTENER_CALLBACK], schemas->version));
	write_property(&out, schemas, &listener[UM_LISTENER_CALLBACK]);
	appendStringInfoChar(&out, ',');
	write_property(&out, schemas, &listener[UM_LISTENER_QUERY]);
	appendStringInfo(&out, "},\"example\":{\"%s\":\"https://example.com/events\"}}",
					 um_name_in(&listener[UM_LISTENER_CALLBACK], schemas->version));
	(void) add_schema(schemas, psprintf("%sInput", schema_of_model(schemas, &um_listener_entity)), out.data);
	(void) schema_of_model(schemas, &um_error_entity);
}

/* What a hub tells of a resource: an event of each type that the version has. */
void
um_schemas_of_events(UmSchemas *schemas, const UmResource *resource)
{
	schemas->resource = resource;
	for (int t = 0; t < UM_EVENT_TYPES; t++)
		if (resource->event[schemas->version][t] != NULL)
			add_event(schemas, resource->event[schemas->version][t], t == UM_CHANGE_EVENT);
}

/* Of a change it is also told where it was. */
static void
add_event(UmSchemas *schemas, const char *name, bool paths)
{
	const UmAttribute *attributes = um_notification.attributes;
	const char *type[] = {name, NULL};
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoString(&out, "{\"type\":\"object\",\"properties\":{");
	for (int i = 0; attributes[i].kind != UM_END; i++)
	{
		if (!is_shown(&attributes[i], schemas->version, ANSWERS) || (i == UM_NOTIFICATION_PATHS && !paths))
			continue;
		if (out.data[out.len - 1] != '{')
			appendStringInfoChar(&out, ',');
		if (i != UM_NOTIFICATION_TYPE && i != UM_NOTIFICATION_EVENT)
		{
			write_property(&out, schemas, &attributes[i]);
			continue;
		}
		write_string(&out, um_name_in(&attributes[i], schemas->version));
		appendStringInfoChar(&out, ':');
		if (i == UM_NOTIFICATION_TYPE)
			write_words(&out, type);
		else
			appendStringInfo(&out, "{\"type\":\"object\",\"properties\":{\"%s\":{\"$ref\":\"" SCHEMAS "%s\"}}}",
							 schemas->resource->json_name, schemas->resource->type);
	}
	appendStringInfoString(&out, "}}");
	(void) add_schema(schemas, name, out.data);
}

/* A patch by operations. */
void
um_schemas_of_patch(UmSchemas *schemas)
{
	const char *name = schema_of_model(schemas, um_entity(UM_PATCH_OPERATION));

	(void) add_schema(schemas, psprintf("%ss", name),
					  psprintf("{\"type\":\"array\",\"items\":{\"$ref\":\"" SCHEMAS "%s\"}}", name));
}

/* The members of components.schemas. */
void
um_schemas_write(StringInfo out, const UmSchemas *schemas)
{
	ListCell   *name;
	ListCell   *text;

	forboth(name, schemas->names, text, schemas->texts)
	{
		if (name != list_head(schemas->names))
			appendStringInfoChar(out, ',');
		write_string(out, lfirst(name));
		appendStringInfo(out, ":%s", (char *) lfirst(text));
	}
}

static void
write_object(StringInfo out, UmSchemas *schemas, const UmAttribute *attributes, Use use)
{
	const char *before = "\"required\":[";

	appendStringInfoString(out, "{\"type\":\"object\",");
	for (const UmAttribute *a = attributes; a->kind != UM_END; a++)
	{
		if (!is_shown(a, schemas->version, use) || !is_required(a, schemas->version, use))
			continue;
		appendStringInfoString(out, before);
		write_string(out, um_name_in(a, schemas->version));
		before = ",";
	}
	if (before[0] == ',')
		appendStringInfoString(out, "],");
	appendStringInfoString(out, "\"properties\":{");
	for (const UmAttribute *a = attributes; a->kind != UM_END; a++)
	{
		if (!is_shown(a, schemas->version, use))
			continue;
		if (out->data[out->len - 1] != '{')
			appendStringInfoChar(out, ',');
		write_property(out, schemas, a);
	}
	appendStringInfoString(out, "}}");
}

/* What a version calls by another's name it shows elsewhere, as a currency within an amount. */
static bool
is_shown(const UmAttribute *attribute, UmVersion version, Use use)
{
	if (attribute->kind == UM_INTERNAL || attribute->kind == UM_EXTRA || attribute->name[version] == NULL)
		return false;
	if (use == CREATES)
		return attribute->kind != UM_HREF && !(attribute->flags & UM_SERVERS);
	return use != CHANGES || !(attribute->flags & (UM_FIXED | UM_NOT_PATCHED));
}

/* Of what is answered that which no choice of fields leaves out. */
static bool
is_required(const UmAttribute *attribute, UmVersion version, Use use)
{
	if (use == CREATES)
		return (attribute->flags & (UM_MANDATORY | UM_MANDATORY_WITH)) != 0 &&
			!(attribute->filled_in & (1 << version));
	return use == ANSWERS && (attribute->flags & (UM_FIXED | UM_SERVERS)) == UM_FIXED;
}

/* "name": what it is. */
static void
write_property(StringInfo out, UmSchemas *schemas, const UmAttribute *attribute)
{
	const char *description = description_of(schemas, attribute);
	bool		refers = attribute->kind == UM_STATUS || attribute->kind == UM_BRANCH ||
		is_object(attribute, schemas->version);

	write_string(out, um_name_in(attribute, schemas->version));
	/* what stands beside a reference is not read */
	appendStringInfoString(out, refers && description != NULL ? ":{\"allOf\":[" : ":");
	um_write_type(out, schemas, attribute);
	if (description == NULL)
		return;
	if (refers)
		appendStringInfoChar(out, ']');
	else
		out->len--;				/* its closing brace */
	appendStringInfo(out, "%s\"description\":", out->data[out->len - 1] == '{' ? "" : ",");
	write_string(out, description);
	appendStringInfoChar(out, '}');
}

/* What the model says of it; NULL for nothing. Of a list it is said of its column. */
static const char *
description_of(const UmSchemas *schemas, const UmAttribute *attribute)
{
	const UmLifeCycle *life = schemas->resource != NULL ? schemas->resource->life : NULL;

	if (attribute->about != NULL && attribute->of == NULL)
		return attribute->about;
	if ((attribute->flags & UM_MANDATORY_RATED) && life != NULL && life->rated != 0)
		return psprintf("mandatory in status %s", um_status_list(life, life->rated));
	return NULL;
}

/* The type of an attribute's value. */
void
um_write_type(StringInfo out, UmSchemas *schemas, const UmAttribute *attribute)
{
	const char *ref = NULL;

	if (is_object(attribute, schemas->version))
		ref = schema_of_object(schemas, attribute);
	else if (attribute->kind == UM_STATUS)
		ref = schema_of_status(schemas);
	else if (attribute->of != NULL)
		ref = schema_of_model(schemas, attribute->of);
	if (ref == NULL)
		write_scalar(out, schemas->version, attribute);
	else if (attribute->kind == UM_CHARACTERISTICS || attribute->kind == UM_LIST || attribute->kind == UM_TREE)
		appendStringInfo(out, "{\"type\":\"array\",\"items\":{\"$ref\":\"" SCHEMAS "%s\"}}", ref);
	else
		appendStringInfo(out, "{\"$ref\":\"" SCHEMAS "%s\"}", ref);
}

static void
write_scalar(StringInfo out, UmVersion version, const UmAttribute *attribute)
{
	/* ours are whole addresses where the setting says of which host */
	const char *uri = um_base_url[0] != '\0' ? "uri" : "uri-reference";

	if (attribute->kind == UM_ANY || attribute->kind == UM_JSON)
		appendStringInfoString(out, "{}");
	else if (attribute->number_in & (1 << version))
		appendStringInfoString(out, "{\"oneOf\":[{\"type\":\"number\"},{\"type\":\"string\"}]}");
	else if (attribute->kind == UM_NUMBER)
		appendStringInfoString(out, attribute->flags & UM_COUNT
							   ? "{\"type\":\"integer\",\"minimum\":0}" : "{\"type\":\"number\"}");
	else if (attribute->kind == UM_BOOL)
		appendStringInfoString(out, "{\"type\":\"boolean\"}");
	else if (attribute->kind == UM_TIME)
		appendStringInfoString(out, "{\"type\":\"string\",\"format\":\"date-time\"}");
	else if (attribute->kind == UM_URI || attribute->kind == UM_HREF)
		appendStringInfo(out, "{\"type\":\"string\",\"format\":\"%s\"%s}", uri,
						 attribute->kind == UM_HREF ? ",\"readOnly\":true" : "");
	else if (attribute->allowed != NULL)
		write_words(out, attribute->allowed);
	else
		appendStringInfoString(out, "{\"type\":\"string\"}");
}

static bool
is_object(const UmAttribute *attribute, UmVersion version)
{
	return attribute->members != NULL && (attribute->object_in & (1 << version)) != 0;
}

static const char *
schema_of_object(UmSchemas *schemas, const UmAttribute *attribute)
{
	StringInfoData out;

	initStringInfo(&out);
	write_object(&out, schemas, attribute->members, CREATES);
	return add_schema(schemas, attribute->schema != NULL ? attribute->schema
					  : um_camel(um_name_in(attribute, schemas->version)), out.data);
}

static const char *
schema_of_model(UmSchemas *schemas, const UmModel *model)
{
	StringInfoData out;

	initStringInfo(&out);
	write_object(&out, schemas, model->attributes, CREATES);
	return add_schema(schemas, um_schema_name(model), out.data);
}

/* What documents call a model's shape. */
const char *
um_schema_name(const UmModel *model)
{
	return model->schema != NULL ? model->schema : um_camel(model->noun);
}

/* Its name is that of TM Forum's: UsageStatusType. */
static const char *
schema_of_status(UmSchemas *schemas)
{
	const UmLifeCycle *life = schemas->resource->life;
	const char *words[UM_MAX_STATUSES + 1] = {NULL};
	StringInfoData out;

	for (int i = 0; i < life->count; i++)
		words[i] = um_status_name(life, i, schemas->version);
	initStringInfo(&out);
	write_words(&out, words);
	return add_schema(schemas, psprintf("%sType", um_camel(life->type.name)), out.data);
}

/* The name under which it is there, now or already. */
static const char *
add_schema(UmSchemas *schemas, const char *name, char *text)
{
	ListCell   *known;
	ListCell   *of;

	forboth(known, schemas->names, of, schemas->texts)
	{
		if (strcmp(lfirst(known), name) != 0)
			continue;
		if (strcmp(lfirst(of), text) == 0)
			return lfirst(known);
		return add_schema(schemas, psprintf("%s%s", schemas->resource->type, name), text);
	}
	schemas->names = lappend(schemas->names, pstrdup(name));
	schemas->texts = lappend(schemas->texts, text);
	return llast(schemas->names);
}

/* A text that is one of those up to a NULL. */
static void
write_words(StringInfo out, const char *const *words)
{
	appendStringInfoString(out, "{\"type\":\"string\",\"enum\":");
	for (int i = 0; words[i] != NULL; i++)
	{
		appendStringInfoChar(out, i == 0 ? '[' : ',');
		write_string(out, words[i]);
	}
	appendStringInfoString(out, "]}");
}

static void
write_string(StringInfo out, const char *text)
{
	um_append_json_string(out, text, strlen(text));
}

/* usage_status becomes UsageStatus. */
char *
um_camel(const char *words)
{
	char	   *out = pstrdup(words);
	char	   *p = out;

	for (bool up = true; *words != '\0'; words++)
	{
		if (*words != '_')
			*p++ = up ? pg_toupper((unsigned char) *words) : *words;
		up = *words == '_';
	}
	*p = '\0';
	return out;
}
