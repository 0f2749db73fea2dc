/*
 * patch.c
 *	  Partial updates: merge patch (RFC 7396), JSON Patch (RFC 6902).
 *
 * A patch is applied to the document that a reader of the same version sees,
 * and what comes out is read like a put: the rules see the result and never
 * the patch.  All operations of a patch apply or none.
 *
 * What the field writes is understood, too: paths without the leading slash,
 * add to an array without an index, the seeds' ArrayUpdate (one operation,
 * alone), the names of other versions, and, with json-patch-query, a filter
 * behind the path that says which elements of its list are meant.
 *
 * A patch is checked whole when it is read: what could work on no document is
 * refused before any is looked at.  A merge patch that only sets plain columns
 * needs no document; it is kept as a record, which a collection's update sets
 * in one statement.
 */
#include "postgres.h"

#include <json-c/json.h>

#include "miscadmin.h"

#include "compat.h"
#include "errors.h"
#include "json_tree.h"
#include "patch.h"
#include "query_string.h"
#include "replace.h"
#include "rules.h"
#include "tmf_read.h"
#include "tmf_write.h"

/* What the operations of a patch may copy; a few could double a document each. */
#define MAX_COPIED (INT64CONST(256) * 1024 * 1024)

#define MAX_OPERATIONS 10000

/* PostgreSQL takes members out of jsonb one by one: of more the document is patched. */
#define MAX_FORGOTTEN 100

/* What a patch names must be there. */
#define UM_PATCH_FAILED UM_PARAMETER

typedef enum PatchKind
{
	MERGE,
	OPERATIONS
} PatchKind;

/* A path taken apart. */
typedef struct PatchPath
{
	const char *text;
	List	   *tokens;			/* of char * */
	List	   *conditions;		/* of UmCondition */
	const UmAttribute *list;	/* that it ends at, or NULL */
} PatchPath;

typedef enum OperationKind
{
	ADD,
	REPLACE,
	TEST,
	REMOVE,
	COPY,
	MOVE
} OperationKind;

typedef struct Operation
{
	OperationKind kind;
	PatchPath	path;
	PatchPath	from;			/* of copy and move */
	struct json_object *value;	/* of add, replace and test */
} Operation;

struct UmPatch
{
	PatchKind	kind;
	bool		query;			/* a filter may follow a path */
	const UmModel *model;
	UmVersion	version;
	struct json_object *tree;
	int			count;
	Operation  *operations;		/* unless it is a merge patch */
	List	   *untouched;		/* attributes with elements that it leaves alone */
	UmConstant	constant;		/* of a merge patch; no record where it does more */
	int64		copied;			/* bytes, into the document at hand */
};

/* A place in the document: a member of an object or an element of an array. */
typedef struct Place
{
	struct json_object *parent;
	const char *key;			/* NULL for an element */
	size_t		index;
} Place;

static PatchKind kind_of(const char *content_type, struct json_object *tree, bool *query);
static void trim_keys(struct json_object *object);
static void find_untouched(UmPatch *patch);
static bool touches(UmPatch *patch, const char *name);
static bool pointer_touches(const PatchPath *pointer, const char *name);
static void parse_operations(UmPatch *patch);
static void parse_operation(UmPatch *patch, struct json_object *tree, Operation *operation);
static OperationKind kind_of_operation(const char *path, const char *op);
static bool name_columns(UmPatch *patch, struct json_object *object, const UmNames *names,
						 List **named);
static bool shows_all_of(const UmModel *model, UmVersion version);
static void make_constant(UmPatch *patch, UmSlice text);
static void canonical_keys(UmPatch *patch, struct json_object *object, const UmNames *names);
static void merge(UmPatch *patch, struct json_object *target, struct json_object *patch_object);
static void check_identity(UmPatch *patch, struct json_object *document, UmFaults *faults);
static void run_operation(UmPatch *patch, struct json_object **document,
						  const Operation *operation);
static void remove_places(List *places);
static void move_value(UmPatch *patch, struct json_object **document, const Operation *operation);
static const char *text_member(struct json_object *operation, const char *name);
static bool is_inside(const PatchPath *inner, const PatchPath *outer);
static PatchPath parse_pointer(UmPatch *patch, const char *path);
static void canonical_tokens(UmPatch *patch, PatchPath *pointer);
static List *find_places(struct json_object *document, const PatchPath *pointer, bool must_exist);
static List *step(List *nodes, const char *token, const PatchPath *pointer, bool *filtered);
static void check_filter(const PatchPath *pointer);
static bool element_fits(struct json_object *element, const PatchPath *pointer);
static struct json_object *look_up(struct json_object *object, List *path, int from);
static bool array_index(const char *token, size_t *index);
static bool place_exists(const Place *place);
static struct json_object *value_at(const Place *place);
static void put_at(const Place *place, struct json_object *value, bool insert);
static void remove_at(const Place *place);
static struct json_object *one_value(struct json_object *document, const PatchPath *pointer);
static void add_value(UmPatch *patch, struct json_object **document, const PatchPath *pointer,
					  struct json_object *value);
static struct json_object *value_of_list(const PatchPath *pointer, struct json_object *value);
static bool is_element(const UmAttribute *list, struct json_object *value);
static void check_growth(UmPatch *patch, const PatchPath *pointer, struct json_object *value,
						 List *places);
pg_noreturn static void fail(const char *path, const char *why);

/*
 * Reads a patch, once for however many resources.  content_type is the media
 * type, NULL for a merge patch; 22023 for one that is not known.
 */
UmPatch *
um_patch_parse(UmSlice text, const char *content_type, const UmModel *model, UmVersion version)
{
	UmPatch    *patch = palloc0(sizeof(UmPatch));

	if (text.ptr == NULL)
		ereport(ERROR, (errcode(UM_NOT_JSON), errmsg("the patch is null")));
	patch->model = model;
	patch->version = version;
	patch->tree = um_tree_parse(text);
	trim_keys(patch->tree);
	patch->kind = kind_of(content_type, patch->tree, &patch->query);
	if (patch->kind == MERGE && !json_object_is_type(patch->tree, json_type_object))
		ereport(ERROR,
				(errcode(UM_WRONG_KIND), errmsg("a merge patch must be an object")));
	if (patch->kind == MERGE)
	{
		canonical_keys(patch, patch->tree, &model->names);
		make_constant(patch, text);
	}
	else
		parse_operations(patch);
	find_untouched(patch);
	return patch;
}

/* Blanks around a key are none of it, as everywhere that the model reaches. */
static void
trim_keys(struct json_object *object)
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

		(void) json_object_object_add(object, pnstrdup(trimmed.ptr, trimmed.len),
									  json_object_get(json_object_object_get(object, key)));
		json_object_object_del(object, key);
	}
}

/*
 * What a patch leaves alone is not to change by having been written and read:
 * JSON that was kept as it came would come back with other escapes.
 */
static void
find_untouched(UmPatch *patch)
{
	for (um_each_attribute(a, patch->model))
		if (a->of != NULL && !touches(patch, um_name_in(a, patch->version)))
			patch->untouched = lappend(patch->untouched, a);
}

static bool
touches(UmPatch *patch, const char *name)
{
	if (patch->kind == MERGE)
		return json_object_object_get_ex(patch->tree, name, NULL);
	for (int i = 0; i < patch->count; i++)
	{
		const Operation *operation = &patch->operations[i];

		if (operation->kind != TEST && pointer_touches(&operation->path, name))
			return true;
		if (operation->kind == MOVE && pointer_touches(&operation->from, name))
			return true;
	}
	return false;
}

static bool
pointer_touches(const PatchPath *pointer, const char *name)
{
	return pointer->tokens == NIL || strcmp(linitial(pointer->tokens), name) == 0;
}

/* An array of operations, or the one of an ArrayUpdate. */
static void
parse_operations(UmPatch *patch)
{
	bool		many = json_object_is_type(patch->tree, json_type_array);
	size_t		count = many ? json_object_array_length(patch->tree) : 1;

	if (count > MAX_OPERATIONS)
		ereport(ERROR,
				(errcode(UM_TOO_MUCH),
				 errmsg("a JSON Patch has at most %d operations, not %zu", MAX_OPERATIONS, count)));
	patch->count = count;
	patch->operations = palloc0(sizeof(Operation) * Max(count, 1));
	for (size_t i = 0; i < count; i++)
		parse_operation(patch, many ? json_object_array_get_idx(patch->tree, i) : patch->tree,
						&patch->operations[i]);
}

static void
parse_operation(UmPatch *patch, struct json_object *tree, Operation *operation)
{
	const char *op;
	const char *path;

	CHECK_FOR_INTERRUPTS();
	trim_keys(tree);
	op = text_member(tree, "op");
	path = text_member(tree, "path");
	operation->kind = kind_of_operation(path, op);
	operation->path = parse_pointer(patch, path);
	if (!json_object_object_get_ex(tree, "value", &operation->value) && operation->kind <= TEST)
		fail(path, "the operation has no value");
	if (operation->kind == REMOVE && operation->path.tokens == NIL)
		fail(path, "the whole document cannot be removed");
	if (operation->kind < COPY)
		return;
	operation->from = parse_pointer(patch, text_member(tree, "from"));
	if (operation->kind == MOVE && is_inside(&operation->path, &operation->from))
		fail(path, "a value cannot move into itself");
}

static OperationKind
kind_of_operation(const char *path, const char *op)
{
	static const char *const names[] = {
		[ADD] = "add",[REPLACE] = "replace",[TEST] = "test",[REMOVE] = "remove",
		[COPY] = "copy",[MOVE] = "move"
	};

	for (size_t i = 0; i < lengthof(names); i++)
		if (strcmp(op, names[i]) == 0)
			return i;
	ereport(ERROR,
			(errcode(UM_PATCH_FAILED),
			 errmsg("JSON Patch: \"%s\": operation \"%s\" is not known", path, op),
			 errhint("The operations are add, remove, replace, move, copy and test.")));
}

static PatchKind
kind_of(const char *content_type, struct json_object *tree, bool *query)
{
	int			len = content_type != NULL ? (int) strcspn(content_type, "; ") : 0;
	struct json_object *op;

	*query = false;
	/* the seeds' ArrayUpdate comes as plain JSON, also where a list of operations is said to come */
	if ((len == 0 || pg_strncasecmp(content_type, "application/merge-patch+json", Max(len, 28)) != 0) &&
		json_object_is_type(tree, json_type_object) &&
		json_object_object_get_ex(tree, "op", &op) && json_object_object_get_ex(tree, "path", &op))
	{
		*query = true;
		return OPERATIONS;
	}
	if (len == 0 || pg_strncasecmp(content_type, "application/merge-patch+json", Max(len, 28)) == 0 ||
		pg_strncasecmp(content_type, "application/json", Max(len, 16)) == 0)
		return MERGE;
	*query = pg_strncasecmp(content_type, "application/json-patch-query+json", Max(len, 33)) == 0;
	if (*query || pg_strncasecmp(content_type, "application/json-patch+json", Max(len, 27)) == 0)
		return OPERATIONS;
	ereport(ERROR,
			(errcode(UM_PARAMETER),
			 errmsg("content type \"%s\" of a patch is not known", content_type),
			 errhint("The content types are application/merge-patch+json, application/json-patch+json "
					 "and application/json-patch-query+json.")));
}

/*
 * Collects the attributes that a merge patch sets; false where one of them is
 * more than a column that any value of it replaces: an object that the model
 * does not know is merged, and so is one in jsonb; a list keeps what the version
 * has no shape for.
 */
static bool
name_columns(UmPatch *patch, struct json_object *object, const UmNames *names, List **named)
{
	json_object_object_foreach(object, key, value)
	{
		UmAttribute *a = um_find_name(names, (UmSlice) {key, strlen(key)}, NULL);

		CHECK_FOR_INTERRUPTS();
		if (a == NULL)
		{
			/* the reader leaves a null out, so it is noted here */
			if (names != &patch->model->names || json_object_is_type(value, json_type_object))
				return false;
			if (value == NULL)
				patch->constant.forgotten = lappend(patch->constant.forgotten, pstrdup(key));
			continue;
		}
		if ((a->flags & UM_FIXED) || a->kind == UM_HREF)
			return false;
		if (a->kind == UM_OBJECT)
		{
			if (!json_object_is_type(value, json_type_object) ||
				!name_columns(patch, value, &a->names, named))
				return false;
		}
		else if (a->kind <= UM_STATUS || a->kind == UM_CHARACTERISTICS ||
				 (a->kind == UM_LIST && shows_all_of(a->of, patch->version)))
			*named = lappend(*named, a);
		else
			return false;
	}
	return true;
}

/* Whether a version has a shape for every member of an object. */
static bool
shows_all_of(const UmModel *model, UmVersion version)
{
	for (um_each_attribute(a, model))
		if (a->members != NULL && !(a->object_in & (1 << version)))
			return false;
	return true;
}

/* Keeps a merge patch as a record where all it does is set columns. */
static void
make_constant(UmPatch *patch, UmSlice text)
{
	UmFaults	faults = {patch->version, NIL, 0};
	List	   *named = NIL;
	ListCell   *cell;
	UmRecord   *record;

	if (!name_columns(patch, patch->tree, &patch->model->names, &named) ||
		list_length(patch->constant.forgotten) > MAX_FORGOTTEN)
		return;
	record = um_read_document(text.ptr, text.len, patch->model, &faults);
	patch->constant.cleared = palloc0(patch->model->slots);
	foreach(cell, named)
	{
		UmAttribute *a = lfirst(cell);

		/* null, and an empty string where it means none */
		patch->constant.cleared[a->slot] = record->state[a->slot] == UM_ABSENT;
		if (patch->constant.cleared[a->slot] && ((a->flags & UM_MANDATORY) || a->kind == UM_STATUS))
			return;
	}
	(void) um_fill_elements(record, patch->version, 0);
	/* a faulty patch is read anew for each resource, with its other faults */
	if (faults.list == NIL)
		patch->constant.record = record;
}

/* What a merge patch sets, where setting columns is all it does; else NULL. */
const UmConstant *
um_patch_constant(const UmPatch *patch)
{
	return patch->constant.record != NULL ? &patch->constant : NULL;
}

/*
 * The record that the patch makes of the stored one, ready to replace it.
 * Faults of the result are raised where the document itself is at fault.
 */
UmRecord *
um_patch_apply(UmPatch *patch, const UmRecord *stored, UmFaults *faults)
{
	struct json_object *document;
	StringInfoData text;
	UmRecord   *record;
	ListCell   *cell;

	initStringInfo(&text);
	um_write_record(&text, stored, patch->version, NULL);
	document = um_tree_parse((UmSlice) {text.data, text.len});
	patch->copied = 0;
	if (patch->kind == MERGE)
		merge(patch, document, patch->tree);
	for (int i = 0; i < patch->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		run_operation(patch, &document, &patch->operations[i]);
	}
	resetStringInfo(&text);
	um_tree_text(&text, document);
	record = um_read_document(text.data, text.len, patch->model, faults);
	if (json_object_is_type(document, json_type_object))
		check_identity(patch, document, faults);
	foreach(cell, patch->untouched)
	{
		int			slot = ((UmAttribute *) lfirst(cell))->slot;

		if (um_is_set(stored, slot))
			um_record_set(record, slot, stored->value[slot]);
	}
	um_replace(record, stored, patch->version, faults);
	return record;
}

/* Id and href can be repeated; a reader would take their removal for silence. */
static void
check_identity(UmPatch *patch, struct json_object *document, UmFaults *faults)
{
	for (int i = 0; i < 2; i++)
	{
		UmPath		path = {NULL, &patch->model->attributes[i], 0};
		struct json_object *value =
			json_object_object_get(document, um_name_in(path.attribute, patch->version));
		const char *text = json_object_is_type(value, json_type_string)
			? json_object_get_string(value) : "";

		if (value == NULL || (json_object_is_type(value, json_type_string) &&
							  um_trim((UmSlice) {text, strlen(text)}).len == 0))
			um_fault(faults, &path, UM_IDENTITY, "cannot be removed");
		else if (path.attribute->kind == UM_HREF && !json_object_is_type(value, json_type_string))
			um_fault(faults, &path, UM_IDENTITY, "is no address");
	}
}

/* Gives the keys of an object the names of the patch's version. */
static void
canonical_keys(UmPatch *patch, struct json_object *object, const UmNames *names)
{
	List	   *renamed = NIL;
	ListCell   *cell;

	{
		json_object_object_foreach(object, key, value)
		{
			UmAttribute *a = um_find_name(names, (UmSlice) {key, strlen(key)}, NULL);

			CHECK_FOR_INTERRUPTS();
			if (a == NULL)
				continue;
			if (a->members != NULL && json_object_is_type(value, json_type_object))
				canonical_keys(patch, value, &a->names);
			if (strcmp(um_name_in(a, patch->version), key) != 0)
				renamed = lappend(renamed, pstrdup(key));
		}
	}
	foreach(cell, renamed)
	{
		char	   *name = lfirst(cell);
		UmAttribute *a = um_find_name(names, (UmSlice) {name, strlen(name)}, NULL);
		const char *canonical = um_name_in(a, patch->version);
		struct json_object *value = json_object_object_get(object, name);
		struct json_object *other;

		if (json_object_object_get_ex(object, canonical, &other) && !um_tree_equal(value, other))
			ereport(ERROR,
					(errcode(UM_RULE),
					 errmsg("\"%s\" is given twice, with different values", canonical)));
		(void) json_object_object_add(object, canonical, json_object_get(value));
		json_object_object_del(object, name);
	}
}

/* RFC 7396, section 2. */
static void
merge(UmPatch *patch, struct json_object *target, struct json_object *patch_object)
{
	json_object_object_foreach(patch_object, key, value)
	{
		struct json_object *old = NULL;

		CHECK_FOR_INTERRUPTS();
		if (value == NULL)
		{
			json_object_object_del(target, key);
			continue;
		}
		if (!json_object_is_type(value, json_type_object))
		{
			(void) json_object_object_add(target, key, json_object_get(um_tree_copy(value)));
			continue;
		}
		(void) json_object_object_get_ex(target, key, &old);
		if (!json_object_is_type(old, json_type_object))
		{
			old = json_object_new_object();
			(void) json_object_object_add(target, key, old);
		}
		merge(patch, old, value);
	}
}

/* RFC 6902, section 4. */
static void
run_operation(UmPatch *patch, struct json_object **document, const Operation *operation)
{
	const PatchPath *path = &operation->path;
	struct json_object *value = operation->value;
	List	   *places;
	ListCell   *cell;

	switch (operation->kind)
	{
		case ADD:
			add_value(patch, document, path, value);
			break;
		case REPLACE:
			places = path->tokens == NIL ? NIL : find_places(*document, path, true);
			value = value_of_list(path, value);
			check_growth(patch, path, value, places);
			if (path->tokens == NIL)
				*document = um_tree_copy(value);
			foreach(cell, places)
				put_at(lfirst(cell), value, false);
			break;
		case TEST:
			if (!um_tree_equal(one_value(*document, path), value))
				fail(path->text, "the test failed");
			break;
		case REMOVE:
			remove_places(find_places(*document, path, true));
			break;
		case COPY:
			add_value(patch, document, path, um_tree_copy(one_value(*document, &operation->from)));
			break;
		case MOVE:
			move_value(patch, document, operation);
			break;
	}
}

/* From the end, so that the indexes before stay right. */
static void
remove_places(List *places)
{
	for (int i = list_length(places) - 1; i >= 0; i--)
	{
		CHECK_FOR_INTERRUPTS();
		remove_at(list_nth(places, i));
	}
}

static void
move_value(UmPatch *patch, struct json_object **document, const Operation *operation)
{
	struct json_object *value = um_tree_copy(one_value(*document, &operation->from));

	if (strcmp(operation->path.text, operation->from.text) == 0)
		return;
	remove_places(find_places(*document, &operation->from, true));
	add_value(patch, document, &operation->path, value);
}

static const char *
text_member(struct json_object *operation, const char *name)
{
	struct json_object *member;

	if (!json_object_is_type(operation, json_type_object))
		ereport(ERROR,
				(errcode(UM_WRONG_KIND), errmsg("a JSON Patch operation must be an object")));
	if (!json_object_object_get_ex(operation, name, &member) ||
		!json_object_is_type(member, json_type_string))
		ereport(ERROR,
				(errcode(UM_PATCH_FAILED), errmsg("a JSON Patch operation needs \"%s\"", name)));
	return json_object_get_string(member);
}

static bool
is_inside(const PatchPath *inner, const PatchPath *outer)
{
	if (outer->conditions != NIL || list_length(inner->tokens) <= list_length(outer->tokens))
		return false;
	for (int i = 0; i < list_length(outer->tokens); i++)
		if (strcmp(list_nth(inner->tokens, i), list_nth(outer->tokens, i)) != 0)
			return false;
	return true;
}

/* /a/b~1c with or without the leading slash, and a filter where that may be. */
static PatchPath
parse_pointer(UmPatch *patch, const char *path)
{
	PatchPath	pointer = {.text = path};
	char	   *copy = pstrdup(path);
	char	   *filter = patch->query ? strchr(copy, '?') : NULL;

	if (filter != NULL)
	{
		*filter++ = '\0';
		pointer.conditions = um_parse_filter(filter);
		check_filter(&pointer);
	}
	if (*copy == '/')
		copy++;
	else if (*copy == '\0')
		return pointer;
	for (char *token = copy; token != NULL;)
	{
		char	   *slash = strchr(token, '/');
		char	   *out = token;

		if (slash != NULL)
			*slash++ = '\0';
		pointer.tokens = lappend(pointer.tokens, token);
		for (char *in = token; (*out = *in) != '\0'; in++, out++)
			if (*in == '~')
			{
				if (in[1] != '0' && in[1] != '1')
					fail(path, "\"~\" must be followed by 0 or 1");
				*out = *++in == '0' ? '~' : '/';
			}
		token = slash;
	}
	canonical_tokens(patch, &pointer);
	return pointer;
}

/* Other versions' names become those of the patch's version. */
static void
canonical_tokens(UmPatch *patch, PatchPath *pointer)
{
	const UmNames *names = &patch->model->names;
	ListCell   *cell;
	size_t		ignored;

	foreach(cell, pointer->tokens)
	{
		char	   *token = lfirst(cell);
		UmAttribute *a;

		if (array_index(token, &ignored) || strcmp(token, "-") == 0)
			continue;
		a = names != NULL ? um_find_name(names, (UmSlice) {token, strlen(token)}, NULL) : NULL;
		if (a == NULL)
			return;
		if (lnext(pointer->tokens, cell) == NULL && a->of != NULL && a->kind != UM_BRANCH)
			pointer->list = a;
		lfirst(cell) = pstrdup(um_name_in(a, patch->version));
		names = a->members != NULL ? &a->names : a->of != NULL ? &a->of->names : NULL;
	}
}

/* Where a path leads; with a filter, possibly to several places. */
static List *
find_places(struct json_object *document, const PatchPath *pointer, bool must_exist)
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
			Place	   *place = lfirst(at);

			if (place_exists(place))
				next = lappend(next, value_at(place));
			else if (must_exist || lnext(pointer->tokens, cell) != NULL)
				fail(pointer->text, "there is no such place");
		}
		nodes = next;
	}
	/* a filter that met no list on the way is about the list it ends at */
	if (pointer->conditions != NIL && !filtered)
		places = step(nodes, NULL, pointer, &filtered);
	if (pointer->conditions != NIL && places == NIL)
		fail(pointer->text, "no element fits the filter");
	return places;
}

/*
 * The places that a token names in each node.  A list is left out of the path
 * where a filter picks its elements; without a token they themselves are meant.
 */
static List *
step(List *nodes, const char *token, const PatchPath *pointer, bool *filtered)
{
	List	   *places = NIL;
	ListCell   *cell;

	foreach(cell, nodes)
	{
		struct json_object *node = lfirst(cell);
		Place	   *place = palloc0(sizeof(Place));
		size_t		count;

		place->parent = node;
		if (token != NULL && json_object_is_type(node, json_type_object))
		{
			place->key = token;
			places = lappend(places, place);
			continue;
		}
		if (!json_object_is_type(node, json_type_array))
			fail(pointer->text, "there is no such place");
		count = json_object_array_length(node);
		if (token != NULL && strcmp(token, "-") == 0)
		{
			place->index = count;
			places = lappend(places, place);
			continue;
		}
		if (token != NULL && array_index(token, &place->index))
		{
			places = lappend(places, place);
			continue;
		}
		if (pointer->conditions == NIL)
			fail(pointer->text, "an element is named by its index");
		*filtered = true;
		for (size_t i = 0; i < count; i++)
		{
			Place	   *element = palloc0(sizeof(Place));

			CHECK_FOR_INTERRUPTS();
			if (!element_fits(json_object_array_get_idx(node, i), pointer))
				continue;
			element->parent = token == NULL ? node : json_object_array_get_idx(node, i);
			element->key = token;
			element->index = i;
			places = lappend(places, element);
		}
	}
	return places;
}

static void
check_filter(const PatchPath *pointer)
{
	ListCell   *cell;

	if (pointer->conditions == NIL)
		fail(pointer->text, "the filter is empty");
	foreach(cell, pointer->conditions)
		if (((UmCondition *) lfirst(cell))->op != UM_EQ)
			fail(pointer->text, "a filter compares with = only");
}

/* Whether an element meets the filter, whose names may begin with its list's. */
static bool
element_fits(struct json_object *element, const PatchPath *pointer)
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

/* An index as RFC 6901 writes it: no sign, no leading zero. */
static bool
array_index(const char *token, size_t *index)
{
	*index = 0;
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

static bool
place_exists(const Place *place)
{
	return place->key != NULL ? json_object_object_get_ex(place->parent, place->key, NULL)
		: place->index < json_object_array_length(place->parent);
}

static struct json_object *
value_at(const Place *place)
{
	return place->key != NULL ? json_object_object_get(place->parent, place->key)
		: json_object_array_get_idx(place->parent, place->index);
}

/* The tree takes a copy of its own. */
static void
put_at(const Place *place, struct json_object *value, bool insert)
{
	struct json_object *copy = json_object_get(um_tree_copy(value));

	if (place->key != NULL)
		(void) json_object_object_add(place->parent, place->key, copy);
	else if (!insert)
		(void) json_object_array_put_idx(place->parent, place->index, copy);
	else
		um_tree_insert(place->parent, place->index, copy);
}

static void
remove_at(const Place *place)
{
	if (place->key != NULL)
		json_object_object_del(place->parent, place->key);
	else
		(void) json_object_array_del_idx(place->parent, place->index, 1);
}

static struct json_object *
one_value(struct json_object *document, const PatchPath *pointer)
{
	List	   *places;

	if (pointer->tokens == NIL)
		return document;
	places = find_places(document, pointer, true);
	if (list_length(places) != 1)
		fail(pointer->text, "more than one place is meant");
	return value_at(linitial(places));
}

static void
add_value(UmPatch *patch, struct json_object **document, const PatchPath *pointer,
		  struct json_object *value)
{
	List	   *places;
	ListCell   *cell;

	places = pointer->tokens == NIL ? NIL : find_places(*document, pointer, false);
	check_growth(patch, pointer, value, places);
	if (pointer->tokens == NIL)
	{
		*document = um_tree_copy(value);
		return;
	}
	foreach(cell, places)
	{
		Place	   *place = lfirst(cell);
		struct json_object *there = place_exists(place) ? value_at(place) : NULL;

		CHECK_FOR_INTERRUPTS();

		/* TM Forum's habit: to a list without an index means at its end */
		if (place->key != NULL && json_object_is_type(there, json_type_array) &&
			!json_object_is_type(value, json_type_array))
		{
			Place		end = {there, NULL, json_object_array_length(there)};

			put_at(&end, value, true);
		}
		else if (place->key == NULL && place->index > json_object_array_length(place->parent))
			fail(pointer->text, "there is no such place");
		else
			put_at(place, value_of_list(pointer, value), true);
	}
}

/* An element where a list is to be is a list of that one: the same habit. */
static struct json_object *
value_of_list(const PatchPath *pointer, struct json_object *value)
{
	/* with a filter it is elements that are meant */
	return pointer->list != NULL && pointer->conditions == NIL && is_element(pointer->list, value)
		? um_tree_array_of(value) : value;
}

/*
 * An object that is no short form of a list of characteristics: it has what
 * each of them must have, the name as a string.
 */
static bool
is_element(const UmAttribute *list, struct json_object *value)
{
	struct json_object *member;

	if (!json_object_is_type(value, json_type_object))
		return false;
	if (list->kind != UM_CHARACTERISTICS)
		return true;
	for (um_each_attribute(a, list->of))
		if ((a->flags & UM_MANDATORY) &&
			(!json_object_object_get_ex(value, um_name_in(a, UM_R14_5), &member) ||
			 (a->kind == UM_TEXT && !json_object_is_type(member, json_type_string))))
			return false;
	return true;
}

/* Copies of copies must get neither too deep nor too large. */
static void
check_growth(UmPatch *patch, const PatchPath *pointer, struct json_object *value, List *places)
{
	int64		size = 0;

	/* a filter stands for a level of its own, the end of a list for another */
	if (list_length(pointer->tokens) + 2 + um_tree_depth(value, &size) > UM_MAX_DEPTH)
		ereport(ERROR,
				(errcode(UM_TOO_DEEP),
				 errmsg("JSON Patch: nested more than %d levels deep", UM_MAX_DEPTH)));
	patch->copied += size * Max(list_length(places), 1);
	if (patch->copied > MAX_COPIED)
		fail(pointer->text, "the operations copy too much");
}

static void
fail(const char *path, const char *why)
{
	ereport(ERROR,
			(errcode(UM_PATCH_FAILED), errmsg("JSON Patch: \"%s\": %s", path, why)));
}
