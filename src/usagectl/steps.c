/*
 * steps.c
 *	  A document made of a row of CSV: the steps of writing one, taken.
 *
 * A step is a text, behind which the value of a field may stand; csv_steps() of
 * the extension gives them.  What is opened, and into which no field has been
 * written until it is closed, is left out.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "array.h"
#include "steps.h"
#include "text.h"

#define MESSAGE 600
#define FAULTS (16 * 1024)		/* bytes of them, of a row */

typedef enum WriteKind
{
	WRITE_OPEN, WRITE_CLOSE, WRITE_CONSTANT, WRITE_FIELD
} WriteKind;

typedef enum FieldType
{
	TYPE_STRING, TYPE_NUMBER, TYPE_BOOLEAN, TYPE_JSON, TYPE_MEMBERS
} FieldType;

struct WritingStep
{
	WriteKind	kind;
	const char *text;
	size_t		length;
	int			field;			/* from 1 on */
	FieldType	type;
	const char *path;
};

/* An object or list that is being written. */
struct Open
{
	size_t		at;				/* in the output */
	bool		filled;			/* by a field of the row */
};

static void put_text(Steps *steps, const WritingStep *step);
static bool put_field(Steps *steps, const WritingStep *step, Field field);
static void put_string(Steps *steps, Field field);
static bool put_boolean(Steps *steps, Field field);
static bool put_json(Steps *steps, Field field, bool members);
static Field undoubled(Steps *steps, Field field);
static Field trimmed(Field field);
static bool is_number(Field field);

/* Takes the server's answer over; false without memory. */
bool
steps_learn(Steps *steps, PGresult *result, const Field *header, int columns)
{
	static const char *const kinds[] = {"open", "close", "constant", "field"};
	static const char *const types[] = {"string", "number", "boolean", "json", "members"};
	int		   *uses = calloc(columns + 1, sizeof(int));

	steps->learnt = result;
	steps->header = header;
	steps->count = PQntuples(result);
	steps->list = calloc(steps->count + 1, sizeof(WritingStep));
	steps->opened = calloc(steps->count + 1, sizeof(Open));
	if (uses == NULL || steps->list == NULL || steps->opened == NULL)
	{
		free(uses);
		return false;
	}
	for (int i = 0; i < steps->count; i++)
	{
		WritingStep *step = &steps->list[i];

		for (int k = 0; k < 4; k++)
			if (strcmp(kinds[k], PQgetvalue(result, i, 0)) == 0)
				step->kind = k;
		for (int t = 0; t < 5; t++)
			if (strcmp(types[t], PQgetvalue(result, i, 3)) == 0)
				step->type = t;
		step->text = PQgetvalue(result, i, 1);
		step->length = PQgetlength(result, i, 1);
		step->field = atoi(PQgetvalue(result, i, 2));
		step->path = PQgetvalue(result, i, 4);
		steps->fixed += step->length + 2;
		if (step->kind == WRITE_FIELD && ++uses[step->field] > steps->uses)
			steps->uses = uses[step->field];
	}
	free(uses);
	return true;
}

void
steps_free(Steps *steps)
{
	PQclear(steps->learnt);
	free(steps->list);
	free(steps->opened);
}

/* Bytes that a row comes to at most, if so many are its own and so many more may be needed to write them. */
size_t
steps_most(const Steps *steps, size_t length, size_t growth)
{
	return steps->fixed + steps->uses * (length + growth) + 2;
}

/* All of them, where there are faults as well, for whoever mends it. */
size_t
steps_take(Steps *steps, const Row *row, char *out, size_t used, Faults *faults)
{
	int			top = -1;

	steps->out = out;
	steps->used = used;
	steps->faults = faults;
	for (int i = 0; i < steps->count && faults->list.length < FAULTS; i++)
	{
		const WritingStep *step = &steps->list[i];

		if (step->kind == WRITE_FIELD)
		{
			Field		field = row->fields[step->field - 1];

			steps->opened[top].filled |= field.length > 0 && put_field(steps, step, field);
			continue;
		}
		if (step->kind == WRITE_OPEN)
		{
			steps->opened[++top].at = steps->used;
			steps->opened[top].filled = false;
		}
		put_text(steps, step);
		if (step->kind != WRITE_CLOSE)
			continue;
		if (top > 0)
			steps->opened[top - 1].filled |= steps->opened[top].filled;
		if (top > 0 && !steps->opened[top].filled)
			steps->used = steps->opened[top].at;
		top--;
	}
	if (faults->list.length == 0 && !steps->opened[0].filled)
		fault_add(faults, "", "23502", "no column that is mapped has a value");
	return steps->used;
}

/* The comma before the first of what is opened is none. */
static void
put_text(Steps *steps, const WritingStep *step)
{
	const char *text = step->text;
	size_t		length = step->length;

	if (*text == ',' && (steps->out[steps->used - 1] == '{' || steps->out[steps->used - 1] == '['))
	{
		text++;
		length--;
	}
	memcpy(steps->out + steps->used, text, length);
	steps->used += length;
}

/* The value of a field behind its text; false where it is none of its type. */
static bool
put_field(Steps *steps, const WritingStep *step, Field field)
{
	static const char *const wanted[] = {
		[TYPE_NUMBER] = "a JSON number", [TYPE_BOOLEAN] = "true or false", [TYPE_JSON] = "a JSON value",
		[TYPE_MEMBERS] = "a JSON object"
	};
	size_t		before = steps->used;
	bool		put = true;

	put_text(steps, step);
	switch (step->type)
	{
		case TYPE_STRING:
			put_string(steps, field);
			break;
		case TYPE_NUMBER:
			field = trimmed(field);
			put = is_number(field);
			if (put)
			{
				memcpy(steps->out + steps->used, field.text, field.length);
				steps->used += field.length;
			}
			break;
		case TYPE_BOOLEAN:
			put = put_boolean(steps, trimmed(field));
			break;
		case TYPE_JSON:
		case TYPE_MEMBERS:
			if (step->type == TYPE_MEMBERS)
				steps->used = before;
			put = put_json(steps, field, step->type == TYPE_MEMBERS);
			break;
	}
	if (!put)
	{
		steps->used = before;
		fault_add(steps->faults, step->path, "22P02", "\"%.*s\" in column \"%.*s\" is not %s",
				  (int) (field.length < 60 ? field.length : text_valid(field.text, 60)), field.text,
				  (int) (steps->header[step->field - 1].length < 60 ? steps->header[step->field - 1].length : 60),
				  steps->header[step->field - 1].text, wanted[step->type]);
	}
	return put;
}

/* With its quotes, and what stands twice once, behind a backslash. */
static void
put_string(Steps *steps, Field field)
{
	static const char short_ones[] = "btnvfr";
	char	   *out = steps->out + steps->used;
	const char *p = field.text;
	const char *end = p + field.length;

	*out++ = '"';
	while (p < end)
	{
		unsigned char c = *p++;

		if (c >= 0x20 && c != '"' && c != '\\')
			*out++ = c;
		else if (c == '"' || c == '\\')
		{
			*out++ = '\\';
			*out++ = c;
			p += c == '"' && field.doubled;
		}
		else if (c >= '\b' && c <= '\r' && c != '\v')
		{
			*out++ = '\\';
			*out++ = short_ones[c - '\b'];
		}
		else
			out += sprintf(out, "\\u%04x", c);
	}
	*out++ = '"';
	steps->used = out - steps->out;
}

static bool
put_boolean(Steps *steps, Field field)
{
	bool		yes = field.length == 4 && strncasecmp(field.text, "true", 4) == 0;

	if (!yes && !(field.length == 5 && strncasecmp(field.text, "false", 5) == 0))
		return false;
	steps->used += sprintf(steps->out + steps->used, yes ? "true" : "false");
	return true;
}

/* A value as it is, or the members of an object without its braces, behind a comma. */
static bool
put_json(Steps *steps, Field field, bool members)
{
	static const WritingStep comma = {WRITE_CONSTANT, ",", 1, 0, TYPE_JSON, NULL};
	char	   *out;

	field = trimmed(undoubled(steps, field));
	if (!json_is_value(field.text, field.length) || (members && field.text[0] != '{'))
		return false;
	if (members)
	{
		field.text++;
		field.length -= 2;
		field = trimmed(field);
		if (field.length == 0)
			return true;
		put_text(steps, &comma);
	}
	out = steps->out + steps->used;
	memmove(out, field.text, field.length);
	json_on_one_line(out, field.length);
	steps->used += field.length;
	return true;
}

/* The field with one quote for two; behind the output, where it is to go a little before. */
static Field
undoubled(Steps *steps, Field field)
{
	char	   *out = steps->out + steps->used + 1;
	Field		plain = {out, 0, false};

	if (!field.doubled)
		return field;
	for (size_t i = 0; i < field.length; i++)
	{
		*out++ = field.text[i];
		i += field.text[i] == '"';
	}
	plain.length = out - plain.text;
	return plain;
}

static Field
trimmed(Field field)
{
	while (field.length > 0 && strchr(" \t\r\n", field.text[0]) != NULL)
	{
		field.text++;
		field.length--;
	}
	while (field.length > 0 && strchr(" \t\r\n", field.text[field.length - 1]) != NULL)
		field.length--;
	return field;
}

/* As JSON writes one. */
static bool
is_number(Field field)
{
	const char *p = field.text;
	const char *end = p + field.length;
	const char *digits;

	p += p < end && *p == '-';
	digits = p;
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	if (p == digits || (*digits == '0' && p > digits + 1))
		return false;
	if (p < end && *p == '.')
	{
		digits = ++p;
		while (p < end && *p >= '0' && *p <= '9')
			p++;
		if (p == digits)
			return false;
	}
	if (p < end && (*p == 'e' || *p == 'E'))
	{
		p++;
		p += p < end && (*p == '+' || *p == '-');
		digits = p;
		while (p < end && *p >= '0' && *p <= '9')
			p++;
		if (p == digits)
			return false;
	}
	return p == end;
}

/* Of the row that is being read. */
void
fault_add(Faults *faults, const char *path, const char *code, const char *format,...)
{
	char		message[MESSAGE];
	va_list		args;
	int			n = snprintf(message, sizeof(message), "row %" PRId64 ", at byte %" PRId64 " of the file: ", faults->row,
							 faults->at);

	va_start(args, format);
	vsnprintf(message + n, sizeof(message) - n, format, args);
	va_end(args);
	buffer_print(&faults->list, "%s{\"path\": ", faults->list.length == 0 ? "[" : ", ");
	buffer_json(&faults->list, path, strlen(path));
	buffer_print(&faults->list, ", \"code\": \"%s\", \"message\": ", code);
	buffer_json(&faults->list, message, text_valid(message, strlen(message)));
	buffer_print(&faults->list, "}");
}
