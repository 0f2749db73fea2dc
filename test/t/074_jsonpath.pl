# Random expressions of JSONPath and random query strings, on random usages, against an
# evaluator that reads their JSON: the same ids. It is written from docs/reference.md and
# shares no code with the queries. A seed may be given, and is printed.

use strict;
use warnings;
use Dice;
use Encode ();
use RandomDocument;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

my %documents = ('r14.5' => 5_000, v4 => 5_000);
my $asked = 500;				# of each language
my $seed = $ENV{JSONPATH_SEED} // 20261127;
my $dice = dice($seed);
sub one_in { return $dice->($_[0]) == 0 }
sub pick { return $_[ $dice->(scalar @_) ] }

note "seed $seed";

# ---- the usages ----

my $node = new_node('jsonpath');
my $folder = PostgreSQL::Test::Utils::tempdir();
my %usage;						# in each version: id => tree

new_store($node, 'jsonpath');
$node->safe_psql('jsonpath', "SELECT usage_mgmt.ensure_partitions('2025-01-01', '2026-06-01')");
foreach my $version (sort keys %documents)
{
	open my $out, '>', "$folder/$version" or die $!;
	foreach my $n (1 .. $documents{$version})
	{
		my ($text) = random_document('usage', $version, "$version-$n", $dice);
		print $out quoted_line($text), "\n";
	}
	close $out;
	$node->safe_psql('jsonpath', "CREATE TEMP TABLE d (t text); COPY d FROM '$folder/$version'; SELECT count(usage_mgmt.post_usage(t::json, '$version')) FROM d");
}
is($node->safe_psql('jsonpath', 'SELECT count(*) FROM usage_mgmt.usage'), 10_000, 'all are stored');
foreach my $version (sort keys %documents)
{
	$node->safe_psql('jsonpath', "COPY (SELECT id, usage_mgmt.to_tmf(u, '$version') FROM usage_mgmt.usage u) TO '$folder/$version.out'");
	open my $in, '<', "$folder/$version.out" or die $!;
	while (my $line = <$in>)
	{
		my ($id, $text) = split /\t/, $line, 2;
		$text =~ s/\n\z//;
		$text =~ s/\\(.)/{ n => "\n", t => "\t", r => "\r", b => "\b", f => "\f", v => "\x0b" }->{$1} \/\/ $1/ge;
		$usage{$version}{$id} = parsed($text);
	}
	close $in;
}

sub quoted_line { my ($text) = @_; $text =~ s/\\/\\\\/g; $text =~ s/\t/\\t/g; $text =~ s/\n/\\n/g; $text =~ s/\r/\\r/g; return $text }

# A value as [kind, payload, its text as it stands]: s, n, b, z (null), a, o; an object as [name, value, ...].
sub parsed
{
	my ($text) = @_;
	my $value;

	pos($text) = 0;
	$value = value_at(\$text);
	die "not all of $text" if pos($text) != length $text;
	return $value;
}

sub value_at
{
	my ($text) = @_;
	my $start = pos $$text;

	return [ 's', string_of($1) ] if $$text =~ /\G"((?:[^"\\]|\\.)*)"/gcs;
	return [ 'n', $1 ] if $$text =~ /\G(-?\d[-+.\deE]*)/gc;
	return [ 'b', $1 ] if $$text =~ /\G(true|false)/gc;
	return ['z'] if $$text =~ /\Gnull/gc;
	if ($$text =~ /\G\[/gc)
	{
		my @elements;
		until ($$text =~ /\G\s*\]/gc)
		{
			$$text =~ /\G[\s,]*/gc;
			push @elements, value_at($text);
		}
		return [ 'a', \@elements, substr($$text, $start, pos($$text) - $start) ];
	}
	$$text =~ /\G\{/gc or die 'no JSON: ' . substr $$text, $start, 40;
	my @members;
	until ($$text =~ /\G\s*\}/gc)
	{
		$$text =~ /\G[\s,]*"((?:[^"\\]|\\.)*)"\s*:\s*/gcs or die 'no member: ' . substr $$text, pos $$text, 40;
		push @members, string_of($1);
		push @members, value_at($text);
	}
	return [ 'o', \@members, substr($$text, $start, pos($$text) - $start), {@members} ];
}

sub string_of
{
	my ($text) = @_;
	$text =~ s/\\u([dD][89abAB]..)\\u(....)/Encode::encode_utf8(chr(0x10000 + ((hex($1) - 0xd800) << 10) + hex($2) - 0xdc00))/ge;
	$text =~ s/\\(?:u(....)|(.))/defined $1 ? Encode::encode_utf8(chr hex $1) : { n => "\n", t => "\t", r => "\r", b => "\b", f => "\f" }->{$2} \/\/ $2/gse;
	return $text;
}

# ---- what a condition means ----

# What may be asked: the path in the names of a version, and its kind. What is "other" the
# model does not know: it is below extra.
my @spec = (['id', 'text'], ['href', 'text'], ['name', 'text']);
my @type = map { [ $_, 'text' ] } '@type', '@baseType', '@schemaLocation';
my @party = (['role', 'text'], ['id', 'text'], ['href', 'text'], ['name', 'text'], ['status', 'text'], ['alias', 'json'], ['validFor', 'object'], ['validFor.startDateTime', 'time'],
	['validFor.endDateTime', 'time'], ['@referredType', 'text'], ['extra', 'other'], @type);
my @rating = (['ratingDate', 'time'], ['usageRatingTag', 'text'], ['isBilled', 'bool'], ['ratingAmountType', 'text'], ['taxRate', 'number'], ['isTaxExempt', 'bool'], ['offerTariffType', 'text'], ['extra', 'other'], @type);
my @common = (['id', 'text'], ['description', 'text'], ['status', 'status'], ['usageSpecification', 'object'], (map { [ "usageSpecification.$_->[0]", $_->[1] ] } @spec), ['usageSpecification.extra', 'other'],
	['usageCharacteristic', 'list', 'characteristic'], ['usageCharacteristic', 'named'], ['relatedParty', 'list', 'party'], ['ratedProductUsage', 'list', 'rating'], ['extra', 'other'], @type);
my %scope = (
	'r14.5' => {
		usage => [ ['date', 'time'], ['type', 'text'], @common ], party => \@party, characteristic => [ ['name', 'text'], ['value', 'any'], ['extra', 'other'] ],
		rating => [ @rating, ['taxIncludedRatingAmount', 'number'], ['taxExcludedRatingAmount', 'number'], ['bucketValueConvertedInAmount', 'number'], ['currencyCode', 'text'], ['productRef', 'text'] ] },
	v4 => {
		usage => [ ['usageDate', 'time'], ['usageType', 'text'], @common ], party => \@party, characteristic => [ ['name', 'text'], ['value', 'any'], ['extra', 'other'] ],
		rating => [ @rating, ['taxIncludedRatingAmount.value', 'number'], ['taxExcludedRatingAmount.value', 'number'], ['bucketValueConvertedInAmount.value', 'number'],
			['productRef.id', 'text'], ['productRef.href', 'text'], ['productRef.name', 'text'], ['productRef.@referredType', 'text'], ['productRef.extra', 'other'] ] });
# What the model knows by a name of any version: no unknown attribute is called so.
my %known = map { $_ => 1 } map { split /[ ]/ } 'id href ref date usageDate type usageType description usageDescription status usageSpecification usageCharacteristic relatedParty ratedProductUsage',
	'@type @baseType @schemaLocation name value role alias validFor @referredType unit';

# The elements of a list, as objects
sub elements { my ($object, $list) = @_; my $a = $object->[3]{$list}; return $a ? @{ $a->[1] } : () }

# What a path leads to in an object, as text
sub found
{
	my ($object, $path, $kind) = @_;
	my @steps = split_name($path);

	return map { text_of($_->[3]{value}, 0) } grep { $_->[3]{name}[1] eq $steps[1] } elements($object, $steps[0]) if $kind eq 'named';
	if ($kind eq 'other' || $kind eq 'json')
	{
		my @values = ($object);
		foreach my $step (grep { $_ ne 'extra' } @steps)
		{
			@values = grep { defined } map { $_->[3]{$step} } grep { $_->[0] eq 'o' } map { $_->[0] eq 'a' ? @{ $_->[1] } : $_ } @values;
		}
		return map { text_of($_, 1) } grep { $_->[0] ne 'z' } map { $_->[0] eq 'a' ? @{ $_->[1] } : $_ } @values;
	}
	foreach my $step (@steps)
	{
		$object = $object->[3]{$step} // return;
	}
	return $kind eq 'any' ? text_of($object, 0) : $object->[1];
}

# As a text. What the model does not know is printed as PostgreSQL prints jsonb
sub text_of
{
	my ($value, $spaced) = @_;
	my ($kind, $payload, $raw) = @$value;

	return $kind eq 'n' && $spaced ? plain($payload) : $payload if $kind =~ /^[snb]$/;
	return 'null' if $kind eq 'z';
	return $raw if !$spaced;
	return '[' . join(', ', map { printed($_) } @$payload) . ']' if $kind eq 'a';
	return '{' . join(', ', map { quoted($_) . ': ' . printed($value->[3]{$_}) } sort { length $a <=> length $b || $a cmp $b } keys %{ $value->[3] }) . '}';
}
# Without an exponent, with the digits behind the point that were given
sub plain
{
	my ($number) = @_;
	my ($sign, $whole, $part, $power) = $number =~ /^(-?)(\d+)(?:\.(\d+))?[eE]([-+]?\d+)$/ or return $number;
	my $digits = $whole . ($part // '');
	my $behind = length($part // '') - $power;

	$digits = ('0' x ($behind + 1)) . $digits if $behind >= 0;
	$digits .= '0' x -$behind if $behind < 0;
	$digits = substr($digits, 0, length($digits) - $behind) . '.' . substr $digits, -$behind if $behind > 0;
	return $sign . ($digits =~ s/^0+(?=\d)//r);
}
sub printed { my ($value) = @_; return $value->[0] eq 's' ? quoted($value->[1]) : text_of($value, 1) }
sub quoted
{
	my ($text) = @_;
	$text =~ s/(["\\\x00-\x1f])/{ '"' => '\"', '\\' => '\\\\', "\b" => '\b', "\f" => '\f', "\n" => '\n', "\r" => '\r', "\t" => '\t' }->{$1} \/\/ sprintf('\u%04x', ord $1)/ge;
	return "\"$text\"";
}

# A number as [sign, digits before the point, digits behind it], or undef
my %number;
sub number_of
{
	my ($text) = @_;
	return $number{$text} if exists $number{$text};
	my ($sign, $whole, $part, $power) = $text =~ /^\s*(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([-+]?\d+))?\s*$/ or return $number{$text} = undef;

	$part //= '';
	if (($power // 0) > 0)
	{
		$part .= '0' x $power;
		$whole .= substr $part, 0, $power, '';
	}
	elsif (($power // 0) < 0)
	{
		$whole = ('0' x -$power) . $whole;
		$part = substr($whole, $power, -$power, '') . $part;
	}
	$whole =~ s/^0+//;
	$part =~ s/0+$//;
	return $number{$text} = [ $whole eq '' && $part eq '' ? 0 : $sign ? -1 : 1, $whole, $part ];
}
sub compare_numbers
{
	my ($x, $y) = @_;
	return $x->[0] <=> $y->[0] if $x->[0] != $y->[0];
	return $x->[0] * (length $x->[1] <=> length $y->[1] || $x->[1] cmp $y->[1] || $x->[2] cmp $y->[2]);
}

# An instant, in microseconds as two numbers
sub instant_of
{
	my ($text) = @_;
	my ($y, $m, $d, $h, $min, $s, $part, $zone, $zh, $zm) = $text =~ /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|([-+]\d\d):(\d\d))?)?$/ or die "no time: $text";
	my ($year, $month) = $m > 2 ? ($y, $m - 3) : ($y - 1, $m + 9);
	my $days = 365 * $year + int($year / 4) - int($year / 100) + int($year / 400) + int((153 * $month + 2) / 5) + $d;
	my $east = defined $zh ? $zh * 60 + ($zh =~ /^-/ ? -$zm : $zm) : 0;

	return ($days * 86400 + ($h // 0) * 3600 + (($min // 0) - $east) * 60 + ($s // 0)) . '.' . substr(($part // '') . '000000', 0, 6);
}
my %instant;
sub compare_instants
{
	my ($x, $y) = map { $instant{$_} //= [ split /[.]/, instant_of($_) ] } @_;
	return $x->[0] <=> $y->[0] || $x->[1] <=> $y->[1];
}

my %pattern;
my %decoded;

# Whether a text that is found compares so with a value; without quotes that is a number
sub fits
{
	my ($text, $kind, $op, $value, $unquoted) = @_;
	my $order;

	if ($op eq 'regex')
	{
		my $pattern = $pattern{$value} //= $value =~ /^\(\?i\)(.*)$/s ? qr/$1/is : qr/$value/s;
		return ($decoded{$text} //= Encode::decode_utf8($text)) =~ $pattern;
	}
	if ($kind eq 'time') { $order = compare_instants($text, $value) }
	elsif ($kind eq 'number') { $order = compare_numbers(number_of($text), number_of($value)) }
	elsif ($unquoted || $kind =~ /^(?:any|named|other|json)$/)
	{
		my ($x, $y) = (number_of($text), number_of($value));
		return 0 if $unquoted && !$x;
		$order = $x && $y ? compare_numbers($x, $y) : $text cmp $value;
	}
	else { $order = $text cmp $value }
	return $op eq 'eq' ? $order == 0 : $op eq 'gt' ? $order > 0 : $op eq 'gte' ? $order >= 0 : $op eq 'lt' ? $order < 0 : $order <= 0;
}

# ---- which objects meet a tree ----

# Sets are strings of bits, one for each object of a scope: the usages in the order of their
# ids, or the elements of a list, of all usages one after the other.
my %scope_of = (usageCharacteristic => 'characteristic', relatedParty => 'party', ratedProductUsage => 'rating');
my (%object, %owner);			# in each version and scope: the objects, and of elements their usages
my @ids;

sub number_objects
{
	my ($version) = @_;

	@ids = sort keys %{ $usage{$version} };
	$object{$version}{usage} = [ @{ $usage{$version} }{@ids} ];
	foreach my $list (keys %scope_of)
	{
		my $scope = $scope_of{$list};

		foreach my $n (0 .. $#ids)
		{
			my @elements = elements($object{$version}{usage}[$n], $list);

			push @{ $object{$version}{$scope} }, @elements;
			push @{ $owner{$version}{$scope} }, ($n) x @elements;
		}
	}
	return;
}

# That set of a scope which has these numbers.
sub set_of
{
	my ($version, $scope, @numbers) = @_;
	my $bits = '0' x @{ $object{$version}{$scope} };

	substr($bits, $_, 1) = '1' foreach @numbers;
	return pack 'b*', $bits;
}

sub numbers_in
{
	my ($version, $scope, $set) = @_;
	my $bits = unpack 'b*', $set;
	my ($at, @numbers) = (-1);

	push @numbers, $at while ($at = index $bits, '1', $at + 1) >= 0 && $at < @{ $object{$version}{$scope} };
	return @numbers;
}

# The numbers of the objects that have something where the first names of a path lead, so that
# a name that few have is looked for in few.
my %having;
sub having
{
	my ($version, $scope, @steps) = @_;
	my $last = pop @steps;
	my $objects = $object{$version}{$scope};
	my $by = $having{$version}{$scope}{"@steps"} //= do {
		my %numbers;

		foreach my $n (@steps ? @{ having($version, $scope, @steps) } : 0 .. $#$objects)
		{
			my @values = ($objects->[$n]);
			@values = map { $_->[0] eq 'a' ? @{ $_->[1] } : $_ } grep { defined } map { $_->[0] eq 'o' ? $_->[3]{ $steps[0] } : () } @values if @steps;
			my %seen = map { $_ => 1 } map { $_->[0] eq 'o' ? keys %{ $_->[3] } : () } @values;
			push @{ $numbers{$_} }, $n foreach keys %seen;
		}
		\%numbers;
	};

	return $by->{$last} // [];
}

# What a path leads to: text => numbers of the objects that have it there.
my %texts;
sub texts_at
{
	my ($version, $scope, $path, $kind) = @_;

	return $texts{$version}{$scope}{"$kind $path"} //= do {
		my @steps = grep { $_ ne 'extra' } split_name($path);
		my %numbers;

		foreach my $n (@{ having($version, $scope, $kind eq 'named' || @steps < 2 ? $steps[0] : @steps[ 0, 1 ]) })
		{
			push @{ $numbers{$_} }, $n foreach found($object{$version}{$scope}[$n], $path, $kind);
		}
		\%numbers;
	};
}

# The set that meets a tree: [and|or, trees], [not, tree], [some, list, tree],
# [is, path, kind, op, values, unquoted], [there, path, kind].
sub meeting
{
	my ($version, $scope, $tree) = @_;
	my ($what, @rest) = @$tree;

	if ($what eq 'and' || $what eq 'or')
	{
		my ($set, @others) = map { meeting($version, $scope, $_) } @rest;
		foreach my $other (@others) { $set = $what eq 'and' ? $set & $other : $set | $other }
		return $set;
	}
	return ~meeting($version, $scope, $rest[0]) if $what eq 'not';
	if ($what eq 'some')
	{
		my $of = $scope_of{ $rest[0] };
		my @elements = numbers_in($version, $of, meeting($version, $of, $rest[1]));
		return set_of($version, $scope, @{ $owner{$version}{$of} }[@elements]);
	}
	my ($path, $kind, $op, $values, $unquoted) = @rest;
	return set_of($version, $scope, @{ having($version, $scope, $path) }) if $what eq 'there' && $kind =~ /^(?:list|object)$/;
	my $texts = texts_at($version, $scope, $path, $kind);
	my @texts = grep { my $text = $_; $what eq 'there' || grep { fits($text, $kind, $op, $_, $unquoted) } @$values } keys %$texts;
	return set_of($version, $scope, map { @{ $texts->{$_} } } @texts);
}

# Names of a path, which are joined by \0 where they are not plain
my %split;
sub split_name { my ($path) = @_; return @{ $split{$path} //= [ $path =~ /\0/ ? split /\0/, $path : split /[.]/, $path ] } }

# ---- random conditions ----

my %sample;						# what there is of each path, in each version and scope

sub samples
{
	my ($version, $scope, $object) = @_;

	foreach my $asked (@{ $scope{$version}{$scope} })
	{
		my ($path, $kind, $of) = @$asked;

		if ($kind eq 'list') { samples($version, $of, $_) foreach elements($object, $path) }
		elsif ($kind eq 'named')
		{
			push @{ $sample{$version}{$scope}{"named $path"} }, [ "$path\0$_->[3]{name}[1]", text_of($_->[3]{value}, 0) ] foreach elements($object, $path);
		}
		elsif ($kind eq 'other') { push @{ $sample{$version}{$scope}{"other $path"} }, others($object, $path, $scope) }
		else { push @{ $sample{$version}{$scope}{"$kind $path"} }, map { [ $path, $_ ] } found($object, $path, $kind) }
	}
	return;
}

# Paths below extra and what they lead to
sub others
{
	my ($object, $path, $scope) = @_;
	my @found;
	my @in = grep { $_ ne 'extra' } split /[.]/, $path;

	foreach my $step (@in) { $object = $object->[3]{$step} // return }
	foreach my $name (keys %{ $object->[3] })
	{
		next if $known{$name} || $name =~ /[.]/ || ($scope eq 'rating' && !@in && grep { $_ eq $name } map { /([^.]+)/ } map { $_->[0] } @{ $scope{'r14.5'}{rating} });
		my @below = grep { !/[.]/ } map { $_->[0] eq 'o' ? keys %{ $_->[3] } : () } $object->[3]{$name}, $object->[3]{$name}[0] eq 'a' ? @{ $object->[3]{$name}[1] } : ();
		foreach my $steps ([$name], @below ? [ $name, $below[ $dice->(scalar @below) ] ] : ())
		{
			my $whole = join "\0", @in, 'extra', @$steps;
			my @values = found($object, join("\0", 'extra', @$steps), 'other');
			push @found, map { [ $whole, $_ ] } @values;
		}
	}
	return @found;
}

foreach my $version (sort keys %documents)
{
	number_objects($version);
	samples($version, 'usage', $object{$version}{usage}[ $dice->(scalar @ids) ]) foreach 1 .. 1_000;
}

# A path, its kind and a value that something of it might have; of what has no sample none
sub random_asked
{
	my ($version, $scope) = @_;

	foreach (1 .. 50)
	{
		my ($path, $kind) = @{ pick(@{ $scope{$version}{$scope} }) };
		next if $kind =~ /^(?:list|object)$/;
		my $samples = $sample{$version}{$scope}{"$kind $path"};
		next if !$samples || !@$samples;
		my ($whole, $value) = @{ pick(@$samples) };
		return ($whole, $kind, random_value($kind, $value));
	}
	die "no samples of $scope";
}

sub random_value
{
	my ($kind, $value) = @_;

	return pick(qw(received rejected recycled guided rated rerated billed)) if $kind eq 'status';
	if ($kind eq 'time')
	{
		return substr $value, 0, 10 if one_in(3);
		return $value if one_in(2);
		# the same instant, said elsewhere
		my ($h, $rest) = $value =~ /T(\d\d):(.*)Z$/;
		return defined $h && $h < 22 ? $value =~ s/T.*/sprintf('T%02d:%s+02:00', $h + 2, $rest)/er : $value;
	}
	return pick($value, $value, $dice->(200), '12.0', '1e2', -1) if $kind eq 'number';
	return pick($value, $value, $value, '7', '12.0', '', 'voice', 'a', '1e3', 'true', '45') if $kind =~ /^(?:any|named|other|json|text)$/ && !one_in(3);
	return $value;
}

# An operator that the kind has, and for regex a pattern
sub random_op
{
	my ($kind, $value) = @_;

	return (pick('eq', 'eq', 'eq', 'ne'), $value) if $kind =~ /^(?:status|bool)$/;
	return ('regex', random_pattern($value)) if $kind =~ /^(?:text|any|named|other|json)$/ && one_in(7);
	return (pick('eq', 'eq', 'eq', 'ne', 'gt', 'gte', 'lt', 'lte'), $value);
}

sub random_pattern
{
	my ($value) = @_;
	my ($start) = $value =~ /^([A-Za-z]{1,3})/;

	return pick('[0-9]', '^[a-c]', 'o+', 'a|e', '^.{3,8}', '\\d\\.', '[^a-z ]', '^1', 'ce', defined $start ? ("^$start", "$start.") : ());
}

sub is_of { my ($path, $kind, $op, $values, $unquoted) = @_; my $is = [ 'is', $path, $kind, $op eq 'ne' ? 'eq' : $op, $values, $unquoted ]; return $op eq 'ne' ? [ 'not', $is ] : $is }

# ---- JSONPath ----

sub space { return one_in(5) ? pick(' ', '  ', "\t", "\n") : '' }

sub name_text
{
	my @steps = @_;
	return join '', map { /^[A-Za-z_@][A-Za-z0-9_@]*$/ && !one_in(6) ? ".$_" : '[' . string_text($_) . ']' } @steps;
}

sub string_text
{
	my ($text) = @_;
	my $quote = pick("'", "'", '"');
	my $spelt = one_in(10) ? 'a' : '';

	$text =~ s/([\x00-\x1f\\$quote$spelt])/{ "\n" => '\n', "\t" => '\t', "\r" => '\r', "\b" => '\b', "\f" => '\f', '\\' => '\\\\', $quote => "\\$quote" }->{$1} \/\/ sprintf('\u%04X', ord $1)/ge;
	return $quote . $text . $quote;
}

# A tree of conditions on the objects of a scope, and its text
sub random_expression
{
	my ($version, $scope, $depth) = @_;
	my $kind = $dice->($depth > 3 ? 6 : 12);

	if ($kind >= 10)
	{
		my ($tree, $text) = random_expression($version, $scope, $depth + 1);
		return ([ 'not', $tree ], '!' . space() . "($text)");
	}
	if ($kind >= 7)
	{
		my @parts = map { [ random_expression($version, $scope, $depth + 1) ] } 1 .. 2 + one_in(3);
		my $what = $kind == 9 ? 'or' : pick('and', 'or');
		my $sign = $what eq 'and' ? '&&' : '||';
		return ([ $what, map { $_->[0] } @parts ], join space() . $sign . space(), map { $_->[0][0] =~ /^(?:and|or)$/ || one_in(6) ? "($_->[1])" : $_->[1] } @parts);
	}
	return random_list($version, $depth + 1) if $scope eq 'usage' && $kind >= 4;
	return random_test($version, $scope) if $kind == 3;
	return random_comparison($version, $scope);
}

sub random_list
{
	my ($version, $depth) = @_;
	my ($list, undef, $of) = @{ pick(grep { $_->[1] eq 'list' } @{ $scope{$version}{usage} }) };
	my ($tree, $text) = random_expression($version, $of, $depth + 1);

	# without brackets a condition alone is on any element, too; a characteristic's own extra would be a name
	if ($depth && $tree->[0] eq 'is' && $text =~ /^@/ && one_in(3))
	{
		return ([ 'some', $list, $tree ], '@' . name_text($list) . pick('[*]', $of eq 'characteristic' && $tree->[1] =~ /^extra/ ? () : '') . substr $text, 1);
	}
	return ([ 'some', $list, $tree ], '@' . name_text($list) . "[?($text)]");
}

sub random_test
{
	my ($version, $scope) = @_;
	my ($path, $kind) = one_in(3) ? @{ pick(grep { $_->[1] !~ /^(?:named|other)$/ } @{ $scope{$version}{$scope} }) } : random_asked($version, $scope);
	my $there = [ 'there', $path, $kind ];
	my $text = '@' . name_text(split_name($path));

	return ([ 'not', $there ], pick("!$text", "$text == null")) if one_in(2);
	return ($there, pick($text, $text, "$text!=null"));
}

my %sign = (eq => '==', ne => '!=', gt => '>', gte => '>=', lt => '<', lte => '<=', regex => '=~');
my %turned = (eq => 'eq', ne => 'ne', gt => 'lt', gte => 'lte', lt => 'gt', lte => 'gte');

sub random_comparison
{
	my ($version, $scope) = @_;
	my ($path, $kind, $value) = random_asked($version, $scope);
	my ($op, $wanted) = random_op($kind, $value);
	my $name = '@' . name_text(split_name($path));
	my $unquoted = $kind !~ /^(?:time|status|bool)$/ && $op ne 'regex' && $wanted =~ /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/ && one_in(2);
	my $text = $unquoted || ($wanted =~ /^(?:true|false)$/ && $op =~ /^(?:eq|ne)$/ && one_in(2)) ? $wanted
		: $op eq 'regex' && one_in(2) ? '/' . $wanted . '/' : string_text($wanted);

	if ($op eq 'regex' && $text =~ m{^/} && one_in(3))
	{
		$text .= 'i';
		$wanted = "(?i)$wanted";
	}
	return (is_of($path, $kind, $op, [$wanted], $unquoted), $op ne 'regex' && one_in(8) ? $text . space() . $sign{ $turned{$op} } . space() . $name : $name . space() . $sign{$op} . space() . $text);
}

sub encoded { my ($text) = @_; $text =~ s/([^-A-Za-z0-9._~\@!\/])/sprintf '%%%02X', ord $1/ge; return $text }

sub random_filter
{
	my ($version) = @_;
	my ($tree, $text);

	if (one_in(4))
	{
		($tree, $text) = random_list($version, 0);
		return ($tree, $text =~ s/^@[.]?(?=\w)/pick('', '$.')/er =~ s/^@/\$/r);
	}
	($tree, $text) = random_expression($version, 'usage', 0);
	return ($tree, pick('$[?(', '[?(', '$.[?(') . $text . ')]');
}

# One or two, and a condition besides
sub random_jsonpath
{
	my ($version) = @_;
	my ($tree, $text) = random_filter($version);
	my $query = 'filter=' . encoded($text);

	if (one_in(6))
	{
		my ($more, $other) = random_filter($version);
		($tree, $query, $text) = ([ 'and', $tree, $more ], "$query&filter=" . encoded($other), "$text & $other");
	}
	if (one_in(6))
	{
		my ($more, $other) = random_query($version);
		($tree, $query, $text) = ([ 'and', $tree, $more ], "$other&$query", "$text & $other");
	}
	return ($tree, $query, $text);
}

# ---- query strings ----

# What is asked of one list is asked of one element
sub random_query
{
	my ($version) = @_;
	my (@trees, @texts, %of, %seen);

	foreach (1 .. 1 + $dice->(3))
	{
		my ($list, undef, $of) = one_in(2) ? @{ pick(grep { $_->[1] eq 'list' } @{ $scope{$version}{usage} }) } : ();
		my ($path, $kind, $value) = random_asked($version, $of // 'usage');
		my ($op, $wanted) = random_op($kind, $value);
		my @values = ($wanted, $op =~ /^(?:eq|ne)$/ && one_in(3) ? random_value($kind, $value) : ());
		my $name = join '.', $list // (), split_name($path);

		# of an element of characteristics, extra is another characteristic's name
		next if ($of // '') eq 'characteristic' && $kind eq 'other';
		next if $seen{"$name.$op"}++;
		push @{ $of{ $list // '' } }, is_of($path, $kind, $op, \@values, 0);
		push @texts, encoded($name) . (one_in(2) ? ".$op=" : $op eq 'eq' ? '=' : encoded($sign{$op})) . join ',', map { encoded($_) } @values;
	}
	return random_query($version) if !@texts;
	push @trees, $_ eq '' ? @{ $of{$_} } : [ 'some', $_, [ 'and', @{ $of{$_} } ] ] foreach sort keys %of;
	my $text = join '&', @texts;
	return ([ 'and', @trees ], $text, $text);
}

# ---- both answers ----

my %asker = (JSONPath => \&random_jsonpath, 'query string' => \&random_query);

foreach my $language (sort keys %asker)
{
	my (@queries, @wrong);
	my $choosing = 0;

	foreach my $n (1 .. $asked)
	{
		my $version = pick('r14.5', 'v4');
		push @queries, [ $version, $asker{$language}->($version) ];
	}
	open my $out, '>', "$folder/queries" or die $!;
	print $out join("\t", $_, $queries[$_][0], quoted_line($queries[$_][2])), "\n" foreach 0 .. $#queries;
	close $out;
	$node->safe_psql('jsonpath', <<"SQL");
DROP TABLE IF EXISTS queries, answers;
CREATE TABLE queries (n int, version text, query text);
COPY queries FROM '$folder/queries';
CREATE TABLE answers (n int, ids text);
DO \$\$
DECLARE
	q queries;
	ids text;
BEGIN
	FOR q IN SELECT * FROM queries ORDER BY n LOOP
		BEGIN
			ids := (SELECT string_agg(x ->> 'id', ' ') FROM usage_mgmt.get_usages(q.query || '&sort=id&fields=none', q.version) x);
		EXCEPTION WHEN OTHERS THEN
			ids := SQLSTATE || ': ' || SQLERRM;
		END;
		INSERT INTO answers VALUES (q.n, ids);
	END LOOP;
END
\$\$;
COPY (SELECT coalesce(ids, '') FROM answers ORDER BY n) TO '$folder/answers';
SQL
	open my $in, '<', "$folder/answers" or die $!;
	my @answers = <$in>;
	close $in;
	chomp @answers;
	foreach my $n (0 .. $#queries)
	{
		my ($version, $tree, $query, $text) = @{ $queries[$n] };
		my @expected = @ids[ numbers_in($version, 'usage', meeting($version, 'usage', $tree)) ];

		$choosing++ if @expected > 0 && @expected < 10_000;
		next if "@expected" eq $answers[$n];
		my %expected = map { $_ => 1 } @expected;
		my %given = map { $_ => 1 } split / /, $answers[$n];
		push @wrong, "$version: $text\n  $query\n  " . ($answers[$n] =~ /^\w{5}: / ? $answers[$n]
			: 'too many: ' . join(' ', (grep { !$expected{$_} } sort keys %given)[ 0 .. 2 ]) . ' missing: ' . join(' ', (grep { !$given{$_} } @expected)[ 0 .. 2 ]));
	}
	is(scalar @wrong, 0, "$asked times $language");
	no warnings 'uninitialized';
	diag join "\n", @wrong[ 0 .. ($#wrong > 9 ? 9 : $#wrong) ] if @wrong;
	cmp_ok($choosing, '>', $asked / 2, "$choosing choose some of the usages and not all");
}

done_testing();
