-- Make the tables and release them

DO $install$
DECLARE
	-- What a dump sets before anything else; nobody else sets both.
	restoring boolean := (SELECT count(*) = 2 FROM pg_catalog.pg_settings
		WHERE name IN ('row_security', 'xmloption') AND source = 'session');
	r record;
BEGIN
	IF restoring
	   OR pg_catalog.current_setting('usage_mgmt.install_tables', true) = 'off'
	   OR pg_catalog.current_setting('citus.enable_ddl_propagation', true) = 'off' THEN
		RETURN;
	END IF;
	PERFORM usage_mgmt.install_tables();
	FOR r IN
		SELECT c.oid::pg_catalog.regclass AS name,
			CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind
		FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class c ON c.oid = d.objid
		WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
		AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
		AND d.refobjid = (SELECT oid FROM pg_catalog.pg_extension WHERE extname = 'usage_mgmt')
		AND d.deptype = 'e' AND c.relkind IN ('r', 'p', 'v', 'S')
		AND c.relname NOT IN ('status_transition', 'hub_secret')
	LOOP
		EXECUTE pg_catalog.format('ALTER EXTENSION usage_mgmt DROP %s %s', r.kind, r.name);
	END LOOP;
END
$install$;
