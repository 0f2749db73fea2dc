-- The tables. They belong to the user, not to the extension: a dump carries
-- them with their data and, behind the data, their triggers.

CREATE FUNCTION usage_mgmt.install_tables() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning	-- IF NOT EXISTS tells what is there
AS $install$
BEGIN
	PERFORM usage_mgmt.install_setting();
	PERFORM usage_mgmt.install_loads();
	PERFORM usage_mgmt.install_hub();
	PERFORM usage_mgmt.install_delivery();
	PERFORM usage_mgmt.install_table(noun) FROM usage_mgmt.resources();
	PERFORM usage_mgmt.install_jobs();
	PERFORM usage_mgmt.install_files();
	PERFORM usage_mgmt.install_native_books();
	PERFORM usage_mgmt.install_stat();
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_tables() IS
'Makes the tables, or brings older ones up to date; does nothing to what is as it should be. They belong to whoever calls. Makes partitions from three months back to twelve ahead.';

CREATE FUNCTION usage_mgmt.install_setting() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	CREATE TABLE IF NOT EXISTS usage_mgmt.setting (
		name text COLLATE "C" NOT NULL,
		value text NOT NULL,
		CONSTRAINT setting_pkey PRIMARY KEY (name)
	);
	PERFORM usage_mgmt.install_comment('usage_mgmt.setting', NULL,
		'What the owner of the tables orders for every session. A row that is missing means its default.');
	PERFORM usage_mgmt.install_trigger('setting', 'setting_check',
		'BEFORE INSERT OR UPDATE', 'FOR EACH ROW', 'setting_check');
	-- For each row, since that is what replication fires. TRUNCATE invalidates by itself.
	PERFORM usage_mgmt.install_trigger('setting', 'setting_changed',
		'AFTER INSERT OR UPDATE OR DELETE', 'FOR EACH ROW', 'setting_changed', always => true);
	-- A statement that fails takes back only what was announced before it could be seen.
	PERFORM usage_mgmt.install_trigger('setting', 'setting_changing',
		'BEFORE INSERT OR UPDATE OR DELETE', 'FOR EACH STATEMENT', 'setting_changed', always => true);
	INSERT INTO usage_mgmt.setting SELECT * FROM usage_mgmt.setting_defaults() ON CONFLICT DO NOTHING;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_setting() IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_resource(resource text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
AS $install$
BEGIN
	PERFORM usage_mgmt.resource_columns(resource);	-- one that is not known is 22023
	PERFORM usage_mgmt.install_functions(resource);
	PERFORM usage_mgmt.install_table(resource);
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_resource(text) IS
'Makes the functions and tables of a resource that another module has registered. Its type of statuses must be there.';

CREATE FUNCTION usage_mgmt.install_table(resource text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	r record;
	relation regclass;
BEGIN
	SELECT * INTO r FROM usage_mgmt.resources() WHERE noun = resource;
	EXECUTE format('CREATE TABLE IF NOT EXISTS usage_mgmt.%I (%s, CONSTRAINT %I PRIMARY KEY (%s)) %s',
		resource,
		(SELECT string_agg(format('%I %s', name, declaration), ', ')
			FROM usage_mgmt.resource_columns(resource) WHERE name IN ('id', r.date_column)),
		resource || '_pkey', concat_ws(', ', 'id', r.date_column),
		'PARTITION BY RANGE (' || r.date_column || ')');
	relation := format('usage_mgmt.%I', resource);
	PERFORM usage_mgmt.install_comment(relation, NULL, r.about);
	PERFORM usage_mgmt.install_columns(relation, array_agg(name), array_agg(declaration))
		FROM usage_mgmt.resource_columns(resource);
	PERFORM usage_mgmt.install_comment(relation, name, comment)
		FROM usage_mgmt.resource_columns(resource) WHERE comment <> '';
	-- An older one may not see what is deleted.
	IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = relation AND tgname = 'zz_' || resource || '_check' AND tgtype & 8 = 0) THEN
		EXECUTE format('DROP TRIGGER %I ON %s', 'zz_' || resource || '_check', relation);
	END IF;
	PERFORM usage_mgmt.install_trigger(resource, 'zz_' || resource || '_check',
		'BEFORE INSERT OR UPDATE OR DELETE', 'FOR EACH ROW', resource || '_check');
	IF r.date_column IS NOT NULL THEN
		PERFORM usage_mgmt.install_partitioning(r.noun, r.date_column, r.open);
		PERFORM usage_mgmt.install_ledger(r.noun, r.date_column, r.ledger);
		PERFORM usage_mgmt.install_conflicts(r.noun, r.label, r.conflict);
		PERFORM usage_mgmt.ensure_partitions(now() - interval '3 months', now() + interval '12 months', resource);
	END IF;
	IF EXISTS (SELECT FROM usage_mgmt.resources() WHERE specification = resource) THEN
		-- Replicated changes must reach the sessions' caches, too.
		PERFORM usage_mgmt.install_trigger(resource, resource || '_changed',
			'AFTER INSERT OR UPDATE OR DELETE', 'FOR EACH ROW', resource || '_changed', always => true);
		PERFORM usage_mgmt.install_trigger(resource, resource || '_changing',
			'BEFORE INSERT OR UPDATE OR DELETE', 'FOR EACH STATEMENT', resource || '_changed', always => true);
	END IF;
	PERFORM usage_mgmt.install_outbox(resource);
	IF NOT r.orders THEN
		PERFORM usage_mgmt.install_views(resource, r.label);
	END IF;
	PERFORM usage_mgmt.install_native(resource);
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_table(text) IS
'Makes the tables and views of a resource, or brings them up to date. Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_partitioning(resource text, date_column text, open text[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	EXECUTE format('CREATE TABLE IF NOT EXISTS usage_mgmt.%I PARTITION OF usage_mgmt.%I DEFAULT',
		resource || '_default', resource);
	PERFORM usage_mgmt.install_comment(format('usage_mgmt.%I', resource || '_default'), NULL,
		'Months without a partition; ensure_partitions() moves them out.');
	PERFORM usage_mgmt.install_index(resource || '_date_idx', resource, format('(%I)', date_column));
	IF open <> '{}' THEN
		-- What waits for work: few rows, whatever the size of the table.
		PERFORM usage_mgmt.install_index(resource || '_open_idx', resource,
			format('(status, %I) WHERE status IN (%s)', date_column,
				(SELECT string_agg(quote_literal(status), ', ') FROM unnest(open) status)));
	END IF;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_partitioning(text, text, text[]) IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_ledger(resource text, date_column text, ledger text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	-- In this order nothing is lost to alignment.
	EXECUTE format('CREATE TABLE IF NOT EXISTS usage_mgmt.%I (
		%I timestamptz NOT NULL,
		content_hash uuid NOT NULL,
		hash_version smallint NOT NULL,
		id text COLLATE "C" NOT NULL,
		CONSTRAINT %I PRIMARY KEY (id))', ledger, date_column, ledger || '_pkey');
	PERFORM usage_mgmt.install_comment(format('usage_mgmt.%I', ledger), name, comment)
		FROM (VALUES (NULL, format('The ledger: every id once, whatever the partition. Written by the triggers of %s alone.', resource)),
			(date_column, 'The date of the row, which names its partition.'),
			('content_hash', 'Hash of the row as it was first stored.'),
			('hash_version', 'The algorithm of the hash.')) AS c(name, comment);
	PERFORM usage_mgmt.install_key_triggers(relid, resource)
		FROM pg_partition_tree(format('usage_mgmt.%I', resource)::regclass);
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_ledger(text, text, text) IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_views(resource text, label text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	document text := resource || '_document';
BEGIN
	PERFORM usage_mgmt.install_view(name, query, about) FROM usage_mgmt.resource_views(resource);
	PERFORM usage_mgmt.install_view(document,
		format('SELECT usage_mgmt.to_tmf(r)::text AS document FROM usage_mgmt.%I r', resource),
		format('Each %s as TMF JSON. COPY into it loads newline-delimited JSON: WITH (FORMAT csv, QUOTE E''\x01'', DELIMITER E''\x02'').',
			label));
	PERFORM usage_mgmt.install_document_triggers(document);
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_views(text, text) IS 'Part of install_tables().';

-- Older tables get what they lack. There is no lock where nothing is missing.
CREATE FUNCTION usage_mgmt.install_columns(relation regclass, names text[], declarations text[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	missing text[];
	additions text;
BEGIN
	SELECT array_agg(name), string_agg(format('ADD COLUMN %I %s', name, declaration), ', ' ORDER BY place)
		INTO missing, additions
		FROM unnest(names, declarations) WITH ORDINALITY AS d(name, declaration, place)
		WHERE NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = relation AND attname = name);
	IF missing IS NOT NULL THEN
		EXECUTE format('ALTER TABLE %s %s', relation, additions);
		PERFORM usage_mgmt.empty_extra(relation, missing);
	END IF;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_columns(regclass, text[], text[]) IS
'Adds the columns that a table lacks. Part of install_tables().';

-- A comment of the user's stays.
CREATE FUNCTION usage_mgmt.install_comment(relation regclass, column_name text, comment text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	IF column_name IS NULL AND obj_description(relation, 'pg_class') IS NULL THEN
		EXECUTE format('COMMENT ON %s %s IS %L',
			(SELECT CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END FROM pg_class WHERE oid = relation),
			relation, comment);
	ELSIF col_description(relation, (SELECT attnum FROM pg_attribute
			WHERE attrelid = relation AND attname = column_name)) IS NULL AND column_name <> '' THEN
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', relation, column_name, comment);
	END IF;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_comment(regclass, text, text) IS
'Comments a table or view, or a column of it, that has no comment. Part of install_tables().';

-- CREATE INDEX IF NOT EXISTS would wait for every writer before it looks.
CREATE FUNCTION usage_mgmt.install_index(name text, relation text, definition text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	IF to_regclass(format('usage_mgmt.%I', name)) IS NULL THEN
		EXECUTE format('CREATE INDEX %I ON usage_mgmt.%I %s', name, relation, definition);
	END IF;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_index(text, text, text) IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_view(name text, query text, comment text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	view text := format('usage_mgmt.%I', name);
BEGIN
	IF to_regclass(view) IS NULL THEN
		EXECUTE format('CREATE VIEW %s WITH (security_invoker = true) AS %s', view, query);
	END IF;
	PERFORM usage_mgmt.install_comment(view, NULL, comment);
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_view(text, text, text) IS 'Part of install_tables().';

-- What an older version did not know is in extra, where it may not stay.
CREATE FUNCTION usage_mgmt.empty_extra(relation regclass, columns text[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET row_security = off		-- all rows or an error
AS $install$
DECLARE
	names text[];
	assignments text;
	found boolean;
	enable text[] := '{}';
	statement text;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = relation AND attname = 'extra') THEN
		RETURN;		-- no resource
	END IF;
	SELECT array_agg(n.name), string_agg(format('%I = extra ->> %L', attname, n.name), ', ')
		INTO names, assignments
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid,
			LATERAL (SELECT (usage_mgmt.attribute_names(relname, attname))[1] AS name) n
		WHERE c.oid = relation AND attname = ANY (columns) AND atttypid = 'text'::regtype
		AND n.name IS NOT NULL;
	IF names IS NULL THEN
		RETURN;
	END IF;
	EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE extra ?| $1)', relation) INTO found USING names;
	IF NOT found THEN
		RETURN;
	END IF;
	-- The records stay what they are, billed or not: no trigger may fire.
	FOR statement IN
		SELECT unnest(usage_mgmt.disable_triggers(r.relation))
		FROM (SELECT relation UNION SELECT relid FROM pg_partition_tree(relation)) r
	LOOP
		enable := enable || statement;
	END LOOP;
	EXECUTE format('UPDATE %s SET %s, extra = nullif(extra - $1, ''{}'') WHERE extra ?| $1',
		relation, assignments) USING names;
	FOREACH statement IN ARRAY enable LOOP
		EXECUTE statement;
	END LOOP;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.empty_extra(regclass, text[]) IS
'Moves out of extra what has a text column now. Part of install_tables().';

CREATE FUNCTION usage_mgmt.disable_triggers(relation regclass) RETURNS text[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	enable text[] := ARRAY(SELECT format('ALTER TABLE ONLY %s ENABLE %s TRIGGER %I', relation,
			CASE tgenabled WHEN 'A' THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' ELSE '' END, tgname)
		FROM pg_trigger
		WHERE tgrelid = relation AND NOT tgisinternal AND tgenabled <> 'D');
BEGIN
	EXECUTE format('ALTER TABLE ONLY %s DISABLE TRIGGER USER', relation);
	RETURN enable;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.disable_triggers(regclass) IS
'Disables the triggers of a table, and returns the statements that make them as they were. Part of install_tables() and ensure_partitions().';

CREATE FUNCTION usage_mgmt.install_trigger(
	relation text, trigger_name text, fires text, level text, function text, always boolean DEFAULT false)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	enabled text := (SELECT tgenabled FROM pg_trigger
		WHERE tgrelid = format('usage_mgmt.%I', relation)::regclass AND tgname = trigger_name);
BEGIN
	IF enabled IS NULL THEN
		EXECUTE format('CREATE TRIGGER %I %s ON usage_mgmt.%I %s EXECUTE FUNCTION usage_mgmt.%I()',
			trigger_name, fires, relation, level, function);
	END IF;
	IF always AND enabled IS DISTINCT FROM 'A' THEN
		EXECUTE format('ALTER TABLE usage_mgmt.%I ENABLE ALWAYS TRIGGER %I', relation, trigger_name);
	END IF;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_trigger(text, text, text, text, text, boolean) IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_key_triggers(relation regclass, resource text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	leaf boolean := (SELECT relkind = 'r' FROM pg_class WHERE oid = relation);
	name text;
	fires text;
	present record;
BEGIN
	FOR name, fires IN
		SELECT resource || '_keys_' || event, timing
		FROM (VALUES ('insert', 'AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows'),
			('update', 'AFTER UPDATE ON %s'),
			('delete', 'AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows'),
			('truncate', 'BEFORE TRUNCATE ON %s')) AS t(event, timing)
		-- A TRUNCATE of the parent fires the triggers of its leaves.
		WHERE leaf OR event <> 'truncate'
	LOOP
		SELECT * INTO present FROM pg_trigger WHERE tgrelid = relation AND tgname = name;
		IF FOUND THEN
			-- An older one of an UPDATE has all rows written to a file; no other is replaced.
			CONTINUE WHEN fires LIKE '%REFERENCING%' OR coalesce(present.tgoldtable, present.tgnewtable) IS NULL;
			EXECUTE format('DROP TRIGGER %I ON %s', name, relation);
		END IF;
		EXECUTE format('CREATE TRIGGER %I ' || fires
			|| ' FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.%I()', name, relation, resource || '_keys');
		IF present.tgenabled <> 'O' THEN
			EXECUTE format('ALTER TABLE ONLY %s %s TRIGGER %I', relation,
				CASE present.tgenabled WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'DISABLE' END, name);
		END IF;
	END LOOP;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_key_triggers(regclass, text) IS
'Gives the table of a resource or a partition of it the triggers that keep the ledger, in place of older ones.';
