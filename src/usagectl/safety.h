/* safety.h: what holds for each connection that we make */
#ifndef USAGECTL_SAFETY_H
#define USAGECTL_SAFETY_H

#include <curl/curl.h>
#include <stdbool.h>

typedef struct Safety
{
	bool		allow_private;
	char		refused[128];	/* the address, if it was */
} Safety;

/* It has to live as long as the handle. */
extern void safety_apply(CURL *curl, Safety *safety, const char *protocols);

#endif
