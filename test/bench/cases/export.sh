# shellcheck shell=bash
# TMF JSON out of the store, against json_build_object over the same rows.

csv="(FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')"
make_database export
sql export <<-SQL
	SELECT FROM usage_mgmt.ensure_partitions('2025-01-01Z', '2025-12-31Z');
	INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, description, status,
		usage_specification_id, usage_specification_href, usage_specification_name,
		usage_characteristic, related_party, rated_product_usage)
		SELECT * FROM bench.voice($rows, '2025-01-01Z', '2026-01-01Z');
	-- the usual way: lists as jsonb columns
	CREATE TABLE usual AS SELECT id, usage_date, usage_type, description, status,
		usage_specification_id, usage_specification_href, usage_specification_name,
		usage_characteristic::json::jsonb AS usage_characteristic,
		usage_mgmt.to_tmf(u)::jsonb -> 'relatedParty' AS related_party,
		usage_mgmt.to_tmf(u)::jsonb -> 'ratedProductUsage' AS rated_product_usage
		FROM usage_mgmt.usage u;
	VACUUM ANALYZE;
SQL
side to_tmf export 'SET max_parallel_workers_per_gather = 0;' \
	"COPY (SELECT usage_mgmt.to_tmf(u) FROM usage_mgmt.usage u) TO '/dev/null' WITH $csv;"
side build export 'SET max_parallel_workers_per_gather = 0;' \
	"COPY (SELECT json_build_object('id', id, 'href', '/usageManagement/usage/' || id,
		'date', to_char(usage_date AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),
		'type', usage_type, 'description', description, 'status', status,
		'usageSpecification', json_build_object('id', usage_specification_id,
			'href', usage_specification_href, 'name', usage_specification_name),
		'usageCharacteristic', usage_characteristic, 'relatedParty', related_party,
		'ratedProductUsage', rated_product_usage) FROM usual) TO '/dev/null' WITH $csv;"
race
compare 'export by to_tmf / json_build_object' to_tmf build '<= 0.35'
sql postgres -c 'DROP DATABASE export'
