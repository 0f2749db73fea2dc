/*
 * position.c
 *	  How far a reader of events has come.
 *
 * Numbers alone do not tell: a transaction draws them when it changes a row and
 * may be seen long after others that drew later.  So events are read in windows:
 * those of the transactions that were over at one snapshot and not at an earlier
 * one, by number within.  Whoever changes a row after somebody else sees that
 * one's transaction over, so of a row no later state is in an earlier window, and
 * in one window numbers are in order.  Windows need nothing but their snapshots:
 * each reader has its own, none waits for another, and nobody's open transaction
 * holds anyone up.
 *
 * As text a position is all that there is to know, so that it can be kept beside
 * the work that a consumer has done.
 */
#include "postgres.h"

#include <inttypes.h>

#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/fmgrprotos.h"
#include "utils/builtins.h"

#include "errors.h"
#include "position.h"
#include "store.h"

/* Fewer transactions run at a time; who makes up more would have others wait. */
#define MAX_RUNNING 20000

UmMark		um_all_over = {.xmax = PG_INT64_MAX, .next = PG_INT64_MAX, .floor = PG_INT64_MAX};

static int64 last_number(void);
static void make_durable(void);
static UmMark *mark_of(const char *snapshot);
static void add_own(UmMark *mark);
static int	compare_marks(const UmMark *a, const UmMark *b);
static void append_mark(StringInfo out, const UmMark *mark);
static UmMark *parse_mark(char *text);
static bool parse_number(const char *text, int base, uint64 *number);
pg_noreturn static void refuse(const char *text);

/*
 * What the statement sees as over; within SPI_connect.  In this order every
 * transaction whose id is assigned later draws a number above the floor.
 */
UmMark *
um_mark_now(void)
{
	int64		floor;
	uint64		next;
	UmMark	   *mark;

	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("events cannot be read during recovery"),
				 errhint("A standby does not know which transactions are over; ask the primary.")));
	floor = last_number();
	next = U64FromFullTransactionId(ReadNextFullTransactionId());
	mark = mark_of(DatumGetCString(DirectFunctionCall1(pg_snapshot_out, DirectFunctionCall1(pg_current_snapshot, (Datum) 0))));
	mark->floor = floor;
	mark->next = Max(next, mark->xmax);
	add_own(mark);
	make_durable();
	return mark;
}

/*
 * Of what a mark knows, and of what is told by it, nothing may be undone by a crash:
 * transaction ids and numbers would be given again, to events that a reader who keeps
 * his position elsewhere would take for done.
 */
static void
make_durable(void)
{
	XLogRecPtr	end = GetXLogInsertRecPtr();
	uint64		header = XLogSegmentOffset(end, wal_segment_size) < XLOG_BLCKSZ ? SizeOfXLogLongPHD : SizeOfXLogShortPHD;

	/* at the beginning of a page it is behind a header that is not there yet */
	if (end % XLOG_BLCKSZ == header)
		end -= header;
	XLogFlush(end);
}

static int64
last_number(void)
{
	static UmPlan plan = {.sql = "SELECT last_value OPERATOR(pg_catalog.-) (NOT is_called)::pg_catalog.int4 FROM usage_mgmt.hub_event_seq"};
	bool		null;

	um_execute(um_prepare(&plan), NULL, NULL, true, 1);
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null));
}

/* Of a snapshot's text: xmin:xmax:running,running */
static UmMark *
mark_of(const char *snapshot)
{
	const char *at = strchr(snapshot, ':') + 1;
	int			most = 2;
	UmMark	   *mark;

	for (const char *c = at; *c != '\0'; c++)
		most += *c == ',';
	mark = palloc0(offsetof(UmMark, xid) + sizeof(uint64) * most);
	mark->xmax = strtou64(at, NULL, 10);
	for (at = strchr(at, ':') + 1; *at != '\0';)
	{
		char	   *end;

		mark->xid[mark->running++] = strtou64(at, &end, 10);
		at = *end == ',' ? end + 1 : end;
	}
	return mark;
}

/* The transaction that looks sees itself, and is not over.  There is room for one more. */
static void
add_own(UmMark *mark)
{
	uint64		own = U64FromFullTransactionId(GetTopFullTransactionIdIfAny());
	int			i = mark->running;

	if (own == 0 || own >= mark->xmax)
		return;
	for (; i > 0 && mark->xid[i - 1] > own; i--)
		mark->xid[i] = mark->xid[i - 1];
	mark->xid[i] = own;
	mark->running++;
}

/* Whether fewer transactions were over. */
bool
um_mark_is_before(const UmMark *a, const UmMark *b)
{
	return compare_marks(a, b) < 0;
}

/* Whether the same transactions were over. */
bool
um_mark_same(const UmMark *a, const UmMark *b)
{
	return compare_marks(a, b) == 0;
}

/* In the order of time; of one xmax ever fewer are running. */
static int
compare_marks(const UmMark *a, const UmMark *b)
{
	if (a == NULL || b == NULL)
		return (a != NULL) - (b != NULL);
	if (a->xmax != b->xmax)
		return a->xmax < b->xmax ? -1 : 1;
	return b->running - a->running;
}

/*
 * Whether nothing is done at a position that is not at the other.  Of windows that
 * began at one time and end at two, the numbers tell.
 */
bool
um_position_is_behind(const UmPosition *position, const UmPosition *other)
{
	int			order = compare_marks(position->after, other->after);

	if (position->life != other->life)
		return false;
	if (order != 0)
		return order < 0;
	if (position->upto == NULL || other->upto == NULL)
		return position->upto == NULL;
	if (position->seq != other->seq)
		return position->seq < other->seq;
	return position->part == other->part || (position->part != 0 && (other->part == 0 || position->part < other->part));
}

/* life.after.upto.seq.part; a mark is xmax-next-floor-running-running, all counted from xmax but the floor. */
char *
um_position_text(const UmPosition *position)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "%" PRIx64 ".", (uint64) position->life);
	append_mark(&out, position->after);
	appendStringInfoChar(&out, '.');
	append_mark(&out, position->upto);
	appendStringInfo(&out, "." INT64_FORMAT ".%d", position->seq, position->part);
	return out.data;
}

static void
append_mark(StringInfo out, const UmMark *mark)
{
	if (mark == NULL)
		return;
	appendStringInfo(out, UINT64_FORMAT "-" UINT64_FORMAT "-" INT64_FORMAT, mark->xmax,
					 mark->next - mark->xmax, mark->floor);
	for (int i = 0; i < mark->running; i++)
		appendStringInfo(out, "-" UINT64_FORMAT, mark->xmax - mark->xid[i]);
}

/* 22023 for what no position is. */
UmPosition *
um_position_parse(const char *text)
{
	UmPosition *position = palloc0(sizeof(UmPosition));
	char	   *part[5];
	char	   *rest = pstrdup(text);
	uint64		number[3];

	for (int i = 0; i < 5; i++)
	{
		part[i] = rest;
		rest = rest != NULL ? strchr(rest, '.') : NULL;
		if (rest != NULL)
			*rest++ = '\0';
		else if (i < 4)
			refuse(text);
	}
	if (rest != NULL || !parse_number(part[0], 16, &number[0]) || !parse_number(part[3], 10, &number[1]) ||
		!parse_number(part[4], 10, &number[2]) || number[2] > UM_MAX_PART)
		refuse(text);
	position->life = (int64) number[0];
	position->seq = (int64) number[1];
	position->part = (int) number[2];
	position->after = parse_mark(part[1]);
	position->upto = parse_mark(part[2]);
	if ((*part[1] != '\0' && position->after == NULL) || (*part[2] != '\0' && position->upto == NULL))
		refuse(text);
	return position;
}

/* NULL for none, and for what is none. */
static UmMark *
parse_mark(char *text)
{
	UmMark	   *mark;
	uint64		number[3];
	char	   *save = NULL;
	int			count = 0;

	for (char *c = text; *c != '\0'; c++)
		count += *c == '-';
	if (count < 2 || count > MAX_RUNNING)
		return NULL;
	mark = palloc0(offsetof(UmMark, xid) + sizeof(uint64) * count);
	for (int i = 0; i < 3; i++)
		if (!parse_number(strtok_r(i == 0 ? text : NULL, "-", &save), 10, &number[i]))
			return NULL;
	mark->xmax = number[0];
	mark->next = number[0] + number[1];
	mark->floor = (int64) number[2];
	for (char *word = strtok_r(NULL, "-", &save); word != NULL; word = strtok_r(NULL, "-", &save))
	{
		if (!parse_number(word, 10, &number[0]) || number[0] > mark->xmax)
			return NULL;
		mark->xid[mark->running++] = mark->xmax - number[0];
	}
	return mark;
}

/* Of digits alone, below 2^63. */
static bool
parse_number(const char *text, int base, uint64 *number)
{
	char	   *end;

	if (text == NULL || strspn(text, base == 16 ? "0123456789abcdef" : "0123456789") != strlen(text) ||
		*text == '\0')
		return false;
	errno = 0;
	*number = strtou64(text, &end, base);
	return errno == 0 && *number <= PG_INT64_MAX;
}

static void
refuse(const char *text)
{
	ereport(ERROR,
			(errcode(UM_PARAMETER),
			 errmsg("\"%.100s\" is no position among events", text),
			 errhint("Positions come from next_events() and are given back as they are.")));
}
