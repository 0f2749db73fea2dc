/* listen.h: usagectl listen */
#ifndef USAGECTL_LISTEN_H
#define USAGECTL_LISTEN_H

#include <stdbool.h>

#include "status.h"
#include "webhook.h"

typedef struct ListenOptions
{
	int			port;			/* 0 for any */
	int			answer;			/* the status */
	int			delay;			/* milliseconds */
	bool		json;
	Secret		secret;
} ListenOptions;

extern ExitStatus listen_run(const ListenOptions *options);

#endif
