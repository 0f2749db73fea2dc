# shellcheck shell=bash
# 10,000 usages as one array in one request, in the transaction that PostgREST makes of
# it, against a COPY of the same usages into usage_document. The array is answered with
# what has been stored.

clock=cpu
many=10000
make_database many
sql many <<SQL
SELECT FROM usage_mgmt.ensure_partitions('2025-01-01Z', '2025-12-31Z');
INSERT INTO usage_mgmt.usage ($columns)
	SELECT * FROM bench.voice($many, '2025-01-01Z', '2026-01-01Z');
COPY (SELECT usage_mgmt.to_tmf(u)::text FROM usage_mgmt.usage u ORDER BY id)
	TO '$scratch/many.json' WITH $lines;
SQL
{ printf '['; paste -sd , "$scratch/many.json" | tr -d '\n'; printf ']'; } > "$scratch/many.array"

quiet='SET client_min_messages = error;'
post="BEGIN;
SELECT set_config('request.headers', '{\"x-um-method\":\"POST\",\"x-um-uri\":\"/usageManagement/usage\"}', true);
SELECT length(usage_api.write(pg_read_binary_file('$scratch/many.array'))), current_setting('response.status');
COMMIT;"
side post many "$quiet $(empty usage_mgmt)" "$post"
side load many "$quiet $(empty usage_mgmt)" "COPY usage_mgmt.usage_document FROM '$scratch/many.json' WITH $lines;"
side again many "$quiet" "$post"
for name in post load again; do
	holds $name "$stored" "$many|$many"
done
race
compare "POST of $many as one array / COPY into usage_document" post load '<= 1.5'
compare 'the same array again / the same' again load -
rm "$scratch/many.json" "$scratch/many.array"
sql postgres -c 'DROP DATABASE many'
