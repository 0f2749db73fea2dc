-- Delivery: what an agent knows of each listener, and what its owner may do with it

-- A member that no dump carries: what is restored elsewhere has no secrets, and sends nothing. No
-- constraint but the key, since the error of one tells the row.
CREATE TABLE usage_mgmt.hub_secret (
	listener text COLLATE "C" NOT NULL,
	secret text,
	old_secret text,
	old_until timestamptz,
	headers jsonb DEFAULT '{}',
	username text,
	password text,
	CONSTRAINT hub_secret_pkey PRIMARY KEY (listener)
);
-- ANALYZE keeps examples, which views and some dumps show.
ALTER TABLE usage_mgmt.hub_secret ALTER secret SET STATISTICS 0, ALTER old_secret SET STATISTICS 0,
	ALTER headers SET STATISTICS 0, ALTER username SET STATISTICS 0, ALTER password SET STATISTICS 0;
COMMENT ON TABLE usage_mgmt.hub_secret IS
'What a listener''s events are signed and sent with. No dump has it; agents read it, the owner of a listener reaches his own by functions.';
COMMENT ON COLUMN usage_mgmt.hub_secret.secret IS 'Of Standard Webhooks: whsec_ and 32 bytes in base64.';
COMMENT ON COLUMN usage_mgmt.hub_secret.old_secret IS 'The one before, which signs, too, until old_until.';
COMMENT ON COLUMN usage_mgmt.hub_secret.headers IS 'Sent with each event, by their names in lower case.';
COMMENT ON COLUMN usage_mgmt.hub_secret.username IS 'With password, for basic authentication.';

CREATE FUNCTION usage_mgmt.install_delivery() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	CREATE TABLE IF NOT EXISTS usage_mgmt.hub_delivery (
		listener text COLLATE "C" NOT NULL,
		agent text,
		leased_until timestamptz,
		delivered bigint NOT NULL DEFAULT 0,
		failed bigint NOT NULL DEFAULT 0,
		rate double precision NOT NULL DEFAULT 0,
		rate_at timestamptz NOT NULL DEFAULT now(),
		last_success_at timestamptz,
		last_error_at timestamptz,
		last_error text,
		CONSTRAINT hub_delivery_pkey PRIMARY KEY (listener),
		CONSTRAINT hub_delivery_listener_fkey FOREIGN KEY (listener)
			REFERENCES usage_mgmt.hub_listener ON DELETE CASCADE
	);
	PERFORM usage_mgmt.install_comment('usage_mgmt.hub_delivery', name, comment)
		FROM (VALUES (NULL, 'Which agent delivers to a listener, and how that goes. Who may UPDATE it is an agent.'),
			('leased_until', 'Until then no other agent takes the listener.'),
			('delivered', 'Attempts that were answered with 2xx.'),
			('failed', 'Attempts that were not.'),
			('rate', 'Deliveries a second at rate_at; halves in 42 seconds without any.')) AS c(name, comment);

	CREATE TABLE IF NOT EXISTS usage_mgmt.hub_parked (
		id bigserial NOT NULL,
		listener text COLLATE "C" NOT NULL,
		event_id text COLLATE "C" NOT NULL,
		resource_id text COLLATE "C" NOT NULL,
		event text NOT NULL,
		attempts integer NOT NULL DEFAULT 0,
		next_at timestamptz NOT NULL DEFAULT now(),
		last_error text,
		parked_at timestamptz NOT NULL DEFAULT now(),
		CONSTRAINT hub_parked_pkey PRIMARY KEY (listener, id),
		CONSTRAINT hub_parked_listener_fkey FOREIGN KEY (listener)
			REFERENCES usage_mgmt.hub_listener ON DELETE CASCADE
	);
	PERFORM usage_mgmt.install_index('hub_parked_resource_idx', 'hub_parked', '(listener, resource_id, id)');
	PERFORM usage_mgmt.install_index('hub_parked_due_idx', 'hub_parked', '(listener, next_at)');
	PERFORM usage_mgmt.install_comment('usage_mgmt.hub_parked', name, comment)
		FROM (VALUES (NULL, 'Events that the cursor has passed and that wait for another attempt. Of one resource id they are sent in the order of id.'),
			('event', 'As it is sent.'),
			('next_at', 'Not before that, nor before an earlier one of the same resource id is gone; infinity while that is all it waits for.')) AS c(name, comment);

	CREATE TABLE IF NOT EXISTS usage_mgmt.hub_attempt (
		id bigserial NOT NULL,
		listener text COLLATE "C" NOT NULL,
		event_id text COLLATE "C" NOT NULL,
		at timestamptz NOT NULL DEFAULT now(),
		status integer,
		ms integer,
		error text,
		CONSTRAINT hub_attempt_pkey PRIMARY KEY (listener, id),
		CONSTRAINT hub_attempt_listener_fkey FOREIGN KEY (listener)
			REFERENCES usage_mgmt.hub_listener ON DELETE CASCADE
	);
	PERFORM usage_mgmt.install_comment('usage_mgmt.hub_attempt', name, comment)
		FROM (VALUES (NULL, 'The last attempts to deliver to each listener; hub_prune_attempts() bounds it.'),
			('status', 'The HTTP status of the answer; null where there was none.'),
			('ms', 'Milliseconds until then.')) AS c(name, comment);
	PERFORM usage_mgmt.install_trigger('hub_listener', 'hub_listener_gone', 'AFTER DELETE', 'FOR EACH ROW', 'hub_listener_gone');
	PERFORM usage_mgmt.install_listener_rights();
	PERFORM usage_mgmt.install_hub_status();
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_delivery() IS 'Part of install_tables().';

-- An event may tell what the owner of its listener must not see any more: that column is the agents'.
CREATE FUNCTION usage_mgmt.install_listener_rights() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	name text;
	columns text;
	own text;
BEGIN
	FOR name, columns, own IN VALUES
		('hub_listener', '', 'owner = ANY (ARRAY(SELECT r.rolname::text FROM pg_roles r WHERE pg_has_role(r.oid, ''USAGE'')))'),
		('hub_cursor', '', NULL),
		('hub_delivery', '', NULL),
		('hub_parked', '(id, listener, event_id, attempts, next_at, last_error, parked_at)', NULL),
		('hub_attempt', '', NULL)
	LOOP
		CONTINUE WHEN EXISTS (SELECT FROM pg_policy
			WHERE polrelid = format('usage_mgmt.%I', name)::regclass AND polname = 'own_listeners');
		EXECUTE format('ALTER TABLE usage_mgmt.%I ENABLE ROW LEVEL SECURITY', name);
		-- Each is asked once in a statement, and the second one of who is no agent.
		EXECUTE format('CREATE POLICY own_listeners ON usage_mgmt.%I USING
			((SELECT has_table_privilege(''usage_mgmt.hub_delivery'', ''UPDATE'')) OR %s)', name,
			coalesce(own, 'listener = ANY (ARRAY(SELECT l.id FROM usage_mgmt.hub_listener l))'));
		EXECUTE format('GRANT SELECT %s ON usage_mgmt.%I TO PUBLIC', columns, name);
	END LOOP;
	-- What is of a listener is seen by who sees it; what may be done with it is its owner's still.
	IF NOT EXISTS (SELECT FROM pg_policy
			WHERE polrelid = 'usage_mgmt.hub_listener'::regclass AND polname = 'operators_see') THEN
		CREATE POLICY operators_see ON usage_mgmt.hub_listener FOR SELECT
			USING ((SELECT has_table_privilege('usage_mgmt.import_load', 'DELETE')));
	END IF;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_listener_rights() IS
'Lets everybody see his own listeners, and agents and operators all. Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_hub_status() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	IF to_regclass('usage_mgmt.hub_status') IS NOT NULL THEN
		RETURN;
	END IF;
	PERFORM usage_mgmt.install_view('hub_status', $view$
		SELECT l.id AS listener, l.resource, l.callback, l.state, l.reason,
			lag.events AS lag_events, lag.seconds AS lag_seconds,
			(SELECT count(*) FROM usage_mgmt.hub_parked p WHERE p.listener = l.id) AS parked,
			coalesce(d.delivered, 0) AS delivered, coalesce(d.failed, 0) AS failed,
			coalesce(d.rate * exp(-extract(epoch FROM greatest(now() - d.rate_at, '0')) / 60), 0) AS rate,
			d.last_success_at, d.last_error, d.last_error_at, c.lost_from, coalesce(c.lost, 0) AS lost
		FROM usage_mgmt.hub_listener l
			LEFT JOIN usage_mgmt.hub_cursor c ON c.listener = l.id
			LEFT JOIN usage_mgmt.hub_delivery d ON d.listener = l.id
			LEFT JOIN LATERAL usage_mgmt.hub_lag(c."position", l.resource) lag ON true$view$,
		'The listeners that one may see, and how their deliveries go. rate: deliveries a second, of about the last minute.');
	GRANT SELECT ON usage_mgmt.hub_status TO PUBLIC;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_hub_status() IS 'Part of install_tables().';

-- What the owner of a listener calls

CREATE FUNCTION usage_mgmt.listener_secret(id text, renew boolean DEFAULT false) RETURNS text
AS 'MODULE_PATHNAME', 'um_listener_secret' LANGUAGE C STRICT;
COMMENT ON FUNCTION usage_mgmt.listener_secret(text, boolean) IS
'The secret that a listener of one''s own has its events signed with; null where it has none, as after a restore. renew makes another one; for a day events are signed with both.';

CREATE FUNCTION usage_mgmt.listener_header(id text, name text, value text) RETURNS void
AS 'MODULE_PATHNAME', 'um_listener_header' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.listener_header(text, text, text) IS
'A header that is sent with each event to a listener of one''s own, a null value for none; Authorization takes the place of a credential. Send the value as a parameter: the text of a statement can be logged.';

CREATE FUNCTION usage_mgmt.listener_credential(id text, username text, password text) RETURNS void
AS 'MODULE_PATHNAME', 'um_listener_credential' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.listener_credential(text, text, text) IS
'Username and password for basic authentication at a listener of one''s own, null ones for none; takes the place of a header Authorization. Send the password as a parameter: the text of a statement can be logged.';

CREATE FUNCTION usage_mgmt.listener_test(id text) RETURNS text
AS 'MODULE_PATHNAME', 'um_listener_test' LANGUAGE C STRICT;
COMMENT ON FUNCTION usage_mgmt.listener_test(text) IS
'Has a sample sent, signed as every event, to a listener of one''s own; gives its eventId, by which hub_attempt tells what became of it.';

CREATE FUNCTION usage_mgmt.resend_event(id text, event_id text) RETURNS json
AS 'MODULE_PATHNAME', 'um_resend_event' LANGUAGE C STRICT;
COMMENT ON FUNCTION usage_mgmt.resend_event(text, text) IS
'Has an event sent once more to a listener of one''s own, behind what waits of the same resource; gives the event. P0002 where it is not kept any more.';

CREATE FUNCTION usage_mgmt.pause_listener(id text, reason text DEFAULT 'paused by its owner') RETURNS boolean
AS 'MODULE_PATHNAME', 'um_pause_listener' LANGUAGE C STRICT;
COMMENT ON FUNCTION usage_mgmt.pause_listener(text, text) IS
'Stops deliveries to a listener of one''s own; its events are kept. False where they have stopped already.';

CREATE FUNCTION usage_mgmt.resume_listener(id text) RETURNS boolean
AS 'MODULE_PATHNAME', 'um_resume_listener' LANGUAGE C STRICT;
COMMENT ON FUNCTION usage_mgmt.resume_listener(text) IS
'Goes on with deliveries to a listener of one''s own, whatever stopped them; what waited for another attempt is due at once. False where they go on.';

CREATE FUNCTION usage_mgmt.hub_new_secret(listener text) RETURNS void
AS 'MODULE_PATHNAME', 'um_hub_new_secret' LANGUAGE C STRICT;
COMMENT ON FUNCTION usage_mgmt.hub_new_secret(text) IS
'Gives a listener of one''s own its first secret, and forgets whatever its id was sent with before. Part of registering.';

CREATE FUNCTION usage_mgmt.hub_listener_gone() RETURNS trigger
AS 'MODULE_PATHNAME', 'um_hub_listener_gone' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.hub_listener_gone() IS 'AFTER DELETE of a listener, for each row: forgets its secret.';
REVOKE EXECUTE ON FUNCTION usage_mgmt.hub_listener_gone() FROM PUBLIC;

-- A random UUID has 122 bits of the server's strong random numbers.
CREATE FUNCTION usage_mgmt.hub_random_secret() RETURNS text
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT 'whsec_' || encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'base64');
END;
COMMENT ON FUNCTION usage_mgmt.hub_random_secret() IS 'A secret in the form of Standard Webhooks, of 32 bytes. Part of listener_secret().';

CREATE FUNCTION usage_mgmt.hub_test_event(OUT event_id text, OUT event text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	event_id := 'test-' || gen_random_uuid();
	event := json_build_object('eventId', event_id,
		'eventTime', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
		'eventType', 'ListenerTest', 'event', '{}'::json);
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_test_event() IS 'A sample. Part of listener_test().';

-- Where the listener's fields leave the id out, the event is in order with itself alone.
CREATE FUNCTION usage_mgmt.hub_resource_id(event json, event_id text) RETURNS text
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
	SELECT coalesce((SELECT min(resource.value ->> 'id') FROM json_each(event -> 'event') resource), event_id);
END;
COMMENT ON FUNCTION usage_mgmt.hub_resource_id(json, text) IS 'The id of the resource that an event tells of. Part of resend_event().';

-- What an agent calls, with the rights that grant_access(role, 'agent') gives

CREATE FUNCTION usage_mgmt.hub_claim(agent text, lease interval, most integer)
RETURNS TABLE (listener text, callback text, version text, query text, resource text, "position" text,
	secret text, old_secret text, headers jsonb, username text, password text, parked bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	IF coalesce($1 = '' OR $2 <= '0', true) THEN
		RAISE EXCEPTION 'an agent needs a name and a lease that lasts' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF usage_mgmt.setting_value('delivery') = 'off' THEN
		PERFORM usage_mgmt.hub_release($1);
		RETURN;
	END IF;
	-- Nobody waits for anybody here, so agents cannot lock each other out.
	PERFORM usage_mgmt.hub_pause_others();
	INSERT INTO usage_mgmt.hub_delivery (listener)
		SELECT l.id FROM usage_mgmt.hub_listener l
		WHERE l.callback IS NOT NULL AND NOT EXISTS (SELECT FROM usage_mgmt.hub_delivery d WHERE d.listener = l.id)
		ORDER BY l.id FOR NO KEY UPDATE OF l SKIP LOCKED
		ON CONFLICT DO NOTHING;
	-- its own first
	WITH mine AS MATERIALIZED (
		SELECT d.listener FROM usage_mgmt.hub_delivery d JOIN usage_mgmt.hub_listener l ON l.id = d.listener
		WHERE l.callback IS NOT NULL AND l.state IN ('starting', 'active')
			AND (d.agent = $1 OR d.leased_until IS NULL OR d.leased_until < now())
		ORDER BY d.agent IS NOT DISTINCT FROM $1 DESC, d.leased_until NULLS FIRST, d.listener
		LIMIT $3 FOR UPDATE OF d SKIP LOCKED)
	UPDATE usage_mgmt.hub_delivery d SET agent = $1, leased_until = now() + $2
		FROM mine WHERE d.listener = mine.listener;
	RETURN QUERY
		SELECT l.id, l.callback, l.version, l.query, l.resource, c.position, s.secret,
			CASE WHEN s.old_until > now() THEN s.old_secret END, coalesce(s.headers, '{}'), s.username, s.password,
			(SELECT count(*) FROM usage_mgmt.hub_parked p WHERE p.listener = l.id)
		FROM usage_mgmt.hub_delivery d JOIN usage_mgmt.hub_listener l ON l.id = d.listener
			JOIN usage_mgmt.hub_secret s ON s.listener = l.id AND s.secret IS NOT NULL
			LEFT JOIN usage_mgmt.hub_cursor c ON c.listener = l.id
		WHERE d.agent = $1 AND d.leased_until > now()
			AND l.callback IS NOT NULL AND l.state IN ('starting', 'active')
		ORDER BY l.id;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_claim(text, interval, integer) IS
'For agents: renews the leases of the agent of that name, takes free listeners up to so many in all, null for any number, and gives all that it holds now, with what to sign and send by. None while the setting delivery is off.';

CREATE FUNCTION usage_mgmt.hub_pause_others() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	WITH unsigned AS MATERIALIZED (
		SELECT l.id FROM usage_mgmt.hub_listener l
		WHERE l.callback IS NOT NULL AND l.state IN ('starting', 'active') AND (l.life <> usage_mgmt.hub_life()
			OR NOT EXISTS (SELECT FROM usage_mgmt.hub_secret s WHERE s.listener = l.id AND s.secret IS NOT NULL)
			OR NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = l.owner AND has_table_privilege(r.oid,
				(SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'usage_mgmt'::regnamespace AND c.relname = l.resource), 'SELECT')))
		ORDER BY l.id FOR NO KEY UPDATE OF l SKIP LOCKED)
	UPDATE usage_mgmt.hub_listener l SET state = 'paused', changed_at = now(),
		reason = CASE WHEN l.life <> usage_mgmt.hub_life() THEN 'restored'
			WHEN EXISTS (SELECT FROM usage_mgmt.hub_secret s WHERE s.listener = l.id AND s.secret IS NOT NULL)
				THEN 'its owner may not select from the table any more'
			ELSE 'its secret is missing: listener_secret(id, renew => true) makes one, resume_listener(id) goes on' END
		FROM unsigned WHERE l.id = unsigned.id;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_pause_others() IS
'Pauses the listeners that were restored, those without a secret, whose events could not be signed, and those whose owner may not read what has been parked. Part of hub_claim().';

CREATE FUNCTION usage_mgmt.hub_checkpoint(agent text, listener text, "position" text, done bigint[],
	retry jsonb, park jsonb, attempts jsonb) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	-- The listener first, as whoever deletes it does. A lease that ran out counts while nobody else has taken it.
	PERFORM FROM usage_mgmt.hub_listener l WHERE l.id = $2 FOR KEY SHARE;
	PERFORM FROM usage_mgmt.hub_delivery d WHERE d.listener = $2 AND d.agent = $1 FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	IF $3 IS NOT NULL THEN
		PERFORM usage_mgmt.confirm_events($2, $3);
	END IF;
	WITH done AS (
		DELETE FROM usage_mgmt.hub_parked p WHERE p.listener = $2 AND p.id = ANY ($4) RETURNING p.resource_id)
	UPDATE usage_mgmt.hub_parked p SET next_at = now()
		FROM (SELECT DISTINCT resource_id FROM done) d
		WHERE p.listener = $2 AND p.next_at = 'infinity'
			AND p.id = (SELECT min(b.id) FROM usage_mgmt.hub_parked b
				WHERE b.listener = $2 AND b.resource_id = d.resource_id AND b.id <> ALL ($4));
	UPDATE usage_mgmt.hub_parked p
		SET attempts = p.attempts + 1, last_error = r.error,
			next_at = now() + coalesce(r.delay_ms, 0) * interval '1 ms'
		FROM jsonb_to_recordset($5) AS r(id bigint, delay_ms bigint, error text)
		WHERE p.listener = $2 AND p.id = r.id;
	INSERT INTO usage_mgmt.hub_parked (listener, event_id, resource_id, event, attempts, next_at, last_error)
		-- Those behind another are out of the way of who looks for what is due.
		SELECT $2, n.event_id, n.resource_id, n.event, (n.error IS NOT NULL)::integer,
			CASE WHEN n.error IS NULL AND (row_number() OVER (PARTITION BY n.resource_id ORDER BY n.ordinality) > 1
				OR EXISTS (SELECT FROM usage_mgmt.hub_parked p WHERE p.listener = $2 AND p.resource_id = n.resource_id))
				THEN 'infinity' ELSE now() + coalesce(n.delay_ms, 0) * interval '1 ms' END, n.error
		FROM ROWS FROM (jsonb_to_recordset($6)
			AS (event_id text, resource_id text, event text, delay_ms bigint, error text)) WITH ORDINALITY AS n
		ORDER BY n.ordinality;
	PERFORM usage_mgmt.hub_count_attempts($2, $7);
	RETURN true;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_checkpoint(text, text, text, bigint[], jsonb, jsonb, jsonb) IS
'For agents, all or nothing: moves the cursor to a position, forgets the parked events that are done, times others anew ([{id, delay_ms, error}]), parks more, in that order ([{event_id, resource_id, event, delay_ms, error}]; one without an error has not been attempted), and logs attempts ([{event_id, at, status, ms, error}]). False, and nothing done, where another agent has the listener.';

CREATE FUNCTION usage_mgmt.hub_count_attempts(listener text, attempts jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	WITH logged AS (
		INSERT INTO usage_mgmt.hub_attempt AS a (listener, event_id, at, status, ms, error)
		SELECT $1, n.event_id, coalesce(n.at, now()), n.status, n.ms, n.error
		FROM ROWS FROM (jsonb_to_recordset($2)
			AS (event_id text, at timestamptz, status integer, ms integer, error text)) WITH ORDINALITY AS n
		ORDER BY n.ordinality
		RETURNING a.id, a.at, a.status, a.error, coalesce(a.status BETWEEN 200 AND 299 AND a.error IS NULL, false) AS good),
	counted AS (
		SELECT count(*) FILTER (WHERE good) AS delivered, count(*) FILTER (WHERE NOT good) AS failed,
			max(at) FILTER (WHERE good) AS success_at, max(at) FILTER (WHERE NOT good) AS error_at,
			(array_agg(coalesce(error, 'HTTP ' || status, 'no answer') ORDER BY id DESC) FILTER (WHERE NOT good))[1] AS error
		FROM logged HAVING count(*) > 0)
	UPDATE usage_mgmt.hub_delivery d SET delivered = d.delivered + n.delivered, failed = d.failed + n.failed,
			rate = d.rate * exp(-extract(epoch FROM greatest(now() - d.rate_at, '0')) / 60) + n.delivered / 60.0,
			rate_at = greatest(now(), d.rate_at),
			last_success_at = coalesce(n.success_at, d.last_success_at),
			last_error_at = coalesce(n.error_at, d.last_error_at), last_error = coalesce(n.error, d.last_error)
		FROM counted n WHERE d.listener = $1;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_count_attempts(text, jsonb) IS 'Logs attempts and counts them. Part of hub_checkpoint().';

CREATE FUNCTION usage_mgmt.hub_due(listener text, most integer)
RETURNS TABLE (id bigint, event_id text, resource_id text, event text, attempts integer)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
		SELECT p.id, p.event_id, p.resource_id, p.event, p.attempts
		FROM usage_mgmt.hub_parked p
		WHERE p.listener = $1 AND p.next_at <= now()
			AND NOT EXISTS (SELECT FROM usage_mgmt.hub_parked before
				WHERE before.listener = $1 AND before.resource_id = p.resource_id AND before.id < p.id)
		ORDER BY p.next_at, p.id LIMIT $2;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_due(text, integer) IS
'For agents: the parked events of a listener whose time has come, of each resource id the first alone; those first that came first.';

CREATE FUNCTION usage_mgmt.hub_parked_ids(listener text) RETURNS SETOF text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT DISTINCT p.resource_id FROM usage_mgmt.hub_parked p WHERE p.listener = $1;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_parked_ids(text) IS
'For agents: the resource ids of which a listener has parked events; what comes of them later waits behind these.';

CREATE FUNCTION usage_mgmt.hub_stop(agent text, listener text, state text, reason text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	IF coalesce($3 NOT IN ('paused', 'quarantined', 'gone'), true) THEN
		RAISE EXCEPTION 'a listener cannot be stopped as "%"', $3
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It is stopped as paused, quarantined or gone.';
	END IF;
	PERFORM FROM usage_mgmt.hub_listener l WHERE l.id = $2 FOR NO KEY UPDATE;
	UPDATE usage_mgmt.hub_delivery d SET agent = NULL, leased_until = NULL WHERE d.listener = $2 AND d.agent = $1;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	UPDATE usage_mgmt.hub_listener l SET state = $3, reason = $4, changed_at = now()
		WHERE l.id = $2 AND l.state IN ('starting', 'active');
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_stop(text, text, text, text) IS
'For agents: stops deliveries to a listener, with the reason, and gives it back. False where another agent has it, or it has been stopped already.';

CREATE FUNCTION usage_mgmt.hub_release(agent text) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	released integer;
BEGIN
	UPDATE usage_mgmt.hub_delivery d SET agent = NULL, leased_until = NULL WHERE d.agent = $1;
	GET DIAGNOSTICS released = ROW_COUNT;
	RETURN released;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_release(text) IS 'For agents: gives all listeners back; how many.';

CREATE FUNCTION usage_mgmt.hub_prune_attempts() RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	pruned bigint := 0;
	counted bigint;
	name text;
BEGIN
	-- one by one: joined to all of them each row could look for its bound anew
	FOR name IN SELECT l.id FROM usage_mgmt.hub_listener l LOOP
		DELETE FROM usage_mgmt.hub_attempt a WHERE a.listener = name
			AND (a.at < now() - interval '7 days' OR a.id <= (SELECT k.id FROM usage_mgmt.hub_attempt k
				WHERE k.listener = name ORDER BY k.id DESC OFFSET 1000 LIMIT 1));
		GET DIAGNOSTICS counted = ROW_COUNT;
		pruned := pruned + counted;
	END LOOP;
	RETURN pruned;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_prune_attempts() IS
'Forgets all but the last 1,000 attempts of each listener, and those older than 7 days; how many. Part of hub_upkeep().';
