/*
 * characteristics_selectivity.c
 *	  How many rows the operators @>, ?, ?|, ?& and ?= will find, from what ANALYZE
 *	  has kept of the column.
 *
 * Names come together: usages of one kind have the same ones.  So the rarest of
 * several decides.  Values depend on each other now and then, as a tariff does
 * on the zone: the rarest counts whole, the others as what they are among lists
 * with their names, the next by its square root, then by its fourth root.  That
 * is too low where they depend wholly and too high where they do not at all, but
 * by less than the product is in the one case and the rarest alone in the other.
 *
 * Without statistics, for a condition that is no constant yet, and for whoever
 * may not see all of the column, the guess is that of jsonb's operators.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"

#include "characteristics_gin.h"
#include "characteristics_io.h"
#include "characteristics_statistics.h"
#include "compat.h"

#define NO_IDEA		0.001

/* So many values of a condition count beside the rarest. */
#define COUNTED		3

/* How many of the objects or arrays contain a certain one. */
#define NESTED_SHARE	0.1

/* The statistics of a column. */
typedef struct Statistics
{
	AttStatsSlot details;
	AttStatsSlot common;
	int			names;
} Statistics;

static double selectivity(VariableStatData *variable, const char *operator, const Const *constant);
static bool read_statistics(HeapTuple tuple, Statistics *statistics);
static void free_statistics(Statistics *statistics);
static double share_of_names(const Statistics *statistics, Datum array, bool all);
static double share_of_name(const Statistics *statistics, UmSlice name, int *place);
static double share_of_values(const Statistics *statistics, Datum array);
static double share_of_list(const Statistics *statistics, const struct varlena *part);
static void note_rarest(double *rarest, double share);
static double share_of_pair(const Statistics *statistics, const UmCharacteristic *element,
							int place, double name_share);

PG_FUNCTION_INFO_V1(um_characteristics_sel);

/* The share of rows that a condition finds. */
Datum
um_characteristics_sel(PG_FUNCTION_ARGS)
{
	PlannerInfo *root = (PlannerInfo *) PG_GETARG_POINTER(0);
	Oid			operator = PG_GETARG_OID(1);
	List	   *args = (List *) PG_GETARG_POINTER(2);
	int			relid = PG_GETARG_INT32(3);
	VariableStatData variable;
	Node	   *other;
	bool		on_left;
	double		share = NO_IDEA;
	char	   *name = get_opname(operator);

	if (name == NULL || !get_restriction_variable(root, args, relid, &variable, &other, &on_left))
		PG_RETURN_FLOAT8(NO_IDEA);
	if (IsA(other, Const) && ((Const *) other)->constisnull)
		share = 0.0;			/* the operators are strict */
	else if (IsA(other, Const) && HeapTupleIsValid(variable.statsTuple) &&
			 statistic_proc_security_check(&variable, get_opcode(operator)))
	{
		if (!on_left)
			name = strcmp(name, "<@") == 0 ? "@>" : "";
		share = selectivity(&variable, name, (Const *) other);
	}
	ReleaseVariableStats(variable);
	CLAMP_PROBABILITY(share);
	PG_RETURN_FLOAT8(share);
}

/* The same for a column that has statistics, on the left of the operator. */
static double
selectivity(VariableStatData *variable, const char *operator, const Const *constant)
{
	Form_pg_statistic form = (Form_pg_statistic) GETSTRUCT(variable->statsTuple);
	Statistics	statistics;
	double		share = NO_IDEA;

	if (!read_statistics(variable->statsTuple, &statistics))
		return NO_IDEA * (1.0 - form->stanullfrac);
	if (strcmp(operator, "?") == 0 && constant->consttype == TEXTOID)
		share = share_of_name(&statistics, um_text_slice(constant->constvalue), NULL);
	else if (strcmp(operator, "?|") == 0 && constant->consttype == TEXTARRAYOID)
		share = share_of_names(&statistics, constant->constvalue, false);
	else if (strcmp(operator, "?&") == 0 && constant->consttype == TEXTARRAYOID)
		share = share_of_names(&statistics, constant->constvalue, true);
	else if (strcmp(operator, "?=") == 0 && constant->consttype == TEXTARRAYOID)
		share = share_of_values(&statistics, constant->constvalue);
	else if (strcmp(operator, "@>") == 0)
		share = share_of_list(&statistics, PG_DETOAST_DATUM_PACKED(constant->constvalue));
	free_statistics(&statistics);
	return share * (1.0 - form->stanullfrac);
}

/* False where ANALYZE has kept nothing. */
static bool
read_statistics(HeapTuple tuple, Statistics *statistics)
{
	AttStatsSlot *details = &statistics->details;
	AttStatsSlot *common = &statistics->common;
	int			values = 0;

	memset(statistics, 0, sizeof(Statistics));
	if (!get_attstatsslot(details, tuple, UM_STATISTIC_KIND, InvalidOid, ATTSTATSSLOT_NUMBERS))
		return false;
	statistics->names = (details->nnumbers - 1) / 2;
	for (int i = 0; i < statistics->names; i++)
		values += details->numbers[2 * i];
	if (statistics->names == 0 ||
		(get_attstatsslot(common, tuple, STATISTIC_KIND_MCELEM, InvalidOid,
						  ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS) &&
		 common->valuetype == TEXTOID && common->nvalues == statistics->names + values &&
		 common->nnumbers >= common->nvalues))
		return true;
	free_statistics(statistics);
	return false;
}

static void
free_statistics(Statistics *statistics)
{
	free_attstatsslot(&statistics->details);
	free_attstatsslot(&statistics->common);
}

/* The share of lists that have any or all names of an array. */
static double
share_of_names(const Statistics *statistics, Datum array, bool all)
{
	double		least = 1.0;
	double		none = 1.0;
	Datum	   *names;
	bool	   *nulls;
	int			count;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT,
					  &names, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		double		share;

		if (nulls[i])
			continue;
		share = share_of_name(statistics, um_text_slice(names[i]), NULL);
		least = Min(least, share);
		none *= 1.0 - share;
	}
	return all ? least : 1.0 - none;
}

/* The share of lists that have a name, and its place, or -1. */
static double
share_of_name(const Statistics *statistics, UmSlice name, int *place)
{
	int			i = 0;

	CHECK_FOR_INTERRUPTS();
	while (i < statistics->names && !um_same_slice(um_text_slice(statistics->common.values[i]), name))
		i++;
	if (place != NULL)
		*place = i < statistics->names ? i : -1;
	return i < statistics->names ? statistics->common.numbers[i]
		: statistics->details.numbers[2 * statistics->names];
}

/* The share of lists that have a name with one of several values, spelt in any way. */
static double
share_of_values(const Statistics *statistics, Datum array)
{
	UmNamedValues wanted = um_named_values(DatumGetArrayTypeP(array));
	double		sum = 0.0;
	int			place = -1;
	double		name = wanted.count == 0 ? 0.0 : share_of_name(statistics, wanted.name, &place);

	for (int i = 0; i < wanted.count && sum < name; i++)
	{
		UmCharacteristic forms[2];
		int			n = um_forms_of_value(&wanted, i, forms);
		double		share = 0.0;

		/* of a name that is not common nothing is known of its values */
		for (int f = 0; f < n; f++)
			share = Max(share, place < 0 ? name : share_of_pair(statistics, &forms[f], place, name));
		sum += share;
	}
	return Min(sum, name);
}

/* The share of lists that contain another. */
static double
share_of_list(const Statistics *statistics, const struct varlena *part)
{
	double		least = 1.0;	/* share of a pair or name */
	double		given = 1.0;	/* of the same pair, among those that have the name */
	double		others[COUNTED] = {1.0, 1.0, 1.0};
	UmPair	   *pairs;
	int			count;

	if (!um_characteristics_sound(part))
		return NO_IDEA;
	pairs = um_unique_pairs(part, &count);
	for (int i = 0; i < count; i++)
	{
		int			place;
		double		name = share_of_name(statistics, pairs[i].element.name, &place);
		double		pair = name;
		double		given_name = 1.0;

		if (place >= 0)
		{
			pair = share_of_pair(statistics, &pairs[i].element, place, name);
			given_name = pair / name;
		}
		if (pair < least)
		{
			note_rarest(others, given);
			least = pair;
			given = given_name;
		}
		else
			note_rarest(others, given_name);
	}
	pfree(pairs);
	for (int i = 0; i < COUNTED; i++)
		least *= pow(others[i], 1.0 / (2 << i));
	return least;
}

/* Puts a share where it belongs among the smallest. */
static void
note_rarest(double *rarest, double share)
{
	for (int i = 0; i < COUNTED; i++)
	{
		double		other = rarest[i];

		rarest[i] = Min(share, other);
		share = Max(share, other);
	}
}

/* The share of lists that have a name with a value. */
static double
share_of_pair(const Statistics *statistics, const UmCharacteristic *element, int place,
			  double name_share)
{
	const float4 *details = statistics->details.numbers;
	const AttStatsSlot *common = &statistics->common;
	double		share = details[2 * place + 1];
	int			first = statistics->names;
	StringInfoData text;
	UmSlice		wanted;

	CHECK_FOR_INTERRUPTS();
	for (int i = 0; i < place; i++)
		first += details[2 * i];
	initStringInfo(&text);
	if (um_pair_text(&text, element))
	{
		wanted = (UmSlice) {text.data, text.len};
		for (int i = first; i < first + (int) details[2 * place]; i++)
			if (um_same_slice(um_text_slice(common->values[i]), wanted))
			{
				share = common->numbers[i];
				break;
			}
	}
	pfree(text.data);
	if ((element->kind == UM_OBJECT_TOKEN || element->kind == UM_ARRAY_TOKEN) &&
		element->value.len > 2)
		share *= NESTED_SHARE;
	return Min(share, name_share);
}
