/*
 * caller.h
 *	  What the operation under way has told of itself.
 */
#ifndef UM_CALLER_H
#define UM_CALLER_H

#include "resource.h"

typedef void (*UmWork) (void *arg);

/* No operation, but a statement of the user's. */
#define UM_NOBODY (-1)

extern int	um_speaking(void);
extern bool um_deletes_closed(void);
extern UmVersion um_fault_version(const UmResource *resource);
extern void um_as_caller(int version, bool deletes_closed, UmWork work, void *arg);
pg_noreturn extern void um_refuse_call(const char *by);
extern int	um_trigger_level(void);
extern ErrorData *um_try(int version, UmWork work, void *arg);

#endif
