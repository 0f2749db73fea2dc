-- The usages that docs/cookbook.md speaks of: three customers' spring of 2026, and what they used of two partners' networks.
SELECT usage_mgmt.ensure_partitions('2026-02-01', '2026-04-01');

INSERT INTO usage_mgmt.usage_specification (id, name, status, usage_spec_characteristic) VALUES
('22', 'Voice', 'active', '[{"name": "originatingNumber", "usageSpecCharacteristicValue": [{"valueType": "string"}]},
	{"name": "destinationNumber", "usageSpecCharacteristicValue": [{"valueType": "string"}]},
	{"name": "duration", "usageSpecCharacteristicValue": [{"valueType": "number", "valueFrom": "0"}]}]'),
('31', 'Data', 'active', '[{"name": "volume", "usageSpecCharacteristicValue": [{"valueType": "number"}]}]');

CREATE TEMP TABLE delivered (id text, usage_date timestamptz, usage_type text, specification text, specification_name text,
	status usage_mgmt.usage_status, characteristics jsonb, customer text, payer text,
	included numeric, excluded numeric, currency text, is_billed boolean);
INSERT INTO delivered VALUES
('v01', '2026-03-02 08:15+00', 'VOICE', '22', 'Voice', 'rated', '{"originatingNumber": "43676001", "destinationNumber": "43676900", "duration": 120}', 'C1', 'C1', 1.20, 1.00, 'EUR', false),
('v02', '2026-03-02 08:47+00', 'VOICE', '22', 'Voice', 'rated', '{"originatingNumber": "43676001", "destinationNumber": "43676901", "duration": 60}', 'C1', 'C1', 0.60, 0.50, 'EUR', false),
('v03', '2026-03-02 17:05+00', 'VOICE', '22', 'Voice calls', 'guided', '{"originatingNumber": "43676002", "destinationNumber": "43676900", "duration": 300}', 'C2', 'C1', NULL, NULL, NULL, NULL),
('v04', '2026-03-03 17:30+00', 'VOICE', '22', 'Voice', 'guided', '{"originatingNumber": "43676002", "destinationNumber": "43676001", "duration": 600}', 'C2', NULL, NULL, NULL, NULL, NULL),
('v05', '2026-03-03 17:30+00', 'VOICE', '22', 'Voice', 'guided', '{"originatingNumber": "43676002", "destinationNumber": "43676001", "duration": 600}', 'C2', NULL, NULL, NULL, NULL, NULL),
('v06', '2026-03-05 20:00+00', 'VOICE', '22', 'Voice', 'guided', '{"originatingNumber": "43676001", "destinationNumber": "43676900", "duration": "1m"}', 'C1', 'C1', NULL, NULL, NULL, NULL),
('v07', '2026-03-05 20:10+00', 'VOICE', '22', 'Voice', 'guided', '{"originatingNumber": "43676001", "destinationNumber": "43676900", "duration": "2m"}', 'C1', 'C1', NULL, NULL, NULL, NULL),
('v08', '2026-03-05 21:00+00', 'VOICE', '22', 'Voice', 'guided', '{"originatingNumber": "43676002", "destinationNumber": "43676900", "duration": 30, "colour": "red"}', 'C2', 'C2', NULL, NULL, NULL, NULL),
('d01', '2026-03-04 12:00+00', 'DATA', '31', 'Data', 'rated', '{"volume": 500}', 'C3', 'C3', 9.99, 8.33, 'CHF', false),
('d02', '2026-03-10 12:00+00', 'DATA', '31', 'Data', 'rated', '{"volume": 750}', 'C3', 'C3', 12.00, 10.00, 'CHF', false),
('d03', '2026-04-01 09:00+00', 'DATA', '99', 'Roaming', 'received', '{"volume": 20}', 'C2', 'C2', NULL, NULL, NULL, NULL),
('d04', '2026-04-02 10:00+00', 'DATA', '31', 'Data', 'billed', '{"volume": 900}', 'C1', 'C1', 24.00, 20.00, 'EUR', true),
('d05', '2026-04-02 11:00+00', 'DATA', '31', 'Data', 'rated', '{"volume": 90}', 'C2', 'C2', 3.60, 3.00, 'EUR', true),
('d06', '2026-04-03 11:00+00', 'DATA', '31', 'Data', 'billed', '{"volume": 80}', 'C2', 'C2', 3.00, 2.50, 'EUR', false);

-- The check against the specification rejects three of them
UPDATE usage_mgmt.setting SET value = 'mark' WHERE name = 'check_specification';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status, usage_specification_id, usage_specification_name,
	usage_characteristic, related_party, rated_product_usage)
SELECT id, usage_date, usage_type, status, specification, specification_name, characteristics::usage_mgmt.characteristics,
	array_remove(ARRAY[usage_mgmt.related_party(role => 'customer', id => customer),
		CASE WHEN payer IS NOT NULL THEN usage_mgmt.related_party(role => 'payer', id => payer) END], NULL),
	CASE WHEN included IS NOT NULL THEN ARRAY[usage_mgmt.rated_product_usage(rating_date => usage_date + interval '1 day',
		tax_included_rating_amount => included, tax_excluded_rating_amount => excluded, tax_rate => 20,
		is_billed => is_billed, currency_code => currency, product_ref_id => 'flat')] END
FROM delivered WHERE specification <> '99' ORDER BY id;
UPDATE usage_mgmt.setting SET value = 'off' WHERE name = 'check_specification';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, usage_specification_id, usage_specification_name, usage_characteristic, related_party)
SELECT id, usage_date, usage_type, specification, specification_name, characteristics::usage_mgmt.characteristics,
	ARRAY[usage_mgmt.related_party(role => 'customer', id => customer), usage_mgmt.related_party(role => 'payer', id => payer)]
FROM delivered WHERE specification = '99';

-- Roaming on the networks of two partners: billed, rated too late for that, and of a number that is to be guided
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status, usage_characteristic, related_party, rated_product_usage)
SELECT id, usage_date::timestamptz, 'ROAMING', status::usage_mgmt.usage_status, jsonb_build_object('originatingNumber', '43676003'),
	array_remove(ARRAY[usage_mgmt.related_party(role => 'customer', id => 'C3'), usage_mgmt.related_party(role => 'partner', id => partner),
		CASE WHEN net IS NOT NULL THEN usage_mgmt.related_party(role => 'payer', id => 'C3') END], NULL),
	CASE WHEN net IS NOT NULL THEN ARRAY[usage_mgmt.rated_product_usage(rating_date => '2026-03-01', currency_code => 'EUR', tax_rate => 20,
		tax_excluded_rating_amount => net, tax_included_rating_amount => round(net * 1.2, 2), product_ref_id => 'roaming')] END
FROM (VALUES ('r01', '2026-02-03 10:00+00', 'billed', 'P1', 4.50), ('r02', '2026-02-09 11:30+00', 'billed', 'P1', 2.50),
	('r03', '2026-02-12 22:00+00', 'billed', 'P2', 3.00), ('r04', '2026-02-20 07:45+00', 'rated', 'P2', 1.00),
	('r05', '2026-04-02 09:30+00', 'received', 'P1', NULL)) AS r(id, usage_date, status, partner, net);

-- Late records: of a payer with a slash, and of what no run may bill
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status, related_party, rated_product_usage)
SELECT id, '2026-02-20 08:00+00', 'SMS', 'rated', ARRAY(SELECT usage_mgmt.related_party(role => 'payer', id => payer, name => 'A payer') FROM unnest(payers) payer),
	ARRAY(SELECT usage_mgmt.rated_product_usage(rating_date => '2026-03-01', currency_code => 'EUR', tax_rate => 20,
		tax_excluded_rating_amount => net, tax_included_rating_amount => net * 1.2, product_ref_id => 'flat') FROM unnest(nets) net)
FROM (VALUES ('x01', '{C4/7}'::text[], '{1.00}'::numeric[]), ('x02', '{C4}', '{1.00,2.00}'), ('x03', '{NULL}', '{1.00}'),
	('x04', '{C4,C5}', '{1.00}')) AS x(id, payers, nets);

-- The tables of the page's reader
CREATE TABLE subscriber (number text PRIMARY KEY, payer text NOT NULL);
INSERT INTO subscriber VALUES ('43676003', 'C3'), ('43676004', 'C2');
CREATE TABLE statement (partner text, currency text, usages bigint, net numeric);
INSERT INTO statement VALUES ('P1', 'EUR', 2, 7.00), ('P2', 'EUR', 1, 2.50);

-- All but two are old news
SET session_replication_role = replica;
UPDATE usage_mgmt.usage SET changed_at = '2026-04-03 12:00+00' WHERE id NOT IN ('d03', 'd06');
RESET session_replication_role;
