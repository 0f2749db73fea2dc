/* config.h: where we may go, and with which credentials */
#ifndef USAGECTL_CONFIG_H
#define USAGECTL_CONFIG_H

#include <stdbool.h>

#include "trouble.h"

typedef struct Access Access;
typedef struct Directory Directory;

/*
 * What the file says, and for whom it is read.  The caller may change all but
 * the last members as long as no Place was made with it.
 */
typedef struct Config
{
	bool		allow_private;	/* networks that are not the public's */
	bool		allow_redirects;
	bool		any_file;		/* file: is any path, as by hand */
	int			timeout;		/* seconds without an answer */
	const char *ordered_by;		/* the role; NULL by hand: what has `roles` is open to nobody else's orders */
	const char *tag;			/* whose temporary files they are: the same order finds its own again */
	bool		(*tick) (void *context);	/* called about every second that we wait; false to give up */
	void	   *tick_context;
	char	   *file;			/* its name, or NULL */
	Directory  *directories;
	Access	   *accesses;
	char	   *known_hosts;
} Config;

extern Config *config_read(const char *file, Trouble *trouble);
extern void config_free(Config *config);

#endif
