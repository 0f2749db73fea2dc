/* transfer.h: HTTP POSTs, many at a time */
#ifndef USAGECTL_TRANSFER_H
#define USAGECTL_TRANSFER_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct Transfers Transfers;
typedef struct Transfer Transfer;

/* What came back. */
typedef struct Answer
{
	int			status;			/* 0 where there was no answer */
	int			retry_after;	/* seconds that the other side asks for, or 0 */
	double		seconds;		/* it took */
	char		error[256];		/* why there was none */
} Answer;

typedef void (*Answered) (void *context, const Answer *answer);

typedef struct Request
{
	const char *url;
	const char *const *headers; /* "Name: value", up to a NULL */
	const char *username;		/* or NULL */
	const char *password;
	const char *body;			/* has to live until the answer */
	size_t		length;
	Answered	answered;
	void	   *context;
} Request;

extern Transfers *transfers_open(int most, bool allow_private);
extern void transfers_close(Transfers *transfers);
extern bool transfers_room(const Transfers *transfers);
extern Transfer *transfer_begin(Transfers *transfers, const Request *request);
extern void transfer_drop(Transfers *transfers, Transfer *transfer);
extern void transfers_wait(Transfers *transfers, struct pollfd *others, int count, int milliseconds);

#endif
