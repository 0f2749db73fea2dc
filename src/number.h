/*
 * number.h
 *	  The number that a text is.
 */
#ifndef UM_NUMBER_H
#define UM_NUMBER_H

#include "json_scan.h"

extern bool um_number_in(UmSlice text, UmSlice *number);
extern bool um_is_plain_number(UmSlice text);
extern UmSlice um_plain(UmSlice text);

#endif
