/*
 * hub.h
 *	  Which changes somebody listens to, kept per backend.
 */
#ifndef UM_HUB_H
#define UM_HUB_H

#include "resource.h"

/* Tables of events that each resource has, written to in turn. */
#define UM_TURNS 3

/* Changes of which events are kept: of each event type but the last its name. */
extern const char *const um_wants[];	/* up to a NULL */

extern void um_hub_init(void);
extern int	um_hub_wanted(UmResource *resource);
extern int	um_hub_turn(UmResource *resource);
extern int64 um_hub_life(void);

#endif
