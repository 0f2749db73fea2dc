/*
 * characteristics_io.h
 *	  A list of characteristics as the jsonb object of its pairs.
 */
#ifndef UM_CHARACTERISTICS_IO_H
#define UM_CHARACTERISTICS_IO_H

#include "characteristics.h"

/* A named element and its place in the list. */
typedef struct UmPair
{
	UmCharacteristic element;
	int			place;
} UmPair;

extern UmPair *um_unique_pairs(const struct varlena *list, int *count);
extern int	um_compare_names(UmSlice a, UmSlice b);
extern Datum um_characteristic_to_jsonb(const UmCharacteristic *element);

#endif
