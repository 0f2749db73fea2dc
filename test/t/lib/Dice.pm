# Random choices that are the same on every machine: Perl's own are not.

package Dice;

use strict;
use warnings;
use Exporter 'import';

our @EXPORT = qw(dice);

# A sub that gives a number from 0 to below its argument.
sub dice
{
	my $state = shift;

	return sub {
		$state = ($state * 1103515245 + 12345) & 0x7fffffff;
		return ($state >> 8) % ($_[0] || 1);
	};
}

1;
