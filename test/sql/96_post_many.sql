-- POST of an array: many are stored by the batches of a load, all of them or none.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification, usage_mgmt.service_usage, usage_mgmt.usage_key,
	usage_mgmt.import_load, usage_mgmt.import_reject, usage_mgmt.usage_conflict;
SELECT usage_mgmt.ensure_partitions('2001-01-01', '2001-03-31') AS made;

-- A request as PostgREST hands it over, of somebody with a token
CREATE FUNCTION pg_temp.post(uri text, sent bytea) RETURNS TABLE (status text, body text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('request.headers', json_build_object('x-um-method', 'POST', 'x-um-uri', uri,
		'authorization', 'Bearer x')::text, true), set_config('response.headers', '', true);
	body := convert_from(usage_api.write(sent), 'UTF8');
	status := current_setting('response.status');
	RETURN NEXT;
END
$$;
CREATE FUNCTION pg_temp.post(sent text, uri text DEFAULT '/usageManagement/usage') RETURNS TABLE (status text, body text) LANGUAGE sql AS
$$SELECT * FROM pg_temp.post(uri, convert_to(sent, 'UTF8'))$$;
-- What it has stored, in short; or what was wrong, an element a line
CREATE FUNCTION pg_temp.short(sent text, uri text DEFAULT '/usageManagement/usage') RETURNS TABLE (status text, told text) LANGUAGE sql AS $$
	SELECT p.status, CASE WHEN left(p.body, 1) <> '[' THEN (p.body::json ->> 'code') || ' '
			|| replace(p.body::json ->> 'message', '; [', E'\n[')
		ELSE (SELECT string_agg(concat_ws(' ', e ->> 'id', e ->> 'type', e ->> 'usageType', e ->> 'name', e ->> 'status'), ', ' ORDER BY n)
			FROM json_array_elements(p.body::json) WITH ORDINALITY AS a (e, n)) END
	FROM pg_temp.post(sent, uri) p
$$;
CREATE FUNCTION pg_temp.many(form text, n int) RETURNS text LANGUAGE sql AS
$$SELECT '[' || string_agg(replace(form, '#', i::text), ',') || ']' FROM generate_series(1, n) i$$;
CREATE TEMP VIEW stored AS SELECT id, usage_date, usage_type, status FROM usage_mgmt.usage ORDER BY id;

-- 201 where any is new, as it is stored, in the order given; 200 where nothing is
SELECT * FROM pg_temp.post('[]');
SELECT * FROM pg_temp.post(' [{"id":"b","date":"2001-01-02","type":"VOICE","own":1},
	{"type":"DATA","date":"2001-01-01","id":"a","ratedProductUsage":[]} ] ');
SELECT * FROM pg_temp.short('[{"id":"b","date":"2001-01-02T00:00:00Z","type":"VOICE","own":1},{"id":"a","date":"2001-01-01","type":"DATA"}]');
SELECT * FROM pg_temp.short('[{"id":"b","date":"2001-01-02","type":"VOICE","own":1},{"id":"c","date":"2001-02-01","type":"SMS"}]');
SELECT * FROM pg_temp.post('[{"id":"b","date":"2001-01-02","type":"VOICE","own":1},{"id":"d","date":"2001-03-01","type":"SMS"}]', '/usageManagement/usage?fields=type');
BEGIN;
SELECT * FROM pg_temp.post('[{"id":"b","usageDate":"2001-01-02","usageType":"VOICE","own":1}]', '/tmf-api/usageManagement/v4/usage?fields=usageType');
SELECT current_setting('response.headers') AS no_location;
COMMIT;
SELECT * FROM pg_temp.short('[]', '/usageManagement/usage?limit=1');
SELECT * FROM pg_temp.short('[]', '/usageManagement/usage?fields=none');
SELECT tableoid::regclass, received_at = changed_at AS stamped, load_id FROM usage_mgmt.usage WHERE id = 'd';
SELECT count(*) AS no_books FROM usage_mgmt.import_load;

-- What is at fault is told of each, by its path; the status is that of the first; nothing is stored
SELECT * FROM pg_temp.short('[{"id":"e","date":"2001-01-01","type":"VOICE"}, null, 7, [], "x", {},
	{"id":"a","date":"2001-01-01","type":"SMS"},
	{"date":"then","type":"t","usageCharacteristic":[{"name":"n","value":1},{"value":2}],"relatedParty":[{"id":"1"}]}]');
SELECT * FROM pg_temp.short('[{"usageDate":"then"},{"status":"none"}]', '/tmf-api/usageManagement/v4/usage');
SELECT * FROM pg_temp.post('[{"id":"e","date":"2001-01-01","type":"VOICE"},{"id":"a","date":"2001-01-01","type":"SMS"},{"id":"c","date":"2001-01-01","type":"SMS"}]');
SELECT * FROM pg_temp.short('[{"id":"a","date":"2001-01-01","type":"SMS"},{"id":"x"}]');
SELECT * FROM pg_temp.short('[{"id":"x"},{"id":"a","date":"2001-01-01","type":"SMS"}]');
SELECT * FROM pg_temp.short('[{"id":"e","date":"2001-01-01","type":"VOICE","id":"f"},{"@type":"UsageSpecification","date":"2001-01-01","type":"t"}]');
SELECT * FROM stored;
SELECT * FROM usage_mgmt.check_keys();

-- What is no JSON is none as a whole
SELECT b AS body, p.* FROM unnest(ARRAY['[', '[{', '[{}', '[{},]', '[,{}]', '[{}{}]', '[{}] {}', '[}', '[[[[', '[{"id":"x","date":}, {}]',
	'[{"date":"2001-01-01","type":"x"},{"type":"\u0000"}]', '[{"type":1e999999}]', '[{"type":"x","x":tru}]']) b, pg_temp.short(b) p;
SELECT status, told FROM pg_temp.short('[{"date":"2001-01-01","type":"t","x":' || repeat('[', 1000) || repeat(']', 1000) || '}]');
SELECT status, told FROM pg_temp.short('[{"id":"deep","date":"2001-01-01","type":"t","x":' || repeat('[', 990) || repeat(']', 990) || '}]');
SELECT status, body::json ->> 'message' AS not_utf8 FROM pg_temp.post('/usageManagement/usage', '\x5b7b226964223a22ff227d5d'::bytea);

-- The same twice is one; an id twice with other content belongs to the first
SELECT * FROM pg_temp.short('[{"id":"f","date":"2001-01-01","type":"t"},{"id":"g","date":"2001-01-01","type":"t"},{"type":"t","id":"f","date":"2001-01-01T00:00:00.0Z"}]');
SELECT * FROM pg_temp.short('[{"id":"h","date":"2001-01-01","type":"t"},{"id":"h","date":"2001-02-01","type":"t"},{"id":"h","date":"2001-01-01","type":"t"}]');
-- Without an id it is known by its content, as in a load: sent again the array adds nothing
\set nameless '[{"date":"2001-01-05","type":"t"},{"date":"2001-01-06","type":"t"},{"date":"2001-01-05","type":"t"}]'
SELECT status, count(*), count(DISTINCT e ->> 'id') AS ids FROM pg_temp.post(:'nameless') p, json_array_elements(p.body::json) e GROUP BY 1;
SELECT status, count(*), count(DISTINCT e ->> 'id') AS ids FROM pg_temp.post(:'nameless') p, json_array_elements(p.body::json) e GROUP BY 1;
SELECT count(*) FROM usage_mgmt.usage WHERE usage_date IN ('2001-01-05', '2001-01-06');
SET client_min_messages = warning;
INSERT INTO usage_mgmt.usage_document VALUES ('{"date":"2001-01-05","type":"t"}');
RESET client_min_messages;
SELECT count(*) AS of_a_load_too FROM usage_mgmt.usage WHERE usage_date = '2001-01-05';
-- Delivered again after it was rated it is a repeat, and shown as it is
UPDATE usage_mgmt.usage SET status = 'guided', description = 'ours' WHERE id = 'f';
SELECT * FROM pg_temp.short('[{"id":"f","date":"2001-01-01","type":"t"}]');

-- What a version does not ask for is filled in, as by a post, whatever is ordered for loads
SELECT value FROM usage_mgmt.setting WHERE name = 'on_missing';
SELECT status, e ->> 'usageType' AS type, (e ->> 'usageDate')::timestamptz = now() AS received, e -> 'relatedParty' -> 0 ->> 'role' AS role
FROM pg_temp.post('[{"id":"v4"},{"id":"v4 2","relatedParty":[{"id":"1","@referredType":"Customer"}],"usageSpecification":{"id":"s","name":"S"}}]', '/tmf-api/usageManagement/v4/usage') p,
	json_array_elements(p.body::json) e;
SELECT * FROM pg_temp.short('[{"id":"v4"}]', '/tmf-api/usageManagement/v4/usage');

-- More than a thousand, in any order
SELECT status, told = (SELECT string_agg(format('m%s t received', lpad((2501 - i)::text, 5, '0')), ', ' ORDER BY i) FROM generate_series(1, 2500) i) AS in_order
FROM pg_temp.short((SELECT json_agg(json_build_object('id', 'm' || lpad((2501 - i)::text, 5, '0'), 'date', '2001-02-01', 'type', 't') ORDER BY i)::text FROM generate_series(1, 2500) i));
SELECT status, length(told) FROM pg_temp.short((SELECT json_agg(json_build_object('id', 'm' || lpad((2503 - i)::text, 5, '0'), 'date', '2001-02-01', 'type', 't') ORDER BY i)::text FROM generate_series(1, 2502) i));
SELECT count(*) FROM usage_mgmt.usage WHERE id ^@ 'm';
SELECT * FROM pg_temp.short((SELECT json_agg(json_build_object('id', 'm' || lpad(i::text, 5, '0'), 'date', '2001-02-01', 'type', CASE WHEN i IN (7, 2600) THEN 'u' ELSE 't' END))::text FROM generate_series(1, 2700) i));
SELECT count(*) FROM usage_mgmt.usage WHERE id ^@ 'm';
-- The first thousand faults are told
SELECT status, length(told) - length(replace(told, E'\n', '')) + 1 AS lines, right(told, 40) FROM pg_temp.short(pg_temp.many('{"id":"#"}', 1500));
SELECT status, length(told) - length(replace(told, E'\n', '')) + 1 AS lines, right(told, 40) FROM pg_temp.short(
	(SELECT json_agg(json_build_object('id', 'm' || lpad(i::text, 5, '0'), 'date', '2001-02-01', 'type', 'u'))::text FROM generate_series(1, 1200) i));
SELECT status, told FROM pg_temp.short('[' || repeat('{},', 100000) || '{}]');

-- Against the specification
SELECT usage_mgmt.post_usage_specification('{"id":"only a","usageSpecCharacteristic":[{"name":"a"}]}') ->> 'id' AS specification;
UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'check_specification';
SELECT * FROM pg_temp.short('[{"id":"p","date":"2001-01-01","type":"t","usageSpecification":{"id":"only a"},"usageCharacteristic":{"a":"1"}},
	{"id":"q","date":"2001-01-01","type":"t","usageSpecification":{"id":"only a"},"usageCharacteristic":{"a":"1","b":"1"}}]');
SELECT * FROM pg_temp.short('[{"id":"p","date":"2001-01-01","type":"t","usageSpecification":{"id":"only a"},"usageCharacteristic":{"a":"1"}}]');
UPDATE usage_mgmt.setting SET value = 'mark' WHERE name = 'check_specification';
SELECT * FROM pg_temp.short('[{"id":"q","date":"2001-01-01","type":"t","usageSpecification":{"id":"only a"},"usageCharacteristic":{"a":"1","b":"1"}},{"id":"r","date":"2001-01-01","type":"t"}]');
SELECT * FROM pg_temp.short('[{"id":"q","date":"2001-01-01","type":"t","usageSpecification":{"id":"only a"},"usageCharacteristic":{"a":"1","b":"1"}}]');
UPDATE usage_mgmt.setting SET value = 'off' WHERE name = 'check_specification';

-- Triggers of the user's: what they change is shown, what they leave out is not, what they refuse is at fault
CREATE FUNCTION pg_temp.meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	CASE NEW.usage_type
		WHEN 'change' THEN NEW.description := 'changed'; NEW.usage_type := 'changed';
		WHEN 'rename' THEN NEW.id := 'renamed ' || NEW.id;
		WHEN 'drop' THEN RETURN NULL;
		WHEN 'refuse' THEN RAISE EXCEPTION 'not %', NEW.id;
		WHEN 'break' THEN NEW.usage_type := ' '; NEW.status := 'rated';
		WHEN 'cancel' THEN RAISE EXCEPTION 'cancelled' USING ERRCODE = '57014';
		WHEN 'deadlock' THEN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01';
		WHEN 'load' THEN INSERT INTO usage_mgmt.usage_document VALUES (format('{"id":"of %s","date":"2001-01-01","type":"t"}', NEW.id));
		ELSE
	END CASE;
	RETURN NEW;
END
$$;
CREATE TRIGGER meddle BEFORE INSERT ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION pg_temp.meddle();
SELECT * FROM pg_temp.short('[{"id":"t3","date":"2001-01-01","type":"change"},{"id":"t2","date":"2001-01-01","type":"t"},{"id":"t1","date":"2001-01-01","type":"change"}]');
SELECT * FROM pg_temp.short('[{"id":"t5","date":"2001-01-01","type":"drop"},{"id":"t6","date":"2001-01-01","type":"t"},{"id":"t4","date":"2001-01-01","type":"rename"}]');
SELECT * FROM pg_temp.post('[{"id":"t7","date":"2001-01-01","type":"drop"}]');
SELECT * FROM pg_temp.short('[{"id":"t8","date":"2001-01-01","type":"t"},{"id":"t9","date":"2001-01-01","type":"refuse"},{"id":"t7","date":"2001-01-01","type":"refuse"},{"id":"u1","date":"2001-01-01","type":"break"},{"id":"a","date":"2001-01-01","type":"t"}]');
SELECT * FROM pg_temp.short('[{"id":"t8","date":"2001-01-01","type":"t"},{"id":"t9","date":"2001-01-01","type":"cancel"}]');
BEGIN;
SELECT * FROM pg_temp.short('[{"id":"t8","date":"2001-01-01","type":"t"},{"id":"t9","date":"2001-01-01","type":"deadlock"}]');
SELECT current_setting('response.headers')::jsonb -> 0 AS come_again;
COMMIT;
SELECT * FROM pg_temp.short('[{"id":"l1","date":"2001-01-01","type":"load"},{"id":"l2","date":"2001-01-01","type":"t"}]');
SELECT id, usage_type FROM stored WHERE id ~ '^[tul]\d|renamed|of';
SELECT * FROM usage_mgmt.check_keys();
DROP TRIGGER meddle ON usage_mgmt.usage;
-- an index of the user's
CREATE UNIQUE INDEX own ON usage_mgmt.usage (usage_date, description) WHERE description = 'once';
SELECT status, told FROM pg_temp.short('[{"id":"i1","date":"2001-01-01","type":"t","description":"once"},{"id":"i2","date":"2001-01-01","type":"t"},{"id":"i3","date":"2001-01-01","type":"t","description":"once"}]');
DROP INDEX usage_mgmt.own;
-- a constraint of the user's that waits for the commit is asked before there is an answer
CREATE FUNCTION public.regress_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.description = 'late' THEN
		RAISE check_violation USING MESSAGE = 'that is too late';
	END IF;
	RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON usage_mgmt.usage
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.regress_late();
SELECT * FROM pg_temp.short('[{"id":"k1","date":"2001-01-01","type":"t"},{"id":"k2","date":"2001-01-01","type":"t","description":"late"}]');
SELECT count(*) FROM usage_mgmt.usage WHERE id IN ('k1', 'k2');
DROP TRIGGER late ON usage_mgmt.usage;
DROP FUNCTION public.regress_late();
-- a column of the user's
BEGIN;
ALTER TABLE usage_mgmt.usage ADD COLUMN mine int DEFAULT 7;
SELECT * FROM pg_temp.short('[{"id":"j","date":"2001-01-01","type":"t"}]');
SELECT mine FROM usage_mgmt.usage WHERE id = 'j';
ROLLBACK;

-- An id that is kept, its partition gone, is taken, as for a post
SELECT * FROM pg_temp.short('[{"id":"old","date":"1999-01-01","type":"t"}]');
SELECT usage_mgmt.ensure_partitions('1999-01-01', '1999-01-01') AS made, usage_mgmt.drop_partitions('2000-01-01', unbilled => true) AS dropped;
SELECT * FROM pg_temp.short('[{"id":"old","date":"1999-01-01","type":"t"}]');
SELECT usage_mgmt.post_usage('{"id":"old","date":"1999-01-01","type":"t"}');

-- Rights, and row security: what the caller may not see he is not told
CREATE ROLE regress_array;
GRANT USAGE ON SCHEMA usage_api, usage_mgmt TO regress_array;
GRANT EXECUTE ON FUNCTION usage_api.write(bytea) TO regress_array;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pg_temp TO regress_array;
SET ROLE regress_array;
SELECT * FROM pg_temp.short('[{"id":"');
RESET ROLE;
GRANT INSERT ON usage_mgmt.usage TO regress_array;
SET ROLE regress_array;
SELECT * FROM pg_temp.short('[{"id":"w","date":"2001-01-01","type":"t"}]');
RESET ROLE;
GRANT SELECT ON usage_mgmt.usage TO regress_array;
SET ROLE regress_array;
SELECT * FROM pg_temp.short('[{"id":"w","date":"2001-01-01","type":"t"},{"id":"b","date":"2001-01-02","type":"VOICE","own":1}]');
RESET ROLE;
ALTER TABLE usage_mgmt.usage ENABLE ROW LEVEL SECURITY;
CREATE POLICY theirs ON usage_mgmt.usage TO regress_array USING (usage_type = 't');
SET ROLE regress_array;
SELECT * FROM pg_temp.short('[{"id":"w","date":"2001-01-01","type":"t"},{"id":"b","date":"2001-01-02","type":"VOICE","own":1},{"id":"c","date":"2001-01-02","type":"VOICE"}]');
SELECT * FROM pg_temp.short('[{"id":"x1","date":"2001-01-01","type":"t"},{"id":"x2","date":"2001-01-01","type":"VOICE"}]');
SELECT * FROM pg_temp.short('[{"id":"w","date":"2001-01-01","type":"t"},{"id":"b","date":"2001-01-02","type":"VOICE","own":1}]');
SELECT * FROM pg_temp.short('[{"id":"x1","date":"2001-01-01","type":"t"}]');
RESET ROLE;
DROP POLICY theirs ON usage_mgmt.usage;
ALTER TABLE usage_mgmt.usage DISABLE ROW LEVEL SECURITY;

-- What has no ledger, and another resource that has one
SELECT * FROM pg_temp.short('[{"id":"z","name":"Z"},{"id":"y","name":"Y"},{"id":"z","name":"Z"}]', '/usageManagement/usageSpecification');
SELECT * FROM pg_temp.short('[{"id":"z","name":"Z"},{"id":"y","name":"Y"}]', '/usageManagement/usageSpecification');
SELECT * FROM pg_temp.short('[{"id":"n","name":"N"},{"id":"y","name":"Z"},{"id":"z","name":"X"}]', '/usageManagement/usageSpecification');
SELECT * FROM pg_temp.short('[{"id":"n","name":"N"},{"id":"y","name":"Z"},{"name":7,"usageSpecCharacteristic":[{"description":"no name"}]}]', '/usageManagement/usageSpecification');
SELECT status, count(*), count(DISTINCT e ->> 'id') AS ids
FROM pg_temp.post('[{"name":"no id"},{"name":"no id"}]', '/usageManagement/usageSpecification') p, json_array_elements(p.body::json) e GROUP BY 1;
SELECT id, name FROM usage_mgmt.usage_specification WHERE name <> 'no id' ORDER BY id;
SELECT * FROM pg_temp.post('[{"id":"2","status":"generated"},{"id":"1","status":"generated","usageDate":"2001-01-01"}]', '/tmf-api/serviceUsage/v4/serviceUsage?fields=status');
SELECT * FROM pg_temp.short('[{"id":"2","status":"rated"},{"id":"3","status":"generated","ratedProductUsage":[{"taxRate":"x"}]}]', '/tmf-api/serviceUsage/v4/serviceUsage');

-- Events: one for each that is new, in the order of their ids
SELECT usage_mgmt.register_usage_listener('http://localhost/', '', 'r14.5') ->> 'id' AS listener \gset
SELECT status, length(told) FROM pg_temp.short(replace(pg_temp.many('{"id":"e#","date":"2001-01-01","type":"t"}', 3), '"e3"', '"b2"'));
SELECT * FROM pg_temp.short('[{"id":"e1","date":"2001-01-01","type":"t"},{"id":"e0","date":"2001-01-01"}]');
SELECT * FROM pg_temp.short('[{"id":"e1","date":"2001-01-01","type":"t"},{"id":"e0","date":"2001-01-01","type":"t"}]');
SELECT event ->> 'eventType' AS type, event #>> '{event,usage,id}' AS id FROM usage_mgmt.next_events(:'listener', 10);
SELECT usage_mgmt.unregister_usage_listener(:'listener');

DROP OWNED BY regress_array;
DROP ROLE regress_array;
SELECT count(*) AS books FROM (SELECT FROM usage_mgmt.import_reject UNION ALL SELECT FROM usage_mgmt.usage_conflict) b;
SET client_min_messages = error;
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification, usage_mgmt.service_usage, usage_mgmt.usage_key, usage_mgmt.service_usage_key, usage_mgmt.import_load,
	usage_mgmt.usage_event_0;
SELECT usage_mgmt.drop_partitions('2001-12-31') AS dropped;
