-- The native views: the standard's names over the tables, for reading alone
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';

-- Every resource has one, every dated one its counts
SELECT c.relname, string_agg(attname, ', ' ORDER BY attnum) AS columns
FROM pg_class c JOIN pg_attribute ON attrelid = c.oid
WHERE relnamespace = 'usage_api'::regnamespace AND relkind = 'v' AND attnum > 0 AND NOT attisdropped
GROUP BY 1 ORDER BY 1;
SELECT count(*) AS without_rights_of_the_caller FROM pg_class
WHERE relnamespace = 'usage_api'::regnamespace AND relkind = 'v' AND reloptions IS DISTINCT FROM '{security_invoker=true}';

-- The attributes of a resource as each version calls them
SELECT version, string_agg(coalesce(name, '(' || columns[1] || ')'), ' ') AS attributes
FROM usage_mgmt.resource_attributes('usage') GROUP BY 1 ORDER BY 1;
SELECT name, columns, pairs, gathered FROM usage_mgmt.resource_attributes('service_usage')
WHERE NOT plain OR pairs IS NOT NULL;
SELECT usage_mgmt.resource_attributes('nothing');

-- One attribute of a row as to_tmf() writes it: all of them make the whole
SELECT usage_mgmt.post_usage('{"id": "native 1", "usageDate": "2026-01-15T10:00:00.5Z", "usageType": "voice", "status": "rated",
	"description": "caf\u00e9", "usageSpecification": {"id": "s", "unknown": [1]}, "more": {"deep": true}, "@type": "Usage",
	"usageCharacteristic": [{"name": "duration", "value": 61, "unit": "s"}, {"name": "to", "value": "49"}],
	"relatedParty": [{"id": "45", "role": "customer", "validFor": {"startDateTime": "2026-01-01"}}],
	"ratedProductUsage": [{"ratingDate": "2026-01-16", "taxIncludedRatingAmount": {"unit": "EUR", "value": 1.20},
		"taxExcludedRatingAmount": {"unit": "EUR", "value": 1}, "taxRate": 20, "productRef": {"id": "7", "href": "/p/7"}}]}', 'v4') IS NULL AS lost;
SELECT usage_mgmt.post_usage_specification('{"id": "native s", "name": "Voice", "validFor": {"startDateTime": "2026-01-01"},
	"specCharacteristic": [{"name": "duration", "characteristicValueSpecification": [{"valueType": "number", "valueFrom": 0}]}]}', 'v4') IS NULL AS lost;
SELECT a.version, usage_mgmt.to_tmf(u, a.version)::jsonb - 'more' = jsonb_object_agg(a.name, usage_mgmt.attribute_json(u, a.name, a.version))
		FILTER (WHERE a.name IS NOT NULL AND usage_mgmt.attribute_json(u, a.name, a.version) IS NOT NULL) AS same
FROM usage_mgmt.usage u, usage_mgmt.resource_attributes('usage') a WHERE u.id = 'native 1' GROUP BY a.version, u.* ORDER BY 1;
SELECT usage_mgmt.attribute_json(u, 'usageDate'), usage_mgmt.attribute_json(u, 'rejection') FROM usage_mgmt.usage u WHERE id = 'native 1';
SELECT usage_mgmt.attribute_json(u, NULL), usage_mgmt.attribute_json(NULL::usage_mgmt.usage, 'id'),
	usage_mgmt.attribute_json(u, 'date', 'v4') FROM usage_mgmt.usage u WHERE id = 'native 1';
SELECT usage_mgmt.attribute_json(u, 'id', 'v7') FROM usage_mgmt.usage u WHERE id = 'native 1';
SELECT usage_mgmt.attribute_json(1, 'id');

-- The JSON that PostgREST makes of a row is that of v4, but for what can be filtered by beside it
SELECT to_jsonb(n) - '{characteristic,partyIds,ratingRefs,usageSpecificationId,rejection,extra,receivedAt,changedAt,loadId}'::text[]
		- '{@baseType,@schemaLocation}'::text[]
	= usage_mgmt.to_tmf(u, 'v4')::jsonb - 'more' || jsonb_build_object('usageDate', u.usage_date) AS same
FROM usage_api.usage n JOIN usage_mgmt.usage u USING (id) WHERE id = 'native 1';
SELECT row_to_json(n) FROM (SELECT "usageCharacteristic", characteristic, "partyIds", "ratingRefs", "usageSpecificationId", extra
	FROM usage_api.usage WHERE id = 'native 1') n;
SELECT row_to_json(n) FROM (SELECT "lifecycleStatus", "validFor", "validFrom", "specCharacteristic"
	FROM usage_api.usage_specification WHERE id = 'native s') n;

-- What people filter by, as PostgREST writes it
SELECT id FROM usage_api.usage WHERE characteristic ->> 'duration' = '61' AND status = 'rated'
	AND "partyIds" @> '{45}' AND "ratingRefs" @> '{7}' AND "usageSpecificationId" = 's' AND "usageDate" >= '2026-01-15';
SELECT id FROM usage_api.usage WHERE characteristic ->> 'duration' = '62' OR "partyIds" @> '{46}';

-- and what serves it
CREATE FUNCTION pg_temp.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
		RETURN NEXT line;
	END LOOP;
END
$$;
BEGIN;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_indexscan = off;
CREATE INDEX ON usage_mgmt.usage USING gin (usage_mgmt.party_ids(related_party));
CREATE INDEX ON usage_mgmt.usage ((usage_characteristic::jsonb ->> 'duration'));
SELECT DISTINCT trim(line) AS plan FROM pg_temp.plan($$SELECT id FROM usage_api.usage WHERE "partyIds" @> '{45}'$$) line WHERE line ~ 'Index Cond';
SELECT DISTINCT trim(line) AS plan FROM pg_temp.plan($$SELECT id FROM usage_api.usage WHERE characteristic ->> 'duration' = '61'$$) line WHERE line ~ 'Index Cond';
ROLLBACK;

-- Counts are of the last 31 days in UTC, and of whole ones
SELECT usage_mgmt.ensure_partitions(now() - interval '2 months', now());
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status)
	SELECT 'native ' || d || status, (date_trunc('day', now(), 'UTC') - d * interval '24 hours'), 'voice', status::usage_mgmt.usage_status
	FROM unnest('{0,1,30,31}'::int[]) d, unnest('{received,guided}'::text[]) status;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type)
	SELECT 'native at ' || n, date_trunc('day', now(), 'UTC') + n * interval '1 day' - interval '1 microsecond', 'voice' FROM generate_series(0, 2) n;
SELECT (now() AT TIME ZONE 'UTC')::date - day AS ago, status, n FROM usage_api.usage_count ORDER BY 1, 2;
SET TimeZone = 'Pacific/Kiritimati';
SELECT (now() AT TIME ZONE 'UTC')::date - day AS ago, status, n FROM usage_api.usage_count ORDER BY 1, 2;
SET TimeZone = 'UTC';
-- and no other months are looked at, for one day one
CREATE FUNCTION pg_temp.months(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	line text;
	months bigint := 0;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) ' || query LOOP
		months := months + (line ~ ' on usage_(p[0-9]+|default) ' AND line !~ 'never executed')::integer;
	END LOOP;
	RETURN months;
END
$$;
SELECT pg_temp.months('SELECT * FROM usage_api.usage_count') <= 4 AS few;

-- Nothing is written through them, by nobody
INSERT INTO usage_api.usage (id, "usageDate", "usageType") VALUES ('x', now(), 'x');
UPDATE usage_api.usage SET description = 'x';
UPDATE usage_api.usage SET description = 'x' WHERE false;
DELETE FROM usage_api.usage;
DELETE FROM usage_api.usage_count;
INSERT INTO usage_api.load (source) VALUES ('x');
UPDATE usage_api.reject SET errors = '[]';
DELETE FROM usage_api.listener;
COPY usage_api.usage (id) FROM stdin;
x
\.
SELECT count(*) FROM usage_mgmt.usage WHERE description = 'x';

-- Who sees what
CREATE ROLE usage_mgmt_native;
CREATE FUNCTION pg_temp.sees() RETURNS TABLE (name text, answer text) LANGUAGE plpgsql AS $$
BEGIN
	FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'usage_api'::regnamespace AND relkind = 'v' ORDER BY 1 LOOP
		BEGIN
			SET LOCAL ROLE usage_mgmt_native;
			EXECUTE format('SELECT count(*)::text FROM usage_api.%I', name) INTO answer;
		EXCEPTION WHEN insufficient_privilege THEN
			answer := 'no right';
		END;
		RESET ROLE;
		RETURN NEXT;
	END LOOP;
END
$$;
SELECT usage_mgmt.grant_access('usage_mgmt_native', 'reader');
SELECT string_agg(name, ' ') AS reader FROM pg_temp.sees() WHERE answer <> 'no right';
DROP OWNED BY usage_mgmt_native;
SELECT usage_mgmt.grant_access('usage_mgmt_native', 'loader');
SELECT string_agg(name, ' ') AS loader FROM pg_temp.sees() WHERE answer <> 'no right';
DROP OWNED BY usage_mgmt_native;
SELECT usage_mgmt.grant_access('usage_mgmt_native', 'operator');
SELECT string_agg(name, ' ') AS operator FROM pg_temp.sees() WHERE answer <> 'no right';
SELECT count(*) = 0 AS for_reading_alone FROM information_schema.role_table_grants
WHERE grantee = 'usage_mgmt_native' AND table_schema = 'usage_api' AND privilege_type <> 'SELECT';

-- An operator sees all listeners, whoever reads sees his own
SELECT usage_mgmt.register_usage_listener(NULL, 'fields=id') IS NULL AS lost;
SET ROLE usage_mgmt_native;
SELECT resource, state, "lagEvents" FROM usage_api.listener;
\set VERBOSITY sqlstate
SELECT usage_mgmt.unregister_usage_listener(listener) FROM usage_api.listener;
\set VERBOSITY terse
RESET ROLE;
DROP OWNED BY usage_mgmt_native;
SELECT usage_mgmt.grant_access('usage_mgmt_native', 'reader');
SET ROLE usage_mgmt_native;
SELECT count(*) FROM usage_api.listener;
SELECT usage_mgmt.register_usage_listener(NULL, 'fields=id') IS NULL AS lost;
SELECT count(*) FROM usage_api.listener;
BEGIN READ ONLY;
SELECT state, "lagEvents" FROM usage_api.listener;
COMMIT;
RESET ROLE;
SELECT usage_mgmt.unregister_usage_listener(listener) FROM usage_api.listener;

-- Row security of the tables holds
CREATE POLICY native_only ON usage_mgmt.usage USING (id = 'native 1');
ALTER TABLE usage_mgmt.usage ENABLE ROW LEVEL SECURITY;
SET ROLE usage_mgmt_native;
SELECT id FROM usage_api.usage;
SELECT count(*) FROM usage_api.usage_count;
RESET ROLE;
DROP POLICY native_only ON usage_mgmt.usage;
ALTER TABLE usage_mgmt.usage DISABLE ROW LEVEL SECURITY;
DROP OWNED BY usage_mgmt_native;
DROP ROLE usage_mgmt_native;

-- Somebody's own view of that name is not touched, an older one of ours gets what it lacks
BEGIN;
DROP VIEW usage_api.usage_count;
CREATE VIEW usage_api.usage_count AS SELECT 1 AS mine;
SAVEPOINT theirs;
SELECT usage_mgmt.install_tables();
ROLLBACK TO theirs;
ALTER VIEW usage_api.usage_count RENAME TO my_count;
DROP VIEW usage_api.usage;
CREATE VIEW usage_api.usage WITH (security_invoker = true) AS SELECT u.usage_date AS "usageDate", u.id FROM usage_mgmt.usage u;
CREATE VIEW public.theirs AS SELECT id FROM usage_api.usage;
SELECT usage_mgmt.install_tables();
SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'usage_api.usage'::regclass AND attnum <= 4;
SELECT n.nspname, c.relname, count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace LEFT JOIN pg_trigger ON tgrelid = c.oid
WHERE nspname = 'usage_api' AND relname LIKE '%\_count' AND relkind = 'v' GROUP BY 1, 2 ORDER BY 1, 2;
ROLLBACK;

SET client_min_messages = warning;
DELETE FROM usage_mgmt.usage WHERE id LIKE 'native %' AND status <> 'rated';
DELETE FROM usage_mgmt.usage WHERE id = 'native 1';
DELETE FROM usage_mgmt.usage_specification WHERE id = 'native s';
