# The files of test/rest/, asked in each way that there is (test/t/lib/Scenario.pm says
# what stands in them). SCENARIOS names files: SCENARIOS='20_list 90_*'.

use strict;
use warnings;
use FindBin;
use Scenario;
use Store;
use Test::More;

my $wanted = $ENV{SCENARIOS} // '*';
my @files = map { glob "$FindBin::Bin/../rest/$_.http" } split ' ', $wanted;
my $seen = run_scenarios(new_node('rest'), @files);

# ---- what they have seen, if it was all of them ----

my %operations = ('' => [qw(GET HEAD OPTIONS POST PATCH)], '/id' => [qw(GET HEAD OPTIONS PATCH DELETE)]);
my %collections = ('/usageManagement' => [qw(usage usageSpecification)], '/tmf-api/usageManagement/v4' => [qw(usage usageSpecification)],
	map { $_ => [qw(serviceUsage serviceUsageSpecification)] } '/tmf-api/serviceUsage/v4', '/tmf-api/serviceUsageManagement/v4');
my %expected = (
	status => [ 200, 201, 204, 206, 304, 400, 401, 403, 404, 405, 409, 412, 413, 414, 415, 416, 431, 500, 501, 503, 505 ],
	header => [qw(accept-encoding accept-ranges accept-patch allow content-range content-type etag last-modified link location retry-after www-authenticate x-result-count x-total-count x-total-count-estimated)],
	type => [qw(application/json application/json-patch+json application/json-patch-query+json application/merge-patch+json)]);

foreach my $face (sort keys %collections)
{
	push @{ $expected{operation} }, map { "$_ $face/hub" } qw(GET OPTIONS POST);
	push @{ $expected{operation} }, map { "$_ $face/hub/id" } qw(GET DELETE);
	push @{ $expected{operation} }, "GET $face/openapi.json", map { "PUT $face/$_/id" } $face eq '/usageManagement' ? @{ $collections{$face} } : ();
	foreach my $collection (@{ $collections{$face} })
	{
		push @{ $expected{operation} }, map { my $place = $_; map { "$_ $face/$collection$place" } @{ $operations{$place} } } keys %operations;
	}
	# jobs, which nobody changes
	foreach my $collection ($face =~ m{/usageManagement} ? qw(importJob exportJob) : ())
	{
		push @{ $expected{operation} }, map { my $place = $_; map { "$_ $face/$collection$place" } grep { $_ ne 'PATCH' } @{ $operations{$place} } } keys %operations;
	}
}
if ($wanted eq '*')
{
	cmp_ok($seen->{requests}, '>=', 250, "$seen->{requests} requests");
	foreach my $what (sort keys %expected)
	{
		is(join("\n", grep { !$seen->{$what}{$_} } sort @{ $expected{$what} }), '', "each $what at least once");
	}
}
done_testing();
