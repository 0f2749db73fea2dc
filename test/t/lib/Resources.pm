# What the tests over all resources know of each: its names, and its attributes with two
# values each, the second the greater. Written from the standard, not from the model.
#
# An attribute is [name, kind, value, other value, more...]. A name or a value that differs
# between versions is a hash by version. More are:
#   ask        what a query string calls it where it is no scalar: [name, value, other value]
#   mandatory  without it a record is refused: 1, or the versions in which that is so
#   inner      what is mandatory in it, as paths of its own: ['[0].name', ...]
#   loaded     a load does not fill it in (loaded_inner: paths in it)
#   fixed      it never changes
#   rated      what is mandatory in it in a rated record
#   dates      it dates the resource
#   column     where an UPDATE finds it
# Values are JSON as the store writes it, so that a document made of them comes back as it is.

package Resources;

use strict;
use warnings;
use Exporter 'import';

our @EXPORT = qw(resources describe document in_version name_in value_in literal);

my $money = '{"unit":"EUR","value":%s}';
my $rating = '"ratingDate":"%s","usageRatingTag":"usage","isBilled":false,"ratingAmountType":"total",'
	. '"taxIncludedRatingAmount":%s,"taxExcludedRatingAmount":%s,"taxRate":%s,"isTaxExempt":false,"offerTariffType":"normal",';

# A rated product usage of either version
sub rating
{
	my ($date, $rate) = @_;

	return { 'r14.5' => '[{' . sprintf($rating, $date, '12.00', '10.0', $rate) . '"currencyCode":"EUR","productRef":"http://host/product/1"}]',
		v4 => '[{' . sprintf($rating, $date, sprintf($money, '12.00'), sprintf($money, '10.0'), $rate)
			. '"productRef":{"id":"1","href":"http://host/product/1"}}]' };
}

my %rated = ('r14.5' => [ map { "[0].$_" } qw(ratingDate taxIncludedRatingAmount taxExcludedRatingAmount taxRate currencyCode productRef) ],
	v4 => [ map { "[0].$_" } qw(ratingDate taxRate productRef) ]);

# What v5 has for the characteristics of a specification; R14.5 has them under other names.
sub spec_characteristic
{
	my ($name, $from, $version) = @_;
	my $values = $version eq 'r14.5' ? 'usageSpecCharacteristicValue' : 'characteristicValueSpecification';
	my $default = $version eq 'r14.5' ? 'default' : 'isDefault';
	my $bound = $version eq 'r14.5' ? "\"$from\"" : $from;

	return "[{\"name\":\"$name\",\"description\":\"of $name\",\"configurable\":true,\"maxCardinality\":1,"
		. "\"$values\":[{\"valueType\":\"number\",\"$default\":false,\"valueFrom\":$bound,\"unitOfMeasure\":\"s\"}]}]";
}

my @extensible = (['@type', 'text', '"A"', '"B"'], ['@schemaLocation', 'text', '"http://host/a"', '"http://host/b"']);
my @extra = (['priority', 'extra', '1', '2', ask => ['extra.priority', 1, 2]]);
my $party = sub { my ($role, $id) = @_; "[{\"role\":\"$role\",\"id\":\"$id\",\"href\":\"http://host/party/$id\",\"name\":\"a name\","
	. '"validFor":{"startDateTime":"2001-01-01T00:00:00Z"},"@referredType":"Individual","level":' . $id . '}]' };
my @party = ($party->('customer', 1), $party->('owner', 2), ask => ['relatedParty.role', 'customer', 'owner']);

# The attributes of a specification, by what its versions call them
sub specification
{
	my ($status, $characteristics, %more) = @_;

	return [
		['name', 'text', '"one"', '"two"', %{ $more{name} // {} }],
		['description', 'text', '"first"', '"second"', column => 'description'],
		['version', 'text', '"1.0"', '"2.0"'],
		['isBundle', 'bool', 'false', 'true'],
		['lastUpdate', 'time', '"2001-01-01T00:00:00Z"', '"2001-02-01T00:00:00.5Z"'],
		[$status, 'status', '"in study"', '"in design"', column => 'status', %{ $more{status} // {} }],
		['validFor', 'object', '{"startDateTime":"2001-01-01T00:00:00Z"}', '{"startDateTime":"2001-02-01T00:00:00Z","endDateTime":"2001-03-01T00:00:00Z"}',
			ask => ['validFor.startDateTime', '2001-01-01', '2001-02-01']],
		[$characteristics, 'tree',
			(map { my $place = $_; +{ map { $_ => spec_characteristic(@$place, $_) } 'r14.5', 'v4' } } ['duration', 0], ['volume', 5]),
			inner => ['[0].name', { 'r14.5' => '[0].usageSpecCharacteristicValue[0].valueType', v4 => '[0].characteristicValueSpecification[0].valueType' }],
			ask => [{ map { my $v = $_; $v => (ref $characteristics ? $characteristics->{$v} : $characteristics) . '.name' } 'r14.5', 'v4' }, 'duration', 'volume']],
		['relatedParty', 'list', @party, inner => [{ 'r14.5' => '[0].role' }], loaded_inner => [{ v4 => '[0].role' }]],
		['attachment', 'tree', '[{"id":"a","url":"http://host/a"}]', '[{"id":"b","url":"http://host/b"}]', ask => ['attachment.id', 'a', 'b']],
		['constraint', 'tree', '[{"id":"a","version":"1"}]', '[{"id":"b","version":"2"}]', ask => ['constraint.version', 1, 2]],
		['entitySpecRelationship', 'tree', '[{"id":"a","relationshipType":"x"}]', '[{"id":"b","relationshipType":"y"}]',
			ask => ['entitySpecRelationship.id', 'a', 'b']],
		['targetEntitySchema', 'branch', '{"@type":"A","@schemaLocation":"http://host/a"}', '{"@type":"B","@schemaLocation":"http://host/b"}',
			ask => ['targetEntitySchema.@type', 'A', 'B']],
		@{ $more{attributes} // [] }, @extensible, @extra ];
}

my @characteristics = ('[{"name":"duration","value":20,"unit":"s"},{"name":"own name","value":"0.10"}]',
	'[{"name":"duration","value":30.50,"unit":"s"},{"name":"own name","value":{"a":[1,null]}}]',
	ask => ['usageCharacteristic.duration', 20, 30.5], inner => ['[0].name', '[0].value']);
my @specification_ref = ('{"id":"1","href":"/specification/1","name":"one"}', '{"id":"2","href":"/specification/2","name":"two"}',
	ask => ['usageSpecification.id', 1, 2]);

my @resources = ({
	noun => 'usage', plural => 'usages', label => 'usage', versions => [ 'r14.5', 'v4' ],
	path => { 'r14.5' => '/usageManagement/usage/', v4 => '/tmf-api/usageManagement/v4/usage/' },
	date => 'usage_date', first => 'received', life => 'usage_status', closed => 'billed',
	rated => { map { $_ => 1 } qw(rated rerated billed) }, rating => 'ratedProductUsage',
	attributes => [
		[{ 'r14.5' => 'date', v4 => 'usageDate' }, 'time', '"2001-01-15T12:00:00Z"', '"2001-02-15T12:00:00.123456Z"',
			column => 'usage_date', mandatory => { 'r14.5' => 1 }, loaded => 1, dates => 1],
		[{ 'r14.5' => 'type', v4 => 'usageType' }, 'text', '"DATA"', '"VOICE"', column => 'usage_type', mandatory => { 'r14.5' => 1 }, loaded => 1],
		['description', 'text', '"first"', '"second"', column => 'description'],
		['status', 'status', '"guided"', '"rated"', column => 'status'],
		['usageSpecification', 'object', @specification_ref],
		['usageCharacteristic', 'characteristics', @characteristics],
		['relatedParty', 'list', @party, inner => [{ 'r14.5' => '[0].role' }], loaded_inner => [{ v4 => '[0].role' }]],
		['ratedProductUsage', 'list', rating('2001-02-01T00:00:00Z', 20), rating('2001-03-01T00:00:00Z', 25),
			ask => ['ratedProductUsage.taxRate', 20, 25], rated => \%rated],
		@extensible, @extra ]
	}, {
	noun => 'usage_specification', plural => 'usage_specifications', label => 'usage specification', versions => [ 'r14.5', 'v4' ],
	path => { 'r14.5' => '/usageManagement/usageSpecification/', v4 => '/tmf-api/usageManagement/v4/usageSpecification/' },
	first => 'in study', life => 'usage_specification_status',
	attributes => specification({ 'r14.5' => 'status', v4 => 'lifecycleStatus' },
		{ 'r14.5' => 'usageSpecCharacteristic', v4 => 'specCharacteristic' })
	}, {
	noun => 'service_usage', plural => 'service_usages', label => 'service usage', versions => [ 'v4' ], lacks => [ 'r14.5' ],
	path => { v4 => '/tmf-api/serviceUsage/v4/serviceUsage/' },
	date => 'usage_date', life => 'service_usage_status',
	attributes => [
		['usageDate', 'time', '"2001-01-15T12:00:00Z"', '"2001-02-15T12:00:00.123456Z"', column => 'usage_date', loaded => 1, fixed => 1, dates => 1],
		['usageType', 'text', '"DATA"', '"VOICE"', column => 'usage_type'],
		['description', 'text', '"first"', '"second"', column => 'description'],
		['status', 'status', '"generated"', '"archived"', column => 'status', mandatory => 1],
		['usageSpecification', 'object', @specification_ref],
		['service', 'object', '{"id":"1","href":"/service/1","name":"one","@referredType":"Service"}', '{"id":"2","href":"/service/2","name":"two","@referredType":"Service"}',
			ask => ['service.id', 1, 2]],
		['usageCharacteristic', 'characteristics', @characteristics],
		['relatedParty', 'list', @party],
		@extensible, @extra ]
	}, {
	noun => 'service_usage_specification', plural => 'service_usage_specifications', label => 'service usage specification', versions => [ 'v4' ], lacks => [ 'r14.5' ],
	path => { v4 => '/tmf-api/serviceUsage/v4/serviceUsageSpecification/' },
	life => 'usage_specification_status',
	attributes => specification('lifecycleStatus', 'specCharacteristic', name => { mandatory => 1 }, status => { mandatory => 1 })
	});

describe($_) foreach @resources;

sub resources { return @resources }

# A description in the form that the tests read: attributes are hashes.
sub describe
{
	my ($r) = @_;

	$_ = { name => $_->[0], kind => $_->[1], values => [ @$_[2, 3] ], @$_[4 .. $#$_] } foreach @{ $r->{attributes} };
	($r->{dated}) = grep { $_->{dates} } @{ $r->{attributes} };
	($r->{status}) = grep { $_->{kind} eq 'status' } @{ $r->{attributes} };
	return $r;
}

# A name, a value or a path as one version has it
sub in_version { my ($what, $version) = @_; return ref $what eq 'HASH' ? $what->{$version} : $what }

sub name_in { my ($attribute, $version) = @_; return in_version($attribute->{name}, $version) }

sub value_in { my ($attribute, $version, $which) = @_; return in_version($attribute->{values}[$which], $version) }

# The document of all first or all second values, but for those given, as the store gives
# it back.
sub document
{
	my ($r, $version, $which, $id, %instead) = @_;
	my $href = "$r->{path}{$version}$id" =~ s/ /%20/gr;

	return "{\"id\":\"$id\",\"href\":\"$href\"," . join(',', map {
		my $name = name_in($_, $version);
		"\"$name\":" . ($instead{$name} // value_in($_, $version, $which)) } @{ $r->{attributes} }) . '}';
}

# A literal of SQL
sub literal
{
	my ($text) = @_;

	return 'NULL' if !defined $text;
	return "'" . $text =~ s/'/''/gr . "'" if $text !~ /\\/;
	return "E'" . $text =~ s/(['\\])/$1$1/gr . "'";
}

1;
