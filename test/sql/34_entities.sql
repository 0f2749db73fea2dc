-- The common entities of seed 002: what each makes mandatory, and what of it a usage keeps.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on

-- The code and path of each fault
CREATE FUNCTION pg_temp.faults(entity text, body text) RETURNS text
RETURN (SELECT coalesce(string_agg(concat_ws(' ', f ->> 'code', f ->> 'path'), ', '), 'sound')
	FROM json_array_elements(usage_mgmt.check_entity(entity, body)) f);

-- Each whole, with every attribute of the seed; its mandatory ones; and a value of another kind for each
CREATE TEMP TABLE entity (name text, whole jsonb, mandatory text[]);
INSERT INTO entity VALUES
	('Alias', '{"type": "nickname", "value": "Bob"}', '{}'),
	('ArrayUpdate', '{"op": "replace", "path": "/usageCharacteristic/0/value", "value": "21"}', '{op,path}'),
	('BillingAccountRef', '{"href": "http://server/billingAccount/1"}', '{href}'),
	('Characteristic', '{"name": "hobby", "value": "chess"}', '{name}'),
	('ContactMedium', '{"isPreferred": true, "medium": {"type": "mobile phone", "number": "676123456789"},
		"type": "telephone number", "validFor": {"startTime": "2015-02-26T00:00:00Z"}}', '{type}'),
	('CreateListener', '{"callback": "http://client/listener", "query": "status=rated"}', '{callback}'),
	('Credential', '{"login": "me", "password": "secret", "updateType": "once"}', '{}'),
	('Error', '{"code": "P0002", "reason": "usage \"42\" does not exist", "message": "usage \"42\" does not exist", "status": "404",
		"referenceError": "http://server/errors", "@type": "Error"}', '{code,reason}'),
	('Header', '{"key": "Content-Type", "value": "application/json"}', '{}'),
	('Listener', '{"callback": "http://client/listener", "href": "http://server/hub/42", "id": "42",
		"query": "status=rated"}', '{callback,href,id}'),
	('Medium', '{"city": "Denver", "country": "USA", "emailAddress": "fred.bloggs@thing.com", "number": "1",
		"postcode": "80201", "stateOrProvince": "CO", "street1": "Main Street 1", "street2": "2nd floor",
		"type": "fax"}', '{}'),
	('Money', '{"amount": 12.50, "currencyCode": "EUR", "digits": 2}', '{amount,currencyCode}'),
	('Note', '{"author": "me", "date": "2015-02-26T00:00:00Z", "text": "the door code is 1234"}', '{text}'),
	('Notification', '{"eventId": "1154278", "eventTime": "2014-09-27T05:46:25.0Z", "eventType": "UsageChangeNotification",
		"event": {"usage": {"id": "54"}}, "fieldPath": "status", "timeOcurred": "2014-09-27T05:46:25.0Z"}',
		'{eventTime,eventType}'),
	('PaymentMeanRef', '{"href": "http://server/paymentMean/1", "name": "visa"}', '{href}'),
	('Period', '{"startPeriod": "2015-02-26T00:00:00Z", "endPeriod": "2015-03-26T00:00:00Z"}', '{startPeriod}'),
	('PlaceRef', '{"href": "http://server/place/1", "role": "delivery"}', '{href,role}'),
	('RelatedPartyRef', '{"alias": [{"type": "nickname", "value": "Bob"}], "href": "http://server/individual/1",
		"name": "Robert", "role": "customer", "status": "active",
		"validFor": {"startTime": "2015-02-26T00:00:00Z", "endTime": "2015-02-26T00:00:00Z"}}', '{href,role}'),
	('TimePeriod', '{"startTime": "2015-02-26T00:00:00Z", "endTime": "2015-03-26T00:00:00Z"}', '{startTime}');
SELECT name, pg_temp.faults(name, whole::text) FROM entity ORDER BY name;

-- Without one attribute: refused where it is mandatory, by its path alone
SELECT count(*) FILTER (WHERE expected <> 'sound') AS refused, count(*) FILTER (WHERE expected = 'sound') AS sound,
	coalesce(string_agg(concat_ws(' ', name, key, result), ', ') FILTER (WHERE result <> expected), 'as expected')
FROM entity, jsonb_object_keys(whole) key,
	LATERAL (SELECT CASE WHEN key = ANY (mandatory) THEN '23502 ' || key ELSE 'sound' END AS expected,
		pg_temp.faults(name, (whole - key)::text) AS result) r;
SELECT name, pg_temp.faults(name, '{}') FROM entity ORDER BY name;

-- null is no value, and neither is a blank, but for the path of the whole document
SELECT count(*), coalesce(string_agg(concat_ws(' ', name, key, spelling, result), ', ')
	FILTER (WHERE result <> '23502 ' || key), 'as expected')
FROM entity, unnest(mandatory) key, unnest('{null,"\" \""}'::jsonb[]) spelling,
	LATERAL (SELECT pg_temp.faults(name, (whole || jsonb_build_object(key, spelling))::text) AS result) r;

-- A list where none may be; where anything may, it is sound
SELECT name, key, result
FROM entity, jsonb_object_keys(whole) key,
	LATERAL (SELECT pg_temp.faults(name, (whole || jsonb_build_object(key, '[[]]'::jsonb))::text) AS result) r
WHERE result <> '22P02 ' || key ORDER BY name, key;

-- Below them, too
SELECT pg_temp.faults('ContactMedium', '{"type": "fax", "medium": {"city": {}}, "validFor": {"endTime": "2015"}}');
SELECT pg_temp.faults('ContactMedium', '{"type": "fax", "medium": "fax", "validFor": {}}');
SELECT pg_temp.faults('RelatedPartyRef', '{"href": "h", "role": "r", "alias": [{}, {"type": []}, 1, null],
	"validFor": {"startTime": "2015-02-26", "endTime": "2015-02-25"}}');

-- Periods end when they start, or later; all their names are understood
SELECT name, pg_temp.faults(name, body)
FROM (VALUES ('TimePeriod'), ('Period')) e (name), (VALUES
	('{"startTime": "2015-02-26T01:00:00+01:00", "endTime": "2015-02-26"}'),
	('{"startPeriod": "2015-02-26", "endPeriod": "2015-02-25T23:59:59Z"}'),
	('{"startDateTime": "2015-02-26", "endDateTime": "2015-02-25T23:59:59Z"}'),
	('{"endTime": "2015-02-26"}'), ('{"startTime": "yesterday"}'), ('{"startTime": "2015-02-30"}')) b (body);

-- Money: a number, a currency, and no more digits than it says. A credit is money.
SELECT body, pg_temp.faults('Money', body)
FROM (VALUES ('{"amount": "12.50", "currencyCode": "EUR", "digits": "2"}'),
	('{"value": 12.5000, "unit": "EUR", "digits": 1}'), ('{"amount": 12, "currencyCode": "EUR", "digits": 2}'),
	('{"amount": 12.505, "currencyCode": "EUR", "digits": 2}'), ('{"amount": 12.5, "currencyCode": "JPY", "digits": 0}'),
	('{"amount": -0.001, "currencyCode": "EUR"}'), ('{"amount": 1, "currencyCode": "eur"}'),
	('{"amount": 1, "currencyCode": "EUR", "digits": -1}'), ('{"amount": 1, "currencyCode": "EUR", "digits": 1.5}'),
	('{"amount": 1, "currencyCode": "EUR", "digits": 1e100}'), ('{"amount": "NaN", "currencyCode": "EUR"}'),
	('{"amount": 1, "currencyCode": "EUR", "digits": "two"}'), ('{"amount": 1, "value": 2, "currencyCode": "EUR"}')) b (body);

-- The operations of an ArrayUpdate
SELECT op, pg_temp.faults('ArrayUpdate', json_build_object('op', op, 'path', '')::text)
FROM unnest('{test,remove,add,replace,move,copy,Add,increment,""}'::text[]) op;
SELECT usage_mgmt.check_entity('ArrayUpdate', '{"op": "increment", "path": "/x"}');

-- The names in faults are those of the session's version
SET usage_mgmt.tmf_version = 'v4';
SELECT name, pg_temp.faults(name, '{}') FROM entity WHERE name IN ('Money', 'Period', 'TimePeriod') ORDER BY name;
RESET usage_mgmt.tmf_version;

-- text, json and jsonb; what is no document is a fault like others
SELECT usage_mgmt.check_entity('Note', '{}'), usage_mgmt.check_entity('Note', '{}'::json)::jsonb =
	usage_mgmt.check_entity('Note', '{}'::jsonb)::jsonb, usage_mgmt.check_entity('Note', '{"text": "x", "unheard of": 1}');
SELECT body, usage_mgmt.check_entity('Note', body)
FROM (VALUES (''), ('['), ('[]'), ('"text"'), ('null'), ('{"text": "x"'), ('{"author": "\u0000"}'),
	('{"text": "x", "text": "y"}'), ('{"text": "x", "more": 1, "more": 2}')) b (body);
SELECT usage_mgmt.check_entity('Note', NULL::json) IS NULL AND usage_mgmt.check_entity(NULL, '{}'::json) IS NULL;
SELECT json_array_length(usage_mgmt.check_entity('RelatedPartyRef',
	format('{"href": "h", "role": "r", "alias": [%s1]}', repeat('1,', 2000))));
SELECT usage_mgmt.check_entity('note', '{}');
SELECT usage_mgmt.check_entity('Notes', '{}'), usage_mgmt.check_entity('Usage', '{}');

-- What a usage's version does not know of them it keeps, in both, and gives it back
CREATE TEMP TABLE carried (members jsonb);
INSERT INTO carried SELECT jsonb_build_object('note', jsonb_build_array(n.whole), 'place', p.whole,
	'billingAccount', b.whole, 'paymentMean', m.whole, 'contactMedium', jsonb_build_array(c.whole), 'total', money.whole)
FROM entity n, entity p, entity b, entity m, entity c, entity money
WHERE (n.name, p.name, b.name, m.name, c.name, money.name)
	= ('Note', 'PlaceRef', 'BillingAccountRef', 'PaymentMeanRef', 'ContactMedium', 'Money');
INSERT INTO carried SELECT members - 'contactMedium' - 'paymentMean' - 'total' - 'billingAccount' FROM carried;
CREATE TEMP TABLE version (name text, other text, usage jsonb);
INSERT INTO version VALUES ('r14.5', 'v4', '{"date": "2015-02-26T00:00:00Z", "type": "VOICE"}'),
	('v4', 'r14.5', '{"usageDate": "2015-02-26T00:00:00Z", "usageType": "VOICE"}');
SELECT count(usage_mgmt.post_usage(usage || x.members || jsonb_build_object('id', name,
		'relatedParty', jsonb_build_array('{"role": "customer", "id": "1"}'::jsonb || y.members),
		'ratedProductUsage', jsonb_build_array(y.members)), name))
FROM version, (SELECT members FROM carried WHERE members ? 'total') x,
	(SELECT members FROM carried WHERE NOT members ? 'total') y;
SELECT name, extra = x.members AS stored, (related_party)[1].extra = y.members AND (rated_product_usage)[1].extra = y.members AS below,
	got @> x.members AS got, got #> '{relatedParty,0}' @> y.members AND got #> '{ratedProductUsage,0}' @> y.members AS below,
	in_other @> x.members AS in_the_other,
	usage_mgmt.get_usage(id, 'extra.note', name) -> 'note' AS field
FROM version JOIN usage_mgmt.usage ON id = name,
	LATERAL (SELECT usage_mgmt.get_usage(id, version => name)::jsonb AS got,
		usage_mgmt.get_usage(id, version => other)::jsonb AS in_other) g,
	(SELECT members FROM carried WHERE members ? 'total') x,
	(SELECT members FROM carried WHERE NOT members ? 'total') y ORDER BY name;
-- a put in the same version keeps what the body has of it, and a patch the rest
SELECT name, usage_mgmt.put_usage(name, got::json, name)::jsonb = got AS put,
	usage_mgmt.patch_usage(name, '{"note": null, "place": {"role": "origin"}}', version => name)::jsonb
		= jsonb_set(got - 'note', '{place,role}', '"origin"') AS patched
FROM version, LATERAL (SELECT usage_mgmt.get_usage(name, version => name)::jsonb AS got) g ORDER BY name;
-- and what is no sound Note, too: the seed gives a usage none
SELECT version, usage_mgmt.post_usage('{"id": "n", "date": "2015-02-26", "type": "VOICE", "note": [{"author": "me"}],
	"place": 1}', version)::jsonb @> '{"note": [{"author": "me"}], "place": 1}' FROM unnest('{r14.5,v4}'::text[]) version;
-- the columns of the composite types are what they were
SELECT typname, string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
FROM pg_type JOIN pg_attribute ON attrelid = typrelid
WHERE typnamespace = 'usage_mgmt'::regnamespace AND typname IN ('related_party', 'rated_product_usage')
GROUP BY typname ORDER BY typname;

TRUNCATE usage_mgmt.usage;
