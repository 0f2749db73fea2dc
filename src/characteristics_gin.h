/*
 * characteristics_gin.h
 *	  Hashes of lists of characteristics, and of what is in them.
 */
#ifndef UM_CHARACTERISTICS_GIN_H
#define UM_CHARACTERISTICS_GIN_H

#include "utils/array.h"

#include "characteristics.h"

/* What ?= asks for: a name, and the values that follow it in an array of text. */
typedef struct UmNamedValues
{
	UmSlice		name;
	int			count;			/* 0 where there is no name, too */
	Datum	   *values;
} UmNamedValues;

extern UmNamedValues um_named_values(ArrayType *array);
extern int	um_forms_of_value(const UmNamedValues *wanted, int place, UmCharacteristic forms[2]);
extern uint64 um_hash_list(const struct varlena *list, uint64 seed);
extern uint64 um_name_key(UmSlice name);
extern uint64 um_pair_key(uint64 name, const UmCharacteristic *element);

#endif
