/*
 * openapi.c
 *	  What an API is, as its OpenAPI document.
 */
#include "postgres.h"

#include "errors.h"
#include "rest.h"

void
um_rest_openapi(const UmHttp *http, UmAnswer *answer)
{
	(void) http;
	(void) answer;
	ereport(ERROR, (errcode(UM_UNSUPPORTED), errmsg("not yet")));
}
