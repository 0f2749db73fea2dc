/*
 * listener_owner.h
 *	  What the owner of a listener may do with it.
 */
#ifndef UM_LISTENER_OWNER_H
#define UM_LISTENER_OWNER_H

#include "store.h"

extern Datum um_own_listener(Datum listener);
extern bool um_is_listener_owner(const char *name, Oid role);
extern void um_as_owner_of(const char *table, UmPlan *plan, Datum *args, const char *nulls);

#endif
