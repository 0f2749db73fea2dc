# The two functions that answer HTTP, where no gateway is before them: in any encoding, on a
# standby, called in any way, and after a restore.

use strict;
use warnings;
use Gateway;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Store;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
init_node($primary, allows_streaming => 1);
$primary->append_conf('postgresql.conf', "timezone = 'UTC'");
$primary->start;

sub written
{
	my ($node, $db, $method, $uri, $body, $role) = @_;

	return answered($node, $db, headers => qq({"x-um-method": "$method", "x-um-uri": "$uri"}), method => $method, body => $body, role => $role);
}

sub got { my ($node, $db, $uri, $role) = @_; return written($node, $db, 'GET', $uri, '', $role) }

# ---- any encoding: what goes in and out is UTF-8 ----

foreach my $case ([ 'UTF8', "\xc3\xa9\xe2\x82\xac" ], [ 'LATIN1', "\xc3\xa9" ], [ 'EUC_JP', "\xe6\x97\xa5\xe6\x9c\xac" ],
	[ 'SQL_ASCII', "\xc3\xa9" ])
{
	my ($encoding, $utf8) = @$case;
	my $db = 'db_' . lc $encoding;
	my $path = join '', map { sprintf '%%%02X', $_ } unpack 'C*', $utf8;

	$primary->safe_psql('postgres', "CREATE DATABASE $db ENCODING '$encoding' LOCALE 'C' TEMPLATE template0");
	$primary->safe_psql($db, 'CREATE EXTENSION usage_mgmt');
	my ($status, $headers, $body) = written($primary, $db, 'POST', '/usageManagement/usage',
		qq({"id": "$utf8", "date": "2026-01-05", "type": "$utf8"}));

	is($status, '201', "$encoding: created");
	like($headers, qr{"Location": "/usageManagement/usage/$path"}, 'it lies at an address in UTF-8');
	like($body, qr{"type":"\Q$utf8\E"}, 'and is shown in UTF-8');
	($status, undef, $body) = got($primary, $db, "/usageManagement/usage/$path");
	is("$status " . ($body =~ /"id":"(.*?)"/)[0], "200 $utf8", 'where it is found');
	($status, undef, $body) = written($primary, $db, 'POST', '/usageManagement/usage', qq({"description": "\xff"}));
	like("$status $body", qr/^400 .*"code":"22021"/, 'what is not UTF-8 is refused');
	($status, undef, $body) = written($primary, $db, 'POST', '/usageManagement/usage', qq({"description": "\x00"}));
	like("$status $body", qr/^400 .*"code":"22021"/, 'nor is no character at all taken');
	($status, undef, $body) = got($primary, $db, '/usageManagement/usage/%FF');
	like("$status $body", qr/^400 .*"code":"22023"/, 'nor in the address') if $encoding ne 'SQL_ASCII';
	next if $encoding =~ /UTF8|ASCII/;
	($status, undef, $body) = written($primary, $db, 'POST', '/usageManagement/usage',
		qq({"date": "2026-01-05", "type": "\xf0\x9f\x98\x80"}));
	like("$status $body", qr/^400 .*"code":"22P05"/, 'what the database cannot hold is the caller\'s fault');
}

# ---- called in any way, they answer ----

my $db = 'db_utf8';
foreach my $case (
	[ '',                                             '400 22023', 'no headers' ],
	[ 'null',                                         '400 22023', 'none but null' ],
	[ '[1, {"x-um-method": "GET"}]',                  '400 22023', 'a list of them' ],
	[ '{"x-um-method": "GET", "x-um-uri": ',          '400 22023', 'half of them' ],
	[ '{"x-um-method": "GET", "x-um-uri": ["/x"]}',   '400 22023', 'a URI that is none' ],
	[ '{"x-um-method": "GET", "x-um-uri": ""}',       '404 P0002', 'an empty one' ],
	[ '{"x-um-method": "GET", "x-um-uri": "?"}',      '404 P0002', 'no path' ],
	[ '{"x-um-uri": "/usageManagement/usage"}',       '405 UM005', 'no method' ],
	[ '{"x-um-method": "BREW", "x-um-uri": "/usageManagement/usage"}',     '405 UM005', 'an unknown method' ],
	[ '{"x-um-method": "DELETE", "x-um-uri": "/usageManagement/usage/1"}', '405 UM005', 'a method of the other function' ],
	[ '{"x-um-method": "GET", "x-um-uri": "/usageManagement/usage/1", "other": {"a": [1, null]}}', '404 P0002', 'others beside' ])
{
	my ($headers, $expected, $what) = @$case;
	my ($status, undef, $body) = answered($primary, $db, headers => $headers, call => 'usage_api.read()');

	is("$status " . ($body =~ /"code":"(\w+)"/)[0], $expected, "read(): $what");
}
my ($status, undef, $body) = answered($primary, $db, headers => '{"x-um-method": "GET", "x-um-uri": "/usageManagement/usage/1"}',
	call => "usage_api.write('')");
like("$status $body", qr/^405 .*UM005/, 'write() does not read');
($status, undef, $body) = answered($primary, $db, headers => '{"x-um-method": "POST", "x-um-uri": "/usageManagement/usage"}',
	call => 'usage_api.write(NULL)');
like("$status $body", qr/^400 .*22P02/, 'write() of nothing');
is($primary->safe_psql($db, "BEGIN; SET LOCAL search_path = ''; SELECT set_config('request.headers', '{\"x-um-method\": \"POST\", \"x-um-uri\": \"/usageManagement/usage\"}', true);
		SELECT usage_api.write('{\"id\": \"path\", \"date\": \"2026-01-05\", \"type\": \"voice\"}') <> ''; SELECT current_setting('response.status'); COMMIT") =~ s/.*\n//sr,
	'201', 'whatever the search_path');

# ---- an error undoes what was done, and the transaction goes on ----

is($primary->safe_psql($db, <<'SQL') =~ s/\n/ /gr, '409 1', 'a refused change leaves nothing, and what was before it stays');
BEGIN;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('before', '2026-01-05', 'voice');
DO $$ BEGIN PERFORM set_config('request.headers', '{"x-um-method": "PATCH", "x-um-uri": "/usageManagement/usage/before"}', true); END $$;
SELECT usage_api.write('{"status": "billed"}') \gset
SELECT current_setting('response.status');
COMMIT;
SELECT count(*) FROM usage_mgmt.usage WHERE id = 'before' AND status = 'received';
SQL

# ---- what the server is to blame for is in its log alone ----

$primary->safe_psql($db, <<'SQL');
CREATE FUNCTION public.broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM FROM public.secret_name; RETURN NEW; END $$;
CREATE TRIGGER a_broken BEFORE INSERT ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION public.broken();
SQL
my $log = -s $primary->logfile;
($status, undef, $body) = written($primary, $db, 'POST', '/usageManagement/usage', '{"date": "2026-01-05", "type": "voice"}');
is($status, '500', 'a fault of the server\'s own');
unlike($body, qr/secret_name/, 'is not told');
like(slurp_file($primary->logfile, $log), qr/LOG: .*secret_name/, 'but logged');
$primary->safe_psql($db, 'DROP TRIGGER a_broken ON usage_mgmt.usage');

# ---- what somebody's trigger raises is an error, whatever its code ----

$primary->safe_psql($db, <<'SQL');
CREATE FUNCTION public.warns() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '01UM1'; END $$;
CREATE TRIGGER a_warns BEFORE INSERT ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION public.warns();
SQL
($status, undef, $body) = written($primary, $db, 'POST', '/usageManagement/usage', '{"id": "warned", "date": "2026-01-05", "type": "voice"}');
like("$status $body", qr/^500 .*"status":"500"/, 'also by that of a warning');
$primary->safe_psql($db, 'DROP TRIGGER a_warns ON usage_mgmt.usage');

# ---- one resource is not asked for under a condition ----

$primary->safe_psql($db, "INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('one', '2026-01-05', 'voice')");
foreach my $method ('PUT', 'PATCH', 'DELETE')
{
	my $uri = q{/usageManagement/usage/one?filter=$[?(@.status=='rejected')]};

	($status, undef, $body) = written($primary, $db, $method, $uri, '{"date": "2026-01-05", "type": "data"}');
	like("$status $body", qr/^400 .*"code":"22023"/, "$method with a filter");
}
is((got($primary, $db, q{/usageManagement/usage/one?filter=$[?(@.status=='rejected')]}))[0], '400', 'GET with one');
is($primary->safe_psql($db, "SELECT usage_type FROM usage_mgmt.usage WHERE id = 'one'"), 'voice', 'and it is as it was');

# ---- rows that no constraint has kept out ----

is($primary->safe_psql($db, <<'SQL') =~ s/\n+/ /gr, '200 1 200', 'a row without an id, and one without a status');
BEGIN;
SELECT usage_mgmt.register_usage_listener(NULL) AS listener \gset
ALTER TABLE usage_mgmt.usage DROP CONSTRAINT usage_pkey, ALTER id DROP NOT NULL, ALTER status DROP NOT NULL;
SET LOCAL session_replication_role = replica;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES (NULL, '1999-01-05', 'voice');
UPDATE usage_mgmt.usage SET status = NULL WHERE id = 'one';
SET LOCAL session_replication_role = origin;
DO $$ BEGIN PERFORM set_config('request.headers', '{"x-um-method": "GET", "x-um-uri": "/usageManagement/usage?date.lt=2000-01-01"}', true); END $$;
SELECT usage_api.read() AS body \gset
SELECT current_setting('response.status') || ' ' || json_array_length(encode(:'body', 'escape')::json);
DO $$ BEGIN PERFORM set_config('request.headers', '{"x-um-method": "PATCH", "x-um-uri": "/usageManagement/usage/one"}', true); END $$;
SELECT usage_api.write('{"description": "x"}') AS body \gset
SELECT current_setting('response.status');
ROLLBACK;
SQL

# ---- cancelled, it answers ----

$primary->safe_psql($db, <<'SQL');
CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$;
CREATE TRIGGER a_slow BEFORE INSERT ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION public.slow();
CREATE ROLE hurried;
SELECT usage_mgmt.grant_access('hurried', 'writer');
ALTER DATABASE db_utf8 SET statement_timeout = '200ms';
SQL
my $headers;
($status, $headers, $body) = written($primary, $db, 'POST', '/usageManagement/usage', '{"id": "slow", "date": "2026-01-05", "type": "voice"}', 'hurried');
like("$status $headers $body", qr/^503 .*"Retry-After": "\d+".*"code":"57014"/, 'what took too long may come again');
$primary->safe_psql('postgres', 'ALTER DATABASE db_utf8 RESET statement_timeout');
$primary->safe_psql($db, 'DROP TRIGGER a_slow ON usage_mgmt.usage');

# ---- who may call them ----

$primary->safe_psql($db, 'CREATE ROLE nobody; GRANT USAGE ON SCHEMA usage_api, usage_mgmt TO nobody');
is(sqlstate($primary, $db, 'SET ROLE nobody; SELECT usage_api.read()'), '42501', 'not everybody');
$primary->safe_psql($db, "REVOKE USAGE ON SCHEMA usage_api FROM nobody; SELECT usage_mgmt.grant_api('nobody')");
($status, $headers, $body) = got($primary, $db, '/usageManagement/usage/path', 'nobody');
like("$status $headers", qr/^401 .*"WWW-Authenticate": "Bearer"/, 'a role that may call them and nothing else');
$primary->safe_psql($db, "CREATE ROLE owner; CREATE ROLE partner; SELECT usage_mgmt.grant_access('owner', 'owner')");
is(sqlstate($primary, $db, "SET ROLE owner; SELECT usage_mgmt.grant_access('partner', 'reader')"), '00000', 'the owner of the tables gives what a reader needs');
is((got($primary, $db, '/usageManagement/usage/path', 'partner'))[0], '200', 'and he reads');
is((written($primary, $db, 'DELETE', '/usageManagement/usage/path', '', 'partner'))[0], '401', 'and no more');

# ---- a standby ----

$primary->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'copy', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
foreach my $uri ('/usageManagement/usage/path', '/tmf-api/usageManagement/v4/usage/path?fields=status', '/usageManagement/usage?limit=1',
	'/usageManagement/hub', '/usageManagement/openapi.json')
{
	like((ask($standby, $db, method => 'GET', uri => $uri, token => 1))[0],
		qr/^20[06]$/, "a standby reads $uri");
}
($status, $headers, $body) = written($standby, $db, 'DELETE', '/usageManagement/usage/path', '');
like("$status $body", qr/^503 .*"code":"25006"/, 'and changes nothing');
$standby->stop;

# ---- a restore ----

my $dump = "$PostgreSQL::Test::Utils::tmp_check/gateway.sql";
$primary->command_ok([ 'pg_dump', '-d', $db, '-f', $dump ], 'a dump');
$primary->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
$primary->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'restored', '-f', $dump ], 'is restored');
is((got($primary, 'restored', '/usageManagement/usage/path', 'partner'))[0], '200', 'with the rights to call');
is(sqlstate($primary, 'restored', 'SET ROLE hurried; SELECT usage_api.read()'), '00000', 'of all who had them');
is((got($primary, 'restored', '/usageManagement/usage/path', 'nobody'))[0], '401', 'and no others');

$primary->stop;
done_testing();
