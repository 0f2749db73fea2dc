/*
 * stat.c
 *	  What rows that go have counted: the trigger behind usage_mgmt_stat.
 *
 * The counters of that view are sums over the books, and over what this trigger has
 * kept of the rows that were deleted from them, in a row for each statement.
 * So nobody who counts up waits for anybody, and who deletes neither.  Now and
 * then the rows are put together; which of them somebody else is at does not
 * matter, since any order of doing so has one sum.
 *
 * Whoever deletes a job or a load needs no right on what is kept: it is written as
 * the owner of the table that the trigger is of.  The statement is made of the
 * name of that table, and of nothing that a trigger can be given.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type_d.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "caller.h"
#include "store.h"

#define OLD_ROWS "old_rows"

/* So many rows are let lie before they are put together. */
#define FEW 64

static char *statement_of(const char *table, const char *rows);
static int64 keep(const char *statement, bool all);

PG_FUNCTION_INFO_V1(um_stat_keep);

/* AFTER DELETE with a transition table, or BEFORE TRUNCATE, for each statement. */
Datum
um_stat_keep(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	const char *table;
	const char *rows = OLD_ROWS;
	UmUser		before;
	char	   *statement;
	int64		number;

	if (!CALLED_AS_TRIGGER(fcinfo) || TRIGGER_FIRED_FOR_ROW(data->tg_event) ||
		(data->tg_oldtable == NULL && !TRIGGER_FIRED_BY_TRUNCATE(data->tg_event)))
		um_refuse_call("a trigger for each statement that deletes rows");
	if (data->tg_oldtable != NULL && tuplestore_tuple_count(data->tg_oldtable) == 0)
		return PointerGetDatum(NULL);
	table = RelationGetRelationName(data->tg_relation);
	if (data->tg_oldtable == NULL)
		rows = psprintf("usage_mgmt.%s", quote_identifier(table));
	SPI_connect();
	if (SPI_register_trigger_data(data) < 0)
		elog(ERROR, "could not register the rows of a trigger");
	um_become(data->tg_relation->rd_rel->relowner, &before);
	statement = statement_of(table, rows);
	if (statement == NULL)
		um_refuse_call("triggers of what usage_mgmt_stat counts");
	number = keep(statement, data->tg_oldtable == NULL);
	/* elsewhere a row that is gone meanwhile would be an error */
	if (number % FEW == 0 && !IsolationUsesXactSnapshot())
		um_execute_once("SELECT usage_mgmt.stat_merge()", 0, NULL, NULL, false);
	um_become_again(&before);
	SPI_finish();
	return PointerGetDatum(NULL);
}

/* The statement that keeps the counts of rows of that table, NULL for none; within SPI_connect. */
static char *
statement_of(const char *table, const char *rows)
{
	Datum		args[] = {CStringGetTextDatum(table), CStringGetTextDatum(rows)};

	um_execute_once("SELECT usage_mgmt.stat_keeping($1, $2)", 2, (Oid[]) {TEXTOID, TEXTOID}, args, true);
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

/* Gives the number of the row.  A TRUNCATE takes also what the transaction's snapshot does not see. */
static int64
keep(const char *statement, bool all)
{
	bool		null;

	if (!all)
		um_execute_once(statement, 0, NULL, NULL, false);
	else if (SPI_execute_snapshot(SPI_prepare(statement, 0, NULL), NULL, NULL, GetLatestSnapshot(),
								  InvalidSnapshot, false, true, 0) != SPI_OK_INSERT_RETURNING)
		elog(ERROR, "could not run \"%s\"", statement);
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null));
}
