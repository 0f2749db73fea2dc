/*
 * resource.c
 *	  The resources there are, and how one is found.
 *
 * What a resource is like is declared in model.c and nowhere else.  The SQL
 * functions of all resources are the same C functions, which find theirs by
 * the name they are called by; triggers do so, too.  A module of somebody's
 * own may register another one, in its _PG_init.
 */
#include "postgres.h"

#include "catalog/partition.h"
#include "lib/stringinfo.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "errors.h"
#include "resource.h"
#include "settings.h"
#include "types.h"

UmResource *um_resources = NULL;

static void name_in_json(UmResource *resource);

static const char *const version_names[UM_VERSIONS] = {"r14.5", "v4"};

/* Makes the declared resources known; once, at load. */
void
um_resource_init(void)
{
	um_model_init(&um_characteristic, NULL);
	um_model_init(&um_notification, NULL);
	um_model_init(&um_create_listener, NULL);
	um_model_init(&um_listener_entity, NULL);
	um_model_init(&um_error_entity, NULL);
	for (UmResource *const *r = um_declared_resources; *r != NULL; r++)
		um_resource_register(*r);
}

/*
 * Adds a resource behind those that are there, for the session; at load.  What
 * could not work is an error of its module's author.
 */
void
um_resource_register(UmResource *resource)
{
	UmResource **end = &um_resources;

	if (resource->model == NULL || resource->plural == NULL || resource->life == NULL ||
		(resource->faces & UM_ALL_VERSIONS) == 0 ||
		(resource->date != NULL && (resource->ledger == NULL || resource->conflict == NULL)) ||
		(resource->specification != NULL && resource->specification_id == NULL))
		elog(ERROR, "a resource is declared in part only");
	for (; *end != NULL; end = &(*end)->next)
		if (strcmp((*end)->model->noun, resource->model->noun) == 0)
			elog(ERROR, "resource \"%s\" is registered already", resource->model->noun);
	resource->model->resource = resource;
	resource->model->life = resource->life;
	name_in_json(resource);
	um_model_init(resource->model, resource->date);
	*end = resource;
}

static void
name_in_json(UmResource *resource)
{
	const char *path = resource->path[um_default_version(resource)];
	UmSlice		segment = um_last_segment((UmSlice) {path, strrchr(path, '/') - path});
	char	   *name = MemoryContextStrdup(TopMemoryContext, pnstrdup(segment.ptr, segment.len));

	resource->json_name = MemoryContextStrdup(TopMemoryContext, name);
	name[0] = pg_toupper((unsigned char) name[0]);
	resource->type = name;
}

/* The resource that an @type names; NULL for none. */
const UmResource *
um_resource_of_type(UmSlice type)
{
	for (UmResource *r = um_resources; r != NULL; r = r->next)
		if (um_slice_is(type, r->type))
			return r;
	return NULL;
}

/* The resource of that noun; 22023 where there is none. */
UmResource *
um_resource(const char *noun)
{
	StringInfoData known;

	initStringInfo(&known);
	for (UmResource *r = um_resources; r != NULL; r = r->next)
	{
		if (strcmp(r->model->noun, noun) == 0)
			return r;
		appendStringInfo(&known, "%s\"%s\"", known.len == 0 ? "" : r->next == NULL ? " and " : ", ", r->model->noun);
	}
	ereport(ERROR,
			(errcode(UM_PARAMETER),
			 errmsg("resource \"%s\" is not known", noun),
			 errhint("The resources are %s.", known.data)));
}

/* One of a model, for messages: an import job; a usage, as it is spoken. */
char *
um_a(const UmModel *model)
{
	return psprintf("%s %s", strchr("aeio", model->label[0]) != NULL ? "an" : "a", model->label);
}

/* The entity of that name, which no table holds; 22023 where there is none. */
const UmModel *
um_entity(const char *name)
{
	StringInfoData known;

	initStringInfo(&known);
	for (UmModel *const *e = um_entities; *e != NULL; e++)
	{
		if (strcmp((*e)->noun, name) == 0)
		{
			um_model_init(*e, NULL);
			return *e;
		}
		appendStringInfo(&known, "%s%s", known.len == 0 ? "" : ", ", (*e)->noun);
	}
	ereport(ERROR,
			(errcode(UM_PARAMETER),
			 errmsg("entity \"%s\" is not known", name),
			 errhint("The entities are %s.", known.data)));
}

/* The resource whose noun, or plural, the SQL function called has between before and after. */
UmResource *
um_resource_of(FunctionCallInfo fcinfo, const char *before, const char *after, bool plural)
{
	char	   *name = get_func_name(fcinfo->flinfo->fn_oid);
	int			from = strlen(before);
	int			len = name != NULL ? (int) strlen(name) - from - (int) strlen(after) : -1;

	if (len > 0 && strncmp(name, before, from) == 0 && strcmp(name + from + len, after) == 0)
		for (UmResource *r = um_resources; r != NULL; r = r->next)
		{
			const char *word = plural ? r->plural : r->model->noun;

			if ((int) strlen(word) == len && strncmp(name + from, word, len) == 0)
				return r;
		}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_FUNCTION),
			 errmsg("function \"%s\" names no resource", name != NULL ? name : ""),
			 errhint("Its name is \"%s\", a resource's %s, and \"%s\".", before,
					 plural ? "plural" : "noun", after)));
}

/* The resource whose table, or partition at any depth, that is; NULL for any other. */
UmResource *
um_resource_of_table(Oid relation)
{
	List	   *above = OidIsValid(relation) && get_rel_relispartition(relation)
		? get_partition_ancestors(relation) : NIL;

	if (above != NIL)
		relation = llast_oid(above);
	for (UmResource *r = um_resources; OidIsValid(relation) && r != NULL; r = r->next)
		if (relation == um_table(r->model->noun, true))
			return r;
	return NULL;
}

/*
 * The version of that name, NULL for the setting.  A resource with one face
 * answers in it whatever the setting says; 22023 for a face that it has not.
 */
UmVersion
um_version_of(const UmResource *resource, const char *name)
{
	UmVersion	version;

	if (name == NULL)
		return um_default_version(resource);
	version = um_version(name);
	if (!(resource->faces & (1 << version)))
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("version \"%s\" of the standard has no %s", name, resource->model->label)));
	return version;
}

/* The version of that name; 22023 where there is none. */
UmVersion
um_version(const char *name)
{
	for (int v = 0; v < UM_VERSIONS; v++)
		if (pg_strcasecmp(name, version_names[v]) == 0)
			return v;
	ereport(ERROR,
			(errcode(UM_PARAMETER),
			 errmsg("version \"%s\" of the standard is not known", name),
			 errhint("The versions are \"%s\" and \"%s\".",
					 version_names[UM_R14_5], version_names[UM_V4])));
}

const char *
um_version_name(UmVersion version)
{
	return version_names[version];
}

/* The version in which a resource is spoken of where nobody names one. */
UmVersion
um_default_version(const UmResource *resource)
{
	int			version = um_tmf_version;

	while (!(resource->faces & (1 << version)))
		version = (version + 1) % UM_VERSIONS;
	return version;
}

/*
 * SQL of a resource, in the current memory context: of the text the words
 * {table}, {date}, {ledger} and {conflict} are replaced by the names that they
 * are here, and {rows} by that of a table of the user's.
 */
char *
um_sql(const UmResource *resource, const char *text, const char *rows)
{
	struct
	{
		const char *word;
		const char *schema;
		const char *name;
	}			words[] = {
		{"{table}", UM_SCHEMA ".", resource->model->noun}, {"{date}", "", resource->date},
		{"{ledger}", UM_SCHEMA ".", resource->ledger}, {"{conflict}", UM_SCHEMA ".", resource->conflict},
		{"{noun}", "", resource->model->noun}, {"{rows}", "", rows}
	};
	StringInfoData out;

	initStringInfo(&out);
	while (*text != '\0')
	{
		size_t		i = 0;

		while (i < lengthof(words) && strncmp(text, words[i].word, strlen(words[i].word)) != 0)
			i++;
		if (i == lengthof(words))
		{
			appendStringInfoChar(&out, *text++);
			continue;
		}
		Assert(words[i].name != NULL);
		appendStringInfo(&out, "%s%s", words[i].schema, words[i].name);
		text += strlen(words[i].word);
	}
	return out.data;
}
