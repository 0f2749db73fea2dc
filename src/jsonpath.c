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
 * What is no JSONPath is 22023, what we do not do of it 0A000; both name the
 * place.  Parentheses, negations and brackets may be MAX_DEPTH deep, long before
 * the stack ends.
 *
 * Where what is found is to be changed or deleted, a negation asks also that
 * something has each name below it that might be misspelt, as "ne" does (query.c).
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "errors.h"
#include "jsonpath.h"

#define MAX_DEPTH 100

typedef struct Parser
{
	const char *text;
	const char *pos;
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

typedef struct Literal
{
	UmToken		kind;
	bool		regex;			/* between slashes; then a UM_STRING, too */
	char	   *text;
} Literal;

static const struct
{
	const char *sign;
	UmOperator	op;
	UmOperator	turned;			/* where the value comes first */
}			signs[] = {
	{"==", UM_EQ, UM_EQ}, {"!=", UM_NE, UM_NE}, {"=~", UM_REGEX, UM_REGEX},
	{">=", UM_GTE, UM_LTE}, {"<=", UM_LTE, UM_GTE}, {">", UM_GT, UM_LT}, {"<", UM_LT, UM_GT}
};

/* Operators of other dialects. */
static const char *const foreign[] = {
	"in", "nin", "subsetof", "anyof", "noneof", "contains", "size", "empty", NULL
};

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
static UmFilter *compared(Parser *parser, Path *path, UmOperator op, const Literal *literal);
static UmFilter *condition_on(Parser *parser, Path *path, UmOperator op, const Literal *literal);
static UmFilter *number_of_named(Parser *parser, Path *path, UmOperator op, const Literal *literal);
static UmFilter *negated(const Parser *parser, UmFilter *filter, const UmModel *model);
static List *doubtful_names(const UmFilter *filter, const UmModel *model);
static bool is_doubtful(const UmFilter *filter, const UmModel *model);
static const UmModel *elements_of(const UmModel *model, const char *list);
static bool parse_operator(Parser *parser, bool turned, UmOperator *op);
static void parse_literal(Parser *parser, Literal *literal);
static void parse_word(Parser *parser, Literal *literal);
static char *parse_string(Parser *parser);
static char *double_quoted(Parser *parser);
static char *parse_regex(Parser *parser);
static bool is_name_byte(char c);
static char peek(Parser *parser);
static bool takes(Parser *parser, const char *token);
static void expect(Parser *parser, char c);
static void deeper(Parser *parser);
pg_noreturn static void malformed(const Parser *parser, const char *at, const char *why);
pg_noreturn static void unsupported(const Parser *parser, const char *at, const char *what);
static int	position(const Parser *parser, const char *at);

/*
 * The tree of an expression, to be compiled against rows of a model.  Its
 * conditions are counted with those that the query has besides.
 */
UmFilter *
um_jsonpath_filter(const char *text, const UmModel *model, UmVersion version, bool changes,
				   int *conditions)
{
	Parser		parser = {text, text, version, changes, 0, conditions};
	List	   *of = NIL;

	do
	{
		of = add_alternative(of, parse_selection(&parser, model));
	} while (takes(&parser, ",") || takes(&parser, ";"));
	if (peek(&parser) != '\0')
		malformed(&parser, parser.pos, "the expression should end here");
	return um_filter(UM_OR, of);
}

/* $[?(…)], $.list[?(…)], and the like */
static UmFilter *
parse_selection(Parser *parser, const UmModel *model)
{
	char		c = peek(parser);
	Path		path = {.start = parser->pos, .scope = {model, NULL}, .begins = true};

	if (c == '$')
		parser->pos++;
	else if (is_name_byte(c) && c != '@')
		parse_name(parser, &path);
	else if (c != '[')
		malformed(parser, parser->pos, "an expression begins with $, with [? or with the name of a list");
	parse_steps(parser, &path);
	if (path.name != NULL || path.lists != NIL || path.resource != NULL)
		return parse_test(parser, &path);
	if (is_name_byte(*parser->pos))
		malformed(parser, parser->pos, "there should be a dot or a bracket");
	unsupported(parser, path.start, "an expression without a condition");
}

static UmFilter *
parse_or(Parser *parser, const Scope *scope)
{
	List	   *of = NIL;

	deeper(parser);
	do
	{
		of = add_alternative(of, parse_and(parser, scope));
	} while (takes(parser, "||"));
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
	} while (takes(parser, "&&"));
	return um_filter(UM_AND, of);
}

static UmFilter *
parse_term(Parser *parser, const Scope *scope)
{
	UmFilter   *filter;

	CHECK_FOR_INTERRUPTS();
	if (takes(parser, "!"))
		return parse_negation(parser, scope);
	if (!takes(parser, "("))
		return parse_comparison(parser, scope);
	filter = parse_or(parser, scope);
	expect(parser, ')');
	return filter;
}

/* Behind the !, which is of what stands in parentheses, or of a path alone. */
static UmFilter *
parse_negation(Parser *parser, const Scope *scope)
{
	char		c = peek(parser);
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
	char		c = peek(parser);
	const char *start = parser->pos;
	Path		path;
	Literal		literal;
	UmOperator	op;

	if (c == '@' || c == '$')
	{
		parse_current(parser, scope, &path);
		if (!parse_operator(parser, false, &op))
			return parse_test(parser, &path);
		parse_literal(parser, &literal);
	}
	else
	{
		parse_literal(parser, &literal);
		if (!parse_operator(parser, true, &op))
			malformed(parser, start, "a value by itself is no condition");
		if (peek(parser) != '@' && *parser->pos != '$')
			unsupported(parser, parser->pos, "a comparison without an attribute");
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
	char		c = peek(parser);

	if (c == '$')
		unsupported(parser, parser->pos, "the root within a condition");
	if (c != '@')
		malformed(parser, parser->pos, "there should be an attribute, such as @.name");
	*path = (Path) {.start = parser->pos++, .scope = *scope};
	parse_steps(parser, path);
	if (path->name == NULL && path->lists == NIL)
		unsupported(parser, path->start, "@ by itself");
}

static void
parse_steps(Parser *parser, Path *path)
{
	for (;;)
	{
		char		c = peek(parser);

		if (c == '[')
			parse_bracket(parser, path);
		else if (c != '.')
			return;
		else if (*++parser->pos == '.')
			unsupported(parser, parser->pos - 1, "a descent (..)");
		else if (*parser->pos == '*')
			unsupported(parser, parser->pos, "any member (.*)");
		else if (*parser->pos != '[')
			parse_name(parser, path);
	}
}

static void
parse_name(Parser *parser, Path *path)
{
	const char *start = parser->pos;

	while (is_name_byte(*parser->pos))
		parser->pos++;
	if (parser->pos == start)
		malformed(parser, start, "there should be a name");
	if (*parser->pos == '(')
		unsupported(parser, start, "a function");
	add_name(path, start, parser->pos - start);
}

/* ['name'], [?(…)] or [*], which says of a list what is meant without it */
static void
parse_bracket(Parser *parser, Path *path)
{
	char		c;
	char	   *name;

	parser->pos++;
	c = peek(parser);
	if (c == '?')
		parse_filter(parser, path);
	else if (c == '\'' || c == '"')
	{
		name = parse_string(parser);
		add_name(path, name, strlen(name));
		if (strchr(name, '.') != NULL)
			path->dotted = name;
	}
	else if (takes(parser, "*"))
		check_each(parser, path);
	else if (isdigit((unsigned char) c) || c == '-' || c == ':')
		unsupported(parser, parser->pos, "an index");
	else if (c == '(')
		unsupported(parser, parser->pos, "a script");
	else
		malformed(parser, parser->pos, "there should be ?, * or a name in quotes");
	if (peek(parser) == ',')
		unsupported(parser, parser->pos, "a union");
	expect(parser, ']');
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
		unsupported(parser, parser->pos - 1, "any member of what is no list");
}

/* Behind [, on the resource or on an element of the list that the path has come to */
static void
parse_filter(Parser *parser, Path *path)
{
	const char *at = parser->pos++;
	UmFilter   *some;
	UmNamed		place;
	const UmModel *of;

	if (path->name == NULL || path->each)
	{
		if (path->each || !path->begins || path->lists != NIL || path->resource != NULL)
			unsupported(parser, at, "a filter behind what is no name");
		path->resource = parse_or(parser, &path->scope);
		return;
	}
	place = checked_place(parser, path);
	of = place.rest == NULL ? um_elements_at(&place) : NULL;
	if (of == NULL && (place.attribute == NULL || place.attribute->kind == UM_JSON))
		unsupported(parser, at, "a filter on a list that the model does not know");
	if (of == NULL)
		malformed(parser, path->start, psprintf("\"%s\" is no list", path->name));
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
						position(parser, path->start), path->name),
				 errhint("%s", hint)));
	/* names are joined by dots from here on; a characteristic's may have some */
	if (path->dotted != NULL && (place.attribute == NULL || place.rest == NULL ||
								 place.attribute->kind != UM_CHARACTERISTICS ||
								 strcmp(place.rest, path->dotted) != 0))
		unsupported(parser, path->start, "a name with a dot in it");
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
	Literal		nothing = {UM_NULL, false, NULL};
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
compared(Parser *parser, Path *path, UmOperator op, const Literal *literal)
{
	UmNamed		place;
	UmFilter   *filter;

	if (path->name == NULL)
		unsupported(parser, path->start, "an element compared with a value");
	if (literal->kind != UM_STRING && op == UM_REGEX)
		malformed(parser, path->start, "=~ takes an expression in quotes or between slashes");
	if (literal->regex && op != UM_REGEX)
		malformed(parser, path->start, "an expression between slashes takes =~");
	if (literal->kind != UM_STRING && literal->kind != UM_NUMBER_TOKEN && op != UM_EQ && op != UM_NE)
		malformed(parser, path->start, "true, false and null take == and !=");
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
condition_on(Parser *parser, Path *path, UmOperator op, const Literal *literal)
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
number_of_named(Parser *parser, Path *path, UmOperator op, const Literal *literal)
{
	UmNamed		place = um_look_up(path->scope.model, path->name);
	const UmModel *of = place.attribute->of;
	Literal		name = {UM_STRING, false, pstrdup(place.rest)};
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
		foreach(cell, doubtful_names(linitial(filter->of), elements_of(model, filter->name)))
		{
			there = um_filter(UM_SOME, list_make1(lfirst(cell)));
			there->name = filter->name;
			names = lappend(names, there);
		}
	else if (filter->kind != UM_CONDITION && filter->kind != UM_THERE)
		foreach(cell, filter->of)
			names = list_concat(names, doubtful_names(lfirst(cell), model));
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

/* False where none follows; turned where what comes before it is the value. */
static bool
parse_operator(Parser *parser, bool turned, UmOperator *op)
{
	char		c = peek(parser);
	const char *start = parser->pos;
	const char *end = start;

	if (strncmp(start, "===", 3) == 0 || strncmp(start, "!==", 3) == 0)
		unsupported(parser, start, "an operator with three signs");
	for (size_t i = 0; i < lengthof(signs); i++)
		if (takes(parser, signs[i].sign))
		{
			*op = turned ? signs[i].turned : signs[i].op;
			if (turned && *op == UM_REGEX)
				malformed(parser, start, "=~ takes the attribute on its left");
			return true;
		}
	if (c != '\0' && strchr("+-*/%", c) != NULL)
		unsupported(parser, start, "arithmetic");
	while (is_name_byte(*end))
		end++;
	if (um_find_word(foreign, (UmSlice) {start, end - start}) >= 0)
		unsupported(parser, start, "an operator that is a word");
	return false;
}

static void
parse_literal(Parser *parser, Literal *literal)
{
	char		c = peek(parser);
	const char *end = parser->pos + 1;

	*literal = (Literal) {UM_STRING, false, NULL};
	if (c == '\'' || c == '"')
		literal->text = parse_string(parser);
	else if (c == '/')
	{
		literal->regex = true;
		literal->text = parse_regex(parser);
	}
	else if (c == '-' || isdigit((unsigned char) c))
	{
		while (isalnum((unsigned char) *end) || *end == '.' ||
			   ((*end == '+' || *end == '-') && (end[-1] == 'e' || end[-1] == 'E')))
			end++;
		if (!um_is_number((UmSlice) {parser->pos, end - parser->pos}))
			malformed(parser, parser->pos, "there should be a number such as JSON has");
		*literal = (Literal) {UM_NUMBER_TOKEN, false, pnstrdup(parser->pos, end - parser->pos)};
		parser->pos = end;
	}
	else if (c == '@' || c == '$')
		unsupported(parser, parser->pos, "an attribute compared with another");
	else if (c == '[' || c == '{')
		unsupported(parser, parser->pos, "a list or an object as a value");
	else
		parse_word(parser, literal);
}

static void
parse_word(Parser *parser, Literal *literal)
{
	static const char *const words[] = {"true", "false", "null", NULL};
	static const UmToken kinds[] = {UM_TRUE, UM_FALSE, UM_NULL};
	const char *start = parser->pos;
	int			word;

	while (is_name_byte(*parser->pos))
		parser->pos++;
	word = um_find_word(words, (UmSlice) {start, parser->pos - start});
	if (word < 0 && parser->pos > start && *parser->pos == '(')
		unsupported(parser, start, "a function");
	if (word < 0)
		malformed(parser, start, "there should be an attribute, such as @.name, or a value");
	*literal = (Literal) {kinds[word], false, kinds[word] == UM_NULL ? NULL : pstrdup(words[word])};
}

/* In quotes of either kind, with JSON's escapes; resolved. */
static char *
parse_string(Parser *parser)
{
	const char *start = parser->pos;
	char	   *json = double_quoted(parser);
	UmScan		scan;
	UmSlice		value;

	um_scan_init(&scan, json, strlen(json));
	if (!um_scan_string(&scan, &value))
		malformed(parser, start, "what is in quotes is no string of JSON");
	return pnstrdup(value.ptr, value.len);
}

/* The same string as JSON has it. */
static char *
double_quoted(Parser *parser)
{
	const char *start = parser->pos;
	char		quote = *start;
	StringInfoData json;
	const char *p;

	initStringInfo(&json);
	appendStringInfoChar(&json, '"');
	for (p = start + 1; *p != quote; p++)
	{
		if (*p == '\0')
			malformed(parser, start, "a string without an end");
		if (*p == '"' || (*p == '\\' && p[1] != '\'' && p[1] != '\0'))
			appendStringInfoChar(&json, '\\');
		if (*p == '\\' && p[1] != '\0')
			p++;
		appendStringInfoChar(&json, *p);
	}
	appendStringInfoChar(&json, '"');
	parser->pos = p + 1;
	return json.data;
}

/* Between slashes, as it stands, and an i behind them; as .regex has it. */
static char *
parse_regex(Parser *parser)
{
	const char *start = parser->pos++;
	StringInfoData regex;

	initStringInfo(&regex);
	for (; *parser->pos != '/'; parser->pos++)
	{
		if (*parser->pos == '\\' && parser->pos[1] != '\0')
			appendStringInfoChar(&regex, *parser->pos++);
		if (*parser->pos == '\0')
			malformed(parser, start, "a regular expression without an end");
		appendStringInfoChar(&regex, *parser->pos);
	}
	parser->pos++;
	if (*parser->pos == 'i')
	{
		parser->pos++;
		regex.data = psprintf("(?i)%s", regex.data);
	}
	if (is_name_byte(*parser->pos))
		unsupported(parser, parser->pos, "an option of a regular expression other than i");
	return regex.data;
}

static bool
is_name_byte(char c)
{
	return isalnum((unsigned char) c) || c == '_' || c == '@' || IS_HIGHBIT_SET(c);
}

/* What comes next, without taking it. */
static char
peek(Parser *parser)
{
	while (*parser->pos == ' ' || *parser->pos == '\t' || *parser->pos == '\n' ||
		   *parser->pos == '\r')
		parser->pos++;
	return *parser->pos;
}

static bool
takes(Parser *parser, const char *token)
{
	(void) peek(parser);
	if (strncmp(parser->pos, token, strlen(token)) != 0)
		return false;
	parser->pos += strlen(token);
	return true;
}

static void
expect(Parser *parser, char c)
{
	UmOperator	op;
	const char *start;

	if (peek(parser) == c)
	{
		parser->pos++;
		return;
	}
	start = parser->pos;
	if (parse_operator(parser, false, &op))
		malformed(parser, start, "an operator takes an attribute and a value");
	malformed(parser, start, psprintf("there should be %s%c", c == ')' ? "&&, || or " : "", c));
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

static void
malformed(const Parser *parser, const char *at, const char *why)
{
	ereport(ERROR,
			(errcode(UM_PARAMETER),
			 errmsg("filter at position %d: %s", position(parser, at), why),
			 errhint("A filter is written $[?(@.name == 'value')], or $.list[?(@.name == 'value')] for an element of a list.")));
}

static void
unsupported(const Parser *parser, const char *at, const char *what)
{
	ereport(ERROR,
			(errcode(UM_UNSUPPORTED),
			 errmsg("filter at position %d: %s is not supported", position(parser, at), what)));
}

/* In characters, from 1. */
static int
position(const Parser *parser, const char *at)
{
	return pg_mbstrlen_with_len(parser->text, at - parser->text) + 1;
}
