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
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "row.h"
#include "rows.h"

/* What statements read them by; such names are local to a level of SPI. */
#define ROWS "usage_mgmt_rows"

/* Memory that is not given back between the statements of a load. */
#define ROWS_KEPT (2 * 1024 * 1024)

static ExecutorStart_hook_type next_start = NULL;

static bool
lie_alike(TupleDesc rows, TupleDesc table)
{
	if (rows->natts != table->natts)
		return false;
	for (int i = 0; i < rows->natts; i++)
		if (TupleDescAttr(table, i)->attisdropped ||
			TupleDescAttr(rows, i)->atttypid != TupleDescAttr(table, i)->atttypid)
			return false;
	return true;
}

/*
 * Into a partitioned table PostgreSQL inserts columns, of which it makes a tuple
 * for the row trigger, for the heap and for the transition table, each anew.  A
 * row that lies as the table's do is one from the beginning, which saves about
 * 15 % of a load's CPU time.  Where it does not lie so, columns it is.
 */
static void
insert_whole(ModifyTableState *insert)
{
	PlanState  *source = outerPlanState(insert);
	ResultRelInfo *target = insert->resultRelInfo;
	TupleDesc	desc = RelationGetDescr(target->ri_RelationDesc);

	if (target->ri_RelationDesc->rd_rel->relkind != RELKIND_PARTITIONED_TABLE ||
		target->ri_projectNewInfoValid || !IsA(source, NamedTuplestoreScanState) ||
		source->ps_ProjInfo != NULL || !lie_alike(ExecGetResultType(source), desc))
		return;
	target->ri_newTupleSlot = ExecInitExtraTupleSlot(insert->ps.state, desc, &TTSOpsHeapTuple);
	target->ri_projectNewInfoValid = true;
}

static void
start_executor(QueryDesc *query, int flags)
{
	if (next_start != NULL)
		next_start(query, flags);
	else
		standard_ExecutorStart(query, flags);
	if (query->operation == CMD_INSERT && query->queryEnv != NULL &&
		get_ENR(query->queryEnv, ROWS) != NULL && IsA(query->planstate, ModifyTableState))
		insert_whole((ModifyTableState *) query->planstate);
}

void
um_rows_init(void)
{
	next_start = ExecutorStart_hook;
	ExecutorStart_hook = start_executor;
}

/*
 * No rows yet; they live in the current memory context.  They lie as those of
 * the table do, so that an INSERT can take them as they are; those of an UPDATE
 * have one column more, the date of the stored row.
 */
UmRows *
um_rows_start(const UmModel *model, bool update)
{
	UmRows	   *rows = palloc0(sizeof(UmRows));

	rows->model = model;
	update &= model->date_slot >= 0;
	rows->desc = CreateTemplateTupleDesc(model->slots + (update ? 1 : 0));
	for (int s = 0; s < model->slots; s++)
		TupleDescInitEntry(rows->desc, s + 1, model->slot[s]->column,
						   um_slot_type(model->slot[s], model), -1, 0);
	if (update)
		TupleDescInitEntry(rows->desc, model->slots + 1, "old_date", TIMESTAMPTZOID, -1, 0);
	rows->context = AllocSetContextCreate(CurrentMemoryContext, "rows", ROWS_KEPT, ROWS_KEPT,
										  ALLOCSET_DEFAULT_MAXSIZE);
	return rows;
}

/* old_date is that of the stored row; of an INSERT, and where there is none, it is not looked at. */
MinimalTuple
um_rows_form(const UmRows *rows, const UmRecord *record, Datum old_date, MemoryContext context)
{
	MemoryContext old;
	MinimalTuple row;
	Datum		values[64 + 1];
	bool		nulls[64 + 1];
	int			slots = record->model->slots;

	Assert(record->model == rows->model && record->model->slots <= 64);
	for (int s = 0; s < slots; s++)
	{
		nulls[s] = record->state[s] != UM_SET;
		values[s] = nulls[s] ? (Datum) 0 : um_record_datum(record, s);
	}
	nulls[slots] = false;
	values[slots] = old_date;
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

static uint64
run(UmRows *rows, UmPlan *plan, const char *sql)
{
	Assert(rows->rows != NULL);
	/* of a statement that failed in a subtransaction */
	SPI_unregister_relation(ROWS);
	um_name_rows(ROWS, rows->desc, rows->rows, rows->count);
	if (plan != NULL)
		um_execute(um_prepare(plan), NULL, NULL, false, 0);
	else
		um_execute_once(sql, 0, NULL, NULL, false);
	SPI_unregister_relation(ROWS);
	tuplestore_end(rows->rows);
	um_rows_clear(rows);
	return SPI_processed;
}

/*
 * Inserts them all, and tells how many triggers let in; with returning, these
 * are in SPI_tuptable as they were stored.  Within SPI_connect.
 */
uint64
um_rows_insert(UmRows *rows, bool returning)
{
	UmResource *resource = rows->model->resource;
	UmPlanKind	kind = returning ? UM_PLAN_INSERT_RETURNING : UM_PLAN_INSERT_ROWS;
	UmPlan	   *plan = um_plan(resource, kind, NULL, 0, NULL);

	if (plan->sql == NULL)
		plan = um_plan(resource, kind,
					   psprintf("INSERT INTO {table} (%s) SELECT * FROM " ROWS "%s",
								um_columns(rows->model, "", true), returning ? " RETURNING *" : ""),
					   0, NULL);
	return run(rows, plan, NULL);
}

/*
 * Updates the rows of these ids and dates, and tells how many.  Within
 * SPI_connect, as um_rows_insert; both leave no rows behind.
 */
uint64
um_rows_update(UmRows *rows)
{
	const UmModel *model = rows->model;
	const char *sql = psprintf("UPDATE {table} u SET (%s) = ROW (%s) FROM " ROWS " b "
							   "WHERE u.id OPERATOR(pg_catalog.=) b.id%s",
							   um_columns(model, "", false), um_columns(model, "b.", false),
							   model->resource->date == NULL ? ""
							   : " AND u.{date} OPERATOR(pg_catalog.=) b.old_date");

	return run(rows, NULL, um_sql(model->resource, sql, NULL));
}

/* Lets statements read a tuplestore by that name.  Within SPI_connect. */
void
um_name_rows(const char *name, TupleDesc desc, Tuplestorestate *rows, double count)
{
	EphemeralNamedRelation relation = palloc0(sizeof(EphemeralNamedRelationData));

	relation->md.name = unconstify(char *, name);
	relation->md.tupdesc = desc;
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = count;
	relation->reldata = rows;
	SPI_register_relation(relation);
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
