-- Who may do what: functions run as their caller, the ledger as the owner of the table.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';

CREATE ROLE regress_writer;
CREATE ROLE regress_nobody;
GRANT USAGE ON SCHEMA usage_mgmt TO regress_writer;

-- No function of ours lends anybody its owner's rights, and of the views that of counters alone
SELECT p.oid::regprocedure FROM pg_proc p
WHERE pronamespace = 'usage_mgmt'::regnamespace AND prosecdef;
SELECT c.relname FROM pg_class c
WHERE relnamespace = 'usage_mgmt'::regnamespace AND relkind = 'v' AND relname NOT IN ('status_transition', 'usage_mgmt_stat')
AND NOT coalesce('security_invoker=true' = ANY (reloptions), false);

CREATE FUNCTION pg_temp.state(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE statement INTO result;
	RETURN coalesce(result, 'null');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;

-- What each operation answers a role with these rights alone
CREATE TEMP TABLE operation (n serial, name text, statement text);
INSERT INTO operation (name, statement) VALUES
	('get', $$SELECT usage_mgmt.get_usage('u') ->> 'id'$$),
	('get, none such', $$SELECT usage_mgmt.get_usage('none') ->> 'id'$$),
	('to_tmf', $$SELECT usage_mgmt.to_tmf(u) ->> 'id' FROM usage_mgmt.usage u$$),
	('rating view', $$SELECT count(*) FROM usage_mgmt.usage_rating$$),
	('post', $$SELECT usage_mgmt.post_usage('{"id": "p", "date": "2001-01-15", "type": "VOICE"}') ->> 'id'$$),
	('post, a repeat', $$SELECT usage_mgmt.post_usage('{"id": "u", "date": "2001-01-15", "type": "VOICE"}') ->> 'id'$$),
	('post, taken', $$SELECT usage_mgmt.post_usage('{"id": "u", "date": "2001-01-16", "type": "VOICE"}') ->> 'id'$$),
	('put', $$SELECT usage_mgmt.put_usage('u', '{"date": "2001-02-15", "type": "VOICE"}') ->> 'id'$$),
	('put, none such', $$SELECT usage_mgmt.put_usage('none', '{"date": "2001-02-15", "type": "VOICE"}') ->> 'id'$$),
	('delete', $$SELECT usage_mgmt.delete_usage('u')$$),
	('get specification', $$SELECT usage_mgmt.get_usage_specification('s') ->> 'id'$$),
	('post specification', $$SELECT usage_mgmt.post_usage_specification('{"id": "t"}') ->> 'id'$$),
	('put specification', $$SELECT usage_mgmt.put_usage_specification('s', '{"name": "x"}') ->> 'id'$$),
	('delete specification', $$SELECT usage_mgmt.delete_usage_specification('s')$$),
	('read the ledger', 'SELECT count(*) FROM usage_mgmt.usage_key'),
	('write the ledger', 'DELETE FROM usage_mgmt.usage_key RETURNING id'),
	('make partitions', $$SELECT usage_mgmt.ensure_partitions('2001-01-01', '2001-01-01')$$),
	('drop partitions', $$SELECT usage_mgmt.drop_partitions('2099-01-01') > 0$$),
	('check keys', $$SELECT count(*) FROM usage_mgmt.check_keys()$$),
	('rebuild keys', $$SELECT usage_mgmt.rebuild_keys()$$);
GRANT SELECT ON operation TO PUBLIC;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('u', '2001-01-15 00:00+00', 'VOICE');
INSERT INTO usage_mgmt.usage_specification (id) VALUES ('s');

CREATE TEMP TABLE answer (rights text, operation text, answer text);
-- Grants, tries all operations each by itself, and takes everything back
CREATE PROCEDURE pg_temp.try(rights text) LANGUAGE plpgsql AS $$
DECLARE
	o operation;
	found text;
BEGIN
	FOR o IN SELECT * FROM operation ORDER BY n LOOP
		BEGIN
			IF rights <> 'none' THEN
				EXECUTE format('GRANT %s ON usage_mgmt.usage, usage_mgmt.usage_specification TO regress_writer', rights);
			END IF;
			SET LOCAL ROLE regress_writer;
			found := pg_temp.state(o.statement);
			RAISE 'back' USING ERRCODE = 'ZZ999';
		EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
			NULL;
		END;
		INSERT INTO answer VALUES (rights, o.name, found);
	END LOOP;
END
$$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pg_temp TO PUBLIC;
CALL pg_temp.try('none');
CALL pg_temp.try('SELECT');
CALL pg_temp.try('INSERT');
CALL pg_temp.try('SELECT, INSERT');
CALL pg_temp.try('SELECT, UPDATE');
CALL pg_temp.try('SELECT, DELETE');
CALL pg_temp.try('SELECT, INSERT, UPDATE, DELETE');
SELECT o.name,
	max(answer) FILTER (WHERE rights = 'none') AS none,
	max(answer) FILTER (WHERE rights = 'SELECT') AS "S",
	max(answer) FILTER (WHERE rights = 'INSERT') AS "I",
	max(answer) FILTER (WHERE rights = 'SELECT, INSERT') AS "SI",
	max(answer) FILTER (WHERE rights = 'SELECT, UPDATE') AS "SU",
	max(answer) FILTER (WHERE rights = 'SELECT, DELETE') AS "SD",
	max(answer) FILTER (WHERE rights = 'SELECT, INSERT, UPDATE, DELETE') AS "SIUD"
FROM answer a JOIN operation o ON o.name = a.operation GROUP BY o.n, o.name ORDER BY o.n;

-- What each level of grant_access() may do, the owner's without being a superuser
CREATE ROLE regress_level;
INSERT INTO operation (name, statement) VALUES
	('list and count', $$SELECT count(*) || ' ' || usage_mgmt.count_usages('id=u') FROM usage_mgmt.get_usages('id=u')$$),
	('document views', $$SELECT (SELECT count(*) FROM usage_mgmt.usage_document) + (SELECT count(*) FROM usage_mgmt.usage_specification_document)$$),
	('insert', $$SELECT pg_temp.done('INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES (''i'', ''2001-01-15'', ''VOICE'')')$$),
	('update', $$UPDATE usage_mgmt.usage SET description = 'd' RETURNING description$$),
	('patch', $$SELECT usage_mgmt.patch_usages('id=u', '{"description": "d"}')$$),
	('load', $$SELECT pg_temp.done('INSERT INTO usage_mgmt.usage_document VALUES (''{"id": "l", "date": "2001-01-15", "type": "VOICE"}'')')$$),
	('load specification', $$SELECT pg_temp.done('INSERT INTO usage_mgmt.usage_specification_document VALUES (''{"id": "l"}'')')$$),
	('open books', $$INSERT INTO usage_mgmt.import_load (source) VALUES ('f') RETURNING source$$),
	('keep books', $$UPDATE usage_mgmt.import_load SET position = 1 RETURNING position$$),
	('refuse', $$INSERT INTO usage_mgmt.import_reject (load_id, record_number, errors) VALUES (1, 1, '[]') RETURNING record_number$$),
	('renumber', $$UPDATE usage_mgmt.import_reject SET record_number = 2 WHERE load_id = 1 AND record_number > 1 RETURNING load_id$$),
	('renumber conflicts', $$UPDATE usage_mgmt.usage_conflict SET record_number = 2 WHERE load_id = 1 AND record_number > 1 RETURNING load_id$$),
	('read rejects', $$SELECT count(document) FROM usage_mgmt.import_reject$$),
	('read conflicts', $$SELECT count(document) FROM usage_mgmt.usage_conflict$$),
	('recycle', $$SELECT usage_mgmt.recycle_reject(-1)$$),
	('recycle a load', $$SELECT usage_mgmt.recycle_rejects(-1)$$),
	('clear books', $$DELETE FROM usage_mgmt.import_load WHERE id < 0 RETURNING id$$),
	('move rows into a partition', $$SELECT usage_mgmt.ensure_partitions('2001-01-15', '2001-02-15')$$),
	('install', $$SELECT usage_mgmt.install_tables()$$),
	('grant', $$SELECT usage_mgmt.grant_access('regress_nobody', 'operator')$$),
	('hand over', $$SELECT usage_mgmt.grant_access('regress_nobody', 'owner')$$);
CREATE FUNCTION pg_temp.done(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'done';
END
$$;
CREATE TEMP TABLE level_answer (level text, operation text, answer text);
CREATE PROCEDURE pg_temp.try_level(level text) LANGUAGE plpgsql AS $$
DECLARE
	o operation;
	found text;
BEGIN
	FOR o IN SELECT * FROM operation ORDER BY n LOOP
		BEGIN
			PERFORM usage_mgmt.grant_access('regress_level', level);
			SET LOCAL ROLE regress_level;
			found := pg_temp.state(o.statement);
			RAISE 'back' USING ERRCODE = 'ZZ999';
		EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
			NULL;
		END;
		INSERT INTO level_answer VALUES (level, o.name, found);
	END LOOP;
END
$$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pg_temp TO PUBLIC;
CALL pg_temp.try_level('reader');
CALL pg_temp.try_level('loader');
CALL pg_temp.try_level('writer');
CALL pg_temp.try_level('operator');
SET client_min_messages = warning;
CALL pg_temp.try_level('owner');
RESET client_min_messages;
SELECT o.name,
	max(answer) FILTER (WHERE level = 'reader') AS reader,
	max(answer) FILTER (WHERE level = 'loader') AS loader,
	max(answer) FILTER (WHERE level = 'writer') AS writer,
	max(answer) FILTER (WHERE level = 'operator') AS operator,
	max(answer) FILTER (WHERE level = 'owner') AS owner
FROM level_answer a JOIN operation o ON o.name = a.operation GROUP BY o.n, o.name ORDER BY o.n;

-- A load is its role's: another loader does not change its books
CREATE ROLE regress_other;
SELECT usage_mgmt.grant_access(role, 'loader') FROM unnest(ARRAY['regress_level', 'regress_other']) role;
SET ROLE regress_other;
INSERT INTO usage_mgmt.import_load (source, declared) VALUES ('theirs', '{}') RETURNING loaded_by;
SET ROLE regress_level;
INSERT INTO usage_mgmt.import_load (source, loaded_by) VALUES ('theirs', 'regress_other');
UPDATE usage_mgmt.import_load SET loaded_by = current_user WHERE source = 'theirs';
WITH l AS (UPDATE usage_mgmt.import_load SET position = 100 WHERE source = 'theirs' RETURNING 1) SELECT count(*) FROM l;
SET ROLE regress_other;
WITH l AS (UPDATE usage_mgmt.import_load SET position = 100 WHERE source = 'theirs' RETURNING 1) SELECT count(*) FROM l;
RESET ROLE;
DELETE FROM usage_mgmt.import_load WHERE source = 'theirs';
DROP OWNED BY regress_level, regress_other;
DROP ROLE regress_other;

-- Granting again changes nothing, and a lower level takes nothing away
CREATE VIEW pg_temp.rights AS
	SELECT coalesce(md5(string_agg(a::text, E'\n' ORDER BY a::text)), 'none') AS rights FROM (
		SELECT oid::regclass::text, relacl::text FROM pg_class WHERE relnamespace = 'usage_mgmt'::regnamespace
		UNION ALL SELECT attrelid::regclass || '.' || attname, attacl::text FROM pg_attribute WHERE attacl IS NOT NULL
		UNION ALL SELECT oid::regprocedure::text, proacl::text FROM pg_proc WHERE pronamespace = 'usage_mgmt'::regnamespace
		UNION ALL SELECT nspname, nspacl::text FROM pg_namespace) a (name, acl)
	WHERE acl LIKE '%regress_level%';
TABLE pg_temp.rights;
SELECT usage_mgmt.grant_access('regress_level', 'loader'), usage_mgmt.grant_access('regress_level', 'operator');
TABLE pg_temp.rights \gset
SELECT usage_mgmt.grant_access('regress_level', 'operator'), usage_mgmt.grant_access('regress_level', 'loader'),
	usage_mgmt.grant_access('regress_level', 'reader');
SELECT rights = :'rights' AS as_before, rights = 'none' AS none FROM pg_temp.rights;
-- as docs/operations.md takes them away
DROP OWNED BY regress_level;
TABLE pg_temp.rights;

-- The owner's rights go to a role that is no superuser, and those of its tables to come
CREATE ROLE regress_owner;
SELECT usage_mgmt.grant_access('regress_owner', 'owner');
SELECT c.oid::regclass FROM pg_class c WHERE relnamespace = 'usage_mgmt'::regnamespace AND relkind IN ('r', 'p', 'v', 'S')
AND relowner <> 'regress_owner'::regrole ORDER BY relname;
SET ROLE regress_owner;
SELECT usage_mgmt.ensure_partitions('1999-01-15', '1999-01-15');
SELECT usage_mgmt.grant_access('regress_level', 'reader');
SELECT usage_mgmt.drop_partitions('1999-02-01');
SELECT usage_mgmt.rebuild_keys();
CREATE TABLE usage_mgmt.by_the_way ();
DROP TABLE usage_mgmt.by_the_way;
SET ROLE regress_level;
SELECT usage_mgmt.get_usage('u') ->> 'id' AS read, (SELECT count(*) FROM usage_mgmt.usage) AS counted;
RESET ROLE;

-- What is asked for wrongly says what there is
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT usage_mgmt.grant_access('regress_level', 'redaer');
SELECT usage_mgmt.grant_access('reader', 'regress_level');
SELECT usage_mgmt.grant_access('regress_nobody_else', 'reader');
SELECT usage_mgmt.grant_access(NULL, 'reader');
SELECT usage_mgmt.grant_access('regress_level', NULL);
SET ROLE regress_writer;
SELECT usage_mgmt.grant_access('regress_level', 'reader');
RESET ROLE;
-- a role that was made owner by hand cannot let anybody into the schema
DO $$
DECLARE
	name regclass;
BEGIN
	CREATE ROLE regress_by_hand;
	GRANT USAGE, CREATE ON SCHEMA usage_mgmt TO regress_by_hand;
	FOR name IN SELECT oid FROM pg_class WHERE relnamespace = 'usage_mgmt'::regnamespace AND relowner = 'regress_owner'::regrole AND relkind IN ('r', 'p', 'v')
	LOOP
		EXECUTE format('ALTER TABLE %s OWNER TO regress_by_hand', name);
	END LOOP;
END
$$;
SET ROLE regress_by_hand;
SELECT usage_mgmt.grant_access('regress_nobody', 'reader');
\set VERBOSITY terse
\set SHOW_CONTEXT errors
RESET ROLE;
SET client_min_messages = warning;
SELECT usage_mgmt.grant_access(current_user, 'owner');
SELECT usage_mgmt.install_tables();
DROP OWNED BY regress_level, regress_owner, regress_by_hand;
DROP ROLE regress_level, regress_owner, regress_by_hand;
RESET client_min_messages;

-- Without USAGE on the schema nothing can be called at all
SET ROLE regress_nobody;
SELECT usage_mgmt.get_usage('u');
RESET ROLE;

-- What runs as the table's owner is not led astray by the caller's search_path
CREATE SCHEMA regress_trap AUTHORIZATION regress_writer;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON usage_mgmt.usage TO regress_writer;
GRANT SELECT ON usage_mgmt.usage_specification TO regress_writer;
CREATE SEQUENCE regress_trap.sprung;
GRANT ALL ON SEQUENCE regress_trap.sprung TO regress_writer;
SET ROLE regress_writer;
-- each operator is a trap; it counts, for a sequence keeps that whatever becomes of the transaction
CREATE FUNCTION regress_trap.spring() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF current_user OPERATOR(pg_catalog.<>) 'regress_writer' THEN
		PERFORM nextval('regress_trap.sprung');
	END IF;
	RETURN true;
END
$$;
DO $$
DECLARE
	statement text;
BEGIN
	FOR statement IN
		SELECT format('CREATE FUNCTION regress_trap.operator_%s(%s, %s) RETURNS %s LANGUAGE sql AS %L; ', oid, l, r, oprresult::regtype,
				format('SELECT regress_trap.spring(); SELECT $1 OPERATOR(pg_catalog.%s) $2', oprname))
			|| format('CREATE OPERATOR regress_trap.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = regress_trap.operator_%s)', oprname, l, r, oid)
		FROM pg_operator, LATERAL (SELECT oprleft::regtype AS l, oprright::regtype AS r) o
		WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprkind = 'b' AND oprcode <> 0
		AND l = ANY ('{text,name,timestamptz,integer,bigint,numeric,boolean,jsonb,uuid,xid8,anyarray}'::regtype[])
	LOOP
		EXECUTE statement;
	END LOOP;
END
$$;
-- an id whose usage is gone: it is looked for in the whole table
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('gone', '2001-01-15 00:00+00', 'VOICE');
RESET ROLE;
SET session_replication_role = replica;
DELETE FROM usage_mgmt.usage WHERE id = 'gone';
-- a new session, for plans are kept
\c -
SET client_min_messages = warning;
UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'check_specification';
SELECT usage_mgmt.grant_api('regress_writer') \g /dev/null
SELECT usage_mgmt.grant_access('regress_writer', 'writer') \g /dev/null
SET ROLE regress_writer;
SET search_path = regress_trap, pg_catalog;
SELECT 'a'::text = 'a'::text AS the_trap_is_set;
SELECT usage_mgmt.get_usage('u') IS NOT NULL AS got;
SELECT usage_mgmt.post_usage('{"id": "v", "date": "2001-01-15", "type": "VOICE", "usageSpecification": {"id": "s"},
	"usageCharacteristic": []}') IS NOT NULL AS posted;
SELECT usage_mgmt.put_usage('v', '{"date": "2001-02-15", "type": "VOICE"}') IS NOT NULL AS put;
SELECT usage_mgmt.delete_usage('v');
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('w', '2001-01-15 00:00+00', 'VOICE');
UPDATE usage_mgmt.usage SET usage_date = '2001-02-15 00:00+00';
BEGIN;
SET LOCAL "request.headers" = '{"x-um-method": "POST", "x-um-uri": "/usageManagement/usage", "authorization": "Bearer x"}';
SELECT convert_from(usage_api.write('[{"id": "gone", "date": "2001-01-15", "type": "SMS"}]'), 'UTF8')::json ->> 'code' AS code;
SET LOCAL "request.headers" = '{"x-um-method": "POST", "x-um-uri": "/usageManagement/hub", "authorization": "Bearer x"}';
SELECT convert_from(usage_api.write('{"callback": "https://trap.example/"}'), 'UTF8')::json ->> 'callback' AS callback;
ROLLBACK;
DELETE FROM usage_mgmt.usage WHERE id OPERATOR(pg_catalog.=) 'w';
SET client_min_messages = error;	-- what the load says has its number
COPY usage_mgmt.usage_document FROM STDIN WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
{"id": "x", "date": "2001-01-15", "type": "VOICE"}
{"id": "y", "date": "2001-01-15", "type": "VOICE", "status": "asleep"}
{"id": "z", "date": "2001-01-15", "type": "VOICE", "status": "awake"}
\.
SET client_min_messages = warning;
SELECT max(id) AS load FROM usage_mgmt.import_load \gset
SELECT records FROM usage_mgmt.load_faults(:load);
SELECT sum(undone) AS undone FROM usage_mgmt.undo_load(:load);
TRUNCATE usage_mgmt.usage;
SELECT is_called AS sprung FROM regress_trap.sprung;
RESET ALL;
RESET ROLE;
UPDATE usage_mgmt.setting SET value = 'off' WHERE name = 'check_specification';
DELETE FROM usage_mgmt.import_reject WHERE load_id = :load;
DELETE FROM usage_mgmt.import_load WHERE id = :load;

-- Who may not read it learns that an id is taken, and not what the stored one is like
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, description) VALUES ('u', '2001-01-15 00:00+00', 'VOICE', 'secret');
GRANT USAGE ON SCHEMA usage_mgmt TO regress_nobody;
GRANT INSERT ON usage_mgmt.usage, usage_mgmt.usage_document TO regress_nobody;
\set VERBOSITY default
SET ROLE regress_nobody;
INSERT INTO usage_mgmt.usage_document VALUES ('{"id": "u", "date": "2001-01-15", "type": "VOICE", "description": "guessed"}');
RESET ROLE;
GRANT SELECT ON usage_mgmt.usage TO regress_nobody;
SET ROLE regress_nobody;
INSERT INTO usage_mgmt.usage_document VALUES ('{"id": "u", "date": "2001-01-15", "type": "VOICE", "description": "guessed"}');
RESET ROLE;
\set VERBOSITY terse

SET client_min_messages = warning;
DROP SCHEMA regress_trap CASCADE;
DROP OWNED BY regress_writer, regress_nobody;
DROP ROLE regress_writer, regress_nobody;
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification, usage_mgmt.usage_key;
