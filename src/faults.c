/*
 * faults.c
 *	  What is wrong with a record: all of it, in the model's order.
 *
 * Reading and checking collect faults and go on, so that whoever delivered the
 * record learns everything in one go.  The error then carries the first fault
 * as its message and SQLSTATE, and all of them as a JSON array in DETAIL.  Who
 * delivered a row, and no document, is told the columns, too.
 */
#include "postgres.h"

#include "errors.h"
#include "faults.h"

/* A refused move comes first; what else is judged on a sound record only, last. */
#define UM_ORDER_FIRST 0
#define UM_ORDER_LAST (UINT64CONST(1) << 63)

/* Bits of the order that each level of a path takes: attribute, element, ... */
static const int level_bits[] = {6, 18, 6, 12, 6, 8, 6};

static bool read_fault(UmScan *scan, UmFault *fault);
static UmFault *add_fault(UmFaults *faults, const UmPath *path, int sqlstate);
static void append_path(StringInfo out, const UmPath *path, UmVersion version);
static char *column_of(const UmPath *path);
static bool says_the_same(const char *path, const char *column);
static uint64 path_order(const UmPath *path);
static int	compare_faults(const ListCell *a, const ListCell *b);

/*
 * Notes a fault of the attribute or element at path (NULL: of the whole).  Gives
 * it, or NULL where there are too many.
 */
UmFault *
um_fault(UmFaults *faults, const UmPath *path, int sqlstate, const char *format,...)
{
	UmFault    *fault = add_fault(faults, path, sqlstate);
	StringInfoData message;

	Assert(sqlstate != 0 && ERRCODE_TO_CATEGORY(sqlstate) != ERRCODE_INTERNAL_ERROR);
	if (fault == NULL)
		return NULL;
	initStringInfo(&message);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, format);
		needed = appendStringInfoVA(&message, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&message, needed);
	}
	fault->message = pnstrdup(message.data, message.len);
	pfree(message.data);
	return fault;
}

/* A new fault, or NULL where there are too many. */
static UmFault *
add_fault(UmFaults *faults, const UmPath *path, int sqlstate)
{
	UmFault    *fault;
	StringInfoData text;

	/* what is found last may have to come first */
	if (list_length(faults->list) >= UM_MAX_FAULTS &&
		ERRCODE_TO_CATEGORY(sqlstate) != ERRCODE_TO_CATEGORY(UM_STATUS_MOVE))
	{
		faults->left_out++;
		return NULL;
	}
	fault = palloc0(sizeof(UmFault));
	initStringInfo(&text);
	append_path(&text, path, faults->version);
	fault->path = pnstrdup(text.data, text.len);
	pfree(text.data);
	fault->column = column_of(path);
	fault->sqlstate = sqlstate;
	fault->order = path_order(path);
	if (sqlstate == UM_STATUS_MOVE)
		fault->order = UM_ORDER_FIRST;
	else if (sqlstate == UM_IDENTITY)
		fault->order |= UM_ORDER_LAST;
	else if (sqlstate == UM_BILLED)
		fault->order = PG_UINT64_MAX;
	faults->list = lappend(faults->list, fault);
	return fault;
}

static void
append_path(StringInfo out, const UmPath *path, UmVersion version)
{
	if (path == NULL)
		return;
	append_path(out, path->parent, version);
	if (path->attribute == NULL)
		appendStringInfo(out, "[%d]", path->index);
	else
		appendStringInfo(out, "%s%s", out->len > 0 ? "." : "",
						 um_name_in(path->attribute, version));
}

/*
 * The column a path leads into, with the field of a composite type where there
 * is one.  From the leaf to the root: the deepest attribute counts, but what is
 * below the elements of a list only as their field, and what is in jsonb or
 * characteristics not at all.
 */
static char *
column_of(const UmPath *path)
{
	const char *column = NULL;
	const char *field = NULL;

	for (const UmPath *p = path; p != NULL; p = p->parent)
	{
		if (p->attribute == NULL)
		{
			field = column;
			column = NULL;
			continue;
		}
		if (column == NULL || p->attribute->kind == UM_BRANCH)
			column = p->attribute->column;
		if (p->attribute->of != NULL && p->attribute->kind != UM_LIST)
			field = NULL;
	}
	if (column == NULL)
		return NULL;
	return field != NULL ? psprintf("%s.%s", column, field) : pstrdup(column);
}

/* Whether a column is called as its attribute is, but for the indexes of elements. */
static bool
says_the_same(const char *path, const char *column)
{
	for (; *path != '\0'; path++)
	{
		if (*path == '[')
			path = strchr(path, ']');
		else if (*path != *column++)
			return false;
	}
	return *column == '\0';
}

/* Where in the model's order a path stands. */
static uint64
path_order(const UmPath *path)
{
	const UmPath *chain[lengthof(level_bits)];
	int			depth = 0;
	int			at;
	int			shift = 63;
	uint64		order = 0;

	for (const UmPath *p = path; p != NULL; p = p->parent)
		depth++;
	at = depth;
	for (const UmPath *p = path; p != NULL; p = p->parent)
		if (--at < (int) lengthof(level_bits))
			chain[at] = p;
	for (int i = 0; i < depth && i < (int) lengthof(level_bits); i++)
	{
		uint64		place = chain[i]->attribute != NULL ? chain[i]->attribute->ordinal + 1
			: chain[i]->index + 1;

		shift -= level_bits[i];
		order |= Min(place, (UINT64CONST(1) << level_bits[i]) - 1) << shift;
	}
	return order;
}

static int
compare_faults(const ListCell *a, const ListCell *b)
{
	const UmFault *x = lfirst(a);
	const UmFault *y = lfirst(b);

	return x->order < y->order ? -1 : x->order > y->order ? 1 : 0;
}

/*
 * All faults as a JSON array of {"path", "code", "message"}; where so asked with
 * a "column" that is called otherwise than the path.
 */
char *
um_faults_json(const UmFaults *faults, bool columns)
{
	StringInfoData out;
	ListCell   *cell;

	list_sort(faults->list, compare_faults);
	initStringInfo(&out);
	foreach(cell, faults->list)
	{
		UmFault    *fault = lfirst(cell);

		appendStringInfoString(&out, out.len == 0 ? "[" : ", ");
		appendStringInfoString(&out, "{\"path\": ");
		um_append_json_string(&out, fault->path, strlen(fault->path));
		appendStringInfo(&out, ", \"code\": \"%s\", \"message\": ",
						 unpack_sql_state(fault->sqlstate));
		um_append_json_string(&out, fault->message, strlen(fault->message));
		if (fault->legal != NULL)
		{
			appendStringInfoString(&out, ", \"legal\": ");
			um_append_json_string(&out, fault->legal, strlen(fault->legal));
		}
		if (columns && fault->column != NULL && !says_the_same(fault->path, fault->column))
			appendStringInfo(&out, ", \"column\": \"%s\"", fault->column);
		appendStringInfoChar(&out, '}');
	}
	if (faults->left_out > 0)
		appendStringInfo(&out, ", {\"path\": \"\", \"code\": \"%s\", \"message\": \"and %d more\"}",
						 unpack_sql_state(((UmFault *) llast(faults->list))->sqlstate),
						 faults->left_out);
	appendStringInfoChar(&out, ']');
	return out.data;
}

/*
 * Takes over what is wrong with an element of an array, behind the elements
 * before it; in the current memory context.
 */
void
um_fault_element(UmFaults *all, const UmFaults *faults, int element)
{
	ListCell   *cell;

	list_sort(faults->list, compare_faults);
	all->left_out += faults->left_out;
	foreach(cell, faults->list)
	{
		UmFault    *fault;

		if (list_length(all->list) >= UM_MAX_FAULTS)
		{
			all->left_out++;
			continue;
		}
		fault = palloc(sizeof(UmFault));
		*fault = *(const UmFault *) lfirst(cell);
		fault->order = ((uint64) element << 32) + foreach_current_index(cell);
		fault->path = psprintf("[%d]%s%s", element, *fault->path != '\0' ? "." : "", fault->path);
		fault->message = pstrdup(fault->message);
		fault->legal = fault->legal != NULL ? pstrdup(fault->legal) : NULL;
		fault->column = NULL;
		all->list = lappend(all->list, fault);
	}
}

/* Adds those of an array that um_faults_json has made; false where it is another text. */
bool
um_read_faults(UmFaults *faults, const char *json)
{
	List	   *found = NIL;
	UmScan		scan;

	um_scan_init(&scan, json, strlen(json));
	if (um_scan_peek(&scan) != UM_ARRAY_TOKEN || !um_scan_enter(&scan))
		return false;
	while (um_scan_element(&scan))
	{
		UmFault    *fault = palloc0(sizeof(UmFault));

		if (!read_fault(&scan, fault))
			return false;
		fault->order = list_length(found);
		found = lappend(found, fault);
	}
	if (!um_scan_finish(&scan) || found == NIL)
		return false;
	faults->list = list_concat(faults->list, found);
	return true;
}

static bool
read_fault(UmScan *scan, UmFault *fault)
{
	UmSlice		key;
	UmSlice		value;
	char	   *text;

	if (um_scan_peek(scan) != UM_OBJECT_TOKEN || !um_scan_enter(scan))
		return false;
	while (um_scan_key(scan, &key))
	{
		if (um_scan_peek(scan) != UM_STRING || !um_scan_string(scan, &value))
			return false;
		text = pnstrdup(value.ptr, value.len);
		if (um_slice_is(key, "path"))
			fault->path = text;
		else if (um_slice_is(key, "code") && value.len == 5)
			fault->sqlstate = MAKE_SQLSTATE(text[0], text[1], text[2], text[3], text[4]);
		else if (um_slice_is(key, "message"))
			fault->message = text;
		else if (um_slice_is(key, "legal"))
			fault->legal = text;
	}
	return scan->sqlstate == 0 && fault->path != NULL && fault->sqlstate != 0 && fault->message != NULL;
}

/*
 * Raises what was found, if anything was.  Of a row that came by SQL into a table
 * it names the columns, too; table is NULL for what did not.
 */
void
um_raise_faults(UmFaults *faults, const UmModel *model, Relation table)
{
	UmFault    *first;
	const char *column;
	char	   *all;

	if (faults->list == NIL)
		return;
	all = um_faults_json(faults, table != NULL);
	first = linitial(faults->list);
	column = table != NULL ? first->column : NULL;
	ereport(ERROR,
			(errcode(first->sqlstate),
			 first->path[0] == '\0'
			 ? errmsg("%s: %s", model->label, first->message)
			 : column != NULL && !says_the_same(first->path, column)
			 ? errmsg("%s: %s (column %s): %s", model->label, first->path, column, first->message)
			 : errmsg("%s: %s: %s", model->label, first->path, first->message),
			 errdetail("%s", all),
			 column != NULL
			 ? errtablecolname(table, pnstrdup(column, strcspn(column, "."))) : 0));
}
