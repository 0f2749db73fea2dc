/*
 * bulk.h
 *	  Documents by the million: the COPY door.
 */
#ifndef UM_BULK_H
#define UM_BULK_H

extern void um_bulk_forget(SubTransactionId from);

#endif
