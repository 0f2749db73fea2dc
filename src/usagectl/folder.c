/*
 * folder.c
 *	  The files that a pattern names, each content once.
 *
 * They are taken in the order of their names, each under a load of its own.  A
 * register on the server (sql/67_files.sql) knows every content by its hash, with
 * the role that ordered it: what was loaded is not loaded again, whatever it
 * is called.  So a file is read once before it is loaded, and that is also when its
 * manifest is compared with it.
 *
 * What is done stands in the register before the file is renamed or removed; what
 * is not done there is begun again, or gone on with, by the next attempt.  So
 * whatever dies in between, nothing is lost and nothing loaded twice.
 *
 * A file that is still being written is left to the next run: the folder is
 * looked at twice, and what is not the same both times waits, as does what is called
 * NAME.part.  Before a file is renamed or removed it is looked at once more, for
 * another one may have taken its place.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "buffer.h"
#include "contents.h"
#include "folder.h"
#include "query.h"
#include "sequence.h"
#include "text.h"

#define SETTLE 2				/* seconds between two looks at the folder */
#define DONE ".done"			/* behind the name of a file that is renamed */
#define PART ".part"

/* What becomes of a file in this attempt. */
typedef enum Fate
{
	UNSEEN,
	LEFT_OUT,					/* the pattern names it, and it is no file to load */
	WAITING,					/* is still being written */
	DEALT,						/* is done, now or before */
	FAULTY						/* stays where it is */
} Fate;

typedef struct Folder
{
	const Config *config;
	PGconn	   *const *control;
	PGconn	   *data;
	const FolderOrder *order;
	const FolderHooks *hooks;
	FolderResult *result;
	Trouble    *trouble;
	PlaceFile  *files;
	int			count;
	Fate	   *fates;
	PlaceFile  *manifests;
	int			manifest_count;
	int			known;			/* files that earlier jobs had done */
	Buffer		series;
	Buffer		unread;			/* arrays of names, and of errors, of files that could not be read
								 * or put away */
	Buffer		unread_errors;
	time_t		told;			/* when the progress was told last */
} Folder;

/* What there is to say of a file on its way. */
typedef struct Taking
{
	int			place;			/* in the list */
	char	   *id;				/* in the register */
	char	   *source;			/* the url under which that has it */
	Contents	contents;
	char	   *manifest;		/* NULL for none */
	char		load[24];
} Taking;

static FolderEnd run_folder(Folder *folder);
static bool list(Folder *folder, const char *url, PlaceFile **files, int *count);
static bool list_manifests(Folder *folder);
static bool look(Folder *folder);
static bool ends_with(const char *name, const char *end);
static bool find_known(Folder *folder);
static FolderEnd settle(Folder *folder);
static FolderEnd pause_a_while(Folder *folder);
static const PlaceFile *find(const PlaceFile *files, int count, const char *name);
static bool is_same(const PlaceFile *a, const PlaceFile *b);
static FolderEnd take_files(Folder *folder);
static FolderEnd take_file(Folder *folder, int place);
static FolderEnd refuse_file(Folder *folder, int place);
static FolderEnd enter_file(Folder *folder, Taking *taking);
static FolderEnd load_file(Folder *folder, Taking *taking);
static bool read_manifest(Folder *folder, Taking *taking);
static bool compare(Folder *folder, const Taking *taking);
static FolderEnd end_file(Folder *folder, const Taking *taking, bool good, bool finished);
static FolderEnd put_away(Folder *folder);
static bool put_file_away(Folder *folder, const PlaceFile *file);
static bool put_url_away(Folder *folder, const char *url, const char *name);
static bool tell(Folder *folder, bool now);
static void keep_result(FolderResult *result, const PGresult *row);
static const char *shown_name(const PlaceFile *file);

/* Whether a url names many. */
bool
folder_is_pattern(const char *url)
{
	static const char *const schemes[] = {"file:", "ftp:", "ftps:", "sftp:"};
	const char *segment = strrchr(url, '/');

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strncasecmp(url, schemes[i], strlen(schemes[i])) == 0)
			return segment != NULL && strpbrk(segment, "*?") != NULL;
	return false;
}

/*
 * Takes what there is.  The result is to be looked at when it is done; a file
 * at fault is no failure of the folder, but tells in the result.
 */
FolderEnd
folder_run(const Config *config, PGconn *const *control, PGconn *data, const FolderOrder *order, const FolderHooks *hooks,
		   FolderResult *result, Trouble *trouble)
{
	Folder		folder = {
		.config = config, .control = control, .data = data, .order = order, .hooks = hooks, .result = result,
		.trouble = trouble
	};
	FolderEnd	end;

	memset(result, 0, sizeof(FolderResult));
	buffer_print(&folder.series, "%s %s", order->url, order->sequence != NULL ? order->sequence : "");
	end = run_folder(&folder);
	place_files_free(folder.files, folder.count);
	place_files_free(folder.manifests, folder.manifest_count);
	free(folder.fates);
	buffer_free(&folder.series);
	buffer_free(&folder.unread);
	buffer_free(&folder.unread_errors);
	return end;
}

static FolderEnd
run_folder(Folder *folder)
{
	FolderEnd	end;
	FolderEnd	away;
	Trouble		first;

	if (!look(folder))
		return FOLDER_FAILED;
	end = settle(folder);
	/* behind the files: a manifest comes after its data */
	if (end == FOLDER_DONE && !list_manifests(folder))
		end = FOLDER_FAILED;
	if (end == FOLDER_DONE)
		end = take_files(folder);
	if (end == FOLDER_STOPPED)
		return end;
	/* what is done is put away also where something else is not */
	first = *folder->trouble;
	away = put_away(folder);
	if (end == FOLDER_FAILED)
		*folder->trouble = first;
	else
		end = away;
	return end == FOLDER_DONE && !tell(folder, true) ? FOLDER_FAILED : end;
}

/* ---- what there is ---- */

static bool
list(Folder *folder, const char *url, PlaceFile **files, int *count)
{
	Place	   *place = place_of(folder->config, url, folder->order->credential, folder->trouble);
	bool		listed = place != NULL && place_list(place, files, count, folder->trouble);

	place_free(place);
	return listed;
}

/* All at once: to look for each would be a connection each. */
static bool
list_manifests(Folder *folder)
{
	const char *url = folder->order->url;
	Buffer		pattern = {NULL, 0, 0};
	bool		listed;

	if (folder->order->manifest == MANIFEST_NEVER)
		return true;
	buffer_print(&pattern, "%.*s*" MANIFEST, (int) (strrchr(url, '/') + 1 - url), url);
	listed = list(folder, pattern.text, &folder->manifests, &folder->manifest_count);
	buffer_free(&pattern);
	return listed;
}

static bool
look(Folder *folder)
{
	const char *afterwards = folder->order->afterwards;
	bool		renames = afterwards != NULL && strcmp(afterwards, "rename") == 0;

	if (!list(folder, folder->order->url, &folder->files, &folder->count))
		return false;
	folder->fates = calloc(folder->count + 1, sizeof(Fate));
	if (folder->fates == NULL)
		return trouble_passes(folder->trouble, "out of memory");
	for (int i = 0; i < folder->count; i++)
	{
		const char *name = folder->files[i].name;

		if (ends_with(name, MANIFEST) || (renames && ends_with(name, DONE)))
			folder->fates[i] = LEFT_OUT;
		else if (ends_with(name, PART))
			folder->fates[i] = WAITING;
	}
	return find_known(folder);
}

static bool
ends_with(const char *name, const char *end)
{
	size_t		length = strlen(name);

	return length > strlen(end) && strcmp(name + length - strlen(end), end) == 0;
}

/* What is done as it lies there need not be read again. */
static bool
find_known(Folder *folder)
{
	Buffer		urls = {NULL, 0, 0};
	Buffer		stamps = {NULL, 0, 0};
	const char *values[] = {folder->order->job, folder->order->ordered_by, NULL, NULL};
	PGresult   *result;

	for (int i = 0; i < folder->count; i++)
		if (folder->fates[i] == UNSEEN && folder->files[i].stamp != NULL)
		{
			query_array(&urls, folder->files[i].url);
			query_array(&stamps, folder->files[i].stamp);
		}
	if (urls.length == 0)
		return true;
	buffer_add(&urls, "}", 1);
	buffer_add(&stamps, "}", 1);
	values[2] = urls.text;
	values[3] = stamps.text;
	/* in the order of the names, as the list is */
	result = query(*folder->control, "the register of files could not be read", folder->trouble,
				   "SELECT url, own FROM usage_mgmt.file_known($1, $2, $3, $4) ORDER BY place", 4, values);
	for (int row = 0, i = 0; result != NULL && row < PQntuples(result); i++)
		if (folder->fates[i] == UNSEEN && strcmp(folder->files[i].url, PQgetvalue(result, row, 0)) == 0)
		{
			folder->fates[i] = DEALT;
			folder->known += PQgetvalue(result, row++, 1)[0] == 'f';
		}
	buffer_free(&urls);
	buffer_free(&stamps);
	PQclear(result);
	return result != NULL;
}

/* Leaves to the next run what changes while we wait. */
static FolderEnd
settle(Folder *folder)
{
	PlaceFile  *later;
	int			count;
	bool		unseen = false;
	FolderEnd	end;

	for (int i = 0; i < folder->count; i++)
		unseen |= folder->fates[i] == UNSEEN;
	if (!unseen)
		return FOLDER_DONE;
	end = pause_a_while(folder);
	if (end != FOLDER_DONE)
		return end;
	if (!list(folder, folder->order->url, &later, &count))
		return FOLDER_FAILED;
	for (int i = 0; i < folder->count; i++)
		if (folder->fates[i] == UNSEEN)
		{
			const PlaceFile *now = find(later, count, folder->files[i].name);

			folder->fates[i] = now == NULL ? LEFT_OUT : is_same(now, &folder->files[i]) ? UNSEEN : WAITING;
		}
	place_files_free(later, count);
	return FOLDER_DONE;
}

static FolderEnd
pause_a_while(Folder *folder)
{
	for (int i = 0; i < SETTLE * 10; i++)
	{
		if (folder->hooks->stopping(folder->hooks->context))
			return FOLDER_STOPPED;
		if (!config_goes_on(folder->config))
		{
			trouble_passes(folder->trouble, "given up");
			return FOLDER_FAILED;
		}
		poll(NULL, 0, 100);
	}
	return FOLDER_DONE;
}

/* In a list, which is in the order of the names. */
static const PlaceFile *
find(const PlaceFile *files, int count, const char *name)
{
	int			from = 0;

	while (from < count)
	{
		int			middle = from + (count - from) / 2;
		int			order = strcmp(name, files[middle].name);

		if (order == 0)
			return &files[middle];
		if (order < 0)
			count = middle;
		else
			from = middle + 1;
	}
	return NULL;
}

static bool
is_same(const PlaceFile *a, const PlaceFile *b)
{
	return a->size == b->size && (a->stamp == NULL) == (b->stamp == NULL) &&
		(a->stamp == NULL || strcmp(a->stamp, b->stamp) == 0);
}

/* ---- one after the other ---- */

static FolderEnd
take_files(Folder *folder)
{
	for (int i = 0; i < folder->count; i++)
	{
		FolderEnd	end;

		if (folder->fates[i] != UNSEEN)
			continue;
		if (folder->hooks->stopping(folder->hooks->context))
			return FOLDER_STOPPED;
		end = take_file(folder, i);
		if (end != FOLDER_DONE)
			return end;
		if (!tell(folder, false))
			return FOLDER_FAILED;
	}
	return FOLDER_DONE;
}

static FolderEnd
take_file(Folder *folder, int place)
{
	const PlaceFile *file = &folder->files[place];
	Taking		taking = {.place = place};
	FolderEnd	end = FOLDER_DONE;

	if (!contents_fetch(folder->config, file->url, folder->order->credential, &taking.contents, folder->trouble))
		return refuse_file(folder, place);
	if (file->size >= 0 && taking.contents.size != file->size)
		folder->fates[place] = WAITING;
	else
		end = enter_file(folder, &taking);
	contents_close(&taking.contents);
	free(taking.id);
	free(taking.source);
	free(taking.manifest);
	return end;
}

/* It cannot be read, or not be put away: the others can. */
static FolderEnd
refuse_file(Folder *folder, int place)
{
	if (!folder->trouble->lasting)
		return FOLDER_FAILED;
	folder->fates[place] = FAULTY;
	query_array(&folder->unread, shown_name(&folder->files[place]));
	query_text(folder->trouble->text);
	query_array(&folder->unread_errors, folder->trouble->text);
	return FOLDER_DONE;
}

/* Into the register, which tells whether its content was there before. */
static FolderEnd
enter_file(Folder *folder, Taking *taking)
{
	const FolderOrder *order = folder->order;
	const PlaceFile *file = &folder->files[taking->place];
	char	   *number = sequence_number(order->sequence, file->name);
	char		size[24];
	bool		stays = order->afterwards == NULL || strcmp(order->afterwards, "keep") == 0;
	const char *values[] = {order->job, order->ordered_by, shown_name(file), file->url, file->stamp, size,
	taking->contents.sha256, number != NULL ? folder->series.text : NULL, number, stays ? "t" : "f"};
	PGresult   *result;
	const char *state;
	FolderEnd	end = FOLDER_DONE;

	snprintf(size, sizeof(size), "%" PRId64, taking->contents.size);
	result = query(*folder->control, "the register of files could not be written", folder->trouble,
				   "SELECT file, state, source FROM usage_mgmt.file_take($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
				   10, values);
	free(number);
	if (result == NULL)
		return FOLDER_FAILED;
	state = PQgetvalue(result, 0, 1);
	/* until it is loaded */
	folder->fates[taking->place] = strcmp(state, "new") == 0 ? FAULTY : DEALT;
	folder->known += strcmp(state, "known") == 0;
	taking->id = strdup(PQgetvalue(result, 0, 0));
	taking->source = strdup(PQgetvalue(result, 0, 2));
	if (strcmp(state, "new") == 0)
		end = load_file(folder, taking);
	PQclear(result);
	return end;
}

/* What differs from its manifest beforehand is not loaded; what does afterwards is, and told of. */
static FolderEnd
load_file(Folder *folder, Taking *taking)
{
	char		key[40];
	const FolderFile file = {
		.name = folder->files[taking->place].name, .url = taking->source, .key = key,
		.fd = taking->contents.fd, .size = taking->contents.size
	};
	FolderEnd	end;

	snprintf(key, sizeof(key), "file %s", taking->id);
	if (!read_manifest(folder, taking) || !compare(folder, taking))
		return end_file(folder, taking, false, false);
	end = folder->hooks->import(folder->hooks->context, &file, taking->load, folder->trouble);
	if (end == FOLDER_STOPPED)
		return end;
	if (end == FOLDER_FAILED)
		return end_file(folder, taking, false, false);
	if (contents_changed(&taking->contents))
		return end_file(folder, taking, trouble_lasts(folder->trouble, "it was written to while it was loaded"), true);
	return end_file(folder, taking, compare(folder, taking), true);
}

static bool
read_manifest(Folder *folder, Taking *taking)
{
	const PlaceFile *file = &folder->files[taking->place];
	ManifestUse use = folder->order->manifest;
	Buffer		name = {NULL, 0, 0};

	buffer_print(&name, "%s" MANIFEST, file->name);
	if (find(folder->manifests, folder->manifest_count, name.text) != NULL)
		use = MANIFEST_ALWAYS;
	else if (use == MANIFEST_IF_THERE)
		use = MANIFEST_NEVER;
	buffer_free(&name);
	return manifest_read(folder->config, file->url, folder->order->credential, use, &taking->manifest, folder->trouble);
}

/* With the file, and with its load when there is one. */
static bool
compare(Folder *folder, const Taking *taking)
{
	return taking->manifest == NULL ||
		manifest_compare(folder->data, taking->manifest, folder->order->resource, taking->load[0] != '\0' ? taking->load : NULL,
						 taking->contents.size, taking->contents.sha256, folder->trouble);
}

/* What became of a file.  Unless it is finished the next attempt, or run, has it again. */
static FolderEnd
end_file(Folder *folder, const Taking *taking, bool good, bool finished)
{
	Trouble		trouble = *folder->trouble;
	const char *values[] = {taking->id, taking->load[0] != '\0' ? taking->load : NULL, good ? NULL : trouble.text,
	finished ? "t" : "f"};
	PGresult   *result;

	query_text(trouble.text);
	result = query(*folder->control, "the register of files could not be written", folder->trouble,
				   "SELECT usage_mgmt.file_end($1, $2, $3, $4)", 4, values);
	PQclear(result);
	if (result == NULL)
		return FOLDER_FAILED;
	*folder->trouble = trouble;
	folder->fates[taking->place] = good ? DEALT : FAULTY;
	return good || trouble.lasting ? FOLDER_DONE : FOLDER_FAILED;
}

/* ---- afterwards ---- */

static FolderEnd
put_away(Folder *folder)
{
	const char *afterwards = folder->order->afterwards;
	PlaceFile  *later = NULL;
	int			count = 0;
	FolderEnd	end = FOLDER_DONE;

	if (afterwards == NULL || strcmp(afterwards, "keep") == 0)
		return FOLDER_DONE;
	for (int i = 0; i < folder->count && end == FOLDER_DONE; i++)
	{
		const PlaceFile *now;

		if (folder->fates[i] != DEALT)
			continue;
		if (later == NULL && !list(folder, folder->order->url, &later, &count))
			return FOLDER_FAILED;
		now = find(later, count, folder->files[i].name);
		if (folder->hooks->stopping(folder->hooks->context))
			end = FOLDER_STOPPED;
		else if (now != NULL && is_same(now, &folder->files[i]) && !put_file_away(folder, now))
			end = refuse_file(folder, i);
	}
	place_files_free(later, count);
	return end;
}

/* The manifest goes the way of its file. */
static bool
put_file_away(Folder *folder, const PlaceFile *file)
{
	Buffer		name = {NULL, 0, 0};
	const PlaceFile *manifest;

	buffer_print(&name, "%s" MANIFEST, file->name);
	manifest = find(folder->manifests, folder->manifest_count, name.text);
	buffer_free(&name);
	return put_url_away(folder, file->url, file->name) &&
		(manifest == NULL || put_url_away(folder, manifest->url, manifest->name));
}

static bool
put_url_away(Folder *folder, const char *url, const char *name)
{
	Place	   *place = place_of(folder->config, url, folder->order->credential, folder->trouble);
	Buffer		done = {NULL, 0, 0};
	bool		put;

	if (place == NULL)
		return false;
	buffer_print(&done, "%s" DONE, name);
	put = strcmp(folder->order->afterwards, "remove") == 0 ? place_remove(place, folder->trouble)
		: place_rename(place, done.text, folder->trouble);
	buffer_free(&done);
	place_free(place);
	return put;
}

/* ---- what is told ---- */

/* Asks the register how far the job has come, every second at the most, unless now. */
static bool
tell(Folder *folder, bool now)
{
	const FolderOrder *order = folder->order;
	Buffer		waiting = {NULL, 0, 0};
	Buffer		numbers = {NULL, 0, 0};
	char		known[24];
	const char *values[] = {order->job, order->ordered_by, folder->series.text, known, NULL, NULL, NULL, NULL};
	Buffer	   *arrays[] = {&waiting, &numbers, &folder->unread, &folder->unread_errors};
	PGresult   *result;

	if (!now && time(NULL) == folder->told)
		return true;
	folder->told = time(NULL);
	snprintf(known, sizeof(known), "%d", folder->known);
	for (int i = 0; i < folder->count; i++)
		if (folder->fates[i] == WAITING)
		{
			char	   *number = sequence_number(order->sequence, folder->files[i].name);

			query_array(&waiting, shown_name(&folder->files[i]));
			if (number != NULL)
				query_array(&numbers, number);
			free(number);
		}
	for (int i = 0; i < 4; i++)
	{
		if (arrays[i]->length == 0)
			buffer_add(arrays[i], "{", 1);
		buffer_add(arrays[i], "}", 1);
		values[4 + i] = arrays[i]->text;
	}
	result = query(*folder->control, "the register of files could not be read", folder->trouble,
				   "SELECT p, n, pg_catalog.format('%s of %s files failed: ', n, p #> '{report,files}') || "
				   "(SELECT pg_catalog.string_agg(pg_catalog.concat(f ->> 'name', ': ', f ->> 'error'), '; ') "
				   "FROM pg_catalog.jsonb_array_elements(p #> '{report,failed}') f) "
				   "FROM usage_mgmt.folder_progress($1, $2, $3, $4, $5, $6, $7, $8) p, "
				   "LATERAL (SELECT pg_catalog.jsonb_array_length(p #> '{report,failed}') + "
				   "coalesce((p #>> '{report,more,failed}')::int, 0) AS n) m", 8, values);
	/* more may fail */
	folder->unread.length -= 1;
	folder->unread_errors.length -= 1;
	buffer_free(&waiting);
	buffer_free(&numbers);
	if (result == NULL)
		return false;
	keep_result(folder->result, result);
	PQclear(result);
	if (folder->hooks->progress != NULL)
		folder->hooks->progress(folder->hooks->context, folder->result->progress);
	return true;
}

static void
keep_result(FolderResult *result, const PGresult *row)
{
	free(result->progress);
	result->progress = strdup(PQgetvalue(row, 0, 0));
	result->failed = atoi(PQgetvalue(row, 0, 1));
	snprintf(result->error, sizeof(result->error), "%s", PQgetvalue(row, 0, 2));
	/* a character that was cut */
	result->error[text_valid(result->error, strlen(result->error))] = '\0';
}

/* A name that is no text is shown as in its url. */
static const char *
shown_name(const PlaceFile *file)
{
	size_t		length = strlen(file->name);

	return text_valid(file->name, length) == length ? file->name : strrchr(file->url, '/') + 1;
}
