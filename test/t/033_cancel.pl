# Inputs of a hundred thousand parts: every operation answers a cancel within a second,
# and none takes time that grows with the square of its input.

use strict;
use warnings;
use List::Util 'max';
use PostgreSQL::Test::Utils;
use Store;
use Test::More;

use constant {
	PARTS => 100_000,
	OPERATIONS => 10_000,
	TIMEOUT => 300,				# ms
	ANSWER => 1_000,			# ms, beyond the timeout
	TRIES => 3,					# other work on the machine is not ours
	ENOUGH => 30_000,			# ms; what is quadratic takes minutes
};

# What ends in an error all the same.
my %known = map { ("$_: faults" => '23502', "$_: no objects" => '22P02') } qw(post INSERT);
$known{'against the specification: misspelt'} = '23514';

# What asks for a product, each of these for each of those, so that its end is not waited for.
my %products = map { $_ => 1 } (
	'against the specification: ranged', 'marked: ranged', 'matches: repeated names', 'array in another',
	map { "10,000 values of $_" } qw(usageCharacteristic.c usageCharacteristic.value relatedParty.extra.x));
my $node = new_node('cancel');
my ($parts, $operations) = (PARTS, OPERATIONS);

new_store($node, 'cancel');
$node->safe_psql('cancel', <<"SQL");
CREATE TABLE input (name text PRIMARY KEY, document json);

-- a list or object of so many parts, each made by format() of its number
CREATE FUNCTION parts(form text, n int DEFAULT $parts) RETURNS text LANGUAGE sql AS
\$\$SELECT string_agg(replace(form, '#', i::text), ',') FROM generate_series(1, n) i\$\$;
CREATE FUNCTION usage_with(members text) RETURNS json LANGUAGE sql AS
\$\$SELECT ('{"date":"2026-03-01","type":"x",' || members || '}')::json\$\$;
CREATE FUNCTION input(name text) RETURNS json LANGUAGE sql STABLE AS
\$\$SELECT document FROM input WHERE name = \$1\$\$;

-- an array over HTTP, whose answer is raised again where it is an error
CREATE FUNCTION posted(elements text) RETURNS int LANGUAGE plpgsql AS \$\$
DECLARE
	answer text;
BEGIN
	PERFORM set_config('request.headers', '{"x-um-method":"POST","x-um-uri":"/usageManagement/usage"}', true);
	answer := convert_from(usage_api.write(convert_to('[' || elements || ']', 'UTF8')), 'UTF8');
	IF answer NOT LIKE '[%' THEN
		RAISE EXCEPTION USING ERRCODE = answer::json ->> 'code';
	END IF;
	RETURN length(answer);
END
\$\$;

INSERT INTO input VALUES
('texts', usage_with('"usageCharacteristic":[' || parts('{"name":"c#","value":"#"}') || ']')),
('numbers', usage_with('"usageCharacteristic":[' || parts('{"name":"c#","value":#.5}') || ']')),
('nested', usage_with('"usageCharacteristic":[' || parts('{"name":"c#","value":[#,{"a":[#]}]}') || ']')),
('repeated names', usage_with('"usageCharacteristic":[' || parts('{"name":"c","value":"#"}') || ']')),
('types', usage_with('"usageCharacteristic":[' || parts('{"name":"c#","value":"#","valueType":"x"}') || ']')),
('pairs', usage_with('"usageCharacteristic":{' || parts('"c#":"#"') || '}')),
('one with many members', usage_with('"usageCharacteristic":[{"name":"a","value":"b",' || parts('"m#":"#"') || '}]')),
('one long value', usage_with('"usageCharacteristic":[{"name":"a","value":[' || parts('#') || ']}]')),
('parties', usage_with('"relatedParty":[' || parts('{"role":"r","href":"/party/#","x":"#"}') || ']')),
('ratings', usage_with('"status":"rated","ratedProductUsage":[' || parts('{"ratingDate":"2026-03-02",'
	'"taxIncludedRatingAmount":#.2,"taxExcludedRatingAmount":#,"taxRate":20,"currencyCode":"EUR","productRef":"/p/#"}') || ']')),
('unknown attributes', usage_with(parts('"u#":"#"'))),
('one attribute again and again', usage_with(parts('"description":"x"'))),
('faults', usage_with('"usageCharacteristic":[' || parts('{"nam":"c#","value":"#"}') || ']')),
('no objects', usage_with('"relatedParty":[' || parts('#') || ']'));

-- the specification that they meet, one with many values, and one of many attachments
INSERT INTO input VALUES
('specification', ('{"id":"many","name":"x","usageSpecCharacteristic":[' ||
	parts('{"name":"c#","usageSpecCharacteristicValue":[{"valueType":"string"}]}') || ']}')::json),
('values', ('{"id":"values","name":"x","usageSpecCharacteristic":[{"name":"c","usageSpecCharacteristicValue":[' ||
	parts('{"valueType":"number","value":"#"}') || ']}]}')::json),
('ranges', ('{"id":"ranges","name":"x","usageSpecCharacteristic":[{"name":"c","usageSpecCharacteristicValue":[' ||
	parts('{"valueType":"number","valueFrom":"-#","valueTo":"-#"}') || ']}]}')::json),
('attachments', ('{"id":"attached","name":"x","attachment":[' || parts('{"id":"#"}') || ']}')::json);
INSERT INTO input SELECT 'specified', (document::jsonb || '{"usageSpecification":{"id":"many"}}')::json
	FROM input WHERE name = 'texts';
INSERT INTO input SELECT 'misspelt', replace(document::text, '"c', '"d')::json FROM input WHERE name = 'specified';
INSERT INTO input SELECT 'valued', (document::jsonb || '{"usageSpecification":{"id":"values"}}')::json
	FROM input WHERE name = 'repeated names';
INSERT INTO input SELECT 'ranged', (document::jsonb || '{"usageSpecification":{"id":"ranges"}}')::json
	FROM input WHERE name = 'repeated names';

INSERT INTO input VALUES
('merge', json_build_object('usageCharacteristic', input('types') -> 'usageCharacteristic',
	'ratedProductUsage', input('ratings') -> 'ratedProductUsage')),
('forget', ('{' || parts('"u#":null') || '}')::json),
('add at the end', ('[' || parts('{"op":"add","path":"/usageCharacteristic/-","value":{"name":"n#","value":"#"}}', $operations) || ']')::json),
('add at the start', ('[' || parts('{"op":"add","path":"/usageCharacteristic/0","value":{"name":"n#","value":"#"}}', $operations) || ']')::json),
('remove at the start', ('[' || parts('{"op":"remove","path":"/usageCharacteristic/0"}', $operations) || ']')::json),
('move', ('[' || parts('{"op":"move","from":"/usageCharacteristic/0","path":"/usageCharacteristic/1000"}', $operations) || ']')::json),
('test', ('[' || parts('{"op":"test","path":"/usageCharacteristic/0/name","value":"c#"}', 1) || ',' ||
	parts('{"op":"add","path":"/x","value":"#"}', $operations - 1) || ']')::json),
('replace all', '[{"op":"replace","path":"/usageCharacteristic/value?valueType=x","value":"y"}]'),
('remove every one', '[{"op":"remove","path":"/usageCharacteristic?valueType=x"}]');

-- as stored
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, usage_characteristic)
	SELECT name, '2026-03-01', 'x', (document -> 'usageCharacteristic')::jsonb::usage_mgmt.characteristics
	FROM input WHERE name IN ('texts', 'numbers', 'nested', 'repeated names', 'types', 'one long value');
SELECT count(usage_mgmt.post_usage((jsonb_build_object('id', name) || document::jsonb)::json))
	FROM input WHERE name IN ('parties', 'ratings', 'unknown attributes');
SELECT count(usage_mgmt.post_usage_specification(document)) FROM input
	WHERE name IN ('specification', 'values', 'ranges');
CREATE FUNCTION list(id text) RETURNS usage_mgmt.characteristics LANGUAGE sql STABLE AS
\$\$SELECT usage_characteristic FROM usage_mgmt.usage u WHERE u.id = \$1\$\$;
SQL

my $folder = PostgreSQL::Test::Utils::tempdir();
my $lines = q{WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')};
my @documents = rows($node, 'cancel', q{SELECT name FROM input WHERE document::jsonb ? 'type' ORDER BY name});
my @stored = rows($node, 'cancel', 'SELECT id FROM usage_mgmt.usage ORDER BY id');
my $names = "(SELECT array_agg('c' || i) FROM generate_series(1, $parts) i)";
my $values = join ',', map { "v$_" } 1 .. 9_999;

$node->safe_psql('cancel', qq{COPY (SELECT document FROM input WHERE name = '$_') TO '$folder/$_' $lines})
	foreach @documents;

answers("post of a specification: $_",
	"SELECT length(usage_mgmt.post_usage_specification((input('$_')::jsonb - 'id')::json)::text)")
	foreach qw(specification values ranges attachments);
answers('post of one again', "SELECT length(usage_mgmt.post_usage_specification(input('specification'))::text)");
answers('get of it', "SELECT length(usage_mgmt.get_usage_specification('many')::text)");
answers('put of it', "SELECT length(usage_mgmt.put_usage_specification('many', input('specification'))::text)");
answers('patch of it', q{SELECT length(usage_mgmt.patch_usage_specification('many', '{"name":"y"}')::text)});

foreach my $name (@documents)
{
	answers("post: $name", "SELECT length(usage_mgmt.post_usage(input('$name'))::text)");
	answers("COPY: $name", "COPY usage_mgmt.usage_document FROM '$folder/$name' $lines");
}
answers("array: $_->[0]", "SELECT posted(parts('$_->[1]'))", $_->[2]) foreach (
	['new', '{"id":"#","date":"2026-03-01","type":"x"}'], ['of one content', '{"date":"2026-03-01","type":"x"}'],
	['one id', '{"id":"x","date":"2026-03-01","type":"#"}', '23505'], ['faults', '{"id":"#"}', '23502'], ['no objects', '#', '22P02'],
	['too many', '{},{"id":"#"}', '54000']);
answers('array: of one', "SELECT posted(input('texts')::text)");
answers("INSERT: $_", "INSERT INTO usage_mgmt.usage_document VALUES (input('$_')::text)")
	foreach 'types', 'faults', 'no objects';
answers("against the specification: $_", checking('reject')
	. "SELECT length(usage_mgmt.post_usage(input('$_'))::text)")
	foreach 'specified', 'misspelt', 'valued', 'ranged';
answers("marked: $_", checking('mark')
	. "SELECT length(usage_mgmt.post_usage(input('$_'))::text)")
	foreach 'specified', 'misspelt', 'valued', 'ranged';

foreach my $id (@stored)
{
	answers("get: $id", "SELECT length(usage_mgmt.get_usage('$id')::text)");
	answers("get in v4: $id", "SELECT length(usage_mgmt.get_usage('$id', version => 'v4')::text)");
	answers("list: $id", "SELECT length(usage_mgmt.get_usages('id=' || replace('$id', ' ', '+'))::text)");
	answers("to_tmf: $id", "SELECT length(usage_mgmt.to_tmf(u)::text) FROM usage_mgmt.usage u WHERE id = '$id'");
	answers("content_hash: $id", "SELECT usage_mgmt.content_hash(u) FROM usage_mgmt.usage u WHERE id = '$id'");
}
foreach my $id ('nested', 'types', 'parties', 'ratings', 'unknown attributes')
{
	answers("put: $id", "SELECT length(usage_mgmt.put_usage('$id', usage_mgmt.get_usage('$id'))::text)");
	answers("UPDATE: $id", "UPDATE usage_mgmt.usage SET description = 'x', usage_date = '2026-04-01' WHERE id = '$id'");
	answers("merge patch: $id", "SELECT length(usage_mgmt.patch_usage('$id', input('merge'))::text)");
	answers("merge patch that empties: $id", "SELECT length(usage_mgmt.patch_usage('$id', input('forget'))::text)");
	answers("DELETE: $id", "DELETE FROM usage_mgmt.usage WHERE id = '$id'");
}
answers("merge patch of many: $_", "SELECT usage_mgmt.patch_usages('id=unknown+attributes', input('$_'))")
	foreach 'merge', 'forget';
answers("a thousand fields: $_", "SELECT length(usage_mgmt.get_usage('$_', "
	. "(SELECT string_agg('relatedParty.extra.x' || i || ',ratedProductUsage.extra.y' || i, ',') FROM generate_series(1, 490) i))::text)")
	foreach 'parties', 'ratings';
answers('too many fields', "SELECT length(usage_mgmt.get_usage('parties', "
	. "(SELECT string_agg('relatedParty.extra.x' || i, ',') FROM generate_series(1, $parts) i))::text)", '22023');
answers("JSON Patch: $_", "SELECT length(usage_mgmt.patch_usage('types', input('$_'), 'application/json-patch-query+json')::text)")
	foreach 'add at the end', 'add at the start', 'remove at the start', 'move', 'test', 'replace all', 'remove every one';
answers("JSON Patch of many: $_", "SELECT usage_mgmt.patch_usages('id=types', input('$_'), 'application/json-patch-query+json')")
	foreach 'add at the start', 'replace all';

foreach my $id (grep { $_ !~ /parties|ratings|unknown/ } @stored)
{
	answers("$_->[0]: $id", "SELECT $_->[1] FROM list('$id') c") foreach (
		['text in and out', "c::text::usage_mgmt.characteristics"],
		['->', "c OPERATOR(usage_mgmt.->) 'c$parts'"],
		['->>', "c OPERATOR(usage_mgmt.->>) 'c$parts'"],
		['?', "c OPERATOR(usage_mgmt.?) 'none'"],
		['?|', "c OPERATOR(usage_mgmt.?|) (SELECT array_agg('n' || i) FROM generate_series(1, $parts) i)"],
		['?&', "c OPERATOR(usage_mgmt.?&) $names"],
		['@>', 'c OPERATOR(usage_mgmt.@>) c'],
		['<@', 'c OPERATOR(usage_mgmt.<@) c'],
		['=', 'c OPERATOR(usage_mgmt.=) c::text::usage_mgmt.characteristics'],
		['hash', 'usage_mgmt.characteristics_hash(c)'],
		['to jsonb', 'length(c::jsonb::text)'],
		['to json', 'length(c::json::text)'],
		['from jsonb', 'c::json::text::jsonb::usage_mgmt.characteristics'],
		['each', '(SELECT count(e) FROM usage_mgmt.characteristics_each(c) e)'],
		['?=', "c OPERATOR(usage_mgmt.?=) (SELECT array_agg('v' || i) FROM generate_series(1, 10000) i)"],
		['matches', "usage_mgmt.characteristic_matches(c, 'c', 'eq', (SELECT array_agg('v' || i) FROM generate_series(1, 10000) i))"]);
	answers("GIN: $id", "CREATE TEMP TABLE g AS SELECT list('$id') c; CREATE INDEX ON g USING gin (c usage_mgmt.characteristics_ops); "
		. "SET enable_seqscan = off; SELECT count(*) FROM g WHERE c OPERATOR(usage_mgmt.@>) (SELECT c FROM g) AND c OPERATOR(usage_mgmt.?&) $names");
}
answers('array in another', "SELECT c OPERATOR(usage_mgmt.\@>) (SELECT ('{\"a\":' || json_agg(i ORDER BY -i)::text || '}')"
	. "::usage_mgmt.characteristics FROM generate_series(1, $parts) i) FROM list('one long value') c");
answers("10,000 values of $_", "SELECT usage_mgmt.count_usages('$_=$values')")
	foreach 'usageCharacteristic.c', 'usageCharacteristic.value', 'type', 'id', 'relatedParty.extra.x', 'ratedProductUsage.extra.x', 'extra.x';
answers('party_ids', q{SELECT cardinality(usage_mgmt.party_ids(related_party)) FROM usage_mgmt.usage WHERE id = 'parties'});
answers('value_matches', "SELECT usage_mgmt.value_matches('x', 'eq', (SELECT array_agg(i::text) FROM generate_series(1, $parts) i))");

done_testing();

sub checking
{
	return "INSERT INTO usage_mgmt.setting VALUES ('check_specification', '$_[0]') "
		. 'ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value; ';
}

# Runs a statement under a timeout, and to its end; whatever it did is rolled back.
sub answers
{
	my ($what, $sql, $expected) = @_;
	my ($state, $time) = ('', 2 * TIMEOUT + ANSWER);

	for (my $try = 0; $try < TRIES && $time > TIMEOUT + ANSWER; $try++)
	{
		($state, $time) = timed($sql, TIMEOUT);
	}
	cmp_ok($time, '<=', TIMEOUT + ANSWER, sprintf('%s: %s after %d ms', $what, $state, $time));
	return if $state eq '57014' && $products{$what};
	($state, $time) = timed($sql, ENOUGH) if $state eq '57014';
	is($state, $expected // $known{$what} // '00000', sprintf('%s: in %d ms', $what, $time));
	return;
}

sub timed
{
	my ($sql, $timeout) = @_;
	my ($status, $out, $err) = $node->psql('cancel', <<"SQL");
\\set VERBOSITY sqlstate
\\timing on
BEGIN;
SET LOCAL statement_timeout = $timeout;
$sql;
SQL
	my $state = $status == 0 ? '00000' : $err =~ /ERROR:\s+(\w{5})\b/ ? $1 : $err;

	return ($state, max($out =~ /^Time: ([\d.]+) ms/mg));
}
