/*
 * collections.c
 *	  The operations on the resources that a query string names.
 *
 * A list is given one resource at a time from a cursor, so that one of any
 * length starts at once and takes no memory; or one page of it is written at
 * once, whose size its caller has bounded.  A page is looked for where it
 * begins, and among all rows when it is not there in full: two statements of one
 * snapshot, of which one gives all rows.  A collection is changed in one
 * statement, all or nothing: where a merge patch only sets columns, by a plain
 * UPDATE; else the changed rows are made first, in a tuplestore, and set by
 * one UPDATE that joins it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/portal.h"

#include "caller.h"
#include "cursor.h"
#include "errors.h"
#include "operations.h"
#include "page.h"
#include "row.h"
#include "rows.h"
#include "store.h"

#define FETCH 100				/* rows from a cursor at a time */
#define NEAR 1000				/* rows that are passed over where a page is looked for */

struct UmListing
{
	UmCursor   *cursor;
	UmShape    *shape;
	UmVersion	version;
	UmFields   *fields;
	MemoryContext rows;			/* of the JSON below */
	Datum		json[FETCH];
	int			count;
	int			next;
};

/* A page as it is written. */
typedef struct PageWriter
{
	UmPage	   *page;
	const UmRequest *request;
	UmFields   *fields;
	UmShape    *shape;
	MemoryContext row;
	StringInfo	out;
	int			begin;			/* of the page in it */
} PageWriter;

static List *ids_of(const UmRequest *request);
static bool is_of_session(int sqlstate);
static void parse_query(UmRequest *request);
static void parse_whole_query(UmRequest *request);
static UmFilter *select_statement(UmStatement *statement, const char *what,
								  const UmRequest *request);
static bool list_statement(UmStatement *statement, const UmRequest *request, bool ranged);
static void write_page(PageWriter *writer, const UmStatement *statement);
static bool write_row(TupleTableSlot *slot, void *arg);
static void open_cursor(UmListing *listing, const UmStatement *statement);
static bool fetch_rows(UmListing *listing);
static List *explain(const UmStatement *statement, List *lines);
static uint64 execute(UmStatement *statement, bool read_only);
static uint64 update_constant(const UmRequest *request, const UmConstant *constant);
static void merge_extra(UmStatement *statement, const UmConstant *constant, bool first);
static uint64 update_patched(const UmRequest *request);
static void patch_rows(UmRows *rows, const UmRequest *request);
static void patch_row(UmRows *rows, const UmRequest *request, const UmRecord *old);

/*
 * Opens a list, in the current memory context; it needs the request's query,
 * version and resource as long as it is there.
 */
UmListing *
um_list_open(UmRequest *request)
{
	UmListing  *listing = palloc0(sizeof(UmListing));
	UmStatement statement;
	bool		ranged;

	parse_query(request);
	listing->version = request->version;
	listing->fields = um_fields(request->names->fields, request->resource->model,
								listing->version);
	listing->rows = AllocSetContextCreate(CurrentMemoryContext, "listing", ALLOCSET_DEFAULT_SIZES);
	ranged = list_statement(&statement, request, request->names->limit <= FETCH);
	open_cursor(listing, &statement);
	if (ranged && (!fetch_rows(listing) || listing->count < request->names->limit))
	{
		um_cursor_close(listing->cursor);
		(void) list_statement(&statement, request, false);
		open_cursor(listing, &statement);
	}
	return listing;
}

/*
 * The statement that gives a list, in the current memory context, for the cursor
 * needs it as long as it is there.  A page that can be read at once is asked for
 * only where it begins, if ranged; whether that is so.
 */
static bool
list_statement(UmStatement *statement, const UmRequest *request, bool ranged)
{
	const UmQueryString *names = request->names;
	MemoryContext context = CurrentMemoryContext;
	UmFilter   *filter;

	SPI_connect();
	MemoryContextSwitchTo(context);
	filter = select_statement(statement, "u.*", request);
	ranged = ranged && names->limit > 0 && names->offset <= NEAR &&
		um_add_range(statement, names, filter);
	um_add_page(statement, names);
	SPI_finish();
	MemoryContextSwitchTo(context);
	return ranged;
}

static void
open_cursor(UmListing *listing, const UmStatement *statement)
{
	const UmModel *model = statement->model;

	listing->cursor = um_cursor_open(statement->sql.data, statement->nargs, statement->types,
									 statement->args);
	listing->shape = um_shape(model, um_cursor_desc(listing->cursor), model->noun);
	listing->count = listing->next = 0;
}

static bool
list_row(TupleTableSlot *slot, void *arg)
{
	UmListing  *listing = arg;
	MemoryContext old = MemoryContextSwitchTo(listing->rows);

	listing->json[listing->count++] =
		um_json_of(um_record_from_values(listing->shape, slot->tts_values, slot->tts_isnull),
				   listing->version, listing->fields);
	MemoryContextSwitchTo(old);
	return true;
}

/* The next rows as JSON; false where there are none. */
static bool
fetch_rows(UmListing *listing)
{
	MemoryContextReset(listing->rows);
	listing->count = listing->next = 0;
	if (um_cursor_fetch(listing->cursor, FETCH, list_row, listing) > 0)
		return true;
	um_cursor_close(listing->cursor);
	return false;
}

/* The next resource as a datum of type json; false where there is none. */
bool
um_list_next(UmListing *listing, Datum *json)
{
	if (listing->next >= listing->count && !fetch_rows(listing))
		return false;
	*json = listing->json[listing->next++];
	return true;
}

void
um_list_close(UmListing *listing)
{
	um_cursor_close(listing->cursor);
}

/*
 * Appends a page as a JSON array, in the place of what limit the query has, and
 * tells of it.  The query has been taken apart.  One row more than is shown is
 * looked for, to see whether there are others.
 */
void
um_list_page(UmRequest *request, UmPage *page, StringInfo out)
{
	PageWriter	writer = {.page = page, .request = request, .out = out, .begin = out->len};
	int64		asked = request->names->limit;
	UmStatement statement;
	bool		ranged;

	writer.fields = um_fields(request->names->fields, request->resource->model, request->version);
	writer.row = AllocSetContextCreate(CurrentMemoryContext, "listed row", ALLOCSET_DEFAULT_SIZES);
	initStringInfo(&page->last);
	request->names->limit = page->limit + 1;
	ranged = list_statement(&statement, request, true);
	write_page(&writer, &statement);
	if (ranged && !page->more)
	{
		(void) list_statement(&statement, request, false);
		write_page(&writer, &statement);
	}
	request->names->limit = asked;
	MemoryContextDelete(writer.row);
}

static void
write_page(PageWriter *writer, const UmStatement *statement)
{
	UmPage	   *page = writer->page;
	UmCursor   *cursor = um_cursor_open(statement->sql.data, statement->nargs, statement->types,
										statement->args);

	writer->shape = um_shape(statement->model, um_cursor_desc(cursor), statement->model->noun);
	writer->out->len = writer->begin;
	appendStringInfoChar(writer->out, '[');
	page->count = 0;
	page->more = false;
	(void) um_cursor_fetch(cursor, page->limit + 1, write_row, writer);
	appendStringInfoChar(writer->out, ']');
	um_cursor_close(cursor);
}

static bool
write_row(TupleTableSlot *slot, void *arg)
{
	PageWriter *writer = arg;
	UmPage	   *page = writer->page;
	UmRecord   *record;
	MemoryContext old;

	page->more = page->count >= page->limit || writer->out->len - writer->begin > page->bytes;
	if (page->more)
		return false;
	old = MemoryContextSwitchTo(writer->row);
	record = um_record_from_values(writer->shape, slot->tts_values, slot->tts_isnull);
	if (page->count++ > 0)
		appendStringInfoChar(writer->out, ',');
	um_write_record(writer->out, record, writer->request->version, writer->fields);
	resetStringInfo(&page->last);
	/* a table whose owner has dropped its constraints may have a row without one */
	if (um_is_set(record, record->model->id->slot))
	{
		UmSlice		id = um_text_slice(um_id(record));

		appendBinaryStringInfo(&page->last, id.ptr, id.len);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(writer->row);
	return true;
}

/* How many there are; the whole is counted, whatever page of it is asked for. */
void
um_count_many(UmRequest *request)
{
	UmStatement statement;
	bool		null;

	parse_query(request);
	request->names->after = NULL;
	SPI_connect();
	(void) select_statement(&statement, "pg_catalog.count(*)", request);
	(void) execute(&statement, true);
	request->count = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null));
	SPI_finish();
}

/*
 * The plan behind a query string, as a list of lines; of a page that is looked
 * for where it begins that plan, and the one for when it is not there in full.
 */
List *
um_explain_many(UmRequest *request)
{
	UmStatement statement;
	List	   *lines = NIL;

	parse_query(request);
	if (list_statement(&statement, request, request->names->limit <= FETCH))
	{
		lines = explain(&statement, lines);
		(void) list_statement(&statement, request, false);
	}
	return explain(&statement, lines);
}

/* Appends the lines of a statement's plan. */
static List *
explain(const UmStatement *statement, List *lines)
{
	MemoryContext context = CurrentMemoryContext;
	UmStatement explained = *statement;

	SPI_connect();
	explained.sql.data = psprintf("EXPLAIN (COSTS OFF) %s", statement->sql.data);
	/* EXPLAIN counts as no mere query */
	(void) execute(&explained, false);
	MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < SPI_processed; i++)
		lines = lappend(lines, SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
	SPI_finish();
	MemoryContextSwitchTo(context);
	return lines;
}

static void
delete_many(void *arg)
{
	UmRequest  *request = arg;
	UmStatement statement;

	SPI_connect();
	um_statement_start(&statement, request->resource->model);
	appendStringInfo(&statement.sql, "DELETE FROM usage_mgmt.%s u", request->resource->model->noun);
	(void) um_add_where(&statement, request->names, request->version);
	request->count = execute(&statement, false);
	SPI_finish();
}

/* One by one, since an order that has been cancelled may be none of those any more that the query names. */
static void
delete_orders(void *arg)
{
	UmRequest  *request = arg;
	ListCell   *cell;

	/* who may not delete is told so, also where there is nothing to delete */
	if (pg_class_aclcheck(um_table(request->resource->model->noun, false), GetUserId(), ACL_DELETE) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, request->resource->model->noun);
	SPI_connect();
	request->count = 0;
	foreach(cell, ids_of(request))
	{
		Datum		id = CStringGetTextDatum(lfirst(cell));

		CHECK_FOR_INTERRUPTS();
		(void) um_store_cancel(request->resource, id);
		request->count += um_store_delete(request->resource, id);
	}
	SPI_finish();
}

/* Deletes all that the query names, or none; counts them.  Orders end before, whoever is at them. */
void
um_delete_many(UmRequest *request)
{
	parse_whole_query(request);
	if (request->resource->orders)
		um_as_caller(UM_NOBODY, true, delete_orders, request);
	else
		um_as_caller(UM_NOBODY, request->closed, delete_many, request);
}

static void
patch_many(void *arg)
{
	UmRequest  *request = arg;
	const UmConstant *constant = um_patch_constant(request->patch);

	SPI_connect();
	request->count = constant != NULL ? update_constant(request, constant) : update_patched(request);
	SPI_finish();
}

/* Partial update of all that the query names, or of none; counts them. */
void
um_patch_many(UmRequest *request)
{
	parse_whole_query(request);
	um_read_patch(request);
	um_as_caller(request->version, false, patch_many, request);
}

static void
patch_this(void *arg)
{
	const UmRequest *request = arg;
	UmFaults	faults = {request->version, NIL, 0};
	UmRecord   *old = um_store_lock(request->resource, PointerGetDatum(request->id));

	/* gone meanwhile, it is none of the collection any more */
	if (old != NULL)
		(void) um_store_update(um_patch_apply(request->patch, old, &faults), old);
}

static void
patch_each(void *arg)
{
	UmRequest  *request = arg;
	MemoryContext row = AllocSetContextCreate(CurrentMemoryContext, "patched row",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	ErrorData  *error;
	ListCell   *cell;

	SPI_connect();
	foreach(cell, ids_of(request))
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(row);
		old = MemoryContextSwitchTo(row);
		request->id = cstring_to_text(lfirst(cell));
		error = um_try(request->version, patch_this, request);
		if (error != NULL && is_of_session(error->sqlerrcode))
			ReThrowError(error);
		if (error != NULL)
			request->refused(request->refused_arg, lfirst(cell), error->sqlerrcode,
							 error->detail != NULL ? error->detail : error->message);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	MemoryContextDelete(row);
}

/* Partial update of each by itself; tells of those that were refused. */
void
um_patch_each(UmRequest *request)
{
	parse_whole_query(request);
	um_read_patch(request);
	um_as_caller(request->version, false, patch_each, request);
}

/* In their order.  Within SPI_connect. */
static List *
ids_of(const UmRequest *request)
{
	UmStatement statement;
	List	   *ids = NIL;

	(void) select_statement(&statement, "u.id", request);
	appendStringInfoString(&statement.sql, " ORDER BY u.id");
	(void) execute(&statement, false);
	for (uint64 i = 0; i < SPI_processed; i++)
		ids = lappend(ids, SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
	return ids;
}

/* Not the record's fault: a cancel, a lost lock, no memory, a disk that fails, a transaction that only reads. */
static bool
is_of_session(int sqlstate)
{
	int			category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_OPERATOR_INTERVENTION || category == ERRCODE_INSUFFICIENT_RESOURCES ||
		category == ERRCODE_TRANSACTION_ROLLBACK || category == ERRCODE_INTERNAL_ERROR ||
		category == ERRCODE_SYSTEM_ERROR || category == ERRCODE_INVALID_TRANSACTION_STATE;
}

static void
parse_query(UmRequest *request)
{
	request->names = um_parse_query(request->query == NULL ? "" : request->query, false);
}

/* A collection is changed whole: who asks for a page of it means something else. */
static void
parse_whole_query(UmRequest *request)
{
	UmQueryString *query;

	parse_query(request);
	query = request->names;
	if (request->query == NULL)
		ereport(ERROR, (errcode(UM_PARAMETER), errmsg("the query is null")));
	if (query->limit >= 0 || query->offset > 0 || query->after != NULL)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("a collection is changed whole, without limit, offset and after")));
	if (query->conditions == NIL && query->filters == NIL && !query->all)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("the query has no condition"),
				 errhint("That all are meant is said by \"all=true\".")));
	query->changes = true;
}

static UmFilter *
select_statement(UmStatement *statement, const char *what, const UmRequest *request)
{
	const UmModel *model = request->resource->model;

	um_statement_start(statement, model);
	appendStringInfo(&statement->sql, "SELECT %s FROM usage_mgmt.%s u", what, model->noun);
	return um_add_where(statement, request->names, request->version);
}

/* Runs a statement and gives how many rows it saw. */
static uint64
execute(UmStatement *statement, bool read_only)
{
	um_execute_once(statement->sql.data, statement->nargs, statement->types, statement->args,
					read_only);
	return SPI_processed;
}

static uint64
update_constant(const UmRequest *request, const UmConstant *constant)
{
	const UmModel *model = request->resource->model;
	UmStatement statement;
	int			begin;

	um_statement_start(&statement, model);
	appendStringInfo(&statement.sql, "UPDATE usage_mgmt.%s u SET ", model->noun);
	begin = statement.sql.len;
	for (int s = 0; s < model->slots; s++)
	{
		if (s == model->extra_slot ||
			(!constant->cleared[s] && constant->record->state[s] != UM_SET))
			continue;
		appendStringInfo(&statement.sql, "%s%s = ", statement.sql.len > begin ? ", " : "",
						 model->slot[s]->column);
		if (constant->cleared[s])
			appendStringInfoString(&statement.sql, "NULL");
		else
			appendStringInfo(&statement.sql, "$%d",
							 um_statement_arg(&statement, um_slot_type(model->slot[s], model),
											  um_record_datum(constant->record, s)));
	}
	if (um_is_set(constant->record, model->extra_slot) || constant->forgotten != NIL)
		merge_extra(&statement, constant, statement.sql.len == begin);
	if (statement.sql.len == begin)
		appendStringInfoString(&statement.sql, "id = id");
	(void) um_add_where(&statement, request->names, request->version);
	return execute(&statement, false);
}

/* What the model does not know is added to, and taken out of, what is there. */
static void
merge_extra(UmStatement *statement, const UmConstant *constant, bool first)
{
	const UmModel *model = statement->model;
	const char *column = model->slot[model->extra_slot]->column;

	appendStringInfo(&statement->sql, "%s%s = NULLIF((COALESCE(u.%s, '{}')", first ? "" : ", ",
					 column, column);
	if (um_is_set(constant->record, model->extra_slot))
		appendStringInfo(&statement->sql, " OPERATOR(pg_catalog.||) $%d",
						 um_statement_arg(statement, JSONBOID,
										  um_record_datum(constant->record, model->extra_slot)));
	appendStringInfo(&statement->sql, ") OPERATOR(pg_catalog.-) $%d, '{}')",
					 um_statement_texts(statement, constant->forgotten));
}

/* Makes all the changed rows, then sets them at once. */
static uint64
update_patched(const UmRequest *request)
{
	UmRows	   *rows = um_rows_start(request->resource->model, true);

	patch_rows(rows, request);
	return rows->count > 0 ? um_rows_update(rows) : 0;
}

static void
patch_rows(UmRows *rows, const UmRequest *request)
{
	MemoryContext row = AllocSetContextCreate(CurrentMemoryContext, "patched row",
											  ALLOCSET_DEFAULT_SIZES);
	UmShape    *shape = NULL;
	UmStatement statement;
	Portal		portal;

	(void) select_statement(&statement, "u.*", request);
	appendStringInfoString(&statement.sql, " FOR UPDATE");
	portal = SPI_cursor_open_with_args(NULL, statement.sql.data, statement.nargs, statement.types,
									   statement.args, NULL, false, CURSOR_OPT_NO_SCROLL);
	for (SPI_cursor_fetch(portal, true, FETCH); SPI_processed > 0;
		 SPI_cursor_fetch(portal, true, FETCH))
	{
		SPITupleTable *fetched = SPI_tuptable;

		if (shape == NULL)
			shape = um_shape(rows->model, fetched->tupdesc, rows->model->noun);
		for (uint64 i = 0; i < fetched->numvals; i++)
		{
			MemoryContext old = MemoryContextSwitchTo(row);

			patch_row(rows, request, um_record_from_tuple(shape, fetched->tupdesc, fetched->vals[i]));
			MemoryContextSwitchTo(old);
			MemoryContextReset(row);
			CHECK_FOR_INTERRUPTS();
		}
		SPI_freetuptable(fetched);
	}
	SPI_cursor_close(portal);
	MemoryContextDelete(row);
}

/* Makes one of the rows, in the current memory context. */
static void
patch_row(UmRows *rows, const UmRequest *request, const UmRecord *old)
{
	int			date = old->model->date_slot;
	UmFaults	faults = {request->version, NIL, 0};
	ErrorContextCallback context;

	context.callback = um_name_row;
	context.arg = unconstify(UmRecord *, old);
	context.previous = error_context_stack;
	error_context_stack = &context;
	um_rows_put(rows, um_rows_form(rows, um_patch_apply(request->patch, old, &faults),
								   date >= 0 ? old->value[date] : (Datum) 0,
								   CurrentMemoryContext));
	error_context_stack = context.previous;
}
