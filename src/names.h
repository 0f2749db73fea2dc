/*
 * names.h
 *	  Dotted names that people write, looked up in the model.
 */
#ifndef UM_NAMES_H
#define UM_NAMES_H

#include "model.h"

/* In the order of their words. */
typedef enum UmOperator
{
	UM_EQ, UM_NE, UM_GT, UM_GTE, UM_LT, UM_LTE, UM_REGEX
} UmOperator;

/* What a name is to do. */
typedef enum UmNameUse
{
	UM_CONDITION_NAME,			/* parameters stand there, too, and operators behind it */
	UM_FIELD_NAME,
	UM_SORT_NAME				/* nothing is sorted by what the model does not know */
} UmNameUse;

/* Where a name leads, as far as the objects of one model go. */
typedef struct UmNamed
{
	const UmAttribute *object;	/* that it is in, or NULL */
	const UmAttribute *attribute;	/* NULL for what stands below extra */
	const char *rest;			/* of the name, NULL for none */
} UmNamed;

/* Each list ends with NULL. */
extern const char *const um_operators[];
extern const char *const um_parameters[];

extern bool um_operator_from_name(const char *name, int len, UmOperator *op);
extern UmNamed um_look_up(const UmModel *model, const char *name);
extern const UmModel *um_elements_at(const UmNamed *place);
extern char *um_json_path(const char *name);
extern char *um_unknown_name(const UmModel *model, const char *name, UmVersion version,
							 UmNameUse use);

#endif
