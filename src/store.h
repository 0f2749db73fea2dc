/*
 * store.h
 *	  Rows in and out of the tables, by SPI alone.
 */
#ifndef UM_STORE_H
#define UM_STORE_H

#include "catalog/pg_type_d.h"
#include "executor/spi.h"

#include "content.h"

#define UM_PLAN_ARGS 32

/* A statement whose plan is kept for the session. */
typedef struct UmPlan
{
	const char *sql;
	Oid			args[UM_PLAN_ARGS];
	int			nargs;
	int			options;		/* of SPI_prepare_cursor */
	SPIPlanPtr	plan;
	Oid			made_for;		/* the extension's types it was made with */
} UmPlan;

/* Who one was before um_become. */
typedef struct UmUser
{
	Oid			user;
	int			context;
} UmUser;

/* What the ledger knows of an id. */
typedef struct UmKey
{
	bool		found;
	TimestampTz usage_date;
	UmHash		content_hash;
} UmKey;

/* The columns of usage_key k that um_key_from reads; a hash of another type is an error. */
#define UM_KEY_COLUMNS "k.id, k.usage_date, k.content_hash::pg_catalog.uuid"

extern SPIPlanPtr um_prepare(UmPlan *plan);
extern int	um_execute(SPIPlanPtr plan, Datum *args, const char *nulls, bool read_only, long count);
extern int	um_execute_once(const char *sql, int nargs, Oid *types, Datum *args, bool read_only);
extern int	um_prefer(const char *not_this);
extern bool um_same_id(Datum a, Datum b);
extern void um_become(Oid user, UmUser *before);
extern void um_become_again(const UmUser *before);

extern UmKey um_key_from(HeapTuple tuple, TupleDesc desc);
extern UmKey um_store_key(Datum id, bool read_only);
extern UmRecord *um_store_get(const UmModel *model, Datum id, const UmKey *key, bool read_only);
extern UmRecord *um_store_lock(const UmModel *model, Datum id);
extern UmRecord *um_store_insert(const UmRecord *record);
extern UmRecord *um_store_update(const UmRecord *record, const UmRecord *old);
extern bool um_store_delete(const UmModel *model, Datum id);

#endif
