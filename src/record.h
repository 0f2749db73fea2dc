/*
 * record.h
 *	  One resource in memory: a datum for every column of its model.
 */
#ifndef UM_RECORD_H
#define UM_RECORD_H

#include "port/pg_bitutils.h"

#include "faults.h"
#include "resource.h"

typedef enum UmState
{
	UM_ABSENT,
	UM_SET,
	UM_FAULTY,					/* was given and could not be read */
	UM_UNREAD					/* is in a row, and not taken apart so far */
} UmState;

/*
 * The datum of a list, tree or branch points to an UmList; every other one is
 * what the column holds.
 */
typedef struct UmRecord
{
	const UmModel *model;
	Datum	   *value;
	uint8	   *state;			/* UmState */
	bool	   *changed;		/* differs from the tuple it was made from */
	uint64		asked;			/* attributes whose rules are to be asked, as bits */
	Datum	   *column;			/* of the row that it was skimmed from, else NULL */
	bool	   *null;
	UmSlice		href;			/* as delivered; it is never stored */
	int			spoken;			/* versions whose own names or shapes it used, as bits */
} UmRecord;

typedef struct UmList
{
	int			count;
	UmRecord  **record;			/* NULL for an element that is null */
} UmList;

extern UmRecord *um_record_new(const UmModel *model);
extern UmList *um_list_new(int count);
extern void um_record_set(UmRecord *record, int slot, Datum value);
extern void um_record_clear(UmRecord *record, int slot);
extern bool um_has_elements(const UmRecord *record, const UmAttribute *attribute);
extern UmList *um_record_list(const UmRecord *record, const UmAttribute *attribute);

/* Whether an attribute, or what it has rules with, is not as in the row that is replaced. */
static inline bool
um_is_asked(const UmRecord *record, const UmAttribute *attribute)
{
	return (record->asked & um_attribute_bit(record->model, attribute)) != 0;
}

/* The first such attribute from there on; NULL for none. */
static inline UmAttribute *
um_next_asked(const UmRecord *record, UmAttribute *from)
{
	uint64		rest = record->asked >> (from - record->model->attributes);

	return rest != 0 ? from + pg_rightmost_one_pos64(rest) : NULL;
}

/* All of them, also what is set in between. */
#define um_each_asked(a, record) \
	UmAttribute *a = um_next_asked(record, (record)->model->attributes); a != NULL; \
	a = um_next_asked(record, a + 1)

/* All attributes of a model, members right after their object. */
#define um_each_attribute(a, model) \
	UmAttribute *a = (model)->attributes; a->kind != UM_END; a++

/* The id of a resource; only where it is set. */
static inline Datum
um_id(const UmRecord *record)
{
	return record->value[record->model->id->slot];
}

static inline bool
um_is_set(const UmRecord *record, int slot)
{
	return slot >= 0 && record->state[slot] == UM_SET;
}

/* The text that a slot holds, which is set. */
static inline UmSlice
um_slot_slice(const UmRecord *record, int slot)
{
	Assert(um_is_set(record, slot));
	return um_text_slice(record->value[slot]);
}

/* Whether an attribute says anything: an empty list says what no list says. */
static inline bool
um_has_value(const UmRecord *record, const UmAttribute *attribute)
{
	if (!um_is_set(record, attribute->slot))
		return false;
	switch (attribute->kind)
	{
		case UM_LIST:
		case UM_TREE:
		case UM_BRANCH:
		case UM_CHARACTERISTICS:
			return um_has_elements(record, attribute);
		default:
			return true;
	}
}

#endif
