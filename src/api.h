/*
 * api.h
 *	  The APIs there are, and what a URI names in one.
 */
#ifndef UM_API_H
#define UM_API_H

#include "resource.h"

/* What a URI names. */
typedef enum UmPlace
{
	UM_NOWHERE,
	UM_COLLECTION,
	UM_ITEM,
	UM_RESULT,
	UM_HUB,
	UM_HUB_LISTENER,
	UM_OPENAPI
} UmPlace;

/* An API: one version of what stands below one path. */
typedef struct UmApi
{
	UmSlice		base;			/* "/tmf-api/usageManagement/v4/", as its hrefs begin */
	UmVersion	version;
} UmApi;

typedef struct UmTarget
{
	UmPlace		place;
	UmApi		api;
	UmResource *resource;		/* of a collection, an item or its result */
	const char *id;				/* of an item or listener, decoded */
} UmTarget;

extern UmApi um_api_of(const UmResource *resource, UmVersion version);

/* Loops over the resources of an API: um_api_next(api, NULL) is the first. */
extern UmResource *um_api_next(const UmApi *api, const UmResource *before);
extern UmTarget um_target(const char *path);

#endif
