-- Half a year of usages behind those of test/data/cookbook.sql, as many as rows says, for the queries of
-- docs/cookbook.md: 20,000 customers, most of whom pay for themselves, 30 partners, three
-- types. On 4 April 2026: what is old is billed, March is rated but for a tenth, April
-- comes in. The largest customers have thousands, most have a hundred.

SELECT FROM usage_mgmt.ensure_partitions('2025-11-01Z', '2026-04-30Z');
SELECT setseed(0.5) \g /dev/null

CREATE TEMP TABLE drawn AS
SELECT n, '2025-11-01Z'::timestamptz + date_trunc('second', n * (interval '155 days' / :rows)) AS happened,
	7919 * floor(20000 * random() ^ 1.5)::int % 20000 AS customer,
	CASE WHEN a < 0.55 THEN 'VOICE' WHEN a < 0.85 THEN 'DATA' ELSE 'SMS' END AS kind,
	CASE WHEN b < 0.85 THEN 'NAT' WHEN b < 0.95 THEN 'EU' WHEN b < 0.99 THEN 'INT' ELSE 'SAT' END AS zone,
	ceil(-180 * ln(1 - random()))::int AS amount, random() AS c, random() AS d
FROM (SELECT n, random() AS a, random() AS b FROM generate_series(1, :rows) n OFFSET 0) n;

CREATE TEMP TABLE priced AS
SELECT *, CASE
	WHEN happened < '2026-03-01Z' THEN 'billed'
	WHEN happened >= '2026-04-01Z' THEN CASE WHEN c < 0.9 THEN 'received' ELSE 'guided' END
	WHEN c < 0.89 THEN 'rated' WHEN c < 0.985 THEN 'guided' WHEN c < 0.99 THEN 'rerated' ELSE 'rejected' END AS status,
	CASE WHEN d < 0.8 THEN customer WHEN d < 0.95 THEN customer / 100 * 100 END AS payer,
	round(amount * (CASE zone WHEN 'NAT' THEN 0.01 WHEN 'EU' THEN 0.05 ELSE 0.5 END), 2) AS net
FROM drawn;

INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status, usage_specification_id, usage_specification_name,
	usage_characteristic, related_party, rated_product_usage, rejection, received_at, changed_at)
SELECT 'u' || lpad(n::text, 9, '0'), happened, kind, status::usage_mgmt.usage_status,
	CASE WHEN c BETWEEN 0.5 AND 0.51 THEN '99' WHEN kind = 'VOICE' THEN '22' WHEN kind = 'DATA' THEN '31' ELSE '40' END,
	CASE WHEN kind = 'VOICE' AND d < 0.02 THEN 'Voice calls' ELSE initcap(kind) END,
	(CASE kind
		WHEN 'DATA' THEN json_build_object('originatingNumber', '43676' || to_char(customer, 'FM99999000'),
			'volume', amount * 1.25, 'apn', CASE WHEN d < 0.9 THEN 'internet' ELSE 'corporate' END, 'zone', zone)
		WHEN 'VOICE' THEN json_build_object('originatingNumber', '43676' || to_char(customer, 'FM99999000'),
			'destinationNumber', '49' || 170000000 + (c * 1000000)::int,
			'duration', CASE WHEN status = 'rejected' AND d < 0.3 THEN amount || 'm' ELSE amount::text END, 'unit', 'SEC', 'zone', zone)
		ELSE json_build_object('originatingNumber', '43676' || to_char(customer, 'FM99999000'),
			'destinationNumber', '49' || 170000000 + (c * 1000000)::int, 'zone', zone) END)::text::usage_mgmt.characteristics,
	array_remove(ARRAY[usage_mgmt.related_party(role => 'customer', id => 'C' || customer),
		CASE WHEN payer IS NOT NULL THEN usage_mgmt.related_party(role => 'payer', id => 'C' || payer) END,
		CASE WHEN zone <> 'NAT' THEN usage_mgmt.related_party(role => 'partner', id => 'P' || amount % 30) END], NULL),
	CASE WHEN status IN ('rated', 'rerated', 'billed') THEN ARRAY[usage_mgmt.rated_product_usage(
		rating_date => happened + interval '1 day', is_billed => status = 'billed' OR c < 0.001, tax_rate => 20,
		tax_excluded_rating_amount => net, tax_included_rating_amount => round(net * 1.2, 2),
		currency_code => CASE WHEN customer % 10 = 0 THEN 'CHF' ELSE 'EUR' END, product_ref_id => 'product-' || customer % 50,
		extra => CASE WHEN status = 'billed' THEN jsonb_build_object('billRef', to_char(happened, '"B"YYYYMM-') || payer) END)] END,
	CASE WHEN status = 'rejected' THEN jsonb_build_object('delivered_status', 'guided', 'faults', json_build_array(CASE WHEN kind = 'VOICE' AND d < 0.3
		THEN json_build_object('path', 'usageCharacteristic[2].value', 'code', '23514', 'message', format('"%sm" is not of the value type of "duration"', amount))
		ELSE json_build_object('path', 'usageCharacteristic[1].name', 'code', '23514', 'message', '"apn" is not in usage specification "22"') END)) END,
	happened + interval '3 hours',
	CASE WHEN happened < '2026-03-01Z' THEN date_trunc('month', happened) + interval '1 month 3 days' ELSE happened + interval '12 hours' END
FROM priced;

-- Delivered again under another id
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, usage_specification_id, usage_specification_name, usage_characteristic, related_party)
SELECT 'again-' || id, usage_date, usage_type, usage_specification_id, usage_specification_name, usage_characteristic, related_party
FROM usage_mgmt.usage WHERE id LIKE 'u%00' AND usage_date >= '2026-03-01' AND usage_type = 'VOICE';

INSERT INTO subscriber SELECT '43676' || to_char(n, 'FM99999000'), 'C' || n FROM generate_series(0, 19999) n ON CONFLICT DO NOTHING;
INSERT INTO statement SELECT 'P' || n, currency, 100, 100 FROM generate_series(0, 29) n, unnest('{EUR,CHF}'::text[]) currency;
