-- Jobs: what agents call to take, do and end what is ordered, results, and what is kept how long.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';
TRUNCATE usage_mgmt.import_job, usage_mgmt.export_job, usage_mgmt.export_result;

CREATE ROLE regress_partner;
CREATE ROLE regress_agent;
SELECT usage_mgmt.grant_access('regress_partner', 'writer'), usage_mgmt.grant_access('regress_agent', 'agent');

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
-- What an agent is given, in short: rights that it has, and none of whoever runs this file
CREATE FUNCTION pg_temp.claim(agent text, most int, retries int DEFAULT 3) RETURNS TABLE (taken text, failures int, cancelled boolean)
LANGUAGE sql AS $$
	SELECT c.job || ' ' || c.attempt, c.failures, c.cancelled FROM usage_mgmt.job_claim(agent, '1 minute', most, retries) c
$$;
-- As if the time of all leases had run out: no trigger sees it
CREATE PROCEDURE pg_temp.pass() LANGUAGE plpgsql SECURITY DEFINER SET session_replication_role = replica AS $$
BEGIN
	UPDATE usage_mgmt.import_job SET leased_until = now() - interval '1 s' WHERE leased_until IS NOT NULL;
	UPDATE usage_mgmt.export_job SET leased_until = now() - interval '1 s' WHERE leased_until IS NOT NULL;
END
$$;
CREATE TEMP VIEW job AS
	SELECT id, status, agent, attempts, failures, error_log, completion_date IS NOT NULL AS ended, leased_until > now() AS leased
	FROM usage_mgmt.import_job
	UNION ALL
	SELECT id, status, agent, attempts, failures, error_log, completion_date IS NOT NULL, leased_until > now()
	FROM usage_mgmt.export_job;

GRANT SELECT ON job TO PUBLIC;

-- Four orders, by a request whose claims are long
SELECT set_config('request.jwt.claims', '{"sub": "x", "long": "' || repeat('y', 9000) || '"}', false) <> '' AS of_a_request;
SET ROLE regress_partner;
INSERT INTO usage_mgmt.import_job (id, url) SELECT 'i' || n, 'file:///in/' || n FROM generate_series(1, 3) n;
INSERT INTO usage_mgmt.export_job (id, path) VALUES ('e1', 'usageSpecification');
RESET ROLE;
RESET "request.jwt.claims";

-- An agent takes what is due, those first that wait longest, up to so many in all
SET ROLE regress_agent;
SELECT * FROM pg_temp.claim('one', 2);
SELECT * FROM pg_temp.claim('one', 2);
SELECT * FROM pg_temp.claim('one', 1);
SELECT * FROM pg_temp.claim('two', 0);
SELECT * FROM pg_temp.claim('two', NULL);
SELECT * FROM pg_temp.claim('three', NULL);
SELECT id, status, agent, attempts, failures, error_log, ended, leased FROM job ORDER BY id;
-- with all that is to be done, and as who
SELECT resource, job, attempt, ordered_by, length(claims), about ->> 'noun' AS noun, about ->> 'url' AS url, about ->> 'attempts' AS attempts
FROM usage_mgmt.job_claim('two', '1 minute', 0, 3) ORDER BY job;
SELECT pg_temp.state($$SELECT count(*) FROM usage_mgmt.job_claim('', '1 minute', 1, 1)$$);
SELECT pg_temp.state($$SELECT count(*) FROM usage_mgmt.job_claim('one', '0', 1, 1)$$);
SELECT pg_temp.state($$SELECT count(*) FROM usage_mgmt.job_claim('one', '1 minute', 1, NULL)$$);

-- How far it is
SELECT usage_mgmt.job_checkpoint('one', 'import_job', 'i1', 1,
	'{"load": 7, "read": 10, "stored": 7, "repeated": 1, "conflicting": 1, "rejected": 1, "bytes": 250, "position": 900, "total": 1000, "report": {"files": 1}}');
SELECT load, read_count, stored_count, repeated_count, conflicting_count, rejected_count, byte_count, position, total_bytes, report
FROM usage_mgmt.import_job WHERE id = 'i1';
-- what it does not say stays
SELECT usage_mgmt.job_checkpoint('one', 'import_job', 'i1', 1, '{"bytes": 500, "read": null}'), usage_mgmt.job_checkpoint('one', 'import_job', 'i1', 1, NULL);
SELECT read_count, byte_count, position FROM usage_mgmt.import_job WHERE id = 'i1';
SELECT usage_mgmt.job_checkpoint('two', 'export_job', 'e1', 1, '{"records": 5, "bytes": 50, "total": 100}');
SELECT resource, job, state, url, ordered_by, agent, attempts, records, bytes, percent, records_per_second > 0 AS records_per_second,
	bytes_per_second > 0 AS bytes_per_second, seconds_left >= 0 AS seconds_left, started_at <= now() AS started, error
FROM usage_mgmt.job_progress ORDER BY job;
-- whoever is not at it changes nothing
SELECT usage_mgmt.job_checkpoint('two', 'import_job', 'i1', 1, '{"read": 99}') AS another, usage_mgmt.job_checkpoint('one', 'import_job', 'i1', 2, '{"read": 99}') AS later,
	usage_mgmt.job_end('two', 'import_job', 'i1', 1, 'failed', '', NULL) AS ended, usage_mgmt.job_retry('two', 'import_job', 'i1', 1, '0', '') AS retried,
	usage_mgmt.job_again('two', 'import_job', 'i1', 1, '0') AS again, usage_mgmt.job_release('two', 'import_job', 'i1', 1) AS released,
	usage_mgmt.job_checkpoint('one', 'import_job', 'none', 1, '{}') AS none;
SELECT status, read_count, agent FROM usage_mgmt.import_job WHERE id = 'i1';
SELECT pg_temp.state($$SELECT usage_mgmt.job_checkpoint('one', 'import_job', 'i1', 1, '{"reed": 1, "read": 2}')$$);
SELECT pg_temp.state($$SELECT usage_mgmt.job_checkpoint('two', 'export_job', 'e1', 1, '{"position": 1}')$$);
SELECT pg_temp.state($$SELECT usage_mgmt.job_checkpoint('one', 'usage', 'i1', 1, '{}')$$);
SELECT pg_temp.state($$SELECT usage_mgmt.job_checkpoint('one', NULL, 'i1', 1, '{}')$$);
SELECT pg_temp.state($$SELECT usage_mgmt.job_end('one', 'import_job', 'i1', 1, 'running', '', '{}')$$);
SELECT pg_temp.state($$SELECT usage_mgmt.job_release('one', 'hub_listener', 'i1', 1)$$);

-- A failure that may pass: not before its time, nor by whoever asks, and the failures of a job that does not get on add up
SELECT usage_mgmt.job_retry('one', 'import_job', 'i1', 1, '1 hour', 'connection refused');
SELECT * FROM pg_temp.claim('one', NULL);
SELECT job, state, error FROM usage_mgmt.job_progress WHERE job = 'i1';
UPDATE usage_mgmt.import_job SET next_at = now() WHERE id = 'i1';
SELECT * FROM pg_temp.claim('one', NULL);
SELECT usage_mgmt.job_checkpoint('one', 'import_job', 'i1', 1, '{"read": 11}') AS of_the_attempt_before,
	usage_mgmt.job_checkpoint('one', 'import_job', 'i1', 2, '{"bytes": 600}');
SELECT failures, error_log, position FROM usage_mgmt.import_job WHERE id = 'i1';
SELECT usage_mgmt.job_retry('one', 'import_job', 'i1', 2, NULL, NULL);
SELECT * FROM pg_temp.claim('one', NULL);
SELECT usage_mgmt.job_checkpoint('one', 'import_job', 'i1', 3, '{"position": 901}');
SELECT failures FROM usage_mgmt.import_job WHERE id = 'i1';
-- an export starts anew each time, so it may fail for ever behind the same record
SELECT usage_mgmt.job_retry('two', 'export_job', 'e1', 1, '0', 'disk full');
SELECT * FROM pg_temp.claim('two', NULL);
SELECT record_count, byte_count, total_bytes FROM usage_mgmt.export_job WHERE id = 'e1';
SELECT usage_mgmt.job_checkpoint('two', 'export_job', 'e1', 2, '{"records": 6}');
SELECT failures FROM usage_mgmt.export_job WHERE id = 'e1';
-- until it is given up, without waiting for the next time
SELECT usage_mgmt.job_retry('two', 'export_job', 'e1', 2, '1 hour', 'disk full again');
SELECT * FROM pg_temp.claim('two', NULL, 1);
SELECT status, ended, error_log FROM job WHERE id = 'e1';

-- An agent that does not come back: free when its lease has run out, and a failure
CALL pg_temp.pass();
SELECT state FROM usage_mgmt.job_progress WHERE job = 'i1';
-- as long as nobody has taken it, it counts
SELECT usage_mgmt.job_checkpoint('one', 'import_job', 'i1', 3, '{"read": 12}');
SELECT * FROM pg_temp.claim('three', 1);
SELECT status, agent, attempts, failures, error_log FROM job WHERE agent = 'three';
SELECT * FROM pg_temp.claim('one', 2);
CALL pg_temp.pass();
SELECT * FROM pg_temp.claim('three', NULL, 0);
SELECT id, status, agent, failures, error_log FROM job WHERE id LIKE 'i%' ORDER BY id;

-- One that has come back, or leaves, gives back what it had: no failure, at once, and whatever is left of it comes too late
RESET ROLE;
INSERT INTO usage_mgmt.import_job (id, url) VALUES ('r1', 'file:///r'), ('r2', 'file:///r');
SET ROLE regress_agent;
SELECT * FROM pg_temp.claim('one', 10) WHERE taken LIKE 'r%';
SELECT usage_mgmt.job_release('one', 'import_job', 'r1', 1);
SELECT * FROM pg_temp.claim('two', 10) WHERE taken LIKE 'r%';
SELECT usage_mgmt.job_release('one'), usage_mgmt.job_release('one');
SELECT * FROM pg_temp.claim('one', 10) WHERE taken LIKE 'r%';
SELECT usage_mgmt.job_checkpoint('one', 'import_job', 'r2', 1, '{}') AS before, usage_mgmt.job_checkpoint('one', 'import_job', 'r2', 2, '{}') AS now;

-- The end, of which the time is noted, and behind which nothing comes
SELECT usage_mgmt.job_end('one', 'import_job', 'r2', 2, 'succeeded', NULL, '{"read": 3, "stored": 3}'),
	usage_mgmt.job_end('two', 'import_job', 'r1', 2, 'failed', 'credential "x" is not known to the agent', NULL);
SELECT id, status, agent, ended, leased, error_log FROM job WHERE id LIKE 'r%' ORDER BY id;
SELECT job, state, percent, seconds_left, error FROM usage_mgmt.job_progress WHERE job LIKE 'r%' ORDER BY job;
SELECT usage_mgmt.job_end('one', 'import_job', 'r2', 2, 'failed', NULL, NULL), usage_mgmt.job_checkpoint('one', 'import_job', 'r2', 2, '{}'),
	usage_mgmt.job_retry('one', 'import_job', 'r2', 2, '0', ''), usage_mgmt.job_release('one');

-- A standing order waits for its next run as what it is
RESET ROLE;
INSERT INTO usage_mgmt.import_job (id, url, every) VALUES ('s', 'file:///s/*', '1 day');
SET ROLE regress_agent;
SELECT * FROM pg_temp.claim('one', 10) WHERE taken LIKE 's%';
SELECT usage_mgmt.job_retry('one', 'import_job', 's', 1, '0', 'no such folder');
SELECT * FROM pg_temp.claim('one', 10) WHERE taken LIKE 's%';
SELECT usage_mgmt.job_again('one', 'import_job', 's', 2, '1 day');
SELECT * FROM pg_temp.claim('one', 10) WHERE taken LIKE 's%';
SELECT state, error, next_at - now() BETWEEN '23:59:00' AND '24:00:00' AS waits, failures FROM usage_mgmt.job_progress p, usage_mgmt.import_job j WHERE job = 's' AND id = 's';

-- A cancel: at once where nobody is at it, else its agent hears of it, whatever it does next
RESET ROLE;
INSERT INTO usage_mgmt.import_job (id, url) SELECT 'c' || n, 'file:///c' FROM generate_series(1, 7) n;
SET ROLE regress_agent;
SELECT usage_mgmt.job_release('one'), usage_mgmt.job_release('two'), usage_mgmt.job_release('three');
SELECT count(*) FROM pg_temp.claim('one', NULL) WHERE taken LIKE 'c%';
SELECT usage_mgmt.job_release('one', 'import_job', 'c1', 1);
RESET ROLE;
SELECT id, usage_mgmt.cancel_import_job(id) FROM usage_mgmt.import_job WHERE id LIKE 'c%' ORDER BY id;
SELECT id, usage_mgmt.cancel_import_job(id) FROM usage_mgmt.import_job WHERE id IN ('c1', 'r1', 'r2') ORDER BY id;
SET ROLE regress_agent;
SELECT id, status, agent, ended, replace(error_log, session_user, 'postgres') AS error_log FROM job WHERE id LIKE 'c%' ORDER BY id;
SELECT * FROM pg_temp.claim('one', NULL) WHERE taken LIKE 'c%';
SELECT usage_mgmt.job_checkpoint('one', 'import_job', 'c2', 1, '{"read": 1}') AS checkpoint, usage_mgmt.job_retry('one', 'import_job', 'c2', 1, '1 hour', 'lost') AS retry,
	usage_mgmt.job_again('one', 'import_job', 'c3', 1, '1 hour') AS again, usage_mgmt.job_release('one', 'import_job', 'c4', 1) AS release,
	usage_mgmt.job_end('one', 'import_job', 'c5', 1, 'failed', 'stopped', NULL) AS failed, usage_mgmt.job_end('one', 'import_job', 'c6', 1, 'succeeded', '', NULL) AS done;
-- and where that agent does not come back, another ends it
CALL pg_temp.pass();
SELECT id, status, agent FROM usage_mgmt.import_job WHERE id LIKE 'c%' AND completion_date IS NULL;
SELECT * FROM pg_temp.claim('two', NULL, 9) WHERE taken LIKE 'c%';
SELECT id, status, agent, read_count, completion_date IS NOT NULL AS ended, replace(error_log, session_user, 'postgres') AS error_log FROM usage_mgmt.import_job WHERE id LIKE 'c%' ORDER BY id;
SELECT job, state FROM usage_mgmt.job_progress WHERE job LIKE 'c%' ORDER BY job;
RESET ROLE;
-- deleted: the same
INSERT INTO usage_mgmt.import_job (id, url) VALUES ('d1', 'file:///d'), (repeat('d', 512), 'file:///d');
SELECT count(*) FROM pg_temp.claim('one', NULL) WHERE taken LIKE 'd%';
SELECT usage_mgmt.delete_import_job('d1'), usage_mgmt.delete_import_job(repeat('d', 512));
SELECT usage_mgmt.job_checkpoint('one', 'import_job', 'd1', 1, '{}'), usage_mgmt.job_end('one', 'import_job', 'd1', 1, 'succeeded', '', NULL);
DELETE FROM usage_mgmt.import_job;

-- What comes in while a job runs touches no index, and what waits is found by one, however much has ended
INSERT INTO usage_mgmt.import_job (id, url) SELECT 'old ' || n, 'file:///' || n FROM generate_series(1, 2000) n;
UPDATE usage_mgmt.import_job SET status = 'failed';
INSERT INTO usage_mgmt.import_job (id, url) VALUES ('hot', 'file:///h');
VACUUM ANALYZE usage_mgmt.import_job;
SELECT * FROM pg_temp.claim('one', 1);
SELECT pg_stat_force_next_flush();
SELECT n_tup_upd AS updated, n_tup_hot_upd AS hot FROM pg_stat_user_tables WHERE relid = 'usage_mgmt.import_job'::regclass \gset before_
DO $$
BEGIN
	FOR n IN 1 .. 200 LOOP
		PERFORM usage_mgmt.job_checkpoint('one', 'import_job', 'hot', 1, jsonb_build_object('read', n, 'position', n * 10));
		IF n % 20 = 0 THEN
			PERFORM usage_mgmt.job_claim('one', '1 minute', 1, 3);
		END IF;
		COMMIT;
	END LOOP;
END
$$;
SELECT pg_stat_force_next_flush();
-- (0 also where statistics come late)
SELECT n_tup_upd - :before_updated >= 200 AS updated, n_tup_upd - :before_updated - (n_tup_hot_upd - :before_hot) <= 10 AS hot
FROM pg_stat_user_tables WHERE relid = 'usage_mgmt.import_job'::regclass;
CREATE FUNCTION pg_temp.plan(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
		RETURN NEXT substring(line FROM '(?:Index|Seq|Bitmap)[\w ]* Scan.*');
	END LOOP;
END
$$;
-- also beside row security
SET ROLE regress_agent;
SELECT plan FROM pg_temp.plan('SELECT j.next_at FROM usage_mgmt.import_job j WHERE ' || usage_mgmt.job_due() || ' ORDER BY j.next_at LIMIT 1') plan WHERE plan LIKE '%import_job%';
SELECT plan FROM pg_temp.plan($$SELECT count(*) FROM usage_mgmt.import_job j WHERE $$ || replace(usage_mgmt.job_leased(), '$1', '''one''')) plan WHERE plan LIKE '%import_job%';
RESET ROLE;
DELETE FROM usage_mgmt.import_job;
DELETE FROM usage_mgmt.export_job;

-- What came by a restore is held until it is resumed, also from an agent of the name that had it
INSERT INTO usage_mgmt.import_job (id, url) SELECT 'h' || n, 'file:///h' FROM generate_series(1, 3) n;
INSERT INTO usage_mgmt.export_job (id) VALUES ('h4');
SELECT count(*) FROM pg_temp.claim('one', NULL);
SELECT usage_mgmt.job_end('one', 'import_job', 'h3', 1, 'succeeded', '', NULL);
SET session_replication_role = replica;		-- no trigger, as a restore
UPDATE usage_mgmt.import_job SET life = life + 1;
UPDATE usage_mgmt.export_job SET life = life + 1, status = 'not started', agent = NULL, leased_until = NULL;
RESET session_replication_role;
SET ROLE regress_agent;
SELECT * FROM pg_temp.claim('one', NULL);
SELECT usage_mgmt.job_checkpoint('one', 'import_job', 'h1', 1, '{}'), usage_mgmt.job_end('one', 'import_job', 'h1', 1, 'failed', '', NULL),
	usage_mgmt.job_put_result('one', 'h4', 1, 0, ''), usage_mgmt.job_release('one');
SELECT job, state FROM usage_mgmt.job_progress ORDER BY job;
RESET ROLE;
-- one that is cancelled ends, whatever its lease seems
SELECT usage_mgmt.cancel_import_job('h2');
SELECT usage_mgmt.resume_job('import_job', 'h1'), usage_mgmt.resume_job('import_job', 'h1') AS again, usage_mgmt.resume_job('import_job', 'h2') AS cancelled,
	usage_mgmt.resume_job('import_job', 'h3') AS ended, usage_mgmt.resume_job('import_job', 'none') AS none, usage_mgmt.resume_job('export_job', 'h4');
SELECT pg_temp.state($$SELECT usage_mgmt.resume_job('usage', 'h1')$$);
SELECT job, state, agent, replace(error, session_user, 'postgres') AS error FROM usage_mgmt.job_progress ORDER BY job;
SET ROLE regress_agent;
SELECT * FROM pg_temp.claim('one', NULL);
RESET ROLE;

-- A result: parts of a megabyte, each behind the one before, and visible when the job has succeeded
INSERT INTO usage_mgmt.export_job (id) VALUES ('x'), ('empty'), ('url');
SET ROLE regress_agent;
SELECT * FROM pg_temp.claim('one', NULL) WHERE taken NOT LIKE 'h%';
SELECT usage_mgmt.job_put_result('one', 'x', 1, 0, repeat('x', 10)::bytea) AS of_an_attempt_that_died;
SELECT usage_mgmt.job_put_result('one', 'x', 1, 0, repeat('a', 1048576)::bytea), usage_mgmt.job_put_result('one', 'x', 1, 1, repeat('b', 1048576)::bytea),
	usage_mgmt.job_put_result('one', 'x', 1, 2, 'end');
SELECT usage_mgmt.job_put_result('one', 'x', 1, 2, 'end') AS said_again, (SELECT count(*) FROM usage_mgmt.export_result WHERE job = 'x') AS parts;
SELECT usage_mgmt.job_put_result('two', 'x', 1, 0, ''), usage_mgmt.job_put_result('one', 'x', 2, 0, ''), usage_mgmt.job_put_result('one', 'none', 1, 0, '');
SELECT pg_temp.state($$SELECT usage_mgmt.job_put_result('one', 'x', 1, 3, 'more')$$);
SELECT pg_temp.state($$SELECT usage_mgmt.job_put_result('one', 'x', 1, 4, 'more')$$);
SELECT pg_temp.state($$SELECT usage_mgmt.job_put_result('one', 'x', 1, -1, 'more')$$);
SELECT pg_temp.state($$SELECT usage_mgmt.job_put_result('one', 'x', 1, 0, repeat('x', 1048577)::bytea)$$);
SELECT pg_temp.state($$SELECT usage_mgmt.job_put_result('one', 'x', 1, 0, NULL)$$);
SELECT pg_temp.state($$SELECT usage_mgmt.get_export_result('x')$$) AS under_way;
SELECT usage_mgmt.job_put_result('one', 'empty', 1, 0, ''), usage_mgmt.job_end('one', 'export_job', 'empty', 1, 'succeeded', '', NULL),
	usage_mgmt.job_end('one', 'export_job', 'x', 1, 'succeeded', '', NULL), usage_mgmt.job_end('one', 'export_job', 'url', 1, 'succeeded', '', NULL);
SELECT start, length(part), convert_from(substring(part for 3), 'UTF8') AS begins
FROM unnest('{0,1,1048575,1048576,1048577,2097151,2097152,2097154,2097155,9000000000000000000}'::bigint[]) start, usage_mgmt.get_export_result('x', start) part;
SELECT usage_mgmt.get_export_result('x') = usage_mgmt.get_export_result('x', 0) AS from_the_start, usage_mgmt.get_export_result('empty') IS NULL AS empty;
SELECT pg_temp.state($$SELECT usage_mgmt.get_export_result('url')$$);
SELECT pg_temp.state($$SELECT usage_mgmt.get_export_result('none')$$);
SELECT pg_temp.state($$SELECT usage_mgmt.get_export_result(NULL)$$);
SELECT pg_temp.state($$SELECT usage_mgmt.get_export_result('x', -1)$$);
SELECT pg_temp.state($$SELECT usage_mgmt.get_export_result('x', NULL)$$);
RESET ROLE;
-- bounded
INSERT INTO usage_mgmt.export_job (id) VALUES ('large');
SELECT count(*) FROM pg_temp.claim('one', NULL);
UPDATE usage_mgmt.setting SET value = '1500 kB' WHERE name = 'export_result_max';
SELECT usage_mgmt.job_put_result('one', 'large', 1, 0, repeat('a', 1048576)::bytea), usage_mgmt.job_put_result('one', 'large', 1, 1, repeat('b', 1536000 - 1048576)::bytea);
SELECT pg_temp.state($$SELECT usage_mgmt.job_put_result('one', 'large', 1, 2, 'x')$$);
DELETE FROM usage_mgmt.export_result WHERE job = 'large' AND part = 1;
SELECT pg_temp.state($$SELECT usage_mgmt.job_put_result('one', 'large', 1, 1, repeat('b', 1536001 - 1048576)::bytea)$$);
SELECT pg_temp.state($$UPDATE usage_mgmt.setting SET value = '-1' WHERE name = 'export_result_max'$$);
SELECT pg_temp.state($$UPDATE usage_mgmt.setting SET value = 'soon' WHERE name = 'job_retention'$$);
UPDATE usage_mgmt.setting d SET value = s.value FROM usage_mgmt.setting_defaults() s WHERE s.name = d.name AND d.name = 'export_result_max' RETURNING d.*;

-- Kept: results for a day, of jobs that failed not at all, what has ended for 30; what has not for ever
SELECT usage_mgmt.job_end('one', 'export_job', 'large', 1, 'failed', 'too large', NULL);
UPDATE usage_mgmt.export_job SET completion_date = now() - interval '23 h 59 min' WHERE id = 'x';
UPDATE usage_mgmt.export_job SET completion_date = now() - interval '24 h 1 min' WHERE id = 'empty';
SELECT length(usage_mgmt.get_export_result('x'));
SELECT pg_temp.state($$SELECT usage_mgmt.get_export_result('empty')$$);
INSERT INTO usage_mgmt.import_job (id, url, every) SELECT 'k' || n, 'file:///k/*', '1 day' FROM generate_series(1, 3) n;
UPDATE usage_mgmt.import_job SET status = 'running' WHERE id = 'k1';
UPDATE usage_mgmt.import_job SET status = 'failed' WHERE id IN ('k2', 'k3');
UPDATE usage_mgmt.import_job SET completion_date = now() - interval '29 days' WHERE id = 'k2';
UPDATE usage_mgmt.import_job SET completion_date = now() - interval '31 days' WHERE id = 'k3';
SET session_replication_role = replica;
UPDATE usage_mgmt.import_job SET creation_date = now() - interval '1 year', next_at = now() - interval '1 year';
RESET session_replication_role;
SET ROLE regress_agent;
SELECT usage_mgmt.jobs_upkeep(), usage_mgmt.jobs_upkeep() AS again;
SELECT DISTINCT job FROM usage_mgmt.export_result ORDER BY 1;
SELECT id FROM usage_mgmt.import_job WHERE id LIKE 'k%' ORDER BY 1;
RESET ROLE;
UPDATE usage_mgmt.setting SET value = '1 day' WHERE name = 'job_retention';
SELECT usage_mgmt.jobs_upkeep();
SELECT id FROM usage_mgmt.import_job WHERE id LIKE 'k%' ORDER BY 1;
UPDATE usage_mgmt.setting d SET value = s.value FROM usage_mgmt.setting_defaults() s WHERE s.name = d.name AND d.name = 'job_retention' RETURNING d.*;
-- with a job goes its result
SELECT usage_mgmt.delete_export_job('x');
SELECT count(*) FROM usage_mgmt.export_result;

TRUNCATE usage_mgmt.import_job, usage_mgmt.export_job, usage_mgmt.export_result;
DROP OWNED BY regress_partner, regress_agent;
DROP ROLE regress_partner, regress_agent;
