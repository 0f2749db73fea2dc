# Every block of every page that could be run is run by the page's test, or says why it is not: nothing is passed over in silence.

use strict;
use warnings;
use FindBin;
use Page;
use PostgreSQL::Test::Utils;
use Test::More;

# which test runs a page's blocks, in the order of the page
my %test = (
	'../README.md' => '070_readme',
	'cookbook.md' => '070_cookbook',
	'faq.md' => '071_faq',
	'hub.md' => '096_hub_page',
	'jobs.md' => '138_jobs_page',
	'operations.md' => '071_operations',
	'programs.md' => '079_programs',
	'rest.md' => '102_serve',
	'usagectl.md' => '079_usagectl_page');

# what is compared as a whole, or is for those who work on this: it builds, tests and measures what a test is a part of
my %other = (
	'lifecycle.md' => 'test/sql/11_lifecycle_diagram makes the page anew',
	'development.md' => 'it builds, tests and measures what this test is a part of');

my $command = qr{^(?:\$\ |\\\w|
	(?:apt(?:-get)?|bash|cat|chmod|cp|createdb|curl|docker|git|install|java|javac|ls|make|mkdir|node|npm|openssl|pg_\w+|postgrest|psql|
		python3|sed|sftp|su|sudo|systemctl|tar|usagectl)\ |
	(?:\./|script/|test/)\S|
	(?:ALTER|ANALYZE|BEGIN|CALL|COMMIT|COPY|CREATE|DELETE|DO|DROP|GRANT|INSERT|LISTEN|MERGE|NOTIFY|REVOKE|SELECT|SET|TRUNCATE|UPDATE|VACUUM|WITH)\b)}mx;

foreach my $page (map { s{.*/docs/}{}r } sort glob("$FindBin::Bin/../../docs/*.md"), "$FindBin::Bin/../../docs/../README.md")
{
	my @blocks = grep { !defined $_->[1] } Page::all_blocks($page);
	my @indented = grep { $_->[2] eq 'indented' } @blocks;
	my @run = grep { $_->[2] ne 'indented' } @blocks;

	if (defined $other{$page})
	{
		note("$page: $other{$page}");
		next;
	}
	is(join('', map { "$_->[0]: $_->[3]" } grep { $_->[3] =~ $command } @indented), '', "$page: what is indented without a prompt is no command");
	next if !@run;
	my $test = $test{$page} // '';
	my $text = -e "$FindBin::Bin/$test.pl" ? slurp_file("$FindBin::Bin/$test.pl") : '';
	like($text, qr/\b(?:run_page\(.*?|page_blocks\()'\Q$page\E'/, "$page: its blocks are run by a test") or diag "$_->[0]: $_->[3]" foreach $run[0];
}

done_testing();
