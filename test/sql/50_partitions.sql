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

-- Dropped: those that end before; billed usages only when so told
SELECT usage_mgmt.drop_partitions('2001-01-31 23:59:59') AS too_early;
SELECT usage_mgmt.drop_partitions('2001-02-01');
SELECT count(*) FROM usage_mgmt.usage_p200101;
SELECT usage_mgmt.drop_partitions('2001-02-01', billed => true) AS dropped;
SELECT usage_mgmt.drop_partitions('2001-02-01', billed => true) AS again;
SELECT usage_mgmt.get_usage('first') AS gone;
-- ids stay known: none is taken again, and that is no fault
SELECT id FROM usage_mgmt.usage_key ORDER BY id;
SELECT usage_mgmt.post_usage('{"id": "first", "date": "2001-01-01T00:00:00Z", "type": "VOICE", "status": "rejected"}');
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('billed', '2001-05-01 00:00+00', 'VOICE');
SELECT count(*) AS faults FROM usage_mgmt.check_keys();
SELECT usage_mgmt.rebuild_keys() AS changed;
-- unless told to forget them
SELECT usage_mgmt.ensure_partitions('2001-02-01', '2001-02-01') AS made;
SELECT usage_mgmt.drop_partitions('2001-03-01', forget_ids => true) AS dropped;
SELECT id FROM usage_mgmt.usage_key ORDER BY id;
SELECT usage_mgmt.post_usage('{"id": "after", "date": "2001-02-01T00:00:00Z", "type": "VOICE"}') ->> 'id' AS posted;
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
SELECT usage_mgmt.drop_partitions('1996-09-01') AS dropped;
SELECT usage_mgmt.get_usage('u1') AS gone, usage_mgmt.get_usage('u7', 'id') AS moved;
ALTER TABLE usage_mgmt.usage_p199703 RENAME TO march;
SELECT usage_mgmt.get_usage('u14', 'id');
ALTER TABLE usage_mgmt.march RENAME TO usage_p199703;
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
