/*
 * jobs_show.c
 *	  usagectl jobs: how they go, as job_progress has it.
 *
 * First those that have not ended, then the latest ten that have; as JSON all that
 * are kept.
 */
#include "jobs_show.h"
#include "table.h"

ExitStatus
jobs_show(PGconn *conn, bool json, bool once)
{
	return json ?
		table_show_json(conn, "SELECT pg_catalog.row_to_json(p) FROM usage_mgmt.job_progress p "
						"ORDER BY started_at, resource, job") :
		table_show(conn,
				   "SELECT job, resource, state, "
				   "'[' || pg_catalog.rpad(pg_catalog.repeat('#', (percent / 5)::integer), 20, '.') || '] ' || "
				   "pg_catalog.lpad(pg_catalog.trunc(percent)::text, 3) || ' %' AS done, "
				   "records, pg_catalog.round(bytes / 1e6, 1) AS \"MB\", "
				   "pg_catalog.round(records_per_second::numeric) AS \"per second\", "
				   "pg_catalog.make_interval(secs => pg_catalog.round(seconds_left::numeric)::double precision) AS \"left\", "
				   "ordered_by AS \"ordered by\", agent, attempts, "
				   "pg_catalog.\"left\"(pg_catalog.translate(coalesce(nullif(error, ''), url), E'\\n', ' '), 120) AS \"what of it\" "
				   "FROM (SELECT *, state IN ('succeeded', 'failed', 'cancelled') AS ended, pg_catalog.row_number() OVER "
				   "(PARTITION BY state IN ('succeeded', 'failed', 'cancelled') ORDER BY started_at DESC NULLS LAST) AS place "
				   "FROM usage_mgmt.job_progress) p WHERE NOT ended OR place <= 10 ORDER BY ended, place", once);
}
