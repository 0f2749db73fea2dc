/*
 * types.h
 *	  The OIDs of the extension's own types, kept for the session.
 */
#ifndef UM_TYPES_H
#define UM_TYPES_H

#include "fmgr.h"

#include "lifecycle.h"

typedef struct UmTypes
{
	Oid			schema;
	Oid			characteristics;
	Oid			related_party;
	Oid			related_party_array;
	Oid			rated_product_usage;
	Oid			rated_product_usage_array;
	Oid			usage_status;
	Oid			specification_status;
	Oid			usage_status_label[UM_MAX_STATUSES];	/* filled by lifecycle.c */
	Oid			specification_status_label[UM_MAX_STATUSES];
} UmTypes;

extern void um_types_init(void);
extern UmTypes *um_types(void);
extern void um_require_column(const char *table, const char *column);
extern Oid	um_table(const char *name, bool missing_ok);
extern bool um_takes_jsonb(FunctionCallInfo fcinfo, int n);

#define UM_SCHEMA "usage_mgmt"

#endif
