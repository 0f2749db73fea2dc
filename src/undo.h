/*
 * undo.h
 *	  A load that is taken back.
 */
#ifndef UM_UNDO_H
#define UM_UNDO_H

#include "record.h"

extern bool um_is_as_stored(const UmRecord *record);

#endif
