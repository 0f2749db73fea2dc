-- Partitions by month, and the ledger's health

CREATE FUNCTION usage_mgmt.ensure_partitions(from_date timestamptz, to_date timestamptz)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	month timestamp;
	made integer := 0;
BEGIN
	IF NOT isfinite(from_date) OR NOT isfinite(to_date) THEN
		RAISE EXCEPTION 'partitions from % to % would have no end', from_date, to_date
			USING ERRCODE = 'datetime_field_overflow';
	END IF;
	FOR month IN
		SELECT generate_series(date_trunc('month', from_date AT TIME ZONE 'UTC'),
			to_date AT TIME ZONE 'UTC', interval '1 month')
	LOOP
		made := made + usage_mgmt.ensure_partition(month)::integer;
	END LOOP;
	RETURN made;
END
$$;
COMMENT ON FUNCTION usage_mgmt.ensure_partitions(timestamptz, timestamptz) IS
'Makes the partitions of the months (in UTC) that hold these dates and all between; moves what the default partition has of them. Returns how many it made. Must not run inside a load.';

CREATE FUNCTION usage_mgmt.ensure_partition(month timestamp) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	leaf text := format('usage_mgmt.%I', 'usage_p' || to_char(month, 'YYYYMM'));
	first_day text := to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00';
	last_day text := to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00';
	owner text := (SELECT relowner::regrole FROM pg_class WHERE oid = 'usage_mgmt.usage'::regclass);
BEGIN
	IF to_regclass(leaf) IS NOT NULL THEN
		PERFORM usage_mgmt.install_key_triggers(leaf::regclass)
			FROM pg_class WHERE oid = leaf::regclass AND relispartition;
		RETURN false;
	END IF;
	EXECUTE format('CREATE TABLE %s (LIKE usage_mgmt.usage INCLUDING ALL)', leaf);
	EXECUTE format('ALTER TABLE %s OWNER TO %s', leaf, owner);
	PERFORM usage_mgmt.empty_default(leaf, first_day::timestamptz, last_day::timestamptz);
	EXECUTE format('ALTER TABLE usage_mgmt.usage ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)',
		leaf, first_day, last_day);
	PERFORM usage_mgmt.install_key_triggers(leaf::regclass);
	RETURN true;
END
$$;
COMMENT ON FUNCTION usage_mgmt.ensure_partition(timestamp) IS
'Makes the partition of the month that starts there (UTC); true where there was none. Part of ensure_partitions().';

CREATE FUNCTION usage_mgmt.empty_default(leaf text, from_date timestamptz, to_date timestamptz)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum)
		FROM pg_attribute
		WHERE attrelid = 'usage_mgmt.usage'::regclass AND attnum > 0
		AND NOT attisdropped AND attgenerated = '');
	enable text[];
	statement text;
BEGIN
	IF NOT EXISTS (SELECT FROM usage_mgmt.usage_default
				   WHERE usage_date >= from_date AND usage_date < to_date) THEN
		RETURN;
	END IF;
	-- The rows stay what they are, and so do their keys: no trigger may fire.
	enable := usage_mgmt.disable_triggers('usage_mgmt.usage_default');
	EXECUTE format('WITH moved AS (DELETE FROM usage_mgmt.usage_default
		WHERE usage_date >= $1 AND usage_date < $2 RETURNING *)
		INSERT INTO %s (%s) SELECT %2$s FROM moved', leaf, columns)
		USING from_date, to_date;
	FOREACH statement IN ARRAY enable LOOP
		EXECUTE statement;
	END LOOP;
END
$$;
COMMENT ON FUNCTION usage_mgmt.empty_default(text, timestamptz, timestamptz) IS
'Moves a month''s rows from the default partition to its coming own. Part of ensure_partitions().';

CREATE FUNCTION usage_mgmt.drop_partitions(
	before timestamptz, forget_ids boolean DEFAULT false, billed boolean DEFAULT false)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET datestyle = ISO	-- others write bounds with zones that cannot be read back
AS $$
DECLARE
	leaf regclass;
	has_billed boolean;
	dropped integer := 0;
BEGIN
	FOR leaf IN
		SELECT c.oid::regclass
		FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'usage_mgmt.usage'::regclass
		AND substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \(''(.*)''\)')::timestamptz <= before
		ORDER BY 1
	LOOP
		EXECUTE format('LOCK TABLE usage_mgmt.usage, %s IN ACCESS EXCLUSIVE MODE', leaf);
		EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE status = ''billed'')', leaf)
			INTO has_billed;
		IF has_billed AND NOT billed THEN
			RAISE EXCEPTION 'partition "%" holds billed usages', leaf
				USING ERRCODE = 'UM003',
				HINT = 'drop_partitions(before, billed => true) drops it all the same.';
		END IF;
		IF forget_ids THEN
			EXECUTE format('DELETE FROM usage_mgmt.usage_key k USING %s u WHERE k.id = u.id', leaf);
		END IF;
		EXECUTE format('DROP TABLE %s', leaf);
		dropped := dropped + 1;
	END LOOP;
	RETURN dropped;
END
$$;
COMMENT ON FUNCTION usage_mgmt.drop_partitions(timestamptz, boolean, boolean) IS
'Drops the partitions that end at or before that time, and returns how many. Their ids stay known, so that none is taken again, unless forget_ids; billed usages are refused (UM003) unless billed.';

CREATE FUNCTION usage_mgmt.check_keys()
RETURNS TABLE (id text, usage_date timestamptz, fault text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
AS $$
BEGIN
	RETURN QUERY
		SELECT u.id, u.usage_date,
			CASE WHEN k.id IS NULL THEN 'has no key' ELSE 'its key has another date' END
		FROM usage_mgmt.usage u LEFT JOIN usage_mgmt.usage_key k ON k.id = u.id
		WHERE k.usage_date IS DISTINCT FROM u.usage_date;
	RETURN QUERY
		SELECT u.id, min(u.usage_date), 'has ' || count(*) || ' rows'
		FROM usage_mgmt.usage u GROUP BY u.id HAVING count(*) > 1;
	RETURN QUERY
		SELECT NULL::text, NULL::timestamptz, format('partition %s does not keep the ledger', i.inhrelid::regclass)
		FROM pg_inherits i
		WHERE i.inhparent = 'usage_mgmt.usage'::regclass
		AND (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = i.inhrelid
			 AND t.tgname LIKE 'usage\_keys\_%' AND t.tgenabled <> 'D') < 4;
END
$$;
COMMENT ON FUNCTION usage_mgmt.check_keys() IS
'What the ledger has wrong, as it can be after logical replication, session_replication_role = replica or a partition attached by hand; no rows when all is well. A key without a row, kept by drop_partitions(), is no fault.';

CREATE FUNCTION usage_mgmt.rebuild_keys() RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
AS $$
DECLARE
	mended bigint;
	added bigint;
BEGIN
	PERFORM usage_mgmt.install_key_triggers(inhrelid::regclass)
		FROM pg_inherits WHERE inhparent = 'usage_mgmt.usage'::regclass;
	UPDATE usage_mgmt.usage_key k SET usage_date = u.usage_date
		FROM usage_mgmt.usage u
		WHERE u.id = k.id AND u.usage_date <> k.usage_date
		AND NOT EXISTS (SELECT FROM usage_mgmt.usage v WHERE v.id = k.id AND v.usage_date = k.usage_date);
	GET DIAGNOSTICS mended = ROW_COUNT;
	-- An id on two rows is 23505 here: only a person can say which is right.
	INSERT INTO usage_mgmt.usage_key (id, usage_date, content_hash, hash_version)
		SELECT u.id, u.usage_date, usage_mgmt.content_hash(u), usage_mgmt.hash_version()
		FROM usage_mgmt.usage u
		WHERE NOT EXISTS (SELECT FROM usage_mgmt.usage_key k WHERE k.id = u.id)
		ORDER BY u.id;
	GET DIAGNOSTICS added = ROW_COUNT;
	RETURN mended + added;
END
$$;
COMMENT ON FUNCTION usage_mgmt.rebuild_keys() IS
'Mends what check_keys() tells, but for an id on two rows, and returns how many keys it changed. An existing hash never changes.';
