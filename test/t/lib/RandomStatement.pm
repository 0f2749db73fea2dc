# Random SQL against everything that the extension's schema holds: its functions,
# operators, casts, tables and views as the catalogs list them, so that a new one is met
# without a word here, with values of every type that no sound caller would pass.
# The same catalogs and seed give the same statements, one to a line.

package RandomStatement;

use strict;
use warnings;
use Dice;
use Mutant;
use RandomDocument;

use constant SCHEMA => 'usage_mgmt';

# What the catalogs must tell, each row a line of fields with a tab between them.
our %catalog_queries = (
	functions => q{SELECT p.proname, p.pronargdefaults, p.proretset, pg_catalog.array_to_string(ARRAY(SELECT pg_catalog.format_type(t, NULL)
			FROM pg_catalog.unnest(p.proargtypes) WITH ORDINALITY a (t, n) ORDER BY n), '|')
		FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'usage_mgmt'::regnamespace AND p.prokind = 'f'
		ORDER BY p.proname COLLATE "C", 4},
	operators => q{SELECT o.oprname, pg_catalog.format_type(o.oprleft, NULL), pg_catalog.format_type(o.oprright, NULL)
		FROM pg_catalog.pg_operator o WHERE o.oprnamespace = 'usage_mgmt'::regnamespace ORDER BY 1, 2, 3},
	casts => q{SELECT pg_catalog.format_type(c.castsource, NULL), pg_catalog.format_type(c.casttarget, NULL)
		FROM pg_catalog.pg_cast c JOIN pg_catalog.pg_type s ON s.oid = c.castsource JOIN pg_catalog.pg_type t ON t.oid = c.casttarget
		WHERE 'usage_mgmt'::regnamespace IN (s.typnamespace, t.typnamespace) ORDER BY 1, 2},
	columns => q{SELECT c.oid::regclass, c.relkind, a.attname, pg_catalog.format_type(a.atttypid, NULL)
		FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
		WHERE c.relnamespace = 'usage_mgmt'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'c') AND NOT c.relispartition
		AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname COLLATE "C", a.attnum},
	labels => q{SELECT pg_catalog.format_type(e.enumtypid, NULL), e.enumlabel FROM pg_catalog.pg_enum e
		JOIN pg_catalog.pg_type t ON t.oid = e.enumtypid WHERE t.typnamespace = 'usage_mgmt'::regnamespace ORDER BY 1, e.enumsortorder},
	settings => q{LOAD 'usage_mgmt'; SELECT name, vartype, pg_catalog.array_to_string(enumvals, '|') FROM pg_catalog.pg_settings
		WHERE name LIKE 'usage_mgmt.%' ORDER BY 1});

# Functions that change what later statements need, or make a thousand things: what they do is taken back.
my $taken_back = qr/^(install_|.*partition|empty_default|rebuild_keys|grant_access)/;

my @words = ('', ' ', 'a', 'x', 'VOICE', 'duration', 'unit', 'rated', 'billed', 'received', 'EUR', 'v4', 'r14.5', 'user', "caf\xc3\xa9", "\xf0\x9f\x93\x9e",
	'1', '61', '-5', '1e5', '12.50', 'NaN', '9999999999999999999999', '2001-01-15', '2001-01-15T10:00:00Z', 'infinity', '{}', '[]', 'null', '{"a":1}', "'", '"', '\\', '%', '_',
	"\t", "\n", '$1', 'a.b', '/x/y/z', 'nobody', '(', '((((', '[', '***=x', '\\1', '(a)\\1', '.*', '(a*)*$', "\x7f", "\x01");
my @ids = ('u0' .. 'u9', 's0' .. 's4', 'nobody', '', ' ', "\xc3\xa9", 'a/b', 'x' x 512, 'x' x 513, '%41', 'u1 ');
my @times = ('2001-01-15 10:00+00', '2001-02-01 00:00+00', '2000-01-01 00:00+00', '2026-05-01 12:00+02', '0001-01-01 00:00+00', '9999-12-31 23:59:59.999999+00', '10000-01-01',
	'294276-12-31', '4713-01-01 BC', '0044-03-15 BC', 'infinity', '-infinity', 'epoch', 'now');
my @numerics = ('0', '1', '-1', '0.19', '12.00', '1e131071', '1e-16383', 'NaN', 'Infinity', '-Infinity', '99999999999999999999.99', '-0.00');
my @integers = (0, 1, -1, 2, 7, 8, 31, 32, 63, 64, 127, 128, 255, 256, 1000, 32767, -32768, 2147483647, -2147483648);
my @bigints = (@integers, '9223372036854775807', '-9223372036854775808', 4294967296);
my @operators = qw(eq ne gt gte lt lte regex EQ like);
my @attributes = qw(id href date usageDate type usageType description status usageSpecification usageSpecification.id usageSpecification.name usageCharacteristic
	usageCharacteristic.name usageCharacteristic.value usageCharacteristic.duration duration nosuch relatedParty relatedParty.id relatedParty.role relatedParty.validFor.startDateTime relatedParty.alias.x
	ratedProductUsage ratedProductUsage.taxRate ratedProductUsage.taxIncludedRatingAmount.value ratedProductUsage.productRef.id ratedProductUsage.isBilled extra.x rejection received_at changed_at load_id
	name version validFor.endDateTime lifecycleStatus usageSpecCharacteristic.name usageSpecCharacteristic.usageSpecCharacteristicValue.value specCharacteristic attachment.id constraint targetEntitySchema lastUpdate isBundle @type @baseType);
my @parameters = qw(fields limit offset after before sort all depth expand filter);
my @pieces = ('', '0', '-', '1', '~1', '~0', '~', 'value', 'name', 'x', 'a', 'startDateTime', 'role', 'id', '4294967296', '*', '?(@.name=="a")');

# catalogs: name => [ [fields], ... ]
sub new
{
	my ($class, $catalogs, $seed) = @_;
	my $self = bless { dice => dice($seed), %$catalogs }, $class;

	foreach (@{ $catalogs->{columns} })
	{
		my ($relation, $kind, $column, $type) = @$_;

		push @{ $self->{row}{$relation} }, [ $column, $type ];
		push @{ $self->{tables} }, $relation
			if $kind ne 'c' && !grep { $_ eq $relation } @{ $self->{tables} // [] };
	}
	push @{ $self->{labels_of}{ $_->[0] } }, $_->[1] foreach @{ $catalogs->{labels} };
	# internal ones no SQL can call
	@{ $self->{functions} } = grep { $_->[3] !~ /\binternal\b/ } @{ $catalogs->{functions} };
	# those that take rows or arrays apart are worth more tries
	@{ $self->{row_functions} } = grep { $_->[3] =~ /\[\]|anyelement|record|usage_mgmt/ } @{ $self->{functions} };
	@{ $self->{types} } = (sort(keys %{ $self->{row} }), sort(keys %{ $self->{labels_of} }), 'usage_mgmt.characteristics', 'record', 'text', 'jsonb', 'json', 'bigint',
		'numeric', 'timestamp with time zone', 'boolean', 'text[]', 'usage_mgmt.related_party[]', 'usage_mgmt.rated_product_usage[]', 'usage_mgmt.usage[]', 'pg_catalog.pg_class');
	return $self;
}

sub n { return $_[0]{dice}->($_[1]) }
sub pick { my $self = shift; return $_[ $self->{dice}->(scalar @_) ] }
sub one_in { return $_[0]{dice}->($_[1]) == 0 }

# ---- statements ----

# The next statement of a superuser, or of somebody who may use the schema and nothing more.
sub statement
{
	my ($self, $superuser) = @_;
	my $kind = $self->n($superuser ? 100 : 70);

	return $self->call if $kind < 40;
	return $self->operation if $kind < 50;
	return $self->cast if $kind < 57;
	return $self->session if $kind < 59;
	return $self->cursor if $kind < 61;
	return $self->own_table if $kind < 65;
	return $self->query if $kind < 68;
	return $self->dml;
}

sub arguments
{
	my ($self, $function) = @_;
	my ($name, $defaults, undef, $types) = @$function;
	my @types = split /\|/, $types;
	my $count = @types - $self->n($defaults + 1);
	my @values = map { $self->argument($name, $_, $types[$_]) } 0 .. $count - 1;

	# one in so many is of another type or number than there is
	pop @values if $self->one_in(200);
	$values[ $self->n(scalar @values) ] = $self->value($self->pick(@{ $self->{types} })) if @values && $self->one_in(60);
	return join ', ', @values;
}

sub call
{
	my ($self) = @_;
	my $function = $self->pick(@{ $self->{ $self->one_in(6) ? 'row_functions' : 'functions' } });
	my ($name, undef, $set) = @$function;
	my $call = SCHEMA . ".$name(" . $self->arguments($function) . ')';
	my $statement = $set eq 't' && $self->one_in(2) ? "SELECT * FROM $call f" . $self->pick('', ' LIMIT 1', ' WHERE false')
		: $self->one_in(12) ? "SELECT $call, $call FROM pg_catalog.generate_series(1, " . (1 + $self->n(3)) . ')'
		: $self->one_in(12) ? "SELECT pg_catalog.count(*) FROM (SELECT $call) f"
		: "SELECT $call";

	return "BEGIN; $statement; ROLLBACK" if $name =~ $taken_back;
	return $statement;
}

sub operation
{
	my ($self) = @_;
	my $operator = $self->pick(@{ $self->{operators} });
	my ($name, $left, $right) = @$operator;

	return 'SELECT ' . join(' ', $left eq '-' ? () : $self->value($left), 'OPERATOR(' . SCHEMA . ".$name)", $self->value($right));
}

# Casts of ours, and what the server does with a value of any type: text in and out, json, comparison.
sub cast
{
	my ($self) = @_;
	my $type = $self->pick(@{ $self->{types} });
	my $value = $self->value($type);
	my $way = $self->n(9);

	if ($way < 4)
	{
		my ($from, $to) = @{ $self->pick(@{ $self->{casts} }) };
		return 'SELECT (' . $self->value($from) . ")::$to";
	}
	return "SELECT ($value)::pg_catalog.text" if $way == 4;
	return 'SELECT ' . $self->pick('pg_catalog.to_json', 'pg_catalog.to_jsonb') . "($value)" if $way == 5;
	return "SELECT ($value) = (" . $self->value($type) . ')' if $way == 6;
	return "SELECT pg_catalog.count(*) FROM (SELECT DISTINCT v FROM (VALUES ($value), (" . $self->value($type) . ')) t (v)) d' if $way == 7;
	return 'SELECT ' . $self->quoted($self->text) . "::$type";
}

sub session
{
	my ($self) = @_;
	my $setting = $self->pick(@{ $self->{settings} });
	my ($name, undef, $values) = @$setting;

	return 'SET ' . $name . ' = ' . $self->quoted($self->pick(split(/\|/, $values // ''), 'on', 'off', '1', '', 'x', "http://h/\xc3\xa9\"")) if $self->one_in(2);
	return $self->pick(
		"RESET $name", 'RESET ALL', 'DISCARD PLANS', 'DISCARD SEQUENCES', 'DEALLOCATE ALL', 'CLOSE ALL', 'SET enable_seqscan = off', 'SET enable_seqscan = on',
		"SET TimeZone = 'UTC'", "SET TimeZone = 'Asia/Kathmandu'", "SET DateStyle = 'SQL, DMY'", "SET DateStyle = 'ISO'", 'SET search_path = usage_mgmt, public',
		'RESET search_path', 'SET plan_cache_mode = force_generic_plan', 'RESET plan_cache_mode', 'SET extra_float_digits = -15', 'SET work_mem = 64', 'RESET work_mem',
		'SET jit = off', 'SET force_parallel_mode = on', 'RESET force_parallel_mode', 'SET row_security = off', 'RESET row_security', 'SET standard_conforming_strings = on');
}

# Lists that are read in parts, and what ends under them.
sub cursor
{
	my ($self) = @_;
	my $call = SCHEMA . '.' . $self->pick('get_usages', 'get_usage_specifications') . '(' . $self->quoted($self->query_string) . ')';

	return $self->pick(
		"BEGIN; DECLARE c CURSOR FOR SELECT $call; FETCH 2 FROM c; MOVE BACKWARD 1 FROM c; FETCH 1 FROM c; COMMIT",
		"BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT $call; COMMIT; FETCH 2 FROM c; CLOSE c",
		"BEGIN; SAVEPOINT s; DECLARE c CURSOR FOR SELECT $call; FETCH 1 FROM c; ROLLBACK TO s; FETCH 1 FROM c; ROLLBACK",
		"PREPARE p AS SELECT pg_catalog.count(*) FROM (SELECT $call) g; EXECUTE p; EXECUTE p; EXECUTE p; EXECUTE p; EXECUTE p; EXECUTE p; DEALLOCATE p");
}

# A table of one's own needs no right but TEMP: columns of our types, indexes on them, COPY in binary.
sub own_table
{
	my ($self) = @_;
	my $list = 'usage_mgmt.characteristics';

	return $self->pick(
		"DROP TABLE IF EXISTS pg_temp.own; CREATE TEMP TABLE own (c $list, p usage_mgmt.related_party[]); CREATE INDEX ON own USING gin (c); CREATE INDEX ON own USING hash (c); CREATE INDEX ON own USING gin (usage_mgmt.party_ids(p))",
		'INSERT INTO pg_temp.own SELECT ' . $self->value($list) . ', ' . $self->value('usage_mgmt.related_party[]') . ' FROM pg_catalog.generate_series(1, ' . (1 + $self->n(20)) . ')',
		'SELECT pg_catalog.count(*) FROM pg_temp.own WHERE c OPERATOR(usage_mgmt.' . $self->pick('@>', '<@', '=', '<>') . ') ' . $self->value($list),
		'SELECT pg_catalog.count(*) FROM pg_temp.own WHERE c OPERATOR(usage_mgmt.' . $self->pick('?|', '?&', '?=') . ') ' . $self->value('text[]'),
		'SELECT pg_catalog.count(*) FROM pg_temp.own WHERE usage_mgmt.party_ids(p) @> ' . $self->value('text[]'),
		'SELECT c, pg_catalog.count(*) FROM pg_temp.own GROUP BY c', 'ANALYZE pg_temp.own', 'VACUUM pg_temp.own', 'TRUNCATE pg_temp.own',
		'SELECT c::pg_catalog.text, p::pg_catalog.text FROM pg_temp.own LIMIT 3', 'SELECT a.c FROM pg_temp.own a JOIN pg_temp.own b USING (c) LIMIT 3');
}

sub query
{
	my ($self) = @_;
	my $relation = $self->pick(@{ $self->{tables} });
	my ($column) = @{ $self->pick(@{ $self->{row}{$relation} }) };

	return $self->pick(
		"SELECT * FROM $relation LIMIT 2", "SELECT $column FROM $relation ORDER BY 1 LIMIT 2", "SELECT pg_catalog.count(*) FROM $relation r WHERE r.* IS NOT NULL",
		"SELECT usage_mgmt.to_tmf(r) FROM $relation r LIMIT 2", "SELECT usage_mgmt.content_hash(r) FROM $relation r LIMIT 2", "TABLE usage_mgmt.status_transition",
		"COPY (SELECT $column FROM $relation LIMIT 2) TO STDOUT");
}

sub dml
{
	my ($self) = @_;
	my $relation = $self->one_in(2) ? $self->pick('usage_mgmt.usage', 'usage_mgmt.usage', 'usage_mgmt.usage_specification', 'usage_mgmt.usage_document') : $self->pick(@{ $self->{tables} });
	my $columns = $self->{row}{$relation};
	my $document = grep { $_->[0] eq 'document' } @$columns;
	my $way = $self->n(11);

	if ($document && $way < 8)
	{
		return join "\n", "COPY $relation (document) FROM STDIN", (map { $self->document =~ s/([\\\n\r\t])/{ "\\" => '\\\\', "\n" => '\\n', "\r" => '\\r', "\t" => '\\t' }->{$1}/ger } 0 .. $self->n(5)), '\\.'
			if $way < 3;
		return "INSERT INTO $relation (document) VALUES " . join(', ', map { '(' . ($self->one_in(20) ? 'NULL' : $self->quoted($self->document)) . ')' } 0 .. $self->n(4));
	}
	return 'DELETE FROM ' . $relation . $self->where($columns) if $way == 0;
	return "TRUNCATE $relation" if $way == 1 && $self->one_in(40);
	if ($way < 4)
	{
		my @set = map { my ($name, $type) = @$_; "$name = " . $self->column($name, $type) } $self->some($columns, 3);
		return "UPDATE $relation SET " . join(', ', @set) . $self->where($columns);
	}
	if ($way == 4)
	{
		my ($name, $type) = @{ $self->pick(@$columns) };
		return "MERGE INTO $relation t USING (SELECT " . $self->column('id', 'text') . " AS id) s ON t.id = s.id WHEN MATCHED THEN " . $self->pick('DELETE', "UPDATE SET $name = " . $self->column($name, $type)) . ' WHEN NOT MATCHED THEN DO NOTHING';
	}
	return "INSERT INTO $relation SELECT (pg_catalog.jsonb_populate_record(NULL::$relation, " . $self->row_object($relation) . ')).*' if $way == 5;

	my @named = ($relation eq 'usage_mgmt.usage' && !$self->one_in(6) ? grep({ $_->[0] =~ /^(id|usage_date|usage_type)$/ } @$columns) : (),
		grep { $_->[0] !~ /^(id|usage_date|usage_type)$/ || $relation ne 'usage_mgmt.usage' } $self->some($columns, 5));
	@named = ($columns->[0]) unless @named;
	my $rows = join ', ', map { '(' . join(', ', map { $self->column(@$_) } @named) . ')' } 0 .. $self->n(3);
	my $conflict = $self->pick('', '', ' ON CONFLICT DO NOTHING', ' ON CONFLICT (id, usage_date) DO UPDATE SET description = excluded.description || \'x\'');
	return "INSERT INTO $relation (" . join(', ', map { $_->[0] } @named) . ") VALUES $rows$conflict" . $self->pick('', ' RETURNING *');
}

sub where
{
	my ($self, $columns) = @_;
	my ($name, $type) = @{ $columns->[0] };

	return '' if $self->one_in(60);
	return " WHERE $name = " . $self->column($name, $type) if $self->one_in(2);
	return ' WHERE id = ' . $self->quoted($self->pick(@ids));
}

# Up to so many of a list, in its order.
sub some
{
	my ($self, $list, $most) = @_;
	my $chance = @$list / (1 + $self->n($most));

	return grep { $self->n(100) * $chance < 100 } @$list;
}

# ---- values ----

# What a column is likely to take.
sub column
{
	my ($self, $name, $type) = @_;

	return $self->value($type) if $self->one_in(8);
	return $self->quoted($self->pick(@ids)) if $name eq 'id';
	return $self->quoted($self->pick(@times[ 0 .. 3 ])) if $name =~ /_date$/ && $type =~ /^timestamp/;
	return $self->quoted($self->document) if $name eq 'document';
	return $self->value($type);
}

# Texts are what the function takes them for, mostly.
sub argument
{
	my ($self, $name, $place, $type) = @_;

	# names of objects are short: PostgreSQL takes quadratic time to read one, and no cancel
	return $self->quoted($self->text) if $name =~ /^install_/ && $type eq 'text';
	# a span of centuries makes months until the statement times out
	return $self->quoted($self->pick(@times[ 0 .. 2 ])) . "::$type" if $name eq 'ensure_partitions' && !$self->one_in(50);
	if ($type =~ /^(text|json|jsonb)$/ && !$self->one_in(8))
	{
		my $text = $name =~ /^patch/ && $place == 1 ? $self->patch
			: $name =~ /^patch/ && $place == 2 ? $self->pick('application/merge-patch+json', 'application/json-patch+json', 'application/json-patch-query+json', 'application/json', 'text/plain', '')
			: $name =~ /(usages|specifications)(_each)?$/ && $place == 0 ? $self->query_string
			: $name =~ /^post/ && $place == 0 || $name =~ /^put/ && $place == 1 ? $self->document($name =~ /specification/ ? 'usage_specification' : 'usage')
			: $name =~ /^(get|put|patch|delete)_/ && $place == 0 ? $self->pick(@ids)
			: $name =~ /matches/ && $place == ($name =~ /^char/ ? 2 : 1) ? $self->pick(@operators)
			: $place > 0 && $self->one_in(2) ? $self->pick('v4', 'r14.5', 'v4', 'v5', '')
			: undef;

		return $self->quoted($text) . "::$type" if defined $text;
	}
	return $self->value($type);
}

# An expression of that type, or that says it is.
sub value
{
	my ($self, $type, $depth) = @_;

	$depth //= 0;
	return "NULL::$type" if $self->one_in(9) && $type !~ /^(any|record$)/;
	return $self->array($1, $depth) if $type =~ /^(.*)\[\]$/;
	return $self->composite($type, $depth) if exists $self->{row}{$type};
	return $self->quoted($self->one_in(30) ? $self->text : $self->pick(@{ $self->{labels_of}{$type} })) . "::$type" if exists $self->{labels_of}{$type};
	return $self->value($self->one_in(2) ? $self->pick('usage_mgmt.usage', 'usage_mgmt.usage_specification') : $self->pick(@{ $self->{types} }), $depth + 1) if $type =~ /^any/;
	return $self->characteristics if $type eq 'usage_mgmt.characteristics';
	return '(SELECT c FROM pg_catalog.pg_class c ORDER BY oid LIMIT 1)' if $type eq 'pg_catalog.pg_class';
	return $self->pick('NULL::record', 'ROW()', 'ROW(1, NULL)', $self->composite('usage_mgmt.usage', $depth), $self->composite('usage_mgmt.usage_specification', $depth)) if $type eq 'record';
	return $self->quoted($self->pick(@times)) . "::$type" if $type =~ /^timestamp|^date$/;
	return $self->quoted($self->pick(@numerics)) . "::$type" if $type =~ /^(numeric|double|real)/;
	return $self->quoted($self->pick(@bigints)) . "::$type" if $type eq 'bigint';
	return $self->quoted($self->pick(@integers)) . "::$type" if $type =~ /^(integer|smallint|oid)$/;
	return $self->pick('true', 'false') if $type eq 'boolean';
	return $self->quoted($self->json) . "::$type" if $type =~ /^jsonb?$/;
	return $self->quoted($self->pick(sort(keys %{ $self->{row} }), 'pg_catalog.pg_class', 'usage_mgmt.usage_default', '0', '99999')) . "::$type" if $type eq 'regclass';
	return $self->quoted($self->pick('0 s', '1 mon', '-1 year', '178000000 years')) . "::$type" if $type eq 'interval';
	return $self->quoted($self->pick('00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-8fff-bfff-ffffffffffff')) . "::$type" if $type eq 'uuid';
	return '\'\\x' . join('', map { sprintf '%02x', $self->n(256) } 0 .. $self->n(12)) . '\'::bytea' if $type eq 'bytea';
	return $self->huge if $type eq 'text' && $self->one_in(400);
	return $self->quoted($self->text) . "::$type";
}

sub array
{
	my ($self, $type, $depth) = @_;
	my $way = $self->n(12);
	my $one = sub { $self->value($type, $depth + 1) };

	return "'{}'::$type\[]" if $way == 0;
	return "ARRAY[NULL, NULL]::$type\[]" if $way == 1;
	return 'ARRAY[ARRAY[' . $one->() . ', ' . $one->() . '], ARRAY[' . $one->() . ", NULL]]::$type\[]" if $way == 2;
	return 'pg_catalog.array_fill(' . $one->() . ', ARRAY[' . $self->n(3) . ', ' . (1 + $self->n(2)) . '], ARRAY[' . ($self->n(5) - 2) . ', 7])' if $way == 3;
	return 'pg_catalog.array_fill(' . $one->() . ', ARRAY[' . $self->pick(1, 3, 70) . '], ARRAY[' . $self->pick(-2147483, 0, 2, 2147483000) . '])' if $way == 4;
	return '(ARRAY[' . $one->() . ', ' . $one->() . "]::$type\[])[2:2]" if $way == 5;
	return 'ARRAY[' . join(', ', map { $one->() } 0 .. $self->n(4)) . "]::$type\[]";
}

# Few of its columns have a value, so that statements stay short and faults apart.
sub composite
{
	my ($self, $type, $depth) = @_;
	my @columns = @{ $self->{row}{$type} };
	my @values;

	return "pg_catalog.jsonb_populate_record(NULL::$type, " . $self->row_object($type) . ')' if $self->one_in(5);
	return "(SELECT r FROM $type r LIMIT 1)" if $self->one_in(40) && $type =~ /usage$/;
	return 'ROW(' . join(', ', ('NULL') x @columns) . ")::$type" if $depth > 2 || $self->one_in(30);
	@values = map {
		my ($name, $column) = @$_;
		$name eq 'id' || $name =~ /^usage_(date|type)$/ ? $self->column($name, $column) : $self->n(scalar @columns) < 4 ? $self->value($column, $depth + 1) : 'NULL'
	} @columns;
	return 'ROW(' . join(', ', @values) . ")::$type";
}

sub row_object
{
	my ($self, $type) = @_;

	return 'pg_catalog.jsonb_build_object(' . join(', ', map { "'$_->[0]', " . $self->quoted($self->one_in(3) ? $self->json : '"' . ($self->pick(@ids, @times) =~ s/["\\]//gr) . '"') . '::jsonb' }
			$self->some($self->{row}{$type}, 5)) . ')';
}

# Sound lists, lists as a damaged disk would hold them, and what an extension of bytes makes of either.
sub characteristics
{
	my ($self) = @_;
	my $type = 'usage_mgmt.characteristics';
	my $sound = $self->quoted($self->pick('[]', '{}', '{"a":1}', '[{"name":"duration","value":"61"},{"name":"a","value":{"b":[1,2]},"@type":"x"}]',
			'[{"name":"a","value":1.50},{"value":true},{"name":"a"}]', '{"' . ('n' x 200) . '":"' . ('v' x 300) . '"}')) . "::$type";
	my $bytes = "($sound)::bytea";
	my $way = $self->n(16);

	return $self->quoted($self->json) . "::$type" if $way < 3;
	return $self->quoted($self->json) . "::jsonb::$type" if $way == 3;
	return "pg_catalog.set_byte($bytes, " . $self->n(12) . ', ' . $self->n(256) . ")::$type" if $way < 6;
	return "pg_catalog.substr($bytes, " . $self->pick(1, 1, 1, 2, 3) . ', ' . $self->n(30) . ")::$type" if $way == 6;
	return "($bytes || " . $self->value('bytea') . ")::$type" if $way == 7;
	return $self->value('bytea') . "::$type" if $way == 8;
	return "('\\x01'::bytea || " . $self->value('bytea') . ")::$type" if $way == 9;
	return "('[' || pg_catalog.repeat('{\"name\":\"a\",\"value\":\"b\"},', " . $self->pick(200, 20_000) . ") || '{\"name\":\"z\",\"value\":1}]')::$type" if $way == 10 && $self->one_in(20);
	return $sound;
}

sub huge
{
	my ($self) = @_;

	return 'pg_catalog.repeat(' . $self->quoted($self->pick('9', 'x', '.', '[', '{"a":', "\xc3\xa9", '&a=', '%4', '\\u00e9', ' ')) . ', ' . $self->pick(1000, 70_000, 300_000) . ')';
}

# ---- texts ----

sub text
{
	my ($self) = @_;
	my $way = $self->n(10);

	return $self->query_string if $way == 0;
	return $self->json if $way == 1;
	return $self->pick(@ids) if $way == 2;
	return join $self->pick('', ' ', ',', '.'), map { $self->pick(@words) } 0 .. $self->n(4) if $way == 3;
	return $self->pick(@words);
}

sub json
{
	my ($self) = @_;
	my $way = $self->n(8);

	return $self->document if $way == 0;
	return $self->patch if $way == 1;
	return $self->sound_text((Mutant::mutate('{"a":1,"b":[true,null,"x"],"name":"n","value":{"c":1.50}}', $self->{dice}))[1]) if $way == 2;
	return $self->pick('null', 'true', 'false', '0', '-1.5e3', '"x"', '""', '[]', '{}', '[[]]', '[{}]', '[null]', '{"a":null}', '{"":""}', '[1,2]', '{"a":{"b":[1]}}', '{"delivered_status":"rated"}',
		'{"delivered_status":1}', '{"value":"1","name":"a"}', '[{"name":"a","value":"1"}]', '{"amount":1}', '{"productRef":{"x":1}}', '{"validFor":[]}');
}

# A document as it is delivered, or broken.
sub document
{
	my ($self, $kind) = @_;
	my $text;

	$kind //= $self->pick('usage', 'usage', 'usage_specification');
	$text = (random_document($kind, $self->pick('r14.5', 'v4'), $self->pick(@ids[ 0 .. 15 ]), $self->{dice}))[ $self->one_in(8) ? 1 : 0 ];
	# one in two as it is: what has been stored is met again
	return $text if $self->one_in(2);
	return $self->sound_text((Mutant::mutate($text, $self->{dice}))[1]);
}

# No text of the server can hold these bytes: nothing would be tried.
sub sound_text
{
	my ($self, $text) = @_;
	my $copy = $text;

	$text =~ tr/\0//d;
	return $text if utf8::decode($copy);
	return $text =~ s/[\x80-\xff]+/?/gr;
}

sub query_string
{
	my ($self) = @_;
	my $text = join $self->pick('&', '&', '&', ';', '&&'), map { $self->condition } 0 .. $self->n(3);

	$text =~ s/(\W)/sprintf '%%%02X', ord $1/ge if $self->one_in(12);
	substr($text, $self->n(length $text), 1) = $self->pick('%', '%4', '=', '', '+', '.', '&') if $text ne '' && $self->one_in(5);
	return $self->sound_text($text);
}

sub condition
{
	my ($self) = @_;
	my $name = $self->pick(@attributes);

	return $self->pick(@parameters) . '=' . $self->pick('', '0', '1', '-1', '10', 'none', 'all', 'true', 'x', $self->pick(@attributes), '-' . $self->pick(@attributes), 'id,' . $self->pick(@attributes), 'u1') if $self->one_in(4);
	$name .= '.' . $self->pick(@operators) if $self->one_in(2);
	return $name . $self->pick('=', '=', '=', '>=', '<', '==', '', '*=') . join($self->pick(',', ';', '%2C'), map { $self->pick(@words, @ids) =~ s/[&]//gr } 0 .. $self->n(3));
}

sub patch
{
	my ($self) = @_;
	my $attribute = sub { $self->pick(@attributes) =~ s/\..*//r };
	my $text;

	if ($self->one_in(2))
	{
		$text = '{' . join(',', map { '"' . $attribute->() . '":' . $self->scrap } 0 .. $self->n(3)) . '}';
	}
	else
	{
		my @operations = map {
			my $path = join '/', $self->one_in(8) ? () : '', $attribute->(), map { $self->pick(@pieces) } 1 .. $self->n(4);
			my $filter = $self->one_in(6) ? '?' . $self->condition : '';
			sprintf '{"op":"%s","path":"%s"%s%s}', $self->pick('add', 'replace', 'remove', 'test', 'move', 'copy', 'foo'), "$path$filter" =~ s/(["\\])/\\$1/gr,
				$self->one_in(4) ? '' : ',"value":' . $self->scrap, $self->one_in(3) ? ',"from":"/' . $attribute->() . '/' . $self->pick(@pieces) =~ s/"/\\"/gr . '"' : '';
		} 0 .. $self->n(3);
		$text = $self->one_in(8) ? $operations[0] : '[' . join(',', @operations) . ']';
	}
	return $self->one_in(6) ? $self->sound_text((Mutant::mutate($text, $self->{dice}))[1]) : $text;
}

# A value for a patch.
sub scrap
{
	my ($self) = @_;

	return $self->pick('null', '1', '"x"', '""', '"rated"', '"billed"', '"2001-01-20T00:00:00Z"', '[]', '{}', '[{}]', '{"id":"s1","name":"n"}', '[{"name":"duration","value":"7"}]',
		'{"name":"duration","value":"61"}', '[{"role":"user","id":"p"}]', '[{"ratingDate":"2001-02-01","taxIncludedRatingAmount":1,"taxExcludedRatingAmount":1,"taxRate":0,"currencyCode":"EUR","productRef":"/p/1"}]',
		'[null]', 'true', '{"a":{"b":null}}');
}

# A literal on one line.
sub quoted
{
	my ($self, $text) = @_;

	return "'$text'" unless $text =~ /['\\\n\r]/;
	$text =~ s/(['\\\n\r])/{ "'" => "''", "\\" => '\\\\', "\n" => '\\n', "\r" => '\\r' }->{$1}/ge;
	return "E'$text'";
}

1;
