/*
 * target.c
 *	  The file that an export is written to, by hand.
 *
 * A shell's > is what people know: it writes into a pipe or a device, follows
 * links, leaves a file its owner, mode and other names, and fails where the file
 * may not be written.  So do we; but a file is replaced whole or not at all: what
 * is written has another name, in the same folder, until all of it is there.
 *
 * Where that would cost the file its owner or group, its ACL or its other names,
 * or the folder takes no new file, all of it is put by without a name and then
 * copied into the file that is there.  No error of the server's, no full disk, and
 * no signal before that leaves half a file: only one within that copy.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "local.h"
#include "parting.h"
#include "spool.h"
#include "target.h"

#define SUFFIX ".XXXXXX"

static char *behind_links(const char *name);
static ssize_t read_link(const char *path, char *to, size_t size);
static int	folder_length(const char *path);
static int	descriptor_of(const char *name);
static bool make_temporary(Target *target);
static void forget_temporary(Target *target);
static bool make_new(Target *target);
static bool make_instead(Target *target);
static bool is_replaceable(const Target *target, const struct stat *status);
static bool copy_in(Target *target);
static bool has_room(const Target *target);

bool
target_open(Target *target, const char *name, Trouble *trouble)
{
	struct stat status;
	int			own;

	*target = (Target)
	{
		.name = name, .way = TARGET_THROUGH, .fd = -1, .there = -1
	};
	target->path = behind_links(name);
	if (target->path == NULL)
		return trouble_passes(trouble, "out of memory");
	own = descriptor_of(target->path);
	target->fd = own >= 0 ? fcntl(own, F_DUPFD_CLOEXEC, 0) : open(name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (own >= 0 ? target->fd >= 0 : target->fd >= 0 && fstat(target->fd, &status) == 0 && !S_ISREG(status.st_mode))
		return true;
	if (target->fd < 0 && (own >= 0 || errno != ENOENT || name[0] == '\0'))
		return trouble_system(trouble, errno, "could not write \"%s\"", name);
	target->way = TARGET_RENAMED;
	target->there = target->fd;
	if (target->there < 0)
		return make_new(target) || trouble_system(trouble, errno, "could not write \"%s\"", name);
	if (make_instead(target))
		return true;
	target->way = TARGET_COPIED;
	target->fd = spool_open(&(Config) {0}, trouble);
	return target->fd >= 0;
}

/* Where a name leads that may be that of no file yet; malloc'd. */
static char *
behind_links(const char *name)
{
	char	   *path = strdup(name);
	char		next[PATH_MAX];
	ssize_t		n;

	/* those that lead in a circle are no file's, as it turns out when they are opened */
	for (int i = 0; i < 40 && path != NULL && descriptor_of(path) < 0 && (n = read_link(path, next, sizeof(next))) >= 0; i++)
	{
		int			folder = next[0] == '/' ? 0 : folder_length(path);
		char	   *joined = malloc(folder + n + 1);

		if (joined != NULL)
			sprintf(joined, "%.*s%.*s", folder, path, (int) n, next);
		free(path);
		path = joined;
	}
	return path;
}

/*
 * Not of one that somebody else has laid into a folder where all may: as the kernel has it where a file is opened
 * (fs.protected_symlinks), which we are not where there is none yet.
 */
static ssize_t
read_link(const char *path, char *to, size_t size)
{
	int			fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int			length = folder_length(path);
	char	   *name = length > 0 ? strndup(path, length) : strdup(".");
	struct stat link;
	struct stat folder;
	bool		ours = fd >= 0 && name != NULL && fstat(fd, &link) == 0 && stat(name, &folder) == 0 &&
		(link.st_uid == geteuid() || link.st_uid == folder.st_uid || (folder.st_mode & (S_ISVTX | S_IWOTH)) != (S_ISVTX | S_IWOTH));
	ssize_t		n = ours ? readlinkat(fd, "", to, size) : -1;

	if (fd >= 0)
		close(fd);
	free(name);
	return n;
}

/* Of its path, with the slash. */
static int
folder_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? (int) (slash - path) + 1 : 0;
}

/*
 * What is open already, or -1; /dev/stdout is a link to one.  To open it once more would begin a file anew that
 * somebody else appends to.
 */
static int
descriptor_of(const char *name)
{
	static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};

	if (strcmp(name, "-") == 0)
		return STDOUT_FILENO;
	for (int i = 0; i < 2; i++)
	{
		const char *number = name + strlen(folders[i]);

		if (strncmp(name, folders[i], strlen(folders[i])) == 0 && number[0] != '\0' &&
			strspn(number, "0123456789") == strlen(number) && strlen(number) < 7)
			return atoi(number);
	}
	return -1;
}

/* A name beside that of the file, which nobody has; of a long one as much as there is room for. */
static bool
make_temporary(Target *target)
{
	int			longest = folder_length(target->path) + NAME_MAX - (int) strlen(SUFFIX);

	target->temporary = malloc(strlen(target->path) + sizeof(SUFFIX));
	if (target->temporary == NULL)
		return false;
	sprintf(target->temporary, "%.*s" SUFFIX, longest, target->path);
	target->fd = mkostemp(target->temporary, O_CLOEXEC);
	if (target->fd < 0)
		forget_temporary(target);
	return target->fd >= 0;
}

static void
forget_temporary(Target *target)
{
	free(target->temporary);
	target->temporary = NULL;
}

/* With the mode that any new file gets there, which mkstemp does not give. */
static bool
make_new(Target *target)
{
	struct stat link;

	if (lstat(target->path, &link) == 0 && S_ISLNK(link.st_mode))
	{
		errno = EACCES;
		return false;
	}
	if (!make_temporary(target))
		return false;
	close(target->fd);
	unlink(target->temporary);
	target->fd = open(target->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (target->fd < 0)
		forget_temporary(target);
	return target->fd >= 0;
}

/* One that can take the place of the file that is there, and be no other to anybody. */
static bool
make_instead(Target *target)
{
	struct stat there;
	struct stat new;

	if (fstat(target->there, &there) < 0 || !is_replaceable(target, &there) || !make_temporary(target))
		return false;
	if (fstat(target->fd, &new) == 0 &&
		((new.st_uid == there.st_uid && new.st_gid == there.st_gid) ||
		 fchown(target->fd, there.st_uid, there.st_gid) == 0) &&
		fchmod(target->fd, there.st_mode & 0777) == 0)
		return true;
	unlink(target->temporary);
	forget_temporary(target);
	close(target->fd);
	target->fd = -1;
	return false;
}

static bool
is_replaceable(const Target *target, const struct stat *status)
{
	struct stat named;

	/* of a file that was removed, links in /proc tell no name */
	return status->st_nlink == 1 && fgetxattr(target->there, "system.posix_acl_access", NULL, 0) < 0 &&
		lstat(target->path, &named) == 0 && named.st_ino == status->st_ino && named.st_dev == status->st_dev;
}

bool
target_is_stdout(const Target *target)
{
	struct stat here;
	struct stat out;

	return fstat(target->fd, &here) == 0 && fstat(STDOUT_FILENO, &out) == 0 &&
		here.st_ino == out.st_ino && here.st_dev == out.st_dev;
}

bool
target_keep(Target *target, Trouble *trouble)
{
	bool		good = target->way == TARGET_THROUGH;

	if (target->way == TARGET_RENAMED)
		good = target->kept = fsync(target->fd) == 0 && rename(target->temporary, target->path) == 0;
	/* something is mounted there, as it is in containers */
	if (!good && (target->way == TARGET_COPIED || (target->there >= 0 && errno == EBUSY)))
		good = copy_in(target);
	return good || trouble_system(trouble, errno, "could not write \"%s\"", target->name);
}

static bool
copy_in(Target *target)
{
	char		buffer[64 * 1024];
	off_t		done = 0;
	ssize_t		n;

	if (!has_room(target))
		return false;
	parting_says("usagectl: %s: interrupted: what was written is not whole", target->name);
	for (; (n = pread(target->fd, buffer, sizeof(buffer), done)) != 0; done += n > 0 ? n : 0)
		if ((n < 0 && errno != EINTR) || (n > 0 && !local_write(target->there, buffer, n)))
			return false;
	return ftruncate(target->there, done) == 0 && fsync(target->there) == 0;
}

/* Which what is there keeps until it is written over.  Not all file systems tell; then we see. */
static bool
has_room(const Target *target)
{
	struct stat there;
	struct stat all;
	int			error;

	if (fstat(target->fd, &all) < 0 || fstat(target->there, &there) < 0)
		return false;
	if (all.st_size == 0 || fallocate(target->there, FALLOC_FL_KEEP_SIZE, 0, all.st_size) == 0 ||
		(errno != ENOSPC && errno != EDQUOT))
		return true;
	/* what there was of it is given back */
	error = errno;
	if (ftruncate(target->there, there.st_size) == 0)
		errno = error;
	return false;
}

void
target_close(Target *target)
{
	if (target->temporary != NULL && !target->kept)
		unlink(target->temporary);
	if (target->fd >= 0)
		close(target->fd);
	if (target->there >= 0 && target->there != target->fd)
		close(target->there);
	free(target->temporary);
	free(target->path);
}
