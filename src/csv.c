/*
 * csv.c
 *	  Which column of a CSV file is which attribute: a mapping, made into steps.
 *
 * A mapping is a JSON object.  Its keys are paths of attributes, under any name
 * that is understood in JSON: usageDate, usageSpecification.id, of an element
 * ratedProductUsage[0].taxRate or relatedParty[customer].id, of a characteristic
 * usageCharacteristic[duration], of what the model does not know extra.priority.
 * Its values are the name of a column, or {"column": …, "type": …}, or what is the
 * same in every row, {"value": …}.  Without a mapping the columns are called by
 * paths.
 *
 * What a client needs to make a document of a row are the steps of writing one,
 * in their order, and no knowledge of the model: csv_steps() gives them.  A step
 * is a text, behind which the value of a field may stand.  What is opened, and
 * into which no field has been written until it is closed, is left out.
 *
 * The elements of a list are told apart by a number, which is not written, or by
 * a word, which the model says the attribute of.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "csv.h"
#include "errors.h"
#include "names.h"
#include "resource.h"

/* Bytes of a name that messages show. */
#define SHOWN 60

/* Names in a path: the tree is walked from call to call. */
#define DEEPEST 100

/* An attribute, an element, or the document itself, in the tree that is written. */
typedef struct Branch
{
	UmSlice		key;			/* as the mapping spells it; of an element, which one */
	const UmAttribute *attribute;	/* NULL for an element and for what no model knows */
	bool		list;			/* its children are elements */
	bool		leaf;			/* it is a value, and has none */
	List	   *children;		/* of Branch */
	bool		has_fields;		/* of a row, here or below */

	/* of a leaf */
	const char *path;			/* as the mapping has it */
	UmSlice		value;			/* JSON that is the same in every row; or else */
	UmSlice		column;			/* the name, and in a header */
	int			field;			/* the place, from 1 on */
	const char *type;
} Branch;

/* A mapping being read. */
typedef struct Mapping
{
	const UmModel *model;
	Datum	   *header;			/* NULL where it is not known yet */
	int			columns;		/* in it */
	Branch	   *root;
	UmFaults   *faults;
	const UmPath *at;
	const char *path;			/* that is being read, with what it leads to */
	int			count;			/* of faults */
} Mapping;

/* Where a path has led so far. */
typedef struct Place
{
	Branch	   *node;
	const UmModel *model;		/* the one that it is in; NULL where none tells */
	const UmNames *names;		/* of what may follow */
	const UmAttribute *attribute;	/* just behind its name */
	const char *rest;			/* of the path */
} Place;

static void read_mapping(Mapping *mapping, UmSlice json);
static bool read_leaf(Mapping *mapping, UmScan *scan, Branch *leaf);
static bool read_spec(Mapping *mapping, UmScan *scan, Branch *leaf);
static bool read_word(UmScan *scan, UmSlice *word);
static void map(Mapping *mapping, const Branch *leaf);
static bool follow_name(Mapping *mapping, Place *place);
static const UmAttribute *find_attribute(const Place *place, UmSlice key);
static bool follow_selector(Mapping *mapping, Place *place);
static bool name_element(Mapping *mapping, Place *place, UmSlice selector);
static void go_into(Place *place, const UmModel *model);
static Branch *child(Mapping *mapping, Branch *parent, UmSlice key, const UmAttribute *attribute);
static Branch *element(Mapping *mapping, Branch *list, UmSlice selector);
static void make_leaf(Mapping *mapping, const Place *place, const Branch *leaf);
static const char *type_of(const Place *place, bool *whole);
static void find_column(Mapping *mapping, Branch *leaf);
static char *header_text(const Mapping *mapping);
static bool is_count(UmSlice text);
static int	count_of(UmSlice text);
static const char *hint_of(const Mapping *mapping);
static UmFault *fault(Mapping *mapping, const char *format,...) pg_attribute_printf(2, 3);
static bool note_fields(Branch *node);
static void put_node(ReturnSetInfo *result, const Branch *node, UmSlice key);
static void put_leaf(ReturnSetInfo *result, const Branch *node, const char *key);
static void put_step(ReturnSetInfo *result, const char *step, const char *text, const Branch *leaf);

PG_FUNCTION_INFO_V1(um_csv_steps);

/* The types that a field may be of, as JSON; members are those of an object without its braces. */
static const char *const types[] = {"string", "number", "boolean", "json", NULL};
static const char *const members_type = "members";

/*
 * csv_steps(resource text, mapping jsonb, header text[]) → (step, text, field, type,
 * path): how a document is made of a row.  A mapping that is null is the header; a
 * header that is null has the mapping checked alone.
 */
Datum
um_csv_steps(PG_FUNCTION_ARGS)
{
	const UmResource *resource = PG_ARGISNULL(0) ? NULL : um_resource(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	UmFaults	faults = {UM_V4, NIL, 0};
	Branch		root = {.has_fields = true};
	Mapping		mapping = {.root = &root, .faults = &faults};

	InitMaterializedSRF(fcinfo, 0);
	if (resource == NULL)
		return (Datum) 0;
	mapping.model = resource->model;
	faults.version = um_default_version(resource);
	if (!PG_ARGISNULL(2))
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TEXTOID, -1, false, TYPALIGN_INT, &mapping.header, NULL,
						  &mapping.columns);
	if (!PG_ARGISNULL(1))
	{
		Jsonb	   *json = PG_GETARG_JSONB_P(1);
		char	   *text = JsonbToCString(NULL, &json->root, VARSIZE(json));

		read_mapping(&mapping, (UmSlice) {text, strlen(text)});
	}
	for (int i = 0; PG_ARGISNULL(1) && i < mapping.columns; i++)
	{
		Branch		leaf = {.column = um_text_slice(mapping.header[i])};

		mapping.path = leaf.path = pnstrdup(leaf.column.ptr, leaf.column.len);
		map(&mapping, &leaf);
	}
	um_raise_faults(&faults, mapping.model, NULL);
	note_fields(&root);
	if (!PG_ARGISNULL(2))
		put_node((ReturnSetInfo *) fcinfo->resultinfo, &root, (UmSlice) {"", 0});
	return (Datum) 0;
}

/* Notes what is wrong with a mapping of a resource. */
void
um_csv_check_mapping(const UmModel *model, UmSlice json, UmFaults *faults, const UmPath *at)
{
	Branch		root = {.has_fields = true};
	Mapping		mapping = {.model = model, .root = &root, .faults = faults, .at = at};

	read_mapping(&mapping, json);
}

static void
read_mapping(Mapping *mapping, UmSlice json)
{
	UmScan		scan;
	UmSlice		path;

	um_scan_init(&scan, json.ptr, json.len);
	mapping->path = "";
	if (um_scan_peek(&scan) != UM_OBJECT_TOKEN)
	{
		fault(mapping, "a mapping is a JSON object of paths and columns");
		return;
	}
	um_scan_enter(&scan);
	while (um_scan_key(&scan, &path))
	{
		Branch		leaf = {.leaf = true};

		mapping->path = leaf.path = pnstrdup(path.ptr, path.len);
		if (read_leaf(mapping, &scan, &leaf))
			map(mapping, &leaf);
	}
	mapping->path = "";
	if (scan.sqlstate != 0)
		fault(mapping, "%s", scan.message);
	else if (mapping->root->children == NIL && mapping->count == 0)
		fault(mapping, "a mapping needs a column");
}

/* What a path is mapped to; false where that means nothing. */
static bool
read_leaf(Mapping *mapping, UmScan *scan, Branch *leaf)
{
	UmSlice		ignored;
	bool		sound;

	switch (um_scan_peek(scan))
	{
		case UM_STRING:
			return um_scan_string(scan, &leaf->column);
		case UM_OBJECT_TOKEN:
			sound = read_spec(mapping, scan, leaf);
			if (sound && (leaf->column.ptr == NULL) == (leaf->value.ptr == NULL))
				fault(mapping, "is mapped to a \"column\" or to a \"value\", and to one of them");
			else if (sound && leaf->value.ptr != NULL && leaf->type != NULL)
				fault(mapping, "a \"value\" is of the type that it is of");
			else
				return sound;
			return false;
		default:
			um_scan_skip(scan, &ignored);
			fault(mapping, "is mapped to the name of a column, or to an object with \"column\" or \"value\"");
			return false;
	}
}

/* {"column": …, "type": …} or {"value": …} */
static bool
read_spec(Mapping *mapping, UmScan *scan, Branch *leaf)
{
	UmSlice		key;
	UmSlice		word;
	bool		sound = true;

	um_scan_enter(scan);
	while (um_scan_key(scan, &key))
	{
		if (um_slice_is(key, "value"))
			sound &= um_scan_skip(scan, &leaf->value);
		else if (um_slice_is(key, "column") && um_scan_peek(scan) == UM_STRING)
			sound &= um_scan_string(scan, &leaf->column);
		else if (um_slice_is(key, "type") && read_word(scan, &word))
		{
			int			place = um_find_word(types, word);

			leaf->type = place < 0 ? NULL : types[place];
			if (place < 0)
			{
				UmFault    *found = fault(mapping, "\"%.*s\" is no type", UM_CLIPPED(word, SHOWN));

				if (found != NULL)
					found->legal = um_words(types, "\"");
				sound = false;
			}
		}
		else
		{
			fault(mapping, "\"%.*s\" is not what can be said of a column", UM_CLIPPED(key, SHOWN));
			um_scan_skip(scan, &word);
			sound = false;
		}
	}
	return sound && scan->sqlstate == 0;
}

/* A string, or anything else as no word that is known. */
static bool
read_word(UmScan *scan, UmSlice *word)
{
	return um_scan_peek(scan) == UM_STRING ? um_scan_string(scan, word) : um_scan_skip(scan, word);
}

/* Puts what the path leads to into the tree. */
static void
map(Mapping *mapping, const Branch *leaf)
{
	Place		place = {.node = mapping->root, .model = mapping->model, .names = &mapping->model->names,
	.rest = mapping->path};
	int			names = 0;

	CHECK_FOR_INTERRUPTS();
	while (place.rest != NULL)
		if (++names > DEEPEST)
		{
			fault(mapping, "has more than %d names", DEEPEST);
			return;
		}
		else if (!follow_name(mapping, &place) || !follow_selector(mapping, &place))
			return;
	make_leaf(mapping, &place, leaf);
}

/* One name of a path, up to a dot or a bracket. */
static bool
follow_name(Mapping *mapping, Place *place)
{
	UmSlice		key = {place->rest, strcspn(place->rest, ".[")};
	const char *extra = mapping->model->slot[mapping->model->extra_slot]->column;
	const UmAttribute *a = place->names != NULL ? find_attribute(place, key) : NULL;
	UmFault    *found;

	place->rest += key.len;
	if (a == NULL && place->names != NULL && um_slice_is(key, extra))
	{
		/* all that is there, or what follows, which no model knows */
		place->names = NULL;
		place->model = NULL;
		place->attribute = NULL;
		if (*place->rest == '.')
		{
			place->rest++;
			return follow_name(mapping, place);
		}
		place->node = child(mapping, place->node, (UmSlice) {members_type, strlen(members_type)}, NULL);
		return place->node != NULL;
	}
	if (key.len == 0 || (a == NULL && place->names != NULL))
	{
		found = key.len == 0 ? fault(mapping, "a name is missing")
			: fault(mapping, "\"%.*s\" is no attribute that is known", UM_CLIPPED(key, SHOWN));
		if (found != NULL && key.len > 0)
			found->legal = unconstify(char *, hint_of(mapping));
		return false;
	}
	place->attribute = a;
	place->node = child(mapping, place->node, key, a);
	return place->node != NULL;
}

/* By its name, be it only one that is looked for in what elements have besides. */
static const UmAttribute *
find_attribute(const Place *place, UmSlice key)
{
	const UmAttribute *a = um_find_name(place->names, key, NULL);
	const UmAttribute *extra = place->model->extra_slot >= 0 ? place->model->slot[place->model->extra_slot] : NULL;

	return a == NULL && extra != NULL && extra->of != NULL ? um_find_name(&extra->of->names, key, NULL) : a;
}

/* Which element, of a list, and what the rest of the path is about. */
static bool
follow_selector(Mapping *mapping, Place *place)
{
	const UmAttribute *a = place->attribute;
	bool		list = a != NULL && (a->kind == UM_LIST || a->kind == UM_TREE || a->kind == UM_CHARACTERISTICS);
	const char *end;
	UmSlice		selector;

	if (*place->rest != '[')
	{
		bool		more = *place->rest == '.';

		if (more && list)
			fault(mapping, "\"%s\" is a list; which element is meant stands in brackets behind it", um_name_in(a, mapping->faults->version));
		else if (more && a != NULL && a->members == NULL && a->kind != UM_BRANCH)
			fault(mapping, "\"%s\" has no attributes", um_name_in(a, mapping->faults->version));
		else
		{
			place->rest = more ? place->rest + 1 : NULL;
			if (more && a != NULL)
			{
				place->names = a->members != NULL ? &a->names : &a->of->names;
				place->model = a->members != NULL ? place->model : a->of;
			}
			return true;
		}
		return false;
	}
	/* the bracket that ends it is followed by a dot, or by nothing */
	for (end = strchr(place->rest, ']'); end != NULL && end[1] != '\0' && end[1] != '.';)
		end = strchr(end + 1, ']');
	if (end == NULL || end == place->rest + 1)
	{
		fault(mapping, end == NULL ? "a bracket is not closed" : "there is nothing in the brackets");
		return false;
	}
	selector = (UmSlice) {place->rest + 1, end - place->rest - 1};
	place->rest = end[1] == '.' ? end + 2 : NULL;
	if (!list)
	{
		fault(mapping, "\"%.*s\" is no list", UM_CLIPPED(place->node->key, SHOWN));
		return false;
	}
	return name_element(mapping, place, selector);
}

/* Goes into the element of a list; by a word, which is one of its attributes. */
static bool
name_element(Mapping *mapping, Place *place, UmSlice selector)
{
	const UmModel *of = place->attribute->of;
	const UmAttribute *told = of->told_by != NULL ? um_find_attribute(of, of->told_by) : NULL;
	const UmAttribute *meant = of->means != NULL ? um_find_attribute(of, of->means) : NULL;
	bool		count = is_count(selector);
	Branch	   *one;

	if (told == NULL && !count)
	{
		fault(mapping, "the elements of \"%s\" are told apart by numbers, from [0] on", um_name_in(place->attribute, mapping->faults->version));
		return false;
	}
	one = element(mapping, place->node, selector);
	if (one == NULL)
		return false;
	place->node = one;
	if (told != NULL && one->children == NIL && !(count && meant == NULL))
	{
		const char *name = um_name_in(told, mapping->faults->version);
		Branch	   *word = child(mapping, one, (UmSlice) {name, strlen(name)}, told);
		StringInfoData json;

		initStringInfo(&json);
		um_append_json_string(&json, selector.ptr, selector.len);
		word->leaf = true;
		word->value = (UmSlice) {json.data, json.len};
	}
	go_into(place, of);
	if (place->rest == NULL && meant != NULL)
	{
		const char *name = um_name_in(meant, mapping->faults->version);

		place->attribute = meant;
		place->node = child(mapping, one, (UmSlice) {name, strlen(name)}, meant);
		return place->node != NULL;
	}
	if (place->rest == NULL)
		fault(mapping, "which attribute of the element is meant is missing");
	return place->rest != NULL;
}

static void
go_into(Place *place, const UmModel *model)
{
	place->model = model;
	place->names = &model->names;
	place->attribute = NULL;
}

/* The attribute of an object, new or not; NULL where the object is one value. */
static Branch *
child(Mapping *mapping, Branch *parent, UmSlice key, const UmAttribute *attribute)
{
	ListCell   *cell;
	Branch	   *node;

	if (parent->leaf || parent->list)
	{
		fault(mapping, "is mapped as a whole as well as in parts");
		return NULL;
	}
	foreach(cell, parent->children)
	{
		node = lfirst(cell);
		if (attribute != NULL ? node->attribute == attribute
			: node->attribute == NULL && um_same_slice(node->key, key))
			return node;
	}
	node = palloc0(sizeof(Branch));
	node->key = key;
	node->attribute = attribute;
	parent->children = lappend(parent->children, node);
	return node;
}

/* The element of a list, new or not; those with numbers stand in their order. */
static Branch *
element(Mapping *mapping, Branch *list, UmSlice selector)
{
	ListCell   *cell;
	Branch	   *node;
	int			place = list_length(list->children);

	if (list->leaf)
	{
		fault(mapping, "is mapped as a whole as well as in parts");
		return NULL;
	}
	list->list = true;
	foreach(cell, list->children)
	{
		node = lfirst(cell);
		if (um_same_slice(node->key, selector))
			return node;
		if (is_count(selector) && is_count(node->key) && foreach_current_index(cell) < place &&
			count_of(node->key) > count_of(selector))
			place = foreach_current_index(cell);
	}
	node = palloc0(sizeof(Branch));
	node->key = selector;
	list->children = list_insert_nth(list->children, place, node);
	return node;
}

/* Fills in what the path has led to. */
static void
make_leaf(Mapping *mapping, const Place *place, const Branch *leaf)
{
	Branch	   *node = place->node;
	bool		whole;
	const char *type = type_of(place, &whole);

	if (node->leaf || node->children != NIL)
	{
		fault(mapping, node->leaf ? "is mapped twice" : "is mapped as a whole as well as in parts");
		return;
	}
	node->leaf = true;
	node->path = leaf->path;
	node->value = leaf->value;
	node->column = leaf->column;
	node->type = whole || leaf->type == NULL ? type : leaf->type;
	if (whole && leaf->type != NULL && strcmp(leaf->type, types[3]) != 0)
		fault(mapping, "is more than a %s; its type is \"%s\"", leaf->type, types[3]);
	else if (leaf->value.ptr == NULL && mapping->header != NULL)
		find_column(mapping, node);
}

/*
 * What a field is written as that says nothing of it: mostly a string, which the
 * server takes for a number or a time where it is to be one.  Whole: it can be
 * nothing else.
 */
static const char *
type_of(const Place *place, bool *whole)
{
	const UmAttribute *a = place->attribute;

	*whole = true;
	if (a == NULL && um_slice_is(place->node->key, members_type) && place->node->key.ptr == members_type)
		return members_type;
	if (a != NULL && (a->kind >= UM_CHARACTERISTICS && a->kind <= UM_OBJECT))
		return types[3];
	*whole = false;
	if (a != NULL && (a->kind == UM_JSON || (a->kind == UM_ANY && place->model->means == NULL)))
		return types[3];
	return types[0];
}

/* Where in the header the column is. */
static void
find_column(Mapping *mapping, Branch *leaf)
{
	int			found = 0;

	for (int i = 0; i < mapping->columns; i++)
		if (um_same_slice(um_text_slice(mapping->header[i]), leaf->column))
		{
			found++;
			leaf->field = i + 1;
		}
	if (found > 1)
		fault(mapping, "the header has the column \"%.*s\" %d times", UM_CLIPPED(leaf->column, SHOWN), found);
	else if (found == 0)
	{
		UmFault    *missing = fault(mapping, "the header has no column \"%.*s\"", UM_CLIPPED(leaf->column, SHOWN));

		if (missing != NULL)
			missing->legal = header_text(mapping);
	}
}

/* The columns there are, for a message. */
static char *
header_text(const Mapping *mapping)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < mapping->columns && out.len < 1000; i++)
	{
		UmSlice		name = um_text_slice(mapping->header[i]);

		appendStringInfo(&out, "%s\"%.*s\"", i > 0 ? ", " : "", UM_CLIPPED(name, SHOWN));
	}
	return out.data;
}

static bool
is_count(UmSlice text)
{
	for (int i = 0; i < text.len; i++)
		if (!isdigit((unsigned char) text.ptr[i]))
			return false;
	return text.len > 0 && text.len < 10;
}

/* Of digits that are one. */
static int
count_of(UmSlice text)
{
	int			count = 0;

	for (int i = 0; i < text.len; i++)
		count = count * 10 + (text.ptr[i] - '0');
	return count;
}

/* What might be meant by the path that is being read. */
static const char *
hint_of(const Mapping *mapping)
{
	StringInfoData bare;

	initStringInfo(&bare);
	for (const char *p = mapping->path; *p != '\0'; p++)
		if (*p == '[' && strchr(p, ']') != NULL)
			p = strchr(p, ']');
		else
			appendStringInfoChar(&bare, *p);
	return um_unknown_name(mapping->model, bare.data, mapping->faults->version, UM_FIELD_NAME);
}

/* A fault of the path that is being read; NULL where there are too many. */
static UmFault *
fault(Mapping *mapping, const char *format,...)
{
	StringInfoData message;
	UmFault    *made;
	int			needed = 1;

	initStringInfo(&message);
	while (needed > 0)
	{
		va_list		args;

		va_start(args, format);
		needed = appendStringInfoVA(&message, format, args);
		va_end(args);
		if (needed > 0)
			enlargeStringInfo(&message, needed);
	}
	made = um_fault(mapping->faults, mapping->at, UM_PARAMETER, "%s", message.data);
	if (made != NULL)
	{
		made->path = psprintf("%s%s%s", made->path, made->path[0] != '\0' && mapping->path[0] != '\0' ? "." : "",
							  mapping->path);
		made->order += mapping->count;
	}
	mapping->count++;
	return made;
}

/* Whether fields of a row are in it; what has none is the same in every row. */
static bool
note_fields(Branch *node)
{
	ListCell   *cell;

	node->has_fields |= node->leaf && node->value.ptr == NULL;
	foreach(cell, node->children)
		node->has_fields |= note_fields(lfirst(cell));
	return node->has_fields;
}

/* The steps that write it, behind its key. */
static void
put_node(ReturnSetInfo *result, const Branch *node, UmSlice key)
{
	const char *open = node->has_fields ? "open" : "constant";
	const char *close = node->has_fields ? "close" : "constant";
	StringInfoData before;
	ListCell   *cell;

	initStringInfo(&before);
	if (key.ptr != NULL && key.len > 0)
	{
		appendStringInfoChar(&before, ',');
		um_append_json_string(&before, key.ptr, key.len);
		appendStringInfoChar(&before, ':');
	}
	else if (key.ptr == NULL)
		appendStringInfoChar(&before, ',');
	if (node->leaf)
	{
		put_leaf(result, node, before.data);
		return;
	}
	put_step(result, open, psprintf("%s%c", before.data, node->list ? '[' : '{'), NULL);
	foreach(cell, node->children)
	{
		const Branch *below = lfirst(cell);

		put_node(result, below, node->list ? (UmSlice) {NULL, 0} : below->key);
	}
	put_step(result, close, node->list ? "]" : "}", NULL);
}

static void
put_leaf(ReturnSetInfo *result, const Branch *node, const char *key)
{
	if (node->value.ptr != NULL)
		put_step(result, "constant", psprintf("%s%.*s", key, node->value.len, node->value.ptr), NULL);
	else
		put_step(result, "field", node->type == members_type ? "," : key, node);
}

static void
put_step(ReturnSetInfo *result, const char *step, const char *text, const Branch *leaf)
{
	bool		nulls[5] = {false, false, leaf == NULL, leaf == NULL, leaf == NULL};
	Datum		values[5] = {CStringGetTextDatum(step), CStringGetTextDatum(text)};

	if (leaf != NULL)
	{
		values[2] = Int32GetDatum(leaf->field);
		values[3] = CStringGetTextDatum(leaf->type);
		values[4] = CStringGetTextDatum(leaf->path);
	}
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}
