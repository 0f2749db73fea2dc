/*
 * http_error.h
 *	  An error as the standard tells it over HTTP.
 */
#ifndef UM_HTTP_ERROR_H
#define UM_HTTP_ERROR_H

#include "http.h"

extern void um_answer_error(UmAnswer *answer, const ErrorData *error, bool token);

#endif
