-- A usage against its specification: off, reject or mark.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
\getenv folder PG_ABS_SRCDIR
\set cloud `cat :'folder'/data/usage-cloud.json`
\set voice `cat :'folder'/data/usage-voice.json`
\set cloud_specification `cat :'folder'/data/usageSpecification-cloud.json`
\set voice_specification `cat :'folder'/data/usageSpecification-voice.json`

CREATE FUNCTION pg_temp.faults(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	EXECUTE statement;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	IF detail NOT LIKE '[{%' THEN
		RETURN SQLSTATE || ' ' || SQLERRM;
	END IF;
	RETURN (SELECT string_agg(concat_ws(' ', f ->> 'code', f ->> 'path', f ->> 'message'), E'\n')
		FROM json_array_elements(detail::json) f);
END
$$;

-- The seeds' own samples break their specifications, hence the default
SELECT value FROM usage_mgmt.setting WHERE name = 'check_specification';
SELECT usage_mgmt.post_usage_specification(:'cloud_specification') ->> 'id' AS cloud,
	usage_mgmt.post_usage_specification(:'voice_specification') ->> 'id' AS voice;
-- the samples lack the product that was rated; it is added here
SELECT jsonb_set(:'cloud', '{ratedProductUsage,0,productRef}', '"http://s/product/1"') AS cloud,
	jsonb_set(:'voice', ARRAY['ratedProductUsage '], jsonb_build_array(
		(:'voice'::jsonb -> 'ratedProductUsage ' -> 0) || '{"productRef": "http://s/product/1"}')) AS voice \gset
SELECT usage_mgmt.post_usage(:'cloud') ->> 'status' AS cloud, usage_mgmt.post_usage(:'voice') ->> 'status' AS voice;
TRUNCATE usage_mgmt.usage;
UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'check_specification';
SELECT pg_temp.faults(format('SELECT usage_mgmt.post_usage(%L)', :'cloud')) AS cloud;
SELECT pg_temp.faults(format('SELECT usage_mgmt.post_usage(%L)', :'voice')) AS voice;
SELECT count(*) FROM usage_mgmt.usage;

-- What fits: known, of its value type, in its list or range
SELECT usage_mgmt.post_usage_specification($$ {"id": "fit", "usageSpecCharacteristic": [
	{"name": "any"},
	{"name": "number", "usageSpecCharacteristicValue": [{"valueType": "number"}]},
	{"name": "range", "usageSpecCharacteristicValue": [{"valueType": "number", "valueFrom": "0", "valueTo": "10"},
		{"valueType": "number", "valueFrom": "100"}]},
	{"name": "list", "usageSpecCharacteristicValue": [{"valueType": "string", "value": "SEC"},
		{"valueType": "string", "value": "MIN"}, {"valueType": "number", "value": 7}]},
	{"name": "truth", "usageSpecCharacteristicValue": [{"valueType": "boolean"}]},
	{"name": "time", "usageSpecCharacteristicValue": [{"valueType": "dateTime", "valueFrom": "2001-01-01T00:00:00Z"}]},
	{"name": "odd", "usageSpecCharacteristicValue": [{"valueType": "fathom"}]}]} $$) ->> 'id' AS id;
CREATE FUNCTION pg_temp.fits(characteristics text, specification text DEFAULT 'fit') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found text := pg_temp.faults(format('INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, usage_specification_id,
		usage_characteristic) VALUES (%L, %L, %L, %L, %L)', 'u', '2001-01-15 12:00+00', 'T', specification, characteristics));
BEGIN
	DELETE FROM usage_mgmt.usage WHERE id = 'u';
	RETURN found;
END
$$;
SELECT c, pg_temp.fits(c) FROM unnest(ARRAY[
	'{"any": {"deep": [1]}}', '{"number": 1}', '{"number": "1"}', '{"number": " 1e3 "}', '{"number": "one"}', '{"number": true}',
	'{"range": 0}', '{"range": "10.0"}', '{"range": 10.01}', '{"range": -1}', '{"range": 100}', '{"range": 1e9}',
	'{"list": "SEC"}', '{"list": "sec"}', '{"list": "7"}', '{"list": 7.0}', '{"list": 8}',
	'{"truth": true}', '{"truth": "False"}', '{"truth": 1}',
	'{"time": "2001-01-01T01:00:00+01:00"}', '{"time": "2000-12-31T23:59:59Z"}', '{"time": "soon"}',
	'{"odd": "x"}', '{"unknown": 1}', '{}']) c;
-- every fault comes, at its place among the record's others
SELECT pg_temp.fits('[{"name": "number", "value": 1}, {"name": "range", "value": 11}, {"value": 5},
	{"name": "unknown", "value": 1}, {"name": "range", "value": 12}]');
-- a usage without specification, or with one that is not in the store, is not checked
SELECT pg_temp.fits('{"unknown": 1}', NULL) AS none, pg_temp.fits('{"unknown": 1}', 'elsewhere') AS elsewhere;
-- a specification that arrives, changes or goes is seen at once
SELECT usage_mgmt.post_usage_specification('{"id": "elsewhere"}') ->> 'id' AS id;
SELECT pg_temp.fits('{"unknown": 1}', 'elsewhere') AS arrived;
UPDATE usage_mgmt.usage_specification SET usage_spec_characteristic = '[{"name": "unknown"}]' WHERE id = 'elsewhere';
SELECT pg_temp.fits('{"unknown": 1}', 'elsewhere') AS changed;
BEGIN;
UPDATE usage_mgmt.usage_specification SET usage_spec_characteristic = '[{"name": "other"}]' WHERE id = 'elsewhere';
SELECT pg_temp.fits('{"unknown": 1}', 'elsewhere') AS within;
ROLLBACK;
SELECT pg_temp.fits('{"unknown": 1}', 'elsewhere') AS taken_back;
BEGIN;
SAVEPOINT s;
DELETE FROM usage_mgmt.usage_specification WHERE id = 'elsewhere';
SELECT pg_temp.fits('{"other": 1}', 'elsewhere') AS gone;
ROLLBACK TO SAVEPOINT s;
SELECT pg_temp.fits('{"other": 1}', 'elsewhere') AS back;
COMMIT;
BEGIN;
TRUNCATE usage_mgmt.usage_specification;
SELECT pg_temp.fits('{"other": 1}', 'elsewhere') AS truncated;
ROLLBACK;
SELECT pg_temp.fits('{"other": 1}', 'elsewhere') AS back;
-- and what a statement saw of its own change goes when it fails; it fails where the usage was accepted
CREATE FUNCTION pg_temp.fail(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	failed text := 'did not fail';
BEGIN
	UPDATE usage_mgmt.usage_specification SET name = 'read anew' WHERE id = 'elsewhere';
	BEGIN
		EXECUTE format('WITH changed AS (%s RETURNING id) SELECT 1 / (length(pg_temp.fits($1, id)) - length($2)) FROM changed', change)
			USING '{"passing": 1}', 'accepted';
	EXCEPTION WHEN division_by_zero THEN
		failed := 'failed';
	END;
	RETURN concat_ws(', ', failed, pg_temp.fits('{"passing": 1}', 'elsewhere'), pg_temp.fits('{"unknown": 1}', 'elsewhere'));
END
$$;
SELECT change, pg_temp.fail(change) FROM unnest(ARRAY[
	$$UPDATE usage_mgmt.usage_specification SET usage_spec_characteristic = '[{"name": "passing"}]' WHERE id = 'elsewhere'$$,
	$$DELETE FROM usage_mgmt.usage_specification WHERE id = 'elsewhere'$$,
	$$INSERT INTO usage_mgmt.usage_specification (id) VALUES ('elsewhere') ON CONFLICT ON CONSTRAINT usage_specification_pkey
		DO UPDATE SET usage_spec_characteristic = '[{"name": "passing"}]'$$]) change;
CREATE FUNCTION pg_temp.see() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION '%', pg_temp.fits('{"passing": 1}', 'elsewhere');
END
$$;
CREATE TRIGGER a_see AFTER UPDATE ON usage_mgmt.usage_specification FOR EACH ROW EXECUTE FUNCTION pg_temp.see();
CREATE TRIGGER a_see_truncated AFTER TRUNCATE ON usage_mgmt.usage_specification FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.see();
BEGIN;
SAVEPOINT s;
UPDATE usage_mgmt.usage_specification SET usage_spec_characteristic = '[{"name": "passing"}]' WHERE id = 'elsewhere';
ROLLBACK TO SAVEPOINT s;
SELECT pg_temp.fits('{"passing": 1}', 'elsewhere') AS after_update;
SAVEPOINT t;
TRUNCATE usage_mgmt.usage_specification;
ROLLBACK TO SAVEPOINT t;
SELECT pg_temp.fits('{"passing": 1}', 'elsewhere') AS after_truncate;
COMMIT;
SELECT pg_temp.fits('{"passing": 1}', 'elsewhere') AS after_all;
DROP TRIGGER a_see ON usage_mgmt.usage_specification;
DROP TRIGGER a_see_truncated ON usage_mgmt.usage_specification;

-- Rejected stays possible, billed cannot be mended any more; else each result is checked
SELECT s AS status, pg_temp.faults(format('INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status,
	usage_specification_id, usage_characteristic, rated_product_usage) VALUES (%L, %L, %L, %L, %L, %L, %L)', s,
	'2001-01-15 12:00+00', 'T', s, 'fit', '{"unknown": 1}', ARRAY[usage_mgmt.rated_product_usage(
		rating_date => '2001-02-01 00:00+00', tax_included_rating_amount => 12, tax_excluded_rating_amount => 10,
		tax_rate => 20, currency_code => 'EUR', product_ref_id => '1')]))
FROM unnest(enum_range(NULL::usage_mgmt.usage_status)) s;
UPDATE usage_mgmt.setting SET value = 'off' WHERE name = 'check_specification';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, usage_specification_id, usage_characteristic)
	VALUES ('old', '2001-01-15 12:00+00', 'T', 'fit', '{"unknown": 1}');
UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'check_specification';
SELECT pg_temp.faults($$UPDATE usage_mgmt.usage SET description = 'x' WHERE id = 'old'$$) AS changed,
	pg_temp.faults($$UPDATE usage_mgmt.usage SET status = 'guided' WHERE id = 'old'$$) AS guided,
	pg_temp.faults($$UPDATE usage_mgmt.usage SET status = 'rejected' WHERE id = 'old'$$) AS rejected;
TRUNCATE usage_mgmt.usage;

-- mark: what arrives is stored as rejected, with the reasons and how it came
UPDATE usage_mgmt.setting SET value = 'mark' WHERE name = 'check_specification';
SELECT usage_mgmt.post_usage(:'cloud') ->> 'status' AS cloud, usage_mgmt.post_usage(:'voice') ->> 'status' AS voice;
SELECT id, status, rejection ->> 'delivered_status' AS delivered_status, f.path, f.code, f.message
FROM usage_mgmt.usage, jsonb_to_recordset(rejection -> 'faults') f (path text, code text, message text) ORDER BY id, path;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, usage_specification_id, usage_characteristic) VALUES
	('bad', '2001-01-15 12:00+00', 'T', 'fit', '{"range": 11}'), ('good', '2001-01-15 12:00+00', 'T', 'fit', '{"range": 10}');
COPY usage_mgmt.usage (id, usage_date, usage_type, usage_specification_id, usage_characteristic) FROM STDIN;
copied	2001-01-15 12:00+00	T	fit	{"range": 11}
\.
SELECT id, status, rejection ->> 'delivered_status' AS delivered_status, jsonb_array_length(rejection -> 'faults') AS faults
FROM usage_mgmt.usage WHERE usage_specification_id = 'fit' ORDER BY id;
-- the faults of a record are no matter of marking
SELECT pg_temp.faults($$INSERT INTO usage_mgmt.usage (id, usage_date, usage_specification_id, usage_characteristic)
	VALUES ('u', '2001-01-15 12:00+00', 'fit', '{"range": 11}')$$);

-- The same delivery again is a repeat; other content is not
SELECT usage_mgmt.post_usage(:'cloud') ->> 'status' AS cloud, usage_mgmt.post_usage(:'voice') ->> 'status' AS voice;
SELECT pg_temp.faults(format('SELECT usage_mgmt.post_usage(%L)', :'voice'::jsonb || '{"status": "guided"}'));
SELECT pg_temp.faults(format('SELECT usage_mgmt.post_usage(%L)', :'voice'::jsonb || '{"type": "DATA"}'));
-- and so is what the store gives, by any door and in any version
SELECT id, usage_mgmt.post_usage(usage_mgmt.get_usage(id)) ->> 'status' AS "r14.5",
	usage_mgmt.post_usage(usage_mgmt.get_usage(id, version => 'v4'), 'v4') ->> 'status' AS v4
FROM (SELECT id FROM usage_mgmt.usage ORDER BY id) u;
INSERT INTO usage_mgmt.usage_document SELECT document FROM usage_mgmt.usage_document;
SELECT pg_temp.faults(format('INSERT INTO usage_mgmt.usage_document VALUES (%L)', :'voice'::json)) AS voice;
-- neither status is what differs
SELECT pg_temp.faults(format('SELECT usage_mgmt.post_usage(%L)', :'voice'::jsonb || '{"relatedParty": []}')) AS delivered,
	pg_temp.faults(format('SELECT usage_mgmt.post_usage(%L)', usage_mgmt.get_usage('1234')::jsonb || '{"relatedParty": []}')) AS given;
SELECT count(*) AS other_hashes FROM usage_mgmt.usage u JOIN usage_mgmt.usage_key k USING (id)
WHERE k.content_hash <> usage_mgmt.content_hash(u);

-- An update is refused, not marked
SELECT pg_temp.faults($$UPDATE usage_mgmt.usage SET usage_characteristic = '{"range": 12}' WHERE id = 'good'$$) AS updated,
	pg_temp.faults($$SELECT usage_mgmt.put_usage('good', '{"date": "2001-01-15", "type": "T",
		"usageSpecification": {"id": "fit"}, "usageCharacteristic": {"range": 12}}')$$) AS put;
SELECT status, usage_characteristic, rejection FROM usage_mgmt.usage WHERE id = 'good';

-- Recycled: the reasons are cleared, and the record must fit now
SELECT pg_temp.faults($$UPDATE usage_mgmt.usage SET status = 'recycled' WHERE id = 'bad'$$);
SELECT rejection IS NOT NULL AS kept FROM usage_mgmt.usage WHERE id = 'bad';
UPDATE usage_mgmt.usage SET status = 'recycled', usage_characteristic = '{"range": 9}' WHERE id = 'bad';
SELECT status, rejection FROM usage_mgmt.usage WHERE id = 'bad';
-- and what was delivered first is still a repeat, as is what is there now
SELECT usage_mgmt.post_usage('{"id": "bad", "date": "2001-01-15T12:00:00Z", "type": "T", "usageSpecification": {"id": "fit"},
	"usageCharacteristic": {"range": 11}}') ->> 'status' AS first,
	usage_mgmt.post_usage('{"id": "bad", "date": "2001-01-15T12:00:00Z", "type": "T", "status": "recycled",
	"usageSpecification": {"id": "fit"}, "usageCharacteristic": {"range": 9}}') ->> 'status' AS now;

-- A row that only moves to another partition is never marked, though it is inserted there
SELECT usage_mgmt.ensure_partitions('2001-01-01', '2001-02-01') AS made;
UPDATE usage_mgmt.setting SET value = 'off' WHERE name = 'check_specification';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status, usage_specification_id, usage_characteristic) VALUES
	('mover', '2001-01-15 12:00+00', 'T', 'rejected', 'fit', '{"unknown": 1}'),
	('stray', '2001-01-15 12:00+00', 'T', 'guided', 'fit', '{"unknown": 1}'),
	('fine', '2001-01-15 12:00+00', 'T', 'guided', 'fit', '{"range": 1}');
UPDATE usage_mgmt.setting SET value = 'mark' WHERE name = 'check_specification';
UPDATE usage_mgmt.usage SET usage_date = '2001-02-15 12:00+00' WHERE id IN ('mover', 'fine');
SELECT pg_temp.faults($$UPDATE usage_mgmt.usage SET usage_date = '2001-02-15 12:00+00' WHERE id = 'stray'$$);
SELECT id, tableoid::regclass AS leaf, status, rejection FROM usage_mgmt.usage WHERE id IN ('mover', 'fine', 'stray') ORDER BY id;
-- so that its specification may change while it does
CREATE FUNCTION pg_temp.narrow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE usage_mgmt.usage_specification SET usage_spec_characteristic = '[{"name": "none"}]' WHERE id = 'fit';
	RETURN NEW;
END
$$;
CREATE TRIGGER a_narrow BEFORE INSERT ON usage_mgmt.usage_p200101 FOR EACH ROW EXECUTE FUNCTION pg_temp.narrow();
BEGIN;
UPDATE usage_mgmt.usage SET usage_date = '2001-01-15 12:00+00' WHERE id = 'fine';
SELECT id, tableoid::regclass AS leaf, status, rejection FROM usage_mgmt.usage WHERE id = 'fine';
-- another row with its id is none that moves
DELETE FROM usage_mgmt.usage WHERE id = 'fine';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status, usage_specification_id, usage_characteristic) VALUES
	('fine', '2001-01-15 12:00+00', 'T', 'guided', 'fit', '{"range": 2}');
SELECT id, status FROM usage_mgmt.usage WHERE id = 'fine';
ROLLBACK;

-- What was rated before the check was ordered can be billed as it is, and as nothing else
UPDATE usage_mgmt.setting SET value = 'off' WHERE name = 'check_specification';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status, usage_specification_id, usage_characteristic, rated_product_usage)
	SELECT 'rated', '2001-01-15 12:00+00', 'T', 'rated', 'fit', '{"unknown": 1}', ARRAY[usage_mgmt.rated_product_usage(rating_date => now(),
		tax_included_rating_amount => 1, tax_excluded_rating_amount => 1, tax_rate => 0, currency_code => 'EUR', product_ref => 'p/1')];
UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'check_specification';
SELECT pg_temp.faults($$UPDATE usage_mgmt.usage SET usage_characteristic = '{"other": 1}' WHERE id = 'rated'$$);
SELECT pg_temp.faults($$UPDATE usage_mgmt.usage SET status = 'billed', usage_characteristic = '{"other": 1}' WHERE id = 'rated'$$);
UPDATE usage_mgmt.usage SET status = 'billed' WHERE id = 'rated';
SELECT id, status, usage_characteristic FROM usage_mgmt.usage WHERE id = 'rated';

-- Bounds of what is no number and no time are those of text, in the order of bytes
SELECT usage_mgmt.post_usage_specification($$ {"id": "worded", "usageSpecCharacteristic": [
	{"name": "grade", "usageSpecCharacteristicValue": [{"valueType": "string", "valueFrom": "B", "valueTo": "Mi"}]}]} $$) ->> 'id' AS id;
SELECT grade, pg_temp.fits(format('{"grade": "%s"}', grade), 'worded') AS faults
FROM unnest('{A,B,BB,a,M,Mi,Mia,N,10,2001-01-01}'::text[]) WITH ORDINALITY g (grade, n) ORDER BY n;

UPDATE usage_mgmt.setting SET value = 'off' WHERE name = 'check_specification';
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification;
SELECT usage_mgmt.drop_partitions('2001-12-31') AS dropped;
