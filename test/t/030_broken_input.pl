# Broken documents: each is stored whole or refused with an SQLSTATE that is promised,
# and none leaves memory behind. All go through one session.

use strict;
use warnings;
use Dice;
use FindBin;
use Mutant;
use Resources;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

use constant { MUTANTS => 6000, BATCH => 100, SETTLED => 500, GROWTH => 8 * 1024 * 1024 };

# What a document's fault may be.
my @promised = qw(22P02 22P05 22021 22003 22007 22008 54001 23502 23514 UM001 UM002 UM003 23505 P0002 22023 0A000);

# The seeds, whole as they must be to be accepted, and richer than they are.
my @documents;
foreach my $name (qw(usage-cloud usage-voice usageSpecification-cloud usageSpecification-voice))
{
	my $text = slurp_file("$FindBin::Bin/../data/$name.json");

	$text =~ s/\s+/ /g;
	$text =~ s/("currencyCode": "EUR")/$1, "productRef": "http:\/\/host\/product\/1", "\@type": "Rated"/g;
	$text =~ s/^\{/{"unknown": {"a": [1, "caf\xc3\xa9", {"b": null}]}, "relatedParty ": [{"role": "r", "ref": "x\/1", "alias": [{"value": 1.50}], "validFor": {"startTime": "2013-01-01", "unknown": 1}}],/
		unless $text =~ /"relatedParty"/;
	push @documents, [ $name =~ /Spec/ ? 'usage_specification' : 'usage', $text ];
}
push @documents, [ 'usage', $documents[0][1] =~ s/"(?:status|href)": "[^"]*",//gr ];
push @documents, [ 'usage', '{"id": "v4", "usageDate": "2024-05-05T05:05:05.123456Z", "usageType": "data", "status": "rated",'
	. ' "usageSpecification": {"id": "22", "@type": "x", "name": "n"}, "usageCharacteristic": [{"name": "volume", "value": 12.00, "valueType": "number"},'
	. ' {"name": "list", "value": [1, {"a": "b"}, null, true]}], "relatedParty": [{"id": "1", "@referredType": "Individual"}],'
	. ' "ratedProductUsage": [{"ratingDate": "2024-05-06", "taxIncludedRatingAmount": {"unit": "EUR", "value": 12.00}, "taxExcludedRatingAmount":'
	. ' {"unit": "EUR", "value": 10.00}, "bucketValueConvertedInAmount": {"unit": "USD", "value": 1}, "taxRate": 20, "productRef": {"id": "7", "href": "http://host/7", "name": "n"}}]}' ];
push @documents, [ 'usage_specification', '{"id": "v4", "lifecycleStatus": "active", "lastUpdate": "2024-05-05", "isBundle": false,'
	. ' "specCharacteristic": [{"id": "1", "name": "volume", "valueType": "number", "minCardinality": 0, "maxCardinality": 1, "characteristicValueSpecification":'
	. ' [{"isDefault": true, "value": 5, "valueFrom": 0, "valueTo": 10.5, "validFor": {"endDateTime": "2030-01-01"}}]}], "attachment": [{"url": "http://host/a"}],'
	. ' "constraint": [{"id": "1", "version": "2"}], "entitySpecRelationship": [{"role": "r"}], "targetEntitySchema": {"@type": "t", "@schemaLocation": "l"}}' ];
push @documents, [ 'characteristics', $documents[1][1] =~ s/.*"usageCharacteristic": (\[.*?\]).*/$1/r ],
	[ 'characteristics', '{"duration": "20", "volume": 1.50, "nested": {"a": [true, null, "\u00e9"]}, "own name": -0.0}' ];


# And one of each resource besides, where its table is there
my $node = new_node('broken');
new_store($node, 'broken');
my @more = grep { $node->safe_psql('broken', "SELECT to_regclass('usage_mgmt.$_->{noun}') IS NOT NULL") eq 't' }
	grep { $_->{noun} !~ /^usage/ } resources();
push @documents, map { [ $_->{noun}, document($_, 'v4', 1, 'x') =~ s/^\{"id":/{"id": /r ] } @more;
my %one_face = map { $_->{noun} => $_->{versions}[0] } grep { @{ $_->{versions} } == 1 } @more;

# What each is tried as. "unchecked" is text that PostgreSQL's own parser has not seen,
# as a COPY into a text column would bring it.
my @doors = map { my $version = $_; map { [ $_, $version ] } qw(post put unchecked) } qw(r14.5 v4);

my $dice = dice(20130419);
my @lines;
my %made;
for my $n (1 .. MUTANTS)
{
	my ($kind, $document) = @{ $documents[ $n % @documents ] };
	my ($door, $version) = @{ $doors[ $dice->(scalar @doors) ] };
	$version = $one_face{$kind} // $version;
	# What is put is there; what is posted is not, so that more than its id is looked at.
	my $id = $door eq 'put' ? ('stored', 'stored', 'stored', 'billed', 'nobody')[ $dice->(5) ] : "new $n";
	my ($way, $mutant) = Mutant::mutate($document =~ s/^(\{.*?"id": )"\w+"/$1"$id"/r, $dice);

	$made{$way}++;
	push @lines, join("\t", $n, $kind, $door, $version, $id, $way, '\\\\x' . unpack('H*', $mutant));
}

# 100 MB, wherever a document can hold it. %s is the long string.
my @long = (
	[ 'usage', '{"id": "long1", "date": "2024-01-01", "type": "t", "description": "%s"}', 'description' ],
	[ 'usage', '{"id": "long2", "date": "2024-01-01", "type": "t", "usageCharacteristic": [{"name": "n", "value": "%s"}]}', 'usageCharacteristic,0,value' ],
	[ 'usage', '{"id": "long3", "date": "2024-01-01", "type": "t", "unknown": {"a": "%s"}}', 'unknown,a' ],
	[ 'usage', '{"id": "long4", "date": "2024-01-01", "type": "t", "relatedParty": [{"role": "r", "name": "%s"}]}', 'relatedParty,0,name' ],
	[ 'usage_specification', '{"id": "long5", "usageSpecCharacteristic": [{"name": "%s"}]}', 'usageSpecCharacteristic,0,name' ],
	[ 'usage', '{"id": "%s", "date": "2024-01-01", "type": "t"}' ],
	[ 'usage', '{"date": "%s", "type": "t"}' ],
	[ 'usage', '{"date": "2024-01-01", "type": "t", "status": "%s"}' ],
	[ 'usage', '{"date": "2024-01-01", "type": "t", "%s": 1}' ],
	[ 'usage', '{"date": "2024-01-01", "type": "t", "usageCharacteristic": "%s"}' ],
	[ 'usage', '{"date": "2024-01-01", "type": "t", "ratedProductUsage": [{"currencyCode": "%s", "taxRate": "%s"}]}' ],
	[ 'usage', '%s' ]);
my $tried = join(",\n", map {
	"('$_->[0]', '$_->[1]', " . (defined $_->[2] ? "'{$_->[2]}'" : 'NULL') . ')' } @long);

$node->safe_psql('broken', join '', map { my $r = $_;
	map { "SELECT usage_mgmt.post_$r->{noun}(" . literal(document($r, 'v4', 0, $_)) . ", 'v4');\n" } qw(stored billed) } @more);
$node->safe_psql('broken', <<'SQL');
-- Text for json that nobody has checked
CREATE CAST (text AS json) WITHOUT FUNCTION;
CREATE TABLE mutant (n int PRIMARY KEY, kind text, door text, version text, id text, way text, document bytea);
CREATE TABLE outcome (n int, kind text, door text, way text, state text, message text);
SELECT usage_mgmt.post_usage('{"id": "stored", "date": "2024-01-01", "type": "t"}');
SELECT usage_mgmt.post_usage_specification(format('{"id": "%s"}', id)::json) FROM unnest('{stored,billed}'::text[]) id;
SELECT usage_mgmt.post_usage('{"id": "billed", "date": "2024-01-01", "type": "t", "status": "billed", "ratedProductUsage":
	[{"ratingDate": "2024-01-01", "taxIncludedRatingAmount": 1, "taxExcludedRatingAmount": 1, "taxRate": 0,
	"currencyCode": "EUR", "productRef": "x"}]}');

-- A JSON answer, or an SQLSTATE
CREATE PROCEDURE try(m mutant) LANGUAGE plpgsql AS $$
DECLARE
	body text;
	answer json;
	state text := '00000';
	message text;
BEGIN
	BEGIN
		body := convert_from(m.document, 'UTF8');
		IF m.kind = 'characteristics' THEN
			answer := body::usage_mgmt.characteristics::text;
			PERFORM body::usage_mgmt.characteristics;
			PERFORM answer::text::usage_mgmt.characteristics::jsonb;
		ELSE
			-- through text, that json itself would parse
			IF m.door <> 'unchecked' THEN
				PERFORM json_in(textout(body));
			END IF;
			IF m.door = 'put' THEN
				EXECUTE format('SELECT usage_mgmt.put_%s($1, $2, $3)', m.kind) INTO answer
					USING m.id, body::json, m.version;
			ELSE
				EXECUTE format('SELECT usage_mgmt.post_%s($1, $2)', m.kind) INTO answer
					USING body::json, m.version;
			END IF;
		END IF;
		-- What is answered is JSON, and so is what is stored.
		IF json_in(textout(answer::text)) IS NULL THEN
			state := 'no answer';
		END IF;
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
	END;
	INSERT INTO outcome VALUES (m.n, m.kind, m.door, m.way, state, left(message, 200));
END
$$;

-- In bytes; where there is no /proc, what the memory contexts hold.
CREATE FUNCTION memory() RETURNS bigint LANGUAGE sql AS $$
SELECT coalesce(
	(SELECT 1024 * substring(pg_read_file('/proc/self/status', 0, 100000, true) FROM 'RssAnon:\s+(\d+)')::bigint),
	(SELECT sum(total_bytes) FROM pg_backend_memory_contexts))
$$;

-- The same session's memory again after each step
CREATE TABLE measured (step serial, bytes bigint);

CREATE FUNCTION try_long(kind text, document text, path text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	size CONSTANT int := 100 * 1024 * 1024;
	answer json;
BEGIN
	document := replace(document, '%s', repeat('x', size));
	EXECUTE format('SELECT usage_mgmt.post_%s($1)', kind) INTO answer USING document::json;
	IF path IS NULL THEN
		RETURN 'stored';
	END IF;
	RETURN CASE WHEN answer #>> path = repeat('x', size) THEN 'whole' ELSE 'damaged' END;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;
SQL

my $script = "COPY mutant FROM STDIN;\n" . join("\n", @lines) . "\n\\.\n";
for (my $n = 1; $n <= MUTANTS; $n += BATCH)
{
	$script .= "INSERT INTO measured (bytes) SELECT memory();\n" if $n == SETTLED + 1;
	$script .= "DO \$\$ DECLARE m mutant; BEGIN FOR m IN SELECT * FROM mutant WHERE n BETWEEN $n AND "
		. ($n + BATCH - 1) . " ORDER BY n LOOP CALL try(m); END LOOP; END \$\$;\n";
}
$script .= "CREATE TABLE long_outcome (place text, path text[], state text);\n"
	. join('', map {
		my $path = defined $_->[2] ? "'{$_->[2]}'" : 'NULL';
		"INSERT INTO long_outcome VALUES ('$_->[1]', $path, try_long('$_->[0]', '$_->[1]', $path));\n" } @long)
	. "INSERT INTO measured (bytes) SELECT memory();\n";
my ($status, $out, $err) = $node->psql('broken', $script);
is("$status$err", '0', 'one session lives through it all');

is($node->safe_psql('broken', 'SELECT count(*) FROM outcome'), MUTANTS, 'all mutants were tried');
is_deeply([ sort keys %made ], [ Mutant::ways() ], 'broken in every way');
is($node->safe_psql('broken', <<SQL), '', 'no SQLSTATE that is not promised');
SELECT state, kind, door, way, count(*), min(n), min(message) FROM outcome
WHERE state <> '00000' AND state <> ALL ('{@{[ join ',', @promised ]}}') GROUP BY 1, 2, 3, 4;
SQL
is($node->safe_psql('broken', <<'SQL'), '', 'every kind of fault was met');
SELECT state FROM unnest('{22P02,22P05,22021,22003,22007,22008,54001,23502,23514,UM001,UM002,UM003,P0002}'::text[]) state
EXCEPT SELECT state FROM outcome;
SQL
is($node->safe_psql('broken', 'SELECT count(message) > 3000, count(DISTINCT message) > 300, count(*) - count(message) > 300 FROM outcome'),
	't|t|t', 'most are refused, each with its reason, and some are sound');
# Differences may lie in the depth alone, which we limit.
is($node->safe_psql('broken', <<'SQL'), '', 'what is JSON for PostgreSQL is so for us, and nothing else');
CREATE FUNCTION fault_of_json(document bytea) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM jsonb_in(textout(convert_from(document, 'UTF8')));
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;
SELECT n, kind, state, message, fault FROM outcome JOIN mutant USING (n, kind, door, way), fault_of_json(document) fault
WHERE (kind = 'characteristics' OR door = 'unchecked') AND NOT coalesce(state = '54001', false) AND fault IS DISTINCT FROM '22021'
AND coalesce(fault, 'none') <> CASE WHEN message LIKE '% at byte %' THEN state ELSE 'none' END;
SQL
is($node->safe_psql('broken', <<'SQL'), '0', 'the ledger is sound');
SELECT count(*) FROM usage_mgmt.check_keys();
SQL
is($node->safe_psql('broken', <<'SQL'), 't', 'all that was stored can be read');
SELECT count(*) = count(usage_mgmt.to_tmf(u)) AND bool_and(usage_mgmt.to_tmf(u, 'v4')::text::json IS NOT NULL)
FROM usage_mgmt.usage u WHERE id NOT LIKE 'long%';
SQL

is($node->safe_psql('broken', <<SQL), '', 'strings of 100 MB are stored whole or refused');
SELECT * FROM long_outcome WHERE CASE WHEN path IS NOT NULL THEN state <> 'whole'
	ELSE state <> 'stored' AND state <> ALL ('{@{[ join ',', @promised ]}}') END;
SQL
my ($settled, $final) = rows($node, 'broken', 'SELECT bytes FROM measured ORDER BY step');
cmp_ok($final - $settled, '<=', GROWTH, 'the session keeps none of the memory');
note("after @{[ SETTLED ]}: $settled bytes, at the end: $final");
note($node->safe_psql('broken', 'SELECT state, count(*) FROM outcome GROUP BY 1 ORDER BY 1'));
note($node->safe_psql('broken', 'SELECT left(place, 90), path, state FROM long_outcome'));

done_testing();
