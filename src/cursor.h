/*
 * cursor.h
 *	  A query's rows, so many at a time, without a portal.
 */
#ifndef UM_CURSOR_H
#define UM_CURSOR_H

#include "executor/tuptable.h"

typedef struct UmCursor UmCursor;

/* What is done with a row; all its columns are there.  False: it is not taken, nor is any other. */
typedef bool (*UmTakeRow) (TupleTableSlot *slot, void *arg);

extern void um_cursor_init(void);
extern UmCursor *um_cursor_open(const char *sql, int nargs, const Oid *types, const Datum *args);
extern TupleDesc um_cursor_desc(const UmCursor *cursor);
extern double um_cursor_expects(const UmCursor *cursor);
extern uint64 um_cursor_fetch(UmCursor *cursor, uint64 count, UmTakeRow take, void *arg);
extern void um_cursor_close(UmCursor *cursor);

#endif
