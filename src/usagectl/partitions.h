/* partitions.h: the partitions that records want */
#ifndef USAGECTL_PARTITIONS_H
#define USAGECTL_PARTITIONS_H

#include "resources.h"

extern int	partitions_first_month(void);
extern bool partitions_make(Resources *resources, PGconn *conn, int first_month);

#endif
