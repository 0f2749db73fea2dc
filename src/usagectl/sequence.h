/* sequence.h: the number in a file's name */
#ifndef USAGECTL_SEQUENCE_H
#define USAGECTL_SEQUENCE_H

extern char *sequence_number(const char *sequence, const char *name);

#endif
