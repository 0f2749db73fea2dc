/*
 * vouch.c
 *	  What a bulk insert tells the triggers of its rows.
 *
 * A batch has read, completed, checked and hashed its rows; the triggers that
 * its INSERT fires need not do so again.  They meet the rows in the order in
 * which the batch has them, and believe nothing of a row that is not the next.
 */
#include "postgres.h"

#include "access/table.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "caller.h"
#include "setting_table.h"
#include "store.h"
#include "types.h"
#include "vouch.h"

static const UmResource *inserted = NULL;	/* NULL while nothing is vouched for */
static UmVouched **vouched;
static int	count;
static int	next;
static int	checked;			/* UmCheckSpecification, or UM_WHATEVER_CHECK */
static int	level;				/* of the triggers that meet the rows */

static bool has_rules(const UmResource *resource);

/*
 * The rows of the INSERT about to run, in their order; they stay where they are.
 * check is the order of the owner under which they were checked, where it must
 * still be that when they come in.
 */
void
um_vouch(const UmResource *resource, UmVouched **rows, int n, int check)
{
	/* a rule could make other rows of them */
	if (has_rules(resource))
		return;
	inserted = resource;
	vouched = rows;
	count = n;
	next = 0;
	checked = check;
}

static bool
has_rules(const UmResource *resource)
{
	Relation	table = table_open(um_table(resource->model->noun, false), AccessShareLock);
	bool		rules = table->rd_rel->relhasrules;

	table_close(table, NoLock);
	return rules;
}

/* Behind the INSERT, or a statement that failed. */
void
um_vouch_no_more(void)
{
	inserted = NULL;
}

/*
 * Whether the row that a trigger sees is the next one of the INSERT under way.
 * For triggers that saw it alone.
 */
bool
um_is_vouched(const UmResource *resource, Datum id)
{
	if (inserted != resource || next >= count || !um_same_id(vouched[next]->id, id) ||
		(checked != UM_WHATEVER_CHECK && checked != um_setting(UM_CHECK_SPECIFICATION)))
		return false;
	if (next++ == 0)
		level = um_trigger_level();
	return true;
}

/*
 * Whether all rows of the INSERT under way have been inserted; true only once,
 * for what triggers write behind that is theirs.
 */
bool
um_is_vouched_whole(const UmResource *resource)
{
	if (inserted != resource || next != count || level != um_trigger_level())
		return false;
	next = count + 1;
	return true;
}

/* The hash of the nth row of that INSERT; false where it is another row. */
bool
um_vouched_hash(int n, Datum id, Datum date, UmHash *content_hash)
{
	if (n >= count || !um_same_id(vouched[n]->id, id) ||
		vouched[n]->date != DatumGetTimestampTz(date))
		return false;
	*content_hash = vouched[n]->content_hash;
	return true;
}
