/* folder.h: the files that a pattern names, each content once */
#ifndef USAGECTL_FOLDER_H
#define USAGECTL_FOLDER_H

#include "manifest.h"

/* What an import job says of its folder; texts are NULL where it says nothing. */
typedef struct FolderOrder
{
	const char *job;			/* its id */
	const char *ordered_by;
	const char *url;			/* ends in a pattern */
	const char *credential;
	const char *resource;		/* the noun */
	const char *sequence;
	const char *afterwards;
	ManifestUse manifest;
} FolderOrder;

/* One file, here, with its bytes from the start of fd, which stays open. */
typedef struct FolderFile
{
	const char *name;
	const char *url;
	const char *key;			/* by which the books find its load again, whatever job goes on
								 * with it */
	int			fd;
	int64_t		size;
} FolderFile;

typedef enum FolderEnd
{
	FOLDER_DONE,				/* all that can be done was done; result tells */
	FOLDER_STOPPED,				/* as the program was told to */
	FOLDER_FAILED				/* trouble says why, and whether to try again */
} FolderEnd;

typedef struct FolderResult
{
	char	   *progress;		/* JSON as job_checkpoint() and job_end() take it, with the
								 * report; freed by the caller */
	int			failed;			/* files */
	char		error[1000];	/* what is wrong with them, the first ones */
} FolderResult;

typedef struct FolderHooks
{
	/*
	 * Imports the file under a load of its own, the one of that key where there is one
	 * unfinished, and finishes it: FOLDER_DONE with the id of the load.  A load of that key that
	 * is finished is taken for done.
	 */
	FolderEnd	(*import) (void *context, const FolderFile *file, char load[24], Trouble *trouble);
	bool		(*stopping) (void *context);
	void		(*progress) (void *context, const char *progress);	/* after each file */
	void	   *context;
} FolderHooks;

extern bool folder_is_pattern(const char *url);

/* The control connection may become another one in a hook. */
extern FolderEnd folder_run(const Config *config, PGconn *const *control, PGconn *data, const FolderOrder *order,
							const FolderHooks *hooks, FolderResult *result, Trouble *trouble);

#endif
