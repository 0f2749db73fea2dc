/*
 * format.c
 *	  What the bytes of a file are: by a word, a media type, or a name.
 *
 * A name tells CSV alone: many call .json what has a document a line.
 */
#include <string.h>
#include <strings.h>

#include "format.h"

static const struct
{
	const char *word;
	const char *type;
	const char *other_type;
}			kinds[] = {
	[FORMAT_NDJSON] = {"ndjson", "application/x-ndjson", "application/ndjson"},
	[FORMAT_JSON] = {"json", "application/json", "application/json"},
	[FORMAT_CSV] = {"csv", "text/csv", "text/csv"},
};

static const struct
{
	const char *suffix;
	const char *type;
}			packings[] = {
	[PACKING_NONE] = {NULL, NULL},
	[PACKING_GZIP] = {".gz", "application/gzip"},
	[PACKING_ZSTD] = {".zst", "application/zstd"},
};

static bool ends_with(const char *name, size_t length, const char *suffix);

bool
format_of_name(const char *word, FormatKind *kind)
{
	for (FormatKind k = FORMAT_NDJSON; k <= FORMAT_CSV; k++)
		if (strcmp(word, kinds[k].word) == 0)
		{
			*kind = k;
			return true;
		}
	return false;
}

/* A media type, whatever its parameters are. */
bool
format_of_type(const char *type, FormatKind *kind)
{
	size_t		length = strcspn(type, "; \t");

	for (FormatKind k = FORMAT_NDJSON; k <= FORMAT_CSV; k++)
		if ((strlen(kinds[k].type) == length && strncasecmp(type, kinds[k].type, length) == 0) ||
			(strlen(kinds[k].other_type) == length && strncasecmp(type, kinds[k].other_type, length) == 0))
		{
			*kind = k;
			return true;
		}
	return false;
}

FormatKind
format_of_file(const char *name)
{
	size_t		length = strlen(name);
	Packing		packing = packing_of_file(name);

	if (packing != PACKING_NONE)
		length -= strlen(packings[packing].suffix);
	return ends_with(name, length, ".csv") ? FORMAT_CSV : FORMAT_NDJSON;
}

Packing
packing_of_file(const char *name)
{
	for (Packing p = PACKING_GZIP; p <= PACKING_ZSTD; p++)
		if (ends_with(name, strlen(name), packings[p].suffix))
			return p;
	return PACKING_NONE;
}

static bool
ends_with(const char *name, size_t length, const char *suffix)
{
	size_t		n = strlen(suffix);

	return length > n && memcmp(name + length - n, suffix, n) == 0;
}

/* Of the file as it is. */
const char *
format_media_type(FormatKind kind, Packing packing)
{
	return packing != PACKING_NONE ? packings[packing].type : kinds[kind].type;
}
