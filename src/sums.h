/*
 * sums.h
 *	  What resources amount to: how many, from when to when, how much in each currency.
 */
#ifndef UM_SUMS_H
#define UM_SUMS_H

#include "operations.h"

/* Of what a query names; dates are NULL where there is none. */
typedef struct UmSums
{
	int64		records;
	bool		dated;
	TimestampTz first_date;
	TimestampTz last_date;
	Datum		amounts;		/* jsonb */
} UmSums;

extern char *um_amounts_sql(const UmModel *model, const char *rows);
extern char *um_ratings_column(const UmModel *model);
extern void um_sum_up(UmRequest *request, UmSums *sums);

#endif
