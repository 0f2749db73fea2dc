/*
 * attribute.c
 *	  The attributes of a model: their slots, their names, what they are found by.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "compat.h"
#include "model.h"

/* Both are bits of a uint64. */
#define MOST_SLOTS 64
#define MOST_ATTRIBUTES 63

static void give_slot(UmModel *model, UmAttribute *attribute);
pg_noreturn static void too_large(UmModel *model);
static void resolve(UmModel *model, UmAttribute *attribute, int *ordinal);
static void name_slots(UmModel *model, const char *date);
static bool is_checked(const UmAttribute *attribute);
static void note_rules(UmModel *model, UmAttribute *attribute);
static bool is_rated(const UmAttribute *attribute);
static uint64 span_of(const UmModel *model, const UmAttribute *attribute);
static UmAttribute *copy_members(const UmAttribute *members);
static void collect_names(UmNames *names, UmAttribute *attributes);
static int	slot_of(const UmModel *model, const char *column);

/* Gives every attribute of a model, and of those below it, its slot and its names. */
void
um_model_init(UmModel *model, const char *date)
{
	MemoryContext old;
	int			ordinal = 0;

	/* below several resources, as a related party is */
	if (model->slots > 0)
		return;
	old = MemoryContextSwitchTo(TopMemoryContext);
	model->slot = palloc0(sizeof(UmAttribute *) * MOST_SLOTS);
	model->asks = palloc0(sizeof(uint64) * MOST_SLOTS);
	for (UmAttribute *a = model->attributes; a->kind != UM_END; a++)
	{
		if (a - model->attributes == MOST_ATTRIBUTES)
			too_large(model);
		/* Tables of members are shared, what is resolved in them is not. */
		if (a->members != NULL)
			a->members = copy_members(a->members);
		if (a->of != NULL)
			um_model_init(a->of, NULL);
		give_slot(model, a);
		for (UmAttribute *m = a->members; m != NULL && m->kind != UM_END; m++)
		{
			m->parent = a;
			give_slot(model, m);
		}
	}
	for (UmAttribute *a = model->attributes; a->kind != UM_END; a++)
	{
		resolve(model, a, &ordinal);
		for (UmAttribute *m = a->members; m != NULL && m->kind != UM_END; m++)
			resolve(model, m, &ordinal);
		if (a->members != NULL)
			collect_names(&a->names, a->members);
	}
	name_slots(model, date);
	for (UmAttribute *a = model->attributes; a->kind != UM_END; a++)
		note_rules(model, a);
	collect_names(&model->names, model->attributes);
	MemoryContextSwitchTo(old);
}

/* The slots that the code has a use of its own for. */
static void
name_slots(UmModel *model, const char *date)
{
	model->extra_slot = model->status_slot = model->amount_slot = model->currency_slot = -1;
	for (UmAttribute *a = model->attributes; a->kind != UM_END; a++)
	{
		model->filled_in |= a->filled_in | (a->kind == UM_LIST ? a->of->filled_in : 0);
		if (a->kind == UM_EXTRA)
			model->extra_slot = a->slot;
		if (a->kind == UM_STATUS)
			model->status_slot = a->slot;
		if (a->kind == UM_HREF)
			model->href = a;
		if (a->flags & UM_AMOUNT)
			model->amount_slot = a->slot;
		if (a->flags & UM_CURRENCY)
			model->currency_slot = a->slot;
	}
	model->id = um_find_attribute(model, "id");
	model->date_slot = slot_of(model, date);
	model->receipt_slot = slot_of(model, "received_at");
	model->change_slot = slot_of(model, "changed_at");
	model->load_slot = slot_of(model, "load_id");
	model->rejection_slot = slot_of(model, "rejection");
	model->type_slot = slot_of(model, "type");
}

/* A column has one slot, however many attributes speak of it. */
static void
give_slot(UmModel *model, UmAttribute *attribute)
{
	if (attribute->column == NULL)
	{
		attribute->slot = -1;
		return;
	}
	attribute->slot = slot_of(model, attribute->column);
	if (attribute->slot < 0)
	{
		if (model->slots == MOST_SLOTS)
			too_large(model);
		attribute->slot = model->slots++;
		model->slot[attribute->slot] = attribute;
		if (attribute->kind >= UM_CHARACTERISTICS && attribute->kind != UM_INTERNAL)
			model->composed |= um_slot_bit(attribute->slot);
		attribute->tag = attribute->kind == UM_INTERNAL ? 0 : ++model->tags;
	}
}

/* A module's, which is not to pass for made when the module is loaded again. */
static void
too_large(UmModel *model)
{
	model->slots = 0;
	elog(ERROR, "model \"%s\" has more than %d columns or %d attributes", model->noun, MOST_SLOTS,
		 MOST_ATTRIBUTES);
}

static void
resolve(UmModel *model, UmAttribute *attribute, int *ordinal)
{
	attribute->ordinal = (*ordinal)++;
	for (int v = 0; v < UM_VERSIONS; v++)
	{
		attribute->key[v].ptr = psprintf(",\"%s\":", um_name_in(attribute, v));
		attribute->key[v].len = strlen(attribute->key[v].ptr);
	}
	attribute->fallback_slot = slot_of(model, attribute->fallback);
	attribute->segment_slot = slot_of(model, attribute->last_segment_of);
	attribute->start_slot = slot_of(model, attribute->not_before);
	attribute->digits_slot = slot_of(model, attribute->digits_in);
	for (size_t i = 0; i < lengthof(attribute->filled_from); i++)
		attribute->filled_slot[i] = slot_of(model, attribute->filled_from[i]);
	attribute->gives_slot = slot_of(model, attribute->gives);
	attribute->given_slot = attribute->of != NULL ? slot_of(attribute->of, attribute->gives) : -1;
	if (attribute->slot >= 0 && attribute->fallback_slot < 0)
		attribute->plain_in = UM_ALL_VERSIONS & ~(attribute->members != NULL ? attribute->object_in : 0);
	attribute->completed = attribute->preset != NULL || attribute->segment_slot >= 0 ||
		attribute->fallback_slot >= 0 || attribute->kind == UM_LIST || attribute->kind == UM_TREE;
	attribute->checked = is_checked(attribute);
}

/* Which slots the rules of an attribute and its members look at. */
static void
note_rules(UmModel *model, UmAttribute *attribute)
{
	uint64		bit = um_attribute_bit(model, attribute);

	model->all |= bit;
	attribute->span = span_of(model, attribute);
	for (UmAttribute *m = attribute->members; m != NULL && m->kind != UM_END; m++)
		attribute->span |= span_of(model, m);
	for (int s = 0; s < model->slots; s++)
		if (attribute->span & um_slot_bit(s))
			model->asks[s] |= bit;
	if (is_rated(attribute))
		model->rated |= bit;
}

/* Whether more is asked of it in some statuses, or filled in. */
static bool
is_rated(const UmAttribute *attribute)
{
	const UmAttribute *part = attribute->kind == UM_LIST ? attribute->of->attributes : attribute->members;
	bool		rated = attribute->kind == UM_TREE || attribute->preset != NULL ||
		(attribute->flags & UM_MANDATORY_RATED) != 0;

	for (; !rated && part != NULL && part->kind != UM_END; part++)
		rated = is_rated(part);
	return rated;
}

/* Its own slot and those that rules of it alone look at. */
static uint64
span_of(const UmModel *model, const UmAttribute *attribute)
{
	/* what is there of an object may be unknown */
	int			rest = attribute->flags & UM_MANDATORY_WITH ? model->extra_slot : -1;
	int			slots[] = {attribute->slot, attribute->fallback_slot, attribute->segment_slot,
	attribute->start_slot, attribute->digits_slot, attribute->gives_slot, rest};
	uint64		span = 0;

	for (size_t i = 0; i < lengthof(slots); i++)
		if (slots[i] >= 0)
			span |= um_slot_bit(slots[i]);
	return span;
}

/* What rules.c has nothing to say of need not be shown to it for every row. */
static bool
is_checked(const UmAttribute *attribute)
{
	switch (attribute->kind)
	{
		case UM_TIME:
		case UM_NUMBER:
		case UM_CHARACTERISTICS:
		case UM_LIST:
		case UM_TREE:
		case UM_BRANCH:
			return true;
		case UM_INTERNAL:
		case UM_EXTRA:
			return false;
		default:
			return attribute->slot >= 0 &&
				(attribute->allowed != NULL ||
				 (attribute->flags & (UM_MANDATORY | UM_MANDATORY_RATED | UM_MANDATORY_WITH |
									  UM_CURRENCY)) != 0);
	}
}

static UmAttribute *
copy_members(const UmAttribute *members)
{
	int			n = 1;
	UmAttribute *copy;

	while (members[n - 1].kind != UM_END)
		n++;
	copy = palloc(sizeof(UmAttribute) * n);
	memcpy(copy, members, sizeof(UmAttribute) * n);
	return copy;
}

static void
collect_names(UmNames *names, UmAttribute *attributes)
{
	int			n = 0;
	int			first = 0;		/* name of the attribute before */

	for (UmAttribute *a = attributes; a->kind != UM_END; a++)
		n += UM_VERSIONS + UM_MAX_ALIASES;
	names->name = palloc0(sizeof(UmName) * Max(n, 1));
	names->count = 0;
	for (UmAttribute *a = attributes; a->kind != UM_END; a++)
	{
		const char *spelling[UM_VERSIONS + UM_MAX_ALIASES];
		int			before = first;

		memcpy(spelling, a->name, sizeof(a->name));
		memcpy(spelling + UM_VERSIONS, a->alias, sizeof(a->alias));
		first = names->count;
		for (size_t i = 0; i < lengthof(spelling); i++)
		{
			if (spelling[i] == NULL || (i > 0 && spelling[0] != NULL &&
										strcmp(spelling[i], spelling[0]) == 0))
				continue;
			names->name[names->count].name = spelling[i];
			names->name[names->count].len = strlen(spelling[i]);
			names->name[names->count++].attribute = a;
		}
		for (int i = before; i < first; i++)
			names->name[i].next = i - before < names->count - first &&
				a->name[UM_R14_5] != a->name[UM_V4] &&
				names->name[i].attribute->name[UM_R14_5] != names->name[i].attribute->name[UM_V4]
				? first + i - before : first;
	}
}

static int
slot_of(const UmModel *model, const char *column)
{
	if (column != NULL)
		for (int i = 0; i < model->slots; i++)
			if (strcmp(model->slot[i]->column, column) == 0)
				return i;
	return -1;
}

/* The attribute that owns a column; NULL where the model has no such column. */
UmAttribute *
um_find_attribute(const UmModel *model, const char *column)
{
	int			slot = slot_of(model, column);

	return slot < 0 ? NULL : model->slot[slot];
}

/* The long way of um_find_name, from where *hint expects it. */
UmAttribute *
um_search_name(const UmNames *names, UmSlice key, int *hint)
{
	int			start = hint != NULL ? *hint : 0;

	for (int i = 0; i < names->count; i++)
	{
		int			at = start + i < names->count ? start + i : start + i - names->count;
		const UmName *name = &names->name[at];

		if (name->len == key.len && memcmp(name->name, key.ptr, key.len) == 0)
		{
			if (hint != NULL)
				*hint = name->next;
			return name->attribute;
		}
	}
	return NULL;
}

/* What a version calls an attribute, or else what another one does. */
const char *
um_name_in(const UmAttribute *attribute, UmVersion version)
{
	if (attribute->name[version] != NULL)
		return attribute->name[version];
	for (int v = 0; v < UM_VERSIONS; v++)
		if (attribute->name[v] != NULL)
			return attribute->name[v];
	return attribute->column;
}
