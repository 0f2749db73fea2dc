/*
 * page.c
 *	  Which rows of a resource's table a query string names, in what order.
 *
 * The rows are called u.  A page is a page of something only in an order that is
 * total, so the id always comes last; "after" is a filter on what orders them.
 * In the order of the date it can be asked for in a range of dates alone.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "errors.h"
#include "page.h"
#include "range.h"
#include "row.h"
#include "scalar.h"
#include "store.h"
#include "tmf_write.h"

#define COLLATE_C " COLLATE pg_catalog.\"C\""

static void check_names(const UmModel *model, const UmQueryString *query, UmVersion version);
static const char *sort_name(const char *key);
static UmFilter *behind(const UmModel *model, const UmQueryString *query);
static UmFilter *compared(const UmAttribute *attribute, UmOperator op, char *value);
static void narrow(const UmFilter *filter, const UmModel *model, TimestampTz *earliest,
				   TimestampTz *latest);
static void add_sort(UmStatement *statement, const char *key);
static bool after_order(const UmModel *model, const UmQueryString *query,
						const UmAttribute **date, bool *descending);
static const UmAttribute *leading_date(const UmModel *model, const UmQueryString *query);

/* Appends " WHERE …", or nothing where all rows are meant; gives what it appended, or NULL. */
UmFilter *
um_add_where(UmStatement *statement, const UmQueryString *query, UmVersion version)
{
	UmRelation	relation = {statement->model, "u", false};
	List	   *filters = um_query_filters(query, statement->model, version);
	UmFilter   *filter;

	check_names(statement->model, query, version);
	if (query->after != NULL)
		filters = lappend(filters, behind(statement->model, query));
	Assert(filters != NIL || !query->changes || query->all);
	if (filters == NIL)
		return NULL;
	filter = um_filter(UM_AND, filters);
	appendStringInfoString(&statement->sql, " WHERE ");
	um_add_filter(statement, filter, &relation, version);
	return filter;
}

/* 22023 for a name that means nothing in what only steers a list. */
static void
check_names(const UmModel *model, const UmQueryString *query, UmVersion version)
{
	ListCell   *cell;

	foreach(cell, query->sort)
	{
		const char *name = sort_name(lfirst(cell));
		char	   *hint = um_unknown_name(model, name, version, UM_SORT_NAME);

		if (hint != NULL)
			ereport(ERROR,
					(errcode(UM_PARAMETER),
					 errmsg("cannot sort by \"%s\"", name), errhint("%s", hint)));
	}
	if (query->fields != NULL)
		(void) um_fields(query->fields, model, version);
}

/* The rows behind the one with the id query->after. */
static UmFilter *
behind(const UmModel *model, const UmQueryString *query)
{
	Datum		after = CStringGetTextDatum(query->after);
	const UmAttribute *date;
	bool		descending;
	UmRecord   *last;
	UmKey		key;
	StringInfoData time;
	char	   *instant;
	UmFilter   *seen;

	if (!after_order(model, query, &date, &descending))
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("\"after\" needs the order of the date or of the id alone")));
	if (date == NULL)
		return compared(model->id, descending ? UM_LT : UM_GT, query->after);
	/* as the caller: who may not see it does not learn that it is there */
	key = um_store_key(model->resource, after, true);
	last = um_store_get(model->resource, after, &key, true);
	if (last == NULL)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("there is no %s \"%s\" to go on after", model->label, query->after)));
	initStringInfo(&time);
	um_append_time(&time, DatumGetTimestampTz(last->value[date->slot]));
	/* without its quotes */
	instant = pnstrdup(time.data + 1, time.len - 2);
	seen = um_filter(UM_AND, list_make2(compared(date, UM_EQ, instant),
										compared(model->id, descending ? UM_GTE : UM_LTE,
												 query->after)));
	seen = um_filter(UM_OR, list_make2(compared(date, descending ? UM_GT : UM_LT, instant), seen));
	/* the first prunes partitions and is what an index serves, the second decides */
	return um_filter(UM_AND, list_make2(compared(date, descending ? UM_LTE : UM_GTE, instant),
										um_filter(UM_NOT, list_make1(seen))));
}

static UmFilter *
compared(const UmAttribute *attribute, UmOperator op, char *value)
{
	UmCondition *condition = palloc0(sizeof(UmCondition));

	condition->name = pstrdup(um_name_in(attribute, UM_R14_5));
	condition->op = op;
	condition->values = list_make1(value);
	return um_filter_condition(condition);
}

/*
 * Bounds the dates of a statement that has that filter to where its page begins;
 * false where there is no such range.
 */
bool
um_add_range(UmStatement *statement, const UmQueryString *query, const UmFilter *filter)
{
	const UmModel *model = statement->model;
	bool		descending = query->sort != NIL && *(char *) linitial(query->sort) == '-';
	TimestampTz earliest = DT_NOBEGIN;
	TimestampTz latest = DT_NOEND;
	UmRange		range;

	if (leading_date(model, query) == NULL)
		return false;
	if (filter != NULL)
		narrow(filter, model, &earliest, &latest);
	if (!um_range_of_page(model->resource, descending, earliest, latest, &range))
		return false;
	appendStringInfoString(&statement->sql, filter == NULL ? " WHERE true" : "");
	if (!TIMESTAMP_IS_NOBEGIN(range.from))
		appendStringInfo(&statement->sql, " AND u.%s OPERATOR(pg_catalog.>=) $%d",
						 model->resource->date,
						 um_statement_arg(statement, TIMESTAMPTZOID, TimestampTzGetDatum(range.from)));
	if (!TIMESTAMP_IS_NOEND(range.before))
		appendStringInfo(&statement->sql, " AND u.%s OPERATOR(pg_catalog.<) $%d",
						 model->resource->date,
						 um_statement_arg(statement, TIMESTAMPTZOID, TimestampTzGetDatum(range.before)));
	return true;
}

/* Narrows two dates to those that rows of a filter may have. */
static void
narrow(const UmFilter *filter, const UmModel *model, TimestampTz *earliest, TimestampTz *latest)
{
	const UmAttribute *date = model->slot[model->date_slot];
	TimestampTz low = DT_NOEND;
	TimestampTz high = DT_NOBEGIN;
	UmNamed		place;
	ListCell   *cell;

	if (filter->kind == UM_AND)
		foreach(cell, filter->of)
			narrow(lfirst(cell), model, earliest, latest);
	if (filter->kind != UM_CONDITION)
		return;
	place = um_look_up(model, filter->name);
	if (place.attribute != date || place.rest != NULL)
		return;
	foreach(cell, filter->condition->values)
	{
		const char *text = lfirst(cell);
		Datum		value;

		(void) um_scalar_from_text(date->kind, model->life, (UmSlice) {text, strlen(text)}, &value);
		low = Min(low, DatumGetTimestampTz(value));
		high = Max(high, DatumGetTimestampTz(value));
	}
	if (filter->op == UM_EQ || filter->op == UM_GT || filter->op == UM_GTE)
		*earliest = Max(*earliest, low);
	if (filter->op == UM_EQ || filter->op == UM_LT || filter->op == UM_LTE)
		*latest = Min(*latest, filter->op == UM_LT ? high - 1 : high);
}

/* Appends order, limit and offset. */
void
um_add_page(UmStatement *statement, const UmQueryString *query)
{
	StringInfo	sql = &statement->sql;
	bool		paged = query->limit >= 0 || query->offset > 0 || query->after != NULL;
	const UmAttribute *date;
	bool		descending;
	ListCell   *cell;

	if (query->sort != NIL || paged)
	{
		appendStringInfoString(sql, " ORDER BY ");
		/* ids of one date run as the dates do, so that "after" can go on from any page */
		if (!after_order(statement->model, query, &date, &descending))
			descending = false;
		if (query->sort == NIL && date != NULL)
			appendStringInfo(sql, "u.%s, ", date->column);
		foreach(cell, query->sort)
			add_sort(statement, lfirst(cell));
		appendStringInfo(sql, "u.%s%s", statement->model->id->column, descending ? " DESC" : "");
	}
	if (query->limit >= 0)
		appendStringInfo(sql, " LIMIT " INT64_FORMAT, query->limit);
	if (query->offset > 0)
		appendStringInfo(sql, " OFFSET " INT64_FORMAT, query->offset);
}

/* The name in a key, without its sign; a plus may have been decoded. */
static const char *
sort_name(const char *key)
{
	return *key == '-' || *key == '+' || *key == ' ' ? key + 1 : key;
}

/* One key; what has no value comes last either way. */
static void
add_sort(UmStatement *statement, const char *key)
{
	StringInfo	sql = &statement->sql;
	const UmModel *model = statement->model;
	UmRelation	relation = {model, "u", false};
	UmNamed		place = um_look_up(model, sort_name(key));
	const UmAttribute *a = place.attribute;
	const char *order = *key == '-' ? "DESC NULLS LAST, " : "NULLS LAST, ";

	if (a != NULL && a->kind == UM_CHARACTERISTICS && place.rest != NULL)
	{
		char	   *value = psprintf("(%s OPERATOR(usage_mgmt.->>) $%d)",
									 um_place_sql(&relation, &place),
									 um_statement_text(statement, place.rest));

		appendStringInfo(sql, "usage_mgmt.value_number(%s) %s%s" COLLATE_C " %s", value, order, value,
						 order);
		return;
	}
	if (a != NULL && a->kind == UM_LIST && place.rest != NULL)
	{
		/* a list is sorted by its first element */
		relation = (UmRelation) {a->of, psprintf("(%s)[1]", um_place_sql(&relation, &place)), false};
		place = um_look_up(a->of, place.rest);
		a = place.attribute;
	}
	if (a == NULL || a->column == NULL || a->kind > UM_JSON || place.rest != NULL ||
		(place.object != NULL && place.object->kind == UM_BRANCH))
		ereport(ERROR,
				(errcode(UM_PARAMETER), errmsg("cannot sort by \"%s\"", sort_name(key))));
	/* a column that is never null lets an index give the order */
	if (relation.model == model && (a == model->id || (a->flags & UM_MANDATORY)))
		order = *key == '-' ? "DESC, " : ", ";
	appendStringInfo(sql, "%s%s %s", um_place_sql(&relation, &place),
					 um_slot_type(a, relation.model) == TEXTOID ? COLLATE_C : "", order);
}

/*
 * Whether the order is one that "after" can go on in: that of the date, or of
 * the id alone.
 */
static bool
after_order(const UmModel *model, const UmQueryString *query, const UmAttribute **date,
			bool *descending)
{
	const char *key = query->sort != NIL ? linitial(query->sort) : "";
	UmNamed		place;

	*date = leading_date(model, query);
	*descending = *key == '-';
	if (query->sort == NIL)
		return true;
	if (list_length(query->sort) > 1)
		return false;
	place = um_look_up(model, sort_name(key));
	return *date != NULL || (place.attribute == model->id && place.rest == NULL);
}

/* Whether a page in that order can be followed by one "after" its last. */
bool
um_goes_on_after(const UmModel *model, const UmQueryString *query)
{
	const UmAttribute *date;
	bool		descending;

	return after_order(model, query, &date, &descending);
}

/* The date, where the order begins with it; else NULL. */
static const UmAttribute *
leading_date(const UmModel *model, const UmQueryString *query)
{
	const UmAttribute *date = model->date_slot >= 0 ? model->slot[model->date_slot] : NULL;
	UmNamed		place;

	if (query->sort == NIL)
		return date;
	place = um_look_up(model, sort_name(linitial(query->sort)));
	return place.attribute == date && place.rest == NULL ? date : NULL;
}
