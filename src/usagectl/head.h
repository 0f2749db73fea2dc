/* head.h: what the start of a file shows that is none of records */
#ifndef USAGECTL_HEAD_H
#define USAGECTL_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#define HEAD_BYTES 12			/* that head_of_bytes looks at */

/* What the file is instead, and what to do; NULL where nothing speaks against it. */
extern const char *head_of_bytes(const char *first, size_t length);
extern const char *head_of_lines(const char *head, size_t length, bool whole, bool job);

#endif
