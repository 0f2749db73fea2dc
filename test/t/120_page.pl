# The page of what is in the store, and Swagger UI on our own document, as a browser shows them
# behind nginx: with the numbers of the database, to whom they are for, and nothing else.
#
# USAGE_MGMT_SHOTS names a folder for the screenshots of docs/: page.png and swagger.png.

use strict;
use warnings;
use FindBin;
use IPC::Run;
use JSON::PP;
use Scenario;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = PostgreSQL::Test::Utils::tempdir();
my $shots = $ENV{USAGE_MGMT_SHOTS} // $folder;
my $json = JSON::PP->new->utf8->canonical->allow_nonref;

sub runs
{
	my ($out, $err) = ('', '');

	return eval { IPC::Run::run([@_], '<', \undef, '>', \$out, '2>', \$err) };
}

my ($chromium) = grep { -x } map { "/usr/bin/$_" } 'chromium', 'chromium-browser';

plan skip_all => 'there is no chromium' if !defined $chromium;
plan skip_all => 'there is no nginx' if !-x '/usr/sbin/nginx';
plan skip_all => 'there is no node or npm' if !runs('node', '--version') || !runs('npm', '--version');
append_to_file("$folder/$_", slurp_file("$FindBin::Bin/../web/$_")) foreach 'package.json', 'package-lock.json';
plan skip_all => 'npm cannot install what the test takes from it'
	if !runs('npm', 'ci', '--prefix', $folder, '--cache', "$folder/cache", '--no-audit', '--no-fund', '--ignore-scripts');

# ---- a store with something in it ----

my $node = new_node('page');
my $db = 'rest';
my ($ask, $stop, $port) = do {
	local $ENV{docs} = "$folder/node_modules/swagger-ui-dist";
	open_store($node, (ways())[-1]);
};

$node->safe_psql($db, <<'SQL');
SELECT usage_mgmt.ensure_partitions(now() - interval '2 months', now());
-- in the statuses that their age has brought them to; what it takes to be rated is no matter here
SET session_replication_role = replica;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status)
	SELECT format('u %s %s', ago, i), date_trunc('day', now(), 'UTC') - ago * interval '24 hours', 'voice',
		(CASE WHEN part < 3 THEN 'rejected' WHEN part < 5 THEN 'recycled' WHEN part < 8 AND ago > 4 THEN 'rerated'
			WHEN ago < 2 AND part > 30 + ago * 20 THEN 'received' WHEN ago < 6 AND part > ago * 15 THEN 'guided'
			WHEN ago < 20 AND part > (ago - 6) * 7 + 8 THEN 'rated' ELSE 'billed' END)::usage_mgmt.usage_status
	FROM generate_series(0, 40) ago, generate_series(1, 1800 + ago * 37 % 400) i, LATERAL (SELECT i * 37 % 100 AS part) p
	WHERE ago % 7 < 5 OR i % 5 < 3;
SET session_replication_role = origin;
SELECT usage_mgmt.rebuild_keys();
INSERT INTO usage_mgmt.service_usage (id, usage_date, status) SELECT 's' || i, now(), 'generated' FROM generate_series(1, 5) i;
INSERT INTO usage_mgmt.import_load (source, started_at, finished_at, read, stored, rejected, loaded_by)
	VALUES ('data-2026-11.ndjson.gz', now() - interval '15 s', now(), 300000, 299997, 3, 'mediation'),
		('voice-2026-11.ndjson.gz', now() - interval '71 s', now(), 1234567, 1234567, 0, 'mediation');
INSERT INTO usage_mgmt.import_reject (load_id, record_number, document, errors)
	VALUES (1, 2, '{}', '[{"path": "usageType", "code": "23502", "message": "is mandatory"}]'),
		(1, 4, '{}', '[{"path": "usageType", "code": "23502", "message": "is mandatory"}]'),
		(1, 3, '{}', '[{"path": "usageDate", "code": "22007", "message": "is no date"}]');
SET ROLE usage_reader;
SELECT usage_mgmt.register_usage_listener('https://billing.example.com/usages', 'usage.status=rated');
SELECT usage_mgmt.register_usage_listener('https://crm.example.com/all');
SELECT usage_mgmt.pause_listener('2', 'its certificate is renewed');
RESET ROLE;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) SELECT 'later ' || i, now(), 'voice' FROM generate_series(1, 3) i;
SQL
my %days;
my %totals;

# What the page must show, a day later maybe than when it did.
sub counted
{
	%days = %totals = ();
	foreach (rows($node, $db, 'SELECT day, status, n FROM usage_api.usage_count'))
	{
		my ($day, $status, $n) = split /\|/;

		$days{$day}{$status} = $n;
		$totals{$status} += $n;
	}
	return join ' ', sort keys %days;
}

# ---- what is seen ----

my $before = counted();
my ($out, $err) = ('', '');
my $plan = { url => "http://127.0.0.1:$port/", profile => "$folder/profile", shots => $shots, id => 'by swagger',
	body => $json->encode({ id => 'by swagger', usageDate => '2026-01-02T03:04:05Z', usageType => 'voice' }) =~ s/,/,\n/gr,
	tokens => { tokens() } };
{
	local $ENV{HOME} = $folder;
	IPC::Run::run([ 'node', "$FindBin::Bin/../web/browse.js", $folder, $chromium ], '<', \$json->encode($plan), '>', \$out, '2>', \$err,
		IPC::Run::timeout(300)) or die $err;
}
my $seen = $json->decode($out);
my $same_day = $before eq counted();

is($seen->{failed} // '', '', 'the browser came through');
is_deeply($seen->{complaints}, [], 'and complains of nothing') or diag($out);
is_deeply($seen->{elsewhere}, [], 'nothing is asked of another server');

my ($anonymous, $operator) = @$seen{qw(anonymous operator)};
sub number { my ($n) = @_; 1 while $n =~ s/^(\d+)(\d{3})/$1,$2/; return $n }

SKIP:
{
	skip 'a day has ended meanwhile', 5 if !$same_day;
	is_deeply($operator->{legend}, [ map { "$_ " . number($totals{$_}) } grep { $totals{$_} } qw(received guided rated rerated billed rejected recycled) ],
		'the legend has the statuses and their sums, in the order of life');
	my ($head, @body) = @{ $operator->{counts} };
	my %table = map { my @row = @$_; $row[0] => { map { $head->[$_] => $row[$_] =~ s/,//gr } 1 .. $#row - 1 } } @body;

	is(scalar(@body), 31, 'the table has 31 days');
	is_deeply({ map { my $d = $_; $d => { map { $_ => $table{$d}{$_} } grep { $table{$d}{$_} } keys %{ $table{$d} } } } grep { keys %{ $days{$_} // {} } } keys %table },
		\%days, 'with the counts of the database');
	is_deeply([ sort keys %{ $operator->{days} } ], [ sort keys %table ], 'the chart has the same days');
	my ($today) = reverse sort keys %days;

	my $received = number($days{$today}{received});

	like($seen->{tip}, qr/received$received\D/, 'a day that is pointed at tells its counts');
}
is_deeply($operator->{counts}, $anonymous->{counts}, 'who shows no token sees as much, who may read');

# A column's parts are as high as their counts are.
my ($tallest) = sort { sum_of($b) <=> sum_of($a) } keys %days;
sub sum_of { my $n = 0; $n += $_ foreach values %{ $days{ $_[0] } }; return $n }
my @parts = @{ $operator->{heights}{$tallest} // [] };
my ($largest) = sort { $b->[1] <=> $a->[1] } @parts;
my $pixels = 0;
$pixels += $_->[1] foreach @parts;

cmp_ok($pixels, '>', 100, 'the highest column is high');
cmp_ok(abs($largest->[1] / $pixels - $days{$tallest}{ $largest->[0] } / sum_of($tallest)), '<', 0.05, 'and its largest part has its share of it');

is_deeply([ map { [ @$_[0, 1, 4, 5, 8, 9] ] } @{ $operator->{loads} }[ 1, 2 ] ],
	[ [ 2, 'voice-2026-11.ndjson.gz', '1,234,567', '1,234,567', 0, 'mediation' ], [ 1, 'data-2026-11.ndjson.gz', '300,000', '299,997', 3, 'mediation' ] ],
	'an operator sees the loads, the last one first');
like($operator->{loads}[3][1], qr{^usageDate is no date \(22007\) record 3usageType is mandatory \(23502\) records 2, 4$}, 'with their rejects');
is_deeply($seen->{hostile}, [ JSON::PP::true, JSON::PP::true, JSON::PP::true ], 'HTML in the store is shown');
is_deeply($seen->{hacked}, [ 'undefined', 0 ], 'as text');
is_deeply([ map { [ @$_[0 .. 3] ] } @{ $operator->{listeners} }[ 1, 2 ] ],
	[ [ 1, 'usage', 'https://billing.example.com/usages', "\x{25cb} starting" ], [ 2, 'usage', 'https://crm.example.com/all', "\x{2016} pausedits certificate is renewed" ] ],
	'and the listeners');
is($operator->{listeners}[2][4], '3', 'with how far one is behind');

is_deeply($anonymous->{loads}, [], 'who shows no token sees no loads');
like($anonymous->{notices}{loads}[0], qr/^No right to see the loads\. .*operator/, 'and is told');
like($anonymous->{notices}{listeners}[0], qr/^There are none that you may see\./, 'nor listeners of others');
foreach my $part (qw(counts loads listeners))
{
	like($seen->{nobody}{notices}{$part}[0], qr/^No right to see the $part\. The role of this token/, "a role without rights sees no $part");
	like($seen->{forged}{notices}{$part}[0], qr/^No right to see the $part\. That takes a token/, "nor does a token that is none");
}
is_deeply($seen->{services}{legend}, ['generated 5'], 'service usages have a chart of their own');
is_deeply($seen->{focused}, [ (reverse sort keys %{ $operator->{days} })[2], 1 ], 'the keyboard walks from day to day');
is($seen->{tipOfFocus} =~ s/\D//gr + 0, substr($seen->{focused}[0], -2) + 0, 'and is told what was there');
is($seen->{overflow}, 0, 'the page fits a small screen');

# ---- Swagger UI ----

like($seen->{uninstalled}, qr/^Swagger UI is not installed here/, 'where there is no Swagger UI, the page says so');
is($seen->{redirected}, "$plan->{url}docs.html", 'the folder of it leads to the page');
is(scalar(@{ $seen->{faces} }), 3, 'Swagger UI shows each API');
cmp_ok($_->[1], '>', 5, "$_->[0]: its operations") foreach @{ $seen->{faces} };
is($seen->{without}{status}, '401', 'a POST without a token');
is($seen->{post}{status}, '201', 'a POST');
is($node->safe_psql($db, q(SELECT usage_type, usage_date FROM usage_mgmt.usage WHERE id = 'by swagger')), 'voice|2026-01-02 03:04:05+00', 'has stored it');
is($seen->{get}{status}, '200', 'a GET');
my $got = eval { $json->decode($seen->{get}{body} =~ s/^.*?(?=\{)//sr) } // {};

is($got->{id}, 'by swagger', 'has it');
$stop->();
done_testing();
