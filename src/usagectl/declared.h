/* declared.h: what the sender of a file says that it comes to */
#ifndef USAGECTL_DECLARED_H
#define USAGECTL_DECLARED_H

#include <stdbool.h>

/* The members of a JSON object, one after the other. */
typedef struct Declared
{
	char		read[40];
	char		amounts[2000];
	char		all[2100];
} Declared;

extern bool declared_count(Declared *declared, const char *count);
extern bool declared_amount(Declared *declared, const char *amount);
extern bool declared_currency(const Declared *declared, const char *amount);
extern bool declared_any(const Declared *declared);
extern const char *declared_all(Declared *declared);

#endif
