/*
 * content.c
 *	  What makes two records the same: their canonical form, and its hash.
 *
 * docs/canonical-form.md defines the form byte by byte, and it is frozen: its
 * hashes are on disk for good.  No change here may change what it writes; that
 * would be another UM_HASH_VERSION, beside this one.
 *
 * The form is made from the text of values in one pass, without a tree and
 * without numeric, so that a long list costs little more than the form.
 *
 * The hash is SHA-256, cut to 16 bytes: equal hashes are taken for equal
 * contents unseen, so nobody may be able to make two that collide.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "characteristics.h"
#include "content.h"
#include "lifecycle.h"

/* A longer form is not worth keeping the memory for. */
#define FORM_KEPT (64 * 1024)

/* A tag and a length, at the most; a length below 128 is one byte. */
#define LENGTH_WIDTH 6

/* A member of an object in the form, which starts with its key. */
typedef struct Member
{
	int			start;
	int			end;
	int			key_len;
} Member;

/* The members of the object at hand. */
typedef struct Members
{
	Member	   *member;
	int			count;
	int			room;
	bool		ordered;		/* no key twice, each behind the one before */
} Members;

static StringInfo form_of(const UmRecord *usage);
static UmHash hash_of(const StringInfoData *form);
static int	date_of_receipt(const UmRecord *usage);
static void append_record(StringInfo out, const UmRecord *record, int but_flags, int but_slot,
						  bool as_delivered);
static void append_slot(StringInfo out, const UmRecord *record, const UmAttribute *attribute,
						bool as_delivered);
static void append_status(StringInfo out, const UmRecord *record, bool as_delivered);
static void append_list(StringInfo out, const UmList *list);
static void append_characteristics(StringInfo out, const struct varlena *list);
static inline void append_bytes(StringInfo out, char tag, const char *bytes, int len);
static void append_number(StringInfo out, Numeric number);
static void append_digits(StringInfo out, UmSlice number);
static int64 exponent_of(const char *p, const char *end);
static inline void append_length(StringInfo out, char tag, uint32 length);
static inline char *put_length(char *p, char tag, uint32 length);
static void append_time(StringInfo out, TimestampTz time);
static void append_jsonb(StringInfo out, JsonbContainer *container);
static void append_json_text(StringInfo out, UmSlice text);
static void append_value(StringInfo out, UmScan *scan);
static void append_string(StringInfo out, UmScan *scan, UmSlice string);
static void append_array(StringInfo out, UmScan *scan);
static void append_object(StringInfo out, UmScan *scan);
static void add_member(Members *members, StringInfo out, int start, int key_len);
static void order_members(Members *members, StringInfo out, int start);
static int	compare_keys(const Member *a, const Member *b, const char *form);
static inline const char *key_of(const Member *member, const char *form);
static int	compare_members(const void *a, const void *b, void *form);

/*
 * The hash of a usage as it was delivered: without its id, and without a date
 * that was only the time of receipt.
 */
UmHash
um_content_hash(const UmRecord *usage)
{
	StringInfo	form = form_of(usage);
	UmHash		hash = hash_of(form);

	if (form->maxlen > FORM_KEPT)
	{
		pfree(form->data);
		form->data = NULL;
	}
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
	append_record(&form, usage, UM_NOT_CONTENT, date_of_receipt(usage), true);
	return &form;
}

/*
 * Of one form.  The context is kept for the session, because making one takes
 * longer than the hash: in memory that stays, and with an owner that no query
 * releases.
 */
static UmHash
hash_of(const StringInfoData *form)
{
	static pg_cryptohash_ctx *context = NULL;
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	UmHash		hash;

	if (context == NULL)
	{
		ResourceOwner before = CurrentResourceOwner;
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		CurrentResourceOwner = ResourceOwnerCreate(NULL, "usage hashes");
		context = pg_cryptohash_create(PG_SHA256);
		CurrentResourceOwner = before;
		MemoryContextSwitchTo(old);
	}
	if (pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (uint8 *) form->data, form->len) < 0 ||
		pg_cryptohash_final(context, digest, sizeof(digest)) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute the hash of a usage: %s", pg_cryptohash_error(context))));
	memcpy(&hash, digest, sizeof(hash));
	return hash;
}

/*
 * An id made of the content, for a record that came without one: a UUID of
 * version 8, so that the same file again adds nothing.
 */
Datum
um_content_id(const UmRecord *usage)
{
	return um_uuid_text(um_content_hash(usage), 8);
}

/* As the UUID of a version. */
Datum
um_uuid_text(UmHash id, int version)
{
	id.data[6] = (id.data[6] & 0x0f) | (version << 4);
	id.data[8] = (id.data[8] & 0x3f) | 0x80;
	return CStringGetTextDatum(DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&id))));
}

/*
 * Whether two records, as they are, agree in all attributes but those with any
 * of the flags, and where so asked the status.
 */
bool
um_same_content(const UmRecord *a, const UmRecord *b, int but_flags, bool but_status)
{
	StringInfoData left;
	StringInfoData right;
	bool		same;

	initStringInfo(&left);
	initStringInfo(&right);
	append_record(&left, a, but_flags, but_status ? a->model->status_slot : -1, false);
	append_record(&right, b, but_flags, but_status ? b->model->status_slot : -1, false);
	same = left.len == right.len && memcmp(left.data, right.data, left.len) == 0;
	pfree(left.data);
	pfree(right.data);
	return same;
}

/*
 * The first attribute that a delivery has otherwise than what is stored under
 * its id; NULL where none is.  A delivery that knows its receipt already had no
 * date of its own; its status may be the stored one or the one delivered first.
 */
const UmAttribute *
um_first_difference(const UmRecord *delivered, const UmRecord *stored)
{
	const UmModel *model = delivered->model;
	StringInfoData left;
	StringInfoData right;
	bool		same = true;

	initStringInfo(&left);
	initStringInfo(&right);
	for (int s = 0; s < model->slots; s++)
	{
		if ((model->slot[s]->flags & UM_NOT_CONTENT) ||
			(s == model->date_slot && um_is_set(delivered, model->receipt_slot)))
			continue;
		resetStringInfo(&left);
		append_slot(&left, delivered, model->slot[s], false);
		for (int as_delivered = 0; as_delivered <= (s == model->status_slot); as_delivered++)
		{
			resetStringInfo(&right);
			append_slot(&right, stored, model->slot[s], as_delivered);
			same = left.len == right.len && memcmp(left.data, right.data, left.len) == 0;
			if (same)
				break;
		}
		if (!same)
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

/*
 * Appends what a record says, but for attributes with any of the flags and one
 * slot, -1 for none.
 */
static void
append_record(StringInfo out, const UmRecord *record, int but_flags, int but_slot,
			  bool as_delivered)
{
	for (int s = 0; s < record->model->slots; s++)
		if (record->state[s] == UM_SET && s != but_slot &&
			!(record->model->slot[s]->flags & but_flags))
			append_slot(out, record, record->model->slot[s], as_delivered);
	appendStringInfoCharMacro(out, '\0');
}

/* The same of one slot, its status where so asked as delivered. */
static void
append_slot(StringInfo out, const UmRecord *record, const UmAttribute *attribute,
			bool as_delivered)
{
	Datum		value = record->value[attribute->slot];
	UmSlice		text;

	Assert(attribute->tag != 0);	/* what has none is no content */
	if (!um_has_value(record, attribute))
		return;
	appendStringInfoCharMacro(out, (char) attribute->tag);
	switch (attribute->kind)
	{
		case UM_TEXT:
		case UM_URI:
			text = um_text_slice(value);
			append_bytes(out, 's', text.ptr, text.len);
			break;
		case UM_ANY:
			append_json_text(out, um_text_slice(value));
			break;
		case UM_TIME:
			append_time(out, DatumGetTimestampTz(value));
			break;
		case UM_NUMBER:
			append_number(out, DatumGetNumeric(value));
			break;
		case UM_BOOL:
			appendStringInfoCharMacro(out, DatumGetBool(value) ? 'T' : 'F');
			break;
		case UM_STATUS:
			append_status(out, record, as_delivered);
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

/* The status; where so asked as delivered, should the specification check have changed it. */
static void
append_status(StringInfo out, const UmRecord *record, bool as_delivered)
{
	int			rejection = record->model->rejection_slot;
	const UmLifeCycle *life = record->model->life;
	const char *label = life->status[um_status_from_oid(life, DatumGetObjectId(record->value[record->model->status_slot]))];
	JsonbValue	found;

	if (as_delivered && um_is_set(record, rejection) &&
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
	append_length(out, 'l', list->count);
	for (int i = 0; i < list->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (list->record[i] != NULL)
			append_record(out, list->record[i], 0, -1, false);
	}
}

static void
append_characteristics(StringInfo out, const struct varlena *list)
{
	UmCharacteristicsReader reader;
	UmCharacteristic c;

	um_characteristics_open(&reader, list);
	append_length(out, 'l', reader.left);
	while (um_characteristics_next(&reader, &c))
	{
		append_bytes(out, c.has_name ? 's' : '0', c.name.ptr, c.has_name ? c.name.len : 0);
		if (c.kind == UM_STRING)
			append_bytes(out, 's', c.value.ptr, c.value.len);
		else if (c.kind == UM_TRUE || c.kind == UM_FALSE || c.kind == UM_NONE)
			appendStringInfoCharMacro(out, c.kind == UM_TRUE ? 'T' : c.kind == UM_FALSE ? 'F' : '0');
		else if (c.kind == UM_NUMBER_TOKEN)
			append_digits(out, c.value);
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
	char	   *p;

	if (out->maxlen - out->len <= LENGTH_WIDTH + len)
		enlargeStringInfo(out, LENGTH_WIDTH + len);
	p = put_length(out->data + out->len, tag, len);
	memcpy(p, bytes, len);
	out->len = p + len - out->data;
}

static inline void
append_length(StringInfo out, char tag, uint32 length)
{
	if (out->maxlen - out->len <= LENGTH_WIDTH)
		enlargeStringInfo(out, LENGTH_WIDTH);
	out->len = put_length(out->data + out->len, tag, length) - out->data;
}

/* A tag and a length of 7 bits a byte, the lowest first. */
static inline char *
put_length(char *p, char tag, uint32 length)
{
	*p++ = tag;
	return um_put_varint(p, length);
}

/* Eight bytes, the highest first whatever the machine. */
static void
append_time(StringInfo out, TimestampTz time)
{
	uint64		bytes = pg_hton64(time);

	appendStringInfoCharMacro(out, 't');
	appendBinaryStringInfo(out, (char *) &bytes, sizeof(bytes));
}

static void
append_number(StringInfo out, Numeric number)
{
	char	   *digits = numeric_normalize(number);

	append_digits(out, (UmSlice) {digits, strlen(digits)});
	pfree(digits);
}

/*
 * By value: the digits without zeros at either end, and the power of ten that
 * they stand for.  12.00, 12.0, 12 and 1.2e1 are the same, and 1e300 is short.
 */
static void
append_digits(StringInfo out, UmSlice number)
{
	const char *p = number.ptr;
	const char *end = p + number.len;
	int64		power = 0;
	bool		point = false;
	int			room = number.len + 1 + MAXINT8LEN;
	char		few[64];
	char	   *start = room <= (int) sizeof(few) ? few : palloc(room);
	char	   *last = start;
	char	   *first;

	if (p < end && *p == '-')
		*last++ = *p++;
	first = last;
	for (; p < end && *p != 'e' && *p != 'E'; p++)
	{
		if (*p == '.')
		{
			point = true;
			continue;
		}
		power -= point;
		if (*p != '0' || last > first)
			*last++ = *p;
	}
	for (; last > first && last[-1] == '0'; last--)
		power++;
	if (last == first)
	{
		/* zero has no sign */
		last = start;
		*last++ = '0';
		power = 0;
	}
	else
		power += exponent_of(p, end);
	if (power != 0)
	{
		*last++ = 'e';
		last += pg_lltoa(power, last);
	}
	append_bytes(out, 'n', start, last - start);
	if (start != few)
		pfree(start);
}

/* Of a number's text from its "e" on, if it has one. */
static int64
exponent_of(const char *p, const char *end)
{
	int64		exponent = 0;
	bool		negative;

	if (p++ >= end)
		return 0;
	negative = p < end && *p == '-';
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	/* which has few digits, as the scanner takes care of */
	for (; p < end && exponent < PG_INT32_MAX; p++)
		exponent = exponent * 10 + (*p - '0');
	return negative ? -exponent : exponent;
}

/* Any JSON value. */
static void
append_json_text(StringInfo out, UmSlice text)
{
	UmScan		scan;

	um_scan_init(&scan, text.ptr, text.len);
	append_value(out, &scan);
	if (!um_scan_finish(&scan))
		ereport(ERROR,
				(errcode(scan.sqlstate), errmsg("not a JSON value: %s", scan.message)));
}

static void
append_value(StringInfo out, UmScan *scan)
{
	UmToken		kind = um_scan_peek(scan);
	UmSlice		value;

	switch (kind)
	{
		case UM_STRING:
			if (um_scan_string(scan, &value))
				append_string(out, scan, value);
			break;
		case UM_NUMBER_TOKEN:
			if (um_scan_number(scan, &value))
				append_digits(out, value);
			break;
		case UM_TRUE:
		case UM_FALSE:
		case UM_NULL:
			(void) um_scan_skip(scan, &value);
			appendStringInfoCharMacro(out, kind == UM_TRUE ? 'T' : kind == UM_FALSE ? 'F' : '0');
			break;
		case UM_ARRAY_TOKEN:
			append_array(out, scan);
			break;
		case UM_OBJECT_TOKEN:
			append_object(out, scan);
			break;
		case UM_NONE:
			break;
	}
}

static void
append_string(StringInfo out, UmScan *scan, UmSlice string)
{
	append_bytes(out, 's', string.ptr, string.len);
	um_scan_free(scan, string);
}

/* The scanner limits how deep it may go. */
static void
append_array(StringInfo out, UmScan *scan)
{
	check_stack_depth();
	appendStringInfoCharMacro(out, '[');
	(void) um_scan_enter(scan);
	while (um_scan_element(scan))
		append_value(out, scan);
	appendStringInfoCharMacro(out, ']');
}

/* As jsonb keeps it: the shorter keys first, of a repeated one the last. */
static void
append_object(StringInfo out, UmScan *scan)
{
	Members		members = {.ordered = true};
	int			begin;
	UmSlice		key;

	check_stack_depth();
	appendStringInfoCharMacro(out, '{');
	begin = out->len;
	(void) um_scan_enter(scan);
	while (um_scan_key(scan, &key))
	{
		int			start = out->len;
		int			len = key.len;

		append_string(out, scan, key);
		append_value(out, scan);
		add_member(&members, out, start, len);
	}
	if (!members.ordered && scan->sqlstate == 0)
		order_members(&members, out, begin);
	if (members.member != NULL)
		pfree(members.member);
	appendStringInfoCharMacro(out, '}');
}

static void
add_member(Members *members, StringInfo out, int start, int key_len)
{
	if (members->count == members->room)
	{
		members->room = Max(8, members->room * 2);
		members->member = members->member == NULL
			? palloc(sizeof(Member) * members->room)
			: repalloc_huge(members->member, sizeof(Member) * members->room);
	}
	members->member[members->count] = (Member) {start, out->len, key_len};
	if (members->count > 0)
		members->ordered &= compare_keys(&members->member[members->count - 1],
										 &members->member[members->count], out->data) < 0;
	members->count++;
}

/* Puts the members, which fill the form from start to its end, in order. */
static void
order_members(Members *members, StringInfo out, int start)
{
	char	   *copy = palloc(out->len - start);
	char	   *to = copy;

	qsort_arg(members->member, members->count, sizeof(Member), compare_members, out->data);
	for (int i = 0; i < members->count; i++)
	{
		const Member *m = &members->member[i];

		if (i + 1 < members->count && compare_keys(m, m + 1, out->data) == 0)
			continue;
		memcpy(to, out->data + m->start, m->end - m->start);
		to += m->end - m->start;
	}
	memcpy(out->data + start, copy, to - copy);
	out->len = start + (to - copy);
	pfree(copy);
}

static int
compare_keys(const Member *a, const Member *b, const char *form)
{
	if (a->key_len != b->key_len)
		return a->key_len < b->key_len ? -1 : 1;
	return memcmp(key_of(a, form), key_of(b, form), a->key_len);
}

/* Behind its tag and its length. */
static inline const char *
key_of(const Member *member, const char *form)
{
	const char *p = form + member->start + 1;

	while (*p++ & 0x80)
		;
	return p;
}

/* Members with the same key stay as they came. */
static int
compare_members(const void *a, const void *b, void *form)
{
	int			order = compare_keys(a, b, form);

	CHECK_FOR_INTERRUPTS();
	return order != 0 ? order : ((const Member *) a)->start - ((const Member *) b)->start;
}

static void
append_jsonb(StringInfo out, JsonbContainer *container)
{
	JsonbIterator *iterator = JsonbIteratorInit(container);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token != WJB_KEY && token != WJB_VALUE && token != WJB_ELEM)
		{
			/* a lone scalar passes for an array of it */
			if (!JsonContainerIsScalar(container))
				appendStringInfoCharMacro(out, token == WJB_BEGIN_ARRAY ? '[' : token == WJB_END_ARRAY ? ']'
										  : token == WJB_BEGIN_OBJECT ? '{' : '}');
		}
		else if (value.type == jbvString)
			append_bytes(out, 's', value.val.string.val, value.val.string.len);
		else if (value.type == jbvNumeric)
			append_number(out, value.val.numeric);
		else if (value.type == jbvBool)
			appendStringInfoCharMacro(out, value.val.boolean ? 'T' : 'F');
		else
			appendStringInfoCharMacro(out, '0');
	}
}
