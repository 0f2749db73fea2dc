/*
 * etag.h
 *	  Which state of a resource a client has seen, and which it means.
 */
#ifndef UM_ETAG_H
#define UM_ETAG_H

#include "http.h"
#include "record.h"

extern void um_answer_state(UmAnswer *answer, const UmRecord *record, UmVersion version);
extern bool um_is_unchanged(const UmHttp *http, const UmRecord *record);
extern bool um_is_same(const UmHttp *http, const UmRecord *record);
extern bool um_has_conditions(const UmHttp *http);
extern void um_require_state(const void *http, const UmRecord *stored);

#endif
