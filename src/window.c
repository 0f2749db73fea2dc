/*
 * window.c
 *	  Rows of an outbox, of the transactions that were over at one time and not before.
 *
 * A page of them is read by number, from one on that is known to be low enough:
 * a window of millions costs what is taken of it.  Where it begins is asked of each
 * transaction that was running at its lower mark; of those that came later the mark
 * itself knows.  Within SPI_connect, with the statement's snapshot.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/guc.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "hub.h"
#include "outbox.h"
#include "window.h"
#include "row.h"
#include "store.h"

/* Columns of an outbox that are its own, in this order. */
#define OWN "event_seq, event_life, event_timeline, event_at, event_kind, event_old_status, event_changed"

/* More transaction ids than these that were being assigned are looked for as a range. */
#define MANY_IDS 1000

static char *tables_sql(const UmResource *resource, const char *what);
static void append_table(StringInfo out, const UmResource *resource, int turn, const char *what);
static void add_window(UmStatement *statement, const UmWindow *window, int64 from);
static int	add_ids(UmStatement *statement, const uint64 *ids, int count);
static void add_kinds(UmStatement *statement, const UmWindow *window);
static void run(UmStatement *statement);
static UmWindowRows *take_rows(UmResource *resource);
static List *words_of(Datum array);

/* A number below which there is no row behind a mark. */
int64
um_window_start(UmResource *resource, const UmMark *after)
{
	UmStatement statement;
	uint64	   *ids;
	int			count = 0;
	bool		many;
	bool		null;
	Datum		least;

	if (after == NULL)
		return 0;
	many = after->next - after->xmax > MANY_IDS;
	ids = palloc(sizeof(uint64) * (after->running + MANY_IDS + 1));
	for (; count < after->running; count++)
		ids[count] = after->xid[count];
	for (uint64 id = after->xmax; !many && id < after->next; id++)
		ids[count++] = id;
	if (count == 0 && !many)
		return after->floor + 1;
	um_statement_start(&statement, resource->model);
	appendStringInfo(&statement.sql, "SELECT min(u.event_seq) FROM unnest($%d) x, LATERAL (%s) u",
					 add_ids(&statement, ids, count),
					 tables_sql(resource, "(SELECT event_seq FROM %s WHERE event_xid = x "
								"ORDER BY event_xid, event_seq LIMIT 1)"));
	run(&statement);
	least = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null);
	if (many || null)
		return many ? 0 : after->floor + 1;
	return Min(DatumGetInt64(least), after->floor + 1);
}

/* Each of the tables in the place of %s, put together. */
static char *
tables_sql(const UmResource *resource, const char *what)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int turn = 0; turn < UM_TURNS; turn++)
	{
		appendStringInfo(&out, "%s", turn > 0 ? " UNION ALL " : "");
		append_table(&out, resource, turn, what);
	}
	return out.data;
}

static void
append_table(StringInfo out, const UmResource *resource, int turn, const char *what)
{
	char	   *table = um_sql(resource, psprintf("{table}_event_%d", turn), NULL);

	for (const char *c = what; *c != '\0'; c++)
		if (c[0] == '%' && c[1] == 's')
		{
			appendStringInfoString(out, table);
			c++;
		}
		else
			appendStringInfoChar(out, *c);
}

/* The first rows of a window from a number on, which its query may want. */
UmWindowRows *
um_window_rows(const UmWindow *window, int64 from, int most)
{
	UmStatement statement;

	um_statement_start(&statement, window->resource->model);
	appendStringInfo(&statement.sql, "SELECT * FROM (%s) u WHERE ",
					 tables_sql(window->resource, psprintf("SELECT event_xid, " OWN ", %s FROM %%s",
														   um_columns(window->resource->model, "", true))));
	add_window(&statement, window, from);
	if (window->query != NULL)
	{
		UmRelation	relation = {window->resource->model, "u", false};

		add_kinds(&statement, window);
		if (window->query->filter != NULL)
		{
			appendStringInfoString(&statement.sql, " AND ");
			um_add_filter(&statement, window->query->filter, &relation, window->version);
		}
	}
	appendStringInfo(&statement.sql, " ORDER BY u.event_seq LIMIT %d", most);
	run(&statement);
	return take_rows(window->resource);
}

/* How many rows there are, not more than most, and since when the first of them is there. */
int64
um_window_count(const UmWindow *window, int64 from, int64 most, TimestampTz *since)
{
	const char *columns = "SELECT event_xid, event_seq, event_life, event_at FROM %s";
	UmStatement statement;
	bool		null;
	Datum		at;

	um_statement_start(&statement, window->resource->model);
	appendStringInfoString(&statement.sql, "SELECT count(*), min(event_at) FROM (SELECT event_at FROM (");
	if (window->table == 0)
		appendStringInfoString(&statement.sql, tables_sql(window->resource, columns));
	else
		append_table(&statement.sql, window->resource, window->table - 1, columns);
	appendStringInfoString(&statement.sql, ") u WHERE ");
	add_window(&statement, window, from);
	appendStringInfo(&statement.sql, " ORDER BY u.event_seq LIMIT " INT64_FORMAT ") r", most);
	run(&statement);
	at = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &null);
	*since = null ? GetCurrentTimestamp() : DatumGetTimestampTz(at);
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null));
}

/* The row that an event's id names, NULL for none. */
UmEvent *
um_window_find(UmResource *resource, const UmEvent *id)
{
	UmStatement statement;
	UmWindowRows *rows;

	um_statement_start(&statement, resource->model);
	appendStringInfo(&statement.sql, "SELECT * FROM (%s) u WHERE u.event_seq = $%d AND u.event_life = $%d "
					 "AND u.event_timeline = $%d",
					 tables_sql(resource, psprintf("SELECT event_xid, " OWN ", %s FROM %%s",
												   um_columns(resource->model, "", true))),
					 um_statement_arg(&statement, INT8OID, Int64GetDatum(id->seq)),
					 um_statement_arg(&statement, INT8OID, Int64GetDatum(id->life)),
					 um_statement_arg(&statement, INT4OID, Int32GetDatum(id->timeline)));
	run(&statement);
	rows = take_rows(resource);
	return rows->count > 0 ? um_window_row(rows, 0) : NULL;
}

/*
 * Moves a position to the beginning of the life that follows behind a number, which
 * is the one that goes on where no other has rows there.  Lives lie one behind the
 * other, so of one that is over the first row tells where it begins; of one that
 * goes on, rows before that may be seen later.
 */
void
um_next_life(UmResource *resource, UmPosition *position, int64 beyond)
{
	UmStatement statement;
	HeapTuple	row;
	bool		null;

	um_statement_start(&statement, resource->model);
	appendStringInfo(&statement.sql, "SELECT u.event_life, u.event_seq FROM (%s) u "
					 "WHERE u.event_seq > $%d AND u.event_life <> $%d ORDER BY u.event_seq LIMIT 1",
					 tables_sql(resource, "SELECT event_seq, event_life FROM %s"),
					 um_statement_arg(&statement, INT8OID, Int64GetDatum(beyond)),
					 um_statement_arg(&statement, INT8OID, Int64GetDatum(position->life)));
	run(&statement);
	position->after = NULL;
	position->life = um_hub_life();
	if (SPI_processed == 0)
		return;
	row = SPI_tuptable->vals[0];
	position->life = DatumGetInt64(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &null));
	if (position->life == um_hub_life())
		return;
	position->after = palloc0(offsetof(UmMark, xid));
	position->after->floor = DatumGetInt64(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &null)) - 1;
}

/* What makes a row u one of the window. */
static void
add_window(UmStatement *statement, const UmWindow *window, int64 from)
{
	const UmMark *after = window->at.after;
	const UmMark *upto = window->at.upto;

	appendStringInfo(&statement->sql, "u.event_seq >= $%d AND u.event_life = $%d AND u.event_xid < $%d",
					 um_statement_arg(statement, INT8OID, Int64GetDatum(from)),
					 um_statement_arg(statement, INT8OID, Int64GetDatum(window->at.life)),
					 um_statement_arg(statement, XID8OID,
									  FullTransactionIdGetDatum(FullTransactionIdFromU64(upto->xmax))));
	if (upto->running > 0)
		appendStringInfo(&statement->sql, " AND u.event_xid <> ALL ($%d)",
						 add_ids(statement, upto->xid, upto->running));
	if (after == NULL)
		return;
	appendStringInfo(&statement->sql, " AND (u.event_xid >= $%d",
					 um_statement_arg(statement, XID8OID,
									  FullTransactionIdGetDatum(FullTransactionIdFromU64(after->xmax))));
	if (after->running > 0)
		appendStringInfo(&statement->sql, " OR u.event_xid = ANY ($%d)",
						 add_ids(statement, after->xid, after->running));
	appendStringInfoChar(&statement->sql, ')');
}

/* An array of transaction ids. */
static int
add_ids(UmStatement *statement, const uint64 *ids, int count)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(count, 1));

	for (int i = 0; i < count; i++)
		values[i] = FullTransactionIdGetDatum(FullTransactionIdFromU64(ids[i]));
	return um_statement_array(statement, XID8OID, values, count);
}

/* Leaves out what the query's types cannot be; um_event_types has the last word. */
static void
add_kinds(UmStatement *statement, const UmWindow *window)
{
	const UmResource *resource = window->resource;
	int			wanted = window->query->types;
	int			status = um_events_of(resource, window->version, um_event_bit(UM_STATUS_EVENT));
	int			change = um_events_of(resource, window->version, um_event_bit(UM_CHANGE_EVENT));
	Datum		kinds[3];
	int			count = 0;

	if (wanted & um_events_of(resource, window->version, um_event_bit(UM_CREATE_EVENT)))
		kinds[count++] = CharGetDatum(UM_CREATED);
	if (wanted & (status | change))
		kinds[count++] = CharGetDatum(UM_UPDATED);
	if (wanted & um_events_of(resource, window->version, um_event_bit(UM_DELETE_EVENT)))
		kinds[count++] = CharGetDatum(UM_DELETED);
	appendStringInfo(&statement->sql, " AND u.event_kind = ANY ($%d)",
					 um_statement_array(statement, CHAROID, kinds, count));
	if ((wanted & status) && !(wanted & change))
		appendStringInfo(&statement->sql, " AND (u.event_kind <> '%c' OR $%d = ANY (u.event_changed))", UM_UPDATED,
						 um_statement_text(statement, resource->model->slot[resource->model->status_slot]->column));
}

/*
 * By index and in its order: what the planner knows of an outbox is of another
 * time.  Of a long window it expects so much that it would compile each page.
 */
static void
run(UmStatement *statement)
{
	int			settings = um_prefer("enable_seqscan");

	(void) um_prefer("enable_bitmapscan");
	(void) um_prefer("enable_sort");
	(void) um_prefer("jit");
	um_execute_once(statement->sql.data, statement->nargs, statement->types, statement->args, true);
	AtEOXact_GUC(true, settings);
}

static UmWindowRows *
take_rows(UmResource *resource)
{
	UmWindowRows *rows = palloc(sizeof(UmWindowRows));

	rows->resource = resource;
	rows->table = SPI_tuptable;
	rows->shape = um_shape(resource->model, SPI_tuptable->tupdesc, resource->model->noun);
	rows->count = SPI_processed;
	return rows;
}

/* One of them, from 0, in the current memory context. */
UmEvent *
um_window_row(const UmWindowRows *rows, uint64 n)
{
	UmResource *resource = rows->resource;
	UmEvent    *event = palloc0(sizeof(UmEvent));
	Datum		values[MaxTupleAttributeNumber];
	bool		nulls[MaxTupleAttributeNumber];
	const Datum *own = values + 1;	/* behind event_xid */

	heap_deform_tuple(rows->table->vals[n], rows->table->tupdesc, values, nulls);
	event->resource = resource;
	event->seq = DatumGetInt64(own[0]);
	event->life = DatumGetInt64(own[1]);
	event->timeline = DatumGetInt32(own[2]);
	event->at = DatumGetTimestampTz(own[3]);
	event->kind = DatumGetChar(own[4]);
	event->old_status = nulls[6] ? -1 : um_status_from_text(resource->life, um_text_slice(own[5]));
	event->changed = nulls[7] ? NIL : words_of(own[6]);
	event->record = um_record_from_values(rows->shape, values, nulls);
	return event;
}

static List *
words_of(Datum array)
{
	Datum	   *words;
	bool	   *nulls;
	int			count;
	List	   *result = NIL;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &words, &nulls, &count);
	for (int i = 0; i < count; i++)
		if (!nulls[i])
			result = lappend(result, TextDatumGetCString(words[i]));
	return result;
}
