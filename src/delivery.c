/*
 * delivery.c
 *	  A record that comes in: new, delivered before, or in the place of another.
 *
 * The same record delivered twice is stored once; an id means one content.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "caller.h"
#include "content.h"
#include "delivery.h"
#include "errors.h"

static UmRecord *store_or_race(UmRecord *record, bool *repeated);
static UmRecord *known_record(UmRecord *record, bool *taken);
static UmRecord *dated_as(const UmRecord *delivered, const UmRecord *stored);
static const UmAttribute *difference(const UmRecord *record);

/*
 * Stores a record that names its id.  Delivered before, it is found; the id
 * taken by other content is 23505.  Within SPI_connect.
 */
UmRecord *
um_store_new(UmRecord *record, bool *repeated)
{
	bool		taken;
	UmRecord   *known = known_record(record, &taken);

	*repeated = known != NULL;
	if (known != NULL)
		return known;
	if (taken)
		um_refuse_taken(record);
	return store_or_race(record, repeated);
}

static void
insert(void *arg)
{
	UmRecord  **record = arg;

	*record = um_store_insert(*record);
}

/* Another session may store the same id between our look and our insert. */
static UmRecord *
store_or_race(UmRecord *record, bool *repeated)
{
	UmRecord   *stored = record;
	ErrorData  *error = um_try(um_speaking(), insert, &stored);
	bool		taken;

	if (error == NULL)
		return stored;
	if (error->sqlerrcode != UM_ID_TAKEN)
		ReThrowError(error);
	stored = known_record(record, &taken);
	if (stored == NULL && taken)
		um_refuse_taken(record);
	/* a snapshot too old to see what was faster */
	if (stored == NULL)
		ReThrowError(error);
	*repeated = true;
	return stored;
}

/*
 * What is stored of a record delivered before.  NULL where the id is free, and
 * with *taken where it belongs to other content.
 */
static UmRecord *
known_record(UmRecord *record, bool *taken)
{
	UmResource *resource = record->model->resource;
	UmKey		key = um_store_key(resource, um_id(record), false);
	UmRecord   *stored = resource->date != NULL && !key.found ? NULL
		: um_store_get(resource, um_id(record), &key, false);

	*taken = key.found || stored != NULL;
	return stored != NULL && um_is_repeat(record, stored, &key) ? stored : NULL;
}

/*
 * A delivery is a repeat when it equals the record as it was delivered first,
 * of which a ledger has the hash, or as it is now.  One without a date is taken
 * to be of the stored date.
 */
bool
um_is_repeat(UmRecord *delivered, UmRecord *stored, const UmKey *key)
{
	UmRecord   *dated;

	if (delivered->model->date_slot < 0)
		return um_same_content(delivered, stored, UM_NOT_CONTENT, false);
	if (um_same_hash(um_content_hash(delivered), key->content_hash))
		return true;
	dated = dated_as(delivered, stored);
	return um_same_hash(um_content_hash(dated), key->content_hash) ||
		um_same_content(dated, stored, UM_NOT_CONTENT, false);
}

/* The delivery; with the stored date where its own only says when it came in. */
static UmRecord *
dated_as(const UmRecord *delivered, const UmRecord *stored)
{
	const UmModel *model = delivered->model;
	UmRecord   *dated = um_record_new(model);

	memcpy(dated->value, delivered->value, sizeof(Datum) * model->slots);
	memcpy(dated->state, delivered->state, model->slots);
	if (um_is_set(delivered, model->receipt_slot))
	{
		um_record_set(dated, model->date_slot, stored->value[model->date_slot]);
		um_record_clear(dated, model->receipt_slot);
	}
	return dated;
}

/*
 * 23505: the id belongs to other content.  Says where that begins to differ, if
 * the caller may see it.  Within SPI_connect.
 */
void
um_refuse_taken(const UmRecord *record)
{
	const UmModel *model = record->model;
	UmFaults	faults = {.version = um_fault_version(model->resource)};
	char	   *id = TextDatumGetCString(um_id(record));

	if (um_fault_taken(record, &faults))
		ereport(ERROR,
				(errcode(UM_ID_TAKEN),
				 errmsg("%s \"%s\" exists with other content: %s differs", model->label, id,
						((UmFault *) linitial(faults.list))->path),
				 errdetail("%s", um_faults_json(&faults, false))));
	ereport(ERROR,
			(errcode(UM_ID_TAKEN), errmsg("%s \"%s\" exists with other content", model->label, id)));
}

/* The same as a fault; whether it says where.  Within SPI_connect. */
bool
um_fault_taken(const UmRecord *record, UmFaults *faults)
{
	const UmAttribute *other = difference(record);
	UmPath		object = {NULL, other != NULL ? other->parent : NULL, 0};
	UmPath		path = {object.attribute != NULL ? &object : NULL, other, 0};

	if (other != NULL)
		um_fault(faults, &path, UM_ID_TAKEN, "differs from what is stored under that id");
	else
		um_fault(faults, NULL, UM_ID_TAKEN, "%s \"%s\" exists with other content",
				 record->model->label, TextDatumGetCString(um_id(record)));
	return other != NULL;
}

/* Where a record begins to differ from what is stored under its id; NULL where that cannot be seen. */
static const UmAttribute *
difference(const UmRecord *record)
{
	UmResource *resource = record->model->resource;
	UmRecord   *stored;
	UmKey		key;

	if (pg_class_aclcheck(um_table(record->model->noun, false), GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		return NULL;
	key = um_store_key(resource, um_id(record), false);
	stored = um_store_get(resource, um_id(record), &key, false);
	return stored != NULL ? um_first_difference(record, stored) : NULL;
}

/* A version 7 UUID: ordered by time, so that the keys' index grows at its end. */
Datum
um_new_id(void)
{
	UmHash		uuid;
	int64		milliseconds = (GetCurrentTimestamp() / 1000) +
		(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * INT64CONST(86400000);

	if (!pg_strong_random(&uuid, sizeof(uuid)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
	for (int i = 0; i < 6; i++)
		uuid.data[i] = (unsigned char) (milliseconds >> (8 * (5 - i)));
	return um_uuid_text(uuid, 7);
}
