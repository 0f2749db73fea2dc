/*
 * row.c
 *	  A row of a table, or an element of a list in one, as a record and back.
 *
 * Columns are found by name, because a user may have added some and a dump of
 * an older version may lack some.
 *
 * A row is not to be trusted: SQL can make one with any value that the types
 * of its columns allow, and a table can hold one from while its triggers were
 * disabled.  What no record can hold, an extra that is no object, an array of
 * two dimensions, is refused here, where every row comes in, so that whoever
 * has a record need not look again.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "errors.h"
#include "resource.h"
#include "row.h"
#include "scalar.h"
#include "tmf_read.h"
#include "tmf_write.h"
#include "types.h"

/* The composite type of a list's elements. */
typedef struct UmElementType
{
	TypeCacheEntry *entry;
	TupleDesc	desc;
	UmShape    *shape;			/* NULL until all is known */
} UmElementType;

static UmAttribute *attribute_of(const UmModel *model, const char *column, int next);
static void check_column(const UmModel *model, UmAttribute *attribute,
						 Form_pg_attribute column, const char *relation);
static Oid	internal_type(const UmAttribute *attribute);
static void skim(UmRecord *record, const UmShape *shape, const Datum *values, const bool *nulls);
static inline bool is_same_column(Form_pg_attribute column, const UmRecord *record,
								  const UmRecord *old, int n);
static void read_slot(UmRecord *record, int slot, UmFaults *faults, const UmPath *path);
static bool slot_from_column(const UmAttribute *attribute, UmFaults *faults,
							 const UmPath *parent, Datum *slot);
static UmList *list_from_array(UmModel *model, ArrayType *array, UmFaults *faults,
							   const UmPath *path);
static Datum array_from_list(UmModel *model, const UmList *list);
static Datum jsonb_from_tree(const UmAttribute *attribute, UmList *list);
static HeapTuple tuple_from_record(const UmRecord *record, const UmElementType *type);
static const UmElementType *element_type(UmModel *model);

/*
 * Maps the columns of a row type to the slots of a model, in the current
 * memory context.  42703 or 42804 where a column is missing or of another
 * type, as in a dump of an older version.
 */
UmShape *
um_shape(const UmModel *model, TupleDesc desc, const char *relation)
{
	UmShape    *shape = palloc(offsetof(UmShape, column) + sizeof(int) * model->slots);

	shape->model = model;
	shape->natts = desc->natts;
	memset(shape->column, -1, sizeof(int) * model->slots);
	for (int i = 0, next = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);
		UmAttribute *attribute = column->attisdropped ? NULL
			: attribute_of(model, NameStr(column->attname), next);

		if (attribute == NULL)
			continue;
		check_column(model, attribute, column, relation);
		shape->column[attribute->slot] = i;
		next = attribute->slot + 1;
	}
	for (int s = 0; s < model->slots; s++)
		if (shape->column[s] < 0)
			um_lacks_column(relation, model->slot[s]->column);
	return shape;
}

/* Whether a row has every column of a model, of its type. */
bool
um_fits(const UmModel *model, TupleDesc desc)
{
	int			found = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);
		UmAttribute *attribute = column->attisdropped ? NULL
			: um_find_attribute(model, NameStr(column->attname));

		found += attribute != NULL && column->atttypid == um_slot_type(attribute, model);
	}
	return found == model->slots;
}

/* What a column holds, mostly the next one of the model: a shape is made for each get. */
static UmAttribute *
attribute_of(const UmModel *model, const char *column, int next)
{
	if (next < model->slots && strcmp(model->slot[next]->column, column) == 0)
		return model->slot[next];
	return um_find_attribute(model, column);
}

static void
check_column(const UmModel *model, UmAttribute *attribute, Form_pg_attribute column,
			 const char *relation)
{
	Oid			expected = um_slot_type(attribute, model);

	if (column->atttypid != expected)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of \"%s\" is of type %s, not %s",
						NameStr(column->attname), relation,
						format_type_be(column->atttypid), format_type_be(expected)),
				 errhint("SELECT %s.install_tables() brings older tables up to date.",
						 UM_SCHEMA)));
}

/* The type of a column that no JSON shows. */
static Oid
internal_type(const UmAttribute *attribute)
{
	return OidIsValid(attribute->type) ? attribute->type : TIMESTAMPTZOID;
}

/* The type of the column that holds an attribute. */
Oid
um_slot_type(const UmAttribute *attribute, const UmModel *model)
{
	switch (attribute->kind)
	{
		case UM_TEXT:
		case UM_URI:
		case UM_ANY:
			return TEXTOID;
		case UM_INTERNAL:
			return internal_type(attribute);
		case UM_TIME:
			return TIMESTAMPTZOID;
		case UM_NUMBER:
			return NUMERICOID;
		case UM_BOOL:
			return BOOLOID;
		case UM_STATUS:
			return um_type(&model->life->type);
		case UM_CHARACTERISTICS:
			return um_characteristics_type();
		case UM_LIST:
			return get_array_type(um_type(&attribute->of->type));
		case UM_JSON:
		case UM_TREE:
		case UM_BRANCH:
		case UM_EXTRA:
			return JSONBOID;
		default:
			return InvalidOid;
	}
}

/* Raises what a record cannot hold of the row. */
UmRecord *
um_record_from_tuple(const UmShape *shape, TupleDesc desc, HeapTuple tuple)
{
	Datum		values[MaxTupleAttributeNumber];
	bool		nulls[MaxTupleAttributeNumber];

	Assert(desc->natts == shape->natts);
	heap_deform_tuple(tuple, desc, values, nulls);
	return um_record_from_values(shape, values, nulls);
}

/* The same for a row taken apart. */
UmRecord *
um_record_from_values(const UmShape *shape, const Datum *values, const bool *nulls)
{
	UmFaults	faults = {um_default_version(shape->model->resource), NIL, 0};
	UmRecord   *record = um_record_read_values(shape, values, nulls, &faults, NULL);

	if (faults.list != NIL)
		um_refuse_row(record, &faults, NULL);
	return record;
}

/* Collects what a record cannot hold of the row, or of the element of a list at path. */
UmRecord *
um_record_read(const UmShape *shape, TupleDesc desc, HeapTuple tuple, UmFaults *faults,
			   const UmPath *path)
{
	Datum		values[MaxTupleAttributeNumber];
	bool		nulls[MaxTupleAttributeNumber];

	Assert(desc->natts == shape->natts);
	heap_deform_tuple(tuple, desc, values, nulls);
	return um_record_read_values(shape, values, nulls, faults, path);
}

/* The same for one taken apart. */
UmRecord *
um_record_read_values(const UmShape *shape, const Datum *values, const bool *nulls,
					  UmFaults *faults, const UmPath *path)
{
	UmRecord   *record = um_record_new(shape->model);

	skim(record, shape, values, nulls);
	for (int s = 0; s < shape->model->slots; s++)
		read_slot(record, s, faults, path);
	return record;
}

/* Leaves what has parts as it lies in the row. */
static void
skim(UmRecord *record, const UmShape *shape, const Datum *values, const bool *nulls)
{
	uint64		composed = shape->model->composed;

	for (int s = 0; s < shape->model->slots; s++)
	{
		int			column = shape->column[s];

		if (nulls[column])
			continue;
		record->value[s] = values[column];
		record->state[s] = composed & um_slot_bit(s) ? UM_UNREAD : UM_SET;
	}
}

/*
 * The record of a tuple, in which what has parts is not taken apart so far.  Of
 * what it has in common with an old one of the same table no rule is asked again.
 */
UmRecord *
um_record_skim(const UmShape *shape, TupleDesc desc, HeapTuple tuple, const UmRecord *old)
{
	UmRecord   *record = um_record_new(shape->model);

	Assert(desc->natts == shape->natts);
	record->column = palloc((sizeof(Datum) + sizeof(bool)) * desc->natts);
	record->null = (bool *) (record->column + desc->natts);
	heap_deform_tuple(tuple, desc, record->column, record->null);
	skim(record, shape, record->column, record->null);
	if (old == NULL)
		return record;
	record->asked = 0;
	for (int s = 0; s < shape->model->slots; s++)
		if (!is_same_column(TupleDescAttr(desc, shape->column[s]), record, old, shape->column[s]))
			record->asked |= shape->model->asks[s];
	return record;
}

/*
 * As they lie there: of one table the same bytes mean the same, even where they
 * point elsewhere.
 */
static inline bool
is_same_column(Form_pg_attribute column, const UmRecord *record, const UmRecord *old, int n)
{
	if (record->null[n] || old->null[n])
		return record->null[n] && old->null[n];
	return column->attbyval ? record->column[n] == old->column[n]
		: datumIsEqual(record->column[n], old->column[n], false, column->attlen);
}

/* The slots of what JSON shows that are not as in an old row of the same table, as bits. */
uint64
um_record_changes(const UmRecord *record, const UmRecord *old, const UmShape *shape, TupleDesc desc)
{
	uint64		changes = 0;

	for (int s = 0; s < shape->model->slots; s++)
	{
		int			n = shape->column[s];
		Form_pg_attribute column = TupleDescAttr(desc, n);

		/* what is stored compressed is not as it comes, byte by byte */
		if (shape->model->slot[s]->kind != UM_INTERNAL && !is_same_column(column, record, old, n) &&
			(record->null[n] || old->null[n] ||
			 !datum_image_eq(record->column[n], old->column[n], column->attbyval, column->attlen)))
			changes |= um_slot_bit(s);
	}
	return changes;
}

/* Takes those of the slots apart that are not yet. */
void
um_record_read_slots(UmRecord *record, uint64 slots, UmFaults *faults)
{
	for (int s = 0; s < record->model->slots; s++)
		if (slots & um_slot_bit(s))
			read_slot(record, s, faults, NULL);
}

static void
read_slot(UmRecord *record, int slot, UmFaults *faults, const UmPath *path)
{
	if (record->state[slot] == UM_UNREAD)
		record->state[slot] = slot_from_column(record->model->slot[slot], faults, path,
											   &record->value[slot]) ? UM_SET : UM_FAULTY;
}

/*
 * Raises the faults of a row, of the given table or of none.  A statement may
 * see many rows: the context tells which one it is.
 */
void
um_refuse_row(const UmRecord *record, UmFaults *faults, Relation table)
{
	ErrorContextCallback context;

	context.callback = um_name_row;
	context.arg = unconstify(UmRecord *, record);
	context.previous = error_context_stack;
	error_context_stack = &context;
	um_raise_faults(faults, record->model, table);
	error_context_stack = context.previous;
}

/* The context of an error that a record is at fault for. */
void
um_name_row(void *arg)
{
	const UmRecord *record = arg;

	if (um_is_set(record, record->model->id->slot))
		errcontext("%s \"%s\"", record->model->label, TextDatumGetCString(um_id(record)));
}

/* Makes of what a column holds what the slot does; false where it cannot. */
static bool
slot_from_column(const UmAttribute *attribute, UmFaults *faults, const UmPath *parent, Datum *slot)
{
	UmPath		path = {parent, attribute, 0};
	int			before = list_length(faults->list);
	ArrayType  *array;

	switch (attribute->kind)
	{
		case UM_LIST:
			array = DatumGetArrayTypeP(*slot);
			if (ARR_NDIM(array) > 1)
			{
				um_fault(faults, &path, UM_RULE, "has %d dimensions", ARR_NDIM(array));
				return false;
			}
			*slot = PointerGetDatum(list_from_array(attribute->of, array, faults, &path));
			return true;
		case UM_TREE:
		case UM_BRANCH:
			*slot = PointerGetDatum(um_tree_from_jsonb(attribute, *slot, faults, &path));
			return list_length(faults->list) == before;
		case UM_CHARACTERISTICS:
			*slot = PointerGetDatum(PG_DETOAST_DATUM_PACKED(*slot));
			return true;
		case UM_EXTRA:
			*slot = JsonbPGetDatum(DatumGetJsonbP(*slot));
			if (!JB_ROOT_IS_OBJECT(DatumGetJsonbP(*slot)))
				um_fault(faults, &path, UM_RULE, "is not a JSON object");
			return list_length(faults->list) == before;
		default:
			return true;
	}
}

/* Where its elements are counted from is no part of a list. */
static UmList *
list_from_array(UmModel *model, ArrayType *array, UmFaults *faults, const UmPath *path)
{
	const UmElementType *type = element_type(model);
	UmPath		at = {path, NULL, 0};
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	UmList	   *list;

	Assert(ARR_ELEMTYPE(array) == type->desc->tdtypeid);
	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_DOUBLE,
					  &elements, &nulls, &count);
	list = um_list_new(count);
	for (; at.index < count; at.index++)
	{
		HeapTupleData tuple;

		CHECK_FOR_INTERRUPTS();
		if (nulls[at.index])
			continue;
		tuple.t_data = DatumGetHeapTupleHeader(elements[at.index]);
		tuple.t_len = HeapTupleHeaderGetDatumLength(tuple.t_data);
		list->record[at.index] = um_record_read(type->shape, type->desc, &tuple, faults, &at);
	}
	return list;
}

/* The records of a jsonb column; what no reader would take goes to the faults. */
UmList *
um_tree_from_jsonb(const UmAttribute *attribute, Datum value, UmFaults *faults, const UmPath *path)
{
	UmSlice		text = um_jsonb_text(value);
	UmScan		scan;
	UmList	   *list;

	um_scan_init(&scan, text.ptr, text.len);
	list = um_read_tree(&scan, attribute, faults, path);
	if (scan.sqlstate != 0)
		um_fault(faults, path, scan.sqlstate, "%s", scan.message);
	return list;
}

/* The datum that the column of a slot holds. */
Datum
um_record_datum(const UmRecord *record, int slot)
{
	const UmAttribute *attribute = record->model->slot[slot];
	UmList	   *list = (UmList *) DatumGetPointer(record->value[slot]);

	Assert(record->state[slot] == UM_SET);
	switch (attribute->kind)
	{
		case UM_LIST:
			return array_from_list(attribute->of, list);
		case UM_TREE:
		case UM_BRANCH:
			return jsonb_from_tree(attribute, list);
		default:
			return record->value[slot];
	}
}

static Datum
array_from_list(UmModel *model, const UmList *list)
{
	const UmElementType *type = element_type(model);
	Datum	   *elements = palloc(sizeof(Datum) * Max(list->count, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(list->count, 1));
	int			lower = 1;

	if (list->count == 0)
		return PointerGetDatum(construct_empty_array(type->desc->tdtypeid));
	for (int i = 0; i < list->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		nulls[i] = list->record[i] == NULL;
		elements[i] = nulls[i] ? (Datum) 0
			: HeapTupleGetDatum(tuple_from_record(list->record[i], type));
	}
	return PointerGetDatum(construct_md_array(elements, nulls, 1, (int *) &list->count, &lower,
											  type->desc->tdtypeid, -1, false, TYPALIGN_DOUBLE));
}

static HeapTuple
tuple_from_record(const UmRecord *record, const UmElementType *type)
{
	Datum		values[MaxTupleAttributeNumber];
	bool		nulls[MaxTupleAttributeNumber];

	Assert(record->model == type->shape->model);
	memset(nulls, true, type->desc->natts);
	for (int s = 0; s < record->model->slots; s++)
		if (record->state[s] == UM_SET)
		{
			values[type->shape->column[s]] = um_record_datum(record, s);
			nulls[type->shape->column[s]] = false;
		}
	return heap_form_tuple(type->desc, values, nulls);
}

/* Trees are stored under the names of R14.5, with real types. */
static Datum
jsonb_from_tree(const UmAttribute *attribute, UmList *list)
{
	StringInfoData text;

	initStringInfo(&text);
	um_write_tree(&text, attribute, list, UM_R14_5);
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data));
}

/*
 * The type of a list's elements, kept until it changes: then the type cache
 * forgets its descriptor, which, being counted, is no other's meanwhile.
 */
static const UmElementType *
element_type(UmModel *model)
{
	UmElementType *type = model->element;
	Oid			oid = um_type(&model->type);
	MemoryContext old;

	if (type != NULL && type->shape != NULL && type->entry->type_id == oid &&
		type->entry->tupDesc == type->desc)
		return type;
	if (type == NULL)
		type = model->element = MemoryContextAllocZero(CacheMemoryContext, sizeof(UmElementType));
	type->shape = NULL;
	type->entry = lookup_type_cache(oid, TYPECACHE_TUPDESC);
	/* counted as the type cache itself does: no owner would let it go */
	type->desc = type->entry->tupDesc;
	type->desc->tdrefcount++;
	old = MemoryContextSwitchTo(CacheMemoryContext);
	type->shape = um_shape(model, type->desc, model->noun);
	MemoryContextSwitchTo(old);
	return type;
}
