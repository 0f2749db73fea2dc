# docs/conformance.md: its attributes are those of the model and are kept and checked as it
# says, its functions are there and none is missing, its tests are of what they are named for.

use strict;
use warnings;
use FindBin;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('conformance');
my $db = 'conformance';
my $top = "$FindBin::Bin/../..";
my $page = slurp_file("$top/docs/conformance.md");

new_store($node, $db);

sub catalog { return map { [ split /\|/, $_, -1 ] } rows($node, $db, $_[0]) }

# Two lists have the same members; says which they have not.
sub same
{
	my ($page_says, $is, $what) = @_;
	my %page_says = map { $_ => 1 } @$page_says;
	my %is = map { $_ => 1 } @$is;

	is(join(', ', sort grep { !$page_says{$_} } keys %is), '', "$what: the page lacks none");
	is(join(', ', sort grep { !$is{$_} } keys %page_says), '', "$what: the page names none that is not");
	return;
}

sub code { return $_[0] =~ /`([^`]+)`/g }
sub states { return $_[0] =~ /\b(\d[0-9A-Z]\d{3}|\d\dP\d\d|UM\d{3}|P\d{4})\b/g }

# ---- the page: rows by heading, each a hash by the head of its table ----

my (%rows, %text, @headings, @head);
foreach (split /\n/, $page)
{
	if (/^##+ (.*)/)
	{
		push @headings, $1;
		next;
	}
	next if !@headings;
	$text{ $headings[-1] } .= "$_\n";
	if (!/^\|/)
	{
		@head = ();
		next;
	}
	next if /^\|[-|]+$/;
	my @cells = map { s/^\s+|\s+$//gr } split /\|/, s/^\||\|$//gr, -1;
	if (@head) { push @{ $rows{ $headings[-1] } }, { map { $head[$_] => $cells[$_] } 0 .. $#head } }
	else { @head = map { $_ eq '' ? 'note' : $_ } @cells }
}

my %anchor = map { lc(s/[^\w ]//gr =~ s/ /-/gr) => 1 } @headings;
is(join(', ', grep { !$anchor{$_} } $page =~ /\]\(#([^)]*)\)/g), '', 'links lead to headings');

# ---- the model: what each column is called, and every name there is ----

my (%spelled, %model_name);
my $model = slurp_file("$top/src/model.c");
$model =~ s{/\*.*?\*/}{}gs;
# A row is a macro, which says as much as what it stands for
$model =~ s/ATTRIBUTE\("(.*?)", (\w+), /.name = BOTH("$1"), .kind = $2, .column = /g;
$model =~ s/COUNTED\("(.*?)", /.name = BOTH("$1"), .kind = UM_NUMBER, .column = /g;
$model =~ s/OBJECT\("(.*?)"/.name = BOTH("$1")/g;
# References are a macro, which makes columns of a prefix
my ($reference) = $model =~ /^#define REFERENCE\(.*?\)(.*?)\n\}$/ms;
$model .= $reference =~ s/column_ "(\w+)"/"$_$1"/gr foreach $model =~ /^REFERENCE\(\w+, "(\w+)"/mg;
foreach my $attribute ($model =~ /(\.name = .*?)(?=\.name = |\z)/gs)
{
	my ($names) = $attribute =~ /^\.name = (BOTH\(".*?"\)|\{.*?\})/ or next;
	my ($aliases) = $attribute =~ /\.alias = (\{.*?\})/s;
	my ($column) = $attribute =~ /\.column = "(\w+)"/;

	$model_name{$_} = 1 foreach $names =~ /"([^"]+)"/g;
	$spelled{$column}{$_} = 1 foreach defined $column ? "$names $aliases" =~ /"([^"]+)"/g : ();
}
cmp_ok(scalar keys %model_name, '>', 80, 'the model is read');
is(join(', ', sort grep { $page !~ /(?<![\w@])\Q$_\E(?!\w)/ } keys %model_name), '', 'attributes of the model: the page lacks none');

# ---- attributes and columns ----

my %internal = map { $_ => 1 } qw(rejection received_at changed_at load_id agent leased_until next_at failures life claims cancelled_at started_at total_bytes);
my %relation = map { $_->[0] => 1 } catalog("SELECT relname FROM pg_class WHERE relnamespace = 'usage_mgmt'::regnamespace");
my (%said, %needed);

# The names of a row, as its version has them: validFor.startDateTime, .value
sub names_of
{
	my ($row) = @_;

	return map { s/^\.//r } grep { $_ ne 'any other' } map { split /, /, $row->{$_} // '' } 'R14.5', 'v4';
}

foreach my $heading (grep { $rows{$_} && exists $rows{$_}[0]{'kept in'} } @headings)
{
	my ($relation) = $text{$heading} =~ /(?:[Tt]able|[Cc]olumns? of|[Cc]omposite type)\s+`(\w+)`/ or die "$heading is of no table";

	my %column = map { $_->[0] => 1 } catalog("SELECT attname FROM pg_attribute WHERE attrelid = 'usage_mgmt.$relation'::regclass AND attnum > 0 AND NOT attisdropped");
	my ($resource) = grep { $_ eq $relation } map { @$_ } catalog('SELECT noun FROM usage_mgmt.resources()');

	foreach my $row (@{ $rows{$heading} })
	{
		my @names = names_of($row);
		my @columns = code($row->{'kept in'});

		push @{ $said{$relation} }, @columns;
		is(join(', ', grep { !$column{$_} } @columns), '', "$heading: columns of \"@names\"");
		foreach my $n (0 .. $#names)
		{
			my ($name) = $names[$n] =~ /([^.]+)$/;
			my $column = @columns == 1 ? $columns[0] : $columns[$n] // next;

			next if $column eq 'extra' || $column eq 'usage_characteristic' && $heading ne 'Usage';
			# a member of Money has its column by a macro
			ok($spelled{$column}{$name} || $row->{v4} =~ /^\.(?:value|unit)/, "$heading: $name is kept in $column");
			next if !defined $resource || $names[$n] =~ /\./ || $heading =~ /Ref$/;
			my $understood = $node->safe_psql($db, "SELECT '$name' = ANY (usage_mgmt.attribute_names('$relation', '$column'))");
			is($understood, 't', "$heading: $name is understood");
		}
	}
}
is(join(', ', grep { !$said{$_} } map { @$_ } catalog('SELECT noun FROM usage_mgmt.resources()')), '', 'resources: the page lacks none');
foreach my $relation (sort keys %said)
{
	my @is = map { $_->[0] } catalog("SELECT attname FROM pg_attribute WHERE attrelid = 'usage_mgmt.$relation'::regclass AND attnum > 0 AND NOT attisdropped");

	same($said{$relation}, [ grep { !$internal{$_} } @is ], "columns of $relation");
}

# ---- what is mandatory ----

# Of each resource: a document that lacks it all, and the sections, each with where its attributes are in it
foreach (['usage', '{"status": "rated", "usageCharacteristic": [{}], "relatedParty": [{}], "ratedProductUsage": [{}]}',
		'Usage' => '', 'UsageCharacteristic' => 'usageCharacteristic[0].', 'RelatedPartyRef' => 'relatedParty[0].',
		'RatedProductUsage' => 'ratedProductUsage[0].'],
	['usage_specification', '{"usageSpecCharacteristic": [{"usageSpecCharacteristicValue": [{}]}], "relatedParty": [{}]}',
		'Usage specification' => '', 'UsageSpecCharacteristic' => 'usageSpecCharacteristic[0].',
		'UsageSpecCharacteristicValue' => 'usageSpecCharacteristic[0].usageSpecCharacteristicValue[0].', 'RelatedPartyRef' => 'relatedParty[0].'],
	['import_job', '{}', 'Import job' => ''],
	['service_usage', '{"usageSpecification": {"name": "x"}, "service": {"name": "x"}, "usageCharacteristic": [{}], "relatedParty": [{}]}',
		'Service usage' => '', 'UsageCharacteristic' => 'usageCharacteristic[0].', 'Party of a service usage' => 'relatedParty[0].'],
	['service_usage_specification', '{"specCharacteristic": [{"characteristicValueSpecification": [{}]}], "serviceSpecification": {"name": "x"}}',
		'Service usage specification' => '', 'UsageSpecCharacteristic' => 'specCharacteristic[0].',
		'UsageSpecCharacteristicValue' => 'specCharacteristic[0].characteristicValueSpecification[0].'])
{
	my ($resource, $document, @sections) = @$_;
	my @said;

	while (my ($heading, $prefix) = splice @sections, 0, 2)
	{
		push @said, map { $prefix . (names_of($_))[0] } grep { $_->{rule} =~ /^(?:rated: )?23502/ } @{ $rows{$heading} };
	}
	my ($status, $out, $err) = $node->psql($db, "SELECT usage_mgmt.post_$resource('$document')");
	my ($detail) = $err =~ /DETAIL:\s+(\[.*\])/;

	same(\@said, [ $detail =~ /"path": "(.*?)", "code": "23502"/g ], "mandatory attributes of $resource");
}

# ---- service usages and their specifications, as usages and theirs ----

# What a service usage of the specification s ends with: its SQLSTATE and the first path
sub of_specification
{
	my ($setting, $characteristic) = @_;
	my ($status, $out, $err) = $node->psql($db, <<"SQL");
\\set VERBOSITY verbose
UPDATE usage_mgmt.setting SET value = '$setting' WHERE name = 'check_specification';
SELECT usage_mgmt.post_service_usage('{"status": "generated", "usageSpecification": {"id": "s"}, "usageCharacteristic": $characteristic}');
SQL

	return $status == 0 ? 'stored' : join ' ', $err =~ /ERROR:\s+(\w{5})/, $err =~ /"path": "(.*?)"/;
}

$node->safe_psql($db, <<'SQL');
SELECT usage_mgmt.post_service_usage_specification('{"id": "s", "name": "s", "lifecycleStatus": "active",
	"specCharacteristic": [{"name": "duration", "characteristicValueSpecification": [{"valueType": "number", "valueFrom": 0}]}],
	"serviceUsageSpecRelationship": [{"id": "parent", "relationshipType": "extends"}]}');
SELECT usage_mgmt.post_service_usage_specification('{"id": "parent", "name": "p", "lifecycleStatus": "in study",
	"specCharacteristic": [{"name": "volume", "maxCardinality": 1}]}');
SQL
is(of_specification('reject', '{"duration": 1, "volume": 2}'), 'stored', 'service usage: own and inherited characteristics');
is(of_specification('reject', '{"duration": -1}'), '23514 usageCharacteristic[0].value', 'service usage: out of its range');
is(of_specification('reject', '[{"name": "volume", "value": 1}, {"name": "volume", "value": 2}]'), '23514 usageCharacteristic[1].name',
	'service usage: an inherited one too often');
is(of_specification('mark', '{"colour": "red"}'), '23514 usageCharacteristic[0].name', 'service usage: it cannot be marked');
is(of_specification('off', '{"colour": "red"}'), 'stored', 'service usage: not checked');

# References come back with all that the page gives them: serviceSpecification.version, service.@referredType, …
foreach (['service_usage', 'Service usage', '"status": "generated", "relatedParty": [{"href": "/party/4", "@referredType": "Individual"}]',
		'relatedParty', '[{"id":"4","href":"/party/4","@referredType":"Individual"}]'],
	['service_usage_specification', 'Service usage specification', '"name": "n", "lifecycleStatus": "active",
		"serviceUsageSpecRelationship": [{"id": "s", "role": "r", "relationshipType": "dependency"}]',
		'serviceUsageSpecRelationship', '[{"id":"s","relationshipType":"dependency","role":"r"}]'])
{
	my ($resource, $heading, $more, $name, $value) = @$_;
	my %reference;

	push @{ $reference{ $_->[0] } }, "\"$_->[1]\":\"of $_->[1]\"" foreach map { /^(\w+)\.(.*)/ ? [ $1, $2 ] : () }
		map { names_of($_) } grep { $_->{v4} !~ /^validFor/ } @{ $rows{$heading} };
	my $references = join ', ', map { "\"$_\": {" . join(',', @{ $reference{$_} }) . '}' } sort keys %reference;
	my $got = "SELECT usage_mgmt.post_$resource('{\"id\": \"whole\", $more, $references}') -> ";

	is($node->safe_psql($db, "$got'$_'"), '{' . join(',', @{ $reference{$_} }) . '}', "$heading: $_ comes back") foreach sort keys %reference;
	is($node->safe_psql($db, "$got'$name'"), $value, "$heading: $name comes back");
}

# ---- common entities ----

my (%entity, $name);
foreach my $row (@{ $rows{'Common entities'} })
{
	$name = $row->{entity} if $row->{entity} ne '';
	foreach (split /, /, $row->{attribute})
	{
		my ($r14, $v4) = /^(@?\w+)(?: \((\w+)\))?$/;

		push @{ $entity{$name} }, { r14 => $r14, v4 => $v4 // $r14, kind => $row->{kind}, needed => scalar $row->{note} =~ /^M\b/ };
	}
}
my (undef, undef, $hint) = $node->psql($db, "SELECT usage_mgmt.check_entity('', '{}')");
same([ keys %entity ], [ $hint =~ /HINT:.* are (.*)\./ ? split /, /, $1 : () ], 'entities');
foreach my $entity (sort keys %entity)
{
	foreach my $version ('r14.5', 'v4')
	{
		my $names = $version eq 'v4' ? 'v4' : 'r14';
		my $faults = "SET usage_mgmt.tmf_version = '$version'; SELECT string_agg(concat_ws(' ', f ->> 'code', f ->> 'path'), ', ')
			FROM json_array_elements(usage_mgmt.check_entity('$entity', %s)) f";

		is($node->safe_psql($db, sprintf $faults, "'{}'"),
			join(', ', map { "23502 $_->{$names}" } grep { $_->{needed} } @{ $entity{$entity} }), "$entity, $version: what is mandatory");
		foreach my $attribute (grep { $_->{kind} ne 'any' } @{ $entity{$entity} })
		{
			like($node->safe_psql($db, sprintf $faults, "'{\"$attribute->{$names}\": [[]]}'"),
				qr/22P02 \Q$attribute->{$names}\E(?:\[0\])?(?:,|$)/, "$entity, $version: $attribute->{$names} is understood");
		}
	}
}

# ---- events ----

my (%event, $of);
foreach my $row (grep { exists $_->{kind} } @{ $rows{Events} })
{
	($of) = code($row->{resource}) if $row->{resource} ne '';
	push @{ $event{$of} }, map { "\L$_\E $row->{kind} $row->{$_}" } grep { $row->{$_} =~ /^\w+$/ } 'R14.5', 'v4';
}
foreach my $noun (map { @$_ } catalog('SELECT noun FROM usage_mgmt.resources()'))
{
	same($event{$noun} // [], [ map { "@$_" } catalog("SELECT * FROM usage_mgmt.event_types('$noun')") ], "events of $noun");
}

# ---- functions ----

my %function = map { $_->[0] => 1 } catalog("SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'usage_mgmt'::regnamespace");
my %documented;
foreach my $row (map { @{ $rows{$_} // [] } } @headings)
{
	foreach my $thing (map { code($_) } $row->{function} // ())
	{
		$documented{$thing} = 1;
		next if $thing =~ /^usagectl (?:import|export)$/;
		ok($function{$thing} || $relation{$thing}, "$thing is there");
	}
}
is(join(', ', sort grep { !$documented{$_} && /^(?:to_tmf|recycle_\w+|(?:post|get|put|patch|delete|count|explain)_\w+)$/ } keys %function),
	'', 'operations: the page lacks none');
ok($function{check_entity}, 'check_entity is there');

# ---- tests ----

# What a test consists of: its file, what it must print, the modules and the data it uses.
my %test_text;
sub text_of_test
{
	my ($test) = @_;

	return $test_text{$test} //= do
	{
		my @files = grep { -e } "$top/test/sql/$test.sql", "$top/test/specs/$test.spec", "$top/test/t/$test.pl", "$top/test/rest/$test.http", "$top/expected/$test.out";
		my $text = join '', map { slurp_file($_) } @files;

		$text .= slurp_file($_) foreach grep { -e } map { "$top/test/t/lib/$_.pm" } $text =~ /^use (\w+);/mg;
		$text;
	};
}

# Whether a test speaks of a name; of a function also as post_%1$s with the noun elsewhere.
sub speaks_of
{
	my ($test, $name) = @_;
	my $text = text_of_test($test);
	my ($verb, $noun) = $name =~ /^(post|get|put|patch|delete|count|explain)_(\w+)$/;

	return 1 if $text =~ /(?<!\w)\Q$name\E(?!\w)/;
	$noun =~ s/s(?:_each)?$// if defined $noun;
	return defined $verb && $text =~ /\b${verb}_[%\$]/ && $text =~ /\b$noun\b/;
}

foreach my $heading (@headings)
{
	foreach my $row (grep { exists $_->{tests} } @{ $rows{$heading} // [] })
	{
		my @tests = split /, /, $row->{tests};
		my $rule = join ' ', map { $row->{$_} // '' } qw(rule SQLSTATE here);
		my @names = map { /([^.]+)$/ } names_of($row), split /, /, $row->{attributes} // '';
		my $what = join ' ', $heading . ':', grep { $_ ne '' } map { $row->{$_} // '' } 'R14.5', 'v4', 'object', 'rule', 'operation', 'says';

		push @names, map { code($row->{$_} // '') } 'kept in', 'function';
		is(join(', ', grep { text_of_test($_) eq '' } @tests), '', "$what: its tests are there");
		ok(@tests > 0, "$what: it has one") if $what !~ /isten/;
		is(join(', ', grep { my $state = $_; !grep { text_of_test($_) =~ /\b$state\b/ } @tests } states($rule)), '', "$what: its tests know its SQLSTATEs");
		next if !@names || ($row->{'R14.5'} // '') eq 'any other';
		is(join(', ', grep { my $test = $_; !grep { speaks_of($test, $_) } @names } @tests), '', "$what: its tests speak of it");
	}
}

done_testing();
