# A load is exact: of many records with faults, repeats and conflicts each is counted
# once, and what is kept equals what came, byte for byte. Loaded again, also after some
# of it was rated and billed, the file adds nothing.
# USAGE_MGMT_BIG=1 takes a million records instead of 20,000.

use strict;
use warnings;
use Dice;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

my $records = $ENV{USAGE_MGMT_BIG} ? 1_000_000 : 20_000;
my $worked = $records / 100;	# rated and billed after the first load
my $lines = q{WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')};
my $dice = dice(635);

# Canonical in R14.5, so that get must give the very same text.
sub document
{
	my ($n, %with) = @_;
	my $kind = $n % 4;
	my $date = sprintf '2026-%02d-%02dT%02d:%02d:%02dZ', 1 + $n % 3, 1 + $n % 28, $n % 24, $n % 60, $n * 7 % 60;
	my $text = qq({"id":"call $n","href":"/usageManagement/usage/call%20$n","date":"$date","type":"VOICE");

	$text .= qq(,"description":"a \\"call\\", no. $n, \xc3\xa9 \\\\") if $n % 3 == 0;
	$text .= ',"status":"' . (qw(received guided received rated))[$kind] . '"';
	$text .= ',"usageSpecification":{"id":"voice","name":"Voice"}' if $n % 5 == 0;
	$text .= ',"usageCharacteristic":[{"name":"duration","value":' . ($with{duration} // $n % 1000) . '},'
		. '{"name":"originatingNumber","value":"+49 170 ' . $n . '"},{"name":"own","value":{"b":[1,2.50],"a":null}}]';
	$text .= ',"relatedParty":[{"role":"customer","id":"' . $n % 77 . '"},{"role":"partner","name":"P"}]' if $n % 2;
	$text .= ',"ratedProductUsage":[{"ratingDate":"2026-04-01T00:00:00Z","usageRatingTag":"usage","isBilled":false,'
		. '"ratingAmountType":"total","taxIncludedRatingAmount":12.00,"taxExcludedRatingAmount":10.00,"taxRate":20,'
		. '"isTaxExempt":false,"offerTariffType":"normal","currencyCode":"' . ($n % 8 == 7 ? 'EUR' : 'USD') . '","productRef":"p"}]'
		if $kind == 3;
	return $text . ',"zone":' . $n % 9 . '}';
}

# Each way breaks any document.
my @breaks = (
	sub { substr $_[0], 0, length($_[0]) - 1 },
	sub { substr $_[0], 1 },
	sub { "$_[0]," },
	sub { "[$_[0]]" },
	sub { $_[0] =~ s/:"VOICE"/:"VO\x03ICE"/r },
	sub { $_[0] =~ s/:"VOICE"/:"VO\\xICE"/r },
	sub { $_[0] =~ s/:"VOICE"/:"\\u0000"/r },
	sub { $_[0] =~ s/:"VOICE"/:"\\ud83d"/r },
	sub { $_[0] =~ s/:"VOICE"/:{}/r },
	sub { $_[0] =~ s/,"type":"VOICE"//r },
	sub { $_[0] =~ s/,"date":"[^"]*"//r },
	sub { $_[0] =~ s/"date":"2026/"date":"2026-13/r },
	sub { $_[0] =~ s/"status":"\w+"/"status":"lost"/r },
	sub { $_[0] =~ s/"status":"\w+"/"status":"billed"/r =~ s/,"ratedProductUsage":\[.*?\]//r },
	sub { $_[0] =~ s/,"value":"\+49[^"]*"//r },
	sub { $_[0] =~ s/\}$/,"relatedParty":[{"id":"1"}],"usageDate":"2020-01-01"}/r },
	sub { $_[0] =~ s/"zone":/"zone":1e400000,"more":/r },
	sub { $_[0] =~ s/"zone":/"zone":01,"more":/r },
	sub { 'zone;' . $_[0] },
	sub { $_[0] =~ s/"id":"call/'"id":"' . 'x' x 600/er });

my (%count, %good, @rejects, @conflicts, %amounts);
my $number = 0;
my $folder = PostgreSQL::Test::Utils::tempdir();

sub deliver
{
	my ($out, $document) = @_;

	print $out "$document\n";
	return ++$number;
}

# ---- the file, and what must become of it ----
open my $file, '>:raw', "$folder/load" or die $!;
open my $stored, '>:raw', "$folder/stored" or die $!;
open my $bad, '>:raw', "$folder/rejects" or die $!;
open my $taken, '>:raw', "$folder/conflicts" or die $!;
%count = map { $_ => 0 } qw(stored repeated conflicting rejected);
while ($number < $records)
{
	my $n = $number;
	my $fate = $dice->(1000);
	my $document = document($n);

	if ($fate < 10)
	{
		my $way = $count{rejected}++ % @breaks;
		my $broken = $breaks[$way]->($document);

		die "way $way breaks nothing" if $broken eq $document;
		print $bad deliver($file, $broken), "\x02$way\x02$broken\n";
	}
	elsif ($fate < 20 && $count{stored})
	{
		my $of = $dice->($n);

		# only what was stored before can be repeated
		$of-- until $of < 0 || $good{$of};
		next if $of < 0;
		$document = document($of);
		# the same record may look different
		$document =~ s/^\{("id":"[^"]*"),(.*)\}$/ { $2, $1 } /;
		deliver($file, $document);
		$count{repeated}++;
	}
	elsif ($fate == 20 && $count{stored})
	{
		my $of = $dice->($n);

		$of-- until $of < 0 || $good{$of};
		next if $of < 0;
		$document = document($of, duration => -1);
		$count{conflicting}++;
		print $taken deliver($file, $document), "\x02call $of\x02$document\x02", document($of), "\n";
	}
	else
	{
		deliver($file, $document);
		print $stored "call $n\x02$document\n";
		$good{$n} = 1;
		$count{stored}++;
		$amounts{$1} += 12 if $document =~ /"currencyCode":"(\w+)"/;
	}
}
close $_ foreach $file, $stored, $bad, $taken;
my $wanted = join '|', $records, @count{qw(stored repeated conflicting rejected)};
cmp_ok($count{$_->[0]}, '>', $records * $_->[1], "$_->[0]: some") foreach
	['rejected', 0.008], ['repeated', 0.008], ['conflicting', 0.0005];

# ---- loaded ----
my $node = new_node('load_exact');
new_store($node, 'exact');
$node->safe_psql('exact', <<"SQL");
SELECT usage_mgmt.ensure_partitions('2026-01-01', '2026-02-01');	-- March is left to the default one
CREATE TABLE stored (id text COLLATE "C" PRIMARY KEY, document text);
CREATE TABLE bad (number int, way int, document text);
CREATE TABLE taken (number int, id text, document text, stored text);
\\copy stored FROM '$folder/stored' $lines
\\copy bad FROM '$folder/rejects' $lines
\\copy taken FROM '$folder/conflicts' $lines
ANALYZE stored;
SQL

sub load
{
	my ($status, $out, $err) = $node->psql('exact', "\\copy usage_mgmt.usage_document FROM '$folder/load' $lines");

	return $status ? $err : $err =~ /(\d+) read, (\d+) stored, (\d+) repeated, (\d+) conflicting, (\d+) rejected/
		? join '|', $1, $2, $3, $4, $5 : $err;
}

sub books
{
	my ($load) = @_;

	return $node->safe_psql('exact', <<"SQL");
SELECT read, stored, repeated, conflicting, rejected FROM usage_mgmt.import_load l WHERE l.id = $load
AND (SELECT count(*) FROM usage_mgmt.usage WHERE load_id = l.id) = stored
AND (SELECT count(*) FROM usage_mgmt.usage_conflict WHERE load_id = l.id) = conflicting
AND (SELECT count(*) FROM usage_mgmt.import_reject WHERE load_id = l.id) = rejected;
SQL
}

# Rows of these queries are differences.
sub none
{
	my ($sql, $what) = @_;
	my @rows = rows($node, 'exact', "$sql LIMIT 5");

	return is(scalar @rows, 0, $what) || diag(join "\n", map { substr $_, 0, 600 } @rows);
}

my $all_stored = <<'SQL';
SELECT s.id, s.document, usage_mgmt.to_tmf(u) FROM stored s FULL JOIN usage_mgmt.usage u USING (id)
WHERE s.document IS DISTINCT FROM usage_mgmt.to_tmf(u)::text
SQL
my $all_conflicts = <<'SQL';
SELECT t.*, c.* FROM taken t FULL JOIN (SELECT * FROM usage_mgmt.usage_conflict WHERE load_id = %d) c ON c.record_number = t.number
WHERE (t.document, t.id, t.stored) IS DISTINCT FROM (c.document, c.usage_id, c.stored::text)
OR c.document_length <> octet_length(c.document)
SQL
my $all_rejects = <<'SQL';
SELECT b.*, r.* FROM bad b FULL JOIN (SELECT * FROM usage_mgmt.import_reject WHERE load_id = %d) r ON r.record_number = b.number
WHERE b.document IS DISTINCT FROM r.document OR r.document_length <> octet_length(r.document) OR jsonb_array_length(r.errors) < 1
SQL

is(load(), $wanted, 'the first load says what became of each record');
is(books(1), $wanted, 'its books say the same, and the rows are as many');
none($all_stored, 'what was good is stored as it came');
none("SELECT id, usage_mgmt.get_usage(id) FROM stored WHERE ascii(md5(id)) < 50 AND document IS DISTINCT FROM usage_mgmt.get_usage(id)::text",
	'get gives it');
none(sprintf($all_rejects, 1), 'what was bad is kept as it came, with its number');
none(sprintf($all_conflicts, 1), 'both sides of each conflict are kept');
is($node->safe_psql('exact', 'SELECT count(DISTINCT way) FROM bad'), scalar @breaks, 'broken in every way');
is($node->safe_psql('exact', q{SELECT string_agg(key || value, '|' ORDER BY key) FROM usage_mgmt.import_load, jsonb_each(amounts)}),
	join('|', map { sprintf '%s%.2f', $_, $amounts{$_} } sort keys %amounts), 'the amounts by currency are those of what was stored');
is($node->safe_psql('exact', <<'SQL'), 't', 'and so are the dates');
SELECT (first_date, last_date) = (SELECT min(usage_date), max(usage_date) FROM usage_mgmt.usage) FROM usage_mgmt.import_load;
SQL
none('SELECT * FROM usage_mgmt.check_keys()', 'the ledger is sound');

# ---- again ----
my $again = join '|', $records, 0, $count{stored} + $count{repeated}, @count{qw(conflicting rejected)};
is(load(), $again, 'the same file again adds nothing');
is(books(2), $again, 'its books agree');
none($all_stored, 'and changes nothing');
none(sprintf($all_conflicts, 2), 'the conflicts are the same');
none(sprintf($all_rejects, 2), 'the rejects are the same');

# ---- after some of it was worked on ----
is($node->safe_psql('exact', <<"SQL"), "$worked|$worked", "$worked of them are rated and billed");
CREATE TABLE worked AS SELECT u.id FROM usage_mgmt.usage u WHERE status = 'guided' ORDER BY md5(u.id) LIMIT $worked;
INSERT INTO worked SELECT u.id FROM usage_mgmt.usage u WHERE status = 'rated' ORDER BY md5(u.id) LIMIT $worked;
UPDATE usage_mgmt.usage u SET status = 'rated', rated_product_usage = ARRAY[usage_mgmt.rated_product_usage(rating_date => '2026-05-01',
	tax_included_rating_amount => 1, tax_excluded_rating_amount => 1, tax_rate => 0, currency_code => 'EUR', product_ref => 'p')]
FROM worked w WHERE w.id = u.id AND status = 'guided';
UPDATE usage_mgmt.usage u SET status = 'billed' FROM worked w WHERE w.id = u.id AND status = 'rated';
UPDATE usage_mgmt.usage u SET usage_date = usage_date + interval '1 month' WHERE status = 'received' AND id LIKE '%9';
UPDATE stored s SET document = usage_mgmt.to_tmf(u) FROM usage_mgmt.usage u WHERE u.id = s.id AND u.changed_at > u.received_at;
UPDATE taken t SET stored = s.document FROM stored s WHERE s.id = t.id;
SELECT count(*) FILTER (WHERE rated_product_usage[1].tax_rate = 0), count(*) FILTER (WHERE rated_product_usage[1].tax_rate = 20)
FROM usage_mgmt.usage WHERE status = 'billed';
SQL
is(load(), $again, 'the same file again still adds nothing, and makes no conflict');
is(books(3), $again, 'its books agree');
none($all_stored, 'what was worked on stays');
none(sprintf($all_conflicts, 3), 'the conflicts are the same, with what is stored now');
none(sprintf($all_rejects, 3), 'the rejects are the same');
none('SELECT * FROM usage_mgmt.check_keys()', 'the ledger is sound');

done_testing();
