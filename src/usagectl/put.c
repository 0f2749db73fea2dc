/*
 * put.c
 *	  A file to where a url says, whole or not at all.
 *
 * Where the protocol can rename, the file has another name until all of it is
 * there; FTP's and SFTP's servers are told to rename it behind the last byte,
 * and libcurl does so only when that was taken.  HTTP and S3 know how long a
 * body is to be, and take none that ends before; we break off rather than end
 * one.
 *
 * Another attempt of the same order writes to the same other name, so that
 * nothing is left behind by one that was killed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exchange.h"
#include "local.h"

#define S3_MOST (INT64_C(5) * 1024 * 1024 * 1024)
#define SLOWEST 100L			/* bytes a second */

/* What libcurl reads. */
typedef struct Body
{
	int			fd;
	int64_t		size;
	int64_t		sent;
} Body;

static bool put_request(const Place *place, Body *body, const char *sha256, const char *media_type, Trouble *trouble);
static bool put_renamed(const Place *place, Body *body, Trouble *trouble);
static bool begin(Exchange *exchange, const Place *place, const char *segment, Body *body, Trouble *trouble);
static void clear_away(const Place *place, const char *name);
static size_t give(char *data, size_t size, size_t count, void *context);
static int	rewind_to(void *context, curl_off_t offset, int origin);

bool
place_put(Place *place, int fd, int64_t size, const char *sha256, const char *media_type, Trouble *trouble)
{
	Body		body = {fd, size, 0};

	if (!place_may_change(place, trouble))
		return false;
	switch (place->scheme)
	{
		case SCHEME_FILE:
			return local_put(place, fd, size, trouble);
		case SCHEME_HTTP:
		case SCHEME_HTTPS:
		case SCHEME_S3:
			return put_request(place, &body, sha256, media_type, trouble);
		default:
			return put_renamed(place, &body, trouble);
	}
}

static bool
put_request(const Place *place, Body *body, const char *sha256, const char *media_type, Trouble *trouble)
{
	Exchange	exchange;
	bool		good;

	if (place->scheme == SCHEME_S3 && body->size > S3_MOST)
		return trouble_lasts(trouble, "%s: S3 takes 5 GB at once, and there are %lld bytes; order less, or gzip", place->shown,
							 (long long) body->size);
	good = begin(&exchange, place, place->segment, body, trouble);
	if (good && (!exchange_header(&exchange, "Content-Type", media_type) ||
				 (place->scheme == SCHEME_S3 && !exchange_header(&exchange, "x-amz-content-sha256", sha256))))
		good = trouble_passes(trouble, "out of memory");
	good = good && exchange_run(&exchange, "writing it", trouble);
	exchange_end(&exchange);
	return good;
}

static bool
put_renamed(const Place *place, Body *body, Trouble *trouble)
{
	Exchange	exchange;
	char		temporary[256];
	char	   *segment;
	bool		good;

	place_temporary_name(place, temporary, sizeof(temporary));
	segment = place_encode(temporary, "");
	good = begin(&exchange, place, segment, body, trouble);
	free(segment);
	if (good && !exchange_rename(&exchange, temporary, place->name))
		good = trouble_passes(trouble, "out of memory");
	if (good)
	{
		curl_easy_setopt(exchange.curl, CURLOPT_POSTQUOTE, exchange.commands);
		good = exchange_run(&exchange, "writing it", trouble);
	}
	exchange_end(&exchange);
	if (!good && body->sent > 0)
		clear_away(place, temporary);
	return good;
}

static bool
begin(Exchange *exchange, const Place *place, const char *segment, Body *body, Trouble *trouble)
{
	CURL	   *curl;

	if (!exchange_begin(exchange, place, segment, trouble))
		return false;
	curl = exchange->curl;
	curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t) body->size);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
	curl_easy_setopt(curl, CURLOPT_READDATA, body);
	curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, rewind_to);
	curl_easy_setopt(curl, CURLOPT_SEEKDATA, body);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, SLOWEST);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long) place->config->timeout);
	return true;
}

/* What is left of an upload that failed, if the server still listens to us. */
static void
clear_away(const Place *place, const char *name)
{
	Exchange	exchange;
	Trouble		trouble;

	if (exchange_begin(&exchange, place, "", &trouble) && exchange_remove(&exchange, name))
	{
		curl_easy_setopt(exchange.curl, CURLOPT_TIMEOUT, 10L);
		exchange_run_commands(&exchange, "removing it", &trouble);
	}
	exchange_end(&exchange);
}

/* ---- what libcurl calls ---- */

static size_t
give(char *data, size_t size, size_t count, void *context)
{
	Body	   *body = context;
	size_t		wanted = size * count;
	ssize_t		n;

	if ((int64_t) wanted > body->size - body->sent)
		wanted = body->size - body->sent;
	do
		n = pread(body->fd, data, wanted, body->sent);
	while (n < 0 && errno == EINTR);
	/* a file that has become shorter has no right end */
	if (n < 0 || (n == 0 && wanted > 0))
		return CURL_READFUNC_ABORT;
	body->sent += n;
	return n;
}

static int
rewind_to(void *context, curl_off_t offset, int origin)
{
	Body	   *body = context;

	if (origin != SEEK_SET || offset < 0 || offset > body->size)
		return CURL_SEEKFUNC_FAIL;
	body->sent = offset;
	return CURL_SEEKFUNC_OK;
}
