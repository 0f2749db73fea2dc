/* files.h: usagectl import and export */
#ifndef USAGECTL_FILES_H
#define USAGECTL_FILES_H

#include "export.h"
#include "import.h"
#include "status.h"

extern ExitStatus import_file(const ImportOptions *options, PGconn *conn, const char *name, bool json);
extern ExitStatus export_file(const ExportOptions *options, PGconn *conn, const char *name, bool json);

#endif
