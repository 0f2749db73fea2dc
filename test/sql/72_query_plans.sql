-- The plans behind query strings: months that cannot match are not read, and an
-- index is used where there is one to use.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
SET TimeZone = 'UTC';
SET DateStyle = ISO;

-- 60 months of 200 usages each. What is a DBA's to index is indexed.
DO $$ BEGIN
	PERFORM usage_mgmt.ensure_partitions('2011-01-01', '2015-12-31');
END $$;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status, usage_specification_id, usage_characteristic, related_party, rated_product_usage)
SELECT 'u' || n, timestamptz '2011-01-01 00:00+00' + n * interval '219 minutes', 'type ' || n % 50,
	CASE WHEN n % 100 = 0 THEN 'guided' ELSE 'rejected' END::usage_mgmt.usage_status, 's' || n % 50,
	format('{"duration": %s}', n % 100)::usage_mgmt.characteristics,
	ARRAY[usage_mgmt.related_party(role => 'customer', id => (n % 500)::text)],
	CASE WHEN n % 2 = 0 THEN ARRAY[usage_mgmt.rated_product_usage(product_ref => 'http://product/p' || n % 300, product_ref_id => 'p' || n % 300, rating_date => '2016-01-01', tax_rate => 20,
		currency_code => 'EUR', tax_included_rating_amount => n % 10, tax_excluded_rating_amount => n % 9, extra => jsonb_build_object('billRef', 'B' || n % 400))] END
FROM generate_series(0, 11999) n;
-- what is closed is in no index of the open ones
ALTER TABLE usage_mgmt.usage DISABLE TRIGGER zz_usage_check;
UPDATE usage_mgmt.usage SET status = 'billed' WHERE status = 'rejected';
ALTER TABLE usage_mgmt.usage ENABLE TRIGGER zz_usage_check;
CREATE INDEX regress_party ON usage_mgmt.usage USING gin (usage_mgmt.party_ids(related_party));
CREATE INDEX regress_specification ON usage_mgmt.usage (usage_specification_id);
CREATE INDEX regress_type ON usage_mgmt.usage (usage_type);
CREATE INDEX regress_characteristic ON usage_mgmt.usage USING gin (usage_characteristic);
CREATE INDEX regress_product ON usage_mgmt.usage USING gin (usage_mgmt.rating_refs(rated_product_usage));
CREATE INDEX regress_bill ON usage_mgmt.usage USING gin (usage_mgmt.rating_refs(rated_product_usage, 'billRef'));
ANALYZE usage_mgmt.usage;
-- whatever the costs of such small tables, the question is which index can serve
SET enable_seqscan = off;

CREATE FUNCTION pg_temp.plan(query text, version text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(line, E'\n') FROM usage_mgmt.explain_usages(query, version) line
$$;
-- How many of the 60 months a plan reads, whether an index serves each of them, and
-- whether the index that is wanted serves as many
CREATE FUNCTION pg_temp.reads(query text, wanted text, OUT months bigint, OUT by_index boolean, OUT by_that boolean) LANGUAGE sql AS $$
	SELECT count(DISTINCT leaf[1]), plan !~ 'Seq Scan', count(DISTINCT leaf[1]) =
		(SELECT count(DISTINCT i[1]) FROM regexp_matches(plan, '(?:using|Index Scan on) (usage_p201[1-5]\d\d)_' || wanted || '\M', 'g') i)
	FROM pg_temp.plan(query) plan, regexp_matches(plan, ' on (?:usage_mgmt\.)?(usage_p201[1-5]\d\d)\M', 'g') leaf
	GROUP BY plan
$$;
SELECT query, wanted, r.* FROM (VALUES
	(1, 'date.gte=2015-03-01&date.lt=2015-04-01', 'usage_date_idx'), (2, 'date=2015-03-01', 'usage_date_idx'),
	(3, 'date=2015-03-01,2014-06-15T10:00:00Z', 'usage_date_idx'), (4, 'date.gte=2015-11-15', 'usage_date_idx'),
	(5, 'date.lt=2011-02-01', 'usage_date_idx'), (6, 'usageDate%3E%3D2015-03-01&usageDate%3C2015-05-01', 'usage_date_idx'),
	(7, 'status=guided', 'status_usage_date_idx'), (8, 'status=guided,received', 'status_usage_date_idx'),
	(9, 'status=guided&date.gte=2015-03-01&date.lt=2015-04-01', 'status_usage_date_idx'),
	(10, 'relatedParty.id=45', 'party_ids_idx'), (11, 'relatedParty.id=45,46', 'party_ids_idx'),
	(12, 'relatedParty.role=customer&relatedParty.id=45&date.gte=2015-07-01&date.lt=2015-10-01', 'party_ids_idx'),
	(13, 'usageSpecification.id=s7', 'usage_specification_id_idx'), (14, 'usageSpecification.id=s7,s8', 'usage_specification_id_idx'),
	(15, 'usageSpecification.id=s7&date.gte=2015-12-01', 'usage_specification_id_idx'),
	(16, 'type=type+7', 'usage_type_idx'), (17, 'type=type+7,type+8', 'usage_type_idx'), (18, 'type=type+7&date.gte=2015-12-01', 'usage_type_idx'),
	(19, 'usageCharacteristic.duration=7', 'usage_characteristic_idx'), (20, 'id=u77', 'pkey'), (21, 'id=u77&date.lt=2011-02-01', 'pkey'),
	(22, 'limit=10&date.gte=2015-12-01', 'usage_date_idx'), (23, 'after=u11900&limit=10', 'usage_date_idx'),
	(24, 'after=u100&limit=10&sort=-date', 'usage_date_idx'),
	(25, 'usageCharacteristic.duration=7.0,8', 'usage_characteristic_idx'),
	(26, 'usageCharacteristic.name=duration&usageCharacteristic.value=7', 'usage_characteristic_idx'),
	(27, 'usageCharacteristic.duration.gt=98', 'usage_characteristic_idx'),
	(28, 'ratedProductUsage.productRef=http://product/p4', 'rating_refs_idx'), (29, 'ratedProductUsage.productRef.id=p4,p6&ratedProductUsage.currencyCode=EUR', 'rating_refs_idx'),
	(30, 'ratedProductUsage.extra.billRef=B4', 'rating_refs_idx1')) v (n, query, wanted), pg_temp.reads(query, wanted) r
ORDER BY n;

-- JSONPath is served by the same indexes
SELECT filter, wanted, r.* FROM (VALUES
	(1, $$[?(@.date>='2015-03-01' && @.date<'2015-04-01')]$$, 'usage_date_idx'), (2, $$[?(@.date=='2015-03-01' || @.date=='2014-06-15T10:00:00Z')]$$, 'usage_date_idx'),
	(3, $$[?(@.status=='guided')]$$, 'status_usage_date_idx'), (4, $$[?(@.status=='guided' || @.status=='received')]$$, 'status_usage_date_idx'),
	(5, $$[?(@.status=='guided' && (@.date>='2015-03-01' && @.date<'2015-04-01'))]$$, 'status_usage_date_idx'), (6, $$[?(@.status=='guided')]&date.gte=2015-03-01&filter=[?(@.date<'2015-04-01')]$$, 'status_usage_date_idx'),
	(7, $$relatedParty[?(@.id=='45')]$$, 'party_ids_idx'), (8, $$[?(@.relatedParty.id=='45')]$$, 'party_ids_idx'), (9, $$relatedParty[?(@.role=='customer' && (@.id=='45' || @.id=='46'))]$$, 'party_ids_idx'),
	(10, $$[?(@.relatedParty[?(@.id=='45' && @.role!='payer')] && @.date>='2015-07-01' && @.date<'2015-10-01')]$$, 'party_ids_idx'), (11, $$[?(@.relatedParty[?(@.id=='45')] || @.relatedParty[?(@.id=='46')])]$$, 'party_ids_idx'),
	(12, $$[?(@.usageSpecification.id=='s7')]$$, 'usage_specification_id_idx'), (13, $$[?(@.type=='type 7' && @.date>='2015-12-01')]$$, 'usage_type_idx'),
	(14, $$usageCharacteristic[?(@.name=='duration' && @.value==7)]$$, 'usage_characteristic_idx'), (15, $$usageCharacteristic[?(@.name=='duration')].value$$, 'usage_characteristic_idx'), (16, $$[?(@.usageCharacteristic.duration==7)]$$, 'usage_characteristic_idx'),
	(17, $$[?(@.usageCharacteristic.duration>98)]$$, 'usage_characteristic_idx'), (18, $$usageCharacteristic[?(@.name=='duration' && @.value>98)]$$, 'usage_characteristic_idx'), (19, $$[?(@.id=='u77')]$$, 'pkey'),
	(20, $$ratedProductUsage[?(@.productRef=='http://product/p4')]$$, 'rating_refs_idx'), (21, $$ratedProductUsage[?(@.productRef.id=='p4' && @.currencyCode=='EUR')]$$, 'rating_refs_idx'), (22, $$ratedProductUsage[?(@.extra.billRef=='B4')]$$, 'rating_refs_idx1'),
	(23, $$[?(@.date>='2015-12-01')]&limit=10$$, 'usage_date_idx')) v (n, filter, wanted), pg_temp.reads('filter=' || filter, wanted) r
ORDER BY n;
-- and where it says what a query string says it has the same plan
SELECT filter, query FROM (VALUES
	($$[?(@.status=='guided' && @.date>='2015-03-01' && @.date<'2015-04-01')]$$, 'status=guided&date.gte=2015-03-01&date.lt=2015-04-01'), ($$relatedParty[?(@.id=='45')]$$, 'relatedParty.id=45'), ($$relatedParty[?(@.id=='45' || @.id=='46')]$$, 'relatedParty.id=45,46'),
	($$relatedParty[?(@.role=='customer' && @.id=='45')]$$, 'relatedParty.role=customer&relatedParty.id=45'), ($$usageCharacteristic[?(@.name=='duration' && @.value=='7')]$$, 'usageCharacteristic.name=duration&usageCharacteristic.value=7'),
	($$[?(@.usageCharacteristic.duration==7)]$$, 'usageCharacteristic.duration=7'), ($$ratedProductUsage[?(@.extra.billRef=='B4')]$$, 'ratedProductUsage.extra.billRef=B4'), ($$[?(@.type!='type 7')]$$, 'type.ne=type+7')) v (filter, query)
WHERE pg_temp.plan('filter=' || filter) <> pg_temp.plan(query);

-- A page in the order of the date is read in that order: what is sorted is the ids of one date
SELECT query, plan ~ '  Append|^Limit' AS in_parts, plan ~ '->  Sort(\n|$)' AS sorted, plan ~ 'Incremental Sort' AS within_one_date,
	plan ~ 'Backward' AS backward
FROM (VALUES (1, 'limit=10'), (2, 'after=u100&limit=10'), (3, 'limit=10&sort=-date'), (4, 'after=u5000&limit=10&sort=-date')) v (n, query),
	pg_temp.plan(query) plan
ORDER BY n;

-- PostgreSQL writes EXISTS in front of a subplan from 17 on
-- What decides is asked only of what the index proposes
SELECT replace(plan, 'EXISTS(SubPlan', '(SubPlan') AS plan FROM usage_mgmt.explain_usages('usageCharacteristic.duration=1e1&date.gte=2015-12-01&date.lt=2016-01-01') plan;
SELECT replace(plan, 'EXISTS(SubPlan', '(SubPlan') AS plan FROM usage_mgmt.explain_usages('ratedProductUsage.extra.billRef=B4&date.gte=2015-12-01&date.lt=2016-01-01') plan;

-- Lists as rows, by role and id, product or reference: the index serves and the date still chooses the month
EXPLAIN (COSTS OFF) SELECT * FROM usage_mgmt.usage_parties('customer', '45') WHERE usage_date >= '2015-03-01' AND usage_date < '2015-04-01';
EXPLAIN (COSTS OFF) SELECT * FROM usage_mgmt.usage_ratings('p4') WHERE usage_date >= '2015-03-01' AND usage_date < '2015-04-01';
EXPLAIN (COSTS OFF) SELECT * FROM usage_mgmt.usage_ratings('billRef', 'B4') WHERE usage_date >= '2015-03-01' AND usage_date < '2015-04-01';
EXPLAIN (COSTS OFF) SELECT sum(tax_included_rating_amount) FROM usage_mgmt.usage_charges('customer', '46')
WHERE usage_date >= '2015-03-01' AND usage_date < '2015-04-01';
EXPLAIN (COSTS OFF) SELECT c.id, p.usage_id FROM (VALUES ('45'), ('46')) c(id), usage_mgmt.usage_parties(NULL, c.id) p
WHERE usage_date >= '2015-03-01' AND usage_date < '2015-04-01';
-- Of each usage they expect one element
CREATE FUNCTION pg_temp.expected(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
	RETURN plan -> 0 -> 'Plan' -> 'Plan Rows';
END
$$;
SELECT view, pg_temp.expected('SELECT FROM usage_mgmt.' || view) = pg_temp.expected('SELECT FROM usage_mgmt.usage') AS one_each
FROM (VALUES ('usage_party'), ('usage_rating'), ('usage_charge')) v (view);
-- They are the rows of the views; what has no index costs too much on paper not to be compiled
SET jit = off;
CREATE FUNCTION pg_temp.differ(one text, other text, OUT rows bigint, OUT differ bigint) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT (SELECT count(*) FROM (%1$s) x), (SELECT count(*) FROM ((%1$s EXCEPT ALL %2$s) UNION ALL (%2$s EXCEPT ALL %1$s)) d)', one, other)
		INTO rows, differ;
END
$$;
SELECT one, d.* FROM (VALUES
	(1, $$SELECT * FROM usage_mgmt.usage_parties('customer', '45')$$, $$SELECT * FROM usage_mgmt.usage_party WHERE role = 'customer' AND id = '45'$$),
	(2, $$SELECT * FROM usage_mgmt.usage_parties(NULL, '45')$$, $$SELECT * FROM usage_mgmt.usage_party WHERE id = '45'$$),
	(3, $$SELECT * FROM usage_mgmt.usage_parties('payer', '45')$$, $$SELECT * FROM usage_mgmt.usage_party WHERE role = 'payer' AND id = '45'$$),
	(4, $$SELECT * FROM usage_mgmt.usage_parties('customer', NULL)$$, $$SELECT * FROM usage_mgmt.usage_party WHERE false$$),
	(5, $$SELECT * FROM usage_mgmt.usage_ratings('p4')$$, $$SELECT * FROM usage_mgmt.usage_rating WHERE product_ref_id = 'p4'$$),
	(6, $$SELECT * FROM usage_mgmt.usage_ratings('http://product/p4')$$, $$SELECT * FROM usage_mgmt.usage_rating WHERE product_ref = 'http://product/p4'$$),
	(7, $$SELECT * FROM usage_mgmt.usage_ratings('billRef', 'B4')$$, $$SELECT * FROM usage_mgmt.usage_rating WHERE extra ->> 'billRef' = 'B4'$$),
	(8, $$SELECT * FROM usage_mgmt.usage_charges('customer', '46')$$, $$SELECT * FROM usage_mgmt.usage_charge WHERE party_role = 'customer' AND party_id = '46'$$),
	(9, $$SELECT usage_id, role, p.id, r.ordinal, currency_code FROM usage_mgmt.usage_party p JOIN usage_mgmt.usage_rating r USING (usage_id, usage_date) WHERE p.usage_date < '2011-02-01' AND r.usage_date < '2011-02-01'$$,
		$$SELECT usage_id, party_role, party_id, ordinal, currency_code FROM usage_mgmt.usage_charge WHERE usage_date < '2011-02-01'$$)) v (n, one, other), pg_temp.differ(one, other) d
ORDER BY n;
RESET jit;

-- References in every form, found by the index as without
CREATE TEMP TABLE form (value jsonb);
INSERT INTO form VALUES ('"B"'), ('"100"'), ('"1e2"'), ('" 100 "'), ('"0100"'), ('100'), ('100.0'), ('1e2'), ('-0'), ('"0.0"'), ('true'), ('"true"'), ('null'), ('""'), ('" "'),
	('"é"'), ('"a,b;c"'), ('"a&b=c%"'), ('"x\"y\\z"'), ('{"id": "B"}'), ('{"id": 100, "href": "http://b/100"}'), ('{"id": ["B", "C"]}'), ('["B", "C"]'), ('[100, "1e2", null, [100]]'), ('[]'), ('{}'),
	('[{"id": "B"}, {"id": 1e2}]'), ('"1e256"'), ('1e256'), ('"1e257"');
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, rated_product_usage)
SELECT 'f' || row_number() OVER (), '2015-06-01', 'x', ARRAY[usage_mgmt.rated_product_usage(product_ref_id => x.value #>> '{}', extra => jsonb_build_object('billRef', x.value)),
	usage_mgmt.rated_product_usage(product_ref => 'http://p/' || (y.value #>> '{}'), extra => jsonb_build_object('billRef', y.value, 'productRef', jsonb_build_object('grade', y.value)))]
FROM form x, form y;
CREATE INDEX regress_id ON usage_mgmt.usage USING gin (usage_mgmt.rating_refs(rated_product_usage, 'billRef.id'));
CREATE INDEX regress_grade ON usage_mgmt.usage USING gin (usage_mgmt.rating_refs(rated_product_usage, 'productRef.grade'));
CREATE FUNCTION pg_temp.encoded(value text) RETURNS text LANGUAGE sql AS
$$SELECT regexp_replace(upper(encode(convert_to(value, 'UTF8'), 'hex')), '(..)', '%\1', 'g')$$;
CREATE TEMP TABLE asked AS
SELECT row_number() OVER () AS n, name, wanted, 'ratedProductUsage.' || name || '=' || pg_temp.encoded(wanted) || '&date=2015-06-01' AS query
FROM (SELECT value #>> '{}' FROM form UNION SELECT value::text FROM form UNION SELECT 'C' UNION SELECT 'http://p/B') w (wanted),
	unnest('{extra.billRef,extra.billRef.id,productRef.extra.grade,productRef,productRef.id,productRef.href}'::text[]) name
WHERE wanted <> '';
CREATE TEMP TABLE by_index AS SELECT *, ARRAY(SELECT usage_mgmt.get_usages(query || '&sort=id') ->> 'id') AS ids FROM asked;
SELECT name, count(*) AS queries, count(DISTINCT ids) AS answers, sum(cardinality(ids)) AS found FROM by_index GROUP BY name ORDER BY name;

-- What no index could take whole is stored all the same; by its beginning an index proposes the second and fourth with the first, and the whole decides
CREATE TEMP TABLE long AS SELECT n, text FROM (SELECT left(string_agg(md5(i::text), ''), 3200) AS hex, string_agg(chr(128512 + ascii(md5(i::text)) % 64), '') AS wide FROM generate_series(1, 3200) i) t,
	LATERAL (VALUES (1, hex), (2, overlay(hex PLACING 'x' FROM 3200)), (3, wide), (4, overlay(hex PLACING 'y' FROM 3200))) v (n, text);
SELECT usage_mgmt.post_usage(json_build_object('id', 'long' || n, 'date', '2015-06-02', 'type', 'x', 'relatedParty', json_build_array(json_build_object('id', text, 'role', 'customer')),
	'ratedProductUsage', json_build_array(json_build_object('billRef', text, 'productRef', json_build_object('id', text))))) ->> 'id' AS stored FROM long WHERE n < 4 ORDER BY n;
SELECT n, octet_length(text), q.*,
	ARRAY(SELECT usage_id FROM usage_mgmt.usage_parties('customer', text) WHERE usage_date = '2015-06-02') AS parties,
	ARRAY(SELECT usage_id FROM usage_mgmt.usage_ratings(text) WHERE usage_date = '2015-06-02') AS ratings,
	ARRAY(SELECT usage_id FROM usage_mgmt.usage_ratings('billRef', text) WHERE usage_date = '2015-06-02') AS of_bill,
	ARRAY(SELECT usage_id FROM usage_mgmt.usage_charges('customer', text) WHERE usage_date = '2015-06-02') AS charges
FROM long, LATERAL (SELECT string_agg(DISTINCT ARRAY(SELECT usage_mgmt.get_usages(name || '=' || pg_temp.encoded(text) || '&date=2015-06-02') ->> 'id')::text, ' ') AS by_query_string
	FROM unnest('{relatedParty.id,ratedProductUsage.productRef.id,ratedProductUsage.extra.billRef}'::text[]) name) q
ORDER BY n;

-- The same filters without the indexes find the same
SELECT query, usage_mgmt.count_usages(query) FROM (VALUES (1, 'status=guided&date.gte=2015-03-01&date.lt=2015-04-01'), (2, 'relatedParty.id=45,46'),
	(3, 'usageSpecification.id=s7'), (4, 'type=type+7&date.gte=2015-12-01'), (5, 'usageCharacteristic.duration=7')) v (n, query) ORDER BY n;
DROP INDEX usage_mgmt.regress_party, usage_mgmt.regress_specification, usage_mgmt.regress_type, usage_mgmt.regress_characteristic, usage_mgmt.regress_product,
	usage_mgmt.regress_bill, usage_mgmt.regress_id, usage_mgmt.regress_grade;
RESET enable_seqscan;
SELECT query, ids, again FROM by_index, LATERAL (SELECT ARRAY(SELECT usage_mgmt.get_usages(query || '&sort=id') ->> 'id')) a (again) WHERE ids <> again ORDER BY n;
-- and so does what decides, alone
SELECT name, wanted, ids, again FROM by_index JOIN (VALUES ('extra.billRef', '$.billRef[*]'), ('extra.billRef.id', '$.billRef.id[*]'), ('productRef.extra.grade', '$.productRef.grade[*]')) p (name, path) USING (name),
	LATERAL (SELECT ARRAY(SELECT id FROM usage_mgmt.usage WHERE usage_date = '2015-06-01' AND EXISTS (
		SELECT FROM unnest(rated_product_usage) r, jsonb_path_query(r.extra, path::jsonpath, '{}', true) v
		WHERE usage_mgmt.value_matches(v #>> '{}', 'eq', ARRAY[wanted])) ORDER BY id)) a (again)
WHERE ids <> again ORDER BY n;
SELECT name, wanted, ids, again FROM by_index,
	LATERAL (SELECT ARRAY(SELECT id FROM usage_mgmt.usage WHERE usage_date = '2015-06-01' AND EXISTS (
		SELECT FROM unnest(rated_product_usage) r
		WHERE wanted = CASE name WHEN 'productRef' THEN coalesce(product_ref, product_ref_id) WHEN 'productRef.id' THEN product_ref_id ELSE product_ref END) ORDER BY id)) a (again)
WHERE name ~ '^productRef' AND name !~ 'extra' AND ids <> again ORDER BY n;
SELECT query, usage_mgmt.count_usages(query) FROM (VALUES (1, 'status=guided&date.gte=2015-03-01&date.lt=2015-04-01'), (2, 'relatedParty.id=45,46'),
	(3, 'usageSpecification.id=s7'), (4, 'type=type+7&date.gte=2015-12-01'), (5, 'usageCharacteristic.duration=7')) v (n, query) ORDER BY n;

-- A specification is found by its id
SELECT bool_or(line ~ 'usage_specification_pkey') AS by_key
FROM (SELECT set_config('enable_seqscan', 'off', true)) s, usage_mgmt.explain_usage_specifications('id=s1') line;

-- What a plan says is told to whoever may read the table, and nothing is run
CREATE ROLE regress_stranger;
GRANT USAGE ON SCHEMA usage_mgmt TO regress_stranger;
SET ROLE regress_stranger;
\set VERBOSITY sqlstate
SELECT usage_mgmt.explain_usages('status=guided');
\set VERBOSITY default
RESET ROLE;
REVOKE ALL ON SCHEMA usage_mgmt FROM regress_stranger;
DROP ROLE regress_stranger;

SET client_min_messages = warning;
TRUNCATE usage_mgmt.usage;
-- so many partitions would be planned over by every later chapter
DO $$ BEGIN
	PERFORM usage_mgmt.drop_partitions('2016-01-01');
END $$;
