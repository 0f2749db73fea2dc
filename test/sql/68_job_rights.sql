-- Whose an order is: who sees, cancels, deletes and resumes it, reads its result, and what an agent may.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';
TRUNCATE usage_mgmt.import_job, usage_mgmt.export_job, usage_mgmt.export_result;

CREATE ROLE regress_team;
CREATE ROLE regress_partner IN ROLE regress_team;
CREATE ROLE regress_other;
CREATE ROLE regress_reader;
CREATE ROLE regress_loader;
CREATE ROLE regress_operator;
CREATE ROLE regress_agent;
CREATE ROLE regress_nobody;
SELECT usage_mgmt.grant_access('regress_' || role, level)
FROM (VALUES ('team', 'writer'), ('partner', 'writer'), ('other', 'writer'), ('reader', 'reader'), ('loader', 'loader'), ('operator', 'operator'), ('agent', 'agent')) AS r(role, level);
GRANT USAGE ON SCHEMA usage_mgmt TO regress_nobody;
-- nor is an agent more than that
SELECT rolsuper, rolbypassrls, (SELECT count(*) FROM pg_class WHERE relowner = r.oid) AS owns, (SELECT count(*) FROM pg_auth_members WHERE member = r.oid) AS member_of
FROM pg_roles r WHERE rolname = 'regress_agent';

CREATE FUNCTION pg_temp.state(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE statement INTO answer;
	RETURN coalesce(answer, 'null');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
-- What a statement says to each role
CREATE FUNCTION pg_temp.each(statement text, OUT role text, OUT answer text) RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
	FOREACH role IN ARRAY '{team,partner,other,reader,loader,operator,agent,nobody}'::text[] LOOP
		EXECUTE 'SET ROLE regress_' || role;
		answer := pg_temp.state(statement);
		RESET ROLE;
		RETURN NEXT;
	END LOOP;
END
$$;

-- The same, each with what there was before
CREATE FUNCTION pg_temp.each_alone(statement text, OUT role text, OUT answer text) RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
	FOREACH role IN ARRAY '{team,partner,other,reader,loader,operator,agent,nobody}'::text[] LOOP
		BEGIN
			EXECUTE 'SET ROLE regress_' || role;
			answer := pg_temp.state(statement);
			RAISE SQLSTATE 'UNDO1';
		EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
			RETURN NEXT;
		END;
	END LOOP;
END
$$;

-- Who may order what; whoever does is noted, whatever he says
SELECT role, answer FROM pg_temp.each($$INSERT INTO usage_mgmt.import_job (id, url, ordered_by, claims, agent, life) VALUES ('import of ' || current_user, 'file:///x', 'postgres', 'x', 'x', 1)
	RETURNING ordered_by || coalesce(claims, '') || coalesce(agent, '') || (life = usage_mgmt.hub_life())$$);
SELECT role, answer FROM pg_temp.each($$INSERT INTO usage_mgmt.export_job (id, ordered_by) VALUES ('export of ' || current_user, 'postgres') RETURNING ordered_by$$);
SELECT role, answer FROM pg_temp.each($$SELECT usage_mgmt.post_export_job(json_build_object('id', 'post of ' || current_user, 'orderedBy', 'postgres')) ->> 'orderedBy'$$);
DELETE FROM usage_mgmt.export_job WHERE id LIKE 'post%';
-- as whom he acts: that is a role that he is a member of
SET SESSION AUTHORIZATION regress_partner;
SET ROLE regress_other;
SET ROLE regress_team;
SELECT usage_mgmt.post_import_job('{"id": "import as regress_team", "url": "file:///x"}') ->> 'orderedBy' AS "by";
RESET SESSION AUTHORIZATION;
SELECT pg_temp.state($$UPDATE usage_mgmt.import_job SET ordered_by = 'postgres' WHERE id = 'import of regress_other'$$);
SELECT pg_temp.state($$UPDATE usage_mgmt.import_job SET claims = '{}' WHERE id = 'import of regress_other'$$);

-- Each sees what roles have ordered that he is a member of; operators and agents see all
SELECT role, answer FROM pg_temp.each($$SELECT string_agg(id, ', ' ORDER BY id) FROM usage_mgmt.import_job$$);
SELECT role, answer FROM pg_temp.each($$SELECT string_agg(id, ', ' ORDER BY id) FROM usage_mgmt.export_job$$);
SELECT role, answer FROM pg_temp.each($$SELECT count(*) FROM usage_mgmt.job_progress$$);
SELECT role, answer FROM pg_temp.each($$SELECT usage_mgmt.get_export_job('export of regress_team') ->> 'id'$$);
SELECT role, answer FROM pg_temp.each($$SELECT usage_mgmt.count_import_jobs()$$);
-- and cancels and deletes these
SELECT role, answer FROM pg_temp.each_alone($$SELECT usage_mgmt.cancel_import_job('import of regress_team')$$);
SELECT role, answer FROM pg_temp.each_alone($$SELECT usage_mgmt.cancel_export_job('export of regress_partner')$$);
SELECT role, answer FROM pg_temp.each_alone($$SELECT usage_mgmt.delete_export_job('export of regress_team')$$);
SELECT role, answer FROM pg_temp.each_alone($$SELECT usage_mgmt.delete_import_jobs('all=true')$$);
-- of the rest of a row they change nothing
SELECT role, answer FROM pg_temp.each($$UPDATE usage_mgmt.import_job SET url = 'file:///etc' RETURNING id$$);
SELECT role, answer FROM pg_temp.each($$UPDATE usage_mgmt.export_job SET status = 'succeeded' WHERE false RETURNING id$$);
SELECT role, answer FROM pg_temp.each($$UPDATE usage_mgmt.export_job SET life = life + 1 RETURNING id$$);
SELECT role, answer FROM pg_temp.each($$UPDATE usage_mgmt.import_job SET agent = 'me', leased_until = 'infinity' WHERE false RETURNING id$$);

-- Who may order an import may keep its books
SELECT role, answer FROM pg_temp.each_alone($$INSERT INTO usage_mgmt.import_load (source) VALUES ('file:///x') RETURNING loaded_by$$);
SELECT role, answer FROM pg_temp.each_alone($$WITH load AS (INSERT INTO usage_mgmt.import_load (source) VALUES ('file:///x') RETURNING id)
	INSERT INTO usage_mgmt.import_reject (load_id, record_number, errors) SELECT id, 1, '[]' FROM load RETURNING record_number$$);

-- What an agent calls nobody else can
SELECT role, answer FROM pg_temp.each($$SELECT count(*) FROM usage_mgmt.job_claim('one', '1 minute', NULL, 3)$$);
SELECT role, answer FROM pg_temp.each($$SELECT usage_mgmt.job_checkpoint('one', 'export_job', 'export of regress_partner', 1, '{"records": 1}')$$);
SELECT role, answer FROM pg_temp.each($$SELECT usage_mgmt.job_put_result('one', 'export of regress_partner', 1, 0, current_user::bytea)$$);
SELECT role, answer FROM pg_temp.each($$INSERT INTO usage_mgmt.export_result VALUES ('export of regress_partner', 1, '') RETURNING job$$);
SELECT role, answer FROM pg_temp.each($$SELECT usage_mgmt.job_retry('one', 'export_job', 'export of regress_partner', 9, '0', '')$$);
SELECT role, answer FROM pg_temp.each($$SELECT usage_mgmt.job_release('two')$$);
SELECT role, answer FROM pg_temp.each($$SELECT usage_mgmt.jobs_upkeep()$$);
SET ROLE regress_agent;
SELECT usage_mgmt.job_end('one', 'export_job', 'export of regress_partner', 1, 'succeeded', '', NULL);
RESET ROLE;

-- Who sees a job reads its result, and nobody else does
SELECT role, answer FROM pg_temp.each($$SELECT convert_from(usage_mgmt.get_export_result('export of regress_partner'), 'UTF8')$$);
SELECT role, answer FROM pg_temp.each($$SELECT count(*) FROM usage_mgmt.export_result$$);

-- A role is shared by those whom tokens name: in a request each sees his own, and what no request has ordered
SET ROLE regress_team;
SET "request.jwt.claims" = '{"sub": "ann", "exp": 1}';
INSERT INTO usage_mgmt.export_job (id) VALUES ('of ann');
SET "request.jwt.claims" = '{"sub": "bob"}';
INSERT INTO usage_mgmt.export_job (id) VALUES ('of bob');
SET "request.jwt.claims" = '{"role": "regress_team"}';
INSERT INTO usage_mgmt.export_job (id) VALUES ('of anybody');
SET "request.jwt.claims" = '{"customer": "a", "exp": 1}';
INSERT INTO usage_mgmt.export_job (id) VALUES ('of customer a');
SET "request.jwt.claims" = 'no JSON';
INSERT INTO usage_mgmt.export_job (id) VALUES ('of nobody');
RESET "request.jwt.claims";
RESET ROLE;
CREATE FUNCTION pg_temp.as(claims text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('request.jwt.claims', claims, true);
	RETURN (SELECT string_agg(id, ', ' ORDER BY id) FROM usage_mgmt.export_job WHERE id <> 'export of regress_other');
END
$$;
SET ROLE regress_team;
SELECT left(claims, 20) AS claims, pg_temp.as(claims) AS sees
FROM (VALUES ('{"sub": "ann", "exp": 2}'), ('{"sub": "bob"}'), ('{"sub": "eve"}'), ('{"iss": "else", "sub": "bob"}'), ('{"role": "regress_team", "exp": 2}'), ('{"customer": "a", "jti": "2"}'), ('{"customer": "b", "exp": 1}'), ('{}'), ('[1]'), ('no JSON'), (repeat('[', 10000)), ('{"sub": "\u0000"}'), ('')) AS c(claims);
SET "request.jwt.claims" = '{"sub": "ann"}';
SELECT usage_mgmt.delete_export_job('of bob'), usage_mgmt.cancel_export_job('of bob'), usage_mgmt.get_export_job('of bob') IS NULL AS none, usage_mgmt.delete_export_job('of ann');
SET ROLE regress_operator;
SELECT usage_mgmt.get_export_job('of bob') ->> 'id' AS operators_see_all;
RESET ROLE;
RESET "request.jwt.claims";
DELETE FROM usage_mgmt.export_job WHERE id LIKE 'of %';

-- What is held its orderer resumes, or an operator
CREATE PROCEDURE pg_temp.hold() LANGUAGE plpgsql SET session_replication_role = replica AS $$
BEGIN
	UPDATE usage_mgmt.import_job SET life = usage_mgmt.hub_life() + 1, agent = NULL, leased_until = NULL;
END
$$;
CALL pg_temp.hold();
SELECT role, answer FROM pg_temp.each_alone($$SELECT usage_mgmt.resume_job('import_job', 'import of regress_other')$$);
SELECT role, answer FROM pg_temp.each_alone($$SELECT count(*) FROM usage_mgmt.import_job WHERE usage_mgmt.resume_job('import_job', id)$$);
SELECT count(*) AS resumed FROM usage_mgmt.import_job WHERE usage_mgmt.resume_job('import_job', id);

-- An order of a role that is not there any more is ended, and nobody's but operators'; a renamed one is no other's
ALTER ROLE regress_loader RENAME TO regress_loader_too;
SELECT usage_mgmt.job_release('one') > 0 AS released;
SET ROLE regress_agent;
SELECT string_agg(job, ', ' ORDER BY job) FROM usage_mgmt.job_claim('one', '1 minute', NULL, 3);
RESET ROLE;
SELECT id, status, ordered_by, error_log FROM usage_mgmt.import_job WHERE status = 'failed';
SET ROLE regress_loader_too;
SELECT count(*) FROM usage_mgmt.import_job;
RESET ROLE;

TRUNCATE usage_mgmt.import_job, usage_mgmt.export_job, usage_mgmt.export_result;
DROP OWNED BY regress_team, regress_partner, regress_other, regress_reader, regress_loader_too, regress_operator, regress_agent, regress_nobody;
DROP ROLE regress_partner, regress_team, regress_other, regress_reader, regress_loader_too, regress_operator, regress_agent, regress_nobody;
