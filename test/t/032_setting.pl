# What the owner of the tables orders holds whatever a session sets, and through DROP and
# CREATE EXTENSION in one session.

use strict;
use warnings;
use Store;
use Test::More;

my $node = new_node('setting');

new_store($node, 'setting');
$node->safe_psql('setting', <<'SQL');
INSERT INTO usage_mgmt.usage_specification (id) VALUES ('s');
UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'check_specification';
CREATE ROLE loader LOGIN;
GRANT USAGE ON SCHEMA usage_mgmt TO loader;
GRANT INSERT ON usage_mgmt.usage, usage_mgmt.usage_document TO loader;
SQL

my $faulty = q({"id":"u","date":"2001-01-01","type":"VOICE","usageSpecification":{"id":"s"},"usageCharacteristic":{"unknown":1}});
my $insert = q(INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, usage_specification_id, usage_characteristic)
	VALUES ('u', '2001-01-01', 'VOICE', 's', '{"unknown": 1}'));

# A setting of ours in the connection comes before the library that would know it.
for my $options ('', '-c usage_mgmt.check_specification=nonsense', '-c usage_mgmt.check_specification=off',
	'-c usage_mgmt.on_missing=fill -c row_security=off -c search_path=pg_temp')
{
	local $ENV{PGOPTIONS} = $options;
	for my $role ('loader', 'postgres')
	{
		my $as = "SET SESSION AUTHORIZATION $role;";

		is(sqlstate($node, 'setting', "$as $insert"), '23514', "INSERT as $role with options \"$options\"");
		is(sqlstate($node, 'setting', "$as INSERT INTO usage_mgmt.usage_document VALUES ('$faulty')"), '23514',
			"INSERT of a document as $role with options \"$options\"");
		is(sqlstate($node, 'setting', qq($as INSERT INTO usage_mgmt.usage_document VALUES ('{"id":"u","usageType":"V"}'))), '23502',
			"INSERT of a document without a date as $role with options \"$options\"");
	}
}
$node->safe_psql('postgres', q(ALTER DATABASE setting SET usage_mgmt.check_specification = 'off'));
is(sqlstate($node, 'setting', $insert), '23514', 'a setting of the database does not count either');
is($node->safe_psql('setting', 'SELECT count(*) FROM usage_mgmt.usage'), 0, 'nothing is stored');

my $drop = <<'SQL';
SELECT format('DROP TABLE %s CASCADE', c.oid::regclass) FROM pg_class c
WHERE relnamespace = 'usage_mgmt'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e') \gexec
DROP EXTENSION usage_mgmt;
SQL

# A table of settings that is gone, and one that comes back, in one session.
is($node->safe_psql('setting', <<"SQL"), "0\n1\n1", 'DROP and CREATE EXTENSION in one session');
SET client_min_messages = error;
CREATE FUNCTION public.refused() RETURNS int LANGUAGE plpgsql AS \$f\$
BEGIN
	EXECUTE \$i\$ $insert \$i\$;
	DELETE FROM usage_mgmt.usage;
	RETURN 0;
EXCEPTION WHEN check_violation THEN
	RETURN 1;
END \$f\$;
$drop
CREATE EXTENSION usage_mgmt;
INSERT INTO usage_mgmt.usage_specification (id) VALUES ('s');
SELECT public.refused();
UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'check_specification';
SELECT public.refused();
$drop
CREATE EXTENSION usage_mgmt;
INSERT INTO usage_mgmt.usage_specification (id) VALUES ('s');
UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'check_specification';
SELECT public.refused();
SQL

done_testing();
