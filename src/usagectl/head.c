/*
 * head.c
 *	  What the start of a file shows that is none of records.
 *
 * One bad record fails no good ones, however many; but a file of another form has
 * no good ones, and should be told of before a million rejects are made of it.
 * So only what cannot be the start of any file of records is refused here: a line
 * that begins as a JSON document does is always given the benefit of the doubt.
 */
#include <stdint.h>
#include <string.h>

#include "head.h"

typedef struct Line
{
	const char *text;
	size_t		length;			/* without blanks at both ends */
} Line;

static bool is_utf16(const char *first, size_t length);
static bool next_line(const char **p, const char *end, bool whole, Line *line);
static bool is_blank(char c);
static bool has_documents(const char *p, const char *end, bool whole);
static bool is_csv(const Line *header, const Line *row);

/* Bytes as they lie in the file. */
const char *
head_of_bytes(const char *first, size_t length)
{
	static const struct
	{
		const char *bytes;
		size_t		length;
		const char *what;
	}			others[] = {
		{"PK\003\004", 4, "this is a zip file, which has to be unpacked before: unpack it with unzip"},
		{"PK\005\006", 4, "this is a zip file with nothing in it"},
		{"\xFD" "7zXZ\0", 6, "this is an xz file, which has to be unpacked before: unpack it with xz -dc"},
		{"7z\xBC\xAF\x27\x1C", 6, "this is a 7z file, which has to be unpacked before"},
		{"\x04\x22\x4D\x18", 4, "this is an lz4 file, which has to be unpacked before: unpack it with lz4 -dc"},
		{"\xFF\xFE\0\0", 4, "this is UTF-32 text, and records are in UTF-8: iconv -f UTF-32 -t UTF-8 makes that of it"},
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (length >= others[i].length && memcmp(first, others[i].bytes, others[i].length) == 0)
			return others[i].what;
	if (length >= 10 && memcmp(first, "BZh", 3) == 0 && memcmp(first + 4, "1AY&SY", 6) == 0)
		return "this is a bzip2 file, which has to be unpacked before: unpack it with bzip2 -dc";
	return is_utf16(first, length) ? "this is UTF-16 text, and records are in UTF-8: iconv -f UTF-16 -t UTF-8 makes that of it" : NULL;
}

/* Every other byte of what is ASCII is NUL, with a byte order mark or without. */
static bool
is_utf16(const char *first, size_t length)
{
	size_t		mark = length >= 2 && (memcmp(first, "\xFF\xFE", 2) == 0 || memcmp(first, "\xFE\xFF", 2) == 0) ? 2 : 0;
	int			little = 0;
	int			big = 0;
	int			pairs = 0;

	for (size_t i = mark; i + 1 < length && i < HEAD_BYTES; i += 2, pairs++)
	{
		little += first[i] != '\0' && first[i + 1] == '\0';
		big += first[i] == '\0' && first[i + 1] != '\0';
	}
	return pairs >= (mark > 0 ? 1 : 2) && (little == pairs || big == pairs);
}

/*
 * Unpacked bytes of a file that is to have a record a line; whole where there are
 * no others.
 */
const char *
head_of_lines(const char *head, size_t length, bool whole, bool job)
{
	const char *p = head;
	const char *end = head + length;
	const char *behind;
	const char *other = head_of_bytes(head, length);
	Line		first;
	Line		second = {"", 0};
	bool		cut;

	if (other != NULL)
		return other;
	/* a record may have that word there, but no NUL before it */
	if (length > 262 && memcmp(head + 257, "ustar", 5) == 0 && memchr(head, '\0', 257) != NULL)
		return "this is a tar file: unpack it, and import what is in it";
	cut = !next_line(&p, end, whole, &first);
	behind = p;
	if (!cut)
		(void) next_line(&p, end, whole, &second);
	if (first.length == 0)
		return NULL;
	/* one line of it may be a bad record among good ones */
	if (first.text[0] == '[' && !(!cut && first.text[first.length - 1] == ']' && second.length > 0))
		return job ? "this is one JSON array, not a record a line: order it with contentType application/json"
			: "this is one JSON array, not a record a line: --format=json reads it";
	if (!cut && first.length == 1 && first.text[0] == '{' && second.length > 0 && second.text[0] == '"')
		return "this is JSON over several lines, not a record a line: jq -c . makes lines of it";
	if (first.text[0] == '{' || has_documents(behind, end, whole))
		return NULL;
	if (first.text[0] == '<')
		return "this is XML or HTML, not JSON with a record a line";
	if (!cut && is_csv(&first, &second))
		return job ? "this looks like CSV, not JSON with a record a line: order it with contentType text/csv"
			: "this looks like CSV, not JSON with a record a line: --format=csv reads it";
	return NULL;
}

/* The next one that is not blank; false where there is none, or its end is not there. */
static bool
next_line(const char **p, const char *end, bool whole, Line *line)
{
	const char *last;

	while (*p < end && (is_blank(**p) || **p == '\n'))
		(*p)++;
	line->text = *p;
	last = memchr(*p, '\n', end - *p);
	*p = last != NULL ? last : end;
	line->length = *p - line->text;
	while (line->length > 0 && is_blank(line->text[line->length - 1]))
		line->length--;
	return line->length > 0 && (last != NULL || whole);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool
has_documents(const char *p, const char *end, bool whole)
{
	Line		line;

	do
		if (next_line(&p, end, whole, &line), line.length > 0 && line.text[0] == '{')
			return true;
	while (line.length > 0);
	return false;
}

/* A header of names and a row with the same delimiter. */
static bool
is_csv(const Line *header, const Line *row)
{
	static const char delimiters[] = ",;\t|";

	for (const char *d = delimiters; *d != '\0'; d++)
		if (memchr(header->text, *d, header->length) != NULL)
			return memchr(row->text, *d, row->length) != NULL;
	return false;
}
