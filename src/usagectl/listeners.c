/*
 * listeners.c
 *	  usagectl listeners: how they are, as hub_status has it.
 */
#include <stdio.h>

#include "listeners.h"
#include "table.h"

ExitStatus
listeners_show(PGconn *conn, bool json, bool once)
{
	return json ?
		table_show_json(conn, "SELECT pg_catalog.row_to_json(s) FROM usage_mgmt.hub_status s "
						"ORDER BY pg_catalog.length(listener), listener") :
		table_show(conn,
				   "SELECT listener, resource, state, lag_events AS behind, "
				   "pg_catalog.round(lag_seconds::numeric, 1) AS seconds, parked, delivered, failed, "
				   "pg_catalog.round(rate::numeric, 1) AS \"per second\", "
				   "pg_catalog.date_trunc('second', last_success_at) AS \"last success\", "
				   "pg_catalog.\"left\"(pg_catalog.concat_ws('; ', reason, 'lost ' || nullif(lost, 0)::text, last_error), 60) "
				   "AS \"what is wrong\" FROM usage_mgmt.hub_status ORDER BY pg_catalog.length(listener), listener", once);
}

/* Of a copy, which is not to speak to the world until somebody says so of each. */
ExitStatus
listeners_pause(PGconn *conn)
{
	PGresult   *result = run(conn, "UPDATE usage_mgmt.hub_listener SET state = 'paused', reason = 'a copy', changed_at = pg_catalog.now() "
							 "WHERE callback IS NOT NULL AND state IN ('starting', 'active')", 0, NULL);

	if (result == NULL)
		return FAILED;
	printf("listeners paused: %s\n", PQcmdTuples(result));
	PQclear(result);
	return ALL_DONE;
}
