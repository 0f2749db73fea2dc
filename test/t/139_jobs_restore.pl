# Jobs in a dump and in another cluster: none is ordered again, none goes on before somebody
# says so, and what was to be is done then.

use strict;
use warnings;
use IPC::Run;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

my $dumps = PostgreSQL::Test::Utils::tempdir();
my $node = new_node('old');
my $other = new_node('other');
my $all = <<'SQL';
SELECT j::text FROM usage_mgmt.import_job j ORDER BY id;
SELECT j::text FROM usage_mgmt.export_job j ORDER BY id;
SELECT job, part, md5(data) FROM usage_mgmt.export_result ORDER BY 1, 2;
SELECT tablename, policyname, qual FROM pg_policies WHERE tablename IN ('import_job', 'export_job', 'export_result') ORDER BY 1, 2;
SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger WHERE tgrelid IN ('usage_mgmt.import_job'::regclass, 'usage_mgmt.export_job'::regclass) AND NOT tgisinternal ORDER BY 1, 2;
SELECT indexdef FROM pg_indexes WHERE indexname IN ('import_job_due_idx', 'export_job_due_idx') ORDER BY 1;
SQL
my $claim = q{SELECT job || ' ' || attempt || ' ' || failures FROM usage_mgmt.job_claim('one', '1 minute', NULL, 3)};

# A job in every state, two of them with an agent, one of which has been told to stop.
foreach my $cluster ($node, $other)
{
	$cluster->safe_psql('postgres', 'CREATE ROLE partner; CREATE ROLE agent;' . ($cluster == $node ? 'CREATE ROLE gone' : ''));
}
new_store($node, 'source');
$node->safe_psql('source', <<'SQL');
SELECT usage_mgmt.grant_access('partner', 'writer'), usage_mgmt.grant_access('gone', 'writer'), usage_mgmt.grant_access('agent', 'agent');
SET ROLE partner;
SELECT usage_mgmt.post_import_job(json_build_object('id', id, 'url', 'file:///in/*', 'every', CASE id WHEN 'standing' THEN '1 day' END))
FROM unnest('{running,stopping,succeeded,failed,cancelled,retried,standing}'::text[]) id;
SELECT usage_mgmt.post_export_job('{"id": "result"}'), usage_mgmt.post_export_job('{"id": "running"}'), usage_mgmt.post_export_job('{"id": "cut"}');
RESET ROLE;
SET ROLE agent;
SELECT usage_mgmt.job_claim('one', '1 hour', NULL, 3);
SELECT usage_mgmt.job_checkpoint('one', 'import_job', 'running', 1, '{"read": 5, "stored": 5, "position": 500, "bytes": 400, "total": 1000}'),
	usage_mgmt.job_end('one', 'import_job', 'succeeded', 1, 'succeeded', '', '{"read": 7, "stored": 7}'),
	usage_mgmt.job_end('one', 'import_job', 'failed', 1, 'failed', 'no such file', NULL),
	usage_mgmt.job_retry('one', 'import_job', 'retried', 1, '1 hour', 'refused'),
	usage_mgmt.job_again('one', 'import_job', 'standing', 1, '1 hour'),
	usage_mgmt.job_put_result('one', 'result', 1, 0, repeat('a', 1048576)::bytea), usage_mgmt.job_put_result('one', 'result', 1, 1, 'end'),
	usage_mgmt.job_put_result('one', 'cut', 1, 0, 'half');
SELECT usage_mgmt.job_end('one', 'export_job', 'result', 1, 'succeeded', '', '{"records": 3}');
RESET ROLE;
SET ROLE partner;
SELECT usage_mgmt.cancel_import_job('cancelled'), usage_mgmt.cancel_import_job('stopping');
SELECT usage_mgmt.post_import_job('{"id": "new", "url": "file:///in/x"}');
SET ROLE gone;
SELECT usage_mgmt.post_export_job('{"id": "of nobody"}');
RESET ROLE;
UPDATE usage_mgmt.import_job SET leased_until = NULL WHERE id = 'cancelled';
SQL
is($node->safe_psql('source', "SELECT string_agg(job || ' ' || state, ', ' ORDER BY resource, job) FROM usage_mgmt.job_progress"),
	'cut running, of nobody not started, result succeeded, running running, '
		. 'cancelled cancelled, failed failed, new not started, retried waiting, running running, standing waiting, stopping cancelled, succeeded succeeded',
	'a job in every state');
my $before = $node->safe_psql('source', $all);

sub dump_to
{
	my ($path, @options) = @_;
	my $err;

	IPC::Run::run([ program($node, 'pg_dump'), '-f', $path, @options, '-d', $node->connstr('source') ], '2>', \$err) or die $err;
	return $path;
}

sub load
{
	my ($into, $database, @command) = @_;
	my $err;

	IPC::Run::run([ program($into, shift @command), @command, '-d', $into->connstr($database) ], '>', \my $out, '2>', \$err);
	is("$?$err", '0', "$database: it is restored");
	return;
}

# Whatever the way: nothing is an agent's, by whatever name, and what is resumed goes on.
sub is_held
{
	my ($into, $database) = @_;

	is($into->safe_psql($database, $all), $before, "$database: all is as it was, and nothing was ordered again");
	is($into->safe_psql($database, "SET ROLE agent; $claim"), '', "$database: an agent gets nothing, also of the name that had it");
	is($into->safe_psql($database, q{SET ROLE agent; SELECT usage_mgmt.job_checkpoint('one', 'import_job', 'running', 1, '{"read": 6}'),
		usage_mgmt.job_end('one', 'import_job', 'running', 1, 'succeeded', '', NULL), usage_mgmt.job_release('one')}), 'f|f|0', "$database: nor does who had it");
	is($into->safe_psql($database, "SELECT string_agg(job, ', ' ORDER BY resource, job) FROM usage_mgmt.job_progress WHERE state = 'held'"),
		'cut, of nobody, running, new, retried, running, standing', "$database: they are held");
	is($into->safe_psql($database, q{SET ROLE partner; SELECT length(usage_mgmt.get_export_result('result', 1048575)), convert_from(usage_mgmt.get_export_result('result', 1048576), 'UTF8')}),
		'1|end', "$database: a result is there");
	is(sqlstate($into, $database, "SET ROLE partner; SELECT usage_mgmt.get_export_result('cut')"), 'P0002', "$database: one that was cut is none");
	is($into->safe_psql($database, <<'SQL'), "t|t|f|f|f\nt", "$database: who has ordered it resumes it");
SET ROLE partner;
SELECT usage_mgmt.resume_job('import_job', 'running'), usage_mgmt.resume_job('export_job', 'running'), usage_mgmt.resume_job('import_job', 'running'),
	usage_mgmt.resume_job('import_job', 'succeeded'), usage_mgmt.resume_job('export_job', 'of nobody');
RESET ROLE;
SELECT usage_mgmt.resume_job('export_job', 'of nobody');
SQL
	is($into->safe_psql($database, "SET ROLE agent; $claim"), "running 2 0\nrunning 2 0" . ($into == $node ? "\nof nobody 1 0" : ''),
		"$database: then an agent takes them, and it is no failure");
	is($into->safe_psql($database, q{SELECT status, error_log FROM usage_mgmt.export_job WHERE id = 'of nobody'}),
		$into == $node ? 'running|' : 'failed|the role "gone" that ordered it does not exist any more', "$database: but not for a role that is not there");
	is($into->safe_psql($database, q{SELECT position, read_count, byte_count, total_bytes FROM usage_mgmt.import_job WHERE id = 'running'}),
		'500|5|400|1000', "$database: an import goes on where it was");
	is($into->safe_psql($database, q{SET ROLE agent; SELECT usage_mgmt.job_put_result('one', 'cut', 1, 1, ''), usage_mgmt.job_end('one', 'import_job', 'running', 2, 'succeeded', '', NULL)}),
		'f|t', "$database: to its end");
	is($into->safe_psql($database, q{SET ROLE partner; SELECT usage_mgmt.cancel_import_job('new'), usage_mgmt.delete_import_job('retried')}), 't|t', "$database: what is held is cancelled and deleted");
	is(sqlstate($into, $database, q{UPDATE usage_mgmt.import_job SET url = 'file:///etc/passwd' WHERE id = 'standing'}), 'UM002', "$database: its triggers are there");
	return;
}

foreach my $into ($other, $node)
{
	my $name = $into->name;

	$into->safe_psql('postgres', "CREATE DATABASE plain_$name; CREATE DATABASE custom_$name");
	# a role that is not there gets no grants
	load($into, "plain_$name", 'psql', '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f',
		dump_to("$dumps/plain.$name", $into == $node ? () : '--no-privileges'));
	load($into, "custom_$name", 'pg_restore', '-j', '2', dump_to("$dumps/custom.$name", '-Fc', $into == $node ? () : '--no-privileges'));
	foreach my $database ("plain_$name", "custom_$name")
	{
		$into->safe_psql($database, "SELECT usage_mgmt.grant_access('partner', 'writer'), usage_mgmt.grant_access('agent', 'agent')");
		my $shape = $into->safe_psql($database, $all);
		$into->safe_psql($database, 'SELECT usage_mgmt.install_tables()');
		is($into->safe_psql($database, $all), $shape, "$database: install_tables() finds nothing to do");
		is_held($into, $database);
	}
}

# ---- a copy by CREATE DATABASE, and data alone, with triggers and without ----

$node->safe_psql('postgres', 'CREATE DATABASE copied TEMPLATE source');
is_held($node, 'copied');
my @tables = map { ('-t', "usage_mgmt.$_") } 'import_job', 'export_job', 'export_result';
foreach my $database ('with_triggers', 'without_triggers')
{
	new_store($other, $database);
	$other->safe_psql($database, "SELECT usage_mgmt.grant_access('partner', 'writer'), usage_mgmt.grant_access('agent', 'agent')");
	load($other, $database, 'psql', '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f',
		dump_to("$dumps/$database", '-a', @tables, $database eq 'with_triggers' ? () : '--disable-triggers'));
	is_held($other, $database);
}

# In the source all goes on as if nothing had been.
is($node->safe_psql('source', $all), $before, 'the source is as it was');
is($node->safe_psql('source', "SET ROLE agent; $claim"), "running 1 0\nstopping 1 0\nnew 1 0\ncut 1 0\nrunning 1 0\nof nobody 1 0", 'and goes on');

done_testing();
