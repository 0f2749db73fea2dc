# A database whose own order of text is not that of bytes, and whose letters change case
# otherwise: what is stored, shown and walked through is as in any other.

use strict;
use warnings;
use Store;
use Test::More;

my $node = new_node('collation');
my @databases = ('plain', 'turkish');

$node->safe_psql('postgres', q{CREATE DATABASE turkish LOCALE_PROVIDER icu ICU_LOCALE 'tr' LOCALE 'C.UTF-8' TEMPLATE template0});
$node->safe_psql('postgres', 'CREATE DATABASE plain TEMPLATE template0');
$node->safe_psql($_, 'CREATE EXTENSION usage_mgmt') foreach @databases;

sub ask
{
	my ($sql) = @_;

	return map { $node->safe_psql($_, $sql) } @databases;
}

# What a statement gives in both databases, which is the same.
sub same
{
	my ($sql, $expected, $what) = @_;
	my ($plain, $turkish) = ask($sql);

	is($plain, $expected, $what) if defined $expected;
	is($turkish, $plain, "$what, in whatever collation");
	return;
}

my ($bytes, $words) = ask(q{SELECT string_agg(x, ' ' ORDER BY x) || ' ' || initcap('ix') FROM unnest('{a,B,c,ä,_}'::text[]) x});
isnt($words, $bytes, 'text has another order there, and other capitals');

# ---- what is made ----

same(q{SELECT string_agg(format('%I.%I', c.relname, attname), ' ' ORDER BY format('%I.%I', c.relname, attname) COLLATE "C")
	FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
	WHERE relnamespace IN ('usage_mgmt'::regnamespace, 'usage_api'::regnamespace) AND relkind IN ('r', 'p', 'v') AND attnum > 0},
	undef, 'tables and views have the same columns');

# ---- the ledger ----

# By the order in which keys are locked, loads of the same ids wait for each other and do not deadlock.
ask(q{SELECT usage_mgmt.ensure_partitions('2001-01-01', '2001-02-01');
	INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, description, usage_characteristic)
	SELECT x, timestamptz '2001-01-30Z' + length(x) * interval '1 day', 'VOICE', x, jsonb_build_object('n', x)
	FROM unnest('{c,ä,B,a,_,A,b,ı,I,i,C,cc,Bb,bb,aA,aa,BB,__}'::text[]) x});
same('SELECT string_agg(id, $$ $$ ORDER BY ctid) FROM usage_mgmt.usage_key', 'A B BB Bb C I _ __ a aA aa b bb c cc i ä ı',
	'keys are written in one order');
ask(q{INSERT INTO usage_mgmt.usage_document SELECT jsonb_build_object('id', '2' || x, 'date', '2001-01-01', 'type', 'SMS')
	FROM unnest('{b,B,a,A}'::text[]) x});
same(q{SELECT string_agg(id, ' ' ORDER BY ctid) FROM usage_mgmt.usage_key WHERE starts_with(id, '2')}, '2A 2B 2a 2b', 'those of a load as well');

# ---- lists ----

$node->safe_psql($_, <<'SQL') foreach @databases;
DELETE FROM usage_mgmt.usage WHERE usage_type = 'SMS';
CREATE FUNCTION public.encoded(id text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg('%' || upper(to_hex(get_byte(b, i))), '' ORDER BY i) FROM convert_to(id, 'UTF8') b, generate_series(0, length(b) - 1) i
$$;
-- All pages of a query, one after the other
CREATE FUNCTION public.walk(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	seen text[] := '{}';
	ids text[];
	after text := '';
BEGIN
	LOOP
		ids := ARRAY(SELECT usage_mgmt.get_usages(query || '&limit=3' || after) ->> 'id');
		seen := seen || ids;
		EXIT WHEN cardinality(ids) < 3 OR cardinality(seen) > 100;
		after := '&after=' || public.encoded(ids[3]);
	END LOOP;
	RETURN array_to_string(seen, ' ');
END
$$;
SQL
same(q{SELECT public.walk('sort=id')}, 'A B BB Bb C I _ __ a aA aa b bb c cc i ä ı', 'pages in the order of the ids have each of them once');
same(q{SELECT public.walk('sort=-id')}, 'ı ä i cc c bb b aa aA a __ _ I C Bb BB B A', 'and backwards');
same(q{SELECT public.walk('sort=date')}, 'A B C I _ a b c i ä ı BB Bb __ aA aa bb cc', 'pages in the order of the date');
same(q{SELECT public.walk('sort=-date')}, 'cc bb aa aA __ Bb BB ı ä i c b a _ I C B A', 'and backwards');
same("SELECT string_agg(x ->> 'id', ' ') FROM usage_mgmt.get_usages('$$_[0]') x", $$_[1], $$_[0]) foreach (
	[ 'sort=description', 'A B BB Bb C I _ __ a aA aa b bb c cc i ä ı' ],
	[ 'sort=-description', 'ı ä i cc c bb b aa aA a __ _ I C Bb BB B A' ],
	[ 'sort=usageCharacteristic.n', 'A B BB Bb C I _ __ a aA aa b bb c cc i ä ı' ],
	[ 'description.gt=_&sort=id', '__ a aA aa b bb c cc i ä ı' ],
	[ 'description.lte=C&sort=id', 'A B BB Bb C' ],
	[ 'id.gte=a&id.lt=c&sort=id', 'a aA aa b bb' ]);

done_testing();
