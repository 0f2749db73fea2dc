/*
 * http.h
 *	  An HTTP request as PostgREST hands it over, and the answer to it.
 */
#ifndef UM_HTTP_H
#define UM_HTTP_H

#include "api.h"

/* Those of TMF630, and what asks about them. */
typedef enum UmMethod
{
	UM_GET, UM_HEAD, UM_OPTIONS, UM_POST, UM_PUT, UM_PATCH, UM_DELETE, UM_NO_METHOD
} UmMethod;

/* What came; all of it in the request's memory, none of it trusted. */
typedef struct UmHttp
{
	UmMethod	method;
	const char *uri;			/* its path as the client wrote it; NULL for none */
	UmTarget	target;			/* what that means */
	const char *query;			/* behind its question mark, still encoded; "" for none */
	const char *content_type;	/* in lower case, without parameters; "" for none */
	const char *if_match;		/* "" for none, as all that follow */
	const char *if_none_match;
	const char *if_modified_since;
	const char *if_unmodified_since;
	const char *content_encoding;
	const char *range;
	const char *if_range;
	bool		token;			/* the client has shown one */
	UmSlice		body;			/* bytes that nobody has looked at */
} UmHttp;

/* What goes back. */
typedef struct UmAnswer
{
	int			status;
	uint64		total;			/* of a list or result, where a page or range behind its end is
								 * refused */
	const char *type;			/* of a body that is bytes; NULL for JSON */
	StringInfoData headers;		/* members of PostgREST's array, as they are added */
	StringInfoData body;		/* JSON is in the database's encoding */
} UmAnswer;

/* Answers a request; an ereport becomes the standard's error. */
typedef void (*UmHandler) (const UmHttp *http, UmAnswer *answer);

extern void um_http_start(UmHttp *http, UmSlice body);
extern UmSlice um_http_text(UmSlice body);
extern char *um_method_names(int allowed);
extern void um_answer_start(UmAnswer *answer, int status);
extern void um_answer_header(UmAnswer *answer, const char *name, const char *format,...)
			pg_attribute_printf(3, 4);
extern bytea *um_answer_give(UmAnswer *answer, bool with_body);

#endif
