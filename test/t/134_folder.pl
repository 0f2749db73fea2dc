# Import jobs of folders: every content once, in order of name, and an exact report, whatever
# dies in between.

use strict;
use warnings;
use File::Copy ();
use Jobs;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Servers;
use Store;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = new_node('folder');
my $db = 'folder';
my $folder = PostgreSQL::Test::Utils::tempdir();
my $json = JSON::PP->new->canonical;
my $sftp = servers_missing('sshd') ? undef : sftp_server();
my $config = servers_config("[directory $folder]\n", $sftp // ());
my $id;

jobs_store($node, $db);
$node->safe_psql($db, q{SELECT usage_mgmt.ensure_partitions('2026-01-01', '2026-03-01')});

sub sql
{
	return $node->safe_psql($db, $_[0]);
}

sub import_order
{
	return order($node, $db, 'mediation', 'import_job', @_);
}

# Its status, then counts and report, decoded.
sub imported
{
	my ($id) = @_;
	my $status = ended_as($node, $db, 'import_job', $id);
	my $row = $json->decode(sql("SELECT to_json(j) FROM usage_mgmt.import_job j WHERE id = '$id'"));

	return ($status, $row, $row->{report});
}

sub counts
{
	my ($row) = @_;

	return join '|', @{$row}{qw(read_count stored_count repeated_count conflicting_count rejected_count)};
}

sub names
{
	my ($in) = @_;

	return join ',', map { s{.*/}{}r } sort glob "$in/*";
}

# What is stored by files of a folder: files, loads, and records below a prefix of their ids.
sub held
{
	my ($where, $prefix) = @_;

	return sql("SELECT (SELECT count(*) FROM usage_mgmt.import_file WHERE url LIKE '%$where%' AND same_as IS NULL AND finished_at IS NOT NULL
			AND error IS NULL),
		(SELECT count(*) FROM usage_mgmt.import_load WHERE source LIKE '%$where%'),
		(SELECT count(*) FROM usage_mgmt.usage WHERE starts_with(id, '$prefix')),
		(SELECT count(*) FROM usage_mgmt.import_load WHERE source LIKE '%$where%' AND (repeated > 0 OR finished_at IS NULL))");
}

sub until_is
{
	my ($query, $answer) = @_;
	my $until = time + 30;

	sleep 0.1 until sql($query) eq $answer || time > $until;
	return sql($query) eq $answer;
}

my $agent = agent_begins($node, $db, config => $config);

# ---- 200 files, with two gaps, a number twice, and a content twice ----
mkdir "$folder/in" or die $!;
my $each = 10;
my @numbers = grep { $_ != 57 && $_ != 130 && $_ != 131 } 1 .. 201;
records_file(sprintf("$folder/in/cdr_%04d.ndjson", $_), $each, sprintf 'a%04d-', $_) foreach @numbers;
records_file("$folder/in/cdr_0077-late.ndjson", $each, 'a0077b-');
File::Copy::copy("$folder/in/cdr_0100.ndjson", "$folder/in/cdr_0150-again.ndjson") or die $!;
is(scalar(my @all = glob "$folder/in/*"), 200, '200 files');
my @order = (url => "file://$folder/in/cdr_*", sequence => 'cdr_#*.ndjson');
my $gaps = [ { from => 57, to => 57 }, { from => 130, to => 131 } ];
my $twice = [ { number => 77, names => [ 'cdr_0077-late.ndjson', 'cdr_0077.ndjson' ] } ];
my $none = { failed => [], waiting => [], repeated => [], duplicateNumbers => [], gaps => $gaps, known => 0 };

$id = import_order(@order);
my ($status, $row, $report) = imported($id);
is("$status|$row->{error_log}", 'succeeded|', 'a folder is imported');
is_deeply($report, { %$none, files => 200, loaded => 199, duplicateNumbers => $twice,
	repeated => [ { name => 'cdr_0150-again.ndjson', sameAs => 'cdr_0100.ndjson' } ] }, 'and its report is exact') or diag(explain $report);
is(counts($row) . "|$row->{byte_count}", join('|', ($each * 199) x 2, 0, 0, 0, -s "$folder/in/cdr_0001.ndjson" ? sql('SELECT sum(size) FROM usage_mgmt.import_file WHERE same_as IS NULL') : 0),
	'the counts of the job are those of all files');
is(held('/in/', 'a'), join('|', 199, 199, $each * 199, 0), 'each content once, under a load of its own');
is(sql("SELECT string_agg(substring(source FROM 'cdr_.*'), ',' ORDER BY id) = string_agg(substring(source FROM 'cdr_.*'), ',' ORDER BY source COLLATE \"C\")
	FROM usage_mgmt.import_load"), 't', 'in the order of their names');
is(sql("SELECT count(*) FROM usage_mgmt.import_file f JOIN usage_mgmt.import_load l ON l.id = f.load_id AND l.source = f.url AND l.stored = $each
	AND l.loaded_by = 'mediation' WHERE f.ordered_by = 'mediation' AND f.job = '$id'"), 199, 'the register names the loads');

# ---- again, with what is new, and a file that is still being written ----
records_file("$folder/in/cdr_0057.ndjson", $each, 'a0057-');
my $writer = fork // die $!;
if (!$writer)
{
	open my $growing, '>>', "$folder/in/cdr_0202.ndjson" or POSIX::_exit(1);
	$growing->autoflush(1);
	for (my $n = 1; ; $n++)
	{
		printf $growing qq({"id":"a0202-%06d","date":"2026-01-01","type":"voice"}\n), $n;
		sleep 0.05;
	}
}
sleep 0.01 until -s "$folder/in/cdr_0202.ndjson";
$id = import_order(@order);
($status, $row, $report) = imported($id);
kill 'KILL', $writer;
waitpid $writer, 0;
is_deeply($report, { %$none, files => 202, loaded => 1, known => 200, gaps => [ $gaps->[1] ], waiting => ['cdr_0202.ndjson'] },
	'what is done is known, what is new is loaded, and what grows waits') or diag(explain $report);
is("$status|" . counts($row), "succeeded|$each|$each|0|0|0", 'the counts are of the new one');
is(sql("SELECT count(*) FROM usage_mgmt.import_load WHERE source LIKE '%cdr_0202%'"), 0, 'nothing of it is loaded before');
$id = import_order(@order);
($status, $row, $report) = imported($id);
is_deeply($report, { %$none, files => 202, loaded => 1, known => 201, gaps => [ $gaps->[1] ] }, 'the next run takes it whole') or diag(explain $report);
my $lines = () = slurp_file("$folder/in/cdr_0202.ndjson") =~ /\n/g;
is(counts($row), "$lines|$lines|0|0|0", 'with all its records');

# ---- a file at fault does not stop the others, and stays; mended it is taken ----
mkdir "$folder/bad" or die $!;
records_file("$folder/bad/$_.ndjson.gz", 500, "b$_-") foreach 'a' .. 'c';
my $whole = slurp_file("$folder/bad/b.ndjson.gz");
truncate "$folder/bad/b.ndjson.gz", length($whole) / 2;
$id = import_order(url => "file://$folder/bad/*", afterwards => 'rename');
($status, $row, $report) = imported($id);
is_deeply([ $status, @{$report}{qw(files loaded)}, [ map { $_->{name} } @{ $report->{failed} } ] ], [ 'failed', 3, 2, ['b.ndjson.gz'] ],
	'a file that ends too early fails, the others are loaded') or diag(explain $row);
like($row->{error_log}, qr/^1 of 3 files failed: b\.ndjson\.gz: .*ends too early/, 'the job says so');
is(names("$folder/bad"), 'a.ndjson.gz.done,b.ndjson.gz,c.ndjson.gz.done', 'the others are renamed');
open my $mended, '>:raw', "$folder/bad/b.ndjson.gz" or die $!;
print $mended $whole;
close $mended;
$id = import_order(url => "file://$folder/bad/*", afterwards => 'rename');
($status, $row, $report) = imported($id);
is_deeply([ $status, @{$report}{qw(files loaded failed)} ], [ 'succeeded', 1, 1, [] ], 'the next run takes it') or diag(explain $row);
is(names("$folder/bad"), 'a.ndjson.gz.done,b.ndjson.gz.done,c.ndjson.gz.done', 'and renames it');
is(sql("SELECT count(*) FROM usage_mgmt.usage WHERE id LIKE 'b_-%'"), 1500, 'all records are there, each once');

# ---- a name that lies ----
mkdir "$folder/lies" or die $!;
records_file("$folder/lies/c.ndjson.gz", 10, 'lc-');
append_to_file("$folder/lies/a.ndjson.gz", '');
append_to_file("$folder/lies/b.ndjson.gz", qq({"id":"lb","date":"2026-01-01","type":"voice"}\n));
$id = import_order(url => "file://$folder/lies/*.gz");
($status, $row, $report) = imported($id);
is_deeply([ $status, @{$report}{qw(files loaded)}, [ map { $_->{name} } @{ $report->{failed} } ] ], [ 'failed', 3, 1, [ 'a.ndjson.gz', 'b.ndjson.gz' ] ],
	'of what is called packed, and is not, nothing is loaded') or diag(explain $row);
is(sql(q{SELECT count(*) FROM usage_mgmt.usage WHERE starts_with(id, 'l')}), 10, 'nothing at all');

# ---- delivered again, removed ----
File::Copy::copy("$folder/bad/a.ndjson.gz.done", "$folder/bad/a.ndjson.gz") or die $!;
$id = import_order(url => "file://$folder/bad/*", afterwards => 'rename');
($status, $row, $report) = imported($id);
is_deeply($report->{repeated}, [ { name => 'a.ndjson.gz', sameAs => 'a.ndjson.gz' } ], 'the same under its own name, where that was renamed, is delivered again');
is(names("$folder/bad"), 'a.ndjson.gz.done,b.ndjson.gz.done,c.ndjson.gz.done', 'it goes the same way');
mkdir "$folder/gone" or die $!;
records_file("$folder/gone/$_", 10, "g$_-") foreach 'a' .. 'c';
$id = import_order(url => "file://$folder/gone/*", afterwards => 'remove');
($status, $row, $report) = imported($id);
is("$status|$report->{loaded}|" . names("$folder/gone"), 'succeeded|3|', 'files are removed where that is ordered');

# ---- whatever dies: in the middle of a file ----
mkdir "$folder/kill" or die $!;
records_file(sprintf("$folder/kill/k%02d.ndjson.gz", $_), 4000, sprintf 'k%02d-', $_) foreach 1 .. 16;
$id = import_order(url => "file://$folder/kill/*.gz", sequence => 'k#.ndjson.gz', afterwards => 'rename');
my $done = 0;
for my $kill (1 .. 5)
{
	my $until = time + 30;

	# in the middle of a file
	sleep 0.02 until time > $until || sql(q{SELECT count(*) FROM usage_mgmt.import_file WHERE url LIKE '%/kill/%' AND finished_at IS NOT NULL}) > $done + 1;
	agent_killed($agent);
	$done = sql(q{SELECT count(*) FROM usage_mgmt.import_file WHERE url LIKE '%/kill/%' AND finished_at IS NOT NULL});
	$agent = agent_begins($node, $db, config => $config);
}
($status, $row, $report) = imported($id);
is("$status|$row->{error_log}", 'succeeded|', 'killed five times the job succeeds');
cmp_ok($row->{attempts}, '>', 5, 'by as many attempts');
is(counts($row), '64000|64000|0|0|0', 'its counts are exact');
is_deeply([ @{$report}{qw(files loaded known gaps repeated failed)} ], [ 16, 16, 0, [], [], [] ], 'and so is its report') or diag(explain $report);
is(held('/kill/', 'k'), '16|16|64000|0', 'each file has one load, no record came twice');
is(names("$folder/kill"), join(',', map { sprintf 'k%02d.ndjson.gz.done', $_ } 1 .. 16), 'all are renamed');

# ---- what is done and was not put away is put away, not loaded again ----
rename "$folder/kill/k03.ndjson.gz.done", "$folder/kill/k03.ndjson.gz" or die $!;
$id = import_order(url => "file://$folder/kill/*.gz", afterwards => 'rename');
($status, $row, $report) = imported($id);
is_deeply([ $status, @{$report}{qw(files loaded known)} ], [ 'succeeded', 1, 0, 1 ], 'a file that was done before a crash is known') or diag(explain $report);
ok(-e "$folder/kill/k03.ndjson.gz.done", 'and renamed');

# ---- a standing order ----
mkdir "$folder/every" or die $!;
my $standing = import_order(url => "file://$folder/every/*.ndjson", every => '1 second', sequence => '#.ndjson');
records_file("$folder/every/1.ndjson", 10, 'e1-');
my $taken = "SELECT count(*) FROM usage_mgmt.import_job WHERE parent = '$standing' AND status = 'succeeded' AND (report ->> 'loaded')::int = 1";
ok(until_is($taken, 1), 'a standing order takes what comes');
records_file("$folder/every/3.ndjson", 10, 'e3-');
ok(until_is($taken, 2), 'and what comes later');
is(sql("SELECT report -> 'gaps' FROM usage_mgmt.import_job WHERE parent = '$standing' AND (report ->> 'loaded')::int = 1 ORDER BY creation_date DESC LIMIT 1"),
	'[{"to": 2, "from": 2}]', 'its runs know each other\'s numbers');
sql("SELECT usage_mgmt.cancel_import_job('$standing')");

# ---- a load that is taken back: the file is not loaded again as it lies there ----
my ($load) = sql(q{SELECT load_id FROM usage_mgmt.import_file WHERE name = 'cdr_0003.ndjson'});
my $busy = $node->background_psql($db);
$busy->query_safe("SELECT pg_advisory_lock(hashtextextended('usage_mgmt.import_load $load', 0))");
my (undef, undef, $refused) = $node->psql($db, "\\set VERBOSITY verbose\nSELECT usage_mgmt.undo_load($load)");
like($refused, qr/55006: load $load is under way in another session/, 'a load that somebody is at is not taken back');
$busy->quit;
is(sql("SELECT undone, kept FROM usage_mgmt.undo_load($load)"), "$each|0", 'the load of a file is taken back');
$id = import_order(@order);
($status, $row, $report) = imported($id);
is_deeply([ $status, @{$report}{qw(loaded known)} ], [ 'succeeded', 0, 202 ], 'the next run leaves it') or diag(explain $report);
utime time, time, "$folder/in/cdr_0003.ndjson";
$id = import_order(@order);
($status, $row, $report) = imported($id);
is_deeply([ $status, @{$report}{qw(loaded known)}, counts($row) ], [ 'succeeded', 1, 201, "$each|$each|0|0|0" ], 'delivered anew it is loaded') or diag(explain $report);

# ---- over sftp ----
SKIP:
{
	skip 'no sftp server', 4 unless $sftp;
	my $in = $sftp->{folder};

	records_file(sprintf("$in/s%02d.ndjson.gz", $_), 100, sprintf 's%02d-', $_) foreach 1 .. 6, 8 .. 12;
	File::Copy::copy("$in/s04.ndjson.gz", "$in/s14.ndjson.gz") or die $!;
	$id = import_order(url => "$sftp->{url}/s*.gz", sequence => 's#.ndjson.gz', afterwards => 'rename');
	until_job($node, $db, 'import_job', $id, "read_count >= 300");
	agent_killed($agent);
	$agent = agent_begins($node, $db, config => $config);
	($status, $row, $report) = imported($id);
	is("$status|$row->{error_log}|" . counts($row), 'succeeded||1100|1100|0|0|0', 'a folder by sftp, with a kill in the middle');
	is_deeply($report, { %$none, files => 12, loaded => 11, gaps => [ { from => 7, to => 7 }, { from => 13, to => 13 } ],
		repeated => [ { name => 's14.ndjson.gz', sameAs => 's04.ndjson.gz' } ] }, 'its report is exact') or diag(explain $report);
	is(held('/s', 's'), '11|11|1100|0', 'each file once');
	is(names($in), join(',', map { sprintf 's%02d.ndjson.gz.done', $_ } 1 .. 6, 8 .. 12, 14), 'all are renamed');
	server_stop($sftp);
}

is(agent_leaves($agent), 0, 'the agent leaves');
done_testing();
