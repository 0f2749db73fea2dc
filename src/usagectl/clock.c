/*
 * clock.c
 *	  Seconds that only go forward.
 */
#include <time.h>

#include "clock.h"

double
clock_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}
