-- The other rules of a record: periods, currencies, numbers, dates, ids, extra.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';

-- The code and path of each fault of a statement; whatever it did is taken back
CREATE FUNCTION pg_temp.faults(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found text := 'accepted';
	detail text;
BEGIN
	BEGIN
		EXECUTE statement;
		RAISE 'taken back' USING ERRCODE = 'ZZ999';
	EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
		NULL;
	WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
		found := SQLSTATE || ' ' || SQLERRM;
		IF detail LIKE '[{%' THEN
			found := (SELECT string_agg(concat_ws(' ', f ->> 'code', nullif(f ->> 'path', '')), ', ')
				FROM json_array_elements(detail::json) f);
			IF found NOT LIKE SQLSTATE || '%' THEN
				found := found || ', but its SQLSTATE is ' || SQLSTATE;
			END IF;
		END IF;
	END;
	RETURN found;
END
$$;

-- By an INSERT of a sound row but for one column, and by post of a sound document but for one member
CREATE FUNCTION pg_temp.insert_with(relation text, column_name text, value text) RETURNS text
RETURN pg_temp.faults(format(CASE relation
	WHEN 'usage' THEN $$INSERT INTO usage_mgmt.usage
		SELECT (jsonb_populate_record(u, jsonb_build_object(%2$L, %3$s))).*
		FROM (SELECT ('u', '2001-01-15 12:00+00', 'VOICE', NULL, 'received', NULL, NULL, NULL, NULL, NULL,
			NULL, NULL, NULL, now(), now(), NULL, NULL, NULL, NULL)::usage_mgmt.usage AS u) u$$
	ELSE 'INSERT INTO usage_mgmt.usage_specification (id, %2$I) VALUES (''s'', %3$s)' END,
	relation, column_name, value));
CREATE FUNCTION pg_temp.post_with(resource text, member text, version text DEFAULT 'r14.5') RETURNS text
RETURN pg_temp.faults(format('SELECT usage_mgmt.post_%s(%L, %L)', resource, CASE
	WHEN resource = 'usage_specification' THEN '{"id": "s", ' || member || '}'
	WHEN version = 'v4' THEN '{"id": "u", "usageDate": "2001-01-15T12:00:00Z", "usageType": "VOICE", ' || member || '}'
	ELSE '{"id": "u", "date": "2001-01-15T12:00:00Z", "type": "VOICE", ' || member || '}' END, version));
CREATE FUNCTION pg_temp.rating(amount numeric DEFAULT 1, currency text DEFAULT 'EUR',
	rated timestamptz DEFAULT '2001-02-01 00:00+00', extra jsonb DEFAULT NULL)
RETURNS usage_mgmt.rated_product_usage LANGUAGE sql AS $$
	SELECT usage_mgmt.rated_product_usage(rating_date => rated, tax_included_rating_amount => amount,
		tax_excluded_rating_amount => 1, tax_rate => 20, currency_code => currency, product_ref_id => '1',
		extra => extra) $$;
CREATE FUNCTION pg_temp.insert_rating(rating usage_mgmt.rated_product_usage) RETURNS text
RETURN pg_temp.faults(format($$INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, rated_product_usage)
	VALUES ('u', '2001-01-15 12:00+00', 'VOICE', ARRAY[%L::usage_mgmt.rated_product_usage])$$, rating));

-- Periods do not end before they start
SELECT pg_temp.faults(format($$INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, related_party)
	VALUES ('u', '2001-01-15 12:00+00', 'VOICE', ARRAY[usage_mgmt.related_party(role => 'customer',
		valid_from => %L, valid_to => %L)])$$, valid_from, valid_to)), valid_from, valid_to
FROM (VALUES ('2001-01-02 00:00+00', '2001-01-01 00:00+00'), ('2001-01-01 00:00+00', '2001-01-01 01:00+01'),
	('2001-01-01 00:00:00.000001+00', '2001-01-01 00:00:00+00'), (NULL, '2001-01-01 00:00+00'),
	('2001-01-01 00:00+00', NULL)) v (valid_from, valid_to);
SELECT pg_temp.insert_with('usage_specification', 'valid_to', $$'2001-01-01 00:00+00'$$) AS open,
	pg_temp.faults($$INSERT INTO usage_mgmt.usage_specification (id, valid_from, valid_to)
		VALUES ('s', '2001-01-02 00:00+00', '2001-01-01 00:00+00')$$) AS closed;
SELECT resource, version, pg_temp.post_with(resource, member, version)
FROM (VALUES ('usage', 'r14.5'), ('usage', 'v4'), ('usage_specification', 'r14.5'), ('usage_specification', 'v4')) v (resource, version),
	LATERAL (SELECT CASE resource WHEN 'usage'
		THEN '"relatedParty": [{"role": "a"}, {"role": "b", "validFor": {"startDateTime": "2001-01-02", "endDateTime": "2001-01-01"}}]'
		ELSE '"validFor": {"startDateTime": "2001-01-02", "endDateTime": "2001-01-01"}' END AS member) m;
SELECT pg_temp.post_with('usage_specification', '"usageSpecCharacteristic": [{"name": "a",
	"validFor": {"startTime": "2001-01-02", "endTime": "2001-01-01"}, "usageSpecCharacteristicValue": [
	{"valueType": "number", "validFor": {"startPeriod": "2001-01-02", "endPeriod": "2001-01-01"}}]}]');

-- Currencies: ISO 4217 in capitals, those of the past, too
SELECT currency, pg_temp.insert_rating(pg_temp.rating(currency => currency)) AS by_insert,
	pg_temp.post_with('usage', format('"ratedProductUsage": [{"currencyCode": %s}]', to_json(currency))) AS by_post,
	pg_temp.post_with('usage', format('"ratedProductUsage": [{"taxIncludedRatingAmount": {"unit": %s, "value": 1}}]',
		to_json(currency)), 'v4') AS by_v4
FROM unnest('{EUR,DEM,XAU,eur,EURO,EU,978,ABC,E€R}'::text[]) currency;
-- A rating has one currency, which v4 says with each amount. The bucket's is kept apart where it is another, and is the
-- rating's where no amount could take it for its own; a currency is no amount
CREATE TEMP TABLE money (n serial, version text, rating json);
INSERT INTO money (version, rating) VALUES
	('v4', '{"taxIncludedRatingAmount": {"unit": "EUR", "value": 12}, "taxExcludedRatingAmount": {"unit": "EUR", "value": 10}, "bucketValueConvertedInAmount": {"unit": "EUR", "value": 3}}'),
	('v4', '{"taxIncludedRatingAmount": {"value": 12}, "taxExcludedRatingAmount": {"unit": "EUR", "value": 10}, "bucketValueConvertedInAmount": {"unit": "USD", "value": 3}}'),
	('v4', '{"taxIncludedRatingAmount": {"unit": "EUR", "value": 12}, "bucketValueConvertedInAmount": {"value": 3}}'),
	('v4', '{"taxIncludedRatingAmount": {"value": 12}, "bucketValueConvertedInAmount": {"unit": "USD", "value": 3}}'),
	('v4', '{"taxExcludedRatingAmount": {"value": 10}, "bucketValueConvertedInAmount": {"unit": "USD", "value": 3}}'),
	('v4', '{"bucketValueConvertedInAmount": {"unit": "USD", "value": 3}}'),
	('v4', '{"taxIncludedRatingAmount": {"unit": "EUR"}}'),
	('v4', '{"bucketValueConvertedInAmount": {"unit": "USD"}}'),
	('v4', '{"taxIncludedRatingAmount": {"currencyCode": "EUR", "amount": 12}}'),
	('r14.5', '{"taxIncludedRatingAmount": 12, "taxExcludedRatingAmount": 10, "bucketValueConvertedInAmount": 3, "currencyCode": "EUR"}'),
	('r14.5', '{"taxIncludedRatingAmount": {"unit": "EUR", "value": 12}, "currencyCode": "EUR"}'),
	('r14.5', '{"currencyCode": "EUR"}');
SELECT count(usage_mgmt.post_usage(json_build_object('id', 'money ' || n, 'usageDate', '2001-01-15', 'usageType', 'VOICE', 'ratedProductUsage', json_build_array(rating)), version)) FROM money;
SELECT n, r.currency_code, r.bucket_currency_code AS bucket, usage_mgmt.to_tmf(u) #> '{ratedProductUsage,0}' AS "r14.5", usage_mgmt.to_tmf(u, 'v4') #> '{ratedProductUsage,0}' AS v4
FROM money JOIN usage_mgmt.usage u ON u.id = 'money ' || n, unnest(rated_product_usage) r ORDER BY n;
SELECT usage_mgmt.delete_usages('type=VOICE') AS deleted;
-- two currencies for one rating
SELECT pg_temp.post_with('usage', '"ratedProductUsage": [{"taxIncludedRatingAmount": {"unit": "EUR", "value": 12}, "taxExcludedRatingAmount": {"unit": "USD", "value": 10}}]', 'v4');
SELECT pg_temp.post_with('usage', '"ratedProductUsage": [{"currencyCode": "EUR", "taxIncludedRatingAmount": {"unit": "USD", "value": 12}}]');

-- Numbers are finite; negative ones are credits
SELECT amount, pg_temp.insert_rating(pg_temp.rating(amount)) FROM unnest('{-12.00,0,NaN,Infinity,-Infinity}'::numeric[]) amount;
SELECT number, pg_temp.post_with('usage', format('"ratedProductUsage": [{"taxRate": %s}]', number))
FROM unnest(ARRAY['-1', '"-1"', 'NaN', '"NaN"', '"Infinity"', '1e5000', '1e200000', '"1 EUR"', 'true']) number;
-- in any of the numbers
SELECT pg_temp.faults($$INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, rated_product_usage)
	VALUES ('u', '2001-01-15 12:00+00', 'VOICE', ARRAY[usage_mgmt.rated_product_usage(
		tax_included_rating_amount => 'NaN', tax_excluded_rating_amount => 'Infinity', tax_rate => '-Infinity',
		bucket_value_converted_in_amount => 'NaN')])$$);

-- Dates lie in the years 1 to 9999
SELECT date, pg_temp.insert_with('usage', 'usage_date', quote_literal(date)) AS usage_date,
	pg_temp.insert_rating(pg_temp.rating(rated => date::timestamptz)) AS rating_date
FROM (VALUES ('0001-01-01 00:00:00+00'), ('0001-12-31 23:59:59+00 BC'), ('9999-12-31 23:59:59.999999+00'),
	('10000-01-01 00:00:00+00'), ('infinity'), ('-infinity')) v (date);
SELECT date, pg_temp.faults(format('SELECT usage_mgmt.post_usage(%L)',
	json_build_object('id', 'u', 'date', date, 'type', 'VOICE')))
FROM unnest('{0001-01-01T00:00:00Z,0000-12-31T00:00:00Z,9999-12-31T23:59:59Z,10000-01-01T00:00:00Z,infinity,now,
	2001-02-30T00:00:00Z,2001-01-01T25:00:00Z,yesterday}'::text[]) date;

-- An id has at most 512 bytes, not characters
SELECT id.what, pg_temp.insert_with('usage', 'id', quote_literal(id.value)) AS usage,
	pg_temp.faults(format('INSERT INTO usage_mgmt.usage_specification (id) VALUES (%L)', id.value)) AS specification,
	pg_temp.faults(format('SELECT usage_mgmt.post_usage(%L)',
		json_build_object('id', id.value, 'date', '2001-01-15T12:00:00Z', 'type', 'VOICE'))) AS post
FROM (VALUES ('512 bytes', repeat('x', 512)), ('513 bytes', repeat('x', 513)), ('256 é', repeat('é', 256)),
	('257 é', repeat('é', 257))) id (what, value);

-- id and href do not change
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('a/b', '2001-01-15 12:00+00', 'VOICE');
INSERT INTO usage_mgmt.usage_specification (id) VALUES ('a/b');
SELECT pg_temp.faults($$UPDATE usage_mgmt.usage SET id = 'c'$$) AS usage,
	pg_temp.faults($$UPDATE usage_mgmt.usage SET id = 'a/b'$$) AS same,
	pg_temp.faults($$UPDATE usage_mgmt.usage_specification SET id = 'c'$$) AS specification;
SELECT identity, pg_temp.faults(format('SELECT usage_mgmt.put_usage(%L, %L)', 'a/b',
		'{"date": "2001-01-15T12:00:00Z", "type": "DATA", ' || identity || '}')) AS usage,
	pg_temp.faults(format('SELECT usage_mgmt.put_usage_specification(%L, %L)', 'a/b', '{' || identity || '}')) AS specification
FROM unnest(ARRAY['"id": "a/b"', '"id": "c"', '"href": "http://s/usage/a%2Fb"', '"href": "http://s/usage/a/b"',
	'"href": "http://s/usage/c"', '"href": ""', '"id": "c", "href": "http://s/usage/c"']) identity;
SELECT pg_temp.faults($$SELECT usage_mgmt.put_usage('none', '{}')$$) AS no_such_id;
-- post ignores a client's href
SELECT usage_mgmt.post_usage('{"id": "h", "href": "http://elsewhere/x", "date": "2001-01-15", "type": "VOICE"}') ->> 'href' AS href;
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification;

-- extra is an object, and what has a column of its own is not in it
SELECT extra, pg_temp.insert_with('usage', 'extra', quote_literal(extra) || '::jsonb') AS usage,
	pg_temp.insert_with('usage_specification', 'extra', quote_literal(extra)) AS specification,
	pg_temp.insert_rating(pg_temp.rating(extra => extra::jsonb)) AS rating
FROM unnest(ARRAY['{}', '{"color": "red", "size": {"id": 1}}', '{"usageDate": "2001-01-15"}', '{"date": "2001-01-15"}',
	'{"ratingDate": "2001-01-15"}', '{"lifecycleStatus": "active"}', '[]', '"red"']) extra;

-- An array has no null elements
SELECT pg_temp.faults($$INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, related_party, rated_product_usage)
	VALUES ('u', '2001-01-15 12:00+00', 'VOICE', ARRAY[usage_mgmt.related_party(role => 'a'), NULL],
		ARRAY[NULL::usage_mgmt.rated_product_usage])$$);
SELECT pg_temp.faults($$INSERT INTO usage_mgmt.usage_specification (id, related_party)
	VALUES ('s', ARRAY[NULL::usage_mgmt.related_party])$$);

-- A usage that becomes billed says so in each of its ratings, whatever they said, by every door
\getenv folder PG_ABS_BUILDDIR
\set file :folder '/results/31_rules.data'
\set rating '"ratingDate": "2001-02-01", "taxIncludedRatingAmount": 12, "taxExcludedRatingAmount": 10, "taxRate": 20, "currencyCode": "EUR", "productRef": "/p"'
SELECT '"ratedProductUsage": [{"isBilled": false, ' || :'rating' || '}, {' || :'rating' || '}, {"isBilled": "True", ' || :'rating' || '}]' AS ratings \gset
SELECT '"date": "2001-01-15", "type": "VOICE", ' || :'ratings' AS rated \gset
CREATE TEMP VIEW ratings AS
SELECT ARRAY[false, NULL, true]::boolean[] AS says, array_agg(usage_mgmt.rated_product_usage(
		rating_date => '2001-02-01', is_billed => says, tax_included_rating_amount => 12,
		tax_excluded_rating_amount => 10, tax_rate => 20, currency_code => 'EUR', product_ref_id => '1')) AS ratings
FROM unnest(ARRAY[false, NULL, true]) says;
CREATE TEMP TABLE billing AS
SELECT id, timestamptz '2001-01-15' AS usage_date, 'VOICE' AS usage_type, usage_mgmt.usage_status 'billed' AS status, ratings AS rated_product_usage
FROM ratings, unnest('{copy,insert,merge}'::text[]) id;
COPY (SELECT * FROM billing WHERE id = 'copy') TO :'file';
COPY usage_mgmt.usage (id, usage_date, usage_type, status, rated_product_usage) FROM :'file';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status, rated_product_usage) SELECT * FROM billing WHERE id = 'insert';
MERGE INTO usage_mgmt.usage u USING (SELECT * FROM billing WHERE id = 'merge') b ON u.id = b.id
	WHEN NOT MATCHED THEN INSERT (id, usage_date, usage_type, status, rated_product_usage) VALUES (b.id, b.usage_date, b.usage_type, b.status, b.rated_product_usage);
INSERT INTO usage_mgmt.usage_document SELECT '{"id": "document", "status": "billed", ' || :'rated' || '}';
COPY (SELECT '{"id": "load", "status": "billed", ' || :'rated' || '}') TO :'file' WITH (FORMAT binary);
COPY usage_mgmt.usage_document FROM :'file' WITH (FORMAT binary);
SELECT usage_mgmt.post_usage(('{"id": "post", "status": "billed", ' || :'rated' || '}')::json) -> 'ratedProductUsage' -> 0 ->> 'isBilled' AS post;
SELECT usage_mgmt.post_usage(('{"id": "post v4", "status": "billed", ' || :'rated' || '}')::json, 'v4') -> 'ratedProductUsage' -> 0 ->> 'isBilled' AS post;
SELECT count(usage_mgmt.post_usage(('{"id": "' || id || '", "status": "rated", ' || :'rated' || '}')::json)) AS rated
FROM unnest('{update,conflict,put,patch,json patch,patch all,patch each}'::text[]) id;
SELECT id, array_agg(is_billed ORDER BY ordinal) FROM usage_mgmt.usage_rating r JOIN usage_mgmt.usage u ON u.id = usage_id
WHERE status = 'rated' GROUP BY id ORDER BY id;
UPDATE usage_mgmt.usage SET status = 'billed' WHERE id = 'update';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('conflict', '2001-01-15', 'VOICE')
	ON CONFLICT (id, usage_date) DO UPDATE SET status = 'billed';
SELECT usage_mgmt.put_usage('put', ('{"status": "billed", ' || :'rated' || '}')::json) -> 'ratedProductUsage' -> 0 ->> 'isBilled' AS put;
SELECT usage_mgmt.patch_usage('patch', '{"status": "billed"}') -> 'ratedProductUsage' -> 0 ->> 'isBilled' AS patch;
SELECT usage_mgmt.patch_usage('json patch', '[{"op": "replace", "path": "/status", "value": "billed"},
	{"op": "replace", "path": "/ratedProductUsage/0/isBilled", "value": false}]', 'application/json-patch+json') -> 'ratedProductUsage' -> 0 ->> 'isBilled' AS json_patch;
SELECT usage_mgmt.patch_usages('id=patch all', '{"status": "billed"}') AS patched;
SELECT count(*) AS refused FROM usage_mgmt.patch_usages_each('id=patch each', '{"status": "billed"}');
SELECT id, array_agg(is_billed ORDER BY ordinal) FROM usage_mgmt.usage_rating r JOIN usage_mgmt.usage u ON u.id = usage_id
WHERE status = 'billed' GROUP BY id ORDER BY id;
-- before the hash: delivered again, as it was or as it is given back, it is a repeat
SELECT usage_mgmt.post_usage(('{"id": "post", "status": "billed", ' || :'rated' || '}')::json) ->> 'status' AS post,
	usage_mgmt.post_usage(('{"id": "patch", "status": "rated", ' || :'rated' || '}')::json) ->> 'status' AS delivered,
	usage_mgmt.post_usage(('{"id": "patch", "status": "billed", ' || :'rated' || '}')::json) ->> 'status' AS now;
COPY usage_mgmt.usage_document FROM :'file' WITH (FORMAT binary);
SELECT read, stored, repeated, conflicting, rejected FROM usage_mgmt.import_load ORDER BY id DESC LIMIT 1;
INSERT INTO usage_mgmt.usage_document SELECT document FROM usage_mgmt.usage_document;
SELECT count(*) AS other_hashes FROM usage_mgmt.usage u JOIN usage_mgmt.usage_key k USING (id)
WHERE k.content_hash <> usage_mgmt.content_hash(u) AND id IN ('copy', 'insert', 'merge', 'document', 'load', 'post', 'post v4');
-- what is billed already is not completed: a row that says false stays, and may say no other
SET session_replication_role = replica;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status, rated_product_usage)
	SELECT 'old', usage_date, usage_type, status, ARRAY[usage_mgmt.rated_product_usage(rating_date => '2001-02-01', usage_rating_tag => 'usage', is_billed => false,
		rating_amount_type => 'total', tax_included_rating_amount => 12, tax_excluded_rating_amount => 10, tax_rate => 20,
		is_tax_exempt => false, offer_tariff_type => 'normal', currency_code => 'EUR', product_ref_id => '1')] FROM billing WHERE id = 'copy';
RESET session_replication_role;
SELECT usage_mgmt.rebuild_keys() AS changed;
UPDATE usage_mgmt.usage SET description = 'a' WHERE id = 'old';
SELECT usage_mgmt.patch_usage('old', '{"description": "b"}') ->> 'description' AS patch;
SELECT usage_mgmt.put_usage('old', usage_mgmt.get_usage('old')) ->> 'description' AS put;
SELECT is_billed, pg_temp.faults($$UPDATE usage_mgmt.usage SET rated_product_usage[1].is_billed = true WHERE id = 'old'$$) AS changed
FROM usage_mgmt.usage_rating WHERE usage_id = 'old';
-- nor is one that says true made to say false; what it does not say is true
SELECT pg_temp.faults(format('SELECT usage_mgmt.put_usage(%L, %L)', 'put', '{"status": "billed", ' || :'rated' || '}')) AS put,
	usage_mgmt.put_usage('put', (usage_mgmt.get_usage('put')::jsonb #- '{ratedProductUsage,0,isBilled}')::json) -> 'ratedProductUsage' -> 0 ->> 'isBilled' AS left_out;
-- in no other status
SELECT status, pg_temp.faults(format('INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status, rated_product_usage)
	SELECT %L, %L, %L, %L, ratings FROM pg_temp.ratings', 'u', '2001-01-15', 'VOICE', status))
FROM unnest('{received,rated,rerated}'::text[]) status;
DROP TABLE billing;
DROP VIEW ratings;
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key, usage_mgmt.import_load, usage_mgmt.import_reject, usage_mgmt.usage_conflict RESTART IDENTITY;

-- All faults of a record in one error, in the model's order, of a move or change last
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('u', '2001-01-15 12:00+00', 'VOICE');
\set VERBOSITY default
UPDATE usage_mgmt.usage SET id = 'v', status = 'rated', usage_type = ' ', extra = '{"status": "billed"}',
	related_party = ARRAY[usage_mgmt.related_party(valid_from => '2001-01-02 00:00+00', valid_to => '2001-01-01 00:00+00')],
	usage_characteristic = '[{"name": "a", "value": 1}, {"value": 2}, {"name": "c"}, {}]',
	rated_product_usage = ARRAY[pg_temp.rating('NaN', 'eur'), usage_mgmt.rated_product_usage(tax_rate => 20)];
\set VERBOSITY terse
-- those of the document itself among them
SELECT pg_temp.faults($$SELECT usage_mgmt.put_usage('u', '{"date": "2001-13-01", "id": "v", "status": "billed",
	"usageCharacteristic": {"a": 1}, "relatedParty": [{"id": "1"}, 5], "ratedProductUsage": [{"taxRate": "twenty",
	"currencyCode": "eur"}]}')$$);
SELECT pg_temp.faults($$SELECT usage_mgmt.post_usage('[]')$$) AS no_object,
	pg_temp.faults($$SELECT usage_mgmt.post_usage('{"date": "2001-01-15", "date": "2001-01-16", "type": 1, "status": "new"}')$$) AS attributes;
-- the first thousand are listed, the rest counted
DO $$
DECLARE
	detail text;
BEGIN
	INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, related_party) VALUES ('w', '2001-01-15 12:00+00', 'VOICE',
		array_fill(usage_mgmt.related_party(id => '1'), ARRAY[1005]));
EXCEPTION WHEN not_null_violation THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RAISE INFO '% listed, %', json_array_length(detail::json), detail::json -> -1 ->> 'message';
END
$$;

-- Paths have the names of the version asked for; elsewhere of the setting
SELECT version, pg_temp.faults(format($$SELECT usage_mgmt.put_usage('u',
	'{"usageDate": "x", "type": "", "ratedProductUsage": [{"currencyCode": "eur"}]}', %L)$$, version)) AS put,
	pg_temp.faults(format($$SELECT usage_mgmt.post_usage_specification('{"status": "new", "usageSpecCharacteristic": [
		{"usageSpecCharacteristicValue": [{"default": "maybe", "valueType": "number"}]}]}', %L)$$, version)) AS post
FROM unnest('{r14.5,v4}'::text[]) version;
SET usage_mgmt.tmf_version = 'v4';
SELECT pg_temp.faults($$UPDATE usage_mgmt.usage SET usage_type = NULL$$) AS update;
SELECT pg_temp.faults($$SELECT usage_mgmt.put_usage('u', '{"date": "2001-01-15", "type": ""}', 'r14.5')$$) AS put;
RESET usage_mgmt.tmf_version;
SELECT pg_temp.faults($$UPDATE usage_mgmt.usage SET usage_type = NULL$$) AS update;
-- a version of the standard that there is not
SELECT pg_temp.faults($$SELECT usage_mgmt.post_usage('{}', 'v3')$$);

-- The rules hold in a row that takes the id of one just changed and deleted
BEGIN;
UPDATE usage_mgmt.usage SET usage_date = '2001-01-16 12:00+00' WHERE id = 'u';
DELETE FROM usage_mgmt.usage WHERE id = 'u';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status) VALUES ('u', '2001-01-16 12:00+00', 'VOICE', 'rated');
ROLLBACK;

-- Who writes SQL is told the column, too, where it is called otherwise; who speaks JSON is not
CREATE FUNCTION pg_temp.told(statement text, OUT message text, OUT "column" text, OUT "table" text, OUT columns text)
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, "column" = COLUMN_NAME, "table" = TABLE_NAME, columns = PG_EXCEPTION_DETAIL;
	columns := (SELECT string_agg(coalesce(f ->> 'column', '-'), ', ') FROM json_array_elements(columns::json) f);
END
$$;
\x
SELECT told.* FROM (VALUES
	($$INSERT INTO usage_mgmt.usage (id, usage_type) VALUES ('x', 'VOICE')$$),
	($$INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status, usage_characteristic, related_party, rated_product_usage, extra) VALUES
		('x', '2001-01-15', '', 'rated', '[{}]', ARRAY[usage_mgmt.related_party(valid_from => '2001-01-02', valid_to => '2001-01-01')],
		ARRAY[usage_mgmt.rated_product_usage(product_ref_name => 'n', currency_code => 'eur')], '[]')$$),
	($$INSERT INTO usage_mgmt.usage_specification (id, valid_from, valid_to, usage_spec_characteristic, target_entity_schema, extra) VALUES
		('x', '2001-01-02', '2001-01-01', '[{"usageSpecCharacteristicValue": [{}]}]', '{}', '[]')$$),
	($$UPDATE usage_mgmt.usage SET extra = '[]'$$),
	($$UPDATE usage_mgmt.usage SET status = 'billed', id = 'v', usage_type = ''$$),
	($$SELECT usage_mgmt.post_usage('{"id": "x", "date": "2001-01-15", "type": "VOICE", "status": "rated"}')$$),
	($$SELECT usage_mgmt.put_usage('u', '{"date": "2001-01-15", "type": "VOICE", "status": "rated"}')$$),
	($$SELECT usage_mgmt.patch_usages('id=u', '{"status": "rejected", "type": ""}')$$),
	($$INSERT INTO usage_mgmt.usage_document VALUES ('{"id": "x", "date": "2001-01-15"}')$$)) v (statement), pg_temp.told(statement);
\x
-- the move that is refused comes first, however much else is wrong
DO $$
DECLARE
	detail text;
BEGIN
	UPDATE usage_mgmt.usage SET status = 'billed', related_party = array_fill(usage_mgmt.related_party(id => '1'), ARRAY[1005]);
EXCEPTION WHEN SQLSTATE 'UM001' THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RAISE INFO '% listed, %', json_array_length(detail::json), detail::json -> 0 ->> 'message';
END
$$;

-- What is not known comes with what is
CREATE FUNCTION pg_temp.hint(statement text, OUT message text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
END
$$;
\x
SELECT hint.* FROM (VALUES
	($$SELECT usage_mgmt.get_usage('u', version => 'v3')$$),
	($$SELECT usage_mgmt.count_usages('status=lost')$$),
	($$SELECT usage_mgmt.value_matches('a', 'like', '{a}')$$),
	($$SELECT usage_mgmt.patch_usage('u', '{}', 'text/plain')$$),
	($$SELECT usage_mgmt.patch_usage('u', '[{"op": "put", "path": "/type", "value": "x"}]', 'application/json-patch+json')$$),
	($$SELECT usage_mgmt.attribute_names('usages', 'id')$$),
	($$SET usage_mgmt.on_fault = 'keeps'$$)) v (statement), pg_temp.hint(statement);
\x

-- An error's context is the way that the user went, without our own statements
BEGIN;
CREATE FUNCTION refuse_it() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'refused by a trigger of the user''s';
END
$$;
CREATE TRIGGER refuse_it BEFORE INSERT OR UPDATE ON usage_mgmt.usage FOR EACH ROW WHEN (NEW.description = 'refused') EXECUTE FUNCTION refuse_it();
CREATE FUNCTION pg_temp.way(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	way text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS way = PG_EXCEPTION_CONTEXT;
	-- as far as to this function
	RETURN SQLSTATE || ' ' || regexp_replace(way, E'\n?SQL statement "' || regexp_replace(statement, '([^\w\s])', '\\\1', 'g') || '".*$', '');
END
$$;
SELECT pg_temp.way(statement) FROM (VALUES
	($$SELECT usage_mgmt.post_usage('{"id": "x", "date": "2001-01-15", "type": "VOICE", "description": "refused"}')$$),
	($$SELECT usage_mgmt.put_usage('u', '{"date": "2001-01-15", "type": "VOICE", "description": "refused"}')$$),
	($$SELECT usage_mgmt.patch_usage('u', '{"description": "refused"}')$$),
	($$SELECT usage_mgmt.patch_usages('id=u', '{"description": "refused"}')$$),
	($$SELECT usage_mgmt.patch_usages('id=u', '{"op": "add", "path": "/description", "value": "refused"}')$$),
	($$INSERT INTO usage_mgmt.usage_document VALUES ('{"id": "x", "date": "2001-01-15", "type": "VOICE", "description": "refused"}')$$),
	($$INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('u', '2001-02-15', 'VOICE')$$),
	($$DELETE FROM usage_mgmt.usage WHERE id = 'u'$$)) v (statement);
ROLLBACK;

-- An UPDATE is held against the rules in what it changes: rows from while the triggers were disabled
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status, usage_characteristic, related_party, rated_product_usage, extra)
	SELECT id, '2001-01-15', '', status::usage_mgmt.usage_status, '[{"name": "", "value": 1}]', ARRAY[usage_mgmt.related_party(id => '1')], ratings, '{"type": 1}'
	FROM (VALUES ('none', 'guided', NULL), ('partly', 'guided', ARRAY[usage_mgmt.rated_product_usage(currency_code => 'XXY')]),
		('whole', 'guided', ARRAY[usage_mgmt.rated_product_usage(rating_date => '2001-01-16', tax_included_rating_amount => 1,
			tax_excluded_rating_amount => 1, tax_rate => 0, currency_code => 'EUR', product_ref => 'p/1')]),
		('billed', 'billed', NULL)) v (id, status, ratings);
INSERT INTO usage_mgmt.usage_specification (id, name, status, usage_spec_characteristic) VALUES ('tree', 'Voice', 'active', '[{"default": 1}]');
SET LOCAL session_replication_role = origin;
SELECT usage_mgmt.rebuild_keys();
SELECT id, pg_temp.faults(format('UPDATE usage_mgmt.usage SET %s WHERE id = %L', change, id)) AS faults, change
FROM (VALUES ('none', $$description = 'x'$$), ('none', $$status = 'rejected'$$), ('none', $$usage_date = '2001-02-15'$$), ('none', $$usage_date = '2001-01-16'$$),
	('none', $$usage_date = 'infinity'$$), ('none', $$usage_type = ' '$$), ('none', $$usage_characteristic = '[{"name": "", "value": 2}]'$$),
	('none', $$related_party = related_party || usage_mgmt.related_party(role => 'user')$$), ('none', $$extra = extra || '{"a": 1}'$$),
	('none', $$usage_type = 'VOICE', usage_characteristic = '{"a": 1}', related_party = NULL, extra = '{}'$$),
	('none', $$status = 'rated'$$), ('partly', $$description = 'x'$$), ('partly', $$status = 'rated'$$), ('partly', $$status = 'rejected'$$),
	('partly', $$rated_product_usage[1].tax_rate = 1$$), ('whole', $$status = 'rated'$$),
	('billed', $$description = 'x'$$), ('billed', $$usage_type = 'x'$$), ('billed', $$related_party = NULL$$),
	('billed', $$related_party = ARRAY[usage_mgmt.related_party(id => '1')]$$), ('billed', $$usage_specification_href = 'a/b'$$)) v (id, change);
-- what a rated usage has by itself, and a billed one says, though no more than the status changes
UPDATE usage_mgmt.usage SET description = 'x' WHERE id = 'whole' RETURNING (rated_product_usage[1]).is_billed, (rated_product_usage[1]).product_ref_id;
UPDATE usage_mgmt.usage SET status = 'rated' WHERE id = 'whole' RETURNING (rated_product_usage[1]).is_billed, (rated_product_usage[1]).product_ref_id;
UPDATE usage_mgmt.usage SET status = 'billed' WHERE id = 'whole' RETURNING (rated_product_usage[1]).is_billed;
-- from their hrefs, one of which changes
UPDATE usage_mgmt.usage SET usage_specification_href = 'a/b' WHERE id = 'none' RETURNING usage_specification_id;
-- the same content in other bytes, as of a value that was too long for the row
UPDATE usage_mgmt.usage SET usage_characteristic = jsonb_build_array(jsonb_build_object('name', 'a', 'value', (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 400) n)))::text::usage_mgmt.characteristics
	WHERE id = 'partly';
UPDATE usage_mgmt.usage SET usage_type = 'VOICE', rated_product_usage = (SELECT rated_product_usage FROM usage_mgmt.usage WHERE id = 'whole'), status = 'rated' WHERE id = 'partly';
UPDATE usage_mgmt.usage SET status = 'billed' WHERE id = 'partly';
UPDATE usage_mgmt.usage SET usage_characteristic = usage_characteristic::text::usage_mgmt.characteristics, related_party = related_party || '{}' WHERE id = 'partly';
SELECT pg_temp.faults($$UPDATE usage_mgmt.usage SET usage_characteristic = replace(usage_characteristic::text, 'c4ca4', 'd4ca4')::usage_mgmt.characteristics WHERE id = 'partly'$$);
SELECT length(usage_characteristic ->> 'a') AS length, status FROM usage_mgmt.usage WHERE id = 'partly';
-- what is left of a reference without its id may be in extra
SELECT usage_mgmt.post_service_usage('{"id": "part", "usageDate": "2001-01-15", "usageType": "VOICE", "status": "generated", "service": {"id": "1", "zone": 1}, "usageSpecification": {"id": "2"}}', 'v4') -> 'service' AS service;
SELECT pg_temp.faults($$UPDATE usage_mgmt.service_usage SET service_id = NULL WHERE id = 'part'$$) AS id,
	pg_temp.faults($$UPDATE usage_mgmt.service_usage SET service_id = NULL, extra = NULL WHERE id = 'part'$$) AS both;
UPDATE usage_mgmt.usage_specification SET name = 'Data' WHERE id = 'tree' RETURNING usage_spec_characteristic;
SELECT pg_temp.faults($$UPDATE usage_mgmt.usage_specification SET usage_spec_characteristic = '[{"default": 2}]' WHERE id = 'tree'$$);
ROLLBACK;

-- When a row came and when it changed: one that is restored brings both along, what changes it is stamped
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, received_at, changed_at) VALUES ('restored', '2001-01-15', 'VOICE', '2001-01-16 00:00+00', '2001-01-17 00:00+00')
	RETURNING received_at, changed_at;
UPDATE usage_mgmt.usage SET description = 'changed' WHERE id = 'restored' RETURNING received_at, changed_at = now() AS stamped;
UPDATE usage_mgmt.usage SET changed_at = '2001-01-17 00:00+00' WHERE id = 'restored' RETURNING received_at, changed_at = now() AS stamped;

TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification;
