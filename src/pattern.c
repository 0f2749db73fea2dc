/*
 * pattern.c
 *	  Regular expressions that others wrote: judged, compiled once, matched whole.
 *
 * They are PostgreSQL's advanced ones, which are automata: the time that a match
 * takes is bounded, and a cancel is heeded.  Back references are what makes
 * them explode, and size.
 *
 * PostgreSQL itself keeps the last 32 expressions of a session.  A load goes by
 * all those of its specifications in turn, so they are compiled here, and live
 * as long as the memory context they were made in.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "regex/regex.h"
#include "regex/regguts.h"
#include "utils/memutils.h"

#include "pattern.h"

#define MAX_CHARACTERS 1000
#define LEAST_BYTES (16 * 1024) /* of any, most of it for its colors */

struct UmPattern
{
	regex_t		regex;
	Size		bytes;
	MemoryContextCallback freed;
};

static Size all_bytes = 0;

static char *compile(regex_t *regex, const char *text, int flags);
static char *error_of(int result, const regex_t *regex);
static int	wide(const char *text, int len, pg_wchar **characters);
static Size bytes_of(const regex_t *regex);
static Size tree_bytes(const struct subre *node);
static Size automaton_bytes(const struct cnfa *automaton);
static void release(void *pattern);

/* What is wrong with an expression, in words; NULL where it can be used. */
char *
um_pattern_fault(UmSlice regex)
{
	char	   *text = pnstrdup(regex.ptr, regex.len);
	bool		escaped = false;
	regex_t		compiled;
	char	   *error;

	if (pg_mbstrlen(text) > MAX_CHARACTERS)
		return psprintf("a regular expression has at most %d characters", MAX_CHARACTERS);
	for (const char *p = text; *p != '\0'; p++)
	{
		if (escaped && isdigit((unsigned char) *p) && *p != '0')
			return pstrdup("a regular expression cannot have back-references");
		escaped = *p == '\\' && !escaped;
	}
	/* embedded options could make it another kind of expression */
	if (strncmp(text, "***", 3) == 0)
		return pstrdup("a regular expression cannot have a director");
	error = compile(&compiled, text, REG_ADVANCED | REG_NOSUB);
	if (error != NULL)
		return psprintf("\"%.*s\" cannot be used: invalid regular expression: %s",
						um_clip(regex, 100), text, error);
	pg_regfree(&compiled);
	pfree(text);
	return NULL;
}

/*
 * One that a whole text is to match, as a child of a memory context; NULL with
 * what is wrong with it, in the current one.  Options hold for the beginning of an expression alone,
 * so that it can have none but (?i), whose meaning is a flag.
 */
UmPattern *
um_pattern_new(UmSlice regex, MemoryContext keeper, char **fault)
{
	int			options = regex.len >= 4 && memcmp(regex.ptr, "(?i)", 4) == 0 ? 4 : 0;
	char	   *whole = psprintf("\\A(?:%.*s)\\Z", regex.len - options, regex.ptr + options);
	MemoryContext context;
	MemoryContext old;
	UmPattern  *pattern;
	char	   *error;

	*fault = um_pattern_fault(regex);
	if (*fault != NULL)
		return NULL;
	/* what a cancel leaves undone is not kept */
	context = AllocSetContextCreate(CurrentMemoryContext, "regular expression", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	pattern = palloc0(sizeof(UmPattern));
	error = compile(&pattern->regex, whole, REG_ADVANCED | REG_NOSUB | (options ? REG_ICASE : 0));
	MemoryContextSwitchTo(old);
	if (error != NULL)
	{
		*fault = psprintf("\"%.*s\" cannot be used for a whole value: %s",
						  UM_CLIPPED(regex, 100), error);
		MemoryContextDelete(context);
		return NULL;
	}
	pattern->freed.func = release;
	pattern->freed.arg = pattern;
	pattern->bytes = bytes_of(&pattern->regex);
	MemoryContextRegisterResetCallback(context, &pattern->freed);
	MemoryContextSetParent(context, keeper);
	all_bytes += pattern->bytes;
	return pattern;
}

/* What there are in this session take of its memory. */
Size
um_pattern_bytes(void)
{
	return all_bytes;
}

/*
 * Whether a text, from its first character to its last, is what the pattern
 * says; false with the fault of one that comes to no end.
 */
bool
um_pattern_matches(UmPattern *pattern, UmSlice text, char **fault)
{
	pg_wchar   *characters;
	int			count = wide(text.ptr, text.len, &characters);
	int			result = pg_regexec(&pattern->regex, characters, count, 0, NULL, 0, NULL, 0);

	pfree(characters);
	*fault = result == REG_OKAY || result == REG_NOMATCH ? NULL
		: psprintf("regular expression failed: %s", error_of(result, &pattern->regex));
	return result == REG_OKAY;
}

/* NULL, or what PostgreSQL has against it; then there is nothing to free. */
static char *
compile(regex_t *regex, const char *text, int flags)
{
	pg_wchar   *characters;
	int			count = wide(text, strlen(text), &characters);
	int			result = pg_regcomp(regex, characters, count, flags, DEFAULT_COLLATION_OID);

	pfree(characters);
	return result == REG_OKAY ? NULL : error_of(result, regex);
}

/* A cancel is an error of its own. */
static char *
error_of(int result, const regex_t *regex)
{
	char		message[100];

	CHECK_FOR_INTERRUPTS();
	pg_regerror(result, regex, message, sizeof(message));
	return pstrdup(message);
}

static int
wide(const char *text, int len, pg_wchar **characters)
{
	*characters = palloc_extended(sizeof(pg_wchar) * ((Size) len + 1), MCXT_ALLOC_HUGE);
	return pg_mb2wchar_with_len(text, *characters, len);
}

/* What PostgreSQL keeps of an expression, which it does not tell. */
static Size
bytes_of(const regex_t *regex)
{
	const struct guts *guts = (const struct guts *) regex->re_guts;
	Size		bytes = LEAST_BYTES + automaton_bytes(&guts->search) + tree_bytes(guts->tree);

	for (int i = 1; i < guts->nlacons; i++)
		bytes += automaton_bytes(&guts->lacons[i].cnfa);
	return bytes;
}

static Size
tree_bytes(const struct subre *node)
{
	Size		bytes = 0;

	for (; node != NULL; node = node->sibling)
		bytes += sizeof(*node) + automaton_bytes(&node->cnfa) + tree_bytes(node->child);
	return bytes;
}

/* The arcs of each state end with one that has no color. */
static Size
automaton_bytes(const struct cnfa *automaton)
{
	Size		arcs = 0;

	for (int i = 0; i < automaton->nstates; i++)
	{
		const struct carc *arc = automaton->states[i];

		while (arc->co != COLORLESS)
			arc++;
		arcs += arc + 1 - automaton->states[i];
	}
	return arcs * sizeof(struct carc) + automaton->nstates * (sizeof(struct carc *) + 1);
}

static void
release(void *pattern)
{
	all_bytes -= ((UmPattern *) pattern)->bytes;
	pg_regfree(&((UmPattern *) pattern)->regex);
}
