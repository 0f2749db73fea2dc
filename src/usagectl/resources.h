/* resources.h: the resources that the server has */
#ifndef USAGECTL_RESOURCES_H
#define USAGECTL_RESOURCES_H

#include "connection.h"
#include "text.h"

#define YEARS 5					/* either side of now whose partitions are made */
#define MONTHS (2 * 12 * YEARS + 1)

typedef enum Month
{
	NOT_SEEN = 0, SEEN, MADE
} Month;

/* Records read, and what became of them. */
typedef struct Counts
{
	int64_t		read,
				stored,
				repeated,
				conflicting,
				rejected;
} Counts;

/* Texts are the server's; relations and functions are quoted. */
typedef struct Resource
{
	const char *noun;
	const char *type;			/* what the @type of a document calls it */
	const char *door;			/* the view that documents are copied into */
	const char *conflict;		/* the table of its conflicts; NULL for none */
	const char *get,
			   *count;			/* the functions of what a query names */
	bool		open;			/* the role may use the door, or will hear why not */
	Names		names;
	Month		months[MONTHS]; /* whose partitions its records want */
	Counts		counts;			/* of its records in a load, as far as that is committed */
	Counts		batch;			/* and since then */
} Resource;

/* In the order in which a batch stores them. */
typedef struct Resources
{
	PGresult   *result;
	Resource   *list;
	int			count;
	int			first;			/* that the server names */
	int			usual;			/* where a document names none */
} Resources;

extern bool resources_learn(Resources *resources, PGconn *conn, const char *chosen);
extern void resources_free(Resources *resources);
extern int	resources_of_type(const Resources *resources, Slice type);

#endif
