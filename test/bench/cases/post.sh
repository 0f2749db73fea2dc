# shellcheck shell=bash
# post_usage, which takes and returns TMF JSON, one usage a call, against one-row
# INSERTs of the same usages as typed columns. All in one transaction, else both
# would wait for the disk alone.

posts=$((rows / 15))

make_database post
sql post <<SQL
SELECT FROM usage_mgmt.ensure_partitions('2026-01-01Z', '2026-03-31Z');
CREATE TABLE bench.source AS
	SELECT * FROM bench.voice($posts, '2026-01-01Z', '2026-04-01Z') ORDER BY id;
INSERT INTO usage_mgmt.usage ($columns) SELECT * FROM bench.source;
CREATE TABLE bench.document AS
	SELECT id, usage_mgmt.to_tmf(u) AS body FROM usage_mgmt.usage u ORDER BY id;
TRUNCATE usage_mgmt.usage;
SQL
sql post -f "$bench/rivals.sql"
sql post -c 'ANALYZE bench.source, bench.document'

side usage_mgmt post "$(empty usage_mgmt)" 'DO $$
DECLARE
	d record;
BEGIN
	FOR d IN SELECT body FROM bench.document LOOP
		PERFORM usage_mgmt.post_usage(d.body);
	END LOOP;
END
$$;'
for schema in bare procedural; do
	side "$schema" post "$(empty "$schema")" 'DO $$
DECLARE
	s record;
BEGIN
	FOR s IN SELECT * FROM bench.source LOOP
		INSERT INTO '"$schema.usage ($columns)"'
		VALUES (s.id, s.usage_date, s.usage_type, s.description, s.status,
			s.usage_specification_id, s.usage_specification_href, s.usage_specification_name,
			s.usage_characteristic, s.related_party, s.rated_product_usage);
	END LOOP;
END
$$;'
done
race
compare 'post_usage / INSERT into bare table' usage_mgmt bare -
compare 'INSERT with PL/pgSQL / post_usage' procedural usage_mgmt -

for schema in usage_mgmt bare procedural; do
	[ "$(sql post -c "SELECT count(*) FROM $schema.usage")" = "$posts" ] ||
		die "post: $schema lacks rows"
done
sql postgres -c 'DROP DATABASE post'
