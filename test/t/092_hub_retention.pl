# Four writers, one of them slow, two readers and a pg_dump beside an upkeep every 50 ms
# that always has a reason to switch: nobody waits long for a lock, no event is taken
# that its listener has not confirmed, and when the dump is over tables are emptied again.

use strict;
use warnings;
use IPC::Run ();
use Time::HiRes qw(sleep time);
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

use constant {
	WRITERS => 4,
	SECONDS => 20,
	DUMP_FROM => 5,				# s after the start; it holds its locks for so long
	DUMP_FOR => 6,
	SLOW => 1,					# s that the first writer keeps each transaction open
	ROWS => 50,
	WAIT => 200,				# ms that a statement may wait for a lock
};

my $node = new_node('retention');
my $scripts = PostgreSQL::Test::Utils::tempdir();
my (@sessions, @errors, @out);

$node->append_conf('postgresql.conf', "log_lock_waits = on\ndeadlock_timeout = ${\WAIT}ms\nfsync = off\nmax_connections = 30\n");
$node->restart;
new_store($node, 'retention');
$node->safe_psql('retention', <<'SQL');
SELECT usage_mgmt.register_usage_listener(NULL), usage_mgmt.register_usage_listener(NULL);
CREATE TABLE wait (who text, what text, ms float8);
CREATE TABLE heard (listener text, id text);
CREATE TABLE done (outbox text, done text, at timestamptz DEFAULT clock_timestamp());

CREATE PROCEDURE timed(who text, what text, statement text) LANGUAGE plpgsql AS $$
DECLARE
	since timestamptz := clock_timestamp();
BEGIN
	EXECUTE statement;
	INSERT INTO wait VALUES (who, what, 1000 * extract(epoch FROM clock_timestamp() - since));
END
$$;
-- Writes until the time; a slow one stays a while in each transaction before it commits.
CREATE PROCEDURE write(writer int, until timestamptz, rows int, slow float8) LANGUAGE plpgsql AS $$
BEGIN
	FOR n IN 1 .. 1000000000 LOOP
		EXIT WHEN clock_timestamp() > until;
		CALL timed('writer', 'insert', format('INSERT INTO usage_mgmt.usage (id, usage_date, usage_type)
			SELECT format(''%s %s %%s'', i), now(), ''T'' FROM generate_series(1, %s) i', writer, n, rows));
		PERFORM pg_sleep(slow);
		COMMIT;
	END LOOP;
END
$$;
-- Reads, notes in the same transaction what it has heard, and confirms, until nothing comes behind the time.
CREATE PROCEDURE read(listener text, until timestamptz) LANGUAGE plpgsql AS $$
DECLARE
	last text;
BEGIN
	LOOP
		DROP TABLE IF EXISTS page;
		CALL timed('reader', 'next_events', format('CREATE TEMP TABLE page AS SELECT row_number() OVER () AS n, "position",
			event #>> ''{event,usage,id}'' AS id FROM usage_mgmt.next_events(%L, 1000)', listener));
		COMMIT;		-- a consumer's work is not within the transaction that reads
		EXECUTE 'SELECT "position" FROM page ORDER BY n DESC LIMIT 1' INTO last;
		EXIT WHEN last IS NULL AND clock_timestamp() > until;
		IF last IS NULL THEN
			PERFORM pg_sleep(0.02);
		ELSE
			EXECUTE 'INSERT INTO heard SELECT $1, id FROM page' USING listener;
			CALL timed('reader', 'confirm_events', format('SELECT usage_mgmt.confirm_events(%L, %L)', listener, last));
		END IF;
		COMMIT;
	END LOOP;
END
$$;
-- The first event of a table is made old, the last is not: a reason to switch, and none to take what is not read.
CREATE PROCEDURE keep(until timestamptz) LANGUAGE plpgsql AS $$
BEGIN
	WHILE clock_timestamp() < until LOOP
		FOR n IN 0 .. 2 LOOP
			EXECUTE format('UPDATE usage_mgmt.usage_event_%s SET event_at = event_at - interval %L
				WHERE event_seq = (SELECT min(event_seq) FROM usage_mgmt.usage_event_%1$s) AND event_at > now() - interval %2$L', n, '3 days');
		END LOOP;
		COMMIT;
		CALL timed('upkeep', 'hub_upkeep', 'INSERT INTO done (outbox, done) SELECT * FROM usage_mgmt.hub_upkeep()');
		COMMIT;
		PERFORM pg_sleep(0.05);
	END LOOP;
END
$$;
SQL

my $until = $node->safe_psql('retention', "SELECT clock_timestamp() + interval '${\SECONDS} s'");
my $later = $node->safe_psql('retention', "SELECT timestamptz '$until' + interval '5 s'");

sub session
{
	my ($sql) = @_;
	my $file = "$scripts/" . @sessions . '.sql';

	append_to_file($file, "SET client_min_messages = warning;\n$sql;\n");
	push @sessions, IPC::Run::start([ 'psql', '-Xqat', '-d', $node->connstr('retention'), '-f', $file ],
		'<', \undef, '>', \$out[ @sessions ], '2>', \$errors[ @sessions ]);
	return;
}

session("CALL write($_, '$until', ${\ROWS}, " . ($_ == 1 ? SLOW : 0.01) . ')') for 1 .. WRITERS;
session("CALL read('$_', '$later')") for 1, 2;
session("CALL keep('$later')");

# It has all tables locked from its start to its end, which is when its output has been read.
sleep(DUMP_FROM);
my $dump = IPC::Run::start([ 'pg_dump', '-d', $node->connstr('retention') ],
	'|', [ 'sh', '-c', "sleep ${\DUMP_FOR}; cat" ], '>', "$scripts/dump");

$dump->finish;
my $dumped_at = $node->safe_psql('retention', 'SELECT clock_timestamp()');
$_->finish for @sessions;
is(join('', @errors), '', 'no session fails');
like(slurp_file("$scripts/dump"), qr/PostgreSQL database dump complete/, 'nor does the dump');

my $written = $node->safe_psql('retention', 'SELECT count(*) FROM usage_mgmt.usage');
cmp_ok($written, '>', 1000, "$written usages are written");
is($node->safe_psql('retention', "SELECT count(*), count(DISTINCT id) FROM heard WHERE listener = '$_'"), "$written|$written",
	"listener $_ hears each once") for 1, 2;
is($node->safe_psql('retention', 'SELECT sum(lost) FROM usage_mgmt.hub_cursor'), '0', 'and loses none');

my %done = map { split /\|/ } rows($node, 'retention', "SELECT done || ' ' || (at > '$dumped_at'), count(*) FROM done GROUP BY 1");
cmp_ok($done{'emptied true'} // 0, '>', 0, 'tables are emptied behind the dump');
cmp_ok($done{'is locked false'} // 0, '>', 0, 'which had them locked');
cmp_ok($node->safe_psql('retention', "SELECT count(*) FROM usage_mgmt.hub_outboxes() WHERE rows > $written / 2"), '<=', 1,
	'not everything is kept');
note("upkeep: $_ $done{$_} times") for sort keys %done;
note("longest: $_") for rows($node, 'retention',
	"SELECT what || ' ' || round(max(ms)::numeric) || ' ms, 99 of 100 ' || round((percentile_cont(0.99) WITHIN GROUP (ORDER BY ms))::numeric, 1) || ' of ' || count(*) FROM wait GROUP BY what ORDER BY what");

# What a loaded machine takes longer for is no wait for a lock, which the server logs.
unlike(slurp_file($node->logfile), qr/still waiting for/, "nobody waits for a lock longer than ${\WAIT} ms");

done_testing();
