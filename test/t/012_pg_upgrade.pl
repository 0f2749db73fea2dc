# pg_upgrade: what is stored is there in the new cluster, and what would go out to others waits
# until somebody says so. Into a cluster of the same version, and of each newer one that is there.

use strict;
use warnings;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

# With checksums, which both clusters must have or lack, and which newer ones have unless told
sub cluster
{
	my ($name, $bindir) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name, defined $bindir ? (install_path => $bindir =~ s{/bin/?$}{}r) : ());

	init_node($node, extra => [ '--username=postgres', '--encoding=UTF8', '--locale=C.UTF-8', '--data-checksums' ]);
	$node->append_conf('postgresql.conf', "timezone = 'UTC'");
	return $node;
}

my $old = cluster('old');
my $folder = PostgreSQL::Test::Utils::tempdir_short();

$old->start;
$old->safe_psql('postgres', 'CREATE DATABASE usages');
$old->safe_psql('usages', <<'SQL');
CREATE EXTENSION usage_mgmt;
CREATE ROLE usage_owner;
SELECT usage_mgmt.grant_access('usage_owner', 'owner');
CREATE INDEX ON usage_mgmt.usage USING gin (usage_characteristic);
SELECT usage_mgmt.register_usage_listener(NULL);
INSERT INTO usage_mgmt.import_job (id, url) VALUES ('job', 'file:///nowhere/calls.json');
SELECT usage_mgmt.post_usage('{"id": "call", "date": "2026-03-14T09:26:53Z", "type": "VOICE",
	"usageCharacteristic": [{"name": "duration", "value": 61}], "relatedParty": [{"role": "customer", "id": "45"}]}');
SQL
my $usages = 'SELECT usage_mgmt.to_tmf(u), usage_mgmt.content_hash(u) FROM usage_mgmt.usage u';
my $there = $old->safe_psql('usages', $usages);

foreach my $bindir (undef, newer_bindirs($old))
{
	my $what = $bindir // 'the same version';
	my $new = cluster('new_' . ($bindir // 'same') =~ s/\W/_/gr, $bindir);

	$new->start;
	my $possible = can_follow($old, $new);
	$_->stop foreach $old, $new;
	if (!$possible)
	{
		note("$what: PostgreSQL itself cannot");
		$old->start;
		next;
	}
	chdir $folder or die $!;
	ok(run_log([ program($new, 'pg_upgrade'), '--no-sync', '-b', program($old, '.'), '-B', program($new, '.'), '-d', $old->data_dir, '-D', $new->data_dir,
		'-s', $folder, '-U', 'postgres', '-p', $old->port, '-P', $new->port ]), "$what: pg_upgrade") or last;
	$new->start;
	is($new->safe_psql('usages', $usages), $there, "$what: the usage is what it was");
	is($new->safe_psql('usages', 'SELECT * FROM usage_mgmt.check_keys()'), '', "$what: so is the ledger");
	is($new->safe_psql('usages', q{SELECT count(*) FROM usage_mgmt.usage WHERE usage_characteristic OPERATOR(usage_mgmt.@>) '{"duration": 61}'}),
		1, "$what: it is found by a characteristic");
	is($new->safe_psql('usages', q{SET ROLE usage_owner;
		SELECT name, value FROM usage_mgmt.usage, usage_mgmt.characteristics_each(usage_characteristic)}), 'duration|61', "$what: functions do, for the owner");
	my (undef, undef, $error) = $new->psql('usages', q{SELECT * FROM usage_mgmt.next_events('1')});
	like($error, qr/listener "1" is paused\nDETAIL:  Reason: restored\./, "$what: the listener waits");
	is($new->safe_psql('usages', 'SELECT state FROM usage_mgmt.job_progress'), 'held', "$what: the job waits");
	is($new->safe_psql('usages', q{SELECT usage_mgmt.resume_listener('1'); SELECT event -> 'event' -> 'usage' ->> 'id' FROM usage_mgmt.next_events('1')}),
		"t\ncall", "$what: and goes on with what was pending");
	$new->stop;
	$old->start;
}

done_testing();
