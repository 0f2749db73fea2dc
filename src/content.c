/*
 * content.c
 *	  What makes two records the same: the hash of their canonical form.
 *
 * It is SHA-256, cut to 16 bytes: equal hashes are taken for equal contents
 * unseen, so nobody may be able to make two that collide.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "canonical.h"
#include "content.h"

/* A longer form is not worth keeping the memory for. */
#define FORM_KEPT (64 * 1024)

static StringInfo form_of(const UmRecord *usage);
static UmHash hash_of(const StringInfoData *form);
static int	date_of_receipt(const UmRecord *usage);

/*
 * The hash of a usage as it was delivered: without its id, and without a date
 * that was only the time of receipt.
 */
UmHash
um_content_hash(const UmRecord *usage)
{
	StringInfo	form = form_of(usage);
	UmHash		hash = hash_of(form);

	if (form->maxlen > FORM_KEPT)
	{
		pfree(form->data);
		form->data = NULL;
	}
	return hash;
}

/*
 * The canonical form, in memory that is used again: a hash is made of every
 * row that comes in.
 */
static StringInfo
form_of(const UmRecord *usage)
{
	static StringInfoData form = {0};

	if (form.data == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		initStringInfo(&form);
		MemoryContextSwitchTo(old);
	}
	resetStringInfo(&form);
	um_canonical_record(&form, usage, UM_NOT_CONTENT, date_of_receipt(usage), true);
	return &form;
}

/*
 * Of one form.  The context is kept for the session, because making one takes
 * longer than the hash: in memory that stays, and with an owner that no query
 * releases.
 */
static UmHash
hash_of(const StringInfoData *form)
{
	static pg_cryptohash_ctx *context = NULL;
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	UmHash		hash;

	if (context == NULL)
	{
		ResourceOwner before = CurrentResourceOwner;
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		CurrentResourceOwner = ResourceOwnerCreate(NULL, "usage hashes");
		context = pg_cryptohash_create(PG_SHA256);
		CurrentResourceOwner = before;
		MemoryContextSwitchTo(old);
	}
	if (pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (uint8 *) form->data, form->len) < 0 ||
		pg_cryptohash_final(context, digest, sizeof(digest)) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute the hash of a usage: %s", pg_cryptohash_error(context))));
	memcpy(&hash, digest, sizeof(hash));
	return hash;
}

/*
 * An id made of the content, for a record that came without one: a UUID of
 * version 8, so that the same file again adds nothing.
 */
Datum
um_content_id(const UmRecord *usage)
{
	return um_uuid_text(um_content_hash(usage), 8);
}

/* As the UUID of a version. */
Datum
um_uuid_text(UmHash id, int version)
{
	id.data[6] = (id.data[6] & 0x0f) | (version << 4);
	id.data[8] = (id.data[8] & 0x3f) | 0x80;
	return CStringGetTextDatum(DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&id))));
}

/*
 * Whether two records, as they are, agree in all attributes but those with any
 * of the flags, and where so asked the status.
 */
bool
um_same_content(const UmRecord *a, const UmRecord *b, int but_flags, bool but_status)
{
	StringInfoData left;
	StringInfoData right;
	bool		same;

	initStringInfo(&left);
	initStringInfo(&right);
	um_canonical_record(&left, a, but_flags, but_status ? a->model->status_slot : -1, false);
	um_canonical_record(&right, b, but_flags, but_status ? b->model->status_slot : -1, false);
	same = left.len == right.len && memcmp(left.data, right.data, left.len) == 0;
	pfree(left.data);
	pfree(right.data);
	return same;
}

/*
 * The first attribute that a delivery has otherwise than what is stored under
 * its id; NULL where none is.  A delivery that knows its receipt already had no
 * date of its own; its status may be the stored one or the one delivered first.
 */
const UmAttribute *
um_first_difference(const UmRecord *delivered, const UmRecord *stored)
{
	const UmModel *model = delivered->model;
	StringInfoData left;
	StringInfoData right;
	bool		same = true;

	initStringInfo(&left);
	initStringInfo(&right);
	for (int s = 0; s < model->slots; s++)
	{
		if ((model->slot[s]->flags & UM_NOT_CONTENT) ||
			(s == model->date_slot && um_is_set(delivered, model->receipt_slot)))
			continue;
		resetStringInfo(&left);
		um_canonical_slot(&left, delivered, model->slot[s], false);
		for (int as_delivered = 0; as_delivered <= (s == model->status_slot); as_delivered++)
		{
			resetStringInfo(&right);
			um_canonical_slot(&right, stored, model->slot[s], as_delivered);
			same = left.len == right.len && memcmp(left.data, right.data, left.len) == 0;
			if (same)
				break;
		}
		if (!same)
			return model->slot[s];
	}
	return NULL;
}

/* The slot of the date where it only says when the record came in, or -1. */
static int
date_of_receipt(const UmRecord *usage)
{
	int			date = usage->model->date_slot;
	int			receipt = usage->model->receipt_slot;

	return um_is_set(usage, date) && um_is_set(usage, receipt) &&
		usage->value[date] == usage->value[receipt] ? date : -1;
}
