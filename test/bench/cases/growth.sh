# shellcheck shell=bash
# As many usages again into a store that holds four times as many, against the first
# ones into an empty store. The server has so little memory that the ledger is several
# times shared_buffers by then. All are of the same months, so the partitions grow, too.
# Ids are new each time: in order, or like random uuids.

random='md5(id)::uuid::text'
fills=4

# shared_buffers: 16 MB; of few rows less, so that the ledger is three times as large.
kilobytes=$((rows * fills / 40))
[ "$kilobytes" -le 16384 ] || kilobytes=16384
[ "$kilobytes" -ge 256 ] || kilobytes=256

# growth_store NAME SKIP ROWS ID, and growth_file, which makes a file of such usages
growth_store() {
	make_database "$1"
	fill_store "$1" "$3" "$2" "$4"
}
growth_file() {
	growth_store growth "$2" "$rows" "$3"
	write_documents growth "$1"
	sql postgres -c 'DROP DATABASE growth'
}

growth_file first_ordered.json 0 id
growth_file first_random.json 0 "$random"
growth_file last_ordered.json $((rows * fills)) id
growth_file last_random.json $((rows * fills)) "$random"
growth_store growth_empty 0 0 id
growth_store growth_ordered 0 $((rows * fills)) id
growth_store growth_random 0 $((rows * fills)) "$random"

# The store is a copy, made before the clock starts, and is thrown away.
growth_side() {
	side_command "$1" postgres "SET client_min_messages = warning;
		DROP DATABASE IF EXISTS growth; CREATE DATABASE growth TEMPLATE $2 STRATEGY file_copy;" "grow $1.json"
}
grow() {
	PGDATABASE=growth import_file "$scratch/$1"
}

for ids in ordered random; do
	growth_side "first_$ids" growth_empty
	growth_side "last_$ids" "growth_$ids"
	holds "first_$ids" "$stored" "$rows|$rows" growth
	holds "last_$ids" "$stored" "$((rows * (fills + 1)))|$((rows * (fills + 1)))" growth
done
stop_server
start_server -c "shared_buffers=${kilobytes}kB"
race
compare "usagectl import of $rows on $((rows * fills)) / on none" last_ordered first_ordered '<= 1.15'
compare 'the same with random ids' last_random first_random -
ledger=$(sql growth_ordered -c "SELECT pg_total_relation_size('usage_mgmt.usage_key')")
row 'ledger then / shared_buffers' "$(megabytes "$ledger")" "$(megabytes $((kilobytes * 1024)))" \
	"$(quotient "$ledger" $((kilobytes * 1024))) times" '>= 3 times'
stop_server
start_server
for name in growth growth_empty growth_ordered growth_random; do
	sql postgres -c "DROP DATABASE $name"
done
rm "$scratch"/{first,last}_{ordered,random}.json
