/* pack.h: bytes as gzip or zstd */
#ifndef USAGECTL_PACK_H
#define USAGECTL_PACK_H

#include <stddef.h>

#include "format.h"

typedef struct Pack Pack;

/* Takes what is packed. */
typedef bool (*PackedBytes) (void *context, const char *bytes, size_t length);

extern Pack *pack_make(Packing packing, PackedBytes take, void *context);
extern void pack_free(Pack *pack);
extern bool pack_bytes(Pack *pack, const char *bytes, size_t length, bool last);

#endif
