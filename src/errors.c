/*
 * errors.c
 *	  The HTTP status that an SQLSTATE becomes.
 */
#include "postgres.h"

#include "errors.h"

/* In the order in which they are tried: single codes before their classes. */
static const struct
{
	int			code;
	int			status;
}			statuses[] = {
	{UM_SOME_REFUSED, 200},
	{UM_NUMBER_RANGE, 400}, {UM_NOT_A_TIME, 400}, {UM_TIME_RANGE, 400}, {UM_PARAMETER, 400},
	{UM_NOT_JSON, 400}, {UM_NOT_TEXT, 400}, {UM_BAD_ENCODING, 400}, {UM_TOO_DEEP, 400},
	{UM_MISSING, 400}, {UM_RULE, 400}, {UM_IDENTITY, 400},
	{ERRCODE_INSUFFICIENT_PRIVILEGE, 403},
	{UM_NOT_FOUND, 404},
	{ERRCODE_LOCK_NOT_AVAILABLE, 503},	/* before the class that it is in */
	{UM_STATUS_MOVE, 409}, {UM_BILLED, 409}, {UM_ID_TAKEN, 409}, {UM_FINISHED, 409},
	{UM_WRONG_METHOD, 405}, {UM_OTHER_STATE, 412}, {UM_TOO_MUCH, 413}, {UM_MEDIA_TYPE, 415},
	{UM_NO_SUCH_PAGE, 416},
	{UM_UNSUPPORTED, 501},
	{ERRCODE_QUERY_CANCELED, 503},
	{ERRCODE_READ_ONLY_SQL_TRANSACTION, 503},
	{ERRCODE_RAISE_EXCEPTION, 400}, /* by somebody's own trigger, for whoever wrote */

	/* of a whole class: what the caller sent, what stands in its way, what may pass */
	{ERRCODE_DATA_EXCEPTION, 400},
	{ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION, 409},
	{ERRCODE_TRANSACTION_ROLLBACK, 503},
	{ERRCODE_INSUFFICIENT_RESOURCES, 503},
	{ERRCODE_OPERATOR_INTERVENTION, 503}
};

/* 500 for what the caller has no part in. */
int
um_http_status(int sqlstate)
{
	for (size_t i = 0; i < lengthof(statuses); i++)
		if (statuses[i].code == sqlstate ||
			(ERRCODE_IS_CATEGORY(statuses[i].code) &&
			 statuses[i].code == ERRCODE_TO_CATEGORY(sqlstate)))
			return statuses[i].status;
	return 500;
}
