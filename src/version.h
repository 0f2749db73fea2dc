/*
 * version.h
 *	  The versions of the standard.
 */
#ifndef UM_VERSION_H
#define UM_VERSION_H

/* In the order of the names in an attribute. */
typedef enum UmVersion
{
	UM_R14_5,
	UM_V4
} UmVersion;

#define UM_VERSIONS 2
#define UM_ONLY_V4		(1 << UM_V4)
#define UM_ALL_VERSIONS ((1 << UM_VERSIONS) - 1)

#endif
