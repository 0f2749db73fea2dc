/*
 * trouble.c
 *	  Why something beyond our walls did not work.
 *
 * What lasts is not tried again; so only that lasts which somebody has to mend:
 * a file that is not there, a right that is missing, a certificate.  A disk
 * that is full is emptied, a server comes back.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"
#include "trouble.h"

static void set(Trouble *trouble, bool lasting, const char *format, va_list arguments) __attribute__((format(printf, 3, 0)));

/* Always false, for the caller to return. */
bool
trouble_lasts(Trouble *trouble, const char *format,...)
{
	va_list		arguments;

	va_start(arguments, format);
	set(trouble, true, format, arguments);
	va_end(arguments);
	return false;
}

/* The same, of what may be gone the next time. */
bool
trouble_passes(Trouble *trouble, const char *format,...)
{
	va_list		arguments;

	va_start(arguments, format);
	set(trouble, false, format, arguments);
	va_end(arguments);
	return false;
}

/* The same, of what the operating system says. */
bool
trouble_system(Trouble *trouble, int error, const char *format,...)
{
	static const int lasting[] = {ENOENT, EACCES, EPERM, EISDIR, ENOTDIR, ELOOP, ENAMETOOLONG, EROFS, ENXIO, EXDEV};
	bool		lasts = false;
	va_list		arguments;
	size_t		length;

	for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
		lasts = lasts || lasting[i] == error;
	va_start(arguments, format);
	set(trouble, lasts, format, arguments);
	va_end(arguments);
	length = strlen(trouble->text);
	snprintf(trouble->text + length, sizeof(trouble->text) - length, ": %s", strerror(error));
	return false;
}

/* What others tell us may have lines. */
static void
set(Trouble *trouble, bool lasting, const char *format, va_list arguments)
{
	trouble->lasting = lasting;
	vsnprintf(trouble->text, sizeof(trouble->text), format, arguments);
	text_plain(trouble->text);
}
