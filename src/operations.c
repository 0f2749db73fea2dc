/*
 * operations.c
 *	  post, get, put and delete of one resource, and its JSON.
 *
 * The verbs of TMF630 as SQL functions, the same for each resource.  They hold
 * no rule of their own: post and put read JSON and write a row, whose triggers
 * check it.  Only where the JSON itself is at fault do they check what there
 * is of the record, so that the caller sees all its faults at once.
 *
 * All need the caller's own rights on the tables.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

#include "compat.h"
#include "content.h"
#include "errors.h"
#include "operations.h"
#include "replace.h"
#include "rules.h"
#include "settings.h"
#include "spec_cache.h"
#include "store.h"
#include "tmf_read.h"
#include "tmf_write.h"
#include "triggers.h"
#include "types.h"

static Datum post(FunctionCallInfo fcinfo, const UmModel *model);
static Datum get(FunctionCallInfo fcinfo, const UmModel *model);
static Datum put(FunctionCallInfo fcinfo, const UmModel *model);
static Datum delete(FunctionCallInfo fcinfo, const UmModel *model, bool billed);
static UmRecord *read_body(FunctionCallInfo fcinfo, int n, const UmModel *model, UmFaults *faults);
static UmRecord *store_or_race(UmRecord *record);
static UmRecord *known_record(UmRecord *record, bool *taken);
static const UmModel *model_of_row(Oid type);

PG_FUNCTION_INFO_V1(um_post_usage);
PG_FUNCTION_INFO_V1(um_post_usage_specification);
PG_FUNCTION_INFO_V1(um_get_usage);
PG_FUNCTION_INFO_V1(um_get_usage_specification);
PG_FUNCTION_INFO_V1(um_put_usage);
PG_FUNCTION_INFO_V1(um_put_usage_specification);
PG_FUNCTION_INFO_V1(um_delete_usage);
PG_FUNCTION_INFO_V1(um_delete_usage_specification);
PG_FUNCTION_INFO_V1(um_to_tmf);
PG_FUNCTION_INFO_V1(um_attribute_names);

/* post_usage(body json, version text) → json: creates, or finds it a repeat. */
Datum
um_post_usage(PG_FUNCTION_ARGS)
{
	return post(fcinfo, &um_usage);
}

/* post_usage_specification(body json, version text) → json */
Datum
um_post_usage_specification(PG_FUNCTION_ARGS)
{
	return post(fcinfo, &um_usage_specification);
}

/* get_usage(id text, fields text, version text) → json, NULL for no such id */
Datum
um_get_usage(PG_FUNCTION_ARGS)
{
	return get(fcinfo, &um_usage);
}

/* get_usage_specification(id text, fields text, version text) → json */
Datum
um_get_usage_specification(PG_FUNCTION_ARGS)
{
	return get(fcinfo, &um_usage_specification);
}

/* put_usage(id text, body json, version text) → json: complete update. */
Datum
um_put_usage(PG_FUNCTION_ARGS)
{
	return put(fcinfo, &um_usage);
}

/* put_usage_specification(id text, body json, version text) → json */
Datum
um_put_usage_specification(PG_FUNCTION_ARGS)
{
	return put(fcinfo, &um_usage_specification);
}

/* delete_usage(id text, billed boolean) → boolean: whether there was one. */
Datum
um_delete_usage(PG_FUNCTION_ARGS)
{
	return delete(fcinfo, &um_usage, !PG_ARGISNULL(1) && PG_GETARG_BOOL(1));
}

/* delete_usage_specification(id text) → boolean */
Datum
um_delete_usage_specification(PG_FUNCTION_ARGS)
{
	return delete(fcinfo, &um_usage_specification, false);
}

static Datum
post(FunctionCallInfo fcinfo, const UmModel *model)
{
	UmVersion	version = um_version_arg(fcinfo, 1);
	UmFaults	faults = {version, NIL, 0};
	UmRecord   *record = read_body(fcinfo, 0, model, &faults);
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	int			speaking = um_speaking;
	bool		named = um_is_set(record, 0);

	if (record->state[0] == UM_ABSENT)
		um_record_set(record, 0, um_new_id());
	if (model == &um_usage && version == UM_V4)
		(void) um_complete_v4(record, now);
	um_complete(record, NULL);
	if (faults.list != NIL)
		um_refuse_faulty(record, NULL, &faults);
	um_speaking = version;
	PG_TRY();
	{
		SPI_connect();
		record = named ? um_store_new(record, NULL) : um_store_insert(record);
		SPI_finish();
	}
	PG_FINALLY();
	{
		um_speaking = speaking;
	}
	PG_END_TRY();
	if (record == NULL)
		PG_RETURN_NULL();		/* a trigger of the user's said no */
	return um_json_of(record, version, NULL);
}

static Datum
get(FunctionCallInfo fcinfo, const UmModel *model)
{
	UmVersion	version = um_version_arg(fcinfo, 2);
	UmFields   *fields = PG_ARGISNULL(1) ? NULL
		: um_fields(text_to_cstring(PG_GETARG_TEXT_PP(1)), model, version);
	UmRecord   *record;
	UmKey		key;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	SPI_connect();
	if (model == &um_usage)
		key = um_store_key(PG_GETARG_DATUM(0), true);
	record = um_store_get(model, PG_GETARG_DATUM(0), model == &um_usage ? &key : NULL, true);
	SPI_finish();
	if (record == NULL)
		PG_RETURN_NULL();
	return um_json_of(record, version, fields);
}

static Datum
put(FunctionCallInfo fcinfo, const UmModel *model)
{
	UmVersion	version = um_version_arg(fcinfo, 2);
	UmFaults	faults = {version, NIL, 0};
	UmRecord   *record = read_body(fcinfo, 1, model, &faults);
	int			speaking = um_speaking;
	Datum		id;
	UmRecord   *old;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(UM_NOT_FOUND), errmsg("%s without an id", model->label)));
	id = PG_GETARG_DATUM(0);
	um_speaking = version;
	PG_TRY();
	{
		SPI_connect();
		old = um_store_lock(model, id);
		if (old == NULL)
			ereport(ERROR,
					(errcode(UM_NOT_FOUND),
					 errmsg("%s \"%s\" does not exist", model->label, TextDatumGetCString(id))));
		um_replace(record, old, version, &faults);
		record = um_store_update(record, old);
		SPI_finish();
	}
	PG_FINALLY();
	{
		um_speaking = speaking;
	}
	PG_END_TRY();
	if (record == NULL)
		PG_RETURN_NULL();
	return um_json_of(record, version, NULL);
}

static Datum
delete(FunctionCallInfo fcinfo, const UmModel *model, bool billed)
{
	bool		before = um_delete_billed;
	bool		deleted = false;

	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	um_delete_billed = billed;
	PG_TRY();
	{
		SPI_connect();
		deleted = um_store_delete(model, PG_GETARG_DATUM(0));
		SPI_finish();
	}
	PG_FINALLY();
	{
		um_delete_billed = before;
	}
	PG_END_TRY();
	PG_RETURN_BOOL(deleted);
}

/* The version that an argument names, or else the setting. */
UmVersion
um_version_arg(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? (UmVersion) um_tmf_version
		: um_version(text_to_cstring(PG_GETARG_TEXT_PP(n)));
}

/*
 * The text of an argument that is declared as text, json or jsonb: each verb
 * has all three, so that a literal, a driver's parameter and what jsonb's
 * functions make are taken alike.
 */
UmSlice
um_json_arg(FunctionCallInfo fcinfo, int n)
{
	Jsonb	   *jsonb;
	StringInfoData out;
	text	   *json;

	if (um_takes_jsonb(fcinfo, n))
	{
		jsonb = PG_GETARG_JSONB_P(n);
		initStringInfo(&out);
		JsonbToCString(&out, &jsonb->root, VARSIZE(jsonb));
		return (UmSlice) {out.data, out.len};
	}
	json = PG_GETARG_TEXT_PP(n);
	return (UmSlice) {VARDATA_ANY(json), VARSIZE_ANY_EXHDR(json)};
}

static UmRecord *
read_body(FunctionCallInfo fcinfo, int n, const UmModel *model, UmFaults *faults)
{
	UmSlice		body;

	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(UM_NOT_JSON), errmsg("%s: the body is null", model->label)));
	body = um_json_arg(fcinfo, n);
	return um_read_document(body.ptr, body.len, model, faults);
}

/*
 * Stores a record that names its id.  Delivered before, it is found; the id
 * taken by other content is 23505.  Within SPI_connect.
 */
UmRecord *
um_store_new(UmRecord *record, bool *repeated)
{
	bool		taken;
	UmRecord   *known = known_record(record, &taken);

	if (repeated != NULL)
		*repeated = known != NULL;
	if (known != NULL)
		return known;
	if (taken)
		um_refuse_taken(record);
	return store_or_race(record);
}

/* Another session may store the same id between our look and our insert. */
static UmRecord *
store_or_race(UmRecord *record)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	UmRecord   *volatile stored = NULL;
	bool		taken;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		stored = um_store_insert(record);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (error->sqlerrcode != UM_ID_TAKEN)
			ReThrowError(error);
		stored = known_record(record, &taken);
		if (stored == NULL && taken)
			um_refuse_taken(record);
		/* a snapshot too old to see what was faster */
		if (stored == NULL)
			ReThrowError(error);
	}
	PG_END_TRY();
	return stored;
}

/*
 * What is stored of a record delivered before.  NULL where the id is free, and
 * with *taken where it belongs to other content.
 */
static UmRecord *
known_record(UmRecord *record, bool *taken)
{
	bool		usage = record->model == &um_usage;
	UmKey		key = {0};
	UmRecord   *stored;

	if (usage)
		key = um_store_key(record->value[0], false);
	stored = usage && !key.found ? NULL
		: um_store_get(record->model, record->value[0], usage ? &key : NULL, false);
	*taken = key.found || stored != NULL;
	return stored != NULL && um_is_repeat(record, stored, &key) ? stored : NULL;
}

/*
 * A delivery is a repeat when it equals the record as it was delivered first,
 * or as it is now.  One without a date is taken to be of the stored date.
 */
bool
um_is_repeat(UmRecord *delivered, UmRecord *stored, const UmKey *key)
{
	int			date;
	int			receipt;
	UmRecord   *dated;

	if (delivered->model != &um_usage)
		return um_same_content(delivered, stored, UM_NOT_CONTENT, false);
	date = um_find_attribute(&um_usage, "usage_date")->slot;
	receipt = um_find_attribute(&um_usage, "received_at")->slot;
	if (um_same_hash(um_content_hash(delivered), key->content_hash))
		return true;
	dated = um_record_new(&um_usage);
	memcpy(dated->value, delivered->value, sizeof(Datum) * um_usage.slots);
	memcpy(dated->state, delivered->state, um_usage.slots);
	if (um_is_set(delivered, receipt))
	{
		um_record_set(dated, date, stored->value[date]);
		um_record_clear(dated, receipt);
	}
	return um_same_hash(um_content_hash(dated), key->content_hash) ||
		um_same_content(dated, stored, UM_NOT_CONTENT, false);
}

/*
 * 23505: the id belongs to other content.  Says where that begins to differ, if
 * the caller may see it.  Within SPI_connect.
 */
void
um_refuse_taken(const UmRecord *record)
{
	const UmModel *model = record->model;
	UmFaults	faults = {.version = um_speaking >= 0 ? um_speaking : um_tmf_version};
	char	   *id = TextDatumGetCString(record->value[0]);
	const UmAttribute *other = NULL;
	UmRecord   *stored = NULL;
	UmKey		key;

	if (pg_class_aclcheck(um_table(model->noun, false), GetUserId(), ACL_SELECT) == ACLCHECK_OK)
	{
		if (model == &um_usage)
			key = um_store_key(record->value[0], false);
		stored = um_store_get(model, record->value[0], model == &um_usage ? &key : NULL, false);
	}
	if (stored != NULL)
		other = um_first_difference(record, stored);
	if (other != NULL)
	{
		UmPath		object = {NULL, other->parent, 0};
		UmPath		path = {other->parent != NULL ? &object : NULL, other, 0};

		um_fault(&faults, &path, UM_ID_TAKEN, "differs from what is stored under that id");
		ereport(ERROR,
				(errcode(UM_ID_TAKEN),
				 errmsg("%s \"%s\" exists with other content: %s differs", model->label, id,
						((UmFault *) linitial(faults.list))->path),
				 errdetail("%s", um_faults_json(&faults))));
	}
	ereport(ERROR,
			(errcode(UM_ID_TAKEN), errmsg("%s \"%s\" exists with other content", model->label, id)));
}

/* A version 7 UUID: ordered by time, so that the keys' index grows at its end. */
Datum
um_new_id(void)
{
	unsigned char uuid[16];
	int64		milliseconds = (GetCurrentTimestamp() / 1000) +
		(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * INT64CONST(86400000);
	StringInfoData id;

	if (!pg_strong_random(uuid, sizeof(uuid)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
	for (int i = 0; i < 6; i++)
		uuid[i] = (unsigned char) (milliseconds >> (8 * (5 - i)));
	uuid[6] = (uuid[6] & 0x0f) | 0x70;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
	initStringInfo(&id);
	for (int i = 0; i < 16; i++)
		appendStringInfo(&id, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
	return PointerGetDatum(cstring_to_text_with_len(id.data, id.len));
}

/* The record as a datum of type json. */
Datum
um_json_of(const UmRecord *record, UmVersion version, const UmFields *fields)
{
	StringInfoData out;

	/* written behind the room for a header, so that nothing is copied */
	out.maxlen = 4096;
	out.data = palloc(out.maxlen);
	out.len = VARHDRSZ;
	out.cursor = 0;
	um_write_record(&out, record, version, fields);
	SET_VARSIZE(out.data, out.len);
	return PointerGetDatum(out.data);
}

/* What to_tmf keeps between the rows of one query. */
typedef struct RowShape
{
	Oid			type;
	TupleDesc	desc;
	UmShape    *shape;
} RowShape;

static RowShape *
row_shape(FunctionCallInfo fcinfo, HeapTupleHeader header)
{
	RowShape   *kept = fcinfo->flinfo->fn_extra;
	Oid			type = HeapTupleHeaderGetTypeId(header);
	const UmModel *model;
	MemoryContext old;

	if (kept != NULL && kept->type == type)
		return kept;
	model = model_of_row(type);
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	kept = palloc(sizeof(RowShape));
	kept->type = type;
	kept->desc = lookup_rowtype_tupdesc_copy(type, -1);
	kept->shape = um_shape(model, kept->desc, model->noun);
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = kept;
	return kept;
}

/* to_tmf(row anyelement, version text) → json: a row of any of the tables. */
Datum
um_to_tmf(PG_FUNCTION_ARGS)
{
	UmVersion	version = um_version_arg(fcinfo, 1);
	HeapTupleHeader header;
	HeapTupleData tuple;
	RowShape   *shape;

	if (fcinfo->flinfo->fn_extra == NULL && !type_is_rowtype(get_fn_expr_argtype(fcinfo->flinfo, 0)))
		(void) model_of_row(InvalidOid);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	header = PG_GETARG_HEAPTUPLEHEADER(0);
	shape = row_shape(fcinfo, header);
	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	return um_json_of(um_record_from_tuple(shape->shape, shape->desc, &tuple), version, NULL);
}

/* The model of a table's row type; a leaf's counts as its parent's. */
static const UmModel *
model_of_row(Oid type)
{
	static const UmModel *const models[] = {&um_usage, &um_usage_specification};
	Oid			relation = OidIsValid(type) ? get_typ_typrelid(type) : InvalidOid;

	if (OidIsValid(relation) && get_rel_relispartition(relation))
		relation = get_partition_parent(relation, true);
	for (size_t i = 0; OidIsValid(relation) && i < lengthof(models); i++)
		if (relation == um_table(models[i]->noun, true))
			return models[i];
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("to_tmf takes a row of a table of %s", UM_SCHEMA),
			 errhint("Pass the alias of the table itself: "
					 "SELECT usage_mgmt.to_tmf(u) FROM usage_mgmt.usage u.")));
}

/*
 * attribute_names(resource text, column_name text) → text[]: every spelling of
 * an attribute that is understood, the versions' own first; NULL for none of
 * that column.
 */
Datum
um_attribute_names(PG_FUNCTION_ARGS)
{
	char	   *resource = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const UmModel *model = strcmp(resource, um_usage.noun) == 0 ? &um_usage
		: strcmp(resource, um_usage_specification.noun) == 0 ? &um_usage_specification : NULL;
	UmAttribute *attribute;
	Datum	   *names;
	int			count = 0;

	if (model == NULL)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("resource \"%s\" is not known", resource),
				 errhint("The resources are \"%s\" and \"%s\".", um_usage.noun,
						 um_usage_specification.noun)));
	attribute = um_find_attribute(model, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	names = palloc(sizeof(Datum) * model->names.count);
	for (int i = 0; attribute != NULL && i < model->names.count; i++)
		if (model->names.name[i].attribute == attribute)
			names[count++] = CStringGetTextDatum(model->names.name[i].name);
	if (count == 0)
		PG_RETURN_NULL();
	PG_RETURN_ARRAYTYPE_P(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
}
