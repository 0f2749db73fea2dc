# Characters that the database's encoding lacks, and texts that are cut: a load keeps
# such a record whole and goes on, and what it keeps can be dumped and restored.

use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Store;
use Test::More;
use Usagectl;

my $node = new_node('encoding');
my $folder = PostgreSQL::Test::Utils::tempdir();
my $lines = "WITH (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')";

sub database_in
{
	my ($name, $encoding) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $name ENCODING '$encoding' LOCALE 'C' TEMPLATE template0");
	$node->safe_psql($name, 'CREATE EXTENSION usage_mgmt');
	return;
}

# Escapes of JSON, wherever a document can hold one; \u00e9 all know, \u20ac not.
my @documents = (
	'{"id":"1","date":"2001-01-01","type":"V\u00e9ICE"}',
	'{"id":"2","date":"2001-01-01","type":"V\u20acICE"}',
	'{"id":"3\u20ac","date":"2001-01-01","type":"VOICE"}',
	'{"id":"4","date":"2001-01-01","type":"VOICE","usageCharacteristic":[{"name":"n","value":"\u20ac"}]}',
	'{"id":"5","date":"2001-01-01","type":"VOICE","usageCharacteristic":{"n":{"deep":["\u20ac"]}}}',
	'{"id":"6","date":"2001-01-01","type":"VOICE","unknown":[{"a":"\u20ac"}]}',
	'{"id":"7","date":"2001-01-01","type":"VOICE","\u20ac":1}',
	'{"id":"8","date":"2001-01-01","type":"VOICE","description":"\ud83d\ude00"}',
	'{"id":"9","date":"2001-01-01","type":"VOICE","unknown":{"\u00e9":"\u00fc"},"usageCharacteristic":{"\u00e9":"\u00fc"}}');
my $load = write_file("$folder/escapes", join("\n", @documents) . "\n");

database_in('latin', 'LATIN1');
is(sqlstate($node, 'latin', "COPY usage_mgmt.usage_document FROM '$load' $lines"), '00000', 'LATIN1: the COPY succeeds');
is(books($node, 'latin'), '9|2|0|0|7', 'what the encoding has is stored');
is(join("\n", rows($node, 'latin', 'SELECT document FROM usage_mgmt.import_reject ORDER BY record_number')),
	join("\n", @documents[ 1 .. 7 ]), 'the rest is kept whole');
is(join(' ', rows($node, 'latin', q{SELECT DISTINCT errors -> 0 ->> 'code' FROM usage_mgmt.import_reject})), '22P05', 'for its characters');
is(join("\n", rows($node, 'latin', q{SELECT errors -> 0 ->> 'message' FROM usage_mgmt.import_reject WHERE record_number IN (2, 8) ORDER BY 1})),
	"the character U+1F600, which the database's encoding lacks, at byte 73\n"
	. "the character U+20AC, which the database's encoding lacks, at byte 46", 'which are told, with their place');
is(join(' ', rows($node, 'latin', q{SELECT encode(convert_to(usage_type, 'UTF8'), 'hex') FROM usage_mgmt.usage WHERE id = '1'})),
	unpack('H*', "V\xC3\xA9ICE"), 'its own characters are characters');
is($node->safe_psql('latin', q{SELECT extra -> 'unknown' ->> U&'\00e9' = U&'\00fc' AND usage_characteristic ->> U&'\00e9' = U&'\00fc'
	FROM usage_mgmt.usage WHERE id = '9'}), 't', 'in what the model does not know as well');

# By every other way in.
for my $n (1 .. 7)
{
	my $document = $documents[$n];

	is(sqlstate($node, 'latin', "SELECT usage_mgmt.post_usage('$document')"), '22P05', "post of document $n");
	is(sqlstate($node, 'latin', "INSERT INTO usage_mgmt.usage_document VALUES ('$document')"), '22P05', "INSERT of document $n");
}
is(sqlstate($node, 'latin', q{SELECT '{"n":"\u20ac"}'::usage_mgmt.characteristics}), '22P05', 'the type characteristics');
is(sqlstate($node, 'latin', q{SELECT usage_mgmt.patch_usage('1', '{"description":"\u20ac"}')}), '22P05', 'a merge patch');
is(sqlstate($node, 'latin', q{SELECT usage_mgmt.patch_usage('1', '[{"op":"add","path":"/description","value":"\u20ac"}]')}), '22P05', 'a JSON Patch');
is($node->safe_psql('latin', 'SELECT usage_mgmt.recycle_rejects(1)'), 0, 'recycled, they stay rejects');
my ($status, $out, $err) = usagectl($node, 'latin', 'import', $load);
is($status, 1, 'usagectl import');
is($err, '', 'which does not complain');
is(books($node, 'latin'), '9|0|2|0|7', 'comes to the same');

# Where characters have no encoding, escapes above ASCII have none either.
database_in('bytes', 'SQL_ASCII');
is(sqlstate($node, 'bytes', "COPY usage_mgmt.usage_document FROM '$load' $lines"), '00000', 'SQL_ASCII: the COPY succeeds');
is(books($node, 'bytes'), '9|0|0|0|9', 'and keeps them all');

# Of a long text an error shows the start, and no part of a character.
database_in('utf', 'UTF8');
my $long = "\xE2\x82\xAC" x 100;
my $cut = write_file("$folder/cut", join("\n",
	qq({"id":"1","date":"$long","type":"VOICE"}), qq({"id":"1","date":"2001-01-01","type":"VOICE","status":" $long"}),
	qq({"id":"1","date":"2001-01-01","type":"VOICE","ratedProductUsage":[{"currencyCode":"$long","taxRate":"x$long","isBilled":"$long"}]}),
	qq({"id":"1","date":"2001-01-01","type":"VOICE","usageSpecification":{"id":"s"},"usageCharacteristic":{"n":"$long","n$long":1}})) . "\n");
$node->safe_psql('utf', q{INSERT INTO usage_mgmt.usage_specification (id, usage_spec_characteristic)
	VALUES ('s', '[{"name": "n", "usageSpecCharacteristicValue": [{"valueType": "number"}]}]'); UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'check_specification'});
$node->safe_psql('utf', "COPY usage_mgmt.usage_document FROM '$cut' $lines");
is(books($node, 'utf'), '4|0|0|0|4', 'long values at fault');
is($node->safe_psql('utf', q{SELECT count(*) FROM usage_mgmt.import_reject, jsonb_array_elements(errors)
	WHERE convert_from(convert_to(value ->> 'message', 'UTF8'), 'UTF8') LIKE '%"%'}), 7, 'are shown by whole characters');
for my $name ('utf', 'latin')
{
	$node->safe_psql('postgres', "CREATE DATABASE ${name}_again ENCODING '" . ($name eq 'utf' ? 'UTF8' : 'LATIN1') . q{' LOCALE 'C' TEMPLATE template0});
	IPC::Run::run([ program($node, 'pg_dump'), '-d', $node->connstr($name) ], '|',
		[ program($node, 'psql'), '-X', '-q', '-o', '/dev/null', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr("${name}_again") ], '2>', \$err);
	is($err, '', "$name: a dump of it restores");
}

done_testing();
