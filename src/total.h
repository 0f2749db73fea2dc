/*
 * total.h
 *	  How many resources a query string names.
 */
#ifndef UM_TOTAL_H
#define UM_TOTAL_H

#include "operations.h"

/* Of a whole list, whatever page of it is looked at. */
typedef struct UmTotal
{
	int64		count;
	bool		estimated;		/* else it is exact */
} UmTotal;

extern UmTotal um_total(UmRequest *request, int64 exact);

#endif
