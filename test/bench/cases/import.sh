# shellcheck shell=bash
# Documents by COPY, with every rule, the ledger, and rejects kept, against raw COPY
# of the same file into a table of jsonb; and out again.

file=$scratch/voice.json
csv="(FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')"
make_database import
sql import <<-SQL
	SELECT FROM usage_mgmt.ensure_partitions('2025-01-01Z', '2025-12-31Z');
	INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, description, status,
		usage_specification_id, usage_specification_href, usage_specification_name,
		usage_characteristic, related_party, rated_product_usage)
		SELECT * FROM bench.voice($rows, '2025-01-01Z', '2026-01-01Z');
	COPY (SELECT usage_mgmt.to_tmf(u) FROM usage_mgmt.usage u ORDER BY usage_date)
		TO '$file' WITH $csv;
	COPY (SELECT usage_mgmt.to_tmf(u)::text FROM usage_mgmt.usage u ORDER BY usage_date)
		TO '$file.binary' WITH (FORMAT binary);
	COPY (SELECT usage_mgmt.to_tmf(u)::text FROM usage_mgmt.usage u ORDER BY random())
		TO '$file.shuffled' WITH (FORMAT binary);
	CREATE TABLE raw (document jsonb);
	SET client_min_messages = warning;
SQL
quiet='SET client_min_messages = warning;'
side raw import 'TRUNCATE raw;' "COPY raw FROM '$file' WITH $csv;"
side csv import "$quiet $(empty usage_mgmt)" \
	"COPY usage_mgmt.usage_document FROM '$file' WITH $csv;"
side binary import "$quiet $(empty usage_mgmt)" \
	"COPY usage_mgmt.usage_document FROM '$file.binary' WITH (FORMAT binary);"
side shuffled import "$quiet $(empty usage_mgmt)" \
	"COPY usage_mgmt.usage_document FROM '$file.shuffled' WITH (FORMAT binary);"
side again import "$quiet" \
	"COPY usage_mgmt.usage_document FROM '$file.binary' WITH (FORMAT binary);"
race
compare 'COPY (CSV) into usage_document / raw jsonb' csv raw '<= 1.0'
compare 'COPY (binary) into usage_document / raw jsonb' binary raw '<= 0.7'
compare 'the same, ids and dates shuffled' shuffled raw -
compare 'the same file again / raw jsonb' again raw -
sql import -c "SELECT DISTINCT 'balance: ' || read || ' read, ' || stored || ' stored, ' || repeated || ' repeated' FROM usage_mgmt.import_load" >&2
sql import -c "SELECT 'size / jsonb: ' || round((sum(pg_total_relation_size(relid)) FILTER
	(WHERE relid::regclass::text LIKE 'usage_mgmt.usage\\_%') / sum(pg_total_relation_size(relid))
	FILTER (WHERE relname = 'raw'))::numeric, 2) FROM pg_stat_user_tables" >&2
sql postgres -c 'DROP DATABASE import'
