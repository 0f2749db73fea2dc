/*
 * types.h
 *	  The OIDs of the extension's own schema, types and tables.
 */
#ifndef UM_TYPES_H
#define UM_TYPES_H

#include "fmgr.h"

#include "compat.h"

#define UM_SCHEMA "usage_mgmt"

/* A type of the extension: its name, and what the session knows of it. */
typedef struct UmType
{
	const char *name;
	Oid			oid;
	uint64		as_of;			/* the change of any type that it was looked up behind */
} UmType;

extern void um_types_init(void);
extern Oid	um_schema(void);
extern bool um_type_exists(UmType *type);
extern Oid	um_type(UmType *type);
extern Oid	um_characteristics_type(void);
pg_noreturn extern void um_lacks_column(const char *table, const char *column);
extern void um_require_column(const char *table, const char *column);
extern Oid	um_table(const char *name, bool missing_ok);
extern bool um_takes_jsonb(FunctionCallInfo fcinfo, int n);

#endif
