# What the gateway answers is as TM Forum's own schemas say, and our document is OpenAPI. The
# official files are not ours to keep: USAGE_MGMT_TMF names the folder that has them. The
# validators come from npm, as test/web/package-lock.json pins them.

use strict;
use warnings;
use FindBin;
use Gateway;
use IPC::Run;
use JSON::PP;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = $ENV{USAGE_MGMT_TMF} // '';
my $web = "$FindBin::Bin/../web";
my $modules = PostgreSQL::Test::Utils::tempdir();
my $json = JSON::PP->new->utf8->canonical->allow_nonref;

sub runs
{
	my ($out, $err) = ('', '');

	return eval { IPC::Run::run([@_], '<', \undef, '>', \$out, '2>', \$err) };
}

plan skip_all => 'there is no node or npm' if !runs('node', '--version') || !runs('npm', '--version');
append_to_file("$modules/$_", slurp_file("$web/$_")) foreach 'package.json', 'package-lock.json';
plan skip_all => 'npm cannot install what the test takes from it'
	if !runs('npm', 'ci', '--prefix', $modules, '--cache', "$modules/cache", '--no-audit', '--no-fund', '--ignore-scripts');

my $node = new_node('official');
my $db = 'official';
my $base_url = 'https://host';

new_store($node, $db);

# What the validators say of many values at once.
sub validated
{
	my ($what, @tasks) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ 'node', "$web/validate.js", $modules ], '<', \$json->encode(\@tasks), '>', \$out, '2>', \$err) or die "$what: $err";
	is($out, "done\n", $what);
	return;
}

sub request
{
	my ($method, $uri, $body, $type) = @_;

	return ask($node, $db, method => $method, uri => $uri, body => ref $body ? $json->encode($body) : $body, type => $type, token => 1,
		settings => { 'usage_mgmt.base_url' => $base_url });
}

# ---- our document ----

my %ours = map { my $path = $_; $path => $json->decode($node->safe_psql($db, "SELECT usage_mgmt.openapi('$path')")) }
	'/usageManagement/', '/tmf-api/usageManagement/v4/', '/tmf-api/serviceUsage/v4/';

validated('each API has a document of OpenAPI 3.0', map { { label => $_, openapi => $ours{$_} } } sort keys %ours);
{
	my $broken = $json->decode($json->encode($ours{'/usageManagement/'}));
	my ($out, $err) = ('', '');

	$broken->{paths}{'/usage'}{get}{responses} = [];
	IPC::Run::run([ 'node', "$web/validate.js", $modules ], '<', \$json->encode([ { label => 'broken', openapi => $broken } ]), '>', \$out, '2>', \$err);
	like($out, qr/^broken: /, 'what is none is seen');
}

# ---- TM Forum's ----

# A value with an @type in each of its objects.
sub typed
{
	my ($value) = @_;

	return [ map { typed($_) } @$value ] if ref $value eq 'ARRAY';
	return $value if ref $value ne 'HASH';
	return { '@type' => 'T', map { $_ => typed($value->{$_}) } keys %$value };
}

SKIP:
{
	my %file = map { my ($found) = glob("'$folder'/$_*"); ($_ => $found) } 'TMF635-v4', 'TMF727-v4', 'TMF727-v5';

	skip 'USAGE_MGMT_TMF names no folder with the official files', 1 if grep { !defined || !-f } values %file;

	# All that a schema knows, with words that the store takes where the document has none.
	my %word = (lifecycleStatus => 'active', unit => 'EUR', valueType => 'string', endDateTime => '2026-02-01T00:00:00Z', isBilled => JSON::PP::false);
	my %status = (UsageStatusType => 'rated', ServiceUsageStatusType => 'generated');
	my $whole;

	$whole = sub {
		my ($document, $schema, $member) = @_;
		my $name = '';

		while (my $ref = $schema->{'$ref'})
		{
			($name) = $ref =~ m{([^/]+)$};
			$schema = $document->{definitions}{$name} // $document->{components}{schemas}{$name};
		}
		return $status{$name} if $schema->{enum};
		return $word{$member} if exists $word{$member};
		return [ $whole->($document, $schema->{items}, $member) ] if $schema->{items};
		return { map { $_ => $whole->($document, $schema->{properties}{$_}, $_) } keys %{ $schema->{properties} } } if $schema->{properties};

		my $format = $schema->{format} // '';

		return $format eq 'uri' ? 'https://host/x' : $format eq 'date-time' ? '2026-01-01T00:00:00Z' : $format eq 'base64' ? 'aGVsbG8=' : 'x'
			if ($schema->{type} // '') eq 'string';
		return ($schema->{type} // '') eq 'boolean' ? JSON::PP::true : 1;
	};

	my @tasks;
	my $nulls = 0;

	# Ours, as files beside theirs
	my %own = map { $_ => "$modules/" . s{/}{_}gr . '.json' } keys %ours;

	append_to_file($own{$_}, $json->encode($ours{$_})) foreach keys %ours;

	# A value that was answered, to be held against a schema of both documents.
	my $answered = sub {
		my ($label, $file, $schema, $value) = @_;

		$nulls += () = $json->encode($value) =~ /:null\b/g;
		push @tasks, map { { label => $label, file => $_, schema => $schema, value => $value } }
			$file, $own{ $file =~ /TMF727/ ? '/tmf-api/serviceUsage/v4/' : '/tmf-api/usageManagement/v4/' };
		return $value;
	};

	foreach my $r ([ '/tmf-api/usageManagement/v4/', 'TMF635-v4', 'usage' ], [ '/tmf-api/usageManagement/v4/', 'TMF635-v4', 'usageSpecification' ],
		[ '/tmf-api/serviceUsage/v4/', 'TMF727-v4', 'serviceUsage' ], [ '/tmf-api/serviceUsage/v4/', 'TMF727-v5', 'serviceUsageSpecification' ])
	{
		my ($path, $of, $name) = @$r;
		my $file = $file{$of};
		my $file_of_errors = $file{ $of =~ s/v5/v4/r };
		my $type = ucfirst $name;
		my $example = $ours{$path}{components}{schemas}{"${type}_Create"}{example};
		my $minimal = { usage => {}, usageSpecification => { name => 'n' }, serviceUsage => { status => 'generated' } }->{$name};
		my $full;

		# v4 has no such resource; v5 asks each object for its type
		if ($of =~ /v5/)
		{
			$example = $full = typed($example);
			$minimal = typed({ name => 'n', lifecycleStatus => 'in study' });
		}
		else
		{
			$full = $whole->($json->decode(slurp_file($file)), { '$ref' => "x/${type}_Create" }, '');
		}
		foreach my $body ($full, $example, $minimal)
		{
			my ($status, $answer) = request('POST', "$path$name", $body);
			my $uri = "$path$name/" . ($answer->{id} // '');

			is($status, 201, "$name: posted") or diag($json->encode($answer));
			$answered->("POST $uri", $file, $type, $answer);
			is_deeply({ %$answer, id => undef, href => undef }, { %$full, id => undef, href => undef }, "$name: all that the document knows comes back") if $body == $full;
			($status, $answer) = request('GET', $uri);
			is($status, 200, "$name: got");
			$answered->("GET $uri", $file, $type, $answer);
			($status, $answer) = request('GET', "$uri?fields=description,%40type");
			is($status, 200, "$name: got in part");
			$answered->("GET $uri?fields", $file, $type, $answer);
			($status, $answer) = request('PATCH', $uri, { description => 'new' }, 'application/merge-patch+json');
			is($status, 200, "$name: patched");
			is($answered->("PATCH $uri", $file, $type, $answer)->{description}, 'new', "$name: as it was meant");
			($status, $answer) = request('POST', "$path$name", { %$answer, description => 'newer' });
			is($status, 409, "$name: with other content");
			is($answered->("conflict of $uri", $file_of_errors, 'Error', $answer)->{status}, '409', "$name: the error says so");
		}

		my ($status, $list) = request('GET', "$path$name");

		if ($status == 501)		# not yet: as SQL has it
		{
			($status, $list) = (200, [ map { $json->decode($_) } rows($node, $db, "SET usage_mgmt.base_url = '$base_url'; SELECT usage_mgmt.get_" . ($name =~ s/([A-Z])/_\l$1/gr) . "s('', 'v4')") ]);
		}
		is($status, 200, "$name: listed");
		is(scalar @$list, 3, "$name: all of them");
		$answered->("GET $path$name", $file, $type, $_) foreach @$list;
		($status, $list) = request('POST', "$path$name", [ map { { %$full, id => "many $_" } } 1 .. 3 ]);
		if ($status != 501)		# not yet
		{
			is($status, 201, "$name: many are posted");
			is(scalar @$list, 3, "$name: all come back");
			$answered->("POST of many $name", $file, $type, $_) foreach @$list;
			($status, my $error) = request('POST', "$path$name", [ { %$full, id => 'many 1', description => 'other' }, {}, 1 ]);
			like($status, qr/^4/, "$name: some are not");
			$answered->("POST of bad $name", $file_of_errors, 'Error', $error);
		}
		foreach my $bad ([ 'GET', "$path$name/none", 404 ], [ 'POST', "$path$name", 400, '{' ], [ 'POST', "$path$name", 400, '{"usageDate": "x", "validFor": 1}' ],
			[ 'PUT', "$path$name/x", 405, '{}' ], [ 'PATCH', "$path$name/x", 415, '{}', 'text/plain' ], [ 'GET', "${path}nothing", 404 ])
		{
			my ($method, $uri, $expected, $body, $media) = @$bad;
			my ($status, $error) = request($method, $uri, $body, $media);

			is($status, $expected, "$method $uri is an error");
			is($answered->("$method $uri", $file_of_errors, 'Error', $error)->{status}, "$expected", "$method $uri says so");
		}
	}

	# the hub of each API
	foreach my $r ([ '/tmf-api/usageManagement/v4/', 'TMF635-v4' ], [ '/tmf-api/serviceUsage/v4/', 'TMF727-v4' ])
	{
		my ($path, $of) = @$r;
		my ($status, $answer) = request('POST', "${path}hub", { callback => 'https://example.com/events' });

		next if $status == 501;		# not yet
		is($status, 201, "$path: a listener is registered");
		$answered->("POST ${path}hub", $file{$of}, 'EventSubscription', $answer);

		my ($id, $got, $all) = ($answer->{id});

		($status, $got) = request('GET', "${path}hub/$id");
		is($status, 200, "$path: got");
		$answered->("GET ${path}hub/$id", $file{$of}, 'EventSubscription', $got);
		($status, $all) = request('GET', "${path}hub");
		is(join(' ', map { $_->{id} } @$all), $id, "$path: listed");
		$answered->("GET ${path}hub", $file{$of}, 'EventSubscription', $_) foreach @$all;
		($status, $answer) = request('POST', "${path}hub", { callback => 'https://example.com/events' });
		is($status, 409, "$path: once");
		$answered->("POST ${path}hub again", $file{$of}, 'Error', $answer);
		($status, $answer) = request('POST', "${path}hub", {});
		is($status, 400, "$path: with a callback");
		$answered->("POST ${path}hub of nothing", $file{$of}, 'Error', $answer);
		($status, $answer) = request('DELETE', "${path}hub/none");
		is($status, 404, "$path: of those that there are");
		$answered->("DELETE ${path}hub/none", $file{$of}, 'Error', $answer);
	}
	validated('what is answered is as the official schemas say', @tasks);
	my ($out, $err) = ('', '');
	my ($broken) = grep { $_->{schema} eq 'Usage' } @tasks;

	IPC::Run::run([ 'node', "$web/validate.js", $modules ], '<', \$json->encode([ { %$broken, label => 'broken', value => { %{ $broken->{value} }, href => 1 } } ]), '>', \$out, '2>', \$err);
	like($out, qr{^broken: /href must be string$}m, 'what is not is seen');
	is($nulls, 0, 'no member is null');
}

done_testing();
