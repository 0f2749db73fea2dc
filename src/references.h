/*
 * references.h
 *	  What an index keeps of a list of parties or ratings.
 */
#ifndef UM_REFERENCES_H
#define UM_REFERENCES_H

#include "json_scan.h"

extern UmSlice um_gathered(UmSlice text);

#endif
