/*
 * window.h
 *	  Rows of an outbox, of the transactions that were over at one time and not before.
 */
#ifndef UM_WINDOW_H
#define UM_WINDOW_H

#include "event.h"
#include "listen_query.h"
#include "position.h"
#include "row.h"
#include "store.h"

/* Rows that were read: those of SPI's tuple table. */
typedef struct UmWindowRows
{
	UmResource *resource;
	SPITupleTable *table;
	UmShape    *shape;
	uint64		count;
} UmWindowRows;

typedef struct UmWindow
{
	UmResource *resource;
	UmVersion	version;
	const UmListenQuery *query; /* NULL for all */
	UmPosition	at;				/* upto is not NULL */
	int			table;			/* number of the one that is counted, from 1 on; 0 for all */
} UmWindow;

extern int64 um_window_start(UmResource *resource, const UmMark *after);
extern UmWindowRows *um_window_rows(const UmWindow *window, int64 from, int most);
extern UmEvent *um_window_row(const UmWindowRows *rows, uint64 n);
extern UmEvent *um_window_find(UmResource *resource, const UmEvent *id);
extern int64 um_window_count(const UmWindow *window, int64 from, int64 most, TimestampTz *since);
extern void um_next_life(UmResource *resource, UmPosition *position, int64 beyond);

#endif
