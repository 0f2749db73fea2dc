/* import.h: records of a source into the store */
#ifndef USAGECTL_IMPORT_H
#define USAGECTL_IMPORT_H

#include "books.h"
#include "source.h"

#define BATCH 50000				/* records in a transaction, unless told otherwise */

typedef struct ImportOptions
{
	int			batch;			/* records in a transaction */
	bool		partitions;		/* are made */
	bool		restart;		/* rather than go on with what was broken off */
	const char *resource;		/* of all records; NULL where they say it themselves */
	const char *declared;		/* what the sender said: a JSON object */
	const char *job;			/* what of it is the job's that loads; NULL for none */
} ImportOptions;

/* Who gives an import its bytes, and is told of it.  But for open any may be NULL. */
typedef struct Follower
{
	void	   *context;
	bool		(*open) (void *context, Source *source);
	/* the load is known: nothing is loaded before that, and if it is false nothing at all */
	bool		(*opened) (void *context, const Books *books);
	/* what was done before is passed over */
	void		(*begins) (void *context, const Source *source);
	/* every so often; false to stop before the next batch */
	bool		(*going) (void *context, int64_t taken, int64_t records);
	/* one batch more is, with so many bytes of the source; false for no more */
	bool		(*committed) (void *context, const Books *books, int64_t taken);
	/* nothing is left of the source; false to leave the load unfinished */
	bool		(*ended) (void *context, const Books *books, Source *source);
	void		(*closed) (void *context, const Books *books, const PGresult *result);
} Follower;

extern bool import_run(const ImportOptions *options, PGconn *conn, const char *name, const Follower *follower);

#endif
