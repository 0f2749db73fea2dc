/*
 * text.c
 *	  What is text, and what a record says of itself at a glance.
 *
 * Neither is the last word: the server reads every record.  The check of the
 * encoding keeps what is no text from failing a COPY; the id is wanted for the
 * order of a batch alone, the date to have its month's partition made, the type
 * to tell where the record goes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static size_t character(const unsigned char *p, size_t length);
static const char *string_end(const char *p, const char *end);
static const char *value_end(const char *p, const char *end);
static const char *past_space(const char *p, const char *end);
static const char *mention(const char *p, const char *end, const char *names);
static Slice trimmed(const char *from, const char *to);
static bool is_one_of(Slice slice, const char *words);
static bool number(const char *p, int digits, int *result);

/*
 * A blank for each control character, so that what others have said is one line,
 * and tells a terminal nothing.  UTF-8 has some behind the byte C2.
 */
void
text_plain(char *text)
{
	for (unsigned char *p = (unsigned char *) text; *p != '\0'; p++)
		if (*p < ' ' || *p == 0x7f)
			*p = ' ';
		else if (*p == 0xC2 && p[1] >= 0x80 && p[1] < 0xA0)
			p[0] = p[1] = ' ';
}

/* How many bytes from the start are UTF-8 as PostgreSQL means it, without NUL. */
size_t
text_valid(const char *text, size_t length)
{
	const unsigned char *p = (const unsigned char *) text;
	size_t		i = 0;

	while (i < length)
	{
		size_t		n;
		uint64_t	word;

		/* eight at a time while all are ASCII and none is NUL */
		while (length - i >= 8)
		{
			memcpy(&word, p + i, 8);
			if (((word | (word - UINT64_C(0x0101010101010101))) & UINT64_C(0x8080808080808080)) != 0)
				break;
			i += 8;
		}
		if (i == length)
			break;
		n = character(p + i, length - i);
		if (n == 0)
			break;
		i += n;
	}
	return i;
}

/* The length of the character there; 0 for none. */
static size_t
character(const unsigned char *p, size_t length)
{
	size_t		n = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF5 ? 4 : 0;

	if (n == 1)
		return p[0] != 0;
	if (n == 0 || n > length)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	/* too long a form, a surrogate, beyond the last plane */
	if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
		(p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
		return 0;
	return n;
}

/*
 * Finds the id, the date and the type of a record, at its top alone, and looks
 * no further than it must: what names no type behind the others has none.
 */
Glance
text_glance(const char *text, size_t length, const Names *names)
{
	Glance		found = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
	const char *end = text + length;
	const char *p = past_space(text, end);
	const char *type = p;

	if (p == end || *p != '{')
		return found;
	do
	{
		Slice		name,
					value;
		const char *from = past_space(p + 1, end);

		if (from == end || *from != '"')
			return found;
		p = string_end(from, end);
		name = trimmed(from + 1, p - 1);
		p = past_space(p, end);
		if (p == end || *p != ':')
			return found;
		from = past_space(p + 1, end);
		p = value_end(from, end);
		value = from < p && *from == '"' ? trimmed(from + 1, p - 1) : trimmed(from, p);
		if (is_one_of(name, names->id))
			found.id = value;
		else if (is_one_of(name, names->date))
			found.date = value;
		else if (is_one_of(name, names->type))
			found.type = value;
		p = past_space(p, end);
		if (p == end || *p != ',')
			return found;
		if (found.id.length > 0 && found.date.length > 0 && type < p)
			type = found.type.length > 0 ? end : mention(p, end, names->type);
	}
	while (found.id.length == 0 || found.date.length == 0 || type < end);
	return found;
}

/* Where a name is next written; the end if it is not.  Of several, anywhere. */
static const char *
mention(const char *p, const char *end, const char *names)
{
	size_t		length = names[0] == ' ' ? strcspn(names + 1, " ") : 0;

	if (length > 0 && names[length + 2] != '\0')
		return p;
	while (length > 0 && (p = memchr(p, names[1], end - p)) != NULL)
	{
		if ((size_t) (end - p) > length && memcmp(p, names + 1, length) == 0)
			return p;
		p++;
	}
	return end;
}

/* Past the string that starts there. */
static const char *
string_end(const char *p, const char *end)
{
	p++;
	for (;;)
	{
		const char *quote = p < end ? memchr(p, '"', end - p) : NULL;
		const char *back = quote;

		if (quote == NULL)
			return end;
		while (back > p && back[-1] == '\\')
			back--;
		p = quote + 1;
		if ((quote - back) % 2 == 0)
			return p;
	}
}

/* Past the value that starts there. */
static const char *
value_end(const char *p, const char *end)
{
	int			depth = 0;

	while (p < end)
	{
		if (*p == '"')
		{
			p = string_end(p, end);
			if (depth == 0)
				return p;
			continue;
		}
		if (depth == 0 && (*p == ',' || *p == '}'))
			return p;
		if (*p == '{' || *p == '[')
			depth++;
		else if ((*p == '}' || *p == ']') && --depth == 0)
			return p + 1;
		p++;
	}
	return end;
}

static const char *
past_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
		p++;
	return p;
}

static Slice
trimmed(const char *from, const char *to)
{
	Slice		slice = {from, 0};

	while (from < to && *from == ' ')
		from++;
	while (from < to && to[-1] == ' ')
		to--;
	slice.text = from;
	slice.length = from < to ? to - from : 0;
	return slice;
}

/* Whether a list of words, each between spaces, has that one. */
static bool
is_one_of(Slice slice, const char *words)
{
	size_t		length = strlen(words);

	for (const char *p = words; slice.length > 0 && p + slice.length + 2 <= words + length; p++)
		if (*p == ' ' && p[slice.length + 1] == ' ' && memcmp(p + 1, slice.text, slice.length) == 0)
			return true;
	return false;
}

/* The month of a date in UTC, counted from the year 0; -1 for no date. */
int
text_month(Slice date)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	const char *p = date.text;
	int			year,
				month,
				day,
				hour = 0,
				minute = 0,
				east = 0,
				last;

	if (date.length < 10 || !number(p, 4, &year) || p[4] != '-' || !number(p + 5, 2, &month) ||
		p[7] != '-' || !number(p + 8, 2, &day) || month < 1 || month > 12)
		return -1;
	if (date.length >= 16 && number(p + 11, 2, &hour) && number(p + 14, 2, &minute))
	{
		const char *sign = p + 16;

		while (sign < p + date.length && *sign != '+' && *sign != '-')
			sign++;
		if (p + date.length - sign >= 3 && number(sign + 1, 2, &east))
			east *= *sign == '-' ? -60 : 60;
	}
	minute += hour * 60 - east;
	last = days[month - 1] + (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
	if (day == 1 && minute < 0)
		month--;
	else if (day == last && minute >= 24 * 60)
		month++;
	return year * 12 + month - 1;
}

static bool
number(const char *p, int digits, int *result)
{
	*result = 0;
	for (int i = 0; i < digits; i++)
	{
		if (p[i] < '0' || p[i] > '9')
			return false;
		*result = *result * 10 + p[i] - '0';
	}
	return true;
}
