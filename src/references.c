/*
 * references.c
 *	  What an index keeps of a list of parties or ratings.
 *
 * An index can only be asked about a whole list.  These functions gather from
 * its elements what queries look for: the attributes that the model says, or by
 * a name what the model does not know, as the bill that a rating is on.  A
 * filter asks for what they gather beside the condition on an element, which
 * decides.
 *
 * What is gathered by name are texts, as a query string compares them: beside a
 * number in any other spelling stands its plain one.  Of a long text its beginning
 * is gathered.  It is on disk in indexes: a change of it needs REINDEX.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/typcache.h"

#include "compat.h"
#include "model.h"
#include "names.h"
#include "number.h"
#include "references.h"

/*
 * What is gathered of a text, in characters: no index takes one of more than 2,700
 * bytes, and what it cannot take cannot be stored.  install_lists() has the number,
 * too.
 */
#define GATHERED_LENGTH 500

static Datum gather(const UmModel *model, ArrayType *list, text *name);
static void gather_column(ArrayBuildState *texts, ArrayType *list, const char *name, Datum path);
static int	column_of(TupleDesc desc, const char *name, Oid type);
static void gather_found(ArrayBuildState *texts, Datum json, Datum path);
static void add_text(ArrayBuildState *texts, UmSlice text);

PG_FUNCTION_INFO_V1(um_party_ids);
PG_FUNCTION_INFO_V1(um_rating_refs);
PG_FUNCTION_INFO_V1(um_rating_refs_by_name);

/* party_ids(parties related_party[]) → text[] */
Datum
um_party_ids(PG_FUNCTION_ARGS)
{
	return gather(&um_usage_party, PG_GETARG_ARRAYTYPE_P(0), NULL);
}

/* rating_refs(ratings rated_product_usage[]) → text[]: of the products */
Datum
um_rating_refs(PG_FUNCTION_ARGS)
{
	return gather(&um_rated_product_usage, PG_GETARG_ARRAYTYPE_P(0), NULL);
}

/* rating_refs(ratings rated_product_usage[], name text) → text[] */
Datum
um_rating_refs_by_name(PG_FUNCTION_ARGS)
{
	return gather(&um_rated_product_usage, PG_GETARG_ARRAYTYPE_P(0), PG_GETARG_TEXT_PP(1));
}

/* What the elements have in the columns that the model says, or in extra by a name. */
static Datum
gather(const UmModel *model, ArrayType *list, text *name)
{
	ArrayBuildState *texts = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	Datum		path = 0;

	if (name != NULL)
	{
		path = DirectFunctionCall1(jsonpath_in,
								   CStringGetDatum(um_json_path(text_to_cstring(name))));
		gather_column(texts, list, model->slot[model->extra_slot]->column, path);
	}
	else
		for (int i = 0; i < model->slots; i++)
			if (model->slot[i]->flags & UM_GATHERED)
				gather_column(texts, list, model->slot[i]->column, path);
	return makeArrayResult(texts, CurrentMemoryContext);
}

/* The texts of a column, or what a path finds in its JSON. */
static void
gather_column(ArrayBuildState *texts, ArrayType *list, const char *name, Datum path)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(ARR_ELEMTYPE(list), -1);
	int			column = column_of(desc, name, path != 0 ? JSONBOID : TEXTOID);
	ArrayIterator elements = array_create_iterator(list, 0, NULL);
	Datum		element;
	bool		null;

	while (array_iterate(elements, &element, &null))
	{
		HeapTupleData tuple = {0};
		Datum		value;

		CHECK_FOR_INTERRUPTS();
		if (null)
			continue;
		tuple.t_data = DatumGetHeapTupleHeader(element);
		tuple.t_len = HeapTupleHeaderGetDatumLength(tuple.t_data);
		value = heap_getattr(&tuple, column, desc, &null);
		if (!null && path != 0)
			gather_found(texts, value, path);
		else if (!null)
			add_text(texts, um_text_slice(value));
	}
	ReleaseTupleDesc(desc);
}

/* The owner of the type may have renamed its attributes. */
static int
column_of(TupleDesc desc, const char *name, Oid type)
{
	int			column = SPI_fnumber(desc, name);

	if (column <= 0 || SPI_gettypeid(desc, column) != type)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("type %s has no %s \"%s\"", format_type_be(desc->tdtypeid),
						format_type_be(type), name)));
	return column;
}

/* What a path finds, as texts; null is nothing. */
static void
gather_found(ArrayBuildState *texts, Datum json, Datum path)
{
	Datum		nothing = DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"));
	Datum		found = DirectFunctionCall4(jsonb_path_query_array, json, path, nothing,
											BoolGetDatum(true));
	JsonbContainer *values = &DatumGetJsonbP(found)->root;

	for (uint32 i = 0; i < JsonContainerSize(values); i++)
	{
		Datum		value;
		UmSlice		text;
		UmSlice		plain;

		CHECK_FOR_INTERRUPTS();
		if (getIthJsonbValueFromContainer(values, i)->type == jbvNull)
			continue;
		value = DirectFunctionCall2(jsonb_array_element_text, found, Int32GetDatum((int32) i));
		text = um_text_slice(value);
		add_text(texts, text);
		plain = um_plain(text);
		if (plain.ptr != text.ptr)
			add_text(texts, plain);
	}
}

/* Adds what is gathered of a text. */
static void
add_text(ArrayBuildState *texts, UmSlice text)
{
	text = um_gathered(text);
	accumArrayResult(texts, PointerGetDatum(cstring_to_text_with_len(text.ptr, text.len)), false,
					 TEXTOID, CurrentMemoryContext);
}

/* What is gathered of a text, and asked for where it is looked for: its beginning. */
UmSlice
um_gathered(UmSlice text)
{
	return (UmSlice) {text.ptr, pg_mbcharcliplen(text.ptr, text.len, GATHERED_LENGTH)};
}
