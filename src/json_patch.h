/*
 * json_patch.h
 *	  The operations of a JSON Patch.
 */
#ifndef UM_JSON_PATCH_H
#define UM_JSON_PATCH_H

#include "json_tree.h"
#include "model.h"

typedef struct UmOperations UmOperations;

extern UmOperations *um_parse_operations(struct json_object *tree, const UmModel *model,
										 UmVersion version, bool may_filter);
extern bool um_operations_touch(const UmOperations *operations, const char *name);
extern struct json_object *um_run_operations(const UmOperations *operations,
											 struct json_object *document);

#endif
