-- A walk through usage_mgmt. script/demo runs it in a cluster of its own. By hand, in
-- a database that has the extension, from the top folder of the checkout:
--   psql -a -q < script/demo.sql
-- It stores a handful of usages and keeps them.
--
-- :json after a statement prints its result as it is, without a table around it.
-- :code prints the SQLSTATE of the error above it, :copy_code that psql has none to tell.
\set json '\\g (format=unaligned tuples_only=on)'
\set code '\\echo SQLSTATE :LAST_ERROR_SQLSTATE'
\set copy_code '\\echo SQLSTATE: see DETAIL'
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';

-- == 1. The specifications ==================================================
-- What a cloud CPU usage and a voice usage look like, from TM Forum's own examples.
\set cloud_specification `cat test/data/usageSpecification-cloud.json`
\set voice_specification `cat test/data/usageSpecification-voice.json`
SELECT usage_mgmt.post_usage_specification(:'cloud_specification') ->> 'name' AS stored
UNION ALL
SELECT usage_mgmt.post_usage_specification(:'voice_specification') ->> 'name';

-- What the voice specification says of one characteristic.
SELECT jsonb_pretty(c) AS characteristic
FROM usage_mgmt.usage_specification, jsonb_array_elements(usage_spec_characteristic) c
WHERE id = '22' AND c ->> 'name' = 'duration' :json

-- == 2. A usage goes in as JSON =============================================
-- The example has its quirks: a space before the address, numbers and booleans
-- as strings, an empty string for no value. These are its lines:
\! grep -E '"(href|isBilled|taxRate|taxIncluded|bucketValue)' test/data/usage-cloud.json | sed 's/^ *//'

-- What comes back is clean: real numbers, real booleans, UTC, nothing empty.
\set cloud `cat test/data/usage-cloud.json`
SELECT jsonb_pretty(usage_mgmt.post_usage(:'cloud')::jsonb) :json

-- The same record again is no second usage, the same id with other content an error.
SELECT usage_mgmt.post_usage(:'cloud') ->> 'id' AS found;
SELECT usage_mgmt.post_usage(jsonb_set(:'cloud', '{description}', '"another"'));
:code

-- == 3. The voice example lacks something ===================================
-- It is rated, but names no product.
\set voice `cat test/data/usage-voice.json`
SELECT usage_mgmt.post_usage(:'voice');
:code

-- With the product it is taken. Its key "ratedProductUsage " has a space at its
-- end, and one party says ref where the others say href: both are understood.
SELECT jsonb_pretty(usage_mgmt.post_usage(jsonb_set(:'voice', '{"ratedProductUsage ",0,productRef}',
	'"http://serverlocation:port/catalogManagement/productSpecification/22"'))::jsonb
	-> 'relatedParty') :json

-- == 4. From received to billed =============================================
-- SQL is as good a door as JSON: the same rules hold.
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, usage_specification_id,
	usage_characteristic, related_party)
VALUES ('call-1', '2026-03-14 09:26:53Z', 'VOICE', '22',
	'{"originatingNumber": "676123456789", "destinationNumber": "170123456789",
	  "duration": 61, "unit": "SEC"}',
	ARRAY[usage_mgmt.related_party(role => 'customer', id => '45')])
RETURNING id, status;
UPDATE usage_mgmt.usage SET status = 'guided' WHERE id = 'call-1' RETURNING id, status;
UPDATE usage_mgmt.usage SET status = 'rated', rated_product_usage = ARRAY[
	usage_mgmt.rated_product_usage(
		rating_date => '2026-03-15 00:00Z',
		tax_included_rating_amount => 0.36,
		tax_excluded_rating_amount => 0.30,
		tax_rate => 20,
		currency_code => 'EUR',
		product_ref => 'http://serverlocation:port/productInventoryManagement/product/7')]
WHERE id = 'call-1' RETURNING id, status;
UPDATE usage_mgmt.usage SET status = 'billed' WHERE id = 'call-1' RETURNING id, status;

-- Every legal move, of this life cycle and the specification's:
SELECT resource, from_status, string_agg(to_status, ', ') AS may_become
FROM usage_mgmt.status_transition GROUP BY resource, from_status ORDER BY resource, from_status;

-- == 5. What is refused =====================================================
-- Billed is the end.
UPDATE usage_mgmt.usage SET status = 'rerated' WHERE id = 'call-1';
:code
-- What is received is guided or rejected, nothing else.
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type)
VALUES ('call-2', '2026-03-14 10:00Z', 'VOICE');
UPDATE usage_mgmt.usage SET status = 'recycled' WHERE id = 'call-2';
:code
-- A faulty rating besides: all faults come in one error, DETAIL lists them.
UPDATE usage_mgmt.usage SET status = 'rated', rated_product_usage =
	ARRAY[usage_mgmt.rated_product_usage(tax_rate => 20, currency_code => 'EURO')]
WHERE id = 'call-2';
:code
-- The content of a billed usage stays, and so does the usage.
UPDATE usage_mgmt.usage SET usage_date = usage_date + interval '1 day' WHERE id = 'call-1';
:code
DELETE FROM usage_mgmt.usage WHERE id = 'call-1';
:code
-- An id is one usage, whatever its date and partition.
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type)
VALUES ('call-2', '2026-04-01 00:00Z', 'VOICE');
:code

-- == 6. One row, two versions of the standard ===============================
-- TMF635 R14.5:
SELECT jsonb_pretty(usage_mgmt.get_usage('call-1', version => 'r14.5')::jsonb) :json
-- TMF635 v4, of the same row:
SELECT jsonb_pretty(usage_mgmt.get_usage('call-1', version => 'v4')::jsonb) :json
-- A query can end in JSON, too:
SELECT usage_mgmt.to_tmf(u, version => 'v4') FROM usage_mgmt.usage u WHERE status = 'received' :json

-- == 7. Queries =============================================================
-- Amounts are numeric; the ratings of a usage are rows of a view.
SELECT currency_code, count(*), sum(tax_included_rating_amount) AS with_tax,
	sum(tax_excluded_rating_amount) AS without_tax
FROM usage_mgmt.usage_rating GROUP BY currency_code;
-- So are its parties.
SELECT p.id AS customer, u.id AS usage, u.status
FROM usage_mgmt.usage_party p JOIN usage_mgmt.usage u ON u.id = p.usage_id
WHERE p.role = 'customer' ORDER BY customer, usage;
-- Characteristics are asked as jsonb is.
SELECT id, usage_characteristic ->> 'duration' AS duration, usage_characteristic ->> 'unit' AS unit
FROM usage_mgmt.usage WHERE (usage_characteristic ->> 'duration')::numeric > 10 ORDER BY id;

-- == 8. COPY ================================================================
-- Of these three rows the second has no type:
--   call-3	2026-03-14 11:00Z	VOICE	[{"name":"duration","value":"5"}]
--   call-4	2026-03-14 11:30Z	\N	[{"name":"duration","value":"7"}]
--   call-5	2026-03-14 12:00Z	VOICE	{"duration":9}
\set SHOW_CONTEXT errors
COPY usage_mgmt.usage (id, usage_date, usage_type, usage_characteristic) FROM STDIN;
call-3	2026-03-14 11:00Z	VOICE	[{"name":"duration","value":"5"}]
call-4	2026-03-14 11:30Z	\N	[{"name":"duration","value":"7"}]
call-5	2026-03-14 12:00Z	VOICE	{"duration":9}
\.
:copy_code
-- The COPY is refused as a whole. With the type set, it is taken:
COPY usage_mgmt.usage (id, usage_date, usage_type, usage_characteristic) FROM STDIN;
call-3	2026-03-14 11:00Z	VOICE	[{"name":"duration","value":"5"}]
call-4	2026-03-14 11:30Z	VOICE	[{"name":"duration","value":"7"}]
call-5	2026-03-14 12:00Z	VOICE	{"duration":9}
\.
SELECT id, usage_date, usage_characteristic FROM usage_mgmt.usage
WHERE id BETWEEN 'call-3' AND 'call-5' ORDER BY id;

-- == 9. Partitions ==========================================================
-- The examples are of 2013, which has no partition yet: they wait in the default one.
SELECT id, usage_date, tableoid::regclass AS partition FROM usage_mgmt.usage
WHERE usage_date < '2014-01-01' ORDER BY id;
SELECT usage_mgmt.ensure_partitions('2013-04-01', '2013-04-30') AS made;
SELECT id, usage_date, tableoid::regclass AS partition FROM usage_mgmt.usage
WHERE usage_date < '2014-01-01' ORDER BY id;
-- The ledger of ids agrees with the tables: no rows.
SELECT * FROM usage_mgmt.check_keys();

-- == 10. Events =============================================================
-- Who listens is told what happens from now on; this one reads in SQL, in version v4.
SELECT usage_mgmt.register_usage_listener(NULL, 'usage.usageType=VOICE', 'v4') ->> 'id' AS listener \gset
UPDATE usage_mgmt.usage SET status = 'guided', description = 'disputed' WHERE id = 'call-3';
DELETE FROM usage_mgmt.usage WHERE id = 'call-4';
-- A change of the status and of something else is two events, each with the row as it was then.
SELECT event ->> 'eventType' AS type, event -> 'event' -> 'usage' ->> 'id' AS usage,
	event -> 'event' -> 'usage' ->> 'status' AS status, event ->> 'fieldPath' AS changed
FROM usage_mgmt.next_events(:'listener');
-- They come again until one is confirmed, and all before it with it.
SELECT position FROM usage_mgmt.next_events(:'listener') OFFSET 1 LIMIT 1 \gset
SELECT usage_mgmt.confirm_events(:'listener', :'position');
SELECT jsonb_pretty(event::jsonb) AS event FROM usage_mgmt.next_events(:'listener');

-- == 11. Jobs ===============================================================
-- An import or export can be ordered. usagectl agent carries it out, where one runs
-- (docs/jobs.md), as the role that ordered it.
SELECT usage_mgmt.post_export_job('{"url": "file:///srv/usages/out/billed.json.gz", "query": "status=billed"}') ->> 'id' AS job \gset
SELECT usage_mgmt.cancel_export_job(:'job');
SELECT status, query, ordered_by, error_log FROM usage_mgmt.export_job WHERE id = :'job';
-- What is wrong with an order is said at once, all of it.
SELECT usage_mgmt.post_import_job('{"url": "gopher://example.com/calls", "path": "calls"}');
:code
