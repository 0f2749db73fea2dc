/*
 * face.h
 *	  The APIs there are, and what a URI names in one.
 */
#ifndef UM_FACE_H
#define UM_FACE_H

#include "resource.h"

/* What a URI names. */
typedef enum UmPlace
{
	UM_NOWHERE,
	UM_COLLECTION,
	UM_ITEM,
	UM_HUB,
	UM_HUB_LISTENER,
	UM_OPENAPI
} UmPlace;

/* An API: one version of what stands below one path. */
typedef struct UmFace
{
	UmSlice		base;			/* "/tmf-api/usageManagement/v4/", as its hrefs begin */
	UmVersion	version;
} UmFace;

typedef struct UmTarget
{
	UmPlace		place;
	UmFace		face;
	UmResource *resource;		/* of a collection or an item */
	const char *id;				/* of an item or listener, decoded */
} UmTarget;

extern UmFace um_face_of(const UmResource *resource, UmVersion version);
/* Loops over the resources of an API: um_face_next(face, NULL) is the first. */
extern UmResource *um_face_next(const UmFace *face, const UmResource *before);
extern UmTarget um_target(const char *path);

#endif
