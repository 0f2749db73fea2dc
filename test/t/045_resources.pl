# One text of tests, run over every resource that lib/Resources.pm describes: life cycles,
# mandatory attributes, round trip, broken input, ledger, COPY, queries, patches, deletes,
# restore, privileges. A resource whose table is not there is passed over.

use strict;
use warnings;
use Chapters;
use Resources;
use Store;
use Test::More;

my $node = new_node('resources');

new_store($node, 'resources');
prepare($node, 'resources');
my @there;
foreach my $resource (resources())
{
  SKIP:
	{
		skip "there is no table $resource->{noun}", 1
			unless $node->safe_psql('resources', "SELECT to_regclass('usage_mgmt.$resource->{noun}') IS NOT NULL") eq 't';
		all_chapters($node, 'resources', $resource);
		push @there, $resource;
	}
}
side_by_side($node, 'resources', @there);

done_testing();
