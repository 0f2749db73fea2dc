-- The ledger beside triggers of the user's that change what the statement stores:
-- each of them, on each table, with each action, under each statement.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';

SELECT usage_mgmt.ensure_partitions('2001-01-01', '2001-03-01') AS made;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES
	('a', '2001-01-10 00:00+00', 'OLD'), ('b', '2001-02-10 00:00+00', 'OLD'), ('gone', '2001-02-10 00:00+00', 'OLD');
-- an id whose usage was dropped stays taken, whatever a trigger does
SET session_replication_role = replica;
DELETE FROM usage_mgmt.usage WHERE id = 'gone';
RESET session_replication_role;

-- What the trigger does is a setting, as is how many of it are under way
CREATE FUNCTION pg_temp.act() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	it usage_mgmt.usage := coalesce(NEW, OLD);
	action text := current_setting('test.action');
	level integer := current_setting('test.level');
	deepest integer := CASE WHEN action LIKE '%, again' THEN 3 ELSE 0 END;
BEGIN
	IF TG_LEVEL = 'STATEMENT' THEN
		SELECT * INTO it FROM usage_mgmt.usage WHERE usage_type = 'NEW' ORDER BY id, usage_date LIMIT 1;
	ELSIF TG_WHEN = 'BEFORE' THEN
		SELECT * INTO it FROM usage_mgmt.usage WHERE usage_type = 'NEW' AND id <> it.id ORDER BY id, usage_date LIMIT 1;
	END IF;
	IF level > deepest OR it IS NULL THEN
		RETURN coalesce(NEW, OLD);
	END IF;
	PERFORM set_config('test.level', (level + 1)::text, true);
	CASE split_part(action, ', ', 1)
		WHEN 'status' THEN
			UPDATE usage_mgmt.usage SET status = 'guided' WHERE id = it.id;
		WHEN 'within' THEN
			UPDATE usage_mgmt.usage SET usage_date = usage_date + interval '1 hour' WHERE id = it.id;
		WHEN 'month' THEN
			UPDATE usage_mgmt.usage SET usage_date = CASE WHEN usage_date < '2001-02-01' THEN usage_date + interval '31 days'
				ELSE timestamptz '2001-01-20 00:00+00' + (usage_date - date_trunc('month', usage_date)) / 4 END WHERE id = it.id;
		WHEN 'back' THEN
			UPDATE usage_mgmt.usage SET usage_date = coalesce(OLD.usage_date, '1990-01-01') WHERE id = it.id;
		WHEN 'merge' THEN
			MERGE INTO usage_mgmt.usage u USING (VALUES (it.id)) d (id) ON u.id = d.id
			WHEN MATCHED THEN UPDATE SET usage_date = '2001-03-20 00:00+00'
			WHEN NOT MATCHED THEN INSERT (id, usage_date, usage_type) VALUES (d.id, '2001-03-20 00:00+00', 'MERGED');
		WHEN 'merge that moves' THEN
			MERGE INTO usage_mgmt.usage u USING (VALUES (it.id)) d (id) ON u.id = d.id
			WHEN MATCHED THEN UPDATE SET usage_date = '2001-03-20 00:00+00';
		WHEN 'delete' THEN
			DELETE FROM usage_mgmt.usage WHERE id = it.id AND usage_date = it.usage_date;
		WHEN 'newest' THEN
			DELETE FROM usage_mgmt.usage WHERE id = it.id AND usage_date <> it.usage_date;
		WHEN 'replace' THEN
			DELETE FROM usage_mgmt.usage WHERE id = it.id;
			INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES (it.id, it.usage_date, 'AGAIN');
		WHEN 'elsewhere' THEN
			DELETE FROM usage_mgmt.usage WHERE id = it.id;
			INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES (it.id, '2001-03-21 00:00+00', 'AGAIN');
		WHEN 'in vain' THEN
			BEGIN
				UPDATE usage_mgmt.usage SET usage_date = '2001-03-22 00:00+00' WHERE id = it.id;
				-- not the row under way: PostgreSQL's own assertions fail where it is updated in vain, then in earnest
				DELETE FROM usage_mgmt.usage WHERE id IN (it.id, CASE WHEN TG_WHEN || TG_OP = 'BEFOREUPDATE' THEN it.id ELSE 'b' END);
				RAISE 'back';
			EXCEPTION WHEN raise_exception THEN
				NULL;
			END;
		WHEN 'caught' THEN
			BEGIN
				UPDATE usage_mgmt.usage SET usage_date = '2001-03-22 00:00+00' WHERE id = it.id;
			EXCEPTION WHEN raise_exception THEN
				NULL;
			END;
		WHEN 'vanish' THEN
			NULL;
	END CASE;
	PERFORM set_config('test.level', level::text, true);
	RETURN CASE WHEN action NOT LIKE '%vanish' THEN coalesce(NEW, OLD) END;
END
$$;

CREATE TABLE pg_temp.action AS SELECT unnest('{status,within,month,back,merge,merge that moves,delete,newest,replace,elsewhere,
	in vain,caught,vanish,"within, again","month, again","delete, again"}'::text[]) AS action;
CREATE TABLE pg_temp.trigger (name text, fires text, level text);
INSERT INTO pg_temp.trigger VALUES ('aa', 'AFTER INSERT', 'ROW'), ('zz', 'AFTER UPDATE', 'ROW'), ('zz', 'AFTER DELETE', 'ROW'),
	('aa', 'AFTER INSERT OR UPDATE', 'STATEMENT'), ('zz', 'AFTER INSERT OR UPDATE', 'STATEMENT'),
	('aa', 'BEFORE INSERT', 'ROW'), ('aa', 'BEFORE DELETE', 'ROW');
CREATE TABLE pg_temp.statement (n serial, statement text);
INSERT INTO pg_temp.statement (statement) VALUES
	($$INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('c', '2001-01-05 00:00+00', 'NEW'), ('d', '2001-02-05 00:00+00', 'NEW')$$),
	($$INSERT INTO usage_mgmt.usage_p200102 (id, usage_date, usage_type) VALUES ('c', '2001-02-05 00:00+00', 'NEW')$$),
	($$INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('a', '2001-02-06 00:00+00', 'NEW')$$),
	($$INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('gone', '2001-02-10 00:00+00', 'NEW')$$),
	($$INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('a', '2001-01-10 00:00+00', 'NEW'), ('c', '2001-02-05 00:00+00', 'NEW')
		ON CONFLICT (id, usage_date) DO UPDATE SET usage_date = '2001-01-11 00:00+00', usage_type = 'NEW'$$),
	($$INSERT INTO usage_mgmt.usage_document VALUES ('{"id": "c", "date": "2001-01-05T00:00:00Z", "type": "NEW"}'),
		('{"id": "d", "date": "2001-02-05T00:00:00Z", "type": "NEW"}'), ('{"id": "c", "date": "2001-01-05T00:00:00Z", "type": "NEW"}')$$),
	($$UPDATE usage_mgmt.usage SET usage_date = usage_date + interval '1 day', usage_type = 'NEW'$$),
	($$UPDATE usage_mgmt.usage SET usage_date = usage_date + interval '25 days', usage_type = 'NEW'$$),
	($$UPDATE usage_mgmt.usage_p200101 SET usage_date = usage_date + interval '1 day', usage_type = 'NEW'$$),
	($$DELETE FROM usage_mgmt.usage$$),
	($$MERGE INTO usage_mgmt.usage u USING (VALUES ('a'), ('b')) d (id) ON u.id = d.id
		WHEN MATCHED THEN UPDATE SET usage_date = '2001-03-07 00:00+00', usage_type = 'NEW'$$),
	($$MERGE INTO usage_mgmt.usage u USING (VALUES ('a'), ('b'), ('c')) d (id) ON u.id = d.id
		WHEN MATCHED AND d.id = 'b' THEN DELETE WHEN MATCHED THEN UPDATE SET usage_date = '2001-03-07 00:00+00', usage_type = 'NEW'
		WHEN NOT MATCHED THEN INSERT (id, usage_date, usage_type) VALUES (d.id, '2001-03-08 00:00+00', 'NEW')$$),
	($$WITH gone AS (DELETE FROM usage_mgmt.usage WHERE id = 'a' RETURNING *)
		INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) SELECT id, '2001-03-09 00:00+00', 'NEW' FROM gone$$);

-- What the ledger has wrong: every row has a key, and so has 'gone', but no other id
CREATE VIEW pg_temp.wrong AS
	SELECT coalesce(u.id, k.id) || CASE WHEN u.id IS NULL THEN ' has no row' WHEN k.id IS NULL THEN ' has no key'
		WHEN u.id = 'gone' THEN ' was taken again' ELSE ' has a key with another date' END AS fault
	FROM usage_mgmt.usage u FULL JOIN usage_mgmt.usage_key k ON k.id = u.id
	WHERE k.usage_date IS DISTINCT FROM u.usage_date AND (u.id IS NOT NULL OR k.id <> 'gone') OR u.id = 'gone'
	UNION ALL SELECT 'gone was set free' WHERE NOT EXISTS (SELECT FROM usage_mgmt.usage_key WHERE id = 'gone');
CREATE TABLE pg_temp.tried (trigger text, place text, action text, n integer, answer text, fault text);
-- each in a transaction of its own: what the ledger remembers of ids ends with that
CREATE PROCEDURE pg_temp.try(name text, fires text, level text, place text) LANGUAGE plpgsql AS $$
DECLARE
	r record;
	answer text;
	fault text;
BEGIN
	EXECUTE format('CREATE TRIGGER %I %s ON usage_mgmt.%I FOR EACH %s EXECUTE FUNCTION pg_temp.act()',
		name, fires, place, level);
	FOR r IN SELECT * FROM pg_temp.action, pg_temp.statement LOOP
		answer := 'stored';
		fault := NULL;
		PERFORM set_config('test.action', r.action, true), set_config('test.level', '0', true);
		BEGIN
			EXECUTE r.statement;
			fault := (SELECT string_agg(w.fault, '; ' ORDER BY w.fault) FROM pg_temp.wrong w);
			RAISE 'back' USING ERRCODE = 'ZZ999';
		EXCEPTION
			WHEN SQLSTATE 'ZZ999' THEN
				NULL;
			WHEN OTHERS THEN
				answer := SQLSTATE;
		END;
		INSERT INTO pg_temp.tried VALUES (concat_ws(' ', name, fires, level), place, r.action, r.n, answer, fault);
		COMMIT;
	END LOOP;
	EXECUTE format('DROP TRIGGER %I ON usage_mgmt.%I', name, place);
END
$$;
DO $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT * FROM pg_temp.trigger, unnest('{usage,usage_p200102}'::text[]) place LOOP
		CALL pg_temp.try(t.name, t.fires, t.level, t.place);
	END LOOP;
END
$$;
-- nothing is wrong; what is refused has an id that is taken
SELECT count(*) AS tried, count(fault) AS faulty FROM pg_temp.tried;
SELECT * FROM pg_temp.tried WHERE fault IS NOT NULL ORDER BY 1, 2, 3, 4 LIMIT 20;
SELECT trigger, count(*) FILTER (WHERE answer = 'stored') AS stored, count(*) FILTER (WHERE answer = '23505') AS taken,
	string_agg(DISTINCT answer, ', ') FILTER (WHERE answer NOT IN ('stored', '23505')) AS others
FROM pg_temp.tried GROUP BY 1 ORDER BY 1;
-- a change of status alone makes no difference
SELECT n, array_agg(DISTINCT answer) AS answers FROM pg_temp.tried WHERE action IN ('status', 'in vain') GROUP BY n ORDER BY n;

-- The same under statements of several updates, with triggers that see each row of them, some of which vanish
-- behind what the trigger does
TRUNCATE pg_temp.tried, pg_temp.statement;
INSERT INTO pg_temp.action VALUES ('within, vanish'), ('month, vanish'), ('delete, vanish'), ('merge, vanish');
INSERT INTO pg_temp.trigger VALUES ('aa', 'BEFORE UPDATE', 'ROW'), ('zz', 'AFTER UPDATE OR DELETE', 'ROW');
INSERT INTO pg_temp.statement (statement) VALUES
	($$WITH one AS (UPDATE usage_mgmt.usage SET usage_date = usage_date + interval '1 day', usage_type = 'NEW' WHERE id = 'a')
		UPDATE usage_mgmt.usage SET usage_date = usage_date + interval '1 day', usage_type = 'NEW' WHERE id = 'b'$$),
	($$WITH one AS (UPDATE usage_mgmt.usage SET usage_date = usage_date + interval '25 days', usage_type = 'NEW' WHERE id = 'a' RETURNING id)
		UPDATE usage_mgmt.usage SET usage_date = usage_date + interval '25 days', usage_type = 'NEW' WHERE id > (SELECT max(id) FROM one)$$),
	($$WITH one AS (UPDATE usage_mgmt.usage_p200101 SET usage_date = usage_date + interval '1 day', usage_type = 'NEW'),
		two AS (UPDATE usage_mgmt.usage_p200102 SET usage_date = usage_date + interval '1 day', usage_type = 'NEW')
		UPDATE usage_mgmt.usage SET usage_date = usage_date + interval '25 days', usage_type = 'NEW'$$),
	($$WITH one AS (UPDATE usage_mgmt.usage SET usage_date = usage_date + interval '25 days', usage_type = 'NEW' WHERE id = 'a'),
		two AS (INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('c', '2001-01-05 00:00+00', 'NEW'))
		DELETE FROM usage_mgmt.usage WHERE id = 'b'$$),
	($$WITH one AS (DELETE FROM usage_mgmt.usage WHERE id = 'b' RETURNING id), two AS (UPDATE usage_mgmt.usage
		SET usage_date = usage_date + interval '25 days', usage_type = 'NEW' WHERE id < (SELECT max(id) FROM one) RETURNING id)
		INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) SELECT id || 'c', '2001-01-05 00:00+00', 'NEW' FROM two$$),
	($$UPDATE usage_mgmt.usage SET usage_date = CASE id WHEN 'a' THEN usage_date + interval '1 day' ELSE '2001-03-07 00:00+00' END, usage_type = 'NEW'$$),
	($$UPDATE usage_mgmt.usage SET usage_date = CASE id WHEN 'b' THEN usage_date + interval '1 day' ELSE '2001-03-07 00:00+00' END, usage_type = 'NEW'$$),
	($$MERGE INTO usage_mgmt.usage u USING (VALUES ('a'), ('b')) d (id) ON u.id = d.id
		WHEN MATCHED AND d.id = 'a' THEN DELETE
		WHEN MATCHED THEN UPDATE SET usage_date = usage_date - interval '25 days', usage_type = 'NEW'$$),
	($$MERGE INTO usage_mgmt.usage u USING (VALUES ('a'), ('b'), ('c')) d (id) ON u.id = d.id
		WHEN MATCHED THEN UPDATE SET usage_date = usage_date + interval '25 days', usage_type = 'NEW'
		WHEN NOT MATCHED THEN INSERT (id, usage_date, usage_type) VALUES (d.id, '2001-03-08 00:00+00', 'NEW')$$);
DO $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT * FROM pg_temp.trigger, unnest('{usage,usage_p200102}'::text[]) place LOOP
		CALL pg_temp.try(t.name, t.fires, t.level, t.place);
	END LOOP;
END
$$;
SELECT count(*) AS tried, count(fault) AS faulty FROM pg_temp.tried;
SELECT * FROM pg_temp.tried WHERE fault IS NOT NULL ORDER BY 1, 2, 3, 4 LIMIT 20;
SELECT trigger, count(*) FILTER (WHERE answer = 'stored') AS stored, count(*) FILTER (WHERE answer = '23505') AS taken,
	string_agg(DISTINCT answer, ', ') FILTER (WHERE answer NOT IN ('stored', '23505')) AS others
FROM pg_temp.tried GROUP BY 1 ORDER BY 1;

-- Some of them, to look at
CREATE VIEW pg_temp.ledger AS
	SELECT u.id, u.usage_date, u.usage_type, k.usage_date = u.usage_date AS agrees
	FROM usage_mgmt.usage u FULL JOIN usage_mgmt.usage_key k USING (id) WHERE id <> 'gone' ORDER BY id;
BEGIN;
CREATE TRIGGER aa AFTER INSERT ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION pg_temp.act();
SET LOCAL test.action = 'month';
SET LOCAL test.level = 0;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('c', '2001-01-05 00:00+00', 'NEW');
COPY usage_mgmt.usage (id, usage_date, usage_type) FROM STDIN;
d	2001-01-06 00:00+00	NEW
e	2001-02-06 00:00+00	NEW
\.
SET LOCAL client_min_messages = warning;
COPY usage_mgmt.usage_document FROM STDIN WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
{"id": "f", "date": "2001-01-07T00:00:00Z", "type": "NEW"}
{"id": "c", "date": "2001-01-05T00:00:00Z", "type": "NEW"}
\.
TABLE pg_temp.ledger;
-- the hash is that of the delivery: delivered again, it is known again
SELECT id, content_hash = usage_mgmt.content_hash(u) AS hash_as_now FROM usage_mgmt.usage u JOIN usage_mgmt.usage_key k USING (id) ORDER BY id;
SELECT usage_mgmt.post_usage('{"id": "c", "date": "2001-01-05T00:00:00Z", "type": "NEW"}') ->> 'date' AS date;
ROLLBACK;
BEGIN;
CREATE TRIGGER aa AFTER INSERT ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION pg_temp.act();
SET LOCAL test.action = 'delete';
SET LOCAL test.level = 0;
COPY usage_mgmt.usage (id, usage_date, usage_type) FROM STDIN;
c	2001-01-06 00:00+00	NEW
a	2001-02-06 00:00+00	NEW
\.
INSERT INTO usage_mgmt.usage_document VALUES ('{"id": "c", "date": "2001-01-06T00:00:00Z", "type": "NEW"}');
TABLE pg_temp.ledger;
ROLLBACK;
BEGIN;
CREATE TRIGGER zz AFTER UPDATE ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION pg_temp.act();
SET LOCAL test.action = 'back';
SET LOCAL test.level = 0;
UPDATE usage_mgmt.usage SET usage_date = '2001-03-05 00:00+00' WHERE id = 'a';
UPDATE usage_mgmt.usage SET usage_date = '2001-02-05 00:00+00' WHERE id = 'b';
TABLE pg_temp.ledger;
ROLLBACK;

-- Functions that a statement calls are no triggers; what they change is as much beside it
CREATE FUNCTION pg_temp.remove(other text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM usage_mgmt.usage WHERE id = other;
	RETURN 'NEW';
END
$$;
CREATE FUNCTION pg_temp.postpone(other text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	UPDATE usage_mgmt.usage SET usage_date = usage_date + interval '20 days' WHERE id = other;
	RETURN 'NEW';
END
$$;
BEGIN;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type)
	SELECT 'c' || n, '2001-01-05 00:00+00', pg_temp.remove('c' || n - 1) FROM generate_series(1, 3) n;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type)
	SELECT 'd' || n, '2001-01-15 00:00+00', pg_temp.postpone('d' || n - 1) FROM generate_series(1, 3) n;
TABLE pg_temp.ledger;
ROLLBACK;

DELETE FROM usage_mgmt.usage_key WHERE id = 'gone';
TRUNCATE usage_mgmt.usage;
TRUNCATE usage_mgmt.import_load, usage_mgmt.import_reject, usage_mgmt.usage_conflict RESTART IDENTITY;
SELECT usage_mgmt.drop_partitions('2001-12-31') AS dropped;
