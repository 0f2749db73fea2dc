/*
 * rules.c
 *	  What a record must satisfy, whatever door it came by.
 *
 * Two steps: um_complete fills in what follows from the rest of the record
 * (defaults, an id from its href), um_check collects every fault of the
 * result.  Both look at the record that would be stored, never at a patch.
 * The specification check, which needs the database, is spec_check.c's.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "characteristics.h"
#include "content.h"
#include "errors.h"
#include "lifecycle.h"
#include "rules.h"
#include "scalar.h"

/* How far the usage that is completed has come. */
typedef enum Stage
{
	NOT_RATED,
	RATED,
	BILLED_BEFORE,
	BILLED_NOW
} Stage;

static bool needs_rating(const UmRecord *usage);
static bool complete_record(UmRecord *record, Stage stage);
static bool complete_preset(UmRecord *record, const UmAttribute *attribute, Stage stage);
static bool complete_segment(UmRecord *record, const UmAttribute *attribute);
static bool complete_reference(UmRecord *record, const UmAttribute *attribute);
static bool complete_fallback(UmRecord *record, const UmAttribute *attribute);
static bool is_fallback_shared(const UmRecord *record, const UmAttribute *member);
static bool complete_elements(UmRecord *record, const UmAttribute *attribute, Stage stage);
static bool fill_record(UmRecord *record, UmVersion version, TimestampTz now);
static void fill(UmRecord *record, const UmAttribute *attribute, TimestampTz now);
static void check_record(const UmRecord *record, bool rated, UmFaults *faults, const UmPath *parent);
static void check_attribute(const UmRecord *record, const UmAttribute *attribute, bool rated,
							UmFaults *faults, const UmPath *parent);
static bool is_missing(const UmRecord *record, const UmAttribute *attribute, bool rated);
static bool is_begun(const UmRecord *record, const UmAttribute *object);
static bool has_unknown(const UmRecord *record, const char *name);
static void check_type(const UmRecord *record, UmFaults *faults);
static void check_value(const UmRecord *record, const UmAttribute *attribute, UmFaults *faults,
						const UmPath *path);
static void check_text(UmSlice text, const UmAttribute *attribute, UmFaults *faults,
					   const UmPath *path);
static void check_number(const UmRecord *record, const UmAttribute *attribute, UmFaults *faults,
						 const UmPath *path);
static void check_time(const UmRecord *record, const UmAttribute *attribute, UmFaults *faults,
					   const UmPath *path);
static void check_characteristics(const UmRecord *record, const UmAttribute *attribute,
								  UmFaults *faults, const UmPath *path);
static void check_elements(const UmRecord *record, const UmAttribute *attribute, bool rated,
						   UmFaults *faults, const UmPath *path);
static void check_extra(const UmRecord *record, UmFaults *faults, const UmPath *parent);
static void check_id(const UmRecord *record, const UmRecord *old, UmFaults *faults);
static void check_change(const UmRecord *record, const UmRecord *old, UmFaults *faults);
static bool is_below(Datum number, int limit);
static bool is_blank(UmSlice text);

/* The place of a record's status in its life cycle; -1 where it has none. */
int
um_record_status(const UmRecord *record)
{
	int			slot = record->model->status_slot;

	return um_is_set(record, slot)
		? um_status_from_oid(record->model->life, DatumGetObjectId(record->value[slot])) : -1;
}

/* Whether its status is one of those in which a resource carries its rating. */
static bool
needs_rating(const UmRecord *record)
{
	return record->model->life != NULL &&
		um_status_in(um_record_status(record), record->model->life->rated);
}

/* Whether its content is final, as that of a billed usage. */
bool
um_is_closed(const UmRecord *record)
{
	return um_status_in(um_record_status(record), record->model->life->closed);
}

/*
 * Fills in what follows from the rest, and marks what that changes; old is the
 * stored record that it replaces, or NULL for a new one.
 */
void
um_complete(UmRecord *record, const UmRecord *old)
{
	UmLifeCycle *life = record->model->life;
	int			status = record->model->status_slot;

	if (record->state[status] == UM_ABSENT && !(record->model->slot[status]->flags & UM_MANDATORY))
		um_record_set(record, status, ObjectIdGetDatum(um_status_oid(life, life->first)));
	(void) complete_record(record, !needs_rating(record) ? NOT_RATED
						   : !um_is_closed(record) ? RATED
						   : old != NULL && um_is_closed(old) ? BILLED_BEFORE : BILLED_NOW);
}

/* True where anything changed. */
static bool
complete_record(UmRecord *record, Stage stage)
{
	bool		changed = false;

	for (um_each_asked(a, record))
	{
		for (const UmAttribute *m = a->members; m != NULL && m->kind != UM_END; m++)
		{
			if (!m->completed)
				continue;
			changed |= complete_segment(record, m);
			changed |= complete_fallback(record, m);
		}
		if (!a->completed)
			continue;
		changed |= complete_segment(record, a);
		changed |= complete_reference(record, a);
		changed |= stage != NOT_RATED && complete_preset(record, a, stage);
		if ((a->kind == UM_LIST || a->kind == UM_TREE) && complete_elements(record, a, stage))
			record->changed[a->slot] = changed = true;
	}
	return changed;
}

static bool
complete_elements(UmRecord *record, const UmAttribute *attribute, Stage stage)
{
	UmList	   *list = um_record_list(record, attribute);
	bool		changed = false;

	for (int i = 0; list != NULL && i < list->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (list->record[i] == NULL)
			continue;
		/* v4 tells the type of value at the characteristic, R14.5 at each value */
		if (um_is_set(record, attribute->gives_slot) &&
			list->record[i]->state[attribute->given_slot] == UM_ABSENT)
		{
			um_record_set(list->record[i], attribute->given_slot,
						  record->value[attribute->gives_slot]);
			changed = true;
		}
		changed |= complete_record(list->record[i], stage);
	}
	return changed;
}

/* What a usage becomes billed with says so; what was stored with it is final. */
static bool
complete_preset(UmRecord *record, const UmAttribute *attribute, Stage stage)
{
	int			slot = attribute->slot;
	bool		billed = (attribute->flags & UM_TRUE_WHEN_BILLED) && stage >= BILLED_BEFORE;
	bool		denied = billed && stage == BILLED_NOW && um_is_set(record, slot) &&
		!DatumGetBool(record->value[slot]);

	if (attribute->preset == NULL || (record->state[slot] != UM_ABSENT && !denied))
		return false;
	um_record_set(record, slot, attribute->kind == UM_BOOL
				  ? BoolGetDatum(billed || attribute->preset[0] == 't')
				  : CStringGetTextDatum(attribute->preset));
	return true;
}

/* A reference without an id is known by the last segment of its href. */
static bool
complete_segment(UmRecord *record, const UmAttribute *attribute)
{
	UmSlice		segment;

	if (attribute->segment_slot < 0 || record->state[attribute->slot] != UM_ABSENT ||
		!um_is_set(record, attribute->segment_slot))
		return false;
	segment = um_last_segment(um_slot_slice(record, attribute->segment_slot));
	if (segment.len == 0)
		return false;
	um_record_set(record, attribute->slot,
				  PointerGetDatum(cstring_to_text_with_len(segment.ptr, segment.len)));
	return true;
}

/* R14.5's product reference is a string; without a slash it is no URI but the id. */
static bool
complete_reference(UmRecord *record, const UmAttribute *attribute)
{
	UmSlice		uri;

	if (attribute->kind != UM_URI || attribute->fallback_slot < 0 ||
		!um_is_set(record, attribute->slot))
		return false;
	uri = um_slot_slice(record, attribute->slot);
	if (memchr(uri.ptr, '/', uri.len) != NULL)
		return false;
	if (um_is_set(record, attribute->fallback_slot) &&
		!um_same_slice(uri, um_slot_slice(record, attribute->fallback_slot)))
		return false;
	um_record_set(record, attribute->fallback_slot, record->value[attribute->slot]);
	um_record_clear(record, attribute->slot);
	return true;
}

/*
 * What only repeats its fallback is not kept twice; alone, as the currency of
 * the only amount, it is the fallback.
 */
static bool
complete_fallback(UmRecord *record, const UmAttribute *member)
{
	if (member->fallback_slot < 0 || !um_is_set(record, member->slot))
		return false;
	if (record->state[member->fallback_slot] == UM_ABSENT && !is_fallback_shared(record, member))
	{
		um_record_set(record, member->fallback_slot, record->value[member->slot]);
		um_record_clear(record, member->slot);
		return true;
	}
	if (!um_is_set(record, member->fallback_slot))
		return false;
	if (!um_same_slice(um_slot_slice(record, member->slot),
					   um_slot_slice(record, member->fallback_slot)))
		return false;
	um_record_clear(record, member->slot);
	return true;
}

/* Whether another attribute with a value would take that fallback for its own. */
static bool
is_fallback_shared(const UmRecord *record, const UmAttribute *member)
{
	for (um_each_attribute(a, record->model))
		for (const UmAttribute *m = a->members; m != NULL && m->kind != UM_END; m++)
			if (m->slot == member->fallback_slot && um_is_set(record, a->slot))
				return true;
	return false;
}

/*
 * Fills in what the store demands and a version does not, as the model tells;
 * the date is then that of receipt.  True where anything was missing.
 */
bool
um_fill(UmRecord *record, UmVersion version, TimestampTz now)
{
	if (!(record->model->filled_in & (1 << version)))
		return false;
	/* a reference may have its id from its href */
	(void) complete_record(record, NOT_RATED);
	return fill_record(record, version, now);
}

static bool
fill_record(UmRecord *record, UmVersion version, TimestampTz now)
{
	bool		filled = um_fill_elements(record, version, now);

	for (um_each_attribute(a, record->model))
		if ((a->filled_in & (1 << version)) && record->state[a->slot] == UM_ABSENT)
		{
			fill(record, a, now);
			filled = true;
		}
	return filled;
}

/* The part of um_fill that is about the elements of lists. */
bool
um_fill_elements(UmRecord *record, UmVersion version, TimestampTz now)
{
	bool		filled = false;

	for (um_each_attribute(a, record->model))
	{
		UmList	   *list = a->kind == UM_LIST ? um_record_list(record, a) : NULL;

		for (int i = 0; list != NULL && i < list->count; i++)
			if (list->record[i] != NULL)
				filled |= fill_record(list->record[i], version, now);
	}
	return filled;
}

static void
fill(UmRecord *record, const UmAttribute *attribute, TimestampTz now)
{
	int			from = 0;

	if (attribute->kind == UM_TIME)
	{
		um_record_set(record, record->model->receipt_slot, TimestampTzGetDatum(now));
		um_record_set(record, attribute->slot, TimestampTzGetDatum(now));
		return;
	}
	while (from < (int) lengthof(attribute->filled_slot) && !um_is_set(record, attribute->filled_slot[from]))
		from++;
	um_record_set(record, attribute->slot,
				  from < (int) lengthof(attribute->filled_slot)
				  ? record->value[attribute->filled_slot[from]]
				  : CStringGetTextDatum(attribute->filled_with));
}

/*
 * Collects every fault of a record; old is the stored one that it replaces, or
 * NULL for a new one.
 */
void
um_check(const UmRecord *record, const UmRecord *old, UmFaults *faults)
{
	check_id(record, old, faults);
	check_type(record, faults);
	check_record(record, needs_rating(record), faults, NULL);
	if (old != NULL)
		check_change(record, old, faults);
	if (record->model->resource->check != NULL)
		record->model->resource->check(record, old, faults);
}

/* The same of an entity, which is not stored and may have no id. */
void
um_check_members(const UmRecord *record, UmFaults *faults)
{
	check_record(record, false, faults, NULL);
}

static void
check_record(const UmRecord *record, bool rated, UmFaults *faults, const UmPath *parent)
{
	for (um_each_asked(a, record))
	{
		UmPath		path = {parent, a, 0};

		if (a->checked)
			check_attribute(record, a, rated, faults, parent);
		for (const UmAttribute *m = a->members; m != NULL && m->kind != UM_END; m++)
			if (m->checked && m->slot != a->slot)	/* the same value, checked already */
				check_attribute(record, m, rated, faults, &path);
	}
	if (um_is_set(record, record->model->extra_slot) &&
		um_is_asked(record, record->model->slot[record->model->extra_slot]))
		check_extra(record, faults, parent);
}

static void
check_attribute(const UmRecord *record, const UmAttribute *attribute, bool rated,
				UmFaults *faults, const UmPath *parent)
{
	UmPath		path = {parent, attribute, 0};

	Assert(record->state[attribute->slot] != UM_UNREAD);
	if (is_missing(record, attribute, rated))
		um_fault(faults, &path, UM_MISSING, "is mandatory%s",
				 (attribute->flags & UM_MANDATORY_RATED) ? " in a rated usage" : "");
	else if (um_is_set(record, attribute->slot))
		check_value(record, attribute, faults, &path);
	if (attribute->kind == UM_LIST && (attribute->flags & UM_MANDATORY_RATED) && rated &&
		record->state[attribute->slot] != UM_FAULTY && !um_has_value(record, attribute))
		um_fault(faults, &path, UM_MISSING, "needs at least one element in a rated usage");
}

static bool
is_missing(const UmRecord *record, const UmAttribute *attribute, bool rated)
{
	if (!(attribute->flags & UM_MANDATORY) &&
		!((attribute->flags & UM_MANDATORY_WITH) && is_begun(record, attribute->parent)) &&
		!(rated && (attribute->flags & UM_MANDATORY_RATED) && attribute->kind != UM_LIST))
		return false;
	if (record->state[attribute->slot] == UM_FAULTY)
		return false;
	if (um_is_set(record, attribute->slot))
		return attribute->kind == UM_TEXT && is_blank(um_slot_slice(record, attribute->slot));
	return !um_is_set(record, attribute->fallback_slot);
}

/* Whether any member of an object is there. */
static bool
is_begun(const UmRecord *record, const UmAttribute *object)
{
	for (const UmAttribute *m = object->members; m->kind != UM_END; m++)
		if (um_is_set(record, m->slot))
			return true;
	return has_unknown(record, um_name_in(object, UM_R14_5));
}

/* Whether extra has something of that name. */
static bool
has_unknown(const UmRecord *record, const char *name)
{
	int			slot = record->model->extra_slot;
	JsonbValue	value;

	return um_is_set(record, slot) &&
		getKeyJsonValueFromContainer(&DatumGetJsonbP(record->value[slot])->root, name, strlen(name),
									 &value) != NULL;
}

static void
check_value(const UmRecord *record, const UmAttribute *attribute, UmFaults *faults,
			const UmPath *path)
{
	switch (attribute->kind)
	{
		case UM_TIME:
			check_time(record, attribute, faults, path);
			break;
		case UM_NUMBER:
			check_number(record, attribute, faults, path);
			break;
		case UM_TEXT:
			if ((attribute->flags & UM_CURRENCY) || attribute->allowed != NULL)
				check_text(um_slot_slice(record, attribute->slot), attribute, faults, path);
			break;
		case UM_CHARACTERISTICS:
			check_characteristics(record, attribute, faults, path);
			break;
		case UM_LIST:
		case UM_TREE:
			check_elements(record, attribute, needs_rating(record), faults, path);
			break;
		case UM_BRANCH:
			check_record(um_record_list(record, attribute)->record[0], false, faults, path);
			break;
		default:
			break;
	}
}

/* A currency, or one of the words that are allowed. */
static void
check_text(UmSlice text, const UmAttribute *attribute, UmFaults *faults, const UmPath *path)
{
	if ((attribute->flags & UM_CURRENCY) && !um_currency_known(text))
		um_fault(faults, path, UM_RULE, "\"%.*s\" is no currency code of ISO 4217",
				 UM_CLIPPED(text, 20));
	if (attribute->allowed != NULL && um_find_word(attribute->allowed, text) < 0)
		um_fault(faults, path, UM_RULE, "\"%.*s\" is none of %s", UM_CLIPPED(text, 60),
				 um_words(attribute->allowed, "\""));
}

/* Finite; and where the model counts something, or its digits, what it says. */
static void
check_number(const UmRecord *record, const UmAttribute *attribute, UmFaults *faults,
			 const UmPath *path)
{
	Datum		value = record->value[attribute->slot];
	Numeric		number = DatumGetNumeric(value);
	int			digits;

	if (numeric_is_nan(number) || numeric_is_inf(number))
	{
		um_fault(faults, path, UM_NUMBER_RANGE, "is not a finite number");
		return;
	}
	if (!(attribute->flags & UM_COUNT) && !um_is_set(record, attribute->digits_slot))
		return;
	digits = DatumGetInt32(DirectFunctionCall1(numeric_min_scale, value));
	if ((attribute->flags & UM_COUNT) && (digits > 0 || is_below(value, 0)))
		um_fault(faults, path, UM_RULE, "is not a whole number from 0 on");
	if (digits > 0 && um_is_set(record, attribute->digits_slot) &&
		is_below(record->value[attribute->digits_slot], digits))
		um_fault(faults, path, UM_RULE, "has more digits behind the point than it says");
}

static void
check_time(const UmRecord *record, const UmAttribute *attribute, UmFaults *faults,
		   const UmPath *path)
{
	TimestampTz time = DatumGetTimestampTz(record->value[attribute->slot]);

	if (time < UM_FIRST_TIME || time > UM_LAST_TIME)
		um_fault(faults, path, UM_TIME_RANGE, "is not a date of the years 1 to 9999");
	else if (um_is_set(record, attribute->start_slot) &&
			 time < DatumGetTimestampTz(record->value[attribute->start_slot]))
		um_fault(faults, path, UM_RULE, "is before the start of the period");
}

/* Each has a name and a value. */
static void
check_characteristics(const UmRecord *record, const UmAttribute *attribute, UmFaults *faults,
					  const UmPath *path)
{
	UmPath		element = {path, NULL, 0};
	UmPath		name = {&element, &attribute->of->attributes[0], 0};
	UmPath		value = {&element, &attribute->of->attributes[1], 0};
	UmCharacteristicsReader reader;
	UmCharacteristic c;

	um_characteristics_open(&reader, (struct varlena *)
							DatumGetPointer(record->value[attribute->slot]));
	for (; um_characteristics_next(&reader, &c); element.index++)
	{
		if (!c.has_name || is_blank(c.name))
			um_fault(faults, &name, UM_MISSING, "is mandatory");
		if (c.kind == UM_NONE)
			um_fault(faults, &value, UM_MISSING, "is mandatory");
	}
}

static void
check_elements(const UmRecord *record, const UmAttribute *attribute, bool rated,
			   UmFaults *faults, const UmPath *path)
{
	UmPath		element = {path, NULL, 0};
	UmList	   *list = um_record_list(record, attribute);

	for (; list != NULL && element.index < list->count; element.index++)
	{
		CHECK_FOR_INTERRUPTS();
		if (list->record[element.index] == NULL)
			um_fault(faults, &element, UM_MISSING, "is null");
		else
			check_record(list->record[element.index], rated, faults, &element);
	}
}

/* What has a column is not hidden in extra. */
static void
check_extra(const UmRecord *record, UmFaults *faults, const UmPath *parent)
{
	Jsonb	   *extra = DatumGetJsonbP(record->value[record->model->extra_slot]);
	UmPath		path = {parent, record->model->slot[record->model->extra_slot], 0};
	JsonbIterator *iterator;
	JsonbValue	key;

	Assert(JB_ROOT_IS_OBJECT(extra));
	iterator = JsonbIteratorInit(&extra->root);
	(void) JsonbIteratorNext(&iterator, &key, true);
	while (JsonbIteratorNext(&iterator, &key, true) == WJB_KEY)
	{
		UmSlice		name = {key.val.string.val, key.val.string.len};
		UmAttribute *known = um_find_name(&record->model->names, name, NULL);

		CHECK_FOR_INTERRUPTS();
		(void) JsonbIteratorNext(&iterator, &key, true);
		if (known != NULL && known->members == NULL)
			um_fault(faults, &path, UM_RULE, "holds \"%.*s\", which has a column of its own",
					 name.len, name.ptr);
	}
}

static void
check_id(const UmRecord *record, const UmRecord *old, UmFaults *faults)
{
	const UmAttribute *attribute = record->model->id;
	UmPath		path = {NULL, attribute, 0};
	UmSlice		id;
	UmSlice		before;

	if (record->state[attribute->slot] == UM_FAULTY)
		return;
	if (!um_is_set(record, attribute->slot) || is_blank(um_slot_slice(record, attribute->slot)))
	{
		um_fault(faults, &path, UM_MISSING, "is mandatory");
		return;
	}
	id = um_slot_slice(record, attribute->slot);
	if (id.len > UM_MAX_ID)
		um_fault(faults, &path, UM_RULE, "has %d bytes, more than %d", id.len, UM_MAX_ID);
	if (old == NULL || !um_is_set(old, attribute->slot))
		return;
	before = um_slot_slice(old, attribute->slot);
	if (!um_same_slice(id, before))
		um_fault(faults, &path, UM_IDENTITY, "cannot change from \"%.*s\" to \"%.*s\"",
				 before.len, before.ptr, UM_CLIPPED(id, UM_MAX_ID));
}

/* A document that says it is another resource has come to the wrong door. */
static void
check_type(const UmRecord *record, UmFaults *faults)
{
	const UmModel *model = record->model;
	const UmResource *named = um_is_set(record, model->type_slot) &&
		um_is_asked(record, model->slot[model->type_slot])
		? um_resource_of_type(um_slot_slice(record, model->type_slot)) : NULL;
	UmPath		path = {NULL, named != NULL ? model->slot[model->type_slot] : NULL, 0};

	if (named != NULL && named != model->resource)
		um_fault(faults, &path, UM_RULE, "is that of %s, not of %s", um_a(named->model), um_a(model));
}

/* The move of the status, and what may not change any more. */
static void
check_change(const UmRecord *record, const UmRecord *old, UmFaults *faults)
{
	UmLifeCycle *life = record->model->life;
	UmPath		path = {NULL, record->model->slot[record->model->status_slot], 0};
	int			from = um_record_status(old);
	int			to = um_record_status(record);
	UmFault    *fault;

	if (from < 0 || to < 0)
		return;
	if (from != to && !um_status_in(to, life->moves[from]))
	{
		/* which is never one too many */
		fault = um_fault(faults, &path, UM_STATUS_MOVE, "cannot move from \"%s\" to \"%s\"",
						 life->status[from], life->status[to]);
		fault->legal = um_status_list(life, life->moves[from]);
	}
	if (um_is_closed(old) &&
		!um_same_content(old, record, UM_FREE_WHEN_BILLED, true))
		um_fault(faults, NULL, UM_BILLED, "the content of a billed usage cannot change");
}

static bool
is_below(Datum number, int limit)
{
	return DatumGetBool(DirectFunctionCall2(numeric_lt, number,
											NumericGetDatum(int64_to_numeric(limit))));
}

static bool
is_blank(UmSlice text)
{
	return um_trim(text).len == 0;
}
