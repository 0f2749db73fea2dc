/*
 * listener.h
 *	  Who listens to the events of a resource.
 */
#ifndef UM_LISTENER_H
#define UM_LISTENER_H

#include "fmgr.h"

#include "api.h"
#include "listen_query.h"
#include "position.h"
#include "store.h"

typedef struct UmListener
{
	char	   *id;
	UmResource *resource;
	UmVersion	version;
	UmListenQuery *query;
	char	   *owner;
	char	   *state;
	char	   *reason;
	int64		life;			/* in which it may be read */
	int64		next_xid;		/* while it is starting; 0 for not known yet */
	bool		unsaid;			/* what it is has not been committed */
	UmPosition *position;		/* what is confirmed */
	TimestampTz confirmed_at;
} UmListener;

extern void um_hub_enter(UmUser *before);
extern void um_hub_leave(const UmUser *before);
extern char *um_listener_add(UmResource *resource, UmVersion version, const char *callback,
							 const char *query, const char *hub);
extern UmRecord *um_listener_record(const UmApi *api, const char *id, const char *callback,
									const char *query);
extern char *um_hub_href(const UmApi *api, const char *id);
extern char *um_listener_named(FunctionCallInfo fcinfo);
extern UmListener *um_listener(const char *id);
extern void um_listener_require_own(const UmListener *listener, Oid caller);
extern void um_listener_require_read(const UmListener *listener, Oid caller);
extern bool um_is_agent(Oid role);
extern bool um_listener_is_told_of(const UmListener *listener, const UmRecord *record);
extern const char *um_listener_barred(const UmListener *listener);
extern bool um_listener_may_read(UmListener *listener, const UmMark *now);
extern bool um_listener_move(const UmListener *listener, const UmPosition *position, bool wait);

#endif
