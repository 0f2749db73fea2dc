/*
 * parcel.c
 *	  A resource of somebody's own: what a module declares to have one.
 *
 * Only the tests know parcels.  Nothing of usage_mgmt names them; that they
 * are posted, loaded, queried, patched and restored like a usage follows from
 * the tables below.  Every kind of attribute is here at least once.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"

#include "resource.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

#define BOTH(name) {name, name}
#define END {.kind = UM_END}

/* A place where it was seen: elements of a tree, in a jsonb column. */
static UmAttribute stop_attributes[] = {
	{.name = BOTH("place"), .kind = UM_TEXT, .column = "place", .flags = UM_MANDATORY},
	{.name = {"at", "time"}, .kind = UM_TIME, .column = "at", .flags = UM_BLANK_IS_NONE},
	{.name = BOTH("shelf"), .kind = UM_NUMBER, .column = "shelf", .flags = UM_BLANK_IS_NONE},
	{.name = BOTH("isSealed"), .kind = UM_BOOL, .column = "is_sealed", .flags = UM_BLANK_IS_NONE},
	{.kind = UM_EXTRA, .column = "extra"},
	END
};

static UmModel stop = {.noun = "stop", .label = "stop", .attributes = stop_attributes};

/* What is stuck on it: a branch, one object in a jsonb column. */
static UmAttribute sticker_attributes[] = {
	{.name = BOTH("format"), .kind = UM_TEXT, .column = "format"},
	{.name = {"size", "sheetSize"}, .kind = UM_NUMBER, .column = "size", .flags = UM_BLANK_IS_NONE},
	{.kind = UM_EXTRA, .column = "extra"},
	END
};

static UmModel sticker = {.noun = "sticker", .label = "sticker", .attributes = sticker_attributes};

/* Objects whose members are columns of the parcel */
static UmAttribute sender_members[] = {
	{.name = BOTH("id"), .kind = UM_TEXT, .column = "sender_id", .flags = UM_BLANK_IS_NONE,
	.last_segment_of = "sender_href"},
	{.name = BOTH("href"), .alias = {"ref"}, .kind = UM_URI, .column = "sender_href",
	.flags = UM_BLANK_IS_NONE},
	{.name = BOTH("name"), .kind = UM_TEXT, .column = "sender_name"},
	END
};

static UmAttribute window_members[] = {
	{.name = BOTH("opens"), .kind = UM_TIME, .column = "window_opens", .flags = UM_BLANK_IS_NONE},
	{.name = BOTH("closes"), .kind = UM_TIME, .column = "window_closes", .flags = UM_BLANK_IS_NONE,
	.not_before = "window_opens"},
	END
};

static UmAttribute parcel_attributes[] = {
	{.name = BOTH("id"), .kind = UM_TEXT, .column = "id",
	.flags = UM_FIXED | UM_BLANK_IS_NONE | UM_NOT_CONTENT},
	{.name = BOTH("href"), .kind = UM_HREF, .flags = UM_FIXED},
	{.name = {"number", "trackingNumber"}, .kind = UM_TEXT, .column = "number",
	.flags = UM_MANDATORY, .about = "what the sender was told"},
	{.name = {"posted", "postedAt"}, .kind = UM_TIME, .column = "posted_at",
	.flags = UM_MANDATORY | UM_BLANK_IS_NONE},
	{.name = BOTH("description"), .kind = UM_TEXT, .column = "description",
	.flags = UM_FREE_WHEN_BILLED | UM_MANDATORY_RATED},
	{.name = BOTH("link"), .kind = UM_URI, .column = "link", .flags = UM_BLANK_IS_NONE},
	{.name = BOTH("weight"), .kind = UM_NUMBER, .column = "weight", .flags = UM_BLANK_IS_NONE},
	{.name = BOTH("isFragile"), .alias = {"fragile"}, .kind = UM_BOOL, .column = "is_fragile",
	.flags = UM_BLANK_IS_NONE},
	{.name = {"status", "state"}, .kind = UM_STATUS, .column = "status", .flags = UM_BLANK_IS_NONE},
	{.name = BOTH("sender"), .kind = UM_OBJECT, .members = sender_members,
	.object_in = UM_ALL_VERSIONS},
	{.name = BOTH("window"), .kind = UM_OBJECT, .members = window_members,
	.object_in = UM_ALL_VERSIONS},
	{.name = BOTH("contents"), .kind = UM_CHARACTERISTICS, .column = "contents"},
	{.name = BOTH("relatedParty"), .kind = UM_LIST, .column = "related_party"},
	{.name = {"stop", "stops"}, .kind = UM_TREE, .column = "stop", .of = &stop},
	{.name = BOTH("sticker"), .kind = UM_BRANCH, .column = "sticker", .of = &sticker},
	{.name = BOTH("customs"), .kind = UM_JSON, .column = "customs"},
	{.kind = UM_INTERNAL, .column = "rejection", .type = JSONBOID, .flags = UM_NOT_CONTENT | UM_FREE_WHEN_BILLED},
	{.kind = UM_EXTRA, .column = "extra", .flags = UM_FREE_WHEN_BILLED},
	{.kind = UM_INTERNAL, .column = "received_at", .flags = UM_NOT_CONTENT | UM_FREE_WHEN_BILLED},
	{.kind = UM_INTERNAL, .column = "changed_at", .flags = UM_NOT_CONTENT | UM_FREE_WHEN_BILLED},
	{.kind = UM_INTERNAL, .column = "load_id", .type = INT8OID, .flags = UM_NOT_CONTENT | UM_FREE_WHEN_BILLED},
	END
};

static UmModel parcel_model = {
	.noun = "parcel", .label = "parcel", .attributes = parcel_attributes
};

enum
{
	POSTED, ON_THE_WAY, LOST, DELIVERED
};

static UmLifeCycle parcel_life = {
	.type = {"parcel_status"},
	.count = 4,
	.status = {"posted", "on the way", "lost", "delivered"},
	.alias = {[ON_THE_WAY] = "underway"},
	.moves = {
		[POSTED] = UM_STATUS_BIT(ON_THE_WAY) | UM_STATUS_BIT(LOST),
		[ON_THE_WAY] = UM_STATUS_BIT(DELIVERED) | UM_STATUS_BIT(LOST),
		[LOST] = UM_STATUS_BIT(ON_THE_WAY),
		[DELIVERED] = 0
	},
	.first = POSTED,
	.rated = UM_STATUS_BIT(LOST),	/* who lost it says how */
	.closed = UM_STATUS_BIT(DELIVERED),
	.open = UM_STATUS_BIT(POSTED) | UM_STATUS_BIT(ON_THE_WAY)
};

static UmResource parcel = {
	.plural = "parcels", .model = &parcel_model, .life = &parcel_life, .faces = UM_ALL_VERSIONS,
	.about = "What is sent from here to there.",
	.path = {"/post/parcel/", "/tmf-api/post/v4/parcel/"},
	.date = "posted_at", .ledger = "parcel_key", .conflict = "parcel_conflict",
	.event = {[UM_V4] = {[UM_CREATE_EVENT] = "ParcelCreateEvent", [UM_STATUS_EVENT] = "ParcelStateChangeEvent"}}
};

/* What an element is that usages have, too. */
static UmModel *
borrowed(UmResource *usage, const char *column)
{
	for (UmAttribute *a = usage->model->attributes; a->kind != UM_END; a++)
		if (a->column != NULL && strcmp(a->column, column) == 0)
			return a->of;
	elog(ERROR, "a usage has no column \"%s\"", column);
}

void
_PG_init(void)
{
	UmResource *(*find) (const char *);
	void		(*add) (UmResource *);

	find = (UmResource *(*) (const char *)) load_external_function("$libdir/usage_mgmt", "um_resource", true, NULL);
	add = (void (*) (UmResource *)) load_external_function("$libdir/usage_mgmt", "um_resource_register", true, NULL);

	for (UmAttribute *a = parcel_attributes; a->kind != UM_END; a++)
	{
		if (a->kind == UM_CHARACTERISTICS)
			a->of = borrowed(find("usage"), "usage_characteristic");
		else if (a->kind == UM_LIST)
			a->of = borrowed(find("usage"), a->column);
	}
	add(&parcel);
}
