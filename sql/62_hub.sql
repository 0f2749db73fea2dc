-- Stub of the hub's listeners and cursors, to be replaced: just what the functions for the agent stand on

CREATE FUNCTION usage_mgmt.install_hub() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	CREATE SEQUENCE IF NOT EXISTS usage_mgmt.hub_listener_id_seq;
	CREATE TABLE IF NOT EXISTS usage_mgmt.hub_listener (
		id text COLLATE "C" NOT NULL DEFAULT nextval('usage_mgmt.hub_listener_id_seq')::text,
		resource text COLLATE "C" NOT NULL,
		callback text,
		query text NOT NULL DEFAULT '',
		version text,
		owner text NOT NULL DEFAULT CURRENT_USER,
		state text NOT NULL DEFAULT 'starting',
		reason text,
		kinds text[],
		start_at bigint,
		registered_at timestamptz NOT NULL DEFAULT now(),
		changed_at timestamptz NOT NULL DEFAULT now(),
		CONSTRAINT hub_listener_pkey PRIMARY KEY (id),
		CONSTRAINT hub_listener_state CHECK (state IN ('starting', 'active', 'paused', 'quarantined', 'gone'))
	);
	ALTER SEQUENCE usage_mgmt.hub_listener_id_seq OWNED BY usage_mgmt.hub_listener.id;
	PERFORM usage_mgmt.install_comment('usage_mgmt.hub_listener', NULL, 'Who is told of changes.');
	CREATE TABLE IF NOT EXISTS usage_mgmt.hub_cursor (
		listener text COLLATE "C" NOT NULL,
		"position" text,
		confirmed_at timestamptz,
		lost_from timestamptz,
		lost bigint NOT NULL DEFAULT 0,
		CONSTRAINT hub_cursor_pkey PRIMARY KEY (listener)
	);
	PERFORM usage_mgmt.install_comment('usage_mgmt.hub_cursor', NULL, 'How far each listener has read.');
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_hub() IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.confirm_events(listener text, "position" text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	INSERT INTO usage_mgmt.hub_cursor AS c (listener, position, confirmed_at) VALUES ($1, $2, now())
		ON CONFLICT (listener) DO UPDATE SET position = excluded.position, confirmed_at = excluded.confirmed_at;
	RETURN true;
END
$$;
COMMENT ON FUNCTION usage_mgmt.confirm_events(text, text) IS 'Moves a listener''s cursor.';

CREATE FUNCTION usage_mgmt.hub_event(listener text, event_id text) RETURNS json
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN CASE WHEN event_id LIKE 'kept %' THEN json_build_object('eventId', event_id, 'eventType', 'UsageCreateNotification',
		'event', json_build_object('usage', json_build_object('id', substr(event_id, 6)))) END;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_event(text, text) IS 'One event again, null where it is not kept any more.';

CREATE FUNCTION usage_mgmt.hub_lag("position" text, resource text, OUT events bigint, OUT seconds double precision)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	events := 0;
	seconds := 0;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_lag(text, text) IS 'How far a position lies behind.';
