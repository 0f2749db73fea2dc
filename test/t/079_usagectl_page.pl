# docs/usagectl.md: its commands do what the page shows, in the order of the page, on a file of 300,000 records that ends early,
# too. Compared is all but what depends on the machine: times, rates, bars, and how far a program came until it was killed.

use strict;
use warnings;
use FindBin;
use IPC::Run ();
use Page;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Store;
use Test::More;
use Time::HiRes 'sleep';
use Usagectl;

my $node = new_node('usagectl_page');
my $folder = PostgreSQL::Test::Utils::tempdir();
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $status = 0;
my $agent;

# Who is left would keep the test from ending.
END
{
	my $ended = $?;

	$agent->kill_kill if $agent && $agent->pumpable;
	$? = $ended;
}

# ---- what the page takes for granted ----

# A record each 104 seconds of the year; ten lack their type, and the id of one is another's.
sub voice_records
{
	return join '', map {
		my $date = POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime 1767240000 + 104 * $_ % 31_200_000);

		sprintf qq({"id":"v%06d","date":"%s",%s"status":"rated","ratedProductUsage":[{"ratingDate":"%s",) .
			qq("taxIncludedRatingAmount":6.00,"taxExcludedRatingAmount":5.00,"taxRate":20,"currencyCode":"EUR","productRef":"p"}]}\n),
			$_ == 200_000 ? 17 : $_, $date, $_ % 30_000 == 29_990 ? '' : '"type":"voice",', $date;
	} 1 .. 300_000;
}

new_store($node, 'usages');
write_file("$folder/voice.nd", voice_records());
write_file("$folder/calls.json", "[\n" . record('call-1') . "\n]\n");
write_file("$folder/mixed.nd", join '', map { "$_\n" }
	(map { qq({"\@type":"UsageSpecification","id":"$_","name":"$_"}) } 's1', 's2', 's3'),
	'{"@type":"UsageSpecification","id":"s4","status":"drawn"}', '{"@type":"UsageSpecification","id":"s5","isBundle":"perhaps"}',
	record('m1'), record('m2'), record('v000001'), '{"id":"m3","date":"2026-02-03"}', '{"id":"m4","date":"2026-02-03"}');
$node->safe_psql('usages', <<'SQL');
CREATE ROLE hub_agent LOGIN NOINHERIT;
CREATE ROLE mediation;
CREATE ROLE settlement;
SELECT usage_mgmt.grant_access('hub_agent', 'agent'), usage_mgmt.grant_access('mediation', 'loader'), usage_mgmt.grant_access('settlement', 'reader');
SQL

# What is there when a section begins, and who runs its commands
my %begins = (
	Agent => <<'SQL',
SELECT usage_mgmt.register_usage_listener('http://127.0.0.1:9/' || i) FROM generate_series(1, 2) i;
SQL
	Jobs => <<'SQL',
SET ROLE mediation;
INSERT INTO usage_mgmt.import_job (id, url) VALUES ('tonight', 'file:///srv/usages/in/calls.json');
INSERT INTO usage_mgmt.import_job (id, url, every) VALUES ('gateway', 'file:///srv/usages/in/cdr_*.json', '10 minutes');
INSERT INTO usage_mgmt.import_job (id, url, parent) VALUES ('1fddc03f-f463-44de-9f1d-b21c03751e51', 'file:///srv/usages/in/cdr_*.json', 'gateway');
SET ROLE settlement;
INSERT INTO usage_mgmt.export_job (id, url) VALUES ('partner', 'file:///srv/usages/out/x.json');
RESET ROLE;
UPDATE usage_mgmt.import_job SET status = 'running', agent = 'billing-1', leased_until = now() + interval '1 hour', started_at = now() - interval '6.5 seconds',
	attempts = 1, read_count = 265894, byte_count = 100.7e6, total_bytes = 152e6 WHERE id = 'tonight';
UPDATE usage_mgmt.import_job SET status = 'running', attempts = 1, started_at = now() - interval '1 minute', next_at = now() + interval '9 minutes' WHERE id <> 'tonight';
UPDATE usage_mgmt.import_job SET status = 'succeeded', started_at = now() - interval '2 minutes' WHERE parent = 'gateway';
UPDATE usage_mgmt.export_job SET status = 'running', attempts = 1, started_at = now() - interval '3 minutes';
UPDATE usage_mgmt.export_job SET status = 'failed', error_log = 'file:///srv/usages/out/x.json: folder "out": No such file or directory';
SQL
	Listeners => <<'SQL',
UPDATE usage_mgmt.hub_delivery SET delivered = 20006, rate = 271.4, rate_at = now(), last_success_at = now(), last_error = NULL WHERE listener = '1';
UPDATE usage_mgmt.hub_listener SET state = 'active' WHERE id = '1';
UPDATE usage_mgmt.hub_delivery SET failed = 77, last_error = NULL WHERE listener = '2';
UPDATE usage_mgmt.hub_listener SET state = 'quarantined', reason = 'event aedb06b49e381a3-1-4-a failed for the last time: answered 500' WHERE id = '2';
SQL
	Listen => <<"SQL");
SELECT usage_mgmt.unregister_usage_listener(id) FROM usage_mgmt.hub_listener;
SELECT usage_mgmt.register_usage_listener('http://127.0.0.1:$port/') ->> 'id' AS id \\gset
UPDATE usage_mgmt.hub_secret SET secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' WHERE listener = :'id';
SELECT usage_mgmt.post_usage('{"id": "told", "date": "2026-03-14T09:26:53Z", "type": "VOICE"}');
SQL
my %user = (Agent => 'hub_agent');

# ---- the page ----

# A bar of an import or export, which is drawn on a terminal; the table of jobs has its own behind columns.
my $bar = qr/(?:^|(?<=\r))\S+  \[[#.]+\] +\d+ %[^\r\n]*/m;

sub session
{
	my ($text, undef, $section) = @_;

	$node->safe_psql('usages', delete $begins{$section}) if $begins{$section};
	agent_begins() if $section eq 'Listen';
	while ($text =~ /\G\$ (.*)\n((?:(?!\$ ).*\n)*)/gc)
	{
		my ($command, $shown) = map { s/\b8080\b/$port/gr } $1, $2;

		is(alike(command($command, $shown, $section), $section), alike($shown, $section), "$section: $command");
	}
	return '';
}

# What a command prints until it ends. One that the page shows half done is broken off, as soon as something of it is committed; one that
# goes on by itself is told to stop when it has printed what is shown.
sub command
{
	my ($command, $shown, $section) = @_;
	my $said = '';
	my $terminal = $shown =~ $bar;
	my $breaks_off = $terminal && $shown !~ /\d (?:read|records,) /;
	my @shell = ('bash', '-c', "cd '$folder'; (exit $status); " . ($command =~ /^usagectl / ? "exec $command" : $command));

	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => 'usages', PGTZ => 'UTC', PGUSER => $user{$section} // 'postgres',
		PATH => $node->config_data('--bindir') . ":$ENV{PATH}");
	my $run = IPC::Run::start(\@shell, '<', \'', $terminal ? ('>pty>', \$said) : ('>', \$said, '2>&1'));

	foreach (1 .. 3000)
	{
		last if !$run->pumpable;
		# a terminal that nobody writes to any more is an error
		eval { $run->pump_nb };
		if ($breaks_off && $said =~ $bar && $node->safe_psql('usages', 'SELECT count(*) FROM usage_mgmt.import_load WHERE read > 0'))
		{
			$run->signal($shown =~ /interrupted/ ? 'INT' : 'KILL');
			$breaks_off = 0;
		}
		last if $section =~ /^(?:Agent|Listen)$/ && alike($said, $section) eq alike($shown, $section);
		sleep 0.05;
	}
	my $until_told = $said;
	$run->signal('TERM') if $run->pumpable;
	eval { $run->finish };
	$status = $run->full_result(0) & 127 ? 128 + ($run->full_result(0) & 127) : $run->full_result(0) >> 8;
	return $until_told;
}

# What is compared: nothing that depends on the machine, of tables no numbers at all, and each line as often as it was drawn once.
sub alike
{
	my ($text, $section) = @_;
	my @lines;

	foreach my $line (split /[\r\n]+/, $text =~ s/\e\[K//gr)
	{
		$line =~ s/^(\S+)  \[[#.]+\].*/$1 [bar]/;
		$line =~ s/\b\d+\.\d s\b/0.0 s/;
		$line =~ s/\d+ records \(\d+ %\)/N records/;
		$line =~ s/\b[0-9a-f]{10,}-\d+-\w+-\w\b/EVENT/g;
		$line =~ s/^(EVENT \w+ \{"eventId":"EVENT",).*/$1/;
		$line =~ s/\[[#.]+\]/[bar]/, $line =~ s/\d[\d.:,-]*/N/g, $line =~ s/ +/ /g if $section =~ /^(?:Jobs|Listeners)$/;
		push @lines, $line =~ s/\s+\z//r if $line ne '';
	}
	return join '', map { "$lines[$_]\n" } grep { !$_ || $lines[$_] ne $lines[$_ - 1] } 0 .. $#lines;
}

# Who brings an event to what listens there
sub agent_begins
{
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => 'usages', PGUSER => 'hub_agent');

	$agent = IPC::Run::start([ program($node, 'usagectl'), 'agent', '--name=billing-1', '--allow-private', '--delays=1s,1s,1s,1s,1s,1s,1s,1s' ], '<', \'', '>&', \my $said);
	return;
}

my ($run) = run_page($node, 'usages', 'usagectl.md', with => { console => \&session });
cmp_ok($run, '>=', 6, 'sessions were run');
$agent->signal('TERM') if $agent;
$agent->finish if $agent;

done_testing();
