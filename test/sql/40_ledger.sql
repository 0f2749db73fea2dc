-- The ledger: one id, one usage, by every statement there is.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';

SELECT usage_mgmt.ensure_partitions('2001-01-01', '2001-03-01') AS made;

-- What the ledger has beside what it should have; nothing is wrong while the second is empty
CREATE VIEW pg_temp.ledger AS
	SELECT (SELECT string_agg(id || ' ' || to_char(usage_date, 'YYYY-MM'), ', ' ORDER BY id) FROM usage_mgmt.usage_key) AS keys,
		(SELECT string_agg(concat_ws(' ', id, fault), ', ' ORDER BY id) FROM usage_mgmt.check_keys()) AS wrong,
		(SELECT count(*) FROM usage_mgmt.usage_key k JOIN usage_mgmt.usage u USING (id)
			WHERE k.content_hash <> usage_mgmt.content_hash(u)) AS other_hashes;
CREATE FUNCTION pg_temp.state(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;

-- On the parent
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES
	('a', '2001-01-01 00:00+00', 'VOICE'), ('b', '2001-02-15 12:00+00', 'VOICE'),
	('c', '2001-03-31 23:59:59.999999+00', 'VOICE'), ('d', '1990-01-01 00:00+00', 'VOICE');
TABLE pg_temp.ledger;
DELETE FROM usage_mgmt.usage WHERE id IN ('c', 'd');
TABLE pg_temp.ledger;

-- On a leaf
INSERT INTO usage_mgmt.usage_p200102 (id, usage_date, usage_type) VALUES ('e', '2001-02-01 00:00+00', 'VOICE');
UPDATE usage_mgmt.usage_p200102 SET usage_date = '2001-02-02 00:00+00' WHERE id = 'e';
SELECT usage_date FROM usage_mgmt.usage_key WHERE id = 'e';
TABLE pg_temp.ledger;
DELETE FROM usage_mgmt.usage_p200102 WHERE id = 'e';
TABLE pg_temp.ledger;
INSERT INTO usage_mgmt.usage_default (id, usage_date, usage_type) VALUES ('e', '1990-02-01 00:00+00', 'VOICE');
TABLE pg_temp.ledger;
DELETE FROM usage_mgmt.usage_default;
-- and the rules hold there
INSERT INTO usage_mgmt.usage_p200102 (id, usage_date, usage_type) VALUES ('e', '2001-02-01 00:00+00', '');

-- The same id in two months: within one statement, across statements, on the leaves, by COPY
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES
	('x', '2001-01-15 12:00+00', 'VOICE'), ('x', '2001-02-15 12:00+00', 'VOICE');
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('b', '2001-03-15 12:00+00', 'VOICE');
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('b', '1990-03-15 12:00+00', 'VOICE');
INSERT INTO usage_mgmt.usage_p200103 (id, usage_date, usage_type) VALUES ('b', '2001-03-15 12:00+00', 'VOICE');
COPY usage_mgmt.usage (id, usage_date, usage_type) FROM STDIN;
y	2001-03-15 12:00+00	VOICE
b	2001-03-15 12:00+00	VOICE
\.
COPY usage_mgmt.usage_p200103 (id, usage_date, usage_type) FROM STDIN;
b	2001-03-15 12:00+00	VOICE
\.
-- the same month, another day, where the primary key would not see it either
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('b', '2001-02-16 12:00+00', 'VOICE');
SELECT count(*) FROM usage_mgmt.usage WHERE id IN ('b', 'x', 'y');
TABLE pg_temp.ledger;

-- UPDATE that moves rows to other months, there and back, some of many
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type)
	SELECT 'm' || n, timestamptz '2001-01-10 00:00+00' + n * interval '1 minute', 'VOICE' FROM generate_series(1, 9) n;
UPDATE usage_mgmt.usage SET usage_date = usage_date + CASE WHEN id IN ('m2', 'm5', 'm9') THEN interval '1 month'
	WHEN id = 'm3' THEN interval '1 minute' ELSE interval '0' END WHERE id LIKE 'm_';
SELECT id, u.usage_date = k.usage_date AS agrees, k.usage_date, u.tableoid::regclass AS leaf
FROM usage_mgmt.usage u JOIN usage_mgmt.usage_key k USING (id) WHERE id LIKE 'm_' ORDER BY id;
UPDATE usage_mgmt.usage SET usage_date = '1990-01-01 00:00+00' WHERE id LIKE 'm_';
UPDATE usage_mgmt.usage SET usage_date = '2001-03-01 00:00+00' WHERE id LIKE 'm_';
SELECT tableoid::regclass AS leaf, count(*) FROM usage_mgmt.usage WHERE id LIKE 'm_' GROUP BY 1;
SELECT wrong FROM pg_temp.ledger;
-- a moved row is stamped and checked as any other
UPDATE usage_mgmt.usage SET usage_date = '2001-02-01 00:00+00', status = 'billed' WHERE id = 'm1';
UPDATE usage_mgmt.usage SET usage_date = '2001-02-01 00:00+00', usage_type = NULL WHERE id = 'm1';
DELETE FROM usage_mgmt.usage WHERE id LIKE 'm_';
TABLE pg_temp.ledger;

-- ON CONFLICT DO NOTHING skips what is there; an id of another month is no such conflict
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES
	('b', '2001-02-15 12:00+00', 'DATA'), ('c', '2001-02-15 12:00+00', 'DATA')
	ON CONFLICT DO NOTHING;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('b', '2001-02-15 12:00+00', 'DATA')
	ON CONFLICT (id, usage_date) DO NOTHING;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('b', '2001-03-15 12:00+00', 'DATA')
	ON CONFLICT DO NOTHING;
SELECT id, usage_type FROM usage_mgmt.usage ORDER BY id;
TABLE pg_temp.ledger;

-- ON CONFLICT DO UPDATE: new rows and old ones in one statement
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES
	('b', '2001-02-15 12:00+00', 'SMS'), ('f', '2001-02-15 12:00+00', 'SMS')
	ON CONFLICT (id, usage_date) DO UPDATE SET usage_type = excluded.usage_type;
INSERT INTO usage_mgmt.usage_p200102 (id, usage_date, usage_type) VALUES
	('b', '2001-02-15 12:00+00', 'MMS'), ('g', '2001-02-15 12:00+00', 'MMS')
	ON CONFLICT (id, usage_date) DO UPDATE SET usage_date = '2001-02-16 12:00+00', usage_type = excluded.usage_type;
SELECT id, usage_type FROM usage_mgmt.usage ORDER BY id;
SELECT keys, wrong FROM pg_temp.ledger;
-- the hash of the first delivery stays, whatever is updated
SELECT id FROM usage_mgmt.usage_key k JOIN usage_mgmt.usage u USING (id)
WHERE k.content_hash <> usage_mgmt.content_hash(u) ORDER BY id;

-- A unique index of the user's own can leave out what has a new id
CREATE UNIQUE INDEX own_idx ON usage_mgmt.usage_p200101 (description);
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, description) VALUES
	('o1', '2001-01-15 12:00+00', 'DATA', 'own'), ('o2', '2001-01-15 12:00+00', 'DATA', 'own'),
	('o3', '2001-02-15 12:00+00', 'DATA', 'own')
	ON CONFLICT DO NOTHING;
TABLE pg_temp.ledger;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('o2', '2001-03-15 12:00+00', 'DATA');
COPY usage_mgmt.usage_p200101 (id, usage_date, usage_type) FROM STDIN;
o4	2001-01-15 12:00+00	VOICE
o1	2001-01-16 12:00+00	VOICE
\.
DROP INDEX usage_mgmt.own_idx;
DELETE FROM usage_mgmt.usage WHERE id LIKE 'o_';
TABLE pg_temp.ledger;

-- What a trigger inserts during a COPY is a statement of its own, which may skip
CREATE FUNCTION pg_temp.twice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.usage_type <> 'ECHO' THEN
		INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES
			('echo', '2001-01-15 12:00+00', 'ECHO') ON CONFLICT DO NOTHING;
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER twice BEFORE INSERT ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION pg_temp.twice();
COPY usage_mgmt.usage (id, usage_date, usage_type) FROM STDIN;
o5	2001-01-15 12:00+00	VOICE
o6	2001-02-16 12:00+00	VOICE
\.
TABLE pg_temp.ledger;
DROP TRIGGER twice ON usage_mgmt.usage;
DELETE FROM usage_mgmt.usage WHERE id LIKE 'o_' OR id = 'echo';

-- Nothing may change a row behind the trigger that checks it
CREATE TRIGGER zzz BEFORE INSERT ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION pg_temp.twice();
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('o7', '2001-01-15 12:00+00', 'DATA');
BEGIN;
DELETE FROM usage_mgmt.usage WHERE id = 'a' RETURNING id;
ROLLBACK;
ALTER TABLE usage_mgmt.usage DISABLE TRIGGER zzz;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('o7', '2001-01-15 12:00+00', 'DATA');
DROP TRIGGER zzz ON usage_mgmt.usage;
CREATE TRIGGER zzz BEFORE UPDATE ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION pg_temp.twice();
UPDATE usage_mgmt.usage SET description = 'o7' WHERE id = 'o7';
DROP TRIGGER zzz ON usage_mgmt.usage;
DELETE FROM usage_mgmt.usage WHERE id = 'o7';
TABLE pg_temp.ledger;

-- MERGE: inserts, moves and deletes at once
MERGE INTO usage_mgmt.usage u
USING (VALUES ('a', 'delete'), ('b', 'move'), ('h', 'insert')) d (id, act) ON u.id = d.id
WHEN MATCHED AND act = 'delete' THEN DELETE
WHEN MATCHED THEN UPDATE SET usage_date = '2001-03-10 00:00+00'
WHEN NOT MATCHED THEN INSERT (id, usage_date, usage_type) VALUES (d.id, '2001-03-11 00:00+00', 'VOICE');
SELECT keys, wrong FROM pg_temp.ledger;
-- with every subset of the other actions: two rows move, one within its month
CREATE FUNCTION pg_temp.merge(inserts boolean, deletes boolean)
RETURNS TABLE (keys text, wrong text, other_hashes bigint) LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO usage_mgmt.usage (id, usage_date, usage_type)
		SELECT 'm' || n, '2001-01-10 00:00+00', 'VOICE' FROM generate_series(1, 4) n;
	EXECUTE concat('MERGE INTO usage_mgmt.usage u
		USING (VALUES (''m1'', ''2001-02-10 00:00+00''), (''m2'', ''2001-03-10 00:00+00''),
			(''m3'', ''2001-01-11 00:00+00''), (''m4'', NULL), (''m5'', ''2001-02-11 00:00+00'')) d (id, new_date)
		ON u.id = d.id WHEN MATCHED AND new_date IS NOT NULL THEN UPDATE SET usage_date = new_date::timestamptz',
		CASE WHEN deletes THEN ' WHEN MATCHED THEN DELETE' END,
		CASE WHEN inserts THEN ' WHEN NOT MATCHED THEN INSERT (id, usage_date, usage_type)
			VALUES (d.id, new_date::timestamptz, ''VOICE'')' END);
	RETURN QUERY SELECT l.* FROM pg_temp.ledger l;
	DELETE FROM usage_mgmt.usage u WHERE u.id LIKE 'm_';
END
$$;
SELECT inserts, deletes, m.* FROM (VALUES (false, false), (false, true), (true, false), (true, true)) a (inserts, deletes),
	pg_temp.merge(inserts, deletes) m;

-- What takes the place of a row that has moved or changed its date is new
BEGIN;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('n', '2001-01-05 00:00+00', 'VOICE');
UPDATE usage_mgmt.usage SET usage_date = '2001-02-06 00:00+00' WHERE id = 'n';
WITH gone AS (DELETE FROM usage_mgmt.usage WHERE id = 'n' RETURNING *) INSERT INTO usage_mgmt.usage SELECT * FROM gone;
SELECT keys, wrong FROM pg_temp.ledger;
UPDATE usage_mgmt.usage SET usage_date = '2001-02-07 00:00+00' WHERE id = 'n';
DELETE FROM usage_mgmt.usage WHERE id = 'n';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('n', '2001-02-07 00:00+00', 'VOICE');
SELECT keys, wrong FROM pg_temp.ledger;
ROLLBACK;

-- Two targets in one statement
WITH one AS (INSERT INTO usage_mgmt.usage_p200101 (id, usage_date, usage_type) VALUES ('n', '2001-01-05 00:00+00', 'VOICE'))
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('o', '2001-02-05 00:00+00', 'VOICE');
SELECT keys, wrong FROM pg_temp.ledger;
DELETE FROM usage_mgmt.usage WHERE id IN ('n', 'o');

-- an update alone, to another month and within it
MERGE INTO usage_mgmt.usage u USING (VALUES ('f', '2001-03-10 12:00+00'), ('g', '2001-02-10 12:00+00')) d (id, new_date) ON u.id = d.id
WHEN MATCHED THEN UPDATE SET usage_date = new_date::timestamptz;
MERGE INTO usage_mgmt.usage u USING (VALUES ('f'), ('g')) d (id) ON u.id = d.id
WHEN MATCHED THEN UPDATE SET usage_date = '2001-02-15 12:00+00';
SELECT keys, wrong FROM pg_temp.ledger;
MERGE INTO usage_mgmt.usage u USING (VALUES ('b')) d (id) ON u.id = d.id AND u.usage_date < '2001-01-01'
WHEN NOT MATCHED THEN INSERT (id, usage_date, usage_type) VALUES (d.id, '2001-01-11 00:00+00', 'VOICE');
SELECT keys, wrong FROM pg_temp.ledger;

-- Data-modifying WITH: two statements in one
WITH gone AS (DELETE FROM usage_mgmt.usage WHERE id = 'h' RETURNING *)
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) SELECT 'i', usage_date, usage_type FROM gone;
WITH moved AS (UPDATE usage_mgmt.usage SET usage_date = '2001-01-10 00:00+00' WHERE id = 'i' RETURNING *)
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) SELECT 'i', '2001-02-10 00:00+00', usage_type FROM moved;
WITH one AS (INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('j', '2001-01-10 00:00+00', 'VOICE'))
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('j', '2001-02-10 00:00+00', 'VOICE');
SELECT keys, wrong FROM pg_temp.ledger;

-- A savepoint takes the keys back with the rows
BEGIN;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('k', '2001-01-10 00:00+00', 'VOICE');
SAVEPOINT before;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('l', '2001-01-10 00:00+00', 'VOICE');
DELETE FROM usage_mgmt.usage WHERE id = 'b';
UPDATE usage_mgmt.usage SET usage_date = '2001-03-10 00:00+00' WHERE id = 'k';
SELECT keys, wrong FROM pg_temp.ledger;
ROLLBACK TO SAVEPOINT before;
SELECT keys, wrong FROM pg_temp.ledger;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('l', '2001-03-10 00:00+00', 'VOICE');
COMMIT;
SELECT keys, wrong FROM pg_temp.ledger;

-- TRUNCATE of a leaf, of the parent, and of the parent alone
TRUNCATE usage_mgmt.usage_p200103;
SELECT keys, wrong FROM pg_temp.ledger;
BEGIN;
TRUNCATE usage_mgmt.usage;
SELECT keys, wrong FROM pg_temp.ledger;
ROLLBACK;
SELECT keys, wrong FROM pg_temp.ledger;
TRUNCATE ONLY usage_mgmt.usage;
TRUNCATE usage_mgmt.usage;
SELECT keys, wrong FROM pg_temp.ledger;

-- A detached leaf keeps its ids taken; what happens to it is nobody's business
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES
	('a', '2001-01-15 12:00+00', 'VOICE'), ('b', '2001-02-15 12:00+00', 'VOICE'), ('c', '2001-02-16 12:00+00', 'VOICE');
ALTER TABLE usage_mgmt.usage DETACH PARTITION usage_mgmt.usage_p200102;
TABLE pg_temp.ledger;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('b', '2001-01-15 12:00+00', 'VOICE');
INSERT INTO usage_mgmt.usage_p200102 (id, usage_date, usage_type) VALUES
	('a', '2001-02-15 12:00+00', 'VOICE'), ('d', '2001-02-15 12:00+00', 'VOICE');
UPDATE usage_mgmt.usage_p200102 SET usage_date = '2001-02-17 12:00+00' WHERE id = 'c';
DELETE FROM usage_mgmt.usage_p200102 WHERE id = 'b';
TABLE pg_temp.ledger;
-- attached again its triggers work, and check_keys() tells what went by
ALTER TABLE usage_mgmt.usage ATTACH PARTITION usage_mgmt.usage_p200102
	FOR VALUES FROM ('2001-02-01 00:00+00') TO ('2001-03-01 00:00+00');
SELECT id, usage_date, fault FROM usage_mgmt.check_keys() ORDER BY fault, id, usage_date;
INSERT INTO usage_mgmt.usage_p200102 (id, usage_date, usage_type) VALUES ('e', '2001-02-15 12:00+00', 'VOICE');
-- an id on two rows is for a person to mend, the rest for rebuild_keys()
SELECT usage_mgmt.rebuild_keys() AS changed;
SELECT id, usage_date, fault FROM usage_mgmt.check_keys() ORDER BY fault, id, usage_date;
DELETE FROM usage_mgmt.usage WHERE id = 'a' AND usage_date > '2001-02-01';
SELECT usage_mgmt.rebuild_keys() AS changed;
TABLE pg_temp.ledger;

-- A table attached by hand does not keep the ledger until rebuild_keys()
CREATE TABLE usage_mgmt.by_hand (LIKE usage_mgmt.usage INCLUDING ALL);
INSERT INTO usage_mgmt.by_hand (id, usage_date, usage_type) VALUES ('by hand', '1999-01-15 12:00+00', 'VOICE');
ALTER TABLE usage_mgmt.usage ATTACH PARTITION usage_mgmt.by_hand
	FOR VALUES FROM ('1999-01-01 00:00+00') TO ('1999-02-01 00:00+00');
SELECT id, fault FROM usage_mgmt.check_keys();
SELECT usage_mgmt.rebuild_keys() AS changed;
SELECT id, fault FROM usage_mgmt.check_keys();
INSERT INTO usage_mgmt.by_hand (id, usage_date, usage_type) VALUES ('by hand too', '1999-01-15 12:00+00', 'VOICE');
SELECT keys, wrong FROM pg_temp.ledger;
DROP TABLE usage_mgmt.by_hand;

-- The dates that an UPDATE is about to change are noted row by row: several updates in one statement, on the parent and a leaf
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type)
	SELECT 'u' || n, '2001-01-10 00:00+00', 'VOICE' FROM generate_series(1, 4) n;
WITH one AS (UPDATE usage_mgmt.usage SET usage_date = '2001-01-11 00:00+00' WHERE id = 'u1'),
	two AS (UPDATE usage_mgmt.usage SET usage_date = '2001-02-11 00:00+00' WHERE id = 'u2'),
	three AS (UPDATE usage_mgmt.usage_p200101 SET usage_date = '2001-01-12 00:00+00' WHERE id = 'u3')
UPDATE usage_mgmt.usage SET usage_date = '2001-03-11 00:00+00' WHERE id = 'u4';
SELECT keys, wrong FROM pg_temp.ledger;
-- a row found twice is updated once
UPDATE usage_mgmt.usage u SET usage_date = new_date::timestamptz FROM (VALUES ('2001-01-13 00:00+00'), ('2001-02-13 00:00+00')) d (new_date) WHERE id = 'u1';
SELECT wrong FROM pg_temp.ledger;
-- INSERT that updates, and what it adds
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('u3', '2001-01-12 00:00+00', 'DATA'), ('u5', '2001-03-12 00:00+00', 'DATA')
	ON CONFLICT (id, usage_date) DO UPDATE SET usage_date = excluded.usage_date + interval '1 hour';
SELECT keys, wrong FROM pg_temp.ledger;
-- a cursor's row
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM usage_mgmt.usage WHERE id = 'u3' FOR UPDATE;
MOVE c;
UPDATE usage_mgmt.usage SET usage_date = '2001-02-14 00:00+00' WHERE CURRENT OF c;
COMMIT;
SELECT keys, wrong FROM pg_temp.ledger;
-- what fails half way, within a statement that goes on
CREATE FUNCTION pg_temp.moves(one text, how interval) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	UPDATE usage_mgmt.usage SET usage_date = usage_date + how, description = 1 / CASE WHEN id = 'u5' AND how > '1 hour' THEN 0 ELSE 1 END
		WHERE id >= one AND id <> 'u4';
	RETURN 'moved';
EXCEPTION WHEN division_by_zero THEN
	UPDATE usage_mgmt.usage SET usage_date = usage_date + how WHERE id = one;
	RETURN 'moved one';
END
$$;
UPDATE usage_mgmt.usage SET usage_date = usage_date + interval '1 minute', description = pg_temp.moves('u2', '1 minute') WHERE id = 'u4';
UPDATE usage_mgmt.usage SET usage_date = usage_date + interval '1 minute', description = pg_temp.moves('u1', '1 month') WHERE id = 'u4';
SELECT id, u.usage_date, description, k.usage_date = u.usage_date AS agrees FROM usage_mgmt.usage u JOIN usage_mgmt.usage_key k USING (id) ORDER BY id;
SELECT wrong FROM pg_temp.ledger;
-- each row by a function that updates the one before
CREATE FUNCTION pg_temp.move(one text, how interval) RETURNS void LANGUAGE sql AS $$
	UPDATE usage_mgmt.usage SET usage_date = usage_date + how WHERE id = one;
$$;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) SELECT 'x' || n, '2001-01-10 00:00+00', 'VOICE' FROM generate_series(1, 4) n;
UPDATE usage_mgmt.usage SET usage_date = usage_date + interval '1 minute',
	description = pg_temp.move('x' || right(id, 1)::int - 1, right(id, 1)::int * interval '12 days')::text WHERE id LIKE 'x_';
UPDATE usage_mgmt.usage SET usage_date = '2001-01-12 00:00+00' WHERE id LIKE 'x_';
SELECT id, u.usage_date, k.usage_date = u.usage_date AS agrees FROM usage_mgmt.usage u JOIN usage_mgmt.usage_key k USING (id) WHERE id LIKE 'x_' ORDER BY id;
-- a trigger that does so within a move, and lets it vanish
CREATE FUNCTION pg_temp.vanish() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.id = 'x1' THEN
		PERFORM pg_temp.move('x2', '1 day'), pg_temp.move('x2', '1 month');
		RETURN NULL;
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER vanish BEFORE INSERT ON usage_mgmt.usage_p200103 FOR EACH ROW EXECUTE FUNCTION pg_temp.vanish();
UPDATE usage_mgmt.usage SET usage_date = '2001-03-01 00:00+00' WHERE id IN ('x1', 'x3', 'x4');
DROP TRIGGER vanish ON usage_mgmt.usage_p200103;
SELECT keys, wrong FROM pg_temp.ledger;
-- one that gives a row that moves another date, within its new partition and where nothing is inserted or deleted besides
CREATE FUNCTION pg_temp.later() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.usage_date := NEW.usage_date + interval '1 hour';
	RETURN NEW;
END
$$;
CREATE TRIGGER later BEFORE INSERT ON usage_mgmt.usage_p200102 FOR EACH ROW EXECUTE FUNCTION pg_temp.later();
MERGE INTO usage_mgmt.usage u USING (VALUES ('x3'), ('x4')) d (id) ON u.id = d.id
	WHEN MATCHED AND d.id = 'x4' THEN DELETE WHEN MATCHED THEN UPDATE SET usage_date = '2001-02-15 00:00+00';
UPDATE usage_mgmt.usage SET usage_date = '2001-02-16 00:00+00' WHERE id = 'u1';
DROP TRIGGER later ON usage_mgmt.usage_p200102;
SELECT keys, wrong FROM pg_temp.ledger;
-- and one that gives it another id, in a statement that inserts besides or not
CREATE FUNCTION pg_temp.rename() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.id IN ('x3', 'u4') THEN
		NEW.id := 'u1';
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER rename BEFORE INSERT ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION pg_temp.rename();
UPDATE usage_mgmt.usage SET usage_date = '2001-03-15 00:00+00' WHERE id = 'x3';
MERGE INTO usage_mgmt.usage u USING (VALUES ('x3'), ('x5')) d (id) ON u.id = d.id
	WHEN MATCHED THEN UPDATE SET usage_date = '2001-03-15 00:00+00' WHEN NOT MATCHED THEN INSERT (id, usage_date, usage_type) VALUES (d.id, '2001-03-15 00:00+00', 'VOICE');
DROP TRIGGER rename ON usage_mgmt.usage;
SELECT keys, wrong FROM pg_temp.ledger;
-- what is inserted behind one that has arrived with another date is no such row
CREATE TRIGGER later BEFORE INSERT ON usage_mgmt.usage_p200103 FOR EACH ROW EXECUTE FUNCTION pg_temp.later();
MERGE INTO usage_mgmt.usage u USING (VALUES ('x3'), ('x5')) d (id) ON u.id = d.id
	WHEN MATCHED THEN UPDATE SET usage_date = '2001-03-15 00:00+00' WHEN NOT MATCHED THEN INSERT (id, usage_date, usage_type) VALUES (d.id, '2001-03-15 00:00+00', 'VOICE');
DROP TRIGGER later ON usage_mgmt.usage_p200103;
DELETE FROM usage_mgmt.usage WHERE id = 'x5';
SELECT keys, wrong FROM pg_temp.ledger;
-- a foreign key's action, for which the triggers of the statement itself come
CREATE TABLE public.calendar (day timestamptz PRIMARY KEY);
INSERT INTO public.calendar SELECT DISTINCT usage_date FROM usage_mgmt.usage;
ALTER TABLE usage_mgmt.usage ADD CONSTRAINT own_day FOREIGN KEY (usage_date) REFERENCES public.calendar ON UPDATE CASCADE;
UPDATE public.calendar SET day = day + interval '1 second';
SELECT wrong FROM pg_temp.ledger;
UPDATE public.calendar SET day = day + interval '31 days';
SELECT wrong FROM pg_temp.ledger;
INSERT INTO public.calendar SELECT '2001-02-20 00:00+00'::timestamptz + n * interval '1 minute' FROM generate_series(1, 40) n;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) SELECT 'w' || n, '2001-02-20 00:00+00'::timestamptz + n * interval '1 minute', 'VOICE'
	FROM generate_series(1, 40) n;
UPDATE public.calendar SET day = day - interval '30 seconds';
SELECT wrong FROM pg_temp.ledger;
ALTER TABLE usage_mgmt.usage DROP CONSTRAINT own_day;
DROP TABLE public.calendar;
-- more than fits the memory, of statements of which no trigger comes, too
SET work_mem = '64kB';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type)
	SELECT 'v' || n, '2001-01-10 00:00+00', 'VOICE' FROM generate_series(1, 3000) n;
UPDATE usage_mgmt.usage SET usage_date = usage_date + CASE WHEN id < 'v2' THEN interval '1 day' ELSE interval '1 month' END WHERE id LIKE 'v%';
SELECT count(*), count(*) FILTER (WHERE k.usage_date = u.usage_date) AS agree FROM usage_mgmt.usage u JOIN usage_mgmt.usage_key k USING (id) WHERE id LIKE 'v%';
BEGIN;
ALTER TABLE usage_mgmt.usage DISABLE TRIGGER usage_keys_update;
DO $$
BEGIN
	FOR n IN 1 .. 30 LOOP
		UPDATE usage_mgmt.usage SET usage_date = usage_date + interval '1 minute' WHERE id LIKE CASE WHEN n % 10 = 0 THEN 'v%' ELSE 'v1_' END;
	END LOOP;
END
$$;
SELECT count(*) > 0 AS told FROM usage_mgmt.check_keys();
ALTER TABLE usage_mgmt.usage ENABLE TRIGGER usage_keys_update;
UPDATE usage_mgmt.usage SET usage_date = usage_date + interval '1 minute' WHERE id LIKE 'w%';
SELECT count(*) AS wrong FROM usage_mgmt.check_keys() WHERE id LIKE 'w%';
COMMIT;
-- the next trigger that comes has settled the others, too
SELECT wrong FROM pg_temp.ledger;
-- an UPDATE of all rows writes no file
SET log_temp_files = 0;
SET client_min_messages = log;
UPDATE usage_mgmt.usage SET status = 'guided';
RESET client_min_messages;
RESET log_temp_files;
RESET work_mem;
SELECT wrong FROM pg_temp.ledger;
-- a date that changes takes the partitions that it has to do with, and what follows in the transaction no more
CREATE VIEW pg_temp.locked AS SELECT array_agg(DISTINCT relname::text ORDER BY relname::text) AS partitions FROM pg_locks JOIN pg_class c ON c.oid = relation
	WHERE pid = pg_backend_pid() AND relkind = 'r' AND relispartition;
BEGIN;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('y1', '2001-01-10 00:00+00', 'VOICE'), ('y2', '2001-01-11 00:00+00', 'VOICE');
UPDATE usage_mgmt.usage SET usage_date = usage_date + interval '1 day' WHERE id = 'y1' AND usage_date = '2001-01-10 00:00+00';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('y3', '2001-01-10 00:00+00', 'VOICE');
DELETE FROM usage_mgmt.usage WHERE id = 'y3' AND usage_date = '2001-01-10 00:00+00';
TABLE pg_temp.locked;
UPDATE usage_mgmt.usage SET usage_date = usage_date + interval '1 month' WHERE id = 'y1' AND usage_date = '2001-01-11 00:00+00';
TABLE pg_temp.locked;
-- thousands of such statements take no more memory than one
DO $$ BEGIN
	FOR n IN 1 .. 2000 LOOP
		UPDATE usage_mgmt.usage SET usage_date = usage_date + interval '1 minute' WHERE id = 'y2' AND usage_date < '2001-02-01 00:00+00';
	END LOOP;
END $$;
SELECT total_bytes <= 32768 AS little FROM pg_backend_memory_contexts WHERE name = 'usage dates';
-- the key of one that is deleted and stored at once is that of the new one
WITH d AS (DELETE FROM usage_mgmt.usage WHERE id = 'y2' RETURNING id, usage_date) INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) SELECT *, 'OTHER' FROM d;
SELECT k.content_hash = usage_mgmt.content_hash(u) AS own_hash FROM usage_mgmt.usage u JOIN usage_mgmt.usage_key k USING (id) WHERE id = 'y2';
COMMIT;
SELECT wrong FROM pg_temp.ledger;
-- who owns a partition alone works on it and on the ledger by his own rights, whatever he may see of the table
CREATE ROLE regress_leaf_owner;
GRANT USAGE, CREATE ON SCHEMA usage_mgmt TO regress_leaf_owner;
ALTER TABLE usage_mgmt.usage ENABLE ROW LEVEL SECURITY;
CREATE POLICY regress_none ON usage_mgmt.usage USING (false);
ALTER TABLE usage_mgmt.usage_p200102 OWNER TO regress_leaf_owner;
SET ROLE regress_leaf_owner;
INSERT INTO usage_mgmt.usage_p200102 (id, usage_date, usage_type) VALUES ('y4', '2001-02-10 00:00+00', 'VOICE');
RESET ROLE;
GRANT SELECT, INSERT, UPDATE, DELETE ON usage_mgmt.usage_key TO regress_leaf_owner;
GRANT SELECT ON usage_mgmt.usage TO regress_leaf_owner;
SET ROLE regress_leaf_owner;
-- what the planner evaluates of his partition it evaluates as him
CREATE FUNCTION usage_mgmt.regress_who(integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF current_user <> 'regress_leaf_owner' THEN
		RAISE EXCEPTION 'as %', current_user;
	END IF;
	RETURN true;
END
$$;
ALTER TABLE usage_mgmt.usage_p200102 ADD CONSTRAINT regress_who CHECK (usage_mgmt.regress_who(1));
UPDATE usage_mgmt.usage_p200102 SET usage_date = usage_date + interval '1 minute' WHERE id = 'y1';
INSERT INTO usage_mgmt.usage_p200102 (id, usage_date, usage_type) VALUES ('y4', '2001-02-10 00:00+00', 'VOICE');
DELETE FROM usage_mgmt.usage_p200102 WHERE id = 'y4';
-- only where others have changed what he changes must he see all rows
CREATE FUNCTION usage_mgmt.regress_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF pg_trigger_depth() = 1 THEN
		UPDATE usage_mgmt.usage_p200102 SET usage_date = usage_date + interval '1 hour' WHERE id = NEW.id;
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER again AFTER UPDATE ON usage_mgmt.usage_p200102 FOR EACH ROW EXECUTE FUNCTION usage_mgmt.regress_again();
UPDATE usage_mgmt.usage_p200102 SET usage_date = usage_date + interval '1 minute' WHERE id = 'y1';
-- nor is it read as the owner of the table
RESET ROLE;
ALTER TABLE usage_mgmt.usage DISABLE ROW LEVEL SECURITY;
SET ROLE regress_leaf_owner;
SET constraint_exclusion = on;
SELECT usage_mgmt.get_usage('y1') ->> 'id' AS got;
RESET constraint_exclusion;
ALTER TABLE usage_mgmt.usage_p200102 DROP CONSTRAINT regress_who;
DROP TRIGGER again ON usage_mgmt.usage_p200102;
DROP FUNCTION usage_mgmt.regress_again(), usage_mgmt.regress_who(integer);
RESET ROLE;
DO $$ BEGIN
	EXECUTE format('ALTER TABLE usage_mgmt.usage_p200102 OWNER TO %I', current_user);
END $$;
DROP POLICY regress_none ON usage_mgmt.usage;
REVOKE ALL ON usage_mgmt.usage, usage_mgmt.usage_key FROM regress_leaf_owner;
REVOKE ALL ON SCHEMA usage_mgmt FROM regress_leaf_owner;
DROP ROLE regress_leaf_owner;
SELECT id, k.usage_date = u.usage_date AS agrees FROM usage_mgmt.usage_key k LEFT JOIN usage_mgmt.usage u USING (id) WHERE id IN ('y1', 'y4');
SELECT wrong FROM pg_temp.ledger;
-- TRUNCATE of a partition forgets what was in it, not the usage of that id in another one
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO usage_mgmt.usage_p200103 (id, usage_date, usage_type) VALUES ('y1', '2001-03-15 00:00+00', 'VOICE');
SET LOCAL session_replication_role = origin;
TRUNCATE usage_mgmt.usage_p200103;
SELECT k.usage_date = u.usage_date AS kept FROM usage_mgmt.usage_key k JOIN usage_mgmt.usage u USING (id) WHERE id = 'y1';
ROLLBACK;
-- with the row trigger disabled nobody notes a date; check_keys() tells
ALTER TABLE usage_mgmt.usage DISABLE TRIGGER zz_usage_check;
UPDATE usage_mgmt.usage SET usage_date = '2001-01-20 00:00+00' WHERE id = 'u2';
ALTER TABLE usage_mgmt.usage ENABLE TRIGGER zz_usage_check;
SELECT wrong FROM pg_temp.ledger;
SELECT usage_mgmt.rebuild_keys() AS changed;
-- the trigger of an older version does the same, until install_tables() replaces it, as enabled as it was
CREATE FUNCTION pg_temp.older(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('DROP TRIGGER usage_keys_update ON %s', relation);
	EXECUTE format('CREATE TRIGGER usage_keys_update AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
		FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_keys()', relation);
END
$$;
SELECT count(pg_temp.older(relid)) > 2 AS made FROM pg_partition_tree('usage_mgmt.usage');
UPDATE usage_mgmt.usage SET usage_date = usage_date + interval '15 days';
UPDATE usage_mgmt.usage_p200102 SET usage_date = usage_date + interval '1 second';
SELECT wrong FROM pg_temp.ledger;
ALTER TABLE usage_mgmt.usage_p200101 DISABLE TRIGGER usage_keys_update;
ALTER TABLE usage_mgmt.usage_p200102 ENABLE ALWAYS TRIGGER usage_keys_update;
CREATE VIEW pg_temp.key_triggers AS SELECT tgrelid::regclass, tgenabled, tgoldtable, tgnewtable FROM pg_trigger
	WHERE tgname = 'usage_keys_update' AND (tgenabled <> 'O' OR tgoldtable IS NOT NULL OR tgnewtable IS NOT NULL);
SELECT count(*) > 2 AS older FROM pg_temp.key_triggers;
SELECT usage_mgmt.install_tables();
SELECT * FROM pg_temp.key_triggers ORDER BY 1::text;
ALTER TABLE usage_mgmt.usage_p200101 ENABLE TRIGGER usage_keys_update;
ALTER TABLE usage_mgmt.usage_p200102 ENABLE TRIGGER usage_keys_update;

-- session_replication_role = replica, as logical replication: check_keys() tells, rebuild_keys() mends
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type)
	SELECT v, '2001-01-15 12:00+00', 'VOICE' FROM unnest('{moved,deleted,changed,stays}'::text[]) v;
SELECT content_hash AS hash FROM usage_mgmt.usage_key WHERE id = 'changed' \gset
SET session_replication_role = replica;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('inserted', '2001-02-15 12:00+00', 'VOICE');
UPDATE usage_mgmt.usage SET usage_date = '2001-03-15 12:00+00' WHERE id = 'moved';
UPDATE usage_mgmt.usage SET usage_type = 'DATA' WHERE id = 'changed';
DELETE FROM usage_mgmt.usage WHERE id = 'deleted';
RESET session_replication_role;
SELECT id, usage_date, fault FROM usage_mgmt.check_keys() ORDER BY id;
-- rows the ledger does not know are found all the same
SELECT usage_mgmt.get_usage('inserted') ->> 'id' AS inserted, usage_mgmt.get_usage('moved') ->> 'date' AS moved,
	usage_mgmt.get_usage('deleted') ->> 'id' AS deleted;
SELECT usage_mgmt.rebuild_keys() AS changed;
SELECT usage_mgmt.rebuild_keys() AS changed_again;
SELECT id, usage_date, fault FROM usage_mgmt.check_keys();
-- a key without a row is no fault and stays; an existing hash never changes
SELECT id, to_char(usage_date, 'YYYY-MM') AS month FROM usage_mgmt.usage_key ORDER BY id;
SELECT content_hash = :'hash' AS same_hash FROM usage_mgmt.usage_key WHERE id = 'changed';
SELECT pg_temp.state($$SELECT usage_mgmt.post_usage('{"id": "deleted", "date": "2001-01-15T12:00:00Z", "type": "VOICE"}')$$) AS kept_id;
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key;

-- Two records are the same where their values are: equal as jsonb, whatever their spelling
CREATE FUNCTION pg_temp.hash_with(column_name text, value text) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
	hash uuid;
BEGIN
	EXECUTE format('SELECT usage_mgmt.content_hash(jsonb_populate_record(NULL::usage_mgmt.usage,
		jsonb_build_object(%L, %L::%s)))', column_name, value,
		CASE column_name WHEN 'usage_characteristic' THEN 'text' ELSE 'jsonb' END) INTO hash;
	RETURN hash;
END
$$;
CREATE TEMP TABLE hashed AS
SELECT shape, value, pg_temp.hash_with(place, format(shape, value)) AS hash
FROM (VALUES ('usage_characteristic', '[{"name": "a", "value": %s}]'), ('usage_characteristic', '[{"name": "a", "value": 1, "b": %s}]'),
		('usage_characteristic', '{"a": {"b": [%s]}}'), ('extra', '{"a": %s}'),
		('related_party', '[{"role": "a", "alias": %s}]')) p (place, shape),
	unnest(ARRAY['0', '-0', '0.00', '0e7', '1', '10', '1e1', '1.0E+1', '100e-1', '0.1', '1e-1', '0.10', '-1', '-1.0', '12.34', '1234e-2',
		'12345678901234567890.12345678901234567890', '12345678901234567890.123456789012345678901', '1e300', '1000e297', '1.0001e-300',
		'"1"', '"10"', '""', '"a"', '"\u0061"', '"n1"', '"\n"', '"\"\\"', 'true', 'false', '"true"', 'null', '[]', '{}', '[[]]', '[{}]', '[null]',
		'["a"]', '["a", "b"]', '["ab"]', '[ "a","b" ]', '[1, [2, 3]]', '[[1, 2], 3]', '[[1], [2, 3]]', '{"a": 1}', '{"a": "1"}', '{"a": null}',
		'{"a": 1.0}', '{"a": 1, "b": 2}', '{"b": 2, "a": 1}', '{"a": 0, "b": 2, "a": 1}', '{"b": 2, "\u0061": 1e0}', '{"aa": 1, "b": 2}',
		'{"b": 2, "aa": 1}', '{"b": {"d": 1, "c": 2}, "a": [{"f": 1, "e": 2}]}', '{"a": [{"e": 2, "f": 1}], "b": {"c": 2, "d": 1}}',
		'{"": 1}', '{"": {"": {"": 1}}}', '{"a": {"b": 1}}', '{"a": {}, "b": 1}', '[{"a": 1}, {"b": 1}]', '[{"a": 1, "b": 1}]']) value;
SELECT count(*) FILTER (WHERE a.hash = b.hash) AS same, count(*) FILTER (WHERE a.hash <> b.hash) AS other
FROM hashed a JOIN hashed b USING (shape) WHERE a.value < b.value;
SELECT shape, a.value, b.value FROM hashed a JOIN hashed b USING (shape)
WHERE a.value < b.value AND a.hash <> b.hash AND a.value::jsonb = b.value::jsonb;
SELECT a.value, b.value FROM hashed a JOIN hashed b USING (hash) WHERE a.value < b.value AND a.value::jsonb <> b.value::jsonb;
DROP TABLE hashed;
-- numbers of any length, in no time
SELECT pg_temp.hash_with('usage_characteristic', '{"a": 1' || repeat('0', 2000) || '}')
	= pg_temp.hash_with('usage_characteristic', '{"a": 1e2000}') AS zeros,
	pg_temp.hash_with('usage_characteristic', '{"a": 1e131000}') <> pg_temp.hash_with('usage_characteristic', '{"a": 1e130999}') AS exponents;
-- in the order that counts, of lists and of repeated names
SELECT pg_temp.hash_with('usage_characteristic', '{"a": 1, "b": 2}') <> pg_temp.hash_with('usage_characteristic', '{"b": 2, "a": 1}') AS "order",
	pg_temp.hash_with('usage_characteristic', '{"a": 1, "a": 2}') <> pg_temp.hash_with('usage_characteristic', '{"a": 2}') AS repeated,
	pg_temp.hash_with('usage_characteristic', '{"a": 1}') = pg_temp.hash_with('usage_characteristic', '[{"value": 1.0, "name": "a"}]') AS short_form;
SELECT usage_mgmt.hash_version();

-- A loader needs INSERT on usage alone
CREATE ROLE regress_loader;
GRANT USAGE ON SCHEMA usage_mgmt TO regress_loader;
GRANT INSERT ON usage_mgmt.usage TO regress_loader;
SET ROLE regress_loader;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('loaded', '2001-01-15 12:00+00', 'VOICE');
COPY usage_mgmt.usage (id, usage_date, usage_type) FROM STDIN;
copied	2001-02-15 12:00+00	VOICE
\.
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('loaded', '2001-02-15 12:00+00', 'VOICE');
SELECT count(*) FROM usage_mgmt.usage_key;
INSERT INTO usage_mgmt.usage_key (id, usage_date, content_hash, hash_version)
	VALUES ('forged', now(), gen_random_uuid(), usage_mgmt.hash_version());
SELECT count(*) FROM usage_mgmt.usage;
RESET ROLE;
TABLE pg_temp.ledger;

-- Somebody who hangs the ledger's trigger on tables of his own gains nothing
CREATE ROLE regress_stranger;
CREATE SCHEMA regress_stranger AUTHORIZATION regress_stranger;
GRANT USAGE ON SCHEMA usage_mgmt TO regress_stranger;
-- he may not even make a trigger of it; with that right, he gains nothing
SELECT has_function_privilege('regress_stranger', 'usage_mgmt.usage_keys()', 'EXECUTE');
GRANT EXECUTE ON FUNCTION usage_mgmt.usage_keys() TO regress_stranger;
SET ROLE regress_stranger;
CREATE TABLE regress_stranger.plain (id text COLLATE "C", usage_date timestamptz, usage_type text,
	description text, status usage_mgmt.usage_status, usage_specification_id text, usage_specification_href text,
	usage_specification_name text, usage_characteristic usage_mgmt.characteristics, related_party usage_mgmt.related_party[],
	rated_product_usage usage_mgmt.rated_product_usage[], rejection jsonb, extra jsonb, received_at timestamptz,
	changed_at timestamptz, load_id bigint, type text, base_type text, schema_location text);
CREATE TABLE regress_stranger.parent (LIKE regress_stranger.plain) PARTITION BY RANGE (usage_date);
CREATE TABLE regress_stranger.leaf PARTITION OF regress_stranger.parent DEFAULT;
CREATE FUNCTION pg_temp.hang(relation text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TRIGGER i AFTER INSERT ON %s REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_keys()', relation);
	EXECUTE format('CREATE TRIGGER d AFTER DELETE ON %s REFERENCING OLD TABLE AS o FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_keys()', relation);
	EXECUTE format('CREATE TRIGGER t BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_keys()', relation);
END
$$;
SELECT pg_temp.hang('regress_stranger.plain'), pg_temp.hang('regress_stranger.parent'), pg_temp.hang('regress_stranger.leaf');
-- a table that is no partition of anything: nothing happens
INSERT INTO regress_stranger.plain (id, usage_date) VALUES ('forged', '2001-01-15'), ('loaded', '2001-01-15');
DELETE FROM regress_stranger.plain;
TRUNCATE regress_stranger.plain;
-- one that looks like usage: what he may not do himself
SELECT statement, pg_temp.state(statement) FROM unnest(ARRAY[
	$$INSERT INTO regress_stranger.parent (id, usage_date) VALUES ('forged', '2001-01-15')$$,
	$$INSERT INTO regress_stranger.leaf (id, usage_date) VALUES ('forged', '2001-01-15')$$]) statement;
ALTER TABLE regress_stranger.parent DISABLE TRIGGER i;
INSERT INTO regress_stranger.parent (id, usage_date) VALUES ('loaded', '2001-01-15');
SELECT statement, pg_temp.state(statement) FROM unnest(ARRAY['DELETE FROM regress_stranger.parent',
	'DELETE FROM regress_stranger.leaf', 'TRUNCATE regress_stranger.parent', 'TRUNCATE regress_stranger.leaf']) statement;
-- nor does a call without a trigger
SELECT usage_mgmt.usage_keys();
RESET ROLE;
SELECT keys, wrong FROM pg_temp.ledger;
DROP SCHEMA regress_stranger CASCADE;
DROP OWNED BY regress_loader, regress_stranger;
DROP ROLE regress_loader, regress_stranger;

TRUNCATE usage_mgmt.usage;
SELECT count(*) FROM usage_mgmt.usage_key;
SELECT usage_mgmt.drop_partitions('2001-12-31') AS dropped;
