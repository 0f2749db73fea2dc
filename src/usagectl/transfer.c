/*
 * transfer.c
 *	  HTTP POSTs, many at a time.
 *
 * Where a request goes is somebody else's choice, so what safety.c says holds,
 * http and https alone are spoken, a request has 15 seconds, and of an answer
 * 64 kB are read.
 */
#include <curl/curl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "safety.h"
#include "transfer.h"

#define TIMEOUT 15L				/* seconds, to connect and in all */
#define MOST_READ (64 * 1024)	/* bytes of an answer */

struct Transfer
{
	Transfers  *transfers;
	CURL	   *curl;
	struct curl_slist *headers;
	Answered	answered;
	void	   *context;
	size_t		taken;			/* of the answer's body */
	Safety		safety;
	char		error[CURL_ERROR_SIZE];
	Transfer   *next;			/* that is idle */
};

struct Transfers
{
	CURLM	   *multi;
	bool		allow_private;
	int			most;
	int			busy;
	Transfer   *idle;
	double		due;			/* when libcurl wants to be called; 0 for never */
	struct pollfd *polled;		/* others' first, then those of libcurl */
	int			count;
	int			space;
};

#define OTHERS 4				/* places kept for others */

static void see_to(Transfers *transfers, struct pollfd *polled);
static Transfer *idle_transfer(Transfers *transfers);
static Transfer *new_transfer(Transfers *transfers);
static bool fill_in(Transfer *transfer, const Request *request);
static void release(Transfer *transfer);
static void harvest(Transfers *transfers);
static void judge(Transfer *transfer, CURLcode code, Answer *answer);
static int	on_socket(CURL *curl, curl_socket_t fd, int what, void *context, void *place);
static int	on_timer(CURLM *multi, long milliseconds, void *context);
static size_t take(char *data, size_t size, size_t count, void *context);
static double now(void);

/* As many at a time at most. */
Transfers *
transfers_open(int most, bool allow_private)
{
	Transfers  *transfers = calloc(1, sizeof(Transfers));

	if (transfers == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
	{
		free(transfers);
		return NULL;
	}
	transfers->multi = curl_multi_init();
	transfers->most = most;
	transfers->allow_private = allow_private;
	transfers->count = OTHERS;
	transfers->space = OTHERS + 64;
	transfers->polled = calloc(transfers->space, sizeof(struct pollfd));
	if (transfers->multi == NULL || transfers->polled == NULL)
	{
		transfers_close(transfers);
		return NULL;
	}
	curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETDATA, transfers);
	curl_multi_setopt(transfers->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(transfers->multi, CURLMOPT_TIMERDATA, transfers);
	curl_multi_setopt(transfers->multi, CURLMOPT_MAXCONNECTS, (long) most);
	return transfers;
}

/* What is under way has to be dropped before. */
void
transfers_close(Transfers *transfers)
{
	while (transfers->idle != NULL)
	{
		Transfer   *transfer = transfers->idle;

		transfers->idle = transfer->next;
		curl_easy_cleanup(transfer->curl);
		free(transfer);
	}
	if (transfers->multi != NULL)
		curl_multi_cleanup(transfers->multi);
	free(transfers->polled);
	free(transfers);
	curl_global_cleanup();
}

bool
transfers_room(const Transfers *transfers)
{
	return transfers->busy < transfers->most;
}

/* The answer comes in a later transfers_wait.  NULL if there is no memory. */
Transfer *
transfer_begin(Transfers *transfers, const Request *request)
{
	Transfer   *transfer = idle_transfer(transfers);

	if (transfer == NULL)
		return NULL;
	transfers->busy++;
	if (fill_in(transfer, request) && curl_multi_add_handle(transfers->multi, transfer->curl) == CURLM_OK)
		return transfer;
	release(transfer);
	return NULL;
}

/* Gives one up; no answer comes. */
void
transfer_drop(Transfers *transfers, Transfer *transfer)
{
	curl_multi_remove_handle(transfers->multi, transfer->curl);
	release(transfer);
}

/* Waits for something to happen, here or on the files of others, and sees to what is ours. */
void
transfers_wait(Transfers *transfers, struct pollfd *others, int count, int milliseconds)
{
	double		left = transfers->due > 0 ? (transfers->due - now()) * 1000 : milliseconds;
	int			running;
	int			ready;

	for (int i = 0; i < OTHERS; i++)
	{
		transfers->polled[i].fd = -1;
		if (i < count)
			transfers->polled[i] = others[i];
		transfers->polled[i].revents = 0;
	}
	if (left < milliseconds)
		milliseconds = left > 0 ? (int) left + 1 : 0;
	ready = poll(transfers->polled, transfers->count, milliseconds);
	for (int i = 0; i < count; i++)
		others[i].revents = ready > 0 ? transfers->polled[i].revents : 0;
	/* a call may take places away, and then puts the last into them */
	for (int i = transfers->count - 1; i >= OTHERS && ready > 0; i--)
		if (i < transfers->count && transfers->polled[i].revents != 0)
			see_to(transfers, &transfers->polled[i]);
	if (transfers->due > 0 && transfers->due <= now())
	{
		transfers->due = 0;
		curl_multi_socket_action(transfers->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	harvest(transfers);
}

/* What is ready on a socket of libcurl's. */
static void
see_to(Transfers *transfers, struct pollfd *polled)
{
	int			events = (polled->revents & POLLIN ? CURL_CSELECT_IN : 0) |
		(polled->revents & POLLOUT ? CURL_CSELECT_OUT : 0) |
		(polled->revents & (POLLERR | POLLHUP | POLLNVAL) ? CURL_CSELECT_ERR : 0);
	int			running;

	polled->revents = 0;
	curl_multi_socket_action(transfers->multi, polled->fd, events, &running);
}

/* ---- one request ---- */

static Transfer *
idle_transfer(Transfers *transfers)
{
	Transfer   *transfer = transfers->idle;

	if (transfer == NULL)
		return new_transfer(transfers);
	transfers->idle = transfer->next;
	return transfer;
}

/* With all that is the same for each request. */
static Transfer *
new_transfer(Transfers *transfers)
{
	Transfer   *transfer = calloc(1, sizeof(Transfer));
	CURL	   *curl = curl_easy_init();

	if (transfer == NULL || curl == NULL)
	{
		free(transfer);
		curl_easy_cleanup(curl);
		return NULL;
	}
	transfer->transfers = transfers;
	transfer->curl = curl;
	transfer->safety.allow_private = transfers->allow_private;
	safety_apply(curl, &transfer->safety, "http,https");
	curl_easy_setopt(curl, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, TIMEOUT);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT);
	curl_easy_setopt(curl, CURLOPT_POST, 1L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
	return transfer;
}

static bool
fill_in(Transfer *transfer, const Request *request)
{
	CURL	   *curl = transfer->curl;

	/* libcurl asks whether it may send a large body, and waits, unless told not to */
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");

	transfer->headers = headers;
	for (const char *const *header = request->headers; headers != NULL && *header != NULL; header++)
		headers = curl_slist_append(headers, *header);
	transfer->answered = request->answered;
	transfer->context = request->context;
	transfer->taken = 0;
	transfer->safety.refused[0] = transfer->error[0] = '\0';
	return headers != NULL &&
		curl_easy_setopt(curl, CURLOPT_URL, request->url) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, transfer->headers) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_USERNAME, request->username) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_PASSWORD, request->password) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) request->length) == CURLE_OK;
}

static void
release(Transfer *transfer)
{
	Transfers  *transfers = transfer->transfers;

	curl_slist_free_all(transfer->headers);
	transfer->headers = NULL;
	transfers->busy--;
	transfer->next = transfers->idle;
	transfers->idle = transfer;
}

/* Hands over the answers that are there. */
static void
harvest(Transfers *transfers)
{
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(transfers->multi, &left)) != NULL)
	{
		CURL	   *curl = message->easy_handle;
		CURLcode	code = message->data.result;
		Transfer   *transfer;
		Answered	answered;
		void	   *context;
		Answer		answer;

		curl_easy_getinfo(curl, CURLINFO_PRIVATE, &transfer);
		judge(transfer, code, &answer);
		answered = transfer->answered;
		context = transfer->context;
		curl_multi_remove_handle(transfers->multi, curl);
		release(transfer);
		answered(context, &answer);
	}
}

/* An answer whose body is longer than we read is one all the same. */
static void
judge(Transfer *transfer, CURLcode code, Answer *answer)
{
	CURL	   *curl = transfer->curl;
	bool		cut = code == CURLE_WRITE_ERROR && transfer->taken > MOST_READ;
	long		status = 0;
	curl_off_t	retry_after = 0;
	curl_off_t	microseconds = 0;

	curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME_T, &microseconds);
	answer->seconds = microseconds / 1e6;
	answer->status = answer->retry_after = 0;
	answer->error[0] = '\0';
	if (code == CURLE_OK || cut)
	{
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
		answer->status = status;
		answer->retry_after = retry_after > INT32_MAX ? INT32_MAX : retry_after;
	}
	else if (transfer->safety.refused[0] != '\0')
		snprintf(answer->error, sizeof(answer->error), "%s", transfer->safety.refused);
	else
		snprintf(answer->error, sizeof(answer->error), "%s",
				 transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(code));
}

/* ---- what libcurl calls ---- */

/* Which sockets it waits for; place is that in our list. */
static int
on_socket(CURL *curl, curl_socket_t fd, int what, void *context, void *place)
{
	Transfers  *transfers = context;
	intptr_t	i = (intptr_t) place;

	(void) curl;
	if (what == CURL_POLL_REMOVE)
	{
		if (i == 0)
			return 0;
		transfers->polled[i] = transfers->polled[--transfers->count];
		if (i < transfers->count)
			curl_multi_assign(transfers->multi, transfers->polled[i].fd, (void *) i);
		return 0;
	}
	if (i == 0)
	{
		if (transfers->count == transfers->space)
		{
			struct pollfd *more = realloc(transfers->polled, transfers->space * 2 * sizeof(struct pollfd));

			if (more == NULL)
				return -1;
			transfers->polled = more;
			transfers->space *= 2;
		}
		i = transfers->count++;
		transfers->polled[i].fd = fd;
		transfers->polled[i].revents = 0;
		curl_multi_assign(transfers->multi, fd, (void *) i);
	}
	transfers->polled[i].events = (what & CURL_POLL_IN ? POLLIN : 0) | (what & CURL_POLL_OUT ? POLLOUT : 0);
	return 0;
}

static int
on_timer(CURLM *multi, long milliseconds, void *context)
{
	Transfers  *transfers = context;

	(void) multi;
	transfers->due = milliseconds < 0 ? 0 : now() + milliseconds / 1e3;
	return 0;
}

/* Nobody wants the body; what is longer than it may be ends the connection. */
static size_t
take(char *data, size_t size, size_t count, void *context)
{
	Transfer   *transfer = context;

	(void) data;
	transfer->taken += size * count;
	return transfer->taken > MOST_READ ? 0 : size * count;
}

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}
