-- The functions of each resource: the operations of TMF630, and its triggers

-- One text for all: %1$s is the noun, %2$s the plural, %3$s what messages call it, and %4$s one of it.
CREATE FUNCTION usage_mgmt.resource_functions(
	resource text, OUT name text, OUT arguments text, OUT returns text, OUT symbol text, OUT kind text,
	OUT about text) RETURNS SETOF record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	r record;
	billed text := '';
	refused text := '';
	cancelled text := '';
BEGIN
	SELECT * INTO r FROM usage_mgmt.resources() WHERE noun = resource;
	IF r.closed <> '{}' THEN
		billed := ', billed boolean DEFAULT false';
		refused := ' What is billed is refused (UM003) unless billed.';
	END IF;
	IF r.orders THEN
		cancelled := ' What has not ended is cancelled first.';
	END IF;
	RETURN QUERY
		SELECT format(f.name, r.noun, r.plural), f.arguments, f.returns, f.symbol, f.kind,
			format(f.about, r.noun, r.plural, r.label,
				CASE WHEN r.label ~ '^[aeio]' THEN 'an ' ELSE 'a ' END || r.label)
		FROM (VALUES
			('post_%1$s', 'body json, version text DEFAULT NULL', 'json', 'um_post', 'VOLATILE',
			'Creates %4$s from its TMF JSON and returns it as stored. Delivered again it is found and returned; its id with other content is 23505. Without an id it gets one. A client''s href is ignored.'),

			('get_%1$s', 'id text, fields text DEFAULT NULL, version text DEFAULT NULL', 'json', 'um_get', 'STABLE',
			'The %3$s as TMF JSON, NULL when there is none. fields selects attributes (id,relatedParty.role,extra.priority; none for the identity alone); 22023 for a name that leads nowhere.'),

			('put_%1$s', 'id text, body json, version text DEFAULT NULL', 'json', CASE WHEN NOT r.orders THEN 'um_put' END, 'VOLATILE',
			'Complete update of %4$s, returned as stored. Without status it keeps its own, and what the version has no shape for stays. P0002 when there is none, UM002 when id or href would change.'),

			('patch_%1$s', 'id text, patch json, content_type text DEFAULT NULL, version text DEFAULT NULL',
			'json', CASE WHEN NOT r.orders THEN 'um_patch' END, 'VOLATILE',
			'Partial update of %4$s, returned as stored: application/merge-patch+json (default), application/json-patch+json, application/json-patch-query+json, or the seeds'' ArrayUpdate. The rules see the result. P0002 when there is none, 22023 when an operation names what is not there.'),

			('delete_%1$s', 'id text' || billed, 'boolean', 'um_delete', 'VOLATILE',
			'Deletes %4$s; false when there was none.' || refused || cancelled),

			('cancel_%1$s', 'id text', 'boolean', CASE WHEN r.orders THEN 'um_cancel' END, 'VOLATILE',
			'Cancels %4$s, which ends failed: at once, or where an agent is at it as soon as that hears of it. False when there was none, or it had ended.'),

			('get_%2$s', 'query text DEFAULT '''', version text DEFAULT NULL', 'SETOF json', 'um_list', 'STABLE ROWS 1000',
			'Each %3$s that a TMF630 query string names, one at a time: SELECT usage_mgmt.get_%2$s(''...''). In FROM, PostgreSQL collects them first. 22023 for what the string cannot mean.'),

			('count_%2$s', 'query text DEFAULT '''', version text DEFAULT NULL', 'bigint', 'um_count', 'STABLE',
			'How many a query string names, whatever its limit, offset and after.'),

			('summarize_%2$s', 'query text DEFAULT '''', version text DEFAULT NULL, OUT records bigint, OUT first_date timestamptz, OUT last_date timestamptz, OUT amounts jsonb',
			'record', CASE WHEN NOT r.orders THEN 'um_summarize' END, 'STABLE',
			'What a query string names amounts to, its limit and offset considered: how many, from when to when, and the tax-included amounts by currency, {"EUR": 12.00}. In one snapshot of the very ones that get_%2$s() gives.'),

			('explain_%2$s', 'query text DEFAULT '''', version text DEFAULT NULL', 'SETOF text', 'um_explain', 'VOLATILE',
			'The plan behind a query string.'),

			('patch_%2$s', 'query text, patch json, content_type text DEFAULT NULL, version text DEFAULT NULL',
			'bigint', CASE WHEN NOT r.orders THEN 'um_patch_list' END, 'VOLATILE',
			'Partial update of all that a query string names, in one statement, all or nothing; returns how many. A string without a condition is 22023 unless it says all=true.'),

			('patch_%2$s_each', 'query text, patch json, content_type text DEFAULT NULL, version text DEFAULT NULL, OUT id text, OUT code text, OUT errors text',
			'SETOF record', CASE WHEN NOT r.orders THEN 'um_patch_list_each' END, 'VOLATILE',
			'Partial update of each by itself; returns what was refused: its id, the SQLSTATE, and all faults.'),

			('delete_%2$s', 'query text' || billed, 'bigint', 'um_delete_list', 'VOLATILE',
			'Deletes all that a query string names, all or nothing; returns how many. A string without a condition is 22023 unless it says all=true.' || refused || cancelled),

			('register_%1$s_listener', 'callback text, query text DEFAULT '''', version text DEFAULT NULL', 'json', 'um_register_listener',
			'VOLATILE SET search_path = pg_catalog, pg_temp',
			'Registers a listener of the caller''s to the events of %1$s, and returns it as the standard''s hub does. callback is a URL, or null for who reads with next_events(); query names types of events and conditions (eventType=...&%1$s.status=...&fields=...). The same again is 23505; 42501 without SELECT on the table, 0A000 where row security hides rows of it.'),

			('unregister_%1$s_listener', 'id text', 'void', 'um_unregister_listener', 'VOLATILE SET search_path = pg_catalog, pg_temp',
			'Forgets a listener to the events of %1$s. P0002 when the caller has none of that id.'),

			('%1$s_check', '', 'trigger', 'um_check_row', 'VOLATILE',
			'BEFORE INSERT OR UPDATE OR DELETE of %4$s, for each row: completes and checks it. All faults come in one error (23502, 23514, 22003, 22008, UM001, UM002, UM003), DETAIL lists them as JSON.'),

			('%1$s_keys', '', 'trigger', CASE WHEN r.date_column IS NOT NULL THEN 'um_keys' END, 'VOLATILE',
			'For each statement: keeps the ledger of %1$s, as the owner of the table that fired. An id that another %3$s has is 23505.'),

			('%1$s_events', '', 'trigger', CASE WHEN r.ledger IS NULL THEN 'um_events' END, 'VOLATILE',
			'AFTER any change of %1$s, for each statement: keeps the events that somebody listens to.'),

			('%1$s_changed', '', 'trigger', CASE WHEN EXISTS (SELECT FROM usage_mgmt.resources() s
				WHERE s.specification = resource) THEN 'um_specification_changed' END, 'VOLATILE',
			'AFTER any change of %4$s: tells every session to read it anew.'),

			('%1$s_document_begin', '', 'trigger', CASE WHEN NOT r.orders THEN 'um_document_begin' END, 'VOLATILE',
			'BEFORE INSERT ON %1$s_document, for each statement: opens a batch.'),

			('%1$s_document_row', '', 'trigger', CASE WHEN NOT r.orders THEN 'um_document_row' END, 'VOLATILE',
			'INSTEAD OF INSERT ON %1$s_document, for each row: reads a document into the batch.'),

			('%1$s_document_end', '', 'trigger', CASE WHEN NOT r.orders THEN 'um_document_end' END, 'VOLATILE',
			'AFTER INSERT ON %1$s_document, for each statement: stores the rest of the batch.'),

			('%1$s_document_refuse', '', 'trigger', CASE WHEN NOT r.orders THEN 'um_document_refuse' END, 'VOLATILE',
			'UPDATE or DELETE ON %1$s_document, for each row and statement: refuses it (0A000).')
		) AS f(name, arguments, returns, symbol, kind, about)
		WHERE f.symbol IS NOT NULL;
END
$$;
COMMENT ON FUNCTION usage_mgmt.resource_functions(text) IS
'The functions that a resource has, with their C symbols. Part of install_functions().';

-- What takes json takes jsonb and text, too: so a literal, a parameter and what
-- jsonb's functions make are taken alike.
CREATE FUNCTION usage_mgmt.install_functions(resource text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	f record;
	signature text;
BEGIN
	FOR f IN
		SELECT name, replace(arguments, ' json,', format(' %s,', type)) AS arguments, returns, symbol, kind,
			CASE type WHEN 'json' THEN about
			WHEN 'jsonb' THEN 'The same of jsonb.' ELSE 'The same of text and plain literals.' END AS about
		FROM usage_mgmt.resource_functions(resource), unnest('{json,jsonb,text}'::text[]) type
		WHERE type = 'json' OR arguments LIKE '% json,%'
	LOOP
		EXECUTE format('CREATE OR REPLACE FUNCTION usage_mgmt.%I(%s) RETURNS %s AS %L, %L LANGUAGE C %s',
			f.name, f.arguments, f.returns, 'MODULE_PATHNAME', f.symbol, f.kind);
		signature := format('usage_mgmt.%I(%s)', f.name,
			regexp_replace(f.arguments, ' DEFAULT [^,]*', '', 'g'));
		EXECUTE format('COMMENT ON FUNCTION %s IS %L', signature, f.about);
		-- Whoever makes a trigger of one of these must own the table's design.
		IF f.returns = 'trigger' THEN
			EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', signature);
		END IF;
	END LOOP;
	PERFORM usage_mgmt.install_lists(resource);
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_functions(text) IS
'Makes the functions of a resource. Part of install_resource().';

DO $install$
BEGIN
	PERFORM usage_mgmt.install_functions(noun) FROM usage_mgmt.resources();
END
$install$;
