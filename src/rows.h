/*
 * rows.h
 *	  Rows of a table in a tuplestore that a statement reads by name.
 */
#ifndef UM_ROWS_H
#define UM_ROWS_H

#include "executor/spi.h"
#include "utils/tuplestore.h"

#include "store.h"

typedef struct UmRows
{
	const UmModel *model;
	TupleDesc	desc;			/* the slots of the model */
	MemoryContext context;		/* of what follows, kept from one statement to the next */
	Tuplestorestate *rows;		/* NULL while there are none */
	TupleTableSlot *slot;
	double		count;
} UmRows;

extern void um_rows_init(void);
extern UmRows *um_rows_start(const UmModel *model, bool update);
extern MinimalTuple um_rows_form(const UmRows *rows, const UmRecord *record, Datum old_date,
								 MemoryContext context);
extern void um_rows_put(UmRows *rows, MinimalTuple row);
extern uint64 um_rows_insert(UmRows *rows, bool returning);
extern uint64 um_rows_update(UmRows *rows);
extern void um_rows_clear(UmRows *rows);
extern void um_name_rows(const char *name, TupleDesc desc, Tuplestorestate *rows, double count);

#endif
