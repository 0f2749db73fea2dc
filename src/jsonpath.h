/*
 * jsonpath.h
 *	  The filter parameter of TMF630, part 6, as a tree of conditions.
 */
#ifndef UM_JSONPATH_H
#define UM_JSONPATH_H

#include "filter.h"

extern UmFilter *um_jsonpath_filter(const char *text, const UmModel *model, UmVersion version,
									bool changes, int *conditions);

#endif
