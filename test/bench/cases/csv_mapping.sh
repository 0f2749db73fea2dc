# shellcheck shell=bash
# usagectl import of CSV by a mapping against the same records as one document a line,
# of which both make the same rows. The goal is in records a second: 0.7 of them.

voice_file voice.json
make_database csv_mapping
sql csv_mapping -c "SELECT FROM usage_mgmt.ensure_partitions('2025-01-01Z', '2025-12-31Z')"
cat > "$scratch/voice.mapping" <<-'JSON'
	{"id": "call", "date": "start", "type": {"value": "VOICE"}, "description": "text", "status": "status",
	 "usageSpecification.id": {"value": "22"}, "usageSpecification.name": {"value": "Voice usage specification"},
	 "usageSpecification.href": {"value": "http://serverlocation:port/usageManagement/usageSpecification/22"},
	 "usageCharacteristic[originatingCountryCode]": "a_country", "usageCharacteristic[originatingNumber]": "a_number",
	 "usageCharacteristic[destinationCountryCode]": "b_country", "usageCharacteristic[destinationNumber]": "b_number",
	 "usageCharacteristic[duration]": "secs", "usageCharacteristic[unit]": {"value": "SEC"},
	 "usageCharacteristic[startDateTime]": "start", "usageCharacteristic[endDateTime]": "stop",
	 "relatedParty[serviceProvider].id": {"value": "1"},
	 "relatedParty[serviceProvider].href": {"value": "http://serverlocation:port/partyManagement/organization/1"},
	 "relatedParty[customer].id": "customer", "relatedParty[customer].href": "customer_href",
	 "ratedProductUsage[0].ratingDate": "rated", "ratedProductUsage[0].taxIncludedRatingAmount": "gross",
	 "ratedProductUsage[0].taxExcludedRatingAmount": "net", "ratedProductUsage[0].taxRate": {"value": 20},
	 "ratedProductUsage[0].currencyCode": {"value": "EUR"}, "ratedProductUsage[0].isBilled": {"value": false},
	 "ratedProductUsage[0].isTaxExempt": {"value": false}, "ratedProductUsage[0].usageRatingTag": {"value": "usage"},
	 "ratedProductUsage[0].ratingAmountType": {"value": "total"}, "ratedProductUsage[0].offerTariffType": {"value": "normal"},
	 "ratedProductUsage[0].productRef": "product"}
JSON
sql voice <<-SQL
	COPY (SELECT id AS call, usage_mgmt.to_tmf(u) ->> 'date' AS start, description AS text, status,
			c ->> 0 AS a_country, c ->> 1 AS a_number, c ->> 2 AS b_country, c ->> 3 AS b_number, c ->> 4 AS secs, c ->> 7 AS stop,
			related_party[2].id AS customer, related_party[2].href AS customer_href,
			usage_mgmt.to_tmf(u) -> 'ratedProductUsage' -> 0 ->> 'ratingDate' AS rated, rated_product_usage[1].tax_included_rating_amount AS gross,
			rated_product_usage[1].tax_excluded_rating_amount AS net, rated_product_usage[1].product_ref AS product
		FROM usage_mgmt.usage u, LATERAL (SELECT json_agg(e ->> 'value' ORDER BY n) AS c
			FROM json_array_elements(usage_mgmt.to_tmf(u) -> 'usageCharacteristic') WITH ORDINALITY e (e, n)) c
		ORDER BY usage_date) TO '$scratch/voice.csv' WITH (FORMAT csv, HEADER);
SQL

import_as() {
	# the records of the voice file; 1 would be for faulty ones
	"$usagectl" import "$@" > "$scratch/csv_mapping.log" 2>&1 || die "usagectl: $(cat "$scratch/csv_mapping.log")"
}
# whatever the order of a usage's parties and characteristics
contents="SELECT count(*), sum(hashtextextended(concat(id, usage_date, description, status, usage_specification_id, rated_product_usage::text,
	(SELECT string_agg(p::text, ' ' ORDER BY p::text) FROM unnest(related_party) p),
	(SELECT string_agg(c::text, ' ' ORDER BY c::text) FROM json_array_elements(usage_mgmt.to_tmf(u) -> 'usageCharacteristic') c)), 0))
	FROM usage_mgmt.usage u"
PGDATABASE=csv_mapping import_as "$scratch/voice.json"
lines_hold=$(sql csv_mapping -c "$contents")
sql csv_mapping -c "$(empty usage_mgmt)"
PGDATABASE=csv_mapping import_as --mapping="$scratch/voice.mapping" "$scratch/voice.csv"
[ "$(sql csv_mapping -c "$contents")" = "$lines_hold" ] || die "csv_mapping: CSV and lines are not the same records"

side_command ndjson csv_mapping "$(empty usage_mgmt)" "import_as '$scratch/voice.json'"
side_command csv csv_mapping "$(empty usage_mgmt)" "import_as --mapping='$scratch/voice.mapping' '$scratch/voice.csv'"
holds ndjson "$stored" "$rows|$rows"
holds csv "$stored" "$rows|$rows"
race
compare 'records a second of usagectl import: CSV by a mapping / a document a line' ndjson csv '>= 0.7'
rm "$scratch/voice.csv"
sql postgres -c 'DROP DATABASE csv_mapping'
