-- A load is taken back: what is as it came goes, what has changed since is named.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
\set lines 'WITH (FORMAT csv, QUOTE E''\\x01'', DELIMITER E''\\x02'')'
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification, usage_mgmt.usage_key, usage_mgmt.service_usage, usage_mgmt.service_usage_key,
	usage_mgmt.import_load, usage_mgmt.import_reject, usage_mgmt.usage_conflict RESTART IDENTITY;

CREATE FUNCTION pg_temp.state(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE statement INTO answer;
	RETURN answer;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
-- The books, and that each counter is the number of its rows
CREATE TEMP VIEW books AS
SELECT l.id, read, stored, repeated, conflicting, rejected, undone, amounts, first_date, last_date, finished_at IS NOT NULL AS finished,
	(SELECT count(*) FROM usage_mgmt.usage WHERE load_id = l.id) + (SELECT count(*) FROM usage_mgmt.service_usage WHERE load_id = l.id) = stored
	AND (SELECT count(*) FROM usage_mgmt.usage_conflict WHERE load_id = l.id) = conflicting
	AND (SELECT count(*) FROM usage_mgmt.import_reject WHERE load_id = l.id) = rejected AS exact
FROM usage_mgmt.import_load l ORDER BY id;
-- Twelve usages: each third is rated, in one of two currencies
CREATE FUNCTION pg_temp.document(n int) RETURNS text LANGUAGE sql
RETURN format('{"id":"call %s","date":"2001-0%s-01T00:00:00Z","type":"VOICE","status":"%s"%s}', to_char(n, 'FM00'), 1 + n % 3,
	CASE n % 3 WHEN 0 THEN 'rated' ELSE 'received' END, CASE n % 3 WHEN 0 THEN format(',"ratedProductUsage":[{"ratingDate":"2001-04-01T00:00:00Z",'
	'"usageRatingTag":"usage","isBilled":false,"ratingAmountType":"total","taxIncludedRatingAmount":1.20,"taxExcludedRatingAmount":1.00,'
	'"taxRate":20,"isTaxExempt":false,"offerTariffType":"normal","currencyCode":"%s","productRef":"p"}]', CASE n WHEN 3 THEN 'USD' ELSE 'EUR' END) END);

-- All of it: as if it had never come, but for the books
SELECT usage_mgmt.ensure_partitions('2001-01-01', '2001-02-01');
SET client_min_messages = error;
INSERT INTO usage_mgmt.import_load (source) VALUES ('file');
SET usage_mgmt.load = '1';
SET usage_mgmt.on_fault = 'keep';
INSERT INTO usage_mgmt.usage_document SELECT pg_temp.document(n) FROM generate_series(1, 12) n;
INSERT INTO usage_mgmt.usage_document VALUES (pg_temp.document(1)), ('{"id":"call 01","date":"2001-01-01","type":"SMS"}'), ('no JSON'),
	('{"id":"marked","date":"2001-01-01","type":"VOICE"}');
RESET usage_mgmt.load;
RESET client_min_messages;
SELECT * FROM books;
SELECT * FROM usage_mgmt.undo_load(1);
SELECT * FROM books;
SELECT (SELECT count(*) FROM usage_mgmt.usage) AS usages, (SELECT count(*) FROM usage_mgmt.usage_key) AS keys;
SELECT * FROM usage_mgmt.check_keys();
-- a second time there is nothing left, and nothing more can come in under it
SELECT * FROM usage_mgmt.undo_load(1);
SELECT * FROM books;
SET usage_mgmt.load = '1';
INSERT INTO usage_mgmt.usage_document VALUES (pg_temp.document(1));
RESET usage_mgmt.load;
-- the same again is new
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"call 01","date":"2001-02-01","type":"SMS"}
\.
SELECT id, stored, repeated, conflicting FROM books WHERE id = 2;
SELECT resource, undone FROM usage_mgmt.undo_load(2);

-- What has changed since stays and is named: guided, rated, patched, moved to another month, rejected; what was changed back is as it came
SET client_min_messages = error;
INSERT INTO usage_mgmt.import_load (source) VALUES ('file');
SET usage_mgmt.load = '3';
INSERT INTO usage_mgmt.usage_document SELECT pg_temp.document(n) FROM generate_series(1, 12) n;
RESET usage_mgmt.load;
RESET client_min_messages;
SELECT usage_mgmt.patch_usage('call 01', '{"status":"guided"}') ->> 'status' AS status;
SELECT usage_mgmt.patch_usage('call 02', '{"description":"seen"}') ->> 'description' AS description;
SELECT usage_mgmt.patch_usage('call 04', '{"date":"2001-07-01T00:00:00Z"}') ->> 'date' AS date;
SELECT usage_mgmt.patch_usage('call 05', '{"status":"rejected"}') ->> 'status' AS status;
SELECT usage_mgmt.patch_usage('call 07', '{"extra":"none"}') IS NOT NULL AS patched, usage_mgmt.patch_usage('call 07', '{"extra":null}') IS NOT NULL AS back;
SELECT usage_mgmt.patch_usage('call 06', '{"status":"billed"}') ->> 'status' AS status;
SELECT usage_mgmt.delete_usage('call 08');
-- it is deleted, and no load's to undo
SELECT * FROM usage_mgmt.undo_load(3);
SELECT id, usage_date, status FROM usage_mgmt.usage ORDER BY id;
SELECT read, stored, undone, amounts, first_date, last_date FROM usage_mgmt.import_load WHERE id = 3;
SELECT * FROM usage_mgmt.check_keys();
-- as often as one likes
SELECT * FROM usage_mgmt.undo_load(3);
SELECT usage_mgmt.delete_usages('all=true', billed => true);

-- Within one transaction no time tells one from the other
BEGIN;
INSERT INTO usage_mgmt.import_load (source) VALUES ('file');
SET LOCAL usage_mgmt.load = '4';
INSERT INTO usage_mgmt.usage_document VALUES ('{"id":"a","date":"2001-01-01","type":"VOICE"}'), ('{"id":"b","date":"2001-01-01","type":"VOICE"}');
SET LOCAL usage_mgmt.load = '';
UPDATE usage_mgmt.usage SET description = 'seen' WHERE id = 'b';
COMMIT;
SELECT * FROM usage_mgmt.undo_load(4);
-- one without a date has that of its receipt; moved, it has changed
UPDATE usage_mgmt.setting SET value = 'fill' WHERE name = 'on_missing';
SET usage_mgmt.tmf_version = 'v4';
INSERT INTO usage_mgmt.import_load (source) VALUES ('file');
SET usage_mgmt.load = '5';
INSERT INTO usage_mgmt.usage_document VALUES ('{"id":"c","usageType":"VOICE"}'), ('{"id":"d","usageType":"VOICE"}');
RESET usage_mgmt.load;
UPDATE usage_mgmt.usage SET usage_date = usage_date - interval '1 hour' WHERE id = 'd';
SELECT * FROM usage_mgmt.undo_load(5);
UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'on_missing';
RESET usage_mgmt.tmf_version;
SELECT usage_mgmt.delete_usages('all=true');

-- What came as billed is billed: it goes where that is said
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"billed","date":"2001-01-01","type":"VOICE","status":"billed","ratedProductUsage":[{"ratingDate":"2001-04-01T00:00:00Z","taxIncludedRatingAmount":1.20,"taxExcludedRatingAmount":1.00,"taxRate":20,"currencyCode":"EUR","productRef":"p"}]}
{"id":"other","date":"2001-01-01","type":"VOICE"}
\.
SELECT pg_temp.state('SELECT usage_mgmt.undo_load(6)');
SELECT id, stored, undone, exact FROM books WHERE id = 6;
SELECT * FROM usage_mgmt.undo_load(6, billed => true);

-- Several resources; a specification is of no load. What usagectl notes of each is kept in step
SET client_min_messages = error;
INSERT INTO usage_mgmt.import_load (source, declared) VALUES ('file', '{"resources":{"usage":{"read":1,"stored":1,"repeated":0,"conflicting":0,"rejected":0},
	"service_usage":{"read":2,"stored":2,"repeated":0,"conflicting":0,"rejected":0}}}');
SET usage_mgmt.load = '7';
INSERT INTO usage_mgmt.usage_document VALUES ('{"id":"a","date":"2001-01-01","type":"VOICE"}');
INSERT INTO usage_mgmt.service_usage_document VALUES ('{"id":"a","usageDate":"2001-01-01T00:00:00Z","usageType":"VOICE","status":"generated","service":{"id":"1"}}'), ('{"id":"b","usageDate":"2001-01-01T00:00:00Z","usageType":"VOICE","status":"generated","service":{"id":"1"}}');
INSERT INTO usage_mgmt.usage_specification_document VALUES ('{"id":"s","name":"S","validFor":{"startDateTime":"2001-01-01T00:00:00Z"},"usageSpecCharacteristic":[{"name":"n","configurable":true,"usageSpecCharacteristicValue":[{"valueType":"string","default":true,"value":"v"}]}]}');
RESET usage_mgmt.load;
RESET client_min_messages;
UPDATE usage_mgmt.service_usage SET description = 'seen' WHERE id = 'b';
SELECT * FROM usage_mgmt.undo_load(7);
SELECT read, stored, undone, rejected, jsonb_pretty(declared -> 'resources') AS resources FROM usage_mgmt.import_load WHERE id = 7;
SELECT usage_mgmt.delete_service_usages('all=true'), usage_mgmt.delete_usage_specifications('all=true');

-- Listeners are told
SELECT (usage_mgmt.register_usage_listener(NULL, 'eventType=UsageDeleteNotification') ->> 'id') AS listener \gset
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"a","date":"2001-01-01","type":"VOICE"}
{"id":"b","date":"2001-01-01","type":"VOICE"}
\.
SELECT undone FROM usage_mgmt.undo_load(8);
SELECT count(*) AS told FROM usage_mgmt.next_events(:'listener');
SELECT usage_mgmt.unregister_usage_listener(:'listener');

-- Who may: a member of the role that loaded it, or an operator, who may delete the rows; of these only what he sees
SET client_min_messages = error;
DROP ROLE IF EXISTS regress_undo_night, regress_undo_writer, regress_undo_operator;
RESET client_min_messages;
CREATE ROLE regress_undo_night;
CREATE ROLE regress_undo_writer;
CREATE ROLE regress_undo_operator;
SELECT usage_mgmt.grant_access('regress_undo_night', 'loader'), usage_mgmt.grant_access('regress_undo_writer', 'writer'),
	usage_mgmt.grant_access('regress_undo_operator', 'operator');
SET ROLE regress_undo_night;
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"a","date":"2001-01-01","type":"VOICE"}
{"id":"b","date":"2001-01-01","type":"SMS"}
{"id":"c","date":"2001-01-01","type":"SMS"}
\.
-- it may load, and not delete
SELECT pg_temp.state('SELECT usage_mgmt.undo_load(9)');
SET ROLE regress_undo_writer;
SELECT pg_temp.state('SELECT usage_mgmt.undo_load(9)');
RESET ROLE;
GRANT regress_undo_night TO regress_undo_writer;
ALTER TABLE usage_mgmt.usage ENABLE ROW LEVEL SECURITY;
CREATE POLICY regress_undo ON usage_mgmt.usage USING (current_user <> 'regress_undo_writer' OR usage_type = 'SMS');
SET ROLE regress_undo_writer;
SELECT * FROM usage_mgmt.undo_load(9);
SET ROLE regress_undo_operator;
SELECT id, stored, undone FROM usage_mgmt.import_load WHERE id = 9;
SELECT * FROM usage_mgmt.undo_load(9);
RESET ROLE;
SELECT id, stored, undone, exact FROM books WHERE id = 9;
DROP POLICY regress_undo ON usage_mgmt.usage;
ALTER TABLE usage_mgmt.usage DISABLE ROW LEVEL SECURITY;

-- What a query amounts to: of the very rows that it lists, a page of them as that page
INSERT INTO usage_mgmt.usage_document SELECT pg_temp.document(n) FROM generate_series(1, 12) n;
SELECT * FROM usage_mgmt.summarize_usages();
SELECT * FROM usage_mgmt.summarize_usages('date.gt=2001-01-15');
SELECT * FROM usage_mgmt.summarize_usages('sort=id&limit=3&offset=1');
SELECT * FROM usage_mgmt.summarize_usages('usageDate.lt=2001-01-15&status=rated', 'v4');
SELECT * FROM usage_mgmt.summarize_usages('sort=id&offset=10');
SELECT * FROM usage_mgmt.summarize_usages('limit=0');
SELECT * FROM usage_mgmt.summarize_usages('status=guided');
-- a currency without an amount is none
BEGIN;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, rated_product_usage) VALUES ('unpriced', '2001-01-05 00:00+00', 'T', ARRAY[usage_mgmt.rated_product_usage(currency_code => 'EUR')]);
SELECT * FROM usage_mgmt.summarize_usages('id=unpriced');
ROLLBACK;
SELECT * FROM usage_mgmt.summarize_usage_specifications();
SELECT pg_temp.state('SELECT usage_mgmt.summarize_usages(''nothing=1'')');

-- What cannot be
SELECT pg_temp.state(statement) FROM (VALUES
	('SELECT usage_mgmt.undo_load(1000)'), ('SELECT usage_mgmt.undo_load(NULL)'),
	('SELECT usage_mgmt.is_as_stored(u) FROM (SELECT (jsonb_populate_record(NULL::usage_mgmt.usage, ''{"id":"a"}'')).*) x, LATERAL (SELECT x::usage_mgmt.usage AS u) y')) v (statement);
-- nor the load of a job that has not ended: its next attempt would take what is undone for done
INSERT INTO usage_mgmt.import_load (id) VALUES (2000);
INSERT INTO usage_mgmt.import_job (id, url) VALUES ('undo', 'file:///in/a.json');
CREATE FUNCTION pg_temp.undone_while(status usage_mgmt.job_status) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	SET LOCAL session_replication_role = replica;
	UPDATE usage_mgmt.import_job j SET load = 2000, status = undone_while.status WHERE id = 'undo';
	SET LOCAL session_replication_role = origin;
	RETURN (SELECT count(*) FROM usage_mgmt.undo_load(2000));
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT status, pg_temp.undone_while(status) FROM unnest(enum_range(NULL::usage_mgmt.job_status)) status;
DELETE FROM usage_mgmt.import_job;
REVOKE regress_undo_night FROM regress_undo_writer;
DROP OWNED BY regress_undo_night, regress_undo_writer, regress_undo_operator;
DROP ROLE regress_undo_night, regress_undo_writer, regress_undo_operator;
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key, usage_mgmt.import_load, usage_mgmt.import_reject, usage_mgmt.usage_conflict,
	usage_mgmt.usage_event_0, usage_mgmt.usage_event_1, usage_mgmt.usage_event_2 RESTART IDENTITY;
