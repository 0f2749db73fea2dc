# A usage of a million characteristics takes memory in proportion to its document,
# whatever they are: at most 12 times its size, by every door; 16 times where all of
# it is one value.

use strict;
use warnings;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

use constant { SIZE => 16 * 1024 * 1024, MOST => 12, MOST_OF_ONE => 16 };

my $folder = PostgreSQL::Test::Utils::tempdir();
my $lines = q{WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')};
my $node = new_node('long');

$node->append_conf('postgresql.conf', "shared_buffers = '2MB'\n");
$node->restart;
new_store($node, 'long');

# What a backend of its own took for a statement, at its peak, as getrusage() tells.
sub memory_of
{
	my ($sql, $settings) = @_;
	my ($status, $out, $err) = $node->psql('long', join("\n", $settings // '',
			"SET client_min_messages = log;\nSET log_statement_stats = on;\nSELECT 1;", "$sql;"));
	my @peaks = $err =~ /(\d+) kB max resident size/g;

	is($err =~ /ERROR:\s+(.*)/ ? $1 : '', '', "done: $sql");
	return 1024 * ($peaks[-1] - $peaks[0]);
}

# At most so many times the document.
sub is_bounded
{
	my ($document, $what, $sql, $settings, $most) = @_;
	my $ratio = memory_of($sql, $settings) / length($document);

	cmp_ok($ratio, '<=', $most // MOST, sprintf('%s takes %.1f times the document', $what, $ratio));
	return;
}

# A file with one document, of so many of these elements, %x being their number, and
# one with the list alone.
sub write_document
{
	my ($id, $element) = @_;
	my $count = int(SIZE / (5 + length $element)) || 1;
	my $list = '[' . join(',', map { $element =~ s/%x/sprintf '%x', $_/er } 1 .. $count) . ']';
	my $document = qq({"id":"$id","date":"2026-03-01","type":"x","usageSpecification":{"id":"s"},"usageCharacteristic":$list});

	PostgreSQL::Test::Utils::append_to_file("$folder/$id", $document);
	PostgreSQL::Test::Utils::append_to_file("$folder/$id.list", $list);
	return $document;
}

sub post
{
	my ($id) = @_;

	return "SELECT length(usage_mgmt.post_usage(pg_read_file('$folder/$id')::json)::text)";
}

my $numbers = write_document('numbers', '{"name":"%x","value":0}');
is_bounded($numbers, 'post_usage', post('numbers'));
is_bounded($numbers, 'post_usage again', post('numbers'));
is_bounded($numbers, 'get_usage', "SELECT usage_mgmt.get_usage('numbers')");
is_bounded($numbers, 'get_usages', "SELECT usage_mgmt.get_usages('id=numbers')");
is_bounded($numbers, 'a cast to jsonb', 'SELECT pg_column_size(usage_characteristic::jsonb) FROM usage_mgmt.usage');
is_bounded($numbers, 'the keys of an index', 'CREATE INDEX own ON usage_mgmt.usage USING gin (usage_characteristic)');
$node->safe_psql('long', 'DROP INDEX usage_mgmt.own; TRUNCATE usage_mgmt.usage');
is_bounded($numbers, 'COPY into usage_document', "COPY usage_mgmt.usage_document FROM '$folder/numbers' $lines");
is_bounded($numbers, 'the same again', "COPY usage_mgmt.usage_document FROM '$folder/numbers' $lines");
is_bounded($numbers, 'INSERT into usage', <<"SQL");
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, usage_characteristic)
	VALUES ('inserted', '2026-03-01', 'x', pg_read_file('$folder/numbers.list')::usage_mgmt.characteristics)
SQL
is_bounded($numbers, 'UPDATE of usage', "UPDATE usage_mgmt.usage SET description = 'x' WHERE id = 'inserted'");

# Whatever the elements are.
my %elements = (
	decimals => '{"name":"duration","value":-12.50}',
	exponents => '{"name":"a","value":1e300}',
	escapes => '{"name":"a\n","value":"\t"}',
	arrays => '{"name":"a","value":[]}',
	objects => '{"name":"a","value":{"b":1,"a":"\n"}}',
	members => '{"name":"a","value":1,"b":2}');

foreach my $id (sort keys %elements)
{
	my $document = write_document($id, $elements{$id});

	is_bounded($document, "post_usage of $id", post($id));
	is_bounded($document, "post_usage of $id again", post($id));
	is_bounded($document, "get_usage of $id", "SELECT usage_mgmt.get_usage('$id')");
}

# One value that is as long as the document.
my %values = (
	'one array' => '[' . '1,' x (SIZE / 2) . '1]',
	'one array of objects' => '[' . '{},' x (SIZE / 3) . '{}]',
	'one object' => '{' . join(',', map { sprintf '"%x":1', $_ * 0x9E3779B1 % 0x100000000 } 1 .. SIZE / 13) . '}',
	'one object of one name' => '{' . '"":1,' x (SIZE / 5) . '"":1}');

foreach my $id (sort keys %values)
{
	my $document = write_document($id, qq({"name":"a","value":$values{$id}}));

	is_bounded($document, "post_usage of $id", post($id), '', MOST_OF_ONE);
}

# Checked against a specification, and full of faults.
$node->safe_psql('long', <<'SQL');
SELECT usage_mgmt.post_usage_specification('{"id": "s", "usageSpecCharacteristic": [{"name": "a",
	"usageSpecCharacteristicValue": [{"valueType": "number", "valueFrom": "-1.5", "valueTo": "1.5"}]}]}');
TRUNCATE usage_mgmt.usage;
SQL
is_bounded(write_document('checked', '{"name":"a","value":0}'), 'the check against a specification', post('checked'),
	'SET usage_mgmt.check_specification = reject;');
is_bounded(write_document('faults', '{}'), 'a reject', "COPY usage_mgmt.usage_document FROM '$folder/faults' $lines");
is($node->safe_psql('long', 'SELECT jsonb_array_length(errors) FROM usage_mgmt.import_reject'), '1001',
	'a thousand faults are told, the rest is counted');

done_testing();
