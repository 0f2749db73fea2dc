-- Collections: patched and deleted whole or not at all, or each record by itself.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';

-- How a statement is refused, and which record the error names; whatever it did is taken back
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	context text;
BEGIN
	EXECUTE statement;
	RAISE 'taken back' USING ERRCODE = 'ZZ999';
EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
	RETURN 'accepted';
WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
	RETURN SQLSTATE || ' ' || SQLERRM || coalesce('; ' || substring(context FROM '^usage [^\n]*'), '');
END
$$;
CREATE FUNCTION pg_temp.rating(amount numeric) RETURNS json RETURN json_build_object('ratingDate', '2001-02-03',
	'taxIncludedRatingAmount', amount, 'taxExcludedRatingAmount', 10.00, 'taxRate', 20, 'currencyCode', 'EUR', 'productRef', 'http://host/7');

-- Two months with a partition of their own, one without
SELECT count(usage_mgmt.ensure_partitions('2001-01-01', '2001-02-01'));
CREATE FUNCTION pg_temp.fill() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(usage_mgmt.post_usage(json_strip_nulls(json_build_object(
		'id', format('u%s', to_char(n, 'FM00')),
		'date', timestamp '2001-01-05' + n * interval '9 days',
		'type', (ARRAY['VOICE', 'SMS', 'DATA'])[1 + n % 3],
		'description', CASE WHEN n % 2 = 0 THEN 'number ' || n END,
		'status', (ARRAY['guided', 'received', 'rated', 'rejected'])[1 + n % 4],
		'usageSpecification', json_build_object('id', n % 2, 'version', n),
		'usageCharacteristic', json_build_array(json_build_object('name', 'duration', 'value', n * 10, 'unit', 's'),
			json_build_object('name', 'tree', 'value', json_build_object('a', n, 'b', json_build_array(1.50, '"\u00e9"'::json)))),
		'relatedParty', json_build_array(json_build_object('role', 'payer', 'id', n % 5, 'rank', n), json_build_object('role', 'customer', 'id', n % 5)),
		'ratedProductUsage', CASE WHEN n % 4 = 2 THEN json_build_array(pg_temp.rating(n + 0.10)) END,
		'other', json_build_object('n', n, 'amount', '0.10'::json)))))
	FROM generate_series(1, 12) n $$;
SELECT pg_temp.fill();

-- Patching a collection does what patching one by one does: the same rows, but for when
CREATE TEMP TABLE patch_case (n serial PRIMARY KEY, query text, patch text, content_type text, version text DEFAULT 'r14.5');
INSERT INTO patch_case (query, patch) VALUES
('all=true', '{}'),
('all=true', '{"description": "the same for all"}'),
('all=true', '{"description": null}'),
('all=true', '{"description": ""}'),
('type=VOICE', '{"type": "CALL", "description": null}'),
('type=VOICE', '{"usageType": "CALL"}'),
('status=guided,rated', '{"date": "2001-01-31T23:59:59.999999Z"}'),
('status=guided,rated', '{"date": "2001-05-01"}'),
('status=guided', '{"status": "rejected"}'),
('status=guided', '{"status": "REJECTED", "description": "wrong"}'),
('status=rejected', '{"status": "recycled", "why": "corrected"}'),
('usageCharacteristic.duration.gt=60', '{"description": "long"}'),
('relatedParty.role=payer&relatedParty.id=3', '{"other": {"n": null}}'),
('all=true', '{"other": null}'),
('all=true', '{"other": null, "why": [1, null, {"a": null}], "n": 0.10, "nothing": null}'),
('type=SMS', '{"other": 5, "description": null}'),
('all=true', '{"usageSpecification": {"id": "9"}}'),
('all=true', '{"usageSpecification": {"version": null, "name": "Voice"}}'),
('all=true', '{"usageSpecification": null, "status": null}'),
('all=true', '{"usageCharacteristic": [{"name": "a", "value": 1.10}]}'),
('all=true', '{"usageCharacteristic": null, "relatedParty": []}'),
('type=SMS', '{"relatedParty": [{"role": "r", "ref": "http://host/9", "validFor": {"startTime": "2001-01-01"}}]}'),
('status=rated', '{"status": "billed"}'),
('status=rated', '{"status": "billed", "other": {"bill": 7}}'),
('id=nobody', '{"status": "billed"}');
INSERT INTO patch_case (query, patch, content_type) VALUES
('all=true', '[]', 'application/json-patch+json'),
('all=true', '[{"op": "replace", "path": "/type", "value": "CALL"}]', 'application/json-patch+json'),
('all=true', '[{"op": "copy", "from": "/other/amount", "path": "/usageCharacteristic/0/value"}]', 'application/json-patch+json'),
('all=true', '[{"op": "move", "from": "/relatedParty/0/rank", "path": "/relatedParty/1/rank"}, {"op": "remove", "path": "/relatedParty/0"}]', 'application/json-patch+json'),
('all=true', '[{"op": "add", "path": "/list", "value": []}, {"op": "add", "path": "/list/-", "value": 1}, {"op": "add", "path": "/list", "value": {"a": 2}}]', 'application/json-patch+json'),
('all=true', '[{"op": "replace", "path": "/usageCharacteristic/value?name=duration", "value": 1.0}]', 'application/json-patch-query+json'),
('all=true', '{"op": "add", "path": "relatedParty", "value": {"role": "r"}}', NULL),
('status=rated', '[{"op": "replace", "path": "/ratedProductUsage/0/taxIncludedRatingAmount", "value": 1.10}, {"op": "replace", "path": "/status", "value": "rerated"}]', 'application/json-patch+json');
INSERT INTO patch_case (query, patch, content_type, version) VALUES
('usageType=VOICE', '{"usageType": "CALL"}', NULL, 'v4'),
('type=VOICE', '{"type": null, "description": "typed by its specification"}', NULL, 'v4'),
('all=true', '{"usageDate": null}', NULL, 'v4'),
('status=rated', '[{"op": "replace", "path": "/ratedProductUsage/0/taxIncludedRatingAmount/value", "value": 1.10}]', 'application/json-patch+json', 'v4'),
('ratedProductUsage.taxIncludedRatingAmount.value.gt=3', '{"ratedProductUsage": [{"taxIncludedRatingAmount": {"unit": "USD", "value": 1}, "taxExcludedRatingAmount": {"unit": "USD", "value": 1},
	"ratingDate": "2001-02-03", "taxRate": 0, "productRef": {"id": "8"}}]}', NULL, 'v4'),
('all=true', '[{"op": "add", "path": "/relatedParty", "value": {"@referredType": "Individual"}}]', 'application/json-patch+json', 'v4');
CREATE FUNCTION pg_temp.rows() RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_agg(to_jsonb(u) - 'received_at' - 'changed_at'
		|| jsonb_build_object('seen', usage_mgmt.to_tmf(u, 'r14.5')::text, 'seen_v4', usage_mgmt.to_tmf(u, 'v4')::text) ORDER BY id)
	FROM usage_mgmt.usage u $$;
CREATE FUNCTION pg_temp.patched(c patch_case, at_once boolean, OUT result jsonb, OUT named bigint, OUT counted bigint) LANGUAGE plpgsql AS $$
BEGIN
	named := usage_mgmt.count_usages(c.query, c.version);
	IF at_once THEN
		counted := usage_mgmt.patch_usages(c.query, c.patch::json, c.content_type, c.version);
	ELSE
		PERFORM usage_mgmt.patch_usage(g ->> 'id', c.patch::json, c.content_type, c.version)
			FROM usage_mgmt.get_usages(c.query, c.version) g;
	END IF;
	result := pg_temp.rows();
	RAISE 'taken back' USING ERRCODE = 'ZZ999';
EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
	RETURN;
END
$$;
CREATE TEMP TABLE patch_result AS
	SELECT n, whole.named, whole.counted, whole.result AS at_once, one.result AS one_by_one
	FROM patch_case c, pg_temp.patched(c, true) whole, pg_temp.patched(c, false) one;
SELECT count(*) AS tested, sum(counted) AS changed, count(DISTINCT one_by_one) AS results FROM patch_result;
SELECT n, named, counted FROM patch_result WHERE named <> counted;
SELECT n, c.patch, a.row AS at_once, b.row AS one_by_one
FROM patch_result JOIN patch_case c USING (n),
	jsonb_array_elements(at_once) WITH ORDINALITY a(row, place) JOIN jsonb_array_elements(one_by_one) WITH ORDINALITY b(row, place) USING (place)
WHERE a.row <> b.row;
-- each by itself gives the same where none is refused
CREATE FUNCTION pg_temp.patched_each(c patch_case, OUT result jsonb, OUT refused bigint) LANGUAGE plpgsql AS $$
BEGIN
	refused := count(*) FROM usage_mgmt.patch_usages_each(c.query, c.patch::json, c.content_type, c.version);
	result := pg_temp.rows();
	RAISE 'taken back' USING ERRCODE = 'ZZ999';
EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
	RETURN;
END
$$;
SELECT count(*) AS tested, count(*) FILTER (WHERE refused > 0) AS refused, count(*) FILTER (WHERE result <> at_once) AS other
FROM patch_result JOIN patch_case c USING (n), LATERAL (SELECT * FROM pg_temp.patched_each(c)) e;

-- All or nothing; the error names the record
CREATE TEMP TABLE before AS SELECT pg_temp.rows() AS rows;
SELECT pg_temp.refusal(s) FROM (VALUES (1, $$SELECT usage_mgmt.patch_usages('status=rejected,received', '{"status": "guided"}')$$),
	(2, $$SELECT usage_mgmt.patch_usages('id=u04,u02', '{"status": "rated"}')$$),
	(3, $$SELECT usage_mgmt.patch_usages('id=u04,u02', '{"status": "rated", "more": 1}')$$),
	(4, $$SELECT usage_mgmt.patch_usages('id=u02,u03', '{"type": null}')$$),
	(5, $$SELECT usage_mgmt.patch_usages('id=u02', '{"id": "u03"}')$$),
	(6, $$SELECT usage_mgmt.patch_usages('id=u02', '{"date": "soon"}')$$),
	(7, $$SELECT usage_mgmt.patch_usages('id=u02,u03', '[{"op": "replace", "path": "/type", "value": "CALL"}, {"op": "test", "path": "/other/n", "value": 2}]', 'application/json-patch+json')$$),
	(8, $$SELECT usage_mgmt.patch_usages('id=u02', '[{"op": "remove", "path": "/id"}]', 'application/json-patch+json')$$),
	(9, $$SELECT usage_mgmt.patch_usages('id=nobody', '[{"op": "remove"}]', 'application/json-patch+json')$$),
	(10, $$SELECT usage_mgmt.patch_usages('all=true', '{"description": "d"}', 'text/plain')$$),
	(11, $$SELECT usage_mgmt.patch_usages('all=true', '["d"]')$$)) v(n, s) ORDER BY n;
-- the record that a plain UPDATE fails at is named in the same way
SELECT pg_temp.refusal($$UPDATE usage_mgmt.usage SET status = 'billed' WHERE id IN ('u02', 'u03')$$);
SELECT count(*) AS unchanged FROM before WHERE rows = pg_temp.rows();

-- A collection is whole
SELECT f, p, pg_temp.refusal(format('SELECT usage_mgmt.%s', replace(f, '?', p)))
FROM unnest(ARRAY[$$patch_usages('?', '{}')$$, $$patch_usages_each('?', '{}')$$, $$delete_usages('?')$$,
	$$patch_usage_specifications('?', '{}')$$, $$patch_usage_specifications_each('?', '{}')$$, $$delete_usage_specifications('?')$$]) f,
	unnest(ARRAY['limit=1', 'offset=1', 'after=u01', 'type=VOICE&limit=0']) p
WHERE pg_temp.refusal(format('SELECT usage_mgmt.%s', replace(f, '?', p))) NOT LIKE '22023 %';
SELECT pg_temp.refusal($$SELECT usage_mgmt.patch_usages('limit=1', '{}')$$);
SELECT pg_temp.refusal($$SELECT usage_mgmt.patch_usages('usageDate.gt=soon', '{}')$$);
-- who names nothing does not mean everything
SELECT pg_temp.refusal('SELECT usage_mgmt.patch_usages(NULL, ''{}'')') <> 'accepted' AS patch_refused,
	pg_temp.refusal('SELECT * FROM usage_mgmt.patch_usages_each(NULL, ''{}'')') <> 'accepted' AS each_refused,
	pg_temp.refusal('SELECT usage_mgmt.delete_usages(NULL)') <> 'accepted' AS delete_refused;
-- so a query without a condition, or with names that lead nowhere, changes nothing
SELECT p, array_agg(DISTINCT pg_temp.refusal(format('SELECT usage_mgmt.%s', replace(f, '?', p)))) AS refused
FROM unnest(ARRAY[$$patch_usages('?', '{"description": "all"}')$$, $$patch_usages_each('?', '{"description": "all"}')$$, $$delete_usages('?')$$,
	$$patch_usage_specifications('?', '{}')$$, $$patch_usage_specifications_each('?', '{}')$$, $$delete_usage_specifications('?')$$]) f,
	unnest(ARRAY['', '&', 'fields=id', 'sort=-id', 'all=false', 'all=1', 'statsu.ne=rated', 'nosuch.ne=1', 'relatedParty.rol.ne=x', 'status=rejected&sort=statsu', 'status=rejected&fields=statsu']) p
GROUP BY p ORDER BY p COLLATE "C";
SELECT count(*) AS unchanged FROM before WHERE rows = pg_temp.rows();
-- "ne" of what the model cannot know goes to what has the name, whatever stands there; of an attribute also to what has none
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, usage_characteristic, related_party, extra) VALUES
	('ne1', '2001-01-01', 'NE', '{"colour": "red"}', ARRAY[usage_mgmt.related_party(role => 'r', alias => '[{"type": "a"}]', extra => '{"n": 1}')], '{"zone": "a", "deep": {"er": 1}}'),
	('ne2', '2001-01-01', 'NE', '{"colour": "blue"}', ARRAY[usage_mgmt.related_party(role => 'r', alias => '[{"type": "b"}]', extra => '{"n": 2}')], '{"zone": ["b", "c"], "deep": {"er": 2}}'),
	('ne3', '2001-01-01', 'NE', '{"color": "blue"}', ARRAY[usage_mgmt.related_party(role => 'r')], '{"deep": 7}'),
	('ne4', '2001-01-01', 'NE', NULL, NULL, NULL);
CREATE FUNCTION pg_temp.named(query text, OUT got text, OUT patched text, OUT each_patched text, OUT deleted text) LANGUAGE plpgsql AS $$
BEGIN
	query := 'type=NE&' || query;
	got := array_agg(g ->> 'id') FROM usage_mgmt.get_usages(query || '&sort=id') g;
	BEGIN
		PERFORM usage_mgmt.patch_usages(query, '{"description": "patched"}');
		patched := array_agg(id ORDER BY id) FROM usage_mgmt.usage WHERE description = 'patched';
		RAISE SQLSTATE 'ZZ999';
	EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
	END;
	BEGIN
		PERFORM usage_mgmt.patch_usages_each(query, '[{"op": "add", "path": "/description", "value": "patched"}]', 'application/json-patch+json');
		each_patched := array_agg(id ORDER BY id) FROM usage_mgmt.usage WHERE description = 'patched';
		RAISE SQLSTATE 'ZZ999';
	EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
	END;
	BEGIN
		PERFORM usage_mgmt.delete_usages(query);
		deleted := array_agg(n ORDER BY n) FROM unnest(ARRAY['ne1', 'ne2', 'ne3', 'ne4']) n WHERE NOT EXISTS (SELECT FROM usage_mgmt.usage WHERE id = n);
		RAISE SQLSTATE 'ZZ999';
	EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
	END;
END
$$;
SELECT query, n.* FROM (VALUES (1, 'usageCharacteristic.colour.ne=red'), (2, 'usageCharacteristic.nosuch.ne=red'), (3, 'extra.zone.ne=a'), (4, 'extra.zone!=b'), (5, 'extra.nosuch.ne=a'),
	(6, 'extra.deep.er.ne=1'), (7, 'relatedParty.extra.n.ne=1'), (8, 'relatedParty.extra.nosuch.ne=1'), (9, 'relatedParty.alias.type.ne=a'), (10, 'relatedParty.alias.typ.ne=a'),
	(11, 'usageSpecification.extra.version.ne=1'), (12, 'usageCharacteristic.colour=red,blue'), (13, 'usageSpecification.id.ne=1'), (14, 'relatedParty.name.ne=x'), (15, 'usageCharacteristic.name.ne=colour'),
	(16, 'all=true')) v (place, query), pg_temp.named(query) n ORDER BY place;
DELETE FROM usage_mgmt.usage WHERE usage_type = 'NE';

-- Each by itself: a table of what was refused and why; the good ones are changed
SELECT * FROM usage_mgmt.patch_usages_each('all=true', '{"status": "rejected", "note": "by itself"}');
SELECT id, status FROM usage_mgmt.usage WHERE extra ? 'note' ORDER BY id;
SELECT * FROM usage_mgmt.patch_usages_each('id=u01,u02', '[{"op": "test", "path": "/other/n", "value": 2}, {"op": "add", "path": "/note", "value": "two"}]', 'application/json-patch+json');
SELECT id, code, errors FROM usage_mgmt.patch_usages_each('id=u02,nobody', '{"date": "soon", "usageType": ""}', NULL, 'v4');
SELECT extra ->> 'note' AS note FROM usage_mgmt.usage WHERE id = 'u02';
-- what is wrong with the patch itself is no record's fault
SELECT pg_temp.refusal($$SELECT * FROM usage_mgmt.patch_usages_each('all=true', '[{"op": "remove"}]', 'application/json-patch+json')$$),
	pg_temp.refusal($$SELECT * FROM usage_mgmt.patch_usages_each('all=true', '{}', 'text/plain')$$);
-- two of the same kind in one transaction, taken back whole
BEGIN;
SELECT count(*) FROM usage_mgmt.patch_usages_each('status=rated', '{"status": "billed"}');
SELECT count(*) FROM usage_mgmt.patch_usages_each('status=billed', '{"type": "CALL"}');
SELECT count(*) FROM usage_mgmt.usage WHERE status = 'billed';
ROLLBACK;

-- A trigger of the user's own that refuses one row
CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE 'no change of %', NEW.id USING ERRCODE = 'P0001';
END
$$;
CREATE TRIGGER refuse_one BEFORE UPDATE ON usage_mgmt.usage FOR EACH ROW WHEN (OLD.id = 'u05') EXECUTE FUNCTION pg_temp.refuse();
SELECT pg_temp.refusal($$SELECT usage_mgmt.patch_usages('all=true', '{"description": "new"}')$$),
	pg_temp.refusal($$SELECT usage_mgmt.patch_usages('all=true', '{"new": "new"}')$$);
SELECT * FROM usage_mgmt.patch_usages_each('type=SMS,DATA', '{"description": "new"}');
SELECT count(*), count(*) FILTER (WHERE description = 'new') AS new FROM usage_mgmt.usage WHERE usage_type IN ('SMS', 'DATA');
DROP TRIGGER refuse_one ON usage_mgmt.usage;

-- What stops the session is no record's fault: it ends the statement, which has changed nothing then
CREATE FUNCTION pg_temp.stop() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('my.code') = 'cancel' THEN
		PERFORM pg_cancel_backend(pg_backend_pid());
	ELSE
		RAISE 'stopped' USING ERRCODE = current_setting('my.code');
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER a_stop BEFORE UPDATE ON usage_mgmt.usage FOR EACH ROW WHEN (OLD.id = 'u05') EXECUTE FUNCTION pg_temp.stop();
CREATE FUNCTION pg_temp.stopped(code text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	refused text;
BEGIN
	PERFORM set_config('my.code', code, true);
	refused := string_agg(id || ' ' || e.code, ', ') FROM usage_mgmt.patch_usages_each('type=SMS,DATA', '{"description": "newer"}') e;
	RETURN 'refused: ' || refused;
EXCEPTION WHEN OTHERS OR query_canceled THEN
	RETURN 'stopped: ' || SQLSTATE;
END
$$;
SELECT code, pg_temp.stopped(code) FROM unnest('{cancel,57014,57P01,53200,53100,40001,40P01,XX000,XX001,58030,25006}'::text[]) code;
SELECT count(*) AS changed FROM usage_mgmt.usage WHERE description = 'newer';
-- anything else is the record's
SELECT code, pg_temp.stopped(code) FROM unnest('{P0001,22023,23514,42501,55P03,UM001,ZZ001}'::text[]) code;
SELECT count(*) AS changed FROM usage_mgmt.usage WHERE description = 'newer';
DROP TRIGGER a_stop ON usage_mgmt.usage;
BEGIN READ ONLY;
SELECT * FROM usage_mgmt.patch_usages_each('all=true', '{"description": "read"}');
ROLLBACK;

-- Deletion: billed usages are refused unless asked for
SELECT usage_mgmt.patch_usages('status=rated', '{"status": "billed"}');
SELECT pg_temp.refusal($$SELECT usage_mgmt.delete_usages('all=true')$$);
SELECT count(*) FROM usage_mgmt.usage;
SELECT usage_mgmt.delete_usages('status=rejected&type=VOICE');
SELECT usage_mgmt.delete_usages('id=nobody');
SELECT usage_mgmt.delete_usages('status.ne=billed');
SELECT pg_temp.refusal($$SELECT usage_mgmt.delete_usages('all=true', billed => NULL)$$);
SELECT usage_mgmt.delete_usages('all=true', billed => true);
SELECT count(*), (SELECT count(*) FROM usage_mgmt.usage_key) AS keys FROM usage_mgmt.usage;
-- the permission ends with the call
SELECT pg_temp.fill();
SELECT usage_mgmt.patch_usages('status=rated', '{"status": "billed"}');
SELECT pg_temp.refusal('DELETE FROM usage_mgmt.usage');
-- in the names of a version
SET usage_mgmt.tmf_version = 'v4';
SELECT usage_mgmt.delete_usages('usageDate.lt=2001-03-01&usageType=SMS');
RESET usage_mgmt.tmf_version;
SELECT * FROM usage_mgmt.check_keys();

-- of the instant that PostgreSQL counts from, whose number is 0
SELECT usage_mgmt.post_usage('{"id": "epoch", "date": "2000-01-01T00:00:00Z", "type": "VOICE"}') ->> 'id' AS id;
SELECT usage_mgmt.patch_usages('id=epoch', '[{"op": "replace", "path": "/type", "value": "CALL"}]', 'application/json-patch+json') AS patched;
SELECT usage_type FROM usage_mgmt.usage WHERE id = 'epoch';

-- Specifications
SELECT count(usage_mgmt.post_usage_specification(json_build_object('id', 's' || n, 'name', 'Specification ' || n,
	'status', CASE WHEN n = 3 THEN 'active' ELSE 'in study' END, 'usageSpecCharacteristic', json_build_array(json_build_object('name', 'duration', 'n', n)))))
FROM generate_series(1, 4) n;
SELECT pg_temp.refusal($$SELECT usage_mgmt.patch_usage_specifications('all=true', '{"status": "in design"}')$$);
SELECT usage_mgmt.patch_usage_specifications('lifecycleStatus=in study', '{"lifecycleStatus": "in design", "version": "2"}', NULL, 'v4');
SELECT usage_mgmt.patch_usage_specifications('all=true', '[{"op": "add", "path": "/specCharacteristic", "value": {"name": "volume"}}]', 'application/json-patch+json', 'v4');
SELECT * FROM usage_mgmt.patch_usage_specifications_each('all=true', '{"status": "in test"}');
SELECT usage_mgmt.get_usage_specifications('fields=id,status,version,usageSpecCharacteristic.name&sort=id');
SELECT usage_mgmt.delete_usage_specifications('status=in test');
SELECT id FROM usage_mgmt.usage_specification;

TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification;
DROP TABLE usage_mgmt.usage_p200101, usage_mgmt.usage_p200102;
