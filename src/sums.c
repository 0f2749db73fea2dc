/*
 * sums.c
 *	  What resources amount to: how many, from when to when, how much in each currency.
 *
 * What a query names is summed up as it is listed, a page of it as that page, so
 * that in one snapshot the sums are those of what get_...s() gives.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "page.h"
#include "store.h"
#include "sums.h"
#include "types.h"

static const UmAttribute *ratings(const UmModel *model);
static void add_selection(UmStatement *statement, UmRequest *request);

/* The list whose elements hold amounts in a currency; NULL for none. */
static const UmAttribute *
ratings(const UmModel *model)
{
	for (um_each_attribute(a, model))
		if (a->kind == UM_LIST && a->of->amount_slot >= 0)
			return a;
	return NULL;
}

/* Its column, or what stands for one that is empty. */
char *
um_ratings_column(const UmModel *model)
{
	const UmAttribute *list = ratings(model);

	return list != NULL ? psprintf("u.%s AS ratings", list->column) : pstrdup("NULL AS ratings");
}

/*
 * The expression that sums up, by currency, what rows have in their column ratings:
 * jsonb, as import_load.amounts.
 */
char *
um_amounts_sql(const UmModel *model, const char *rows)
{
	const UmAttribute *list = ratings(model);

	if (list == NULL)
		return pstrdup("'{}'::pg_catalog.jsonb");
	return psprintf("COALESCE((SELECT pg_catalog.jsonb_object_agg(a.currency, a.sum) FROM "
					"(SELECT r.%1$s AS currency, pg_catalog.sum(r.%2$s) AS sum "
					"FROM %3$s x, pg_catalog.unnest(x.ratings) r "
					"WHERE r.%1$s IS NOT NULL AND r.%2$s IS NOT NULL GROUP BY r.%1$s) a), '{}')",
					list->of->slot[list->of->currency_slot]->column,
					list->of->slot[list->of->amount_slot]->column, rows);
}

/* Sums up what a query string names, its limit and offset considered, as the caller. */
void
um_sum_up(UmRequest *request, UmSums *sums)
{
	const char *date = request->resource->date;
	UmStatement statement;
	HeapTuple	row;
	TupleDesc	desc;
	bool		null;
	MemoryContext context = CurrentMemoryContext;

	request->names = um_parse_query(request->query == NULL ? "" : request->query, false);
	SPI_connect();
	um_statement_start(&statement, request->resource->model);
	appendStringInfo(&statement.sql, "WITH named AS NOT MATERIALIZED (SELECT %s%s%s FROM usage_mgmt.%s u",
					 um_ratings_column(statement.model), date != NULL ? ", u." : "", date != NULL ? date : "",
					 statement.model->noun);
	add_selection(&statement, request);
	appendStringInfo(&statement.sql, ") SELECT pg_catalog.count(*), %s, %s FROM named",
					 um_amounts_sql(statement.model, "named"),
					 date == NULL ? "NULL::pg_catalog.timestamptz, NULL::pg_catalog.timestamptz"
					 : psprintf("pg_catalog.min(named.%1$s), pg_catalog.max(named.%1$s)", date));
	um_execute_once(statement.sql.data, statement.nargs, statement.types, statement.args, true);
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	sums->records = DatumGetInt64(SPI_getbinval(row, desc, 1, &null));
	MemoryContextSwitchTo(context);
	sums->amounts = PointerGetDatum(PG_DETOAST_DATUM_COPY(SPI_getbinval(row, desc, 2, &null)));
	sums->first_date = DatumGetTimestampTz(SPI_getbinval(row, desc, 3, &null));
	sums->dated = !null;
	sums->last_date = DatumGetTimestampTz(SPI_getbinval(row, desc, 4, &null));
	SPI_finish();
}

/* Which rows, and of a page in what order. */
static void
add_selection(UmStatement *statement, UmRequest *request)
{
	const UmQueryString *names = request->names;

	(void) um_add_where(statement, names, request->version);
	if (names->limit >= 0 || names->offset > 0)
		um_add_page(statement, names);
}
