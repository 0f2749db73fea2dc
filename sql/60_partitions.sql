-- Partitions by month, and the ledger's health

CREATE FUNCTION usage_mgmt.ensure_partitions(
	from_date timestamptz, to_date timestamptz, resource text DEFAULT 'usage')
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	months timestamp[];
	month timestamp;
	made integer := 0;
BEGIN
	PERFORM usage_mgmt.date_column(resource);
	IF NOT isfinite(from_date) OR NOT isfinite(to_date) THEN
		RAISE EXCEPTION 'partitions from % to % would have no end', from_date, to_date
			USING ERRCODE = 'datetime_field_overflow';
	ELSIF from_date < '0001-01-01 00:00+00' OR to_date >= '10000-01-01 00:00+00' THEN
		RAISE EXCEPTION 'nothing is of all the months from % to %', from_date, to_date
			USING ERRCODE = 'datetime_field_overflow', HINT = 'Dates are of the years 1 to 9999.';
	END IF;
	months := ARRAY(
		SELECT m FROM generate_series(date_trunc('month', from_date AT TIME ZONE 'UTC'),
			to_date AT TIME ZONE 'UTC', interval '1 month') m
		WHERE (SELECT bool_and(usage_mgmt.keeps_ledger(relid, resource))
			FROM pg_partition_tree(to_regclass(usage_mgmt.partition_name(resource, m)))) IS NOT TRUE);
	IF months = '{}' THEN
		RETURN 0;
	END IF;
	-- One at a time makes or drops partitions; loads and readers go on.
	EXECUTE format('LOCK TABLE ONLY usage_mgmt.%I IN SHARE UPDATE EXCLUSIVE MODE', resource);
	FOREACH month IN ARRAY months LOOP
		made := made + usage_mgmt.ensure_partition(resource, month)::integer;
	END LOOP;
	RETURN made;
END
$$;
COMMENT ON FUNCTION usage_mgmt.ensure_partitions(timestamptz, timestamptz, text) IS
'Makes a resource''s partitions of the months (in UTC) that hold these dates and all between; moves what the default partition has of them. Returns how many it made. Must not run inside a load.';

CREATE FUNCTION usage_mgmt.date_column(resource text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found text := (SELECT date_column FROM usage_mgmt.resources() WHERE noun = resource);
BEGIN
	IF found IS NULL THEN
		RAISE EXCEPTION 'resource "%" has no partitions', resource
			USING ERRCODE = 'invalid_parameter_value',
			HINT = format('Those that have are %s.', (SELECT string_agg(noun, ', ')
				FROM usage_mgmt.resources() WHERE date_column IS NOT NULL));
	END IF;
	RETURN found;
END
$$;
COMMENT ON FUNCTION usage_mgmt.date_column(text) IS
'The column by which a resource is partitioned; 22023 for one that is not.';

CREATE FUNCTION usage_mgmt.partition_name(resource text, month timestamp) RETURNS text
LANGUAGE sql STABLE
RETURN format('usage_mgmt.%I', resource || '_p' || to_char(month, 'YYYYMM'));
COMMENT ON FUNCTION usage_mgmt.partition_name(text, timestamp) IS
'What the partition of the month that starts there (UTC) is called. Part of ensure_partitions().';

-- A leaf has four triggers; a partition that has partitions itself hands a TRUNCATE down.
CREATE FUNCTION usage_mgmt.keeps_ledger(relation regclass, resource text) RETURNS boolean
LANGUAGE sql STABLE
RETURN (SELECT count(*) FROM pg_trigger
		WHERE tgrelid = relation AND starts_with(tgname::text, resource || '_keys_') AND tgenabled <> 'D')
	>= (SELECT CASE relkind WHEN 'p' THEN 3 ELSE 4 END FROM pg_class WHERE oid = relation);
COMMENT ON FUNCTION usage_mgmt.keeps_ledger(regclass, text) IS
'Whether a partition has the triggers that keep the ledger. Part of ensure_partitions() and check_keys().';

CREATE FUNCTION usage_mgmt.ensure_partition(resource text, month timestamp) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	parent regclass := format('usage_mgmt.%I', resource);
	rest regclass := format('usage_mgmt.%I', resource || '_default');
	leaf text := usage_mgmt.partition_name(resource, month);
	first_day text := to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00';
	last_day text := to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00';
	owner text := (SELECT relowner::regrole FROM pg_class WHERE oid = parent);
	parts regclass[];
BEGIN
	IF to_regclass(leaf) IS NOT NULL THEN
		parts := ARRAY(SELECT relid FROM pg_partition_tree(leaf::regclass));
		IF parts = '{}' THEN
			RAISE EXCEPTION 'table "%" is there, but no partition of %', leaf, resource
				USING ERRCODE = 'duplicate_table',
				HINT = 'Attach it, or give it another name.';
		END IF;
		PERFORM usage_mgmt.install_key_triggers(part, resource) FROM unnest(parts) part;
		RETURN false;
	END IF;
	EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING ALL)', leaf, parent);
	EXECUTE format('ALTER TABLE %s OWNER TO %s', leaf, owner);
	-- ATTACH would take this lock, behind which nobody adds to what is to move.
	EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', rest);
	PERFORM usage_mgmt.empty_default(parent, rest, usage_mgmt.date_column(resource), leaf,
		first_day::timestamptz, last_day::timestamptz);
	EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)',
		parent, leaf, first_day, last_day);
	PERFORM usage_mgmt.install_key_triggers(leaf::regclass, resource);
	RETURN true;
END
$$;
COMMENT ON FUNCTION usage_mgmt.ensure_partition(text, timestamp) IS
'Makes the partition of the month that starts there (UTC); true where there was none. Part of ensure_partitions().';

CREATE FUNCTION usage_mgmt.empty_default(
	parent regclass, rest regclass, date_column text, leaf text, from_date timestamptz, to_date timestamptz)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	reference pg_constraint;
	columns text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum)
		FROM pg_attribute
		WHERE attrelid = parent AND attnum > 0
		AND NOT attisdropped AND attgenerated = '');
	occupied boolean;
	enable text[];
	statement text;
BEGIN
	EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE %I >= $1 AND %2$I < $2)', rest, date_column)
		INTO occupied USING from_date, to_date;
	IF NOT occupied THEN
		RETURN;
	END IF;
	-- The action of a foreign key fires where no other trigger may.
	SELECT * INTO reference FROM pg_constraint
		WHERE contype = 'f' AND confrelid = parent AND conparentid = 0
		ORDER BY conname LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'rows that a foreign key may refer to cannot move from the default partition to their own'
			USING ERRCODE = 'dependent_objects_still_exist',
			DETAIL = format('Constraint "%s" of table %s refers to %s; the rows are from %s to %s.',
				reference.conname, reference.conrelid::regclass, parent, from_date, to_date),
			HINT = 'Drop the foreign key, call ensure_partitions() and add the foreign key again.';
	END IF;
	-- The rows stay what they are, and so do their keys: no trigger may fire.
	enable := usage_mgmt.disable_triggers(rest);
	EXECUTE format('WITH moved AS (DELETE FROM %s WHERE %I >= $1 AND %2$I < $2 RETURNING *)
		INSERT INTO %s (%s) SELECT %4$s FROM moved', rest, date_column, leaf, columns)
		USING from_date, to_date;
	FOREACH statement IN ARRAY enable LOOP
		EXECUTE statement;
	END LOOP;
END
$$;
COMMENT ON FUNCTION usage_mgmt.empty_default(regclass, regclass, text, text, timestamptz, timestamptz) IS
'Moves a month''s rows from the default partition to its coming own. Part of ensure_partitions().';

CREATE FUNCTION usage_mgmt.drop_partitions(
	before timestamptz, forget_ids boolean DEFAULT false, billed boolean DEFAULT false,
	unbilled boolean DEFAULT false, resource text DEFAULT 'usage')
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET datestyle = ISO	-- others write bounds with zones that cannot be read back
SET row_security = off	-- what a policy hides would be dropped unseen
AS $$
DECLARE
	parent regclass := CASE WHEN usage_mgmt.date_column(resource) <> '' THEN format('usage_mgmt.%I', resource) END;
	ledger text := (SELECT r.ledger FROM usage_mgmt.resources() r WHERE noun = resource);
	leaves regclass[];
	leaf regclass;
BEGIN
	IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
		RAISE EXCEPTION 'partitions cannot be dropped in a transaction that does not see what others stored meanwhile'
			USING ERRCODE = 'feature_not_supported',
			HINT = 'Use the isolation level READ COMMITTED.';
	END IF;
	EXECUTE format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', parent);
	leaves := ARRAY(
		SELECT c.oid::regclass
		FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = parent
		AND substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \(''(.*)''\)')::timestamptz <= before
		ORDER BY 1);
	IF leaves = '{}' THEN
		RETURN 0;
	END IF;
	-- Refused, if so, before anybody waits; and again when nobody can add to them.
	PERFORM usage_mgmt.refuse_drop(resource, leaves, billed, unbilled);
	EXECUTE format('LOCK TABLE ONLY %s, %s IN ACCESS EXCLUSIVE MODE', parent, array_to_string(leaves, ', '));
	PERFORM usage_mgmt.refuse_drop(resource, leaves, billed, unbilled);
	FOREACH leaf IN ARRAY leaves LOOP
		IF forget_ids THEN
			EXECUTE format('DELETE FROM usage_mgmt.%I k USING %s u WHERE k.id = u.id', ledger, leaf);
		END IF;
		PERFORM usage_mgmt.hub_dropped(resource, leaf);
		-- A foreign key that refers to the parent lets none be dropped that is attached.
		EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', parent, leaf);
		EXECUTE format('DROP TABLE %s', leaf);
	END LOOP;
	RETURN cardinality(leaves);
END
$$;
COMMENT ON FUNCTION usage_mgmt.drop_partitions(timestamptz, boolean, boolean, boolean, text) IS
'Drops the partitions of a resource that end at or before that time, all or none, and returns how many. Their ids stay known, so that none is taken again, unless forget_ids. Refused (UM003) where they hold what is billed, unless billed, or what is neither billed nor rejected, unless unbilled; a resource that no status closes is not asked about. Each row is a delete event, unless the setting drop_events is off.';

CREATE FUNCTION usage_mgmt.refuse_drop(resource text, leaves regclass[], billed boolean, unbilled boolean) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	r record;
	rows text;
	places text;
	arguments text;
BEGIN
	SELECT *, (SELECT name FROM usage_mgmt.resource_columns(noun) WHERE view = 'rating') AS ratings
		INTO r FROM usage_mgmt.resources() WHERE noun = resource;
	IF billed AND unbilled OR r.closed = '{}' THEN
		RETURN;
	END IF;
	EXECUTE format($sql$
		WITH one AS NOT MATERIALIZED (SELECT leaf, status, status = ANY (%L) AS closed, ratings FROM (%s) u
			WHERE status <> ALL (%L) AND NOT CASE WHEN status = ANY (%1$L) THEN $1 ELSE $2 END),
		number AS (SELECT leaf, status, closed, count(*) AS n FROM one GROUP BY leaf, status, closed),
		amount AS (SELECT leaf, currency_code, sum(tax_included_rating_amount) AS amount
			FROM one, unnest(ratings) GROUP BY leaf, currency_code)
		SELECT (SELECT string_agg(n || ' ' || status, ', ' ORDER BY status)
				FROM (SELECT status, sum(n) AS n FROM number GROUP BY status) s),
			(SELECT string_agg(concat(leaf, ': ', statuses, '; ' || amounts), E'\n' ORDER BY leaf)
				FROM (SELECT leaf, string_agg(n || ' ' || status, ', ' ORDER BY status) AS statuses
					FROM number GROUP BY leaf) s
				LEFT JOIN (SELECT leaf, string_agg(currency_code || ' ' || amount, ', ' ORDER BY currency_code) AS amounts
					FROM amount GROUP BY leaf) a USING (leaf)),
			(SELECT concat(CASE WHEN bool_or(closed) THEN ', billed => true' END,
				CASE WHEN bool_or(NOT closed) THEN ', unbilled => true' END) FROM number)
		$sql$, r.closed,
		(SELECT string_agg(format('SELECT %L AS leaf, status, %s AS ratings FROM %s', leaf,
			coalesce(quote_ident(r.ratings), 'NULL::usage_mgmt.rated_product_usage[]'), leaf), ' UNION ALL ')
			FROM unnest(leaves) leaf), r.rejected)
		INTO rows, places, arguments USING coalesce(billed, false), coalesce(unbilled, false);
	IF rows IS NOT NULL THEN
		RAISE EXCEPTION 'partitions to be dropped hold %s: %', r.label, rows
			USING ERRCODE = 'UM003', DETAIL = places,
			HINT = format('drop_partitions(before%s%s) drops them all the same.', arguments,
				CASE resource WHEN 'usage' THEN '' ELSE format(', resource => %L', resource) END);
	END IF;
END
$$;
COMMENT ON FUNCTION usage_mgmt.refuse_drop(text, regclass[], boolean, boolean) IS
'Raises UM003 where these partitions hold what must not be dropped; says how many and what amounts. Part of drop_partitions().';

CREATE FUNCTION usage_mgmt.check_keys(resource text DEFAULT 'usage')
RETURNS TABLE (id text, usage_date timestamptz, fault text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
AS $$
DECLARE
	date_column text := usage_mgmt.date_column(resource);
	ledger text := (SELECT r.ledger FROM usage_mgmt.resources() r WHERE noun = resource);
BEGIN
	RETURN QUERY EXECUTE format($sql$
		SELECT u.id, u.%2$I,
			CASE WHEN k.id IS NULL THEN 'has no key' ELSE 'its key has another date' END
		FROM usage_mgmt.%1$I u LEFT JOIN usage_mgmt.%3$I k ON k.id = u.id
		WHERE k.%2$I IS DISTINCT FROM u.%2$I$sql$, resource, date_column, ledger);
	RETURN QUERY EXECUTE format($sql$
		SELECT u.id, min(u.%2$I), 'has ' || count(*) || ' rows'
		FROM usage_mgmt.%1$I u GROUP BY u.id HAVING count(*) > 1$sql$, resource, date_column);
	RETURN QUERY
		SELECT NULL::text, NULL::timestamptz, format('partition %s does not keep the ledger', p.relid)
		FROM pg_partition_tree(format('usage_mgmt.%I', resource)::regclass) p
		WHERE p.level > 0 AND NOT usage_mgmt.keeps_ledger(p.relid, resource);
END
$$;
COMMENT ON FUNCTION usage_mgmt.check_keys(text) IS
'What a resource''s ledger has wrong, as it can be after logical replication, session_replication_role = replica or a partition attached by hand; no rows when all is well. A key without a row, kept by drop_partitions(), is no fault.';

CREATE FUNCTION usage_mgmt.rebuild_keys(resource text DEFAULT 'usage') RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
AS $$
DECLARE
	date_column text := usage_mgmt.date_column(resource);
	ledger text := (SELECT r.ledger FROM usage_mgmt.resources() r WHERE noun = resource);
	mended bigint;
	added bigint;
BEGIN
	PERFORM usage_mgmt.install_key_triggers(relid, resource)
		FROM pg_partition_tree(format('usage_mgmt.%I', resource)::regclass);
	EXECUTE format($sql$
		UPDATE usage_mgmt.%3$I k SET %2$I = u.%2$I
		FROM usage_mgmt.%1$I u
		WHERE u.id = k.id AND u.%2$I <> k.%2$I
		AND NOT EXISTS (SELECT FROM usage_mgmt.%1$I v WHERE v.id = k.id AND v.%2$I = k.%2$I)
		$sql$, resource, date_column, ledger);
	GET DIAGNOSTICS mended = ROW_COUNT;
	-- An id on two rows is 23505 here: only a person can say which is right.
	EXECUTE format($sql$
		INSERT INTO usage_mgmt.%3$I (id, %2$I, content_hash, hash_version)
		SELECT u.id, u.%2$I, usage_mgmt.content_hash(u), usage_mgmt.hash_version()
		FROM usage_mgmt.%1$I u
		WHERE NOT EXISTS (SELECT FROM usage_mgmt.%3$I k WHERE k.id = u.id)
		ORDER BY u.id$sql$, resource, date_column, ledger);
	GET DIAGNOSTICS added = ROW_COUNT;
	RETURN mended + added;
END
$$;
COMMENT ON FUNCTION usage_mgmt.rebuild_keys(text) IS
'Mends what check_keys() tells, but for an id on two rows, and returns how many keys it changed. An existing hash never changes.';
