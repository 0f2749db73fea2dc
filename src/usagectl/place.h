/* place.h: a url that was understood and judged */
#ifndef USAGECTL_PLACE_H
#define USAGECTL_PLACE_H

#include <stddef.h>
#include <sys/types.h>

#include "remote.h"

typedef enum Scheme
{
	SCHEME_FILE,
	SCHEME_HTTP,
	SCHEME_HTTPS,
	SCHEME_FTP,
	SCHEME_FTPS,
	SCHEME_SFTP,
	SCHEME_S3
} Scheme;

struct Place
{
	const Config *config;
	const Access *access;		/* that has the credentials; NULL for none */
	const Access *network;		/* that of the host or bucket; NULL for none */
	const Directory *directory; /* that a file: lies below; NULL for any */
	Scheme		scheme;
	bool		pattern;
	bool		stranger;		/* where a redirect led, of which no section speaks */
	char	   *host;
	char	   *port;			/* or NULL */
	char	   *folder;			/* of its path, up to the last slash; percent-encoded */
	char	   *segment;		/* the last one, percent-encoded */
	char	   *path;			/* that of the folder, decoded */
	char	   *name;			/* the last segment, decoded */
	char	   *query;			/* or NULL */
	char	   *shown;
	int			parent;			/* the folder, while a temporary file is in it; else -1 */
	dev_t		device;			/* and that file, whatever has its name by now */
	ino_t		inode;
};

/* Another of the same folder, under a name that libcurl understands. */
extern char *place_address(const Place *place, const char *segment);

/* The same as others understand. */
extern char *place_url(const Place *place, const char *segment, const char *query);

extern char *place_encode(const char *text, const char *keep);
extern Place *place_redirected(const Place *place, const char *url, Trouble *trouble);
extern bool place_is_private(const Place *place);	/* may be on a network that is */
extern bool place_may_change(const Place *place, Trouble *trouble);
extern void place_temporary_name(const Place *place, char *name, size_t size);
extern bool place_name_is_temporary(const char *name);

#endif
