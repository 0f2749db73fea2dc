-- What the owner of the tables orders: the table setting, which no session can undo.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';

CREATE FUNCTION pg_temp.state(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
-- What is made of a usage that breaks its specification
INSERT INTO usage_mgmt.usage_specification (id) VALUES ('s');
CREATE FUNCTION public.found() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, usage_specification_id, usage_characteristic)
		VALUES (gen_random_uuid(), '2001-01-15 12:00+00', 'T', 's', '{"unknown": 1}');
	RETURN 'stored';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;

-- It tells by itself what there is to set
SELECT * FROM usage_mgmt.setting ORDER BY name;
SELECT * FROM usage_mgmt.setting EXCEPT SELECT * FROM usage_mgmt.setting_defaults();

-- A name or a value that there is not
\set VERBOSITY default
INSERT INTO usage_mgmt.setting VALUES ('check_specifications', 'off');
UPDATE usage_mgmt.setting SET value = 'some' WHERE name = 'check_specification';
\set VERBOSITY terse
SELECT pg_temp.state(statement) FROM (VALUES
	('UPDATE usage_mgmt.setting SET value = $$Reject$$ WHERE name = $$check_specification$$'),
	('UPDATE usage_mgmt.setting SET value = $$fill$$ WHERE name = $$check_specification$$'),
	('UPDATE usage_mgmt.setting SET value = $$$$ WHERE name = $$on_missing$$'),
	('UPDATE usage_mgmt.setting SET value = NULL WHERE name = $$on_missing$$'),
	('UPDATE usage_mgmt.setting SET name = $$on_missing$$ WHERE name = $$check_specification$$'),
	('INSERT INTO usage_mgmt.setting VALUES ($$on_missing$$, $$fill$$)'),
	('INSERT INTO usage_mgmt.setting VALUES (NULL, NULL)'),
	('UPDATE usage_mgmt.setting SET value = $$0$$ WHERE name = $$page_limit$$'),
	('UPDATE usage_mgmt.setting SET value = $$100001$$ WHERE name = $$page_limit_max$$'),
	('UPDATE usage_mgmt.setting SET value = $$99999999999999999999$$ WHERE name = $$exact_count$$'),
	('UPDATE usage_mgmt.setting SET value = $$-1$$ WHERE name = $$exact_count$$'),
	('UPDATE usage_mgmt.setting SET value = $$1e3$$ WHERE name = $$exact_count$$'),
	('UPDATE usage_mgmt.setting SET value = $$ 7$$ WHERE name = $$page_limit$$'),
	('UPDATE usage_mgmt.setting SET value = $$$$ WHERE name = $$page_limit$$'),
	('UPDATE usage_mgmt.setting SET value = $$many$$ WHERE name = $$page_limit$$')) v (statement);

-- A session has no say: there is no such GUC
SELECT pg_temp.state('SET usage_mgmt.check_specification = off');

-- It counts from the next statement on, and the old one again when the change is taken back
SELECT public.found();
UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'check_specification';
SELECT public.found();
BEGIN;
UPDATE usage_mgmt.setting SET value = 'off' WHERE name = 'check_specification';
SELECT public.found() AS off;
SAVEPOINT s;
UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'check_specification';
SELECT public.found() AS reject;
ROLLBACK TO s;
SELECT public.found() AS off;
ROLLBACK;
SELECT public.found() AS reject;
-- also where the statement fails that has changed and obeyed it; it fails where the usage was stored
UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'check_specification';
WITH changed AS (UPDATE usage_mgmt.setting SET value = 'off' WHERE name = 'check_specification' RETURNING name)
	SELECT 1 / (length(public.found()) - length('stored')) FROM changed;
SELECT public.found() AS reject;
WITH changed AS (DELETE FROM usage_mgmt.setting WHERE name = 'check_specification' RETURNING name)
	SELECT 1 / (length(public.found()) - length('stored')) FROM changed;
SELECT public.found() AS reject;

-- Whoever stores obeys it: without a right to it, whatever the search_path and row security
CREATE ROLE regress_loader;
GRANT USAGE ON SCHEMA usage_mgmt TO regress_loader;
GRANT INSERT ON usage_mgmt.usage TO regress_loader;
ALTER TABLE usage_mgmt.setting ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
\c -
\set VERBOSITY terse
SET ROLE regress_loader;
CREATE TEMP TABLE setting AS SELECT 'check_specification' AS name, 'off' AS value;
SET search_path = pg_temp, usage_mgmt;
SET row_security = off;
SELECT public.found();
TABLE usage_mgmt.setting;
UPDATE usage_mgmt.setting SET value = 'off';
DELETE FROM usage_mgmt.setting;
CREATE TRIGGER mine AFTER INSERT ON pg_temp.setting FOR EACH ROW EXECUTE FUNCTION usage_mgmt.setting_changed();
RESET ALL;
RESET ROLE;
ALTER TABLE usage_mgmt.setting DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;
DROP TABLE pg_temp.setting;

-- A change that fires no other trigger, as one that replication brings
SELECT public.found();
SET session_replication_role = replica;
UPDATE usage_mgmt.setting SET value = 'off' WHERE name = 'check_specification';
RESET session_replication_role;
SELECT public.found();

-- A value that got past the check and means nothing stops whoever would obey it; a name may be a newer version's
ALTER TABLE usage_mgmt.setting DISABLE TRIGGER setting_check;
UPDATE usage_mgmt.setting SET value = 'nonsense' WHERE name = 'check_specification';
INSERT INTO usage_mgmt.setting VALUES ('newer', '1');
ALTER TABLE usage_mgmt.setting ENABLE TRIGGER setting_check;
SELECT public.found();
UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'check_specification';
SELECT public.found();

-- Without a row, and without the table, the default holds
DELETE FROM usage_mgmt.setting;
SELECT public.found();
INSERT INTO usage_mgmt.setting VALUES ('check_specification', 'reject');
SELECT public.found();
TRUNCATE usage_mgmt.setting;
SELECT public.found();
INSERT INTO usage_mgmt.setting VALUES ('check_specification', 'reject');
BEGIN;
DROP TABLE usage_mgmt.setting;
SELECT public.found() AS dropped;
ROLLBACK;
SELECT public.found() AS back;
ALTER TABLE usage_mgmt.setting RENAME TO another;
SELECT public.found() AS renamed;
CREATE TABLE usage_mgmt.setting (LIKE usage_mgmt.another);
SELECT public.found() AS new;
DROP TABLE usage_mgmt.setting;
ALTER TABLE usage_mgmt.another RENAME TO setting;
SELECT public.found() AS back;
-- install_tables() brings the rows that are missing, and leaves what is ordered
SELECT usage_mgmt.install_tables();
SELECT * FROM usage_mgmt.setting ORDER BY name;

UPDATE usage_mgmt.setting SET value = 'off' WHERE name = 'check_specification';
SET client_min_messages = warning;
DROP FUNCTION public.found;
DROP OWNED BY regress_loader;
DROP ROLE regress_loader;
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification;
