# shellcheck shell=bash
# Two sessions that load half of the file each, at the same time, against one that loads
# the whole; and the same of \copy into jsonb, which shows what the machine has to give.
# The halves are its odd and its even lines, so that both write to the same partitions
# and the same pages of the indexes all the time.

voice_file voice.json
whole=$scratch/voice.json odd=$scratch/odd.json even=$scratch/even.json
awk -v odd="$odd" -v even="$even" '{ print > (NR % 2 ? odd : even) }' "$whole"
make_database sessions
sql sessions <<-SQL
	SELECT FROM usage_mgmt.ensure_partitions('2025-01-01Z', '2025-12-31Z');
	CREATE TABLE raw (document jsonb);
SQL

side_command one sessions "$(empty usage_mgmt)" "import_file '$whole'"
side_command two sessions "$(empty usage_mgmt)" "together import_file '$odd' '$even'"
side_command raw_one sessions 'TRUNCATE raw;' "copy_raw '$whole'"
side_command raw_two sessions 'TRUNCATE raw;' "together copy_raw '$odd' '$even'"
holds one "$stored" "$rows|$rows"
holds two "$stored" "$rows|$rows"
holds raw_one 'SELECT count(*) FROM raw' "$rows"
holds raw_two 'SELECT count(*) FROM raw' "$rows"
race
compare 'usagectl import by one session / by two' one two '>= 1.5'
compare 'psql copy into jsonb by one session / by two' raw_one raw_two -
gain=$(quotient "$(median one)" "$(median two)")
raw_gain=$(quotient "$(median raw_one)" "$(median raw_two)")
row 'gain of two sessions, usagectl / psql copy' "$gain" "$raw_gain" \
	"$(quotient "$gain" "$raw_gain")" '>= 0.9'
rm "$odd" "$even"
sql postgres -c 'DROP DATABASE sessions'
