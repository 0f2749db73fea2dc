-- Files out of folders: the register, which takes every content once, and what a manifest says.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
\set lines 'WITH (FORMAT csv, QUOTE E''\\x01'', DELIMITER E''\\x02'')'
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key, usage_mgmt.import_load, usage_mgmt.import_file RESTART IDENTITY;

CREATE FUNCTION pg_temp.state(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE statement INTO answer;
	RETURN answer;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
-- A file of role night's, in a folder where it stays
CREATE FUNCTION pg_temp.take(job text, name text, content text, number text DEFAULT NULL, stays boolean DEFAULT true, stamp text DEFAULT '1', role text DEFAULT 'night')
RETURNS record LANGUAGE sql
AS $$ SELECT usage_mgmt.file_take(job, role, name, 'file:/in/' || name, stamp, 10, content, CASE WHEN number IS NOT NULL THEN 's' END, number, stays) $$;

-- What is new is loaded, once it is done it is known as it lies there
SELECT pg_temp.take('1', 'a', 'A');
SELECT * FROM usage_mgmt.file_known('2', 'night', '{file:/in/a}', '{1}');
-- an attempt that died is gone on with, also by another job
SELECT pg_temp.take('1', 'a', 'A'), pg_temp.take('2', 'a', 'A');
SELECT usage_mgmt.file_end(1, 7, NULL, true);
-- what is finished stays so, whoever says later that he could not
SELECT usage_mgmt.file_end(1, NULL, 'was late', false);
SELECT * FROM usage_mgmt.file_known('2', 'night', '{file:/in/a,file:/in/b,file:/in/a}', '{1,1,2}');
SELECT * FROM usage_mgmt.file_known('2', 'day', '{file:/in/a}', '{1}');
SELECT * FROM usage_mgmt.file_known('2', 'night', '{file:/in/a}', ARRAY[NULL]);
-- touched, it is still the same; where it was put away it has been delivered again
SELECT pg_temp.take('3', 'a', 'A', stamp => '2'), pg_temp.take('3', 'a', 'A', stamp => '3', stays => false);
-- the same content under another name, told once by each job
SELECT pg_temp.take('3', 'b', 'A'), pg_temp.take('3', 'b', 'A'), pg_temp.take('4', 'b', 'A', stamp => '2');
SELECT id, name, stamp, job, same_as, finished_at IS NOT NULL AS done FROM usage_mgmt.import_file ORDER BY id;
-- each role has its own; another content under the same name is another file
SELECT pg_temp.take('5', 'a', 'A', role => 'day'), pg_temp.take('3', 'a', 'B');
TRUNCATE usage_mgmt.import_file RESTART IDENTITY;

-- The report: gaps and repeats over all that is known of the series, what was delivered twice, what failed
SELECT pg_temp.take('1', format('n%s', n), 'content ' || n, n::text) IS NOT NULL AS taken, usage_mgmt.file_end(n, NULL, NULL, true)
FROM generate_series(1, 3) n;
SELECT jsonb_pretty(usage_mgmt.folder_progress('1', 'night', 's', 0, '{}', '{}', '{}', '{}'));
SELECT pg_temp.take('2', 'n03b', 'content 3b', '3'), pg_temp.take('2', 'n7', 'content 7', '0007'), pg_temp.take('2', 'again', 'content 2'), pg_temp.take('2', 'n9', 'content 9', '9');
SELECT usage_mgmt.file_end(4, NULL, NULL, true), usage_mgmt.file_end(5, NULL, 'the gzip file ends too early', false), usage_mgmt.file_end(7, NULL, NULL, true);
SELECT jsonb_pretty(usage_mgmt.folder_progress('2', 'night', 's', 3, '{n5}', '{5}', '{n6,n7}', '{"no right to it","could not be renamed"}'));
-- the next run tells of the gaps that are left
SELECT (usage_mgmt.folder_progress('3', 'night', 's', 6, '{}', '{}', '{}', '{}') -> 'report') - 'failed'::text AS report;
-- lists are bounded, numbers are not
SELECT count(pg_temp.take('4', 'n' || n, 'content ' || n, n::text)) FROM (SELECT 1000 + 2 * generate_series(1, 102) n UNION SELECT repeat('9', 60)::numeric) n;
SELECT jsonb_array_length(report -> 'gaps') AS gaps, report -> 'gaps' -> 0 AS first, report -> 'more' AS more
FROM (SELECT usage_mgmt.folder_progress('4', 'night', 's', 0, '{}', '{}', '{}', '{}') -> 'report' AS report) p;
TRUNCATE usage_mgmt.import_file RESTART IDENTITY;

-- Counts are those of the loads. One that was taken back may be delivered again; it is not taken as long as it lies there as it did
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"a","date":"2001-01-01T10:00:00.5Z","type":"VOICE"}
{"id":"b","date":"2001-02-01T00:00:00Z","type":"VOICE","status":"rated","ratedProductUsage":[{"ratingDate":"2001-04-01T00:00:00Z","taxIncludedRatingAmount":1.20,"taxExcludedRatingAmount":1.00,"taxRate":20,"currencyCode":"EUR","productRef":"p"}]}
\.
SELECT pg_temp.take('1', 'a', 'A'), usage_mgmt.file_end(1, 1, NULL, true);
SELECT usage_mgmt.folder_progress('1', 'night', NULL, 0, '{}', '{}', '{}', '{}') - 'report' AS counts;
BEGIN;
INSERT INTO usage_mgmt.import_job (id, url) VALUES ('open', 'file:///in/a');
UPDATE usage_mgmt.import_job SET status = 'running', load = 1 WHERE id = 'open';
SELECT pg_temp.state('SELECT usage_mgmt.undo_load(1)');
ROLLBACK;
BEGIN;
SELECT undone FROM usage_mgmt.undo_load(1);
SELECT usage_mgmt.folder_progress('1', 'night', NULL, 0, '{}', '{}', '{}', '{}') - 'report' AS counts;
SELECT * FROM usage_mgmt.file_known('2', 'night', '{file:/in/a}', '{1}');
SELECT pg_temp.take('2', 'a', 'A', stamp => '2');
ROLLBACK;

-- What an agent may, and who sees what
SET client_min_messages = error;
DROP ROLE IF EXISTS regress_file_agent, regress_file_loader;
RESET client_min_messages;
CREATE ROLE regress_file_agent;
CREATE ROLE regress_file_loader;
SELECT usage_mgmt.grant_access('regress_file_agent', 'agent'), usage_mgmt.grant_access('regress_file_loader', 'loader');
SET ROLE regress_file_agent;
SELECT pg_temp.take('1', 'l', 'L', role => 'regress_file_loader'), usage_mgmt.file_end(2, 1, 'odd', true);
SELECT usage_mgmt.folder_progress('1', 'regress_file_loader', NULL, 0, '{}', '{}', '{}', '{}') ->> 'read' AS read;
SET ROLE regress_file_loader;
SELECT id, name, ordered_by, error FROM usage_mgmt.import_file;
SELECT pg_temp.state('SELECT pg_temp.take(''1'', ''m'', ''M'', role => ''regress_file_loader'')');
RESET ROLE;
DROP OWNED BY regress_file_agent, regress_file_loader;
DROP ROLE regress_file_agent, regress_file_loader;

-- A manifest has the sums of the query, exactly
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT jsonb_pretty(m::jsonb - 'snapshot' - 'createdAt') AS manifest, m::jsonb ->> 'snapshot' = pg_current_snapshot()::text AS snapshot,
	(m::jsonb ->> 'createdAt')::timestamptz BETWEEN now() AND clock_timestamp() AS now, m LIKE '{"name":"out.json"%"EUR":1.20}%' AS exact
FROM usage_mgmt.make_manifest('out.json', 'usage', 'date.gt=2001-01-01', NULL, 2, 100, 'abc') m;
SELECT m::jsonb - 'snapshot' - 'createdAt' AS manifest FROM usage_mgmt.make_manifest('out.json', 'usage_specification', '', 'v4', 0, 0, 'abc') m;
SELECT pg_temp.state('SELECT usage_mgmt.make_manifest(''out.json'', ''usage'', '''', NULL, 1, 100, ''abc'')');
SELECT pg_temp.state('SELECT usage_mgmt.make_manifest(''out.json'', ''parcel'', '''', NULL, 1, 100, ''abc'')');
COMMIT;
-- and what differs from it is told with both figures
CREATE FUNCTION pg_temp.compared(falsified jsonb, load bigint DEFAULT 1, bytes bigint DEFAULT 100) RETURNS text LANGUAGE sql
RETURN usage_mgmt.compare_manifest(usage_mgmt.make_manifest('out.json', 'usage', '', NULL, 2, 100, 'abc')::jsonb || falsified, 'usage', load, bytes, 'abc');
SELECT pg_temp.compared('{}') AS none;
SELECT pg_temp.compared(falsified) AS differs FROM (VALUES
	('{"records":3}'::jsonb), ('{"bytes":101}'), ('{"sha256":"abd"}'), ('{"amounts":{"EUR":1.21}}'), ('{"amounts":{}}'), ('{"amounts":{"EUR":1.2,"USD":0.01}}'),
	('{"firstDate":"2001-01-01T10:00:00.6Z"}'), ('{"lastDate":"2001-02-02"}'), ('{"resource":"service_usage"}'),
	('{"records":3,"bytes":101,"sha256":"ABD","amounts":{"EUR":2},"firstDate":"2001-01-01","lastDate":null}')) f (falsified);
-- equal is what is equal, and what it does not say is not compared; before the load the file alone is
SELECT pg_temp.compared('{"amounts":{"EUR":1.2,"USD":0},"sha256":"ABC","records":2.0,"firstDate":"2001-01-01T12:00:00.5+02:00"}') AS equal,
	usage_mgmt.compare_manifest('{}', 'usage', 1, 1, 'x') AS nothing, pg_temp.compared('{"records":3,"amounts":{}}', NULL) AS before,
	pg_temp.compared('{"bytes":100}', NULL, NULL) AS unknown, pg_temp.compared('{"bytes":99}', NULL) AS file;
-- of what was not stored the books have no amounts
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"a","date":"2001-01-01T10:00:00.5Z","type":"VOICE"}
{"id":"c","date":"2001-02-01T00:00:00Z","type":"VOICE"}
\.
SELECT usage_mgmt.compare_manifest('{"records":3,"amounts":{"EUR":1.20},"firstDate":"2001-01-01"}', 'usage', 2, 1, 'x') AS repeated;
SELECT pg_temp.state(format('SELECT usage_mgmt.compare_manifest(%L, ''usage'', 1, 1, ''x'')', manifest)) FROM (VALUES
	('[]'), ('{"amounts":[]}'), ('{"records":"ten"}'), ('{"firstDate":"soon"}'), ('no JSON')) v (manifest);
SELECT pg_temp.state('SELECT usage_mgmt.compare_manifest(''{}'', ''usage'', 1000, 1, ''x'')');
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key, usage_mgmt.import_load, usage_mgmt.import_file RESTART IDENTITY;

-- What another role has taken of the same content, or of the same series, is nothing to this one
SELECT pg_temp.take('1', 'a', 'A', role => 'day'), usage_mgmt.file_end(1, NULL, NULL, true);
SELECT pg_temp.take('1', 'b', 'A'), pg_temp.take('2', 'c', 'A');
SELECT pg_temp.take('1', 'n3', 'x', '3', role => 'day'), pg_temp.take('1', 'n3', 'y', '3'), pg_temp.take('1', 'n9', 'z', '9', role => 'day');
SELECT report -> 'duplicateNumbers' AS duplicates, report -> 'gaps' AS gaps
FROM (SELECT usage_mgmt.folder_progress('1', 'night', 's', 0, '{}', '{}', '{}', '{}') -> 'report' AS report) p;
-- what was taken back is missing until it comes again
SELECT pg_temp.take('1', 'n4', 'four', '4'), pg_temp.take('1', 'n5', 'five', '5');
UPDATE usage_mgmt.import_file SET undone_at = now() WHERE name = 'n4';
SELECT usage_mgmt.folder_progress('1', 'night', 's', 0, '{}', '{}', '{}', '{}') -> 'report' -> 'gaps' AS gaps;
TRUNCATE usage_mgmt.import_file RESTART IDENTITY;
