/*
 * main.c
 *	  usagectl: usage records into the store and out of it.
 *
 * Reads the arguments.  The exit status is 0 when all was stored (or was there
 * already), 1 when some records were rejected or in conflict or the sums differ
 * from what was declared, 2 when it failed.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "import.h"

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
static const char *declare_all(Declared *declared);
static bool declare_count(Declared *declared, const char *count);
static bool declare_amount(Declared *declared, const char *amount);
static bool is_number(const char *text);
static bool between(const char *text, long least, long most, int *number);

int
main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "import") == 0)
		return import_command(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "export") == 0)
		return export_command(argc - 1, argv + 1);
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
	fputs("usagectl moves usage records between files and a database with usage_mgmt.\n"
		  "\n"
		  "Usage:\n"
		  "  usagectl import [OPTION]... FILE|-...\n"
		  "  usagectl export [OPTION]... [FILE|-]\n"
		  "\n"
		  "Files have one JSON record a line; those named *.gz are compressed.\n"
		  "\n"
		  "Options of both:\n"
		  "  -d, --dbname=NAME           database, or a connection string\n"
		  "      --json                  print the summary as JSON\n"
		  "      --resource=NOUN         of which resource the records are; in an import\n"
		  "                              whatever their @type says\n"
		  "Options of import:\n"
		  "      --batch=N               records in a transaction (50000)\n"
		  "      --declared-amount=EUR=12.00\n"
		  "                              what the amounts in that currency come to\n"
		  "      --declared-count=N      how many records there are\n"
		  "      --no-partitions         make no partitions beforehand\n"
		  "      --restart               do not go on with a load that was broken off\n"
		  "Options of export:\n"
		  "  -q, --query=QUERY           which records, as a TMF630 query string\n"
		  "      --tmf=r14.5|v4          version of the standard to write\n"
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
		{"dbname", required_argument, NULL, 'd'},
		{"declared-amount", required_argument, NULL, 'a'},
		{"declared-count", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{"json", no_argument, NULL, 'j'},
		{"no-partitions", no_argument, NULL, 'p'},
		{"resource", required_argument, NULL, 'o'},
		{"restart", no_argument, NULL, 'r'},
		{NULL, 0, NULL, 0}
	};
	ImportOptions options = {50000, true, false, false, NULL, NULL};
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
		else if (option == 'j')
			options.json = true;
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
		ExitStatus	one = import_file(&options, conn, argv[optind]);

		status = one > status ? one : status;
	}
	PQfinish(conn);
	return status;
}

static int
export_command(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"dbname", required_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{"json", no_argument, NULL, 'j'},
		{"query", required_argument, NULL, 'q'},
		{"resource", required_argument, NULL, 'o'},
		{"tmf", required_argument, NULL, 't'},
		{NULL, 0, NULL, 0}
	};
	ExportOptions options = {"", NULL, NULL, false};
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
		else if (option == 'j')
			options.json = true;
		else if (option == 'h')
			return usage(stdout);
		else
			return usage(stderr);
	if (argc - optind > 1)
		return usage(stderr);
	conn = connect_to(dbname);
	if (conn == NULL)
		return FAILED;
	status = export_file(&options, conn, optind < argc ? argv[optind] : "-");
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
