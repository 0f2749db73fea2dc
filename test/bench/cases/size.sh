# shellcheck shell=bash
# What the store takes on disk, with its default indexes and the ledger, against the
# same documents in an unindexed table of jsonb. A load, not a race: sizes have no noise.

voice_file voice.json
make_database size
sql size -c 'CREATE TABLE raw (document jsonb)'
export PGDATABASE=size
import_file "$scratch/voice.json" > /dev/null
copy_raw "$scratch/voice.json"
[ "$(sql size -c "$stored")" = "$rows|$rows" ] || die 'size: rows are missing'

read -r usages keys raw <<< "$(sql size -F ' ' -c "SELECT
	(SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('usage_mgmt.usage')),
	pg_total_relation_size('usage_mgmt.usage_key'), pg_total_relation_size('raw')")"
say "usage $(megabytes "$usages"), usage_key $(megabytes "$keys")"
row 'size of usage and usage_key / jsonb table' "$(megabytes $((usages + keys)))" \
	"$(megabytes "$raw")" "$(quotient $((usages + keys)) "$raw")" '<= 0.6'
sql postgres -c 'DROP DATABASE size'
