# shellcheck shell=bash
# Two builds of the extension taking turns in one server; sourced by test/bench/against.
#
#	turn CASE DATABASE BEFORE TIMED   the same SQL for both sides; the CPU time that the
#	                                  backend spends on TIMED counts. SIDE in the name of
#	                                  the database stands for before and after

start_turns() {
	scratch=$1 rows=$2 bench=test/bench
	start_bench_cluster
}

# The databases of a side, made while its build is the one that is installed.
make_side() {
	scratch=$1 bench=test/bench bindir=$("$PG_CONFIG" --bindir)
	export PGHOST=$scratch PGPORT=5432
	make_database "load_$2"
	sql "load_$2" -c "SELECT FROM usage_mgmt.ensure_partitions('2025-01-01Z', '2025-12-31Z')"
	make_database "read_$2"
}

fill_sides() {
	local side

	for side in before after; do
		fill_store "read_$side" "$rows"
		sql "read_$side" -c 'CREATE TABLE bench.ids AS SELECT id FROM usage_mgmt.usage ORDER BY id' \
			-c "CREATE TABLE bench.documents AS SELECT usage_mgmt.to_tmf(u)::text AS body
				FROM usage_mgmt.usage u ORDER BY id" -c 'VACUUM ANALYZE'
	done
	sql read_after -c "COPY (SELECT body FROM bench.documents) TO '$scratch/voice.binary' WITH (FORMAT binary)" \
		-c "COPY (SELECT $columns FROM usage_mgmt.usage ORDER BY id) TO '$scratch/voice.copy'"
	sql read_after -c "COPY (SELECT body FROM bench.documents) TO '$scratch/voice.json' WITH $lines"
	for side in before after; do
		sql "load_$side" -c 'CREATE TABLE bench.documents (body text)' \
			-c "COPY bench.documents FROM '$scratch/voice.binary' WITH (FORMAT binary)" -c 'VACUUM ANALYZE'
	done
}

declare_turns() {
	local quiet='SET client_min_messages = error;'

	turn import load_SIDE "$quiet $(empty usage_mgmt)" \
		"COPY usage_mgmt.usage_document FROM '$scratch/voice.binary' WITH (FORMAT binary);"
	turn csv load_SIDE "$quiet $(empty usage_mgmt)" \
		"COPY usage_mgmt.usage_document FROM '$scratch/voice.json' WITH $lines;"
	turn copy load_SIDE "$(empty usage_mgmt)" "COPY usage_mgmt.usage ($columns) FROM '$scratch/voice.copy';"
	turn export read_SIDE '' "COPY (SELECT usage_mgmt.to_tmf(u) FROM usage_mgmt.usage u) TO '/dev/null' WITH (FORMAT binary);"
	turn get read_SIDE '' "DO \$\$
DECLARE
	wanted text;
BEGIN
	FOR wanted IN SELECT id FROM bench.ids LIMIT $((rows / 4)) LOOP
		PERFORM usage_mgmt.get_usage(wanted);
	END LOOP;
END
\$\$;"
	turn post load_SIDE "$(empty usage_mgmt)" "DO \$\$
DECLARE
	document json;
BEGIN
	FOR document IN SELECT body::json FROM bench.documents LIMIT $((rows / 10)) LOOP
		PERFORM usage_mgmt.post_usage(document);
	END LOOP;
END
\$\$;"
}

turn() {
	cases+=("$1")
	database[$1]=$2 before[$1]=$3 timed[$1]=$4
}

# take_turns SCRATCH ROWS RUNS [CASE...]
take_turns() {
	scratch=$1 rows=$2 bench=test/bench bindir=$("$PG_CONFIG" --bindir)
	local runs=$3 round name side
	declare -A database before timed times
	cases=()
	shift 3
	export PGHOST=$scratch PGPORT=5432
	fill_sides
	declare_turns
	[ $# = 0 ] || cases=("$@")
	for ((round = 0; round < runs; round++)); do
		for name in "${cases[@]}"; do
			# one goes first, then the other
			for side in $( ((round % 2)) && echo after before || echo before after); do
				times[$name.$side]+=" $(cpu_time "${database[$name]/SIDE/$side}" "$name")"
			done
		done
		echo "round $((round + 1)) of $runs" >&2
	done
	: > "$scratch/table"
	for name in "${cases[@]}"; do
		row_of "$name"
	done
	heading='case|after|before|ratio|of a round|' print_table
	echo
	echo "$(sql postgres -c 'SELECT split_part(version(), $$ (Debian$$, 1)'), $(nproc) cores, $rows rows, $runs rounds"
}

row_of() {
	local a b

	a=$(median "$1.after") b=$(median "$1.before")
	printf '%s|%s|%s|%s|%s|\n' "$1" "$(seconds "$a" 3)" "$(seconds "$b" 3)" "$(quotient "$a" "$b" 3)" \
		"$(spread "$1.after" "$1.before")" >> "$scratch/table"
}
