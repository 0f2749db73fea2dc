/* unpack.h: what is inside a gzip or zstd file */
#ifndef USAGECTL_UNPACK_H
#define USAGECTL_UNPACK_H

#include "source.h"

typedef struct Unpack Unpack;

extern Packing unpack_seen(const char *first, size_t length);
extern Unpack *unpack_make(Source *source, Bytes below, Packing packing);
extern void unpack_free(Unpack *unpack);
extern ssize_t unpack_read(Unpack *unpack, char *buffer, size_t size);
extern bool unpack_ready(const Unpack *unpack);

#endif
