# The process that does a job takes less than 64 MB, and for twice the records no more: in and out, packed, as an array
# and as CSV. What it had at most the system tells as long as it is there.

use strict;
use warnings;
use Compress::Zlib ();
use IPC::Run;
use PostgreSQL::Test::Utils;
use Store;
use Test::More;
use Time::HiRes 'sleep';
use Usagectl;

plan skip_all => 'without /proc nobody tells' if !-r '/proc/self/status';

# The few are more than two batches of 16 MB: one on its way and one that is read.
use constant { FEW => 36_000, TIMES => 2, MOST => 64 * 1024, MORE => 4 * 1024 };

my $folder = PostgreSQL::Test::Utils::tempdir();
my $node = new_node('jobs_memory');
my $db = 'memory';
my $agent;
END
{
	my $status = $?;

	$agent->kill_kill if $agent;
	$? = $status;
}

new_store($node, $db);
$node->safe_psql($db, <<'SQL');
CREATE ROLE courier LOGIN;
CREATE ROLE clerk;
GRANT clerk TO courier;
SELECT usage_mgmt.grant_access('courier', 'agent'), usage_mgmt.grant_access('clerk', 'reader'), usage_mgmt.grant_access('clerk', 'loader');
SQL
write_file("$folder/agent.conf", "[directory $folder]\n");
{
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => $db, PGUSER => 'courier');
	$agent = IPC::Run::start([ program($node, 'usagectl'), 'agent', '--name=memory', "--config=$folder/agent.conf" ], '<', \'', '>', "$folder/log", '2>&1');
}
my $root = $agent->{KIDS}[0]{PID};

# Documents of a kilobyte each, which pack to next to nothing.
foreach my $count (FEW, FEW * TIMES)
{
	my @records = map { record("$count-$_", description => 'x' x 1000) } 1 .. $count;

	write_file("$folder/$count.json.gz", Compress::Zlib::memGzip(join("\n", @records) . "\n"));
	write_file("$folder/$count.json", '[' . join(',', map { s/"id":"/"id":"a/r } @records) . ']');
	write_file("$folder/$count.csv", join "\n", 'id,date,type,description', map { "c$count-$_,2026-02-03,voice," . 'x' x 1000 } 1 .. $count);
}

# kB that a process has had at most, of those that stem from the agent but itself and its child
sub peak
{
	my %parent;
	my $most = 0;

	foreach my $stat (glob '/proc/[0-9]*/stat')
	{
		open my $file, '<', $stat or next;
		$parent{$1} = $2 if (<$file> // '') =~ /^(\d+) \(.*\) \S (\d+)/;
	}
	foreach my $pid (grep { ($parent{ $parent{$_} // 0 } // 0) == $root } keys %parent)
	{
		open my $file, '<', "/proc/$pid/status" or next;
		foreach my $line (<$file>)
		{
			$most = $1 if $line =~ /^VmHWM:\s+(\d+)/ && $1 > $most;
		}
	}
	return $most;
}

# Orders it, and looks at it until it has ended: the most it had.
sub peak_of
{
	my ($table, $order, $count) = @_;
	my $counted = $table eq 'import_job' ? 'read_count' : 'record_count';
	my $id = $node->safe_psql($db, "SET ROLE clerk; INSERT INTO usage_mgmt.$table $order RETURNING id");
	my ($ended, $most) = ('', 0);

	foreach my $look (1 .. 6000)
	{
		my $seen = peak();

		$most = $seen if $seen > $most;
		sleep 0.02;
		$ended = $node->safe_psql($db, "SELECT status, $counted, error_log FROM usage_mgmt.$table WHERE id = '$id' AND completion_date IS NOT NULL")
			unless $look % 10;
		last if $ended;
	}
	is($ended, "succeeded|$count|", $order);
	return $most;
}

my %less;
foreach my $case (
	[ import_job => q{(url) VALUES ('file://%1$s/%2$d.json.gz')} ],
	[ import_job => q{(url, content_type) VALUES ('file://%1$s/%2$d.json', 'application/json')} ],
	[ import_job => q{(url, content_type) VALUES ('file://%1$s/%2$d.csv', 'text/csv')} ],
	[ export_job => q{(url, query, manifest) VALUES ('file://%1$s/%2$d.out.json.gz', 'limit=%2$d', true)} ],
	[ export_job => q{(query, content_type) VALUES ('fields=id&limit=%2$d', 'text/csv')} ])
{
	my ($table, $order) = @$case;
	my $more = peak_of($table, sprintf($order, $folder, FEW * TIMES), FEW * TIMES);
	$less{$table} //= peak_of($table, sprintf($order, $folder, FEW), FEW);

	note sprintf '%s %s: %.1f MB, %.1f MB', $table, $order, $less{$table} / 1024, $more / 1024;
	cmp_ok($less{$table}, '>', 1024, 'it was seen');
	cmp_ok($more, '<', MOST, 'it takes less than 64 MB');
	cmp_ok($more - $less{$table}, '<', MORE, 'and no more for more');
}

done_testing();
