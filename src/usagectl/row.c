/*
 * row.c
 *	  A row of CSV, taken apart (RFC 4180).
 *
 * A field in quotes may hold anything, a quote as two; one without quotes holds
 * none.  A row ends at a line feed, before which a carriage return may stand.  A
 * fault of a field is told, and the row ends where it does all the same.
 */
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "connection.h"
#include "row.h"

static const char *quoted_end(const char *p, const char *end, Field *field);
static const char *field_end(Row *row, const char *p, const char *end);
static bool is_end(const char *p, const char *end);
static Field *add_field(Row *row);
static void add_fault(Row *row, const char *fault);

void
row_delimit(Row *row, char delimiter)
{
	row->delimiter = delimiter;
	row->stops['\n'] = row->stops['"'] = row->stops[(unsigned char) delimiter] = true;
}

void
row_free(Row *row)
{
	free(row->fields);
}

/* The first of those there are that stands in a header, outside of quotes; a comma where none does. */
char
row_delimiter(const char *text, size_t length)
{
	bool		quoted = false;

	for (size_t i = 0; i < length; i++)
		if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && text[i] != '\0' && strchr(",;\t|", text[i]) != NULL)
			return text[i];
		else if (!quoted && text[i] == '\n')
			break;
	return ',';
}

/* The text has room for a byte behind it.  Last: nothing follows it. */
RowState
row_scan(Row *row, const char *text, size_t length, bool last)
{
	const char *p = text;
	const char *end = text + length;

	row->count = row->fault_field = 0;
	row->fault = NULL;
	for (;;)
	{
		Field	   *field = add_field(row);

		field->text = p;
		field->length = 0;
		field->doubled = false;
		if (p < end && *p == '"')
		{
			p = quoted_end(p + 1, end, field);
			/* what looks like its end may be the first of two quotes */
			if (p == NULL || (p == end && !last))
				return ROW_QUOTED;
			if (p < end && *p != row->delimiter && !is_end(p, end))
			{
				if (*p == '\r' && p + 1 == end && !last)
					return ROW_OPEN;
				if (!(*p == '\r' && p + 1 == end))
					add_fault(row, "something stands behind the quote that closes it");
				p = field_end(row, p, end);
			}
			else if (p < end && *p == '\r')
				p++;
		}
		else
		{
			p = field_end(row, p, end);
			field->length = p - field->text;
			if (field->length > 0 && p[-1] == '\r' && (p == end || *p == '\n'))
				field->length--;
		}
		if (p == end && !last)
			return ROW_OPEN;
		if (p == end || *p == '\n')
			break;
		p++;
	}
	row->taken = p - text + (p < end);
	row->length = p - text;
	if (row->length > 0 && text[row->length - 1] == '\r')
		row->length--;
	return ROW_WHOLE;
}

/* Past the quote that closes a field; NULL where none does. */
static const char *
quoted_end(const char *p, const char *end, Field *field)
{
	field->text = p;
	for (;;)
	{
		const char *quote = p < end ? memchr(p, '"', end - p) : NULL;

		if (quote == NULL)
			return NULL;
		p = quote + 1;
		if (p == end || *p != '"')
		{
			field->length = quote - field->text;
			return p;
		}
		field->doubled = true;
		p++;
	}
}

/* Where a field without quotes ends. */
static const char *
field_end(Row *row, const char *p, const char *end)
{
	for (;;)
	{
		while (p < end && !row->stops[(unsigned char) *p])
			p++;
		if (p == end || *p != '"')
			return p;
		add_fault(row, "a quote stands in it, and it is not in quotes");
		p++;
	}
}

static bool
is_end(const char *p, const char *end)
{
	return *p == '\n' || (*p == '\r' && p + 1 < end && p[1] == '\n');
}

static Field *
add_field(Row *row)
{
	if (row->count == row->space)
	{
		row->space = row->space > 0 ? 2 * row->space : 32;
		row->fields = realloc(row->fields, sizeof(Field) * row->space);
		if (row->fields == NULL)
		{
			complain("out of memory");
			exit(2);
		}
	}
	return &row->fields[row->count++];
}

/* The first is told. */
static void
add_fault(Row *row, const char *fault)
{
	if (row->fault != NULL)
		return;
	row->fault_field = row->count;
	row->fault = fault;
}
