/*
 * pattern.h
 *	  Regular expressions that others wrote: judged, compiled once, matched whole.
 */
#ifndef UM_PATTERN_H
#define UM_PATTERN_H

#include "json_scan.h"

typedef struct UmPattern UmPattern;

extern char *um_pattern_fault(UmSlice regex);
extern UmPattern *um_pattern_new(UmSlice regex, MemoryContext keeper, char **fault);
extern Size um_pattern_bytes(void);
extern bool um_pattern_matches(UmPattern *pattern, UmSlice text, char **fault);

#endif
