/*
 * triggers.h
 *	  The trigger entry points' one shared state.
 */
#ifndef UM_TRIGGERS_H
#define UM_TRIGGERS_H

/* Set around a DELETE whose caller said that billed usages may go. */
extern bool um_delete_billed;

/* The version whose names errors carry, while an operation speaks it; else -1. */
extern int	um_speaking;

#endif
