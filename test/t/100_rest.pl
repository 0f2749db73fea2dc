# The files of test/rest/, asked in each way that there is (test/t/lib/Scenario.pm says
# what stands in them). SCENARIOS names files: SCENARIOS='20_list 90_*'.

use strict;
use warnings;
use FindBin;
use Scenario;
use Store;
use Test::More;

my $wanted = $ENV{SCENARIOS} // '*';
my @files = map { glob "$FindBin::Bin/../rest/$_.http" } split ' ', $wanted;
my $seen = run_scenarios(new_node('rest'), @files);

note "$seen->{requests} requests";
done_testing();
