/*
 * range.h
 *	  The range of dates in which a page is looked for first.
 */
#ifndef UM_RANGE_H
#define UM_RANGE_H

#include "utils/timestamp.h"

#include "resource.h"

/* From a time on and before another; DT_NOBEGIN and DT_NOEND for no bound. */
typedef struct UmRange
{
	TimestampTz from;
	TimestampTz before;
} UmRange;

extern bool um_range_of_page(const UmResource *resource, bool descending, TimestampTz earliest,
							 TimestampTz latest, UmRange *range);

#endif
