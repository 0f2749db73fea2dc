/*
 * order_check.c
 *	  What is wrong with an order, and what it is of.
 *
 * Faults are found when it comes in, all of them, since it is carried out when
 * nobody is there to read them.  Of a URL nothing is quoted: who writes a
 * password into it finds it in no log.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "caller.h"
#include "csv.h"
#include "errors.h"
#include "hub.h"
#include "order_check.h"
#include "page.h"
#include "row.h"
#include "scalar.h"
#include "tmf_write.h"

/* No file system or server takes more. */
#define MAX_URL 2000

/* What a URL has to encode; its users and fragments are looked for besides. */
#define NOT_IN_URL "\"<>\\^`{|} \001\002\003\004\005\006\007\010\011\012\013\014\015\016\017\020\021\022" \
	"\023\024\025\026\027\030\031\032\033\034\035\036\037\177"

/* The longest that a standing order waits for its next run, and the shortest. */
#define LONGEST "100 years"
#define SHORTEST "1 second"

#define CSV "text/csv"

static const char *const content_types[] = {
	"application/x-ndjson", "application/ndjson", "application/json", CSV, NULL
};

/* First those whose files can be listed. */
#define LISTED 4
static const char *const schemes[] = {"file", "ftp", "ftps", "sftp", "http", "https", "s3", NULL};

/* What a query is checked with. */
typedef struct Question
{
	UmResource *resource;
	UmVersion	version;
	const char *text;
} Question;

static void check_fixed(const UmRecord *order, const UmRecord *old, UmFaults *faults);
static bool is_fixed(const UmAttribute *attribute);
static bool find(const UmRecord *order, const char *column, UmSlice *text, UmPath *path);
static UmResource *check_path(const UmRecord *order, UmFaults *faults);
static void check_content_type(const UmRecord *order, UmFaults *faults);
static UmSlice media_type(UmSlice content_type);
static bool check_url(const UmRecord *order, UmFaults *faults);
static const char *fault_of_url(UmSlice url, UmSlice rest);
static bool check_pattern(const UmRecord *order, UmSlice rest, UmFaults *faults, const UmPath *path);
static void check_listing(const UmRecord *order, bool listed, UmFaults *faults);
static void check_every(const UmRecord *order, UmFaults *faults);
static void read_interval(void *arg);
static void check_query(const UmRecord *order, UmResource *of, UmFaults *faults);
static UmVersion check_version(const UmRecord *order, const UmResource *of, UmFaults *faults);
static void ask(void *arg);
static void check_mapping(const UmRecord *order, const UmResource *of, UmFaults *faults);
static bool leads_to(UmSlice path, const char *own, bool api);
static UmSlice last_segment(UmSlice *path);

PG_FUNCTION_INFO_V1(um_order_resource_name);

/* What is wrong with an order, or with the change of one. */
void
um_order_check(const UmRecord *order, const UmRecord *old, UmFaults *faults)
{
	UmResource *of;
	bool		listed;

	if (old != NULL)
	{
		check_fixed(order, old, faults);
		return;
	}
	of = check_path(order, faults);
	listed = check_url(order, faults);
	check_listing(order, listed, faults);
	check_content_type(order, faults);
	check_every(order, faults);
	check_mapping(order, of, faults);
	check_query(order, of, faults);
}

/* Only the server's part changes, and of that not who ordered it; it is resumed in the life that goes on. */
static void
check_fixed(const UmRecord *order, const UmRecord *old, UmFaults *faults)
{
	int			life = um_find_attribute(order->model, "life")->slot;

	for (int s = 0; s < order->model->slots; s++)
	{
		UmPath		path = {NULL, order->model->slot[s], 0};

		/* of the id it is said already */
		if (order->model->slot[s] != order->model->id && is_fixed(order->model->slot[s]) &&
			!um_order_is_same(order, old, s))
			um_fault(faults, &path, UM_IDENTITY, "cannot change: it was ordered so");
	}
	if (!um_order_is_same(order, old, life) &&
		!(um_is_set(order, life) && DatumGetInt64(order->value[life]) == um_hub_life()))
		um_fault(faults, NULL, UM_IDENTITY, "an order can only be taken into the life that goes on");
}

static bool
is_fixed(const UmAttribute *attribute)
{
	return (attribute->flags & UM_FIXED) ||
		(attribute->kind != UM_INTERNAL && !(attribute->flags & UM_SERVERS));
}

/* Whether a slot holds what it held; both have been read. */
bool
um_order_is_same(const UmRecord *order, const UmRecord *old, int slot)
{
	int16		len;
	bool		by_value;

	if (!um_is_set(order, slot) || !um_is_set(old, slot))
		return um_is_set(order, slot) == um_is_set(old, slot);
	get_typlenbyval(um_slot_type(order->model->slot[slot], order->model), &len, &by_value);
	return datum_image_eq(order->value[slot], old->value[slot], by_value, len);
}

/* What a client has said, and where; false for nothing, or no such attribute. */
static bool
find(const UmRecord *order, const char *column, UmSlice *text, UmPath *path)
{
	UmAttribute *attribute = um_find_attribute(order->model, column);

	*path = (UmPath) {NULL, attribute, 0};
	if (attribute == NULL || !um_is_set(order, attribute->slot))
		return false;
	*text = attribute->kind == UM_JSON ? um_jsonb_text(order->value[attribute->slot])
		: um_slot_slice(order, attribute->slot);
	return true;
}

/* The resource that it is of; NULL for none. */
static UmResource *
check_path(const UmRecord *order, UmFaults *faults)
{
	UmSlice		text;
	UmPath		path;
	UmResource *of;

	if (!find(order, "path", &text, &path))
		return um_order_resource((UmSlice) {"", 0});
	of = um_order_resource(text);
	if (of == NULL)
		um_fault(faults, &path, UM_RULE, "\"%.*s\" names no resource that a job can be of",
				 UM_CLIPPED(text, 100));
	return of;
}

static void
check_content_type(const UmRecord *order, UmFaults *faults)
{
	UmSlice		text;
	UmPath		path;

	if (!find(order, "content_type", &text, &path))
		return;
	text = media_type(text);
	for (const char *const *known = content_types; *known != NULL; known++)
		if ((int) strlen(*known) == text.len && pg_strncasecmp(*known, text.ptr, text.len) == 0)
			return;
	um_fault(faults, &path, UM_RULE, "\"%.*s\" is none of %s", UM_CLIPPED(text, 60),
			 um_words(content_types, "\""));
}

/* Without its parameters. */
static UmSlice
media_type(UmSlice content_type)
{
	const char *end = memchr(content_type.ptr, ';', content_type.len);

	if (end != NULL)
		content_type.len = end - content_type.ptr;
	return um_trim(content_type);
}

/* Whether it ends in a pattern, which files are found by. */
static bool
check_url(const UmRecord *order, UmFaults *faults)
{
	UmSlice		url;
	UmSlice		rest;
	UmPath		path;
	const char *fault;
	int			scheme = 0;

	if (!find(order, "url", &url, &path))
		return false;
	for (; schemes[scheme] != NULL; scheme++)
	{
		int			len = strlen(schemes[scheme]);

		rest = (UmSlice) {url.ptr + len + 3, url.len - len - 3};
		if (rest.len >= 0 && pg_strncasecmp(url.ptr, schemes[scheme], len) == 0 &&
			memcmp(url.ptr + len, "://", 3) == 0)
			break;
	}
	fault = schemes[scheme] == NULL ? psprintf("is no URL of %s", um_words(schemes, ""))
		: fault_of_url(url, rest);
	if (fault == NULL && scheme > 0 && strchr("/?:", rest.ptr[0]) != NULL)
		fault = "names no host";
	if (fault != NULL)
		um_fault(faults, &path, UM_RULE, "%s", fault);
	return fault == NULL && scheme < LISTED && check_pattern(order, rest, faults, &path);
}

/* What is wrong with one, whose rest follows its scheme; NULL for nothing. */
static const char *
fault_of_url(UmSlice url, UmSlice rest)
{
	char	   *text = pnstrdup(url.ptr, url.len);
	char	   *host = pnstrdup(rest.ptr, rest.len);

	if (url.len > MAX_URL)
		return psprintf("is longer than %d bytes", MAX_URL);
	if (rest.len == 0)
		return "names nothing behind its scheme";
	if (host[strcspn(host, "@/?#")] == '@')
		return "has a user or a password in it; a credential names those that the agent has";
	if (text[strcspn(text, NOT_IN_URL)] != '\0')
		return "has a character in it that a URL has to encode";
	if (strchr(text, '#') != NULL)
		return "has a fragment";
	return NULL;
}

/* A pattern is in the last segment, and of what comes in. */
static bool
check_pattern(const UmRecord *order, UmSlice rest, UmFaults *faults, const UmPath *path)
{
	char	   *text = pnstrdup(rest.ptr, rest.len);
	char	   *last = strrchr(text, '/');
	char	   *first = text + strcspn(text, "*?");

	if (*first == '\0')
		return false;
	if (um_find_attribute(order->model, "sequence") == NULL)
		um_fault(faults, path, UM_RULE, "is a pattern, which only imports have");
	else if (last == NULL || first < last)
		um_fault(faults, path, UM_RULE, "has a pattern before its last segment");
	return true;
}

/* What is said of many files is said of a pattern. */
static void
check_listing(const UmRecord *order, bool listed, UmFaults *faults)
{
	UmSlice		text;
	UmPath		path;
	int			marks = 0;

	if (find(order, "afterwards", &text, &path) && !listed)
		um_fault(faults, &path, UM_RULE, "is of files that a pattern at the end of the url finds");
	if (!find(order, "sequence", &text, &path))
		return;
	if (text.len > MAX_URL)
		um_fault(faults, &path, UM_RULE, "is longer than %d bytes", MAX_URL);
	for (int i = 0; i < text.len; i++)
		marks += text.ptr[i] == '#';
	if (marks != 1)
		um_fault(faults, &path, UM_RULE, "needs exactly one \"#\", in the place of the number");
	if (!listed)
		um_fault(faults, &path, UM_RULE, "is of files that a pattern at the end of the url finds");
}

/* An interval; a run of a standing order is no standing order itself. */
static void
check_every(const UmRecord *order, UmFaults *faults)
{
	UmSlice		text;
	UmPath		path;
	Question	question = {0};
	ErrorData  *error;

	if (!find(order, "every", &text, &path))
		return;
	question.text = pnstrdup(text.ptr, text.len);
	error = um_try(um_speaking(), read_interval, &question);
	if (error != NULL)
		um_fault(faults, &path, UM_RULE, "\"%.*s\" is no interval from " SHORTEST " to " LONGEST,
				 UM_CLIPPED(text, 60));
	if (find(order, "parent", &text, &path))
		um_fault(faults, &path, UM_RULE, "cannot be a standing order's, as this one is");
}

static Datum
interval_from(const char *text)
{
	return DirectFunctionCall3(interval_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid),
							   Int32GetDatum(-1));
}

/* Raises what is none, or is too short or too long. */
static void
read_interval(void *arg)
{
	Datum		interval = interval_from(((Question *) arg)->text);

	if (DatumGetBool(DirectFunctionCall2(interval_lt, interval, interval_from(SHORTEST))) ||
		DatumGetBool(DirectFunctionCall2(interval_gt, interval, interval_from(LONGEST))))
		ereport(ERROR, (errcode(UM_PARAMETER), errmsg("the interval is too short or too long")));
}

/* What goes out, and in which version. */
static void
check_query(const UmRecord *order, UmResource *of, UmFaults *faults)
{
	Question	question = {.resource = of};
	UmSlice		text;
	UmPath		path;
	ErrorData  *error;

	if (of == NULL)
		return;
	question.version = check_version(order, of, faults);
	if (!find(order, "query", &text, &path))
		return;
	question.text = pnstrdup(text.ptr, text.len);
	error = um_try(um_speaking(), ask, &question);
	if (error != NULL && error->sqlerrcode != UM_PARAMETER && error->sqlerrcode != UM_TOO_MUCH &&
		error->sqlerrcode != UM_UNSUPPORTED)
		ReThrowError(error);
	if (error != NULL)
		um_fault(faults, &path, UM_RULE, "%s", error->message);
}

/* One that the resource has, or else that which it is spoken of in. */
static UmVersion
check_version(const UmRecord *order, const UmResource *of, UmFaults *faults)
{
	UmSlice		text;
	UmPath		path;

	if (!find(order, "tmf_version", &text, &path))
		return um_default_version(of);
	for (int v = 0; v < UM_VERSIONS; v++)
	{
		const char *name = um_version_name(v);

		if ((of->faces & (1 << v)) && (int) strlen(name) == text.len &&
			pg_strncasecmp(name, text.ptr, text.len) == 0)
			return v;
	}
	um_fault(faults, &path, UM_RULE, "\"%.*s\" is no version of the standard that has %s",
			 UM_CLIPPED(text, 60), um_a(of->model));
	return um_default_version(of);
}

/* As a list would be asked for; raises what it cannot mean. */
static void
ask(void *arg)
{
	Question   *question = arg;
	UmQueryString *query = um_parse_query(question->text, false);
	UmStatement statement;

	(void) um_fields(query->fields, question->resource->model, question->version);
	SPI_connect();
	um_statement_start(&statement, question->resource->model);
	(void) um_add_where(&statement, query, question->version);
	um_add_page(&statement, query);
	SPI_finish();
}

static void
check_mapping(const UmRecord *order, const UmResource *of, UmFaults *faults)
{
	UmSlice		mapping;
	UmSlice		type;
	UmPath		path;
	UmPath		of_type;

	if (!find(order, "mapping", &mapping, &path))
		return;
	if (!find(order, "content_type", &type, &of_type) || !um_slice_is(media_type(type), CSV))
		um_fault(faults, &path, UM_RULE, "is of " CSV " alone");
	if (of != NULL)
		um_csv_check_mapping(of->model, mapping, faults, &path);
}

/* order_resource(path text) → text: the noun of the resource that a path names; 22023 for none */
Datum
um_order_resource_name(PG_FUNCTION_ARGS)
{
	UmSlice		path = PG_ARGISNULL(0) ? (UmSlice) {"", 0} : um_text_slice(PG_GETARG_DATUM(0));
	UmResource *resource = um_order_resource(path);

	if (resource == NULL)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("path \"%.*s\" names no resource that a job can be of", UM_CLIPPED(path, 100))));
	PG_RETURN_TEXT_P(cstring_to_text(resource->model->noun));
}

/*
 * What an order is of, as its path tells: the end of a resource's path, or that of
 * its API, whose first resource it then is; the first of all where it says nothing.
 * No order is of an order.  NULL for none.
 */
UmResource *
um_order_resource(UmSlice path)
{
	for (int api = 0; api <= 1; api++)
		for (UmResource *r = um_resources; r != NULL; r = r->next)
			for (int v = 0; v < UM_VERSIONS; v++)
				if (!r->orders && ((r->path[v] != NULL && leads_to(path, r->path[v], api)) ||
								   (r->other_path[v] != NULL && leads_to(path, r->other_path[v], api))))
					return r;
	return NULL;
}

/* Whether a path is the end of a resource's own, segment by segment; of its API's, which is all but the last. */
static bool
leads_to(UmSlice path, const char *own, bool api)
{
	UmSlice		whole = {own, strlen(own)};
	UmSlice		segment = last_segment(&path);
	bool		named = segment.len == 0;

	if (api)
		(void) last_segment(&whole);
	while (segment.len > 0)
	{
		UmSlice		other = last_segment(&whole);
		bool		version = false;

		if (other.len == 0)
			return false;
		for (int v = 0; v < UM_VERSIONS; v++)
			version |= um_slice_is(other, um_version_name(v));
		if (um_same_slice(segment, other))
		{
			named |= !version;
			segment = last_segment(&path);
		}
		else if (!version)		/* which a path may leave out */
			return false;
	}
	return named;
}

/* Cut off; empty where there is none left. */
static UmSlice
last_segment(UmSlice *path)
{
	UmSlice		segment;

	*path = um_trim(*path);
	while (path->len > 0 && path->ptr[path->len - 1] == '/')
		path->len--;
	segment = (UmSlice) {path->ptr + path->len, 0};
	while (path->len > 0 && path->ptr[path->len - 1] != '/')
	{
		path->len--;
		segment.ptr--;
		segment.len++;
	}
	return segment;
}
