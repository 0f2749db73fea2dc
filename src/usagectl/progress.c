/*
 * progress.c
 *	  A progress bar on a terminal: how much, how fast, how long still.
 *
 * It is drawn on standard error, five times a second at most, as wide as the
 * terminal is at the time; with less room the bar goes first, then what the
 * records are.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"

#define BAR 40

static double now(void);
static int	terminal_width(void);
static void add_parts(char *tail, size_t size, const Progress *progress);
static void grouped(char *text, int64_t number);
static void left(char *text, size_t size, double seconds);

void
progress_begin(Progress *progress, const char *name, int64_t total, int64_t before)
{
	const char *slash = strrchr(name, '/');

	progress->shown = isatty(STDERR_FILENO);
	progress->name = strcmp(name, "-") == 0 ? "standard input" : slash != NULL ? slash + 1 : name;
	progress->total = total;
	progress->before = before;
	progress->began = now();
	progress->drawn = 0;
	progress_parts(progress);
}

/* The parts follow, one by one. */
void
progress_parts(Progress *progress)
{
	progress->parts[0] = '\0';
}

void
progress_part(Progress *progress, const char *name, int64_t records)
{
	size_t		used = strlen(progress->parts);
	char		count[30];

	grouped(count, records);
	snprintf(progress->parts + used, sizeof(progress->parts) - used, "  %s %s", name, count);
}

/* Draws it, if it is time. */
void
progress_show(Progress *progress, int64_t done, int64_t records)
{
	double		at = now();
	double		seconds = at - progress->began;
	char		tail[300] = "";
	char		count[30];
	char		time[30] = "";
	char		bar[BAR + 3] = "";
	int			room;

	if (!progress->shown || at - progress->drawn < 0.2)
		return;
	progress->drawn = at;
	grouped(count, seconds > 0 ? (int64_t) (records / seconds) : 0);
	if (progress->total > 0)
	{
		double		part = done >= progress->total ? 1.0 : (double) done / progress->total;
		double		speed = seconds > 0 ? (done - progress->before) / seconds : 0;

		if (speed > 0 && seconds > 1)
			left(time, sizeof(time), (progress->total - done) / speed);
		snprintf(tail, sizeof(tail), "%3d %%  %11s/s  %9s", (int) (part * 100), count, time);
		add_parts(tail, sizeof(tail), progress);
		room = terminal_width() - 1 - (int) strlen(tail) - 4;
		room -= (int) strlen(progress->name) < room / 2 ? (int) strlen(progress->name) : room / 2;
		if (room > BAR)
			room = BAR;
		if (room >= 8)
		{
			int			full = (int) (part * (room - 2) + 0.5);

			bar[0] = '[';
			memset(bar + 1, '#', full);
			memset(bar + 1 + full, '.', room - 2 - full);
			strcpy(bar + room - 1, "]");
		}
	}
	else
	{
		char		all[30];

		grouped(all, records);
		snprintf(tail, sizeof(tail), "%s records  %s/s", all, count);
		add_parts(tail, sizeof(tail), progress);
	}
	room = terminal_width() - 1 - (int) strlen(tail) - (int) strlen(bar) - 4;
	if (room < 0)
		room = 0;
	fprintf(stderr, "\r%.*s  %s%s%s\033[K", room, progress->name, bar, bar[0] != '\0' ? "  " : "", tail);
	fflush(stderr);
}

/* Takes it away. */
void
progress_end(Progress *progress)
{
	if (progress->shown && progress->drawn > 0)
		fputs("\r\033[K", stderr);
	progress->shown = false;
}

double
progress_seconds(const Progress *progress)
{
	return now() - progress->began;
}

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static int
terminal_width(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* Those for which there is room beside some of the name. */
static void
add_parts(char *tail, size_t size, const Progress *progress)
{
	size_t		used = strlen(tail);
	int			room = terminal_width() - (int) used - 20;
	int			length = strlen(progress->parts);

	while (length > 0 && length > room)
		do
			length--;
		while (length > 0 && strncmp(progress->parts + length, "  ", 2) != 0);
	snprintf(tail + used, size - used, "%.*s", length, progress->parts);
}

/* 1234567 as 1,234,567. */
static void
grouped(char *text, int64_t number)
{
	char		digits[24];
	int			length = snprintf(digits, sizeof(digits), "%" PRId64, number);

	for (int i = 0; i < length; i++)
	{
		if (i > 0 && (length - i) % 3 == 0)
			*text++ = ',';
		*text++ = digits[i];
	}
	*text = '\0';
}

static void
left(char *text, size_t size, double seconds)
{
	int64_t		all = (int64_t) (seconds + 0.5);

	if (all >= 3600)
		snprintf(text, size, "%" PRId64 ":%02d:%02d", all / 3600 % 100000, (int) (all / 60 % 60), (int) (all % 60));
	else
		snprintf(text, size, "%d:%02d", (int) (all / 60), (int) (all % 60));
}
