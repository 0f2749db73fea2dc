/*
 * rest_list.c
 *	  Many resources over HTTP: GET and PATCH of a collection.
 */
#include "postgres.h"

#include "errors.h"
#include "rest.h"

void
um_rest_list(const UmHttp *http, UmAnswer *answer)
{
	(void) http;
	(void) answer;
	ereport(ERROR, (errcode(UM_UNSUPPORTED), errmsg("not yet")));
}

void
um_rest_patch_list(const UmHttp *http, UmAnswer *answer)
{
	(void) http;
	(void) answer;
	ereport(ERROR, (errcode(UM_UNSUPPORTED), errmsg("not yet")));
}
