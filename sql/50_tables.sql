-- The tables. They belong to the user, not to the extension: a dump carries
-- them with their data and, behind the data, their triggers.

CREATE FUNCTION usage_mgmt.install_tables() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning	-- IF NOT EXISTS tells what is there
AS $install$
BEGIN
	PERFORM usage_mgmt.install_setting();
	PERFORM usage_mgmt.install_usage_specification();
	PERFORM usage_mgmt.install_usage();
	PERFORM usage_mgmt.install_usage_key();
	PERFORM usage_mgmt.install_views();
	PERFORM usage_mgmt.install_loads();
	PERFORM usage_mgmt.ensure_partitions(now() - interval '3 months', now() + interval '12 months');
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
	COMMENT ON TABLE usage_mgmt.setting IS
	'What the owner of the tables orders for every session. A row that is missing means its default.';
	PERFORM usage_mgmt.install_trigger('setting', 'setting_check',
		'BEFORE INSERT OR UPDATE', 'FOR EACH ROW', 'setting_check');
	-- For each row, since that is what replication fires. TRUNCATE invalidates by itself.
	PERFORM usage_mgmt.install_trigger('setting', 'setting_changed',
		'AFTER INSERT OR UPDATE OR DELETE', 'FOR EACH ROW', 'setting_changed');
	ALTER TABLE usage_mgmt.setting ENABLE ALWAYS TRIGGER setting_changed;
	INSERT INTO usage_mgmt.setting SELECT * FROM usage_mgmt.setting_defaults() ON CONFLICT DO NOTHING;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_setting() IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_usage_specification() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	CREATE TABLE IF NOT EXISTS usage_mgmt.usage_specification (
		id text COLLATE "C" NOT NULL,
		CONSTRAINT usage_specification_pkey PRIMARY KEY (id)
	);
	PERFORM usage_mgmt.install_columns('usage_mgmt.usage_specification'::regclass, $$
		name text,
		description text,
		version text,
		is_bundle boolean,
		last_update timestamptz,
		status usage_mgmt.usage_specification_status NOT NULL DEFAULT 'in study',
		valid_from timestamptz,
		valid_to timestamptz,
		usage_spec_characteristic jsonb,
		related_party usage_mgmt.related_party[],
		attachment jsonb,
		constraint_ref jsonb,
		entity_spec_relationship jsonb,
		target_entity_schema jsonb,
		extra jsonb,
		received_at timestamptz DEFAULT now(),
		changed_at timestamptz DEFAULT now(),
		type text,
		base_type text,
		schema_location text$$::text);
	COMMENT ON TABLE usage_mgmt.usage_specification IS
	'What usages of a type look like (TMF635: UsageSpecification).';
	COMMENT ON COLUMN usage_mgmt.usage_specification.usage_spec_characteristic IS
	'The characteristics and their allowed values, a JSON array under the names of R14.5.';
	COMMENT ON COLUMN usage_mgmt.usage_specification.extra IS
	'Attributes that the model does not know, a JSON object.';
	COMMENT ON COLUMN usage_mgmt.usage_specification.type IS '@type (v4).';
	COMMENT ON COLUMN usage_mgmt.usage_specification.base_type IS '@baseType (v4).';
	COMMENT ON COLUMN usage_mgmt.usage_specification.schema_location IS '@schemaLocation (v4).';
	PERFORM usage_mgmt.install_trigger('usage_specification', 'zz_usage_specification_check',
		'BEFORE INSERT OR UPDATE', 'FOR EACH ROW', 'usage_specification_check');
	PERFORM usage_mgmt.install_trigger('usage_specification', 'usage_specification_changed',
		'AFTER INSERT OR UPDATE OR DELETE', 'FOR EACH ROW', 'usage_specification_changed');
	-- Replicated changes must reach the sessions' caches, too.
	ALTER TABLE usage_mgmt.usage_specification ENABLE ALWAYS TRIGGER usage_specification_changed;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_usage_specification() IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_usage() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	CREATE TABLE IF NOT EXISTS usage_mgmt.usage (
		id text COLLATE "C" NOT NULL,
		usage_date timestamptz NOT NULL,
		CONSTRAINT usage_pkey PRIMARY KEY (id, usage_date)
	) PARTITION BY RANGE (usage_date);
	PERFORM usage_mgmt.install_columns('usage_mgmt.usage'::regclass, $$
		usage_type text NOT NULL,
		description text,
		status usage_mgmt.usage_status NOT NULL DEFAULT 'received',
		usage_specification_id text,
		usage_specification_href text,
		usage_specification_name text,
		usage_characteristic usage_mgmt.characteristics,
		related_party usage_mgmt.related_party[],
		rated_product_usage usage_mgmt.rated_product_usage[],
		rejection jsonb,
		extra jsonb,
		received_at timestamptz DEFAULT now(),
		changed_at timestamptz DEFAULT now(),
		load_id bigint,
		type text,
		base_type text,
		schema_location text$$::text);
	COMMENT ON TABLE usage_mgmt.usage IS
	'Events that can be charged (TMF635: Usage). One usage is one row; partitions are months in UTC.';
	COMMENT ON COLUMN usage_mgmt.usage.usage_date IS 'When it happened (R14.5: date, v4: usageDate).';
	COMMENT ON COLUMN usage_mgmt.usage.usage_specification_id IS
	'The specification it follows; a soft reference, the specification may be another server''s.';
	COMMENT ON COLUMN usage_mgmt.usage.rejection IS
	'Why it was rejected; a usage that the specification check marked has its faults and delivered_status here.';
	COMMENT ON COLUMN usage_mgmt.usage.extra IS
	'Attributes that the model does not know, a JSON object.';
	COMMENT ON COLUMN usage_mgmt.usage.received_at IS 'When it was stored.';
	COMMENT ON COLUMN usage_mgmt.usage.changed_at IS 'When it was changed last.';
	COMMENT ON COLUMN usage_mgmt.usage.load_id IS 'The import_load that brought it.';
	COMMENT ON COLUMN usage_mgmt.usage.type IS '@type (v4); what R14.5 calls type is usage_type.';
	COMMENT ON COLUMN usage_mgmt.usage.base_type IS '@baseType (v4).';
	COMMENT ON COLUMN usage_mgmt.usage.schema_location IS '@schemaLocation (v4).';

	CREATE TABLE IF NOT EXISTS usage_mgmt.usage_default PARTITION OF usage_mgmt.usage DEFAULT;
	COMMENT ON TABLE usage_mgmt.usage_default IS
	'Usages of months without a partition; ensure_partitions() moves them out.';
	CREATE INDEX IF NOT EXISTS usage_date_idx ON usage_mgmt.usage (usage_date);
	-- What waits for work: few rows, whatever the size of the table.
	CREATE INDEX IF NOT EXISTS usage_open_idx ON usage_mgmt.usage (status, usage_date)
		WHERE status IN ('received', 'rejected', 'recycled', 'guided', 'rerated');
	PERFORM usage_mgmt.install_trigger('usage', 'zz_usage_check',
		'BEFORE INSERT OR UPDATE OR DELETE', 'FOR EACH ROW', 'usage_check');
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_usage() IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_usage_key() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	CREATE TABLE IF NOT EXISTS usage_mgmt.usage_key (
		-- In this order nothing is lost to alignment.
		usage_date timestamptz NOT NULL,
		content_hash uuid NOT NULL,
		hash_version smallint NOT NULL,
		id text COLLATE "C" NOT NULL,
		CONSTRAINT usage_key_pkey PRIMARY KEY (id)
	);
	COMMENT ON TABLE usage_mgmt.usage_key IS
	'The ledger: every id once, whatever the partition. Written by the triggers of usage alone.';
	COMMENT ON COLUMN usage_mgmt.usage_key.usage_date IS 'The date of the usage, which names its partition.';
	COMMENT ON COLUMN usage_mgmt.usage_key.content_hash IS 'Hash of the usage as it was first stored.';
	COMMENT ON COLUMN usage_mgmt.usage_key.hash_version IS 'The algorithm of the hash.';
	PERFORM usage_mgmt.install_key_triggers(relid)
		FROM pg_partition_tree('usage_mgmt.usage');
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_usage_key() IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_views() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	CREATE OR REPLACE VIEW usage_mgmt.usage_rating WITH (security_invoker = true) AS
		SELECT u.id AS usage_id, u.usage_date, r.ordinality AS ordinal,
			r.rating_date, r.usage_rating_tag, r.is_billed, r.rating_amount_type,
			r.tax_included_rating_amount, r.tax_excluded_rating_amount, r.tax_rate,
			r.is_tax_exempt, r.offer_tariff_type, r.bucket_value_converted_in_amount,
			r.bucket_currency_code, r.currency_code, r.product_ref, r.product_ref_id,
			r.product_ref_name, r.product_ref_referred_type, r.product_ref_type,
			r.product_ref_base_type, r.product_ref_schema_location, r.type, r.base_type,
			r.schema_location, r.extra
		FROM usage_mgmt.usage u, unnest(u.rated_product_usage) WITH ORDINALITY r;
	COMMENT ON VIEW usage_mgmt.usage_rating IS
	'Each rated product usage as a row, with the columns of the type; ordinal counts from 1.';
	CREATE OR REPLACE VIEW usage_mgmt.usage_party WITH (security_invoker = true) AS
		SELECT u.id AS usage_id, u.usage_date, p.ordinality AS ordinal,
			p.role, p.id, p.href, p.name, p.status, p.alias, p.valid_from, p.valid_to,
			p.referred_type, p.type, p.base_type, p.schema_location, p.extra
		FROM usage_mgmt.usage u, unnest(u.related_party) WITH ORDINALITY p;
	COMMENT ON VIEW usage_mgmt.usage_party IS
	'Each related party as a row, with the columns of the type; ordinal counts from 1.';
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_views() IS 'Part of install_tables().';

-- Older tables get what they lack. There is no lock where nothing is missing.
CREATE FUNCTION usage_mgmt.install_columns(relation regclass, declarations text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	missing text[] := (SELECT array_agg(declaration ORDER BY place)
		FROM regexp_split_to_table(btrim(declarations, E' \t\n'), ',\s*\n\s*')
			WITH ORDINALITY AS d(declaration, place)
		WHERE NOT EXISTS (SELECT FROM pg_attribute
						  WHERE attrelid = relation AND attname = split_part(declaration, ' ', 1)));
BEGIN
	IF missing IS NOT NULL THEN
		EXECUTE format('ALTER TABLE %s ADD COLUMN %s', relation, array_to_string(missing, ', ADD COLUMN '));
		PERFORM usage_mgmt.empty_extra(relation,
			ARRAY(SELECT split_part(declaration, ' ', 1) FROM unnest(missing) declaration));
	END IF;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_columns(regclass, text) IS
'Adds the columns that a table lacks; their declarations stand one on a line, with a comma at its end. Part of install_tables().';

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
	relation text, trigger_name text, fires text, level text, function text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_trigger
				   WHERE tgrelid = format('usage_mgmt.%I', relation)::regclass
				   AND tgname = trigger_name) THEN
		EXECUTE format('CREATE TRIGGER %I %s ON usage_mgmt.%I %s EXECUTE FUNCTION usage_mgmt.%I()',
			trigger_name, fires, relation, level, function);
	END IF;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_trigger(text, text, text, text, text) IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_key_triggers(relation regclass) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	leaf boolean := (SELECT relkind = 'r' FROM pg_class WHERE oid = relation);
	name text;
	fires text;
BEGIN
	FOR name, fires IN
		VALUES ('usage_keys_insert', 'AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows'),
			('usage_keys_update', 'AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows'),
			('usage_keys_delete', 'AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows'),
			('usage_keys_truncate', 'BEFORE TRUNCATE ON %s')
	LOOP
		-- A TRUNCATE of the parent fires the triggers of its leaves.
		CONTINUE WHEN name = 'usage_keys_truncate' AND NOT leaf
			OR EXISTS (SELECT FROM pg_trigger WHERE tgrelid = relation AND tgname = name);
		EXECUTE format('CREATE TRIGGER %I ' || fires
			|| ' FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_keys()', name, relation);
	END LOOP;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_key_triggers(regclass) IS
'Gives usage or a partition of it the triggers that keep the ledger.';
