/*
 * rest_result.c
 *	  What an order has made, over HTTP: its bytes, or a range of them.
 *
 * An answer is in memory as a whole, here as in the gateway, so it has no more
 * bytes than a page of a list.  What is longer is asked for range by range, and
 * a range that goes beyond it ends with it, as its Content-Range says.
 *
 * The bytes never change, so their state is that of the order.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/formatting.h"

#include "errors.h"
#include "etag.h"
#include "patch.h"
#include "rest.h"
#include "store.h"

#define ANSWER_BYTES (16 * 1024 * 1024)

/* Of an order that says none. */
#define DEFAULT_TYPE "application/x-ndjson"

/* Bytes from the first up to, and not with, the end. */
typedef struct Range
{
	int64		first;
	int64		end;
} Range;

static int64 size_of(const UmRecord *record);
static const char *type_of(const UmRecord *record);
static Range range_of(const UmHttp *http, UmAnswer *answer, const UmRecord *record);
static bool read_range(const char *text, int64 size, Range *range);
static void read_position(const char **text, int64 *position);
static void append_bytes(StringInfo out, const UmRequest *request, Range range);

/* 200 with all of it, or 206 with a range; 404 where there is no order, or nothing is kept of it. */
void
um_rest_result(const UmHttp *http, UmAnswer *answer)
{
	UmRequest	request = um_rest_request(http);
	Range		range;

	if (*http->query != '\0')
		ereport(ERROR, (errcode(UM_PARAMETER), errmsg("a result has no query parameters")));
	um_get_one(&request);
	if (request.record == NULL)
		um_refuse_missing(&request);
	um_require_state(http, request.record);
	answer->total = size_of(request.record);
	if (um_is_unchanged(http, request.record))
	{
		append_bytes(&answer->body, &request, (Range) {0, 0});
		answer->status = 304;
		um_answer_state(answer, request.record, request.version);
		return;
	}
	range = range_of(http, answer, request.record);
	append_bytes(&answer->body, &request, range);
	um_answer_state(answer, request.record, request.version);
	answer->type = type_of(request.record);
	um_answer_header(answer, "Accept-Ranges", "bytes");
	if (answer->status == 206)
		um_answer_header(answer, "Content-Range", "bytes " INT64_FORMAT "-" INT64_FORMAT "/" UINT64_FORMAT,
						 range.first, range.end - 1, answer->total);
}

/* 0 where nothing was made. */
static int64
size_of(const UmRecord *record)
{
	int			slot = um_find_attribute(record->model, "byte_count")->slot;

	return um_is_set(record, slot) ? DatumGetInt64(DirectFunctionCall1(numeric_int8, record->value[slot])) : 0;
}

/* As it was ordered, without parameters; NULL for JSON. */
static const char *
type_of(const UmRecord *record)
{
	int			slot = um_find_attribute(record->model, "content_type")->slot;
	UmSlice		said;
	char	   *type;

	if (!um_is_set(record, slot))
		return DEFAULT_TYPE;
	said = um_slot_slice(record, slot);
	type = asc_tolower(said.ptr, said.len);
	type[strcspn(type, "; \t")] = '\0';
	return strcmp(type, UM_JSON_TYPE) == 0 ? NULL : type;
}

/* What is asked for, and the status of that.  Of what has changed meanwhile no range is of use. */
static Range
range_of(const UmHttp *http, UmAnswer *answer, const UmRecord *record)
{
	Range		range = {0, answer->total};

	if (um_is_same(http, record) && read_range(http->range, answer->total, &range))
	{
		answer->status = 206;
		range.end = Min(range.end, range.first + ANSWER_BYTES);
	}
	else if (range.end > ANSWER_BYTES)
		ereport(ERROR,
				(errcode(UM_TOO_MUCH),
				 errmsg("the result has " INT64_FORMAT " bytes, and an answer at most %d", range.end, ANSWER_BYTES),
				 errhint("Ask for one part after the other: Range: bytes=0-%d.", ANSWER_BYTES - 1)));
	return range;
}

/*
 * Takes the value of Range.  False for what is passed over, as its standard has it: another
 * unit, several ranges, what is none; nothing has no parts.  UM007 for one behind the end.
 */
static bool
read_range(const char *text, int64 size, Range *range)
{
	int64		first = -1;
	int64		last = -1;

	if (size == 0 || pg_strncasecmp(text, "bytes=", 6) != 0)
		return false;
	text += 6;
	read_position(&text, &first);
	if (*text++ != '-')
		return false;
	read_position(&text, &last);
	if (*text != '\0' || (first < 0 && last < 0) || (last >= 0 && last < first))
		return false;
	if (first < 0)
		*range = (Range) {Max(size - last, 0), size};
	else
		*range = (Range) {first, last < 0 || last >= size ? size : last + 1};
	if (range->first >= size)
		ereport(ERROR,
				(errcode(UM_NO_SUCH_PAGE),
				 errmsg("the range is behind the end of the result"),
				 errdetail("It has " INT64_FORMAT " bytes.", size)));
	return true;
}

/* What cannot be counted is behind any end. */
static void
read_position(const char **text, int64 *position)
{
	for (; **text >= '0' && **text <= '9'; (*text)++)
		*position = Min(Max(*position, 0) * 10 + (**text - '0'), PG_INT64_MAX / 100);
}

/* P0002 where nothing is kept. */
static void
append_bytes(StringInfo out, const UmRequest *request, Range range)
{
	char	   *sql = psprintf("SELECT usage_mgmt.%s($1, $2)", request->resource->result);
	Datum		args[] = {PointerGetDatum(request->id), Int64GetDatum(range.first)};
	int64		left = range.end - range.first;
	bool		null = false;

	SPI_connect();
	do
	{
		bytea	   *piece;
		Datum		value;
		int64		len;

		um_execute_once(sql, 2, (Oid[]) {TEXTOID, INT8OID}, args, true);
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null);
		if (null)
			break;
		piece = DatumGetByteaPP(value);
		len = VARSIZE_ANY_EXHDR(piece);
		len = Min(left, len);
		appendBinaryStringInfo(out, VARDATA_ANY(piece), len);
		left -= len;
		args[1] = Int64GetDatum(range.end - left);
		SPI_freetuptable(SPI_tuptable);
	} while (left > 0);
	SPI_finish();
	if (left > 0)
		elog(ERROR, "the result of \"%s\" ends too early", text_to_cstring(request->id));
}
