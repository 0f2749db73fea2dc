# Manifests: what an export job says of its file, and an import job that holds a file against
# what is said of it. Each figure that is falsified is told, with the one that is there.

use strict;
use warnings;
use Digest::SHA ();
use Jobs;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Servers;
use Store;
use Test::More;

my $node = new_node('manifest');
my $db = 'manifest';
my $folder = PostgreSQL::Test::Utils::tempdir();
my $web = web_server();
my $config = servers_config("[directory $folder]\n", $web);
my $json = JSON::PP->new->canonical;
my $id;

jobs_store($node, $db);
$node->safe_psql($db, q{CREATE ROLE clerk LOGIN; GRANT mediation TO clerk; SELECT usage_mgmt.grant_access('clerk', 'writer');
	SELECT usage_mgmt.ensure_partitions('2026-01-01', '2026-03-01')});

sub sql
{
	return $node->safe_psql($db, @_);
}

sub import_order
{
	return order($node, $db, 'mediation', 'import_job', @_);
}

sub imported
{
	return ended_as($node, $db, 'import_job', @_);
}

sub manifest
{
	my ($file) = @_;

	return $json->decode(slurp_file("$file.manifest.json"));
}

sub write_manifest
{
	my ($file, $manifest) = @_;

	open my $out, '>', "$file.manifest.json" or die $!;
	print $out ref $manifest ? $json->encode($manifest) : $manifest;
	return close $out;
}

sub sha256
{
	my ($file) = @_;

	return Digest::SHA->new(256)->addfile($file, 'b')->hexdigest;
}

sub rated
{
	my ($n, $currency, $amount) = @_;

	return sprintf '{"id":"m%05d","date":"2026-01-%02dT00:00:00.25Z","type":"voice","status":"rated","ratedProductUsage":[{"ratingDate":"2026-02-01T00:00:00Z",'
		. '"taxIncludedRatingAmount":%s,"taxExcludedRatingAmount":1,"taxRate":20,"currencyCode":"%s","productRef":"p"}]}' . "\n", $n, 1 + $n % 28, $amount, $currency;
}

# Amounts that no float has
open my $file, '>', "$folder/all.ndjson" or die $!;
print $file rated($_, $_ % 3 ? 'EUR' : 'JPY', $_ % 3 ? '0.1' : '90071992547409931') foreach 1 .. 3000;
close $file;
my $agent = agent_begins($node, $db, config => $config);
$id = import_order(url => "file://$folder/all.ndjson");
is(imported($id, 'stored_count, error_log'), 'succeeded|3000|', 'a file without a manifest');

# ---- made ----
my $writer = fork // die $!;
if (!$writer)
{
	# others store meanwhile what the snapshot does not have
	for (my $n = 0; ; $n++)
	{
		$node->psql($db, "INSERT INTO usage_mgmt.usage_document SELECT format('{\"id\":\"other$n-%s\",\"date\":\"2026-01-01\",\"type\":\"voice\"}', n)
			FROM generate_series(1, 50) n");
	}
}
my @exported = map { order($node, $db, 'partner', 'export_job', url => "file://$folder/out$_.ndjson.gz", manifest => 'true') } 1 .. 5;
is_deeply([ map { ended_as($node, $db, 'export_job', $_) } @exported ], [ ('succeeded') x 5 ], 'exports with a manifest, while others store');
kill 'KILL', $writer;
waitpid $writer, 0;
foreach my $n (1 .. 5)
{
	my $manifest = manifest("$folder/out$n.ndjson.gz");
	my $lines = `zcat $folder/out$n.ndjson.gz | wc -l` + 0;

	is_deeply([ @{$manifest}{qw(name resource records bytes sha256)} ],
		[ "out$n.ndjson.gz", 'usage', $lines, -s "$folder/out$n.ndjson.gz", sha256("$folder/out$n.ndjson.gz") ], "what it says of file $n is so");
}
sql("SELECT usage_mgmt.delete_usages('id=~^other')");
$id = order($node, $db, 'partner', 'export_job', url => "file://$folder/in.ndjson.gz", manifest => 'true', query => 'id.lt=m03000&sort=id');
is(ended_as($node, $db, 'export_job', $id, 'record_count, error_log'), 'succeeded|2999|', 'one of a query');
my $text = slurp_file("$folder/in.ndjson.gz.manifest.json");
my $good = $json->decode($text);
my $sum = '89981920554862521069';	# 999 of them: beyond what Perl adds
like($text, qr/"EUR": ?200\.0\b.*"JPY": ?$sum\b/s, 'the amounts have their exact digits');
is_deeply([ @{$good}{qw(firstDate lastDate query tmfVersion)} ], [ '2026-01-01T00:00:00.25Z', '2026-01-28T00:00:00.25Z', 'id.lt=m03000&sort=id', 'r14.5' ],
	'dates, query and version');
like($good->{snapshot}, qr/^\d+:\d+:/, 'the snapshot');
like($good->{createdAt}, qr/^20\d\d-\d\d-\d\dT\S+Z$/, 'and when it was made');
$id = order($node, $db, 'partner', 'export_job', url => "$web->{url}/open/web.ndjson", manifest => 'true');
is(ended_as($node, $db, 'export_job', $id), 'succeeded', 'one by http');
is(manifest("$web->{folder}/open/web.ndjson")->{sha256}, sha256("$web->{folder}/open/web.ndjson"), 'its manifest is beside it');
$id = order($node, $db, 'partner', 'export_job', url => "file://$folder/none.ndjson");
is(ended_as($node, $db, 'export_job', $id), 'succeeded', 'one that asks for none');
ok(!-e "$folder/none.ndjson.manifest.json", 'gets none');

# ---- compared: each figure falsified in turn ----
sub undo
{
	return sql("SELECT coalesce(sum(undone), 0) FROM usage_mgmt.undo_load(" . job($node, $db, 'import_job', $id, 'load') . ')', extra_params => [ '-U', 'clerk' ]);
}

sub is_told
{
	my ($url, $target, $what, $true, $false, $loaded, $told) = @_;
	my $falsified = $text;

	die "$what is not $true" if $falsified !~ s/$true/$false/;
	write_manifest($target, $falsified);
	$id = import_order(url => $url);
	like(imported($id, 'error_log'), qr/^failed\|the file is not what its manifest says: $told$/, "$what is told with both figures");
	is(job($node, $db, 'import_job', $id, 'coalesce(stored_count, 0), load IS NOT NULL'), $loaded ? '2999|t' : '0|f',
		$loaded ? 'its rows stay under their load' : 'before its first record');
	return if !$loaded;
	is(sql("SELECT count(*) FROM usage_mgmt.usage WHERE load_id = (SELECT load FROM usage_mgmt.import_job WHERE id = '$id')"), 2999, 'all of them');
	return is(undo(), 2999, 'and are taken back');
}

sql("SELECT usage_mgmt.delete_usages('all=true')");
my $url = "file://$folder/in.ndjson.gz";
my $bytes = -s "$folder/in.ndjson.gz";
is_told($url, "$folder/in.ndjson.gz", @$_) foreach
	[ 'bytes', qr/"bytes":\s*\d+/, '"bytes":17', 0, "bytes: the manifest says 17, the file has $bytes" ],
	[ 'sha256', $good->{sha256}, '0' x 64, 0, "sha256: the manifest says 0{64}, that of the file is $good->{sha256}" ],
	[ 'resource', qr/"usage"/, '"serviceUsage"', 0, 'resource: the manifest says serviceUsage, the job usage' ],
	[ 'records', qr/"records":\s*2999/, '"records":3000', 1, 'records: the manifest says 3000, there were 2999' ],
	[ 'the last digit', qr/$sum/, '89981920554862521068', 1, "JPY: the manifest says 89981920554862521068, what was stored amounts to $sum" ],
	[ 'a currency', qr/"EUR":\s*200\.0,/, '', 1, 'EUR: the manifest says none, what was stored amounts to 200\.0' ],
	[ 'firstDate', qr/2026-01-01T00:00:00\.25Z/, '2026-01-02T00:00:00Z', 1, 'firstDate: the manifest says 2026-01-02T00:00:00Z, the first was 2026-01-01T00:00:00\.25Z' ],
	[ 'lastDate', qr/2026-01-28T00:00:00\.25Z/, '2026-01-28T00:00:00.26Z', 1, 'lastDate: the manifest says 2026-01-28T00:00:00\.26Z, the last was 2026-01-28T00:00:00\.25Z' ];
# of a stream only the end tells
system_or_bail('cp', "$folder/in.ndjson.gz", "$web->{folder}/open/in.ndjson.gz");
is_told("$web->{url}/open/in.ndjson.gz", "$web->{folder}/open/in.ndjson.gz", @$_) foreach
	[ 'bytes', qr/"bytes":\s*\d+/, '"bytes":17', 1, "bytes: the manifest says 17, the file has $bytes" ],
	[ 'sha256', $good->{sha256}, '0' x 64, 1, "sha256: the manifest says 0{64}, that of the file is $good->{sha256}" ];

# ---- what is right, what is missing, what is none ----
write_manifest("$folder/in.ndjson.gz", $text);
$id = import_order(url => $url, manifest => 'true');
is(imported($id, 'stored_count, error_log'), 'succeeded|2999|', 'a file that is what its manifest says');
$id = import_order(url => $url);
is(imported($id, 'repeated_count, error_log'), 'succeeded|2999|', 'delivered again, too');
write_manifest("$folder/in.ndjson.gz", { records => 1 });
$id = import_order(url => $url, manifest => 'false');
is(imported($id), 'succeeded', 'one that is not looked for');
$id = import_order(url => "file://$folder/all.ndjson", manifest => 'true');
like(imported($id, 'load IS NULL, error_log'), qr/^failed\|t\|.*all\.ndjson\.manifest\.json: No such file/, 'one that must be there and is not');
$id = import_order(url => "$web->{url}/open/web.ndjson", manifest => 'true');
is(imported($id, 'error_log'), 'succeeded|', 'one by http that is there');
unlink "$web->{folder}/open/web.ndjson.manifest.json";
$id = import_order(url => "$web->{url}/open/web.ndjson", manifest => 'true');
like(imported($id, 'error_log'), qr/^failed\|.*web\.ndjson\.manifest\.json.*404/, 'and is not');
$id = import_order(url => "$web->{url}/open/web.ndjson");
is(imported($id, 'error_log'), 'succeeded|', 'where it need not be');
foreach my $no ('no JSON', '[]', '{"records":"many"}', '{"amounts":7}')
{
	write_manifest("$folder/in.ndjson.gz", $no);
	$id = import_order(url => $url);
	like(imported($id, 'attempts, error_log'), qr/^failed\|1\|the manifest could not be compared: /, "$no is no manifest");
}
write_manifest("$folder/in.ndjson.gz", '"' . 'x' x 2_000_000 . '"');
$id = import_order(url => $url);
like(imported($id, 'error_log'), qr/^failed\|.*has more than 1048576 bytes and is no manifest/, 'nor is one without end');

# ---- in a folder ----
mkdir "$folder/in" or die $!;
foreach my $name ('a' .. 'd')
{
	my $path = records_file("$folder/in/$name.ndjson", 10, "f$name-");

	write_manifest($path, { records => $name eq 'b' ? 11 : 10, bytes => -s $path, sha256 => $name eq 'c' ? 'odd' : sha256($path) });
}
my @order = (url => "file://$folder/in/*", afterwards => 'rename', manifest => 'true');
$id = import_order(@order);
like(imported($id, 'error_log'), qr/^failed\|2 of 4 files failed: b\.ndjson: .*records: the manifest says 11, there were 10; c\.ndjson: .*sha256: the manifest says odd/,
	'files of a folder have their manifests');
is(sql("SELECT string_agg(DISTINCT left(id, 2), ',' ORDER BY left(id, 2)) FROM usage_mgmt.usage WHERE id LIKE 'f_-%'"), 'fa,fb,fd',
	'what differs from the start is not loaded, what does at the end is');
is(join(',', map { s{.*/}{}r } glob "$folder/in/*"), join(',', map { ("$_.ndjson.done", "$_.ndjson.manifest.json.done") } 'a')
	. ',b.ndjson,b.ndjson.manifest.json,c.ndjson,c.ndjson.manifest.json,d.ndjson.done,d.ndjson.manifest.json.done', 'manifests are renamed with their files');
write_manifest("$folder/in/c.ndjson", { records => 10, sha256 => sha256("$folder/in/c.ndjson") });
$id = import_order(@order);
is(imported($id, "report ->> 'loaded', report -> 'failed', stored_count"), 'succeeded|1|[]|10', 'mended it is taken; what was loaded and told of is not told again');

server_stop($web);
is(agent_leaves($agent), 0, 'the agent leaves');
done_testing();
