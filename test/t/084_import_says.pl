# What an import says: of the records that it did not store, of a file that is none of records, and of how it goes on
# when it was broken off.

use strict;
use warnings;
use Compress::Zlib ();
use Encode ();
use IPC::Run ();
use JSON::PP;
use Jobs;
use PostgreSQL::Test::Utils;
use Store;
use Test::More;
use Usagectl;

my $node = new_node('main');
my $folder = PostgreSQL::Test::Utils::tempdir();
my $db = 'store';
my ($status, $out, $err);

new_store($node, $db);

sub sql
{
	my ($sql) = @_;

	return $node->safe_psql($db, $sql);
}

sub from_stdin
{
	my ($name) = @_;
	my ($said, $complained) = ('', '');

	local %ENV = Usagectl::environment($node, $db);
	IPC::Run::run([ program($node, 'usagectl'), 'import', '-' ], '<', $name, '>', \$said, '2>', \$complained);
	return ($? & 127 ? -($? & 127) : $? >> 8, $said, $complained);
}

# ---- rejects: how many of each fault, and the first of each ----

my @lines = (
	record('r1'),
	'{"id":"a","date":"2026-01-01"}',
	'no JSON',
	'{"id":"b","date":"2026-01-01"}',
	'{"id":"c","date":"yesterday","type":"x"}',
	'{"id":"d","date":"to \\u001b[31m morrow","type":"x"}',
	record('r1', description => 'other'),
	qq({"id":"e","type":"\xFF"}),
	'{"id":"f"}',
	'{"id":"g","date":"2026-01-01","type":[7]}',
	'{"id":"h","date":"2026-01-01","type":"x","relatedParty":[{"role":"r"},{"id":{},"role":"r"}]}',
	'{"id":"i","date":"2026-01-01","type":"x","relatedParty":[{"id":{},"role":"r"}]}',
	record('r2'));
my $mixed = write_file("$folder/mixed.nd", join '', map { "$_\n" } @lines);
($status, $out, $err) = usagectl($node, $db, 'import', '--batch=3', $mixed);
is("$status $err", '1 ', 'a file with records at fault');
like($out, qr/^  13 read = 2 stored \+ 0 repeated \+ 1 conflicting \+ 10 rejected$/m, 'as the books have them');
like($out, qr/^  3 rejected: type: is mandatory \(23502\), first in record 2\n  2 rejected: date: "yesterday" is not .* \(22007\), first in record 5\n/m,
	'the commonest faults come first, with the first record of each; what they quote makes no other fault of them');
unlike($out, qr/morrow|\e/, 'what a record quotes does nothing to the terminal');
like($out, qr/^  2 rejected: relatedParty\[1\]\.id: .* \(22P02\), first in record 11$/m, 'nor does the place in a list');
is(scalar(() = $out =~ /^  \d rejected: /mg), 5, 'five kinds are told');
like($out, qr/^    others with other faults$/m, 'and that there are others');
like($out, qr/^  1 conflicting: .* first in record 7: see usage_mgmt\.usage_conflict$/m, 'and the first conflict');
my ($see) = $out =~ /^  to see them: (SELECT .*)$/m;
is(scalar(split /\n/, sql("SELECT count(*) FROM ($see) s")), 1, 'where they are, as a statement that runs');
is(sql("SELECT count(*) FROM ($see) s"), 10, 'and finds them');
like($out, qr/^  to take them in: usage_mgmt\.recycle_rejects\(1, .*or mend the file and import it again$/m, 'and what to do');
is(sql(q{SELECT usage_mgmt.recycle_rejects(1, '{"type": "voice"}')}), 3, 'which takes in what it can');
is(sql(q{SELECT records, record_number FROM usage_mgmt.load_faults(1) WHERE code = '23502' AND path = 'type'}), '1|9', 'whose faults are none any more');
($status, $out) = usagectl($node, $db, 'import', '--json', $mixed);
my $summary = decode_json($out);
is(scalar(@{ $summary->{faults} }), 7, 'as JSON all kinds are there');
is_deeply($summary->{faults}[1], { code => '22007', path => 'date', message => '"yesterday" is not a date and time of RFC 3339', records => 2, record => 5 },
	'each with its code, path, message, number and first record') or diag($out);
($status, $out) = usagectl($node, $db, 'import', '--json', write_file("$folder/good.nd", record('g1') . "\n"));
is_deeply(decode_json($out)->{faults}, [], 'and none where there are none');
($status, $out) = usagectl($node, $db, 'import', "$folder/good.nd");
unlike($out, qr/first in record|to see them/, 'nothing more is said where nothing is wrong');

# Nor anywhere else: what is a command to a terminal is a blank.
my $commands = "\xC2\x9B31m \\u009b31m \\u001b[31m";
($status, $out) = usagectl($node, $db, 'import', write_file("$folder/commands.nd", qq({"id":"k","date":"$commands","type":"x"}\n)));
like($out, qr/^  1 rejected: date: ".*31m.*" is not/m, 'a fault that quotes commands');
unlike($out, qr/[\e\x7F]|\xC2[\x80-\x9F]/, 'quotes none');
($status, $out, $err) = usagectl($node, $db, 'import', write_file("$folder/commands.csv", "id,\e[31m\xC2\x9B31m,date\n1,2,3\n"));
like($err, qr/: the header of the CSV file: .*is no attribute/, 'nor does a header');
unlike($err, qr/[\e\x7F]|\xC2[\x80-\x9F]/, 'that is quoted');

# A million different faults are as many kinds, and no more memory: those asked for, and a thousand at most.
sql(q{INSERT INTO usage_mgmt.import_load (source, read, rejected) VALUES ('kinds', 5000, 5000);
	INSERT INTO usage_mgmt.import_reject (load_id, record_number, errors)
	SELECT currval('usage_mgmt.import_load_id_seq'), i, jsonb_build_array(jsonb_build_object('code', '22P02',
		'path', 'p' || translate(i::text, '0123456789', 'abcdefghij'), 'message', 'm')) FROM generate_series(1, 5000) i});
my $kinds = sql('SELECT max(id) FROM usage_mgmt.import_load');
is(sql("SELECT count(*) FROM usage_mgmt.load_faults($kinds)"), 20, 'twenty kinds unless told otherwise');
is(sql("SELECT count(*) FROM usage_mgmt.load_faults($kinds, 1000000)"), 1000, 'a thousand kinds at most');
is(sql("SELECT count(*) FROM usage_mgmt.load_faults($kinds, -1)"), 0, 'none where none are asked for');
is(sqlstate($node, $db, 'SELECT usage_mgmt.load_faults(1000000)'), 'P0002', 'there is no such load');

# ---- who loads may see what is wrong with his own, and nothing else of the rejects ----

sql(q{CREATE ROLE loader LOGIN; CREATE ROLE other LOGIN; CREATE ROLE reads LOGIN;
	SELECT usage_mgmt.grant_access('loader', 'loader'), usage_mgmt.grant_access('other', 'loader'), usage_mgmt.grant_access('reads', 'reader')});
my $his = write_file("$folder/his.nd", join '', map { "$_\n" } @lines[ 1 .. 3 ]);
($status, $out, $err) = usagectl($node, $db, 'import', '--no-partitions', '-d', "dbname=$db user=loader", $his);
is("$status $err", '1 ', 'a loader has records refused');
like($out, qr/^  2 rejected: type: is mandatory \(23502\), first in record 1$/m, 'and is told why');
like($out, qr/^  to see them, as an operator: SELECT/m, 'and who may see them');
my $load = sql('SELECT max(id) FROM usage_mgmt.import_load');

sub as
{
	my ($role, $sql) = @_;

	return sqlstate($node, $db, "SET ROLE $role; $sql");
}
is(as('loader', "SELECT errors FROM usage_mgmt.import_reject WHERE load_id = $load"), '42501', 'which he may not');
is(as('loader', "SELECT usage_mgmt.load_faults($load)"), '00000', 'he sees the faults of his load');
is(as($_, "SELECT usage_mgmt.load_faults($load)"), '42501', "$_ does not") for 'other', 'reads';
is(as('other', 'SELECT usage_mgmt.load_faults(1)'), '42501', 'nor those of a superuser');
sql(q{GRANT loader TO other});
is(as('other', "SELECT usage_mgmt.load_faults($load)"), '00000', 'a member of the role does');

# ---- a file that is none of records is told of by its start, and is no load ----

my @others = (
	[ 'an array', '[{"id":1}, {"id":2}]', qr/one JSON array, not a record a line: --format=json reads it/ ],
	[ 'an array over lines', "\n[\n" . record('x1') . ",\n" . record('x2') . "\n]\n", qr/one JSON array/ ],
	[ 'a long array', '[' . join(',', map { record("x$_") } 1 .. 5000) . ']', qr/one JSON array/ ],
	[ 'pretty JSON', "{\n  \"id\": \"x1\",\n  \"type\": \"voice\"\n}\n", qr/over several lines, not a record a line: jq -c/ ],
	[ 'CSV', "id;date;type\nx1;2026-01-01;voice\n", qr/looks like CSV.*--format=csv reads it/ ],
	[ 'XML', qq(<?xml version="1.0"?>\n<usages>\n</usages>\n), qr/XML or HTML/ ],
	[ 'UTF-16', Encode::encode('UTF-16', record('x1') . "\n"), qr/UTF-16 text.*iconv/ ],
	[ 'UTF-16 without a mark', Encode::encode('UTF-16LE', record('x1') . "\n"), qr/UTF-16 text/ ],
	[ 'zip', "PK\003\004\024\0\0\0\b\0", qr/a zip file/ ],
	[ 'xz', "\xFD7zXZ\0\0\004\xE6\xD6", qr/an xz file.*xz -dc/ ],
	[ 'bzip2', "BZh91AY&SY\xA1\xB2", qr/a bzip2 file.*bzip2 -dc/ ],
	[ 'tar', 'x1.nd' . "\0" x 252 . "ustar\00000" . "\0" x 247 . record('x1'), qr/a tar file/ ]);
my $loads = sql('SELECT count(*) FROM usage_mgmt.import_load');
foreach my $other (@others)
{
	my ($what, $content, $says) = @$other;

	foreach my $as ([ 'as it is', $content ], [ 'packed', Compress::Zlib::memGzip($content) ])
	{
		my $name = write_file("$folder/other", $as->[1]);

		($status, $out, $err) = usagectl($node, $db, 'import', $name);
		is("$status $out", '2 ', "$what, $as->[0]: exit status 2");
		like($err, qr/^usagectl: \Q$name\E: this (?:is|looks like) .*\n\z/, 'in one line');
		like($err, $says, 'that says what it is');
		($status, $out, $err) = from_stdin($name);
		like("$status $err", qr/^2 usagectl: -: .*$says/, 'from standard input, too');
	}
}
is(sql('SELECT count(*) FROM usage_mgmt.import_load'), $loads, 'and none of them is a load');
is(sql(q{SELECT count(*) FROM usage_mgmt.usage WHERE id LIKE 'x%'}), 0, 'or has a record stored');

# But a record at fault fails no good one, wherever it stands.
my @first = ('[1]', '{', '<a/>', 'id,date', "BZh9 no more", "PK\001\002", "\xFF\xFE{\"a\"", '"a,b"', "a\0b", '[{"id":1},', '{"id":1');
foreach my $first (@first)
{
	($status, $out) = usagectl($node, $db, 'import', '--json', write_file("$folder/first.nd", "$first\n" . join('', map { record("f$_") . "\n" } 1 .. 3)));
	is(decode_json($out || '{}')->{rejected}, 1, "of a file that begins with " . $first =~ s/[^ -~]/?/gr . ' one record is rejected') unless $first eq '[{"id":1},';
	is($status, 2, 'an array that is open is one') if $first eq '[{"id":1},';
}
my $ustar = record('u1', description => '');
substr $ustar, -2, 0, 'x' x (257 - length($ustar) + 2) . 'ustar';
is(substr($ustar, 257, 5), 'ustar', 'a record with the mark of a tar file, and where that has it');
is((usagectl($node, $db, 'import', write_file("$folder/ustar.nd", "$ustar\n")))[0], 0, 'is none');
is(sql(q{SELECT count(*) FROM usage_mgmt.usage WHERE id LIKE 'f%'}), 3, 'and the others are stored');

# One that only turns out to be of another form.
($status, $out) = usagectl($node, $db, 'import', write_file("$folder/prose.nd", "all\nof\nit prose\n"));
is($status, 1, 'lines that are no JSON are rejects');
like($out, qr/^  no record is a JSON object: a file has one a line, .*--format=json.*--format=csv/m, 'and it is said what a file is');
($status, $out) = usagectl($node, $db, 'import', write_file("$folder/empty.nd", ''));
is($status, 0, 'an empty file is none at fault');
like($out, qr/^  there is no record in it$/m, 'but that it is empty is said');

# gzip and zstd are known by their bytes, whatever they are called.
my $zstd = '';
IPC::Run::run([ 'zstd', '-qc' ], \(record('z2') . "\n"), \$zstd) or die 'zstd failed';
foreach my $packed (Compress::Zlib::memGzip(record('z1') . "\n"), $zstd)
{
	($status, $out) = usagectl($node, $db, 'import', write_file("$folder/packed.nd", $packed));
	is($status, 0, 'a packed file that is not called so');
	($status, $out) = from_stdin("$folder/packed.nd");
	is($status, 0, 'or comes from standard input');
	like($out, qr/ 1 repeated /, 'is unpacked');
}

# ---- jobs say the same, in the words of an order ----

jobs_store($node, 'jobs');
write_file("$folder/array.json", '[' . record('j1') . "]\n");
write_file("$folder/faulty.json", record('j2') . "\n{\"id\":\"j3\"}\n");
my $agent = agent_begins($node, 'jobs', config => write_file("$folder/agent.conf", "[directory $folder]\n"));
my $array = order($node, 'jobs', 'mediation', 'import_job', url => "file://$folder/array.json");
like(ended_as($node, 'jobs', 'import_job', $array, 'attempts, error_log'),
	qr/^failed\|1\|.*this is one JSON array, not a record a line: order it with contentType application\/json$/, 'a job of an array fails at once');
my $again = order($node, 'jobs', 'mediation', 'import_job', url => "file://$folder/array.json", content_type => 'application/json');
is(ended_as($node, 'jobs', 'import_job', $again), 'succeeded', 'and is done when it is ordered so');
my $faulty = order($node, 'jobs', 'mediation', 'import_job', url => "file://$folder/faulty.json");
like(ended_as($node, 'jobs', 'import_job', $faulty, 'error_log'),
	qr/^succeeded\|1 records were rejected .*; most often date: is mandatory \(23502\), first in record 2$/, 'a job says what was most often at fault');
agent_leaves($agent);

# ---- broken off ----

# The third batch waits for somebody else; the two before are committed.
my $long = write_file("$folder/long.nd", join '', map { sprintf "%s\n", record(sprintf 'w%03d', $_) } 1 .. 40);
my @import = ('import', '--batch=10', $long);

# Somebody else is at that id.
sub at_id
{
	my ($id) = @_;

	return blocked($node, $db, "SELECT usage_mgmt.post_usage('" . record($id) . "') IS NOT NULL");
}

my $blocker = at_id('w025');
foreach my $signal ('INT', 'TERM', 'HUP')
{
	($status, $out, $err) = broken($node, $db, sub { $_[0]->signal($signal) }, @import);
	is($status, -{ INT => 2, TERM => 15, HUP => 1 }->{$signal}, "SIG$signal ends an import as it ends others");
	is("$out$err", "usagectl: $long: interrupted: 20 records (50 %) are committed; the same command goes on from there\n",
		'with one line of what was committed and what to do');
}
($status, $out, $err) = broken($node, $db, sub { sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'usagectl'}) }, @import);
is($status, 2, 'a connection that is lost: exit status 2');
like($err, qr/^usagectl: FATAL: .*\nusagectl: \Q$long\E: not done: 20 records \(50 %\) are committed; the same command goes on from there\n\z/s,
	'with why, and the same line');
($status, $out, $err) = broken($node, $db, sub { $_[0]->signal('INT') }, 'import', '--restart', '--batch=10', $long);
like($err, qr/: interrupted: 20 records \(50 %\) are committed; the same command without --restart goes on from there$/, 'begun with --restart it goes on without');
freed($blocker);
($status, $out) = usagectl($node, $db, @import);
is($status, 0, 'the same command');
like($out, qr/: load \d+, resumed, /, 'goes on');
is(sql(q{SELECT count(*) FROM usage_mgmt.usage WHERE id LIKE 'w%'}), 40, 'to the end');
sql(q{DELETE FROM usage_mgmt.usage WHERE id LIKE 'w%'});
$blocker = at_id('w005');
($status, $out, $err) = broken($node, $db, sub { $_[0]->signal('INT') }, @import);
like($err, qr/: interrupted: no record is committed yet; the same command begins again$/, 'within the first batch that is said');
freed($blocker);

# Wherever it is broken off, and whatever the file is: nothing is lost, and nothing is there twice.
my %file_of = (
	nd => sub { join '', map { "$_\n" } @_ },
	json => sub { '[' . join(",\n", @_) . ']' },
	gz => sub { Compress::Zlib::memGzip(join '', map { "$_\n" } @_) },
	csv => sub { join '', "id,date,type,description\n", map { join(',', /:"([^"]*)"/g) . "\n" } @_ });
foreach my $form (sort keys %file_of)
{
	my @records = map { record(sprintf('%s%03d', $form, $_), $_ % 10 == 7 ? (day => 'never') : ()) } 1 .. 40;
	my $name = write_file("$folder/points.$form", $file_of{$form}->(@records));
	my @command = ('import', '--batch=10', $form eq 'json' ? '--format=json' : (), $name);

	foreach my $point ([ 5, 'KILL' ], [ 15, 'INT' ], [ 18, 'KILL' ], [ 35, 'TERM' ])
	{
		my ($place, $signal) = @$point;

		$blocker = at_id(sprintf '%s%03d', $form, $place);
		# the session of one that is killed waits on
		broken($node, $db, sub { $_[0]->signal($signal); freed($blocker) }, @command);
	}
	($status, $out) = usagectl($node, $db, @command);
	like($out, qr/: load \d+, resumed, .*\n  40 read = 36 stored \+ 0 repeated \+ 0 conflicting \+ 4 rejected\n/, "$form: all of it once");
	is(sql("SELECT count(*) FROM usage_mgmt.usage WHERE id LIKE '$form%'"), 36, 'is stored');
	is(sql("SELECT string_agg(record_number::text, ' ' ORDER BY record_number) FROM usage_mgmt.import_reject JOIN usage_mgmt.import_load l ON l.id = load_id WHERE source = '$name'"),
		'7 17 27 37', 'or rejected');
	is(sql("SELECT count(*) FROM usage_mgmt.import_load WHERE source = '$name'"), 1, 'in one load');
}

# What nohup has it ignore it ignores.
$blocker = at_id('w025');
{
	local $SIG{HUP} = 'IGNORE';
	($status, $out, $err) = broken($node, $db, sub { $_[0]->signal('HUP'); freed($blocker) }, @import);
}
is($status, 0, 'an import that is to ignore a signal does');

# ---- the bar ----

sub on_terminal
{
	my ($command) = @_;
	my $shown = '';

	local %ENV = (Usagectl::environment($node, $db), PATH => $node->config_data('--bindir') . ":$ENV{PATH}");
	IPC::Run::run([ 'script', '-qec', $command, '/dev/null' ], '<', \undef, '>', \$shown);
	return $shown;
}

like(on_terminal("usagectl import $long"), qr/\rlong\.nd  \[/, 'the bar of an import names its file');
like(on_terminal("usagectl import - < $long"), qr/\rstandard input  \[/, 'or standard input');
like(on_terminal("usagectl import file://$long"), qr/\rlong\.nd  \[/, 'or the last of a url');

# ---- a database whose faults cannot be told ----

sql(q{CREATE OR REPLACE FUNCTION usage_mgmt.load_faults(load bigint, most integer DEFAULT 20,
	OUT code text, OUT path text, OUT message text, OUT records bigint, OUT record_number bigint) RETURNS SETOF record
	LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not today' USING HINT = 'Tomorrow.'; END $$});
($status, $out, $err) = usagectl($node, $db, 'import', '--restart', $mixed);
is($status, 1, 'an import does not fail for that');
like($err, qr/\Ausagectl: warning: what is wrong with the rejects could not be told: .*not today.*\n\z/, 'but says so in a line');
like($out, qr/^  to see them: SELECT/m, 'and where they are');

done_testing();
