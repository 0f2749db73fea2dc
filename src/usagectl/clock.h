/* clock.h: seconds that only go forward */
#ifndef USAGECTL_CLOCK_H
#define USAGECTL_CLOCK_H

extern double clock_now(void);

#endif
