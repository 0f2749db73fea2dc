# shellcheck shell=bash
# The steps of a usage from received to billed, each an UPDATE of all rows, against the
# same statement on a table with the same columns, partitions and indexes, jsonb for the
# characteristics, and no triggers and no ledger. And the temporary files of the steps.

clock=cpu
make_database update
sql update <<-SQL
	SET client_min_messages = warning;
	SELECT FROM usage_mgmt.ensure_partitions('2025-01-01Z', '2025-12-31Z');
	\i $bench/rivals.sql
	DROP SCHEMA procedural CASCADE;
	ALTER TABLE bare.usage ALTER usage_characteristic TYPE jsonb;
SQL

# The search_path finds for either table the operators of its characteristics' own type.
guide="status = 'guided'"
own="status = 'guided', related_party = related_party || related_party(role => 'customer',
	id => right(usage_characteristic ->> 'originatingNumber', 5))"
rate="status = 'rated', rated_product_usage = ARRAY[rated_product_usage(
	rating_date => '2026-01-01Z', usage_rating_tag => 'usage', is_billed => false, rating_amount_type => 'total',
	tax_included_rating_amount => round((usage_characteristic ->> 'duration')::numeric / 100 * 1.2, 2),
	tax_excluded_rating_amount => round((usage_characteristic ->> 'duration')::numeric / 100, 2),
	tax_rate => 20, is_tax_exempt => false, offer_tariff_type => 'normal', currency_code => 'EUR', product_ref_id => 'flat')]"
bill="status = 'billed', rated_product_usage[1].is_billed = true,
	rated_product_usage[1].extra['billRef'] = to_jsonb('B-' || related_party[2].id)"

# Each step starts from what the one before has left.
sql update <<-SQL
	SET search_path = usage_mgmt;
	INSERT INTO usage ($columns)
		SELECT id, usage_date, usage_type, description, 'received', usage_specification_id,
			usage_specification_href, usage_specification_name, usage_characteristic, related_party[:1], NULL
		FROM bench.voice($rows, '2025-01-01Z', '2026-01-01Z');
	CREATE UNLOGGED TABLE bench.received AS TABLE usage;
	UPDATE usage SET $guide;
	CREATE UNLOGGED TABLE bench.guided AS TABLE usage;
	UPDATE usage SET $own;
	CREATE UNLOGGED TABLE bench.owned AS TABLE usage;
	UPDATE usage SET $rate;
	CREATE UNLOGGED TABLE bench.rated AS TABLE usage;
	UPDATE usage SET $bill;
	CREATE UNLOGGED TABLE bench.billed AS TABLE usage;
	VACUUM ANALYZE;
SQL
content='SELECT count(*), sum(hashtextextended(ROW(id, status, related_party, rated_product_usage)::text, 0)) FROM'

# step NAME FROM TO: a side for each table. The keys stay: the ledger hears nothing of a replica.
step() {
	local schema

	for schema in usage_mgmt bare; do
		side "$1.$schema" update "SET search_path = usage_mgmt; SET session_replication_role = replica;
			TRUNCATE $schema.usage; INSERT INTO $schema.usage SELECT * FROM bench.$2;
			RESET session_replication_role; VACUUM $schema.usage;" "UPDATE $schema.usage SET ${!1};"
		holds "$1.$schema" "$content $schema.usage" "$(sql update -c "$content bench.$3")"
	done
}

# Bytes of the temporary files that a side's statement writes
temporary() {
	printf '%s\n' "${before[$1]}" 'SET log_temp_files = 0; SET client_min_messages = log;' "${timed[$1]}" |
		sql "${database[$1]}" 2>&1 | awk '/ temporary file: / { bytes += $NF } END { print bytes + 0 }'
}

step guide received guided
step own received owned
step rate owned rated
step bill rated billed
race
compare "guide $rows / plain table" guide.usage_mgmt guide.bare '<= 1.1'
compare "guide $rows, a party added / plain table" own.usage_mgmt own.bare '<= 1.2'
compare "rate $rows / plain table" rate.usage_mgmt rate.bare '<= 1.2'
compare "bill $rows / plain table" bill.usage_mgmt bill.bare '<= 1.25'
for name in guide own rate bill; do
	files=$(megabytes "$(temporary $name.usage_mgmt)")
	row "temporary files of $name" "$files" - "$files" '<= 0 MB'
done
sql postgres -c 'DROP DATABASE update'
