# docs/faq.md: its commands work, in the order of the page; each error that it quotes is what the
# extension says, and where the page has a remedy, that helps. Its table of codes is errors.h's.

use strict;
use warnings;
use FindBin;
use IPC::Run;
use Page;
use PostgreSQL::Test::Utils;
use Store;
use Test::More;
use Usagectl;

my $node = new_node('faq');
my $folder = PostgreSQL::Test::Utils::tempdir();

# ---- what makes each error, by section and in the order of its texts ----

my $call = q('{"id": "call-1", "date": "2026-03-14T09:26:53Z", "type": "VOICE"%s}');
my $other = sprintf $call, ', "description": "of another call"';
my $dumped = 'pg_dump -a %s usages > data.sql; dropdb --if-exists data_alone; createdb data_alone;'
	. q( psql -X -q -c 'CREATE EXTENSION usage_mgmt' data_alone; %s psql -X -q -v ON_ERROR_STOP=1 -f data.sql data_alone);
# the partitions that the page and the test have made
my $months = q{SELECT usage_mgmt.ensure_partitions(m, m) FROM unnest('{1999-05-01Z, 2000-01-01Z}'::timestamptz[]) m;
	CREATE TABLE usage_mgmt.usage_2001 PARTITION OF usage_mgmt.usage FOR VALUES FROM ('2001-01-01Z') TO ('2002-01-01Z')};

my %makes = (
	'May I add columns, indexes, triggers?' => [ <<'SQL' ],
BEGIN;
CREATE FUNCTION zone() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER zzz_zone BEFORE INSERT ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION zone();
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('zoned', '2000-01-20Z', 'VOICE');
SQL
	'Peer authentication, or no such role' => [ \'psql -X -U newcomer usages' ],
	'Permission denied to create extension' => [ \q(psql -X -c 'SET ROLE clerk' -c 'CREATE EXTENSION usage_mgmt' without) ],
	'Permission denied for table usage' => [ q{SET ROLE clerk; SELECT usage_mgmt.get_usage('call-1')} ],
	'Is mandatory' => [ q{SELECT usage_mgmt.post_usage('{"id": "call-0"}')} ],
	'Exists with other content' => [ "SELECT usage_mgmt.post_usage($other)",
		q{INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('call-1', '2026-03-14', 'VOICE')} ],
	'Cannot move (UM001)' => [ q{UPDATE usage_mgmt.usage SET status = 'billed' WHERE id = 'call-1'} ],
	'Cannot change (UM002)' => [ q{UPDATE usage_mgmt.usage SET id = 'call-2' WHERE id = 'call-1'} ],
	'Billed usages (UM003)' => [ q{UPDATE usage_mgmt.usage SET usage_type = 'DATA' WHERE id = 'call-3'},
		q{SELECT usage_mgmt.delete_usage('call-3')}, q{SELECT usage_mgmt.drop_partitions('2001-01-01Z')} ],
	'No attribute and no parameter' => [ q{SELECT usage_mgmt.get_usages('dat=2026-03-14')} ],
	'The query has no condition' => [ q{SELECT usage_mgmt.patch_usages('', '{"description": "x"}')} ],
	'My file is none of records' => [ \q(printf '%s\n' '{' '  "id": "call-4"' '}' > pretty.json; usagectl import -d usages pretty.json),
		\q(printf '%s\n' '[' '{"id": "call-4"}' ']' > array.json; usagectl import -d usages array.json) ],
	'COPY in this form would change or lose documents' => [ 'COPY usage_mgmt.usage_document FROM STDIN' ],
	'A month has no partition' => [
		q{BEGIN; ALTER TABLE usage_mgmt.usage DETACH PARTITION usage_mgmt.usage_default;
			INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('older', '1998-05-01Z', 'VOICE')},
		q{BEGIN; ALTER TABLE usage_mgmt.usage DETACH PARTITION usage_mgmt.usage_p199905;
			SELECT usage_mgmt.ensure_partitions('1999-05-01Z', '1999-05-01Z')} ],
	# the second is not there any more when the first is asked for
	'A column or table does not exist' => [
		q{DROP TABLE usage_mgmt.service_usage CASCADE; ALTER TABLE usage_mgmt.usage DROP COLUMN rejection CASCADE;
			 SELECT usage_mgmt.get_usage('call-1')},
		q{SELECT usage_mgmt.get_service_usage('x')} ],
	'DROP EXTENSION is refused' => [ 'DROP EXTENSION usage_mgmt' ],
	'pg_restore of data alone fails' => [ \sprintf($dumped, '', ''),
		\sprintf($dumped, '', qq(psql -X -q -c "TRUNCATE usage_mgmt.setting, usage_mgmt.hub_outbox" -c "$months" data_alone;)) ],
	'The agent does not deliver to my own network' => [ \&delivery ]);

# What psql or the shell says, without where it was said
sub said
{
	my ($made) = @_;
	my $said;

	return $made->() if ref $made eq 'CODE';
	$made = \"psql -X <<'SQL'\n\\set SHOW_CONTEXT never\n$made\nSQL\n" if !ref $made;
	complaint($node, 'usages', $folder, 'sh', "{ $$made\n} 2>&1 || true", \$said);
	return $said =~ s/^(?:psql:\S+ (?=ERROR)|psql: .* failed: (?=FATAL))//gmr;
}

# What is said of an event that an agent would bring to this machine
sub delivery
{
	$node->safe_psql('usages', <<'SQL');
CREATE ROLE deliverer LOGIN NOINHERIT;
SELECT usage_mgmt.grant_access('deliverer', 'agent'), usage_mgmt.register_usage_listener('http://127.0.0.1:9/');
SELECT usage_mgmt.post_usage('{"id": "told", "date": "2026-03-14T09:26:53Z", "type": "VOICE"}');
SQL
	local $ENV{PGUSER} = 'deliverer';
	my $agent = usagectl_started($node, 'usages', 'agent', '--jobs=0', '--name=faq');

	delete $ENV{PGUSER};
	$node->poll_query_until('usages', 'SELECT last_error IS NOT NULL FROM usage_mgmt.hub_status WHERE callback IS NOT NULL');
	kill TERM => $agent;
	is(ended($agent), 0, 'the agent ends');
	return $node->safe_psql('usages', 'SELECT last_error FROM usage_mgmt.hub_status WHERE callback IS NOT NULL');
}

# ---- the page ----

$node->safe_psql('postgres', 'CREATE DATABASE usages');
$node->safe_psql('usages', 'CREATE EXTENSION usage_mgmt; CREATE ROLE clerk; GRANT USAGE ON SCHEMA usage_mgmt TO clerk');
$node->safe_psql('postgres', 'CREATE DATABASE without OWNER clerk');
$node->safe_psql('usages', sprintf "SELECT usage_mgmt.post_usage($call)", '');
$node->safe_psql('usages', <<'SQL');
SELECT usage_mgmt.register_usage_listener(NULL), usage_mgmt.ensure_partitions('2000-01-01Z', '2000-01-01Z');
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status, rated_product_usage) VALUES ('call-3', '2000-01-14', 'VOICE', 'billed',
	ARRAY[usage_mgmt.rated_product_usage(rating_date => '2000-01-15Z', currency_code => 'EUR', tax_rate => 20,
		tax_included_rating_amount => 0.36, tax_excluded_rating_amount => 0.30, product_ref => 'https://example.com/product/7')]);
SQL
usagectl($node, 'usages', 'import', write_file("$folder/rejected.json", qq({"id": "call-9", "date": "2026-03-14T09:26:53Z"}\n)));

my %after;
foreach (page_blocks('faq.md', 'sql', 'sh', 'text'))
{
	my ($section, undef, $language, $text) = @$_;
	my ($first) = $text =~ /^(.*)/;
	my $said = '';

	if ($language eq 'text')
	{
		my $made = shift @{ $makes{$section} // [] };

		ok(defined $made, "$section: a test makes $first") or next;
		$said = said($made);
		# DETAIL and HINT are left out where they say nothing new
		my @lines = split /\n/, $said;
		is_deeply([ grep { my $line = $_; grep { $_ eq $line } @lines } split /\n/, $text ], [ split /\n/, $text ], "$section: $first") or diag $said;
		next;
	}
	is(complaint($node, 'usages', $folder, $language, $text, \$said), '', "$section: $first");
	$after{$section} .= $said;
}
is(join(', ', grep { @{ $makes{$_} } } sort keys %makes), '', 'the page quotes what the test makes');

# ---- remedies ----

like($after{'Does it go together with …'}, qr/partition usage_mgmt\.usage_2001 does not keep the ledger/, 'a partition attached by hand is told');
is($node->safe_psql('usages', 'SELECT count(*) FROM usage_mgmt.check_keys()'), 0, 'and mended');
like($after{'Many records are rejected'}, qr/^ 23502 +\| type +\| is mandatory +\| +1 \| +1$/m, 'what is wrong with rejects is told');
like($after{'A month has no partition'}, qr/\n 1999-05-01 00:00:00 \| +1\n.*ensure_partitions \n-+\n +1\n/s, 'the default partition had one and gave it away');
is($node->safe_psql('usages', q{SELECT tableoid::regclass FROM usage_mgmt.usage WHERE id = 'old'}), 'usage_mgmt.usage_p199905', 'to its month');
is($node->safe_psql('usages', q{SELECT usage_mgmt.get_usage('call-1') ->> 'id', usage_mgmt.get_service_usage('x') IS NULL}), 'call-1|t', 'install_tables() makes what is missing');
is($node->safe_psql('usages', q{SET ROLE clerk; SELECT usage_mgmt.get_usage('call-1') ->> 'id'}), 'call-1', 'a reader reads');
like($after{'The tables of events grow'}, qr/usage_mgmt\.usage_event_0 .* 1 +\| usage .*event_retention_age/s, 'who holds events is shown');

# ---- the codes ----

my ($codes) = slurp_file("$FindBin::Bin/../../docs/faq.md") =~ /^## The codes of the extension\n(.*?)^## /ms;
my %http = $codes =~ /^\| `(\w{5})` \| (\d+) \|/mg;
my @ours = map { join '', /'(\w)'/g } slurp_file("$FindBin::Bin/../../src/errors.h") =~ /MAKE_SQLSTATE\((.*?)\)/g;
is_deeply([ sort keys %http ], [ sort @ours ], 'the codes are those of errors.h');
is($node->safe_psql('usages', "SELECT usage_mgmt.error_status('$_')"), $http{$_}, "$_ becomes $http{$_}") foreach sort keys %http;

done_testing();
