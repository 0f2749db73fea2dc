/* files.h: usagectl import and export */
#ifndef USAGECTL_FILES_H
#define USAGECTL_FILES_H

#include "export.h"
#include "import.h"
#include "status.h"

/* What is the same of all files that are named.  A name with :// is a url. */
typedef struct FileOptions
{
	const char *config;			/* a file with hosts and credentials; NULL for none */
	bool		json;			/* the summary */
	bool		format_given;	/* else the name of each tells */
	FormatKind	format;
	char	   *mapping;		/* of the columns of CSV; NULL for none */
} FileOptions;

extern ExitStatus import_file(const ImportOptions *options, PGconn *conn, const char *name, const FileOptions *file);
extern ExitStatus export_file(const ExportOptions *options, PGconn *conn, const char *name, const FileOptions *file);

#endif
