/* export.h: records of the store, one after the other */
#ifndef USAGECTL_EXPORT_H
#define USAGECTL_EXPORT_H

#include "format.h"

typedef struct ExportOptions
{
	const char *query;			/* a TMF630 query string */
	const char *resource;		/* NULL for the first */
	const char *version;		/* of the standard; NULL for the setting's */
	FormatKind	format;			/* that the records are received for */
} ExportOptions;

/* Takes a record, as its format has it; false for no more of them, and says why. */
typedef bool (*Receiver) (void *context, const char *record, size_t length);

/* What a writer of these records is to know; noun is to be freed. */
extern bool export_format(const ExportOptions *options, PGconn *conn, Format *format, char **noun);
extern bool export_run(const ExportOptions *options, PGconn *conn, Receiver receive, void *context);
extern int64_t export_count(const ExportOptions *options, PGconn *conn);

#endif
