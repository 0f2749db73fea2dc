# usagectl goes on after a break: client, session or server are killed in the middle
# of a load, and the same command makes the store what an undisturbed load makes it.
#
# USAGE_MGMT_KILL_ROUNDS tells how often each of them is killed (2).

use strict;
use warnings;
use POSIX ();
use PostgreSQL::Test::Utils;
use Store;
use Test::More;
use Time::HiRes qw(time usleep);
use Usagectl;

my $RECORDS = 50_000;
my $BATCH = 2_000;
my $rounds = $ENV{USAGE_MGMT_KILL_ROUNDS} // 2;
my $node = new_node('main');
my $folder = PostgreSQL::Test::Utils::tempdir();
my @import = ('import', "--batch=$BATCH", "$folder/load.nd");

srand 635;
$node->append_conf('postgresql.conf', 'restart_after_crash = on');
$node->restart;

# Ids in no order; every 100th broken, every 150th a repeat, every 333rd a conflict.
sub make_load
{
	my $content = '';

	for my $i (1 .. $RECORDS)
	{
		my $id = sprintf '%05d', $i * 7919 % $RECORDS;
		my $before = sprintf '%05d', ($i - 101) * 7919 % $RECORDS;
		my $day = sprintf '2026-%02d-%02d', 1 + $i % 6, 1 + $i % 28;

		$content .= $i % 700 == 0 ? "{\"id\":\"$id\",\"type\":\"\xFF\"}"
			: $i % 100 == 0 ? "{\"id\":\"$id\",\"type\":\"no date\"}"
			: $i % 333 == 0 ? record($before, description => 'other')
			: $i % 150 == 1 && $i > 101 ? record($before, day => sprintf '2026-%02d-%02d', 1 + ($i - 101) % 6, 1 + ($i - 101) % 28)
			: record($id, day => $day);
		$content .= "\n";
	}
	return write_file("$folder/load.nd", $content);
}

sub empty
{
	$node->safe_psql('store', 'TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key, usage_mgmt.import_load,
		usage_mgmt.import_reject, usage_mgmt.usage_conflict');
	return;
}

# What is stored so far, while the load has not ended.
sub stored
{
	my $stored = $node->safe_psql('store', 'SELECT stored FROM usage_mgmt.import_load');

	return $stored eq '' ? 0 : $stored;
}

sub session
{
	return $node->safe_psql('store', q{SELECT pid FROM pg_stat_activity WHERE application_name = 'usagectl'});
}

# Until nothing is left of the session and the server is up. While it is not, psql
# ends before it reads its input, which IPC::Run dies of.
sub settle
{
	for (1 .. 600)
	{
		my $sessions = eval { session() };

		return if defined $sessions && $sessions eq '';
		usleep 50_000;
	}
	die 'the session of usagectl does not end';
}

my %kill = (
	client => sub {
		my ($pid) = @_;
		kill 'KILL', $pid;
		return ended($pid) == -9;
	},
	session => sub {
		my ($pid) = @_;
		my $session = session();
		kill 'KILL', $session if $session =~ /^\d+$/;
		return ended($pid) == 2;
	},
	server => sub {
		my ($pid) = @_;
		$node->stop('immediate');
		$node->start;
		return ended($pid) == 2;
	});

new_store($node, 'store');
make_load();
my $began = time;
my ($status) = usagectl($node, 'store', @import);
my $duration = time - $began;
is($status, 1, 'an undisturbed load');
my $undisturbed = store_digest($node, 'store');
my $books = books($node, 'store');
my ($all) = $books =~ /^$RECORDS\|(\d+)\|/;
like($books, qr/^$RECORDS\|\d+\|\d+\|\d+\|\d+$/, "balances ($books)");

# Starts a load and kills it at a random moment; how many were stored by then.
# A moment at which none or all of them were is none of the middle, and is tried again.
sub broken_off
{
	my ($victim) = @_;

	for (1 .. 50)
	{
		my $pid;
		my $stored;
		my $failed;

		empty();
		$pid = usagectl_started($node, 'store', @import);
		usleep 1_000_000 * $duration * rand;
		$failed = $kill{$victim}->($pid);
		settle();
		$stored = stored();
		return $stored if $failed && $stored > 0 && $stored < $all;
	}
	die "$victim was never killed in the middle of a load";
}

for my $victim (sort keys %kill)
{
	for my $round (1 .. $rounds)
	{
		my $stored = broken_off($victim);

		ok($stored > 0 && $stored < $all, "$victim killed while $stored of $all were stored");
		($status) = usagectl($node, 'store', @import);
		is($status, 1, 'the same command goes on');
		is(store_digest($node, 'store'), $undisturbed, 'and the store is what an undisturbed load makes it');
		is(books($node, 'store'), $books, 'it balances');
		is($node->safe_psql('store', 'SELECT count(*) FROM usage_mgmt.import_load'), 1, 'in one load');
	}
}

# Killed again while it goes on.
for (1 .. 50)
{
	my $pid;

	broken_off('client');
	$pid = usagectl_started($node, 'store', @import);
	usleep 1_000_000 * $duration * 0.5 * rand;
	kill 'KILL', $pid;
	next if ended($pid) != -9;
	settle();
	# one that had said that it was done is nothing to go on with
	last if $node->safe_psql('store', 'SELECT bool_and(finished_at IS NULL) FROM usage_mgmt.import_load') eq 't';
}
($status) = usagectl($node, 'store', @import);
is($status, 1, 'killed twice');
is(store_digest($node, 'store'), $undisturbed, 'and the store is the same');
is($node->safe_psql('store', 'SELECT count(*) FROM usage_mgmt.check_keys()'), 0, 'and its ledger is sound');

# Two at once, the same ids in opposite orders.
empty();
my @ids = map { sprintf 'o%05d', $_ } 1 .. 20_000;
write_file("$folder/up.nd", join('', map { record($_) . "\n" } @ids));
write_file("$folder/down.nd", join('', map { record($_) . "\n" } reverse @ids));
my @both = map { usagectl_started($node, 'store', 'import', "--batch=$BATCH", "$folder/$_.nd") } 'up', 'down';
is(ended($_), 0, 'of two loads of the same ids in opposite orders each ends well') for @both;
is($node->safe_psql('store', 'SELECT sum(stored), sum(repeated), sum(conflicting), sum(rejected) FROM usage_mgmt.import_load'),
	'20000|20000|0|0', 'one of each id is stored');

# The same of two resources, and one of them killed on the way.
sub specification
{
	my ($id) = @_;

	return qq({"id":"$id","name":"$id","\@type":"UsageSpecification"});
}

my @mixed = map { (record($_) . "\n", $_ =~ /0$/ ? specification($_) . "\n" : ()) } @ids;
my $mixed;
my $stored;

write_file("$folder/up.nd", join('', @mixed));
write_file("$folder/down.nd", join('', reverse @mixed));
for (1 .. 50)
{
	empty();
	$node->safe_psql('store', 'TRUNCATE usage_mgmt.usage_specification');
	@both = map { usagectl_started($node, 'store', 'import', "--batch=$BATCH", "$folder/$_.nd") } 'up', 'down';
	usleep 1_000_000 * $duration * rand;
	kill 'KILL', $both[0];
	$mixed = ended($both[0]);
	is(ended($both[1]), 0, 'of two loads of two resources in opposite orders one ends well');
	settle();
	$stored = $node->safe_psql('store', q{SELECT read FROM usage_mgmt.import_load WHERE source LIKE '%/up.nd'});
	last if $mixed == -9 && $stored > 0 && $stored < @mixed;
}
ok($stored > 0 && $stored < @mixed, "and the other was killed after $stored records");
($status, my $out) = usagectl($node, 'store', 'import', "--batch=$BATCH", "$folder/up.nd");
is($status, 0, 'which goes on');
like($out, qr/: load \d+, resumed.*^    usage_specification: 2000 read .*^    usage: 20000 read /ms, 'and has counted all of each resource');
is($node->safe_psql('store', q{SELECT key, sum((value ->> 'stored')::int), sum((value ->> 'repeated')::int)
	FROM usage_mgmt.import_load, jsonb_each(declared -> 'resources') GROUP BY key ORDER BY key}),
	"usage|20000|20000\nusage_specification|2000|2000", 'one of each id is stored');
is($node->safe_psql('store', 'SELECT (SELECT count(*) FROM usage_mgmt.usage), (SELECT count(*) FROM usage_mgmt.usage_specification)'),
	'20000|2000', 'and there');
is($node->safe_psql('store', q{SELECT deadlocks FROM pg_stat_database WHERE datname = 'store'}), 0, 'no deadlock');

done_testing();
