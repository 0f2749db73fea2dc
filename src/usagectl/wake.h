/* wake.h: signals that wake a loop */
#ifndef USAGECTL_WAKE_H
#define USAGECTL_WAKE_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>

/* Since SIGTERM or SIGINT. */
extern volatile sig_atomic_t told_to_leave;

extern bool wake_open(void);
extern struct pollfd wake_polled(void);
extern void wake_clear(void);

#endif
