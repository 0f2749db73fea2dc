/*
 * position.h
 *	  How far a reader of events has come.
 */
#ifndef UM_POSITION_H
#define UM_POSITION_H

/* More events than one row can be. */
#define UM_MAX_PART 16

/* Which transactions were over at a time, and what else was known then. */
typedef struct UmMark
{
	uint64		xmax;			/* no later one was */
	uint64		next;			/* transaction id to be assigned */
	int64		floor;			/* later transactions than that have higher numbers */
	int			running;
	uint64		xid[FLEXIBLE_ARRAY_MEMBER]; /* that were not over, below xmax, in their order */
} UmMark;

/*
 * All events of transactions that were over at the mark after are done, and of
 * those that were over at upto the ones up to a number.
 */
typedef struct UmPosition
{
	int64		life;
	UmMark	   *after;			/* NULL: from the beginning of the life */
	UmMark	   *upto;			/* NULL: none is done behind after */
	int64		seq;
	int			part;			/* events that are done of the row with that number; 0 for all */
} UmPosition;

extern UmMark um_all_over;		/* all transactions were, as those of another life are */

extern UmMark *um_mark_now(void);
extern bool um_mark_is_before(const UmMark *a, const UmMark *b);
extern bool um_mark_same(const UmMark *a, const UmMark *b);
extern UmPosition *um_position_parse(const char *text);
extern char *um_position_text(const UmPosition *position);
extern bool um_position_is_behind(const UmPosition *position, const UmPosition *other);

#endif
