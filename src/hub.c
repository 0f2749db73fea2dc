/*
 * hub.c
 *	  Which changes somebody listens to, kept per backend.
 *
 * A writer keeps events only of what some listener wants, and looks once a
 * statement.  It must not overlook a listener that has registered before: the
 * look comes behind the assignment of its transaction id, and a listener counts
 * as complete from the first transaction on whose id was assigned when every
 * backend had been told of it (listener.c).  The values are kept by the protocol
 * of spec_cache.c.
 *
 * Events are of a life: of the database as one cluster has had it.  Transaction
 * ids of two lives cannot be compared, and a dump brings those of another.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "hub.h"
#include "json_scan.h"
#include "setting_table.h"
#include "store.h"
#include "types.h"

#define LISTENERS "hub_listener"
#define OUTBOXES "hub_outbox"

const char *const um_wants[] = {
	[UM_CREATE_EVENT] = "create", [UM_STATUS_EVENT] = "status", [UM_CHANGE_EVENT] = "change",
	[UM_DELETE_EVENT] = "delete", NULL
};

static bool valid = false;
static Oid	tables[2];			/* that what is kept was read from */
static uint64 changes = 0;		/* of them, that we heard of */

static void forget(Datum arg, Oid relation);
static void look(void);
static void load(Oid listeners);
static void read_rows(UmPlan *plan);
static void take_row(HeapTuple tuple, TupleDesc desc);
static int	wants_of(Datum kinds);

void
um_hub_init(void)
{
	CacheRegisterRelcacheCallback(forget, (Datum) 0);
}

static void
forget(Datum arg, Oid relation)
{
	(void) arg;
	if (relation != tables[0] && relation != tables[1] && relation != InvalidOid)
		return;
	valid = false;
	changes++;
}

/* Of which changes of a resource events are to be kept, as bits of their types; once a statement. */
int
um_hub_wanted(UmResource *resource)
{
	look();
	if (resource->wanted == 0)
		return 0;
	um_settings_look();
	return um_setting(UM_EVENTS) == UM_EVENTS_ON ? resource->wanted : 0;
}

/* The number of the table that its events go to. */
int
um_hub_turn(UmResource *resource)
{
	look();
	return resource->turn;
}

/* The one that goes on, or begins, here. */
int64
um_hub_life(void)
{
	uint64		parts[] = {GetSystemIdentifier(), MyDatabaseId};

	return (int64) (hash_bytes_extended((unsigned char *) parts, sizeof(parts), 0) >> 1);
}

static void
look(void)
{
	Oid			listeners;

	(void) GetTopTransactionId();
	AcceptInvalidationMessages();
	if (valid)
		return;
	for (UmResource *r = um_resources; r != NULL; r = r->next)
		r->wanted = r->turn = 0;
	listeners = um_table(LISTENERS, true);
	if (OidIsValid(listeners))
		load(listeners);
}

/* Reads the rows with the latest snapshot, as the owner of the tables. */
static void
load(Oid listeners)
{
	static UmPlan wanted = {.sql = "SELECT resource, kinds, NULL::pg_catalog.int4 FROM usage_mgmt." LISTENERS
	" WHERE state OPERATOR(pg_catalog.<>) 'gone'"};
	static UmPlan turns = {.sql = "SELECT resource, NULL::pg_catalog.text[], turn FROM usage_mgmt." OUTBOXES};
	Relation	table = table_open(listeners, AccessShareLock);
	Oid			owner = table->rd_rel->relowner;
	uint64		before = changes;
	UmUser		user;

	table_close(table, NoLock);
	tables[0] = listeners;
	tables[1] = um_table(OUTBOXES, false);
	um_become(owner, &user);
	SPI_connect();
	read_rows(&wanted);
	read_rows(&turns);
	SPI_finish();
	um_become_again(&user);
	/* what was read is right now; it is kept if nothing changed meanwhile */
	valid = changes == before;
}

static void
read_rows(UmPlan *plan)
{
	if (SPI_execute_snapshot(um_prepare(plan), NULL, NULL, GetLatestSnapshot(), InvalidSnapshot,
							 true, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read who listens");
	for (uint64 i = 0; i < SPI_processed; i++)
		take_row(SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
}

/* Of a resource that is not known here, as one of a module that is not loaded, nothing is. */
static void
take_row(HeapTuple tuple, TupleDesc desc)
{
	char	   *noun = SPI_getvalue(tuple, desc, 1);
	bool		no_kinds;
	bool		no_turn;
	Datum		kinds = SPI_getbinval(tuple, desc, 2, &no_kinds);
	Datum		turn = SPI_getbinval(tuple, desc, 3, &no_turn);

	for (UmResource *r = um_resources; r != NULL; r = r->next)
	{
		if (strcmp(r->model->noun, noun) != 0)
			continue;
		if (!no_kinds)
			r->wanted |= wants_of(kinds);
		if (!no_turn)
			r->turn = DatumGetInt32(turn);
	}
}

/* The bits of an array of words. */
static int
wants_of(Datum kinds)
{
	Datum	   *words;
	bool	   *nulls;
	int			count;
	int			wants = 0;

	deconstruct_array(DatumGetArrayTypeP(kinds), TEXTOID, -1, false, TYPALIGN_INT, &words, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		int			found = nulls[i] ? -1 : um_find_word(um_wants, um_text_slice(words[i]));

		if (found >= 0)
			wants |= um_event_bit(found);
	}
	return wants;
}
