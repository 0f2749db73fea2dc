# Backup and restore: with data in every state, by every ordinary way, and into newer
# versions of PostgreSQL. Nothing but pg_dump, psql and pg_restore is used.

use strict;
use warnings;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('source');
my $dumps = PostgreSQL::Test::Utils::tempdir();

new_store($node, 'source');
$node->safe_psql('source', <<'SQL');
-- Months of its own, one of them dropped: its ids stay known.
SELECT usage_mgmt.ensure_partitions('2025-11-05', '2026-03-05');
SELECT usage_mgmt.ensure_partitions('2001-01-01', '2001-01-01');
SELECT usage_mgmt.post_usage('{"id": "dropped", "date": "2001-01-02", "type": "voice"}');
SELECT usage_mgmt.drop_partitions('2001-02-01', unbilled => true);

-- What users add: columns, indexes, triggers, a policy, a view, a table of our types.
ALTER TABLE usage_mgmt.usage ADD COLUMN cost_centre text DEFAULT 'none',
	ADD COLUMN month_length int GENERATED ALWAYS AS (length(usage_type) * 10) STORED;
ALTER TABLE usage_mgmt.usage_specification ADD COLUMN "Owner" text;
CREATE INDEX users_idx ON usage_mgmt.usage (cost_centre, usage_date);
CREATE INDEX users_gin ON usage_mgmt.usage USING gin (usage_characteristic);
CREATE TABLE public.seen (id text, at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN INSERT INTO public.seen VALUES (new.id); RETURN new; END $$;
CREATE TRIGGER users_trigger AFTER INSERT OR UPDATE ON usage_mgmt.usage
	FOR EACH ROW EXECUTE FUNCTION public.see();
CREATE FUNCTION public.centre() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN new.cost_centre := 'centre of ' || new.usage_type; RETURN new; END $$;
CREATE TRIGGER aa_users_trigger BEFORE INSERT ON usage_mgmt.usage
	FOR EACH ROW EXECUTE FUNCTION public.centre();
ALTER TABLE usage_mgmt.usage ENABLE ROW LEVEL SECURITY;
CREATE ROLE usage_mgmt_reader;
SELECT usage_mgmt.grant_access('usage_mgmt_reader', 'reader');
CREATE POLICY voice_only ON usage_mgmt.usage USING (usage_type = 'voice');
CREATE VIEW public.turnover AS
	SELECT usage_date, sum(tax_included_rating_amount) FROM usage_mgmt.usage_rating GROUP BY 1;
CREATE TABLE public.copies (c usage_mgmt.characteristics, s usage_mgmt.usage_status,
	r usage_mgmt.rated_product_usage[], p usage_mgmt.related_party);

-- Each status in each of six places, two of them in the default partition.
SELECT usage_mgmt.post_usage(json_build_object(
	'id', format('%s %s', status, place), 'date', day, 'type', 'voice', 'status', status,
	'description', E'caf\u00e9 \u20ac \\ "x"', 'unknown', json_build_object('deep', ARRAY[1, place]),
	'usageSpecification', json_build_object('href', '/usageSpecification/launched', 'more', place),
	'usageCharacteristic', json_build_array(
		json_build_object('name', 'duration', 'value', place, 'unit', 's'),
		json_build_object('name', 'own name', 'value', '0.10'),
		json_build_object('name', 'nested', 'value', json_build_object('a', ARRAY[true, false]))),
	'relatedParty', json_build_array(
		json_build_object('role', 'customer', 'href', 'http://host/individual/' || place,
			'validFor', json_build_object('startDateTime', '2020-02-29', 'endDateTime', '2030-01-01'),
			'alias', json_build_array(json_build_object('type', 't', 'value', 'v')))),
	'ratedProductUsage', json_build_array(
		json_build_object('ratingDate', day, 'taxIncludedRatingAmount', '12.00',
			'taxExcludedRatingAmount', '123456789012345678.123456789', 'taxRate', -20,
			'currencyCode', 'EUR', 'productRef', 'http://host/product/1', 'unknown', 1))))
FROM unnest(enum_range(NULL::usage_mgmt.usage_status)) status,
	unnest(ARRAY['2025-11-30T23:59:59.999999Z', '2025-12-01T00:00:00Z', '2026-01-15T12:00:00+05:30',
		'2026-03-31T23:00:00-04:00', '1969-07-20T20:17:40Z', '9999-12-31T23:59:59Z'])
	WITH ORDINALITY days(day, place);
SELECT usage_mgmt.post_usage_specification(json_build_object(
	'id', status, 'name', 'Spec ' || status, 'lifecycleStatus', status, 'isBundle', false,
	'validFor', json_build_object('startDateTime', '2013-04-19'), 'unknown', ARRAY['kept'],
	'specCharacteristic', json_build_array(json_build_object('name', 'duration', 'valueType', 'number',
		'characteristicValueSpecification', json_build_array(json_build_object('valueFrom', 0)))),
	'relatedParty', json_build_array(json_build_object('role', 'owner', 'id', '1')),
	'attachment', json_build_array(json_build_object('id', 'a', 'url', 'http://host/a'))), 'v4')
FROM unnest(enum_range(NULL::usage_mgmt.usage_specification_status)) status;
UPDATE usage_mgmt.usage_specification SET "Owner" = 'O''Neill';

-- One that the specification check marked: its reasons and delivered status.
UPDATE usage_mgmt.setting SET value = 'mark' WHERE name = 'check_specification';
SELECT usage_mgmt.post_usage('{"id": "marked", "date": "2026-02-01", "type": "voice",
	"status": "guided", "usageSpecification": {"id": "launched"},
	"usageCharacteristic": [{"name": "duration", "value": -1}]}');
DELETE FROM usage_mgmt.setting WHERE name = 'on_missing';

-- Written by plain SQL, some of it changed after it was delivered.
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, usage_characteristic, load_id)
	SELECT 'bulk ' || i, timestamptz '2025-10-01 00:00Z' + i * interval '1 hour', 'data',
		format('{"volume": %s}', i)::usage_mgmt.characteristics, i % 3
	FROM generate_series(1, 5000) i;
UPDATE usage_mgmt.usage SET status = 'guided', usage_date = usage_date + interval '31 days'
	WHERE id LIKE 'bulk %0';
INSERT INTO public.copies
	SELECT usage_characteristic, status, rated_product_usage, related_party[1] FROM usage_mgmt.usage;
SQL

# Everything that a restore must bring back, as lines of text.
my $content = <<'SQL';
SELECT tableoid::regclass::text, status, count(*) FROM usage_mgmt.usage GROUP BY 1, 2 ORDER BY 1, 2;
SELECT status, count(*) FROM usage_mgmt.usage_specification GROUP BY 1 ORDER BY 1;
SELECT 'usages', md5(string_agg(usage_mgmt.to_tmf(u)::text || usage_mgmt.to_tmf(u, 'v4')::text, E'\n' ORDER BY id))
	FROM usage_mgmt.usage u;
SELECT 'specifications', md5(string_agg(usage_mgmt.to_tmf(s)::text || usage_mgmt.to_tmf(s, 'v4')::text, E'\n' ORDER BY id))
	FROM usage_mgmt.usage_specification s;
SELECT 'rows', md5(string_agg(u::text, E'\n' ORDER BY id)), count(*) FROM usage_mgmt.usage u;
SELECT 'specification rows', md5(string_agg(s::text, E'\n' ORDER BY id)) FROM usage_mgmt.usage_specification s;
SELECT 'keys', md5(string_agg(k::text, E'\n' ORDER BY id)), count(*) FROM usage_mgmt.usage_key k;
SELECT 'setting', string_agg(s::text, ' ' ORDER BY name) FROM usage_mgmt.setting s;
SELECT 'copies', md5(string_agg(c::text, E'\n' ORDER BY c::text)) FROM public.copies c;
SELECT 'turnover', md5(string_agg(t::text, E'\n' ORDER BY t::text)) FROM public.turnover t;
-- A restore fires no trigger.
SELECT 'seen', count(*), max(at) FROM public.seen;
SQL
my $shape = <<'SQL';
SELECT c.oid::regclass::text, c.relkind, pg_get_expr(c.relpartbound, c.oid), c.relrowsecurity,
	obj_description(c.oid), (SELECT count(*) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0),
	CASE relkind WHEN 'v' THEN pg_get_viewdef(c.oid) END, relowner::regrole, array_to_string(relacl, ' ')
	FROM pg_class c WHERE relnamespace IN ('usage_mgmt'::regnamespace, 'usage_api'::regnamespace) ORDER BY 1;
SELECT indexdef FROM pg_indexes WHERE schemaname = 'usage_mgmt' ORDER BY 1;
SELECT tgrelid::regclass::text, tgname, tgenabled, tgparentid <> 0, pg_get_triggerdef(oid) FROM pg_trigger
	WHERE NOT tgisinternal ORDER BY 1, 2;
SELECT * FROM pg_policies ORDER BY tablename, policyname;
SELECT pg_describe_object(classid, objid, 0) FROM pg_depend
	WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'usage_mgmt')
	ORDER BY 1;
SQL

# What is stored, and between versions of one PostgreSQL how it is declared, too.
sub fingerprint
{
	my ($store, $database, $with_shape) = @_;

	return $store->safe_psql($database,
		$content . ($with_shape ? $shape : ''));
}

# What no dump shows; tried on a copy, because the database may go on to another version.
sub is_alive
{
	my ($store, $original, $what) = @_;
	my $database = 'alive';

	$store->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE $original");
	subtest "$what: the store is alive" => sub {
		is(sqlstate($store, $database,
			"UPDATE usage_mgmt.usage SET status = 'billed' WHERE id = 'received 1'"),
			'UM001', 'an illegal move');
		is(sqlstate($store, $database,
			"UPDATE usage_mgmt.usage_specification SET status = 'in study' WHERE id = 'obsolete'"),
			'UM001', 'an illegal move of a specification');
		is(sqlstate($store, $database,
			"UPDATE usage_mgmt.usage SET usage_type = 'data' WHERE id = 'billed 5'"),
			'UM003', 'billed content');
		is(sqlstate($store, $database,
			"INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('rated 1', '2026-02-02', 'voice')"),
			'23505', 'a taken id, in another month');
		is(sqlstate($store, $database,
			"INSERT INTO usage_mgmt.usage_default (id, usage_date, usage_type) VALUES ('rated 1', '1970-01-01', 'voice')"),
			'23505', 'a taken id, straight into a partition');
		is(sqlstate($store, $database,
			q(SELECT usage_mgmt.post_usage('{"id": "dropped", "date": "2002-01-02", "type": "voice"}'))),
			'23505', 'an id whose partition was dropped');
		is(sqlstate($store, $database,
			q(INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, usage_characteristic)
				VALUES ('x', now(), 'voice', '[{"name": "a"}]'))),
			'23502', 'a mandatory attribute');
		is($store->safe_psql($database, 'SELECT count(*) FROM usage_mgmt.check_keys()'),
			'0', 'the ledger is sound');
		is(sqlstate($store, $database, "UPDATE usage_mgmt.setting SET value = 'nonsense'"), '22023', 'a setting is checked');
		is($store->safe_psql($database, <<'SQL'), "rejected\nreceived", 'and obeyed');
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, usage_specification_id, usage_characteristic)
	VALUES ('unruly', '2026-02-01', 'voice', 'launched', '{"duration": -1}') RETURNING status;
UPDATE usage_mgmt.setting SET value = 'off' WHERE name = 'check_specification';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, usage_specification_id, usage_characteristic)
	VALUES ('unchecked', '2026-02-01', 'voice', 'launched', '{"duration": -1}') RETURNING status;
SQL
		# By its hash in the ledger: most are not any more what was delivered.
		is($store->safe_psql($database, <<'SQL'), '42', 'what was delivered before is a repeat');
UPDATE usage_mgmt.usage SET description = 'changed', extra = NULL WHERE id LIKE '% 6';
SELECT count(usage_mgmt.post_usage(usage_mgmt.to_tmf(u))) FROM usage_mgmt.usage u WHERE id ~ '^[^b]\w* \d$|^billed';
SQL
		is($store->safe_psql($database, <<'SQL'), "2\ncentre of x|1|1\nrated", 'new months, usages and moves');
SELECT usage_mgmt.ensure_partitions('2031-01-01', '2031-02-01');
DO $$ BEGIN PERFORM usage_mgmt.post_usage('{"id": "new", "date": "2031-02-02", "type": "x"}'); END $$;
SELECT cost_centre, (SELECT count(*) FROM public.seen WHERE id = 'new'),
	(SELECT count(*) FROM usage_mgmt.usage_key WHERE id = 'new')
FROM usage_mgmt.usage WHERE id = 'new';
UPDATE usage_mgmt.usage SET status = 'rated' WHERE id = 'guided 1' RETURNING status;
SQL
	};
	$store->safe_psql('postgres', "DROP DATABASE $database");
	return;
}

sub run_quietly
{
	my ($what, @command) = @_;
	my ($out, $err);
	my $ok = IPC::Run::run(\@command, '>', \$out, '2>', \$err);

	ok($ok && $err eq '', "$what: status 0, nothing on stderr") or diag($err);
	return;
}

# Dumps a database with the programs of $to and restores it there in each way.
sub dump_and_restore
{
	my ($from, $database, $to, $with_shape, @ways) = @_;
	my $what = "from " . $from->pg_version . " to " . $to->pg_version;
	my $expected = fingerprint($from, $database, $with_shape);
	my %dumped;
	my $target;
	my $n = 0;

	foreach my $way (@ways)
	{
		my ($name, $format, $dump_options, @restore) = @$way;
		my $path = "$dumps/$database." . $to->pg_version . ".$format." . join('', @$dump_options);

		run_quietly("$what, $name: pg_dump", program($to, 'pg_dump'), '-F', $format, @$dump_options,
			'-f', $path, '-d', $from->connstr($database))
			unless $dumped{$path}++;
		$target = "restored_" . ++$n . '_' . $database;
		$to->safe_psql('postgres', "CREATE DATABASE $target");
		run_quietly("$what, $name: restore", program($to, shift @restore), '-d', $to->connstr($target),
			@restore, $format eq 'p' ? ('-X', '-q', '-o', '/dev/null', '-f', $path) : $path);
		is(fingerprint($to, $target, $with_shape), $expected, "$what, $name: the same content");
		is_alive($to, $target, "$what, $name");
		$to->safe_psql('postgres', "DROP DATABASE $target") if $n < @ways;
	}
	return $target;
}

my @security = ('--enable-row-security');
my @ways = (
	['psql', 'p', [], 'psql'],
	['psql -1', 'p', [], 'psql', '-1', '-v', 'ON_ERROR_STOP=1'],
	['psql with row security', 'p', \@security, 'psql'],
	['psql -1 with row security', 'p', \@security, 'psql', '-1', '-v', 'ON_ERROR_STOP=1'],
	['-Fc, pg_restore', 'c', [], 'pg_restore'],
	['-Fc, pg_restore -1', 'c', [], 'pg_restore', '-1'],
	['-Fc, pg_restore -j 2', 'c', [], 'pg_restore', '-j', '2'],
	['-Fc, pg_restore -1 with row security', 'c', \@security, 'pg_restore', '-1', @security],
	['-Fd, pg_restore -j 2', 'd', [], 'pg_restore', '-j', '2'],
	['-Fd, pg_restore -j 2 with row security', 'd', \@security, 'pg_restore', '-j', '2', @security]);

is($node->safe_psql('source', <<'SQL'), '7|8|1|t', 'the source has it all');
SELECT (SELECT count(DISTINCT status) FROM usage_mgmt.usage),
	(SELECT count(DISTINCT status) FROM usage_mgmt.usage_specification),
	(SELECT count(*) FROM usage_mgmt.usage WHERE rejection ->> 'delivered_status' = 'guided'),
	(SELECT count(DISTINCT tableoid) > 5 FROM usage_mgmt.usage);
SQL

my $copy = dump_and_restore($node, 'source', $node, 1, @ways);
my $before = $node->safe_psql($copy, $shape);
$node->safe_psql($copy, 'SELECT usage_mgmt.install_tables()');
is($node->safe_psql($copy, $shape), $before, 'install_tables() finds nothing to do in a restored store');

# On to each newer version, from the one before it and from this one.
my ($last, $database) = ($node, 'source');
foreach my $bindir (newer_bindirs($node))
{
	my $newer = new_node("newer_$bindir" =~ s/\W/_/gr, $bindir);
	$newer->safe_psql('postgres', 'CREATE ROLE usage_mgmt_reader');

	($last, $database) = ($node, 'source') unless can_follow($last, $newer);
  SKIP:
	{
		skip $node->pg_version . ' to ' . $newer->pg_version . ': PostgreSQL itself cannot', 1
			unless can_follow($last, $newer);
		dump_and_restore($node, 'source', $newer, 0, @ways[3, 7]) if $last != $node;
		$newer->safe_psql('postgres', 'DROP DATABASE IF EXISTS restored_2_source');
		$database = dump_and_restore($last, $database, $newer, 0, @ways[0, 1, 5, 6, 8]);
		$last = $newer;
	}
}

# Who owns what: the extension its code, one view and the secrets, the user the rest.
is($node->safe_psql('source', <<'SQL'), "hub_secret\nstatus_transition", 'two relations are members');
SELECT c.relname FROM pg_depend d JOIN pg_class c ON c.oid = d.objid
WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'usage_mgmt') ORDER BY 1;
SQL

# Members, what belongs to them (rules of views, array types), and released relations
# with their row types that any of these depends on.
my $entangled = <<'SQL';
WITH RECURSIVE member AS (
	SELECT classid, objid FROM pg_depend
	WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass
	AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'usage_mgmt')
	UNION
	SELECT d.classid, d.objid FROM pg_depend d JOIN member m
		ON d.refclassid = m.classid AND d.refobjid = m.objid AND d.deptype IN ('i', 'a')
), released AS (
	SELECT c.oid AS relation, c.reltype, t.typarray
	FROM pg_class c LEFT JOIN pg_type t ON t.oid = c.reltype
	WHERE c.relnamespace IN ('usage_mgmt'::regnamespace, 'usage_api'::regnamespace) AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
	AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid)
)
SELECT count(DISTINCT (d.classid, d.objid)), (SELECT count(*) > 15 FROM released)
FROM pg_depend d JOIN member m ON m.classid = d.classid AND m.objid = d.objid
JOIN released r ON (d.refclassid = 'pg_class'::regclass AND d.refobjid = r.relation)
	OR (d.refclassid = 'pg_type'::regclass AND d.refobjid IN (r.reltype, r.typarray));
SQL
is($node->safe_psql('source', $entangled), '0|t', 'no member depends on a released relation');
is($node->safe_psql('source', <<"SQL"), '2|t', 'and the query would see it');
BEGIN;
CREATE FUNCTION usage_mgmt.wrong(usage_mgmt.usage[]) RETURNS int LANGUAGE sql AS 'SELECT 1';
ALTER EXTENSION usage_mgmt ADD FUNCTION usage_mgmt.wrong(usage_mgmt.usage[]);
CREATE VIEW usage_mgmt.also_wrong AS SELECT id FROM usage_mgmt.usage_key;
ALTER EXTENSION usage_mgmt ADD VIEW usage_mgmt.also_wrong;
$entangled
ROLLBACK;
SQL

is(sqlstate($node, 'source', 'DROP EXTENSION usage_mgmt'), '2BP01',
	'DROP EXTENSION refuses while tables exist');
is(sqlstate($node, 'source', <<'SQL'), '00000', 'and goes through without them');
DROP TABLE public.copies;
SELECT format('DROP TABLE %s CASCADE', c.oid::regclass) FROM pg_class c
WHERE relnamespace = 'usage_mgmt'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e') \gexec
DROP EXTENSION usage_mgmt;
SQL

done_testing();
