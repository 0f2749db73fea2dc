# Who orders a job, or has a schema where the agent looks, gets no rights by it that he had not.

use strict;
use warnings;
use Jobs;
use PostgreSQL::Test::Utils;
use Servers;
use Store;
use Test::More;
use Usagectl;

my $node = new_node('job_rights');
my $db = 'job_rights';
my $folder = PostgreSQL::Test::Utils::tempdir_short();
my $web = web_server();
my $gone = raw_server(sub { });
my $ftp = ftp_server();
my $config = servers_config("[directory $folder]\n[spool]\nsize = 100k\n", $ftp, { %$web, config => "user = usage\npassword = secret-of-no-use\n" }, $gone);

server_kill($gone);
$node->append_conf('postgresql.conf', "log_statement = all\n");
$node->reload;
jobs_store($node, $db);
write_file("$folder/f_$_.ndjson", record("f$_") . "\n") foreach 1 .. 2;

sub sql
{
	my ($statements, $role) = @_;

	return $node->safe_psql($db, $statements, $role ? (extra_params => [ '-U', $role ]) : ());
}

# ---- what others have made ----

# They are nearer than the server's own to a literal of no type.
sql('CREATE TABLE public.ran (what text); GRANT INSERT ON public.ran TO PUBLIC; GRANT CREATE ON SCHEMA public TO partner');
sql(q{
	CREATE FUNCTION public.at(jsonb, text) RETURNS jsonb LANGUAGE plpgsql AS $$BEGIN
		INSERT INTO public.ran VALUES ('#> as ' || current_user); RETURN jsonb_extract_path($1, VARIADIC $2::text[]); END$$;
	CREATE OPERATOR public.#> (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = public.at);
	CREATE FUNCTION public.has(jsonb, text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN
		INSERT INTO public.ran VALUES ('?| as ' || current_user); RETURN jsonb_exists_any($1, $2::text[]); END$$;
	CREATE OPERATOR public.?| (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = public.has)}, 'partner');
my $agent = agent_begins($node, $db, config => $config, delays => '2s,2s,2s,2s');
my $id = order($node, $db, 'mediation', 'import_job', url => "file://$folder/f_*.ndjson");
is(ended_as($node, $db, 'import_job', $id, 'stored_count'), 'succeeded|2', 'a folder is imported');
# in one go, so that there is a load to be found by the next
usagectl($node, $db, 'import', "$folder/f_1.ndjson") for 1 .. 2;
is(sql('SELECT count(*) FROM usage_mgmt.import_load'), 4, 'and files by hand');
is(sql('SELECT string_agg(DISTINCT what, $$, $$) FROM public.ran'), '', 'and nothing of what others made in public is run');

# ---- names ----

foreach my $role ('None', q{it's "here", too}, 'SELECT', 'Courier', 'session_user')
{
	my $named = $role =~ s/"/""/gr;

	sql(qq{CREATE ROLE "$named" LOGIN; SELECT usage_mgmt.grant_access(rolname, 'loader') FROM pg_roles WHERE oid = '"$named"'::regrole;
		GRANT "$named" TO courier}) if $role !~ /'/;
	sql(qq{CREATE ROLE "$named" LOGIN; SELECT usage_mgmt.grant_access(rolname, 'loader') FROM pg_roles WHERE rolname LIKE 'it%';
		GRANT "$named" TO courier}) if $role =~ /'/;
	$id = order($node, $db, $role, 'import_job', url => "file://$folder/f_1.ndjson");
	is(ended_as($node, $db, 'import_job', $id, 'ordered_by, repeated_count'), "succeeded|$role|1", "a role called $role");
	is(sql("SELECT loaded_by FROM usage_mgmt.import_load JOIN usage_mgmt.import_job j ON load = import_load.id WHERE j.id = '$id'"), $role, 'is the one that loads');
}

# ---- others' loads ----

my $of_jobs = "SELECT string_agg(DISTINCT loaded_by, ' ' ORDER BY loaded_by) FROM usage_mgmt.import_load WHERE declared ?| '{job,file}'";
is(sql($of_jobs, 'mediation'), 'mediation', 'of jobs one sees the loads of his own, whose url and job the books name');
is(sql($of_jobs, 'Courier'), 'Courier', 'and another one his');
like(sql($of_jobs, 'courier'), qr/Courier.*mediation/, 'an agent all');
is(sql("SELECT count(*) FROM usage_mgmt.import_load WHERE NOT declared ?| '{job,file}'", 'mediation'), 2, 'those by hand are seen as ever');
sql('ALTER POLICY loads_are_seen ON usage_mgmt.import_load USING (true); SELECT usage_mgmt.install_tables()');
is(sql($of_jobs, 'mediation'), 'mediation', 'also where the policy is an older one');

# ---- others' standing orders ----

sql(q{CREATE ROLE keeper LOGIN; SELECT usage_mgmt.grant_access('keeper', 'operator'); GRANT keeper TO courier});
my $foreign = order($node, $db, 'mediation', 'import_job', url => "$gone->{url}/gone", parent => 'standing');
ok(until_job($node, $db, 'import_job', $foreign, 'failures > 0 AND completion_date IS NULL'), 'an order that goes on and on, and says that it is a run of another one');
$id = order($node, $db, 'keeper', 'import_job', id => 'standing', url => "file://$folder/f_2.ndjson", every => '1 hour');
ok(until_job($node, $db, 'import_job', $id, "EXISTS (SELECT FROM usage_mgmt.import_job r WHERE r.parent = 'standing' AND r.ordered_by = 'keeper')"),
	'does not keep that one from running');
is(job($node, $db, 'import_job', $foreign, 'completion_date IS NULL'), 't', 'as long as it goes on');
sql("SELECT usage_mgmt.cancel_import_job(id) FROM usage_mgmt.import_job WHERE completion_date IS NULL");

# ---- a member that may not become the role ----

SKIP:
{
	skip 'memberships have no options before 16', 1 if $node->pg_version < 16;
	sql(q{CREATE ROLE held LOGIN; SELECT usage_mgmt.grant_access('held', 'reader'); GRANT held TO courier WITH SET FALSE, INHERIT TRUE});
	$id = order($node, $db, 'held', 'export_job', query => 'limit=1');
	is(ended_as($node, $db, 'export_job', $id, 'error_log'),
		'failed|the agent\'s role "courier" may not SET ROLE to "held", who ordered it: GRANT held TO courier WITH SET TRUE, and order it again',
		'is told what it lacks');
}

# ---- room ----

records_file("$ftp->{folder}/large.ndjson", 2000, 'large');
records_file("$ftp->{folder}/small.ndjson", 10, 'small');
$id = order($node, $db, 'mediation', 'import_job', url => "$ftp->{url}/*.ndjson");
like(ended_as($node, $db, 'import_job', $id, 'stored_count, error_log'), qr/^failed\|10\|1 of 2 files failed: large\.ndjson: .*more than the 102400 bytes.*\[spool\]/,
	'a file of a folder that is elsewhere takes no more room than the spool directory is given');

# ---- what is shown to others ----

my $escapes = "x\nimport_job all: succeeded\e[2J\xc2\x9b2J\x7f";
order($node, $db, 'mediation', 'import_job', id => $escapes, url => "file://$folder/none");
ok($node->poll_query_until($db, "SELECT count(*) = 1 FROM usage_mgmt.import_job WHERE id LIKE 'x%' AND status = 'failed'"), 'an id is what it is said to be');
my (undef, $shown) = usagectl($node, $db, 'jobs', '--once');
like($shown, qr/^x import_job all: succeeded \[2J  2J  /m, 'usagectl jobs shows it in one line');
unlike($shown, qr/[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]/, 'without what a terminal would obey');
like(agent_said($agent), qr/^import_job x import_job all: succeeded \[2J  2J : failed/m, 'and so does the agent');

# ---- secrets ----

$id = order($node, $db, 'mediation', 'import_job', url => "$web->{url}/f.ndjson");
like(ended_as($node, $db, 'import_job', $id, 'error_log'), qr/^failed\|.*\b401\b/, 'a wrong password');
is(agent_leaves($agent), 0, 'the agent leaves');
unlike(agent_said($agent), qr/secret-of/, 'and not in what the agent says');
unlike(slurp_file($node->logfile), qr/secret-of/, 'nor in the log of the server');
server_stop($web);
server_stop($ftp);
done_testing();
