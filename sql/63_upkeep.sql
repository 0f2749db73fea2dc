-- Retention of the outboxes. Each resource has three tables of events: the one that
-- is written to, the one before, which is kept for replays, and the next, which is
-- emptied as soon as everybody has read it, or the limit says so.

CREATE FUNCTION usage_mgmt.hub_upkeep(OUT outbox text, OUT done text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_hub_upkeep' LANGUAGE C VOLATILE
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.hub_upkeep() IS
'Switches outboxes to their next tables, and empties tables that nobody needs; returns what it did. For the owner of the tables and agents, outside a transaction block: it empties one table a call, and readers wait for it until the commit. confirm_events() does it, too, in a session at most once in ten seconds.';

CREATE FUNCTION usage_mgmt.hub_outboxes(
	OUT resource text, OUT outbox text, OUT rows bigint, OUT bytes bigint,
	OUT oldest timestamptz, OUT newest timestamptz, OUT kept text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_hub_outboxes' LANGUAGE C VOLATILE
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.hub_outboxes() IS
'The tables of events: about how many rows each has, how large it is, when its first and last events were written, and why it is kept. For the owner of the tables and agents.';

CREATE FUNCTION usage_mgmt.hub_missed(
	"position" text, resource text, turn integer, most bigint, OUT events bigint, OUT since timestamptz)
AS 'MODULE_PATHNAME', 'um_hub_missed' LANGUAGE C VOLATILE STRICT
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.hub_missed(text, text, integer, bigint) IS
'How many rows of a table of events are behind a position, where they are more than most about, and when the first was written. Part of hub_upkeep().';

CREATE FUNCTION usage_mgmt.hub_next_xid() RETURNS bigint
AS 'MODULE_PATHNAME', 'um_hub_next_xid' LANGUAGE C VOLATILE
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.hub_next_xid() IS
'A transaction id from which on writers know which tables of events are written to; null while somebody who has switched is not over. Part of hub_upkeep().';

CREATE FUNCTION usage_mgmt.hub_dropped(resource text, leaf regclass) RETURNS void
AS 'MODULE_PATHNAME', 'um_hub_dropped' LANGUAGE C VOLATILE STRICT
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.hub_dropped(text, regclass) IS
'Writes that all rows of a partition are deleted, if somebody listens and the setting drop_events is on. Part of drop_partitions().';

CREATE FUNCTION usage_mgmt.setting_value(name text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN coalesce((SELECT s.value FROM usage_mgmt.setting s WHERE s.name = setting_value.name),
		(SELECT d.value FROM usage_mgmt.setting_defaults() d WHERE d.name = setting_value.name));
END
$$;
COMMENT ON FUNCTION usage_mgmt.setting_value(text) IS
'What is ordered, or else the default, for who may read the table setting.';

CREATE FUNCTION usage_mgmt.hub_upkeep_all(OUT outbox text, OUT done text) RETURNS SETOF record
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mine text[];
	next bigint;
	t record;
BEGIN
	IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
		RAISE EXCEPTION 'outboxes cannot be kept up in a transaction that does not see what others do meanwhile'
			USING ERRCODE = 'feature_not_supported', HINT = 'Use the isolation level READ COMMITTED.';
	END IF;
	IF NOT EXISTS (SELECT FROM usage_mgmt.hub_listener WHERE state <> 'gone')
		AND NOT EXISTS (SELECT FROM usage_mgmt.hub_outbox o, generate_series(0, 2) n
			WHERE pg_relation_size(usage_mgmt.hub_outbox_table(o.resource, n)) > 0) THEN
		RETURN;
	END IF;
	PERFORM usage_mgmt.hub_note_time(), usage_mgmt.hub_prune_attempts();
	-- Where another one is at it, it is done.
	mine := ARRAY(SELECT o.resource FROM usage_mgmt.hub_outbox o
		WHERE o.resource IN (SELECT noun FROM usage_mgmt.resources()) ORDER BY 1 FOR UPDATE SKIP LOCKED);
	-- Before this transaction switches, and behind the locks: then no other does.
	next := usage_mgmt.hub_next_xid();
	UPDATE usage_mgmt.hub_outbox o SET next_xid = next, life = usage_mgmt.hub_life()
		WHERE o.resource = ANY (mine) AND next IS NOT NULL
		AND (o.next_xid IS NULL OR o.life <> usage_mgmt.hub_life());
	FOR t IN SELECT h.* FROM unnest(mine) r, usage_mgmt.hub_tables(r) h WHERE h.due LOOP
		UPDATE usage_mgmt.hub_outbox o SET turn = (t.turn + 1) % 3, next_xid = NULL, switched_at = clock_timestamp()
			WHERE o.resource = t.noun;
		outbox := usage_mgmt.hub_outbox_table(t.noun, t.turn);
		done := 'is written to no more';
		RETURN NEXT;
	END LOOP;
	-- Last of all and one alone, since readers wait from here on.
	FOR t IN SELECT h.* FROM unnest(mine) r, usage_mgmt.hub_tables(r) h
		WHERE h.filled AND h.drained AND h.place <> 'written to'
		AND (h.over OR h.place = 'next' AND usage_mgmt.hub_waited_for(h.noun, h.turn) IS NULL)
	LOOP
		outbox := usage_mgmt.hub_outbox_table(t.noun, t.turn);
		done := usage_mgmt.hub_empty(t.noun, t.turn);
		RETURN NEXT;
		EXIT WHEN done = 'emptied';
	END LOOP;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_upkeep_all() IS 'hub_upkeep() as the owner of the tables.';

CREATE FUNCTION usage_mgmt.hub_outbox_table(resource text, turn integer) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN format('usage_mgmt.%I', format('%s_event_%s', resource, turn));
COMMENT ON FUNCTION usage_mgmt.hub_outbox_table(text, integer) IS
'The name of a table of events. Part of hub_upkeep().';

CREATE FUNCTION usage_mgmt.hub_note_time() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	last record;
	oldest timestamptz;
	-- a tick draws no number itself: usage_mgmt_stat counts events by these
	drawn bigint := (SELECT s.last_value - (NOT s.is_called)::integer FROM usage_mgmt.hub_event_seq s);
BEGIN
	SELECT t.seq, t.at INTO last FROM usage_mgmt.hub_tick t ORDER BY t.seq DESC LIMIT 1;
	IF (NOT FOUND OR last.at < clock_timestamp() - interval '10 s'
		-- without a number drawn since, nothing has happened
		AND last.seq < drawn)
		-- another one would be waited for, who notes the same
		AND pg_try_advisory_xact_lock(hashtextextended('usage_mgmt.hub_tick', 0)) THEN
		INSERT INTO usage_mgmt.hub_tick (seq, position) VALUES (drawn, usage_mgmt.hub_position()) ON CONFLICT DO NOTHING;
	END IF;
	oldest := (SELECT coalesce(min(h.oldest), now()) FROM usage_mgmt.resources() r, usage_mgmt.hub_tables(r.noun) h);
	-- The last that lies before all that is kept is the first that is asked for.
	IF (SELECT t.at <= oldest FROM usage_mgmt.hub_tick t ORDER BY t.seq OFFSET 1 LIMIT 1) THEN
		DELETE FROM usage_mgmt.hub_tick d
			WHERE d.seq < (SELECT max(t.seq) FROM usage_mgmt.hub_tick t WHERE t.at <= oldest);
	END IF;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_note_time() IS
'Notes the position that is reached now, for replay_events(), at most once in ten seconds; forgets those from before all that is kept. Part of hub_upkeep().';

CREATE FUNCTION usage_mgmt.hub_tables(
	resource text, OUT noun text, OUT turn integer, OUT place text, OUT bytes bigint, OUT filled boolean,
	OUT oldest timestamptz, OUT newest timestamptz, OUT drained boolean, OUT over boolean, OUT due boolean)
RETURNS SETOF record
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	age interval := usage_mgmt.setting_value('event_retention_age');
	size bigint := pg_size_bytes(usage_mgmt.setting_value('event_retention_size'));
	small CONSTANT bigint := 64 * 1024 * 1024;	-- not worth a switch, but for age
	total bigint := (SELECT sum(pg_total_relation_size(usage_mgmt.hub_outbox_table(resource, n)))
		FROM generate_series(0, 2) n);
	o record;
	older boolean := false;
	next_filled boolean;
BEGIN
	SELECT b.turn, b.life = usage_mgmt.hub_life()
			AND b.next_xid <= pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS drained
		INTO STRICT o FROM usage_mgmt.hub_outbox b WHERE b.resource = hub_tables.resource;
	FOR n IN 1 .. 3 LOOP
		noun := resource;
		turn := (o.turn + n) % 3;
		place := (ARRAY['next', 'before', 'written to'])[n];
		bytes := pg_total_relation_size(usage_mgmt.hub_outbox_table(resource, turn));
		filled := pg_relation_size(usage_mgmt.hub_outbox_table(resource, turn)) > 0;
		EXECUTE format('SELECT (SELECT event_at FROM %1$s ORDER BY event_seq LIMIT 1),
			(SELECT event_at FROM %1$s ORDER BY event_seq DESC LIMIT 1)',
			usage_mgmt.hub_outbox_table(resource, turn)) INTO oldest, newest;
		drained := coalesce(o.drained, false);
		-- The oldest goes first, also where it cannot.
		over := filled AND NOT older AND place <> 'written to'
			AND coalesce(newest < now() - age OR total > size, true);
		due := filled AND place = 'written to' AND NOT coalesce(next_filled, true) AND (oldest < now() - age / 3 OR bytes > size / 3
			OR bytes > small AND usage_mgmt.hub_waited_for(resource, (turn + 2) % 3) IS NULL);
		older := older OR filled;
		next_filled := coalesce(next_filled, filled);
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_tables(text) IS
'The three tables of events of a resource, the oldest first: drained, nothing comes to them any more; over, they are beyond what is to be kept; due, the next one is to be written to. Part of hub_upkeep().';

CREATE FUNCTION usage_mgmt.hub_waited_for(resource text, turn integer) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT w.id FROM (SELECT l.id, c.position FROM usage_mgmt.hub_listener l
				LEFT JOIN usage_mgmt.hub_cursor c ON c.listener = l.id
				WHERE l.resource = hub_waited_for.resource AND l.state <> 'gone' ORDER BY l.id OFFSET 0) w
		WHERE w.position IS NULL OR (SELECT m.events > 0 FROM usage_mgmt.hub_missed(w.position, resource, turn, 1) m)
		LIMIT 1);
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_waited_for(text, integer) IS
'A listener that has not confirmed all that a table of events holds; null for none. Part of hub_upkeep().';

CREATE FUNCTION usage_mgmt.hub_empty(resource text, turn integer) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '50ms'	-- whoever comes later waits behind us
AS $$
DECLARE
	c record;
BEGIN
	FOR c IN SELECT k.listener, k.position FROM usage_mgmt.hub_listener l JOIN usage_mgmt.hub_cursor k ON k.listener = l.id
		WHERE l.resource = hub_empty.resource AND l.state <> 'gone'
		AND (SELECT m.events > 0 FROM usage_mgmt.hub_missed(k.position, l.resource, hub_empty.turn, 1) m)
		ORDER BY 1 FOR UPDATE OF k
	LOOP
		UPDATE usage_mgmt.hub_cursor k
			SET lost = k.lost + m.events, lost_from = least(k.lost_from, m.since), lost_at = clock_timestamp()
			FROM usage_mgmt.hub_missed(c.position, resource, turn, 1000) m
			WHERE k.listener = c.listener AND m.events > 0;
	END LOOP;
	EXECUTE format('TRUNCATE %s', usage_mgmt.hub_outbox_table(resource, turn));
	RETURN 'emptied';
EXCEPTION WHEN lock_not_available OR object_in_use OR deadlock_detected THEN
	RETURN 'is locked';
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_empty(text, integer) IS
'Empties a table of events, and marks the listeners that lose some by it; later, where somebody has it locked. Part of hub_upkeep().';

CREATE FUNCTION usage_mgmt.hub_outboxes_all(
	OUT resource text, OUT outbox text, OUT rows bigint, OUT bytes bigint,
	OUT oldest timestamptz, OUT newest timestamptz, OUT kept text) RETURNS SETOF record
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t record;
	listener text;
	holder integer;
BEGIN
	FOR t IN SELECT h.* FROM usage_mgmt.resources() r, usage_mgmt.hub_tables(r.noun) h ORDER BY h.noun, h.turn LOOP
		resource := t.noun;
		outbox := usage_mgmt.hub_outbox_table(t.noun, t.turn);
		rows := CASE WHEN t.filled THEN pg_stat_get_live_tuples(outbox::regclass) ELSE 0 END;
		bytes := t.bytes;
		oldest := t.oldest;
		newest := t.newest;
		listener := CASE WHEN t.filled AND t.place = 'next' THEN usage_mgmt.hub_waited_for(t.noun, t.turn) END;
		holder := (SELECT min(l.pid) FROM pg_locks l WHERE l.locktype = 'relation' AND l.granted
			AND l.relation = outbox::regclass AND l.pid <> pg_backend_pid()
			AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()));
		kept := CASE WHEN t.place = 'written to' THEN 'written to'
			WHEN NOT t.filled THEN NULL
			WHEN NOT t.drained THEN 'transactions from before the switch are open'
			WHEN t.place = 'before' AND NOT t.over THEN 'for replays'
			WHEN listener IS NOT NULL AND NOT t.over THEN format('listener %s has not confirmed all', listener)
			WHEN holder IS NOT NULL THEN format('process %s has locked it', holder)
			ELSE 'to be emptied' END;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_outboxes_all() IS 'hub_outboxes() as the owner of the tables.';
