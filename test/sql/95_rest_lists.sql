-- Lists over HTTP: pages, what they tell of the whole, and where their links lead; a collection that is patched.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';
SET DateStyle = ISO;

-- What PostgREST does with a request, and what it takes from the answer
CREATE TYPE public.regress_answer AS (status text, total text, shown text, link text, body text);
CREATE FUNCTION public.http(method text, uri text, payload text DEFAULT '', further text DEFAULT '{}') RETURNS public.regress_answer
LANGUAGE plpgsql AS $$
DECLARE
	answer public.regress_answer;
	headers jsonb := '{}';
	header jsonb;
BEGIN
	PERFORM set_config('response.headers', '[]', true), set_config('request.headers',
		(further::jsonb || jsonb_build_object('x-um-method', method, 'x-um-uri', uri))::text, true);
	answer.body := convert_from(CASE WHEN method IN ('GET', 'HEAD') THEN usage_api.read()
		ELSE usage_api.write(convert_to(payload, 'UTF8')) END, 'UTF8');
	FOR header IN SELECT jsonb_array_elements(current_setting('response.headers')::jsonb) LOOP
		headers := headers || header;
	END LOOP;
	answer.status := current_setting('response.status') || coalesce(', Content-Range ' || (headers ->> 'Content-Range'), '');
	answer.total := (headers ->> 'X-Total-Count') || CASE WHEN headers ->> 'X-Total-Count-Estimated' = 'true' THEN ', estimated' ELSE '' END;
	answer.shown := headers ->> 'X-Result-Count';
	answer.link := replace(headers ->> 'Link', '/usageManagement/usage', '');
	RETURN answer;
END
$$;
-- The same, of usages: the ids instead of the body
CREATE FUNCTION public.list(query text, face text DEFAULT '/usageManagement/usage') RETURNS public.regress_answer LANGUAGE plpgsql AS $$
DECLARE
	answer public.regress_answer := public.http('GET', face || query);
BEGIN
	answer.body := CASE WHEN answer.status LIKE '2%' THEN (SELECT string_agg(u ->> 'id', ',') FROM json_array_elements(answer.body::json) u)
		ELSE answer.body::json ->> 'message' END;
	RETURN answer;
END
$$;

TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status)
SELECT 'u' || n, timestamptz '2001-01-01Z' + n / 2 * interval '1 day', 'T' || n % 3, 'received' FROM generate_series(10, 21) n;

-- Who asks for no page gets all, and 200; who asks for one 206 as long as there are others
SELECT * FROM public.list('');
SELECT * FROM public.list('?limit=12');
SELECT * FROM public.list('?limit=5');
SELECT * FROM public.list('?limit=5&after=u14');
SELECT * FROM public.list('?limit=5&after=u19');
SELECT * FROM public.list('?type=T1&limit=4');
SELECT * FROM public.list('?type=T1&offset=0');
SELECT * FROM public.list('?type=none');
SELECT * FROM public.list('?type=none&offset=0&limit=3');

-- Pages by number: where the client asks so, and where the order is another than that of dates or ids
SELECT * FROM public.list('?offset=5&limit=5');
SELECT * FROM public.list('?offset=10&limit=5');
SELECT * FROM public.list('?sort=-type&limit=5');
SELECT * FROM public.list('?sort=-type&limit=5&offset=3');
SELECT * FROM public.list('?sort=-id&limit=5');

-- None, but the number of them
SELECT * FROM public.list('?limit=0');
SELECT * FROM public.list('?limit=0&type=T1');
SELECT * FROM public.list('?limit=0&type=none');

-- A page behind the end
SELECT * FROM public.list('?offset=12');
SELECT * FROM public.list('?offset=4&type=T1');
SELECT * FROM public.list('?offset=100&limit=0');
SELECT * FROM public.list('?offset=1&type=none');
SELECT * FROM public.list('?offset=100&after=u12');

-- What is no page, no parameter, or not supported
SELECT query, (public.list(query)).status, (public.list(query)).body FROM (VALUES ('?limit=-1'), ('?limit=x'), ('?offset=1e3'),
	('?after=none'), ('?after=u12&sort=type'), ('?sort=none'), ('?fields=none'), ('?typ=T1'), ('?depth=1'), ('?expand=relatedParty')) q (query);

-- A link repeats the query as it was encoded, but for what no URI may hold; a later parameter counts, as in any query
SELECT (public.list(query)).link, (public.list(query)).body FROM (VALUES
	('?limit=1&usageDate>=2001-01-07&fields=id'), ('?%6Cimit=2&description.ne=%C3%A9%20a+b%26'), ('?&limit=7&&limit=1&o%66fset=3&'), ('?limit=1&type=T1;T2,T0'),
	('?limit=1&description.ne="<>"'), ('?limit=1&sort=-type&offset=1&sort=id')) q (query);
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('ü/&"', '2001-02-01Z', 'odd'), ('v', '2001-02-01Z', 'odd');
SELECT * FROM public.list('?limit=1&type=odd&sort=-date');
SELECT * FROM public.list('?limit=1&type=odd&sort=date');
SET usage_mgmt.base_url = 'https://api.example.com';
SELECT * FROM public.list('?limit=1&type=odd', '/tmf-api/usageManagement/v4/usage');
RESET usage_mgmt.base_url;
-- none that is longer than proxies take
SELECT length(link) < 3000 AS fits, link ~ 'next' AS next, link ~ 'first' AS first, link ~ 'last' AS last
FROM public.list('?limit=1&sort=type&type.ne=' || repeat('x', 1300));
SELECT link, shown FROM public.list('?limit=1&type.ne=' || repeat('x', 3000));
DELETE FROM usage_mgmt.usage WHERE usage_type = 'odd';

-- Whoever follows the links sees all, in order, once
CREATE FUNCTION public.walk(query text) RETURNS TABLE (ids text, pages int, statuses text, totals text) LANGUAGE plpgsql AS $$
DECLARE
	answer public.regress_answer;
	next text := query;
BEGIN
	pages := 0;
	statuses := '';
	WHILE next IS NOT NULL LOOP
		answer := public.list(next);
		ids := concat_ws(',', ids, answer.body);
		pages := pages + 1;
		statuses := statuses || CASE WHEN statuses LIKE '%' || answer.status || '%' THEN '' ELSE answer.status END;
		totals := CASE WHEN totals LIKE '%' || answer.total || '%' THEN totals ELSE concat_ws(' ', totals, answer.total) END;
		next := substring(answer.link FROM '<([^>]*)>; rel="next"');
		EXIT WHEN pages > 100;
	END LOOP;
	RETURN NEXT;
END
$$;
SELECT q.query, w.pages, w.statuses, w.totals, w.ids IS NOT DISTINCT FROM (SELECT string_agg(u ->> 'id', ',')
	FROM usage_mgmt.get_usages(CASE WHEN q.query LIKE '%sort%' THEN q.query ELSE q.query || '&sort=usageDate' END) u) AS same
FROM (VALUES (''), ('sort=-usageDate'), ('sort=id'), ('sort=-id'), ('sort=type'), ('sort=-type,-usageDate'), ('type=T1'), ('usageDate>=2001-01-07&sort=-date'), ('type=none')) q (query),
	(VALUES (1), (5), (12), (13)) l (size), LATERAL public.walk('?' || q.query || '&limit=' || size) w
ORDER BY q.query, size;

-- The owner's limits: without a word, and whatever the client says
UPDATE usage_mgmt.setting SET value = 3 WHERE name = 'page_limit';
SELECT * FROM public.list('');
SELECT * FROM public.list('?limit=5');
UPDATE usage_mgmt.setting SET value = 4 WHERE name = 'page_limit_max';
SELECT * FROM public.list('?limit=1000000');
SELECT * FROM public.list('?limit=5&offset=1&sort=type');
SELECT w.pages, w.statuses, length(w.ids) FROM public.walk('?limit=5&sort=type') w;
UPDATE usage_mgmt.setting SET value = 2 WHERE name = 'page_limit_max';
SELECT * FROM public.list('');
SELECT count(*) FROM usage_mgmt.get_usages(NULL);
SELECT count(*) FROM usage_mgmt.get_usages('limit=7');
DELETE FROM usage_mgmt.setting WHERE name ~ '^page_limit';
SELECT shown FROM public.list('');

-- Totals: exact up to a number, and beyond it as is known without counting
VACUUM ANALYZE usage_mgmt.usage;
UPDATE usage_mgmt.setting SET value = 12 WHERE name = 'exact_count';
SELECT total, status FROM public.list('?limit=1');
UPDATE usage_mgmt.setting SET value = 11 WHERE name = 'exact_count';
SELECT total, status FROM public.list('?limit=1');
SELECT total, status FROM public.list('?limit=1&type=T1');
UPDATE usage_mgmt.setting SET value = 5 WHERE name = 'exact_count';
SELECT * FROM public.list('?limit=1&sort=type&offset=2');
SELECT total, status FROM public.list('?limit=1&type=T1');
SELECT substring(total FROM '\d+')::int > 5 AS more, total ~ 'estimated' AS estimated FROM public.list('?limit=1&status=received&after=u12');
-- a last page by number knows it, and so does an empty one
SELECT * FROM public.list('?limit=5&offset=10');
SELECT * FROM public.list('?offset=12');
-- what is new since the statistics does not contradict what is seen, nor does what is gone
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type)
SELECT 'w' || n, timestamptz '2001-02-01Z' + n * interval '1 day', 'new' FROM generate_series(1, 50) n;
SELECT total, status FROM public.list('?limit=1&offset=40');
SELECT total, status FROM public.list('?limit=100');
UPDATE usage_mgmt.setting SET value = 0 WHERE name = 'exact_count';
SELECT substring(total FROM '\d+')::int > 1 AS some, total ~ 'estimated' AS estimated FROM public.list('?limit=1&type=new');
SELECT total FROM public.list('?type=new&sort=id');
SELECT total FROM public.list('?type=none');
DELETE FROM usage_mgmt.usage WHERE usage_type = 'new';
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key;
SELECT * FROM public.list('?limit=1');
UPDATE usage_mgmt.setting SET value = 10000 WHERE name = 'exact_count';

-- Far more than are counted are not counted at all: 2,000 usages, which a plan expects or statistics know
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, description)
SELECT 'n' || n, timestamptz '2001-01-01Z' + n * interval '1 hour', 'T', CASE WHEN n % 20 = 0 THEN 'seldom' ELSE 'often' END FROM generate_series(1, 2000) n;
VACUUM ANALYZE usage_mgmt.usage;
UPDATE usage_mgmt.setting SET value = 100 WHERE name = 'exact_count';
SELECT total FROM public.list('?limit=1');
SELECT total FROM public.list('?limit=1&description=seldom');
SELECT substring(total FROM '\d+')::int BETWEEN 1500 AND 2500 AS near, total ~ 'estimated' AS estimated FROM public.list('?limit=1&description=often');
-- partitions that nobody has analyzed are guessed by their size
CREATE TABLE usage_mgmt.regress_wide PARTITION OF usage_mgmt.usage FOR VALUES FROM ('1990-01-01Z') TO ('1991-01-01Z');
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type)
SELECT 'o' || n, timestamptz '1990-01-01Z' + n * interval '1 minute', 'T' FROM generate_series(1, 2000) n;
SELECT substring(total FROM '\d+')::int > 2000 AS more, total ~ 'estimated' AS estimated FROM public.list('?limit=1');
DROP TABLE usage_mgmt.regress_wide;

-- Row security: neither rows nor numbers of what somebody may not see
CREATE ROLE regress_reader;
SELECT usage_mgmt.grant_access('regress_reader', 'reader');
CREATE POLICY hidden ON usage_mgmt.usage USING (description = 'seldom');
ALTER TABLE usage_mgmt.usage ENABLE ROW LEVEL SECURITY;
SET ROLE regress_reader;
SELECT status, total, shown FROM public.list('?limit=1');
SELECT status, total, shown, body FROM public.list('?offset=2000');
SELECT status, total, shown FROM public.list('?limit=7&sort=type');
RESET ROLE;
-- nor what the planner expects, to whom this policy is a third of all
CREATE FUNCTION public.regress_may_see(text, text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN $1 = $2; END';
ALTER POLICY hidden ON usage_mgmt.usage USING (public.regress_may_see(id, 'n20'));
UPDATE usage_mgmt.setting SET value = 10 WHERE name = 'exact_count';
SET ROLE regress_reader;
SELECT status, total, shown FROM public.list('?limit=0');
SELECT status, total, shown FROM public.list('?limit=0&type=T');
RESET ROLE;
ALTER POLICY hidden ON usage_mgmt.usage USING (public.regress_may_see(description, 'seldom'));
SET ROLE regress_reader;
SELECT status, total, shown FROM public.list('?limit=1');
RESET ROLE;
UPDATE usage_mgmt.setting SET value = 100 WHERE name = 'exact_count';
-- A time-out is an answer
DROP POLICY hidden ON usage_mgmt.usage;
CREATE POLICY slow ON usage_mgmt.usage USING (pg_sleep(600) IS NOT NULL);
SET ROLE regress_reader;
SET statement_timeout = '100ms';
SELECT status, body FROM public.list('?limit=1');
RESET statement_timeout;
RESET ROLE;
ALTER TABLE usage_mgmt.usage DISABLE ROW LEVEL SECURITY;
DROP POLICY slow ON usage_mgmt.usage;
DROP FUNCTION public.regress_may_see(text, text);
-- No right is told before anything is read
REVOKE ALL ON usage_mgmt.usage FROM regress_reader;
SET ROLE regress_reader;
SELECT status, body FROM public.list('?typ=T');
SELECT (public.http('GET', '/usageManagement/usage', '', '{"authorization": "Bearer x"}')).status;
RESET ROLE;
UPDATE usage_mgmt.setting SET value = 10000 WHERE name = 'exact_count';

-- A page ends where it is large enough, and goes on behind it
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, description)
SELECT 'l' || n, timestamptz '2001-01-01Z' + n * interval '1 hour', 'T', repeat('x', 3000000) FROM generate_series(1, 9) n;
SELECT status, total, shown, link FROM public.list('');
SELECT status, total, shown, link FROM public.list('?limit=8&sort=type&offset=1');
SELECT status, shown FROM public.list('?fields=id');

-- Each resource has its lists, with a date or without
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key;
INSERT INTO usage_mgmt.usage_specification (id, name) SELECT 's' || n, 'S' FROM generate_series(1, 3) n;
INSERT INTO usage_mgmt.service_usage (id, usage_date, usage_type, status) SELECT 'su' || n, '2001-01-01Z', 'T', 'generated' FROM generate_series(1, 3) n;
SELECT * FROM public.list('Specification?limit=2');
SELECT * FROM public.list('?limit=2', '/tmf-api/usageManagement/v4/usageSpecification');
SELECT * FROM public.list('?limit=2', '/tmf-api/serviceUsage/v4/serviceUsage');
SELECT * FROM public.list('?limit=2&sort=-usageDate', '/tmf-api/serviceUsageManagement/v4/serviceUsage/');
SELECT * FROM public.list('?limit=2&sort=name', '/tmf-api/serviceUsage/v4/serviceUsageSpecification');
SELECT status, total, shown, length(body) FROM public.http('HEAD', '/usageManagement/usageSpecification?limit=2');

-- A collection is patched whole, or not at all
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status)
SELECT 'p' || n, '2001-01-01Z', 'T' || n % 2, CASE WHEN n < 5 THEN 'received' ELSE 'rejected' END::usage_mgmt.usage_status FROM generate_series(1, 6) n;
SELECT status, body FROM public.http('PATCH', '/usageManagement/usage?status=received', '{"status": "guided"}');
SELECT status, body FROM public.http('PATCH', '/usageManagement/usage?type=T1', '{"status": "rejected"}');
SELECT id, status FROM usage_mgmt.usage ORDER BY id;
SELECT body, status FROM public.http('PATCH', '/tmf-api/usageManagement/v4/usage?status=guided', '[{"op": "add", "path": "/description", "value": "d"}]',
	'{"x-um-content-type": "application/json-patch+json"}');
SELECT q.uri, h.status, h.body::json ->> 'message' AS message FROM (VALUES ('', '{}', '{}'), ('?all=true', '{', '{}'), ('?id=none', '{"id": "x"}', '{}'), ('?limit=1&id=p1', '{}', '{}'),
	('?typ=1', '{}', '{}'), ('?id=p1', '{}', '{"if-match": "*"}'), ('?id=p1', '{}', '{"x-um-content-type": "text/html"}'),
	('?type=T0', '{"status": "rated"}', '{}')) q (uri, payload, further), public.http('PATCH', '/usageManagement/usage' || q.uri, q.payload, q.further) h;
SELECT status, count(*) FROM usage_mgmt.usage GROUP BY status ORDER BY status;
SELECT status, body FROM public.http('PATCH', '/usageManagement/usage?id=none', '{"description": "x"}');
SELECT status, body FROM public.http('PATCH', '/usageManagement/usage?all=true', '{"description": "x"}');
SELECT count(*) FROM usage_mgmt.usage WHERE description = 'x';
GRANT SELECT ON usage_mgmt.usage TO regress_reader;
SET ROLE regress_reader;
SELECT status FROM public.http('PATCH', '/usageManagement/usage?id=p1', '{"description": "x"}');
SELECT status FROM public.http('PATCH', '/usageManagement/usage?id=p1', '{"description": "x"}', '{"authorization": "Bearer x"}');
RESET ROLE;

SET client_min_messages = warning;
SELECT usage_mgmt.install_tables();
DROP FUNCTION public.walk, public.list, public.http;
DROP TYPE public.regress_answer;
DROP OWNED BY regress_reader;
DROP ROLE regress_reader;
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification, usage_mgmt.service_usage;
