/*
 * rest_list.c
 *	  Many resources over HTTP: GET and PATCH of a collection.
 *
 * Nobody gets more at once than the owner allows, whatever he asks for; what
 * comes behind it is a link away.  Such a link goes on after the last resource
 * that was shown where the order allows, since that takes the same time on each
 * page and no page repeats or leaves out what was there before; else by number.
 * Links repeat the client's own query, as he encoded it.
 */
#include "postgres.h"

#include "errors.h"
#include "etag.h"
#include "page.h"
#include "rest.h"
#include "setting_table.h"
#include "settings.h"
#include "total.h"

/* A page ends with the resource that goes beyond it, however few they are. */
#define PAGE_BYTES (16 * 1024 * 1024)

/* Proxies take 4 kB of headers, as they come out of the box: more is no help to anybody. */
#define LINK_BYTES 3000

/* The pages around one. */
typedef struct Links
{
	const UmHttp *http;
	char	   *query;			/* of the client, without what says which page */
	StringInfoData value;
} Links;

static UmTotal total_of(UmRequest *request, const UmPage *page);
static void refuse_page(UmRequest *request, UmAnswer *answer);
static void answer_links(UmAnswer *answer, const UmHttp *http, const UmRequest *request,
						 const UmPage *page, const UmTotal *total);
static void add_offset(Links *links, const char *relation, int64 offset);
static void add_link(Links *links, const char *relation, const char *name, UmSlice value);
static void append_query(StringInfo out, const char *query);

/* 200, or 206 where the client asked for a page and there are others. */
void
um_rest_list(const UmHttp *http, UmAnswer *answer)
{
	UmRequest	request = um_rest_request(http);
	UmQueryString *names = um_parse_query(http->query, false);
	UmPage		page = {.bytes = PAGE_BYTES};
	UmTotal		total;

	request.names = names;
	um_settings_look();
	page.limit = Min(names->limit >= 0 ? names->limit : um_setting(UM_PAGE_LIMIT),
					 um_setting(UM_PAGE_LIMIT_MAX));
	um_list_page(&request, &page, &answer->body);
	if (names->offset > 0 && names->after == NULL && page.count == 0 && !page.more)
		refuse_page(&request, answer);
	total = total_of(&request, &page);
	if (total.count > page.count &&
		(names->limit >= 0 || names->offset >= 0 || names->after != NULL))
		answer->status = 206;
	um_answer_header(answer, "X-Total-Count", INT64_FORMAT, total.count);
	if (total.estimated)
		um_answer_header(answer, "X-Total-Count-Estimated", "true");
	um_answer_header(answer, "X-Result-Count", INT64_FORMAT, page.count);
	if (page.limit > 0)
		answer_links(answer, http, &request, &page, &total);
}

/* Of the last page by number it is known; else it is counted. */
static UmTotal
total_of(UmRequest *request, const UmPage *page)
{
	int64		seen = Max(request->names->offset, 0) + page->count;
	UmTotal		total = {seen, false};

	if (page->more || request->names->after != NULL)
		total = um_total(request, um_setting(UM_EXACT_COUNT));
	/* an estimate knows less than who has seen them */
	if (total.estimated && request->names->after == NULL)
		total.count = Max(total.count, seen + page->more);
	return total;
}

/* UM007, with how many there are. */
static void
refuse_page(UmRequest *request, UmAnswer *answer)
{
	int64		offset = request->names->offset;

	/* who looked so far for nothing has counted as far */
	um_count_many(request);
	answer->total = request->count;
	ereport(ERROR,
			(errcode(UM_NO_SUCH_PAGE),
			 errmsg("offset " INT64_FORMAT " is behind the end of the list", offset),
			 errdetail("There are " UINT64_FORMAT " resources.", request->count)));
}

/* RFC 8288: the next page, and of those by number the others, too. */
static void
answer_links(UmAnswer *answer, const UmHttp *http, const UmRequest *request, const UmPage *page,
			 const UmTotal *total)
{
	static const char *const which[] = {"offset", "after", NULL};
	const UmQueryString *names = request->names;
	bool		goes_on = um_goes_on_after(request->resource->model, names);
	int64		offset = Max(names->offset, 0);
	Links		links = {.http = http, .query = um_query_without(http->query, which)};

	initStringInfo(&links.value);
	if (page->more && goes_on)
		add_link(&links, "next", "after", (UmSlice) {page->last.data, page->last.len});
	else if (page->more)
		add_offset(&links, "next", offset + page->count);
	if (names->after == NULL && (names->offset >= 0 || !goes_on) && page->count > 0)
	{
		if (offset > 0)
			add_offset(&links, "prev", Max(offset - page->limit, 0));
		add_offset(&links, "first", 0);
		/* pages that end by their size cannot be counted */
		if (!total->estimated && (!page->more || page->count == page->limit))
			add_offset(&links, "last",
					   offset + (total->count - offset - 1) / page->limit * page->limit);
	}
	if (links.value.len > 0)
		um_answer_header(answer, "Link", "%s", links.value.data);
}

static void
add_offset(Links *links, const char *relation, int64 offset)
{
	char	   *value = psprintf(INT64_FORMAT, offset);

	add_link(links, relation, "offset", (UmSlice) {value, strlen(value)});
}

/* Adds the page that a parameter names; none where the header would get too long. */
static void
add_link(Links *links, const char *relation, const char *name, UmSlice value)
{
	const UmTarget *target = &links->http->target;
	const char *path = target->resource->path[target->api.version];
	StringInfo	out = &links->value;
	int			before = out->len;

	appendStringInfo(out, "%s<%s%.*s?", before > 0 ? ", " : "", um_base_url,
					 (int) strlen(path) - 1, path);
	append_query(out, links->query);
	appendStringInfo(out, "%s%s=", *links->query != '\0' ? "&" : "", name);
	um_append_encoded(out, value);
	appendStringInfo(out, ">; rel=\"%s\"", relation);
	if (out->len > LINK_BYTES)
	{
		out->len = before;
		out->data[before] = '\0';
	}
}

/* As it came; what no URI may hold, though parsers take it, is encoded. */
static void
append_query(StringInfo out, const char *query)
{
	static const char *const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
		"-._~!$&'()*+,;=:@/?%";

	while (*query != '\0')
	{
		int			len = strspn(query, allowed);

		appendBinaryStringInfo(out, query, len);
		query += len;
		len = strcspn(query, allowed);
		um_append_encoded(out, (UmSlice) {query, len});
		query += len;
	}
}

/* All or none; the answer is how many. */
void
um_rest_patch_list(const UmHttp *http, UmAnswer *answer)
{
	UmRequest	request = um_rest_request(http);

	if (um_has_conditions(http))
		ereport(ERROR,
				(errcode(UM_OTHER_STATE),
				 errmsg("a collection has no ETag that a change could depend on")));
	um_patch_many(&request);
	appendStringInfo(&answer->body, "{\"count\":" UINT64_FORMAT "}", request.count);
}
