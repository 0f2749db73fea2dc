/*
 * caller.c
 *	  What the operation under way has told of itself, and how it is run.
 *
 * A row trigger cannot be given arguments by the statement that fires it.  What
 * it has to know, the version whose names errors carry and whether what is
 * closed may be deleted, is kept here while the operation runs, and nowhere
 * else set or put back.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/fmgrprotos.h"
#include "utils/resowner.h"

#include "caller.h"

static int	speaking = UM_NOBODY;
static bool deletes = false;

/* The version that the operation speaks; UM_NOBODY where no operation runs. */
int
um_speaking(void)
{
	return speaking;
}

/* Whether the caller said that closed (billed) resources may go. */
bool
um_deletes_closed(void)
{
	return deletes;
}

/* The version whose names faults carry now. */
UmVersion
um_fault_version(const UmResource *resource)
{
	return speaking != UM_NOBODY && (resource->faces & (1 << speaking)) ? (UmVersion) speaking
		: um_default_version(resource);
}

/* Does the work as an operation that speaks a version. */
void
um_as_caller(int version, bool deletes_closed, UmWork work, void *arg)
{
	int			speaking_before = speaking;
	bool		deletes_before = deletes;

	speaking = version;
	deletes = deletes_closed;
	PG_TRY();
	{
		work(arg);
	}
	PG_FINALLY();
	{
		speaking = speaking_before;
		deletes = deletes_before;
	}
	PG_END_TRY();
}

/*
 * The same in a subtransaction of its own.  Where it fails, it is undone, and the
 * error is given, in the current memory context; else NULL.
 */
ErrorData *
um_try(int version, UmWork work, void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		um_as_caller(version, false, work, arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}

/* Of a function of triggers that is not called by one of those that it is for. */
void
um_refuse_call(const char *by)
{
	ereport(ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("this function can only be called by %s", by)));
}

/* How many triggers this one runs within, itself counted. */
int
um_trigger_level(void)
{
	return DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, (Datum) 0));
}
