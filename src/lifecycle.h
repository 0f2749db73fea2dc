/*
 * lifecycle.h
 *	  The statuses of a resource and the moves between them.
 */
#ifndef UM_LIFECYCLE_H
#define UM_LIFECYCLE_H

#include "json_scan.h"

#define UM_MAX_STATUSES 8

/* Statuses that a rule names. */
enum UmUsageStatus
{
	UM_RECEIVED, UM_REJECTED, UM_RECYCLED, UM_GUIDED, UM_RATED, UM_RERATED, UM_BILLED_STATUS
};

typedef struct UmLifeCycle
{
	const char *type;			/* name of the enum */
	const char *resource;		/* as in the view status_transition */
	int			count;
	const char *status[UM_MAX_STATUSES];
	const char *alias[UM_MAX_STATUSES];
	uint8		moves[UM_MAX_STATUSES]; /* bit per status that may come next */
	int			first;			/* of a resource that names none */
} UmLifeCycle;

extern const UmLifeCycle um_usage_life;
extern const UmLifeCycle um_specification_life;

extern int	um_status_from_text(const UmLifeCycle *life, UmSlice text);
extern int	um_status_from_oid(const UmLifeCycle *life, Oid label);
extern Oid	um_status_oid(const UmLifeCycle *life, int status);
extern bool um_status_may_move(const UmLifeCycle *life, int from, int to);
extern char *um_status_list(const UmLifeCycle *life, int moves);

#endif
