/* books.h: the row of import_load that a file has */
#ifndef USAGECTL_BOOKS_H
#define USAGECTL_BOOKS_H

#include "resources.h"

typedef struct Books
{
	char		id[24];			/* of the load */
	int64_t		position;		/* bytes of the file that are done */
	int64_t		read;			/* records of it */
	const char *job;			/* whose load it is, when that is locked */
	bool		locked;			/* the load is, too */
	bool		resumed;
	bool		finished;		/* before, by the job whose load it is */
	char		fingerprint[20];	/* of what was begun, where it is resumed */
	char		digest[20];		/* of what is done, where that is kept */
	Resources  *resources;		/* with what became of the records of each */
	Counts		counted;		/* all that the row has so far */
	PGresult   *faults;			/* of the rejects, each kind a row; NULL where nobody asked, or
								 * there are none */
} Books;

/* Of these rows. */
enum
{
	FAULT_CODE, FAULT_PATH, FAULT_MESSAGE, FAULT_RECORDS, FAULT_FIRST, FAULTS_AS_JSON
};

extern bool books_find_job(Books *books, PGconn *conn, Resources *resources, const char *job);
extern bool books_open(Books *books, PGconn *conn, const char *source, const char *fingerprint, bool restart,
					   const char *declared);
extern bool books_begin(Books *books, PGconn *conn);
extern bool books_count(Books *books, PGconn *conn, int resource);
extern bool books_mixed(const Books *books);
extern bool books_renumber(Books *books, PGconn *conn, const int *places, int count);
extern bool books_commit(Books *books, PGconn *conn, int64_t position, int records, const char *digest);
extern int64_t books_rejected(const Books *books);
extern void books_find_faults(Books *books, PGconn *conn);
extern PGresult *books_close(Books *books, PGconn *conn);
extern void books_leave(Books *books, PGconn *conn);

#endif
