/*
 * collections.c
 *	  Operations on the resources that a query string names.
 *
 * get_… gives one resource at a time from a cursor, so that a list of any
 * length starts at once and takes no memory.  A collection is changed in one
 * statement, all or nothing: where a merge patch only sets columns, by a plain
 * UPDATE; else the changed rows are made first, in a tuplestore, and set by
 * one UPDATE that joins it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/resowner.h"

#include "compat.h"
#include "cursor.h"
#include "errors.h"
#include "operations.h"
#include "patch.h"
#include "query.h"
#include "rows.h"
#include "rules.h"
#include "settings.h"
#include "store.h"
#include "triggers.h"

#define FETCH 100				/* rows from a cursor at a time */

/* What get_… keeps between two rows. */
typedef struct Listing
{
	UmCursor   *cursor;
	UmShape    *shape;
	UmVersion	version;
	UmFields   *fields;
	MemoryContext rows;			/* of the JSON below */
	Datum		json[FETCH];
	int			count;
	int			next;
} Listing;

/* One row of a collection at a time. */
typedef struct Walk
{
	Portal		portal;
	UmShape    *shape;
	MemoryContext row;			/* of the record handed out */
	SPITupleTable *fetched;
	uint64		count;			/* of the rows fetched */
	uint64		next;
} Walk;

static Datum list_resources(FunctionCallInfo fcinfo, const UmModel *model);
static Listing *start_listing(FunctionCallInfo fcinfo, FuncCallContext *context,
							  const UmModel *model);
static bool fetch_rows(Listing *listing);
static void list_row(TupleTableSlot *slot, void *arg);
static void end_listing(Datum arg);
static Datum count_resources(FunctionCallInfo fcinfo, const UmModel *model);
static Datum explain_resources(FunctionCallInfo fcinfo, const UmModel *model);
static Datum delete_resources(FunctionCallInfo fcinfo, const UmModel *model, bool billed);
static Datum patch_resource(FunctionCallInfo fcinfo, const UmModel *model);
static Datum patch_resources(FunctionCallInfo fcinfo, const UmModel *model);
static Datum patch_resources_each(FunctionCallInfo fcinfo, const UmModel *model);
static UmQueryString *query_arg(FunctionCallInfo fcinfo, int n);
static UmQueryString *whole_query_arg(FunctionCallInfo fcinfo, int n);
static UmPatch *patch_args(FunctionCallInfo fcinfo, int n, const UmModel *model, UmVersion version);
static void select_statement(UmStatement *statement, const UmModel *model, const char *what,
							 const UmQueryString *query, UmVersion version);
static uint64 execute(UmStatement *statement, bool read_only);
static uint64 update_constant(const UmModel *model, const UmQueryString *query, UmVersion version,
							  const UmConstant *constant);
static void merge_extra(UmStatement *statement, const UmConstant *constant, bool first);
static uint64 update_patched(const UmModel *model, const UmQueryString *query, UmVersion version,
							 UmPatch *patch);
static void patch_rows(UmRows *rows, const UmQueryString *query, UmVersion version, UmPatch *patch);
static bool next_row(Walk *walk, const UmModel *model, UmRecord **record);
static void name_resource(void *arg);
static void patch_each(const UmModel *model, List *ids, UmPatch *patch, ReturnSetInfo *result);

#define COLLECTION(verb, noun, function, model) \
PG_FUNCTION_INFO_V1(um_##verb##_##noun); \
Datum \
um_##verb##_##noun(PG_FUNCTION_ARGS) \
{ \
	return function(fcinfo, model); \
} \
extern int um_no_semicolon

/* get_usages(query text, version text) → setof json */
COLLECTION(get, usages, list_resources, &um_usage);
COLLECTION(get, usage_specifications, list_resources, &um_usage_specification);

/* count_usages(query text, version text) → bigint, ignoring limit and offset */
COLLECTION(count, usages, count_resources, &um_usage);
COLLECTION(count, usage_specifications, count_resources, &um_usage_specification);

/* explain_usages(query text, version text) → setof text: the plan */
COLLECTION(explain, usages, explain_resources, &um_usage);
COLLECTION(explain, usage_specifications, explain_resources, &um_usage_specification);

/* patch_usage(id text, patch json, content_type text, version text) → json */
COLLECTION(patch, usage, patch_resource, &um_usage);
COLLECTION(patch, usage_specification, patch_resource, &um_usage_specification);

/* patch_usages(query text, patch json, content_type text, version text) → bigint */
COLLECTION(patch, usages, patch_resources, &um_usage);
COLLECTION(patch, usage_specifications, patch_resources, &um_usage_specification);

/* patch_usages_each(the same) → table(id, code, errors) of what was refused */
COLLECTION(patch_each, usages, patch_resources_each, &um_usage);
COLLECTION(patch_each, usage_specifications, patch_resources_each, &um_usage_specification);

PG_FUNCTION_INFO_V1(um_delete_usages);
PG_FUNCTION_INFO_V1(um_delete_usage_specifications);

/* delete_usages(query text, billed boolean) → bigint: how many */
Datum
um_delete_usages(PG_FUNCTION_ARGS)
{
	return delete_resources(fcinfo, &um_usage, !PG_ARGISNULL(1) && PG_GETARG_BOOL(1));
}

Datum
um_delete_usage_specifications(PG_FUNCTION_ARGS)
{
	return delete_resources(fcinfo, &um_usage_specification, false);
}

static Datum
list_resources(FunctionCallInfo fcinfo, const UmModel *model)
{
	FuncCallContext *context;
	Listing    *listing;

	if (SRF_IS_FIRSTCALL())
	{
		context = SRF_FIRSTCALL_INIT();
		context->user_fctx = start_listing(fcinfo, context, model);
	}
	context = SRF_PERCALL_SETUP();
	listing = context->user_fctx;
	if (listing->next < listing->count || fetch_rows(listing))
		SRF_RETURN_NEXT(context, listing->json[listing->next++]);
	/* the listing goes with the function's memory */
	UnregisterExprContextCallback(((ReturnSetInfo *) fcinfo->resultinfo)->econtext, end_listing,
								  PointerGetDatum(listing));
	SRF_RETURN_DONE(context);
}

static Listing *
start_listing(FunctionCallInfo fcinfo, FuncCallContext *context, const UmModel *model)
{
	MemoryContext old = MemoryContextSwitchTo(context->multi_call_memory_ctx);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Listing    *listing = palloc0(sizeof(Listing));
	UmQueryString *query = query_arg(fcinfo, 0);
	UmStatement statement;

	listing->version = um_version_arg(fcinfo, 1);
	listing->fields = um_fields(query->fields, model, listing->version);
	listing->rows = AllocSetContextCreate(context->multi_call_memory_ctx, "listing",
										  ALLOCSET_DEFAULT_SIZES);
	SPI_connect();
	/* the cursor needs the statement as long as it is there */
	MemoryContextSwitchTo(context->multi_call_memory_ctx);
	select_statement(&statement, model, "u.*", query, listing->version);
	um_add_page(&statement, query, listing->version);
	SPI_finish();
	listing->cursor = um_cursor_open(statement.sql.data, statement.nargs, statement.types,
									 statement.args);
	listing->shape = um_shape(model, um_cursor_desc(listing->cursor), model->noun);
	/* a LIMIT outside leaves the cursor unfinished */
	RegisterExprContextCallback(result->econtext, end_listing, PointerGetDatum(listing));
	MemoryContextSwitchTo(old);
	return listing;
}

/* The next rows as JSON; false where there are none. */
static bool
fetch_rows(Listing *listing)
{
	MemoryContextReset(listing->rows);
	listing->count = listing->next = 0;
	if (um_cursor_fetch(listing->cursor, FETCH, list_row, listing) > 0)
		return true;
	um_cursor_close(listing->cursor);
	return false;
}

static void
list_row(TupleTableSlot *slot, void *arg)
{
	Listing    *listing = arg;
	MemoryContext old = MemoryContextSwitchTo(listing->rows);

	listing->json[listing->count++] =
		um_json_of(um_record_from_values(listing->shape, slot->tts_values, slot->tts_isnull),
				   listing->version, listing->fields);
	MemoryContextSwitchTo(old);
}

static void
end_listing(Datum arg)
{
	um_cursor_close(((Listing *) DatumGetPointer(arg))->cursor);
}

static Datum
count_resources(FunctionCallInfo fcinfo, const UmModel *model)
{
	UmVersion	version = um_version_arg(fcinfo, 1);
	UmQueryString *query = query_arg(fcinfo, 0);
	UmStatement statement;
	bool		null;
	int64		count;

	/* the whole is counted, whatever page of it is asked for */
	query->after = NULL;
	SPI_connect();
	select_statement(&statement, model, "pg_catalog.count(*)", query, version);
	(void) execute(&statement, true);
	count = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null));
	SPI_finish();
	PG_RETURN_INT64(count);
}

static Datum
explain_resources(FunctionCallInfo fcinfo, const UmModel *model)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	UmQueryString *query = query_arg(fcinfo, 0);
	UmVersion	version = um_version_arg(fcinfo, 1);
	UmStatement statement;
	UmStatement explained;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	SPI_connect();
	select_statement(&statement, model, "u.*", query, version);
	um_add_page(&statement, query, version);
	explained = statement;
	initStringInfo(&explained.sql);
	appendStringInfo(&explained.sql, "EXPLAIN (COSTS OFF) %s", statement.sql.data);
	/* EXPLAIN counts as no mere query */
	(void) execute(&explained, false);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		null;
		Datum		line = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &null);

		tuplestore_putvalues(result->setResult, result->setDesc, &line, &null);
	}
	SPI_finish();
	return (Datum) 0;
}

static Datum
delete_resources(FunctionCallInfo fcinfo, const UmModel *model, bool billed)
{
	bool		before = um_delete_billed;
	UmStatement statement;
	uint64		count = 0;

	um_delete_billed = billed;
	PG_TRY();
	{
		SPI_connect();
		um_statement_start(&statement, model);
		appendStringInfo(&statement.sql, "DELETE FROM usage_mgmt.%s u", model->noun);
		um_add_where(&statement, whole_query_arg(fcinfo, 0), um_tmf_version);
		count = execute(&statement, false);
		SPI_finish();
	}
	PG_FINALLY();
	{
		um_delete_billed = before;
	}
	PG_END_TRY();
	PG_RETURN_INT64(count);
}

/* One resource: P0002 where there is none. */
static Datum
patch_resource(FunctionCallInfo fcinfo, const UmModel *model)
{
	UmVersion	version = um_version_arg(fcinfo, 3);
	UmPatch    *patch = patch_args(fcinfo, 1, model, version);
	UmFaults	faults = {version, NIL, 0};
	int			speaking = um_speaking;
	UmRecord   *record = NULL;
	UmRecord   *old;

	um_speaking = version;
	PG_TRY();
	{
		SPI_connect();
		old = PG_ARGISNULL(0) ? NULL : um_store_lock(model, PG_GETARG_DATUM(0));
		if (old == NULL)
			ereport(ERROR,
					(errcode(UM_NOT_FOUND),
					 errmsg("%s \"%s\" does not exist", model->label,
							PG_ARGISNULL(0) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(0)))));
		record = um_store_update(um_patch_apply(patch, old, &faults), old);
		SPI_finish();
	}
	PG_FINALLY();
	{
		um_speaking = speaking;
	}
	PG_END_TRY();
	if (record == NULL)
		PG_RETURN_NULL();
	return um_json_of(record, version, NULL);
}

/* All that the query names, or none. */
static Datum
patch_resources(FunctionCallInfo fcinfo, const UmModel *model)
{
	UmQueryString *query = whole_query_arg(fcinfo, 0);
	UmVersion	version = um_version_arg(fcinfo, 3);
	UmPatch    *patch = patch_args(fcinfo, 1, model, version);
	const UmConstant *constant = um_patch_constant(patch);
	int			speaking = um_speaking;
	uint64		count = 0;

	um_speaking = version;
	PG_TRY();
	{
		SPI_connect();
		count = constant != NULL ? update_constant(model, query, version, constant)
			: update_patched(model, query, version, patch);
		SPI_finish();
	}
	PG_FINALLY();
	{
		um_speaking = speaking;
	}
	PG_END_TRY();
	PG_RETURN_INT64(count);
}

static UmQueryString *
query_arg(FunctionCallInfo fcinfo, int n)
{
	return um_parse_query(PG_ARGISNULL(n) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(n)));
}

/* A collection is changed whole: who asks for a page of it means something else. */
static UmQueryString *
whole_query_arg(FunctionCallInfo fcinfo, int n)
{
	UmQueryString *query = query_arg(fcinfo, n);

	if (PG_ARGISNULL(n))
		ereport(ERROR, (errcode(UM_PARAMETER), errmsg("the query is null")));
	if (query->limit >= 0 || query->offset > 0 || query->after != NULL)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("a collection is changed whole, without limit, offset and after")));
	if (query->conditions == NIL && !query->all)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("the query has no condition"),
				 errhint("That all are meant is said by \"all=true\".")));
	query->changes = true;
	return query;
}

static UmPatch *
patch_args(FunctionCallInfo fcinfo, int n, const UmModel *model, UmVersion version)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR, (errcode(UM_NOT_JSON), errmsg("the patch is null")));
	return um_patch_parse(um_json_arg(fcinfo, n),
						  PG_ARGISNULL(n + 1) ? NULL
						  : text_to_cstring(PG_GETARG_TEXT_PP(n + 1)), model, version);
}

static void
select_statement(UmStatement *statement, const UmModel *model, const char *what,
				 const UmQueryString *query, UmVersion version)
{
	um_statement_start(statement, model);
	appendStringInfo(&statement->sql, "SELECT %s FROM usage_mgmt.%s u", what, model->noun);
	um_add_where(statement, query, version);
}

/* Runs a statement and gives how many rows it saw. */
static uint64
execute(UmStatement *statement, bool read_only)
{
	if (um_execute_once(statement->sql.data, statement->nargs, statement->types, statement->args,
						read_only) < 0)
		elog(ERROR, "could not run \"%s\"", statement->sql.data);
	return SPI_processed;
}

static uint64
update_constant(const UmModel *model, const UmQueryString *query, UmVersion version,
				const UmConstant *constant)
{
	UmStatement statement;
	bool		first = true;

	um_statement_start(&statement, model);
	appendStringInfo(&statement.sql, "UPDATE usage_mgmt.%s u SET ", model->noun);
	for (int s = 0; s < model->slots; s++)
	{
		if (s == model->extra_slot ||
			(!constant->cleared[s] && constant->record->state[s] != UM_SET))
			continue;
		appendStringInfo(&statement.sql, "%s%s = ", first ? "" : ", ", model->slot[s]->column);
		first = false;
		if (constant->cleared[s])
			appendStringInfoString(&statement.sql, "NULL");
		else
			appendStringInfo(&statement.sql, "$%d",
							 um_statement_arg(&statement, um_slot_type(model->slot[s], model),
											  um_record_datum(constant->record, s)));
	}
	if (um_is_set(constant->record, model->extra_slot) || constant->forgotten != NIL)
	{
		merge_extra(&statement, constant, first);
		first = false;
	}
	if (first)
		appendStringInfoString(&statement.sql, "id = id");
	um_add_where(&statement, query, version);
	return execute(&statement, false);
}

/* What the model does not know is added to, and taken out of, what is there. */
static void
merge_extra(UmStatement *statement, const UmConstant *constant, bool first)
{
	const UmModel *model = statement->model;
	const char *column = model->slot[model->extra_slot]->column;
	Datum	   *names = palloc(sizeof(Datum) * Max(list_length(constant->forgotten), 1));
	ListCell   *cell;

	foreach(cell, constant->forgotten)
		names[foreach_current_index(cell)] = CStringGetTextDatum(lfirst(cell));
	appendStringInfo(&statement->sql, "%s%s = NULLIF((COALESCE(u.%s, '{}')", first ? "" : ", ",
					 column, column);
	if (um_is_set(constant->record, model->extra_slot))
		appendStringInfo(&statement->sql, " OPERATOR(pg_catalog.||) $%d",
						 um_statement_arg(statement, JSONBOID,
										  um_record_datum(constant->record, model->extra_slot)));
	appendStringInfo(&statement->sql, ") OPERATOR(pg_catalog.-) $%d, '{}')",
					 um_statement_arg(statement, TEXTARRAYOID,
									  PointerGetDatum(construct_array(names,
																	  list_length(constant->forgotten),
																	  TEXTOID, -1, false, TYPALIGN_INT))));
}

/* Makes all the changed rows, then sets them at once. */
static uint64
update_patched(const UmModel *model, const UmQueryString *query, UmVersion version, UmPatch *patch)
{
	UmRows	   *rows = um_rows_start(model, true);
	uint64		count = 0;

	patch_rows(rows, query, version, patch);
	if (rows->count > 0)
		count = um_rows_update(rows);
	return count;
}

static void
patch_rows(UmRows *rows, const UmQueryString *query, UmVersion version, UmPatch *patch)
{
	const UmModel *model = rows->model;
	UmStatement statement;
	UmRecord   *old;
	Walk		walk = {0};
	ErrorContextCallback context;

	select_statement(&statement, model, "u.*", query, version);
	appendStringInfoString(&statement.sql, " FOR UPDATE");
	walk.portal = SPI_cursor_open_with_args(NULL, statement.sql.data, statement.nargs,
											statement.types, statement.args, NULL, false,
											CURSOR_OPT_NO_SCROLL);
	walk.row = AllocSetContextCreate(CurrentMemoryContext, "patched row", ALLOCSET_DEFAULT_SIZES);
	while (next_row(&walk, model, &old))
	{
		MemoryContext before = MemoryContextSwitchTo(walk.row);
		UmFaults	faults = {version, NIL, 0};

		context.callback = name_resource;
		context.arg = old;
		context.previous = error_context_stack;
		error_context_stack = &context;
		um_rows_put(rows, um_rows_form(rows, um_patch_apply(patch, old, &faults),
									   model == &um_usage ? old->value[model->date_slot] : (Datum) 0,
									   walk.row));
		error_context_stack = context.previous;
		MemoryContextSwitchTo(before);
		CHECK_FOR_INTERRUPTS();
	}
	SPI_cursor_close(walk.portal);
	MemoryContextDelete(walk.row);
}

/* The next row of a walk, in its own memory. */
static bool
next_row(Walk *walk, const UmModel *model, UmRecord **record)
{
	MemoryContext old;

	MemoryContextReset(walk->row);
	if (walk->next == walk->count)
	{
		if (walk->fetched != NULL)
			SPI_freetuptable(walk->fetched);
		SPI_cursor_fetch(walk->portal, true, FETCH);
		walk->fetched = SPI_tuptable;
		walk->count = SPI_processed;
		walk->next = 0;
	}
	if (walk->count == 0)
		return false;
	if (walk->shape == NULL)
		walk->shape = um_shape(model, walk->fetched->tupdesc, model->noun);
	old = MemoryContextSwitchTo(walk->row);
	*record = um_record_from_tuple(walk->shape, walk->fetched->tupdesc,
								   walk->fetched->vals[walk->next++]);
	MemoryContextSwitchTo(old);
	return true;
}

static void
name_resource(void *arg)
{
	const UmRecord *record = arg;

	errcontext("%s \"%s\"", record->model->label, TextDatumGetCString(record->value[0]));
}

/* Each resource by itself; the result tells what was refused and why. */
static Datum
patch_resources_each(FunctionCallInfo fcinfo, const UmModel *model)
{
	UmQueryString *query = whole_query_arg(fcinfo, 0);
	UmVersion	version = um_version_arg(fcinfo, 3);
	UmPatch    *patch = patch_args(fcinfo, 1, model, version);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context = CurrentMemoryContext;
	int			speaking = um_speaking;
	UmStatement statement;
	List	   *ids = NIL;

	InitMaterializedSRF(fcinfo, 0);
	um_speaking = version;
	PG_TRY();
	{
		SPI_connect();
		select_statement(&statement, model, "u.id", query, version);
		appendStringInfoString(&statement.sql, " ORDER BY u.id");
		(void) execute(&statement, false);
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			MemoryContext old = MemoryContextSwitchTo(context);

			ids = lappend(ids, SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
			MemoryContextSwitchTo(old);
		}
		patch_each(model, ids, patch, result);
		SPI_finish();
	}
	PG_FINALLY();
	{
		um_speaking = speaking;
	}
	PG_END_TRY();
	return (Datum) 0;
}

static void
patch_each(const UmModel *model, List *ids, UmPatch *patch, ReturnSetInfo *result)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext row = AllocSetContextCreate(context, "patched row", ALLOCSET_DEFAULT_SIZES);
	ResourceOwner owner = CurrentResourceOwner;
	ListCell   *cell;

	foreach(cell, ids)
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(row);
		BeginInternalSubTransaction(NULL);
		MemoryContextSwitchTo(row);
		PG_TRY();
		{
			UmFaults	faults = {um_speaking, NIL, 0};
			Datum		id = CStringGetTextDatum(lfirst(cell));
			UmRecord   *old = um_store_lock(model, id);

			/* gone meanwhile, it is none of the collection any more */
			if (old != NULL)
				(void) um_store_update(um_patch_apply(patch, old, &faults), old);
			ReleaseCurrentSubTransaction();
		}
		PG_CATCH();
		{
			ErrorData  *error;
			Datum		values[3];
			bool		nulls[3] = {false, false, false};

			MemoryContextSwitchTo(row);
			error = CopyErrorData();
			FlushErrorState();
			RollbackAndReleaseCurrentSubTransaction();
			/* not the record's fault: a cancel, a lost lock, no memory */
			if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION ||
				ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_INSUFFICIENT_RESOURCES ||
				ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TRANSACTION_ROLLBACK ||
				ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_INTERNAL_ERROR)
				ReThrowError(error);
			values[0] = CStringGetTextDatum(lfirst(cell));
			values[1] = CStringGetTextDatum(unpack_sql_state(error->sqlerrcode));
			values[2] = CStringGetTextDatum(error->detail != NULL ? error->detail : error->message);
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
		PG_END_TRY();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	MemoryContextDelete(row);
}
