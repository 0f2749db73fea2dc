/*
 * spec_cache.h
 *	  A usage's characteristics against its specification.
 */
#ifndef UM_SPEC_CACHE_H
#define UM_SPEC_CACHE_H

#include "record.h"

extern void um_spec_cache_init(void);
extern void um_spec_cache_forget(Oid relation);
extern bool um_follows_as_before(const UmRecord *usage, const UmRecord *old);
extern void um_check_specification_of(const UmRecord *usage, Oid reader, UmFaults *faults);

#endif
