# Agent, listeners and server are killed again and again while events flow to five listeners:
# two that are well, one that is slow, one that fails half the time, one that is dead. The living
# get each event at least once, those of an id in order, and after a kill no more again than the
# agent's page says; so does the dead one when it is resumed. What there is to get is what a sixth
# one reads by SQL; what a listener got is what it wrote down before it answered.
#
# USAGE_MGMT_KILL_ROUNDS tells how often each of them is killed, with 2,500 events each time (2, with
# 3,000 in all).

use strict;
use warnings;
use Dice;
use IPC::Run ();
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Receiver;
use Store;
use Test::More;
use Time::HiRes qw(sleep time);

use constant { WRITERS => 3, IDS => 200, AGAIN => 1024 };

my $rounds = $ENV{USAGE_MGMT_KILL_ROUNDS} // 2;
my $events = $ENV{USAGE_MGMT_KILL_ROUNDS} ? 2500 * $rounds : 3000;
my $dice = dice(1297);
my $folder = PostgreSQL::Test::Utils::tempdir();
my $node = new_node('hub_kill');
my $agent;
my $agent_cpu = 0;
my %listener;
my @kills;

# Who is left would keep the test from ending.
END
{
	my $status = $?;

	kill 'KILL', grep { defined } $agent, map { $_->{pid} } values %listener;
	receiver_stop($listener{failing}{receiver}) if $listener{failing};
	$? = $status;
}

$PostgreSQL::Test::Utils::timeout_default = 60 * $rounds;
$node->append_conf('postgresql.conf', "log_statement = none\n");
$node->reload;
new_store($node, 'hub');
$node->safe_psql('hub', <<"SQL");
CREATE ROLE courier LOGIN;
SELECT usage_mgmt.grant_access('courier', 'agent');
CREATE SCHEMA test;
CREATE SEQUENCE test.change;
-- Changes up to that number; there are more ids all the time until the middle.
CREATE PROCEDURE test.write(writer text, target bigint) LANGUAGE plpgsql AS \$\$
DECLARE
	n bigint;
	i text;
BEGIN
	LOOP
		n := nextval('test.change');
		EXIT WHEN n > target;
		i := writer || '-' || floor(random() * @{[ IDS ]} * least(1, 0.5 + 1.0 * n / $events));
		UPDATE usage_mgmt.usage SET description = n WHERE id = i;
		IF NOT FOUND THEN
			INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES (i, '2026-02-03', 'voice');
		END IF;
		COMMIT;
		PERFORM pg_sleep(0.001);
	END LOOP;
END
\$\$;
SQL

sub sql
{
	return $node->safe_psql('hub', $_[0]);
}

# Starts a program in the background, with what it prints added to a file.
sub started
{
	my ($log, $name, @arguments) = @_;
	my $program = program($node, $name);
	my %environment = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => 'hub',
		PGUSER => $name eq 'usagectl' ? 'courier' : scalar getpwuid $<);
	my $pid = fork // die "could not fork: $!";

	return $pid if $pid;
	%ENV = %environment;
	open STDIN, '<', '/dev/null';
	open STDOUT, '>>', $log;
	open STDERR, '>>', "$log.errors";
	exec { $program } $program, @arguments or POSIX::_exit(127);
}

# ---- who listens ----

sub registered
{
	my ($name, $port, @arguments) = @_;
	my $id = sql("SELECT usage_mgmt.register_usage_listener('http://127.0.0.1:$port/hub') ->> 'id'");

	$listener{$name} = { id => $id, log => "$folder/$name",
		command => [ 'usagectl', 'listen', "--port=$port", '--secret=' . sql("SELECT usage_mgmt.listener_secret('$id')"), @arguments ] };
	append_to_file("$folder/$name", '');
	return;
}

# What fails fails for none of its events for ever, or it would be quarantined.
sub failing
{
	my ($request, $times) = @_;

	return 500 if $times < 5 && rand() < 0.5;
	append_to_file("$folder/failing", "$request->{headers}{'webhook-id'} signed $request->{body}\n");
	return 204;
}

sub listens
{
	my ($one) = @_;

	return receiver_again($one->{receiver}) if $one->{receiver};
	$one->{pid} = started($one->{log}, @{ $one->{command} });
	return;
}

# ---- who is killed ----

sub agent_starts
{
	$agent = started("$folder/agent", 'usagectl', 'agent', '--name=one', '--allow-private', @_);
	return;
}

sub agent_ends
{
	my ($signal) = @_;
	my @used = split / /, (-r "/proc/$agent/stat" ? slurp_file("/proc/$agent/stat") : '') =~ s/.*\) //sr;

	$agent_cpu += (($used[11] // 0) + ($used[12] // 0)) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
	kill $signal, $agent;
	waitpid $agent, 0;
	undef $agent;
	return $?;
}

my @delays = '--delays=0.2s,0.4s,0.8s' . ',1s' x 20;
my %kill = (
	agent => sub {
		is(agent_ends('KILL'), 9, 'the agent is killed');
		agent_starts(@delays);
	},
	listener => sub {
		my $name = (qw(well slow failing well_too))[ $_[0] % 4 ];
		my $one = $listener{$name};
		my $pid = ($one->{receiver} // $one)->{pid};

		kill 'KILL', $pid;
		waitpid $pid, 0;
		is($?, 9, "the listener that is $name is killed");
		sleep 0.3 * rand;
		listens($one);
	},
	server => sub {
		$node->kill9;
		# those of its processes that are left have to notice first
		sleep 0.1
			until IPC::Run::run([ program($node, 'pg_ctl'), '-D', $node->data_dir, '-l', $node->logfile, 'start' ], '>&', \my $said);
		$node->_update_pid(1);
		pass('the server is killed');
	});

# A writer, which goes on until the changes are made, whatever happens to the server.
sub writes
{
	my ($writer, $target) = @_;
	my $pid = fork // die "could not fork: $!";

	return $pid if $pid;
	for (1 .. 1000)
	{
		waitpid started("$folder/writers", 'psql', '-X', '-c', "CALL test.write('$writer', $target)"), 0;
		POSIX::_exit(0) if $? == 0;
		sleep 0.1;
	}
	POSIX::_exit(1);
}

sub sizes
{
	return map { $_ => -s $listener{$_}{log} } keys %listener;
}

# Something flows, one of them is killed in the middle of it and lives again.
sub killed
{
	my ($victim, $round) = @_;
	my %before = sizes();
	my @writers = map { writes($_, int($events * (@kills + 1) / (3 * $rounds))) } 1 .. WRITERS;
	my $patience = time + 60;

	sleep 0.02 while time < $patience && grep { $before{$_} == -s $listener{$_}{log} } qw(well well_too slow);
	sleep $dice->(300) / 1000;
	push @kills, { victim => $victim, sizes => { sizes() } };
	$kill{$victim}->($round);
	foreach my $writer (@writers)
	{
		waitpid $writer, 0;
		die 'a writer cannot write' if $?;
	}
	return;
}

registered($_, PostgreSQL::Test::Cluster::get_free_port()) foreach qw(well well_too dead);
registered('slow', PostgreSQL::Test::Cluster::get_free_port(), '--delay=50');
my $receiver = receiver(\&failing);
registered('failing', $receiver->{port});
$listener{failing}{receiver} = $receiver;
listens($listener{$_}) foreach qw(well well_too slow);
my $by_sql = sql('SELECT usage_mgmt.register_usage_listener(NULL) ->> \'id\'');
agent_starts(@delays);

my $began = time;
foreach my $round (1 .. $rounds)
{
	killed($_, $round) foreach qw(agent listener server);
}
note(sprintf 'written within %.1f s', time - $began);

# ---- what came ----

sub all_delivered
{
	my $ids = join ', ', map { "'$listener{$_}{id}'" } @_;

	ok($node->poll_query_until('hub', "SELECT bool_and(lag_events = 0 AND parked = 0) FROM usage_mgmt.hub_status WHERE listener IN ($ids)"),
		"all is delivered to @_");
	return;
}

all_delivered(qw(well well_too slow));
note(sprintf 'delivered to those within %.1f s', time - $began);
all_delivered('failing');
note(sprintf 'and to the failing one within %.1f s', time - $began);

is(agent_ends('TERM'), 0, 'the agent leaves');
agent_starts('--delays=0.1s');
ok($node->poll_query_until('hub', "SELECT state = 'quarantined' FROM usage_mgmt.hub_listener WHERE id = '$listener{dead}{id}'"),
	'who is dead is quarantined');
is($node->safe_psql('hub', "SELECT string_agg(state, ' ') FROM usage_mgmt.hub_listener WHERE callback IS NOT NULL AND id <> '$listener{dead}{id}'"),
	join(' ', ('active') x 4), 'and nobody else');
is(-s $listener{dead}{log}, 0, 'nothing came to it');
listens($listener{dead});
sql("SELECT usage_mgmt.resume_listener('$listener{dead}{id}')");
all_delivered('dead');
is(agent_ends('TERM'), 0, 'the agent leaves');

my %truth;
my $count = 0;
foreach (rows($node, 'hub', "SELECT event #>> '{event,usage,id}', event ->> 'eventId' FROM usage_mgmt.next_events('$by_sql', 10 * $events)"))
{
	my ($id, $event) = split /\|/;

	push @{ $truth{$id} }, $event;
	$count++;
}
cmp_ok($count, '>', 0.9 * $events, "$count events happened to " . keys(%truth) . ' ids');

# What a log has: of each id what came first and in which order, and how often something came
# again after each kill.
sub log_of
{
	my ($name) = @_;
	my (%first, %seen, $strange);
	my @again = (0) x (@kills + 1);
	my $kill = 0;
	my $at = 0;

	open my $log, '<', $listener{$name}{log} or die "could not read: $!";
	while (<$log>)
	{
		my ($event, $id) = /^(\S+) signed .*"usage":\{"id":"([^"]+)"/;

		$kill++ while $kill < @kills && $at >= $kills[$kill]{sizes}{$name};
		$at += length;
		if (!defined $event) { $strange++ }
		elsif ($seen{$event}++) { $again[$kill]++ }
		else { push @{ $first{$id} }, $event }
	}
	return (\%first, \@again, $strange // 0);
}

foreach my $name (sort keys %listener)
{
	my ($first, $again, $strange) = log_of($name);
	my %most = (agent => 0, listener => 0, server => 0);
	my %sum = %most;
	my @wrong = grep { "@{ $first->{$_} // [] }" ne "@{ $truth{$_} // [] }" } sort keys %{ { %truth, %$first } };

	is($strange, 0, "$name: what comes is events that are signed");
	is(scalar(@wrong), 0, "$name: each event of each id, in order")
		or diag("$wrong[0]: @{ $first->{$wrong[0]} // [] }\nis to be @{ $truth{$wrong[0]} // [] }");
	is($again->[0], 0, "$name: none again before something is killed");
	foreach my $n (1 .. @kills)
	{
		my $victim = $kills[ $n - 1 ]{victim};

		$sum{$victim} += $again->[$n];
		$most{$victim} = $again->[$n] if $again->[$n] > $most{$victim};
	}
	cmp_ok($most{$_}, '<=', AGAIN, "$name: $sum{$_} again after $rounds kills of $_, at most $most{$_}") foreach sort keys %sum;
}
note(sprintf 'agent: %.1f s of CPU, all in all %.1f s', $agent_cpu, time - $began);

done_testing();
