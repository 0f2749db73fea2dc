-- Listeners over HTTP: one to the client, one of each resource of the API that his query can mean.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
SET TimeZone = 'UTC';
TRUNCATE usage_mgmt.hub_listener, usage_mgmt.hub_cursor, usage_mgmt.hub_delivery, usage_mgmt.hub_parked, usage_mgmt.hub_attempt RESTART IDENTITY;

CREATE ROLE regress_partner;
CREATE ROLE regress_colleague IN ROLE regress_partner;
CREATE ROLE regress_other;
CREATE ROLE regress_half;
CREATE ROLE regress_nobody;
SELECT usage_mgmt.grant_access('regress_partner', 'reader'), usage_mgmt.grant_access('regress_other', 'reader');
SELECT usage_mgmt.grant_api(role) FROM unnest('{regress_half,regress_nobody}'::text[]) role;
GRANT USAGE ON SCHEMA usage_mgmt TO regress_half;
GRANT SELECT ON usage_mgmt.usage TO regress_half;
-- none of them has to do with jobs, and so is not told of any
REVOKE SELECT ON usage_mgmt.import_job, usage_mgmt.export_job FROM regress_partner, regress_other;

-- Status, headers and body of the answer, but for what is the same in all
CREATE FUNCTION pg_temp.http(method text, uri text, body text DEFAULT '', token text DEFAULT 'Bearer x') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	PERFORM set_config('response.headers', '[]', true), set_config('request.headers',
		json_strip_nulls(json_build_object('x-um-method', method, 'x-um-uri', uri, 'authorization', token))::text, true);
	answer := convert_from(CASE WHEN method IN ('GET', 'HEAD', 'OPTIONS') THEN usage_api.read() ELSE usage_api.write(convert_to(body, 'UTF8')) END, 'UTF8');
	PERFORM set_config('hub_test.secret', coalesce(substring(answer FROM 'whsec_[A-Za-z0-9+/]{43}='), ''), false);
	RETURN concat_ws(' ', current_setting('response.status'), (SELECT string_agg(h::text, ' ')
		FROM json_array_elements(current_setting('response.headers')::json) h WHERE h ->> 'Content-Type' IS NULL),
		regexp_replace(regexp_replace(nullif(answer, ''), 'whsec_[A-Za-z0-9+/]{43}=', 'whsec_'),
			'^{"code":"(\w+)","reason":.*,"message":"(.*)","status":.*', '\1 \2'));
END
$$;
CREATE FUNCTION pg_temp.posts(uri text, query text) RETURNS text
RETURN pg_temp.http('POST', uri, json_build_object('callback', 'https://a.example/' || md5(query), 'query', query)::text);
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pg_temp TO PUBLIC;

-- Registered, it has an id, where it lies, and the secret that its events are signed with, told this once
SET ROLE regress_partner;
SELECT pg_temp.http('POST', '/usageManagement/hub', '{"callback": "https://a.example/"}');
SELECT usage_mgmt.listener_secret('1') = current_setting('hub_test.secret') AS told, usage_mgmt.listener_secret('2') = current_setting('hub_test.secret') AS shared;
SELECT pg_temp.http('GET', '/usageManagement/hub/1');
SELECT pg_temp.http('HEAD', '/usageManagement/hub/1'), pg_temp.http('OPTIONS', '/usageManagement/hub/1'), pg_temp.http('OPTIONS', '/usageManagement/hub');
-- v4 knows no href; what else is in the body, a null and a question mark before the query mean nothing
SELECT pg_temp.http('POST', '/tmf-api/usageManagement/v4/hub', '{"callback": " https://b.example/ ", "query": "?eventType=UsageCreateEvent", "id": "9", "@type": "x"}');
SELECT pg_temp.http('POST', '/tmf-api/serviceUsage/v4/hub', '{"callback": "https://b.example/", "query": null}');
-- each hub has its own, by whatever path
SELECT pg_temp.http('GET', '/usageManagement/hub');
SELECT pg_temp.http('GET', '/tmf-api/usageManagement/v4/hub/');
SELECT pg_temp.http('GET', '/tmf-api/serviceUsageManagement/v4/hub');
SELECT pg_temp.http('GET', '/tmf-api/usageManagement/v4/hub/1');
SELECT pg_temp.http('GET', '/usageManagement/hub/2');
RESET ROLE;
SELECT id, hub, resource, version, owner, kinds, callback, query FROM usage_mgmt.hub_listener ORDER BY id;
SELECT count(*), count(DISTINCT secret) FROM usage_mgmt.hub_secret WHERE listener IN ('1', '2', '3', '4', '5');

-- The same once more is refused, whichever way the first came, and leaves nothing
SET ROLE regress_partner;
SELECT pg_temp.http('POST', '/usageManagement/hub', '{"callback": "https://a.example/"}');
SELECT pg_temp.http('POST', '/tmf-api/usageManagement/v4/hub', '{"callback": "https://b.example/", "query": "eventType=UsageCreateEvent"}');
SELECT usage_mgmt.register_usage_specification_listener('https://sql.example/') ->> 'id' AS id;
SELECT pg_temp.http('POST', '/usageManagement/hub', '{"callback": "https://sql.example/"}');
SELECT usage_mgmt.register_usage_specification_listener('https://sql.example/');
RESET ROLE;
SELECT count(*), (SELECT count(*) FROM usage_mgmt.hub_cursor), (SELECT count(*) FROM usage_mgmt.hub_secret WHERE listener ~ '^\d+$') FROM usage_mgmt.hub_listener;
-- to others it is another
SET ROLE regress_other;
SELECT pg_temp.http('POST', '/usageManagement/hub', '{"callback": "https://a.example/"}') ~ '^201';

-- What a query can mean decides of which resources it is
SELECT query, pg_temp.posts('/tmf-api/usageManagement/v4/hub', query) ~ '^201' AS taken FROM unnest(ARRAY[
	'eventType=UsageCreateEvent,UsageSpecificationCreateEvent', 'eventType=UsageDeleteEvent&eventType=UsageSpecificationDeleteEvent', 'eventType=UsageSpecificationDeleteEvent',
	'usage.status=rated', 'event.usage.status=rated', 'status=rated', 'status=active', 'usageSpecification.lifecycleStatus=active', 'id=7',
	'usageSpecification.id=7', 'event.usageSpecification.id=7', 'eventType=UsageSpecificationDeleteEvent&usageSpecification.id=7',
	'fields=usage.id', 'fields=id', 'fields=event.usage.id,event.usageSpecification.lifecycleStatus', 'usage.status=rated&fields=usage.id,usageSpecification.name']) query;
RESET ROLE;
SELECT query, string_agg(concat_ws(' ', resource, kinds), ', ' ORDER BY length(id), id) FROM usage_mgmt.hub_listener WHERE owner = 'regress_other' AND version = 'v4' GROUP BY query ORDER BY min(length(id)), min(id);
-- and what it can mean of none is refused, by all that each has against it
SET ROLE regress_other;
SELECT query, pg_temp.posts('/tmf-api/usageManagement/v4/hub', query) FROM unnest(ARRAY[
	'eventType=UsageCreateNotification', 'eventType=ServiceUsageCreateEvent', 'eventType=UsageCreateEvent,Nonsense', 'eventType=UsageSpecificationDeleteEvent&usage.status=rated',
	'usage.status=rated&event.usageSpecification.lifecycleStatus=active', 'usage.status=nonsense', 'fields=nonsense', 'sort=id', '%ff=1']) query;
SELECT pg_temp.posts('/tmf-api/usageManagement/v4/hub', repeat('a', 8001));
SELECT pg_temp.posts('/tmf-api/usageManagement/v4/hub', query) FROM unnest('{filter=x,depth=1}'::text[]) query;
-- in SQL a type of another resource is passed over, too, unless it is all there is
SELECT usage_mgmt.register_usage_listener(NULL, 'eventType=UsageSpecificationCreateEvent,UsageCreateEvent', 'v4') ->> 'query';
SELECT usage_mgmt.register_usage_listener(NULL, 'eventType=UsageSpecificationCreateEvent', 'v4');
-- bodies that are no registration
SELECT body, pg_temp.http('POST', '/usageManagement/hub', body) FROM unnest(ARRAY['', 'x', '[]', '"https://c.example/"', '{}', '{"callback": " "}', '{"callback": null, "query": ["a"]}',
	'{"callback": {"url": "x"}}', '{"callback": "ftp://c.example/"}', '{"callback": "/c"}', '{"callback": "https://c:d@c.example/"}', '{"callback": "https://c.example/ d"}', '{"callback": "https://c.example/\u0000"}']) body;
SELECT pg_temp.http('POST', '/usageManagement/hub', format('{"callback": "https://c.example/%s"}', repeat('c', 2000)));
SELECT pg_temp.http('POST', '/usageManagement/hub?fields=id', '{"callback": "https://c.example/"}'), pg_temp.http('GET', '/usageManagement/hub?limit=1');
SELECT pg_temp.http('PUT', '/usageManagement/hub/1', '{}'), pg_temp.http('PATCH', '/usageManagement/hub', '{}');

-- Others' are not there, members' are
SELECT pg_temp.http('GET', '/usageManagement/hub/1'), pg_temp.http('DELETE', '/usageManagement/hub/1'), pg_temp.http('GET', '/usageManagement/hub') !~ '"id":"1"' AS hidden;
SET ROLE regress_colleague;
SELECT pg_temp.http('GET', '/usageManagement/hub/1');
-- Whoever may not select from a resource that the query means is refused, before anything is read who may from none
SET ROLE regress_half;
SELECT pg_temp.http('POST', '/usageManagement/hub', '{"callback": "https://half.example/"}');
SELECT pg_temp.http('POST', '/usageManagement/hub', '{"callback": "https://half.example/", "query": "eventType=UsageCreateNotification"}') ~ '^201';
SET ROLE regress_nobody;
SELECT pg_temp.http('POST', '/usageManagement/hub', 'x');
SELECT pg_temp.http('GET', '/usageManagement/hub'), pg_temp.http('DELETE', '/usageManagement/hub/1');
-- Without a token nobody has a listener, be the role what it may
SET ROLE regress_partner;
SELECT pg_temp.http(method, '/usageManagement/hub' || CASE WHEN method = 'DELETE' THEN '/1' ELSE '' END, '{"callback": "https://d.example/"}', token)
	FROM unnest('{POST,GET,DELETE}'::text[]) method, unnest('{NULL,"Basic eDp5","Bearer "}'::text[]) token;
RESET ROLE;
-- nor one whom row security would keep from rows
ALTER TABLE usage_mgmt.usage_specification ENABLE ROW LEVEL SECURITY;
SET ROLE regress_partner;
SELECT pg_temp.http('POST', '/usageManagement/hub', '{"callback": "https://e.example/"}');
RESET ROLE;
ALTER TABLE usage_mgmt.usage_specification DISABLE ROW LEVEL SECURITY;

-- Events of both resources come, each to its own
SET ROLE regress_partner;
SELECT pg_temp.http('POST', '/usageManagement/hub', '{"callback": "https://types.example/", "query": "eventType=UsageCreateNotification,UsageSpecificationCreateNotification&fields=event.usage.id,event.usageSpecification.name"}') ~ '^201';
RESET ROLE;
SELECT usage_mgmt.post_usage('{"id": "u", "date": "2001-03-01", "type": "VOICE"}') ->> 'id', usage_mgmt.post_usage_specification('{"id": "s", "name": "Voice"}') ->> 'id';
SET ROLE regress_partner;
SELECT listener, event ->> 'eventType', event -> 'event' FROM unnest('{1,2}'::text[]) listener, usage_mgmt.next_events(listener);
SELECT resource, event -> 'event' FROM usage_mgmt.hub_listener, usage_mgmt.next_events(id) WHERE callback = 'https://types.example/' ORDER BY resource;
SELECT pg_temp.http('DELETE', '/usageManagement/hub/' || min(id)) FROM usage_mgmt.hub_listener WHERE callback = 'https://types.example/';

-- What they are sent with they have in common, whichever is named
SELECT usage_mgmt.listener_secret('2', renew => true) AS secret \gset
SELECT usage_mgmt.listener_secret('1') = :'secret' AS shared;
SELECT usage_mgmt.listener_header('1', 'X-Tenant', 'north'), usage_mgmt.listener_credential('2', 'me', 'word');
RESET ROLE;
SELECT listener, secret = :'secret' AS renewed, old_secret IS NOT NULL AS old, headers, username, password FROM usage_mgmt.hub_secret WHERE headers <> '{}' OR username <> '' ORDER BY listener;
SELECT count(DISTINCT old_secret) FROM usage_mgmt.hub_secret WHERE listener IN ('1', '2');

-- One that is ended in SQL leaves the rest; one that is paused is there; what the partner said goodbye to is not
SET ROLE regress_partner;
SELECT usage_mgmt.unregister_usage_listener('1');
SELECT pg_temp.http('GET', '/usageManagement/hub/1'), usage_mgmt.pause_listener('2'), pg_temp.http('GET', '/usageManagement/hub/1');
SELECT usage_mgmt.listener_secret('2') = :'secret' AS kept;
RESET ROLE;
UPDATE usage_mgmt.hub_listener SET state = 'gone' WHERE id = '2';
SET ROLE regress_partner;
SELECT pg_temp.http('GET', '/usageManagement/hub/1'), pg_temp.http('DELETE', '/usageManagement/hub/1');
SELECT pg_temp.http('POST', '/usageManagement/hub', '{"callback": "https://a.example/"}') ~ '^201';
-- of what is left in part all goes
SELECT listener FROM usage_mgmt.hub_status WHERE callback = 'https://a.example/' AND state <> 'gone' ORDER BY length(listener), listener LIMIT 1 \gset
RESET ROLE;
UPDATE usage_mgmt.hub_listener SET state = 'gone' WHERE hub = :'listener';
SET ROLE regress_partner;
SELECT pg_temp.http('DELETE', '/tmf-api/usageManagement/v4/hub/' || :'listener') ~ '^404', pg_temp.http('DELETE', '/usageManagement/hub/' || :'listener'), pg_temp.http('DELETE', '/usageManagement/hub/' || :'listener') ~ '^404';
RESET ROLE;
SELECT count(*) FROM usage_mgmt.hub_listener WHERE :'listener' IN (id, hub);
SELECT count(*) FROM usage_mgmt.hub_secret WHERE listener = :'listener';

-- One of SQL is at the hub if it has a callback, and is ended there
SET ROLE regress_partner;
SELECT usage_mgmt.register_usage_listener(NULL, 'type=none') ->> 'query';
SELECT pg_temp.http('GET', '/usageManagement/hub');
SELECT pg_temp.http('DELETE', '/usageManagement/hub/8');
RESET ROLE;
SELECT count(*) FROM usage_mgmt.hub_listener WHERE callback = 'https://sql.example/';

-- What a hub asks of the tables is asked under no names of the caller's
CREATE SCHEMA hub_test;
CREATE FUNCTION hub_test.fail(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'as %', current_user; END $$;
CREATE FUNCTION hub_test.hashtextextended(text, bigint) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE 'as %', current_user; END $$;
CREATE OPERATOR hub_test.= (LEFTARG = text, RIGHTARG = text, FUNCTION = hub_test.fail);
CREATE OPERATOR hub_test.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = hub_test.fail);
GRANT USAGE ON SCHEMA hub_test TO regress_partner;
CREATE FUNCTION pg_temp.bound(method text, uri text, body text DEFAULT '') RETURNS text BEGIN ATOMIC
	SELECT set_config('request.headers', format('{"x-um-method": "%s", "x-um-uri": "%s", "authorization": "Bearer x"}', method, uri), true);
	SELECT convert_from(CASE method WHEN 'GET' THEN usage_api.read() ELSE usage_api.write(convert_to(body, 'UTF8')) END, 'UTF8');
END;
SET ROLE regress_partner;
SET search_path = hub_test, pg_catalog;
SELECT 'a'::text = 'a'::text;
SELECT pg_temp.bound('POST', '/usageManagement/hub', '{"callback": "https://path.example/", "query": "id=1"}') AS made \gset
SELECT pg_temp.bound('POST', '/usageManagement/hub', '{"callback": "https://path.example/", "query": "id=1"}');
SELECT pg_temp.bound('GET', '/usageManagement/hub');
SET search_path = pg_catalog;
SELECT substring(:'made' FROM '"id":"(\d+)"') AS id \gset
SET search_path = hub_test, pg_catalog;
SELECT pg_temp.bound('DELETE', '/usageManagement/hub/' || :'id');
RESET search_path;
RESET ROLE;
SELECT count(*) FROM usage_mgmt.hub_listener WHERE callback = 'https://path.example/';
SET client_min_messages = warning;
DROP SCHEMA hub_test CASCADE;
RESET client_min_messages;

-- Of jobs is told who may see them; who names them alone and may not is refused
GRANT SELECT ON usage_mgmt.export_job TO regress_other;
SET ROLE regress_other;
SELECT query, left(pg_temp.http('POST', uri, json_build_object('callback', 'https://jobs.example/', 'query', query)::text), 90) FROM (VALUES ('/usageManagement/hub', ''), ('/tmf-api/usageManagement/v4/hub', 'fields=id'),
	('/tmf-api/usageManagement/v4/hub', 'eventType=ExportJobDeleteEvent'), ('/usageManagement/hub', 'eventType=ImportJobCompletionNotification'), ('/usageManagement/hub', 'exportJob.status=failed')) v(uri, query);
RESET ROLE;
SELECT version, query, string_agg(concat_ws(' ', resource, kinds), ', ' ORDER BY length(id), id) FROM usage_mgmt.hub_listener WHERE callback = 'https://jobs.example/' GROUP BY 1, 2 ORDER BY 1, 2;
DELETE FROM usage_mgmt.hub_listener WHERE callback = 'https://jobs.example/';

-- An older table is brought up to date, and its listeners are by themselves
BEGIN;
ALTER TABLE usage_mgmt.hub_listener DROP COLUMN hub;
SELECT usage_mgmt.install_tables();
SELECT format_type(atttypid, NULL), attcollation::regcollation, col_description(attrelid, attnum) FROM pg_attribute WHERE attrelid = 'usage_mgmt.hub_listener'::regclass AND attname = 'hub';
SET LOCAL ROLE regress_partner;
SELECT pg_temp.http('GET', '/tmf-api/serviceUsage/v4/hub');
SELECT pg_temp.http('DELETE', '/tmf-api/serviceUsage/v4/hub/4');
SELECT pg_temp.http('GET', '/tmf-api/serviceUsage/v4/hub');
ROLLBACK;

SET client_min_messages = warning;
DELETE FROM usage_mgmt.hub_secret;
TRUNCATE usage_mgmt.hub_listener, usage_mgmt.hub_cursor, usage_mgmt.hub_delivery, usage_mgmt.hub_parked, usage_mgmt.hub_attempt RESTART IDENTITY;
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key, usage_mgmt.usage_specification, usage_mgmt.usage_event_0, usage_mgmt.usage_specification_event_0;
DROP OWNED BY regress_partner, regress_colleague, regress_other, regress_half, regress_nobody;
DROP ROLE regress_colleague, regress_partner, regress_other, regress_half, regress_nobody;
