/*
 * rest_many.c
 *	  Many resources posted at once, as an array.
 */
#include "postgres.h"

#include "errors.h"
#include "rest.h"

void
um_rest_post_many(const UmHttp *http, UmAnswer *answer)
{
	(void) http;
	(void) answer;
	ereport(ERROR, (errcode(UM_UNSUPPORTED), errmsg("not yet")));
}
