-- CSV: which column is which attribute, and documents as rows.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse

\pset format unaligned
\pset tuples_only on

-- the faults of a mapping, by path
CREATE FUNCTION mapping_faults(resource text, mapping jsonb, header text[] DEFAULT NULL) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	faults text;
BEGIN
	PERFORM FROM usage_mgmt.csv_steps(resource, mapping, header);
	RETURN NEXT 'sound';
EXCEPTION WHEN invalid_parameter_value THEN
	GET STACKED DIAGNOSTICS faults = PG_EXCEPTION_DETAIL;
	IF faults NOT LIKE '[%' THEN
		RETURN NEXT SQLERRM;
		RETURN;
	END IF;
	RETURN QUERY SELECT concat_ws(' | ', f ->> 'path', f ->> 'code', f ->> 'message', f ->> 'legal') FROM json_array_elements(faults::json) f;
END
$$;

-- what writes a row of such a header
CREATE FUNCTION steps(resource text, mapping jsonb, header text[]) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT concat_ws(' ', step, text, field, type, CASE WHEN path <> header[field] THEN 'for ' || path END)
	FROM usage_mgmt.csv_steps(resource, mapping, header)
$$;

-- steps

SELECT steps('usage', '{"id": "call_id", "usageDate": "start", "usageCharacteristic[duration]": {"column": "secs", "type": "number"},
	"relatedParty[customer].id": "cust", "ratedProductUsage[0].taxIncludedRatingAmount": "gross",
	"ratedProductUsage[0].currencyCode": {"value": "EUR"}, "usageType": {"value": "voice"}}',
	'{call_id,start,secs,cust,gross,unused}');
-- without a mapping the header has the paths, in either version's names and at any depth
SELECT steps('usage', NULL, '{id,date,usageSpecification.name,usageSpecification.extra.tier,relatedParty[customer].validFor.startDateTime,extra.site,extra.box.number}');
SELECT steps('usage', NULL, '{usageCharacteristic,relatedParty,usageSpecification,extra}');
-- elements stand in the order of their numbers; of words, as they come
SELECT steps('usage', '{"ratedProductUsage[10].taxRate": "c", "ratedProductUsage[2].taxRate": "b", "ratedProductUsage[0].usageRatingTag": "a"}', '{a,b,c}');
SELECT steps('usage', '{"relatedParty[0].role": "r", "relatedParty[0].id": "i", "relatedParty[a]b].id": "i"}', '{r,i}');
-- a characteristic's value, what goes with it, and what is the same in every row
SELECT steps('usage', '{"usageCharacteristic[volume]": {"column": "v", "type": "number"}, "usageCharacteristic[volume].unitOfMeasure": {"value": "MB"},
	"usageCharacteristic[a.b]": {"value": true}, "usageCharacteristic[\"quoted\"].value": {"column": "v", "type": "json"}}', '{v}');
SELECT steps('usage_specification', '{"id": "n", "lifecycleStatus": "s", "specCharacteristic[0].name": "c", "specCharacteristic[0].characteristicValueSpecification[0].valueFrom": "f",
	"targetEntitySchema.@type": {"value": "x"}}', '{n,s,c,f}');
SELECT steps('service_usage', '{"service.id": "s", "status": {"value": "generated"}}', '{s}');

-- faults, all of them

SELECT mapping_faults('usage', '{"id": "n"}');
SELECT mapping_faults('usage', '{"usageDat": "a", "relatedParty[customer].rol": "b", "usageSpecification.idd": "c", "description.x": "d",
	"relatedParty.id": "e", "description[0]": "f", "ratedProductUsage[first].taxRate": "g", "relatedParty[customer]": "h", "relatedParty[]": "i",
	"relatedParty[x": "j", "": "k", ".id": "l", "usageSpecification.": "m", "usageSpecification..id": "n"}');
SELECT mapping_faults('usage', '{"id": 5, "date": null, "type": ["x"], "status": {}, "description": {"column": "a", "value": "b"},
	"@type": {"column": 5}, "@baseType": {"colum": "x"}, "relatedParty": {"column": "a", "type": "number"}, "usageCharacteristic[x]": {"column": "a", "type": "integer"},
	"usageCharacteristic[y]": {"value": 1, "type": "number"}, "usageCharacteristic[z]": {"column": "a", "type": 5}}');
-- mapped twice, also under another name, and as a whole as well as in parts
SELECT mapping_faults('usage', '{"date": "a", "usageDate": "b"}');
SELECT mapping_faults('usage', '{"usageSpecification": "a", "usageSpecification.id": "b"}');
SELECT mapping_faults('usage', '{"relatedParty": "a", "relatedParty[0].id": "b"}');
SELECT mapping_faults('usage', '{"relatedParty[customer].id": "a", "relatedParty[customer].role": "b"}');
-- a path that goes on and on, and elements that stand in order however many there are
SELECT left(message, 30), right(message, 30) FROM (SELECT mapping_faults('usage', jsonb_build_object('extra' || repeat('.a', 1000000), 'a'))::text) f (message);
SELECT count(*) FROM usage_mgmt.csv_steps('usage', jsonb_build_object('extra' || repeat('.a', 99), 'a'), '{a}');
SELECT array_agg(field ORDER BY place) FILTER (WHERE field > 0) = array_agg(field ORDER BY field) FILTER (WHERE field > 0), count(field)
	FROM usage_mgmt.csv_steps('usage', (SELECT jsonb_object_agg('ratedProductUsage[' || n || '].taxRate', 'c' || n) FROM generate_series(1, 3000) n),
		(SELECT array_agg('c' || n ORDER BY n) FROM generate_series(1, 3000) n)) WITH ORDINALITY s (step, text, field, type, path, place);
SELECT mapping_faults('usage', '[]');
SELECT mapping_faults('usage', '5');
SELECT mapping_faults('usage', NULL, '{id,NULL}');
SELECT mapping_faults('usage', '{}');
-- against a header
SELECT mapping_faults('usage', '{"id": "a", "date": "b", "type": "c"}', '{a,b,b}');
SELECT mapping_faults('usage', NULL, '{id,id}');
SELECT mapping_faults('usage', NULL, '{id,"",nonsense}');
SELECT mapping_faults('nonsense', '{"id": "n"}');

-- the header of an export, and its rows

SELECT array_to_string(usage_mgmt.csv_columns(noun, version), ',') FROM usage_mgmt.resources(), (VALUES ('r14.5'), ('v4')) v (version)
	WHERE noun LIKE 'usage%' OR (noun LIKE 'service%' AND version = 'v4');
SELECT usage_mgmt.csv_columns('usage') = usage_mgmt.csv_columns('usage', 'r14.5');
SELECT usage_mgmt.csv_columns('usage', 'v9');
SELECT usage_mgmt.csv_row('usage', 'v4', '{"id": "1", "href": "h", "usageDate": "2026-01-01T00:00:00Z", "description": "a \"b\", c", "usageType": " x",
	"usageSpecification": {"id": "s", "tier": [1, 2]}, "usageCharacteristic": [{"name": "n", "value": "a,b"}], "more": {"x": 1}, "none": null, "status": ""}');
-- what a field cannot say is in the last column, and a row read back says the same
SELECT usage_mgmt.csv_row('usage', 'v4', E'{"id": "line\\nbreak", "description": "", "\\u00e4": true}');
SELECT usage_mgmt.csv_row('usage', 'v4', '[]');
SELECT usage_mgmt.csv_row('usage', 'v4', NULL) IS NULL, usage_mgmt.csv_columns(NULL) IS NULL;
-- each row of its own resource
SELECT n, usage_mgmt.csv_row(n, 'v4', '{"id": "1", "name": "x"}') FROM unnest('{usage,usage_specification,usage}'::text[]) n;
-- and what is known of the one before is forgotten
WITH made AS MATERIALIZED (SELECT usage_mgmt.csv_row(n, 'v4', '{"id": "1"}') FROM unnest('{usage,usage_specification,usage}'::text[]) n)
	SELECT (SELECT count(*) FROM made), (SELECT count(*) FROM pg_backend_memory_contexts WHERE name = 'CSV row');

-- a path has so many names, and not one more
SELECT n, right(fault, 20) AS fault FROM unnest('{100,101}'::int[]) n,
	mapping_faults('usage', jsonb_build_object('extra' || repeat('.a', n), 'a')) fault ORDER BY n;

DROP FUNCTION mapping_faults, steps;
