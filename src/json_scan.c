/*
 * json_scan.c
 *	  A pull scanner for JSON text (RFC 8259) that makes no tree.
 *
 * The caller asks for what it expects, piece by piece, and gets slices of the
 * text; only a string with an escape is copied.  Nothing is thrown: the first
 * fault is kept in the scan, every later call answers false, and so a bad
 * document costs its reader nothing but a look at scan->sqlstate.  Only a
 * cancel is, which each element looks for.
 *
 * Accepts exactly what PostgreSQL's own parser accepts as json, but for three
 * things that could not be stored in full: the character U+0000, numbers that
 * numeric cannot hold, and nesting deeper than UM_MAX_DEPTH.
 *
 * The text must be valid in the server's encoding already.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "parser/scansup.h"

#include "errors.h"
#include "json_scan.h"

/* Digits that numeric takes before and after the point. */
#define NUMERIC_INTEGER_DIGITS	131072
#define NUMERIC_FRACTION_DIGITS 16383

/* What stands behind a backslash, and what it means. */
static const char escapes[] = "\"\\/bfnrt";
static const char meant[] = "\"\\/\b\f\n\r\t";

const uint8 um_first_bytes[256] = {
	['"'] = UM_STRING,
	['{'] = UM_OBJECT_TOKEN,
	['['] = UM_ARRAY_TOKEN,
	['t'] = UM_TRUE,
	['f'] = UM_FALSE,
	['n'] = UM_NULL,
	['-'] = UM_NUMBER_TOKEN,
	['0'] = UM_NUMBER_TOKEN,
	['1'] = UM_NUMBER_TOKEN,
	['2'] = UM_NUMBER_TOKEN,
	['3'] = UM_NUMBER_TOKEN,
	['4'] = UM_NUMBER_TOKEN,
	['5'] = UM_NUMBER_TOKEN,
	['6'] = UM_NUMBER_TOKEN,
	['7'] = UM_NUMBER_TOKEN,
	['8'] = UM_NUMBER_TOKEN,
	['9'] = UM_NUMBER_TOKEN,
};

/* Keeps the first fault; always false, so that callers can return it. */
static bool
fail(UmScan *scan, int sqlstate, const char *message)
{
	if (scan->sqlstate == 0)
	{
		scan->sqlstate = sqlstate;
		scan->message = psprintf("%s at byte %d", message,
								 (int) (scan->pos - scan->start) + 1);
	}
	return false;
}

void
um_scan_init(UmScan *scan, const char *text, int len)
{
	scan->start = scan->pos = text;
	scan->end = text + len;
	scan->depth = 0;
	scan->entered = false;
	scan->sqlstate = 0;
	scan->message = NULL;
}

/* Where no value starts; always UM_NONE. */
UmToken
um_scan_nothing(UmScan *scan)
{
	fail(scan, UM_NOT_JSON, scan->pos < scan->end ? "no JSON value"
		 : "the JSON text ends too early");
	return UM_NONE;
}

/* Passes over digits, of which there must be one. */
static inline bool
scan_digits(const char **p, const char *end)
{
	const char *start = *p;

	while (*p < end && isdigit((unsigned char) **p))
		(*p)++;
	return *p > start;
}

/* Whether numeric can hold a number of valid form. */
static bool
number_in_range(UmSlice number)
{
	const char *p = number.ptr;
	const char *end = p + number.len;
	int64		integer = 0;
	int64		fraction = 0;
	int64		exponent = 0;
	bool		point = false;
	bool		zero = true;	/* so far */
	bool		negative;

	if (number.len < 1000 && memchr(p, 'e', number.len) == NULL && memchr(p, 'E', number.len) == NULL)
		return true;
	for (; p < end && *p != 'e' && *p != 'E'; p++)
	{
		if (*p == '.')
			point = true;
		else if (isdigit((unsigned char) *p))
		{
			zero = zero && *p == '0';
			if (point)
				fraction++;
			/* digits left of the point from the first that counts; fewer than none right of it */
			if (zero ? point : !point)
				integer += zero ? -1 : 1;
		}
	}
	if (p < end)
	{
		p++;
		negative = (*p == '-');
		if (*p == '-' || *p == '+')
			p++;
		for (; p < end; p++)
			/* where 15 draws the line; 17 takes one more */
			if ((exponent = exponent * 10 + (*p - '0')) >= PG_INT32_MAX / 2)
				return false;
		if (negative)
			exponent = -exponent;
	}
	return (zero || integer + exponent <= NUMERIC_INTEGER_DIGITS) &&
		fraction - exponent <= NUMERIC_FRACTION_DIGITS;
}

/* Takes a number and gives its text as it stands. */
bool
um_scan_number(UmScan *scan, UmSlice *value)
{
	const char *p = scan->pos;
	const char *end = scan->end;

	value->ptr = p;
	if (*p == '-')
		p++;
	if (p < end && *p == '0')
		p++;
	else if (!scan_digits(&p, end))
		return fail(scan, UM_NOT_JSON, "not a JSON number");
	if (p < end && *p == '.')
	{
		p++;
		if (!scan_digits(&p, end))
			return fail(scan, UM_NOT_JSON, "not a JSON number");
	}
	if (p < end && (*p == 'e' || *p == 'E'))
	{
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		if (!scan_digits(&p, end))
			return fail(scan, UM_NOT_JSON, "not a JSON number");
	}
	if (p < end && (isalnum((unsigned char) *p) || *p == '_' || *p == '.' ||
					*p == '+' || *p == '-' || IS_HIGHBIT_SET(*p)))
		return fail(scan, UM_NOT_JSON, "not a JSON number");
	value->len = p - value->ptr;
	if (!number_in_range(*value))
		return fail(scan, UM_NUMBER_RANGE, "a number out of range");
	scan->pos = p;
	return true;
}

static bool
scan_word(UmScan *scan, const char *word)
{
	int			len = strlen(word);
	const char *after = scan->pos + len;

	if (scan->end - scan->pos < len || memcmp(scan->pos, word, len) != 0 ||
		(after < scan->end && (isalnum((unsigned char) *after) || *after == '_' ||
							   IS_HIGHBIT_SET(*after))))
		return fail(scan, UM_NOT_JSON, "no JSON value");
	scan->pos += len;
	return true;
}

static bool
skip_members(UmScan *scan, UmToken kind)
{
	UmSlice		ignored;

	if (!um_scan_enter(scan))
		return false;
	while (kind == UM_OBJECT_TOKEN ? um_scan_key(scan, &ignored) : um_scan_element(scan))
		if (!um_scan_skip(scan, &ignored))
			return false;
	return scan->sqlstate == 0;
}

/* Takes one value of any kind and gives its text as it stands. */
bool
um_scan_skip(UmScan *scan, UmSlice *raw)
{
	UmToken		kind = um_scan_peek(scan);
	UmSlice		value;
	bool		ok = false;

	raw->ptr = scan->pos;
	switch (kind)
	{
		case UM_NONE:
			break;
		case UM_STRING:
			ok = um_scan_string(scan, &value);
			break;
		case UM_NUMBER_TOKEN:
			ok = um_scan_number(scan, &value);
			break;
		case UM_TRUE:
			ok = scan_word(scan, "true");
			break;
		case UM_FALSE:
			ok = scan_word(scan, "false");
			break;
		case UM_NULL:
			ok = scan_word(scan, "null");
			break;
		case UM_OBJECT_TOKEN:
		case UM_ARRAY_TOKEN:
			ok = skip_members(scan, kind);
			break;
	}
	raw->len = scan->pos - raw->ptr;
	return ok;
}

/* Goes into the object or array that um_scan_peek announced. */
bool
um_scan_enter(UmScan *scan)
{
	if (++scan->depth > UM_MAX_DEPTH)
		return fail(scan, UM_TOO_DEEP,
					psprintf("nested more than %d levels deep", UM_MAX_DEPTH));
	scan->pos++;
	scan->entered = true;
	return true;
}

/* Goes on behind a comma, should there be one to come; false at the end. */
static inline bool
scan_next(UmScan *scan, char end, const char *expected)
{
	bool		first = scan->entered;

	scan->entered = false;
	if (scan->sqlstate != 0)
		return false;
	um_scan_space(scan);
	if (scan->pos < scan->end && *scan->pos == end)
	{
		scan->pos++;
		scan->depth--;
		return false;
	}
	if (first)
		return true;
	if (scan->pos >= scan->end || *scan->pos != ',')
		return fail(scan, UM_NOT_JSON, expected);
	scan->pos++;
	um_scan_space(scan);
	return true;
}

/* Gives the next key of an object; false at its end, which is taken. */
bool
um_scan_key(UmScan *scan, UmSlice *key)
{
	if (!scan_next(scan, '}', "expected \",\" or \"}\""))
		return false;
	if (scan->pos >= scan->end || *scan->pos != '"')
		return fail(scan, UM_NOT_JSON, "expected a quoted key");
	if (!um_scan_string(scan, key))
		return false;
	um_scan_space(scan);
	if (scan->pos >= scan->end || *scan->pos != ':')
		return fail(scan, UM_NOT_JSON, "expected \":\"");
	scan->pos++;
	return true;
}

/* True where an array has a next element; false at its end, which is taken. */
bool
um_scan_element(UmScan *scan)
{
	CHECK_FOR_INTERRUPTS();
	if (!scan_next(scan, ']', "expected \",\" or \"]\""))
		return false;
	if (scan->pos < scan->end && *scan->pos == ']')
		return fail(scan, UM_NOT_JSON, "expected a value after \",\"");
	return true;
}

/* True where nothing but white space is left. */
bool
um_scan_finish(UmScan *scan)
{
	if (scan->sqlstate != 0)
		return false;
	um_scan_space(scan);
	if (scan->pos < scan->end)
		return fail(scan, UM_NOT_JSON, "text after the JSON value");
	return true;
}

/*
 * A character of UTF-8 in the database's encoding, false where that lacks it.
 * PostgreSQL's own function raises an error, which would be the load's.
 */
static bool
append_converted(StringInfo out, unsigned char *utf8, int len)
{
	unsigned char converted[4 * MAX_CONVERSION_GROWTH + 2];
	Oid			conversion = FindDefaultConversionProc(PG_UTF8, GetDatabaseEncoding());

	if (!OidIsValid(conversion) ||
		pg_do_encoding_conversion_buf(conversion, PG_UTF8, GetDatabaseEncoding(), utf8, len,
									  converted, sizeof(converted), true) != len)
		return false;
	appendStringInfoString(out, (char *) converted);
	return true;
}

static bool
append_unicode(UmScan *scan, StringInfo out, pg_wchar c)
{
	unsigned char utf8[4];
	int			len;

	if (c == 0)
		return fail(scan, UM_NOT_TEXT, "the character \\u0000, which text cannot hold,");
	unicode_to_utf8(c, utf8);
	len = pg_utf_mblen(utf8);
	if (GetDatabaseEncoding() == PG_UTF8 || c < 0x80)
		appendBinaryStringInfo(out, (char *) utf8, len);
	else if (!append_converted(out, utf8, len))
		return fail(scan, UM_NOT_TEXT,
					psprintf("the character U+%04X, which the database's encoding lacks,",
							 (unsigned int) c));
	return true;
}

static bool
scan_hex4(UmScan *scan, pg_wchar *unit)
{
	int			i;

	*unit = 0;
	if (scan->end - scan->pos < 6)
		return fail(scan, UM_NOT_JSON, "\"\\u\" without four hexadecimal digits");
	for (i = 2; i < 6; i++)
	{
		char		c = scan->pos[i];

		if (!isxdigit((unsigned char) c))
			return fail(scan, UM_NOT_JSON, "\"\\u\" without four hexadecimal digits");
		*unit = *unit * 16 + (isdigit((unsigned char) c) ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	scan->pos += 6;
	return true;
}

/* One escape, at its backslash. */
static bool
scan_escape(UmScan *scan, StringInfo out, pg_wchar *high)
{
	const char *found;
	pg_wchar	unit;

	if (scan->end - scan->pos < 2)
		return fail(scan, UM_NOT_JSON, "a string without an end");
	if (scan->pos[1] == 'u')
	{
		if (!scan_hex4(scan, &unit))
			return false;
		if (is_utf16_surrogate_first(unit))
		{
			if (*high != 0)
				return fail(scan, UM_NOT_JSON, "half a surrogate pair");
			*high = unit;
			return true;
		}
		if (is_utf16_surrogate_second(unit) != (*high != 0))
			return fail(scan, UM_NOT_JSON, "half a surrogate pair");
		if (*high != 0)
			unit = surrogate_pair_to_codepoint(*high, unit);
		*high = 0;
		return append_unicode(scan, out, unit);
	}
	found = memchr(escapes, scan->pos[1], sizeof(escapes) - 1);
	if (found == NULL)
		return fail(scan, UM_NOT_JSON, "an escape that JSON does not know");
	if (*high != 0)
		return fail(scan, UM_NOT_JSON, "half a surrogate pair");
	appendStringInfoChar(out, meant[found - escapes]);
	scan->pos += 2;
	return true;
}

/* The rest of a string, from the first byte that cannot stay as it is. */
bool
um_scan_escapes(UmScan *scan, UmSlice *value)
{
	StringInfoData out = {0};
	pg_wchar	high = 0;		/* the first half of a surrogate pair */
	const char *close = scan->pos;

	/* no more than needed: there may be a million of them */
	while (close < scan->end && *close != '"')
		close += *close == '\\' ? 2 : 1;
	out.maxlen = value->len + (close - scan->pos) + 1;
	out.data = palloc(out.maxlen);
	appendBinaryStringInfo(&out, value->ptr, value->len);
	while (scan->pos < scan->end && *scan->pos != '"')
	{
		const char *p = scan->pos;

		if (*p == '\\')
		{
			if (!scan_escape(scan, &out, &high))
				return false;
			continue;
		}
		if (high != 0)
			return fail(scan, UM_NOT_JSON, "half a surrogate pair");
		p = um_plain_end(p, scan->end);
		appendBinaryStringInfo(&out, scan->pos, p - scan->pos);
		scan->pos = p;
		if (p < scan->end && (unsigned char) *p < 0x20)
			return fail(scan, UM_NOT_JSON, "a control character in a string");
	}
	if (scan->pos >= scan->end)
		return fail(scan, UM_NOT_JSON, "a string without an end");
	if (high != 0)
		return fail(scan, UM_NOT_JSON, "half a surrogate pair");
	scan->pos++;
	value->ptr = out.data;
	value->len = out.len;
	return true;
}

/* Whether the whole text is one JSON number that numeric can hold. */
bool
um_is_number(UmSlice text)
{
	UmScan		scan;
	UmSlice		value;

	um_scan_init(&scan, text.ptr, text.len);
	if (text.len == 0 || (text.ptr[0] != '-' && !isdigit((unsigned char) text.ptr[0])))
		return false;
	return um_scan_number(&scan, &value) && value.len == text.len;
}

UmSlice
um_trim_space(UmSlice text)
{
	while (text.len > 0 && scanner_isspace(text.ptr[0]))
	{
		text.ptr++;
		text.len--;
	}
	while (text.len > 0 && scanner_isspace(text.ptr[text.len - 1]))
		text.len--;
	return text;
}

/* Behind its last slash; all of it where there is none. */
UmSlice
um_last_segment(UmSlice uri)
{
	const char *end = uri.ptr + uri.len;
	const char *p = end;

	while (p > uri.ptr && p[-1] != '/')
		p--;
	return (UmSlice) {p, end - p};
}

/* How many bytes to show of a text: at most so many, and no part of a character. */
int
um_clip(UmSlice text, int most)
{
	return pg_mbcliplen(text.ptr, text.len, most);
}

bool
um_slice_is(UmSlice slice, const char *text)
{
	return slice.len == (int) strlen(text) && memcmp(slice.ptr, text, slice.len) == 0;
}

/* The place of a word among those up to a NULL; -1 where it is none of them. */
int
um_find_word(const char *const *words, UmSlice word)
{
	for (int i = 0; words[i] != NULL; i++)
		if (um_slice_is(word, words[i]))
			return i;
	return -1;
}

/* All of them for a message, each in quotes of that kind. */
char *
um_words(const char *const *words, const char *quote)
{
	StringInfoData out;

	initStringInfo(&out);
	for (; *words != NULL; words++)
		appendStringInfo(&out, "%s%s%s%s", out.len > 0 ? ", " : "", quote, *words, quote);
	return out.data;
}

/* Appends valid JSON text without the white space between its tokens. */
void
um_append_compact(StringInfo out, UmSlice raw)
{
	const char *p = raw.ptr;
	const char *end = p + raw.len;
	bool		quoted = false;

	enlargeStringInfo(out, raw.len);
	for (; p < end; p++)
	{
		if (!quoted && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
			continue;
		out->data[out->len++] = *p;
		if (*p == '"')
			quoted = !quoted;
		else if (quoted && *p == '\\' && p + 1 < end)
			out->data[out->len++] = *++p;
	}
	out->data[out->len] = '\0';
}

/* The same as a copy that takes no more memory than it needs. */
UmSlice
um_compact(UmSlice raw)
{
	StringInfoData out = {.data = palloc(raw.len + 1), .maxlen = raw.len + 1};

	um_append_compact(&out, raw);
	return (UmSlice) {out.data, out.len};
}

/* Begins an object with a member, or goes on with it; its end is the caller's. */
void
um_append_member(StringInfo object, UmSlice key, UmSlice raw)
{
	if (object->data == NULL)
		initStringInfo(object);
	appendStringInfoChar(object, object->len == 0 ? '{' : ',');
	um_append_json_string(object, key.ptr, key.len);
	appendStringInfoChar(object, ':');
	um_append_compact(object, raw);
}

/* The long way of um_append_json_string. */
void
um_append_escaped(StringInfo out, const char *text, int len)
{
	const char *p = text;
	const char *end = text + len;
	const char *plain;
	const char *found;

	enlargeStringInfo(out, len + 2);
	appendStringInfoCharMacro(out, '"');
	while (p < end)
	{
		plain = p;
		p = um_plain_end(p, end);
		appendBinaryStringInfo(out, plain, p - plain);
		if (p == end)
			break;
		appendStringInfoCharMacro(out, '\\');
		found = memchr(meant, *p, sizeof(meant) - 1);
		if (found != NULL)
			appendStringInfoCharMacro(out, escapes[found - meant]);
		else
			appendStringInfo(out, "u%04x", (unsigned char) *p);
		p++;
	}
	appendStringInfoCharMacro(out, '"');
}
