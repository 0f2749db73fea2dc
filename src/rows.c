/*
 * rows.c
 *	  Rows of a table in a tuplestore that a statement reads by name.
 *
 * A thousand rows are inserted or updated by one statement over such a store,
 * which costs a tenth of a statement each and keeps triggers, row security
 * and privileges what they are.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "rows.h"

/* Columns behind those of the model: bookkeeping, and what a row is found by. */
#define MORE_COLUMNS 4

/* Memory that is not given back between the statements of a load. */
#define ROWS_KEPT (2 * 1024 * 1024)

static uint64 run(UmRows *rows, UmPlan *plan, const char *sql);
static void append_columns(StringInfo out, const UmRows *rows, const char *before);

/* No rows yet; they live in the current memory context. */
UmRows *
um_rows_start(const UmModel *model, const char *name)
{
	UmRows	   *rows = palloc0(sizeof(UmRows));
	int			n = 0;

	rows->model = model;
	rows->name = name;
	for (int s = 0; s < model->slots; s++)
		n += model->slot[s]->kind != UM_INTERNAL;
	rows->desc = CreateTemplateTupleDesc(n + MORE_COLUMNS);
	n = 0;
	for (int s = 0; s < model->slots; s++)
		if (model->slot[s]->kind != UM_INTERNAL)
			TupleDescInitEntry(rows->desc, ++n, model->slot[s]->column,
							   um_slot_type(model->slot[s], model), -1, 0);
	TupleDescInitEntry(rows->desc, ++n, "received_at", TIMESTAMPTZOID, -1, 0);
	TupleDescInitEntry(rows->desc, ++n, "changed_at", TIMESTAMPTZOID, -1, 0);
	TupleDescInitEntry(rows->desc, ++n, "load_id", INT8OID, -1, 0);
	TupleDescInitEntry(rows->desc, ++n, "old_date", TIMESTAMPTZOID, -1, 0);
	rows->context = AllocSetContextCreate(CurrentMemoryContext, "rows", ROWS_KEPT, ROWS_KEPT,
										  ALLOCSET_DEFAULT_MAXSIZE);
	return rows;
}

/* old_date is that of the stored row, 0 for a new one; load 0 for none. */
MinimalTuple
um_rows_form(const UmRows *rows, const UmRecord *record, Datum old_date, int64 load,
			 MemoryContext context)
{
	MemoryContext old;
	MinimalTuple row;
	Datum		values[64];
	bool		nulls[64];
	int			receipt = record->model->receipt_slot;
	int			n = 0;

	for (int s = 0; s < record->model->slots; s++)
	{
		if (record->model->slot[s]->kind == UM_INTERNAL)
			continue;
		nulls[n] = record->state[s] != UM_SET;
		values[n] = nulls[n] ? (Datum) 0 : um_record_datum(record, s);
		n++;
	}
	nulls[n] = !um_is_set(record, receipt);
	values[n++] = record->value[receipt];
	nulls[n] = false;
	values[n++] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	nulls[n] = load == 0;
	values[n++] = Int64GetDatum(load);
	nulls[n] = old_date == 0;
	values[n++] = old_date;
	old = MemoryContextSwitchTo(context);
	row = heap_form_minimal_tuple(rows->desc, values, nulls, 0);
	MemoryContextSwitchTo(old);
	return row;
}

/* Appends a copy. */
void
um_rows_put(UmRows *rows, MinimalTuple row)
{
	if (rows->rows == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(rows->context);

		rows->rows = tuplestore_begin_heap(false, false, Max(work_mem, 32768));
		rows->slot = MakeSingleTupleTableSlot(rows->desc, &TTSOpsMinimalTuple);
		MemoryContextSwitchTo(old);
	}
	ExecStoreMinimalTuple(row, rows->slot, false);
	tuplestore_puttupleslot(rows->rows, rows->slot);
	rows->count++;
}

/*
 * Inserts them all, and tells how many triggers let in; the plan is kept in
 * *plan.  Within SPI_connect.
 */
uint64
um_rows_insert(UmRows *rows, UmPlan *plan)
{
	StringInfoData sql;

	if (plan->sql == NULL)
	{
		initStringInfo(&sql);
		appendStringInfo(&sql, "INSERT INTO usage_mgmt.%s (", rows->model->noun);
		append_columns(&sql, rows, "");
		appendStringInfoString(&sql, ") SELECT ");
		append_columns(&sql, rows, "b.");
		appendStringInfo(&sql, " FROM %s b", rows->name);
		plan->sql = MemoryContextStrdup(TopMemoryContext, sql.data);
	}
	return run(rows, plan, NULL);
}

/*
 * Updates the rows of these ids and dates, and tells how many.  Within
 * SPI_connect, as um_rows_insert; both leave no rows behind.
 */
uint64
um_rows_update(UmRows *rows)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE usage_mgmt.%s u SET ", rows->model->noun);
	for (int i = 0; i < rows->desc->natts - MORE_COLUMNS; i++)
		appendStringInfo(&sql, "%s%s = b.%s", i > 0 ? ", " : "",
						 NameStr(TupleDescAttr(rows->desc, i)->attname),
						 NameStr(TupleDescAttr(rows->desc, i)->attname));
	appendStringInfo(&sql, " FROM %s b WHERE u.id OPERATOR(pg_catalog.=) b.id%s", rows->name,
					 rows->model == &um_usage
					 ? " AND u.usage_date OPERATOR(pg_catalog.=) b.old_date" : "");
	return run(rows, NULL, sql.data);
}

static uint64
run(UmRows *rows, UmPlan *plan, const char *sql)
{
	EphemeralNamedRelation relation = palloc0(sizeof(EphemeralNamedRelationData));

	relation->md.name = unconstify(char *, rows->name);
	relation->md.tupdesc = rows->desc;
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = rows->count;
	relation->reldata = rows->rows;
	/* of a statement that failed in a subtransaction */
	SPI_unregister_relation(rows->name);
	SPI_register_relation(relation);
	if ((plan != NULL ? SPI_execute_plan(um_prepare(plan), NULL, NULL, false, 0)
		 : SPI_execute(sql, false, 0)) < 0)
		elog(ERROR, "could not run \"%s\"", plan != NULL ? plan->sql : sql);
	SPI_unregister_relation(rows->name);
	tuplestore_end(rows->rows);
	um_rows_clear(rows);
	return SPI_processed;
}

/* The columns that an INSERT sets: all but the last. */
static void
append_columns(StringInfo out, const UmRows *rows, const char *before)
{
	for (int i = 0; i < rows->desc->natts - 1; i++)
	{
		const char *name = NameStr(TupleDescAttr(rows->desc, i)->attname);

		/* what a specification has no column for */
		if (rows->model != &um_usage && strcmp(name, "load_id") == 0)
			continue;
		appendStringInfo(out, "%s%s%s", i > 0 ? ", " : "", before, name);
	}
}

/*
 * Forgets the rows, also those of a statement that failed: a file that they
 * were written to is closed by the subtransaction that the failure ended.
 */
void
um_rows_clear(UmRows *rows)
{
	MemoryContextReset(rows->context);
	rows->rows = NULL;
	rows->count = 0;
}
