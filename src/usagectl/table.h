/* table.h: a result as a table, once or over and over */
#ifndef USAGECTL_TABLE_H
#define USAGECTL_TABLE_H

#include "connection.h"
#include "status.h"

extern ExitStatus table_show(PGconn *conn, const char *sql, bool once);
extern ExitStatus table_show_json(PGconn *conn, const char *sql);

#endif
