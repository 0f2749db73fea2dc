# docs/operations.md: every command of it works, in the order of the page, in a fresh cluster.

use strict;
use warnings;
use FindBin;
use IPC::Run;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('operations');
my $folder = PostgreSQL::Test::Utils::tempdir();

$node->safe_psql('postgres', 'CREATE DATABASE usages');

# What a command says when it fails or warns; nothing is all that is well.
sub complaint
{
	my ($language, $commands) = @_;
	my ($out, $err) = ('', '');
	my @shell = $language eq 'sh' ? ('bash', '-e', '-c', "cd '$folder'\n$commands")
		: (program($node, 'psql'), '-X', '-v', 'ON_ERROR_STOP=1');

	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => 'usages',
		PATH => $node->config_data('--bindir') . ":$ENV{PATH}");
	IPC::Run::run(\@shell, '<', $language eq 'sh' ? \'' : \$commands, '>', \$out, '2>', \$err)
		or return "status $?: $err";
	return $err =~ /^.*(?:WARNING|ERROR|FATAL):.*/m ? $& : '';
}

my $page = slurp_file("$FindBin::Bin/../../docs/operations.md");
my $usages = slurp_file("$FindBin::Bin/../data/cookbook.sql");
my $section = '';
my ($run, $left, $installed) = (0, 0, 0);

while ($page =~ /\G.*?^(?:## (.*?)$|(?:<!-- not run: (.*?) -->\n)?```(sql|sh)\n(.*?)^```$)/gcms)
{
	my ($heading, $why_not, $language, $commands) = ($1, $2, $3, $4);

	if (defined $heading)
	{
		$section = $heading;
		next;
	}
	if (defined $why_not)
	{
		note("$section: not run, $why_not");
		$left++;
		next;
	}
	$run++;
	is(complaint($language, $commands), '', $section . ': ' . ($commands =~ /^(.*)/)[0]);

	# There is something to read, move, index and dump.
	next if $installed || $commands !~ /CREATE EXTENSION/;
	$installed = 1;
	is(complaint('sql', $usages), '', 'usages are stored');
}
pos($page) = 0;
is($run + $left, () = $page =~ /^```(?:sql|sh)$/mg, 'no block was passed over');
is($left, 2, 'two cannot be run here');
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
is($node->safe_psql('usages', q{SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('usage_mgmt')}), 0,
	'what the page drops is gone');

done_testing();
