/*
 * options.c
 *	  The command line.
 *
 * A mistake is one line that says what was found, and where it can, what is
 * allowed; a second one says where help is.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "config.h"
#include "import.h"
#include "jobs.h"

#define LONG_ONLY 256			/* what getopt calls the first option, and so on */

static Reading read_all(Options *options, int argc, char **argv);
static void make_getopt(Command command, struct option *longs, char *letters);
static int	find_row(Command command, int code);
static bool take_row(Options *options, int row, bool again, char *value);
static bool explain(const Options *options, int code, const char *argument);
static bool explain_name(const Options *options, const char *argument);
static bool elsewhere(const Options *options, const Option *option);
static bool check(const Options *options);
static bool check_config(const Options *options);
static bool check_import(const Options *options);
static bool is_csv(const Options *options, const char *name);

/* What is not said is as the options have it that are usual. */
Reading
options_read(Options *options, int argc, char **argv)
{
	static const Options usual = {.command = COMMANDS, .batch = BATCH, .query = "", .jobs = 4,
	.lease = LEASE_OF_JOBS, .answer = 204, .port = 8080};
	const char *word = argc > 1 ? argv[1] : NULL;
	char		known[100];

	*options = usual;
	delays_read(&options->delays, DELAYS);
	if (word != NULL && (strcmp(word, "--help") == 0 || strcmp(word, "-?") == 0))
	{
		command_help(COMMANDS);
		return OPTIONS_ANSWERED;
	}
	if (word != NULL && (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0))
	{
		puts("usagectl " USAGECTL_VERSION);
		return OPTIONS_ANSWERED;
	}
	if (word != NULL)
		options->command = command_find(word);
	if (options->command != COMMANDS)
		return read_all(options, argc - 1, argv + 1);
	command_list(known, sizeof(known), 0, "or");
	if (word != NULL)
		mistake(options, "\"%s\" is no command: it comes first, and is %s", word, known);
	else
		mistake(options, "there is no command: it comes first, and is %s", known);
	return OPTIONS_WRONG;
}

/* Says it, with where help is.  Always false, for the caller to return. */
bool
mistake(const Options *options, const char *format,...)
{
	char		text[1000];
	va_list		arguments;
	bool		whole = options->command == COMMANDS;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	complain("%s", text);
	fprintf(stderr, "Try \"usagectl%s%s --help\" for more information.\n", whole ? "" : " ",
			whole ? "" : command_name(options->command));
	return false;
}

static Reading
read_all(Options *options, int argc, char **argv)
{
	struct option longs[MOST_OPTIONS + 1];
	char		letters[2 * MOST_OPTIONS + 2];
	bool		given[MOST_OPTIONS];
	int			code;

	memset(given, 0, sizeof(given));
	make_getopt(options->command, longs, letters);
	opterr = 0;
	while ((code = getopt_long(argc, argv, letters, longs, NULL)) != -1)
	{
		int			row = find_row(options->command, code != '?' && code != ':' ? code : optopt == '?' ? '?' : -1);

		if (row < 0)
		{
			explain(options, code, argv[optind - 1]);
			return OPTIONS_WRONG;
		}
		if (command_options[row].take == NULL)
		{
			command_help(options->command);
			return OPTIONS_ANSWERED;
		}
		if (!take_row(options, row, given[row], optarg))
			return OPTIONS_WRONG;
		given[row] = true;
	}
	options->arguments = argv + optind;
	options->count = argc - optind;
	return check(options) ? OPTIONS_READ : OPTIONS_WRONG;
}

/* -? is what getopt calls a mistake. */
static void
make_getopt(Command command, struct option *longs, char *letters)
{
	*letters++ = ':';
	for (int row = 0; row < command_option_count; row++)
	{
		const Option *option = &command_options[row];

		if (!command_has(command, option))
			continue;
		*longs++ = (struct option) {option->name, option->value != NULL ? required_argument : no_argument, NULL, LONG_ONLY + row};
		if (option->letter == 0 || option->letter == '?')
			continue;
		*letters++ = option->letter;
		if (option->value != NULL)
			*letters++ = ':';
	}
	*letters = '\0';
	*longs = (struct option) {NULL, 0, NULL, 0};
}

static bool
take_row(Options *options, int row, bool again, char *value)
{
	const Option *option = &command_options[row];
	Taken		taken;

	/* what starts an agent has options for it, which its environment may overrule */
	if (again && option->value != NULL && option->take != take_amount && options->command != AGENT)
		return mistake(options, "--%s is given twice", option->name);
	taken = option->take(options, option, value);
	if (taken == NO_VALUE && option->take == take_number)
		return mistake(options, "--%s: \"%s\" is not a number from %d to %d", option->name, value, option->least, option->most);
	if (taken == NO_VALUE)
		return mistake(options, "--%s: \"%s\" is not %s", option->name, value, option->allowed);
	return taken == TAKEN;
}

/* Of what getopt calls it; -1 for none. */
static int
find_row(Command command, int code)
{
	for (int row = 0; row < command_option_count; row++)
		if (command_has(command, &command_options[row]) && (code == LONG_ONLY + row || (code > 0 && code == command_options[row].letter)))
			return row;
	return -1;
}

/* ---- mistakes ---- */

/* What getopt could not make an option of. */
static bool
explain(const Options *options, int code, const char *argument)
{
	int			row = find_row(options->command, optopt);

	if (code == ':')
		return mistake(options, "--%s needs a value: --%s=%s", command_options[row].name, command_options[row].name, command_options[row].value);
	if (row >= 0)
		return mistake(options, "--%s takes no value", command_options[row].name);
	if (optopt == 0)
		return explain_name(options, argument);
	for (row = 0; row < command_option_count; row++)
		if (command_options[row].letter == optopt)
			return elsewhere(options, &command_options[row]);
	return mistake(options, "%s has no option \"-%c\"", command_name(options->command), optopt);
}

/* A long one: it may mean several, or be one of another command. */
static bool
explain_name(const Options *options, const char *argument)
{
	const char *name = argument + 2;
	size_t		length = strcspn(name, "=");
	Buffer		several = {.length = 0};
	bool		said = false;

	for (int row = 0; row < command_option_count; row++)
		if (command_has(options->command, &command_options[row]) && strncmp(command_options[row].name, name, length) == 0)
			buffer_print(&several, "%s--%s", several.length > 0 ? " or " : "", command_options[row].name);
	if (several.length > 0)
		mistake(options, "\"--%.*s\" may be %s", (int) length, name, several.text);
	for (int row = 0; row < command_option_count && several.length == 0 && !said; row++)
		if (strlen(command_options[row].name) == length && strncmp(command_options[row].name, name, length) == 0)
			said = !elsewhere(options, &command_options[row]);
	if (several.length == 0 && !said)
		mistake(options, "%s has no option \"--%.*s\"", command_name(options->command), (int) length, name);
	buffer_free(&several);
	return false;
}

static bool
elsewhere(const Options *options, const Option *option)
{
	char		list[100];
	int			mask = 0;

	for (int row = 0; row < command_option_count; row++)
		if (strcmp(command_options[row].name, option->name) == 0)
			mask |= command_options[row].commands;
	command_list(list, sizeof(list), mask, "and");
	return mistake(options, "--%s is an option of %s, not of %s", option->name, list, command_name(options->command));
}

/* What each option says is right, and all together may be wrong. */
static bool
check(const Options *options)
{
	const char *name = command_name(options->command);
	int			most = options->command == IMPORT ? options->count : options->command == EXPORT ? 1 : 0;

	if (options->login.ask_first && options->login.ask_never)
		return mistake(options, "--password and --no-password exclude each other");
	if (options->count > most && most == 0)
		return mistake(options, "%s takes no arguments, and \"%s\" is one", name, options->arguments[0]);
	if (options->count > most)
		return mistake(options, "%s takes one file, and \"%s\" is another", name, options->arguments[most]);
	return check_config(options) && (options->command != IMPORT || check_import(options));
}

/*
 * It is read anew where it is needed; what is wrong with it is heard at once.  An
 * agent needs none for events alone.
 */
static bool
check_config(const Options *options)
{
	Trouble		trouble = {false, ""};
	Config	   *config;

	if (options->file.config == NULL || (options->command == AGENT && (options->jobs == 0 || options->pause_all)))
		return true;
	config = config_read(options->file.config, &trouble);
	if (config == NULL)
		complain("--config: %s", trouble.text);
	config_free(config);
	return config != NULL;
}

static bool
check_import(const Options *options)
{
	if (options->count == 0)
		return mistake(options, "import needs a file: FILE, URL or - for standard input");
	if (options->count > 1 && declared_any(&options->declared))
		return mistake(options, "what is declared is of one file, and there are %d", options->count);
	for (int i = 0; i < options->count && options->file.mapping != NULL; i++)
		if (!is_csv(options, options->arguments[i]))
			return mistake(options, "--mapping is for CSV, and \"%s\" is not read as CSV: --format=csv has it so", options->arguments[i]);
	return true;
}

/* A url may have a query behind its name. */
static bool
is_csv(const Options *options, const char *name)
{
	char	   *path = strndup(name, strstr(name, "://") != NULL ? strcspn(name, "?") : strlen(name));
	bool		csv = options->file.format_given ? options->file.format == FORMAT_CSV : format_of_file(path) == FORMAT_CSV;

	free(path);
	return csv;
}
