/*
 * json_tree.h
 *	  JSON that is edited: json-c's tree, owned by a memory context.
 */
#ifndef UM_JSON_TREE_H
#define UM_JSON_TREE_H

#include "json_scan.h"

/* PostgreSQL has a function of the name that json-c gives its type. */
struct json_object;

extern struct json_object *um_tree_parse(UmSlice text);
extern struct json_object *um_tree_copy(struct json_object *tree);
extern struct json_object *um_tree_array_of(struct json_object *element);
extern void um_tree_insert(struct json_object *array, size_t place, struct json_object *element);
extern void um_tree_rename(struct json_object *object, const char *name, const char *other);
extern void um_tree_trim_keys(struct json_object *object);
extern int	um_tree_depth(struct json_object *tree, int64 *size);
extern void um_tree_text(StringInfo out, struct json_object *tree);
extern bool um_tree_equal(struct json_object *a, struct json_object *b);
extern bool um_tree_matches(struct json_object *value, const char *text);

#endif
