# The counters of usage_mgmt_stat over what befalls a server: a crash, a dump, a standby, tables
# of an older version, and an owner who is no superuser.

use strict;
use warnings;
use IPC::Run;
use Store;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
my $all = 'TABLE usage_mgmt.usage_mgmt_stat';
# Numbers that were drawn ahead are lost in a crash, in a dump none.
my $but_events = 'SELECT (to_jsonb(s) - ARRAY[\'events_written\'])::text FROM usage_mgmt.usage_mgmt_stat s';
my $events = 'SELECT events_written FROM usage_mgmt.usage_mgmt_stat';

$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "timezone = 'UTC'\n");
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE keeper; CREATE ROLE partner; CREATE ROLE watch LOGIN IN ROLE pg_monitor');
new_store($node, 'usages');

# Something of everything, some of it deleted, the owner no superuser
$node->safe_psql('usages', <<'SQL');
SELECT usage_mgmt.grant_access('keeper', 'owner'), usage_mgmt.grant_access('partner', 'writer');
SELECT usage_mgmt.register_usage_listener('https://one.example/');
COPY usage_mgmt.usage_document FROM STDIN WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
{"id": "a", "date": "2001-01-15", "type": "VOICE"}
{"id": "b", "date": "2001-01-15", "type": "VOICE", "status": "asleep"}
\.
SELECT usage_mgmt.stat_reset();
COPY usage_mgmt.usage_document FROM STDIN WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
{"id": "c", "date": "2001-01-15", "type": "VOICE"}
{"id": "a", "date": "2001-01-15", "type": "VOICE"}
\.
SET ROLE partner;
INSERT INTO usage_mgmt.import_job (id, url) VALUES ('kept', 'file:///a'), ('gone', 'file:///b');
SELECT usage_mgmt.delete_import_job('gone');
RESET ROLE;
DELETE FROM usage_mgmt.import_load WHERE rejected > 0;
SQL
my $before = $node->safe_psql('usages', $all);
my $counted = 'SELECT loads_started, records_read, records_stored, records_repeated, records_rejected, events_written, import_jobs_ordered, import_jobs_cancelled, '
	. 'stats_reset < now() FROM usage_mgmt.usage_mgmt_stat';
# a job that is deleted before its end is cancelled by it
my $expected = '1|2|1|1|0|1|2|1|t';

is($node->safe_psql('usages', $counted), $expected, 'counted since the reset, what is deleted among it');

# ---- a standby shows them, and does not reset them ----

$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');

$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($standby->safe_psql('usages', 'SET ROLE watch; ' . $but_events), $node->safe_psql('usages', $but_events), 'a standby has the same, and shows them to who watches');
is(sqlstate($standby, 'usages', 'SELECT usage_mgmt.stat_reset()'), '25006', 'it does not reset them');
$standby->stop;

# ---- a dump takes them along ----

my $dump = PostgreSQL::Test::Utils::tempdir() . '/usages.sql';
my ($out, $err);

IPC::Run::run([ program($node, 'pg_dump'), '-f', $dump, '-d', $node->connstr('usages') ], '2>', \$err) or die $err;
$node->safe_psql('postgres', 'CREATE DATABASE restored');
IPC::Run::run([ program($node, 'psql'), '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr('restored') ], '>', \$out, '2>', \$err) or die $err;
is($node->safe_psql('restored', $all), $before, 'what is restored goes on from there');
is($node->safe_psql('restored', "SET ROLE watch; $counted"), $expected, 'shown to who watches');
$node->safe_psql('restored', q{SET ROLE partner; SELECT usage_mgmt.delete_import_job('kept')});
is($node->safe_psql('restored', $counted), '1|2|1|1|0|1|2|2|t', 'and what is deleted there stays counted');

# ---- a crash loses none ----

my $lasting = $node->safe_psql('usages', $but_events);

$node->stop('immediate');
$node->start;
is($node->safe_psql('usages', $but_events), $lasting, 'nothing is lost in a crash');
my $after = $node->safe_psql('usages', $events);
cmp_ok($after, '>=', 1, 'events neither');
cmp_ok($after, '<=', 33, 'and no more than 32 numbers of events too many are there');

# ---- older tables: install_tables(), whoever calls, makes them what their owner has ----

my $lose = q{DROP TABLE usage_mgmt.stat_offset CASCADE;
	DROP TRIGGER import_job_counted ON usage_mgmt.import_job; DROP TRIGGER import_load_counted ON usage_mgmt.import_load};

foreach my $role ('keeper', 'superuser')
{
	my $set = $role eq 'keeper' ? 'SET ROLE keeper; ' : '';

	$node->safe_psql('usages', $lose);
	is(sqlstate($node, 'usages', $all), '42P01', 'no counters');
	$node->safe_psql('usages', "${set}SELECT usage_mgmt.install_tables()");
	is($node->safe_psql('usages', q{SELECT string_agg(relowner::regrole::text, ',') FROM pg_class WHERE relname IN ('stat_offset', 'stat_offset_id_seq', 'usage_mgmt_stat')}),
		'keeper,keeper,keeper', "made by $role they are the owner's");
	is($node->safe_psql('usages', 'SET ROLE watch; SELECT loads_started, records_read, stats_reset IS NULL FROM usage_mgmt.usage_mgmt_stat'), '1|2|t',
		'they begin with what is in the books');
	is(sqlstate($node, 'usages', q{SET ROLE partner; INSERT INTO usage_mgmt.import_job (id, url) VALUES ('x', 'file:///x');
		SELECT usage_mgmt.delete_import_job('x')}), '00000', 'a job is deleted');
	is($node->safe_psql('usages', 'SELECT import_jobs_ordered FROM usage_mgmt.usage_mgmt_stat'), '2', 'and has been');
	is(sqlstate($node, 'usages', 'SET ROLE keeper; SELECT usage_mgmt.stat_reset()'), '00000', 'the owner resets them');
}

done_testing();
