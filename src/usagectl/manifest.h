/* manifest.h: what a file is said to hold, in a file beside it */
#ifndef USAGECTL_MANIFEST_H
#define USAGECTL_MANIFEST_H

#include "connection.h"
#include "remote.h"

#define MANIFEST ".manifest.json"	/* behind the name of the file */

/* Whether an import looks for one. */
typedef enum ManifestUse
{
	MANIFEST_NEVER, MANIFEST_IF_THERE, MANIFEST_ALWAYS
} ManifestUse;

/* A file that was written. */
typedef struct Manifested
{
	const char *name;			/* without the way to it */
	const char *resource;		/* the noun */
	const char *query;
	const char *version;		/* of the standard; NULL for the setting's */
	int64_t		records;
	int64_t		bytes;			/* as it stands there */
	const char *sha256;			/* of these, in hex */
} Manifested;

extern bool manifest_read(const Config *config, const char *url, const char *credential, ManifestUse use,
						  char **text, Trouble *trouble);
extern bool manifest_compare(PGconn *conn, const char *text, const char *resource, const char *load,
							 int64_t bytes, const char *sha256, Trouble *trouble);
extern char *manifest_make(PGconn *conn, const Manifested *file, Trouble *trouble);
extern bool manifest_put(const Config *config, const char *url, const char *credential, const char *text,
						 Trouble *trouble);

#endif
