/* buffer.h: text that grows */
#ifndef USAGECTL_BUFFER_H
#define USAGECTL_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct Buffer
{
	char	   *text;			/* ends with a NUL, where there is any */
	size_t		length;
	size_t		space;
} Buffer;

extern void buffer_add(Buffer *buffer, const char *text, size_t length);
extern void buffer_print(Buffer *buffer, const char *format,...) __attribute__((format(printf, 2, 3)));
extern void buffer_json(Buffer *buffer, const char *text, size_t length);
extern void buffer_clear(Buffer *buffer);
extern void buffer_free(Buffer *buffer);

#endif
