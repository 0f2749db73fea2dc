/*
 * spec_cache.h
 *	  Specifications with what they inherit, kept per backend.
 */
#ifndef UM_SPEC_CACHE_H
#define UM_SPEC_CACHE_H

#include "datatype/timestamp.h"

#include "resource.h"
#include "spec_values.h"

typedef struct UmSpecification
{
	char		id[UM_MAX_ID + 1];	/* hash key */
	bool		found;			/* there is such a row; else the rest is empty */
	int			status;			/* -1 for none */
	TimestampTz valid_from;		/* -infinity and infinity for none */
	TimestampTz valid_to;
	const char *fault;			/* of what it inherits, or NULL */
	int			count;
	UmKnown    *known;			/* its characteristics, by name */
	int			counters;
	int		   *counted;		/* which of them each counter is for */
} UmSpecification;

extern void um_spec_cache_init(void);
extern UmSpecification *um_specification(UmResource *resource, UmSlice id, Oid reader);
extern UmKnown *um_specification_knows(const UmSpecification *specification, UmSlice name);

#endif
