/*
 * scalar.c
 *	  The value that a text stands for, and the text of a time or of a jsonb.
 *
 * Nothing is thrown for a text that stands for no value, and nothing depends on
 * a setting: a time is RFC 3339's, without a zone UTC's, whatever DateStyle and
 * TimeZone are.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "errors.h"
#include "scalar.h"

/* Bytes of a quoted instant, at the most. */
#define TIME_WIDTH 40

/*
 * The value of a text for an attribute of a kind that is one token, as the
 * column holds it; life is its life cycle where it is a status.  0, or the
 * SQLSTATE.
 */
int
um_scalar_from_text(UmKind kind, const UmLifeCycle *life, UmSlice text, Datum *value)
{
	UmSlice		trimmed = um_trim(text);
	TimestampTz time;
	int			code;

	switch (kind)
	{
		case UM_TEXT:
			*value = PointerGetDatum(cstring_to_text_with_len(text.ptr, text.len));
			return 0;
		case UM_URI:
			*value = PointerGetDatum(cstring_to_text_with_len(trimmed.ptr, trimmed.len));
			return 0;
		case UM_TIME:
			code = um_read_time(trimmed, &time);
			*value = TimestampTzGetDatum(time);
			return code;
		case UM_NUMBER:
			if (trimmed.len > 1 && *trimmed.ptr == '+')
			{
				trimmed.ptr++;
				trimmed.len--;
			}
			if (!um_is_number(trimmed))
				return UM_WRONG_KIND;
			*value = um_numeric(trimmed);
			return 0;
		case UM_BOOL:
			*value = BoolGetDatum(trimmed.len == 4);
			return (trimmed.len == 4 && pg_strncasecmp(trimmed.ptr, "true", 4) == 0) ||
				(trimmed.len == 5 && pg_strncasecmp(trimmed.ptr, "false", 5) == 0)
				? 0 : UM_WRONG_KIND;
		case UM_STATUS:
			code = um_status_from_text(life, trimmed);
			if (code < 0)
				return UM_WRONG_KIND;
			*value = ObjectIdGetDatum(um_status_oid(life, code));
			return 0;
		default:
			elog(ERROR, "attribute kind %d is no scalar", kind);
	}
}

/* What numeric_in makes of a number; short ones with a fixed point need no parser. */
Datum
um_numeric(UmSlice text)
{
	const char *p = text.ptr;
	const char *end = p + text.len;
	bool		negative = text.len > 0 && *p == '-';
	bool		point = false;
	int64		digits = 0;
	int			scale = 0;
	char	   *copy;
	Datum		number;

	if (text.len <= 17)
	{
		for (p += negative; p < end; p++)
		{
			if (*p == '.' && !point)
				point = true;
			else if (isdigit((unsigned char) *p))
			{
				digits = digits * 10 + (*p - '0');
				scale += point;
			}
			else
				break;
		}
		if (p == end && text.len > 0 && isdigit((unsigned char) end[-1]))
			return NumericGetDatum(int64_div_fast_to_numeric(negative ? -digits : digits, scale));
	}
	copy = pnstrdup(text.ptr, text.len);
	number = DirectFunctionCall3(numeric_in, CStringGetDatum(copy),
								 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	pfree(copy);
	return number;
}

static bool
read_digits(const char **p, const char *end, int count, int *value)
{
	*value = 0;
	for (; count > 0; count--, (*p)++)
	{
		if (*p >= end || !isdigit((unsigned char) **p))
			return false;
		*value = *value * 10 + (**p - '0');
	}
	return true;
}

/* The digits behind the point, rounded to microseconds. */
static int64
read_fraction(const char **p, const char *end)
{
	int64		fraction = 0;
	int			digits = 0;

	for ((*p)++; *p < end && isdigit((unsigned char) **p); (*p)++, digits++)
	{
		if (digits < 6)
			fraction = fraction * 10 + (**p - '0');
		else if (digits == 6 && **p >= '5')
			fraction++;
	}
	for (; digits < 6; digits++)
		fraction *= 10;
	return fraction;
}

/* Z, +hh, +hhmm or +hh:mm; seconds east of UTC. */
static bool
read_zone(const char **p, const char *end, int *seconds)
{
	bool		west = **p == '-';
	int			hours;
	int			minutes = 0;

	if (**p == 'Z' || **p == 'z')
	{
		(*p)++;
		return true;
	}
	if (**p != '+' && !west)
		return false;
	(*p)++;
	if (!read_digits(p, end, 2, &hours))
		return false;
	if (*p < end && **p == ':')
		(*p)++;
	if (*p < end && !read_digits(p, end, 2, &minutes))
		return false;
	if (hours > 15 || minutes > 59)
		return false;
	*seconds = (west ? -1 : 1) * (hours * 60 + minutes) * 60;
	return true;
}

/*
 * A date and time as RFC 3339 writes it; the time, the seconds and the zone
 * may be missing, then midnight and UTC are meant.  0, or the SQLSTATE.
 */
int
um_read_time(UmSlice text, TimestampTz *time)
{
	const char *p = text.ptr;
	const char *end = p + text.len;
	int			year;
	int			month;
	int			day;
	int			hour = 0;
	int			minute = 0;
	int			second = 0;
	int			zone = 0;
	int64		fraction = 0;

	if (!read_digits(&p, end, 4, &year) || p >= end || *p++ != '-' ||
		!read_digits(&p, end, 2, &month) || p >= end || *p++ != '-' ||
		!read_digits(&p, end, 2, &day))
		return UM_NOT_A_TIME;
	if (p < end && (*p == 'T' || *p == 't' || *p == ' '))
	{
		p++;
		if (!read_digits(&p, end, 2, &hour) || p >= end || *p++ != ':' ||
			!read_digits(&p, end, 2, &minute))
			return UM_NOT_A_TIME;
		if (p < end && *p == ':')
		{
			p++;
			if (!read_digits(&p, end, 2, &second))
				return UM_NOT_A_TIME;
			if (p < end && (*p == '.' || *p == ','))
				fraction = read_fraction(&p, end);
		}
		if (p < end && *p == ' ')
			p++;
		if (p < end && !read_zone(&p, end, &zone))
			return UM_NOT_A_TIME;
	}
	if (p != end)
		return UM_NOT_A_TIME;
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > day_tab[isleap(year)][month - 1] ||
		hour > 24 || minute > 59 || second > 60 || (hour == 24 && (minute > 0 || second > 0)))
		return UM_TIME_RANGE;
	*time = (date2j(year, month, day) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY +
		((hour * 60 + minute) * 60 + second - zone) * USECS_PER_SEC + fraction;
	return *time < UM_FIRST_TIME || *time > UM_LAST_TIME ? UM_TIME_RANGE : 0;
}

/* Ends with a zero, too. */
UmSlice
um_jsonb_text(Datum value)
{
	Jsonb	   *jsonb = DatumGetJsonbP(value);
	StringInfoData text;

	initStringInfo(&text);
	JsonbToCString(&text, &jsonb->root, VARSIZE(jsonb));
	return (UmSlice) {text.data, text.len};
}

/* So many digits and what follows them; printf would be most of an export. */
static char *
put_digits(char *p, int number, int count, char after)
{
	for (int i = count - 1; i >= 0; i--)
	{
		p[i] = '0' + number % 10;
		number /= 10;
	}
	p[count] = after;
	return p + count + 1;
}

/* Appends a quoted instant: RFC 3339, UTC, no more fraction than needed. */
void
um_append_time(StringInfo out, TimestampTz time)
{
	struct pg_tm tm;
	fsec_t		fraction;
	int			digits = 6;
	char	   *p;

	if (time < UM_FIRST_TIME || time > UM_LAST_TIME ||
		timestamp2tm(time, NULL, &tm, &fraction, NULL, NULL) != 0)
	{
		appendStringInfo(out, "\"%s\"",
						 DatumGetCString(DirectFunctionCall1(timestamptz_out,
															 TimestampTzGetDatum(time))));
		return;
	}
	enlargeStringInfo(out, TIME_WIDTH);
	p = out->data + out->len;
	*p++ = '"';
	p = put_digits(p, tm.tm_year, 4, '-');
	p = put_digits(p, tm.tm_mon, 2, '-');
	p = put_digits(p, tm.tm_mday, 2, 'T');
	p = put_digits(p, tm.tm_hour, 2, ':');
	p = put_digits(p, tm.tm_min, 2, ':');
	p = put_digits(p, tm.tm_sec, 2, '.');
	if (fraction == 0)
		p--;
	else
	{
		for (; fraction % 10 == 0; fraction /= 10)
			digits--;
		p = put_digits(p, fraction, digits, 'Z') - 1;
	}
	*p++ = 'Z';
	*p++ = '"';
	*p = '\0';
	out->len = p - out->data;
}

static int
hex_digit(char c)
{
	return isdigit((unsigned char) c) ? c - '0'
		: isxdigit((unsigned char) c) ? (c | 0x20) - 'a' + 10 : -1;
}

/* One character or three that encode one; how many were read. */
int
um_percent_unit(const char *text, int len, char *c)
{
	if (len == 0)
		return 0;
	*c = text[0];
	if (text[0] != '%' || len < 3 || hex_digit(text[1]) < 0 || hex_digit(text[2]) < 0)
		return 1;
	*c = (char) (hex_digit(text[1]) * 16 + hex_digit(text[2]));
	return 3;
}

/* Takes a text into another encoding; false where that cannot be. */
static bool
recode(UmSlice *text, int from, int to)
{
	Oid			proc;
	char	   *out;

	if (from == to || text->len == 0)
		return true;
	proc = FindDefaultConversionProc(from, to);
	if (!OidIsValid(proc) || text->len > (int) MaxAllocSize / MAX_CONVERSION_GROWTH - 1)
		return false;
	out = palloc((Size) text->len * MAX_CONVERSION_GROWTH + 1);
	if (pg_do_encoding_conversion_buf(proc, from, to, (unsigned char *) unconstify(char *, text->ptr),
									  text->len, (unsigned char *) out,
									  text->len * MAX_CONVERSION_GROWTH + 1, true) < text->len)
		return false;
	*text = (UmSlice) {out, strlen(out)};
	return true;
}

/*
 * The text that a segment of a path encodes, which is UTF-8; false where it
 * encodes nothing, or no text of this database.
 */
bool
um_percent_decode(UmSlice text, UmSlice *decoded)
{
	int			encoding = GetDatabaseEncoding() == PG_SQL_ASCII ? PG_SQL_ASCII : PG_UTF8;
	char	   *out;
	int			n = 0;

	if (memchr(text.ptr, '%', text.len) == NULL ||
		!recode(&text, GetDatabaseEncoding(), encoding))
		return false;
	out = palloc(text.len);
	for (int i = 0; i < text.len; n++)
		i += um_percent_unit(text.ptr + i, text.len - i, &out[n]);
	*decoded = (UmSlice) {out, n};
	return memchr(out, '\0', n) == NULL &&
		(encoding == PG_SQL_ASCII || pg_verify_mbstr(encoding, out, n, true)) &&
		recode(decoded, encoding, GetDatabaseEncoding());
}
