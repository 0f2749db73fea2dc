/*
 * names.h
 *	  Dotted names that people write, looked up in the model.
 */
#ifndef UM_NAMES_H
#define UM_NAMES_H

#include "model.h"

/* What a name is to do. */
typedef enum UmNameUse
{
	UM_CONDITION_NAME,			/* parameters stand there, too, and operators behind it */
	UM_FIELD_NAME,
	UM_SORT_NAME				/* nothing is sorted by what the model does not know */
} UmNameUse;

extern char *um_unknown_name(const UmModel *model, const char *name, UmVersion version,
							 UmNameUse use);

#endif
