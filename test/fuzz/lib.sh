# shellcheck shell=bash
# What test/fuzz/run does as postgres; sourced, never run.

fuzz() {
	scratch=$1
	local count=$2 seed=$3

	start_cluster
	sql -c 'SET client_min_messages = warning' -c 'CREATE EXTENSION usage_mgmt' -f test/fuzz/compare.sql
	test/fuzz/mutants "$count" "$seed" | sql > "$scratch/fuzz.out"
	sql <<-'SQL'
		SELECT format(E'%s, %s times; the shortest:\n  value    %s\n  document %s\n  ours     %s\n  theirs   %s', what, times,
			left(value, 200), left(document, 400), left(ours, 400), left(theirs, 400))
		FROM (SELECT *, count(*) OVER w AS times, row_number() OVER (w ORDER BY length(document)) AS nth
			FROM fuzz.disagreement WINDOW w AS (PARTITION BY what)) d
		WHERE nth = 1 ORDER BY what;
		SELECT format('%s documents compared, %s of them sound, %s disagreements', coalesce(sum(compared), 0), sum(sound),
			(SELECT count(*) FROM fuzz.disagreement)) FROM fuzz.total;
	SQL
	[ "$(sql -c "SELECT sum(compared) = $count AND NOT EXISTS (SELECT FROM fuzz.disagreement) FROM fuzz.total")" = t ]
}

start_cluster() {
	bindir=$("$PG_CONFIG" --bindir)
	export PGHOST=$scratch PGPORT=5432 PGDATABASE=postgres HOME=$scratch
	"$bindir/initdb" --no-sync --auth=trust --username=postgres --encoding=UTF8 --locale=C.UTF-8 \
		--pgdata="$scratch/data" > "$scratch/initdb.log" 2>&1 ||
		{ cat "$scratch/initdb.log"; return 1; }
	cat >> "$scratch/data/postgresql.conf" <<-CONF
		listen_addresses = ''
		unix_socket_directories = '$scratch'
		fsync = off
		wal_level = minimal
		max_wal_senders = 0
	CONF
	"$bindir/pg_ctl" --wait --silent --pgdata="$scratch/data" --log="$scratch/server.log" start ||
		{ cat "$scratch/server.log"; return 1; }
}

sql() {
	"$bindir/psql" -XqAt -v ON_ERROR_STOP=1 "$@"
}
