# shellcheck shell=bash
# An order that an agent carries out, from its INSERT until it has ended, against the
# same work by hand: an export to a file, an import from a web server beside it against
# `usagectl import` of the file. The agent and the role that orders are no superusers;
# agent and server are there before the race.

voice_file voice.json
make_database jobs
sql postgres -c 'CREATE DATABASE jobs_export TEMPLATE voice'
sql postgres <<-SQL
	CREATE ROLE jobs_agent LOGIN;
	CREATE ROLE jobs_loader LOGIN;
	CREATE ROLE jobs_reader LOGIN;
	GRANT jobs_loader, jobs_reader TO jobs_agent;
SQL
for name in jobs jobs_export; do
	sql "$name" <<-SQL
		SELECT FROM usage_mgmt.ensure_partitions('2025-01-01Z', '2025-12-31Z');
		SELECT FROM usage_mgmt.grant_access('jobs_agent', 'agent') a, usage_mgmt.grant_access('jobs_loader', 'loader') b,
			usage_mgmt.grant_access('jobs_reader', 'reader') c;
		CREATE PROCEDURE public.ended(order_table regclass) LANGUAGE plpgsql AS \$\$
		DECLARE
			said record;
		BEGIN
			LOOP
				EXECUTE format('SELECT status, error_log, completion_date FROM %s ORDER BY creation_date DESC LIMIT 1', order_table) INTO said;
				EXIT WHEN said.completion_date IS NOT NULL;
				PERFORM pg_sleep(0.01);
				ROLLBACK;
			END LOOP;
			IF said.status::text <> 'succeeded' THEN
				RAISE '%: %', order_table, said.error_log;
			END IF;
		END
		\$\$;
	SQL
done

# They end with the case, which is a shell of its own, however that ends.
mkdir "$scratch/jobs"
port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport')
cat > "$scratch/jobs/nginx.conf" <<-CONF
	daemon off;
	pid $scratch/jobs/nginx.pid;
	error_log $scratch/jobs/error.log;
	events { }
	http {
		access_log off;
		sendfile on;
		client_body_temp_path $scratch/jobs/body;
		proxy_temp_path $scratch/jobs/proxy;
		fastcgi_temp_path $scratch/jobs/fastcgi;
		uwsgi_temp_path $scratch/jobs/uwsgi;
		scgi_temp_path $scratch/jobs/scgi;
		server { listen 127.0.0.1:$port; root $scratch; }
	}
CONF
cat > "$scratch/jobs/agent.conf" <<-CONF
	[directory $scratch/jobs]
CONF
setpriv --pdeathsig QUIT /usr/sbin/nginx -e "$scratch/jobs/error.log" -p "$scratch/jobs" -c "$scratch/jobs/nginx.conf" &
for name in jobs jobs_export; do
	PGUSER=jobs_agent setpriv --pdeathsig TERM "$usagectl" agent -d "$name" --name="bench $name" --allow-private \
		--config="$scratch/jobs/agent.conf" > "$scratch/jobs/$name.log" 2>&1 &
done
trap 'kill $(jobs -p); wait' EXIT

# order DATABASE ROLE TABLE URL
order() {
	sql "$1" -c "SET ROLE $2" -c "INSERT INTO usage_mgmt.$3 (url) VALUES ('$4')" -c 'RESET ROLE' \
		-c "CALL public.ended('usage_mgmt.$3')"
}
export_by_hand() {
	"$usagectl" export "$scratch/jobs/by-hand.json"
}

side_command export jobs_export '' export_by_hand
side_command export_job jobs_export '' "order jobs_export jobs_reader export_job 'file://$scratch/jobs/by-job.json'"
side_command import jobs "$(empty usage_mgmt)" "import_file '$scratch/voice.json'"
side_command import_job jobs "$(empty usage_mgmt)" "order jobs jobs_loader import_job 'http://127.0.0.1:$port/voice.json'"
holds import "$stored" "$rows|$rows"
holds import_job "$stored" "$rows|$rows"
race
cmp -s "$scratch/jobs/by-hand.json" "$scratch/jobs/by-job.json" || die 'jobs: the exports differ'
compare 'export job to a file / usagectl export' export_job export '<= 1.15'
compare 'import job from a web server / usagectl import of the file' import_job import '<= 1.1'
trap - EXIT
kill $(jobs -p)
wait
rm -r "$scratch/jobs"
sql postgres -c 'DROP DATABASE jobs' -c 'DROP DATABASE jobs_export'
