/*
 * names.c
 *	  Dotted names that people write, looked up in the model.
 *
 * A name leads from attribute to attribute: relatedParty.role.  What the model
 * does not know, at any depth, is asked for below the word that its column
 * bears: extra.priority, relatedParty.extra.level.  So a name that is misspelt
 * is told from one that is unknown, and never selects everything or nothing.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/varlena.h"

#include "names.h"

const char *const um_operators[] = {"eq", "ne", "gt", "gte", "lt", "lte", "regex", NULL};

/* What steers the answer to a query instead of filtering it. */
const char *const um_parameters[] = {"fields", "limit", "offset", "after", "sort", "all", "filter", NULL};

/* No name of the model is so long; what is longer is compared by its start. */
#define LONGEST_NAME 64

/* The best so far of the names that might be meant. */
typedef struct Nearest
{
	char		wanted[LONGEST_NAME + 1];
	int			len;
	int			distance;
	const char *object;			/* that it is in, or NULL */
	const char *name;
} Nearest;

static char *hint_of(const UmModel *model, const UmAttribute *object, const char *name, int at,
					 int len, UmVersion version, UmNameUse use);
static char *hint_of_operator(const char *name, int at);
static void consider_attributes(Nearest *nearest, const UmAttribute *attributes,
								const UmAttribute *object, UmVersion version);
static void consider_words(Nearest *nearest, const char *const *words);
static void consider(Nearest *nearest, const char *spelling, const char *object, const char *name);
static int	to_lower(char *out, const char *text, int len);

bool
um_operator_from_name(const char *name, int len, UmOperator *op)
{
	int			place = um_find_word(um_operators, (UmSlice) {name, len});

	if (place >= 0)
		*op = (UmOperator) place;
	return place >= 0;
}

/*
 * Follows a name through objects, up to a list or to what no model tells; the
 * rest is about that.  Whether the name means anything is another question.
 */
UmNamed
um_look_up(const UmModel *model, const char *name)
{
	UmNamed		place = {NULL, NULL, name};
	const UmNames *names = &model->names;

	while (names != NULL && place.rest != NULL)
	{
		UmSlice		key = {place.rest, strcspn(place.rest, ".")};

		place.object = place.attribute;
		place.attribute = um_find_name(names, key, NULL);
		place.rest = key.ptr[key.len] == '.' ? key.ptr + key.len + 1 : NULL;
		names = place.attribute == NULL ? NULL
			: place.attribute->members != NULL ? &place.attribute->names
			: place.attribute->kind == UM_BRANCH ? &place.attribute->of->names : NULL;
	}
	return place;
}

/*
 * The model of the elements that the rest of a name is about, NULL where it is
 * about none.  usageCharacteristic.duration names a value itself; the standard's
 * own name, value, … are attributes of an element.
 */
const UmModel *
um_elements_at(const UmNamed *place)
{
	const UmAttribute *a = place->attribute;

	if (a == NULL)
		return NULL;
	if (a->kind == UM_LIST || a->kind == UM_TREE)
		return a->of;
	if (a->kind == UM_CHARACTERISTICS &&
		(place->rest == NULL ||
		 um_find_name(&a->of->names, (UmSlice) {place->rest, strlen(place->rest)}, NULL) != NULL))
		return a->of;
	return NULL;
}

/* A name as a path of jsonpath; an array is each of its elements. */
char *
um_json_path(const char *name)
{
	StringInfoData path;

	initStringInfo(&path);
	appendStringInfoChar(&path, '$');
	while (name != NULL)
	{
		int			len = strcspn(name, ".");

		appendStringInfoChar(&path, '.');
		um_append_json_string(&path, name, len);
		name = name[len] == '.' ? name + len + 1 : NULL;
	}
	appendStringInfoString(&path, "[*]");
	return path.data;
}

/*
 * NULL where a name means something, be it only to the document that has it;
 * else a hint, with the nearest name that does.
 */
char *
um_unknown_name(const UmModel *model, const char *name, UmVersion version, UmNameUse use)
{
	const UmNames *names = &model->names;
	const UmAttribute *object = NULL;
	const char *end;

	for (const char *segment = name; segment != NULL; segment = *end == '.' ? end + 1 : NULL)
	{
		const char *extra = model->slot[model->extra_slot]->column;
		const UmAttribute *a;
		UmSlice		key;

		end = segment + strcspn(segment, ".");
		key = (UmSlice) {segment, end - segment};
		a = um_find_name(names, key, NULL);
		if (a == NULL && um_slice_is(key, extra))
		{
			if (*end == '\0')
				return NULL;
			key = (UmSlice) {end + 1, strcspn(end + 1, ".")};
			a = um_find_name(names, key, NULL);
			return a == NULL ? NULL
				: psprintf("The model knows it as \"%.*s%s\".", (int) (segment - name), name,
						   um_name_in(a, version));
		}
		if (a == NULL)
			return hint_of(model, object, name, segment - name, key.len, version, use);
		/* below these stands what no model tells */
		if (a->kind == UM_CHARACTERISTICS || a->kind == UM_JSON)
			return NULL;
		object = a->members != NULL ? a : NULL;
		if (a->of != NULL)
			model = a->of;
		else if (object == NULL && *end == '.' && use == UM_CONDITION_NAME &&
				 strchr(end + 1, '.') == NULL)
			return hint_of_operator(name, end + 1 - name);
		else if (object == NULL && *end == '.')
			return psprintf("\"%.*s\" has no attributes.", (int) (end - name), name);
		names = object != NULL ? &object->names : &model->names;
	}
	return NULL;
}

/*
 * What might be meant by the segment of a name that starts there: an attribute
 * of the object or else of the model, one of what is in it, or a parameter.
 */
static char *
hint_of(const UmModel *model, const UmAttribute *object, const char *name, int at, int len,
		UmVersion version, UmNameUse use)
{
	Nearest		nearest = {.distance = 2 * LONGEST_NAME + 1};
	const UmAttribute *attributes = object != NULL ? object->members : model->attributes;
	StringInfoData hint;

	nearest.len = to_lower(nearest.wanted, name + at, len);
	consider_attributes(&nearest, attributes, NULL, version);
	if (at == 0 && use == UM_CONDITION_NAME)
		consider_words(&nearest, um_parameters);
	for (const UmAttribute *a = attributes; a->kind != UM_END; a++)
	{
		if (a->members != NULL)
			consider_attributes(&nearest, a->members, a, version);
		else if (a->of != NULL && a->kind != UM_CHARACTERISTICS)
			consider_attributes(&nearest, a->of->attributes, a, version);
	}
	initStringInfo(&hint);
	appendStringInfo(&hint, "The nearest name is \"%.*s%s%s%s\".", at, name,
					 nearest.object != NULL ? nearest.object : "",
					 nearest.object != NULL ? "." : "", nearest.name);
	if (use != UM_SORT_NAME)
		appendStringInfo(&hint, " What the model does not know is asked for as \"%.*s%s.%.*s\".",
						 at, name, model->slot[model->extra_slot]->column,
						 pg_mbcliplen(name + at, strlen(name + at), LONGEST_NAME), name + at);
	return hint.data;
}

/* What might be meant by the last segment of a name, before which all is well. */
static char *
hint_of_operator(const char *name, int at)
{
	Nearest		nearest = {.distance = 2 * LONGEST_NAME + 1};

	nearest.len = to_lower(nearest.wanted, name + at, strlen(name + at));
	consider_words(&nearest, um_operators);
	if (nearest.distance == 0)
		return pstrdup("A condition has one operator.");
	return psprintf("The nearest name is \"%.*s%s\".", at, name, nearest.name);
}

/* By all its names and by its column, which SQL knows it by. */
static void
consider_attributes(Nearest *nearest, const UmAttribute *attributes, const UmAttribute *object,
					UmVersion version)
{
	const char *within = object != NULL ? um_name_in(object, version) : NULL;

	for (const UmAttribute *a = attributes; a->kind != UM_END; a++)
	{
		const char *name = um_name_in(a, version);

		if (a->kind == UM_INTERNAL)
			continue;
		for (int v = 0; v < UM_VERSIONS; v++)
			consider(nearest, a->name[v], within, name);
		for (int i = 0; i < UM_MAX_ALIASES; i++)
			consider(nearest, a->alias[i], within, name);
		consider(nearest, a->column, within, name);
	}
}

static void
consider_words(Nearest *nearest, const char *const *words)
{
	for (; *words != NULL; words++)
		consider(nearest, *words, NULL, *words);
}

/* Of equally near ones the first is kept. */
static void
consider(Nearest *nearest, const char *spelling, const char *object, const char *name)
{
	char		lowered[LONGEST_NAME + 1];
	int			len;
	int			distance;

	if (spelling == NULL)
		return;
	len = to_lower(lowered, spelling, strlen(spelling));
	distance = varstr_levenshtein_less_equal(nearest->wanted, nearest->len, lowered, len, 1, 1, 1,
											 nearest->distance - 1, true);
	if (distance >= nearest->distance)
		return;
	nearest->distance = distance;
	nearest->object = object;
	nearest->name = name;
}

/* The first characters in small letters; how many bytes they are. */
static int
to_lower(char *out, const char *text, int len)
{
	len = pg_mbcliplen(text, len, LONGEST_NAME);
	for (int i = 0; i < len; i++)
		out[i] = pg_ascii_tolower((unsigned char) text[i]);
	out[len] = '\0';
	return len;
}
