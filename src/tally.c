/*
 * tally.c
 *	  Rows that row triggers have counted, until their statement's end gives them.
 *
 * A transition table has the rows that a statement has inserted or deleted, and not
 * in which order that was among what statements within it did; a row trigger
 * knows that, and not what will become of the row.  Both have one order, so the one
 * is found beside the other.  Statements within statements end first: what they
 * counted lies behind the rest, and is dropped when the next row is counted.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "json_scan.h"
#include "tally.h"

/* More rows of a statement than these, of which none was counted, are looked for no more. */
#define FEW_MISSES 100

static int	first_of(const UmTally *tally, CommandId command);

uint32
um_id_hash(Datum id)
{
	UmSlice		text = um_text_slice(id);

	return DatumGetUInt32(hash_any((const unsigned char *) text.ptr, text.len));
}

/* Counts a row of the statement under way. */
void
um_tally_count(UmTally *tally, MemoryContext context, Datum id, uint32 count, bool moves)
{
	MemoryContext old = MemoryContextSwitchTo(context);

	Assert(0 <= tally->open && tally->open <= tally->rows && tally->rows <= tally->size);
	tally->rows = tally->open;
	if (tally->rows == tally->size)
	{
		tally->size = Max(8, tally->size * 2);
		tally->row = tally->row == NULL ? palloc(sizeof(UmCounted) * tally->size)
			: repalloc_huge(tally->row, sizeof(UmCounted) * tally->size);
	}
	tally->row[tally->rows++] = (UmCounted) {um_id_hash(id), count, GetActiveSnapshot()->curcid, moves, false};
	tally->open = tally->rows;
	tally->due += !moves;
	MemoryContextSwitchTo(old);
}

/* A command and later ones have come to their end; gives the place of the first row of theirs. */
int
um_tally_close(UmTally *tally, CommandId command)
{
	int			first = first_of(tally, command);

	for (int i = first; i < tally->open; i++)
		tally->due -= !tally->row[i].moves;
	tally->open = Min(tally->open, first);
	return first;
}

/* The first row of a command or a later one. */
static int
first_of(const UmTally *tally, CommandId command)
{
	int			first = tally->rows;

	while (first > 0 && tally->row[first - 1].command >= command)
		first--;
	return first;
}

/*
 * The next row of that id; NULL where none was counted, as before somebody
 * listened.  Both are in one order.
 */
UmCounted *
um_tally_next(const UmTally *tally, Datum id, int *next, int *misses)
{
	uint32		hash = um_id_hash(id);

	for (int i = *next; i < tally->rows; i++)
	{
		if (tally->row[i].hash == hash && !tally->row[i].given)
		{
			*next = i + 1;
			return &tally->row[i];
		}
		if (*misses > FEW_MISSES)
			return NULL;
	}
	(*misses)++;
	return NULL;
}
