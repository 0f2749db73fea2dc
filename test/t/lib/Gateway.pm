# Requests to the gateway in SQL, as PostgREST makes them.

package Gateway;

use strict;
use warnings;
use Exporter 'import';
use JSON::PP;

our @EXPORT = qw(ask answered);

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

sub quoted { return "'" . $_[0] =~ s/'/''/gr . "'" }

# What is answered: status, body (undef for none), headers by their names. Of the request it takes method, uri, body,
# type (of the content), token (whether there is one), role, and settings of the session by their names.
sub ask
{
	my ($node, $database, %request) = @_;
	my ($status, $headers, $body) = answered($node, $database, %request, headers => $json->encode({ 'x-um-method' => $request{method},
		'x-um-uri' => $request{uri}, defined $request{type} ? ('x-um-content-type' => $request{type}) : (), $request{token} ? (authorization => 'Bearer x') : () }));

	return ($status, $body eq '' ? undef : $json->decode($body), { map { %$_ } @{ $json->decode($headers) } });
}

# The same as it stands: status, headers as JSON, body as bytes. Headers are given as JSON, too, and call may be another
# call than that of the method.
sub answered
{
	my ($node, $database, %request) = @_;
	my $body = $request{body} // '';
	my $settings = $request{settings} // {};
	utf8::encode($body) if utf8::is_utf8($body);
	my $call = $request{call} // ($request{method} =~ /^(?:GET|HEAD|OPTIONS)$/ ? 'usage_api.read()' : "usage_api.write('\\x" . unpack('H*', $body) . "')");
	my $become = $request{role} ? "SET LOCAL ROLE $request{role};" : '';
	my ($status, $headers, $hex) = split /\n/, $node->safe_psql($database, join "\n", (map { "SET $_ = " . quoted($settings->{$_}) . ';' } sort keys %$settings), <<"SQL");
BEGIN;
SET LOCAL client_encoding = 'UTF8';
SELECT set_config('request.headers', ${\ quoted($request{headers}) }, true) \\gset before_
$become
SELECT encode($call, 'hex') AS body \\gset
SELECT current_setting('response.status') AS status, coalesce(nullif(current_setting('response.headers', true), ''), '[]') AS headers \\gset
\\echo :status
\\echo :headers
\\echo :body
COMMIT;
SQL

	return ($status, $headers, pack 'H*', $hex // '');
}

1;
