# Two imports of one file: the second waits for the first, and goes on with what that left,
# so that no record is loaded by both.

use strict;
use warnings;
use Compress::Zlib;
use PostgreSQL::Test::Utils;
use Store;
use Test::More;
use Usagectl;

my $node = new_node('load_waits');
my $folder = PostgreSQL::Test::Utils::tempdir();
my $whole = Compress::Zlib::memGzip(join '', map { record("z$_") . "\n" } 1000 .. 2999);
my $lock = "hashtextextended('usage_mgmt.import_load 1', 0)";

# A database with a load of the file that came to a part of it.
sub begun
{
	my ($db) = @_;

	new_store($node, $db);
	my $file = write_file("$folder/$db.nd.gz", substr($whole, 0, length($whole) - 3000));
	my ($status, $out, $err) = usagectl($node, $db, 'import', '--batch=100', $file);
	is($status, 2, "$db: a load that is cut short");
	is($node->safe_psql($db, 'SELECT read BETWEEN 100 AND 1900, finished_at IS NULL FROM usage_mgmt.import_load'), 't|t', 'has begun');
	write_file($file, $whole);
	return $file;
}

# Another session is at the load, does something and ends; meanwhile the file is imported again.
sub beside
{
	my ($db, $file, $does) = @_;
	my $busy = $node->background_psql($db);
	my ($in, $out, $err) = ('', '', '');

	$busy->query_safe("SELECT pg_advisory_lock($lock)");
	local %ENV = Usagectl::environment($node, $db);
	my $import = IPC::Run::start([ program($node, 'usagectl'), 'import', '--batch=100', $file ], \$in, \$out, \$err);
	ok($node->poll_query_until($db, q{SELECT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
		WHERE locktype = 'advisory' AND NOT granted AND application_name = 'usagectl')}), "$db: the import waits");
	is($node->safe_psql($db, 'SELECT count(*) FROM usage_mgmt.usage'), $node->safe_psql($db, 'SELECT read FROM usage_mgmt.import_load'),
		'and has stored nothing');
	$busy->query_safe($does);
	$busy->quit;
	IPC::Run::finish($import);
	like($err, qr/load 1 is under way in another session, waiting for it/, 'it says so');
	return ($? >> 8, $out);
}

my ($status, $out) = beside('halfway', begun('halfway'), 'SELECT 1');
is($status, 0, 'left by the other, it is gone on with');
like($out, qr/: load 1, resumed, /, 'the same load');
is(books($node, 'halfway'), '2000|2000|0|0|0', 'each record once');

my $file = begun('ended');
my $stored = $node->safe_psql('ended', 'SELECT stored FROM usage_mgmt.import_load');
($status, $out) = beside('ended', $file, 'UPDATE usage_mgmt.import_load SET finished_at = now()');
is($status, 0, 'ended by the other, it is another load');
like($out, qr/: load 2, /, 'with a number of its own');
is(books($node, 'ended'), join('|', 2000, 2000 - $stored, $stored, 0, 0), 'in which what was loaded is repeated');
is($node->safe_psql('ended', 'SELECT count(*) FROM usage_mgmt.usage'), 2000, 'each record is there once');
is($node->safe_psql($_, 'SELECT count(*) FROM pg_locks WHERE locktype = $$advisory$$'), 0, "$_: no lock is left") foreach qw(halfway ended);

done_testing();
