-- What the operations take: text, json and jsonb; and a list that is one element.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on

-- A literal, json, jsonb, and text of any kind
SELECT usage_mgmt.post_usage('{"id": "1", "date": "2026-01-01", "type": "t"}') ->> 'id';
SELECT usage_mgmt.post_usage(json_build_object('id', 2, 'date', '2026-01-01', 'type', 't')) ->> 'id';
SELECT usage_mgmt.post_usage(jsonb_build_object('id', 3, 'date', '2026-01-01', 'type', 't', 'n', 1.50)) ->> 'n';
SELECT usage_mgmt.post_usage(text '{"id": "4", "date": "2026-01-01", "type": "t"}', 'v4') ->> 'usageType';
SELECT usage_mgmt.post_usage(varchar '{"id": "5", "date": "2026-01-01", "type": "t"}', version => 'v4') ->> 'usageType';
SELECT usage_mgmt.post_usage(body => '{"id": "6", "date": "2026-01-01", "type": "t"}') ->> 'id';
SELECT usage_mgmt.post_usage(row_to_json(r)) ->> 'id' FROM (VALUES ('7', '2026-01-01', 't')) r (id, date, type);
SELECT usage_mgmt.post_usage(to_jsonb(r), version => 'r14.5') ->> 'id' FROM (VALUES ('8', '2026-01-01', 't')) r (id, date, type);
SELECT usage_mgmt.put_usage('1', '{"date": "2026-01-01", "type": "literal"}') ->> 'type';
SELECT usage_mgmt.put_usage('1', '{"date": "2026-01-01", "type": "json"}'::json, 'v4') ->> 'usageType';
SELECT usage_mgmt.put_usage(id => '1', body => '{"date": "2026-01-01", "type": "jsonb"}'::jsonb) ->> 'type';
SELECT usage_mgmt.patch_usage('1', '{"description": "literal"}') ->> 'description';
SELECT usage_mgmt.patch_usage('1', '{"description": "json"}'::json) ->> 'description';
SELECT usage_mgmt.patch_usage('1', jsonb_build_object('description', 'jsonb')) ->> 'description';
SELECT usage_mgmt.patch_usage('1', patch => '[{"op": "add", "path": "/description", "value": "named"}]', content_type => 'application/json-patch+json') ->> 'description';
SELECT usage_mgmt.patch_usages('id=1', '{"description": "a"}'), usage_mgmt.patch_usages('id=1', json '{"description": "b"}'), usage_mgmt.patch_usages('id=1', jsonb '{"description": "c"}');
SELECT count(*) FROM usage_mgmt.patch_usages_each('id=1', '{"id": "a"}');
SELECT code FROM usage_mgmt.patch_usages_each('id=1', json '{"id": "b"}'), usage_mgmt.patch_usages_each('id=1', jsonb '{"id": "c"}') AS also (a, code_too, b);
SELECT usage_mgmt.post_usage_specification('{"id": "1"}') ->> 'id', usage_mgmt.post_usage_specification(json '{"id": "2"}') ->> 'id', usage_mgmt.post_usage_specification(jsonb '{"id": "3"}') ->> 'id';
SELECT usage_mgmt.put_usage_specification('1', '{"name": "a"}') ->> 'name', usage_mgmt.put_usage_specification('2', json '{"name": "b"}') ->> 'name', usage_mgmt.put_usage_specification('3', jsonb '{"name": "c"}') ->> 'name';
SELECT usage_mgmt.patch_usage_specification('1', '{"name": "d"}') ->> 'name', usage_mgmt.patch_usage_specification('2', json '{"name": "e"}') ->> 'name', usage_mgmt.patch_usage_specification('3', jsonb '{"name": "f"}') ->> 'name';
SELECT usage_mgmt.patch_usage_specifications('name=d', '{"name": "g"}'), usage_mgmt.patch_usage_specifications('name=e', json '{"name": "g"}'), usage_mgmt.patch_usage_specifications('name=f', jsonb '{"name": "g"}');
SELECT (SELECT code FROM usage_mgmt.patch_usage_specifications_each('id=1', '{"id": "a"}')), (SELECT code FROM usage_mgmt.patch_usage_specifications_each('id=1', json '{"id": "a"}')),
	(SELECT code FROM usage_mgmt.patch_usage_specifications_each('id=1', jsonb '{"id": "a"}'));

-- Parameters without a type, as drivers send them
PREPARE post AS SELECT usage_mgmt.post_usage($1) ->> 'id';
EXECUTE post ('{"id": "9", "date": "2026-01-01", "type": "t"}');
PREPARE put AS SELECT usage_mgmt.put_usage($1, $2, $3) ->> 'usageType';
EXECUTE put ('9', '{"date": "2026-01-01", "type": "u"}', 'v4');
PREPARE patch AS SELECT usage_mgmt.patch_usage($1, $2) ->> 'description', usage_mgmt.patch_usages($3, $2);
EXECUTE patch ('9', '{"description": "d"}', 'id=9');
PREPARE recycle AS SELECT usage_mgmt.recycle_reject($1, $2), usage_mgmt.recycle_rejects($3, $4), usage_mgmt.recycle_rejects($3), usage_mgmt.recycle_reject($1);
EXECUTE recycle ('4711', '{}', '4711', '{}');
DEALLOCATE ALL;
SELECT usage_mgmt.recycle_reject(4711, json '{}'), usage_mgmt.recycle_reject(4711, jsonb '{}'), usage_mgmt.recycle_rejects(4711, json '{}'), usage_mgmt.recycle_rejects(4711, jsonb '{}');

-- In a function, a variable of any type
DO $$
DECLARE
	as_json json := '{"id": "10", "date": "2026-01-01", "type": "t"}';
	as_jsonb jsonb := as_json;
	as_text text := as_json;
BEGIN
	RAISE NOTICE '%', usage_mgmt.post_usage(as_json) ->> 'id';
	RAISE NOTICE '%', usage_mgmt.post_usage(as_jsonb) ->> 'id';
	RAISE NOTICE '%', usage_mgmt.post_usage(as_text) ->> 'id';
END
$$;

-- What is no JSON, or nothing
SELECT usage_mgmt.post_usage('{"id": ');
SELECT usage_mgmt.post_usage('');
SELECT usage_mgmt.post_usage(NULL);
SELECT usage_mgmt.post_usage(NULL::jsonb);
SELECT usage_mgmt.post_usage('"x"'::jsonb);
SELECT usage_mgmt.patch_usage('1', '{"a" 1}');
SELECT usage_mgmt.patch_usage('1', 'null'::jsonb);
SELECT usage_mgmt.recycle_rejects(4711, 'x');

-- Every verb has all three
SELECT proname, count(*) FROM pg_proc, unnest(ARRAY['json', 'jsonb', 'text']::regtype[]) type
WHERE pronamespace = 'usage_mgmt'::regnamespace AND proname ~ '^(post|put|patch|recycle)_'
AND proargtypes[array_position(proargnames, (ARRAY['body', 'patch', 'corrected_document'])[1 + (proname !~ '^(post|put)')::int + (proname = 'recycle_reject')::int]) - 1] = type
GROUP BY proname ORDER BY proname COLLATE "C";

-- An object with a name and a value is one characteristic, whatever else it has
CREATE FUNCTION pg_temp.taken(list text) RETURNS TABLE (posted json, put json, patched json) LANGUAGE plpgsql AS $$
DECLARE
	body text := format('{"id": "lone", "date": "2026-01-01", "type": "t", "usageCharacteristic": %s}', list);
BEGIN
	posted := usage_mgmt.post_usage(body) -> 'usageCharacteristic';
	put := usage_mgmt.put_usage('lone', body) -> 'usageCharacteristic';
	patched := usage_mgmt.patch_usage('lone', format('{"usageCharacteristic": %s}', list)) -> 'usageCharacteristic';
	PERFORM usage_mgmt.delete_usage('lone');
	RETURN NEXT;
END
$$;
SELECT t.* FROM unnest(ARRAY['{"name": "duration", "value": "61"}', '{" value ": {"a": [1]}, "unit": "s", " name ": "duration"}',
	'{"name": "duration", "value": 61, "valueType": "number", "x": {"name": 1}}',
	'[{"name": "duration", "value": "61"}]']) list, pg_temp.taken(list) t;

-- any other is the short form
SELECT t.* FROM unnest(ARRAY['{"duration": "61"}', '{"name": "duration"}', '{"value": "61"}', '{"name": 1, "value": 2}', '{}']) list, pg_temp.taken(list) t;

-- and to the type itself every object is
SELECT '{"name": "duration", "value": "61"}'::usage_mgmt.characteristics, '{"name": "duration", "value": "61"}'::jsonb::usage_mgmt.characteristics;

-- The same of a load, and where something is wrong with it
INSERT INTO usage_mgmt.usage_document VALUES ('{"id": "loaded", "date": "2026-01-01", "type": "t", "usageCharacteristic": {"name": "duration", "value": "61"}}');
SELECT usage_characteristic FROM usage_mgmt.usage WHERE id = 'loaded';
SELECT usage_mgmt.post_usage('{"date": "2026-01-01", "type": "t", "usageCharacteristic": {"name": "duration", "value": null}}');
SELECT usage_mgmt.post_usage('{"date": "2026-01-01", "type": "t", "usageCharacteristic": {"name": "duration", "value": 1, "name": "volume"}}');
SELECT usage_mgmt.post_usage('{"date": "2026-01-01", "type": "t", "usageCharacteristic": {"name": "duration", "value": 1');
SELECT json_array_length(usage_mgmt.post_usage('{"date": "2026-01-01", "type": "t", "usageCharacteristic": {"name": "deep", "value": ' || repeat('[', 997) || repeat(']', 997) || '}}') -> 'usageCharacteristic');
SELECT usage_mgmt.post_usage('{"date": "2026-01-01", "type": "t", "usageCharacteristic": {"name": "deep", "value": ' || repeat('[', 998) || repeat(']', 998) || '}}');

TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification;
