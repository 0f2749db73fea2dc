/* exchange.h: what we have to do with a server */
#ifndef USAGECTL_EXCHANGE_H
#define USAGECTL_EXCHANGE_H

#include <curl/curl.h>

#include "place.h"
#include "safety.h"

typedef struct Exchange
{
	const Place *place;
	CURL	   *curl;
	Safety		safety;
	struct curl_slist *headers; /* of ours, beside libcurl's */
	struct curl_slist *commands;
	bool		stopped;		/* we were told to give up */
	bool		denied;			/* a login, once */
	char		host_key[700];	/* what is wrong with the server's */
	char		said[200];		/* the beginning of what it said of a failure */
	char		error[CURL_ERROR_SIZE];
} Exchange;

extern bool exchange_begin(Exchange *exchange, const Place *place, const char *segment, Trouble *trouble);
extern bool exchange_run(Exchange *exchange, const char *what, Trouble *trouble);
extern bool exchange_succeeded(const Exchange *exchange, CURLcode code);
extern bool exchange_again(Exchange *exchange, CURLcode code);
extern void exchange_end(Exchange *exchange);
extern bool exchange_header(Exchange *exchange, const char *name, const char *value);
extern bool exchange_rename(Exchange *exchange, const char *from, const char *to);
extern bool exchange_remove(Exchange *exchange, const char *name);
extern bool exchange_run_commands(Exchange *exchange, const char *what, Trouble *trouble);
extern bool exchange_failed(Exchange *exchange, CURLcode code, const char *what, Trouble *trouble);
extern bool exchange_is_http(const Exchange *exchange);
extern size_t exchange_note(Exchange *exchange, const char *data, size_t length);
extern long exchange_status(const Exchange *exchange);

#endif
