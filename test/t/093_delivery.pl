# Secrets are nowhere but in their table and with who may have them: in no dump, no log, no
# view, no statistics. What is restored elsewhere sends nothing: its listeners are paused.

use strict;
use warnings;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('delivery');
my $dumps = PostgreSQL::Test::Utils::tempdir();

# What a careful administrator would see: all statements that went wrong, and what they took.
$node->append_conf('postgresql.conf', <<'CONF');
log_min_error_statement = error
log_error_verbosity = verbose
log_parameter_max_length_on_error = -1
shared_preload_libraries = 'auto_explain, pg_stat_statements'
pg_stat_statements.track = all
auto_explain.log_min_duration = 0
auto_explain.log_nested_statements = on
auto_explain.log_verbose = on
CONF
$node->restart;
new_store($node, 'source');
$node->safe_psql('source', <<'SQL');
CREATE EXTENSION pg_stat_statements;
CREATE ROLE agent LOGIN;
CREATE ROLE partner LOGIN;
SELECT usage_mgmt.grant_access('agent', 'agent');
GRANT USAGE ON SCHEMA usage_mgmt TO partner;
GRANT SELECT ON usage_mgmt.usage TO partner;
SQL

sub as
{
	my ($role, $database, $sql) = @_;

	return $node->safe_psql($database, "SET SESSION AUTHORIZATION $role;\n$sql");
}

# New, renewed, shown, claimed; then what goes wrong behind the doors.
is(as('partner', 'source', <<'SQL'), "1\n2\n3", 'there are listeners');
SELECT usage_mgmt.register_usage_listener('https://' || n || '.example/') ->> 'id' FROM generate_series(1, 3) n;
SQL
$node->safe_psql('source', <<'SQL');
SELECT usage_mgmt.post_usage('{"id": "u1", "date": "2001-01-01", "type": "VOICE"}');
SELECT usage_mgmt.post_usage('{"id": "u2", "date": "2001-01-01", "type": "VOICE"}');
SQL
my @secrets = split /\n/, as('partner', 'source', <<'SQL');
SELECT usage_mgmt.listener_secret(id) FROM usage_mgmt.hub_listener;
SELECT usage_mgmt.listener_secret('1', renew => true);
SQL
is(scalar(grep { /^whsec_/ } @secrets), 4, 'there are secrets');
is(as('agent', 'source', "SELECT count(*), count(secret), count(old_secret) FROM usage_mgmt.hub_claim('one', '1 hour', 10)"),
	'3|3|1', 'the agent is given them');
is($node->safe_psql('source', 'SELECT usage_mgmt.hub_prune_attempts(); ANALYZE; SELECT count(*) FROM usage_mgmt.hub_secret'), "0\n3",
	'the table is looked through');
is(as('agent', 'source', <<'SQL'), "t", 'events wait and are logged');
SELECT usage_mgmt.hub_checkpoint('one', '1', position, NULL, NULL,
	jsonb_build_array(jsonb_build_object('event_id', event_id, 'resource_id', resource_id, 'event', event::text, 'error', 'HTTP 503')),
	jsonb_build_array(jsonb_build_object('event_id', event_id, 'status', 503, 'error', 'HTTP 503')))
FROM usage_mgmt.hub_read('1', NULL, 1);
SQL
my $position = $node->safe_psql('source', "SELECT position FROM usage_mgmt.hub_cursor WHERE listener = '1'");
my $log = slurp_file($node->logfile);
ok($log =~ /INSERT INTO usage_mgmt\.hub_secret/, 'the log tells of our statements');
is(scalar(grep { $log =~ /\Q$_\E/ } @secrets), 0, 'the log has no secret');

# A header and a credential are the statement's own: sent as parameters they are in no log of
# errors, as PostgreSQL is by default. What logs all statements with their parameters logs them.
$node->append_conf('postgresql.conf', "auto_explain.log_min_duration = -1\nlog_parameter_max_length_on_error = 0\nlog_statement = none\n");
$node->restart;

sub send_as_parameters
{
	my ($sql) = @_;
	my ($out, $err);

	unlink "$dumps/script";
	append_to_file("$dumps/script", $sql);
	IPC::Run::run([ program($node, 'pgbench'), '-n', '-t', 1, '-M', 'extended', '-D', 'value=header-value-known',
		'-D', 'password=password-known', '-D', 'callback=https://user:password-known@4.example/', '-f', "$dumps/script", $node->connstr('source') ], '>', \$out, '2>', \$err);
	return $err;
}
is(send_as_parameters("SELECT usage_mgmt.listener_header('1', 'x-key', :value);\nSELECT usage_mgmt.listener_credential('2', 'user', :password);\n") =~ /ERROR/,
	'', 'a header and a credential are set');
like(send_as_parameters("SELECT usage_mgmt.listener_header('none', 'x-key', :value);\n"), qr/listener "none" does not exist/, 'one is refused');
like(send_as_parameters("SELECT usage_mgmt.listener_credential('none', 'user', :password);\n"), qr/listener "none" does not exist/, 'another is refused');
like(send_as_parameters("SELECT usage_mgmt.register_usage_listener(:callback);\n"), qr/what is given is no callback/, 'a callback with a password is, too');
$log = slurp_file($node->logfile);
ok($log =~ /STATEMENT:  SELECT usage_mgmt\.listener_header\('none', 'x-key', \$1\)/, 'the log has the statements');
is(join("\n", $log =~ /^(.*(?:value-known|password-known).*)$/mg), '', 'and not what they were sent with');

# In all views and tables, as a superuser, who sees all but what is not there
$node->safe_psql('source', 'ANALYZE usage_mgmt.hub_secret');
my @all = (@secrets, 'header-value-known', 'password-known');
my $search = <<'SQL';
CREATE FUNCTION pg_temp.found(secrets text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	r regclass;
	found boolean;
BEGIN
	FOR r IN SELECT oid FROM pg_class
		WHERE relnamespace::regnamespace::text IN ('usage_mgmt', 'pg_catalog', 'public') AND relkind IN ('r', 'p', 'v')
	LOOP
		BEGIN
			EXECUTE format('SELECT EXISTS (SELECT FROM %s t, unnest($1) s WHERE strpos(t::text, s) > 0)', r) INTO found USING secrets;
			IF found THEN
				RETURN NEXT r;
			END IF;
		EXCEPTION WHEN feature_not_supported OR object_not_in_prerequisite_state THEN
			NULL;
		END;
	END LOOP;
END
$$;
SQL
# in two halves, for this statement is in pg_stat_activity itself
foreach my $secret (@all)
{
	my $halves = join ' || ', map { "'$_'" } unpack '(a10)*', $secret;

	is($node->safe_psql('source', "$search SELECT string_agg(f, ',') FROM pg_temp.found(ARRAY[$halves]) f"),
		'usage_mgmt.hub_secret', 'a secret is in its table alone');
}
is($node->safe_psql('source', q(SELECT count(*) > 0 FROM pg_stat_statements WHERE query LIKE 'INSERT INTO usage_mgmt.hub_secret%')), 't',
	'where our statements are told');

# No dump has any of it, and what is restored has listeners, what waits, and no secret
foreach my $way ([ 'p' ], [ 'p', '--enable-row-security' ], [ 'p', '--inserts', '--data-only' ])
{
	my ($format, @options) = @$way;
	my $path = "$dumps/dump";
	my ($dump, $stderr);

	IPC::Run::run([ program($node, 'pg_dump'), '-F', $format, @options, '-f', $path, '-d', $node->connstr('source') ], '2>', \$stderr) or die $stderr;
	$dump = slurp_file($path);
	like($dump, qr/hub_listener/, "pg_dump @options: has the listeners");
	is(join(',', grep { $dump =~ /\Q$_\E/ } @all, 'COPY usage_mgmt.hub_secret', 'INTO usage_mgmt.hub_secret'), '', "pg_dump @options: has no secret");
}
IPC::Run::run([ program($node, 'pg_dumpall'), '-f', "$dumps/all", '-d', $node->connstr('postgres') ]) or die;
my $everything = slurp_file("$dumps/all");
is(scalar(grep { $everything =~ /\Q$_\E/ } @all), 0, 'pg_dumpall: has no secret');
IPC::Run::run([ program($node, 'pg_dump'), '-f', "$dumps/dump", '-d', $node->connstr('source') ]) or die;
$node->safe_psql('postgres', 'CREATE DATABASE restored');
my ($restored, $complaint);
IPC::Run::run([ program($node, 'psql'), '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f', "$dumps/dump",
	'-d', $node->connstr('restored') ], '2>', \$complaint);
is($complaint, '', 'a dump is restored without a word');
is($node->safe_psql('restored', q(SELECT count(*), bool_and(state IN ('starting', 'active')) FROM usage_mgmt.hub_listener)), '3|t',
	'the listeners are there, as they were');
$node->safe_psql('restored', "UPDATE usage_mgmt.hub_delivery SET leased_until = now() - interval '1 s'");
is(as('agent', 'restored', "SELECT count(*) FROM usage_mgmt.hub_claim('one', '1 hour', 10)"), '0', 'none is given to an agent');
is(as('agent', 'restored', 'SELECT DISTINCT state, reason FROM usage_mgmt.hub_status'), 'paused|restored', 'they say why');
is(as('agent', 'restored', "SELECT count(*) FROM usage_mgmt.hub_read('1', NULL, 10)"), '0', 'nor told of anything');
is(as('partner', 'restored', "SELECT usage_mgmt.resume_listener('1')"), 't', 'one is resumed, without a secret');
is(as('agent', 'restored', "SELECT count(*) FROM usage_mgmt.hub_claim('one', '1 hour', 10)"), '0', 'it is paused again');
is(as('agent', 'restored', "SELECT state, reason FROM usage_mgmt.hub_status WHERE listener = '1'"),
	'paused|its secret is missing: listener_secret(id, renew => true) makes one, resume_listener(id) goes on', 'it says why');
is(as('partner', 'restored', "SELECT usage_mgmt.listener_secret('1', renew => true) ~ '^whsec_', usage_mgmt.resume_listener('1')"), 't|t',
	'its owner makes another and resumes it');
is(as('agent', 'restored', "SELECT listener, position, headers, parked FROM usage_mgmt.hub_claim('one', '1 hour', 10)"),
	"1|$position|{}|1", 'and it goes on where it was');
is(as('agent', 'restored', "SELECT resource_id FROM usage_mgmt.hub_due('1', 10) UNION ALL SELECT resource_id FROM usage_mgmt.hub_read('1', NULL, 10) WHERE event IS NOT NULL"),
	"u1\nu2", 'with what waited for another attempt, and what had not been sent');
is(as('agent', 'restored', "SELECT DISTINCT state, reason FROM usage_mgmt.hub_status WHERE listener <> '1'"), 'paused|restored', 'the others wait');
is($node->safe_psql('restored', 'DELETE FROM usage_mgmt.hub_listener; SELECT count(*) FROM usage_mgmt.hub_secret'), '0',
	'a listener that goes takes its secret with it there, too');

done_testing();
