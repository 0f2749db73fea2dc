/* delays.h: when what failed is tried again */
#ifndef USAGECTL_DELAYS_H
#define USAGECTL_DELAYS_H

#include <stdbool.h>

#define DELAYS "5s,30s,2m,10m,1h,3h,6h,12h,24h,24h,24h"

typedef struct Delays
{
	int			count;
	double		seconds[32];
} Delays;

extern bool delays_read(Delays *delays, const char *text);
extern double delays_after(const Delays *delays, int attempts);

#endif
