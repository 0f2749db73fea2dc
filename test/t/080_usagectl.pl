# usagectl: files of every kind in, the store out, and what it says of both.

use strict;
use warnings;
use Compress::Zlib ();
use JSON::PP;
use PostgreSQL::Test::Utils;
use Store;
use Test::More;
use Usagectl;

my $node = new_node('main');
my $folder = PostgreSQL::Test::Utils::tempdir();
my $databases = 0;
my ($status, $out, $err);

# An empty store for each subject.
sub fresh
{
	my $name = 'store' . ++$databases;

	new_store($node, $name);
	return $name;
}

sub ids
{
	my ($database) = @_;

	return join ' ', rows($node, $database, 'SELECT id FROM usage_mgmt.usage ORDER BY id');
}

sub rejects
{
	my ($database) = @_;

	return join "\n", rows($node, $database, q{
		SELECT record_number, coalesce(document, encode(document_raw, 'escape')), document_length,
			errors -> 0 ->> 'code'
		FROM usage_mgmt.import_reject ORDER BY load_id, record_number});
}

# Lines of every kind: out of order, blank, CRLF, a byte order mark, no line feed at the end.
my $db = fresh();
my $mixed = write_file("$folder/mixed.nd", "\xEF\xBB\xBF" . join("\r\n",
	record('m9'), '', record('m2'), "  \t", '{"id": "m3", "type": "no date"}', record('m1'),
	"{\"id\": \"m4\", \"date\": \"2026-01-01\", \"type\": \"caf\xE9\"}",
	"{\"id\": \"m5\", \"da\0te\": 1}", 'no JSON', record('m0', day => '2024-02-29')));
($status, $out, $err) = usagectl($node, $db, 'import', $mixed);
is($status, 1, 'some rejected: exit status 1');
is(ids($db), 'm0 m1 m2 m9', 'the good ones are stored, the last without a line feed as well');
is(books($node, $db), '8|4|0|0|4', 'the books balance');
is(rejects($db), join("\n",
	'3|{"id": "m3", "type": "no date"}|31|23502',
	'5|{"id": "m4", "date": "2026-01-01", "type": "caf\351"}|50|22021',
	'6|{"id": "m5", "da\000te": 1}|24|22021',
	'7|no JSON|7|22P02'), 'rejects are whole and have their number in the file');
like($out, qr/^\Q$mixed\E: load 1, [\d.]+ s\n  8 read = 4 stored \+ 0 repeated \+ 0 conflicting \+ 4 rejected\n/,
	'the summary');
is($err, '', 'no complaint');
is($node->safe_psql($db, q{SELECT to_regclass('usage_mgmt.usage_p202402') IS NOT NULL,
	(SELECT count(*) FROM usage_mgmt.usage_default)}), 't|0', 'partitions were made beforehand');
($status) = usagectl($node, $db, 'import', $mixed);
is($status, 1, 'the same file again: the same faults');
is(books($node, $db), '8|0|4|0|4', 'and nothing new');

# Exit statuses and summaries.
$db = fresh();
my $good = write_file("$folder/good.nd", join('', map { record("g$_") . "\n" } 1 .. 5));
($status, $out) = usagectl($node, $db, 'import', '--json', $good);
is($status, 0, 'all stored: exit status 0');
my $summary = decode_json($out);
is_deeply([ @$summary{qw(load source read stored repeated conflicting rejected bytes)} ],
	[ 1, $good, 5, 5, 0, 0, 0, -s $good ], 'the summary as JSON');
($status) = usagectl($node, $db, 'import', $good);
is($status, 0, 'all repeated: exit status 0');
my $other = write_file("$folder/other.nd", record('g9') . "\n" . record('g2', description => 'other') . "\n"
	. record('g1') . "\n");
($status) = usagectl($node, $db, 'import', $other);
is($status, 1, 'one in conflict: exit status 1');
is(books($node, $db), '3|1|1|1|0', 'counted as conflict');
is($node->safe_psql($db, 'SELECT record_number, usage_id, document FROM usage_mgmt.usage_conflict'),
	'2|g2|' . record('g2', description => 'other'), 'and kept with its number in the file');
($status, $out, $err) = usagectl($node, $db, 'import', "$folder/none.nd");
is($status, 2, 'no such file: exit status 2');
like($err, qr/none\.nd: No such file/, 'and why');
($status, $out, $err) = usagectl($node, $db, 'import', $folder);
is($status, 2, 'a folder: exit status 2');
($status) = usagectl($node, 'no_such_database', 'import', $good);
is($status, 2, 'no such database: exit status 2');
($status) = usagectl($node, $db, 'import');
is($status, 2, 'no file: exit status 2');
($status) = usagectl($node, $db, 'import', '--batch=0', $good);
is($status, 2, 'no batch size: exit status 2');
($status, $out) = usagectl($node, $db, '--help');
is($status, 0, '--help: exit status 0');
like($out, qr/usagectl import/, 'and the usage');
($status, $out) = usagectl($node, $db, 'import', '-d', "dbname=$db", '--json', '-', \(record('i1') . "\n\n"));
is($status, 0, 'standard input');
is(decode_json($out)->{stored}, 1, 'is stored');
my $nothing = write_file("$folder/nothing.nd", '');
($status) = usagectl($node, $db, 'import', $nothing);
is($status, 0, 'an empty file');
is(books($node, $db), '0|0|0|0|0', 'has no record');

# What the sender declared.
$db = fresh();
my $rated = '{"id":"%s","date":"2026-01-01","type":"voice","status":"rated","ratedProductUsage":'
	. '[{"ratingDate":"2026-01-01","taxIncludedRatingAmount":%s,"taxExcludedRatingAmount":1,'
	. '"taxRate":20,"currencyCode":"%s","productRef":"p"}]}' . "\n";
my $sums = write_file("$folder/sums.nd", sprintf($rated, 's1', '12.00', 'EUR')
	. sprintf($rated, 's2', '0.10', 'EUR') . sprintf($rated, 's3', '-5', 'USD'));
($status, $out) = usagectl($node, $db, 'import', '--declared-count=3', '--declared-amount=EUR=12.1',
	'--declared-amount=USD=-5.00', $sums);
is($status, 0, 'what was declared is what was found');
unlike($out, qr/DIFFERS/, 'nothing differs');
like($out, qr/amounts EUR 12\.10, USD -5/, 'the sums are printed');
$node->safe_psql($db, 'TRUNCATE usage_mgmt.usage');
($status, $out) = usagectl($node, $db, 'import', '--declared-count=4', '--declared-amount=EUR=12.11',
	'--declared-amount=GBP=1', $sums);
is($status, 1, 'what differs from the declaration: exit status 1');
like($out, qr/DIFFERS .*records: declared 4, found 3/, 'the count');
like($out, qr/EUR: declared 12\.11, found 12\.10/, 'an amount');
like($out, qr/GBP: declared 1, found 0/, 'a currency that never came');
for my $wrong ('--declared-amount=EUR', '--declared-amount=EUR=1e3', '--declared-amount=eur=1',
	'--declared-count=-1', '--declared-count=x')
{
	($status) = usagectl($node, $db, 'import', $wrong, $sums);
	is($status, 2, "$wrong is refused");
}

# gzip: two members; cut short; damaged; none at all.
$db = fresh();
my @many = map { record("z$_") . "\n" } 1000 .. 4999;
my $packed = Compress::Zlib::memGzip(join '', @many[ 0 .. 1999 ]);
my $whole = $packed . Compress::Zlib::memGzip(join '', @many[ 2000 .. 3999 ]);
my $gz = write_file("$folder/many.nd.gz", substr($whole, 0, length($whole) - 2000));
($status, $out, $err) = usagectl($node, $db, 'import', '--batch=500', $gz);
is($status, 2, 'a gzip file cut short: exit status 2');
like($err, qr/ends too early/, 'and why');
like($err, qr/the same command goes on from there/, 'and what to do');
my ($stored, $read, $unfinished) = split /\|/, $node->safe_psql($db, q{
	SELECT (SELECT count(*) FROM usage_mgmt.usage), read, finished_at IS NULL FROM usage_mgmt.import_load});
ok($stored > 2000 && $stored < 4000, "what is before the end is stored ($stored records)");
is($stored, $read, 'and counted');
is($unfinished, 't', 'the load is not finished');
write_file($gz, $whole);
($status, $out) = usagectl($node, $db, 'import', '--batch=500', $gz);
is($status, 0, 'the whole file goes on from there');
like($out, qr/: load 1, resumed, /, 'in the same load');
is(books($node, $db), '4000|4000|0|0|0', 'each record once');
is($node->safe_psql($db, 'SELECT position FROM usage_mgmt.import_load'), length(join '', @many),
	'the position counts the bytes within');

# Somebody else who moves the load on, between two of its batches, is not overtaken.
my $moved = fresh();
$node->safe_psql($moved, q{
	CREATE FUNCTION other() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN UPDATE usage_mgmt.import_load SET position = position + 1 WHERE id = NEW.id; RETURN NULL; END $$;
	CREATE CONSTRAINT TRIGGER other AFTER UPDATE ON usage_mgmt.import_load DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW WHEN (OLD.position = 0 AND NEW.position > 0) EXECUTE FUNCTION other()});
($status, $out, $err) = usagectl($node, $moved, 'import', '--batch=2', $good);
is($status, 2, 'a load that another program moved on: exit status 2');
like($err, qr/another program went on with load 1, or removed it/, 'and why');
is(ids($moved), 'g1 g2', 'what was committed before is stored, and nothing behind it');

sub gzip_error
{
	my ($content, $what) = @_;
	my $file = write_file("$folder/damaged.nd.gz", $content);
	my ($status, $out, $err) = usagectl($node, $db, 'import', $file);

	is($status, 2, "$what: exit status 2");
	like($err, qr/damaged\.nd\.gz: \S/, "$what: $err");
	return;
}
my $damaged = $packed;
substr($damaged, length($damaged) / 2, 8) = 'damaged!';
gzip_error($damaged, 'damaged gzip data');
gzip_error(join('', @many[ 0 .. 9 ]), 'no gzip data');
gzip_error('', 'an empty gzip file');
gzip_error("$packed garbage", 'garbage behind the gzip data');
is($node->safe_psql($db, 'SELECT count(*) FROM usage_mgmt.usage'), 4000, 'nothing of these is stored');
($status) = usagectl($node, $db, 'import', write_file("$folder/padded.nd.gz", $whole . "\0" x 512));
is($status, 0, 'zeros behind the gzip data are padding');

# A bomb: a gzip file of one endless line, mostly zeros.
my $bomb = Compress::Zlib::memGzip(record('b1') . "\n" . "\0" x (70 * 1024 * 1024) . "\n" . record('b2') . "\n");
($status) = usagectl($node, $db, 'import', write_file("$folder/bomb.nd.gz", $bomb));
is($status, 1, 'a bomb is a reject');
is(books($node, $db), '3|2|0|0|1', 'between two good records');
is($node->safe_psql($db, q{SELECT record_number, length(document_raw), document_length, errors -> 0 ->> 'code'
	FROM usage_mgmt.import_reject ORDER BY id DESC LIMIT 1}), '2|1048576|73400320|54000',
	'of which the first megabyte is kept, with its length');

# Long lines: one that is kept whole, one above 64 MB, one that is no text.
$db = fresh();
my $megabyte = 1024 * 1024;
my $around = length record('l2', description => '');
my $third = length(record('l1')) + 1 + $around + 17 * $megabyte + 2;
my $long = write_file("$folder/long.nd", record('l1') . "\n"
	. record('l2', description => 'x' x (17 * $megabyte)) . "\r\n"
	. record('l3', description => "\xC3\xA9" x (33 * $megabyte)) . "\r\n"
	. record('l4', description => 'x' x (17 * $megabyte) . "\xC3") . "\n"
	. record('l5'));
($status) = usagectl($node, $db, 'import', $long);
is($status, 1, 'long lines');
is(join(' ', rows($node, $db, 'SELECT id, length(description) FROM usage_mgmt.usage ORDER BY id')),
	'l1|4 l2|17825792 l5|4', 'one below 64 MB is stored');
is(join(' ', rows($node, $db, q{SELECT record_number, octet_length(document), octet_length(document_raw),
	document_length > 64 * 1024 * 1024, errors -> 0 ->> 'code'
	FROM usage_mgmt.import_reject ORDER BY record_number})),
	'3|1048575||t|54000 4||' . ($around + 17 * $megabyte + 1) . '|f|22021', 'one above it is cut between two characters, one that is no text is whole');
like($node->safe_psql($db, q{SELECT errors -> 0 ->> 'message' FROM usage_mgmt.import_reject
	WHERE record_number = 3}), qr/at byte $third of the file, has @{[ $around + 66 * $megabyte ]} bytes/, 'its offset and length are told');

# Going on: not with another file, nor where --restart says so.
$db = fresh();
my $broken = join('', @many[ 0 .. 999 ]);
my $file = write_file("$folder/broken.nd", $broken);
usagectl($node, $db, 'import', $file);
$node->safe_psql($db, q{UPDATE usage_mgmt.import_load SET finished_at = NULL, position = 10});
($status, $out, $err) = usagectl($node, $db, 'import', $file);
is($status, 2, 'a position inside a record: exit status 2');
like($err, qr/no record ends at byte 10/, 'and why');
$node->safe_psql($db, q{UPDATE usage_mgmt.import_load SET position = 1000000});
($status, $out, $err) = usagectl($node, $db, 'import', $file);
is($status, 2, 'a position past the end: exit status 2');
like($err, qr/shorter/, 'and why');
($status, $out) = usagectl($node, $db, 'import', '--restart', $file);
is($status, 0, '--restart begins anew');
like($out, qr/: load 2, \d.*1000 read .* 1000 repeated /s, 'with a load of its own');
write_file($file, reverse @many[ 0 .. 999 ]);
$node->safe_psql($db, q{UPDATE usage_mgmt.import_load SET finished_at = NULL});
($status, $out) = usagectl($node, $db, 'import', $file);
like($out, qr/: load 3, \d/, 'a file that starts otherwise has a load of its own');

# Who may not make partitions loads all the same.
$db = fresh();
$node->safe_psql($db, q{CREATE ROLE loader LOGIN; SELECT usage_mgmt.grant_access('loader', 'loader')});
my $old = write_file("$folder/old.nd", record('o1', day => '2023-01-01') . "\n");
($status, $out, $err) = usagectl($node, $db, 'import', '-d', "dbname=$db user=loader", $old);
is($status, 0, 'a loader without the right to make partitions');
like($err, qr/warning: could not make the partition of 2023-01/, 'is warned');
is($node->safe_psql($db, 'SELECT id FROM usage_mgmt.usage_default'), 'o1', 'the default partition takes the record');
($status, $out, $err) = usagectl($node, $db, 'import', '--no-partitions',
	write_file("$folder/older.nd", record('o2', day => '2022-12-01') . "\n"));
is($err, '', '--no-partitions makes none');
is($node->safe_psql($db, 'SELECT count(*) FROM usage_mgmt.usage_default'), 2, 'and the record is there');
($status, $out, $err) = usagectl($node, $db, 'import', '--no-partitions', '-d', "dbname=$db user=loader",
	write_file("$folder/loader.nd", join("\n", record('o1', day => '2023-01-01'), record('o1', description => 'another'),
		'no JSON', record('o3', description => "\xE9"), record('o4'))));
is($err, '', 'who has the level of a loader and no more needs no more');
is(books($node, $db), '5|1|1|1|2', 'whatever becomes of the records');

# A load that broke off is its role's to go on with; another's run of the file is one of its own.
$db = fresh();
$node->safe_psql($db, q{CREATE ROLE night LOGIN; CREATE ROLE shift LOGIN IN ROLE night;
	GRANT USAGE ON SCHEMA usage_mgmt TO loader, night;
	GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA usage_mgmt TO loader, night;
	GRANT UPDATE ON usage_mgmt.import_load, usage_mgmt.import_reject, usage_mgmt.usage_conflict TO loader, night;
	GRANT USAGE ON ALL SEQUENCES IN SCHEMA usage_mgmt TO loader, night});
my $shared = write_file("$folder/shared.nd", join('', map { record("n$_") . "\n" } 1 .. 5));
($status) = usagectl($node, $db, 'import', '--no-partitions', '-d', "dbname=$db user=night", $shared);
is($status, 0, 'a load of one role');
$node->safe_psql($db, q{UPDATE usage_mgmt.import_load SET finished_at = NULL, position = 0});
($status, $out, $err) = usagectl($node, $db, 'import', '--no-partitions', '-d', "dbname=$db user=loader", $shared);
is($status, 0, 'another role may load the file');
like($out, qr/: load 2, \d.*5 read .* 5 repeated /s, 'in a load of its own');
($status, $out, $err) = usagectl($node, $db, 'import', '--no-partitions', '-d', "dbname=$db user=shift", $shared);
like($out, qr/: load 1, resumed/, 'a member of the first goes on with the first') or diag($err);
is($node->safe_psql($db, 'SELECT id, loaded_by FROM usage_mgmt.import_load ORDER BY id'), "1|night\n2|loader", 'both know whose they are');

# What v4 does not ask for is missing all the same, unless it is to be filled in.
$db = fresh();
my $bare = write_file("$folder/bare.nd", join('', map { "{\"id\":\"v$_\",\"usageType\":\"voice\"}\n" } 1 .. 3) . record('v4') . "\n");
($status, $out, $err) = usagectl($node, $db, 'import', $bare);
is($status, 1, 'v4 records without a date');
is(books($node, $db), '4|1|0|0|3', 'are rejects');
unlike($out, qr/filled/, 'nothing is filled in');
is($err, '', 'the summary tells, not a warning beside it');
$node->safe_psql($db, q{UPDATE usage_mgmt.setting SET value = 'fill' WHERE name = 'on_missing'});
($status, $out) = usagectl($node, $db, 'import', $bare);
is($status, 0, 'with on_missing = fill they are stored');
like($out, qr/^  3 of the stored lacked what was filled in$/m, 'and the summary says so');
$node->safe_psql($db, 'TRUNCATE usage_mgmt.usage');
($status, $out) = usagectl($node, $db, 'import', '--json', $bare);
is(decode_json($out)->{filled}, 3, 'in JSON as well');

# A database that does not know every character.
$node->safe_psql('postgres', q{CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0});
$node->safe_psql('latin', 'CREATE EXTENSION usage_mgmt');
my $euro = record('u5', description => "\xE2\x82\xAC");
($status, $out, $err) = usagectl($node, 'latin', 'import', write_file("$folder/latin.nd", join("\n",
	record('u9', description => "\xC3\xA9"), 'no JSON', (map { record("u1$_") } 0 .. 9), $euro,
	record('u6', description => "\xE9"), record('u0'))));
is($status, 1, 'a database in LATIN1');
is($err, '', 'no complaint');
is(books($node, 'latin'), '15|12|0|0|3', 'all that it knows is stored');
is(join(' ', rows($node, 'latin', q{SELECT record_number, errors -> 0 ->> 'code', encode(document_raw, 'hex')
	FROM usage_mgmt.import_reject ORDER BY 1})), join(' ', '2|22P02|', '13|22P05|' . unpack('H*', $euro),
	'14|22021|' . unpack('H*', record('u6', description => "\xE9"))), 'the rest is kept whole');
is($node->safe_psql('latin', q{SELECT length(description) FROM usage_mgmt.usage WHERE id = 'u9'}), 1,
	'and its own characters are characters');

# Out and back in.
$db = fresh();
my $second = fresh();
usagectl($node, $db, 'import', write_file("$folder/all.nd", join('', @many, map { sprintf $rated, "r$_", $_, 'EUR' } 1 .. 500)));
for my $version ('r14.5', 'v4')
{
	for my $name ("$folder/$version.nd", "$folder/$version.nd.gz")
	{
		($status, $out) = usagectl($node, $db, 'export', "--tmf=$version", '--query=sort=id', $name);
		is($status, 0, "export to $name");
		like($out, qr/: 4500 records, /, 'of all records');
		$node->safe_psql($second, 'TRUNCATE usage_mgmt.usage');
		($status) = usagectl($node, $second, 'import', $name);
		is($status, 0, 'and back in');
		is($node->safe_psql($second, 'SELECT md5(string_agg(usage_mgmt.to_tmf(u)::text, chr(10) ORDER BY id)) FROM usage_mgmt.usage u'),
			$node->safe_psql($db, 'SELECT md5(string_agg(usage_mgmt.to_tmf(u)::text, chr(10) ORDER BY id)) FROM usage_mgmt.usage u'),
			'equal checksum of all documents');
	}
}
($status, $out, $err) = usagectl($node, $db, 'export', '--query=status=rated&fields=id&sort=id&limit=2');
is($out, join('', map { "$_\n" } rows($node, $db, q{SELECT usage_mgmt.get_usages('status=rated&fields=id&sort=id&limit=2')})),
	'a query to standard output');
like($err, qr/^-: 2 records/, 'with the summary beside it');
($status, $out) = usagectl($node, $db, 'export', '--query=type=none', "$folder/none.out");
is($status, 0, 'an export of nothing');
is(-s "$folder/none.out", 0, 'is an empty file');
($status, $out, $err) = usagectl($node, $db, 'export', '--query=limit=x', "$folder/wrong.out");
is($status, 2, 'a query that means nothing: exit status 2');
foreach my $query ('nosuch=1', 'statsu=rated', 'lmit=1', 'fields=nam', 'depth=1')
{
	($status, $out, $err) = usagectl($node, $db, 'export', '-q', $query, "$folder/wrong.out");
	is($status, 2, "$query: exit status 2");
	like($err, $query eq 'depth=1' ? qr/"depth" is not supported/ : qr/HINT:  The nearest name is/, 'and why');
	($status, $out) = usagectl($node, $db, 'export', '-q', $query);
	is("$status $out", '2 ', 'nothing to standard output either');
}
($status) = usagectl($node, $db, 'export', '--tmf=v99', "$folder/wrong.out");
is($status, 2, 'a version that is none: exit status 2');
is(join(' ', glob "$folder/wrong.out*"), '', 'and no file, whole or not');
($status) = usagectl($node, $db, 'export', "$folder/no/such/folder.nd");
is($status, 2, 'a file that cannot be written: exit status 2');

# Records of several resources: each goes where its own @type says.
sub specification
{
	my ($id, $description) = @_;

	$description //= '';
	return qq({"\@type":"UsageSpecification","id":"$id","name":"$id","description":"$description"});
}

# read|stored|repeated|conflicting|rejected of a resource, in a summary as JSON.
sub of_resource
{
	my ($json, $noun) = @_;
	my $counts = decode_json($json)->{resources}{$noun} // {};

	return join '|', map { $_ // '' } @$counts{qw(read stored repeated conflicting rejected)};
}

$db = fresh();
my @several = (
	record('r9', day => '2023-05-06'),
	specification('s2'),
	'{"id":"s3","date":"2026-01-01","name":"s3","x":["}\"",{"@type":"Usage"}],"@type":"UsageSpecification"}',
	'{"id":"r1","x":{"@type":"UsageSpecification"},"date":"2026-01-01","type":"nested"}',
	'{"@type":"UsageSpecification","id":"s4","status":"lost"}',
	'{"id":"r2","date":"2026-01-01","type":"none of ours","@type":"VoiceUsage"}',
	'{"id":"r3","type":"no date","@type":"Usage"}',
	specification('s2'),
	specification('s2', 'other'),
	record('r9', description => 'other'),
	specification("s5\xFF"),
	'{"id":"r0","date":"2026-01-01","type":"by its value","x":"\"@type\":\"UsageSpecification\"","@type":["UsageSpecification"]}',
	record('r4'));
my $several = write_file("$folder/several.nd", join "\n", @several);
($status, $out, $err) = usagectl($node, $db, 'import', '--batch=4', $several);
is("$status $err", '1 ', 'a file of several resources');
is($node->safe_psql($db, 'SELECT read, stored, repeated, conflicting, rejected FROM usage_mgmt.import_load'),
	'13|6|1|1|5', 'has one row in the books, which balance');
is(ids($db), 'r1 r2 r4 r9', 'usages are what says nothing, nothing of ours, or so below its top');
is(join(' ', rows($node, $db, 'SELECT id FROM usage_mgmt.usage_specification ORDER BY id')), 's2 s3', 'specifications what says so');
is(join(' ', rows($node, $db, q{SELECT record_number, resource, errors -> 0 ->> 'code' FROM usage_mgmt.import_reject ORDER BY 1})),
	'5|usage_specification|22P02 7|usage|23502 9|usage_specification|23505 11|usage_specification|22021 12|usage|22P02',
	'rejects have their number in the file, and their resource');
is($node->safe_psql($db, 'SELECT record_number, usage_id, document FROM usage_mgmt.usage_conflict'), "10|r9|$several[9]", 'and so has a conflict');
is($node->safe_psql($db, q{SELECT to_regclass('usage_mgmt.usage_p202305') IS NOT NULL}), 't', 'partitions are made');
like($out, qr/^    usage_specification: 6 read = 2 stored \+ 1 repeated \+ 0 conflicting \+ 3 rejected\n    usage: 7 read = 4 stored \+ 0 repeated \+ 1 conflicting \+ 2 rejected$/m,
	'the summary tells them apart');
like($out, qr/^  13 read = /m, 'below what all come to');
($status, $out) = usagectl($node, $db, 'import', '--json', $several);
is(of_resource($out, 'usage'), '7|0|4|1|2', 'as JSON');
is(of_resource($out, 'usage_specification'), '6|0|3|0|3', 'of each');
is(decode_json($out)->{read}, 13, 'and all');
($status, $out) = usagectl($node, $db, 'import', '--json', $good);
is(of_resource($out, 'usage'), '5|5|0|0|0', 'a file of usages alone says so as JSON');
($status, $out) = usagectl($node, $db, 'import', $good);
unlike($out, qr/usage:/, 'and otherwise nothing of resources');

# Broken off in the middle, the books of each go on.
$node->safe_psql($db, q{UPDATE usage_mgmt.import_load SET finished_at = NULL, position = }
	. length(join "\n", @several[ 0 .. 3 ], '') . q{, read = 4, stored = 4, repeated = 0, conflicting = 0, rejected = 0,
	declared = declared || '{"resources": {"usage": {"read": 2, "stored": 2}, "usage_specification": {"read": 2, "stored": 2}}}'
	WHERE id = 2; DELETE FROM usage_mgmt.import_reject WHERE load_id = 2; DELETE FROM usage_mgmt.usage_conflict WHERE load_id = 2});
($status, $out) = usagectl($node, $db, 'import', '--json', $several);
is(decode_json($out)->{load}, 2, 'a load that goes on');
is(of_resource($out, 'usage'), '7|2|2|1|2', 'with the usages it had');
is(of_resource($out, 'usage_specification'), '6|2|1|0|3', 'and the specifications');
is(join(' ', rows($node, $db, 'SELECT record_number FROM usage_mgmt.import_reject WHERE load_id = 2 ORDER BY 1')), '5 7 9 11 12',
	'and the numbers of the file');

# As one is told; what says that it is another resource is refused.
$db = fresh();
foreach my $name ('usage_specification', 'UsageSpecification', 'usageSpecification', 'USAGESPECIFICATION')
{
	($status, $out) = usagectl($node, $db, 'import', '--json', "--resource=$name",
		write_file("$folder/told.nd", qq({"id":"$name","name":"n"}\n{"id":"$name.2","name":"n","\@type":"Usage"}\n)));
	is($status, 1, "--resource=$name");
	is(of_resource($out, 'usage_specification'), '2|1|0|0|1', 'all are taken for specifications');
	($status, $out) = usagectl($node, $db, 'export', "--resource=$name", "--query=id=$name&fields=name");
	is($out, qq({"id":"$name","href":"/usageManagement/usageSpecification/$name","name":"n"}\n), 'out again');
}
($status, $out) = usagectl($node, $db, 'import', '--json', '--resource=usage', write_file("$folder/told.nd", specification('s1')));
is(of_resource($out, 'usage'), '1|0|0|0|1', '--resource=usage');
foreach my $command ([ 'import', $good ], ['export'])
{
	($status, $out, $err) = usagectl($node, $db, $command->[0], '--resource=nothing', @$command[ 1 .. $#$command ]);
	is("$status $out", '2 ', "$command->[0]: a resource that there is not");
	like($err, qr/resource "nothing" is not known; there are (?=.*\busage\b).*\busage_specification\b/, 'with those that there are');
}
is($node->safe_psql($db, 'SELECT count(*) FROM usage_mgmt.import_load'), 5, 'and no load');

# Whoever sends files gives no orders.
($status, $out) = usagectl($node, $db, 'import', '--json',
	write_file("$folder/order.nd", qq({"\@type":"ImportJob","id":"o","date":"2026-01-01","type":"x","url":"file:///etc/passwd"}\n{"\@type":"ExportJob","id":"o","url":"https://example.com/"}\n)));
is(of_resource($out, 'usage'), '2|0|0|0|2', 'a job in a file is a usage that says it is something else');
is(join(' ', rows($node, $db, q{SELECT errors #>> '{0,path}' || ': ' || (errors #>> '{0,message}') FROM usage_mgmt.import_reject WHERE document LIKE '%Job%' ORDER BY id LIMIT 1})),
	'@type: is that of an import job, not of a usage', 'and a reject');
is($node->safe_psql($db, 'SELECT count(*) FROM usage_mgmt.import_job, usage_mgmt.export_job'), 0, 'and nothing is ordered');
foreach my $command ([ 'import', $good ], ['export'])
{
	($status, $out, $err) = usagectl($node, $db, $command->[0], '--resource=import_job', @$command[ 1 .. $#$command ]);
	like("$status $err", qr/^2 .*resource "import_job" is not known/, "$command->[0]: nor does it have jobs for a resource");
}

# What a loader may not store is a reject of its own, and no failure of the rest.
($status, $out, $err) = usagectl($node, $db, 'import', '--json', '-d', "dbname=$db user=loader", $several);
is($status, 2, 'who may not load at all');
$node->safe_psql($db, q{SELECT usage_mgmt.grant_access('loader', 'loader')});
($status, $out, $err) = usagectl($node, $db, 'import', '--no-partitions', '--json', '-d', "dbname=$db user=loader", $several);
is("$status $err", '1 ', 'specifications in a file of a loader');
is(of_resource($out, 'usage'), '7|4|0|1|2', 'the rest is stored');
is(of_resource($out, 'usage_specification'), '6|0|0|0|6', 'they are rejects');
is(join(' ', rows($node, $db, q{SELECT record_number FROM usage_mgmt.import_reject r WHERE errors -> 0 ->> 'code' = '42501' ORDER BY 1})),
	'2 3 5 8 9', 'with their numbers');
is($node->safe_psql($db, q{SELECT usage_mgmt.recycle_reject(id) FROM usage_mgmt.import_reject WHERE record_number = 3
	AND errors -> 0 ->> 'code' = '42501'}), 't', 'which who may takes in');
is($node->safe_psql($db, q{SELECT name FROM usage_mgmt.usage_specification WHERE id = 's3'}), 's3', 'as what they are');
($status, $out, $err) = usagectl($node, $db, 'import', '--resource=usage_specification', '-d', "dbname=$db user=loader", $several);
is($status, 2, 'where all are to be specifications it fails');
like($err, qr/permission denied/, 'and says why');

# A long record that says what it is at its end.
$db = fresh();
usagectl($node, $db, 'import', write_file("$folder/long.nd", record('l1') . "\n"
	. '{"id":"l2","name":"long","description":"' . 'x' x (17 * $megabyte) . '","@type":"UsageSpecification"}' . "\n"
	. record('l3', description => 'x' x (17 * $megabyte), day => '2023-07-08')));
is($node->safe_psql($db, 'SELECT id, length(description) FROM usage_mgmt.usage_specification'), 'l2|17825792', 'a long specification');
is($node->safe_psql($db, q{SELECT id, tableoid::regclass FROM usage_mgmt.usage WHERE id = 'l3'}), 'l3|usage_mgmt.usage_p202307',
	'and a long usage, in a partition of its own');

# What comes with its specification is checked against it.
$db = fresh();
$node->safe_psql($db, q{UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'check_specification'});
($status) = usagectl($node, $db, 'import', write_file("$folder/checked.nd",
	'{"id":"c1","date":"2026-01-01","type":"voice","usageSpecification":{"id":"c"},"usageCharacteristic":[{"name":"no","value":1}]}' . "\n"
	. '{"@type":"UsageSpecification","id":"c","name":"c","usageSpecCharacteristic":[{"name":"yes"}]}'));
is($status, 1, 'a usage before its specification in one file');
is($node->safe_psql($db, q{SELECT record_number, errors -> 0 ->> 'path' FROM usage_mgmt.import_reject}), '1|usageCharacteristic[0].name',
	'is checked against it');

SKIP:
{
	skip 'no service_usage', 6 unless $node->safe_psql($db, q{SELECT to_regclass('usage_mgmt.service_usage')}) ne '';
	my $service = '{"id":"%s","usageDate":"2023-09-10T00:00:00Z","status":"generated","service":{"id":"s"},'
		. '"usageSpecification":{"id":"x"},"@type":"ServiceUsage"}' . "\n";

	$db = fresh();
	($status, $out, $err) = usagectl($node, $db, 'import', '--json', write_file("$folder/service.nd",
		sprintf($service, 'a') . record('a') . "\n" . sprintf($service, 'b') . sprintf($service, 'a')));
	is("$status $err", '0 ', 'usages of services among usages');
	is(of_resource($out, 'service_usage'), '3|2|1|0|0', 'are usages of services');
	is(of_resource($out, 'usage'), '1|1|0|0|0', 'which may have the id of a usage');
	is($node->safe_psql($db, q{SELECT DISTINCT tableoid::regclass FROM usage_mgmt.service_usage}), 'usage_mgmt.service_usage_p202309',
		'in partitions of their own');
	($status, $out) = usagectl($node, $db, 'export', '--resource=serviceUsage', '--query=sort=id', "$folder/service.out");
	like($out, qr/: 2 records/, 'out again');
	($status, $out) = usagectl($node, $db, 'import', '--json', '--resource=ServiceUsage', "$folder/service.out");
	is(of_resource($out, 'service_usage'), '2|0|2|0|0', 'and back in');
}

done_testing();
