# 20,000 mutated documents: the scanner accepts what PostgreSQL's own parser accepts, and
# reads the same values. "make fuzz" does it with millions.

use strict;
use warnings;
use Cwd 'abs_path';
use File::Basename;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

use constant COUNT => 20_000;

my $fuzz = abs_path(dirname(__FILE__) . '/../fuzz');
my $script = PostgreSQL::Test::Utils::tempdir() . '/mutants.sql';
my $node = new_node('fuzz');

new_store($node, 'fuzz');
is(system("$^X $fuzz/mutants @{[ COUNT ]} 86 > $script"), 0, 'documents are made');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('fuzz'), '-o', '/dev/null',
	'-f', "$fuzz/compare.sql", '-f', $script ], 'and compared');
is($node->safe_psql('fuzz', 'SELECT sum(compared) FROM fuzz.total'), COUNT, 'all of them');
is($node->safe_psql('fuzz', 'SELECT sum(sound) > 5000, sum(compared - sound) > 5000, sum(strings) > 1000, sum(numbers) > 1000 FROM fuzz.total'),
	't|t|t|t', 'sound ones and broken ones');
is($node->safe_psql('fuzz', 'SELECT count(*) FROM fuzz.disagreement'), '0', 'the parsers agree')
	or diag($node->safe_psql('fuzz', 'SELECT what, left(value, 200), left(document, 300), left(ours, 300), left(theirs, 300)
		FROM fuzz.disagreement ORDER BY length(document) LIMIT 10'));

done_testing();
