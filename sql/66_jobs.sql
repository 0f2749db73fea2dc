-- Jobs: whose an order is, and how agents take, do and end what is ordered

CREATE FUNCTION usage_mgmt.install_jobs() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	noun text;
BEGIN
	FOR noun IN SELECT r.noun FROM usage_mgmt.resources() r WHERE r.orders LOOP
		-- What has not ended: few rows, whatever is kept. Nothing in it changes while a job runs, and beside
		-- row security the planner knows how few, which it does not of a status.
		PERFORM usage_mgmt.install_index(noun || '_due_idx', noun, '(next_at) WHERE completion_date IS NULL');
		PERFORM usage_mgmt.install_trigger(noun, noun || '_ordered', 'AFTER INSERT', 'FOR EACH STATEMENT', 'job_notify');
		PERFORM usage_mgmt.install_trigger(noun, noun || '_cancelled', 'AFTER UPDATE',
			'FOR EACH ROW WHEN (old.cancelled_at IS DISTINCT FROM new.cancelled_at OR old.life IS DISTINCT FROM new.life)', 'job_notify');
		PERFORM usage_mgmt.install_trigger(noun, noun || '_deleted', 'AFTER DELETE',
			$$FOR EACH ROW WHEN (old.status = 'running')$$, 'job_notify');
		PERFORM usage_mgmt.install_job_rights(noun, 'own_orders',
			format('(SELECT has_table_privilege(%L, ''UPDATE'') OR has_table_privilege(''usage_mgmt.import_load'', ''DELETE''))
				OR ordered_by = ANY (ARRAY(SELECT r.rolname::text FROM pg_roles r WHERE pg_has_role(r.oid, ''USAGE'')))
				AND (claims IS NULL OR usage_mgmt.job_is_callers(claims))', 'usage_mgmt.' || noun));
	END LOOP;
	CREATE TABLE IF NOT EXISTS usage_mgmt.export_result (
		job text COLLATE "C" NOT NULL,
		part integer NOT NULL,
		data bytea NOT NULL,
		CONSTRAINT export_result_pkey PRIMARY KEY (job, part),
		CONSTRAINT export_result_job_fkey FOREIGN KEY (job)
			REFERENCES usage_mgmt.export_job ON DELETE CASCADE
	);
	PERFORM usage_mgmt.install_comment('usage_mgmt.export_result', name, comment)
		FROM (VALUES (NULL, 'What export jobs without a url have written, for a day. get_export_result() reads it.'),
			('part', 'From 0; each but the last has 1,048,576 bytes.')) AS c(name, comment);
	PERFORM usage_mgmt.install_job_rights('export_result', 'own_results',
		'EXISTS (SELECT FROM usage_mgmt.export_job j WHERE j.id = job)');
	PERFORM usage_mgmt.install_job_progress();
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_jobs() IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_job_rights(name text, policy text, condition text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	IF EXISTS (SELECT FROM pg_policy WHERE polrelid = format('usage_mgmt.%I', name)::regclass AND polname = policy) THEN
		RETURN;
	END IF;
	EXECUTE format('ALTER TABLE usage_mgmt.%I ENABLE ROW LEVEL SECURITY', name);
	EXECUTE format('CREATE POLICY %I ON usage_mgmt.%I USING (%s)', policy, name, condition);
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_job_rights(text, text, text) IS
'Lets everybody see the orders of roles that he is a member of, and agents (who may UPDATE the whole table) and operators all. Part of install_tables().';

-- Roles are shared by those whom tokens name; what one of them has exported is not the next one's.
CREATE FUNCTION usage_mgmt.job_is_callers(claims text) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mine text := nullif(current_setting('request.jwt.claims', true), '');
BEGIN
	-- in one expression what is no JSON would be found at planning already
	IF mine IS NULL THEN
		RETURN true;
	END IF;
	RETURN usage_mgmt.job_caller(mine::jsonb) = usage_mgmt.job_caller(claims::jsonb);
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
	RETURN false;
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_is_callers(text) IS
'Whether an order with these claims is of whom the claims of this request name; true outside a request. Part of the policies of jobs.';

CREATE FUNCTION usage_mgmt.job_caller(claims jsonb) RETURNS jsonb
LANGUAGE sql STABLE
RETURN CASE WHEN claims ->> 'sub' IS NOT NULL THEN jsonb_build_array(claims -> 'iss', claims ->> 'sub')
	ELSE claims - '{exp,iat,nbf,jti}'::text[] END;
COMMENT ON FUNCTION usage_mgmt.job_caller(jsonb) IS
'Whom claims name: sub, of that iss; where there is none all that does not change from token to token, since policies may go by any of it. Part of job_is_callers().';

CREATE FUNCTION usage_mgmt.job_notify() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- anybody may listen, and which job it was is for those who see it
	PERFORM pg_notify('usage_mgmt_job', CASE WHEN TG_OP = 'INSERT' THEN '' ELSE TG_TABLE_NAME END);
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_notify() IS
'AFTER INSERT of jobs, for each statement: wakes agents. AFTER a cancel, a resume or the deletion of one, for each row: tells them of which resource.';
REVOKE EXECUTE ON FUNCTION usage_mgmt.job_notify() FROM PUBLIC;

CREATE FUNCTION usage_mgmt.install_job_progress() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	PERFORM usage_mgmt.install_view('job_progress', $view$
		WITH job AS (
			SELECT 'import_job' AS resource, id, status, url, ordered_by, agent, attempts, read_count AS records, byte_count AS bytes,
				started_at, completion_date, error_log, cancelled_at, leased_until, life, total_bytes
			FROM usage_mgmt.import_job
			UNION ALL
			SELECT 'export_job' AS resource, id, status, url, ordered_by, agent, attempts, record_count, byte_count,
				started_at, completion_date, error_log, cancelled_at, leased_until, life, total_bytes
			FROM usage_mgmt.export_job),
		timed AS (
			SELECT *, completion_date IS NULL AS open,
				nullif(extract(epoch FROM greatest(coalesce(completion_date, now()) - started_at, '0')), 0) AS seconds
			FROM job)
		SELECT resource, id AS job,
			CASE WHEN cancelled_at IS NOT NULL AND status <> 'succeeded' THEN 'cancelled'
				WHEN open AND life <> (SELECT usage_mgmt.hub_life()) THEN 'held'
				WHEN status = 'running' AND (agent IS NULL OR leased_until < now()) THEN 'waiting'
				ELSE status::text END AS state,
			url, ordered_by, agent, attempts, records, bytes,
			CASE WHEN status = 'succeeded' THEN 100
				WHEN total_bytes > 0 THEN least(round(100.0 * bytes / total_bytes, 1), 100) END AS percent,
			round(records / seconds, 1) AS records_per_second, round(bytes / seconds, 1) AS bytes_per_second,
			CASE WHEN open AND bytes > 0 THEN round(greatest(total_bytes - bytes, 0) * seconds / bytes, 1) END AS seconds_left,
			started_at, error_log AS error
		FROM timed$view$,
		'The jobs that one may see, and how they go. state is their status, or waiting (no agent has it now), held (it was restored: resume_job() lets it go on) or cancelled; rates are since it was started.');
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_job_progress() IS 'Part of install_tables().';

-- What whoever ordered a job calls

CREATE FUNCTION usage_mgmt.resume_job(resource text, id text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	resumed integer;
BEGIN
	EXECUTE format($sql$UPDATE usage_mgmt.%I j SET life = usage_mgmt.hub_life()
		WHERE j.id = $1 AND j.completion_date IS NULL AND j.life <> usage_mgmt.hub_life()$sql$,
		usage_mgmt.job_resource($1)) USING $2;
	GET DIAGNOSTICS resumed = ROW_COUNT;
	RETURN resumed > 0;
END
$$;
COMMENT ON FUNCTION usage_mgmt.resume_job(text, text) IS
'Lets a job go on that is held since it came into this database by a restore; false where none that the caller sees is. resource is import_job or export_job.';

CREATE FUNCTION usage_mgmt.job_resource(resource text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM usage_mgmt.resources() r WHERE r.orders AND r.noun = resource) THEN
		RAISE EXCEPTION 'there are no jobs "%"', resource
			USING ERRCODE = 'invalid_parameter_value',
			HINT = format('There are %s.', (SELECT string_agg(r.noun, ', ') FROM usage_mgmt.resources() r WHERE r.orders));
	END IF;
	RETURN resource;
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_resource(text) IS
'The same, where it is a resource of jobs; 22023 for any other. Part of the functions of jobs.';

CREATE FUNCTION usage_mgmt.get_export_result(id text, "from" bigint DEFAULT 0) RETURNS bytea
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	IF coalesce($2 < 0, true) THEN
		RAISE EXCEPTION 'a result is read from byte 0 on, not from %', $2 USING ERRCODE = 'invalid_parameter_value';
	ELSIF NOT EXISTS (SELECT FROM usage_mgmt.export_job j WHERE j.id = $1 AND j.status = 'succeeded'
			AND j.completion_date > now() - interval '1 day'
			AND EXISTS (SELECT FROM usage_mgmt.export_result r WHERE r.job = j.id)) THEN
		RAISE EXCEPTION 'there is no result of an export job "%"', $1 USING ERRCODE = 'no_data_found',
			HINT = 'A job without a url keeps what it has exported for a day from when it has succeeded.';
	END IF;
	RETURN (SELECT substring(r.data FROM ($2 % 1048576)::integer + 1) FROM usage_mgmt.export_result r
		WHERE r.job = $1 AND r.part = $2 / 1048576 AND octet_length(r.data) > $2 % 1048576);
END
$$;
COMMENT ON FUNCTION usage_mgmt.get_export_result(text, bigint) IS
'The result of an export job without a url from that byte on, a megabyte at most; null at its end. P0002 where the caller sees no such job, or it keeps no result: it does for a day.';

-- What an agent calls, with the rights that grant_access(role, 'agent') gives. A job is its as long
-- as agent and attempts are still what they were when it took it: whoever comes too late gets false.

CREATE FUNCTION usage_mgmt.job_claim(agent text, lease interval, most integer, retries integer)
RETURNS TABLE (resource text, job text, attempt integer, ordered_by text, claims text, cancelled boolean,
	failures integer, about json)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	noun text;
	held integer := 0;
BEGIN
	IF coalesce($1 = '' OR $2 <= '0' OR $4 < 0, true) THEN
		RAISE EXCEPTION 'an agent needs a name, a lease that lasts and a number of retries'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	-- Nobody waits for anybody here, so agents cannot lock each other out.
	FOR noun IN SELECT r.noun FROM usage_mgmt.resources() r WHERE r.orders LOOP
		held := held + usage_mgmt.job_renew($1, noun, $2);
		PERFORM usage_mgmt.job_give_up(noun, $4);
	END LOOP;
	-- those first of which one waits longest
	FOR noun IN SELECT r.noun FROM usage_mgmt.resources() r, usage_mgmt.job_due_since(r.noun) since
		WHERE r.orders AND since IS NOT NULL ORDER BY since
	LOOP
		held := held + usage_mgmt.job_take($1, noun, $2, $3 - held);
	END LOOP;
	FOR noun IN SELECT r.noun FROM usage_mgmt.resources() r WHERE r.orders LOOP
		RETURN QUERY EXECUTE format($sql$
			SELECT %1$L::text, j.id::text, j.attempts::integer, j.ordered_by::text, j.claims, j.cancelled_at IS NOT NULL,
				j.failures, (to_jsonb(j) || jsonb_build_object('noun', usage_mgmt.job_noun(j.path)))::json
			FROM usage_mgmt.%1$I j WHERE %2$s ORDER BY j.next_at, j.id$sql$, noun, usage_mgmt.job_leased()) USING $1;
	END LOOP;
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_claim(text, interval, integer, integer) IS
'For agents: renews the leases of the agent of that name, takes free jobs that are due up to so many in all, null for any number, and gives all that it holds now; about is the row with the noun of the resource that path names. A job that has failed more than so many times without getting on is ended.';

CREATE FUNCTION usage_mgmt.job_noun(path text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN usage_mgmt.order_resource(path);
EXCEPTION WHEN invalid_parameter_value THEN
	RETURN NULL;	-- of a module that is not there any more
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_noun(text) IS
'order_resource(), null where there is none. Part of job_claim().';

CREATE FUNCTION usage_mgmt.job_renew(agent text, resource text, lease interval) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	held integer;
BEGIN
	EXECUTE format($sql$
		WITH mine AS MATERIALIZED (
			SELECT j.id FROM usage_mgmt.%1$I j WHERE %2$s FOR NO KEY UPDATE SKIP LOCKED)
		UPDATE usage_mgmt.%1$I j SET leased_until = now() + $2 FROM mine WHERE j.id = mine.id$sql$,
		resource, usage_mgmt.job_leased()) USING agent, lease;
	EXECUTE format($sql$
		SELECT count(*) FROM usage_mgmt.%I j WHERE %s$sql$, resource, usage_mgmt.job_leased()) INTO held USING agent;
	RETURN held;
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_renew(text, text, interval) IS
'Renews an agent''s leases, but those that somebody has locked just now; how many jobs it holds. Part of job_claim().';

CREATE FUNCTION usage_mgmt.job_give_up(resource text, retries integer) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format($sql$
		WITH ended AS MATERIALIZED (
			SELECT j.id, CASE WHEN NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = j.ordered_by)
					THEN format('the role "%%s" that ordered it does not exist any more', j.ordered_by)
				ELSE format('gave up after %%s attempts; the last error: %%s', j.attempts,
					CASE WHEN j.agent IS NOT NULL THEN format('agent "%%s" was lost', j.agent) ELSE j.error_log END) END AS reason
			FROM usage_mgmt.%1$I j
			WHERE j.completion_date IS NULL AND j.life = usage_mgmt.hub_life()
				AND (j.agent IS NULL OR j.leased_until < now())
				AND (j.cancelled_at IS NOT NULL OR j.failures + (j.agent IS NOT NULL)::integer > $1
					OR NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = j.ordered_by))
			FOR NO KEY UPDATE OF j SKIP LOCKED)
		UPDATE usage_mgmt.%1$I j SET status = 'failed', error_log = ended.reason
			FROM ended WHERE j.id = ended.id$sql$, resource) USING retries;
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_give_up(text, integer) IS
'Ends the jobs that no agent has and none is to take: cancelled ones, those that have failed too often, and those of a role that is gone. Part of job_claim().';

CREATE FUNCTION usage_mgmt.job_due() RETURNS text
LANGUAGE sql IMMUTABLE
RETURN $$j.completion_date IS NULL AND j.cancelled_at IS NULL AND j.life = usage_mgmt.hub_life()
	AND j.next_at <= now() AND (j.agent IS NULL OR j.leased_until < now())$$;
COMMENT ON FUNCTION usage_mgmt.job_due() IS 'The condition on a job j that an agent may take. Part of job_claim().';

CREATE FUNCTION usage_mgmt.job_leased() RETURNS text
LANGUAGE sql IMMUTABLE
RETURN $$j.completion_date IS NULL AND j.agent = $1 AND j.life = usage_mgmt.hub_life()$$;
COMMENT ON FUNCTION usage_mgmt.job_leased() IS 'The condition on a job j that agent $1 has. Part of the functions of jobs.';

CREATE FUNCTION usage_mgmt.job_due_since(resource text) RETURNS timestamptz
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	since timestamptz;
BEGIN
	EXECUTE format('SELECT j.next_at FROM usage_mgmt.%I j WHERE %s ORDER BY j.next_at LIMIT 1', resource, usage_mgmt.job_due())
		INTO since;
	RETURN since;
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_due_since(text) IS
'Since when a job waits for an agent; null where none does. Part of job_claim().';

CREATE FUNCTION usage_mgmt.job_take(agent text, resource text, lease interval, most integer) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	taken integer;
BEGIN
	EXECUTE format($sql$
		WITH due AS MATERIALIZED (
			SELECT j.id FROM usage_mgmt.%1$I j WHERE %2$s
			ORDER BY j.next_at, j.id LIMIT CASE WHEN $3 < 0 THEN 0 ELSE $3 END FOR NO KEY UPDATE SKIP LOCKED)
		UPDATE usage_mgmt.%1$I j SET status = 'running', attempts = j.attempts + 1, agent = $1, leased_until = now() + $2,
				failures = j.failures + (j.agent IS NOT NULL)::integer,
				error_log = CASE WHEN j.agent IS NULL THEN j.error_log ELSE format('agent "%%s" was lost', j.agent) END, %3$s
			FROM due WHERE j.id = due.id$sql$, resource, usage_mgmt.job_due(),
		CASE resource WHEN 'export_job' THEN 'started_at = now(), record_count = 0, byte_count = 0, total_bytes = NULL'
			ELSE 'started_at = coalesce(j.started_at, now())' END) USING agent, lease, most;
	GET DIAGNOSTICS taken = ROW_COUNT;
	RETURN taken;
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_take(text, text, interval, integer) IS
'Takes up to so many jobs that are due, those first that wait longest; how many. One whose agent has not come back counts that as a failure; an export starts anew. Part of job_claim().';

CREATE FUNCTION usage_mgmt.job_checkpoint(agent text, resource text, job text, attempt integer, progress jsonb) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN usage_mgmt.job_write($1, $2, $3, $4, 'running', NULL, $5);
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_checkpoint(text, text, text, integer, jsonb) IS
'For agents: notes how far a job has come: load, read, stored, repeated, conflicting, rejected, position and report of an import, records of an export, bytes, and total of bytes. An import that gets on has not failed. False, and nothing done, where it has been cancelled or deleted, or another agent or attempt has it.';

CREATE FUNCTION usage_mgmt.job_end(agent text, resource text, job text, attempt integer, status text, error_log text,
	progress jsonb) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF coalesce($5 NOT IN ('succeeded', 'failed'), true) THEN
		RAISE EXCEPTION 'a job cannot end as "%"', $5
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It ends as succeeded or failed.';
	END IF;
	RETURN usage_mgmt.job_write($1, $2, $3, $4, $5, coalesce($6, ''), $7);
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_end(text, text, text, integer, text, text, jsonb) IS
'For agents: ends a job as succeeded or failed, with what an operator should know. False, and nothing done, where it has been deleted, or another agent or attempt has it.';

CREATE FUNCTION usage_mgmt.job_write(agent text, resource text, job text, attempt integer, status text, error_log text,
	progress jsonb) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	import boolean := usage_mgmt.job_resource($2) = 'import_job';
	known text[] := CASE WHEN import THEN '{load,read,stored,repeated,conflicting,rejected,bytes,position,total,report}'::text[]
		ELSE '{records,bytes,total}' END;
	columns text[] := CASE WHEN import THEN '{load,read_count,stored_count,repeated_count,conflicting_count,rejected_count,byte_count,position,total_bytes,report}'::text[]
		ELSE '{record_count,byte_count,total_bytes}' END;
	counts jsonb;
	written integer;
BEGIN
	IF NOT ARRAY(SELECT jsonb_object_keys($7)) <@ known THEN
		RAISE EXCEPTION 'the progress of % does not have %', $2, (SELECT string_agg(k, ', ') FROM jsonb_object_keys($7) k WHERE k <> ALL (known))
			USING ERRCODE = 'invalid_parameter_value', HINT = format('It has %s.', array_to_string(known, ', '));
	END IF;
	SELECT jsonb_object_agg(c, $7 -> k) INTO counts FROM unnest(known, columns) u(k, c) WHERE $7 -> k <> 'null';
	EXECUTE format($sql$UPDATE usage_mgmt.%I j SET (%s, failures) = (SELECT n.%s, CASE WHEN %s THEN 0 ELSE j.failures END
			FROM jsonb_populate_record(j, $4) n), status = $5,
			error_log = coalesce($6, j.error_log)
		WHERE j.id = $2 AND j.attempts = $3 AND %s AND ($5 <> 'running' OR j.cancelled_at IS NULL)$sql$,
		$2, array_to_string(columns, ', '), array_to_string(columns, ', n.'),
		-- an export starts anew each time
		CASE WHEN import THEN 'n.position > j.position OR n.read_count > j.read_count' ELSE 'false' END,
		usage_mgmt.job_leased())
		USING $1, $3, $4, coalesce(counts, '{}'), $5::usage_mgmt.job_status, $6;
	GET DIAGNOSTICS written = ROW_COUNT;
	RETURN written > 0;
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_write(text, text, text, integer, text, text, jsonb) IS
'Writes how far a job is, or that it has ended, where it is the agent''s. Part of job_checkpoint() and job_end().';

CREATE FUNCTION usage_mgmt.job_retry(agent text, resource text, job text, attempt integer, delay interval, error_log text)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN usage_mgmt.job_give_back($1, $2, $3, $4, coalesce($5, '0'), 'j.failures + 1', $6);
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_retry(text, text, text, integer, interval, text) IS
'For agents: gives a job back that has failed, to be tried again after a delay. False, and nothing done, as job_end().';

CREATE FUNCTION usage_mgmt.job_again(agent text, resource text, job text, attempt integer, delay interval) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN usage_mgmt.job_give_back($1, $2, $3, $4, coalesce($5, '0'), '0', '');
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_again(text, text, text, integer, interval) IS
'For agents: gives a standing order back until its next run. False, and nothing done, as job_end().';

CREATE FUNCTION usage_mgmt.job_release(agent text, resource text, job text, attempt integer) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM pg_notify('usage_mgmt_job', '');
	RETURN usage_mgmt.job_give_back($1, $2, $3, $4, NULL, 'j.failures', NULL);
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_release(text, text, text, integer) IS
'For agents: gives a job back for any agent to go on with at once. False, and nothing done, as job_end().';

CREATE FUNCTION usage_mgmt.job_release(agent text) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mine record;
	noun text;
	released integer := 0;
BEGIN
	FOR noun IN SELECT r.noun FROM usage_mgmt.resources() r WHERE r.orders LOOP
		-- What somebody has locked just now is free when its lease runs out.
		FOR mine IN EXECUTE format($sql$SELECT j.id, j.attempts FROM usage_mgmt.%I j
			WHERE %s FOR NO KEY UPDATE SKIP LOCKED$sql$, noun, usage_mgmt.job_leased()) USING $1
		LOOP
			released := released + usage_mgmt.job_release($1, noun, mine.id, mine.attempts::integer)::integer;
		END LOOP;
	END LOOP;
	RETURN released;
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_release(text) IS
'For agents: gives all jobs of the agent of that name back; how many. It leaves, or has come back and begins anew.';

CREATE FUNCTION usage_mgmt.job_give_back(agent text, resource text, job text, attempt integer, delay interval, failures text,
	error_log text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	written integer;
BEGIN
	EXECUTE format($sql$UPDATE usage_mgmt.%I j SET agent = NULL, leased_until = NULL,
			error_log = coalesce($5, j.error_log),
			next_at = CASE WHEN $4 IS NULL THEN j.next_at ELSE now() + $4 END, failures = %s
		WHERE j.id = $2 AND j.attempts = $3 AND %s$sql$,
		usage_mgmt.job_resource($2), $6, usage_mgmt.job_leased()) USING $1, $3, $4, $5, $7;
	GET DIAGNOSTICS written = ROW_COUNT;
	RETURN written > 0;
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_give_back(text, text, text, integer, interval, text, text) IS
'Gives a job back; without a delay it keeps its place. One that has been cancelled ends. Part of job_retry(), job_again() and job_release().';

CREATE FUNCTION usage_mgmt.job_put_result(agent text, job text, attempt integer, part integer, data bytea) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	most bigint := pg_size_bytes(usage_mgmt.setting_value('export_result_max'));
BEGIN
	-- The job first, as whoever deletes it does.
	PERFORM FROM usage_mgmt.export_job j
		WHERE j.id = $2 AND j.agent = $1 AND j.attempts = $3 AND j.completion_date IS NULL AND j.cancelled_at IS NULL
			AND j.life = usage_mgmt.hub_life()
		FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	IF coalesce($4 < 0 OR octet_length($5) > 1048576, true) OR $4 > 0 AND NOT EXISTS (SELECT FROM usage_mgmt.export_result r
			WHERE r.job = $2 AND r.part = $4 - 1 AND octet_length(r.data) = 1048576) THEN
		RAISE EXCEPTION 'part % of the result of export job "%" does not follow', $4, $2
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Parts have 1048576 bytes, the last one any less.';
	ELSIF $4::bigint * 1048576 + octet_length($5) > most THEN
		RAISE EXCEPTION 'the result of export job "%" is larger than export_result_max, %', $2, usage_mgmt.setting_value('export_result_max')
			USING ERRCODE = 'program_limit_exceeded', HINT = 'Give the job a url to export to, or a query that names less.';
	END IF;
	IF $4 = 0 THEN
		DELETE FROM usage_mgmt.export_result r WHERE r.job = $2;	-- of an attempt before
	END IF;
	-- who did not hear that it is here says it again
	INSERT INTO usage_mgmt.export_result (job, part, data) VALUES ($2, $4, $5)
		ON CONFLICT ON CONSTRAINT export_result_pkey DO NOTHING;
	RETURN true;
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_put_result(text, text, integer, integer, bytea) IS
'For agents: keeps a part of what an export job without a url writes; part 0 begins anew. 54000 beyond the setting export_result_max. False, and nothing done, as job_checkpoint().';

CREATE FUNCTION usage_mgmt.jobs_upkeep() RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	noun text;
	forgotten bigint;
	total bigint := 0;
BEGIN
	-- What somebody has locked waits for the next time.
	WITH ended AS MATERIALIZED (
		SELECT j.id FROM usage_mgmt.export_job j
		WHERE (j.status = 'failed' OR j.completion_date <= now() - interval '1 day')
			AND EXISTS (SELECT FROM usage_mgmt.export_result r WHERE r.job = j.id)
		FOR NO KEY UPDATE OF j SKIP LOCKED)
	DELETE FROM usage_mgmt.export_result r USING ended WHERE r.job = ended.id;
	FOR noun IN SELECT r.noun FROM usage_mgmt.resources() r WHERE r.orders LOOP
		EXECUTE format($sql$
			WITH old AS MATERIALIZED (
				SELECT j.id FROM usage_mgmt.%1$I j
				WHERE j.completion_date < now() - $1 FOR UPDATE SKIP LOCKED)
			DELETE FROM usage_mgmt.%1$I j USING old WHERE j.id = old.id$sql$, noun)
			USING usage_mgmt.setting_value('job_retention')::interval;
		GET DIAGNOSTICS forgotten = ROW_COUNT;
		total := total + forgotten;
	END LOOP;
	RETURN total;
END
$$;
COMMENT ON FUNCTION usage_mgmt.jobs_upkeep() IS
'For agents: forgets the jobs that ended longer ago than the setting job_retention says, and results after a day; how many jobs.';
