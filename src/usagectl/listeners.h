/* listeners.h: usagectl listeners */
#ifndef USAGECTL_LISTENERS_H
#define USAGECTL_LISTENERS_H

#include "connection.h"
#include "status.h"

extern ExitStatus listeners_pause(PGconn *conn);
extern ExitStatus listeners_show(PGconn *conn, bool json, bool once);

#endif
