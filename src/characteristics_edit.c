/*
 * characteristics_edit.c
 *	  A list of characteristics changed as a list.
 *
 * jsonb's functions see an object of pairs: what they give back has lost
 * repeated names and all that elements carry beside name and value.  These
 * change the one element that is meant and leave all else as it is.
 */
#include "postgres.h"


#include "characteristics.h"
#include "compat.h"
#include "scalar.h"
#include "types.h"

static UmSlice name_arg(FunctionCallInfo fcinfo);
static UmCharacteristic value_arg(FunctionCallInfo fcinfo, int n);
static int	last_place(const struct varlena *list, UmSlice name);

PG_FUNCTION_INFO_V1(um_characteristics_set);
PG_FUNCTION_INFO_V1(um_characteristics_remove);

/*
 * characteristics_set(list, name, value text or jsonb): of the last element of
 * that name, which is the one that counts, the value is replaced.
 */
Datum
um_characteristics_set(PG_FUNCTION_ARGS)
{
	UmSlice		name = name_arg(fcinfo);
	UmCharacteristic new = value_arg(fcinfo, 2);
	const struct varlena *list = PG_ARGISNULL(0) ? NULL : UM_GETARG_LIST(0);
	UmCharacteristicsBuilder builder;
	UmCharacteristicsReader reader;
	UmCharacteristic element;
	int			place = -1;

	um_characteristics_start(&builder);
	if (list != NULL)
	{
		place = last_place(list, name);
		um_characteristics_open(&reader, list);
		while (um_characteristics_next(&reader, &element))
		{
			if (builder.count == place)
			{
				element.kind = new.kind;
				element.value = new.value;
			}
			um_characteristics_add(&builder, &element);
		}
	}
	new.has_name = true;
	new.name = name;
	if (place < 0)
		um_characteristics_add(&builder, &new);
	PG_RETURN_POINTER(um_characteristics_end(&builder));
}

/* characteristics_remove(list, name): all elements of that name. */
Datum
um_characteristics_remove(PG_FUNCTION_ARGS)
{
	UmSlice		name = name_arg(fcinfo);
	UmCharacteristicsBuilder builder;
	UmCharacteristicsReader reader;
	UmCharacteristic element;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	um_characteristics_start(&builder);
	um_characteristics_open(&reader, UM_GETARG_LIST(0));
	while (um_characteristics_next(&reader, &element))
		if (!um_is_named(&element, name))
			um_characteristics_add(&builder, &element);
	PG_RETURN_POINTER(um_characteristics_end(&builder));
}

/* A null name is a slip that must not empty the column. */
static UmSlice
name_arg(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the name of a characteristic is null")));
	return um_text_slice(PG_GETARG_DATUM(1));
}

/* A value without a name: of text a string, of jsonb what it is, of null none. */
static UmCharacteristic
value_arg(FunctionCallInfo fcinfo, int n)
{
	UmCharacteristic value = {.kind = UM_NONE};
	UmSlice		json;
	UmScan		scan;

	if (PG_ARGISNULL(n))
		return value;
	if (!um_takes_jsonb(fcinfo, n))
	{
		value.kind = UM_STRING;
		value.value = um_text_slice(PG_GETARG_DATUM(n));
		return value;
	}
	json = um_jsonb_text(PG_GETARG_DATUM(n));
	um_scan_init(&scan, json.ptr, json.len);
	/* within the array and the element, as which it will be written */
	scan.depth = 2;
	if (!um_read_characteristic_value(&scan, &value.kind, &value.value))
		ereport(ERROR,
				(errcode(scan.sqlstate),
				 errmsg("invalid value of a characteristic: %s", scan.message)));
	return value;
}

/* The place of the last element of a name, -1 for none. */
static int
last_place(const struct varlena *list, UmSlice name)
{
	UmCharacteristicsReader reader;
	UmCharacteristic element;
	int			place = -1;

	um_characteristics_open(&reader, list);
	for (int i = 0; um_characteristics_next(&reader, &element); i++)
		if (um_is_named(&element, name))
			place = i;
	return place;
}
