# Breaks documents in every way that files from the field, or an attacker, are broken.
# The same seed gives the same mutants.

package Mutant;

use strict;
use warnings;
no warnings 'regexp';	# a value that is too long to be matched stays as it is

# Dates that are none, or beyond what can be stored
my @times = (
	'"2013-02-30T00:00:00Z"', '"2013-04-19T25:00:00Z"', '"99999-01-01"', '"0000-00-00"', '"9999-12-31T23:59:59.9999999Z"',
	'"2013-04-19T16:42:23+99:00"', '"now"', '"infinity"', '"1"', '"2013"', '"-4713-11-24"', '"2013-04-19T16:42:23-04:00x"');

# What to put where a value stood: wrong types, and values at and beyond every limit.
my @odd = (
	'null', 'true', 'false', '0', '-1', '""', '" "', '{}', '[]', '[[]]', '[{}]', '[null]', '{"":""}',
	'"x"', '"true"', '"NaN"', '"Infinity"', '"-Infinity"', 'NaN', 'Infinity', '-Infinity', '"1e5"', '"1_000"', '"0x10"',
	'1e999999', '1e131071', '1e131072', '-1e-16383', '1e-16384', '1e-999999', '"1e999999"', '1E+2147483648',
	'1e99999999999999999999', '9' x 500, '9' x 140_000, '0.' . '1' x 20_000, '"' . '9' x 140_000 . '"', '-0', '01', '1.', '.5', '+1', '0x1', '1e', '--1',
	@times,
	'"\u0000"', '"a\u0000b"', '{"a\u0000":1}', '"\ud800"', '"\udc00"', '"\ud800\ud800"', '"\ud800x"', '"\ud83d\ude00"', '"\u00"', '"\uD8"', '"\x41"', '"\q"', '"\\',
	"\"a\tb\"", "\"a\nb\"", "'x'", 'undefined', 'tru', 'nul', 'falsey', '"unterminated', '{"a"}', '{"a":}', '{a:1}', '{"a":1,}', '[1,]', '[,]', '[1 2]',
	'"received"', '"billed"', '"rerate"', '"no such status"', '"EUR"', '"EURO"', '"XXX"', '"eur"', '"' . 'i' x 513 . '"', '"' . 'x' x 70_000 . '"',
	"\"\xff\"", "\"\xc3\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", "\"a\0b\"", "\xff", "\0");

my %ways = (
	cut => sub { my ($d, $n) = @_; substr($d, 0, $n->(length $d)) },
	head_off => sub { my ($d, $n) = @_; substr($d, 1 + $n->(length $d)) },
	byte => sub { my ($d, $n) = @_; substr($d, $n->(length $d), 1) = chr $n->(256); $d },
	bit => sub { my ($d, $n) = @_; my $at = $n->(length $d); substr($d, $at, 1) ^= chr(1 << $n->(8)); $d },
	lost => sub { my ($d, $n) = @_; substr($d, $n->(length $d), 1 + $n->(8)) = ''; $d },
	more => sub { my ($d, $n) = @_; substr($d, $n->(length $d), 0) = (split //, '{}[],:"\\-e.0 ')[$n->(13)]; $d },
	repeated => sub { my ($d, $n) = @_; my $at = $n->(length $d); my $part = substr($d, $at, 1 + $n->(60)); substr($d, $at, 0) = $part; $d },
	value => sub { my ($d, $n) = @_; swap_value($d, $n, $odd[ $n->(scalar @odd) ]) },
	time => sub {
		my ($d, $n) = @_;
		my @places;
		push @places, $-[0] while $d =~ /"\d{4}-\d\d-\d\d[^"]*"/g;
		return $d unless @places;
		my $at = $places[ $n->(scalar @places) ];
		substr($d, $at) =~ s/^"[^"]*"/$times[ $n->(scalar @times) ]/e;
		$d;
	},
	no_value => sub { my ($d, $n) = @_; swap_value($d, $n, 'null') },
	deep => sub {
		my ($d, $n) = @_;
		my ($open, $close) = @{ ([ '[', ']' ], [ '{"a":', '}' ], [ '[{"name":"a","value":', '}]' ])[ $n->(3) ] };
		my $depth = (900, 999, 1000, 1100, 10_000)[ $n->(5) ];
		swap_value($d, $n, ($open x $depth) . '1' . ($n->(4) ? $close x $depth : ''));
	},
	# The same key again, with the same value or another one.
	duplicate => sub {
		my ($d, $n) = @_;
		my @members = members($d);
		my ($at, $text) = @{ $members[ $n->(scalar @members) ] };
		my $again = $text;
		$again = swap_value($again, $n, $odd[ $n->(scalar @odd) ]) if $n->(2);
		substr($d, $at, 0) = "$again, ";
		$d;
	},
	# A key that is another attribute's, an alias, padded, or nobody's.
	key => sub {
		my ($d, $n) = @_;
		my @members = members($d);
		my ($at, $text) = @{ $members[ $n->(scalar @members) ] };
		my @names = (map({ $_->[1] =~ /^"([^"]*)"/ } @members), 'ref', 'taxIncludedAmount', 'usageDate', 'usageType',
			'lifecycleStatus', 'unit', '@type', 'extra', '', ' id ', 'a\u0000', 'nobody');
		$text =~ s/^"[^"]*"/'"' . $names[ $n->(scalar @names) ] . '"'/e;
		substr($d, $at, length $text) = $text;
		$d;
	});
my @names = sort keys %ways;

# A document, and how it was broken.
sub mutate
{
	my ($document, $dice) = @_;
	my $way = $names[ $dice->(scalar @names) ];
	my $mutant = $ways{$way}->($document, $dice);

	# One in four is broken twice.
	$mutant = $ways{ $names[ $dice->(scalar @names) ] }->($mutant, $dice)
		if !$dice->(4) && length $mutant > 100;
	return ($way, $mutant);
}

sub ways { return @names }

# Where the scalars and the inner arrays and objects of a document are.
sub swap_value
{
	my ($document, $dice, $value) = @_;
	my @places;

	push @places, [ $-[1], $+[1] - $-[1] ]
		while $document =~ /[:\[,]\s*("(?:[^"\\]|\\.)*"(?!\s*:)|[-\w.+]+|\{[^{}]*\}|\[[^\[\]]*\])/g;
	# An array or object that holds others
	push @places, [ $-[1], length($document) - $-[1] - 1 ] while $document =~ /:\s*([\[\{])/g;
	return $value unless @places;
	my ($at, $length) = @{ $places[ $dice->(scalar @places) ] };
	substr($document, $at, $length) = $value;
	return $document;
}

# The members with scalar values: where each starts, and its text.
sub members
{
	my ($document) = @_;
	my @members;

	push @members, [ $-[1], $1 ]
		while $document =~ /("[^"\\]*"\s*:\s*(?:"(?:[^"\\]|\\.)*"|[-\w.+]+))/g;
	return @members ? @members : ([ 0, '"a":1' ]);
}

1;
