/*
 * content.c
 *	  What makes two records the same: their canonical form and its hash.
 *
 * The form is a string of bytes that depends on the content alone: slots in
 * the model's order, numbers by value, times by instant, statuses by label.
 * No type OID, no array header, no spelling of the document enters it, so it
 * is the same after dump and restore and in every version of the standard.
 *
 * The hash is stored in the ledger for good.  Whatever would change the form
 * needs a new UM_HASH_VERSION, and the old one stays computable.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "characteristics.h"
#include "compat.h"
#include "content.h"
#include "errors.h"
#include "lifecycle.h"

/* A tag and a number. */
#define COUNT_WIDTH (1 + (int) sizeof(uint64))

/* A longer form is not worth keeping the memory for. */
#define FORM_KEPT (64 * 1024)

static StringInfo form_of(const UmRecord *usage);
static void let_go(StringInfo form);
static void append_record(StringInfo out, const UmRecord *record, int but_flags, int but_slot);
static void append_slot(StringInfo out, const UmRecord *record, const UmAttribute *attribute);
static void append_status(StringInfo out, const UmRecord *record);
static void append_list(StringInfo out, const UmList *list);
static void append_characteristics(StringInfo out, const struct varlena *list);
static inline void append_bytes(StringInfo out, char tag, const char *bytes, int len);
static void append_number(StringInfo out, Numeric number);
static inline void append_count(StringInfo out, char tag, int64 count);
static inline void put_count(StringInfo out, char tag, int64 count);
static void append_jsonb(StringInfo out, JsonbContainer *container);
static void append_json_text(StringInfo out, UmSlice text);
static int	date_of_receipt(const UmRecord *usage);

/*
 * The hash of a usage as it was delivered: without its id, and without a date
 * that was only the time of receipt.
 */
int64
um_content_hash(const UmRecord *usage)
{
	StringInfo	form = form_of(usage);
	int64		hash = (int64) hash_bytes_extended((unsigned char *) form->data, form->len, 0);

	let_go(form);
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
	append_record(&form, usage, UM_NOT_CONTENT, date_of_receipt(usage));
	return &form;
}

static void
let_go(StringInfo form)
{
	if (form->maxlen <= FORM_KEPT)
		return;
	pfree(form->data);
	form->data = NULL;
}

/*
 * An id made of the content, for a record that came without one: a UUID of
 * version 8, so that the same file again adds nothing.
 */
Datum
um_content_id(const UmRecord *usage)
{
	StringInfo	form = form_of(usage);
	StringInfoData id;
	uint64		half[2];
	unsigned char *byte = (unsigned char *) half;

	for (int i = 0; i < 2; i++)
		half[i] = pg_hton64(hash_bytes_extended((unsigned char *) form->data, form->len, i + 1));
	let_go(form);
	byte[6] = (byte[6] & 0x0f) | 0x80;
	byte[8] = (byte[8] & 0x3f) | 0x80;
	initStringInfo(&id);
	for (int i = 0; i < 16; i++)
		appendStringInfo(&id, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", byte[i]);
	return PointerGetDatum(cstring_to_text_with_len(id.data, id.len));
}

/*
 * Whether two records agree in all attributes but those with any of the flags,
 * and where so asked the status.
 */
bool
um_same_content(const UmRecord *a, const UmRecord *b, int but_flags, bool but_status)
{
	StringInfoData left;
	StringInfoData right;

	initStringInfo(&left);
	initStringInfo(&right);
	append_record(&left, a, but_flags, but_status ? a->model->status_slot : -1);
	append_record(&right, b, but_flags, but_status ? b->model->status_slot : -1);
	return left.len == right.len && memcmp(left.data, right.data, left.len) == 0;
}

/*
 * The first attribute that a delivery has otherwise than what is stored under
 * its id; NULL where none is.  A delivery that knows its receipt already had no
 * date of its own.
 */
const UmAttribute *
um_first_difference(const UmRecord *delivered, const UmRecord *stored)
{
	const UmModel *model = delivered->model;
	StringInfoData left;
	StringInfoData right;

	initStringInfo(&left);
	initStringInfo(&right);
	for (int s = 0; s < model->slots; s++)
	{
		if ((model->slot[s]->flags & UM_NOT_CONTENT) ||
			(s == model->date_slot && um_is_set(delivered, model->receipt_slot)))
			continue;
		resetStringInfo(&left);
		resetStringInfo(&right);
		append_slot(&left, delivered, model->slot[s]);
		append_slot(&right, stored, model->slot[s]);
		if (left.len != right.len || memcmp(left.data, right.data, left.len) != 0)
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

static void
append_record(StringInfo out, const UmRecord *record, int but_flags, int but_slot)
{
	for (int s = 0; s < record->model->slots; s++)
		if (record->state[s] == UM_SET && s != but_slot &&
			!(record->model->slot[s]->flags & but_flags))
			append_slot(out, record, record->model->slot[s]);
	appendStringInfoCharMacro(out, '\0');
}

static void
append_slot(StringInfo out, const UmRecord *record, const UmAttribute *attribute)
{
	Datum		value = record->value[attribute->slot];
	text	   *t;

	if (!um_has_value(record, attribute))
		return;
	appendStringInfoCharMacro(out, (char) attribute->tag);
	switch (attribute->kind)
	{
		case UM_TEXT:
		case UM_URI:
			t = DatumGetTextPP(value);
			append_bytes(out, 's', VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t));
			break;
		case UM_ANY:
			t = DatumGetTextPP(value);
			append_json_text(out, (UmSlice) {VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t)});
			break;
		case UM_TIME:
			append_count(out, 't', DatumGetTimestampTz(value));
			break;
		case UM_NUMBER:
			append_number(out, DatumGetNumeric(value));
			break;
		case UM_BOOL:
			appendStringInfoCharMacro(out, DatumGetBool(value) ? 'T' : 'F');
			break;
		case UM_STATUS:
			append_status(out, record);
			break;
		case UM_CHARACTERISTICS:
			append_characteristics(out, (struct varlena *) DatumGetPointer(value));
			break;
		case UM_LIST:
		case UM_TREE:
		case UM_BRANCH:
			append_list(out, (UmList *) DatumGetPointer(value));
			break;
		case UM_JSON:
		case UM_EXTRA:
			append_jsonb(out, &DatumGetJsonbP(value)->root);
			break;
		default:
			break;
	}
}

/* The status as delivered, where the specification check changed it. */
static void
append_status(StringInfo out, const UmRecord *record)
{
	int			rejection = record->model->rejection_slot;
	const UmLifeCycle *life = record->model->life;
	const char *label = life->status[um_status_from_oid(life, DatumGetObjectId(record->value[record->model->status_slot]))];
	JsonbValue	found;

	if (um_is_set(record, rejection) &&
		JB_ROOT_IS_OBJECT(DatumGetJsonbP(record->value[rejection])) &&
		getKeyJsonValueFromContainer(&DatumGetJsonbP(record->value[rejection])->root,
									 UM_DELIVERED_STATUS, strlen(UM_DELIVERED_STATUS),
									 &found) != NULL && found.type == jbvString)
		append_bytes(out, 's', found.val.string.val, found.val.string.len);
	else
		append_bytes(out, 's', label, strlen(label));
}

static void
append_list(StringInfo out, const UmList *list)
{
	append_count(out, 'l', list->count);
	for (int i = 0; i < list->count; i++)
		if (list->record[i] != NULL)
			append_record(out, list->record[i], 0, -1);
}

static void
append_characteristics(StringInfo out, const struct varlena *list)
{
	UmCharacteristicsReader reader;
	UmCharacteristic c;

	um_characteristics_open(&reader, list);
	append_count(out, 'l', reader.left);
	while (um_characteristics_next(&reader, &c))
	{
		append_bytes(out, c.has_name ? 's' : '0', c.name.ptr, c.has_name ? c.name.len : 0);
		if (c.kind == UM_STRING)
			append_bytes(out, 's', c.value.ptr, c.value.len);
		else if (c.kind == UM_TRUE || c.kind == UM_FALSE || c.kind == UM_NONE)
			appendStringInfoCharMacro(out, c.kind == UM_TRUE ? 'T' : c.kind == UM_FALSE ? 'F' : '0');
		else
			append_json_text(out, c.value);
		if (c.extra.len > 0)
			append_json_text(out, c.extra);
	}
}

/* Makes room once for what is many times a row. */
static inline void
append_bytes(StringInfo out, char tag, const char *bytes, int len)
{
	if (out->maxlen - out->len <= COUNT_WIDTH + len)
		enlargeStringInfo(out, COUNT_WIDTH + len);
	put_count(out, tag, len);
	memcpy(out->data + out->len, bytes, len);
	out->len += len;
}

static inline void
append_count(StringInfo out, char tag, int64 count)
{
	if (out->maxlen - out->len <= COUNT_WIDTH)
		enlargeStringInfo(out, COUNT_WIDTH);
	put_count(out, tag, count);
}

/* A tag and eight bytes, the lowest first whatever the machine. */
static inline void
put_count(StringInfo out, char tag, int64 count)
{
	uint64		bytes = count;

#ifdef WORDS_BIGENDIAN
	bytes = pg_bswap64(bytes);
#endif
	out->data[out->len] = tag;
	memcpy(out->data + out->len + 1, &bytes, sizeof(bytes));
	out->len += COUNT_WIDTH;
}

/* By value: 12.00, 12.0 and 12 are the same. */
static void
append_number(StringInfo out, Numeric number)
{
	char	   *digits = numeric_normalize(number);

	append_bytes(out, 'n', digits, strlen(digits));
	pfree(digits);
}

static void
append_json_text(StringInfo out, UmSlice text)
{
	char	   *copy = pnstrdup(text.ptr, text.len);
	Datum		jsonb = DirectFunctionCall1(jsonb_in, CStringGetDatum(copy));

	append_jsonb(out, &DatumGetJsonbP(jsonb)->root);
}

static void
append_jsonb(StringInfo out, JsonbContainer *container)
{
	JsonbIterator *iterator = JsonbIteratorInit(container);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		appendStringInfoCharMacro(out, (char) ('0' + token));
		if (token != WJB_KEY && token != WJB_VALUE && token != WJB_ELEM)
			continue;
		if (value.type == jbvString)
			append_bytes(out, 's', value.val.string.val, value.val.string.len);
		else if (value.type == jbvNumeric)
			append_number(out, value.val.numeric);
		else if (value.type == jbvBool)
			appendStringInfoCharMacro(out, value.val.boolean ? 'T' : 'F');
		else
			appendStringInfoCharMacro(out, '0');
	}
}
