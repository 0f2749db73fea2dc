/*
 * characteristics.h
 *	  The type characteristics: an ordered list of named values.
 */
#ifndef UM_CHARACTERISTICS_H
#define UM_CHARACTERISTICS_H

#include "postgres.h"
#include "fmgr.h"

#include "faults.h"
#include "json_scan.h"

/* One element; slices point into the list or into the text it was read from. */
typedef struct UmCharacteristic
{
	bool		has_name;
	UmSlice		name;
	UmToken		kind;			/* of the value; UM_NONE where there is none */
	UmSlice		value;			/* string: its text; number: its digits; object or array: compact
								 * JSON */
	UmSlice		extra;			/* the other members as a compact JSON object, len 0 where there
								 * are none */
} UmCharacteristic;

typedef struct UmCharacteristicsReader
{
	const unsigned char *pos;
	const unsigned char *end;
	int			left;			/* elements not yet read */
	bool		quiet;			/* what is wrong is not raised */
	bool		broken;			/* but noted here */
} UmCharacteristicsReader;

typedef struct UmCharacteristicsBuilder
{
	StringInfoData data;
	int			count;
} UmCharacteristicsBuilder;

/* Whether a value is an object or an array. */
static inline bool
um_is_nested(UmToken kind)
{
	return kind == UM_OBJECT_TOKEN || kind == UM_ARRAY_TOKEN;
}

static inline bool
um_is_named(const UmCharacteristic *element, UmSlice name)
{
	return element->has_name && um_same_slice(element->name, name);
}

/* A value as a text: of a string its text, of JSON its compact form. */
static inline UmSlice
um_characteristic_text(const UmCharacteristic *c)
{
	return c->kind == UM_TRUE ? (UmSlice) {"true", 4}
		: c->kind == UM_FALSE ? (UmSlice) {"false", 5} : c->value;
}

#define UM_GETARG_LIST(n) \
	((const struct varlena *) PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(n)))

/* Walking: the list must be detoasted (PG_DETOAST_DATUM_PACKED). */
extern void um_characteristics_open(UmCharacteristicsReader *reader, const struct varlena *list);
extern bool um_characteristics_next(UmCharacteristicsReader *reader, UmCharacteristic *element);
extern bool um_characteristics_sound(const struct varlena *list);

/* Building. */
extern void um_characteristics_start(UmCharacteristicsBuilder *builder);
extern void um_characteristics_add(UmCharacteristicsBuilder *builder, const UmCharacteristic *element);
extern struct varlena *um_characteristics_end(UmCharacteristicsBuilder *builder);

/*
 * JSON: the TMF array of objects, or the short form, an object of pairs.  In a
 * document an object with a name and a value is a list of that one element; to
 * the type itself it is the short form, too.
 * Elements without a name or value are kept as they are: that they may not
 * stay so is a rule, not a matter of form.  False where the scan failed;
 * elements of a wrong kind are added to the faults.
 */
extern bool um_read_characteristics(UmScan *scan, bool document, UmFaults *faults,
									const UmPath *path, struct varlena **list);
extern bool um_read_characteristic_value(UmScan *scan, UmToken *kind, UmSlice *value);
extern void um_write_characteristics(StringInfo out, const struct varlena *list);

/* Appends a value that is there. */
static inline void
um_write_characteristic_value(StringInfo out, const UmCharacteristic *element)
{
	if (element->kind == UM_STRING)
		um_append_json_string(out, element->value.ptr, element->value.len);
	else if (element->kind == UM_TRUE || element->kind == UM_FALSE)
		appendStringInfoString(out, element->kind == UM_TRUE ? "true" : "false");
	else
		appendBinaryStringInfo(out, element->value.ptr, element->value.len);
}

#endif
