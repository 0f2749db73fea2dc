/*
 * match.h
 *	  Values compared the way a query string means it.
 */
#ifndef UM_MATCH_H
#define UM_MATCH_H

#include "query_string.h"

extern int	um_compare_text(UmSlice a, UmSlice b);
extern void um_try_regex(const char *regex);

#endif
