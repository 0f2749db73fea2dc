/*
 * rest.h
 *	  What is done for a request, by what it names and its method.
 */
#ifndef UM_REST_H
#define UM_REST_H

#include "http.h"
#include "operations.h"

/* one resource: rest_one.c */
extern void um_rest_get(const UmHttp *http, UmAnswer *answer);
extern void um_rest_post(const UmHttp *http, UmAnswer *answer);
extern void um_rest_put(const UmHttp *http, UmAnswer *answer);
extern void um_rest_patch(const UmHttp *http, UmAnswer *answer);
extern void um_rest_delete(const UmHttp *http, UmAnswer *answer);

/* many: rest_list.c, rest_many.c */
extern void um_rest_list(const UmHttp *http, UmAnswer *answer);
extern void um_rest_patch_list(const UmHttp *http, UmAnswer *answer);
extern void um_rest_post_many(UmRequest *request, UmFields *fields, UmAnswer *answer);

/* what an order has made: rest_result.c */
extern void um_rest_result(const UmHttp *http, UmAnswer *answer);

/* listeners: rest_hub.c */
extern void um_rest_hub_list(const UmHttp *http, UmAnswer *answer);
extern void um_rest_hub_get(const UmHttp *http, UmAnswer *answer);
extern void um_rest_hub_post(const UmHttp *http, UmAnswer *answer);
extern void um_rest_hub_delete(const UmHttp *http, UmAnswer *answer);

/* the API itself: openapi.c */
extern void um_rest_openapi(const UmHttp *http, UmAnswer *answer);

extern UmRequest um_rest_request(const UmHttp *http);
extern UmFields *um_rest_fields(const UmHttp *http);

#endif
