# README.md: every command works, in the order of the page, finds what it asks for and prints what
# the page shows; its numbers are those of docs/design.md. The links of all pages lead somewhere. What needs
# root script/test-bare runs.

use strict;
use warnings;
use FindBin;
use Page;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = "$FindBin::Bin/../..";
my $node = new_node('readme');
my $folder = PostgreSQL::Test::Utils::tempdir();
my ($run, $shown) = (0, 0);
my ($said, $last);

$node->safe_psql('postgres', 'CREATE DATABASE usages');

# Blanks at the ends of lines and times apart
sub plain { return $_[0] =~ s/[ \t]+$//gmr =~ s/\b\d+\.\d s$/0.0 s/gmr =~ s/\n+\z/\n/r }

foreach (page_blocks('../README.md', 'sql', 'sh', 'text'))
{
	my ($section, $why_not, $language, $text) = @$_;

	if (defined $why_not)
	{
		is($why_not, 'needs root', "$section: not run");
		next;
	}
	if ($language eq 'text')
	{
		$shown++;
		is(plain($said), $text, "$section: what comes of $last");
		next;
	}
	$run++;
	($last) = $text =~ /^(.*)/;
	$said = '';
	is(complaint($node, 'usages', $folder, $language, $text, \$said), '', "$section: $last");
	unlike($said, qr/^(?:UPDATE 0|\(0 rows\))$/m, "$section: it finds something");
}
cmp_ok($run, '>=', 7, 'blocks were run');
cmp_ok($shown, '>=', 2, 'and shown');

# ---- links ----

# An anchor as the usual forges make it of a heading
sub anchors
{
	my ($text) = @_;

	return map { lc =~ s/[^\w -]//gr =~ tr/ /-/r } $text =~ /^#+ (.*)$/mg;
}

foreach my $page (map { s{^\Q$top\E/}{}r } sort glob("$top/*.md $top/docs/*.md"))
{
	my $text = slurp_file("$top/$page") =~ s/^```.*?^```$//gmsr;
	my ($base) = $page =~ m{^(.*/)?};
	my @broken;

	foreach my $link ($text =~ /\]\(([^)\s]+)\)/g)
	{
		my ($file, $anchor) = $link =~ /^([^#]*)(?:#(.*))?$/;
		my $target = $file eq '' ? "$top/$page" : "$top/" . ($base // '') . $file;

		next if $link =~ /^https?:/;
		push @broken, $link if !-e $target || defined $anchor && !grep { $_ eq $anchor } anchors(slurp_file($target));
	}
	is("@broken", '', "the links of $page lead somewhere");
}

# ---- numbers ----

my ($numbers) = slurp_file("$top/README.md") =~ /^## Numbers\n(.*?)^## /ms;
my $design = slurp_file("$top/docs/design.md");
my @figures = $numbers =~ /\b(\d+\.\d+|\d+(?= MB))/g;
cmp_ok(@figures, '>=', 5, 'there are figures');
like($design, qr/(?<![\d.])\Q$_\E(?![\d.])/, "$_ is the design's") foreach @figures;
my $missed = () = $design =~ /, missed \|$/mg;
is({ Three => 3, Four => 4, Five => 5 }->{ ($numbers =~ /^(\w+) goals are missed/m)[0] }, $missed, 'as many goals are missed as it says');
is(() = slurp_file("$top/docs/bench.svg") =~ /, missed</g, $missed, 'and as the chart shows');

done_testing();
