# The chapters that hold for every resource: what is tested of it follows from its
# description in Resources.pm, and what is expected from the standard.

package Chapters;

use strict;
use warnings;
use Cwd 'abs_path';
use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Utils;
use Resources;
use Store;
use Test::More;

our @EXPORT = qw(prepare all_chapters side_by_side);

my ($node, $database);	# where
my ($r, $noun, $plural);	# and what is being tested
my $folder = abs_path(PostgreSQL::Test::Utils::tempdir());
my $lines = q{WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')};

# What the chapters call
sub prepare
{
	my ($of, $in) = @_;

	$of->safe_psql($in, <<'SQL');
CREATE SCHEMA test;
-- The answer of a statement, or its SQLSTATE with each fault's code, path and legal statuses
CREATE FUNCTION test.outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
	detail text;
	hint text;
BEGIN
	IF statement !~ '^(SELECT|WITH|EXPLAIN)|RETURNING' THEN
		EXECUTE statement;
		RETURN 'done';
	END IF;
	EXECUTE statement INTO answer;
	RETURN coalesce(answer, 'nothing');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	IF detail NOT LIKE '[{%' THEN
		RETURN concat_ws(' ', SQLSTATE, CASE WHEN hint <> '' AND SQLSTATE = '22023' THEN '? ' || hint END);
	ELSIF detail::json -> 0 ->> 'code' <> SQLSTATE THEN
		RETURN format('%s, but the first fault is %s', SQLSTATE, detail);
	END IF;
	RETURN (SELECT string_agg(concat_ws(' ', f ->> 'code', nullif(f ->> 'path', ''),
			(SELECT '[' || string_agg(s, ',' ORDER BY s) || ']' FROM regexp_split_to_table(f ->> 'legal', ', ') s)), ', ' ORDER BY n)
		FROM json_array_elements(detail::json) WITH ORDINALITY e (f, n));
END
$$;
-- One after the other, in a transaction of its own each
CREATE PROCEDURE test.try_all(statements text[], INOUT outcomes text[] DEFAULT '{}') LANGUAGE plpgsql AS $$
DECLARE
	statement text;
BEGIN
	FOREACH statement IN ARRAY statements LOOP
		outcomes := outcomes || test.outcome(statement);
		COMMIT;
	END LOOP;
END
$$;
-- What a POST of HTTP answers: its status and body, or what was wrong
CREATE FUNCTION test.posted(uri text, body text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	PERFORM set_config('request.headers', json_build_object('x-um-method', 'POST', 'x-um-uri', uri)::text, true);
	answer := convert_from(usage_api.write(convert_to(body, 'UTF8')), 'UTF8');
	RETURN current_setting('response.status') || ' ' || CASE WHEN answer ~ '^\[' THEN answer ELSE answer::json ->> 'message' END;
END
$$;
CREATE VIEW test.newest_load AS SELECT * FROM usage_mgmt.import_load ORDER BY id DESC LIMIT 1;
SQL
	return;
}

# ---- helpers ----

sub value
{
	my ($sql) = @_;

	return $node->safe_psql($database, "SET client_min_messages = error;\n$sql");
}

# Cases of [statement, expected outcome, name], tried in this order in one session that
# speaks a version. One test; an expected outcome may be a pattern.
sub outcomes
{
	my ($what, $speaks, @cases) = @_;
	my $statements = join ",\n", map { literal($_->[0]) } @cases;
	my @got = $node->safe_psql($database,
		"SET client_min_messages = error;\n" . ($speaks ? "SET usage_mgmt.tmf_version = '$speaks';\n" : '') . "CALL test.try_all(ARRAY[$statements]) \\gset\nSELECT replace(o, E'\\n', ' ') FROM unnest(:'outcomes'::text[]) o") =~ /^(.*)$/mg;
	my @wrong;

	for my $n (0 .. $#cases)
	{
		my ($statement, $expected, $name) = @{ $cases[$n] };
		my $got = $got[$n] // 'none';

		$got =~ s/^(t|f)(?:rue|alse)$/$1/;
		next if ref $expected ? $got =~ $expected : $got eq $expected;
		# of long texts where they begin to differ
		my $same = ref $expected ? 0 : length +(("$got\0" ^ "$expected\1") =~ /^(\0*)/)[0];
		my $from = $same > 60 ? $same - 60 : 0;
		push @wrong, ($name // 'of') . ":\n  " . substr($statement, 0, 300) . "\n  got      " . substr($got, $from, 400)
			. "\n  expected " . (ref $expected ? $expected : substr $expected, $from, 400);
	}
	ok(@cases && !@wrong, "$noun: $what (" . @cases . ')')
		or diag(join "\n", @wrong > 12 ? (@wrong[ 0 .. 11 ], @wrong - 12 . ' more') : @wrong);
	return;
}

sub calls { my ($function, @arguments) = @_; return "SELECT usage_mgmt.$function(" . join(', ', @arguments) . ')' }

sub post { my ($body, $version) = @_; return calls("post_$noun", literal($body), literal($version)) }

# An answer of JSON that means the same, whatever the order
sub same { my ($call, $document) = @_; return $call =~ s/^SELECT (.*)$/SELECT ($1)::jsonb = /sr . literal($document) . '::jsonb' }

# A document, or what makes one, with some members set or, where undef, taken away
sub with
{
	my ($document, %members) = @_;
	my $sql = $document =~ /^\{/ ? literal($document) . '::jsonb' : $document;

	foreach my $path (sort keys %members)
	{
		my $place = "'{" . $path =~ s/\[(\d+)\]/.$1/gr =~ s/\./,/gr . "}'";

		$sql = defined $members{$path} ? "jsonb_set($sql, $place, " . literal($members{$path}) . ')' : "$sql #- $place";
	}
	return $sql;
}

sub clean
{
	my $conflict = "usage_mgmt.${noun}_conflict";

	value(<<"SQL");
DO \$\$
BEGIN
	TRUNCATE usage_mgmt.$noun, usage_mgmt.import_load, usage_mgmt.import_reject RESTART IDENTITY;
	IF to_regclass('$conflict') IS NOT NULL THEN
		TRUNCATE $conflict RESTART IDENTITY;
	END IF;
END
\$\$;
SQL
	return;
}

# An argument that says which resource; usage is the default
sub resource_argument { return $noun eq 'usage' ? () : ("resource => '$noun'") }

sub versions { return @{ $r->{versions} } }

sub doc { return document($r, @_) }

sub attributes { return @{ $r->{attributes} } }

# The other faces, where it has more than one
sub others { my ($version) = @_; return grep { $_ ne $version } versions() }

# Several resources in turns in one session, under the same ids: none is taken for another,
# the second time neither, when plans are kept.
sub side_by_side
{
	my ($of, $in, @all) = @_;
	my (@cases, @loaded);

	($node, $database, $noun) = ($of, $in, 'all of ' . join ', ', map { $_->{noun} } @all);
	foreach my $turn (1 .. 7)
	{
		foreach my $step (qw(post get list count patch load put delete gone))
		{
			foreach my $one (@all)
			{
				my ($name, $names, $v) = @$one{qw(noun plural)};
				$v = $one->{versions}[-1];
				my $call = sub { calls(@_, literal($v)) };
				my $document = document($one, $v, 0, 'same');
				my $count = "SELECT count(*) FROM usage_mgmt.$name";

				push @cases, $step eq 'post' ? [ $call->("post_$name", literal($document)), $document, 'post' ]
					: $step eq 'get' ? [ $call->("get_$name", "'same'", 'NULL'), $document, 'get' ]
					: $step eq 'list' ? [ $call->("get_$names", "'id=same'"), $document, 'list' ]
					: $step eq 'count' ? [ $call->("count_$names", "''"), '1', 'count' ]
					: $step eq 'patch' ? [ $call->("patch_$name", "'same'", "'{\"description\": \"of $name\"}'", 'NULL'), qr/"of $name"/, 'patch' ]
					: $step eq 'load' ? [ "INSERT INTO usage_mgmt.${name}_document VALUES (" . literal(document($one, $v, 1, 'b')) . ')', 'done', 'load' ]
					: $step eq 'put' ? [ $call->("put_$name", "'same'", literal($document)), $document, 'put' ]
					: $step eq 'delete' ? [ calls("delete_$name", "'same'"), 't', 'delete' ]
					: ([ "$count WHERE id = 'b'", '1', 'the others stay' ], [ calls("delete_$names", "'id=b'"), '1', 'delete of many' ], [ $count, '0', 'none is left' ]);
			}
		}
	}
	# One load of them all
	push @loaded, [ "WITH l AS (INSERT INTO usage_mgmt.import_load (source) VALUES ('all') RETURNING id) SELECT set_config('usage_mgmt.load', id::text, false) IS NOT NULL FROM l", 't' ];
	foreach my $one (@all)
	{
		push @loaded, [ "INSERT INTO usage_mgmt.$one->{noun}_document VALUES (" . literal(document($one, $one->{versions}[-1], 0, 'same')) . "), ('no $one->{noun}')", 'done' ];
	}
	outcomes('side by side', undef, @cases, @loaded,
		[ "SELECT concat_ws(' ', read, stored, rejected) FROM test.newest_load", join(' ', 2 * @all, 0 + @all, 0 + @all), 'one load' ],
		[ "SELECT string_agg(resource || ': ' || document, ', ' ORDER BY id) FROM usage_mgmt.import_reject WHERE load_id = (SELECT id FROM test.newest_load)",
			join(', ', map { "$_->{noun}: no $_->{noun}" } @all), 'and its rejects' ],
		(map { [ "TRUNCATE usage_mgmt.$_->{noun}", 'done' ] } @all));
	return;
}

sub all_chapters
{
	($node, $database, $r) = @_;
	($noun, $plural) = @$r{qw(noun plural)};

	foreach my $chapter (\&life_cycle, \&mandatory, \&round_trip, \&broken_input, \&ledger, \&copy, \&arrays, \&queries,
		\&patches, \&deletes, \&privileges, \&restore)
	{
		clean();
		$chapter->();
	}
	clean();
	return;
}

# ---- life cycles ----

# Every pair of statuses, by every door; what is legal is asked of status_transition.
sub life_cycle
{
	my $version = $r->{versions}[-1];
	my $status = name_in($r->{status}, $version);
	my $document = doc($version, 0, '<id>');
	my %door = (
		'UPDATE' => q{format('UPDATE usage_mgmt.%I SET status = %L WHERE id = %L RETURNING status', noun, t, id)},
		'put' => qq{format('SELECT usage_mgmt.put_%s(%L, %L::jsonb, %L) ->> %L', noun, id, usage_mgmt.get_$noun(id, NULL, version)::jsonb || jsonb_build_object(attribute, t), version, attribute)},
		'merge patch' => q{format('SELECT usage_mgmt.patch_%s(%L, %L::jsonb, NULL, %L) ->> %L', noun, id, jsonb_build_object(attribute, t), version, attribute)},
		'JSON patch' => q{format('SELECT usage_mgmt.patch_%s(%L, %L::jsonb, ''application/json-patch+json'', %L) ->> %L', noun, id,
			jsonb_build_array(jsonb_build_object('op', 'add', 'path', '/' || attribute, 'value', t)), version, attribute)},
		'patch of many' => q{format('WITH p AS MATERIALIZED (SELECT usage_mgmt.patch_%s(%L, %L::jsonb, NULL, %L) n) SELECT CASE n WHEN 1 THEN %L ELSE n::text END FROM p', plural,
			'id=' || replace(id, '>', '%3E'), jsonb_build_object(attribute, t), version, t)},
		'MERGE' => q{format('MERGE INTO usage_mgmt.%I x USING (SELECT %L::text AS id) y ON x.id = y.id WHEN MATCHED THEN UPDATE SET status = %L', noun, id, t)});
	my $doors = join ' ', map { "WHEN '$_' THEN $door{$_}" } sort keys %door;
	my $names = join ', ', map { "('$_')" } sort keys %door;

	my $answer = value(<<"SQL");
CREATE TEMP TABLE case_of AS
SELECT '$noun' AS noun, '$plural' AS plural, '$version' AS version, '$status' AS attribute, f::text, t::text, door, format('%s > %s by %s', f, t, door) AS id,
	f = t OR EXISTS (SELECT FROM usage_mgmt.status_transition WHERE resource = '$noun' AND from_status = f::text AND to_status = t::text) AS legal,
	NULL::jsonb AS body, NULL::text AS posted, NULL::text AS outcome
FROM unnest(enum_range(NULL::usage_mgmt.$r->{life})) f, unnest(enum_range(NULL::usage_mgmt.$r->{life})) t, (VALUES $names) d (door);
UPDATE case_of SET body = @{[ literal($document) ]}::jsonb - 'href' || jsonb_build_object('id', id);
UPDATE case_of SET posted = usage_mgmt.post_$noun(body || jsonb_build_object(attribute, f), version) ->> attribute;
UPDATE case_of SET outcome = test.outcome(CASE door $doors END);
SELECT count(*) FILTER (WHERE posted = f) = count(*), count(DISTINCT (f, t)), count(*) FILTER (WHERE legal AND f <> t) > 0 FROM case_of;
-- What else is wrong with an illegal move is no matter here.
SELECT id, outcome FROM case_of c
WHERE CASE WHEN legal THEN outcome ELSE split_part(outcome, ', ', 1) END IS DISTINCT FROM CASE WHEN legal THEN CASE door WHEN 'MERGE' THEN 'done' ELSE t END
	ELSE 'UM001 ' || CASE WHEN door IN ('MERGE', 'UPDATE') THEN '@{[ name_in($r->{status}, $r->{versions}[0]) ]}' ELSE attribute END || (SELECT ' [' || coalesce(string_agg(to_status, ',' ORDER BY to_status), 'none') || ']'
		FROM usage_mgmt.status_transition WHERE resource = noun AND from_status = f) END
	OR (SELECT status::text FROM usage_mgmt.$noun u WHERE u.id = c.id) IS DISTINCT FROM CASE WHEN legal THEN t ELSE f END
ORDER BY id;
SQL
	my ($pairs, @wrong) = split /\n/, $answer;
	like($pairs, qr/^t\|\d+\|t$/, "$noun: every status arrives, some moves are legal");
	is(join("\n", @wrong), '', "$noun: every pair of statuses by every door ends as status_transition says");

	# A load takes a document in whatever status it is, and moves nothing.
	clean();
	my $loaded = literal($document) . "::jsonb - 'href' || jsonb_build_object('id', s, '$status', s)";
	my $statuses = "unnest(enum_range(NULL::usage_mgmt.$r->{life})) s";
	outcomes('statuses in a load', $version,
		[ "INSERT INTO usage_mgmt.${noun}_document SELECT $loaded FROM $statuses", 'done' ],
		[ "SELECT count(*) = cardinality(enum_range(NULL::usage_mgmt.$r->{life})) AND bool_and(id = status::text) FROM usage_mgmt.$noun", 't', 'each arrives' ],
		[ "INSERT INTO usage_mgmt.${noun}_document SELECT $loaded || jsonb_build_object('$status', f) FROM $statuses, unnest(enum_range(NULL::usage_mgmt.$r->{life})) f WHERE f <> s LIMIT 1",
			qr/^23505/, 'with another one it is another record' ],
		$r->{first} ? ([ calls("post_$noun", with($document, $status => undef, id => '"new"', href => undef), literal($version)) . " ->> '$status'", $r->{first}, 'none is the first' ]) : ());
	return;
}


# ---- mandatory attributes ----

# The paths of what is mandatory in a version; with more in a status that says so, or in a load
sub mandatory_paths
{
	my ($version, $rated, $loaded) = @_;
	my @paths;

	foreach my $attribute (attributes())
	{
		my $name = name_in($attribute, $version);
		my @inner = grep { defined } map { in_version($_, $version) } @{ $attribute->{inner} // [] },
			$loaded ? @{ $attribute->{loaded_inner} // [] } : ();

		push @paths, $name if in_version($attribute->{mandatory}, $version) || ($loaded && $attribute->{loaded});
		push @inner, @{ in_version($attribute->{rated}, $version) } if $rated && $attribute->{rated};
		push @paths, map { $name . $_ } @inner;
	}
	return @paths;
}

# Each taken away, and all of them, by each door
sub mandatory
{
	foreach my $version (versions())
	{
		foreach my $rated ($r->{rated} ? (0, 1) : 0)
		{
			my $status = name_in($r->{status}, $version);
			my %set = ($rated ? ($status => '"rated"') : ());
			my @cases = ([ post(doc($version, 0, 'stored'), $version), qr/^\{"id":"stored"/, 'whole' ]);
			my @paths = mandatory_paths($version, $rated);
			my @all = map { $_ => undef } @paths;

			push @cases, [ calls("patch_$noun", "'stored'", literal("{\"$status\": \"rated\"}"), 'NULL', literal($version)), qr/^\{/ ] if $rated;
			foreach my $path (@paths)
			{
				my $body = with(doc($version, 0, 'new'), %set, $path => undef);

				push @cases, [ calls("post_$noun", $body, literal($version)), "23502 $path", 'post' ],
					[ calls("put_$noun", "'stored'", with(doc($version, 0, 'stored'), %set, $path => undef), literal($version)), "23502 $path", 'put' ]
						# What keeps its own where a put says nothing
						if $path ne $status;
			}
			foreach my $path (mandatory_paths($version, $rated, 1))
			{
				push @cases, [ "INSERT INTO usage_mgmt.${noun}_document SELECT " . with(doc($version, 0, 'new'), %set, $path => undef),
					"23502 $path", 'a load' ];
			}
			push @cases, [ calls("post_$noun", with(doc($version, 0, 'new'), %set, @all), literal($version)),
				join(', ', map { "23502 $_" } @paths), 'all at once' ] if @paths;
			push @cases, [ calls("post_$noun", with(doc($version, 0, 'new'), %set, $r->{rating} => undef), literal($version)), "23502 $r->{rating}", 'none' ]
				if $rated;
			foreach my $attribute (grep { in_version($_->{mandatory}, $version) } attributes())
			{
				my $name = name_in($attribute, $version);

				push @cases, [ calls("post_$noun", with(doc($version, 0, 'new'), $name => '" "'), literal($version)), "23502 $name", 'blank' ]
					if $attribute->{kind} eq 'text';
				push @cases, [ "UPDATE usage_mgmt.$noun SET $attribute->{column} = NULL WHERE id = 'stored'", "23502 $name", 'UPDATE' ]
					if $attribute->{column} && $attribute->{kind} ne 'status';
			}
			outcomes("mandatory in $version" . ($rated ? ', rated' : ''), $version, @cases);
			is(value("SELECT count(*) FROM usage_mgmt.$noun"), '1', "$noun: none of them was stored");
			clean();
		}
	}
	return;
}

# ---- round trip ----

sub round_trip
{
	my @cases;

	foreach my $version (versions())
	{
		foreach my $which (0, 1)
		{
			my $id = "$version $which";
			my $document = doc($version, $which, $id);

			push @cases, [ post($document, $version), $document, 'post' ], [ post($document, $version), $document, 'a repeat' ],
				[ calls("get_$plural", "'id=$id'", literal($version)), $document, 'the list' ],
				[ "SELECT usage_mgmt.to_tmf(x, '$version') FROM usage_mgmt.$noun x WHERE id = '$id'", $document, 'to_tmf' ];
			foreach my $face (versions())
			{
				push @cases, [ calls("get_$noun", "'$id'", 'NULL', literal($face)), doc($face, $which, $id), "get in $face" ],
					[ post(doc($face, $which, $id), $face), doc($face, $which, $id), "a repeat in $face" ];
			}
		}
		push @cases, [ calls("put_$noun", "'$version 0'", literal(doc($version, 0, "$version 0")), literal($version)), doc($version, 0, "$version 0"), 'put of the same' ],
			[ post('{"id":"' . "$version 0" . '",' . substr(doc($version, 1, 'x'), 10), $version), qr/^23505 /, 'the same id, other content' ];
	}
	my $last = $r->{versions}[-1];
	push @cases, [ calls("get_$noun", "'nobody'"), 'nothing', 'get of none' ],
		[ calls("put_$noun", "'nobody'", literal(doc($last, 0, 'nobody')), literal($last)), 'P0002', 'put of none' ],
		[ calls("post_$noun", literal(doc($last, 0, 'new')), "'v9'"), qr/^22023 /, 'no such version' ],
		[ calls("get_$noun", "'v4 0'", 'NULL', "'v9'"), qr/^22023 /, 'no such version' ],
		(map { [ calls("get_$noun", "'v4 0'", 'NULL', "'$_'"), qr/^22023/, 'a version that it lacks' ] } $r->{lacks} ? @{ $r->{lacks} } : ());
	outcomes('what is posted comes back', undef, @cases);
	is(value("SELECT count(*) FROM usage_mgmt.$noun"), 2 * versions(), "$noun: each is stored once");

	# in the session's version, or the only one that it has
	foreach my $setting ('r14.5', 'v4')
	{
		my $face = (grep { $_ eq $setting } versions()) ? $setting : $r->{versions}[0];

		is(value("SET usage_mgmt.tmf_version = '$setting'; SELECT usage_mgmt.get_$noun('v4 1'), document FROM usage_mgmt.${noun}_document WHERE document LIKE '{\"id\":\"v4 1\"%'"),
			doc($face, 1, 'v4 1') . '|' . doc($face, 1, 'v4 1'), "$noun: with tmf_version $setting it speaks $face");
	}
	like(value("SELECT usage_mgmt.post_$noun((" . with(doc($last, 0, 'x'), id => undef) . "), '$last') ->> 'id'"), qr/^[0-9a-f]{8}-[0-9a-f]{4}-7/,
		"$noun: without an id it gets one");
	return;
}

# ---- broken input ----

my %broken = (
	text => [ [ '{}', '22P02' ], [ '[1]', '22P02' ], [ 'true', '22P02' ] ],
	time => [ [ '"yesterday"', '22007' ], [ '"2001-02-30T00:00:00Z"', '22008' ], [ '{}', '22P02' ], [ '"-4713-11-24"', '22007' ] ],
	number => [ [ '"x"', '22P02' ], [ '[]', '22P02' ], [ '1e999999', '22003' ], [ '"NaN"', '22P02' ] ],
	bool => [ [ '"maybe"', '22P02' ], [ '2', '22P02' ], [ '{}', '22P02' ] ],
	status => [ [ '"no such status"', '22P02' ], [ '7', '22P02' ], [ '[]', '22P02' ] ],
	characteristics => [ [ '7', '22P02' ], [ '[7]', '22P02', '[0]' ], [ '"x"', '22P02' ] ],
	list => [ [ '7', '22P02' ], [ '[7]', '22P02', '[0]' ], [ '"x"', '22P02' ] ],
	tree => [ [ '7', '22P02' ], [ '[[]]', '22P02', '[0]' ], [ '"x"', '22P02' ] ],
	branch => [ [ '7', '22P02' ], [ '[]', '22P02' ] ],
	object => [ [ '[7]', '22P02' ], [ 'true', '22P02' ] ],
	json => [],
	extra => [ [ '1e999999', '22003' ] ]);

sub broken_input
{
	foreach my $version (versions())
	{
		my $sound = doc($version, 0, 'new');
		my @cases = ([ post(doc($version, 0, 'stored'), $version), qr/^\{/ ]);

		foreach my $attribute (attributes())
		{
			my $name = name_in($attribute, $version);

			foreach (@{ $broken{ $attribute->{kind} } })
			{
				my ($value, $code, $below) = @$_;
				my $fault = $code eq '22003' ? $code : "$code $name" . ($below // '');
				my $body = doc($version, 0, 'new', $name => $value);

				push @cases, [ post($body, $version), $fault, 'post' ],
					[ calls("put_$noun", "'stored'", literal(doc($version, 0, 'stored', $name => $value)), literal($version)), $fault, 'put' ],
					[ calls("patch_$noun", "'stored'", literal("{\"$name\": $value}"), 'NULL', literal($version)), $fault, 'patch' ],
					[ "INSERT INTO usage_mgmt.${noun}_document VALUES (" . literal($body) . ')', $fault, 'a load' ];
			}
		}
		foreach ([ '', '22P02' ], [ '{"id": ', '22P02' ], [ '[]', '22P02' ], [ '"x"', '22P02' ], [ 'null', '22P02' ], [ "$sound x", '22P02' ],
			[ $sound =~ s/^\{/{"x": "\\u0000", /r, '22P05' ], [ $sound =~ s/^\{/{"x": "\\ud800", /r, '22P02' ],
			[ $sound =~ s/^\{/'{"x": ' . ('[' x 1001) . (']' x 1001) . ', '/er, '54001' ],
			[ $sound =~ s/new/'i' x 513/er, '23514' ], [ $sound =~ s/"new"/[]/r, '22P02' ])
		{
			my ($body, $code) = @$_;

			push @cases, [ post($body, $version), qr/^$code/, 'post of ' . substr($body, 0, 40) ],
				[ calls("put_$noun", "'stored'", literal($body), literal($version)), qr/^(?:$code|UM002)/, 'put' ],
				[ "INSERT INTO usage_mgmt.${noun}_document VALUES (" . literal($body) . ')', qr/^$code/, 'a load' ];
		}
		push @cases, [ calls("get_$noun", "'stored'", 'NULL', literal($version)), doc($version, 0, 'stored'), 'what is stored stays' ];
		outcomes("broken input in $version", $version, @cases);
		is(value("SELECT count(*) FROM usage_mgmt.$noun"), '1', "$noun: none of it was stored");
		clean();
	}
	return;
}

# ---- the ledger ----

sub ledger
{
	my $version = $r->{versions}[-1];
	my $date = $r->{date} or return;
	my $name = name_in($r->{dated}, $version);
	my $other = with(doc($version, 0, 'a'), $name => '"2001-02-20T00:00:00Z"');
	my ($which) = map { ", $_" } resource_argument();
	my ($alone) = (resource_argument(), '');
	my $leaf = "SELECT tableoid::regclass || ' ' || ($date AT TIME ZONE 'UTC')::date FROM usage_mgmt.$noun WHERE id = ";
	my $key = "SELECT concat_ws(' ', count(*), (min($date) AT TIME ZONE 'UTC')::date) FROM usage_mgmt.${noun}_key WHERE id = ";

	$which //= '';
	is(value("SELECT usage_mgmt.ensure_partitions('2001-01-01', '2001-02-28'$which), usage_mgmt.ensure_partitions('2001-01-01', '2001-02-28'$which)"), '2|0',
		"$noun: months are made once");
	my ($columns) = value("SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attrelid = 'usage_mgmt.$noun'::regclass AND attnum > 0 AND NOT attisdropped");
	my @dates = map { "timestamptz '$_'" } '2001-02-20 00:00Z', '2001-01-20 00:00Z', '1999-05-05 00:00Z';
	my $copied = sub { my ($date_of_copy, $id) = @_; return "INSERT INTO usage_mgmt.$noun SELECT (json_populate_record(x, json_build_object('$date', $date_of_copy, 'id', '$id'))).* FROM usage_mgmt.$noun x WHERE id = 'a'" };
	outcomes('the ledger', $version,
		[ post(doc($version, 0, 'a'), $version), qr/^\{/ ],
		[ $leaf . "'a'", "usage_mgmt.${noun}_p200101 2001-01-15", 'it lies in its month' ],
		[ $key . "'a'", '1 2001-01-15' ],
		[ calls("post_$noun", $other, literal($version)), qr/^23505 \Q$name\E/, 'the id in another month' ],
		[ $copied->($dates[0], 'a'), '23505', 'the same by SQL' ],
		[ $copied->($dates[0], 'a') =~ s/usage_mgmt\.$noun SELECT/usage_mgmt.${noun}_p200102 SELECT/r, '23505', 'into a partition' ],
		[ $copied->($dates[2], 'a'), '23505', 'into the default one' ],
		[ "WITH i AS (" . $copied->($dates[0], 'b') . " RETURNING id) SELECT id FROM i", 'b', 'another id' ],
		[ post(doc($version, 0, 'a'), $version), qr/^\{/, 'a repeat' ],
		[ calls("patch_$noun", "'a'", "'{\"description\": \"patched\"}'", 'NULL', literal($version)), qr/"patched"/ ],
		[ post(doc($version, 0, 'a'), $version), qr/"patched"/, 'a repeat of what was delivered' ],
		[ calls("post_$noun", with(doc($version, 0, 'a'), description => '"patched"'), literal($version)), qr/"patched"/, 'a repeat of what is there' ],
		[ calls("post_$noun", with(doc($version, 0, 'a'), description => '"other"'), literal($version)), '23505 description', 'neither' ],
		[ "UPDATE usage_mgmt.$noun SET $date = $dates[0] WHERE id = 'a'", $r->{dated}{fixed} ? qr/^(?:UM002 $name|done)$/ : 'done', 'to another month' ],
		$r->{dated}{fixed} ? () : (
			[ $leaf . "'a'", "usage_mgmt.${noun}_p200102 2001-02-20", 'moved' ], [ $key . "'a'", '1 2001-02-20' ],
			[ "UPDATE usage_mgmt.$noun SET $date = $dates[2] WHERE id = 'a'", 'done' ],
			[ $leaf . "'a'", "usage_mgmt.${noun}_default 1999-05-05", 'where no month is' ],
			[ $copied->($dates[1], 'a'), '23505', 'the id is still taken' ]),
		[ calls("check_keys", resource_argument()) =~ s/SELECT /SELECT count(*) FROM /r, '0', 'the ledger is sound' ],
		[ calls("delete_$noun", "'a'"), 't' ], [ $key . "'a'", '0', 'the key goes, too' ],
		[ calls("post_$noun", with(doc($version, 1, 'a'), $name => '"1999-06-06T00:00:00Z"'), literal($version)), qr/^\{/, 'the id is free' ],
		[ $leaf . "'a'", "usage_mgmt.${noun}_default 1999-06-06" ],
		[ calls('ensure_partitions', "'1999-06-01'", "'1999-06-01'", resource_argument()), '1' ],
		[ $leaf . "'a'", "usage_mgmt.${noun}_p199906 1999-06-06", 'out of the default partition' ],
		[ $key . "'a'", '1 1999-06-06' ],
		[ calls('check_keys', resource_argument()) =~ s/SELECT /SELECT count(*) FROM /r, '0', 'the ledger is sound' ],
		[ calls('drop_partitions', "'1999-07-01'", resource_argument(), 'billed => true', 'unbilled => true'), '1', 'a month is dropped' ],
		[ $key . "'a'", '1 1999-06-06', 'the id is kept' ],
		[ post(doc($version, 0, 'a'), $version), '23505', 'and taken' ],
		[ "DELETE FROM usage_mgmt.${noun}_key", 'done' ],
		[ calls('check_keys', resource_argument()) =~ s/SELECT /SELECT string_agg(id || ' ' || fault, ',') FROM /r, 'b has no key', 'what is wrong is told' ],
		[ calls('rebuild_keys', resource_argument()), '1', 'and mended' ],
		[ calls('check_keys', resource_argument()) =~ s/SELECT /SELECT count(*) FROM /r, '0' ],
		[ "TRUNCATE usage_mgmt.${noun}_p200102", 'done' ],
		[ "SELECT count(*) FROM usage_mgmt.${noun}_key", '0', 'TRUNCATE of a month' ],
		[ post(doc($version, 0, 'a'), $version), qr/^\{/ ], [ "TRUNCATE usage_mgmt.$noun", 'done' ],
		[ "SELECT count(*) FROM usage_mgmt.${noun}_key", '0', 'and of all' ]);
	return;
}

# ---- COPY ----

sub copy
{
	my $version = $r->{versions}[-1];
	my $file = "$folder/$noun.json";
	my $copy = "COPY usage_mgmt.${noun}_document FROM '$file' $lines";
	my $books = "SELECT concat_ws(' ', read, stored, repeated, conflicting, rejected) FROM test.newest_load";
	my ($missing) = mandatory_paths($version, 0, 1);
	my $faulty = value('SELECT ' . with(doc($version, 0, 'faulty'), $missing => undef));
	my $conflicting = doc($version, 1, 'a');
	my $has_conflicts = value("SELECT to_regclass('usage_mgmt.${noun}_conflict') IS NOT NULL") eq 't';
	my @documents = (doc($version, 0, 'a'), '', doc($version, 1, 'b'), (map { doc($_, 0, 'a') } others($version)),
		$conflicting, " $faulty\t", 'no JSON, caf' . "\xc3\xa9", '{"id": "cut off"', doc($version, 0, 'c'));
	my $repeated = others($version);
	my $sound = 3 + $repeated;
	my $read = @documents - 1;

	append_to_file($file, join("\n", @documents) . "\n");
	outcomes('COPY of documents', $version,
		[ $copy, 'done' ],
		[ $books, join(' ', $read, 3, $repeated, $has_conflicts ? (1, 3) : (0, 4)), 'the books' ],
		[ "SELECT string_agg(id, ',' ORDER BY id) FROM usage_mgmt.$noun", 'a,b,c', 'the others are stored' ],
		(map { [ calls("get_$noun", "'$_->[0]'", 'NULL', literal($version)), doc($version, $_->[1], $_->[0]) ] } [ 'a', 0 ], [ 'b', 1 ], [ 'c', 0 ]),
		[ "SELECT string_agg(errors -> 0 ->> 'code', ',' ORDER BY record_number) FROM usage_mgmt.import_reject WHERE resource = '$noun'",
			($has_conflicts ? '' : '23505,') . '23502,22P02,22P02', 'the rejects' ],
		[ "SELECT string_agg('<' || document || '>', ',' ORDER BY record_number) FROM usage_mgmt.import_reject WHERE resource = '$noun' AND errors -> 0 ->> 'code' <> '23505'",
			"< $faulty\t>,<no JSON, caf\xc3\xa9>,<{\"id\": \"cut off\">", 'kept whole' ],
		[ "SELECT errors -> 0 ->> 'path' FROM usage_mgmt.import_reject WHERE errors -> 0 ->> 'code' = '23502'", $missing, 'with the path' ],
		$has_conflicts ? (
			[ "SELECT document FROM usage_mgmt.${noun}_conflict", $conflicting, 'the conflict' ],
			[ "SELECT stored::jsonb = " . literal(doc($version, 0, 'a')) . "::jsonb FROM usage_mgmt.${noun}_conflict", 't', 'and what was there' ]) : (),
		$r->{date} ? ([ "SELECT count(*) FROM usage_mgmt.$noun x JOIN test.newest_load l ON x.load_id = l.id", '3', 'of that load' ]) : (),
		# Once more: all that was stored is a repeat
		[ $copy, 'done' ],
		[ $books, join(' ', $read, 0, 3 + $repeated, $has_conflicts ? (1, 3) : (0, 4)), 'the same file again' ],
		# A reject that is mended
		[ "SELECT usage_mgmt.recycle_reject(min(id)) FROM usage_mgmt.import_reject WHERE errors -> 0 ->> 'code' = '23502'", "23502 $missing", 'as it came' ],
		[ "SELECT usage_mgmt.recycle_reject(min(id), " . literal(doc($version, 0, 'faulty')) . ") FROM usage_mgmt.import_reject WHERE errors -> 0 ->> 'code' = '23502'", 't', 'mended' ],
		[ calls("get_$noun", "'faulty'", 'NULL', literal($version)), doc($version, 0, 'faulty') ],
		[ 'SELECT count(*) FROM usage_mgmt.import_reject WHERE recycled_at IS NOT NULL', '1' ],
		$missing =~ /\W/ ? () : (
			[ "SELECT usage_mgmt.recycle_rejects(max(load_id), '{\"$missing\": ' || " . literal(value_in((grep { name_in($_, $version) eq $missing } attributes())[0], $version, 0)) . " || '}') FROM usage_mgmt.import_reject",
				$has_conflicts ? '1' : qr/^\d$/, 'all of a load' ]),
		[ "SELECT set_config('usage_mgmt.on_fault', 'raise', false)", 'raise' ],
		[ $copy, qr/^(?:23505|23502)/, 'on_fault = raise' ],
		[ "SELECT set_config('usage_mgmt.on_fault', 'keep', false)", 'keep' ],
		[ "INSERT INTO usage_mgmt.${noun}_document VALUES (" . literal($faulty) . ')', "23502 $missing", 'an INSERT is no load' ],
		[ "WITH l AS (INSERT INTO usage_mgmt.import_load (source) VALUES ('by hand') RETURNING id) SELECT set_config('usage_mgmt.load', id::text, false) IS NOT NULL FROM l", 't' ],
		[ "INSERT INTO usage_mgmt.${noun}_document VALUES (" . join('), (', map { literal($_) } $faulty, doc($version, 0, 'a'), doc($version, 0, 'd')) . ')', 'done', 'unless it is tied to one' ],
		[ $books, '3 1 1 0 1' ],
		[ "SELECT set_config('usage_mgmt.load', '', false)", '' ],
		[ "UPDATE usage_mgmt.${noun}_document SET document = '{}'", '0A000', 'no UPDATE of the view' ], [ "DELETE FROM usage_mgmt.${noun}_document", '0A000' ],
		# What is written by COPY is read by COPY
		[ "COPY (SELECT document FROM usage_mgmt.${noun}_document) TO '$file.out' $lines", 'done' ],
		[ "COPY usage_mgmt.${noun}_document FROM '$file.out' $lines", 'done' ], [ $books, '5 0 5 0 0', 'out and in' ],
		[ "TRUNCATE usage_mgmt.$noun", 'done' ],
		[ "COPY usage_mgmt.${noun}_document FROM '$file.out' $lines", 'done' ], [ $books, '5 5 0 0 0', 'into an empty table' ],
		[ "COPY (SELECT usage_mgmt.to_tmf(x, '$version')::text FROM usage_mgmt.$noun x) TO '$file.bin' (FORMAT binary)", 'done' ],
		[ "COPY usage_mgmt.${noun}_document FROM '$file.bin' (FORMAT binary)", 'done' ], [ $books, '5 0 5 0 0', 'in binary form' ]);
	return;
}

# ---- arrays ----

# Many posted at once over HTTP, in each version: stored and shown as they are by themselves
sub arrays
{
	foreach my $version (versions())
	{
		my $uri = $r->{path}{$version} =~ s{/$}{}r;
		my $status = name_in($r->{status}, $version);
		my $posted = sub { return "SELECT test.posted('$uri', '[' || concat_ws(', ', " . join(', ', map { /^\{/ ? literal($_) : "($_)::text" } @_) . ") || ']')" };
		my @documents = (doc($version, 1, 'b'), doc($version, 0, 'a'), doc($version, 1, 'b'));
		my $all = '[' . join(',', @documents) . ']';

		outcomes("an array in $version", $version,
			[ $posted->(@documents), "201 $all", 'stored' ],
			[ $posted->(@documents), "200 $all", 'again' ],
			[ $posted->(doc($version, 0, 'c'), with(doc($version, 0, 'd'), $status => '"no such"'), '\'7\''), qr/^400 \[1\]\.$status: "no such" is none of .*; \[2\]: expected an object/, 'at fault' ],
			[ $posted->(doc($version, 0, 'c'), doc($version, 1, 'a'), doc($version, 0, 'b')), qr/^409 \[1\]\.\S+: differs .*; \[2\]\.\S+: differs /, 'taken' ],
			[ $posted->(doc($version, 0, 'd'), doc($version, 1, 'd')), qr/^409 \[1\]\.\S+: differs [^;]*$/, 'one id twice' ],
			[ "SELECT string_agg(id, ',' ORDER BY id) FROM usage_mgmt.$noun", 'a,b', 'nothing of these is stored' ],
			[ $posted->(doc($version, 0, 'c'), doc($version, 0, 'a')), '201 [' . join(',', doc($version, 0, 'c'), doc($version, 0, 'a')) . ']', 'one that is new' ],
			[ 'SELECT count(*) FROM usage_mgmt.import_load', '0', 'no books' ]);
		clean();
	}
	return;
}

# ---- queries ----

sub plain { my ($json) = @_; return $json =~ /^"(.*)"$/ ? $1 : $json }

sub queries
{
	foreach my $version (versions())
	{
		my $ids = sub { my ($query) = @_; return "SELECT string_agg(q ->> 'id', ',') FROM (SELECT usage_mgmt.get_$plural(" . literal($query) . ", '$version') q) x" };
		my $v = literal($version);
		my @cases = map { [ post(doc($version, $_->[0], $_->[1]), $version), qr/^\{/ ] } [ 0, 'a' ], [ 1, 'b' ];

		foreach my $attribute (attributes())
		{
			my ($name, $kind) = (name_in($attribute, $version), $attribute->{kind});
			my ($path, $first, $second) = $attribute->{ask} ? (in_version($attribute->{ask}[0], $version), @{ $attribute->{ask} }[1, 2])
				: ($name, map { plain(value_in($attribute, $version, $_)) } 0, 1);
			my ($escaped) = map { s/([%+,;&])/sprintf '%%%02X', ord $1/ger } $second;

			push @cases, [ $ids->("$path=$first"), 'a', "$kind, eq" ], [ $ids->("$path.eq=$escaped"), 'b', "$kind, .eq" ], [ $ids->("$path==$first"), 'a', "$kind, ==" ],
				[ $ids->("$path.ne=$first"), 'b', "$kind, ne" ], [ $ids->("$path!=$escaped"), 'a', "$kind, !=" ],
				[ $ids->("$path=$first,$escaped&sort=id"), 'a,b', "$kind, values by comma" ], [ $ids->("$path=$first;$escaped&sort=-id"), 'b,a', "$kind, by semicolon" ],
				[ $ids->("$path=$first&$path=$escaped&sort=id"), 'a,b', "$kind, repeated" ],
				[ calls("count_$plural", literal("$path=$first"), $v), '1', "$kind, count" ];
			if ($kind =~ /^(?:status|bool)$/)
			{
				push @cases, [ $ids->("$path.gt=$first"), qr/^22023/, "$kind has no order" ] if $kind eq 'status';
			}
			else
			{
				push @cases, [ $ids->("$path.gt=$first"), 'b', "$kind, gt" ], [ $ids->("$path<$escaped"), 'a', "$kind, <" ],
					[ $ids->("$path.gte=$first&sort=id"), 'a,b', "$kind, gte" ], [ $ids->("$path.lte=$escaped&sort=id"), 'a,b', "$kind, lte" ],
					[ $ids->("$path.gt=$first&$path.lt=$escaped"), 'nothing', "$kind, a range" ];
			}
			push @cases, [ $ids->("$path.regex=^" . substr($first, 0, 2)), qr/^a/, "$kind, regex" ], [ $ids->("$path=~^$first\$"), 'a', "$kind, =~" ] if $kind eq 'text';
			push @cases, [ $ids->("sort=$path"), 'a,b', "$kind, sort" ], [ $ids->("sort=-$path"), 'b,a', "$kind, sorted down" ] if $kind =~ /^(?:text|time|number)$/;
			push @cases, [ $ids->("$path=x"), qr/^22023/, "$kind, a value that is none" ] if $kind =~ /^(?:time|number|bool|status)$/;

			# It alone, with what always comes
			if ($kind ne 'extra')
			{
				my $alone = "{\"id\":\"a\",\"href\":\"$r->{path}{$version}a\",\"$name\":" . value_in($attribute, $version, 0) . '}';

				push @cases, [ calls("get_$noun", "'a'", literal($name), $v), $alone, "$kind, get of its own" ],
					[ calls("get_$plural", literal("id=a&fields=$name"), $v), $alone, "$kind, fields" ],
					[ $ids->("${name}x=1"), qr/^22023 \? .*\Q$name\E/, "$kind, misspelt" ], [ $ids->("fields=${name}x"), qr/^22023/, "$kind, misspelt in fields" ],
					[ $ids->("sort=${name}x"), qr/^22023/, "$kind, misspelt in sort" ];
			}
		}
		push @cases, [ calls("get_$noun", "'a'", "'none'", $v), "{\"id\":\"a\",\"href\":\"$r->{path}{$version}a\"}", 'fields=none' ],
			[ calls("get_$noun", "'a'", "'all'", $v), doc($version, 0, 'a'), 'fields=all' ],
			[ $ids->('id=a,nobody'), 'a', 'id' ], [ $ids->('sort=id&limit=1'), 'a', 'limit' ], [ $ids->('sort=id&offset=1'), 'b', 'offset' ],
			[ $ids->('sort=id&limit=1&offset=2'), 'nothing', 'beyond' ],
			[ $ids->('limit=x'), qr/^22023/ ], [ $ids->('limit=-1'), qr/^22023/ ],
			[ $ids->(''), qr/^(?:a,b|b,a)$/, 'all' ], [ $ids->('id.huh=a'), qr/^22023/, 'an operator that is none' ], [ $ids->('nobody=1'), qr/^22023/ ],
			[ $ids->('filter=x'), qr/^22023/ ], [ $ids->("filter=\$[?(@.id=='b')]"), 'b', 'by JSONPath' ], [ $ids->('extra.nobody=1'), 'nothing' ],
			[ calls("count_$plural", "'limit=1&offset=1'", $v), '2', 'count is of all' ], [ calls("count_$plural"), '2' ],
			[ calls("count_$plural", "'id=a'", "'v9'"), qr/^22023/, 'no such version' ],
			[ "SELECT string_agg(x, ' ') FROM usage_mgmt.explain_$plural('id=a', $v) x", qr/$noun/, 'explain' ];
		outcomes("queries in $version", $version, @cases);
		outcomes("after, in $version", $version, [ $ids->('after=a'), 'b' ], [ $ids->('after=b'), 'nothing', 'the last' ],
			[ $ids->('after=a&sort=-id&limit=1'), 'nothing', 'downwards' ], [ $ids->('after=nobody'), qr/^(?:22023|nothing)/ ]);
		clean();
	}
	return;
}

# ---- patches ----

sub patches
{
	my $json_patch = "'application/json-patch+json'";

	foreach my $version (versions())
	{
		my $v = literal($version);
		my @cases;
		my $n = 0;
		my $patch = sub {
			my ($body, $type) = @_;
			my $id = 'p' . ++$n;

			push @cases, [ post(doc($version, 0, $id), $version), qr/^\{/ ];
			return ($id, calls("patch_$noun", "'$id'", literal($body), $type // 'NULL', $v));
		};
		# By each kind of patch: [its body, its type]
		my $each = sub {
			my ($name, $value) = @_;
			my $op = defined $value ? 'add' : 'remove';
			my $operation = "{\"op\": \"$op\", \"path\": \"/" . $name =~ s/~/~0/gr . '"' . (defined $value ? ", \"value\": $value}" : '}');

			return ([ "{\"$name\": " . ($value // 'null') . '}' ], [ "[$operation]", $json_patch ], [ $operation =~ s/add/replace/r, "'application/json-patch-query+json'" ], [ $operation, 'NULL' ]);
		};

		foreach my $attribute (attributes())
		{
			my $name = name_in($attribute, $version);
			my $new = value_in($attribute, $version, 1);
			my $stays = in_version($attribute->{mandatory}, $version) || $attribute->{kind} eq 'status';

			foreach ($each->($name, $new))
			{
				my ($id, $call) = $patch->(@$_);

				# A move to a status that demands more changes more
				push @cases, $attribute->{fixed} ? [ $call, "UM002 $name", 'fixed' ]
					: [ "SELECT a @> jsonb_build_object(" . literal($name) . ', ' . literal($new) . "::jsonb) AND a - " . literal($name) . ' = ' . with(doc($version, 0, $id), $name => undef)
						. " FROM (SELECT ($call)::jsonb AS a) x", 't', "$attribute->{kind}, set by $_->[0]" ];
			}
			foreach ($each->($name, undef))
			{
				my ($id, $call) = $patch->(@$_);

				push @cases, $attribute->{fixed} ? [ $call, "UM002 $name", 'fixed' ]
					: in_version($attribute->{mandatory}, $version) ? [ $call, $attribute->{kind} eq 'status' ? qr/^23502|^\{/ : "23502 $name", 'mandatory' ]
					: $attribute->{kind} eq 'status' || $attribute->{dates} || ($noun eq 'usage' && $version eq 'v4' && $name eq 'usageType') ? [ $call, qr/"$name":/, 'filled in again' ]
					: [ same($call, value('SELECT ' . with(doc($version, 0, $id), $name => undef))), 't', "$attribute->{kind}, emptied by $_->[0]" ];
			}
		}
		foreach ($each->('id', '"other"'), $each->('id', undef), $each->('href', '"/other"'), $each->('href', undef))
		{
			my ($id, $call) = $patch->(@$_);

			push @cases, [ $call, qr/^UM002 /, "identity, by $_->[0]" ];
		}
		my ($id) = $patch->('{}');
		my ($value) = map { "/$_" } name_in((grep { $_->{kind} =~ /^(?:characteristics|tree)$/ } attributes())[0], $version);
		push @cases,
			[ calls("patch_$noun", "'$id'", "'{}'", 'NULL', $v), doc($version, 0, $id), 'nothing' ],
			[ calls("patch_$noun", "'$id'", literal('[{"op": "test", "path": "/description", "value": "first"}, {"op": "replace", "path": "/description", "value": "x"}]'), $json_patch, $v), qr/"description":"x"/, 'a test that holds' ],
			[ calls("patch_$noun", "'$id'", literal('[{"op": "replace", "path": "/description", "value": "y"}, {"op": "test", "path": "/description", "value": "z"}]'), $json_patch, $v), qr/^22023/, 'a test that does not' ],
			[ calls("patch_$noun", "'$id'", literal('[{"op": "copy", "from": "/description", "path": "/note"}, {"op": "move", "from": "/note", "path": "/copy"}]'), $json_patch, $v), qr/"copy":"x"/, 'copy and move' ],
			[ calls("patch_$noun", "'$id'", literal("[{\"op\": \"replace\", \"path\": \"$value/0/name\", \"value\": \"renamed\"}]"), $json_patch, $v), qr/"name":"renamed"/, 'in an element' ],
			[ calls("patch_$noun", "'$id'", literal("{\"op\": \"replace\", \"path\": \"$value/name?name=renamed\", \"value\": \"again\"}"), 'NULL', $v), qr/"name":"again"/, 'ArrayUpdate by a filter' ],
			[ calls("patch_$noun", "'$id'", literal("[{\"op\": \"remove\", \"path\": \"$value/0\"}]"), $json_patch, $v), qr/^\{(?!.*"again")/, 'an element less' ],
			[ calls("patch_$noun", "'$id'", literal('[{"op": "remove", "path": "/nobody"}]'), $json_patch, $v), qr/^22023/, 'what is not there' ],
			[ calls("patch_$noun", "'$id'", literal('[{"op": "foo", "path": "/description"}]'), $json_patch, $v), qr/^22023/, 'an operation that is none' ],
			[ calls("patch_$noun", "'$id'", "'7'", 'NULL', $v), qr/^22/, 'no patch' ], [ calls("patch_$noun", "'$id'", "'{}'", "'text/plain'", $v), qr/^22023/, 'no type of patches' ],
			[ calls("patch_$noun", "'nobody'", "'{}'", 'NULL', $v), 'P0002' ], [ calls("patch_$noun", "'$id'", "'{}'", 'NULL', "'v9'"), qr/^22023/, 'no such version' ];

		# Many
		push @cases, [ "TRUNCATE usage_mgmt.$noun", 'done' ], (map { [ post(doc($version, $_->[0], $_->[1]), $version), qr/^\{/ ] } [ 0, 'a' ], [ 0, 'b' ], [ 1, 'c' ]),
			[ calls("patch_$plural", "'description=first'", "'{\"description\": \"both\"}'", 'NULL', $v), '2', 'many' ],
			[ calls("patch_$plural", "'description=first'", "'{\"description\": \"both\"}'", 'NULL', $v), '0', 'none' ],
			[ calls("patch_$plural", "'description=first'", "'[{\"op\": \"foo\"}]'", $json_patch, $v), qr/^22023/, 'no patch, of none' ],
			[ calls("patch_$plural", "''", "'{\"description\": \"all\"}'", 'NULL', $v), qr/^22023/, 'no condition' ],
			[ calls("patch_$plural", "'id=a&limit=1'", "'{}'", 'NULL', $v), qr/^22023/, 'a limit' ],
			[ calls("patch_$plural", "'all=true'", "'{\"id\": \"x\"}'", 'NULL', $v), qr/^UM002/, 'their ids' ],
			[ calls("patch_$plural", "'id=a,b,c'", literal('[{"op": "test", "path": "/description", "value": "both"}, {"op": "replace", "path": "/description", "value": "x"}]'), $json_patch, $v), qr/^22023/, 'one of them cannot' ],
			[ calls("count_$plural", "'description=both'", $v), '2', 'then none is' ],
			[ "SELECT string_agg(id || ' ' || code, ',') FROM usage_mgmt.patch_${plural}_each('all=true', "
				. literal('[{"op": "test", "path": "/description", "value": "both"}, {"op": "replace", "path": "/description", "value": "x"}]') . "::json, $json_patch, $v)", 'c 22023', 'each by itself' ],
			[ calls("count_$plural", "'description=x'", $v), '2', 'then the others are' ],
			[ calls("patch_$plural", "'all=true'", "'{\"description\": \"all\"}'", 'NULL', $v), '3', 'all' ],
			[ "SELECT count(*) FROM usage_mgmt.$noun WHERE changed_at >= received_at AND description = 'all'", '3' ];
		outcomes("patches in $version", $version, @cases);
		is(value('SELECT count(*) FROM usage_mgmt.check_keys(' . join('', resource_argument()) . ')'), '0', "$noun: the ledger is sound") if $r->{date};
		clean();
	}
	return;
}

# ---- deletes ----

sub deletes
{
	my $version = $r->{versions}[-1];

	outcomes('deletes', $version,
		(map { [ post(doc($version, $_->[0], $_->[1]), $version), qr/^\{/ ] } [ 0, 'a' ], [ 0, 'b' ], [ 1, 'c' ], [ 1, 'd' ]),
		[ calls("delete_$noun", "'a'"), 't' ], [ calls("delete_$noun", "'a'"), 'f', 'once' ], [ calls("get_$noun", "'a'"), 'nothing' ],
		[ calls("delete_$plural", "''"), qr/^22023/, 'no condition' ], [ calls("delete_$plural", "'limit=1'"), qr/^22023/ ],
		[ calls("delete_$plural", "'descriptoin=first'"), qr/^22023 \? .*description/, 'a name misspelt' ],
		[ calls("delete_$plural", "'description.ne=second'"), '1', 'those of a query' ], [ calls("delete_$plural", "'description=first'"), '0', 'none' ],
		[ "SELECT string_agg(id, ',' ORDER BY id) FROM usage_mgmt.$noun", 'c,d' ],
		$r->{closed} ? (
			[ calls("patch_$noun", "'c'", "'{\"" . name_in($r->{status}, $version) . "\": \"$r->{closed}\"}'", 'NULL', literal($version)), qr/^\{/ ],
			[ calls("delete_$noun", "'c'"), qr/^UM003/, "$r->{closed}" ], [ calls("delete_$plural", "'all=true'"), qr/^UM003/, 'among others' ],
			[ "DELETE FROM usage_mgmt.$noun", qr/^UM003/, 'by SQL' ], [ "SELECT count(*) FROM usage_mgmt.$noun", '2', 'all or none' ],
			[ calls("delete_$noun", "'c'", "billed => true"), 't' ], [ calls("delete_$plural", "'all=true'", "billed => true"), '1', 'all' ])
			: [ calls("delete_$plural", "'all=true'"), '2', 'all' ],
		[ "SELECT count(*) FROM usage_mgmt.$noun", '0' ]);
	return;
}

# ---- privileges ----

sub privileges
{
	my $version = $r->{versions}[-1];
	my $as = sub { my ($role, @case) = @_; return ([ "SELECT set_config('role', '$role', false)", $role ], @case, [ "SELECT set_config('role', 'none', false)", 'none' ]) };
	my @reads = ([ calls("get_$noun", "'a'", 'NULL', literal($version)), doc($version, 0, 'a') ], [ "SELECT count(*) FROM usage_mgmt.get_$plural()", '1' ],
		[ calls("count_$plural"), '1' ], [ "SELECT count(*) > 0 FROM usage_mgmt.explain_$plural()", 't' ],
		[ "SELECT count(*) FROM usage_mgmt.${noun}_document", '1' ], [ "SELECT count(usage_mgmt.to_tmf(x)) FROM usage_mgmt.$noun x", '1' ]);
	my @writes = ([ post(doc($version, 0, 'b'), $version), '42501', 'post' ], [ calls("put_$noun", "'a'", literal(doc($version, 1, 'a')), literal($version)), '42501', 'put' ],
		[ calls("patch_$noun", "'a'", "'{\"description\": \"x\"}'"), '42501', 'patch' ], [ calls("patch_$plural", "'id=a'", "'{\"description\": \"x\"}'"), '42501', 'patch of many' ],
		[ calls("delete_$noun", "'a'"), '42501', 'delete' ], [ calls("delete_$plural", "'id=a'"), '42501', 'delete of many' ],
		[ "INSERT INTO usage_mgmt.${noun}_document VALUES (" . literal(doc($version, 0, 'b')) . ')', '42501', 'a load' ],
		[ "UPDATE usage_mgmt.$noun SET description = 'x'", '42501' ], [ "TRUNCATE usage_mgmt.$noun", '42501' ],
		$r->{date} ? ([ "SELECT * FROM usage_mgmt.${noun}_key", '42501' ], [ calls('ensure_partitions', "'1990-01-01'", "'1990-01-01'", resource_argument()), '42501' ]) : ());

	outcomes('privileges', $version,
		(map { [ "DO \$\$ BEGIN IF to_regrole('res_$_') IS NULL THEN CREATE ROLE res_$_; PERFORM usage_mgmt.grant_access('res_$_', '$_'); GRANT USAGE ON SCHEMA test TO res_$_; END IF; END \$\$", 'done' ] } qw(reader writer)),
		[ "DO \$\$ BEGIN IF to_regrole('res_nobody') IS NULL THEN CREATE ROLE res_nobody; GRANT USAGE ON SCHEMA usage_mgmt, test TO res_nobody; END IF; END \$\$", 'done' ],
		[ post(doc($version, 0, 'a'), $version), qr/^\{/ ],
		$as->('res_reader', @reads, @writes),
		$as->('res_nobody', (map { [ $_->[0], '42501', 'a read without a right' ] } @reads), @writes),
		$as->('res_writer', @reads, [ post(doc($version, 1, 'b'), $version), doc($version, 1, 'b') ],
			[ calls("patch_$plural", "'id=a'", "'{\"description\": \"x\"}'"), '1' ], [ calls("put_$noun", "'a'", literal(doc($version, 0, 'a')), literal($version)), doc($version, 0, 'a') ],
			[ calls("delete_$noun", "'b'"), 't' ], [ "TRUNCATE usage_mgmt.$noun", '42501' ]));
	return;
}

# ---- restore ----

# What psql says of a dump
sub restored
{
	my ($into, $dump) = @_;
	my ($out, $err);

	IPC::Run::run([ program($node, 'psql'), '-X', '-q', '-o', '/dev/null', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr($into) ], '>', \$out, '2>', \$err);
	return $err;
}

sub restore
{
	my $version = $r->{versions}[-1];
	my ($which) = map { ", $_" } resource_argument();
	my $status = name_in($r->{status}, $version);
	my $copy = "restored_$noun";
	my $content = "SELECT tableoid::regclass, x::text, " . join(', ', map { "usage_mgmt.to_tmf(x, '$_')" } versions()) . " FROM usage_mgmt.$noun x ORDER BY id;\n"
		. ($r->{date} ? "SELECT * FROM usage_mgmt.${noun}_key ORDER BY id;\nSELECT count(*) FROM usage_mgmt.check_keys(" . join('', resource_argument()) . ");\n" : '')
		. "SELECT resource, errors FROM usage_mgmt.import_reject ORDER BY id;\n";
	my $document = doc($version, 0, 'x');

	# In each status, in months, in none; changed; with a load behind them
	value(($r->{date} ? "SELECT usage_mgmt.ensure_partitions('2001-01-01', '2001-01-31'" . ($which // '') . ") \\gset\n" : '') . <<"SQL");
SELECT count(usage_mgmt.post_$noun(@{[ literal($document) ]}::jsonb - 'href' || jsonb_build_object('id', s, '$status', s), '$version'))
	FROM unnest(enum_range(NULL::usage_mgmt.$r->{life})) s;
SELECT usage_mgmt.post_$noun(@{[ literal(doc($version, 1, 'second')) ]}, '$version') \\gset
SELECT usage_mgmt.patch_$noun('second', '{"description": "patched", "more": [1.50]}', NULL, '$version') \\gset
COPY usage_mgmt.${noun}_document FROM '$folder/$noun.json' $lines;
SQL
	my $dump = "$folder/$noun.sql";
	my ($out, $err);
	IPC::Run::run([ program($node, 'pg_dump'), '-f', $dump, '-d', $node->connstr($database) ], '>', \$out, '2>', \$err);
	is($err, '', "$noun: dumped");
	$node->safe_psql('postgres', "CREATE DATABASE $copy");
	my $said = restored($copy, $dump);
	is($said, '', "$noun: restored");
	is($node->safe_psql($copy, $content), $node->safe_psql($database, $content), "$noun: the same content");

	my ($from, $to) = split /\|/, value("SELECT f, t FROM unnest(enum_range(NULL::usage_mgmt.$r->{life})) f, unnest(enum_range(NULL::usage_mgmt.$r->{life})) t
		WHERE f <> t AND (f::text, t::text) NOT IN (SELECT from_status, to_status FROM usage_mgmt.status_transition WHERE resource = '$noun') ORDER BY 1, 2 LIMIT 1");
	my $original = $database;
	$database = $copy;
	outcomes('and alive', $version,
		[ "UPDATE usage_mgmt.$noun SET status = '$to' WHERE id = '$from'", qr/^UM001/, 'an illegal move' ],
		[ "SELECT count(usage_mgmt.post_$noun(usage_mgmt.to_tmf(x, '$version'), '$version')) = count(*) FROM usage_mgmt.$noun x", 't', 'repeats' ],
		[ calls("post_$noun", with(doc($version, 0, 'second'), description => '"neither"'), literal($version)), qr/^23505/, 'a conflict' ],
		[ post(doc($version, 0, 'new'), $version), doc($version, 0, 'new') ], [ calls("patch_$noun", "'new'", "'{\"description\": \"x\"}'", 'NULL', literal($version)), qr/"x"/ ],
		[ "COPY usage_mgmt.${noun}_document FROM '$folder/$noun.json' $lines", 'done' ], [ 'SELECT stored FROM test.newest_load', '0', 'a load goes on' ],
		[ calls("delete_$noun", "'new'"), 't' ],
		$r->{date} ? ([ "SELECT count(*) FROM usage_mgmt.check_keys(" . join('', resource_argument()) . ')', '0' ],
			[ calls("post_$noun", with(doc($version, 0, 'late'), name_in($r->{dated}, $version) => '"2004-04-04T00:00:00Z"'), literal($version)), qr/^\{/ ],
			[ calls('ensure_partitions', "'2004-04-01'", "'2004-04-01'", resource_argument()), '1', 'a month more' ],
			[ "SELECT id FROM usage_mgmt.${noun}_p200404", 'late', 'with what is of it' ]) : ());
	$database = $original;
	$node->safe_psql('postgres', "DROP DATABASE $copy");
	return;
}

1;
