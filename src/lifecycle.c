/*
 * lifecycle.c
 *	  The statuses of a resource and the moves between them, one table each.
 *
 * The enums of the same names hold these labels; the moves are those of the
 * TMF635 life-cycle diagram and of R14.5's description of the specification.
 * Keeping a status is no move and is always accepted.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "compat.h"
#include "errors.h"
#include "lifecycle.h"
#include "types.h"

#define TO(status) (1 << (status))

const UmLifeCycle um_usage_life = {
	.type = "usage_status",
	.resource = "usage",
	.count = 7,
	.status = {"received", "rejected", "recycled", "guided", "rated", "rerated", "billed"},
	.alias = {[UM_RERATED] = "rerate"},
	.moves = {
		[UM_RECEIVED] = TO(UM_GUIDED) | TO(UM_REJECTED),
		[UM_REJECTED] = TO(UM_RECYCLED),
		[UM_RECYCLED] = TO(UM_GUIDED) | TO(UM_REJECTED),
		[UM_GUIDED] = TO(UM_RATED) | TO(UM_REJECTED),
		[UM_RATED] = TO(UM_RERATED) | TO(UM_BILLED_STATUS),
		[UM_RERATED] = TO(UM_RATED),
		[UM_BILLED_STATUS] = 0
	},
	.first = UM_RECEIVED
};

enum
{
	IN_STUDY, IN_DESIGN, IN_TEST, REJECTED, ACTIVE, LAUNCHED, RETIRED, OBSOLETE
};

const UmLifeCycle um_specification_life = {
	.type = "usage_specification_status",
	.resource = "usage_specification",
	.count = 8,
	.status = {"in study", "in design", "in test", "rejected", "active", "launched",
	"retired", "obsolete"},
	.moves = {
		[IN_STUDY] = TO(IN_DESIGN),
		[IN_DESIGN] = TO(IN_TEST),
		[IN_TEST] = TO(IN_DESIGN) | TO(ACTIVE) | TO(REJECTED),
		[REJECTED] = 0,
		[ACTIVE] = TO(LAUNCHED) | TO(RETIRED),
		[LAUNCHED] = TO(RETIRED),
		[RETIRED] = TO(OBSOLETE),
		[OBSOLETE] = 0
	},
	.first = IN_STUDY
};

static bool same_status(const char *label, UmSlice text);
static const Oid *label_oids(const UmLifeCycle *life);
static char *label_of(Oid value);

/* The status a text means, whatever its case, with _ or - for a space; or -1. */
int
um_status_from_text(const UmLifeCycle *life, UmSlice text)
{
	for (int i = 0; i < life->count; i++)
		if (same_status(life->status[i], text) ||
			(life->alias[i] != NULL && same_status(life->alias[i], text)))
			return i;
	return -1;
}

static bool
same_status(const char *label, UmSlice text)
{
	int			skipped = 0;

	for (int i = 0; i < text.len; i++)
	{
		char		c = pg_ascii_tolower((unsigned char) text.ptr[i]);
		char		l = label[i - skipped];

		if (c == '_' || c == '-')
			c = ' ';
		/* "InStudy" and "NotStarted" are seen, too */
		if (l == ' ' && c != ' ')
		{
			skipped--;
			l = label[i - skipped];
		}
		if (l == '\0' || c != l)
			return false;
	}
	return label[text.len - skipped] == '\0';
}

/* The status of an enum's value. */
int
um_status_from_oid(const UmLifeCycle *life, Oid label)
{
	const Oid  *oids = label_oids(life);

	for (int i = 0; i < life->count; i++)
		if (oids[i] == label)
			return i;
	ereport(ERROR,
			(errcode(UM_RULE),
			 errmsg("the life cycle of %s knows no status \"%s\"", life->resource,
					label_of(label)),
			 errhint("A label was added to the type \"%s.%s\", which nothing can use.", UM_SCHEMA,
					 life->type)));
}

Oid
um_status_oid(const UmLifeCycle *life, int status)
{
	Assert(status >= 0 && status < life->count);
	return label_oids(life)[status];
}

bool
um_status_may_move(const UmLifeCycle *life, int from, int to)
{
	Assert(from >= 0 && from < life->count && to >= 0 && to < life->count);
	return from == to || (life->moves[from] & TO(to)) != 0;
}

/* A set of statuses in words; "none" for an empty one. */
char *
um_status_list(const UmLifeCycle *life, int moves)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < life->count; i++)
		if (moves & TO(i))
			appendStringInfo(&out, "%s%s", out.len > 0 ? ", " : "", life->status[i]);
	return out.len > 0 ? out.data : pstrdup("none");
}

/* OIDs of the labels, kept until the extension's types change. */
static const Oid *
label_oids(const UmLifeCycle *life)
{
	Oid		   *oids = life == &um_usage_life ? um_types()->usage_status_label
		: um_types()->specification_status_label;
	Oid			type = life == &um_usage_life ? um_types()->usage_status
		: um_types()->specification_status;

	if (oids[0] == InvalidOid)
		for (int i = life->count - 1; i >= 0; i--)
		{
			oids[i] = GetSysCacheOid2(ENUMTYPOIDNAME, Anum_pg_enum_oid,
									  ObjectIdGetDatum(type),
									  CStringGetDatum(life->status[i]));
			if (!OidIsValid(oids[i]))
				ereport(ERROR,
						(errcode(ERRCODE_UNDEFINED_OBJECT),
						 errmsg("type \"%s.%s\" has no label \"%s\"", UM_SCHEMA, life->type,
								life->status[i])));
		}
	return oids;
}

/* The label of an enum's value, for a message. */
static char *
label_of(Oid value)
{
	HeapTuple	tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(value));
	char	   *label;

	if (!HeapTupleIsValid(tuple))
		return psprintf("%u", value);
	label = pstrdup(NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel));
	ReleaseSysCache(tuple);
	return label;
}

PG_FUNCTION_INFO_V1(um_status_transitions);

/*
 * status_transitions() → (resource, from_status, to_status): every legal move
 * of every life cycle.
 */
Datum
um_status_transitions(PG_FUNCTION_ARGS)
{
	static const UmLifeCycle *const lives[] = {&um_usage_life, &um_specification_life};
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (size_t l = 0; l < lengthof(lives); l++)
		for (int from = 0; from < lives[l]->count; from++)
			for (int to = 0; to < lives[l]->count; to++)
			{
				bool		nulls[3] = {false, false, false};
				Datum		values[3];

				if (!(lives[l]->moves[from] & TO(to)))
					continue;
				values[0] = CStringGetTextDatum(lives[l]->resource);
				values[1] = CStringGetTextDatum(lives[l]->status[from]);
				values[2] = CStringGetTextDatum(lives[l]->status[to]);
				tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
			}
	return (Datum) 0;
}
