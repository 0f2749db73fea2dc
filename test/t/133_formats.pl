# Files in each format: a document a line, a JSON array, CSV; plain, gzip, zstd. What is exported comes back in as the
# same records. A record at fault is a reject with what was delivered; a fault of the file itself fails the load there,
# with what was before it stored. What a CSV file says is what a parser of the test's own says.
#
# USAGE_MGMT_FUZZ_ROUNDS tells how many random files there are of each kind (5).

use strict;
use warnings;
use Compress::Zlib ();
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Store;
use Test::More;
use Time::HiRes qw(time usleep);
use Usagectl;

my $rounds = $ENV{USAGE_MGMT_FUZZ_ROUNDS} // 5;
my $node = new_node('main');
my $folder = PostgreSQL::Test::Utils::tempdir();
my ($status, $out, $err);
my $json = JSON::PP->new->canonical->allow_nonref;

srand 133;
new_store($node, 'store');
new_store($node, 'again');

sub empty
{
	my ($db) = @_;

	$node->safe_psql($db, 'TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key, usage_mgmt.import_load, usage_mgmt.import_reject,
		usage_mgmt.usage_conflict, usage_mgmt.usage_specification CASCADE');
	return;
}

# As zstd's own program makes it, and what it makes of it.
sub zstd
{
	my ($in, @options) = @_;
	my $packed = '';

	IPC::Run::run([ 'zstd', '-qc', @options ], \$in, \$packed) or die 'zstd failed';
	return $packed;
}

sub pack_as
{
	my ($content, $suffix) = @_;

	return $suffix eq '.gz' ? Compress::Zlib::memGzip($content) : $suffix eq '.zst' ? zstd($content) : $content;
}

sub unpacked
{
	my ($file) = @_;
	my $content = slurp_file($file);

	return $file =~ /\.gz$/ ? Compress::Zlib::memGunzip($content) : $file =~ /\.zst$/ ? zstd($content, '-d') : $content;
}

sub rejects
{
	my ($db) = @_;

	return $node->safe_psql($db, q{SELECT string_agg(concat_ws('|', record_number, coalesce(document, encode(document_raw, 'escape')), document_length,
		errors -> 0 ->> 'path', errors -> 0 ->> 'code', errors -> 0 ->> 'message'), E'\n' ORDER BY record_number) FROM usage_mgmt.import_reject});
}

# ---- out and in again ----

$node->safe_psql('store', <<'SQL');
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, description, status, usage_specification_id, usage_characteristic, related_party, rated_product_usage, extra)
SELECT n, '2026-01-31T00:00:00Z', E'a "type", \\ of\r\n\ttwo lines; ', CASE n % 3 WHEN 0 THEN '' WHEN 1 THEN ' äöü €' END, CASE n % 2 WHEN 0 THEN 'rated' ELSE 'received' END::usage_mgmt.usage_status,
	CASE n % 4 WHEN 0 THEN 's' END, '[{"name": "n", "value": 1.50, "unit": "SEC"}, {"name": "n", "value": "1.50"}]',
	ARRAY[usage_mgmt.related_party(role => 'customer', id => n::text)],
	CASE n % 2 WHEN 0 THEN ARRAY[usage_mgmt.rated_product_usage(rating_date => '2026-02-01', tax_included_rating_amount => 12.00, tax_excluded_rating_amount => 10.0,
		tax_rate => 20, currency_code => 'EUR', product_ref => 'http://example.com/product/7')] END,
	CASE n % 5 WHEN 0 THEN '{"empty": "", "usageSpecification": {"tier": 1}, "deep": {"a": [1, {"b": "x\ny"}]}}'::jsonb END
FROM generate_series(1, 500) n;
SQL
# All that is stored, by what makes two records the same.
sub contents
{
	return $node->safe_psql($_[0], q{SELECT count(*), md5(string_agg(id || content_hash, ' ' ORDER BY id COLLATE "C")) FROM usage_mgmt.usage_key});
}
my $stored = contents('store');
foreach my $version ('r14.5', 'v4')
{
	foreach my $suffix ('', $version eq 'v4' ? ('.gz', '.zst') : ())
	{
		foreach my $format (qw(ndjson json csv))
		{
			my $file = "$folder/$version.$format$suffix";
			my $what = "$version $format$suffix";

			($status, $out, $err) = usagectl($node, 'store', 'export', "--format=$format", "--tmf=$version", $file);
			is($status, 0, "$what: exported $err");
			like($out, qr/: 500 records, /, "$what: all of them");
			empty('again');
			($status, $out, $err) = usagectl($node, 'again', 'import', "--format=$format", '--batch=100', $file);
			is($status, 0, "$what: imported $err");
			is(contents('again'), $stored, "$what: they are the same");
		}
	}
	my $array = $json->decode(slurp_file("$folder/$version.json"));
	is(join("\n", map { $json->encode($_) } @$array), join("\n", map { $json->encode($json->decode($_)) } split /\n/, slurp_file("$folder/$version.ndjson")),
		"$version: an array has the documents that lines have");
	like(slurp_file("$folder/$version.csv"), qr/\Aid,href,(date|usageDate),[\w.,@]+,extra\r\n/, "$version: CSV has a header and lines of CR LF");
}
is(unpacked("$folder/v4.$_.gz"), slurp_file("$folder/v4.$_"), "what is packed is what is not ($_)") for qw(ndjson json csv);
is(unpacked("$folder/v4.$_.zst"), slurp_file("$folder/v4.$_"), "nor is that of zstd ($_)") for qw(ndjson json csv);
# a name tells CSV, and how a file is packed
($status) = usagectl($node, 'store', 'export', "$folder/named.csv.gz");
is(unpacked("$folder/named.csv.gz"), unpacked("$folder/r14.5.csv"), 'a name that ends in .csv.gz');
empty('again');
($status) = usagectl($node, 'again', 'import', "$folder/named.csv.gz");
is(contents('again'), $stored, 'either way');
# the start of a file tells how it is packed as well
empty('again');
my $bare = write_file("$folder/bare", slurp_file("$folder/v4.ndjson.zst"));
($status) = usagectl($node, 'again', 'import', $bare);
is(contents('again'), $stored, 'a packed file without a name for it');
# none
foreach my $format (['ndjson', ''], ['json', "[]\n"], ['csv', (split /(?<=\n)/, slurp_file("$folder/r14.5.csv"))[0] ])
{
	my $file = "$folder/none.$format->[0]";

	($status) = usagectl($node, 'store', 'export', "--format=$format->[0]", '--query=id=none', $file);
	is(slurp_file($file), $format->[1], "no record as $format->[0]");
	empty('again');
	($status, $out) = usagectl($node, 'again', 'import', "--format=$format->[0]", $file);
	is("$status " . books($node, 'again'), '0 0|0|0|0|0', 'and back in');
}
# a specification, whose lists are columns of JSON
$node->safe_psql('store', q{SELECT usage_mgmt.post_usage_specification('{"id":"s","name":"Voice, \"calls\"","validFor":{"startDateTime":"2026-01-01T00:00:00Z"},"specCharacteristic":[{"name":"duration","characteristicValueSpecification":[{"valueType":"number","unitOfMeasure":"SEC"}]}]}')});
($status) = usagectl($node, 'store', 'export', '--resource=usageSpecification', "$folder/specification.csv");
empty('again');
($status) = usagectl($node, 'again', 'import', '--resource=usageSpecification', "$folder/specification.csv");
is($node->safe_psql('again', q{SELECT usage_mgmt.get_usage_specification('s')}), $node->safe_psql('store', q{SELECT usage_mgmt.get_usage_specification('s')}), 'a specification as CSV');
($status, $out, $err) = usagectl($node, 'store', 'export', '--format=xml', "$folder/x");
is($status, 2, 'a format that there is not');
like($err, qr/"xml" is not ndjson, json or csv/, 'is told');
($status, $out, $err) = usagectl($node, 'again', 'import', '--format=csv', '--mapping=/nowhere', "$folder/none.csv");
is($status, 2, 'a mapping that there is not');
like($err, qr{could not read a mapping from "/nowhere"}, 'is told');

# ---- a mapping ----

my $mapping = write_file("$folder/mapping", <<'JSON');
{"id": "call_id", "usageDate": "start", "usageType": {"value": "voice"}, "description": "note",
 "usageCharacteristic[duration]": {"column": "secs", "type": "number"}, "usageCharacteristic[duration].unitOfMeasure": {"value": "SEC"},
 "usageCharacteristic[answered]": {"column": "answered", "type": "boolean"}, "usageCharacteristic[more]": {"column": "more", "type": "json"},
 "relatedParty[customer].id": "cust", "relatedParty[customer].validFor.startDateTime": "since", "relatedParty[payer].id": "payer",
 "ratedProductUsage[0].taxIncludedRatingAmount": "gross", "ratedProductUsage[0].currencyCode": {"value": "EUR"}, "extra.site": "site"}
JSON
my @columns = qw(call_id start note secs answered more cust since payer gross site unused);

# What is stored of rows, by their ids.
sub mapped
{
	my ($content, $mapped, @options) = @_;

	empty('again');
	($status, $out, $err) = usagectl($node, 'again', 'import', '--format=csv', @options, "--mapping=$mapped", write_file("$folder/mapped", $content));
	return map { $json->encode($json->decode($_)) } rows($node, 'again', q{SELECT usage_mgmt.to_tmf(u, 'v4') FROM usage_mgmt.usage u ORDER BY length(id), id});
}

sub document
{
	my ($id, %more) = @_;

	return $json->encode({ id => "$id", href => "/tmf-api/usageManagement/v4/usage/$id", usageDate => '2026-03-01T10:00:00Z', usageType => 'voice', status => 'received', %more });
}
my $all = qq(1,2026-03-01T10:00:00Z,"said ""yes"", then; left\nearly",020e0,TRUE,"{""a"": [1,\n2]}",45,2020-01-01,46,12.00,north,x\r\n);
my @documents = mapped(join(',', @columns) . "\r\n$all", $mapping);
is($status, 1, 'a number is one of JSON');
like(rejects('again'), qr/^1\|1,2026-03-01T10:00:00Z,"said ""yes"", then; left\nearly",020e0,.*\|\d+\|usageCharacteristic\[duration\]\|22P02\|row 2, at byte @{[ length(join ',', @columns) + 2 ]} of the file: "020e0" in column "secs" is not a JSON number$/s,
	'a row at fault is kept as it was delivered');
$all =~ s/020e0/20e0/;
my $expected = document(1, description => "said \"yes\", then; left\nearly", usageCharacteristic => [
		{ name => 'more', value => { a => [ 1, 2 ] } }, { name => 'answered', value => JSON::PP::true }, { name => 'duration', value => 20, unitOfMeasure => 'SEC' } ],
	relatedParty => [ { role => 'payer', id => '46' }, { role => 'customer', id => '45', validFor => { startDateTime => '2020-01-01T00:00:00Z' } } ],
	ratedProductUsage => [ { taxIncludedRatingAmount => { unit => 'EUR', value => 12.00 } } ], site => 'north');

# Lists in the order of the names of their elements.
sub ordered
{
	my ($text) = @_;
	my $document = $json->decode($text);

	foreach my $list (grep { ref eq 'ARRAY' } values %$document)
	{
		@$list = sort { ($a->{name} // $a->{role} // '') cmp ($b->{name} // $b->{role} // '') } @$list;
	}
	return $json->encode($document) =~ s/20e0|20\.0/20/r;
}
# in each dialect
foreach my $dialect (
	[ 'as RFC 4180 has it', sub { $_[0] } ],
	[ 'lines of LF', sub { $_[0] =~ s/\r\n/\n/gr } ],
	[ 'a byte order mark', sub { "\xEF\xBB\xBF$_[0]" } ],
	[ 'no end of the last line', sub { $_[0] =~ s/\r\n\z//r } ],
	[ 'blank lines', sub { $_[0] =~ s/\r\n/\r\n\r\n\n/gr } ])
{
	@documents = mapped($dialect->[1]->(join(',', @columns) . "\r\n$all"), $mapping);
	is("$status $err", '0 ', "$dialect->[0]: stored");
	is(join("\n", map { ordered($_) } @documents), ordered($expected), "$dialect->[0]: what the row says");
}
foreach my $delimiter (';', "\t", '|')
{
	my $text = join($delimiter, map { qq("$_") } @columns) . "\n" . join($delimiter, 7, '2026-03-01T10:00:00Z', qq("a,b$delimiter"), ('') x 9) . "\n";

	@documents = mapped($text, $mapping);
	is(join("\n", @documents), document(7, description => "a,b$delimiter"), "the delimiter is the header's ($delimiter)");
}
# what is empty is absent, with what would go with it
@documents = mapped(join(',', @columns) . "\n8,2026-03-01T10:00:00Z" . ',' x 10 . "\n9,2026-03-01T10:00:00Z,\"\"" . ',' x 9 . "\n", $mapping);
is(join("\n", @documents), document(8) . "\n" . document(9), 'an empty field is no value');
# columns in any order, and one for two attributes
@documents = mapped("start,call_id\n2026-03-01T10:00:00Z,1\n", write_file("$folder/twice", '{"id": "call_id", "usageDate": "start", "description": "call_id", "usageType": {"value": "voice"}}'));
is(join("\n", @documents), document(1, description => '1'), 'a column for two attributes');
# a header of paths, none of which a mapping has named
empty('again');
write_file("$folder/paths", "id,usageDate,usageType,usageCharacteristic[x],relatedParty[customer].name,extra.a.b\n1,2026-03-01T10:00:00Z,voice,5,J,y\n");
($status) = usagectl($node, 'again', 'import', '--format=csv', "$folder/paths");
is($json->encode($json->decode($node->safe_psql('again', q{SELECT usage_mgmt.to_tmf(u, 'v4') FROM usage_mgmt.usage u}))),
	document(1, usageCharacteristic => [ { name => 'x', value => '5' } ], relatedParty => [ { role => 'customer', name => 'J' } ], a => { b => 'y' }), 'the names of columns are paths');

# ---- records at fault ----

my $simple = write_file("$folder/simple", '{"id": "id", "usageDate": "date", "usageType": {"value": "voice"}, "description": "text", "usageCharacteristic[n]": {"column": "n", "type": "number"}, "usageCharacteristic[b]": {"column": "b", "type": "boolean"}, "usageCharacteristic[j]": {"column": "j", "type": "json"}, "extra": "more"}');
my $head = "id,date,text,n,b,j,more\n";
my @good = map { "$_,2026-03-01T10:00:00Z,t,1,true,5,{}" } 1 .. 2;
my @faulty;
sub at_fault
{
	my ($row, $what, $message, %more) = @_;

	push @faulty, { row => $row, what => $what, message => $message, %more };
	return;
}
at_fault('3,2026-03-01T10:00:00Z', 'too few fields', 'it has 2 fields, and the header 7');
at_fault('3', 'one field', 'it has 1 field, and the header 7');
at_fault('3,2026-03-01T10:00:00Z,t,1,true,null,{},', 'too many fields', 'it has 8 fields, and the header 7');
at_fault('3,2026-03-01T10:00:00Z,a "b",1,true,null,', 'a quote in a field without', 'field 3: a quote stands in it, and it is not in quotes');
at_fault(qq(3,2026-03-01T10:00:00Z,"a\nb"c,1,true,null,), 'text behind a quote', 'field 3: something stands behind the quote');
at_fault("3,2026-03-01T10:00:00Z,\xE4,1,true,null,", 'no UTF-8', 'byte 24 of the row \(0xe4\) is not UTF-8', code => '22021');
at_fault("3,2026-03-01T10:00:00Z,\0,1,true,null,", 'a NUL', 'byte 24 of the row is NUL', code => '22021');
at_fault(qq(3,2026-03-01T10:00:00Z,"\e n\n\e",x,true,null,), 'no number, and escapes', '"x" in column "n" is not a JSON number', path => 'usageCharacteristic[n]');
at_fault("3,2026-03-01T10:00:00Z,,$_,,,", "no number: $_", qr/"\Q$_\E" in column "n" is not a JSON number/, path => 'usageCharacteristic[n]') for qw(01 1. .5 +1 1e 1x - 0x1 NaN);
at_fault("3,2026-03-01T10:00:00Z,,,yes,,", 'neither true nor false', '"yes" in column "b" is not true or false', path => 'usageCharacteristic[b]');
at_fault("3,2026-03-01T10:00:00Z,,,,$_,", "no one value: $_", qr/".+" in column "j" is not a JSON value/, path => 'usageCharacteristic[j]') for '{}}', '[}', '"{""a"":1},""b"":{}"', '"[1,2"', '"1,2"', '"""x"',  'x y';
at_fault('3,2026-03-01T10:00:00Z,,,,,[]', 'no object', '"\[\]" in column "more" is not a JSON object', path => 'extra');
at_fault(',,,,,,', 'nothing at all', 'no column that is mapped has a value', code => '23502');
# all in one file, between good ones
my $mixed = "$head$good[0]\r\n";
foreach my $case (@faulty)
{
	$case->{at} = length $mixed;
	$mixed .= "$case->{row}\r\n";
}
mapped("$mixed$good[1]\n", $simple);
is("$status " . books($node, 'again'), join('|', '1 ' . (@faulty + 2), 2, 0, 0, scalar @faulty), 'rows at fault do not keep others from being stored');
my @refused = map { [ split /\x02/, $_, -1 ] } rows($node, 'again', q{SELECT concat_ws(E'\x02', record_number, errors -> 0 ->> 'message', errors -> 0 ->> 'path', errors -> 0 ->> 'code',
	encode(coalesce(document_raw, convert_to(document, 'UTF8')), 'hex'), document_length) FROM usage_mgmt.import_reject ORDER BY record_number});
foreach my $n (0 .. $#faulty)
{
	my $case = $faulty[$n];
	my ($number, $message, @told) = @{ $refused[$n] // [] };

	like("$number $message", qr/^@{[ $n + 2 ]} row @{[ $n + 3 ]}, at byte $case->{at} of the file: $case->{message}/, "$case->{what}: $message");
	is(join('|', @told), join('|', $case->{path} // '', $case->{code} // '22P02', unpack('H*', $case->{row}), length $case->{row}), "$case->{what}: where, its SQLSTATE, and the row");
}
# several of one row, and no more than there is
mapped("${head}3,2026-03-01T10:00:00Z,,x,y,{,z\n", $simple);
is($node->safe_psql('again', q{SELECT string_agg(e ->> 'path', ' ') FROM usage_mgmt.import_reject, jsonb_array_elements(errors) e}),
	'extra usageCharacteristic[b] usageCharacteristic[j] usageCharacteristic[n]', 'all faults of a row') or diag rejects('again');
# what is JSON by its brackets alone the server refuses, with the document that was made
mapped("${head}3,2026-03-01T10:00:00Z,,,,{a},\n", $simple);
is("$status " . books($node, 'again'), '1 1|0|0|0|1', 'what is no JSON');
like(rejects('again'), qr/^1\|\{"id":"3",.*\{a\}.*22P02\|expected a quoted key at byte/, 'is kept as it was made');
# what can be mended is taken in from there
mapped("${head}3,2026-03-01T10:00:00Z,t,x,,,\n", $simple);
is($node->safe_psql('again', q{SELECT usage_mgmt.recycle_reject(id, '{"id":"3","date":"2026-03-01","type":"voice"}') IS NOT NULL FROM usage_mgmt.import_reject; SELECT count(*) FROM usage_mgmt.usage}), "t\n1", 'a corrected record is taken in');
# a long row at fault is kept whole, and one too long by its start
my $long = 'x' x (6 * 1024 * 1024);
mapped(qq(${head}3,2026-03-01T10:00:00Z,"$long\n",bad,,,\n$good[0]\n), $simple);
is($node->safe_psql('again', 'SELECT length(document), document_length, (SELECT count(*) FROM usage_mgmt.usage) FROM usage_mgmt.import_reject'), join('|', (length($long) + 33) x 2, 1), 'a long row at fault');
$long x= 11;
mapped(qq(${head}3,2026-03-01T10:00:00Z,"$long\n",1,,,\n$good[0]\n), $simple);
is($node->safe_psql('again', q{SELECT length(document), document_length, errors -> 0 ->> 'code', (SELECT count(*) FROM usage_mgmt.usage) FROM usage_mgmt.import_reject}), join('|', 1024 * 1024, length($long) + 31, '54000', 1), 'a row of more than 64 MB');
# all of which comes at once, or nearly
foreach my $more (1, 100 * 1024)
{
	my $just = 'x' x (64 * 1024 * 1024 - 31 + $more);

	mapped(qq(${head}3,2026-03-01T10:00:00Z,"$just\n",1,,,\n$good[0]\n), $simple);
	like($node->safe_psql('again', q{SELECT errors -> 0 ->> 'message' FROM usage_mgmt.import_reject}), qr/^row 2, .* its first megabyte was kept$/, "a row that is $more bytes too long");
}
$long = 'x' x (20 * 1024 * 1024);
mapped(qq(${head}3,2026-03-01T10:00:00Z,"$long\n",1,,,\n$good[0]\n), $simple);
is($node->safe_psql('again', q{SELECT string_agg(length(description)::text, ' ' ORDER BY length(description)) FROM usage_mgmt.usage}), '1 ' . (length($long) + 1), 'a row that no batch holds');

# ---- files at fault ----

my $fails = 0;
empty('again');
sub fails
{
	my ($what, $content, $message, $before, @options) = @_;
	my $file = write_file("$folder/" . $fails++ . ($options[-1] =~ /^\./ ? pop @options : ''), $content);

	($status, $out, $err) = usagectl($node, 'again', 'import', @options, $file);
	is($status, 2, "$what: fails");
	like($err, $message, "$what: $err");
	like($node->safe_psql('again', "SELECT coalesce(sum(read), 0), count(finished_at) FROM usage_mgmt.import_load WHERE source = '$file'"), qr/^(?:$before)\|0$/,
		"$what: what was before is stored, and the load not finished");
	return;
}
my @documents3 = map { record($_) } 1 .. 3;
my $array = '[' . join(",\n", @documents3) . ']';
fails('an empty array', '', qr/there is no JSON array: the file is empty/, 0, '--format=json');
fails('lines', join("\n", @documents3), qr/there is no JSON array: the file begins with 0x7b/, 0, '--format=json');
fails('an array cut short in an element', substr($array, 0, -10), qr/ends too early, in its element 3 that begins at byte \d+/, 2, '--format=json');
fails('an array cut short behind one', substr($array, 0, -1), qr/ends too early, after 3 elements, at byte @{[ length($array) - 1 ]}/, 3, '--format=json');
fails('an array without an element', "[$documents3[0],,$documents3[1]]", qr/an element is missing .* before "," at byte @{[ 2 + length $documents3[0] ]}/, 1, '--format=json');
fails('an array with a comma at its end', "[$documents3[0],]", qr/an element is missing .* before "\]"/, 1, '--format=json');
fails('two without a comma', "[$documents3[0]$documents3[1]]", qr/stands 0x7b, where "," or "\]" follows element 1/, 1, '--format=json');
fails('brackets that do not match', "[$documents3[0],{\"a\":[1}},$documents3[1]]", qr/the brackets of element 2 .* do not match/, 1, '--format=json');
fails('two arrays', "$array\n$array", qr/something behind the JSON array, at byte @{[ length($array) + 1 ]}/, 3, '--format=json');
fails('an empty CSV file', '', qr/there is no header: the CSV file is empty/, 0, '--format=csv');
fails('a mark alone', "\xEF\xBB\xBF", qr/there is no header: the CSV file is empty/, 0, '--format=csv');
fails('a header that is no text', "id,d\xE4te\n", qr/the header .* is not UTF-8: its byte 5 is 0xe4/, 0, '--format=csv');
fails('UTF-16', "\xFF\xFEi\0d\0\n\0", qr/this is UTF-16 text, and records are in UTF-8/, 0, '--format=csv');
fails('lines of CR', "id,date,type\r1,2026-03-01,x\r", qr/a carriage return in the header/, 0, '--format=csv');
fails('a header of nothing that is known', "id,usageDat\n1,2\n", qr/"usageDat" is no attribute that is known/, 0, '--format=csv');
fails('a header with a name twice', "id,id\n1,2\n", qr/the header has the column "id" 2 times/, 0, '--format=csv');
fails('a header without what is mapped', "id,date\n1,2\n", qr/the header has no column \\?"text/, 0, '--format=csv', "--mapping=$simple");
fails('a mapping that is no JSON', $head, qr/the mapping: invalid input syntax for type json/, 0, '--format=csv', '--mapping=' . write_file("$folder/no", '{'));
fails('a field that is not closed', qq($head$good[0]\n$good[1]\n3,2026-03-01,"abc\n4,x\n), qr/ends within a field in quotes: that of row 4, which begins at byte @{[ length("$head$good[0]\n$good[1]\n") ]}/, 2, '--format=csv', "--mapping=$simple");
fails('a header that is not closed', '"id,date', qr/the header .* has a quote that is not closed/, 0, '--format=csv');
my $plain = "$head$good[0]\n$good[1]\n" . join '', map { "r$_,2026-03-01,$_ " . rand() . ",,,,\n" } 1 .. 9000;
foreach my $suffix ('.gz', '.zst')
{
	my $packed = pack_as($plain, $suffix);
	my @options = ('--format=csv', "--mapping=$simple", $suffix);
	my ($before) = $suffix eq '.gz' ? 'gzip' : 'zstd';

	fails("$before that ends early", substr($packed, 0, -5), qr/ends too early/, '9002|[4-8]\\d{3}', @options);
	fails("$before without a byte of it", '', qr/the $before file ends too early/, 0, @options);
	fails("$before that is none", $plain, $suffix eq '.gz' ? qr/incorrect header/ : qr/damaged zstd data/, 0, @options);
	fails("garbage behind $before", "$packed and more", $suffix eq '.gz' ? qr/incorrect header/ : qr/damaged zstd data/, 9002, @options);
	substr($packed, length($packed) / 2, 4) ^= "\xFF\xFF\xFF\xFF";
	write_file("$folder/damaged$suffix", $packed);
	($status, $out, $err) = usagectl($node, 'again', 'import', @options[ 0, 1 ], "$folder/damaged$suffix");
	is($status, 2, "damaged $before: $err");
	empty('again');
	($status) = usagectl($node, 'again', 'import', @options[ 0, 1 ], write_file("$folder/two$suffix", pack_as(substr($plain, 0, 1000), $suffix) . pack_as(substr($plain, 1000), $suffix)));
	is("$status " . books($node, 'again'), '0 9002|9002|0|0|0', "two members of $before");
}
empty('again');
($status) = usagectl($node, 'again', 'import', write_file("$folder/wide.zst", zstd(join("\n", @documents3) . "\n" . ' ' x (40 * 1024 * 1024), '--long=27', '-19')));
is($status, 2, 'zstd that asks for more memory than it may');
# the file mended, the same command goes on
my $mended = write_file("$folder/mended.json", '[' . join(',', map { record($_) } 1 .. 5000));
empty('again');
($status, $out, $err) = usagectl($node, 'again', 'import', '--format=json', '--batch=700', $mended);
like($err, qr/after 4999 elements|in its element|after 5000 elements/, 'an array without an end');
like($err, qr/the same command goes on from there/, 'is not done');
is($node->safe_psql('again', 'SELECT count(*) FROM usage_mgmt.usage'), 5000, 'all its elements are stored');
write_file($mended, slurp_file($mended) . ',' . record(5001) . ']');
($status, $out, $err) = usagectl($node, 'again', 'import', '--format=json', '--batch=700', $mended);
like($out, qr/load \d+, resumed/, 'mended, it goes on');
is("$status " . books($node, 'again'), '0 5001|5001|0|0|0', 'to its end');

# ---- a break ----

my $calls = join(',', @columns) . "\n" . join '', map { my $text = $_ % 7 ? "call $_" : qq("call\n""$_"";"); "$_,2026-0@{[ 1 + $_ % 6 ]}-01T10:00:00Z,$text,@{[ $_ % 500 ? $_ : 'bad' ]},true,,45,,,12.00,north,x\n" } 1 .. 20_000;
my $gz = write_file("$folder/calls.csv.gz", Compress::Zlib::memGzip($calls));
my @import = ('import', "--mapping=$mapping", '--batch=1000', $gz);
empty('again');
($status) = usagectl($node, 'again', @import);
is("$status " . books($node, 'again'), '1 20000|19960|0|0|40', 'an undisturbed load');
my $undisturbed = store_digest($node, 'again');
my $killed = 0;
empty('again');
for (1 .. 60)
{
	my $pid = usagectl_started($node, 'again', @import);
	my $before = $node->safe_psql('again', 'SELECT coalesce(max(stored), 0) FROM usage_mgmt.import_load');

	for (1 .. 400)
	{
		last if $node->safe_psql('again', 'SELECT coalesce(max(stored), 0) FROM usage_mgmt.import_load') > $before;
		usleep 2000;
	}
	kill 'KILL', $pid;
	last if ended($pid) != -9;
	# what is killed behind its last batch has a summary to say, and would begin anew
	last if $node->safe_psql('again', 'SELECT count(*) FROM usage_mgmt.import_load WHERE finished_at IS NOT NULL');
	$killed++;
}
usagectl($node, 'again', @import) if $node->safe_psql('again', 'SELECT count(*) FROM usage_mgmt.import_load WHERE finished_at IS NULL');
cmp_ok($killed, '>=', 3, "a load of a packed CSV file is killed $killed times");
is($node->safe_psql('again', 'SELECT count(*) FROM usage_mgmt.import_load'), 1, 'and is one load');
is(store_digest($node, 'again'), $undisturbed, 'that leaves what the undisturbed one left');

# ---- random files ----

# A parser of our own: as the RFC says, and what a row's faults are.
sub parse_csv
{
	my ($text, $delimiter) = @_;
	my (@rows, $row);

	pos($text) = 0;
	while (pos($text) < length $text)
	{
		my $start = pos $text;

		$row = { fields => [] };
		while (1)
		{
			if ($text =~ /\G"((?:[^"]|"")*)"/gc)
			{
				my $value = $1;

				$row->{fault} = 1 if $text !~ /\G(?=\Q$delimiter\E|\r?\n|\r?\z)/ && $text =~ /\G[^\n\Q$delimiter\E]+/gc;
				push @{ $row->{fields} }, $value =~ s/""/"/gr;
			}
			else
			{
				$text =~ /\G([^\n\Q$delimiter\E]*)/gc;
				my $value = $1;

				$value =~ s/\r\z// if $text =~ /\G(?=\n|\z)/;
				$row->{fault} = 1 if $value =~ /"/;
				push @{ $row->{fields} }, $value;
			}
			last if $text !~ /\G\Q$delimiter\E/gc;
		}
		$text =~ /\G\r?\n/gc;
		push @rows, $row if @{ $row->{fields} } > 1 || length(substr($text, $start, pos($text) - $start) =~ s/\r?\n\z//r);
	}
	return @rows;
}

sub random_field
{
	my ($delimiter) = @_;
	my @pieces = ('a', 'b ', ' c', '1', 'ä', '€', $delimiter, ',', ';', "\t", '""', "\n", "\r\n", "\r", '\\', '{', '}', '[', ']', ':', "'", "\x0B", "\x7F", "\e", "\x01", 'n');
	my $value = join '', map { $pieces[ rand @pieces ] } 1 .. rand 8;

	return '' if rand() < 0.15;
	return qq("$value") if rand() < 0.9;
	# without quotes, which may be a fault
	return $value =~ s/[\n\Q$delimiter\E]//gr =~ s/""/rand() < 0.5 ? '' : '"'/ger =~ s/^"/x"/r;
}

foreach my $round (1 .. $rounds)
{
	my $delimiter = (',', ';', "\t", '|')[ rand 4 ];
	my $rows = 1 + int rand 150;
	my $text = join($delimiter, 'id', 'a', 'b', 'c') . "\n";
	my (%expected, $refused);

	for my $n (1 .. $rows)
	{
		my $fields = rand() < 0.08 ? int rand 6 : 3;

		$text .= join($delimiter, "r$n", map { random_field($delimiter) } 1 .. $fields) . (rand() < 0.5 ? "\n" : "\r\n") . (rand() < 0.1 ? "\n" : '');
	}
	my ($header, @parsed) = parse_csv($text, $delimiter);
	$refused = grep { $_->{fault} || @{ $_->{fields} } != 4 } @parsed;
	foreach my $row (grep { !$_->{fault} && @{ $_->{fields} } == 4 } @parsed)
	{
		my ($id, @values) = @{ $row->{fields} };

		$expected{$id} = join '|', map { $values[$_] eq '' ? () : qw(a b c)[$_] . '=' . unpack 'H*', $values[$_] } 0 .. 2;
	}
	empty('again');
	($status, $out, $err) = usagectl($node, 'again', 'import', '--format=csv', $round % 2 ? '--batch=7' : '--batch=1000',
		'--mapping=' . write_file("$folder/random.mapping", '{"id": "id", "date": {"value": "2026-03-01"}, "type": {"value": "x"}, "extra.a": "a", "extra.b": "b", "extra.c": "c"}'),
		write_file("$folder/random.csv", $text));
	my %found = map { split /:/, $_, 2 } rows($node, 'again', q{SELECT id || ':' || concat_ws('|', 'a=' || encode(convert_to(extra ->> 'a', 'UTF8'), 'hex'), 'b=' || encode(convert_to(extra ->> 'b', 'UTF8'), 'hex'), 'c=' || encode(convert_to(extra ->> 'c', 'UTF8'), 'hex')) FROM usage_mgmt.usage});
	my $same = join("\n", map { "$_:$found{$_}" } sort keys %found) eq join("\n", map { "$_:$expected{$_}" } sort keys %expected)
		&& books($node, 'again') eq join('|', scalar @parsed, scalar keys %expected, 0, 0, $refused);
	ok($same, "random CSV $round: $rows rows, $refused refused")
		or diag(books($node, 'again') . ' ' . @parsed . "\n" . join("\n", grep { ($found{$_} // '') ne ($expected{$_} // '') } sort keys %expected, keys %found) . "\n$err\n" . unpack 'H*', $text);
}

sub random_value
{
	my ($depth) = @_;
	my $kind = $depth > 3 ? rand 3 : rand 5;

	return $kind < 1 ? int(rand 1000) : $kind < 2 ? join('', map { (qw(a " \\ { } [ ] :), ',', "\n", 'ä', ' ')[ rand 12 ] } 1 .. rand 10)
		: $kind < 3 ? (JSON::PP::true, JSON::PP::false, 1.5)[ rand 3 ]
		: $kind < 4 ? [ map { random_value($depth + 1) } 1 .. rand 4 ] : { map { ("k$_" => random_value($depth + 1)) } 1 .. rand 4 };
}

foreach my $round (1 .. $rounds)
{
	my @elements = map { { id => "r$_", date => '2026-03-01', type => 'x', v => random_value(0) } } 1 .. 1 + int rand 100;
	my $writer = JSON::PP->new->canonical->utf8(0)->allow_nonref;
	my $text;

	$writer = $writer->pretty if $round % 2;
	$text = $round % 3 ? $writer->encode(\@elements) : '[ ' . join(" \r\n, ", map { $writer->encode($_) } @elements) . "\n]\n\n";
	empty('again');
	($status, $out, $err) = usagectl($node, 'again', 'import', '--format=json', write_file("$folder/random.json", $text));
	is($status, 0, "random array $round: $err");
	is(join("\n", map { $json->encode($json->decode($_)) } rows($node, 'again', q{SELECT json_build_object('id', id, 'v', extra -> 'v') FROM usage_mgmt.usage ORDER BY id COLLATE "C"})),
		join("\n", map { $json->encode({ id => $_->{id}, v => $_->{v} }) } sort { $a->{id} cmp $b->{id} } @elements), 'what its elements say');
}

# ---- memory ----

SKIP: {
	skip 'no /proc to weigh a process by', 2 unless -r "/proc/$$/status";

	foreach my $format ('json', 'csv')
	{
		my $file = "$folder/large.$format";
		my $sql = $format eq 'json' ? q{SELECT CASE n WHEN 1 THEN '[' ELSE ',' END || document || CASE n WHEN 25000 THEN ']' ELSE '' END FROM (SELECT n, json_build_object('id', n, 'date', '2026-03-01', 'type', 'x', 'description', repeat('x', 2000)) document FROM generate_series(1, 25000) n) d}
			: q{SELECT 'id,date,type,description' UNION ALL SELECT n || ',2026-03-01,x,' || repeat('x', 2000) FROM generate_series(1, 25000) n};

		empty('again');
		$node->safe_psql('again', "COPY ($sql) TO '$file' WITH (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')");
		my $pid = usagectl_started($node, 'again', 'import', "--format=$format", $file);
		my ($most, $left) = (0, '');
		while ($left ne 'Z' && -r "/proc/$pid/status")
		{
			my $seen = eval { slurp_file("/proc/$pid/status") } // '';

			($left) = $seen =~ /^State:\s+(\w)/m;
			$most = $1 if $seen =~ /^Name:\s+usagectl/ && $seen =~ /^VmHWM:\s+(\d+)/m && $1 > $most;
			usleep 5000;
		}
		is(ended($pid), 0, "a large $format file");
		cmp_ok($most, '<', 64 * 1024, "takes $most kB");
		is($node->safe_psql('again', 'SELECT count(*) FROM usage_mgmt.usage'), 25000, 'and all of it is stored');
	}
}

done_testing();
