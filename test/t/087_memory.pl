# A COPY of any length takes the memory of a batch: what it has stored it lets go of.
# At its last record a trigger weighs the backend's memory contexts, as at one not far from the first. An array that is posted takes some
# times its body, and gives it back. Expressions are kept compiled within bounds, and numbers of a query string are not spelt out.

use strict;
use warnings;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

use constant { RECORDS => 20_000, WIDTH => 1000, MORE => 4 * 1024 * 1024 };

my $folder = PostgreSQL::Test::Utils::tempdir();
my $lines = q{WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')};
my $last = RECORDS;
my $width = WIDTH;
my $node = new_node('memory');

new_store($node, 'memory');
$node->safe_psql('memory', <<"SQL");
COPY (SELECT json_build_object('id', n::text, 'date', '2026-03-01', 'type', 'x', 'description', repeat('x', $width))
	FROM generate_series(1, $last) n) TO '$folder/documents' $lines;
COPY (SELECT n + $last, '2026-03-01', 'x', repeat('x', $width) FROM generate_series(1, $last) n) TO '$folder/rows';
CREATE TABLE weighed (what text, bytes bigint);
-- PostgreSQL's own caches grow by blocks that double, of 1 MB at some time
CREATE FUNCTION weight() RETURNS bigint LANGUAGE sql AS
	\$\$SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts WHERE name <> 'CacheMemoryContext'\$\$;
CREATE FUNCTION weigh() RETURNS trigger LANGUAGE plpgsql AS \$\$
BEGIN
	INSERT INTO weighed VALUES (TG_NAME, weight());
	RETURN NEW;
END
\$\$;
CREATE TRIGGER document BEFORE INSERT ON usage_mgmt.usage FOR EACH ROW
	WHEN (NEW.id IN ('8000', '$last')) EXECUTE FUNCTION weigh();
CREATE TRIGGER row BEFORE INSERT ON usage_mgmt.usage FOR EACH ROW
	WHEN (NEW.id IN ('@{[ $last + 8000 ]}', '@{[ 2 * $last ]}')) EXECUTE FUNCTION weigh();
SQL
$node->safe_psql('memory', "COPY usage_mgmt.usage_document FROM '$folder/documents' $lines");
$node->safe_psql('memory', "COPY usage_mgmt.usage (id, usage_date, usage_type, description) FROM '$folder/rows'");
is($node->safe_psql('memory', 'SELECT count(*) FROM usage_mgmt.usage'), 2 * $last, 'all are stored');
for my $what (qw(document row))
{
	my ($seen, $more) = split /\|/, $node->safe_psql('memory', "SELECT count(*), max(bytes) - min(bytes) FROM weighed WHERE what = '$what'");

	is($seen, 2, "the last $what was seen");
	cmp_ok($more, '<=', MORE, "$last of them are not kept ($what)");
}

# An array is weighed by its last batch, and when it is answered. It is kept as rows and as what is answered; the body and
# the answer are the caller's.
$node->safe_psql('memory', <<"SQL");
CREATE TABLE array_body AS SELECT what, convert_to('[' || string_agg(document, ',') || ']', 'UTF8') AS body FROM (
	SELECT 'large', json_build_object('id', 'l' || n, 'usageDate', '2026-03-01', 'description', repeat('x', $width))::text FROM generate_series(1, $last / 2) n
	UNION ALL SELECT 'small', '{}' FROM generate_series(1, 5 * $last)
	UNION ALL SELECT 'faulty', '{"usageDate":0}' FROM generate_series(1, 5 * $last)
	UNION ALL SELECT 'one', '{"usageCharacteristic":[' || string_agg(format('{"name":"%s","value":"%s"}', n, n), ',') || ']}' FROM generate_series(1, 10 * $last) n
	) d (what, document) GROUP BY what;
TRUNCATE weighed;
CREATE TRIGGER last AFTER INSERT ON usage_mgmt.usage FOR EACH STATEMENT EXECUTE FUNCTION weigh();
CREATE PROCEDURE post_array(sent text) LANGUAGE plpgsql AS \$\$
DECLARE
	answer int;
BEGIN
	PERFORM set_config('request.headers', '{"x-um-method":"POST","x-um-uri":"/tmf-api/usageManagement/v4/usage"}', true);
	INSERT INTO weighed VALUES ('before', weight());
	SELECT length(usage_api.write(body)) INTO answer FROM array_body WHERE what = sent;
	INSERT INTO weighed VALUES (current_setting('response.status'), weight()), ('body', (SELECT length(body) FROM array_body WHERE what = sent)), ('answer', answer);
END
\$\$;
SQL
foreach my $case (['large', 201], ['small', 201], ['faulty', 400], ['one', 201])
{
	my ($what, $status) = @$case;
	my ($answered, $most, $kept, $bound) = split /\|/, $node->safe_psql('memory', <<"SQL");
SET client_min_messages = error;
CALL post_array('one');
DELETE FROM usage_mgmt.usage WHERE usage_type = 'unspecified';
TRUNCATE weighed;
CALL post_array('$what');
SELECT count(*) FILTER (WHERE what = '$status'), coalesce(max(bytes) FILTER (WHERE what = 'last'), 0) - min(bytes) FILTER (WHERE what = 'before'),
	max(bytes) FILTER (WHERE what = '$status') - min(bytes) FILTER (WHERE what = 'before'),
	5 * (sum(bytes) FILTER (WHERE what IN ('body', 'answer'))) FROM weighed;
SQL
	is($answered, 1, "an array is answered with $status ($what)");
	cmp_ok($most, '<=', $bound, "it takes some times its body and its answer ($what)");
	cmp_ok($kept, '<=', MORE / 4, "which it gives back ($what)");
}
$node->safe_psql('memory', 'DROP TRIGGER last ON usage_mgmt.usage; TRUNCATE usage_mgmt.usage, usage_mgmt.usage_key');

# 150 expressions of 0.7 MB each, in memory that no context counts.
SKIP: {
	skip 'no /proc to weigh a process by', 3 unless -r "/proc/$$/status";

	$node->safe_psql('memory', <<'SQL');
UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'check_specification';
INSERT INTO usage_mgmt.usage_specification (id, usage_spec_characteristic)
	SELECT 's', jsonb_agg(jsonb_build_object('name', 'c' || n, 'regex', '(a{1,250}b{1,250}c?){1,20}|' || n)) FROM generate_series(1, 150) n;
SQL
	my ($before, $after) = split /\n/, $node->safe_psql('memory', <<'SQL');
CREATE FUNCTION resident(what text DEFAULT 'RssAnon') RETURNS int LANGUAGE sql AS
	$$SELECT substring(pg_read_file('/proc/' || pg_backend_pid() || '/status') FROM what || ':\s*(\d+)')::int$$;
SELECT resident();
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, usage_specification_id, usage_characteristic)
	SELECT 'c' || n, '2026-03-01', 'x', 's', jsonb_build_object('c' || n, n::text) FROM generate_series(1, 150) n;
SELECT resident();
SQL
	cmp_ok($after - $before, '<=', 70 * 1024, 'compiled expressions take what they may');

	# 3,000 numbers of 131,072 digits, which eight bytes say
	$node->safe_psql('memory', 'CREATE INDEX ON usage_mgmt.usage USING gin (usage_characteristic usage_mgmt.characteristics_ops)');
	for my $name (qw(ratedProductUsage.extra.billRef usageCharacteristic.n))
	{
		($before, $after) = split /\n/, $node->safe_psql('memory', <<"SQL");
SET jit = off;
SET enable_seqscan = off;
SELECT resident('VmHWM') FROM usage_mgmt.count_usages('$name=1&date=2026-03-01');
DO \$\$ BEGIN
	PERFORM usage_mgmt.count_usages('$name=' || string_agg('1e131071', ',') || '&date=2026-03-01') FROM generate_series(1, 3000);
END \$\$;
SELECT resident('VmHWM');
SQL
		cmp_ok($after - $before, '<=', 50 * 1024, "numbers are not spelt out ($name)");
	}
}

done_testing();
