/* export.h: records of the store into a file */
#ifndef USAGECTL_EXPORT_H
#define USAGECTL_EXPORT_H

#include "import.h"

typedef struct ExportOptions
{
	const char *query;			/* a TMF630 query string */
	const char *resource;		/* NULL for the first */
	const char *version;		/* of the standard; NULL for the setting's */
	bool		json;			/* the summary */
} ExportOptions;

extern ExitStatus export_file(const ExportOptions *options, PGconn *conn, const char *name);

#endif
