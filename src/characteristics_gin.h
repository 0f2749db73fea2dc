/*
 * characteristics_gin.h
 *	  Hashes of lists of characteristics, and of what is in them.
 */
#ifndef UM_CHARACTERISTICS_GIN_H
#define UM_CHARACTERISTICS_GIN_H

#include "characteristics.h"

extern uint64 um_hash_list(const struct varlena *list, uint64 seed);
extern uint64 um_name_key(UmSlice name);
extern uint64 um_pair_key(uint64 name, const UmCharacteristic *element);

#endif
