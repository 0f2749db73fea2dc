/*
 * match.h
 *	  Values compared the way a query string means it.
 */
#ifndef UM_MATCH_H
#define UM_MATCH_H

#include "json_scan.h"

extern int	um_compare_text(UmSlice a, UmSlice b);
extern void um_check_regex(const char *regex);

#endif
