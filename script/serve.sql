-- What script/serve has beside the demo's data, so that there is something to see: calls of
-- the last 14 days in each status, a load with rejects, a listener that is behind.
--   :file is where the server may write the load, :base_url what stands before an href
\set lines '(FORMAT csv, QUOTE E''\\x01'', DELIMITER E''\\x02'')'
SET TimeZone = 'UTC';
SET usage_mgmt.tmf_version = 'v4';
SET usage_mgmt.base_url = :'base_url';
-- Without a token one may write here.
SELECT usage_mgmt.grant_access('usage_anonymous', 'writer') \g /dev/null
SELECT usage_mgmt.ensure_partitions((now() - interval '15 days')::date, now()::date) \g /dev/null
SELECT usage_mgmt.register_usage_listener('https://partner.example/listener', NULL, 'v4') \g /dev/null

-- TM Forum's conformance kit asks for a specification in each usage. That of a billed one
-- changes only where no trigger looks.
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE usage_mgmt.usage u SET usage_specification_id = s.id, usage_specification_name = s.name,
	usage_specification_href = coalesce(u.usage_specification_href, current_setting('usage_mgmt.base_url') || '/tmf-api/usageManagement/v4/usageSpecification/' || s.id)
FROM usage_mgmt.usage_specification s
WHERE s.id = '22' AND (u.usage_specification_name IS NULL OR u.usage_specification_href IS NULL);
COMMIT;

-- The fifth call of each day has no type, and is refused; the older a call, the further it is.
COPY (
	SELECT json_strip_nulls(json_build_object(
		'id', format('call-%s-%s', to_char(day, 'MMDD'), n),
		'usageDate', day + n * interval '17 minutes',
		'usageType', CASE WHEN n <> 5 THEN 'VOICE' END,
		'status', status,
		'usageSpecification', json_build_object('id', '22', 'name', 'Voice usage specification',
			'href', current_setting('usage_mgmt.base_url') || '/tmf-api/usageManagement/v4/usageSpecification/22'),
		'usageCharacteristic', json_build_array(
			json_build_object('name', 'originatingNumber', 'value', format('67612345%s', 60 + n % 7)),
			json_build_object('name', 'destinationNumber', 'value', format('17012345%s', 60 + n % 11)),
			json_build_object('name', 'duration', 'value', n * 37 % 600), json_build_object('name', 'unit', 'value', 'SEC')),
		'relatedParty', json_build_array(json_build_object('role', 'customer', 'id', (40 + n % 7)::text)),
		'ratedProductUsage', CASE WHEN status IN ('rated', 'rerated', 'billed') THEN json_build_array(json_build_object(
			'ratingDate', day + interval '1 day', 'isBilled', status = 'billed', 'taxRate', 20,
			'taxIncludedRatingAmount', json_build_object('unit', 'EUR', 'value', n * 12 / 100.0),
			'taxExcludedRatingAmount', json_build_object('unit', 'EUR', 'value', n * 10 / 100.0),
			'productRef', json_build_object('id', '7'))) END))
	FROM generate_series(0, 13) ago, generate_series(1, 24) n,
		LATERAL (SELECT date_trunc('day', now()) - ago * interval '1 day' AS day,
			CASE WHEN n % 12 = 7 THEN 'rejected' WHEN n % 12 = 8 THEN 'recycled' WHEN ago = 0 THEN 'received'
				WHEN ago < 3 THEN 'guided' WHEN n % 12 = 9 THEN 'rerated' WHEN ago < 8 THEN 'rated' ELSE 'billed' END AS status) made
	WHERE day + n * interval '17 minutes' < now()
) TO :'file' WITH :lines;
COPY usage_mgmt.usage_document FROM :'file' WITH :lines;
