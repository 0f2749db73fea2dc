# Requests to the gateway in SQL, as PostgREST makes them.

package Gateway;

use strict;
use warnings;
use Exporter 'import';
use JSON::PP;

our @EXPORT = qw(ask);

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

sub quoted { return "'" . $_[0] =~ s/'/''/gr . "'" }

# What is answered: status, body (undef for none), headers by their names. Of the request it takes method, uri, body,
# type (of the content), token (whether there is one), and settings of the session by their names.
sub ask
{
	my ($node, $database, %request) = @_;
	my $headers = $json->encode({ 'x-um-method' => $request{method}, 'x-um-uri' => $request{uri},
		defined $request{type} ? ('x-um-content-type' => $request{type}) : (), $request{token} ? (authorization => 'Bearer x') : () });
	my $call = $request{method} =~ /^(?:GET|HEAD|OPTIONS)$/ ? 'read()' : 'write(convert_to(' . quoted($request{body} // '') . ", 'UTF8'))";
	my $settings = $request{settings} // {};
	my $said = $node->safe_psql($database, join "\n", (map { "SET $_ = " . quoted($settings->{$_}) . ';' } sort keys %$settings), <<"SQL");
BEGIN;
SELECT set_config('request.headers', ${\ quoted($headers) }, true) \\gset before_
SELECT convert_from(usage_api.$call, 'UTF8') \\gset answer_
SELECT current_setting('response.status') || ' ' || coalesce(nullif(current_setting('response.headers', true), ''), '[]') || E'\\n' || :'answer_convert_from';
COMMIT;
SQL
	my ($status, $given, $body) = $said =~ /^(\d+) (.*)\n?((?s).*)/ or die "no answer: $said";

	return ($status, $body eq '' ? undef : $json->decode($body), { map { %$_ } @{ $json->decode($given) } });
}

1;
