/*
 * load.c
 *	  The books of a load: what came in and what became of it.
 *
 * Each COPY into a document view has a row in import_load, its own or the one
 * that the setting usage_mgmt.load names, and every record is counted exactly
 * once: read = stored + repeated + conflicting + rejected.  The books commit
 * with the rows they are about.
 *
 * They are kept as the owner of the view, because who may load need not read
 * what others' loads had rejected.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "errors.h"
#include "load.h"
#include "settings.h"
#include "store.h"
#include "tmf_write.h"
#include "types.h"

#define KEPT_OF_LONGER (1024 * 1024)

static void open_own(UmLoad *load);
static void open_tied(UmLoad *load);
static Datum amounts_to_jsonb(List *amounts);
static List *add_rating(List *amounts, const UmRecord *rating);
static void add_amount(UmLoad *load, const UmAmount *more);
static void run(const UmLoad *load, UmPlan *plan, Datum *args, const char *nulls);
static void report(const UmLoad *load);
static Datum kept_text(UmSlice document);

/* The load that the setting ties statements to; 0 for none. */
int64
um_load_id(void)
{
	return um_load_setting == NULL || um_load_setting[0] == '\0' ? 0
		: DatumGetInt64(DirectFunctionCall1(int8in, CStringGetDatum(um_load_setting)));
}

/* Whether the caller has the role that the books of a load name; that of one that is gone nobody has. */
bool
um_is_loader(const char *role)
{
	return has_privs_of_role(GetUserId(), role != NULL ? get_role_oid(role, true) : InvalidOid);
}

/*
 * Opens the books, in the current memory context: those of the load that the
 * setting names, locked, or new ones.
 */
UmLoad *
um_load_open(const UmResource *resource, Oid owner)
{
	UmLoad	   *load = palloc0(sizeof(UmLoad));

	load->owner = owner;
	load->conflict = resource->conflict;
	load->first_date = DT_NOEND;
	load->last_date = DT_NOBEGIN;
	load->own = um_load_id() == 0;
	um_require_column("import_load", "filled");
	um_require_column("import_load", "loaded_by");
	SPI_connect();
	if (load->own)
		open_own(load);
	else
		open_tied(load);
	SPI_finish();
	return load;
}

static void
open_own(UmLoad *load)
{
	static UmPlan plan = {
		.sql = "INSERT INTO usage_mgmt.import_load (source, loaded_by) VALUES ('COPY', $1) RETURNING id",
		.args = {TEXTOID}, .nargs = 1
	};
	Datum		role = CStringGetTextDatum(GetUserNameFromId(GetUserId(), false));
	bool		null;

	run(load, &plan, &role, NULL);
	load->id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null));
}

/* One that is not finished, and was made by the caller or a role whose member he is. */
static void
open_tied(UmLoad *load)
{
	static UmPlan plan = {
		.sql = "SELECT read, finished_at, loaded_by FROM usage_mgmt.import_load "
		"WHERE id OPERATOR(pg_catalog.=) $1 FOR UPDATE",
		.args = {INT8OID}, .nargs = 1
	};
	Datum		id = Int64GetDatum(um_load_id());
	HeapTuple	row;
	TupleDesc	desc;
	char	   *role;
	bool		null;

	run(load, &plan, &id, NULL);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("there is no load %s", um_load_setting),
				 errhint("Setting usage_mgmt.load names a row of usage_mgmt.import_load.")));
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	load->id = DatumGetInt64(id);
	load->before = DatumGetInt64(SPI_getbinval(row, desc, 1, &null));
	role = SPI_getvalue(row, desc, 3);
	if (!um_is_loader(role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("load " INT64_FORMAT " is another role's", load->id)));
	(void) SPI_getbinval(row, desc, 2, &null);
	if (!null)
		ereport(ERROR,
				(errcode(UM_FINISHED),
				 errmsg("load " INT64_FORMAT " is finished", load->id),
				 errhint("INSERT INTO usage_mgmt.import_load DEFAULT VALUES RETURNING id makes another.")));
}

static Datum
amounts_to_jsonb(List *amounts)
{
	StringInfoData out;
	ListCell   *cell;

	initStringInfo(&out);
	foreach(cell, amounts)
	{
		UmAmount   *amount = lfirst(cell);

		appendStringInfo(&out, "%s\"%s\": %s", out.len > 0 ? ", " : "{", amount->currency,
						 DatumGetCString(DirectFunctionCall1(numeric_out, amount->sum)));
	}
	appendStringInfoString(&out, out.len > 0 ? "}" : "{}");
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data));
}

/* What a record adds to the amounts of its load, a list of UmAmount. */
List *
um_load_amounts(const UmRecord *record)
{
	List	   *amounts = NIL;

	for (um_each_attribute(a, record->model))
	{
		UmList	   *list = a->kind == UM_LIST && a->of->amount_slot >= 0
			? um_record_list(record, a) : NULL;

		for (int i = 0; list != NULL && i < list->count; i++)
			amounts = add_rating(amounts, list->record[i]);
	}
	return amounts;
}

static List *
add_rating(List *amounts, const UmRecord *rating)
{
	int			currency = rating->model->currency_slot;
	int			amount_slot = rating->model->amount_slot;
	UmAmount   *amount;

	if (!um_is_set(rating, currency) || !um_is_set(rating, amount_slot))
		return amounts;
	amount = palloc0(sizeof(UmAmount));
	/* a code of ISO 4217 */
	memcpy(amount->currency, um_slot_slice(rating, currency).ptr, 3);
	amount->sum = datumCopy(rating->value[amount_slot], false, -1);
	return lappend(amounts, amount);
}

/* Counts a stored record by its date and its amounts. */
void
um_load_add(UmLoad *load, TimestampTz date, const List *amounts)
{
	ListCell   *cell;

	load->first_date = Min(load->first_date, date);
	load->last_date = Max(load->last_date, date);
	foreach(cell, amounts)
		add_amount(load, lfirst(cell));
}

static void
add_amount(UmLoad *load, const UmAmount *more)
{
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(load));
	UmAmount   *amount = NULL;
	ListCell   *cell;
	Datum		before;

	foreach(cell, load->amounts)
	{
		if (memcmp(((UmAmount *) lfirst(cell))->currency, more->currency, 3) == 0)
			amount = lfirst(cell);
	}
	if (amount == NULL)
	{
		amount = palloc0(sizeof(UmAmount));
		memcpy(amount->currency, more->currency, 3);
		amount->sum = DirectFunctionCall1(int4_numeric, Int32GetDatum(0));
		load->amounts = lappend(load->amounts, amount);
	}
	before = amount->sum;
	amount->sum = DirectFunctionCall2(numeric_add, before, more->sum);
	pfree(DatumGetPointer(before));
	MemoryContextSwitchTo(old);
}

/*
 * Adds to the books what this statement did, another one of the same load may
 * have done more meanwhile, and says so where the load ends with it.
 */
void
um_load_close(UmLoad *load)
{
	static UmPlan plan = {
		.sql = "UPDATE usage_mgmt.import_load SET read = read OPERATOR(pg_catalog.+) $2, "
		"stored = stored OPERATOR(pg_catalog.+) $3, repeated = repeated OPERATOR(pg_catalog.+) $4, "
		"conflicting = conflicting OPERATOR(pg_catalog.+) $5, "
		"rejected = rejected OPERATOR(pg_catalog.+) $6, filled = filled OPERATOR(pg_catalog.+) $11, "
		"first_date = LEAST(first_date, $7), last_date = GREATEST(last_date, $8), "
		"amounts = (SELECT COALESCE(pg_catalog.jsonb_object_agg(a.key, a.sum), '{}') FROM "
		"(SELECT e.key, pg_catalog.sum(e.value::numeric) AS sum FROM "
		"(SELECT * FROM pg_catalog.jsonb_each_text(amounts) UNION ALL "
		"SELECT * FROM pg_catalog.jsonb_each_text($9)) e GROUP BY e.key) a), "
		"finished_at = CASE WHEN $10 THEN pg_catalog.clock_timestamp() ELSE finished_at END "
		"WHERE id OPERATOR(pg_catalog.=) $1",
		.args = {INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID,
		TIMESTAMPTZOID, JSONBOID, BOOLOID, INT8OID}, .nargs = 11
	};

	/* when a load of several statements ends, whoever made it knows */
	Datum		args[11] = {
		Int64GetDatum(load->id), Int64GetDatum(load->read), Int64GetDatum(load->stored),
		Int64GetDatum(load->repeated), Int64GetDatum(load->conflicting),
		Int64GetDatum(load->rejected), TimestampTzGetDatum(load->first_date),
		TimestampTzGetDatum(load->last_date), amounts_to_jsonb(load->amounts),
		BoolGetDatum(load->own), Int64GetDatum(load->filled)
	};
	bool		none = TIMESTAMP_IS_NOEND(load->first_date);

	/* what the books promise */
	Assert(load->read == load->stored + load->repeated + load->conflicting + load->rejected);
	SPI_connect();
	run(load, &plan, args, none ? "      nn   " : NULL);
	SPI_finish();
	report(load);
}

/* What became of the records; what was not stored must not go unnoticed. */
static void
report(const UmLoad *load)
{
	bool		refused = load->conflicting > 0 || load->rejected > 0;

	if (!load->own && !refused)
		return;
	ereport(refused ? WARNING : NOTICE,
			(refused ? errcode(UM_SOME_REFUSED) : 0,
			 errmsg("load " INT64_FORMAT ": " INT64_FORMAT " read, " INT64_FORMAT " stored, "
					INT64_FORMAT " repeated, " INT64_FORMAT " conflicting, " INT64_FORMAT
					" rejected", load->id, load->read, load->stored, load->repeated,
					load->conflicting, load->rejected),
			 load->filled > 0 ? errdetail(INT64_FORMAT " were stored with values filled in.",
										  load->filled) : 0,
			 !refused ? 0 : load->conflict == NULL
			 ? errhint("usage_mgmt.import_reject keeps what was not stored, by load_id.")
			 : errhint("usage_mgmt.import_reject and usage_mgmt.%s keep what was not stored, by load_id.",
					   load->conflict)));
}

/* Keeps a faulty document; errors is a JSON array.  Within SPI_connect or not. */
void
um_load_reject(UmLoad *load, const UmResource *resource, int64 number, UmSlice document,
			   const char *errors)
{
	static UmPlan plan = {
		.sql = "INSERT INTO usage_mgmt.import_reject "
		"(load_id, record_number, document, document_length, errors, resource) "
		"VALUES ($1, $2, $3, $4, $5, $6)",
		.args = {INT8OID, INT8OID, TEXTOID, INT8OID, JSONBOID, TEXTOID}, .nargs = 6
	};
	Datum		args[] = {
		Int64GetDatum(load->id), Int64GetDatum(number), kept_text(document),
		Int64GetDatum(document.len),
		DirectFunctionCall1(jsonb_in, CStringGetDatum(errors)),
		CStringGetTextDatum(resource->model->noun)
	};

	SPI_connect();
	run(load, &plan, args, NULL);
	SPI_finish();
}

/* Keeps a document whose id the store has with other content, and both. */
void
um_load_conflict(UmLoad *load, UmResource *resource, int64 number, Datum id, UmSlice document,
				 const UmRecord *stored)
{
	static const Oid types[] = {INT8OID, INT8OID, TEXTOID, TEXTOID, INT8OID, JSONOID};
	UmPlan	   *plan = um_plan(resource, UM_PLAN_CONFLICT, "INSERT INTO {conflict} "
							   "(load_id, record_number, {noun}_id, document, document_length, stored) "
							   "VALUES ($1, $2, $3, $4, $5, $6)", lengthof(types), types);
	Datum		args[] = {
		Int64GetDatum(load->id), Int64GetDatum(number), id, kept_text(document),
		Int64GetDatum(document.len), (Datum) 0
	};
	StringInfoData json;

	if (stored != NULL)
	{
		initStringInfo(&json);
		um_write_record(&json, stored, um_default_version(resource), NULL);
		args[5] = PointerGetDatum(cstring_to_text_with_len(json.data, json.len));
	}
	SPI_connect();
	run(load, plan, args, stored == NULL ? "     n" : NULL);
	SPI_finish();
}

static Datum
kept_text(UmSlice document)
{
	return PointerGetDatum(cstring_to_text_with_len(document.ptr, document.len <= UM_LONGEST_KEPT
													? document.len : um_clip(document, KEPT_OF_LONGER)));
}

/* Runs a statement on the books, as their owner.  Within SPI_connect. */
static void
run(const UmLoad *load, UmPlan *plan, Datum *args, const char *nulls)
{
	UmUser		before;

	um_become(load->owner, &before);
	um_execute(um_prepare(plan), args, nulls, false, 0);
	um_become_again(&before);
}
