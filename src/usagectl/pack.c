/*
 * pack.c
 *	  Bytes as gzip or zstd: unpack.c's other side.
 */
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "pack.h"

#define PACKED (64 * 1024)
#define GZIP_LEVEL 6

struct Pack
{
	Packing		packing;
	PackedBytes take;
	void	   *context;
	z_stream	z;
	ZSTD_CCtx  *zstd;
	char		packed[PACKED];
};

static bool deflate_bytes(Pack *pack, const char *bytes, size_t length, bool last);
static bool compress_bytes(Pack *pack, const char *bytes, size_t length, bool last);

/* NULL without memory. */
Pack *
pack_make(Packing packing, PackedBytes take, void *context)
{
	Pack	   *pack = calloc(1, sizeof(Pack));

	if (pack == NULL)
		return NULL;
	pack->packing = packing;
	pack->take = take;
	pack->context = context;
	if (packing == PACKING_ZSTD)
		pack->zstd = ZSTD_createCCtx();
	if (packing == PACKING_ZSTD ? pack->zstd != NULL &&
		!ZSTD_isError(ZSTD_CCtx_setParameter(pack->zstd, ZSTD_c_checksumFlag, 1))
		: deflateInit2(&pack->z, GZIP_LEVEL, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK)
		return pack;
	ZSTD_freeCCtx(pack->zstd);
	free(pack);
	return NULL;
}

void
pack_free(Pack *pack)
{
	if (pack == NULL)
		return;
	if (pack->packing == PACKING_GZIP)
		deflateEnd(&pack->z);
	ZSTD_freeCCtx(pack->zstd);
	free(pack);
}

/* False where what is packed was not taken. */
bool
pack_bytes(Pack *pack, const char *bytes, size_t length, bool last)
{
	return pack->packing == PACKING_GZIP ? deflate_bytes(pack, bytes, length, last)
		: compress_bytes(pack, bytes, length, last);
}

static bool
deflate_bytes(Pack *pack, const char *bytes, size_t length, bool last)
{
	z_stream   *z = &pack->z;
	int			result;

	z->next_in = (unsigned char *) bytes;
	z->avail_in = length;
	do
	{
		z->next_out = (unsigned char *) pack->packed;
		z->avail_out = PACKED;
		result = deflate(z, last ? Z_FINISH : Z_NO_FLUSH);
		if (result == Z_STREAM_ERROR || !pack->take(pack->context, pack->packed, PACKED - z->avail_out))
			return false;
	}
	while (last ? result != Z_STREAM_END : z->avail_in > 0);
	return true;
}

static bool
compress_bytes(Pack *pack, const char *bytes, size_t length, bool last)
{
	ZSTD_inBuffer in = {bytes, length, 0};
	size_t		left;

	do
	{
		ZSTD_outBuffer out = {pack->packed, PACKED, 0};

		left = ZSTD_compressStream2(pack->zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
		if (ZSTD_isError(left) || !pack->take(pack->context, pack->packed, out.pos))
			return false;
	}
	while (last ? left > 0 : in.pos < in.size);
	return true;
}
