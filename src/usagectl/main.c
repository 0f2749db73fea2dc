/*
 * main.c
 *	  usagectl: usage records into the store and out of it, at once or as jobs,
 *	  and events to their listeners.
 *
 * Reads the arguments.  The exit status is 0 when all was stored (or was there
 * already), or an agent was told to stop; 1 when some records were rejected or
 * in conflict or the sums differ from what was declared, 2 when it failed.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "files.h"
#include "jobs_show.h"
#include "listen.h"
#include "listeners.h"

#define MAPPING (1024 * 1024)	/* bytes of one, with room to spare */

/* Declared amounts, one after the other, as the members of a JSON object. */
typedef struct Declared
{
	char		read[40];
	char		amounts[2000];
	char		all[2100];
} Declared;

static int	usage(FILE *out);
static int	import_command(int argc, char **argv);
static int	export_command(int argc, char **argv);
static bool take_format(FileOptions *file, const char *word);
static bool read_mapping(FileOptions *file, const char *name);
static ExitStatus pause_listeners(const char *dbname);
static int	agent_command(int argc, char **argv);
static int	listen_command(int argc, char **argv);
static bool take_secret(Secret *secret, char *text);
static int	listeners_command(int argc, char **argv);
static int	jobs_command(int argc, char **argv);
static int	show(int argc, char **argv, ExitStatus (*what) (PGconn *conn, bool json, bool once));
static const char *declare_all(Declared *declared);
static bool declare_count(Declared *declared, const char *count);
static bool declare_amount(Declared *declared, const char *amount);
static bool is_number(const char *text);
static bool between(const char *text, long least, long most, int *number);

int
main(int argc, char **argv)
{
	static const struct
	{
		const char *name;
		int			(*run) (int argc, char **argv);
	}			commands[] = {
		{"import", import_command},
		{"export", export_command},
		{"agent", agent_command},
		{"listen", listen_command},
		{"listeners", listeners_command},
		{"jobs", jobs_command},
	};

	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-?") == 0))
		return usage(stdout);
	if (argc > 1 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0))
	{
		puts("usagectl " USAGECTL_VERSION);
		return ALL_DONE;
	}
	return usage(stderr);
}

static int
usage(FILE *out)
{
	fputs("usagectl moves usage records between files and a database with usage_mgmt,\n"
		  "delivers its events, and carries out its import and export jobs.\n"
		  "\n"
		  "Usage:\n"
		  "  usagectl import [OPTION]... FILE|URL|-...\n"
		  "  usagectl export [OPTION]... [FILE|URL|-]\n"
		  "  usagectl agent [OPTION]...\n"
		  "  usagectl jobs [OPTION]...\n"
		  "  usagectl listeners [OPTION]...\n"
		  "  usagectl listen [OPTION]...\n"
		  "\n"
		  "Files have one JSON record a line, unless their format is another; those named\n"
		  "*.csv are CSV, those named *.gz or *.zst are compressed.\n"
		  "\n"
		  "Options of several:\n"
		  "  -d, --dbname=NAME           database, or a connection string\n"
		  "      --json                  print as JSON\n"
		  "Options of import and export:\n"
		  "      --config=FILE           hosts and credentials for urls\n"
		  "      --format=ndjson|json|csv\n"
		  "                              a record a line, one JSON array, or CSV\n"
		  "      --resource=NOUN         of which resource the records are; in an import\n"
		  "                              whatever their @type says\n"
		  "Options of import:\n"
		  "      --batch=N               records in a transaction (50000)\n"
		  "      --declared-amount=EUR=12.00\n"
		  "                              what the amounts in that currency come to\n"
		  "      --declared-count=N      how many records there are\n"
		  "      --mapping=FILE          which column of CSV is which attribute, as JSON\n"
		  "      --no-partitions         make no partitions beforehand\n"
		  "      --restart               do not go on with a load that was broken off\n"
		  "Options of export:\n"
		  "  -q, --query=QUERY           which records, as a TMF630 query string\n"
		  "      --tmf=r14.5|v4          version of the standard to write\n"
		  "Options of agent:\n"
		  "      --allow-private         go to addresses that are not the public's, too\n"
		  "      --allow-superuser       do jobs of superusers, and as one\n"
		  "      --batch=N               records of a job in a transaction (50000)\n"
		  "      --config=FILE           directories, hosts and credentials for jobs\n"
		  "      --delays=LIST           when a failed event or job is tried again\n"
		  "                              (" DELAYS ")\n"
		  "      --jobs=N                jobs at a time (4); 0 for none\n"
		  "      --lease=SECONDS         when others take the jobs of a silent one (60)\n"
		  "      --name=NAME             what it is called (host and process)\n"
		  "      --pause-all             pause all listeners and end: this is a copy\n"
		  "  -v, --verbose               print each attempt\n"
		  "Options of jobs and listeners:\n"
		  "      --once                  show them once\n"
		  "Options of listen:\n"
		  "      --answer=STATUS         HTTP status to answer with (204)\n"
		  "      --delay=MS              milliseconds before each answer (0)\n"
		  "      --port=N                port on 127.0.0.1 (8080; 0 for any)\n"
		  "      --secret=SECRET         check signatures\n"
		  "\n"
		  "The exit status is 0 if all was stored or was there already, 1 if some records\n"
		  "were rejected or in conflict, or differ from what was declared, 2 if it failed.\n", out);
	return out == stdout ? ALL_DONE : FAILED;
}

static int
import_command(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"batch", required_argument, NULL, 'b'},
		{"config", required_argument, NULL, 'C'},
		{"dbname", required_argument, NULL, 'd'},
		{"declared-amount", required_argument, NULL, 'a'},
		{"declared-count", required_argument, NULL, 'c'},
		{"format", required_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'},
		{"json", no_argument, NULL, 'j'},
		{"mapping", required_argument, NULL, 'm'},
		{"no-partitions", no_argument, NULL, 'p'},
		{"resource", required_argument, NULL, 'o'},
		{"restart", no_argument, NULL, 'r'},
		{NULL, 0, NULL, 0}
	};
	ImportOptions options = {.batch = BATCH, .partitions = true};
	FileOptions file = {.config = NULL};
	Declared	declared = {"", "", ""};
	const char *dbname = NULL;
	ExitStatus	status = ALL_DONE;
	PGconn	   *conn;
	int			option;

	while ((option = getopt_long(argc, argv, "d:", long_options, NULL)) != -1)
		if (option == 'b' && between(optarg, 1, 200000, &options.batch))
			continue;
		else if (option == 'd')
			dbname = optarg;
		else if (option == 'a' && declare_amount(&declared, optarg))
			continue;
		else if (option == 'c' && declare_count(&declared, optarg))
			continue;
		else if (option == 'f' && take_format(&file, optarg))
			continue;
		else if (option == 'm' && read_mapping(&file, optarg))
			continue;
		else if (option == 'C')
			file.config = optarg;
		else if (option == 'j')
			file.json = true;
		else if (option == 'o')
			options.resource = optarg;
		else if (option == 'p')
			options.partitions = false;
		else if (option == 'r')
			options.restart = true;
		else if (option == 'h')
			return usage(stdout);
		else
		{
			if (option != '?')
				complain("\"%s\" is no value for that option", optarg);
			return usage(stderr);
		}
	if (optind == argc)
		return usage(stderr);
	if (argc - optind > 1 && (declared.read[0] != '\0' || declared.amounts[0] != '\0'))
	{
		complain("what is declared is of one file");
		return FAILED;
	}
	options.declared = declare_all(&declared);
	conn = connect_to(dbname);
	if (conn == NULL)
		return FAILED;
	for (; optind < argc && status != FAILED; optind++)
	{
		ExitStatus	one = import_file(&options, conn, argv[optind], &file);

		status = one > status ? one : status;
	}
	PQfinish(conn);
	free(file.mapping);
	return status;
}

static int
export_command(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"config", required_argument, NULL, 'C'},
		{"dbname", required_argument, NULL, 'd'},
		{"format", required_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'},
		{"json", no_argument, NULL, 'j'},
		{"query", required_argument, NULL, 'q'},
		{"resource", required_argument, NULL, 'o'},
		{"tmf", required_argument, NULL, 't'},
		{NULL, 0, NULL, 0}
	};
	ExportOptions options = {.query = ""};
	FileOptions file = {.config = NULL};
	const char *dbname = NULL;
	ExitStatus	status;
	PGconn	   *conn;
	int			option;

	while ((option = getopt_long(argc, argv, "d:q:", long_options, NULL)) != -1)
		if (option == 'd')
			dbname = optarg;
		else if (option == 'q')
			options.query = optarg;
		else if (option == 'o')
			options.resource = optarg;
		else if (option == 't')
			options.version = optarg;
		else if (option == 'f' && take_format(&file, optarg))
			continue;
		else if (option == 'C')
			file.config = optarg;
		else if (option == 'j')
			file.json = true;
		else if (option == 'h')
			return usage(stdout);
		else
		{
			if (option == 'f')
				complain("\"%s\" is no value for that option", optarg);
			return usage(stderr);
		}
	if (argc - optind > 1)
		return usage(stderr);
	conn = connect_to(dbname);
	if (conn == NULL)
		return FAILED;
	status = export_file(&options, conn, optind < argc ? argv[optind] : "-", &file);
	PQfinish(conn);
	return status;
}

static bool
take_format(FileOptions *file, const char *word)
{
	file->format_given = format_of_name(word, &file->format);
	return file->format_given;
}

/* All of a file; what it says is judged by the server, and that there is none in it not. */
static bool
read_mapping(FileOptions *file, const char *name)
{
	FILE	   *in = fopen(name, "r");
	char	   *text = calloc(1, MAPPING + 1);
	size_t		length = in != NULL && text != NULL ? fread(text, 1, MAPPING, in) : 0;

	if (in == NULL || length == 0 || length == MAPPING)
		complain("could not read a mapping from \"%s\": %s", name,
				 in == NULL ? strerror(errno) : length == 0 ? "it is empty" : "it is too long");
	if (in != NULL)
		fclose(in);
	free(file->mapping);
	file->mapping = text;
	return length > 0 && length < MAPPING;
}

static ExitStatus
pause_listeners(const char *dbname)
{
	PGconn	   *conn = connect_to(dbname);
	ExitStatus	status;

	if (conn == NULL)
		return FAILED;
	status = listeners_pause(conn);
	PQfinish(conn);
	return status;
}

static int
agent_command(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"allow-private", no_argument, NULL, 'p'},
		{"allow-superuser", no_argument, NULL, 's'},
		{"batch", required_argument, NULL, 'b'},
		{"config", required_argument, NULL, 'c'},
		{"dbname", required_argument, NULL, 'd'},
		{"delays", required_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{"jobs", required_argument, NULL, 'J'},
		{"json", no_argument, NULL, 'j'},
		{"lease", required_argument, NULL, 'L'},
		{"name", required_argument, NULL, 'n'},
		{"pause-all", no_argument, NULL, 'P'},
		{"verbose", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0}
	};
	AgentOptions options = {.jobs = {.most = 4, .batch = BATCH, .lease = LEASE_OF_JOBS}};
	const char *dbname = NULL;
	bool		pause_all = false;
	int			option;

	delays_read(&options.delays, DELAYS);
	while ((option = getopt_long(argc, argv, "d:v", long_options, NULL)) != -1)
		if (option == 'd')
			dbname = optarg;
		else if (option == 'l' && delays_read(&options.delays, optarg))
			continue;
		else if (option == 'b' && between(optarg, 1, 200000, &options.jobs.batch))
			continue;
		else if (option == 'J' && between(optarg, 0, MOST_JOBS, &options.jobs.most))
			continue;
		else if (option == 'L' && between(optarg, 3, 3600, &options.jobs.lease))
			continue;
		else if (option == 'c')
			options.jobs.config = optarg;
		else if (option == 's')
			options.jobs.allow_superuser = true;
		else if (option == 'n' && optarg[0] != '\0')
			options.name = optarg;
		else if (option == 'p')
			options.allow_private = true;
		else if (option == 'P')
			pause_all = true;
		else if (option == 'j')
			options.json = true;
		else if (option == 'v')
			options.verbose = true;
		else if (option == 'h')
			return usage(stdout);
		else
		{
			if (option != '?')
				complain("\"%s\" is no value for that option", optarg);
			return usage(stderr);
		}
	if (optind < argc)
		return usage(stderr);
	return pause_all ? pause_listeners(dbname) : agent_run(&options, dbname);
}

static int
listen_command(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"answer", required_argument, NULL, 'a'},
		{"delay", required_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{"json", no_argument, NULL, 'j'},
		{"port", required_argument, NULL, 'p'},
		{"secret", required_argument, NULL, 's'},
		{NULL, 0, NULL, 0}
	};
	ListenOptions options = {8080, 204, 0, false, {0, {0}}};
	int			option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (option == 'a' && between(optarg, 200, 599, &options.answer))
			continue;
		else if (option == 'd' && between(optarg, 0, 600000, &options.delay))
			continue;
		else if (option == 'p' && between(optarg, 0, 65535, &options.port))
			continue;
		else if (option == 's' && take_secret(&options.secret, optarg))
			continue;
		else if (option == 'j')
			options.json = true;
		else if (option == 'h')
			return usage(stdout);
		else
		{
			if (option == 's')
				complain("the secret is none: it is whsec_ and base64");
			else if (option != '?')
				complain("\"%s\" is no value for that option", optarg);
			return usage(stderr);
		}
	if (optind < argc)
		return usage(stderr);
	return listen_run(&options);
}

/* Others see our arguments: it must not stay there. */
static bool
take_secret(Secret *secret, char *text)
{
	bool		taken = webhook_secret(secret, text);

	memset(text, 'x', strlen(text));
	return taken;
}

static int
listeners_command(int argc, char **argv)
{
	return show(argc, argv, listeners_show);
}

static int
jobs_command(int argc, char **argv)
{
	return show(argc, argv, jobs_show);
}

static int
show(int argc, char **argv, ExitStatus (*what) (PGconn *conn, bool json, bool once))
{
	static const struct option long_options[] = {
		{"dbname", required_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{"json", no_argument, NULL, 'j'},
		{"once", no_argument, NULL, 'o'},
		{NULL, 0, NULL, 0}
	};
	const char *dbname = NULL;
	bool		json = false;
	bool		once = false;
	ExitStatus	status;
	PGconn	   *conn;
	int			option;

	while ((option = getopt_long(argc, argv, "d:", long_options, NULL)) != -1)
		if (option == 'd')
			dbname = optarg;
		else if (option == 'j')
			json = true;
		else if (option == 'o')
			once = true;
		else if (option == 'h')
			return usage(stdout);
		else
			return usage(stderr);
	if (optind < argc)
		return usage(stderr);
	conn = connect_to(dbname);
	if (conn == NULL)
		return FAILED;
	status = what(conn, json, once);
	PQfinish(conn);
	return status;
}

/* Count and amounts as one object. */
static const char *
declare_all(Declared *declared)
{
	bool		amounts = declared->amounts[0] != '\0';

	snprintf(declared->all, sizeof(declared->all), "{%s%s%s%s%s}", declared->read,
			 declared->read[0] != '\0' && amounts ? ", " : "", amounts ? "\"amounts\": {" : "",
			 declared->amounts, amounts ? "}" : "");
	return declared->all;
}

static bool
declare_count(Declared *declared, const char *count)
{
	if (strspn(count, "0123456789") != strlen(count) || count[0] == '\0' || strlen(count) > 18)
		return false;
	snprintf(declared->read, sizeof(declared->read), "\"read\": %lld", strtoll(count, NULL, 10));
	return true;
}

/* EUR=12.00 */
static bool
declare_amount(Declared *declared, const char *amount)
{
	size_t		used = strlen(declared->amounts);

	if (strlen(amount) > 200 || used + 300 > sizeof(declared->amounts) ||
		strspn(amount, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3 || amount[3] != '=' || !is_number(amount + 4))
		return false;
	snprintf(declared->amounts + used, sizeof(declared->amounts) - used, "%s\"%.3s\": %s",
			 used > 0 ? ", " : "", amount, amount + 4);
	return true;
}

/* A number as JSON has it, without an exponent. */
static bool
is_number(const char *text)
{
	size_t		whole;

	text += *text == '-';
	whole = strspn(text, "0123456789");
	if (whole == 0 || (whole > 1 && text[0] == '0'))
		return false;
	text += whole;
	return *text == '\0' || (*text == '.' && text[1] != '\0' && strspn(text + 1, "0123456789") == strlen(text + 1));
}

static bool
between(const char *text, long least, long most, int *number)
{
	char	   *end;
	long		value = strtol(text, &end, 10);

	*number = (int) value;
	return isdigit((unsigned char) text[0]) && *end == '\0' && value >= least && value <= most;
}
