/*
 * store.h
 *	  Rows in and out of the tables, by SPI alone.
 */
#ifndef UM_STORE_H
#define UM_STORE_H

#include "catalog/pg_type_d.h"
#include "executor/spi.h"

#include "content.h"

#define UM_PLAN_ARGS 64

/* A statement whose plan is kept for the session. */
typedef struct UmPlan
{
	const char *sql;
	Oid			args[UM_PLAN_ARGS];
	int			nargs;
	int			options;		/* of SPI_prepare_cursor */
	SPIPlanPtr	plan;
	UmType	   *type;			/* of its resource's statuses, NULL for none: changes with all */
	Oid			made_for;		/* of ours that it was made with */
} UmPlan;

/* The statements that each resource has; those of keys where it has a ledger. */
typedef enum UmPlanKind
{
	/* each that names an id followed by the one that names its date, too */
	UM_PLAN_GET, UM_PLAN_GET_DATED, UM_PLAN_LOCK, UM_PLAN_LOCK_DATED, UM_PLAN_DELETE,
	UM_PLAN_DELETE_DATED,
	UM_PLAN_CANCEL,				/* of an order */

	UM_PLAN_INSERT, UM_PLAN_UPDATE, UM_PLAN_INSERT_ROWS, UM_PLAN_INSERT_RETURNING, UM_PLAN_KEY,
	UM_PLAN_KEYS, UM_PLAN_ADD_KEYS, UM_PLAN_ADD_ORDERED_KEYS,
	UM_PLAN_FORGET_KEYS, UM_PLAN_UNMOVED_KEYS,
	UM_PLAN_SPECIFICATION, UM_PLAN_CONFLICT, UM_PLAN_KINDS
} UmPlanKind;

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
	TimestampTz date;
	UmHash		content_hash;
} UmKey;

/* The columns of a ledger k that um_key_from reads; a hash of another type is an error. */
#define UM_KEY_COLUMNS "k.id, k.{date}, k.content_hash::pg_catalog.uuid"

extern UmPlan *um_plan(UmResource *resource, UmPlanKind kind, const char *sql, int nargs,
					   const Oid *args);
extern char *um_columns(const UmModel *model, const char *before, bool all);
extern SPIPlanPtr um_prepare(UmPlan *plan);
extern void um_execute(SPIPlanPtr plan, Datum *args, const char *nulls, bool read_only, long count);
extern void um_execute_once(const char *sql, int nargs, Oid *types, Datum *args, bool read_only);
extern int	um_prefer(const char *not_this);
extern bool um_same_id(Datum a, Datum b);
extern void um_become(Oid user, UmUser *before);
extern void um_become_again(const UmUser *before);

extern UmKey um_key_from(HeapTuple tuple, TupleDesc desc);
extern UmKey um_store_key(UmResource *resource, Datum id, bool read_only);
extern UmRecord *um_store_get(UmResource *resource, Datum id, const UmKey *key, bool read_only);
extern UmRecord *um_store_lock(UmResource *resource, Datum id);
extern UmRecord *um_store_insert(const UmRecord *record);
extern UmRecord *um_store_update(const UmRecord *record, const UmRecord *old);
extern bool um_store_delete(UmResource *resource, Datum id);
extern bool um_store_cancel(UmResource *resource, Datum id);

#endif
