/* config.h: where we may go, and with which credentials */
#ifndef USAGECTL_CONFIG_H
#define USAGECTL_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "trouble.h"

/* Below which a file: may lie. */
typedef struct Directory
{
	char	   *path;
	char	   *roles;			/* whose orders may; NULL for all */
	bool		read_only;
	struct Directory *next;
} Directory;

typedef enum AccessKind
{
	ACCESS_HOST,
	ACCESS_BUCKET,
	ACCESS_CREDENTIAL
} AccessKind;

/* How one host or bucket is reached, or those that a credential is for. */
typedef struct Access
{
	AccessKind	kind;
	char	   *name;
	char	   *hosts;			/* those of a credential */
	char	   *roles;
	char	   *user;			/* or access-key */
	char	   *password;		/* or secret-key */
	char	   *key_file;
	char	   *passphrase;
	char	   *known_hosts;
	char	   *ca_file;
	char	   *region;
	char	   *endpoint;
	bool		allow_private;
	struct Access *next;
} Access;

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
	const char *ordered_by;		/* the role; NULL by hand: what has `roles` is open to nobody
								 * else's orders */
	const char *tag;			/* of temporary names: the same order finds its own again */
	bool		(*tick) (void *context);	/* called about every second that we wait; false to
											 * give up */
	void	   *tick_context;
	char	   *spool;			/* where exports are written first; NULL for TMPDIR */
	int64_t		spool_size;		/* bytes of one at most */
	char	   *file;			/* its name, or NULL */
	Directory  *directories;
	Access	   *accesses;
	char	   *known_hosts;
} Config;

extern Config *config_read(const char *file, Trouble *trouble);
extern void config_free(Config *config);
extern bool config_goes_on(const Config *config);
extern bool config_lists(const char *list, const char *name);
extern void config_plain_path(char *path);

#endif
