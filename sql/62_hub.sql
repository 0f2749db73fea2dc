-- The hub: who listens, the outbox of each resource, and how events are read

CREATE FUNCTION usage_mgmt.install_hub() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	CREATE SEQUENCE IF NOT EXISTS usage_mgmt.hub_listener_id_seq;
	CREATE TABLE IF NOT EXISTS usage_mgmt.hub_listener (
		id text COLLATE "C" NOT NULL DEFAULT nextval('usage_mgmt.hub_listener_id_seq')::text,
		resource text NOT NULL,
		callback text,
		query text NOT NULL,
		version text NOT NULL,
		owner text NOT NULL,
		kinds text[] NOT NULL,
		state text NOT NULL,
		reason text,
		next_xid bigint,
		life bigint NOT NULL,
		registered_at timestamptz NOT NULL DEFAULT now(),
		changed_at timestamptz NOT NULL DEFAULT now(),
		CONSTRAINT hub_listener_pkey PRIMARY KEY (id),
		CONSTRAINT hub_listener_state CHECK (state IN ('starting', 'active', 'paused', 'quarantined', 'gone'))
	);
	PERFORM usage_mgmt.install_columns('usage_mgmt.hub_listener', '{hub}', ARRAY['text COLLATE "C"']);
	ALTER SEQUENCE usage_mgmt.hub_listener_id_seq OWNED BY usage_mgmt.hub_listener.id;
	PERFORM usage_mgmt.install_comment('usage_mgmt.hub_listener', name, comment)
		FROM (VALUES (NULL, 'Who listens to the events of a resource. Written by the functions of the hub alone.'),
			('resource', 'The noun of the resource: usage, usage_specification and so on.'),
			('callback', 'Where the agent delivers; null for who reads with next_events().'),
			('query', 'What it asks for, in TMF630 form.'),
			('version', 'The version of the standard that its events speak.'),
			('owner', 'The role that registered it, by whose rights events are read.'),
			('kinds', 'Changes of which writers keep an event for it: create, change, status, delete.'),
			('state', 'starting, active, paused, quarantined or gone.'),
			('reason', 'Why it is paused, quarantined or gone.'),
			('life', 'Of the database in which it may be read; a restored one is another.'),
			('next_xid', 'While it is starting: complete from the first transaction on that began behind this one.'),
			('hub', 'Of those that were registered together, at the hub of an API, the id of the first; null for that one, and for one by itself.')
		) AS c(name, comment);
	-- A callback is told once what it asks for.
	IF to_regclass('usage_mgmt.hub_listener_callback_key') IS NULL THEN
		CREATE UNIQUE INDEX hub_listener_callback_key
			ON usage_mgmt.hub_listener (owner, resource, callback, hashtextextended(query, 0)) WHERE state <> 'gone';
	END IF;
	-- What writers keep of it is forgotten as what they keep of settings is.
	PERFORM usage_mgmt.install_trigger('hub_listener', 'hub_listener_changed',
		'AFTER INSERT OR UPDATE OR DELETE', 'FOR EACH ROW', 'hub_changed', always => true);
	PERFORM usage_mgmt.install_trigger('hub_listener', 'hub_listener_changing',
		'BEFORE INSERT OR UPDATE OR DELETE', 'FOR EACH STATEMENT', 'hub_changed', always => true);

	CREATE TABLE IF NOT EXISTS usage_mgmt.hub_cursor (
		listener text COLLATE "C" NOT NULL,
		position text NOT NULL,
		confirmed_at timestamptz NOT NULL DEFAULT now(),
		lost bigint NOT NULL DEFAULT 0,
		lost_from timestamptz,
		lost_at timestamptz,
		CONSTRAINT hub_cursor_pkey PRIMARY KEY (listener),
		CONSTRAINT hub_cursor_listener_fkey FOREIGN KEY (listener)
			REFERENCES usage_mgmt.hub_listener ON DELETE CASCADE
	);
	PERFORM usage_mgmt.install_comment('usage_mgmt.hub_cursor', name, comment)
		FROM (VALUES (NULL, 'How far each listener has come.'),
			('position', 'All events up to there are confirmed.'),
			('lost', 'How many changes retention has taken away that it had not confirmed.'),
			('lost_from', 'When the first of these was.'),
			('lost_at', 'When the last of these were taken; next_events() warns until more is confirmed.')) AS c(name, comment);

	CREATE TABLE IF NOT EXISTS usage_mgmt.hub_outbox (
		resource text NOT NULL,
		turn integer NOT NULL DEFAULT 0,
		next_xid bigint,
		life bigint,
		switched_at timestamptz NOT NULL DEFAULT now(),
		CONSTRAINT hub_outbox_pkey PRIMARY KEY (resource)
	);
	PERFORM usage_mgmt.install_comment('usage_mgmt.hub_outbox', name, comment)
		FROM (VALUES (NULL, 'Which of a resource''s tables of events is written to.'),
			('turn', 'The number of that table.'),
			('next_xid', 'Transactions from there on write to no other; null while that is not known.'),
			('life', 'Of the database that these transactions are of.'),
			('switched_at', 'Since when.')) AS c(name, comment);
	PERFORM usage_mgmt.install_trigger('hub_outbox', 'hub_outbox_changed',
		'AFTER INSERT OR UPDATE OR DELETE', 'FOR EACH ROW', 'hub_changed', always => true);
	PERFORM usage_mgmt.install_trigger('hub_outbox', 'hub_outbox_changing',
		'BEFORE INSERT OR UPDATE OR DELETE', 'FOR EACH STATEMENT', 'hub_changed', always => true);

	-- Numbers of events must never come again, so it is not that of a table that anybody would empty.
	CREATE SEQUENCE IF NOT EXISTS usage_mgmt.hub_event_seq;
	ALTER SEQUENCE usage_mgmt.hub_event_seq OWNED BY usage_mgmt.hub_outbox.resource;

	CREATE TABLE IF NOT EXISTS usage_mgmt.hub_tick (
		seq bigint NOT NULL DEFAULT nextval('usage_mgmt.hub_event_seq'),
		at timestamptz NOT NULL DEFAULT clock_timestamp(),
		position text NOT NULL,
		CONSTRAINT hub_tick_pkey PRIMARY KEY (seq)
	);
	PERFORM usage_mgmt.install_comment('usage_mgmt.hub_tick', name, comment)
		FROM (VALUES (NULL, 'Positions that were reached at a time, for replay_events().'),
			('seq', 'The number that was given to an event last, of whatever resource.')) AS c(name, comment);
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_hub() IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_outbox(resource text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	outbox text;
	missing text;
BEGIN
	FOR turn IN 0 .. 2 LOOP
		outbox := format('%s_event_%s', resource, turn);
		EXECUTE format('CREATE TABLE IF NOT EXISTS usage_mgmt.%I (
			event_seq bigint NOT NULL,
			event_xid xid8 NOT NULL,
			event_life bigint NOT NULL,
			event_timeline integer NOT NULL,
			event_at timestamptz NOT NULL,
			event_kind "char" NOT NULL,
			event_old_status text,
			event_changed text[])', outbox);
		PERFORM usage_mgmt.install_comment(format('usage_mgmt.%I', outbox), name, comment)
			FROM (VALUES (NULL, format('Events of %s that somebody listens to, in turn with others of the name.', resource)),
				('event_seq', 'Number; of one transaction in their order.'),
				('event_life', 'Of the database in which it happened: a restored one is another.'),
				('event_kind', 'c created, u updated, d deleted.'),
				('event_old_status', 'Of an update.'),
				('event_changed', 'Columns that an update changed.')) AS c(name, comment);
		-- Later columns of the resource's follow; what is older than they lacks them.
		SELECT string_agg(format('ADD COLUMN %I %s', c.name,
				regexp_replace(declaration, ' (NOT NULL|DEFAULT .*)', '', 'g')), ', ')
			INTO missing
			FROM usage_mgmt.resource_columns(resource) c
			WHERE NOT EXISTS (SELECT FROM pg_attribute
				WHERE attrelid = format('usage_mgmt.%I', outbox)::regclass AND attname = c.name);
		IF missing IS NOT NULL THEN
			EXECUTE format('ALTER TABLE usage_mgmt.%I %s', outbox, missing);
		END IF;
		PERFORM usage_mgmt.install_index(outbox || '_seq_idx', outbox, '(event_seq)');
		PERFORM usage_mgmt.install_index(outbox || '_xid_idx', outbox, '(event_xid, event_seq)');
	END LOOP;
	INSERT INTO usage_mgmt.hub_outbox (resource) VALUES (install_outbox.resource) ON CONFLICT DO NOTHING;
	-- What has a ledger writes events by the ledger's triggers.
	IF (SELECT ledger FROM usage_mgmt.resources() WHERE noun = install_outbox.resource) IS NULL THEN
		PERFORM usage_mgmt.install_event_triggers(resource);
	END IF;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_outbox(text) IS
'Makes the tables that hold the events of a resource, three in turn. Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_event_triggers(resource text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	PERFORM usage_mgmt.install_trigger(resource, resource || '_events_' || lower(event), 'AFTER ' || event,
			rows || 'FOR EACH STATEMENT', resource || '_events')
		FROM (VALUES ('INSERT', 'REFERENCING NEW TABLE AS new_rows '), ('UPDATE', ''),
			('DELETE', 'REFERENCING OLD TABLE AS old_rows ')) AS t(event, rows);
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_event_triggers(text) IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.next_events(
	listener text, max integer DEFAULT 100, OUT "position" text, OUT event json) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_next_events' LANGUAGE C VOLATILE
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.next_events(text, integer) IS
'The events behind what a listener of the caller''s has confirmed, in order, at most max; the same again until confirm_events() is given the position of one. 55000 while the listener is paused, P0002 for none of the caller''s.';

CREATE FUNCTION usage_mgmt.confirm_events(listener text, "position" text) RETURNS boolean
AS 'MODULE_PATHNAME', 'um_confirm_events' LANGUAGE C VOLATILE STRICT
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.confirm_events(text, text) IS
'Confirms all events up to a position that next_events() gave; false where they were confirmed before.';

CREATE FUNCTION usage_mgmt.replay_events(listener text, "from" text) RETURNS void
AS 'MODULE_PATHNAME', 'um_replay_events' LANGUAGE C VOLATILE STRICT
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.replay_events(text, text) IS
'Lets a listener go on behind a position, back or forth.';

CREATE FUNCTION usage_mgmt.replay_events(listener text, "from" timestamptz) RETURNS void
AS 'MODULE_PATHNAME', 'um_replay_events_since' LANGUAGE C VOLATILE STRICT
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.replay_events(text, timestamptz) IS
'Lets a listener go on with what was written since that time, as far as it is kept, and maybe a little before.';

CREATE FUNCTION usage_mgmt.hub_read(
	listener text, from_position text, max integer,
	OUT "position" text, OUT event_id text, OUT resource_id text, OUT event json) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_hub_read' LANGUAGE C VOLATILE
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.hub_read(text, text, integer) IS
'For the agent: events behind a position, null for what is confirmed, with their ids. A last row without an event says that nothing more is wanted up to its position.';

CREATE FUNCTION usage_mgmt.hub_event(listener text, event_id text) RETURNS json
AS 'MODULE_PATHNAME', 'um_hub_event' LANGUAGE C STABLE STRICT
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.hub_event(text, text) IS
'One event again, as the listener is told it; null where it is not kept any more.';

CREATE FUNCTION usage_mgmt.hub_lag("position" text, resource text, OUT events bigint, OUT seconds double precision)
AS 'MODULE_PATHNAME', 'um_hub_lag' LANGUAGE C VOLATILE STRICT
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.hub_lag(text, text) IS
'How many changes of a resource are behind a position, above 1,000 about, and how long the first has been there; nulls to who may not select from its table or is kept from rows of it, and on a standby.';

CREATE FUNCTION usage_mgmt.hub_position() RETURNS text
AS 'MODULE_PATHNAME', 'um_hub_position' LANGUAGE C VOLATILE
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.hub_position() IS
'The position of a reader that has been told all that is committed now.';

CREATE FUNCTION usage_mgmt.hub_life() RETURNS bigint
AS 'MODULE_PATHNAME', 'um_hub_life_of' LANGUAGE C STABLE
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.hub_life() IS
'The life of the database: another one in another cluster, or under another OID.';
