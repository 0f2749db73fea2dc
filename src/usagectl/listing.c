/*
 * listing.c
 *	  What is in a folder, and its files renamed and removed.
 *
 * A name is a server's word, and becomes part of a path: one that has a slash
 * or a control character in it, or no end, is passed over, and so are folders,
 * links, hidden files and those that are not whole yet.
 */
#include <dirent.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buffer.h"
#include "exchange.h"
#include "local.h"

#define MOST (64 * 1024 * 1024) /* bytes of a list */
#define LONGEST 1000			/* bytes of a name: no file system has one */

typedef struct Listing
{
	const Place *place;
	Buffer		pattern;		/* as fnmatch has it */
	PlaceFile  *files;
	int			count;
	int			space;
} Listing;

/* What one line of a list says: a name, in that line, a size, and a time as it stands there, or NULL. */
typedef bool (*ReadLine) (char *line, char **name, int64_t *size, char **time);

static bool may_be_listed(const Place *place, Trouble *trouble);
static bool change(const Place *place, const char *name, Trouble *trouble);
static bool list_local(Listing *listing, Trouble *trouble);
static bool list_ftp(Listing *listing, Trouble *trouble);
static bool list_server(Listing *listing, const char *command, bool names, ReadLine read, long *status,
						Trouble *trouble);
static void read_lines(Listing *listing, char *text, ReadLine read);
static bool read_facts(char *line, char **name, int64_t *size, char **time);
static bool read_name(char *line, char **name, int64_t *size, char **time);
static bool read_long(char *line, char **name, int64_t *size, char **time);
static bool wanted(const Listing *listing, const char *name);
static bool is_name(const char *name);
static void add(Listing *listing, const char *name, int64_t size, const char *time);
static char *stamp_of(int64_t size, const char *time);
static void make_pattern(Listing *listing);
static int	by_name(const void *a, const void *b);
static size_t collect(char *data, size_t size, size_t count, void *context);
bool
place_list(Place *pattern, PlaceFile **files, int *count, Trouble *trouble)
{
	Listing		listing = {.place = pattern};
	long		status;
	bool		good;

	if (!pattern->pattern)
		return trouble_lasts(trouble, "%s is no pattern", pattern->shown);
	make_pattern(&listing);
	good = pattern->scheme == SCHEME_FILE ? list_local(&listing, trouble) :
		pattern->scheme == SCHEME_SFTP ? list_server(&listing, NULL, false, read_long, &status, trouble) :
		list_ftp(&listing, trouble);
	buffer_free(&listing.pattern);
	if (!good)
	{
		place_files_free(listing.files, listing.count);
		return false;
	}
	if (listing.count > 1)
		qsort(listing.files, listing.count, sizeof(PlaceFile), by_name);
	*files = listing.files;
	*count = listing.count;
	return true;
}

void
place_files_free(PlaceFile *files, int count)
{
	for (int i = 0; i < count; i++)
	{
		free(files[i].name);
		free(files[i].url);
		free(files[i].stamp);
	}
	free(files);
}

bool
place_rename(Place *place, const char *name, Trouble *trouble)
{
	if (!may_be_listed(place, trouble) || !place_may_change(place, trouble))
		return false;
	if (!is_name(name))
		return trouble_lasts(trouble, "%s: \"%s\" is no name of a file", place->shown, name);
	return place->scheme == SCHEME_FILE ? local_rename(place, name, trouble) : change(place, name, trouble);
}

bool
place_remove(Place *place, Trouble *trouble)
{
	if (!may_be_listed(place, trouble) || !place_may_change(place, trouble))
		return false;
	return place->scheme == SCHEME_FILE ? local_remove(place, trouble) : change(place, NULL, trouble);
}

static bool
may_be_listed(const Place *place, Trouble *trouble)
{
	if (place->scheme == SCHEME_FILE || place->scheme == SCHEME_FTP || place->scheme == SCHEME_FTPS ||
		place->scheme == SCHEME_SFTP)
		return true;
	return trouble_lasts(trouble, "%s: files are listed, renamed and removed with file, ftp, ftps and sftp alone", place->shown);
}

/* Renames it, or removes it where there is no name. */
static bool
change(const Place *place, const char *name, Trouble *trouble)
{
	Exchange	exchange;
	bool		good = exchange_begin(&exchange, place, "", trouble);

	if (good && !(name != NULL ? exchange_rename(&exchange, place->name, name) : exchange_remove(&exchange, place->name)))
		good = trouble_passes(trouble, "out of memory");
	good = good && exchange_run_commands(&exchange, name != NULL ? "renaming it" : "removing it", trouble);
	exchange_end(&exchange);
	return good;
}

/* ---- lists ---- */

static bool
list_local(Listing *listing, Trouble *trouble)
{
	DIR		   *folder = local_folder(listing->place, trouble);
	struct dirent *entry;
	struct stat status;
	char		time[48];

	if (folder == NULL)
		return false;
	while ((entry = readdir(folder)) != NULL)
		if (wanted(listing, entry->d_name) && local_is_file(folder, entry->d_name, &status))
		{
			snprintf(time, sizeof(time), "%lld.%09ld", (long long) status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
			add(listing, entry->d_name, status.st_size, time);
		}
	closedir(folder);
	return true;
}

/* The names alone, of a server that knows nothing better. */
static bool
list_ftp(Listing *listing, Trouble *trouble)
{
	long		status;

	if (list_server(listing, "MLSD", false, read_facts, &status, trouble))
		return true;
	return (status == 500 || status == 502 || status == 504) &&
		list_server(listing, NULL, true, read_name, &status, trouble);
}

static bool
list_server(Listing *listing, const char *command, bool names, ReadLine read, long *status, Trouble *trouble)
{
	Exchange	exchange;
	Buffer		text = {NULL, 0, 0};
	bool		good = exchange_begin(&exchange, listing->place, "", trouble);

	*status = 0;
	if (good)
	{
		curl_easy_setopt(exchange.curl, CURLOPT_CUSTOMREQUEST, command);
		curl_easy_setopt(exchange.curl, CURLOPT_DIRLISTONLY, (long) names);
		curl_easy_setopt(exchange.curl, CURLOPT_WRITEFUNCTION, collect);
		curl_easy_setopt(exchange.curl, CURLOPT_WRITEDATA, &text);
		curl_easy_setopt(exchange.curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(exchange.curl, CURLOPT_LOW_SPEED_TIME, (long) listing->place->config->timeout);
		good = exchange_run(&exchange, "listing the folder", trouble);
		*status = exchange_status(&exchange);
	}
	exchange_end(&exchange);
	if (good && text.length > 0)
		read_lines(listing, text.text, read);
	buffer_free(&text);
	return good;
}

static void
read_lines(Listing *listing, char *text, ReadLine read)
{
	char	   *rest = text;
	char	   *line;

	while ((line = strsep(&rest, "\n")) != NULL)
	{
		size_t		length = strlen(line);
		char	   *name;
		char	   *time = NULL;
		int64_t		size = -1;

		if (length > 0 && line[length - 1] == '\r')
			line[length - 1] = '\0';
		if (read(line, &name, &size, &time) && wanted(listing, name))
			add(listing, name, size, time);
	}
}

/* type=file;size=12;modify=20260203040506; name */
static bool
read_facts(char *line, char **name, int64_t *size, char **time)
{
	char	   *facts = strsep(&line, " ");
	char	   *fact;
	bool		is_file = false;

	if (line == NULL)
		return false;
	*name = line;
	while ((fact = strsep(&facts, ";")) != NULL)
		if (strcasecmp(fact, "type=file") == 0)
			is_file = true;
		else if (strncasecmp(fact, "size=", 5) == 0)
			*size = strtoll(fact + 5, NULL, 10);
		else if (strncasecmp(fact, "modify=", 7) == 0)
			*time = fact + 7;
	return is_file;
}

/* Some servers put the folder before it. */
static bool
read_name(char *line, char **name, int64_t *size, char **time)
{
	char	   *slash = strrchr(line, '/');

	(void) size;
	(void) time;
	*name = slash != NULL ? slash + 1 : line;
	return **name != '\0';
}

/* -rw-r--r--    1 user     group        12 Feb  3 04:05 name */
static bool
read_long(char *line, char **name, int64_t *size, char **time)
{
	static regex_t form;
	static bool made;
	regmatch_t	found[3];

	made = made || regcomp(&form, " ([0-9]+) +[[:alpha:]]{3} +[0-9]{1,2} +([0-9]{4}|[0-9]{1,2}:[0-9]{2}) ", REG_EXTENDED) == 0;
	if (!made || line[0] != '-' || regexec(&form, line, 3, found, 0) != 0)
		return false;
	*size = strtoll(line + found[1].rm_so, NULL, 10);
	*time = line + found[1].rm_eo + 1;
	line[found[2].rm_eo] = '\0';
	*name = line + found[0].rm_eo;
	return true;
}

static bool
wanted(const Listing *listing, const char *name)
{
	return is_name(name) && !place_name_is_temporary(name) && fnmatch(listing->pattern.text, name, FNM_PERIOD) == 0;
}

static bool
is_name(const char *name)
{
	if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strnlen(name, LONGEST + 1) > LONGEST)
		return false;
	for (; *name != '\0'; name++)
		if ((unsigned char) *name < ' ' || *name == 0x7f || *name == '/')
			return false;
	return true;
}

static void
add(Listing *listing, const char *name, int64_t size, const char *time)
{
	PlaceFile  *file;
	char	   *segment;

	if (listing->count == listing->space)
	{
		int			space = listing->space > 0 ? listing->space * 2 : 64;
		PlaceFile  *more = realloc(listing->files, space * sizeof(PlaceFile));

		if (more == NULL)
			return;
		listing->files = more;
		listing->space = space;
	}
	file = &listing->files[listing->count++];
	segment = place_encode(name, "");
	file->name = strdup(name);
	file->url = place_url(listing->place, segment, NULL);
	file->size = size;
	file->stamp = stamp_of(size, time);
	free(segment);
}

static char *
stamp_of(int64_t size, const char *time)
{
	Buffer		stamp = {NULL, 0, 0};

	if (size >= 0 && time != NULL)
		buffer_print(&stamp, "%" PRId64 " %s", size, time);
	return stamp.text;
}

/* * and ? as they stand in the url; what is encoded there stands for itself. */
static void
make_pattern(Listing *listing)
{
	buffer_add(&listing->pattern, "", 0);
	for (const char *p = listing->place->segment; *p != '\0'; p++)
		if (*p == '*' || *p == '?')
			buffer_add(&listing->pattern, p, 1);
		else if (*p == '%')
		{
			char		hex[3] = {p[1], p[2], '\0'};

			buffer_print(&listing->pattern, "\\%c", (char) strtol(hex, NULL, 16));
			p += 2;
		}
		else
			buffer_print(&listing->pattern, "\\%c", *p);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const PlaceFile *) a)->name, ((const PlaceFile *) b)->name);
}

static size_t
collect(char *data, size_t size, size_t count, void *context)
{
	Buffer	   *text = context;

	if (text->length + size * count > MOST)
		return 0;
	buffer_add(text, data, size * count);
	return size * count;
}
