/*
 * jsonpath.c
 *	  The filter parameter of TMF630, part 6, as a tree of conditions.
 *
 * An expression of JSONPath finds nodes in the collection; what is asked for are
 * the resources in which it finds any.  $[?(…)] has conditions on the resource,
 * $.list[?(…)] on one element of a list in it; the $ may be left out.  Within
 * them @ is that resource or element, and @.list[?(…)] asks for an element of a
 * list in turn.  A name that leads through a list without such brackets is met by
 * any of its elements.
 *
 * Values compare as those of a query string do, whether they are in quotes or
 * not, but for a number that is not: it is compared with what is a number alone.
 * So @.value > 60 does not find "unknown", which as a text is greater.
 *
 * What is no JSONPath is 22023, what we do not do of it 0A000 (jsonpath_scan.c).
 * Parentheses, negations and brackets may be MAX_DEPTH deep, long before the stack
 * ends.
 *
 * Where what is found is to be changed or deleted, a negation asks also that
 * something has each name below it that might be misspelt, as "ne" does (query.c).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "errors.h"
#include "jsonpath.h"
#include "jsonpath_scan.h"

#define MAX_DEPTH 100

typedef struct Parser
{
	UmExpression in;
	UmVersion	version;
	bool		changes;
	int			depth;
	int		   *conditions;		/* of the whole query so far */
} Parser;

/* What @ stands for: the resource, or an element of a list in it. */
typedef struct Scope
{
	const UmModel *model;
	const char *name;			/* of that list, from the resource on; or NULL */
} Scope;

/* Where a path leads: through elements of lists, to a name in the last of them. */
typedef struct Path
{
	const char *start;
	Scope		scope;			/* that the name is in */
	char	   *name;			/* dotted; NULL for none */
	int			names;			/* so far, of all lists */
	bool		each;			/* what follows is of each element of the list named */
	const char *dotted;			/* a part of it that has a dot of its own, or NULL */
	List	   *lists;			/* of UmFilter, UM_SOME, the innermost first */
	bool		begins;			/* at the collection: a condition may be on the resource */
	UmFilter   *resource;		/* that condition, or NULL */
} Path;

static UmFilter *parse_selection(Parser *parser, const UmModel *model);
static UmFilter *parse_or(Parser *parser, const Scope *scope);
static UmFilter *parse_and(Parser *parser, const Scope *scope);
static UmFilter *parse_term(Parser *parser, const Scope *scope);
static UmFilter *parse_negation(Parser *parser, const Scope *scope);
static UmFilter *parse_comparison(Parser *parser, const Scope *scope);
static List *add_alternative(List *of, UmFilter *filter);
static void parse_current(Parser *parser, const Scope *scope, Path *path);
static void parse_steps(Parser *parser, Path *path);
static void parse_name(Parser *parser, Path *path);
static void parse_bracket(Parser *parser, Path *path);
static void check_each(const Parser *parser, Path *path);
static void parse_filter(Parser *parser, Path *path);
static void add_name(Path *path, const char *name, int len);
static void enter_lists(Path *path);
static void enter_list(Path *path, char *list, const char *rest, const UmModel *of);
static UmNamed checked_place(const Parser *parser, Path *path);
static UmFilter *filter_of_path(const Path *path, UmFilter *last);
static UmFilter *parse_test(Parser *parser, Path *path);
static UmFilter *compared(Parser *parser, Path *path, UmOperator op, const UmLiteral *literal);
static UmFilter *condition_on(Parser *parser, Path *path, UmOperator op, const UmLiteral *literal);
static UmFilter *number_of_named(Parser *parser, Path *path, UmOperator op, const UmLiteral *literal);
static UmFilter *negated(const Parser *parser, UmFilter *filter, const UmModel *model);
static List *doubtful_names(const UmFilter *filter, const UmModel *model);
static bool is_doubtful(const UmFilter *filter, const UmModel *model);
static const UmModel *elements_of(const UmModel *model, const char *list);
static void deeper(Parser *parser);

/*
 * The tree of an expression, to be compiled against rows of a model.  Its
 * conditions are counted with those that the query has besides.
 */
UmFilter *
um_jsonpath_filter(const char *text, const UmModel *model, UmVersion version, bool changes,
				   int *conditions)
{
	Parser		parser = {{text, text}, version, changes, 0, conditions};
	List	   *of = NIL;

	do
	{
		of = add_alternative(of, parse_selection(&parser, model));
	} while (um_takes(&parser.in, ",") || um_takes(&parser.in, ";"));
	if (um_peek(&parser.in) != '\0')
		um_malformed(&parser.in, parser.in.pos, "the expression should end here");
	return um_filter(UM_OR, of);
}

/* $[?(…)], $.list[?(…)], and the like */
static UmFilter *
parse_selection(Parser *parser, const UmModel *model)
{
	char		c = um_peek(&parser->in);
	Path		path = {.start = parser->in.pos, .scope = {model, NULL}, .begins = true};

	if (c == '$')
		parser->in.pos++;
	else if (um_is_name_byte(c) && c != '@')
		parse_name(parser, &path);
	else if (c != '[')
		um_malformed(&parser->in, parser->in.pos, "an expression begins with $, with [? or with the name of a list");
	parse_steps(parser, &path);
	if (path.name != NULL || path.lists != NIL || path.resource != NULL)
		return parse_test(parser, &path);
	if (um_is_name_byte(*parser->in.pos))
		um_malformed(&parser->in, parser->in.pos, "there should be a dot or a bracket");
	um_unsupported(&parser->in, path.start, "an expression without a condition");
}

static UmFilter *
parse_or(Parser *parser, const Scope *scope)
{
	List	   *of = NIL;

	deeper(parser);
	do
	{
		of = add_alternative(of, parse_and(parser, scope));
	} while (um_takes(&parser->in, "||"));
	parser->depth--;
	return um_filter(UM_OR, of);
}

static UmFilter *
parse_and(Parser *parser, const Scope *scope)
{
	List	   *of = NIL;

	do
	{
		UmFilter   *term = parse_term(parser, scope);

		/* in one list they can ask an index together */
		of = term->kind == UM_AND ? list_concat(of, term->of) : lappend(of, term);
	} while (um_takes(&parser->in, "&&"));
	return um_filter(UM_AND, of);
}

static UmFilter *
parse_term(Parser *parser, const Scope *scope)
{
	UmFilter   *filter;

	CHECK_FOR_INTERRUPTS();
	if (um_takes(&parser->in, "!"))
		return parse_negation(parser, scope);
	if (!um_takes(&parser->in, "("))
		return parse_comparison(parser, scope);
	filter = parse_or(parser, scope);
	um_expect(&parser->in, ')');
	return filter;
}

/* Behind the !, which is of what stands in parentheses, or of a path alone. */
static UmFilter *
parse_negation(Parser *parser, const Scope *scope)
{
	char		c = um_peek(&parser->in);
	UmFilter   *filter;
	Path		path;

	deeper(parser);
	if (c == '!' || c == '(')
		filter = parse_term(parser, scope);
	else
	{
		parse_current(parser, scope, &path);
		filter = parse_test(parser, &path);
	}
	parser->depth--;
	return negated(parser, filter, scope->model);
}

/* A path that leads somewhere, or what is there compared with a value, on either side. */
static UmFilter *
parse_comparison(Parser *parser, const Scope *scope)
{
	char		c = um_peek(&parser->in);
	const char *start = parser->in.pos;
	Path		path;
	UmLiteral	literal;
	UmOperator	op;

	if (c == '@' || c == '$')
	{
		parse_current(parser, scope, &path);
		if (!um_take_operator(&parser->in, false, &op))
			return parse_test(parser, &path);
		um_take_literal(&parser->in, &literal);
	}
	else
	{
		um_take_literal(&parser->in, &literal);
		if (!um_take_operator(&parser->in, true, &op))
			um_malformed(&parser->in, start, "a value by itself is no condition");
		if (um_peek(&parser->in) != '@' && *parser->in.pos != '$')
			um_unsupported(&parser->in, parser->in.pos, "a comparison without an attribute");
		parse_current(parser, scope, &path);
	}
	return compared(parser, &path, op, &literal);
}

/* Alternatives to one value are one condition, which an index can be asked. */
static List *
add_alternative(List *of, UmFilter *filter)
{
	ListCell   *cell;

	foreach(cell, of)
	{
		UmFilter   *other = lfirst(cell);

		if (filter->kind == UM_CONDITION && other->kind == UM_CONDITION &&
			filter->op == UM_EQ && other->op == UM_EQ &&
			filter->condition->number == other->condition->number &&
			strcmp(filter->name, other->name) == 0)
		{
			UmCondition *both = unconstify(UmCondition *, other->condition);

			both->values = list_concat(both->values, filter->condition->values);
			return of;
		}
	}
	return lappend(of, filter);
}

/* @ and what follows */
static void
parse_current(Parser *parser, const Scope *scope, Path *path)
{
	char		c = um_peek(&parser->in);

	if (c == '$')
		um_unsupported(&parser->in, parser->in.pos, "the root within a condition");
	if (c != '@')
		um_malformed(&parser->in, parser->in.pos, "there should be an attribute, such as @.name");
	*path = (Path) {.start = parser->in.pos++, .scope = *scope};
	parse_steps(parser, path);
	if (path->name == NULL && path->lists == NIL)
		um_unsupported(&parser->in, path->start, "@ by itself");
}

static void
parse_steps(Parser *parser, Path *path)
{
	for (;;)
	{
		char		c = um_peek(&parser->in);

		if (c == '[')
			parse_bracket(parser, path);
		else if (c != '.')
			return;
		else if (*++parser->in.pos == '.')
			um_unsupported(&parser->in, parser->in.pos - 1, "a descent (..)");
		else if (*parser->in.pos == '*')
			um_unsupported(&parser->in, parser->in.pos, "any member (.*)");
		else if (*parser->in.pos != '[')
			parse_name(parser, path);
	}
}

static void
parse_name(Parser *parser, Path *path)
{
	const char *start = parser->in.pos;

	while (um_is_name_byte(*parser->in.pos))
		parser->in.pos++;
	if (parser->in.pos == start)
		um_malformed(&parser->in, start, "there should be a name");
	if (*parser->in.pos == '(')
		um_unsupported(&parser->in, start, "a function");
	add_name(path, start, parser->in.pos - start);
}

/* ['name'], [?(…)] or [*], which says of a list what is meant without it */
static void
parse_bracket(Parser *parser, Path *path)
{
	char		c;
	char	   *name;

	parser->in.pos++;
	c = um_peek(&parser->in);
	if (c == '?')
		parse_filter(parser, path);
	else if (c == '\'' || c == '"')
	{
		name = um_take_string(&parser->in);
		add_name(path, name, strlen(name));
		if (strchr(name, '.') != NULL)
			path->dotted = name;
	}
	else if (um_takes(&parser->in, "*"))
		check_each(parser, path);
	else if (isdigit((unsigned char) c) || c == '-' || c == ':')
		um_unsupported(&parser->in, parser->in.pos, "an index");
	else if (c == '(')
		um_unsupported(&parser->in, parser->in.pos, "a script");
	else
		um_malformed(&parser->in, parser->in.pos, "there should be ?, * or a name in quotes");
	if (um_peek(&parser->in) == ',')
		um_unsupported(&parser->in, parser->in.pos, "a union");
	um_expect(&parser->in, ']');
}

/* [*] stands behind the collection, a list, or what is any JSON. */
static void
check_each(const Parser *parser, Path *path)
{
	UmNamed		place;
	bool		fits = path->begins && path->lists == NIL && path->resource == NULL;

	if (path->name == NULL)
		path->begins = false;
	else
	{
		place = checked_place(parser, path);
		path->each = place.rest == NULL && um_elements_at(&place) != NULL;
		fits = path->each || place.attribute == NULL || place.attribute->kind == UM_JSON;
	}
	if (!fits)
		um_unsupported(&parser->in, parser->in.pos - 1, "any member of what is no list");
}

/* Behind [, on the resource or on an element of the list that the path has come to */
static void
parse_filter(Parser *parser, Path *path)
{
	const char *at = parser->in.pos++;
	UmFilter   *some;
	UmNamed		place;
	const UmModel *of;

	if (path->name == NULL || path->each)
	{
		if (path->each || !path->begins || path->lists != NIL || path->resource != NULL)
			um_unsupported(&parser->in, at, "a filter behind what is no name");
		path->resource = parse_or(parser, &path->scope);
		return;
	}
	place = checked_place(parser, path);
	of = place.rest == NULL ? um_elements_at(&place) : NULL;
	if (of == NULL && (place.attribute == NULL || place.attribute->kind == UM_JSON))
		um_unsupported(&parser->in, at, "a filter on a list that the model does not know");
	if (of == NULL)
		um_malformed(&parser->in, path->start, psprintf("\"%s\" is no list", path->name));
	enter_list(path, path->name, NULL, of);
	some = linitial(path->lists);
	some->of = list_make1(parse_or(parser, &path->scope));
}

static void
add_name(Path *path, const char *name, int len)
{
	if (++path->names > UM_MAX_SEGMENTS)
		um_too_many("names parted by dots", UM_MAX_SEGMENTS);
	if (path->each)
		enter_list(path, path->name, NULL, elements_of(path->scope.model, path->name));
	path->name = path->name == NULL ? pnstrdup(name, len)
		: psprintf("%s.%.*s", path->name, len, name);
}

/* Goes on into the elements of each list that the name leads through. */
static void
enter_lists(Path *path)
{
	for (;;)
	{
		UmNamed		place = um_look_up(path->scope.model, path->name);
		const UmModel *of = place.rest == NULL ? NULL : um_elements_at(&place);

		if (of == NULL)
			return;
		enter_list(path, pnstrdup(path->name, place.rest - path->name - 1), place.rest, of);
	}
}

static void
enter_list(Path *path, char *list, const char *rest, const UmModel *of)
{
	UmFilter   *some = um_filter(UM_SOME, NIL);

	some->name = list;
	path->lists = lcons(some, path->lists);
	path->scope.name = path->scope.name == NULL ? list : psprintf("%s.%s", path->scope.name, list);
	path->scope.model = of;
	path->each = false;
	path->name = rest == NULL ? NULL : pstrdup(rest);
}

/* Where the name leads in the elements of the last list; 22023 for nowhere. */
static UmNamed
checked_place(const Parser *parser, Path *path)
{
	UmNamed		place;
	char	   *hint;

	enter_lists(path);
	place = um_look_up(path->scope.model, path->name);
	hint = um_unknown_name(path->scope.model, path->name, parser->version, UM_FIELD_NAME);
	if (hint != NULL)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("filter at position %d: \"%s\" is no attribute",
						um_expression_position(&parser->in, path->start), path->name),
				 errhint("%s", hint)));
	/* names are joined by dots from here on; a characteristic's may have some */
	if (path->dotted != NULL && (place.attribute == NULL || place.rest == NULL ||
								 place.attribute->kind != UM_CHARACTERISTICS ||
								 strcmp(place.rest, path->dotted) != 0))
		um_unsupported(&parser->in, path->start, "a name with a dot in it");
	return place;
}

/* The tree of a path, with a condition on what it leads to, or NULL where its filters are all. */
static UmFilter *
filter_of_path(const Path *path, UmFilter *last)
{
	ListCell   *cell;

	foreach(cell, path->lists)
	{
		UmFilter   *some = lfirst(cell);

		if (last != NULL && some->of != NIL && ((UmFilter *) linitial(some->of))->kind == UM_AND)
			last = um_filter(UM_AND, lappend(list_copy(((UmFilter *) linitial(some->of))->of), last));
		else if (last != NULL)
			last = um_filter(UM_AND, lappend(some->of, last));
		else
			last = linitial(some->of);
		some->of = list_make1(last);
		last = some;
	}
	if (path->resource == NULL)
		return last;
	return last == NULL ? path->resource : um_filter(UM_AND, list_make2(path->resource, last));
}

/* That something is there. */
static UmFilter *
parse_test(Parser *parser, Path *path)
{
	UmLiteral	nothing = {UM_NULL, false, NULL};
	UmFilter   *there;

	if (path->name == NULL)
		return filter_of_path(path, NULL);
	(void) checked_place(parser, path);
	there = condition_on(parser, path, UM_EQ, &nothing);
	there->kind = UM_THERE;
	return filter_of_path(path, there);
}

/* What the path leads to against a value; != is of the innermost element. */
static UmFilter *
compared(Parser *parser, Path *path, UmOperator op, const UmLiteral *literal)
{
	UmNamed		place;
	UmFilter   *filter;

	if (path->name == NULL)
		um_unsupported(&parser->in, path->start, "an element compared with a value");
	if (literal->kind != UM_STRING && op == UM_REGEX)
		um_malformed(&parser->in, path->start, "=~ takes an expression in quotes or between slashes");
	if (literal->regex && op != UM_REGEX)
		um_malformed(&parser->in, path->start, "an expression between slashes takes =~");
	if (literal->kind != UM_STRING && literal->kind != UM_NUMBER_TOKEN && op != UM_EQ && op != UM_NE)
		um_malformed(&parser->in, path->start, "true, false and null take == and !=");
	place = checked_place(parser, path);
	if (place.attribute != NULL && place.attribute->kind == UM_CHARACTERISTICS &&
		place.rest != NULL && literal->kind == UM_NUMBER_TOKEN && op != UM_EQ && op != UM_NE)
		return number_of_named(parser, path, op, literal);
	filter = condition_on(parser, path, op == UM_NE ? UM_EQ : op, literal);
	if (literal->kind == UM_NULL)
	{
		filter->kind = UM_THERE;
		op = op == UM_NE ? UM_EQ : UM_NE;
	}
	return filter_of_path(path, op == UM_NE ? negated(parser, filter, path->scope.model) : filter);
}

/* On the name of a path, in the elements that it has entered. */
static UmFilter *
condition_on(Parser *parser, Path *path, UmOperator op, const UmLiteral *literal)
{
	UmCondition *condition = palloc0(sizeof(UmCondition));
	UmFilter   *filter;

	if (++*parser->conditions > UM_MAX_CONDITIONS)
		um_too_many("conditions", UM_MAX_CONDITIONS);
	condition->name = path->scope.name == NULL ? path->name
		: psprintf("%s.%s", path->scope.name, path->name);
	condition->op = op;
	condition->number = literal->kind == UM_NUMBER_TOKEN;
	condition->values = literal->text == NULL ? NIL : list_make1(literal->text);
	filter = um_filter_condition(condition);
	filter->name = path->name;
	return filter;
}

/*
 * Of a characteristic by its name: one of the elements has that and the value.  The
 * name itself is asked for besides, as one that might be misspelt.
 */
static UmFilter *
number_of_named(Parser *parser, Path *path, UmOperator op, const UmLiteral *literal)
{
	UmNamed		place = um_look_up(path->scope.model, path->name);
	const UmModel *of = place.attribute->of;
	UmLiteral	name = {UM_STRING, false, pstrdup(place.rest)};
	UmFilter   *there = condition_on(parser, path, UM_EQ, &name);
	List	   *both = NIL;
	UmFilter   *some;

	there->kind = UM_THERE;
	enter_list(path, pnstrdup(path->name, place.rest - path->name - 1), NULL, of);
	for (int i = 0; i < of->slots; i++)
	{
		const UmAttribute *a = of->slot[i];

		path->name = pstrdup(um_name_in(a, UM_R14_5));
		if (a->kind == UM_TEXT)
			both = lcons(condition_on(parser, path, UM_EQ, &name), both);
		else if (a->kind == UM_ANY)
			both = lappend(both, condition_on(parser, path, op, literal));
	}
	some = linitial(path->lists);
	some->of = list_make1(um_filter(UM_AND, both));
	path->lists = list_delete_first(path->lists);
	return filter_of_path(path, um_filter(UM_AND, list_make2(there, some)));
}

/* That a filter of rows or elements of a model does not hold. */
static UmFilter *
negated(const Parser *parser, UmFilter *filter, const UmModel *model)
{
	UmFilter   *not = um_filter(UM_NOT, list_make1(filter));
	const UmModel *of = model;
	const UmFilter *last = filter;

	if (!parser->changes)
		return not;
	for (; last->kind == UM_SOME; last = linitial(last->of))
		of = elements_of(of, last->name);
	if (last->kind == UM_THERE && is_doubtful(last, of))
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("what lacks \"%s\" is neither patched nor deleted", last->condition->name),
				 errdetail("The model does not know the name, which might be misspelt.")));
	return um_filter(UM_AND, lcons(not, doubtful_names(filter, model)));
}

/* Filters that ask for each name in a filter that might be misspelt. */
static List *
doubtful_names(const UmFilter *filter, const UmModel *model)
{
	List	   *names = NIL;
	ListCell   *cell;
	UmFilter   *there;

	if (filter->kind == UM_SOME)
	{
		foreach(cell, doubtful_names(linitial(filter->of), elements_of(model, filter->name)))
		{
			there = um_filter(UM_SOME, list_make1(lfirst(cell)));
			there->name = filter->name;
			names = lappend(names, there);
		}
	}
	else if (filter->kind != UM_CONDITION && filter->kind != UM_THERE)
	{
		foreach(cell, filter->of)
			names = list_concat(names, doubtful_names(lfirst(cell), model));
	}
	else if (is_doubtful(filter, model))
	{
		there = um_filter_condition(filter->condition);
		there->kind = UM_THERE;
		there->name = filter->name;
		names = list_make1(there);
	}
	return names;
}

/* Whether a condition has a name of which the model does not say that it may be there. */
static bool
is_doubtful(const UmFilter *filter, const UmModel *model)
{
	UmNamed		place = um_look_up(model, filter->name);

	return place.attribute == NULL ||
		(place.rest != NULL && (place.attribute->kind == UM_JSON ||
								place.attribute->kind == UM_CHARACTERISTICS));
}

static const UmModel *
elements_of(const UmModel *model, const char *list)
{
	UmNamed		place = um_look_up(model, list);

	return um_elements_at(&place);
}

static void
deeper(Parser *parser)
{
	check_stack_depth();
	if (++parser->depth > MAX_DEPTH)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("a filter is nested at most %d levels deep", MAX_DEPTH)));
}
