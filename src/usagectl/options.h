/* options.h: the command line */
#ifndef USAGECTL_OPTIONS_H
#define USAGECTL_OPTIONS_H

#include "connection.h"
#include "declared.h"
#include "delays.h"
#include "files.h"
#include "webhook.h"

typedef enum Command
{
	IMPORT, EXPORT, AGENT, JOBS, LISTENERS, LISTEN, COMMANDS
} Command;

/* What was said, or holds where nothing was. */
typedef struct Options
{
	Command		command;
	char	  **arguments;		/* behind the options */
	int			count;			/* of them */
	Login		login;
	FileOptions file;
	bool		json;
	Declared	declared;
	const char *resource;
	int			batch;			/* records in a transaction */
	bool		no_partitions;
	bool		restart;
	const char *query;
	const char *version;		/* of the standard */
	bool		allow_private;
	bool		allow_superuser;
	Delays		delays;
	int			jobs;
	int			lease;
	const char *name;
	bool		pause_all;
	bool		verbose;
	bool		once;
	int			answer;
	int			delay;
	int			port;			/* to listen on */
	Secret		secret;
} Options;

typedef enum Reading
{
	OPTIONS_READ,
	OPTIONS_ANSWERED,			/* a help was printed */
	OPTIONS_WRONG				/* which was said */
} Reading;

extern Reading options_read(Options *options, int argc, char **argv);
extern bool mistake(const Options *options, const char *format,...) __attribute__((format(printf, 2, 3)));

#endif
