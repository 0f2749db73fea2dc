-- What a specification demands of its usages beyond names, types, lists and ranges, and what it inherits.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'check_specification';

-- What is wrong with a usage of a specification, or that it is accepted; nothing of it stays
CREATE FUNCTION pg_temp.fits(specification text, characteristics text DEFAULT NULL, date timestamptz DEFAULT '2001-01-15 12:00+00')
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, usage_specification_id, usage_characteristic)
		VALUES ('u', date, 'T', specification, characteristics::usage_mgmt.characteristics);
	DELETE FROM usage_mgmt.usage WHERE id = 'u';
	RETURN 'accepted';
EXCEPTION WHEN integrity_constraint_violation THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN (SELECT string_agg(concat_ws(' ', f ->> 'code', f ->> 'path', f ->> 'message'), E'\n')
		FROM json_array_elements(detail::json) f);
END
$$;
-- A specification of these characteristics that extends those
CREATE FUNCTION pg_temp.specify(id text, characteristics jsonb DEFAULT '[]', VARIADIC parents text[] DEFAULT '{}') RETURNS text
LANGUAGE sql AS $$
	INSERT INTO usage_mgmt.usage_specification (id, usage_spec_characteristic, entity_spec_relationship)
	VALUES (id, characteristics, (SELECT jsonb_agg(jsonb_build_object('id', p, 'relationshipType', 'extends') ORDER BY n)
		FROM unnest(parents) WITH ORDINALITY u (p, n)))
	ON CONFLICT ON CONSTRAINT usage_specification_pkey DO UPDATE SET usage_spec_characteristic = excluded.usage_spec_characteristic,
		entity_spec_relationship = excluded.entity_spec_relationship
	RETURNING id
$$;

-- Status: rejected and obsolete ones have no usages
INSERT INTO usage_mgmt.usage_specification (id, status) SELECT s, s FROM unnest(enum_range(NULL::usage_mgmt.usage_specification_status)) s;
SELECT s AS status, pg_temp.fits(s::text) FROM unnest(enum_range(NULL::usage_mgmt.usage_specification_status)) s;
UPDATE usage_mgmt.usage_specification SET status = 'obsolete' WHERE id = 'retired';
SELECT pg_temp.fits('retired') AS obsolete_since;
DELETE FROM usage_mgmt.usage_specification WHERE id = 'rejected';
SELECT pg_temp.specify('rejected');
SELECT pg_temp.fits('rejected') AS mended;

-- Validity: the date of the usage lies in the period, ends included
INSERT INTO usage_mgmt.usage_specification (id, valid_from, valid_to) VALUES
	('period', '2001-01-10 00:00+00', '2001-01-20 00:00+00'), ('since', '2001-01-10 00:00+00', NULL), ('until', NULL, '2001-01-20 00:00+00');
SELECT id, d AS date, pg_temp.fits(id, date => d::timestamptz)
FROM unnest(ARRAY['period', 'since', 'until']) id, unnest(ARRAY['2001-01-09 23:59:59.999999+00', '2001-01-10 00:00+00',
	'2001-01-20 00:00+00', '2001-01-20 00:00:00.000001+00']) d ORDER BY 1, 2;
UPDATE usage_mgmt.usage_specification SET valid_to = '2001-01-20 00:00:01+00' WHERE id = 'period';
SELECT pg_temp.fits('period', date => '2001-01-20 00:00:00.000001+00') AS mended;
-- both, and what the usage lacks, in one error
SELECT pg_temp.fits('obsolete', '{"a": 1}', '2001-01-09 00:00+00');

-- Expressions: of the characteristic for every value, of a value for that one; they match the whole
SELECT pg_temp.specify('regex', $$[
	{"name": "imsi", "regex": "\\d{14,15}"},
	{"name": "either", "regex": "a|bc"},
	{"name": "any case", "regex": "(?i)[a-f]+"},
	{"name": "lines", "regex": "a.b"},
	{"name": "anchored", "regex": "^a+$"},
	{"name": "empty", "regex": ""},
	{"name": "typed", "regex": "[1-9].*", "usageSpecCharacteristicValue": [{"valueType": "number"}]},
	{"name": "values", "usageSpecCharacteristicValue": [{"valueType": "string", "regex": "[a-z]+"}, {"valueType": "number", "valueFrom": 10, "regex": "\\d+"},
		{"valueType": "string", "value": "X"}]}]$$);
SELECT c, pg_temp.fits('regex', c) FROM unnest(ARRAY[
	'{"imsi": "262011234567890"}', '{"imsi": 262011234567890}', '{"imsi": "26201123456789x"}', '{"imsi": "x262011234567890"}', '{"imsi": ""}',
	'{"either": "a"}', '{"either": "bc"}', '{"either": "ac"}', '{"either": "abc"}', '{"any case": "aBcD"}', '{"any case": "aBxD"}',
	'{"lines": "a\nb"}', '{"anchored": "aa"}', '{"anchored": "aa\nb"}', '{"empty": "anything"}',
	'{"typed": 15}', '{"typed": 0.5}', '{"typed": "x"}',
	'{"values": "abc"}', '{"values": "X"}', '{"values": "Y"}', '{"values": 15}', '{"values": 5}', '{"values": 15.5}', '{"values": true}']) c;
-- those that cannot be used are stored; they are a fault of the usage
SELECT pg_temp.specify('broken', jsonb_build_array(
	jsonb_build_object('name', 'no expression', 'regex', '(a'), jsonb_build_object('name', 'two halves', 'regex', 'a)|(b'),
	jsonb_build_object('name', 'back', 'regex', '(.*)\1'), jsonb_build_object('name', 'director', 'regex', '***=a'),
	jsonb_build_object('name', 'options', 'regex', '(?x)a'), jsonb_build_object('name', 'long', 'regex', repeat('x', 1001)),
	jsonb_build_object('name', 'large', 'regex', '((((a{255}){255}){255}){255}){255}'), jsonb_build_object('name', 'good', 'regex', 'a'),
	jsonb_build_object('name', 'value', 'usageSpecCharacteristicValue', '[{"valueType": "string", "regex": "[a"}, {"valueType": "string", "value": "b"}]'::jsonb)));
SELECT c, pg_temp.fits('broken', jsonb_build_object(c, 'a')::text)
FROM unnest(ARRAY['no expression', 'two halves', 'back', 'director', 'options', 'long', 'large', 'good', 'value']) c;
SELECT pg_temp.fits('broken', '{"value": "b"}') AS another_value;
-- and a hostile one ends with the statement's time
SELECT pg_temp.specify('hostile', '[{"name": "a", "regex": "((?=a*b)a|a)*"}]');
SET statement_timeout = '300ms';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, usage_specification_id, usage_characteristic)
	VALUES ('u', '2001-01-15 12:00+00', 'T', 'hostile', jsonb_build_object('a', repeat('a', 2000000)));
RESET statement_timeout;
SELECT pg_temp.fits('hostile', '{"a": "aaa"}'), pg_temp.fits('hostile', '{"a": "aab"}');

-- Cardinality: how many of a name there are; presence makes it at least one
SELECT pg_temp.specify('count', $$[
	{"name": "one", "minCardinality": 1, "maxCardinality": 1}, {"name": "some", "minCardinality": 2, "maxCardinality": 3},
	{"name": "none", "maxCardinality": 0}, {"name": "free", "minCardinality": 0}]$$);
SELECT c, pg_temp.fits('count', c) FROM unnest(ARRAY[
	'[{"name": "one", "value": 1}, {"name": "some", "value": 1}, {"name": "some", "value": 1}]',
	'[{"name": "one", "value": 1}, {"name": "some", "value": 1}, {"name": "some", "value": 2}, {"name": "some", "value": 3}, {"name": "free", "value": 1}, {"name": "free", "value": 1}]',
	NULL, '[]', '[{"name": "some", "value": 1}]',
	'[{"name": "one", "value": 1}, {"name": "one", "value": 1}, {"name": "one", "value": 1}, {"name": "some", "value": 1}, {"name": "some", "value": 1}, {"name": "some", "value": 1}, {"name": "some", "value": 1}]',
	'[{"name": "none", "value": 1}, {"name": "one", "value": 1}, {"name": "some", "value": 1}, {"name": "some", "value": 1}]']) c;
SELECT p AS presence, pg_temp.specify('presence', jsonb_build_array(jsonb_build_object('name', 'a', 'presence', p))) IS NOT NULL AS taken,
	pg_temp.fits('presence')
FROM unnest(ARRAY['"mandatory"', '"Required"', 'true', '"true"', '"optional"', '"conditional"', 'false', '""', '{"for": "roaming"}', '1', '["mandatory"]']::jsonb[]) p;
-- the stricter holds
SELECT m AS minimum, p AS presence, pg_temp.specify('presence', jsonb_build_array(jsonb_build_object('name', 'a', 'presence', p, 'minCardinality', m))) IS NOT NULL AS taken,
	pg_temp.fits('presence') AS without, pg_temp.fits('presence', '{"a": 1}') AS one
FROM unnest(ARRAY['mandatory', 'optional']) p, unnest(ARRAY[0, 1, 2, 1.5, -1]) m;

-- Units: where both say one, they are the same; the usage says it beside the value
SELECT pg_temp.specify('unit', $$[
	{"name": "volume", "usageSpecCharacteristicValue": [{"valueType": "number", "unitOfMeasure": "MB", "valueTo": 1000},
		{"valueType": "number", "unitOfMeasure": "GB", "valueTo": 1}]},
	{"name": "any", "usageSpecCharacteristicValue": [{"valueType": "number"}]},
	{"name": "seconds", "usageSpecCharacteristicValue": [{"valueType": "number", "unitOfMeasure": "s"}]}]$$);
SELECT c, pg_temp.fits('unit', '[' || c || ']') FROM unnest(ARRAY[
	'{"name": "volume", "value": 500}', '{"name": "volume", "value": 500, "unit": "MB"}', '{"name": "volume", "value": 500, "unitOfMeasure": "GB"}',
	'{"name": "volume", "value": 0.5, "units": "GB"}', '{"name": "volume", "value": 0.5, "unit": "kB"}', '{"name": "volume", "value": 0.5, "unit": "mb"}',
	'{"name": "any", "value": 1, "unit": "kB"}', '{"name": "seconds", "value": 1, "unit": "ms"}', '{"name": "seconds", "value": 1, "unit": " s "}',
	'{"name": "seconds", "value": 1, "unit": ""}', '{"name": "seconds", "value": 1, "valueType": "number", "unit": {"of": "ms"}}', '{"name": "seconds", "value": 1, "note": "ms"}',
	'{"name": "seconds", "value": 1, "unitOfMeasure": null}', '{"name": "seconds", "value": 1, "unit": null, "units": "ms"}', '{"name": "seconds", "value": 1, "unit": 7}']) c;

-- Inheritance: of several levels, what is nearer comes first
SELECT pg_temp.specify('root', '[{"name": "a", "regex": "root"}, {"name": "b", "regex": "root"}, {"name": "c", "regex": "root"}, {"name": "must", "minCardinality": 1}]');
SELECT pg_temp.specify('middle', '[{"name": "b", "regex": "middle"}, {"name": "c", "regex": "middle"}]', 'root');
SELECT pg_temp.specify('leaf', '[{"name": "c", "regex": "leaf"}]', 'middle');
SELECT s, pg_temp.fits(s, '{"must": 1, "a": "-", "b": "-", "c": "-"}') FROM unnest(ARRAY['root', 'middle', 'leaf']) s;
SELECT pg_temp.fits('leaf', '{"must": 1, "a": "root", "b": "middle", "c": "leaf"}') AS whole, pg_temp.fits('leaf', '{"a": "root", "d": 1}') AS lacking;
SELECT pg_temp.specify('leaf', '[{"name": "c", "regex": "leaf"}, {"name": "must", "minCardinality": 0}]', 'middle');
SELECT pg_temp.fits('leaf', '{"a": "root"}') AS overridden;
-- a change of what it extends is seen, and so is one that is taken back
BEGIN;
UPDATE usage_mgmt.usage_specification SET usage_spec_characteristic = '[{"name": "z"}]' WHERE id = 'root';
SELECT pg_temp.fits('leaf', '{"a": "root"}') AS gone, pg_temp.fits('leaf', '{"z": 1}') AS new;
ROLLBACK;
SELECT pg_temp.fits('leaf', '{"a": "root"}') AS back, pg_temp.fits('leaf', '{"z": 1}') AS gone;
-- of two at once the first; of one that both extend, what they make of it
SELECT pg_temp.specify('left', '[{"name": "a", "regex": "left"}]', 'root');
SELECT pg_temp.specify('right', '[{"name": "a", "regex": "right"}, {"name": "b", "regex": "right"}]', 'root');
SELECT pg_temp.specify('both', '[]', 'left', 'right');
SELECT pg_temp.fits('both', '{"must": 1, "a": "-", "b": "-", "c": "-"}');
-- only the status and the period of its own count
UPDATE usage_mgmt.usage_specification SET valid_to = '2000-01-01 00:00+00' WHERE id = 'root';
SELECT pg_temp.fits('leaf', '{"a": "root"}') AS leaf, pg_temp.fits('root', '{"must": 1}') AS root;
-- what means it, and whom it names
CREATE FUNCTION pg_temp.related(relationship jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	UPDATE usage_mgmt.usage_specification SET entity_spec_relationship = jsonb_build_array(relationship) WHERE id = 'leaf';
	RETURN pg_temp.fits('leaf', '{"a": "root"}');
END
$$;
SELECT r, pg_temp.related(jsonb_build_object('id', 'root', 'relationshipType', r))
FROM unnest(ARRAY['extends', 'Extension', 'inherits', 'inheritsFrom', 'inherits from', 'INHERITS_FROM', 'inheritance', 'specializes', 'specialization',
	'dependency', 'migration', 'substitution', 'exclusivity', 'extended', 'extendsextendsextends', '']) r;
SELECT r, pg_temp.related(r) FROM unnest(ARRAY['{"href": "http://s/usageSpecification/root", "relationshipType": "extends"}',
	'{"href": "root", "relationshipType": "extends"}', '{"id": "root", "href": "http://s/other", "relationshipType": "extends"}',
	'{"id": "root"}', '{"relationshipType": "extends"}']::jsonb[]) r;
-- in an href its id is percent-encoded, and there alone; what is stored of it stays
SELECT pg_temp.specify(id, format('[{"name": "a", "regex": "%s"}]', n)::jsonb) FROM (VALUES ('höhe 1/2', 'root'), ('50%25', 'root'), ('50%', 'other')) v (id, n);
SELECT usage_mgmt.get_usage_specification('höhe 1/2') ->> 'href' AS href \gset
SELECT r, pg_temp.related(r || '{"relationshipType": "extends"}') FROM unnest(ARRAY[jsonb_build_object('href', :'href'),
	jsonb_build_object('id', 'h%C3%B6he%201%2F2', 'href', :'href'), '{"id": "höhe 1/2"}', '{"href": "http://s/50%2525"}', '{"href": "http://s/50%25"}',
	'{"href": "http://s/%FF"}', '{"href": "http://s/%00"}', '{"href": "http://s/%"}', '{"href": "http://s/leaf%"}', '{"href": "http://s/le%61f"}']::jsonb[]) r;
SELECT entity_spec_relationship AS stored FROM usage_mgmt.usage_specification WHERE id = 'leaf';
SELECT s, pg_temp.fits(s, '{"a": "root"}'), pg_temp.fits(s, '{"a": "-"}') FROM unnest(ARRAY['h%C3%B6he%201%2F2', 'h%c3%b6he+1%2F2', '50%25', '50%2525', '%FF', '%00', '%']) s;
SELECT usage_mgmt.post_usage(jsonb_build_object('id', 'href', 'date', '2001-01-15', 'type', 'T', 'usageCharacteristic', '{"a": "root"}'::jsonb,
	'usageSpecification', jsonb_build_object('href', :'href'))) -> 'usageSpecification' AS posted;
DELETE FROM usage_mgmt.usage WHERE id = 'href';
SELECT count(pg_temp.specify(id, '[{"name": "a", "regex": "b"}]')) FROM (VALUES (repeat('ö', 200))) v (id);
SELECT pg_temp.fits(repeat('%C3%B6', 200), '{"a": "a"}') AS "longer than an id";
-- one that is missing, or comes later
SELECT pg_temp.specify('early', '[]', 'late');
SELECT pg_temp.specify('earlier', '[]', 'early');
SELECT s, pg_temp.fits(s, '{"x": 1}') FROM unnest(ARRAY['early', 'earlier']) s;
SELECT pg_temp.specify('late', '[{"name": "x"}]');
SELECT s, pg_temp.fits(s, '{"x": 1}') FROM unnest(ARRAY['early', 'earlier']) s;
-- circles
SELECT pg_temp.specify('self', '[]', 'self');
SELECT pg_temp.specify('c1', '[]', 'c2');
SELECT pg_temp.specify('c2', '[]', 'c3');
SELECT pg_temp.specify('c3', '[]', 'root', 'c1');
SELECT pg_temp.specify('over a circle', '[]', 'c2');
SELECT s, pg_temp.fits(s, '{"x": 1}') FROM unnest(ARRAY['self', 'c1', 'c2', 'c3', 'over a circle']) s;
SELECT pg_temp.specify('c3', '[]', 'late');
SELECT s, pg_temp.fits(s, '{"x": 1}') FROM unnest(ARRAY['c1', 'c2', 'c3', 'over a circle']) s;
-- a hundred at the most
SELECT count(pg_temp.specify('n' || n, '[]', CASE WHEN n < 101 THEN 'n' || n + 1 ELSE 'late' END)) FROM generate_series(1, 101) n;
SELECT pg_temp.fits('n3', '{"x": 1}') AS "a hundred", pg_temp.fits('n2', '{"x": 1}') AS more;
-- layers of two that extend both of the layer below are no more work than they are
SELECT count(pg_temp.specify(s || n, '[]', 'l' || n - 1, 'r' || n - 1)) FROM generate_series(1, 40) n, unnest(ARRAY['l', 'r']) s;
SELECT count(pg_temp.specify(s || 0, '[{"name": "x"}]')) FROM unnest(ARRAY['l', 'r']) s;
SELECT pg_temp.fits('l40', '{"x": 1}') AS layers, pg_temp.fits('l40', '{"y": 1}') AS unknown;

-- Billing what was rated before is no matter of the check; with another date it is
UPDATE usage_mgmt.setting SET value = 'off' WHERE name = 'check_specification';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status, usage_specification_id, rated_product_usage)
	SELECT 'rated', '2001-01-15 12:00+00', 'T', 'rated', 'obsolete', ARRAY[usage_mgmt.rated_product_usage(rating_date => now(),
		tax_included_rating_amount => 1, tax_excluded_rating_amount => 1, tax_rate => 0, currency_code => 'EUR', product_ref => 'p/1')];
UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'check_specification';
UPDATE usage_mgmt.usage SET status = 'billed', usage_date = '2001-01-16 12:00+00' WHERE id = 'rated';
UPDATE usage_mgmt.usage SET status = 'billed' WHERE id = 'rated';
-- and nothing that has its specification already is held up by what became of that one
INSERT INTO usage_mgmt.usage_specification (id, status, usage_spec_characteristic) VALUES ('ending', 'retired', '[{"name": "a", "regex": "x"}]'), ('over', 'obsolete', NULL);
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status, usage_specification_id, usage_characteristic) VALUES
	('open', '2001-01-15 12:00+00', 'T', 'guided', 'ending', '{"a": "x"}'), ('fault', '2001-01-15 12:00+00', 'T', 'rejected', 'ending', '{"a": "x"}');
UPDATE usage_mgmt.usage_specification SET status = 'obsolete', valid_to = '2001-01-01 00:00+00' WHERE id = 'ending';
UPDATE usage_mgmt.usage SET description = 'd' WHERE id = 'open';
UPDATE usage_mgmt.usage SET status = 'recycled' WHERE id = 'fault';
SELECT usage_mgmt.put_usage('open', '{"date": "2001-01-15T12:00:00Z", "type": "U", "usageSpecification": {"id": "ending"}, "usageCharacteristic": {"a": "x"}}') ->> 'type' AS put,
	usage_mgmt.patch_usage('fault', '{"description": "p"}') ->> 'description' AS patched;
UPDATE usage_mgmt.usage SET status = 'rated', rated_product_usage = (SELECT rated_product_usage FROM usage_mgmt.usage WHERE id = 'rated') WHERE id = 'open';
UPDATE usage_mgmt.usage SET status = 'rerated' WHERE id = 'open';
SELECT id, status, usage_type, description FROM usage_mgmt.usage WHERE usage_specification_id = 'ending' ORDER BY id;
-- its characteristics are, and what is another specification's, or at another date
UPDATE usage_mgmt.usage SET usage_characteristic = '{"a": "y"}' WHERE id = 'open';
UPDATE usage_mgmt.usage SET usage_date = '2001-01-16 12:00+00' WHERE id = 'open';
UPDATE usage_mgmt.usage SET usage_specification_id = 'over' WHERE id = 'open';
SELECT usage_mgmt.patch_usage('open', '{"usageSpecification": {"id": "over"}, "usageCharacteristic": null}');
DELETE FROM usage_mgmt.usage WHERE id IN ('open', 'fault');
INSERT INTO usage_mgmt.service_usage_specification (id, name, status) VALUES ('service', 'service', 'retired');
INSERT INTO usage_mgmt.service_usage (id, usage_date, usage_specification_id, status) VALUES ('service', '2001-01-15 12:00+00', 'service', 'generated');
UPDATE usage_mgmt.service_usage_specification SET status = 'obsolete';
UPDATE usage_mgmt.service_usage SET status = 'archived' RETURNING status;
-- mark says it like the others
UPDATE usage_mgmt.setting SET value = 'mark' WHERE name = 'check_specification';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, usage_specification_id, usage_characteristic)
	VALUES ('marked', '2001-01-15 12:00+00', 'T', 'period', '{"unknown": 1}'), ('late', '2002-01-15 12:00+00', 'T', 'period', NULL);
SELECT id, status, f.path, f.code, f.message
FROM usage_mgmt.usage, jsonb_to_recordset(rejection -> 'faults') f (path text, code text, message text) ORDER BY id, path;

-- a load keeps what does not follow its specification, whatever is wrong with that
UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'check_specification';
SET client_min_messages = error;
COPY usage_mgmt.usage_document FROM STDIN WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
{"id": "l1", "date": "2001-01-15", "type": "T", "usageSpecification": {"id": "broken"}, "usageCharacteristic": {"no expression": 1}}
{"id": "l2", "date": "2001-01-15", "type": "T", "usageSpecification": {"id": "self"}}
{"id": "l3", "date": "2001-01-15", "type": "T", "usageSpecification": {"id": "obsolete"}}
{"id": "l4", "date": "2001-01-15", "type": "T", "usageSpecification": {"id": "regex"}, "usageCharacteristic": {"imsi": "262011234567890"}}
\.
RESET client_min_messages;
SELECT document::jsonb ->> 'id' AS id, e ->> 'path' AS path, e ->> 'message' AS message
FROM usage_mgmt.import_reject, jsonb_array_elements(errors) e ORDER BY record_number;
SELECT id FROM usage_mgmt.usage WHERE id LIKE 'l_';
TRUNCATE usage_mgmt.import_load, usage_mgmt.import_reject, usage_mgmt.usage, usage_mgmt.usage_key, usage_mgmt.service_usage, usage_mgmt.service_usage_specification RESTART IDENTITY;

-- The specification is asked about what is new alone: what was stored before is repeated or conflicts, as for post
INSERT INTO usage_mgmt.usage_specification (id, usage_spec_characteristic) VALUES ('again', '[{"name": "a"}]');
INSERT INTO usage_mgmt.service_usage_specification (id, name, status, spec_characteristic) VALUES ('again', 'again', 'active', '[{"name": "a"}]');
\getenv folder PG_ABS_BUILDDIR
\set file :folder '/results/64_again.data'
CREATE TEMP TABLE again AS SELECT n, format('{"id": "a%s", "%s": "2001-01-15", "usageSpecification": {"id": "again"}, "usageCharacteristic": {"%s": 1}, %s}',
		n, kind[1], CASE WHEN n % 3 = 0 THEN 'b' ELSE 'a' END, kind[2]) AS document, kind[3] AS resource
FROM generate_series(1, 7) n, (VALUES (ARRAY['date', '"type": "T"', 'usage']), (ARRAY['usageDate', '"status": "generated"', 'service_usage'])) v (kind);
CREATE FUNCTION pg_temp.again() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	kind text;
BEGIN
	FOREACH kind IN ARRAY ARRAY['usage', 'service_usage'] LOOP
		EXECUTE format('COPY (SELECT document FROM again WHERE resource = %L ORDER BY n) TO %L (FORMAT binary)', kind, current_setting('regress.file'));
		EXECUTE format('COPY usage_mgmt.%I FROM %L (FORMAT binary)', kind || '_document', current_setting('regress.file'));
		RETURN QUERY SELECT concat_ws(' ', kind, 'stored', stored, 'repeated', repeated, 'conflicting', conflicting, 'rejected', rejected,
			(SELECT string_agg(record_number::text, ',') FROM usage_mgmt.import_reject WHERE load_id = l.id)) FROM usage_mgmt.import_load l ORDER BY id DESC LIMIT 1;
	END LOOP;
END
$$;
SET client_min_messages = error;
SET regress.file = :'file';
SELECT pg_temp.again() AS first;
SELECT pg_temp.again() AS again;
UPDATE usage_mgmt.usage_specification SET usage_spec_characteristic = '[{"name": "c"}]' WHERE id = 'again';
UPDATE usage_mgmt.service_usage_specification SET status = 'retired' WHERE id = 'again';
UPDATE usage_mgmt.service_usage_specification SET status = 'obsolete' WHERE id = 'again';
SELECT pg_temp.again() AS changed;
UPDATE again SET document = replace(document, '"a": 1', '"a": 2') WHERE n = 2;
INSERT INTO again SELECT n + 10, replace(document, format('"a%s"', n), format('"a%s"', n + 10)), resource FROM again WHERE n IN (1, 3);
INSERT INTO again SELECT n + 10, document, resource FROM again WHERE n = 11;
SELECT pg_temp.again() AS some_new;
UPDATE usage_mgmt.setting SET value = 'mark' WHERE name = 'check_specification';
SELECT pg_temp.again() AS mark;
SELECT id, status, rejection ->> 'delivered_status' AS delivered FROM usage_mgmt.usage WHERE status = 'rejected' ORDER BY id;
SELECT count(*), count(*) FILTER (WHERE n % 3 = 0) AS faulty FROM usage_mgmt.service_usage, LATERAL (SELECT right(id, -1)::int AS n) i;
UPDATE usage_mgmt.usage_specification SET usage_spec_characteristic = '[{"name": "a"}]' WHERE id = 'again';
-- a statement that keeps nothing gets the error of what is new, and none for a repeat
UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'check_specification';
DELETE FROM again WHERE resource = 'usage' OR n NOT IN (1, 2, 11);
INSERT INTO usage_mgmt.service_usage_document SELECT document FROM again WHERE n = 1;
INSERT INTO usage_mgmt.service_usage_document SELECT document FROM again WHERE n = 2;
SELECT usage_mgmt.post_service_usage(document) FROM again WHERE n = 2;
\set VERBOSITY default
INSERT INTO usage_mgmt.service_usage_document SELECT document FROM again WHERE n IN (1, 11) ORDER BY n;
SELECT usage_mgmt.post_service_usage(document) FROM again WHERE n = 11;
\set VERBOSITY terse
RESET client_min_messages;
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key, usage_mgmt.service_usage, usage_mgmt.service_usage_specification, usage_mgmt.import_load, usage_mgmt.import_reject;

-- A specification that no document could be, and an expression that fails at its value: faults of each usage, in a load, too
ALTER TABLE usage_mgmt.usage_specification DISABLE TRIGGER zz_usage_specification_check;
INSERT INTO usage_mgmt.usage_specification (id, usage_spec_characteristic, entity_spec_relationship) VALUES
	('object', '{"a": 1}', NULL), ('scalar', '"x"', NULL), ('null', '[null]', NULL), ('nameless', '[{"a": 1}]', NULL),
	('value', '[{"name": "a", "usageSpecCharacteristicValue": [null]}]', NULL), ('relation', NULL, '[7]'),
	('below', '[{"name": "a"}]', '[{"relationshipType": "extends", "id": "object"}]'),
	('deep', jsonb_build_array(jsonb_build_object('name', 'a', 'regex', repeat('(?=', 240) || 'a' || repeat(')', 240) || 'a')), NULL);
ALTER TABLE usage_mgmt.usage_specification ENABLE TRIGGER zz_usage_specification_check;
SELECT id, pg_temp.fits(id, '{"a": "a"}') FROM unnest(ARRAY['object', 'scalar', 'null', 'nameless', 'value', 'relation', 'below', 'deep']) id;
SET max_stack_depth = '100kB';
SELECT pg_temp.fits('deep', '{"a": "a"}') AS shallow;
SET client_min_messages = error;
COPY usage_mgmt.usage_document FROM STDIN WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
{"id": "l1", "date": "2001-01-15", "type": "T", "usageSpecification": {"id": "object"}, "usageCharacteristic": {"a": 1}}
{"id": "l2", "date": "2001-01-15", "type": "T", "usageSpecification": {"id": "deep"}, "usageCharacteristic": {"a": "a"}}
{"id": "l3", "date": "2001-01-15", "type": "T", "usageSpecification": {"id": "regex"}, "usageCharacteristic": {"imsi": "262011234567890"}}
\.
RESET client_min_messages;
RESET max_stack_depth;
SELECT pg_temp.fits('deep', '{"a": "a"}') AS deep;
SELECT document::jsonb ->> 'id' AS id, e ->> 'path' AS path, e ->> 'message' AS message
FROM usage_mgmt.import_reject, jsonb_array_elements(errors) e ORDER BY record_number;
SELECT id FROM usage_mgmt.usage WHERE id LIKE 'l_';
DELETE FROM usage_mgmt.usage_specification;

-- category and presence are attributes like any other, and what was kept of them before is theirs
UPDATE usage_mgmt.setting SET value = 'off' WHERE name = 'check_specification';
\set document '{"id": "attributes", "usageSpecCharacteristic": [{"name": "a", "category": "basic", "presence": true, "note": "n"}]}'
SELECT usage_mgmt.post_usage_specification(:'document') -> 'usageSpecCharacteristic' AS posted;
SELECT usage_mgmt.post_usage_specification(:'document') ->> 'id' AS repeated,
	usage_mgmt.get_usage_specification('attributes', version => 'v4') -> 'specCharacteristic' AS v4,
	usage_spec_characteristic AS stored FROM usage_mgmt.usage_specification WHERE id = 'attributes';
ALTER TABLE usage_mgmt.usage_specification DISABLE TRIGGER zz_usage_specification_check;
UPDATE usage_mgmt.usage_specification SET usage_spec_characteristic =
	'[{"name": "a", "note": "n", "presence": {"of": [1.0, null]}, "category": null}]' WHERE id = 'attributes';
ALTER TABLE usage_mgmt.usage_specification ENABLE TRIGGER zz_usage_specification_check;
SELECT usage_mgmt.get_usage_specification('attributes') -> 'usageSpecCharacteristic' AS older;
SELECT usage_mgmt.patch_usage_specification('attributes', '{"op": "add", "path": "/usageSpecCharacteristic/0/category", "value": "call"}',
	'application/json-patch+json') -> 'usageSpecCharacteristic' AS patched;
SELECT id FROM usage_mgmt.get_usage_specifications('usageSpecCharacteristic.category=call&fields=id') d, LATERAL (SELECT d ->> 'id' AS id) i;

TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification, usage_mgmt.import_load, usage_mgmt.import_reject;
