/*
 * sequence.c
 *	  The number in a file's name: where # stands in the sequence, as in cdr_#.json.gz.
 *
 * * stands for any characters there, and ? for one.  The number is as long as it
 * can be: of cdr_0042.json it is not 042.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sequence.h"

#define DIGITS "0123456789"

/* Whoever orders writes the sequence: no place is tried twice. */
typedef struct Matching
{
	const char *sequence;
	const char *name;
	size_t		places;			/* in the name, its end included */
	char	   *failed;			/* of each place of the sequence and each of the name */
	const char *digits;
} Matching;

static bool match(Matching *matching, const char *sequence, const char *name);
static bool match_here(Matching *matching, const char *sequence, const char *name);
static bool is_digit(char c);

/* Its digits, to be freed; NULL where the name has none there. */
char *
sequence_number(const char *sequence, const char *name)
{
	Matching	matching = {.sequence = sequence, .name = name, .places = strlen(name) + 1};
	bool		matches;

	if (sequence == NULL)
		return NULL;
	matching.failed = calloc(strlen(sequence) + 1, matching.places);
	matches = matching.failed != NULL && match(&matching, sequence, name);
	free(matching.failed);
	return matches && matching.digits != NULL ? strndup(matching.digits, strspn(matching.digits, DIGITS)) : NULL;
}

static bool
match(Matching *matching, const char *sequence, const char *name)
{
	char	   *failed = &matching->failed[(sequence - matching->sequence) * matching->places + (name - matching->name)];

	if (*failed)
		return false;
	*failed = !match_here(matching, sequence, name);
	return !*failed;
}

static bool
match_here(Matching *matching, const char *sequence, const char *name)
{
	switch (*sequence)
	{
		case '\0':
			return *name == '\0';
		case '*':
			return match(matching, sequence + 1, name) || (*name != '\0' && match(matching, sequence, name + 1));
		case '#':
			if (!is_digit(*name) || (name > matching->name && is_digit(name[-1])))
				return false;
			matching->digits = name;
			return match(matching, sequence + 1, name + strspn(name, DIGITS));
		default:
			return *name != '\0' && (*sequence == '?' || *sequence == *name) && match(matching, sequence + 1, name + 1);
	}
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}
