/*
 * json_patch.c
 *	  The operations of a JSON Patch (RFC 6902).
 *
 * They are taken apart and checked once, for however many documents: what could
 * work on none is refused before any is looked at.  All of them apply or none.
 *
 * What the field writes is understood, too: add to an array without an index,
 * and the seeds' ArrayUpdate (one operation, alone).
 */
#include "postgres.h"

#include <json-c/json.h>

#include "miscadmin.h"

#include "errors.h"
#include "json_patch.h"
#include "json_pointer.h"
#include "record.h"

/* What the operations of a patch may copy; a few could double a document each. */
#define MAX_COPIED (INT64CONST(256) * 1024 * 1024)

#define MAX_OPERATIONS 10000

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
	UmPointer	path;
	UmPointer	from;			/* of copy and move */
	struct json_object *value;	/* of add, replace and test */
} Operation;

struct UmOperations
{
	size_t		count;
	Operation	operation[FLEXIBLE_ARRAY_MEMBER];
};

/* The document that is being patched. */
typedef struct Target
{
	struct json_object *document;
	int64		copied;			/* bytes, into it */
} Target;

static void parse_operation(Operation *operation, struct json_object *tree, const UmModel *model,
							UmVersion version, bool may_filter);
static OperationKind kind_of_operation(const char *path, const char *op);
static const char *text_member(struct json_object *operation, const char *name);
static void run_operation(Target *target, const Operation *operation);
static void remove_places(List *places);
static void move_value(Target *target, const Operation *operation);
static void put_value(Target *target, const UmPointer *pointer, struct json_object *value,
					  bool replaces);
static void add_at(const UmPlace *place, const UmPointer *pointer, struct json_object *value);
static struct json_object *value_of_list(const UmPointer *pointer, struct json_object *value);
static bool is_element(const UmAttribute *list, struct json_object *value);
static void check_growth(Target *target, const UmPointer *pointer, struct json_object *value,
						 List *places);

/*
 * An array of operations, or the one of an ArrayUpdate.  The tree, of which they
 * are made, must stay as long as they do.
 */
UmOperations *
um_parse_operations(struct json_object *tree, const UmModel *model, UmVersion version,
					bool may_filter)
{
	bool		many = json_object_is_type(tree, json_type_array);
	size_t		count = many ? json_object_array_length(tree) : 1;
	UmOperations *operations;

	if (count > MAX_OPERATIONS)
		ereport(ERROR,
				(errcode(UM_TOO_MUCH),
				 errmsg("a JSON Patch has at most %d operations, not %zu", MAX_OPERATIONS, count)));
	operations = palloc0(offsetof(UmOperations, operation) + sizeof(Operation) * count);
	operations->count = count;
	for (size_t i = 0; i < count; i++)
		parse_operation(&operations->operation[i],
						many ? json_object_array_get_idx(tree, i) : tree,
						model, version, may_filter);
	return operations;
}

static void
parse_operation(Operation *operation, struct json_object *tree, const UmModel *model,
				UmVersion version, bool may_filter)
{
	const char *op;
	const char *path;

	CHECK_FOR_INTERRUPTS();
	um_tree_trim_keys(tree);
	op = text_member(tree, "op");
	path = text_member(tree, "path");
	operation->kind = kind_of_operation(path, op);
	operation->path = um_parse_pointer(path, model, version, may_filter);
	if (!json_object_object_get_ex(tree, "value", &operation->value) && operation->kind <= TEST)
		um_patch_fail(path, "the operation has no value");
	if (operation->kind == REMOVE && operation->path.tokens == NIL)
		um_patch_fail(path, "the whole document cannot be removed");
	if (operation->kind < COPY)
		return;
	operation->from = um_parse_pointer(text_member(tree, "from"), model, version, may_filter);
	if (operation->kind == MOVE && um_pointer_is_inside(&operation->path, &operation->from))
		um_patch_fail(path, "a value cannot move into itself");
}

static OperationKind
kind_of_operation(const char *path, const char *op)
{
	static const char *const names[] = {
		[ADD] = "add", [REPLACE] = "replace", [TEST] = "test", [REMOVE] = "remove",
		[COPY] = "copy", [MOVE] = "move"
	};

	for (size_t i = 0; i < lengthof(names); i++)
		if (strcmp(op, names[i]) == 0)
			return i;
	ereport(ERROR,
			(errcode(UM_PARAMETER),
			 errmsg("JSON Patch: \"%s\": operation \"%s\" is not known", path, op),
			 errhint("The operations are add, remove, replace, move, copy and test.")));
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
				(errcode(UM_PARAMETER), errmsg("a JSON Patch operation needs \"%s\"", name)));
	return json_object_get_string(member);
}

/* Whether any of them changes an attribute of the document. */
bool
um_operations_touch(const UmOperations *operations, const char *name)
{
	for (size_t i = 0; i < operations->count; i++)
	{
		const Operation *operation = &operations->operation[i];

		if ((operation->kind != TEST && um_pointer_touches(&operation->path, name)) ||
			(operation->kind == MOVE && um_pointer_touches(&operation->from, name)))
			return true;
	}
	return false;
}

/* What becomes of a document, which is changed. */
struct json_object *
um_run_operations(const UmOperations *operations, struct json_object *document)
{
	Target		target = {document, 0};

	for (size_t i = 0; i < operations->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		run_operation(&target, &operations->operation[i]);
	}
	return target.document;
}

/* RFC 6902, section 4. */
static void
run_operation(Target *target, const Operation *operation)
{
	const UmPointer *path = &operation->path;
	struct json_object *value;

	switch (operation->kind)
	{
		case ADD:
			put_value(target, path, operation->value, false);
			break;
		case REPLACE:
			put_value(target, path, value_of_list(path, operation->value), true);
			break;
		case TEST:
			if (!um_tree_equal(um_pointer_value(target->document, path), operation->value))
				um_patch_fail(path->text, "the test failed");
			break;
		case REMOVE:
			remove_places(um_find_places(target->document, path, true));
			break;
		case COPY:
			value = um_pointer_value(target->document, &operation->from);
			put_value(target, path, um_tree_copy(value), false);
			break;
		case MOVE:
			move_value(target, operation);
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
		um_place_remove(list_nth(places, i));
	}
}

static void
move_value(Target *target, const Operation *operation)
{
	struct json_object *value = um_tree_copy(um_pointer_value(target->document, &operation->from));

	if (strcmp(operation->path.text, operation->from.text) == 0)
		return;
	remove_places(um_find_places(target->document, &operation->from, true));
	put_value(target, &operation->path, value, false);
}

/* In the place of what is there, or beside it. */
static void
put_value(Target *target, const UmPointer *pointer, struct json_object *value, bool replaces)
{
	List	   *places = pointer->tokens == NIL ? NIL
		: um_find_places(target->document, pointer, replaces);
	ListCell   *cell;

	check_growth(target, pointer, value, places);
	if (pointer->tokens == NIL)
		target->document = um_tree_copy(value);
	foreach(cell, places)
	{
		CHECK_FOR_INTERRUPTS();
		if (replaces)
			um_place_put(lfirst(cell), value, false);
		else
			add_at(lfirst(cell), pointer, value);
	}
}

static void
add_at(const UmPlace *place, const UmPointer *pointer, struct json_object *value)
{
	struct json_object *there = um_place_value(place);

	/* TM Forum's habit: to a list without an index means at its end */
	if (place->key != NULL && json_object_is_type(there, json_type_array) &&
		!json_object_is_type(value, json_type_array))
	{
		UmPlace		end = {there, NULL, json_object_array_length(there)};

		um_place_put(&end, value, true);
	}
	else if (place->key == NULL && place->index > json_object_array_length(place->parent))
		um_patch_fail(pointer->text, "there is no such place");
	else
		um_place_put(place, value_of_list(pointer, value), true);
}

/* An element where a list is to be is a list of that one: the same habit. */
static struct json_object *
value_of_list(const UmPointer *pointer, struct json_object *value)
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
check_growth(Target *target, const UmPointer *pointer, struct json_object *value, List *places)
{
	int64		size = 0;

	/* a filter stands for a level of its own, the end of a list for another */
	if (list_length(pointer->tokens) + 2 + um_tree_depth(value, &size) > UM_MAX_DEPTH)
		ereport(ERROR,
				(errcode(UM_TOO_DEEP),
				 errmsg("JSON Patch: nested more than %d levels deep", UM_MAX_DEPTH)));
	target->copied += size * Max(list_length(places), 1);
	if (target->copied > MAX_COPIED)
		um_patch_fail(pointer->text, "the operations copy too much");
}
