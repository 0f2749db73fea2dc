/* copy.h: a binary COPY to the server */
#ifndef USAGECTL_COPY_H
#define USAGECTL_COPY_H

#include <stddef.h>
#include <stdio.h>

#include "connection.h"

#define COPY_BUFFER (64 * 1024)

/* Does something useful while the server is busy; false if there is nothing to do. */
typedef bool (*Meanwhile) (void *context);

typedef struct Copy
{
	PGconn	   *conn;
	Meanwhile	meanwhile;
	void	   *context;
	bool		broken;			/* the server ended it; copy_end says why */
	char		code[6];		/* of the error that it ended with */
	size_t		used;
	char		buffer[COPY_BUFFER];
} Copy;

extern bool copy_begin(Copy *copy, PGconn *conn, const char *sql, Meanwhile meanwhile, void *context);
extern void copy_row(Copy *copy, int fields);
extern void copy_null(Copy *copy);
extern void copy_int64(Copy *copy, int64_t value);
extern void copy_field(Copy *copy, const char *data, size_t length);
extern void copy_length(Copy *copy, size_t length);
extern void copy_bytes(Copy *copy, const char *data, size_t length);
extern void copy_file(Copy *copy, FILE *file, size_t length);
extern bool copy_end(Copy *copy);
extern bool copy_met_no_text(const Copy *copy);

#endif
