-- The life cycles: every pair of statuses by every door, and what billed means.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';

-- What the two diagrams of the standard show, written down once more
CREATE TEMP TABLE legal (resource text, from_status text, to_status text);
INSERT INTO legal VALUES
	('usage', 'received', 'guided'),
	('usage', 'received', 'rejected'),
	('usage', 'guided', 'rated'),
	('usage', 'guided', 'rejected'),
	('usage', 'rejected', 'recycled'),
	('usage', 'recycled', 'guided'),
	('usage', 'recycled', 'rejected'),
	('usage', 'rated', 'rerated'),
	('usage', 'rerated', 'rated'),
	('usage', 'rated', 'billed'),
	('usage_specification', 'in study', 'in design'),
	('usage_specification', 'in design', 'in test'),
	('usage_specification', 'in test', 'active'),
	('usage_specification', 'in test', 'in design'),
	('usage_specification', 'in test', 'rejected'),
	('usage_specification', 'active', 'launched'),
	('usage_specification', 'active', 'retired'),
	('usage_specification', 'launched', 'retired'),
	('usage_specification', 'retired', 'obsolete');
INSERT INTO legal SELECT 'service_usage_specification', from_status, to_status
	FROM legal WHERE resource = 'usage_specification';
INSERT INTO legal VALUES ('service_usage', 'generated', 'archived');
-- and those of jobs, which end one way or the other
INSERT INTO legal SELECT job || '_job', m.* FROM unnest('{import,export}'::text[]) job, (VALUES ('not started', 'running'),
	('not started', 'failed'), ('running', 'succeeded'), ('running', 'failed')) m;

-- The view says the same
(SELECT * FROM legal EXCEPT SELECT * FROM usage_mgmt.status_transition)
UNION ALL
(SELECT * FROM usage_mgmt.status_transition EXCEPT SELECT * FROM legal);
SELECT resource, count(*) FROM usage_mgmt.status_transition GROUP BY resource ORDER BY resource;

-- Every pair by every door. The rows carry a complete rating, so that nothing
-- but the move can be refused.
CREATE TEMP TABLE door (resource text, name text, statement text);
INSERT INTO door VALUES
	('usage', 'update', $$UPDATE usage_mgmt.usage SET status = '%2$s' WHERE id = 'pair'$$),
	('usage', 'put', $$SELECT usage_mgmt.put_usage('pair', '{"date": "2001-01-15T12:00:00Z",
		"type": "VOICE", "status": "%2$s", "ratedProductUsage": [{"ratingDate": "2001-02-01",
		"taxIncludedRatingAmount": 12.00, "taxExcludedRatingAmount": 10.00, "taxRate": 20,
		"currencyCode": "EUR", "productRef": "1"}]}', 'r14.5')$$),
	('usage', 'put in v4', $$SELECT usage_mgmt.put_usage('pair',
		(usage_mgmt.get_usage('pair', NULL, 'v4')::jsonb || '{"status": "%2$s"}')::json, 'v4')$$),
	('usage', 'on conflict', $$INSERT INTO usage_mgmt.usage
		(id, usage_date, usage_type, status, rated_product_usage)
		SELECT id, usage_date, usage_type, '%2$s', rated_product_usage
		FROM usage_mgmt.usage WHERE id = 'pair'
		ON CONFLICT (id, usage_date) DO UPDATE SET status = excluded.status$$),
	('usage_specification', 'update',
		$$UPDATE usage_mgmt.usage_specification SET status = '%2$s' WHERE id = 'pair'$$),
	('usage_specification', 'put', $$SELECT usage_mgmt.put_usage_specification('pair',
		'{"name": "Voice", "status": "%2$s"}', 'r14.5')$$),
	('usage_specification', 'put in v4', $$SELECT usage_mgmt.put_usage_specification('pair',
		'{"name": "Voice", "lifecycleStatus": "%2$s"}', 'v4')$$),
	('usage_specification', 'on conflict', $$INSERT INTO usage_mgmt.usage_specification
		(id, name, status) VALUES ('pair', 'Voice', '%2$s')
		ON CONFLICT (id) DO UPDATE SET status = excluded.status$$);

CREATE TEMP TABLE tried (resource text, door text, from_status text, to_status text,
	expected text, result text, stored text, named text);

CREATE FUNCTION pg_temp.try_pair(resource text, door text, statement text, from_status text,
	to_status text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	legal boolean := from_status = to_status OR EXISTS (SELECT FROM legal l
		WHERE l.resource = try_pair.resource AND l.from_status = try_pair.from_status
		AND l.to_status = try_pair.to_status);
	result text := 'accepted';
	stored text;
	detail text;
BEGIN
	IF resource = 'usage' THEN
		INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status, rated_product_usage)
		VALUES ('pair', '2001-01-15 12:00+00', 'VOICE', from_status::usage_mgmt.usage_status,
			ARRAY[usage_mgmt.rated_product_usage(rating_date => '2001-02-01 00:00+00',
				tax_included_rating_amount => 12.00, tax_excluded_rating_amount => 10.00,
				tax_rate => 20, currency_code => 'EUR', product_ref_id => '1')]);
	ELSE
		INSERT INTO usage_mgmt.usage_specification (id, name, status)
		VALUES ('pair', 'Voice', from_status::usage_mgmt.usage_specification_status);
	END IF;
	BEGIN
		EXECUTE format(statement, from_status, to_status);
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
		result := SQLSTATE;
	END;
	EXECUTE format('SELECT status FROM usage_mgmt.%I WHERE id = $1', resource) INTO stored USING 'pair';
	INSERT INTO tried VALUES (resource, door, from_status, to_status,
		CASE WHEN legal THEN 'accepted' ELSE 'UM001' END, result, stored, detail);
	IF resource = 'usage' THEN
		PERFORM usage_mgmt.delete_usage('pair', billed => true);
	ELSE
		PERFORM usage_mgmt.delete_usage_specification('pair');
	END IF;
END
$$;

SELECT count(pg_temp.try_pair('usage', name, statement, f::text, t::text)) AS usage_pairs
FROM door, unnest(enum_range(NULL::usage_mgmt.usage_status)) f,
	unnest(enum_range(NULL::usage_mgmt.usage_status)) t
WHERE resource = 'usage';
SELECT count(pg_temp.try_pair('usage_specification', name, statement, f::text, t::text))
	AS specification_pairs
FROM door, unnest(enum_range(NULL::usage_mgmt.usage_specification_status)) f,
	unnest(enum_range(NULL::usage_mgmt.usage_specification_status)) t
WHERE resource = 'usage_specification';

SELECT resource, door, count(*) AS pairs, count(*) FILTER (WHERE result = 'accepted') AS accepted,
	count(*) FILTER (WHERE result = 'UM001') AS refused
FROM tried GROUP BY resource, door ORDER BY resource, door;
-- none has another result than the table demands, or left another status behind
SELECT * FROM tried
WHERE result <> expected
OR stored IS DISTINCT FROM CASE WHEN expected = 'accepted' THEN to_status ELSE from_status END;
-- and each refusal names the status, and as legal the moves that are and no other
SELECT * FROM (
	SELECT t.*, named::json -> 0 ->> 'legal' AS told,
		(SELECT array_agg(l.to_status ORDER BY l.to_status) FROM legal l
			WHERE l.resource = t.resource AND l.from_status = t.from_status) AS moves
	FROM tried t WHERE expected = 'UM001') t
WHERE (named::json -> 0 ->> 'path') IS DISTINCT FROM
	CASE WHEN resource = 'usage_specification' AND door = 'put in v4' THEN 'lifecycleStatus' ELSE 'status' END
OR (SELECT array_agg(m ORDER BY m) FROM unnest(string_to_array(told, ', ')) m) IS DISTINCT FROM coalesce(moves, '{none}')
LIMIT 3;

-- The message of a refused move
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('m', '2001-01-15 12:00+00', 'VOICE');
\set VERBOSITY default
UPDATE usage_mgmt.usage SET status = 'recycled' WHERE id = 'm';
\set VERBOSITY terse

-- A new record arrives in any status whose rules it meets; the default is the first
SELECT status FROM usage_mgmt.usage WHERE id = 'm';
INSERT INTO usage_mgmt.usage_specification (id) VALUES ('m') RETURNING status;
SELECT usage_mgmt.post_usage('{"id": "n", "date": "2001-01-15T12:00:00Z", "type": "VOICE",
	"status": "recycled"}') ->> 'status' AS status;
-- spelled in any case, with _, - or nothing for a space, rerate for rerated
CREATE TEMP TABLE spelling (resource text, spelling text, means text);
INSERT INTO spelling
	SELECT DISTINCT resource, replace(spelling, ' ', space), label FROM (
		SELECT 'usage', unnest(enum_range(NULL::usage_mgmt.usage_status)::text[]) UNION ALL
		SELECT 'usage_specification', unnest(enum_range(NULL::usage_mgmt.usage_specification_status)::text[]))
	s (resource, label), unnest(ARRAY[label, upper(label), initcap(label)]) spelling, unnest('{" ",_,-,""}'::text[]) space;
INSERT INTO spelling SELECT 'usage', unnest('{rerate,Rerate,RERATE}'::text[]), 'rerated';
-- and as nothing that is only near
INSERT INTO spelling SELECT 'usage', unnest('{rate,rted,reeived,ratedd,rat-ed,ra ted,_rated,rated_,rated.,rat3d,xated,re-rated,re_rate,reratedd,
	received rejected,"received,rejected"}'::text[]);
INSERT INTO spelling SELECT 'usage_specification', unnest('{in,study,in__study,instdy,in tudy,in  study,in.study,in/study,instud,instudyy,
	i nstudy,ins tudy,inxstudy,in-study-,In_StudX,a-ctive,activelaunched,withdrawn}'::text[]);

CREATE FUNCTION pg_temp.read_as(resource text, spelling text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	document jsonb := CASE resource WHEN 'usage' THEN '{"date": "2001-01-15T12:00:00Z", "type": "VOICE",
		"ratedProductUsage": [{"ratingDate": "2001-02-01", "taxIncludedRatingAmount": 12.00, "taxExcludedRatingAmount": 10.00,
			"taxRate": 20, "currencyCode": "EUR", "productRef": "1"}]}' ELSE '{"name": "Voice"}' END;
	status text;
BEGIN
	EXECUTE format('SELECT usage_mgmt.post_%s($1) ->> ''status''', resource) INTO status
		USING (document || jsonb_build_object('id', 'spelt', 'status', spelling))::json;
	RAISE EXCEPTION USING ERRCODE = 'ZZ999';
EXCEPTION
	WHEN SQLSTATE 'ZZ999' THEN RETURN status;
	WHEN invalid_text_representation THEN RETURN NULL;
END
$$;
SELECT resource, count(means) AS understood, count(*) - count(means) AS refused FROM spelling GROUP BY resource ORDER BY resource;
SELECT *, pg_temp.read_as(resource, spelling) FROM spelling WHERE pg_temp.read_as(resource, spelling) IS DISTINCT FROM means;

-- Billed: the content stays. Each attribute by itself, by UPDATE and by put.
CREATE TEMP TABLE billed AS SELECT $$
	{"id": "b", "date": "2001-01-15T12:00:00Z", "type": "VOICE", "description": "call",
	 "status": "billed", "color": "red",
	 "usageSpecification": {"id": "22", "href": "http://s/22", "name": "Voice"},
	 "usageCharacteristic": [{"name": "duration", "value": "20"}],
	 "relatedParty": [{"role": "customer", "id": "1"}],
	 "ratedProductUsage": [{"ratingDate": "2001-02-01T00:00:00Z", "taxIncludedRatingAmount": 12.00,
		"taxExcludedRatingAmount": 10.00, "taxRate": 20, "currencyCode": "EUR", "productRef": "1"}]}
	$$::jsonb AS body;
SELECT usage_mgmt.post_usage(body::json) ->> 'status' AS status FROM billed;

CREATE FUNCTION pg_temp.sqlstate_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;

SELECT column_name, pg_temp.sqlstate_of(format('UPDATE usage_mgmt.usage SET %I = %s WHERE id = %L',
	column_name, value, 'b')) AS by_update
FROM (VALUES
	('usage_date', $$'2001-01-16 12:00+00'$$),
	('usage_date', $$'2001-02-16 12:00+00'$$),
	('usage_type', $$'DATA'$$),
	('usage_specification_id', $$'23'$$),
	('usage_specification_href', $$'http://t/22'$$),
	('usage_specification_name', 'NULL'),
	('usage_characteristic', $$'{"duration": "21"}'$$),
	('usage_characteristic', 'NULL'),
	('related_party', $$ARRAY[usage_mgmt.related_party(role => 'customer', id => '2')]$$),
	('related_party', 'NULL'),
	('rated_product_usage', 'rated_product_usage || rated_product_usage'),
	('rated_product_usage',
		$$ARRAY[usage_mgmt.rated_product_usage(rating_date => '2001-02-01 00:00+00',
		tax_included_rating_amount => 12.01, tax_excluded_rating_amount => 10.00,
		tax_rate => 20, currency_code => 'EUR', product_ref_id => '1')]$$),
	('description', $$'a call'$$),
	('extra', $$'{"color": "blue"}'$$),
	('type', $$'CallUsage'$$),
	('load_id', '7'),
	-- the same value in another spelling is no change
	('usage_characteristic', $$'[{"name": "duration", "value": "20"}]'$$),
	('usage_date', $$'2001-01-15 13:00+01'$$)
) v (column_name, value);

SELECT path, pg_temp.sqlstate_of(format('SELECT usage_mgmt.put_usage(%L, %L)', 'b',
	CASE WHEN value IS NULL THEN body #- path ELSE jsonb_set(body, path, value) END)) AS by_put
FROM billed, (VALUES
	('{date}'::text[], '"2001-01-15T12:00:01Z"'::jsonb),
	('{type}', '"DATA"'),
	('{usageSpecification,name}', '"Data"'),
	('{usageCharacteristic,0,value}', '"21"'),
	('{usageCharacteristic,0,unit}', '"s"'),
	('{relatedParty,0,role}', '"owner"'),
	('{ratedProductUsage,0,taxIncludedRatingAmount}', '12.01'),
	('{ratedProductUsage,0,isBilled}', 'false'),
	('{ratedProductUsage,0,tag}', '"x"'),
	('{ratedProductUsage}', '[]'),
	('{description}', '"the call"'),
	('{color}', NULL),
	('{ratedProductUsage,0,taxIncludedRatingAmount}', '"12.0"')
) v (path, value);
SELECT usage_mgmt.get_usage('b', 'description,extra.color,usageCharacteristic');

-- A billed usage is not deleted by accident
DELETE FROM usage_mgmt.usage WHERE id = 'b';
DELETE FROM usage_mgmt.usage;
SELECT usage_mgmt.delete_usage('b');
SELECT usage_mgmt.delete_usage('b', billed => false);
SELECT usage_mgmt.delete_usage('b', billed => true);
SELECT usage_mgmt.delete_usage('b', billed => true) AS again;
-- the permission was for that one deletion
SELECT usage_mgmt.post_usage(body::json) ->> 'status' AS status FROM billed;
DELETE FROM usage_mgmt.usage WHERE id = 'b';
-- TRUNCATE is the DBA's explicit act
TRUNCATE usage_mgmt.usage;
SELECT count(*) FROM usage_mgmt.usage;

TRUNCATE usage_mgmt.usage_specification;
