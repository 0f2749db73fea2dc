# shellcheck shell=bash
# The workload: voice usages as rows in a store and as documents in files, the same
# in every run of the same size. Sourced by lib.sh.
#
#	make_database NAME                  with the extension and what makes the rows
#	fill_store NAME ROWS [SKIP [ID]]    usages of 2025; ID is an expression over id
#	voice_store                         database voice: that of the run's rows
#	voice_file NAME                     its documents, $scratch/NAME
#
# The store and its files are made where a case first needs them and stay for the
# next one. A file is voice.json or shuffled.json, one document a line, ids and dates
# in order or in none; or the same for COPY BINARY, voice.binary and shuffled.binary.

columns='id, usage_date, usage_type, description, status, usage_specification_id,
	usage_specification_href, usage_specification_name, usage_characteristic,
	related_party, rated_product_usage'

# COPY with this takes a line as it is.
lines="(FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')"

make_database() {
	sql postgres -c "CREATE DATABASE $1"
	sql "$1" -c 'SET client_min_messages = warning' -c 'CREATE EXTENSION usage_mgmt' \
		-f "$bench/rows.sql"
}

fill_store() {
	sql "$1" <<-SQL
		SELECT FROM usage_mgmt.ensure_partitions('2025-01-01Z', '2025-12-31Z');
		INSERT INTO usage_mgmt.usage ($columns)
			SELECT ${4:-id}, ${columns#id, }
			FROM bench.voice($2, '2025-01-01Z', '2026-01-01Z', ${3:-0});
		VACUUM ANALYZE;
	SQL
}

voice_store() {
	[ -z "$(sql postgres -c "SELECT 1 FROM pg_database WHERE datname = 'voice'")" ] || return 0
	make_database voice
	fill_store voice "$rows"
}

voice_file() {
	[ ! -e "$scratch/$1" ] || return 0
	voice_store
	write_documents voice "$1"
}

# write_documents DATABASE FILE: what the store has, in the order the name asks for
write_documents() {
	local order=usage_date format=$lines

	case $2 in shuffled.*) order='hashtextextended(id, 635)' ;; esac
	case $2 in *.binary) format='(FORMAT binary)' ;; esac
	sql "$1" -c "COPY (SELECT usage_mgmt.to_tmf(u)::text FROM usage_mgmt.usage u
		ORDER BY $order) TO '$scratch/$2' WITH $format"
}
