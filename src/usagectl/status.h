/* status.h: what the program ends with */
#ifndef USAGECTL_STATUS_H
#define USAGECTL_STATUS_H

typedef enum ExitStatus
{
	ALL_DONE = 0, SOME_REFUSED = 1, FAILED = 2
} ExitStatus;

#endif
