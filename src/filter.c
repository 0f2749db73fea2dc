/*
 * filter.c
 *	  A tree of conditions, compiled to one SQL expression with parameters.
 *
 * Names are looked up in the model; they become columns, or members of JSON,
 * of whatever relation is filtered, and no text of a query ever becomes SQL:
 * every value, and every name that the model does not know, is a parameter.  A
 * name that leads nowhere is refused.
 *
 * Each node is true or false of a row, never unknown.  A condition is false of
 * what is not there, whatever its operator; UM_NOT is true just where what is
 * below it is false.  So "ne", which is UM_NOT of "eq", finds what has no such
 * value, and what a filter finds and what its UM_NOT finds are all rows, each
 * once.
 *
 * UM_SOME is true where the list has an element of which what is below it is
 * true; a list that is not there has none.  Names below it begin at the
 * element.  It alone binds conditions to one element: two of them, or two
 * conditions whose names lead through a list that no UM_SOME names, may be met
 * by different elements.  It matters on which side of it UM_NOT stands: UM_SOME
 * of UM_NOT wants an element that is otherwise, UM_NOT of UM_SOME wants none
 * that is so, and holds where there is no list.
 *
 * An empty UM_AND would find everything and an empty UM_OR nothing, and whoever
 * made them meant neither: both are errors.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "errors.h"
#include "filter.h"
#include "lifecycle.h"
#include "match.h"
#include "number.h"
#include "references.h"
#include "row.h"
#include "scalar.h"
#include "tmf_write.h"

/* Where names are looked up: the relation, or elements of a list in it. */
typedef struct Scope
{
	UmStatement *statement;
	UmRelation	relation;
	const UmModel *root;		/* in which whole names begin */
	UmVersion	version;
	int			depth;			/* of lists around it */
} Scope;

/* In SQL, in the order of UmOperator. */
static const char *const signs[] = {"=", NULL, ">", ">=", "<", "<=", "~"};

static void compile(const Scope *scope, const UmFilter *filter);
static void compile_all(const Scope *scope, const UmFilter *filter);
static void compile_condition(const Scope *scope, const UmFilter *filter);
static void compile_object(const Scope *scope, const UmNamed *place);
static void compile_some(const Scope *scope, const UmNamed *list, const UmFilter *of);
static void compile_ids(const Scope *scope, const UmNamed *list, const UmFilter *of);
static void compile_id(const Scope *scope, const UmNamed *list, const UmFilter *filter);
static List *gathered_values(const UmFilter *filter, bool by_name);
static void compile_named_element(const Scope *scope, const UmNamed *list, List *all);
static void compile_named(const Scope *scope, const UmNamed *list, const UmFilter *filter);
static void compile_match(const Scope *scope, const UmNamed *list, const char *name,
						  const UmCondition *values);
static void compile_json(const Scope *scope, const UmNamed *place, const UmFilter *filter);
static const char *name_in_json(const UmAttribute *first, const char *rest);
static void compile_href(const Scope *scope, const UmFilter *filter);
static void compile_scalar(const Scope *scope, const UmNamed *place, const UmFilter *filter);
static void compare_as_written(const Scope *scope, const char *expression, const UmFilter *filter);
static int	numbers_of(const Scope *scope, const UmFilter *filter);
static int	texts_of(const Scope *scope, const UmFilter *filter);
static Datum value_of(const Scope *scope, const UmAttribute *attribute, const UmFilter *filter,
					  const char *text);
pg_noreturn static void unknown(const UmFilter *filter);

void
um_statement_start(UmStatement *statement, const UmModel *model)
{
	statement->model = model;
	initStringInfo(&statement->sql);
	statement->nargs = 0;
	statement->args = palloc(0);
	statement->types = palloc(0);
}

/* Adds a parameter and gives its number. */
int
um_statement_arg(UmStatement *statement, Oid type, Datum value)
{
	int			number = ++statement->nargs;

	statement->args = repalloc(statement->args, sizeof(Datum) * number);
	statement->types = repalloc(statement->types, sizeof(Oid) * number);
	statement->args[number - 1] = value;
	statement->types[number - 1] = type;
	return number;
}

/* The same of an array of values of that type. */
int
um_statement_array(UmStatement *statement, Oid type, Datum *values, int count)
{
	int16		len;
	bool		by_value;
	char		align;

	get_typlenbyvalalign(type, &len, &by_value, &align);
	return um_statement_arg(statement, get_array_type(type),
							PointerGetDatum(construct_array(values, count, type, len, by_value,
															align)));
}

int
um_statement_text(UmStatement *statement, const char *text)
{
	return um_statement_arg(statement, TEXTOID, CStringGetTextDatum(text));
}

/* Of a list of char *, an array of text. */
int
um_statement_texts(UmStatement *statement, List *texts)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(list_length(texts), 1));
	ListCell   *cell;

	foreach(cell, texts)
		values[foreach_current_index(cell)] = CStringGetTextDatum(lfirst(cell));
	return um_statement_array(statement, TEXTOID, values, list_length(texts));
}

/* All, or one of several; of one it is that one. */
UmFilter *
um_filter(UmFilterKind kind, List *of)
{
	UmFilter   *filter;

	if ((kind == UM_AND || kind == UM_OR) && list_length(of) == 1)
		return linitial(of);
	filter = palloc0(sizeof(UmFilter));
	filter->kind = kind;
	filter->of = of;
	return filter;
}

UmFilter *
um_filter_condition(const UmCondition *condition)
{
	UmFilter   *filter = um_filter(UM_CONDITION, NIL);

	filter->name = condition->name;
	filter->op = condition->op;
	filter->condition = condition;
	return filter;
}

/*
 * Appends one boolean expression that can stand beside AND.  Hrefs are those of
 * the version.
 */
void
um_add_filter(UmStatement *statement, const UmFilter *filter, const UmRelation *relation,
			  UmVersion version)
{
	Scope		scope = {statement, *relation, relation->model, version, 0};

	compile(&scope, filter);
}

static void
compile(const Scope *scope, const UmFilter *filter)
{
	StringInfo	sql = &scope->statement->sql;
	UmNamed		list;

	check_stack_depth();
	if (filter->of == NIL && filter->condition == NULL)
		elog(ERROR, "a filter of nothing means nothing");
	switch (filter->kind)
	{
		case UM_AND:
		case UM_OR:
			compile_all(scope, filter);
			break;
		case UM_NOT:
			appendStringInfoChar(sql, '(');
			compile(scope, linitial(filter->of));
			appendStringInfoString(sql, ") IS NOT TRUE");
			break;
		case UM_SOME:
			list = um_look_up(scope->relation.model, filter->name);
			if (um_elements_at(&list) == NULL)
				elog(ERROR, "\"%s\" is no list", filter->name);
			compile_some(scope, &list, linitial(filter->of));
			break;
		case UM_CONDITION:
		case UM_THERE:
			compile_condition(scope, filter);
	}
}

static void
compile_all(const Scope *scope, const UmFilter *filter)
{
	StringInfo	sql = &scope->statement->sql;
	ListCell   *cell;

	appendStringInfoChar(sql, '(');
	foreach(cell, filter->of)
	{
		if (foreach_current_index(cell) > 0)
			appendStringInfoString(sql, filter->kind == UM_AND ? " AND " : " OR ");
		compile(scope, lfirst(cell));
	}
	appendStringInfoChar(sql, ')');
}

static void
compile_condition(const Scope *scope, const UmFilter *filter)
{
	const char *name = filter->condition->name;
	char	   *hint = um_unknown_name(scope->root, name, scope->version, UM_CONDITION_NAME);
	UmNamed		place = um_look_up(scope->relation.model, filter->name);
	const UmAttribute *a = place.attribute;

	Assert(filter->kind == UM_THERE || filter->op != UM_NE);
	if (hint != NULL)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("\"%s\" is no attribute and no parameter", name), errhint("%s", hint)));
	if (um_elements_at(&place) != NULL)
	{
		UmFilter	inner = *filter;

		if (place.rest == NULL && filter->kind == UM_CONDITION)
			unknown(filter);
		inner.name = place.rest;
		compile_some(scope, &place, place.rest == NULL ? NULL : &inner);
	}
	else if (filter->kind == UM_THERE && a != NULL && place.rest == NULL &&
			 (a->kind == UM_OBJECT || a->kind == UM_BRANCH))
		compile_object(scope, &place);
	else if (a == NULL || a->kind == UM_JSON ||
			 (place.object != NULL && place.object->kind == UM_BRANCH))
		compile_json(scope, &place, filter);
	else if (a->kind == UM_CHARACTERISTICS)
		compile_named(scope, &place, filter);
	else if (a->kind == UM_HREF)
		compile_href(scope, filter);
	else if (a->column == NULL || a->kind == UM_BRANCH)
		unknown(filter);
	else
		compile_scalar(scope, &place, filter);
}

/* That an object is there, as something is that it consists of. */
static void
compile_object(const Scope *scope, const UmNamed *place)
{
	StringInfo	sql = &scope->statement->sql;
	const UmModel *model = scope->relation.model;
	const UmAttribute *a = place->attribute;
	UmNamed		json = {NULL, a->kind == UM_BRANCH ? a : model->slot[model->extra_slot], NULL};

	appendStringInfoChar(sql, '(');
	if (a->kind == UM_OBJECT && !scope->relation.json)
		for (const UmAttribute *member = a->members; member->kind != UM_END; member++)
			appendStringInfo(sql, "%s IS NOT NULL OR ",
							 um_place_sql(&scope->relation, &(UmNamed) {a, member, NULL}));
	appendStringInfoString(sql, um_place_sql(&scope->relation, &json));
	if (a->kind == UM_OBJECT)
		appendStringInfo(sql, " OPERATOR(pg_catalog.->) '%s'", um_name_in(a, UM_R14_5));
	appendStringInfoString(sql, " IS NOT NULL)");
}

/* EXISTS over the elements of a list: rows, or JSON.  Of NULL, that there is one. */
static void
compile_some(const Scope *scope, const UmNamed *list, const UmFilter *of)
{
	StringInfo	sql = &scope->statement->sql;
	Scope		element = *scope;
	UmKind		kind = list->attribute->kind;
	char	   *alias = psprintf("e%d", ++element.depth);

	element.relation.model = list->attribute->of;
	element.relation.json = kind == UM_TREE || (kind == UM_LIST && scope->relation.json);
	element.relation.row = element.relation.json ? psprintf("%s.v", alias) : alias;
	if (of != NULL)
		compile_ids(scope, list, of);
	appendStringInfo(sql, "EXISTS (SELECT FROM %s(%s) AS %s%s",
					 kind == UM_CHARACTERISTICS ? "usage_mgmt.characteristics_each"
					 : element.relation.json ? "pg_catalog.jsonb_array_elements"
					 : "pg_catalog.unnest", um_place_sql(&scope->relation, list), alias,
					 element.relation.json ? "(v)" : "");
	if (of != NULL)
	{
		appendStringInfoString(sql, " WHERE ");
		compile(&element, of);
	}
	appendStringInfoChar(sql, ')');
}

/*
 * An index can only be asked about the whole list: "… AND " for each condition
 * that one of the elements must meet, of which it can know.
 */
static void
compile_ids(const Scope *scope, const UmNamed *list, const UmFilter *of)
{
	List	   *all = of->kind == UM_AND ? of->of : list_make1((void *) of);
	ListCell   *cell;

	if (scope->depth > 0 || scope->relation.json)
		return;
	if (list->attribute->kind == UM_CHARACTERISTICS)
		compile_named_element(scope, list, all);
	else if (list->attribute->of->ids != NULL)
		foreach(cell, all)
			compile_id(scope, list, lfirst(cell));
}

/* An id, or what the elements' extra has by a name. */
static void
compile_id(const Scope *scope, const UmNamed *list, const UmFilter *filter)
{
	const UmModel *model = list->attribute->of;
	UmStatement *statement = scope->statement;
	UmNamed		place;
	bool		known;

	if (filter->kind != UM_CONDITION || filter->op != UM_EQ)
		return;
	place = um_look_up(model, filter->name);
	known = place.attribute != NULL;
	if (known ? !(place.attribute->flags & UM_GATHERED) || filter->condition->number
		: !model->ids_by_name || place.rest == NULL)
		return;
	appendStringInfo(&statement->sql, "usage_mgmt.%s(%s", model->ids,
					 um_place_sql(&scope->relation, list));
	if (!known)
		appendStringInfo(&statement->sql, ", $%d",
						 um_statement_text(statement, name_in_json(place.object, place.rest)));
	appendStringInfo(&statement->sql, ") OPERATOR(pg_catalog.&&) $%d AND ",
					 um_statement_texts(statement, gathered_values(filter, !known)));
}

/* What references.c gathers where one of the values of a condition stands. */
static List *
gathered_values(const UmFilter *filter, bool by_name)
{
	List	   *values = NIL;
	ListCell   *cell;

	foreach(cell, filter->condition->values)
	{
		UmSlice		text = {lfirst(cell), strlen(lfirst(cell))};

		CHECK_FOR_INTERRUPTS();
		text = um_gathered(by_name ? um_plain(text) : text);
		values = lappend(values, pnstrdup(text.ptr, text.len));
	}
	return values;
}

/* An element of characteristics by its name, with its value where that is asked for. */
static void
compile_named_element(const Scope *scope, const UmNamed *list, List *all)
{
	const UmCondition *name = NULL;
	const UmCondition *value = NULL;
	ListCell   *cell;

	foreach(cell, all)
	{
		const UmFilter *one = lfirst(cell);
		UmNamed		place;

		if (one->kind != UM_CONDITION || one->op != UM_EQ)
			continue;
		place = um_look_up(list->attribute->of, one->name);
		if (place.attribute != NULL && place.attribute->kind == UM_TEXT && !one->condition->number)
			name = one->condition;
		else if (place.attribute != NULL && place.attribute->kind == UM_ANY)
			value = one->condition;
	}
	if (name == NULL)
		return;
	if (value == NULL || list_length(name->values) > 1)
		appendStringInfo(&scope->statement->sql, "%s OPERATOR(usage_mgmt.?|) $%d",
						 um_place_sql(&scope->relation, list),
						 um_statement_texts(scope->statement, name->values));
	else
		compile_match(scope, list, linitial(name->values), value);
	appendStringInfoString(&scope->statement->sql, " AND ");
}

/* A value by the name of its characteristic. */
static void
compile_named(const Scope *scope, const UmNamed *list, const UmFilter *filter)
{
	StringInfo	sql = &scope->statement->sql;
	char	   *column = um_place_sql(&scope->relation, list);
	int			name;

	if (filter->kind == UM_CONDITION && filter->op == UM_EQ)
	{
		compile_match(scope, list, list->rest, filter->condition);
		return;
	}
	/* of the others an index knows the name alone */
	name = um_statement_text(scope->statement, list->rest);
	appendStringInfo(sql, "%s OPERATOR(usage_mgmt.?) $%d", column, name);
	if (filter->kind == UM_CONDITION)
		appendStringInfo(sql, " AND usage_mgmt.characteristic_matches(%s, $%d, '%s', $%d)", column,
						 name, um_operators[filter->op], texts_of(scope, filter));
}

/* That a characteristic of that name has one of the values. */
static void
compile_match(const Scope *scope, const UmNamed *list, const char *name, const UmCondition *values)
{
	appendStringInfo(&scope->statement->sql, "%s OPERATOR(usage_mgmt.?=) $%d",
					 um_place_sql(&scope->relation, list),
					 um_statement_texts(scope->statement,
										lcons(unconstify(char *, name), list_copy(values->values))));
}

/*
 * What a path finds in JSON: below extra, in a branch, in an attribute that is
 * any JSON.
 */
static void
compile_json(const Scope *scope, const UmNamed *place, const UmFilter *filter)
{
	StringInfo	sql = &scope->statement->sql;
	const UmModel *model = scope->relation.model;
	bool		branch = place->object != NULL && place->object->kind == UM_BRANCH;
	const UmAttribute *first = branch ? place->attribute : NULL;
	UmNamed		json = *place;

	if (place->attribute == NULL && place->rest == NULL)
		unknown(filter);
	if (branch)
		json = (UmNamed) {NULL, place->object, NULL};
	else if (place->attribute == NULL)
	{
		json = (UmNamed) {NULL, model->slot[model->extra_slot], NULL};
		first = place->object;
	}
	appendStringInfo(sql, "EXISTS (SELECT FROM pg_catalog.jsonb_path_query(%s, "
					 "$%d::pg_catalog.text::pg_catalog.jsonpath, '{}', true) AS x(v)",
					 um_place_sql(&scope->relation, &json),
					 um_statement_text(scope->statement,
									   um_json_path(name_in_json(first, place->rest))));
	appendStringInfoString(sql, " WHERE ");
	if (filter->kind == UM_CONDITION)
		compare_as_written(scope, "(x.v OPERATOR(pg_catalog.#>>) '{}')", filter);
	else
		appendStringInfoString(sql, "x.v OPERATOR(pg_catalog.<>) 'null'");
	appendStringInfoChar(sql, ')');
}

/* The name of what is below an attribute, or NULL, in the JSON that holds it. */
static const char *
name_in_json(const UmAttribute *first, const char *rest)
{
	return first == NULL ? rest : rest == NULL ? um_name_in(first, UM_R14_5)
		: psprintf("%s.%s", um_name_in(first, UM_R14_5), rest);
}

/* An href is the id in other words. */
static void
compile_href(const Scope *scope, const UmFilter *filter)
{
	const UmModel *model = scope->relation.model;
	char	   *prefix = um_href(model, scope->version, "", 0);
	List	   *ids = NIL;
	ListCell   *cell;

	if (filter->kind == UM_THERE)
	{
		appendStringInfoString(&scope->statement->sql, "true");
		return;
	}
	if (filter->op != UM_EQ)
		unknown(filter);
	foreach(cell, filter->condition->values)
	{
		char	   *href = lfirst(cell);
		char	   *id = href + strlen(prefix);

		/* the id was encoded in the href, and the href in the query */
		if (strncmp(href, prefix, strlen(prefix)) == 0)
			ids = lappend(ids, um_url_decode(id, strlen(id)));
	}
	appendStringInfo(&scope->statement->sql, "%s OPERATOR(pg_catalog.=) ANY ($%d)",
					 um_place_sql(&scope->relation, &(UmNamed) {NULL, model->id, NULL}),
					 um_statement_texts(scope->statement, ids));
}

/* A column, or a member of JSON, against values of its type. */
static void
compile_scalar(const Scope *scope, const UmNamed *place, const UmFilter *filter)
{
	const UmAttribute *a = place->attribute;
	const UmCondition *condition = filter->condition;
	UmStatement *statement = scope->statement;
	char	   *expression = um_place_sql(&scope->relation, place);
	Oid			type = um_slot_type(a, scope->relation.model);
	int			count = list_length(condition->values);
	bool		ordered = filter->op != UM_EQ && filter->op != UM_REGEX;
	Datum	   *values;
	ListCell   *cell;

	if (filter->kind == UM_THERE)
	{
		appendStringInfo(&statement->sql, "%s IS NOT NULL", expression);
		return;
	}
	if (a->kind == UM_ANY || a->number_in != 0 || (condition->number && type == TEXTOID))
	{
		compare_as_written(scope, expression, filter);
		return;
	}
	if (filter->op == UM_REGEX && type != TEXTOID)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("\"%s\" cannot be compared with a regular expression", condition->name)));
	if (ordered && a->kind == UM_STATUS)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("statuses have no order: \"%s\" takes eq and ne", condition->name)));
	values = palloc(sizeof(Datum) * Max(count, 1));
	foreach(cell, condition->values)
		values[foreach_current_index(cell)] = value_of(scope, a, filter, lfirst(cell));
	appendStringInfo(&statement->sql, "%s%s OPERATOR(pg_catalog.%s) %s$%d%s", expression,
					 ordered && type == TEXTOID ? " COLLATE pg_catalog.\"C\"" : "",
					 signs[filter->op], count == 1 ? "" : "ANY (",
					 count == 1 ? um_statement_arg(statement, type, values[0])
					 : um_statement_array(statement, type, values, count), count == 1 ? "" : ")");
}

/*
 * Text against the values as the query wrote them: as numbers where both are, or
 * alone.
 */
static void
compare_as_written(const Scope *scope, const char *expression, const UmFilter *filter)
{
	if (filter->condition->number)
		appendStringInfo(&scope->statement->sql,
						 "usage_mgmt.value_number(%s) OPERATOR(pg_catalog.%s) ANY ($%d)", expression,
						 signs[filter->op], numbers_of(scope, filter));
	else
		appendStringInfo(&scope->statement->sql, "usage_mgmt.value_matches(%s, '%s', $%d)",
						 expression, um_operators[filter->op], texts_of(scope, filter));
}

/* The values of a condition, all of them numbers, as an array of numeric. */
static int
numbers_of(const Scope *scope, const UmFilter *filter)
{
	int			count = list_length(filter->condition->values);
	Datum	   *values = palloc(sizeof(Datum) * count);
	ListCell   *cell;

	foreach(cell, filter->condition->values)
		values[foreach_current_index(cell)] = um_numeric((UmSlice) {lfirst(cell), strlen(lfirst(cell))});
	return um_statement_array(scope->statement, NUMERICOID, values, count);
}

/* The values of a condition as an array of text. */
static int
texts_of(const Scope *scope, const UmFilter *filter)
{
	ListCell   *cell;

	if (filter->op == UM_REGEX)
		foreach(cell, filter->condition->values)
			um_check_regex(lfirst(cell));
	return um_statement_texts(scope->statement, filter->condition->values);
}

/* A column, or a member of JSON as the type that its column would have. */
char *
um_place_sql(const UmRelation *relation, const UmNamed *place)
{
	const UmAttribute *a = place->attribute;
	bool		whole = a->kind == UM_LIST || um_slot_type(a, relation->model) == JSONBOID;
	char	   *sql = psprintf("%s.%s", relation->row, a->column);

	/* characteristics_each() has the whole element in its place */
	if (a->kind == UM_EXTRA && relation->model == &um_characteristic)
		return psprintf("%s.element::pg_catalog.jsonb", relation->row);
	if (!relation->json && a->fallback_slot >= 0)
		return psprintf("coalesce(%s, %s.%s)", sql, relation->row,
						relation->model->slot[a->fallback_slot]->column);
	if (!relation->json)
		return sql;
	/* what the model does not know stands beside what it knows */
	if (a->kind == UM_EXTRA)
		return pstrdup(relation->row);
	sql = psprintf("(%s%s OPERATOR(pg_catalog.%s) '%s')", relation->row,
				   place->object == NULL ? ""
				   : psprintf(" OPERATOR(pg_catalog.->) '%s'", um_name_in(place->object, UM_R14_5)),
				   whole ? "->" : "->>", um_name_in(a, UM_R14_5));
	return whole || um_slot_type(a, relation->model) == TEXTOID ? sql
		: psprintf("%s::%s", sql, format_type_be_qualified(um_slot_type(a, relation->model)));
}

/* A value of the query as the attribute's type; 22023 where it is none. */
static Datum
value_of(const Scope *scope, const UmAttribute *attribute, const UmFilter *filter,
		 const char *text)
{
	const UmLifeCycle *life = scope->relation.model->life;
	Datum		value;

	if (um_slot_type(attribute, scope->relation.model) == TEXTOID)
	{
		if (filter->op == UM_REGEX)
			um_check_regex(text);
		return CStringGetTextDatum(text);
	}
	if (um_scalar_from_text(attribute->kind, life, (UmSlice) {text, strlen(text)}, &value) == 0)
		return value;
	ereport(ERROR,
			(errcode(UM_PARAMETER),
			 errmsg("\"%s\" is no value for \"%s\"", text, filter->condition->name),
			 attribute->kind == UM_STATUS
			 ? errhint("The statuses are %s.", um_status_list(life, ~0))
			 : attribute->kind == UM_TIME && strchr(text, ' ') != NULL
			 ? errhint("A + means a blank in a query string; it is written %%2B.") : 0));
}

static void
unknown(const UmFilter *filter)
{
	ereport(ERROR,
			(errcode(UM_PARAMETER),
			 filter->kind == UM_THERE
			 ? errmsg("\"%s\" by itself is no condition", filter->condition->name)
			 : errmsg("\"%s\" with operator \"%s\" is no condition", filter->condition->name,
					  um_operators[filter->condition->op])));
}
