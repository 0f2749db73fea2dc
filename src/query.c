/*
 * query.c
 *	  A query string compiled to one SQL statement with parameters.
 *
 * Names are looked up in the model; they become columns, and no text of the
 * query ever becomes SQL: every value, and every name that the model does not
 * know, is a parameter.  A name that leads nowhere is refused before anything
 * else, so what is compiled here is known or stands below extra.
 *
 * Conditions on one list hold for one and the same element, so they are
 * compiled together, into one EXISTS over the elements.  The scope of a
 * condition is the row, an element that is a row (a party), or an element that
 * is JSON (a characteristic of a specification).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "errors.h"
#include "lifecycle.h"
#include "match.h"
#include "names.h"
#include "query.h"
#include "row.h"
#include "store.h"
#include "tmf_read.h"
#include "tmf_write.h"
#include "types.h"

/* Where conditions are looked up: a table's or type's columns, or JSON. */
typedef struct Scope
{
	UmStatement *statement;
	const UmModel *model;
	UmVersion	version;
	const char *alias;			/* of the row, or of the jsonb value */
	bool		json;
	int			depth;
	bool		changes;		/* what is found is to be changed or deleted */
} Scope;

/* What a condition has left to be resolved in a scope. */
typedef struct Pending
{
	const UmCondition *condition;
	List	   *path;			/* of char * */
	bool		done;
} Pending;

static void check_names(const UmStatement *statement, const UmQueryString *query, UmVersion version);
static const char *sort_name(const char *key);
static void compile(Scope *scope, List *pending);
static void compile_one(Scope *scope, List *all, Pending *pending);
static void compile_members(Scope *scope, const UmAttribute *object, Pending *pending);
static bool is_on(const Scope *scope, const Pending *pending, const UmAttribute *attribute);
static void compile_list(Scope *scope, List *all, const UmAttribute *list);
static void compile_elements(Scope *scope, const UmAttribute *list, List *inner);
static void compile_characteristics(Scope *scope, List *all, const UmAttribute *attribute);
static void compile_named(Scope *scope, const UmAttribute *attribute, Pending *pending);
static void compile_extra(Scope *scope, const char *object, Pending *pending);
static void compile_branch(Scope *scope, const UmAttribute *branch, Pending *pending);
static void compile_json(Scope *scope, const char *json, const char *path,
						 const UmCondition *condition, bool declared);
static char *json_path(const char *object, List *path);
static void compile_scalar(Scope *scope, const UmAttribute *attribute, const char *object,
						   Pending *pending);
static void compile_href(Scope *scope, Pending *pending);
static void compare(Scope *scope, const char *expression, Oid type, const UmCondition *condition,
					List *values);
static void compare_as_written(Scope *scope, const char *expression, const UmCondition *condition);
static char *scalar_expression(Scope *scope, const UmAttribute *attribute, const char *object);
static Oid	scalar_type(const UmAttribute *attribute);
static Datum value_of(Scope *scope, const UmAttribute *attribute, const UmCondition *condition,
					  const char *text);
static void check_regex(const char *regex);
static Datum array_of(Oid type, List *values);
static Datum text_array(List *strings);
static List *rest_of(List *path);
static char *join(List *path);
pg_noreturn static void unknown(const UmCondition *condition);
static void add_sort(UmStatement *statement, const char *key, UmVersion version);
static void add_after(UmStatement *statement, const UmQueryString *query);
static bool after_order(const UmStatement *statement, const UmQueryString *query, bool *by_date,
						bool *descending);

void
um_statement_start(UmStatement *statement, const UmModel *model)
{
	statement->model = model;
	initStringInfo(&statement->sql);
	statement->nargs = 0;
	statement->room = 64;
	statement->args = palloc(sizeof(Datum) * statement->room);
	statement->types = palloc(sizeof(Oid) * statement->room);
}

/* Adds a parameter and gives its number. */
int
um_statement_arg(UmStatement *statement, Oid type, Datum value)
{
	if (statement->nargs == statement->room)
	{
		statement->room *= 2;
		statement->args = repalloc(statement->args, sizeof(Datum) * statement->room);
		statement->types = repalloc(statement->types, sizeof(Oid) * statement->room);
	}
	statement->args[statement->nargs] = value;
	statement->types[statement->nargs] = type;
	return ++statement->nargs;
}

/* Appends " WHERE …" for the conditions of a query on the row u. */
void
um_add_where(UmStatement *statement, const UmQueryString *query, UmVersion version)
{
	Scope		scope = {statement, statement->model, version, "u", false, 0, query->changes};
	List	   *pending = NIL;
	ListCell   *cell;

	check_names(statement, query, version);
	foreach(cell, query->conditions)
	{
		Pending    *p = palloc0(sizeof(Pending));

		p->condition = lfirst(cell);
		p->path = p->condition->path;
		pending = lappend(pending, p);
	}
	appendStringInfoString(&statement->sql, " WHERE true");
	compile(&scope, pending);
	if (query->after != NULL)
		add_after(statement, query);
}

/* 22023 for a name that means nothing, also in what only steers a list. */
static void
check_names(const UmStatement *statement, const UmQueryString *query, UmVersion version)
{
	ListCell   *cell;
	char	   *hint;

	foreach(cell, query->conditions)
	{
		const char *name = ((UmCondition *) lfirst(cell))->name;

		hint = um_unknown_name(statement->model, name, version, UM_CONDITION_NAME);
		if (hint != NULL)
			ereport(ERROR,
					(errcode(UM_PARAMETER),
					 errmsg("\"%s\" is no attribute and no parameter", name), errhint("%s", hint)));
	}
	foreach(cell, query->sort)
	{
		const char *name = sort_name(lfirst(cell));

		hint = um_unknown_name(statement->model, name, version, UM_SORT_NAME);
		if (hint != NULL)
			ereport(ERROR,
					(errcode(UM_PARAMETER),
					 errmsg("cannot sort by \"%s\"", name), errhint("%s", hint)));
	}
	if (query->fields != NULL)
		(void) um_fields(query->fields, statement->model, version);
}

/* Each condition as " AND …", those on one list together. */
static void
compile(Scope *scope, List *pending)
{
	ListCell   *cell;

	foreach(cell, pending)
	{
		Pending    *p = lfirst(cell);

		if (p->done)
			continue;
		p->done = true;
		compile_one(scope, pending, p);
	}
}

static void
compile_one(Scope *scope, List *all, Pending *pending)
{
	char	   *segment = linitial(pending->path);
	UmSlice		key = {segment, strlen(segment)};
	UmAttribute *attribute = um_find_name(&scope->model->names, key, NULL);

	if (attribute == NULL)
	{
		compile_extra(scope, NULL, pending);
		return;
	}
	pending->path = rest_of(pending->path);
	if (attribute->kind == UM_CHARACTERISTICS || attribute->kind == UM_LIST ||
		attribute->kind == UM_TREE)
	{
		pending->done = false;
		pending->path = lcons(segment, pending->path);
		if (attribute->kind == UM_CHARACTERISTICS)
			compile_characteristics(scope, all, attribute);
		else
			compile_list(scope, all, attribute);
	}
	else if (attribute->kind == UM_BRANCH)
		compile_branch(scope, attribute, pending);
	else if (attribute->members != NULL && pending->path != NIL)
		compile_members(scope, attribute, pending);
	else if (attribute->kind == UM_HREF)
		compile_href(scope, pending);
	else if (attribute->column == NULL)
		unknown(pending->condition);
	else
		compile_scalar(scope, attribute, NULL, pending);
}

/* An attribute of an object whose members are columns. */
static void
compile_members(Scope *scope, const UmAttribute *object, Pending *pending)
{
	char	   *segment = linitial(pending->path);
	UmSlice		key = {segment, strlen(segment)};
	UmAttribute *member = um_find_name(&object->names, key, NULL);
	const char *name = um_name_in(object, UM_R14_5);

	if (member == NULL)
	{
		compile_extra(scope, name, pending);
		return;
	}
	pending->path = rest_of(pending->path);
	compile_scalar(scope, member, name, pending);
}

/* Whether a condition still to be compiled is one on that attribute. */
static bool
is_on(const Scope *scope, const Pending *pending, const UmAttribute *attribute)
{
	char	   *segment;

	/* of a compiled one no path is left */
	if (pending->done)
		return false;
	segment = linitial(pending->path);
	return um_find_name(&scope->model->names, (UmSlice) {segment, strlen(segment)}, NULL) == attribute;
}

/* All conditions on one list, which one element must meet. */
static void
compile_list(Scope *scope, List *all, const UmAttribute *list)
{
	List	   *inner = NIL;
	ListCell   *cell;

	foreach(cell, all)
	{
		Pending    *p = lfirst(cell);

		if (!is_on(scope, p, list))
			continue;
		p->done = true;
		if (list_length(p->path) < 2)
			unknown(p->condition);
		p->path = rest_of(p->path);
		inner = lappend(inner, memcpy(palloc(sizeof(Pending)), p, sizeof(Pending)));
		((Pending *) llast(inner))->done = false;
	}
	compile_elements(scope, list, inner);
}

static void
compile_elements(Scope *scope, const UmAttribute *list, List *inner)
{
	StringInfo	sql = &scope->statement->sql;
	Scope		element = *scope;
	ListCell   *cell;

	element.model = list->of;
	element.depth++;
	element.alias = psprintf("e%d", element.depth);
	element.json = list->kind == UM_TREE;
	if (element.json)
		appendStringInfo(sql, " AND EXISTS (SELECT FROM pg_catalog.jsonb_array_elements(%s) AS %s(v) "
						 "WHERE true",
						 scope->json ? psprintf("%s.v OPERATOR(pg_catalog.->) '%s'", scope->alias, um_name_in(list, UM_R14_5))
						 : psprintf("%s.%s", scope->alias, list->column), element.alias);
	else
	{
		/* an index on the parties' ids can only be asked about the whole list */
		foreach(cell, inner)
		{
			Pending    *p = lfirst(cell);

			if (list->of->ids != NULL && scope->depth == 0 && p->condition->op == UM_EQ &&
				list_length(p->path) == 1 &&
				um_slice_is((UmSlice) {linitial(p->path), strlen(linitial(p->path))},
							um_name_in(&list->of->attributes[1], scope->version)))
				appendStringInfo(sql, " AND usage_mgmt.%s(%s.%s) OPERATOR(pg_catalog.&&) $%d",
								 list->of->ids, scope->alias, list->column,
								 um_statement_arg(scope->statement, TEXTARRAYOID,
												  text_array(p->condition->values)));
		}
		appendStringInfo(sql, " AND EXISTS (SELECT FROM pg_catalog.unnest(%s.%s) AS %s WHERE true",
						 scope->alias, list->column, element.alias);
	}
	compile(&element, inner);
	appendStringInfoChar(sql, ')');
}

/*
 * usageCharacteristic.duration=20 names one; the standard's name= and value=
 * (id=, valueType=, …) are attributes of one and the same element.
 */
static void
compile_characteristics(Scope *scope, List *all, const UmAttribute *attribute)
{
	StringInfo	sql = &scope->statement->sql;
	UmAttribute *of = attribute->of->attributes;
	List	   *elements = NIL;
	ListCell   *cell;

	foreach(cell, all)
	{
		Pending    *p = lfirst(cell);
		char	   *member;

		if (!is_on(scope, p, attribute))
			continue;
		p->done = true;
		if (list_length(p->path) < 2)
			unknown(p->condition);
		p->path = rest_of(p->path);
		member = linitial(p->path);
		if (list_length(p->path) == 1 &&
			um_find_name(&attribute->of->names, (UmSlice) {member, strlen(member)}, NULL) != NULL)
			elements = lappend(elements, p);
		else
			compile_named(scope, attribute, p);
	}
	if (elements == NIL)
		return;
	appendStringInfo(sql, " AND EXISTS (SELECT FROM usage_mgmt.characteristics_each(%s.%s) AS c "
					 "WHERE true", scope->alias, attribute->column);
	foreach(cell, elements)
	{
		Pending    *p = lfirst(cell);
		char	   *member = linitial(p->path);

		/* columns of characteristics_each bear the attributes' names */
		compare_as_written(scope,
						   um_find_name(&attribute->of->names,
										(UmSlice) {member, strlen(member)}, NULL) == &of[0]
						   ? "c.name" : "c.value", p->condition);
	}
	appendStringInfoChar(sql, ')');
}

static void
compile_named(Scope *scope, const UmAttribute *attribute, Pending *pending)
{
	StringInfo	sql = &scope->statement->sql;
	const UmCondition *condition = pending->condition;
	bool		ne = condition->op == UM_NE;
	ListCell   *cell;
	int			name = um_statement_arg(scope->statement, TEXTOID,
										CStringGetTextDatum(join(pending->path)));

	if (condition->op == UM_REGEX)
		foreach(cell, condition->values)
			check_regex(lfirst(cell));
	/*
	 * The first half can use an index, the second decides.  A change never
	 * goes to what does not even have the name, which may be misspelt.
	 */
	if (!ne || scope->changes)
		appendStringInfo(sql, " AND %s.%s OPERATOR(usage_mgmt.?) $%d", scope->alias,
						 attribute->column, name);
	appendStringInfo(sql, " AND %susage_mgmt.characteristic_matches(%s.%s, $%d, '%s', $%d)%s",
					 ne ? "(" : "", scope->alias, attribute->column, name,
					 um_operator_name(ne ? UM_EQ : condition->op),
					 um_statement_arg(scope->statement, TEXTARRAYOID, text_array(condition->values)),
					 ne ? ") IS NOT TRUE" : "");
}

/* What the model does not know, at any depth of extra; arrays by any element. */
static void
compile_extra(Scope *scope, const char *object, Pending *pending)
{
	/* the word that says so is no part of the path */
	List	   *path = rest_of(pending->path);

	if (path == NIL)
		unknown(pending->condition);
	compile_json(scope, scope->json ? psprintf("%s.v", scope->alias)
				 : psprintf("%s.%s", scope->alias,
							scope->model->slot[scope->model->extra_slot]->column),
				 json_path(object, path), pending->condition, false);
}

/* A member of the one object in a jsonb column, whose names are those of R14.5. */
static void
compile_branch(Scope *scope, const UmAttribute *branch, Pending *pending)
{
	List	   *path = pending->path;
	UmAttribute *member;

	if (path == NIL)
		unknown(pending->condition);
	member = um_find_name(&branch->of->names, (UmSlice) {linitial(path), strlen(linitial(path))}, NULL);
	path = member == NULL ? rest_of(path) : list_make1((char *) um_name_in(member, UM_R14_5));
	if (path == NIL)
		unknown(pending->condition);
	compile_json(scope, scalar_expression(scope, branch, NULL), json_path(NULL, path),
				 pending->condition, member != NULL);
}

/*
 * What a path finds in JSON; ne says that it finds no such value.  What is to
 * be changed must have a value there where no model declares the path.
 */
static void
compile_json(Scope *scope, const char *json, const char *path, const UmCondition *condition,
			 bool declared)
{
	StringInfo	sql = &scope->statement->sql;
	UmCondition found = *condition;
	int			arg = um_statement_arg(scope->statement, TEXTOID, CStringGetTextDatum(path));
	char	   *at = psprintf("EXISTS (SELECT FROM pg_catalog.jsonb_path_query(%s, "
							  "$%d::pg_catalog.text::pg_catalog.jsonpath, '{}', true) AS x(v) WHERE true",
							  json, arg);

	if (condition->op == UM_NE)
		found.op = UM_EQ;
	if (condition->op == UM_NE && scope->changes && !declared)
		appendStringInfo(sql, " AND %s)", at);
	appendStringInfo(sql, " AND %s%s", condition->op == UM_NE ? "NOT " : "", at);
	compare_as_written(scope, "(x.v OPERATOR(pg_catalog.#>>) '{}')", &found);
	appendStringInfoChar(sql, ')');
}

/* A path of jsonpath, below an object or NULL; an array is each of its elements. */
static char *
json_path(const char *object, List *path)
{
	StringInfoData out;
	ListCell   *cell;

	initStringInfo(&out);
	appendStringInfoChar(&out, '$');
	if (object != NULL)
	{
		appendStringInfoChar(&out, '.');
		um_append_json_string(&out, object, strlen(object));
	}
	foreach(cell, path)
	{
		appendStringInfoChar(&out, '.');
		um_append_json_string(&out, lfirst(cell), strlen(lfirst(cell)));
	}
	appendStringInfoString(&out, "[*]");
	return out.data;
}

static void
compile_scalar(Scope *scope, const UmAttribute *attribute, const char *object, Pending *pending)
{
	const UmCondition *condition = pending->condition;
	char	   *expression = scalar_expression(scope, attribute, object);
	List	   *values = NIL;
	ListCell   *cell;

	Assert(pending->path == NIL || attribute->kind == UM_JSON);
	if (attribute->kind == UM_JSON)
	{
		compile_json(scope, expression, json_path(NULL, pending->path), condition, false);
		return;
	}
	if (attribute->kind == UM_ANY || (attribute->flags & UM_BOUND))
	{
		compare_as_written(scope, expression, condition);
		return;
	}
	if (condition->op == UM_REGEX && scalar_type(attribute) != TEXTOID)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("\"%s\" cannot be compared with a regular expression", condition->name)));
	if (attribute->kind == UM_STATUS && condition->op != UM_EQ && condition->op != UM_NE)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("statuses have no order: \"%s\" takes eq and ne", condition->name)));
	foreach(cell, condition->values)
		values = lappend(values, DatumGetPointer(value_of(scope, attribute, condition, lfirst(cell))));
	compare(scope, expression, attribute->kind == UM_STATUS
			? um_slot_type(attribute, scope->model) : scalar_type(attribute), condition, values);
}

/* An href is the id in other words. */
static void
compile_href(Scope *scope, Pending *pending)
{
	const UmCondition *condition = pending->condition;
	List	   *ids = NIL;
	ListCell   *cell;

	if (condition->op != UM_EQ && condition->op != UM_NE)
		unknown(condition);
	foreach(cell, condition->values)
	{
		char	   *href = lfirst(cell);
		char	   *prefix = um_href(scope->model, scope->version, "", 0);
		char	   *id = href + strlen(prefix);

		/* the id was encoded in the href, and the href in the query */
		if (strncmp(href, prefix, strlen(prefix)) == 0)
			ids = lappend(ids, um_url_decode(id, strlen(id)));
	}
	appendStringInfo(&scope->statement->sql, " AND %s(%s.id = ANY ($%d))",
					 condition->op == UM_NE ? "NOT " : "", scope->alias,
					 um_statement_arg(scope->statement, TEXTARRAYOID, text_array(ids)));
}

/* A typed expression against values of its type; ne holds for nothing, too. */
static void
compare(Scope *scope, const char *expression, Oid type, const UmCondition *condition, List *values)
{
	static const char *const signs[] = {"=", "<>", ">", ">=", "<", "<=", "~"};
	StringInfo	sql = &scope->statement->sql;
	bool		ne = condition->op == UM_NE;
	bool		several = list_length(values) > 1;
	bool		ordered_text = type == TEXTOID && !ne && condition->op != UM_EQ &&
		condition->op != UM_REGEX;

	appendStringInfoString(sql, " AND (");
	if (ne)
		appendStringInfo(sql, "%s IS NULL OR ", expression);
	appendStringInfo(sql, "%s%s OPERATOR(pg_catalog.%s) %s$%d%s)", expression,
					 ordered_text ? " COLLATE pg_catalog.\"C\"" : "", signs[condition->op],
					 !several ? "" : ne ? "ALL (" : "ANY (",
					 several ? um_statement_arg(scope->statement, get_array_type(type),
												array_of(type, values))
					 : um_statement_arg(scope->statement, type, PointerGetDatum(linitial(values))),
					 several ? ")" : "");
}

/* Text against the values as the query wrote them: as numbers where both are. */
static void
compare_as_written(Scope *scope, const char *expression, const UmCondition *condition)
{
	bool		ne = condition->op == UM_NE;
	ListCell   *cell;

	if (condition->op == UM_REGEX)
		foreach(cell, condition->values)
			check_regex(lfirst(cell));
	appendStringInfo(&scope->statement->sql, " AND usage_mgmt.value_matches(%s, '%s', $%d)%s",
					 expression, um_operator_name(ne ? UM_EQ : condition->op),
					 um_statement_arg(scope->statement, TEXTARRAYOID, text_array(condition->values)),
					 ne ? " IS NOT TRUE" : "");
}

/* The column, or the member of a JSON element, as its type. */
static char *
scalar_expression(Scope *scope, const UmAttribute *attribute, const char *object)
{
	char	   *text;

	if (!scope->json)
	{
		if (attribute->fallback_slot >= 0)
			return psprintf("coalesce(%s.%s, %s.%s)", scope->alias, attribute->column, scope->alias,
							scope->model->slot[attribute->fallback_slot]->column);
		return psprintf("%s.%s", scope->alias, attribute->column);
	}
	text = psprintf("(%s.v %s%s%s OPERATOR(pg_catalog.->>) '%s')", scope->alias,
					object != NULL ? "OPERATOR(pg_catalog.->) '" : "",
					object != NULL ? object : "", object != NULL ? "'" : "",
					um_name_in(attribute, UM_R14_5));
	switch (scalar_type(attribute))
	{
		case NUMERICOID:
			return psprintf("%s::pg_catalog.numeric", text);
		case TIMESTAMPTZOID:
			return psprintf("%s::pg_catalog.timestamptz", text);
		case BOOLOID:
			return psprintf("%s::pg_catalog.bool", text);
		default:
			return text;
	}
}

static Oid
scalar_type(const UmAttribute *attribute)
{
	switch (attribute->kind)
	{
		case UM_TIME:
			return TIMESTAMPTZOID;
		case UM_NUMBER:
			return NUMERICOID;
		case UM_BOOL:
			return BOOLOID;
		default:
			return TEXTOID;
	}
}

/* A value of the query as the attribute's type; 22023 where it is none. */
static Datum
value_of(Scope *scope, const UmAttribute *attribute, const UmCondition *condition, const char *text)
{
	UmSlice		slice = um_trim((UmSlice) {text, strlen(text)});
	TimestampTz time;
	int			status;

	switch (attribute->kind)
	{
		case UM_TIME:
			if (um_read_time(slice, &time) == 0)
				return TimestampTzGetDatum(time);
			break;
		case UM_NUMBER:
			if (um_is_number(slice))
				return um_numeric(slice);
			break;
		case UM_BOOL:
			if (pg_strcasecmp(text, "true") == 0 || pg_strcasecmp(text, "false") == 0)
				return BoolGetDatum(pg_strcasecmp(text, "true") == 0);
			break;
		case UM_STATUS:
			status = um_status_from_text(scope->model->life, slice);
			if (status >= 0)
				return ObjectIdGetDatum(um_status_oid(scope->model->life, status));
			break;
		default:
			if (condition->op == UM_REGEX)
				check_regex(text);
			return CStringGetTextDatum(text);
	}
	ereport(ERROR,
			(errcode(UM_PARAMETER),
			 errmsg("\"%s\" is no value for \"%s\"", text, condition->name),
			 attribute->kind != UM_STATUS ? 0
			 : errhint("The statuses are %s.", um_status_list(scope->model->life, ~0))));
}

/*
 * PostgreSQL's expressions are automata and cancellable; back-references are
 * what makes them explode, and size.
 */
static void
check_regex(const char *regex)
{
	bool		escaped = false;

	if (pg_mbstrlen(regex) > 1000)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("a regular expression has at most 1000 characters")));
	for (const char *p = regex; *p != '\0'; p++)
	{
		if (escaped && isdigit((unsigned char) *p) && *p != '0')
			ereport(ERROR,
					(errcode(UM_PARAMETER),
					 errmsg("a regular expression cannot have back-references")));
		escaped = *p == '\\' && !escaped;
	}
	/* embedded options could make it another kind of expression */
	if (strncmp(regex, "***", 3) == 0)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("a regular expression cannot have a director")));
	um_try_regex(regex);
}

static Datum
array_of(Oid type, List *values)
{
	Datum	   *elements = palloc(sizeof(Datum) * list_length(values));
	ListCell   *cell;
	int16		len;
	bool		by_value;
	char		align;

	get_typlenbyvalalign(type, &len, &by_value, &align);
	foreach(cell, values)
		elements[foreach_current_index(cell)] = PointerGetDatum(lfirst(cell));
	return PointerGetDatum(construct_array(elements, list_length(values), type, len, by_value,
										   align));
}

static Datum
text_array(List *strings)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(list_length(strings), 1));
	ListCell   *cell;

	foreach(cell, strings)
		elements[foreach_current_index(cell)] = CStringGetTextDatum(lfirst(cell));
	return PointerGetDatum(construct_array(elements, list_length(strings), TEXTOID, -1, false,
										   TYPALIGN_INT));
}

static List *
rest_of(List *path)
{
	return list_copy_tail(path, 1);
}

static char *
join(List *path)
{
	StringInfoData out;
	ListCell   *cell;

	initStringInfo(&out);
	foreach(cell, path)
		appendStringInfo(&out, "%s%s", out.len > 0 ? "." : "", (char *) lfirst(cell));
	return out.data;
}

static void
unknown(const UmCondition *condition)
{
	ereport(ERROR,
			(errcode(UM_PARAMETER),
			 errmsg("\"%s\" with operator \"%s\" is no condition", condition->name,
					um_operator_name(condition->op))));
}

/*
 * Appends order, limit and offset.  A page is a page of something only in an
 * order that is total, so the id always comes last.
 */
void
um_add_page(UmStatement *statement, const UmQueryString *query, UmVersion version)
{
	StringInfo	sql = &statement->sql;
	bool		paged = query->limit >= 0 || query->offset > 0 || query->after != NULL;
	bool		descending = false;
	bool		by_date;
	ListCell   *cell;

	if (query->sort != NIL || paged)
	{
		appendStringInfoString(sql, " ORDER BY ");
		/* ids of one date run as the dates do, so that "after" can go on from any page */
		if (!after_order(statement, query, &by_date, &descending))
			descending = false;
		if (query->sort == NIL && statement->model->date_slot >= 0)
			appendStringInfoString(sql, "u.usage_date, ");
		foreach(cell, query->sort)
			add_sort(statement, lfirst(cell), version);
		appendStringInfo(sql, "u.id%s", descending ? " DESC" : "");
	}
	if (query->limit >= 0)
		appendStringInfo(sql, " LIMIT " INT64_FORMAT, query->limit);
	if (query->offset > 0)
		appendStringInfo(sql, " OFFSET " INT64_FORMAT, query->offset);
}

/* The name in a key, without its sign; a plus may have been decoded. */
static const char *
sort_name(const char *key)
{
	return *key == '-' || *key == '+' || *key == ' ' ? key + 1 : key;
}

/* One key; what has no value comes last either way. */
static void
add_sort(UmStatement *statement, const char *key, UmVersion version)
{
	StringInfo	sql = &statement->sql;
	Scope		scope = {statement, statement->model, version, "u", false, 0, false};
	bool		descending = *key == '-';
	const char *order = descending ? "DESC NULLS LAST, " : "NULLS LAST, ";
	UmCondition *condition;
	UmAttribute *attribute;
	UmAttribute *member = NULL;
	char	   *segment;

	key = sort_name(key);
	/* a key is looked up as a condition's name is */
	condition = palloc0(sizeof(UmCondition));
	condition->name = pstrdup(key);
	for (segment = pstrdup(key); segment != NULL;)
	{
		char	   *dot = strchr(segment, '.');

		if (dot != NULL)
			*dot++ = '\0';
		condition->path = lappend(condition->path, segment);
		segment = dot;
	}
	segment = linitial(condition->path);
	attribute = um_find_name(&statement->model->names, (UmSlice) {segment, strlen(segment)}, NULL);
	if (attribute != NULL && list_length(condition->path) > 1)
		segment = lsecond(condition->path);
	if (attribute != NULL && attribute->kind == UM_CHARACTERISTICS && list_length(condition->path) > 1)
	{
		int			arg = um_statement_arg(statement, TEXTOID,
										   CStringGetTextDatum(join(rest_of(condition->path))));

		appendStringInfo(sql, "usage_mgmt.value_number(u.%s OPERATOR(usage_mgmt.->>) $%d) %s"
						 "(u.%s OPERATOR(usage_mgmt.->>) $%d) COLLATE pg_catalog.\"C\" %s",
						 attribute->column, arg, order, attribute->column, arg, order);
		return;
	}
	if (attribute != NULL && attribute->kind == UM_LIST && list_length(condition->path) > 1)
	{
		/* a list is sorted by its first element */
		Scope		first = {statement, attribute->of, version,
			psprintf("(u.%s)[1]", attribute->column), false, 1, false};

		member = um_find_name(&attribute->of->names, (UmSlice) {segment, strlen(segment)}, NULL);
		if (member != NULL && member->members != NULL && list_length(condition->path) == 3)
			member = um_find_name(&member->names,
								  (UmSlice) {lthird(condition->path), strlen(lthird(condition->path))},
								  NULL);
		else if (list_length(condition->path) != 2)
			member = NULL;
		if (member != NULL && member->column != NULL)
		{
			appendStringInfo(sql, "%s%s %s", scalar_expression(&first, member, NULL),
							 scalar_type(member) == TEXTOID && member->kind != UM_JSON
							 ? " COLLATE pg_catalog.\"C\"" : "", order);
			return;
		}
	}
	if (attribute != NULL && attribute->members != NULL && list_length(condition->path) == 2)
		attribute = um_find_name(&attribute->names, (UmSlice) {segment, strlen(segment)}, NULL);
	else if (list_length(condition->path) > 1)
		attribute = NULL;
	if (attribute == NULL || attribute->column == NULL || attribute->kind > UM_STATUS)
		ereport(ERROR,
				(errcode(UM_PARAMETER), errmsg("cannot sort by \"%s\"", condition->name)));
	appendStringInfo(sql, "%s%s %s", scalar_expression(&scope, attribute, NULL),
					 scalar_type(attribute) == TEXTOID && attribute->kind != UM_STATUS
					 ? " COLLATE pg_catalog.\"C\"" : "",
					 /* a column that is never null lets an index give the order */
					 attribute->flags & UM_MANDATORY || attribute->slot == 0
					 ? (descending ? "DESC, " : ", ") : order);
}

/* The rows behind the one with the id query->after. */
static void
add_after(UmStatement *statement, const UmQueryString *query)
{
	StringInfo	sql = &statement->sql;
	Datum		id = CStringGetTextDatum(query->after);
	bool		by_date;
	bool		descending;
	const char *sign;
	UmRecord   *last;
	UmKey		key;
	int			n;

	if (!after_order(statement, query, &by_date, &descending))
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("\"after\" needs the order of the date or of the id alone")));
	sign = descending ? "<" : ">";
	n = um_statement_arg(statement, TEXTOID, id);
	if (!by_date)
	{
		appendStringInfo(sql, " AND u.id OPERATOR(pg_catalog.%s) $%d", sign, n);
		return;
	}
	/* as the caller: who may not see it does not learn that it is there */
	key = um_store_key(statement->model->resource, id, true);
	last = um_store_get(statement->model->resource, id, &key, true);
	if (last == NULL)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("there is no %s \"%s\" to go on after", statement->model->label, query->after)));
	/* the first half prunes partitions, the second decides */
	appendStringInfo(sql, " AND u.usage_date %s= $%d AND (u.usage_date, u.id) %s ($%d, $%d)", sign,
					 um_statement_arg(statement, TIMESTAMPTZOID,
									  last->value[statement->model->date_slot]),
					 sign, n + 1, n);
}

/* Whether the order is one that "after" can go on in, and which. */
static bool
after_order(const UmStatement *statement, const UmQueryString *query, bool *by_date, bool *descending)
{
	const char *key = query->sort != NIL ? linitial(query->sort) : NULL;
	UmAttribute *attribute;

	*descending = key != NULL && *key == '-';
	*by_date = statement->model->date_slot >= 0;
	if (key == NULL)
		return true;
	if (list_length(query->sort) > 1)
		return false;
	key = sort_name(key);
	attribute = um_find_name(&statement->model->names, (UmSlice) {key, strlen(key)}, NULL);
	if (attribute == NULL)
		return false;
	*by_date = attribute->column != NULL && strcmp(attribute->column, "usage_date") == 0;
	return *by_date || attribute->slot == 0;
}
