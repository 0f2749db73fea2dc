/*
 * place.c
 *	  A url, understood and judged.
 *
 * Who orders a job says where to, and the agent goes there with rights of its
 * own.  So a url has no credentials, for those are the configuration's, and a
 * path without ".."; a file: lies below a directory of the configuration's, and
 * what has `roles` there is for their orders alone.  Where a name leads to is
 * judged when it is connected to (safety.c), and how a file is reached below
 * its directory when it is opened (local.c).
 *
 * A credential that an order names goes to the hosts that it is for: else an
 * order could have it sent to a host of its own.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "buffer.h"
#include "hash.h"
#include "place.h"

#define LONGEST 4000			/* url */
#define TEMPORARY ".part-"
#define TAG_LENGTH 12

static const char *const schemes[] = {"file", "http", "https", "ftp", "ftps", "sftp", "s3"};
static const char *const ports[] = {NULL, "80", "443", "21", "990", "22", NULL};

static Place *new_place(const Config *config);
static bool understand(Place *place, const char *url, Trouble *trouble);
static bool take_parts(Place *place, CURLU *parts, Trouble *trouble);
static bool check_host(Place *place, Trouble *trouble);
static bool take_path(Place *place, char *path, Trouble *trouble);
static bool check_segments(Place *place, Trouble *trouble);
static bool check_segment(const Place *place, const char *segment, size_t length, Trouble *trouble);
static bool decode(Place *place);
static bool find_directory(Place *place, Trouble *trouble);
static bool find_access(Place *place, const char *credential, Trouble *trouble);
static bool check_open(const Place *place, const Access *section, Trouble *trouble);
static bool find_credential(Place *place, const char *credential, Trouble *trouble);
static bool check_access(const Place *place, Trouble *trouble);
static const Access *section_for(const Place *place);
static bool is_for(const Place *place, const char *hosts);
static bool is_open(const Place *place, const char *roles);
static const char *file_of(const Config *config);
static char *part(CURLU *parts, CURLUPart which);
static bool has_query(Scheme scheme);

Place *
place_of(const Config *config, const char *url, const char *credential, Trouble *trouble)
{
	Place	   *place = new_place(config);

	if (place == NULL)
		trouble_passes(trouble, "out of memory");
	else if (understand(place, url, trouble) &&
			 (place->scheme == SCHEME_FILE ? find_directory(place, trouble) : find_access(place, credential, trouble)))
		return place;
	place_free(place);
	return NULL;
}

/* Where a server sends us on to: as a stranger, whatever we are to that host otherwise. */
Place *
place_redirected(const Place *from, const char *url, Trouble *trouble)
{
	Place	   *place = new_place(from->config);

	if (place == NULL)
		trouble_passes(trouble, "out of memory");
	else if (!understand(place, url, trouble))
		;
	else if (place->scheme != SCHEME_HTTPS && (place->scheme != SCHEME_HTTP || from->scheme != SCHEME_HTTP))
		trouble_lasts(trouble, "%s leads on to %s:, and a redirect is followed from http to http or https, from https to https alone",
					  from->shown, schemes[place->scheme]);
	else if (check_open(place, section_for(place), trouble))
	{
		place->stranger = true;
		return place;
	}
	place_free(place);
	return NULL;
}

void
place_free(Place *place)
{
	if (place == NULL)
		return;
	if (place->parent >= 0)
		place_abandon(place);
	free(place->host);
	free(place->port);
	free(place->folder);
	free(place->segment);
	free(place->path);
	free(place->name);
	free(place->query);
	free(place->shown);
	free(place);
}

bool
place_is_file(const Place *place)
{
	return place->scheme == SCHEME_FILE;
}

/* The path of a file: url, for who may go there by himself; malloc'd. */
char *
place_local(const Place *place)
{
	size_t		size = strlen(place->path) + strlen(place->name) + 2;
	char	   *path = malloc(size);

	if (path != NULL)
		snprintf(path, size, "%s/%s", strcmp(place->path, "/") == 0 ? "" : place->path, place->name);
	return path;
}

bool
place_is_pattern(const Place *place)
{
	return place->pattern;
}

const char *
place_shown(const Place *place)
{
	return place->shown;
}

const char *
place_name(const Place *place)
{
	return place->name;
}

char *
place_beside(const Place *place, const char *suffix)
{
	Buffer		segment = {NULL, 0, 0};
	char	   *url;

	buffer_print(&segment, "%s%s", place->segment, suffix);
	url = place_url(place, segment.text, place->query);
	buffer_free(&segment);
	return url;
}

char *
place_url(const Place *place, const char *segment, const char *query)
{
	Buffer		url = {NULL, 0, 0};

	buffer_print(&url, "%s://%s%s%s%s%s%s%s", schemes[place->scheme], place->host, place->port != NULL ? ":" : "",
				 place->port != NULL ? place->port : "", place->folder, segment,
				 query != NULL ? "?" : "", query != NULL ? query : "");
	return url.text;
}

/*
 * libcurl knows no s3:, and takes ftps: for TLS from the first byte, which has a
 * port of its own; elsewhere it is asked for (AUTH TLS).
 */
char *
place_address(const Place *place, const char *segment)
{
	Buffer		url = {NULL, 0, 0};

	if (place->scheme == SCHEME_S3 && place->access->endpoint != NULL)
		buffer_print(&url, "%s/%s%s%s", place->access->endpoint, place->host, place->folder, segment);
	else if (place->scheme == SCHEME_S3)
		buffer_print(&url, "https://%s.s3.%s.amazonaws.com%s%s", place->host, place->access->region,
					 place->folder, segment);
	else if (place->scheme == SCHEME_FTPS && place->port != NULL && strcmp(place->port, "990") != 0)
		buffer_print(&url, "ftp://%s:%s%s%s", place->host, place->port, place->folder, segment);
	else
		return place_url(place, segment, place->query);
	return url.text;
}

/* All but letters, digits, -._~ and those of keep. */
char *
place_encode(const char *text, const char *keep)
{
	Buffer		encoded = {NULL, 0, 0};

	buffer_add(&encoded, "", 0);
	for (; *text != '\0'; text++)
		if ((*text >= '0' && *text <= '9') || (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
			strchr("-._~", *text) != NULL || strchr(keep, *text) != NULL)
			buffer_add(&encoded, text, 1);
		else
			buffer_print(&encoded, "%%%02X", (unsigned char) *text);
	return encoded.text;
}

bool
place_is_private(const Place *place)
{
	return place->config->allow_private || (place->network != NULL && place->network->allow_private);
}

/* Whether a file may be written, renamed or removed here. */
bool
place_may_change(const Place *place, Trouble *trouble)
{
	if (place->pattern)
		return trouble_lasts(trouble, "%s is a pattern and no file", place->shown);
	if (place->directory != NULL && place->directory->read_only)
		return trouble_lasts(trouble, "%s: the directory \"%s\" is read-only, says \"%s\"", place->shown,
							 place->directory->path, file_of(place->config));
	return true;
}

/* The same for each attempt of the same order. */
void
place_temporary_name(const Place *place, char *name, size_t size)
{
	const char *tag = place->config->tag;
	char		own[32];
	char		hash[HASH_SIZE] = "";

	snprintf(own, sizeof(own), "%ld", (long) getpid());
	hash_text(tag != NULL ? tag : own, hash);
	snprintf(name, size, "%.200s%s%.*s", place->name, TEMPORARY, TAG_LENGTH, hash);
}

bool
place_name_is_temporary(const char *name)
{
	size_t		length = strlen(name);
	size_t		ours = strlen(TEMPORARY) + TAG_LENGTH;
	const char *end;

	if (length <= ours)
		return false;
	end = name + length - ours;
	return strncmp(end, TEMPORARY, strlen(TEMPORARY)) == 0 &&
		strspn(end + strlen(TEMPORARY), "0123456789abcdef") == TAG_LENGTH;
}

/* ---- a url ---- */

static Place *
new_place(const Config *config)
{
	Place	   *place = calloc(1, sizeof(Place));

	if (place != NULL)
	{
		place->config = config;
		place->parent = -1;
	}
	return place;
}

/* What is wrong with one is not told with it: who knows what is in it. */
static bool
understand(Place *place, const char *url, Trouble *trouble)
{
	CURLU	   *parts;
	CURLUcode	code;
	bool		good;

	for (const char *p = url; *p != '\0'; p++)
		if ((unsigned char) *p <= ' ' || *p == 0x7f)
			return trouble_lasts(trouble, "the url has a space or a control character; those are written %%20 and the like");
	if (strlen(url) > LONGEST)
		return trouble_lasts(trouble, "the url is longer than %d characters", LONGEST);
	parts = curl_url();
	if (parts == NULL)
		return trouble_passes(trouble, "out of memory");
	code = curl_url_set(parts, CURLUPART_URL, url,
						CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS | CURLU_URLENCODE | CURLU_DISALLOW_USER);
	if (code == CURLUE_USER_NOT_ALLOWED)
		good = trouble_lasts(trouble, "the url has a user or a password in it; those belong into [host NAME] of the agent's configuration");
	else if (code != CURLUE_OK)
		good = trouble_lasts(trouble, "the url is not understood: %s", curl_url_strerror(code));
	else
		good = take_parts(place, parts, trouble);
	curl_url_cleanup(parts);
	return good;
}

static bool
take_parts(Place *place, CURLU *parts, Trouble *trouble)
{
	char	   *scheme = part(parts, CURLUPART_SCHEME);
	char	   *fragment = part(parts, CURLUPART_FRAGMENT);
	bool		whole = fragment == NULL;
	size_t		i = 0;

	free(fragment);
	while (i < sizeof(schemes) / sizeof(schemes[0]) && (scheme == NULL || strcasecmp(scheme, schemes[i]) != 0))
		i++;
	free(scheme);
	if (i == sizeof(schemes) / sizeof(schemes[0]))
		return trouble_lasts(trouble, "the url is none of file:, http:, https:, ftp:, ftps:, sftp:, s3:");
	if (!whole)
		return trouble_lasts(trouble, "the url has a #fragment, which names no file; a # in a name is written %%23");
	place->scheme = (Scheme) i;
	place->host = part(parts, CURLUPART_HOST);
	if (place->host == NULL)
		place->host = strdup("");
	place->port = part(parts, CURLUPART_PORT);
	place->query = part(parts, CURLUPART_QUERY);
	return check_host(place, trouble) && take_path(place, part(parts, CURLUPART_PATH), trouble);
}

/* Brings it into the one form that the configuration's sections are found by. */
static bool
check_host(Place *place, Trouble *trouble)
{
	size_t		length = strlen(place->host);

	for (char *p = place->host; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
		else if ((unsigned char) *p >= 0x80)
			return trouble_lasts(trouble, "the url's host has a letter that is not ASCII; such a name is written xn--...");
	/* a dot at the end only says that the name is a whole one */
	while (length > 0 && place->host[length - 1] == '.')
		place->host[--length] = '\0';
	if (place->scheme == SCHEME_FILE ? length > 0 : length == 0)
		return trouble_lasts(trouble, place->scheme == SCHEME_FILE ? "a file: is on no other host" : "the url names no host");
	return true;
}

/* Takes the path over.  A ? is a character like any other where there are no queries. */
static bool
take_path(Place *place, char *path, Trouble *trouble)
{
	Buffer		whole = {NULL, 0, 0};
	char	   *slash;

	buffer_print(&whole, "%s", path != NULL && *path != '\0' ? path : "/");
	free(path);
	if (place->query != NULL && !has_query(place->scheme))
	{
		buffer_print(&whole, "?%s", place->query);
		free(place->query);
		place->query = NULL;
	}
	/* libcurl takes file:name */
	if (whole.text[0] != '/')
	{
		buffer_free(&whole);
		return trouble_lasts(trouble, "the url has a path that does not begin with /");
	}
	slash = strrchr(whole.text, '/');
	place->folder = strndup(whole.text, slash + 1 - whole.text);
	place->segment = strdup(slash + 1);
	buffer_free(&whole);
	return check_segments(place, trouble);
}

static bool
check_segments(Place *place, Trouble *trouble)
{
	bool		patterns = !has_query(place->scheme) && place->scheme != SCHEME_S3;

	for (const char *p = place->folder; *p != '\0'; p += strspn(p, "/"))
	{
		size_t		length = strcspn(p, "/");

		if (!check_segment(place, p, length, trouble))
			return false;
		p += length;
	}
	if (!check_segment(place, place->segment, strlen(place->segment), trouble))
		return false;
	if (patterns && strpbrk(place->folder, "*?") != NULL)
		return trouble_lasts(trouble, "the url has a pattern before its last part; a * or ? in a name is written %%2A or %%3F");
	if (!has_query(place->scheme) && *place->segment == '\0')
		return trouble_lasts(trouble, "the url ends in / and names no file");
	place->pattern = patterns && strpbrk(place->segment, "*?") != NULL;
	if (!decode(place))
		return trouble_passes(trouble, "out of memory");
	place->shown = place_url(place, place->segment, NULL);
	return true;
}

/* A name that each server takes for the name of something below it. */
static bool
check_segment(const Place *place, const char *segment, size_t length, Trouble *trouble)
{
	int			decoded;
	char	   *name;
	bool		good;

	/* libcurl would take a length of 0 for none */
	if (length == 0)
		return true;
	name = curl_easy_unescape(NULL, segment, (int) length, &decoded);
	good = name != NULL;
	for (int i = 0; good && i < decoded; i++)
		good = (unsigned char) name[i] >= ' ' && name[i] != 0x7f && (name[i] != '/' || has_query(place->scheme));
	if (!good)
		trouble_lasts(trouble, "the url's path has a control character or an encoded / in it");
	else if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		good = trouble_lasts(trouble, "the url's path has \"%s\" in it, which may lead anywhere", name);
	curl_free(name);
	return good;
}

/* A directory is found by the one right form of a path, and S3's signature is one over that. */
static bool
decode(Place *place)
{
	char	   *path = curl_easy_unescape(NULL, place->folder, 0, NULL);
	char	   *name = curl_easy_unescape(NULL, place->segment, 0, NULL);

	place->path = path != NULL ? strdup(path) : NULL;
	place->name = name != NULL ? strdup(name) : NULL;
	if (place->path != NULL && place->scheme == SCHEME_FILE)
		config_plain_path(place->path);
	curl_free(path);
	curl_free(name);
	if (place->path == NULL || place->name == NULL)
		return false;
	if (place->scheme == SCHEME_S3)
	{
		free(place->folder);
		free(place->segment);
		place->folder = place_encode(place->path, "/");
		place->segment = place_encode(place->name, "");
	}
	return true;
}

/* ---- what the configuration says of it ---- */

/* The innermost directory that it lies below. */
static bool
find_directory(Place *place, Trouble *trouble)
{
	size_t		longest = 0;

	if (place->config->any_file)
		return true;
	for (const Directory *one = place->config->directories; one != NULL; one = one->next)
	{
		size_t		length = strcmp(one->path, "/") == 0 ? 0 : strlen(one->path);

		if ((place->directory == NULL || length > longest) &&
			strncmp(place->path, one->path, length) == 0 && place->path[length] == '/')
		{
			longest = length;
			place->directory = one;
		}
	}
	if (place->directory == NULL)
		return trouble_lasts(trouble, "%s is below no directory that is open to orders; [directory PATH] in \"%s\" opens one",
							 place->shown, file_of(place->config));
	if (!is_open(place, place->directory->roles))
		return trouble_lasts(trouble, "%s: the directory \"%s\" is not open to the orders of \"%s\"; `roles` in \"%s\" says to whose",
							 place->shown, place->directory->path, place->config->ordered_by, file_of(place->config));
	return true;
}

static bool
find_access(Place *place, const char *credential, Trouble *trouble)
{
	place->access = place->network = section_for(place);
	return check_open(place, place->network, trouble) &&
		(credential == NULL || find_credential(place, credential, trouble)) && check_access(place, trouble);
}

/* Whether the section of its host, if there is one, is open to the order. */
static bool
check_open(const Place *place, const Access *section, Trouble *trouble)
{
	return section == NULL || is_open(place, section->roles) ||
		trouble_lasts(trouble, "%s: \"%s\" is not open to the orders of \"%s\"; `roles` in \"%s\" says to whose",
					  place->shown, section->name, place->config->ordered_by, file_of(place->config));
}

static bool
find_credential(Place *place, const char *credential, Trouble *trouble)
{
	const Access *one = place->config->accesses;

	while (one != NULL && (one->kind != ACCESS_CREDENTIAL || strcmp(one->name, credential) != 0))
		one = one->next;
	if (one == NULL)
		return trouble_lasts(trouble, "there is no [credential %.100s] in \"%s\"", credential, file_of(place->config));
	/* keys for S3 are no password, not even for a host that is called like the bucket */
	if (!is_for(place, one->hosts) || (one->region != NULL) != (place->scheme == SCHEME_S3))
		return trouble_lasts(trouble, "the credential \"%s\" is not for \"%s\"; `for` in \"%s\" says for which hosts it is",
							 one->name, place->host, file_of(place->config));
	if (!is_open(place, one->roles))
		return trouble_lasts(trouble, "the credential \"%s\" is not open to the orders of \"%s\"; `roles` in \"%s\" says to whose",
							 one->name, place->config->ordered_by, file_of(place->config));
	place->access = one;
	return true;
}

/* Who has no credentials for these need not ask. */
static bool
check_access(const Place *place, Trouble *trouble)
{
	const Access *access = place->access;

	if (place->scheme == SCHEME_SFTP && (access == NULL || access->user == NULL))
		return trouble_lasts(trouble, "%s: no user is known for \"%s\"; add [host %s] with user and key-file or password-file to \"%s\"",
							 place->shown, place->host, place->host, file_of(place->config));
	if (place->scheme == SCHEME_S3 &&
		(access == NULL || access->user == NULL || access->password == NULL || access->region == NULL))
		return trouble_lasts(trouble, "%s: no keys are known for \"%s\"; add [bucket %s] with access-key, secret-key-file and region to \"%s\"",
							 place->shown, place->host, place->host, file_of(place->config));
	return true;
}

/* That with the port goes before that without. */
static const Access *
section_for(const Place *place)
{
	AccessKind	kind = place->scheme == SCHEME_S3 ? ACCESS_BUCKET : ACCESS_HOST;
	const Access *found = NULL;

	for (const Access *one = place->config->accesses; one != NULL; one = one->next)
		if (one->kind == kind && is_for(place, one->name) && (found == NULL || strlen(one->name) > strlen(found->name)))
			found = one;
	return found;
}

/* Hosts, each with or without a port, or buckets. */
static bool
is_for(const Place *place, const char *hosts)
{
	const char *port = place->port != NULL ? place->port : ports[place->scheme];
	Buffer		lower = {NULL, 0, 0};
	Buffer		with_port = {NULL, 0, 0};
	bool		is;

	buffer_add(&lower, hosts, strlen(hosts));
	for (size_t i = 0; i < lower.length; i++)
		if (lower.text[i] >= 'A' && lower.text[i] <= 'Z')
			lower.text[i] += 'a' - 'A';
	buffer_print(&with_port, "%s:%s", place->host, port != NULL ? port : "");
	is = config_lists(lower.text, place->host) || (port != NULL && config_lists(lower.text, with_port.text));
	buffer_free(&lower);
	buffer_free(&with_port);
	return is;
}

/* By hand, all that one can read is open. */
static bool
is_open(const Place *place, const char *roles)
{
	return roles == NULL || place->config->ordered_by == NULL || config_lists(roles, place->config->ordered_by);
}

static const char *
file_of(const Config *config)
{
	return config->file != NULL ? config->file : "the file that --config names";
}

static char *
part(CURLU *parts, CURLUPart which)
{
	char	   *text = NULL;
	char	   *copy = NULL;

	if (curl_url_get(parts, which, &text, 0) == CURLUE_OK && text != NULL)
		copy = strdup(text);
	curl_free(text);
	return copy;
}

static bool
has_query(Scheme scheme)
{
	return scheme == SCHEME_HTTP || scheme == SCHEME_HTTPS;
}
