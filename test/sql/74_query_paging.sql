-- Pages by after=, and lists that are not read to their end.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
SET TimeZone = 'UTC';
SET DateStyle = ISO;

-- Four months, of which one has no partition; three usages share each date
DO $$ BEGIN
	PERFORM usage_mgmt.ensure_partitions('2015-01-01', '2015-03-31');
END $$;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status)
SELECT CASE n % 4 WHEN 0 THEN 'é&,' || n WHEN 1 THEN 'U ' || n ELSE 'u' || n END, timestamptz '2015-01-01 00:00+00' + n * 17 % 80 * interval '36 hours', 'T' || n % 3,
	CASE n % 2 WHEN 0 THEN 'guided' ELSE 'received' END::usage_mgmt.usage_status
FROM generate_series(1, 240) n;
INSERT INTO usage_mgmt.usage_specification (id) SELECT CASE n % 2 WHEN 0 THEN 'S ' ELSE 's+' END || n FROM generate_series(1, 40) n;

CREATE FUNCTION pg_temp.encoded(id text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg('%' || upper(to_hex(get_byte(b, i))), '' ORDER BY i) FROM convert_to(id, 'UTF8') b, generate_series(0, length(b) - 1) i
$$;
-- All pages of a query, one after the other
CREATE FUNCTION pg_temp.walk(query text, page int, version text, specifications boolean DEFAULT false) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	seen text[] := '{}';
	ids text[];
	after text := '';
BEGIN
	LOOP
		IF specifications THEN
			ids := ARRAY(SELECT usage_mgmt.get_usage_specifications(query || '&limit=' || page || after, version) ->> 'id');
		ELSE
			ids := ARRAY(SELECT usage_mgmt.get_usages(query || '&limit=' || page || after, version) ->> 'id');
		END IF;
		seen := seen || ids;
		EXIT WHEN cardinality(ids) < page OR cardinality(seen) > 1000;
		after := '&after=' || pg_temp.encoded(ids[page]);
	END LOOP;
	RETURN seen;
END
$$;
SELECT query, page, cardinality(walked) AS walked, walked = expected AS in_order
FROM (VALUES (1, ''), (2, 'sort=date'), (3, 'sort=usageDate'), (4, 'sort=-date'), (5, 'sort=id'), (6, 'sort=-id'), (7, 'status=guided'),
	(8, 'status=guided&sort=-date'), (9, 'type=T1&sort=-id'), (10, 'date.gte=2015-02-01&date.lt=2015-04-05')) v (n, query), (VALUES (1), (2), (7), (100), (240)) p (page),
	LATERAL (SELECT pg_temp.walk(query, page, CASE page % 2 WHEN 0 THEN 'v4' ELSE 'r14.5' END) AS walked) w,
	LATERAL (SELECT CASE
		WHEN query ~ 'sort=-id' THEN array_agg(id ORDER BY id DESC)
		WHEN query ~ 'sort=id' THEN array_agg(id ORDER BY id)
		WHEN query ~ 'sort=-' THEN array_agg(id ORDER BY usage_date DESC, id DESC)
		ELSE array_agg(id ORDER BY usage_date, id) END AS expected
		FROM usage_mgmt.usage
		WHERE (query !~ 'guided' OR status = 'guided') AND (query !~ 'T1' OR usage_type = 'T1')
		AND (query !~ 'date.gte' OR usage_date BETWEEN '2015-02-01' AND '2015-04-04 23:59:59')) e
ORDER BY n, page;
SELECT sort, pg_temp.walk(sort, 7, 'v4', true) = expected AS in_order
FROM (SELECT 'sort=id' AS sort, array_agg(id ORDER BY id) AS expected FROM usage_mgmt.usage_specification
	UNION ALL SELECT '', array_agg(id ORDER BY id) FROM usage_mgmt.usage_specification
	UNION ALL SELECT 'sort=-id', array_agg(id ORDER BY id DESC) FROM usage_mgmt.usage_specification) x;
-- The first page and the others are of one order, with after= or without
SELECT sort, ARRAY(SELECT usage_mgmt.get_usages(sort || '&limit=20') ->> 'id') = (pg_temp.walk(sort, 3, NULL))[1:20] AS same
FROM unnest(ARRAY['sort=date', 'sort=-date', 'sort=id', 'sort=-id']) sort;
-- What was seen last need not be of the list, nor, in order of id, still be there
SELECT usage_mgmt.get_usages('type=T1&after=u3&limit=1') ->> 'type' AS type;
SELECT count(*) FROM (SELECT usage_mgmt.get_usages('sort=id&after=u35&limit=1000')) x,
	LATERAL (SELECT usage_mgmt.get_usages('sort=id&after=u35000&limit=1000')) y;

-- A list need not be read to its end, and may be read beside another
SELECT usage_mgmt.get_usages('sort=id') ->> 'id' AS id LIMIT 2;
SELECT usage_mgmt.get_usages('sort=id&limit=3') ->> 'id' AS one, usage_mgmt.get_usages('sort=-id&limit=2') ->> 'id' AS other;
SELECT n, usage_mgmt.get_usages('sort=id&limit=' || n) ->> 'id' AS id FROM generate_series(0, 3) n;
SELECT count(*), count(DISTINCT (a ->> 'id', b ->> 'id')) FROM (SELECT a, usage_mgmt.get_usages('status=guided') AS b FROM (SELECT usage_mgmt.get_usages('limit=120') AS a) x) y;
SELECT EXISTS (SELECT usage_mgmt.get_usages('type=T1')), (SELECT usage_mgmt.get_usages('sort=id&limit=1') ->> 'id');
SELECT n, (SELECT x ->> 'id' FROM (SELECT usage_mgmt.get_usages('sort=id') AS x) y OFFSET n LIMIT 1) FROM generate_series(0, 201, 67) n;
SELECT count(*) FROM usage_mgmt.get_usages('sort=id') x, usage_mgmt.get_usages('limit=3') y;
SELECT count(*) AS left_open FROM pg_cursors WHERE statement !~ 'left_open';

-- In a cursor: what is behind it goes with it
BEGIN;
DECLARE list NO SCROLL CURSOR FOR SELECT usage_mgmt.get_usages('sort=id') ->> 'id' AS id;
FETCH 2 FROM list;
MOVE 150 FROM list;
FETCH 2 FROM list;
SELECT count(*) AS left_open FROM pg_cursors WHERE statement !~ 'left_open' AND name <> 'list';
CLOSE list;
SELECT count(*) AS left_open FROM pg_cursors WHERE statement !~ 'left_open';
-- to its end
DECLARE list NO SCROLL CURSOR FOR SELECT usage_mgmt.get_usages('sort=id') ->> 'id' AS id;
MOVE ALL FROM list;
FETCH FROM list;
SELECT count(*) AS left_open FROM pg_cursors WHERE statement !~ 'left_open' AND name <> 'list';
COMMIT;
SELECT count(*) AS left_open FROM pg_cursors WHERE statement !~ 'left_open';
-- What a list shows is what there was when it began
BEGIN;
DECLARE list NO SCROLL CURSOR FOR SELECT usage_mgmt.get_usages('status=received');
MOVE 1 FROM list;
SELECT usage_mgmt.patch_usages('status=received', '{"status": "guided"}');
MOVE ALL FROM list;
ROLLBACK;
-- Beyond its transaction
BEGIN;
DECLARE list NO SCROLL CURSOR WITH HOLD FOR SELECT usage_mgmt.get_usages('sort=id&limit=150') ->> 'id' AS id;
COMMIT;
MOVE 149 FROM list;
FETCH ALL FROM list;
CLOSE list;
-- whatever its name, by which the end of the transaction decides what it closes first: not read before, from the
-- middle of a list, and of one that goes through a function of SQL
CREATE FUNCTION pg_temp.usages() RETURNS SETOF json LANGUAGE sql AS $$ SELECT usage_mgmt.get_usages('sort=id') $$;
SELECT unnest(ARRAY['BEGIN', format('DECLARE %I NO SCROLL CURSOR WITH HOLD FOR SELECT %s ->> ''id'' AS id', name, source), format('MOVE %s FROM %I', begun, name),
	'COMMIT', format('MOVE %s FROM %I', 239 - begun, name), format('FETCH ALL FROM %I', name), format('CLOSE %I', name)])
FROM unnest(ARRAY['list', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'held usages']) WITH ORDINALITY n (name, place), (VALUES (0), (1), (120)) b (begun),
	LATERAL (SELECT CASE place % 3 WHEN 0 THEN 'pg_temp.usages()' ELSE 'usage_mgmt.get_usages(''sort=id'')' END AS source) s
ORDER BY place, begun
\gexec
-- several at once, one of which is not held
BEGIN;
DECLARE one NO SCROLL CURSOR WITH HOLD FOR SELECT usage_mgmt.get_usages('sort=id') ->> 'id' AS id;
DECLARE other NO SCROLL CURSOR WITH HOLD FOR SELECT usage_mgmt.get_usages('sort=-id') ->> 'id' AS id;
DECLARE third CURSOR FOR SELECT usage_mgmt.get_usages('sort=id');
MOVE 130 FROM one;
MOVE 1 FROM other;
MOVE 1 FROM third;
COMMIT;
MOVE 109 FROM one;
FETCH ALL FROM one;
MOVE 238 FROM other;
FETCH ALL FROM other;
CLOSE ALL;
SELECT count(*) AS left_open FROM pg_cursors WHERE statement !~ 'left_open';

-- PL/pgSQL reads what its loops have left when it commits in them, and goes on
DO $$
DECLARE
	one json;
	other json;
	seen int := 0;
BEGIN
	FOR one IN SELECT usage_mgmt.get_usages('sort=id&limit=110') LOOP
		FOR other IN SELECT usage_mgmt.get_usages('sort=-id&limit=120') LOOP
			seen := seen + 1;
			IF seen % 50 = 0 THEN
				COMMIT;
			END IF;
		END LOOP;
	END LOOP;
	RAISE INFO '% seen', seen;
END
$$;

-- An error in the middle, a savepoint, an exception: nothing stays open
BEGIN;
SAVEPOINT s;
\set VERBOSITY terse
SELECT 1 / (length(usage_mgmt.get_usages('sort=-id') ->> 'id') - 4);
ROLLBACK TO s;
SELECT count(*) AS left_open FROM pg_cursors WHERE statement !~ 'left_open';
-- a cursor that began before a savepoint goes on after it
DECLARE list NO SCROLL CURSOR FOR SELECT usage_mgmt.get_usages('sort=id') ->> 'id' AS id;
MOVE 1 FROM list;
SAVEPOINT s;
MOVE 120 FROM list;
ROLLBACK TO s;
FETCH 1 FROM list;
MOVE ALL FROM list;
CLOSE list;
-- one that was first read after it cannot, and does not pretend to have come to its end
DECLARE list NO SCROLL CURSOR FOR SELECT usage_mgmt.get_usages('sort=id') ->> 'id' AS id;
SAVEPOINT s;
FETCH 1 FROM list;
ROLLBACK TO s;
\set VERBOSITY sqlstate
MOVE ALL FROM list;
\set VERBOSITY default
ROLLBACK;
-- but it can be closed, also where what it read is gone, and where its savepoint was released into another
BEGIN;
DECLARE list NO SCROLL CURSOR FOR SELECT usage_mgmt.get_usages('sort=id') ->> 'id' AS id;
DECLARE other NO SCROLL CURSOR FOR SELECT usage_mgmt.get_usages('sort=date') ->> 'id' AS id;
SAVEPOINT s;
SELECT usage_mgmt.ensure_partitions('2015-04-01', '2015-04-30');
SAVEPOINT t;
FETCH 1 FROM list;
FETCH 1 FROM other;
RELEASE t;
FETCH 1 FROM list;
ROLLBACK TO s;
CLOSE list;
SELECT count(*) FROM usage_mgmt.usage;
CLOSE other;
COMMIT;
-- released, it does
BEGIN;
DECLARE list NO SCROLL CURSOR FOR SELECT usage_mgmt.get_usages('sort=id') ->> 'id' AS id;
SAVEPOINT s;
MOVE 1 FROM list;
RELEASE s;
MOVE ALL FROM list;
COMMIT;
DO $$
DECLARE
	failed int := 0;
	usage json;
BEGIN
	FOR n IN 1..200 LOOP
		BEGIN
			FOR usage IN SELECT usage_mgmt.get_usages('sort=id') LOOP
				PERFORM 1 / (length(usage ->> 'id') - 3);
			END LOOP;
		EXCEPTION WHEN division_by_zero THEN
			failed := failed + 1;
		END;
	END LOOP;
	RAISE INFO '% failed, % open', failed, (SELECT count(*) FROM pg_cursors WHERE name LIKE '<unnamed%' AND statement ~ 'FROM usage_mgmt.usage u');
END
$$;
DO $$
DECLARE
	usage json;
BEGIN
	FOR n IN 1..200 LOOP
		FOR usage IN SELECT usage_mgmt.get_usages('sort=id') LOOP
			EXIT;
		END LOOP;
	END LOOP;
	RAISE INFO '% open', (SELECT count(*) FROM pg_cursors WHERE statement ~ 'FROM usage_mgmt.usage u');
END
$$;
SELECT count(*) AS left_open FROM pg_cursors WHERE statement !~ 'left_open';
-- What a page goes on after is read before the conditions are made, which must outlast that
\c -
SET client_min_messages = warning;
SELECT count(*) FROM usage_mgmt.get_usages('type=T1&extra.bar.ne=2024-03-05&id.ne=a,b,c,d,e,f,g,h&after=u2');
SELECT count(*) FROM usage_mgmt.get_usages('type=T1&extra.bar.ne=2024-03-05&id.ne=a,b,c,d,e,f,g,h&after=u2&extra.zz.ne='
	|| repeat('y', 3000));
RESET client_min_messages;
-- Lists that were left, and lists read to their end, leave no memory behind
SELECT sum(used_bytes) AS before FROM pg_backend_memory_contexts \gset
DO $$
BEGIN
	FOR n IN 1..300 LOOP
		PERFORM usage_mgmt.get_usages('sort=id') LIMIT 1;
		PERFORM usage_mgmt.get_usages('sort=id');
		PERFORM usage_mgmt.count_usages('relatedParty.id=45');
	END LOOP;
END
$$;
SELECT sum(used_bytes) - :before < 1000000 AS no_leak FROM pg_backend_memory_contexts;

SET client_min_messages = warning;
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification;
DO $$ BEGIN
	PERFORM usage_mgmt.drop_partitions('2016-01-01');
END $$;
