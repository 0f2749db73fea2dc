/*
 * types.c
 *	  The OIDs of the extension's own schema, types and tables.
 *
 * Types are looked up by name in the extension's schema, kept for the session
 * and looked up again as soon as any type changes, so DROP and CREATE
 * EXTENSION in one session is safe.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "types.h"

static uint64 changes = 1;		/* of any type, that we heard of */
static Oid	schema = InvalidOid;
static uint64 schema_as_of = 0;

static void note_change(Datum arg, int cacheid, uint32 hashvalue);

void
um_types_init(void)
{
	CacheRegisterSyscacheCallback(TYPEOID, note_change, (Datum) 0);
}

static void
note_change(Datum arg, int cacheid, uint32 hashvalue)
{
	(void) arg;
	(void) cacheid;
	(void) hashvalue;
	changes++;
}

/* The schema has types, so it does not change without them. */
Oid
um_schema(void)
{
	uint64		before = changes;

	Assert(IsTransactionState());
	if (schema_as_of == changes)
		return schema;
	schema = get_namespace_oid(UM_SCHEMA, false);
	/* what changed meanwhile is looked up again the next time */
	schema_as_of = before;
	return schema;
}

/* Whether there is such a type. */
bool
um_type_exists(UmType *type)
{
	uint64		before = changes;

	if (type->as_of == changes)
		return true;
	type->oid = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(type->name),
								ObjectIdGetDatum(um_schema()));
	if (OidIsValid(type->oid))
		type->as_of = before;
	return OidIsValid(type->oid);
}

Oid
um_type(UmType *type)
{
	if (!um_type_exists(type))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("type \"%s.%s\" does not exist", UM_SCHEMA, type->name)));
	return type->oid;
}

Oid
um_characteristics_type(void)
{
	static UmType characteristics = {.name = "characteristics"};

	return um_type(&characteristics);
}

/* A column that a table may lack which is older than the code. */
void
um_require_column(const char *table, const char *column)
{
	if (get_attnum(um_table(table, false), column) == InvalidAttrNumber)
		um_lacks_column(table, column);
}

void
um_lacks_column(const char *table, const char *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" of \"%s\" does not exist", column, table),
			 errhint("SELECT %s.install_tables() brings older tables up to date.", UM_SCHEMA)));
}

/* A table of the store; InvalidOid or an error where it has not been made. */
Oid
um_table(const char *name, bool missing_ok)
{
	Oid			oid = get_relname_relid(name, um_schema());

	if (!OidIsValid(oid) && !missing_ok)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"%s.%s\" does not exist", UM_SCHEMA, name),
				 errhint("SELECT %s.install_tables() makes it.", UM_SCHEMA)));
	return oid;
}

/* Whether the SQL function called declares an argument as jsonb: C has one for all its overloads. */
bool
um_takes_jsonb(FunctionCallInfo fcinfo, int n)
{
	Oid		   *declared;
	int			count;

	(void) get_func_signature(fcinfo->flinfo->fn_oid, &declared, &count);
	return n < count && declared[n] == JSONBOID;
}
