# shellcheck shell=bash
# The newest 20 usages with 77 partitions, of which 12 have none yet, against 3.

# with_months NAME FIRST LAST: usages from FIRST to 2025-12, months to LAST
with_months() {
	make_months "$1" "$2" "$3"
	sql "$1" <<-SQL
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
