/*
 * delays.c
 *	  When what failed is tried again.
 *
 * Each attempt has its delay; what fails when they are used up has failed for
 * good.  Unless told otherwise that is after four days.  A quarter more or less
 * keeps what failed together from coming back together.
 */
#include <stdlib.h>
#include <string.h>

#include "delays.h"

/* 5s,30s,2m,10m,1h: seconds, minutes, hours, days. */
bool
delays_read(Delays *delays, const char *text)
{
	delays->count = 0;
	for (;;)
	{
		static const char units[] = "smhd";
		static const int seconds[] = {1, 60, 3600, 86400};
		char	   *end;
		double		number = strtod(text, &end);
		const char *unit = *end != '\0' ? strchr(units, *end) : NULL;

		if (end == text || unit == NULL || !(number >= 0.01 && number <= 1000) || delays->count == 32)
			return false;
		delays->seconds[delays->count++] = number * seconds[unit - units];
		if (end[1] == '\0')
			return true;
		if (end[1] != ',')
			return false;
		text = end + 2;
	}
}

/* In how many seconds, after so many attempts; negative for never. */
double
delays_after(const Delays *delays, int attempts)
{
	double		part = random() / (double) RAND_MAX;

	if (attempts < 1)
		attempts = 1;
	return attempts > delays->count ? -1 : delays->seconds[attempts - 1] * (0.75 + part / 2);
}
