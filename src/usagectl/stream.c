/*
 * stream.c
 *	  The bytes of a file that is elsewhere.
 *
 * They are pulled: what was taken from the server and not yet read here stays
 * below READ_AHEAD, and beyond that the server waits, however long a commit
 * takes.  So it is only while we wait for it that its time runs.
 *
 * An end is one when the whole file was there.  A connection that breaks off is
 * trouble, and so is an answer of which nobody could tell whether it did: one
 * without a length that ends with the connection.  A file that grows while it is
 * read has no end yet: its size is asked for once more at the end, and a file
 * of ours has to have been at rest for a second.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "exchange.h"
#include "local.h"

#define READ_AHEAD (1024 * 1024)
#define SLOWEST 100				/* bytes a second, of a server that we wait for */
#define REDIRECTS 5
#define AT_REST 1.0				/* second */

typedef enum State
{
	READING,
	ASKING,						/* how long the file is now */
	ENDED,
	FAILED_						/* with trouble */
} State;

struct Stream
{
	State		state;
	Place	   *place;
	Place	   *elsewhere;		/* where we were sent on to, or NULL */
	int			redirects;
	int			fd;				/* of a file: */
	struct stat opened;			/* as it was */
	CURLM	   *multi;
	Exchange	exchange;
	bool		added;			/* to the multi */
	bool		started;		/* a byte of it, or its end, was there */
	bool		chunked;
	bool		paused;
	bool		grown;
	int64_t		size;			/* -1 unknown */
	int64_t		taken;			/* bytes from the server */
	char	   *ring;
	size_t		from;
	size_t		length;
	double		waited;			/* seconds for the server, in which it sent what it had not then */
	int64_t		had;
	double		polled;			/* when we were told last to come again; 0 if we were not */
	Trouble		trouble;
};

static bool open_local(Stream *stream);
static ssize_t read_local(Stream *stream, void *buffer, size_t size);
static bool at_rest(const Stream *stream, double *left);
static void end_local(Stream *stream);
static bool begin(Stream *stream, Place *place);
static bool add(Stream *stream);
static void drive(Stream *stream);
static void wait_for_server(Stream *stream);
static void have_waited(Stream *stream, double seconds);
static void not_waiting(Stream *stream);
static void finish(Stream *stream, CURLcode code);
static void finish_reading(Stream *stream, CURLcode code);
static bool is_endless(const Stream *stream);
static void go_elsewhere(Stream *stream);
static void ask_size(Stream *stream);
static void finish_asking(Stream *stream, CURLcode code);
static size_t keep(char *data, size_t size, size_t count, void *context);
static size_t see_header(char *data, size_t size, size_t count, void *context);
static size_t take(Stream *stream, char *buffer, size_t size);
static void fail(Stream *stream);
static double now(void);

Stream *
stream_open(Place *place, Trouble *trouble)
{
	Stream	   *stream = calloc(1, sizeof(Stream));
	bool		good;

	if (stream == NULL)
	{
		trouble_passes(trouble, "out of memory");
		return NULL;
	}
	stream->place = place;
	stream->fd = -1;
	stream->size = -1;
	if (place->pattern)
		good = trouble_lasts(&stream->trouble, "%s is a pattern and no file", place->shown);
	else if (place->scheme == SCHEME_FILE)
		good = open_local(stream);
	else
	{
		stream->multi = curl_multi_init();
		stream->ring = malloc(READ_AHEAD);
		good = stream->multi != NULL && stream->ring != NULL ? begin(stream, place) :
			trouble_passes(&stream->trouble, "out of memory");
	}
	if (good)
		return stream;
	*trouble = stream->trouble;
	stream_close(stream);
	return NULL;
}

ssize_t
stream_read(Stream *stream, void *buffer, size_t size)
{
	if (stream->state == FAILED_)
		return -1;
	if (size == 0)
		return 0;
	if (stream->fd >= 0)
		return read_local(stream, buffer, size);
	if (stream->length < READ_AHEAD / 2)
		drive(stream);
	not_waiting(stream);
	while (stream->length == 0 && stream->state < ENDED)
		wait_for_server(stream);
	if (stream->length > 0)
		return take(stream, buffer, size);
	return stream->state == ENDED ? 0 : -1;
}

bool
stream_ready(Stream *stream)
{
	double		left;

	if (stream->state >= ENDED || stream->length > 0)
		return true;
	if (stream->fd >= 0)
		return lseek(stream->fd, 0, SEEK_CUR) < stream->opened.st_size || at_rest(stream, &left);
	drive(stream);
	if (stream->state < ENDED && stream->length == 0)
	{
		double		gap = stream->polled > 0 ? now() - stream->polled : 0;

		/* who was away for longer had something else to do */
		have_waited(stream, gap < 1 ? gap : 1);
		stream->polled = now();
	}
	else
		not_waiting(stream);
	return stream->state >= ENDED || stream->length > 0;
}

int64_t
stream_size(const Stream *stream)
{
	return stream->size;
}

const Trouble *
stream_trouble(const Stream *stream)
{
	return &stream->trouble;
}

void
stream_close(Stream *stream)
{
	if (stream->added)
		curl_multi_remove_handle(stream->multi, stream->exchange.curl);
	exchange_end(&stream->exchange);
	curl_multi_cleanup(stream->multi);
	place_free(stream->elsewhere);
	if (stream->fd >= 0)
		close(stream->fd);
	free(stream->ring);
	free(stream);
}

/* ---- a file of ours ---- */

static bool
open_local(Stream *stream)
{
	stream->fd = local_open(stream->place, &stream->trouble);
	if (stream->fd < 0)
		return false;
	if (fstat(stream->fd, &stream->opened) < 0)
		return trouble_system(&stream->trouble, errno, "%s", stream->place->shown);
	stream->size = stream->opened.st_size;
	return true;
}

static ssize_t
read_local(Stream *stream, void *buffer, size_t size)
{
	ssize_t		n;

	if (stream->state == ENDED)
		return 0;
	do
		n = read(stream->fd, buffer, size);
	while (n < 0 && errno == EINTR);
	if (n > 0)
	{
		stream->taken += n;
		return n;
	}
	if (n == 0)
		end_local(stream);
	else
	{
		trouble_system(&stream->trouble, errno, "%s could not be read", stream->place->shown);
		fail(stream);
	}
	return stream->state == ENDED ? 0 : -1;
}

/* Whether nobody has written to it of late, by the clock that its time is of. */
static bool
at_rest(const Stream *stream, double *left)
{
	struct stat status;
	struct timespec time;
	double		age;

	*left = 0;
	clock_gettime(CLOCK_REALTIME, &time);
	if (fstat(stream->fd, &status) < 0)
		return true;
	age = (time.tv_sec - status.st_mtim.tv_sec) + (time.tv_nsec - status.st_mtim.tv_nsec) / 1e9;
	/* a clock that is ahead of ours says nothing */
	*left = age < 0 ? 0 : AT_REST - age;
	return *left <= 0;
}

/* Whoever is still writing will write on. */
static void
end_local(Stream *stream)
{
	struct stat status;
	double		left;

	while (!at_rest(stream, &left) && config_goes_on(stream->place->config))
		poll(NULL, 0, left > 0.2 ? 200 : (int) (left * 1000) + 1);
	if (fstat(stream->fd, &status) < 0)
		trouble_system(&stream->trouble, errno, "%s", stream->place->shown);
	else if (!at_rest(stream, &left))
		trouble_passes(&stream->trouble, "%s: given up", stream->place->shown);
	else if (status.st_size != stream->taken || status.st_size != stream->opened.st_size)
		trouble_passes(&stream->trouble, "%s was changed while it was read: it had %lld bytes, and has %lld now; "
					   "give a file its name when it is whole", stream->place->shown,
					   (long long) stream->opened.st_size, (long long) status.st_size);
	else
	{
		stream->state = ENDED;
		return;
	}
	fail(stream);
}

/* ---- a server's ---- */

static bool
begin(Stream *stream, Place *place)
{
	CURL	   *curl;

	if (!exchange_begin(&stream->exchange, place, place->segment, &stream->trouble))
		return false;
	curl = stream->exchange.curl;
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, stream);
	if (exchange_is_http(&stream->exchange))
	{
		curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, see_header);
		curl_easy_setopt(curl, CURLOPT_HEADERDATA, stream);
	}
	/* the hash of nothing */
	if (place->scheme == SCHEME_S3 &&
		!exchange_header(&stream->exchange, "x-amz-content-sha256",
						 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"))
		return trouble_passes(&stream->trouble, "out of memory");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, stream->exchange.headers);
	return add(stream);
}

static bool
add(Stream *stream)
{
	stream->added = curl_multi_add_handle(stream->multi, stream->exchange.curl) == CURLM_OK;
	return stream->added || trouble_passes(&stream->trouble, "out of memory");
}

/* All that can be done without waiting. */
static void
drive(Stream *stream)
{
	CURLMsg    *message;
	int			count;

	if (stream->state >= ENDED)
		return;
	if (stream->paused && stream->length <= READ_AHEAD / 2)
	{
		stream->paused = false;
		curl_easy_pause(stream->exchange.curl, CURLPAUSE_CONT);
	}
	if (curl_multi_perform(stream->multi, &count) != CURLM_OK)
	{
		trouble_passes(&stream->trouble, "%s: libcurl is at its wits' end", stream->place->shown);
		fail(stream);
	}
	while ((message = curl_multi_info_read(stream->multi, &count)) != NULL)
		if (message->msg == CURLMSG_DONE)
		{
			CURLcode	code = message->data.result;

			curl_multi_remove_handle(stream->multi, stream->exchange.curl);
			stream->added = false;
			finish(stream, code);
		}
}

/* Until something has come, or its time is up. */
static void
wait_for_server(Stream *stream)
{
	double		since = now();

	curl_multi_poll(stream->multi, NULL, 0, 500, NULL);
	drive(stream);
	have_waited(stream, now() - since);
}

static void
have_waited(Stream *stream, double seconds)
{
	int			timeout = stream->place->config->timeout;

	stream->waited += seconds;
	if (stream->state >= ENDED || stream->waited < timeout)
		return;
	if (stream->taken - stream->had < (int64_t) timeout * SLOWEST)
	{
		trouble_passes(&stream->trouble, "%s: the server sent %lld bytes in %d seconds, which is taken for none", stream->place->shown,
					   (long long) (stream->taken - stream->had), timeout);
		fail(stream);
	}
	not_waiting(stream);
}

static void
not_waiting(Stream *stream)
{
	stream->waited = stream->polled = 0;
	stream->had = stream->taken;
}

static void
finish(Stream *stream, CURLcode code)
{
	if (stream->state == ASKING)
		finish_asking(stream, code);
	else if (exchange_again(&stream->exchange, code))
	{
		if (!add(stream))
			fail(stream);
	}
	else
		finish_reading(stream, code);
}

static void
finish_reading(Stream *stream, CURLcode code)
{
	Exchange   *exchange = &stream->exchange;
	bool		http = exchange_is_http(exchange);
	long		status = exchange_status(exchange);

	if (http && code == CURLE_OK && status / 100 == 3)
		go_elsewhere(stream);
	else if (is_endless(stream))
	{
		trouble_lasts(&stream->trouble, "%s: the server does not say how long its answer is, so that nobody could tell a whole one "
					  "from one that was broken off; it has to send Content-Length or chunks", exchange->place->shown);
		fail(stream);
	}
	else if (!exchange_succeeded(exchange, code))
	{
		exchange_failed(exchange, code, "reading it", &stream->trouble);
		fail(stream);
	}
	else
		ask_size(stream);
}

/* Whether nothing but the end of the connection says where the answer ends. */
static bool
is_endless(const Stream *stream)
{
	return exchange_is_http(&stream->exchange) && exchange_succeeded(&stream->exchange, CURLE_OK) &&
		exchange_status(&stream->exchange) != 204 && stream->size < 0 && !stream->chunked;
}

/* Away from where the configuration says who we are. */
static void
go_elsewhere(Stream *stream)
{
	const Place *from = stream->exchange.place;
	char	   *to = NULL;
	char	   *url;
	Place	   *elsewhere = NULL;

	curl_easy_getinfo(stream->exchange.curl, CURLINFO_REDIRECT_URL, &to);
	url = to != NULL ? strdup(to) : NULL;
	if (url == NULL)
		exchange_failed(&stream->exchange, CURLE_OK, "reading it", &stream->trouble);
	else if (!from->config->allow_redirects)
		trouble_lasts(&stream->trouble, "%s: the server leads on to another url (%ld), and redirects are not followed; "
					  "order that one, or allow-redirects = yes in [network] allows it", from->shown, exchange_status(&stream->exchange));
	else if (++stream->redirects > REDIRECTS)
		trouble_lasts(&stream->trouble, "%s: the server leads on more than %d times", stream->place->shown, REDIRECTS);
	else
		elsewhere = place_redirected(from, url, &stream->trouble);
	free(url);
	exchange_end(&stream->exchange);
	place_free(stream->elsewhere);
	stream->elsewhere = elsewhere;
	stream->chunked = false;
	stream->size = -1;
	if (elsewhere == NULL || !begin(stream, elsewhere))
		fail(stream);
}

/*
 * HTTP and FTP say it without the file; of SFTP we ask for what comes after.
 * Whoever does not answer has nothing to say against it.
 */
static void
ask_size(Stream *stream)
{
	CURL	   *curl = stream->exchange.curl;

	stream->state = ASKING;
	if (stream->size < 0 && stream->place->scheme != SCHEME_SFTP)
	{
		stream->state = ENDED;
		return;
	}
	if (stream->place->scheme == SCHEME_SFTP)
		curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t) stream->taken);
	else
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, stream->place->config->timeout * 500L);
	if (!add(stream))
		fail(stream);
}

static void
finish_asking(Stream *stream, CURLcode code)
{
	curl_off_t	size = -1;

	if (stream->place->scheme == SCHEME_SFTP)
		size = stream->grown ? stream->taken + 1 : code == CURLE_BAD_DOWNLOAD_RESUME ? 0 : -1;
	else if (exchange_succeeded(&stream->exchange, code))
		curl_easy_getinfo(stream->exchange.curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size);
	stream->state = ENDED;
	if (size < 0 || size == stream->taken)
		return;
	trouble_passes(&stream->trouble, "%s was changed while it was read: it had %lld bytes, and has %s now; "
				   "give a file its name when it is whole", stream->place->shown, (long long) stream->taken,
				   size > stream->taken ? "more" : "less");
	fail(stream);
}

/* ---- what libcurl calls ---- */

static size_t
keep(char *data, size_t size, size_t count, void *context)
{
	Stream	   *stream = context;
	size_t		length = size * count;
	size_t		at = (stream->from + stream->length) % READ_AHEAD;
	size_t		before_end = READ_AHEAD - at;

	if (stream->state == ASKING)
	{
		/* FTP's answer is made to look like HTTP's */
		stream->grown = stream->place->scheme == SCHEME_SFTP;
		return stream->grown ? 0 : length;
	}
	if (exchange_is_http(&stream->exchange) && !exchange_succeeded(&stream->exchange, CURLE_OK))
		return exchange_note(&stream->exchange, data, length);
	if (is_endless(stream))
		return 0;
	if (length > READ_AHEAD - stream->length)
	{
		stream->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (!stream->started)
		curl_easy_getinfo(stream->exchange.curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &stream->size);
	stream->started = true;
	if (before_end > length)
		before_end = length;
	memcpy(stream->ring + at, data, before_end);
	memcpy(stream->ring, data + before_end, length - before_end);
	stream->length += length;
	stream->taken += length;
	return length;
}

/* Whether an answer's end can be told. */
static size_t
see_header(char *data, size_t size, size_t count, void *context)
{
	static const char name[] = "transfer-encoding:";
	static const char length_name[] = "content-length:";
	Stream	   *stream = context;
	size_t		length = size * count;

	if (stream->state != READING)
		return length;
	if (length > sizeof(name) && strncasecmp(data, name, sizeof(name) - 1) == 0)
		stream->chunked = true;
	if (length > sizeof(length_name) && strncasecmp(data, length_name, sizeof(length_name) - 1) == 0)
		stream->size = strtoll(data + sizeof(length_name) - 1, NULL, 10);
	return length;
}

/* ---- */

static size_t
take(Stream *stream, char *buffer, size_t size)
{
	size_t		before_end = READ_AHEAD - stream->from;

	if (size > stream->length)
		size = stream->length;
	if (before_end > size)
		before_end = size;
	memcpy(buffer, stream->ring + stream->from, before_end);
	memcpy(buffer + before_end, stream->ring, size - before_end);
	stream->from = (stream->from + size) % READ_AHEAD;
	stream->length -= size;
	return size;
}

static void
fail(Stream *stream)
{
	stream->state = FAILED_;
	/* what came before it is whole, but of no use any more */
	stream->length = 0;
}

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}
