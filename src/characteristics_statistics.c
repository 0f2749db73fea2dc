/*
 * characteristics_statistics.c
 *	  What ANALYZE keeps of a column of lists of characteristics.
 *
 * The common names, each with the share of rows that have it, and of each its
 * common values: pg_stats shows them as most_common_elems, "duration" and
 * duration="60" alike.  What is not kept has an average frequency, from which
 * a telephone number, of which there are thousands, is estimated as well as
 * one of five zones.
 *
 * Names and values are those of the object of pairs: of a repeated name the
 * last value counts, numbers are the same by value.  Of objects and arrays the
 * kind alone is known.
 *
 * All names and values of the sample are put in one array of hashes and sorted,
 * which counts exactly and also says how many were seen once: that tells values
 * that are few from those that are many, and no algorithm knows it that forgets
 * what is rare.  The array is bounded: where the sample has more, only every
 * second row is looked at, every fourth, and so on.
 *
 * A list that is broken on disk, or very long, is passed over: it must not keep
 * a table from being analyzed.
 */
#include "postgres.h"

#include <math.h>

#include "access/detoast.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "commands/vacuum.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "characteristics_gin.h"
#include "characteristics_io.h"
#include "characteristics_statistics.h"
#include "compat.h"
#include "number.h"

/* Longer lists are passed over, as ANALYZE does with arrays. */
#define LONG_LIST	0x10000

/* Longer texts are not kept. */
#define LONG_TEXT	512

/* Of so many names and values the hashes are held at most: 24 MB. */
#define FEW_ENTRIES		(1 << 16)
#define MOST_ENTRIES	(1 << 20)

/* In the place of a name's hash: the entry is the hash of a whole list. */
#define WHOLE_LIST	UINT64CONST(0)

typedef struct Entry
{
	uint64		name;
	uint64		pair;
	int			row;			/* of the sample */
} Entry;

/* What was seen of one name, or of one value: a stretch of the sorted entries. */
typedef struct Run
{
	int			first;
	int			count;
} Run;

/* What is seen of the sample. */
typedef struct Sample
{
	VacAttrStats *stats;
	AnalyzeAttrFetchFunc fetch;
	MemoryContext row_context;	/* for one list */
	Entry	   *entries;
	int			count;
	int			max;
	int			stride;			/* every so many rows */
	int			rows;			/* that were looked at */
	double		scale;			/* rows of the table for each of them; 1: all of them */
} Sample;

/* The values of a name. */
typedef struct Values
{
	Run		   *runs;
	int			count;
	int			wanted;			/* to be kept */
	int			room;			/* for so many */
} Values;

/* What will be kept. */
typedef struct Kept
{
	Datum	   *texts;
	float4	   *shares;
	int			count;
	float4	   *details;		/* see UM_STATISTIC_KIND */
	int			names;
} Kept;

static void compute_statistics(VacAttrStats *stats, AnalyzeAttrFetchFunc fetch, int rows,
							   double total_rows);
static struct varlena *sound_list(Datum value);
static void add_list(Sample *sample, int row, const struct varlena *list);
static void add_entry(Sample *sample, Entry entry);
static void thin_out(Sample *sample);
static int	compare_entries(const void *a, const void *b);
static Run *runs_of(const Sample *sample, Run within, bool pairs, int *count);
static int	compare_runs(const void *a, const void *b);
static int	total_of(const Run *runs, int count);
static double distinct_of(const Sample *sample, const Run *runs, int count);
static int	common_runs(const Sample *sample, const Run *runs, int count, int room, bool names,
						double *others);
static bool beyond_chance(int n, double mean, double distinct, int seen);
static void keep(Sample *sample, Run *names, int names_count, Kept *kept);
static void share_room(Values *values, int names, int room);
static int	keep_runs(Sample *sample, const Run *runs, int count, bool names, Kept *kept,
					  Run *those);
static bool text_of_run(Sample *sample, Run run, bool name, Datum *result);
static void store_slots(VacAttrStats *stats, const Kept *kept);

PG_FUNCTION_INFO_V1(um_characteristics_typanalyze);

/* The type's ANALYZE function. */
Datum
um_characteristics_typanalyze(PG_FUNCTION_ARGS)
{
	VacAttrStats *stats = (VacAttrStats *) PG_GETARG_POINTER(0);

	if (um_statistics_target(stats) < 0)
		um_statistics_target(stats) = default_statistics_target;
	stats->compute_stats = compute_statistics;
	stats->minrows = 300 * um_statistics_target(stats);
	PG_RETURN_BOOL(true);
}

/*
 * The text by which a name with a value is kept, the same for all values that
 * are the same; false where it is too long.
 */
bool
um_pair_text(StringInfo out, const UmCharacteristic *element)
{
	UmCharacteristic plain = *element;

	if (element->name.len >= LONG_TEXT || element->value.len >= LONG_TEXT)
		return false;
	if (element->kind == UM_NUMBER_TOKEN)
		plain.value = um_plain(element->value);
	else if (element->kind == UM_OBJECT_TOKEN || element->kind == UM_ARRAY_TOKEN)
		plain.value = (UmSlice) {element->kind == UM_OBJECT_TOKEN ? "{}" : "[]", 2};
	else if (element->kind == UM_NONE)
		plain.value = (UmSlice) {"null", 4};
	appendBinaryStringInfo(out, element->name.ptr, element->name.len);
	appendStringInfoChar(out, '=');
	um_write_characteristic_value(out, &plain);
	return out->len < LONG_TEXT;
}

/* Fills in the statistics of a column from the rows of a sample. */
static void
compute_statistics(VacAttrStats *stats, AnalyzeAttrFetchFunc fetch, int rows, double total_rows)
{
	Sample		sample = {.stats = stats, .fetch = fetch, .max = FEW_ENTRIES, .stride = 1};
	double		width = 0;
	int			nulls = 0;
	Run		   *runs;
	Run			whole = {0};
	int			count;
	double		distinct;
	Kept		kept = {0};

	sample.entries = palloc(sizeof(Entry) * sample.max);
	sample.row_context = AllocSetContextCreate(CurrentMemoryContext, "list of characteristics",
											   ALLOCSET_DEFAULT_SIZES);
	for (int row = 0; row < rows; row++)
	{
		bool		is_null;
		Datum		value = fetch(stats, row, &is_null);
		MemoryContext old;
		struct varlena *list;

		vacuum_delay_point(true);
		nulls += is_null;
		if (is_null)
			continue;
		width += VARSIZE_ANY(DatumGetPointer(value));
		if (row % sample.stride != 0)
			continue;
		old = MemoryContextSwitchTo(sample.row_context);
		list = sound_list(value);
		if (list != NULL)
			add_list(&sample, row, list);
		MemoryContextSwitchTo(old);
		MemoryContextReset(sample.row_context);
	}
	if (rows == 0)
		return;
	stats->stats_valid = true;
	stats->stanullfrac = (double) nulls / rows;
	stats->stawidth = nulls < rows ? width / (rows - nulls) : 0;
	stats->stadistinct = 0.0;	/* unknown */
	qsort(sample.entries, sample.count, sizeof(Entry), compare_entries);
	while (whole.count < sample.count && sample.entries[whole.count].name == WHOLE_LIST)
		whole.count++;
	if (whole.count == 0)
		return;
	sample.rows = whole.count;
	sample.scale = Max(total_rows * (1.0 - stats->stanullfrac) / sample.rows, 1.0);
	runs = runs_of(&sample, whole, true, &count);
	distinct = distinct_of(&sample, runs, count);
	stats->stadistinct = distinct > 0.1 * total_rows ? -(distinct / total_rows) : distinct;
	runs = runs_of(&sample, (Run) {whole.count, sample.count - whole.count}, false, &count);
	keep(&sample, runs, count, &kept);
	store_slots(stats, &kept);
}

/* A stored list, in the current memory context; NULL where it is passed over. */
static struct varlena *
sound_list(Datum value)
{
	struct varlena *list;

	if (toast_raw_datum_size(value) > LONG_LIST)
		return NULL;
	list = PG_DETOAST_DATUM_PACKED(value);
	return um_characteristics_sound(list) ? list : NULL;
}

/* Notes what a list has. */
static void
add_list(Sample *sample, int row, const struct varlena *list)
{
	int			count;
	UmPair	   *pairs = um_unique_pairs(list, &count);

	add_entry(sample, (Entry) {WHOLE_LIST, um_hash_list(list, 0), row});
	for (int i = 0; i < count; i++)
	{
		uint64		name = um_name_key(pairs[i].element.name);

		add_entry(sample, (Entry) {name, um_pair_key(name, &pairs[i].element), row});
	}
}

static void
add_entry(Sample *sample, Entry entry)
{
	if (sample->count == sample->max)
	{
		if (sample->max < MOST_ENTRIES)
		{
			sample->max *= 2;
			sample->entries = repalloc(sample->entries, sizeof(Entry) * sample->max);
		}
		else
			thin_out(sample);
	}
	if (entry.row % sample->stride == 0)
		sample->entries[sample->count++] = entry;
}

/* Takes every second row away, until half of the room is free. */
static void
thin_out(Sample *sample)
{
	do
	{
		int			count = 0;

		sample->stride *= 2;
		for (int i = 0; i < sample->count; i++)
			if (sample->entries[i].row % sample->stride == 0)
				sample->entries[count++] = sample->entries[i];
		sample->count = count;
	} while (sample->count > MOST_ENTRIES / 2 && sample->stride < INT_MAX / 2);
}

static int
compare_entries(const void *a, const void *b)
{
	const Entry *x = a;
	const Entry *y = b;

	if (x->name != y->name)
		return x->name < y->name ? -1 : 1;
	if (x->pair != y->pair)
		return x->pair < y->pair ? -1 : 1;
	return x->row - y->row;
}

/* The runs of one name, or of one name with one value, the longest first. */
static Run *
runs_of(const Sample *sample, Run within, bool pairs, int *count)
{
	const Entry *entries = sample->entries;
	int			end = within.first + within.count;
	int			n = 0;
	Run		   *runs;

	for (int i = within.first; i < end; i++)
		n += i == within.first || entries[i].name != entries[i - 1].name ||
			(pairs && entries[i].pair != entries[i - 1].pair);
	runs = palloc(sizeof(Run) * (n + 1));
	n = 0;
	for (int i = within.first; i < end; i++)
	{
		if (i == within.first || entries[i].name != entries[i - 1].name ||
			(pairs && entries[i].pair != entries[i - 1].pair))
			runs[n++] = (Run) {i, 0};
		runs[n - 1].count++;
	}
	qsort(runs, n, sizeof(Run), compare_runs);
	*count = n;
	return runs;
}

static int
compare_runs(const void *a, const void *b)
{
	const Run  *x = a;
	const Run  *y = b;

	return x->count != y->count ? y->count - x->count : x->first - y->first;
}

static int
total_of(const Run *runs, int count)
{
	int			total = 0;

	for (int i = 0; i < count; i++)
		total += runs[i].count;
	return total;
}

/*
 * How many different ones the table has, by the estimator of Haas and Stokes
 * that ANALYZE uses: n * d / (n - f1 + f1 * n / N).
 */
static double
distinct_of(const Sample *sample, const Run *runs, int count)
{
	double		total = total_of(runs, count);
	double		once = 0;

	while (once < count && runs[count - 1 - (int) once].count == 1)
		once++;
	if (count == 0)
		return 0;
	return Max(count, total * count / (total - once + once / sample->scale));
}

/*
 * How many of the runs are worth keeping, at most room, and the average count
 * of the others.  All are where they are few, and names always, for the sake
 * of their values; else those that are more common than chance has it.
 */
static int
common_runs(const Sample *sample, const Run *runs, int count, int room, bool names, double *others)
{
	bool		all_rows = sample->scale <= 1.0;
	bool		all = count <= room && (all_rows || (count > 0 && runs[count - 1].count > 1));
	double		distinct = distinct_of(sample, runs, count);
	double		rest = total_of(runs, count);
	int			same = 0;		/* are as common, or more */
	int			kept;

	for (kept = 0; kept < count && kept < room; kept++)
	{
		int			n = runs[kept].count;
		double		left = Max(distinct - kept - 1, 1.0);

		while (same < count && runs[same].count >= n)
			same++;
		if (!all && !all_rows && n == 1)
			break;
		if (!all && !names && !beyond_chance(n, (rest - n) / left, all_rows ? 0 : left, same))
			break;
		rest -= n;
	}
	*others = rest / Max(distinct - kept, 1.0);
	return kept;
}

/*
 * Whether a count is above the mean, and of those seen as often less than half
 * would be if they all were equally common, by Chernoff's bound for a Poisson
 * distribution.
 */
static bool
beyond_chance(int n, double mean, double distinct, int seen)
{
	return n > mean &&
		(mean <= 0 || distinct * exp(n - mean + n * log(mean / n)) < seen / 2.0);
}

/* Keeps the common names, and of each the common values. */
static void
keep(Sample *sample, Run *names, int names_count, Kept *kept)
{
	int			target = um_statistics_target(sample->stats);
	int			room = target * 10;
	double		others;
	int			n = common_runs(sample, names, names_count, target, true, &others);
	Run		   *name_runs = palloc(sizeof(Run) * (n + 1));
	Values	   *values;

	kept->texts = palloc(sizeof(Datum) * (n + room));
	kept->shares = palloc(sizeof(float4) * (n + room));
	kept->details = palloc(sizeof(float4) * (2 * n + 1));
	kept->names = n = keep_runs(sample, names, n, true, kept, name_runs);
	kept->details[2 * n] = others / sample->rows;
	values = palloc0(sizeof(Values) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		vacuum_delay_point(true);
		values[i].runs = runs_of(sample, name_runs[i], true, &values[i].count);
		values[i].wanted = common_runs(sample, values[i].runs, values[i].count, room, false, &others);
	}
	share_room(values, n, room);
	for (int i = 0; i < n; i++)
	{
		int			common = common_runs(sample, values[i].runs, values[i].count, values[i].room,
										 false, &others);

		kept->details[2 * i] = keep_runs(sample, values[i].runs, common, false, kept, NULL);
		kept->details[2 * i + 1] = others / sample->rows;
	}
}

/* All get the same, but none more than it wants. */
static void
share_room(Values *values, int names, int room)
{
	int			wanting;
	int			share;

	do
	{
		wanting = 0;
		for (int i = 0; i < names; i++)
			wanting += values[i].room < values[i].wanted;
		share = room / Max(wanting, 1);
		for (int i = 0; i < names; i++)
		{
			int			more = Min(values[i].wanted - values[i].room, share);

			values[i].room += more;
			room -= more;
		}
	} while (wanting > 0 && share > 0);
}

/* Keeps runs whose text can be kept; returns how many, and those. */
static int
keep_runs(Sample *sample, const Run *runs, int count, bool names, Kept *kept, Run *those)
{
	int			n = 0;

	for (int i = 0; i < count; i++)
	{
		if (!text_of_run(sample, runs[i], names, &kept->texts[kept->count]))
			continue;
		kept->shares[kept->count++] = (double) runs[i].count / sample->rows;
		if (those != NULL)
			those[n] = runs[i];
		n++;
	}
	return n;
}

/* The text of a name, or of a name and its value, from a row that has it. */
static bool
text_of_run(Sample *sample, Run run, bool name, Datum *result)
{
	const Entry *entry = &sample->entries[run.first];
	MemoryContext old = MemoryContextSwitchTo(sample->row_context);
	bool		is_null;
	struct varlena *list = sound_list(sample->fetch(sample->stats, entry->row, &is_null));
	StringInfoData text;
	int			count = 0;
	UmPair	   *pairs = um_unique_pairs(list, &count);
	int			i = 0;
	bool		ok;

	while (i < count && (um_name_key(pairs[i].element.name) != entry->name ||
						 um_pair_key(entry->name, &pairs[i].element) != entry->pair))
		i++;
	Assert(i < count);
	initStringInfo(&text);
	if (!name)
		ok = um_pair_text(&text, &pairs[i].element);
	else if ((ok = pairs[i].element.name.len < LONG_TEXT))
		appendBinaryStringInfo(&text, pairs[i].element.name.ptr, pairs[i].element.name.len);
	/* What is in no encoding must not be shown as text. */
	ok = ok && pg_verifymbstr(text.data, text.len, true);
	MemoryContextSwitchTo(sample->stats->anl_context);
	if (ok)
		*result = PointerGetDatum(cstring_to_text_with_len(text.data, text.len));
	MemoryContextSwitchTo(old);
	MemoryContextReset(sample->row_context);
	return ok;
}

/* Puts what is kept where ANALYZE looks for it. */
static void
store_slots(VacAttrStats *stats, const Kept *kept)
{
	float4		least = 1.0;
	float4		most = 0.0;
	MemoryContext old = MemoryContextSwitchTo(stats->anl_context);
	int			slot = 0;

	stats->stakind[slot] = UM_STATISTIC_KIND;
	stats->numnumbers[slot] = 2 * kept->names + 1;
	stats->stanumbers[slot] = palloc(sizeof(float4) * stats->numnumbers[slot]);
	memcpy(stats->stanumbers[slot], kept->details, sizeof(float4) * stats->numnumbers[slot]);
	if (kept->count > 0)
	{
		slot++;
		for (int i = 0; i < kept->count; i++)
		{
			least = Min(least, kept->shares[i]);
			most = Max(most, kept->shares[i]);
		}
		stats->stakind[slot] = STATISTIC_KIND_MCELEM;
		stats->staop[slot] = TextEqualOperator;
		stats->stacoll[slot] = C_COLLATION_OID;
		stats->numnumbers[slot] = kept->count + 2;
		stats->stanumbers[slot] = palloc(sizeof(float4) * stats->numnumbers[slot]);
		memcpy(stats->stanumbers[slot], kept->shares, sizeof(float4) * kept->count);
		stats->stanumbers[slot][kept->count] = least;
		stats->stanumbers[slot][kept->count + 1] = most;
		stats->numvalues[slot] = kept->count;
		stats->stavalues[slot] = palloc(sizeof(Datum) * kept->count);
		memcpy(stats->stavalues[slot], kept->texts, sizeof(Datum) * kept->count);
		stats->statypid[slot] = TEXTOID;
		stats->statyplen[slot] = -1;
		stats->statypbyval[slot] = false;
		stats->statypalign[slot] = TYPALIGN_INT;
	}
	MemoryContextSwitchTo(old);
}
