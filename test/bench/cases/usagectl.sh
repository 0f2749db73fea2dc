# shellcheck shell=bash
# usagectl import, with every rule, the ledger and rejects kept, against psql's \copy
# of the same file into jsonb, and against the usual way to the same promises
# (staging.sql). All three read the file themselves and send it through the socket.

for name in voice.json shuffled.json; do
	voice_file "$name"
done
make_database usagectl
sql usagectl <<-SQL
	SELECT FROM usage_mgmt.ensure_partitions('2025-01-01Z', '2025-12-31Z');
	CREATE TABLE raw (document jsonb);
SQL
sql usagectl -f "$bench/rivals.sql" -f "$bench/staging.sql"

stage() {
	sql usagectl -c "\\copy staging.line FROM '$1' WITH $lines" -c 'CALL staging.load()'
}
empty_staging="$(empty procedural) TRUNCATE staging.line, staging.reject, staging.conflict;"

# Before the race, that the rival is one: of a file in which every thousandth document
# is faulty, and a few come twice, both must store, refuse and know again the same.
sql usagectl <<-SQL
	CREATE UNLOGGED TABLE bench.line (n bigint GENERATED ALWAYS AS IDENTITY, document text);
	COPY bench.line (document) FROM '$scratch/voice.json' WITH $lines;
	COPY (
		SELECT CASE WHEN n % 1000 <> 500 THEN document
			ELSE CASE n / 1000 % 5
				WHEN 0 THEN replace(document, '"type"', '"no type"')
				WHEN 1 THEN replace(document, '"date":"2025-', '"date":"2025-99-')
				WHEN 2 THEN replace(document, '"EUR"', '"EURO"')
				WHEN 3 THEN left(document, -1)
				ELSE replace(document, '"serviceProvider"', '" "') END END
		FROM bench.line
		UNION ALL SELECT document FROM bench.line WHERE n % 1000 = 1
		UNION ALL SELECT replace(document, '"VOICE"', '"DATA"') FROM bench.line WHERE n % 1000 = 2
	) TO '$scratch/faulty.json' WITH $lines;
	DROP TABLE bench.line;
SQL
# 1 is for faulty records
PGDATABASE=usagectl "$usagectl" import "$scratch/faulty.json" > "$scratch/faulty.log" 2>&1 ||
	[ $? = 1 ] || die "usagectl: $(cat "$scratch/faulty.log")"
stage "$scratch/faulty.json" > /dev/null
for schema in usage_mgmt procedural; do
	case $schema in
		usage_mgmt) rejects=usage_mgmt.import_reject conflicts=usage_mgmt.usage_conflict ;;
		procedural) rejects=staging.reject conflicts=staging.conflict ;;
	esac
	sql usagectl -c "SELECT count(*) || ' stored, ' ||
			(SELECT count(*) FROM $schema.usage_key) || ' keys, ' ||
			(SELECT count(*) FROM $rejects) || ' rejected, ' ||
			(SELECT count(*) FROM $conflicts) || ' conflicting, sum ' ||
			sum(hashtextextended(ROW($columns)::text, 0)) FROM $schema.usage"
done > "$scratch/faulty.counts"
say "of the faulty file: $(tail -n 1 "$scratch/faulty.counts")"
[ "$(sort -u "$scratch/faulty.counts" | wc -l)" = 1 ] ||
	die "usagectl: the staging rival does something else: $(cat "$scratch/faulty.counts")"

side_command usagectl usagectl "$(empty usage_mgmt)" "import_file '$scratch/voice.json'"
side_command raw usagectl 'TRUNCATE raw;' "copy_raw '$scratch/voice.json'"
side_command shuffled usagectl "$(empty usage_mgmt)" "import_file '$scratch/shuffled.json'"
side_command staging usagectl "$empty_staging" "stage '$scratch/voice.json'"
holds usagectl "$stored" "$rows|$rows"
holds raw 'SELECT count(*) FROM raw' "$rows"
holds shuffled "$stored" "$rows|$rows"
holds staging "${stored//usage_mgmt/procedural}" "$rows|$rows"
race
compare 'usagectl import / psql copy into jsonb' usagectl raw '<= 0.7'
compare 'usagectl import, shuffled / psql copy into jsonb' shuffled raw -
compare 'staging, PL/pgSQL rules, ledger / usagectl import' staging usagectl '>= 3'
rm "$scratch/faulty.json"
sql postgres -c 'DROP DATABASE usagectl'
