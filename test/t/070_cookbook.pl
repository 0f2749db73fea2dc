# docs/cookbook.md: every query of it does what it says, on the usages of
# test/data/cookbook.sql and in the order of the page.

use strict;
use warnings;
use FindBin;
use Page;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

$ENV{PGTZ} = 'UTC';
$ENV{PGDATESTYLE} = 'ISO';

my $node = new_node('cookbook');

new_store($node, 'cookbook');
is(complaint($node, 'cookbook', '.', 'sql', slurp_file("$FindBin::Bin/../data/cookbook.sql")), '', 'the usages are stored');

# each task has a query, and each query an answer
my @blocks = page_blocks('cookbook.md', 'sql', 'sh', 'text');
my %tasks = map { $_->[0] => 1 } @blocks;
is(scalar keys %tasks, () = slurp_file("$FindBin::Bin/../../docs/cookbook.md") =~ /^### /mg, 'each task has a query');
is(join(', ', map { $blocks[$_][0] } grep { $blocks[$_][2] ne 'text' && ($blocks[$_ + 1] // [ ('') x 3 ])->[2] ne 'text' } 0 .. $#blocks), '',
	'and each query its result');
run_page($node, 'cookbook', 'cookbook.md');

done_testing();
