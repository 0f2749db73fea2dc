/*
 * http_error.c
 *	  An error as the standard tells it over HTTP.
 *
 * Its code is the SQLSTATE, its reason what was found first, its message all
 * that was found, each with the path of the attribute.  What the caller has no
 * part in is told to the server's log, since PostgREST never sees it, and to
 * the caller only that it happened.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "errors.h"
#include "http_error.h"
#include "tmf_write.h"

static char *told(const ErrorData *error);
static char *all_faults(const char *detail);
static void write_error(UmAnswer *answer, int sqlstate, const char *reason, const char *message);
static void log_error(const ErrorData *error);

/* Tells an error in the place of whatever the answer was; token: the client has shown one. */
void
um_answer_error(UmAnswer *answer, const ErrorData *error, bool token)
{
	int			status = um_http_status(error->sqlerrcode);

	/* what a trigger of the user's raises may bear the code of our warning */
	if (status < 400)
		status = 500;
	um_answer_start(answer, status == 403 && !token ? 401 : status);
	if (status >= 500 && status != 501)
		log_error(error);
	if (status == 500)
		write_error(answer, error->sqlerrcode, "an error of the server's own",
					"The server's log has what happened.");
	else
		write_error(answer, error->sqlerrcode, error->message, told(error));
	if (answer->status == 401)
		um_answer_header(answer, "WWW-Authenticate", "Bearer");
	if (answer->status == 503)
		um_answer_header(answer, "Retry-After", "1");
}

/* All faults of a record, or else what the error says of itself. */
static char *
told(const ErrorData *error)
{
	StringInfoData message;
	char	   *faults = error->detail != NULL ? all_faults(error->detail) : NULL;

	initStringInfo(&message);
	appendStringInfoString(&message, faults != NULL ? faults : error->message);
	if (faults == NULL && error->detail != NULL)
		appendStringInfo(&message, ". %s", error->detail);
	if (error->hint != NULL)
		appendStringInfo(&message, ". %s", error->hint);
	return message.data;
}

/* The faults of a detail that lists some (faults.c), as text; NULL for another. */
static char *
all_faults(const char *detail)
{
	UmFaults	faults = {.list = NIL};
	StringInfoData message;
	ListCell   *cell;

	if (!um_read_faults(&faults, detail))
		return NULL;
	initStringInfo(&message);
	foreach(cell, faults.list)
	{
		const UmFault *fault = lfirst(cell);

		appendStringInfoString(&message, message.len > 0 ? "; " : "");
		if (*fault->path != '\0')
			appendStringInfo(&message, "%s: ", fault->path);
		appendStringInfoString(&message, fault->message);
		if (fault->legal != NULL)
			appendStringInfo(&message, " (legal: %s)", fault->legal);
	}
	return message.data;
}

static void
write_error(UmAnswer *answer, int sqlstate, const char *reason, const char *message)
{
	UmRecord   *record = um_record_new(&um_error_entity);
	const char *values[] = {
		[UM_ERROR_CODE] = unpack_sql_state(sqlstate), [UM_ERROR_REASON] = reason,
		[UM_ERROR_MESSAGE] = message, [UM_ERROR_STATUS] = psprintf("%d", answer->status),
		[UM_ERROR_TYPE] = um_error_entity.noun
	};

	for (size_t i = 0; i < lengthof(values); i++)
		if (values[i] != NULL)
			um_record_set(record, i, CStringGetTextDatum(values[i]));
	um_write_record(&answer->body, record, UM_V4, NULL);
}

static void
log_error(const ErrorData *error)
{
	ereport(LOG,
			(errcode(error->sqlerrcode), errmsg("%s", error->message),
			 error->detail != NULL ? errdetail("%s", error->detail) : 0,
			 error->hint != NULL ? errhint("%s", error->hint) : 0,
			 error->context != NULL ? errcontext("%s", error->context) : 0));
}
