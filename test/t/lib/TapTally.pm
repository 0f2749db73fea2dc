# Report of prove that also leaves its numbers for script/test, in the file that
# TAP_TALLY names: first "passed failed skipped", then each file with a problem.

package TapTally;

use strict;
use warnings;
use base 'TAP::Formatter::File';

sub summary
{
	my ($self, $aggregate, @rest) = @_;
	my ($passed, $failed, $skipped) = (0, 0, 0);
	my @problems;

	$self->SUPER::summary($aggregate, @rest);

	foreach my $file ($aggregate->descriptions)
	{
		my ($parser) = $aggregate->parsers($file);

		if ($parser->skip_all)
		{
			$skipped++;
			next;
		}

		# "passed" holds tests that were skipped, and the failures a TODO excuses.
		my %unproved = map { $_ => 1 } $parser->skipped;
		my %excused = map { $_ => 1 } $parser->todo;
		$unproved{$_} = 1 foreach grep { $excused{$_} } $parser->actual_failed;

		my $failures = $parser->failed;
		$passed += grep { !$unproved{$_} } $parser->passed;
		$skipped += keys %unproved;

		# A file that died or missed its plan has failed even if each test was ok.
		if ($parser->has_problems)
		{
			$failures ||= 1;
			push @problems, $file;
		}
		$failed += $failures;
	}

	open my $out, '>', $ENV{TAP_TALLY} or die "$ENV{TAP_TALLY}: $!";
	print $out "$passed $failed $skipped\n";
	print $out "$_\n" foreach @problems;
	close $out or die "$ENV{TAP_TALLY}: $!";
	return;
}

1;
