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
#include <string.h>
#include <unistd.h>

#include "contents.h"
#include "hash.h"
#include "local.h"
#include "spool.h"

#define CHUNK (256 * 1024)

static bool copy(const Config *config, Place *place, int fd, Trouble *trouble);
static bool take_hash(const Config *config, const char *name, Contents *contents, Trouble *trouble);

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
			take_hash(config, place_shown(place), contents, trouble);
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
		if ((left -= n) < 0 || !local_write(fd, bytes, n))
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
take_hash(const Config *config, const char *name, Contents *contents, Trouble *trouble)
{
	static char bytes[CHUNK];
	Hash	   *hash = hash_begin();
	bool		given_up = false;
	bool		taken = false;
	ssize_t		n = -1;

	if (hash == NULL || fstat(contents->fd, &contents->status) < 0)
	{
		hash_free(hash);
		return trouble_passes(trouble, "%s could not be read: out of memory", name);
	}
	while (!given_up && ((n = read(contents->fd, bytes, sizeof(bytes))) > 0 || (n < 0 && errno == EINTR)))
	{
		if (n > 0)
			hash_add(hash, bytes, n);
		contents->size += n > 0 ? n : 0;
		given_up = !config_goes_on(config);
	}
	if (given_up)
		trouble_passes(trouble, "%s: given up", name);
	else if (n < 0 || lseek(contents->fd, 0, SEEK_SET) != 0)
		trouble_system(trouble, errno, "%s could not be read", name);
	else
		taken = hash_told(hash, contents->sha256) ||
			trouble_passes(trouble, "%s could not be read: out of memory", name);
	hash_free(hash);
	return taken;
}
