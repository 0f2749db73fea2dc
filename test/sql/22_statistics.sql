-- What ANALYZE keeps of characteristics, and the estimates that come of it.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
SET TimeZone = 'UTC';
SET search_path = public, usage_mgmt;

-- How far the estimate of a condition is from what it finds: at most 3 times, or so many.
CREATE FUNCTION pg_temp.estimate(relation text, condition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan json;
	estimate numeric;
	found numeric;
BEGIN
	EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM %s WHERE %s', relation, condition) INTO plan;
	EXECUTE format('SELECT count(*) FROM %s WHERE %s', relation, condition) INTO found;
	estimate := greatest((plan -> 0 -> 'Plan' ->> 'Plan Rows')::numeric, 1);
	found := greatest(found, 1);
	RETURN CASE WHEN greatest(estimate / found, found / estimate) <= 3 THEN 'within 3' ELSE format('%s for %s', estimate, found) END;
END
$$;

-- 4,000 lists of two kinds: names common and rare, values few and many; some null, some empty.
-- So few rows are read whole, so all of it is exact.
CREATE TABLE public.measured (n int, c characteristics);
ALTER TABLE public.measured SET (autovacuum_enabled = off);
INSERT INTO public.measured SELECT n, CASE
	WHEN n % 10 = 0 THEN NULL
	WHEN n % 10 = 1 THEN '[]'
	WHEN n % 10 < 7 THEN json_build_object('number', '4367' || n % 50, 'session', n, 'duration', n % 7 * 1.50, 'zone', (ARRAY['NAT', 'NAT', 'EU', 'INT'])[n / 10 % 4 + 1],
		'tariff', (ARRAY['T1', 'T1', 'T2', 'T3'])[n / 10 % 4 + 1], 'roaming', n % 3 = 0)::text
	WHEN n = 97 THEN '[{"name":"volume","value":{"up":1,"down":2}},{"name":"colour","value":"red"},{"name":"colour","value":"blue"},{"value":"nameless"}]'
	ELSE json_build_object('volume', n % 100, 'apn', CASE WHEN n % 100 = 8 THEN 'corp' ELSE 'internet' END, 'parts', json_build_array(n))::text
	END::characteristics
FROM generate_series(0, 3999) n;
CREATE FUNCTION pg_temp.estimates(relation text) RETURNS TABLE (condition text, estimate text) LANGUAGE sql AS $$
	SELECT q, pg_temp.estimate(relation, q) FROM unnest(ARRAY[
		-- names: common, rare, absent
		$q$c ? 'zone'$q$, $q$c ? 'apn'$q$, $q$c ? 'colour'$q$, $q$c ? 'none'$q$, $q$c ? ''$q$, $q$NOT c ? 'zone'$q$,
		$q$c ?| '{zone,volume}'$q$, $q$c ?| '{zone,duration,none}'$q$, $q$c ?| '{none,NULL}'$q$, $q$c ?| '{}'$q$,
		$q$c ?& '{zone,duration,NULL}'$q$, $q$c ?& '{zone,none}'$q$, $q$c ?& '{}'$q$,
		-- values: of few, of many, unique, absent, of another kind
		$q$c @> '{"zone":"NAT"}'$q$, $q$c @> '{"zone":"INT"}'$q$, $q$c @> '{"zone":"none"}'$q$, $q$c @> '{"zone":1}'$q$,
		$q$c @> '{"number":"43675"}'$q$, $q$c @> '{"session":777}'$q$, $q$c @> '{"roaming":true}'$q$, $q$c @> '{"roaming":"true"}'$q$, $q$c @> '{"none":"NAT"}'$q$,
		$q$c @> '{"apn":"corp"}'$q$, $q$c @> '{"colour":"blue"}'$q$, $q$c @> '{"colour":"red"}'$q$, $q$c @> '{"colour":null}'$q$,
		-- numbers by value
		$q$c @> '{"duration":3}'$q$, $q$c @> '{"duration":0.30e1}'$q$, $q$c @> '{"duration":3.00}'$q$, $q$c @> '{"duration":-0}'$q$, $q$c @> '{"duration":"3.00"}'$q$, $q$c @> '{"volume":8}'$q$,
		-- as a query string compares them: a number and the text of one, any spelling, alternatives
		$q$c ?= '{duration,3.00}'$q$, $q$c ?= '{zone,NAT}'$q$, $q$c ?= '{zone,NAT,INT}'$q$, $q$c ?= '{zone,none}'$q$, $q$c ?= '{roaming,true}'$q$, $q$c ?= '{number,43675.0}'$q$,
		$q$c ?= '{colour,blue,red}'$q$, $q$c ?= '{none,1}'$q$, $q$c ?= '{zone}'$q$, $q$c ?= '{}'$q$, $q$c ?= '{NULL,1}'$q$, $q$NOT c ?= '{zone,NAT}'$q$,
		-- objects and arrays by their kind
		$q$c @> '{"parts":[]}'$q$, $q$c @> '{"volume":{}}'$q$, $q$c @> '{"volume":{"up":1}}'$q$, $q$c @> '{"parts":{}}'$q$,
		-- several, that depend on each other and that do not
		$q$c @> '{"zone":"NAT","tariff":"T1"}'$q$, $q$c @> '{"zone":"INT","tariff":"T3"}'$q$, $q$c @> '{"zone":"NAT","roaming":true}'$q$, $q$c @> '{"zone":"EU","roaming":false,"duration":3}'$q$,
		$q$c @> '{"zone":"NAT","number":"43675"}'$q$, $q$c @> '{"zone":"EU","zone":"NAT"}'$q$, $q$c @> '{"zone":"NAT","none":1}'$q$,
		-- all, none, the operands the other way round
		$q$c @> '{}'$q$, $q$c @> '[{"value":"nameless"}]'$q$, $q$c @> NULL$q$, $q$c ? NULL$q$, $q$NOT c @> '{"zone":"NAT"}'$q$, $q$'{"zone":"NAT"}' <@ c$q$]) WITH ORDINALITY q (q, n) ORDER BY n
$$;
ANALYZE public.measured;
SELECT * FROM pg_temp.estimates('public.measured');

-- It can be read
SELECT null_frac, n_distinct, (SELECT count(DISTINCT c::text) / 4000.0 FROM public.measured) AS counted FROM pg_stats WHERE tablename = 'measured' AND attname = 'c';
SELECT element, round(share::numeric, 4) AS share
FROM pg_stats, unnest(most_common_elems::text::text[], most_common_elem_freqs[:cardinality(most_common_elems::text::text[])]) WITH ORDINALITY u (element, share, n)
WHERE tablename = 'measured' AND attname = 'c' AND element !~ '^(number|volume)=[^{]' ORDER BY n;

-- As much as the column's statistics target says: names, and ten times as many values
ALTER TABLE public.measured ALTER c SET STATISTICS 3;
ANALYZE public.measured;
SELECT array_agg(element) FILTER (WHERE element !~ '=') AS names, count(*) FILTER (WHERE element ~ '=') AS values
FROM pg_stats, unnest(most_common_elems::text::text[]) element WHERE tablename = 'measured' AND attname = 'c';
ALTER TABLE public.measured ALTER c SET STATISTICS -1;

-- After an UPDATE, and without statistics, when it is a guess
UPDATE public.measured SET c = characteristics_set(c, 'zone', 'NEW') WHERE n % 2 = 0;
ANALYZE public.measured;
SELECT q, pg_temp.estimate('public.measured', q) FROM unnest(ARRAY[$q$c ? 'zone'$q$, $q$c @> '{"zone":"NEW"}'$q$, $q$c @> '{"zone":"NAT"}'$q$]) q;
UPDATE public.measured SET c = NULL;
ANALYZE public.measured;
SELECT q, pg_temp.estimate('public.measured', q) FROM unnest(ARRAY[$q$c ? 'zone'$q$, $q$c @> '{}'$q$, $q$c IS NULL$q$]) q;
UPDATE public.measured SET c = '{}';
ANALYZE public.measured;
SELECT q, pg_temp.estimate('public.measured', q) FROM unnest(ARRAY[$q$c ? 'zone'$q$, $q$c @> '{}'$q$, $q$c @> '{"zone":"NEW"}'$q$]) q;
DELETE FROM pg_statistic WHERE starelid = 'public.measured'::regclass;
SELECT q, pg_temp.estimate('public.measured', q) FROM unnest(ARRAY[$q$c ? 'zone'$q$, $q$c @> '{"zone":"NEW"}'$q$, $q$c ?| '{a}'$q$, $q$c ?& '{a}'$q$]) q;

-- Lists that are long, deep, damaged or in no encoding keep no table from being analyzed
CREATE CAST (bytea AS characteristics) WITHOUT FUNCTION;
TRUNCATE public.measured;
INSERT INTO public.measured SELECT n, '{"zone":"NAT","volume":1}' FROM generate_series(1, 100) n;
INSERT INTO public.measured SELECT n, json_object_agg('name ' || i, i + n)::text::characteristics FROM generate_series(101, 110) n, generate_series(1, 10000) i GROUP BY n;
INSERT INTO public.measured SELECT n, json_object_agg('name ' || n || '-' || i, i)::text::characteristics FROM generate_series(111, 900) n, generate_series(1, 1500) i GROUP BY n;
INSERT INTO public.measured VALUES (901, json_build_object('zone', repeat('x', 60000), repeat('n', 5000), 1)::text::characteristics),
	(902, (SELECT format('{"deep":%s%s}', repeat('[', 998), repeat(']', 998)))::characteristics), (903, '{"big":1e100000,"small":1e-1000}');
INSERT INTO public.measured SELECT 1000, wrong::characteristics FROM unnest(ARRAY['', '\x00', '\x01', '\x0105', '\x0101ff', '\x0181', '\x01ffffffff0f', '\x01010801', '\x010108ff',
	'\x010109047f41', '\x0101090441ff', '\x010121010141027b7d00', '\x01012101014101027b41',
	'\x0101020161036e616e', '\x01010201610131', '\x0101020161042d2d2d31', '\x010102016100', '\x01010501', '\x0101180141', '\x010140', '\x0101010141ffffffff0f41']::bytea[]) wrong;
INSERT INTO public.measured SELECT 1001, '\x010101017a02c328'::bytea::characteristics FROM generate_series(1, 5);
SET statement_timeout = '60s';
ANALYZE public.measured;
RESET statement_timeout;
-- what is sound was counted, whatever the rows among which it was found
SELECT count(*) > 0 AS names, bool_or(element = 'zone') AS zone, round(max(share) FILTER (WHERE element = 'zone="NAT"')::numeric, 2) AS nat, bool_or(element ~ '^z=') AS in_no_encoding, max(length(element)) < 512 AS short
FROM pg_stats, unnest(most_common_elems::text::text[], most_common_elem_freqs) u (element, share) WHERE tablename = 'measured' AND attname = 'c';
-- a condition that is damaged itself is guessed at, and found out where it is asked of a row
SELECT count(*) FROM public.measured WHERE n < 0 AND c @> '\x0105'::bytea::characteristics;
SELECT count(*) FROM public.measured WHERE n = 1 AND c @> '\x0105'::bytea::characteristics;
DROP CAST (bytea AS characteristics);

-- Who may not see the rows is told nothing of them by an estimate
CREATE ROLE regress_blind;
GRANT USAGE ON SCHEMA usage_mgmt TO regress_blind;
TRUNCATE public.measured;
INSERT INTO public.measured SELECT n, '{"zone":"NAT"}' FROM generate_series(1, 2000) n;
ANALYZE public.measured;
CREATE VIEW public.few WITH (security_barrier) AS SELECT * FROM public.measured WHERE n <= 1000;
CREATE VIEW public.open AS SELECT * FROM public.measured;
GRANT SELECT ON public.few, public.open TO regress_blind;
CREATE FUNCTION pg_temp.guessed(relation text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE format($q$EXPLAIN (FORMAT JSON) SELECT FROM %s WHERE c OPERATOR(usage_mgmt.@>) '{"zone":"NAT"}'$q$, relation) INTO plan;
	RETURN (plan -> 0 -> 'Plan' ->> 'Plan Rows')::int < 100;
END
$$;
SET ROLE regress_blind;
SELECT pg_temp.guessed('public.few') AS few, pg_temp.guessed('public.open') AS open;
RESET ROLE;
SELECT pg_temp.guessed('public.few') AS few, pg_temp.guessed('public.open') AS open;
ALTER TABLE public.measured ENABLE ROW LEVEL SECURITY;
CREATE POLICY but_one ON public.measured FOR SELECT TO regress_blind USING (n < 1000);
GRANT SELECT ON public.measured TO regress_blind;
SET ROLE regress_blind;
SELECT pg_temp.guessed('public.measured') AS by_policy;
RESET ROLE;
DROP VIEW public.few, public.open;
DROP TABLE public.measured;
DROP OWNED BY regress_blind;
DROP ROLE regress_blind;

-- Partitions: of the whole, of one month, of a leaf by itself. What is said of ->> comes of
-- statistics of the expression, which a month to come has from the table.
CREATE STATISTICS usage_mgmt.regress_duration ON (usage_characteristic ->> 'duration') FROM usage_mgmt.usage;
DO $$ BEGIN
	PERFORM usage_mgmt.ensure_partitions('2003-01-01', '2003-03-31');
END $$;
SELECT stxrelid::regclass, count(*) FROM pg_statistic_ext WHERE stxrelid::regclass::text ~ 'usage_p2003' GROUP BY 1 ORDER BY 1;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, usage_characteristic)
SELECT 's' || n, timestamptz '2003-01-01' + n * interval '30 minutes', 'VOICE',
	json_build_object('duration', n % 40, 'zone', CASE WHEN n % 20 = 0 THEN 'INT' ELSE 'NAT' END, 'month', n / 1440)::text::usage_mgmt.characteristics
FROM generate_series(0, 4200) n;
ANALYZE usage_mgmt.usage;
SELECT relation, q, pg_temp.estimate(relation, q)
FROM unnest(ARRAY['usage_mgmt.usage', 'usage_mgmt.usage_p200302', $q$(SELECT * FROM usage_mgmt.usage WHERE usage_date >= '2003-02-01' AND usage_date < '2003-03-01') u$q$]) relation,
	unnest(ARRAY[$q$usage_characteristic ? 'zone'$q$, $q$usage_characteristic @> '{"zone":"NAT"}'$q$, $q$usage_characteristic @> '{"zone":"INT"}'$q$, $q$usage_characteristic @> '{"month":1}'$q$,
		$q$usage_characteristic ->> 'duration' = '7'$q$]) q
ORDER BY relation, q;
-- A join on the id is estimated as what it is
SELECT pg_temp.estimate($q$usage_mgmt.usage u JOIN usage_mgmt.usage_key k ON k.id = u.id$q$, $q$u.usage_characteristic @> '{"zone":"NAT"}'$q$) AS on_id;
DROP STATISTICS usage_mgmt.regress_duration;
SET client_min_messages = warning;
TRUNCATE usage_mgmt.usage;
DO $$ BEGIN
	PERFORM usage_mgmt.drop_partitions('2003-04-01');
END $$;
RESET search_path;
