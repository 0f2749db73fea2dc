/*
 * lifecycle.h
 *	  The statuses of a resource and the moves between them.
 */
#ifndef UM_LIFECYCLE_H
#define UM_LIFECYCLE_H

#include "json_scan.h"
#include "types.h"
#include "version.h"

#define UM_MAX_STATUSES 8

/* Statuses are numbered from 0; a set of them is one bit each. */
#define UM_STATUS_BIT(status) (1 << (status))

typedef struct UmLifeCycle
{
	UmType		type;			/* the enum */
	int			count;
	const char *status[UM_MAX_STATUSES];
	const char *alias[UM_MAX_STATUSES];
	const char *written[UM_VERSIONS][UM_MAX_STATUSES];	/* by a version that spells them otherwise */
	uint8		moves[UM_MAX_STATUSES]; /* which may come next */
	int			first;			/* of a resource that names none */

	/* sets of statuses that a rule speaks of; empty where it does not apply */
	int			rated;			/* carries its rating */
	int			closed;			/* its content is final */
	int			rejected;		/* is at fault, and says so */
	int			recycled;		/* is tried again */
	int			barred;			/* a specification that nothing may follow */
	int			open;			/* waits for work: few rows, whatever the table's size */
	int			ended;			/* an order that is carried out, or never will be */

	/* OIDs of the labels, kept until the extension's types change */
	Oid			label[UM_MAX_STATUSES];
	uint64		labels_as_of;
} UmLifeCycle;

extern int	um_status_from_text(const UmLifeCycle *life, UmSlice text);
extern int	um_status_from_oid(const UmLifeCycle *life, Oid label);
extern Oid	um_status_oid(const UmLifeCycle *life, int status);
extern char *um_status_list(const UmLifeCycle *life, int statuses);
extern const char *um_status_name(const UmLifeCycle *life, int status, UmVersion version);

/* Whether a status, or -1 for none, is in a set. */
static inline bool
um_status_in(int status, int statuses)
{
	return status >= 0 && (statuses & UM_STATUS_BIT(status)) != 0;
}

#endif
