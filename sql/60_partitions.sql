-- Partitions by month, and the ledger's health

CREATE FUNCTION usage_mgmt.ensure_partitions(from_date timestamptz, to_date timestamptz)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	months timestamp[];
	month timestamp;
	made integer := 0;
BEGIN
	IF NOT isfinite(from_date) OR NOT isfinite(to_date) THEN
		RAISE EXCEPTION 'partitions from % to % would have no end', from_date, to_date
			USING ERRCODE = 'datetime_field_overflow';
	ELSIF from_date < '0001-01-01 00:00+00' OR to_date >= '10000-01-01 00:00+00' THEN
		RAISE EXCEPTION 'no usage is of all the months from % to %', from_date, to_date
			USING ERRCODE = 'datetime_field_overflow', HINT = 'Dates are of the years 1 to 9999.';
	END IF;
	months := ARRAY(
		SELECT m FROM generate_series(date_trunc('month', from_date AT TIME ZONE 'UTC'),
			to_date AT TIME ZONE 'UTC', interval '1 month') m
		WHERE (SELECT bool_and(usage_mgmt.keeps_ledger(relid))
			FROM pg_partition_tree(to_regclass(usage_mgmt.partition_name(m)))) IS NOT TRUE);
	IF months = '{}' THEN
		RETURN 0;
	END IF;
	-- One at a time makes or drops partitions; loads and readers go on.
	LOCK TABLE ONLY usage_mgmt.usage IN SHARE UPDATE EXCLUSIVE MODE;
	FOREACH month IN ARRAY months LOOP
		made := made + usage_mgmt.ensure_partition(month)::integer;
	END LOOP;
	RETURN made;
END
$$;
COMMENT ON FUNCTION usage_mgmt.ensure_partitions(timestamptz, timestamptz) IS
'Makes the partitions of the months (in UTC) that hold these dates and all between; moves what the default partition has of them. Returns how many it made. Must not run inside a load.';

CREATE FUNCTION usage_mgmt.partition_name(month timestamp) RETURNS text
LANGUAGE sql STABLE
RETURN format('usage_mgmt.%I', 'usage_p' || to_char(month, 'YYYYMM'));
COMMENT ON FUNCTION usage_mgmt.partition_name(timestamp) IS
'What the partition of the month that starts there (UTC) is called. Part of ensure_partitions().';

-- A leaf has four triggers; a partition that has partitions itself hands a TRUNCATE down.
CREATE FUNCTION usage_mgmt.keeps_ledger(relation regclass) RETURNS boolean
LANGUAGE sql STABLE
RETURN (SELECT count(*) FROM pg_trigger
		WHERE tgrelid = relation AND tgname LIKE 'usage\_keys\_%' AND tgenabled <> 'D')
	>= (SELECT CASE relkind WHEN 'p' THEN 3 ELSE 4 END FROM pg_class WHERE oid = relation);
COMMENT ON FUNCTION usage_mgmt.keeps_ledger(regclass) IS
'Whether a partition has the triggers that keep the ledger. Part of ensure_partitions() and check_keys().';

CREATE FUNCTION usage_mgmt.ensure_partition(month timestamp) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	leaf text := usage_mgmt.partition_name(month);
	first_day text := to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00';
	last_day text := to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00';
	owner text := (SELECT relowner::regrole FROM pg_class WHERE oid = 'usage_mgmt.usage'::regclass);
	parts regclass[];
BEGIN
	IF to_regclass(leaf) IS NOT NULL THEN
		parts := ARRAY(SELECT relid FROM pg_partition_tree(leaf::regclass));
		IF parts = '{}' THEN
			RAISE EXCEPTION 'table "%" is there, but no partition of usage', leaf
				USING ERRCODE = 'duplicate_table',
				HINT = 'Attach it, or give it another name.';
		END IF;
		PERFORM usage_mgmt.install_key_triggers(part) FROM unnest(parts) part;
		RETURN false;
	END IF;
	EXECUTE format('CREATE TABLE %s (LIKE usage_mgmt.usage INCLUDING ALL)', leaf);
	EXECUTE format('ALTER TABLE %s OWNER TO %s', leaf, owner);
	-- ATTACH would take this lock, behind which nobody adds to what is to move.
	LOCK TABLE ONLY usage_mgmt.usage_default IN ACCESS EXCLUSIVE MODE;
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
	reference pg_constraint;
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
	-- The action of a foreign key fires where no other trigger may.
	SELECT * INTO reference FROM pg_constraint
		WHERE contype = 'f' AND confrelid = 'usage_mgmt.usage'::regclass AND conparentid = 0
		ORDER BY conname LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'usages that a foreign key may refer to cannot move from the default partition to their own'
			USING ERRCODE = 'dependent_objects_still_exist',
			DETAIL = format('Constraint "%s" of table %s refers to usage; the rows are from %s to %s.',
				reference.conname, reference.conrelid::regclass, from_date, to_date),
			HINT = 'Drop the foreign key, call ensure_partitions() and add the foreign key again.';
	END IF;
	-- The rows stay what they are, and so do their keys: no trigger may fire.
	enable := usage_mgmt.disable_triggers('usage_mgmt.usage_default'::regclass);
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
	before timestamptz, forget_ids boolean DEFAULT false, billed boolean DEFAULT false,
	unbilled boolean DEFAULT false)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET datestyle = ISO	-- others write bounds with zones that cannot be read back
SET row_security = off	-- what a policy hides would be dropped unseen
AS $$
DECLARE
	leaves regclass[];
	leaf regclass;
BEGIN
	IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
		RAISE EXCEPTION 'partitions cannot be dropped in a transaction that does not see what others stored meanwhile'
			USING ERRCODE = 'feature_not_supported',
			HINT = 'Use the isolation level READ COMMITTED.';
	END IF;
	LOCK TABLE ONLY usage_mgmt.usage IN SHARE UPDATE EXCLUSIVE MODE;
	leaves := ARRAY(
		SELECT c.oid::regclass
		FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'usage_mgmt.usage'::regclass
		AND substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \(''(.*)''\)')::timestamptz <= before
		ORDER BY 1);
	IF leaves = '{}' THEN
		RETURN 0;
	END IF;
	-- Refused, if so, before anybody waits; and again when nobody can add to them.
	PERFORM usage_mgmt.refuse_drop(leaves, billed, unbilled);
	EXECUTE format('LOCK TABLE ONLY usage_mgmt.usage, %s IN ACCESS EXCLUSIVE MODE', array_to_string(leaves, ', '));
	PERFORM usage_mgmt.refuse_drop(leaves, billed, unbilled);
	FOREACH leaf IN ARRAY leaves LOOP
		IF forget_ids THEN
			EXECUTE format('DELETE FROM usage_mgmt.usage_key k USING %s u WHERE k.id = u.id', leaf);
		END IF;
		-- A foreign key that refers to usage lets none be dropped that is attached.
		EXECUTE format('ALTER TABLE usage_mgmt.usage DETACH PARTITION %s', leaf);
		EXECUTE format('DROP TABLE %s', leaf);
	END LOOP;
	RETURN cardinality(leaves);
END
$$;
COMMENT ON FUNCTION usage_mgmt.drop_partitions(timestamptz, boolean, boolean, boolean) IS
'Drops the partitions that end at or before that time, all or none, and returns how many. Their ids stay known, so that none is taken again, unless forget_ids. Refused (UM003) where they hold billed usages, unless billed, or others than billed and rejected ones, unless unbilled.';

CREATE FUNCTION usage_mgmt.refuse_drop(leaves regclass[], billed boolean, unbilled boolean) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	usages text;
	places text;
	arguments text;
BEGIN
	IF billed AND unbilled THEN
		RETURN;
	END IF;
	EXECUTE format($sql$
		WITH usage AS NOT MATERIALIZED (SELECT * FROM (%s) u
			WHERE status <> 'rejected' AND NOT CASE status WHEN 'billed' THEN $1 ELSE $2 END),
		number AS (SELECT leaf, status, count(*) AS n FROM usage GROUP BY leaf, status),
		amount AS (SELECT leaf, currency_code, sum(tax_included_rating_amount) AS amount
			FROM usage, unnest(rated_product_usage) GROUP BY leaf, currency_code)
		SELECT (SELECT string_agg(n || ' ' || status, ', ' ORDER BY status)
				FROM (SELECT status, sum(n) AS n FROM number GROUP BY status) s),
			(SELECT string_agg(concat(leaf, ': ', statuses, '; ' || amounts), E'\n' ORDER BY leaf)
				FROM (SELECT leaf, string_agg(n || ' ' || status, ', ' ORDER BY status) AS statuses
					FROM number GROUP BY leaf) s
				LEFT JOIN (SELECT leaf, string_agg(currency_code || ' ' || amount, ', ' ORDER BY currency_code) AS amounts
					FROM amount GROUP BY leaf) a USING (leaf)),
			(SELECT concat(CASE WHEN bool_or(status = 'billed') THEN ', billed => true' END,
				CASE WHEN bool_or(status <> 'billed') THEN ', unbilled => true' END) FROM number)
		$sql$, (SELECT string_agg(format('SELECT %L AS leaf, status, rated_product_usage FROM %s', leaf, leaf), ' UNION ALL ')
			FROM unnest(leaves) leaf))
		INTO usages, places, arguments USING coalesce(billed, false), coalesce(unbilled, false);
	IF usages IS NOT NULL THEN
		RAISE EXCEPTION 'partitions to be dropped hold usages: %', usages
			USING ERRCODE = 'UM003', DETAIL = places,
			HINT = format('drop_partitions(before%s) drops them all the same.', arguments);
	END IF;
END
$$;
COMMENT ON FUNCTION usage_mgmt.refuse_drop(regclass[], boolean, boolean) IS
'Raises UM003 where these partitions hold usages that must not be dropped; says how many and what amounts. Part of drop_partitions().';

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
		SELECT NULL::text, NULL::timestamptz, format('partition %s does not keep the ledger', p.relid)
		FROM pg_partition_tree('usage_mgmt.usage') p
		WHERE p.level > 0 AND NOT usage_mgmt.keeps_ledger(p.relid);
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
	PERFORM usage_mgmt.install_key_triggers(relid) FROM pg_partition_tree('usage_mgmt.usage');
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
