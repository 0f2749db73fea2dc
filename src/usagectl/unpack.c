/*
 * unpack.c
 *	  What is inside a gzip or zstd file: one member or several, one after the
 *	  other.
 *
 * gzip is inflated here rather than by zlib's gzread, which takes a file that is
 * no gzip file for its contents and ends quietly at garbage: a file that is
 * damaged or cut short must be an error.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "unpack.h"

#define PACKED (64 * 1024)

/* Of zstd, 8 MB: what its levels up to 19 ask for, and all that a reader must have. */
#define WINDOW_LOG 23

struct Unpack
{
	Source	   *source;
	Bytes		below;
	Packing		packing;
	bool		inside;			/* a member */
	bool		any;			/* member was there */
	z_stream	z;
	ZSTD_DCtx  *zstd;
	char		packed[PACKED];
	size_t		given;			/* of the bytes there, to unpack */
	size_t		used;
};

static bool refill(Unpack *unpack, bool *end);
static bool next_member(Unpack *unpack);
static bool inflate_some(Unpack *unpack, char *buffer, size_t size, size_t *made);
static bool decompress_some(Unpack *unpack, char *buffer, size_t size, size_t *made);

/* What a file is that starts so. */
Packing
unpack_seen(const char *first, size_t length)
{
	if (length >= 2 && memcmp(first, "\x1F\x8B", 2) == 0)
		return PACKING_GZIP;
	if (length >= 4 && memcmp(first, "\x28\xB5\x2F\xFD", 4) == 0)
		return PACKING_ZSTD;
	return PACKING_NONE;
}

Unpack *
unpack_make(Source *source, Bytes below, Packing packing)
{
	Unpack	   *unpack = calloc(1, sizeof(Unpack));

	if (unpack == NULL)
		return NULL;
	unpack->source = source;
	unpack->below = below;
	unpack->packing = packing;
	if (packing == PACKING_ZSTD)
		unpack->zstd = ZSTD_createDCtx();
	if (packing == PACKING_ZSTD ? unpack->zstd != NULL &&
		!ZSTD_isError(ZSTD_DCtx_setParameter(unpack->zstd, ZSTD_d_windowLogMax, WINDOW_LOG))
		: inflateInit2(&unpack->z, 15 + 16) == Z_OK)
		return unpack;
	ZSTD_freeDCtx(unpack->zstd);
	free(unpack);
	return NULL;
}

void
unpack_free(Unpack *unpack)
{
	if (unpack == NULL)
		return;
	if (unpack->packing == PACKING_GZIP)
		inflateEnd(&unpack->z);
	ZSTD_freeDCtx(unpack->zstd);
	free(unpack);
}

/* Whether something can be unpacked without reading. */
bool
unpack_ready(const Unpack *unpack)
{
	return unpack->given < unpack->used;
}

ssize_t
unpack_read(Unpack *unpack, char *buffer, size_t size)
{
	size_t		made = 0;

	while (made == 0)
	{
		bool		end = false;

		if (unpack->given == unpack->used && !refill(unpack, &end))
			return -1;
		if (end)
			return 0;
		if (!unpack->inside && !next_member(unpack))
			return -1;
		if (unpack->given < unpack->used &&
			!(unpack->packing == PACKING_GZIP ? inflate_some : decompress_some) (unpack, buffer, size, &made))
			return -1;
	}
	return made;
}

/* Reads on; the end is one between two members alone. */
static bool
refill(Unpack *unpack, bool *end)
{
	ssize_t		n = unpack->below(unpack->source, unpack->packed, PACKED);

	if (n < 0)
		return false;
	unpack->given = 0;
	unpack->used = n;
	*end = n == 0;
	if (n == 0 && (unpack->inside || !unpack->any))
		return source_fail(unpack->source, "the %s file ends too early",
						   unpack->packing == PACKING_GZIP ? "gzip" : "zstd") == 0;
	return true;
}

/* Between members; zeros after the last one of gzip are padding. */
static bool
next_member(Unpack *unpack)
{
	if (unpack->packing == PACKING_GZIP && unpack->any)
		while (unpack->given < unpack->used && unpack->packed[unpack->given] == 0)
			unpack->given++;
	if (unpack->given == unpack->used)
		return true;
	unpack->inside = unpack->any = true;
	return unpack->packing == PACKING_ZSTD || inflateReset(&unpack->z) == Z_OK ||
		source_fail(unpack->source, "out of memory") == 0;
}

static bool
inflate_some(Unpack *unpack, char *buffer, size_t size, size_t *made)
{
	z_stream   *z = &unpack->z;
	int			result;

	z->next_in = (unsigned char *) unpack->packed + unpack->given;
	z->avail_in = unpack->used - unpack->given;
	z->next_out = (unsigned char *) buffer;
	z->avail_out = size;
	result = inflate(z, Z_NO_FLUSH);
	unpack->given = unpack->used - z->avail_in;
	*made = size - z->avail_out;
	if (result == Z_STREAM_END)
		unpack->inside = false;
	else if (result != Z_OK && result != Z_BUF_ERROR)
		return source_fail(unpack->source, "%s", z->msg != NULL ? z->msg : "damaged gzip data") == 0;
	return true;
}

static bool
decompress_some(Unpack *unpack, char *buffer, size_t size, size_t *made)
{
	ZSTD_inBuffer in = {unpack->packed, unpack->used, unpack->given};
	ZSTD_outBuffer out = {buffer, size, 0};
	size_t		result = ZSTD_decompressStream(unpack->zstd, &out, &in);

	unpack->given = in.pos;
	*made = out.pos;
	if (ZSTD_isError(result))
		return source_fail(unpack->source, "damaged zstd data: %s", ZSTD_getErrorName(result)) == 0;
	if (result == 0)
		unpack->inside = false;
	return true;
}
