/* refused.h: what is said of the records that an import did not store */
#ifndef USAGECTL_REFUSED_H
#define USAGECTL_REFUSED_H

#include "books.h"
#include "format.h"

extern void refused_print(const Books *books, PGconn *conn, FormatKind format);

/* The commonest fault in words; the buffer may be too small for all of them. */
extern void refused_fault(const Books *books, int kind, char *text, size_t size);

#endif
