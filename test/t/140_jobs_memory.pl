# The process that does a job takes less than 64 MB, and for twice the records no more: in and out, packed, as an array
# and as CSV. What it had at most the system tells as long as it is there.

use strict;
use warnings;
use Compress::Zlib ();
use Jobs;
use PostgreSQL::Test::Utils;
use Processes;
use Store;
use Test::More;
use Time::HiRes 'sleep';
use Usagectl;

plan skip_all => 'there is no /proc' if !processes_seen();

# The few are more than two batches of 16 MB: one on its way and one that is read.
use constant { FEW => 36_000, TIMES => 2, MOST => 64 * 1024, MORE => 4 * 1024 };

my $folder = PostgreSQL::Test::Utils::tempdir();
my $node = new_node('jobs_memory');
my $db = 'memory';

jobs_store($node, $db);
my $agent = agent_begins($node, $db, lease => 60, config => write_file("$folder/agent.conf", "[directory $folder]\n"));

# Documents of a kilobyte each, which pack to next to nothing.
foreach my $count (FEW, FEW * TIMES)
{
	my @records = map { record("$count-$_", description => 'x' x 1000) } 1 .. $count;

	write_file("$folder/$count.json.gz", Compress::Zlib::memGzip(join("\n", @records) . "\n"));
	write_file("$folder/$count.json", '[' . join(',', map { s/"id":"/"id":"a/r } @records) . ']');
	write_file("$folder/$count.csv", join "\n", 'id,date,type,description', map { "c$count-$_,2026-02-03,voice," . 'x' x 1000 } 1 .. $count);
}

# kB that a process of a job has had at most
sub peak
{
	my $most = 0;

	foreach my $pid (map { children($_) } children($agent->{pid}))
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
	my ($resource, $count, %columns) = @_;
	my ($role, $counted) = $resource eq 'import_job' ? ('mediation', 'read_count') : ('partner', 'record_count');
	my $id = order($node, $db, $role, $resource, map { $_ => $columns{$_} =~ s/COUNT/$count/r } keys %columns);
	my $most = 0;

	foreach my $look (1 .. 6000)
	{
		my $seen = peak();

		$most = $seen if $seen > $most;
		sleep 0.02;
		last if $look % 10 == 0 && job($node, $db, $resource, $id, 'completion_date IS NOT NULL') eq 't';
	}
	is(job($node, $db, $resource, $id, "status, $counted, error_log"), "succeeded|$count|", join ' ', $resource, $count, sort values %columns);
	return $most;
}

my %less;
foreach my $case (
	[ 'import_job', url => "file://$folder/COUNT.json.gz" ],
	[ 'import_job', url => "file://$folder/COUNT.json", content_type => 'application/json' ],
	[ 'import_job', url => "file://$folder/COUNT.csv", content_type => 'text/csv' ],
	[ 'export_job', url => "file://$folder/COUNT.out.json.gz", query => 'limit=COUNT', manifest => 'true' ],
	[ 'export_job', query => 'fields=id&limit=COUNT', content_type => 'text/csv' ])
{
	my ($resource, @columns) = @$case;
	my $more = peak_of($resource, FEW * TIMES, @columns);
	$less{$resource} //= peak_of($resource, FEW, @columns);

	note sprintf '%s: %.1f MB, %.1f MB', $resource, $less{$resource} / 1024, $more / 1024;
	cmp_ok($less{$resource}, '>', 1024, 'it was seen');
	cmp_ok($more, '<', MOST, 'it takes less than 64 MB');
	cmp_ok($more - $less{$resource}, '<', MORE, 'and no more for more');
}

is(agent_leaves($agent), 0, 'the agent leaves');
done_testing();
