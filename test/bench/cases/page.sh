# shellcheck shell=bash
# The newest 20 usages with 77 partitions, of which 12 have none yet, against 3.

# with_months NAME FIRST LAST: usages from FIRST to 2025-12, months to LAST
with_months() {
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
		VACUUM ANALYZE;
		CREATE PROCEDURE bench.lists(calls integer) LANGUAGE plpgsql AS \$\$
		BEGIN
			FOR n IN 1 .. calls LOOP
				IF (SELECT count(*) FROM (SELECT usage_mgmt.get_usages('limit=20&sort=-date')) g) <> 20 THEN
					RAISE EXCEPTION 'the page is not full';
				END IF;
			END LOOP;
		END
		\$\$;
	SQL
	side "$1" "$1" 'CALL bench.lists(100);' 'CALL bench.lists(2000);'
}

with_months months_77 2020-08 2026-12
with_months months_3 2025-10 2025-12
race
compare 'the newest 20 with 77 partitions / with 3' months_77 months_3 '<= 2'
for name in "${sides[@]}"; do
	sql postgres -c "DROP DATABASE $name"
done
