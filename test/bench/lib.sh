# shellcheck shell=bash
# What the cases of the benchmark are made of; sourced by test/bench/run.
#
# A case is a file of test/bench/cases. It prepares what it needs, names its sides
# (what is measured), lets them race and compares their medians:
#
#	side NAME DATABASE BEFORE TIMED   two pieces of SQL; the time of TIMED counts
#	side_command NAME DATABASE BEFORE COMMAND
#	                                  SQL, and a shell command that is timed from
#	                                  outside, with PGDATABASE set
#	holds NAME SQL EXPECTED [DATABASE]
#	                                  what must be true behind each run of that side
#	race                              runs all sides, taking turns
#	compare LABEL A B GOAL            prints median A / median B; GOAL is "<= 1.35",
#	                                  ">= 1.4" or "-" for none
#	within LABEL A B MILLISECONDS     the medians may differ by that much
#	row LABEL A B VALUE GOAL [SPREAD] a line of the table that the case made itself
#
# A case that says clock=cpu has the CPU time of the backend measured, which other work
# on the machine disturbs least. SPREAD is the least and greatest ratio within a round.
#
# rows, runs, scratch (a folder that the server can read) and usagectl (the program)
# are set.

. test/bench/voice.sh

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
	find_usagectl
	for name in "${files[@]}"; do
		run_case "$name"
	done
	print_table
	echo
	echo "$(sql postgres -c 'SELECT split_part(version(), $$ (Debian$$, 1)'), $(nproc) cores, $rows rows, $runs runs"
	"$bindir/pg_ctl" --silent --mode=immediate --pgdata="$scratch/data" stop
	! grep -q '|missed|' "$scratch/table"
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
	start_server
}

# start_server [OPTION...]: options of postgres
start_server() {
	"$bindir/pg_ctl" --wait --silent --pgdata="$scratch/data" --log="$scratch/server.log" \
		--options="$*" start || { cat "$scratch/server.log"; return 1; }
}

stop_server() {
	"$bindir/pg_ctl" --wait --silent --mode=fast --pgdata="$scratch/data" stop
}

# The one that was just built, or with --installed the one beside psql.
find_usagectl() {
	usagectl=$bindir/usagectl
	[ ! -x ./usagectl ] || usagectl=$PWD/usagectl
	[ -x "$usagectl" ] || die "there is no usagectl"
}

# A case does not see what another one has set.
run_case() (
	declare -A database before timed command condition expected where times
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

# empty SCHEMA: a round is not to find the dead keys of the one before.
empty() {
	case $1 in
		bare) echo 'TRUNCATE bare.usage;' ;;
		*)    echo "TRUNCATE $1.usage_key; TRUNCATE $1.usage;" ;;
	esac
	[ "$1" != usage_mgmt ] ||
		echo 'TRUNCATE usage_mgmt.import_load, usage_mgmt.import_reject, usage_mgmt.usage_conflict;'
}

# What a load of the run's rows must leave: as many usages, as many keys.
stored='SELECT count(*), (SELECT count(*) FROM usage_mgmt.usage_key) FROM usage_mgmt.usage'

# make_months NAME FIRST LAST: a database of these months, with usages from FIRST to 2025-12
make_months() {
	make_database "$1"
	sql "$1" <<-SQL
		DO \$\$
		DECLARE
			leaf regclass;
		BEGIN
			FOR leaf IN SELECT inhrelid FROM pg_inherits
				WHERE inhparent = 'usage_mgmt.usage'::regclass
				AND inhrelid <> 'usage_mgmt.usage_default'::regclass
			LOOP
				EXECUTE format('DROP TABLE %s', leaf);
			END LOOP;
		END
		\$\$;
		SELECT FROM usage_mgmt.ensure_partitions('$2-01Z', '$3-01Z');
		INSERT INTO usage_mgmt.usage ($columns)
			SELECT * FROM bench.voice($rows, '$2-01Z', '2026-01-01Z');
	SQL
}

side() {
	sides+=("$1")
	database[$1]=$2 before[$1]=$3 timed[$1]=$4 times[$1]=
}

side_command() {
	side "$1" "$2" "$3" ''
	command[$1]=$4
}

holds() {
	condition[$1]=$2 expected[$1]=$3 where[$1]=${4:-${database[$1]}}
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
			[ -z "${condition[$name]-}" ] || look_at "$name"
		done
	done
}

# Whoever stores less is no rival.
look_at() {
	local found

	found=$(sql "${where[$1]}" -c "${condition[$1]}")
	[ "$found" = "${expected[$1]}" ] ||
		die "$case_name: $1 left $found, not ${expected[$1]} (${condition[$1]})"
}

run_side() {
	if [ -n "${command[$1]-}" ]; then
		time_command "$1"
	elif [ "${clock-}" = cpu ]; then
		cpu_time "${database[$1]}" "$1"
	else
		time_sql "$1"
	fi
}

# In one session: what comes before, a checkpoint, and what counts, in milliseconds.
time_sql() {
	{
		echo "${before[$1]}"
		echo 'CHECKPOINT;'
		printf '%s\n' '\timing on'
		echo "${timed[$1]}"
	} | sql "${database[$1]}" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | tail -n 1
}

# cpu_time DATABASE NAME: the same by the backend's own account
cpu_time() {
	local account="SELECT split_part(pg_read_file('/proc/' || pg_backend_pid() || '/schedstat'), ' ', 1)::bigint"

	printf '%s\n' "${before[$2]}" 'CHECKPOINT;' "$account AS began \\gset" "${timed[$2]}" \
		"SELECT round((($account) - :began) / 1e6, 3);" | sql "$1" | tail -n 1
}

# The same of a program, its start and its connection included.
time_command() {
	local start end

	printf '%s\n' "${before[$1]}" 'CHECKPOINT;' | sql "${database[$1]}" > /dev/null ||
		return 1
	export PGDATABASE=${database[$1]}
	start=${EPOCHREALTIME/./}
	eval "${command[$1]}" > "$scratch/command.log" 2>&1 || { cat "$scratch/command.log" >&2; return 1; }
	end=${EPOCHREALTIME/./}
	printf '%d.%03d\n' $(((end - start) / 1000)) $(((end - start) % 1000))
}

# together FUNCTION FIRST SECOND: the function on both at once
together() {
	local first

	"$1" "$2" &
	first=$!
	"$1" "$3" && wait "$first"
}

# The two commands that most cases have, on the file that is named.
import_file() {
	"$usagectl" import "$1"
}

copy_raw() {
	sql "$PGDATABASE" -c "\\copy raw FROM '$1' WITH $lines"
}

median() {
	tr ' ' '\n' <<< "${times[$1]}" | sed '/^$/d' | sort -g |
		awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

compare() {
	local a b
	a=$(median "$2") b=$(median "$3")
	row "$1" "$(seconds "$a")" "$(seconds "$b")" "$(quotient "$a" "$b")" "$4" "$(spread "$2" "$3")"
}

within() {
	local a b
	a=$(median "$2") b=$(median "$3")
	row "$1" "$(seconds "$a" 4)" "$(seconds "$b" 4)" \
		"$(awk -v a="$a" -v b="$b" 'BEGIN { printf "%+.2f ms", a - b }')" "<= $4 ms"
}

seconds() {
	awk -v ms="$1" -v digits="${2:-2}" 'BEGIN { printf "%.*f s", digits, ms / 1000 }'
}

megabytes() {
	awk -v bytes="$1" 'BEGIN { printf "%.1f MB", bytes / 1048576 }'
}

quotient() {
	awk -v a="$1" -v b="$2" -v digits="${3:-2}" 'BEGIN { printf "%.*f", digits, a / b }'
}

spread() {
	awk -v a="${times[$1]}" -v b="${times[$2]}" 'BEGIN {
		n = split(a, x, " ")
		split(b, y, " ")
		for (i = 1; i <= n; i++) {
			r = x[i] / y[i]
			if (i == 1 || r < least) least = r
			if (i == 1 || r > most) most = r
		}
		printf "%.2f to %.2f", least, most
	}'
}

# A value may have a unit; the goal then has the same. Or the goal is the value itself.
row() {
	awk -v label="$1" -v a="$2" -v b="$3" -v value="$4" -v goal="$5" -v spread="${6-}" 'BEGIN {
		split(goal, g, " ")
		v = value + 0
		good = g[1] == "<=" ? v <= g[2] + 0 : g[1] == ">=" ? v >= g[2] + 0 : value == goal
		met = goal == "-" ? "" : good ? "ok" : "missed"
		printf "%s|%s|%s|%s|%s|%s|%s\n", label, a, b, value, goal, met, spread
	}' >> "$scratch/table"
}

print_table() {
	{
		echo "${heading:-name|A|B|ratio|goal||of a round}"
		cat "$scratch/table"
	} | awk -F '|' '
		{ line[NR] = $0; for (i = 1; i <= NF; i++) if (length($i) > width[i]) width[i] = length($i) }
		END {
			for (n = 1; n <= NR; n++) {
				split(line[n], f, "|")
				text = sprintf("%-*s  %*s  %*s  %*s  %-*s  %-*s  %s", width[1], f[1], width[2], f[2],
					width[3], f[3], width[4], f[4], width[5], f[5], width[6], f[6], f[7])
				sub(/ +$/, "", text)
				print text
			}
		}'
}
