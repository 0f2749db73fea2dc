# shellcheck shell=bash
# get_usage by id with 60 partitions against 1: the same number of usages and a
# ledger of the same size, every get in a transaction of its own.

gets=$((rows / 6))

# with_partitions NAME FIRST: a database of the months from FIRST to 2025-12
with_partitions() {
	make_months "$1" "$2" 2025-12
	sql "$1" <<-SQL
		SELECT setseed(0.5) \g /dev/null
		CREATE TABLE bench.wanted AS
			SELECT id FROM usage_mgmt.usage ORDER BY random() LIMIT $gets;
		VACUUM ANALYZE;
		CREATE PROCEDURE bench.get_usages(calls integer) LANGUAGE plpgsql AS \$\$
		DECLARE
			wanted text[] := (SELECT array_agg(id) FROM (SELECT id FROM bench.wanted LIMIT calls) w);
			id text;
		BEGIN
			FOREACH id IN ARRAY wanted LOOP
				IF usage_mgmt.get_usage(id) IS NULL THEN
					RAISE EXCEPTION 'usage % is lost', id;
				END IF;
				COMMIT;
			END LOOP;
		END
		\$\$;
	SQL
	side "$1" "$1" 'CALL bench.get_usages(1000);' "CALL bench.get_usages($gets);"
}

with_partitions partitions_60 2021-01
with_partitions partitions_1 2025-12
race
compare 'get_usage with 60 partitions / with 1' partitions_60 partitions_1 '<= 1.5'
for name in "${sides[@]}"; do
	sql postgres -c "DROP DATABASE $name"
done
