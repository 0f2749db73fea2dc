/*
 * record.c
 *	  One resource in memory: a datum for every column of its model.
 *
 * Rules are written against a record and nothing else, so a trigger, an
 * import and an operation cannot disagree.  A record is made from JSON by
 * tmf_read.c and from a row by row.c; it lives in the memory context of its
 * maker and is never freed piece by piece.
 */
#include "postgres.h"

#include "characteristics.h"
#include "record.h"

UmRecord *
um_record_new(const UmModel *model)
{
	Size		values = MAXALIGN(sizeof(UmRecord));
	Size		states = values + sizeof(Datum) * model->slots;
	char	   *memory = palloc0(states + 2 * model->slots);
	UmRecord   *record = (UmRecord *) memory;

	Assert(model->slots > 0);	/* um_model_init has run */
	record->model = model;
	record->asked = model->all;
	record->value = (Datum *) (memory + values);
	record->state = (uint8 *) (memory + states);
	record->changed = (bool *) (memory + states + model->slots);
	return record;
}

UmList *
um_list_new(int count)
{
	UmList	   *list = palloc(sizeof(UmList));

	list->count = count;
	list->record = palloc0(sizeof(UmRecord *) * Max(count, 1));
	return list;
}

void
um_record_set(UmRecord *record, int slot, Datum value)
{
	Assert(slot >= 0 && slot < record->model->slots);
	record->value[slot] = value;
	record->state[slot] = UM_SET;
	record->changed[slot] = true;
	record->asked |= record->model->asks[slot];
}

void
um_record_clear(UmRecord *record, int slot)
{
	Assert(slot >= 0 && slot < record->model->slots);
	record->state[slot] = UM_ABSENT;
	record->changed[slot] = true;
	record->asked |= record->model->asks[slot];
}

/* The elements of a list, tree or branch; NULL where there are none. */
UmList *
um_record_list(const UmRecord *record, const UmAttribute *attribute)
{
	UmList	   *list;

	Assert(attribute->kind == UM_LIST || attribute->kind == UM_TREE || attribute->kind == UM_BRANCH);
	Assert(record->model->slot[attribute->slot] == attribute);
	if (!um_is_set(record, attribute->slot))
		return NULL;
	list = (UmList *) DatumGetPointer(record->value[attribute->slot]);
	return list->count > 0 ? list : NULL;
}

/* Whether a list of any kind has elements. */
bool
um_has_elements(const UmRecord *record, const UmAttribute *attribute)
{
	UmCharacteristicsReader reader;

	if (attribute->kind != UM_CHARACTERISTICS)
		return um_record_list(record, attribute) != NULL;
	um_characteristics_open(&reader,
							(struct varlena *) DatumGetPointer(record->value[attribute->slot]));
	return reader.left > 0;
}
