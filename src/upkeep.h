/*
 * upkeep.h
 *	  What keeps the outboxes small.
 */
#ifndef UM_UPKEEP_H
#define UM_UPKEEP_H

#include "listener.h"

extern void um_upkeep_later(void);
extern void um_upkeep_at_commit(bool prepare);
extern void um_upkeep_forget(void);
extern void um_upkeep_tell(const UmListener *listener);

#endif
