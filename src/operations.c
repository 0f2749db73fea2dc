/*
 * operations.c
 *	  post, get, put, patch, delete and cancel of one resource.
 *
 * They hold no rule of their own: JSON is read, a row is written, and its
 * triggers check it.  Only where the JSON itself is at fault do they check what
 * there is of the record, so that the caller sees all its faults at once.
 *
 * All need the caller's own rights on the tables.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "caller.h"
#include "compat.h"
#include "delivery.h"
#include "errors.h"
#include "operations.h"
#include "order.h"
#include "replace.h"
#include "rules.h"
#include "setting_table.h"
#include "tmf_read.h"
#include "vouch.h"

static void
read_body(UmRequest *request)
{
	const UmModel *model = request->resource->model;

	if (request->body.ptr == NULL)
		ereport(ERROR,
				(errcode(UM_NOT_JSON), errmsg("%s: the body is null", model->label)));
	request->record = um_read_document(request->body.ptr, request->body.len, model, &request->faults);
}

/*
 * What is sound need not be read and checked by the triggers once more.  They
 * raise what is not, and ask for what is not checked here.
 */
static void
vouch_for(const UmRequest *request, UmVouched *key)
{
	UmRecord   *record = request->record;
	UmFaults	faults = {request->version, NIL, 0};
	static UmVouched *row;

	if (request->resource->date == NULL)
		return;
	um_settings_look();
	if (um_setting(UM_CHECK_SPECIFICATION) != UM_CHECK_OFF)
		return;
	um_check(record, NULL, &faults);
	if (faults.list != NIL)
		return;
	row = key;
	row->id = um_id(record);
	row->date = DatumGetTimestampTz(record->value[record->model->date_slot]);
	row->content_hash = um_content_hash(record);
	um_vouch(request->resource, &row, 1, UM_CHECK_OFF);
}

static void
post(void *arg)
{
	UmRequest  *request = arg;
	UmVouched	key;
	bool		repeated = false;

	SPI_connect();
	vouch_for(request, &key);
	request->record = request->named ? um_store_new(request->record, &repeated)
		: um_store_insert(request->record);
	request->created = request->record != NULL && !repeated;
	um_vouch_no_more();
	SPI_finish();
}

/* Creates a resource, or finds it a repeat.  23505 where its id has other content. */
void
um_post_one(UmRequest *request)
{
	int			id = request->resource->model->id->slot;
	UmRecord   *record;

	read_body(request);
	record = request->record;
	request->named = um_is_set(record, id);
	if (record->state[id] == UM_ABSENT)
		um_record_set(record, id, um_new_id());
	(void) um_fill(record, request->version, GetCurrentTransactionStartTimestamp());
	if (request->resource->orders)
		um_order_speak(record, request->version);
	um_complete(record, NULL);
	if (request->faults.list != NIL)
		um_refuse_faulty(record, NULL, &request->faults);
	um_as_caller(request->version, false, post, request);
}

/* The stored resource; none is no error. */
void
um_get_one(UmRequest *request)
{
	UmKey		key;

	request->record = NULL;
	if (request->id == NULL)
		return;
	SPI_connect();
	key = um_store_key(request->resource, PointerGetDatum(request->id), true);
	request->record = um_store_get(request->resource, PointerGetDatum(request->id), &key, true);
	SPI_finish();
}

/* P0002 for an id that no resource has. */
void
um_refuse_missing(const UmRequest *request)
{
	ereport(ERROR,
			(errcode(UM_NOT_FOUND),
			 errmsg("%s \"%s\" does not exist", request->resource->model->label,
					request->id == NULL ? "" : text_to_cstring(request->id))));
}

static void
change(void *arg)
{
	UmRequest  *request = arg;
	UmRecord   *record = request->record;
	UmRecord   *old;

	SPI_connect();
	old = request->id == NULL ? NULL : um_store_lock(request->resource, PointerGetDatum(request->id));
	if (old == NULL)
		um_refuse_missing(request);
	if (request->condition != NULL)
		request->condition(request->condition_arg, old);
	if (request->patch != NULL)
		record = um_patch_apply(request->patch, old, &request->faults);
	else
		um_replace(record, old, request->version, &request->faults);
	request->record = um_store_update(record, old);
	SPI_finish();
}

/* Complete update.  P0002 where there is no such resource. */
void
um_put_one(UmRequest *request)
{
	read_body(request);
	um_as_caller(request->version, false, change, request);
}

/* Takes the body for a patch, of one or of many. */
void
um_read_patch(UmRequest *request)
{
	request->patch = um_patch_parse(request->body, request->content_type, request->resource->model,
									request->version);
}

/* Partial update.  P0002 where there is no such resource. */
void
um_patch_one(UmRequest *request)
{
	um_read_patch(request);
	um_as_caller(request->version, false, change, request);
}

static void
delete(void *arg)
{
	UmRequest  *request = arg;
	UmRecord   *old;

	SPI_connect();
	if (request->condition != NULL &&
		(old = um_store_lock(request->resource, PointerGetDatum(request->id))) != NULL)
		request->condition(request->condition_arg, old);
	if (request->resource->orders)
		(void) um_store_cancel(request->resource, PointerGetDatum(request->id));
	request->count = um_store_delete(request->resource, PointerGetDatum(request->id));
	SPI_finish();
}

/* Counts 1 where there was such a resource.  An order ends before, whoever is at it. */
void
um_delete_one(UmRequest *request)
{
	request->count = 0;
	if (request->id != NULL)
		um_as_caller(UM_NOBODY, request->closed || request->resource->orders, delete, request);
}

static void
cancel(void *arg)
{
	UmRequest  *request = arg;

	SPI_connect();
	request->count = um_store_cancel(request->resource, PointerGetDatum(request->id));
	SPI_finish();
}

/* Counts 1 where there was such an order, which had not ended. */
void
um_cancel_one(UmRequest *request)
{
	request->count = 0;
	if (request->id != NULL)
		um_as_caller(UM_NOBODY, false, cancel, request);
}
