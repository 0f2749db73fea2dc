/* trouble.h: why something beyond our walls did not work */
#ifndef USAGECTL_TROUBLE_H
#define USAGECTL_TROUBLE_H

#include <stdbool.h>

/* The text has no secret in it, and says what an operator should do. */
typedef struct Trouble
{
	bool		lasting;		/* to try again is of no use */
	char		text[1000];
} Trouble;

extern bool trouble_lasts(Trouble *trouble, const char *format,...) __attribute__((format(printf, 2, 3)));
extern bool trouble_passes(Trouble *trouble, const char *format,...) __attribute__((format(printf, 2, 3)));
extern bool trouble_system(Trouble *trouble, int error, const char *format,...) __attribute__((format(printf, 3, 4)));

#endif
