/*
 * lifecycle.c
 *	  The statuses of a resource and the moves between them.
 *
 * The tables stand in model.c; the enums of their types hold the same labels.
 * Keeping a status is no move and is always accepted.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_enum.h"
#include "utils/syscache.h"

#include "errors.h"
#include "lifecycle.h"
#include "types.h"

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

/* OIDs of the labels, kept until the extension's types change. */
static const Oid *
label_oids(const UmLifeCycle *declared)
{
	UmLifeCycle *life = unconstify(UmLifeCycle *, declared);
	Oid			type = um_type(&life->type);

	if (life->labels_as_of == life->type.as_of)
		return life->label;
	for (int i = 0; i < life->count; i++)
	{
		life->label[i] = GetSysCacheOid2(ENUMTYPOIDNAME, Anum_pg_enum_oid,
										 ObjectIdGetDatum(type),
										 CStringGetDatum(life->status[i]));
		if (!OidIsValid(life->label[i]))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("type \"%s.%s\" has no label \"%s\"", UM_SCHEMA, life->type.name,
							life->status[i])));
	}
	life->labels_as_of = life->type.as_of;
	return life->label;
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
			 errmsg("life cycle \"%s\" knows no status \"%s\"", life->type.name,
					label_of(label)),
			 errhint("A label was added to the type \"%s.%s\", which nothing can use.", UM_SCHEMA,
					 life->type.name)));
}

Oid
um_status_oid(const UmLifeCycle *life, int status)
{
	Assert(status >= 0 && status < life->count);
	return label_oids(life)[status];
}

/* A set of statuses in words; "none" for an empty one. */
char *
um_status_list(const UmLifeCycle *life, int statuses)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < life->count; i++)
		if (statuses & UM_STATUS_BIT(i))
			appendStringInfo(&out, "%s%s", out.len > 0 ? ", " : "", life->status[i]);
	return out.len > 0 ? out.data : pstrdup("none");
}

/* A status as a version writes it. */
const char *
um_status_name(const UmLifeCycle *life, int status, UmVersion version)
{
	const char *written = life->written[version][status];

	return written != NULL ? written : life->status[status];
}
