/*
 * remote.c
 *	  What remote.h does, for tests, a verb at a time.
 *
 *		remote [-a] [-f CONFIG] [-r ROLE] [-c CREDENTIAL] [-t TAG] [-g SECONDS] [-p] VERB URL [FILE|NAME]
 *
 * Verbs are check, get, put, list, rename and remove.  Trouble is a line on standard
 * error, "lasts: " or "passes: " and its text, and status 1 or 3.
 */
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "connection.h"
#include "remote.h"

/* When it is given up, or 0; and how often it was asked. */
static time_t until;
static int	asked;

static int	tell(const Trouble *trouble);
static bool go_on(void *context);
static bool carry_out(const char *verb, Place *place, const char *argument, bool polled, Trouble *trouble);
static bool get(Place *place, bool polled, Trouble *trouble);
static long memory(void);
static bool put(Place *place, const char *file, Trouble *trouble);
static bool list(Place *place, Trouble *trouble);

int
main(int argc, char **argv)
{
	const char *file = NULL;
	const char *credential = NULL;
	Config		wishes = {0};
	bool		polled = false;
	Trouble		trouble = {false, ""};
	Config	   *config;
	Place	   *place;
	bool		good;
	int			option;

	while ((option = getopt(argc, argv, "af:r:c:t:g:p")) != -1)
		switch (option)
		{
			case 'a':
				wishes.any_file = true;
				break;
			case 'f':
				file = optarg;
				break;
			case 'r':
				wishes.ordered_by = optarg;
				break;
			case 'c':
				credential = optarg;
				break;
			case 't':
				wishes.tag = optarg;
				break;
			case 'g':
				until = time(NULL) + atoi(optarg);
				break;
			case 'p':
				polled = true;
				break;
			default:
				return 2;
		}
	if (argc - optind < 2)
		return 2;
	config = config_read(file, &trouble);
	if (config == NULL)
		return tell(&trouble);
	config->any_file = wishes.any_file;
	config->ordered_by = wishes.ordered_by;
	config->tag = wishes.tag;
	config->tick = go_on;
	place = place_of(config, argv[optind + 1], credential, &trouble);
	good = place != NULL && carry_out(argv[optind], place, argv[optind + 2], polled, &trouble);
	place_free(place);
	config_free(config);
	return good ? 0 : tell(&trouble);
}

static bool
carry_out(const char *verb, Place *place, const char *argument, bool polled, Trouble *trouble)
{
	char	   *beside;

	if (strcmp(verb, "get") == 0)
		return get(place, polled, trouble);
	if (strcmp(verb, "put") == 0)
		return put(place, argument, trouble);
	if (strcmp(verb, "list") == 0)
		return list(place, trouble);
	if (strcmp(verb, "rename") == 0)
		return place_rename(place, argument, trouble);
	if (strcmp(verb, "remove") == 0)
		return place_remove(place, trouble);
	beside = place_beside(place, ".manifest.json");
	printf("%s %s %s\n", place_shown(place), place_name(place), beside);
	free(beside);
	return true;
}

static int
tell(const Trouble *trouble)
{
	fprintf(stderr, "%s: %s\n", trouble->lasting ? "lasts" : "passes", trouble->text);
	return trouble->lasting ? 1 : 3;
}

static bool
go_on(void *context)
{
	(void) context;
	asked++;
	return until == 0 || time(NULL) < until;
}

/* To standard output; polled, without ever waiting in a read, and with the memory that it took. */
static bool
get(Place *place, bool polled, Trouble *trouble)
{
	static char buffer[64 * 1024];
	Stream	   *stream = stream_open(place, trouble);
	ssize_t		n = 0;
	int			waits = 0;

	if (stream == NULL)
		return false;
	do
	{
		while (polled && !stream_ready(stream))
		{
			usleep(1000);
			waits++;
		}
		n = stream_read(stream, buffer, sizeof(buffer));
		if (n > 0)
			fwrite(buffer, 1, n, stdout);
	} while (n > 0);
	fflush(stdout);
	if (n < 0)
		*trouble = *stream_trouble(stream);
	else
		fprintf(stderr, "size %lld, %ld kB, waited %d, asked %d\n", (long long) stream_size(stream), memory(),
				waits, asked);
	stream_close(stream);
	return n == 0;
}

/* The most that this program had, in kB. */
static long
memory(void)
{
	char		line[200];
	long		most = -1;
	FILE	   *status = fopen("/proc/self/status", "r");

	while (status != NULL && fgets(line, sizeof(line), status) != NULL)
		sscanf(line, "VmHWM: %ld", &most);
	if (status != NULL)
		fclose(status);
	return most;
}

static bool
put(Place *place, const char *file, Trouble *trouble)
{
	int			fd = open(file, O_RDONLY);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char hash[EVP_MAX_MD_SIZE];
	char		hex[65];
	char		buffer[64 * 1024];
	struct stat status;
	ssize_t		n;

	if (fd < 0 || fstat(fd, &status) < 0)
		return trouble_lasts(trouble, "no %s", file);
	EVP_DigestInit_ex(context, EVP_sha256(), NULL);
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		EVP_DigestUpdate(context, buffer, n);
	EVP_DigestFinal_ex(context, hash, NULL);
	EVP_MD_CTX_free(context);
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	return place_put(place, fd, status.st_size, hex, "application/x-ndjson", trouble);
}

static bool
list(Place *place, Trouble *trouble)
{
	PlaceFile  *files;
	int			count;

	if (!place_list(place, &files, &count, trouble))
		return false;
	for (int i = 0; i < count; i++)
		printf("%s %lld %s\n", files[i].name, (long long) files[i].size, files[i].url);
	place_files_free(files, count);
	return true;
}

/* buffer.c's last words */
void
complain(const char *format,...)
{
	va_list		arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
}
