/*
 * buffer.c
 *	  Text that grows.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "connection.h"

static void make_room(Buffer *buffer, size_t length);

void
buffer_add(Buffer *buffer, const char *text, size_t length)
{
	make_room(buffer, length);
	memcpy(buffer->text + buffer->length, text, length);
	buffer->length += length;
	buffer->text[buffer->length] = '\0';
}

void
buffer_print(Buffer *buffer, const char *format,...)
{
	va_list		args;
	int			length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	make_room(buffer, length);
	va_start(args, format);
	vsnprintf(buffer->text + buffer->length, length + 1, format, args);
	va_end(args);
	buffer->length += length;
}

/* As a JSON string, with its quotes. */
void
buffer_json(Buffer *buffer, const char *text, size_t length)
{
	size_t		from = 0;

	buffer_add(buffer, "\"", 1);
	for (size_t i = 0; i < length; i++)
	{
		unsigned char c = text[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buffer_add(buffer, text + from, i - from);
		from = i + 1;
		if (c < 0x20)
			buffer_print(buffer, "\\u%04x", c);
		else
			buffer_print(buffer, "\\%c", c);
	}
	buffer_add(buffer, text + from, length - from);
	buffer_add(buffer, "\"", 1);
}

void
buffer_clear(Buffer *buffer)
{
	buffer->length = 0;
	if (buffer->text != NULL)
		buffer->text[0] = '\0';
}

void
buffer_free(Buffer *buffer)
{
	free(buffer->text);
	memset(buffer, 0, sizeof(Buffer));
}

/* For so many bytes more, and a NUL.  Without memory there is nothing to be done. */
static void
make_room(Buffer *buffer, size_t length)
{
	size_t		space = buffer->space > 0 ? buffer->space : 256;

	while (space < buffer->length + length + 1)
		space *= 2;
	if (space == buffer->space)
		return;
	buffer->text = realloc(buffer->text, space);
	if (buffer->text == NULL)
	{
		complain("out of memory");
		exit(2);
	}
	buffer->space = space;
	buffer->text[buffer->length] = '\0';
}
