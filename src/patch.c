/*
 * patch.c
 *	  Partial updates: merge patch (RFC 7396), JSON Patch (RFC 6902).
 *
 * A patch is applied to the document that a reader of the same version sees,
 * and what comes out is read like a put: the rules see the result and never
 * the patch.  The names of other versions are understood, too.
 *
 * A patch is checked whole when it is read.  A merge patch that only sets plain
 * columns needs no document; it is kept as a record, which a collection's update
 * sets in one statement.
 */
#include "postgres.h"

#include <json-c/json.h>

#include "miscadmin.h"
#include "utils/datum.h"

#include "errors.h"
#include "json_patch.h"
#include "json_tree.h"
#include "patch.h"
#include "replace.h"
#include "rules.h"
#include "tmf_read.h"
#include "tmf_write.h"

/* PostgreSQL takes members out of jsonb one by one: of more the document is patched. */
#define MAX_FORGOTTEN 100

struct UmPatch
{
	const UmModel *model;
	UmVersion	version;
	struct json_object *tree;
	UmOperations *operations;	/* NULL: it is a merge patch */
	List	   *untouched;		/* attributes with elements that it leaves alone */
	UmConstant	constant;		/* of a merge patch; no record where it does more */
};

const char *const um_patch_types[] = {
	UM_MERGE_PATCH, UM_JSON_PATCH, UM_JSON_PATCH_QUERY, UM_JSON_TYPE, NULL
};

static bool has_operations(const char *content_type, struct json_object *tree, bool *may_filter);
static bool is_media_type(const char *content_type, const char *name);
static void find_untouched(UmPatch *patch);
static bool name_columns(UmPatch *patch, struct json_object *object, const UmNames *names,
						 List **named);
static bool shows_all_of(const UmModel *model, UmVersion version);
static void make_constant(UmPatch *patch, UmSlice text);
static void check_identity(UmPatch *patch, struct json_object *document, UmFaults *faults);
static void refuse_unpatchable(const UmRecord *record, const UmRecord *stored, UmFaults *faults);
static void canonical_keys(struct json_object *object, const UmNames *names, UmVersion version);
static void merge(struct json_object *target, struct json_object *patch);

/*
 * Reads a patch, once for however many resources.  content_type is the media
 * type, NULL for a merge patch; 22023 for one that is not known.
 */
UmPatch *
um_patch_parse(UmSlice text, const char *content_type, const UmModel *model, UmVersion version)
{
	UmPatch    *patch = palloc0(sizeof(UmPatch));
	bool		may_filter;

	if (text.ptr == NULL)
		ereport(ERROR, (errcode(UM_NOT_JSON), errmsg("the patch is null")));
	patch->model = model;
	patch->version = version;
	patch->tree = um_tree_parse(text);
	um_tree_trim_keys(patch->tree);
	if (has_operations(content_type, patch->tree, &may_filter))
		patch->operations = um_parse_operations(patch->tree, model, version, may_filter);
	else if (!json_object_is_type(patch->tree, json_type_object))
		ereport(ERROR,
				(errcode(UM_WRONG_KIND), errmsg("a merge patch must be an object")));
	else
	{
		canonical_keys(patch->tree, &model->names, version);
		make_constant(patch, text);
	}
	find_untouched(patch);
	return patch;
}

/* Whether a patch is one of operations, by its media type or its look. */
static bool
has_operations(const char *content_type, struct json_object *tree, bool *may_filter)
{
	bool		merges = is_media_type(content_type, UM_MERGE_PATCH);
	struct json_object *op;

	/* the seeds' ArrayUpdate comes as plain JSON, also where a list of operations is said to come */
	*may_filter = !merges && json_object_is_type(tree, json_type_object) &&
		json_object_object_get_ex(tree, "op", &op) && json_object_object_get_ex(tree, "path", &op);
	if (*may_filter)
		return true;
	if (merges || is_media_type(content_type, "") || is_media_type(content_type, UM_JSON_TYPE))
		return false;
	*may_filter = is_media_type(content_type, UM_JSON_PATCH_QUERY);
	if (*may_filter || is_media_type(content_type, UM_JSON_PATCH))
		return true;
	ereport(ERROR,
			(errcode(UM_PARAMETER),
			 errmsg("content type \"%s\" of a patch is not known", content_type),
			 errhint("The content types are " UM_MERGE_PATCH ", " UM_JSON_PATCH " and " UM_JSON_PATCH_QUERY ".")));
}

/* Whether a content type is the one named; parameters may follow. */
static bool
is_media_type(const char *content_type, const char *name)
{
	size_t		len = content_type != NULL ? strcspn(content_type, "; ") : 0;

	return len == strlen(name) && (len == 0 || pg_strncasecmp(content_type, name, len) == 0);
}

/*
 * What a patch leaves alone is not to change by having been written and read:
 * JSON that was kept as it came would come back with other escapes.
 */
static void
find_untouched(UmPatch *patch)
{
	for (um_each_attribute(a, patch->model))
	{
		const char *name = um_name_in(a, patch->version);

		if (a->of != NULL &&
			!(patch->operations != NULL ? um_operations_touch(patch->operations, name)
			  : json_object_object_get_ex(patch->tree, name, NULL)))
			patch->untouched = lappend(patch->untouched, a);
	}
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
		if ((a->flags & (UM_FIXED | UM_NOT_PATCHED)) || a->kind == UM_HREF)
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
	if (patch->operations != NULL)
		document = um_run_operations(patch->operations, document);
	else
		merge(document, patch->tree);
	resetStringInfo(&text);
	um_tree_text(&text, document);
	record = um_read_document(text.data, text.len, patch->model, faults);
	if (json_object_is_type(document, json_type_object))
		check_identity(patch, document, faults);
	refuse_unpatchable(record, stored, faults);
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
	const UmAttribute *identity[] = {patch->model->id, patch->model->href};

	for (size_t i = 0; i < lengthof(identity); i++)
	{
		UmPath		path = {NULL, identity[i], 0};
		struct json_object *value =
			json_object_object_get(document, um_name_in(identity[i], patch->version));
		bool		string = json_object_is_type(value, json_type_string);
		const char *text = string ? json_object_get_string(value) : "";

		if (value == NULL || (string && um_trim((UmSlice) {text, strlen(text)}).len == 0))
			um_fault(faults, &path, UM_IDENTITY, "cannot be removed");
		else if (identity[i] == patch->model->href && !string)
			um_fault(faults, &path, UM_IDENTITY, "is no address");
	}
}

/* What no patch may change can be repeated. */
static void
refuse_unpatchable(const UmRecord *record, const UmRecord *stored, UmFaults *faults)
{
	for (um_each_attribute(a, record->model))
	{
		UmPath		path = {NULL, a, 0};

		if (!(a->flags & UM_NOT_PATCHED))
			continue;
		if (record->state[a->slot] == UM_ABSENT)
			um_fault(faults, &path, UM_IDENTITY, "cannot be removed");
		else if (um_is_set(record, a->slot) && !datumIsEqual(record->value[a->slot],
															 stored->value[a->slot],
															 a->kind == UM_TIME, -1))
			um_fault(faults, &path, UM_IDENTITY, "cannot be changed by a patch");
	}
}

/* Gives the keys of an object the names of the patch's version. */
static void
canonical_keys(struct json_object *object, const UmNames *names, UmVersion version)
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
				canonical_keys(value, &a->names, version);
			if (strcmp(um_name_in(a, version), key) != 0)
				renamed = lappend(renamed, pstrdup(key));
		}
	}
	foreach(cell, renamed)
	{
		char	   *name = lfirst(cell);
		UmAttribute *a = um_find_name(names, (UmSlice) {name, strlen(name)}, NULL);
		const char *canonical = um_name_in(a, version);
		struct json_object *other;

		if (json_object_object_get_ex(object, canonical, &other) &&
			!um_tree_equal(json_object_object_get(object, name), other))
			ereport(ERROR,
					(errcode(UM_RULE),
					 errmsg("\"%s\" is given twice, with different values", canonical)));
		um_tree_rename(object, name, canonical);
	}
}

/* RFC 7396, section 2. */
static void
merge(struct json_object *target, struct json_object *patch)
{
	json_object_object_foreach(patch, key, value)
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
		merge(old, value);
	}
}
