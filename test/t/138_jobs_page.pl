# docs/jobs.md: every command of it works, in the order of the page, and gives what the page says;
# deploy/agent.conf is understood, with all that is commented out.

use strict;
use warnings;
use Compress::Zlib ();
use FindBin;
use JSON::PP;
use Jobs;
use Page;
use PostgreSQL::Test::Utils;
use Servers;
use Store;
use Test::More;
use Time::HiRes qw(sleep time);
use Usagectl;

my $node = new_node('jobs_page');
my $folder = PostgreSQL::Test::Utils::tempdir();
my $agent;

my $partner = sftp_server();
mkdir "$partner->{folder}/in" or die $!;

# The paths and hosts of the page are ours.
sub here
{
	my ($text) = @_;

	$text =~ s{/srv/usages}{$folder/srv}g;
	$text =~ s{/var/lib/usage_mgmt}{$folder};
	$text =~ s{^\[host sftp\.partner\.example\]\n.*?(?=^$|\z)}{[host 127.0.0.1:$partner->{port}]\n$partner->{config}allow-private = yes\n}ms;
	return $text =~ s{sftp://sftp\.partner\.example}{$partner->{url}}gr;
}

# and the other way
sub there
{
	return $_[0] =~ s{\Q$folder\E/srv}{/srv/usages}gr;
}

# ---- what the page takes for granted ----

mkdir "$folder/$_" or die $! foreach qw(srv srv/in srv/out etc);
write_file("$folder/etc/$_", "secret\n"), chmod 0600, "$folder/etc/$_"
	foreach qw(id_ed25519 known_hosts billing.password billing-ca.pem s3.secret partner_b_ed25519);
write_file("$folder/srv/in/calls.json", join '', map { "$_\n" }
	(map { record($_) =~ s/voice/VOICE/r } 'call-1', 'call-2'), '{"id": "call-3", "date": "2026-03-14"}', record('call-4') =~ s/voice/VOICE/r);
write_file("$folder/srv/in/switch.csv", "call_id,start,secs,cust\nswitch-1,2026-03-14T10:00:00Z,61,45\nswitch-2,2026-03-14T10:05:00Z,5,46\n");
# the third is missing, and the fifth is the second again
foreach my $number (1, 2, 4, 5)
{
	write_file(sprintf("%s/srv/in/cdr_%04d.json.gz", $folder, $number), Compress::Zlib::memGzip(record('cdr-' . ($number == 5 ? 2 : $number)) . "\n"));
}

# ---- the page ----

# Whatever was ordered is over, and standing orders have had a run.
my $quiet = q{SELECT bool_and(over) FROM (
	SELECT status IN ('succeeded', 'failed') OR life <> usage_mgmt.hub_life() OR every IS NOT NULL AND agent IS NULL AND attempts > 0 FROM usage_mgmt.import_job
	UNION ALL SELECT status IN ('succeeded', 'failed') OR life <> usage_mgmt.hub_life() FROM usage_mgmt.export_job
	UNION ALL VALUES (true)) j (over)};

new_store($node, 'usages');
run_page($node, 'usages', 'jobs.md',
	folder => $folder,
	here => \&here,
	there => \&there,
	with => {
		ini => sub {
			write_file("$folder/etc/agent.conf", $_[0]);
			$agent = agent_begins($node, 'usages', name => 'page', user => 'job_agent', config => "$folder/etc/agent.conf", lease => 60);
			return '';
		}
	},
	after => sub { return $node->poll_query_until('usages', $quiet) || fail("$_[0]: the agent has done all of it") });

is(agent_leaves($agent), 0, 'the agent leaves');
note agent_said($agent);

# ---- usagectl jobs, while no agent is there ----

my ($status, $shown, $err) = usagectl($node, 'usages', 'jobs', '--json');
my %job = map { $_->{job} => $_ } map { decode_json($_) } split /\n/, $shown;
is("$status $err", '0 ', 'jobs as JSON');
is(keys %job, $node->safe_psql('usages', 'SELECT count(*) FROM usage_mgmt.job_progress'), 'are all that there are');
is_deeply([ @{ $job{first} }{qw(state records percent ordered_by)} ], [ 'succeeded', 4, 100, 'mediation' ], 'and how each went');
# one that is half done, and one that is tried again
$node->safe_psql('usages', <<'SQL');
INSERT INTO usage_mgmt.import_job (id, url) VALUES ('half', 'file:///nowhere/half.json');
UPDATE usage_mgmt.import_job SET status = 'running', agent = 'test', leased_until = now() + interval '1 hour', started_at = now() - interval '10 seconds',
	read_count = 700, byte_count = 1e6, total_bytes = 2e6, error_log = E'first\nsecond' WHERE id = 'half';
SQL
($status, $shown, $err) = usagectl($node, 'usages', 'jobs');
is("$status $err", '0 ', 'jobs as a table, once where nobody looks');
my @shown = split /\n/, $shown;
like($shown[0], qr/^job +resource +state +done +records +MB +per second +left +ordered by +agent +attempts +what of it$/, 'with a head');
like((grep { /^half / } @shown)[0] // $shown, qr/^half +import_job +running +\[#{10}\.{10}\]  50 % +700 +1\.0 +\d+ +00:00:1\d +postgres +test +0  first second$/,
	'a bar, a rate and the time that is left');
cmp_ok((grep { $shown[$_] =~ /^half / } 0 .. $#shown)[0], '<', (grep { $shown[$_] =~ /^first / } 0 .. $#shown)[0], 'what goes on before what has ended');

# ---- deploy/agent.conf ----

# as it is, and with all that it shows
my $example = slurp_file("$FindBin::Bin/../../deploy/agent.conf");
foreach my $text ($example, $example =~ s/^#(?=\[|[a-z-]+ =)//gmr, "nonsense\n$example")
{
	my $here = $text =~ s{/(?:etc|var/lib)/usage_mgmt}{$folder/etc}gr;
	my $until = time + 60;

	write_file("$folder/etc/example.conf", $here);
	chmod 0600, "$folder/etc/example.conf";
	$agent = agent_begins($node, 'usages', name => 'example', user => 'job_agent', config => "$folder/etc/example.conf");
	sleep 0.05 until agent_said($agent) =~ /starts|configuration file/ || time > $until;
	agent_leaves($agent);
	my $said = agent_said($agent);
	unlink $agent->{log};
	$text =~ /^nonsense/ ? like($said, qr/configuration file .* line 1:/, 'what is no configuration is told')
		: is($said, "agent example: starts\nagent example: stops\n", 'agent.conf is understood');
}

done_testing();
