/*
 * types.c
 *	  The OIDs of the extension's own types, kept for the session.
 *
 * They are looked up by name in the extension's schema and forgotten as soon
 * as any type changes, so DROP and CREATE EXTENSION in one session is safe.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "types.h"

static UmTypes types;
static bool types_valid = false;
static uint64 changes = 0;		/* of any type, that we heard of */

static void forget_types(Datum arg, int cacheid, uint32 hashvalue);
static Oid	type_oid(const char *name);

void
um_types_init(void)
{
	CacheRegisterSyscacheCallback(TYPEOID, forget_types, (Datum) 0);
}

static void
forget_types(Datum arg, int cacheid, uint32 hashvalue)
{
	(void) arg;
	(void) cacheid;
	(void) hashvalue;
	types_valid = false;
	changes++;
}

/* The OIDs; the pointer is good until the next catalog access. */
UmTypes *
um_types(void)
{
	UmTypes		found = {0};
	uint64		before = changes;

	Assert(IsTransactionState());
	if (types_valid)
		return &types;
	found.schema = get_namespace_oid(UM_SCHEMA, false);
	types = found;
	types.characteristics = type_oid("characteristics");
	types.related_party = type_oid("related_party");
	types.related_party_array = get_array_type(types.related_party);
	types.rated_product_usage = type_oid("rated_product_usage");
	types.rated_product_usage_array = get_array_type(types.rated_product_usage);
	types.usage_status = type_oid(um_usage_life.type);
	types.specification_status = type_oid(um_specification_life.type);
	/* what changed meanwhile is looked up again the next time */
	types_valid = changes == before;
	return &types;
}

static Oid
type_oid(const char *name)
{
	Oid			oid = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
									  ObjectIdGetDatum(types.schema));

	if (!OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("type \"%s.%s\" does not exist", UM_SCHEMA, name)));
	return oid;
}

/* A column that a table may lack which is older than the code. */
void
um_require_column(const char *table, const char *column)
{
	if (get_attnum(um_table(table, false), column) == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of \"%s\" does not exist", column, table),
				 errhint("SELECT %s.install_tables() brings older tables up to date.", UM_SCHEMA)));
}

/* A table of the store; InvalidOid or an error where it has not been made. */
Oid
um_table(const char *name, bool missing_ok)
{
	Oid			oid = get_relname_relid(name, um_types()->schema);

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
