/* jobs_show.h: usagectl jobs */
#ifndef USAGECTL_JOBS_SHOW_H
#define USAGECTL_JOBS_SHOW_H

#include "connection.h"
#include "status.h"

extern ExitStatus jobs_show(PGconn *conn, bool json, bool once);

#endif
