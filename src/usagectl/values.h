/* values.h: an option, and how what is said with it is taken */
#ifndef USAGECTL_VALUES_H
#define USAGECTL_VALUES_H

#include "options.h"

typedef enum Taken
{
	TAKEN,
	NO_VALUE,					/* it is not what is allowed */
	COMPLAINED					/* what is wrong was said */
} Taken;

typedef struct Option Option;

struct Option
{
	const char *name;
	char		letter;			/* 0 for none */
	int			commands;
	const char *value;			/* what help calls it; NULL for an option without */
	const char *help;
	Taken		(*take) (Options *options, const Option *option, char *value);
	size_t		place;			/* in Options, of what is taken as it is */
	const char *allowed;		/* what a value is */
	int			least;			/* of a number */
	int			most;
};

extern Taken take_text(Options *options, const Option *option, char *value);
extern Taken take_flag(Options *options, const Option *option, char *value);
extern Taken take_number(Options *options, const Option *option, char *value);
extern Taken take_name(Options *options, const Option *option, char *value);
extern Taken take_ports(Options *options, const Option *option, char *value);
extern Taken take_format(Options *options, const Option *option, char *value);
extern Taken take_mapping(Options *options, const Option *option, char *value);
extern Taken take_amount(Options *options, const Option *option, char *value);
extern Taken take_count(Options *options, const Option *option, char *value);
extern Taken take_delays(Options *options, const Option *option, char *value);
extern Taken take_secret(Options *options, const Option *option, char *value);

#endif
