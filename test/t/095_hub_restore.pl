# Events and who listens to them, in a dump, in another cluster and in a standby that is
# promoted: nothing is told before somebody says so, what was pending is told once and in
# order, and what comes then has other ids.

use strict;
use warnings;
use IPC::Run;
use Store;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dumps = PostgreSQL::Test::Utils::tempdir();
my $node = new_node('old');
my $young = new_node('young');
my $paused = qr/ERROR: .*listener "\d+" is paused.*restored/s;

$node->append_conf('postgresql.conf', 'max_prepared_transactions = 4');
$node->restart;

# ---- what is written, and what is to be told of it ----

# Five usages, each made, changed, moved on to another status together with a change, and
# deleted, again and again. In n are the numbers of the writes.
sub writes
{
	my ($from, $to) = @_;

	return join '', map { "SELECT usage_mgmt." . (
		"post_usage('{\"id\": \"k%1\$d\", \"date\": \"2026-01-01\", \"type\": \"x\", \"description\": \"%2\$d\"}')",
		"patch_usage('k%1\$d', '{\"description\": \"%2\$d\"}')",
		"patch_usage('k%1\$d', '{\"description\": \"%2\$d\", \"status\": \"guided\"}')",
		"delete_usage('k%1\$d')")[ int($_ / 5) % 4 ] =~ s/%1\$d/$_ % 5/er =~ s/%2\$d/$_/r . ";\n" } $from .. $to;
}

sub told
{
	my ($from, $to) = @_;

	return map { my $n = $_; map { sprintf 'Usage%sNotification|k%d|%d', $_, $n % 5, /Delete/ ? $n - 5 : $n }
		@{ (['Create'], ['Update'], [ 'StatusChanged', 'Update' ], ['Delete'])[ int($n / 5) % 4 ] } } $from .. $to;
}

# [position, id, type|usage|description] of each event that is not confirmed
sub events
{
	my ($in, $database, $listener, $most) = @_;
	my $sql = sprintf(<<'SQL', $listener, $most // 'NULL');
SET statement_timeout = '60s';
SELECT position, event ->> 'eventId', concat_ws('|', event ->> 'eventType', event #>> '{event,usage,id}', event #>> '{event,usage,description}')
FROM usage_mgmt.next_events('%s', %s);
SQL

	return map { [ split /\|/, $_, 3 ] } rows($in, $database, $sql);
}

sub ids { return [ map { $_->[1] } @_ ] }

sub what { return [ map { $_->[2] } @_ ] }

sub confirm
{
	my ($in, $database, $listener, $event) = @_;

	return $in->safe_psql($database, "SELECT usage_mgmt.confirm_events('$listener', '$event->[0]')");
}

# Reads by few, confirming each time, until there is no more.
sub events_by
{
	my ($in, $database, $listener, $most) = @_;
	my @all;

	while (my @page = events($in, $database, $listener, $most))
	{
		push @all, @page;
		last if @all > 1000;
		confirm($in, $database, $listener, $page[-1]);
	}
	return @all;
}

sub life { my ($in, $database) = @_; return $in->safe_psql($database, 'SELECT to_hex(usage_mgmt.hub_life())') }

sub resume
{
	my ($in, $database) = @_;

	return $in->safe_psql($database, 'SELECT usage_mgmt.resume_listener(id) FROM usage_mgmt.hub_listener');
}

sub restore
{
	my ($from, $database, $format, $into, $target) = @_;
	my $path = "$dumps/$database.$target.$format";
	my ($out, $err);
	my @restore = $format eq 'p' ? ('psql', '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f')
		: ('pg_restore', '-1');

	IPC::Run::run([ program($from, 'pg_dump'), "-F$format", '-f', $path, '-d', $from->connstr($database) ], '>', \$out, '2>', \$err)
		or die $err;
	$into->safe_psql('postgres', "CREATE DATABASE $target");
	IPC::Run::run([ program($into, $restore[0]), @restore[ 1 .. $#restore ],
		$format eq 'p' ? ($path, '-d', $into->connstr($target)) : ('-d', $into->connstr($target), $path) ], '>', \$out, '2>', \$err);
	is("$?$err", '0', "$database is restored as $target");
	return;
}

# ---- a store with events pending in every way ----

new_store($node, 'source');
$node->safe_psql('source', <<'SQL');
-- so that the transaction ids of the young one are far below
CREATE TEMP TABLE burnt (i int);
DO $$ BEGIN FOR i IN 1 .. 20000 LOOP BEGIN INSERT INTO burnt VALUES (i); EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $$;
CREATE ROLE app SUPERUSER;
SELECT usage_mgmt.register_usage_listener(NULL);
SELECT usage_mgmt.register_usage_listener(NULL);
SELECT usage_mgmt.register_usage_listener(NULL, 'type=rare');
SELECT usage_mgmt.register_service_usage_listener(NULL);
SET ROLE app;
SELECT usage_mgmt.register_usage_listener(NULL);
RESET ROLE;
SELECT usage_mgmt.register_usage_listener(NULL);
SQL
$node->safe_psql('source', 'SELECT usage_mgmt.hub_read(id, NULL, 1) FROM usage_mgmt.hub_listener') foreach 1 .. 2;
is($node->safe_psql('source', 'SELECT DISTINCT state FROM usage_mgmt.hub_listener'), 'active', 'none is starting any more');
$node->safe_psql('source', writes(0, 19) . <<'SQL' . writes(20, 39));
BEGIN;
SELECT usage_mgmt.post_usage('{"id": "open", "date": "2026-01-01", "type": "x", "description": "open"}');
PREPARE TRANSACTION 'open at the mark';
SQL
my @first = events($node, 'source', 1);
is_deeply(what(@first), [ told(0, 39) ], 'all but what is open is read');
ok(confirm($node, 'source', 1, $first[24]), 'one confirms in the middle of a window');
my ($half) = grep { $first[$_][2] =~ /StatusChanged/ } 0 .. $#first;
my @second = events($node, 'source', 2);
ok(confirm($node, 'source', 2, $second[$half]), 'one in the middle of a row');
$node->safe_psql('source', "COMMIT PREPARED 'open at the mark';\n" . writes(40, 59) . <<'SQL');
BEGIN;
SELECT usage_mgmt.post_usage('{"id": "lost", "date": "2026-01-01", "type": "x", "description": "lost"}');
PREPARE TRANSACTION 'open at the dump';
SQL
my @pending = events($node, 'source', 1);
my @of_second = events($node, 'source', 2);
my $open = 'UsageCreateNotification|open|open';
is_deeply(what(@pending), [ (told(0, 39))[ 25 .. $#first ], $open, told(40, 59) ], 'what is pending, in order');
is_deeply(what(@of_second), [ (told(0, 39))[ $half + 1 .. $#first ], $open, told(40, 59) ], 'the other half of the row, too');
is_deeply([ (@{ ids(@of_second) })[ -@pending .. -1 ] ], ids(@pending), 'by the same ids for everybody');

# ---- restored, twice in a row ----

# Nothing comes before somebody says so; then all that was pending, and what was written since.
sub goes_on
{
	my ($in, $database, $before, $writes, $what) = @_;
	my ($status, $out, $err) = $in->psql($database, q{SELECT * FROM usage_mgmt.next_events('1')});

	like($err, $paused, "$what: a read is refused");
	is($in->safe_psql($database, q{SELECT count(*) FROM usage_mgmt.hub_read('1', NULL, 10)}), '0', "$what: the agent gets nothing");
	is($in->safe_psql($database, q{SELECT state, reason FROM usage_mgmt.hub_listener WHERE id = '1'}), 'paused|restored', "$what: it is paused");
	$in->safe_psql($database, writes(@$writes));
	is($in->safe_psql($database, q{SELECT count(*) FROM usage_mgmt.hub_read('1', NULL, 10)}), '0', "$what: it stays so");
	resume($in, $database);
	foreach my $listener (sort keys %$before)
	{
		my @pending = @{ $before->{$listener} };
		my @now = events($in, $database, $listener);
		my $life = life($in, $database);

		is_deeply(what(@now), [ @{ what(@pending) }, told(@$writes) ], "$what: pending to $listener, and then new");
		is_deeply(ids(@now[ 0 .. $#pending ]), ids(@pending), "$what: what was pending has the ids that it had");
		is_deeply([ grep { !/^$life-\d+-\d+-[a-z]$/ } @{ ids(@now[ @pending .. $#now ]) } ], [], "$what: what is new has others");
		is(scalar(@now), scalar keys %{ { map { $_->[1] => 1 } @now } }, "$what: none has that of another");
	}
	is($in->safe_psql($database, <<'SQL'), 't', "$what: numbers went on from the highest");
SELECT bool_and(event_life = usage_mgmt.hub_life() OR event_seq < first) FROM usage_mgmt.usage_event_0,
	(SELECT min(event_seq) AS first FROM usage_mgmt.usage_event_0 WHERE event_life = usage_mgmt.hub_life()) f
SQL
	return;
}

foreach my $way ([ 'p', $young, 'c', $node ], [ 'c', $node, 'p', $young ], [ 'p', $young, 'c', $young ])
{
	my ($format, $into, $next_format, $next) = @$way;
	my $database = "first_${format}_" . $into->name . '_' . $next->name;
	my $again = "then_${format}_" . $into->name . '_' . $next->name;

	restore($node, 'source', $format, $into, $database);
	cmp_ok($into->safe_psql($database, 'SELECT pg_snapshot_xmax(pg_current_snapshot())'), '<',
		$into->safe_psql($database, 'SELECT min(event_xid) FROM usage_mgmt.usage_event_0'), "$database: its transaction ids are below those of the dump")
		if $into == $young;
	goes_on($into, $database, { 1 => \@pending, 2 => \@of_second }, [ 60, 79 ], $database);

	# The next one has both lives pending: one listener is in the middle of what came, one is in
	# the middle of what is new, one has confirmed nothing here.
	my @now = events($into, $database, 1);
	confirm($into, $database, 1, $now[9]);
	my @sixth = events($into, $database, 6);
	is_deeply(what(@sixth), [ told(0, 19), $open, told(20, 79) ], "$database: to who has confirmed nothing, everything");
	confirm($into, $database, 6, $sixth[-11]);
	my %pending = (1 => [ @now[ 10 .. $#now ] ], 2 => [ events($into, $database, 2) ], 6 => [ @sixth[ -10 .. -1 ] ]);

	restore($into, $database, $next_format, $next, $again);
	goes_on($next, $again, \%pending, [ 80, 99 ], $again);
	foreach my $listener (sort keys %pending)
	{
		my @expected = @{ what(events($next, $again, $listener)) };

		is_deeply(what(events_by($next, $again, $listener, 3)), \@expected, "$again: by threes to $listener, each once");
	}
	# To whom nothing of all lives matters: it comes to the end, and goes on from there.
	is($next->safe_psql($again, q{SET statement_timeout = '20s'; SELECT count(*), count(event) FROM usage_mgmt.hub_read('3', NULL, 10)}),
		'1|0', "$again: where nothing is wanted, that is told");
	$next->safe_psql($again, q{SELECT usage_mgmt.post_usage('{"id": "rare", "date": "2026-01-01", "type": "rare", "description": "1"}')});
	is_deeply(what(events_by($next, $again, 3, 1)), ['UsageCreateNotification|rare|1'], "$again: and what is wanted, once");
	is($next->safe_psql($again, q{SELECT count(*) FROM usage_mgmt.next_events('4')}), '0', "$again: to who listens to another resource, nothing");

	is($next->safe_psql($again, q{SELECT count(*) FROM usage_mgmt.hub_read('5', NULL, 10) WHERE event IS NOT NULL}),
		$next == $node ? '10' : '0', "$again: by the rights of its owner, if there is such a role");
	is($next->safe_psql($again, q{SELECT state, reason FROM usage_mgmt.hub_listener WHERE id = '5'}),
		$next == $node ? 'starting|' : 'paused|its owner does not exist any more', "$again: else it is paused");
}

# In the source all goes on as if nothing had been.
is_deeply(ids(events($node, 'source', 1)), ids(@pending), 'the source goes on');
$node->safe_psql('source', "COMMIT PREPARED 'open at the dump'");
is_deeply(what(events($node, 'source', 1)), [ @{ what(@pending) }, 'UsageCreateNotification|lost|lost' ],
	'what was open at the dump is told there, and only there');

# ---- who was let go of before the dump ----

$node->safe_psql('postgres', 'CREATE DATABASE ended TEMPLATE source');
$node->safe_psql('ended', <<'SQL');
SELECT usage_mgmt.register_usage_specification_listener(NULL), usage_mgmt.register_service_usage_specification_listener(NULL);
SELECT usage_mgmt.unregister_usage_listener(id) FROM usage_mgmt.hub_listener WHERE resource = 'usage';
SELECT usage_mgmt.unregister_usage_specification_listener(id) FROM usage_mgmt.hub_listener WHERE resource = 'usage_specification';
SELECT usage_mgmt.unregister_service_usage_listener(id) FROM usage_mgmt.hub_listener WHERE resource = 'service_usage';
SELECT usage_mgmt.unregister_service_usage_specification_listener(id) FROM usage_mgmt.hub_listener WHERE resource = 'service_usage_specification';
SQL
restore($node, 'ended', 'c', $young, 'ended');
is($young->safe_psql('ended', <<'SQL'), '0|0', 'all of them are let go of, and nothing is written any more');
SELECT usage_mgmt.post_usage('{"id": "new", "date": "2026-01-01", "type": "x"}') \gset
SELECT (SELECT count(*) FROM usage_mgmt.usage_event_0 WHERE id = 'new'), (SELECT count(*) FROM usage_mgmt.hub_cursor)
SQL
is(sqlstate($young, 'ended', "SELECT usage_mgmt.next_events('1')"), 'P0002', 'there is none to be read');

# ---- a copy by CREATE DATABASE ----

$node->safe_psql('postgres', 'CREATE DATABASE copied TEMPLATE source');
like(($node->psql('copied', q{SELECT * FROM usage_mgmt.next_events('1')}))[2], $paused, 'a copy within the cluster is as a restore');

# ---- a dump by parts, and of data alone ----

$node->safe_psql('postgres', "CREATE DATABASE parts");
foreach my $section ('pre-data', 'data', 'post-data')
{
	my ($dump, $err);

	IPC::Run::run([ program($node, 'pg_dump'), "--section=$section", '-d', $node->connstr('source') ], '>', \$dump, '2>', \$err) or die $err;
	IPC::Run::run([ program($node, 'psql'), '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', $node->connstr('parts') ],
		'<', \$dump, '2>', \$err);
	is("$?$err", '0', "the part $section is restored");
}
my @source = events($node, 'source', 1);
like(($node->psql('parts', q{SELECT * FROM usage_mgmt.next_events('1')}))[2], $paused, 'by parts: paused');
resume($node, 'parts');
is_deeply(ids(events($node, 'parts', 1)), ids(@source), 'by parts: all that was pending');

new_store($node, 'data');
{
	my ($dump, $err);

	IPC::Run::run([ program($node, 'pg_dump'), '-a', '--disable-triggers', '-d', $node->connstr('source') ], '>', \$dump, '2>', \$err)
		or die $err;
	# what a new store has of its own comes with the data
	$node->safe_psql('data', 'TRUNCATE usage_mgmt.setting, usage_mgmt.hub_outbox');
	IPC::Run::run([ program($node, 'psql'), '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', $node->connstr('data') ],
		'<', \$dump, '2>', \$err);
	is("$?$err", '0', 'data alone is restored');
}
like(($node->psql('data', q{SELECT * FROM usage_mgmt.next_events('1')}))[2], $paused, 'data alone: paused');
resume($node, 'data');
is_deeply(ids(events($node, 'data', 1)), ids(@source), 'data alone: all that was pending, and no event of the restore');
$node->safe_psql('data', writes(60, 64));
is_deeply(what(events($node, 'data', 1)), [ @{ what(@source) }, told(60, 64) ], 'data alone: and what is new');

# ---- dumped while writers go on: a sequence is in no snapshot ----

new_store($node, 'busy');
$node->safe_psql('busy', 'SELECT usage_mgmt.register_usage_listener(NULL)');
my $endless = <<'SQL';
DO $$ BEGIN
	LOOP
		INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) SELECT gen_random_uuid(), timestamptz '2026-01-01Z', 'x' FROM generate_series(1, 20);
		COMMIT;
	END LOOP;
END $$
SQL
my @writers = map { IPC::Run::start([ program($node, 'psql'), '-X', '-q', '-d', $node->connstr('busy'), '-c', $endless ], '2>', \my $why) } 1 .. 2;
$node->poll_query_until('busy', 'SELECT count(*) > 1000 FROM usage_mgmt.usage_event_0');
foreach my $format ('p', 'c')
{
	restore($node, 'busy', $format, $young, "busy_$format");
	is($young->safe_psql("busy_$format", <<'SQL'), 't|t|t', "busy, -F$format: the sequence is ahead of all rows, and each usage has its event");
SELECT (SELECT last_value FROM usage_mgmt.hub_event_seq) >= max(event_seq), count(*) > 1000,
	count(*) = (SELECT count(*) FROM usage_mgmt.usage) FROM usage_mgmt.usage_event_0
SQL
	resume($young, "busy_$format");
	is($young->safe_psql("busy_$format", <<'SQL'), 't', "busy, -F$format: all are told, and each once");
SELECT count(*) = count(DISTINCT event ->> 'eventId') AND count(*) = (SELECT count(*) FROM usage_mgmt.usage) FROM usage_mgmt.next_events('1', NULL)
SQL
}
$node->safe_psql('busy', 'SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()');
$_->finish foreach @writers;

# ---- a crash ----

# A position that is kept elsewhere knows of transaction ids and numbers that nothing has made
# durable yet: they are not given again.
$node->append_conf('postgresql.conf', "wal_writer_delay = '10s'");
$node->restart;
new_store($node, 'crash');
$node->safe_psql('crash', 'SELECT usage_mgmt.register_usage_listener(NULL); CHECKPOINT');
my ($kept) = $node->safe_psql('crash', join('', map { "BEGIN; INSERT INTO usage_mgmt.usage (id, usage_date, usage_type)
	VALUES ('rolled back $_', '2026-01-01Z', 'x'); ROLLBACK;\n" } 1 .. 20) . 'SELECT usage_mgmt.hub_position()');
$node->stop('immediate');
$node->start;
$node->safe_psql('crash', q{SELECT usage_mgmt.post_usage('{"id": "after", "date": "2026-01-01", "type": "x", "description": "1"}')});
$node->safe_psql('crash', "SELECT usage_mgmt.replay_events('1', '$kept')");
is_deeply(what(events($node, 'crash', 1)), ['UsageCreateNotification|after|1'], 'a crash: what comes behind a position that was kept elsewhere is told');

# ---- a standby ----

my $primary = PostgreSQL::Test::Cluster->new('primary');
init_node($primary, allows_streaming => 1);
$primary->append_conf('postgresql.conf', 'max_prepared_transactions = 4');
$primary->start;
new_store($primary, 'usages');
$primary->safe_psql('usages', "SELECT usage_mgmt.register_usage_listener(NULL);\n" . writes(0, 9));
$primary->backup('copy');

my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'copy', has_streaming => 1);
$standby->start;
$primary->safe_psql('usages', writes(10, 19));
my @read = events($primary, 'usages', 1);
confirm($primary, 'usages', 1, $read[6]);
$primary->safe_psql('usages', <<'SQL' . writes(20, 29));
BEGIN;
SELECT usage_mgmt.post_usage('{"id": "open", "date": "2026-01-01", "type": "x", "description": "open"}');
PREPARE TRANSACTION 'open';
SQL
my @at_primary = events($primary, 'usages', 1);
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
foreach my $call ("next_events('1')", "hub_read('1', NULL, 10)", 'hub_position()')
{
	is(sqlstate($standby, 'usages', "SELECT usage_mgmt.$call"), '25006', "a standby does not read: $call");
}
like(($standby->psql('usages', "SELECT usage_mgmt.next_events('1')"))[2], qr/during recovery.*HINT:.*primary/s, 'and says whom to ask');
$primary->stop('immediate');
$standby->promote;

my @promoted = events($standby, 'usages', 1);
is_deeply(ids(@promoted), ids(@at_primary), 'promoted: it goes on with what was not confirmed, by the same ids');
is_deeply(what(@promoted), [ (told(0, 19))[ 7 .. $#read ], told(20, 29) ], 'promoted: which is all');
$standby->safe_psql('usages', "COMMIT PREPARED 'open';\n" . writes(30, 39));
my @new = events($standby, 'usages', 1);
is_deeply(what(@new), [ (told(0, 19))[ 7 .. $#read ], $open, told(20, 39) ], 'promoted: what was open then, and what is new');
is_deeply([ map { my ($line) = $_->[1] =~ /^[0-9a-f]+-(\d+)-/; $line } @new ],
	[ (1) x (@promoted + 1), (2) x told(30, 39) ], 'promoted: new events are of the new timeline');
is($standby->safe_psql('usages', 'SELECT state, reason FROM usage_mgmt.hub_listener'), 'active|', 'promoted: the listener was not paused');
is_deeply(what(events_by($standby, 'usages', 1, 4)), what(@new), 'promoted: by fours, each once');

done_testing();
