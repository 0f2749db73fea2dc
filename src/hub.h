/*
 * hub.h
 *	  Which changes somebody listens to, kept per backend.
 */
#ifndef UM_HUB_H
#define UM_HUB_H

#include "resource.h"

/* Changes of which events are kept, as bits; in the order of um_wants. */
#define UM_WANTS_CREATE	0x01
#define UM_WANTS_CHANGE	0x02	/* of an attribute */
#define UM_WANTS_STATUS	0x04
#define UM_WANTS_DELETE	0x08

/* Tables of events that each resource has, written to in turn. */
#define UM_TURNS 3

extern const char *const um_wants[];	/* up to a NULL */

extern void um_hub_init(void);
extern int	um_hub_wanted(UmResource *resource);
extern int	um_hub_turn(UmResource *resource);
extern int64 um_hub_life(void);

#endif
