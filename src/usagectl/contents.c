/*
 * contents.c
 *	  A file's bytes, here, and what they hash to.
 *
 * One that lies here is read where it is; any other is copied into a file without a
 * name, so that it is known before a record of it is loaded, and read from its start
 * as often as that takes.
 */
#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "contents.h"
#include "local.h"
#include "spool.h"

#define CHUNK (256 * 1024)

static bool copy(const Config *config, Place *place, int fd, Trouble *trouble);
static bool write_all(int fd, const char *bytes, size_t length);
static bool hash(const Config *config, const char *name, Contents *contents, Trouble *trouble);
static void write_hex(EVP_MD_CTX *digest, char *hex);

/* False with the trouble; nothing is open then. */
bool
contents_fetch(const Config *config, const char *url, const char *credential, Contents *contents, Trouble *trouble)
{
	Place	   *place = place_of(config, url, credential, trouble);
	bool		fetched = false;

	memset(contents, 0, sizeof(Contents));
	contents->fd = -1;
	if (place != NULL)
	{
		contents->fd = place_is_file(place) ? local_open(place, trouble) : spool_open(config, trouble);
		fetched = contents->fd >= 0 && (place_is_file(place) || copy(config, place, contents->fd, trouble)) &&
			hash(config, place_shown(place), contents, trouble);
	}
	place_free(place);
	if (!fetched)
		contents_close(contents);
	return fetched;
}

/* Whether the file has been written to since it was hashed. */
bool
contents_changed(const Contents *contents)
{
	struct stat now;
	const struct stat *then = &contents->status;

	return fstat(contents->fd, &now) < 0 || now.st_size != then->st_size ||
		now.st_mtim.tv_sec != then->st_mtim.tv_sec || now.st_mtim.tv_nsec != then->st_mtim.tv_nsec;
}

void
contents_close(Contents *contents)
{
	if (contents->fd >= 0)
		close(contents->fd);
	contents->fd = -1;
}

static bool
copy(const Config *config, Place *place, int fd, Trouble *trouble)
{
	static char bytes[CHUNK];
	Stream	   *stream = stream_open(place, trouble);
	int64_t		left = config->spool_size;
	ssize_t		n;
	bool		copied = false;

	if (stream == NULL)
		return false;
	while ((n = stream_read(stream, bytes, sizeof(bytes))) > 0)
		if ((left -= n) < 0 || !write_all(fd, bytes, n))
			break;
	if (left < 0)
		trouble_lasts(trouble, "%s has more than the %" PRId64 " bytes that the agent's spool directory \"%s\" is given: "
					  "raise `size` of [spool] in its configuration", place_shown(place), config->spool_size, spool_directory(config));
	else if (n > 0)
		trouble_passes(trouble, "%s could not be copied to \"%s\": %s", place_shown(place), spool_directory(config), strerror(errno));
	else if (n < 0)
		*trouble = *stream_trouble(stream);
	else
		copied = lseek(fd, 0, SEEK_SET) == 0;
	stream_close(stream);
	return copied;
}

static bool
write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0)
	{
		ssize_t		n = write(fd, bytes, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		length -= n;
	}
	return true;
}

static bool
hash(const Config *config, const char *name, Contents *contents, Trouble *trouble)
{
	static char bytes[CHUNK];
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	bool		given_up = false;
	ssize_t		n = -1;

	if (digest == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1 || fstat(contents->fd, &contents->status) < 0)
	{
		EVP_MD_CTX_free(digest);
		return trouble_passes(trouble, "%s could not be read: out of memory", name);
	}
	while (!given_up && ((n = read(contents->fd, bytes, sizeof(bytes))) > 0 || (n < 0 && errno == EINTR)))
	{
		if (n > 0)
			EVP_DigestUpdate(digest, bytes, n);
		contents->size += n > 0 ? n : 0;
		given_up = !config_goes_on(config);
	}
	write_hex(digest, contents->sha256);
	EVP_MD_CTX_free(digest);
	if (given_up)
		return trouble_passes(trouble, "%s: given up", name);
	if (n < 0 || lseek(contents->fd, 0, SEEK_SET) != 0)
		return trouble_system(trouble, errno, "%s could not be read", name);
	return true;
}

static void
write_hex(EVP_MD_CTX *digest, char *hex)
{
	unsigned char value[EVP_MAX_MD_SIZE];
	unsigned int length = 0;

	EVP_DigestFinal_ex(digest, value, &length);
	for (unsigned int i = 0; i < length; i++)
		sprintf(hex + 2 * i, "%02x", value[i]);
}
