-- Delivery of events: listeners leased to agents, what waits for another attempt, secrets, and whose rights.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';
TRUNCATE usage_mgmt.hub_listener, usage_mgmt.hub_cursor, usage_mgmt.hub_delivery, usage_mgmt.hub_parked, usage_mgmt.hub_attempt RESTART IDENTITY;

CREATE ROLE regress_partner;
CREATE ROLE regress_team;
CREATE ROLE regress_member IN ROLE regress_team;
CREATE ROLE regress_role_that_is_gone;
CREATE ROLE regress_agent;
GRANT USAGE ON SCHEMA usage_mgmt TO regress_partner, regress_team, regress_member;
GRANT SELECT ON usage_mgmt.usage TO regress_partner, regress_team, regress_role_that_is_gone;
SELECT usage_mgmt.grant_access('regress_agent', 'agent');

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
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pg_temp TO PUBLIC;

-- Three listeners that are called, each with its secret, and one that is read; as registering makes them,
-- but of known ids
INSERT INTO usage_mgmt.hub_listener (id, resource, callback, query, version, owner, kinds, state, life)
	SELECT id, 'usage', callback, '', version, owner, '{create,change,status,delete}', 'active', usage_mgmt.hub_life()
	FROM (VALUES ('a', 'https://a.example/', 'r14.5', 'regress_partner'), ('b', 'https://b.example/', 'v4', 'regress_team'),
		('c', 'https://c.example/', 'v4', 'regress_role_that_is_gone'), ('sql', NULL, 'v4', 'regress_partner')) AS l(id, callback, version, owner);
CREATE TEMP TABLE place AS SELECT 0 AS n, usage_mgmt.hub_position() AS position;
GRANT SELECT ON place TO PUBLIC;
INSERT INTO usage_mgmt.hub_cursor (listener, position) SELECT id, position FROM usage_mgmt.hub_listener, place;
SELECT usage_mgmt.hub_new_secret(id) FROM usage_mgmt.hub_listener WHERE callback IS NOT NULL;

-- Twelve events, x the first of them, and the position behind each
DO $$
BEGIN
	FOR n IN 1 .. 12 LOOP
		PERFORM usage_mgmt.post_usage(json_build_object('id', CASE n WHEN 1 THEN 'x' ELSE 'u' || n END, 'date', '2001-03-01', 'type', 'VOICE'));
		COMMIT;
		INSERT INTO place VALUES (n, usage_mgmt.hub_position());
	END LOOP;
END
$$;
CREATE FUNCTION pg_temp.behind(n int) RETURNS text RETURN (SELECT p.position FROM place p WHERE p.n = behind.n);
CREATE FUNCTION pg_temp.place(at text) RETURNS text RETURN coalesce((SELECT 'behind ' || p.n FROM place p WHERE p.position = at), 'nowhere');
SELECT count(*), count(DISTINCT position) FROM place;

-- A secret has the form of Standard Webhooks, and no two are the same
SELECT secret ~ '^whsec_[A-Za-z0-9+/]{43}=$' AS sound, length(decode(substr(secret, 7), 'base64')) AS bytes, count(*) OVER ()
FROM (SELECT DISTINCT usage_mgmt.hub_random_secret() AS secret FROM generate_series(1, 3)) s;

-- An agent takes what is free, up to so many in all, and what it holds no other has
SET ROLE regress_agent;
SELECT listener, callback, version, secret ~ '^whsec_' AS secret, old_secret, headers, username, password, parked FROM usage_mgmt.hub_claim('one', '1 minute', 2);
SELECT listener FROM usage_mgmt.hub_claim('two', '1 minute', NULL);
SELECT listener FROM usage_mgmt.hub_claim('one', '1 minute', 2);
SELECT listener FROM usage_mgmt.hub_claim('one', '1 minute', 10);
SELECT usage_mgmt.hub_release('two');
SELECT listener FROM usage_mgmt.hub_claim('one', '1 minute', 10);
SELECT listener FROM usage_mgmt.hub_claim('two', '1 minute', 10);
SELECT pg_temp.state($$SELECT usage_mgmt.hub_claim('', '1 minute', 10)$$), pg_temp.state($$SELECT usage_mgmt.hub_claim('one', '0', 10)$$);

-- A checkpoint moves the cursor, parks what failed, and counts
SELECT to_char(now() - interval '1 day', 'YYYY-MM-DD') AS yesterday \gset
SELECT usage_mgmt.hub_checkpoint('one', 'a', pg_temp.behind(5), '{}', '[]',
	'[{"event_id": "e2", "resource_id": "x", "event": "{\"n\": 2}", "delay_ms": 0, "error": "HTTP 503"},
	{"event_id": "e3", "resource_id": "x", "event": "{\"n\":  3}"},
	{"event_id": "e4", "resource_id": "y", "event": "{\"n\": 4}", "delay_ms": 60000, "error": "timed out"},
	{"event_id": "e5", "resource_id": "x", "event": "{\"n\": 5}"}]',
	replace('[{"event_id": "e1", "at": "DAYT00:00:00Z", "status": 204, "ms": 12},
	{"event_id": "e2", "at": "DAYT00:00:01Z", "status": 503, "ms": 3, "error": "HTTP 503"},
	{"event_id": "e4", "at": "DAYT00:00:02Z", "ms": 15000, "error": "timed out"}]', 'DAY', :'yesterday')::jsonb);
SELECT pg_temp.place(position), confirmed_at > registered_at AS confirmed FROM usage_mgmt.hub_cursor JOIN usage_mgmt.hub_listener ON id = listener WHERE listener = 'a';
SELECT event_id, at - :'yesterday' AS at, status, ms, error FROM usage_mgmt.hub_attempt ORDER BY id;
SELECT id, event_id, resource_id, event, attempts, next_at > now() + '50 s' AS later, last_error FROM usage_mgmt.hub_parked ORDER BY id;
SELECT delivered, failed, last_success_at - :'yesterday' AS last_success, last_error_at - :'yesterday' AS last_error_at, last_error FROM usage_mgmt.hub_delivery WHERE listener = 'a';

-- Due are the first of each resource id whose time has come; the others wait behind them
SELECT * FROM usage_mgmt.hub_due('a', 10);
SELECT id FROM usage_mgmt.hub_parked_ids('a') id ORDER BY 1;
SELECT usage_mgmt.hub_checkpoint('one', 'a', NULL, '{}', '[{"id": 1, "delay_ms": 60000, "error": "HTTP 500"}]', NULL, '[{"event_id": "e2", "status": 500, "error": "HTTP 500"}]');
SELECT * FROM usage_mgmt.hub_due('a', 10);
SELECT attempts, next_at > now() + '50 s' AS later, last_error FROM usage_mgmt.hub_parked WHERE id = 1;
SELECT usage_mgmt.hub_checkpoint('one', 'a', NULL, '{1}', NULL, NULL, '[{"event_id": "e2", "status": 200}]');
SELECT * FROM usage_mgmt.hub_due('a', 10);
SELECT usage_mgmt.hub_checkpoint('one', 'a', pg_temp.behind(6), '{2,3}', NULL, NULL, NULL);
SELECT * FROM usage_mgmt.hub_due('a', 10);
SELECT listener, pg_temp.place("position"), parked FROM usage_mgmt.hub_claim('one', '1 minute', 10);
-- of another listener nothing is done by number
SELECT usage_mgmt.hub_checkpoint('one', 'b', NULL, '{4}', '[{"id": 4, "error": "x"}]', NULL, NULL);
SELECT id, attempts FROM usage_mgmt.hub_parked;
-- 2xx that was cut short is no delivery
SELECT usage_mgmt.hub_checkpoint('one', 'b', NULL, NULL, NULL, NULL, '[{"event_id": "e1", "status": 200, "error": "answer cut short"}, {"event_id": "e2", "status": 302}, {"event_id": "e3"}]');
SELECT delivered, failed, last_error FROM usage_mgmt.hub_delivery WHERE listener = 'b';

-- Nothing at all is done by an agent whose listener another one has, and nothing by half
SELECT usage_mgmt.hub_checkpoint('two', 'a', pg_temp.behind(9), '{4}', NULL, '[{"event_id": "e9", "resource_id": "z", "event": "{}"}]', '[{"event_id": "e9", "status": 204}]'),
	usage_mgmt.hub_stop('two', 'a', 'gone', 'HTTP 410'), usage_mgmt.hub_checkpoint('two', 'none such', pg_temp.behind(9), NULL, NULL, NULL, NULL);
SELECT pg_temp.state($$SELECT usage_mgmt.hub_checkpoint('one', 'a', pg_temp.behind(9), '{4}', NULL, '[{"event_id": "e9"}]', NULL)$$);
SELECT pg_temp.place(c.position), (SELECT count(*) FROM usage_mgmt.hub_parked) AS parked, l.state FROM usage_mgmt.hub_cursor c JOIN usage_mgmt.hub_listener l ON l.id = c.listener WHERE l.id = 'a';

-- A lease that has run out is another's for the taking, and goes on while nobody takes it
RESET ROLE;
UPDATE usage_mgmt.hub_delivery SET leased_until = now() - interval '1 s' WHERE listener IN ('a', 'b');
SET ROLE regress_agent;
SELECT usage_mgmt.hub_checkpoint('one', 'a', pg_temp.behind(7), NULL, NULL, NULL, NULL);
SELECT listener FROM usage_mgmt.hub_claim('two', '1 minute', 1);
SELECT usage_mgmt.hub_checkpoint('one', 'a', pg_temp.behind(8), NULL, NULL, NULL, NULL), usage_mgmt.hub_checkpoint('two', 'a', pg_temp.behind(9), NULL, NULL, NULL, NULL);
SELECT listener FROM usage_mgmt.hub_claim('one', '1 minute', 10);
SELECT usage_mgmt.hub_release('two'), usage_mgmt.hub_release('two');
SELECT listener FROM usage_mgmt.hub_claim('one', '1 minute', 10);

-- An agent stops a listener and says why; it is nobody's to deliver to until it is resumed
SELECT usage_mgmt.hub_stop('one', 'b', 'quarantined', 'failed for 3 days'), usage_mgmt.hub_stop('one', 'c', 'gone', 'HTTP 410');
SELECT pg_temp.state($$SELECT usage_mgmt.hub_stop('one', 'a', 'active', 'so')$$), pg_temp.state($$SELECT usage_mgmt.hub_stop('one', 'a', NULL, 'so')$$);
SELECT id, state, reason FROM usage_mgmt.hub_listener ORDER BY id;
SELECT listener FROM usage_mgmt.hub_claim('one', '1 minute', 10);

-- Its owner resumes it: what waited is due, as if it had not been tried
SET ROLE regress_partner;
SELECT usage_mgmt.pause_listener('a', 'until Monday'), usage_mgmt.pause_listener('a');
SELECT state, reason FROM usage_mgmt.hub_status WHERE listener = 'a';
SET ROLE regress_agent;
SELECT listener FROM usage_mgmt.hub_claim('one', '1 minute', 10);
-- what was on its way is kept account of
SELECT usage_mgmt.hub_checkpoint('one', 'a', pg_temp.behind(10), NULL, '[{"id": 4, "delay_ms": 60000, "error": "HTTP 503"}]', NULL, NULL);
SET ROLE regress_partner;
SELECT usage_mgmt.resume_listener('a'), usage_mgmt.resume_listener('a');
SET ROLE regress_member;
SELECT usage_mgmt.resume_listener('b');
SET ROLE regress_agent;
SELECT id, state, reason FROM usage_mgmt.hub_listener ORDER BY id;
SELECT listener, parked FROM usage_mgmt.hub_claim('one', '1 minute', 10);
SELECT * FROM usage_mgmt.hub_due('a', 10);

-- Who has it go on elsewhere is not overtaken by what the agent has read already
SET ROLE regress_partner;
SELECT usage_mgmt.replay_events('a', pg_temp.behind(3));
SET ROLE regress_agent;
SELECT usage_mgmt.hub_checkpoint('one', 'a', pg_temp.behind(11), NULL, NULL, NULL, NULL);
SELECT listener FROM usage_mgmt.hub_claim('one', '1 minute', 10);
RESET ROLE;
UPDATE usage_mgmt.hub_delivery SET leased_until = now() - interval '1 s' WHERE listener = 'a';
SET ROLE regress_agent;
SELECT listener, pg_temp.place(position) FROM usage_mgmt.hub_claim('one', '1 minute', 10);
SELECT usage_mgmt.hub_checkpoint('one', 'a', pg_temp.behind(10), NULL, NULL, NULL, NULL);

-- A sample, and one event again: signed and logged as all are
SET ROLE regress_partner;
SELECT usage_mgmt.listener_test('a') AS event_id \gset
SELECT :'event_id' ~ '^test-[0-9a-f-]{36}$' AS sound;
SELECT event_id AS kept, event AS told FROM usage_mgmt.hub_read('a', pg_temp.behind(0), 1) \gset
SELECT usage_mgmt.resend_event('a', :'kept')::jsonb = :'told' AS same, :'told'::json ->> 'eventId' = :'kept' AS named,
	:'told'::json ->> 'eventType' AS type, :'told'::json #>> '{event,usage,id}' AS id;
SELECT pg_temp.state($$SELECT usage_mgmt.resend_event('a', 'lost')$$), pg_temp.state($$SELECT usage_mgmt.listener_test('sql')$$),
	pg_temp.state(format('SELECT usage_mgmt.resend_event(''sql'', %L)', event_id)) FROM usage_mgmt.hub_read('sql', NULL, 1);
SET ROLE regress_agent;
SELECT event_id LIKE 'test-%' AS test, resource_id = event_id AS own, event::json ->> 'eventId' = event_id AS same,
	event::json ->> 'eventTime' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$' AS time, (SELECT string_agg(k, ',') FROM json_object_keys(event::json) k) AS keys
FROM usage_mgmt.hub_due('a', 10) WHERE event_id LIKE 'test-%';
-- behind what waits of the same resource
SELECT replace(event_id, :'kept', 'kept') AS event_id, resource_id, event::jsonb = :'told' AS told, id IN (SELECT id FROM usage_mgmt.hub_due('a', 10)) AS due FROM usage_mgmt.hub_parked WHERE resource_id = 'x' ORDER BY id;
SELECT usage_mgmt.hub_resource_id('{"event": {"usage": {"status": "rated"}}}', 'e1'), usage_mgmt.hub_resource_id('{"event": {"serviceUsage": {"id": "s"}}}', 'e1');

-- A secret is shown to the owner and his role's members, and renewed: both are valid for a day
SET ROLE regress_partner;
SELECT usage_mgmt.listener_secret('a') AS first \gset
SELECT usage_mgmt.listener_secret('a') = :'first' AS stays;
SELECT usage_mgmt.listener_secret('a', renew => true) AS second \gset
SELECT :'second' <> :'first' AS another, usage_mgmt.listener_secret('a') = :'second' AS shown;
SET ROLE regress_member;
SELECT usage_mgmt.listener_secret('b') ~ '^whsec_' AS shown;
SET ROLE regress_agent;
SELECT secret = :'second' AS new, old_secret = :'first' AS old FROM usage_mgmt.hub_claim('one', '1 minute', 10) WHERE listener = 'a';
RESET ROLE;
BEGIN;
SELECT usage_mgmt.listener_secret('a', renew => true) IS NOT NULL AS renewed;
SELECT old_until = now() + interval '1 day' AS a_day FROM usage_mgmt.hub_secret WHERE listener = 'a';
ROLLBACK;
UPDATE usage_mgmt.hub_secret SET old_until = now() WHERE listener = 'a';
SET ROLE regress_agent;
SELECT old_secret FROM usage_mgmt.hub_claim('one', '1 minute', 10) WHERE listener = 'a';

-- no statistics keep examples
RESET ROLE;
ANALYZE usage_mgmt.hub_secret;
SELECT attname FROM pg_stats WHERE schemaname = 'usage_mgmt' AND tablename = 'hub_secret' AND attname NOT IN ('listener', 'old_until');

-- Headers and a credential; of the header Authorization and the credential the last one counts
SET ROLE regress_partner;
SELECT usage_mgmt.listener_header('a', 'X-Tenant', 'blue'), usage_mgmt.listener_header('a', 'x-tenant', 'green'), usage_mgmt.listener_header('a', 'x-api-key', 'k1');
SELECT usage_mgmt.listener_credential('a', 'user', 'pass:word');
SET ROLE regress_agent;
SELECT headers, username, password FROM usage_mgmt.hub_claim('one', '1 minute', 10) WHERE listener = 'a';
SET ROLE regress_partner;
SELECT usage_mgmt.listener_header('a', 'X-API-Key', NULL), usage_mgmt.listener_header('a', 'none', NULL), usage_mgmt.listener_header('a', 'authorization', NULL);
SET ROLE regress_agent;
SELECT headers, username FROM usage_mgmt.hub_claim('one', '1 minute', 10) WHERE listener = 'a';
SET ROLE regress_partner;
SELECT usage_mgmt.listener_header('a', 'Authorization', 'Bearer t');
SET ROLE regress_agent;
SELECT headers, username, password FROM usage_mgmt.hub_claim('one', '1 minute', 10) WHERE listener = 'a';
SET ROLE regress_partner;
SELECT usage_mgmt.listener_credential('a', 'user', 'word');
SET ROLE regress_agent;
SELECT headers, username, password FROM usage_mgmt.hub_claim('one', '1 minute', 10) WHERE listener = 'a';
SET ROLE regress_partner;
SELECT usage_mgmt.listener_credential('a', NULL, NULL);

-- What could forge a line, or takes the agent's place, is refused, and no value is told
SELECT what, pg_temp.state(format('SELECT usage_mgmt.listener_header(''a'', %L, %L)', name, value)) FROM (VALUES
	('CR LF', 'x', E'hidden\r\nwebhook-id: 1'), ('LF', 'x', E'hidden\n'), ('DEL', 'x', E'hidden\x7f'), ('tab', 'x', E'hidden\t'),
	('line in a name', E'x\r\nhidden', 'v'), ('a value in its place', 'Bearer hidden', 'x'), ('no name', '', 'hidden'), ('a colon', 'x:', 'hidden'),
	('null name', NULL, 'hidden'), ('agent''s', 'Content-Type', 'hidden'), ('agent''s', 'webhook-anything', 'hidden'),
	('agent''s', 'Proxy-Authorization', 'hidden'), ('much', 'x', repeat('hidden', 3000))) AS v(what, name, value);
SELECT pg_temp.state($$SELECT usage_mgmt.listener_header('a', 'Upgrade', NULL)$$), pg_temp.state($$SELECT usage_mgmt.listener_header('a', 'Upgrade-Insecure', NULL)$$);
SELECT pg_temp.state(format('SELECT usage_mgmt.listener_credential(''a'', %L, %L)', username, password)) FROM (VALUES
	('us:er', 'hidden'), (E'us\ner', 'hidden'), ('user', E'hid\nden'), ('user', NULL), (NULL, 'hidden')) AS v(username, password);
SELECT pg_temp.state($$SELECT usage_mgmt.listener_header(NULL, 'x', 'hidden')$$), pg_temp.state($$SELECT usage_mgmt.listener_credential(NULL, 'user', 'hidden')$$),
	pg_temp.state($$SELECT usage_mgmt.listener_header('sql', 'x', 'hidden')$$), pg_temp.state($$SELECT usage_mgmt.listener_credential('sql', 'user', 'hidden')$$);
SELECT usage_mgmt.listener_secret('sql');

-- Everybody's doors, tried on another's listener, on one whose owner is no role any more, and on none
RESET ROLE;
DROP OWNED BY regress_role_that_is_gone;
DROP ROLE regress_role_that_is_gone;
SET ROLE regress_partner;
CREATE TEMP TABLE door (n serial, statement text);
INSERT INTO door (statement) VALUES ('listener_secret(%L)'), ('listener_secret(%L, true)'), ('listener_header(%L, ''x'', ''v'')'),
	('listener_credential(%L, ''u'', ''p'')'), ('listener_test(%L)'), ('resend_event(%L, ''lost'')'), ('pause_listener(%L)'), ('resume_listener(%L)'),
	('hub_new_secret(%L)');
GRANT SELECT ON door TO PUBLIC;
SELECT id, statement, pg_temp.state(format('SELECT usage_mgmt.' || statement, id)) FROM door, unnest('{b,c,none}'::text[]) id ORDER BY id, n;
-- an agent delivers, and is no owner
SET ROLE regress_agent;
SELECT DISTINCT pg_temp.state(format('SELECT usage_mgmt.' || statement, 'a')) FROM door;
-- a name without a role counts again when a role has it
RESET ROLE;
CREATE ROLE regress_role_that_is_gone;
GRANT USAGE ON SCHEMA usage_mgmt TO regress_role_that_is_gone;
GRANT SELECT ON usage_mgmt.usage TO regress_role_that_is_gone;
SET ROLE regress_role_that_is_gone;
SELECT usage_mgmt.listener_secret('c') ~ '^whsec_' AS shown, (SELECT string_agg(listener, ',') FROM usage_mgmt.hub_status);
-- the owner of the tables does what the owner of a listener may
RESET ROLE;
SELECT usage_mgmt.listener_secret('c') ~ '^whsec_' AS shown, usage_mgmt.resume_listener('c');

-- Each sees his own listeners, and nobody but agents what is in an event or a secret
CREATE TEMP TABLE look (n serial, name text, statement text);
INSERT INTO look (name, statement) VALUES
	('status', $$SELECT string_agg(listener, ',' ORDER BY listener) FROM usage_mgmt.hub_status$$),
	('listeners', $$SELECT string_agg(id, ',' ORDER BY id) FROM usage_mgmt.hub_listener$$),
	('attempts', $$SELECT string_agg(DISTINCT listener, ',') FROM usage_mgmt.hub_attempt$$),
	('deliveries', $$SELECT string_agg(listener, ',' ORDER BY listener) FROM usage_mgmt.hub_delivery$$),
	('cursors', $$SELECT string_agg(listener, ',' ORDER BY listener) FROM usage_mgmt.hub_cursor$$),
	('parked', $$SELECT string_agg(DISTINCT listener, ',') FROM usage_mgmt.hub_parked$$),
	('events', $$SELECT count(event) > 0 FROM usage_mgmt.hub_parked$$),
	('due', $$SELECT count(*) > 0 FROM usage_mgmt.hub_due('a', 10)$$),
	('parked ids', $$SELECT count(*) > 0 FROM usage_mgmt.hub_parked_ids('a')$$),
	('secrets', $$SELECT count(*) > 0 FROM usage_mgmt.hub_secret$$),
	('claim', $$SELECT count(*) > 0 FROM usage_mgmt.hub_claim('three', '1 minute', 10)$$),
	('checkpoint', $$SELECT usage_mgmt.hub_checkpoint('one', 'a', pg_temp.behind(11), NULL, NULL, NULL, NULL)$$),
	('read', $$SELECT count(*) > 0 FROM usage_mgmt.hub_read('a', NULL, 1)$$),
	('one event', format($$SELECT usage_mgmt.hub_event('a', %L) ->> 'eventType'$$, :'kept')),
	('confirm', $$SELECT usage_mgmt.confirm_events('a', pg_temp.behind(11))$$),
	('change a cursor', $$UPDATE usage_mgmt.hub_cursor SET position = pg_temp.behind(0) WHERE listener = 'a' RETURNING listener$$),
	('stop', $$SELECT usage_mgmt.hub_stop('one', 'a', 'gone', '')$$),
	('release', $$SELECT usage_mgmt.hub_release('one') > 0$$),
	('prune', $$SELECT usage_mgmt.hub_prune_attempts() >= 0$$),
	('change a state', $$UPDATE usage_mgmt.hub_listener SET state = 'active' WHERE id = 'a' RETURNING id$$),
	('change an owner', $$UPDATE usage_mgmt.hub_listener SET owner = current_user WHERE id = 'b' RETURNING id$$),
	('change a secret', $$UPDATE usage_mgmt.hub_secret SET secret = 'known' WHERE listener = 'b' RETURNING listener$$),
	('park', $$INSERT INTO usage_mgmt.hub_parked (listener, event_id, resource_id, event) VALUES ('b', 'e', 'x', 'forged') RETURNING listener$$),
	('delete', $$DELETE FROM usage_mgmt.hub_listener WHERE id = 'b' RETURNING id$$);
GRANT SELECT ON look TO PUBLIC;
CREATE TEMP TABLE seen (role text, n int, answer text);
CREATE PROCEDURE pg_temp.look_as(role text) LANGUAGE plpgsql AS $$
DECLARE
	l look;
	found text;
BEGIN
	FOR l IN SELECT * FROM look ORDER BY n LOOP
		BEGIN
			EXECUTE format('SET LOCAL ROLE %I', role);
			found := regexp_replace(pg_temp.state(l.statement), '^42501.*', '42501');
			RAISE 'back' USING ERRCODE = 'ZZ999';
		EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
			NULL;
		END;
		INSERT INTO seen VALUES (role, l.n, found);
	END LOOP;
END
$$;
CALL pg_temp.look_as('regress_partner');
CALL pg_temp.look_as('regress_member');
CALL pg_temp.look_as('regress_agent');
SELECT l.name, max(answer) FILTER (WHERE role = 'regress_partner') AS partner, max(answer) FILTER (WHERE role = 'regress_member') AS member,
	max(answer) FILTER (WHERE role = 'regress_agent') AS agent
FROM seen JOIN look l USING (n) GROUP BY l.n, l.name ORDER BY l.n;

-- The tables' owner, no superuser, makes agents; the secrets stay the extension's
CREATE ROLE regress_owner;
SET client_min_messages = warning;
SELECT usage_mgmt.grant_access('regress_owner', 'owner');
RESET client_min_messages;
CREATE ROLE regress_agent_too;
SET ROLE regress_owner;
SELECT usage_mgmt.grant_access('regress_agent_too', 'agent');
SELECT usage_mgmt.pause_listener('a'), usage_mgmt.resume_listener('a'), usage_mgmt.listener_secret('b') IS NOT NULL AS shown, usage_mgmt.hub_new_secret('b');
SET ROLE regress_partner;
SELECT usage_mgmt.pause_listener('a'), usage_mgmt.resume_listener('a'), usage_mgmt.listener_secret('a', true) IS NOT NULL AS shown, usage_mgmt.listener_test('a') IS NOT NULL AS sent;
SET ROLE regress_agent_too;
SELECT usage_mgmt.hub_release('one');
SELECT listener, secret IS NOT NULL AS secret FROM usage_mgmt.hub_claim('one', '1 minute', 10);
RESET ROLE;
SELECT relowner = 'regress_owner'::regrole AS handed_over, relname FROM pg_class WHERE oid IN ('usage_mgmt.hub_secret'::regclass, 'usage_mgmt.hub_parked'::regclass) ORDER BY relname;
-- a trigger of theirs runs as they are, not as the extension's owner
SET ROLE regress_owner;
CREATE FUNCTION pg_temp.whoami() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '% on %', current_user, TG_RELNAME; RETURN NULL; END $$;
CREATE TRIGGER whoami AFTER UPDATE ON usage_mgmt.hub_listener FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.whoami();
CREATE TRIGGER whoami AFTER INSERT ON usage_mgmt.hub_parked FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.whoami();
SET ROLE regress_partner;
SELECT usage_mgmt.pause_listener('a'), usage_mgmt.resume_listener('a'), usage_mgmt.listener_test('a') IS NOT NULL AS sent;
RESET ROLE;
DROP TRIGGER whoami ON usage_mgmt.hub_listener;
DROP TRIGGER whoami ON usage_mgmt.hub_parked;
SET client_min_messages = warning;
SELECT usage_mgmt.grant_access(current_user, 'owner');
RESET client_min_messages;

-- Without a secret nothing is sent: the listener is paused and says why
DELETE FROM usage_mgmt.hub_secret WHERE listener IN ('a', 'b');
INSERT INTO usage_mgmt.hub_secret (listener) VALUES ('b');
SET ROLE regress_agent;
SELECT listener FROM usage_mgmt.hub_claim('one', '1 minute', 10);
SELECT listener, state, reason FROM usage_mgmt.hub_status ORDER BY 1;
SET ROLE regress_partner;
SELECT usage_mgmt.listener_secret('a') IS NULL AS none, pg_temp.state($$SELECT usage_mgmt.listener_header('a', 'x', 'v')$$);
SELECT usage_mgmt.listener_secret('a', renew => true) ~ '^whsec_' AS made, usage_mgmt.resume_listener('a');
SET ROLE regress_agent;
SELECT listener, old_secret FROM usage_mgmt.hub_claim('one', '1 minute', 10);
RESET ROLE;

-- The log keeps the last 1,000 attempts of a listener and a week
SELECT count(*) FROM usage_mgmt.hub_claim('one', '1 minute', 10);
SELECT usage_mgmt.hub_checkpoint('one', 'a', NULL, NULL, NULL, NULL, (SELECT jsonb_agg(jsonb_build_object('event_id', 'm' || n, 'at', now(), 'status', 204)) FROM generate_series(1, 1200) n));
SELECT usage_mgmt.hub_checkpoint('one', 'c', NULL, NULL, NULL, NULL, (SELECT jsonb_agg(jsonb_build_object('event_id', 'w' || n, 'at', now() - n * interval '1 day', 'status', 204)) FROM generate_series(1, 10) n));
SELECT usage_mgmt.hub_prune_attempts() > 200 AS pruned, usage_mgmt.hub_prune_attempts() AS again;
SELECT listener, count(*), min(event_id) FROM usage_mgmt.hub_attempt GROUP BY 1 HAVING count(*) > 3 ORDER BY 1;
-- the rate is that of about a minute, and fades
SELECT round(rate) AS rate, lost FROM usage_mgmt.hub_status WHERE listener = 'a';
UPDATE usage_mgmt.hub_delivery SET rate_at = now() - interval '1 minute' WHERE listener = 'a';
SELECT round(rate, 1) AS rate FROM (SELECT rate::numeric FROM usage_mgmt.hub_status WHERE listener = 'a') s;

-- What has not been confirmed is behind: two for a, since its cursor moved; all for b and who reads
SELECT listener, lag_events, lag_seconds > 0 AS waiting FROM usage_mgmt.hub_status ORDER BY 1;

-- A listener that goes takes all with it, its secret, too; and an id that comes back has nothing of it
SELECT usage_mgmt.listener_header('a', 'x', 'v');
SET ROLE regress_partner;
SELECT usage_mgmt.unregister_usage_listener('a');
RESET ROLE;
SELECT (SELECT count(*) FROM usage_mgmt.hub_cursor WHERE listener = 'a') AS cursors, (SELECT count(*) FROM usage_mgmt.hub_parked WHERE listener = 'a') AS parked, (SELECT count(*) FROM usage_mgmt.hub_attempt WHERE listener = 'a') AS attempts,
	(SELECT count(*) FROM usage_mgmt.hub_delivery WHERE listener = 'a') AS deliveries, (SELECT count(*) FROM usage_mgmt.hub_secret WHERE listener = 'a') AS secrets;
SELECT usage_mgmt.listener_secret('c', true) IS NOT NULL AS renewed, usage_mgmt.listener_header('c', 'x', 'v'), usage_mgmt.listener_credential('c', 'u', 'p'), usage_mgmt.hub_new_secret('c');
SELECT old_secret, old_until, headers, username, password FROM usage_mgmt.hub_secret WHERE listener = 'c';
-- its trigger is for that table alone, and nobody else may make one of it
CREATE TEMP TABLE hub_listener (id text);
CREATE TRIGGER t AFTER DELETE ON hub_listener FOR EACH ROW EXECUTE FUNCTION usage_mgmt.hub_listener_gone();
INSERT INTO hub_listener VALUES ('c');
DELETE FROM hub_listener;
GRANT ALL ON hub_listener TO regress_partner;
SET ROLE regress_partner;
SELECT pg_temp.state('CREATE TRIGGER u AFTER DELETE ON hub_listener FOR EACH ROW EXECUTE FUNCTION usage_mgmt.hub_listener_gone()');
RESET ROLE;
SELECT count(*) FROM usage_mgmt.hub_secret WHERE listener = 'c';

-- Registered by its owner, a listener has a secret at once, and the agent all that it delivers by
SET ROLE regress_agent;
SELECT pg_temp.state($$SELECT usage_mgmt.register_usage_listener('https://d.example/')$$);
SET ROLE regress_partner;
SELECT pg_temp.state($$SELECT usage_mgmt.register_usage_listener('https://user:hidden@d.example/')$$);
SELECT usage_mgmt.register_usage_listener('https://d.example/', 'eventType=UsageDeleteNotification') ->> 'id' AS id \gset
SELECT usage_mgmt.listener_secret(:'id') AS secret \gset
RESET ROLE;
DELETE FROM usage_mgmt.usage WHERE id = 'u2';
SET ROLE regress_agent;
SELECT callback, query, resource, version, "position" IS NOT NULL AS position, secret = :'secret' AS secret FROM usage_mgmt.hub_claim('one', '1 minute', NULL) WHERE listener = :'id';
SELECT "position" AS position, event_id AS event, resource_id AS resource FROM usage_mgmt.hub_read(:'id', NULL, 1) \gset
SELECT :'resource' AS resource, usage_mgmt.hub_checkpoint('one', :'id', :'position', NULL, NULL, NULL, jsonb_build_array(jsonb_build_object('event_id', :'event', 'status', 204))) AS done;
SELECT count(event_id) FROM usage_mgmt.hub_read(:'id', NULL, NULL);
SELECT "position" = :'position' AS moved FROM usage_mgmt.hub_claim('one', '1 minute', NULL) WHERE listener = :'id';
-- once more, though it was sent
SET ROLE regress_partner;
SELECT usage_mgmt.resend_event(:'id', :'event') ->> 'eventType' AS type;
-- nobody may be told what he must not select, neither anew nor again
RESET ROLE;
REVOKE SELECT ON usage_mgmt.usage FROM regress_partner;
SET ROLE regress_partner;
SELECT pg_temp.state(format('SELECT usage_mgmt.resend_event(%L, %L)', :'id', :'event')) LIKE '55000 %' AS refused;
SET ROLE regress_agent;
SELECT count(*) FROM usage_mgmt.hub_read(:'id', NULL, NULL);
SELECT state, reason FROM usage_mgmt.hub_status WHERE listener = :'id';
SELECT count(*) FROM usage_mgmt.hub_claim('one', '1 minute', NULL) WHERE listener = :'id';
RESET ROLE;
-- Whoever owns the tables can have nothing delivered at all, as in a copy that is no restore
SELECT listener FROM usage_mgmt.hub_claim('one', '1 minute', NULL);
UPDATE usage_mgmt.setting SET value = 'off' WHERE name = 'delivery';
SELECT listener FROM usage_mgmt.hub_claim('one', '1 minute', NULL);
SELECT count(*) AS held FROM usage_mgmt.hub_delivery WHERE agent = 'one';
UPDATE usage_mgmt.setting SET value = 'on' WHERE name = 'delivery';
-- What was parked is not sent for an owner who may not read it any more, whether or not anything is read
GRANT SELECT ON usage_mgmt.usage TO regress_partner;
SET ROLE regress_partner;
SELECT usage_mgmt.register_usage_listener('http://localhost/parked') ->> 'id' AS id \gset
SELECT usage_mgmt.listener_test(:'id') IS NOT NULL AS parked;
RESET ROLE;
REVOKE SELECT ON usage_mgmt.usage FROM regress_partner;
SELECT count(*) FROM usage_mgmt.hub_claim('one', '1 minute', NULL) WHERE listener = :'id';
SELECT state, reason FROM usage_mgmt.hub_status WHERE listener = :'id';

SET client_min_messages = warning;
DELETE FROM usage_mgmt.hub_secret;
TRUNCATE usage_mgmt.hub_listener, usage_mgmt.hub_cursor, usage_mgmt.hub_delivery, usage_mgmt.hub_parked, usage_mgmt.hub_attempt RESTART IDENTITY;
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_event_0, usage_mgmt.usage_event_1, usage_mgmt.usage_event_2;
DROP OWNED BY regress_owner, regress_agent, regress_agent_too, regress_partner, regress_team, regress_member, regress_role_that_is_gone;
DROP ROLE regress_owner, regress_agent, regress_agent_too, regress_partner, regress_member, regress_team, regress_role_that_is_gone;
