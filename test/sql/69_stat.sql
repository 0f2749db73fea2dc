-- usage_mgmt_stat: what each door adds to the counters, that nothing turns them back, and who reads and resets them.
SET client_min_messages = error;	-- what loads say has their numbers
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
\set VERBOSITY terse
SET TimeZone = 'UTC';
DELETE FROM usage_mgmt.hub_listener;
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key, usage_mgmt.import_load, usage_mgmt.import_reject, usage_mgmt.usage_conflict,
	usage_mgmt.import_job, usage_mgmt.export_job, usage_mgmt.export_result, usage_mgmt.hub_tick;
SELECT usage_mgmt.stat_reset();

-- What has moved since it was asked last, and whether each counter was all of these then
CREATE TEMP TABLE seen AS TABLE usage_mgmt.usage_mgmt_stat;
CREATE FUNCTION pg_temp.moved() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	moved text;
BEGIN
	WITH now AS (TABLE usage_mgmt.usage_mgmt_stat)
	SELECT string_agg(format('%s %s', n.key, n.value::bigint - s.value::bigint), ', ' ORDER BY n.place) INTO moved
	FROM now, seen, json_each_text(to_json(now)) WITH ORDINALITY n(key, value, place), json_each_text(to_json(seen)) s
	WHERE n.key = s.key AND n.key <> 'stats_reset' AND n.value <> s.value;
	DELETE FROM seen;
	INSERT INTO seen TABLE usage_mgmt.usage_mgmt_stat;
	RETURN coalesce(moved, 'nothing');
END
$$;
CREATE FUNCTION pg_temp.state(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE statement INTO answer;
	RETURN coalesce(answer, 'null');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
-- Each counter by itself
SELECT count(*) AS counters, min(n.value) AS least, max(n.value) AS greatest
FROM usage_mgmt.usage_mgmt_stat s, json_each_text(to_json(s)) n WHERE n.key <> 'stats_reset';
SELECT pg_temp.moved();

-- A load: three records are stored, one of them again, one with other content, one at fault
COPY usage_mgmt.usage_document FROM STDIN WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
{"id": "a", "date": "2001-01-15", "type": "VOICE"}
{"id": "b", "date": "2001-01-15", "type": "VOICE"}
{"id": "c", "date": "2001-01-15", "type": "VOICE"}
{"id": "c", "date": "2001-01-15", "type": "VOICE"}
{"id": "a", "date": "2001-01-16", "type": "VOICE"}
{"id": "d", "date": "2001-01-15", "type": "VOICE", "status": "asleep"}
\.
SELECT pg_temp.moved();
-- one of several statements counts at each, and is finished by whoever began it
INSERT INTO usage_mgmt.import_load (source) VALUES ('by hand') RETURNING id AS load \gset
SELECT pg_temp.moved();
SET usage_mgmt.load = :load;
INSERT INTO usage_mgmt.usage_document VALUES ('{"id": "e", "date": "2001-01-15", "type": "VOICE"}');
SELECT pg_temp.moved();
RESET usage_mgmt.load;
UPDATE usage_mgmt.import_load SET finished_at = now() WHERE id = :load;
SELECT pg_temp.moved();
-- what is filled in
UPDATE usage_mgmt.setting SET value = 'fill' WHERE name = 'on_missing';
SET usage_mgmt.tmf_version = 'v4';
COPY usage_mgmt.usage_document FROM STDIN WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
{"id": "f", "usageDate": "2001-01-15T00:00:00Z"}
\.
RESET usage_mgmt.tmf_version;
UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'on_missing';
SELECT pg_temp.moved();
-- what fails has not happened
BEGIN;
COPY usage_mgmt.usage_document FROM STDIN WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
{"id": "g", "date": "2001-01-15", "type": "VOICE"}
\.
SELECT pg_temp.moved();
ROLLBACK;
SELECT pg_temp.moved();

-- A reject that is recycled is of no load, nor is what is posted: pg_stat_user_tables counts rows
SELECT usage_mgmt.recycle_reject(id, '{"id": "d", "date": "2001-01-15", "type": "VOICE"}') FROM usage_mgmt.import_reject;
SELECT pg_temp.moved();
SELECT usage_mgmt.post_usage('{"id": "p", "date": "2001-01-15", "type": "VOICE"}') IS NOT NULL AS posted;
SELECT pg_temp.moved();
-- A load that is taken back was stored none the less
SELECT undone FROM usage_mgmt.undo_load(:load) WHERE resource = 'usage';
SELECT pg_temp.moved();
-- What came in has all become something
SELECT records_read = records_stored + records_repeated + records_conflicting + records_rejected AS balance FROM usage_mgmt.usage_mgmt_stat;

-- Events, once for however many listeners
SELECT usage_mgmt.register_usage_listener('https://one.example/') ->> 'id' AS one \gset
SELECT usage_mgmt.register_usage_listener('https://two.example/') ->> 'id' AS two \gset
SELECT pg_temp.moved();
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) SELECT 'e' || n, '2001-01-15', 'VOICE' FROM generate_series(1, 5) n;
SELECT pg_temp.moved();
-- the upkeep notes the time, and is no event
SELECT count(*) FROM usage_mgmt.hub_upkeep();
SELECT count(*) > 0 AS noted FROM usage_mgmt.hub_tick;
SELECT pg_temp.moved();
-- Attempts to deliver
SELECT count(*) FROM usage_mgmt.hub_claim('agent', '1 minute', NULL);
SELECT usage_mgmt.hub_checkpoint('agent', :'one', NULL, '{}', '[]', '[]',
	'[{"event_id": "1", "status": 204, "ms": 5}, {"event_id": "2", "status": 204, "ms": 5}, {"event_id": "3", "status": 500, "ms": 5}]');
SELECT usage_mgmt.hub_checkpoint('agent', :'two', NULL, '{}', '[]', '[]', '[{"event_id": "1", "error": "no route"}]');
SELECT pg_temp.moved();
-- and what retention takes away from both
UPDATE usage_mgmt.hub_cursor SET lost = 3 WHERE listener = :'one';
UPDATE usage_mgmt.hub_cursor SET lost = 4 WHERE listener = :'two';
SELECT pg_temp.moved();

-- Jobs, by what became of them
INSERT INTO usage_mgmt.import_job (id, url) SELECT 'i' || n, 'file:///in/' || n FROM generate_series(1, 5) n;
INSERT INTO usage_mgmt.export_job (id) VALUES ('x1'), ('x2'), ('x3');
SELECT pg_temp.moved();
SELECT count(*) FROM usage_mgmt.job_claim('agent', '1 minute', NULL, 3);
SELECT usage_mgmt.job_checkpoint('agent', 'import_job', 'i1', 1, '{"read": 10}');
SELECT pg_temp.moved();
SELECT usage_mgmt.job_end('agent', 'import_job', 'i1', 1, 'succeeded', NULL, NULL), usage_mgmt.job_end('agent', 'import_job', 'i2', 1, 'succeeded', NULL, NULL),
	usage_mgmt.job_end('agent', 'import_job', 'i3', 1, 'failed', 'no such file', NULL), usage_mgmt.job_end('agent', 'export_job', 'x1', 1, 'failed', 'disk full', NULL),
	usage_mgmt.job_end('agent', 'export_job', 'x2', 1, 'succeeded', NULL, NULL);
SELECT pg_temp.moved();
-- a cancelled one counts once it has ended, and one that could not be stopped any more has succeeded
SELECT usage_mgmt.cancel_import_job('i4'), usage_mgmt.cancel_import_job('i5'), usage_mgmt.cancel_export_job('x3');
SELECT pg_temp.moved();
SELECT usage_mgmt.job_end('agent', 'import_job', 'i4', 1, 'failed', NULL, NULL), usage_mgmt.job_end('agent', 'import_job', 'i5', 1, 'succeeded', NULL, NULL),
	usage_mgmt.job_release('agent', 'export_job', 'x3', 1);
SELECT pg_temp.moved();
-- and stays what it has ended as, whatever is said of it later
UPDATE usage_mgmt.import_job SET cancelled_at = now() WHERE id IN ('i1', 'i3');
SELECT pg_temp.moved();

-- What is forgotten has happened: by whoever deletes it, one by one or all, by the retention and with a listener
CREATE TEMP TABLE before AS TABLE usage_mgmt.usage_mgmt_stat;
CREATE FUNCTION pg_temp.stays() RETURNS boolean LANGUAGE sql AS $$
	SELECT NOT EXISTS ((TABLE usage_mgmt.usage_mgmt_stat) EXCEPT (TABLE before)) $$;
DELETE FROM usage_mgmt.import_load WHERE id = :load;
SELECT pg_temp.stays(), count(*) AS kept FROM usage_mgmt.stat_offset;
DELETE FROM usage_mgmt.import_load WHERE false;
SELECT pg_temp.stays(), count(*) AS kept FROM usage_mgmt.stat_offset;
DELETE FROM usage_mgmt.import_load WHERE rejected = 0;
SELECT pg_temp.stays();
TRUNCATE usage_mgmt.import_load, usage_mgmt.import_reject;
SELECT pg_temp.stays();
SELECT usage_mgmt.delete_import_job('i1');
SELECT pg_temp.stays();
SET session_replication_role = replica;		-- no trigger, as if time had passed
UPDATE usage_mgmt.import_job SET completion_date = completion_date - interval '1 year', cancelled_at = cancelled_at - interval '1 year';
UPDATE usage_mgmt.export_job SET completion_date = completion_date - interval '1 year' WHERE id = 'x1';
RESET session_replication_role;
SELECT usage_mgmt.jobs_upkeep();
SELECT pg_temp.stays();
BEGIN;
DELETE FROM usage_mgmt.export_job;
SELECT pg_temp.stays();
ROLLBACK;
SELECT pg_temp.stays();
TRUNCATE usage_mgmt.import_job, usage_mgmt.export_job, usage_mgmt.export_result;
SELECT pg_temp.stays();
SELECT usage_mgmt.unregister_usage_listener(:'one');
SELECT pg_temp.stays();
DELETE FROM usage_mgmt.hub_listener;
SELECT pg_temp.stays();
SELECT count(*) AS books FROM (SELECT FROM usage_mgmt.import_load UNION ALL SELECT FROM usage_mgmt.import_job UNION ALL SELECT FROM usage_mgmt.export_job
	UNION ALL SELECT FROM usage_mgmt.hub_delivery UNION ALL SELECT FROM usage_mgmt.hub_cursor) b;
SELECT n.key, n.value FROM usage_mgmt.usage_mgmt_stat s, json_each_text(to_json(s)) n WHERE n.key <> 'stats_reset';

-- However much is forgotten, what is kept of it is a few rows; a transaction that sees no others' changes puts nothing together
INSERT INTO usage_mgmt.import_load (source) SELECT 'one' FROM generate_series(1, 300);
TABLE usage_mgmt.usage_mgmt_stat \gset
DO $$
DECLARE
	name bigint;
BEGIN
	FOR name IN SELECT id FROM usage_mgmt.import_load WHERE source = 'one' ORDER BY id LIMIT 200 LOOP
		DELETE FROM usage_mgmt.import_load WHERE id = name;
	END LOOP;
END
$$;
SELECT count(*) < 70 AS few FROM usage_mgmt.stat_offset;
SELECT s.loads_started - :loads_started AS more FROM usage_mgmt.usage_mgmt_stat s;
BEGIN ISOLATION LEVEL REPEATABLE READ;
DO $$
DECLARE
	name bigint;
BEGIN
	FOR name IN SELECT id FROM usage_mgmt.import_load WHERE source = 'one' ORDER BY id LOOP
		DELETE FROM usage_mgmt.import_load WHERE id = name;
	END LOOP;
END
$$;
COMMIT;
SELECT count(*) BETWEEN 100 AND 170 AS some FROM usage_mgmt.stat_offset;
SELECT s.loads_started - :loads_started AS more FROM usage_mgmt.usage_mgmt_stat s;

-- A reset: all are 0, it says since when, and one row is kept
SELECT clock_timestamp() AS before \gset
SELECT usage_mgmt.stat_reset();
SELECT s.stats_reset BETWEEN :'before' AND clock_timestamp() AS since, max(n.value) AS greatest, min(n.value) AS least
FROM usage_mgmt.usage_mgmt_stat s, json_each_text(to_json(s)) n WHERE n.key <> 'stats_reset' GROUP BY 1;
SELECT count(*) FROM usage_mgmt.stat_offset;
SELECT pg_temp.moved() <> 'nothing' AS moved;
COPY usage_mgmt.usage_document FROM STDIN WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
{"id": "r", "date": "2001-01-15", "type": "VOICE"}
\.
SELECT pg_temp.moved();
-- what was counted before may go, it is counted no more
INSERT INTO usage_mgmt.import_load (source) VALUES ('before');
SELECT usage_mgmt.stat_reset();
DELETE FROM usage_mgmt.import_load;
SELECT loads_started, loads_finished, records_read FROM usage_mgmt.usage_mgmt_stat;
-- taken back
BEGIN;
INSERT INTO usage_mgmt.import_load (source) VALUES ('x');
SELECT usage_mgmt.stat_reset();
SELECT loads_started FROM usage_mgmt.usage_mgmt_stat;
ROLLBACK;
SELECT loads_started FROM usage_mgmt.usage_mgmt_stat;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pg_temp.state('SELECT usage_mgmt.stat_reset()');
ROLLBACK;

-- Who sees it: those who watch the server and operators, all of it; and who resets it: the owner of the tables
CREATE ROLE regress_level;
CREATE ROLE regress_watch IN ROLE pg_monitor;
CREATE ROLE regress_partner;
SELECT usage_mgmt.grant_access('regress_partner', 'writer');
SET ROLE regress_partner;
INSERT INTO usage_mgmt.import_job (id, url) VALUES ('p1', 'https://secret.example/');
COPY usage_mgmt.usage_document FROM STDIN WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
{"id": "q", "date": "2001-01-15", "type": "VOICE"}
\.
RESET ROLE;
CREATE TEMP TABLE answer (n serial, level text, sees text, resets text, writes text);
CREATE PROCEDURE pg_temp.try(level text) LANGUAGE plpgsql AS $$
DECLARE
	a answer;
BEGIN
	IF level <> 'none' THEN
		PERFORM usage_mgmt.grant_access('regress_level', level);
	END IF;
	SET LOCAL ROLE regress_level;
	a.level := level;
	a.sees := pg_temp.state('SELECT format(''%s load, %s job'', loads_started, import_jobs_ordered) FROM usage_mgmt.usage_mgmt_stat');
	a.writes := pg_temp.state('INSERT INTO usage_mgmt.stat_offset DEFAULT VALUES RETURNING ''written''');
	a.resets := pg_temp.state('SELECT ''reset'' || usage_mgmt.stat_reset()::text');
	RAISE 'back' USING ERRCODE = 'ZZ999';
EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
	INSERT INTO answer (level, sees, resets, writes) VALUES (a.level, a.sees, a.resets, a.writes);
END
$$;
CALL pg_temp.try('none');
CALL pg_temp.try('reader');
CALL pg_temp.try('loader');
CALL pg_temp.try('writer');
CALL pg_temp.try('agent');
CALL pg_temp.try('operator');
CALL pg_temp.try('owner');
SELECT level, sees, resets, writes FROM answer ORDER BY n;
SET ROLE regress_watch;
SELECT loads_started, import_jobs_ordered FROM usage_mgmt.usage_mgmt_stat;
SELECT pg_temp.state('SELECT usage_mgmt.stat_reset()');
SELECT pg_temp.state('SELECT count(*) FROM usage_mgmt.import_job');
SELECT pg_temp.state('SELECT count(*) FROM usage_mgmt.stat_offset');
RESET ROLE;
-- Whoever deletes his own needs no right on what is kept, and nothing of his runs as somebody else
CREATE SCHEMA regress_trap AUTHORIZATION regress_partner;
SET ROLE regress_partner;
CREATE FUNCTION regress_trap.spring(anyenum, anyenum) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'as %', current_user; END $$;
CREATE OPERATOR regress_trap.= (LEFTARG = anyenum, RIGHTARG = anyenum, FUNCTION = regress_trap.spring);
SET search_path = regress_trap, pg_catalog;
SELECT pg_temp.state('SELECT count(*) FILTER (WHERE status = ''failed'') FROM usage_mgmt.import_job') AS the_trap_is_set;
DELETE FROM usage_mgmt.import_job;
SELECT pg_temp.state('SELECT 1 FROM usage_mgmt.usage_mgmt_stat');
RESET search_path;
RESET ROLE;
SELECT loads_started, import_jobs_ordered FROM usage_mgmt.usage_mgmt_stat;
DROP SCHEMA regress_trap CASCADE;

-- The function is a trigger of what is counted, for each statement that takes rows away
SELECT pg_temp.state('SELECT usage_mgmt.stat_keep()');
CREATE TABLE public.not_counted (id int);
INSERT INTO public.not_counted VALUES (1);
CREATE TRIGGER t AFTER DELETE ON public.not_counted REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.stat_keep();
DELETE FROM public.not_counted;
DROP TRIGGER t ON public.not_counted;
CREATE TRIGGER t AFTER DELETE ON public.not_counted FOR EACH ROW EXECUTE FUNCTION usage_mgmt.stat_keep();
DELETE FROM public.not_counted;
DROP TRIGGER t ON public.not_counted;
CREATE TRIGGER t AFTER INSERT ON public.not_counted FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.stat_keep();
INSERT INTO public.not_counted VALUES (2);
DROP TABLE public.not_counted;

-- Cleaned up
DROP OWNED BY regress_level, regress_partner, regress_watch;
DROP ROLE regress_level, regress_partner, regress_watch;
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key, usage_mgmt.import_load, usage_mgmt.import_reject, usage_mgmt.usage_conflict,
	usage_mgmt.import_job, usage_mgmt.export_job, usage_mgmt.export_result,
	usage_mgmt.usage_event_0, usage_mgmt.usage_event_1, usage_mgmt.usage_event_2, usage_mgmt.hub_tick;
