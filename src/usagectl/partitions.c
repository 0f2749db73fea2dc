/*
 * partitions.c
 *	  The partitions that records want.
 *
 * They are made of the months that a batch is the first to have, before it, each in
 * a transaction of its own.  Without them the default partition takes the records,
 * so a failure is not one of the import.
 */
#include <stdio.h>
#include <time.h>

#include "partitions.h"

static bool make(const Resource *resource, PGconn *conn, int month);

/* Counted from the year 0: the earliest that is made. */
int
partitions_first_month(void)
{
	time_t		now = time(NULL);
	struct tm	utc;

	gmtime_r(&now, &utc);
	return (utc.tm_year + 1900 - YEARS) * 12 + utc.tm_mon;
}

/* False where one could not be made, and the next could not either. */
bool
partitions_make(Resources *resources, PGconn *conn, int first_month)
{
	for (int i = 0; i < resources->count; i++)
		for (int month = 0; month < MONTHS; month++)
			if (resources->list[i].open && resources->list[i].months[month] == SEEN)
			{
				resources->list[i].months[month] = MADE;
				if (!make(&resources->list[i], conn, first_month + month))
					return false;
			}
	return true;
}

static bool
make(const Resource *resource, PGconn *conn, int month)
{
	char		date[60];
	const char *values[] = {date, resource->noun};
	PGresult   *result;
	bool		made;

	snprintf(date, sizeof(date), "%04d-%02d-01T00:00:00Z", month / 12, month % 12 + 1);
	result = PQexecParams(conn, "SELECT usage_mgmt.ensure_partitions($1, $1, $2)", 2, NULL, values, NULL, NULL, 0);
	made = PQresultStatus(result) == PGRES_TUPLES_OK;
	if (!made)
		mention("warning: could not make the partition of %.7s, the default partition will do: %s", date, why(result));
	PQclear(result);
	return made;
}
