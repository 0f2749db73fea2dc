# shellcheck shell=bash
# The queries of docs/cookbook.md on half a year of usages: how many rows the planner
# expects and finds, in the worst place of each (test/bench/plans). A number by ->>, read
# through, against jsonb. And what an index is to find in milliseconds.
#
# --only cookbook --rows 2000000 is what the page speaks of.

make_database cookbook
sql cookbook > /dev/null <<-SQL
	SET client_min_messages = warning;
	SET TimeZone = UTC;
	\i test/data/cookbook.sql
	\set rows $rows
	\i $bench/months.sql
	CREATE TABLE bench.plain AS SELECT * FROM usage_mgmt.usage WHERE usage_date >= '2026-03-01Z' AND usage_date < '2026-04-01Z';
	ALTER TABLE bench.plain ALTER usage_characteristic TYPE jsonb;
	VACUUM ANALYZE;
SQL

clock=cpu
number="WHERE usage_characteristic ->> 'originatingNumber' = '43676001';"
by_number="SET search_path = usage_mgmt; SET max_parallel_workers_per_gather = 0; SELECT count(*) FROM"
side number cookbook "$by_number usage_p202603 $number" "SELECT count(*) FROM usage_p202603 $number"
side number_plain cookbook "$by_number bench.plain $number" "SELECT count(*) FROM bench.plain $number"
race
compare 'a number by ->> / jsonb' number number_plain '<= 1.05'

# What a subselect keeps and which settlement a usage is in is in no statistics, nor what
# is in the catalogs.
unknown='^(Nobody pays|A settlement|A statement|Indexes and statistics of this page|Drop a month)$'
PGDATABASE=cookbook "$bench/plans" docs/cookbook.md > "$scratch/plans"
while IFS='|' read -r heading spent expected found factor; do
	goal='<= 3'
	[[ ! $heading =~ $unknown ]] || goal=-
	row "$heading, $spent ms: expected, found" "$expected" "$found" "$factor" "$goal"
done < "$scratch/plans"

sql cookbook -c 'CREATE INDEX ON usage_mgmt.usage USING gin (usage_characteristic)' -c 'VACUUM ANALYZE' \
	-c 'ALTER ROLE CURRENT_USER RESET search_path'
sides=()
# quick NAME GOAL FROM: rows that an index finds, the mean of ten times in a session
quick() {
	local query="SELECT count(*) FROM $3;"
	local ten=$query$query$query$query$query$query$query$query$query$query

	side "$1" cookbook "$ten" "$ten"
	goals[$1]=$2
}
declare -A goals
quick 'a number by query string' '<= 2 ms' "usage_mgmt.get_usages('usageCharacteristic.originatingNumber=43676001')"
quick "a customer's month" '<= 10 ms' "usage_mgmt.usage u WHERE usage_date >= '2026-03-01' AND usage_date < '2026-04-01'
	AND usage_mgmt.party_ids(related_party) @> '{C1}' AND EXISTS (SELECT FROM unnest(u.related_party) p WHERE p.role = 'customer' AND p.id = 'C1')"
quick 'parties by role and id' '<= 10 ms' "usage_mgmt.usage_parties('customer', 'C1')"
quick "a bill's usages" '<= 10 ms' "usage_mgmt.usage_ratings('billRef', '2026-03/C3')"
race
for name in "${sides[@]}"; do
	found=$(quotient "$(median "$name")" 10)
	row "$name" "$found ms" - "$found ms" "${goals[$name]}"
done
sql postgres -c 'DROP DATABASE cookbook'
