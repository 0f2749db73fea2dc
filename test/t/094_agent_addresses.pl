# usagectl agent: where it delivers to and where not, whatever a callback says.

use strict;
use warnings;
use FindBin;
use IO::Socket::INET;
use IPC::Run ();
use JSON::PP;
use PostgreSQL::Test::Utils;
use Store;
use Test::More;
use Usagectl;

my $folder = PostgreSQL::Test::Utils::tempdir();
my (@started, %serving);
# Who is left would keep the test from ending.
END
{
	my $status = $?;

	$_->kill_kill foreach grep { $_->pumpable } @started;
	kill KILL => keys %serving;
	$? = $status;
}

# ---- which addresses are the public's, at the borders of each network ----

my @special = (
	[ 'an unspecified', '0.0.0.0 0.255.255.255 ::' ],
	[ 'a private', '10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255 fc00:: fdff:ffff::1' ],
	[ 'a carrier\'s private', '100.64.0.0 100.127.255.255' ],
	[ 'a loopback', '127.0.0.1 127.255.255.255 ::1' ],
	[ 'a link-local', '169.254.0.0 169.254.169.254 fe80::1 febf:ffff::1' ],
	[ 'a site-local', 'fec0::1 feff::1' ],
	[ 'a documentation', '192.0.2.1 198.51.100.1 203.0.113.255 2001:db8::1 3fff::1 3fff:fff:ffff::' ],
	[ 'a 6to4', '192.88.99.1 2002:7f00:1::1 2002:808:808::' ],
	[ 'a benchmarking', '198.18.0.0 198.19.255.255' ],
	[ 'a multicast', '224.0.0.1 239.255.255.255 ff02::1' ],
	[ 'a reserved', '192.0.0.1 240.0.0.0 255.255.255.255 ::2 ::7f00:1 100::1 1fff::1 4000::1 2001:10::1 2001:1ff::1' ],
	[ 'an IPv4-mapped', '::ffff:127.0.0.1 ::ffff:8.8.8.8' ],
	[ 'a NAT64', '64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1' ],
	[ 'a Teredo', '2001::1 2001:0:ffff::' ],
	[ 'public', '1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255
		169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0 192.88.98.255 192.88.100.0
		192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0
		223.255.255.255 2000::1 2001:200::1 2001:db7:ffff::1 2001:db9::1 2003::1 2606:4700::1111 3ffe::1 3fff:1000::1' ]);
my $program = write_file("$folder/kinds.c", <<'C') =~ s/\.c$//r;
#include <netdb.h>
#include <stdio.h>
#include "address.h"

int
main(int argc, char **argv)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST,.ai_socktype = SOCK_STREAM};
	struct addrinfo *found;

	for (int i = 1; i < argc; i++)
	{
		const char *kind;

		if (getaddrinfo(argv[i], NULL, &hints, &found) != 0)
			return 1;
		kind = address_kind(found->ai_addr);
		puts(kind != NULL ? kind : "public");
	}
	return 0;
}
C
my $src = "$FindBin::Bin/../../src/usagectl";
is(system('cc', "-I$src", '-o', $program, "$program.c", "$src/address.c"), 0, 'address.c stands alone') or BAIL_OUT('no compiler');
foreach my $kind (@special)
{
	my ($name, $addresses) = @$kind;
	my @addresses = split ' ', $addresses;
	my $out = '';

	IPC::Run::run([ $program, @addresses ], '>', \$out);
	is($out, "$name\n" x @addresses, "$name: $addresses" =~ s/\s+/ /gr);
}

# ---- a store, listeners, and an agent ----

my $node = new_node('agent');
my $db = 'agent';
new_store($node, $db);
my $posted = 0;

# Registers callbacks; their ids.
sub registered
{
	return map { my $callback = $_;
		$node->safe_psql($db, "SELECT usage_mgmt.register_usage_listener('$callback') ->> 'id'") } @_;
}

# One event for everybody, and an agent until each listener had an answer; what the agent printed.
sub delivered
{
	my ($environment, @arguments) = @_;
	my $since = $node->safe_psql($db, 'SELECT pg_catalog.clock_timestamp()');
	my $out = '';

	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => $db, %$environment);
	my $agent = IPC::Run::start([ program($node, 'usagectl'), 'agent', '-v', '--name=test', @arguments ], '>&', \$out);
	push @started, $agent;
	$node->poll_query_until($db, q{SELECT count(*) = 0 FROM usage_mgmt.hub_listener WHERE state = 'starting'});
	$posted++;
	$node->safe_psql($db, qq{SELECT usage_mgmt.post_usage('{"id":"p$posted","date":"2026-02-03","type":"voice"}')});
	ok($node->poll_query_until($db, qq{SELECT count(*) = 0 FROM usage_mgmt.hub_listener l WHERE state = 'active'
		AND NOT EXISTS (SELECT FROM usage_mgmt.hub_attempt a WHERE a.listener = l.id AND a.at >= '$since')}),
		'each listener was tried');
	$agent->signal('TERM');
	$agent->finish;
	is($agent->result(0), 0, 'the agent leaves in order');
	return $out;
}

# What the last attempt for a listener came to.
sub outcome
{
	my ($id) = @_;

	return $node->safe_psql($db, "SELECT coalesce(status::text, 'none') || ' ' || coalesce(error, 'delivered')
		FROM usage_mgmt.hub_attempt WHERE listener = '$id' ORDER BY id DESC LIMIT 1");
}

# A listener of ours: its process, port, and what it printed.
sub listening
{
	my (@arguments) = @_;
	my %listener = (out => '', err => '');

	$listener{process} = IPC::Run::start([ program($node, 'usagectl'), 'listen', '--port=0', @arguments ],
		'>', \$listener{out}, '2>', \$listener{err});
	push @started, $listener{process};
	$listener{process}->pump until $listener{err} =~ /127\.0\.0\.1:(\d+)/;
	($listener{port}) = $listener{err} =~ /:(\d+)/;
	return \%listener;
}

sub heard
{
	my ($listener) = @_;

	$listener->{process}->signal('TERM');
	$listener->{process}->finish;
	return $listener->{out};
}

# A server that gives each caller the same answer; its port and its process.
sub serving
{
	my ($answer) = @_;
	my $server = IO::Socket::INET->new(Listen => 10, LocalAddr => '127.0.0.1') or die "could not listen: $!";
	my $pid = fork // die "could not fork: $!";

	$serving{$pid} = 1 if $pid;
	return ($server->sockport, $pid) if $pid;
	%serving = ();
	@started = ();
	$SIG{PIPE} = 'IGNORE';
	$SIG{TERM} = sub { POSIX::_exit(0) };
	while (my $caller = $server->accept)
	{
		sysread $caller, my $request, 65536;
		print $caller ref $answer ? $answer->() : $answer;
		close $caller;
	}
	POSIX::_exit(1);
}

sub stop
{
	my ($pid) = @_;

	kill TERM => $pid;
	waitpid $pid, 0;
	delete $serving{$pid};
	return;
}

# ---- refused, however it is written ----

my $listener = listening();
my $port = $listener->{port};
my @private = ("127.0.0.1:$port", "localhost:$port", "2130706433:$port", "0x7f.1:$port", "0177.0.0.1:$port", "127.1:$port",
	"0.0.0.0:$port", "[::1]:$port", "[::ffff:127.0.0.1]:$port", "[::ffff:7f00:1]:$port", "[64:ff9b::7f00:1]:$port",
	"[2002:7f00:1::1]:$port", '169.254.169.254', '10.0.0.1', '[fe80::1]', '[fd00::1]', '100.64.0.1', '224.0.0.1');
my @ids = registered(map { "http://$_/" } @private);
my $printed = delivered({});
like(outcome($ids[$_]), qr/^none \S+ is an? [\w' -]+ address$/, "$private[$_] is refused") for 0 .. $#private;
is($listener->{out}, '', 'nothing was sent');
unlike($printed, qr/127\.0\.0\.1:\d/, 'no callback is printed');

# ---- and allowed ----

my @allowed = grep { /^(?:127|2130|0x7f|0177|localhost|\[::ffff)/ } @private;
$node->safe_psql($db, 'DELETE FROM usage_mgmt.hub_listener');
my ($counted, $server) = serving("HTTP/1.1 204 None\r\nConnection: close\r\n\r\n");
@ids = registered(map { "http://$_/" } @allowed);
my %proxies = map { $_ => "http://127.0.0.1:$counted" } qw(http_proxy HTTP_PROXY https_proxy HTTPS_PROXY all_proxy ALL_PROXY);
$printed = delivered({ %proxies, no_proxy => '', NO_PROXY => '' }, '--allow-private');
is(outcome($ids[$_]), '204 delivered', "$allowed[$_] is allowed") for 0 .. $#allowed;
my @secrets = map { $node->safe_psql($db, "SELECT usage_mgmt.listener_secret('$_')") } @ids;
is(scalar(grep { index($printed, $_) >= 0 || index($printed, s/^whsec_//r) >= 0 } @secrets), 0, 'no secret is printed');
my @heard = split /\n/, heard($listener);
is(scalar @heard, scalar @allowed, 'past the proxies of the environment, each once');
stop($server);

# ---- redirects, names in a URL, long answers ----

$listener = listening();
my @ports;
my @servers;
foreach my $status (301, 302, 303, 307, 308)
{
	my ($port, $pid) = serving("HTTP/1.1 $status Elsewhere\r\nLocation: http://127.0.0.1:$listener->{port}/\r\n"
		. "Content-Length: 0\r\nConnection: close\r\n\r\n");
	push @ports, $port;
	push @servers, $pid;
}
my $megabyte = 'x' x (1024 * 1024);
my ($long, $long_server) = serving(sub { "HTTP/1.1 200 Long\r\nConnection: close\r\n\r\n" . $megabyte x 64 });
push @servers, $long_server;
$node->safe_psql($db, 'DELETE FROM usage_mgmt.hub_listener');
@ids = registered((map { "http://127.0.0.1:$_/" } @ports), "http://127.0.0.1:$listener->{port}/", "http://127.0.0.1:$long/");
my $long_id = pop @ids;
my $named = pop @ids;
# it cannot be registered
$node->safe_psql($db, "UPDATE usage_mgmt.hub_listener SET callback = 'http://name:word\@127.0.0.1:$listener->{port}/' WHERE id = '$named'");
$printed = delivered({}, '--allow-private');
like(outcome($ids[$_]), qr/^30\d answered 30\d, and redirects are not followed$/, 'a redirect is a failure') for 0 .. $#ids;
like(outcome($named), qr/^none /, 'a name and a password in a callback are refused');
unlike(outcome($named) . $printed, qr/word/, 'and not told');
is(outcome($long_id), '200 delivered', 'of a long answer the status counts');
is(heard($listener), '', 'nobody was led anywhere');
stop($_) for @servers;

# ---- a certificate that nobody vouches for ----

SKIP:
{
	my $log = '';

	skip 'no openssl to serve with', 3 unless grep { -x "$_/openssl" } split /:/, $ENV{PATH};
	system_or_bail('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-days', '1',
		'-keyout', "$folder/key.pem", '-out', "$folder/cert.pem");
	my $free = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport;
	my $https = IPC::Run::start([ 'openssl', 's_server', '-accept', "127.0.0.1:$free", '-cert', "$folder/cert.pem",
		'-key', "$folder/key.pem", '-www' ], '<', \undef, '>&', \$log);
	push @started, $https;
	$https->pump until $log =~ /ACCEPT/;
	$node->safe_psql($db, 'DELETE FROM usage_mgmt.hub_listener');
	my ($id) = registered("https://localhost:$free/");
	delivered({}, '--allow-private');
	like(outcome($id), qr/^none .*certificate/, 'is refused');
	$https->kill_kill;
}

# ---- what is signed, and with what ----

$node->safe_psql($db, 'DELETE FROM usage_mgmt.hub_listener');
$listener = listening();
my ($id) = registered("http://127.0.0.1:$listener->{port}/");
my $secret = $node->safe_psql($db, "SELECT usage_mgmt.listener_secret('$id')");
my $renewed = $node->safe_psql($db, "SELECT usage_mgmt.listener_secret('$id', renew => true)");
heard($listener);
foreach my $case ([ $secret, 'signed', 'the secret before' ], [ $renewed, 'signed', 'the secret' ],
	[ 'whsec_' . 'AAAA' x 8, 'WRONG SIGNATURE', 'another one' ])
{
	my ($key, $verdict, $what) = @$case;
	my $checking = IPC::Run::start([ program($node, 'usagectl'), 'listen', "--port=$listener->{port}", '--json', "--secret=$key" ],
		'>', \my $out, '2>', \my $err);
	push @started, $checking;
	$checking->pump until $err =~ /listening/;
	my $arguments = -r "/proc/$checking->{KIDS}[0]{PID}/cmdline" ? slurp_file("/proc/$checking->{KIDS}[0]{PID}/cmdline") : '';
	unlike($arguments, qr/\Q$key\E/, 'a secret does not stay among the arguments of the process');
	delivered({}, '--allow-private', '--delays=0.1s');
	$checking->signal('TERM');
	$checking->finish;
	is(join(' ', map { decode_json($_)->{signature} } (split /\n/, $out)[-1]), $verdict, "$what: $verdict");
}

done_testing();
