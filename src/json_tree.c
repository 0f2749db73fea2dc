/*
 * json_tree.c
 *	  JSON that is edited: json-c's tree, owned by a memory context.
 *
 * A tree belongs to the memory context it was made in and goes with it, also
 * when an error leaves the code in between.  It is made by our own scanner:
 * json-c's parser clamps large integers and takes what is no JSON.  Numbers
 * keep their digits, since they are only ever copied as text.
 */
#include "postgres.h"

#include <json-c/json.h>

#include "miscadmin.h"
#include "nodes/pg_list.h"

#include "json_tree.h"
#include "match.h"

typedef struct Owner
{
	MemoryContextCallback callback;
	struct json_object *tree;
} Owner;

static Owner *new_owner(void);
static void release(void *arg);
static struct json_object *checked(struct json_object *object);
static struct json_object *build(UmScan *scan, struct json_object *parent, const char *key);
static void build_members(UmScan *scan, struct json_object *object);
static struct json_object *build_scalar(UmScan *scan, UmToken token);
static void attach(struct json_object *parent, const char *key, struct json_object *child);

/* Parses a whole document; an error of the SQLSTATE that the scanner gives. */
struct json_object *
um_tree_parse(UmSlice text)
{
	Owner	   *owner = new_owner();
	struct json_object *holder;
	struct json_object *tree;
	UmScan		scan;

	/* all is hung into the holder at once, so nothing can get lost */
	holder = owner->tree = checked(json_object_new_array());
	um_scan_init(&scan, text.ptr, text.len);
	tree = build(&scan, holder, NULL);
	if (!um_scan_finish(&scan))
		ereport(ERROR,
				(errcode(scan.sqlstate), errmsg("invalid JSON: %s", scan.message)));
	return tree;
}

/* A deep copy, owned like a new tree; NULL is JSON's null. */
struct json_object *
um_tree_copy(struct json_object *tree)
{
	Owner	   *owner = new_owner();

	if (tree != NULL && json_object_deep_copy(tree, &owner->tree, NULL) != 0)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	return owner->tree;
}

/* An array of a copy of one element, owned like a new tree. */
struct json_object *
um_tree_array_of(struct json_object *element)
{
	Owner	   *owner = new_owner();

	owner->tree = checked(json_object_new_array());
	attach(owner->tree, NULL, json_object_get(um_tree_copy(element)));
	return owner->tree;
}

/* Puts an owned element into an array, before the one at that place or at the end. */
void
um_tree_insert(struct json_object *array, size_t place, struct json_object *element)
{
	size_t		count = json_object_array_length(array);
	struct array_list *list;

	Assert(place <= count);
	attach(array, NULL, element);
	/* json-c 0.16 cannot insert, and moves nothing but one by one */
	list = json_object_get_array(array);
	memmove(list->array + place + 1, list->array + place, (count - place) * sizeof(void *));
	list->array[place] = element;
}

/* Gives a member another name, in the place of one that has it. */
void
um_tree_rename(struct json_object *object, const char *name, const char *other)
{
	(void) json_object_object_add(object, other,
								  json_object_get(json_object_object_get(object, name)));
	json_object_object_del(object, name);
}

/* Blanks around a key are none of it, as everywhere that the model reaches. */
void
um_tree_trim_keys(struct json_object *object)
{
	List	   *blank = NIL;
	ListCell   *cell;

	if (!json_object_is_type(object, json_type_object))
		return;
	{
		json_object_object_foreach(object, key, value)
		{
			(void) value;
			if (um_trim((UmSlice) {key, strlen(key)}).len != (int) strlen(key))
				blank = lappend(blank, pstrdup(key));
		}
	}
	foreach(cell, blank)
	{
		char	   *key = lfirst(cell);
		UmSlice		trimmed = um_trim((UmSlice) {key, strlen(key)});

		um_tree_rename(object, key, pnstrdup(trimmed.ptr, trimmed.len));
	}
}

/*
 * How many levels a tree has; adds to *size about what a copy of it takes.
 * Only for trees that are not deeper than a document may be.
 */
int
um_tree_depth(struct json_object *tree, int64 *size)
{
	int			depth = 0;
	int			below;

	CHECK_FOR_INTERRUPTS();
	*size += 256;
	if (json_object_is_type(tree, json_type_string))
		*size += json_object_get_string_len(tree);
	if (json_object_is_type(tree, json_type_array))
		for (size_t i = 0; i < json_object_array_length(tree); i++)
		{
			below = um_tree_depth(json_object_array_get_idx(tree, i), size);
			depth = Max(depth, below);
		}
	else if (json_object_is_type(tree, json_type_object))
	{
		json_object_object_foreach(tree, key, member)
		{
			*size += strlen(key);
			below = um_tree_depth(member, size);
			depth = Max(depth, below);
		}
	}
	else
		return 0;
	return depth + 1;
}

static Owner *
new_owner(void)
{
	Owner	   *owner = palloc0(sizeof(Owner));

	owner->callback.func = release;
	owner->callback.arg = owner;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &owner->callback);
	return owner;
}

static void
release(void *arg)
{
	(void) json_object_put(((Owner *) arg)->tree);
}

static struct json_object *
checked(struct json_object *object)
{
	if (object == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	return object;
}

/*
 * Builds one value and hangs it into its parent before it is filled.  What the
 * scan says against it is for the caller to ask.
 */
static struct json_object *
build(UmScan *scan, struct json_object *parent, const char *key)
{
	UmToken		token = um_scan_peek(scan);
	struct json_object *made;

	if (token != UM_OBJECT_TOKEN && token != UM_ARRAY_TOKEN)
	{
		made = build_scalar(scan, token);
		if (scan->sqlstate == 0)
			attach(parent, key, made);
		return made;
	}
	made = checked(token == UM_OBJECT_TOKEN ? json_object_new_object() : json_object_new_array());
	attach(parent, key, made);
	um_scan_enter(scan);
	if (token == UM_OBJECT_TOKEN)
		build_members(scan, made);
	else
		while (um_scan_element(scan))
			(void) build(scan, made, NULL);
	return made;
}

static void
build_members(UmScan *scan, struct json_object *object)
{
	UmSlice		key;

	while (um_scan_key(scan, &key))
	{
		char	   *name = pnstrdup(key.ptr, key.len);

		(void) build(scan, object, name);
		pfree(name);
	}
}

static struct json_object *
build_scalar(UmScan *scan, UmToken token)
{
	UmSlice		text;
	bool		ok = token == UM_STRING ? um_scan_string(scan, &text)
		: token == UM_NUMBER_TOKEN ? um_scan_number(scan, &text) : um_scan_skip(scan, &text);

	if (!ok || token == UM_NULL)
		return NULL;
	if (token == UM_STRING)
		return checked(json_object_new_string_len(text.ptr, text.len));
	if (token == UM_NUMBER_TOKEN)
		return checked(json_object_new_double_s(0, pnstrdup(text.ptr, text.len)));
	return checked(json_object_new_boolean(token == UM_TRUE));
}

static void
attach(struct json_object *parent, const char *key, struct json_object *child)
{
	int			failed = key != NULL ? json_object_object_add(parent, key, child)
		: json_object_array_add(parent, child);

	if (failed != 0)
	{
		(void) json_object_put(child);
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	}
}

void
um_tree_text(StringInfo out, struct json_object *tree)
{
	const char *text = json_object_to_json_string_ext(tree, JSON_C_TO_STRING_PLAIN |
													  JSON_C_TO_STRING_NOSLASHESCAPE);

	if (text == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	appendStringInfoString(out, text);
}

/* RFC 6902's equality: numbers by value, members in any order. */
bool
um_tree_equal(struct json_object *a, struct json_object *b)
{
	enum json_type type = json_object_get_type(a);

	CHECK_FOR_INTERRUPTS();
	if (type != json_object_get_type(b))
		return false;
	if (type == json_type_double)
	{
		const char *x = json_object_get_string(a);
		const char *y = json_object_get_string(b);

		return um_compare_text((UmSlice) {x, strlen(x)}, (UmSlice) {y, strlen(y)}) == 0;
	}
	if (type == json_type_array)
	{
		if (json_object_array_length(a) != json_object_array_length(b))
			return false;
		for (size_t i = 0; i < json_object_array_length(a); i++)
			if (!um_tree_equal(json_object_array_get_idx(a, i), json_object_array_get_idx(b, i)))
				return false;
		return true;
	}
	if (type == json_type_object &&
		json_object_object_length(a) != json_object_object_length(b))
		return false;
	if (type == json_type_object)
	{
		json_object_object_foreach(a, key, member)
		{
			struct json_object *other;

			if (!json_object_object_get_ex(b, key, &other) || !um_tree_equal(member, other))
				return false;
		}
		return true;
	}
	return json_object_equal(a, b) != 0;
}

/* Whether a scalar says the same as a query's text, as numbers where both are. */
bool
um_tree_matches(struct json_object *value, const char *text)
{
	const char *own;

	if (value == NULL || json_object_is_type(value, json_type_object) ||
		json_object_is_type(value, json_type_array))
		return false;
	own = json_object_get_string(value);
	return um_compare_text((UmSlice) {own, json_object_get_string_len(value) > 0
									  ? json_object_get_string_len(value) : (int) strlen(own)},
						   (UmSlice) {text, strlen(text)}) == 0;
}
