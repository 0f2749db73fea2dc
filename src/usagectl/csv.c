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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "csv.h"
#include "records.h"
#include "row.h"
#include "steps.h"
#include "text.h"

#define INPUT (64 * 1024)
#define OUTPUT (64 * 1024)
#define LONG (1024 * 1024)		/* bytes not held longer than needed; of a header, too many */
#define REFUSED_WHOLE (ARENA / 2 - 64 * 1024)	/* bytes of a row at fault that fit into any batch */
#define ESCAPE '\033'

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
	Steps		steps;
	Faults		faults;			/* of the row */
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
static Look take_row(Csv *csv);
static Look unclosed(Csv *csv);
static bool reserve(Csv *csv);
static void convert(Csv *csv);
static void judge(Csv *csv);
static void begin_faults(Csv *csv);
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
	steps_free(&csv->steps);
	buffer_free(&csv->faults.list);
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
	if (!learnt)
		PQclear(result);
	return learnt && (steps_learn(&csv->steps, result, csv->header, csv->columns) ||
					  source_fail(csv->source, "out of memory") == 0);
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
	return make_space(&csv->out, &csv->out_space, csv->out_used + steps_most(&csv->steps, length, growth)) ||
		source_fail(csv->source, "out of memory") == 0;
}

/* Takes the steps; a row that has a fault is refused instead. */
static void
convert(Csv *csv)
{
	size_t		start = csv->out_used;

	begin_faults(csv);
	judge(csv);
	if (csv->faults.list.length == 0)
		csv->out_used = steps_take(&csv->steps, &csv->row, csv->out, csv->out_used, &csv->faults);
	if (csv->faults.list.length == 0)
		csv->out[csv->out_used++] = '\n';
	else
	{
		csv->out_used = start;
		refuse(csv, csv->in + csv->given, csv->row.length <= REFUSED_WHOLE ? csv->row.length : KEPT, csv->row.length);
	}
}

/* What is wrong with the row as a whole. */
static void
judge(Csv *csv)
{
	const Row  *row = &csv->row;
	const char *text = csv->in + csv->given;
	size_t		valid = text_valid(text, row->length);

	if (valid < row->length && text[valid] == '\0')
		fault_add(&csv->faults, "", "22021", "byte %zu of the row is NUL", valid + 1);
	else if (valid < row->length)
		fault_add(&csv->faults, "", "22021", "byte %zu of the row (0x%02x) is not UTF-8", valid + 1, (unsigned char) text[valid]);
	else if (row->fault != NULL)
		fault_add(&csv->faults, "", "22P02", "field %d: %s", row->fault_field, row->fault);
	else if (row->count != csv->columns)
		fault_add(&csv->faults, "", "22P02", "it has %d field%s, and the header %d", row->count, row->count == 1 ? "" : "s", csv->columns);
}

/* ---- what is refused ---- */

/* None so far, of the row that is next. */
static void
begin_faults(Csv *csv)
{
	buffer_clear(&csv->faults.list);
	csv->faults.row = csv->rows + 1;
	csv->faults.at = here(csv) - csv->length;
}

/* The line of a row that is no document, of which so much is kept. */
static void
refuse(Csv *csv, const char *text, size_t kept, int64_t length)
{
	char	   *out;

	if (!make_space(&csv->out, &csv->out_space, csv->out_used + csv->faults.list.length + 2 * kept + 40))
	{
		complain("out of memory");
		exit(2);
	}
	out = csv->out + csv->out_used;
	out += sprintf(out, "%c%" PRId64 "%c%s]%c", REFUSED, length, REFUSED, csv->faults.list.text, REFUSED);
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
	begin_faults(csv);
	fault_add(&csv->faults, "", "54000", "it has %" PRId64 " bytes, more than %d: its first megabyte was kept", csv->length, LONGEST);
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
