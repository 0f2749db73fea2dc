-- Each mandatory attribute, taken away one at a time, by every door.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';

-- A complete record as a row and as a document, with two elements everywhere
CREATE TEMP TABLE complete (resource text, record jsonb, document jsonb);
INSERT INTO complete VALUES ('usage',
	'{"id": "u", "usage_date": "2001-01-15T12:00:00Z", "usage_type": "VOICE", "status": "received",
	  "usage_characteristic": [{"name": "duration", "value": "20"}, {"name": "unit", "value": "SEC"}],
	  "related_party": [{"role": "owner", "id": "1"}, {"role": "customer", "id": "2"}],
	  "rated_product_usage": [
		{"rating_date": "2001-02-01T00:00:00Z", "tax_included_rating_amount": 12.00,
		 "tax_excluded_rating_amount": 10.00, "tax_rate": 20, "currency_code": "EUR", "product_ref": "http://s/p/1"},
		{"rating_date": "2001-02-02T00:00:00Z", "tax_included_rating_amount": 1.20,
		 "tax_excluded_rating_amount": 1.00, "tax_rate": 20, "currency_code": "EUR", "product_ref": "http://s/p/2"}]}',
	'{"id": "u", "date": "2001-01-15T12:00:00Z", "type": "VOICE", "status": "received",
	  "usageCharacteristic": [{"name": "duration", "value": "20"}, {"name": "unit", "value": "SEC"}],
	  "relatedParty": [{"role": "owner", "id": "1"}, {"role": "customer", "id": "2"}],
	  "ratedProductUsage": [
		{"ratingDate": "2001-02-01T00:00:00Z", "taxIncludedRatingAmount": 12.00,
		 "taxExcludedRatingAmount": 10.00, "taxRate": 20, "currencyCode": "EUR", "productRef": "http://s/p/1"},
		{"ratingDate": "2001-02-02T00:00:00Z", "taxIncludedRatingAmount": 1.20,
		 "taxExcludedRatingAmount": 1.00, "taxRate": 20, "currencyCode": "EUR", "productRef": "http://s/p/2"}]}');
INSERT INTO complete VALUES ('usage_specification',
	'{"id": "s", "name": "Voice", "status": "in study", "usage_spec_characteristic": [
		{"name": "unit"},
		{"name": "duration", "usageSpecCharacteristicValue": [
			{"valueType": "number", "valueFrom": "0"}, {"valueType": "string", "value": "unknown"}]}]}',
	'{"id": "s", "name": "Voice", "status": "in study", "usageSpecCharacteristic": [
		{"name": "unit"},
		{"name": "duration", "usageSpecCharacteristicValue": [
			{"valueType": "number", "valueFrom": "0"}, {"valueType": "string", "value": "unknown"}]}]}');

-- What seed 002 calls mandatory: where it lies in the row and in the document
CREATE TEMP TABLE mandatory (resource text, path text, in_row text[], in_document text[], rated boolean);
INSERT INTO mandatory VALUES
	('usage', 'date', '{usage_date}', '{date}', false),
	('usage', 'type', '{usage_type}', '{type}', false),
	('usage', 'usageCharacteristic[1].name', '{usage_characteristic,1,name}', '{usageCharacteristic,1,name}', false),
	('usage', 'usageCharacteristic[1].value', '{usage_characteristic,1,value}', '{usageCharacteristic,1,value}', false),
	('usage', 'relatedParty[1].role', '{related_party,1,role}', '{relatedParty,1,role}', false),
	('usage', 'ratedProductUsage[1].ratingDate', '{rated_product_usage,1,rating_date}',
		'{ratedProductUsage,1,ratingDate}', true),
	('usage', 'ratedProductUsage[1].taxIncludedRatingAmount', '{rated_product_usage,1,tax_included_rating_amount}',
		'{ratedProductUsage,1,taxIncludedRatingAmount}', true),
	('usage', 'ratedProductUsage[1].taxExcludedRatingAmount', '{rated_product_usage,1,tax_excluded_rating_amount}',
		'{ratedProductUsage,1,taxExcludedRatingAmount}', true),
	('usage', 'ratedProductUsage[1].taxRate', '{rated_product_usage,1,tax_rate}',
		'{ratedProductUsage,1,taxRate}', true),
	('usage', 'ratedProductUsage[1].currencyCode', '{rated_product_usage,1,currency_code}',
		'{ratedProductUsage,1,currencyCode}', true),
	('usage', 'ratedProductUsage[1].productRef', '{rated_product_usage,1,product_ref}',
		'{ratedProductUsage,1,productRef}', true),
	('usage', 'ratedProductUsage', '{rated_product_usage}', '{ratedProductUsage}', true),
	('usage_specification', 'usageSpecCharacteristic[1].name', '{usage_spec_characteristic,1,name}',
		'{usageSpecCharacteristic,1,name}', false),
	('usage_specification', 'usageSpecCharacteristic[1].usageSpecCharacteristicValue[1].valueType',
		'{usage_spec_characteristic,1,usageSpecCharacteristicValue,1,valueType}',
		'{usageSpecCharacteristic,1,usageSpecCharacteristicValue,1,valueType}', false);

-- In which statuses each is needed: a rating where there is to be one, the rest always
CREATE TEMP TABLE needed AS
	SELECT m.*, s.status, NOT m.rated OR s.status IN ('rated', 'rerated', 'billed') AS refused
	FROM mandatory m, unnest(enum_range(NULL::usage_mgmt.usage_status)::text[]) s (status)
	WHERE m.resource = 'usage'
	UNION ALL
	SELECT m.*, 'in study', true FROM mandatory m WHERE m.resource = 'usage_specification';

CREATE TEMP TABLE door (name text, in_row boolean, statement text);
INSERT INTO door VALUES
	('insert', true, 'INSERT INTO usage_mgmt.%1$s (%2$s) SELECT %2$s FROM faulty_%1$s'),
	('update', true, 'UPDATE usage_mgmt.%1$s SET (%2$s) = (SELECT %2$s FROM faulty_%1$s)'),
	('copy', true, 'COPY usage_mgmt.%1$s (%2$s) FROM %3$L'),
	('post', false, 'SELECT usage_mgmt.post_%1$s(%4$L)'),
	('put', false, 'SELECT usage_mgmt.put_%1$s(%5$L, %4$L)');
CREATE TEMP TABLE faulty_usage (LIKE usage_mgmt.usage);
CREATE TEMP TABLE faulty_usage_specification (LIKE usage_mgmt.usage_specification);
ALTER TABLE faulty_usage ALTER usage_date DROP NOT NULL, ALTER usage_type DROP NOT NULL;
-- beside the data, where the server may write
SELECT current_setting('data_directory') || '/usage_mgmt_mandatory.copy' AS file \gset

-- Tries one statement; returns the code and path of each fault
CREATE FUNCTION pg_temp.faults(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	sqlstate_found text;
BEGIN
	BEGIN
		EXECUTE statement;
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
		sqlstate_found := SQLSTATE;
		IF detail NOT LIKE '[{%' THEN
			RETURN sqlstate_found || ' ' || SQLERRM;
		END IF;
		IF detail::json -> 0 ->> 'code' <> sqlstate_found
			OR position(': ' || (detail::json -> 0 ->> 'path') || coalesce(' (column ' || (detail::json -> 0 ->> 'column') || ')', '') || ': ' IN SQLERRM) = 0 THEN
			RETURN 'the message does not name the first fault: ' || SQLERRM;
		END IF;
		RETURN (SELECT string_agg(concat_ws(' ', f ->> 'code', nullif(f ->> 'path', '')), ', ')
			FROM json_array_elements(detail::json) f);
	END;
	RETURN 'accepted';
END
$$;

-- Takes one attribute away from the complete record and knocks at one door
CREATE FUNCTION pg_temp.without(resource text, status text, door text, in_row text[],
	in_document text[], file text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	complete complete := (SELECT c FROM complete c WHERE c.resource = without.resource);
	door door := (SELECT d FROM door d WHERE d.name = without.door);
	columns text := (SELECT string_agg(quote_ident(key), ', ') FROM jsonb_object_keys(complete.record) key);
	result text;
BEGIN
	complete.record := complete.record || jsonb_build_object('status', status);
	complete.document := complete.document || jsonb_build_object('status', status);
	IF door.name IN ('update', 'put') THEN
		EXECUTE format('INSERT INTO usage_mgmt.%1$s (%2$s) SELECT %2$s
			FROM jsonb_populate_record(NULL::usage_mgmt.%1$s, $1)', resource, columns)
			USING complete.record;
	END IF;
	IF door.in_row THEN
		EXECUTE format('DELETE FROM faulty_%s', resource);
		EXECUTE format('INSERT INTO faulty_%1$s (%2$s) SELECT %2$s
			FROM jsonb_populate_record(NULL::faulty_%1$s, $1)', resource, columns)
			USING complete.record #- in_row;
		IF door.name = 'copy' THEN
			EXECUTE format('COPY (SELECT %s FROM faulty_%s) TO %L', columns, resource, file);
		END IF;
	END IF;
	result := pg_temp.faults(format(door.statement, resource, columns, file,
		complete.document #- in_document, complete.record ->> 'id'));
	IF resource = 'usage' THEN
		PERFORM usage_mgmt.delete_usage('u', billed => true);
	ELSE
		PERFORM usage_mgmt.delete_usage_specification('s');
	END IF;
	RETURN result;
END
$$;

-- The complete record is taken at every door, in every status
SELECT resource, d.name, s, pg_temp.without(resource, s, d.name, '{none}', '{none}', :'file') AS result
FROM complete, door d, unnest(enum_range(NULL::usage_mgmt.usage_status)::text[]) s
WHERE resource = 'usage'
AND pg_temp.without(resource, s, d.name, '{none}', '{none}', :'file') <> 'accepted';
SELECT resource, d.name, pg_temp.without(resource, 'in study', d.name, '{none}', '{none}', :'file')
FROM complete, door d WHERE resource = 'usage_specification';

-- Without one attribute it is refused with 23502 and the path of that one alone;
-- in a billed usage it is also a change of what must not change
CREATE TEMP TABLE tried AS
	SELECT n.resource, n.path, n.status, d.name AS door,
		CASE WHEN NOT n.refused THEN 'accepted'
			WHEN n.status = 'billed' AND d.name IN ('update', 'put') THEN '23502 ' || n.path || ', UM003'
			ELSE '23502 ' || n.path END AS expected,
		pg_temp.without(n.resource, n.status, d.name, n.in_row, n.in_document, :'file') AS result
	FROM needed n, door d;
SELECT door, count(*) FILTER (WHERE expected <> 'accepted') AS refused,
	count(*) FILTER (WHERE expected = 'accepted') AS accepted
FROM tried WHERE result = expected GROUP BY door ORDER BY door;
SELECT * FROM tried WHERE result <> expected;

-- In a document null and, but for a characteristic's value, a blank is as good as nothing
CREATE TEMP TABLE nothing AS
	SELECT n.path, n.status, spelling.value AS spelling, d.name AS door,
		CASE WHEN n.refused THEN '23502 ' || n.path ELSE 'accepted' END AS expected,
		pg_temp.faults(format(d.statement, n.resource, '', '',
			jsonb_set(c.document || jsonb_build_object('status', n.status), n.in_document, spelling.value),
			c.document ->> 'id')) AS result
	FROM needed n JOIN complete c USING (resource), door d, (VALUES ('null'::jsonb), ('""'), ('" "')) spelling (value)
	WHERE d.name = 'post' AND n.refused
	AND NOT (n.path = 'usageCharacteristic[1].value' AND spelling.value <> 'null')
	AND NOT (n.path = 'ratedProductUsage' AND spelling.value <> 'null');
SELECT count(*) FROM nothing WHERE result = expected;
SELECT * FROM nothing WHERE result <> expected;
SELECT count(*) FROM usage_mgmt.usage;
SELECT usage_mgmt.post_usage('{"id": "e", "date": "2001-01-15T12:00:00Z", "type": "VOICE",
	"usageCharacteristic": [{"name": "note", "value": ""}]}') -> 'usageCharacteristic' AS value_may_be_empty;
SELECT pg_temp.faults($$SELECT usage_mgmt.post_usage('{"date": "2001-01-15T12:00:00Z", "type": "VOICE",
	"status": "rated", "ratedProductUsage": []}')$$) AS empty_list;
SELECT pg_temp.faults($$UPDATE usage_mgmt.usage SET rated_product_usage = '{}', status = 'billed'$$) AS empty_array;

-- An id, too: post makes one, a row must bring it
SELECT pg_temp.faults($$INSERT INTO usage_mgmt.usage (usage_date, usage_type)
	VALUES ('2001-01-15 12:00+00', 'VOICE')$$);
SELECT pg_temp.faults($$INSERT INTO usage_mgmt.usage (id, usage_date, usage_type)
	VALUES (' ', '2001-01-15 12:00+00', 'VOICE')$$);
SELECT pg_temp.faults($$INSERT INTO usage_mgmt.usage_specification (name) VALUES ('Voice')$$);
SELECT usage_mgmt.post_usage('{"date": "2001-01-15T12:00:00Z", "type": "VOICE"}') ->> 'id'
	~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$' AS version_7_uuid;
TRUNCATE usage_mgmt.usage;

-- A rated usage gets the defaults of its rating, by any door; others do not
SELECT document || '{"id": "rated", "status": "rated"}' AS rated,
	document || '{"id": "guided", "status": "guided"}' AS guided
FROM complete WHERE resource = 'usage' \gset
SELECT usage_mgmt.post_usage(:'rated') IS NOT NULL, usage_mgmt.post_usage(:'guided') IS NOT NULL;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status, rated_product_usage)
	SELECT 'by insert', usage_date, usage_type, 'rated', rated_product_usage
	FROM usage_mgmt.usage WHERE id = 'guided';
SELECT usage_id, ordinal, usage_rating_tag, is_billed, rating_amount_type, is_tax_exempt, offer_tariff_type
FROM usage_mgmt.usage_rating ORDER BY usage_id, ordinal;
UPDATE usage_mgmt.usage SET status = 'rated' WHERE id = 'guided';
SELECT count(*) FROM usage_mgmt.usage_rating WHERE usage_id = 'guided'
	AND (usage_rating_tag, is_billed, rating_amount_type, is_tax_exempt, offer_tariff_type)
		= ('usage', false, 'total', false, 'normal');
-- what is given stays
SELECT usage_mgmt.post_usage((document || '{"id": "given", "status": "rated", "ratedProductUsage": [
	{"ratingDate": "2001-02-01T00:00:00Z", "taxIncludedRatingAmount": 12.00, "taxExcludedRatingAmount": 10.00,
	 "taxRate": 20, "currencyCode": "EUR", "productRef": "http://s/p/1", "usageRatingTag": "included usage",
	 "isBilled": true, "ratingAmountType": "step", "isTaxExempt": "True", "offerTariffType": "off peak"}]}')::json)
	#>> '{ratedProductUsage,0}' AS rating
FROM complete WHERE resource = 'usage';

-- v4 calls nothing of a usage mandatory: what the store needs follows from the rest
SELECT usage_mgmt.post_usage('{"id": "v4", "usageDate": "2001-01-15T12:00:00Z", "relatedParty": [
	{"id": "1", "@referredType": "Organization"}, {"id": "2"}, {"id": "3", "role": "customer"}],
	"usageSpecification": {"id": "22", "name": "Voice"}}', 'v4') #>> '{relatedParty}' AS parties;
SELECT usage_mgmt.post_usage('{"id": "v4 id", "usageSpecification": {"id": "22"}}', 'v4') ->> 'usageType' AS type;
SELECT usage_mgmt.post_usage('{"id": "v4 bare"}', 'v4') ->> 'usageType' AS type;
SELECT id, usage_type, usage_date = received_at AS dated_by_receipt
FROM usage_mgmt.usage WHERE id LIKE 'v4%' ORDER BY id;

TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification;
-- cat, since a pipe breaks where nobody reads the line that COPY writes
SELECT format('cat > /dev/null; rm -f -- %L', :'file') AS remove \gset
COPY (SELECT) TO PROGRAM :'remove';
