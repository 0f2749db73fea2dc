# Requests and what must come back, as files of test/rest/ say it, asked in several ways.
#
# A file holds blocks, each ended by a line ===
#
#	# the title: what the request shows (more lines with # are remarks, and so is # ----)
#	@sql UPDATE usage_mgmt.setting …     run by a superuser before, any number of lines
#	@only http: why                      the other way cannot show it (or sql: why)
#	PATCH /usageManagement/usage/a?fields=id
#	Content-Type: application/json
#	Authorization: Bearer ${writer}
#
#	{"status": "guided"}
#	---
#	200
#	ETag: ~^".+"$
#	!Location
#	@tag = header ETag
#	@name = body characteristic[0].name
#	{"id": "a", "changedAt": "~^2.*Z$", "status": "guided"}
#
# Behind --- stand the status (or a pattern for it, as 400|414), the headers that must be
# there (exact, or a pattern behind ~), those that must not (!), what is kept for later
# requests as ${tag} (@), and the body. None means that there must be none, * that any will
# do. JSON is compared as JSON, whole; a string "~…" in it is a pattern for a string or
# number, and a last line ... allows for more members at the top. Other text is compared as
# it is, or by a pattern behind ~.
#
# \xNN is a byte in the first line and the headers, and with @bytes in the body, too.
# ${text*1000} is the text so many times. ${reader}, ${writer}, ${operator}, ${nobody} (a
# role without a right), ${alice} and ${bob} (readers, whose tokens say who they are),
# ${expired}, ${forged}, ${unknown} (no such role) are tokens; who shows none may read. There is no other state than what the file has stored: each file
# starts on an empty store, in each way.
#
# What no client library would send goes between @raw and ---, lines ended by CR LF, none
# behind the last of a body; it is for HTTP alone. Behind @leaves the client does not wait
# for an answer, and expects the status none.
#
# The ways: "sql" asks StandIn.pm, which is in the place of PostgREST and does to the
# database what that does, and does by itself what nginx would; "stand-in" is nginx before
# test/rest/stand-in; "postgrest" is nginx before the program that POSTGREST names.

package Scenario;

use strict;
use warnings;
use DBI;
use Exporter 'import';
use FindBin;
use IO::Socket::INET;
use IPC::Run ();
use JSON::PP ();
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use StandIn;
use Test::More;
use Time::HiRes 'sleep';

our @EXPORT = qw(scenarios ways tokens run_scenarios open_store start_nginx exchange);

my $top = "$FindBin::Bin/../..";
my $secret = 'a secret of the tests, long enough for HS256';
my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my $store = 'rest';

# ---- files ----

# The requests of a file.
sub scenarios
{
	my ($file) = @_;
	my @found;

	foreach my $block (split /^===[ \t]*\n/m, slurp_file($file))
	{
		push @found, _scenario($block) if $block =~ /^---[ \t]*$/m;
	}
	return @found;
}

sub _scenario
{
	my ($block) = @_;
	my ($asked, $expected) = $block =~ /\A(.*?)^---[ \t]*\n(.*)\z/ms or die "no --- in:\n$block";
	my %s = (sql => [], only => '', asked_headers => [], headers => [], without => [], keep => []);

	while ($asked =~ s/\A(?:[ \t]*\n|(#|@\w+)[ \t]*(.*)\n)//)
	{
		my ($what, $text) = ($1 // '', $2);

		if ($what eq '#') { $s{title} //= $text if $text !~ /^-/ }
		elsif ($what eq '@sql') { push @{ $s{sql} }, $text }
		elsif ($what eq '@only') { ($s{only}) = $text =~ /^(sql|http): \S/ or die "\@only $text: no way, or no reason\n" }
		elsif ($what =~ /^@(bytes|leaves)$/) { $s{$1} = 1 }
		elsif ($what eq '@raw') { $s{raw} = $asked; last }
		elsif ($what) { die "no such line: $what $text\n" }
	}
	die "no title in:\n$block" if !defined $s{title};
	$s{only} = 'http' if defined $s{raw} || $s{leaves};
	_asked(\%s, $asked) if !defined $s{raw};
	_expected(\%s, $expected);
	return \%s;
}

sub _asked
{
	my ($s, $asked) = @_;

	@$s{qw(method uri)} = $asked =~ s/\A(\S+) (\S+)[ \t]*\n// ? ($1, $2) : die "no request in $s->{title}\n";
	push @{ $s->{asked_headers} }, [ $1, $2 ] while $asked =~ s/\A([\w-]+): ?(.*)\n//;
	die "no header: $1\n" if $asked =~ /\A(\S.*)/;
	$s->{body} = $1 if $asked =~ /\A[ \t]*\n(.*?)\n?\z/s && length $1;
	return;
}

sub _expected
{
	my ($s, $expected) = @_;

	$s->{status} = $expected =~ s/\A(\S+)[ \t]*\n// ? $1 : die "no status in $s->{title}\n";
	while ($expected =~ s/\A(?:([A-Za-z][\w-]*): ?(.*)|!([\w-]+)|@(\w+) = (header|body)[ \t]+(\S+))\n//)
	{
		if (defined $1) { push @{ $s->{headers} }, [ $1, $2 ] }
		elsif (defined $3) { push @{ $s->{without} }, $3 }
		else { push @{ $s->{keep} }, [ $4, $5, $6 ] }
	}
	$s->{more} = $expected =~ s/^\.\.\.[ \t]*\s*\z//m;
	$s->{expected} = $expected =~ s/^\s+|\s+\z//gr;
	return;
}

# ---- ways ----

sub ways { return ('sql', 'stand-in', $ENV{POSTGREST} ? 'postgrest' : ()) }

my %node;

# A database from which those of the files are copied, with the roles.
sub _template
{
	my ($node) = @_;

	return if $node{$node}++;
	$node->safe_psql('postgres', "CREATE DATABASE rest_template; CREATE ROLE usage_nobody; CREATE ROLE usage_stranger");
	$node->safe_psql('rest_template', 'CREATE EXTENSION usage_mgmt');
	$node->command_ok([ 'psql', '-X', '-q', '-d', $node->connstr('rest_template'), '-f', "$top/deploy/roles.sql" ], 'deploy/roles.sql');
	$node->safe_psql('postgres', 'GRANT usage_nobody TO usage_authenticator');
	return;
}

# deploy/postgrest.conf for the store of the tests
sub _options
{
	my ($node, $port) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my $uri = "dbname=$store user=usage_authenticator host=" . $node->host . ' port=' . $node->port;

	_shell("postgrest_options '$port' '$uri' '$secret' > '$folder/postgrest.conf'");
	return "$folder/postgrest.conf";
}

# A command of script/lib.sh.
sub _shell
{
	my ($command) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ 'bash', '-euo', 'pipefail', '-c', "cd '$top'; . script/lib.sh; $command" ], '<', \'', '>', \$out, '2>', \$err)
		or die "$command: $out$err\n";
	return;
}

my (@nginx, @ports, %behind);

# nginx with deploy/nginx.conf, once for all files.
sub _start_nginx
{
	@ports = start_nginx() if !@ports;
	return;
}

# An nginx with deploy/nginx.conf, changed by a filter of sed's: its port, that of its inner
# server, and the one where it looks for PostgREST.
sub start_nginx
{
	my ($filter) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my @free = map { PostgreSQL::Test::Cluster::get_free_port() } 1 .. 3;

	_shell("start_nginx '$folder' @free '" . ($filter // '') . q('));
	push @nginx, $folder;
	return @free;
}

# What answers behind nginx, and a function that ends it.
sub _start_behind_nginx
{
	my ($way, $options) = @_;
	my $log = PostgreSQL::Test::Utils::tempdir() . '/log';
	my $pid = fork // die "fork: $!\n";

	if (!$pid)
	{
		open STDOUT, '>>', $log;
		open STDERR, '>&', \*STDOUT;
		exec $way eq 'postgrest' ? $ENV{POSTGREST} : "$top/test/rest/stand-in", $options or POSIX::_exit(127);
	}
	$behind{$pid} = 1;
	foreach (1 .. 300)
	{
		my ($answer) = eval { exchange($ports[2], "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") };

		# PostgREST would wait for what nginx keeps open
		return sub { kill $way eq 'postgrest' ? 'KILL' : 'TERM', $pid; waitpid $pid, 0; delete $behind{$pid} } if $answer && $answer->{status} ne '503';
		sleep 0.1;
	}
	die "$way does not answer: " . slurp_file($log);
}

END
{
	my $status = $?;
	kill 'KILL', keys %behind;
	_shell("stop_nginx '$_'") foreach @nginx;
	$? = $status;
}

# ---- a run ----

# Asks what the files say, in each way, on a store of its own; returns how many requests
# there were, and how often each status, header and operation.
sub run_scenarios
{
	my ($node, @files) = @_;
	my %seen = (requests => 0);

	foreach my $file (@files)
	{
		my @scenarios = scenarios($file);
		my ($name) = $file =~ m{([^/]+)\.http$};

		$seen{requests} += @scenarios;
		foreach my $way (ways())
		{
			_run_file($node, $way, $name, \@scenarios, \%seen);
		}
	}
	return \%seen;
}

# A store with nothing in it, the database "rest", and a way to it: functions that ask { method,
# uri, headers, body } and that end it, and the port of nginx.
sub open_store
{
	my ($node, $way) = @_;

	_template($node);
	$node->safe_psql('postgres', "CREATE DATABASE $store TEMPLATE rest_template");
	if ($way eq 'sql')
	{
		my $answers = StandIn->new(_options($node, 0));

		return (sub { return _ask_sql($answers, @_) }, sub { undef $answers; _drop_store($node) });
	}
	_start_nginx();
	my $stop = _start_behind_nginx($way, _options($node, $ports[2]));
	return (\&_ask_http, sub { $stop->(); _drop_store($node) }, $ports[0]);
}

sub _drop_store
{
	my ($node) = @_;

	$node->safe_psql('postgres', "DROP DATABASE $store WITH (FORCE)");
	return;
}

sub _run_file
{
	my ($node, $way, $name, $scenarios, $seen) = @_;
	my ($ask, $stop) = open_store($node, $way);
	my $super = DBI->connect("dbi:Pg:host=" . $node->host . ";port=" . $node->port . ";dbname=$store", undef, undef,
		{ RaiseError => 1, PrintError => 0, PrintWarn => 0 });
	my %kept = tokens();

	foreach my $s (grep { $_->{only} eq '' || ($_->{only} eq 'sql') == ($way eq 'sql') } @$scenarios)
	{
		my $wrong = eval {
			$super->do($_) foreach map { _filled($_, \%kept) } @{ $s->{sql} };
			my $request = _filled_request($s, \%kept);
			my $answer = $ask->($request);

			# nginx leaves it out of its own pages; the functions have none
			$answer->{body} = '' if ($s->{method} // '') eq 'HEAD' && defined $answer->{hidden};
			_tally($seen, $request, $answer);
			join "\n", _differences($s, $answer, \%kept), _other_way($s, $answer);
		} // $@;

		is($wrong, '', "$way, $name: $s->{title}");
	}
	$super->disconnect;
	$stop->();
	return;
}

# Those that a file names.
sub tokens
{
	my %token = map { $_ => StandIn::token($secret, { role => "usage_$_" }) } qw(reader writer operator nobody stranger missing);

	return (%token, unknown => delete $token{missing}, expired => StandIn::token($secret, { role => 'usage_writer', exp => time - 3600 }),
		(map { $_ => StandIn::token($secret, { role => 'usage_reader', sub => $_ }) } qw(alice bob)),
		fresh => StandIn::token($secret, { role => 'usage_reader', exp => time + 3600 }),
		forged => StandIn::token("not $secret", { role => 'usage_operator' }), unsigned => StandIn::token('', { role => 'usage_operator' }, 'none'));
}

sub _tally
{
	my ($seen, $request, $answer) = @_;

	my ($face, $place) = ($request->{uri} // '') =~ m{^(/usageManagement|/tmf-api/\w+/v4)/([^?]*)};

	$seen->{status}{ $answer->{status} }++;
	$seen->{header}{ lc $_->[0] }++ foreach @{ $answer->{headers} };
	$seen->{type}{ lc $_->[1] =~ s/;.*//r }++ foreach grep { $answer->{status} < 300 && lc $_->[0] eq 'content-type' } @{ $request->{headers} // [] };
	$seen->{operation}{"$request->{method} $face/" . $place =~ s{/.*}{/id}r}++ if defined $face && $answer->{status} < 300;
	return;
}

# ${name} and ${text*n}
sub _filled
{
	my ($text, $kept) = @_;

	$text =~ s/\$\{([^{}]*)\*(\d+)\}/$1 x $2/ge;
	$text =~ s/\$\{(\w+)\}/$kept->{$1} \/\/ die "nothing is kept as $1\n"/ge;
	return $text;
}

sub _bytes { my ($text) = @_; return $text =~ s/\\x([0-9a-fA-F]{2})/chr hex $1/ger }

# A request with what was kept from those before.
sub _filled_request
{
	my ($s, $kept) = @_;

	return { leaves => $s->{leaves}, raw => _raw(_bytes(_filled($s->{raw}, $kept))) } if defined $s->{raw};
	my $body = defined $s->{body} ? _filled($s->{body}, $kept) : undef;
	return { leaves => $s->{leaves}, method => $s->{method}, uri => _bytes(_filled($s->{uri}, $kept)),
		headers => [ map { [ $_->[0], _bytes(_filled($_->[1], $kept)) ] } @{ $s->{asked_headers} } ],
		body => $s->{bytes} && defined $body ? _bytes($body) : $body };
}

sub _raw
{
	my ($text) = @_;
	my ($head, $body) = split /^\n/m, $text, 2;

	return ($head =~ s/\n/\r\n/gr) . "\r\n" . (($body // '') =~ s/\n\z//r =~ s/\n/\r\n/gr);
}

# ---- nginx and what is behind it ----

sub _ask_http
{
	my ($request) = @_;
	my $text = $request->{raw};

	if (!defined $text)
	{
		my %given = map { lc $_->[0] => 1 } @{ $request->{headers} };
		my $body = $request->{body};

		$text = "$request->{method} $request->{uri} HTTP/1.1\r\n";
		$text .= "Host: localhost\r\n" if !$given{host};
		$text .= "Connection: close\r\n" if !$given{connection};
		$text .= "$_->[0]: $_->[1]\r\n" foreach @{ $request->{headers} };
		$text .= 'Content-Length: ' . length($body) . "\r\n" if defined $body && !$given{'content-length'} && !$given{'transfer-encoding'};
		$text .= "\r\n" . ($body // '');
	}
	return exchange($ports[0], $text, $request->{leaves}, $request->{method});
}

# Sends bytes to a port of this machine, and takes the answer apart.
sub exchange
{
	my ($port, $text, $leaves, $method) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 60) or die "cannot connect: $@\n";
	my $answer = '';

	# who is refused need not be listened to
	local $SIG{PIPE} = 'IGNORE';
	local $SIG{ALRM} = sub { die "no end of the answer:\n$answer\n" };
	alarm 60;
	print {$socket} $text;
	$socket->flush;
	return { status => 'none', headers => [], body => '' } if $leaves;
	until (_complete($answer, $method))
	{
		last if !sysread $socket, $answer, 1048576, length $answer;
	}
	alarm 0;
	return _taken_apart($answer, $method);
}

# Whether the answer is all there, where it says so and the connection stays open.
sub _complete
{
	my ($answer, $method) = @_;

	$answer =~ s{\AHTTP/1\.1 100 .*?\r\n\r\n}{}s;
	my ($head, $body) = $answer =~ /\A(.*?\r\n)\r\n(.*)\z/s or return 0;

	return 1 if ($method // '') eq 'HEAD' || $head =~ m{\AHTTP/1\.\d (?:204|304) };
	return length $body >= $1 if $head =~ /^Content-Length: (\d+)/mi;
	return $body =~ /(?:\A|\r\n)0\r\n\r\n\z/ if $head =~ /^Transfer-Encoding: chunked/mi;
	return 0;
}

sub _taken_apart
{
	my ($answer, $method) = @_;

	$answer =~ s{\AHTTP/1\.1 100 .*?\r\n\r\n}{}s;
	my ($status, $head, $body) = $answer =~ m{\AHTTP/1\.[01] (\d+)[^\r]*\r\n(.*?\r\n)?\r\n(.*)\z}s;

	# no line with a version has come, and none goes back
	return { status => 'none', headers => [], body => $answer } if !defined $status;
	my @headers = map { /^([^:]+):[ \t]*(.*)$/ ? [ $1, $2 ] : die "no header: $_\n" } split /\r\n/, $head // '';
	if (grep { lc $_->[0] eq 'transfer-encoding' } @headers)
	{
		my $whole = '';

		while ($body =~ s/\A([0-9a-fA-F]+)[^\r]*\r\n// && hex $1) { $whole .= substr $body, 0, hex $1, ''; $body =~ s/\A\r\n// }
		$body = $whole;
	}
	return { status => $status, headers => \@headers, body => $body };
}

# ---- the same without them ----

my $our_type = 'application/json;charset=utf-8';
my $result_type = qr{^(?:application/(?:x-)?ndjson|text/csv)$};
my %function = (HEAD => 'HEAD', map({ $_ => 'GET' } qw(GET OPTIONS)), map({ $_ => 'POST' } qw(POST PUT PATCH DELETE)));

# As nginx hands a request to PostgREST, and what it makes of the answer.
sub _ask_sql
{
	my ($answers, $request) = @_;
	my %given = map { lc $_->[0] => $_->[1] } @{ $request->{headers} };
	my $method = $function{ $request->{method} } or return _page(405);
	my %headers = (host => 'usage_mgmt', 'content-type' => 'application/octet-stream', 'x-um-method' => $request->{method}, 'x-um-uri' => $request->{uri});

	$headers{$_} = $given{$_} foreach grep { defined $given{$_} } qw(authorization if-match if-none-match if-modified-since if-unmodified-since if-range);
	$headers{"x-um-$_"} = $given{$_} foreach grep { length($given{$_} // '') } qw(content-type content-encoding range);
	my $answer = $answers->answer({ method => $method, path => $method eq 'POST' ? '/rpc/write' : '/rpc/read', query => '',
			headers => \%headers, body => $request->{body} // '' });
	my ($type) = map { $_->[1] } grep { lc $_->[0] eq 'content-type' } @{ $answer->{headers} };

	if ($type ne $our_type && $type !~ $result_type)
	{
		return { %{ _page($answer->{status}) }, hidden => $answer->{body} } if $answer->{status} >= 400;
		$answer->{headers} = [ grep { lc $_->[0] ne 'content-type' } @{ $answer->{headers} } ];
	}
	$answer->{headers} = [ grep { lc $_->[0] ne 'content-range' || $_->[1] =~ /^(?:items|bytes) / } @{ $answer->{headers} } ];
	$answer->{headers} = [ (grep { lc $_->[0] ne 'retry-after' } @{ $answer->{headers} }), [ 'Retry-After', 5 ] ] if $answer->{status} == 503;
	return $answer;
}

# A page of nginx's, as deploy/nginx.conf has it.
sub _page
{
	my ($status) = @_;
	my ($map) = slurp_file("$top/deploy/nginx.conf") =~ /(\$um_page \{.*?^\})/ms;
	my ($page, $headers, $body);

	$status = $1 eq '$status' ? $status : $1 if $status != 405 && $map =~ /^\t"~\^(?:\(\?:[\d|]*\b$status\b[\d|]*\)|$status) "\s+\/um_error\/(\S+);/m;
	$status = 503 if $status =~ /^50[234]$/;
	($headers, $body) = slurp_file("$top/deploy/nginx.conf") =~ m{location = /um_error/$status \{\n((?:\s*add_header .*\n)*)\s*return $status '(.*)';}
		or die "nginx.conf has no page for $status\n";
	# by no native view
	$headers =~ s/ (\$um_\w+) / slurp_file("$top\/deploy\/nginx.conf") =~ m{map \$request_uri \Q$1\E \{\n\tdefault\s+(.*);}; " $1 "/ge;
	return { status => $status, body => $body, headers => [ [ 'Content-Type', $our_type ],
			map { /add_header (\S+) (?|'(.*)'|"(.*)"|(\S+)) always/ ? [ $1, $2 ] : () } split /\n/, $headers ] };
}

# ---- what is held against it ----

sub _differences
{
	my ($s, $answer, $kept) = @_;
	my %back;
	my @wrong;

	push @{ $back{ lc $_->[0] } }, $_->[1] foreach @{ $answer->{headers} };
	push @wrong, "status $answer->{status}, not $s->{status}" if $answer->{status} !~ /^(?:$s->{status})$/;
	foreach my $header (@{ $s->{headers} })
	{
		my ($name, $value) = ($header->[0], _filled($header->[1], $kept));
		my $came = join ' and ', @{ $back{ lc $name } // [ 'none' ] };

		push @wrong, "$name: $came, not $value" if $value =~ /^~(.*)/ ? $came !~ /$1/ : $came ne $value;
	}
	push @wrong, map { "$_: $back{lc $_}[0], though there is to be none" } grep { $back{ lc $_ } } @{ $s->{without} };
	push @wrong, _body_differences($s, $answer, $kept);
	push @wrong, "the answer was\n" . substr($answer->{body}, 0, 2000) . ($answer->{hidden} ? "\nin the place of\n$answer->{hidden}" : '') if @wrong;
	_keep($s, $answer, \%back, $kept) if !@wrong;
	return @wrong;
}

sub _body_differences
{
	my ($s, $answer, $kept) = @_;
	my ($body, $expected) = ($answer->{body}, _filled($s->{expected}, $kept));

	return () if $expected eq '*';
	return $body eq '' ? () : 'a body, though there is to be none' if $expected eq '';
	return $body =~ /$1/s ? () : "the body is not like $1" if $expected =~ /\A~(.*)\z/s;
	my $wanted = eval { $json->decode($expected) };
	return $body eq $expected ? () : 'the body is another' if $@;
	my $came = eval { $json->decode($body) };
	return "no JSON: $@" if $@;
	return _other('', $came, $wanted, $s->{more});
}

# Where two trees part.
sub _other
{
	my ($path, $came, $wanted, $more) = @_;

	return defined $came && !ref $came && $came =~ /$1/ ? () : "$path: " . $json->encode($came) . " is not like $1"
		if defined $wanted && !ref $wanted && $wanted =~ /\A~(.*)\z/s;
	return "$path: " . $json->encode($came) . ', not ' . $json->encode($wanted) if ref $came ne ref $wanted;
	return ((map { exists $came->{$_} ? _other("$path.$_", $came->{$_}, $wanted->{$_}) : "$path.$_ is missing" } sort keys %$wanted),
		$more ? () : map { "$path.$_: " . $json->encode($came->{$_}) . ' is too much' } grep { !exists $wanted->{$_} } sort keys %$came) if ref $wanted eq 'HASH';
	return @$came != @$wanted ? "$path has " . @$came . ' elements, not ' . @$wanted
		: map { _other($path . "[$_]", $came->[$_], $wanted->[$_]) } 0 .. $#$wanted if ref $wanted eq 'ARRAY';
	return $json->encode($came) eq $json->encode($wanted) ? () : "$path: " . $json->encode($came) . ', not ' . $json->encode($wanted);
}

sub _keep
{
	my ($s, $answer, $back, $kept) = @_;

	foreach (@{ $s->{keep} })
	{
		my ($name, $from, $path) = @$_;
		my $value = $from eq 'header' ? $back->{ lc $path }[0] : $json->decode($answer->{body});

		if ($from eq 'body')
		{
			$value = /^\[(\d+)\]$/ ? $value->[$1] : $value->{$_} foreach $path =~ /(\[\d+\]|[^.\[\]]+)/g;
		}
		$kept->{$name} = $value // die "there is no $path to be kept\n";
	}
	return;
}

# Each way brings the same headers, whatever is in them.
sub _other_way
{
	my ($s, $answer) = @_;
	my $names = join ' ', sort grep { !/^(?:date|server|connection|cache-control|content-length|transfer-encoding|keep-alive|content-encoding|vary)$/ }
		map { lc $_->[0] } @{ $answer->{headers} };

	$s->{names} //= $names;
	return $names eq $s->{names} ? () : "headers: $names, not $s->{names}";
}

1;
