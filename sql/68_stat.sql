-- What has happened in numbers: the view usage_mgmt_stat. A counter is what the books
-- count now, and what stat_offset has beside them: counts of rows that were deleted,
-- less those of the last reset. So whoever loads or delivers counts nothing twice.

CREATE FUNCTION usage_mgmt.stat_counters(OUT name text, OUT source text, OUT expression text, OUT comment text) RETURNS SETOF record
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	VALUES
	('loads_started', 'import_load', 'count(*)', 'Loads that were begun: each COPY into a document view, each file of usagectl.'),
	('loads_finished', 'import_load', 'count(finished_at)', 'Of these, the finished ones.'),
	('records_read', 'import_load', 'sum(read)', 'Records that loads have read: stored, repeated, conflicting and rejected.'),
	('records_stored', 'import_load', 'sum(stored + undone)', 'Of these, those that were stored, also where they were taken back.'),
	('records_filled', 'import_load', 'sum(filled)', 'Of those stored, those in which something was filled in.'),
	('records_repeated', 'import_load', 'sum(repeated)', 'Records that were there already.'),
	('records_conflicting', 'import_load', 'sum(conflicting)', 'Records whose id was there with other content.'),
	('records_rejected', 'import_load', 'sum(rejected)', 'Records that were at fault.'),
	('records_undone', 'import_load', 'sum(undone)', 'Of those stored, those that undo_load() has taken back.'),
	('events_written', 'hub_event_seq', 'sum(last_value - (NOT is_called)::integer)',
		'Numbers that events were given, those of transactions that were rolled back among them.'),
	('events_lost', 'hub_cursor', 'sum(lost)', 'Events that retention has taken from listeners who had not confirmed them, one for each listener.'),
	('deliveries_succeeded', 'hub_delivery', 'sum(delivered)', 'Attempts of agents to deliver an event that were answered with 2xx.'),
	('deliveries_failed', 'hub_delivery', 'sum(failed)', 'Attempts that were not.'),
	('import_jobs_ordered', 'import_job', 'count(*)', 'Import jobs that were ordered.'),
	('import_jobs_succeeded', 'import_job', 'count(*) FILTER (WHERE status = ''succeeded'')', 'Import jobs that have succeeded.'),
	('import_jobs_failed', 'import_job', 'count(*) FILTER (WHERE status = ''failed'' AND (cancelled_at <= completion_date) IS NOT TRUE)', 'Import jobs that have failed.'),
	('import_jobs_cancelled', 'import_job', 'count(*) FILTER (WHERE status = ''failed'' AND cancelled_at <= completion_date)',
		'Import jobs that were cancelled, and have ended so.'),
	('export_jobs_ordered', 'export_job', 'count(*)', 'Export jobs that were ordered.'),
	('export_jobs_succeeded', 'export_job', 'count(*) FILTER (WHERE status = ''succeeded'')', 'Export jobs that have succeeded.'),
	('export_jobs_failed', 'export_job', 'count(*) FILTER (WHERE status = ''failed'' AND (cancelled_at <= completion_date) IS NOT TRUE)', 'Export jobs that have failed.'),
	('export_jobs_cancelled', 'export_job', 'count(*) FILTER (WHERE status = ''failed'' AND cancelled_at <= completion_date)',
		'Export jobs that were cancelled, and have ended so.')
$$;
COMMENT ON FUNCTION usage_mgmt.stat_counters() IS
'The counters of usage_mgmt_stat, and how each is counted of the rows of a table, or of a sequence. Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_stat() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	owner text := (SELECT relowner::regrole FROM pg_class WHERE oid = 'usage_mgmt.import_load'::regclass);
	source text;
BEGIN
	CREATE TABLE IF NOT EXISTS usage_mgmt.stat_offset (
		id bigserial NOT NULL,
		reset_at timestamptz,
		CONSTRAINT stat_offset_pkey PRIMARY KEY (id)
	);
	PERFORM usage_mgmt.install_columns('usage_mgmt.stat_offset'::regclass, array_agg(c.name), array_agg('bigint NOT NULL DEFAULT 0'::text))
		FROM usage_mgmt.stat_counters() c;
	PERFORM usage_mgmt.install_comment('usage_mgmt.stat_offset', c.name, c.comment)
		FROM (VALUES (NULL, 'What usage_mgmt_stat adds, in all rows, to what the books count: the counts of rows that were deleted, less those of resets. Written by triggers and stat_reset() alone.'),
			('reset_at', 'When a reset was.')) AS c(name, comment);
	-- A trigger writes as the owner of the table that it is of, whoever brings tables up to date.
	IF owner <> (SELECT relowner::regrole::text FROM pg_class WHERE oid = 'usage_mgmt.stat_offset'::regclass) THEN
		EXECUTE format('ALTER TABLE usage_mgmt.stat_offset OWNER TO %s', owner);
	END IF;
	FOR source IN SELECT DISTINCT c.source FROM usage_mgmt.stat_counters() c JOIN pg_class ON oid = to_regclass('usage_mgmt.' || c.source) AND relkind = 'r' LOOP
		PERFORM usage_mgmt.install_trigger(source, source || '_counted', 'AFTER DELETE',
			'REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT', 'stat_keep');
		PERFORM usage_mgmt.install_trigger(source, source || '_counted_all', 'BEFORE TRUNCATE', 'FOR EACH STATEMENT', 'stat_keep');
	END LOOP;
	PERFORM usage_mgmt.install_stat_view(owner);
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_stat() IS 'Part of install_tables().';

-- Who watches a server is a member of it, often by way of pg_monitor.
GRANT USAGE ON SCHEMA usage_mgmt TO pg_read_all_stats;

-- By its owner's rights: sums of what each role may see would be of no use to who watches all, and
-- a sum tells of nobody's order or file.
CREATE FUNCTION usage_mgmt.install_stat_view(owner text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	IF to_regclass('usage_mgmt.usage_mgmt_stat') IS NULL THEN
		EXECUTE (SELECT format('CREATE VIEW usage_mgmt.usage_mgmt_stat AS SELECT %s, o.stats_reset FROM %s, '
				'(SELECT max(reset_at) AS stats_reset, %s FROM usage_mgmt.stat_offset) o',
			string_agg(format('(coalesce(%I.%I, 0) + coalesce(o.%2$I, 0))::bigint AS %2$I', c.source, c.name), ', ' ORDER BY c.place),
			(SELECT string_agg(format('(%s) %I', usage_mgmt.stat_sums(s.source, format('usage_mgmt.%I', s.source)), s.source), ', ' ORDER BY s.source)
				FROM (SELECT DISTINCT d.source FROM usage_mgmt.stat_counters() d) s),
			string_agg(format('sum(%I) AS %1$I', c.name), ', ' ORDER BY c.place))
			FROM usage_mgmt.stat_counters() WITH ORDINALITY c(name, source, expression, comment, place));
		EXECUTE format('ALTER VIEW usage_mgmt.usage_mgmt_stat OWNER TO %s', owner);
		GRANT SELECT ON usage_mgmt.usage_mgmt_stat TO pg_read_all_stats;
	END IF;
	PERFORM usage_mgmt.install_comment('usage_mgmt.usage_mgmt_stat', c.name, c.comment)
		FROM (SELECT s.name, s.comment FROM usage_mgmt.stat_counters() s
			UNION ALL VALUES ('stats_reset', 'When the counters were set to 0 last; null for never: then they are of all since the tables were made.'),
				(NULL, 'One row: what loads, events and jobs have come to, as counters that only grow, of all roles.')) c;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_stat_view(text) IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.stat_sums(source text, rows text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('SELECT %s FROM %s', string_agg(format('%s AS %I', c.expression, c.name), ', ' ORDER BY c.name), $2)
	FROM usage_mgmt.stat_counters() c WHERE c.source = $1
$$;
COMMENT ON FUNCTION usage_mgmt.stat_sums(text, text) IS
'The query for the counters of a table, of rows of it by that name. Part of install_tables() and stat_keep().';

CREATE FUNCTION usage_mgmt.stat_keep() RETURNS trigger
AS 'MODULE_PATHNAME', 'um_stat_keep' LANGUAGE C
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.stat_keep() IS
'AFTER DELETE with a transition table old_rows, and BEFORE TRUNCATE, for each statement: keeps what the counters of usage_mgmt_stat have of the rows.';
REVOKE EXECUTE ON FUNCTION usage_mgmt.stat_keep() FROM PUBLIC;

CREATE FUNCTION usage_mgmt.stat_keeping(source text, rows text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('INSERT INTO usage_mgmt.stat_offset (%s) SELECT %s FROM (%s) s RETURNING id',
		string_agg(format('%I', c.name), ', ' ORDER BY c.name), string_agg(format('coalesce(s.%I, 0)', c.name), ', ' ORDER BY c.name),
		usage_mgmt.stat_sums($1, $2))
	FROM usage_mgmt.stat_counters() c WHERE c.source = $1 HAVING count(*) > 0
$$;
COMMENT ON FUNCTION usage_mgmt.stat_keeping(text, text) IS 'The statement that keeps counts of rows of a table; null for one that counts nothing. Part of stat_keep().';

-- Nobody waits here: what another one has just put or is putting together is left for the next time.
CREATE FUNCTION usage_mgmt.stat_merge() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	names text := (SELECT string_agg(format('%I', c.name), ', ') FROM usage_mgmt.stat_counters() c);
	sums text := (SELECT string_agg(format('sum(%I)', c.name), ', ') FROM usage_mgmt.stat_counters() c);
BEGIN
	EXECUTE format('WITH mine AS MATERIALIZED (SELECT id FROM usage_mgmt.stat_offset FOR UPDATE SKIP LOCKED),
		gone AS (DELETE FROM usage_mgmt.stat_offset o USING mine WHERE o.id = mine.id RETURNING o.*)
		INSERT INTO usage_mgmt.stat_offset (reset_at, %s) SELECT max(reset_at), %s FROM gone HAVING count(*) > 0', names, sums);
END
$$;
COMMENT ON FUNCTION usage_mgmt.stat_merge() IS
'Makes one row of those of stat_offset that nobody has locked. Part of stat_reset() and stat_keep().';

CREATE FUNCTION usage_mgmt.stat_reset() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	names text := (SELECT string_agg(format('%I', c.name), ', ') FROM usage_mgmt.stat_counters() c);
	less text := (SELECT string_agg(format('-%I', c.name), ', ') FROM usage_mgmt.stat_counters() c);
BEGIN
	IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
		RAISE EXCEPTION 'counters cannot be reset in a transaction that does not see what others do meanwhile'
			USING ERRCODE = 'feature_not_supported', HINT = 'Use the isolation level READ COMMITTED.';
	END IF;
	-- One at a time: two would each take away what there is. Whoever deletes or loads goes on.
	LOCK TABLE usage_mgmt.stat_offset IN SHARE UPDATE EXCLUSIVE MODE;
	EXECUTE format('INSERT INTO usage_mgmt.stat_offset (reset_at, %s)
		SELECT clock_timestamp(), %s FROM usage_mgmt.usage_mgmt_stat', names, less);
	PERFORM usage_mgmt.stat_merge();
END
$$;
COMMENT ON FUNCTION usage_mgmt.stat_reset() IS
'Sets the counters of usage_mgmt_stat to 0. For the owner of the tables.';
