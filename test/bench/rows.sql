-- The rows that the benchmark loads: voice usages like the standard's sample, 8
-- characteristics and 2 parties, every second one rated. Ids and dates in order, ids
-- after those of the first skip usages.

CREATE SCHEMA bench;

CREATE FUNCTION bench.voice(rows integer, first timestamptz, last timestamptz,
	skip integer DEFAULT 0)
RETURNS TABLE (
	id text, usage_date timestamptz, usage_type text, description text,
	status usage_mgmt.usage_status, usage_specification_id text,
	usage_specification_href text, usage_specification_name text,
	usage_characteristic usage_mgmt.characteristics,
	related_party usage_mgmt.related_party[],
	rated_product_usage usage_mgmt.rated_product_usage[])
LANGUAGE sql
BEGIN ATOMIC
	SELECT
		'voice-' || lpad(n::text, 9, '0'),
		happened,
		'VOICE',
		'Description for individual usage content',
		(CASE n % 2 WHEN 0 THEN 'rated' ELSE 'guided' END)::usage_mgmt.usage_status,
		'22',
		'http://serverlocation:port/usageManagement/usageSpecification/22',
		'Voice usage specification',
		json_build_array(
			json_build_object('name', 'originatingCountryCode', 'value', '43'),
			json_build_object('name', 'originatingNumber', 'value', (676000000000 + n)::text),
			json_build_object('name', 'destinationCountryCode', 'value', '49'),
			json_build_object('name', 'destinationNumber', 'value', (170000000000 + n * 7::bigint)::text),
			json_build_object('name', 'duration', 'value', (n % 3600)::text),
			json_build_object('name', 'unit', 'value', 'SEC'),
			json_build_object('name', 'startDateTime', 'value', to_char(happened, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
			json_build_object('name', 'endDateTime', 'value', to_char(happened + n % 3600 * interval '1 second', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
		)::text::usage_mgmt.characteristics,
		ARRAY[
			usage_mgmt.related_party(role => 'serviceProvider', id => '1',
				href => 'http://serverlocation:port/partyManagement/organization/1'),
			usage_mgmt.related_party(role => 'customer', id => (n % 100000)::text,
				href => 'http://serverlocation:port/partyManagement/individual/' || n % 100000)],
		CASE n % 2 WHEN 0 THEN ARRAY[usage_mgmt.rated_product_usage(
			rating_date => happened + interval '1 hour',
			usage_rating_tag => 'usage',
			is_billed => false,
			rating_amount_type => 'total',
			tax_included_rating_amount => round((n % 1000) * 0.012, 2),
			tax_excluded_rating_amount => round((n % 1000) * 0.010, 2),
			tax_rate => 20,
			is_tax_exempt => false,
			offer_tariff_type => 'normal',
			currency_code => 'EUR',
			product_ref => 'http://serverlocation:port/productInventory/product/' || n % 100000,
			product_ref_id => (n % 100000)::text)] END
	FROM (SELECT n, date_trunc('second', first + (n - skip) * ((last - first) / (rows + 1))) AS happened
		  FROM generate_series(skip + 1, skip + rows) n) AS made;
END;
