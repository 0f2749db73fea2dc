/*
 * compat.h
 *	  The only place that asks which PostgreSQL this is.
 *
 * Older servers are given the newer interface, so that no other file needs a
 * condition.
 */
#ifndef UM_COMPAT_H
#define UM_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "usage_mgmt needs PostgreSQL 15 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#if PG_VERSION_NUM < 180000
#define PG_MODULE_MAGIC_EXT(...) PG_MODULE_MAGIC
#define pg_noreturn pg_attribute_noreturn()
#endif

/* Exported on purpose, whatever the default visibility. */
#ifndef PGDLLEXPORT
#define PGDLLEXPORT
#endif

#endif
