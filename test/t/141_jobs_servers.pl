# Jobs to and from real servers of each protocol: 100,000 records go out and come back in, and
# what goes out the next time has the same checksum.

use strict;
use warnings;
use Digest::SHA ();
use Jobs;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Servers;
use Store;
use Test::More;
use Usagectl;

use constant RECORDS => 100_000;

my @missing = servers_missing(qw(nginx pure-ftpd pure-pw sshd ssh-keygen openssl));
plan skip_all => "no @missing" if @missing;

my $node = new_node('jobs_servers');
my $db = 'jobs';
my $folder = PostgreSQL::Test::Utils::tempdir_short();
my @servers = (web_server(), web_server(tls => 1), ftp_server(), ftp_server(tls => 1), sftp_server(), s3_server());
my $config = servers_config("[directory $folder]\n", @servers);

$node->append_conf('postgresql.conf', "log_statement = none\n");
$node->reload;
jobs_store($node, $db);
my $agent = agent_begins($node, $db, config => $config);

my $counts = 'read_count, stored_count, repeated_count, conflicting_count, rejected_count, attempts, error_log';
records_file("$folder/usage.json", RECORDS, 'c');
my $all = RECORDS . '|' . RECORDS . '|0|0|0|1|';
my ($wanted, $bytes);

is(ended_as($node, $db, 'import_job', order($node, $db, 'mediation', 'import_job', url => "file://$folder/usage.json"), $counts),
	"succeeded|$all", 'file: in');
foreach my $server ({ url => "file://$folder", folder => $folder }, @servers)
{
	my $url = "$server->{url}/out.json";
	my $name = ($url =~ s/:.*//r);
	my $file = "$server->{folder}/" . ($name eq 's3' ? '_usage-bucket_out.json' : 'out.json');
	my $id = order($node, $db, 'partner', 'export_job', url => $url, query => 'sort=id', manifest => 'true');

	is(ended_as($node, $db, 'export_job', $id, 'record_count, attempts, error_log'), 'succeeded|' . RECORDS . '|1|', "$name: out");
	my $sum = Digest::SHA->new(256)->addfile($file)->hexdigest;
	$wanted //= $sum;
	$bytes //= -s $file;
	is("$sum " . -s $file, "$wanted $bytes", "$name: the same bytes");
	my $manifest = decode_json(slurp_file("$file.manifest.json"));
	is("@$manifest{qw(name resource records bytes sha256)}", "out.json usage @{[RECORDS]} $bytes $wanted", "$name: its manifest says so");
	is(join(' ', grep { !/\.json$/ } map { s{.*/}{}r } grep { -f } glob "$server->{folder}/* $server->{folder}/.*"), '', "$name: and nothing else is there");

	$node->safe_psql($db, 'TRUNCATE usage_mgmt.usage_key; TRUNCATE usage_mgmt.usage');
	$id = order($node, $db, 'mediation', 'import_job', url => $url, manifest => 'true');
	is(ended_as($node, $db, 'import_job', $id, $counts), "succeeded|$all", "$name: in, by its manifest");
	is(job($node, $db, 'import_job', $id, 'byte_count, position'), "$bytes|$bytes", "$name: all of it");
}
my $last = Digest::SHA->new(256)->add((usagectl($node, $db, 'export', '-q', 'sort=id', '-'))[1])->hexdigest;
is($last, $wanted, 'what has been everywhere is what it was');
is(agent_leaves($agent), 0, 'the agent leaves');
unlike(agent_said($agent) . slurp_file($node->logfile), qr/secret-/, 'no password is told');

server_stop($_) foreach @servers;
done_testing();
