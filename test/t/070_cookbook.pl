# docs/cookbook.md: every query of it does what it says, on the usages of
# test/data/cookbook.sql and in the order of the page.

use strict;
use warnings;
use FindBin;
use IPC::Run;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

$ENV{PGTZ} = 'UTC';
$ENV{PGDATESTYLE} = 'ISO';

my $node = new_node('cookbook');
new_store($node, 'cookbook');

# What psql prints, blanks at the ends of lines apart.
sub printed
{
	my ($sql) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ program($node, 'psql'), '-X', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('cookbook') ],
		'<', \$sql, '>', \$out, '2>', \$err);
	$out =~ s/[ \t]+$//mg;
	$out =~ s/\n+\z/\n/;
	return $err . $out;
}

unlike(printed(slurp_file("$FindBin::Bin/../data/cookbook.sql")), qr/ERROR/, 'the usages are stored');

my $page = slurp_file("$FindBin::Bin/../../docs/cookbook.md");
my $task;
my %tasks;
my $queries = 0;

while ($page =~ /\G.*?^(?:### (.*)|```sql\n(.*?)^```\n(?:\n```\n(.*?)^```\n)?)/gcms)
{
	my ($heading, $sql, $result) = ($1, $2, $3);

	if (defined $heading)
	{
		($task) = $heading =~ /^(.*)/;
		pos($page) -= length($heading) - length($task);
		next;
	}
	$queries++;
	$tasks{$task}++;
	is(printed($sql), $result // 'no result stands below it', $task);
}
pos($page) = 0;
is($queries, () = $page =~ /^```sql$/mg, 'no query was passed over');
cmp_ok(scalar keys %tasks, '>=', 20, 'twenty tasks');
is(scalar keys %tasks, () = $page =~ /^### /mg, 'each with a query');

done_testing();
