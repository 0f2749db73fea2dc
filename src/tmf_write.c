/*
 * tmf_write.c
 *	  Record → JSON text, in the names and shapes of one version.
 *
 * The output is strict: canonical names, real numbers and booleans, times in
 * UTC with a Z, no nulls, attributes in the model's order, and behind them, in
 * the object they came in, those that the model does not know.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "characteristics.h"
#include "errors.h"
#include "lifecycle.h"
#include "names.h"
#include "scalar.h"
#include "settings.h"
#include "tmf_write.h"

/* One object being written. */
typedef struct Writer
{
	StringInfo	out;
	const UmRecord *record;
	UmVersion	version;
	const UmFields *fields;
	Jsonb	   *extra;			/* NULL where there is none */
	uint64		written;		/* slots whose value is out */
	int			members;		/* of the object so far */
} Writer;

static void write_attribute(Writer *writer, const UmAttribute *attribute);
static void write_href(Writer *writer);
static bool makes_object(const UmRecord *record, const UmAttribute *attribute);
static void write_object(Writer *writer, const UmAttribute *object, const UmFields *fields);
static JsonbValue *extra_of(const Writer *writer, const UmAttribute *object, JsonbValue *found);
static inline void write_name(Writer *writer, const UmAttribute *attribute);
static void write_value(Writer *writer, const UmAttribute *attribute, int slot, const UmFields *fields);
static void write_text(Writer *writer, const UmAttribute *attribute, Datum value);
static void write_list(StringInfo out, const UmList *list, UmVersion version, const UmFields *fields);
static void write_extra(Writer *writer, JsonbContainer *extra, const UmNames *known,
						const UmFields *fields);
static void append_jsonb(StringInfo out, Datum value);
static bool selects_attribute(const UmFields *fields, const UmAttribute *attribute,
							  UmFields **under);
static bool selects(const UmFields *fields, const char *name, int len, UmFields **under);

/* Appends the record as a JSON object. */
void
um_write_record(StringInfo out, const UmRecord *record, UmVersion version, const UmFields *fields)
{
	Writer		writer = {out, record, version, fields, NULL, 0, 0};

	if (um_is_set(record, record->model->extra_slot))
		writer.extra = DatumGetJsonbP(record->value[record->model->extra_slot]);
	Assert(writer.extra == NULL || JB_ROOT_IS_OBJECT(writer.extra));
	appendStringInfoCharMacro(out, '{');
	for (um_each_attribute(a, record->model))
		if (!(a->plain_in & (1 << version)) || record->state[a->slot] == UM_SET)
			write_attribute(&writer, a);
	if (writer.extra != NULL)
		write_extra(&writer, &writer.extra->root, &record->model->names, fields);
	appendStringInfoCharMacro(out, '}');
}

/* The record as a datum of type json. */
Datum
um_json_of(const UmRecord *record, UmVersion version, const UmFields *fields)
{
	StringInfoData out;

	/* written behind the room for a header, so that nothing is copied */
	out.maxlen = 4096;
	out.data = palloc(out.maxlen);
	out.len = VARHDRSZ;
	out.cursor = 0;
	um_write_record(&out, record, version, fields);
	SET_VARSIZE(out.data, out.len);
	return PointerGetDatum(out.data);
}

/* One attribute alone, without its name; NULL where the record says nothing of it. */
text *
um_json_of_attribute(const UmRecord *record, const UmAttribute *attribute, UmVersion version)
{
	StringInfoData out;
	Writer		writer = {&out, record, version, NULL, NULL, 0, 0};
	int			name = attribute->key[version].len - 1; /* no comma is written before it */

	initStringInfo(&out);
	if (um_is_set(record, record->model->extra_slot))
		writer.extra = DatumGetJsonbP(record->value[record->model->extra_slot]);
	write_attribute(&writer, attribute);
	return out.len > 0 ? cstring_to_text_with_len(out.data + name, out.len - name) : NULL;
}

static void
write_attribute(Writer *writer, const UmAttribute *attribute)
{
	const UmRecord *record = writer->record;
	int			slot = attribute->slot;
	UmFields   *under = NULL;

	if (attribute->kind == UM_EXTRA || attribute->kind == UM_INTERNAL ||
		(writer->fields != NULL && !selects_attribute(writer->fields, attribute, &under)))
		return;
	if (attribute->members != NULL && (attribute->object_in & (1 << writer->version)))
	{
		write_object(writer, attribute, under);
		return;
	}
	if (attribute->kind == UM_HREF && !um_is_set(record, record->model->id->slot))
		return;
	if (attribute->kind == UM_HREF)
	{
		write_name(writer, attribute);
		write_href(writer);
		return;
	}
	if (!um_is_set(record, slot))
		slot = attribute->fallback_slot;
	if (!um_is_set(record, slot))
		return;
	/* what this version shows elsewhere, as a currency within an amount */
	if (attribute->name[writer->version] == NULL && (writer->written & (UINT64CONST(1) << slot)))
		return;
	if (slot == attribute->slot && !um_has_value(record, attribute))
		return;
	write_name(writer, attribute);
	write_value(writer, attribute, slot, under);
}

/* Of an href only the setting could need an escape. */
static void
write_href(Writer *writer)
{
	const UmModel *model = writer->record->model;
	StringInfo	out = writer->out;

	um_append_json_string(out, um_base_url, strlen(um_base_url));
	out->len--;					/* its closing quote */
	appendStringInfoString(out, model->resource->path[writer->version]);
	um_append_encoded(out, um_text_slice(um_id(writer->record)));
	appendStringInfoCharMacro(out, '"');
}

/* Whether any member of its own gives the object something to say. */
static bool
makes_object(const UmRecord *record, const UmAttribute *attribute)
{
	for (const UmAttribute *m = attribute->members; m->kind != UM_END; m++)
		if (um_is_set(record, m->slot) && !(m->flags & UM_SHARED))
			return true;
	return false;
}

static void
write_object(Writer *writer, const UmAttribute *object, const UmFields *fields)
{
	Writer		inner = *writer;
	JsonbValue	found;
	JsonbValue *extra = extra_of(writer, object, &found);

	if (extra == NULL && !makes_object(writer->record, object))
		return;
	write_name(writer, object);
	appendStringInfoCharMacro(writer->out, '{');
	inner.members = 0;
	inner.fields = fields;
	for (const UmAttribute *m = object->members; m->kind != UM_END; m++)
		write_attribute(&inner, m);
	if (extra != NULL)
		write_extra(&inner, extra->val.binary.data, &object->names, fields);
	writer->written = inner.written;
	appendStringInfoCharMacro(writer->out, '}');
}

/* What came in an object and is unknown to the model. */
static JsonbValue *
extra_of(const Writer *writer, const UmAttribute *object, JsonbValue *found)
{
	const char *name = um_name_in(object, UM_R14_5);

	if (writer->extra == NULL ||
		getKeyJsonValueFromContainer(&writer->extra->root, name, strlen(name), found) == NULL ||
		found->type != jbvBinary || !JsonContainerIsObject(found->val.binary.data))
		return NULL;
	return found;
}

/* The attribute's name, quoted once and for all by the model; the first has no comma. */
static inline void
write_name(Writer *writer, const UmAttribute *attribute)
{
	UmSlice		key = attribute->key[writer->version];
	int			left_out = writer->members++ == 0;

	um_append(writer->out, key.ptr + left_out, key.len - left_out);
}

static void
write_value(Writer *writer, const UmAttribute *attribute, int slot, const UmFields *fields)
{
	StringInfo	out = writer->out;
	Datum		value = writer->record->value[slot];
	const UmLifeCycle *life = writer->record->model->life;
	const char *number;

	Assert(um_is_set(writer->record, slot));
	writer->written |= UINT64CONST(1) << slot;
	switch (attribute->kind)
	{
		case UM_TEXT:
		case UM_URI:
		case UM_ANY:
			write_text(writer, attribute, value);
			break;
		case UM_TIME:
			um_append_time(out, DatumGetTimestampTz(value));
			break;
		case UM_NUMBER:
			number = DatumGetCString(DirectFunctionCall1(numeric_out, value));
			/* no stored amount is NaN or infinite, but one of a row made by hand can be */
			if (isalpha((unsigned char) number[strlen(number) - 1]))
				um_append_json_string(out, number, strlen(number));
			else
				um_append(out, number, strlen(number));
			break;
		case UM_BOOL:
			appendStringInfoString(out, DatumGetBool(value) ? "true" : "false");
			break;
		case UM_STATUS:
			appendStringInfoCharMacro(out, '"');
			appendStringInfoString(out, um_status_name(life, um_status_from_oid(life, DatumGetObjectId(value)), writer->version));
			appendStringInfoCharMacro(out, '"');
			break;
		case UM_CHARACTERISTICS:
			um_write_characteristics(out, (struct varlena *) DatumGetPointer(value));
			break;
		case UM_LIST:
		case UM_TREE:
			write_list(out, (UmList *) DatumGetPointer(value), writer->version, fields);
			break;
		case UM_BRANCH:
			um_write_record(out, ((UmList *) DatumGetPointer(value))->record[0],
							writer->version, fields);
			break;
		case UM_JSON:
			append_jsonb(out, value);
			break;
		default:
			elog(ERROR, "attribute kind %d is never written", attribute->kind);
	}
}

static void
write_text(Writer *writer, const UmAttribute *attribute, Datum value)
{
	UmSlice		s = um_text_slice(value);

	if (attribute->kind == UM_ANY ||
		((attribute->number_in & (1 << writer->version)) && um_is_number(s)))
		appendBinaryStringInfo(writer->out, s.ptr, s.len);
	else
		um_append_json_string(writer->out, s.ptr, s.len);
}

static void
write_list(StringInfo out, const UmList *list, UmVersion version, const UmFields *fields)
{
	bool		first = true;

	appendStringInfoCharMacro(out, '[');
	for (int i = 0; i < list->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (list->record[i] == NULL)
			continue;
		if (!first)
			appendStringInfoCharMacro(out, ',');
		first = false;
		um_write_record(out, list->record[i], version, fields);
	}
	appendStringInfoCharMacro(out, ']');
}

/* The content of a tree or branch column. */
void
um_write_tree(StringInfo out, const UmAttribute *attribute, const UmList *list, UmVersion version)
{
	if (attribute->kind == UM_BRANCH)
		um_write_record(out, list->record[0], version, NULL);
	else
		write_list(out, list, version, NULL);
}

/* Members that the model does not know; those it knows have columns. */
static void
write_extra(Writer *writer, JsonbContainer *extra, const UmNames *known, const UmFields *fields)
{
	const UmModel *model = writer->record->model;
	const char *word = model->slot[model->extra_slot]->column;
	JsonbIterator *iterator;
	JsonbValue	value;
	JsonbIteratorToken token;
	UmFields   *asked;
	UmFields   *under;

	Assert(JsonContainerIsObject(extra));
	if (!selects(fields, word, strlen(word), &asked))
		return;
	iterator = JsonbIteratorInit(extra);
	(void) JsonbIteratorNext(&iterator, &value, true);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) == WJB_KEY)
	{
		UmSlice		key = {value.val.string.val, value.val.string.len};
		bool		wanted = selects(asked, key.ptr, key.len, &under) &&
			um_find_name(known, key, NULL) == NULL;

		CHECK_FOR_INTERRUPTS();
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (!wanted || value.type == jbvNull)
			continue;
		if (writer->members++ > 0)
			appendStringInfoCharMacro(writer->out, ',');
		um_append_json_string(writer->out, key.ptr, key.len);
		appendStringInfoCharMacro(writer->out, ':');
		append_jsonb(writer->out, JsonbPGetDatum(JsonbValueToJsonb(&value)));
	}
}

static void
append_jsonb(StringInfo out, Datum value)
{
	UmSlice		text = um_jsonb_text(value);

	um_append_compact(out, text);
	pfree(unconstify(char *, text.ptr));
}

/* The address of a resource: base_url, the version's path, the id for a URI. */
char *
um_href(const UmModel *model, UmVersion version, const char *id, int len)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "%s%s", um_base_url, model->resource->path[version]);
	um_append_encoded(&out, (UmSlice) {id, len});
	return out.data;
}

/* Percent-encodes all but the unreserved characters of RFC 3986, as UTF-8. */
void
um_append_encoded(StringInfo out, UmSlice id)
{
	static const char hex[] = "0123456789ABCDEF";
	char	   *p;

	/* where the database knows no encoding, the bytes are all there is */
	if (GetDatabaseEncoding() != PG_UTF8 && GetDatabaseEncoding() != PG_SQL_ASCII)
	{
		const char *utf8 = pg_server_to_any(id.ptr, id.len, PG_UTF8);

		if (utf8 != id.ptr)
			id = (UmSlice) {utf8, strlen(utf8)};
	}
	/* more than a string can hold is refused by enlargeStringInfo itself */
	enlargeStringInfo(out, (int) Min((Size) id.len * 3, MaxAllocSize));
	p = out->data + out->len;
	for (int i = 0; i < id.len; i++)
	{
		unsigned char c = id.ptr[i];

		if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
			c == '-' || c == '.' || c == '_' || c == '~')
			*p++ = c;
		else
		{
			*p++ = '%';
			*p++ = hex[c >> 4];
			*p++ = hex[c & 0x0f];
		}
	}
	*p = '\0';
	out->len = p - out->data;
}

/*
 * The attributes that a list such as "id,relatedParty.role" asks for; NULL for
 * all.  id and href are always written, and "none" asks for nothing else.
 * 22023 for a name that the model does not know, but below "extra".
 */
UmFields *
um_fields(const char *text, const UmModel *model, UmVersion version)
{
	UmFields   *fields = NIL;
	char	   *copy;
	char	   *save = NULL;

	if (text == NULL)
		return NULL;
	copy = pstrdup(text);
	for (char *name = strtok_r(copy, ", ", &save); name != NULL; name = strtok_r(NULL, ", ", &save))
		if (strcmp(name, "all") == 0)
			return NULL;
		else if (list_length(fields) >= UM_MAX_FIELDS)
			ereport(ERROR,
					(errcode(UM_PARAMETER), errmsg("a query has at most %d fields", UM_MAX_FIELDS)));
		else if (strcmp(name, "none") != 0)
		{
			char	   *hint = um_unknown_name(model, name, version, UM_FIELD_NAME);

			if (hint != NULL)
				ereport(ERROR,
						(errcode(UM_PARAMETER), errmsg("field \"%s\" is not known", name),
						 errhint("%s", hint)));
			fields = lappend(fields, name);
		}
	fields = lappend(fields, pstrdup(um_name_in(model->id, version)));
	return lappend(fields, pstrdup(um_name_in(model->href, version)));
}

/* By any of its names, as in the conditions of a query. */
static bool
selects_attribute(const UmFields *fields, const UmAttribute *attribute, UmFields **under)
{
	UmFields   *all = NIL;

	for (int i = 0; fields != NULL && i < UM_VERSIONS + UM_MAX_ALIASES; i++)
	{
		const char *name = i < UM_VERSIONS ? attribute->name[i] : attribute->alias[i - UM_VERSIONS];

		if (name == NULL || (i == 1 && attribute->name[0] != NULL && strcmp(name, attribute->name[0]) == 0))
			continue;
		if (selects(fields, name, strlen(name), under) && *under == NIL)
			return true;
		all = list_concat(all, *under);
	}
	*under = all;
	return fields == NULL || all != NIL;
}

/* Whether a name is asked for, and what of the object below it. */
static bool
selects(const UmFields *fields, const char *name, int len, UmFields **under)
{
	ListCell   *cell;

	*under = NIL;
	if (fields == NULL)
		return true;
	foreach(cell, fields)
	{
		char	   *field = lfirst(cell);

		if (strncmp(field, name, len) != 0)
			continue;
		if (field[len] == '\0')
		{
			*under = NIL;
			return true;
		}
		if (field[len] == '.')
			*under = lappend(*under, field + len + 1);
	}
	return *under != NIL;
}
