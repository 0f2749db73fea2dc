/* steps.h: a document made of a row of CSV */
#ifndef USAGECTL_STEPS_H
#define USAGECTL_STEPS_H

#include <libpq-fe.h>
#include <stdint.h>

#include "buffer.h"
#include "row.h"

typedef struct WritingStep WritingStep;
typedef struct Open Open;

/* What is wrong with a row. */
typedef struct Faults
{
	Buffer		list;			/* a JSON array that is not closed; empty for none */
	int64_t		row;			/* which it is */
	int64_t		at;				/* the byte of the file that it begins at */
} Faults;

typedef struct Steps
{
	PGresult   *learnt;			/* has the texts */
	const Field *header;
	WritingStep *list;
	int			count;
	Open	   *opened;
	size_t		fixed;			/* bytes of all texts */
	int			uses;			/* most steps that want one field */

	/* while they are taken */
	char	   *out;
	size_t		used;
	Faults	   *faults;
} Steps;

extern bool steps_learn(Steps *steps, PGresult *result, const Field *header, int columns);
extern void steps_free(Steps *steps);
extern size_t steps_most(const Steps *steps, size_t length, size_t growth);
extern size_t steps_take(Steps *steps, const Row *row, char *out, size_t used, Faults *faults);
extern void fault_add(Faults *faults, const char *path, const char *code, const char *format,...)
			__attribute__((format(printf, 4, 5)));

#endif
