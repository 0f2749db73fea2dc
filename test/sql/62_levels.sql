-- What each level may do, all of it: a right more, or one less, is seen here.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
\pset format unaligned
\pset tuples_only on

CREATE ROLE regress_reader;
CREATE ROLE regress_loader;
CREATE ROLE regress_writer;
CREATE ROLE regress_operator;
CREATE ROLE regress_agent;
DO $$
BEGIN
	PERFORM usage_mgmt.grant_access('regress_' || level, level) FROM unnest('{reader,loader,writer,operator,agent}'::text[]) level;
END
$$;

CREATE VIEW pg_temp.granted AS
	WITH acl AS (
		SELECT relnamespace AS schema, relname AS name, relacl AS acl FROM pg_class
		UNION ALL SELECT relnamespace, relname || '(' || attname || ')', attacl FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
		UNION ALL SELECT pronamespace, proname || '()', proacl FROM pg_proc
		UNION ALL SELECT typnamespace, typname, typacl FROM pg_type
		UNION ALL SELECT oid, 'schema ' || nspname, nspacl FROM pg_namespace)
	SELECT regexp_replace(CASE grantee WHEN 0 THEN 'public' ELSE grantee::regrole::text END, '^regress_', '') AS level,
		CASE WHEN name NOT LIKE 'schema %' AND schema = 'usage_api'::regnamespace THEN 'usage_api.' ELSE '' END || name AS name,
		string_agg(privilege_type || CASE WHEN is_grantable THEN '*' ELSE '' END, ', ' ORDER BY privilege_type) AS rights
	FROM acl, aclexplode(acl)
	WHERE schema IN ('usage_mgmt'::regnamespace, 'usage_api'::regnamespace) AND (grantee = 0 OR grantee::regrole::text LIKE 'regress\_%')
	GROUP BY grantee, schema, name;
-- anybody may call what runs with his own rights
SELECT format(E'%s: %s\n  %s', level, rights, string_agg(name, E'\n  ' ORDER BY name COLLATE "C"))
FROM pg_temp.granted WHERE NOT (level = 'public' AND name LIKE '%()') GROUP BY level, rights ORDER BY level, rights;

DROP OWNED BY regress_reader, regress_loader, regress_writer, regress_operator, regress_agent;
DROP ROLE regress_reader, regress_loader, regress_writer, regress_operator, regress_agent;
