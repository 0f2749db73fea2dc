/*
 * spec_check.c
 *	  A usage against its specification.
 *
 * The specification must be one that usages may have, by its status and at the
 * date of the usage; then each characteristic is to be one that it knows, as
 * often as it says, of a value that it allows.  A usage that has its specification
 * already keeps it, whatever becomes of that one: what is obsolete takes no new
 * ones, and those it has must be workable to their end.
 *
 * The reference is soft.  A specification that is not in the store, or that
 * belongs to another server, is not checked against.  One that extends another
 * is whole only with it, so there a missing one is a fault.
 */
#include "postgres.h"

#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "errors.h"
#include "lifecycle.h"
#include "scalar.h"
#include "spec_cache.h"
#include "spec_check.h"

static bool is_of_before(const UmRecord *usage, const UmRecord *old);
static bool is_as_before(const UmRecord *usage, const UmRecord *old, int slot);
static void check_usable(const UmRecord *usage, const UmSpecification *specification,
						 const UmModel *model, UmFaults *faults, const UmPath *path);
static void check_characteristics(const UmRecord *usage, const UmSpecification *specification,
								  const UmModel *model, UmFaults *faults);
static void check_value(const UmCharacteristic *c, UmKnown *known, const UmModel *model,
						MemoryContext scratch, UmFaults *faults, const UmPath *element);
static void check_least(const UmSpecification *specification, const int *counts,
						const UmModel *model, UmFaults *faults, const UmPath *path);
static UmSlice unit_of(const UmCharacteristic *c, const UmModel *model);
static const UmAttribute *characteristics_of(const UmModel *model);
static char *time_text(TimestampTz time);

/*
 * Adds what a usage, stored as old or new where that is NULL, does not observe
 * of its specification, if it is of a resource that has one.  The specification
 * is read as the role reader, the owner of the table that the usage is for.
 */
void
um_check_specification_of(const UmRecord *usage, const UmRecord *old, Oid reader, UmFaults *faults)
{
	const UmResource *resource = usage->model->resource;
	const UmAttribute *reference;
	UmPath		path = {NULL, NULL, 0};
	UmSpecification *specification;
	UmSlice		id;

	if (resource->specification == NULL)
		return;
	reference = um_find_attribute(usage->model, resource->specification_id);
	if (!um_is_set(usage, reference->slot))
		return;
	id = um_slot_slice(usage, reference->slot);
	/* encoded it may be three times as long */
	if (id.len > UM_MAX_ID &&
		(id.len > 3 * UM_MAX_ID || !um_percent_decode(id, &id) || id.len > UM_MAX_ID))
		return;
	specification = um_specification(resource->specification, id, reader);
	if (specification == NULL || !specification->found)
		return;
	path.attribute = reference->parent != NULL ? reference->parent : reference;
	if (old == NULL || !is_of_before(usage, old))
		check_usable(usage, specification, resource->specification->model, faults, &path);
	if (specification->fault != NULL)
		um_fault(faults, &path, UM_RULE, "%s", specification->fault);
	else
		check_characteristics(usage, specification, resource->specification->model, faults);
}

/* Whether a usage has what is checked as it had it. */
bool
um_follows_as_before(const UmRecord *usage, const UmRecord *old)
{
	return is_of_before(usage, old) &&
		is_as_before(usage, old, characteristics_of(usage->model)->slot);
}

/* Whether it has the specification that it had, at the date that it had. */
static bool
is_of_before(const UmRecord *usage, const UmRecord *old)
{
	const UmModel *model = usage->model;

	return is_as_before(usage, old, um_find_attribute(model, model->resource->specification_id)->slot) &&
		is_as_before(usage, old, model->date_slot);
}

static bool
is_as_before(const UmRecord *usage, const UmRecord *old, int slot)
{
	if (!um_is_set(usage, slot) || !um_is_set(old, slot))
		return um_is_set(usage, slot) == um_is_set(old, slot);
	return datumIsEqual(usage->value[slot], old->value[slot],
						usage->model->slot[slot]->kind == UM_TIME, -1);
}

/* Whether usages may have it now, and could at the date of this one. */
static void
check_usable(const UmRecord *usage, const UmSpecification *specification, const UmModel *model,
			 UmFaults *faults, const UmPath *path)
{
	const UmLifeCycle *life = model->life;
	int			slot = usage->model->date_slot;
	TimestampTz date;

	if (um_status_in(specification->status, life->barred))
		um_fault(faults, path, UM_RULE, "%s \"%s\" is %s, not one of %s", model->label,
				 specification->id, life->status[specification->status],
				 um_status_list(life, ~life->barred));
	if (!um_is_set(usage, slot))
		return;
	date = DatumGetTimestampTz(usage->value[slot]);
	if (date < specification->valid_from)
		um_fault(faults, path, UM_RULE, "%s \"%s\" is valid from %s on, not at %s", model->label,
				 specification->id, time_text(specification->valid_from), time_text(date));
	else if (date > specification->valid_to)
		um_fault(faults, path, UM_RULE, "%s \"%s\" is valid until %s, not at %s", model->label,
				 specification->id, time_text(specification->valid_to), time_text(date));
}

static void
check_characteristics(const UmRecord *usage, const UmSpecification *specification,
					  const UmModel *model, UmFaults *faults)
{
	const UmAttribute *attribute = characteristics_of(usage->model);
	UmPath		list = {NULL, attribute, 0};
	UmPath		element = {&list, NULL, 0};
	UmPath		name = {&element, um_find_attribute(attribute->of, "name"), 0};
	int		   *counts = palloc0(sizeof(int) * Max(specification->counters, 1));
	UmCharacteristicsReader reader = {.left = 0};
	UmCharacteristic c;
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "specification check",
												  ALLOCSET_SMALL_SIZES);

	if (um_is_set(usage, attribute->slot))
		um_characteristics_open(&reader, (struct varlena *)
								DatumGetPointer(usage->value[attribute->slot]));
	for (; um_characteristics_next(&reader, &c); element.index++)
	{
		UmKnown    *known = c.has_name ? um_specification_knows(specification, c.name) : NULL;

		if (c.has_name && c.kind != UM_NONE && known == NULL)
			um_fault(faults, &name, UM_RULE, "\"%.*s\" is not in %s \"%s\"",
					 UM_CLIPPED(c.name, 60), model->label, specification->id);
		if (known == NULL)
			continue;
		if (known->counter >= 0 && counts[known->counter]++ == known->most)
			um_fault(faults, &name, UM_RULE, "\"%.*s\" is there more than %d times",
					 UM_CLIPPED(c.name, 60), known->most);
		if (c.kind != UM_NONE)
			check_value(&c, known, attribute->of, scratch, faults, &element);
		MemoryContextReset(scratch);
	}
	check_least(specification, counts, model, faults, &list);
	MemoryContextDelete(scratch);
	pfree(counts);
}

/* Whether a value is one that is allowed; what it takes to find out is scratch. */
static void
check_value(const UmCharacteristic *c, UmKnown *known, const UmModel *model, MemoryContext scratch,
			UmFaults *faults, const UmPath *element)
{
	UmPath		path = {element, um_find_attribute(model, "value"), 0};
	MemoryContext old = MemoryContextSwitchTo(scratch);
	UmSlice		shown = um_characteristic_text(c);
	UmSlice		unit = known->measured ? unit_of(c, model) : (UmSlice) {NULL, 0};
	UmMatter	matter;
	UmVerdict	verdict = um_known_judge(known, c, unit, &matter);

	MemoryContextSwitchTo(old);
	switch (verdict)
	{
		case UM_FITS:
			break;
		case UM_NOT_USABLE:
			um_fault(faults, &path, UM_RULE, "cannot be checked against \"%.*s\": %s",
					 UM_CLIPPED(c->name, 60), matter.fault);
			break;
		case UM_NOT_MATCHED:
			um_fault(faults, &path, UM_RULE, "\"%.*s\" does not match \"%.*s\" of \"%.*s\"",
					 UM_CLIPPED(shown, 60), UM_CLIPPED(matter.text, 100), UM_CLIPPED(c->name, 60));
			break;
		case UM_NOT_LISTED:
			um_fault(faults, &path, UM_RULE, "\"%.*s\" is not in the list or range of \"%.*s\"",
					 UM_CLIPPED(shown, 60), UM_CLIPPED(c->name, 60));
			break;
		case UM_NOT_IN_UNIT:
			um_fault(faults, &path, UM_RULE, "is in \"%.*s\", where \"%.*s\" is in \"%.*s\"",
					 UM_CLIPPED(unit, 60), UM_CLIPPED(c->name, 60), UM_CLIPPED(matter.text, 60));
			break;
		case UM_NOT_OF_TYPE:
			um_fault(faults, &path, UM_RULE, "\"%.*s\" is not of the value type of \"%.*s\"",
					 UM_CLIPPED(shown, 60), UM_CLIPPED(c->name, 60));
			break;
	}
}

/* What is to be there, and is not, or not often enough. */
static void
check_least(const UmSpecification *specification, const int *counts, const UmModel *model,
			UmFaults *faults, const UmPath *path)
{
	for (int i = 0; i < specification->counters; i++)
	{
		const UmKnown *known = &specification->known[specification->counted[i]];

		if (counts[i] >= known->least)
			continue;
		if (counts[i] == 0)
			um_fault(faults, path, UM_RULE, "lacks \"%.*s\", which %s \"%s\" demands",
					 UM_CLIPPED(known->name, 60), model->label, specification->id);
		else
			um_fault(faults, path, UM_RULE, "has %d of \"%.*s\", where %s \"%s\" demands %d",
					 counts[i], UM_CLIPPED(known->name, 60), model->label,
					 specification->id, known->least);
	}
}

/*
 * The unit that a characteristic says its value is in; len 0 where it says none,
 * as by a null.  What is no string is a unit that no specification has.
 */
static UmSlice
unit_of(const UmCharacteristic *c, const UmModel *model)
{
	const UmNames *names = &model->slot[model->extra_slot]->of->names;
	UmSlice		unit = {NULL, 0};
	UmSlice		key;
	UmScan		scan;

	if (c->extra.len <= 2)
		return unit;
	um_scan_init(&scan, c->extra.ptr, c->extra.len);
	um_scan_enter(&scan);
	while (unit.len == 0 && um_scan_key(&scan, &key))
	{
		UmToken		kind = um_scan_peek(&scan);
		bool		wanted = um_find_name(names, um_trim(key), NULL) != NULL && kind != UM_NULL;
		UmSlice		value;

		if (wanted && kind == UM_STRING ? um_scan_string(&scan, &value)
			: um_scan_skip(&scan, &value))
			unit = wanted ? um_trim(value) : unit;
	}
	return unit;
}

static const UmAttribute *
characteristics_of(const UmModel *model)
{
	for (int s = 0; s < model->slots; s++)
		if (model->slot[s]->kind == UM_CHARACTERISTICS)
			return model->slot[s];
	elog(ERROR, "%s has no characteristics", model->label);
}

static char *
time_text(TimestampTz time)
{
	StringInfoData out;

	initStringInfo(&out);
	um_append_time(&out, time);
	return out.data;
}
