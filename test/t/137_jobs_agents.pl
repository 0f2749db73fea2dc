# Several agents share the jobs there are: each is done once. Where there are none they ask
# seldom, and are woken.

use strict;
use warnings;
use Jobs;
use PostgreSQL::Test::Utils;
use Processes;
use Servers;
use Store;
use Test::More;
use Time::HiRes qw(sleep time);
use Usagectl;

use constant { JOBS => 50, IDLE => 10 };

plan skip_all => 'there is no /proc' if !processes_seen();

my $node = new_node('jobs_agents');
my $db = 'jobs';
my $folder = PostgreSQL::Test::Utils::tempdir();
my $config = write_file("$folder/agent.conf", "[directory $folder]\n");
my %agent;

$node->append_conf('postgresql.conf', "log_statement = all\nlog_line_prefix = '%a|%p|'\n");
$node->restart;
jobs_store($node, $db);

sub sql
{
	return $node->safe_psql($db, $_[0]);
}

sub begin
{
	my ($name, %more) = @_;

	local $ENV{PGAPPNAME} = $name;
	$agent{$name} = agent_begins($node, $db, name => $name, config => $config, lease => 60, %more);
	return;
}

# Statements that an agent has sent since then.
sub statements
{
	my ($name, $from) = @_;

	return grep { /^\Q$name\E\|\d+\|LOG:  (?:execute|statement)/ } split /\n/, slurp_file($node->logfile, $from);
}

begin('left', options => ['--jobs=2']);
begin('right', options => ['--jobs=2']);
ok($node->poll_query_until($db, q{SELECT count(*) = 4 FROM pg_stat_activity WHERE usename = 'courier' AND state = 'idle'
	AND query ~ 'claim|upkeep'}), 'two agents, with a connection for listeners and one for jobs each');

# ---- idle ----
sleep 1;
my $from = -s $node->logfile;
sleep IDLE;
for my $name (sort keys %agent)
{
	my @sent = statements($name, $from);

	# of two that come every ten seconds one may just have been due
	cmp_ok(scalar @sent, '<=', IDLE / 5 + 1, "$name: at most one query in five seconds") || diag(join "\n", @sent);
	cmp_ok(scalar @sent, '>=', 2, 'and some');
}

# ---- busy ----
records_file("$folder/$_.ndjson", 200, sprintf 'j%02d-', $_) for 1 .. JOBS;
my $began = time;
sql(join '', map { "SET ROLE mediation; INSERT INTO usage_mgmt.import_job (id, url) VALUES ('$_', 'file://$folder/$_.ndjson');" } 1 .. JOBS);
ok($node->poll_query_until($db, q{SELECT count(*) > 0 FROM usage_mgmt.import_job WHERE status <> 'not started'}), 'they are woken');
cmp_ok(time - $began, '<', 5, 'at once');
ok($node->poll_query_until($db, q{SELECT bool_and(status = 'succeeded') FROM usage_mgmt.import_job}), JOBS . ' jobs succeed');
is(sql('SELECT count(*), sum(attempts), sum(stored_count), sum(repeated_count) FROM usage_mgmt.import_job'),
	join('|', JOBS, JOBS, JOBS * 200, 0), 'each in one attempt');
is(sql('SELECT count(*), count(DISTINCT id) FROM usage_mgmt.usage'), join('|', (JOBS * 200) x 2), 'each record is there once');
like(agent_said($agent{$_}), qr/succeeded/, "$_ had a share") for sort keys %agent;

# ---- one is lost, another one of its name is not let in beside it ----
is(agent_leaves($agent{right}), 0, 'one leaves');
begin('left2', name => 'left');
is(agent_ended($agent{left2}), 2, 'two of one name there cannot be');
is(agent_killed($agent{left}, 1), -9, 'the other one is killed');

# ---- a job that kills its process each time ----
my $silent = raw_server(sub { sleep 300 });
my $poor = servers_config('', $silent);

begin('poor', config => $poor, delays => '0.1s,0.1s', lease => 6);
my $id = order($node, $db, 'mediation', 'import_job', url => "$silent->{url}/poison");
for my $attempt (1 .. 3)
{
	ok(until_job($node, $db, 'import_job', $id, "attempts = $attempt AND load IS NULL"), "attempt $attempt");
	my @workers;

	for (1 .. 200)
	{
		@workers = map { children($_) } children($agent{poor}{pid});
		last if @workers;
		sleep 0.05;
	}
	kill 'KILL', @workers;
	until_job($node, $db, 'import_job', $id, "attempts > $attempt OR completion_date IS NOT NULL");
}
is(ended_as($node, $db, 'import_job', $id, 'attempts, error_log'),
	'failed|3|gave up after 3 attempts; the last error: its process was killed by signal 9 (Killed)', 'is given up');

# ---- an agent that dies is followed by one of its name ----
$id = order($node, $db, 'mediation', 'import_job', url => "$silent->{url}/left");
ok(until_job($node, $db, 'import_job', $id, "agent = 'poor'"), 'a job under way');
agent_killed($agent{poor});
server_kill($silent);
$silent->{serve} = sub {
	my ($caller) = @_;
	my $text = record('last') . "\n";

	sysread $caller, my $head, 65536;
	print $caller "HTTP/1.1 200 OK\r\nContent-Length: " . length($text) . "\r\nConnection: close\r\n\r\n" . ($head =~ /^HEAD/ ? '' : $text);
};
server_again($silent);
my $killed = time;
begin('poor', config => $poor, lease => 60);
is(ended_as($node, $db, 'import_job', $id, 'attempts, stored_count'), 'succeeded|2|1', 'goes on');
cmp_ok(time - $killed, '<', 10, 'before its lease is over');
is(agent_leaves($agent{poor}), 0, 'the agent leaves');
server_stop($silent);

done_testing();
