/*
 * setting_table.c
 *	  What the owner of the tables orders: the table setting.
 *
 * A row is an order for every session: no SET, no role and no search_path gets
 * round it.  What is the session's own is a GUC, in settings.c.  A row that is
 * missing, and a table from before there was one, mean the default.
 *
 * The values are kept per backend by the protocol of spec_cache.c: each change
 * of the table sends a relcache invalidation, and they are read with the latest
 * snapshot behind a lock that takes pending ones in.  Whoever obeys a setting
 * looks once per statement whether it has changed (um_settings_look); then
 * um_setting costs nothing, and a row of the statement costs no look.
 */
#include "postgres.h"

#include "access/table.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "caller.h"
#include "compat.h"
#include "errors.h"
#include "setting_table.h"
#include "store.h"
#include "types.h"

#define TABLE "setting"

/* A setting: its name, what its value may be, and what it is without a row. */
typedef struct Declaration
{
	const char *name;
	const char *preset;
	const char *const *labels;	/* the value is one of these: its place is the result */
	UmWork		check;			/* or what this takes, which is read in SQL alone */
	const char *takes;			/* said of it */
	int			least;			/* or a number from that on, which is the result */
	int			most;			/* to that one */
} Declaration;

/* The value under check; good is the answer. */
typedef struct Candidate
{
	const char *text;
	bool		good;
} Candidate;

static const char *const checks[] = {
	[UM_CHECK_OFF] = "off", [UM_CHECK_REJECT] = "reject", [UM_CHECK_MARK] = "mark", NULL
};

static const char *const missing[] = {
	[UM_MISSING_REJECT] = "reject", [UM_MISSING_FILL] = "fill", NULL
};

static const char *const events[] = {
	[UM_EVENTS_OFF] = "off", [UM_EVENTS_ON] = "on", NULL
};

static void check_age(void *candidate);
static void check_size(void *candidate);

/* All settings there are, in the order of UmSetting. */
static const Declaration declared[UM_SETTINGS] = {
	[UM_CHECK_SPECIFICATION] = {"check_specification", "off", checks},
	[UM_ON_MISSING] = {"on_missing", "reject", missing},
	[UM_EVENTS] = {"events", "on", events},
	[UM_DROP_EVENTS] = {"drop_events", "on", events},
	[UM_EVENT_RETENTION_AGE] = {"event_retention_age", "7 days", NULL, check_age, "an interval above 0, as 7 days"},
	[UM_EVENT_RETENTION_SIZE] = {"event_retention_size", "10 GB", NULL, check_size, "a size above 0, as 10 GB"},
	[UM_DELIVERY] = {"delivery", "on", events},
	[UM_PAGE_LIMIT] = {"page_limit", "100", .takes = "a number from 1 to 100000", .least = 1, .most = 100000},
	[UM_PAGE_LIMIT_MAX] = {"page_limit_max", "1000", .takes = "a number from 1 to 100000", .least = 1, .most = 100000},
	[UM_EXACT_COUNT] = {"exact_count", "10000", .takes = "a number from 0 to 1000000000", .most = 1000000000},
	[UM_EXPORT_RESULT_MAX] = {"export_result_max", "100 MB", NULL, check_size, "a size above 0, as 100 MB"},
	[UM_JOB_RETENTION] = {"job_retention", "30 days", NULL, check_age, "an interval above 0, as 30 days"}
};

static int	values[UM_SETTINGS];
static bool values_valid = false;
static Oid	values_from = InvalidOid;
static uint64 changes = 0;		/* of the table, that we heard of */

static void forget(Datum arg, Oid relation);
static void preset_all(void);
static void load(Oid relation);
static int	find(const char *name);
static bool is_kept(const Declaration *setting);
static int	value_of(const Declaration *setting, const char *text);
static int	number_of(const Declaration *setting, const char *text);
static void require_value(const Declaration *setting, const char *text);
static char *column_of(const TriggerData *data, HeapTuple tuple, const char *name);

PG_FUNCTION_INFO_V1(um_setting_check);
PG_FUNCTION_INFO_V1(um_setting_changed);
PG_FUNCTION_INFO_V1(um_setting_defaults);

void
um_setting_table_init(void)
{
	preset_all();
	CacheRegisterRelcacheCallback(forget, (Datum) 0);
}

static void
forget(Datum arg, Oid relation)
{
	(void) arg;
	if (relation != values_from && relation != InvalidOid)
		return;
	values_valid = false;
	changes++;
}

static void
preset_all(void)
{
	for (int i = 0; i < UM_SETTINGS; i++)
		if (is_kept(&declared[i]))
			values[i] = value_of(&declared[i], declared[i].preset);
}

/* What is ordered now; once for each statement that obeys a setting. */
void
um_settings_look(void)
{
	Oid			relation;

	/* a lock already held would not look for invalidations */
	AcceptInvalidationMessages();
	relation = um_table(TABLE, true);
	if (!OidIsValid(relation))
	{
		preset_all();
		values_valid = false;
	}
	else if (!values_valid || relation != values_from)
		load(relation);
}

/* As of the last look. */
int
um_setting(UmSetting setting)
{
	return values[setting];
}

/*
 * Reads the rows with the latest snapshot, as the owner of the table, whom no
 * missing right and no row security keeps from them.
 */
static void
load(Oid relation)
{
	static UmPlan plan = {.sql = "SELECT name, value FROM usage_mgmt." TABLE};
	Relation	table = table_open(relation, AccessShareLock);
	Oid			owner = table->rd_rel->relowner;
	uint64		before = changes;
	UmUser		user;

	table_close(table, NoLock);
	values_valid = false;
	values_from = relation;
	preset_all();
	um_become(owner, &user);
	SPI_connect();
	if (SPI_execute_snapshot(um_prepare(&plan), NULL, NULL, GetLatestSnapshot(), InvalidSnapshot,
							 true, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the settings");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		int			setting = find(SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
		char	   *value = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2);

		/* a name that is not known is that of a newer version */
		if (setting >= 0 && is_kept(&declared[setting]))
			values[setting] = value_of(&declared[setting], value);
	}
	SPI_finish();
	um_become_again(&user);
	/* what was read is right now; it is kept if nothing changed meanwhile */
	values_valid = changes == before;
}

/* The place of a setting; -1 where there is none of that name. */
static int
find(const char *name)
{
	for (int i = 0; i < UM_SETTINGS; i++)
		if (name != NULL && strcmp(declared[i].name, name) == 0)
			return i;
	return -1;
}

/* Whether C reads it. */
static bool
is_kept(const Declaration *setting)
{
	return setting->labels != NULL || setting->most > 0;
}

/* What a text is as one of a setting's words, or as its number; 22023 where it is none. */
static int
value_of(const Declaration *setting, const char *text)
{
	int			value;

	if (text == NULL)
		text = "";
	value = setting->labels != NULL ? um_find_word(setting->labels, (UmSlice) {text, strlen(text)})
		: number_of(setting, text);
	if (value < 0)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("\"%s\" is no value of setting \"%s\"", text, setting->name),
				 errhint("It takes %s.", setting->labels != NULL ? um_words(setting->labels, "") : setting->takes)));
	return value;
}

/* -1 for what is no number within its bounds. */
static int
number_of(const Declaration *setting, const char *text)
{
	size_t		len = strlen(text);
	int			number = len > 0 && len <= 10 && strspn(text, "0123456789") == len
		? (int) Min(strtoll(text, NULL, 10), PG_INT32_MAX) : -1;

	return number >= setting->least && number <= setting->most ? number : -1;
}

/* The same of any setting. */
static void
require_value(const Declaration *setting, const char *text)
{
	Candidate	candidate = {text, false};

	if (is_kept(setting))
		(void) value_of(setting, text);
	else if (um_try(UM_NOBODY, setting->check, &candidate) != NULL || !candidate.good)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("\"%s\" is no value of setting \"%s\"", text, setting->name),
				 errhint("It takes %s.", setting->takes)));
}

static void
check_age(void *candidate)
{
	Candidate  *c = candidate;
	Interval   *age = DatumGetIntervalP(DirectFunctionCall3(interval_in, CStringGetDatum(c->text),
															ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	Interval	none = {0};

	c->good = DatumGetBool(DirectFunctionCall2(interval_gt, IntervalPGetDatum(age), IntervalPGetDatum(&none)));
}

static void
check_size(void *candidate)
{
	Candidate  *c = candidate;

	c->good = DatumGetInt64(DirectFunctionCall1(pg_size_bytes, CStringGetTextDatum(c->text))) > 0;
}

/* BEFORE INSERT OR UPDATE of setting, for each row: a name and a value that there are. */
Datum
um_setting_check(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	const char *names[UM_SETTINGS + 1] = {NULL};
	HeapTuple	tuple;
	char	   *name;
	char	   *value;
	int			setting;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(data->tg_event) ||
		!TRIGGER_FIRED_BEFORE(data->tg_event) || TRIGGER_FIRED_BY_DELETE(data->tg_event))
		um_refuse_call("a BEFORE INSERT OR UPDATE trigger for each row");
	tuple = TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newtuple : data->tg_trigtuple;
	name = column_of(data, tuple, "name");
	value = column_of(data, tuple, "value");
	/* of a null the table's constraints tell */
	if (name == NULL || value == NULL)
		return PointerGetDatum(tuple);
	setting = find(name);
	for (int i = 0; i < UM_SETTINGS; i++)
		names[i] = declared[i].name;
	if (setting < 0)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("there is no setting \"%s\"", name),
				 errhint("The settings are %s.", um_words(names, ""))));
	require_value(&declared[setting], value);
	return PointerGetDatum(tuple);
}

/* The text of a row's column, NULL for null. */
static char *
column_of(const TriggerData *data, HeapTuple tuple, const char *name)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	int			column = SPI_fnumber(desc, name);

	if (column <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of \"%s\" does not exist", name,
						RelationGetRelationName(data->tg_relation))));
	return SPI_getvalue(tuple, desc, column);
}

/* AFTER any change of setting, for each row, and BEFORE it: every session reads it anew. */
Datum
um_setting_changed(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		um_refuse_call("a trigger");
	CacheInvalidateRelcacheByRelid(RelationGetRelid(((TriggerData *) fcinfo->context)->tg_relation));
	return PointerGetDatum(NULL);
}

/* setting_defaults() → (name, value): what there is to set, as it is without a row. */
Datum
um_setting_defaults(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < UM_SETTINGS; i++)
	{
		Datum		row[2];
		bool		nulls[2] = {false, false};

		row[0] = CStringGetTextDatum(declared[i].name);
		row[1] = CStringGetTextDatum(declared[i].preset);
		tuplestore_putvalues(result->setResult, result->setDesc, row, nulls);
	}
	return (Datum) 0;
}
