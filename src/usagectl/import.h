/* import.h: records of files into the store */
#ifndef USAGECTL_IMPORT_H
#define USAGECTL_IMPORT_H

#include "connection.h"

/* What the program ends with. */
typedef enum ExitStatus
{
	ALL_DONE = 0, SOME_REFUSED = 1, FAILED = 2
} ExitStatus;

typedef struct ImportOptions
{
	int			batch;			/* records in a transaction */
	bool		partitions;		/* are made */
	bool		restart;		/* rather than go on with what was broken off */
	bool		json;			/* the summary */
	const char *resource;		/* of all records; NULL where they say it themselves */
	const char *declared;		/* what the sender said: a JSON object */
} ImportOptions;

extern ExitStatus import_file(const ImportOptions *options, PGconn *conn, const char *name);

#endif
