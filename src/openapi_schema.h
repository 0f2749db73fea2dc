/*
 * openapi_schema.h
 *	  The schemas of an OpenAPI document, gathered before they are written.
 */
#ifndef UM_OPENAPI_SCHEMA_H
#define UM_OPENAPI_SCHEMA_H

#include "nodes/pg_list.h"

#include "api.h"

/* The entity that one operation of a patch is. */
#define UM_PATCH_OPERATION "ArrayUpdate"

typedef struct UmSchemas
{
	UmVersion	version;
	const UmResource *resource; /* that is being described */
	List	   *names;			/* of char *, in the order in which they are written, */
	List	   *texts;			/* and the schema of each: JSON */
} UmSchemas;

extern void um_schemas_of_resource(UmSchemas *schemas, const UmResource *resource);
extern void um_schemas_of_events(UmSchemas *schemas, const UmResource *resource);
extern void um_schemas_of_hub(UmSchemas *schemas);
extern void um_schemas_of_patch(UmSchemas *schemas);
extern void um_schemas_write(StringInfo out, const UmSchemas *schemas);
extern void um_write_type(StringInfo out, UmSchemas *schemas, const UmAttribute *attribute);
extern const char *um_schema_name(const UmModel *model);
extern char *um_camel(const char *words);
extern const char *um_next_status(const UmResource *resource);

#endif
