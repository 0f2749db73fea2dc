/* format.h: what the bytes of a file are */
#ifndef USAGECTL_FORMAT_H
#define USAGECTL_FORMAT_H

#include <stdbool.h>

#include "connection.h"

typedef enum FormatKind
{
	FORMAT_NDJSON, FORMAT_JSON, FORMAT_CSV
} FormatKind;

typedef enum Packing
{
	PACKING_NONE, PACKING_GZIP, PACKING_ZSTD
} Packing;

/* What a source or a writer must know; all but the kind is of CSV alone. */
typedef struct Format
{
	FormatKind	kind;
	const char *resource;		/* noun of that whose records they are */
	const char *version;		/* of the standard, to write; NULL for the setting's */
	const char *mapping;		/* of columns, JSON text; NULL where the header names attributes */
	PGconn	   *conn;			/* whom to ask, at the first read */
} Format;

extern bool format_of_name(const char *word, FormatKind *kind);
extern bool format_of_type(const char *type, FormatKind *kind);
extern FormatKind format_of_file(const char *name);
extern Packing packing_of_file(const char *name);
extern const char *format_media_type(FormatKind kind, Packing packing);

#endif
