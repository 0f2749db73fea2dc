/*
 * spec_check.h
 *	  A usage against its specification.
 */
#ifndef UM_SPEC_CHECK_H
#define UM_SPEC_CHECK_H

#include "record.h"

extern bool um_follows_as_before(const UmRecord *usage, const UmRecord *old);
extern void um_check_specification_of(const UmRecord *usage, const UmRecord *old, Oid reader,
									  UmFaults *faults);

#endif
