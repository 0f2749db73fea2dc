-- Pages over many partitions: read from few of them where they are there in full, and the same as from all.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
SET TimeZone = 'UTC';
SET DateStyle = ISO;

TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key;

-- 77 months and a year. One of them is dropped, others have no usage; three usages and more share a date, and two are at
-- each border of some months.
DO $$ BEGIN
	PERFORM usage_mgmt.ensure_partitions('2000-01-01', '2006-05-31');
END $$;
DROP TABLE usage_mgmt.usage_p200307;
CREATE TABLE usage_mgmt.regress_year PARTITION OF usage_mgmt.usage FOR VALUES FROM ('1999-01-01Z') TO ('2000-01-01Z');
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status)
SELECT 'u' || n * 37 % 1009, day, CASE WHEN day < '1999-01-30' THEN 'oldest' ELSE 'T' || n % 3 END,
	CASE n % 2 WHEN 0 THEN 'guided' ELSE 'received' END::usage_mgmt.usage_status
FROM generate_series(1, 300) n, LATERAL (SELECT timestamptz '1999-01-08Z' + n / 3 * interval '20 days' + n / 60 * interval '4 months' AS day) d
WHERE day < '2003-06-25' OR day > '2003-08-01';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type)
SELECT 'b' || n, date_trunc('month', timestamptz '2006-05-01Z') - n / 2 * interval '1 month' - n % 2 * interval '1 microsecond', 'border'
FROM generate_series(0, 20) n;

CREATE FUNCTION pg_temp.ids(query text) RETURNS text[] LANGUAGE sql AS $$
	SELECT ARRAY(SELECT usage_mgmt.get_usages(query) ->> 'id')
$$;
-- All pages of a query, one after the other, by the id of the last that was seen or by their number
CREATE FUNCTION pg_temp.walk(query text, page int, by_id boolean) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	seen text[] := '{}';
	ids text[];
BEGIN
	LOOP
		ids := pg_temp.ids(format('%s&limit=%s&%s=%s', query, page, CASE WHEN seen = '{}' OR NOT by_id THEN 'offset' ELSE 'after' END,
			CASE WHEN seen <> '{}' AND by_id THEN seen[cardinality(seen)] ELSE cardinality(seen)::text END));
		seen := seen || ids;
		EXIT WHEN cardinality(ids) < page;
	END LOOP;
	RETURN seen;
END
$$;
CREATE TEMP TABLE query (n serial, query text, condition text);
INSERT INTO query (query, condition) VALUES
	('', 'true'), ('status=guided', $$status = 'guided'$$), ('type=oldest', $$usage_type = 'oldest'$$),
	('date.gte=2001-03-01&date.lt=2005-04-05', $$usage_date >= '2001-03-01' AND usage_date < '2005-04-05'$$),
	('date.gt=2000-02-01,2001-04-01', $$usage_date > '2000-02-01'$$), ('date.lt=2005-05-01,2006-04-01', $$usage_date < '2006-04-01'$$),
	('date=2006-01-01,1999-12-03,2000-02-01T00:00:00Z', $$usage_date IN ('2006-01-01', '1999-12-03', '2000-02-01')$$),
	('date.ne=2006-05-01', $$usage_date <> '2006-05-01'$$), ('date.gt=2003-01-01&date.lt=2002-01-01', 'false');
-- Which pages are others than an ORDER BY would give; and how many usages there were to walk
CREATE FUNCTION pg_temp.compare() RETURNS TABLE (usages bigint, walks bigint, wrong text) LANGUAGE plpgsql AS $$
DECLARE
	q record;
	direction text;
	expected text[];
BEGIN
	usages := (SELECT count(*) FROM usage_mgmt.usage);
	walks := 0;
	FOR q IN SELECT * FROM query ORDER BY n LOOP
		FOREACH direction IN ARRAY '{"","-"}'::text[] LOOP
			EXECUTE format('SELECT coalesce(array_agg(id ORDER BY usage_date %s, id COLLATE "C" %1$s), ''{}'') FROM usage_mgmt.usage WHERE %s',
				CASE direction WHEN '-' THEN 'DESC' END, q.condition) INTO expected;
			SELECT walks + count(*), concat(wrong, string_agg(format(E'\n%s%s, %s a page', direction, q.query, page), ''
					ORDER BY page) FILTER (WHERE walked <> expected))
				INTO walks, wrong
				FROM (VALUES (3, true), (20, false)) v (page, by_id),
					LATERAL (SELECT pg_temp.walk(format('%s&sort=%sdate', q.query, direction), page, by_id) AS walked) w;
		END LOOP;
	END LOOP;
	RETURN NEXT;
END
$$;

-- The default partition has nothing
SELECT * FROM pg_temp.compare();
-- Usages that it has: before all others, where a month is missing, behind all others
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type)
SELECT 'd' || n, timestamptz '1990-06-01Z' + n / 2 * interval '6 years 6 months 20 days', 'T' || n % 3 FROM generate_series(0, 9) n;
SELECT count(*) FILTER (WHERE usage_date < '2000-01-01') AS before, count(*) FILTER (WHERE usage_date BETWEEN '2003-07-01' AND '2003-08-01') AS between,
	count(*) FILTER (WHERE usage_date > '2007-01-01') AS behind FROM usage_mgmt.usage_default;
SELECT * FROM pg_temp.compare();
-- Partitions that have no end, and none that is the default one
TRUNCATE usage_mgmt.usage_default;
ALTER TABLE usage_mgmt.usage DETACH PARTITION usage_mgmt.usage_default;
CREATE TABLE usage_mgmt.regress_first PARTITION OF usage_mgmt.usage FOR VALUES FROM (MINVALUE) TO ('1991-01-01Z');
CREATE TABLE usage_mgmt.regress_last PARTITION OF usage_mgmt.usage FOR VALUES FROM ('2100-01-01Z') TO (MAXVALUE);
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('d1', '1990-06-01Z', 'T1'), ('d2', '2100-01-01Z', 'T1');
SELECT * FROM pg_temp.compare();
DROP TABLE usage_mgmt.regress_first, usage_mgmt.regress_last;
DELETE FROM usage_mgmt.usage_key WHERE id IN ('d1', 'd2');
ALTER TABLE usage_mgmt.usage ATTACH PARTITION usage_mgmt.usage_default DEFAULT;

-- A page locks, and so plans, two months: the first that can have something of it, and the one behind. Those that have
-- nothing yet are not among them, nor is the default partition.
CREATE FUNCTION pg_temp.locked(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found text[];
BEGIN
	PERFORM usage_mgmt.get_usages(query);
	found := ARRAY(SELECT relname FROM pg_locks JOIN pg_class c ON c.oid = relation
		WHERE pid = pg_backend_pid() AND mode = 'AccessShareLock' AND relkind = 'r' AND relispartition
		AND relnamespace = 'usage_mgmt'::regnamespace ORDER BY relname);
	-- gives the locks back
	RAISE EXCEPTION USING MESSAGE = CASE WHEN cardinality(found) > 70 THEN 'all' ELSE array_to_string(found, ' ') END;
EXCEPTION WHEN raise_exception THEN
	RETURN SQLERRM;
END
$$;
SELECT query, pg_temp.locked(query) FROM unnest(ARRAY['limit=1', 'limit=1&sort=-date', 'limit=3&sort=-usageDate',
	'limit=3&sort=-date,id', 'limit=2&offset=2&sort=-date', 'limit=2&after=u555&type=T1', 'limit=2&after=u555&sort=-date',
	'limit=2&date.gte=2002-02-01&date.lt=2002-03-01', 'limit=1&date.lt=2004-07-01&sort=-date&status=received']) query;
-- What is not there in full is looked for in all at once. So is what is not in the order of the date, what is long, and
-- what few partitions can have.
SELECT query, pg_temp.locked(query) FROM unnest(ARRAY['limit=5&sort=-date', 'limit=1&type=none', 'limit=1&sort=id', 'limit=1&sort=type,date',
	'limit=101', 'limit=1&offset=1001', 'sort=date', 'limit=1&date.gte=2006-01-01&date.lt=2006-03-01']) query;
-- in as many plans
SELECT query, count(*) FILTER (WHERE line ~ '^Limit') AS plans FROM unnest(ARRAY['limit=1', 'limit=1&date.gte=2006-01-01&date.lt=2006-03-01', 'limit=1&sort=id']) query,
	usage_mgmt.explain_usages(query) line GROUP BY query ORDER BY query;
-- Where the default partition has something, or has had it, all are looked at
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('d1', '1990-06-01Z', 'T1');
SELECT pg_temp.locked('limit=1&sort=-date');
DELETE FROM usage_mgmt.usage WHERE id = 'd1';
SELECT pg_temp.locked('limit=1&sort=-date');
TRUNCATE usage_mgmt.usage_default;
SELECT pg_temp.locked('limit=1&sort=-date');
-- and where a partition is divided that has the first of the page
CREATE TABLE usage_mgmt.regress_parts PARTITION OF usage_mgmt.usage FOR VALUES FROM ('1998-12-07Z') TO ('1999-01-01Z')
	PARTITION BY RANGE (usage_date);
CREATE TABLE usage_mgmt.regress_days PARTITION OF usage_mgmt.regress_parts FOR VALUES FROM ('1998-12-10Z') TO ('1998-12-12Z');
CREATE TABLE usage_mgmt.regress_other_days PARTITION OF usage_mgmt.regress_parts DEFAULT;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('p1', '1998-12-08Z', 'T1'), ('p2', '1998-12-11Z', 'T1'), ('p3', '1998-12-13Z', 'T1');
SELECT query, pg_temp.locked(query) FROM unnest(ARRAY['limit=2', 'limit=2&sort=-date']) query;
SELECT pg_temp.ids('limit=2');
DROP TABLE usage_mgmt.regress_parts;

-- The caller's rights, and the rows that he may see
CREATE ROLE regress_reader;
GRANT USAGE ON SCHEMA usage_mgmt TO regress_reader;
\set VERBOSITY sqlstate
SET ROLE regress_reader;
SELECT usage_mgmt.get_usages('limit=1');
SELECT usage_mgmt.get_usages('limit=1&date.gt=2090-01-01');
RESET ROLE;
\set VERBOSITY default
GRANT SELECT ON usage_mgmt.usage TO regress_reader;
ALTER TABLE usage_mgmt.usage ENABLE ROW LEVEL SECURITY;
CREATE POLICY regress_policy ON usage_mgmt.usage USING (usage_type = 'oldest' OR usage_type = 'border' AND id > 'b2');
SET ROLE regress_reader;
SELECT pg_temp.ids('limit=3'), pg_temp.ids('limit=3&sort=-date'), pg_temp.ids('limit=20&sort=-date&offset=2');
RESET ROLE;
DROP POLICY regress_policy ON usage_mgmt.usage;
ALTER TABLE usage_mgmt.usage DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON usage_mgmt.usage FROM regress_reader;
REVOKE ALL ON SCHEMA usage_mgmt FROM regress_reader;
DROP ROLE regress_reader;

-- A page is of the snapshot of the statement that asks for it, whatever happens before it is asked for: here a month is
-- made for what the default partition has, and a usage stored
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('late', '2006-06-01Z', 'T1');
BEGIN;
DECLARE page NO SCROLL CURSOR FOR SELECT usage_mgmt.get_usages('limit=2&sort=-date&date.lt=2006-07-01') ->> 'id' AS id;
SELECT usage_mgmt.ensure_partitions('2006-06-01', '2006-06-01');
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('later', '2006-06-02Z', 'T1');
FETCH ALL FROM page;
SELECT pg_temp.ids('limit=3&sort=-date&date.lt=2006-07-01');
COMMIT;
-- One that is read on behind the savepoint that it began in, and beyond its transaction
TRUNCATE usage_mgmt.usage_default;
BEGIN;
DECLARE page NO SCROLL CURSOR FOR SELECT usage_mgmt.get_usages('limit=2&sort=-date') ->> 'id' AS id;
SAVEPOINT s;
FETCH 1 FROM page;
RELEASE s;
FETCH ALL FROM page;
ROLLBACK;
BEGIN;
DECLARE page NO SCROLL CURSOR FOR SELECT usage_mgmt.get_usages('limit=2&sort=-date') ->> 'id' AS id;
SAVEPOINT s;
FETCH 1 FROM page;
ROLLBACK TO s;
\set VERBOSITY sqlstate
FETCH ALL FROM page;
\set VERBOSITY default
ROLLBACK;
BEGIN;
DECLARE page NO SCROLL CURSOR WITH HOLD FOR SELECT usage_mgmt.get_usages('limit=2&sort=-date') ->> 'id' AS id;
FETCH 1 FROM page;
COMMIT;
FETCH ALL FROM page;
CLOSE page;

SET client_min_messages = warning;
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key;
DROP TABLE usage_mgmt.regress_year;
DO $$ BEGIN
	PERFORM usage_mgmt.drop_partitions('2007-01-01');
END $$;
