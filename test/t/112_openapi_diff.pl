# What script/openapi-diff finds between TM Forum's documents and ours is what docs/conformance.md
# gives a reason for, and nothing is given one that is not there. USAGE_MGMT_TMF names the folder
# with the official files.

use strict;
use warnings;
use FindBin;
use IPC::Run;
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = $ENV{USAGE_MGMT_TMF} // '';
my $top = "$FindBin::Bin/../..";
my %face = ('TMF635-v4' => [], 'TMF727-v4' => [], 'TMF635-v2' => ['/usageManagement/']);
my %file = map { my ($found) = glob("'$folder'/$_*"); ($_ => $found) } keys %face;

plan skip_all => 'USAGE_MGMT_TMF names no folder with the official files' if grep { !defined || !-f } values %file;

my $node = new_node('diff');

new_store($node, 'diff');
$node->safe_psql('diff', q{ALTER DATABASE diff SET usage_mgmt.base_url = 'https://host'});

my ($section) = slurp_file("$top/docs/conformance.md") =~ /^## OpenAPI\n(.*?)^## /ms or die 'no section';
my %pattern;
foreach my $row (grep { /^\| `/ } split /\n/, $section)
{
	my ($differences) = $row =~ /^\| (.*?) \| /;

	$pattern{$_} = 0 foreach $differences =~ /`([^`]+)`/g;
}

sub matches
{
	my ($line, $pattern) = @_;
	my $regex = join '.*', map { quotemeta } split /\*/, $pattern, -1;

	return $line =~ /^$regex$/;
}

local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => 'diff', PATH => $node->config_data('--bindir') . ":$ENV{PATH}");

foreach my $of (sort keys %face)
{
	my ($out, $err) = ('', '');

	ok(IPC::Run::run([ "$top/script/openapi-diff", $file{$of}, @{ $face{$of} } ], '<', \undef, '>', \$out, '2>', \$err), "$of is compared") or diag($err);
	foreach my $line (split /\n/, $out)
	{
		my @matching = grep { matches($line, $_) } keys %pattern;

		$pattern{$_}++ foreach @matching;
		ok(@matching, "$of: $line");
	}
}
is(join("\n", sort grep { !$pattern{$_} } keys %pattern), '', 'each reason is for something');

# One document against itself, and against one that lacks something
my ($out, $err) = ('', '');
my $ours = PostgreSQL::Test::Utils::tempdir() . '/ours.json';

append_to_file($ours, $node->safe_psql('diff', q{SELECT usage_mgmt.openapi('/tmf-api/usageManagement/v4/')}));
IPC::Run::run([ "$top/script/openapi-diff", $ours ], '<', \undef, '>', \$out, '2>', \$err);
is("$out$err", '', 'a document is as it is, at the path that it names itself');
append_to_file("$ours.less", slurp_file($ours) =~ s/"taxRate":/"taxes":/r);
IPC::Run::run([ "$top/script/openapi-diff", $ours, "$ours.less" ], '<', \undef, '>', \$out, '2>', \$err);
is("$out$err", "RatedProductUsage has: theirs alone: taxRate\nRatedProductUsage has: ours alone: taxes\n", 'an attribute of another name');
ok(!IPC::Run::run([ "$top/script/openapi-diff", $ours, '/nowhere/' ], '<', \undef, '>', \$out, '2>', \$err), 'no API');
like($err, qr/there is no API at/, 'says so');

done_testing();
