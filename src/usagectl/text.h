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

extern size_t text_valid(const char *text, size_t length);
/* What a usage's id and date may be called, as the server says: each name between spaces. */
typedef struct Names
{
	char		id[256];
	char		date[256];
} Names;

extern void text_glance(const char *text, size_t length, const Names *names, Slice *id, Slice *date);
extern int	text_month(Slice date);

#endif
