/*
 * total.c
 *	  How many resources a query string names.
 *
 * Exactly, where they are few.  To count many takes longer than to read a page
 * of them, and plans, locks and opens every partition.  So a number that is far
 * above what is to be exact is not counted but believed: without a condition
 * that of the table's statistics, with one that of the planner, which must be
 * further above, since it errs more.  What is counted is counted no further than
 * it is to be exact.  Statistics are of all rows, and the planner goes by them: so
 * where row security hides some, nobody's guess is told, and more than are to be
 * exact are one more.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "optimizer/plancat.h"
#include "partitioning/partdesc.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "cursor.h"
#include "page.h"
#include "total.h"
#include "types.h"

/* How many times what is to be exact must be expected, before that is believed. */
#define MORE_BY_STATISTICS 2
#define MORE_BY_PLAN 10

static bool hides_rows(const UmResource *resource);
static double rows_known(const UmResource *resource);
static double rows_of_parts(Relation table);
static double rows_of_part(Oid part);
static double rows_without_statistics(Oid part);
static UmTotal count_some(const UmStatement *statement, int64 exact, double known);
static UmTotal estimated(double rows, int64 least);
static bool pass_over(TupleTableSlot *slot, void *arg);

/*
 * The query has been taken apart.  Exact as long as it is not above that
 * number; what the active snapshot sees.
 */
UmTotal
um_total(UmRequest *request, int64 exact)
{
	const UmModel *model = request->resource->model;
	char	   *after = request->names->after;
	UmStatement statement;
	UmFilter   *filter;
	double		rows;

	/* of the whole, and not of what comes after */
	request->names->after = NULL;
	um_statement_start(&statement, model);
	appendStringInfo(&statement.sql, "SELECT FROM usage_mgmt.%s u", model->noun);
	filter = um_add_where(&statement, request->names, request->version);
	request->names->after = after;
	rows = hides_rows(request->resource) ? 1 : filter == NULL ? rows_known(request->resource) : 0;
	if (rows > (double) exact * MORE_BY_STATISTICS)
		return estimated(rows, exact + 1);
	appendStringInfo(&statement.sql, " LIMIT " INT64_FORMAT, exact + 1);
	return count_some(&statement, exact, rows);
}

/* Whether row security applies to the caller. */
static bool
hides_rows(const UmResource *resource)
{
	return check_enable_rls(um_table(resource->model->noun, false), InvalidOid, true) == RLS_ENABLED;
}

/* How many rows there are as far as is known without a look at any; 0 for too little. */
static double
rows_known(const UmResource *resource)
{
	Relation	table = table_open(um_table(resource->model->noun, false), AccessShareLock);
	double		rows;

	rows = table->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ? rows_of_parts(table)
		: rows_of_part(RelationGetRelid(table));
	table_close(table, NoLock);
	return rows;
}

static double
rows_of_parts(Relation table)
{
	PartitionDesc parts = RelationGetPartitionDesc(table, true);
	double		rows = 0;

	for (int i = 0; i < parts->nparts; i++)
		rows += rows_of_part(parts->oids[i]);
	return rows;
}

/* As VACUUM and ANALYZE have left it in the catalog, without a lock, which may be of yesterday. */
static double
rows_of_part(Oid part)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(part));
	double		rows;

	if (!HeapTupleIsValid(tuple))
		return 0;
	rows = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
	ReleaseSysCache(tuple);
	return rows >= 0 ? rows : rows_without_statistics(part);
}

/* As the planner has it, by the size; but what has no block has no rows. */
static double
rows_without_statistics(Oid part)
{
	Relation	relation = try_table_open(part, AccessShareLock);
	BlockNumber pages;
	double		rows = 0;
	double		all_visible;

	if (relation == NULL)
		return 0;
	/* a standby has no file of one that is not logged */
	if (relation->rd_rel->relkind == RELKIND_RELATION &&
		(RelationNeedsWAL(relation) || !RecoveryInProgress()) && RelationGetNumberOfBlocks(relation) > 0)
		estimate_rel_size(relation, NULL, &pages, &rows, &all_visible);
	table_close(relation, AccessShareLock);
	return rows;
}

/*
 * Counts up to one more than are to be exact, where the planner does not expect
 * far more; it is asked only where nothing is known, which is 0, and not where
 * it must not be told, which is 1.
 */
static UmTotal
count_some(const UmStatement *statement, int64 exact, double known)
{
	UmCursor   *cursor = um_cursor_open(statement->sql.data, statement->nargs, statement->types,
										statement->args);
	double		expected = known > 0 ? known : um_cursor_expects(cursor);
	UmTotal		total;

	if (expected > (double) exact * MORE_BY_PLAN)
		total = estimated(expected, exact + 1);
	else
	{
		total = (UmTotal) {um_cursor_fetch(cursor, exact + 1, pass_over, NULL), false};
		if (total.count > exact)
			total = estimated(expected, exact + 1);
	}
	um_cursor_close(cursor);
	return total;
}

/* Whoever guesses does not contradict what is seen. */
static UmTotal
estimated(double rows, int64 least)
{
	return (UmTotal) {Max((int64) Min(rows, 1e15), least), true};
}

/* Rows are only counted. */
static bool
pass_over(TupleTableSlot *slot, void *arg)
{
	(void) slot;
	(void) arg;
	return true;
}
