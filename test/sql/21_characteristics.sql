-- The type characteristics: an ordered list of named values.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY default
SET search_path = public, usage_mgmt;

-- The text form is the TMF array
SELECT '[{"name":"duration","value":"20"},{"name":"unit","value":"SEC"}]'::characteristics;
SELECT '[]'::characteristics;
SELECT NULL::characteristics IS NULL AS is_null;

-- The short form: an object is always a list of its pairs
SELECT '{"duration": "20", "unit": "SEC"}'::characteristics;
SELECT '{"name": "duration", "value": "20"}'::characteristics;
SELECT '{}'::characteristics;

-- Any JSON value; null is no value
SELECT '{"s": "x", "n": 1, "t": true, "f": false, "z": null, "o": {"b": [1, 2]}, "a": [ ]}'::characteristics;
SELECT '[{"value": "no name"}, {"name": null, "value": null}, {"name": "no value"}, {}]'::characteristics;

-- Numbers keep their digits
SELECT '[{"name":"a","value":0.1},{"name":"b","value":12.00},{"name":"c","value":123456789012345678.123456789},
	{"name":"d","value":1E+2},{"name":"e","value":-0}]'::characteristics;

-- Order and repeated names are kept
SELECT '{"b": 1, "a": 2, "b": 3}'::characteristics;

-- Keys are trimmed, names and values are not; a number is taken as a name
SELECT '[{" value ": " 20 ", " name": " duration "}, {"name ": 5, "value": 1}, {"name": 1.50}]'::characteristics;

-- Other members follow in the order received, compact
SELECT '[{"id": "7", "name": "duration", "valueType": "number", "value": 20, "characteristicRelationship": [ {"id" : 1} ]}]'::characteristics;
SELECT '[{" id ": null}]'::characteristics;

-- Escapes
SELECT '{"a\"b\\": "\u0041\/\t\u001f"}'::characteristics;

-- An attribute given twice must say the same
SELECT '[{"name": "a", "name": "a", "value": [1, 2], " value": [1,2]}]'::characteristics;
SELECT '[{"name": "5", "name": 5}]'::characteristics;
SELECT '[{"name": "a", "name ": "b"}]'::characteristics;
SELECT '[{"value": 1, "value": 1.0}]'::characteristics;
SELECT '[{"value": 1, "value": null}]'::characteristics;

-- Faults are told all at once, with their places
SELECT '[1, {"name": true, "value": 1}, {"name": "a"}, {"name": {"b": 1}}, null]'::characteristics;
SELECT '"duration"'::characteristics;

-- What is no JSON is told by its place
SELECT '[{"name": "a" "value": 1}]'::characteristics;

-- Each kind of malformed input and its SQLSTATE
CREATE FUNCTION pg_temp.try(input text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN 'ok ' || length(input::usage_mgmt.characteristics::text);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
SELECT input, pg_temp.try(input) FROM unnest(ARRAY[
	'', ' ', '""', 'null', 'true', '1', 'x', '[', '[]]', '[] 1', '{"a"}', '{"a": }', '{"a": 1,}', '[{"name": "a"},]',
	'{"a": 01}', '{"a": 1e1000000}', '{"a": "\u0000"}', '{"\u0000": 1}', '{"a": "\ud800"}', '{"a": "\x"}',
	'[{"name": ["a"]}]', '[{"name": "a", "name": "b"}]', '[[]]', '{"a": [1}', '{a: 1}', E'{"a": "\n"}']) AS input;

-- Nested too deep; what is accepted can be read again
SELECT depth,
	pg_temp.try('[{"value":' || repeat('[', depth) || repeat(']', depth) || '}]') AS list,
	pg_temp.try('{"a":' || repeat('[', depth) || repeat(']', depth) || '}') AS short_form
FROM unnest(ARRAY[998, 999]) AS depth;

-- To and from jsonb: the object of the pairs; the last of a name counts
SELECT '{"duration": "20", "x": 1.50}'::jsonb::characteristics;
SELECT '[{"name": "duration", "value": "20", "id": 1}]'::jsonb::characteristics;
SELECT '[{"name":"b","value":1},{"name":"a","value":{"y":1,"x":2}},{"name":"b","value":2.00},{"value":3},{"name":"z"}]'::characteristics::jsonb;
SELECT '[{"value":3}]'::characteristics::jsonb;
SELECT jsonb_pretty('{"a": 1}'::characteristics);
SELECT '"duration"'::jsonb::characteristics;
SELECT 'null'::jsonb::characteristics;

-- To json: the TMF array, also inside a row
SELECT '[{"name":"a","value":1.0,"id":"4"},{"name":"a","value":2}]'::characteristics::json;
SELECT row_to_json(r) FROM (SELECT 1 AS id, '{"a": 1}'::characteristics AS c) AS r;
SELECT to_jsonb('{"a": 1}'::characteristics);

-- One row for each element
SELECT * FROM characteristics_each('[{"name":"a","value":"x","id":"4"},{"name":"b","value":12.00},{"value":{"c":[1]}},{}]');

-- Common names are stored as codes
SELECT pg_column_size('{"originatingCountryCode": "43"}'::characteristics) AS common,
	pg_column_size('{"originatingCountryCodE": "43"}'::characteristics) AS not_common;
CREATE TEMP TABLE common (name text);
INSERT INTO common SELECT unnest(string_to_array(
	'originatingCountryCode originatingNumber destinationCountryCode destinationNumber duration '
	'unit startDateTime endDateTime poolNumber characteristicType '
	'value volume uplinkVolume downlinkVolume totalVolume '
	'quantity amount direction callType serviceType '
	'callingNumber calledNumber msisdn imsi imei '
	'apn cellId locationAreaCode ratType roaming '
	'roamingPartner servingNetwork homeNetwork mcc mnc '
	'sessionId recordId eventType qos ratingGroup '
	'messageCount messageType chargingId causeForTermination ipAddress '
	'url domain protocol device subscriberId '
	'accountId customerId region zone instanceType '
	'instanceId vCpu memory storage storageType '
	'bandwidth requests operatingSystem image tenant '
	'project cluster resourceId availabilityZone currency', ' '));
-- header, version, count; head, code, no value
SELECT count(*), count(*) FILTER (WHERE pg_column_size(jsonb_build_object(name, NULL)::characteristics) = 4 + 2 + 2) AS coded,
	count(*) FILTER (WHERE jsonb_build_object(name, NULL)::characteristics ? name) AS found
FROM common;

-- The binary form: a version and the text, validated like the text
SELECT encode(characteristics_send('{"a": 12.00}'), 'escape');
CREATE TEMP TABLE sent (id int, c characteristics);
INSERT INTO sent VALUES (1, '[]'), (2, '[{"name":"a","value":12.00,"id":"x y"},{},{"name":"duration","value":[1,{"b":null}]}]'), (3, NULL);
CREATE TEMP TABLE received (LIKE sent);
\copy sent TO 'results/20_characteristics.bin' (FORMAT binary)
\copy received FROM 'results/20_characteristics.bin' (FORMAT binary)
SELECT id, r.c, r.c OPERATOR(usage_mgmt.=) s.c AS equal FROM received r JOIN sent s USING (id) ORDER BY id;
\! rm -f results/20_characteristics.bin

-- A copy of another type's binary form is refused: a wrong version, then a wrong text
CREATE TEMP TABLE wrong (c bytea);
INSERT INTO wrong VALUES ('\x02' || '[]'::bytea);
\set VERBOSITY sqlstate
\copy wrong TO 'results/20_characteristics.bin' (FORMAT binary)
CREATE TEMP TABLE refused (c characteristics);
\copy refused FROM 'results/20_characteristics.bin' (FORMAT binary)
UPDATE wrong SET c = '\x01' || '[1]'::bytea;
\copy wrong TO 'results/20_characteristics.bin' (FORMAT binary)
\copy refused FROM 'results/20_characteristics.bin' (FORMAT binary)
UPDATE wrong SET c = '\x01' || '["'::bytea || '\xff'::bytea || '"]'::bytea;
\copy wrong TO 'results/20_characteristics.bin' (FORMAT binary)
\copy refused FROM 'results/20_characteristics.bin' (FORMAT binary)
UPDATE wrong SET c = '';
\copy wrong TO 'results/20_characteristics.bin' (FORMAT binary)
\copy refused FROM 'results/20_characteristics.bin' (FORMAT binary)
\set VERBOSITY default
\! rm -f results/20_characteristics.bin

-- The fast way: operators in the extension's schema
SELECT c -> 'a' AS a, c ->> 'a' AS a_text, c -> 's' AS s, c ->> 's' AS s_text, c ->> 'o' AS o, c -> 'z' AS z,
	c ->> 'z' AS z_text, c -> 'nope' AS nope, c ? 'z' AS has_z, c ? 'nope' AS has_nope
FROM (SELECT '{"a": 1, "a": 12.00, "s": "x", "o": {"b": 1,"a":[]}, "z": null}'::characteristics AS c) AS x;
SELECT c ?| '{a,x}' AS one, c ?& '{a,b}' AS both, c ?& '{a,x}' AS not_all, c ?| '{}' AS none_any, c ?& '{}' AS none_all
FROM (SELECT '{"a": 1, "b": 2}'::characteristics AS c) AS x;
SELECT c @> '{"duration":"20"}' AS short, c @> '[{"name":"n","value":1}]' AS by_value, c @> '{"duration":20}' AS other_kind,
	c @> '{"o":{"b":[2]}}' AS nested, c @> '{}' AS nothing, '{"unit":"SEC"}' <@ c AS contained, c @> '{"unit":"MIN"}' AS overridden
FROM (SELECT '{"duration":"20","n":1.00,"unit":"MIN","unit":"SEC","o":{"b":[1,2],"c":1}}'::characteristics AS c) AS x;

-- They mean what they mean on the jsonb object, value by value, pair by pair
CREATE TEMP TABLE list (id int GENERATED ALWAYS AS IDENTITY, c characteristics);
INSERT INTO list (c) VALUES
	('[]'), ('{"a":1}'), ('{"a":1.0}'), ('{"a":"1"}'), ('{"a":1,"b":2}'), ('{"b":2,"a":1}'), ('{"a":1,"a":2}'), ('{"a":2,"a":1}'),
	('{"a":null}'), ('[{"name":"a"}]'), ('[{"value":1}]'), ('{"a":true}'), ('{"a":false}'), ('{"a":[1,2]}'), ('{"a":[2]}'), ('{"a":[]}'),
	('{"a":{"x":1,"y":2}}'), ('{"a":{"x":1.0}}'), ('{"a":{"x":[1]}}'), ('{"a":""}'), ('{"":1}'), ('{" a ":1}'), ('{"a":-0}'), ('{"a":0.00}'),
	('{"a":1e2}'), ('{"a":100}'), ('{"a":-0.5}'), ('{"duration":"20","unit":"SEC"}'), ('[{"name":"duration","value":"20","id":1}]'),
	('{"a":123456789012345678.1234567890}'), ('{"a":123456789012345678.123456789}'), ('{"A":1}'), ('{"aa":1,"b":1}'),
	('[{"name":"a","value":1,"id":1}]'), ('[{"name":"a","value":1,"id":2}]');
INSERT INTO list (c) SELECT jsonb_object_agg('k' || i, i % 3) FROM generate_series(1, 40) AS i;
INSERT INTO list (c) SELECT jsonb_object_agg('k' || i, i % 3) FROM generate_series(1, 30) AS i;
INSERT INTO list (c) SELECT jsonb_object_agg('k' || i, 0) FROM generate_series(1, 30) AS i;
SELECT count(*) AS pairs, count(*) FILTER (WHERE x.c @> y.c) AS contained,
	count(*) FILTER (WHERE (x.c @> y.c) <> (x.c::jsonb OPERATOR(pg_catalog.@>) y.c::jsonb)) AS contains_differs,
	count(*) FILTER (WHERE (x.c <@ y.c) <> (x.c::jsonb OPERATOR(pg_catalog.<@) y.c::jsonb)) AS contained_differs
FROM list x, list y;
SELECT count(*) FILTER (WHERE c ? n) AS found,
	count(*) FILTER (WHERE (c ? n) <> (c::jsonb OPERATOR(pg_catalog.?) n)) AS exists_differs,
	count(*) FILTER (WHERE (c -> n)::text IS DISTINCT FROM (c::jsonb OPERATOR(pg_catalog.->) n)::text) AS field_differs,
	count(*) FILTER (WHERE (c ->> n) IS DISTINCT FROM (c::jsonb OPERATOR(pg_catalog.->>) n)) AS text_differs
FROM list, unnest(ARRAY['a', 'b', '', ' a ', 'duration', 'unit', 'k7', 'nope']) AS n;
CREATE TEMP TABLE wanted (n text[]);
INSERT INTO wanted VALUES ('{a}'), ('{a,b}'), ('{}'), ('{NULL}'), ('{a,NULL}'), ('{nope}'), ('{k1,k2,nope}'), ('{{a,b},{a,a}}');
SELECT count(*) FILTER (WHERE c ?| n) AS found_any,
	count(*) FILTER (WHERE (c ?| n) <> (c::jsonb OPERATOR(pg_catalog.?|) n)) AS any_differs,
	count(*) FILTER (WHERE c ?& n) AS found_all,
	count(*) FILTER (WHERE (c ?& n) <> (c::jsonb OPERATOR(pg_catalog.?&) n)) AS all_differs
FROM list, wanted;

-- Without the schema in the search_path the same questions have the same answers
SET search_path = public;
SELECT count(*) FILTER (WHERE x.c @> y.c) AS contained, count(*) FILTER (WHERE x.c <@ y.c) AS contained_by FROM list x, list y;
SELECT id, c ->> 'duration' AS duration, c -> 'unit' AS unit FROM list WHERE c @> '{"duration":"20"}' AND c ? 'duration' ORDER BY id;
SELECT count(*) FILTER (WHERE c ?| n) AS found_any, count(*) FILTER (WHERE c ?& n) AS found_all FROM list, wanted;
SET search_path = public, usage_mgmt;

-- Equality is that of lists: names, text of values, other members, order
SELECT x.c, y.c AS same_as, x.c = y.c AS equal, x.c <> y.c AS different
FROM list x JOIN list y ON x.id < y.id WHERE x.c::jsonb = y.c::jsonb ORDER BY x.id, y.id;
SELECT count(*) AS wrong FROM list x, list y
WHERE (x.c = y.c) <> (x.c::text = y.c::text) OR (x.c = y.c) = (x.c <> y.c)
	OR (x.c = y.c AND characteristics_hash(x.c) <> characteristics_hash(y.c))
	OR (x.c = y.c AND characteristics_hash_extended(x.c, 42) <> characteristics_hash_extended(y.c, 42));
SELECT count(*) AS wrong FROM list
WHERE characteristics_hash(c)::bit(32) <> characteristics_hash_extended(c, 0)::bit(32);

-- DISTINCT, GROUP BY, hash join, hash index
SELECT count(*), (SELECT count(*) FROM (SELECT DISTINCT c FROM list) AS d) AS "distinct", count(DISTINCT c::text) AS texts FROM list;
SELECT c, count(*) FROM (TABLE list UNION ALL TABLE list) AS twice WHERE id BETWEEN 2 AND 4 OR id IN (9, 10) GROUP BY c ORDER BY min(id);
SET enable_mergejoin = off;
SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM list x JOIN list y ON x.c = y.c;
SELECT count(*) FROM list x JOIN list y ON x.c = y.c;
RESET enable_mergejoin;
RESET enable_nestloop;
CREATE INDEX list_hash ON list USING hash (c);
SET enable_seqscan = off;
SELECT id FROM list WHERE c = '{"b":2,"a":1}';
RESET enable_seqscan;
DROP INDEX list_hash;

-- There is no order
\set VERBOSITY sqlstate
SELECT c FROM list ORDER BY c;
\set VERBOSITY default

-- GIN: the same rows with the index as without
CREATE TABLE public.many (id int, c characteristics);
INSERT INTO public.many SELECT id, c FROM list;
INSERT INTO public.many SELECT 100 + i, jsonb_build_object('duration', i % 50, 'unit', 'U' || i % 7, 'n' || i % 11, NULL) FROM generate_series(1, 2000) AS i;
CREATE TEMP TABLE question (q characteristics);
INSERT INTO question SELECT c FROM list;
INSERT INTO question VALUES ('{"duration":7}'), ('{"duration":7.0,"unit":"U0"}'), ('{"duration":8,"duration":7}'), ('{"unit":"U3"}'), ('{"n3":null}'), ('{"n3":null,"duration":1}');
SET enable_seqscan = on;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
CREATE TEMP TABLE without_index AS
	SELECT '@>' AS op, q::text, id FROM public.many JOIN question ON c @> q
	UNION ALL SELECT '?', n, id FROM public.many JOIN unnest(ARRAY['a', 'duration', 'n3', 'nope', '']) AS n ON c ? n
	UNION ALL SELECT '?|', n::text, id FROM public.many JOIN wanted ON c ?| n
	UNION ALL SELECT '?&', n::text, id FROM public.many JOIN wanted ON c ?& n;
RESET enable_bitmapscan;
SET enable_seqscan = off;
CREATE INDEX many_gin ON public.many USING gin (c);
EXPLAIN (COSTS OFF) SELECT id FROM public.many WHERE c @> '{"duration":7}' AND c ? 'unit' AND c ?& '{n3}';
SELECT id FROM public.many WHERE c @> '{"duration":7.0}' AND c ? 'unit' AND c ?& '{n3}' ORDER BY id;
CREATE TEMP TABLE with_index AS
	SELECT '@>' AS op, q::text, id FROM question JOIN public.many ON c @> q
	UNION ALL SELECT '?', n, id FROM unnest(ARRAY['a', 'duration', 'n3', 'nope', '']) AS n JOIN public.many ON c ? n
	UNION ALL SELECT '?|', n::text, id FROM wanted JOIN public.many ON c ?| n
	UNION ALL SELECT '?&', n::text, id FROM wanted JOIN public.many ON c ?& n;
SELECT op, count(*) FROM with_index GROUP BY op ORDER BY op COLLATE "C";
SELECT count(*) AS differ FROM ((TABLE with_index EXCEPT ALL TABLE without_index) UNION ALL (TABLE without_index EXCEPT ALL TABLE with_index)) AS d;
RESET enable_seqscan;
RESET enable_indexscan;
DROP TABLE public.many;

-- ?= asks for a name and values as a query string does: every value of a repeated name, numbers by value
SELECT c ?= '{a,100}' AS number, c ?= '{a,1e2}' AS spelt_otherwise, c ?= '{a,x}' AS the_first, c ?= '{a,y,x}' AS alternatives,
	c ?= '{b,100}' AS text_of_one, c ?= '{b," 1.00e2 "}' AS both, c ?= '{o,"{\"x\":1}"}' AS nested, c ?= '{t,true}' AS truth
FROM (SELECT '[{"name":"a","value":"x"},{"name":"a","value":100},{"name":"b","value":"1E+2"},{"name":"o","value":{"x": 1}},{"name":"t","value":true}]'::characteristics AS c) AS x;
SELECT c ?= '{A,100}' AS other_name, c ?= '{a,200}' AS other_value, c ?= '{z,null}' AS null_value, c ?= '{a}' AS no_value, c ?= '{}' AS nothing,
	c ?= '{NULL,100}' AS null_name, c ?= '{a,NULL}' AS null_alone, c ?= '{a,NULL,100}' AS beside_null, c ?= '{{a,1},{2,100}}' AS two_dimensions, (c ?= NULL) IS NULL AS is_null
FROM (SELECT '[{"name":"a","value":100},{"name":"z"},{"value":100}]'::characteristics AS c) AS x;

-- By the index as without, and as value for value; the index holds what is spelt otherwise under its number
CREATE TEMP TABLE spelling (value jsonb);
INSERT INTO spelling SELECT to_jsonb(v) FROM unnest(ARRAY['100', '1e2', '1E+2', '1e02', '100.0', '100.00', ' 100 ', E'\t100\n', '100 x', '0100', '+100', '0x64', '1_00',
	'-0', '0', '0.0', '-0.0', '0e5', '0E-7', '.5', '5.', '0.5', '5e-1', '0.50', '-0.5', '-5e-1', 'NaN', 'Infinity', '1e131071', '1' || repeat('0', 131071), '1' || repeat('0', 131072),
	'1e200000', '1e-16383', '1e-20000', repeat('9', 40), repeat('9', 40) || '.0', '1.' || repeat('0', 147470), '1.' || repeat('0', 20), '1', repeat(' ', 200000) || '1',
	'true', 'false', 'null', '', ' ', 'é', U&'e\0301', '２', U&'100\00a0', '{"a":1}', '{"a": 1}', '[1,2]', '[1, 2]', '{', '[', '"100"', '-', '--1', '1e', 'e2']) AS v;
INSERT INTO spelling VALUES ('100'), ('1e2'), ('100.0'), ('-0'), ('0.00'), ('0.5'), ('0.50'), ('-0.5'), ('1'), ('1.000'), ('1e131071'), ('1e-16383'),
	('true'), ('false'), ('null'), ('{"a":1}'), ('{"a":1.0}'), ('[1,2]'), ('{}'), ('[]'), ('"é"');
-- as many digits as a plain spelling has, and more
INSERT INTO spelling SELECT v FROM generate_series(255, 258) n, LATERAL (VALUES (to_jsonb('1' || repeat('0', n - 1))), (to_jsonb('1e' || n - 1)), (to_jsonb(('1e' || n - 1)::numeric)),
	(to_jsonb('-0.' || repeat('0', n - 1) || '1')), (to_jsonb('-1e-' || n)), (to_jsonb(('-1e-' || n)::numeric)), (to_jsonb(repeat('9', n) || '.' || repeat('9', n))), (to_jsonb(repeat('9', n) || '.' || repeat('9', n) || 'e0'))) s (v);
CREATE TABLE public.spelt (id int GENERATED ALWAYS AS IDENTITY, c characteristics);
INSERT INTO public.spelt (c) SELECT jsonb_build_array(jsonb_build_object('name', 'n', 'value', value))::characteristics FROM spelling;
-- digits as they came, which jsonb would not keep
INSERT INTO public.spelt (c) SELECT format('[{"name":"m"},{"name":"n","value":%s}]', v)::characteristics
	FROM unnest(ARRAY['1E2', '100.0', '1e+2', '-0', '0.0', '0.50', '5E-1', '1.0', '[1, 2]', '{"a" : 1}']) AS v;
INSERT INTO public.spelt (c) SELECT jsonb_build_array(jsonb_build_object('name', 'n', 'value', x.value), jsonb_build_object('name', 'n', 'value', y.value))::characteristics
	FROM unnest('{1,100,true,"\"1e2\"","\" 100 \"","\"x\"","\"0.5\"",0.50}'::jsonb[]) x (value), unnest('{"\"1.00\"",1e2,null,"\"true\"",[100],"\"\""}'::jsonb[]) y (value);
INSERT INTO public.spelt (c) VALUES ('[]'), ('[{"name":"n"}]'), ('[{"value":"100"}]'), ('{"N":"100"}'), ('{"100":"n"}'), (NULL);
CREATE TEMP TABLE asked (a text[]);
INSERT INTO asked SELECT ARRAY['n', v] FROM (SELECT value #>> '{}' FROM spelling UNION SELECT value::text FROM spelling) AS x(v) WHERE v IS NOT NULL;
INSERT INTO asked VALUES ('{}'), ('{n}'), ('{NULL}'), ('{NULL,100}'), ('{n,NULL}'), ('{n,NULL,100}'), ('{n,x,1e2,true}'), ('{{n,100},{1,2}}'), ('{N,1e2}'), ('{m,100}'), ('{"",100}');
SET enable_indexscan = off;
SET enable_bitmapscan = off;
CREATE TEMP TABLE spelt_without AS SELECT a, id FROM asked JOIN public.spelt ON c ?= a;
RESET enable_bitmapscan;
CREATE INDEX spelt_gin ON public.spelt USING gin (c);
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM public.spelt WHERE c ?= '{n,1e2}';
CREATE TEMP TABLE spelt_with AS SELECT a, id FROM asked JOIN public.spelt ON c ?= a;
RESET enable_seqscan;
RESET enable_indexscan;
SELECT count(DISTINCT a) AS asked, count(*) AS found, count(*) FILTER (WHERE a = '{n,1e2}') AS found_100 FROM spelt_without;
SELECT count(*) AS differ FROM ((TABLE spelt_with EXCEPT ALL TABLE spelt_without) UNION ALL (TABLE spelt_without EXCEPT ALL TABLE spelt_with)) AS d;
-- and as numeric and bytes would have it, of values that are no longer than a number can be
SELECT count(*) AS differ FROM (SELECT a, id FROM spelt_without WHERE cardinality(a) = 2 AND a[1] IS NOT NULL AND a[2] IS NOT NULL) w FULL JOIN (
	SELECT DISTINCT a, id FROM asked, public.spelt, LATERAL characteristics_each(c) e
	WHERE cardinality(a) = 2 AND name = a[1] AND CASE
		WHEN value_number(value) IS NOT NULL AND value_number(a[2]) IS NOT NULL AND length(btrim(value)) < 147471 AND length(btrim(a[2])) < 147471
		THEN value_number(value) = value_number(a[2]) ELSE value COLLATE "C" = a[2] END) o USING (a, id)
WHERE w IS NULL OR o IS NULL;
DROP TABLE public.spelt;

-- Changed as a list: the last of the name, which counts, has the new value; all else stays
CREATE TEMP TABLE changing AS SELECT '[{"name":"a","value":"1","@type":"T"},{"name":"b","value":2.50,"valueType":"number"},{"name":"a","value":"3","unit":"s"},{"value":"nameless"}]'::characteristics AS c;
SELECT characteristics_set(c, 'a', 'x') FROM changing;
SELECT characteristics_set(c, 'b', '"x"') FROM changing;
SELECT characteristics_set(c, 'b', '{"x": [1.00, null, "y"]}'::jsonb) FROM changing;
SELECT characteristics_set(c, 'b', v) FROM changing, unnest('{1.50,1e2,true,false,"\"s\"","[]","{}"}'::jsonb[]) v;
SELECT characteristics_set(c, 'new', 'x') FROM changing;
SELECT characteristics_set(characteristics_set(c, 'volume', to_jsonb(5)), '', 'no name') FROM changing;
SELECT characteristics_remove(c, 'a'), characteristics_remove(c, 'none') = c AS same, characteristics_remove(c, 'A') = c AS same FROM changing;
SELECT characteristics_remove(characteristics_remove(c, 'a'), 'b') FROM changing;

-- A list that is null is an empty one, a value that is null none; a name that is null is a slip
SELECT characteristics_set(NULL, 'a', 'x'), characteristics_set(NULL, 'a', '1'::jsonb), characteristics_remove(NULL, 'a') IS NULL AS is_null;
SELECT characteristics_set(c, 'b', NULL) AS of_text, characteristics_set(c, 'b', 'null'::jsonb) AS of_jsonb FROM changing;
SELECT characteristics_set(c, NULL, 'x') FROM changing;
SELECT characteristics_remove(c, NULL) FROM changing;

-- Deeper than a list may be
SELECT length(characteristics_set(NULL, 'deep', (repeat('[', 998) || repeat(']', 998))::jsonb)::text);
SELECT characteristics_set(NULL, 'deep', (repeat('[', 999) || repeat(']', 999))::jsonb);

-- A thousand values one after the other, and away again
DO $$
DECLARE
	c characteristics := '[{"name":"n1","value":"old","@type":"T"},{"name":"n1","value":"old"}]';
BEGIN
	FOR i IN 1 .. 1000 LOOP
		c := characteristics_set(c, 'n' || i, to_jsonb(i));
	END LOOP;
	RAISE NOTICE '%, %, %', left(c::text, 80), c ->> 'n1000', json_array_length(c::json);
	FOR i IN 2 .. 1000 LOOP
		c := characteristics_remove(c, 'n' || i);
	END LOOP;
	RAISE NOTICE '%', c;
END
$$;

-- jsonb's operators and functions read a list; what they write has one element for each name and no other members
SELECT c #>> '{b}' AS b, c -> 'a' AS a, jsonb_path_exists(c, '$.b ? (@ > 2)') AS path, (SELECT count(*) FROM jsonb_each(c)) AS pairs FROM changing;
SELECT jsonb_set(c, '{a}', '"x"')::characteristics AS by_jsonb, characteristics_set(c, 'a', 'x') AS as_a_list FROM changing;
DROP TABLE changing;

-- What an object or array as a value contains, as jsonb says
WITH value (v) AS (VALUES ('{}'), ('[]'), ('{"a":1}'), ('{"a":1.0,"b":null}'), ('{"a":{"b":[1,2]}}'), ('{"a":{"b":[2]}}'), ('{"a":[]}'),
	('[1]'), ('[1.00,2]'), ('[2,1,1]'), ('["1"]'), ('[[1]]'), ('[[1,2],[3]]'), ('[[3],[1]]'), ('[{"a":1,"b":2},{"a":2}]'), ('[{"a":1}]'), ('[{"a":2,"b":2}]'),
	('[true,null]'), ('[false]'), ('[null]'), ('["\u00e9"]'), ('{"x":"1"}'), ('{"x":[{"y":[[]]}]}'), ('{"x":[{"y":[]}]}'))
SELECT count(*), count(*) FILTER (WHERE x.c @> y.c) AS contained, count(*) FILTER (WHERE x.c @> y.c IS DISTINCT FROM x.c::jsonb OPERATOR(pg_catalog.@>) y.c::jsonb) AS differ
FROM (SELECT ('{"v":' || v || '}')::characteristics AS c FROM value) x, (SELECT ('{"v":' || v || '}')::characteristics AS c FROM value) y;

-- Large values, compressed and out of line
CREATE TABLE public.large (id int, c characteristics);
INSERT INTO public.large SELECT 1, jsonb_object_agg('name' || i, repeat('x', i)) FROM generate_series(1, 1000) AS i;
INSERT INTO public.large SELECT 2, json_object_agg('name' || i, md5(i::text))::text::characteristics FROM generate_series(1, 5000) AS i;
INSERT INTO public.large VALUES (3, ('[{"name":"duration","value":"' || repeat('0123456789', 100000) || '"}]')::characteristics);
SELECT id, length(c::text), pg_column_size(c) < length(c::text) / 2 AS compressed, jsonb_array_length(to_jsonb(c)) AS elements,
	c ? 'name777' AS found, length(c ->> 'name777') AS len, c @> '{"name5":"xxxxx"}' AS contains, c = c::text::characteristics AS same
FROM public.large ORDER BY id;
SELECT count(*) FROM public.large x JOIN public.large y ON x.c = y.c;
SELECT id, characteristics_set(c, 'name777', 'new') ->> 'name777' AS new, characteristics_remove(c, 'name777') ? 'name777' AS left,
	characteristics_remove(characteristics_set(c, 'more', 'x'), 'more') = c AS same FROM public.large ORDER BY id;
-- as many names asked for as there are
SELECT id, c ?& (SELECT array_agg('name' || i) FROM generate_series(1, 1000) i) AS all, c ?& (SELECT array_agg('name' || i) FROM generate_series(1, 6000) i) AS more,
	c ?| (SELECT array_agg('no' || i) FROM generate_series(1, 100) i) AS none, c ?| (SELECT array_agg('no' || i) || NULL || '{name1,duration}' FROM generate_series(1, 100) i) AS one
FROM public.large ORDER BY id;
DROP TABLE public.large;

-- All is commented, and the operator classes are sound
SELECT 'function' AS what, proname::text AS name FROM pg_proc WHERE proname LIKE 'characteristics%' AND pronamespace = 'usage_mgmt'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL
UNION ALL SELECT 'operator', oid::regoperator::text FROM pg_operator WHERE 'characteristics'::regtype IN (oprleft, oprright) AND obj_description(oid, 'pg_operator') IS NULL
UNION ALL SELECT 'cast', castfunc::regproc::text FROM pg_cast WHERE 'characteristics'::regtype IN (castsource, casttarget) AND obj_description(oid, 'pg_cast') IS NULL
UNION ALL SELECT 'operator class', opcname FROM pg_opclass WHERE opcintype = 'characteristics'::regtype AND obj_description(oid, 'pg_opclass') IS NULL
UNION ALL SELECT 'type', 'characteristics' WHERE obj_description('characteristics'::regtype, 'pg_type') IS NULL;
SELECT amname, amvalidate(c.oid) FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod WHERE opcintype = 'characteristics'::regtype ORDER BY amname;
RESET search_path;
