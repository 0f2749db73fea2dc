-- Values that SQL can make and no reader of ours would: a role with USAGE on the schema alone gets a result or an error of its own making.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';

CREATE FUNCTION pg_temp.state(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE statement INTO result;
	RETURN coalesce(result, 'null');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;

-- A usage as anybody can make one: any value in any column
CREATE FUNCTION pg_temp.tmf(columns jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.state(format('SELECT usage_mgmt.to_tmf(jsonb_populate_record(NULL::usage_mgmt.usage, %L))',
		'{"id": "u"}'::jsonb || columns))
$$;

CREATE ROLE regress_anybody;
GRANT USAGE ON SCHEMA usage_mgmt TO regress_anybody;
SET ROLE regress_anybody;

-- What is kept beside the model's columns is an object
SELECT extra, pg_temp.tmf(jsonb_build_object('extra', extra)) AS usage,
	pg_temp.tmf(jsonb_build_object('related_party', jsonb_build_array(jsonb_build_object('extra', extra)))) AS party,
	pg_temp.tmf(jsonb_build_object('rated_product_usage', jsonb_build_array('{}'::jsonb, jsonb_build_object('extra', extra)))) AS rating
FROM unnest(ARRAY['[]', 'false', '0', '"x"', '[{"a": 1}]', '{}', '{"a": {"b": [1]}}']::jsonb[]) extra;
SELECT pg_temp.state(format($$SELECT usage_mgmt.to_tmf(jsonb_populate_record(NULL::usage_mgmt.usage_specification, %L))$$, columns))
FROM unnest(ARRAY['{"id": "s", "extra": []}', '{"id": "s", "usage_spec_characteristic": 5}',
	'{"id": "s", "usage_spec_characteristic": [null]}',
	'{"id": "s", "usage_spec_characteristic": [{"name": 1, "usageSpecCharacteristicValue": {}}]}',
	'{"id": "s", "extra": {"a": null}}']::jsonb[]) columns;
SELECT pg_temp.state($$SELECT usage_mgmt.content_hash(jsonb_populate_record(NULL::usage_mgmt.usage, '{"extra": []}'))$$);

-- A list has one dimension; where it counts from does not matter, and null elements are passed over
SELECT pg_temp.state(format($$SELECT usage_mgmt.to_tmf(jsonb_populate_record(NULL::usage_mgmt.usage, jsonb_build_object('id', 'u', 'related_party', %L::usage_mgmt.related_party[]::text)))$$, parties)) AS usage,
	pg_temp.state(format($$SELECT usage_mgmt.party_ids(%L)$$, parties)) AS ids
FROM unnest(ARRAY['{}', '{NULL}', '{NULL,"(user,a,,,,,,,,,,,)",NULL}', '[0:1]={NULL,"(user,a,,,,,,,,,,,)"}',
	'{{"(user,a,,,,,,,,,,,)"},{"(user,b,,,,,,,,,,,)"}}']) parties;
SELECT name, array_agg(CASE WHEN name IS NULL THEN usage_mgmt.rating_refs(ratings) ELSE usage_mgmt.rating_refs(ratings, name) END::text) AS refs
FROM unnest(ARRAY['', '[0:1]=']) bounds, LATERAL (SELECT (bounds || ARRAY[NULL, usage_mgmt.rated_product_usage(product_ref => 'http://p/1', product_ref_id => '1',
		extra => '{"bill": ["B", 1e2, null, 0.50, {"no": "1E2"}, [true]], "": "nameless", "a\"\\$": {"": {"b": "x"}}}')]::text)::usage_mgmt.rated_product_usage[] AS ratings) r,
	unnest(ARRAY[NULL, 'bill', 'bill.no', 'bill[1]', 'none', '', '.', 'a"\$..b', '$', '*', 'é']) WITH ORDINALITY n(name, n)
GROUP BY n, name ORDER BY n;
-- of a text as much as an index can take; a number of more digits than 256 is not spelt out
SELECT left(value #>> '{}', 20) AS value, length(value #>> '{}'), array_agg(length(ref)) AS lengths, (array_agg(left(ref, 60)))[2] AS plain
FROM unnest(ARRAY['"1e131071"', '"-1e-16383"', '"1e255"', '"1e256"', '"1e-256"', '"1e-257"', to_jsonb(repeat('1', 500) || ' '), to_jsonb(repeat('é', 501)), to_jsonb(repeat('0', 300000))]) WITH ORDINALITY v (value, n),
	unnest(usage_mgmt.rating_refs(ARRAY[usage_mgmt.rated_product_usage(extra => jsonb_build_object('bill', value))], 'bill')) ref
GROUP BY n, value ORDER BY n;
SELECT usage_mgmt.rating_refs('{}') AS nothing, usage_mgmt.rating_refs('{}', 'bill') AS by_name, usage_mgmt.rating_refs('{NULL}', NULL) IS NULL AS no_name;

-- Numbers and times beyond those of JSON are strings in it
SELECT pg_temp.tmf('{"usage_date": "infinity", "rated_product_usage": [{"rating_date": "20000-01-01", "tax_rate": "NaN",
	"tax_included_rating_amount": "-Infinity", "tax_excluded_rating_amount": "Infinity"}, {"rating_date": "0044-03-15 BC"}]}');

-- Rows of something else
SELECT pg_temp.state(format('SELECT usage_mgmt.to_tmf(%s)', row)) AS to_tmf,
	pg_temp.state(format('SELECT usage_mgmt.content_hash(%s)', row)) AS content_hash
FROM unnest(ARRAY['NULL::usage_mgmt.usage', 'ROW(1, 2)', '5', '''x''::text', 'ARRAY[1]', 'NULL::record',
	'ROW(NULL, NULL)', 'NULL::usage_mgmt.usage_specification', '(SELECT c FROM pg_catalog.pg_class c LIMIT 1)',
	'ROW(''a'')::usage_mgmt.related_party', '(NULL::usage_mgmt.usage).related_party']) row;

-- Nothing matches a value that is null, or none at all
SELECT op, "values", usage_mgmt.value_matches('a', op, "values"),
	usage_mgmt.characteristic_matches('{"n": "a"}', 'n', op, "values"),
	usage_mgmt.characteristics('{"n": "a"}') OPERATOR(usage_mgmt.?|) "values" AS exists_any,
	usage_mgmt.characteristics('{"n": "a"}') OPERATOR(usage_mgmt.?&) "values" AS exists_all
FROM unnest(ARRAY['eq', 'ne', 'gte', 'regex']) op,
	(VALUES (ARRAY[NULL]), (ARRAY[NULL, 'n', NULL, 'a']), ('{}'), ('{{a,NULL},{b,n}}'), ('[-1:0]={NULL,a}')) v ("values");
SELECT pg_temp.state($$SELECT usage_mgmt.value_matches('a', 'EQ', ARRAY[NULL]::text[])$$);

-- What triggers and indexes call is nobody's to call
SELECT p.oid::regprocedure FROM pg_proc p
WHERE pronamespace = 'usage_mgmt'::regnamespace AND has_function_privilege(p.oid, 'EXECUTE')
AND (prorettype = 'trigger'::regtype OR 'internal'::regtype = ANY (proargtypes::oid[])) AND proname <> 'characteristics_recv';
RESET ROLE;

-- The tables refuse all of it, with its path
\set VERBOSITY default
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, extra) VALUES ('hostile', '2001-01-15', 'VOICE', '[]');
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, extra, related_party) VALUES ('hostile', '2001-01-15', 'VOICE', '0',
	ARRAY[usage_mgmt.related_party('user', 'a'), ROW('user', 'b', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '"x"')]::usage_mgmt.related_party[]);
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, related_party) VALUES ('hostile', '2001-01-15', 'VOICE',
	ARRAY[ARRAY[usage_mgmt.related_party('user', 'a')], ARRAY[usage_mgmt.related_party('user', 'b')]]);
INSERT INTO usage_mgmt.usage_specification (id, usage_spec_characteristic) VALUES ('hostile', '5');
\set VERBOSITY terse

-- One that came in while they could not is read by nobody, and mended by an UPDATE
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('hostile', '2001-01-15', 'VOICE');
SET session_replication_role = replica;
UPDATE usage_mgmt.usage SET extra = '[]', related_party = '{{"(user,a,,,,,,,,,,,)"}}' WHERE id = 'hostile';
RESET session_replication_role;
SELECT pg_temp.state($$SELECT usage_mgmt.get_usage('hostile')$$);
SELECT pg_temp.state($$SELECT usage_mgmt.get_usages('id=hostile')$$);
SELECT pg_temp.state($$SELECT usage_mgmt.to_tmf(u) FROM usage_mgmt.usage u WHERE id = 'hostile'$$);
SELECT pg_temp.state($$SELECT usage_mgmt.put_usage('hostile', '{"date": "2001-01-15", "type": "DATA"}')$$);
SELECT pg_temp.state($$SELECT usage_mgmt.patch_usage('hostile', '{"type": "DATA"}')$$);
-- an UPDATE does not look at what it leaves alone
UPDATE usage_mgmt.usage SET usage_type = 'VOICE, again' WHERE id = 'hostile' RETURNING usage_type;
UPDATE usage_mgmt.usage SET usage_type = 'DATA', extra = '[1]' WHERE id = 'hostile';
UPDATE usage_mgmt.usage SET related_party = '{{"(user,b,,,,,,,,,,,)"}}' WHERE id = 'hostile';
UPDATE usage_mgmt.usage SET extra = NULL, related_party = '[5:5]={"(user,a,,,,,,,,,,,)"}' WHERE id = 'hostile';
SELECT usage_mgmt.get_usage('hostile');
DELETE FROM usage_mgmt.usage WHERE id = 'hostile';

-- Nor is a status whose label the owner of the type has changed
ALTER TYPE usage_mgmt.usage_status RENAME VALUE 'guided' TO 'steered';
\c -
\set VERBOSITY terse
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('hostile', '2001-01-15', 'VOICE');
ALTER TYPE usage_mgmt.usage_status RENAME VALUE 'steered' TO 'guided';

DROP OWNED BY regress_anybody;
DROP ROLE regress_anybody;
