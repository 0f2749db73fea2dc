# Every event that a version has is what TM Forum's OpenAPI documents say of it, down to the
# last member: nothing mandatory is missing, nothing is of another type, nothing is there that
# they do not know, and all that they know of a resource can be in its events. R14.5 has no
# such document: its events are in test/sql/90_events.sql.

use strict;
use warnings;
use FindBin;
use JSON::PP;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('schemas');
my $db = 'schemas';

new_store($node, $db);

# ---- the documents' schemas: each a hash of members, or a list of words ----

my %schema;
foreach (grep { !/^#/ } split /\n/, slurp_file("$FindBin::Bin/../data/event-schemas.txt"))
{
	if (my ($document, $name, $words) = /^(\w+) (\w+) = (.*)/)
	{
		$schema{$document}{$name} = [ split / /, $words ];
		next;
	}
	my ($document, $name, $members) = /^(\w+) (\w+):(?: (.*))?$/ or die "not a schema: $_";
	my %member;

	foreach (split /, /, $members // '')
	{
		my ($member, $mandatory, $type) = /^([\w@]+)(\*?) (\S+)$/ or die "no member: $_";
		$member{$member} = { type => $type, mandatory => $mandatory ne '' };
	}
	$schema{$document}{$name} = \%member;
}

my %used;		# members that were there, by document and schema

sub is_text { return !ref $_[0] && JSON::PP->new->allow_nonref->encode($_[0]) =~ /^"/ }
sub is_number { return !ref $_[0] && JSON::PP->new->allow_nonref->encode($_[0]) =~ /^-?\d/ }

my %is_of = (
	string => \&is_text,
	base64 => sub { return is_text($_[0]) && $_[0] =~ m{^[A-Za-z0-9+/]+=*$} },
	uri => sub { return is_text($_[0]) && $_[0] =~ /^[!-~]+$/ },
	'date-time' => sub { return is_text($_[0]) && $_[0] =~ /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/ },
	boolean => \&JSON::PP::is_bool,
	number => \&is_number,
	integer => sub { return is_number($_[0]) && $_[0] !~ /[.eE]/ });

# What is wrong with a value: its paths, each with why.
sub faults
{
	my ($document, $type, $value, $path) = @_;

	if (my ($of) = $type =~ /^\[(.*)\]$/)
	{
		return "$path is no list" if ref $value ne 'ARRAY';
		return map { faults($document, $of, $value->[$_], "$path\[$_]") } 0 .. $#$value;
	}
	return $is_of{$type}->($value) ? () : "$path is no $type" if $is_of{$type};

	my $schema = $schema{$document}{$type} or die "$document has no $type";
	return (grep { is_text($value) && $_ eq $value } @$schema) ? () : "$path is no $type" if ref $schema eq 'ARRAY';
	return if !%$schema;
	return "$path is no object" if ref $value ne 'HASH';
	$used{$document}{$type}{$_} = 1 foreach keys %$value;
	return ((map { $schema->{$_} ? faults($document, $schema->{$_}{type}, $value->{$_}, "$path.$_") : "$path.$_ is not known" } sort keys %$value),
		map { $schema->{$_}{mandatory} && !exists $value->{$_} ? "$path.$_ is missing" : () } sort keys %$schema);
}

# ---- a resource of each kind that has all that its document knows ----

my $typed = '"@type": "T", "@baseType": "B", "@schemaLocation": "http://host/schema"';
my $known = '"id": "k", "href": "http://host/k", ';		# what 635 lets more objects have than 727 does
my $period = '{"startDateTime": "2026-01-01T00:00:00Z", "endDateTime": "2026-02-01T00:00:00Z"}';
my $known_period = $period =~ s/\{/{$known$typed, /r;

sub reference { return "{\"id\": \"1\", \"href\": \"http://host/1\", \"name\": \"n\", \"\@referredType\": \"R\", $typed" . join('', map { ", $_" } @_) . '}' }

my $characteristic = "[{\"id\": \"c\", \"name\": \"duration\", \"value\": 20, \"valueType\": \"number\", $typed,
	\"characteristicRelationship\": [{\"id\": \"r\", \"href\": \"http://host/r\", \"relationshipType\": \"dependency\", $typed}]}]";
my $party = '[' . reference('"role": "customer"') . ']';
my $money = "{\"id\": \"m\", \"href\": \"http://host/m\", \"unit\": \"EUR\", \"value\": 12.50, $typed}";
my $attachment = '[' . reference('"attachmentType": "picture", "content": "aGVsbG8=", "description": "d", "mimeType": "image/png", "url": "http://host/a"',
	'"size": {"amount": 1, "units": "kB"}', "\"validFor\": $period") . ']';
my $relation = '"relationshipType": "extends", "role": "r", "validFor": ' . $period;

# Of a specification: what all its documents have, with the parties in the document's shape
sub specification
{
	my ($parties, $known, $period, @more) = @_;

	return "{\"id\": \"s 1\", \"name\": \"voice\", \"description\": \"d\", \"version\": \"1\", \"isBundle\": false, \"lastUpdate\": \"2026-01-01T00:00:00Z\",
		\"lifecycleStatus\": \"in design\", \"validFor\": $period, $typed, \"relatedParty\": $parties, \"attachment\": $attachment,
		\"constraint\": [" . reference('"version": "1"') . "],
		\"targetEntitySchema\": {\"\@type\": \"T\", \"\@schemaLocation\": \"http://host/schema\"},
		\"specCharacteristic\": [{\"id\": \"c\", \"name\": \"duration\", \"description\": \"d\", \"configurable\": true, \"extensible\": false, \"isUnique\": true,
			\"minCardinality\": 0, \"maxCardinality\": 1, \"regex\": \"[0-9]+\", \"valueType\": \"number\", \"validFor\": $period, \"\@valueSchemaLocation\": \"v\", $typed,
			\"charSpecRelationship\": [{$known\"characteristicSpecificationId\": \"c\", \"name\": \"n\", \"parentSpecificationHref\": \"http://host/p\",
				\"parentSpecificationId\": \"p\", \"relationshipType\": \"x\", \"validFor\": $period, $typed}],
			\"characteristicValueSpecification\": [{\"isDefault\": true, \"rangeInterval\": \"closed\", \"regex\": \"[0-9]+\", \"unitOfMeasure\": \"s\", \"valueFrom\": 0,
				\"valueTo\": 10, \"valueType\": \"number\", \"validFor\": $period, $typed" . ($more[0] // '') . '}]}]' . ($more[1] // '') . '}';
}

my @resources = (
	{ noun => 'usage', document => '635v4', was => 'guided',
		whole => "{\"id\": \"u 1\", \"usageDate\": \"2026-03-01T10:00:00Z\", \"usageType\": \"VOICE\", \"description\": \"d\", \"status\": \"rated\", $typed,
			\"usageSpecification\": " . reference() . ", \"usageCharacteristic\": $characteristic, \"relatedParty\": $party,
			\"ratedProductUsage\": [{\"ratingDate\": \"2026-03-02T00:00:00Z\", \"usageRatingTag\": \"usage\", \"isBilled\": false, \"ratingAmountType\": \"total\",
				\"taxIncludedRatingAmount\": $money, \"taxExcludedRatingAmount\": $money, \"taxRate\": 20, \"isTaxExempt\": false, \"offerTariffType\": \"normal\",
				\"bucketValueConvertedInAmount\": $money, \"productRef\": " . reference() . ", $typed}]}" },
	{ noun => 'usage_specification', document => '635v4', was => 'in study',
		whole => specification($party, $known, $known_period, ', "value": "5"', ', "entitySpecRelationship": [' . reference($relation, '"associationSpec": ' . reference()) . ']') },
	{ noun => 'service_usage', document => '727v4', was => 'generated',
		whole => "{\"id\": \"v 1\", \"usageDate\": \"2026-03-01T10:00:00Z\", \"usageType\": \"VOICE\", \"description\": \"d\", \"status\": \"archived\", $typed,
			\"usageSpecification\": " . reference() . ', "service": ' . reference() . ", \"usageCharacteristic\": $characteristic, \"relatedParty\": $party}" },
	{ noun => 'service_usage_specification', document => '727v5', was => 'in study',
		whole => specification('[{"role": "owner", ' . $typed . ', "partyOrPartyRole": ' . reference('"partyId": "p", "partyName": "n"') . '}]', '', $period, '',
			', "entitySpecRelationship": [{"href": "http://host/e", "name": "n", "@baseType": "B", "@schemaLocation": "http://host/schema", ' . $relation
			. ', "associationSpec": ' . reference() . '}], "serviceSpecification": ' . reference('"version": "1"')
			. ', "serviceUsageSpecRelationship": [' . reference($relation) . ']') });

# ---- every type of event of each ----

# The members that an event has in the documents and none of ours: nobody tells us of them.
my %left_out = map { $_ => 1 } qw(correlationId domain title description priority);
my $seen;

foreach my $r (@resources)
{
	my $name = $r->{noun};
	my %of_model = map { $_ => 1 } rows($node, $db, "SELECT name FROM usage_mgmt.event_types('$name') WHERE version = 'v4'");
	my %sent;

	$node->safe_psql($db, "SELECT usage_mgmt.post_$name(\$\$$r->{whole}\$\$::text, 'v4')");
	foreach my $event (map { decode_json($_) } rows($node, $db, <<"SQL"))
SELECT usage_mgmt.event_of(u, kind, '$r->{was}', changed, '', 'v4')
FROM usage_mgmt.$name u, unnest('{create,update,delete}'::text[]) kind,
	(SELECT array_agg(name) AS changed FROM usage_mgmt.resource_columns('$name')) c
SQL
	{
		my $type = $event->{eventType};

		$sent{$type}++;
		ok($schema{ $r->{document} }{$type}, "$type: $r->{document} has it") or next;
		is(join(', ', faults($r->{document}, $type, $event, $type)), '', "$type is as in $r->{document}");
		is(join(', ', grep { !$left_out{$_} && !exists $event->{$_} && !($_ eq 'fieldPath' && $type =~ /StateChange/) } sort keys %{ $schema{ $r->{document} }{$type} }), '',
			"$type: all is there that we know of");
		$seen = $event if $type eq 'UsageCreateEvent';
	}
	is(join(', ', sort keys %sent), join(', ', sort keys %of_model), "$name: each type of the model is sent");
	is(join(', ', grep { $_ != 1 } values %sent), '', "$name: once");
}
foreach my $document (sort keys %schema)
{
	my @events = grep { /Event$/ } keys %{ $schema{$document} };

	is(join(', ', grep { !$used{$document}{$_} } sort @events), '', "$document: no event is left out");
	foreach my $type (grep { ref $schema{$document}{$_} eq 'HASH' && !/Event$/ } sort keys %{ $schema{$document} })
	{
		my $members = join ', ', sort keys %{ $used{$document}{$type} // {} };

		is($members, join(', ', sort keys %{ $schema{$document}{$type} }), "$document: events can have all of a $type");
	}
}

# ---- what the check itself sees ----

sub broken
{
	my ($change) = @_;
	my $event = decode_json(encode_json($seen));

	$change->($event, $event->{event}{usage});
	return join ', ', faults('635v4', 'UsageCreateEvent', $event, 'e');
}

is(broken(sub { $_[0]{timeOccurred} = $_[0]{eventTime} }), 'e.timeOccurred is not known', 'a member too many is seen');
is(broken(sub { delete $_[1]{relatedParty}[0]{id} }), 'e.event.usage.relatedParty[0].id is missing', 'one too few');
is(broken(sub { $_[1]{ratedProductUsage}[0]{taxRate} .= '' }), 'e.event.usage.ratedProductUsage[0].taxRate is no number', 'one of another type');
is(broken(sub { $_[1]{status} = 'Rated' }), 'e.event.usage.status is no UsageStatusType', 'a word that is none');
is(broken(sub { $_[1]{relatedParty} = {} }), 'e.event.usage.relatedParty is no list', 'an object for a list');
is(broken(sub { $_[0]{eventTime} = '2026-03-01' }), 'e.eventTime is no date-time', 'a day for a time');

done_testing();
