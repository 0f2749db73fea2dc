# shellcheck shell=bash
# TMF JSON out of the store, against json_build_object over the same rows.

voice_store
sql postgres -c 'CREATE DATABASE export TEMPLATE voice'
sql export <<-SQL
	-- the usual way: lists as jsonb columns
	CREATE TABLE usual AS SELECT id, usage_date, usage_type, description, status,
		usage_specification_id, usage_specification_href, usage_specification_name,
		usage_characteristic::json::jsonb AS usage_characteristic,
		usage_mgmt.to_tmf(u)::jsonb -> 'relatedParty' AS related_party,
		usage_mgmt.to_tmf(u)::jsonb -> 'ratedProductUsage' AS rated_product_usage
		FROM usage_mgmt.usage u;
	VACUUM ANALYZE;
SQL
render="SELECT json_build_object('id', id, 'href', '/usageManagement/usage/' || id,
	'date', to_char(usage_date AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),
	'type', usage_type, 'description', description, 'status', status,
	'usageSpecification', json_build_object('id', usage_specification_id,
		'href', usage_specification_href, 'name', usage_specification_name),
	'usageCharacteristic', usage_characteristic, 'relatedParty', related_party,
	'ratedProductUsage', rated_product_usage) FROM usual"
alone='SET max_parallel_workers_per_gather = 0;'

# The client's way; usagectl has its file flushed to the disk, psql does not.
psql_export() {
	sql export -c "$alone" -c "COPY ($render) TO STDOUT WITH $lines" > "$scratch/psql.json"
}
usagectl_export() {
	"$usagectl" export "$scratch/usagectl.json"
}

side to_tmf export "$alone" \
	"COPY (SELECT usage_mgmt.to_tmf(u) FROM usage_mgmt.usage u) TO '/dev/null' WITH $lines;"
side build export "$alone" "COPY ($render) TO '/dev/null' WITH $lines;"
side_command usagectl export '' usagectl_export
side_command psql export '' psql_export
race
compare 'export by to_tmf / json_build_object' to_tmf build '<= 0.35'
compare 'usagectl export / json_build_object by psql' usagectl psql -
[ "$(cat "$scratch/usagectl.json" "$scratch/psql.json" | wc -l)" = $((2 * rows)) ] ||
	die 'export: records are missing'
rm "$scratch/usagectl.json" "$scratch/psql.json"
sql postgres -c 'DROP DATABASE export'
