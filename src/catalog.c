/*
 * catalog.c
 *	  The model as SQL sees it: moves of statuses, names, columns, events.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "row.h"

static void put_moves(ReturnSetInfo *result, const UmResource *resource);
static Datum status_array(const UmLifeCycle *life, int statuses);
static char *declaration(const UmAttribute *attribute, const UmModel *model);
static char *comment(const UmAttribute *attribute);
static void put_attribute(ReturnSetInfo *result, const UmResource *resource, const UmAttribute *attribute,
						  UmVersion version);
static Datum column_array(const UmAttribute *attribute);
static bool is_plain(const UmAttribute *attribute, const UmLifeCycle *life, UmVersion version);

PG_FUNCTION_INFO_V1(um_status_transitions);
PG_FUNCTION_INFO_V1(um_attribute_names);
PG_FUNCTION_INFO_V1(um_resource_list);
PG_FUNCTION_INFO_V1(um_resource_columns);
PG_FUNCTION_INFO_V1(um_resource_attributes);
PG_FUNCTION_INFO_V1(um_event_type_list);

/*
 * status_transitions() → (resource, from_status, to_status): every legal move
 * of every life cycle.
 */
Datum
um_status_transitions(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	for (UmResource *r = um_resources; r != NULL; r = r->next)
		put_moves((ReturnSetInfo *) fcinfo->resultinfo, r);
	return (Datum) 0;
}

static void
put_moves(ReturnSetInfo *result, const UmResource *resource)
{
	const UmLifeCycle *life = resource->life;

	for (int from = 0; from < life->count; from++)
		for (int to = 0; to < life->count; to++)
		{
			bool		nulls[3] = {false, false, false};
			Datum		values[3];

			if (!um_status_in(to, life->moves[from]))
				continue;
			values[0] = CStringGetTextDatum(resource->model->noun);
			values[1] = CStringGetTextDatum(life->status[from]);
			values[2] = CStringGetTextDatum(life->status[to]);
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
}

/*
 * attribute_names(resource text, column_name text) → text[]: every spelling of
 * an attribute that is understood, the versions' own first; NULL for none of
 * that column.
 */
Datum
um_attribute_names(PG_FUNCTION_ARGS)
{
	const UmModel *model = um_resource(text_to_cstring(PG_GETARG_TEXT_PP(0)))->model;
	UmAttribute *attribute = um_find_attribute(model, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	Datum	   *names = palloc(sizeof(Datum) * model->names.count);
	int			count = 0;

	for (int i = 0; attribute != NULL && i < model->names.count; i++)
		if (model->names.name[i].attribute == attribute)
			names[count++] = CStringGetTextDatum(model->names.name[i].name);
	if (count == 0)
		PG_RETURN_NULL();
	PG_RETURN_ARRAYTYPE_P(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/*
 * resources() → (noun, plural, label, about, date_column, ledger, conflict,
 * specification, type, closed, rejected, open, orders): what there is, in its
 * order; the three before the last are statuses.
 */
Datum
um_resource_list(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (UmResource *r = um_resources; r != NULL; r = r->next)
	{
		const char *texts[] = {
			r->model->noun, r->plural, r->model->label, r->about, r->date, r->ledger, r->conflict,
			r->specification != NULL ? r->specification->model->noun : NULL, r->type
		};
		int			sets[] = {r->life->closed, r->life->rejected, r->life->open};
		Datum		values[lengthof(texts) + lengthof(sets) + 1];
		bool		nulls[lengthof(texts) + lengthof(sets) + 1] = {false};

		/* one of a module that is loaded here and not yet, or never, at home in this database */
		if (!um_type_exists(&r->life->type))
			continue;
		for (size_t i = 0; i < lengthof(texts); i++)
		{
			nulls[i] = texts[i] == NULL;
			values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(texts[i]);
		}
		for (size_t i = 0; i < lengthof(sets); i++)
			values[lengthof(texts) + i] = status_array(r->life, sets[i]);
		values[lengthof(texts) + lengthof(sets)] = BoolGetDatum(r->orders);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

static Datum
status_array(const UmLifeCycle *life, int statuses)
{
	Datum		labels[UM_MAX_STATUSES];
	int			count = 0;

	for (int i = 0; i < life->count; i++)
		if (um_status_in(i, statuses))
			labels[count++] = CStringGetTextDatum(life->status[i]);
	return PointerGetDatum(construct_array(labels, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/*
 * resource_columns(resource text) → (name, declaration, comment, view): the
 * columns of its table, in the order of the model; view is what the name of the
 * view with the elements of a list ends with.
 */
Datum
um_resource_columns(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const UmModel *model = um_resource(text_to_cstring(PG_GETARG_TEXT_PP(0)))->model;

	InitMaterializedSRF(fcinfo, 0);
	for (int s = 0; s < model->slots; s++)
	{
		const UmAttribute *a = model->slot[s];
		bool		nulls[4] = {false, false, false, a->kind != UM_LIST || a->of->view == NULL};
		Datum		values[4];

		values[0] = CStringGetTextDatum(a->column);
		values[1] = CStringGetTextDatum(declaration(a, model));
		values[2] = CStringGetTextDatum(comment(a));
		values[3] = nulls[3] ? (Datum) 0 : CStringGetTextDatum(a->of->view);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* As CREATE TABLE takes it, behind the column's name. */
static char *
declaration(const UmAttribute *attribute, const UmModel *model)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoString(&out, format_type_extended(um_slot_type(attribute, model), -1,
													  FORMAT_TYPE_FORCE_QUALIFY));
	if (attribute == model->id)
		appendStringInfoString(&out, " COLLATE \"C\"");
	if (attribute == model->id || attribute->kind == UM_STATUS || (attribute->flags & UM_MANDATORY))
		appendStringInfoString(&out, " NOT NULL");
	if (attribute->kind == UM_STATUS && !(attribute->flags & UM_MANDATORY))
		appendStringInfo(&out, " DEFAULT '%s'", model->life->status[model->life->first]);
	if (attribute->slot == model->receipt_slot || attribute->slot == model->change_slot)
		appendStringInfoString(&out, " DEFAULT now()");
	return out.data;
}

/* What it is about, and what each version calls it. */
static char *
comment(const UmAttribute *attribute)
{
	const UmAttribute *top = attribute->parent != NULL ? attribute->parent : attribute;
	StringInfoData out;

	initStringInfo(&out);
	for (int v = 0; v < UM_VERSIONS && attribute->kind < UM_INTERNAL; v++)
		if (v == 0 || strcmp(um_name_in(top, v), um_name_in(top, 0)) != 0 ||
			strcmp(um_name_in(attribute, v), um_name_in(attribute, 0)) != 0)
			appendStringInfo(&out, "%s%s%s%s", v == 0 ? "" : ", ", um_name_in(top, v),
							 top != attribute ? "." : "", top != attribute ? um_name_in(attribute, v) : "");
	if (attribute->about != NULL)
		appendStringInfo(&out, "%s%s", out.len > 0 ? ": " : "", attribute->about);
	return out.data;
}

/*
 * resource_attributes(resource text) → (version, name, columns, plain, pairs,
 * gathered): the attributes of a resource as each version that it has calls them,
 * in the order of the model, and without a name what no version shows.
 */
Datum
um_resource_attributes(PG_FUNCTION_ARGS)
{
	const UmResource *resource = um_resource(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	InitMaterializedSRF(fcinfo, 0);
	for (int v = 0; v < UM_VERSIONS; v++)
		if (resource->faces & (1 << v))
			for (const UmAttribute *a = resource->model->attributes; a->kind != UM_END; a++)
				put_attribute((ReturnSetInfo *) fcinfo->resultinfo, resource, a, v);
	return (Datum) 0;
}

static void
put_attribute(ReturnSetInfo *result, const UmResource *resource, const UmAttribute *attribute,
			  UmVersion version)
{
	bool		unnamed = attribute->kind == UM_INTERNAL || attribute->kind == UM_EXTRA;
	const char *pairs = attribute->kind == UM_CHARACTERISTICS ? attribute->of->noun : NULL;
	const char *gathered = attribute->kind == UM_LIST ? attribute->of->ids : NULL;
	bool		nulls[6] = {false, unnamed, false, false, pairs == NULL, gathered == NULL};
	Datum		values[6];

	values[0] = CStringGetTextDatum(um_version_name(version));
	values[1] = unnamed ? (Datum) 0 : CStringGetTextDatum(um_name_in(attribute, version));
	values[2] = column_array(attribute);
	values[3] = BoolGetDatum(is_plain(attribute, resource->life, version));
	values[4] = pairs == NULL ? (Datum) 0 : CStringGetTextDatum(pairs);
	values[5] = gathered == NULL ? (Datum) 0 : CStringGetTextDatum(gathered);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* The columns that hold an attribute: one, those of its members, or none. */
static Datum
column_array(const UmAttribute *attribute)
{
	ArrayBuildState *columns = initArrayResult(TEXTOID, CurrentMemoryContext, false);

	if (attribute->column != NULL)
		accumArrayResult(columns, CStringGetTextDatum(attribute->column), false, TEXTOID, CurrentMemoryContext);
	for (const UmAttribute *m = attribute->members; attribute->column == NULL && m != NULL && m->kind != UM_END; m++)
		accumArrayResult(columns, CStringGetTextDatum(m->column), false, TEXTOID, CurrentMemoryContext);
	return makeArrayResult(columns, CurrentMemoryContext);
}

/* Whether PostgreSQL makes of its column the JSON that we do, but for the spelling of a time. */
static bool
is_plain(const UmAttribute *attribute, const UmLifeCycle *life, UmVersion version)
{
	switch (attribute->kind)
	{
		case UM_STATUS:
			return life->written[version][life->first] == NULL;
		case UM_ANY:
		case UM_LIST:
		case UM_TREE:
		case UM_BRANCH:
		case UM_OBJECT:
		case UM_HREF:
			return false;
		default:
			return true;
	}
}

/*
 * event_types(resource text) → (version, kind, name): what each version calls
 * the events there are of it.
 */
Datum
um_event_type_list(PG_FUNCTION_ARGS)
{
	static const char *const kinds[UM_EVENT_TYPES] = {"create", "status", "change", "delete", "any"};
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const UmResource *resource = um_resource(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	InitMaterializedSRF(fcinfo, 0);
	for (int v = 0; v < UM_VERSIONS; v++)
		for (int t = 0; t < UM_EVENT_TYPES; t++)
		{
			bool		nulls[3] = {false, false, false};
			Datum		values[3];

			if (resource->event[v][t] == NULL)
				continue;
			values[0] = CStringGetTextDatum(um_version_name(v));
			values[1] = CStringGetTextDatum(kinds[t]);
			values[2] = CStringGetTextDatum(resource->event[v][t]);
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
	return (Datum) 0;
}
