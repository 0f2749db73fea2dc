# The OpenAPI document of each API: it is made of the model, so it says what the store does. Its
# examples can be posted and patched as they stand, or ordered, what is answered is as its schemas say, and its
# members are those of TM Forum's documents, but for what is listed here.

use strict;
use warnings;
use FindBin;
use Gateway;
use JSON::PP;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('openapi');
my $db = 'openapi';
my $json = JSON::PP->new->utf8->canonical->allow_nonref;

new_store($node, $db);

sub value_of
{
	my ($sql) = @_;

	return $node->safe_psql($db, $sql);
}

sub quoted { return "'" . $_[0] =~ s/'/''/gr . "'" }

my $official = 'https://host';		# base_url
my %document;		# by path
my %api = (
	'/usageManagement/' => { title => 'Usage Management', version => 'r14.5', nouns => [ 'usage', 'usage_specification' ], orders => [ 'import_job', 'export_job' ], put => 1 },
	'/tmf-api/usageManagement/v4/' => { title => 'Usage Management', version => 'v4', nouns => [ 'usage', 'usage_specification' ], orders => [ 'import_job', 'export_job' ] },
	'/tmf-api/serviceUsage/v4/' => { title => 'Service Usage', version => 'v4', nouns => [ 'service_usage', 'service_usage_specification' ] });

# ---- what there is ----

sub camel { return join '', map { ucfirst } split /_/, $_[0] }

foreach my $path (sort keys %api)
{
	my $d = $document{$path} = $json->decode(value_of("SET usage_mgmt.base_url = '$official'; SELECT usage_mgmt.openapi('$path')"));
	my $face = $api{$path};
	my @expected = ('get /hub listListeners', 'post /hub registerListener', 'get /hub/{id} retrieveListener', 'delete /hub/{id} unregisterListener');

	foreach my $noun (@{ $face->{nouns} })
	{
		my ($type, $types) = (camel($noun), camel("${noun}s"));
		my $name = lcfirst $type;

		push @expected, "get /$name list$type", "post /$name create$type", "patch /$name patch$types", "get /$name/{id} retrieve$type",
			"patch /$name/{id} patch$type", "delete /$name/{id} delete$type", $face->{put} ? "put /$name/{id} update$type" : ();
	}
	foreach my $type (map { camel($_) } @{ $face->{orders} // [] })
	{
		my $name = lcfirst $type;

		push @expected, "get /$name list$type", "post /$name create$type", "get /$name/{id} retrieve$type", "delete /$name/{id} delete$type",
			$type eq 'ExportJob' ? "get /$name/{id}/result retrieve${type}Result" : ();
	}
	is($d->{openapi}, '3.0.3', "$path: OpenAPI");
	is("$d->{info}{title} $d->{info}{version}", "$face->{title} $face->{version}", "$path: what it is");
	is($d->{servers}[0]{url} . '/', "$official$path", "$path: where it is");
	is(join(', ', map { $_->{name} } @{ $d->{tags} }), join(', ', (map { lcfirst camel($_) } @{ $face->{nouns} }, @{ $face->{orders} // [] }), 'events subscription'), "$path: tags");
	is(join("\n", sort map { my $p = $_; map { "$_ $p $d->{paths}{$p}{$_}{operationId}" } grep { $_ ne 'parameters' } keys %{ $d->{paths}{$p} } } keys %{ $d->{paths} }),
		join("\n", sort @expected), "$path: operations");
}
is(value_of("SELECT usage_mgmt.openapi('/tmf-api/serviceUsageManagement/v4/')::text = usage_mgmt.openapi('/tmf-api/serviceUsage/v4/')::text"), 't', 'an alias has the same');
is(value_of('SELECT usage_mgmt.openapi(NULL) IS NULL'), 't', 'of nothing comes nothing');
is(sqlstate($node, $db, "SELECT usage_mgmt.openapi('$_')"), '22023', "no API is at \"$_\"")
	foreach '', '/', '/usageManagement', '/usageManagement/usage/', '/tmf-api/usageManagement/v3/', '/%00/', '/usageManagement/?', ('x' x 100000);
my ($status, $out, $err) = $node->psql($db, "SELECT usage_mgmt.openapi('/nowhere/')");
like($err, qr{HINT:  There are "/usageManagement/", "/tmf-api/usageManagement/v4/", "/tmf-api/serviceUsage/v4/"\.}, 'those that there are');

# ---- all that is referred to is there ----

sub walk
{
	my ($node, $visit) = @_;

	$visit->($node) if ref $node eq 'HASH';
	walk($_, $visit) foreach ref $node eq 'HASH' ? values %$node : ref $node eq 'ARRAY' ? @$node : ();
	return;
}

sub resolved
{
	my ($d, $node) = @_;

	while (ref $node eq 'HASH' && defined $node->{'$ref'})
	{
		my $at = $d;

		$at = ref $at eq 'HASH' ? $at->{$_} : undef foreach grep { $_ ne '#' } split m{/}, $node->{'$ref'};
		$node = $at // return;
	}
	return $node;
}

foreach my $path (sort keys %document)
{
	my $d = $document{$path};
	my (@lost, %used);

	walk($d, sub {
		my $ref = $_[0]{'$ref'} // return;

		$used{$ref} = 1;
		push @lost, $ref if !defined resolved($d, $_[0]);
	});
	is("@lost", '', "$path: every reference leads somewhere");
	is(join(', ', sort grep { !$used{$_} } map { my $kind = $_; map { "#/components/$kind/$_" } keys %{ $d->{components}{$kind} } } 'parameters', 'headers', 'responses', 'schemas'),
		'', "$path: nothing is there that nobody refers to");
}

# ---- examples ----

# What is wrong with a value: its paths, each with why.
sub faults
{
	my ($d, $schema, $value, $path) = @_;

	$schema = resolved($d, $schema);
	return "$path is null" if !defined $value;
	return map { faults($d, $_, $value, $path) } @{ $schema->{allOf} } if $schema->{allOf};
	return (grep { !faults($d, $_, $value, $path) } @{ $schema->{oneOf} }) == 1 ? () : "$path is not one of these" if $schema->{oneOf};

	my $type = $schema->{type} // return;

	if ($type eq 'object')
	{
		return "$path is no object" if ref $value ne 'HASH';
		return ((map { "$path lacks $_" } grep { !exists $value->{$_} } @{ $schema->{required} // [] }),
			map { faults($d, $schema->{properties}{$_}, $value->{$_}, "$path.$_") } grep { $schema->{properties}{$_} } sort keys %$value);
	}
	if ($type eq 'array')
	{
		return ref $value eq 'ARRAY' ? map { faults($d, $schema->{items}, $value->[$_], "$path\[$_]") } 0 .. $#$value : "$path is no list";
	}
	my $text = ref $value ? '' : $json->encode($value);
	my $format = $schema->{format} // '';

	return "$path is no $type" if !($type eq 'string' ? $text =~ /^"/ : $type eq 'boolean' ? JSON::PP::is_bool($value)
			: $type eq 'integer' ? $text =~ /^-?\d+$/ : $text =~ /^-?\d/);
	return "$path is none of @{ $schema->{enum} }" if $schema->{enum} && !grep { $_ eq $value } @{ $schema->{enum} };
	return "$path is no time" if $format eq 'date-time' && $value !~ /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;
	return "$path is no URI" if $format eq 'uri' && $value !~ m{^\w+://[!-~]+$};
	return;
}

sub schema { return { '$ref' => "#/components/schemas/$_[0]" } }

# Members that a value has and its schema has not.
sub unknown
{
	my ($d, $schema, $value, $path) = @_;

	$schema = resolved($d, $schema);
	$schema = resolved($d, $schema->{allOf}[0]) if $schema->{allOf};
	return map { unknown($d, $schema->{items}, $value->[$_], "$path\[$_]") } 0 .. $#$value if ref $value eq 'ARRAY' && $schema->{items};
	return if ref $value ne 'HASH' || !$schema->{properties};
	return map { $schema->{properties}{$_} ? unknown($d, $schema->{properties}{$_}, $value->{$_}, "$path.$_") : "$path.$_" } sort keys %$value;
}

sub request
{
	my ($method, $uri, $body, $type) = @_;

	return ask($node, $db, method => $method, uri => $uri, body => $body, type => $type, token => 1, settings => { 'usage_mgmt.base_url' => $official });
}

foreach my $path (sort keys %document)
{
	my $d = $document{$path};

	foreach my $noun (@{ $api{$path}{nouns} }, @{ $api{$path}{orders} // [] })
	{
		my $type = camel($noun);
		my $name = lcfirst $type;
		my $ordered = $noun =~ /_job$/;
		my $schemas = $d->{components}{schemas};
		my $example = $schemas->{"${type}_Create"}{example};

		ok(!$schemas->{"${type}_Update"}, "$path: $type is not changed") if $ordered;
		foreach my $one ($type, "${type}_Create", $ordered ? () : "${type}_Update")
		{
			is(join(', ', faults($d, schema($one), $schemas->{$one}{example}, $one)), '', "$path: the example of $one is one");
			is(join(', ', unknown($d, schema($one), $schemas->{$one}{example}, $one)), '', "$path: and has nothing that the schema has not");
		}
		is($schemas->{$type}{example}{href}, "$official$path$name/1", "$path: its href");

		my ($created, $answer) = request('POST', "$path$name", $json->encode($example));

		is($created, 201, "$path: the example of $noun can be posted");
		is(join(', ', faults($d, schema($type), $answer, $type), unknown($d, schema($type), $answer, $type)), '', "$path: what is answered is as described");
		is($json->encode({ ($ordered ? map { $_ => $answer->{$_} } keys %{ $schemas->{$type}{example} } : %$answer), id => 1, href => 1 }),
			$json->encode({ %{ $schemas->{$type}{example} }, id => 1, href => 1 }), "$path: and is the example");
		is(join(', ', grep { $schemas->{"${type}_Create"}{properties}{$_} && !exists $example->{$_} } sort keys %$answer), $noun eq 'export_job' ? 'id, tmfVersion' : 'id', "$path: what is the server's to say is not asked for") if $ordered;

		# each kind of patch, one after the other: the status is what it was the second time
		my $patches = $ordered ? {} : $d->{paths}{"/$name/{id}"}{patch}{requestBody}{content};

		foreach my $media (sort keys %$patches)
		{
			my $patch = $patches->{$media}{example} // $schemas->{"${type}_Update"}{example};
			my ($patched, $now) = request('PATCH', "$path$name/$answer->{id}", $json->encode($patch), $media);

			is($patched, 200, "$path: the example of a patch of $noun as $media");
			is(join(', ', map { "$_ $now->{$_}" } keys %{ $schemas->{"${type}_Update"}{example} }),
				join(', ', map { "$_ $schemas->{\"${type}_Update\"}{example}{$_}" } keys %{ $schemas->{"${type}_Update"}{example} }), "$path: does what it says");
		}
		my ($refused, $error) = request('PATCH', "$path$name/$answer->{id}", '[]', 'text/plain');

		is($refused, $ordered ? 405 : 415, "$path: another content type is refused, or whatever changes it");
		is(join(', ', sort keys %$patches), join(', ', sort $error->{message} =~ m{(application/[\w.+-]+)}g), "$path: those that are taken are described") if !$ordered;
		is(join(', ', faults($d, schema('Error'), $error, 'Error'), unknown($d, schema('Error'), $error, 'Error')), '', "$path: the error is as described");

		if ($api{$path}{put} && !$ordered)
		{
			my ($put) = request('PUT', "$path$name/$answer->{id}", $json->encode({ %$answer, %{ $schemas->{"${type}_Update"}{example} } }));

			is($put, 200, "$path: what was answered can be put back");
		}
		($status) = request('GET', "$path$name/$answer->{id}");
		is($status, 200, "$path: and got");

		# each attribute that is described as a condition is one
		foreach my $parameter (grep { $_->{name} } @{ $d->{paths}{"/$name"}{get}{parameters} })
		{
			my $of = resolved($d, $parameter->{schema});
			my $value = $of->{enum} ? $of->{enum}[0] : ($of->{format} // '') eq 'date-time' ? '2026-01-01' : $of->{type} eq 'boolean' ? 'true' : $of->{type} =~ /^(?:number|integer)$/ ? 1 : 'x';

			is(sqlstate($node, $db, 'SELECT usage_mgmt.count_' . "${noun}s('$parameter->{name}=" . ($value =~ s/ /%20/gr) . "', '$api{$path}{version}')"), '00000',
				"$path: $name?$parameter->{name}=$value");
		}

		# of what a schema requires nothing can be left out, and all else can
		my %required = map { $_ => 1 } @{ $schemas->{"${type}_Create"}{required} // [] };

		foreach my $left (sort keys %$example)
		{
			my %rest = map { $_ => $example->{$_} } grep { $_ ne $left } keys %$example;

			($status) = request('POST', "$path$name", $json->encode(\%rest));
			is($status, $required{$left} || ($left eq 'ratedProductUsage') ? 400 : 201, "$path: $noun without $left");
		}
	}
}

# ---- what the setting base_url does ----

foreach my $url ('', 'https://host', 'https://host/a"b\\c', "https://h\N{U+FC}te")
{
	my $sql = "SET usage_mgmt.base_url = " . quoted($url);

	utf8::encode($sql);
	next if sqlstate($node, $db, $sql) ne '00000';
	my $d = $json->decode(value_of("$sql; SELECT usage_mgmt.openapi('/usageManagement/')"));

	is($d->{servers}[0]{url}, "$url/usageManagement", 'an address of any look');
	is($d->{components}{schemas}{Usage}{properties}{href}{format}, $url eq '' ? 'uri-reference' : 'uri', 'and its hrefs');
}
$node->safe_psql('postgres', "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
$node->safe_psql('latin', 'CREATE EXTENSION usage_mgmt');
is($node->safe_psql('latin', "SET client_encoding = 'UTF8'; SET usage_mgmt.base_url = 'https://h\xc3\xbcte'; SELECT usage_mgmt.openapi('/usageManagement/') #>> '{servers,0,url}'"),
	"https://h\xc3\xbcte/usageManagement", 'in the encoding of the database');

# ---- over HTTP ----

($status, $out) = request('GET', '/tmf-api/usageManagement/v4/openapi.json');
is($status, 200, 'served');
is($json->encode($out), $json->encode($document{'/tmf-api/usageManagement/v4/'}), 'the same');

# ---- its members are those of TM Forum's documents ----

my %schema;
foreach (grep { !/^#/ } split /\n/, slurp_file("$FindBin::Bin/../data/event-schemas.txt"))
{
	next if /^\w+ \w+ = /;
	my ($file, $name, $members) = /^(\w+) (\w+):(?: (.*))?$/ or die "not a schema: $_";

	$schema{$file}{$name} = { map { /^([\w@]+)\*? (\S+)$/ ? ($1 => $2) : die "no member: $_" } split /, /, $members // '' };
}

my %differs;
my %walked;

sub our_type
{
	my ($d, $schema) = @_;

	$schema = resolved($d, $schema->{allOf} ? $schema->{allOf}[0] : $schema);
	return $schema->{items} ? '[]' : $schema->{properties} ? 'object' : $schema->{oneOf} ? join(' or ', map { $_->{type} } @{ $schema->{oneOf} })
		: $schema->{enum} ? 'word' : $schema->{format} // $schema->{type} // 'any';
}

sub compare
{
	my ($file, $name, $d, $ours) = @_;
	my $theirs = $schema{$file}{$name};

	$ours = resolved($d, $ours->{allOf} ? $ours->{allOf}[0] : $ours);
	return if $walked{"$file $name $ours"}++;
	$differs{"$name: theirs"}{$_} = 1 foreach grep { !$ours->{properties}{$_} } keys %$theirs;
	$differs{"$name: ours"}{$_} = 1 foreach grep { !$theirs->{$_} } keys %{ $ours->{properties} };
	foreach my $member (grep { $ours->{properties}{$_} } keys %$theirs)
	{
		my ($list, $type) = $theirs->{$member} =~ /^(\[?)([^\]]*)/;
		my $our = $ours->{properties}{$member};
		my $members = $schema{$file}{$type};
		my $expected = $list ? '[]' : $type eq 'Any' ? 'any' : $members ? 'object' : $type =~ /^[A-Z]/ ? 'word' : $type;
		my $is = our_type($d, $our);

		$differs{"$name: $member is $expected, ours $is"} = {} if $is ne $expected;
		compare($file, $type, $d, $list ? resolved($d, $our)->{items} : $our) if $members && %$members && $is eq $expected;
	}
	return;
}

compare(@$_) foreach
	[ '635v4', 'Usage', $document{'/tmf-api/usageManagement/v4/'}, schema('Usage') ],
	[ '635v4', 'UsageSpecification', $document{'/tmf-api/usageManagement/v4/'}, schema('UsageSpecification') ],
	[ '727v4', 'ServiceUsage', $document{'/tmf-api/serviceUsage/v4/'}, schema('ServiceUsage') ],
	[ '727v5', 'ServiceUsageSpecification', $document{'/tmf-api/serviceUsage/v4/'}, schema('ServiceUsageSpecification') ];

# Each event that a document has, and none that it has not
foreach my $r ([ '635v4', 'usage', 'usage_specification' ], [ '727v4', 'service_usage' ], [ '727v5', 'service_usage_specification' ])
{
	my ($file, @nouns) = @$r;
	my $d = $document{ $file eq '635v4' ? '/tmf-api/usageManagement/v4/' : '/tmf-api/serviceUsage/v4/' };
	my @events = map { rows($node, $db, "SELECT name FROM usage_mgmt.event_types('$_') WHERE version = 'v4'") } @nouns;
	my $callbacks = $d->{paths}{'/hub'}{post}{callbacks};

	is(join(', ', sort @events), join(', ', sort grep { /Event$/ } keys %{ $schema{$file} }), "$file: its events");
	is(join(', ', grep { !$callbacks->{$_} } @events), '', "$file: a listener is sent them");
	foreach my $event (@events)
	{
		compare($file, $event, $d, schema($event));
		is(join(' ', sort keys %{ delete $differs{"$event: theirs"} }),
			'correlationId description domain ' . ($event =~ /SpecificationStateChange/ ? 'fieldPath ' : '') . 'priority title', "$event: what nobody tells us");
		is(join(' ', @{ resolved($d, schema($event))->{properties}{eventType}{enum} }), $event, "$event: its type");
		delete $differs{"$event: eventType is string, ours word"};
	}
}
is(join("\n", map { join ' ', $_, sort keys %{ $differs{$_} } } sort keys %differs), join("\n", sort grep { /\S/ } split /\n/, <<'DIFFERENCES'), 'what differs from the documents is what is listed here');
AttachmentRefOrValue: content is base64, ours string
AttachmentRefOrValue: href is string, ours uri
AttachmentRefOrValue: theirs @baseType @referredType @schemaLocation @type size
AttachmentRefOrValue: url is string, ours uri
CharacteristicSpecification: maxCardinality is integer, ours number
CharacteristicSpecification: minCardinality is integer, ours number
CharacteristicSpecification: ours category presence
CharacteristicSpecification: theirs @baseType @schemaLocation @type @valueSchemaLocation charSpecRelationship
CharacteristicValueSpecification: ours value
CharacteristicValueSpecification: theirs @baseType @schemaLocation @type
CharacteristicValueSpecification: valueFrom is integer, ours number or string
CharacteristicValueSpecification: valueTo is integer, ours number or string
ConstraintRef: href is string, ours uri
ConstraintRef: theirs @baseType @referredType @schemaLocation @type
EntitySpecificationRelationship: href is string, ours uri
EntitySpecificationRelationship: ours id
EntitySpecificationRelationship: theirs @baseType @referredType @schemaLocation @type associationSpec
Money: theirs @baseType @schemaLocation @type href id
ProductRef: @schemaLocation is uri, ours string
RatedProductUsage: @schemaLocation is uri, ours string
RelatedParty: @schemaLocation is uri, ours string
RelatedParty: ours alias status validFor
RelatedPartyRefOrPartyRoleRef: ours @referredType alias href id name status validFor
RelatedPartyRefOrPartyRoleRef: theirs partyOrPartyRole
ServiceRef: @schemaLocation is uri, ours string
ServiceSpecificationRef: href is string, ours uri
ServiceUsage: @schemaLocation is uri, ours string
ServiceUsageCharacteristic: theirs @baseType @schemaLocation @type characteristicRelationship id valueType
ServiceUsageSpecRelationship: href is string, ours uri
ServiceUsageSpecRelationship: theirs @baseType @referredType @schemaLocation @type
ServiceUsageSpecification: href is string, ours uri
ServiceUsageSpecification: lifecycleStatus is string, ours word
ServiceUsageSpecificationRef: @schemaLocation is uri, ours string
TimePeriod: theirs @baseType @schemaLocation @type href id
Usage: @schemaLocation is uri, ours string
UsageCharacteristic: theirs @baseType @schemaLocation @type characteristicRelationship id valueType
UsageSpecification: @schemaLocation is uri, ours string
UsageSpecification: lifecycleStatus is string, ours word
UsageSpecificationRef: theirs @baseType @referredType @schemaLocation @type
DIFFERENCES

done_testing();
