# Agent, its backends and the server of the files are killed again and again while jobs are under
# way: each job ends as one that nobody disturbed. What an import stores it stores once, and has
# not even met it before; what an export leaves under its name is whole at any time.
#
# USAGE_MGMT_KILL_ROUNDS tells how often each of them is killed (20).

use strict;
use warnings;
use Dice;
use Jobs;
use PostgreSQL::Test::Utils;
use Processes;
use Servers;
use Store;
use Test::More;
use Time::HiRes qw(sleep time);

use constant { RECORDS => 6000, EXPORTED => 4000 };

plan skip_all => 'there is no /proc' if !processes_seen();

my $rounds = $ENV{USAGE_MGMT_KILL_ROUNDS} // 20;
my $dice = dice(14);
my $node = new_node('jobs_kill');
my $db = 'jobs';
my $web = web_server(rate => 1_200_000);
my $folder = PostgreSQL::Test::Utils::tempdir();
my $config = servers_config("[directory $folder]\n", $web);
my @options = ('--batch=500', '--jobs=3');
my (@imports, @exports, $agent, %kills, %met);

$PostgreSQL::Test::Utils::timeout_default = 30;
$node->append_conf('postgresql.conf', "log_statement = none\nrestart_after_crash = on\n");
$node->restart;
jobs_store($node, $db);

sub sql
{
	return $node->safe_psql($db, $_[0]);
}

# The server may be starting again.
sub asked
{
	my ($sql) = @_;

	for (1 .. 600)
	{
		my $answer = eval { sql($sql) };

		return $answer if defined $answer;
		sleep 0.05;
	}
	die 'the server does not come back';
}

sub begin_agent
{
	# with time between them for one that is killed again before it gets on
	$agent = agent_begins($node, $db, config => $config, options => \@options, delays => join(',', ('0.1s') x 10, ('1s') x 20));
	return;
}

# An order that may have been stored although nobody said so is not given twice.
sub ordered
{
	my ($role, $resource, $id, %columns) = @_;

	until (eval { order($node, $db, $role, $resource, id => $id, %columns) } || asked("SELECT count(*) FROM usage_mgmt.$resource WHERE id = '$id'"))
	{
		sleep 0.05;
	}
	return $id;
}

# There are always some of both kinds, by http and by file, a third of them packed.
sub keep_busy
{
	my $open = asked(q{SELECT (SELECT count(*) FROM usage_mgmt.import_job WHERE completion_date IS NULL),
		(SELECT count(*) FROM usage_mgmt.export_job WHERE completion_date IS NULL)});
	my ($import, $export) = split /\|/, $open;

	while ($import++ < 2)
	{
		my $prefix = sprintf 'k%03d-', scalar @imports;
		my $name = "$prefix.ndjson" . (@imports % 3 == 2 ? '.gz' : '');

		records_file("$web->{folder}/open/$name", RECORDS, $prefix);
		push @imports, { prefix => $prefix, id => ordered('mediation', 'import_job', $prefix, url => "$web->{url}/open/$name") };
	}
	while ($export++ < 2)
	{
		my $name = sprintf 'out%03d.ndjson', scalar @exports;
		my $by_file = @exports % 2;

		push @exports, { file => $by_file ? "$folder/$name" : "$web->{folder}/open/$name",
			id => ordered('partner', 'export_job', $name, query => 'sort=id&usageType=exported',
				url => $by_file ? "file://$folder/$name" : "$web->{url}/open/$name") };
	}
	return;
}

# Somewhere in the middle of something, and which of them then is.
sub mid_job
{
	for (1 .. 400)
	{
		my $running = asked(q{SELECT count(*) FILTER (WHERE position > 0), count(*) FILTER (WHERE load IS NOT NULL)
			FROM usage_mgmt.import_job WHERE status = 'running' AND agent IS NOT NULL});
		my ($committed, $begun) = split /\|/, $running;

		keep_busy();
		if ($committed > 0 || ($begun > 0 && $dice->(3) == 0))
		{
			sleep $dice->(100) / 500;
			return 1;
		}
		sleep 0.02;
	}
	return 0;
}

# Whatever has its last name is whole.
sub whole
{
	my ($expected) = @_;

	return !grep { -e $_->{file} && slurp_file($_->{file}) ne $expected } @exports;
}

my %kill = (
	agent => sub {
		my $way = $dice->(4);

		# all of it, its first process, the one of the jobs, or one that does a job
		if ($way < 2)
		{
			agent_killed($agent, $way);
			return begin_agent();
		}
		my @jobs = children($agent->{pid});
		my @victims = $way == 2 ? @jobs : map { children($_) } @jobs;
		kill 'KILL', $victims[ $dice->(scalar @victims) ] if @victims;
		return if $way == 3;
		agent_killed($agent);
		return begin_agent();
	},
	backend => sub {
		my @pids = split /\n/, asked(q{SELECT pid FROM pg_stat_activity WHERE usename = 'courier'
			ORDER BY query !~ 'COPY', random() LIMIT 1});

		kill 'KILL', @pids;
	},
	server => sub {
		server_kill($web);
		sleep $dice->(10) / 50;
		server_again($web);
	});

sql("INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) SELECT 'x' || lpad(n::text, 6, '0'), '2026-02-03', 'exported'
	FROM generate_series(1, @{[ EXPORTED ]}) n");
my $expected = sql(q{SELECT usage_mgmt.get_usages('sort=id&usageType=exported')}) . "\n";
my %listener = map { $_ => sql("SELECT usage_mgmt.register_${_}_listener(NULL, '', 'r14.5') ->> 'id'") } qw(import_job export_job);
my $began = time;
my $fine = 1;

begin_agent();
for my $round (1 .. $rounds)
{
	for my $victim (sort keys %kill)
	{
		keep_busy();
		$met{$victim} += mid_job();
		$kill{$victim}->();
		$kills{$victim}++;
		$fine &&= whole($expected) || diag("round $round, $victim: a file is not whole");
	}
}
is($kills{$_}, $rounds, "$_: killed $rounds times") for sort keys %kill;
cmp_ok($met{$_}, '>=', $rounds * 0.9, "$_: in the middle of a job") for sort keys %kill;
note(sprintf '%.0f s', time - $began);

# ---- what became of the jobs ----
my %attempts;
for my $import (@imports)
{
	is(ended_as($node, $db, 'import_job', $import->{id}, 'read_count, stored_count, repeated_count, conflicting_count, rejected_count, error_log'),
		'succeeded|' . RECORDS . '|' . RECORDS . '|0|0|0|', "import $import->{prefix}");
	$attempts{import} += job($node, $db, 'import_job', $import->{id}, 'attempts') - 1;
}
for my $export (@exports)
{
	is(ended_as($node, $db, 'export_job', $export->{id}, 'record_count, error_log'), 'succeeded|' . EXPORTED . '|', "export $export->{file}");
	$attempts{export} += job($node, $db, 'export_job', $export->{id}, 'attempts') - 1;
}
cmp_ok($attempts{import}, '>', $rounds, "imports were begun again ($attempts{import} times)");
cmp_ok($attempts{export}, '>', $rounds / 4, "and exports ($attempts{export} times)");
is(agent_leaves($agent), 0, 'the agent leaves');
note(sprintf '%.0f s, %d imports, %d exports', time - $began, scalar @imports, scalar @exports);

for my $resource (sort keys %listener)
{
	my $json = $resource =~ s/_j/J/r;
	my $ended = $resource eq 'import_job' ? @imports : @exports;

	is(sql("SELECT count(*), count(DISTINCT event #>> '{event,$json,id}') FROM usage_mgmt.next_events('$listener{$resource}', 10000)"), "$ended|$ended",
		"one notification for the end of each $resource");
}
is(sql(q{SELECT count(*), count(DISTINCT id) FROM usage_mgmt.usage WHERE id LIKE 'k%'}), join('|', (@imports * RECORDS) x 2),
	'each record is there once');
is(sql(q{SELECT count(*) FROM usage_mgmt.check_keys()}), 0, 'the ledger is sound');
is(sql(q{SELECT count(*) FROM usage_mgmt.import_job j WHERE stored_count <> (SELECT count(*) FROM usage_mgmt.usage u WHERE u.load_id = j.load)}), 0,
	'and each under the load that its job names');
is(sql(q{SELECT count(*) FROM usage_mgmt.import_load WHERE read > 0}), scalar @imports, 'of which each has one');
ok($fine && whole($expected), 'no file was ever half there');
is(scalar(grep { -e $_->{file} } @exports), scalar @exports, 'all are there');
# what the web server had of one that was broken off is its own business
is_deeply([ map { s{.*/}{}r } glob "$folder/*part* $folder/.*part*" ], [], 'nothing else is left of them');
is(scalar(glob(PostgreSQL::Test::Utils::tempdir() . '/usagectl.*') // ''), '', 'nor in the spool');

server_stop($web);
done_testing();
