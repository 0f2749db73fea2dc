/*
 * listen_query.c
 *	  Which events a listener wants, as its query string says.
 *
 * The string is one of TMF630: eventType=UsageStatusChangedNotification&
 * usage.type=VOICE&fields=usage.id,usage.status.  Conditions are about the
 * resource as the event has it, and mean what they mean to a list; its
 * attributes are named from the event on (event.usage.type), from the resource
 * on (usage.type), or by themselves (type).  Where an attribute is called as
 * the resource is, the bare name is the attribute's.  fields cuts the resource,
 * never what is around it.
 *
 * eventType takes names of the version in which the listener is told, and no
 * other operator than equality.  Without it all types are meant but that of any
 * change, which would tell everything twice.
 *
 * A listener at the hub of an API is one of each of its resources, by the same
 * string.  So types and fields of the others there are passed over, as long as
 * something is left; a condition on another one's attributes no event meets.
 *
 * All that a string cannot mean is said when it is read, so a listener that is
 * registered is one whose query works: the filter is compiled once for nothing.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"

#include "api.h"
#include "errors.h"
#include "listen_query.h"
#include "query.h"
#include "store.h"

#define MAX_QUERY 8000			/* bytes */

static void refuse_page(const UmQueryString *query, const UmResource *resource);
static bool is_event_type(const UmCondition *condition, UmVersion version);
static int	types_of(const UmResource *resource, UmVersion version, const UmCondition *condition,
					 const char **others);
static int	find_type(const UmResource *resource, UmVersion version, const char *name);
static bool is_type_of_another(const UmResource *resource, UmVersion version, const char *name);
pg_noreturn static void refuse_type(const UmResource *resource, UmVersion version, const char *name);
static int	default_types(const UmResource *resource, UmVersion version);
static char *known_types(const UmResource *resource, UmVersion version);
static void name_in_resource(UmCondition *condition, const UmResource *resource, UmVersion version);
static const char *bare_name(const UmResource *resource, const char *name, UmVersion version);
static const char *behind_segment(const char *name, const char *segment);
static bool is_name_of_another(const UmResource *resource, const char *name, UmVersion version);
static UmFields *fields_of(const UmResource *resource, const char *fields, UmVersion version);
static UmFilter *filter_of(const UmResource *resource, const UmQueryString *query,
						   UmVersion version);

/* Reads what a listener asks for in a version; 22023 for what it cannot mean. */
UmListenQuery *
um_listen_query(const UmResource *resource, const char *query, UmVersion version)
{
	UmListenQuery *listen = palloc0(sizeof(UmListenQuery));
	UmQueryString *string;
	List	   *conditions = NIL;
	const char *others = NULL;	/* a type of another resource */
	ListCell   *cell;

	if (strlen(query) > MAX_QUERY)
		ereport(ERROR,
				(errcode(UM_PARAMETER), errmsg("a listener's query has at most %d bytes", MAX_QUERY)));
	string = um_parse_query(query, false);
	refuse_page(string, resource);
	foreach(cell, string->conditions)
	{
		UmCondition *condition = lfirst(cell);

		if (is_event_type(condition, version))
			listen->types |= types_of(resource, version, condition, &others);
		else
		{
			name_in_resource(condition, resource, version);
			conditions = lappend(conditions, condition);
		}
	}
	if (listen->types == 0 && others != NULL)
		refuse_type(resource, version, others);
	listen->by_type = listen->types != 0;
	if (listen->types == 0)
		listen->types = default_types(resource, version);
	string->conditions = conditions;
	listen->filter = filter_of(resource, string, version);
	listen->fields = fields_of(resource, string->fields, version);
	return listen;
}

/* Events come in the order in which things happen, all of them. */
static void
refuse_page(const UmQueryString *query, const UmResource *resource)
{
	if (query->sort != NIL || query->limit >= 0 || query->offset > 0 || query->after != NULL ||
		query->all)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("a listener's query has no sort, limit, offset, after and all"),
				 errhint("It has \"%s\", \"fields\", and conditions on attributes of the %s.",
						 um_name_in(um_notification.slot[UM_NOTIFICATION_TYPE], UM_R14_5),
						 resource->model->label)));
}

static bool
is_event_type(const UmCondition *condition, UmVersion version)
{
	return strcmp(condition->name,
				  um_name_in(um_notification.slot[UM_NOTIFICATION_TYPE], version)) == 0;
}

/* Those that a condition names, as bits; *others becomes one of another resource of the API. */
static int
types_of(const UmResource *resource, UmVersion version, const UmCondition *condition,
		 const char **others)
{
	int			types = 0;
	ListCell   *cell;

	if (condition->op != UM_EQ)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("\"%s\" takes no operator but =", condition->name)));
	foreach(cell, condition->values)
	{
		int			type = find_type(resource, version, lfirst(cell));

		if (type >= 0)
			types |= um_event_bit(type);
		else if (is_type_of_another(resource, version, lfirst(cell)))
			*others = lfirst(cell);
		else
			refuse_type(resource, version, lfirst(cell));
	}
	return types;
}

/* -1 for none of the resource's. */
static int
find_type(const UmResource *resource, UmVersion version, const char *name)
{
	for (int t = 0; t < UM_EVENT_TYPES; t++)
		if (resource->event[version][t] != NULL && strcmp(resource->event[version][t], name) == 0)
			return t;
	return -1;
}

static bool
is_type_of_another(const UmResource *resource, UmVersion version, const char *name)
{
	UmApi		api = um_api_of(resource, version);

	for (UmResource *r = um_api_next(&api, NULL); r != NULL; r = um_api_next(&api, r))
		if (find_type(r, version, name) >= 0)
			return true;
	return false;
}

static void
refuse_type(const UmResource *resource, UmVersion version, const char *name)
{
	ereport(ERROR,
			(errcode(UM_PARAMETER),
			 errmsg("\"%s\" is no type of event of %s in version \"%s\"", name,
					um_a(resource->model), um_version_name(version)),
			 errhint("The types are %s.", known_types(resource, version))));
}

static int
default_types(const UmResource *resource, UmVersion version)
{
	int			types = 0;

	for (int t = 0; t < UM_EVENT_TYPES; t++)
		if (t != UM_ANY_CHANGE_EVENT && resource->event[version][t] != NULL)
			types |= um_event_bit(t);
	if (types == 0)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("%s has no events in version \"%s\"", um_a(resource->model),
						um_version_name(version))));
	return types;
}

static char *
known_types(const UmResource *resource, UmVersion version)
{
	StringInfoData known;

	initStringInfo(&known);
	for (int t = 0; t < UM_EVENT_TYPES; t++)
		if (resource->event[version][t] != NULL)
			appendStringInfo(&known, "%s%s", known.len == 0 ? "" : ", ", resource->event[version][t]);
	return known.len == 0 ? pstrdup("none") : known.data;
}

/* Makes the name of a condition one of the resource's attributes. */
static void
name_in_resource(UmCondition *condition, const UmResource *resource, UmVersion version)
{
	const char *bare = bare_name(resource, condition->name, version);
	UmSlice		first = {bare, strcspn(bare, ".")};

	if (um_find_name(&um_notification.names, first, NULL) != NULL &&
		um_find_name(&resource->model->names, first, NULL) == NULL)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("events are not chosen by \"%s\"", condition->name),
				 errhint("They are by \"%s\" and by attributes of the %s, as \"%s.%s\".",
						 um_name_in(um_notification.slot[UM_NOTIFICATION_TYPE], version),
						 resource->model->label, resource->json_name,
						 um_name_in(resource->model->id, version))));
	for (; condition->name != bare; condition->path = list_delete_first(condition->path))
		condition->name = strchr(condition->name, '.') + 1;
}

/* A name from the resource on, wherever it began. */
static const char *
bare_name(const UmResource *resource, const char *name, UmVersion version)
{
	const char *event = um_name_in(um_notification.slot[UM_NOTIFICATION_EVENT], version);
	UmSlice		word = {resource->json_name, strlen(resource->json_name)};
	const char *rest = behind_segment(name, event);

	if (rest != NULL)
		rest = behind_segment(rest, word.ptr);
	else if (um_find_name(&resource->model->names, word, NULL) == NULL)
		rest = behind_segment(name, word.ptr);
	return rest != NULL ? rest : name;
}

/* What comes behind the first segment of a name, if that is it and something does; or NULL. */
static const char *
behind_segment(const char *name, const char *segment)
{
	int			len = strlen(segment);

	return strncmp(name, segment, len) == 0 && name[len] == '.' ? name + len + 1 : NULL;
}

/* Whether it is one from another resource of the API on, and cannot be ours. */
static bool
is_name_of_another(const UmResource *resource, const char *name, UmVersion version)
{
	UmApi		api = um_api_of(resource, version);
	UmSlice		first = {name, strcspn(name, ".")};

	if (um_find_name(&resource->model->names, first, NULL) != NULL)
		return false;
	for (UmResource *r = um_api_next(&api, NULL); r != NULL; r = um_api_next(&api, r))
		if (r != resource && bare_name(r, name, version) != name)
			return true;
	return false;
}

static UmFields *
fields_of(const UmResource *resource, const char *fields, UmVersion version)
{
	StringInfoData bare;
	char	   *save = NULL;

	if (fields == NULL)
		return NULL;
	initStringInfo(&bare);
	for (char *name = strtok_r(pstrdup(fields), ", ", &save); name != NULL;
		 name = strtok_r(NULL, ", ", &save))
		if (!is_name_of_another(resource, name, version))
			appendStringInfo(&bare, "%s%s", bare.len == 0 ? "" : ",",
							 bare_name(resource, name, version));
	/* where nothing is left, all of it is refused by name */
	return um_fields(bare.len > 0 ? bare.data : fields, resource->model, version);
}

/* Of all conditions that are left, or NULL. */
static UmFilter *
filter_of(const UmResource *resource, const UmQueryString *query, UmVersion version)
{
	UmRelation	relation = {resource->model, "u", false};
	List	   *filters = um_query_filters(query, resource->model, version);
	UmFilter   *filter;
	UmStatement statement;

	if (filters == NIL)
		return NULL;
	filter = um_filter(UM_AND, filters);
	um_statement_start(&statement, resource->model);
	um_add_filter(&statement, filter, &relation, version);
	return filter;
}

/* Whether a row of that type, a resource's, meets the filter; it may be no row of a table. */
bool
um_listen_meets(const UmListenQuery *query, const UmModel *model, UmVersion version, Oid type,
				Datum row)
{
	UmStatement statement;
	UmRelation	relation = {model, NULL, false};
	bool		meets;
	bool		null;

	if (query->filter == NULL)
		return true;
	SPI_connect();
	um_statement_start(&statement, model);
	relation.row = psprintf("($%d)", um_statement_arg(&statement, type, row));
	appendStringInfoString(&statement.sql, "SELECT ");
	um_add_filter(&statement, query->filter, &relation, version);
	um_execute_once(statement.sql.data, statement.nargs, statement.types, statement.args, true);
	meets = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null));
	SPI_finish();
	return meets && !null;
}
