/*
 * errors.h
 *	  Every SQLSTATE the extension raises; errors.c has the HTTP status it becomes.
 *
 * The codes of PostgreSQL itself are used wherever their meaning fits; the
 * class UM holds what only a usage can do wrong.
 */
#ifndef UM_ERRORS_H
#define UM_ERRORS_H

#include "utils/errcodes.h"

/* a warning, that records of a load were not stored */
#define UM_SOME_REFUSED			MAKE_SQLSTATE('0', '1', 'U', 'M', '1')

/* not JSON, not text, of the wrong kind, out of range, nested too deep */
#define UM_NOT_JSON				ERRCODE_INVALID_TEXT_REPRESENTATION
#define UM_WRONG_KIND			ERRCODE_INVALID_TEXT_REPRESENTATION
#define UM_NOT_TEXT				ERRCODE_UNTRANSLATABLE_CHARACTER
#define UM_BAD_ENCODING			ERRCODE_CHARACTER_NOT_IN_REPERTOIRE
#define UM_NUMBER_RANGE			ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE
#define UM_NOT_A_TIME			ERRCODE_INVALID_DATETIME_FORMAT
#define UM_TIME_RANGE			ERRCODE_DATETIME_FIELD_OVERFLOW
#define UM_TOO_DEEP				ERRCODE_STATEMENT_TOO_COMPLEX

/* a mandatory attribute is missing; another rule is broken */
#define UM_MISSING				ERRCODE_NOT_NULL_VIOLATION
#define UM_RULE					ERRCODE_CHECK_VIOLATION

/* a version, parameter or operator that is not there; an id that changes */
#define UM_PARAMETER			ERRCODE_INVALID_PARAMETER_VALUE
#define UM_IDENTITY				MAKE_SQLSTATE('U', 'M', '0', '0', '2')

/* a move the life cycle does not know; billed content; a taken id; a finished load; a listener that lacks something */
#define UM_STATUS_MOVE			MAKE_SQLSTATE('U', 'M', '0', '0', '1')
#define UM_BILLED				MAKE_SQLSTATE('U', 'M', '0', '0', '3')
#define UM_ID_TAKEN				ERRCODE_UNIQUE_VIOLATION
#define UM_FINISHED				ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE
#define UM_NOT_READY			ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE

/* what is to be changed is not what the caller has seen */
#define UM_OTHER_STATE			MAKE_SQLSTATE('U', 'M', '0', '0', '4')

/* of HTTP alone: a method that a place has not, a media type, a page behind the end */
#define UM_WRONG_METHOD			MAKE_SQLSTATE('U', 'M', '0', '0', '5')
#define UM_MEDIA_TYPE			MAKE_SQLSTATE('U', 'M', '0', '0', '6')
#define UM_NO_SUCH_PAGE			MAKE_SQLSTATE('U', 'M', '0', '0', '7')

/* no such resource */
#define UM_NOT_FOUND			ERRCODE_NO_DATA_FOUND

/* more than is taken at once */
#define UM_TOO_MUCH				ERRCODE_PROGRAM_LIMIT_EXCEEDED

/* part of the standard that is not supported */
#define UM_UNSUPPORTED			ERRCODE_FEATURE_NOT_SUPPORTED

extern int	um_http_status(int sqlstate);

#endif
