/*
 * journal.c
 *	  What the agent says of itself: a line each on standard output.
 *
 * A callback may have a secret in its path or its query, and is not named here.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "buffer.h"
#include "journal.h"
#include "text.h"

static void line(const Journal *journal, const char *kind, const char *id, const char *what, const char *why);
static void add_member(Buffer *line, const char *name, const char *value);
static void print(Buffer *line);

/* Of a listener, or of the agent where that is NULL; why may be NULL. */
void
journal_line(const Journal *journal, const char *listener, const char *what, const char *why)
{
	line(journal, listener != NULL ? "listener" : NULL, listener, what, why);
}

/* Of a job; resource is what it is one of. */
void
journal_job(const Journal *journal, const char *resource, const char *job, const char *what, const char *why)
{
	line(journal, resource, job, what, why);
}

static void
line(const Journal *journal, const char *kind, const char *id, const char *what, const char *why)
{
	Buffer		line = {NULL, 0, 0};
	char		at[32];

	if (journal->json)
	{
		journal_time(at);
		buffer_print(&line, "{\"at\": \"%s\"", at);
		add_member(&line, "agent", journal->agent);
		if (kind != NULL)
			add_member(&line, kind, id);
		add_member(&line, "what", what);
		add_member(&line, "why", why);
		buffer_print(&line, "}");
	}
	else
		buffer_print(&line, "%s %s: %s%s%s", kind != NULL ? kind : "agent", kind != NULL ? id : journal->agent,
					 what, why != NULL ? ": " : "", why != NULL ? why : "");
	print(&line);
}

void
journal_attempt(const Journal *journal, const char *listener, const char *event, int status,
				double seconds, const char *error)
{
	Buffer		line = {NULL, 0, 0};
	char		at[32];

	if (!journal->verbose)
		return;
	if (journal->json)
	{
		journal_time(at);
		buffer_print(&line, "{\"at\": \"%s\"", at);
		add_member(&line, "agent", journal->agent);
		add_member(&line, "listener", listener);
		add_member(&line, "what", "attempt");
		add_member(&line, "event", event);
		buffer_print(&line, ", \"status\": %d, \"ms\": %.0f", status, seconds * 1000);
		add_member(&line, "why", error);
		buffer_print(&line, "}");
	}
	else
		buffer_print(&line, "listener %s: event %s: %s in %.0f ms", listener, event,
					 error != NULL ? error : "delivered", seconds * 1000);
	print(&line);
}

/* Now, in UTC. */
void
journal_time(char text[32])
{
	struct timespec time;
	struct tm	tm;

	clock_gettime(CLOCK_REALTIME, &time);
	gmtime_r(&time.tv_sec, &tm);
	strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + 19, 32 - 19, ".%03ldZ", time.tv_nsec / 1000000);
}

static void
add_member(Buffer *line, const char *name, const char *value)
{
	if (value == NULL)
		return;
	buffer_print(line, ", \"%s\": ", name);
	buffer_json(line, value, strlen(value));
}

static void
print(Buffer *line)
{
	/* a server's message may have several, and an id is whatever who ordered a job says */
	text_plain(line->text);
	fwrite(line->text, 1, line->length, stdout);
	fputc('\n', stdout);
	fflush(stdout);
	buffer_free(line);
}
