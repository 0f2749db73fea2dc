/*
 * query.c
 *	  What a query string asks of a resource, as a tree of conditions.
 *
 * All conditions must hold, those on one list, at any depth, of one and the
 * same element.  "ne" asks that "eq" does not hold, of that element where there
 * is one.  Where what is found is to be changed or deleted, it asks also that
 * something has the name, if the model does not say that it may: a name that is
 * misspelt must not lead to everything.
 *
 * What is written in JSONPath must hold besides (jsonpath.c).
 */
#include "postgres.h"

#include "jsonpath.h"
#include "query.h"

static List *group(List *conditions, const UmModel *model, bool changes);
static UmFilter *negated(UmFilter *condition, const UmAttribute *attribute, bool changes);

/*
 * UmFilters that must all hold.  A string without a condition has none, which is
 * for the caller to understand.
 */
List *
um_query_filters(const UmQueryString *query, const UmModel *model, UmVersion version)
{
	List	   *conditions = NIL;
	List	   *filters;
	int			count = list_length(query->conditions);
	ListCell   *cell;

	foreach(cell, query->conditions)
		conditions = lappend(conditions, um_filter_condition(lfirst(cell)));
	filters = group(conditions, model, query->changes);
	foreach(cell, query->filters)
		filters = lappend(filters, um_jsonpath_filter(lfirst(cell), model, version, query->changes,
													  &count));
	return filters;
}

/* Those on one list go together, where the first of them stood. */
static List *
group(List *conditions, const UmModel *model, bool changes)
{
	List	   *filters = NIL;

	while (conditions != NIL)
	{
		UmFilter   *first = linitial(conditions);
		UmNamed		list = um_look_up(model, first->name);
		List	   *together = NIL;
		List	   *others = NIL;
		UmFilter   *some;
		ListCell   *cell;

		if (list.rest == NULL || um_elements_at(&list) == NULL)
		{
			filters = lappend(filters, first->op != UM_NE ? first
							  : negated(first, list.attribute, changes));
			conditions = list_delete_first(conditions);
			continue;
		}
		some = um_filter(UM_SOME, NIL);
		some->name = pnstrdup(first->name, list.rest - first->name - 1);
		foreach(cell, conditions)
		{
			UmFilter   *condition = lfirst(cell);
			UmNamed		place = um_look_up(model, condition->name);

			if (place.attribute != list.attribute || place.rest == NULL ||
				um_elements_at(&place) == NULL)
			{
				others = lappend(others, condition);
				continue;
			}
			condition->name = place.rest;
			together = lappend(together, condition);
		}
		some->of = list_make1(um_filter(UM_AND, group(together, list.attribute->of, changes)));
		filters = lappend(filters, some);
		conditions = others;
	}
	return filters;
}

/* What "ne" means of that attribute, NULL for one that the model does not know. */
static UmFilter *
negated(UmFilter *condition, const UmAttribute *attribute, bool changes)
{
	UmFilter   *there = um_filter_condition(condition->condition);
	UmFilter   *not = um_filter(UM_NOT, list_make1(condition));

	condition->op = UM_EQ;
	there->kind = UM_THERE;
	there->name = condition->name;
	if (changes && (attribute == NULL || attribute->kind == UM_JSON ||
					attribute->kind == UM_CHARACTERISTICS))
		return um_filter(UM_AND, list_make2(there, not));
	return not;
}
