/*
 * range.c
 *	  The range of dates in which a page is looked for first.
 *
 * A page in the order of the date needs few partitions, and a statement without
 * bounds plans, locks and opens all of them.  The range begins with the first
 * partition that may have rows of the page and is a small part of those behind
 * it: whoever does not find the page there looks at all dates after all, and has
 * lost little.
 *
 * Before the range no row may be left out that the snapshot sees.  A partition
 * without a block has none: who stored a row that the snapshot sees made the block
 * before the snapshot was taken, and VACUUM gives a block back only when nobody
 * sees what was on it.  But partitions are of no snapshot.  Rows that have moved
 * out of a default partition into a new one are seen by older snapshots where they
 * were, and there a statement with the bounds of the new one does not look.  So
 * where a statement looks into the default partition there is no range while that
 * has a block, nor is one in partitions that are divided themselves and may have a
 * default one of their own.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "range.h"
#include "types.h"

#define PART 28					/* of the partitions: in vain, a range costs a tenth of theirs */

static bool is_by_date(Relation table, const UmResource *resource);
static bool find_range(PartitionDesc parts, bool descending, TimestampTz earliest,
					   TimestampTz latest, UmRange *range);
static TimestampTz bound(PartitionBoundInfo info, int i);
static bool is_empty(PartitionDesc parts, int i);
static bool has_no_block(Oid part);

/*
 * The range for a page of rows that have dates between the two; false where all
 * dates are to be looked at.
 */
bool
um_range_of_page(const UmResource *resource, bool descending, TimestampTz earliest,
				 TimestampTz latest, UmRange *range)
{
	Oid			oid = um_table(resource->model->noun, true);
	Relation	table;
	bool		found;

	if (!OidIsValid(oid))
		return false;
	table = table_open(oid, AccessShareLock);
	found = is_by_date(table, resource) &&
		find_range(RelationGetPartitionDesc(table, true), descending, earliest, latest, range);
	/* what the range is made of stays */
	table_close(table, NoLock);
	return found;
}

static bool
is_by_date(Relation table, const UmResource *resource)
{
	PartitionKey key = RelationGetPartitionKey(table);

	return key != NULL && key->strategy == PARTITION_STRATEGY_RANGE && key->partnatts == 1 &&
		key->partattrs[0] == get_attnum(RelationGetRelid(table), resource->date);
}

/* Place i of the bounds begins at bound i - 1 and ends before bound i. */
static bool
find_range(PartitionDesc parts, bool descending, TimestampTz earliest, TimestampTz latest,
		   UmRange *range)
{
	PartitionBoundInfo info = parts->boundinfo;
	int			first = 0;
	int			last;
	int			width;

	/* whether the statement looks into the default partition, as the planner has it */
	bool		others = TIMESTAMP_IS_NOBEGIN(earliest) && TIMESTAMP_IS_NOEND(latest);

	if (info == NULL)
		return false;
	last = info->ndatums;
	while (first < last && bound(info, first) <= earliest)
		first++;
	while (first < last && bound(info, last - 1) > latest)
		last--;
	for (int i = first; i <= last; i++)
		others |= info->indexes[i] < 0;
	/* where few are left, nobody is to wait for what the statement would not look at */
	if (last - first + 1 < PART ||
		(others && partition_bound_has_default(info) && !has_no_block(parts->oids[info->default_index])))
		return false;
	while (first < last && is_empty(parts, first))
		first++;
	while (first < last && is_empty(parts, last))
		last--;
	width = (last - first + 1) / PART;
	if (descending)
		first = last - width + 1;
	else
		last = first + width - 1;
	for (int i = first; i <= last; i++)
		if (info->indexes[i] >= 0 && !parts->is_leaf[info->indexes[i]])
			return false;
	*range = (UmRange) {bound(info, first - 1), bound(info, last)};
	return width > 0;
}

static TimestampTz
bound(PartitionBoundInfo info, int i)
{
	if (i < 0 || (i < info->ndatums && info->kind[i][0] == PARTITION_RANGE_DATUM_MINVALUE))
		return DT_NOBEGIN;
	if (i >= info->ndatums || info->kind[i][0] == PARTITION_RANGE_DATUM_MAXVALUE)
		return DT_NOEND;
	return DatumGetTimestampTz(info->datums[i][0]);
}

/* Whether a place has no rows: it has no partition, and the default one is empty, or its own is. */
static bool
is_empty(PartitionDesc parts, int i)
{
	int			index = parts->boundinfo->indexes[i];

	return index < 0 || has_no_block(parts->oids[index]);
}

/*
 * To SERIALIZABLE such a partition counts as read.  Who stores a row makes the
 * block, then looks for readers; so a reader is noted, then looks for a block.
 */
static bool
has_no_block(Oid part)
{
	/* one that is detached concurrently may be gone, as the planner knows, too */
	Relation	relation = try_table_open(part, AccessShareLock);
	bool		none;

	if (relation == NULL)
		return true;
	/* a standby has no file of one that is not logged; the statement will say so */
	none = RELKIND_HAS_TABLE_AM(relation->rd_rel->relkind) &&
		(RelationNeedsWAL(relation) || !RecoveryInProgress()) &&
		RelationGetNumberOfBlocks(relation) == 0;
	if (none)
	{
		PredicateLockRelation(relation, GetActiveSnapshot());
		none = RelationGetNumberOfBlocks(relation) == 0;
	}
	table_close(relation, AccessShareLock);
	return none;
}
