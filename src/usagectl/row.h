/* row.h: a row of CSV, taken apart */
#ifndef USAGECTL_ROW_H
#define USAGECTL_ROW_H

#include <stdbool.h>
#include <stddef.h>

typedef struct Field
{
	const char *text;
	size_t		length;
	bool		doubled;		/* there are quotes in it, each of them twice */
} Field;

/* What a row came to. */
typedef enum RowState
{
	ROW_WHOLE,
	ROW_OPEN,					/* it goes on behind the bytes that there are */
	ROW_QUOTED					/* so does a field of it that is quoted */
} RowState;

typedef struct Row
{
	char		delimiter;
	bool		stops[256];		/* bytes that end a field or must not be in one */
	Field	   *fields;
	int			space;
	int			count;
	size_t		length;			/* without the end of the line */
	size_t		taken;			/* with it */
	int			fault_field;	/* from 1 on; 0 for none */
	const char *fault;			/* of that field */
} Row;

extern void row_delimit(Row *row, char delimiter);
extern void row_free(Row *row);
extern char row_delimiter(const char *text, size_t length);
extern RowState row_scan(Row *row, const char *text, size_t length, bool last);

#endif
