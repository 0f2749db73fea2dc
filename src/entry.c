/*
 * entry.c
 *	  The operations as SQL functions, one for each verb of every resource.
 *
 * A function finds its resource by the name it is called by, so the same C
 * stands behind the posts of all of them.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "compat.h"
#include "content.h"
#include "errors.h"
#include "event.h"
#include "operations.h"
#include "row.h"
#include "rules.h"
#include "settings.h"
#include "scalar.h"
#include "sums.h"
#include "tmf_read.h"
#include "undo.h"

/* What a function over rows keeps between two of them. */
typedef struct RowShape
{
	Oid			type;
	int32		typmod;
	UmResource *resource;
	TupleDesc	desc;
	UmShape    *shape;
} RowShape;

static Datum answer(FunctionCallInfo fcinfo, const UmRequest *request, const UmFields *fields);
static UmRequest request_of(FunctionCallInfo fcinfo, const char *before, const char *after,
							bool plural, int version);
static UmRequest request_of_one(FunctionCallInfo fcinfo, const char *verb, int version);
static UmRequest request_of_many(FunctionCallInfo fcinfo, const char *before, const char *after,
								 int version);
static char *text_arg(FunctionCallInfo fcinfo, int n);
static UmSlice json_arg(FunctionCallInfo fcinfo, int n);
static void end_listing(Datum listing);
static void put_refused(void *arg, const char *id, int sqlstate, const char *detail);
static UmRecord *record_arg(FunctionCallInfo fcinfo, RowShape **shape, bool any_like);
static RowShape *row_shape(FunctionCallInfo fcinfo, HeapTupleHeader header, bool any_like);
static UmResource *resource_like(TupleDesc desc);
static UmEvent event_arg(FunctionCallInfo fcinfo, UmResource *resource, const UmRecord *record);
static List *columns_arg(FunctionCallInfo fcinfo, int n, const UmModel *model);
pg_noreturn static void refuse_row_type(FunctionCallInfo fcinfo);

PG_FUNCTION_INFO_V1(um_post);
PG_FUNCTION_INFO_V1(um_get);
PG_FUNCTION_INFO_V1(um_put);
PG_FUNCTION_INFO_V1(um_patch);
PG_FUNCTION_INFO_V1(um_delete);
PG_FUNCTION_INFO_V1(um_cancel);
PG_FUNCTION_INFO_V1(um_list);
PG_FUNCTION_INFO_V1(um_count);
PG_FUNCTION_INFO_V1(um_summarize);
PG_FUNCTION_INFO_V1(um_explain);
PG_FUNCTION_INFO_V1(um_patch_list);
PG_FUNCTION_INFO_V1(um_patch_list_each);
PG_FUNCTION_INFO_V1(um_delete_list);
PG_FUNCTION_INFO_V1(um_to_tmf);
PG_FUNCTION_INFO_V1(um_attribute_json);
PG_FUNCTION_INFO_V1(um_event_of);
PG_FUNCTION_INFO_V1(um_content_hash_of);
PG_FUNCTION_INFO_V1(um_as_stored);
PG_FUNCTION_INFO_V1(um_hash_version);
PG_FUNCTION_INFO_V1(um_error_status);
PG_FUNCTION_INFO_V1(um_check_entity);

/* post_…(body json, version text) → json: creates, or finds it a repeat. */
Datum
um_post(PG_FUNCTION_ARGS)
{
	UmRequest	request = request_of(fcinfo, "post_", "", false, 1);

	request.body = json_arg(fcinfo, 0);
	um_post_one(&request);
	return answer(fcinfo, &request, NULL);
}

/* get_…(id text, fields text, version text) → json, NULL for no such id */
Datum
um_get(PG_FUNCTION_ARGS)
{
	UmRequest	request = request_of_one(fcinfo, "get_", 2);
	UmFields   *fields = um_fields(text_arg(fcinfo, 1), request.resource->model, request.version);

	um_get_one(&request);
	return answer(fcinfo, &request, fields);
}

/* put_…(id text, body json, version text) → json: complete update. */
Datum
um_put(PG_FUNCTION_ARGS)
{
	UmRequest	request = request_of_one(fcinfo, "put_", 2);

	request.body = json_arg(fcinfo, 1);
	um_put_one(&request);
	return answer(fcinfo, &request, NULL);
}

/* patch_…(id text, patch json, content_type text, version text) → json */
Datum
um_patch(PG_FUNCTION_ARGS)
{
	UmRequest	request = request_of_one(fcinfo, "patch_", 3);

	request.body = json_arg(fcinfo, 1);
	request.content_type = text_arg(fcinfo, 2);
	um_patch_one(&request);
	return answer(fcinfo, &request, NULL);
}

/* The resource as it is now; NULL for none, or where a trigger of the user's said no. */
static Datum
answer(FunctionCallInfo fcinfo, const UmRequest *request, const UmFields *fields)
{
	if (request->record == NULL)
		PG_RETURN_NULL();
	return um_json_of(request->record, request->version, fields);
}

/* delete_…(id text [, billed boolean]) → boolean: whether there was one. */
Datum
um_delete(PG_FUNCTION_ARGS)
{
	UmRequest	request = request_of_one(fcinfo, "delete_", -1);

	request.closed = PG_NARGS() > 1 && !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	um_delete_one(&request);
	PG_RETURN_BOOL(request.count > 0);
}

/* cancel_…(id text) → boolean: whether there was an order that had not ended. */
Datum
um_cancel(PG_FUNCTION_ARGS)
{
	UmRequest	request = request_of_one(fcinfo, "cancel_", -1);

	um_cancel_one(&request);
	PG_RETURN_BOOL(request.count > 0);
}

/* get_…s(query text, version text) → setof json */
Datum
um_list(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	FuncCallContext *context;
	Datum		json;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext old;
		UmRequest	request;

		context = SRF_FIRSTCALL_INIT();
		old = MemoryContextSwitchTo(context->multi_call_memory_ctx);
		request = request_of_many(fcinfo, "get_", "", 1);
		context->user_fctx = um_list_open(&request);
		/* a LIMIT outside leaves the list unfinished */
		RegisterExprContextCallback(result->econtext, end_listing, PointerGetDatum(context->user_fctx));
		MemoryContextSwitchTo(old);
	}
	context = SRF_PERCALL_SETUP();
	if (um_list_next(context->user_fctx, &json))
		SRF_RETURN_NEXT(context, json);
	/* the listing goes with the function's memory */
	UnregisterExprContextCallback(result->econtext, end_listing, PointerGetDatum(context->user_fctx));
	SRF_RETURN_DONE(context);
}

static void
end_listing(Datum listing)
{
	um_list_close((UmListing *) DatumGetPointer(listing));
}

/* count_…s(query text, version text) → bigint, ignoring limit and offset */
Datum
um_count(PG_FUNCTION_ARGS)
{
	UmRequest	request = request_of_many(fcinfo, "count_", "", 1);

	um_count_many(&request);
	PG_RETURN_INT64(request.count);
}

/* summarize_…s(query text, version text) → record: how many, the first and the last date, amounts */
Datum
um_summarize(PG_FUNCTION_ARGS)
{
	UmRequest	request = request_of_many(fcinfo, "summarize_", "", 1);
	UmSums		sums;
	TupleDesc	desc;
	bool		nulls[4] = {false};
	Datum		values[4];

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "the function returns no row");
	um_sum_up(&request, &sums);
	values[0] = Int64GetDatum(sums.records);
	values[1] = TimestampTzGetDatum(sums.first_date);
	values[2] = TimestampTzGetDatum(sums.last_date);
	values[3] = sums.amounts;
	nulls[1] = nulls[2] = !sums.dated;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* explain_…s(query text, version text) → setof text: the plan */
Datum
um_explain(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	UmRequest	request = request_of_many(fcinfo, "explain_", "", 1);
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	foreach(cell, um_explain_many(&request))
	{
		Datum		line = CStringGetTextDatum(lfirst(cell));
		bool		null = false;

		tuplestore_putvalues(result->setResult, result->setDesc, &line, &null);
	}
	return (Datum) 0;
}

/* patch_…s(query text, patch json, content_type text, version text) → bigint */
Datum
um_patch_list(PG_FUNCTION_ARGS)
{
	UmRequest	request = request_of_many(fcinfo, "patch_", "", 3);

	request.body = json_arg(fcinfo, 1);
	request.content_type = text_arg(fcinfo, 2);
	um_patch_many(&request);
	PG_RETURN_INT64(request.count);
}

/* patch_…s_each(the same) → table(id, code, errors) of what was refused */
Datum
um_patch_list_each(PG_FUNCTION_ARGS)
{
	UmRequest	request = request_of_many(fcinfo, "patch_", "_each", 3);

	InitMaterializedSRF(fcinfo, 0);
	request.body = json_arg(fcinfo, 1);
	request.content_type = text_arg(fcinfo, 2);
	request.refused = put_refused;
	request.refused_arg = fcinfo->resultinfo;
	um_patch_each(&request);
	return (Datum) 0;
}

static void
put_refused(void *arg, const char *id, int sqlstate, const char *detail)
{
	ReturnSetInfo *result = arg;
	bool		nulls[3] = {false, false, false};
	Datum		values[3] = {CStringGetTextDatum(id), CStringGetTextDatum(unpack_sql_state(sqlstate)),
	CStringGetTextDatum(detail)};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* delete_…s(query text [, billed boolean]) → bigint: how many */
Datum
um_delete_list(PG_FUNCTION_ARGS)
{
	UmRequest	request = request_of_many(fcinfo, "delete_", "", -1);

	request.closed = PG_NARGS() > 1 && !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	um_delete_many(&request);
	PG_RETURN_INT64(request.count);
}

/* The resource is told by the function's name; version is the argument that names one, or -1. */
static UmRequest
request_of(FunctionCallInfo fcinfo, const char *before, const char *after, bool plural, int version)
{
	UmRequest	request = {.resource = um_resource_of(fcinfo, before, after, plural)};

	request.version = um_version_of(request.resource, version < 0 ? NULL : text_arg(fcinfo, version));
	request.faults.version = request.version;
	return request;
}

/* Its first argument is an id. */
static UmRequest
request_of_one(FunctionCallInfo fcinfo, const char *verb, int version)
{
	UmRequest	request = request_of(fcinfo, verb, "", false, version);

	request.id = PG_ARGISNULL(0) ? NULL : PG_GETARG_TEXT_PP(0);
	return request;
}

/* Or a query string. */
static UmRequest
request_of_many(FunctionCallInfo fcinfo, const char *before, const char *after, int version)
{
	UmRequest	request = request_of(fcinfo, before, after, true, version);

	request.query = text_arg(fcinfo, 0);
	return request;
}

static char *
text_arg(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

/*
 * The text of an argument that is declared as text, json or jsonb: each verb
 * has all three, so that a literal, a driver's parameter and what jsonb's
 * functions make are taken alike.  Without a text for NULL.
 */
static UmSlice
json_arg(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? (UmSlice) {NULL, 0}
		: um_takes_jsonb(fcinfo, n) ? um_jsonb_text(PG_GETARG_DATUM(n))
		: um_text_slice(PG_GETARG_DATUM(n));
}

/* to_tmf(row anyelement, version text) → json: a row of any of the tables. */
Datum
um_to_tmf(PG_FUNCTION_ARGS)
{
	RowShape   *shape;
	UmRecord   *record;

	if (fcinfo->flinfo->fn_extra == NULL && !type_is_rowtype(get_fn_expr_argtype(fcinfo->flinfo, 0)))
		refuse_row_type(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	record = record_arg(fcinfo, &shape, false);
	return um_json_of(record, um_version_of(shape->resource, text_arg(fcinfo, 1)), NULL);
}

/*
 * attribute_json(row anyelement, name text, version text) → json: one attribute of
 * a row as to_tmf() writes it, NULL where it does not.
 */
Datum
um_attribute_json(PG_FUNCTION_ARGS)
{
	char	   *name = text_arg(fcinfo, 1);
	RowShape   *shape;
	UmRecord   *record;
	UmAttribute *attribute;
	text	   *json;

	if (fcinfo->flinfo->fn_extra == NULL && !type_is_rowtype(get_fn_expr_argtype(fcinfo->flinfo, 0)))
		refuse_row_type(fcinfo);
	if (PG_ARGISNULL(0) || name == NULL)
		PG_RETURN_NULL();
	record = record_arg(fcinfo, &shape, false);
	attribute = um_find_name(&record->model->names, (UmSlice) {name, strlen(name)}, NULL);
	if (attribute == NULL)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("attribute \"%s\" of %s is not known", name, record->model->label)));
	json = um_json_of_attribute(record, attribute, um_version_of(shape->resource, text_arg(fcinfo, 2)));
	if (json == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(json);
}

/*
 * content_hash(row record) → uuid: the hash that a ledger keeps of a row as it
 * is now.
 */
Datum
um_content_hash_of(PG_FUNCTION_ARGS)
{
	RowShape   *shape;
	UmHash	   *hash = palloc(sizeof(UmHash));

	*hash = um_content_hash(record_arg(fcinfo, &shape, true));
	PG_RETURN_UUID_P(hash);
}

/*
 * event_of(row anyelement, kind text, old_status text, changed text[], query
 * text, version text) → setof json: the events that a listener of that query
 * would be sent, were the row in an outbox.
 */
Datum
um_event_of(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *query = text_arg(fcinfo, 4);
	UmEventType types[UM_EVENT_TYPES];
	UmListenQuery *listen;
	UmVersion	version;
	RowShape   *shape;
	UmEvent		event;
	int			count;

	if (fcinfo->flinfo->fn_extra == NULL && !type_is_rowtype(get_fn_expr_argtype(fcinfo->flinfo, 0)))
		refuse_row_type(fcinfo);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	event.record = record_arg(fcinfo, &shape, false);
	event = event_arg(fcinfo, shape->resource, event.record);
	version = um_version_of(shape->resource, text_arg(fcinfo, 5));
	listen = um_listen_query(shape->resource, query != NULL ? query : "", version);
	if (!um_listen_meets(listen, shape->resource->model, version, shape->type, PG_GETARG_DATUM(0)))
		return (Datum) 0;
	count = um_event_types(&event, listen, version, types);
	for (int i = 0; i < count; i++)
	{
		Datum		json = um_event_json(&event, types[i], listen, version);
		bool		null = false;

		tuplestore_putvalues(result->setResult, result->setDesc, &json, &null);
	}
	return (Datum) 0;
}

/* What is said of the row: it was created, updated or deleted, when it was changed last. */
static UmEvent
event_arg(FunctionCallInfo fcinfo, UmResource *resource, const UmRecord *record)
{
	static const char *const kinds[] = {"create", "update", "delete", NULL};
	UmEvent		event = {.resource = resource, .record = record, .old_status = -1};
	char	   *kind = text_arg(fcinfo, 1);
	char	   *status = text_arg(fcinfo, 2);

	if (kind == NULL || um_find_word(kinds, (UmSlice) {kind, strlen(kind)}) < 0)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("\"%s\" is no change of a row", kind != NULL ? kind : "null"),
				 errhint("The changes are %s.", um_words(kinds, "\""))));
	event.kind = kind[0];
	if (status != NULL)
		event.old_status = um_status_from_text(resource->life, (UmSlice) {status, strlen(status)});
	if (status != NULL && event.old_status < 0)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("\"%s\" is no status of %s", status, um_a(resource->model)),
				 errhint("The statuses are %s.", um_status_list(resource->life, ~0))));
	event.changed = columns_arg(fcinfo, 3, resource->model);
	event.at = um_is_set(record, record->model->change_slot)
		? DatumGetTimestampTz(record->value[record->model->change_slot])
		: GetCurrentStatementStartTimestamp();
	return event;
}

/* An array of columns that a model has, as a list of char *. */
static List *
columns_arg(FunctionCallInfo fcinfo, int n, const UmModel *model)
{
	List	   *columns = NIL;
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	if (PG_ARGISNULL(n))
		return NIL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(n), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls,
					  &count);
	for (int i = 0; i < count; i++)
	{
		char	   *column = nulls[i] ? "null" : TextDatumGetCString(elements[i]);

		if (um_find_attribute(model, column) == NULL)
			ereport(ERROR,
					(errcode(UM_PARAMETER),
					 errmsg("%s has no column \"%s\"", um_a(model), column)));
		columns = lappend(columns, column);
	}
	return columns;
}

/* The record of the row that the first argument is. */
static UmRecord *
record_arg(FunctionCallInfo fcinfo, RowShape **shape, bool any_like)
{
	HeapTupleHeader header = PG_GETARG_HEAPTUPLEHEADER(0);
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header), .t_data = header};

	*shape = row_shape(fcinfo, header, any_like);
	return um_record_from_tuple((*shape)->shape, (*shape)->desc, &tuple);
}

static RowShape *
row_shape(FunctionCallInfo fcinfo, HeapTupleHeader header, bool any_like)
{
	RowShape   *kept = fcinfo->flinfo->fn_extra;
	Oid			type = HeapTupleHeaderGetTypeId(header);
	int32		typmod = HeapTupleHeaderGetTypMod(header);
	UmResource *resource;
	TupleDesc	desc;
	MemoryContext old;

	if (kept != NULL && kept->type == type && kept->typmod == typmod)
		return kept;
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	desc = lookup_rowtype_tupdesc_copy(type, typmod);
	resource = um_resource_of_table(get_typ_typrelid(type));
	if (resource == NULL && any_like)
		resource = resource_like(desc);
	if (resource == NULL)
		refuse_row_type(fcinfo);
	kept = palloc(sizeof(RowShape));
	kept->type = type;
	kept->typmod = typmod;
	kept->resource = resource;
	kept->desc = desc;
	kept->shape = um_shape(resource->model, kept->desc, resource->model->noun);
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = kept;
	return kept;
}

/* The one with a ledger that a row could be of, as that of a month no longer attached. */
static UmResource *
resource_like(TupleDesc desc)
{
	for (UmResource *r = um_resources; r != NULL; r = r->next)
		if (r->date != NULL && um_fits(r->model, desc))
			return r;
	return NULL;
}

static void
refuse_row_type(FunctionCallInfo fcinfo)
{
	char	   *name = get_func_name(fcinfo->flinfo->fn_oid);

	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("%s takes a row of a table of %s", name, UM_SCHEMA),
			 errhint("Pass the alias of the table itself: u in FROM %s.%s u.", UM_SCHEMA,
					 um_resources->model->noun)));
}

/* is_as_stored(row record) → boolean: whether a row is as it came, for undo_load() alone. */
Datum
um_as_stored(PG_FUNCTION_ARGS)
{
	RowShape   *shape;

	PG_RETURN_BOOL(um_is_as_stored(record_arg(fcinfo, &shape, false)));
}

/* hash_version() → smallint: the algorithm that content_hash follows. */
Datum
um_hash_version(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	PG_RETURN_INT16(UM_HASH_VERSION);
}

/* error_status(code text) → integer: the HTTP status that an SQLSTATE becomes. */
Datum
um_error_status(PG_FUNCTION_ARGS)
{
	char	   *code = text_to_cstring(PG_GETARG_TEXT_PP(0));

	if (strlen(code) != 5 || strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 5)
		ereport(ERROR,
				(errcode(UM_PARAMETER), errmsg("\"%s\" is no SQLSTATE", code)));
	PG_RETURN_INT32(um_http_status(MAKE_SQLSTATE(code[0], code[1], code[2], code[3], code[4])));
}

/*
 * check_entity(name text, body json) → json: what is wrong with an entity that
 * is not stored by itself.  Nothing is raised for what the body says, not even
 * for one that is no JSON.
 */
Datum
um_check_entity(PG_FUNCTION_ARGS)
{
	const UmModel *entity = um_entity(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	UmSlice		body = json_arg(fcinfo, 1);
	UmFaults	faults = {um_tmf_version, NIL, 0};
	UmRecord   *record = um_read_document(body.ptr, body.len, entity, &faults);

	/* of what is no JSON object there is nothing more to say */
	if (list_length(faults.list) != 1 || ((UmFault *) linitial(faults.list))->path[0] != '\0')
		um_check_members(record, &faults);
	PG_RETURN_TEXT_P(cstring_to_text(faults.list != NIL ? um_faults_json(&faults, false) : "[]"));
}
