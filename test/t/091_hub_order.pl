# Each change that commits is told once to each listener, and those of an id in the order
# in which they happened, whatever the writers do: eight of them insert, change, move,
# merge, delete and insert again a few ids in several months, in savepoints, in slow
# transactions, in prepared ones and in such as are rolled back, beside triggers that
# change rows again. They keep the truth themselves, under a lock on the id. One listener
# confirms each page, the other dies and reads again. Read by numbers alone, or up to the
# oldest transaction that runs, the same events are lost or late.
#
# USAGE_MGMT_HUB_SECONDS tells for how long they write (15).

use strict;
use warnings;
use Dice;
use IPC::Open2;
use POSIX ();
use PostgreSQL::Test::Utils;
use Store;
use Test::More;
use Time::HiRes qw(time usleep);

use constant { WRITERS => 8, IDS => 12 };

my $seconds = $ENV{USAGE_MGMT_HUB_SECONDS} // 15;
my $folder = PostgreSQL::Test::Utils::tempdir();
my $node = new_node('hub_order');
my @actions = qw(describe describe again status status day month month delete replace elsewhere
	merge merge_delete upsert nothing same vain caught merge_many);

$node->append_conf('postgresql.conf', "max_prepared_transactions = 20\nsynchronous_commit = off\n");
$node->restart;
new_store($node, 'hub');
$node->safe_psql('hub', <<'SQL');
SELECT usage_mgmt.ensure_partitions('2001-01-01', '2001-04-01');
CREATE SCHEMA test;
CREATE TABLE test.ids (id text PRIMARY KEY, changes integer NOT NULL DEFAULT 0);
INSERT INTO test.ids SELECT 'u' || lpad(n::text, 2, '0') FROM generate_series(1, 12) n;
CREATE TABLE test.truth (id text, n integer, kind text, description text, PRIMARY KEY (id, n));
CREATE TABLE test.seen (listener text, n bigserial, event json);
CREATE TABLE test.snapshots (n bigserial, snapshot pg_snapshot, top bigint, oldest bigint);

-- The number of a change: what the row's description is to be.
CREATE FUNCTION test.step(i text, kind text, was text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	number integer;
BEGIN
	UPDATE test.ids SET changes = changes + 1 WHERE ids.id = i RETURNING changes INTO number;
	INSERT INTO test.truth VALUES (i, number, kind, coalesce(was, number::text));
	RETURN number;
END
$$;

CREATE FUNCTION test.some_date() RETURNS timestamptz LANGUAGE sql AS $$
SELECT timestamptz '2001-01-01 00:00+00' + random() * interval '120 days'
$$;

CREATE FUNCTION test.change_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		UPDATE usage_mgmt.usage SET usage_type = 'DATA', description = description::integer + 1 WHERE id = NEW.id;
	EXCEPTION WHEN unique_violation THEN
		NULL;
	END;
	RETURN NULL;
END
$$;
CREATE TRIGGER change_again AFTER INSERT OR UPDATE ON usage_mgmt.usage
	FOR EACH ROW WHEN (NEW.usage_type = 'AGAIN') EXECUTE FUNCTION test.change_again();
CREATE FUNCTION test.replace() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM usage_mgmt.usage WHERE id = NEW.id;
	NEW.usage_type = 'DATA';
	RETURN NEW;
END
$$;
CREATE TRIGGER a_replace BEFORE INSERT ON usage_mgmt.usage
	FOR EACH ROW WHEN (NEW.usage_type = 'REPLACE') EXECUTE FUNCTION test.replace();

CREATE FUNCTION test.act(i text, what text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	u usage_mgmt.usage;
	next usage_mgmt.usage_status;
BEGIN
	PERFORM FROM test.ids WHERE id = i FOR UPDATE;
	SELECT * INTO u FROM usage_mgmt.usage WHERE id = i;
	IF u.id IS NULL AND what NOT LIKE 'merge%' THEN
		INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, description)
			VALUES (i, test.some_date(), CASE what WHEN 'again' THEN 'AGAIN' ELSE 'VOICE' END, test.step(i, 'c'));
		PERFORM test.step(i, 'u') WHERE what = 'again';
		RETURN;
	END IF;
	CASE what
	WHEN 'describe' THEN
		UPDATE usage_mgmt.usage SET description = test.step(i, 'u') WHERE id = i;
	WHEN 'again' THEN
		UPDATE usage_mgmt.usage SET usage_type = 'AGAIN', description = test.step(i, 'u') WHERE id = i;
		PERFORM test.step(i, 'u');
	WHEN 'status' THEN
		next := CASE u.status WHEN 'received' THEN 'guided' WHEN 'guided' THEN 'rejected' WHEN 'rejected' THEN 'recycled'
			ELSE 'guided' END;
		UPDATE usage_mgmt.usage SET status = next, description = test.step(i, 's'),
			usage_date = CASE WHEN random() < 0.3 THEN test.some_date() ELSE usage_date END WHERE id = i;
	WHEN 'day' THEN
		UPDATE usage_mgmt.usage SET usage_date = date_trunc('month', usage_date) + random() * interval '27 days',
			description = test.step(i, 'u') WHERE id = i;
	WHEN 'month' THEN
		UPDATE usage_mgmt.usage SET usage_date = test.some_date(), description = test.step(i, 'u') WHERE id = i;
	WHEN 'delete' THEN
		PERFORM test.step(i, 'd', u.description);
		DELETE FROM usage_mgmt.usage WHERE id = i;
	WHEN 'replace' THEN
		PERFORM test.step(i, 'd', u.description);
		INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, description)
			VALUES (i, test.some_date(), 'REPLACE', test.step(i, 'c'));
	WHEN 'elsewhere' THEN
		PERFORM test.step(i, 'd', u.description);
		WITH gone AS (DELETE FROM usage_mgmt.usage WHERE id = i RETURNING id)
		INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, description)
			SELECT id, u.usage_date + interval '31 days', 'VOICE', test.step(i, 'c') FROM gone;
	WHEN 'merge' THEN
		MERGE INTO usage_mgmt.usage m USING (VALUES (i, test.step(i, CASE WHEN u.id IS NULL THEN 'c' ELSE 'u' END))) v (id, n)
			ON m.id = v.id
			WHEN MATCHED THEN UPDATE SET usage_date = test.some_date(), description = v.n
			WHEN NOT MATCHED THEN INSERT (id, usage_date, usage_type, description) VALUES (v.id, test.some_date(), 'VOICE', v.n);
	WHEN 'merge_delete' THEN
		PERFORM test.step(i, 'd', u.description) WHERE u.id IS NOT NULL;
		MERGE INTO usage_mgmt.usage m USING (VALUES (i)) v (id) ON m.id = v.id WHEN MATCHED THEN DELETE;
	WHEN 'upsert' THEN
		INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, description) VALUES (i, u.usage_date, 'VOICE', test.step(i, 'u'))
			ON CONFLICT (id, usage_date) DO UPDATE SET description = excluded.description;
	WHEN 'nothing' THEN
		INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES (i, u.usage_date, 'OTHER') ON CONFLICT DO NOTHING;
	WHEN 'same' THEN
		UPDATE usage_mgmt.usage SET description = description, status = status WHERE id = i;
	WHEN 'vain' THEN
		BEGIN
			UPDATE usage_mgmt.usage SET usage_date = test.some_date(), description = test.step(i, 'u') WHERE id = i;
			RAISE 'back';
		EXCEPTION WHEN raise_exception THEN
			NULL;
		END;
	WHEN 'caught' THEN
		BEGIN
			UPDATE usage_mgmt.usage SET usage_date = test.some_date(), description = test.step(i, 'u') WHERE id = i;
		EXCEPTION WHEN raise_exception THEN
			NULL;
		END;
	END CASE;
END
$$;

-- Some ids in one MERGE: half of those that are there are deleted, the others move.
CREATE FUNCTION test.merge_many(their text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	steps text[];
BEGIN
	PERFORM FROM test.ids WHERE id = ANY (their) ORDER BY id FOR UPDATE;
	SELECT array_agg(CASE WHEN u.id IS NULL THEN 'c' || test.step(i, 'c') WHEN n % 2 = 0 THEN 'u' || test.step(i, 'u')
			ELSE 'd' || test.step(i, 'd', u.description) END ORDER BY n) INTO steps
		FROM unnest(their) WITH ORDINALITY s (i, n) LEFT JOIN usage_mgmt.usage u ON u.id = i;
	MERGE INTO usage_mgmt.usage m USING unnest(their, steps) v (id, step) ON m.id = v.id
		WHEN MATCHED AND step LIKE 'd%' THEN DELETE
		WHEN MATCHED THEN UPDATE SET usage_date = test.some_date(), description = substr(step, 2)
		WHEN NOT MATCHED THEN INSERT (id, usage_date, usage_type, description)
			VALUES (v.id, test.some_date(), 'VOICE', substr(step, 2));
END
$$;

-- A page of events, noted; confirmed if that is wanted. How many there were.
CREATE FUNCTION test.read(l text, most integer, confirms boolean) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	up_to text;
	events bigint;
BEGIN
	WITH page AS MATERIALIZED (SELECT e.* FROM usage_mgmt.next_events(l, most) WITH ORDINALITY e),
		noted AS (INSERT INTO test.seen (listener, event) SELECT l, event FROM page ORDER BY ordinality)
	SELECT (SELECT "position" FROM page ORDER BY ordinality DESC LIMIT 1), count(*) INTO up_to, events FROM page;
	PERFORM usage_mgmt.confirm_events(l, up_to) WHERE confirms AND events > 0;
	RETURN events;
END
$$;
SQL

# ---- sessions of the children ----
sub session
{
	my ($database) = @_;

	my $pid = open2(my $out, my $in, 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database // 'hub'));
	return { pid => $pid, out => $out, in => $in };
}

# The lines that it answers; it dies of an error, with the session.
sub ask
{
	my ($session, $sql) = @_;
	my @lines;

	print { $session->{in} } "$sql\n\\echo done\n";
	$session->{in}->flush;
	while (my $line = readline $session->{out})
	{
		chomp $line;
		return @lines if $line eq 'done';
		push @lines, $line;
	}
	die 'a session ended';
}

sub child
{
	my ($work) = @_;
	my $pid = fork // die "could not fork: $!";

	return $pid if $pid;
	open STDERR, '>>', "$folder/errors" or die $!;
	my $done = eval { $work->(); 1 };
	print STDERR $@ unless $done;
	POSIX::_exit($done ? 0 : 1);
}

# ---- the writers ----

# What is done to ids, which are taken in their order so that nobody waits in a circle.
sub changes
{
	my ($dice, @ids) = @_;
	my $sql = '';

	while (defined(my $id = shift @ids))
	{
		my $action = $actions[ $dice->(scalar @actions) ];

		if ($action eq 'merge_many')
		{
			$sql .= "SELECT test.merge_many(ARRAY['" . join("', '", $id, splice @ids) . "']);\n";
			next;
		}
		$sql .= "SELECT test.act('$id', '$action');\n";
		$sql .= 'SELECT pg_sleep(' . $dice->(60) / 1000 . ");\n" if $dice->(3) == 0;
		$sql = "SAVEPOINT s;\n${sql}ROLLBACK TO s;\nSELECT test.act('$id', 'describe');\n" if $dice->(8) == 0;
		$sql .= "SAVEPOINT r;\nSELECT test.act('$id', 'month');\nRELEASE r;\n" if $dice->(8) == 0;
	}
	return $sql;
}

sub transaction
{
	my ($dice, $name) = @_;
	my $first = $dice->(IDS);
	my @ids = map { sprintf 'u%02d', $_ } grep { $_ == $first + 1 || $dice->(6) == 0 } 1 .. IDS;
	my $sql = "BEGIN;\n" . ($dice->(3) == 0 ? "SELECT pg_current_xact_id();\nSELECT pg_sleep(0.02);\n" : '')
		. changes($dice, @ids) . ($dice->(3) == 0 ? 'SELECT pg_sleep(' . $dice->(120) / 1000 . ");\n" : '');
	my $end = $dice->(20);

	return $sql . ($end < 2 ? "ROLLBACK;\n"
		: $end < 7 ? "PREPARE TRANSACTION '$name';\nSELECT pg_sleep(" . $dice->(40) / 1000 . ");\n"
			. ($end < 4 ? 'ROLLBACK' : 'COMMIT') . " PREPARED '$name';\n"
		: "COMMIT;\n");
}

sub write_changes
{
	my ($n) = @_;
	my $dice = dice(635 + $n + 100 * $seconds);
	my $session = session();
	my $end = time + $seconds;

	for (my $turn = 0; time < $end; $turn++)
	{
		ask($session, transaction($dice, "writer $n $turn"));
	}
	return;
}

# ---- the readers ----
sub read_all
{
	my ($listener, $most, $dies) = @_;
	my $dice = dice($listener);
	my $session = session();

	for (;;)
	{
		my $over = -e "$folder/over";
		my $confirms = !$dies || $dice->(3) > 0;
		my ($count) = ask($session, 'SELECT test.read(' . join(', ', "'$listener'", 1 + $dice->($most), $confirms ? 'true' : 'false') . ');');

		last if $over && $count == 0;
		if ($dies && $dice->(40) == 0)
		{
			ask($session, "BEGIN;\nSELECT test.read('$listener', 50, true);");
			kill 'KILL', $session->{pid};
			waitpid $session->{pid}, 0;
			$session = session();
		}
		usleep 5_000;
	}
	return;
}

# What others would know that read the outbox by numbers, or up to the oldest transaction.
sub note_snapshots
{
	my $session = session();

	until (-e "$folder/over")
	{
		ask($session, 'INSERT INTO test.snapshots (snapshot, top) SELECT pg_current_snapshot(), max(event_seq) FROM usage_mgmt.usage_event_0;');
		usleep 50_000;
	}
	return;
}

# ---- all of them ----
my $idle = session('postgres');
my ($idle_xid) = ask($idle, "BEGIN;\nSELECT pg_current_xact_id();");

my @listeners = map { $node->safe_psql('hub', "SELECT usage_mgmt.register_usage_listener(NULL) ->> 'id'") } 1, 2;
$node->safe_psql('hub', "SELECT usage_mgmt.next_events('$_'); SELECT usage_mgmt.next_events('$_')") foreach @listeners, @listeners;
is($node->safe_psql('hub', q{SELECT string_agg(state, ',') FROM usage_mgmt.hub_listener}), 'active,active', 'the listeners are complete, whatever transaction waits in another database');

my @readers = (child(sub { read_all($listeners[0], 100, 0) }), child(sub { read_all($listeners[1], 7, 1) }), child(\&note_snapshots));
my @writers = map { my $n = $_; child(sub { write_changes($n) }) } 1 .. WRITERS;
my $failed = 0;

foreach my $pid (@writers)
{
	waitpid $pid, 0;
	$failed ||= $?;
}
is($failed, 0, 'the writers write');
append_to_file("$folder/over", '');
foreach my $pid (@readers)
{
	waitpid $pid, 0;
	$failed ||= $?;
}
is($failed, 0, 'the readers read');
$node->safe_psql('hub', "INSERT INTO test.snapshots (snapshot, top) SELECT pg_current_snapshot(), max(event_seq) FROM usage_mgmt.usage_event_0");
diag(slurp_file("$folder/errors")) if $failed;

# ---- what was told ----
my $changes = $node->safe_psql('hub', 'SELECT count(*) FROM test.truth');

cmp_ok($changes, '>', 20 * $seconds, "changes: $changes");
$node->safe_psql('hub', <<'SQL');
CREATE TABLE test.expected AS
SELECT id, row_number() OVER (PARTITION BY id ORDER BY n, type) AS place, type, description FROM test.truth,
	LATERAL (SELECT 'UsageCreateNotification' WHERE kind = 'c' UNION ALL SELECT 'UsageUpdateNotification' WHERE kind IN ('u', 's')
		UNION ALL SELECT 'UsageStatusChangedNotification' WHERE kind = 's' UNION ALL SELECT 'UsageDeleteNotification' WHERE kind = 'd') t (type);
CREATE VIEW test.told AS
SELECT listener, id, row_number() OVER (PARTITION BY listener, id ORDER BY first) AS place, type, description, times, texts
FROM (SELECT listener, min(n) AS first, event #>> '{event,usage,id}' AS id, event ->> 'eventType' AS type,
		event #>> '{event,usage,description}' AS description, count(*) AS times, count(DISTINCT event::text) AS texts
	FROM test.seen GROUP BY listener, event ->> 'eventId', 3, 4, 5) t;
SQL
foreach my $listener (@listeners)
{
	is($node->safe_psql('hub', "SELECT count(*) FROM test.expected e FULL JOIN (SELECT * FROM test.told WHERE listener = '$listener') t
			USING (id, place, type, description) WHERE e.id IS NULL OR t.id IS NULL"), '0', "listener $listener is told each change once, in order of its id")
		or diag($node->safe_psql('hub', "SELECT id, place, e.type, e.description, t.type, t.description FROM test.expected e
			FULL JOIN (SELECT * FROM test.told WHERE listener = '$listener') t USING (id, place)
			WHERE (e.type, e.description) IS DISTINCT FROM (t.type, t.description) ORDER BY id, place LIMIT 40"));
}
is($node->safe_psql('hub', "SELECT max(times) FROM test.told WHERE listener = '$listeners[0]'"), '1', 'who confirms is told once');
cmp_ok($node->safe_psql('hub', "SELECT count(*) FROM test.told WHERE listener = '$listeners[1]' AND times > 1"), '>', 0, 'who does not is told again');
is($node->safe_psql('hub', 'SELECT max(texts) FROM test.told'), '1', 'and in the same words');
is($node->safe_psql('hub', 'SELECT count(*) FROM usage_mgmt.check_keys()'), '0', 'the ledger is right');

# ---- what others would have been told ----
is($node->safe_psql('hub', "SELECT count(*) FROM usage_mgmt.usage_event_0 WHERE event_xid < (SELECT max(pg_snapshot_xmin(snapshot)) FROM test.snapshots)"),
	'0', 'by the oldest transaction nothing is told while one is idle in another database');
cmp_ok($node->safe_psql('hub', 'SELECT count(*) FROM usage_mgmt.usage_event_0 e WHERE EXISTS
		(SELECT FROM test.snapshots s WHERE event_seq <= top AND NOT pg_visible_in_snapshot(event_xid, snapshot))'),
	'>', 0, 'by numbers alone some are lost');

# How many are told behind a later one of their id; by the first snapshot of which that holds.
sub late
{
	my ($is_told) = @_;

	return $node->safe_psql('hub', "WITH told AS MATERIALIZED (SELECT id, event_seq,
				(SELECT n FROM test.snapshots WHERE $is_told ORDER BY n LIMIT 1) AS at FROM usage_mgmt.usage_event_0)
		SELECT count(*) FROM told l WHERE EXISTS (SELECT FROM told e WHERE e.id = l.id AND e.event_seq > l.event_seq AND e.at < l.at)");
}
$node->safe_psql('hub', "UPDATE test.snapshots SET oldest = coalesce((SELECT min(x::text::bigint)
	FROM pg_snapshot_xip(snapshot) x WHERE x <> '$idle_xid'), pg_snapshot_xmax(snapshot)::text::bigint)");
cmp_ok(late('event_xid::text::bigint < oldest'), '>', 0, 'up to the oldest transaction, were none idle, some are late');
is(late('pg_visible_in_snapshot(event_xid, snapshot)'), '0', 'what is seen now and was not seen before is never late');

kill 'TERM', $idle->{pid};
waitpid $idle->{pid}, 0;
done_testing();
