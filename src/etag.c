/*
 * etag.c
 *	  Which state of a resource a client has seen, and which it means.
 *
 * A state is told by when it was stored and the version that shows it, and not by
 * what is shown of it: who asks for two attributes may change the others by
 * the same tag.  A gateway that compresses an answer makes its tag a weak one
 * by putting W/ before it, so tags are compared without.
 */
#include "postgres.h"

#include <time.h>

#include "utils/timestamp.h"

#include "errors.h"
#include "etag.h"

static char *tag_of(const UmRecord *record, UmVersion version);
static bool has_tag(const char *list, const char *tag);
static TimestampTz changed_at(const UmRecord *record);
static pg_time_t seconds(TimestampTz time);
static bool is_before(TimestampTz changed, const char *date);
static bool read_date(const char *date, pg_time_t *said);

/* Adds the tag, and the date of the last change. */
void
um_answer_state(UmAnswer *answer, const UmRecord *record, UmVersion version)
{
	time_t		changed = (time_t) seconds(changed_at(record));
	struct tm	date;
	char		text[64];

	um_answer_header(answer, "ETag", "%s", tag_of(record, version));
	if (gmtime_r(&changed, &date) != NULL &&
		strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &date) > 0)
		um_answer_header(answer, "Last-Modified", "%s", text);
}

static char *
tag_of(const UmRecord *record, UmVersion version)
{
	return psprintf("\"%s-" UINT64_FORMAT "\"", um_version_name(version),
					(uint64) changed_at(record));
}

static TimestampTz
changed_at(const UmRecord *record)
{
	int			slot = record->model->change_slot;

	return um_is_set(record, slot) ? DatumGetTimestampTz(record->value[slot]) : 0;
}

/* Since 1970. */
static pg_time_t
seconds(TimestampTz time)
{
	return timestamptz_to_time_t(time);
}

/* Whether a client that asks to be told of changes alone has the state that there is. */
bool
um_is_unchanged(const UmHttp *http, const UmRecord *record)
{
	if (*http->if_none_match != '\0')
		return has_tag(http->if_none_match, tag_of(record, http->target.api.version));
	return *http->if_modified_since != '\0' &&
		is_before(changed_at(record), http->if_modified_since);
}

/* Whether a client that has seen a part of it may be given another part. */
bool
um_is_same(const UmHttp *http, const UmRecord *record)
{
	return *http->if_range == '\0' ||
		strcmp(http->if_range, tag_of(record, http->target.api.version)) == 0;
}

/* Whether a list of tags has that one; * is any. */
static bool
has_tag(const char *list, const char *tag)
{
	const char *p = list;

	while (*p != '\0')
	{
		size_t		len;

		p += strspn(p, " \t,");
		if (p[0] == '*' && p[1 + strspn(p + 1, " \t")] == '\0')
			return p == list + strspn(list, " \t");
		if (p[0] == 'W' && p[1] == '/')
			p += 2;
		/* a comma within quotes is part of a tag */
		len = *p == '"' ? 1 + strcspn(p + 1, "\"") + 1 : strcspn(p, ",");
		len = Min(len, strlen(p));
		if (len == strlen(tag) && strncmp(p, tag, len) == 0)
			return true;
		p += len;
	}
	return false;
}

/*
 * Whether something changed before that second was over.  Of a change of just now
 * that cannot be told, since another one may follow within the second.
 */
static bool
is_before(TimestampTz changed, const char *date)
{
	pg_time_t	said;

	return read_date(date, &said) && seconds(changed) <= said &&
		TimestampDifferenceExceeds(changed, GetCurrentTimestamp(), 1000);
}

/* A date as HTTP writes it; what is none is not heeded, as its standard has it. */
static bool
read_date(const char *date, pg_time_t *said)
{
	struct tm	parsed = {0};
	const char *end = strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &parsed);

	*said = (pg_time_t) timegm(&parsed);
	return end != NULL && *end == '\0';
}

/* Whether an answer depends on the state that it finds. */
bool
um_has_conditions(const UmHttp *http)
{
	return *http->if_match != '\0' || *http->if_none_match != '\0' ||
		*http->if_unmodified_since != '\0';
}

/* UM004 where what is stored is not what the client means. */
void
um_require_state(const void *arg, const UmRecord *stored)
{
	const UmHttp *http = arg;
	char	   *tag = tag_of(stored, http->target.api.version);
	bool		reads = http->method < UM_POST;
	bool		meant = true;
	pg_time_t	said;

	if (*http->if_match != '\0')
		meant = has_tag(http->if_match, tag);
	else if (*http->if_unmodified_since != '\0' && read_date(http->if_unmodified_since, &said))
		meant = seconds(changed_at(stored)) <= said;
	if (!meant || (!reads && *http->if_none_match != '\0' && has_tag(http->if_none_match, tag)))
		ereport(ERROR,
				(errcode(UM_OTHER_STATE),
				 errmsg("the %s has changed since", stored->model->label),
				 errdetail("Its ETag is %s now.", tag)));
}
