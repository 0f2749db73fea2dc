# Eight sessions make and drop the same months, two of them load beside it: nobody fails.

use strict;
use warnings;
use IPC::Run ();
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

use constant { SESSIONS => 8, LOADERS => 2, CALLS => 15 };

my $node = new_node('partitions');
my $scripts = PostgreSQL::Test::Utils::tempdir();
my (@sessions, @errors);

new_store($node, 'partitions');
for my $session (1 .. SESSIONS)
{
	my $sql = "SET client_min_messages = warning;\n";

	for my $call (1 .. CALLS)
	{
		my $month = sprintf '2001-%02d', 1 + ($session * 5 + $call * 7) % 6;
		my $day = "$month-15T00:00:00Z";

		$sql .=
			$session <= LOADERS ? "INSERT INTO usage_mgmt.usage_document VALUES ('{\"id\": \"$session $call\", \"date\": \"$day\", \"type\": \"VOICE\"}');\n"
		  : ($session + $call) % 2 ? "SELECT usage_mgmt.ensure_partitions('$day', '2001-06-01');\n"
		  :   "SELECT usage_mgmt.drop_partitions('$day', unbilled => true);\n";
	}
	append_to_file("$scripts/$session.sql", $sql);
}
for my $session (1 .. SESSIONS)
{
	push @sessions, IPC::Run::start([ 'psql', '-Xqat', '-d', $node->connstr('partitions'), '-f', "$scripts/$session.sql" ],
		'<', \undef, '>', \my $out, '2>', \$errors[ $session - 1 ]);
}
$_->finish for @sessions;
is(join('', @errors), '', 'no session fails');
is($node->safe_psql('partitions', 'SELECT count(*) FROM usage_mgmt.check_keys()'), '0', 'the ledger is right');
is($node->safe_psql('partitions', 'SELECT count(*) FROM usage_mgmt.usage_key'), LOADERS * CALLS, 'every record was stored');
$node->safe_psql('partitions', "SELECT usage_mgmt.ensure_partitions('2001-01-01', '2001-06-01')");
is($node->safe_psql('partitions', 'SELECT count(*) FROM usage_mgmt.usage_default'), '0', 'and lies in its month');

done_testing();
