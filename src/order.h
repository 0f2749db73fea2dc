/*
 * order.h
 *	  What an order is: a resource that somebody carries out.
 */
#ifndef UM_ORDER_H
#define UM_ORDER_H

#include "record.h"

extern void um_order_init(void);
extern bool um_order_is_restored(const UmRecord *order, Oid owner);
extern void um_order_speak(UmRecord *order, UmVersion version);
extern void um_order_begin(UmRecord *order);
extern void um_order_change(UmRecord *order, const UmRecord *old);
extern bool um_order_is_seen(const UmRecord *order, Oid role);
extern bool um_order_all_seen(Oid role);

#endif
