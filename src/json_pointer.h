/*
 * json_pointer.h
 *	  Where a path leads in a document.
 */
#ifndef UM_JSON_POINTER_H
#define UM_JSON_POINTER_H

#include "json_tree.h"
#include "model.h"
#include "nodes/pg_list.h"

/* A path taken apart. */
typedef struct UmPointer
{
	const char *text;
	List	   *tokens;			/* of char * */
	List	   *conditions;		/* of UmCondition */
	const UmAttribute *list;	/* that it ends at, or NULL */
} UmPointer;

/* A place in the document: a member of an object or an element of an array. */
typedef struct UmPlace
{
	struct json_object *parent;
	const char *key;			/* NULL for an element */
	size_t		index;
} UmPlace;

extern UmPointer um_parse_pointer(const char *path, const UmModel *model, UmVersion version,
								  bool may_filter);
extern bool um_pointer_is_inside(const UmPointer *inner, const UmPointer *outer);
extern bool um_pointer_touches(const UmPointer *pointer, const char *name);
extern List *um_find_places(struct json_object *document, const UmPointer *pointer,
							bool must_exist);
extern struct json_object *um_pointer_value(struct json_object *document,
											const UmPointer *pointer);
extern struct json_object *um_place_value(const UmPlace *place);
extern void um_place_put(const UmPlace *place, struct json_object *value, bool insert);
extern void um_place_remove(const UmPlace *place);
pg_noreturn extern void um_patch_fail(const char *path, const char *why);

#endif
