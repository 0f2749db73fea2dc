# shellcheck shell=bash
# COPY into usage, with every rule and the ledger, against the same table bare and
# with the rules and the ledger in PL/pgSQL.

file=$scratch/voice.copy

make_database copy
sql copy <<SQL
SELECT FROM usage_mgmt.ensure_partitions('2026-01-01Z', '2026-03-31Z');
COPY (SELECT * FROM bench.voice($rows, '2026-01-01Z', '2026-04-01Z')) TO '$file';
SQL
sql copy -f "$bench/rivals.sql"

for schema in usage_mgmt bare procedural; do
	side "$schema" copy "$(empty "$schema")" "COPY $schema.usage ($columns) FROM '$file';"
done
race
compare 'COPY into usage / bare table' usage_mgmt bare '<= 1.35'
compare 'COPY with PL/pgSQL / into usage' procedural usage_mgmt '>= 1.4'

# Whoever stores less is no rival.
for schema in usage_mgmt bare procedural; do
	sql copy -c "SELECT count(*), sum(hashtextextended(ROW($columns)::text, 0)) FROM $schema.usage"
done | sort -u > "$scratch/stored"
case $(cat "$scratch/stored") in
	*$'\n'*)   die "copy: the tables hold different rows: $(cat "$scratch/stored")" ;;
	"$rows|"*) ;;
	*)         die "copy: rows are missing" ;;
esac
for schema in usage_mgmt procedural; do
	[ "$(sql copy -c "SELECT count(*) FROM $schema.usage_key")" = "$rows" ] ||
		die "copy: the ledger of $schema lacks rows"
done
rm "$file"
sql postgres -c 'DROP DATABASE copy'
