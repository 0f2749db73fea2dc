/*
 * wake.c
 *	  Signals that wake a loop.
 *
 * A signal that comes just before a loop waits would be slept through: each
 * leaves a byte in a pipe, which the loop waits for beside all else.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "wake.h"

volatile sig_atomic_t told_to_leave = 0;

static int	wake_pipe[2] = {-1, -1};

static void on_signal(int signal_number);

/* SIGTERM and SIGINT, and that a child has ended. */
bool
wake_open(void)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGCHLD};
	struct sigaction action;

	if (pipe(wake_pipe) != 0)
		return false;
	for (int i = 0; i < 2; i++)
	{
		fcntl(wake_pipe[i], F_SETFD, FD_CLOEXEC);
		fcntl(wake_pipe[i], F_SETFL, O_NONBLOCK);
	}
	memset(&action, 0, sizeof(action));
	action.sa_handler = on_signal;
	action.sa_flags = SA_NOCLDSTOP;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	return true;
}

struct pollfd
wake_polled(void)
{
	struct pollfd polled = {wake_pipe[0], POLLIN, 0};

	return polled;
}

void
wake_clear(void)
{
	char		bytes[16];

	while (read(wake_pipe[0], bytes, sizeof(bytes)) > 0)
		;
}

static void
on_signal(int signal_number)
{
	int			error = errno;

	if (signal_number != SIGCHLD)
		told_to_leave = 1;
	/* a full pipe wakes as well */
	if (write(wake_pipe[1], "", 1) < 0)
		errno = error;
}
