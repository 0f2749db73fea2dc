/*
 * commands.c
 *	  The commands, their options, and help.
 *
 * An option is a row of a table: of which commands it is, how its value is taken,
 * and what help says of it.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "jobs.h"

#define HELP_COLUMN 30

#define OF(command) (1 << (command))
#define FILES (OF(IMPORT) | OF(EXPORT))
#define CONNECTING (FILES | OF(AGENT) | OF(JOBS) | OF(LISTENERS))
#define ALL_COMMANDS (OF(COMMANDS) - 1)

/* How a value is taken, where to, and what it is. */
#define PLACE(field) offsetof(Options, field)
#define FLAG(field) take_flag, PLACE(field), NULL, 0, 0
#define TEXT(field) take_text, PLACE(field), NULL, 0, 0
#define NUMBER(field, least, most) take_number, PLACE(field), NULL, least, most
#define WORD(take, field, allowed) take, PLACE(field), allowed, 0, 0
#define VALUE(take, allowed) take, 0, allowed, 0, 0

static void print_option(const Option *option);

static const struct
{
	const char *name;
	const char *arguments;
	const char *about;
}			commands[] = {
	[IMPORT] = {"import", " FILE|URL|-...",
		"stores the records of files.  A file has one JSON record a line,\n"
		"unless its format is another; one named *.csv is CSV.  What is packed with gzip\n"
	"or zstd is known by its first bytes."},
	[EXPORT] = {"export", " [FILE|URL|-]",
		"writes the records that a query names: one a line, unless their\n"
		"format is another; a file named *.csv is CSV, one named *.gz or *.zst is packed.\n"
	"Without a name, or with -, they go to standard output."},
	[AGENT] = {"agent", "",
		"delivers events and carries out import and export jobs, until it\n"
	"is told to stop by SIGTERM or SIGINT."},
	[JOBS] = {"jobs", "", "shows how import and export jobs go."},
	[LISTENERS] = {"listeners", "", "shows how the listeners of events are."},
	[LISTEN] = {"listen", "", "is a listener for trying: it prints the events that come."},
};

/* In the order of help; of one name and command there is one row. */
const Option command_options[] = {
	{"allow-private", 0, OF(AGENT), NULL, "go to addresses that are not the public's, too",
	FLAG(allow_private)},
	{"allow-superuser", 0, OF(AGENT), NULL, "do jobs of superusers, and as one",
	FLAG(allow_superuser)},
	{"answer", 0, OF(LISTEN), "STATUS", "HTTP status to answer with (204)",
	NUMBER(answer, 200, 599)},
	{"batch", 0, OF(IMPORT), "N", "records in a transaction (50000)",
	NUMBER(batch, 1, 200000)},
	{"batch", 0, OF(AGENT), "N", "records of a job in a transaction (50000)",
	NUMBER(batch, 1, 200000)},
	{"config", 0, FILES, "FILE", "hosts and credentials for urls",
	TEXT(file.config)},
	{"config", 0, OF(AGENT), "FILE", "directories, hosts and credentials for jobs",
	TEXT(file.config)},
	{"declared-amount", 0, OF(IMPORT), "EUR=12.00", "what the amounts in that currency come to,\nonce for each currency",
	VALUE(take_amount, "a currency and an amount, as EUR=12.00")},
	{"declared-count", 0, OF(IMPORT), "N", "how many records there are",
	VALUE(take_count, "a number of records")},
	{"delay", 0, OF(LISTEN), "MS", "milliseconds before each answer (0)",
	NUMBER(delay, 0, 600000)},
	{"delays", 0, OF(AGENT), "LIST", "when a failed event or job is tried again\n(" DELAYS ")",
	VALUE(take_delays, "a list of delays with s, m, h or d, as 5s,30s,2m")},
	{"format", 0, FILES, "ndjson|json|csv", "a record a line, one JSON array, or CSV",
	VALUE(take_format, "ndjson, json or csv")},
	{"jobs", 0, OF(AGENT), "N", "jobs at a time (4); 0 for none",
	NUMBER(jobs, 0, MOST_JOBS)},
	{"json", 0, FILES, NULL, "print the summary as JSON",
	FLAG(file.json)},
	{"json", 0, ALL_COMMANDS & ~FILES, NULL, "print JSON, an object a line",
	FLAG(json)},
	{"lease", 0, OF(AGENT), "SECONDS", "when others take the jobs of a silent one (60)",
	NUMBER(lease, 3, 3600)},
	{"mapping", 0, OF(IMPORT), "FILE", "which column of CSV is which attribute, as JSON",
	VALUE(take_mapping, NULL)},
	{"name", 0, OF(AGENT), "NAME", "what it is called (host and process)",
	WORD(take_name, name, "a name")},
	{"no-partitions", 0, OF(IMPORT), NULL, "make no partitions beforehand",
	FLAG(no_partitions)},
	{"once", 0, OF(JOBS) | OF(LISTENERS), NULL, "show them once",
	FLAG(once)},
	{"pause-all", 0, OF(AGENT), NULL, "pause all listeners and end: this is a copy",
	FLAG(pause_all)},
	{"port", 0, OF(LISTEN), "N", "port on 127.0.0.1 (8080; 0 for any)",
	NUMBER(port, 0, 65535)},
	{"query", 'q', OF(EXPORT), "QUERY", "which records, as a TMF630 query string",
	TEXT(query)},
	{"resource", 0, OF(IMPORT), "NOUN", "of which resource the records are, whatever\ntheir @type says",
	TEXT(resource)},
	{"resource", 0, OF(EXPORT), "NOUN", "of which resource the records are (usage)",
	TEXT(resource)},
	{"restart", 0, OF(IMPORT), NULL, "do not go on with a load that was broken off",
	FLAG(restart)},
	{"secret", 0, OF(LISTEN), "SECRET", "check signatures",
	VALUE(take_secret, NULL)},
	{"tmf", 0, OF(EXPORT), "r14.5|v4", "version of the standard to write",
	TEXT(version)},
	{"verbose", 'v', OF(AGENT), NULL, "print each attempt",
	FLAG(verbose)},
	{"help", '?', ALL_COMMANDS, NULL, "show this help and end",
	NULL, 0, NULL, 0, 0},
	{"dbname", 'd', CONNECTING, "DBNAME", "database, or a connection string or URI",
	TEXT(login.dbname)},
	{"host", 'h', CONNECTING, "HOSTNAME", "host of the server, or the folder of its socket",
	TEXT(login.host)},
	{"port", 'p', CONNECTING, "PORT", "port of the server",
	WORD(take_ports, login.port, "a number from 1 to 65535")},
	{"username", 'U', CONNECTING, "USERNAME", "role to connect as",
	TEXT(login.user)},
	{"no-password", 'w', CONNECTING, NULL, "never ask for a password",
	FLAG(login.ask_never)},
	{"password", 'W', CONNECTING, NULL, "ask for a password before connecting",
	FLAG(login.ask_first)},
};

_Static_assert(sizeof(command_options) / sizeof(command_options[0]) <= MOST_OPTIONS, "more options than arrays have room for");

const int	command_option_count = sizeof(command_options) / sizeof(command_options[0]);

const char *
command_name(Command command)
{
	return commands[command].name;
}

/* COMMANDS, where it is none. */
Command
command_find(const char *name)
{
	Command		command = 0;

	while (command < COMMANDS && strcmp(name, commands[command].name) != 0)
		command++;
	return command;
}

bool
command_has(Command command, const Option *option)
{
	return (option->commands & OF(command)) != 0;
}

/* Those of a mask, or all where it is 0. */
void
command_list(char *list, size_t size, int mask, const char *last)
{
	size_t		used = 0;

	mask = mask != 0 ? mask : ALL_COMMANDS;
	for (Command command = 0; command < COMMANDS; command++)
	{
		int			left = mask >> command;

		if (left & 1)
			used += snprintf(list + used, size - used, "%s%s%s%s", used == 0 ? "" : left > 1 ? ", " : " ",
							 used > 0 && left == 1 ? last : "", used > 0 && left == 1 ? " " : "", commands[command].name);
	}
}

/* Of one command, or of all. */
void
command_help(Command command)
{
	if (command == COMMANDS)
		puts("usagectl moves usage records between files and a database with usage_mgmt,\n"
			 "delivers its events, and carries out its import and export jobs.\n\nUsage:");
	else
		printf("usagectl %s %s\n\nUsage:\n", commands[command].name, commands[command].about);
	for (Command c = 0; c < COMMANDS; c++)
		if (command == COMMANDS || command == c)
			printf("  usagectl %s [OPTION]...%s\n", commands[c].name, commands[c].arguments);
	if (command == COMMANDS)
		puts("\n\"usagectl import --help\" shows the options of import, and so with each command;\n"
			 "\"usagectl --version\" shows the version.");
	for (int section = 0; section < 2 && command != COMMANDS; section++)
	{
		if (section == 0 || (CONNECTING & OF(command)))
			puts(section == 0 ? "\nOptions:" : "\nConnection options:");
		for (int row = 0; row < command_option_count; row++)
			if (command_has(command, &command_options[row]) && (command_options[row].commands == CONNECTING) == (section == 1))
				print_option(&command_options[row]);
	}
	if (command == COMMANDS || (FILES & OF(command)))
		puts("\nThe exit status is 0 if all was stored or was there already, 1 if some records\n"
			 "were rejected or in conflict, or differ from what was declared, 2 if it failed.");
}

static void
print_option(const Option *option)
{
	char		letter[] = {option->letter != 0 ? '-' : ' ', option->letter != 0 ? option->letter : ' ',
	option->letter != 0 ? ',' : ' ', '\0'};
	int			width = printf("  %s --%s%s%s", letter, option->name, option->value != NULL ? "=" : "",
							   option->value != NULL ? option->value : "");

	for (const char *line = option->help; line != NULL; line = strchr(line, '\n'))
	{
		line += *line == '\n';
		if (line != option->help || width > HELP_COLUMN - 2)
		{
			putchar('\n');
			width = 0;
		}
		printf("%*s%.*s", HELP_COLUMN - width, "", (int) strcspn(line, "\n"), line);
	}
	putchar('\n');
}
