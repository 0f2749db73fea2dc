/*
 * scalar.h
 *	  The value that a text stands for, and the text of a time or of a jsonb.
 */
#ifndef UM_SCALAR_H
#define UM_SCALAR_H

#include "datatype/timestamp.h"

#include "lifecycle.h"
#include "model.h"

/* The first and last instant that RFC 3339 can write. */
#define UM_FIRST_TIME (-INT64CONST(63082281600000000))
#define UM_LAST_TIME INT64CONST(252455615999999999)

extern int	um_scalar_from_text(UmKind kind, const UmLifeCycle *life, UmSlice text, Datum *value);
extern Datum um_numeric(UmSlice number);
extern int	um_percent_unit(const char *text, int len, char *c);
extern bool um_percent_decode(UmSlice text, UmSlice *decoded);
extern int	um_read_time(UmSlice text, TimestampTz *time);
extern UmSlice um_jsonb_text(Datum jsonb);
extern void um_append_time(StringInfo out, TimestampTz time);

#endif
