/*
 * rest_hub.c
 *	  Listeners over HTTP: the hub of an API.
 */
#include "postgres.h"

#include "errors.h"
#include "rest.h"

void
um_rest_hub_list(const UmHttp *http, UmAnswer *answer)
{
	(void) http;
	(void) answer;
	ereport(ERROR, (errcode(UM_UNSUPPORTED), errmsg("not yet")));
}

void
um_rest_hub_get(const UmHttp *http, UmAnswer *answer)
{
	(void) http;
	(void) answer;
	ereport(ERROR, (errcode(UM_UNSUPPORTED), errmsg("not yet")));
}

void
um_rest_hub_post(const UmHttp *http, UmAnswer *answer)
{
	(void) http;
	(void) answer;
	ereport(ERROR, (errcode(UM_UNSUPPORTED), errmsg("not yet")));
}

void
um_rest_hub_delete(const UmHttp *http, UmAnswer *answer)
{
	(void) http;
	(void) answer;
	ereport(ERROR, (errcode(UM_UNSUPPORTED), errmsg("not yet")));
}
