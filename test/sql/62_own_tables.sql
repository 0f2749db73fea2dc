-- Rows that no rule has seen: tables of one's own under the same triggers and
-- functions, rows stored with the triggers off, and rows that pose as checked.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';

-- A row without an id has no address, and nothing falls over it
SELECT usage_mgmt.to_tmf(jsonb_populate_record(NULL::usage_mgmt.usage, '{"usage_type": "Voice"}'));
SELECT usage_mgmt.to_tmf(jsonb_populate_record(NULL::usage_mgmt.usage_specification, '{"name": "Voice"}'), 'v4');

CREATE ROLE usage_mgmt_own;
-- a right that nobody has by default
GRANT EXECUTE ON FUNCTION usage_mgmt.usage_check(), usage_mgmt.usage_keys() TO usage_mgmt_own;
GRANT USAGE ON SCHEMA usage_mgmt TO usage_mgmt_own;
CREATE SCHEMA own AUTHORIZATION usage_mgmt_own;
SET ROLE usage_mgmt_own;
CREATE TYPE own.row AS (id text, usage_date timestamptz, usage_type text, description text,
	status usage_mgmt.usage_status, usage_specification_id text, usage_specification_href text,
	usage_specification_name text, usage_characteristic usage_mgmt.characteristics,
	related_party usage_mgmt.related_party[], rated_product_usage usage_mgmt.rated_product_usage[],
	rejection jsonb, extra jsonb, received_at timestamptz, changed_at timestamptz, load_id bigint,
	type text, base_type text, schema_location text);
CREATE TABLE own.usage OF own.row;
INSERT INTO own.usage (status) VALUES ('billed');
CREATE TRIGGER usage_check BEFORE UPDATE OR DELETE ON own.usage
	FOR EACH ROW EXECUTE FUNCTION usage_mgmt.usage_check();
DELETE FROM own.usage;
UPDATE own.usage SET id = 'x';
CREATE TABLE own.parts (LIKE own.usage) PARTITION BY RANGE (usage_date);
CREATE TABLE own.parts_default PARTITION OF own.parts DEFAULT;
CREATE TRIGGER keys_insert AFTER INSERT ON own.parts REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_keys();
CREATE TRIGGER keys_update AFTER UPDATE ON own.parts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_keys();
-- without an id there is no key, with one the ledger is not his to write
INSERT INTO own.parts (status) VALUES ('received');
UPDATE own.parts SET id = 'x';
INSERT INTO own.parts (id, usage_date, status) VALUES ('x', '2026-01-01', 'received');
-- only a row of the tables themselves has a hash
SELECT usage_mgmt.content_hash(r) FROM (SELECT id, usage_date, usage_type, description, status,
	usage_specification_id, usage_specification_href, usage_specification_name, usage_characteristic,
	related_party, rated_product_usage, 4711::bigint AS rejection, extra, received_at, changed_at,
	load_id, type, base_type, schema_location FROM own.usage) r;
RESET ROLE;
SET client_min_messages = warning;
DROP SCHEMA own CASCADE;
RESET client_min_messages;

-- A null among the parties, as no rule lets in
SET session_replication_role = replica;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, related_party)
	VALUES ('null', '2001-01-01', 'Voice', ARRAY[NULL]::usage_mgmt.related_party[]);
RESET session_replication_role;
SELECT usage_mgmt.rebuild_keys();
UPDATE usage_mgmt.usage SET related_party = related_party || NULL::usage_mgmt.related_party WHERE id = 'null';
-- left alone it stays
SELECT usage_mgmt.patch_usage('null', '{"description": "x", "unknown": 1}', NULL, 'r14.5');
SELECT usage_mgmt.patch_usage('null', '{"description": "x", "unknown": 1}', NULL, 'v4');
SELECT usage_mgmt.patch_usages('id=null', '{"description": "x", "unknown": 1}');
SELECT usage_mgmt.get_usage('null', NULL, 'r14.5');
SELECT usage_mgmt.delete_usage('null');

-- What takes the place of a row that was to move is no move
SELECT usage_mgmt.post_usage('{"id": "moved", "date": "2001-01-05", "type": "Voice"}', 'r14.5') IS NULL AS lost;
BEGIN;
UPDATE usage_mgmt.usage SET usage_date = '2001-01-06' WHERE id = 'moved';
DELETE FROM usage_mgmt.usage WHERE id = 'moved';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status, rejection, received_at, changed_at)
	SELECT 'moved', '2001-01-06', 'Voice', 'billed', '{"delivered_status": "received"}', now(), now();
ROLLBACK;
BEGIN;
UPDATE usage_mgmt.usage SET usage_date = now(), received_at = now() WHERE id = 'moved';
DELETE FROM usage_mgmt.usage WHERE id = 'moved';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status, received_at, changed_at)
	VALUES ('moved', 'infinity', 'Voice', 'received', 'infinity', now());
ROLLBACK;
-- nor one that a trigger changes on its way: what arrives is checked, unless it is the row that left
CREATE FUNCTION pg_temp.meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RETURN jsonb_populate_record(NEW, current_setting('my.change')::jsonb);
END
$$;
CREATE TRIGGER meddle BEFORE INSERT ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION pg_temp.meddle();
CREATE FUNCTION pg_temp.moved_with(change text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('my.change', change, true);
	UPDATE usage_mgmt.usage SET usage_date = '2001-02-05' WHERE id = 'moved';
	RAISE SQLSTATE 'ZZ999' USING MESSAGE = (SELECT concat_ws(' ', tableoid::regclass, status, changed_at = now()) FROM usage_mgmt.usage WHERE id = 'moved');
EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
	RETURN SQLERRM;
WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT usage_mgmt.ensure_partitions('2001-01-01', '2001-03-01');
SELECT change, pg_temp.moved_with(change) FROM unnest(ARRAY['{}', '{"status": "guided"}', '{"status": "billed"}', '{"status": "billed", "rejection": {"delivered_status": "received"}}',
	'{"usage_type": " "}', '{"usage_date": "2001-02-06"}', '{"id": "other"}']) change;
DROP TRIGGER meddle ON usage_mgmt.usage;

-- A row that a trigger lets vanish on its way leaves the others' keys right
CREATE FUNCTION pg_temp.swallow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RETURN CASE WHEN NEW.id = 'a' AND NEW.usage_date >= '2001-03-01' THEN NULL ELSE NEW END;
END
$$;
CREATE TRIGGER swallow BEFORE INSERT ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION pg_temp.swallow();
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type)
	VALUES ('a', '2001-02-03', 'Voice'), ('b', '2001-02-05', 'Voice'), ('c', '2001-02-07', 'Voice');
UPDATE usage_mgmt.usage SET usage_date = CASE id WHEN 'a' THEN '2001-03-03'::timestamptz
	WHEN 'b' THEN '2001-02-03' ELSE '2001-02-05' END WHERE id IN ('a', 'b', 'c');
SELECT * FROM usage_mgmt.check_keys();
DROP TRIGGER swallow ON usage_mgmt.usage;

-- A partition of somebody else's is read through the parent
CREATE TABLE usage_mgmt.usage_1999 PARTITION OF usage_mgmt.usage FOR VALUES FROM ('1999-01-01') TO ('1999-02-01');
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('there', '1999-01-01', 'Voice');
ALTER TABLE usage_mgmt.usage OWNER TO usage_mgmt_own;
ALTER TABLE usage_mgmt.usage_key OWNER TO usage_mgmt_own;
SET ROLE usage_mgmt_own;
SELECT usage_mgmt.get_usage('there', 'none', 'r14.5');
RESET ROLE;
ALTER TABLE usage_mgmt.usage OWNER TO CURRENT_USER;
ALTER TABLE usage_mgmt.usage_key OWNER TO CURRENT_USER;
DROP TABLE usage_mgmt.usage_1999;

-- Nobody learns of what he may not see by asking what comes after it
GRANT SELECT ON usage_mgmt.usage TO usage_mgmt_own;
ALTER TABLE usage_mgmt.usage ENABLE ROW LEVEL SECURITY;
SET ROLE usage_mgmt_own;
SELECT usage_mgmt.get_usages('after=b');
SELECT usage_mgmt.get_usages('after=nobody');
RESET ROLE;
ALTER TABLE usage_mgmt.usage DISABLE ROW LEVEL SECURITY;
REVOKE SELECT ON usage_mgmt.usage FROM usage_mgmt_own;
SELECT usage_mgmt.get_usages('after=b&fields=none', 'r14.5');

-- Operators of the caller's search_path are not asked
SELECT usage_mgmt.post_usage_specification('{"id": "s", "name": "Voice", "usageSpecCharacteristic":
	[{"name": "duration", "usageSpecCharacteristicValue": [{"valueType": "number"}]}]}') IS NULL AS lost;
CREATE FUNCTION public.not_this(jsonb, jsonb) RETURNS jsonb IMMUTABLE LANGUAGE sql AS 'SELECT NULL::jsonb';
CREATE OPERATOR public.-> (LEFTARG = jsonb, RIGHTARG = jsonb, FUNCTION = public.not_this);
CREATE OPERATOR public.->> (LEFTARG = jsonb, RIGHTARG = jsonb, FUNCTION = public.not_this);
SELECT usage_mgmt.count_usage_specifications('usageSpecCharacteristic.usageSpecCharacteristicValue.valueType=number', 'r14.5');
SET client_min_messages = warning;
DROP FUNCTION public.not_this CASCADE;
RESET client_min_messages;

SELECT usage_mgmt.drop_partitions('2001-04-01', unbilled => true);
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification;
DELETE FROM usage_mgmt.usage_key;
REVOKE ALL ON SCHEMA usage_mgmt FROM usage_mgmt_own;
REVOKE ALL ON FUNCTION usage_mgmt.usage_check(), usage_mgmt.usage_keys() FROM usage_mgmt_own;
DROP ROLE usage_mgmt_own;
