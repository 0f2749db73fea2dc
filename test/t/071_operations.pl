# docs/operations.md: every command of it works, in the order of the page, in a fresh cluster.

use strict;
use warnings;
use FindBin;
use Page;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('operations');
my $folder = PostgreSQL::Test::Utils::tempdir();

my $usages = slurp_file("$FindBin::Bin/../data/cookbook.sql");
my ($run, $left, $installed) = (0, 0, 0);

sub complains { return complaint($node, 'usages', $folder, @_) }

foreach (page_blocks('operations.md', 'sql', 'sh'))
{
	my ($section, $why_not, $language, $commands) = @$_;

	if (defined $why_not)
	{
		note("$section: not run, $why_not");
		$left++;
		next;
	}
	$run++;
	is(complains($language, $commands), '', $section . ': ' . ($commands =~ /^(.*)/)[0]);

	# There is something to read, move, index and dump.
	next if $installed || $commands !~ /CREATE EXTENSION/;
	$installed = 1;
	is(complains('sql', $usages), '', 'usages are stored');
}
is($left, 4, 'four cannot be run here');
cmp_ok($run, '>=', 15, 'and the others were');

# What the page promises of roles holds where it was restored.
is($node->safe_psql('restored', <<'SQL'), 't|t|t|t|f|f|1', 'a dump brings owner and levels back');
SELECT has_table_privilege('billing', 'usage_mgmt.usage', 'UPDATE'),
	has_table_privilege('billing', 'usage_mgmt.service_usage', 'UPDATE'),
	has_table_privilege('mediation', 'usage_mgmt.usage_document', 'INSERT'),
	has_table_privilege('mediation', 'usage_mgmt.service_usage_document', 'INSERT'),
	has_table_privilege('mediation', 'usage_mgmt.usage', 'SELECT'),
	has_table_privilege('reporting', 'usage_mgmt.usage', 'SELECT'),
	(SELECT count(DISTINCT relowner) FROM pg_class WHERE relnamespace = 'usage_mgmt'::regnamespace
		AND relkind IN ('r', 'p') AND relowner = 'usage_owner'::regrole);
SQL
foreach my $database ('restored', 'more_usages')
{
	is($node->safe_psql($database, <<'SQL'), '1|1', "the owner of $database makes partitions");
SET ROLE usage_owner;
SELECT usage_mgmt.ensure_partitions('1999-01-01', '1999-01-01'),
	usage_mgmt.ensure_partitions('1999-01-01', '1999-01-01', 'service_usage');
SQL
	is($node->safe_psql($database, <<'SQL'), 'u|t|s|t', "roles of $database do their work");
SET client_min_messages = warning;
SELECT usage_mgmt.grant_access('mediation', 'loader') \gset
SELECT usage_mgmt.grant_access('billing', 'writer') \gset
SET ROLE mediation;
INSERT INTO usage_mgmt.usage_document VALUES ('{"id": "u", "date": "1999-01-15", "type": "VOICE"}');
INSERT INTO usage_mgmt.service_usage_document VALUES ('{"id": "s", "usageDate": "1999-01-15", "status": "generated"}');
SET ROLE billing;
SELECT usage_mgmt.get_usage('u') ->> 'id', usage_mgmt.delete_usage('u'),
	usage_mgmt.get_service_usage('s') ->> 'id', usage_mgmt.delete_service_usage('s');
SQL
}
is($node->safe_psql('rows', <<'SQL'), 't|0', 'rows that were dumped alone are there, with a sound ledger');
SELECT (SELECT count(*) > 10 FROM usage_mgmt.usage), (SELECT count(*) FROM usage_mgmt.check_keys());
SQL
is($node->safe_psql('usages', q{SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('usage_mgmt')}), 0,
	'what the page drops is gone');

done_testing();
