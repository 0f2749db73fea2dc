/*
 * load_faults.c
 *	  What was wrong with the records of a load: load_faults().
 *
 * Faults that differ only in what they quote or count are one kind, so that a
 * million rejects are a handful of lines.  Rejects are read as the owner of their
 * table: who loads has no right to see what others' loads had rejected, but what
 * is wrong with his own, which he would be told where it were no load, is his to know.
 * Its search_path is the function's own: IS DISTINCT FROM takes its operators by none
 * but the search_path.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "compat.h"
#include "errors.h"
#include "load.h"
#include "store.h"
#include "types.h"

#define MOST_KINDS 1000			/* of faults that are told: they are held in memory */

/* What is left of a path or message without what differs from record to record. */
#define KIND_OF_PATH(e) "regexp_replace(" e " ->> 'path', '\\[[0-9]+\\]', '[]', 'g')"
#define KIND_OF_MESSAGE(e) "regexp_replace(" e " ->> 'message', '\"[^\"]*\"|[0-9]+', '#', 'g')"

static void refuse_other_role(int64 load, Oid owner);

PG_FUNCTION_INFO_V1(um_load_faults);

/* load_faults(load bigint, most integer) → table(code, path, message, records, record_number) */
Datum
um_load_faults(PG_FUNCTION_ARGS)
{
	static const char sql[] =
		"WITH kind AS (SELECT e.code, e.path, e.message, count(*) AS records, min(r.record_number) AS first "
		"FROM usage_mgmt.import_reject r, LATERAL (SELECT DISTINCT f.value ->> 'code' AS code, "
		KIND_OF_PATH("f.value") " AS path, " KIND_OF_MESSAGE("f.value") " AS message "
		"FROM jsonb_array_elements(r.errors) f) e "
		"WHERE r.load_id = $1 AND r.recycled_at IS NULL GROUP BY 1, 2, 3 "
		"ORDER BY records DESC, first, path, message LIMIT $2) "
		"SELECT k.code, f.path, f.message, k.records, k.first FROM kind k, LATERAL ("
		"SELECT e.value ->> 'path' AS path, e.value ->> 'message' AS message "
		"FROM usage_mgmt.import_reject r, jsonb_array_elements(r.errors) WITH ORDINALITY e (value, place) "
		"WHERE r.load_id = $1 AND r.record_number = k.first "
		"AND (e.value ->> 'code', " KIND_OF_PATH("e.value") ", " KIND_OF_MESSAGE("e.value") ") "
		"IS NOT DISTINCT FROM (k.code, k.path, k.message) ORDER BY e.place LIMIT 1) f "
		"ORDER BY k.records DESC, k.first, k.path, k.message";
	int64		load = PG_GETARG_INT64(0);
	int32		most = PG_GETARG_INT32(1);
	Oid			types[] = {INT8OID, INT4OID};
	Datum		args[] = {Int64GetDatum(load), Int32GetDatum(Min(Max(most, 0), MOST_KINDS))};
	Relation	table = table_open(um_table("import_reject", false), AccessShareLock);
	Oid			owner = table->rd_rel->relowner;
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	UmUser		before;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	refuse_other_role(load, owner);
	um_become(owner, &before);
	um_execute_once(sql, 2, types, args, true);
	um_become_again(&before);
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
	SPI_finish();
	table_close(table, AccessShareLock);
	return (Datum) 0;
}

/* Who may see what all loads had rejected sees what this one had, whosever it is. */
static void
refuse_other_role(int64 load, Oid owner)
{
	Oid			types[] = {INT8OID};
	Datum		id = Int64GetDatum(load);
	UmUser		before;
	char	   *role;

	um_become(owner, &before);
	um_execute_once("SELECT loaded_by FROM usage_mgmt.import_load WHERE id = $1",
					1, types, &id, true);
	um_become_again(&before);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(UM_NOT_FOUND), errmsg("load " INT64_FORMAT " does not exist", load)));
	role = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (!um_is_loader(role) &&
		pg_class_aclcheck(um_table("import_reject", false), GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("load " INT64_FORMAT " is another role's", load),
				 errhint("What was wrong with its records its role sees, and who may read usage_mgmt.import_reject.")));
}
