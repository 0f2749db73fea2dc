-- Who may do what with the tables, in levels

CREATE FUNCTION usage_mgmt.grant_access(role_name text, level text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known CONSTANT text := 'The level of a role is reader, loader, writer, operator, agent or owner.';
	right_of record;
BEGIN
	IF coalesce(level NOT IN ('reader', 'loader', 'writer', 'operator', 'agent', 'owner'), true) THEN
		RAISE EXCEPTION 'level "%" is not known', level
			USING ERRCODE = 'invalid_parameter_value', HINT = known;
	ELSIF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) OR role_name IS NULL THEN
		RAISE EXCEPTION 'role "%" does not exist', role_name
			USING ERRCODE = 'undefined_object', HINT = known;
	ELSIF level = 'owner' THEN
		PERFORM usage_mgmt.hand_over(role_name);
		RETURN;
	END IF;
	IF has_schema_privilege('usage_mgmt', 'USAGE WITH GRANT OPTION') THEN
		EXECUTE format('GRANT USAGE ON SCHEMA usage_mgmt TO %I', role_name);
	ELSIF NOT has_schema_privilege(role_name, 'usage_mgmt', 'USAGE') THEN
		RAISE EXCEPTION 'permission denied to grant usage of schema usage_mgmt'
			USING ERRCODE = 'insufficient_privilege',
			HINT = format('A superuser does it, or gives you what an owner needs: SELECT usage_mgmt.grant_access(%L, ''owner'').', current_user);
	END IF;
	FOR right_of IN
		SELECT kind, format(name, r.noun, r.ledger, r.conflict) AS relation, string_agg(privilege, ', ') AS privileges
		FROM usage_mgmt.resources() r, (VALUES
			('{reader,writer,operator}', 'TABLE', '%1$s', 'SELECT', '{t,f}'),
			('{reader,writer,operator}', 'TABLE', '%1$s_document', 'SELECT', '{t,f}'),
			-- Events come by the load, specifications are written.
			('{loader,writer,operator}', 'TABLE', '%1$s', 'INSERT', '{t}'),
			('{loader,writer,operator}', 'TABLE', '%1$s_document', 'INSERT', '{t}'),
			('{writer,operator}', 'TABLE', '%1$s', 'UPDATE, DELETE', '{t}'),
			('{writer,operator}', 'TABLE', '%1$s', 'INSERT, UPDATE, DELETE', '{f}'),
			('{writer,operator}', 'TABLE', '%1$s_document', 'INSERT', '{f}'),
			-- usagectl keeps books. What others' loads had refused is for operators' eyes.
			('{loader,writer}', 'TABLE', '%3$s', 'SELECT (load_id, record_number), UPDATE (record_number)', '{t}'),
			('{operator}', 'TABLE', '%3$s', 'SELECT, INSERT, UPDATE, DELETE', '{t}'),
			('{operator}', 'TABLE', '%2$s', 'SELECT', '{t}')
		) AS p(levels, kind, name, privilege, dated)
		WHERE NOT orders AND level = ANY (levels::text[]) AND (date_column IS NOT NULL) = ANY (dated::boolean[])
		GROUP BY kind, relation
		UNION ALL
		SELECT 'TABLE', v.name, 'SELECT'
		FROM usage_mgmt.resources() r, usage_mgmt.resource_views(r.noun) v
		WHERE level IN ('reader', 'writer', 'operator')
		UNION ALL
		SELECT kind, relation, string_agg(privilege, ', ')
		FROM (VALUES
			('{loader,writer,operator}', 'TABLE', 'import_load', 'SELECT'),
			('{loader,writer}', 'TABLE', 'import_load', 'INSERT (source, declared), UPDATE (declared, position, finished_at, read, rejected)'),
			('{operator}', 'TABLE', 'import_load', 'INSERT, UPDATE'),
			('{loader,writer}', 'TABLE', 'import_reject', 'INSERT, SELECT (load_id, record_number), UPDATE (record_number)'),
			('{loader,writer,operator}', 'SEQUENCE', 'import_load_id_seq', 'USAGE'),
			('{loader,writer,operator}', 'SEQUENCE', 'import_reject_id_seq', 'USAGE'),
			('{operator}', 'TABLE', 'import_load', 'DELETE'),
			('{operator}', 'TABLE', 'import_reject', 'SELECT, INSERT, UPDATE, DELETE'),
			-- Row security shows orders to whose they are; of his own a client changes nothing but whether they go on.
			('{reader,loader,writer,operator}', 'TABLE', 'import_job', 'SELECT'),
			('{reader,loader,writer,operator}', 'TABLE', 'export_job', 'SELECT'),
			('{loader,writer,operator}', 'TABLE', 'import_job', 'INSERT, DELETE, UPDATE (cancelled_at, life)'),
			('{reader,writer,operator}', 'TABLE', 'export_job', 'INSERT, DELETE, UPDATE (cancelled_at, life)'),
			('{reader,writer,operator}', 'TABLE', 'export_result', 'SELECT'),
			('{reader,loader,writer,operator,agent}', 'TABLE', 'job_progress', 'SELECT'),
			('{operator}', 'TABLE', 'usage_mgmt_stat', 'SELECT'),
			('{agent}', 'TABLE', 'import_job', 'SELECT, UPDATE, DELETE'),
			('{agent}', 'TABLE', 'export_job', 'SELECT, UPDATE, DELETE'),
			('{agent}', 'TABLE', 'export_result', 'SELECT, INSERT, DELETE'),
			('{agent}', 'TABLE', 'import_file', 'SELECT, INSERT, UPDATE'),
			('{agent}', 'TABLE', 'import_load', 'SELECT'),
			('{agent}', 'SEQUENCE', 'import_file_id_seq', 'USAGE'),
			('{loader,writer}', 'TABLE', 'import_file', 'SELECT'),
			('{operator}', 'TABLE', 'import_file', 'SELECT, DELETE'),
			('{agent}', 'TABLE', 'hub_listener', 'SELECT, UPDATE (state, reason, changed_at)'),
			('{agent}', 'TABLE', 'hub_cursor', 'SELECT'),
			('{agent}', 'TABLE', 'setting', 'SELECT'),
			('{agent}', 'TABLE', 'hub_delivery', 'SELECT, INSERT, UPDATE'),
			('{agent}', 'TABLE', 'hub_parked', 'SELECT, INSERT, UPDATE, DELETE'),
			('{agent}', 'TABLE', 'hub_attempt', 'SELECT, INSERT, DELETE'),
			('{agent}', 'TABLE', 'hub_secret', 'SELECT'),
			('{agent}', 'SEQUENCE', 'hub_parked_id_seq', 'USAGE'),
			('{agent}', 'SEQUENCE', 'hub_attempt_id_seq', 'USAGE')
		) AS p(levels, kind, relation, privilege)
		WHERE level = ANY (levels::text[])
		GROUP BY kind, relation
		ORDER BY 1, 2
	LOOP
		IF to_regclass('usage_mgmt.' || right_of.relation) IS NULL THEN
			RAISE EXCEPTION 'relation "usage_mgmt.%" does not exist', right_of.relation
				USING ERRCODE = 'undefined_table', HINT = 'Run SELECT usage_mgmt.install_tables().';
		ELSIF NOT pg_has_role((SELECT relowner FROM pg_class
							   WHERE oid = ('usage_mgmt.' || right_of.relation)::regclass), 'USAGE')
			AND NOT (right_of.relation = 'hub_secret' AND has_table_privilege('usage_mgmt.hub_secret', 'SELECT WITH GRANT OPTION')) THEN
			-- GRANT would only warn a role that has a right itself
			RAISE EXCEPTION 'must be owner of relation usage_mgmt.%', right_of.relation
				USING ERRCODE = 'insufficient_privilege';
		END IF;
		EXECUTE format('GRANT %s ON %s usage_mgmt.%I TO %I',
			right_of.privileges, right_of.kind, right_of.relation, role_name);
	END LOOP;
	IF level IN ('reader', 'loader', 'writer', 'operator') THEN
		PERFORM usage_mgmt.grant_api(role_name);
		PERFORM usage_mgmt.grant_native(role_name, level);
	END IF;
END
$$;
COMMENT ON FUNCTION usage_mgmt.grant_access(text, text) IS
'Grants a role what its level needs: reader, loader, writer (a reader, too), operator (all of these), agent (what delivers events, and reads the secrets to sign them, and does jobs), or as a superuser owner, which hands the tables over. For the owner of the tables or a superuser. Takes nothing away; unknown levels are 22023.';

-- What somebody may do by HTTP his rights on the tables say.
CREATE FUNCTION usage_mgmt.grant_api(role_name text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF has_schema_privilege('usage_api', 'USAGE WITH GRANT OPTION') THEN
		EXECUTE format('GRANT USAGE ON SCHEMA usage_api TO %I', role_name);
		EXECUTE format('GRANT EXECUTE ON FUNCTION usage_api.read(), usage_api.write(bytea) TO %I', role_name);
	ELSIF NOT has_schema_privilege(role_name, 'usage_api', 'USAGE') THEN
		RAISE EXCEPTION 'permission denied to grant usage of schema usage_api'
			USING ERRCODE = 'insufficient_privilege',
			HINT = format('A superuser does it, or gives you what an owner needs: SELECT usage_mgmt.grant_access(%L, ''owner'').', current_user);
	END IF;
END
$$;
COMMENT ON FUNCTION usage_mgmt.grant_api(text) IS
'Lets a role call what answers HTTP. Part of grant_access(); a role that is to see nothing but errors, as the one of requests without a token may be, is given it alone.';

CREATE FUNCTION usage_mgmt.hand_over(role_name text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	statement text;
BEGIN
	IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
		RAISE EXCEPTION 'only a superuser can hand over the tables of usage_mgmt'
			USING ERRCODE = 'insufficient_privilege';
	END IF;
	EXECUTE format('GRANT USAGE, CREATE ON SCHEMA usage_mgmt TO %I WITH GRANT OPTION', role_name);
	EXECUTE format('GRANT USAGE, CREATE ON SCHEMA usage_api TO %I WITH GRANT OPTION', role_name);
	EXECUTE format('GRANT EXECUTE ON FUNCTION usage_api.read(), usage_api.write(bytea) TO %I WITH GRANT OPTION', role_name);
	-- the secrets stay the extension's, but who makes agents lets them read
	EXECUTE format('GRANT SELECT ON usage_mgmt.hub_secret TO %I WITH GRANT OPTION', role_name);
	FOR statement IN
		-- who makes triggers of the tables and partitions executes their functions
		SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I', p.oid::regprocedure, role_name)
		FROM pg_proc p
		WHERE pronamespace = 'usage_mgmt'::regnamespace AND NOT has_function_privilege(role_name, p.oid, 'EXECUTE')
		UNION ALL
		SELECT format('ALTER TABLE %s OWNER TO %I', c.oid::regclass, role_name)
		FROM pg_class c
		WHERE relkind IN ('r', 'p', 'v') AND relowner <> (SELECT oid FROM pg_roles WHERE rolname = role_name)
		AND (relnamespace IN ('usage_mgmt'::regnamespace, 'usage_api'::regnamespace)
			 OR c.oid IN (SELECT relid FROM usage_mgmt.resources(), pg_partition_tree(to_regclass('usage_mgmt.' || noun))))
		AND NOT EXISTS (SELECT FROM pg_depend
						WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')
	LOOP
		EXECUTE statement;
	END LOOP;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hand_over(text) IS
'Makes a role the owner of the tables and views, and of those to come. Part of grant_access().';
REVOKE EXECUTE ON FUNCTION usage_mgmt.hand_over(text) FROM PUBLIC;
