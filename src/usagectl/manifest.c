/*
 * manifest.c
 *	  What a file is said to hold, in a file beside it: NAME.manifest.json.
 *
 * It is put there behind the data, so that where it is the data is whole.  The
 * server makes it, in the snapshot of the copy, and the server compares: it knows
 * numbers of any precision, and has the books of the load.
 *
 * One that is merely looked for is not there where it cannot be read for good,
 * for not every server says of a missing file that it is missing.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buffer.h"
#include "hash.h"
#include "manifest.h"
#include "query.h"
#include "spool.h"

#define LONGEST_MANIFEST (1024 * 1024)

static Place *place_of_manifest(const Config *config, const char *url, const char *credential, Trouble *trouble);
static bool read_all(Place *place, Buffer *text, Trouble *trouble);

/* Reads that of a file, to be freed; without one text is NULL. */
bool
manifest_read(const Config *config, const char *url, const char *credential, ManifestUse use, char **text,
			  Trouble *trouble)
{
	Place	   *place;
	Buffer		found = {NULL, 0, 0};
	bool		there;
	bool		endless;

	*text = NULL;
	if (use == MANIFEST_NEVER)
		return true;
	place = place_of_manifest(config, url, credential, trouble);
	there = place != NULL && read_all(place, &found, trouble);
	place_free(place);
	if (there)
	{
		*text = found.text;
		return true;
	}
	endless = found.length > LONGEST_MANIFEST;
	buffer_free(&found);
	return use == MANIFEST_IF_THERE && trouble->lasting && !endless;
}

static Place *
place_of_manifest(const Config *config, const char *url, const char *credential, Trouble *trouble)
{
	Place	   *file = place_of(config, url, credential, trouble);
	char	   *beside = file != NULL ? place_beside(file, MANIFEST) : NULL;
	Place	   *place = beside != NULL ? place_of(config, beside, credential, trouble) : NULL;

	if (file != NULL && beside == NULL)
		trouble_passes(trouble, "out of memory");
	place_free(file);
	free(beside);
	return place;
}

static bool
read_all(Place *place, Buffer *text, Trouble *trouble)
{
	Stream	   *stream = stream_open(place, trouble);
	char		bytes[16 * 1024];
	ssize_t		n = -1;

	if (stream == NULL)
		return false;
	buffer_add(text, "", 0);
	while (text->length <= LONGEST_MANIFEST && (n = stream_read(stream, bytes, sizeof(bytes))) > 0)
		buffer_add(text, bytes, n);
	if (n < 0)
		*trouble = *stream_trouble(stream);
	stream_close(stream);
	if (text->length > LONGEST_MANIFEST)
		return trouble_lasts(trouble, "%s has more than %d bytes and is no manifest", place_shown(place), LONGEST_MANIFEST);
	return n == 0;
}

/*
 * Whether a file is what its manifest says, as far as that is known: load and
 * sha256 may be NULL, and bytes -1.  The trouble has both figures of each difference.
 */
bool
manifest_compare(PGconn *conn, const char *text, const char *resource, const char *load, int64_t bytes,
				 const char *sha256, Trouble *trouble)
{
	char		size[24];
	const char *values[] = {text, resource, load, bytes >= 0 ? size : NULL, sha256};
	PGresult   *result;
	bool		same;

	snprintf(size, sizeof(size), "%" PRId64, bytes);
	result = query(conn, "the manifest could not be compared", trouble,
				   "SELECT usage_mgmt.compare_manifest($1, $2, $3, $4, $5)", 5, values);
	if (result == NULL)
		return false;
	same = PQgetisnull(result, 0, 0) ||
		trouble_lasts(trouble, "the file is not what its manifest says: %s", PQgetvalue(result, 0, 0));
	PQclear(result);
	return same;
}

/* The manifest of a file that was copied in the transaction under way, to be freed; NULL for trouble. */
char *
manifest_make(PGconn *conn, const Manifested *file, Trouble *trouble)
{
	char		records[24];
	char		bytes[24];
	const char *values[] = {file->name, file->resource, file->query != NULL ? file->query : "", file->version,
	records, bytes, file->sha256};
	PGresult   *result;
	char	   *text;

	snprintf(records, sizeof(records), "%" PRId64, file->records);
	snprintf(bytes, sizeof(bytes), "%" PRId64, file->bytes);
	result = query(conn, "the manifest could not be made", trouble,
				   "SELECT usage_mgmt.make_manifest($1, $2, $3, $4, $5, $6, $7)", 7, values);
	if (result == NULL)
		return NULL;
	text = strdup(PQgetvalue(result, 0, 0));
	PQclear(result);
	if (text == NULL)
		trouble_passes(trouble, "out of memory");
	return text;
}

/* Puts it beside the file. */
bool
manifest_put(const Config *config, const char *url, const char *credential, const char *text, Trouble *trouble)
{
	Place	   *place = place_of_manifest(config, url, credential, trouble);
	int			fd = place != NULL ? spool_open(config, trouble) : -1;
	size_t		length = strlen(text);
	char		sha256[HASH_SIZE];
	bool		put = false;

	if (fd >= 0 && !hash_text(text, sha256))
		trouble_passes(trouble, "out of memory");
	else if (fd >= 0 && write(fd, text, length) != (ssize_t) length)
		trouble_passes(trouble, "%s: no room for the manifest in \"%s\"", place_shown(place), spool_directory(config));
	else if (fd >= 0)
		put = place_put(place, fd, length, sha256, "application/json", trouble);
	if (fd >= 0)
		close(fd);
	place_free(place);
	return put;
}
