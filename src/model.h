/*
 * model.h
 *	  The TMF model as tables that every reader, writer and rule loops over.
 */
#ifndef UM_MODEL_H
#define UM_MODEL_H

#include "lifecycle.h"

typedef enum UmKind
{
	UM_END,						/* no attribute: ends a table of them */
	UM_TEXT,					/* text */
	UM_URI,						/* text without space around it */
	UM_TIME,					/* timestamptz; without a zone, UTC */
	UM_NUMBER,					/* numeric; JSON number or numeric string */
	UM_BOOL,					/* boolean; true, false, also as strings */
	UM_STATUS,					/* enum of the model's life cycle */
	UM_ANY,						/* any JSON value, kept as its compact text */
	UM_JSON,					/* any JSON value in a jsonb column */
	UM_CHARACTERISTICS,			/* the type of that name */
	UM_LIST,					/* array of a composite type */
	UM_TREE,					/* list of objects in one jsonb column */
	UM_BRANCH,					/* one object in one jsonb column */
	UM_OBJECT,					/* members are columns of the same row */
	UM_HREF,					/* made from the id, never stored */
	UM_INTERNAL,				/* a column that no JSON shows */
	UM_EXTRA					/* jsonb: what the model does not know */
} UmKind;

/* Flags of an attribute. */
#define UM_MANDATORY	0x01	/* its absence is 23502 */
#define UM_MANDATORY_RATED 0x02 /* so in a usage that is rated; of a list, one element */
#define UM_FIXED		0x04	/* never changes once stored, not patchable */
#define UM_BLANK_IS_NONE 0x10	/* an empty string is no value */
#define UM_FREE_WHEN_BILLED 0x20	/* may change in a billed usage */
#define UM_NOT_CONTENT	0x40	/* no part of what makes two records the same */
#define UM_CURRENCY		0x80	/* a code of ISO 4217 */
#define UM_SHARED		0x100	/* alone it does not make the object it is in */
#define UM_TRUE_WHEN_BILLED 0x200	/* in a usage that is billed, whatever it says */
#define UM_AMOUNT		0x400	/* what loads sum, in the currency beside it */
#define UM_MANDATORY_WITH 0x800 /* where another member of its object is there */
#define UM_NOT_PATCHED	0x1000	/* no patch may change it */
#define UM_COUNT		0x2000	/* a number from 0 on, without a fraction */
#define UM_GATHERED		0x4000	/* of elements, for an index of the whole list */
#define UM_SERVERS		0x8000	/* of an order: what a client says of it is passed over */

#define UM_MAX_ALIASES 4

struct UmModel;
struct UmAttribute;

/* A spelling and what it means. */
typedef struct UmName
{
	const char *name;
	int			len;
	struct UmAttribute *attribute;
	int			next;			/* the following attribute, as the same version calls it */
} UmName;

/* Every spelling of a table's attributes, in its order. */
typedef struct UmNames
{
	int			count;
	UmName	   *name;
} UmNames;

typedef struct UmAttribute
{
	const char *name[UM_VERSIONS];	/* NULL where a version has none: then the other's is written */
	const char *alias[UM_MAX_ALIASES];	/* also understood */
	UmKind		kind;
	int			flags;
	const char *column;			/* NULL for UM_OBJECT and UM_HREF */
	const char *preset;			/* text of the value a rated element defaults to */
	struct UmAttribute *members;	/* of an object */
	int			object_in;		/* versions that write it as that object */
	int			number_in;		/* versions that write a text as the number that it is */
	const char *last_segment_of;	/* column of the URI this defaults to */
	const char *fallback;		/* column read where this one is NULL */
	const char *not_before;		/* column with the start of the same period */
	const char *digits_in;		/* column that limits the digits behind the point */
	const char *const *allowed; /* the words that a text may be, up to a NULL */
	int			filled_in;		/* versions that do not ask for it, the store does: */
	const char *filled_from[2]; /* then it is what the first of these columns says, */
	const char *filled_with;	/* or else this; a time is that of receipt */
	struct UmModel *of;			/* elements of a list, tree or branch */
	const char *about;			/* a sentence for who reads the table, or NULL */
	const char *schema;			/* what documents call the object that its members make */
	const char *gives;			/* column that elements without it take from here */
	Oid			type;			/* of a column that no JSON shows; none for timestamptz */

	/* filled in by um_model_init */
	int			slot;			/* where a record holds it, -1 for none */
	int			tag;			/* in the canonical form, for good; 0 for none */
	int			fallback_slot;
	int			segment_slot;
	int			start_slot;
	int			digits_slot;
	int			filled_slot[2];
	int			gives_slot;		/* and that of the elements */
	int			given_slot;
	int			plain_in;		/* versions that write it where it is set, or not at all */
	bool		completed;		/* may be filled in from the rest of the record */
	bool		checked;		/* a rule looks at it, there or not */
	uint64		span;			/* slots that its rules look at, as bits; none for no slot */
	int			ordinal;		/* the model's order */
	struct UmAttribute *parent; /* the object it is a member of */
	UmNames		names;			/* of the members */
	UmSlice		key[UM_VERSIONS];	/* the name as written: ,"usageDate": */
} UmAttribute;

typedef struct UmModel
{
	const char *noun;			/* of its table; of an element, its type */
	const char *label;			/* for messages: usage specification */
	UmType		type;			/* of an element of a list: the composite type */
	const char *view;			/* what the view of such elements ends with */
	const char *schema;			/* what documents call its shape, where not after its noun */
	const char *ids;			/* SQL function that gathers UM_GATHERED of such a list */
	bool		ids_by_name;	/* or what is in extra by a name */
	const char *told_by;		/* column of the word that tells one of a list from the others;
								 * NULL for its number alone */
	const char *means;			/* column that an element so named means; NULL for none */
	UmAttribute *attributes;

	/* filled in by um_model_init */
	struct UmResource *resource;	/* NULL for an object below one */
	UmLifeCycle *life;			/* of that resource */
	struct UmElementType *element;	/* of a list, what the session knows of the type */
	int			slots;			/* columns */
	int			tags;			/* of those that JSON shows */
	UmAttribute **slot;			/* the attribute that owns each */
	uint64		composed;		/* slots of what has parts, as bits */
	uint64	   *asks;			/* of each, the attributes whose rules look at it, as bits */
	uint64		all;			/* attributes, as bits */
	uint64		rated;			/* those of which more may be asked in a usage that is rated */
	UmAttribute *id;
	UmAttribute *href;			/* NULL for none */
	int			filled_in;		/* versions that leave something to be filled in */
	int			extra_slot;
	int			status_slot;	/* -1 for none, as all that follow */
	int			date_slot;		/* of the date of a resource that has one */
	int			receipt_slot;	/* received_at, changed_at, load_id, rejection, */
	int			change_slot;	/* which every row is asked for */
	int			load_slot;
	int			rejection_slot;
	int			type_slot;		/* of a resource's @type */
	int			amount_slot;
	int			currency_slot;
	UmNames		names;			/* of the attributes */
} UmModel;

#define um_slot_bit(slot) (UINT64CONST(1) << (slot))
#define um_attribute_bit(model, a) (UINT64CONST(1) << ((a) - (model)->attributes))

/* The slots of um_notification, in its order. */
typedef enum UmNotificationSlot
{
	UM_NOTIFICATION_ID, UM_NOTIFICATION_TIME, UM_NOTIFICATION_TYPE, UM_NOTIFICATION_PATHS,
	UM_NOTIFICATION_OCCURRED, UM_NOTIFICATION_EVENT
} UmNotificationSlot;

/* And of um_create_listener. */
typedef enum UmCreateListenerSlot
{
	UM_CREATE_LISTENER_CALLBACK, UM_CREATE_LISTENER_QUERY
} UmCreateListenerSlot;

/* And of um_listener_entity. */
typedef enum UmListenerSlot
{
	UM_LISTENER_CALLBACK, UM_LISTENER_HREF, UM_LISTENER_ID, UM_LISTENER_QUERY, UM_LISTENER_SECRET
} UmListenerSlot;

/* And of um_error_entity. */
typedef enum UmErrorSlot
{
	UM_ERROR_CODE, UM_ERROR_REASON, UM_ERROR_MESSAGE, UM_ERROR_STATUS, UM_ERROR_REFERENCE, UM_ERROR_TYPE
} UmErrorSlot;

extern UmModel um_characteristic;
extern UmModel um_notification;
extern UmModel um_create_listener;
extern UmModel um_listener_entity;
extern UmModel um_error_entity;
extern UmModel um_usage_party;
extern UmModel um_rated_product_usage;
extern UmModel *const um_entities[];	/* those that no table holds, up to a NULL */

extern void um_model_init(UmModel *model, const char *date);
extern UmAttribute *um_find_attribute(const UmModel *model, const char *column);
extern UmAttribute *um_search_name(const UmNames *names, UmSlice key, int *hint);
extern const char *um_name_in(const UmAttribute *attribute, UmVersion version);

/*
 * The attribute that a key means; NULL for one that the model does not know.
 * Keys mostly come in the model's order, so the caller may keep in *hint, 0 at
 * first, where the next one is expected.
 */
static inline UmAttribute *
um_find_name(const UmNames *names, UmSlice key, int *hint)
{
	const UmName *name;

	if (hint == NULL)
		return um_search_name(names, key, NULL);
	name = &names->name[*hint];
	if (*hint >= names->count || name->len != key.len || memcmp(name->name, key.ptr, key.len) != 0)
		return um_search_name(names, key, hint);
	*hint = name->next;
	return name->attribute;
}

#endif
