/* local.h: files below a directory that is open to orders */
#ifndef USAGECTL_LOCAL_H
#define USAGECTL_LOCAL_H

#include <dirent.h>
#include <sys/stat.h>

#include "place.h"

extern int	local_open(const Place *place, Trouble *trouble);	/* to read; -1 */
extern DIR *local_folder(const Place *place, Trouble *trouble);
extern bool local_is_file(DIR *folder, const char *name, struct stat *status);
extern bool local_put(Place *place, int fd, int64_t size, Trouble *trouble);
extern bool local_rename(const Place *place, const char *name, Trouble *trouble);
extern bool local_write(int fd, const char *data, size_t length);
extern bool local_remove(const Place *place, Trouble *trouble);

#endif
