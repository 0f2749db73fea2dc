-- Documents by the million: COPY into the views, and INSERT.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
\getenv folder PG_ABS_BUILDDIR
\set file :folder '/results/80_copy.data'
\set lines 'WITH (FORMAT csv, QUOTE E''\\x01'', DELIMITER E''\\x02'')'
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification, usage_mgmt.usage_key, usage_mgmt.import_load,
	usage_mgmt.import_reject, usage_mgmt.usage_conflict RESTART IDENTITY;
SELECT usage_mgmt.ensure_partitions('2001-01-01', '2001-02-28') AS made;

-- The books of every load, and whether the rows agree with them
CREATE TEMP VIEW books AS
SELECT id AS load, read, stored, repeated, conflicting, rejected,
	read = stored + repeated + conflicting + rejected
	AND stored = (SELECT count(*) FROM usage_mgmt.usage u WHERE u.load_id = l.id)
	AND conflicting = (SELECT count(*) FROM usage_mgmt.usage_conflict c WHERE c.load_id = l.id)
	AND rejected = (SELECT count(*) FROM usage_mgmt.import_reject r WHERE r.load_id = l.id) AS agrees
FROM usage_mgmt.import_load l;
GRANT SELECT ON books TO PUBLIC;
CREATE TEMP VIEW newest AS SELECT * FROM books ORDER BY load DESC LIMIT 1;
CREATE TEMP VIEW why AS
SELECT load_id AS load, record_number AS number, string_agg(concat_ws(' ', f ->> 'code', nullif(f ->> 'path', ''), f ->> 'message'), E'\n') AS faults
FROM usage_mgmt.import_reject, jsonb_array_elements(errors) f GROUP BY import_reject.id ORDER BY load_id, record_number;

CREATE FUNCTION pg_temp.state(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;

-- Lines of JSON, as they are: both versions of the standard in one file, blank lines none of it
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"a","date":"2001-01-01T00:00:00Z","type":"VOICE","description":"a \"quote\", a back\\slash, a tab\t, \u00e9"}

{"id":"b","usageDate":"2001-02-01T00:00:00Z","usageType":"DATA","status":"rated","ratedProductUsage":[{"ratingDate":"2001-02-02","taxIncludedRatingAmount":{"unit":"EUR","value":12.00},"taxExcludedRatingAmount":{"unit":"EUR","value":10.00},"taxRate":20,"productRef":{"id":"p"}}]}
 {"id" : "c" , "date" : "2001-03-01" , "type" : "SMS" , "own" : [1, {"x" : null}]} 
\.
SELECT usage_mgmt.to_tmf(u) FROM usage_mgmt.usage u ORDER BY id;
SELECT tableoid::regclass, id, load_id, received_at = changed_at AS stamped FROM usage_mgmt.usage ORDER BY id;
SELECT * FROM books;
SELECT source, started_at <= finished_at AS timed, first_date, last_date, amounts FROM usage_mgmt.import_load;

-- Without a partition of its month a usage lies in the default one, and ensure_partitions takes it out
SELECT usage_mgmt.ensure_partitions('2001-03-01', '2001-03-01') AS made;
SELECT tableoid::regclass, id FROM usage_mgmt.usage WHERE id = 'c';
SELECT * FROM newest;

-- What is written by COPY is read by COPY, in either form: here they are repeats
COPY (SELECT document FROM usage_mgmt.usage_document) TO :'file' :lines;
COPY usage_mgmt.usage_document FROM :'file' :lines;
COPY (SELECT usage_mgmt.to_tmf(u, 'v4')::text FROM usage_mgmt.usage u) TO :'file' (FORMAT binary);
COPY usage_mgmt.usage_document FROM :'file' (FORMAT binary);
COPY usage_mgmt.usage_document (document) FROM STDIN WITH (FORMAT csv, QUOTE E'\x1e', DELIMITER E'\x1f', ESCAPE E'\x03', ENCODING 'UTF8') WHERE document <> '';
{"id":"a","date":"2001-01-01T00:00:00Z","type":"VOICE","description":"a \"quote\", a back\\slash, a tab\t, \u00e9"}
\.
SELECT * FROM books WHERE load > 1;
SELECT count(*) FROM usage_mgmt.usage;

-- Any other form would change documents or leave some out, and is refused before its first line
\set VERBOSITY default
COPY usage_mgmt.usage_document FROM STDIN;
{"id":"form","date":"2001-01-01","type":"V\u00fcICE"}
\.
\copy usage_mgmt.usage_specification_document FROM STDIN WITH (FORMAT csv)
"{""id"":""form""}"
\.
\set VERBOSITY terse
COPY (SELECT '{"id":"form","date":"2001-01-01","type":"V\u00fcICE"}' FROM generate_series(1, 2)) TO :'file' :lines;
\set ECHO none
\set safe 'FORMAT csv, QUOTE E''\\x01'', DELIMITER E''\\x02'''
SELECT format('COPY usage_mgmt.usage_document FROM %L WITH (%s)', :'file', options) AS statement FROM unnest(ARRAY[
	'FORMAT text', $$DELIMITER E'\x02'$$, $$FORMAT csv, QUOTE E'\x01'$$, $$FORMAT csv, DELIMITER E'\x02'$$,
	$$FORMAT csv, QUOTE E'\x01', DELIMITER E'\t'$$, $$FORMAT csv, QUOTE E'\t', DELIMITER E'\x02'$$,
	:'safe' || $$, ESCAPE '\'$$, :'safe' || ', HEADER', :'safe' || ', HEADER match', :'safe' || $$, NULL 'null'$$]) WITH ORDINALITY AS o (options, n) ORDER BY n
\gexec
\set ECHO all
-- of a COPY within a function that is known with its first row
\set ECHO none
SELECT format('DO %L', format('BEGIN EXECUTE %L; END', format('COPY usage_mgmt.usage_document FROM %L WITH (%s)', :'file', options))) AS statement
FROM unnest(ARRAY['FORMAT text', $$FORMAT csv, DELIMITER E'\x02'$$, :'safe' || ', HEADER', :'safe']) WITH ORDINALITY AS o (options, n) ORDER BY n
\gexec
\set ECHO all
-- A COPY into another table, whose trigger loads what it brings, is of no concern
CREATE TEMP TABLE inbox (line text);
CREATE FUNCTION pg_temp.take() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO usage_mgmt.usage_document VALUES (NEW.line);
	RETURN NULL;
END
$$;
CREATE TRIGGER take BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION pg_temp.take();
COPY inbox FROM STDIN;
{"id":"inbox","date":"2001-01-01","type":"V\\u00fcICE"}
\.
SET track_activities = off;
COPY usage_mgmt.usage_document FROM STDIN;
\.
COPY inbox FROM STDIN;
{"id":"inbox","date":"2001-01-01"}
\.
RESET track_activities;
SELECT id, usage_type FROM usage_mgmt.usage WHERE id IN ('form', 'inbox') ORDER BY id;
DELETE FROM usage_mgmt.usage WHERE id IN ('form', 'inbox');
DELETE FROM usage_mgmt.import_load WHERE id > 4;
SELECT setval('usage_mgmt.import_load_id_seq', 5);

-- The view is no staging table to be cleared: nothing is deleted or changed through it
\set VERBOSITY default
DELETE FROM usage_mgmt.usage_document;
UPDATE usage_mgmt.usage_specification_document SET document = NULL;
\set VERBOSITY terse
SELECT statement, pg_temp.state(statement) FROM (VALUES
	('DELETE FROM usage_mgmt.usage_document WHERE false'), ('UPDATE usage_mgmt.usage_document SET document = NULL WHERE false'),
	('UPDATE usage_mgmt.usage_document SET document = replace(document, $$a$$, $$b$$)'),
	('DELETE FROM usage_mgmt.usage_specification_document'), ('WITH d AS (DELETE FROM usage_mgmt.usage_document RETURNING document) TABLE d')) v (statement);
SELECT count(*) FROM usage_mgmt.usage;

-- No record at all is a load, too
COPY usage_mgmt.usage_document FROM STDIN :lines;
\.
SELECT newest.*, first_date, amounts FROM newest JOIN usage_mgmt.import_load ON load = id;

-- A record without an id has one by its content, so that the same file again adds nothing
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"date":"2001-01-02","type":"VOICE","usageCharacteristic":[{"name":"duration","value":20}]}
{"type":"VOICE","date":"2001-01-02T01:00:00+01:00","usageCharacteristic":{"duration":20.0}}
{"date":"2001-01-02","type":"VOICE","usageCharacteristic":[{"name":"duration","value":"20"}]}
\.
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"date":"2001-01-02","type":"VOICE","usageCharacteristic":[{"name":"duration","value":20}]}
{"type":"VOICE","date":"2001-01-02T01:00:00+01:00","usageCharacteristic":{"duration":20.0}}
{"date":"2001-01-02","type":"VOICE","usageCharacteristic":[{"name":"duration","value":"20"}]}
\.
SELECT * FROM books WHERE load > 6;

-- A load makes nothing up: what R14.5 asks for must be there, in v4 as well
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"undated","usageType":"VOICE"}
{"id":"untyped","usageDate":"2001-01-03","usageSpecification":{"id":"9","name":"Voice"}}
{"id":"no role","usageDate":"2001-01-03","usageType":"VOICE","relatedParty":[{"id":"1","@referredType":"Individual"}]}
{"id":"empty","usageDate":"","usageType":null,"relatedParty":[{"role":"customer"},{}]}
{"id":"whole","usageDate":"2001-01-03","usageType":"VOICE","relatedParty":[{"role":"customer"}]}
\.
SELECT number, faults FROM why WHERE load = (SELECT load FROM newest);
SELECT pg_temp.state('INSERT INTO usage_mgmt.usage_document VALUES ($${"id":"undated","usageType":"VOICE"}$$)');
SELECT pg_temp.state(format('SELECT usage_mgmt.recycle_reject(%s)', min(id))) FROM usage_mgmt.import_reject WHERE load_id = (SELECT load FROM newest);
-- unless that is ordered: then the books say of how many records
UPDATE usage_mgmt.setting SET value = 'fill' WHERE name = 'on_missing';
\set VERBOSITY default
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"undated","usageType":"VOICE"}
{"id":"untyped","usageDate":"2001-01-03","usageSpecification":{"id":"9","name":"Voice"}}
{"id":"no role","usageDate":"2001-01-03","usageType":"VOICE","relatedParty":[{"id":"1","@referredType":"Individual"}]}
{"id":"empty","usageDate":"","usageType":null,"relatedParty":[{"role":"customer"},{}]}
{"id":"whole","usageDate":"2001-01-03","usageType":"VOICE","relatedParty":[{"role":"customer"}]}
{"id":"another","date":"2001-01-03"}
{"id":"undated","usageType":"DATA"}
\.
\set VERBOSITY terse
SELECT newest.*, filled FROM newest JOIN usage_mgmt.import_load ON load = id;
SELECT id, usage_date = received_at AS undated, usage_type, (related_party[1]).role, (related_party[2]).role
FROM usage_mgmt.usage WHERE load_id = (SELECT load FROM newest) ORDER BY id;
-- An undated one is compared with the date that is stored
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"undated","usageType":"VOICE"}
{"id":"undated","usageType":"VOICE"}
{"id":"c","usageType":"SMS","own":[1,{"x":null}]}
\.
SELECT newest.*, filled FROM newest JOIN usage_mgmt.import_load ON load = id;
-- the order of the moment when the statement began counts to its end
CREATE FUNCTION pg_temp.reorder() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'on_missing';
	RETURN NULL;
END
$$;
CREATE TRIGGER reorder AFTER INSERT ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION pg_temp.reorder();
COPY (SELECT format('{"id":"order %s","usageDate":"2001-01-03"}', n) FROM generate_series(1, 1500) n) TO :'file' :lines;
COPY usage_mgmt.usage_document FROM :'file' :lines;
COPY usage_mgmt.usage_document FROM :'file' :lines;
DROP TRIGGER reorder ON usage_mgmt.usage;
SELECT * FROM usage_mgmt.setting WHERE name = 'on_missing';
SELECT usage_mgmt.post_usage('{"id":"posted"}', 'v4') ->> 'usageType' AS type;
DELETE FROM usage_mgmt.usage WHERE load_id >= 9 OR id = 'posted';
DELETE FROM usage_mgmt.usage_conflict;
DELETE FROM usage_mgmt.import_reject;
DELETE FROM usage_mgmt.import_load WHERE id >= 9;
SELECT setval('usage_mgmt.import_load_id_seq', 9);

-- Repeats, conflicts and rejects, within a file and against the store
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"a","date":"2001-01-01T00:00:00Z","type":"DATA"}
{"id":"d","date":"2001-01-01","type":"VOICE"}
{"id":"d","date":"2001-01-01","type":"VOICE","usageCharacteristic":[]}
{"id":"d","date":"2001-02-01","type":"VOICE"}
{"id":"e","type":"VOICE"}
no JSON
{"id":"e","date":"2001-01-01","type":"VOICE"}
{"id":"f","date":"2001-01-01","type":"VOICE","status":"rated"}
\.
SELECT * FROM newest;
SELECT * FROM why;
SELECT load_id AS load, record_number AS number, usage_id, document, stored FROM usage_mgmt.usage_conflict ORDER BY record_number;

-- More than a batch of a thousand, the conflicts in another batch than what they disagree with
COPY (SELECT format('{"id":"many %s","date":"2001-01-01","type":"%s"}', n % 2500, CASE WHEN n < 2600 THEN 'x' ELSE 'y' END)
	FROM generate_series(0, 2999) n) TO :'file' :lines;
COPY usage_mgmt.usage_document FROM :'file' :lines;
SELECT * FROM newest;
SELECT min(record_number), max(record_number), count(DISTINCT record_number) FROM usage_mgmt.usage_conflict
WHERE load_id = (SELECT load FROM newest);
SELECT count(*) FROM usage_mgmt.check_keys();

-- A load of one's own: statements add to its books, whichever they are, and speak only of what was not stored
INSERT INTO usage_mgmt.import_load (id, source) VALUES (1000, 'tape 7');
SET usage_mgmt.load = '1000';
INSERT INTO usage_mgmt.usage_document VALUES
	('{"id":"g","date":"2001-01-01","type":"VOICE"}'), ('{"id":"d","date":"2001-01-01","type":"SMS"}'), ('{'), (NULL);
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"g","date":"2001-01-01","type":"VOICE"}
{"id":"h","date":"2001-01-05","type":"VOICE","status":"rated","ratedProductUsage":[{"ratingDate":"2001-02-02","taxIncludedRatingAmount":12.00,"taxExcludedRatingAmount":10.00,"taxRate":20,"currencyCode":"EUR","productRef":"p"}]}
[]
\.
INSERT INTO usage_mgmt.usage_document SELECT replace(usage_mgmt.to_tmf(u)::text, '"h"', '"i"') FROM usage_mgmt.usage u WHERE id = 'h';
SELECT * FROM newest;
SELECT source, finished_at IS NOT NULL AS finished, first_date, last_date, amounts FROM usage_mgmt.import_load WHERE id = 1000;
SELECT number, faults FROM why WHERE load = 1000;
SET usage_mgmt.load = '4711';
\set VERBOSITY default
COPY usage_mgmt.usage_document FROM STDIN :lines;
\.
\set VERBOSITY terse
SET usage_mgmt.load = 'mine';
-- one that is finished, and one of another role's, are nobody's to go on with
UPDATE usage_mgmt.import_load SET finished_at = now() WHERE id = 1000;
SET usage_mgmt.load = '1000';
INSERT INTO usage_mgmt.usage_document VALUES ('{"id":"late","date":"2001-01-01","type":"VOICE"}');
UPDATE usage_mgmt.import_load SET finished_at = NULL WHERE id = 1000;
CREATE ROLE regress_night;
CREATE ROLE regress_day;
CREATE ROLE regress_shift IN ROLE regress_night;
GRANT USAGE ON SCHEMA usage_mgmt TO regress_night, regress_day;
GRANT INSERT ON usage_mgmt.usage_document, usage_mgmt.usage TO regress_night, regress_day;
SELECT loaded_by = current_user AS mine FROM usage_mgmt.import_load WHERE id = 1000;
SET ROLE regress_night;
INSERT INTO usage_mgmt.usage_document VALUES ('{"id":"night","date":"2001-01-01","type":"VOICE"}');
SET usage_mgmt.load = '';
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"night","date":"2001-01-01","type":"VOICE"}
\.
RESET ROLE;
SELECT max(id) AS load FROM usage_mgmt.import_load WHERE loaded_by = 'regress_night' \gset
UPDATE usage_mgmt.import_load SET finished_at = NULL WHERE id = :load;
SET usage_mgmt.load = :'load';
SET ROLE regress_day;
INSERT INTO usage_mgmt.usage_document VALUES ('{"id":"day","date":"2001-01-01","type":"VOICE"}');
SET ROLE regress_shift;
INSERT INTO usage_mgmt.usage_document VALUES ('{"id":"shift","date":"2001-01-01","type":"VOICE"}');
RESET ROLE;
INSERT INTO usage_mgmt.usage_document VALUES ('{"id":"superuser","date":"2001-01-01","type":"VOICE"}');
UPDATE usage_mgmt.import_load SET loaded_by = 'regress_gone' WHERE id = :load;
SET ROLE regress_night;
INSERT INTO usage_mgmt.usage_document VALUES ('{"id":"gone","date":"2001-01-01","type":"VOICE"}');
RESET ROLE;
SELECT id, load_id = :load AS loaded FROM usage_mgmt.usage WHERE id IN ('late', 'night', 'day', 'shift', 'superuser', 'gone') ORDER BY id;
SELECT read, stored, finished_at FROM usage_mgmt.import_load WHERE id = :load;
DELETE FROM usage_mgmt.usage WHERE load_id = :load;
DELETE FROM usage_mgmt.import_load WHERE id = :load;
SELECT setval('usage_mgmt.import_load_id_seq', :load - 1);
DROP OWNED BY regress_night, regress_day;
DROP ROLE regress_night, regress_day, regress_shift;
RESET usage_mgmt.load;
DELETE FROM usage_mgmt.import_load WHERE id = 1000;

-- An INSERT that no load is waiting for is a program's: it raises what is wrong, and keeps nothing
SELECT count(*) AS loads FROM usage_mgmt.import_load \gset
SELECT pg_temp.state('INSERT INTO usage_mgmt.usage_document VALUES ($${"id":"j","date":"2001-01-01","type":"VOICE"}$$), ($$' || document || '$$)') FROM (VALUES
	('{"id":"k","date":"2001-01-01"}'),
	('{"id":"d","date":"2001-01-01","type":"DATA"}'),
	('{"id":"j","date":"2001-01-01","type":"DATA"}'),
	('{"id":"k",'),
	('{"id":"d","date":"2001-01-01","type":"VOICE"}')) v (document);
SELECT id FROM usage_mgmt.usage WHERE id IN ('j', 'k');
INSERT INTO usage_mgmt.usage_document VALUES ('{"id":"j","date":"2001-01-01","type":"VOICE"}') RETURNING document;
SELECT count(*) = :loads AS no_books FROM usage_mgmt.import_load;

-- on_fault = raise: a load that is all or nothing
SET usage_mgmt.on_fault = 'raise';
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"l","date":"2001-01-01","type":"VOICE"}
{"id":"m","type":"VOICE"}
\.
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"l","date":"2001-01-01","type":"VOICE"}
{"id":"d","date":"2001-01-01","type":"SMS"}
\.
SELECT count(*) FROM usage_mgmt.usage WHERE id IN ('l', 'm');
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"l","date":"2001-01-01","type":"VOICE"}
{"id":"d","date":"2001-01-01","type":"VOICE"}
\.
RESET usage_mgmt.on_fault;
SELECT * FROM newest;

-- COPY is told from other statements also where activities are not tracked
SET track_activities = off;
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"n","date":"2001-01-01","type":"VOICE"}
{"id":"o","type":"VOICE"}
\.
SELECT pg_temp.state('INSERT INTO usage_mgmt.usage_document VALUES ($${"id":"o","type":"VOICE"}$$)');
RESET track_activities;
SELECT * FROM newest;

-- Nothing of a statement that failed is stored by the next one, or after a rollback to a savepoint
INSERT INTO usage_mgmt.usage_document VALUES ('{"id":"failed","date":"2001-01-01","type":"VOICE"}'), ('{');
INSERT INTO usage_mgmt.usage_document VALUES ('{"id":"next","date":"2001-01-01","type":"VOICE"}');
BEGIN;
SAVEPOINT s;
INSERT INTO usage_mgmt.usage_document SELECT CASE WHEN n < 5 THEN format('{"id":"failed %s","date":"2001-01-01","type":"VOICE"}', n) ELSE (1 / (n - 5))::text END
FROM generate_series(1, 5) n;
ROLLBACK TO s;
INSERT INTO usage_mgmt.usage_document VALUES ('{"id":"next 2","date":"2001-01-01","type":"VOICE"}');
SAVEPOINT s;
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"rolled back","date":"2001-01-01","type":"VOICE"}
{"id":"rolled back","date":"2001-01-01","type":"DATA"}
{
\.
ROLLBACK TO s;
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"next 3","date":"2001-01-01","type":"VOICE"}
\.
COMMIT;
BEGIN;
DO $$
BEGIN
	BEGIN
		INSERT INTO usage_mgmt.usage_document VALUES ('{"id":"failed","date":"2001-01-01","type":"VOICE"}'), ('{"id":"failed"}');
	EXCEPTION WHEN OTHERS THEN
		INSERT INTO usage_mgmt.usage_document VALUES ('{"id":"next 4","date":"2001-01-01","type":"VOICE"}');
	END;
END
$$;
COMMIT;
SELECT id FROM usage_mgmt.usage WHERE id ~ 'failed|rolled|next' ORDER BY id;
SELECT count(*) AS wrong FROM books WHERE NOT agrees;
SELECT count(*) FROM usage_mgmt.check_keys();

-- Two writers in one statement, of the same view and of both, each a row at a time
WITH one AS (INSERT INTO usage_mgmt.usage_document VALUES ('{"id":"one","date":"2001-01-01","type":"VOICE"}')),
two AS (INSERT INTO usage_mgmt.usage_document VALUES ('{"id":"two","date":"2001-01-01","type":"VOICE"}'), ('{"id":"one","date":"2001-01-01","type":"VOICE"}'))
SELECT 1 AS done;
WITH s AS (INSERT INTO usage_mgmt.usage_specification_document SELECT format('{"id":"s%s"}', n) FROM generate_series(1, 3) n RETURNING document)
INSERT INTO usage_mgmt.usage_document SELECT format('{"id":"of %s","date":"2001-01-01","type":"VOICE","usageSpecification":{"id":"%1$s"}}', document::json ->> 'id') FROM s;
SELECT id, usage_specification_id FROM usage_mgmt.usage WHERE id IN ('one', 'two') OR id LIKE 'of %' ORDER BY id;
SELECT id FROM usage_mgmt.usage_specification ORDER BY id;
INSERT INTO usage_mgmt.import_load (id) VALUES (1001);
SET usage_mgmt.load = '1001';
WITH s AS (INSERT INTO usage_mgmt.usage_specification_document SELECT format('{"id":"s%s"}', n) FROM generate_series(3, 4) n RETURNING document)
INSERT INTO usage_mgmt.usage_document SELECT format('{"id":"tied to %s","date":"2001-01-01","type":"VOICE"}', document::json ->> 'id') FROM s;
RESET usage_mgmt.load;
SELECT read, stored, repeated, conflicting, rejected FROM newest;
DELETE FROM usage_mgmt.import_load WHERE id = 1001;
TRUNCATE usage_mgmt.usage_specification, usage_mgmt.usage;

-- A trigger of the user's that loads in turn: its records are none of the load's, and its faults raise
CREATE FUNCTION pg_temp.load_twin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.id NOT LIKE 'twin %' THEN
		INSERT INTO usage_mgmt.usage_document VALUES (format('{"id":"twin of %s","date":"2001-02-01","type":"%s"}', NEW.id, NEW.description));
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER load_twin AFTER INSERT ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION pg_temp.load_twin();
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"p","date":"2001-01-01","type":"VOICE","description":"DATA"}
{"id":"q","date":"2001-01-01","type":"VOICE","description":"\\"}
{"id":"r","date":"2001-01-01","type":"VOICE","description":"SMS"}
{"id":"r","date":"2001-01-01","type":"VOICE","description":"MMS"}
\.
SELECT * FROM newest;
SELECT number, faults FROM why WHERE load = (SELECT load FROM newest);
INSERT INTO usage_mgmt.import_load (id) VALUES (1002);
SET usage_mgmt.load = '1002';
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"s","date":"2001-01-01","type":"VOICE","description":"SMS"}
{"id":"t","date":"2001-01-01","type":"VOICE","description":"SMS"}
\.
RESET usage_mgmt.load;
SELECT * FROM newest;
DELETE FROM usage_mgmt.import_load WHERE id = 1002;
SELECT id, usage_type, load_id IS NOT NULL AS loaded FROM usage_mgmt.usage ORDER BY id;
SELECT count(*) FROM usage_mgmt.check_keys();
DROP TRIGGER load_twin ON usage_mgmt.usage;
TRUNCATE usage_mgmt.usage;

-- A trigger that changes rows: the rules hold for what it made of them, and the ledger has it
CREATE FUNCTION pg_temp.tamper() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.usage_type = 'no rating' THEN
		NEW.rated_product_usage := NULL;
	ELSIF NEW.usage_type = 'no type' THEN
		NEW.usage_type := NULL;
	ELSIF NEW.usage_type = 'period' THEN
		NEW.usage_characteristic := '[{"name": "n"}]';
	ELSIF NEW.usage_type = 'renamed' THEN
		NEW.id := 'new ' || NEW.id;
		NEW.usage_date := NEW.usage_date + interval '1 hour';
	ELSIF NEW.usage_type = 'left out' THEN
		RETURN NULL;
	ELSIF NEW.usage_type = 'refused' THEN
		RAISE EXCEPTION 'not on a % %', 'Sunday', E'"\n';
	ELSIF NEW.usage_type = 'divided' THEN
		NEW.description := 1 / 0;
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER tamper BEFORE INSERT ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION pg_temp.tamper();
COPY (SELECT format('{"id":"%s","date":"2001-01-05","type":"%s","status":"rated","ratedProductUsage":[{"ratingDate":"2001-02-02","taxIncludedRatingAmount":12.00,'
	'"taxExcludedRatingAmount":10.00,"taxRate":20,"currencyCode":"EUR","productRef":"p"}]}', n, t)
	FROM unnest('{fine,no rating,fine,no type,period,fine,renamed,left out,refused,divided,fine}'::text[]) WITH ORDINALITY AS v (t, n)) TO :'file' :lines;
COPY usage_mgmt.usage_document FROM :'file' :lines;
SELECT * FROM newest;
SELECT number, faults FROM why WHERE load = (SELECT load FROM newest);
SELECT tableoid::regclass, id, usage_type FROM usage_mgmt.usage ORDER BY id;
SELECT k.id FROM usage_mgmt.usage u RIGHT JOIN usage_mgmt.usage_key k USING (id, usage_date)
WHERE k.content_hash IS DISTINCT FROM usage_mgmt.content_hash(u);
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"7","date":"2001-01-05","type":"renamed"}
{"id":"8","date":"2001-01-05","type":"fine"}
\.
SELECT * FROM newest;
SELECT number, faults FROM why WHERE load = (SELECT load FROM newest);
SELECT pg_temp.state('INSERT INTO usage_mgmt.usage_document VALUES ($${"id":"u","date":"2001-01-05","type":"left out"}$$)');
SELECT pg_temp.state('INSERT INTO usage_mgmt.usage_document VALUES ($${"id":"7","date":"2001-01-05","type":"renamed"}$$), ($${"id":"u","date":"2001-01-05","type":"fine"}$$)');
DROP TRIGGER tamper ON usage_mgmt.usage;

-- The same on a single partition
CREATE TRIGGER tamper BEFORE INSERT ON usage_mgmt.usage_p200102 FOR EACH ROW EXECUTE FUNCTION pg_temp.tamper();
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"v","date":"2001-02-05","type":"no type"}
{"id":"w","date":"2001-01-05","type":"no type"}
{"id":"x","date":"2001-02-05","type":"left out"}
{"id":"y","date":"2001-02-05","type":"fine"}
\.
SELECT id, usage_type FROM usage_mgmt.usage WHERE id BETWEEN 'v' AND 'y' ORDER BY id;
SELECT number, faults FROM why WHERE load = (SELECT load FROM newest);
DROP TRIGGER tamper ON usage_mgmt.usage_p200102;
TRUNCATE usage_mgmt.usage;

-- Constraints of the user's own
ALTER TABLE usage_mgmt.usage ADD CONSTRAINT no_fax CHECK (usage_type <> 'FAX');
CREATE UNIQUE INDEX once_a_day ON usage_mgmt.usage (usage_type, usage_date);
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"a","date":"2001-01-01","type":"VOICE"}
{"id":"b","date":"2001-01-01","type":"FAX"}
{"id":"c","date":"2001-01-01","type":"VOICE"}
{"id":"d","date":"2001-01-02","type":"VOICE"}
{"id":"d","date":"2001-01-02","type":"VOICE"}
{"id":"c","date":"2001-01-03","type":"VOICE"}
\.
SELECT * FROM newest;
SELECT number, faults FROM why WHERE load = (SELECT load FROM newest);
SELECT pg_temp.state('INSERT INTO usage_mgmt.usage_document VALUES ($${"id":"e","date":"2001-01-01","type":"VOICE"}$$)');
-- they are not taken for ids that another session stored and that this one cannot see
BEGIN ISOLATION LEVEL REPEATABLE READ;
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"f","date":"2001-01-04","type":"VOICE"}
{"id":"g","date":"2001-01-02","type":"VOICE"}
\.
COMMIT;
SELECT * FROM newest;
SELECT number, faults FROM why WHERE load = (SELECT load FROM newest);
DROP INDEX usage_mgmt.once_a_day;
ALTER TABLE usage_mgmt.usage DROP CONSTRAINT no_fax;
TRUNCATE usage_mgmt.usage;

-- Against the specification: rejected by the load, or stored as rejected
COPY usage_mgmt.usage_specification_document FROM STDIN :lines;
{"id":"s","name":"Voice","usageSpecCharacteristic":[{"name":"duration","usageSpecCharacteristicValue":[{"valueType":"number"}]}]}
{"id":"s","name":"Voice","usageSpecCharacteristic":[{"name":"duration","usageSpecCharacteristicValue":[{"valueType":"number"}]}]}
{"id":"s","name":"Data"}
{"id":"t","usageSpecCharacteristic":[{}]}
\.
SELECT read, stored, repeated, conflicting, rejected FROM newest;
SELECT number, faults FROM why WHERE load = (SELECT load FROM newest);
COPY (SELECT format('{"id":"%s","date":"2001-01-05","type":"VOICE","status":"guided","usageSpecification":{"id":"s"},"usageCharacteristic":{"%s":"%s"}}', n, name, value)
	FROM (VALUES (1, 'duration', '20'), (2, 'duration', 'long'), (3, 'length', '20'), (2, 'duration', 'long')) v (n, name, value)) TO :'file' :lines;
UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'check_specification';
COPY usage_mgmt.usage_document FROM :'file' :lines;
SELECT * FROM newest;
SELECT number, faults FROM why WHERE load = (SELECT load FROM newest);
UPDATE usage_mgmt.setting SET value = 'mark' WHERE name = 'check_specification';
COPY usage_mgmt.usage_document FROM :'file' :lines;
SELECT * FROM newest;
SELECT id, status, rejection ->> 'delivered_status' AS delivered, rejection -> 'faults' -> 0 ->> 'path' AS path FROM usage_mgmt.usage ORDER BY id;
COPY usage_mgmt.usage_document FROM :'file' :lines;
UPDATE usage_mgmt.setting SET value = 'off' WHERE name = 'check_specification';
COPY usage_mgmt.usage_document FROM :'file' :lines;
SELECT count(*) FROM usage_mgmt.check_keys();
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification;

-- Columns of the user's own, and a partition whose columns lie otherwise
CREATE TABLE usage_mgmt.otherwise (gone int, LIKE usage_mgmt.usage INCLUDING ALL);
ALTER TABLE usage_mgmt.otherwise DROP COLUMN gone;
ALTER TABLE usage_mgmt.usage ATTACH PARTITION usage_mgmt.otherwise
	FOR VALUES FROM ('1999-01-01 00:00+00') TO ('1999-02-01 00:00+00');
SELECT usage_mgmt.rebuild_keys() AS changed;
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"a","date":"1999-01-01","type":"VOICE","usageCharacteristic":{"duration":"20"},"relatedParty":[{"role":"customer","id":"c"}]}
{"id":"b","date":"2001-01-01","type":"VOICE","comment":"unknown"}
\.
ALTER TABLE usage_mgmt.usage ADD COLUMN cost_centre text DEFAULT 'none';
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"c","date":"1999-01-01","type":"VOICE","usageCharacteristic":{"duration":"20"},"relatedParty":[{"role":"customer","id":"c"}]}
{"id":"d","date":"2001-01-01","type":"VOICE","comment":"unknown"}
\.
ALTER TABLE usage_mgmt.usage ADD COLUMN length int GENERATED ALWAYS AS (length(usage_type) * 10) STORED;
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"e","date":"1999-01-01","type":"VOICE","usageCharacteristic":{"duration":"20"},"relatedParty":[{"role":"customer","id":"c"}]}
{"id":"f","date":"2001-01-01","type":"VOICE","comment":"unknown"}
\.
ALTER TABLE usage_mgmt.usage DROP COLUMN cost_centre, DROP COLUMN length;
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"g","date":"1999-01-01","type":"VOICE","usageCharacteristic":{"duration":"20"},"relatedParty":[{"role":"customer","id":"c"}]}
{"id":"h","date":"2001-01-01","type":"VOICE","comment":"unknown"}
\.
SELECT tableoid::regclass AS partition, string_agg(id, ' ' ORDER BY id) AS ids,
	count(DISTINCT usage_mgmt.to_tmf(u)::jsonb - '{id,href}'::text[]) AS documents, count(DISTINCT load_id) AS loads
	FROM usage_mgmt.usage u GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM usage_mgmt.check_keys();
TRUNCATE usage_mgmt.usage;
DROP TABLE usage_mgmt.otherwise;

-- Who loads needs INSERT on the view and on usage, and nothing more
CREATE ROLE regress_loader;
GRANT USAGE ON SCHEMA usage_mgmt TO regress_loader;
GRANT INSERT ON usage_mgmt.usage_document TO regress_loader;
SET ROLE regress_loader;
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"a","date":"2001-01-01","type":"VOICE"}
\.
RESET ROLE;
SELECT number, faults FROM why WHERE load = (SELECT load FROM newest);
GRANT INSERT ON usage_mgmt.usage TO regress_loader;
SET ROLE regress_loader;
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"a","date":"2001-01-01","type":"VOICE"}
{"id":"a","date":"2001-01-01","type":"VOICE"}
{"id":"a","date":"2001-01-01","type":"DATA"}
{"id":"b","type":"VOICE"}
{"id":"c","date":"2001-01-01","type":"VOICE"}
\.
SELECT pg_temp.state(statement) FROM (VALUES
	('TABLE usage_mgmt.usage'), ('TABLE usage_mgmt.usage_document'), ('TABLE usage_mgmt.import_reject'), ('TABLE usage_mgmt.usage_conflict'),
	('TABLE usage_mgmt.import_load'), ('INSERT INTO usage_mgmt.usage_document VALUES ($${"id":"a","date":"2001-01-01","type":"DATA"}$$)')) v (statement);
RESET ROLE;
SELECT * FROM newest;

-- A row that row security refuses is a reject
CREATE POLICY voice ON usage_mgmt.usage FOR INSERT TO regress_loader WITH CHECK (usage_type <> 'DATA');
ALTER TABLE usage_mgmt.usage ENABLE ROW LEVEL SECURITY;
SET ROLE regress_loader;
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"d","date":"2001-01-01","type":"VOICE"}
{"id":"e","date":"2001-01-01","type":"DATA"}
{"id":"f","date":"2001-01-01","type":"VOICE"}
{"id":"c","date":"2001-01-01","type":"VOICE"}
\.
RESET ROLE;
SELECT * FROM newest;
SELECT number, faults FROM why WHERE load = (SELECT load FROM newest);
ALTER TABLE usage_mgmt.usage DISABLE ROW LEVEL SECURITY;
DROP POLICY voice ON usage_mgmt.usage;
DROP OWNED BY regress_loader;
DROP ROLE regress_loader;

-- Two records of one id that a hash of 64 bits (lookup3) took for the same: nobody makes them collide now
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"id":"collision","date":"2001-01-05","type":"VOICE","description":"xkm62x817yyl7g8ys09urz9r2"}
{"id":"collision","date":"2001-01-05","type":"VOICE","description":"xuhtzl9klognwtc0iyb2b9bsb"}
{"id":"collision","date":"2001-01-05","type":"VOICE","description":"xkm62x817yyl7g8ys09urz9r2"}
\.
SELECT * FROM newest;
SELECT pg_temp.state($$SELECT usage_mgmt.post_usage('{"id":"collision","date":"2001-01-05","type":"VOICE","description":"xuhtzl9klognwtc0iyb2b9bsb"}')$$);

-- A hash and an id made of the content: version 2 of the hash makes these, whatever else changes. It is frozen
COPY usage_mgmt.usage_document FROM STDIN :lines;
{"date":"2001-01-05","type":"VOICE"}
{"date":"2001-01-05T12:30:00.25+02:00","type":"VOICE","description":"all there is","status":"rated","usageSpecification":{"id":"s","href":"/s","name":"S"},"usageCharacteristic":[{"name":"duration","value":20},{"name":"own","value":{"a":[1,null,"x"]},"unit":"m"},{"name":"free","value":false}],"relatedParty":[{"role":"customer","id":"c","href":"/c","name":"C"}],"ratedProductUsage":[{"ratingDate":"2001-01-06","usageRatingTag":"usage","isBilled":false,"ratingAmountType":"Total","taxIncludedRatingAmount":12.50,"taxExcludedRatingAmount":10,"taxRate":25,"isTaxExempt":false,"offerTariffType":"Normal","currencyCode":"EUR","productRef":"/p"}],"unknown":{"a":[1,2.50,"x"],"b":{}},"vendor":"v"}
\.
SELECT id, content_hash, hash_version FROM usage_mgmt.usage_key k JOIN usage_mgmt.usage u USING (id)
WHERE load_id = (SELECT load FROM newest) ORDER BY k.usage_date;

-- Books from before a column was there
DROP VIEW usage_api.load, usage_mgmt.usage_mgmt_stat;
ALTER TABLE usage_mgmt.import_load DROP COLUMN filled;
\set VERBOSITY default
COPY usage_mgmt.usage_document FROM STDIN :lines;
\.
\set VERBOSITY terse
SELECT usage_mgmt.install_tables();
COPY usage_mgmt.usage_document FROM STDIN :lines;
\.

-- COPY takes quotes out of the lines that hold them: such a record is a reject
COPY (VALUES (E'{"id":"quoted","date":"2001-01-05","type":"V\001OI\001CE"}'), ('{"id":"plain","date":"2001-01-05","type":"V"}'))
	TO :'file' WITH (FORMAT csv, QUOTE E'\x1e', DELIMITER E'\x1f');
COPY usage_mgmt.usage_document FROM :'file' :lines;
SELECT record_number, errors -> 0 ->> 'code' AS code, errors -> 0 ->> 'message' AS message FROM usage_mgmt.import_reject
	WHERE load_id = (SELECT load FROM newest);

SELECT count(*) FROM usage_mgmt.check_keys();
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification, usage_mgmt.usage_key, usage_mgmt.import_load,
	usage_mgmt.import_reject, usage_mgmt.usage_conflict RESTART IDENTITY;
SET client_min_messages = warning;
SELECT usage_mgmt.drop_partitions('2001-12-31') AS dropped;
