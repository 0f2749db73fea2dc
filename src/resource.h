/*
 * resource.h
 *	  What is true of a resource and not of an object's shape.
 */
#ifndef UM_RESOURCE_H
#define UM_RESOURCE_H

#include "fmgr.h"
#include "utils/relcache.h"

#include "model.h"

/* Bytes of an id; a longer one cannot be stored. */
#define UM_MAX_ID 512

/* The events there are of a resource, in the order in which those of one change are sent. */
typedef enum UmEventType
{
	UM_CREATE_EVENT,
	UM_STATUS_EVENT,
	UM_CHANGE_EVENT,			/* of other attributes than the status */
	UM_DELETE_EVENT,
	UM_ANY_CHANGE_EVENT			/* any of these, for who asks for it by its name */
} UmEventType;

#define UM_EVENT_TYPES 5
#define um_event_bit(type) (1 << (type))

struct UmRecord;
struct UmFaults;

/*
 * Tables and functions are named after the resource: where the noun of the
 * model is parcel and the plural parcels there are usage_mgmt.parcel,
 * post_parcel, get_parcels, parcel_document, …
 */
typedef struct UmResource
{
	UmModel    *model;
	const char *plural;
	const char *about;			/* a sentence for who reads the table */
	UmLifeCycle *life;
	int			faces;			/* versions it has, as bits */
	const char *path[UM_VERSIONS];	/* of its URI */
	const char *other_path[UM_VERSIONS];	/* that is understood, too; NULL for none */
	const char *event[UM_VERSIONS][UM_EVENT_TYPES]; /* their names; NULL for one that a version
													 * has not */

	const char *example;		/* one as a client sends it, in JSON; NULL for none */

	/*
	 * Whether it is an order: it is posted, read, cancelled and deleted, and what else happens to
	 * it is done by who carries it out.  order.c knows its columns, so none is a module's.  Of a
	 * change of its status a version tells only that it has come to one of these statuses, as
	 * bits; 0 for any.
	 */
	bool		orders;
	int			told[UM_VERSIONS];

	/* SQL function that gives what such an order has made, in pieces; NULL for none. */
	const char *result;

	/*
	 * Column of the date by which it is partitioned.  Then a ledger says that an id is one
	 * resource's, whatever its partition, and what comes in under the id of another goes to the
	 * table of conflicts.  NULL: one table.
	 */
	const char *date;
	const char *ledger;
	const char *conflict;

	/* What it is checked against, and the column with its id; NULL for nothing. */
	struct UmResource *specification;
	const char *specification_id;

	/* What else its records must satisfy, set at load; NULL for nothing. */
	void		(*check) (const struct UmRecord *record, const struct UmRecord *old,
						  struct UmFaults *faults);

	/* filled in by um_resource_register */
	const char *json_name;		/* in an event: the last segment of its path */
	const char *type;			/* its @type: the same with a capital */
	struct UmPlan *plans;		/* of the session, by kind: see store.c */
	int			wanted;			/* changes that somebody listens to, and the table of */
	int			turn;			/* events that is written to: see hub.c */
	struct UmPlan *outbox;		/* of the session, by that table: see outbox.c */
	struct UmResource *next;
} UmResource;

/* All of them; to loop over with ->next. */
extern UmResource *um_resources;

/* Those of model.c; the last is NULL. */
extern UmResource *const um_declared_resources[];

extern void um_resource_init(void);
extern PGDLLEXPORT void um_resource_register(UmResource *resource);
extern PGDLLEXPORT UmResource *um_resource(const char *noun);
extern const UmModel *um_entity(const char *name);
extern char *um_a(const UmModel *model);
extern UmResource *um_resource_of(FunctionCallInfo fcinfo, const char *before, const char *after,
								  bool plural);
extern UmResource *um_resource_of_table(Oid relation);
extern UmVersion um_version(const char *name);
extern const char *um_version_name(UmVersion version);
extern UmVersion um_version_of(const UmResource *resource, const char *name);
extern UmVersion um_default_version(const UmResource *resource);
extern const UmResource *um_resource_of_type(UmSlice type);
extern char *um_sql(const UmResource *resource, const char *text, const char *rows);

#endif
