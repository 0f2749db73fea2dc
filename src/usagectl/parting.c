/*
 * parting.c
 *	  What is said and done when a signal ends the program.
 *
 * Whatever we wait for then, a lock, a pipe or a disk, we are gone at once: one
 * line says what is left, the server is told to stop, and the signal ends us as it
 * would have without us.  So a shell sees what it sees of others, and a script
 * that runs us ends, too.
 *
 * What a handler may do is little, so the line is made beforehand.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "parting.h"

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

/* One that may be said, while the other is made. */
static char lines[2][5000];
static const char *volatile line = NULL;
static const char *volatile unfinished = NULL;
static PGcancel *volatile server = NULL;
static volatile int terminal = -1;
static struct termios shown;	/* that it was before */

static void handle(void (*handler) (int), int flags);
static void part(int signal_number);

void
parting_begin(PGconn *conn)
{
	parting_end();
	server = PQgetCancel(conn);
	/* a second one ends us even while the server does not answer */
	handle(part, SA_RESETHAND | SA_NODEFER);
}

void
parting_leaves_to(void (*handler) (int))
{
	parting_end();
	handle(handler, SA_RESTART);
}

static void
handle(void (*handler) (int), int flags)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = handler;
	action.sa_flags = flags;
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
	{
		struct sigaction before;

		/* as nohup has it */
		if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
}

void
parting_says(const char *format,...)
{
	char	   *next = line == lines[0] ? lines[1] : lines[0];
	va_list		args;
	int			n;

	va_start(args, format);
	n = vsnprintf(next, sizeof(lines[0]) - 1, format, args);
	va_end(args);
	if (n > (int) sizeof(lines[0]) - 2)
		n = sizeof(lines[0]) - 2;
	strcpy(next + n, "\n");
	line = next;
}

void
parting_removes(const char *file)
{
	unfinished = file;
}

void
parting_restores(int fd)
{
	terminal = tcgetattr(fd, &shown) == 0 ? fd : -1;
}

void
parting_end(void)
{
	PGcancel   *cancel = server;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
	{
		struct sigaction now;

		if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler == part)
			signal(signals[i], SIG_DFL);
	}
	line = unfinished = NULL;
	server = NULL;
	terminal = -1;
	PQfreeCancel(cancel);
}

static void
part(int signal_number)
{
	char		none[256];

	if (terminal >= 0 && tcsetattr(terminal, TCSANOW, &shown) == 0 && write(terminal, "\n", 1) < 0)
		none[0] = '\0';
	if (unfinished != NULL)
		unlink(unfinished);
	if (line != NULL)
	{
		/* over the progress bar, if there is one */
		if (isatty(STDERR_FILENO) && write(STDERR_FILENO, "\r\033[K", 4) < 0)
			none[0] = '\0';
		if (write(STDERR_FILENO, line, strlen(line)) < 0)
			none[0] = '\0';
	}
	if (server != NULL)
		PQcancel(server, none, sizeof(none));
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}
