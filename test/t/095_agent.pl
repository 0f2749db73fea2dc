# usagectl agent: each event at least once, those of one id in order, whatever a listener answers and whatever dies.

use strict;
use warnings;
use IPC::Run ();
use JSON::PP;
use MIME::Base64;
use Digest::SHA qw(hmac_sha256);
use PostgreSQL::Test::Utils;
use Receiver;
use Store;
use Test::More;
use Time::HiRes qw(sleep time);
use Usagectl;

my $agent;
my @receivers;
# Who is left would keep the test from ending.
END
{
	my $status = $?;

	$agent->{process}->kill_kill if $agent;
	receiver_stop(@receivers);
	$? = $status;
}

my $node = new_node('agent');
my $db = 'agent';
new_store($node, $db);
$node->safe_psql($db, q{CREATE ROLE courier LOGIN; SELECT usage_mgmt.grant_access('courier', 'agent')});

sub sql
{
	return $node->safe_psql($db, $_[0]);
}

sub receiving
{
	push @receivers, receiver(@_);
	return $receivers[-1];
}

sub registered
{
	my ($receiver) = @_;

	return sql("SELECT usage_mgmt.register_usage_listener('$receiver->{url}') ->> 'id'");
}

# Starts an agent, as a role that is one and nothing else; it has its listeners when this returns.
sub agent
{
	my ($name, @arguments) = @_;
	my $out = '';

	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => $db, PGUSER => 'courier');
	my $process = IPC::Run::start([ program($node, 'usagectl'), 'agent', "--name=$name", '--allow-private', @arguments ], '>&', \$out);
	$node->poll_query_until($db, q{SELECT count(*) = 0 FROM usage_mgmt.hub_listener l WHERE state = 'starting'
		OR state = 'active' AND NOT EXISTS (SELECT FROM usage_mgmt.hub_delivery d WHERE d.listener = l.id AND d.agent IS NOT NULL)});
	return { process => $process, out => \$out };
}

# Ends it: its exit status.
sub leaves
{
	my ($agent, $signal) = @_;

	$agent->{process}->signal($signal // 'TERM');
	$agent->{process}->finish;
	return $agent->{process}->full_result(0);
}

# Usages of those ids, or updates of them, one statement each.
sub changes
{
	sql(join ';', map { "INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('$_', '2026-02-03', 'voice')" } @_);
	return;
}

sub updates
{
	my ($id, @descriptions) = @_;

	sql(join ';', map { "UPDATE usage_mgmt.usage SET description = '$_' WHERE id = '$id'" } @descriptions);
	return;
}

sub until_true
{
	my ($sql, $what) = @_;

	ok($node->poll_query_until($db, $sql), $what);
	return;
}

sub all_delivered
{
	my ($id) = @_;

	until_true("SELECT lag_events = 0 AND parked = 0 FROM usage_mgmt.hub_status WHERE listener = '$id'", 'all is delivered');
	return;
}

sub descriptions
{
	my ($receiver) = @_;

	return map { $_->{event}{usage}{description} // () } map { decode_json($_->{body}) } grep { $_->{status} =~ /^2/ } received($receiver);
}

# ---- what an event is sent with ----

my $receiver = receiving(sub { return 204 });
my $id = registered($receiver);
sql("SELECT usage_mgmt.listener_header('$id', 'X-Tenant', 'north'), usage_mgmt.listener_header('$id', 'X-Nothing', ''),
	usage_mgmt.listener_credential('$id', 'name', 'pass word')");
my $secret = sql("SELECT usage_mgmt.listener_secret('$id')");
$agent = agent('one', '-v');
changes('a1');
all_delivered($id);
my ($request) = received($receiver);
my %headers = %{ $request->{headers} };
is("$headers{'content-type'} $headers{'x-tenant'} <$headers{'x-nothing'}>", 'application/json north <>', 'headers');
is(decode_base64($headers{authorization} =~ s/^Basic //r), 'name:pass word', 'the credential');
is($headers{'webhook-id'}, decode_json($request->{body})->{eventId}, 'webhook-id is the event\'s');
cmp_ok(abs($headers{'webhook-timestamp'} - $request->{at}), '<', 10, 'webhook-timestamp is the time');
my $signature = sub { 'v1,' . encode_base64(hmac_sha256(join('.', @_[ 1, 2, 3 ]), decode_base64($_[0] =~ s/^whsec_//r)), '') };
is($headers{'webhook-signature'}, $signature->($secret, @headers{qw(webhook-id webhook-timestamp)}, $request->{body}),
	'webhook-signature is as Standard Webhooks has it');
my $renewed = sql("SELECT usage_mgmt.listener_secret('$id', renew => true)");
is(leaves($agent), 0, 'exit status 0');
is(join('', grep { index(${ $agent->{out} }, $_) >= 0 } 'pass word', 'north', $secret =~ s/^whsec_//r, '/hub'), '',
	'nothing of that is printed');
$agent = agent('one');
changes('a2');
all_delivered($id);
(undef, $request) = received($receiver);
is($request->{headers}{'webhook-signature'},
	join(' ', map { $signature->($_, @{ $request->{headers} }{qw(webhook-id webhook-timestamp)}, $request->{body}) } $renewed, $secret),
	'two signatures for a day');
my $test = sql("SELECT usage_mgmt.listener_test('$id')");
until_true("SELECT count(*) = 1 FROM usage_mgmt.hub_attempt WHERE event_id = '$test' AND status = 204", 'a sample is sent');

# ---- leaving, and who comes after ----

is(leaves($agent), 0, 'exit status 0');
my ($status, $out, $err) = usagectl($node, $db, 'listeners', '--json');
is(decode_json($out)->{delivered}, 3, 'listeners as JSON');
($status, $out) = usagectl($node, $db, 'listeners');
like($out, qr/^$id +usage +active +0 +[\d.]+ +0 +3 +0 /m, 'and as a table');
sql("SELECT usage_mgmt.unregister_usage_listener('$id')");
receiver_stop($receiver);

$receiver = receiving(sub { return (204, '', 1) });
$id = registered($receiver);
$agent = agent('one');
($status, $out, $err) = usagectl($node, $db, 'agent', '--name=one');
is($status, 2, 'another agent of the name ends');
like($err, qr/an agent "one" is running already/, 'and says why');
changes('b1');
sleep 0.1 until received($receiver);
is(leaves($agent), 0, 'an agent that is told to leave');
is(sql("SELECT delivered FROM usage_mgmt.hub_delivery WHERE listener = '$id' AND agent IS NULL"), 1, 'waits for what is on its way');
$agent = agent('two');
changes('b2');
all_delivered($id);
is(join(' ', received_ids($receiver)), 'b1 b2', 'and another goes on from there, at once');
sql("SELECT usage_mgmt.unregister_usage_listener('$id')");
leaves($agent);
receiver_stop($receiver);

# ---- a failure keeps those of its id waiting, and no others ----

$receiver = receiving(sub { return $_[0]{body} =~ /Create.*"id":"c1"/ && $_[1] < 3 ? 500 : 204 });
$id = registered($receiver);
$agent = agent('one', '--delays=0.3s,0.6s,1s');
changes('c1');
updates('c1', 1 .. 5);
changes(map { "c$_" } 2 .. 50);
all_delivered($id);
my @ids = received_ids($receiver);
is(join(' ', sort @ids), join(' ', sort(('c1') x 6, map { "c$_" } 2 .. 50)), 'each event once');
is($ids[-1], 'c1', 'others are not kept waiting');
is(join(' ', map { decode_json($_->{body})->{event}{usage}{description} // 'new' } grep { $_->{status} == 204 && $_->{body} =~ /"id":"c1"/ } received($receiver)),
	'new 1 2 3 4 5', 'those of its id come in order');
is(sql("SELECT delivered, failed FROM usage_mgmt.hub_delivery WHERE listener = '$id'"), '55|2', 'and all attempts are counted');
my @times = map { $_->{at} } grep { $_->{body} =~ /"id":"c1"/ && $_->{status} != 204 } received($receiver);
cmp_ok($times[1] - $times[0], '>=', 0.2, 'not before its delay');
sql("SELECT usage_mgmt.unregister_usage_listener('$id')");
receiver_stop($receiver);

# ---- one that asks to be left alone; one that is gone ----

my $asked = 0;
$receiver = receiving(sub { return $asked++ ? 204 : (503, "Retry-After: 2\r\n") });
$id = registered($receiver);
my $gone = receiving(sub { return 410 });
my $gone_id = registered($gone);
leaves($agent);
$agent = agent('one');
changes(map { "d$_" } 1 .. 30);
all_delivered($id);
my ($first, @later) = received($receiver);
@later = grep { $_->{at} > $first->{at} + 1 } @later;
cmp_ok($later[0]{at} - $first->{at}, '>=', 1.9, 'Retry-After is waited for');
cmp_ok(received($receiver) - @later, '<=', 8, 'nothing is sent meanwhile but what was on its way');
is(join(' ', sort(received_ids($receiver))), join(' ', sort map { "d$_" } 1 .. 30), 'each event once');
is(sql("SELECT count(*) FROM usage_mgmt.hub_parked"), 0, 'nothing is put aside');
until_true("SELECT state = 'gone' FROM usage_mgmt.hub_listener WHERE id = '$gone_id'", '410 ends a subscription');
my $answered = received($gone);
changes('d31');
all_delivered($id);
is(scalar(() = received($gone)), $answered, 'for good');
sql("SELECT usage_mgmt.unregister_usage_listener('$_')") foreach $id, $gone_id;
receiver_stop($receiver, $gone);
leaves($agent);

# ---- one that is dead ----

$receiver = receiving(sub { return 204 });
$id = registered($receiver);
receiver_stop($receiver);
my $living = receiving(sub { return 200 });
my $living_id = registered($living);
$agent = agent('one', '--delays=0.2s,0.4s,0.8s');
changes(map { "e$_" } 1 .. 500);
until_true("SELECT state = 'quarantined' FROM usage_mgmt.hub_listener WHERE id = '$id'", 'is quarantined');
like(sql("SELECT reason FROM usage_mgmt.hub_listener WHERE id = '$id'"), qr/failed for the last time: Failed to connect/, 'with the reason');
cmp_ok(sql("SELECT count(*) FROM usage_mgmt.hub_parked WHERE listener = '$id'"), '<=', 100, 'without all being put aside');
all_delivered($living_id);
is(scalar(() = received_ids($living)), 500, 'the others hear all');
receiver_again($receiver);
sql("SELECT usage_mgmt.resume_listener('$id')");
all_delivered($id);
is(join(' ', sort(received_ids($receiver))), join(' ', sort map { "e$_" } 1 .. 500), 'resumed it hears all');

# ---- agent, listener and server killed ----

foreach my $round (1 .. 3)
{
	changes(map { "f$round-$_" } 1 .. 300);
	updates("f$round-1", map { "$round-$_" } 10 .. 40);
	leaves($agent, 'KILL');
	$agent = agent('one', '--delays=0.2s,0.4s,0.8s,2s,2s,2s,2s,2s,2s,2s');
	receiver_stop($receiver);
	updates("f$round-1", map { "$round-$_" } 41 .. 60);
	$node->stop('immediate');
	receiver_again($receiver);
	$node->start;
}
all_delivered($_) foreach $id, $living_id;
foreach my $one ($receiver, $living)
{
	my %seen;
	my @first = grep { !$seen{$_}++ } received_ids($one);
	my @of_f = grep { !$seen{$_}++ } descriptions($one);

	is(scalar(grep { /^f/ } @first), 900, 'nothing is lost');
	is(join(' ', map { my $round = $_; grep { /^$round-/ } @of_f } 1 .. 3), join(' ', map { my $round = $_; map { "$round-$_" } 10 .. 60 } 1 .. 3),
		'and those of an id come in order');
}
is(leaves($agent), 0, 'the agent has lived through it');
receiver_stop($receiver, $living);

# ---- a copy ----

my $going_on = "SELECT count(*) FROM usage_mgmt.hub_listener WHERE callback IS NOT NULL AND state IN ('starting', 'active')";
my $going = $node->safe_psql($db, $going_on);
($status, $out, $err) = usagectl($node, $db, 'agent', '--pause-all');
is("$status $out", "0 listeners paused: $going\n", 'of a copy all listeners are paused');
is($node->safe_psql($db, $going_on), 0, 'and none goes on');

done_testing();
