# shellcheck shell=bash
# Lists and collections: the first row of a long list, a page far down, and a
# partial update of many rows against the plain UPDATE that does the same.

many=$((rows * 10 / 3))
some=$((rows / 3))

make_database collection
sql collection <<-SQL
	SELECT FROM usage_mgmt.ensure_partitions('2025-01-01Z', '2025-12-31Z');
	INSERT INTO usage_mgmt.usage ($columns)
		SELECT * FROM bench.voice($many, '2025-01-01Z', '2026-01-01Z');
	CREATE INDEX ON usage_mgmt.usage (usage_type);
	UPDATE usage_mgmt.usage SET usage_type = 'some' WHERE id IN
		(SELECT id FROM usage_mgmt.usage ORDER BY usage_date LIMIT $some);
	VACUUM ANALYZE;
SQL
last=$(sql collection -c "SELECT id FROM usage_mgmt.usage ORDER BY usage_date, id OFFSET $((many - 1001)) LIMIT 1")

first='SELECT count(*) FROM (SELECT usage_mgmt.get_usages($$limit=1000$$)) g;'
far="SELECT count(*) FROM (SELECT usage_mgmt.get_usages(\$\$limit=1000&after=$last\$\$)) g;"
row='SELECT usage_mgmt.to_tmf(u) FROM usage_mgmt.usage u LIMIT 1 \g /dev/null'
first_row='SELECT usage_mgmt.get_usages() LIMIT 1 \g /dev/null'
# once before, so that no side pays for the session's caches
side plain_row collection "$row" "$row"
side first_row collection "$first_row" "$first_row"
side first_page collection "$first" "$first"
side last_page collection "$far" "$far"
side plain_update collection 'VACUUM usage_mgmt.usage;' \
	"UPDATE usage_mgmt.usage SET description = 'x' WHERE usage_type = 'some';"
side patch_column collection 'VACUUM usage_mgmt.usage;' \
	"SELECT usage_mgmt.patch_usages('type=some', '{\"description\": \"x\"}');"
side plain_party collection 'VACUUM usage_mgmt.usage;' \
	"UPDATE usage_mgmt.usage SET related_party = ARRAY[usage_mgmt.related_party(role => 'x')],
		usage_specification_name = 'x' WHERE usage_type = 'some';"
side patch_party collection 'VACUUM usage_mgmt.usage;' \
	"SELECT usage_mgmt.patch_usages('type=some', '{\"relatedParty\": [{\"role\": \"x\"}],
		\"usageSpecification\": {\"name\": \"x\"}}');"
side plain_extra collection 'VACUUM usage_mgmt.usage;' \
	"UPDATE usage_mgmt.usage SET extra = '{\"x\": 1}' WHERE usage_type = 'some';"
side patch_extra collection 'VACUUM usage_mgmt.usage;' \
	"SELECT usage_mgmt.patch_usages('type=some', '{\"x\": 1}');"
side json_patch collection 'VACUUM usage_mgmt.usage;' \
	"SELECT usage_mgmt.patch_usages('type=some',
		'[{\"op\": \"add\", \"path\": \"/description\", \"value\": \"x\"}]', 'application/json-patch+json');"
race
within 'first row of get_usages / of a SELECT' first_row plain_row 5
compare 'page 1,000 by after / page 1' last_page first_page '<= 1.2'
compare "patch of $some by column / UPDATE" patch_column plain_update '<= 1.5'
compare "patch of $some by lists, objects / UPDATE" patch_party plain_party '<= 1.5'
compare "patch of $some by unknown attribute / UPDATE" patch_extra plain_extra '<= 1.5'
compare "JSON Patch of $some / UPDATE" json_patch plain_update -
sql postgres -c 'DROP DATABASE collection'
