-- The native views: what PostgREST's own clients read, in the names of the standard's JSON

CREATE FUNCTION usage_mgmt.camel_case(name text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN left(name, 1) || substr(replace(initcap(replace(name, '_', ' ') COLLATE "C"), ' ', ''), 2);
COMMENT ON FUNCTION usage_mgmt.camel_case(text) IS
'changed_at as changedAt: what a native view calls a column that no version of the standard names. Part of install_native().';

-- By the names of the newest version that the resource has. In the expressions r is its row.
CREATE FUNCTION usage_mgmt.native_columns(resource text, OUT name text, OUT expression text)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH spoken AS (
		SELECT * FROM usage_mgmt.resource_attributes(resource)
			WITH ORDINALITY a(version, name, columns, plain, pairs, gathered, place)),
	attribute AS (
		SELECT s.*, columns[1] AS first, (SELECT orders FROM usage_mgmt.resources() WHERE noun = resource) AS orders
		FROM spoken s
		WHERE version = (SELECT version FROM spoken ORDER BY place DESC LIMIT 1)),
	member AS (
		SELECT a.place, m.name, m.place AS inner_place,
			m.name LIKE '%\_id' AS id, bool_or(m.name LIKE '%\_id') OVER (PARTITION BY a.place) AS has_id
		FROM attribute a, unnest(columns) WITH ORDINALITY m(name, place)
		WHERE cardinality(columns) > 1),
	shown AS (
		SELECT place, 0 AS inner_place, coalesce(a.name, usage_mgmt.camel_case(first)) AS name,
			CASE WHEN plain THEN format('r.%I', first)
				-- a status is compared with, which json is not
				WHEN first = 'status' THEN format('usage_mgmt.attribute_json(r, %L, %L) #>> ''{}''', a.name, a.version)
				ELSE format('usage_mgmt.attribute_json(r, %L, %L)', a.name, a.version) END AS expression
		FROM attribute a
		-- how an order is carried out is the agents' affair
		WHERE a.name IS NOT NULL OR NOT a.orders OR first IN ('extra', 'received_at', 'changed_at')
		UNION ALL
		SELECT place, 1, pairs, format('r.%I::jsonb', first) FROM attribute WHERE pairs IS NOT NULL
		UNION ALL
		SELECT place, 1, usage_mgmt.camel_case(gathered), format('usage_mgmt.%I(r.%I)', gathered, first)
		FROM attribute WHERE gathered IS NOT NULL
		UNION ALL
		-- of a reference its id, of a period its ends
		SELECT place, inner_place, usage_mgmt.camel_case(member.name), format('r.%I', member.name)
		FROM member WHERE id OR NOT has_id),
	-- a resource of somebody's own may call an attribute as we call a column
	single AS (SELECT DISTINCT ON (s.name) * FROM shown s ORDER BY s.name, inner_place, place)
	SELECT s.name, s.expression FROM single s ORDER BY place, inner_place
$$;
COMMENT ON FUNCTION usage_mgmt.native_columns(text) IS
'The columns of a resource''s native view, and what each is of the row r. Part of install_native().';

CREATE FUNCTION usage_mgmt.install_native(resource text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	r record;
BEGIN
	SELECT * INTO r FROM usage_mgmt.resources() WHERE noun = resource;
	PERFORM usage_mgmt.install_native_view(resource, array_agg(name), array_agg(expression),
			format('usage_mgmt.%I r', resource),
			format('Each %s for clients of PostgREST''s own, read-only: the attributes as the newest version of the standard calls and writes them, and beside them what can be filtered by. What is no attribute is called as its column, as changedAt.', r.label))
		FROM usage_mgmt.native_columns(resource);
	IF r.date_column IS NOT NULL THEN
		-- In one go: day by day would be a visit of the table for each row where they came in no order.
		PERFORM usage_mgmt.install_native_view(resource || '_count', '{day,status,n}', '{c.day,c.status,c.n}',
			format($sql$
				(SELECT (r.%2$I AT TIME ZONE 'UTC')::date AS day, r.status, count(*) AS n FROM usage_mgmt.%1$I r
					WHERE r.%2$I >= ((now() AT TIME ZONE 'UTC')::date - 30)::timestamp AT TIME ZONE 'UTC'
					AND r.%2$I < ((now() AT TIME ZONE 'UTC')::date + 1)::timestamp AT TIME ZONE 'UTC'
					GROUP BY 1, 2) c$sql$, resource, r.date_column),
			format('How many %s there are of each status on each of the last 31 days, in UTC.', r.plural));
	END IF;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_native(text) IS
'Makes the native views of a resource in the schema usage_api, or brings older ones up to date. Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_native_books() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	PERFORM usage_mgmt.install_native_view(v.name,
			(SELECT array_agg(usage_mgmt.camel_case(c) ORDER BY place) FROM unnest(columns) WITH ORDINALITY u(c, place)),
			(SELECT array_agg(format('r.%I', c) ORDER BY place) FROM unnest(columns) WITH ORDINALITY u(c, place)),
			format('usage_mgmt.%I r', relation), about)
		FROM (VALUES
			('load', 'import_load', '{id,source,started_at,finished_at,read,stored,repeated,conflicting,rejected,filled,first_date,last_date,amounts,loaded_by}'::text[],
			'The loads, and what became of their records.'),
			('reject', 'import_reject', '{id,load_id,record_number,resource,document_length,errors,rejected_at,recycled_at}',
			'Records that could not be stored, and why, without what came.'),
			('listener', 'hub_status', '{listener,resource,callback,state,reason,lag_events,lag_seconds,parked,delivered,failed,rate,last_success_at,last_error,last_error_at,lost_from,lost}',
			'The listeners that one may see, and how their deliveries go.')
		) AS v(name, relation, columns, about);
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_native_books() IS
'Makes the native views of loads, rejects and listeners. Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_native_view(name text, columns text[], expressions text[], source text, comment text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	view text := format('usage_api.%I', name);
	made record;
	present text[] := ARRAY(SELECT attname::text FROM pg_attribute
		WHERE attrelid = to_regclass(view) AND attnum > 0 AND NOT attisdropped ORDER BY attnum);
BEGIN
	-- One that somebody else has made under that name is not ours to change.
	IF to_regclass(view) IS NOT NULL AND (NOT present <@ columns
			OR (SELECT relkind <> 'v' FROM pg_class WHERE oid = to_regclass(view))) THEN
		RAISE EXCEPTION 'relation "%" is there, but is no view of ours', view
			USING ERRCODE = 'duplicate_table', HINT = 'Give it another name, and run SELECT usage_mgmt.install_tables() again.';
	END IF;
	IF NOT columns <@ present THEN
		-- What an older one has stays in its place.
		EXECUTE format('CREATE OR REPLACE VIEW %s WITH (security_invoker = true) AS SELECT %s FROM %s', view,
			(SELECT string_agg(format('%s AS %I', expression, c), ', ' ORDER BY array_position(present, c), place)
				FROM unnest(columns, expressions) WITH ORDINALITY u(c, expression, place)), source);
	END IF;
	PERFORM usage_mgmt.install_comment(view, NULL, comment);
	-- The one makes the view no table to its statements, the other speaks where no row is met.
	FOR made IN SELECT * FROM (VALUES ('native_refuse_row', 'INSTEAD OF', 'ROW'), ('native_refuse', 'BEFORE', 'STATEMENT')) AS t(trigger, timing, level) LOOP
		IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = view::regclass AND tgname = made.trigger) THEN
			EXECUTE format('CREATE TRIGGER %I %s INSERT OR UPDATE OR DELETE ON %s FOR EACH %s EXECUTE FUNCTION usage_mgmt.native_refuse()',
				made.trigger, made.timing, view, made.level);
		END IF;
	END LOOP;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_native_view(text, text[], text[], text, text) IS
'Makes a view in usage_api that has these columns, or adds those that an older one lacks. Part of install_native().';

CREATE FUNCTION usage_mgmt.native_refuse() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION 'view "%.%" is only read', TG_TABLE_SCHEMA, TG_TABLE_NAME
		USING ERRCODE = 'feature_not_supported',
		HINT = 'Resources are written by their own URIs, or by the functions of usage_mgmt.';
END
$$;
COMMENT ON FUNCTION usage_mgmt.native_refuse() IS
'Before and instead of whatever would write to a native view: refuses it (0A000).';
REVOKE EXECUTE ON FUNCTION usage_mgmt.native_refuse() FROM PUBLIC;

-- A view asks for the caller's own rights on the tables behind it, too.
CREATE FUNCTION usage_mgmt.grant_native(role_name text, level text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	view text;
BEGIN
	FOR view IN
		SELECT format('usage_api.%I', v.name)
		FROM (SELECT noun, '{reader,writer,operator}'::text[] FROM usage_mgmt.resources() WHERE NOT orders
			UNION ALL
			SELECT noun, '{reader,loader,writer,operator}' FROM usage_mgmt.resources() WHERE orders
			UNION ALL
			SELECT noun || '_count', '{reader,writer,operator}' FROM usage_mgmt.resources() WHERE date_column IS NOT NULL
			UNION ALL
			VALUES ('load', '{loader,operator}'::text[]), ('reject', '{operator}'), ('listener', '{reader,writer,operator}')
		) AS v(name, levels)
		WHERE level = ANY (levels)
		ORDER BY 1
	LOOP
		IF to_regclass(view) IS NULL THEN
			RAISE EXCEPTION 'relation "%" does not exist', view
				USING ERRCODE = 'undefined_table', HINT = 'Run SELECT usage_mgmt.install_tables().';
		END IF;
		EXECUTE format('GRANT SELECT ON %s TO %I', view, role_name);
	END LOOP;
END
$$;
COMMENT ON FUNCTION usage_mgmt.grant_native(text, text) IS
'Grants a role the native views of its level. Part of grant_access().';
