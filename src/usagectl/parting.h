/* parting.h: what is said and done when a signal ends the program */
#ifndef USAGECTL_PARTING_H
#define USAGECTL_PARTING_H

#include <libpq-fe.h>

extern void parting_begin(PGconn *conn);	/* NULL for none */
extern void parting_says(const char *format,...) __attribute__((format(printf, 1, 2)));
extern void parting_removes(const char *file);	/* NULL for none; has to live as long */
extern void parting_restores(int fd);	/* how a terminal is now */
extern void parting_leaves_to(void (*handler) (int));	/* what a signal means from now on */
extern void parting_end(void);

#endif
