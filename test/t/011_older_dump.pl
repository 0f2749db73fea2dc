# test/data/before-resources.sql, a plain dump of PostgreSQL 15 made before there were more
# resources than usage and usage_specification, is restored by the library as it is now:
# everything comes back, install_tables() brings the tables up to date, and touches no row.

use strict;
use warnings;
use FindBin;
use IPC::Run;
use Store;
use Test::More;

my $node = new_node('older_dump');

$node->safe_psql('postgres', <<'SQL');
CREATE DATABASE older;
CREATE ROLE usage_owner;
CREATE ROLE usage_reader;
CREATE ROLE usage_loader;
SQL
{
	my ($out, $err);

	ok(IPC::Run::run([ program($node, 'psql'), '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null',
		'-f', "$FindBin::Bin/../data/before-resources.sql", '-d', $node->connstr('older') ], '>', \$out, '2>', \$err),
		'the dump is restored');
	is($err, '', 'and nothing is said of it');
}

# What psql gives, roles and all
sub answers
{
	my ($sql, $expected, $what) = @_;

	is($node->safe_psql('older', "SET client_min_messages = error;\n$sql"), $expected, $what);
	return;
}

# The table "said" came along: what the library of then wrote.
my $as_said = <<'SQL';
WITH now (resource, id, r14_5, v4) AS (
	SELECT 'usage', id, md5(usage_mgmt.to_tmf(u, 'r14.5')::text), md5(usage_mgmt.to_tmf(u, 'v4')::text) FROM usage_mgmt.usage u
	UNION ALL
	SELECT 'usage_specification', id, md5(usage_mgmt.to_tmf(s, 'r14.5')::text), md5(usage_mgmt.to_tmf(s, 'v4')::text)
		FROM usage_mgmt.usage_specification s)
SELECT coalesce(s.resource, n.resource), coalesce(s.id, n.id), s.r14_5 = n.r14_5, s.v4 = n.v4
FROM public.said s FULL JOIN now n USING (resource, id)
WHERE (s.r14_5, s.v4) IS DISTINCT FROM (n.r14_5, n.v4) ORDER BY 1, 2;
SQL

# The rows of all tables as they were, those that install_tables() may add to only as they came
my ($relations) = $node->safe_psql('older', <<'SQL') =~ s/\n/ UNION ALL /gr;
SELECT format('SELECT %L AS place, %s AS line FROM ONLY %s t', c.oid::regclass,
	(SELECT format('concat_ws(''|'', %s)', string_agg(format('%I::text IS NULL, %1$I', attname), ', ' ORDER BY attnum))
		FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped), c.oid::regclass)
FROM pg_class c WHERE relnamespace = 'usage_mgmt'::regnamespace AND relkind = 'r' AND relname <> 'setting' ORDER BY 1;
SQL
my $rows = "SELECT place, count(*), md5(string_agg(line, E'\\n' ORDER BY line)) FROM ($relations) r GROUP BY 1 ORDER BY 1";

# ---- as it was restored ----
answers($as_said, '', 'each document is what it was, in both versions');
answers('SELECT resource, count(*) FROM public.said GROUP BY 1 ORDER BY 1', "usage|56\nusage_specification|9", 'and so many they are');
answers('SELECT * FROM usage_mgmt.check_keys()', '', 'the ledger is sound');
answers(<<'SQL', '57|1|2', 'with the id of a month that was dropped, and hashes of number 2');
SELECT count(*), count(*) FILTER (WHERE NOT EXISTS (SELECT FROM usage_mgmt.usage u WHERE u.id = k.id)), string_agg(DISTINCT hash_version::text, ',')
FROM usage_mgmt.usage_key k;
SQL
# What was patched or put has the hash of what was delivered.
answers(<<'SQL', 'guided 1,guided 3,rated 2,received 1,received 2', 'the hashes are those of the content, but of what was changed');
SELECT string_agg(id, ',' ORDER BY id) FROM public.said s JOIN usage_mgmt.usage_key k USING (id) WHERE s.content_hash <> k.content_hash;
SQL
SKIP:
{
	skip 'this version has another hash, and what is stored under the old one is compared by its content', 1
		unless $node->safe_psql('older', 'SELECT usage_mgmt.hash_version()') eq '2';
	answers(<<'SQL', '', 'this version comes to the same');
SELECT id, u.status FROM usage_mgmt.usage u JOIN public.said s USING (id)
WHERE s.resource = 'usage' AND usage_mgmt.content_hash(u) IS DISTINCT FROM s.content_hash;
SQL
}
answers(<<'SQL', '7|8|guided|1|t', 'in all statuses, marked by the check and rejected by hand');
SELECT (SELECT count(DISTINCT status) FROM usage_mgmt.usage), (SELECT count(DISTINCT status) FROM usage_mgmt.usage_specification),
	(SELECT rejection ->> 'delivered_status' FROM usage_mgmt.usage WHERE id = 'marked'),
	(SELECT count(*) FROM usage_mgmt.usage WHERE rejection ->> 'by' = 'hand'),
	(SELECT count(DISTINCT tableoid) = 3 FROM usage_mgmt.usage);
SQL
answers(<<'SQL', "1|7|2|1|1|3|usage_loader\n2|3|1|0|0|2|usage_owner\n5|1|1", 'the books of the loads');
SELECT id, read, stored, repeated, conflicting, rejected, loaded_by FROM usage_mgmt.import_load ORDER BY id;
SELECT (SELECT count(*) FROM usage_mgmt.import_reject), (SELECT count(*) FROM usage_mgmt.import_reject WHERE recycled_at IS NOT NULL),
	(SELECT count(*) FROM usage_mgmt.usage_conflict WHERE stored ->> 'id' = usage_id);
SQL
answers('SELECT * FROM usage_mgmt.setting', 'check_specification|mark', 'the setting; the other one was deleted');

my $before = $node->safe_psql('older', $rows);

# ---- brought up to date, as docs/operations.md says ----
my $update = <<'SQL';
SELECT usage_mgmt.grant_access('usage_owner', 'owner') \gset
SET ROLE usage_owner;
SELECT usage_mgmt.install_tables() \gset
SQL
answers($update, '', 'install_tables() runs');
is($node->safe_psql('older', $rows), $before, 'no row is other than before');
answers($as_said, '', 'nor is a document');
answers('SELECT * FROM usage_mgmt.setting EXCEPT SELECT * FROM usage_mgmt.setting_defaults()', 'check_specification|mark', 'the setting is as it was');
answers('SELECT name FROM usage_mgmt.setting_defaults() EXCEPT SELECT name FROM usage_mgmt.setting', '', 'and whole again');

# Whatever a new store has that is not of a month, and none of it otherwise; but comments stay
my $declared = <<'SQL';
SET search_path = pg_catalog;
WITH relation AS (
	SELECT oid, relkind, relname FROM pg_class
	WHERE relnamespace = 'usage_mgmt'::regnamespace AND relkind IN ('r', 'p', 'v', 'S') AND relname !~ '_p\d{6}$'
)
SELECT format('%s %s', relname, relkind) FROM relation
UNION ALL
SELECT format('%s.%s %s %s %s', relname, attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid))
FROM relation JOIN pg_attribute a ON attrelid = relation.oid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attnum > 0 AND NOT attisdropped AND attname <> 'cost_centre' AND relkind <> 'S'
UNION ALL
SELECT format('trigger %s %s', tgenabled, pg_get_triggerdef(t.oid)) FROM pg_trigger t JOIN relation ON tgrelid = relation.oid WHERE NOT tgisinternal
UNION ALL
SELECT 'index ' || pg_get_indexdef(indexrelid) FROM pg_index JOIN relation ON indrelid = relation.oid
UNION ALL
SELECT format('%s %s %s', relname, conname, pg_get_constraintdef(c.oid)) FROM pg_constraint c JOIN relation ON conrelid = relation.oid AND contype <> 'n'
UNION ALL
SELECT format('policy %s %s %s', polname, relname, replace(pg_get_expr(polqual, polrelid), E'\n', ' ')) FROM pg_policy JOIN relation ON polrelid = relation.oid
UNION ALL
SELECT format('resource %s', resource) FROM usage_mgmt.status_transition GROUP BY resource
UNION ALL
SELECT format('months of %s', (inhparent::regclass)) FROM pg_inherits JOIN relation ON inhparent = relation.oid WHERE relkind = 'p'
GROUP BY inhparent HAVING count(*) > 16
ORDER BY 1;
SQL
new_store($node, 'fresh');
{
	# All document views had one function for these, which is the same in C.
	my %new = map { s/ usage_mgmt\.\w+(_document_(?:row|end)\(\))/ usage_mgmt.%$1/r => 1 } rows($node, 'fresh', $declared);
	my @more = grep { !delete $new{$_} } map { s/ usage_mgmt\.\w+(_document_(?:row|end)\(\))/ usage_mgmt.%$1/r } rows($node, 'older', $declared);

	is_deeply([ \@more, [ sort keys %new ] ], [ [], [] ], 'tables, views, triggers and all are those of a new store');
}
answers(<<'SQL', 'usage_owner', 'all of them belong to the owner');
SELECT DISTINCT relowner::regrole FROM pg_class
WHERE relnamespace = 'usage_mgmt'::regnamespace AND relkind IN ('r', 'p', 'v', 'S') AND relname NOT IN ('status_transition', 'hub_secret');
SQL
my $shape = $node->safe_psql('older', $declared);
answers($update, '', 'once more');
is($node->safe_psql('older', $declared . $rows), "$shape\n$before", 'there is nothing left to do');

# ---- and it works ----
answers(<<'SQL', '55|56|9|0', 'delivered again, each is a repeat');
SELECT count(usage_mgmt.post_usage(usage_mgmt.to_tmf(u))) FILTER (WHERE id <> 'v4 only'),
	count(usage_mgmt.post_usage(usage_mgmt.to_tmf(u, 'v4'), 'v4')),
	(SELECT count(usage_mgmt.post_usage_specification(usage_mgmt.to_tmf(s, 'v4'), 'v4')) FROM usage_mgmt.usage_specification s),
	count(*) FILTER (WHERE usage_mgmt.post_usage(usage_mgmt.to_tmf(u, 'v4'), 'v4')::text <> usage_mgmt.to_tmf(u, 'v4')::text)
FROM usage_mgmt.usage u;
SQL
answers(<<'SQL', "patched|3\nmoved|rerated", 'so is what was changed meanwhile, as it first came; it is answered as it is');
SELECT p ->> 'description', p ->> 'priority' FROM usage_mgmt.usage u,
	usage_mgmt.post_usage((usage_mgmt.to_tmf(u)::jsonb - 'priority') || jsonb_build_object('description', E'caf\u00e9 \u20ac \\ "x"')) p
WHERE id = 'guided 1';
SELECT cost_centre, p ->> 'status' FROM usage_mgmt.usage u, usage_mgmt.post_usage(jsonb_set(usage_mgmt.to_tmf(u)::jsonb, '{status}', '"rated"')) p
WHERE id = 'rated 2';
SQL
is($node->safe_psql('older', $rows), $before, 'none of them was stored again');

foreach (['UM001', "UPDATE usage_mgmt.usage SET status = 'billed' WHERE id = 'received 1'", 'an illegal move'],
	['UM001', "UPDATE usage_mgmt.usage_specification SET status = 'in study' WHERE id = 'obsolete'", 'an illegal move of a specification'],
	['UM003', "SELECT usage_mgmt.patch_usage('billed 3', '{\"type\": \"data\"}')", 'billed content'],
	['UM003', "SELECT usage_mgmt.delete_usage('billed 1')", 'the end of a billed usage'],
	['23505', "SELECT usage_mgmt.post_usage('{\"id\": \"bulk 7\", \"date\": \"2026-05-01\", \"type\": \"voice\"}')", 'a taken id'],
	['23505', "INSERT INTO usage_mgmt.usage_p202601 (id, usage_date, usage_type) VALUES ('v4 only', '2026-01-02', 'x')", 'the same in a partition'],
	['23505', "SELECT usage_mgmt.post_usage('{\"id\": \"dropped\", \"date\": \"2002-01-02\", \"type\": \"voice\"}')", 'an id whose month was dropped'],
	['23502', "SELECT usage_mgmt.post_usage('{\"id\": \"new\", \"date\": \"2026-01-02\"}')", 'a mandatory attribute'],
	['22023', "UPDATE usage_mgmt.setting SET value = 'nonsense'", 'a setting that there is not'],
	['42501', "SET ROLE usage_reader; DELETE FROM usage_mgmt.usage", 'a reader who deletes'],
	['42501', "SET ROLE usage_loader; SELECT usage_mgmt.get_usage('bulk 1')", 'a loader who reads'])
{
	my ($state, $sql, $what) = @$_;

	is(sqlstate($node, 'older', $sql), $state, "refused: $what");
}
answers(<<'SQL', "56|bulk 1\n2\nrejected|guided\n3|usage_loader|2|1|1", 'roles do what they could; months, moves and loads go on');
SET ROLE usage_reader;
SELECT usage_mgmt.count_usages(), usage_mgmt.get_usage('bulk 1') ->> 'id';
SET ROLE usage_owner;
SELECT usage_mgmt.ensure_partitions('1969-07-01', '1969-08-31');
SELECT usage_mgmt.post_usage('{"id": "unruly", "date": "2026-02-01", "type": "voice", "usageSpecification": {"id": "launched"},
	"usageCharacteristic": {"duration": -1}}') ->> 'status', usage_mgmt.patch_usage('received 2', '{"status": "guided"}') ->> 'status';
SET ROLE usage_loader;
COPY usage_mgmt.usage_document FROM STDIN WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
{"id":"new","date":"2026-01-02","type":"voice"}
{"id":"loaded 2","date":"2026-03-01T00:00:00Z","type":"voice","own":{"b":1,"a":[1.50]}}
\.
RESET ROLE;
SELECT id, loaded_by, read, stored, repeated FROM usage_mgmt.import_load ORDER BY id DESC LIMIT 1;
SQL
answers(<<'SQL', "in design|3|1|1|0|1", 'loads of specifications, too');
SET ROLE usage_owner;
COPY usage_mgmt.usage_specification_document FROM STDIN WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
{"id":"new","status":"in design"}
{"id":"loaded","name":"loaded"}
{"id":"lost","status":"lost"}
\.
SELECT status, read, stored, repeated, conflicting, rejected FROM usage_mgmt.usage_specification,
	(SELECT * FROM usage_mgmt.import_load ORDER BY id DESC LIMIT 1) l WHERE usage_specification.id = 'new';
SQL
answers(<<'SQL', "t\n1", 'a reject of then is recycled, a billed usage deleted by one who says so');
SELECT usage_mgmt.recycle_reject(id, '{"id": "no type", "date": "2026-03-01T00:00:00Z", "type": "voice"}') FROM usage_mgmt.import_reject
WHERE document LIKE '%no type%';
SELECT usage_mgmt.delete_usages('id=billed 2', billed => true);
SQL
answers('SELECT * FROM usage_mgmt.check_keys()', '', 'the ledger is sound at the end');

done_testing();
