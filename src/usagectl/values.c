/*
 * values.c
 *	  What is said with an option, taken into the options.
 *
 * What a value must be is said by the option; here is what that means.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "values.h"

#define MAPPING (1024 * 1024)	/* bytes of one, with room to spare */

Taken
take_text(Options *options, const Option *option, char *value)
{
	*(const char **) ((char *) options + option->place) = value;
	return TAKEN;
}

Taken
take_flag(Options *options, const Option *option, char *value)
{
	(void) value;
	*(bool *) ((char *) options + option->place) = true;
	return TAKEN;
}

Taken
take_number(Options *options, const Option *option, char *value)
{
	char	   *end;
	long		number = strtol(value, &end, 10);

	if (!isdigit((unsigned char) value[0]) || *end != '\0' || number < option->least || number > option->most)
		return NO_VALUE;
	*(int *) ((char *) options + option->place) = (int) number;
	return TAKEN;
}

Taken
take_name(Options *options, const Option *option, char *value)
{
	return value[0] != '\0' ? take_text(options, option, value) : NO_VALUE;
}

/* One for each host, as libpq has it; none is the usual one. */
Taken
take_ports(Options *options, const Option *option, char *value)
{
	const char *port = value;

	while (*port != '\0')
	{
		size_t		length = strcspn(port, ",");

		if (strspn(port, "0123456789") < length || length > 5 || (length > 0 && (atoi(port) < 1 || atoi(port) > 65535)))
			return NO_VALUE;
		port += length + (port[length] == ',');
	}
	return take_text(options, option, value);
}

Taken
take_format(Options *options, const Option *option, char *value)
{
	(void) option;
	options->file.format_given = format_of_name(value, &options->file.format);
	return options->file.format_given ? TAKEN : NO_VALUE;
}

/* All of a file; what it says is judged by the server, and that there is none in it not. */
Taken
take_mapping(Options *options, const Option *option, char *value)
{
	FILE	   *in = fopen(value, "r");
	char	   *text = calloc(1, MAPPING + 1);
	size_t		length = in != NULL && text != NULL ? fread(text, 1, MAPPING, in) : 0;
	bool		failed = in == NULL || ferror(in);

	(void) option;
	if (failed || length == 0 || length == MAPPING)
		complain("--mapping: could not read a mapping from \"%s\": %s", value,
				 failed ? strerror(errno) : length == 0 ? "it is empty" : "it is too long");
	if (in != NULL)
		fclose(in);
	options->file.mapping = text;
	return !failed && length > 0 && length < MAPPING ? TAKEN : COMPLAINED;
}

Taken
take_amount(Options *options, const Option *option, char *value)
{
	if (declared_currency(&options->declared, value))
	{
		mistake(options, "--%s: %.3s is declared twice", option->name, value);
		return COMPLAINED;
	}
	return declared_amount(&options->declared, value) ? TAKEN : NO_VALUE;
}

Taken
take_count(Options *options, const Option *option, char *value)
{
	(void) option;
	return declared_count(&options->declared, value) ? TAKEN : NO_VALUE;
}

Taken
take_delays(Options *options, const Option *option, char *value)
{
	(void) option;
	return delays_read(&options->delays, value) ? TAKEN : NO_VALUE;
}

/* Others see our arguments: it must not stay there, nor be shown when it is none. */
Taken
take_secret(Options *options, const Option *option, char *value)
{
	bool		taken = webhook_secret(&options->secret, value);

	memset(value, 'x', strlen(value));
	if (!taken)
		mistake(options, "--%s: that is not whsec_ and base64", option->name);
	return taken ? TAKEN : COMPLAINED;
}
