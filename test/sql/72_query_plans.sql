-- The plans behind query strings: months that cannot match are not read, and an
-- index is used where there is one to use.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
SET TimeZone = 'UTC';
SET DateStyle = ISO;

-- 60 months of 200 usages each. What is a DBA's to index is indexed.
DO $$ BEGIN
	PERFORM usage_mgmt.ensure_partitions('2011-01-01', '2015-12-31');
END $$;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status, usage_specification_id, usage_characteristic, related_party)
SELECT 'u' || n, timestamptz '2011-01-01 00:00+00' + n * interval '219 minutes', 'type ' || n % 50,
	CASE WHEN n % 100 = 0 THEN 'guided' ELSE 'rejected' END::usage_mgmt.usage_status, 's' || n % 50,
	format('{"duration": %s}', n % 100)::usage_mgmt.characteristics,
	ARRAY[usage_mgmt.related_party(role => 'customer', id => (n % 500)::text)]
FROM generate_series(0, 11999) n;
-- what is closed is in no index of the open ones
ALTER TABLE usage_mgmt.usage DISABLE TRIGGER zz_usage_check;
UPDATE usage_mgmt.usage SET status = 'billed' WHERE status = 'rejected';
ALTER TABLE usage_mgmt.usage ENABLE TRIGGER zz_usage_check;
CREATE INDEX regress_party ON usage_mgmt.usage USING gin (usage_mgmt.party_ids(related_party));
CREATE INDEX regress_specification ON usage_mgmt.usage (usage_specification_id);
CREATE INDEX regress_type ON usage_mgmt.usage (usage_type);
CREATE INDEX regress_characteristic ON usage_mgmt.usage USING gin (usage_characteristic);
ANALYZE usage_mgmt.usage;
-- whatever the costs of such small tables, the question is which index can serve
SET enable_seqscan = off;

CREATE FUNCTION pg_temp.plan(query text, version text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(line, E'\n') FROM usage_mgmt.explain_usages(query, version) line
$$;
-- How many of the 60 months a plan reads, whether an index serves each of them, and
-- whether the index that is wanted serves as many
CREATE FUNCTION pg_temp.reads(query text, wanted text, OUT months bigint, OUT by_index boolean, OUT by_that boolean) LANGUAGE sql AS $$
	SELECT count(DISTINCT leaf[1]), plan !~ 'Seq Scan', count(DISTINCT leaf[1]) =
		(SELECT count(DISTINCT i[1]) FROM regexp_matches(plan, '(?:using|Index Scan on) (usage_p201[1-5]\d\d)_' || wanted || '\M', 'g') i)
	FROM pg_temp.plan(query) plan, regexp_matches(plan, ' on (?:usage_mgmt\.)?(usage_p201[1-5]\d\d)\M', 'g') leaf
	GROUP BY plan
$$;
SELECT query, wanted, r.* FROM (VALUES
	(1, 'date.gte=2015-03-01&date.lt=2015-04-01', 'usage_date_idx'), (2, 'date=2015-03-01', 'usage_date_idx'),
	(3, 'date=2015-03-01,2014-06-15T10:00:00Z', 'usage_date_idx'), (4, 'date.gte=2015-11-15', 'usage_date_idx'),
	(5, 'date.lt=2011-02-01', 'usage_date_idx'), (6, 'usageDate%3E%3D2015-03-01&usageDate%3C2015-05-01', 'usage_date_idx'),
	(7, 'status=guided', 'status_usage_date_idx'), (8, 'status=guided,received', 'status_usage_date_idx'),
	(9, 'status=guided&date.gte=2015-03-01&date.lt=2015-04-01', 'status_usage_date_idx'),
	(10, 'relatedParty.id=45', 'party_ids_idx'), (11, 'relatedParty.id=45,46', 'party_ids_idx'),
	(12, 'relatedParty.role=customer&relatedParty.id=45&date.gte=2015-07-01&date.lt=2015-10-01', 'party_ids_idx'),
	(13, 'usageSpecification.id=s7', 'usage_specification_id_idx'), (14, 'usageSpecification.id=s7,s8', 'usage_specification_id_idx'),
	(15, 'usageSpecification.id=s7&date.gte=2015-12-01', 'usage_specification_id_idx'),
	(16, 'type=type+7', 'usage_type_idx'), (17, 'type=type+7,type+8', 'usage_type_idx'), (18, 'type=type+7&date.gte=2015-12-01', 'usage_type_idx'),
	(19, 'usageCharacteristic.duration=7', 'usage_characteristic_idx'), (20, 'id=u77', 'pkey'), (21, 'id=u77&date.lt=2011-02-01', 'pkey'),
	(22, 'limit=10&date.gte=2015-12-01', 'usage_date_idx'), (23, 'after=u11900&limit=10', 'usage_date_idx'),
	(24, 'after=u100&limit=10&sort=-date', 'usage_date_idx')) v (n, query, wanted), pg_temp.reads(query, wanted) r
ORDER BY n;

-- A page in the order of the date is read in that order: what is sorted is the ids of one date
SELECT query, plan ~ '  Append|^Limit' AS in_parts, plan ~ '->  Sort(\n|$)' AS sorted, plan ~ 'Incremental Sort' AS within_one_date,
	plan ~ 'Backward' AS backward
FROM (VALUES (1, 'limit=10'), (2, 'after=u100&limit=10'), (3, 'limit=10&sort=-date'), (4, 'after=u5000&limit=10&sort=-date')) v (n, query),
	pg_temp.plan(query) plan
ORDER BY n;

-- The same filters without the indexes find the same
SELECT query, usage_mgmt.count_usages(query) FROM (VALUES (1, 'status=guided&date.gte=2015-03-01&date.lt=2015-04-01'), (2, 'relatedParty.id=45,46'),
	(3, 'usageSpecification.id=s7'), (4, 'type=type+7&date.gte=2015-12-01'), (5, 'usageCharacteristic.duration=7')) v (n, query) ORDER BY n;
DROP INDEX usage_mgmt.regress_party, usage_mgmt.regress_specification, usage_mgmt.regress_type, usage_mgmt.regress_characteristic;
RESET enable_seqscan;
SELECT query, usage_mgmt.count_usages(query) FROM (VALUES (1, 'status=guided&date.gte=2015-03-01&date.lt=2015-04-01'), (2, 'relatedParty.id=45,46'),
	(3, 'usageSpecification.id=s7'), (4, 'type=type+7&date.gte=2015-12-01'), (5, 'usageCharacteristic.duration=7')) v (n, query) ORDER BY n;

-- A specification is found by its id
SELECT bool_or(line ~ 'usage_specification_pkey') AS by_key
FROM (SELECT set_config('enable_seqscan', 'off', true)) s, usage_mgmt.explain_usage_specifications('id=s1') line;

-- What a plan says is told to whoever may read the table, and nothing is run
CREATE ROLE regress_stranger;
GRANT USAGE ON SCHEMA usage_mgmt TO regress_stranger;
SET ROLE regress_stranger;
\set VERBOSITY sqlstate
SELECT usage_mgmt.explain_usages('status=guided');
\set VERBOSITY default
RESET ROLE;
REVOKE ALL ON SCHEMA usage_mgmt FROM regress_stranger;
DROP ROLE regress_stranger;

SET client_min_messages = warning;
TRUNCATE usage_mgmt.usage;
-- so many partitions would be planned over by every later chapter
DO $$ BEGIN
	PERFORM usage_mgmt.drop_partitions('2016-01-01');
END $$;
