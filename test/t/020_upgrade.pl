# From an older version of the extension to this one: in place, by a dump, and what
# install_tables() mends.

use strict;
use warnings;
use Store;
use Test::More;

my $node = new_node('upgrade');
my ($current) = rows($node, 'postgres',
	"SELECT default_version FROM pg_available_extensions WHERE name = 'usage_mgmt'");
my @older = rows($node, 'postgres', <<SQL);
SELECT version FROM pg_available_extension_versions
WHERE name = 'usage_mgmt' AND version <> '$current' ORDER BY string_to_array(version, '.')::int[]
SQL

# What the extension and install_tables() declare, by name and with all that was said.
my $catalog = <<'SQL';
SET search_path = pg_catalog;
WITH described AS (
	SELECT 'function ' || p.oid::regprocedure || ' ' || pg_get_functiondef(p.oid) AS line,
		'pg_proc'::regclass AS class, p.oid, p.proacl::text AS acl
	FROM pg_proc p WHERE pronamespace = 'usage_mgmt'::regnamespace
UNION ALL
	SELECT format('type %s %s %s %s %s %s %s %s %s', format_type(t.oid, NULL), typtype, typlen, typalign,
			typstorage, typinput, typoutput, typreceive, typsend)
		|| coalesce((SELECT string_agg(format('%s %s %s', attname, format_type(atttypid, atttypmod),
				col_description(attrelid, attnum)), ', ' ORDER BY attnum)
			FROM pg_attribute WHERE attrelid = typrelid AND attnum > 0), '')
		|| coalesce((SELECT string_agg(enumlabel, ', ' ORDER BY enumsortorder)
			FROM pg_enum WHERE enumtypid = t.oid), ''),
		'pg_type'::regclass, t.oid, typacl::text
	FROM pg_type t WHERE typnamespace = 'usage_mgmt'::regnamespace
UNION ALL
	SELECT format('operator %s is %s, commutator %s, negator %s, %s %s, hashes %s, merges %s', o.oid::regoperator,
			oprcode, oprcom::regoperator, oprnegate::regoperator, oprrest, oprjoin, oprcanhash, oprcanmerge),
		'pg_operator'::regclass, o.oid, NULL
	FROM pg_operator o WHERE oprnamespace = 'usage_mgmt'::regnamespace
UNION ALL
	SELECT format('cast from %s to %s by %s as %s %s', castsource::regtype, casttarget::regtype,
			castfunc::regprocedure, castcontext, castmethod),
		'pg_cast'::regclass, c.oid, NULL
	FROM pg_cast c JOIN pg_proc p ON p.oid = castfunc AND pronamespace = 'usage_mgmt'::regnamespace
UNION ALL
	SELECT format('class %s of %s for %s in %s, default %s, keeps %s', opcname, amname, opcintype::regtype,
			opfname, opcdefault, opckeytype::regtype),
		'pg_opclass'::regclass, c.oid, NULL
	FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod JOIN pg_opfamily f ON f.oid = opcfamily
	WHERE opcnamespace = 'usage_mgmt'::regnamespace
UNION ALL
	SELECT format('family %s of %s: %s; %s', opfname, amname,
			(SELECT string_agg(format('%s %s', amopstrategy, amopopr::regoperator), ', ' ORDER BY amopstrategy)
				FROM pg_amop WHERE amopfamily = f.oid),
			(SELECT string_agg(format('%s %s', amprocnum, amproc::oid::regprocedure), ', ' ORDER BY amprocnum)
				FROM pg_amproc WHERE amprocfamily = f.oid)),
		'pg_opfamily'::regclass, f.oid, NULL
	FROM pg_opfamily f JOIN pg_am a ON a.oid = opfmethod WHERE opfnamespace = 'usage_mgmt'::regnamespace
UNION ALL
	SELECT format('relation %s %s of %s partition %s by %s, %s, row security %s, %s', c.oid::regclass, c.relkind, relowner::regrole,
			pg_get_expr(relpartbound, c.oid), pg_get_partkeydef(c.oid), reloptions, relrowsecurity,
			CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END)
		|| coalesce((SELECT string_agg(format('%s %s %s default %s collation %s storage %s generated %s null %s comment %s',
				attname, format_type(atttypid, atttypmod), attacl, pg_get_expr(adbin, adrelid),
				nullif(attcollation, 0)::regcollation, attstorage, attgenerated, NOT attnotnull,
				col_description(attrelid, attnum)), E'\n\t' ORDER BY attnum)
			FROM pg_attribute a LEFT JOIN pg_attrdef d ON adrelid = attrelid AND adnum = attnum
			WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped), ''),
		'pg_class'::regclass, c.oid, relacl::text
	FROM pg_class c WHERE relnamespace IN ('usage_mgmt'::regnamespace, 'usage_api'::regnamespace) AND relkind NOT IN ('c', 'i', 'I')
UNION ALL
	SELECT format('index %s valid %s', pg_get_indexdef(indexrelid), indisvalid), 'pg_class'::regclass, indexrelid, NULL
	FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE relnamespace = 'usage_mgmt'::regnamespace
UNION ALL
	SELECT format('constraint %s on %s %s', conname, conrelid::regclass, pg_get_constraintdef(c.oid)),
		'pg_constraint'::regclass, c.oid, NULL
	FROM pg_constraint c WHERE connamespace = 'usage_mgmt'::regnamespace
UNION ALL
	SELECT format('trigger on %s %s %s %s', tgrelid::regclass, pg_get_triggerdef(t.oid), tgenabled, tgparentid <> 0),
		'pg_trigger'::regclass, t.oid, NULL
	FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
	WHERE relnamespace IN ('usage_mgmt'::regnamespace, 'usage_api'::regnamespace) AND NOT tgisinternal
)
SELECT format('%s | acl %s | comment %s | member %s', replace(line, E'\n', ' ~ '), acl, obj_description(oid, class::regclass::name),
	EXISTS (SELECT FROM pg_depend WHERE classid = class AND objid = described.oid AND deptype = 'e'))
FROM described
UNION ALL
SELECT format('extension in %s relocatable %s config %s %s', extnamespace::regnamespace, extrelocatable,
	extconfig::regclass[], extcondition) FROM pg_extension WHERE extname = 'usage_mgmt'
UNION ALL
SELECT format('schema %s acl %s', nspname, nspacl) FROM pg_namespace WHERE nspname IN ('usage_mgmt', 'usage_api')
ORDER BY 1;
SQL

sub catalog_of
{
	my ($database) = @_;

	return $node->safe_psql($database, $catalog);
}

# The differences, not two long texts.
sub is_declared
{
	my ($database, $expected, $what) = @_;
	my %lines = map { $_ => 1 } split /\n/, $expected;
	my @got = split /\n/, catalog_of($database);
	my @more = grep { !delete $lines{$_} } @got;

	is_deeply([ \@more, [ sort keys %lines ] ], [ [], [] ], $what);
	return;
}

new_store($node, 'fresh');
my $fresh = catalog_of('fresh');
cmp_ok(scalar(split /\n/, $fresh), '>', 200, 'the catalogs tell much');
cmp_ok(scalar(@older), '>', 0, 'there is an older version');

my $data = <<'SQL';
SELECT usage_mgmt.post_usage(json_build_object('id', 'u' || i, 'type', 'voice', 'status', 'guided',
	'date', timestamptz '2020-01-15' + i * interval '1 month', 'unknown', i,
	'usageCharacteristic', json_build_object('duration', i)))
FROM generate_series(1, 24) i;
SELECT usage_mgmt.post_usage_specification(
	'{"id": "s", "usageSpecCharacteristic": [{"name": "n", "usageSpecCharacteristicValue": [{"valueType": "number"}]}]}');
SQL
my $documents = <<'SQL';
SELECT string_agg(usage_mgmt.to_tmf(u)::text || k::text, ',' ORDER BY u.id)
	FROM usage_mgmt.usage u JOIN usage_mgmt.usage_key k USING (id);
SELECT string_agg(s::text, ',') FROM usage_mgmt.usage_specification s;
SQL

# Rules and ledger do their work.
sub is_alive
{
	my ($database, $what) = @_;
	my %expected = (
		"UPDATE usage_mgmt.usage SET status = 'received' WHERE id = 'u1'" => 'UM001',
		"INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('u1', '2031-01-01', 'x')" => '23505',
		"INSERT INTO usage_mgmt.usage_default (id, usage_date, usage_type) VALUES ('u2', '1931-01-01', 'x')" => '23505',
		"INSERT INTO usage_mgmt.usage_specification (id, usage_spec_characteristic) VALUES ('t', '[{}]')" => '23502',
		"UPDATE usage_mgmt.usage SET status = 'rejected' WHERE id = 'u1'" => '00000');

	is_deeply({ map { $_ => sqlstate($node, $database, $_) } keys %expected }, \%expected, $what);
	is($node->safe_psql($database, 'SELECT count(*) FROM usage_mgmt.check_keys()'), '0',
		"$what: the ledger is sound");
	return;
}

foreach my $version (@older)
{
	my $name = $version =~ s/\W/_/gr;
	my ($stored, $dump, $err);

	new_store($node, "old_$name", $version);
	$node->safe_psql("old_$name", $data);
	$stored = $node->safe_psql("old_$name", $documents);

	# The dump names no version: it is restored to this one.
	IPC::Run::run([ program($node, 'pg_dump'), '-d', $node->connstr("old_$name") ], '>', \$dump);
	$node->safe_psql('postgres', "CREATE DATABASE restored_$name");
	IPC::Run::run([ program($node, 'psql'), '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null',
		'-d', $node->connstr("restored_$name") ], '<', \$dump, '2>', \$err);
	is("$?$err", '0', "a dump of $version is restored");
	is_deeply([ rows($node, "restored_$name", "SELECT extversion FROM pg_extension WHERE extname = 'usage_mgmt'") ],
		[$current], "it is $current now");

	is($node->safe_psql("old_$name", 'ALTER EXTENSION usage_mgmt UPDATE'), '', "$version is updated");
	foreach my $database ("old_$name", "restored_$name")
	{
		$node->safe_psql($database, 'SELECT usage_mgmt.install_tables()');
		is_declared($database, $fresh, "$database is declared as a fresh $current");
		is($node->safe_psql($database, $documents), $stored, "$database has its content");
		is_alive($database, "$database is alive");
	}
}

# install_tables() does nothing to what is as it should be.
$node->safe_psql('fresh', $data);
my ($files) = $node->safe_psql('fresh', my $filenodes = <<'SQL');
SELECT string_agg(format('%s %s %s', relname, relfilenode, c.xmin), ',' ORDER BY c.oid) FROM pg_class c
WHERE relnamespace = 'usage_mgmt'::regnamespace AND relkind IN ('r', 'p', 'i', 'I');
SQL
is($node->safe_psql('fresh', <<"SQL"), "0\n$files", 'install_tables() again: no reader waits for it');
BEGIN;
DO 'BEGIN PERFORM usage_mgmt.install_tables(); END';
SELECT count(*) FROM pg_locks JOIN pg_class ON pg_class.oid = relation
WHERE pid = pg_backend_pid() AND mode = 'AccessExclusiveLock' AND relkind <> 'v';
COMMIT;
$filenodes
SQL
is_declared('fresh', $fresh, 'nothing has changed');
is($node->safe_psql('fresh', <<'SQL'), 'notice', 'the settings of the session are as they were');
BEGIN;
DO 'BEGIN PERFORM usage_mgmt.install_tables(); END';
SHOW client_min_messages;
COMMIT;
SQL

# What was lost by accident, it brings back: each trigger, index and view.
$node->safe_psql('fresh', "SELECT usage_mgmt.ensure_partitions('2020-06-01', '2020-06-01')");
$fresh = catalog_of('fresh');
my @lost = rows($node, 'fresh', <<'SQL');
SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass) FROM pg_trigger
WHERE NOT tgisinternal AND tgparentid = 0
UNION ALL SELECT format('DROP VIEW IF EXISTS %I.%I CASCADE', schemaname, viewname) FROM pg_views
WHERE schemaname IN ('usage_mgmt', 'usage_api') AND viewname <> 'status_transition'
UNION ALL SELECT format('DROP INDEX %s', indexrelid::regclass) FROM pg_index
WHERE indrelid = 'usage_mgmt.usage'::regclass AND NOT indisprimary
ORDER BY 1;
SQL
cmp_ok(scalar(@lost), '>', 15, 'there is much to lose');
$node->safe_psql('fresh', join(";\n", @lost));
isnt(catalog_of('fresh'), $fresh, 'it is lost');
$node->safe_psql('fresh', 'SELECT usage_mgmt.install_tables()');
is_declared('fresh', $fresh, 'install_tables() brings it back');
is_alive('fresh', 'the mended store is alive');

# An older table lacks a column: the error says what to do, and it helps.
foreach my $column (rows($node, 'fresh', <<'SQL'))
SELECT format('%s.%s', attrelid::regclass, attname) FROM pg_attribute
WHERE attrelid IN ('usage_mgmt.usage'::regclass, 'usage_mgmt.usage_specification'::regclass)
AND attnum > 0 AND NOT attisdropped AND NOT (attnotnull AND NOT atthasdef) ORDER BY attrelid, attnum
SQL
{
	my ($table, $name) = $column =~ /^usage_mgmt\.(.*)\.(.*)$/;
	my ($status, $out, $err);

	$node->safe_psql('fresh', "ALTER TABLE usage_mgmt.$table DROP COLUMN $name CASCADE");
	($status, $out, $err) = $node->psql('fresh', $table eq 'usage'
		? q(SELECT usage_mgmt.post_usage('{"id": "n", "date": "2020-01-01", "type": "x"}'))
		: q(SELECT usage_mgmt.post_usage_specification('{"id": "n"}')));
	like($err, qr/column "$name" .*does not exist.*install_tables\(\)/s, "without $column");
	$node->safe_psql('fresh', 'SELECT usage_mgmt.install_tables()');
	is(sqlstate($node, 'fresh', $table eq 'usage'
		? qq(SELECT usage_mgmt.post_usage('{"id": "n $name", "date": "2020-01-01", "type": "x"}'))
		: qq(SELECT usage_mgmt.post_usage_specification('{"id": "n $name"}'))), '00000', "with $column again");
}

# Without tables, as on a Citus worker or before a restore by hand.
foreach my $off ('usage_mgmt.install_tables', 'citus.enable_ddl_propagation')
{
	my $database = $off =~ s/\W.*//r;

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	is($node->safe_psql($database, <<"SQL"), 'hub_secret,status_transition', "$off = off: no tables");
SET $off = off;
CREATE EXTENSION usage_mgmt;
SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class
WHERE relnamespace = 'usage_mgmt'::regnamespace AND relkind IN ('r', 'p', 'v', 'S');
SQL
	is(sqlstate($node, $database, q(SELECT usage_mgmt.post_usage('{"date": "2020-01-01", "type": "x"}'))),
		'42P01', 'an operation misses them');
	$node->safe_psql($database, 'SELECT usage_mgmt.install_tables()');
	is_declared($database, catalog_of('old_' . $older[0] =~ s/\W/_/gr), "install_tables() makes them");
}
done_testing();
