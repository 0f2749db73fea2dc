# deploy/nginx.conf before something that is not PostgREST: what of a request gets through
# to it, and that whatever it answers by itself, or when it does not, is said in TM Forum's
# words.

use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Scenario;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

my $json = JSON::PP->new->utf8->canonical;
my $type = 'application/json;charset=utf-8';
my $docs = $ENV{docs} = PostgreSQL::Test::Utils::tempdir();
my ($port, undef, $behind) = start_nginx();

# In the place of PostgREST: tells in JSON what has come, unless the URI asks for another
# answer: /answer/STATUS?TYPE.
sub stand_in
{
	my ($at) = @_;
	my $listener = IO::Socket::INET->new(Listen => 64, ReuseAddr => 1, LocalAddr => '127.0.0.1', LocalPort => $at) or die "listen: $@";
	my $pid = fork // die "fork: $!";

	return $pid if $pid;
	my @never;
	while (my $client = $listener->accept)
	{
		my ($head, $body) = ('', '');

		while ($head !~ /\r\n\r\n/) { sysread $client, $head, 65536, length $head or last }
		($head, $body) = split /\r\n\r\n/, $head, 2;
		my ($line, @headers) = split /\r\n/, $head // '';
		my %header = map { /^([^:]+): (.*)/ ? (lc $1 => $2) : () } @headers;
		while (length $body < ($header{'content-length'} // 0)) { sysread $client, $body, 65536, length $body or last }
		my ($status, $kind) = ($header{'x-um-uri'} // '') =~ m{^/answer/(\d+)\?(.*)};

		next if ($kind // '') eq 'nothing';
		push(@never, $client), next if ($kind // '') eq 'never';
		my $answer = $status ? '{"code":"PGRST999","details":null,"hint":null,"message":"own"}' : $json->encode({ line => $line, headers => \%header, body => $body });
		my $more = ($kind // '') =~ /^own/ ? "Proxy-Status: PostgREST; error=PGRST999\r\n" : '';
		my $its = !defined $kind || $kind eq 'ours' || $kind eq 'own+ours' ? $type : $kind =~ m{^(?:own\+)?(\w+/.*)} ? $1 : $kind eq 'own' ? 'application/json; charset=utf-8' : 'text/plain';

		$status //= 200;
		$more .= "Retry-After: 0\r\n" if $status == 503;
		# as PostgREST does of a view
		$more .= "Content-Location: $1\r\n" if $line =~ m{^GET (/usage\S*)};
		print {$client} "HTTP/1.1 $status X\r\nContent-Type: $its\r\nContent-Length: " . length($answer) . "\r\n${more}Vary: Accept\r\nContent-Range: 0-0/*\r\nConnection: close\r\n\r\n$answer";
		close $client;
	}
	exit;
}

my @pids = stand_in($behind);

END
{
	my $status = $?;
	kill 'KILL', @pids;
	$? = $status;
}

sub ask
{
	my ($at, $method, $uri, @headers) = @_;
	my $answer = exchange($at, join("\r\n", "$method $uri HTTP/1.1", 'Host: localhost', 'Connection: close', @headers, '', ''), 0, $method);

	$answer->{header} = {};
	push @{ $answer->{header}{ lc $_->[0] } }, $_->[1] foreach @{ $answer->{headers} };
	return $answer;
}

# That an answer is TM Forum's Error of a status.
sub is_error
{
	my ($answer, $status, $what) = @_;
	my $said = eval { $json->decode($answer->{body}) } // {};

	is_deeply([ $answer->{status}, $answer->{header}{'content-type'}, [ sort keys %$said ], @$said{qw(status @type)}, (grep { ref || !length } values %$said) ],
		[ $status, [$type], [qw(@type code message reason status)], $status, 'Error' ], $what);
	return;
}

# ---- what gets through ----

my @spoofed = ('X-UM-Method: DELETE', 'X-UM-URI: /x', 'X-UM-Range: x', 'X-UM-Content-Type: x', 'X-UM-Content-Encoding: x', 'X_UM_Method: DELETE', 'Prefer: tx=rollback', 'Accept: text/csv',
	'Accept-Profile: x', 'Content-Profile: x', 'Range: 0-1', 'Cookie: a=b', 'X-Forwarded-For: x', 'User-Agent: x', 'Proxy: x', 'TE: trailers', 'Upgrade: h2c', 'X-HTTP-Method-Override: DELETE');
my %expected = (host => 'usage_mgmt', 'content-type' => 'application/octet-stream', 'x-um-range' => '0-1', 'x-um-uri' => '/a%2Fb//c/../d?x=1&x=%2f&select=y');

foreach ([ qw(GET GET read) ], [ qw(HEAD HEAD read) ], [ qw(OPTIONS GET read) ], map { [ $_, 'POST', 'write' ] } qw(POST PUT PATCH DELETE))
{
	my ($method, $its, $function) = @$_;
	my $answer = ask($port, $method, $expected{'x-um-uri'}, @spoofed);
	my $whole = { line => "$its /rpc/$function HTTP/1.1", headers => { %expected, 'x-um-method' => $method }, body => '' };

	# of HEAD there is no more to see than how long it would be
	if ($method eq 'HEAD') { is($answer->{header}{'content-length'}[0], length $json->encode($whole), "$method as it gets through") }
	else { is_deeply($json->decode($answer->{body}), $whole, "$method as it gets through") }
}
my %passed = (authorization => 'Bearer x', 'if-match' => 'W/"a", "b"', 'if-none-match' => '*', 'if-modified-since' => 'yesterday', 'if-unmodified-since' => 'today', 'if-range' => '"a"');
my $came = $json->decode(exchange($port, join("\r\n", 'PATCH /x HTTP/1.1', 'Host: evil.example', 'Connection: close', (map { "$_: $passed{$_}" } sort keys %passed), 'Range: bytes=0-1',
			'Content-Type: Application/Merge-Patch+JSON; charset=UTF-8', 'Content-Encoding: br', 'Content-Length: 3', '', "\xff\x00{"))->{body} =~ s/\xff/?/r);
is_deeply($came->{headers}, { %passed, host => 'usage_mgmt', 'content-type' => 'application/octet-stream', 'content-length' => 3, 'x-um-method' => 'PATCH',
		'x-um-uri' => '/x', 'x-um-content-type' => 'Application/Merge-Patch+JSON; charset=UTF-8', 'x-um-content-encoding' => 'br', 'x-um-range' => 'bytes=0-1' }, 'a PATCH with all that is passed on');
append_to_file("$docs/$_", 'its own') foreach 'swagger-ui.css', 'index.html';
is(ask($port, 'GET', '/docs/swagger-ui.css')->{body}, 'its own', 'of Swagger UI there is what docs.html is made of');
unlike(ask($port, 'GET', '/docs/index.html')->{body}, qr/its own/, 'and nothing else');
is(ask($port, 'GET', '/native/usage?id=eq.' . 'a' x 30000)->{status}, 200, 'a view is asked with as long a URI as all else');
$came = $json->decode(ask($port, 'GET', '/native/usage?select=id&id=eq.%2f&limit=1', @spoofed, 'Authorization: Bearer x')->{body});
is_deeply([ $came->{line}, $came->{headers} ], [ 'GET /usage?select=id&id=eq.%2f&limit=1 HTTP/1.1',
		{ host => 'usage_mgmt', accept => 'text/csv', authorization => 'Bearer x', prefer => 'tx=rollback', range => '0-1' } ], 'a view');
$came = $json->decode(ask($port, 'GET', '/native/usage', 'Prefer: Count=Planned')->{body});
ok(!exists $came->{headers}{prefer}, 'no estimate of rows that somebody may not see');
my $answer = ask($port, 'GET', '/x');
is_deeply([ sort grep { !/^(?:date|server|connection)$/ } keys %{ $answer->{header} } ], [qw(cache-control content-length content-type)], 'no header of PostgREST goes back');

foreach my $of ('text/csv', 'application/x-ndjson', 'application/ndjson')
{
	$answer = ask($port, 'GET', "/answer/206?$of");
	is_deeply([ $answer->{status}, $answer->{header}{'content-type'} ], [ 206, [$of] ], "the result of a job is passed on as $of");
	is_error(ask($port, 'GET', "/answer/500?own+$of"), 500, 'unless it is PostgREST that answers so');
}

# ---- what is said in its place ----

foreach my $status (400 .. 418, 422, 429, 431, 500 .. 505)
{
	is(ask($port, 'GET', "/answer/$status?ours")->{body}, '{"code":"PGRST999","details":null,"hint":null,"message":"own"}', "an answer of the functions' with $status is passed on");
	my $page = $status =~ /^(?:400|401|403|404|405|431|500)$/ ? $status : $status < 500 ? 500 : 503;

	is_error(ask($port, $_ eq 'own' ? 'GET' : 'PATCH', "/answer/$status?$_"), $page, "PostgREST's own $status ($_) is $page") foreach 'own', 'own+ours', 'text';
}
is_deeply(ask($port, 'GET', '/answer/503?ours')->{header}{'retry-after'}, [5], 'a 503 of the functions says when to come again');
is(scalar @{ ask($port, 'GET', '/answer/401?own')->{header}{'www-authenticate'} }, 1, 'once');
is_deeply(ask($port, 'GET', '/answer/503?own')->{header}{'retry-after'}, [5], 'so does one of PostgREST');
like(ask($port, 'GET', '/answer/401?own')->{header}{'www-authenticate'}[0], qr/^Bearer/, 'a 401 says what is asked for');
foreach ([ '/', 'GET, HEAD' ], [ '/page.css?x', 'GET, HEAD' ], [ '/docs/swagger-ui.css', 'GET, HEAD' ], [ '/native/usage', 'GET, HEAD' ],
	[ '/usageManagement/usage', 'GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE' ])
{
	my ($uri, $allowed) = @$_;
	my $refused = ask($port, 'LOCK', $uri);

	is_error($refused, 405, "LOCK $uri");
	is_deeply($refused->{header}{allow}, [$allowed], "$uri: what may be done there");
}
is_error(ask($port, 'POST', '/page.css'), 405, 'a file is read alone');
is_error(ask($port, 'POST', '/answer/500?nothing'), 503, 'a connection that ends without an answer');

# ---- what nobody answers ----

my ($strict, undef, $none) = start_nginx('s/^\tlimit_conn um_all 200/\tlimit_conn um_all 2/; s/rate=1000r/rate=1r/; s/burst=1000/burst=6/');

$answer = ask($strict, 'POST', '/usageManagement/usage', 'Content-Length: 0');
is_error($answer, 503, 'without PostgREST');
is_deeply($answer->{header}{'retry-after'}, [5], 'come again');
is_error(ask($strict, 'GET', '/native/usage'), 503, 'the same for a view');
push @pids, stand_in($none);

# two that wait are all that it takes
my @waiting = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $strict) // die $@ } 1, 2;
print {$_} "GET /answer/200?never HTTP/1.1\r\nHost: localhost\r\n\r\n" foreach @waiting;
my $busy;
foreach (1 .. 100)
{
	last if ($busy = ask($strict, 'GET', '/answer/404?ours'))->{status} != 404;
}
is_error($busy, $busy->{status} == 429 ? 429 : 503, 'more at a time than are let in');
close $_ foreach @waiting;
my $hasty;
foreach (1 .. 30)
{
	last if ($hasty = ask($strict, 'GET', '/nothing.html'))->{status} == 429;
}
is_error($hasty, 429, 'more of one client than it may send');
is_deeply($hasty->{header}{'retry-after'}, [1], 'come again');

# ---- sizes ----

is(ask($port, 'GET', '/' . 'x' x 32000)->{status}, 200, 'a URI of 32,000 bytes gets through');
is_error(ask($port, 'GET', '/' . 'x' x 32768), 414, 'one of 32,769 does not');
foreach ([ 16 * 1048576, 200 ], [ 16 * 1048576 + 1, 413 ])
{
	my ($size, $status) = @$_;

	$answer = exchange($port, "POST /answer/200?ours HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: $size\r\n\r\n" . ' ' x $size);
	is($answer->{status}, $status, "a body of $size bytes: $status");
}

# ---- compression ----

$answer = ask($port, 'GET', '/' . 'x' x 2000, 'Accept-Encoding: gzip');
is_deeply($answer->{header}{'content-encoding'}, ['gzip'], 'a long answer is compressed for who takes it');

done_testing();
