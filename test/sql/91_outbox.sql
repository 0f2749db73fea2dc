-- What is an event and what is none: each door to the tables, and triggers of the
-- user's that change, delete, keep or swallow the rows of a statement.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
TRUNCATE usage_mgmt.import_load RESTART IDENTITY;

SELECT usage_mgmt.ensure_partitions('2001-01-01', '2001-04-01') AS made;
-- What has been written since the last look, in the order of its numbers
CREATE FUNCTION public.events(resource text DEFAULT 'usage') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	dated text := CASE resource WHEN 'usage' THEN $s$to_char(usage_date, 'MM-DD')$s$ WHEN 'service_usage' THEN $s$to_char(usage_date, 'MM-DD')$s$ ELSE 'NULL' END;
BEGIN
	RETURN QUERY EXECUTE format($s$SELECT concat_ws(' ', event_kind, id, %s, status, left(description, 20),
			event_old_status || ' before', event_changed) FROM usage_mgmt.%I ORDER BY event_seq$s$, dated, resource || '_event_0');
	EXECUTE format('TRUNCATE usage_mgmt.%I', resource || '_event_0');
END
$$;
CREATE PROCEDURE public.clean() LANGUAGE sql AS $$
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key, usage_mgmt.usage_event_0;
$$;

-- Nobody listens
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('a', '2001-01-10', 'T');
SELECT public.events();
CALL public.clean();

-- Somebody does
SELECT usage_mgmt.register_usage_listener(NULL) ->> 'id' AS listener \gset

-- INSERT
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, description) VALUES ('a', '2001-01-10', 'T', 'one');
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) SELECT 'm' || n, timestamptz '2001-01-25' + n * interval '5 days', 'T' FROM generate_series(1, 3) n;
SELECT public.events();
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('b', '2001-01-10', 'T'), ('a', '2001-01-10', 'T'), ('c', '2001-02-10', 'T') ON CONFLICT DO NOTHING;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('d', '2001-01-10', 'T'), ('a', '2001-01-10', 'U'), ('e', '2001-02-10', 'T')
	ON CONFLICT (id, usage_date) DO UPDATE SET usage_type = excluded.usage_type;
SELECT public.events();
-- one that is refused takes the statement's along
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('f', '2001-01-10', 'T'), ('a', '2001-02-10', 'T');
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('f', '2001-01-10', 'T'), (NULL, '2001-02-10', 'T');
SELECT public.events();

-- COPY
COPY usage_mgmt.usage (id, usage_date, usage_type, status) FROM STDIN (DELIMITER ',');
p1,2001-02-01,T,received
p2,2001-01-01,T,guided
p3,2001-02-01,T,received
p4,2001-01-01,T,received
\.
COPY usage_mgmt.usage_document FROM STDIN (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
{"id": "q1", "date": "2001-01-05T00:00:00Z", "type": "T", "description": "from a document"}
{"id": "q2", "date": "2001-02-05T00:00:00Z", "type": "T"}
{"id": "q1", "date": "2001-01-05T00:00:00Z", "type": "T", "description": "from a document"}
{"id": "q2", "date": "2001-02-05T00:00:00Z", "type": "OTHER"}
{"id": "q3", "date": "none"}
{"id": "q4", "date": "2001-01-06T00:00:00Z", "type": "T"}
\.
INSERT INTO usage_mgmt.usage_document VALUES ('{"id": "q5", "date": "2001-01-05T00:00:00Z", "type": "T"}'), ('{"id": "q1", "date": "2001-01-05T00:00:00Z", "type": "T", "description": "from a document"}');
SELECT public.events();

-- UPDATE
UPDATE usage_mgmt.usage SET status = 'guided' WHERE id = 'a';
UPDATE usage_mgmt.usage SET status = 'rejected', description = 'two', usage_type = 'U' WHERE id = 'a';
UPDATE usage_mgmt.usage SET usage_date = usage_date + interval '1 day' WHERE id IN ('a', 'b');
UPDATE usage_mgmt.usage SET usage_date = usage_date + interval '2 months' WHERE id IN ('a', 'b') ;
UPDATE usage_mgmt.usage SET usage_date = usage_date - interval '2 months', status = 'recycled' WHERE id = 'a';
SELECT public.events();
-- no content changes
UPDATE usage_mgmt.usage SET description = description, status = status, usage_date = usage_date;
UPDATE usage_mgmt.usage SET received_at = received_at - interval '1 day', load_id = load_id;
UPDATE usage_mgmt.usage SET usage_characteristic = '[{"name": "n", "value": 1}, {"name": "m", "value": 1.50}]' WHERE id = 'a';
UPDATE usage_mgmt.usage SET usage_characteristic = '[{"name": "n", "value": 1}, {"name": "m", "value": 1.50}]' WHERE id = 'a';
SELECT public.events();
-- also of a large value, stored elsewhere
UPDATE usage_mgmt.usage SET description = (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 2000) n) WHERE id = 'c';
UPDATE usage_mgmt.usage SET description = description || '' WHERE id = 'c';
UPDATE usage_mgmt.usage SET usage_type = 'W' WHERE id = 'c';
SELECT usage_mgmt.put_usage('c', usage_mgmt.get_usage('c')) IS NOT NULL AS put;
SELECT public.events();

-- DELETE
DELETE FROM usage_mgmt.usage WHERE id IN ('a', 'b');
DELETE FROM usage_mgmt.usage WHERE id = 'none';
SELECT public.events();

-- MERGE: changes, moves, deletes and inserts
MERGE INTO usage_mgmt.usage u USING (VALUES ('c', 'change'), ('d', 'move'), ('e', 'delete'), ('f', 'insert'), ('m1', 'nothing'), ('m2', 'same')) v (id, what) ON u.id = v.id
	WHEN MATCHED AND what = 'change' THEN UPDATE SET description = 'merged'
	WHEN MATCHED AND what = 'move' THEN UPDATE SET usage_date = '2001-03-10', description = 'merged'
	WHEN MATCHED AND what = 'delete' THEN DELETE
	WHEN MATCHED AND what = 'same' THEN UPDATE SET description = description
	WHEN MATCHED THEN DO NOTHING
	WHEN NOT MATCHED THEN INSERT (id, usage_date, usage_type) VALUES (v.id, '2001-01-10', 'MERGED');
SELECT public.events();

-- several statements in one: also on a leaf, and of one kind twice
WITH gone AS (DELETE FROM usage_mgmt.usage WHERE id = 'd' RETURNING id),
	changed AS (UPDATE usage_mgmt.usage SET description = 'with' WHERE id = 'f'),
	other AS (INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('g', '2001-01-10', 'T'))
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) SELECT id, '2001-01-11', 'AGAIN' FROM gone;
SELECT public.events();
WITH r AS (INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('r1', '2001-01-10', 'T'), ('r2', '2001-01-10', 'T')),
	l AS (INSERT INTO usage_mgmt.usage_p200101 (id, usage_date, usage_type) VALUES ('l1', '2001-01-10', 'T'), ('l2', '2001-01-10', 'T'))
INSERT INTO usage_mgmt.usage_p200102 (id, usage_date, usage_type) VALUES ('k1', '2001-02-10', 'T'), ('k2', '2001-02-10', 'T');
SELECT * FROM public.events() e ORDER BY 1;
WITH r AS (DELETE FROM usage_mgmt.usage WHERE id IN ('r1', 'k1')), l AS (DELETE FROM usage_mgmt.usage_p200101 WHERE id IN ('l1', 'r2'))
DELETE FROM usage_mgmt.usage_p200102 WHERE id = 'k2';
SELECT * FROM public.events() e ORDER BY 1;

-- a leaf
INSERT INTO usage_mgmt.usage_p200101 (id, usage_date, usage_type) VALUES ('leaf', '2001-01-10', 'T');
UPDATE usage_mgmt.usage_p200101 SET description = 'on the leaf' WHERE id = 'leaf';
DELETE FROM usage_mgmt.usage_p200101 WHERE id = 'leaf';
SELECT public.events();

-- operations
SELECT usage_mgmt.post_usage('{"id": "o", "date": "2001-01-10T00:00:00Z", "type": "T"}') IS NOT NULL AS post;
SELECT usage_mgmt.patch_usage('o', '{"status": "guided"}') IS NOT NULL AS patch;
SELECT usage_mgmt.patch_usage('o', '{"description": "patched", "date": "2001-02-10T00:00:00Z"}') IS NOT NULL AS patch;
SELECT usage_mgmt.patch_usage('o', '{"description": "patched"}') IS NOT NULL AS patch;
SELECT usage_mgmt.put_usage('o', '{"id": "o", "date": "2001-02-10T00:00:00Z", "type": "PUT", "status": "guided"}') IS NOT NULL AS put;
SELECT usage_mgmt.put_usage('o', '{"id": "o", "date": "2001-02-10T00:00:00Z", "type": "PUT", "status": "guided"}') IS NOT NULL AS put;
SELECT usage_mgmt.delete_usage('o') IS NOT NULL AS deleted;
SELECT public.events();

-- a row whose date has changed is on its way to another month in that statement alone: gone and back behind it, it is deleted and inserted
BEGIN;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('way', '2001-01-10', 'T');
UPDATE usage_mgmt.usage SET usage_date = '2001-01-11' WHERE id = 'way';
DELETE FROM usage_mgmt.usage WHERE id = 'way';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('way', '2001-01-11', 'T');
UPDATE usage_mgmt.usage SET usage_date = '2001-02-11' WHERE id = 'way';
DELETE FROM usage_mgmt.usage WHERE id = 'way';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('way', '2001-02-11', 'T');
COMMIT;
SELECT public.events();
-- nor is a copy that the same statement makes of it
WITH moved AS (UPDATE usage_mgmt.usage SET usage_date = '2001-02-12' WHERE id = 'way' RETURNING *)
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, received_at) SELECT 'copy of ' || id, usage_date, usage_type, received_at FROM moved;
SELECT * FROM public.events() e ORDER BY 1;
DELETE FROM usage_mgmt.usage WHERE id LIKE '%way';
SELECT count(*) FROM public.events();
-- and one stays on its way while a trigger changes the date of another
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('way', '2001-01-10', 'T'), ('other way', '2001-01-10', 'T');
SELECT count(*) FROM public.events();
CREATE FUNCTION pg_temp.other() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE usage_mgmt.usage SET usage_date = usage_date + interval '1 day' WHERE id = 'other way';
	RETURN OLD;
END
$$;
CREATE TRIGGER other BEFORE DELETE ON usage_mgmt.usage FOR EACH ROW WHEN (OLD.id = 'way') EXECUTE FUNCTION pg_temp.other();
UPDATE usage_mgmt.usage SET usage_date = '2001-02-10' WHERE id = 'way';
DROP TRIGGER other ON usage_mgmt.usage;
SELECT * FROM public.events() e ORDER BY 1;
DELETE FROM usage_mgmt.usage WHERE id LIKE '%way';
SELECT count(*) FROM public.events();
SELECT * FROM usage_mgmt.check_keys();

-- what a statement has left whose own trigger never came is written before the transaction commits
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('late', '2001-01-10', 'T');
SELECT public.events();
ALTER TABLE usage_mgmt.usage DISABLE TRIGGER usage_keys_update;
BEGIN;
UPDATE usage_mgmt.usage SET description = 'late' WHERE id = 'late';
SELECT public.events();
COMMIT;
ALTER TABLE usage_mgmt.usage ENABLE TRIGGER usage_keys_update;
SELECT public.events();
DELETE FROM usage_mgmt.usage WHERE id = 'late';
SELECT count(*) FROM public.events();
-- of updates alone: nothing else tells of rows that were inserted or deleted, with a ledger or without
CREATE PROCEDURE pg_temp.set_triggers(what text, tables regclass[]) LANGUAGE plpgsql AS $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT tgrelid::regclass AS name, tgname FROM pg_trigger WHERE tgrelid = ANY (tables) AND tgname ~ '_(events|keys)_(insert|update|delete)$' LOOP
		EXECUTE format('ALTER TABLE %s %s TRIGGER %I', t.name, what, t.tgname);
	END LOOP;
END
$$;
SELECT usage_mgmt.register_usage_specification_listener(NULL) ->> 'id' AS late_listener \gset
CALL pg_temp.set_triggers('DISABLE', '{usage_mgmt.usage,usage_mgmt.usage_specification}');
INSERT INTO usage_mgmt.usage_specification (id, name) VALUES ('late', 'one'), ('late 2', 'two');
UPDATE usage_mgmt.usage_specification SET description = 'late' WHERE id = 'late';
DELETE FROM usage_mgmt.usage_specification WHERE id = 'late 2';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('late', '2001-01-10', 'T'), ('late 2', '2001-01-10', 'T');
UPDATE usage_mgmt.usage SET description = 'late' WHERE id = 'late';
DELETE FROM usage_mgmt.usage WHERE id = 'late 2';
SELECT public.events('usage_specification');
SELECT public.events();
SELECT id, fault FROM usage_mgmt.check_keys();
DELETE FROM usage_mgmt.usage;
-- and what other statements of such a transaction do is written all the same
BEGIN;
INSERT INTO usage_mgmt.usage_specification (id, name) VALUES ('late 3', 'three');
CALL pg_temp.set_triggers('ENABLE', '{usage_mgmt.usage,usage_mgmt.usage_specification}');
INSERT INTO usage_mgmt.usage_specification (id, name) VALUES ('late 4', 'four');
DELETE FROM usage_mgmt.usage_specification;
COMMIT;
SELECT public.events('usage_specification');
SELECT usage_mgmt.unregister_usage_specification_listener(:'late_listener');

-- savepoints, and what a transaction takes back
BEGIN;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('s1', '2001-01-10', 'T');
SAVEPOINT one;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('s2', '2001-01-10', 'T');
UPDATE usage_mgmt.usage SET usage_date = '2001-02-10' WHERE id = 's1';
ROLLBACK TO one;
UPDATE usage_mgmt.usage SET description = 'after' WHERE id = 's1';
SAVEPOINT two;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('s3', '2001-01-10', 'T');
RELEASE two;
-- what a row that moved waits for is not the end of the transaction
UPDATE usage_mgmt.usage SET usage_date = '2001-03-10' WHERE id = 's3';
SELECT count(*) AS written FROM usage_mgmt.usage_event_0;
COMMIT;
BEGIN;
DELETE FROM usage_mgmt.usage WHERE id = 's3';
ROLLBACK;
SELECT public.events();

-- a foreign key's action
CREATE TABLE public.customer (id text PRIMARY KEY);
INSERT INTO public.customer VALUES ('c1'), ('c2'), ('c3');
ALTER TABLE usage_mgmt.usage ADD COLUMN customer text REFERENCES public.customer ON DELETE CASCADE;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, customer) VALUES ('f1', '2001-01-10', 'T', 'c1'), ('f2', '2001-02-10', 'T', 'c2'),
	('f3', '2001-02-10', 'T', 'c2'), ('f4', '2001-02-10', 'T', 'c3');
DELETE FROM public.customer WHERE id <> 'c3';
DELETE FROM usage_mgmt.usage WHERE id = 'f4';
SELECT public.events();
ALTER TABLE usage_mgmt.usage DROP COLUMN customer;
DROP TABLE public.customer;

-- None: partitions, TRUNCATE, a replica's session, and where the owner wants none
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('t', '2003-01-10', 'T');
SELECT public.events();
SELECT usage_mgmt.ensure_partitions('2003-01-01', '2003-02-01') AS made;
SELECT tableoid::regclass FROM usage_mgmt.usage WHERE id = 't';
SELECT public.events();
SET session_replication_role = replica;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status, received_at, changed_at) VALUES ('u', '2003-01-10', 'T', 'received', now(), now());
DELETE FROM usage_mgmt.usage WHERE id = 'u';
RESET session_replication_role;
SELECT public.events();
TRUNCATE usage_mgmt.usage_p200301;
SELECT public.events();
UPDATE usage_mgmt.setting SET value = 'off' WHERE name = 'events';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('v', '2003-01-10', 'T');
SELECT public.events();
UPDATE usage_mgmt.setting SET value = 'on' WHERE name = 'events';
SET usage_mgmt.events = off;
UPDATE usage_mgmt.usage SET description = 'on again' WHERE id = 'v';
SELECT public.events();
CALL public.clean();

-- Who wants what: of each change as much as somebody asks for
SELECT usage_mgmt.unregister_usage_listener(:'listener');
SELECT usage_mgmt.register_usage_listener(NULL, 'eventType=UsageStatusChangedNotification') ->> 'id' AS status_listener \gset
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('w', '2001-01-10', 'T');
UPDATE usage_mgmt.usage SET description = 'other' WHERE id = 'w';
UPDATE usage_mgmt.usage SET description = 'and status', status = 'guided' WHERE id = 'w';
UPDATE usage_mgmt.usage SET usage_date = '2001-02-10' WHERE id = 'w';
SELECT usage_mgmt.register_usage_listener(NULL, 'eventType=UsageDeleteNotification,UsageCreateNotification&usage.type=T') ->> 'id' AS other_listener \gset
UPDATE usage_mgmt.usage SET usage_date = '2001-03-10', status = 'rejected' WHERE id = 'w';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('x', '2001-01-10', 'U');
DELETE FROM usage_mgmt.usage;
SELECT CASE l WHEN :'other_listener' THEN 'other' ELSE 'status' END AS listener, event ->> 'eventType' AS type, event #>> '{event,usage,id}' AS id
	FROM unnest(ARRAY[:'status_listener', :'other_listener']) l, usage_mgmt.next_events(l) WITH ORDINALITY ORDER BY l::integer, ordinality;
SELECT public.events();
SELECT usage_mgmt.unregister_usage_listener(l) FROM unnest(ARRAY[:'status_listener', :'other_listener']) l;
SELECT usage_mgmt.register_usage_listener(NULL) ->> 'id' AS listener \gset

-- Triggers of the user's: each row's events in the order of what happened to it.
-- What they do is the description of the row.
CREATE FUNCTION public.act() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	it usage_mgmt.usage := coalesce(NEW, OLD);
BEGIN
	IF current_setting('test.action') <> concat_ws(' ', TG_WHEN, TG_OP, it.description) THEN
		RETURN coalesce(NEW, OLD);
	END IF;
	CASE it.description
	WHEN 'change' THEN
		UPDATE usage_mgmt.usage SET description = 'changed' WHERE id = it.id;
	WHEN 'move' THEN
		UPDATE usage_mgmt.usage SET description = 'moved', usage_date = '2001-03-15' WHERE id = it.id;
	WHEN 'delete' THEN
		DELETE FROM usage_mgmt.usage WHERE id = it.id;
	WHEN 'replace' THEN
		DELETE FROM usage_mgmt.usage WHERE id = it.id;
		INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, description) VALUES (it.id, '2001-03-15', 'T', 'replaced');
	WHEN 'other' THEN
		INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, description) VALUES (it.id || ' too', '2001-03-15', 'T', 'other one');
	WHEN 'caught' THEN
		BEGIN
			INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, description) VALUES (it.id || ' too', '2001-03-15', 'T', 'within');
		EXCEPTION WHEN unique_violation THEN
			NULL;
		END;
	WHEN 'in vain' THEN
		BEGIN
			INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, description) VALUES (it.id || ' too', '2001-03-15', 'T', 'tried');
			RAISE unique_violation;
		EXCEPTION WHEN unique_violation THEN
			NULL;
		END;
	WHEN 'old goes' THEN
		DELETE FROM usage_mgmt.usage WHERE id = it.id AND TG_OP = 'INSERT';
	WHEN 'stay' THEN
		RETURN NULL;
	WHEN 'rewrite' THEN
		NEW.description := 'rewritten';
		RETURN NEW;
	END CASE;
	RETURN coalesce(NEW, OLD);
END
$$;
CREATE TRIGGER a_act BEFORE INSERT OR UPDATE OR DELETE ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION public.act();
CREATE TRIGGER b_act AFTER INSERT OR UPDATE OR DELETE ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION public.act();
-- What the events come to, told one after the other
CREATE FUNCTION public.is_left() RETURNS boolean LANGUAGE sql AS $$
SELECT NOT EXISTS (
	SELECT FROM (SELECT DISTINCT ON (id) * FROM usage_mgmt.usage_event_0 ORDER BY id, event_seq DESC) e
	FULL JOIN usage_mgmt.usage u ON u.id = e.id AND e.event_kind <> 'd'
	WHERE (e.event_kind <> 'd' AND (u.id IS NULL OR (u.usage_date, u.description, u.status) IS DISTINCT FROM (e.usage_date, e.description, e.status)))
		OR (e.id IS NULL AND u.description <> 'old' AND (u.description, u.usage_date) <> ('stay', '2001-01-10')))
$$;
-- What becomes of two rows that a statement stores, changes, moves or deletes
CREATE FUNCTION public.try(door text, action text) RETURNS TABLE (event text) LANGUAGE plpgsql AS $$
DECLARE
	what text := split_part(action, ' ', 3) || coalesce(nullif(' ' || split_part(action, ' ', 4), ' '), '');
BEGIN
	PERFORM set_config('test.action', 'none', false);
	TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key;
	INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, description) SELECT id, '2001-01-10', 'T', CASE WHEN action LIKE '% DELETE %' THEN what ELSE 'old' END
		FROM unnest(ARRAY['a', 'b']) id WHERE door <> 'INSERT' OR what = 'old goes';
	TRUNCATE usage_mgmt.usage_event_0;
	PERFORM set_config('test.action', action, false);
	CASE door
	WHEN 'INSERT' THEN
		INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, description) VALUES ('a', '2001-02-10', 'T', what), ('b', '2001-02-10', 'T', what);
	WHEN 'UPDATE' THEN
		UPDATE usage_mgmt.usage SET description = what;
	WHEN 'MOVE' THEN
		UPDATE usage_mgmt.usage SET description = what, usage_date = '2001-02-10';
	WHEN 'MERGE' THEN
		MERGE INTO usage_mgmt.usage u USING (VALUES ('a'), ('b'), ('c')) v (id) ON u.id = v.id
			WHEN MATCHED THEN UPDATE SET description = what, usage_date = '2001-02-10'
			WHEN NOT MATCHED THEN INSERT (id, usage_date, usage_type, description) VALUES (v.id, '2001-02-10', 'T', what);
	WHEN 'DELETE' THEN
		DELETE FROM usage_mgmt.usage;
	END CASE;
	PERFORM set_config('test.action', 'none', false);
	RETURN QUERY SELECT concat_ws(' ', e.event_kind, e.id, to_char(e.usage_date, 'MM-DD'), e.description, e.event_changed)
		FROM usage_mgmt.usage_event_0 e ORDER BY event_seq;
	RETURN QUERY SELECT 'THE EVENTS COME TO SOMETHING ELSE' WHERE NOT public.is_left();
	RETURN QUERY SELECT 'left: ' || string_agg(concat_ws(' ', u.id, to_char(u.usage_date, 'MM-DD'), u.description), ', ' ORDER BY u.id, u.usage_date)
		FROM usage_mgmt.usage u;
EXCEPTION WHEN OTHERS THEN
	RETURN QUERY SELECT SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT format('%s, %s:', door, action) AS "case", (SELECT string_agg(event, E'\n') FROM public.try(door, action)) AS events
	FROM (VALUES
		('INSERT', 'AFTER INSERT change'), ('INSERT', 'AFTER INSERT move'), ('INSERT', 'AFTER INSERT delete'), ('INSERT', 'AFTER INSERT replace'),
		('INSERT', 'AFTER INSERT other'), ('INSERT', 'AFTER INSERT caught'), ('INSERT', 'AFTER INSERT in vain'), ('INSERT', 'BEFORE INSERT other'),
		('INSERT', 'BEFORE INSERT caught'), ('INSERT', 'BEFORE INSERT in vain'), ('INSERT', 'BEFORE INSERT old goes'), ('INSERT', 'BEFORE INSERT stay'),
		('INSERT', 'BEFORE INSERT rewrite'),
		('UPDATE', 'AFTER UPDATE change'), ('UPDATE', 'AFTER UPDATE move'), ('UPDATE', 'AFTER UPDATE delete'), ('UPDATE', 'AFTER UPDATE replace'),
		('UPDATE', 'BEFORE UPDATE caught'), ('UPDATE', 'BEFORE UPDATE stay'), ('UPDATE', 'BEFORE UPDATE rewrite'),
		('MOVE', 'AFTER INSERT change'), ('MOVE', 'AFTER INSERT move'), ('MOVE', 'AFTER INSERT delete'), ('MOVE', 'AFTER DELETE other'),
		('MOVE', 'BEFORE UPDATE stay'), ('MOVE', 'BEFORE UPDATE rewrite'), ('MOVE', 'BEFORE INSERT caught'), ('MOVE', 'BEFORE INSERT rewrite'),
		('MOVE', 'BEFORE INSERT stay'), ('MOVE', 'BEFORE DELETE caught'), ('MOVE', 'BEFORE DELETE stay'),
		('MERGE', 'AFTER INSERT change'), ('MERGE', 'AFTER INSERT delete'), ('MERGE', 'BEFORE INSERT caught'), ('MERGE', 'BEFORE INSERT rewrite'),
		('MERGE', 'BEFORE INSERT stay'), ('MERGE', 'BEFORE DELETE stay'),
		('DELETE', 'AFTER DELETE other'), ('DELETE', 'BEFORE DELETE caught'), ('DELETE', 'BEFORE DELETE stay'), ('DELETE', 'BEFORE DELETE other')) t (door, action);
DROP TRIGGER a_act ON usage_mgmt.usage;
DROP TRIGGER b_act ON usage_mgmt.usage;
DROP FUNCTION public.act, public.try, public.is_left;
TRUNCATE usage_mgmt.usage_event_0;

-- Other resources: specifications have no ledger, service usages have
SELECT usage_mgmt.register_usage_specification_listener(NULL) ->> 'id' AS spec_listener \gset
SELECT usage_mgmt.register_service_usage_listener(NULL) ->> 'id' AS service_listener \gset
INSERT INTO usage_mgmt.usage_specification (id, name) VALUES ('s', 'one'), ('t', 'two') ON CONFLICT DO NOTHING;
INSERT INTO usage_mgmt.usage_specification (id, name) VALUES ('s', 'one'), ('v', 'two') ON CONFLICT DO NOTHING;
UPDATE usage_mgmt.usage_specification SET description = 'described' WHERE id = 's';
UPDATE usage_mgmt.usage_specification SET name = name;
-- in the order of its source, whatever the planner has heard of the table
SET enable_hashjoin = off;
SET enable_mergejoin = off;
MERGE INTO usage_mgmt.usage_specification u USING (VALUES ('s'), ('t'), ('w')) v (id) ON u.id = v.id
	WHEN MATCHED AND v.id = 't' THEN DELETE
	WHEN MATCHED THEN UPDATE SET description = 'merged'
	WHEN NOT MATCHED THEN INSERT (id, name) VALUES (v.id, 'merged');
RESET enable_hashjoin;
RESET enable_mergejoin;
WITH gone AS (DELETE FROM usage_mgmt.usage_specification WHERE id = 'v' RETURNING id)
UPDATE usage_mgmt.usage_specification SET description = 'without v' WHERE id = 's';
SELECT event ->> 'eventType' AS type, event #>> '{event,usageSpecification,id}' AS id FROM usage_mgmt.next_events(:'spec_listener');
SELECT public.events('usage_specification');
INSERT INTO usage_mgmt.service_usage (id, usage_date, usage_type, status) VALUES ('s', '2001-01-10', 'T', 'generated'), ('t', '2001-01-10', 'T', 'generated');
UPDATE usage_mgmt.service_usage SET usage_date = '2001-02-10', status = 'archived' WHERE id = 's';
UPDATE usage_mgmt.service_usage SET description = 'described' WHERE id = 's';
DELETE FROM usage_mgmt.service_usage;
SELECT public.events('service_usage');
SELECT public.events();

-- Of what is confirmed nothing is behind, and nobody is told of it who may not select
SELECT usage_mgmt.register_usage_specification_listener(NULL) ->> 'id' AS lagging \gset
INSERT INTO usage_mgmt.usage_specification (id, name) VALUES ('lag 1', 'one'), ('lag 2', 'two');
SELECT lag_events, lag_seconds > 0 AS waiting FROM usage_mgmt.hub_status WHERE listener = :'lagging';
SELECT usage_mgmt.confirm_events(:'lagging', "position") FROM usage_mgmt.next_events(:'lagging');
SELECT lag_events, lag_seconds FROM usage_mgmt.hub_status WHERE listener = :'lagging';
CREATE ROLE regress_nobody;
GRANT USAGE ON SCHEMA usage_mgmt TO regress_nobody;
SET ROLE regress_nobody;
SELECT * FROM usage_mgmt.hub_lag(usage_mgmt.hub_position(), 'usage');
RESET ROLE;
-- nor whom row security keeps from rows
GRANT SELECT ON usage_mgmt.usage TO regress_nobody;
ALTER TABLE usage_mgmt.usage ENABLE ROW LEVEL SECURITY;
SET ROLE regress_nobody;
SELECT * FROM usage_mgmt.hub_lag(usage_mgmt.hub_position(), 'usage');
RESET ROLE;
ALTER TABLE usage_mgmt.usage DISABLE ROW LEVEL SECURITY;
DROP OWNED BY regress_nobody;
DROP ROLE regress_nobody;
SELECT usage_mgmt.unregister_usage_specification_listener(:'lagging');
TRUNCATE usage_mgmt.usage_specification_event_0;

-- What is no position moves nothing
CREATE FUNCTION pg_temp.confirmed(listener text, place text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN usage_mgmt.confirm_events(listener, place)::text;
EXCEPTION WHEN invalid_parameter_value THEN
	RETURN SQLERRM;
END
$$;
SELECT pg_temp.confirmed(:'listener', place) FROM unnest(ARRAY['', 'here', '1.2.3', '1...0', '1...0.0.0', 'g...0.0', '...0.0', '1...-1.0', '1...x.0', '1...0.x',
	'1...9223372036854775808.0', '1...0.4294967296', '1.x..0.0', '1.5..0.0', '1.5-0..0.0', '1.5-0-x..0.0', '1.5-0-0-6..0.0', '1..x.0.0', '1..5-0-0-6.0.0']) place;

-- A listener must be named
SELECT * FROM usage_mgmt.next_events(NULL);
SELECT * FROM usage_mgmt.hub_read(NULL, NULL, NULL);
SELECT usage_mgmt.unregister_usage_listener(NULL);
SELECT usage_mgmt.unregister_usage_listener(:'listener');
SELECT usage_mgmt.unregister_usage_specification_listener(:'spec_listener');
SELECT usage_mgmt.unregister_service_usage_listener(:'service_listener');
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('z', '2001-01-10', 'T');
SELECT public.events();
CALL public.clean();
TRUNCATE usage_mgmt.usage_specification;
DROP PROCEDURE public.clean;
DROP FUNCTION public.events;
SELECT usage_mgmt.drop_partitions('2003-12-31') AS dropped;
