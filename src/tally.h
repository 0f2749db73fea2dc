/*
 * tally.h
 *	  Rows that row triggers have counted, until their statement's end gives them.
 */
#ifndef UM_TALLY_H
#define UM_TALLY_H

/* A row that a row trigger has seen on its way in or out. */
typedef struct UmCounted
{
	uint32		hash;			/* of its id */
	uint32		count;
	CommandId	command;
	bool		moves;			/* from or to another partition: no event of its own */
	bool		given;			/* by the transition table */
} UmCounted;

/*
 * Those that were inserted, or deleted, by the statement under way and, before
 * them, by those that it runs within.
 */
typedef struct UmTally
{
	UmCounted  *row;
	int			rows;
	int			size;
	int			open;			/* of statements that have not come to their end */
	int			due;			/* of these, that are to be given */
} UmTally;

extern uint32 um_id_hash(Datum id);
extern void um_tally_count(UmTally *tally, MemoryContext context, Datum id, uint32 count, bool moves);
extern int	um_tally_close(UmTally *tally, CommandId command);
extern UmCounted *um_tally_next(const UmTally *tally, Datum id, int *next, int *misses);

#endif
