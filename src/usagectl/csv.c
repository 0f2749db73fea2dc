/*
 * csv.c
 *	  The rows of a CSV file as documents, one a line.
 *
 * What a document is like only the server knows: it is told the header, and the
 * mapping if there is one, and gives the steps of writing one of a row
 * (csv_steps() of the extension).  They are taken for each row, and a row is
 * held whole meanwhile.
 *
 * A row that no document can be made of does not keep the others from being
 * made.  It becomes a line that starts with REFUSED, on which follow the bytes
 * that it has, its faults as JSON, and it itself, each ended by another REFUSED;
 * line feeds and escapes in it as an escape and a letter.  records.c takes that
 * apart.  What is wrong with the file itself ends the stream with an error there.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "array.h"
#include "buffer.h"
#include "csv.h"
#include "records.h"
#include "row.h"
#include "text.h"

#define INPUT (64 * 1024)
#define OUTPUT (64 * 1024)
#define LONG (1024 * 1024)		/* bytes that are not held longer than needed; of a header, too many */
#define REFUSED_WHOLE (ARENA / 2 - 64 * 1024)	/* bytes of a row at fault that fit into a batch in any case */
#define ESCAPE '\033'
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

typedef struct WritingStep
{
	WriteKind	kind;
	const char *text;
	size_t		length;
	int			field;			/* from 1 on */
	FieldType	type;
	const char *path;
} WritingStep;

/* An object or list that is being written. */
typedef struct Open
{
	size_t		at;				/* in the output */
	bool		filled;			/* by a field of the row */
} Open;

struct Csv
{
	Source	   *source;
	Bytes		below;
	bool		begun;
	bool		last;			/* nothing is to be read any more */
	char	   *in;
	size_t		given,
				used,
				space;
	int64_t		before;			/* bytes of the stream before the input here */
	size_t		open;			/* bytes looked at of a row that goes on */
	int64_t		rows;			/* taken, the header among them */
	Row			row;
	Field	   *header;
	int			columns;
	char	   *names;			/* what the header says */
	PGresult   *learnt;			/* has the texts of the steps */
	WritingStep *steps;
	int			count;
	Open	   *opened;
	size_t		fixed;			/* bytes of all texts */
	int			uses;			/* most steps that want one field */
	Buffer		errors;			/* of the row */
	char	   *out;
	size_t		out_given,
				out_used,
				out_space;
	char	   *kept;			/* start of a row that is too long; NULL for none */
	int64_t		length;			/* of it so far */
	bool		quoted;
};

/* What a look at the input came to. */
typedef enum Look
{
	LOOK_TAKEN, LOOK_MORE, LOOK_FAILED
} Look;

static bool fill(Csv *csv);
static bool read_more(Csv *csv, size_t wanted);
static bool make_space(char **text, size_t *space, size_t wanted);
static bool begin(Csv *csv);
static bool take_header(Csv *csv);
static bool learn(Csv *csv);
static bool take_steps(Csv *csv, const PGresult *result);
static Look take_row(Csv *csv);
static Look unclosed(Csv *csv);
static bool reserve(Csv *csv);
static void convert(Csv *csv);
static void write_row(Csv *csv);
static void put_text(Csv *csv, const WritingStep *step);
static bool put_field(Csv *csv, const WritingStep *step, Field field);
static void put_string(Csv *csv, Field field);
static bool put_boolean(Csv *csv, Field field);
static bool put_json(Csv *csv, Field field, bool members);
static Field undoubled(Csv *csv, Field field);
static Field trimmed(Field field);
static bool is_number(Field field);
static void judge(Csv *csv);
static void add_fault(Csv *csv, const char *path, const char *code, const char *format,...)
			__attribute__((format(printf, 4, 5)));
static void refuse(Csv *csv, const char *text, size_t kept, int64_t length);
static Look pass_long(Csv *csv);
static int64_t here(const Csv *csv);

Csv *
csv_make(Source *source, Bytes below)
{
	Csv		   *csv = calloc(1, sizeof(Csv));

	if (csv == NULL)
		return NULL;
	csv->source = source;
	csv->below = below;
	return csv;
}

void
csv_free(Csv *csv)
{
	if (csv == NULL)
		return;
	row_free(&csv->row);
	free(csv->in);
	free(csv->names);
	free(csv->header);
	PQclear(csv->learnt);
	free(csv->steps);
	free(csv->opened);
	buffer_free(&csv->errors);
	free(csv->out);
	free(csv->kept);
	free(csv);
}

bool
csv_ready(const Csv *csv)
{
	return csv->out_given < csv->out_used;
}

ssize_t
csv_read(Csv *csv, char *buffer, size_t size)
{
	size_t		left;

	if (csv->out_given == csv->out_used && !fill(csv))
		return -1;
	left = csv->out_used - csv->out_given;
	if (size > left)
		size = left;
	if (size == 0)
		return 0;
	memcpy(buffer, csv->out + csv->out_given, size);
	csv->out_given += size;
	return size;
}

/* Some lines; none at the end alone. */
static bool
fill(Csv *csv)
{
	Look		look = LOOK_TAKEN;

	if (!csv->begun && !begin(csv))
		return false;
	csv->out_given = csv->out_used = 0;
	if (csv->out_space > LONG)
	{
		free(csv->out);
		csv->out = NULL;
		csv->out_space = 0;
	}
	for (;;)
	{
		while (csv->out_used < OUTPUT && look == LOOK_TAKEN && !(csv->last && csv->given == csv->used && csv->kept == NULL))
			look = csv->kept != NULL ? pass_long(csv) : take_row(csv);
		if (csv->out_used > 0 || look == LOOK_TAKEN)
			return true;
		if (look == LOOK_FAILED || !read_more(csv, csv->open < INPUT ? csv->open + 1 : 2 * csv->open))
			return false;
		look = LOOK_TAKEN;
	}
}

/* Until that much is there, or the end is. */
static bool
read_more(Csv *csv, size_t wanted)
{
	if (csv->given > 0)
		memmove(csv->in, csv->in + csv->given, csv->used - csv->given);
	csv->before += csv->given;
	csv->used -= csv->given;
	csv->given = 0;
	if (csv->used == 0 && csv->space > LONG)
	{
		free(csv->in);
		csv->in = NULL;
		csv->space = 0;
	}
	if (wanted > LONGEST + INPUT)
		wanted = LONGEST + INPUT;
	if (!make_space(&csv->in, &csv->space, wanted + INPUT + 1))
		return source_fail(csv->source, "out of memory") == 0;
	while (csv->used < wanted && !csv->last)
	{
		ssize_t		n = csv->below(csv->source, csv->in + csv->used, csv->space - csv->used - 1);

		if (n < 0)
			return false;
		csv->used += n;
		csv->last = n == 0;
	}
	return true;
}

static bool
make_space(char **text, size_t *space, size_t wanted)
{
	char	   *more;

	if (wanted <= *space)
		return true;
	more = realloc(*text, wanted);
	if (more == NULL)
		return false;
	*text = more;
	*space = wanted;
	return true;
}

/* ---- the header ---- */

/* Reads the header and learns what to make of its columns. */
static bool
begin(Csv *csv)
{
	RowState	state;

	if (!read_more(csv, 3))
		return false;
	if (csv->used >= 3 && memcmp(csv->in, "\xEF\xBB\xBF", 3) == 0)
		csv->given = 3;
	for (;;)
	{
		char	   *text = csv->in + csv->given;
		size_t		length = csv->used - csv->given;

		memset(csv->row.stops, 0, sizeof(csv->row.stops));
		row_delimit(&csv->row, row_delimiter(text, length));
		state = row_scan(&csv->row, text, length, csv->last);
		if (state == ROW_WHOLE || csv->last)
			break;
		if (length > LONG)
			return source_fail(csv->source, "the header of the CSV file is longer than %d bytes", LONG) == 0;
		if (!read_more(csv, length + 1))
			return false;
	}
	if (state != ROW_WHOLE)
		return source_fail(csv->source, "the header of the CSV file has a quote that is not closed") == 0;
	if (csv->used == csv->given)
		return source_fail(csv->source, "there is no header: the CSV file is empty") == 0;
	csv->begun = take_header(csv) && learn(csv);
	csv->given += csv->row.taken;
	csv->rows = 1;
	return csv->begun;
}

/* Keeps the names, of which messages speak, too. */
static bool
take_header(Csv *csv)
{
	Row		   *row = &csv->row;
	const char *text = csv->in + csv->given;
	size_t		valid = text_valid(text, row->length);

	if (valid < row->length)
		return source_fail(csv->source, "the header of the CSV file is not UTF-8: its byte %zu is 0x%02x", valid + 1,
						   (unsigned char) text[valid]) == 0;
	if (row->fault != NULL)
		return source_fail(csv->source, "column %d of the header of the CSV file: %s", row->fault_field, row->fault) == 0;
	csv->columns = row->count;
	csv->header = calloc(row->count, sizeof(Field));
	csv->names = malloc(row->length + 1);
	if (csv->header == NULL || csv->names == NULL)
		return source_fail(csv->source, "out of memory") == 0;
	memcpy(csv->names, text, row->length);
	for (int i = 0; i < row->count; i++)
	{
		Field	   *field = &row->fields[i];

		if (memchr(field->text, '\r', field->length) != NULL)
			return source_fail(csv->source, "there is a carriage return in the header of the CSV file; lines end in a line feed, "
							   "with or without one before it") == 0;
		csv->header[i] = *field;
		csv->header[i].text = csv->names + (field->text - text);
	}
	return true;
}

/* Asks the server. */
static bool
learn(Csv *csv)
{
	const Format *format = &csv->source->format;
	Buffer		names = {NULL, 0, 0};
	const char *values[3] = {format->resource, format->mapping};
	PGresult   *result;
	bool		learnt;

	for (int i = 0; i < csv->columns; i++)
	{
		buffer_print(&names, i == 0 ? "{\"" : ",\"");
		for (size_t j = 0; j < csv->header[i].length; j++)
		{
			char		c = csv->header[i].text[j];

			buffer_print(&names, c == '"' || c == '\\' ? "\\%c" : "%c", c);
			j += c == '"';
		}
		buffer_print(&names, "\"");
	}
	buffer_print(&names, "}");
	values[2] = names.text;
	result = PQexecParams(format->conn, "SELECT step, text, field, type, path FROM usage_mgmt.csv_steps($1, $2, $3)",
						  3, NULL, values, NULL, NULL, 0);
	buffer_free(&names);
	learnt = PQresultStatus(result) == PGRES_TUPLES_OK;
	if (!learnt)
	{
		const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
		const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
		const char *all = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);

		/* of one fault the message says all */
		if (all != NULL && strstr(all, "}, {") == NULL)
			all = NULL;
		source_fail(csv->source, "%s: %s%s%s", format->mapping != NULL ? "the mapping" : "the header of the CSV file",
					message != NULL ? message : PQerrorMessage(format->conn), all != NULL ? "; all faults: " : "",
					all != NULL ? all : "");
		csv->source->lasting = code != NULL && strncmp(code, "22", 2) == 0;
	}
	csv->learnt = result;
	return learnt && take_steps(csv, result);
}

static bool
take_steps(Csv *csv, const PGresult *result)
{
	static const char *const kinds[] = {"open", "close", "constant", "field"};
	static const char *const types[] = {"string", "number", "boolean", "json", "members"};
	int		   *uses = calloc(csv->columns + 1, sizeof(int));

	csv->count = PQntuples(result);
	csv->steps = calloc(csv->count + 1, sizeof(WritingStep));
	csv->opened = calloc(csv->count + 1, sizeof(Open));
	if (uses == NULL || csv->steps == NULL || csv->opened == NULL)
		return source_fail(csv->source, "out of memory") == 0;
	for (int i = 0; i < csv->count; i++)
	{
		WritingStep *step = &csv->steps[i];

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
		csv->fixed += step->length + 2;
		if (step->kind == WRITE_FIELD && ++uses[step->field] > csv->uses)
			csv->uses = uses[step->field];
	}
	free(uses);
	return true;
}

/* ---- rows ---- */

/* The next row, if it is there to its end. */
static Look
take_row(Csv *csv)
{
	Row		   *row = &csv->row;
	const char *text = csv->in + csv->given;
	size_t		length = csv->used - csv->given;
	RowState	state = row_scan(row, text, length, csv->last);

	/* however much of it came at once: read again, it is to be the same */
	if (state == ROW_WHOLE ? row->length > LONGEST : length > LONGEST + 2)
		return pass_long(csv);
	if (state != ROW_WHOLE)
	{
		if (csv->last)
			return unclosed(csv);
		csv->open = length;
		return LOOK_MORE;
	}
	csv->open = 0;
	if (row->length > 0)
	{
		if (!reserve(csv))
			return LOOK_FAILED;
		convert(csv);
	}
	csv->rows++;
	csv->given += row->taken;
	return LOOK_TAKEN;
}

static Look
unclosed(Csv *csv)
{
	source_fail(csv->source, "the CSV file ends within a field in quotes: that of row %" PRId64 ", which begins at byte %" PRId64
				", is not closed", csv->rows + 1, here(csv) - csv->length);
	return LOOK_FAILED;
}

/* Room for the longest that the row can become. */
static bool
reserve(Csv *csv)
{
	const unsigned char *p = (const unsigned char *) csv->in + csv->given;
	size_t		length = csv->row.length;
	size_t		growth = 5 * length;

	/* what is long is counted */
	if (length > LONG)
	{
		growth = 0;
		for (size_t i = 0; i < length; i++)
			growth += p[i] < 0x20 || p[i] == '"' || p[i] == '\\' ? 5 : 0;
	}
	return make_space(&csv->out, &csv->out_space, csv->out_used + csv->fixed + csv->uses * (length + growth) + 2) ||
		source_fail(csv->source, "out of memory") == 0;
}

/* Takes the steps; a row that has a fault is refused instead. */
static void
convert(Csv *csv)
{
	size_t		start = csv->out_used;

	buffer_clear(&csv->errors);
	judge(csv);
	if (csv->errors.length == 0)
		write_row(csv);
	if (csv->errors.length == 0)
		csv->out[csv->out_used++] = '\n';
	else
	{
		csv->out_used = start;
		refuse(csv, csv->in + csv->given, csv->row.length <= REFUSED_WHOLE ? csv->row.length : KEPT, csv->row.length);
	}
}

/* All of them, where there are faults as well, for whoever mends it. */
static void
write_row(Csv *csv)
{
	int			top = -1;

	for (int i = 0; i < csv->count && csv->errors.length < FAULTS; i++)
	{
		const WritingStep *step = &csv->steps[i];

		if (step->kind == WRITE_FIELD)
		{
			Field		field = csv->row.fields[step->field - 1];

			csv->opened[top].filled |= field.length > 0 && put_field(csv, step, field);
			continue;
		}
		if (step->kind == WRITE_OPEN)
		{
			csv->opened[++top].at = csv->out_used;
			csv->opened[top].filled = false;
		}
		put_text(csv, step);
		if (step->kind != WRITE_CLOSE)
			continue;
		if (top > 0)
			csv->opened[top - 1].filled |= csv->opened[top].filled;
		if (top > 0 && !csv->opened[top].filled)
			csv->out_used = csv->opened[top].at;
		top--;
	}
	if (csv->errors.length == 0 && !csv->opened[0].filled)
		add_fault(csv, "", "23502", "no column that is mapped has a value");
}

/* What is wrong with the row as a whole. */
static void
judge(Csv *csv)
{
	const Row  *row = &csv->row;
	const char *text = csv->in + csv->given;
	size_t		valid = text_valid(text, row->length);

	if (valid < row->length && text[valid] == '\0')
		add_fault(csv, "", "22021", "byte %zu of the row is NUL", valid + 1);
	else if (valid < row->length)
		add_fault(csv, "", "22021", "byte %zu of the row (0x%02x) is not UTF-8", valid + 1, (unsigned char) text[valid]);
	else if (row->fault != NULL)
		add_fault(csv, "", "22P02", "field %d: %s", row->fault_field, row->fault);
	else if (row->count != csv->columns)
		add_fault(csv, "", "22P02", "it has %d field%s, and the header %d", row->count, row->count == 1 ? "" : "s", csv->columns);
}

/* The comma before the first of what is opened is none. */
static void
put_text(Csv *csv, const WritingStep *step)
{
	const char *text = step->text;
	size_t		length = step->length;

	if (*text == ',' && (csv->out[csv->out_used - 1] == '{' || csv->out[csv->out_used - 1] == '['))
	{
		text++;
		length--;
	}
	memcpy(csv->out + csv->out_used, text, length);
	csv->out_used += length;
}

/* The value of a field behind its text; false where it is none of its type. */
static bool
put_field(Csv *csv, const WritingStep *step, Field field)
{
	static const char *const wanted[] = {
		[TYPE_NUMBER] = "a JSON number", [TYPE_BOOLEAN] = "true or false", [TYPE_JSON] = "a JSON value",
		[TYPE_MEMBERS] = "a JSON object"
	};
	size_t		before = csv->out_used;
	bool		put = true;

	put_text(csv, step);
	switch (step->type)
	{
		case TYPE_STRING:
			put_string(csv, field);
			break;
		case TYPE_NUMBER:
			field = trimmed(field);
			put = is_number(field);
			if (put)
			{
				memcpy(csv->out + csv->out_used, field.text, field.length);
				csv->out_used += field.length;
			}
			break;
		case TYPE_BOOLEAN:
			put = put_boolean(csv, trimmed(field));
			break;
		case TYPE_JSON:
		case TYPE_MEMBERS:
			if (step->type == TYPE_MEMBERS)
				csv->out_used = before;
			put = put_json(csv, field, step->type == TYPE_MEMBERS);
			break;
	}
	if (!put)
	{
		csv->out_used = before;
		add_fault(csv, step->path, "22P02", "\"%.*s\" in column \"%.*s\" is not %s",
				  (int) (field.length < 60 ? field.length : text_valid(field.text, 60)), field.text,
				  (int) (csv->header[step->field - 1].length < 60 ? csv->header[step->field - 1].length : 60),
				  csv->header[step->field - 1].text, wanted[step->type]);
	}
	return put;
}

/* With its quotes, and what stands twice once, behind a backslash. */
static void
put_string(Csv *csv, Field field)
{
	static const char short_ones[] = "btnvfr";
	char	   *out = csv->out + csv->out_used;
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
	csv->out_used = out - csv->out;
}

static bool
put_boolean(Csv *csv, Field field)
{
	bool		yes = field.length == 4 && strncasecmp(field.text, "true", 4) == 0;

	if (!yes && !(field.length == 5 && strncasecmp(field.text, "false", 5) == 0))
		return false;
	csv->out_used += sprintf(csv->out + csv->out_used, yes ? "true" : "false");
	return true;
}

/* A value as it is, or the members of an object without its braces, behind a comma. */
static bool
put_json(Csv *csv, Field field, bool members)
{
	static const WritingStep comma = {WRITE_CONSTANT, ",", 1, 0, TYPE_JSON, NULL};
	char	   *out;

	field = trimmed(undoubled(csv, field));
	if (!json_is_value(field.text, field.length) || (members && field.text[0] != '{'))
		return false;
	if (members)
	{
		field.text++;
		field.length -= 2;
		field = trimmed(field);
		if (field.length == 0)
			return true;
		put_text(csv, &comma);
	}
	out = csv->out + csv->out_used;
	memmove(out, field.text, field.length);
	json_on_one_line(out, field.length);
	csv->out_used += field.length;
	return true;
}

/* The field with one quote for two; behind the output, where it is to go a little before. */
static Field
undoubled(Csv *csv, Field field)
{
	char	   *out = csv->out + csv->out_used + 1;
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

/* ---- what is refused ---- */

static void
add_fault(Csv *csv, const char *path, const char *code, const char *format,...)
{
	char		message[MESSAGE];
	va_list		args;
	int			n = snprintf(message, sizeof(message), "row %" PRId64 ", at byte %" PRId64 " of the file: ", csv->rows + 1,
							 here(csv) - csv->length);

	va_start(args, format);
	vsnprintf(message + n, sizeof(message) - n, format, args);
	va_end(args);
	buffer_print(&csv->errors, "%s{\"path\": ", csv->errors.length == 0 ? "[" : ", ");
	buffer_json(&csv->errors, path, strlen(path));
	buffer_print(&csv->errors, ", \"code\": \"%s\", \"message\": ", code);
	buffer_json(&csv->errors, message, text_valid(message, strlen(message)));
	buffer_print(&csv->errors, "}");
}

/* The line of a row that is no document, of which so much is kept. */
static void
refuse(Csv *csv, const char *text, size_t kept, int64_t length)
{
	char	   *out;

	if (!make_space(&csv->out, &csv->out_space, csv->out_used + csv->errors.length + 2 * kept + 40))
	{
		complain("out of memory");
		exit(2);
	}
	out = csv->out + csv->out_used;
	out += sprintf(out, "%c%" PRId64 "%c%s]%c", REFUSED, length, REFUSED, csv->errors.text, REFUSED);
	for (size_t i = 0; i < kept; i++)
		if (text[i] == '\n' || text[i] == ESCAPE)
		{
			*out++ = ESCAPE;
			*out++ = text[i] == '\n' ? 'n' : 'e';
		}
		else
			*out++ = text[i];
	*out++ = '\n';
	csv->out_used = out - csv->out;
}

/*
 * A row that is too long to be held: its start is kept, and what follows is
 * passed over up to its end, which is told by the quotes alone.
 */
static Look
pass_long(Csv *csv)
{
	const char *p = csv->in + csv->given;
	const char *end = csv->in + csv->used;

	if (csv->kept == NULL)
	{
		csv->kept = malloc(KEPT);
		if (csv->kept == NULL)
			return source_fail(csv->source, "out of memory"), LOOK_FAILED;
		memcpy(csv->kept, p, KEPT);
		csv->quoted = false;
		csv->length = 0;
	}
	while (p < end && (csv->quoted || *p != '\n'))
		csv->quoted ^= *p++ == '"';
	csv->length += p - csv->in - csv->given;
	csv->given = p - csv->in;
	csv->open = 0;
	if (p == end && !csv->last)
		return LOOK_MORE;
	if (csv->quoted)
		return unclosed(csv);
	buffer_clear(&csv->errors);
	add_fault(csv, "", "54000", "it has %" PRId64 " bytes, more than %d: its first megabyte was kept", csv->length, LONGEST);
	refuse(csv, csv->kept, KEPT, csv->length);
	free(csv->kept);
	csv->kept = NULL;
	csv->length = 0;
	csv->rows++;
	csv->given += p < end;
	return LOOK_TAKEN;
}

/* The byte that is looked at, from 0 on. */
static int64_t
here(const Csv *csv)
{
	return csv->before + csv->given;
}
