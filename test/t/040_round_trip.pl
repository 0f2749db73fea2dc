# Documents go in and come back: 10,000 random usages and service usages and 1,000
# specifications of either, of each version, as the version they came in says it, as the
# other one does, and through that. What has no table is passed over.

use strict;
use warnings;
use Dice;
use RandomDocument;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

my %count = (usage => 10_000, usage_specification => 1_000, service_usage => 10_000, service_usage_specification => 1_000);
my $node = new_node('round_trip');
my $folder = PostgreSQL::Test::Utils::tempdir();

new_store($node, 'trip');
foreach my $kind (sort keys %count)
{
  SKIP:
	{
		skip "there is no table $kind", 1
			unless $node->safe_psql('trip', "SELECT to_regclass('usage_mgmt.$kind') IS NOT NULL") eq 't';
		my $dated = $node->safe_psql('trip', "SELECT relkind = 'p' FROM pg_class WHERE oid = 'usage_mgmt.$kind'::regclass") eq 't';
		my $which = $kind eq 'usage' ? '' : ", '$kind'";

		$node->safe_psql('trip', "SELECT usage_mgmt.ensure_partitions('2023-11-01', '2026-06-01'$which)") if $dated;
		round_trip($kind);
		next if !$dated;
		is($node->safe_psql('trip', 'SELECT count(*) FROM usage_mgmt.check_keys(' . $which =~ s/^, //r . ')'), '0', "$kind: the ledger is sound");
		cmp_ok($node->safe_psql('trip', "SELECT count(*) FROM usage_mgmt.${kind}_default"), '>', 100, 'some are of months without a partition');
	}
}

sub round_trip
{
	my ($kind) = @_;
	my @versions = $kind =~ /^service/ ? ('v4') : ('r14.5', 'v4');

	foreach my $version (@versions)
	{
		my $dice = dice(length($kind) * 1000 + length $version);
		my $file = "$folder/$kind-$version";
		my $table = "${kind}_" . $version =~ s/\W/_/r;
		my $other = @versions == 1 ? $version : $version eq 'v4' ? 'r14.5' : 'v4';
		my $same = $version =~ s/\W/_/r;
		my $shown = $other =~ s/\W/_/r;

		open my $out, '>', $file or die "$file: $!";
		for my $n (1 .. $count{$kind})
		{
			my @texts = random_document($kind, $version, "$kind $version $n", $dice);
			s/\\/\\\\/g, s/\t/\\t/g, s/\n/\\n/g, s/\r/\\r/g foreach @texts;
			print $out join("\t", $n, @texts), "\n";
		}
		close $out;

		# One id more, "again", for what comes back through the other version.
		$node->safe_psql('trip', <<"SQL");
CREATE TABLE $table (n int, delivered text, r14_5 text, v4 text, through text, posted text, got text, other text, again text);
\\copy $table (n, delivered, r14_5, v4, through) FROM '$file'
CREATE FUNCTION try_$table(body text, version text) RETURNS text LANGUAGE plpgsql AS \$\$
BEGIN
	RETURN usage_mgmt.post_$kind(body::json, version);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END
\$\$;
UPDATE $table SET posted = try_$table(delivered, '$version');
UPDATE $table SET got = usage_mgmt.get_$kind(format('%s %s %s', '$kind', '$version', n), NULL, '$version'),
	other = usage_mgmt.get_$kind(format('%s %s %s', '$kind', '$version', n), NULL, '$other');
UPDATE $table SET again = try_$table(regexp_replace(other, '^\\{"id":"([^"]*)","href":"[^"]*"', '{"id":"again \\1"'), '$other');
UPDATE $table SET again = regexp_replace(usage_mgmt.get_$kind('again ' || ('$kind $version ' || n), NULL, '$version')::text,
	'^\\{"id":"again ([^"]*)","href":"([^"]*)again%20', '{"id":"\\1","href":"\\2')
	WHERE again LIKE '{%';
SQL
		my $count = "$count{$kind} $kind of $version";
		is($node->safe_psql('trip', "SELECT count(*) FILTER (WHERE posted LIKE '{%') FROM $table"), $count{$kind}, "$count: taken")
			or diag(join("\n", rows($node, 'trip', "SELECT posted FROM $table WHERE posted NOT LIKE '{%' LIMIT 5")));
		foreach my $look (['posted', $same, 'post answers the canonical form'], ['got', $same, 'get gives it'],
			['other', $shown, "get in $other gives its canonical form"], ['again', 'through', "posted again in $other it is the same"])
		{
			my ($got, $expected, $what) = @$look;
			is($node->safe_psql('trip', "SELECT count(*) FROM $table WHERE $got IS DISTINCT FROM $expected"), '0', "$count: $what")
				or diag(first_of($table, $got, $expected));
		}
	}
	return;
}

# The shortest of many differences, from a little before where they begin.
sub first_of
{
	my ($table, $got, $expected) = @_;
	my @shown;

	foreach my $row (rows($node, 'trip', <<"SQL"))
SELECT concat_ws(E'\x1f', coalesce($got, 'nothing'), $expected, regexp_replace(delivered, '\\s+', ' ', 'g'))
FROM $table WHERE $got IS DISTINCT FROM $expected ORDER BY length(delivered) LIMIT 3;
SQL
	{
		my ($g, $e, $delivered) = split /\x1f/, $row;
		my ($same) = ("$g\0$e" ^ "$e\0$g") =~ /^(\0*)/;
		my $from = length $same > 40 ? length($same) - 40 : 0;

		push @shown, map { substr $_, 0, 600 } 'got      ' . substr($g, $from), 'expected ' . substr($e, $from), "of       $delivered";
	}
	return join "\n", @shown;
}

is($node->safe_psql('trip', <<'SQL'), '20000', 'delivered once more, each is a repeat');
SELECT (SELECT count(usage_mgmt.post_usage(delivered::json, 'r14.5')) FROM usage_r14_5)
	+ (SELECT count(usage_mgmt.post_usage(delivered::json, 'v4')) FROM usage_v4);
SQL

# Every digit, wherever a number can stand
my @digits = ('0.1', '12.00', '123456789012345678.123456789');
foreach my $digits (@digits)
{
	is($node->safe_psql('trip', <<"SQL"), join('|', ($digits) x 9), "$digits, digit for digit");
DO \$\$ BEGIN PERFORM usage_mgmt.post_usage('{"id": "$digits", "date": "2024-05-05", "type": "t", "unknown": {"a": [$digits]},
	"usageCharacteristic": [{"name": "n", "value": $digits}, {"name": "nested", "value": {"a": $digits}}],
	"ratedProductUsage": [{"taxIncludedRatingAmount": $digits, "taxExcludedRatingAmount": "$digits", "taxRate": $digits,
	"bucketValueConvertedInAmount": " $digits"}]}'); END \$\$;
SELECT r.tax_included_rating_amount, r.tax_excluded_rating_amount, r.tax_rate, r.bucket_value_converted_in_amount,
	u.usage_characteristic ->> 'n', u.usage_characteristic -> 'nested' ->> 'a', u.extra #>> '{unknown,a,0}',
	usage_mgmt.to_tmf(u, 'r14.5') #>> '{ratedProductUsage,0,taxExcludedRatingAmount}',
	usage_mgmt.to_tmf(u, 'v4') #>> '{ratedProductUsage,0,taxExcludedRatingAmount,value}'
FROM usage_mgmt.usage u, unnest(rated_product_usage) r WHERE u.id = '$digits';
SQL
}

cmp_ok($node->safe_psql('trip', 'SELECT count(*) FROM usage_v4 WHERE through <> v4'), '>', 500,
	'v4 often says what R14.5 cannot');

# The store keeps what R14.5 has no shape for, also when R14.5 updates it.
is($node->safe_psql('trip', <<'SQL'), '10000', 'put in R14.5 leaves alone what it does not show');
SELECT count(*) FROM usage_v4, usage_mgmt.put_usage('usage v4 ' || n, other::json, 'r14.5') put
WHERE put::text = other AND usage_mgmt.get_usage('usage v4 ' || n, NULL, 'v4') IS NOT NULL;
SQL
is($node->safe_psql('trip', <<'SQL'), '0', 'nothing of it is lost');
SELECT count(*) FROM usage_v4 WHERE usage_mgmt.get_usage('usage v4 ' || n, NULL, 'v4')::text IS DISTINCT FROM v4;
SQL

done_testing();
