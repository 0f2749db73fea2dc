/*
 * listen.c
 *	  usagectl listen: a listener for trying.
 *
 * It takes POSTs on the loopback interface, prints each, and answers as it was
 * told to; a signature that is wrong, or older than five minutes, is answered
 * with 401.  It is no server for anything else: one that sends no
 * Content-Length is refused.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "buffer.h"
#include "connection.h"
#include "listen.h"

#define MOST_CALLERS 1000
#define LONGEST_HEAD (64 * 1024)
#define LONGEST_BODY (80L * 1024 * 1024)
#define AGE 300					/* seconds that a signature may be old */

/* One connection. */
typedef struct Caller
{
	int			fd;
	Buffer		input;
	double		answer_at;		/* 0 while a request is read */
	int			answer;
	size_t		request;		/* its length */
} Caller;

typedef struct Listen
{
	const ListenOptions *options;
	int			fd;
	Caller	   *callers[MOST_CALLERS];
	int			count;
} Listen;

static volatile sig_atomic_t told_to_stop = 0;

static bool open_port(Listen *listen_to);
static void stop(int signal);
static void wait_for_callers(Listen *listen_to);
static void take_caller(Listen *listen_to);
static bool hear(Listen *listen_to, Caller *caller);
static bool take_request(Listen *listen_to, Caller *caller);
static int	judge(const Listen *listen_to, const char *head, const char *body, size_t length);
static void print_event(const Listen *listen_to, const char *id, const char *verdict, const char *body, size_t length);
static bool answer(Caller *caller);
static bool header(const char *head, const char *name, char *value, size_t size);
static void hang_up(Listen *listen_to, int i);
static double now(void);

/* Until it is interrupted. */
ExitStatus
listen_run(const ListenOptions *options)
{
	Listen	   *listen_to = calloc(1, sizeof(Listen));
	struct sigaction action;

	listen_to->options = options;
	memset(&action, 0, sizeof(action));
	action.sa_handler = stop;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (!open_port(listen_to))
	{
		free(listen_to);
		return FAILED;
	}
	while (!told_to_stop)
		wait_for_callers(listen_to);
	while (listen_to->count > 0)
		hang_up(listen_to, 0);
	close(listen_to->fd);
	free(listen_to);
	return ALL_DONE;
}

static bool
open_port(Listen *listen_to)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(listen_to->options->port)};
	socklen_t	length = sizeof(address);
	int			on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listen_to->fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(listen_to->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (listen_to->fd < 0 || bind(listen_to->fd, (struct sockaddr *) &address, length) != 0 ||
		listen(listen_to->fd, 128) != 0 || getsockname(listen_to->fd, (struct sockaddr *) &address, &length) != 0)
	{
		complain("could not listen on port %d: %s", listen_to->options->port, strerror(errno));
		return false;
	}
	fcntl(listen_to->fd, F_SETFL, O_NONBLOCK);
	fprintf(stderr, "listening on http://127.0.0.1:%d/\n", ntohs(address.sin_port));
	return true;
}

static void
stop(int signal)
{
	(void) signal;
	told_to_stop = 1;
}

static void
wait_for_callers(Listen *listen_to)
{
	struct pollfd polled[MOST_CALLERS + 1];
	int			count = listen_to->count;
	double		first = now() + 0.2;	/* a signal may come just before */

	for (int i = 0; i < count; i++)
	{
		Caller	   *caller = listen_to->callers[i];

		polled[i] = (struct pollfd) {caller->fd, caller->answer_at > 0 ? 0 : POLLIN, 0};
		if (caller->answer_at > 0 && caller->answer_at < first)
			first = caller->answer_at;
	}
	polled[count] = (struct pollfd) {count < MOST_CALLERS ? listen_to->fd : -1, POLLIN, 0};
	poll(polled, count + 1, first > now() ? (int) ceil((first - now()) * 1000) : 0);
	for (int i = count - 1; i >= 0; i--)
	{
		Caller	   *caller = listen_to->callers[i];
		bool		alive = true;

		if (caller->answer_at > 0 && caller->answer_at <= now())
			alive = answer(caller) && take_request(listen_to, caller);
		else if (polled[i].revents != 0)
			alive = hear(listen_to, caller);
		if (!alive)
			hang_up(listen_to, i);
	}
	if (polled[count].revents != 0)
		take_caller(listen_to);
}

static void
take_caller(Listen *listen_to)
{
	int			on = 1;
	int			fd = accept(listen_to->fd, NULL, NULL);
	Caller	   *caller;

	if (fd < 0)
		return;
	caller = calloc(1, sizeof(Caller));
	caller->fd = fd;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	listen_to->callers[listen_to->count++] = caller;
}

/* What a caller sends; false when it is to be hung up. */
static bool
hear(Listen *listen_to, Caller *caller)
{
	char		bytes[16 * 1024];
	ssize_t		n = read(caller->fd, bytes, sizeof(bytes));

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	buffer_add(&caller->input, bytes, n);
	return take_request(listen_to, caller);
}

/* The request that is there, if it is whole. */
static bool
take_request(Listen *listen_to, Caller *caller)
{
	char	   *end = caller->input.length > 0 ? strstr(caller->input.text, "\r\n\r\n") : NULL;
	char		value[32];
	long		length;
	size_t		head;

	if (caller->answer_at > 0)
		return true;
	if (end == NULL)
		return caller->input.length < LONGEST_HEAD;
	head = end + 4 - caller->input.text;
	end[2] = '\0';
	length = header(caller->input.text, "content-length", value, sizeof(value)) ? strtol(value, NULL, 10) : -1;
	caller->answer = 0;
	if (strncmp(caller->input.text, "POST ", 5) != 0)
		caller->answer = 405;
	else if (length < 0)
		caller->answer = 411;
	else if (length > LONGEST_BODY)
		caller->answer = 413;
	else if (caller->input.length < head + length)
	{
		end[2] = '\r';
		return true;
	}
	if (caller->answer == 0)
	{
		caller->answer = judge(listen_to, caller->input.text, caller->input.text + head, length);
		caller->request = head + length;
	}
	else
		caller->request = caller->input.length;
	caller->answer_at = now() + listen_to->options->delay / 1e3;
	return listen_to->options->delay > 0 || (answer(caller) && take_request(listen_to, caller));
}

/* Prints an event; the status to answer with. */
static int
judge(const Listen *listen_to, const char *head, const char *body, size_t length)
{
	const Secret *secret = &listen_to->options->secret;
	char		id[200] = "";
	char		timestamp[32] = "";
	char		signatures[500] = "";
	const char *verdict = "unchecked";

	header(head, "webhook-id", id, sizeof(id));
	header(head, "webhook-timestamp", timestamp, sizeof(timestamp));
	header(head, "webhook-signature", signatures, sizeof(signatures));
	if (secret->length > 0)
	{
		verdict = "signed";
		if (!webhook_verify(signatures, secret, id, timestamp, body, length))
			verdict = signatures[0] != '\0' ? "WRONG SIGNATURE" : "NO SIGNATURE";
		else if (llabs(strtoll(timestamp, NULL, 10) - (long long) time(NULL)) > AGE)
			verdict = "TOO OLD";
	}
	print_event(listen_to, id, verdict, body, length);
	return verdict[0] == 'u' || verdict[0] == 's' ? listen_to->options->answer : 401;
}

static void
print_event(const Listen *listen_to, const char *id, const char *verdict, const char *body, size_t length)
{
	Buffer		line = {NULL, 0, 0};

	if (listen_to->options->json)
	{
		buffer_print(&line, "{\"id\": ");
		buffer_json(&line, id, strlen(id));
		buffer_print(&line, ", \"signature\": \"%s\", \"event\": ", verdict);
		buffer_add(&line, length > 0 ? body : "null", length > 0 ? length : 4);
		buffer_print(&line, "}");
	}
	else
	{
		buffer_print(&line, "%s %s ", id[0] != '\0' ? id : "-", verdict);
		buffer_add(&line, body, length);
	}
	/* one event, one line */
	for (size_t i = 0; i < line.length; i++)
		if ((unsigned char) line.text[i] < 0x20)
			line.text[i] = ' ';
	fwrite(line.text, 1, line.length, stdout);
	fputc('\n', stdout);
	fflush(stdout);
	buffer_free(&line);
}

static bool
answer(Caller *caller)
{
	char		text[100];
	int			length = snprintf(text, sizeof(text), "HTTP/1.1 %d -\r\n%s\r\n", caller->answer,
								  caller->answer == 204 || caller->answer == 304 ? "" : "Content-Length: 0\r\n");
	size_t		left = caller->input.length - caller->request;

	/* what follows is the next request */
	memmove(caller->input.text, caller->input.text + caller->request, left + 1);
	caller->input.length = left;
	caller->answer_at = 0;
	return write(caller->fd, text, length) == length;
}

/* The value of a header, its first. */
static bool
header(const char *head, const char *name, char *value, size_t size)
{
	size_t		length = strlen(name);

	for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n"))
	{
		line += 2;
		if (strncasecmp(line, name, length) != 0 || line[length] != ':')
			continue;
		line += length + 1;
		line += strspn(line, " \t");
		snprintf(value, size, "%.*s", (int) strcspn(line, "\r\n"), line);
		return true;
	}
	return false;
}

static void
hang_up(Listen *listen_to, int i)
{
	Caller	   *caller = listen_to->callers[i];

	close(caller->fd);
	buffer_free(&caller->input);
	free(caller);
	listen_to->callers[i] = listen_to->callers[--listen_to->count];
}

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}
