/* array.h: the elements of a JSON array, one a line */
#ifndef USAGECTL_ARRAY_H
#define USAGECTL_ARRAY_H

#include "source.h"

typedef struct Array Array;

extern Array *array_make(Source *source, Bytes below);
extern void array_free(Array *array);
extern ssize_t array_read(Array *array, char *buffer, size_t size);
extern bool array_ready(const Array *array);

/* JSON in so far as what is a string and what a bracket; on one line, as long as it was. */
extern bool json_is_value(const char *text, size_t length);
extern void json_on_one_line(char *text, size_t length);

#endif
