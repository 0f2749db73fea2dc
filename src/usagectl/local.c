/*
 * local.c
 *	  Files below a directory that is open to orders.
 *
 * Each folder is opened in the one before it, from the root on, and no symbolic
 * link is followed: who may write below a directory, or owns the folder that it
 * lies in, cannot lead us out of it, nor while we are on our way.  What is read is a plain file: a device
 * never ends, and a pipe waits.  By hand, any path is as good as its user's
 * rights, links included.
 *
 * A new file has another name until it is whole and on the disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "local.h"

/* To go through a folder one need not be able to read it. */
#define WAY (O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
#define FOLDER (O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)

static int	open_parent(const Place *place, Trouble *trouble);
static int	open_directory(const Place *place, Trouble *trouble);
static int	descend(int folder, const char *path, int flags, Trouble *trouble, const Place *place);
static bool is_ours(const Place *place, const char *name);
static bool copy_file(int from, int64_t size, int to, const Place *place, Trouble *trouble);

int
local_open(const Place *place, Trouble *trouble)
{
	int			links = place->config->any_file ? 0 : O_NOFOLLOW;
	int			folder = open_parent(place, trouble);
	int			fd;
	struct stat status;

	if (folder < 0)
		return -1;
	/* to open a pipe would wait for somebody who writes */
	fd = openat(folder, place->name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | links);
	if (fd < 0 && errno == ELOOP)
		trouble_lasts(trouble, "%s is a symbolic link, and those are not followed", place->shown);
	else if (fd < 0 || fstat(fd, &status) < 0)
		trouble_system(trouble, errno, "%s", place->shown);
	else if (S_ISREG(status.st_mode))
	{
		close(folder);
		return fd;
	}
	else
		trouble_lasts(trouble, "%s is no plain file", place->shown);
	if (fd >= 0)
		close(fd);
	close(folder);
	return -1;
}

/* The folder of a pattern; to close. */
DIR *
local_folder(const Place *place, Trouble *trouble)
{
	int			fd = open_parent(place, trouble);
	DIR		   *folder = fd >= 0 ? fdopendir(fd) : NULL;

	if (fd >= 0 && folder == NULL)
	{
		trouble_system(trouble, errno, "%s", place->shown);
		close(fd);
	}
	return folder;
}

/* Whether a name in it is that of a plain file, and what there is to know of it. */
bool
local_is_file(DIR *folder, const char *name, struct stat *status)
{
	return fstatat(dirfd(folder), name, status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status->st_mode);
}

bool
local_rename(const Place *place, const char *name, Trouble *trouble)
{
	int			folder = open_parent(place, trouble);
	bool		good;

	if (folder < 0)
		return false;
	good = renameat(folder, place->name, folder, name) == 0 ||
		trouble_system(trouble, errno, "%s could not be renamed to \"%s\"", place->shown, name);
	close(folder);
	return good;
}

bool
local_remove(const Place *place, Trouble *trouble)
{
	int			folder = open_parent(place, trouble);
	bool		good;

	if (folder < 0)
		return false;
	good = unlinkat(folder, place->name, 0) == 0 ||
		trouble_system(trouble, errno, "%s could not be removed", place->shown);
	close(folder);
	return good;
}

bool
local_put(Place *place, int fd, int64_t size, Trouble *trouble)
{
	int			to = place_temporary(place, trouble);
	bool		good;

	if (to < 0)
		return false;
	good = copy_file(fd, size, to, place, trouble) && place_commit(place, to, trouble);
	if (!good)
		place_abandon(place);
	close(to);
	return good;
}

/* A new file beside the one that it will be; what an attempt before this one left is gone. */
int
place_temporary(Place *place, Trouble *trouble)
{
	char		name[256];
	struct stat status;
	int			fd;

	if (!place_may_change(place, trouble))
		return -1;
	if (place->parent < 0)
		place->parent = open_parent(place, trouble);
	if (place->parent < 0)
		return -1;
	place_temporary_name(place, name, sizeof(name));
	if (unlinkat(place->parent, name, 0) < 0 && errno != ENOENT)
		fd = -1;
	else
		fd = openat(place->parent, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd >= 0 && fstat(fd, &status) == 0)
	{
		place->device = status.st_dev;
		place->inode = status.st_ino;
		return fd;
	}
	trouble_system(trouble, errno, "%s: could not make \"%s\"", place->shown, name);
	close(place->parent);
	place->parent = -1;
	return -1;
}

/* Gives it its name, once it is on the disk. */
bool
place_commit(Place *place, int fd, Trouble *trouble)
{
	char		name[256];

	place_temporary_name(place, name, sizeof(name));
	if (fsync(fd) < 0)
		return trouble_system(trouble, errno, "%s could not be written to the disk", place->shown);
	/* another attempt at the same, which took us for dead, has a file of that name by now */
	if (!is_ours(place, name))
		return trouble_passes(trouble, "%s: somebody else has taken \"%s\" away", place->shown, name);
	if (renameat(place->parent, name, place->parent, place->name) < 0)
		return trouble_system(trouble, errno, "%s: \"%s\" could not be renamed to it", place->shown, name);
	/* the name, too; a file system that cannot has done what it can */
	fsync(place->parent);
	close(place->parent);
	place->parent = -1;
	return true;
}

void
place_abandon(Place *place)
{
	char		name[256];

	if (place->parent < 0)
		return;
	place_temporary_name(place, name, sizeof(name));
	if (is_ours(place, name))
		unlinkat(place->parent, name, 0);
	close(place->parent);
	place->parent = -1;
}

static bool
is_ours(const Place *place, const char *name)
{
	struct stat there;

	return fstatat(place->parent, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
		there.st_ino == place->inode && there.st_dev == place->device;
}

/* ---- the way there ---- */

/* The folder that a file lies in. */
static int
open_parent(const Place *place, Trouble *trouble)
{
	const Directory *directory = place->directory;
	int			fd;

	if (directory != NULL)
	{
		fd = open_directory(place, trouble);
		return fd < 0 ? -1 :
			descend(fd, place->path + (strcmp(directory->path, "/") == 0 ? 0 : strlen(directory->path)), FOLDER, trouble, place);
	}
	fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		trouble_system(trouble, errno, "%s: folder \"%s\"", place->shown, place->path);
	return fd;
}

/* That which is open to orders. */
static int
open_directory(const Place *place, Trouble *trouble)
{
	const char *path = place->directory->path;
	int			way = descend(open("/", WAY), path, WAY, trouble, place);
	int			fd;

	if (way < 0)
		return -1;
	fd = openat(way, ".", FOLDER);
	if (fd < 0)
		trouble_system(trouble, errno, "%s: folder \"%s\"", place->shown, path);
	close(way);
	return fd;
}

/* Along a path, from folder to folder; takes the first over. */
static int
descend(int folder, const char *path, int flags, Trouble *trouble, const Place *place)
{
	while (*(path += strspn(path, "/")) != '\0')
	{
		size_t		length = strcspn(path, "/");
		char	   *name = strndup(path, length);
		int			next = name != NULL ? openat(folder, name, flags) : -1;
		int			error = errno;
		struct stat status;

		if (next < 0 && name != NULL && fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode))
			trouble_lasts(trouble, "%s: \"%s\" is a symbolic link, and those are not followed", place->shown, name);
		else if (next < 0)
			trouble_system(trouble, error, "%s: folder \"%s\"", place->shown, name != NULL ? name : "");
		free(name);
		close(folder);
		if (next < 0)
			return -1;
		folder = next;
		path += length;
	}
	return folder;
}

static bool
copy_file(int from, int64_t size, int to, const Place *place, Trouble *trouble)
{
	static char buffer[256 * 1024];

	for (int64_t done = 0; done < size;)
	{
		size_t		wanted = size - done < (int64_t) sizeof(buffer) ? (size_t) (size - done) : sizeof(buffer);
		ssize_t		n = pread(from, buffer, wanted, done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return trouble_system(trouble, errno, "%s: what was to be written could not be read", place->shown);
		if (n == 0)
			return trouble_passes(trouble, "%s: what was to be written is shorter than it was", place->shown);
		if (!local_write(to, buffer, n))
			return trouble_system(trouble, errno, "%s could not be written", place->shown);
		done += n;
		if (!config_goes_on(place->config))
			return trouble_passes(trouble, "%s: given up", place->shown);
	}
	return true;
}

/* All of it; false with errno. */
bool
local_write(int fd, const char *data, size_t length)
{
	while (length > 0)
	{
		ssize_t		n = write(fd, data, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		length -= n;
	}
	return true;
}
