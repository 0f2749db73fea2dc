/*
 * order_check.h
 *	  What is wrong with an order, and what it is of.
 */
#ifndef UM_ORDER_CHECK_H
#define UM_ORDER_CHECK_H

#include "record.h"

extern void um_order_check(const UmRecord *order, const UmRecord *old, UmFaults *faults);
extern bool um_order_is_same(const UmRecord *order, const UmRecord *old, int slot);
extern UmResource *um_order_resource(UmSlice path);

#endif
