-- Tables of an older version: what it did not know and has a column now moves there
-- out of extra, and nothing else becomes of the rows.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';
SET DateStyle = ISO;

SELECT usage_mgmt.ensure_partitions('2001-01-01', '2001-01-31');
SELECT count(usage_mgmt.post_usage(body, 'v4')) FROM (VALUES
	('{"id": "a", "usageDate": "2001-01-05", "usageType": "Voice", "@type": "VoiceUsage", "@baseType": "Usage", "@schemaLocation": "http://s/1", "zone": 1}'::json),
	('{"id": "b", "usageDate": "2001-01-06", "usageType": "Voice", "@type": "VoiceUsage"}'),
	('{"id": "billed", "usageDate": "2001-01-07", "usageType": "Voice", "status": "billed", "@type": "VoiceUsage", "ratedProductUsage": [{"ratingDate": "2001-02-01", "isBilled": true,
	  "taxIncludedRatingAmount": {"unit": "EUR", "value": 12}, "taxExcludedRatingAmount": {"unit": "EUR", "value": 10}, "taxRate": 20, "productRef": {"id": "1"}}]}'),
	('{"id": "default", "usageDate": "1999-01-07", "usageType": "Voice", "@baseType": "Usage"}'),
	('{"id": "none", "usageDate": "2001-01-08", "usageType": "Voice", "zone": {"@type": "x"}}')) v (body);
SELECT count(usage_mgmt.post_usage_specification(body, 'v4')) FROM (VALUES
	('{"id": "s", "name": "Voice", "lifecycleStatus": "retired", "@type": "VoiceSpecification", "zone": 1}'::json), ('{"id": "t", "name": "Data"}')) v (body);
-- triggers of the user's, in every mode, on the table and on one month
CREATE FUNCTION public.fired() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE '% fired', TG_NAME;
END
$$;
CREATE TRIGGER a_row BEFORE UPDATE ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION fired();
CREATE TRIGGER a_statement AFTER UPDATE ON usage_mgmt.usage FOR EACH STATEMENT EXECUTE FUNCTION fired();
CREATE TRIGGER a_always AFTER UPDATE ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION fired();
CREATE TRIGGER a_replica BEFORE UPDATE ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION fired();
CREATE TRIGGER a_disabled BEFORE UPDATE ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION fired();
CREATE TRIGGER a_leaf BEFORE UPDATE ON usage_mgmt.usage_p200101 FOR EACH ROW EXECUTE FUNCTION fired();
CREATE TRIGGER a_specification BEFORE UPDATE ON usage_mgmt.usage_specification FOR EACH ROW EXECUTE FUNCTION fired();
ALTER TABLE usage_mgmt.usage ENABLE ALWAYS TRIGGER a_always;
ALTER TABLE usage_mgmt.usage ENABLE REPLICA TRIGGER a_replica;
ALTER TABLE usage_mgmt.usage DISABLE TRIGGER a_disabled;
ALTER TABLE usage_mgmt.usage_p200101 DISABLE TRIGGER a_row;
CREATE VIEW pg_temp.facts AS
	SELECT 'usage ' || id AS what, ROW(tableoid::regclass, received_at, changed_at)::text AS fact FROM usage_mgmt.usage
	UNION ALL SELECT 'key ' || id, ROW(k.xmin, k.*)::text FROM usage_mgmt.usage_key k
	UNION ALL SELECT 'specification ' || id, ROW(received_at, changed_at)::text FROM usage_mgmt.usage_specification
	UNION ALL SELECT format('trigger %s of %s', tgname, tgrelid::regclass), tgenabled::text FROM pg_trigger
		WHERE tgrelid::regclass::text ~ '^usage_mgmt\.' AND NOT tgisinternal;
CREATE TEMP TABLE before AS TABLE pg_temp.facts;
CREATE TEMP TABLE shown AS SELECT id, v.version, usage_mgmt.to_tmf(u, v.version)::text AS document FROM usage_mgmt.usage u, (VALUES ('r14.5'), ('v4')) v (version)
	UNION ALL SELECT id, v.version, usage_mgmt.to_tmf(s, v.version)::text FROM usage_mgmt.usage_specification s, (VALUES ('r14.5'), ('v4')) v (version);

-- as an older version had them
BEGIN;
SET LOCAL session_replication_role = replica;
ALTER TABLE usage_mgmt.usage DISABLE TRIGGER a_always;
ALTER TABLE usage_mgmt.usage DISABLE TRIGGER a_replica;
UPDATE usage_mgmt.usage SET extra = NULLIF(COALESCE(extra, '{}') || jsonb_strip_nulls(jsonb_build_object('@type', type, '@baseType', base_type, '@schemaLocation', schema_location)), '{}');
UPDATE usage_mgmt.usage_specification SET extra = NULLIF(COALESCE(extra, '{}') || jsonb_strip_nulls(jsonb_build_object('@type', type)), '{}');
-- values of any kind, as it took them
UPDATE usage_mgmt.usage SET extra = '{"@type": 7.50, "@baseType": {"a": [1]}, "@schemaLocation": true}' WHERE id = 'b';
ALTER TABLE usage_mgmt.usage ENABLE ALWAYS TRIGGER a_always;
ALTER TABLE usage_mgmt.usage ENABLE REPLICA TRIGGER a_replica;
SET LOCAL session_replication_role = origin;
DROP VIEW usage_api.usage, usage_api.usage_specification;
ALTER TABLE usage_mgmt.usage DROP COLUMN type, DROP COLUMN base_type, DROP COLUMN schema_location;
ALTER TABLE usage_mgmt.usage_specification DROP COLUMN type, DROP COLUMN base_type, DROP COLUMN schema_location;
SAVEPOINT older;
SELECT usage_mgmt.count_usages('@type=VoiceUsage');
ROLLBACK TO older;
SELECT usage_mgmt.install_tables();
SELECT * FROM (TABLE before EXCEPT TABLE pg_temp.facts) gone;
SELECT * FROM (TABLE pg_temp.facts EXCEPT TABLE before) come;
SELECT id, type, base_type, schema_location, extra FROM usage_mgmt.usage ORDER BY id;
SELECT id, type, extra FROM usage_mgmt.usage_specification ORDER BY id;
SELECT array_agg(usage ->> 'id') AS found FROM usage_mgmt.get_usages('@type=VoiceUsage&sort=id') usage;
SELECT usage_mgmt.count_usages('@type.ne=VoiceUsage'), usage_mgmt.count_usage_specifications('@type=VoiceSpecification');
-- the documents are what they were
SELECT id, shown.version FROM shown JOIN usage_mgmt.usage u USING (id) WHERE document <> usage_mgmt.to_tmf(u, shown.version)::text AND id <> 'b';
SELECT id, shown.version FROM shown JOIN usage_mgmt.usage_specification s USING (id) WHERE document <> usage_mgmt.to_tmf(s, shown.version)::text;
-- and a second time there is nothing to do
CREATE TEMP TABLE rows AS SELECT id, ROW(u.xmin, ctid, tableoid)::text AS version FROM usage_mgmt.usage u;
SELECT usage_mgmt.install_tables();
SELECT count(*) AS untouched FROM rows JOIN usage_mgmt.usage u USING (id) WHERE version = ROW(u.xmin, u.ctid, u.tableoid)::text;
-- the rules hold for the new columns
DROP FUNCTION public.fired CASCADE;
UPDATE usage_mgmt.usage SET description = 'billed all the same' WHERE id = 'billed';
SAVEPOINT billed;
UPDATE usage_mgmt.usage SET type = 'other' WHERE id = 'billed';
ROLLBACK;

SET client_min_messages = warning;
DROP FUNCTION public.fired CASCADE;
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification;
SELECT usage_mgmt.drop_partitions('2001-02-01');
