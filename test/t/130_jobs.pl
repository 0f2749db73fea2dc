# Jobs: orders that an agent carries out, as the role that ordered them, and how they end.

use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use IPC::Run ();
use Jobs;
use PostgreSQL::Test::Utils;
use Servers;
use Store;
use Test::More;
use Time::HiRes qw(sleep time);
use Usagectl;

my $node = new_node('jobs');
my $db = 'jobs';
my $folder = PostgreSQL::Test::Utils::tempdir();
my $web = web_server();
# one that says how much it will send, and then nothing more
my $stalls = raw_server(sub {
	my ($caller) = @_;
	sysread $caller, my $head, 65536;
	print $caller "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" . record('s1') . "\n";
	sleep 300;
});
my $config = servers_config("[directory $folder]\n", $web, $stalls);
my $id;

$node->append_conf('postgresql.conf', "log_statement = none\n");
$node->reload;
jobs_store($node, $db);

sub sql
{
	return $node->safe_psql($db, $_[0]);
}

sub import_order
{
	my ($role, %columns) = @_;

	return order($node, $db, $role, 'import_job', %columns);
}

sub export_order
{
	my ($role, %columns) = @_;

	return order($node, $db, $role, 'export_job', %columns);
}

sub imported
{
	return ended_as($node, $db, 'import_job', @_);
}

sub exported
{
	return ended_as($node, $db, 'export_job', @_);
}

my $counts = 'read_count, stored_count, repeated_count, conflicting_count, rejected_count';
my $agent = agent_begins($node, $db, config => $config);

# ---- an import ----
records_file("$folder/one.ndjson", 3000, 'one');
$id = import_order('mediation', url => "file://$folder/one.ndjson", path => 'usageManagement/');
is(imported($id, "$counts, attempts, ordered_by, error_log"), 'succeeded|3000|3000|0|0|0|1|mediation|', 'a file is imported');
is(sql("SELECT l.loaded_by, l.stored, l.finished_at IS NOT NULL, j.byte_count = @{[ -s qq($folder/one.ndjson) ]}, j.position = j.byte_count,
		j.completion_date IS NOT NULL FROM usage_mgmt.import_job j JOIN usage_mgmt.import_load l ON l.id = j.load WHERE j.id = '$id'"),
	'mediation|3000|t|t|t|t', 'under a load of the role that ordered it, which the job names');
$id = import_order('mediation', url => "file://$folder/one.ndjson");
is(imported($id, $counts), 'succeeded|3000|0|3000|0|0', 'the same again stores nothing');
write_file("$folder/bad.ndjson", record('bad1') . "\nno json\n" . record('one000001') . "\n");
$id = import_order('mediation', url => "file://$folder/bad.ndjson");
like(imported($id, "$counts, error_log"), qr/^succeeded\|3\|1\|0\|1\|1\|1 records were rejected and 1 are in conflict .* load \d+; most often no JSON value at byte 1 \(22P02\), first in record 2$/,
	'what was not stored is told');
records_file("$web->{folder}/open/two.ndjson.gz", 2000, 'two');
$id = import_order('mediation', url => "$web->{url}/open/two.ndjson.gz");
is(imported($id, "$counts, error_log"), 'succeeded|2000|2000|0|0|0|', 'one by http, packed');
write_file("$folder/specs.json", '[' . join(',', map { qq({"id":"spec$_","name":"Spec $_"}) } 1 .. 20) . ']');
sql(q{CREATE ROLE editor LOGIN; SELECT usage_mgmt.grant_access('editor', 'writer'), usage_mgmt.grant_access('editor', 'loader'); GRANT editor TO courier});
$id = import_order('editor', url => "file://$folder/specs.json", path => 'usageManagement/usageSpecification', content_type => 'application/json');
is(imported($id, "$counts, error_log"), 'succeeded|20|20|0|0|0|', 'specifications, as one array');
write_file("$folder/calls.csv", "call,start\n" . join('', map { "csv$_,2026-02-03T04:05:06Z\n" } 1 .. 50));
$id = import_order('mediation', url => "file://$folder/calls.csv", content_type => 'text/csv',
	mapping => '{"id":"call","usageDate":"start","usageType":{"value":"voice"}}');
is(imported($id, "$counts, error_log"), 'succeeded|50|50|0|0|0|', 'CSV, by a mapping');

# ---- an export ----
my (undef, $all) = usagectl($node, $db, 'export', '-q', 'sort=id', '-');
$id = export_order('partner', url => "file://$folder/out.ndjson", query => 'sort=id');
is(exported($id, 'record_count, error_log'), 'succeeded|5051|', 'an export');
ok(slurp_file("$folder/out.ndjson") eq $all, 'which writes what usagectl export does');
$id = export_order('partner', url => "$web->{url}/open/out.json.gz", query => 'sort=-id&limit=2', content_type => 'application/json', tmf_version => 'v4');
is(exported($id, 'record_count'), 'succeeded|2', 'one by http');
like(`zcat $web->{folder}/open/out.json.gz`, qr/^\[\s*\{.*.*two002000.*"usageDate".*\}\s*,\s*\{.*\}\s*\]\s*$/s, 'an array of the other version, packed');
$id = export_order('partner', query => 'sort=id');
is(exported($id, 'record_count, byte_count'), 'succeeded|5051|' . length $all, 'one without a url');
is(sql("SELECT md5(string_agg(usage_mgmt.get_export_result('$id', part * 1048576), '' ORDER BY part))
	FROM usage_mgmt.export_result WHERE job = '$id'"), md5_hex($all), 'stays in the database');

# ---- whose job it is ----
$id = import_order('mediation', url => "file://$folder/no/such/file");
like(imported($id, 'attempts, error_log'), qr/^failed\|1\|.*No such file/, 'no file: it fails at once');
$id = import_order('mediation', url => "file:///etc/passwd");
like(imported($id, 'attempts, error_log'), qr/^failed\|1\|.*passwd.*director/, 'nor one that is not below a directory');
sql(q{CREATE ROLE stranger LOGIN; CREATE ROLE clerk LOGIN; SELECT usage_mgmt.grant_access('stranger', 'loader'); GRANT clerk TO courier;
	GRANT USAGE ON SCHEMA usage_mgmt TO clerk; GRANT SELECT, INSERT ON usage_mgmt.import_job, usage_mgmt.export_job TO clerk});
$id = import_order('stranger', url => "file://$folder/one.ndjson");
like(imported($id, 'attempts, error_log'), qr/^failed\|1\|.*"courier" is no member of "stranger".*GRANT stranger TO courier/,
	'of a role that the agent is no member of');
my $super = scalar getpwuid $<;
$id = import_order($super, url => "file://$folder/one.ndjson");
like(imported($id, 'attempts, error_log'), qr/^failed\|1\|"\Q$super\E", who ordered it, is a superuser.*--allow-superuser/, 'of a superuser');
$id = import_order('clerk', url => "file://$folder/one.ndjson");
like(imported($id, 'attempts, error_log'), qr/^failed\|1\|permission denied for .*"clerk", which ordered it/s, 'of a role without the right to load');
$id = export_order('clerk', url => "file://$folder/clerk.ndjson");
like(exported($id, 'attempts, error_log'), qr/^failed\|1\|permission denied for .*"clerk", which ordered it/s, 'and to read');
ok(!-e "$folder/clerk.ndjson", 'nothing is written then');
is_deeply([ grep { /\.part-/ } glob "$folder/* $folder/.*" ], [], 'and nothing is left of it');

# Row security sees the role and the claims of the request.
sql(q{ALTER TABLE usage_mgmt.usage ENABLE ROW LEVEL SECURITY;
	CREATE POLICY all_but ON usage_mgmt.usage USING (NOT pg_has_role('partner', 'USAGE')
		OR starts_with(id, current_setting('request.jwt.claims', true)::json ->> 'prefix'))});
$id = $node->safe_psql($db, qq{SELECT set_config('request.jwt.claims', '{"prefix":"two00001"}', false) \\gset
	INSERT INTO usage_mgmt.export_job (id, url, query) VALUES ('mine', 'file://$folder/partner.ndjson', 'sort=id') RETURNING id},
	extra_params => [ '-U', 'partner' ]);
is(exported($id, 'record_count, error_log'), 'succeeded|10|', 'an export has the rows that its orderer sees');
is(join(',', slurp_file("$folder/partner.ndjson") =~ /"id":"(\w+)"/g), join(',', map { sprintf 'two%06d', $_ } 10 .. 19), 'and no other');
$id = export_order('partner', url => "file://$folder/nobody.ndjson");
is(exported($id, 'record_count, error_log'), 'succeeded|0|', 'without claims there is no setting of them, not even an empty one');

# ---- stopped ----
$id = import_order('mediation', url => "$stalls->{url}/stalls");
ok(until_job($node, $db, 'import_job', $id, "status = 'running' AND agent = 'a1'"), 'one that waits for its server');
my $began = time;
is(sql("SELECT usage_mgmt.cancel_import_job('$id')"), 't', 'is cancelled');
like(imported($id, 'error_log, stored_count'), qr/^failed\|cancelled by \S+\|0$/, 'and ends as that');
cmp_ok(time - $began, '<', 8, 'within seconds');

my $lock = $node->background_psql($db);
$lock->query_safe('BEGIN; LOCK TABLE usage_mgmt.usage');
$id = export_order('partner', url => "file://$folder/locked.ndjson");
$node->poll_query_until($db, "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted");
$began = time;
sql("SELECT usage_mgmt.cancel_export_job('$id')");
like(exported($id, 'error_log'), qr/^failed\|cancelled by/, 'one in the middle of a statement is cancelled, too');
cmp_ok(time - $began, '<', 8, 'within seconds');
ok($node->poll_query_until($db, "SELECT count(*) = 0 FROM pg_locks WHERE NOT granted"), 'and its statement is over');
$lock->query_safe('ROLLBACK');
$lock->quit;
ok(!-e "$folder/locked.ndjson", 'no file');

$id = import_order('mediation', url => "$stalls->{url}/stalls");
ok(until_job($node, $db, 'import_job', $id, "agent = 'a1'"), 'one more');
is(sql("SELECT usage_mgmt.delete_import_job('$id')"), 't', 'is deleted');
ok($node->poll_query_until($db, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'usagectl'
	AND query ~ 'import_load|set_config'}), 'and nobody is at it any more');

# ---- tried again ----
server_kill($stalls);
$id = import_order('mediation', url => "$stalls->{url}/later");
ok(until_job($node, $db, 'import_job', $id, "attempts > 2 AND error_log ~ 'onnect' AND completion_date IS NULL"), 'a server that is down is tried again');
$stalls->{serve} = sub {
	my ($caller) = @_;
	my $text = record('later1') . "\n";
	sysread $caller, my $head, 65536;
	print $caller "HTTP/1.1 200 OK\r\nContent-Length: " . length($text) . "\r\nConnection: close\r\n\r\n" . ($head =~ /^HEAD/ ? '' : $text);
};
server_again($stalls);
is(imported($id, "stored_count, error_log"), 'succeeded|1|', 'until it is there');
IPC::Run::run([ 'head', '-c', '5000', "$web->{folder}/open/two.ndjson.gz" ], '>', "$web->{folder}/open/cut.ndjson.gz");
$id = import_order('mediation', url => "$web->{url}/open/cut.ndjson.gz");
like(imported($id, 'attempts, error_log'), qr/^failed\|1\|.*ends too early/, 'a packed file that ends early fails');
$id = import_order('mediation', url => "$web->{url}/open/none");
like(imported($id, 'attempts, error_log'), qr{^failed\|1\|\Q$web->{url}/open/none\E: reading it was answered 404}, 'and one that is not there');

# ---- a standing order ----
$id = import_order('mediation', url => "file://$folder/one.ndjson", every => '1 second');
ok($node->poll_query_until($db, "SELECT count(*) >= 3 FROM usage_mgmt.import_job WHERE parent = '$id' AND status = 'succeeded'"),
	'a standing order is carried out again and again');
is(sql("SELECT DISTINCT ordered_by, every IS NULL FROM usage_mgmt.import_job WHERE parent = '$id'"), 'mediation|t', 'each time by an order of its own');
is(sql("SELECT count(*) FROM usage_mgmt.import_job a JOIN usage_mgmt.import_job b ON a.parent = '$id' AND b.parent = '$id' AND a.id < b.id
	AND a.creation_date < b.completion_date AND b.creation_date < a.completion_date"), 0, 'never two at a time');
is(job($node, $db, 'import_job', $id, 'completion_date IS NULL'), 't', 'and does not end');
is(sql("SELECT usage_mgmt.cancel_import_job('$id')"), 't', 'until it is cancelled');
like(imported($id), qr/^failed/, 'then it does');

# ---- the agent leaves in the middle, another one goes on ----
my $slow = web_server(rate => 700_000);
my $slow_config = servers_config("[directory $folder]\n[spool]\nsize = 100k\n", $slow);
is(agent_leaves($agent), 0, 'the agent leaves');
records_file("$slow->{folder}/open/slow.ndjson", 30_000, 'slow');
$agent = agent_begins($node, $db, config => $slow_config, name => 'a2', options => ['--batch=2000']);
$id = import_order('mediation', url => "$slow->{url}/open/slow.ndjson");
ok(until_job($node, $db, 'import_job', $id, "agent = 'a2' AND position > 0"), 'another one has an import under way');
$began = time;
is(agent_leaves($agent), 0, 'and leaves');
cmp_ok(time - $began, '<', 20, 'before twenty seconds are over');
is(job($node, $db, 'import_job', $id, 'status, agent IS NULL, failures, position < byte_count OR position < 2000000'), 'running|t|0|t', 'the job is given back');
$agent = agent_begins($node, $db, config => $slow_config, name => 'a3');
is(imported($id, "$counts, attempts"), 'succeeded|30000|30000|0|0|0|2', 'the next one goes on with it');
is(sql("SELECT count(*) FROM usage_mgmt.import_load WHERE stored > 0 AND id IN (SELECT load_id FROM usage_mgmt.usage WHERE starts_with(id, 'slow'))"),
	1, 'in the same load');

# ---- bounds ----
sql('ALTER TABLE usage_mgmt.usage DISABLE ROW LEVEL SECURITY');
$id = export_order('partner', url => "$slow->{url}/open/large.ndjson");
like(exported($id, 'attempts, error_log'), qr/^failed\|1\|.*more than the 102400 bytes.*\[spool\]/, 'an export that the spool is too small for fails');
is_deeply([ glob "$slow->{folder}/open/large*" ], [], 'and nothing of it is there');

# ---- held ----
is(agent_leaves($agent), 0, 'the agent leaves again');
$id = import_order('mediation', url => "file://$folder/one.ndjson");
sql("SET session_replication_role = replica; UPDATE usage_mgmt.import_job SET life = life + 1 WHERE id = '$id'");
$agent = agent_begins($node, $db, config => $config, name => 'a4');
my $after = import_order('mediation', url => "file://$folder/one.ndjson");
is(imported($after), 'succeeded', 'one that was ordered later is done');
is(job($node, $db, 'import_job', $id, 'status, attempts'), 'not started|0', 'before one that came by a restore');
is(sql("SELECT usage_mgmt.resume_job('import_job', '$id')"), 't', 'which is resumed');
is(imported($id), 'succeeded', 'and done then');

# ---- by hand ----
my ($status, $out, $err) = usagectl($node, $db, 'import', "$web->{url}/open/two.ndjson.gz");
is($status, 0, 'usagectl import takes a url');
like($out, qr{^http://127\.0\.0\.1:\d+/open/two\.ndjson\.gz: load \d+.*2000 read = 0 stored \+ 2000 repeated}s, 'and says what became of it');
($status, $out, $err) = usagectl($node, $db, 'import', "$web->{url}/open/none");
is($status, 2, 'of none it says');
like($err, qr/open\/none.*404/, 'that there is none');
($status, $out, $err) = usagectl($node, $db, 'import', "file://$folder/*.ndjson");
like("$status $err", qr/^2 .*import job/, 'of many that a job takes them');
for my $url ("$web->{url}/open/hand.ndjson.gz", "file://$folder/hand.ndjson")
{
	($status, $out, $err) = usagectl($node, $db, 'export', '-q', 'sort=id&limit=3', $url);
	is("$status $err", '0 ', "usagectl export to $url");
	like($out, qr/^\Q$url\E: 3 records/, 'says how many');
}
like(`zcat $web->{folder}/open/hand.ndjson.gz`, qr/\A(?:\{.*\}\n){3}\z/, 'they are there');
is(slurp_file("$folder/hand.ndjson"), `zcat $web->{folder}/open/hand.ndjson.gz`, 'and in a file');
($status, $out, $err) = usagectl($node, $db, 'export', "$web->{url}/hand.ndjson");
like("$status $err", qr/^2 .*hand\.ndjson.*401/, 'where it may not write it says so');
is_deeply([ grep { /\.part-|hand\.ndjson\./ } glob "$folder/*" ], [], 'nothing is left over');

# ---- who takes none ----
is(agent_leaves($agent), 0, 'that one leaves');
$agent = agent_begins($node, $db, config => $config, name => 'super', user => $super);
$id = import_order('mediation', url => "file://$folder/one.ndjson");
for (1 .. 200)
{
	last if agent_said($agent) =~ /takes no jobs: its role is a superuser/;
	sleep 0.05;
}
like(agent_said($agent), qr/takes no jobs: its role is a superuser.*--allow-superuser/, 'an agent that is a superuser takes none');
is(job($node, $db, 'import_job', $id, 'status, attempts'), 'not started|0', 'none at all');
is(agent_leaves($agent), 0, 'it is an agent still');
$agent = agent_begins($node, $db, config => $config, name => 'super', user => $super, options => ['--allow-superuser']);
is(imported($id), 'succeeded', 'unless it is allowed to');
$id = import_order($super, url => "file://$folder/one.ndjson");
is(imported($id), 'succeeded', 'and those of superusers');
is(agent_leaves($agent), 0, 'it leaves');

server_stop($web);
server_stop($slow);
server_stop($stalls);
done_testing();
