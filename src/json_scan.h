/*
 * json_scan.h
 *	  A pull scanner for JSON text (RFC 8259) that makes no tree.
 */
#ifndef UM_JSON_SCAN_H
#define UM_JSON_SCAN_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "fmgr.h"
#include "lib/stringinfo.h"

#include "compat.h"

/* Deeper documents are refused (54001) rather than left to the C stack. */
#define UM_MAX_DEPTH 1000

typedef enum UmToken
{
	UM_NONE,					/* no value: the end of the text, or an error */
	UM_STRING,
	UM_NUMBER_TOKEN,
	UM_TRUE,
	UM_FALSE,
	UM_NULL,
	UM_OBJECT_TOKEN,
	UM_ARRAY_TOKEN
} UmToken;

/* A stretch of text that belongs to somebody else. */
typedef struct UmSlice
{
	const char *ptr;
	int			len;
} UmSlice;

typedef struct UmScan
{
	const char *start;
	const char *pos;
	const char *end;
	int			depth;
	bool		entered;		/* the object or array just now: no comma comes */
	int			sqlstate;		/* 0 while all is well */
	const char *message;		/* what is wrong, static or palloc'd */
} UmScan;

#ifdef __SSE2__
/* Which of 16 bytes cannot stand in a JSON string as they are, as bits. */
static inline int
um_special_bytes(const char *p)
{
	__m128i		bytes = _mm_loadu_si128((const __m128i *) p);
	__m128i		special = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
													_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
									   _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes));

	return _mm_movemask_epi8(special);
}
#endif

/*
 * The first byte that cannot stand in a JSON string as it is: a quote, a
 * backslash, a control character; end where there is none.
 */
static inline const char *
um_plain_end(const char *p, const char *end)
{
#ifdef __SSE2__
	for (; end - p >= 16; p += 16)
	{
		int			special = um_special_bytes(p);

		if (special != 0)
			return p + __builtin_ctz(special);
	}
#endif
	while (p < end && *p != '"' && *p != '\\' && (unsigned char) *p >= 0x20)
		p++;
	return p;
}

/* Bytes that um_is_plain may read, but not use, past the end. */
#define UM_PAST_END 15

/* Whether all of so many bytes can; strings are short, so that the last few count. */
static inline bool
um_is_plain(const char *p, int len)
{
#ifdef __SSE2__
	for (; len > 0; p += 16, len -= 16)
	{
		int			special = um_special_bytes(p);

		if ((len >= 16 ? special : special & ((1 << len) - 1)) != 0)
			return false;
	}
	return true;
#else
	return um_plain_end(p, p + len) == p + len;
#endif
}

extern const uint8 um_first_bytes[256]; /* UmToken that starts with a byte */

extern void um_scan_init(UmScan *scan, const char *text, int len);
extern UmToken um_scan_nothing(UmScan *scan);
extern bool um_scan_escapes(UmScan *scan, UmSlice *value);
extern bool um_scan_number(UmScan *scan, UmSlice *value);
extern bool um_scan_skip(UmScan *scan, UmSlice *raw);
extern bool um_scan_enter(UmScan *scan);
extern bool um_scan_key(UmScan *scan, UmSlice *key);
extern bool um_scan_element(UmScan *scan);
extern bool um_scan_finish(UmScan *scan);

extern bool um_is_number(UmSlice text);
extern UmSlice um_trim_space(UmSlice text);
extern UmSlice um_last_segment(UmSlice uri);
extern int	um_clip(UmSlice text, int most);

/* For %.*s: at most so many bytes of a text. */
#define UM_CLIPPED(text, most) um_clip(text, most), (text).ptr

extern bool um_slice_is(UmSlice slice, const char *text);
extern int	um_find_word(const char *const *words, UmSlice word);
extern char *um_words(const char *const *words, const char *quote);
extern void um_append_compact(StringInfo out, UmSlice raw);
extern UmSlice um_compact(UmSlice raw);
extern void um_append_member(StringInfo object, UmSlice key, UmSlice raw);
extern void um_append_escaped(StringInfo out, const char *text, int len);

static inline void
um_scan_space(UmScan *scan)
{
	while (scan->pos < scan->end &&
		   (*scan->pos == ' ' || *scan->pos == '\n' || *scan->pos == '\r' || *scan->pos == '\t'))
		scan->pos++;
}

/* Says what kind of value comes next, without taking it. */
static inline UmToken
um_scan_peek(UmScan *scan)
{
	uint8		token;

	Assert(scan->start <= scan->pos && scan->pos <= scan->end);
	if (scan->sqlstate != 0)
		return UM_NONE;
	um_scan_space(scan);
	token = scan->pos < scan->end ? um_first_bytes[(unsigned char) *scan->pos] : UM_NONE;
	return token != UM_NONE ? (UmToken) token : um_scan_nothing(scan);
}

/* Takes a string; its value has the escapes resolved. */
static inline bool
um_scan_string(UmScan *scan, UmSlice *value)
{
	const char *start = scan->pos + 1;
	const char *p = um_plain_end(start, scan->end);

	value->ptr = start;
	value->len = p - start;
	scan->pos = p;
	if (p == scan->end || *p != '"')
		return um_scan_escapes(scan, value);
	scan->pos++;
	return true;
}

/* The bytes of a text, taken out of line or decompressed where need be. */
static inline UmSlice
um_text_slice(Datum value)
{
	text	   *t = DatumGetTextPP(value);

	return (UmSlice) {VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t)};
}

static inline bool
um_same_slice(UmSlice a, UmSlice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Frees what the scan gave, where it is a copy. */
static inline void
um_scan_free(const UmScan *scan, UmSlice value)
{
	if (value.len > 0 && (value.ptr < scan->start || value.ptr >= scan->end))
		pfree(unconstify(char *, value.ptr));
}

/* Without space around it, of which there mostly is none. */
static inline UmSlice
um_trim(UmSlice text)
{
	if (text.len == 0 || ((unsigned char) text.ptr[0] > ' ' && (unsigned char) text.ptr[text.len - 1] > ' '))
		return text;
	return um_trim_space(text);
}

static inline void
um_append(StringInfo out, const char *bytes, int len)
{
	Assert(len >= 0);
	if (out->maxlen - out->len <= len)
		enlargeStringInfo(out, len);
	memcpy(out->data + out->len, bytes, len);
	out->len += len;
	out->data[out->len] = '\0';
}

/* Puts a number of 7 bits a byte, the lowest first, bit 7 set in all but the last. */
static inline char *
um_put_varint(char *out, uint32 n)
{
	for (; n >= 0x80; n >>= 7)
		*out++ = (n & 0x7F) | 0x80;
	*out++ = n;
	return out;
}

/* Appends text as a JSON string; mostly there is nothing to escape, which the copy tells. */
static inline void
um_append_json_string(StringInfo out, const char *text, int len)
{
	char	   *p;

	if (out->maxlen - out->len <= len + 2 + UM_PAST_END)
		enlargeStringInfo(out, len + 2 + UM_PAST_END);
	p = out->data + out->len;
	*p++ = '"';
	memcpy(p, text, len);
	if (!um_is_plain(p, len))
	{
		um_append_escaped(out, text, len);
		return;
	}
	p += len;
	*p++ = '"';
	*p = '\0';
	out->len += len + 2;
}

#endif
