/*
 * characteristics.c
 *	  The type characteristics: an ordered list of named values.
 *
 * Promises: elements keep their order, repeated names are all kept, strings
 * are kept exactly, numbers digit for digit, nested values and the members
 * beside name and value as JSON without the white space between its tokens.
 * Whatever the input function accepts, the output function writes in a form
 * that it accepts again and that gives the same list.
 *
 * On disk, for ever (pg_upgrade copies files as they are), after the varlena
 * header:
 *
 *	  1 byte	version of this format: 1
 *	  varint	number of elements
 *	  then for each element
 *		1 byte	bits 0-2: kind of the value: 0 none, 1 string, 2 number,
 *				3 true, 4 false, 6 object, 7 array
 *				bit 3: the name is a code
 *				bit 4: there is no name
 *				bit 5: there are other members
 *				bits 6 and 7: 0
 *		name	nothing where bit 4 is set; where bit 3 is set 1 byte, its place
 *				in common_names; else varint length and bytes
 *		value	string, number, object, array: varint length and bytes (the
 *				text of the string, the digits, compact JSON); else nothing
 *		extra	where bit 5 is set: varint length and bytes of a compact JSON
 *				object of the members beside name and value
 *
 * A varint has 7 bits a byte, the lowest first, and bit 7 set in all bytes but
 * the last.  Strings are in the server's encoding.  Old values have names in
 * full that are stored as codes today: stored bytes that differ prove nothing.
 *
 * Readers trust nothing: a damaged value is an error, never a stray read.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "characteristics.h"
#include "compat.h"
#include "errors.h"
#include "model.h"

#define FORMAT_VERSION	1

#define KIND_MASK		0x07
#define NAME_IS_CODE	0x08
#define NO_NAME			0x10
#define HAS_EXTRA		0x20
#define UNUSED_BITS		0xC0

#define MAX_VARINT		5		/* bytes for 32 bits */

#define HAS_TEXT(kind)	((kind) == UM_STRING || (kind) == UM_NUMBER_TOKEN || um_is_nested(kind))

/* The builder leaves room for the header, the version and a count of 1 byte. */
#define HEAD_SIZE		(VARHDRSZ + 2)

StaticAssertDecl(UM_NONE == 0 && UM_STRING == 1 && UM_NUMBER_TOKEN == 2 && UM_TRUE == 3 &&
				 UM_FALSE == 4 && UM_OBJECT_TOKEN == 6 && UM_ARRAY_TOKEN == 7,
				 "the kinds of values are on disk");

/*
 * Names that are stored as one byte: their place in this list, from 0.  The
 * places are on disk for ever: append, never insert, change or remove.  There
 * may be 255.  Five a line, so that places can be counted.
 */
static const char common_names[] =
	"originatingCountryCode originatingNumber destinationCountryCode destinationNumber duration "
	"unit startDateTime endDateTime poolNumber characteristicType "
	"value volume uplinkVolume downlinkVolume totalVolume "
	"quantity amount direction callType serviceType "
	"callingNumber calledNumber msisdn imsi imei "
	"apn cellId locationAreaCode ratType roaming "
	"roamingPartner servingNetwork homeNetwork mcc mnc "
	"sessionId recordId eventType qos ratingGroup "
	"messageCount messageType chargingId causeForTermination ipAddress "
	"url domain protocol device subscriberId "
	"accountId customerId region zone instanceType "
	"instanceId vCpu memory storage storageType "
	"bandwidth requests operatingSystem image tenant "
	"project cluster resourceId availabilityZone currency ";

#define CODE_SLOTS		512

/* The list taken apart at its first use, and a hash table of it. */
static UmSlice name_of_code[255];
static int	codes = 0;
static uint8 code_slots[CODE_SLOTS];	/* code + 1; 0 where there is none */

/* Of an element, looked up then, too. */
static const UmAttribute *name_attribute;
static const UmAttribute *value_attribute;

/* What reading one list needs throughout. */
typedef struct ListReader
{
	UmScan	   *scan;
	UmFaults   *faults;
	const UmPath *path;
	int			hint;			/* for um_find_name */
	StringInfoData extra;		/* of the element at hand; reused */
	UmCharacteristicsBuilder builder;
} ListReader;

static void load_codes(void);
static int	code_slot(UmSlice name);
static inline void open_reader(UmCharacteristicsReader *reader, const struct varlena *list, bool quiet);
static pg_noinline bool corrupted(UmCharacteristicsReader *reader, const char *what);
static inline uint32 read_varint(UmCharacteristicsReader *reader);
static inline void read_bytes(UmCharacteristicsReader *reader, UmSlice *bytes);
static inline char *put_bytes(char *out, UmSlice bytes);
static bool is_lone_element(const UmScan *scan);
static bool read_elements(ListReader *reader);
static bool read_element(ListReader *reader, const UmPath *at);
static bool read_pairs(ListReader *reader);
static bool read_attribute(ListReader *reader, const UmPath *at, const UmAttribute *attribute,
						   UmCharacteristic *element, bool *seen);
static bool refuse_kind(ListReader *reader, const UmPath *path, const char *wanted);
static void write_element(StringInfo out, const UmCharacteristic *element);
static void write_key(StringInfo out, char before, const UmAttribute *attribute);

/* Starts to walk a detoasted list; its bytes must stay while it is walked. */
void
um_characteristics_open(UmCharacteristicsReader *reader, const struct varlena *list)
{
	open_reader(reader, list, false);
}

/* Whether a detoasted list can be walked to its end, and its numbers are numbers. */
bool
um_characteristics_sound(const struct varlena *list)
{
	UmCharacteristicsReader reader;
	UmCharacteristic element;

	open_reader(&reader, list, true);
	while (um_characteristics_next(&reader, &element))
		if (element.kind == UM_NUMBER_TOKEN && !um_is_number(element.value))
			return false;
	return !reader.broken;
}

/* Gives the next element; false after the last. */
bool
um_characteristics_next(UmCharacteristicsReader *reader, UmCharacteristic *element)
{
	static const UmSlice none = {"", 0};
	int			head;

	CHECK_FOR_INTERRUPTS();
	if (reader->left == 0)
	{
		if (reader->pos != reader->end)
			corrupted(reader, "bytes after the last element");
		return false;
	}
	if (reader->pos >= reader->end)
		return corrupted(reader, "an element without a head");
	reader->left--;
	head = *reader->pos++;
	element->kind = head & KIND_MASK;
	element->has_name = (head & NO_NAME) == 0;
	element->name = element->value = element->extra = none;
	if ((head & UNUSED_BITS) != 0 || element->kind == UM_NULL ||
		(head & (NO_NAME | NAME_IS_CODE)) == (NO_NAME | NAME_IS_CODE))
		return corrupted(reader, "an element of a kind that is not known");
	if ((head & NAME_IS_CODE) != 0)
	{
		if (reader->pos >= reader->end || *reader->pos >= codes)
			return corrupted(reader, "a name code that is not known");
		element->name = name_of_code[*reader->pos++];
	}
	else if (element->has_name)
		read_bytes(reader, &element->name);
	if (HAS_TEXT(element->kind))
		read_bytes(reader, &element->value);
	if ((head & HAS_EXTRA) != 0)
	{
		read_bytes(reader, &element->extra);
		if (element->extra.len < 2 || element->extra.ptr[0] != '{' ||
			element->extra.ptr[element->extra.len - 1] != '}')
			return corrupted(reader, "members that are no object");
	}
	return !reader->broken;
}

/* Starts a list in the current memory context. */
void
um_characteristics_start(UmCharacteristicsBuilder *builder)
{
	if (codes == 0)
		load_codes();
	initStringInfo(&builder->data);
	builder->data.len = HEAD_SIZE;
	builder->count = 0;
}

/* Appends a copy of an element. */
void
um_characteristics_add(UmCharacteristicsBuilder *builder, const UmCharacteristic *element)
{
	int			code = element->has_name ? code_slots[code_slot(element->name)] - 1 : -1;
	int			head = element->kind == UM_NULL ? UM_NONE : element->kind;
	Size		needed = (Size) element->name.len + element->value.len + element->extra.len +
		2 + 3 * MAX_VARINT;
	char	   *out;

	Assert(builder->data.len >= HEAD_SIZE);
	Assert(element->extra.len == 0 || element->extra.ptr[0] == '{');
	/* More than a list can hold is refused by enlargeStringInfo itself. */
	enlargeStringInfo(&builder->data, (int) Min(needed, MaxAllocSize));
	out = builder->data.data + builder->data.len;
	if (!element->has_name)
		head |= NO_NAME;
	else if (code >= 0)
		head |= NAME_IS_CODE;
	if (element->extra.len > 2)
		head |= HAS_EXTRA;
	*out++ = head;
	if (code >= 0)
		*out++ = code;
	else if (element->has_name)
		out = put_bytes(out, element->name);
	if (HAS_TEXT(element->kind))
		out = put_bytes(out, element->value);
	if ((head & HAS_EXTRA) != 0)
		out = put_bytes(out, element->extra);
	builder->data.len = out - builder->data.data;
	Assert(builder->data.len < builder->data.maxlen);
	builder->count++;
}

/* Ends the list; the builder's memory has become the list. */
struct varlena *
um_characteristics_end(UmCharacteristicsBuilder *builder)
{
	StringInfo	data = &builder->data;
	char		count[MAX_VARINT];
	int			size = um_put_varint(count, builder->count) - count;

	if (size > 1)
	{
		enlargeStringInfo(data, size - 1);
		memmove(data->data + HEAD_SIZE + size - 1, data->data + HEAD_SIZE,
				data->len - HEAD_SIZE);
		data->len += size - 1;
	}
	data->data[VARHDRSZ] = FORMAT_VERSION;
	memcpy(data->data + VARHDRSZ + 1, count, size);
	SET_VARSIZE(data->data, data->len);
	return (struct varlena *) data->data;
}

/* Takes common_names apart, fills the hash table of it, looks up the attributes. */
static void
load_codes(void)
{
	const char *end;
	int			n = 0;

	for (const char *p = common_names; (end = strchr(p, ' ')) != NULL; p = end + 1)
	{
		name_of_code[n] = (UmSlice) {p, end - p};
		code_slots[code_slot(name_of_code[n])] = n + 1;
		n++;
	}
	name_attribute = um_find_attribute(&um_characteristic, "name");
	value_attribute = um_find_attribute(&um_characteristic, "value");
	codes = n;
}

/* The slot of a name in the hash table, or a free one where it has none. */
static int
code_slot(UmSlice name)
{
	const unsigned char *p = (const unsigned char *) name.ptr;
	uint32		slot = 0;

	if (name.len > 0)
		slot = name.len * 31 + p[0] * 7 + p[name.len / 2] * 13 + p[name.len - 1] * 53;
	for (slot %= CODE_SLOTS; code_slots[slot] != 0; slot = (slot + 1) % CODE_SLOTS)
		if (um_same_slice(name_of_code[code_slots[slot] - 1], name))
			break;
	return slot;
}

static inline void
open_reader(UmCharacteristicsReader *reader, const struct varlena *list, bool quiet)
{
	uint32		count;

	if (codes == 0)
		load_codes();
	reader->pos = (const unsigned char *) VARDATA_ANY(list);
	reader->end = reader->pos + VARSIZE_ANY_EXHDR(list);
	reader->left = 0;
	reader->quiet = quiet;
	reader->broken = false;
	if (reader->pos >= reader->end || *reader->pos++ != FORMAT_VERSION)
	{
		corrupted(reader, "no version that is known");
		return;
	}
	count = read_varint(reader);
	/* An element has at least one byte. */
	if (count > (uint32) (reader->end - reader->pos))
		corrupted(reader, "more elements than bytes");
	else
		reader->left = count;
}

/* Raises it, or, for a reader that must not, ends the list here; false. */
static bool
corrupted(UmCharacteristicsReader *reader, const char *what)
{
	if (!reader->quiet)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored value of type characteristics is corrupted"),
				 errdetail_internal("It has %s.", what)));
	reader->broken = true;
	reader->left = 0;
	reader->pos = reader->end;
	return false;
}

static inline uint32
read_varint(UmCharacteristicsReader *reader)
{
	uint64		n = 0;

	for (int shift = 0; shift < MAX_VARINT * 7; shift += 7)
	{
		int			byte;

		if (reader->pos >= reader->end)
			break;
		byte = *reader->pos++;
		n |= (uint64) (byte & 0x7F) << shift;
		if (byte < 0x80 && n <= PG_UINT32_MAX)
			return n;
	}
	corrupted(reader, "a length without an end");
	return 0;
}

static inline void
read_bytes(UmCharacteristicsReader *reader, UmSlice *bytes)
{
	uint32		len = read_varint(reader);

	if (len > (uint32) (reader->end - reader->pos))
	{
		corrupted(reader, "a length beyond its end");
		return;
	}
	bytes->ptr = (const char *) reader->pos;
	bytes->len = len;
	reader->pos += len;
}

static inline char *
put_bytes(char *out, UmSlice bytes)
{
	out = um_put_varint(out, bytes.len);
	if (bytes.len > 0)
		memcpy(out, bytes.ptr, bytes.len);
	return out + bytes.len;
}

/*
 * Reads a list in either form.  True where the scan went well, with what is
 * wrong otherwise in the faults; elements with faults are left out of the list.
 */
bool
um_read_characteristics(UmScan *scan, bool document, UmFaults *faults, const UmPath *path,
						struct varlena **list)
{
	ListReader	reader = {.scan = scan, .faults = faults, .path = path};
	UmPath		first = {.parent = path};
	UmToken		kind = um_scan_peek(scan);
	bool		ok;

	um_characteristics_start(&reader.builder);
	if (kind == UM_ARRAY_TOKEN)
		ok = read_elements(&reader);
	else if (document && kind == UM_OBJECT_TOKEN && is_lone_element(scan))
	{
		/* as read_pairs: it will be written as an array */
		scan->depth++;
		ok = read_element(&reader, &first);
		scan->depth--;
	}
	else if (kind == UM_OBJECT_TOKEN)
		ok = read_pairs(&reader);
	else
		ok = refuse_kind(&reader, path, "an array or an object");
	*list = ok ? um_characteristics_end(&reader.builder) : NULL;
	return ok;
}

/* Whether an object, looked at ahead of its reading, has a value and a name that is a string. */
static bool
is_lone_element(const UmScan *scan)
{
	UmScan		ahead = *scan;
	bool		has_name = false;
	bool		has_value = false;
	bool		ok = um_scan_enter(&ahead);
	UmSlice		key;
	UmSlice		ignored;

	while (ok && um_scan_key(&ahead, &key))
	{
		const UmAttribute *attribute = um_find_name(&um_characteristic.names, um_trim(key), NULL);

		has_name |= attribute == name_attribute && um_scan_peek(&ahead) == UM_STRING;
		has_value |= attribute == value_attribute;
		ok = um_scan_skip(&ahead, &ignored);
	}
	return has_name && has_value;
}

/* The TMF array. */
static bool
read_elements(ListReader *reader)
{
	UmScan	   *scan = reader->scan;
	UmPath		at = {.parent = reader->path};
	bool		ok = um_scan_enter(scan);

	for (; ok && um_scan_element(scan); at.index++)
		ok = um_scan_peek(scan) == UM_OBJECT_TOKEN ? read_element(reader, &at)
			: refuse_kind(reader, &at, "an object");
	return ok && scan->sqlstate == 0;
}

/* One object of the TMF array. */
static bool
read_element(ListReader *reader, const UmPath *at)
{
	UmScan	   *scan = reader->scan;
	int			faults = list_length(reader->faults->list);
	UmCharacteristic element = {.kind = UM_NONE};
	bool		name_seen = false;
	bool		value_seen = false;
	bool		ok = um_scan_enter(scan);
	UmSlice		key;
	UmSlice		raw;

	if (reader->extra.data != NULL)
		resetStringInfo(&reader->extra);
	while (ok && um_scan_key(scan, &key))
	{
		const UmAttribute *attribute;

		key = um_trim(key);
		attribute = um_find_name(&um_characteristic.names, key, &reader->hint);
		if (attribute == name_attribute)
			ok = read_attribute(reader, at, attribute, &element, &name_seen);
		else if (attribute == value_attribute)
			ok = read_attribute(reader, at, attribute, &element, &value_seen);
		else
		{
			ok = um_scan_skip(scan, &raw);
			if (ok)
				um_append_member(&reader->extra, key, raw);
		}
	}
	if (!ok || scan->sqlstate != 0)
		return false;
	if (reader->extra.len > 0)
		appendStringInfoChar(&reader->extra, '}');
	element.extra = (UmSlice) {reader->extra.data, reader->extra.len};
	if (list_length(reader->faults->list) == faults)
		um_characteristics_add(&reader->builder, &element);
	um_scan_free(scan, element.name);
	um_scan_free(scan, element.value);
	return true;
}

/* The short form: an object of pairs. */
static bool
read_pairs(ListReader *reader)
{
	UmScan	   *scan = reader->scan;
	UmCharacteristic element = {.has_name = true};
	bool		ok = um_scan_enter(scan);

	/* In the array, as which it will be written, values lie a level deeper. */
	scan->depth++;
	while (ok && um_scan_key(scan, &element.name))
	{
		ok = um_read_characteristic_value(scan, &element.kind, &element.value);
		if (ok)
			um_characteristics_add(&reader->builder, &element);
		um_scan_free(scan, element.name);
		if (ok)
			um_scan_free(scan, element.value);
	}
	scan->depth--;
	return ok && scan->sqlstate == 0;
}

/* Takes the name or the value of an element. */
static bool
read_attribute(ListReader *reader, const UmPath *at, const UmAttribute *attribute,
			   UmCharacteristic *element, bool *seen)
{
	UmPath		path = {.parent = at, .attribute = attribute};
	UmCharacteristic before = *element;
	UmToken		kind = um_scan_peek(reader->scan);
	UmSlice		text;

	if (attribute == name_attribute && (kind == UM_TRUE || kind == UM_FALSE || um_is_nested(kind)))
		return refuse_kind(reader, &path, "a string");
	if (!um_read_characteristic_value(reader->scan, &kind, &text))
		return false;
	if (attribute == name_attribute)
	{
		element->has_name = kind != UM_NONE;
		element->name = text;
	}
	else
	{
		element->kind = kind;
		element->value = text;
	}
	if (*seen &&
		(element->has_name != before.has_name || element->kind != before.kind ||
		 !um_same_slice(element->name, before.name) || !um_same_slice(element->value, before.value)))
		um_fault(reader->faults, &path, UM_RULE, "is given twice, with different values");
	*seen = true;
	return true;
}

/* Takes any JSON value; null is none. */
bool
um_read_characteristic_value(UmScan *scan, UmToken *kind, UmSlice *value)
{
	UmSlice		raw;

	*kind = um_scan_peek(scan);
	if (*kind == UM_STRING)
		return um_scan_string(scan, value);
	if (*kind == UM_NUMBER_TOKEN)
		return um_scan_number(scan, value);
	if (!um_scan_skip(scan, &raw))
		return false;
	*value = (UmSlice) {"", 0};
	if (um_is_nested(*kind))
		*value = um_compact(raw);
	else if (*kind == UM_NULL)
		*kind = UM_NONE;
	return true;
}

/* Skips a value of the wrong kind and says so. */
static bool
refuse_kind(ListReader *reader, const UmPath *path, const char *wanted)
{
	UmSlice		raw;

	if (!um_scan_skip(reader->scan, &raw))
		return false;
	um_fault(reader->faults, path, UM_WRONG_KIND, "expected %s", wanted);
	return true;
}

/* Appends the TMF array. */
void
um_write_characteristics(StringInfo out, const struct varlena *list)
{
	UmCharacteristicsReader reader;
	UmCharacteristic element;

	um_characteristics_open(&reader, list);
	appendStringInfoCharMacro(out, '[');
	for (int i = 0; um_characteristics_next(&reader, &element); i++)
	{
		if (i > 0)
			appendStringInfoCharMacro(out, ',');
		write_element(out, &element);
	}
	appendStringInfoCharMacro(out, ']');
}

static void
write_element(StringInfo out, const UmCharacteristic *element)
{
	char		before = '{';

	if (element->has_name)
	{
		write_key(out, before, name_attribute);
		um_append_json_string(out, element->name.ptr, element->name.len);
		before = ',';
	}
	if (element->kind != UM_NONE)
	{
		write_key(out, before, value_attribute);
		um_write_characteristic_value(out, element);
		before = ',';
	}
	if (element->extra.len > 2)
	{
		appendStringInfoChar(out, before);
		appendBinaryStringInfo(out, element->extra.ptr + 1, element->extra.len - 2);
		before = ',';
	}
	if (before == '{')
		appendStringInfoCharMacro(out, '{');
	appendStringInfoCharMacro(out, '}');
}

/* All versions call these attributes alike. */
static void
write_key(StringInfo out, char before, const UmAttribute *attribute)
{
	UmSlice		key = attribute->key[UM_R14_5];

	um_append(out, key.ptr, key.len);
	out->data[out->len - key.len] = before;
}
