/*
 * array.c
 *	  The elements of a JSON array, one a line.
 *
 * Elements are told apart by their strings and brackets alone: what else is
 * wrong with one is for the server to say, which keeps it, and it is no fault of
 * the others.  So an element may be of any length and takes no memory.  Line
 * breaks in it become spaces; in a string, where there must be none, they become
 * carriage returns, which are refused as well.
 *
 * What is wrong with the array itself ends the stream with an error there.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"

#define INPUT (64 * 1024)
#define DEEPEST 4096			/* brackets that are matched by their kind */

typedef enum State
{
	BEFORE,						/* the array */
	FIRST,						/* an element may come, or the end */
	NEXT,						/* an element must come */
	BARE,						/* in one that is no string and has no brackets */
	INSIDE,						/* in one that is or has */
	ENDED,						/* one, whose line is not */
	PAST,						/* one: a comma comes, or the end */
	BEHIND						/* the array */
} State;

/* How far brackets and strings go. */
typedef struct Nesting
{
	bool		quoted;
	bool		escaped;
	int64_t		depth;
	bool		array[DEEPEST]; /* of each level */
} Nesting;

struct Array
{
	Source	   *source;
	Bytes		below;
	State		state;
	Nesting		nesting;
	int64_t		elements;		/* begun */
	int64_t		began;			/* byte where the last one did */
	int64_t		before;			/* bytes of the stream before the input here */
	size_t		given;
	size_t		used;
	char		input[INPUT];
};

static ssize_t refill(Array *array);
static bool go_on(Array *array, char **out, const char *end);
static bool skip_mark(Array *array);
static bool between(Array *array, char c);
static void start(Array *array, char c);
static bool bare(Array *array, char **out, const char *end);
static bool inside(Array *array, char **out, const char *end);
static bool nest(Nesting *nesting, char c);
static bool mismatched(Array *array, char c);
static int64_t here(const Array *array);

Array *
array_make(Source *source, Bytes below)
{
	Array	   *array = calloc(1, sizeof(Array));

	if (array == NULL)
		return NULL;
	array->source = source;
	array->below = below;
	return array;
}

void
array_free(Array *array)
{
	free(array);
}

bool
array_ready(const Array *array)
{
	return array->given < array->used;
}

ssize_t
array_read(Array *array, char *buffer, size_t size)
{
	char	   *out = buffer;
	const char *end = buffer + size;

	while (out == buffer)
	{
		ssize_t		n = array->given == array->used && array->state != ENDED ? refill(array) : 1;

		if (n <= 0)
			return n;
		while ((array->given < array->used || array->state == ENDED) && out < end)
			if (!go_on(array, &out, end))
				/* what was before that is given first */
				return out > buffer ? out - buffer : -1;
	}
	return out - buffer;
}

static ssize_t
refill(Array *array)
{
	ssize_t		n;

	if (array->source->error[0] != '\0')
		return -1;
	array->before += array->used;
	array->given = array->used = 0;
	n = array->below(array->source, array->input, INPUT);
	if (n < 0)
		return n;
	array->used = n;
	if (n > 0 && (array->before > 0 || skip_mark(array)))
		return n;
	if (n == 0 && array->state == BEFORE)
		return source_fail(array->source, "there is no JSON array: the file is empty");
	if (n == 0 && (array->state == INSIDE || array->state == BARE))
		return source_fail(array->source, "the JSON array ends too early, in its element %" PRId64
						   " that begins at byte %" PRId64, array->elements, array->began);
	if (n == 0 && array->state != BEHIND)
		return source_fail(array->source, "the JSON array ends too early, after %" PRId64 " elements, at byte %" PRId64,
						   array->elements, here(array));
	return n;
}

/* A byte order mark; a file that is nothing else has no array. */
static bool
skip_mark(Array *array)
{
	while (array->used < 3)
	{
		ssize_t		n = array->below(array->source, array->input + array->used, INPUT - array->used);

		if (n <= 0)
			break;
		array->used += n;
	}
	if (array->used >= 3 && memcmp(array->input, "\xEF\xBB\xBF", 3) == 0)
		array->given = 3;
	return true;
}

/* Some of the input; false with the error set. */
static bool
go_on(Array *array, char **out, const char *end)
{
	char		c;

	if (array->state == INSIDE)
		return inside(array, out, end);
	if (array->state == BARE)
		return bare(array, out, end);
	if (array->state == ENDED)
	{
		*(*out)++ = '\n';
		array->state = PAST;
		return true;
	}
	c = array->input[array->given];
	if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
	{
		array->given++;
		return true;
	}
	return between(array, c);
}

/* The brackets and commas of the array, which are not given on. */
static bool
between(Array *array, char c)
{
	switch (array->state)
	{
		case BEFORE:
			if (c != '[')
				return source_fail(array->source, "there is no JSON array: the file begins with 0x%02x (\"%c\"), not with \"[\"; "
								   "a document a line is ndjson", (unsigned char) c, c >= ' ' && c < 127 ? c : '?') == 0;
			array->state = FIRST;
			break;
		case FIRST:
		case NEXT:
			if (c == ']' && array->state == FIRST)
				array->state = BEHIND;
			else if (c == ',' || c == ']' || c == '}')
				return source_fail(array->source, "an element is missing in the JSON array before \"%c\" at byte %" PRId64,
								   c, here(array)) == 0;
			else
			{
				start(array, c);
				return true;
			}
			break;
		case PAST:
			if (c != ',' && c != ']')
				return source_fail(array->source, "at byte %" PRId64 " of the JSON array stands 0x%02x, where \",\" or \"]\" "
								   "follows element %" PRId64, here(array), (unsigned char) c, array->elements) == 0;
			array->state = c == ',' ? NEXT : BEHIND;
			break;
		default:
			return source_fail(array->source, "there is something behind the JSON array, at byte %" PRId64, here(array)) == 0;
	}
	array->given++;
	return true;
}

static void
start(Array *array, char c)
{
	array->elements++;
	array->began = here(array);
	array->nesting.depth = 0;
	array->nesting.quoted = array->nesting.escaped = false;
	array->state = c == '{' || c == '[' || c == '"' ? INSIDE : BARE;
}

/* Up to the comma or bracket that follows it, whatever it is. */
static bool
bare(Array *array, char **out, const char *end)
{
	while (array->given < array->used && *out < end)
	{
		char		c = array->input[array->given];

		if (c == ',' || c == ']')
		{
			array->state = ENDED;
			return true;
		}
		*(*out)++ = c == '\n' ? ' ' : c;
		array->given++;
	}
	return true;
}

/* Bytes of an element, up to its end. */
static bool
inside(Array *array, char **out, const char *end)
{
	Nesting    *nesting = &array->nesting;
	char	   *p = array->input + array->given;
	char	   *last = array->input + array->used;
	char	   *to = *out;
	bool		ended = false;
	bool		fits = true;

	if (last - p > end - to)
		last = p + (end - to);
	while (p < last && !ended && fits)
	{
		char		c = *p;

		if (nesting->quoted && c != '"' && c != '\\' && c != '\n' && !nesting->escaped)
			*to++ = c;
		else
		{
			fits = nest(nesting, c);
			*to++ = c != '\n' ? c : nesting->quoted ? '\r' : ' ';
			ended = nesting->depth == 0 && !nesting->quoted;
		}
		p++;
	}
	if (!fits)
		return mismatched(array, p[-1]);
	array->given = p - array->input;
	if (ended)
		array->state = ENDED;
	*out = to;
	return true;
}

/* What a byte does to strings and brackets; false for one that closes what another has opened. */
static bool
nest(Nesting *nesting, char c)
{
	if (nesting->quoted)
	{
		if (nesting->escaped)
			nesting->escaped = false;
		else if (c == '\\')
			nesting->escaped = true;
		else if (c == '"')
			nesting->quoted = false;
	}
	else if (c == '"')
		nesting->quoted = true;
	else if (c == '{' || c == '[')
	{
		if (nesting->depth < DEEPEST)
			nesting->array[nesting->depth] = c == '[';
		nesting->depth++;
	}
	else if (c == '}' || c == ']')
	{
		if (nesting->depth == 0)
			return false;
		nesting->depth--;
		return nesting->depth >= DEEPEST || nesting->array[nesting->depth] == (c == ']');
	}
	return true;
}

static bool
mismatched(Array *array, char c)
{
	return source_fail(array->source, "the brackets of element %" PRId64 " of the JSON array, which begins at byte %" PRId64
					   ", do not match: \"%c\" closes none", array->elements, array->began, c) == 0;
}

/* The byte that is looked at, from 0 on. */
static int64_t
here(const Array *array)
{
	return array->before + array->given;
}

/* ---- one value ---- */

/*
 * Whether it is one value by its strings and brackets, or a word or a number by
 * its letters; so that it can stand among others without being more than one.
 */
bool
json_is_value(const char *text, size_t length)
{
	Nesting		nesting;
	size_t		i = 0;

	if (length == 0)
		return false;
	if (*text != '{' && *text != '[' && *text != '"')
	{
		while (i < length && strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", text[i]) != NULL && text[i] != '\0')
			i++;
		return i == length;
	}
	nesting.depth = 0;
	nesting.quoted = nesting.escaped = false;
	do
		if (!nest(&nesting, text[i++]))
			return false;
	while (i < length && (nesting.depth > 0 || nesting.quoted));
	return i == length && nesting.depth == 0 && !nesting.quoted;
}

/* Line breaks as spaces, in strings as carriage returns. */
void
json_on_one_line(char *text, size_t length)
{
	bool		quoted = false;
	bool		escaped = false;

	if (memchr(text, '\n', length) == NULL)
		return;
	for (size_t i = 0; i < length; i++)
	{
		if (text[i] == '\n')
			text[i] = quoted ? '\r' : ' ';
		if (escaped)
			escaped = false;
		else if (quoted && text[i] == '\\')
			escaped = true;
		else if (text[i] == '"')
			quoted = !quoted;
	}
}
