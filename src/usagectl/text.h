/* text.h: what is text, and what a record says of itself at a glance */
#ifndef USAGECTL_TEXT_H
#define USAGECTL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A stretch of a record. */
typedef struct Slice
{
	const char *text;
	size_t		length;
} Slice;

/*
 * What a record's id, date and type may be called, as the server says: each
 * name between spaces.  Empty for what is not looked for.
 */
typedef struct Names
{
	const char *id;
	const char *date;
	const char *type;
} Names;

/* These, without their quotes; length 0 for none. */
typedef struct Glance
{
	Slice		id;
	Slice		date;
	Slice		type;
} Glance;

extern void text_plain(char *text);
extern size_t text_valid(const char *text, size_t length);
extern Glance text_glance(const char *text, size_t length, const Names *names);
extern int	text_month(Slice date);

#endif
