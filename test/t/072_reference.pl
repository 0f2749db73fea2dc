# docs/reference.md: its lists are what the catalogs, the code and the errors say.

use strict;
use warnings;
use FindBin;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('reference');
my $db = 'reference';
my $top = "$FindBin::Bin/../..";
my $page = slurp_file("$top/docs/reference.md") =~ s/^```.*?^```\n//gmsr;	# without its examples

new_store($node, $db);

sub catalog
{
	my ($sql) = @_;

	return map { [ split /\|/, $_, -1 ] } rows($node, $db, "SET search_path = usage_mgmt, pg_catalog;\n$sql");
}

# What stands under a heading, as far as the next one of its level.
sub section
{
	my ($heading) = @_;
	my ($marks, $text) = $page =~ /^(##+) \Q$heading\E\n(.*?)(?=^## |\z)/ms or die "no section \"$heading\"";

	$text =~ s/^\Q$marks\E .*//ms;
	return $text;
}

# Rows of the tables in a text, without their heads.
sub cells
{
	my ($text) = @_;
	my @lines = grep { /^\|/ } split /\n/, $text;

	return map { [ map { s/^\s+|\s+$//gr } split /(?<!\\)\|/, s/^\|//r ] } grep { !/^\|[-|]+$/ && !/^\| (?:\| )?\|$/ } @lines;
}

# Names in code spans. `usage_keys_insert`, `_update` and `usage_specification_id`, `…_href` stand for whole ones.
sub names
{
	my ($text) = @_;
	my @names;
	my $stem = '';

	foreach my $name ($text =~ /`([^`\n]+)`/g)
	{
		foreach my $one ($name =~ /[(]/ ? $name : split /, /, $name)
		{
			if (my ($rest) = $one =~ /^(?:…)?(_\w+)/)
			{
				push @names, "$stem$rest";
				next;
			}
			push @names, $one;
			$stem = $one =~ s/_[^_]*$//r;
		}
	}
	return @names;
}

# NOUN and PLURAL stand for those of each resource; of the one that a name speaks of, where it is given.
my @resources = map { { noun => $_->[0], plural => $_->[1], date => $_->[2], closed => $_->[3] eq 't', type => $_->[4],
	specification => $_->[5], orders => $_->[6] eq 't' } } catalog(q{SELECT noun, plural, date_column, closed <> '{}', type, specification, orders FROM resources()});
my @kept = grep { !$_->{orders} } @resources;

sub expand
{
	my ($name, @of) = @_;

	return $name if $name !~ /NOUN|PLURAL/;
	return map { my $r = $_; $name =~ s/NOUN/$r->{noun}/r =~ s/PLURAL/$r->{plural}/r } @of ? @of : @resources;
}

# Two lists have the same members; says which they have not.
sub same
{
	my ($page_says, $is, $what) = @_;
	my %page_says = map { $_ => 1 } @$page_says;
	my %is = map { $_ => 1 } @$is;

	is(join(', ', sort grep { !$page_says{$_} } keys %is), '', "$what: the page lacks none");
	is(join(', ', sort grep { !$is{$_} } keys %page_says), '', "$what: the page names none that is not");
	return;
}

# ---- functions ----

my %functions;
foreach (catalog(<<'SQL'))
SELECT proname, pg_get_function_arguments(oid), pg_get_function_result(oid) FROM pg_proc
WHERE pronamespace = 'usage_mgmt'::regnamespace ORDER BY 1, 2
SQL
{
	my ($name, $arguments, $result) = @$_;

	# not what it gives back
	push @{ $functions{$name} }, [ [ grep { !/^OUT / } split /, /, $arguments ], $result ];
}

# [name, type, default] of an argument as PostgreSQL or the page writes it.
sub argument
{
	my ($text) = @_;
	my ($name, $type, $default) = $text =~ /^("?\w+"?)(?: (.*?))?(?: DEFAULT (.*))?$/;

	$default =~ s/::\w+(?:\[\])?// if defined $default;
	$type =~ s/timestamp with time zone/timestamptz/ if defined $type;
	return [ $name, $type // '', $default // '' ];
}

# Whether a signature of the page can mean this function: it may leave out types, or all after some.
sub fits
{
	my ($arguments, $function) = @_;
	my @is = map { argument($_) } @{ $function->[0] };

	return 0 if @$arguments != @is;
	foreach my $n (0 .. $#is)
	{
		my ($name, $type, $default) = @{ argument($arguments->[$n]) };

		# characteristics_each(c): its argument has no name
		next if $name =~ /^(?:c|jsonb)$/ && $type eq '';
		return 0 if $name ne $is[$n][0];
		return 0 if $type ne '' && ($type ne $is[$n][1] || $default ne $is[$n][2]);
	}
	return 1;
}

my %documented;
foreach my $name (map { expand($_) } names($page))
{
	# a pattern: characteristics_gin_…
	if (my ($stem) = $name =~ /^(\w+_)…$/)
	{
		$documented{$_} = 1 foreach grep { /^\Q$stem\E/ } keys %functions;
	}
	elsif ($name =~ /^(\w+)\b/)
	{
		$documented{$1} = 1;
	}
}
is(join(', ', sort grep { !$documented{$_} } keys %functions), '', 'functions: the page lacks none');

foreach my $section ('Operations', 'Documents by COPY', 'Upkeep', 'Jobs', 'Events', 'Delivery', 'characteristics', 'usage_mgmt_stat')
{
	foreach my $row (cells(section($section)))
	{
		foreach my $signature ($row->[0] =~ /`(\w+\([^`]*\))`/g)
		{
			my ($name, $arguments) = $signature =~ /^(\w+)\((.*)\)$/;
			my @arguments = map { s/^ //r } split /,/, $arguments;
			my ($result) = $row->[0] =~ /`\Q$signature\E` → (\S+(?: \w+)?)/;

			# orders are cancelled in the place of being changed, and have no lists and nothing to sum up
			my @of = $name =~ /^cancel_/ ? grep({ $_->{orders} } @resources) : $name =~ /^(?:put|patch|summarize)_|_parties$/ ? @kept : @resources;

			foreach my $of ($name =~ /NOUN|PLURAL/ ? @of : { closed => 1 })
			{
				my ($function) = expand($name, $of);
				my @taken = grep { $of->{closed} || !/^billed / } @arguments;

				ok((grep { fits(\@taken, $_) } @{ $functions{$function} // [] }), "$function: $signature is as declared")
					or diag(map { "declared: $function(" . join(', ', @{ $_->[0] }) . ")\n" } @{ $functions{$function} });
				next if !defined $result || $result eq 'setof';
				ok((grep { lc $_->[1] eq $result } @{ $functions{$function} // [] }), "$function gives $result")
					or diag(map { "declared: $_->[1]\n" } @{ $functions{$function} });
			}
		}
	}
}

my %gives = map { my ($result) = $page =~ /`\Q$_\E\([^`]*\)` → setof \((.*?)\)/; ($_ => [ split /, /, $result ]) } 'resources', 'resource_columns', 'resource_attributes', 'status_transitions', 'event_types';
is_deeply($gives{ $_->[0] }, [ split /,/, $_->[1] ], "what $_->[0] gives") foreach catalog(<<'SQL');
SELECT proname, array_to_string(proargnames[pronargs + 1:], ',') FROM pg_proc
WHERE proname IN ('resources', 'resource_columns', 'resource_attributes', 'status_transitions', 'event_types') AND pronamespace = 'usage_mgmt'::regnamespace
SQL

# ---- resources ----

is_deeply([ map { [ map { s/`//gr } @$_ ] } grep { $_->[0] ne 'NOUN' } cells(section('Resources')) ],
	[ map {
		my $r = $_;
		my @faces = grep { sqlstate($node, $db, "SELECT usage_mgmt.get_$r->{noun}('x', NULL, '$_')") eq '00000' } 'r14.5', 'v4';
		my ($life) = map { @$_ } catalog("SELECT atttypid::regtype FROM pg_attribute WHERE attrelid = 'usage_mgmt.$r->{noun}'::regclass AND attname = 'status'");

		[ @$r{qw(noun plural type)}, join(', ', @faces), $r->{date}, $life, $r->{specification} ]
	} @resources ], 'the table of resources');
foreach my $row (grep { $_->[0] =~ /^`/ } cells(section('JSON in and out')))
{
	my ($noun, @paths) = map { s/`//gr } @$row;

	foreach my $n (grep { $paths[$_] ne '' } 0, 1)
	{
		is($node->safe_psql($db, "SELECT usage_mgmt.to_tmf(jsonb_populate_record(NULL::usage_mgmt.$noun, '{\"id\": \"x\"}'), '" . ('r14.5', 'v4')[$n] . "') ->> 'href'"),
			"$paths[$n]x", "the path of $noun");
	}
}

# ---- tables, views, types ----

my $page_names = { map { $_ => 1 } map { expand($_) } names($page) };
is(join(', ', grep { !$page_names->{$_} && $page !~ /^### \Q$_\E$/m && $page !~ /^### .*\b\Q$_\E\b/m } map { $_->[0] } catalog(<<'SQL')),
SELECT relname FROM pg_class c WHERE relnamespace = 'usage_mgmt'::regnamespace
AND (relkind IN ('p', 'v') OR relkind = 'r' AND (NOT relispartition OR relname LIKE '%\_default')) ORDER BY 1
SQL
	'', 'tables and views: the page lacks none');

sub columns_of
{
	my ($relation) = @_;

	return catalog(<<"SQL");
SELECT attname, replace(format_type(atttypid, atttypmod), 'timestamp with time zone', 'timestamptz')
	|| CASE WHEN attcollation = 'pg_catalog."C"'::regcollation THEN ' collate "C"' ELSE '' END, attnotnull,
	coalesce(pg_get_expr(adbin, adrelid), '')
FROM pg_attribute a LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attrelid = 'usage_mgmt.$relation'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
SQL
}

foreach my $table (map({ $_->{noun} } @resources), 'usage_key', 'service_usage_key')
{
	my ($text) = section($table =~ /_key$/ ? 'usage_key, service_usage_key' : $table) =~ /\A(.*?)(?=^### |\z)/ms;
	my %is = map { $_->[0] => $_ } columns_of($table);
	my @said;

	foreach my $row (cells($text))
	{
		next if $row->[0] eq 'column';
		foreach my $column (names($row->[0]))
		{
			my ($default) = ($row->[2] // '') =~ /default `(.*?)`/;

			push @said, $column;
			next if !$is{$column};
			is(($row->[1] =~ s/,? (?:not null|primary key)//r), $is{$column}[1], "$table.$column: its type");
			is($row->[1] =~ /not null|primary key/ ? 't' : 'f', $is{$column}[2], "$table.$column: whether it is mandatory");
			like($is{$column}[3], qr/^'\Q$default\E'/, "$table.$column: its default") if defined $default;
		}
	}
	same(\@said, [ keys %is ], "columns of $table");

	next if $table =~ /_key$/;
	my ($triggers) = $text =~ /\bTriggers: (.*?[a-z`])\.\s/s;
	same([ names($triggers // '') ], [ map { $_->[0] } catalog(<<"SQL") ], "triggers of $table");
SELECT DISTINCT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid IN
	(SELECT 'usage_mgmt.$table'::regclass UNION SELECT relid FROM pg_partition_tree('usage_mgmt.$table'))
SQL
	my ($indexes) = $text =~ /^Indexes: (.*?)\. Triggers/ms;
	same([ map { /^(\w+)/ } names($indexes // "`${table}_pkey`") ], [ map { $_->[0] } catalog(<<"SQL") ], "indexes of $table");
SELECT relname FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE indrelid = 'usage_mgmt.$table'::regclass
SQL
}

my $books = section('import_load, import_reject, usage_conflict, service_usage_conflict');
my ($load) = $books =~ /`import_load`:\s+`(.*?)`/s;
is_deeply([ split /,\s+/, $load ], [ map { $_->[0] } columns_of('import_load') ], 'columns of import_load');
foreach my $row (grep { $_->[0] =~ /^`/ } cells($books))
{
	foreach my $table (names($row->[0]))
	{
		my ($of) = grep { "$_->{noun}_conflict" eq $table } @resources;

		# what stands in parentheses explains
		is_deeply([ map { expand($_, $of // ()) } names($row->[1] =~ s/\([^()]*\)//gr) ], [ map { $_->[0] } columns_of($table) ], "columns of $table");
	}
}

foreach my $row (grep { $_->[0] =~ /^`(?:hub_\w+|export_result)`$/ } cells(section('Events')), cells(section('Delivery')), cells(section('Jobs')))
{
	my ($table) = names($row->[0]);

	is_deeply([ names($row->[1] =~ s/\([^()]*\)|:.*//gr) ], [ map { $_->[0] } columns_of($table) ], "columns of $table");
}

# up to the first sentence's end
is_deeply([ names(section('import_file') =~ s/\([^()]*\)//gr =~ s/`\.\s.*//sr . '`') ], [ map { $_->[0] } columns_of('import_file') ],
	'columns of import_file');

foreach my $type ('related_party', 'rated_product_usage')
{
	my ($list) = grep { /\btext\b/ } map { s/\n/ /gr } section($type) =~ /^`([^`]*)`$/mg;

	is_deeply([ split /, */, $list ], [ map { "$_->[0] $_->[1]" } columns_of($type) ], "columns of $type");
}
is_deeply([ names(join ' ', map { $_->[0] } grep { @$_ == 3 && $_->[0] =~ /^`/ } cells(section('usage_mgmt_stat'))) ],
	[ map { $_->[0] } columns_of('usage_mgmt_stat') ], 'columns of usage_mgmt_stat, one by one');
my @views;
foreach my $row (grep { $_->[0] =~ /^`/ } cells(section('Views')))
{
	my @said = names($row->[1] =~ s/:.*//r);

	foreach my $view (map { expand($_, @kept) } names($row->[0]))
	{
		my ($type) = $row->[1] =~ /then the columns of `(\w+)`/;
		my ($of) = grep { $view =~ /^$_->{noun}_(?:party|rating|document)$/ } @resources;

		push @views, $view;
		is_deeply([ (grep { $_ ne ($type // '') } map { expand($_, $of // ()) } @said),
			defined $type ? map { $_->[0] } columns_of($type) : () ], [ map { $_->[0] } columns_of($view) ], "columns of $view");
	}
}
same(\@views, [ map { $_->[0] } catalog("SELECT relname FROM pg_class WHERE relnamespace = 'usage_mgmt'::regnamespace AND relkind = 'v'") ], 'views');
same([ names(section('Views') =~ /^Triggers of the document views: (.*?)\.$/ms) ], [ map { $_->[0] } catalog(<<'SQL') ], 'triggers of the document views');
SELECT DISTINCT tgname FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid WHERE relkind = 'v' AND relnamespace = 'usage_mgmt'::regnamespace
SQL

# ---- native views ----

my %native;
foreach (catalog(<<'SQL'))
SELECT relname, attname FROM pg_class c JOIN pg_attribute ON attrelid = c.oid
WHERE relnamespace = 'usage_api'::regnamespace AND relkind = 'v' AND attnum > 0 ORDER BY relname, attnum
SQL
{
	push @{ $native{ $_->[0] } }, $_->[1];
}
my @said_native;
my ($native) = section('Native views');
foreach my $row (grep { ($_->[2] // '') =~ /operator/ } cells($native))
{
	my @columns = names($row->[1] =~ s/`:.*|` of .*/`/sr);

	foreach my $view (map { expand($_) } names($row->[0]))
	{
		push @said_native, $view;
		is_deeply(\@columns, $native{$view}, "columns of usage_api.$view") if $row->[0] ne '`NOUN`';
	}
}
same(\@said_native, [ keys %native ], 'native views');
my %beside = map { $_ => 1 } map { names($_->[0]) } grep { ($_->[2] // '') !~ /operator|^for$/ && $_->[0] =~ /^`/ } cells($native);
my %v4 = map { $_->[0] => 1 } map { catalog("SELECT name FROM resource_attributes('$_->{noun}') WHERE version = 'v4' AND name IS NOT NULL") } @resources;
same([ keys %beside ], [ grep { !$v4{$_} } map { @{ $native{ $_->{noun} } } } @resources ], 'columns that are no attributes');
same([ names($native =~ /(by the triggers .*?)\. /s) ], [ map { $_->[0] } catalog(<<'SQL') ], 'triggers of the native views');
SELECT DISTINCT tgname FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid WHERE relkind = 'v' AND relnamespace = 'usage_api'::regnamespace
SQL
my $enums = section('usage_status, usage_specification_status, service_usage_status, job_status');
foreach my $type (map { $_->[0] } catalog("SELECT typname FROM pg_type WHERE typnamespace = 'usage_mgmt'::regnamespace AND typtype = 'e'"))
{
	my ($list) = $enums =~ /`$type`: (.*?)\./s;

	is(($list // '') =~ s/\n/ /gr, $node->safe_psql($db, "SELECT string_agg(e::text, ', ' ORDER BY e) FROM unnest(enum_range(NULL::usage_mgmt.$type)) e"),
		"labels of $type");
}

# ---- settings ----

my %settings = map { $_->[0] => $_ } catalog(<<'SQL');
LOAD 'usage_mgmt';
SELECT name, boot_val, context FROM pg_settings WHERE name LIKE 'usage_mgmt.%'
SQL
my @settings = grep { $_->[0] =~ /^`usage_mgmt\./ } cells(section('Settings'));
same([ map { $_->[0] =~ /`(.*?)`/ } @settings ], [ keys %settings ], 'settings');
foreach (@settings)
{
	my ($name) = $_->[0] =~ /`(.*?)`/;
	my $default = $_->[1] eq 'empty' ? '' : $_->[1] =~ s/`//gr;

	next if !$settings{$name};
	is($default, $settings{$name}[1], "$name: its default");
	is($_->[2] eq 'all' ? 'user' : 'superuser', $settings{$name}[2], "$name: who may set it");
}

# ---- errors ----

my (%state, %http);
my ($errcodes) = slurp_file($node->config_data('--sharedir') . '/errcodes.txt');
$state{$2} = $state{ $3 // '' } = $1 while $errcodes =~ /^(\w{5})\s+[EWS]\s+(ERRCODE_\w+)(?:[ \t]+(\w+))?/mg;
foreach my $row (grep { /^[0-9A-Z]{5}[,|]/ } map { "$_->[0]|" . ($_->[2] // '') } cells(section('Errors')))
{
	my ($codes, $status) = split /\|/, $row;

	$http{$_} = $status // '' foreach split /, /, $codes;
}
foreach my $code (sort keys %http)
{
	is($http{$code} eq '' ? 500 : $http{$code}, $node->safe_psql($db, "SELECT usage_mgmt.error_status('$code')"), "$code: its HTTP status");
}
my %raised;
foreach my $code (slurp_file("$top/src/errors.h") =~ /^#define UM_\w+\s+(ERRCODE_\w+|MAKE_SQLSTATE.*)$/mg)
{
	$raised{ $code =~ /^ERRCODE/ ? $state{$code} : join '', $code =~ /'(.)'/g } = 1;
}
foreach my $file (glob("$top/src/*.c"), glob("$top/sql/[0-9]*.sql"))
{
	my $source = slurp_file($file);

	$raised{$state{$1}} = 1 while $source =~ /errcode\((ERRCODE_\w+)\)/g;
	$raised{$state{$1} // $1} = 1 while $source =~ /ERRCODE = '(\w+)'/g;
}
is(join(', ', sort grep { !defined $http{$_} } keys %raised), '', 'errors: the page lacks none');

# ---- attributes ----

# A section of Attributes: its rows by the heads of its table
sub attributes_of
{
	my ($heading) = @_;
	my ($text) = $page =~ /^## Attributes\n.*?^### \Q$heading\E\n(.*?)(?=^##)/ms or die "no attributes of $heading";
	my ($head, @rows) = cells($text);

	return map { my $row = $_; +{ map { $head->[$_] => $row->[$_] } grep { $head->[$_] ne '' } 0 .. $#$head } } @rows;
}

foreach my $r (@resources)
{
	my %kept = map { $_ => 1 } qw(rejection received_at changed_at load_id), $r->{orders} ? qw(agent leased_until next_at failures life claims cancelled_at started_at total_bytes) : ();
	my @columns;

	foreach my $row (attributes_of(lcfirst $r->{type}))
	{
		my @columns_here = names($row->{column});
		my @names = split /, /, $row->{'r14.5'} // $row->{v4};

		push @columns, @columns_here;
		next if $names[0] =~ /\.|any other/ || @columns_here > @names;
		foreach my $n (0 .. $#columns_here)
		{
			my %said = map { $_ => 1 } grep { defined && $_ ne '' } $names[$n],
				defined $row->{'r14.5'} ? split(/, /, $row->{v4}) : (), split(/, /, $row->{'also read as'} // '');
			my $is = $node->safe_psql($db, "SELECT array_to_string(usage_mgmt.attribute_names('$r->{noun}', '$columns_here[$n]'), ',')");

			same([ keys %said ], [ split /,/, $is ], "spellings of $r->{noun}.$columns_here[$n]");
		}
	}
	same(\@columns, [ grep { !$kept{$_} } map { $_->[0] } columns_of($r->{noun}) ], "columns of $r->{noun} that have attributes");
}
same([ map { names($_->[2]) } cells(section('relatedParty')) ], [ map { $_->[0] } columns_of('related_party') ],
	'columns of related_party that have attributes');
same([ map { names($_->[3]) } grep { @$_ > 3 } cells(section('ratedProductUsage')) ], [ map { $_->[0] } columns_of('rated_product_usage') ],
	'columns of rated_product_usage that have attributes');

# ---- limits ----

my %limit = map { $_->[0] => $_->[1] } cells(section('Limits'));

sub number
{
	my ($row, $unit) = @_;
	my ($number) = ($limit{$row} // '') =~ /\b([\d,]+) \Q$unit\E/ or die "no limit of $unit for \"$row\"";

	return $number =~ s/,//gr;
}

# That many are taken and one more is not.
sub limit
{
	my ($row, $unit, $code, $statement) = @_;
	my $most = number($row, $unit);

	is(sqlstate($node, $db, $statement->($most)), '00000', "$row: $most $unit");
	is(sqlstate($node, $db, $statement->($most + 1)), $code, "$row: not one more");

	# nowhere else is another number
	is(join(', ', grep { $_ ne $most } map { s/,//gr } $page =~ /\b([\d,]+) \Q$unit\E\b/g), '', "$row: one number of $unit")
		if $row eq 'a query string';
	return;
}

sub count_of { return "SELECT usage_mgmt.count_usages('$_[0]')" }

limit('a query string', 'conditions', '22023', sub { count_of(join('&', map { "usageCharacteristic.c$_=1" } 1 .. $_[0])) });
limit('a query string', 'values', '22023', sub { count_of('id=' . join(',', 1 .. $_[0])) });
limit('a query string', 'sort keys', '22023', sub {
	my @keys = qw(id date type description status);
	"SELECT usage_mgmt.get_usages('sort=" . join(',', map { $keys[ $_ % 5 ] } 1 .. $_[0]) . "')" });
limit('a regular expression in it', 'characters', '22023', sub { count_of('id.regex=' . 'x' x $_[0]) });
limit('what a specification extends', 'others', '23514', sub {
	my $last = $_[0] + 1;
	"BEGIN; UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'check_specification';
	INSERT INTO usage_mgmt.usage_specification (id, entity_spec_relationship) SELECT n, CASE WHEN n < $last
		THEN jsonb_build_array(jsonb_build_object('id', n + 1, 'relationshipType', 'extends')) END FROM generate_series(1, $last) n;
	SELECT usage_mgmt.post_usage('{\"date\": \"2026-01-01\", \"type\": \"x\", \"usageSpecification\": {\"id\": \"1\"}}'); ROLLBACK" });
limit('id', 'bytes', '23514', sub {
	"BEGIN; SELECT usage_mgmt.post_usage(json_build_object('id', repeat('x', $_[0]), 'date', '2026-01-01', 'type', 'x')); ROLLBACK" });
limit('nesting of a document', 'levels', '54001', sub {
	my $deep = $_[0] - 1;
	"BEGIN; SELECT usage_mgmt.post_usage(('{\"date\": \"2026-01-01\", \"type\": \"x\", \"x\": ' || repeat('[', $deep) || repeat(']', $deep) || '}')::json); ROLLBACK" });

done_testing();
