/*
 * resources.c
 *	  The resources that the server has.
 *
 * They are declared in the extension's model, and not here: what they are
 * called, where their documents go and what names their ids, dates and types
 * have is asked for.  The first is that of documents that do not say.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "resources.h"

static const char *text_field(const PGresult *result, int row, int column);
static bool choose(Resources *resources, const char *name);

/* Chosen, if it is not NULL, is the one of all documents, whatever they say. */
bool
resources_learn(Resources *resources, PGconn *conn, const char *chosen)
{
	/* what others are checked against is stored before them; an order comes in no file */
	PGresult   *result = run(conn,
							 "SELECT noun, type, pg_catalog.format('usage_mgmt.%I', door), "
							 "'usage_mgmt.' || pg_catalog.quote_ident(conflict), "
							 "pg_catalog.format('usage_mgmt.%I', 'get_' || plural), "
							 "pg_catalog.format('usage_mgmt.%I', 'count_' || plural), "
							 "coalesce(pg_catalog.has_table_privilege("
							 "pg_catalog.to_regclass(pg_catalog.format('usage_mgmt.%I', door)), 'INSERT'), true), "
							 "' ' || pg_catalog.array_to_string(usage_mgmt.attribute_names(noun, 'id'), ' ') || ' ', "
							 "' ' || pg_catalog.array_to_string(usage_mgmt.attribute_names(noun, date_column), ' ') || ' ', "
							 "' ' || pg_catalog.array_to_string(usage_mgmt.attribute_names(noun, 'type'), ' ') || ' ', "
							 "ordinality = 1 "
							 "FROM usage_mgmt.resources() WITH ORDINALITY r, LATERAL (SELECT noun || '_document') d (door) "
							 "WHERE NOT orders "
							 "ORDER BY EXISTS (SELECT FROM usage_mgmt.resources() o WHERE o.specification = r.noun) DESC, "
							 "ordinality", 0, NULL);

	memset(resources, 0, sizeof(Resources));
	if (result == NULL)
		return false;
	resources->result = result;
	resources->count = PQntuples(result);
	resources->list = calloc(resources->count + 1, sizeof(Resource));
	for (int i = 0; i < resources->count; i++)
	{
		Resource   *resource = &resources->list[i];

		resource->noun = text_field(result, i, 0);
		resource->type = text_field(result, i, 1);
		resource->door = text_field(result, i, 2);
		resource->conflict = text_field(result, i, 3);
		resource->get = text_field(result, i, 4);
		resource->count = text_field(result, i, 5);
		resource->open = PQgetvalue(result, i, 6)[0] == 't';
		/* a null is an empty text, too */
		resource->names.id = PQgetvalue(result, i, 7);
		resource->names.date = PQgetvalue(result, i, 8);
		resource->names.type = chosen == NULL ? PQgetvalue(result, i, 9) : "";
		if (PQgetvalue(result, i, 10)[0] == 't')
			resources->first = resources->usual = i;
	}
	if (resources->count == 0 || !choose(resources, chosen))
		return false;
	resources->list[resources->usual].open = true;
	return true;
}

static const char *
text_field(const PGresult *result, int row, int column)
{
	return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}

/* By its noun or by its type, which is the segment of its path as well but for the case. */
static bool
choose(Resources *resources, const char *name)
{
	char		known[1000] = "";

	for (int i = 0; i < resources->count && name != NULL; i++)
	{
		const Resource *resource = &resources->list[i];
		size_t		used = strlen(known);

		if (strcasecmp(name, resource->noun) == 0 ||
			(resource->type != NULL && strcasecmp(name, resource->type) == 0))
		{
			resources->usual = i;
			return true;
		}
		snprintf(known + used, sizeof(known) - used, "%s%s", i > 0 ? ", " : "", resource->noun);
	}
	if (name != NULL)
	{
		complain("resource \"%s\" is not known; there are %s", name, known);
		complaint_lasts();
	}
	return name == NULL;
}

void
resources_free(Resources *resources)
{
	PQclear(resources->result);
	free(resources->list);
}

/* The one that a document's @type names; the usual one where it names none. */
int
resources_of_type(const Resources *resources, Slice type)
{
	for (int i = 0; i < resources->count && type.length > 0; i++)
	{
		const char *name = resources->list[i].type;

		if (name != NULL && strlen(name) == type.length && memcmp(name, type.text, type.length) == 0)
			return i;
	}
	return resources->usual;
}
