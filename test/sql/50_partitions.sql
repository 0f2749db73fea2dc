-- Partitions: months in UTC, made and emptied, dropped, and read by themselves.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';

CREATE VIEW pg_temp.leaf AS
	SELECT c.oid::regclass AS leaf, pg_get_expr(relpartbound, c.oid) AS bounds, relowner::regrole AS owner
	FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
	WHERE inhparent = 'usage_mgmt.usage'::regclass AND relname < 'usage_p2010';

-- Months of UTC, whatever the session's time zone; made once
SET TimeZone = 'America/New_York';
SELECT usage_mgmt.ensure_partitions('2000-12-31 18:59:59', '2001-01-31 19:00:00') AS made;
SET TimeZone = 'Asia/Tokyo';
SET DateStyle = 'German';
SELECT usage_mgmt.ensure_partitions('2001-01-01 08:59:59', '2001-02-01 09:00:00') AS made;
SELECT usage_mgmt.ensure_partitions('2001-03-01 09:00:00', '2001-03-01 09:00:00') AS made;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SELECT leaf, bounds FROM pg_temp.leaf WHERE bounds <> 'DEFAULT' ORDER BY leaf::text;
SELECT usage_mgmt.ensure_partitions('2001-03-31', '2001-01-01') AS backwards;
SELECT usage_mgmt.ensure_partitions('-infinity', '2001-01-01');
SELECT usage_mgmt.ensure_partitions('0044-03-15 BC', '0044-03-16 BC');
SELECT usage_mgmt.ensure_partitions('9999-12-01', '10000-01-15');
SELECT usage_mgmt.ensure_partitions('2001-01-01', 'infinity');
-- each has the triggers of its parent, and its own that keep the ledger
SELECT count(DISTINCT triggers) AS same, min(triggers) AS triggers FROM (
	SELECT string_agg(tgname, ', ' ORDER BY tgname) AS triggers
	FROM pg_trigger JOIN pg_inherits ON inhrelid = tgrelid
	WHERE inhparent = 'usage_mgmt.usage'::regclass GROUP BY tgrelid) t;
-- and its indexes
SELECT count(*) AS leaves_without_them FROM pg_temp.leaf l
WHERE (SELECT count(*) FROM pg_index WHERE indrelid = l.leaf) <> (SELECT count(*) FROM pg_index WHERE indrelid = 'usage_mgmt.usage'::regclass);
SELECT usage_mgmt.install_tables();
SELECT usage_mgmt.drop_partitions('2001-04-01') AS dropped;

-- What the default partition has of a month moves along; rows, keys and trigger states stay as they are
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, rated_product_usage, status) VALUES
	('before', '2000-12-31 23:59:59.999999+00', 'VOICE', NULL, 'received'),
	('first', '2001-01-01 00:00+00', 'VOICE', NULL, 'rejected'),
	('billed', '2001-01-15 00:00+00', 'VOICE', ARRAY[usage_mgmt.rated_product_usage(rating_date => '2001-02-01 00:00+00',
		tax_included_rating_amount => 12, tax_excluded_rating_amount => 10, tax_rate => 20, currency_code => 'EUR',
		product_ref_id => '1')], 'billed'),
	('last', '2001-01-31 23:59:59.999999+00', 'VOICE', NULL, 'guided'),
	('after', '2001-02-01 00:00+00', 'VOICE', NULL, 'received');
CREATE FUNCTION pg_temp.fired() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE WARNING '% fired', TG_NAME;
	RETURN coalesce(NEW, OLD);
END
$$;
CREATE TRIGGER mine_on BEFORE DELETE ON usage_mgmt.usage_default FOR EACH ROW EXECUTE FUNCTION pg_temp.fired();
CREATE TRIGGER mine_off BEFORE DELETE ON usage_mgmt.usage_default FOR EACH ROW EXECUTE FUNCTION pg_temp.fired();
CREATE TRIGGER mine_always BEFORE DELETE ON usage_mgmt.usage_default FOR EACH ROW EXECUTE FUNCTION pg_temp.fired();
CREATE TRIGGER mine_replica BEFORE DELETE ON usage_mgmt.usage_default FOR EACH ROW EXECUTE FUNCTION pg_temp.fired();
ALTER TABLE usage_mgmt.usage_default DISABLE TRIGGER mine_off, ENABLE ALWAYS TRIGGER mine_always,
	ENABLE REPLICA TRIGGER mine_replica;
CREATE TEMP TABLE rows_before AS SELECT u::text AS row FROM usage_mgmt.usage u;
CREATE TEMP TABLE keys_before AS SELECT k::text AS row, k.ctid AS place FROM usage_mgmt.usage_key k;
CREATE TEMP TABLE triggers_before AS SELECT tgname, tgenabled FROM pg_trigger
	WHERE tgrelid = 'usage_mgmt.usage_default'::regclass;
SELECT usage_mgmt.ensure_partitions('2001-01-15', '2001-01-15') AS made;
SELECT id, tableoid::regclass AS leaf FROM usage_mgmt.usage ORDER BY usage_date;
SELECT (SELECT count(*) FROM usage_mgmt.usage u JOIN rows_before b ON b.row = u::text) AS same_rows,
	(SELECT count(*) FROM usage_mgmt.usage_key k JOIN keys_before b ON b.row = k::text AND b.place = k.ctid) AS same_keys;
SELECT tgname, tgenabled FROM pg_trigger JOIN triggers_before USING (tgname, tgenabled)
WHERE tgrelid = 'usage_mgmt.usage_default'::regclass ORDER BY tgname;
SELECT count(*) AS faults FROM usage_mgmt.check_keys();
-- and they work
DELETE FROM usage_mgmt.usage_default WHERE id = 'before';
INSERT INTO usage_mgmt.usage_default (id, usage_date, usage_type) VALUES ('after', '1990-01-01', 'VOICE');
DROP TRIGGER mine_on ON usage_mgmt.usage_default;
DROP TRIGGER mine_off ON usage_mgmt.usage_default;
DROP TRIGGER mine_always ON usage_mgmt.usage_default;
DROP TRIGGER mine_replica ON usage_mgmt.usage_default;
-- a failure leaves all as it was
BEGIN;
SELECT usage_mgmt.ensure_partitions('2001-02-01', '2001-02-01') AS made;
ROLLBACK;
SELECT id, tableoid::regclass AS leaf FROM usage_mgmt.usage WHERE id = 'after';

-- Leaves belong to the owner of usage, whoever makes them
CREATE ROLE regress_owner;
SELECT relowner::regrole AS owner FROM pg_class WHERE oid = 'usage_mgmt.usage'::regclass \gset
GRANT USAGE, CREATE ON SCHEMA usage_mgmt TO regress_owner;
ALTER TABLE usage_mgmt.usage OWNER TO regress_owner;
SELECT usage_mgmt.ensure_partitions('1999-01-01', '1999-01-01') AS made;
SELECT owner FROM pg_temp.leaf WHERE leaf = 'usage_mgmt.usage_p199901'::regclass;
ALTER TABLE usage_mgmt.usage OWNER TO :owner;
SELECT usage_mgmt.drop_partitions('1999-02-01') AS dropped;
DROP OWNED BY regress_owner;
DROP ROLE regress_owner;

-- Dropped: those that end before; billed usages and unbilled ones only when so told, rejected ones always
SELECT usage_mgmt.drop_partitions('2001-01-31 23:59:59') AS too_early;
SELECT usage_mgmt.drop_partitions('2001-02-01');
SELECT usage_mgmt.drop_partitions('2001-02-01', billed => true);
SELECT usage_mgmt.drop_partitions('2001-02-01', unbilled => true);
SELECT count(*) FROM usage_mgmt.usage_p200101;
SELECT usage_mgmt.drop_partitions('2001-02-01', billed => true, unbilled => true) AS dropped;
SELECT usage_mgmt.drop_partitions('2001-02-01') AS again;
SELECT usage_mgmt.get_usage('first') AS gone;
-- ids stay known: none is taken again, and that is no fault
SELECT id FROM usage_mgmt.usage_key ORDER BY id;
SELECT usage_mgmt.post_usage('{"id": "first", "date": "2001-01-01T00:00:00Z", "type": "VOICE", "status": "rejected"}');
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('billed', '2001-05-01 00:00+00', 'VOICE');
SELECT count(*) AS faults FROM usage_mgmt.check_keys();
SELECT usage_mgmt.rebuild_keys() AS changed;
-- unless told to forget them
SELECT usage_mgmt.ensure_partitions('2001-02-01', '2001-02-01') AS made;
SELECT usage_mgmt.drop_partitions('2001-03-01', forget_ids => true, unbilled => true) AS dropped;
SELECT id FROM usage_mgmt.usage_key ORDER BY id;
SELECT usage_mgmt.post_usage('{"id": "after", "date": "2001-02-01T00:00:00Z", "type": "VOICE"}') ->> 'id' AS posted;
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key;

-- The error says what is at stake, by partition; one that is refused keeps all
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT usage_mgmt.ensure_partitions('2001-01-01', '2001-03-01') AS made;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status, rated_product_usage)
	SELECT id, day, 'VOICE', status::usage_mgmt.usage_status, CASE WHEN amount IS NOT NULL THEN ARRAY[
		usage_mgmt.rated_product_usage(rating_date => day, tax_included_rating_amount => amount,
			tax_excluded_rating_amount => amount, tax_rate => 0, currency_code => currency, product_ref_id => '1'),
		usage_mgmt.rated_product_usage(rating_date => day, tax_included_rating_amount => 0.01,
			tax_excluded_rating_amount => 0.01, tax_rate => 0, currency_code => 'USD', product_ref_id => '1')] END
	FROM (VALUES ('a', timestamptz '2001-01-05 00:00+00', 'rejected', NULL, NULL),
		('b', '2001-02-05 00:00+00', 'guided', NULL, NULL), ('c', '2001-02-06 00:00+00', 'rated', 1.10, 'EUR'),
		('d', '2001-02-07 00:00+00', 'rated', 2.20, 'EUR'), ('e', '2001-03-05 00:00+00', 'billed', 4.40, 'EUR'),
		('f', '2001-03-06 00:00+00', 'rejected', 8.80, 'CHF')) u (id, day, status, amount, currency);
SELECT usage_mgmt.drop_partitions('2001-04-01');
SELECT usage_mgmt.drop_partitions('2001-04-01', billed => true);
SELECT usage_mgmt.drop_partitions('2001-04-01', unbilled => true);
SELECT usage_mgmt.drop_partitions('2001-04-01', billed => NULL, unbilled => NULL);
SELECT count(*) FROM usage_mgmt.usage;
SELECT usage_mgmt.drop_partitions('2001-02-01') AS only_rejected;
-- what others stored after the snapshot would be dropped unseen, as would what a policy hides
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT usage_mgmt.drop_partitions('2001-04-01', billed => true);
ROLLBACK;
\set VERBOSITY terse
CREATE ROLE regress_owner;
GRANT USAGE, CREATE ON SCHEMA usage_mgmt TO regress_owner;
ALTER TABLE usage_mgmt.usage OWNER TO regress_owner;
GRANT SELECT ON usage_mgmt.usage_p200102 TO regress_owner;
ALTER TABLE usage_mgmt.usage_p200103 OWNER TO regress_owner;
ALTER TABLE usage_mgmt.usage_p200103 ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SET ROLE regress_owner;
SELECT usage_mgmt.drop_partitions('2001-04-01', unbilled => true);
RESET ROLE;
ALTER TABLE usage_mgmt.usage OWNER TO :owner;
ALTER TABLE usage_mgmt.usage_p200103 OWNER TO :owner;
DROP OWNED BY regress_owner;
DROP ROLE regress_owner;
-- columns of the user's own on a billed usage are his to change
BEGIN;
\set ON_ERROR_ROLLBACK on
ALTER TABLE usage_mgmt.usage ADD invoice text;
UPDATE usage_mgmt.usage SET invoice = '2001-17' WHERE id = 'e';
UPDATE usage_mgmt.usage SET description = 'x' WHERE id = 'e';
SELECT id, invoice, status FROM usage_mgmt.usage WHERE id = 'e';
ROLLBACK;
\set ON_ERROR_ROLLBACK off
SELECT usage_mgmt.drop_partitions('2001-04-01', billed => true, unbilled => true) AS dropped;
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key;

-- get_usage with sixty months opens the one leaf that the ledger names
SELECT usage_mgmt.ensure_partitions('1996-01-01', '2000-12-31') AS made;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type)
	SELECT 'u' || n, timestamptz '1996-01-15 00:00+00' + n * interval '1 month', 'VOICE' FROM generate_series(0, 59) n;
CREATE VIEW pg_temp.locked AS
	SELECT count(*) AS leaves, min(relation::regclass::text) AS leaf FROM pg_locks
	WHERE pid = pg_backend_pid() AND relation IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'usage_mgmt.usage'::regclass);
BEGIN;
SELECT usage_mgmt.get_usage('u42', 'id');
TABLE pg_temp.locked;
COMMIT;
BEGIN;
SELECT usage_mgmt.get_usage('u7', 'id');
TABLE pg_temp.locked;
COMMIT;
-- also when the plan has long been kept
DO $$ BEGIN FOR n IN 1..20 LOOP PERFORM usage_mgmt.get_usage('u7'); END LOOP; END $$;
BEGIN;
SELECT usage_mgmt.get_usage('u7', 'id');
TABLE pg_temp.locked;
COMMIT;
-- the plan goes with its leaf
UPDATE usage_mgmt.usage SET usage_date = '2000-12-31' WHERE id = 'u7';
SELECT usage_mgmt.get_usage('u7', 'date');
SELECT usage_mgmt.drop_partitions('1996-09-01', unbilled => true) AS dropped;
SELECT usage_mgmt.get_usage('u1') AS gone, usage_mgmt.get_usage('u7', 'id') AS moved;
ALTER TABLE usage_mgmt.usage_p199703 RENAME TO march;
SELECT usage_mgmt.get_usage('u14', 'id');
ALTER TABLE usage_mgmt.march RENAME TO usage_p199703;
-- a plan that is kept reads the leaf, whatever table has its name by now
CREATE TABLE usage_mgmt.impostor (LIKE usage_mgmt.usage INCLUDING ALL);
INSERT INTO usage_mgmt.impostor SELECT (u).* FROM (
	SELECT jsonb_populate_record(u, '{"description": "impostor"}') AS u FROM usage_mgmt.usage u WHERE id IN ('u14', 'u15')) i;
CREATE SCHEMA regress_other;
SELECT usage_mgmt.get_usage('u14', 'id,description'), usage_mgmt.get_usage('u15', 'id,description');
ALTER TABLE usage_mgmt.usage_p199703 SET SCHEMA regress_other;
ALTER TABLE usage_mgmt.impostor RENAME TO usage_p199703;
SELECT usage_mgmt.get_usage('u14', 'id,description') AS moved;
ALTER SCHEMA regress_other RENAME TO regress_another;
CREATE SCHEMA regress_other;
ALTER TABLE usage_mgmt.usage_p199703 SET SCHEMA regress_other;
SELECT usage_mgmt.get_usage('u14', 'id,description') AS schema_renamed;
ALTER TABLE regress_another.usage_p199703 SET SCHEMA usage_mgmt;
SELECT usage_mgmt.get_usage('u14', 'id,description') AS moved_back;
ALTER TABLE usage_mgmt.usage_p199704 RENAME TO april;
ALTER TABLE regress_other.usage_p199703 RENAME TO usage_p199704;
ALTER TABLE regress_other.usage_p199704 SET SCHEMA usage_mgmt;
SELECT usage_mgmt.get_usage('u15', 'id,description') AS replaced;
ALTER TABLE usage_mgmt.usage DETACH PARTITION usage_mgmt.april;
SELECT usage_mgmt.get_usage('u15', 'id,description') AS detached;
DROP TABLE usage_mgmt.usage_p199704;
ALTER TABLE usage_mgmt.april RENAME TO usage_p199704;
ALTER TABLE usage_mgmt.usage ATTACH PARTITION usage_mgmt.usage_p199704
	FOR VALUES FROM ('1997-04-01 00:00+00') TO ('1997-05-01 00:00+00');
DROP SCHEMA regress_other, regress_another;
-- each leaf answers for its own
SELECT count(*) FROM generate_series(8, 59) n WHERE usage_mgmt.get_usage('u' || n) ->> 'id' = 'u' || n;

-- A role without SELECT gets nothing, one with SELECT on the parent needs none on the leaf
CREATE ROLE regress_reader;
GRANT USAGE ON SCHEMA usage_mgmt TO regress_reader;
SET ROLE regress_reader;
SELECT usage_mgmt.get_usage('u42', 'id');
RESET ROLE;
GRANT SELECT ON usage_mgmt.usage_p199907 TO regress_reader;
SET ROLE regress_reader;
SELECT usage_mgmt.get_usage('u42', 'id');
RESET ROLE;
GRANT SELECT ON usage_mgmt.usage TO regress_reader;
REVOKE SELECT ON usage_mgmt.usage_p199907 FROM regress_reader;
SET ROLE regress_reader;
SELECT usage_mgmt.get_usage('u42', 'id');
RESET ROLE;
-- SELECT on some columns is not enough: the record is whole or not at all
REVOKE SELECT ON usage_mgmt.usage FROM regress_reader;
GRANT SELECT (id, usage_date, usage_type) ON usage_mgmt.usage TO regress_reader;
SET ROLE regress_reader;
SELECT usage_mgmt.get_usage('u42', 'id');
RESET ROLE;
GRANT SELECT ON usage_mgmt.usage TO regress_reader;

-- A policy on the parent holds: what it hides is not there
CREATE POLICY but_one ON usage_mgmt.usage FOR SELECT TO regress_reader USING (id <> 'u42');
ALTER TABLE usage_mgmt.usage ENABLE ROW LEVEL SECURITY;
SET ROLE regress_reader;
SELECT usage_mgmt.get_usage('u42', 'id') AS hidden, usage_mgmt.get_usage('u41', 'id') AS shown;
RESET ROLE;
SELECT usage_mgmt.get_usage('u42', 'id') AS to_the_owner;
-- in one session that has its plans already, policy on and off
ALTER TABLE usage_mgmt.usage DISABLE ROW LEVEL SECURITY;
SET ROLE regress_reader;
SELECT usage_mgmt.get_usage('u42', 'id') AS shown;
RESET ROLE;
ALTER TABLE usage_mgmt.usage ENABLE ROW LEVEL SECURITY;
DROP POLICY but_one ON usage_mgmt.usage;
SET ROLE regress_reader;
SELECT usage_mgmt.get_usage('u41', 'id') AS no_policy_hides_all;
SET row_security = off;
SELECT usage_mgmt.get_usage('u41', 'id');
RESET row_security;
RESET ROLE;
ALTER TABLE usage_mgmt.usage DISABLE ROW LEVEL SECURITY;
DROP OWNED BY regress_reader;
DROP ROLE regress_reader;

TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key;
SELECT usage_mgmt.drop_partitions('2001-12-31') AS dropped;

-- A month that is divided itself: every door, every level
SELECT usage_mgmt.ensure_partitions('2001-01-01', '2001-01-01') AS made;
CREATE TABLE usage_mgmt.usage_p200102 (LIKE usage_mgmt.usage INCLUDING ALL) PARTITION BY HASH (id);
CREATE TABLE usage_mgmt.february_0 PARTITION OF usage_mgmt.usage_p200102 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE usage_mgmt.february_1 PARTITION OF usage_mgmt.usage_p200102 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
ALTER TABLE usage_mgmt.usage ATTACH PARTITION usage_mgmt.usage_p200102
	FOR VALUES FROM ('2001-02-01 00:00+00') TO ('2001-03-01 00:00+00');
SELECT id, fault FROM usage_mgmt.check_keys();
SELECT usage_mgmt.ensure_partitions('2001-02-01', '2001-02-01') AS made;
SELECT id, fault FROM usage_mgmt.check_keys();
SELECT usage_mgmt.ensure_partitions('2001-02-01', '2001-02-01') AS made;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type)
	SELECT 's' || n, '2001-02-15 00:00+00', 'VOICE' FROM generate_series(1, 4) n;
INSERT INTO usage_mgmt.usage_p200102 (id, usage_date, usage_type)
	SELECT 's' || n, '2001-02-16 00:00+00', 'VOICE' FROM generate_series(5, 8) n;
INSERT INTO usage_mgmt.usage_document
	SELECT format('{"id": "s%s", "date": "2001-02-17T00:00:00Z", "type": "VOICE"}', n) FROM generate_series(9, 12) n;
SELECT count(DISTINCT tableoid) AS leaves, count(*), count(usage_mgmt.get_usage(id)) AS got FROM usage_mgmt.usage;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('s1', '2001-02-20 00:00+00', 'VOICE');
SELECT tableoid::regclass AS leaf FROM usage_mgmt.usage WHERE id = 's1' \gset
INSERT INTO :leaf (id, usage_date, usage_type) VALUES ('s1', '2001-02-20 00:00+00', 'VOICE');
UPDATE :leaf SET usage_date = '2001-02-21 00:00+00' WHERE id = 's1';
UPDATE usage_mgmt.usage_p200102 SET usage_date = '2001-02-22 00:00+00' WHERE id = 's2';
UPDATE usage_mgmt.usage SET usage_date = '2001-01-22 00:00+00' WHERE id IN ('s3', 's9');
UPDATE usage_mgmt.usage SET usage_date = '2001-02-22 00:00+00' WHERE id = 's9';
MERGE INTO usage_mgmt.usage u USING (VALUES ('s3', '2001-02-23'), ('s4', '2001-01-23'), ('s99', '2001-02-23')) d (id, day) ON u.id = d.id
	WHEN MATCHED THEN UPDATE SET usage_date = day::timestamptz
	WHEN NOT MATCHED THEN INSERT (id, usage_date, usage_type) VALUES (d.id, day::timestamptz, 'VOICE');
DELETE FROM usage_mgmt.usage_p200102 WHERE id = 's5';
SELECT (SELECT count(*) FROM usage_mgmt.usage) AS rows, (SELECT count(*) FROM usage_mgmt.usage_key) AS keys, fault FROM usage_mgmt.check_keys()
	RIGHT JOIN (VALUES (1)) v ON true;
-- a part added later keeps no ledger until rebuild_keys()
ALTER TABLE usage_mgmt.usage_p200102 DETACH PARTITION usage_mgmt.february_1;
DROP TABLE usage_mgmt.february_1;
CREATE TABLE usage_mgmt.february_1 PARTITION OF usage_mgmt.usage_p200102 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
SELECT id, fault FROM usage_mgmt.check_keys();
SELECT usage_mgmt.rebuild_keys() AS changed;
SELECT id, fault FROM usage_mgmt.check_keys();
TRUNCATE usage_mgmt.usage_p200102;
SELECT id FROM usage_mgmt.usage_key WHERE usage_date < '2001-02-01';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('s100', '2001-02-23 00:00+00', 'VOICE');
SELECT usage_mgmt.drop_partitions('2001-03-01');
SELECT usage_mgmt.drop_partitions('2001-03-01', unbilled => true, forget_ids => true) AS dropped;
SELECT to_regclass('usage_mgmt.february_0') AS gone;
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key;

-- A month that was detached is not there, and is not taken for one
SELECT usage_mgmt.ensure_partitions('2001-01-01', '2001-02-01') AS made;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('a', '2001-01-15 00:00+00', 'VOICE'), ('b', '2001-02-15 00:00+00', 'VOICE');
ALTER TABLE usage_mgmt.usage DETACH PARTITION usage_mgmt.usage_p200101;
\set VERBOSITY default
SELECT usage_mgmt.ensure_partitions('2001-01-01', '2001-03-01') AS made;
\set VERBOSITY terse
SELECT usage_mgmt.get_usage('a') AS a, usage_mgmt.get_usage('b', 'id') AS b;
SELECT usage_mgmt.drop_partitions('2001-02-01') AS not_that_one;
ALTER TABLE usage_mgmt.usage ATTACH PARTITION usage_mgmt.usage_p200101 FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00');
SELECT usage_mgmt.get_usage('a', 'id') AS a;
SELECT id, fault FROM usage_mgmt.check_keys();
SELECT usage_mgmt.ensure_partitions('2001-01-01', '2001-02-01') AS made;
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key;

-- Foreign keys, from usage and to it
\set ON_ERROR_ROLLBACK on
BEGIN;
CREATE TABLE public.customer (id text PRIMARY KEY);
INSERT INTO public.customer VALUES ('c1'), ('c2'), ('c3');
ALTER TABLE usage_mgmt.usage ADD customer text REFERENCES public.customer ON DELETE CASCADE ON UPDATE CASCADE;
CREATE TABLE public.note (usage_id text, usage_date timestamptz,
	FOREIGN KEY (usage_id, usage_date) REFERENCES usage_mgmt.usage (id, usage_date) ON DELETE CASCADE ON UPDATE CASCADE);
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, customer) VALUES
	('a', '2001-01-05 00:00+00', 'VOICE', 'c1'), ('b', '2001-02-05 00:00+00', 'VOICE', 'c2'),
	('c', '2001-01-05 00:00+00', 'VOICE', 'c2'), ('d', '1990-01-05 00:00+00', 'VOICE', 'c3');
INSERT INTO usage_mgmt.usage_document VALUES ('{"id": "e", "date": "2001-01-06T00:00:00Z", "type": "VOICE"}');
INSERT INTO public.note SELECT id, usage_date FROM usage_mgmt.usage;
UPDATE usage_mgmt.usage SET usage_date = '2001-02-06 00:00+00' WHERE id IN ('a', 'e');
MERGE INTO usage_mgmt.usage u USING (VALUES ('c')) d (id) ON u.id = d.id WHEN MATCHED THEN UPDATE SET usage_date = '2001-02-07 00:00+00';
UPDATE public.customer SET id = 'c9' WHERE id = 'c2';
DELETE FROM public.customer WHERE id = 'c1';
SELECT id, u.usage_date, customer, k.usage_date = u.usage_date AS agrees, n.usage_date = u.usage_date AS follows
FROM usage_mgmt.usage u FULL JOIN usage_mgmt.usage_key k USING (id) FULL JOIN public.note n ON usage_id = id ORDER BY id;
-- moving rows out of the default partition would fire the key's action
\set VERBOSITY default
SELECT usage_mgmt.ensure_partitions('1990-01-01', '1990-01-01');
\set VERBOSITY terse
SELECT usage_id FROM public.note ORDER BY usage_id;
SELECT usage_mgmt.ensure_partitions('1989-01-01', '1989-01-01') AS made;
-- what is referred to stays, the rest can go (versions name the constraint in their own ways)
\set VERBOSITY sqlstate
SELECT usage_mgmt.drop_partitions('2001-03-01', unbilled => true);
\set VERBOSITY terse
DELETE FROM public.note WHERE usage_date > '2001-01-01';
SELECT usage_mgmt.drop_partitions('2001-03-01', unbilled => true) AS dropped;
DROP TABLE public.note;
SELECT usage_mgmt.ensure_partitions('1990-01-01', '1990-01-01') AS made;
SELECT id, fault FROM usage_mgmt.check_keys();
ROLLBACK;
SELECT usage_mgmt.drop_partitions('2001-12-31') AS dropped;

-- A bound is what it is however the session writes it: to who reads it IST is of another zone
SELECT usage_mgmt.ensure_partitions('2001-01-01', '2001-01-01') AS made;
SET TimeZone = 'Asia/Kolkata';
SET DateStyle = 'SQL, DMY';
SELECT usage_mgmt.drop_partitions('2001-02-01 00:00+00') AS dropped;
