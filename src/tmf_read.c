/*
 * tmf_read.c
 *	  JSON text → record, in one pass driven by the model.
 *
 * The reader is lenient where the documents of the field differ: space around
 * keys and hrefs, every version's names and their aliases, numbers and
 * booleans as strings, an empty string for nothing, a number for a text.  It
 * does not guess: what it cannot take for the attribute's kind is a fault, and
 * so are two spellings of one attribute that disagree.
 *
 * Faults are collected, never thrown.  What the model does not know goes into
 * the record's extra, at any depth under the object it came in.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "characteristics.h"
#include "errors.h"
#include "lifecycle.h"
#include "scalar.h"
#include "tmf_read.h"

/* A jsonb cannot hold a longer string. */
#define MAX_JSONB_TEXT 0x0FFFFFFF

#define MAX_SLOTS 64

/* The object being read. */
typedef struct Reader
{
	UmScan	   *scan;
	UmFaults   *faults;
	UmRecord   *record;
	StringInfoData extra;		/* members of the extra object, len 0 for none */
	int			extra_count;
	UmSlice		raw[MAX_SLOTS]; /* text of each slot that is set */
} Reader;

static UmRecord *read_object(UmScan *scan, const UmModel *model, UmFaults *faults,
							 const UmPath *path);
static int	read_members(Reader *reader, const UmNames *names, const UmPath *path, StringInfo extra);
static int	version_spoken(const UmAttribute *attribute, UmSlice key);
static bool keep_unknown(Reader *reader, UmSlice key, StringInfo extra);
static void read_attribute(Reader *reader, UmAttribute *attribute, const UmPath *path);
static void read_parts(Reader *reader, UmAttribute *object, const UmPath *path);
static void read_href(Reader *reader);
static UmList *read_elements(Reader *reader, const UmAttribute *attribute, const UmPath *path);
static bool read_structure(Reader *reader, UmAttribute *attribute, const UmPath *path, Datum *value);
static bool read_scalar(Reader *reader, UmAttribute *attribute, const UmPath *path, Datum *value);
static bool refuse_text(Reader *reader, UmAttribute *attribute, const UmPath *path, UmSlice text,
						int code);
static bool read_any(Reader *reader, UmAttribute *attribute, Datum *value);
static void store_value(Reader *reader, UmAttribute *attribute, const UmPath *path,
						UmSlice raw, Datum value);
static bool same_value(UmKind kind, Datum a, Datum b);
static bool wrong_kind(Reader *reader, const UmPath *path, const char *expected);
static void finish_extra(Reader *reader);
static bool jsonb_from_text(UmFaults *faults, const UmPath *path, UmSlice text, Datum *value);

static const char *const token_names[] = {
	"nothing", "a string", "a number", "true", "false", "null", "an object", "an array"
};

/*
 * Reads a whole document.  The record is never NULL; where the text is no
 * JSON object at all, the faults say so and nothing else.
 */
UmRecord *
um_read_document(const char *text, int len, const UmModel *model, UmFaults *faults)
{
	UmScan		scan;
	UmRecord   *record;

	/* a byte order mark is no part of the document */
	if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
	{
		text += 3;
		len -= 3;
	}
	um_scan_init(&scan, text, len);
	record = read_object(&scan, model, faults, NULL);
	um_scan_finish(&scan);
	if (scan.sqlstate != 0)
	{
		faults->list = NIL;
		um_fault(faults, NULL, scan.sqlstate, "%s", scan.message);
	}
	return record;
}

/* Reads the document that comes next in an array of them; what is no JSON is in the scan. */
UmRecord *
um_read_element(UmScan *scan, const UmModel *model, UmFaults *faults)
{
	return read_object(scan, model, faults, NULL);
}

static UmRecord *
read_object(UmScan *scan, const UmModel *model, UmFaults *faults, const UmPath *path)
{
	Reader		reader;
	int			unknown;

	reader.scan = scan;
	reader.faults = faults;
	reader.record = um_record_new(model);
	reader.extra.data = NULL;
	reader.extra.len = 0;
	reader.extra_count = 0;
	if (um_scan_peek(scan) != UM_OBJECT_TOKEN)
	{
		wrong_kind(&reader, path, "an object");
		/* nothing is known of its attributes, so none is missing */
		memset(reader.record->state, UM_FAULTY, model->slots);
		return reader.record;
	}
	unknown = read_members(&reader, &model->names, path, &reader.extra);
	reader.extra_count += unknown;
	if (reader.extra.len > 0 && scan->sqlstate == 0)
		finish_extra(&reader);
	return reader.record;
}

/*
 * The members of the object that comes.  What the names do not tell goes into
 * extra; gives how many those are.
 */
static int
read_members(Reader *reader, const UmNames *names, const UmPath *path, StringInfo extra)
{
	UmSlice		key;
	int			hint = 0;
	int			unknown = 0;

	um_scan_enter(reader->scan);
	while (um_scan_key(reader->scan, &key))
	{
		UmAttribute *attribute;

		key = um_trim(key);
		attribute = um_find_name(names, key, &hint);
		if (attribute == NULL)
			unknown += keep_unknown(reader, key, extra);
		else
		{
			UmPath		here = {path, attribute, 0};

			reader->record->spoken |= version_spoken(attribute, key);
			read_attribute(reader, attribute, &here);
		}
	}
	return unknown;
}

/* The version that a name is peculiar to, as a bit; 0 where it tells nothing. */
static int
version_spoken(const UmAttribute *attribute, UmSlice key)
{
	if (attribute->name[UM_R14_5] == attribute->name[UM_V4])
		return 0;
	for (int v = 0; v < UM_VERSIONS; v++)
		if (attribute->name[v] != NULL && um_slice_is(key, attribute->name[v]))
			return 1 << v;
	return 0;
}

/* The version that a document was written in, or else the given one. */
UmVersion
um_speaks(const UmRecord *record, UmVersion otherwise)
{
	for (int v = 0; v < UM_VERSIONS; v++)
		if (record->spoken == 1 << v)
			return v;
	return otherwise;
}

/* False for a null, which says nothing. */
static bool
keep_unknown(Reader *reader, UmSlice key, StringInfo extra)
{
	UmSlice		raw;
	bool		null = um_scan_peek(reader->scan) == UM_NULL;

	if (!um_scan_skip(reader->scan, &raw) || null)
		return false;
	um_append_member(extra, key, raw);
	return true;
}

static void
read_attribute(Reader *reader, UmAttribute *attribute, const UmPath *path)
{
	UmToken		token = um_scan_peek(reader->scan);
	UmSlice		raw;
	Datum		value;
	bool		found;

	raw.ptr = reader->scan->pos;
	if (token == UM_NONE)
		return;
	if (token == UM_NULL || (attribute->flags & UM_SERVERS))
	{
		um_scan_skip(reader->scan, &raw);
		return;
	}
	if (attribute->kind == UM_HREF)
	{
		read_href(reader);
		return;
	}
	if (attribute->members != NULL && (token == UM_OBJECT_TOKEN || attribute->kind == UM_OBJECT))
	{
		read_parts(reader, attribute, path);
		return;
	}
	found = attribute->kind >= UM_ANY ? read_structure(reader, attribute, path, &value)
		: read_scalar(reader, attribute, path, &value);
	raw.len = reader->scan->pos - raw.ptr;
	if (found && reader->scan->sqlstate == 0)
		store_value(reader, attribute, path, raw, value);
}

/* An object whose members are columns of the same record. */
static void
read_parts(Reader *reader, UmAttribute *object, const UmPath *path)
{
	StringInfoData extra = {0};

	if (um_scan_peek(reader->scan) != UM_OBJECT_TOKEN)
	{
		wrong_kind(reader, path, "an object");
		return;
	}
	(void) read_members(reader, &object->names, path, &extra);
	if (extra.len == 0 || reader->scan->sqlstate != 0)
		return;
	if (reader->extra.data == NULL)
		initStringInfo(&reader->extra);
	appendStringInfo(&reader->extra, "%c\"%s\":%s}", reader->extra.len == 0 ? '{' : ',',
					 um_name_in(object, UM_R14_5), extra.data);
	reader->extra_count++;
	pfree(extra.data);
}

/* The server makes hrefs; the delivered one is only looked at by put and patch. */
static void
read_href(Reader *reader)
{
	UmSlice		ignored;

	if (um_scan_peek(reader->scan) != UM_STRING)
		um_scan_skip(reader->scan, &ignored);
	else if (um_scan_string(reader->scan, &reader->record->href))
		reader->record->href = um_trim(reader->record->href);
}

/*
 * The objects of a list or tree, or the one of a branch; NULL where the value is
 * of another kind.  Elements that are no objects are faults.
 */
static UmList *
read_elements(Reader *reader, const UmAttribute *attribute, const UmPath *path)
{
	UmScan	   *scan = reader->scan;
	bool		branch = attribute->kind == UM_BRANCH;
	UmPath		element = {path, NULL, 0};
	List	   *records = NIL;
	ListCell   *cell;
	UmList	   *list;

	if (um_scan_peek(scan) != (branch ? UM_OBJECT_TOKEN : UM_ARRAY_TOKEN))
	{
		wrong_kind(reader, path, branch ? "an object" : "an array");
		return NULL;
	}
	if (branch)
		records = list_make1(read_object(scan, attribute->of, reader->faults, path));
	else
	{
		um_scan_enter(scan);
		for (; um_scan_element(scan); element.index++)
			records = lappend(records, read_object(scan, attribute->of, reader->faults, &element));
	}
	list = um_list_new(list_length(records));
	foreach(cell, records)
		list->record[foreach_current_index(cell)] = lfirst(cell);
	return list;
}

/* What a tree or branch column holds. */
UmList *
um_read_tree(UmScan *scan, const UmAttribute *attribute, UmFaults *faults, const UmPath *path)
{
	Reader		reader = {.scan = scan, .faults = faults};
	UmList	   *list = read_elements(&reader, attribute, path);

	return list != NULL ? list : um_list_new(0);
}

/* Values that are more than one token; false where there is none to store. */
static bool
read_structure(Reader *reader, UmAttribute *attribute, const UmPath *path, Datum *value)
{
	struct varlena *characteristics;
	UmList	   *list;
	UmSlice		raw;

	switch (attribute->kind)
	{
		case UM_ANY:
			return read_any(reader, attribute, value);
		case UM_JSON:
			return um_scan_skip(reader->scan, &raw) &&
				jsonb_from_text(reader->faults, path, um_compact(raw), value);
		case UM_CHARACTERISTICS:
			if (!um_read_characteristics(reader->scan, true, reader->faults, path, &characteristics))
				return false;
			*value = PointerGetDatum(characteristics);
			return characteristics != NULL;
		case UM_LIST:
		case UM_TREE:
		case UM_BRANCH:
			list = read_elements(reader, attribute, path);
			*value = PointerGetDatum(list);
			return list != NULL && list->count > 0;
		default:
			elog(ERROR, "attribute kind %d is no structure", attribute->kind);
	}
}

/* One token; false where there is no value to store. */
static bool
read_scalar(Reader *reader, UmAttribute *attribute, const UmPath *path, Datum *value)
{
	UmToken		token = um_scan_peek(reader->scan);
	UmKind		kind = attribute->kind;
	UmSlice		text;
	int			code;

	if ((token == UM_TRUE || token == UM_FALSE) && kind == UM_BOOL)
	{
		*value = BoolGetDatum(token == UM_TRUE);
		return um_scan_skip(reader->scan, &text);
	}
	if (token == UM_STRING)
	{
		if (!um_scan_string(reader->scan, &text) ||
			((attribute->flags & UM_BLANK_IS_NONE) && um_trim(text).len == 0))
			return false;
	}
	else if (token == UM_NUMBER_TOKEN && (kind == UM_NUMBER || kind == UM_TEXT || kind == UM_URI))
	{
		if (!um_scan_number(reader->scan, &text))
			return false;
	}
	else
		return wrong_kind(reader, path, kind == UM_NUMBER ? "a number"
						  : kind == UM_BOOL ? "a boolean" : "a string");
	code = um_scalar_from_text(kind, reader->record->model->life, text, value);
	return code == 0 || refuse_text(reader, attribute, path, text, code);
}

/* Says which text is no value of the attribute's kind; always false. */
static bool
refuse_text(Reader *reader, UmAttribute *attribute, const UmPath *path, UmSlice text, int code)
{
	UmSlice		trimmed = um_trim(text);

	um_fault(reader->faults, path, code, "\"%.*s\" is %s", UM_CLIPPED(trimmed, 60),
			 code == UM_TIME_RANGE ? "out of the range of dates"
			 : attribute->kind == UM_TIME ? "not a date and time of RFC 3339"
			 : attribute->kind == UM_NUMBER ? "not a number"
			 : attribute->kind == UM_BOOL ? "neither true nor false"
			 : psprintf("none of %s", um_status_list(reader->record->model->life, ~0)));
	if (attribute->slot >= 0)
		reader->record->state[attribute->slot] = UM_FAULTY;
	return false;
}

static bool
read_any(Reader *reader, UmAttribute *attribute, Datum *value)
{
	bool		string = um_scan_peek(reader->scan) == UM_STRING;
	UmSlice		compact;
	UmSlice		raw;

	if (!um_scan_skip(reader->scan, &raw))
		return false;
	if (string && raw.len == 2 && (attribute->flags & UM_BLANK_IS_NONE))
		return false;
	compact = um_compact(raw);
	*value = PointerGetDatum(cstring_to_text_with_len(compact.ptr, compact.len));
	pfree(unconstify(char *, compact.ptr));
	return true;
}

/* Sets a slot; a second value for it must be the same. */
static void
store_value(Reader *reader, UmAttribute *attribute, const UmPath *path, UmSlice raw, Datum value)
{
	UmRecord   *record = reader->record;
	int			slot = attribute->slot;

	if (record->state[slot] != UM_SET)
	{
		record->value[slot] = value;
		record->state[slot] = UM_SET;
		reader->raw[slot] = raw;
		return;
	}
	if (!um_same_slice(raw, reader->raw[slot]) &&
		!same_value(attribute->kind, value, record->value[slot]))
		um_fault(reader->faults, path, UM_RULE, "is given twice, with different values");
}

static bool
same_value(UmKind kind, Datum a, Datum b)
{
	switch (kind)
	{
		case UM_TEXT:
		case UM_URI:
		case UM_ANY:
			return um_same_slice(um_text_slice(a), um_text_slice(b));
		case UM_NUMBER:
			return DatumGetBool(DirectFunctionCall2(numeric_eq, a, b));
		case UM_TIME:
		case UM_BOOL:
		case UM_STATUS:
			return a == b;
		default:
			return false;
	}
}

/* Passes over a value of another kind than expected; always false. */
static bool
wrong_kind(Reader *reader, const UmPath *path, const char *expected)
{
	UmToken		found = um_scan_peek(reader->scan);
	UmSlice		ignored;

	if (um_scan_skip(reader->scan, &ignored))
	{
		um_fault(reader->faults, path, UM_WRONG_KIND, "expected %s, found %s", expected,
				 token_names[found]);
		if (reader->record != NULL && path != NULL && path->attribute != NULL &&
			path->attribute->slot >= 0)
			reader->record->state[path->attribute->slot] = UM_FAULTY;
	}
	return false;
}

static void
finish_extra(Reader *reader)
{
	UmRecord   *record = reader->record;
	Datum		value;

	appendStringInfoChar(&reader->extra, '}');
	if (!jsonb_from_text(reader->faults, NULL, (UmSlice) {reader->extra.data, reader->extra.len},
						 &value))
		return;
	if ((int) JB_ROOT_COUNT(DatumGetJsonbP(value)) < reader->extra_count)
		um_fault(reader->faults, NULL, UM_RULE, "an attribute is given twice");
	record->value[record->model->extra_slot] = value;
	record->state[record->model->extra_slot] = UM_SET;
}

/*
 * From text that the scanner has passed, so that nothing is left to throw; the
 * text, which ends with a zero, is freed, and so is what jsonb's parser leaves.
 */
static bool
jsonb_from_text(UmFaults *faults, const UmPath *path, UmSlice text, Datum *value)
{
	MemoryContext parser;
	MemoryContext old;

	if (text.len >= MAX_JSONB_TEXT)
	{
		um_fault(faults, path, UM_NUMBER_RANGE, "%d bytes are too many to keep", text.len);
		return false;
	}
	parser = AllocSetContextCreate(CurrentMemoryContext, "jsonb parser", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(parser);
	*value = DirectFunctionCall1(jsonb_in, CStringGetDatum(text.ptr));
	MemoryContextSwitchTo(old);
	*value = datumCopy(*value, false, -1);
	MemoryContextDelete(parser);
	pfree(unconstify(char *, text.ptr));
	return true;
}
