# Which processes have come of one, as /proc tells.

package Processes;

use strict;
use warnings;
use Exporter 'import';

our @EXPORT = qw(processes_seen children descendants);

# Whether it does.
sub processes_seen
{
	return -r "/proc/$$/stat";
}

# Process numbers by that of their parent.
sub families
{
	my %children;

	foreach my $stat (glob '/proc/[0-9]*/stat')
	{
		open my $file, '<', $stat or next;
		my $line = <$file> // next;
		push @{ $children{$2} }, $1 if $line =~ /\A(\d+) \(.*\) \S (\d+) /s;
	}
	return \%children;
}

sub children
{
	my ($pid) = @_;

	return @{ families()->{$pid} // [] };
}

# Those, theirs and so on, whichever group they are in.
sub descendants
{
	my ($pid) = @_;
	my $families = families();
	my @found = @{ $families->{$pid} // [] };

	for (my $i = 0; $i < @found; $i++)
	{
		push @found, @{ $families->{ $found[$i] } // [] };
	}
	return @found;
}

1;
