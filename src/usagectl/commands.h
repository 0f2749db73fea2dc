/* commands.h: the commands, their options, and help */
#ifndef USAGECTL_COMMANDS_H
#define USAGECTL_COMMANDS_H

#include "values.h"

#define MOST_OPTIONS 60

/* The options, and how many of them there are. */
extern const Option command_options[];
extern const int command_option_count;

extern const char *command_name(Command command);
extern Command command_find(const char *name);
extern bool command_has(Command command, const Option *option);
extern void command_list(char *list, size_t size, int mask, const char *last);
extern void command_help(Command command);

#endif
