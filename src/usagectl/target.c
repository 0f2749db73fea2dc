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
 * copied into the file that is there.  No error of the server's, and no signal
 * before that, leaves half a file: only a full disk or a kill within that copy.
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
#include "spool.h"
#include "target.h"

static char *behind_links(const char *name);
static int	descriptor_of(const char *name);
static bool make_temporary(Target *target);
static bool make_new(Target *target);
static bool make_instead(Target *target);
static bool is_replaceable(const Target *target, const struct stat *status);
static bool copy_in(Target *target);

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
	for (int i = 0; i < 40 && path != NULL && descriptor_of(path) < 0 && (n = readlink(path, next, sizeof(next))) >= 0; i++)
	{
		const char *slash = next[0] == '/' ? NULL : strrchr(path, '/');
		int			folder = slash != NULL ? (int) (slash - path) + 1 : 0;
		char	   *joined = malloc(folder + n + 1);

		if (joined != NULL)
			sprintf(joined, "%.*s%.*s", folder, path, (int) n, next);
		free(path);
		path = joined;
	}
	return path;
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

/* A name beside that of the file, which nobody has. */
static bool
make_temporary(Target *target)
{
	target->temporary = malloc(strlen(target->path) + 8);
	if (target->temporary == NULL)
		return false;
	sprintf(target->temporary, "%s.XXXXXX", target->path);
	target->fd = mkostemp(target->temporary, O_CLOEXEC);
	if (target->fd >= 0)
		return true;
	free(target->temporary);
	target->temporary = NULL;
	return false;
}

/* With the mode that any new file gets there, which mkstemp does not give. */
static bool
make_new(Target *target)
{
	if (!make_temporary(target))
		return false;
	close(target->fd);
	unlink(target->temporary);
	target->fd = open(target->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
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
	free(target->temporary);
	target->temporary = NULL;
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
	ssize_t		n;

	if (ftruncate(target->there, 0) < 0)
		return false;
	for (off_t done = 0; (n = pread(target->fd, buffer, sizeof(buffer), done)) != 0; done += n > 0 ? n : 0)
		if ((n < 0 && errno != EINTR) || (n > 0 && !local_write(target->there, buffer, n)))
			return false;
	return fsync(target->there) == 0;
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
