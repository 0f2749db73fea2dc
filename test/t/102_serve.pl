# script/serve: says what stands behind it, is what it prints, and leaves nothing; docs/rest.md:
# every command works, in the order of the page, and answers what the page says. It builds the
# extension for the system's own PostgreSQL, so it is not run in the chroot of
# script/test-versions.

use strict;
use warnings;
use FindBin;
use IPC::Run;
use JSON::PP ();
use Page;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Scenario;
use StandIn;
use Store;
use Test::More;
use Time::HiRes 'sleep';

plan skip_all => 'script/serve is for the PostgreSQL that the system has'
	if $ENV{USAGE_MGMT_PG_BINDIRS} || !-x '/usr/lib/postgresql/15/bin/pg_config';

my $top = "$FindBin::Bin/../..";
my ($out, $err) = ('', '');

IPC::Run::run([ "$top/script/serve", '--port', 'x' ], '<', \'', '>', \$out, '2>', \$err);
is($err, "serve: no port: x\n", 'a port is a number');
IPC::Run::run([ "$top/script/serve", 'now' ], '<', \'', '>', \$out, '2>', \$err);
is($err, "serve: usage: script/serve [--port N]\n", 'and all that it takes');

# three ports in a row that are free, as far as one can tell
my $port = PostgreSQL::Test::Cluster::get_free_port();
$port = PostgreSQL::Test::Cluster::get_free_port() while grep { !PostgreSQL::Test::Cluster::can_bind('127.0.0.1', $port + $_) } 1, 2;

my $serve = do {
	local %ENV = (%ENV, POSTGREST => $ENV{POSTGREST} || '/nowhere/postgrest');

	delete @ENV{ grep { /^PG/ } keys %ENV };
	$out = $err = '';
	IPC::Run::start([ "$top/script/serve", '--port', $port ], '<', \'', '>', \$out, '2>', \$err);
};
END
{
	my $status = $?;
	$serve->kill_kill(grace => 60) if $serve && $serve->pumpable;
	$? = $status;
}

foreach (1 .. 3000)
{
	last if $out =~ /^Serving on port $port/m || !$serve->pumpable;
	$serve->pump_nb;
	sleep 0.1;
}
like($out, $ENV{POSTGREST} ? qr{^PostgREST is /} : qr{^There is no PostgREST.* https://github.com/PostgREST/.*stand-in}, 'the first line says what stands behind');
like($out, qr/^Serving on port $port/m, 'it serves') or diag $out, $err;

# ---- what it prints ----

my ($folder) = $out =~ m{psql -h (/tmp/usage_mgmt-serve\.\w+)/};
my ($exports) = $out =~ /((?:^export .*\n)+)/m;
my @lines = $out =~ /^(curl (?:.*\\\n)*.*)$/mg;

cmp_ok(@lines, '>=', 6, 'there are lines for curl');
foreach my $line (@lines)
{
	my $said;

	# the result of an order, as long as it is not there
	foreach (1 .. 300)
	{
		IPC::Run::run([ 'bash', '-c', "$exports\n" . ($line =~ s/^curl (?:-i )?/curl -s -i /r) ], '<', \'', '>', \$said);
		last if $line !~ m{/result'} || $said !~ m{\AHTTP/1\.1 404 };
		sleep 0.1;
	}
	like($said, qr{\AHTTP/1\.1 2\d\d }, ($line =~ /^(.*)/)[0]) or diag $said;
}

my $import = q{SELECT status, stored_count FROM usage_mgmt.import_job WHERE id = 'calls'};
foreach (1 .. 300)
{
	last if psql_said($import) !~ /^(?:not started|running)/;
	sleep 0.1;
}
like(psql_said($import), qr/^succeeded\|1$/, 'the import took its record in');

sub psql_said
{
	my ($sql) = @_;

	IPC::Run::run([ '/usr/lib/postgresql/15/bin/psql', '-XAt', '-h', "$folder/cluster/socket", '-p', 5432, '-U', 'postgres', '-c', $sql ], '<', \'', '>', \my $said);
	return $said;
}

sub ask
{
	my ($method, $uri, $token, $body) = @_;

	return exchange($port, join("\r\n", "$method $uri HTTP/1.1", 'Host: localhost', 'Connection: close', defined $token ? "Authorization: Bearer $token" : (),
			defined $body ? ('Content-Type: application/json', 'Content-Length: ' . length $body) : (), '', $body // ''));
}

# ---- as TM Forum's kit asks ----

my $usages = '/tmf-api/usageManagement/v4/usage';
my $answer = ask('GET', $usages, '1321321');
my $listed = JSON::PP->new->utf8->decode($answer->{body});
is($answer->{status}, 200, 'a token that is none counts as none');
cmp_ok(@$listed, '<=', 100, 'a list is bounded');
is_deeply([ grep { !/\S \S/ } map { join ' ', grep { defined } @{ $_->{usageSpecification} // {} }{qw(name href)} } @$listed ], [], 'each usage has a specification with a name and a href');
is_deeply([ grep { !m{^http://localhost:$port/} } map { $_->{href}, $_->{usageSpecification}{href} } @$listed ], [], 'hrefs are whole');
$answer = ask('POST', $usages, '1321321', '{"id":"anonymous","usageDate":"2026-01-01T00:00:00Z"}');
is($answer->{status}, 201, 'who comes without a token writes');
is(ask('GET', $usages, StandIn::token('another secret', { role => 'usage_operator' }))->{status}, 401, 'a token that somebody else has made is none');
like(ask('GET', '/')->{body}, qr/^<!doctype html/i, 'there is a page');
is(ask('GET', '/docs.html')->{status}, 200, 'and one for the APIs');

# ---- the page ----

my $node = new_node('rest_page');
my $work = PostgreSQL::Test::Utils::tempdir();
my $variables;

$node->safe_psql('postgres', 'CREATE DATABASE usages');
symlink "$top/deploy", "$work/deploy";
# the secret that deploy/postgrest.conf names is another file here
my $named = '/etc/usage_mgmt/jwt-secret';
my $conf = slurp_file("$top/deploy/postgrest.conf");
like($conf, qr/^jwt-secret = "\@$named"/m, 'no secret that all know is left behind');
like($conf, qr/^db-extra-search-path = ""$/m, 'no schema in which others may create is searched');
append_to_file("$work/jwt-secret", 'x' x 32 . "\n");
append_to_file("$work/postgrest.conf", $conf =~ s/$named/$work\/jwt-secret/r);
run_page($node, 'usages', 'rest.md',
	folder => $work,
	here => sub {
		my ($text, $language) = @_;
		my $commands = $text =~ s/localhost:8635/localhost:$port/gr =~ s/$named/$work\/jwt-secret/r;

		# each block is a shell of its own
		$variables //= "$exports$commands";
		return $language eq 'sh' ? "$variables\n$commands" : $commands;
	},
	there => sub { return $_[0] =~ s/localhost:$port/localhost:8635/gr },
	after => sub {
		my ($section, $commands, $said) = @_;

		is((StandIn->new("$work/postgrest.conf")->verified($said =~ s/\s+\z//r))[0]{role}, 'usage_writer', "$section: it is a token") if $commands =~ /^secret=/;
		return 1;
	});

# ---- the end ----

$serve->signal('TERM');
$serve->finish;
is($serve->full_result(0) >> 8, 143, 'SIGTERM ends it') or diag $out, $err;
ok(!-e $folder, 'no folder is left');
my ($left) = run_command([ 'ps', '-eo', 'args' ]);
is(join("\n", grep { /\Q$folder\E/ } split /\n/, $left), '', 'and no process');
ok(PostgreSQL::Test::Cluster::can_bind('127.0.0.1', $port + $_), "port N + $_ is free") foreach 0 .. 2;

done_testing();
