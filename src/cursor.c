/*
 * cursor.c
 *	  A query's rows, so many at a time, without a portal.
 *
 * A function that gives a row per call needs a query that is still there at
 * the next call.  A portal is none: at the end of a transaction PostgreSQL
 * reads the cursors that survive it while it closes the others, in the order
 * of a hash of their names; and where PL/pgSQL commits in a loop, it walks
 * through that hash table and crashes when reading one portal closes another.
 * So the executor is run here, and the rest is as a portal has it: what it
 * holds belongs to the subtransaction that opened it and ends with that, for
 * what it reads may have been made there.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "lib/ilist.h"
#include "nodes/params.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "cursor.h"

struct UmCursor
{
	DestReceiver receiver;		/* first, for it is what the executor sees */
	QueryDesc  *query;			/* NULL once it is closed */
	ResourceOwner owner;		/* of what the executor holds */
	UmTakeRow	take;
	void	   *arg;
	bool		ended;			/* all rows have been seen */
	SubTransactionId subtransaction;	/* that opened it, or took over from that */
	bool		lost;			/* with its subtransaction */
	dlist_node	node;			/* in cursors, until it is closed */
	MemoryContextCallback freed;
};

static void start(UmCursor *cursor, const char *sql, ParamListInfo params, const Oid *types);
static void run(UmCursor *cursor, uint64 count);
static void place_error(void *arg);
static bool receive(TupleTableSlot *slot, DestReceiver *self);
static void forget(void *arg);
static void at_subtransaction_end(SubXactEvent event, SubTransactionId subtransaction,
								  SubTransactionId parent, void *arg);

static dlist_head cursors = DLIST_STATIC_INIT(cursors);

void
um_cursor_init(void)
{
	RegisterSubXactCallback(at_subtransaction_end, NULL);
}

/*
 * Opens a SELECT with the snapshot that is active.  The cursor, and all that it
 * needs, lives in the current memory context, as must the text and the
 * arguments; the query that opened it closes it, unless by an error.
 */
UmCursor *
um_cursor_open(const char *sql, int nargs, const Oid *types, const Datum *args)
{
	UmCursor   *cursor = palloc0(sizeof(UmCursor));
	ParamListInfo params = makeParamList(nargs);
	ResourceOwner before = CurrentResourceOwner;
	ErrorContextCallback context;

	for (int i = 0; i < nargs; i++)
	{
		params->params[i].value = args[i];
		params->params[i].isnull = false;
		params->params[i].pflags = PARAM_FLAG_CONST;
		params->params[i].ptype = types[i];
	}
	cursor->receiver = *None_Receiver;
	cursor->receiver.receiveSlot = receive;
	cursor->subtransaction = GetCurrentSubTransactionId();
	cursor->owner = ResourceOwnerCreate(CurTransactionResourceOwner, "usage_mgmt cursor");
	context.callback = place_error;
	context.arg = (void *) sql;
	context.previous = error_context_stack;
	error_context_stack = &context;
	PG_TRY();
	{
		CurrentResourceOwner = cursor->owner;
		start(cursor, sql, params, types);
	}
	PG_FINALLY();
	{
		CurrentResourceOwner = before;
	}
	PG_END_TRY();
	error_context_stack = context.previous;
	dlist_push_head(&cursors, &cursor->node);
	cursor->freed.func = forget;
	cursor->freed.arg = cursor;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &cursor->freed);
	return cursor;
}

static void
start(UmCursor *cursor, const char *sql, ParamListInfo params, const Oid *types)
{
	RawStmt    *parsed = linitial_node(RawStmt, pg_parse_query(sql));
	Query	   *query = linitial_node(Query, pg_analyze_and_rewrite_fixedparams(parsed, sql, types,
																				params->numParams, NULL));

	Assert(query->commandType == CMD_SELECT);
	cursor->query = CreateQueryDesc(pg_plan_query(query, sql, CURSOR_OPT_NO_SCROLL, params, NULL), sql,
									GetActiveSnapshot(), InvalidSnapshot, &cursor->receiver,
									params, NULL, 0);
	ExecutorStart(cursor->query, EXEC_FLAG_SKIP_TRIGGERS);
}

/* A position in our statement is none in the caller's. */
static void
place_error(void *arg)
{
	int			position = geterrposition();

	if (position <= 0)
		return;
	errposition(0);
	internalerrposition(position);
	internalerrquery(arg);
}

TupleDesc
um_cursor_desc(const UmCursor *cursor)
{
	return cursor->query->tupDesc;
}

/* How many rows the planner expects that there are, whatever LIMIT there is of them. */
double
um_cursor_expects(const UmCursor *cursor)
{
	const Plan *plan = cursor->query->plannedstmt->planTree;

	return IsA(plan, Limit) ? outerPlan(plan)->plan_rows : plan->plan_rows;
}

/* Hands out as many rows, or all that are left or taken; tells how many. */
uint64
um_cursor_fetch(UmCursor *cursor, uint64 count, UmTakeRow take, void *arg)
{
	/* it began after a savepoint that was gone back to */
	if (cursor->lost)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_CURSOR_STATE),
				 errmsg("the list of resources ended with the subtransaction that began it")));
	if (cursor->ended)
		return 0;
	cursor->take = take;
	cursor->arg = arg;
	run(cursor, count);
	cursor->ended = cursor->query->estate->es_processed < count;
	return cursor->query->estate->es_processed;
}

void
um_cursor_close(UmCursor *cursor)
{
	/* of a lost one its subtransaction has let everything go */
	if (cursor->query != NULL && !cursor->lost)
	{
		run(cursor, 0);
		ResourceOwnerRelease(cursor->owner, RESOURCE_RELEASE_BEFORE_LOCKS, true, false);
		ResourceOwnerRelease(cursor->owner, RESOURCE_RELEASE_LOCKS, true, false);
		ResourceOwnerRelease(cursor->owner, RESOURCE_RELEASE_AFTER_LOCKS, true, false);
		ResourceOwnerDelete(cursor->owner);
	}
	forget(cursor);
}

/* So many rows, or with none the end of it, on the cursor's own account. */
static void
run(UmCursor *cursor, uint64 count)
{
	ResourceOwner before = CurrentResourceOwner;

	PG_TRY();
	{
		CurrentResourceOwner = cursor->owner;
		PushActiveSnapshot(cursor->query->snapshot);
		if (count > 0)
			ExecutorRun(cursor->query, ForwardScanDirection, count);
		else
		{
			ExecutorFinish(cursor->query);
			ExecutorEnd(cursor->query);
		}
		PopActiveSnapshot();
		if (count == 0)
			FreeQueryDesc(cursor->query);
	}
	PG_FINALLY();
	{
		CurrentResourceOwner = before;
	}
	PG_END_TRY();
}

static bool
receive(TupleTableSlot *slot, DestReceiver *self)
{
	UmCursor   *cursor = (UmCursor *) self;

	slot_getallattrs(slot);
	return cursor->take(slot, cursor->arg);
}

/* Closed, or freed by an error that nobody could close it at. */
static void
forget(void *arg)
{
	UmCursor   *cursor = arg;

	if (cursor->node.next != NULL)
		dlist_delete(&cursor->node);
	cursor->node.next = NULL;
	cursor->query = NULL;
}

/* A cursor outlives the subtransaction that opened it only where that succeeds. */
static void
at_subtransaction_end(SubXactEvent event, SubTransactionId subtransaction, SubTransactionId parent,
					  void *arg)
{
	dlist_iter	i;

	(void) arg;
	if (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB)
		return;
	dlist_foreach(i, &cursors)
	{
		UmCursor   *cursor = dlist_container(UmCursor, node, i.cur);

		if (cursor->subtransaction != subtransaction || cursor->lost)
			continue;
		if (event == SUBXACT_EVENT_ABORT_SUB)
			cursor->lost = true;
		else
		{
			cursor->subtransaction = parent;
			ResourceOwnerNewParent(cursor->owner, ResourceOwnerGetParent(CurTransactionResourceOwner));
		}
	}
}
