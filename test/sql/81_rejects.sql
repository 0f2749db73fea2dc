-- What a load could not store: kept as it came, and taken in once it is mended.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
\getenv folder PG_ABS_BUILDDIR
\set file :folder '/results/81_rejects.data'
\set lines 'WITH (FORMAT csv, QUOTE E''\\x01'', DELIMITER E''\\x02'')'
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification, usage_mgmt.usage_key, usage_mgmt.import_load,
	usage_mgmt.import_reject, usage_mgmt.usage_conflict RESTART IDENTITY;

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
CREATE TEMP VIEW why AS
SELECT r.id, record_number AS number, concat_ws(' ', f ->> 'code', nullif(f ->> 'path', ''), f ->> 'message') AS fault
FROM usage_mgmt.import_reject r, jsonb_array_elements(errors) WITH ORDINALITY AS e (f, n) ORDER BY r.id, e.n;

-- Rejects keep the document byte for byte, all its faults and its number in the load. One in two is sound.
CREATE TEMP TABLE delivered (number int, document text);
INSERT INTO delivered SELECT 2 * n, document FROM (VALUES
	(1, 'no JSON'), (2, '   { "id" : "a" , "date":"2001-01-01", '), (3, '"id"'), (4, 'null'), (5, '{"id":"a","date":"2001-01-01","type":"a",}'),
	(6, E'{"id":"a","date":"2001-01-01","type":"a \t b"}'), (7, '{"id":"a","date":"2001-01-01","type":"\u0000"}'), (8, '{"id":"a","date":"2001-01-01","type":"\ud800"}'),
	(9, E' \t{ "id":"a" ,"date":"yesterday","status":"lost","usageCharacteristic":[{"name":"n"},{"value":1}],"relatedParty":[{}],"ratedProductUsage":7} \t '),
	(10, '{"id":"a","type":"a","date":"2001-01-01","usageDate":"2001-01-02"}'), (11, '{"id":"a","type":"a","date":"2001-01-01","usageDate":{}}'),
	(12, '{"id":"' || repeat('i', 513) || '","date":"2001-01-01","type":"a"}'), (13, '{"id":"a","type":"a","date":"200001-01-01"}'),
	(14, '{"id":"a","type":"a","date":"2001-01-01","x":1e999999}'), (15, repeat('[', 2000)), (16, '{"id":"a","date":"2001-01-01","type":"a","x":' || repeat('[', 2000) || repeat(']', 2000) || '}'),
	(17, '{"id":"a","date":"2001-01-01","type":"a","status":"rated","ratedProductUsage":[{"ratingDate":"2001-01-01","taxIncludedRatingAmount":"NaN","taxExcludedRatingAmount":1,"taxRate":0,"currencyCode":"EURO"}]}'),
	(18, '{"id":"é","date":"€","type":"' || chr(128222) || '"}'), (19, '{"id":"a"} {"id":"b"}'), (20, '\x')) v (n, document);
INSERT INTO delivered SELECT number - 1, format('{"id":"sound %s","date":"2001-01-01","type":"a"}', number) FROM delivered;
COPY (SELECT document FROM delivered ORDER BY number) TO :'file' :lines;
COPY usage_mgmt.usage_document FROM :'file' :lines;
SELECT number, fault FROM why;
SELECT count(*) AS pairs FROM usage_mgmt.import_reject JOIN delivered ON number = record_number;
SELECT number, d.document, r.document AS kept FROM delivered d LEFT JOIN usage_mgmt.import_reject r ON record_number = number
WHERE number % 2 = 0 AND (r.document IS DISTINCT FROM d.document OR document_length <> octet_length(d.document)
	OR document_raw IS NOT NULL OR recycled_at IS NOT NULL OR load_id <> 1 OR resource <> 'usage');
SELECT count(*) FROM usage_mgmt.usage;
TRUNCATE usage_mgmt.import_reject, usage_mgmt.usage;

-- Conflicts keep what came, byte for byte, and what was there
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"a","date":"2001-01-01","type":"VOICE"}
 {"type":"DATA", "id":"a","date":"2001-01-01" }	
\.
SELECT record_number, usage_id, '"' || document || '"' AS document, document_length, stored FROM usage_mgmt.usage_conflict;
-- of a usage that was dropped with its partition only the id is known
SELECT usage_mgmt.ensure_partitions('2001-01-01', '2001-01-01'), usage_mgmt.drop_partitions('2001-12-31', unbilled => true);
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"a","date":"2001-01-01","type":"VOICE"}
{"id":"a","date":"2001-01-01","type":"SMS"}
\.
SELECT record_number, usage_id, document, stored FROM usage_mgmt.usage_conflict WHERE load_id = 3;
TRUNCATE usage_mgmt.usage_conflict, usage_mgmt.usage, usage_mgmt.usage_key;

-- A reject is recycled as it is, where what was wrong lay elsewhere, or corrected
UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'check_specification';
INSERT INTO usage_mgmt.usage_specification (id) VALUES ('s');
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"b","date":"2001-01-01","type":"VOICE","usageSpecification":{"id":"s"},"usageCharacteristic":{"duration":1.50}}
{"id":"c","date":"2001-01-01","status":"lost"}
{"id":"d","date":"2001-01-01"}
\.
-- what a specification is against is told behind what is wrong in itself
SELECT * FROM why;
SELECT pg_temp.state('SELECT usage_mgmt.recycle_reject(23)');
SELECT usage_mgmt.put_usage_specification('s', '{"usageSpecCharacteristic":[{"name":"duration"}]}') ->> 'id' AS id;
SELECT pg_temp.state('SELECT usage_mgmt.recycle_reject(23)');
UPDATE usage_mgmt.setting SET value = 'off' WHERE name = 'check_specification';
SELECT usage_mgmt.get_usage('b'), load_id FROM usage_mgmt.usage WHERE id = 'b';
SELECT pg_temp.state(statement) FROM (VALUES
	('SELECT usage_mgmt.recycle_reject(23)'), ('SELECT usage_mgmt.recycle_reject(4711)'), ('SELECT usage_mgmt.recycle_reject(21)'),
	('SELECT usage_mgmt.recycle_reject(21, $${"id":"c","date":"2001-01-01","status":"lost","type":"VOICE"}$$)'),
	('SELECT usage_mgmt.recycle_reject(21, $${"id":"b","date":"2001-01-01","type":"VOICE"}$$)'),
	('SELECT usage_mgmt.recycle_reject(21, $${"id":"c","date":"2001-01-01","type":"VOICE"}$$)'),
	-- what came in meanwhile by another way is a repeat
	('SELECT usage_mgmt.recycle_reject(22, $${"id":"c","date":"2001-01-01","type":"VOICE"}$$)')) v (statement);
-- and the reject tells when; what it was stays
SELECT id, recycled_at IS NOT NULL AS recycled, document FROM usage_mgmt.import_reject ORDER BY id;
SELECT id, usage_type, load_id FROM usage_mgmt.usage ORDER BY id;
SELECT read, stored, repeated, conflicting, rejected FROM usage_mgmt.import_load ORDER BY id DESC LIMIT 1;

-- By the load, with what all of them lacked; what is still faulty stays a reject
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"e","date":"2001-01-01","n":12.00}
{"id":"f","date":"2001-01-01","type":"VOICE"}
{"id":"g","date":"2001-01-01","ratedProductUsage":7}
{"id":"h","date":"2001-01-01","type":null}
no JSON
{"id":"c","date":"2001-01-02"}
[1]
\.
SELECT max(id) AS load FROM usage_mgmt.import_load \gset
SELECT usage_mgmt.recycle_rejects(:load);
SELECT usage_mgmt.recycle_rejects(:load, '{"type": "VOICE"}');
SELECT usage_mgmt.recycle_rejects(:load, '{"type": "VOICE"}');
SELECT usage_mgmt.recycle_rejects(4711);
SELECT record_number, recycled_at IS NOT NULL AS recycled, document FROM usage_mgmt.import_reject WHERE load_id = :load ORDER BY record_number;
SELECT usage_mgmt.get_usage(id) FROM usage_mgmt.usage WHERE id > 'd' ORDER BY id;

-- A user's trigger has its say; what it refuses stays a reject
CREATE FUNCTION pg_temp.not_i() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.id = 'i' THEN
		RAISE EXCEPTION 'not i';
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER not_i BEFORE INSERT ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION pg_temp.not_i();
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"i","date":"2001-01-01","type":"VOICE"}
{"id":"j","date":"2001-01-01"}
\.
SELECT usage_mgmt.recycle_rejects(max(id), '{"type": "VOICE"}') FROM usage_mgmt.import_load;
DROP TRIGGER not_i ON usage_mgmt.usage;
SELECT usage_mgmt.recycle_rejects(max(id)) FROM usage_mgmt.import_load;

-- What stops the session is no record's fault: nothing is put by, taken in or passed over, whatever the load has of others
CREATE FUNCTION pg_temp.stop() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.id = 'stop' AND current_setting('my.code') = 'cancel' THEN
		PERFORM pg_cancel_backend(pg_backend_pid());
	ELSIF NEW.id = 'stop' THEN
		RAISE 'stopped' USING ERRCODE = current_setting('my.code');
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER a_stop BEFORE INSERT ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION pg_temp.stop();
CREATE TRIGGER a_stop BEFORE INSERT ON usage_mgmt.usage_specification FOR EACH ROW EXECUTE FUNCTION pg_temp.stop();
INSERT INTO usage_mgmt.import_load (id) VALUES (98);
INSERT INTO usage_mgmt.import_reject (load_id, record_number, document, errors) VALUES
	(98, 1, '{"id":"before","date":"2001-01-01","type":"STOP"}', '[]'), (98, 2, '{"id":"stop","date":"2001-01-01","type":"STOP"}', '[]');
CREATE TEMP TABLE stopped_way (n int, statement text);
INSERT INTO stopped_way VALUES
(1, $$INSERT INTO usage_mgmt.usage_document SELECT format('{"id":"%s","date":"2001-01-01","type":"STOP"}', id) FROM unnest('{before,stop,behind}'::text[]) id$$),
(2, $$INSERT INTO usage_mgmt.usage_document VALUES ('{"id":"stop","date":"2001-01-01","type":"STOP"}')$$),
(3, $$INSERT INTO usage_mgmt.usage_specification_document SELECT format('{"id":"%s","name":"STOP"}', id) FROM unnest('{before,stop,behind}'::text[]) id$$),
(4, 'SELECT usage_mgmt.recycle_rejects(98)');
CREATE FUNCTION pg_temp.stopped(statement text, code text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('my.code', code, true), set_config('usage_mgmt.load', CASE WHEN statement LIKE 'INSERT%' THEN '98' ELSE '' END, true);
	EXECUTE statement;
	RAISE SQLSTATE 'ZZ999' USING MESSAGE = format('%s stored, %s rejected', (SELECT count(*) FROM usage_mgmt.usage WHERE usage_type = 'STOP')
		+ (SELECT count(*) FROM usage_mgmt.usage_specification WHERE name = 'STOP'), (SELECT count(*) FROM usage_mgmt.import_reject WHERE load_id = 98 AND errors -> 0 ->> 'code' = code));
EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
	RETURN SQLERRM;
WHEN OTHERS OR query_canceled THEN
	RETURN 'stopped: ' || SQLSTATE;
END
$$;
SELECT statement, array_agg(DISTINCT pg_temp.stopped(statement, code)) AS said
FROM stopped_way, unnest('{cancel,57014}'::text[]) code GROUP BY n, statement ORDER BY n;
SELECT code, array_agg(pg_temp.stopped(statement, code) ORDER BY n) AS said
FROM stopped_way, unnest('{57P01,53200,53100,40001,40P01,55P03,58030,25006,XX000,42P01}'::text[]) code GROUP BY code ORDER BY code;
-- and this is a record's
SET client_min_messages = error;
SELECT code, array_agg(pg_temp.stopped(statement, code) ORDER BY n) AS said
FROM stopped_way, unnest('{22023,23514,42501,44000,P0001,UM001}'::text[]) code GROUP BY code ORDER BY code;
DROP TRIGGER a_stop ON usage_mgmt.usage;
DROP TRIGGER a_stop ON usage_mgmt.usage_specification;
DELETE FROM usage_mgmt.import_load WHERE id = 98;
RESET client_min_messages;

-- A record that is no text needs a corrected document
INSERT INTO usage_mgmt.import_reject (load_id, record_number, document_raw, errors) VALUES (99, 1, '\x7bff7d', '[]');
SELECT max(id) AS raw FROM usage_mgmt.import_reject \gset
SELECT pg_temp.state(format('SELECT usage_mgmt.recycle_reject(%s)', :raw));
SELECT usage_mgmt.recycle_rejects(99);
SELECT usage_mgmt.recycle_reject(:raw, '{"id":"k","date":"2001-01-01","type":"VOICE"}');

-- Rejected specifications become specifications
COPY usage_mgmt.usage_specification_document FROM STDIN :lines;
{"id":"t","usageSpecCharacteristic":[{}]}
{"id":"u","status":"lost"}
\.
SELECT usage_mgmt.recycle_rejects(max(id), '{"usageSpecCharacteristic": [{"name": "n"}]}') FROM usage_mgmt.import_load;
SELECT usage_mgmt.recycle_rejects(max(id), '{"status": "active"}') FROM usage_mgmt.import_load;
SELECT usage_mgmt.get_usage_specification(id) FROM usage_mgmt.usage_specification WHERE id > 's' ORDER BY id;
SELECT count(*) FROM usage_mgmt.check_keys();

-- A document above 64 MB is a reject, kept by its first megabyte, with its length
CREATE TEMP TABLE long AS SELECT format('{"id":"long","date":"2001-01-01","type":"VOICE","description":"%s€"}', repeat('x', 64 * 1024 * 1024)) AS document;
INSERT INTO usage_mgmt.import_load (id) VALUES (100);
SET usage_mgmt.load = '100';
INSERT INTO usage_mgmt.usage_document SELECT document FROM long;
-- cut between characters
INSERT INTO usage_mgmt.usage_document SELECT repeat('€', 23000000);
-- what just fits is stored, or kept
INSERT INTO usage_mgmt.usage_document SELECT overlay(document PLACING '' FROM 100 FOR length(document) - 64 * 1024 * 1024 + 2) FROM long;
INSERT INTO usage_mgmt.usage_document SELECT repeat('x', 64 * 1024 * 1024);
RESET usage_mgmt.load;
SELECT record_number, document_length, octet_length(r.document) AS kept, fault
FROM usage_mgmt.import_reject r JOIN why USING (id) WHERE load_id = 100 ORDER BY record_number;
SELECT starts_with(l.document, r.document) AS same FROM long l, usage_mgmt.import_reject r WHERE load_id = 100 AND record_number = 1;
SELECT read, stored, repeated, conflicting, rejected FROM usage_mgmt.import_load WHERE id = 100;
SELECT id, octet_length(description) FROM usage_mgmt.usage WHERE load_id = 100;

TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification, usage_mgmt.usage_key, usage_mgmt.import_load,
	usage_mgmt.import_reject, usage_mgmt.usage_conflict RESTART IDENTITY;
