/*
 * csv_row.c
 *	  Documents as rows of CSV, under a header that is the same for all of them.
 *
 * A column is an attribute of the document, or a member of an object in it; a list
 * is one column of JSON.  The last one takes as a JSON object whatever has no
 * column of its own, and what a field cannot say, an empty string: so a row read
 * back by csv.c's paths is the document again.
 *
 * Fields are quoted where RFC 4180 asks for it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "errors.h"
#include "resource.h"

/* The columns of one resource in one version, and the row that is being made. */
typedef struct Row
{
	const UmResource *resource;
	UmVersion	version;
	List	   *columns;		/* of Column */
	int		   *place;			/* of each attribute's column, by its ordinal; -1 for none */
	UmSlice    *field;
	StringInfoData extra;		/* members of the last column's object, len 0 for none */
	int			hint;			/* where the next key is expected */
	MemoryContext own;			/* of what is made of one document */
} Row;

typedef struct Column
{
	const UmAttribute *attribute;
	const UmAttribute *object;	/* that it is a member of, or NULL */
} Column;

static Row *row_of(FunctionCallInfo fcinfo, const char *noun, const char *version);
static bool is_object(const UmAttribute *attribute, UmVersion version);
static void add_column(Row *row, const UmAttribute *object, const UmAttribute *attribute);
static char *column_name(const Row *row, const Column *column);
static void read_members(Row *row, UmScan *scan, const UmNames *names, int *hint, StringInfo extra);
static void read_member(Row *row, UmScan *scan, const UmNames *names, UmSlice key, int *hint, StringInfo extra);
static void read_object(Row *row, UmScan *scan, const UmAttribute *object, UmSlice key);
static bool read_value(UmScan *scan, UmSlice *raw, UmSlice *value);
static text *row_text(Row *row);
static void append_field(StringInfo out, UmSlice field);

PG_FUNCTION_INFO_V1(um_csv_columns);
PG_FUNCTION_INFO_V1(um_csv_row);

/* csv_columns(resource text, version text) → text[]: the header, as paths */
Datum
um_csv_columns(PG_FUNCTION_ARGS)
{
	Row		   *row;
	ArrayBuildState *names = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	ListCell   *cell;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	row = row_of(fcinfo, text_to_cstring(PG_GETARG_TEXT_PP(0)),
				 PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1)));
	foreach(cell, row->columns)
		accumArrayResult(names, CStringGetTextDatum(column_name(row, lfirst(cell))), false, TEXTOID,
						 CurrentMemoryContext);
	PG_RETURN_DATUM(makeArrayResult(names, CurrentMemoryContext));
}

/* csv_row(resource text, version text, document json) → text: its row, without the end of the line */
Datum
um_csv_row(PG_FUNCTION_ARGS)
{
	Row		   *row;
	UmScan		scan;
	UmSlice		document;
	MemoryContext old;
	text	   *made;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	row = fcinfo->flinfo->fn_extra;
	/* a statement mostly asks for the rows of one resource */
	if (row == NULL || !get_fn_expr_arg_stable(fcinfo->flinfo, 0) || !get_fn_expr_arg_stable(fcinfo->flinfo, 1))
		row = row_of(fcinfo, text_to_cstring(PG_GETARG_TEXT_PP(0)),
					 PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1)));
	document = um_text_slice(PG_GETARG_DATUM(2));
	old = MemoryContextSwitchTo(row->own);
	memset(row->field, 0, sizeof(UmSlice) * list_length(row->columns));
	row->extra = (StringInfoData) {0};
	um_scan_init(&scan, document.ptr, document.len);
	if (um_scan_peek(&scan) == UM_OBJECT_TOKEN)
		read_members(row, &scan, &row->resource->model->names, &row->hint, &row->extra);
	if (scan.sqlstate != 0 || scan.pos == scan.start)
		ereport(ERROR,
				(errcode(UM_NOT_JSON),
				 errmsg("%s: %s", row->resource->model->label, scan.sqlstate != 0 ? scan.message : "not an object")));
	MemoryContextSwitchTo(old);
	made = row_text(row);
	MemoryContextReset(row->own);
	PG_RETURN_TEXT_P(made);
}

/* What is known of a resource's columns for as long as the function's call is planned. */
static Row *
row_of(FunctionCallInfo fcinfo, const char *noun, const char *version)
{
	const UmResource *resource = um_resource(noun);
	MemoryContext whole = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "CSV columns", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(whole);
	Row		   *row = palloc0(sizeof(Row));
	int			most = 0;

	row->resource = resource;
	row->version = version != NULL ? um_version_of(resource, version) : um_default_version(resource);
	row->own = AllocSetContextCreate(CurrentMemoryContext, "CSV row", ALLOCSET_DEFAULT_SIZES);
	for (const UmAttribute *a = resource->model->attributes; a->kind != UM_END; a++)
		if (a->kind != UM_INTERNAL && a->kind != UM_EXTRA && !is_object(a, row->version))
			add_column(row, NULL, a);
		else if (is_object(a, row->version))
			for (const UmAttribute *m = a->members; m->kind != UM_END; m++)
				add_column(row, a, m);
	add_column(row, NULL, resource->model->slot[resource->model->extra_slot]);
	for (int i = 0; i < list_length(row->columns); i++)
		most = Max(most, ((Column *) list_nth(row->columns, i))->attribute->ordinal);
	row->place = palloc(sizeof(int) * (most + 1));
	memset(row->place, -1, sizeof(int) * (most + 1));
	for (int i = 0; i < list_length(row->columns); i++)
		row->place[((Column *) list_nth(row->columns, i))->attribute->ordinal] = i;
	row->field = palloc0(sizeof(UmSlice) * list_length(row->columns));
	MemoryContextSwitchTo(old);
	/* of the call before, which was of another resource or version */
	if (fcinfo->flinfo->fn_extra != NULL)
		MemoryContextDelete(GetMemoryChunkContext(fcinfo->flinfo->fn_extra));
	fcinfo->flinfo->fn_extra = row;
	return row;
}

/* Whether a version writes it as an object whose members have columns. */
static bool
is_object(const UmAttribute *attribute, UmVersion version)
{
	return attribute->members != NULL &&
		(attribute->kind == UM_OBJECT || (attribute->object_in & (1 << version)) != 0);
}

static void
add_column(Row *row, const UmAttribute *object, const UmAttribute *attribute)
{
	Column	   *column = palloc(sizeof(Column));

	column->object = object;
	column->attribute = attribute;
	row->columns = lappend(row->columns, column);
}

static char *
column_name(const Row *row, const Column *column)
{
	return psprintf("%s%s%s", column->object != NULL ? um_name_in(column->object, row->version) : "",
					column->object != NULL ? "." : "", um_name_in(column->attribute, row->version));
}

/* Those of an object of which attributes have columns; what has none goes into extra. */
static void
read_members(Row *row, UmScan *scan, const UmNames *names, int *hint, StringInfo extra)
{
	UmSlice		key;

	um_scan_enter(scan);
	while (um_scan_key(scan, &key))
		read_member(row, scan, names, key, hint, extra);
}

static void
read_member(Row *row, UmScan *scan, const UmNames *names, UmSlice key, int *hint, StringInfo extra)
{
	const UmAttribute *a = um_find_name(names, key, hint);
	UmToken		token = um_scan_peek(scan);
	UmSlice		raw;
	UmSlice		value;
	int			place;

	if (a != NULL && token == UM_OBJECT_TOKEN && is_object(a, row->version))
	{
		read_object(row, scan, a, key);
		return;
	}
	if (!read_value(scan, &raw, &value) || token == UM_NULL)
		return;
	place = a != NULL && !is_object(a, row->version) ? row->place[a->ordinal] : -1;
	if (place < 0 || value.len == 0 || row->field[place].ptr != NULL)
		um_append_member(extra, key, raw);
	else
		row->field[place] = value;
}

/* An object whose members have columns; the others go below its name into extra. */
static void
read_object(Row *row, UmScan *scan, const UmAttribute *object, UmSlice key)
{
	StringInfoData rest = {0};
	int			hint = 0;

	read_members(row, scan, &object->names, &hint, &rest);
	if (rest.len == 0)
		return;
	appendStringInfoChar(&rest, '}');
	um_append_member(&row->extra, key, (UmSlice) {rest.data, rest.len});
}

/* The text of a field: of a string what it says, of anything else its JSON. */
static bool
read_value(UmScan *scan, UmSlice *raw, UmSlice *value)
{
	bool		string = um_scan_peek(scan) == UM_STRING;
	bool		read;

	raw->ptr = scan->pos;
	read = string ? um_scan_string(scan, value) : um_scan_skip(scan, value);
	raw->len = scan->pos - raw->ptr;
	return read;
}

static text *
row_text(Row *row)
{
	StringInfoData out;
	int			count = list_length(row->columns);
	text	   *made;

	initStringInfo(&out);
	if (row->extra.len > 0)
	{
		appendStringInfoChar(&row->extra, '}');
		row->field[count - 1] = (UmSlice) {row->extra.data, row->extra.len};
	}
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			appendStringInfoChar(&out, ',');
		append_field(&out, row->field[i]);
	}
	made = cstring_to_text_with_len(out.data, out.len);
	pfree(out.data);
	return made;
}

/* Space around a text is part of it, which not all who read believe of one without quotes. */
static void
append_field(StringInfo out, UmSlice field)
{
	const char *p = field.ptr;
	const char *end = p + field.len;
	bool		plain;

	if (field.len == 0)
		return;
	plain = *p != ' ' && end[-1] != ' ';
	for (const char *q = p; q < end && plain; q++)
		plain = *q != ',' && *q != '"' && *q != '\n' && *q != '\r';
	if (!plain)
		appendStringInfoChar(out, '"');
	while (!plain && p < end)
	{
		const char *quote = memchr(p, '"', end - p);
		const char *upto = quote != NULL ? quote + 1 : end;

		um_append(out, p, upto - p);
		if (quote != NULL)
			appendStringInfoChar(out, '"');
		p = upto;
	}
	if (plain)
		um_append(out, p, field.len);
	else
		appendStringInfoChar(out, '"');
}
