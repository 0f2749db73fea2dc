# What is declared once holds for all: the catalogs show the same set of functions for each
# resource, and no file of C but the model's names one.

use strict;
use warnings;
use FindBin;
use Resources;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('declared');

new_store($node, 'declared');

my @resources = grep { $node->safe_psql('declared', "SELECT to_regclass('usage_mgmt.$_->{noun}') IS NOT NULL") eq 't' } resources();
# Orders are no records, and described by their own chapters.
my @orders = map { my ($noun, $plural) = split /\|/; { noun => $noun, plural => $plural } } rows($node, 'declared', "SELECT concat_ws('|', noun, plural) FROM usage_mgmt.resources() WHERE orders");
my %known = map { $_->{noun} => 1 } resources(), @orders;
is(join(',', grep { !$known{$_} } rows($node, 'declared', 'SELECT DISTINCT resource FROM usage_mgmt.status_transition')), '',
	'each resource is described in lib/Resources.pm');

# ---- functions ----

my @operations = qw(post_NOUN get_NOUN put_NOUN patch_NOUN delete_NOUN get_PLURAL count_PLURAL explain_PLURAL
	patch_PLURAL patch_PLURAL_each delete_PLURAL summarize_PLURAL register_NOUN_listener unregister_NOUN_listener);
my @triggers = qw(NOUN_check NOUN_document_begin NOUN_document_row NOUN_document_end NOUN_document_refuse);

# A function by the name it would have for any resource, and all that is declared of it.
# The longest word is the one that is meant: usage_specification, not usage.
my %words = map { $_->{noun} => [ $_, 'NOUN' ], $_->{plural} => [ $_, 'PLURAL' ] } @resources, @orders;
my %set;
my @silent;
foreach (rows($node, 'declared', <<'SQL'))
SELECT concat_ws('|', proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), provolatile, proisstrict, proparallel, prosecdef,
	has_function_privilege('public', p.oid, 'EXECUTE'), obj_description(p.oid, 'pg_proc') <> '')
FROM pg_proc p WHERE pronamespace = 'usage_mgmt'::regnamespace ORDER BY 1
SQL
{
	my ($name, $declared) = split /\|/, $_, 2;

	push @silent, $name if $declared !~ /\|t$/;
	# the constructor of a type
	next if $name eq 'rated_product_usage';
	foreach my $word (sort { length $b <=> length $a } keys %words)
	{
		my ($r, $place) = @{ $words{$word} };

		next if $name !~ s/(^|_)\Q$word\E(_|$)/$1$place$2/;
		# What no status closes needs no word to be deleted.
		$declared =~ s/, billed boolean DEFAULT false// if $r->{closed};
		$declared =~ s/TABLE\($r->{noun}_id text, (usage_date timestamp with time zone, )?/TABLE(/;
		push @{ $set{ $r->{noun} }{$name} }, $declared;
		last;
	}
}
is("@silent", '', 'every function has its comment');

my $model = $set{usage};
foreach my $r (@resources)
{
	my %expected = map { $_ => 1 } @operations, @triggers, 'NOUN_parties', $r->{date} ? 'NOUN_keys' : 'NOUN_events',
		$r->{noun} =~ /_specification$/ ? 'NOUN_changed' : (), $r->{noun} eq 'usage' ? qw(NOUN_ratings NOUN_charges) : ();
	my $own = $set{ $r->{noun} };

	is(join(',', sort keys %$own), join(',', sort keys %expected), "$r->{noun}: its functions");
	foreach my $name (sort grep { $model->{$_} } keys %expected)
	{
		is(join("\n", sort @{ $own->{$name} // [] }), join("\n", sort @{ $model->{$name} }), "$r->{noun}: $name as for a usage");
	}
}

is(scalar(@orders), 2, 'two kinds of orders');
foreach my $r (@orders)
{
	my %expected = map { $_ => 1 } (grep { !/^(put|patch|summarize)_/ } @operations), qw(cancel_NOUN NOUN_check NOUN_events);
	my ($own, $other) = map { $set{ $_->{noun} } } $r, $orders[0];

	is(join(',', sort keys %$own), join(',', sort keys %expected), "$r->{noun}: its functions");
	foreach my $name (sort keys %expected)
	{
		is(join("\n", sort @{ $own->{$name} // [] }), join("\n", sort @{ $other->{$name} // [] }), "$r->{noun}: $name as for another");
		is(join("\n", sort @{ $own->{$name} // [] }), join("\n", sort @{ $model->{$name} }), "$r->{noun}: $name as for a usage") if $model->{$name};
	}
}

# ---- C ----

my $src = "$FindBin::Bin/../../src";
my %named;
foreach my $path (sort glob("$src/*.[ch]"), glob("$src/usagectl/*.[ch]"))
{
	my $file = substr $path, length($src) + 1;
	my $n = 0;

	next if $file eq 'model.c';
	foreach my $line (split /\n/, slurp_file($path))
	{
		$n++;
		push @{ $named{$file} }, "$n: $line" if $line =~ /serviceUsage|service_usage|um_usage\b|usage_specification|usage_date/;
	}
}
is(join("\n", map { my $f = $_; map { "$f $_" } @{ $named{$f} } } sort keys %named), '', 'no file of C but the model names a resource');

done_testing();
