/*
 * spec_values.h
 *	  What one characteristic of a specification may be.
 */
#ifndef UM_SPEC_VALUES_H
#define UM_SPEC_VALUES_H

#include "characteristics.h"
#include "pattern.h"
#include "record.h"

struct UmAllowedValue;

/* An expression that a value is to match, compiled when the first one comes. */
typedef struct UmExpression
{
	UmSlice		text;			/* len 0 where there is none */
	UmPattern  *pattern;
	const char *fault;			/* of one that cannot be used */
} UmExpression;

/* A characteristic as its specification knows it. */
typedef struct UmKnown
{
	UmSlice		name;
	int			place;			/* of a name given twice the first counts */
	int			least;			/* how many a usage has of it */
	int			most;			/* -1 for any number */
	int			counter;		/* where they are counted, -1 where any number will do */
	UmExpression regex;			/* of every value */
	int			types;			/* of all values */
	int			free_types;		/* of which any value will do */
	int			count;			/* of the others */
	int			listed;			/* listed without more: they come first, by key and type */
	bool		measured;		/* some have a unit */
	struct UmAllowedValue *value;
} UmKnown;

/* What there is against a value, the least first. */
typedef enum UmVerdict
{
	UM_FITS,
	UM_NOT_USABLE,				/* the expression itself */
	UM_NOT_MATCHED,				/* by the expression */
	UM_NOT_LISTED,				/* not in a list or range */
	UM_NOT_IN_UNIT,
	UM_NOT_OF_TYPE
} UmVerdict;

/* And what it is about: an expression, or the unit it should be in. */
typedef struct UmMatter
{
	UmSlice		text;
	const char *fault;			/* of an expression that cannot be used */
} UmMatter;

extern bool um_known_name(const UmRecord *characteristic, UmSlice *name);
extern void um_known_arrange(UmKnown *known, const UmRecord *characteristic);
extern UmVerdict um_known_judge(UmKnown *known, const UmCharacteristic *c, UmSlice unit,
								UmMatter *matter);

#endif
