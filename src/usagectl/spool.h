/* spool.h: a file without a name, for what is on its way elsewhere */
#ifndef USAGECTL_SPOOL_H
#define USAGECTL_SPOOL_H

#include "config.h"

extern int	spool_open(const Config *config, Trouble *trouble);
extern const char *spool_directory(const Config *config);

#endif
