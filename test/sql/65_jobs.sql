-- Jobs: orders to take in or give out what is stored, as a client and as an agent see them.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
SET TimeZone = 'UTC';

-- The two of seed 003, as they stand there but for their names
CREATE TEMP TABLE seed (noun text, body json);
INSERT INTO seed VALUES ('export_job', '{
        "id": "54",
        "href": "http:/api/usageManagement/exportJob/54",
        "status": "running",
        "path": "usageManagement/",
        "content-type": "application/json",
        "errorLog": "",
        "creationDate": "2013-04-19T16:42:23-04:00",
        "completionDate": "2013-04-21T16:42:23-04:00",
        "url": "ftp://ftp.myUsage.com/usage/54"
    }'), ('import_job', '{
        "id": "54",
        "href": "http:/api/ usageManagement/importJob/54",
        "status": "completed",
        "path": "usageManagement/",
        "content-type": "application/json",
        "errorLog": "",
        "creationDate": "2013-04-19T16:42:23-04:00",
        "completionDate": "2013-04-21T16:42:23-04:00",
        "url": "ftp://ftp.myUsage.com/usage/54"
    }');
CREATE FUNCTION pg_temp.post(noun text, body json, version text DEFAULT 'r14.5') RETURNS json LANGUAGE plpgsql AS $$
DECLARE
	result json;
BEGIN
	EXECUTE format('SELECT usage_mgmt.post_%s($1, $2)', noun) INTO result USING body, version;
	RETURN result;
END
$$;
CREATE FUNCTION pg_temp.get(noun text, id text, version text DEFAULT 'r14.5') RETURNS json LANGUAGE plpgsql AS $$
DECLARE
	result json;
BEGIN
	EXECUTE format('SELECT usage_mgmt.get_%s($1, NULL, $2)', noun) INTO result USING id, version;
	RETURN result;
END
$$;
-- what stands where, but for times that are now
CREATE FUNCTION pg_temp.shown(value text) RETURNS text
RETURN CASE WHEN value::text ~ '^"\d{4}-\d\d-\d\dT' AND (value::jsonb #>> '{}')::timestamptz > now() - interval '1 hour' THEN 'now' ELSE value END;

-- Attribute by attribute: what the seed has, and what is answered. What is the server's is what it is.
CREATE TEMP TABLE posted AS SELECT noun, body, pg_temp.post(noun, body) AS answer FROM seed;
SELECT noun, key, s.value AS seed, pg_temp.shown(a.value::text) AS answer
FROM posted, json_each(body) WITH ORDINALITY s(key, value, n) LEFT JOIN LATERAL json_each(answer) a USING (key)
ORDER BY noun, n;
-- What stands beside it is ours
SELECT noun, replace(string_agg(a.key || '=' || a.value, ' ' ORDER BY a.n), current_user, 'me')
FROM posted, json_each(answer) WITH ORDINALITY a(key, value, n) WHERE body -> a.key IS NULL GROUP BY noun ORDER BY noun;

-- The same again is found, whatever has become of it and whatever it says of that; other content is another job
UPDATE usage_mgmt.import_job SET status = 'running', attempts = 1, agent = 'a', leased_until = now() + interval '1 hour' WHERE id = '54';
SELECT pg_temp.post(noun, body) ->> 'status' FROM seed ORDER BY noun;
SELECT count(*) FROM usage_mgmt.import_job;
SELECT usage_mgmt.post_import_job('{"id": "54", "path": "usageManagement/", "content-type": "application/json", "url": "ftp://ftp.myUsage.com/usage/55"}');
-- without an id it gets one
SELECT length(usage_mgmt.post_import_job('{"url": "file:///in/a"}') ->> 'id');

-- The notification: in the transaction that ends the job, that alone, and not if it is undone
SELECT usage_mgmt.register_import_job_listener(NULL, '', 'r14.5') ->> 'id' AS old_import, usage_mgmt.register_export_job_listener(NULL, '', 'r14.5') ->> 'id' AS old_export,
	usage_mgmt.register_import_job_listener(NULL, '', 'v4') ->> 'id' AS new_import, usage_mgmt.register_export_job_listener(NULL, '', 'v4') ->> 'id' AS new_export \gset
BEGIN;
UPDATE usage_mgmt.import_job SET status = 'succeeded' WHERE id = '54';
ROLLBACK;
UPDATE usage_mgmt.export_job SET status = 'running', attempts = 1 WHERE id = '54';
UPDATE usage_mgmt.import_job SET status = 'succeeded', stored_count = 2, read_count = 2 WHERE id = '54';
UPDATE usage_mgmt.export_job SET status = 'succeeded' WHERE id = '54';
-- The seed's two, attribute by attribute; what an agent had of the job is gone with its end
CREATE TEMP TABLE notification AS
	SELECT 'export_job' AS noun, event FROM usage_mgmt.next_events(:'old_export')
	UNION ALL SELECT 'import_job', event FROM usage_mgmt.next_events(:'old_import');
SELECT noun, count(*) FROM notification GROUP BY noun ORDER BY noun;
SELECT noun, key, CASE WHEN key = 'eventId' THEN json_typeof(value) WHEN key = 'event' THEN (SELECT string_agg(k, ',') FROM json_object_keys(value) k) ELSE pg_temp.shown(value::text) END
FROM notification, json_each(event) ORDER BY noun, key;
SELECT noun, s.key, s.value, pg_temp.shown(a.value::text)
FROM notification JOIN seed USING (noun), json_each(event -> 'event') job(name, value), json_each(body) WITH ORDINALITY s(key, value, n) LEFT JOIN LATERAL json_each(job.value) a USING (key)
ORDER BY noun, s.n;
SELECT noun, event -> 'event' -> 'importJob' -> 'storedCount' FROM notification WHERE noun = 'import_job';
SELECT status, agent, leased_until, completion_date IS NOT NULL AS ended FROM usage_mgmt.import_job WHERE id = '54';
-- It is the job as it is; and one that fails is told of, too
SELECT (event -> 'event' -> 'importJob')::text = usage_mgmt.get_import_job('54', NULL, 'r14.5')::text FROM notification WHERE noun = 'import_job';
UPDATE usage_mgmt.import_job SET status = 'failed', error_log = 'file "/in/a" does not exist' WHERE url = 'file:///in/a';
SELECT event ->> 'eventType', event #>> '{event,importJob,status}', event #>> '{event,importJob,errorLog}' FROM usage_mgmt.next_events(:'old_import');

-- v4: its names, its words, and an event for each thing that befalls a job
SELECT noun, key, value FROM seed, json_each(pg_temp.get(noun, '54', 'v4')) WHERE key IN ('href', 'status', 'contentType', 'content-type') ORDER BY noun, key;
SELECT usage_mgmt.post_export_job('{"id": "v4", "@type": "ExportJob", "path": "/usageSpecification", "contentType": "text/csv; charset=utf-8", "status": "Succeeded", "query": "lifecycleStatus=active"}', 'v4')::jsonb - '{creationDate,orderedBy}'::text[];
UPDATE usage_mgmt.export_job SET status = 'running', attempts = attempts + 1 WHERE id = 'v4';
UPDATE usage_mgmt.export_job SET record_count = 17, leased_until = now() WHERE id = 'v4';
UPDATE usage_mgmt.export_job SET status = 'failed', error_log = 'no room' WHERE id = 'v4';
SELECT usage_mgmt.delete_export_job('v4');
SELECT event ->> 'eventType', event #>> '{event,exportJob,id}', event #>> '{event,exportJob,status}', event #>> '{event,exportJob,contentType}', event ? 'timeOcurred'
FROM (SELECT event::jsonb FROM usage_mgmt.next_events(:'new_export')) e;
SELECT event ->> 'eventType', event #>> '{event,importJob,status}' FROM usage_mgmt.next_events(:'new_import');
-- It is written in the version that it was ordered in, unless it names one, or what it orders has it not; by SQL in that of the setting when it is done
SELECT usage_mgmt.post_export_job(job::json, version) ->> 'tmfVersion'
FROM unnest('{"{\"query\": \"date=2026-01-01\"}","{\"query\": \"usageDate=2026-01-01\", \"tmfVersion\": \"V4\"}","{\"path\": \"serviceUsage\"}"}'::text[]) job, unnest('{r14.5,v4}'::text[]) version ORDER BY job, version;
-- A status is understood in any version's words, and in the seeds'
SELECT text, usage_mgmt.count_import_jobs('status=' || text) FROM unnest('{succeeded,Succeeded,completed,failed,not started,Not%20Started,notStarted}'::text[]) text;
SELECT usage_mgmt.count_import_jobs('status=done');

-- Every move from every status, of both
CREATE FUNCTION pg_temp.moves(noun text, came text, goes text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_temp.post(noun, '{"id": "move", "url": "file:///x"}');
	IF came <> 'not started' THEN
		EXECUTE format('UPDATE usage_mgmt.%I SET status = ''running'' WHERE id = ''move''', noun);
	END IF;
	EXECUTE format('UPDATE usage_mgmt.%I SET status = %L WHERE id = ''move''', noun, came);
	EXECUTE format('UPDATE usage_mgmt.%I SET status = %L WHERE id = ''move''', noun, goes);
	EXECUTE format('DELETE FROM usage_mgmt.%I WHERE id = ''move''', noun);
	RETURN 'moves';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;
SELECT noun, came, string_agg(goes || ': ' || pg_temp.moves(noun, came::text, goes::text), ', ' ORDER BY goes)
FROM seed, unnest(enum_range(NULL::usage_mgmt.job_status)) came, unnest(enum_range(NULL::usage_mgmt.job_status)) goes
GROUP BY noun, came ORDER BY noun, came;

-- What is wrong with an order, by its path: a url
CREATE FUNCTION pg_temp.faults(noun text, body text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	PERFORM pg_temp.post(noun, body::json, CASE WHEN body LIKE '%contentType%' THEN 'v4' ELSE 'r14.5' END);
	RETURN 'sound';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN coalesce((SELECT string_agg(concat_ws(' ', f ->> 'code', f ->> 'path', f ->> 'message'), '; ' ORDER BY n)
		FROM json_array_elements(detail::json) WITH ORDINALITY f(f, n)), SQLSTATE || ' ' || SQLERRM);
END
$$;
SELECT to_json(url), pg_temp.faults('import_job', json_build_object('url', url)::text) FROM unnest(ARRAY[
	'file:///in/a.json', 'FILE:///in/a.json', 'http://example.com', 'https://example.com/a?b=c@d', 'ftp://example.com/a', 'ftps://example.com/a', 'sftp://example.com/in/a.gz', 's3://bucket/a', ' file:///in/blank ',
	'', 'a.json', '/in/a.json', 'gopher://example.com/', 'file:/in/a.json', 'file://', 'http:///a', 'http://?a', 'https://:443/', 'scp://example.com/a', 'javascript:alert(1)',
	'ftp://me:hunter2@example.com/a', 'ftp://me@example.com/a', 'https://me:hunter2@example.com', 'http://example.com/a#b', 'http://example.com/a b', E'http://example.com/a\r\nHost: b', E'http://example.com/\u007f',
	'http://example.com\@evil/', 'file:///in/*.json', 'sftp://example.com/in/usage-?.json.gz', 'ftp://*/a', 'file:///*/a.json', 'https://example.com/*.json', 's3://bucket/*']) url;
SELECT pg_temp.faults('import_job', '{}'), pg_temp.faults('import_job', '{"url": null}'), pg_temp.faults('import_job', '{"url": ["a"]}'), pg_temp.faults('import_job', json_build_object('url', 'http://a/' || repeat('a', 2000))::text);
SELECT pg_temp.faults('export_job', '{}'), pg_temp.faults('export_job', '{"url": "file:///out/*.json"}'), pg_temp.faults('export_job', '{"url": "ftp://me:hunter2@a/b"}');
-- the password is in no message
SELECT pg_temp.faults('import_job', '{"url": "ftp://me:hunter2@a/b", "path": "x"}') ~ 'hunter2';

-- a path: the end of a resource's, or of its API's; no order is of an order
SELECT path, usage_mgmt.order_resource(path) FROM unnest('{usageManagement/,usageManagement,/usageManagement/usage/,usageManagement/usage,/usage,usage,usageSpecification,usageManagement/v4/usageSpecification,
	/tmf-api/usageManagement/v4/,/tmf-api/usageManagement/v4/usageSpecification,serviceUsage,serviceUsage/,serviceUsage/serviceUsage,/serviceUsage/serviceUsageSpecification,serviceUsageManagement/,"  usage ","",/,NULL}'::text[]) path;
SELECT path, pg_temp.faults('export_job', json_build_object('path', path)::text) FROM unnest('{importJob,exportJob,/usageManagement/exportJob/,v4,tmf-api,hub,Usage,usage_specification,productUsage,usage/1,../usage,http://example.com/usageManagement/usage,usage?id=1}'::text[]) path;
SELECT usage_mgmt.order_resource('importJob');

-- a content type, whatever its case and parameters
SELECT type, pg_temp.faults('export_job', json_build_object('content-type', type)::text) FROM unnest('{application/x-ndjson,application/ndjson,APPLICATION/JSON,text/csv; header=present,application/json;charset=utf-8,json,text/plain,application/jsonl,;,text/csvx}'::text[]) type;

-- what is said of a pattern, and of a standing order
SELECT job, pg_temp.faults('import_job', job) FROM unnest(ARRAY[
	'{"url": "sftp://a/in/usage-*.json", "sequence": "usage-#.json", "afterwards": "rename", "every": "5 minutes"}', '{"url": "file:///in/*", "every": "PT1H"}', '{"url": "http://a/b", "every": "1 day"}',
	'{"url": "file:///in/*", "sequence": "usage.json"}', '{"url": "file:///in/*", "sequence": "#-#"}', '{"url": "file:///in/a", "sequence": "#"}', '{"url": "http://a/*", "sequence": "#"}', '{"url": "file:///in/a", "afterwards": "keep"}',
	'{"url": "file:///in/*", "afterwards": "burn"}', '{"url": "file:///a", "every": "soon"}', '{"url": "file:///a", "every": "0"}', '{"url": "file:///a", "every": "-1 day"}', '{"url": "file:///a", "every": "1 millisecond"}', '{"url": "file:///a", "every": "infinity"}',
	'{"url": "file:///a", "every": "1 month -60 days"}', '{"url": "file:///a", "every": "1 hour", "parent": "54"}', '{"url": "file:///a", "parent": "54"}', '{"url": "file:///a", "manifest": "maybe"}', '{"url": "file:///a", "manifest": "true", "credential": "partner"}']) job;
-- to the limits, and beyond them
SELECT every, pg_temp.faults('import_job', json_build_object('url', 'file:///a', 'every', every)::text) FROM unnest('{1 second,0.999999 seconds,100 years,100 years 1 second,1200 months 1 day}'::text[]) every;
SELECT length, pg_temp.faults('import_job', json_build_object('url', rpad('http://a/', length, 'a'))::text) FROM unnest('{2000,2001}'::int[]) length;
SELECT pg_temp.faults('import_job', json_build_object('url', 'file:///in/*', 'sequence', repeat('*', 2000) || '#')::text);

-- a query, as a list of that resource in that version would take it
SELECT job, pg_temp.faults('export_job', job) FROM unnest(ARRAY[
	'{"query": "usageDate.gte=2026-01-01&status=rated&sort=-usageDate&fields=id,status&limit=10"}', '{"query": "?date.lt=2026-01-01", "tmfVersion": "V4"}', '{"path": "serviceUsage", "query": "service.id=7", "tmfVersion": "v4"}', '{"query": ""}',
	'{"query": "status=nonsense"}', '{"query": "usageDate.gte=yesterday"}', '{"query": "fields=nonsense"}', '{"query": "sort=nonsense"}', '{"query": "limit=x"}', '{"query": "depth=1"}', '{"query": "usageDate.like=1"}', '{"query": "%ff=1"}',
	'{"query": "status=active"}', '{"query": "lifecycleStatus=active", "path": "usageSpecification"}', '{"tmfVersion": "v3"}', '{"path": "serviceUsage", "tmfVersion": "r14.5"}', '{"tmfVersion": "v3", "query": "status=nonsense"}']) job;

-- a mapping, which is of CSV
SELECT job, pg_temp.faults('import_job', job) FROM unnest(ARRAY[
	'{"url": "file:///a", "mapping": {"id": "call"}}', '{"url": "file:///a", "contentType": "application/json", "mapping": {"id": "call"}}', '{"url": "file:///a", "contentType": "text/csv; header=present", "mapping": {"id": "call"}}',
	'{"url": "file:///a", "contentType": "text/csv", "mapping": {"id": "call", "usageDate": {"column": "start"}, "usageType": {"value": "voice"}, "usageCharacteristic[duration]": {"column": "secs", "type": "number"}}}',
	'{"url": "file:///a", "contentType": "text/csv", "mapping": {}}', '{"url": "file:///a", "contentType": "text/csv", "mapping": ["id"]}', '{"url": "file:///a", "contentType": "text/csv", "mapping": {"id": 7, "usageDate": {"colum": "x"}}}',
	'{"url": "file:///a", "contentType": "text/csv", "mapping": {"lifecycleStatus": "state"}, "path": "usageSpecification"}', '{"url": "file:///a", "contentType": "text/csv", "mapping": {}, "path": "hub"}']) job;

-- All that is wrong with one at once, in the order of its attributes; so is what is no value at all
SELECT regexp_split_to_table(pg_temp.faults('import_job', '{"path": "importJob", "content-type": "x", "url": "ftp://a:b@c/d", "every": "0", "parent": "1", "afterwards": "burn", "sequence": "##", "mapping": {}, "manifest": "maybe", "credential": {}, "status": 7}'), '; ');
SELECT regexp_split_to_table(pg_temp.faults('export_job', '{"path": 7, "content-type": [], "url": "x", "query": "limit=x", "tmfVersion": "v3", "manifest": 1, "completionDate": "tomorrow"}'), '; ');
SELECT pg_temp.faults('export_job', '[]'), pg_temp.faults('export_job', '7');
-- By SQL they are the same, and name the column
INSERT INTO usage_mgmt.import_job (id, url, content_type) VALUES ('sql', 'x', 'y');
INSERT INTO usage_mgmt.import_job (id) VALUES ('sql');

-- What is the server's is passed over, by every door and of whatever kind
SELECT string_agg(concat_ws('=', key, replace(pg_temp.shown(value::text), current_user, 'me')), ' ') FROM json_each(usage_mgmt.post_import_job('{"id": "mine", "url": "file:///a", "status": "bogus", "errorLog": 7, "creationDate": "never", "completionDate": {}, "load": "x", "readCount": -1,
	"storedCount": 3, "position": true, "byteCount": "1.5", "attempts": 99, "orderedBy": "somebody", "report": {"files": 1}, "href": "http://elsewhere/1", "agent": "me", "life": 0}'));
BEGIN;
INSERT INTO usage_mgmt.export_job (id, status, error_log, creation_date, completion_date, record_count, attempts, ordered_by, agent, leased_until, next_at, failures, claims, cancelled_at, started_at, total_bytes)
	VALUES ('sql', 'succeeded', 'done', '2001-01-01', '2001-01-02', 7, 8, 'somebody', 'me', 'infinity', 'infinity', 9, '{"role": "admin"}', now(), now(), 11);
SELECT jsonb_strip_nulls(to_jsonb(e) || jsonb_build_object('creation_date', creation_date = now(), 'next_at', next_at = now(), 'received_at', received_at = now(), 'changed_at', changed_at = now(),
	'life', life = usage_mgmt.hub_life(), 'ordered_by', ordered_by = current_user)) FROM usage_mgmt.export_job e WHERE id = 'sql';
COMMIT;
-- The claims of the token with which it was ordered are kept, and shown to nobody
SET request.jwt.claims = '{"sub": "7"}';
SELECT usage_mgmt.post_export_job('{"id": "claims"}')::text ~ 'sub';
SELECT claims FROM usage_mgmt.export_job WHERE id = 'claims';
SET request.jwt.claims = '';
SELECT usage_mgmt.post_export_job('{"id": "no claims"}') ->> 'id', claims FROM usage_mgmt.export_job WHERE id = 'sql';

-- What was ordered does not change, nor who ordered it; all that would is said at once
CREATE FUNCTION pg_temp.changed(noun text, assignments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	EXECUTE format('UPDATE usage_mgmt.%I SET %s WHERE id IN (''sql'', ''mine'')', noun, assignments);
	RETURN 'changed';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN coalesce((SELECT string_agg(concat_ws(' ', f ->> 'code', f ->> 'path', f ->> 'message'), '; ' ORDER BY n)
		FROM json_array_elements(detail::json) WITH ORDINALITY f(f, n)), SQLSTATE || ' ' || SQLERRM);
END
$$;
SELECT a, pg_temp.changed('import_job', a) FROM unnest(ARRAY['path = ''usage''', 'content_type = ''text/csv''', 'url = ''file:///b''', 'mapping = ''{}''', 'sequence = ''#''', 'afterwards = ''keep''', 'every = ''1 day''',
	'parent = ''1''', 'credential = ''a''', 'manifest = true', 'ordered_by = ''somebody''', 'claims = ''{}''', 'life = 1', 'life = NULL', 'type = ''ImportJob''', 'extra = ''{"a": 1}''', 'id = ''theirs''',
	'url = ''x'', every = ''x'', ordered_by = ''x''', 'url = url, path = path, life = usage_mgmt.hub_life()', 'load = 1, read_count = 2, position = 3, attempts = 1, report = ''{"files": 1}'', error_log = ''once more'', next_at = now(), total_bytes = 9']) a;
SELECT a, pg_temp.changed('export_job', a) FROM unnest(ARRAY['query = ''limit=1''', 'tmf_version = ''v4''', 'record_count = 5, byte_count = 6', 'record_count = -1', 'attempts = 0.5']) a;
-- and there is nothing else that would change it, or bring it in
SELECT p.oid::regprocedure FROM pg_proc p WHERE pronamespace = 'usage_mgmt'::regnamespace AND proname ~ '(put|patch).*(im|ex)port_job|(im|ex)port_job.*(document|keys)';
SELECT count(*) FROM pg_class WHERE relnamespace = 'usage_mgmt'::regnamespace AND relname ~ '(im|ex)port_job.*(document|key|conflict)' AND relkind <> 'i';
BEGIN;
INSERT INTO usage_mgmt.import_reject (load_id, record_number, resource, document, errors) VALUES (0, 1, 'import_job', '{"url": "file:///a"}', '[]');
SELECT usage_mgmt.recycle_reject(max(id)) FROM usage_mgmt.import_reject;
ROLLBACK;
-- a document of a job is none of a usage, nor one of another job
SELECT usage_mgmt.post_usage('{"@type": "ImportJob", "date": "2001-01-15", "type": "VOICE"}');
SELECT usage_mgmt.post_import_job('{"@type": "ExportJob", "url": "file:///a"}');

-- Cancelled: what nobody is at ends at once
SELECT usage_mgmt.cancel_import_job('mine'), usage_mgmt.cancel_import_job('mine'), usage_mgmt.cancel_import_job('none'), usage_mgmt.cancel_import_job(NULL);
SELECT status, replace(error_log, current_user, 'me'), completion_date IS NOT NULL FROM usage_mgmt.import_job WHERE id = 'mine';
-- what an agent is at that ends itself, and what it says of it is no reason any more
UPDATE usage_mgmt.export_job SET status = 'running', agent = 'a', leased_until = now() + interval '1 hour' WHERE id IN ('sql', 'claims');
SELECT id, usage_mgmt.cancel_export_job(id), usage_mgmt.cancel_export_job(id) FROM unnest('{sql,claims}'::text[]) id;
SELECT id, status, replace(error_log, current_user, 'me'), cancelled_at IS NOT NULL, agent FROM usage_mgmt.export_job WHERE id IN ('sql', 'claims') ORDER BY id;
UPDATE usage_mgmt.export_job SET status = 'failed', error_log = 'connection lost', cancelled_at = NULL WHERE id = 'sql';
-- unless it was done before it heard of that
UPDATE usage_mgmt.export_job SET status = 'succeeded', error_log = '' WHERE id = 'claims';
SELECT id, status, replace(error_log, current_user, 'me'), cancelled_at IS NOT NULL, agent FROM usage_mgmt.export_job WHERE id IN ('sql', 'claims') ORDER BY id;
-- one that is given back ends, and so does one whose agent is lost
SELECT id, usage_mgmt.post_export_job(json_build_object('id', id)) ->> 'status' FROM unnest('{back,lost}'::text[]) id;
UPDATE usage_mgmt.export_job SET status = 'running', agent = 'a', leased_until = now() + CASE id WHEN 'back' THEN interval '1 hour' ELSE '-1 second' END WHERE id IN ('back', 'lost');
SELECT usage_mgmt.cancel_export_job(id) FROM unnest('{back,lost}'::text[]) id;
SELECT id, status FROM usage_mgmt.export_job WHERE id IN ('back', 'lost') ORDER BY id;
UPDATE usage_mgmt.export_job SET agent = NULL, leased_until = NULL WHERE id = 'back';
SELECT id, status, replace(error_log, current_user, 'me') FROM usage_mgmt.export_job WHERE id IN ('back', 'lost') ORDER BY id;

-- Deleted: cancelled first, whoever is at it, so that its end is told before
CREATE FUNCTION pg_temp.told(listener text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	FOR r IN SELECT * FROM usage_mgmt.next_events(listener) LOOP
		RETURN NEXT concat_ws(' ', r.event ->> 'eventType', r.event #>> '{event,exportJob,id}', r.event #>> '{event,exportJob,status}', replace(r.event #>> '{event,exportJob,errorLog}', current_user, 'me'));
		PERFORM usage_mgmt.confirm_events(listener, r.position);
	END LOOP;
END
$$;
SELECT count(*) > 0 FROM pg_temp.told(:'new_export');
SELECT count(*) > 0 FROM pg_temp.told(:'old_export');
SELECT id, usage_mgmt.post_export_job(json_build_object('id', id, 'credential', 'of ' || left(id, 1))) ->> 'status' FROM unnest('{a1,a2,a3,b1}'::text[]) id;
UPDATE usage_mgmt.export_job SET status = 'running', agent = 'a', leased_until = now() + interval '1 hour' WHERE id IN ('a1', 'a2', 'b1');
UPDATE usage_mgmt.export_job SET status = 'succeeded' WHERE id = 'a2';
SELECT usage_mgmt.delete_export_job('b1'), usage_mgmt.delete_export_job('b1'), usage_mgmt.delete_export_jobs('credential=of%20a');
SELECT told FROM pg_temp.told(:'new_export') WITH ORDINALITY t(told, n) ORDER BY split_part(told, ' ', 2), n;
SELECT told FROM pg_temp.told(:'old_export') WITH ORDINALITY t(told, n) ORDER BY split_part(told, ' ', 2), n;
-- those that a query names are gone, though they are none of these when they have ended
SELECT id, usage_mgmt.post_export_job(json_build_object('id', id)) ->> 'status' FROM unnest('{d1,d2,d3}'::text[]) id;
UPDATE usage_mgmt.export_job SET status = 'running', agent = 'a', leased_until = now() + interval '1 hour' WHERE id IN ('d1', 'd2');
SELECT usage_mgmt.delete_export_jobs('status=running');
SELECT usage_mgmt.count_export_jobs('id=d1,d2,d3');
SELECT usage_mgmt.delete_export_jobs('');
SELECT usage_mgmt.delete_export_jobs('id=d3&limit=1');
SELECT usage_mgmt.delete_export_jobs('id=d3'), usage_mgmt.delete_export_jobs('id=d3');
SELECT told FROM pg_temp.told(:'new_export') told WHERE told ~ 'd[12]';
SELECT count(*) FROM pg_temp.told(:'old_export');
-- by SQL it goes as it is
SELECT usage_mgmt.post_export_job('{"id": "c1"}') ->> 'status';
DELETE FROM usage_mgmt.export_job WHERE id = 'c1';
SELECT pg_temp.told(:'new_export');
SELECT pg_temp.told(:'old_export');

-- Asked for like any resource, by the names of both versions
SELECT usage_mgmt.get_import_jobs('content-type=application/json&fields=id,content-type,status,errorLog,storedCount', v) FROM unnest('{r14.5,v4}'::text[]) v;
SELECT usage_mgmt.get_import_jobs('contentType=application/json&creationDate.gt=2026-01-01&fields=contentType', v) FROM unnest('{r14.5,v4}'::text[]) v;
SELECT usage_mgmt.count_import_jobs('storedCount.gt=1&status.ne=failed'), usage_mgmt.count_export_jobs('errorLog.regex=.*cancelled.*');
SELECT v, k, usage_mgmt.event_of(e, k, 'running', '{status}', 'fields=id,status', v) ->> 'eventType' FROM usage_mgmt.export_job e, unnest('{r14.5,v4}'::text[]) v, unnest('{create,update,delete}'::text[]) k WHERE id = '54' ORDER BY v, k;
SELECT usage_mgmt.register_import_job_listener(NULL, 'eventType=ImportJobCreateEvent', 'r14.5');
-- The view for clients of PostgREST's own has the newest version's names and words, and not how it is carried out
SELECT id, status, "contentType", "storedCount" FROM usage_api.import_job WHERE status = 'Succeeded';

-- Row security shows each his own, and keeps nobody from listening: he is told of those. Operators are told of all.
CREATE ROLE regress_north;
CREATE ROLE regress_south;
CREATE ROLE regress_both IN ROLE regress_north, regress_south;
CREATE ROLE regress_boss;
CREATE ROLE regress_nobody;
SELECT usage_mgmt.grant_access(r, 'reader'), usage_mgmt.grant_access(r, 'loader') FROM unnest('{regress_north,regress_south,regress_both}'::text[]) r;
SELECT usage_mgmt.grant_access('regress_boss', 'operator'), usage_mgmt.grant_access('regress_nobody', 'reader');
REVOKE SELECT ON usage_mgmt.export_job FROM regress_nobody;
CREATE TEMP TABLE heard (owner text, id text);
GRANT ALL ON heard TO PUBLIC;
SET ROLE regress_north;
INSERT INTO heard SELECT current_user, usage_mgmt.register_export_job_listener(NULL, '', 'v4') ->> 'id';
SET ROLE regress_both;
INSERT INTO heard SELECT current_user, usage_mgmt.register_export_job_listener(NULL, '', 'v4') ->> 'id';
SET ROLE regress_boss;
INSERT INTO heard SELECT current_user, usage_mgmt.register_export_job_listener(NULL, '', 'v4') ->> 'id';
SET ROLE regress_nobody;
SELECT usage_mgmt.register_export_job_listener(NULL, '', 'v4');
SET ROLE regress_north;
SELECT usage_mgmt.post_export_job('{"id": "n"}') ->> 'orderedBy', usage_mgmt.post_export_job('{"id": "n2"}') ->> 'id';
SET ROLE regress_south;
SELECT usage_mgmt.post_export_job('{"id": "s", "orderedBy": "regress_north"}') ->> 'orderedBy';
-- what is another's is not there, nor is its id free
SELECT usage_mgmt.get_export_job('n'), usage_mgmt.cancel_export_job('n'), usage_mgmt.delete_export_job('n'), usage_mgmt.count_export_jobs('id=n');
SELECT usage_mgmt.post_export_job('{"id": "n"}');
SELECT usage_mgmt.cancel_export_job('s'), usage_mgmt.delete_export_job('s');
-- nor can anybody but the table's owner, who restores data, say that he is another, or that it is done
INSERT INTO usage_mgmt.export_job (id, status, ordered_by, claims, life, agent, completion_date) VALUES ('f', 'succeeded', 'regress_boss', '{}', 1, 'me', now());
SELECT status, ordered_by, claims, life = usage_mgmt.hub_life(), agent, completion_date FROM usage_mgmt.export_job WHERE id = 'f';
SELECT usage_mgmt.delete_export_job('f');
UPDATE usage_mgmt.export_job SET ordered_by = 'regress_boss';
SET ROLE regress_both;
SELECT usage_mgmt.cancel_export_job('n2');
RESET ROLE;
SELECT owner, split_part(told, ' ', 2) AS job, string_agg(split_part(told, ' ', 1), ', ' ORDER BY n)
FROM heard, pg_temp.told(id) WITH ORDINALITY t(told, n) GROUP BY 1, 2 ORDER BY 1, 2;
SELECT status, error_log FROM usage_mgmt.export_job WHERE id = 'n2';
-- one event again is no way round
SELECT id AS north FROM heard WHERE owner = 'regress_north' \gset
SELECT id AS boss FROM heard WHERE owner = 'regress_boss' \gset
SELECT usage_mgmt.replay_events(:'boss', '-infinity'::timestamptz);
SELECT event #>> '{event,exportJob,id}' AS job, usage_mgmt.hub_event(:'boss', event ->> 'eventId') IS NOT NULL AS boss, usage_mgmt.hub_event(:'north', event ->> 'eventId') IS NOT NULL AS north
FROM usage_mgmt.next_events(:'boss') WHERE event ->> 'eventType' = 'ExportJobCreateEvent' AND event #>> '{event,exportJob,id}' IN ('n', 's') ORDER BY 1;
-- how much waits is said to who sees all
SET ROLE regress_north;
SELECT events IS NULL FROM usage_mgmt.hub_lag(usage_mgmt.hub_position(), 'export_job');
SET ROLE regress_boss;
SELECT events FROM usage_mgmt.hub_lag(usage_mgmt.hub_position(), 'export_job');
RESET ROLE;
-- who is a member no more is told no more
SELECT count(*) > 0 FROM heard, pg_temp.told(id);
REVOKE regress_south FROM regress_both;
SET ROLE regress_south;
SELECT usage_mgmt.post_export_job('{"id": "s"}') ->> 'id';
RESET ROLE;
SELECT owner, told FROM heard, pg_temp.told(id) told ORDER BY 1;
SELECT usage_mgmt.unregister_export_job_listener(id) IS NULL FROM heard;

SELECT usage_mgmt.unregister_import_job_listener(id) FROM unnest(ARRAY[:'old_import', :'new_import']) id;
SELECT usage_mgmt.unregister_export_job_listener(id) FROM unnest(ARRAY[:'old_export', :'new_export']) id;
DELETE FROM usage_mgmt.import_job;
DELETE FROM usage_mgmt.export_job;
TRUNCATE usage_mgmt.import_job_event_0, usage_mgmt.import_job_event_1, usage_mgmt.import_job_event_2,
	usage_mgmt.export_job_event_0, usage_mgmt.export_job_event_1, usage_mgmt.export_job_event_2;
DROP OWNED BY regress_north, regress_south, regress_both, regress_boss, regress_nobody;
DROP ROLE regress_north, regress_south, regress_both, regress_boss, regress_nobody;
