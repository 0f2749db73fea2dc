# shellcheck shell=bash
# What answers HTTP, usage_api.read() and write(), in the transactions that PostgREST
# makes of requests: a usage by its id and a POST against the bare functions in the
# same transactions, and the newest 20 usages with 77 partitions against 3, counted or
# estimated beside it. CPU time of the backend.

clock=cpu
gets=$((rows / 60)) lists=$((rows / 300))

# prepare_store NAME: who asks, and what he asks for as PostgREST prepares it
prepare_store() {
	sql "$1" <<-SQL
		DO \$\$
		BEGIN
			IF to_regrole('bench_writer') IS NULL THEN
				CREATE ROLE bench_writer;
			END IF;
		END
		\$\$;
		SELECT FROM usage_mgmt.grant_access('bench_writer', 'writer');
		CREATE FUNCTION bench.transaction(method text, path text, headers jsonb, call text) RETURNS text LANGUAGE sql AS \$\$
			SELECT concat_ws(E'\n', 'BEGIN;',
				format('EXECUTE settings(%L, %L, %L);', method, path, jsonb_build_object('accept', '*/*',
					'host', 'localhost', 'user-agent', 'curl/7.88.1', 'x-forwarded-for', '127.0.0.1') || headers),
				call, 'COMMIT;')
		\$\$;
		CREATE FUNCTION bench.request(method text, uri text) RETURNS jsonb LANGUAGE sql AS \$\$
			SELECT jsonb_build_object('x-um-method', method, 'x-um-uri', uri, 'x-um-content-type', 'application/json',
				'x-um-content-encoding', '')
		\$\$;
	SQL
}

statements="LOAD 'usage_mgmt';
PREPARE settings(text, text, text) AS SELECT set_config('search_path', '\"usage_api\", \"public\"', true),
	set_config('role', 'bench_writer', true), set_config('request.jwt.claims', '{\"role\":\"bench_writer\"}', true),
	set_config('request.method', \$1, true), set_config('request.path', \$2, true),
	set_config('request.headers', \$3, true), set_config('request.cookies', '{}', true);"
for call in 'read AS SELECT usage_api.read()' 'write(text) AS SELECT usage_api.write(convert_to($1, $$UTF8$$))' \
	'get(text) AS SELECT usage_mgmt.get_usage($1)' 'post(text) AS SELECT usage_mgmt.post_usage($1::json)'; do
	statements+="
PREPARE $call AS body, nullif(current_setting('response.headers', true), ''),
	nullif(current_setting('response.status', true), '');"
done

# requests NAME DATABASE BEFORE CALL QUERY: a side that asks so for each row that the query
# finds in the store of the run, of which the first 50 do not count
requests() {
	sql voice -c "SELECT bench.transaction($4) FROM ($5) AS q" > "$scratch/$1.all"
	tail -n +201 "$scratch/$1.all" > "$scratch/$1.sql"
	side "$1" "$2" "$3
\\o $scratch/$1.answers
$statements
$(head -n 200 "$scratch/$1.all")" "\\i $scratch/$1.sql
\\o"
}

# read_uri URI: the call of read() for it, an SQL expression
read_uri() {
	echo "'GET', '/rpc/read', bench.request('GET', $1), 'EXECUTE read;'"
}

# answered NAME STATUS: all of them
answered() {
	local requests answers

	requests=$(grep -c '^BEGIN' "$scratch/$1.all")
	answers=$(grep -c "|$2\$" "$scratch/$1.answers")
	[ "$answers" = "$requests" ] || die "rest: $1 answered $answers of $requests with $2"
}

voice_store
make_months rest_77 2020-08 2026-12
make_months rest_3 2025-10 2025-12
make_database rest_post
sql rest_post -c "SELECT FROM usage_mgmt.ensure_partitions('2025-01-01Z', '2025-12-31Z')"
for name in voice rest_77 rest_3 rest_post; do
	prepare_store "$name"
	sql "$name" -c 'VACUUM ANALYZE'
done

some="SELECT * FROM usage_mgmt.usage ORDER BY hashtextextended(id, 635) LIMIT $((gets + 50))"
documents="SELECT usage_mgmt.to_tmf(u)::text AS body FROM usage_mgmt.usage u ORDER BY hashtextextended(id, 635) LIMIT $((gets + 50))"
requests read voice '' "$(read_uri "'/usageManagement/usage/' || id")" "$some"
requests get_usage voice '' "'GET', '/rpc/get_usage', '{}', format('EXECUTE get(%L);', id)" "$some"
requests write rest_post "$(empty usage_mgmt)" \
	"'POST', '/rpc/write', bench.request('POST', '/usageManagement/usage'), format('EXECUTE write(%L);', body)" "$documents"
requests post_usage rest_post "$(empty usage_mgmt)" \
	"'POST', '/rpc/post_usage', '{}', format('EXECUTE post(%L);', body)" "$documents"
for name in rest_77 rest_3; do
	requests "$name" "$name" '' "$(read_uri "'/usageManagement/usage?limit=20&sort=-usageDate'")" \
		"SELECT FROM generate_series(1, $((lists + 50)))"
done
race
answered read 200
answered write 201
answered rest_77 206
answered rest_3 206
compare 'GET by id: read() / get_usage' read get_usage '<= 1.4'
compare 'POST: write() / post_usage' write post_usage '<= 1.2'
compare 'the newest 20: read(), 77 partitions / 3' rest_77 rest_3 '<= 2'
for name in rest_77 rest_3 rest_post; do
	sql postgres -c "DROP DATABASE $name"
done
