/*
 * json_pointer.c
 *	  Where a path leads in a document: JSON Pointer (RFC 6901).
 *
 * What the field writes is understood, too: no slash at the start, the names of
 * other versions, and, where a patch may have one, a filter behind the path that
 * says which elements of its list are meant.
 */
#include "postgres.h"

#include <json-c/json.h>

#include "miscadmin.h"

#include "errors.h"
#include "json_pointer.h"
#include "query_string.h"

static void parse_tokens(UmPointer *pointer, char *token);
static void canonical_tokens(UmPointer *pointer, const UmModel *model, UmVersion version);
static void check_filter(const UmPointer *pointer);
static List *step(List *nodes, const char *token, const UmPointer *pointer, bool *filtered);
static List *add_place(List *places, struct json_object *parent, const char *key, size_t index);
static List *fitting_elements(List *places, struct json_object *array, const char *token,
							  const UmPointer *pointer);
static bool element_fits(struct json_object *element, const UmPointer *pointer);
static struct json_object *look_up(struct json_object *object, List *path, int from);
static bool place_exists(const UmPlace *place);
static bool element_index(const char *token, size_t count, size_t *index);

/* /a/b~1c with or without the leading slash, and a filter where that may be. */
UmPointer
um_parse_pointer(const char *path, const UmModel *model, UmVersion version, bool may_filter)
{
	UmPointer	pointer = {.text = path};
	char	   *copy = pstrdup(path);
	char	   *filter = may_filter ? strchr(copy, '?') : NULL;

	if (filter != NULL)
	{
		*filter++ = '\0';
		pointer.conditions = um_parse_query(filter, true)->conditions;
		check_filter(&pointer);
	}
	if (*copy == '\0')
		return pointer;
	parse_tokens(&pointer, *copy == '/' ? copy + 1 : copy);
	canonical_tokens(&pointer, model, version);
	return pointer;
}

static void
parse_tokens(UmPointer *pointer, char *token)
{
	while (token != NULL)
	{
		char	   *slash = strchr(token, '/');
		char	   *out = token;

		if (slash != NULL)
			*slash++ = '\0';
		pointer->tokens = lappend(pointer->tokens, token);
		for (char *in = token; (*out = *in) != '\0'; in++, out++)
			if (*in == '~')
			{
				if (in[1] != '0' && in[1] != '1')
					um_patch_fail(pointer->text, "\"~\" must be followed by 0 or 1");
				*out = *++in == '0' ? '~' : '/';
			}
		token = slash;
	}
}

/* Other versions' names become those of the patch's version. */
static void
canonical_tokens(UmPointer *pointer, const UmModel *model, UmVersion version)
{
	const UmNames *names = &model->names;
	ListCell   *cell;
	size_t		ignored;

	foreach(cell, pointer->tokens)
	{
		char	   *token = lfirst(cell);
		UmAttribute *a;

		if (element_index(token, 0, &ignored))
			continue;
		a = names != NULL ? um_find_name(names, (UmSlice) {token, strlen(token)}, NULL) : NULL;
		if (a == NULL)
			return;
		if (lnext(pointer->tokens, cell) == NULL && a->of != NULL && a->kind != UM_BRANCH)
			pointer->list = a;
		lfirst(cell) = pstrdup(um_name_in(a, version));
		names = a->members != NULL ? &a->names : a->of != NULL ? &a->of->names : NULL;
	}
}

static void
check_filter(const UmPointer *pointer)
{
	ListCell   *cell;

	if (pointer->conditions == NIL)
		um_patch_fail(pointer->text, "the filter is empty");
	foreach(cell, pointer->conditions)
	{
		if (((UmCondition *) lfirst(cell))->op != UM_EQ)
			um_patch_fail(pointer->text, "a filter compares with = only");
	}
}

bool
um_pointer_is_inside(const UmPointer *inner, const UmPointer *outer)
{
	if (outer->conditions != NIL || list_length(inner->tokens) <= list_length(outer->tokens))
		return false;
	for (int i = 0; i < list_length(outer->tokens); i++)
		if (strcmp(list_nth(inner->tokens, i), list_nth(outer->tokens, i)) != 0)
			return false;
	return true;
}

/* Whether it leads to an attribute of the document, below it, or to all of them. */
bool
um_pointer_touches(const UmPointer *pointer, const char *name)
{
	return pointer->tokens == NIL || strcmp(linitial(pointer->tokens), name) == 0;
}

/* Where a path leads; with a filter, possibly to several places. */
List *
um_find_places(struct json_object *document, const UmPointer *pointer, bool must_exist)
{
	List	   *nodes = list_make1(document);
	List	   *places = NIL;
	bool		filtered = false;
	ListCell   *cell;

	foreach(cell, pointer->tokens)
	{
		List	   *next = NIL;
		ListCell   *at;

		places = step(nodes, lfirst(cell), pointer, &filtered);
		foreach(at, places)
		{
			UmPlace    *place = lfirst(at);

			if (place_exists(place))
				next = lappend(next, um_place_value(place));
			else if (must_exist || lnext(pointer->tokens, cell) != NULL)
				um_patch_fail(pointer->text, "there is no such place");
		}
		nodes = next;
	}
	/* a filter that met no list on the way is about the list it ends at */
	if (pointer->conditions != NIL && !filtered)
		places = step(nodes, NULL, pointer, &filtered);
	if (pointer->conditions != NIL && places == NIL)
		um_patch_fail(pointer->text, "no element fits the filter");
	return places;
}

/*
 * The places that a token names in each node.  A list is left out of the path
 * where a filter picks its elements; without a token they themselves are meant.
 */
static List *
step(List *nodes, const char *token, const UmPointer *pointer, bool *filtered)
{
	List	   *places = NIL;
	ListCell   *cell;

	foreach(cell, nodes)
	{
		struct json_object *node = lfirst(cell);
		size_t		index;

		if (token != NULL && json_object_is_type(node, json_type_object))
			places = add_place(places, node, token, 0);
		else if (!json_object_is_type(node, json_type_array))
			um_patch_fail(pointer->text, "there is no such place");
		else if (token != NULL && element_index(token, json_object_array_length(node), &index))
			places = add_place(places, node, NULL, index);
		else if (pointer->conditions == NIL)
			um_patch_fail(pointer->text, "an element is named by its index");
		else
		{
			*filtered = true;
			places = fitting_elements(places, node, token, pointer);
		}
	}
	return places;
}

static List *
add_place(List *places, struct json_object *parent, const char *key, size_t index)
{
	UmPlace    *place = palloc(sizeof(UmPlace));

	*place = (UmPlace) {parent, key, index};
	return lappend(places, place);
}

/* The elements that meet the filter, or what the token names in each. */
static List *
fitting_elements(List *places, struct json_object *array, const char *token,
				 const UmPointer *pointer)
{
	for (size_t i = 0; i < json_object_array_length(array); i++)
	{
		struct json_object *element = json_object_array_get_idx(array, i);

		CHECK_FOR_INTERRUPTS();
		if (element_fits(element, pointer))
			places = add_place(places, token == NULL ? array : element, token, i);
	}
	return places;
}

/* Whether an element meets the filter, whose names may begin with its list's. */
static bool
element_fits(struct json_object *element, const UmPointer *pointer)
{
	ListCell   *cell;
	ListCell   *at;

	foreach(cell, pointer->conditions)
	{
		UmCondition *condition = lfirst(cell);
		bool		fits = false;

		foreach(at, condition->values)
		{
			char	   *wanted = lfirst(at);
			int			len = strlen(wanted);

			/* 'quoted', as some write it */
			if (len >= 2 && wanted[0] == '\'' && wanted[len - 1] == '\'')
				wanted = pnstrdup(wanted + 1, len - 2);
			fits |= um_tree_matches(look_up(element, condition->path, 0), wanted) ||
				(list_length(condition->path) > 1 &&
				 um_tree_matches(look_up(element, condition->path, 1), wanted));
		}
		if (!fits)
			return false;
	}
	return true;
}

static struct json_object *
look_up(struct json_object *object, List *path, int from)
{
	for (int i = from; i < list_length(path); i++)
		if (!json_object_is_type(object, json_type_object) ||
			!json_object_object_get_ex(object, list_nth(path, i), &object))
			return NULL;
	return object;
}

/* An index as RFC 6901 writes it: no sign, no leading zero; "-" is behind the last. */
static bool
element_index(const char *token, size_t count, size_t *index)
{
	*index = strcmp(token, "-") == 0 ? count : 0;
	if (strcmp(token, "-") == 0)
		return true;
	if (*token == '\0' || strlen(token) > 9 || (*token == '0' && token[1] != '\0'))
		return false;
	for (const char *p = token; *p != '\0'; p++)
	{
		if (!isdigit((unsigned char) *p))
			return false;
		*index = *index * 10 + (*p - '0');
	}
	return true;
}

/* What stands at the one place that a path leads to. */
struct json_object *
um_pointer_value(struct json_object *document, const UmPointer *pointer)
{
	List	   *places;

	if (pointer->tokens == NIL)
		return document;
	places = um_find_places(document, pointer, true);
	if (list_length(places) != 1)
		um_patch_fail(pointer->text, "more than one place is meant");
	return um_place_value(linitial(places));
}

static bool
place_exists(const UmPlace *place)
{
	return place->key != NULL ? json_object_object_get_ex(place->parent, place->key, NULL)
		: place->index < json_object_array_length(place->parent);
}

/* NULL is JSON's null, or nothing. */
struct json_object *
um_place_value(const UmPlace *place)
{
	return place->key != NULL ? json_object_object_get(place->parent, place->key)
		: json_object_array_get_idx(place->parent, place->index);
}

/* The tree takes a copy of its own. */
void
um_place_put(const UmPlace *place, struct json_object *value, bool insert)
{
	struct json_object *copy = json_object_get(um_tree_copy(value));

	if (place->key != NULL)
		(void) json_object_object_add(place->parent, place->key, copy);
	else if (!insert)
		(void) json_object_array_put_idx(place->parent, place->index, copy);
	else
		um_tree_insert(place->parent, place->index, copy);
}

void
um_place_remove(const UmPlace *place)
{
	if (place->key != NULL)
		json_object_object_del(place->parent, place->key);
	else
		(void) json_object_array_del_idx(place->parent, place->index, 1);
}

/* Says why a patch does not apply; what it names must be there. */
void
um_patch_fail(const char *path, const char *why)
{
	ereport(ERROR,
			(errcode(UM_PARAMETER), errmsg("JSON Patch: \"%s\": %s", path, why)));
}
