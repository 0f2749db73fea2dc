/*
 * replace.c
 *	  A stored record and the one that is to replace it.
 *
 * Put and patch read a whole document in the shape of one version.  What the
 * store keeps for itself, and what that version has no shape for, is taken
 * over from the stored record: a client cannot lose what it never saw.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "errors.h"
#include "replace.h"
#include "rules.h"
#include "scalar.h"
#include "tmf_write.h"

static void check_identity(const UmRecord *record, const UmRecord *old, UmFaults *faults);
static bool href_names(UmSlice href, UmSlice id);
static bool ends_in(UmSlice uri, UmSlice segment);
static void keep_stored(UmRecord *record, const UmRecord *old, UmVersion version);
static void keep_unseen(UmRecord *record, const UmRecord *old, UmVersion version);
static void keep_unseen_members(UmRecord *record, const UmRecord *old, const UmAttribute *attribute);
static bool is_derived(const UmRecord *record, const UmAttribute *member);
static void keep_unseen_extra(UmRecord *record, const UmRecord *old, const UmAttribute *attribute);
static bool same_reference(const UmRecord *record, const UmRecord *old, const UmAttribute *attribute);

/*
 * Makes a record that was read fit to replace the stored one.  Raises all
 * there is to say where the document itself was at fault.
 */
void
um_replace(UmRecord *record, const UmRecord *old, UmVersion version, UmFaults *faults)
{
	Assert(record->model == old->model && um_is_set(old, old->model->id->slot));
	check_identity(record, old, faults);
	keep_stored(record, old, version);
	um_complete(record, old);
	if (faults->list != NIL)
		um_refuse_faulty(record, old, faults);
}

/* Raises the faults of the JSON together with those of the record it gave. */
void
um_refuse_faulty(UmRecord *record, const UmRecord *old, UmFaults *faults)
{
	UmFault    *first = linitial(faults->list);

	/* of what is no JSON object there is nothing more to say */
	if (list_length(faults->list) > 1 || first->path[0] != '\0')
		um_check(record, old, faults);
	um_raise_faults(faults, record->model, NULL);
}

/* A body may repeat the resource's identity, not give it another. */
static void
check_identity(const UmRecord *record, const UmRecord *old, UmFaults *faults)
{
	const UmAttribute *id = record->model->id;
	UmSlice		own = um_slot_slice(old, id->slot);
	UmSlice		other = um_is_set(record, id->slot) ? um_slot_slice(record, id->slot) : own;
	UmPath		path = {NULL, id, 0};

	if (!um_same_slice(other, own))
		um_fault(faults, &path, UM_IDENTITY, "cannot change from \"%.*s\" to \"%.*s\"",
				 own.len, own.ptr, UM_CLIPPED(other, 512));
	path.attribute = record->model->href;
	if (record->href.len > 0 && !href_names(record->href, own))
		um_fault(faults, &path, UM_IDENTITY, "\"%.*s\" is not the address of \"%.*s\"",
				 UM_CLIPPED(record->href, 200), own.len, own.ptr);
}

/* Whether the last segment of an href is the id, plain or encoded. */
static bool
href_names(UmSlice href, UmSlice id)
{
	StringInfoData encoded;

	if (ends_in(href, id))
		return true;
	initStringInfo(&encoded);
	um_append_encoded(&encoded, id);
	return ends_in(href, (UmSlice) {encoded.data, encoded.len});
}

/* Whether a URI ends in a segment, or in several. */
static bool
ends_in(UmSlice uri, UmSlice segment)
{
	const char *at = uri.ptr + uri.len - segment.len;

	return uri.len >= segment.len && memcmp(at, segment.ptr, segment.len) == 0 &&
		(at == uri.ptr || at[-1] == '/');
}

/* What a complete update leaves alone. */
static void
keep_stored(UmRecord *record, const UmRecord *old, UmVersion version)
{
	int			status = record->model->status_slot;

	um_record_set(record, record->model->id->slot, um_id(old));
	if (um_is_set(old, status) && record->state[status] == UM_ABSENT)
		um_record_set(record, status, old->value[status]);
	for (um_each_attribute(a, record->model))
		if (a->kind == UM_TIME && (a->filled_in & (1 << version)) &&
			record->state[a->slot] == UM_ABSENT && um_is_set(old, a->slot))
			um_record_set(record, a->slot, old->value[a->slot]);
	(void) um_fill(record, version, GetCurrentTransactionStartTimestamp());
	/* references are told apart by what they refer to, so that comes first */
	um_complete(record, old);
	keep_unseen(record, old, version);
}

/* What this version has no shape for stays as it is. */
static void
keep_unseen(UmRecord *record, const UmRecord *old, UmVersion version)
{
	for (um_each_attribute(a, record->model))
	{
		UmList	   *list;
		UmList	   *stored;

		if (a->members != NULL && !(a->object_in & (1 << version)) &&
			same_reference(record, old, a))
		{
			keep_unseen_members(record, old, a);
			keep_unseen_extra(record, old, a);
		}
		if (a->kind != UM_LIST)
			continue;
		list = um_record_list(record, a);
		stored = um_record_list(old, a);
		for (int i = 0; list != NULL && stored != NULL && i < Min(list->count, stored->count); i++)
		{
			CHECK_FOR_INTERRUPTS();
			if (list->record[i] != NULL && stored->record[i] != NULL)
				keep_unseen(list->record[i], stored->record[i], version);
		}
	}
}

static void
keep_unseen_members(UmRecord *record, const UmRecord *old, const UmAttribute *attribute)
{
	for (const UmAttribute *m = attribute->members; m->kind != UM_END; m++)
		if ((record->state[m->slot] == UM_ABSENT || is_derived(record, m)) &&
			um_is_set(old, m->slot) &&
			record->model->slot[m->slot] == m && m->slot != attribute->slot &&
			!(m->flags & UM_SHARED))	/* which has a name of its own here */
			um_record_set(record, m->slot, old->value[m->slot]);
}

/* Whether an id only repeats the last segment of its URI, as um_complete makes it. */
static bool
is_derived(const UmRecord *record, const UmAttribute *member)
{
	UmSlice		id;

	if (!um_is_set(record, member->segment_slot) || !um_is_set(record, member->slot))
		return false;
	id = um_slot_slice(record, member->slot);
	return memchr(id.ptr, '/', id.len) == NULL &&
		ends_in(um_slot_slice(record, member->segment_slot), id);
}

/* Unknown members of an object that this version shows as a scalar. */
static void
keep_unseen_extra(UmRecord *record, const UmRecord *old, const UmAttribute *attribute)
{
	const char *name = um_name_in(attribute, UM_R14_5);
	int			slot = record->model->extra_slot;
	StringInfoData object = {0};
	JsonbValue	value;
	Datum		kept;

	Assert(!um_is_set(old, slot) || JB_ROOT_IS_OBJECT(DatumGetJsonbP(old->value[slot])));
	if (!um_is_set(old, slot) || record->state[slot] == UM_FAULTY ||
		getKeyJsonValueFromContainer(&DatumGetJsonbP(old->value[slot])->root, name, strlen(name),
									 &value) == NULL)
		return;
	um_append_member(&object, (UmSlice) {name, strlen(name)},
					 um_jsonb_text(JsonbPGetDatum(JsonbValueToJsonb(&value))));
	appendStringInfoChar(&object, '}');
	kept = DirectFunctionCall1(jsonb_in, CStringGetDatum(object.data));
	if (um_is_set(record, slot))
		kept = DirectFunctionCall2(jsonb_concat, kept, record->value[slot]);
	um_record_set(record, slot, kept);
}

/* Whether the scalar form of an attribute still says the same. */
static bool
same_reference(const UmRecord *record, const UmRecord *old, const UmAttribute *attribute)
{
	int			a = um_is_set(record, attribute->slot) ? attribute->slot : attribute->fallback_slot;
	int			b = um_is_set(old, attribute->slot) ? attribute->slot : attribute->fallback_slot;

	/* of what is shown in neither nothing has changed: a product with a name alone */
	if (!um_is_set(record, a) || !um_is_set(old, b))
		return !um_is_set(record, a) && !um_is_set(old, b);
	if (attribute->kind == UM_NUMBER)
		return DatumGetBool(DirectFunctionCall2(numeric_eq, record->value[a], old->value[b]));
	return a == b && um_same_slice(um_slot_slice(record, a), um_slot_slice(old, b));
}
