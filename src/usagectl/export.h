/* export.h: records of the store, one after the other */
#ifndef USAGECTL_EXPORT_H
#define USAGECTL_EXPORT_H

#include "connection.h"

typedef struct ExportOptions
{
	const char *query;			/* a TMF630 query string */
	const char *resource;		/* NULL for the first */
	const char *version;		/* of the standard; NULL for the setting's */
} ExportOptions;

/* Takes a record, as JSON; false for no more of them, and says why. */
typedef bool (*Receiver) (void *context, const char *record, size_t length);

extern bool export_run(const ExportOptions *options, PGconn *conn, Receiver receive, void *context);
extern int64_t export_count(const ExportOptions *options, PGconn *conn);

#endif
