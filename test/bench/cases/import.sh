# shellcheck shell=bash
# Documents by COPY, with every rule, the ledger, and rejects kept, against raw COPY
# of the same file into a table of jsonb. The server reads the files itself.

for name in voice.json voice.binary shuffled.binary; do
	voice_file "$name"
done
make_database import
sql import <<-SQL
	SELECT FROM usage_mgmt.ensure_partitions('2025-01-01Z', '2025-12-31Z');
	CREATE TABLE raw (document jsonb);
SQL
quiet='SET client_min_messages = warning;'
into_store="$quiet $(empty usage_mgmt)"
side raw import 'TRUNCATE raw;' "COPY raw FROM '$scratch/voice.json' WITH $lines;"
side csv import "$into_store" \
	"COPY usage_mgmt.usage_document FROM '$scratch/voice.json' WITH $lines;"
side binary import "$into_store" \
	"COPY usage_mgmt.usage_document FROM '$scratch/voice.binary' WITH (FORMAT binary);"
side shuffled import "$into_store" \
	"COPY usage_mgmt.usage_document FROM '$scratch/shuffled.binary' WITH (FORMAT binary);"
side again import "$quiet" \
	"COPY usage_mgmt.usage_document FROM '$scratch/voice.binary' WITH (FORMAT binary);"
holds raw 'SELECT count(*) FROM raw' "$rows"
for name in csv binary shuffled; do
	holds "$name" "$stored" "$rows|$rows"
done
holds again 'SELECT repeated FROM usage_mgmt.import_load ORDER BY id DESC LIMIT 1' "$rows"
race
compare 'COPY (CSV) into usage_document / raw jsonb' csv raw '<= 1.0'
compare 'COPY (binary) into usage_document / raw jsonb' binary raw -
compare 'COPY (binary), ids and dates shuffled / raw jsonb' shuffled raw -
compare 'the same file again / raw jsonb' again raw -
sql postgres -c 'DROP DATABASE import'
