/* query.h: statements whose failure is trouble */
#ifndef USAGECTL_QUERY_H
#define USAGECTL_QUERY_H

#include "buffer.h"
#include "connection.h"
#include "trouble.h"

extern PGresult *query(PGconn *conn, const char *what, Trouble *trouble, const char *sql, int count,
					   const char *const *values);
extern void query_array(Buffer *array, const char *text);
extern void query_text(char *text);

#endif
