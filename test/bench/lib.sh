# shellcheck shell=bash
# What the cases of the benchmark are made of; sourced by test/bench/run.
#
# A case is a file of test/bench/cases. It prepares what it needs, names its sides
# (what is measured), lets them race and compares their medians:
#
#	side NAME DATABASE BEFORE TIMED   two pieces of SQL; the time of TIMED counts
#	race                              runs all sides, taking turns
#	compare LABEL A B GOAL            prints median A / median B; GOAL is "<= 1.35",
#	                                  ">= 1.4" or "-" for none
#	within LABEL A B MILLISECONDS     the medians may differ by that much
#
# rows, runs and scratch (a folder that the server can read) are set.

run_cases() {
	scratch=$1 rows=$2 runs=$3
	shift 3
	bench=test/bench
	local files=() name

	for name in "$@"; do
		[ -f "$bench/cases/$name.sh" ] || die "no case named $name"
		files+=("$bench/cases/$name.sh")
	done
	[ $# -gt 0 ] || files=("$bench"/cases/*.sh)
	: > "$scratch/table"
	start_bench_cluster
	for name in "${files[@]}"; do
		run_case "$name"
	done
	print_table
	"$bindir/pg_ctl" --silent --mode=immediate --pgdata="$scratch/data" stop
	! grep -q 'missed$' "$scratch/table"
}

# Default durability; what differs keeps checkpoints and vacuum out of the times.
start_bench_cluster() {
	bindir=$("$PG_CONFIG" --bindir)
	export PGHOST=$scratch PGPORT=5432 HOME=$scratch
	"$bindir/initdb" --auth=trust --username=postgres --encoding=UTF8 --locale=C.UTF-8 \
		--pgdata="$scratch/data" > "$scratch/initdb.log" 2>&1 ||
		{ cat "$scratch/initdb.log"; return 1; }
	cat >> "$scratch/data/postgresql.conf" <<-CONF
		listen_addresses = ''
		unix_socket_directories = '$scratch'
		shared_buffers = 1GB
		max_wal_size = 16GB
		min_wal_size = 2GB
		checkpoint_timeout = 1d
		autovacuum = off
	CONF
	"$bindir/pg_ctl" --wait --silent --pgdata="$scratch/data" --log="$scratch/server.log" start ||
		{ cat "$scratch/server.log"; return 1; }
}

# A case does not see what another one has set.
run_case() (
	declare -A database before timed times
	sides=()
	case_name=$(basename "$1" .sh)
	say preparing
	. "$1"
)

say() {
	echo "$case_name: $*" >&2
}

# sql DATABASE [ARGUMENT...]: SQL from standard input or -c, -f
sql() {
	local name=$1
	shift
	"$bindir/psql" -XqAt -v ON_ERROR_STOP=1 -d "$name" "$@"
}

# make_database NAME: with the extension and what makes the rows
make_database() {
	sql postgres -c "CREATE DATABASE $1"
	sql "$1" -c 'SET client_min_messages = warning' -c 'CREATE EXTENSION usage_mgmt' \
		-f "$bench/rows.sql"
}

# empty SCHEMA: a round is not to find the dead keys of the one before.
empty() {
	case $1 in
		bare) echo 'TRUNCATE bare.usage;' ;;
		*)    echo "TRUNCATE $1.usage_key; TRUNCATE $1.usage;" ;;
	esac
}

side() {
	sides+=("$1")
	database[$1]=$2 before[$1]=$3 timed[$1]=$4 times[$1]=
}

# Each round begins with another side, so that none always follows the same.
race() {
	local round i name count=${#sides[@]} spent

	for ((round = 0; round < runs; round++)); do
		for ((i = 0; i < count; i++)); do
			name=${sides[(round + i) % count]}
			spent=$(run_side "$name")
			times[$name]+=" $spent"
			say "run $((round + 1)): $name $spent ms"
		done
	done
}

# In one session: what comes before, a checkpoint, and what counts, in milliseconds.
run_side() {
	{
		echo "${before[$1]}"
		echo 'CHECKPOINT;'
		printf '%s\n' '\timing on'
		echo "${timed[$1]}"
	} | sql "${database[$1]}" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | tail -n 1
}

median() {
	tr ' ' '\n' <<< "${times[$1]}" | sed '/^$/d' | sort -g |
		awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

compare() {
	awk -v label="$1" -v a="$(median "$2")" -v b="$(median "$3")" -v goal="$4" 'BEGIN {
		ratio = a / b
		split(goal, g, " ")
		met = goal == "-" ? "" : (g[1] == "<=" ? ratio <= g[2] : ratio >= g[2]) ? "ok" : "missed"
		printf "%s|%.2f s|%.2f s|%.2f|%s|%s\n", label, a / 1000, b / 1000, ratio, goal, met
	}' >> "$scratch/table"
}

within() {
	awk -v label="$1" -v a="$(median "$2")" -v b="$(median "$3")" -v most="$4" 'BEGIN {
		printf "%s|%.4f s|%.4f s|+%.2f ms|<= %s ms|%s\n", label, a / 1000, b / 1000, a - b, most,
			a - b <= most ? "ok" : "missed"
	}' >> "$scratch/table"
}

print_table() {
	{
		echo 'name|median A|median B|ratio|goal|'
		cat "$scratch/table"
	} | awk -F '|' '
		{ line[NR] = $0; for (i = 1; i <= NF; i++) if (length($i) > width[i]) width[i] = length($i) }
		END {
			for (n = 1; n <= NR; n++) {
				split(line[n], f, "|")
				printf "%-*s  %*s  %*s  %*s  %-*s  %s\n", width[1], f[1], width[2], f[2],
					width[3], f[3], width[4], f[4], width[5], f[5], f[6]
			}
		}'
}
