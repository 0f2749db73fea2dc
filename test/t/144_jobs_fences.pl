# Jobs of which more than one attempt is alive, or whose file is another one by the time they go on:
# what is late does nothing, and what is stopped stops nobody.

use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;
use Jobs;
use PostgreSQL::Test::Utils;
use Servers;
use Store;
use Test::More;
use Time::HiRes qw(sleep time);
use Usagectl;

my $node = new_node('jobs_fences');
my $db = 'jobs';
my $folder = PostgreSQL::Test::Utils::tempdir();
my %said;

$node->append_conf('postgresql.conf', "log_statement = none\n");
$node->reload;
jobs_store($node, $db);

# What it gives is in a file of that name, and how much of it before it breaks off in another one.
# A file that is put it takes, and says so when it is let.
my $web = raw_server(sub {
	my ($caller) = @_;
	my $head = '';

	while ($head !~ /\r\n\r\n/)
	{
		sysread $caller, $head, 65536, length $head or return;
	}
	my ($method, $name) = $head =~ m{\A(\S+) /(\S+) } or return;
	my $path = "$folder/web-$name";

	if ($method eq 'PUT')
	{
		my ($length) = $head =~ /^content-length: (\d+)/mi;
		print $caller "HTTP/1.1 100 Continue\r\n\r\n" if $head =~ /^expect:/mi;
		my $body = $head =~ s/\A.*?\r\n\r\n//sr;
		while (length $body < $length)
		{
			sysread $caller, $body, 65536, length $body or return;
		}
		append_to_file($path, $body);
		sleep 0.02 while -e "$folder/web-wait";
		print $caller "HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
		return;
	}
	if (!-e $path)
	{
		print $caller "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
		return;
	}
	my $text = slurp_file($path);
	print $caller "HTTP/1.1 200 OK\r\nContent-Length: " . length($text) . "\r\nConnection: close\r\n\r\n";
	return if $method eq 'HEAD';
	print $caller substr $text, 0, -e "$path.cut" ? slurp_file("$path.cut") : length $text;
	sleep 0.02 while -e "$path.stall";
	return;
});
my $config = servers_config("[directory $folder]\n", $web);

sub sql
{
	return $node->safe_psql($db, $_[0]);
}

sub import_order
{
	return order($node, $db, 'mediation', 'import_job', @_);
}

sub imported
{
	return ended_as($node, $db, 'import_job', @_);
}

sub put_file
{
	my ($name, $text) = @_;

	open my $file, '>:raw', "$folder/$name" or die "$name: $!";
	print $file $text;
	close $file;
	return;
}

sub records
{
	my ($prefix, $from, $to) = @_;

	return join '', map { record(sprintf '%s%05d', $prefix, $_) . "\n" } $from .. $to;
}

my $counts = 'read_count, stored_count, repeated_count, conflicting_count, rejected_count';
my @batch = ('--batch=500');
my $agent = agent_begins($node, $db, config => $config, options => \@batch);
my $id;

# ---- another file under the same name, which begins as the first one does ----
for my $kind (['other', 1000, 'c', qr/^failed\|2\d\d\d\|.*not what load \d+ was begun with, its first \d+ bytes differ/],
	['grown', 3000, 'b', qr/^succeeded\|4000\|$/])
{
	my ($name, $same, $then, $expected) = @$kind;
	my $first = records("$name-a", 1, 1000) . records("$name-b", 1001, 3000);

	put_file("web-$name", $first);
	put_file("web-$name.cut", int(length($first) * 0.9));
	put_file("web-$name.stall", '');
	$id = import_order(url => "$web->{url}/$name");
	ok(until_job($node, $db, 'import_job', $id, 'read_count >= 2000'), "$name: a load is begun");
	put_file("web-$name", records("$name-a", 1, 1000) . ($same > 1000 ? records("$name-b", 1001, 3000) : '') . records("$name-$then", $same + 1, 4000));
	unlink "$folder/web-$name.cut", "$folder/web-$name.stall";
	like(imported($id, 'stored_count, error_log'), $expected, "$name: whether it is gone on with");
}
is(sql(q{SELECT count(*) FROM usage_mgmt.usage WHERE starts_with(id, 'other-c')}), 0, 'nothing of the other file is stored');

# ---- an agent that is stopped has its jobs taken from it, and comes back ----
put_file('web-stopped', records('stopped', 1, 3000));
put_file('web-stopped.cut', 200_000);
put_file('web-stopped.stall', '');
my $import = import_order(url => "$web->{url}/stopped");
ok(until_job($node, $db, 'import_job', $import, 'read_count > 0'), 'an import is under way');
my $lock = $node->background_psql($db);
$lock->query_safe('BEGIN; LOCK TABLE usage_mgmt.usage_specification');
put_file('late.ndjson.gz', '');
my $export = order($node, $db, 'partner', 'export_job', path => 'usageSpecification', url => "file://$folder/late.ndjson.gz");
ok($node->poll_query_until($db, "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted"), 'and an export');
my $listener = sql(q{SELECT usage_mgmt.register_import_job_listener(NULL, '', 'r14.5') ->> 'id'});
my $listener2 = sql(q{SELECT usage_mgmt.register_export_job_listener(NULL, '', 'r14.5') ->> 'id'});
kill 'STOP', -$agent->{pid};
unlink "$folder/web-stopped.cut", "$folder/web-stopped.stall";
$lock->query_safe('COMMIT');
ok($node->poll_query_until($db, q{SELECT bool_and(leased_until < now()) FROM usage_mgmt.import_job WHERE status = 'running'}), 'until its lease is over');
my $second = agent_begins($node, $db, config => $config, name => 'a2', options => \@batch);
is(imported($import, "$counts, attempts"), 'succeeded|3000|3000|0|0|0|2', 'another agent does the import, while the first one is stopped');
is(ended_as($node, $db, 'export_job', $export, 'record_count, attempts'), 'succeeded|0|2', 'and the export');
my @stat = stat "$folder/late.ndjson.gz";
my $ended = sql(q{SELECT string_agg(j::text, E'\n' ORDER BY id) FROM usage_mgmt.import_job j});
kill 'CONT', -$agent->{pid};
$id = import_order(url => "file://$folder/web-grown");
ok(until_job($node, $db, 'import_job', $id, 'completion_date IS NOT NULL'), 'the first one comes back');
ok($node->poll_query_until($db, q{SELECT count(*) = 4 FROM pg_stat_activity WHERE usename = 'courier'}), 'and is at nothing any more');
is(agent_leaves($second), 0, 'the other one leaves');
$id = import_order(url => "file://$folder/web-grown");
is(imported($id, 'repeated_count'), 'succeeded|4000', 'and the first one goes on with others');
is(join(',', (stat "$folder/late.ndjson.gz")[ 1, 7, 9 ]), join(',', @stat[ 1, 7, 9 ]), 'the file is that of the second');
is(sql(qq{SELECT string_agg(j::text, E'\\n' ORDER BY id) FROM usage_mgmt.import_job j WHERE creation_date <= (SELECT creation_date FROM usage_mgmt.import_job WHERE id = '$import')}),
	$ended, 'and what is over as it was');
is(sql(q{SELECT count(*) FROM usage_mgmt.import_load WHERE source LIKE '%/stopped'}), 1, 'there is one load');
is(sql(qq{SELECT count(*) FROM usage_mgmt.next_events('$listener') WHERE event #>> '{event,importJob,id}' = '$import'}), 1, 'and one notification of its end');
is(sql(qq{SELECT count(*) FROM usage_mgmt.next_events('$listener2')}), 1, 'as of the export');

# ---- no manifest of one attempt beside the file of another ----
put_file('web-wait', '');
$export = order($node, $db, 'partner', 'export_job', path => 'usageSpecification', url => "$web->{url}/named", manifest => 'true');
for (1 .. 400)
{
	last if -e "$folder/web-named";
	sleep 0.05;
}
# as if another agent had taken it: its lease was over
sql("UPDATE usage_mgmt.export_job SET agent = 'another', attempts = attempts + 1, leased_until = now() + interval '1 hour' WHERE id = '$export'");
unlink "$folder/web-wait";
ok($node->poll_query_until($db, q{SELECT count(*) = 2 FROM pg_stat_activity WHERE usename = 'courier'}), 'an export that was taken from an agent is left');
ok(-e "$folder/web-named", 'with its file there');
ok(!-e "$folder/web-named.manifest.json", 'and no manifest put beside it');
is(job($node, $db, 'export_job', $export, 'status, agent, attempts'), 'running|another|2', 'nor is it ended');
sql("SELECT usage_mgmt.delete_export_job('$export')");

# ---- a lease that could not be renewed is over for the agent, too ----
put_file('web-locked', records('locked', 1, 3000));
put_file('web-locked.cut', 200_000);
put_file('web-locked.stall', '');
$id = import_order(url => "$web->{url}/locked");
ok(until_job($node, $db, 'import_job', $id, 'read_count > 0'), 'an import is under way');
$lock->query_safe("BEGIN; SELECT FROM usage_mgmt.import_job WHERE id = '$id' FOR UPDATE");
ok($node->poll_query_until($db, qq{SELECT leased_until < now() FROM usage_mgmt.import_job WHERE id = '$id'}), 'whose row somebody locks until its lease is over');
ok($node->poll_query_until($db, q{SELECT count(*) = 2 FROM pg_stat_activity WHERE usename = 'courier'}), 'it is left');
unlink "$folder/web-locked.cut", "$folder/web-locked.stall";
$lock->query_safe('COMMIT');
$lock->quit;
is(imported($id, $counts), 'succeeded|3000|3000|0|0|0', 'and gone on with');

# ---- one of two jobs at the same folder waits for the other, file by file ----
sql(q{CREATE TABLE public.held (locks bigint);
	CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN
		INSERT INTO public.held SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid() GROUP BY pid; RETURN NULL; END$$;
	CREATE TRIGGER hold AFTER UPDATE ON usage_mgmt.import_file FOR EACH ROW WHEN (new.finished_at IS NOT NULL) EXECUTE FUNCTION public.hold()});
mkdir "$folder/in";
records_file(sprintf("$folder/in/%02d.ndjson", $_), 1000, sprintf 'f%02d-', $_) for 1 .. 12;
my @both = map { import_order(url => "file://$folder/in/*") } 1 .. 2;
is(imported($_), 'succeeded', 'two jobs at the same folder succeed') for @both;
is(sql(q{SELECT count(*), count(DISTINCT source), sum(stored), sum(repeated) FROM usage_mgmt.import_load WHERE source LIKE '%/in/%'}), '12|12|12000|0',
	'each file is loaded once');
cmp_ok(sql('SELECT max(locks) FROM public.held'), '<=', 3, 'and no job holds more locks than it needs');

# ---- a server that is a standby yet, or is being altered ----
for my $code (qw(25006 XX000 40P01))
{
	sql(qq{CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS \$\$BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = '$code'; END\$\$;
		CREATE TRIGGER refuse BEFORE INSERT ON usage_mgmt.usage FOR EACH STATEMENT EXECUTE FUNCTION public.refuse()});
	$id = import_order(url => "file://$folder/web-grown");
	ok(until_job($node, $db, 'import_job', $id, q{attempts > 1 AND completion_date IS NULL AND error_log ~ 'not now'}), "after $code it is tried again");
	sql('DROP FUNCTION public.refuse CASCADE');
	is(imported($id), 'succeeded', 'until it may');
}
sql(q{CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = '25006'; END$$;
	CREATE TRIGGER refuse BEFORE INSERT ON usage_mgmt.import_file FOR EACH STATEMENT EXECUTE FUNCTION public.refuse()});
mkdir "$folder/late";
records_file("$folder/late/01.ndjson", 10, 'late-');
$id = import_order(url => "file://$folder/late/*");
ok(until_job($node, $db, 'import_job', $id, q{attempts > 1 AND completion_date IS NULL AND error_log ~ 'not now'}), 'so is a folder');
sql('DROP FUNCTION public.refuse CASCADE');
is(imported($id), 'succeeded', 'until its register may be written');
is(agent_leaves($agent), 0, 'the agent leaves');

# ---- a connection that says nothing any more ----
my $proxy = raw_server(sub {
	my ($caller) = @_;
	my $server = IO::Socket::UNIX->new(Peer => $node->host . '/.s.PGSQL.' . $node->port) or return;
	my $both = IO::Select->new($caller, $server);

	while (1)
	{
		foreach my $from ($both->can_read)
		{
			sysread $from, my $bytes, 65536 or return;
			syswrite $from == $caller ? $server : $caller, $bytes;
		}
	}
}, 'postgresql');
my $name = "host=127.0.0.1 port=$proxy->{port}";

$agent = agent_begins($node, $db, config => $config, name => 'far', options => [ @batch, "--dbname=$name dbname=$db" ]);
put_file('web-far', records('far', 1, 3000));
put_file('web-far.cut', 200_000);
put_file('web-far.stall', '');
$id = import_order(url => "$web->{url}/far");
ok(until_job($node, $db, 'import_job', $id, "read_count > 0 AND agent = 'far'"), 'an import is under way');
my @stalled = map { /^(\d+) \(.*\) \S (\d+) /s && $2 == $proxy->{pid} ? $1 : () } map { eval { slurp_file($_) } // '' } glob '/proc/[0-9]*/stat';
kill 'STOP', @stalled;
unlink "$folder/web-far.cut", "$folder/web-far.stall";
cmp_ok(scalar @stalled, '>=', 4, 'its connections stall');
is(imported($id, $counts), 'succeeded|3000|3000|0|0|0', 'it is gone on with by others');
kill 'KILL', @stalled;
agent_killed($agent);

server_kill($proxy);
server_kill($web);
done_testing();
