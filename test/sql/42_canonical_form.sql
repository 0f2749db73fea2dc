-- The canonical form is frozen as number 2: these hashes are for good. docs/canonical-form.md says how they are
-- made, and 082_canonical_form.pl makes them by that page. (Ids made of the content are in 80_copy.)
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SELECT usage_mgmt.hash_version();

CREATE TEMP TABLE pinned (n serial, what text, document json, version text DEFAULT 'r14.5');
INSERT INTO pinned (what, document) VALUES
('no more than must be', '{"date": "2001-01-05", "type": "VOICE"}'),
('a fraction of a second', '{"date": "2001-01-05T12:30:00.000001+02:00", "type": "VOICE"}'),
('the first day', '{"date": "0001-01-01", "type": "VOICE"}'),
('text', '{"date": "2001-01-05", "type": "VOICE", "description": " a \"quoted\" text\n\u00e9 ", "@type": "T", "@baseType": "B", "@schemaLocation": "http://host/s"}'),
('a longer text', json_build_object('date', '2001-01-05', 'type', repeat('x', 300))),
('status', '{"date": "2001-01-05", "type": "VOICE", "status": "Guided"}'),
('a specification', '{"date": "2001-01-05", "type": "VOICE", "usageSpecification": {"href": "/s/7", "name": "S"}}'),
('characteristics', '{"date": "2001-01-05", "type": "VOICE", "usageCharacteristic": [{"name": "duration", "value": "20"}, {"name": "duration", "value": 20}, {"name": "own", "value": true}, {"name": "own", "value": false}]}'),
('numbers', '{"date": "2001-01-05", "type": "VOICE", "usageCharacteristic": {"a": 0, "b": -0.0, "c": 100, "d": 1.50, "e": -1.2e-3, "f": 1e300, "g": 123456789012345678901234567890.10}}'),
('nested values, other members', '{"date": "2001-01-05", "type": "VOICE", "usageCharacteristic": [{"name": "own", "value": {"bb": [1, null, "x"], "a": {}, "a": []}, "unit": "s", "at": {"b": 1.0, "a": "\u00e9"}}]}'),
('many', json_build_object('date', '2001-01-05', 'type', 'VOICE', 'usageCharacteristic', (SELECT json_object_agg('c' || i, i ORDER BY i) FROM generate_series(1, 200) i))),
('parties', '{"date": "2001-01-05", "type": "VOICE", "relatedParty": [{"role": "customer", "href": "http://host/7", "name": "N", "status": "s", "validFor": {"startDateTime": "2001-01-01", "endDateTime": "2002-01-01"}, "@referredType": "Individual"}, {"role": "payer", "id": "1", "alias": [{"type": "a", "value": 1.50}], "rank": 1}]}'),
('a rating', '{"date": "2001-01-05", "type": "VOICE", "status": "rated", "ratedProductUsage": [{"ratingDate": "2001-01-06", "taxIncludedRatingAmount": 12.50, "taxExcludedRatingAmount": 10, "taxRate": 25.0, "currencyCode": "EUR", "productRef": "http://host/p"}]}'),
('billed', '{"date": "2001-01-05", "type": "VOICE", "status": "billed", "ratedProductUsage": [{"ratingDate": "2001-01-06T01:02:03Z", "usageRatingTag": "t", "ratingAmountType": "partial", "taxIncludedRatingAmount": -0.05, "taxExcludedRatingAmount": 0.00, "taxRate": 0, "isTaxExempt": true, "offerTariffType": "night", "bucketValueConvertedInAmount": 1000, "currencyCode": "JPY", "productRef": "p", "more": {"b": null, "a": 1}}]}'),
('what the model does not know', '{"date": "2001-01-05", "type": "VOICE", "zone": "a", "n": 2.50, "list": [1, {"bb": true, "a": false}, "x"], "usageSpecification": {"id": "7", "version": "1"}}');
INSERT INTO pinned (what, document, version) VALUES
('money and references of v4', '{"usageDate": "2001-01-05", "usageType": "VOICE", "status": "rated", "relatedParty": [{"@referredType": "Individual", "id": "1"}], "ratedProductUsage": [{"ratingDate": "2001-01-06", "taxIncludedRatingAmount": {"unit": "EUR", "value": 12.5},
	"taxExcludedRatingAmount": {"unit": "EUR", "value": 10}, "bucketValueConvertedInAmount": {"unit": "USD", "value": 7}, "taxRate": 25, "productRef": {"id": "p", "name": "P", "@type": "X"}}]}', 'v4');
SELECT count(usage_mgmt.post_usage(format('{"id":"pinned %s",%s', n, substr(document::text, 2))::json, version)) FROM pinned;
SELECT n, what, content_hash FROM pinned LEFT JOIN usage_mgmt.usage_key ON id = 'pinned ' || n ORDER BY n;
-- the row has the hash that its delivery had
SELECT count(*) AS same FROM usage_mgmt.usage u JOIN usage_mgmt.usage_key k USING (id) WHERE id LIKE 'pinned %' AND k.content_hash = usage_mgmt.content_hash(u);
-- By the page, byte for byte
SELECT id, content_hash = encode(substr(sha256(form), 1, 16), 'hex')::uuid AS as_the_page_says FROM (VALUES
	('pinned 1', '\x02 74 00001d132148c000 03 73 05 564f494345 05 73 08 7265636569766564 00'::bytea),
	('pinned 6', '\x02 74 00001d132148c000 03 73 05 564f494345 05 73 06 677569646564 00')) v (id, form) JOIN usage_mgmt.usage_key USING (id) ORDER BY id;

-- A date that only says when the record came in is none of its content: whenever it comes, the form is that of the page
SELECT usage_mgmt.post_usage('{"id": "undated 1", "usageType": "VOICE"}', 'v4') IS NOT NULL AS posted;
SELECT usage_mgmt.post_usage('{"id": "undated 2", "usageType": "VOICE"}', 'v4') IS NOT NULL AS posted;
SELECT count(DISTINCT usage_date) AS dates, count(DISTINCT content_hash) AS hashes,
	bool_and(content_hash = encode(substr(sha256('\x03 73 05 564f494345 05 73 08 7265636569766564 00'), 1, 16), 'hex')::uuid) AS as_the_page_says
FROM usage_mgmt.usage_key WHERE id LIKE 'undated %';
-- so it comes again as what it was, and of another content the date is not what differs; one with a date of its own says another
SELECT usage_mgmt.post_usage('{"id": "undated 1", "usageType": "VOICE"}', 'v4') ->> 'id' AS again;
SELECT usage_mgmt.patch_usage('undated 2', '{"description": "changed"}') IS NOT NULL AS changed;
SELECT usage_mgmt.post_usage('{"id": "undated 2", "usageType": "VOICE"}', 'v4') ->> 'description' AS again;
\set VERBOSITY terse
SELECT usage_mgmt.post_usage('{"id": "undated 1", "usageType": "SMS"}', 'v4');
SELECT usage_mgmt.post_usage('{"id": "undated 1", "usageType": "VOICE", "usageDate": "2001-01-05"}', 'v4');
-- without a date it may be one that had a date, as that came first, too
SELECT usage_mgmt.post_usage('{"id": "dated", "usageType": "VOICE", "usageDate": "2001-01-05"}', 'v4') ->> 'id' AS posted;
SELECT usage_mgmt.patch_usage('dated', '{"description": "changed"}') IS NOT NULL AS changed;
SELECT usage_mgmt.post_usage('{"id": "dated", "usageType": "VOICE"}', 'v4') ->> 'description' AS again;
SELECT usage_mgmt.post_usage('{"id": "dated", "usageType": "SMS"}', 'v4');
-- and it may come as it has become
SELECT usage_mgmt.post_usage('{"id": "dated", "usageType": "VOICE", "usageDate": "2001-01-05", "description": "changed"}', 'v4') ->> 'id' AS again;
SELECT usage_mgmt.post_usage('{"id": "undated 2", "usageType": "VOICE", "description": "changed"}', 'v4') ->> 'id' AS again;
SELECT usage_mgmt.delete_usages('id=undated 1,undated 2,dated') AS deleted;

SELECT count(usage_mgmt.delete_usage(id, billed => true)) AS deleted FROM usage_mgmt.usage WHERE id LIKE 'pinned %';
